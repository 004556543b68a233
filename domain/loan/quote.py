"""What a loan would be on a product's terms: its schedule and what it costs, stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.base.calendar import BusinessDays
from domain.base.refusal import Refusal
from domain.base.terms import Terms
from domain.loan.cost import CostMethod, Flow, annual_cost, cash_flows, digest
from domain.loan.fees import withheld
from domain.loan.schedule import Instalment, paid_out_at_first, rolled, schedule
from domain.loan.sheet import BY_IRR, CostSheet, CostShown, sheet_digest, sheet_of


@dataclass(frozen=True)
class Cost:
    """What it costs in a year by one rule; without *rate*, *reason* says why."""

    method: str
    rate: Decimal | None
    reason: str | None = None


@dataclass(frozen=True)
class Quote:
    """A schedule and its cost; amounts in minor units of the terms' currency."""

    terms: Terms
    terms_digest: str
    disbursed_on: date
    instalments: list[Instalment]
    principal: int
    paid_out: int
    """What the borrower gets at first: the first payout less what is withheld from it."""
    interest: int
    fees: int
    total: int
    costs: list[Cost]
    sheet: CostSheet
    sheet_digest: str


def quote(
    terms: Terms,
    disbursed_on: date,
    first_due_on: date | None = None,
    business_days: BusinessDays | None = None,
    shown_by: CostShown = BY_IRR,
) -> Quote:
    """The quote for a loan paid out in full on *disbursed_on*.

    With *business_days* an instalment may be paid after a holiday; its cost is by due dates.
    Its *sheet* is the one that is disclosed of such a loan, by the methods of *shown_by*.

    Raises:
        TermsNotOffered: method, term or first due date cannot be scheduled.
    """
    rows = rolled(schedule(terms, disbursed_on, first_due_on), business_days, disbursed_on)
    interest, fees = sum(row.interest for row in rows), sum(row.fees for row in rows)
    sheet = sheet_of(terms, disbursed_on, shown_by, first_due_on)
    flows = cash_flows(terms, disbursed_on, rows)
    return Quote(
        terms=terms,
        terms_digest=digest(terms),
        disbursed_on=disbursed_on,
        instalments=rows,
        principal=terms.amount,
        paid_out=paid_out_at_first(terms) - withheld(terms),
        interest=interest,
        fees=fees,
        total=terms.amount + interest + fees,
        costs=[_cost(method, flows) for method in CostMethod],
        sheet=sheet,
        sheet_digest=sheet_digest(sheet),
    )


def _cost(method: str, flows: list[Flow]) -> Cost:
    try:
        return Cost(method, annual_cost(method, flows))
    except Refusal as refusal:
        return Cost(method, None, refusal.sentence)
