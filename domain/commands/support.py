"""What can be done to support a borrower who is late: offer, plan, agree, ask again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import SupportKind
from domain.commands.book import Book, command
from domain.loan.allocation import total
from domain.loan.loan import Loan
from domain.loan.state import LoanState


class NothingToPlan(Refusal):
    """Nothing is owed to us on the loan, or it is not paid out yet."""

    code = "NOTHING_TO_PLAN"


@command
def offer_support(
    book: Book,
    act: Act,
    *,
    support_ref: str,
    loan_id: UUID,
    kind: SupportKind,
    contact_ref: str | None = None,
    said_ref: str | None = None,
) -> Borrower:
    """Note that a borrower was offered help with a loan."""
    borrower = _borrower_of(book, loan_id)
    borrower.offer_support(
        act,
        support_ref=support_ref,
        loan_id=loan_id,
        kind=kind,
        contact_ref=contact_ref,
        said_ref=said_ref,
    )
    return borrower


@command
def propose_plan(
    book: Book,
    act: Act,
    *,
    plan_ref: str,
    loan_id: UUID,
    rows: Sequence[PlanRow],
    support_ref: str | None = None,
) -> Borrower:
    """Note a plan to pay what is owed on a loan, in the minor units of its currency.

    Raises:
        NothingToPlan: nothing is owed to us on it.
        Refusal: as ``Supported.propose_plan`` says.
    """
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    borrower.propose_plan(
        act,
        plan_ref=plan_ref,
        loan_id=loan_id,
        currency=loan.currency,
        rows=rows,
        owed=_owed(loan, act.business_on),
        support_ref=support_ref,
    )
    return borrower


@command
def agree_plan(
    book: Book, act: Act, *, borrower_id: UUID, plan_ref: str, consent_ref: str
) -> Borrower:
    """Let a borrower's plan be agreed; each of its rows is a promise from now on."""
    borrower = book.get(Borrower, borrower_id)
    borrower.agree_plan(
        act,
        plan_ref=plan_ref,
        consent_ref=consent_ref,
        standard=book.policies.plan_standard(borrower.jurisdiction, act.business_on),
    )
    return borrower


@command
def schedule_check_in(book: Book, act: Act, *, loan_id: UUID, check_in_on: date) -> Borrower:
    """Let a collector ask again on a day how a loan is paid."""
    borrower = _borrower_of(book, loan_id)
    borrower.schedule_check_in(act, loan_id=loan_id, check_in_on=check_in_on)
    return borrower


def _borrower_of(book: Book, loan_id: UUID) -> Borrower:
    return book.get(Borrower, book.get(Loan, loan_id).borrower_id)


def _owed(loan: Loan, on: date) -> int:
    """All that is left to pay on a loan, by its schedule or of the claim that survives it."""
    if loan.state == LoanState.WRITTEN_OFF:
        owed = loan.claim.less(total(loan.recovered.values())).total
    elif loan.state == LoanState.ACTIVE:
        owed = sum(row.left for row in loan.rows_on(on))
    else:
        owed = 0
    if owed <= 0:
        raise NothingToPlan(
            f"Nothing is owed to us on {loan.loan_ref} ({loan.state}): there is nothing to plan."
        )
    return owed
