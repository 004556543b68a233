"""What a loan of equal monthly payments is settled with by statute, from its schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from domain.base.refusal import Refusal
from domain.loan.cost import CostMethod, Flow, annual_cost
from domain.loan.schedule import Instalment
from domain.loan.settlement import statutory_figure

RATE_PLACES = 10
"""To so many decimals the monthly rate is taken, as all rates that are stored."""


def settled_by_statute(
    accrues_from: date, rows: Sequence[Instalment], on: date, rate_places: int = RATE_PLACES
) -> int | None:
    """What settles the loan on *on* if all that fell due was paid; minor units.

    *rows* as they were scheduled, monthly; None where their payments are not equal, but
    for the last. What is charged at disbursement counts as paid back at once. The APR is
    that of the schedule; the period running counts by its days.

    Source: UK Consumer Credit (Early Settlement) Regulations 2004, regulation 4.
    """
    at_once = sum(row.principal + row.interest + row.fees for row in rows if not row.number)
    payments = [row for row in rows if row.number and row.principal + row.interest]
    elapsed = [row for row in payments if row.due_on <= on]
    if len(elapsed) == len(payments):
        return None
    start = elapsed[-1].due_on if elapsed else accrues_from
    end = payments[len(elapsed)].due_on
    lent = sum(row.principal for row in rows) - at_once
    paid = [(row.due_on, row.principal + row.interest + row.fees) for row in payments]
    if len({amount for _, amount in paid[:-1]}) > 1:
        return None
    try:
        apr = _apr(accrues_from, lent, tuple(paid))
    except Refusal:
        return None
    return statutory_figure(
        principal=lent,
        instalment=paid[0][1],
        apr=apr,
        months_elapsed=len(elapsed),
        rate_places=rate_places,
        part_month=Fraction((on - start).days, (end - start).days),
    )


@lru_cache(maxsize=1024)
def _apr(lent_on: date, lent: int, paid: tuple[tuple[date, int], ...]) -> Decimal:
    flows = [Flow(lent_on, lent), *(Flow(on, -amount) for on, amount in paid)]
    return annual_cost(CostMethod.APRC, flows)
