"""Contacts with a borrower: decided on by the gate, recorded, and counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Party, Template
from domain.borrower.contact_state import ALL_DAY, Figure, OwnHours
from domain.borrower.contacts import Result, Text
from domain.borrower.gate import Answer, Decision
from infra.contact_policies import load_contact_rules
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.test_borrower import registered, set_hold
from tests.domain.story import BORROWER_ID, LOAN_ID, act, replayed, state

RULES = load_contact_rules()
TEN = datetime(2026, 9, 10, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, a Thursday."""
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

DUNNING = Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-1", debt=str(LOAN_ID))
ADVERT = Intent(Purpose.MARKETING, Channel.SMS, contact_point="P-1")


def known(zones: list[str] | None = None) -> Borrower:
    """A borrower with a telephone number of the application."""
    borrower = registered(zones)
    add_point(borrower)
    return borrower


def add_point(borrower: Borrower, point_ref: str = "P-1", **said: object) -> None:
    fields = {
        "kind": PointKind.PHONE,
        "source": PointSource.APPLICATION,
        "lawful_basis": "CONTRACT",
        "added_at": TEN - DAY,
        **said,
    }
    borrower.add_contact_point(act(), point_ref=point_ref, **fields)  # type: ignore[arg-type]


def ask(
    borrower: Borrower, contact_ref: str, intent: Intent = DUNNING, at: datetime = TEN
) -> Decision | None:
    return borrower.decide_contact(
        act(), contact_ref=contact_ref, intent=intent, policies=RULES, at=at, occasion="worklist"
    )


def tell(borrower: Borrower, contact_ref: str, outcome: Outcome, at: datetime = TEN) -> None:
    borrower.tell_contact(act(), contact_ref=contact_ref, result=Result(outcome, at))


def answer(found: Decision | None) -> Answer:
    assert found is not None
    return found.answer


def call(borrower: Borrower, contact_ref: str, outcome: Outcome, at: datetime) -> None:
    assert answer(ask(borrower, contact_ref, at=at)) == Answer.ALLOW
    tell(borrower, contact_ref, outcome, at)


def last(borrower: Borrower) -> Borrower.ContactDecided:
    event = borrower.pending_events[-1]
    assert isinstance(event, Borrower.ContactDecided)
    return event


def test_an_answer_is_recorded_with_its_reasons_and_all_rules_it_was_held_against() -> None:
    borrower = known()

    found = ask(borrower, "C-1", at=TEN + timedelta(hours=12))

    event = last(borrower)
    assert answer(found) == event.answer == Answer.DEFER
    assert [each.reason for each in event.against] == ["WINDOW"]
    assert event.until == datetime(2026, 9, 11, 0, 0, tzinfo=UTC)
    assert {"cn-collection-hours", "cn-connected-calls-a-day", "holds-on-contact"} <= {
        each.rule for each in event.judged_by
    }
    assert event.loan_id == LOAN_ID


def test_a_call_that_was_allowed_counts_until_it_is_told_what_came_of_it() -> None:
    borrower = known()
    for number in range(3):
        assert answer(ask(borrower, f"C-{number}", at=TEN + number * MINUTE)) == Answer.ALLOW

    assert answer(ask(borrower, "C-3", at=TEN + 4 * MINUTE)) == Answer.DEFER
    tell(borrower, "C-2", Outcome.ATTEMPTED, TEN + 5 * MINUTE)
    assert answer(ask(borrower, "C-4", at=TEN + 6 * MINUTE)) == Answer.ALLOW


def test_a_message_that_reached_no_address_gives_its_place_back() -> None:
    borrower = known()
    dunning = replace(DUNNING, channel=Channel.SMS)
    assert answer(ask(borrower, "C-1", dunning)) == Answer.ALLOW
    assert answer(ask(borrower, "C-2", dunning, TEN + MINUTE)) != Answer.ALLOW

    tell(borrower, "C-1", Outcome.FAILED, TEN + MINUTE)

    assert answer(ask(borrower, "C-2", dunning, TEN + 2 * MINUTE)) == Answer.ALLOW


def test_a_contact_that_was_allowed_is_not_decided_on_again() -> None:
    borrower = known()
    ask(borrower, "C-1")
    before = state(borrower)

    assert ask(borrower, "C-1") is None
    assert state(borrower) == before
    with pytest.raises(no.ContactRefReused):
        ask(borrower, "C-1", replace(DUNNING, purpose=Purpose.SERVICE_REMINDER))


def test_the_answer_of_the_morning_does_not_hold_at_night() -> None:
    borrower = known()
    ask(borrower, "C-1")

    with pytest.raises(no.ContactStillOpen):
        ask(borrower, "C-1", at=TEN + MINUTE)
    with pytest.raises(no.ContactLapsed):
        ask(borrower, "C-1", at=TEN + timedelta(hours=12))


def test_a_contact_that_is_over_is_not_asked_for_again() -> None:
    borrower = known()
    call(borrower, "C-1", Outcome.ATTEMPTED, TEN)
    borrower.receive(
        act(), contact_ref="I-1", channel=Channel.PHONE, purpose=Purpose.COLLECTION, received_at=TEN
    )

    with pytest.raises(no.ContactOver):
        ask(borrower, "C-1")
    with pytest.raises(no.ContactRefReused):
        ask(borrower, "I-1")


def test_a_contact_that_was_put_off_may_be_asked_for_again() -> None:
    borrower = known()
    found = ask(borrower, "C-1", at=TEN - timedelta(hours=5))
    assert found is not None
    assert found.until is not None

    assert answer(ask(borrower, "C-1", at=found.until)) == Answer.ALLOW


def test_nothing_is_decided_at_an_instant_before_the_last_one() -> None:
    borrower = known()
    ask(borrower, "C-1")

    with pytest.raises(no.ContactOutOfOrder):
        ask(borrower, "C-2", at=TEN - MINUTE)


def test_advertising_needs_a_consent_and_ends_with_its_withdrawal() -> None:
    borrower = known()
    assert answer(ask(borrower, "A-1", ADVERT)) == Answer.BLOCK

    borrower.grant_consent(
        act(), scope=ConsentScope.MARKETING, source="APP", lawful_basis="CONSENT", granted_at=TEN
    )
    assert answer(ask(borrower, "A-2", ADVERT, TEN + MINUTE)) == Answer.ALLOW
    borrower.withdraw_consent(
        act(), scope=ConsentScope.MARKETING, source="APP", withdrawn_at=TEN + 2 * MINUTE
    )
    assert answer(ask(borrower, "A-3", ADVERT, TEN + 2 * MINUTE)) == Answer.BLOCK


def test_a_number_from_the_call_log_needs_two_confirmations() -> None:
    borrower = known()
    add_point(borrower, "P-2", source=PointSource.CALL_LOG)
    dunning = replace(DUNNING, contact_point="P-2")
    borrower.grant_consent(
        act(), scope=ConsentScope.CALL_LOG, source="APP", lawful_basis="CONSENT", granted_at=TEN
    )
    assert answer(ask(borrower, "C-1", dunning)) == Answer.BLOCK

    borrower.reconfirm_consent(
        act(), scope=ConsentScope.CALL_LOG, source="APP", reconfirmed_at=TEN + MINUTE
    )
    assert answer(ask(borrower, "C-2", dunning, TEN + MINUTE)) == Answer.ALLOW


def test_a_consent_can_be_neither_confirmed_nor_withdrawn_that_was_not_given() -> None:
    borrower = known()
    with pytest.raises(no.ConsentMissing):
        borrower.reconfirm_consent(
            act(), scope=ConsentScope.CALL_LOG, source="APP", reconfirmed_at=TEN
        )
    with pytest.raises(no.ConsentMissing):
        borrower.withdraw_consent(
            act(), scope=ConsentScope.CALL_LOG, source="APP", withdrawn_at=TEN
        )


def test_an_opt_out_holds_at_once_and_may_be_taken_back() -> None:
    borrower = known()
    borrower.opt_out(act(), channel=Channel.PHONE, purpose=None, source="CALL", opted_out_at=TEN)
    assert answer(ask(borrower, "C-1")) == Answer.BLOCK

    borrower.revoke_opt_out(
        act(), channel=Channel.PHONE, purpose=None, source="CALL", revoked_at=TEN + MINUTE
    )
    assert answer(ask(borrower, "C-2", at=TEN + MINUTE)) == Answer.ALLOW


def test_a_consent_that_was_heard_of_late_does_not_outlive_its_withdrawal() -> None:
    borrower = known()
    consent = {"scope": ConsentScope.MARKETING, "source": "APP", "lawful_basis": "CONSENT"}
    borrower.grant_consent(act(), granted_at=TEN, **consent)  # type: ignore[arg-type]
    borrower.withdraw_consent(
        act(), scope=ConsentScope.MARKETING, source="APP", withdrawn_at=TEN + MINUTE
    )

    with pytest.raises(no.ConsentTakenBack):
        borrower.grant_consent(act(), granted_at=TEN, **consent)  # type: ignore[arg-type]
    borrower.grant_consent(act(), granted_at=TEN + DAY, **consent)  # type: ignore[arg-type]
    assert answer(ask(borrower, "A-1", ADVERT, TEN + DAY)) == Answer.ALLOW


def test_a_refusal_stands_against_what_was_said_before_it() -> None:
    borrower = known()
    borrower.opt_out(act(), channel=Channel.PHONE, purpose=None, source="CALL", opted_out_at=TEN)

    with pytest.raises(no.OptOutUnknown, match="2026-09-10 02:00:00Z"):
        borrower.revoke_opt_out(
            act(), channel=Channel.PHONE, purpose=None, source="CALL", revoked_at=TEN - MINUTE
        )

    assert answer(ask(borrower, "C-1")) == Answer.BLOCK


def test_a_refusal_is_taken_back_as_it_was_made_and_no_other() -> None:
    borrower = known()
    taken_back = {"source": "CALL", "revoked_at": TEN + MINUTE}
    with pytest.raises(no.OptOutUnknown, match="refused nothing"):
        borrower.revoke_opt_out(act(), channel=None, purpose=None, **taken_back)  # type: ignore[arg-type]
    borrower.opt_out(act(), channel=Channel.SMS, purpose=None, source="CALL", opted_out_at=TEN)

    with pytest.raises(no.OptOutUnknown, match="SMS for every purpose since"):
        borrower.revoke_opt_out(act(), channel=None, purpose=None, **taken_back)  # type: ignore[arg-type]

    assert len(borrower.opt_outs) == 1


def test_the_same_refusal_again_changes_nothing_but_an_earlier_instant_counts() -> None:
    borrower = known()
    for at, count in ((TEN, 1), (TEN + MINUTE, 1), (TEN - MINUTE, 2)):
        borrower.opt_out(act(), channel=None, purpose=None, source="CALL", opted_out_at=at)
        assert len(borrower.opt_outs) == count


@pytest.mark.parametrize(
    "said", ["+8613912345678", "139 1234 5678", "(0731) 8888-6666", "ada@example.org"]
)
def test_a_number_itself_is_no_reference_and_is_not_repeated(said: str) -> None:
    with pytest.raises(no.ContactPointInClear) as refused:
        add_point(registered(), said)

    assert said not in refused.value.sentence


@pytest.mark.parametrize("ref", ["P-1", "V-0731-8888", "6f9f2f43-4f5e-4b7e-9d0e-1a2b3c4d5e6f"])
def test_a_reference_is_a_reference(ref: str) -> None:
    borrower = registered()

    add_point(borrower, ref)

    assert ref in borrower.points


@pytest.mark.parametrize("basis", ["", "  "])
def test_a_number_without_a_lawful_basis_is_not_used(basis: str) -> None:
    borrower = registered()
    add_point(borrower, lawful_basis=basis)

    assert answer(ask(borrower, "C-1")) == Answer.BLOCK
    assert [each.reason for each in last(borrower).against] == ["CONTACT_POINT"]


def test_a_number_on_the_black_list_is_left_alone_until_it_is_off() -> None:
    borrower = known()
    borrower.block_contact_point(act(), point_ref="P-1", reason="wrong person", blocked_at=TEN)
    assert answer(ask(borrower, "C-1")) == Answer.BLOCK

    borrower.unblock_contact_point(
        act(), point_ref="P-1", reason="mistake", unblocked_at=TEN + MINUTE
    )
    assert answer(ask(borrower, "C-2", at=TEN + MINUTE)) == Answer.ALLOW


def test_a_retired_number_is_unknown_and_stays_so() -> None:
    borrower = known()
    borrower.retire_contact_point(act(), point_ref="P-1", reason="new owner", retired_at=TEN)

    with pytest.raises(no.ContactPointUnknown):
        ask(borrower, "C-1")
    with pytest.raises(no.ContactPointReused):
        add_point(borrower)


def test_a_letter_cannot_be_sent_to_a_telephone() -> None:
    with pytest.raises(no.ContactPointUnfit):
        ask(known(), "C-1", replace(DUNNING, channel=Channel.LETTER))


def test_hours_that_the_borrower_asked_for_bind_where_only_they_are_wanted() -> None:
    borrower = known()
    evening = OwnHours("18:00", "20:00", only=True)
    borrower.set_own_hours(act(), hours=[evening], source="CALL", set_at=TEN)

    found = ask(borrower, "C-1")
    assert answer(found) == Answer.DEFER
    assert found is not None
    assert found.until == datetime(2026, 9, 10, 10, 0, tzinfo=UTC)

    borrower.set_own_hours(act(), hours=[replace(evening, only=False)], source="CALL", set_at=TEN)
    assert answer(ask(borrower, "C-2")) == Answer.ALLOW


def test_hours_that_the_borrower_asked_for_open_nothing_that_the_law_closes() -> None:
    borrower = known()
    night = OwnHours("21:30", "23:00", only=True)
    borrower.set_own_hours(act(), hours=[night], source="CALL", set_at=TEN)

    assert answer(ask(borrower, "C-1", at=TEN + timedelta(hours=12))) == Answer.BLOCK


def test_a_letter_may_lie_there_at_any_hour() -> None:
    borrower = known()
    add_point(borrower, "A-1", kind=PointKind.ADDRESS)
    evening = OwnHours("18:00", "20:00", only=True)
    borrower.set_own_hours(act(), hours=[evening], source="CALL", set_at=TEN)
    letter = replace(DUNNING, channel=Channel.LETTER, contact_point="A-1")

    assert answer(ask(borrower, "C-1", letter)) == Answer.ALLOW


def wish(borrower: Borrower, channel: Channel | None, *hours: OwnHours) -> None:
    borrower.wish_hours(
        act(),
        channel=None if channel is None else str(channel),
        hours=list(hours),
        source="CALL",
        set_at=TEN,
    )


def test_a_wish_for_one_channel_leaves_what_was_asked_for_the_others() -> None:
    borrower = known()
    calls = OwnHours("18:00", "20:00", only=True, channel="PHONE")
    texts = OwnHours("09:00", "12:00", only=False, channel="SMS")
    later = replace(calls, start="19:00")

    for channel, wished in ((Channel.PHONE, calls), (Channel.SMS, texts), (Channel.PHONE, later)):
        wish(borrower, channel, wished)
    assert borrower.own_hours == [texts, later]

    wish(borrower, Channel.SMS)
    assert borrower.own_hours == [later]


def test_hours_may_be_asked_for_on_some_days_of_the_week() -> None:
    borrower = known()
    evening = OwnHours("08:00", "21:00", only=True)

    wish(borrower, None, replace(evening, weekdays=["MON", "FRI"]))
    found = ask(borrower, "C-1")
    wish(borrower, None, replace(evening, weekdays=["THU"]))

    assert TEN.strftime("%a") == "Thu"
    assert found is not None
    assert (answer(found), found.until) == (Answer.DEFER, datetime(2026, 9, 11, tzinfo=UTC))
    assert answer(ask(borrower, "C-2")) == Answer.ALLOW


def test_who_wants_no_contact_before_a_day_has_none_before_it() -> None:
    borrower = known()
    day = OwnHours(*ALL_DAY, only=True, not_before_on=date(2026, 9, 12))

    wish(borrower, None, day)

    found = ask(borrower, "C-1")
    assert found is not None
    assert (answer(found), found.until) == (Answer.DEFER, datetime(2026, 9, 12, tzinfo=UTC))
    assert {each.rule for each in found.objections} == {"borrowers-own-day"}
    assert answer(ask(borrower, "C-2", at=TEN + timedelta(days=2))) == Answer.ALLOW


def test_a_wish_names_days_of_the_week_and_hours_of_its_own_channel() -> None:
    with pytest.raises(no.HoursNotSound):
        wish(known(), None, OwnHours("18:00", "20:00", only=True, weekdays=["MONDAY"]))
    with pytest.raises(no.HoursNotSound):
        wish(known(), Channel.SMS, OwnHours("18:00", "20:00", only=True))


@pytest.mark.parametrize(
    "hours",
    [
        ("20:00", "18:00"),
        ("18:00", "18:00"),
        ("late", "later"),
        ("18:00+08:00", "20:00"),
        ("18:00Z", "20:00Z"),
    ],
)
def test_hours_end_after_they_begin(hours: tuple[str, str]) -> None:
    with pytest.raises(no.HoursNotSound):
        known().set_own_hours(act(), hours=[OwnHours(*hours, only=True)], source="CALL", set_at=TEN)


def test_another_plausible_zone_narrows_the_hours() -> None:
    borrower = known()
    borrower.change_zones(act(), zones=["Asia/Shanghai", "America/New_York"], source="LETTER")

    assert answer(ask(borrower, "C-1")) != Answer.ALLOW
    with pytest.raises(no.ZonesNotPlausible):
        borrower.change_zones(act(), zones=[], source="LETTER")


def test_a_hold_stands_from_its_day_wherever_the_borrower_may_be() -> None:
    borrower = known()
    set_hold(borrower, on=date(2026, 9, 10))
    assert answer(ask(borrower, "C-1")) == Answer.BLOCK

    borrower.lift_hold(act(date(2026, 9, 11)), hold_ref="H-1", reason="agreed")
    assert answer(ask(borrower, "C-2", at=TEN + MINUTE)) == Answer.DEFER
    assert answer(ask(borrower, "C-3", at=TEN + DAY)) == Answer.ALLOW


def test_a_call_of_the_borrower_starts_the_pause_that_the_law_asks_for() -> None:
    borrower = Borrower.register(
        act(), BORROWER_ID, borrower_ref="B-1", jurisdiction="US", zones=["America/New_York"]
    )
    add_point(borrower)
    noon = datetime(2026, 9, 10, 16, 0, tzinfo=UTC)
    borrower.receive(
        act(),
        contact_ref="I-1",
        channel=Channel.PHONE,
        purpose=Purpose.COLLECTION,
        received_at=noon,
        loan_id=LOAN_ID,
    )

    assert answer(ask(borrower, "C-1", at=noon + MINUTE)) == Answer.DEFER
    assert [each.reason for each in last(borrower).against] == ["COOLDOWN"]


def test_a_call_to_somebody_else_needs_that_the_borrower_is_out_of_reach() -> None:
    borrower = known()
    add_point(borrower, "P-2", party=Party.THIRD_PARTY)
    friend = replace(DUNNING, party=Party.THIRD_PARTY, contact_point="P-2")
    assert answer(ask(borrower, "C-0", friend)) == Answer.BLOCK
    for number in range(3):
        at = TEN + number * DAY
        call(borrower, f"C-{number + 1}", Outcome.ATTEMPTED, at)

    assert answer(ask(borrower, "C-4", friend, TEN + 3 * DAY)) == Answer.ALLOW


def test_a_borrower_who_wants_to_be_left_alone_opts_out() -> None:
    with pytest.raises(no.ContactPointOwn):
        known().refuse_contact_point(act(), point_ref="P-1", refused_at=TEN)


def test_a_visit_counts_as_a_talk_until_it_is_told_what_came_of_it() -> None:
    borrower = known()
    add_point(borrower, "A-1", kind=PointKind.ADDRESS)
    visit = replace(DUNNING, channel=Channel.VISIT, contact_point="A-1")

    assert answer(ask(borrower, "C-1", visit)) == Answer.ALLOW
    assert borrower.contacts["C-1"].outcome == Outcome.CONVERSATION


def test_the_friend_who_wants_to_be_left_alone_is() -> None:
    borrower = known()
    add_point(borrower, "P-2", party=Party.THIRD_PARTY)
    borrower.refuse_contact_point(act(), point_ref="P-2", refused_at=TEN)
    call(borrower, "C-1", Outcome.FAILED, TEN)

    friend = replace(DUNNING, party=Party.THIRD_PARTY, contact_point="P-2")
    assert answer(ask(borrower, "C-2", friend, TEN + DAY)) == Answer.BLOCK


def test_what_came_of_a_contact_is_told_once() -> None:
    borrower = known()
    call(borrower, "C-1", Outcome.CONNECTED, TEN)
    before = state(borrower)

    tell(borrower, "C-1", Outcome.CONNECTED)
    assert state(borrower) == before
    with pytest.raises(no.ContactOver):
        tell(borrower, "C-1", Outcome.ATTEMPTED)


def test_nothing_can_come_of_a_contact_that_was_not_allowed() -> None:
    borrower = known()
    ask(borrower, "C-1", at=TEN + timedelta(hours=12))

    with pytest.raises(no.ContactUnknown):
        tell(borrower, "C-1", Outcome.ATTEMPTED, TEN + timedelta(hours=12))


def test_a_call_is_not_sent_and_a_contact_is_not_made_before_it_was_allowed() -> None:
    borrower = known()
    ask(borrower, "C-1")

    with pytest.raises(no.OutcomeImpossible):
        tell(borrower, "C-1", Outcome.SENT)
    with pytest.raises(no.ContactOutOfOrder):
        tell(borrower, "C-1", Outcome.ATTEMPTED, TEN - MINUTE)


def test_a_provider_reports_on_what_was_sent_and_on_nothing_else() -> None:
    borrower = known()
    ask(borrower, "C-1", replace(DUNNING, channel=Channel.SMS))
    tell(borrower, "C-1", Outcome.SENT)

    borrower.report_delivery(
        act(), contact_ref="C-1", delivered=False, provider="sms-one", reported_at=TEN + MINUTE
    )
    assert borrower.contacts["C-1"].outcome == Outcome.SENT
    with pytest.raises(no.ContactUnknown):
        borrower.report_delivery(
            act(), contact_ref="C-9", delivered=True, provider="sms-one", reported_at=TEN
        )


def test_the_text_is_named_by_its_template_version_and_figures() -> None:
    borrower = known()
    text = Text(
        "due-soon",
        "1",
        (Figure("amount", "100.00"),),
        Template("Dear ⟦name⟧, 100.00 is due.", "示例消费金融", price_named=False),
    )
    borrower.decide_contact(
        act(),
        contact_ref="R-1",
        intent=Intent(
            Purpose.SERVICE_REMINDER, Channel.SMS, contact_point="P-1", template=text.reads
        ),
        policies=RULES,
        at=TEN,
        occasion="reminder",
        text=text,
    )

    event = last(borrower)
    assert (event.template, event.template_version, event.answer) == ("due-soon", "1", "ALLOW")
    assert event.figures == [Figure("amount", "100.00")]


def test_a_replay_and_a_snapshot_decide_alike() -> None:
    borrower = known()
    for number in range(3):
        call(borrower, f"C-{number}", Outcome.CONVERSATION, TEN + number * MINUTE)
    borrower.set_own_hours(
        act(), hours=[OwnHours("09:00", "20:00", only=True)], source="CALL", set_at=TEN
    )
    set_hold(borrower, on=date(2027, 1, 1))

    again = replayed(borrower.pending_events)
    kept = from_snapshot(Borrower, BORROWER_ID, borrower.version, to_snapshot(borrower))

    assert isinstance(kept, Borrower)
    later = TEN + timedelta(hours=1)
    found = [ask(each, "C-9", at=later) for each in (borrower, again, kept)]
    assert found[0] == found[1] == found[2]
    assert found[0] is not None
    assert found[0].answer == Answer.DEFER


def test_debts_are_told_by_their_loans() -> None:
    borrower = known()
    call(borrower, "C-1", Outcome.ATTEMPTED, TEN)

    assert borrower.contacts["C-1"].debt == str(UUID(str(LOAN_ID)))
