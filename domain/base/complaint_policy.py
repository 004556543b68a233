"""How fast a complaint is answered and resolved, by how severe it is.

No figure stands here; the levels are policy files with sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.base.calendar import BusinessDays, next_day


class Severity(StrEnum):
    """How severe a complaint is, the least severe first."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True)
class Desk:
    """When people work on complaints: ``[opens, closes)`` in a zone, on business days."""

    opens: time
    closes: time
    zone: str
    calendar: str


class Ground(StrEnum):
    """Why a complaint takes longer than others."""

    COMPLEX = "COMPLEX"
    SPECIAL = "SPECIAL"


@dataclass(frozen=True)
class Extension:
    """On a *ground* a complaint is resolved within so many minutes in all, of the same start."""

    ground: Ground
    resolve_minutes: int


@dataclass(frozen=True)
class ComplaintLevel:
    """Within how many minutes a complaint is answered, and resolved.

    The resolution may be put off by the *extensions*, one after the other; by none without.

    With a *desk* only the minutes at which it is open count towards the answer; without
    one, and towards the resolution, every minute of every day does.
    """

    version: str
    severity: str
    answer_minutes: int
    resolve_minutes: int
    valid_from: date
    valid_until: date | None
    source: str
    jurisdiction: str
    desk: Desk | None = None
    extensions: tuple[Extension, ...] = ()


def deadline(
    start: datetime, minutes: int, desk: Desk | None, days: BusinessDays | None
) -> datetime:
    """The instant *minutes* after *start*; with a *desk* those at which it is open.

    *days* are the business days of its calendar.
    """
    if desk is None or days is None:
        return (start + timedelta(minutes=minutes)).astimezone(UTC)
    zone = ZoneInfo(desk.zone)
    left, day = timedelta(minutes=minutes), start.astimezone(zone).date()
    while True:
        if days.is_open(day):
            opens, closes = (
                datetime.combine(day, hour, zone).astimezone(UTC)
                for hour in (desk.opens, desk.closes)
            )
            begin = max(opens, start.astimezone(UTC))
            if begin < closes and left <= closes - begin:
                return begin + left
            left -= max(closes - begin, timedelta())
        day = next_day(day)
