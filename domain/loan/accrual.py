"""What accrues as days pass: interest of a broken period, and penalty."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from domain.base.money import rounded
from domain.base.overdue_rate import beside, most, multiplied
from domain.base.terms import RateCap, Terms
from domain.loan.elapsed import elapsed
from domain.loan.periods import ONE_DAY, Pause, RateFrom
from domain.loan.schedule import Instalment

NONE = Decimal(0)


class Clamp(NamedTuple):
    """The cap that lowers a penalty, and what counts under it as well.

    *contract* is the rate that overdue principal bears beside the penalty, *charges* what
    the charges of the contract come to in a year.
    """

    cap: RateCap
    contract: Decimal
    charges: Decimal


class PenaltyRate(NamedTuple):
    """The rate of penalty after a day up to another, and the *contract* rate of those days."""

    rate: Decimal
    first: date
    last: date
    clamp: Clamp | None
    contract: Decimal


def interest(principal: int, terms: Terms, start: date, end: date) -> int:
    """Interest on *principal* from *start* to *end*, rounded once; none backwards."""
    if end <= start:
        return 0
    share = elapsed(terms, start, end)
    return rounded(principal * terms.annual_rate * share, terms.rounding)


def penalty(
    row: Instalment,
    paid: Iterable[tuple[date, int]],
    terms: Terms,
    on: date,
    *,
    free: Sequence[Pause] = (),
    rates: Sequence[RateFrom] = (),
    charges: Decimal = NONE,
) -> int:
    """Penalty on what of *row* bears it, from its pay-by date to *on*.

    That is overdue principal and, where the terms say so, interest. *paid* lists what was
    paid of it, by day; what was paid before we knew the loan is in none of them and bears
    none. What is paid within the grace days is free; the rest counts from the pay-by date
    when the terms say so, else from the end of the grace days. Days that are *free* bear
    none. *rates* are those of the contract, if they change; *charges* what its fees come to
    in a year. The sum over all stretches is rounded once.
    """
    by_rate: dict[Decimal, Decimal] = {}
    for owed, start, end in penalty_stretches(row, paid, terms, on, free):
        for each in penalty_rates(terms, start, end, rates, charges):
            share = elapsed(terms, each.first, each.last)
            by_rate[each.rate] = by_rate.get(each.rate, Decimal(0)) + owed * share
    exact = sum((accrued * rate for rate, accrued in by_rate.items()), Decimal(0))
    return rounded(exact, terms.rounding)


def penalty_stretches(
    row: Instalment,
    paid: Iterable[tuple[date, int]],
    terms: Terms,
    on: date,
    free: Sequence[Pause] = (),
) -> Iterator[tuple[int, date, date]]:
    """What of *row* bears penalty, from a day to another, *free* days apart."""
    for owed, start, end in _stretches(row, paid, terms, on):
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
    row: Instalment, paid: Iterable[tuple[date, int]], terms: Terms, on: date
) -> Iterator[tuple[int, date, date]]:
    free_until = row.pay_by_on + timedelta(days=terms.grace_days)
    if not terms.bears_penalty or on <= free_until:
        return
    if row.paid_on is not None and row.paid_on <= free_until:
        return
    start = row.pay_by_on if terms.grace_retroactive else free_until
    paid = sorted(paid)
    owed = row.principal_left + sum(amount for _, amount in paid)
    if terms.penalty_on_interest:
        owed += row.interest - row.interest_paid
    for day, amount in paid:
        if day >= on:
            break
        if day > free_until:
            yield owed, start, day
            start = day
        owed -= amount
    yield owed, start, on


def penalty_rates(
    terms: Terms, start: date, end: date, rates: Sequence[RateFrom] = (), charges: Decimal = NONE
) -> Iterator[PenaltyRate]:
    """The rate of penalty after *start* up to *end*, from a day to another.

    A multiple is of the contract's rate of each day. With caps, what overdue principal bears
    on a day and the *charges* of a year come to no more than the cap in force on that day,
    which is named where it lowers the rate; never below zero.
    """
    while start < end:
        cap, until = cap_after(terms, start)
        contract = terms.annual_rate
        if cap is not None or terms.penalty_multiple is not None:
            contract, until = _contract_rate_after(terms, rates, start, until)
        rate, clamp = terms.penalty_rate, None
        if terms.penalty_multiple is not None:
            rate = multiplied(contract, terms.penalty_multiple)
        if cap is not None:
            highest = most(cap.annual_rate, terms.accrual, contract, charges)
            if highest < rate:
                rate, clamp = highest, Clamp(cap, beside(terms.accrual, contract), charges)
        last = min(until or end, end)
        yield PenaltyRate(rate, start, last, clamp, contract)
        start = last


def cap_after(terms: Terms, day: date) -> tuple[RateCap | None, date | None]:
    """The cap in force on the day after *day*, and the last day it is; None for no end."""
    caps = sorted(terms.rate_caps or [], key=lambda cap: cap.from_on)
    before = [cap for cap in caps if cap.from_on <= day + ONE_DAY]
    later = [cap for cap in caps if cap.from_on > day + ONE_DAY]
    return before[-1] if before else None, later[0].from_on - ONE_DAY if later else None


def _contract_rate_after(
    terms: Terms, rates: Sequence[RateFrom], day: date, until: date | None
) -> tuple[Decimal, date | None]:
    """The contract's rate on the day after *day*, and the last day it is, *until* at most."""
    rate = terms.annual_rate
    for each in rates:
        if each.on <= day + ONE_DAY:
            rate = each.annual_rate
        elif until is None or each.on - ONE_DAY < until:
            return rate, each.on - ONE_DAY
    return rate, until
