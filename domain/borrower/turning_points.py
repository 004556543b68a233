"""The instants at which a contact that is not allowed may become so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.base.calendar import next_day

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MIDNIGHT = time(0)


def local_turning_points(
    zone: ZoneInfo, start: datetime, end: datetime, opens: Callable[[date], Iterable[time]]
) -> Iterator[datetime]:
    """Where a zone's clock and calendar turn from *start* to *end*, and a little beyond.

    They are the midnights, the hours at which something *opens* on a local day, and the
    instants at which the clock is changed: it may skip an opening, or come back to it.
    """
    on, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while on <= last:
        for clock in {MIDNIGHT, *opens(on)}:
            yield from instants_of(zone, on, clock)
        on = next_day(on)
    while start < end:
        until = min(start + DAY, end)
        if _offset(zone, start) != _offset(zone, until):
            yield _changed_at(zone, start, until)
        start = until


@lru_cache(maxsize=16_384)
def instants_of(zone: ZoneInfo, on: date, clock: time) -> tuple[datetime, ...]:
    """When the clock of a zone shows a time on a day: twice where it is put back over it."""
    first, second = (
        datetime.combine(on, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)
    )
    return (first,) if first == second else (first, second)


def in_whole_seconds(
    instants: Iterable[datetime], after: datetime, until: datetime
) -> list[datetime]:
    """Those of *instants* that lie in ``(after, until]``, in order, each once.

    A broken second is taken as the next whole one.
    """
    whole = {
        (each + SECOND).replace(microsecond=0) if each.microsecond else each for each in instants
    }
    return sorted(each for each in whole if after < each <= until)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _changed_at(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The whole second at which the offset of *before* is left, by *after* at the latest."""
    old = _offset(zone, before)
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after
