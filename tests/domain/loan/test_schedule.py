"""Instalments: dates, interest, principal, and where the residue goes."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm
from domain.loan.schedule import Instalment, schedule, scheduled
from domain.loan.timetable import TermsNotOffered
from tests.domain.story import JAN_15, terms


def rows_of(
    on: date = JAN_15, first_due_on: date | None = None, **changes: Any
) -> list[Instalment]:
    return schedule(terms(**changes), on, first_due_on)


def test_a_scheduled_instalment_is_one_like_any_other_with_nothing_paid() -> None:
    row = scheduled(3, JAN_15, 90_00, 5_00, 1_00)

    assert row == Instalment(3, JAN_15, JAN_15, 90_00, 5_00, 1_00)
    assert vars(row) == vars(Instalment(3, JAN_15, JAN_15, 90_00, 5_00, 1_00))
    assert scheduled(4, JAN_15, 0, 0, 0).principal == 0
    assert row.principal == 90_00


def test_equal_instalments_differ_in_the_last_only() -> None:
    rows = rows_of()

    assert [row.principal + row.interest for row in rows] == [86_07] * 11 + [86_03]


def test_interest_of_each_month_is_counted_on_what_is_left() -> None:
    rows = rows_of()

    assert [(row.principal, row.interest) for row in rows[:3]] == [
        (81_07, 5_00),
        (81_48, 4_59),
        (81_88, 4_19),
    ]


def test_the_last_instalment_takes_the_residue() -> None:
    rows = rows_of(amount=1_000_00, term_months=3, annual_rate=Decimal(0))

    assert [row.principal for row in rows] == [333_33, 333_33, 333_34]


def test_equal_principal_is_the_same_every_month_and_the_rest_at_the_end() -> None:
    rows = rows_of(method="EQUAL_PRINCIPAL", term_months=3)

    assert [row.principal for row in rows] == [333_33, 333_33, 333_34]
    assert [row.interest for row in rows] == [5_00, 3_33, 1_67]


def test_equal_principal_is_whole_minor_units() -> None:
    rows = rows_of(method="EQUAL_PRINCIPAL", day_count="ACT/365F", term_months=7)

    assert all(type(row.principal) is int and type(row.interest) is int for row in rows)


def test_without_a_rate_there_is_no_interest() -> None:
    rows = rows_of(annual_rate=Decimal(0))

    assert sum(row.interest for row in rows) == 0
    assert sum(row.principal for row in rows) == 1_000_00


def test_actual_days_count_in_actual_365() -> None:
    rows = rows_of(day_count="ACT/365F")

    # 31 days to 15 February, then 28 to 15 March.
    assert rows[0].interest == 5_10
    assert rows[1].interest == round(Decimal(918_93 + 10) * 6 * 28 / 365 / 100)


def test_the_year_of_the_terms_day_count_divides_the_days() -> None:
    # 1,000.00 at 6 % for 31 days of January and February.
    assert rows_of(day_count="ACT/360")[0].interest == 5_17
    assert rows_of(day_count="ACT/366")[0].interest == 5_08


def test_the_day_of_the_month_stays_the_anchor_through_a_short_february() -> None:
    rows = rows_of(on=date(2025, 1, 31))

    assert [row.due_on for row in rows[:3]] == [
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 30),
    ]


def test_the_anchor_meets_29_february_in_a_leap_year() -> None:
    rows = rows_of(on=date(2023, 12, 31), term_months=3)

    assert [row.due_on for row in rows] == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]


def test_a_whole_month_is_a_twelfth_whatever_the_calendar_says() -> None:
    rows = rows_of(on=date(2025, 1, 31))

    assert rows[0].interest == 5_00


def test_a_chosen_first_due_date_makes_a_longer_first_period() -> None:
    rows = rows_of(first_due_on=date(2025, 3, 1))

    assert rows[0].due_on == date(2025, 3, 1)
    assert rows[0].interest == 7_67  # 46 days of 30/360
    assert rows[1].due_on == date(2025, 4, 1)
    assert sum(row.principal for row in rows) == 1_000_00


def test_a_first_due_date_a_month_after_the_payout_makes_a_whole_month() -> None:
    chosen = rows_of(on=date(2025, 1, 31), first_due_on=date(2025, 2, 28))

    assert chosen[0].interest == rows_of(on=date(2025, 1, 31))[0].interest == 5_00


def test_a_first_due_date_on_the_payout_is_refused() -> None:
    with pytest.raises(TermsNotOffered):
        rows_of(first_due_on=JAN_15)


@pytest.mark.parametrize("months", [0, -1, 1201])
def test_a_term_that_cannot_be_scheduled_is_refused(months: int) -> None:
    with pytest.raises(TermsNotOffered):
        rows_of(term_months=months)


def test_a_method_that_is_not_offered_is_refused() -> None:
    with pytest.raises(TermsNotOffered):
        rows_of(method="BALLOON")


def test_one_instalment_brings_everything_back() -> None:
    (row,) = rows_of(term_months=1)

    assert (row.principal, row.interest) == (1_000_00, 5_00)


def test_a_hundred_years_bring_everything_back() -> None:
    rows = rows_of(term_months=1200, amount=10**13)

    assert len(rows) == 1200
    assert rows[-1].due_on == date(2125, 1, 15)
    assert sum(row.principal for row in rows) == 10**13


def test_a_loan_smaller_than_its_instalments_are_many_never_goes_below_zero() -> None:
    rows = rows_of(amount=5, term_months=12)

    assert sum(row.principal for row in rows) == 5
    assert all(row.principal >= 0 and row.interest >= 0 for row in rows)


def test_a_first_period_with_more_interest_than_the_instalment_repays_nothing_yet() -> None:
    rows = rows_of(annual_rate=Decimal("0.36"), term_months=60, first_due_on=date(2026, 1, 15))

    assert rows[0].principal == 0
    assert rows[0].interest == 360_00
    assert sum(row.principal for row in rows) == 1_000_00


def test_a_fee_for_each_instalment_stands_in_each() -> None:
    rows = rows_of(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00), FeeTerm("X", "ON_EVENT", 9)])

    assert {row.fees for row in rows} == {1_00}


def test_half_even_and_half_up_differ_on_the_half() -> None:
    # 1.00 at 6 % a year: half a fen of interest a month.
    up = rows_of(amount=100, term_months=1, rounding="HALF_UP")
    even = rows_of(amount=100, term_months=1, rounding="HALF_EVEN")

    assert (up[0].interest, even[0].interest) == (1, 0)


def test_the_parts_of_a_new_instalment_are_unpaid() -> None:
    row = rows_of()[0]

    assert row.left == 86_07
    assert row.principal_left == 81_07
    assert row.paid_on is None
    assert row.pay_by_on == row.due_on


def test_interest_only_brings_the_principal_back_with_the_last_instalment() -> None:
    rows = rows_of(method="INTEREST_ONLY", term_months=3)

    assert [(row.principal, row.interest) for row in rows] == [
        (0, 5_00),
        (0, 5_00),
        (1_000_00, 5_00),
    ]


def test_a_bullet_is_one_instalment_at_the_end_of_the_term() -> None:
    (row,) = rows_of(method="BULLET", term_months=6)
    (by_days,) = rows_of(method="BULLET", term_months=6, day_count="ACT/365F")

    assert (row.number, row.principal, row.interest) == (1, 1_000_00, 30_00)
    assert row.due_on == date(2025, 7, 15)
    assert by_days.interest == 29_75  # 181 days of 365


@pytest.mark.parametrize(
    ("day_count", "interest"),
    # 1,000.00 at 6 % from 31 January to 28 February.
    [("30E/360", 4_67), ("30E/360 ISDA", 5_00), ("30/365", 4_60), ("ACT/ACT AFB", 4_60)],
)
def test_day_counts_differ_at_the_end_of_february(day_count: str, interest: int) -> None:
    rows = rows_of(on=date(2025, 1, 31), day_count=day_count)

    assert rows[0].interest == interest
