"""What can be done with a borrower."""

from datetime import date
from uuid import UUID

from domain.base.refs import short_ref
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.commands.book import Book, command
from domain.loan.loan import Loan


@command
def register(
    book: Book, act: Act, *, borrower_id: UUID, jurisdiction: str, zones: list[str]
) -> Borrower:
    """A borrower becomes known; one who is known already stays as registered."""
    known = book.find(Borrower, borrower_id)
    if known is not None:
        return known
    return Borrower.register(
        act,
        borrower_id,
        borrower_ref=short_ref("B", borrower_id),
        jurisdiction=jurisdiction,
        zones=zones,
    )


@command
def set_hold(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    hold_ref: str,
    kind: str,
    reason: str,
    from_on: date | None = None,
) -> Borrower:
    """Let a hold stand."""
    borrower = book.get(Borrower, borrower_id)
    borrower.set_hold(
        act,
        hold_ref=hold_ref,
        kind=kind,
        reason=reason,
        rule=book.policies.hold_rule(kind, act.business_on),
        from_on=from_on,
    )
    return borrower


@command
def lift_hold(book: Book, act: Act, *, borrower_id: UUID, hold_ref: str, reason: str) -> Borrower:
    """Let a hold end."""
    borrower = book.get(Borrower, borrower_id)
    borrower.lift_hold(act, hold_ref=hold_ref, reason=reason)
    return borrower


@command
def promise(
    book: Book, act: Act, *, promise_ref: str, loan_id: UUID, amount: int, promised_on: date
) -> Borrower:
    """Record a promise to pay on a loan."""
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    borrower.promise(
        act,
        promise_ref=promise_ref,
        loan_id=loan_id,
        amount=amount,
        currency=loan.currency,
        promised_on=promised_on,
    )
    return borrower
