"""What can be done about complaints of a borrower, and what a borrower thinks of us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.complaint_policy import ComplaintLevel, Ground, Severity
from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from domain.commands.book import Book, Due, LoansOfBorrower, Receipt, command
from domain.commands.borrowers import end_hold, place_hold

HOLD = "COMPLAINT"
"""The kind of hold that an open complaint brings."""

BATCH_STREAMS = 200


@command
def open_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    severity: Severity,
    category: Category,
    came_by: Came,
    opened_at: datetime,
    loan_id: UUID | None = None,
    all_loans: LoansOfBorrower | None = None,
    said_ref: str | None = None,
) -> tuple[Stream, ...]:
    """Let a complaint be open, and keep collection away from its debt.

    Without *loan_id* it is about *all_loans*, as far as they are known to the caller.

    Raises:
        NotTheBorrowers: the loan is another borrower's.
    """
    borrower = book.get(Borrower, borrower_id)
    level, desk_days = _level(book, act, borrower, severity)
    borrower.open_complaint(
        act,
        complaint_ref=complaint_ref,
        severity=severity,
        category=category,
        came_by=came_by,
        opened_at=opened_at,
        level=level,
        desk_days=desk_days,
        loan_id=loan_id,
        said_ref=said_ref,
    )
    return _held(book, act, borrower, complaint_ref, all_loans, known_at=opened_at)


@command
def answer_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    answered_at: datetime,
    contact_ref: str | None = None,
    said_ref: str | None = None,
) -> Borrower:
    """Let a complaint be answered."""
    borrower = book.get(Borrower, borrower_id)
    borrower.answer_complaint(
        act,
        complaint_ref=complaint_ref,
        answered_at=answered_at,
        contact_ref=contact_ref,
        said_ref=said_ref,
    )
    return borrower


@command
def escalate_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    reason: str,
    escalated_at: datetime,
    severity: Severity | None = None,
    escalated_to: str | None = None,
) -> Borrower:
    """Let a complaint go to the next level, on a person's word."""
    borrower = book.get(Borrower, borrower_id)
    level, desk_days = (None, None) if severity is None else _level(book, act, borrower, severity)
    borrower.escalate_complaint(
        act,
        complaint_ref=complaint_ref,
        reason=reason,
        escalated_at=escalated_at,
        severity=severity,
        escalated_to=escalated_to,
        level=level,
        desk_days=desk_days,
    )
    return borrower


@command
def extend_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    ground: Ground,
    reason: str,
    approved_by: str,
    extended_at: datetime,
) -> Borrower:
    """Let a complaint take longer; who acts asks for it, somebody else approves."""
    borrower = book.get(Borrower, borrower_id)
    severity = Severity(borrower.complaint(complaint_ref).severity)
    level, _ = _level(book, act, borrower, severity)
    borrower.extend_complaint(
        act,
        complaint_ref=complaint_ref,
        ground=ground,
        reason=reason,
        requested_by=act.actor,
        approved_by=approved_by,
        extended_at=extended_at,
        level=level,
    )
    return borrower


@command
def resolve_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    outcome: Verdict,
    resolved_at: datetime,
    remedy: str | None = None,
    satisfaction: int | None = None,
    said_ref: str | None = None,
) -> tuple[Stream, ...]:
    """Let a complaint come to its end, and collection go on."""
    borrower = book.get(Borrower, borrower_id)
    borrower.resolve_complaint(
        act,
        complaint_ref=complaint_ref,
        outcome=outcome,
        resolved_at=resolved_at,
        remedy=remedy,
        satisfaction=satisfaction,
        said_ref=said_ref,
    )
    hold_ref = borrower.complaint(complaint_ref).hold_ref
    if not borrower.pending_events or hold_ref not in borrower.holds:
        return (borrower,)
    reason = f"complaint {complaint_ref} resolved"
    return end_hold(book, act, borrower, hold_ref=hold_ref, reason=reason)


@command
def reopen_complaint(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    complaint_ref: str,
    reason: str,
    reopened_at: datetime,
    severity: Severity | None = None,
    all_loans: LoansOfBorrower | None = None,
    said_ref: str | None = None,
) -> tuple[Stream, ...]:
    """Let a complaint that was resolved be open again, and keep collection away again."""
    borrower = book.get(Borrower, borrower_id)
    known = borrower.complaint(complaint_ref)
    level, desk_days = _level(book, act, borrower, severity or Severity(known.severity))
    borrower.reopen_complaint(
        act,
        complaint_ref=complaint_ref,
        reason=reason,
        reopened_at=reopened_at,
        level=level,
        desk_days=desk_days,
        severity=severity,
        said_ref=said_ref,
    )
    return _held(book, act, borrower, complaint_ref, all_loans, known_at=reopened_at)


@command
def give_feedback(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    feedback_ref: str,
    source: FeedbackSource,
    score: int,
    occasion: str,
    given_at: datetime,
    contact_ref: str | None = None,
    complaint_ref: str | None = None,
    said_ref: str | None = None,
) -> Borrower:
    """Note what a borrower thinks of us."""
    borrower = book.get(Borrower, borrower_id)
    borrower.give_feedback(
        act,
        feedback_ref=feedback_ref,
        source=source,
        score=score,
        occasion=occasion,
        given_at=given_at,
        contact_ref=contact_ref,
        complaint_ref=complaint_ref,
        said_ref=said_ref,
    )
    return borrower


# --- the clock -------------------------------------------------------------------------


@command
def escalate_overdue(book: Book, act: Act, *, borrower_id: UUID, at: datetime) -> Borrower:
    """Let a borrower's complaints go to the next level of which a deadline passed."""
    borrower = book.get(Borrower, borrower_id)
    borrower.escalate_overdue(act, at=at)
    return borrower


def escalate_all_overdue(
    book: Book, at: datetime, *, act: Callable[[], Act]
) -> Iterator[tuple[Act, Receipt]]:
    """Escalate every complaint of which a deadline passed before *at*; what came of each.

    Candidates come from the next-action index. Each borrower is attended to under an act
    of its own.
    """
    after: Due | None = None
    on = at.astimezone(UTC).date()
    while due := book.streams.due(on, Borrower.TOPIC, after, BATCH_STREAMS):
        after = due[-1]
        for borrower in book.get_many(Borrower, [each.stream_id for each in due]).values():
            if borrower.complaints_overdue(at):
                by = act()
                yield by, escalate_overdue(book, by, borrower_id=borrower.id, at=at)


def _held(
    book: Book,
    act: Act,
    borrower: Borrower,
    complaint_ref: str,
    all_loans: LoansOfBorrower | None,
    *,
    known_at: datetime,
) -> tuple[Stream, ...]:
    if not borrower.pending_events:
        return (borrower,)
    known = borrower.complaint(complaint_ref)
    return place_hold(
        book,
        act,
        borrower,
        hold_ref=known.hold_ref,
        kind=HOLD,
        reason=f"complaint {complaint_ref}",
        loan_ids=None if known.loan_id is None else [known.loan_id],
        all_loans=all_loans,
        known_at=known_at,
    )


def _level(
    book: Book, act: Act, borrower: Borrower, severity: Severity
) -> tuple[ComplaintLevel | None, BusinessDays | None]:
    """The level in force for a borrower, and the business days of its desk."""
    level = book.policies.complaint_level(severity, act.business_on, borrower.jurisdiction)
    desk = None if level is None else level.desk
    return level, None if desk is None else book.business_days(desk.calendar)
