"""Contract dates and shares of a year."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.calendar import add_months, days_30_360, due_dates, next_day, year_fraction

DAYS = st.dates(date(1990, 1, 1), date(2150, 1, 1))


def test_months_are_counted_from_the_anchor_and_clamped_to_the_month_end() -> None:
    assert due_dates(date(2025, 1, 31), 4) == [
        date(2025, 1, 31),
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 30),
    ]
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2025, 11, 30), 3) == date(2026, 2, 28)


def test_a_schedule_without_due_dates_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        due_dates(date(2025, 1, 31), 0)


@given(DAYS, st.integers(1, 400))
def test_due_dates_rise_and_keep_the_anchor_where_the_month_has_it(first: date, n: int) -> None:
    dates = due_dates(first, n)

    assert dates == sorted(set(dates))
    assert all(
        day.day == first.day or (day.day < first.day and next_day(day).day == 1) for day in dates
    )


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2025, 1, 15), date(2025, 2, 15), 30),
        (date(2025, 1, 31), date(2025, 2, 28), 28),
        (date(2025, 1, 30), date(2025, 1, 31), 0),
        (date(2025, 1, 31), date(2025, 3, 31), 60),
        (date(2025, 2, 28), date(2025, 3, 31), 33),
        (date(2024, 2, 29), date(2025, 2, 28), 359),
    ],
)
def test_30_360_counts_twelve_equal_months(start: date, end: date, days: int) -> None:
    assert days_30_360(start, end) == days


@given(DAYS, st.integers(0, 4000), st.integers(0, 4000))
def test_no_day_count_ever_runs_backwards(start: date, first: int, more: int) -> None:
    sooner, later = start + timedelta(days=first), start + timedelta(days=first + more)
    for day_count in ("30/360", "ACT/365F"):
        assert year_fraction(day_count, start, sooner) <= year_fraction(day_count, start, later)


def test_actual_365_counts_366_days_in_a_leap_year() -> None:
    assert year_fraction("ACT/365F", date(2024, 1, 1), date(2025, 1, 1)) == Decimal(366) / 365


def test_a_day_count_nobody_offers_is_an_error() -> None:
    with pytest.raises(ValueError, match="not offered"):
        year_fraction("ACT/ACT", date(2025, 1, 1), date(2025, 2, 1))
