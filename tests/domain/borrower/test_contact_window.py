"""When a borrower may be contacted, wherever they may plausibly be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.base.contact_policy import ContactRules, Hours, HoursRule, Purpose
from domain.borrower.contact_window import ContactPeriod, next_contact

Rules = Callable[[date], ContactRules]


def window(start: time, end: time, *more: tuple[time, time]) -> HoursRule:
    return HoursRule(
        rule="test",
        version="test",
        jurisdiction="US",
        purposes=(Purpose.COLLECTION,),
        hours=tuple(Hours(start=first, end=last) for first, last in ((start, end), *more)),
        valid_from=date(1990, 1, 1),
        source="test",
    )


def always(*rules: HoursRule) -> Rules:
    return lambda _: ContactRules(hours=rules)


EIGHT_TO_NINE_PM = always(window(time(8), time(21)))
EIGHT_TO_SEVEN_PM = always(window(time(8), time(19)))
NEW_YORK, LOS_ANGELES, KOLKATA = "America/New_York", "America/Los_Angeles", "Asia/Kolkata"


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_in_one_zone_the_period_is_the_window_of_the_day() -> None:
    found = next_contact(["Asia/Shanghai"], EIGHT_TO_NINE_PM, utc(2025, 3, 3))

    assert found == ContactPeriod(utc(2025, 3, 3, 0), utc(2025, 3, 3, 13))


def test_at_its_first_minute_a_window_is_open_and_at_its_end_it_is_over() -> None:
    first, end = utc(2025, 3, 3, 0), utc(2025, 3, 3, 13)

    at_start = next_contact(["Asia/Shanghai"], EIGHT_TO_NINE_PM, first)
    at_end = next_contact(["Asia/Shanghai"], EIGHT_TO_NINE_PM, end)

    assert at_start is not None
    assert at_start.includes(first)
    assert at_end == ContactPeriod(utc(2025, 3, 4, 0), utc(2025, 3, 4, 13))


def test_with_two_zones_it_must_be_day_in_both() -> None:
    found = next_contact([NEW_YORK, LOS_ANGELES], EIGHT_TO_NINE_PM, utc(2025, 3, 3, 6))

    assert found == ContactPeriod(utc(2025, 3, 3, 16), utc(2025, 3, 4, 2))


def test_each_zone_has_its_own_date() -> None:
    # 08:00 to 10:00 in Shanghai is the evening before in New York.
    found = next_contact(["Asia/Shanghai", NEW_YORK], EIGHT_TO_NINE_PM, utc(2025, 3, 3, 12))

    assert found == ContactPeriod(utc(2025, 3, 4, 0), utc(2025, 3, 4, 2))


@pytest.mark.parametrize(
    ("day", "start_hour"),
    [
        (date(2025, 3, 8), 13),  # New York is five hours behind
        (date(2025, 3, 9), 12),  # the clock goes forward at 2:00
        (date(2025, 11, 1), 12),
        (date(2025, 11, 2), 13),  # the clock goes back at 2:00
    ],
)
def test_a_window_follows_the_clock_when_it_is_changed(day: date, start_hour: int) -> None:
    at = datetime(day.year, day.month, day.day, start_hour, tzinfo=UTC)

    found = next_contact([NEW_YORK], EIGHT_TO_NINE_PM, at)

    assert found == ContactPeriod(at, at + timedelta(hours=13))


def test_where_the_clock_skips_the_first_minute_the_window_opens_late_rather_than_early() -> None:
    found = next_contact([NEW_YORK], always(window(time(2, 30), time(9))), utc(2025, 3, 9, 5))

    assert found is not None
    assert found.start_at == utc(2025, 3, 9, 7, 30)  # 3:30 there


def test_where_the_clock_shows_a_time_twice_the_stricter_one_counts() -> None:
    opening = next_contact([NEW_YORK], always(window(time(1, 30), time(9))), utc(2025, 11, 2, 4))
    closing = next_contact(
        [NEW_YORK], always(window(time(0, 30), time(1, 30))), utc(2025, 11, 2, 4)
    )

    assert opening is not None
    assert opening.start_at == utc(2025, 11, 2, 6, 30)  # the second 1:30
    assert closing == ContactPeriod(utc(2025, 11, 2, 4, 30), utc(2025, 11, 2, 5, 30))


def test_when_no_time_suits_every_zone_there_is_no_window() -> None:
    # In summer it is 12½ hours from Los Angeles to Kolkata, and the days are 11.
    found = next_contact([KOLKATA, LOS_ANGELES], EIGHT_TO_SEVEN_PM, utc(2025, 7, 1))

    assert found is None


def test_a_day_without_a_common_hour_is_passed_over() -> None:
    # Until the clock goes back on 2 November there is none.
    found = next_contact([KOLKATA, LOS_ANGELES], EIGHT_TO_SEVEN_PM, utc(2025, 10, 28))

    assert found == ContactPeriod(utc(2025, 11, 3, 2, 30), utc(2025, 11, 3, 3))


def test_no_further_than_the_limit_is_looked() -> None:
    at = utc(2025, 10, 28)

    found = next_contact([KOLKATA, LOS_ANGELES], EIGHT_TO_SEVEN_PM, at, limit_days=5)

    assert found is None


def test_of_two_windows_in_force_the_stricter_counts() -> None:
    both = always(window(time(8), time(20)), window(time(9), time(21)))

    found = next_contact(["UTC"], both, utc(2025, 3, 3))

    assert found == ContactPeriod(utc(2025, 3, 3, 9), utc(2025, 3, 3, 20))


def test_a_window_that_changes_counts_from_its_day_in_the_borrowers_zone() -> None:
    changed_on = date(2025, 3, 4)

    def windows(day: date) -> ContactRules:
        return ContactRules(hours=(window(time(10 if day >= changed_on else 8), time(21)),))

    before = next_contact(["Asia/Shanghai"], windows, utc(2025, 3, 3))
    after = next_contact(["Asia/Shanghai"], windows, utc(2025, 3, 3, 20))

    assert before is not None
    assert after is not None
    assert (before.start_at, after.start_at) == (utc(2025, 3, 3, 0), utc(2025, 3, 4, 2))


def test_unknown_hours_are_no_hours() -> None:
    assert next_contact(["UTC"], always(), utc(2025, 3, 3)) is None
    assert next_contact([], EIGHT_TO_NINE_PM, utc(2025, 3, 3)) is None


ZONES = [
    "Africa/Cairo",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Auckland",
]


@given(
    zones=some.lists(some.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    at=some.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
)
def test_throughout_a_period_every_clock_shows_a_time_inside_the_window(
    zones: list[str], at: datetime
) -> None:
    found = next_contact(zones, EIGHT_TO_NINE_PM, at)

    if found is None:
        return
    assert found.end_at > at
    for moment in (found.start_at, found.end_at - timedelta(microseconds=1)):
        for zone in zones:
            assert time(8) <= moment.astimezone(ZoneInfo(zone)).time() < time(21)


def test_hours_in_two_stretches_are_two_periods() -> None:
    siesta = always(window(time(8), time(12), (time(16), time(20))))

    first = next_contact(["Asia/Shanghai"], siesta, utc(2025, 3, 3))
    second = next_contact(["Asia/Shanghai"], siesta, utc(2025, 3, 3, 5))

    assert first == ContactPeriod(utc(2025, 3, 3, 0), utc(2025, 3, 3, 4))
    assert second == ContactPeriod(utc(2025, 3, 3, 8), utc(2025, 3, 3, 12))


def test_a_rule_without_hours_leaves_no_time() -> None:
    assert next_contact(["Asia/Shanghai"], always(), utc(2025, 3, 3)) is None
