"""What is answered about complaints, on real PostgreSQL, for today and for any past day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.base.complaint_policy import Ground, Severity
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from infra import complaint_queries as queries
from infra.complaint_answers import RightsReport, ShownComplaint
from tests.infra.views_at_work import (
    POLICIES,
    ViewsAtWork,
    act,
    borrower,
    lent,
    loan_id,
    views_at_work,
)

MON = date(2026, 9, 7)
TUE = date(2026, 9, 8)
TEN = datetime(2026, 9, 7, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, on Monday."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def complain(ada: Borrower, complaint_ref: str = "Q-1", on: date = MON, **changes: Any) -> None:
    severity = changes.pop("severity", Severity.HIGH)
    fields = {
        "category": Category.COLLECTION,
        "came_by": Came.HOTLINE,
        "opened_at": TEN + (on - MON),
        **changes,
    }
    ada.open_complaint(
        act(on),
        complaint_ref=complaint_ref,
        severity=severity,
        level=POLICIES.complaint_level(severity, on, "CN"),
        desk_days=None,
        **fields,
    )


def resolve(
    ada: Borrower,
    complaint_ref: str = "Q-1",
    after: timedelta = DAY,
    outcome: Verdict = Verdict.UPHELD,
    satisfaction: int | None = None,
) -> None:
    at = TEN + after
    ada.resolve_complaint(
        act(at.date()),
        complaint_ref=complaint_ref,
        outcome=outcome,
        resolved_at=at,
        satisfaction=satisfaction,
    )


def board(at_work: ViewsAtWork, on: date = MON, after: timedelta = HOUR) -> list[ShownComplaint]:
    return queries.board(at_work.conn, on, TEN + after).found.complaints


def report(at_work: ViewsAtWork, on: date = TUE, *days: date | None) -> RightsReport:
    return queries.rights_report(at_work.conn, on, TEN, *days).found


def test_the_board_tells_the_time_that_is_left_the_worst_first(at_work: ViewsAtWork) -> None:
    ada, bob = borrower("Ada"), borrower("Bob")
    complain(ada, loan_id=loan_id("L-1"))
    complain(bob, "Q-2", severity=Severity.CRITICAL)
    at_work.show(lent(), ada, bob)

    found = board(at_work, after=2 * HOUR)

    assert [(each.complaint_ref, each.minutes_left) for each in found] == [
        ("Q-2", -60),
        ("Q-1", 120),
    ]
    assert [each.loan_ref for each in found] == [None, "L-1"]


def test_the_board_shows_the_longer_time_and_why(at_work: ViewsAtWork) -> None:
    ada, bob = borrower("Ada"), borrower("Bob")
    for one in (ada, bob):
        complain(one, severity=Severity.LOW)
        one.answer_complaint(act(MON), complaint_ref="Q-1", answered_at=TEN + HOUR)
        one.extend_complaint(
            act(TUE),
            complaint_ref="Q-1",
            ground=Ground.COMPLEX,
            reason="two banks",
            requested_by="anna",
            approved_by="head",
            extended_at=TEN + DAY,
            level=POLICIES.complaint_level(Severity.LOW, TUE, "CN"),
        )
    resolve(bob, after=2 * DAY)
    at_work.show(ada, bob)
    wed = date(2026, 9, 9)

    (before, _), (shown,) = board(at_work, MON), board(at_work, wed, after=2 * DAY)

    assert (before.extended, before.resolve_by) == (None, TEN + 15 * DAY)
    assert (shown.extended, shown.due_at) == ("COMPLEX: two banks", TEN + 30 * DAY)
    assert [(each.change, each.approved_by) for each in shown.steps][-1] == ("EXTENDED", "head")
    assert queries.borrowers_put_off(at_work.conn, wed) == [ada.id]
    assert queries.borrowers_put_off(at_work.conn, MON) == []


def test_an_answered_complaint_is_due_when_it_must_be_resolved(at_work: ViewsAtWork) -> None:
    ada = borrower()
    complain(ada)
    ada.answer_complaint(act(MON), complaint_ref="Q-1", answered_at=TEN + HOUR)
    at_work.show(ada)

    (found,) = board(at_work)

    assert (found.stage, found.due_at) == ("ANSWERED", TEN + 5 * DAY)


def test_the_board_of_a_past_day_shows_what_was_open_then(at_work: ViewsAtWork) -> None:
    ada = borrower()
    complain(ada)
    resolve(ada)
    at_work.show(ada)

    assert [each.complaint_ref for each in board(at_work, MON)] == ["Q-1"]
    assert board(at_work, TUE) == []


def test_a_complaint_is_shown_with_every_step_and_the_deadlines_in_force(
    at_work: ViewsAtWork,
) -> None:
    ada = borrower()
    complain(ada)
    ada.escalate_complaint(
        act(MON),
        complaint_ref="Q-1",
        reason="the press asks",
        escalated_at=TEN + HOUR / 2,
        severity=Severity.CRITICAL,
        level=POLICIES.complaint_level(Severity.CRITICAL, MON, "CN"),
    )
    ada.give_feedback(
        act(MON),
        feedback_ref="R-1",
        source=FeedbackSource.APP,
        score=1,
        occasion="service",
        given_at=TEN,
    )
    at_work.show(ada)

    found = queries.of_borrower(at_work.conn, ada.id, MON, TEN + HOUR).found

    assert found is not None
    (shown,) = found.complaints
    assert (shown.severity, shown.escalations, shown.respond_by) == (
        "CRITICAL",
        1,
        TEN + HOUR * 3 / 2,
    )
    assert [step.change for step in shown.steps] == ["OPENED", "ESCALATED"]
    assert [each.score for each in found.ratings] == [1]


def test_of_somebody_who_is_not_known_there_is_nothing(at_work: ViewsAtWork) -> None:
    at_work.show(borrower())

    assert queries.of_borrower(at_work.conn, loan_id("nobody"), MON, TEN).found is None


def test_the_report_counts_what_came_in_and_what_became_of_it(at_work: ViewsAtWork) -> None:
    ada, bob = borrower("Ada"), borrower("Bob")
    complain(ada)
    resolve(ada, after=10 * HOUR, satisfaction=5)
    complain(ada, "Q-2", category=Category.COST)
    complain(bob, "Q-3", severity=Severity.CRITICAL)
    bob.escalate_overdue(act(MON), at=TEN + 2 * HOUR)
    resolve(bob, "Q-3", after=21 * HOUR, outcome=Verdict.NOT_UPHELD, satisfaction=2)
    at_work.show(ada, bob)

    found = report(at_work)

    all_of_them = found.complaints
    assert (all_of_them.received, all_of_them.resolved, all_of_them.still_open) == (3, 2, 1)
    assert all_of_them.resolution_rate == Decimal("0.6667")
    assert all_of_them.median_hours_to_close == Decimal("15.5")
    assert (all_of_them.answered_in_time, all_of_them.resolved_in_time) == (0, 2)
    assert (all_of_them.upheld, all_of_them.escalated) == (1, 1)
    assert [(each.of, each.received) for each in found.by_category] == [
        ("COLLECTION", 2),
        ("COST", 1),
    ]
    assert [(each.of, each.resolution_rate) for each in found.by_severity] == [
        ("CRITICAL", Decimal(1)),
        ("HIGH", Decimal("0.5")),
    ]
    assert (found.satisfaction.csat, found.satisfaction.mean_score) == (
        Decimal("0.5"),
        Decimal("3.5"),
    )


def test_the_report_keeps_to_its_days_and_to_what_was_known(at_work: ViewsAtWork) -> None:
    ada = borrower()
    complain(ada)
    complain(ada, "Q-2", on=TUE)
    resolve(ada, after=2 * DAY, satisfaction=4)
    at_work.show(ada)
    wednesday = TUE + DAY

    assert report(at_work, wednesday, None, MON).complaints.resolved == 1
    assert report(at_work, TUE, None, MON).complaints.resolved == 0
    assert report(at_work, wednesday, TUE, None).complaints.received == 1
    assert report(at_work, wednesday, TUE, TUE).satisfaction.ratings == 0


def test_a_reopened_complaint_is_not_resolved_and_its_first_hours_count(
    at_work: ViewsAtWork,
) -> None:
    ada = borrower()
    complain(ada)
    resolve(ada, after=HOUR)
    ada.reopen_complaint(
        act(TUE),
        complaint_ref="Q-1",
        reason="it goes on",
        reopened_at=TEN + DAY,
        level=POLICIES.complaint_level(Severity.HIGH, TUE, "CN"),
        desk_days=None,
    )
    resolve(ada, after=2 * DAY)
    at_work.show(ada)

    on_tuesday, later = report(at_work, TUE).complaints, report(at_work, TUE + DAY).complaints

    assert (on_tuesday.resolved, on_tuesday.reopened) == (0, 1)
    assert (later.resolved, later.median_hours_to_close) == (1, Decimal("48.0"))


def test_without_a_complaint_there_are_no_shares(at_work: ViewsAtWork) -> None:
    at_work.show(borrower())

    found = report(at_work)

    assert (found.complaints.resolution_rate, found.satisfaction.csat) == (None, None)
