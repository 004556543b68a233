"""Repayment plans laid over rows: each method, grace, draws, new rates and pauses."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base.money import Rounding, rounded
from domain.base.repayment import (
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    RowShare,
    YearDays,
)
from domain.loan.layout import DueRow, PlanImpossible, in_steps, laid_out
from domain.loan.periods import Draw, Pause, RateFrom, Rhythm, spans
from domain.loan.plan import CLOSING, Plan

JAN_1 = date(2024, 1, 1)
TWELVE = Decimal("0.12")  # 1 % a month
MONTHLY = Rhythm(1, Frequency.MONTH, RowShare.BY_PERIOD, YearDays.D360)


def rows_of(
    plan: Plan,
    amount: int = 1_000_00,
    *,
    rate: Decimal = TWELVE,
    later: tuple[Draw, ...] = (),
    rates: tuple[RateFrom, ...] = (),
    pauses: tuple[Pause, ...] = (),
    down_payment: int = 0,
) -> list[DueRow]:
    return laid_out(
        plan,
        MONTHLY.part,
        spans(MONTHLY, JAN_1, plan.count or 0),
        [Draw(JAN_1, amount, down_payment), *later],
        [RateFrom(JAN_1, rate), *rates],
        pauses=pauses,
    )


def totals_of(rows: list[DueRow]) -> list[int]:
    return [int(row.principal + row.interest) for row in rows]


def figures(rows: list[DueRow]) -> list[tuple[Any, Any]]:
    return [(row.principal, row.interest) for row in rows]


def test_interest_alone_is_paid_until_the_last_row_repays_all() -> None:
    rows = rows_of(Plan(Method.INTEREST_ONLY, 3))

    assert figures(rows) == [(0, 10_00), (0, 10_00), (1_000_00, 10_00)]


def test_a_bullet_pays_all_interest_with_the_principal() -> None:
    rows = rows_of(Plan(Method.INTEREST_ONLY, 3, grace_interest=2))

    assert figures(rows) == [(0, 0), (0, 0), (1_000_00, 30_00)]


def test_rows_without_interest_never_pay_it() -> None:
    rows = rows_of(Plan(Method.EQUAL_PRINCIPAL, 4, interest_free=2))

    assert figures(rows) == [(250_00, 0), (250_00, 0), (250_00, 5_00), (250_00, 2_50)]


def test_equal_instalments_reckon_with_the_rows_that_bear_no_interest() -> None:
    rows = rows_of(Plan(Method.EQUAL_INSTALMENTS, 6, interest_free=3))

    totals = totals_of(rows)
    assert len(set(totals[:-1])) == 1
    assert abs(totals[-1] - totals[0]) <= 3


def test_grace_on_principal_pays_interest_first_and_levels_the_rest() -> None:
    rows = rows_of(Plan(Method.EQUAL_INSTALMENTS, 4, grace_principal=2))

    assert figures(rows) == [(0, 10_00), (0, 10_00), (497_51, 10_00), (502_49, 5_02)]


def test_a_fixed_payment_repays_what_interest_leaves_of_it() -> None:
    rows = rows_of(Plan(Method.FIXED_PAYMENT, 3, payment=400_00))

    assert figures(rows) == [(390_00, 10_00), (393_90, 6_10), (216_10, 2_16)]


def test_a_fixed_principal_comes_with_interest_on_top() -> None:
    rows = rows_of(Plan(Method.FIXED_PRINCIPAL, 3, payment=400_00))

    assert figures(rows) == [(400_00, 10_00), (400_00, 6_00), (200_00, 2_00)]


def test_a_percentage_of_principal_or_of_the_whole_balance_and_at_least_so_much() -> None:
    plan = Plan(Method.PERCENT_OF_PRINCIPAL, 3, percent=Decimal("0.1"), least=95_00)

    assert figures(rows_of(plan)) == [(100_00, 10_00), (95_00, 9_00), (805_00, 8_05)]
    plan = replace(plan, method=Method.PERCENT_OF_BALANCE)
    assert figures(rows_of(plan)) == [(91_00, 10_00), (85_91, 9_09), (823_09, 8_23)]


def test_instalments_grow_each_year() -> None:
    rows = rows_of(Plan(Method.GROWING_INSTALMENTS, 30, growth=Decimal("0.05")))

    totals = totals_of(rows)
    assert len(set(totals[:12])) == len(set(totals[12:24])) == len(set(totals[24:-1])) == 1
    assert totals[12] == round(totals[0] * Decimal("1.05"))
    assert abs(totals[-1] - totals[-2]) <= 30


def test_a_custom_schedule_repays_what_it_says() -> None:
    plan = Plan(Method.CUSTOM, 3, principals=(0, 700_00, 300_00))

    assert figures(rows_of(plan)) == [(0, 10_00), (700_00, 10_00), (300_00, 3_00)]
    with pytest.raises(PlanImpossible):
        rows_of(replace(plan, principals=(0, 700_00, 300_01)))


def test_amortised_over_more_rows_than_it_has_a_loan_ends_in_a_balloon() -> None:
    rows = rows_of(Plan(Method.EQUAL_INSTALMENTS, 3, amortised_over=360))

    assert totals_of(rows[:2]) == [10_29, 10_29]
    assert rows[-1].principal > 999_00
    assert rows[-1].balance == 0


def test_an_instalment_is_rounded_to_a_multiple_unless_that_is_nothing() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 3, multiple_of=10_00)

    assert totals_of(rows_of(plan))[:2] == [340_00, 340_00]
    assert [row.principal for row in rows_of(plan, 6_00, rate=Decimal(0))] == [2_00, 2_00, 2_00]


@pytest.mark.parametrize(
    ("excess", "expected"),
    [
        (ExcessInterest.NEXT_ROW, [(0, 29), (0, 29), (100, 41)]),
        (ExcessInterest.ON_TOP, [(0, 33), (0, 33), (100, 33)]),
        (ExcessInterest.PRINCIPAL, [(-4, 33), (-5, 34), (109, 36)]),
    ],
)
def test_interest_above_the_instalment_waits_stands_on_top_or_is_added(
    excess: str, expected: list[tuple[int, int]]
) -> None:
    # 1.00 at 33 % a row; the instalment of 0.33 is rounded to 0.29.
    plan = Plan(
        Method.EQUAL_INSTALMENTS, 3, excess_interest=excess, amortised_over=1200, multiple_of=29
    )

    assert figures(rows_of(plan, 100, rate=Decimal("3.96"))) == expected


def test_the_first_rows_interest_decides_where_the_terms_say_so() -> None:
    by_days = Rhythm(1, Frequency.MONTH, RowShare.ACTUAL, YearDays.D365)
    dated = spans(by_days, JAN_1, 12)
    plan = Plan(Method.EQUAL_INSTALMENTS, 12, level_from=LevelFrom.FIRST_ROW)

    first, every = (
        laid_out(each, by_days.part, dated, [Draw(JAN_1, 10_000_00)], [RateFrom(JAN_1, TWELVE)])
        for each in (plan, replace(plan, level_from=LevelFrom.EVERY_ROW))
    )

    assert first[0].principal > every[0].principal  # January is longer than most
    assert first[-1].principal < every[-1].principal


def test_the_level_moves_when_that_brings_the_last_row_nearer() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 60)
    left, moved = (rows_of(each, 1_000_07) for each in (plan, replace(plan, refit=True)))

    def gap(rows: list[DueRow]) -> int:
        return abs(totals_of(rows)[-1] - totals_of(rows)[0])

    assert gap(moved) <= gap(left)


FEB_1, MAR_1 = date(2024, 2, 1), date(2024, 3, 1)


def test_a_draw_on_a_due_date_enters_the_balance_after_it() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 3)
    rows = rows_of(plan, 300_00, rate=Decimal(0), later=(Draw(FEB_1, 100_00),))

    assert [row.principal for row in rows] == [100_00, 150_00, 150_00]
    assert [row.balance for row in rows] == [200_00, 150_00, 0]


def test_each_draw_may_be_paid_down_in_part_on_its_day() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 2)
    rows = rows_of(
        plan, 100_00, rate=Decimal(0), down_payment=20_00, later=(Draw(FEB_1, 50_00, 10_00),)
    )

    assert [(row.due_on, row.principal, row.balance) for row in rows] == [
        (JAN_1, 20_00, 80_00),
        (FEB_1, 10_00, 120_00),
        (FEB_1, 40_00, 30_00),
        (MAR_1, 80_00, 0),
    ]


def test_a_new_rate_sets_the_instalment_anew_and_leaves_earlier_rows() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 4)
    before = rows_of(plan)

    rows = rows_of(plan, rates=(RateFrom(date(2024, 3, 2), Decimal(0)),))

    assert rows[:2] == before[:2]
    assert figures(rows[2:]) == [(252_49, 0), (252_49, 0)]


def test_a_pause_leaves_the_instalment_and_makes_the_last_row_smaller() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 4, refit=True)
    before = totals_of(rows_of(plan))

    rows = rows_of(plan, pauses=(Pause(date(2024, 2, 2), MAR_1),))

    assert rows[1].interest == 0
    assert totals_of(rows[:3]) == before[:3]
    assert totals_of(rows)[-1] < before[-1]


def test_flat_interest_counts_on_all_that_was_drawn() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 3, interest_on=InterestOn.DRAWN)

    assert [row.interest for row in rows_of(plan)] == [10_00] * 3
    twice = rows_of(plan, later=(Draw(FEB_1, 500_00),))
    assert [row.interest for row in twice] == [10_00, 15_00, 15_00]
    assert sum(row.principal for row in twice) == 1_500_00


def test_flat_interest_in_equal_parts_counts_on_the_down_payment_too() -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, 3, interest_on=InterestOn.DRAWN_EVENLY)

    rows = rows_of(plan, 1_000_01, down_payment=100_01)

    assert figures(rows) == [(100_01, 0), *[(300_00, 10_00)] * 3]


@pytest.mark.parametrize(
    "impossible",
    [
        {"later": (Draw(date(2023, 12, 31), 1),)},
        {"later": (Draw(date(2025, 1, 1), 1),)},
        {"down_payment": 1_000_01},
        {"plan": Plan(Method.EQUAL_INSTALMENTS, 3, grace_interest=3)},
        {
            "plan": Plan(Method.EQUAL_INSTALMENTS, 3, interest_on=InterestOn.DRAWN_EVENLY),
            "later": (Draw(FEB_1, 1),),
        },
        {
            "plan": Plan(Method.EQUAL_INSTALMENTS, 3, interest_on=InterestOn.DRAWN_EVENLY),
            "rates": (RateFrom(FEB_1, Decimal(0)),),
        },
    ],
)
def test_a_plan_that_does_not_fit_is_refused(impossible: dict[str, Any]) -> None:
    plan = impossible.pop("plan", Plan(Method.EQUAL_INSTALMENTS, 3))

    with pytest.raises(PlanImpossible):
        rows_of(plan, **impossible)


def test_a_payment_that_interest_eats_never_repays_the_loan() -> None:
    plan = Plan(Method.FIXED_PAYMENT, None, rounding=None, payment=Decimal(9))

    with pytest.raises(PlanImpossible):
        in_steps(plan, Decimal(1000), [Decimal("0.01")] * 100)


def test_without_a_rate_the_same_code_repays_equal_shares() -> None:
    rows = rows_of(Plan(Method.EQUAL_INSTALMENTS, 3, refit=True), rate=Decimal(0))

    assert figures(rows) == [(333_33, 0), (333_33, 0), (333_34, 0)]


def test_half_a_minor_unit_is_seen_as_a_half_although_a_twelfth_never_ends() -> None:
    # A twelfth of 7 % of 6.00 is 3.5 hundredths.
    up, even = (
        rows_of(Plan(Method.INTEREST_ONLY, 1, rounding), 6_00, rate=Decimal("0.07"))
        for rounding in ("HALF_UP", "HALF_EVEN")
    )
    assert (up[0].interest, even[0].interest) == (4, 4)
    # And of 18.00 it is 10.5.
    up, even = (
        rows_of(Plan(Method.INTEREST_ONLY, 1, rounding), 18_00, rate=Decimal("0.07"))
        for rounding in ("HALF_UP", "HALF_EVEN")
    )
    assert (up[0].interest, even[0].interest) == (11, 10)


PLANS = st.builds(
    Plan,
    st.sampled_from([Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY,
                     Method.PERCENT_OF_BALANCE, Method.GROWING_INSTALMENTS]),
    st.one_of(st.integers(1, 30), st.sampled_from([360, 1200])),
    rounding=st.sampled_from(["HALF_UP", "HALF_EVEN"]),
    multiple_of=st.sampled_from([1, 100, 1000]),
    excess_interest=st.sampled_from([ExcessInterest.NEXT_ROW, ExcessInterest.ON_TOP]),
    refit=st.booleans(),
    grace_principal=st.integers(0, 5),
    grace_interest=st.integers(0, 5),
    interest_free=st.integers(0, 5),
    percent=st.just(Decimal("0.02")),
    growth=st.sampled_from([Decimal("-0.05"), Decimal("0.03")]),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    PLANS,
    st.one_of(st.integers(1, 10**6), st.just(10**15)),
    st.decimals(0, 2, places=6),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10**9)), max_size=2),
    st.integers(0, 400),
)
def test_principal_comes_back_and_no_row_is_negative(
    plan: Plan, amount: int, rate: Decimal, later: list[tuple[int, int]], changed: int
) -> None:
    plan = replace(plan, grace_interest=min(plan.grace_interest, (plan.count or 1) - 1))
    last = spans(MONTHLY, JAN_1, plan.count or 0)[-1].end
    draws = [(min(date.fromordinal(JAN_1.toordinal() + on), last), sum_) for on, sum_ in later]

    rows = rows_of(
        plan,
        amount,
        rate=rate,
        later=tuple(Draw(on, sum_) for on, sum_ in sorted(draws)),
        rates=(RateFrom(date.fromordinal(JAN_1.toordinal() + changed), rate / 2),),
    )

    assert sum(row.principal for row in rows) == amount + sum(sum_ for _, sum_ in later)
    assert all(type(row.principal) is int and type(row.interest) is int for row in rows)
    assert all(row.interest >= 0 for row in rows)
    if plan.method != Method.PERCENT_OF_BALANCE:  # which may be less than the interest
        assert all(row.principal >= 0 for row in rows)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(st.integers(1, 10**6), st.integers(1, 10**15)),
    st.one_of(
        st.sampled_from(["0.01", "0.005", "0.02", "0.3"]).map(Decimal),
        st.decimals(0, 1, places=9),
        st.decimals(1, 10**9, places=3),
    ),
    st.integers(1, 60),
    st.sampled_from(Rounding),
)
def test_interest_of_each_row_is_rounded_once_whichever_way_it_is_reckoned(
    amount: int, factor: Decimal, count: int, rounding: Rounding
) -> None:
    plan = Plan(Method.EQUAL_INSTALMENTS, count, rounding)

    rows = in_steps(plan, amount, [factor] * count)

    balances = [amount, *(int(row.balance) for row in rows)]
    expected = [rounded(CLOSING.multiply(factor, balance), rounding) for balance in balances[:-1]]
    assert [row.interest for row in rows] == expected


def test_half_a_unit_of_interest_is_rounded_as_the_plan_says() -> None:
    up, even = (
        Plan(Method.EQUAL_INSTALMENTS, 2, rounding)
        for rounding in (Rounding.HALF_UP, Rounding.HALF_EVEN)
    )

    assert in_steps(up, 1_50, [Decimal("0.03")] * 2)[0].interest == 5  # of 4.5
    assert in_steps(even, 1_50, [Decimal("0.03")] * 2)[0].interest == 4
