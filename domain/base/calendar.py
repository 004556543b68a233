"""Contract dates and the share of a year between two of them."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum


class DayCount(StrEnum):
    """How the days between two dates become a share of a year."""

    THIRTY_360 = "30/360"
    ACTUAL_365 = "ACT/365F"


def add_months(start: date, months: int) -> date:
    """The day *months* after *start*, clamped to the end of a shorter month.

    Source: Civil Code of the PRC, art. 202.
    """
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def due_dates(first: date, count: int) -> list[date]:
    """The *count* monthly due dates, in order, starting at *first*.

    Each is counted from *first*, clamped to month end: 31 Jan, 28 Feb, 31 Mar.
    Holidays move the payment deadline, never the next due date.

    Raises:
        ValueError: *count* is below 1.

    Source: Civil Code of the PRC, art. 202.
    """
    if count < 1:
        raise ValueError(f"a schedule needs at least one due date, not {count}")
    return [add_months(first, number) for number in range(count)]


def days_30_360(start: date, end: date) -> int:
    """Days between two dates in twelve equal months.

    Source: ISDA 2006 definitions, 4.16(f), "30/360" (bond basis).
    """
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def year_fraction(day_count: str, start: date, end: date) -> Decimal:
    """The share of a year from *start* to *end*, the first day counted.

    Raises:
        ValueError: *day_count* is not one that is offered.
    """
    if day_count == DayCount.THIRTY_360:
        return Decimal(days_30_360(start, end)) / 360
    if day_count == DayCount.ACTUAL_365:
        return Decimal((end - start).days) / 365
    raise ValueError(f"day count {day_count!r} is not offered")


def next_day(day: date) -> date:
    """The day after *day*."""
    return day + timedelta(days=1)
