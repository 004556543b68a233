"""Day counts: how the days between two dates become a share of a year, exactly."""

from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from domain.base.calendar import add_months


class DayCount(StrEnum):
    """How the days between two dates become a share of a year."""

    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30E/360"
    THIRTY_360_US = "30/360 US"
    THIRTY_E_360_ISDA = "30E/360 ISDA"
    THIRTY_365 = "30/365"
    ACTUAL_360 = "ACT/360"
    ACTUAL_364 = "ACT/364"
    ACTUAL_365 = "ACT/365F"
    ACTUAL_366 = "ACT/366"
    ACTUAL_365_25 = "ACT/365.25"
    NO_LEAP_365 = "NL/365"
    ACTUAL_ACTUAL_ISDA = "ACT/ACT ISDA"
    ACTUAL_ACTUAL_ICMA = "ACT/ACT ICMA"
    ACTUAL_ACTUAL_AFB = "ACT/ACT AFB"
    ONE = "1/1"
    BUSINESS_252 = "BUS/252"


def actual_days(start: date, end: date) -> int:
    """Calendar days from *start* to *end*, the first counted; negative backwards."""
    return (end - start).days


def days_no_leap(start: date, end: date) -> int:
    """Calendar days from *start* to *end* without any 29 February after *start*.

    Source: NL/365 of the FpML day count scheme.
    """
    return (end - start).days - (_leap_days_to(end) - _leap_days_to(start))


def days_30_360(start: date, end: date) -> int:
    """Days between two dates in twelve equal months.

    Source: ISDA 2006 definitions, 4.16(f), "30/360" (bond basis).
    """
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return _twelve_equal_months(start, first, end, last)


def days_30e_360(start: date, end: date) -> int:
    """Days between two dates in twelve equal months, each 31st being a 30th.

    Source: ISDA 2006 definitions, 4.16(g), "30E/360" (Eurobond basis).
    """
    return _twelve_equal_months(start, min(start.day, 30), end, min(end.day, 30))


def days_30_360_us(start: date, end: date) -> int:
    """Days between two dates in twelve equal months, the end of February a 30th.

    The end of February counts as a 30th at the start, and at the end only when the
    start is one too.

    Source: SIFMA Standard Securities Calculation Methods, 30/360; NASD; Excel's DAYS360.
    """
    first, last = start.day, end.day
    if _ends_february(start):
        if _ends_february(end):
            last = 30
        first = 30
    if last == 31 and first >= 30:
        last = 30
    return _twelve_equal_months(start, min(first, 30), end, last)


def days_30e_360_isda(start: date, end: date, termination_on: date | None = None) -> int:
    """Days between two dates in twelve equal months, each last day being a 30th.

    An *end* in February that is *termination_on* counts as the day it is.

    Source: ISDA 2006 definitions, 4.16(h), "30E/360 (ISDA)".
    """
    first = 30 if _ends_february(start) else min(start.day, 30)
    last = 30 if _ends_february(end) and end != termination_on else min(end.day, 30)
    return _twelve_equal_months(start, first, end, last)


def business_days(start: date, end: date, is_business_day: Callable[[date], bool]) -> int:
    """Business days from *start*, counted, to *end*, not counted; negative backwards."""
    if end < start:
        return -business_days(end, start, is_business_day)
    days = (start + timedelta(days=number) for number in range((end - start).days))
    return sum(1 for day in days if is_business_day(day))


RATIOS: dict[str, tuple[Callable[[date, date], int], Decimal]] = {
    DayCount.THIRTY_360: (days_30_360, Decimal(360)),
    DayCount.THIRTY_E_360: (days_30e_360, Decimal(360)),
    DayCount.THIRTY_360_US: (days_30_360_us, Decimal(360)),
    DayCount.THIRTY_E_360_ISDA: (days_30e_360_isda, Decimal(360)),
    DayCount.THIRTY_365: (days_30e_360, Decimal(365)),
    DayCount.ACTUAL_360: (actual_days, Decimal(360)),
    DayCount.ACTUAL_364: (actual_days, Decimal(364)),
    DayCount.ACTUAL_365: (actual_days, Decimal(365)),
    DayCount.ACTUAL_366: (actual_days, Decimal(366)),
    DayCount.ACTUAL_365_25: (actual_days, Decimal("365.25")),
    DayCount.NO_LEAP_365: (days_no_leap, Decimal(365)),
}
"""Conventions that are a number of days over a fixed year."""

IN_TERMS = (
    DayCount.THIRTY_360,
    DayCount.THIRTY_E_360,
    DayCount.THIRTY_E_360_ISDA,
    DayCount.THIRTY_365,
    DayCount.ACTUAL_360,
    DayCount.ACTUAL_364,
    DayCount.ACTUAL_365,
    DayCount.ACTUAL_366,
    DayCount.ACTUAL_365_25,
    DayCount.NO_LEAP_365,
    DayCount.ACTUAL_ACTUAL_ISDA,
    DayCount.ACTUAL_ACTUAL_AFB,
)
"""Conventions by which interest runs from any day to any day."""

IN_ROWS = (DayCount.ACTUAL_ACTUAL_ICMA, DayCount.ONE, DayCount.BUSINESS_252)
"""Conventions that need more than two days: the coupon period that a row is, a row that is
one whatever its days, and the business days of a calendar that the terms hold."""


def year_fraction(day_count: str, start: date, end: date) -> Decimal:
    """The share of a year from *start* to *end*, the first day counted.

    Rounded to the precision of the context; :func:`exact_year_fraction` is not.

    Raises:
        ValueError: *day_count* is not one that is offered, or needs more than dates.
    """
    ratio = RATIOS.get(day_count)
    if ratio is not None:
        days, year = ratio
        return days(start, end) / year
    share = exact_year_fraction(day_count, start, end)
    return Decimal(share.numerator) / share.denominator


def exact_year_fraction(day_count: str, start: date, end: date) -> Fraction:
    """The share of a year from *start* to *end*, the first day counted; not rounded.

    Raises:
        ValueError: *day_count* is not one that is offered, or needs more than dates:
            those have functions of their own.
    """
    ratio = RATIOS.get(day_count)
    if ratio is not None:
        days, year = ratio
        return Fraction(days(start, end)) / Fraction(year)
    if day_count == DayCount.ACTUAL_ACTUAL_ISDA:
        return actual_actual_isda(start, end)
    if day_count == DayCount.ACTUAL_ACTUAL_AFB:
        return actual_actual_afb(start, end)
    if day_count == DayCount.ONE:
        return Fraction(1)
    if day_count == DayCount.ACTUAL_ACTUAL_ICMA:
        raise ValueError(f"day count {day_count!r} needs a reference period")
    if day_count == DayCount.BUSINESS_252:
        raise ValueError(f"day count {day_count!r} needs a calendar")
    raise ValueError(f"day count {day_count!r} is not offered")


def days_between(day_count: str, start: date, end: date) -> int:
    """The days that *day_count* counts from *start* to *end*; calendar days for ACT/ACT.

    Raises:
        ValueError: *day_count* is not one that is offered, or counts business days.
    """
    ratio = RATIOS.get(day_count)
    if ratio is not None:
        return ratio[0](start, end)
    if day_count == DayCount.BUSINESS_252:
        raise ValueError(f"day count {day_count!r} needs a calendar")
    if day_count not in list(DayCount):
        raise ValueError(f"day count {day_count!r} is not offered")
    return actual_days(start, end)


def actual_actual_isda(start: date, end: date) -> Fraction:
    """Days in leap years over 366 and others over 365, years parted at 1 January.

    Source: ISDA 2006 definitions, 4.16(b), "Actual/Actual".
    """
    if start.year == end.year:
        return Fraction((end - start).days, _days_of_year(start.year))
    since = Fraction((start - date(start.year, 1, 1)).days, _days_of_year(start.year))
    until = Fraction((end - date(end.year, 1, 1)).days, _days_of_year(end.year))
    return end.year - start.year + until - since


def actual_actual_afb(start: date, end: date) -> Fraction:
    """Whole years counted back from *end*, and the days left at the front.

    The days left are taken over 366 when a 29 February is among them, both ends
    included, else over 365.

    Source: Association française de banques, "Définitions communes à plusieurs
    additifs techniques", 1994, base exact/exact.
    """
    if end < start:
        return -actual_actual_afb(end, start)
    years = end.year - start.year
    if years and _years_back(end, years) < start:
        years -= 1
    stub_end = _years_back(end, years)
    leap_days = _leap_days_to(stub_end) - _leap_days_to(start)
    holds_leap_day = leap_days or (start.month, start.day) == (2, 29)
    return years + Fraction((stub_end - start).days, 366 if holds_leap_day else 365)


def actual_actual_icma(start: date, end: date, ref_start: date, ref_end: date) -> Fraction:
    """Days over those of the coupon period times the coupon periods in a year.

    *ref_start* to *ref_end* is one regular coupon period, in which *end* lies. Before
    it stand notional periods of the same number of months, for a long first period.

    Raises:
        ValueError: the reference period is shorter than a fortnight or longer than
            ten years, or *end* lies after it.

    Source: ICMA rule 251; ISDA, "EMU and market conventions", 1998.
    """
    months = round(Fraction(12 * (ref_end - ref_start).days, 365))
    if not 1 <= months <= 120:
        raise ValueError(f"{ref_start} to {ref_end} is not a coupon period")
    if end < start:
        return -actual_actual_icma(end, start, ref_start, ref_end)
    if end > ref_end:
        raise ValueError(f"{end} lies after the reference period, which ends on {ref_end}")
    share, back = Fraction(0), 0
    period_start, period_end = ref_start, ref_end
    while end > start:
        if end > period_start:
            first = max(start, period_start)
            share += Fraction((end - first).days * months, (period_end - period_start).days * 12)
            end = first
        back += months
        period_start, period_end = add_months(ref_start, -back), period_start
    return share


def business_252(start: date, end: date, is_business_day: Callable[[date], bool]) -> Fraction:
    """Business days from *start*, counted, to *end*, not counted, over 252.

    Source: Banco Central do Brasil; the year of BUS/252 in the FpML day count scheme.
    """
    return Fraction(business_days(start, end, is_business_day), 252)


def _twelve_equal_months(start: date, first: int, end: date, last: int) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def _ends_february(day: date) -> bool:
    return day.month == 2 and day.day == monthrange(day.year, 2)[1]


def _days_of_year(year: int) -> int:
    return 366 if isleap(year) else 365


def _leap_days_to(day: date) -> int:
    """How many 29 Februaries the calendar has had up to *day*, itself counted."""
    before = day.year - 1
    this = isleap(day.year) and (day.month, day.day) >= (2, 29)
    return before // 4 - before // 100 + before // 400 + this


def _years_back(day: date, years: int) -> date:
    if years and day.month == 2 and day.day >= 28:
        year = day.year - years
        return date(year, 2, monthrange(year, 2)[1])
    return day.replace(year=day.year - years)
