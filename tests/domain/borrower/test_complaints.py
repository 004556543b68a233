"""Complaints against the clock, and what borrowers think of us."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.base.complaint_policy import ComplaintLevel, Extension, Ground, Severity
from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.refusal import SamePerson
from domain.base.stream import NextAction
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_events import Cause, ComplaintStage
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.test_borrower import promise, registered
from tests.domain.borrower.test_contacts import RULES, add_point, answer, ask
from tests.domain.story import BORROWER_ID, JAN_15, LOAN_ID, act, given, recorded, replayed, state

NINE = datetime(2025, 1, 15, 1, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def level(severity: Severity = Severity.HIGH, hours: int = 4, days: int = 5) -> ComplaintLevel:
    return ComplaintLevel(
        version="complaints-test",
        severity=severity,
        answer_minutes=hours * 60,
        resolve_minutes=days * 24 * 60,
        valid_from=date(1990, 1, 1),
        valid_until=None,
        source="test",
        jurisdiction="ANY",
    )


def complain(borrower: Borrower, complaint_ref: str = "Q-1", **changes: Any) -> None:
    fields = {
        "severity": Severity.HIGH,
        "category": Category.COLLECTION,
        "came_by": Came.HOTLINE,
        "opened_at": NINE,
        "level": level(),
        "desk_days": None,
        "loan_id": LOAN_ID,
        **changes,
    }
    borrower.open_complaint(act(), complaint_ref=complaint_ref, **fields)


def reply(borrower: Borrower, at: datetime = NINE + HOUR, contact_ref: str | None = None) -> None:
    borrower.answer_complaint(act(), complaint_ref="Q-1", answered_at=at, contact_ref=contact_ref)


def escalate(borrower: Borrower, at: datetime = NINE + HOUR, **changes: Any) -> None:
    fields = {"reason": "the press asks", **changes}
    borrower.escalate_complaint(act(), complaint_ref="Q-1", escalated_at=at, **fields)


def resolve(borrower: Borrower, at: datetime = NINE + DAY, **changes: Any) -> None:
    fields = {"outcome": Verdict.UPHELD, **changes}
    borrower.resolve_complaint(act(), complaint_ref="Q-1", resolved_at=at, **fields)


def reopen(borrower: Borrower, at: datetime = NINE + 2 * DAY, **changes: Any) -> None:
    fields = {"reason": "it goes on", "level": level(), "desk_days": None, **changes}
    borrower.reopen_complaint(act(), complaint_ref="Q-1", reopened_at=at, **fields)


def rate(borrower: Borrower, score: int = 4, **changes: Any) -> None:
    fields = {
        "feedback_ref": "R-1",
        "source": FeedbackSource.APP,
        "occasion": "payoff",
        "given_at": NINE,
        **changes,
    }
    borrower.give_feedback(act(), score=score, **fields)


def test_a_complaint_is_due_by_the_level_of_its_severity() -> None:
    borrower = given(registered())

    complain(borrower)

    (event,) = recorded(borrower)
    assert (event.respond_by, event.resolve_by) == (NINE + 4 * HOUR, NINE + 5 * DAY)
    assert (event.policy_version, event.hold_ref) == ("complaints-test", "Q-1/1")


def test_the_same_complaint_twice_is_open_once() -> None:
    borrower = given(registered(), complain)

    complain(borrower)

    assert recorded(borrower) == []


def test_a_reference_names_one_complaint() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ComplaintRefReused):
        complain(borrower, category=Category.PRIVACY)


def test_without_a_level_nobody_promises_an_answer() -> None:
    borrower = given(registered())

    with pytest.raises(no.ComplaintLevelMissing):
        complain(borrower, level=None)

    assert recorded(borrower) == []


def test_an_answer_tells_whether_it_was_in_time() -> None:
    borrower = given(registered(), complain)

    reply(borrower, NINE + 5 * HOUR)

    (event,) = recorded(borrower)
    assert not event.in_time
    assert borrower.complaint("Q-1").stage == ComplaintStage.ANSWERED


def test_a_second_answer_changes_nothing() -> None:
    borrower = given(registered(), complain, reply)

    reply(borrower, NINE + 2 * HOUR)

    assert recorded(borrower) == []


def test_an_answer_names_a_contact_that_is_known() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ContactUnknown):
        reply(borrower, contact_ref="C-9")


def test_nothing_happens_to_a_complaint_before_it_was_opened() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ComplaintOutOfOrder):
        reply(borrower, NINE - HOUR)


def test_what_is_not_known_cannot_be_answered() -> None:
    borrower = given(registered())

    with pytest.raises(no.ComplaintUnknown):
        reply(borrower)


def test_an_escalation_to_a_higher_severity_brings_its_deadlines_forward() -> None:
    borrower = given(registered(), complain)

    escalate(borrower, severity=Severity.CRITICAL, level=level(Severity.CRITICAL, 1, 2))

    (event,) = recorded(borrower)
    assert (event.respond_by, event.resolve_by) == (NINE + 2 * HOUR, NINE + HOUR + 2 * DAY)
    assert (event.cause, event.escalations) == (Cause.PERSON, 1)


def test_an_escalation_never_gives_more_time() -> None:
    borrower = given(registered(), complain)

    escalate(borrower, severity=Severity.CRITICAL, level=level(Severity.CRITICAL, 9, 9))

    (event,) = recorded(borrower)
    assert (event.respond_by, event.resolve_by) == (NINE + 4 * HOUR, NINE + 5 * DAY)


def test_an_escalation_makes_no_complaint_less_severe() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.SeverityNotHigher):
        escalate(borrower, severity=Severity.LOW, level=level(Severity.LOW))


def test_a_deadline_that_passed_escalates_once() -> None:
    borrower = given(registered(), complain)

    borrower.escalate_overdue(act(), at=NINE + 4 * HOUR)
    assert recorded(borrower) == []
    for hours in (5, 6):
        borrower.escalate_overdue(act(), at=NINE + hours * HOUR)

    assert [event.cause for event in recorded(borrower)] == [Cause.ANSWER_OVERDUE]


def test_both_deadlines_that_passed_escalate_in_their_order() -> None:
    borrower = given(registered(), complain)

    borrower.escalate_overdue(act(), at=NINE + 6 * DAY)

    events = recorded(borrower)
    assert [event.cause for event in events] == [Cause.ANSWER_OVERDUE, Cause.RESOLUTION_OVERDUE]
    assert [event.escalations for event in events] == [1, 2]


def test_an_answered_complaint_escalates_only_when_it_is_not_resolved() -> None:
    borrower = given(registered(), complain, reply)

    borrower.escalate_overdue(act(), at=NINE + DAY)

    assert recorded(borrower) == []


def test_an_answer_from_before_an_escalation_by_the_clock_may_still_be_told() -> None:
    borrower = given(registered(), complain)
    borrower.escalate_overdue(act(), at=NINE + 5 * HOUR)

    reply(borrower, NINE + 3 * HOUR)

    assert recorded(borrower)[-1].in_time


def test_a_complaint_asks_for_attention_on_the_day_of_its_next_deadline() -> None:
    borrower = given(registered(), complain)
    assert borrower.next_action() == NextAction("COMPLAINT", date(2025, 1, 14))

    reply(borrower)
    assert borrower.next_action() == NextAction("COMPLAINT", date(2025, 1, 19))

    promise(borrower, promised_on=JAN_15)
    assert borrower.next_action() == NextAction("PROMISE", date(2025, 1, 16))


def test_a_resolved_complaint_asks_for_no_attention() -> None:
    borrower = given(registered(), complain, resolve)

    assert borrower.next_action() is None


def test_a_resolution_tells_what_it_came_to_and_what_the_borrower_says_of_it() -> None:
    borrower = given(registered(), complain)

    resolve(borrower, outcome=Verdict.PARTLY_UPHELD, satisfaction=4, remedy="FEE_WAIVED")

    (event,) = recorded(borrower)
    assert (event.upheld, event.satisfaction, event.in_time) == (True, 4, True)
    assert (event.category, event.severity, event.hold_ref) == ("COLLECTION", "HIGH", "Q-1/1")


def test_the_same_resolution_twice_is_recorded_once() -> None:
    borrower = given(registered(), complain, resolve)

    resolve(borrower, NINE + 2 * DAY)

    assert recorded(borrower) == []


def test_a_resolved_complaint_is_reopened_before_anything_else_happens_to_it() -> None:
    borrower = given(registered(), complain, resolve)

    with pytest.raises(no.ComplaintOver):
        resolve(borrower, NINE + 2 * DAY, outcome=Verdict.WITHDRAWN)
    with pytest.raises(no.ComplaintOver):
        escalate(borrower, NINE + 2 * DAY)


def test_an_open_complaint_is_not_reopened() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ComplaintNotOver):
        reopen(borrower)


def test_the_clock_of_a_reopened_complaint_starts_anew() -> None:
    borrower = given(registered(), complain, resolve)

    reopen(borrower)

    (event,) = recorded(borrower)
    assert (event.round, event.hold_ref) == (2, "Q-1/2")
    assert event.respond_by == NINE + 2 * DAY + 4 * HOUR
    assert [each.complaint_ref for each, _ in borrower.complaints_overdue(NINE + 3 * DAY)] == [
        "Q-1"
    ]


@pytest.mark.parametrize("score", [0, 6])
def test_a_score_is_one_to_five(score: int) -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ScoreNotSound):
        rate(borrower, score)
    with pytest.raises(no.ScoreNotSound):
        resolve(borrower, satisfaction=score)


def test_the_same_rating_twice_is_recorded_once() -> None:
    borrower = given(registered(), rate)

    rate(borrower)

    assert recorded(borrower) == []
    with pytest.raises(no.FeedbackRefReused):
        rate(borrower, 5)


def test_a_rating_of_a_complaint_names_one_that_is_known() -> None:
    borrower = given(registered())

    with pytest.raises(no.ComplaintUnknown):
        rate(borrower, complaint_ref="Q-9")


def care(contact_point: str = "P-1") -> Intent:
    return Intent(Purpose.CARE, Channel.PHONE, contact_point=contact_point)


def call_back(borrower: Borrower, contact_ref: str, at: datetime) -> str:
    found = borrower.decide_contact(
        act(), contact_ref=contact_ref, intent=care(), policies=RULES, at=at, occasion="call-back"
    )
    return str(answer(found))


def test_a_rating_by_call_back_needs_a_contact_of_care_that_was_allowed() -> None:
    borrower = given(registered(), add_point)
    by_call: dict[str, Any] = {"source": FeedbackSource.CALL_BACK}

    for contact_ref in (None, "B-1"):
        with pytest.raises(no.CallBackNotAllowed):
            rate(borrower, contact_ref=contact_ref, **by_call)

    assert call_back(borrower, "B-1", NINE + HOUR) == "ALLOW"
    rate(borrower, contact_ref="B-1", **by_call)
    assert recorded(borrower)[-1].contact_ref == "B-1"


def test_a_call_for_money_is_no_call_back() -> None:
    borrower = given(registered(), add_point)
    assert answer(ask(borrower, "C-1", at=NINE + HOUR)) == "ALLOW"

    with pytest.raises(no.CallBackNotAllowed):
        rate(borrower, source=FeedbackSource.CALL_BACK, contact_ref="C-1")


def test_call_backs_count_against_the_cap_and_are_refused_beyond_it() -> None:
    borrower = given(registered(), add_point)

    answers = []
    for day in range(3):
        at = NINE + HOUR + day * DAY
        answers.append(call_back(borrower, f"B-{day}", at))
        if answers[-1] == "ALLOW":
            result = Result(Outcome.CONVERSATION, at)
            borrower.tell_contact(act(), contact_ref=f"B-{day}", result=result)

    assert answers == ["ALLOW", "ALLOW", "BLOCK"]
    assert {each.reason for each in recorded(borrower)[-1].against} == {"CAP"}
    with pytest.raises(no.CallBackNotAllowed):
        rate(borrower, source=FeedbackSource.CALL_BACK, contact_ref="B-2")


def test_replay_and_snapshot_give_the_same_complaints() -> None:
    borrower = registered()
    complain(borrower)
    borrower.escalate_overdue(act(), at=NINE + 5 * HOUR)
    reply(borrower, NINE + 6 * HOUR)
    resolve(borrower)
    reopen(borrower)
    rate(borrower)

    again = replayed(borrower.pending_events)
    kept = from_snapshot(Borrower, BORROWER_ID, borrower.version, to_snapshot(borrower))

    assert isinstance(kept, Borrower)
    assert state(again) == state(borrower)
    assert (kept.complaints, kept.ratings) == (borrower.complaints, borrower.ratings)


LONGER = replace(
    level(Severity.LOW, hours=18, days=15),
    extensions=(Extension(Ground.COMPLEX, 30 * 24 * 60), Extension(Ground.SPECIAL, 60 * 24 * 60)),
)


def extend(borrower: Borrower, at: datetime = NINE + 10 * DAY, **changes: Any) -> None:
    fields = {
        "ground": Ground.COMPLEX,
        "reason": "three loans, two banks",
        "requested_by": "anna",
        "approved_by": "head",
        "level": LONGER,
        **changes,
    }
    borrower.extend_complaint(act(at.date()), complaint_ref="Q-1", extended_at=at, **fields)


def slow(borrower: Borrower) -> None:
    complain(borrower, severity=Severity.LOW, level=LONGER)


def test_a_complex_complaint_has_thirty_days_in_all_and_a_special_one_thirty_more() -> None:
    borrower = given(registered(), slow)

    extend(borrower)
    extend(borrower, NINE + 29 * DAY, ground=Ground.SPECIAL)

    first, second = recorded(borrower)
    assert (first.resolve_before, first.resolve_by) == (NINE + 15 * DAY, NINE + 30 * DAY)
    assert (second.resolve_by, second.extension, second.ground) == (NINE + 60 * DAY, 2, "SPECIAL")
    assert (second.requested_by, second.approved_by) == ("anna", "head")
    action = borrower.next_action()
    assert action is not None and action.kind == "COMPLAINT"


def test_a_complaint_is_not_special_before_it_is_complex_nor_put_off_twice_for_one_ground() -> None:
    borrower = given(registered(), slow)

    with pytest.raises(no.ExtensionNotAllowed, match="on the ground COMPLEX next"):
        extend(borrower, ground=Ground.SPECIAL)
    extend(borrower)
    with pytest.raises(no.ExtensionNotAllowed, match="SPECIAL next"):
        extend(borrower)
    extend(borrower, ground=Ground.SPECIAL)
    with pytest.raises(no.ExtensionNotAllowed, match="no further"):
        extend(borrower, ground=Ground.SPECIAL)


def test_a_level_that_allows_no_more_time_gives_none() -> None:
    borrower = given(registered(), complain)

    with pytest.raises(no.ExtensionNotAllowed, match="no further"):
        extend(borrower, NINE + DAY, level=level())


def test_a_time_that_is_over_is_not_extended() -> None:
    borrower = given(registered(), slow)

    with pytest.raises(no.ExtendedTooLate, match="was to be resolved by 2025-01-30"):
        extend(borrower, NINE + 15 * DAY + HOUR)
    extend(borrower, NINE + 15 * DAY)

    assert len(recorded(borrower)) == 1


def test_who_asks_for_more_time_does_not_approve_it() -> None:
    with pytest.raises(SamePerson):
        extend(given(registered(), slow), approved_by="Anna")


def test_a_complaint_that_is_over_takes_no_longer() -> None:
    borrower = given(registered(), slow, resolve)

    with pytest.raises(no.ComplaintOver):
        extend(borrower)


def test_what_was_reopened_may_be_put_off_anew_from_its_new_start() -> None:
    borrower = given(registered(), slow, extend, lambda one: resolve(one, NINE + 20 * DAY))
    reopen(borrower, NINE + 40 * DAY, level=LONGER)

    extend(borrower, NINE + 41 * DAY)

    assert recorded(borrower)[-1].resolve_by == NINE + 70 * DAY


def test_what_was_put_off_escalates_when_the_longer_time_is_over() -> None:
    borrower = registered()
    for step in (slow, reply, extend):
        step(borrower)

    assert borrower.complaints_overdue(NINE + 16 * DAY) == []
    ((_, cause),) = borrower.complaints_overdue(NINE + 31 * DAY)

    assert cause == Cause.RESOLUTION_OVERDUE
    assert state(replayed(borrower.pending_events)) == state(borrower)
