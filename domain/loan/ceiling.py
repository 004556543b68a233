"""How much more a loan may be charged until it costs as much in a year as is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from domain.base.refusal import Refusal
from domain.base.terms import RateCap, Terms
from domain.loan import accrual, cost
from domain.loan.schedule import Instalment, schedule
from domain.loan.timetable import has_limit, in_parts

if TYPE_CHECKING:
    from domain.loan.ledger import Ledger

DAYS_A_YEAR = 365


def cap_on(ledger: Ledger, on: date) -> RateCap | None:
    """The cap in force on *on*; None without one."""
    return accrual.cap_after(ledger.terms, on - timedelta(days=1))[0]


def room(ledger: Ledger, on: date) -> int | None:
    """What can still be charged on *on* under the cap in force; None without a cap.

    Interest, fees and penalty, as scheduled, charged and accrued so far, come to no more
    than the cap on the principal in use, without compounding: from day to day as it was
    scheduled, and what is late to *on*. Minor units, rounded down, never below zero.

    Source: PBoC Announcement [2021] No. 3, articles 3 and 4, for the reckoning.
    """
    cap = cap_on(ledger, on)
    if cap is None:
        return None
    in_use = sum(
        row.principal * (row.due_on - ledger.accrues_from).days
        + row.principal_left * max((on - row.due_on).days, 0)
        for row in ledger.rows
    )
    cost = sum(row.interest + row.fees + (row.penalty_charged or 0) for row in ledger.rows)
    cost += sum(ledger.penalty_accrued(row, on) for row in ledger.rows if row.pay_by_on < on)
    allowed = (in_use * cap.annual_rate / DAYS_A_YEAR).to_integral_value(rounding=ROUND_FLOOR)
    return max(int(allowed) - cost, 0)


def room_so_far(ledger: Ledger, on: date) -> int | None:
    """What can be charged on *on* for paying early under the cap in force; None without one.

    All that was charged until that day, were the loan paid off then, comes to no more than
    the cap on the principal in use until then, day by day. Minor units, rounded down, never
    below zero.

    Source: PBoC Announcement [2021] No. 3, articles 3 and 4, for the reckoning.
    """
    cap = cap_on(ledger, on)
    if cap is None:
        return None
    begun_on = ledger.accrues_from
    in_use = ledger.principal_owed(on) * (on - begun_on).days
    for ref, parts in ledger.parts.items():
        in_use += sum(part.principal for part in parts) * (ledger.paid_on[ref] - begun_on).days
    later = [(draw.on, draw.amount) for draw in ledger.draws]
    later += [(day, grown) for _, day, grown in ledger.capitalised]
    in_use -= sum(amount * (day - begun_on).days for day, amount in later)
    charged = ledger.charged_until(on)
    for row in ledger.rows_on(on):
        charged += row.penalty_charged or 0
        charged += ledger.penalty_accrued(row, on) if row.pay_by_on < on else 0
    allowed = (in_use * cap.annual_rate / DAYS_A_YEAR).to_integral_value(rounding=ROUND_FLOOR)
    return max(int(allowed) - charged, 0)


def charges_rate(terms: Terms, begins_on: date, rows: Sequence[Instalment]) -> Decimal:
    """By how much the charges of *rows* make a year dearer than interest alone would.

    *rows* are those that the loan begins with on *begins_on*; where it is paid out bit by
    bit, those of all that it may come to. Zero where no cost can be reckoned.
    """
    if not any(row.fees for row in rows):
        return Decimal(0)
    try:
        if has_limit(terms) or in_parts(terms):
            rows = schedule(terms, begins_on)
        # What was withheld from the payout is a charge as well as what is paid beside it.
        rows = [replace(row, fees_paid=0) if row.due_on == begins_on else row for row in rows]
        lent = sum(row.principal_left for row in rows)
        flows = [cost.Flow(begins_on, lent, lent)]
        if terms.draws and lent == terms.amount:
            flows = cost.payouts(terms, begins_on)
        bare = [replace(row, fees=row.fees_paid) for row in rows]
        return max(_cost(flows, rows) - _cost(flows, bare), Decimal(0))
    except Refusal:
        return Decimal(0)


def _cost(lent: list[cost.Flow], rows: Sequence[Instalment]) -> Decimal:
    paid = [cost.Flow(row.due_on, -row.left, -row.principal_left) for row in rows if row.left]
    return cost.annualised_cost([*lent, *paid])


def yearly_cost(flows: Sequence[cost.Flow]) -> Decimal:
    """What *flows* cost in a year, to a hundredth of a percent, to be held against a cap.

    The lower of both reckonings that may be disclosed, since a day count can lift either
    over the rate where few instalments are left; less the minor unit that rounding may have
    brought to each payment. Zero where no more comes back than was lent, or no rate fits.

    Source: PBoC Announcement [2021] No. 3, articles 3 and 4.
    """
    paid = [flow if flow.amount >= 0 else replace(flow, amount=flow.amount + 1) for flow in flows]
    if sum(flow.amount for flow in paid) >= 0:
        return Decimal(0)
    methods = (cost.CostMethod.IRR, cost.CostMethod.SIMPLE)
    try:
        return round(min(cost.annual_cost(method, paid) for method in methods), 4)
    except Refusal:
        return Decimal(0)
