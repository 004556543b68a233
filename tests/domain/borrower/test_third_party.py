"""When somebody else may be asked about a borrower."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.base.contact_policy import Channel, HoldKind, Outcome, PointSource, Purpose
from domain.borrower.contact import ContactHold, ContactPoint, Intent, Party, Situation
from domain.borrower.third_party import has_no_contact
from infra.contact_policies import load_contact_rules
from tests.domain.borrower.asking import (
    ALLOWED,
    NEW_YORK,
    SHANGHAI,
    answer,
    blocked,
    borrower,
    call,
    collecting,
    deferred,
    local,
)

RULES = load_contact_rules()
OWN = ContactPoint("n1", Party.BORROWER, PointSource.APPLICATION)
FRIEND = ContactPoint("p1", Party.THIRD_PARTY, PointSource.APPLICATION)
ASKING = collecting(party=Party.THIRD_PARTY, contact_point="p1")
TEN = local("2026-09-10 10:00")
TOMORROW = local("2026-09-11 08:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

ATTEMPTED, FAILED, CONNECTED = Outcome.ATTEMPTED, Outcome.FAILED, Outcome.CONNECTED


def missed(
    *calls: tuple[datetime, Outcome], points: tuple[ContactPoint, ...] = (OWN, FRIEND)
) -> Situation:
    """A borrower who was called, with what came of it."""
    history = tuple(call(at, outcome) for at, outcome in calls)
    return borrower(history=history, contact_points=points)


def test_nobody_else_is_asked_about_a_borrower_who_was_not_called() -> None:
    assert answer(ASKING, missed(), TEN) == blocked("THIRD_PARTY")


def test_three_failures_in_a_row_open_the_way_from_the_next_day() -> None:
    tried = missed(*((TEN - number * HOUR / 2, ATTEMPTED) for number in (1, 2, 3)))

    assert answer(ASKING, tried, TEN) == deferred(TOMORROW, "THIRD_PARTY")
    assert answer(ASKING, tried, TOMORROW) == ALLOWED


def test_who_was_called_in_vain_as_often_as_the_law_says_is_out_of_reach_the_day_after() -> None:
    tried = missed(*((TEN - number * HOUR / 2, ATTEMPTED) for number in (1, 2, 3)))

    assert not has_no_contact(tried, RULES, TEN)
    assert has_no_contact(tried, RULES, TOMORROW)


def test_who_may_be_in_another_place_is_out_of_reach_once_it_is_the_next_day_there_too() -> None:
    tried = missed(*((TEN - number * HOUR / 2, ATTEMPTED) for number in (1, 2, 3)))
    travelling = replace(tried, zones=(SHANGHAI, NEW_YORK))
    midnight_passed_in_new_york = TEN + 3 * HOUR

    assert has_no_contact(replace(tried, zones=(NEW_YORK,)), RULES, midnight_passed_in_new_york)
    assert not has_no_contact(travelling, RULES, midnight_passed_in_new_york)
    assert has_no_contact(travelling, RULES, TOMORROW)


def test_nobody_is_out_of_reach_where_somebody_else_is_never_asked() -> None:
    tried = missed(*((TEN - number * DAY, ATTEMPTED) for number in (1, 2, 3, 4)))

    assert has_no_contact(tried, RULES, TEN)
    assert not has_no_contact(replace(tried, jurisdiction="US"), RULES, TEN)


def test_the_next_day_is_that_after_the_third_failure_not_after_the_latest() -> None:
    tried = missed(
        *((TEN - DAY - number * HOUR / 2, ATTEMPTED) for number in (1, 2, 3)),
        (TEN - HOUR, ATTEMPTED),
    )

    assert answer(ASKING, tried, TEN) == ALLOWED


def test_the_next_day_must_have_come_in_every_zone() -> None:
    one, evening = local("2026-09-10 13:00"), local("2026-09-10 20:30")
    tried = missed(*((one + number * HOUR / 2, ATTEMPTED) for number in (0, 1, 2)))
    traveller = replace(tried, zones=(SHANGHAI, NEW_YORK))

    # At 8:00 of the eleventh in Shanghai it is still the tenth in New York.
    assert answer(ASKING, tried, evening) == deferred(TOMORROW, "THIRD_PARTY")
    assert answer(ASKING, traveller, evening) == deferred(local("2026-09-11 20:00"), "THIRD_PARTY")


def test_the_log_may_come_in_any_order() -> None:
    yesterday = missed(
        (TEN - HOUR, ATTEMPTED),
        (TEN - HOUR / 2, FAILED),
        *((TEN - DAY - number * HOUR / 2, ATTEMPTED) for number in (1, 2, 3)),
    )
    rang_before_it_died = missed((TEN - HOUR, FAILED), (TEN - 2 * HOUR, ATTEMPTED))

    assert answer(ASKING, yesterday, TEN) == ALLOWED
    assert answer(ASKING, rang_before_it_died, TEN) == ALLOWED


def test_failures_on_three_days_are_enough_on_the_third() -> None:
    tried = missed((TEN - 9 * DAY, ATTEMPTED), (TEN - 4 * DAY, FAILED), (TEN - HOUR, ATTEMPTED))

    assert answer(ASKING, tried, TEN) == ALLOWED


@pytest.mark.parametrize(
    ("outcome", "channel"),
    [
        (CONNECTED, Channel.PHONE),
        (Outcome.CONVERSATION, Channel.AI_VOICE),
        (Outcome.INBOUND, Channel.PHONE),
        (Outcome.INBOUND, Channel.WECOM),
    ],
)
def test_any_success_begins_the_count_anew(outcome: Outcome, channel: Channel) -> None:
    tried = missed(*((TEN - number * DAY, ATTEMPTED) for number in (2, 3, 4)))
    heard = call(TEN - DAY, outcome, channel=channel, purpose=Purpose.SERVICE_REMINDER)
    reached = borrower(history=(*tried.history, heard), contact_points=(OWN, FRIEND))

    assert answer(ASKING, tried, TEN) == ALLOWED
    assert answer(ASKING, reached, TEN) == blocked("THIRD_PARTY")


def test_a_call_that_the_friend_answered_is_no_success() -> None:
    tried = missed(*((TEN - number * DAY, ATTEMPTED) for number in (2, 3, 4)))
    friend = call(TEN - DAY, CONNECTED, contact_point="p1")
    asked_before = borrower(history=(*tried.history, friend), contact_points=(OWN, FRIEND))

    assert answer(ASKING, asked_before, TEN) == ALLOWED


def test_a_dead_number_opens_the_way_at_once_when_it_is_the_only_one() -> None:
    other = ContactPoint("n2", Party.BORROWER, PointSource.APPLICATION)

    assert answer(ASKING, missed((TEN - HOUR, FAILED)), TEN) == ALLOWED
    assert answer(
        ASKING, missed((TEN - HOUR, FAILED), points=(OWN, other, FRIEND)), TEN
    ) == blocked("THIRD_PARTY")


def test_a_number_that_rang_later_is_not_dead() -> None:
    rang = missed((TEN - 2 * HOUR, FAILED), (TEN - HOUR, ATTEMPTED))

    assert answer(ASKING, rang, TEN) == blocked("THIRD_PARTY")


def test_a_number_that_was_once_called_must_be_dead_too() -> None:
    unlisted = call(TEN - 30 * DAY, CONNECTED, contact_point="n7")
    dead = call(TEN - HOUR, FAILED)
    someone = borrower(history=(unlisted, dead), contact_points=(OWN, FRIEND))

    assert answer(ASKING, someone, TEN) == blocked("THIRD_PARTY")


def test_who_asked_to_be_left_alone_is_not_asked_again() -> None:
    refused = ContactPoint("p1", Party.THIRD_PARTY, PointSource.APPLICATION, refused_at=TEN - DAY)

    assert answer(ASKING, missed((TEN - HOUR, FAILED), points=(OWN, refused)), TEN) == blocked(
        "THIRD_PARTY"
    )


@pytest.mark.parametrize("channel", [each for each in Channel if each != Channel.PHONE])
def test_a_third_party_is_asked_by_phone_only(channel: Channel) -> None:
    intent = collecting(channel, party=Party.THIRD_PARTY, contact_point="p1")

    assert answer(intent, missed((TEN - HOUR, FAILED)), TEN) == blocked("THIRD_PARTY")


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.COLLECTION])
def test_a_third_party_is_asked_to_collect_only(purpose: Purpose) -> None:
    intent = Intent(purpose, Channel.PHONE, Party.THIRD_PARTY, "p1", product_line="CONSUMER_LOAN")

    assert answer(intent, missed((TEN - HOUR, FAILED)), TEN) == blocked("THIRD_PARTY")


@pytest.mark.parametrize("jurisdiction", ["US", "UK", "IN", "EU"])
def test_elsewhere_no_third_party_is_asked_at_all(jurisdiction: str) -> None:
    dead = borrower(jurisdiction, contact_points=(OWN, FRIEND))
    noon = local("2026-09-10 12:00", dead.zones[0])
    dead = borrower(
        jurisdiction, contact_points=(OWN, FRIEND), history=(call(noon - HOUR, FAILED),)
    )

    assert answer(ASKING, dead, noon) == blocked("THIRD_PARTY")


def test_holds_and_caps_bind_a_third_party_too() -> None:
    tried = missed(*((TEN - number * HOUR / 4, ATTEMPTED) for number in range(1, 7)))
    held = borrower(
        history=tried.history,
        contact_points=(OWN, FRIEND),
        holds=(ContactHold(HoldKind.DECEASED, TEN - DAY),),
    )

    assert answer(ASKING, held, TEN) == blocked("HOLD", "THIRD_PARTY")


def test_a_number_that_is_listed_as_anothers_is_anothers_whatever_the_intent_says() -> None:
    intent = collecting(contact_point="p1")

    assert answer(intent, missed(), TEN) == blocked("THIRD_PARTY")
