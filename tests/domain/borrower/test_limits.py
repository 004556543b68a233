"""How many contacts are enough: caps, the pause after a conversation, rotation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.borrower.contact import Intent, PastContact
from tests.domain.borrower.asking import (
    ALLOWED,
    NEW_YORK,
    SHANGHAI,
    advertising,
    answer,
    blocked,
    borrower,
    call,
    collecting,
    deferred,
    local,
    sent,
)

TEN = local("2026-09-10 10:00")
TOMORROW = local("2026-09-11 08:00")
HOUR, WEEK = timedelta(hours=1), timedelta(hours=168)


def calls(count: int, outcome: Outcome = Outcome.ATTEMPTED) -> list[PastContact]:
    """Calls at intervals of ten minutes, the last ten minutes before ten."""
    return [call(TEN - number * timedelta(minutes=10), outcome) for number in range(1, count + 1)]


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.CONVERSATION])
def test_after_three_answered_calls_a_chinese_debtor_has_peace_until_tomorrow(
    outcome: Outcome,
) -> None:
    assert answer(collecting(), borrower(history=tuple(calls(2, outcome))), TEN) == ALLOWED
    assert answer(collecting(), borrower(history=tuple(calls(3, outcome))), TEN) == deferred(
        TOMORROW, "CAP"
    )


def test_a_cap_per_debtor_counts_every_debt_number_and_voice() -> None:
    history = (
        call(TEN - HOUR, Outcome.CONNECTED, debt="d2"),
        call(TEN - 2 * HOUR, Outcome.CONNECTED, contact_point="n2"),
        call(TEN - HOUR / 2, Outcome.CONNECTED, channel=Channel.AI_VOICE),
    )

    assert answer(collecting(), borrower(history=history), TEN) == deferred(TOMORROW, "CAP")


def test_calls_for_another_purpose_visits_and_the_borrowers_own_calls_do_not_count() -> None:
    history = (
        *calls(2, Outcome.CONNECTED),
        call(TEN - HOUR, Outcome.CONNECTED, purpose=Purpose.SERVICE_REMINDER),
        call(TEN - HOUR, Outcome.CONNECTED, channel=Channel.VISIT),
        call(TEN - HOUR, Outcome.INBOUND),
    )

    assert answer(collecting(), borrower(history=history), TEN) == ALLOWED


def test_six_attempts_are_enough_for_one_number_and_another_is_free() -> None:
    tried = borrower(history=tuple(calls(6)))

    assert answer(collecting(), tried, TEN) == deferred(TOMORROW, "CAP")
    assert answer(collecting(contact_point="n2"), tried, TEN) == ALLOWED
    assert answer(collecting(contact_point=None), tried, TEN) == deferred(TOMORROW, "CAP")


def test_a_dead_number_is_no_attempt() -> None:
    history = (*calls(5), call(TEN - HOUR, Outcome.FAILED))

    assert answer(collecting(), borrower(history=history), TEN) == ALLOWED


@pytest.mark.parametrize("jurisdiction", ["UK", "IN", "EU"])
def test_elsewhere_one_answered_call_or_three_attempts_are_enough(jurisdiction: str) -> None:
    noon = local("2026-06-10 12:00", borrower(jurisdiction).zones[0])
    tomorrow = noon + timedelta(hours=20)
    tried = tuple(call(noon - number * HOUR / 2) for number in (1, 2, 3))
    spoken = (call(noon - HOUR, Outcome.CONNECTED),)

    assert answer(collecting(), borrower(jurisdiction, history=tried[:2]), noon) == ALLOWED
    for history in (tried, spoken):
        assert answer(collecting(), borrower(jurisdiction, history=history), noon) == deferred(
            tomorrow, "CAP"
        )


def test_seven_attempts_in_a_week_are_enough_for_one_debt_in_the_us() -> None:
    now = local("2026-06-10 12:00", NEW_YORK)
    oldest = now - WEEK + 2 * HOUR
    history = (call(oldest), *(call(now - number * 20 * HOUR) for number in range(1, 7)))
    tried = borrower("US", history=history)

    assert answer(collecting(), tried, now) == deferred(oldest + WEEK, "CAP")
    assert answer(collecting(debt="d2"), tried, now) == ALLOWED
    assert answer(collecting(debt=None), tried, now) == deferred(oldest + WEEK, "CAP")
    assert answer(collecting(), tried, oldest + WEEK) == ALLOWED


def test_a_cap_that_resets_at_night_opens_with_the_next_hours() -> None:
    # The clock goes forward on 8 March: a week after 20:00 it is 21:00.
    oldest = local("2026-03-05 20:00", NEW_YORK)
    now = local("2026-03-11 11:00", NEW_YORK)
    history = (call(oldest), *(call(now - number * 20 * HOUR) for number in range(1, 7)))

    assert answer(collecting(), borrower("US", history=history), now) == deferred(
        local("2026-03-13 08:00", NEW_YORK), "CAP"
    )


@pytest.mark.parametrize("outcome", [Outcome.CONVERSATION, Outcome.INBOUND])
def test_after_a_conversation_no_call_about_that_debt_for_a_week(outcome: Outcome) -> None:
    spoken_at = local("2026-06-05 15:00", NEW_YORK)
    now = local("2026-06-10 12:00", NEW_YORK)
    spoken = borrower("US", history=(call(spoken_at, outcome),))

    assert answer(collecting(), spoken, now) == deferred(spoken_at + WEEK, "COOLDOWN")
    assert answer(collecting(debt="d2"), spoken, now) == ALLOWED
    assert answer(collecting(Channel.SMS), spoken, now) == ALLOWED


def test_an_answered_call_without_a_talk_and_an_inbound_text_start_no_pause() -> None:
    now = local("2026-06-10 12:00", NEW_YORK)
    history = (
        call(now - HOUR, Outcome.CONNECTED),
        call(now - HOUR, Outcome.INBOUND, channel=Channel.SMS),
    )

    assert answer(collecting(), borrower("US", history=history), now) == ALLOWED


def test_one_message_a_day_to_collect_sms_and_email_together() -> None:
    message = sent(TEN - HOUR, Purpose.COLLECTION, Channel.EMAIL)

    assert answer(collecting(Channel.SMS), borrower(history=(message,)), TEN) == deferred(
        TOMORROW, "CAP"
    )
    assert answer(collecting(), borrower(history=(message,)), TEN) == ALLOWED


def test_one_reminder_a_day_by_whatever_channel() -> None:
    reminded = borrower(history=(sent(TEN - HOUR, Purpose.SERVICE_REMINDER, Channel.PUSH),))
    reminder = Intent(Purpose.SERVICE_REMINDER, Channel.SMS)

    assert answer(reminder, reminded, TEN) == deferred(TOMORROW, "CAP")


def test_advertising_and_care_share_two_contacts_a_month() -> None:
    history = (
        sent(local("2026-09-03 10:30"), Purpose.MARKETING, Channel.SMS, product_line="OTHER"),
        sent(local("2026-09-08 10:30"), Purpose.CARE, Channel.WECOM),
    )

    assert answer(advertising(), borrower(history=history[:1]), TEN) == ALLOWED
    assert answer(advertising(), borrower(history=history), TEN) == blocked("CAP")


def test_the_budget_of_a_month_is_new_with_the_next() -> None:
    history = (
        sent(local("2026-06-03 10:30"), Purpose.MARKETING, Channel.SMS, product_line="OTHER"),
        sent(local("2026-06-08 10:30"), Purpose.CARE, Channel.WECOM),
    )

    assert answer(advertising(), borrower(history=history), local("2026-06-26 10:00")) == deferred(
        local("2026-07-01 10:00"), "CAP"
    )


def test_an_unanswered_call_uses_up_the_budget_and_a_dead_number_does_not() -> None:
    def offered(outcome: Outcome) -> object:
        past = call(TEN - HOUR, outcome, purpose=Purpose.MARKETING, product_line="OTHER", debt=None)
        care = sent(TEN - 2 * HOUR, Purpose.CARE, Channel.PUSH)
        return answer(advertising(), borrower(history=(past, care)), TEN)

    assert offered(Outcome.ATTEMPTED) == blocked("CAP")
    assert offered(Outcome.FAILED) == ALLOWED


def test_a_month_that_is_over_in_one_zone_only_still_counts() -> None:
    history = (
        sent(local("2026-06-30 10:00"), Purpose.CARE, Channel.PUSH),
        sent(local("2026-06-30 11:00"), Purpose.CARE, Channel.PUSH),
    )
    care = Intent(Purpose.CARE, Channel.PUSH)
    july = local("2026-07-01 08:30")

    assert answer(care, borrower(history=history), july) == ALLOWED
    assert answer(care, borrower("CN", SHANGHAI, NEW_YORK, history=history), july) == deferred(
        local("2026-07-01 20:00"), "CAP"
    )


def test_the_second_contact_of_a_month_is_about_another_product_line() -> None:
    history = (
        sent(
            local("2026-06-11 10:30"), Purpose.MARKETING, Channel.SMS, product_line="CONSUMER_LOAN"
        ),
    )
    end_of_june = local("2026-06-26 10:30")

    assert answer(advertising(), borrower(history=history), end_of_june) == deferred(
        local("2026-07-01 10:00"), "PRODUCT_ROTATION"
    )
    other = advertising(product_line="HOUSING_FUND_LOAN")
    assert answer(other, borrower(history=history), end_of_june) == ALLOWED


def test_a_line_that_is_not_told_cannot_be_shown_to_be_another() -> None:
    history = (
        sent(
            local("2026-06-11 10:30"), Purpose.MARKETING, Channel.SMS, product_line="CONSUMER_LOAN"
        ),
    )

    found = answer(
        advertising(product_line=None), borrower(history=history), local("2026-06-12 10:30")
    )

    assert found == blocked("PRODUCT_ROTATION")


def test_four_lessons_a_month_are_enough() -> None:
    lesson = Intent(Purpose.EDUCATION, Channel.PUSH)
    history = tuple(
        sent(local(f"2026-09-0{day} 10:00"), Purpose.EDUCATION, Channel.PUSH) for day in range(1, 5)
    )

    assert answer(lesson, borrower(history=history[:3]), TEN) == ALLOWED
    assert answer(lesson, borrower(history=history), TEN) == blocked("CAP")


def test_statutory_notices_and_receipts_pass_every_cap() -> None:
    history = tuple(calls(8, Outcome.CONVERSATION))

    for purpose in (Purpose.STATUTORY, Purpose.RECEIPT):
        intent = Intent(purpose, Channel.PHONE, contact_point="n1", debt="d1")
        assert answer(intent, borrower(history=history), TEN) == ALLOWED
