"""How the rules on rates measure the time between dates: months first, then days."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise

from domain.base.calendar import add_months
from domain.base.refusal import Refusal

MONTHS, DAYS = "months", "days"
STANDARD = {
    Fraction(365),
    *(Fraction(52, weeks) for weeks in range(1, 53)),
    *(Fraction(12, months) for months in range(1, 13)),
}
"""How many of a standard interval a year has: days, weeks, months and their multiples."""


class NoUnitPeriod(Refusal):
    """The flows have no period in common."""

    code = "NO_UNIT_PERIOD"


@dataclass(frozen=True)
class UnitPeriod:
    """*length* whole months, or days, of which a year has *per_year*."""

    unit: str
    length: int
    per_year: Fraction

    def between(self, start: date, end: date) -> tuple[int, Fraction]:
        """Whole unit-periods from *start* to *end*, and the fraction left at the front.

        Source: Regulation Z (12 CFR 1026), appendix J (b)(5).
        """
        if self.unit == DAYS:
            whole, days = divmod((end - start).days, self.length)
            return whole, Fraction(days, self.length)
        months, stub_end = whole_months(start, end)
        days = (stub_end - start).days
        if self.length == 1:
            return months, Fraction(days, 30)
        if self.length < 12:
            whole, days = divmod(30 * months + days, 30 * self.length)
            return whole, Fraction(days, 30 * self.length)
        years, months = divmod(months, 12)
        if days == 0:
            return years, Fraction(months, 12)
        return years, Fraction((add_months(end, -12 * years) - start).days, 365)


def unit_period(dates: Sequence[date]) -> UnitPeriod:
    """The period between *dates*, in order, that occurs most often, a year at most.

    Of two that occur as often, the shorter. With two dates, the whole term.

    Raises:
        NoUnitPeriod: no period occurs more than once, or it is no whole number of
            months or weeks, nor a day.

    Source: Regulation Z (12 CFR 1026), appendix J (b)(4) and (5)(vi), (vii).
    """
    days = sorted(set(dates))
    if len(days) < 2:
        raise NoUnitPeriod("All the money moves on one day: there is no period.")
    found = Counter(_interval(start, end) for start, end in pairwise(days))
    if len(days) == 2:
        return _term(*days)
    often = max(found.values())
    common = min(
        (each for each in found if found[each] == often), key=lambda each: 1 / each.per_year
    )
    if often == 1 or common.per_year < 1 or common.per_year not in STANDARD:
        raise NoUnitPeriod("The payments have no period of months or weeks in common.")
    return common


def _term(start: date, end: date) -> UnitPeriod:
    if add_months(start, 12) < end:
        return UnitPeriod(MONTHS, 12, Fraction(1))
    term = _interval(start, end)
    return term if term.unit == MONTHS else replace(term, per_year=Fraction(365, term.length))


def _interval(start: date, end: date) -> UnitPeriod:
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and (add_months(start, months) == end or add_months(end, -months) == start):
        return UnitPeriod(MONTHS, months, Fraction(12, months))
    days = (end - start).days
    weeks, rest = divmod(days, 7)
    return UnitPeriod(DAYS, days, Fraction(365, days) if rest else Fraction(52, weeks))


def whole_months(start: date, end: date) -> tuple[int, date]:
    """Months counted back from *end* while not before *start*, and the day reached.

    A month-end that only the shorter month moved counts as a whole month: 31 January
    to 28 February.
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, months) == end:
        return months, start
    if add_months(end, -months) < start:
        months -= 1
    return months, add_months(end, -months)


def years_between(start: date, end: date) -> Fraction:
    """Years from *start* to *end*: equal months, and days over 365 or 366.

    Months are counted back from *end*; the days left at the front are taken over those
    of the year that ends with them.

    Source: Directive 2014/17/EU, annex I, part I, remark (c).
    """
    months, stub_end = whole_months(start, end)
    share = Fraction(months, 12)
    if stub_end != start:
        year = (stub_end - add_months(stub_end, -12)).days
        share += Fraction((stub_end - start).days, year)
    return share
