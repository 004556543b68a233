"""Whether the clock and the calendar of a place allow a contact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from domain.base.contact_policy import ContactRules, DayCalendar, DayKind, HoursRule, Reason

FRIDAY, SATURDAY = 4, 5


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant, and what calendar and clock of one zone show then."""

    at: datetime
    zone: ZoneInfo
    on: date
    clock: time

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> LocalTime:
        """What a zone shows at an instant."""
        local = at.astimezone(zone)
        return cls(at.astimezone(UTC), zone, local.date(), local.time())


def against_hours(rule: HoursRule, rules: ContactRules, now: LocalTime) -> Reason | None:
    """What stands against a contact at a local time by its hours; None when nothing does.

    Hours that ask what day it is are not judged in a year whose calendar is not known.
    """
    if rule.at_any_time:
        return None
    asks = any(each.days != DayKind.ANY for each in rule.hours)
    calendar = rules.calendar(now.on.year) if asks else None
    if asks and calendar is None:
        return Reason.CALENDAR_UNKNOWN
    for each in rule.hours:
        if (
            each.start <= now.clock < each.end
            and each.on_such_a_weekday(now.on)
            and is_such_a_day(each.days, now.on, calendar)
        ):
            return None
    return Reason.WINDOW


def is_such_a_day(kind: DayKind, on: date, calendar: DayCalendar | None) -> bool:
    """Whether a day is of a kind; a make-up workday is a workday, a holiday never."""
    if kind == DayKind.ANY:
        return True
    assert calendar is not None
    if kind == DayKind.NOT_HOLIDAY:
        return on not in calendar.holidays
    if kind == DayKind.FRIDAY_WORKDAY and on.weekday() != FRIDAY:
        return False
    weekday = on.weekday() < SATURDAY and on not in calendar.holidays
    return weekday or on in calendar.worked
