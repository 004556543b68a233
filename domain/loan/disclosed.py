"""What a borrower was shown of the cost of a loan, as it was recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from domain.base.stream import Stream
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.sheet import CostSheet, sheet_digest


class ShownBefore(StrEnum):
    """What a disclosure came before."""

    SIGNING = "SIGNING"
    RENEWAL = "RENEWAL"
    CONVERSION = "CONVERSION"


@dataclass(frozen=True)
class Disclosure:
    """One disclosure; *number* counts those of a loan from 1. Amounts in minor units.

    *digest* is that of the sheet, or of the terms or the offer where no sheet was kept yet,
    as of loans disclosed before sheets were recorded; *verifies* tells whether the sheet
    still has it. The rows of a conversion are in its *schedule*.
    """

    number: int
    before: str
    loan_ref: str
    shown_on: date
    recorded_at: datetime
    actor: str
    valid_until_on: date | None
    currency: str
    interest: int
    fees: int
    annualised_cost: Decimal
    method: str
    digest: str
    verifies: bool | None
    sheet: CostSheet | None
    schedule: list[Instalment]


def disclosures(events: Iterable[Stream.Event]) -> list[Disclosure]:
    """The disclosures among the *events* of one loan, the first one first."""
    found: list[Disclosure] = []
    loan_ref = ""
    for event in events:
        if isinstance(event, Loan.Applied | Loan.Migrated):
            loan_ref = event.loan_ref
        if isinstance(event, Loan.CostDisclosed | Loan.RenewalOffered | Loan.ConversionOffered):
            found.append(_disclosure(len(found) + 1, loan_ref, event))
    return found


def _disclosure(
    number: int,
    loan_ref: str,
    event: Loan.CostDisclosed | Loan.RenewalOffered | Loan.ConversionOffered,
) -> Disclosure:
    before, until, rows, digest = ShownBefore.SIGNING, None, list[Instalment](), ""
    if isinstance(event, Loan.CostDisclosed):
        digest = event.terms_digest
    else:
        before, until, digest = ShownBefore.RENEWAL, event.valid_until_on, event.offer_digest
    if isinstance(event, Loan.ConversionOffered):
        before, rows = ShownBefore.CONVERSION, event.schedule
    verifies = None if event.sheet is None else sheet_digest(event.sheet) == event.sheet_digest
    return Disclosure(
        number=number,
        before=before,
        loan_ref=loan_ref,
        shown_on=event.business_on,
        recorded_at=event.timestamp,
        actor=event.actor,
        valid_until_on=until,
        currency=event.currency,
        interest=event.interest,
        fees=event.fees,
        annualised_cost=event.annualised_cost,
        method=event.method,
        digest=event.sheet_digest or digest,
        verifies=verifies,
        sheet=event.sheet,
        schedule=rows,
    )
