"""When a borrower may be contacted, wherever they may plausibly be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

from domain.base.contact_policy import ContactRules, DayKind, Hours
from domain.borrower.hours import is_such_a_day
from domain.borrower.turning_points import instants_of

LIMIT_DAYS = 14
"""How far ahead a window is looked for."""


@dataclass(frozen=True, order=True)
class ContactPeriod:
    """A stretch of time in which contact is allowed: ``[start_at, end_at)``, in UTC."""

    start_at: datetime
    end_at: datetime

    def includes(self, at: datetime) -> bool:
        """Whether *at* lies in it."""
        return self.start_at <= at < self.end_at


def next_contact(
    zones: Sequence[str],
    rules_on: Callable[[date], ContactRules],
    at: datetime,
    limit_days: int = LIMIT_DAYS,
) -> ContactPeriod | None:
    """The period in which contact is allowed, the one *at* lies in or the next.

    An instant is allowed when the clock of every zone shows a time inside the hours of
    each rule that binds on the date there. None when no such instant comes within
    *limit_days*, when no zone is known, or when no rule has hours: unknown hours are none.
    """
    if not zones:
        return None
    everywhere = [_allowed_in(ZoneInfo(zone), rules_on, at, limit_days) for zone in zones]
    coming = [period for period in reduce(_common, everywhere) if period.end_at > at]
    if not coming or coming[0].start_at > at + timedelta(days=limit_days):
        return None
    return coming[0]


def _allowed_in(
    zone: ZoneInfo, rules_on: Callable[[date], ContactRules], at: datetime, limit_days: int
) -> list[ContactPeriod]:
    first = at.astimezone(zone).date() - timedelta(days=1)
    days = (first + timedelta(days=number) for number in range(limit_days + 3))
    return [period for day in days for period in _allowed_on(zone, day, rules_on(day))]


def _allowed_on(zone: ZoneInfo, day: date, rules: ContactRules) -> list[ContactPeriod]:
    """What each of the rules allows on a local day: the strictest wins."""
    calendar = rules.calendar(day.year)
    each = [
        [
            period
            for hours in rule.hours
            if (hours.days == DayKind.ANY or calendar is not None)
            and hours.on_such_a_weekday(day)
            and is_such_a_day(hours.days, day, calendar)
            and (period := _period(zone, day, hours)) is not None
        ]
        for rule in rules.hours
        if not rule.at_any_time
    ]
    return reduce(_common, each) if each else []


def _period(zone: ZoneInfo, day: date, hours: Hours) -> ContactPeriod | None:
    start, end = max(instants_of(zone, day, hours.start)), min(instants_of(zone, day, hours.end))
    return ContactPeriod(start, end) if start < end else None


def _common(some: list[ContactPeriod], others: list[ContactPeriod]) -> list[ContactPeriod]:
    """What lies in a period of *some* and in one of *others*, in order."""
    found = [
        ContactPeriod(max(one.start_at, other.start_at), min(one.end_at, other.end_at))
        for one in some
        for other in others
    ]
    return sorted(period for period in found if period.start_at < period.end_at)
