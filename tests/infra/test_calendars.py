"""Business days, as the packages that keep holidays know them."""

from __future__ import annotations

from datetime import date

import pytest

from domain.base.calendar import HolidayCalendar
from infra.calendars import business_days


@pytest.mark.parametrize(
    ("calendar", "day", "then"),
    [
        ("CN", "2026-10-01", "2026-10-08"),  # National Day, to the first working day
        ("CN", "2026-10-10", "2026-10-10"),  # a Saturday that is worked
        ("CN", "2026-09-20", "2026-09-20"),  # a Sunday that is worked
        ("CN", "2026-09-25", "2026-09-28"),
        ("CN", "2031-10-01", "2031-10-01"),  # no notice yet: only weekends are closed
        ("CN", "2031-10-04", "2031-10-06"),
        ("US", "2026-07-03", "2026-07-06"),  # Independence Day is observed on the Friday
        ("UK", "2026-12-25", "2026-12-29"),
        ("EU", "2026-04-03", "2026-04-07"),  # Good Friday to Easter Monday
        ("IN", "2026-01-26", "2026-01-27"),
        ("JP", "2026-01-01", "2026-01-02"),
        ("KW", "2026-11-27", "2026-11-29"),  # Friday and Saturday are the weekend
    ],
)
def test_a_payment_moves_to_the_next_business_day(calendar: str, day: str, then: str) -> None:
    rolled = business_days(calendar).on_or_after(date.fromisoformat(day))

    assert rolled == date.fromisoformat(then)


@pytest.mark.parametrize("calendar", HolidayCalendar)
def test_every_calendar_that_a_product_may_name_is_kept(calendar: str) -> None:
    known = business_days(calendar)

    assert known.calendar == calendar
    assert any(day.year == 2026 for day in known.holidays)


def test_a_calendar_nobody_keeps_is_an_error() -> None:
    with pytest.raises(ValueError, match="MARS"):
        business_days("MARS")
