"""Rates that make two streams of money worth the same."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.base.refusal import Refusal
from domain.loan.apr import NoRate, Run, SeveralRates, effective_rate, nominal_rate

AMOUNTS = st.integers(1, 10**12)


def percent(rate: Decimal, places: str = "0.01") -> Decimal:
    return (rate * 100).quantize(Decimal(places))


def worth(runs: list[Run], rate: Decimal) -> Decimal:
    """What *runs* are worth, flow by flow, without a closed form."""
    with localcontext(prec=60):
        return sum(
            (
                Decimal(run.amount)
                / (1 + rate) ** (run.first + k * run.step)
                / (1 + rate * Decimal(Fraction(run.odd).numerator) / Fraction(run.odd).denominator)
                for run in runs
                for k in range(run.count)
            ),
            start=Decimal(0),
        )


@pytest.mark.parametrize(
    ("payment", "per_year", "apr"),
    [
        # Regulation Z, appendix J (c)(1)(i), (ii), (iv), (v).
        ((500_000, Run(-230_00, 1, 24)), 12, "9.69"),
        ((600_000, Run(-200_00, 1, 36, odd=Fraction(19, 30))), 12, "11.82"),
        ((1_000_000, Run(-385_00, 1, 40, odd=Fraction(39, 90))), 4, "8.97"),
        ((50_000, Run(-17_60, 4, 30, odd=Fraction(4, 7))), 52, "14.96"),
    ],
)
def test_the_actuarial_rate_is_that_of_regulation_z(
    payment: tuple[int, Run], per_year: int, apr: str
) -> None:
    lent, paid = payment

    assert percent(nominal_rate([Run(lent), paid], per_year)) == Decimal(apr)


def test_the_effective_rate_is_that_of_the_directive() -> None:
    # Directive 98/7/EC: 1000 against 600 after one year and 600 after two: 13.07 %.
    assert percent(effective_rate([Run(1000), Run(-600, 1, 2)], 1)) == Decimal("13.07")
    # 1000 against 1200 after 546 days: 12.96 %.
    assert percent(effective_rate([Run(1000), Run(-1200, 546)], 365)) == Decimal("12.96")


def test_the_internal_rate_of_dated_flows_is_that_of_a_spreadsheet() -> None:
    # The example of Excel's XIRR: 37.3362535 %.
    flows = [(0, -10_000), (60, 2_750), (303, 4_250), (411, 3_250), (456, 2_750)]
    rate = effective_rate([Run(amount, days) for days, amount in flows], 365)

    assert percent(rate, "0.000001") == Decimal("37.336253")


def test_a_rate_that_ends_on_a_five_rounds_up_and_not_down() -> None:
    # 12.345 % exactly: a figure a hair below would be shown as 12.34.
    rate = effective_rate([Run(1_000_000), Run(-1_123_450, 1)], 1)

    assert rate == Decimal("0.12345")


def test_a_loan_that_costs_nothing_has_rate_zero() -> None:
    assert nominal_rate([Run(1200), Run(-100, 1, 12)], 12) == 0
    assert effective_rate([Run(1200), Run(-1200, 365)], 365) == 0


def test_less_paid_than_lent_is_a_rate_below_zero() -> None:
    rate = nominal_rate([Run(-100), Run(74, 3)], 1)

    assert percent(rate, "0.0001") == Decimal("-9.5496")


def test_a_rate_of_next_to_nothing_is_found() -> None:
    flows = [Run(10**15), Run(-(10**12), 1, 1000), Run(-1, 1000)]
    rate = nominal_rate(flows, 1)

    assert 0 < rate < Decimal("1E-15")
    assert abs(worth(flows, rate)) < Decimal("1E-2")


@pytest.mark.parametrize(
    "flows",
    [
        [],
        [Run(100)],
        [Run(100), Run(50, 1)],
        [Run(100), Run(-90)],  # all at one time
        [Run(100), Run(-110), Run(-5, 1)],  # more is paid at once than lent
        [Run(100), Run(-100), Run(-5, 1)],
        [Run(-100), Run(200, 1), Run(-150, 2)],
    ],
)
def test_flows_that_no_rate_fits_are_refused(flows: list[Run]) -> None:
    with pytest.raises(NoRate):
        nominal_rate(flows, 12)


def test_a_rate_outside_the_bounds_is_refused() -> None:
    with pytest.raises(NoRate, match="No rate from"):
        effective_rate([Run(100), Run(-200, 1)], 12, high=Decimal(60))


def test_two_rates_are_refused_and_bounds_choose_between_them() -> None:
    flows = [Run(-100), Run(230, 1), Run(-132, 2)]
    with pytest.raises(SeveralRates, match=r"0\.1, 0\.2"):
        nominal_rate(flows, 1)

    assert nominal_rate(flows, 1, high=Decimal("0.15")) == Decimal("0.1")
    assert nominal_rate(flows, 1, low=Decimal("0.15")) == Decimal("0.2")


def test_rates_that_touch_are_refused() -> None:
    with pytest.raises(Refusal):
        nominal_rate([Run(-100), Run(220, 1), Run(-121, 2)], 1)


def test_draws_between_repayments_have_one_rate() -> None:
    flows = [Run(1000), Run(-300, 1, 2), Run(500, 2), Run(-300, 3, 4)]
    rate = nominal_rate(flows, 1)

    assert abs(worth(flows, rate)) < Decimal("1E-15")


def test_a_draw_in_the_tenth_year_of_thirty_leaves_one_rate() -> None:
    flows = [Run(1_000_000_00), Run(-6_500_00, 1, 360), Run(50_000_00, 120), Run(-300_00, 121, 240)]
    rate = nominal_rate(flows, 12)

    assert abs(worth(flows, rate / 12)) < Decimal("1E-9")


@given(
    AMOUNTS,
    st.lists(st.tuples(AMOUNTS, st.integers(1, 40), st.integers(1, 4)), min_size=1, max_size=6),
)
@example(20, [(2_694_528_080, 1, 1), (1, 1, 1)])
def test_at_its_rate_what_is_paid_is_worth_what_is_lent(
    lent: int, paid: list[tuple[int, int, int]]
) -> None:
    flows, month = [Run(lent)], 1
    for amount, count, step in paid:
        flows.append(Run(-amount, month, count, step))
        month += count * step
    try:
        rate = nominal_rate(flows, 1)
    except NoRate:
        return

    margin = Decimal("1E-20") * max(Decimal(1), abs(rate))
    below, above = rate - margin, rate + margin
    assume(below > -1)
    assert worth(flows, below) <= 0 <= worth(flows, above)


@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 60)), min_size=1, max_size=8)
)
def test_any_flows_have_a_rate_at_which_they_are_worth_nothing_or_are_refused(
    flows: list[tuple[int, int]],
) -> None:
    runs = [Run(amount, when) for amount, when in flows]
    try:
        rate = nominal_rate(runs, 1, Decimal("-0.5"), Decimal(3))
    except Refusal:
        return

    near = worth(runs, rate - Decimal("1E-19")), worth(runs, rate + Decimal("1E-19"))
    assert min(near) <= 0 <= max(near)


@given(AMOUNTS, AMOUNTS, st.integers(1, 360), st.integers(2, 10**6))
def test_the_rate_does_not_depend_on_the_unit_of_money(
    lent: int, paid: int, count: int, unit: int
) -> None:
    try:
        rate = effective_rate([Run(lent), Run(-paid, 1, count)], 12)
    except NoRate:
        return

    assert effective_rate([Run(lent * unit), Run(-paid * unit, 1, count)], 12) == rate


@given(AMOUNTS, AMOUNTS, st.integers(2, 60))
def test_a_run_of_payments_is_worth_the_payments_one_by_one(
    lent: int, paid: int, count: int
) -> None:
    one_by_one = [Run(-paid, month) for month in range(1, count + 1)]
    try:
        rate = nominal_rate([Run(lent), Run(-paid, 1, count)], 12)
    except NoRate:
        return

    assert nominal_rate([Run(lent), *one_by_one], 12) == rate
