"""What accrues as days pass: interest of a broken period, and penalty."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from domain.base.calendar import year_fraction
from domain.base.money import rounded
from domain.base.terms import Terms
from domain.loan.schedule import Instalment


def interest(principal: int, terms: Terms, start: date, end: date) -> int:
    """Interest on *principal* from *start* to *end*, rounded once; none backwards."""
    if end <= start:
        return 0
    share = year_fraction(terms.day_count, start, end)
    return rounded(principal * terms.annual_rate * share, terms.rounding)


def penalty(
    row: Instalment, principal_paid: Iterable[tuple[date, int]], terms: Terms, on: date
) -> int:
    """Penalty on the overdue principal of *row* from its pay-by date to *on*.

    *principal_paid* lists what was paid on this instalment's principal, by day.
    The sum over all stretches is rounded once. Within the grace days it is zero;
    after them it counts from the first day when the terms say so, else from the
    end of the grace days.
    """
    if terms.penalty_rate == 0 or (on - row.pay_by_on).days <= terms.grace_days:
        return 0
    start = row.pay_by_on
    if not terms.grace_retroactive:
        start = date.fromordinal(start.toordinal() + terms.grace_days)
    owed, accrued = row.principal, Decimal(0)
    for day, amount in sorted(principal_paid):
        if day >= on:
            break
        if day > start:
            accrued += owed * year_fraction(terms.day_count, start, day)
            start = day
        owed -= amount
    accrued += owed * year_fraction(terms.day_count, start, on)
    return rounded(accrued * terms.penalty_rate, terms.rounding)
