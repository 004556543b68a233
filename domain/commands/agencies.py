"""What can be done about agencies: place a loan with one, and recall it."""

from __future__ import annotations

from uuid import UUID

from domain.base.contact_policy import Channel, Purpose
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.placement import AGENCY, AgencyUnfit, ToPlace
from domain.commands.book import Book, command
from domain.loan.loan import Loan
from domain.loan.state import LoanState

COLLECTIBLE = (LoanState.ACTIVE, LoanState.WRITTEN_OFF)
"""While a loan stands thus, there may be something of ours to collect."""


class AgencyUnknown(Refusal):
    """No agency of this name is registered on the day."""

    code = "AGENCY_UNKNOWN"


@command
def place(book: Book, act: Act, *, loan_id: UUID, agency: str) -> Borrower:
    """Let an agency collect a loan.

    Raises:
        AgencyUnknown: none of this name is registered on the day.
        PolicyMissing: no rule says which loans agencies collect.
        Refusal: as ``Placements.place`` says.
    """
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    on, rules = act.business_on, book.rules
    rule = rules.policies.agency(agency, on)
    if rule is None:
        raise AgencyUnknown(
            f"No agency {agency!r} is registered on {on}: publish a rule of kind agency."
        )
    bound = rules.contact.binding(borrower.jurisdiction, Purpose.COLLECTION, Channel.PHONE, on)
    borrower.place(
        act,
        agency=rule,
        loan=ToPlace(
            loan_id,
            loan.loan_ref,
            loan.bucket,
            loan.state in COLLECTIBLE,
            rules.policies.agency_standard(borrower.jurisdiction, on),
            bound.holds,
        ),
    )
    return borrower


def must_be_fit(book: Book, act: Act, borrower: Borrower) -> None:
    """Pass when who acts is no agency, or one that may still collect from the borrower.

    Raises:
        AgencyUnfit: it is registered no more, or its licence or evaluation counts no more.
    """
    if not act.actor.startswith(AGENCY):
        return
    name, on = act.actor.removeprefix(AGENCY), act.business_on
    rule = book.policies.agency(name, on)
    if rule is None:
        raise AgencyUnfit(f"{name} is no registered agency on {on}: recall its loans.")
    borrower.must_be_fit(on, rule, book.policies.agency_standard(borrower.jurisdiction, on))


@command
def recall(book: Book, act: Act, *, loan_id: UUID, reason: str) -> Borrower:
    """Let an agency collect a loan no more."""
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    borrower.recall(act, loan_id=loan_id, reason=reason)
    return borrower
