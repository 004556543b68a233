"""What fees and charges came to and by what of the contract, and what a partner pays beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.base.terms import FeeBase, FeeTerm, FeeTiming
from domain.loan.explained import Line, percent, rounded_said
from domain.loan.facts import Fact, counts_from
from domain.loan.fees import charge, charged_at
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment

if TYPE_CHECKING:
    from domain.loan.explain import Told


def laid_fees(told: Told, row: Instalment) -> str | None:
    """How the fees of an instalment came about as it was first laid, kind by kind."""
    timing = FeeTiming.PER_INSTALMENT if row.number else FeeTiming.AT_DISBURSEMENT
    named = charged_at(told.terms, timing)
    base = (row.principal, row.interest) if row.number else (0, 0)
    if sum(charge(fee, told.terms, *base) for fee in named) != row.fees:
        return None  # what was taken over may be of other contracts
    return " + ".join(_said(told, fee, *base) for fee in named) or None


def charged_fee(told: Told, fact: Fact, kind: str) -> str | None:
    """How a charge on an event or on what is overdue came about."""
    timing = FeeTiming.ON_OVERDUE if fact.automatic else FeeTiming.ON_EVENT
    fee = next((each for each in charged_at(told.terms, timing) if each.kind == kind), None)
    if fee is None:
        return None
    if not fact.automatic or fee.percent is None:
        return _said(told, fee)
    place = counts_from(fact, told.terms)
    before = [each for each in told.loan.facts if counts_from(each, told.terms) < place]
    rows = told.loan.ledger_of(before).rows_on(fact.on)
    row = next((each for each in rows if each.number == fact.instalment), None)
    if row is None:
        return None
    return _said(told, fee, row.principal_left, row.interest - row.interest_paid, "unpaid ")


def _said(told: Told, fee: FeeTerm, principal: int = 0, interest: int = 0, which: str = "") -> str:
    if fee.percent is None:
        return f"{fee.kind} {told.money(fee.amount)} by contract"
    of = {
        FeeBase.AMOUNT: f"the amount of {told.money(told.terms.amount)}",
        FeeBase.PRINCIPAL: f"the {which}principal of {told.money(principal)}",
        FeeBase.PRINCIPAL_AND_INTEREST: (
            f"the {which}principal and interest of {told.money(principal + interest)}"
        ),
    }[FeeBase(fee.base or FeeBase.AMOUNT)]
    return f"{fee.kind} {percent(fee.percent)} of {of}, {rounded_said(told.terms)}"


def subsidised(told: Told) -> Iterator[Line]:
    """What a partner pays of interest, beside what the borrower owes; nothing is owed by it."""
    for event in told.events:
        if not isinstance(event, Loan.InterestSubsidised) or event.effective_on > told.as_of:
            continue
        corrected = event.amount != event.total
        said = (
            f"{event.payer} pays {told.money(event.total)} at {percent(event.annual_rate)} for"
            f" {event.from_on} to {event.until_on}, which the borrower does not owe"
            + (f" ({told.money(event.total - event.amount)} before)" if corrected else "")
        )
        on, number = event.effective_on, event.instalment
        yield Line("interest", 0, on, said, event.originator_version, number)
