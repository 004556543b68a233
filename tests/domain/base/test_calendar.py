"""Contract dates."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.calendar import add_months, due_dates, month_steps, next_day

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


@given(DAYS, st.integers(1, 12), st.integers(-30, 30), st.integers(0, 100))
def test_steps_of_months_are_those_of_each_month_by_itself(
    start: date, every: int, first: int, n: int
) -> None:
    numbers = range(first, first + n)

    assert month_steps(start, every, numbers) == [add_months(start, k * every) for k in numbers]


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
