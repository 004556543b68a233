"""Complaints on the book: with their hold in one transaction, and escalated by the clock."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.complaint_policy import Severity
from domain.base.contact_policy import Channel, Purpose, Reason
from domain.base.stream import Stream
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_events import Cause
from domain.borrower.complaint_words import Came, Category, Verdict
from domain.borrower.why import ways
from domain.commands import borrowers, complaints
from domain.commands.book import Book
from domain.commands.borrowers import NotTheBorrowers
from tests.domain.commands.books import act, disbursed, registered

MON = date(2025, 3, 3)
TEN = datetime(2025, 3, 3, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def book(shared: Book) -> Book:
    return shared


def complain(book: Book, borrower_id: UUID, on: date = MON, **changes: Any) -> None:
    fields = {
        "complaint_ref": "Q-1",
        "severity": Severity.CRITICAL,
        "category": Category.COLLECTION,
        "came_by": Came.PLATFORM,
        "opened_at": TEN,
        **changes,
    }
    complaints.open_complaint(book, act(on), borrower_id=borrower_id, **fields)


def resolve(book: Book, borrower_id: UUID, at: datetime = TEN + DAY) -> None:
    complaints.resolve_complaint(
        book,
        act(at.date()),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        outcome=Verdict.UPHELD,
        resolved_at=at,
    )


def topics(book: Book, stream_id: UUID) -> list[str]:
    return [
        str(event.TOPIC)  # type: ignore[attr-defined]
        for event in book.events.get(stream_id)
        if isinstance(event, Stream.Event)
    ]


def of(book: Book, borrower_id: UUID) -> Borrower:
    return book.get(Borrower, borrower_id)


def stopped(book: Book, borrower_id: UUID, loan_id: UUID, purpose: Purpose, at: datetime) -> bool:
    """Whether a hold stands against a letter about the loan."""
    (way,) = ways(
        of(book, borrower_id),
        book.rules.contact,
        at,
        loan_id=loan_id,
        purposes=[purpose],
        channels=[Channel.LETTER],
    )
    return Reason.HOLD in {each.reason for each in way.decision.objections}


def test_a_complaint_holds_collection_of_its_debt_until_it_is_resolved(book: Book) -> None:
    borrower_id = registered(book)
    loan_id, other = (disbursed(book, borrower_id=borrower_id) for _ in range(2))

    complain(book, borrower_id, loan_id=loan_id)

    noon = TEN + 2 * HOUR
    assert stopped(book, borrower_id, loan_id, Purpose.COLLECTION, noon)
    assert not stopped(book, borrower_id, loan_id, Purpose.SERVICE_REMINDER, noon)
    assert not stopped(book, borrower_id, other, Purpose.COLLECTION, noon)

    resolve(book, borrower_id)

    assert not stopped(book, borrower_id, loan_id, Purpose.COLLECTION, noon + 2 * DAY)
    assert topics(book, borrower_id)[1:] == [
        "borrower.complaint-opened",
        "borrower.hold-set",
        "borrower.complaint-resolved",
        "borrower.hold-lifted",
    ]


def test_a_complaint_about_no_loan_holds_collection_of_all_of_them(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    complain(book, borrower_id)

    assert stopped(book, borrower_id, loan_id, Purpose.COLLECTION, TEN + HOUR)


def test_a_complaint_is_about_a_loan_of_the_borrower(book: Book) -> None:
    borrower_id = registered(book)

    with pytest.raises(NotTheBorrowers):
        complain(book, borrower_id, loan_id=disbursed(book))

    assert of(book, borrower_id).complaints == {}


def test_the_same_complaint_twice_sets_one_hold(book: Book) -> None:
    borrower_id = registered(book)

    for _ in range(2):
        complain(book, borrower_id)

    assert list(of(book, borrower_id).holds) == ["Q-1/1"]


def test_a_reopened_complaint_holds_collection_anew(book: Book) -> None:
    borrower_id = registered(book)
    complain(book, borrower_id)
    resolve(book, borrower_id)

    complaints.reopen_complaint(
        book,
        act(MON + 2 * DAY),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        reason="it goes on",
        reopened_at=TEN + 2 * DAY,
    )

    standing = {ref: hold.lifted_on for ref, hold in of(book, borrower_id).holds.items()}
    assert standing == {"Q-1/1": date(2025, 3, 4), "Q-1/2": None}
    assert of(book, borrower_id).complaint("Q-1").respond_by == TEN + 2 * DAY + HOUR


def test_a_hold_that_staff_lifted_before_stays_lifted_from_that_day(book: Book) -> None:
    borrower_id = registered(book)
    complain(book, borrower_id)
    borrowers.lift_hold(
        book, act(MON), borrower_id=borrower_id, hold_ref="Q-1/1", reason="the borrower asks for it"
    )

    resolve(book, borrower_id)

    assert of(book, borrower_id).holds["Q-1/1"].lifted_on == MON
    assert topics(book, borrower_id)[-1] == "borrower.complaint-resolved"


def test_deadlines_are_those_of_the_desk_in_force(book: Book) -> None:
    borrower_id = registered(book)
    friday = datetime(2025, 3, 7, 9, 30, tzinfo=UTC)

    complain(book, borrower_id, severity=Severity.MEDIUM, opened_at=friday)

    known = of(book, borrower_id).complaint("Q-1")
    assert known.respond_by == datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
    assert known.resolve_by == friday + 10 * DAY


def test_the_desk_that_answers_keeps_the_hours_and_holidays_of_where_the_borrower_is(
    book: Book,
) -> None:
    borrower_id, thursday = uuid4(), date(2025, 7, 3)
    borrowers.register(
        book, act(thursday), borrower_id=borrower_id, jurisdiction="US", zones=["America/New_York"]
    )
    four = datetime(2025, 7, 3, 20, 0, tzinfo=UTC)  # in the afternoon in New York

    complain(book, borrower_id, thursday, severity=Severity.MEDIUM, opened_at=four)

    # Two hours of that day, none on Independence Day or at the weekend, seven on Monday.
    assert of(book, borrower_id).complaints["Q-1"].respond_by == four + 4 * DAY


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "UK", "IN", "EU"])
@pytest.mark.parametrize("severity", [Severity.LOW, Severity.MEDIUM])
def test_each_jurisdiction_has_a_desk_of_its_own(
    book: Book, jurisdiction: str, severity: Severity
) -> None:
    level = book.policies.complaint_level(severity, MON, jurisdiction)

    assert level is not None
    assert level.desk is not None
    assert level.desk.calendar == jurisdiction


def test_a_more_severe_complaint_is_due_by_the_level_in_force_for_that(book: Book) -> None:
    borrower_id = registered(book)
    complain(book, borrower_id, severity=Severity.LOW)

    complaints.escalate_complaint(
        book,
        act(MON),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        reason="the press asks",
        escalated_at=TEN + HOUR,
        severity=Severity.CRITICAL,
        escalated_to="ombudsman",
    )

    known = of(book, borrower_id).complaint("Q-1")
    assert (known.respond_by, known.resolve_by) == (TEN + 2 * HOUR, TEN + HOUR + 2 * DAY)


def clock(book: Book, at: datetime, *borrowers_asked: UUID) -> list[tuple[str, str]]:
    """What a look at the clock escalates of some borrowers."""
    found = []
    for by, receipt in complaints.escalate_all_overdue(book, at, act=lambda: act(at.date())):
        found += [
            (event.complaint_ref, event.cause)
            for event in book.events.get(receipt.stream_id)
            if isinstance(event, Borrower.ComplaintEscalated)
            and event.command_id == by.command_id
            and receipt.stream_id in borrowers_asked
        ]
    return found


def test_the_clock_escalates_what_is_overdue_and_only_once(book: Book) -> None:
    late, answered = (registered(book) for _ in range(2))
    complain(book, late)
    complain(book, answered)
    complaints.answer_complaint(
        book, act(MON), borrower_id=answered, complaint_ref="Q-1", answered_at=TEN + HOUR / 2
    )

    assert clock(book, TEN + HOUR, late, answered) == []
    assert clock(book, TEN + 2 * HOUR, late, answered) == [("Q-1", Cause.ANSWER_OVERDUE)]
    assert clock(book, TEN + 3 * HOUR, late, answered) == []
    both = clock(book, TEN + 3 * DAY, late, answered)
    assert Counter(cause for _, cause in both) == {Cause.RESOLUTION_OVERDUE: 2}


def test_an_unknown_complaint_is_refused(book: Book) -> None:
    with pytest.raises(no.ComplaintUnknown):
        resolve(book, registered(book))


def test_an_id_given_again_opens_no_second_complaint(book: Book) -> None:
    borrower_id = registered(book)
    said = act(MON, uuid4())
    fields: dict[str, Any] = {
        "borrower_id": borrower_id,
        "complaint_ref": "Q-1",
        "severity": Severity.HIGH,
        "category": Category.COST,
        "came_by": Came.APP,
        "opened_at": TEN,
    }

    first = complaints.open_complaint(book, said, **fields)
    again = complaints.open_complaint(book, said, **fields)

    assert (first.repeated, again.repeated) == (False, True)
    assert len(topics(book, borrower_id)) == 3
