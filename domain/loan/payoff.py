"""What closes a loan, told before it is paid: part by part, and through which day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from domain.base.calendar import next_day
from domain.base.stream import Stream
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from domain.loan.timetable import LAST_DAY
from domain.loan.what_if import supposed_act


@dataclass(frozen=True)
class PayoffQuote:
    """What closes a loan if it is received by *good_through*; minor units.

    *fees* hold what paying early costs, less what of a fee is given back. *amount* is
    all of it less the borrower's *credit*; money received earlier than *good_through*
    that is more than was owed on its day becomes credit. *per_diem* is what a day more
    takes beside it.
    """

    loan_id: UUID
    loan_ref: str
    currency: str
    settling: str | None
    good_through: date
    principal: int
    interest: int
    fees: int
    penalty: int
    credit: int
    amount: int
    per_diem: int


def quote_payoff(events: Sequence[Stream.Event], good_through: date) -> PayoffQuote:
    """The quote for the loan of these *events*; charges that come until then are in it.

    Raises:
        NotDisbursed: no money was paid out.
        NotActive: it is closed or written off.
        BeforeDisbursement: the day lies before the loan began.
        BeyondCalendar: it lies too far ahead.
    """
    loan: Any = None
    for event in events:
        loan = event.mutate(loan)
    assert isinstance(loan, Loan)
    if loan.state != LoanState.ACTIVE:
        loan.payoff(good_through)
        raise no.NotActive(
            f"The loan is {loan.state.lower().replace('_', ' ')}: nothing closes it."
        )
    assert loan.accrues_from is not None
    if good_through > LAST_DAY:
        raise no.BeyondCalendar(f"No quote is good beyond {LAST_DAY}: ask for an earlier day.")
    if good_through < loan.accrues_from:
        raise no.BeforeDisbursement(
            f"{good_through} lies before {loan.accrues_from}, when the loan began here."
        )
    loan.attend(supposed_act(max(good_through, events[-1].business_on)))
    owed = loan.ledger_due(good_through).settling(good_through)
    return PayoffQuote(
        loan_id=loan.id,
        loan_ref=loan.loan_ref,
        currency=loan.currency,
        settling=loan.terms.settling if loan.terms else None,
        good_through=good_through,
        principal=owed.principal,
        interest=owed.interest,
        fees=owed.fees,
        penalty=owed.penalty,
        credit=owed.unapplied,
        amount=loan.payoff(good_through),
        per_diem=loan.payoff(next_day(good_through)) - loan.payoff(good_through),
    )
