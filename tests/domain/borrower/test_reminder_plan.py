"""On which days an instalment is to be reminded of."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.borrower.reminder_plan import offset_due

PLAN = (-7, -3, -1, 0, 1, 3, 7)
DUE = date(2025, 2, 15)
LONG_AGO = date(2024, 1, 1)


def planned(known_on: date, plan: tuple[int, ...] = PLAN) -> dict[int, int]:
    """The offset that each day around the due date answers, by days from it."""
    days = range(-20, 21)
    found = {day: offset_due(DUE, known_on, plan, DUE + timedelta(days=day)) for day in days}
    return {day: offset for day, offset in found.items() if offset is not None}


def test_each_day_of_the_plan_answers_its_offset() -> None:
    assert planned(LONG_AGO) == {offset: offset for offset in PLAN}


def test_a_date_known_late_makes_up_for_the_planned_days_that_had_passed() -> None:
    assert planned(DUE - timedelta(days=5)) == {-5: -7, -3: -3, -1: -1, 0: 0, 1: 1, 3: 3, 7: 7}


def test_of_several_days_that_had_passed_only_the_latest_is_made_up_for() -> None:
    assert planned(DUE - timedelta(days=2)) == {-2: -3, -1: -1, 0: 0, 1: 1, 3: 3, 7: 7}


def test_a_date_known_on_a_planned_day_is_reminded_of_once_that_day() -> None:
    assert planned(DUE) == {0: 0, 1: 1, 3: 3, 7: 7}


@pytest.mark.parametrize(("days", "expected"), [(6, {6: 3, 7: 7}), (7, {7: 7}), (8, {})])
def test_a_date_known_after_the_whole_plan_had_passed_is_not_reminded_of(
    days: int, expected: dict[int, int]
) -> None:
    assert planned(DUE + timedelta(days=days)) == expected


def test_a_plan_without_days_reminds_of_nothing() -> None:
    assert planned(LONG_AGO, ()) == {}


@pytest.mark.parametrize(
    ("since", "on", "expected"), [(-1, 0, 0), (-2, 0, 0), (-2, -1, -1), (-4, -2, -3), (1, 2, None)]
)
def test_a_day_that_nobody_planned_is_made_up_for_by_the_next_plan(
    since: int, on: int, expected: int | None
) -> None:
    days = [DUE + timedelta(days=each) for each in (on, since)]

    assert offset_due(DUE, LONG_AGO, PLAN, *days) == expected


def test_a_date_that_moved_after_a_days_plan_was_made_is_in_the_next_one() -> None:
    known_on = DUE - timedelta(days=5)

    found = offset_due(DUE, known_on, PLAN, known_on + timedelta(days=1), known_on)

    assert found == -7


@given(known=some.integers(-20, 20), plan=some.sets(some.integers(-10, 10)))
def test_the_last_day_of_a_plan_is_never_lost_while_it_is_to_come(
    known: int, plan: set[int]
) -> None:
    known_on = DUE + timedelta(days=known)

    found = planned(known_on, tuple(plan))

    assert all(day >= known for day in found)
    assert sorted(found.values()) == list(dict.fromkeys(sorted(found.values())))
    if plan and known <= max(plan):
        assert found[max(plan)] == max(plan)
        assert {offset for offset in plan if offset > known} <= set(found.values())
