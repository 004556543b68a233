"""The time of a schedule: its rows' dates, and what share of a year's interest each bears.

A row runs from its start, not counted, to its due date, counted. Month steps are taken
from the anchor, so a month's end is kept: 31 Jan, 28 Feb, 31 Mar.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, overload

from domain.base.calendar import month_steps
from domain.base.records import each_as
from domain.base.repayment import Frequency, RowShare, YearDays

Money = int | Decimal
"""Minor units; a ``Decimal`` only in a plan that rounds nothing."""

ONE_DAY = timedelta(days=1)


NOMINAL_DAYS = {Frequency.DAY: 1, Frequency.WEEK: 7, Frequency.MONTH: 30}
PERIODS_A_YEAR = {Frequency.WEEK: 52, Frequency.MONTH: 12}


class Span(NamedTuple):
    """The days after *start* until *end*."""

    start: date
    end: date


class Timetable(Sequence[Span]):
    """Rows that follow on each other from *start* on; *ends* are their due dates.

    From the row *alike* on, counted from zero, all bear the same share of a year; None where
    the calendar decides. Spans are made when they are asked for: money asks for few of them.
    """

    __slots__ = ("alike", "ends", "start")

    def __init__(self, start: date, ends: list[date], alike: int | None = None) -> None:
        self.start = start
        self.ends = ends
        self.alike = alike

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[Span]:
        return iter(self[:])

    @overload
    def __getitem__(self, place: int) -> Span: ...

    @overload
    def __getitem__(self, place: slice) -> list[Span]: ...

    def __getitem__(self, place: int | slice) -> Span | list[Span]:
        ends = self.ends
        if isinstance(place, slice):
            starts = [self.start, *ends[:-1]]
            return each_as(Span, zip(starts[place], ends[place], strict=True))
        start = ends[place - 1] if place % len(ends) else self.start
        return tuple.__new__(Span, (start, ends[place]))


Part = Callable[[Span, date, date], Decimal]
"""The share of a year that the days after one date until another bear, within a row."""


@dataclass(frozen=True)
class Rhythm:
    """How long a row is, and what share of a year it bears.

    *leap_rows_only* counts 365 days a year in a row without a 29 February. ``NOMINAL``
    goes with a fixed number of days a year only.
    """

    every: int
    unit: str
    share: str
    year_days: str
    leap_rows_only: bool = False

    def due(self, anchor: date, numbers: Iterable[int]) -> list[date]:
        """The ends of the rows of these *numbers*, counted from *anchor*.

        Raises:
            OverflowError: one lies beyond the last year of the calendar.
            ValueError: the same, counted in months.
        """
        every = self.every
        if self.unit == Frequency.MONTH:
            return month_steps(anchor, every, numbers)
        step = every * NOMINAL_DAYS[Frequency(self.unit)] * ONE_DAY
        return [anchor + number * step for number in numbers]

    def part(self, row: Span, start: date, end: date) -> Decimal:
        """The share of a year that the days after *start* until *end* bear, within *row*."""
        whole = self._whole
        if whole is not None and start == row.start and end == row.end:
            return whole
        days = (end - start).days
        if whole is not None:
            return whole * days / (row.end - row.start).days
        if not self._by_calendar or (self.leap_rows_only and not has_feb_29(row)):
            return days / self._fixed
        if self.year_days == YearDays.CALENDAR_JAN1:
            return in_calendar_years(start - ONE_DAY, end - ONE_DAY)
        return in_calendar_years(start, end)

    @cached_property
    def by_rows(self) -> bool:
        """Whether every whole row bears the same share, whatever the calendar says."""
        by_period = self.share == RowShare.BY_PERIOD and self.unit in PERIODS_A_YEAR
        return by_period or self.share == RowShare.NOMINAL

    @cached_property
    def _whole(self) -> Decimal | None:
        """The share of every whole row, where the calendar does not decide it."""
        if not self.by_rows:
            return None
        unit = Frequency(self.unit)
        if self.share == RowShare.BY_PERIOD:
            return Decimal(self.every) / PERIODS_A_YEAR[unit]
        return self.every * NOMINAL_DAYS[unit] / self._fixed

    @cached_property
    def _by_calendar(self) -> bool:
        return self.year_days in (YearDays.CALENDAR_DEC31, YearDays.CALENDAR_JAN1)

    @cached_property
    def _fixed(self) -> Decimal:
        return Decimal(365 if self._by_calendar else self.year_days)


def in_calendar_years(start: date, end: date) -> Decimal:
    """The days after *start* until *end*, each over the length of its calendar year."""
    total, day = Decimal(0), start
    for year in range(start.year, end.year + 1):
        until = min(end, date(year, 12, 31))
        total += Decimal((until - day).days) / (366 if isleap(year) else 365)
        day = until
    return total


def has_feb_29(row: Span) -> bool:
    """Whether a 29 February lies in the row."""
    years = range(row.start.year, row.end.year + 1)
    return any(isleap(year) and row.start < date(year, 2, 29) <= row.end for year in years)


class Draw(NamedTuple):
    """Money paid out on a day, of which *down_payment* is paid back the same day."""

    on: date
    amount: Money
    down_payment: Money = 0


class RateFrom(NamedTuple):
    """An annual rate; it counts for the day that ends on *on* and for all later ones."""

    on: date
    annual_rate: Decimal


class Pause(NamedTuple):
    """Days without interest, both counted."""

    first: date
    last: date


class Period(NamedTuple):
    """A row as the money sees it.

    *factor* is the interest on one unit that stands all the row, *level_factor* what the
    equal instalment reckons with instead. *drawn* is paid out within the row or on its due
    date and bears *drawn_interest*, unrounded, until then.
    """

    factor: Decimal
    level_factor: Decimal
    drawn: Money = 0
    drawn_interest: Decimal = Decimal(0)


def spans(rhythm: Rhythm, anchor: date, count: int, first_due_on: date | None = None) -> Timetable:
    """The rows' dates, counted from *anchor*; after a broken first row from *first_due_on*.

    Raises:
        ValueError: there is no row, or one that ends before it begins, or a date lies
            beyond the calendar.
    """
    if count < 1 or rhythm.every < 1:
        raise ValueError(f"{count} rows of {rhythm.every} are none")
    try:
        begin, numbers = anchor, range(1, count + 1)
        if first_due_on is not None:
            begin, numbers = first_due_on, range(count)
        ends = rhythm.due(begin, numbers)
    except OverflowError:
        raise ValueError("a due date lies beyond the calendar") from None
    if ends[0] <= anchor:
        raise ValueError(f"the first row ends on {ends[0]}, before it begins")
    return Timetable(anchor, ends, whole_from(first_due_on) if rhythm.by_rows else None)


def whole_from(first_due_on: date | None) -> int:
    """The first row that is whole, counted from zero, after one that may be broken."""
    return 0 if first_due_on is None else 1


def periods(
    part: Part,
    rows: Sequence[Span],
    rates: Sequence[RateFrom],
    draws: Sequence[Draw] = (),
    pauses: Sequence[Pause] = (),
    *,
    level_part: Part | None = None,
) -> list[Period]:
    """The rows' interest at *rates*, in order of time; the first counts from the beginning.

    A pause bears no interest, but the equal instalment is reckoned as if it did; it goes by
    *level_part*, if that is another than *part*.
    """
    first = rows[0]
    if len(rates) == 1 and not pauses and (not draws or draws[-1].on <= first.start):
        return _whole(part, rows, first, rates[0].annual_rate, level_part)
    cuts = {rate.on - ONE_DAY for rate in rates[1:]}
    cuts.update(draw.on for draw in draws)
    for pause in pauses:
        cuts.update((pause.first - ONE_DAY, pause.last))
    found = []
    for row in rows:
        edges = [row.start, *sorted(cut for cut in cuts if row.start < cut < row.end), row.end]
        within = [draw for draw in draws if row.start < draw.on <= row.end]
        factor = level_factor = drawn_interest = Decimal(0)
        for start, end in pairwise(edges):
            rate = rate_after(rates, start)
            bears = rate * part(row, start, end)
            level_factor += bears if level_part is None else rate * level_part(row, start, end)
            if not is_free(pauses, start):
                factor += bears
                drawn_interest += bears * sum(draw.amount for draw in within if draw.on <= start)
        drawn = sum(draw.amount for draw in within)
        found.append(Period(factor, level_factor, drawn, drawn_interest))
    return found


def borne(
    part: Part,
    row: Span,
    days: tuple[date, date],
    rates: Sequence[RateFrom],
    pauses: Sequence[Pause] = (),
) -> Decimal:
    """The interest on one unit over the *days* after one date until another, within *row*."""
    first, last = days
    cuts = {rate.on - ONE_DAY for rate in rates[1:]}
    for pause in pauses:
        cuts.update((pause.first - ONE_DAY, pause.last))
    edges = [first, *sorted(cut for cut in cuts if first < cut < last), last]
    return sum(
        (
            rate_after(rates, start) * part(row, start, end)
            for start, end in pairwise(edges)
            if start < end and not is_free(pauses, start)
        ),
        Decimal(0),
    )


def is_free(pauses: Sequence[Pause], day: date) -> bool:
    """Whether the days that follow *day* bear no interest."""
    return any(pause.first - ONE_DAY <= day < pause.last for pause in pauses)


def _whole(
    part: Part, rows: Sequence[Span], first: Span, annual_rate: Decimal, level_part: Part | None
) -> list[Period]:
    """Rows in which nothing happens; one period stands for all that are alike."""
    level = None if level_part is None else annual_rate * level_part(first, *first)
    asked = rows
    if isinstance(rows, Timetable) and rows.alike is not None:
        asked = rows[: rows.alike + 1] if rows.alike else [first]
    shares = [part(row, *row) for row in asked]
    # By identity: to compare two shares takes as long as what it would save.
    known: dict[int, Period] = {}
    for share in shares:
        if id(share) not in known:
            factor = annual_rate * share
            known[id(share)] = Period(factor, factor if level is None else level)
    found = [known[id(share)] for share in shares]
    return found + [found[-1]] * (len(rows) - len(found))


def rate_after(rates: Sequence[RateFrom], day: date) -> Decimal:
    """The rate of the days that follow *day*."""
    for rate in reversed(rates[1:]):
        if rate.on - ONE_DAY <= day:
            return rate.annual_rate
    return rates[0].annual_rate
