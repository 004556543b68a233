"""How the rate of a product or loan is said to a person."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.base.terms import RatePlan, Subsidy


def percent(rate: Decimal) -> str:
    """A fraction in percent, with two decimals or as many more as it has: 4.5 is 4.50%."""
    shown = (rate * 100).normalize()
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{shown:.{max(2, -exponent)}f}%"


def rates_said(rates: list[Decimal], plan: RatePlan | None, subsidy: Subsidy | None) -> str:
    """The rates that loans begin with, and what becomes of them."""
    begins = " to ".join(percent(rate) for rate in sorted({min(rates), max(rates)}))
    if plan is not None and plan.index is not None:
        return index_said(plan)
    said = [begins, *([steps_said(plan)] if plan else [])]
    return ", ".join([*said, *([subsidy_said(subsidy)] if subsidy else [])])


def index_said(plan: RatePlan) -> str:
    """What an indexed rate is made of, and how long it stands: LPR_1Y + 1.20%."""
    margin = plan.margin or Decimal(0)
    said = f"{plan.index} {'-' if margin < 0 else '+'} {percent(abs(margin))}"
    return f"{said}, anew every {plan.reprice_months} months" if plan.reprice_months else said


def steps_said(plan: RatePlan) -> str:
    """From which instalments on it is another rate, and whether that has to be earned."""
    if not plan.steps:
        return index_said(plan)
    said = ", ".join(f"{percent(s.annual_rate)} from no. {s.from_instalment}" for s in plan.steps)
    return f"{said} if paid on time" if plan.kind == "STEP_DOWN" else said


def subsidy_said(subsidy: Subsidy) -> str:
    """Who pays how much beside the borrower."""
    return f"{percent(subsidy.annual_rate)} paid by {subsidy.payer}"
