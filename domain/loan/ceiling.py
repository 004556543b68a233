"""How much more a loan may be charged until it costs as much in a year as is allowed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_FLOOR

from domain.base.terms import RateCap
from domain.loan import accrual
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
