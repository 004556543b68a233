"""The end-of-day run: every day, in order, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.base.complaint_policy import Severity
from domain.base.terms import Renewal
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, Verdict
from domain.commands import borrowers, complaints, days, loans
from domain.commands.book import Book
from domain.loan.loan import Loan
from domain.operations.business_day import BusinessDay, DayOutOfOrder
from tests.domain.commands.books import (
    JAN_15,
    OFFER,
    act,
    applied,
    at,
    disbursed,
    loan_of,
    offered,
    registered,
    repay,
    signed,
)

FEB_15 = date(2025, 2, 15)
FEB_16 = date(2025, 2, 16)
ZONE = "Asia/Shanghai"


class Killed(BaseException):
    """The process died here."""


def close(book: Book, until: date) -> list[tuple[date, dict[str, int]]]:
    return days.close_days(book, until, zone=ZONE, now=lambda: at(until))


def events_of(book: Book, stream_id: UUID) -> list[Any]:
    return list(book.events.get(stream_id))


def test_a_new_book_has_no_business_date(book: Book) -> None:
    assert days.business_date(book) is None


def test_the_business_date_is_the_day_after_the_last_closed_one(book: Book) -> None:
    close(book, JAN_15)

    assert days.business_date(book) == date(2025, 1, 16)


def test_an_opened_day_is_the_business_date_until_it_is_closed(book: Book) -> None:
    days.open_day(book, JAN_15, zone=ZONE, now=at(JAN_15))
    days.open_day(book, JAN_15, zone=ZONE, now=at(JAN_15))
    assert days.business_date(book) == JAN_15

    close(book, JAN_15)

    assert [type(event).__name__ for event in events_of(book, days.days_id(book))] == [
        "BookOpened",
        "DayOpened",
        "DayClosed",
    ]


def test_a_closed_day_is_not_opened_again(book: Book) -> None:
    close(book, JAN_15)

    with pytest.raises(DayOutOfOrder):
        days.open_day(book, JAN_15, zone=ZONE, now=at(JAN_15))


def test_the_run_says_what_it_did(book: Book) -> None:
    disbursed(book)
    disbursed(book)
    close(book, FEB_15)

    ((day, counts),) = close(book, FEB_16)

    assert day == FEB_16
    assert counts == {
        "loan.went-overdue": 2,
        "loan.bucket-changed": 2,
        "loan.asset-class-changed": 2,
    }
    closed = events_of(book, days.days_id(book))[-1]
    assert [(count.kind, count.count) for count in closed.done] == [
        ("loan.asset-class-changed", 2),
        ("loan.bucket-changed", 2),
        ("loan.went-overdue", 2),
    ]


def test_missed_days_are_caught_up_in_order(book: Book) -> None:
    loan_id = disbursed(book)
    close(book, JAN_15)

    done = close(book, date(2025, 3, 20))

    assert [day for day, _ in done] == [
        JAN_15 + timedelta(days=number) for number in range(1, len(done) + 1)
    ]
    labels = [e for e in events_of(book, loan_id) if isinstance(e, Loan.BucketChanged)]
    assert [(label.bucket, label.business_on) for label in labels] == [
        ("M1", FEB_16),
        ("M2", date(2025, 3, 18)),
    ]


def test_closing_a_day_twice_changes_nothing(book: Book) -> None:
    loan_id = disbursed(book)
    close(book, FEB_15)
    close(book, FEB_16)
    before = (loan_of(book, loan_id).version, len(events_of(book, days.days_id(book))))

    assert close(book, FEB_16) == []

    assert (loan_of(book, loan_id).version, len(events_of(book, days.days_id(book)))) == before


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
def test_a_run_that_was_killed_goes_on_where_it_stopped(
    book: Book, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(days, "BATCH_STREAMS", 2)
    ids = [disbursed(book) for _ in range(5)]
    close(book, FEB_15)
    keep = Book.keep
    kept: list[Any] = []

    def dies(book: Book, *args: Any) -> None:
        if len(kept) == killed_at:
            raise Killed
        kept.append(args)
        keep(book, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Book, "keep", dies)
        with pytest.raises(Killed):
            close(book, FEB_16)
    assert days.business_date(book) == FEB_16
    close(book, FEB_16)

    for loan_id in ids:
        names = [type(event).__name__ for event in events_of(book, loan_id)]
        assert names.count("WentOverdue") == 1
        assert names.count("BucketChanged") == 1
    assert days.business_date(book) == date(2025, 2, 17)


def test_a_run_that_died_before_its_only_transaction_left_nothing(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan_id = disbursed(book)
    close(book, FEB_15)

    def dies(book: Book, *_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Book, "keep", dies)
        with pytest.raises(Killed):
            close(book, FEB_16)
    assert loan_of(book, loan_id).version == 5
    close(book, FEB_16)

    assert loan_of(book, loan_id).version == 8


@pytest.mark.parametrize("batch_streams", [2, 200])
def test_a_writer_who_was_faster_is_respected(
    book: Book, monkeypatch: pytest.MonkeyPatch, batch_streams: int
) -> None:
    monkeypatch.setattr(days, "BATCH_STREAMS", batch_streams)
    ids = [disbursed(book) for _ in range(3)]
    close(book, FEB_15)
    keep = Book.keep
    faster: list[UUID] = []

    def slower(book: Book, *args: Any) -> None:
        if not faster and any(isinstance(stream, Loan) for stream in args[1:]):
            faster.append(ids[1])
            repay(book, ids[1], "P-1", 86_07, FEB_15, known_on=FEB_16)
        keep(book, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Book, "keep", slower)
        ((_, counts),) = close(book, FEB_16)

    assert counts == {
        "loan.went-overdue": 2,
        "loan.bucket-changed": 2,
        "loan.asset-class-changed": 2,
    }
    assert loan_of(book, ids[1]).bucket == "M0"


def test_a_promise_is_kept_while_its_payment_stands_and_broken_once_it_bounced(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    for ref, on in (("W-1", FEB_15), ("W-2", date(2025, 2, 20))):
        borrowers.promise(
            book, act(JAN_15), promise_ref=ref, loan_id=loan_id, amount=50_00, promised_on=on
        )
    close(book, date(2025, 2, 14))
    repay(book, loan_id, "P-1", 50_00, FEB_15)

    close(book, FEB_15)
    assert book.get(Borrower, borrower_id).promises["W-1"].state == "OPEN"
    close(book, FEB_16)
    assert book.get(Borrower, borrower_id).promises["W-1"].state == "KEPT"
    loans.reverse(
        book, act(date(2025, 2, 18)), loan_id=loan_id, payment_ref="P-1", reason="bounced"
    )
    close(book, date(2025, 2, 21))

    promises = book.get(Borrower, borrower_id).promises
    assert (promises["W-1"].state, promises["W-2"].state) == ("BROKEN", "BROKEN")
    broken = events_of(book, borrower_id)[-1]
    assert (broken.effective_on, broken.business_on) == (date(2025, 2, 20), date(2025, 2, 21))
    assert (broken.promised, broken.received) == (50_00, 0)


def test_an_application_nobody_decides_expires(book: Book) -> None:
    loan_id = applied(book)
    close(book, date(2025, 2, 14))
    assert loan_of(book, loan_id).state == "APPLIED"

    close(book, date(2025, 2, 15))

    assert loan_of(book, loan_id).state == "EXPIRED"
    assert book.streams.due(date(2030, 1, 1), "loan", None, 10) == []


def test_every_day_of_a_long_history_is_one_stream(book: Book) -> None:
    close(book, JAN_15)
    close(book, JAN_15 + timedelta(days=60))

    stream = book.get(BusinessDay, days.days_id(book))
    assert stream.version == 1 + 2 * 61
    assert stream.closed_on == JAN_15 + timedelta(days=60)


def complain(book: Book, opened_at: datetime) -> UUID:
    """A borrower whose complaint is to be answered within the hour, and resolved in two days."""
    borrower_id = registered(book)
    complaints.open_complaint(
        book,
        act(opened_at.date()),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        severity=Severity.CRITICAL,
        category=Category.COLLECTION,
        came_by=Came.HOTLINE,
        opened_at=opened_at,
    )
    return borrower_id


def escalated(book: Book, borrower_id: UUID) -> list[tuple[date, str]]:
    return [
        (event.business_on, event.cause)
        for event in events_of(book, borrower_id)
        if isinstance(event, Borrower.ComplaintEscalated)
    ]


def test_the_run_escalates_complaints_of_which_a_deadline_passed_on_the_day(book: Book) -> None:
    close(book, date(2025, 1, 14))
    borrower_id = complain(book, datetime(2025, 1, 15, 14, 0, tzinfo=UTC))

    close(book, date(2025, 1, 20))

    assert escalated(book, borrower_id) == [
        (JAN_15, "ANSWER_OVERDUE"),
        (date(2025, 1, 17), "RESOLUTION_OVERDUE"),
    ]


def test_a_run_before_the_end_of_its_day_leaves_what_is_still_to_pass_to_the_next(
    book: Book,
) -> None:
    borrower_id = complain(book, datetime(2025, 1, 15, 12, 0, tzinfo=UTC))

    close(book, JAN_15)  # at 10:00 UTC, before the deadline
    assert escalated(book, borrower_id) == []

    close(book, date(2025, 1, 16))
    assert escalated(book, borrower_id) == [(date(2025, 1, 16), "ANSWER_OVERDUE")]


def test_a_complaint_that_was_resolved_in_time_is_not_escalated(book: Book) -> None:
    opened_at = datetime(2025, 1, 15, 14, 0, tzinfo=UTC)
    borrower_id = complain(book, opened_at)
    complaints.resolve_complaint(
        book,
        act(),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        outcome=Verdict.NOT_UPHELD,
        resolved_at=opened_at,
    )

    close(book, date(2025, 1, 20))

    assert escalated(book, borrower_id) == []


def renewable(book: Book) -> tuple[UUID, UUID]:
    """A borrower, and a loan of three months whose renewal is offered from 5 April on."""
    offered(book, replace(OFFER, code="RENEWS", term_months_min=3, renewal=Renewal(3, 1, 10)))
    borrower_id = registered(book)
    loan_id = signed(book, JAN_15, borrower_id, code="RENEWS", term_months=3)
    loans.disburse(book, act(JAN_15), loan_id=loan_id, disbursement_ref="D-1", paid_to="r")
    for number, row in enumerate(loan_of(book, loan_id).instalments[:2]):
        repay(book, loan_id, f"P-{number}", row.principal + row.interest, row.due_on)
    return borrower_id, loan_id


def dispute(book: Book, borrower_id: UUID, **about: Any) -> None:
    said = act(date(2025, 4, 1))
    borrowers.set_hold(
        book,
        said,
        borrower_id=borrower_id,
        hold_ref="H-1",
        kind="DISPUTE",
        reason="disputes it",
        **about,
    )


def test_a_renewal_is_offered_once_the_hold_is_over_that_kept_it_back(book: Book) -> None:
    borrower_id, loan_id = renewable(book)
    dispute(book, borrower_id)

    close(book, date(2025, 4, 1))
    close(book, date(2025, 4, 7))
    assert loan_of(book, loan_id).renewal is None
    lifted = act(date(2025, 4, 8))
    borrowers.lift_hold(book, lifted, borrower_id=borrower_id, hold_ref="H-1", reason="settled")
    close(book, date(2025, 4, 8))

    renewal = loan_of(book, loan_id).renewal
    assert renewal is not None
    assert (renewal.sequence, renewal.valid_until_on) == (1, date(2025, 4, 15))


def test_no_renewal_is_offered_when_the_hold_outlasts_the_time_for_it(book: Book) -> None:
    borrower_id, loan_id = renewable(book)
    dispute(book, borrower_id)

    close(book, date(2025, 4, 1))
    close(book, date(2025, 4, 16))
    lifted = act(date(2025, 4, 17))
    borrowers.lift_hold(book, lifted, borrower_id=borrower_id, hold_ref="H-1", reason="settled")
    close(book, date(2025, 4, 17))

    assert loan_of(book, loan_id).renewal is None


def test_a_hold_on_another_debt_keeps_no_renewal_back(book: Book) -> None:
    borrower_id, loan_id = renewable(book)
    other = disbursed(book, borrower_id=borrower_id)
    dispute(book, borrower_id, loan_ids=[other])

    close(book, date(2025, 4, 1))
    close(book, date(2025, 4, 5))

    assert loan_of(book, loan_id).renewal is not None
