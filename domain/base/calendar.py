"""Contract dates: months counted from an anchor, due dates, the next day."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import islice, product, starmap

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = range(1, 13)


def add_months(start: date, months: int) -> date:
    """The day *months* after *start*, clamped to the end of a shorter month.

    Source: Civil Code of the PRC, art. 202.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = start.day
    if day > _LENGTHS[month]:
        day = min(day, _LENGTHS[month] + (month == 1 and isleap(year)))
    return date(year, month + 1, day)


def on_day(of: date, day: int) -> date:
    """The *day* of the month of a date, or the last of a shorter month."""
    return add_months(date(of.year, 1, day), of.month - 1)


def month_steps(start: date, every: int, numbers: Iterable[int]) -> list[date]:
    """The days each of *numbers* times *every* months after *start*, clamped likewise."""
    if start.day > 28:
        return [add_months(start, number * every) for number in numbers]
    if every == 1 and isinstance(numbers, range) and numbers.step == 1 and numbers.start >= 0:
        # Most schedules: month after month takes half the time that reckoning each does.
        first, after = (start.month - 1 + number for number in (numbers.start, numbers.stop))
        years = range(start.year, start.year + after // 12 + 1)
        return list(starmap(date, islice(product(years, _MONTHS, (start.day,)), first, after)))
    begin, day = start.year * 12 + start.month - 1, start.day
    return [
        date((month := begin + number * every) // 12, month % 12 + 1, day) for number in numbers
    ]


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


def next_day(day: date) -> date:
    """The day after *day*."""
    return day + timedelta(days=1)


class HolidayCalendar(StrEnum):
    """Whose holidays move a payment to the next business day."""

    CN = "CN"
    US = "US"
    UK = "UK"
    EU = "EU"
    IN = "IN"
    JP = "JP"
    KW = "KW"


@dataclass(frozen=True)
class BusinessDays:
    """The business days of a calendar: no *holidays*, no weekends but those that are *worked*.

    *weekend* counts from Monday, 0. In years that the calendar does not know yet only
    weekends are closed.
    """

    calendar: str
    weekend: frozenset[int]
    holidays: frozenset[date]
    worked: frozenset[date] = frozenset()

    def since(self, first: date) -> BusinessDays:
        """The same calendar, of the days from *first* on."""
        return replace(
            self,
            holidays=frozenset(day for day in self.holidays if day >= first),
            worked=frozenset(day for day in self.worked if day >= first),
        )

    def is_open(self, day: date) -> bool:
        """Whether *day* is a business day."""
        if day in self.worked:
            return True
        return day.weekday() not in self.weekend and day not in self.holidays

    def on_or_after(self, day: date) -> date:
        """*day*, or the first business day after it."""
        while not self.is_open(day):
            day = next_day(day)
        return day
