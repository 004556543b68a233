"""What accrues as days pass: interest of a broken period, and penalty."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from domain.base.daycount import year_fraction
from domain.base.money import rounded
from domain.base.terms import Terms
from domain.loan.periods import Pause
from domain.loan.schedule import Instalment


def interest(principal: int, terms: Terms, start: date, end: date) -> int:
    """Interest on *principal* from *start* to *end*, rounded once; none backwards."""
    if end <= start:
        return 0
    share = year_fraction(terms.day_count, start, end)
    return rounded(principal * terms.annual_rate * share, terms.rounding)


def penalty(
    row: Instalment,
    principal_paid: Iterable[tuple[date, int]],
    terms: Terms,
    on: date,
    free: Sequence[Pause] = (),
) -> int:
    """Penalty on the overdue principal of *row* from its pay-by date to *on*.

    *principal_paid* lists what was paid on this instalment's principal, by day; what
    was paid before we knew the loan is in none of them and bears none. Principal paid
    within the grace days is free; the rest counts from the pay-by date when the terms
    say so, else from the end of the grace days. Days that are *free* bear none. The sum
    over all stretches is rounded once.
    """
    accrued = Decimal(0)
    for owed, start, end in penalty_stretches(row, principal_paid, terms, on, free):
        accrued += owed * year_fraction(terms.day_count, start, end)
    return rounded(accrued * terms.penalty_rate, terms.rounding)


def penalty_stretches(
    row: Instalment,
    principal_paid: Iterable[tuple[date, int]],
    terms: Terms,
    on: date,
    free: Sequence[Pause] = (),
) -> Iterator[tuple[int, date, date]]:
    """The principal of *row* that bears penalty, from a day to another, *free* days apart."""
    for owed, start, end in _stretches(row, principal_paid, terms, on):
        stretch = [(start, end)]
        for pause in free:
            before = pause.first - timedelta(days=1)
            stretch = [
                each
                for first, last in stretch
                for each in ((first, min(last, before)), (max(first, pause.last), last))
                if each[0] < each[1]
            ]
        for first, last in stretch:
            yield owed, first, last


def _stretches(
    row: Instalment, principal_paid: Iterable[tuple[date, int]], terms: Terms, on: date
) -> Iterator[tuple[int, date, date]]:
    free_until = row.pay_by_on + timedelta(days=terms.grace_days)
    if terms.penalty_rate == 0 or on <= free_until:
        return
    if row.paid_on is not None and row.paid_on <= free_until:
        return
    start = row.pay_by_on if terms.grace_retroactive else free_until
    paid = sorted(principal_paid)
    owed = row.principal_left + sum(amount for _, amount in paid)
    for day, amount in paid:
        if day >= on:
            break
        if day > free_until:
            yield owed, start, day
            start = day
        owed -= amount
    yield owed, start, on
