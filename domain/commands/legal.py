"""What can be done about claims at law: refer a loan, withdraw it, note how it ended."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.legal import LegalClaim, StillOwed, ToRefer
from domain.borrower.legal_words import BY_ITSELF, LegalOutcome
from domain.commands.book import Book, command
from domain.commands.collecting import end_of, is_owed
from domain.commands.owed import overdue_parts
from domain.loan import delinquency
from domain.loan.allocation import total
from domain.loan.loan import Loan
from domain.loan.state import LoanState


@command
def refer(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    reason: str,
    approved_by: str,
    referred_to: str | None = None,
    notice_ref: str | None = None,
) -> Borrower:
    """Let a loan be claimed at law; who acts asks for it, somebody else approves.

    Raises:
        PolicyMissing: no rule says which loans are claimed at law.
        Refusal: as ``LegalMatters.refer_legal`` says.
    """
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    borrower.refer_legal(
        act,
        loan=_to_refer(book, borrower, loan, act.business_on),
        reason=reason,
        requested_by=act.actor,
        approved_by=approved_by,
        referred_to=referred_to,
        notice_ref=notice_ref,
    )
    return borrower


@command
def withdraw(book: Book, act: Act, *, loan_id: UUID, reason: str) -> Borrower:
    """Let a loan be claimed at law no more."""
    borrower = book.get(Borrower, book.get(Loan, loan_id).borrower_id)
    borrower.withdraw_legal(act, loan_id=loan_id, reason=reason)
    return borrower


@command
def end(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    outcome: LegalOutcome,
    decided_on: date,
    paper_ref: str | None = None,
    awarded: int | None = None,
) -> Borrower:
    """Note how a claim at law ended.

    That it was paid, or is another's now, the plan of the day notes by itself.

    Raises:
        StillOwed: it is said to be paid or sold, and the loan says otherwise.
        Refusal: as ``LegalMatters.end_legal`` says.
    """
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    if outcome in BY_ITSELF and (is_owed(loan, act.business_on) or end_of(loan) != outcome):
        raise StillOwed(
            f"{loan.loan_ref} is {loan.state}, and not {outcome.lower()}: record the payment or"
            " the sale, or say how else it ended."
        )
    borrower.end_legal(
        act,
        loan_id=loan_id,
        outcome=outcome,
        decided_on=decided_on,
        paper_ref=paper_ref,
        awarded=awarded,
    )
    return borrower


def hindrance(book: Book, borrower: Borrower, loan_id: UUID, on: date) -> Refusal | None:
    """Why a late loan may not be claimed at law on a day; None where somebody may refer it."""
    loan = book.get(Loan, loan_id)
    try:
        borrower.must_not_be_at_law(loan.id, loan.loan_ref)
        borrower.must_be_for_legal(on, _to_refer(book, borrower, loan, on))
    except Refusal as refusal:
        return refusal
    return None


def _to_refer(book: Book, borrower: Borrower, loan: Loan, on: date) -> ToRefer:
    return ToRefer(
        loan.id,
        loan.loan_ref,
        loan.bucket,
        delinquency.days_past_due(loan.oldest_unpaid_on(), on),
        claim_on(loan, on),
        book.policies.legal_standard(borrower.jurisdiction, on),
    )


def claim_on(loan: Loan, on: date) -> LegalClaim | None:
    """What we may claim on a loan on a day; None where it is not ours, or nothing is overdue.

    Of one that was written off it is what is left of the claim, all of it overdue.
    """
    if loan.state == LoanState.WRITTEN_OFF:
        left = loan.claim.less(total(loan.recovered.values()))
        parts = (left.principal, left.interest, left.fees, left.penalty)
        return LegalClaim(loan.currency, *parts, outstanding=sum(parts))
    if loan.state != LoanState.ACTIVE:
        return None
    rows, overdue = overdue_parts(loan, on)
    if not rows:
        return None
    whole = loan.ledger_due(on).claim(on)
    owed = whole.principal + whole.interest + whole.fees + whole.penalty - whole.unapplied
    return LegalClaim(loan.currency, **overdue, outstanding=owed)
