"""Day counts that need more than two dates: a row to count within, or a calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.base.calendar import BusinessDays, add_months
from domain.base.daycount import DayCount, actual_actual_icma, business_252, year_fraction
from domain.base.repayment import MONTHS, Frequency, Repayment
from domain.base.terms import CountedDays, Terms
from domain.loan.periods import Part, Span

OUTSIDE_ROWS = {
    DayCount.ACTUAL_ACTUAL_ICMA: DayCount.ACTUAL_ACTUAL_ISDA,
    DayCount.ONE: DayCount.ACTUAL_ACTUAL_ISDA,
}
"""What counts days that lie in no row, such as those of a penalty."""

ANY_WEEK = CountedDays([5, 6], [], [])
"""Where the terms name no days: each week has five."""


def counted_by(terms: Terms) -> str:
    """The day count of days that lie in no row."""
    return OUTSIDE_ROWS.get(DayCount(terms.day_count), terms.day_count)


def elapsed(terms: Terms, start: date, end: date) -> Decimal:
    """The share of a year from *start* to *end*, whatever the rows; the first day counted."""
    if terms.day_count == DayCount.BUSINESS_252:
        return _decimal(business_252(start, end, is_open(terms)))
    return year_fraction(OUTSIDE_ROWS.get(DayCount(terms.day_count), terms.day_count), start, end)


def is_open(terms: Terms) -> Callable[[date], bool]:
    """Whether a day is one of the business days that the terms count in."""
    counted = terms.counted or ANY_WEEK
    days = BusinessDays(
        terms.calendar or "",
        frozenset(counted.weekend),
        frozenset(counted.holidays),
        frozenset(counted.worked),
    )
    return days.is_open


def within_rows(terms: Terms) -> Part:
    """The share of a year of the days in a row, by a day count that needs the row or a calendar."""
    if terms.day_count == DayCount.BUSINESS_252:
        return _business_days(terms)
    if terms.day_count == DayCount.ONE:
        return _as_one
    return _coupons(terms)


def _as_one(row: Span, start: date, end: date) -> Decimal:
    """A row is one, whatever its days."""
    return Decimal((end - start).days) / (row.end - row.start).days


def _business_days(terms: Terms) -> Part:
    opens = is_open(terms)

    def part(_: Span, start: date, end: date) -> Decimal:
        return _decimal(business_252(start, end, opens))

    return part


def _coupons(terms: Terms) -> Part:
    """Rows are coupon periods; one that is longer or shorter ends with a regular one."""
    chosen = terms.repayment or Repayment()
    months = chosen.every * MONTHS[Frequency(terms.frequency)]
    regular = Decimal(months) / 12

    def part(row: Span, start: date, end: date) -> Decimal:
        period = row
        if add_months(row.start, months) != row.end:
            period = Span(add_months(row.end, -months), row.end)
        if (start, end) == row == period:
            return regular
        before = actual_actual_icma(row.start, start, *period)
        return _decimal(actual_actual_icma(row.start, end, *period) - before)

    return part


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator
