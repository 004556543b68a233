"""Cases of schedules: the words of the files, each mapped or told to be missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrypoints.scenarios.checks import verdict
from entrypoints.scenarios.files import Case
from entrypoints.scenarios.verdicts import Verdict

PROGRESSIVE: dict[str, Any] = {
    "engine": "progressive",
    "currency": "EUR",
    "disbursements": [{"date": "2024-01-01", "amount": "1000.00"}],
    "annual_rate_pct": "12",
    "number_of_repayments": 4,
    "repay_every": 1,
    "repay_unit": "months",
    "interest_type": "declining_balance",
    "amortization": "equal_instalments",
    "interest_calc_period": "same_as_repayment_period",
    "day_count": {"days_in_month": "30", "days_in_year": "360"},
}
CUMULATIVE = {**PROGRESSIVE, "engine": "cumulative"}
UNROUNDED: dict[str, Any] = {
    "engine": "unrounded",
    "principal": "1000",
    "annual_rate_pct": "12",
    "number_of_repayments": 2,
    "amortization": "equal_principal",
}
FUNCTION = {"engine": "function", "function": "PMT", "rate_numerator": "0.1", "nper": 2, "pv": "1"}


def checked(
    terms: dict[str, Any], expected: dict[str, Any], events: list[Any] | None = None
) -> Verdict:
    return verdict(Case("X", terms, events or [], expected, Decimal(0)), "schedules")


def with_day_count(**changes: str) -> dict[str, Any]:
    return {
        **PROGRESSIVE,
        "interest_calc_period": "daily",
        "day_count": {"days_in_month": "actual", "days_in_year": "365", **changes},
    }


def interests(terms: dict[str, Any], *expected: str, events: list[Any] | None = None) -> Verdict:
    return checked(terms, {"rows": [{"interest": each} for each in expected]}, events)


PASSED = Verdict("X", "passed")


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"engine": "recalc"}, "recalc"),
        ({**PROGRESSIVE, "amortization": "equal_principal"}, "amortization"),
        ({**PROGRESSIVE, "amortization": "bullet"}, "bullet"),
        ({**PROGRESSIVE, "interest_free_periods": 1}, "interest_free_periods"),
        ({**PROGRESSIVE, "partial_period_interest": False}, "partial_period_interest"),
        ({**PROGRESSIVE, "repay_unit": "years"}, "repay_unit"),
        ({**PROGRESSIVE, "rounding": "up"}, "rounding"),
        ({**PROGRESSIVE, "instalment_multiple_of": "5"}, "instalment_multiple_of"),
        ({**PROGRESSIVE, "holiday_shift": "next"}, "holiday_shift"),
        (with_day_count(days_in_year="366"), "days_in_year"),
        (with_day_count(days_in_year="actual365"), "actual365"),
        (with_day_count(days_in_month="30", days_in_year="actual"), "days_in_month"),
        (with_day_count(year_split="jan1"), "year_split"),
        (with_day_count(leap_rule="feb29_period_only"), "leap_rule"),
        (with_day_count(days_in_year="actual", leap_rule="never"), "leap_rule"),
        (with_day_count(basis="x"), "day_count.basis"),
        (
            {**PROGRESSIVE, "disbursements": [{"date": "2024-01-01", "amount": "1", "fee": "1"}]},
            "disbursements[0].fee",
        ),
        ({**CUMULATIVE, "disbursements": PROGRESSIVE["disbursements"] * 2}, "disbursements"),
        ({**CUMULATIVE, "day_count": {"days_in_month": "actual", "days_in_year": "actual"}},
         "days_in_year"),
        ({**UNROUNDED, "rounding": "half_even"}, "rounding"),
        ({**UNROUNDED, "display_places": 3}, "display_places"),
        ({**UNROUNDED, "pct": "2"}, "pct"),
        ({**UNROUNDED, "amortization": "seasonal"}, "seasonal"),
        (
            {**UNROUNDED, "amortization": "growing_instalments", "yearly_growth_pct": "3",
             "rate_steps": [{"from_period": 1, "annual_rate_pct": "5"}]},
            "rate_steps",
        ),
        ({**FUNCTION, "function": "NPV"}, "NPV"),
        ({**FUNCTION, "type": 2}, "type"),
        ({**FUNCTION, "per": 1}, "per"),
    ],
)  # fmt: skip
def test_what_is_not_offered_is_unsupported_and_named(terms: dict[str, Any], named: str) -> None:
    found = checked(terms, {"row_count": 4})

    assert found.status == "unsupported"
    assert named in (found.reason or "")


@pytest.mark.parametrize(
    ("terms", "event"),
    [
        (PROGRESSIVE, {"type": "holiday", "from": "2024-01-01"}),
        (PROGRESSIVE, {"type": "rate_change", "effective": "2024-01-05", "annual_rate_pct": "1",
                       "until": "2024-02-01"}),
        ({**CUMULATIVE, "interest_type": "flat"},
         {"type": "rate_change", "effective": "2024-01-05", "annual_rate_pct": "1"}),
        (CUMULATIVE, {"type": "interest_pause", "from": "2024-01-05", "to": "2024-01-06"}),
        (UNROUNDED, {"type": "interest_pause", "from": "2024-01-05", "to": "2024-01-06"}),
        (FUNCTION, {"type": "rate_change"}),
    ],
)  # fmt: skip
def test_an_event_that_is_not_offered_is_unsupported(
    terms: dict[str, Any], event: dict[str, Any]
) -> None:
    assert checked(terms, {"row_count": 4}, [event]).status == "unsupported"


@pytest.mark.parametrize(
    "terms",
    [
        {**PROGRESSIVE, "disbursements": []},
        {**PROGRESSIVE, "disbursements": [{"date": "2024-01-01", "amount": "1.005"}]},
        {**PROGRESSIVE, "number_of_repayments": 0},
        {**PROGRESSIVE, "number_of_repayments": 10**8},
        {**PROGRESSIVE, "repay_every": -1},
        {**PROGRESSIVE, "repay_every": 9999, "number_of_repayments": 9999},
        {**PROGRESSIVE, "annual_rate_pct": "-1"},
        {**PROGRESSIVE, "annual_rate_pct": "1e99", "number_of_repayments": 9000,
         "repay_unit": "days"},
        {**PROGRESSIVE, "down_payment_pct": "101"},
        {**PROGRESSIVE, "grace_principal_periods": -1},
        {**PROGRESSIVE, "grace_interest_periods": 4},
        {**PROGRESSIVE, "instalment_refit": "yes"},
        {**PROGRESSIVE, "day_count": "30/360"},
        {**PROGRESSIVE, "disbursements": [{"date": "2024-02-01", "amount": "1"},
                                          {"date": "2024-01-01", "amount": "1"}]},
        {**with_day_count(days_in_year="actual", year_split="jan1"),
         "disbursements": [{"date": "0001-01-01", "amount": "1"}]},
        {**UNROUNDED, "principal": "-1"},
        {**UNROUNDED, "periods_per_year": 0},
        {**UNROUNDED, "number_of_repayments": None},
        {**UNROUNDED, "amortization": "fixed_payment"},
        {**UNROUNDED, "amortization": "equal_instalments", "amortised_over": 1},
        {**UNROUNDED, "rate_steps": [{"from_period": 2, "annual_rate_pct": "5"}]},
        {**FUNCTION, "nper": 0},
        {**FUNCTION, "rate_denominator": "0"},
        {**FUNCTION, "rate_numerator": "-1"},
        {**FUNCTION, "function": "IPMT", "per": 3},
        {**FUNCTION, "function": "CUMIPMT", "start": 2, "end": 1},
    ],
)  # fmt: skip
def test_a_term_that_cannot_be_used_fails_the_case_in_a_sentence(terms: dict[str, Any]) -> None:
    found = checked(terms, {"row_count": 4})

    assert found.status == "failed"
    assert found.reason


def test_weeks_and_days_of_a_cumulative_loan_go_by_its_day_count() -> None:
    weekly = {"repay_unit": "weeks", "amortization": "equal_principal"}

    # A week is 1/52 of a year for one, 7 days of 360 for the other.
    assert (
        interests({**PROGRESSIVE, "repay_unit": "weeks"}, "2.31", "1.73", "1.16", "0.58") == PASSED
    )
    assert interests({**CUMULATIVE, **weekly}, "2.33", "1.75", "1.17", "0.58") == PASSED


def test_a_leap_year_has_365_days_where_the_source_says_so() -> None:
    terms = {
        **CUMULATIVE,
        "interest_calc_period": "daily",
        "amortization": "equal_principal",
        "day_count": {"days_in_month": "actual", "days_in_year": "actual365"},
    }

    assert interests(terms, "10.19", "7.15", "5.10", "2.47") == PASSED


def test_grace_on_interest_of_a_cumulative_loan_is_paid_in_the_row_after() -> None:
    terms = {
        **CUMULATIVE,
        "amortization": "equal_principal",
        "grace_principal_periods": 1,
        "grace_interest_periods": 2,
    }

    assert checked(terms, {"rows": [
        {"principal": "0", "interest": "0", "balance": "1000"},
        {"principal": "333.33", "interest": "0", "balance": "666.67"},
        {"principal": "333.33", "interest": "26.67", "balance": "333.34"},
        {"principal": "333.34", "interest": "3.33", "balance": "0"},
    ]}) == PASSED  # fmt: skip


def test_rows_without_interest_leave_the_equal_instalment_of_a_cumulative_loan() -> None:
    # L = 256.28 by the first row's rate, whether or not it bears interest.
    assert checked({**CUMULATIVE, "interest_free_periods": 1}, {"rows": [
        {"principal": "256.28", "interest": "0"},
        {"principal": "248.84", "interest": "7.44"},
        {"principal": "251.33", "interest": "4.95"},
        {"principal": "243.55", "interest": "2.44"},
    ]}) == PASSED  # fmt: skip


FLAT = {**PROGRESSIVE, "interest_type": "flat"}
"""1,000 over four months at 1 % a month: 250 and 10.00 in each."""


def flat_rows(*rows: tuple[str, str, str], events: list[Any], **changes: Any) -> Verdict:
    said = [dict(zip(("principal", "interest", "balance"), row, strict=True)) for row in rows]
    return checked({**FLAT, **changes}, {"rows": said}, events)


def test_a_new_rate_sets_flat_instalments_anew_from_its_row() -> None:
    # The day that ends on 16 March is the first at 6 %: 10 · 14/31 + 5 · 17/31 = 7.26.
    # (1000 + 7.26 + 5 − 500) / 2 = 256.13 in the rows that are left.
    change = {"type": "rate_change", "effective": "2024-03-16", "annual_rate_pct": "6"}

    assert flat_rows(
        ("250.00", "10.00", "750.00"),
        ("250.00", "10.00", "500.00"),
        ("248.87", "7.26", "251.13"),
        ("251.13", "5.00", "0.00"),
        events=[change],
    ) == PASSED  # fmt: skip


def test_days_without_interest_leave_flat_instalments_and_the_last_is_smaller() -> None:
    pause = {"type": "interest_pause", "from": "2024-02-02", "to": "2024-03-01"}

    assert flat_rows(
        ("250.00", "10.00", "750.00"),
        ("260.00", "0.00", "490.00"),
        ("250.00", "10.00", "240.00"),
        ("240.00", "10.00", "0.00"),
        events=[pause],
    ) == PASSED  # fmt: skip


def test_a_draw_after_days_without_interest_reckons_with_what_they_let_be_repaid() -> None:
    # 510 are repaid by 1 March: (1100 + 11 + 11 − 510) / 2 = 306.00.
    pause = {"type": "interest_pause", "from": "2024-02-02", "to": "2024-03-01"}
    draws = [*PROGRESSIVE["disbursements"], {"date": "2024-03-01", "amount": "100.00"}]

    assert flat_rows(
        ("250.00", "10.00", "750.00"),
        ("260.00", "0.00", "490.00"),
        ("295.00", "11.00", "295.00"),
        ("295.00", "11.00", "0.00"),
        events=[pause],
        disbursements=draws,
    ) == PASSED  # fmt: skip


def test_grace_is_not_used_where_interest_is_flat() -> None:
    flat = {"interest_type": "flat", "grace_principal_periods": 2, "grace_interest_periods": 2}

    assert interests({**CUMULATIVE, **flat}, *["10.00"] * 4) == PASSED
    assert interests({**PROGRESSIVE, **flat}, *["10.00"] * 4) == PASSED


def test_a_flat_draw_within_a_row_may_count_from_the_rows_start() -> None:
    flat = {
        **PROGRESSIVE,
        "interest_type": "flat",
        "disbursements": [
            {"date": "2024-01-01", "amount": "1000"},
            {"date": "2024-02-15", "amount": "290"},
        ],
    }

    # 2.90 for all of the row in February, of whose 29 days 15 come after the draw: 1.50.
    assert interests(flat, "10.00", "11.50", "12.90", "12.90") == PASSED
    whole_rows = {**flat, "partial_period_interest": False}
    assert interests(whole_rows, "10.00", "12.90", "12.90", "12.90") == PASSED


def test_each_draw_has_its_down_payment_before_the_row_due_that_day() -> None:
    terms = {
        **PROGRESSIVE,
        "annual_rate_pct": "0",
        "number_of_repayments": 2,
        "down_payment_pct": "10",
        "disbursements": [
            {"date": "2024-01-01", "amount": "100"},
            {"date": "2024-02-01", "amount": "50"},
        ],
    }

    assert checked(terms, {"row_count": 4, "rows": [
        {"due": "2024-01-01", "principal": "10", "interest": "0", "total": "10", "balance": "90"},
        {"due": "2024-02-01", "principal": "5", "interest": "0", "total": "5", "balance": "135"},
        {"due": "2024-02-01", "principal": "45", "interest": "0", "total": "45", "balance": "40"},
        {"due": "2024-03-01", "principal": "90", "interest": "0", "total": "90", "balance": "0"},
    ]}) == PASSED  # fmt: skip


def test_a_rate_change_on_the_due_date_counts_for_that_day_alone_of_its_row() -> None:
    terms = {**with_day_count(), "annual_rate_pct": "36.5", "number_of_repayments": 1}
    change = {"type": "rate_change", "effective": "2024-02-01", "annual_rate_pct": "0"}

    assert interests(terms, "30.00", events=[change]) == PASSED


def test_a_rate_from_before_the_first_draw_is_the_rate() -> None:
    change = {"type": "rate_change", "effective": "2023-12-01", "annual_rate_pct": "0"}

    assert interests(PROGRESSIVE, *["0"] * 4, events=[change]) == PASSED


def test_unrounded_figures_are_rounded_one_by_one_and_sums_after_adding() -> None:
    terms = {**UNROUNDED, "principal": "100", "annual_rate_pct": "6.6", "number_of_repayments": 3,
             "display_places": 0}  # fmt: skip

    # Interest 0.55, 0.3667 and 0.1833.
    assert checked(terms, {
        "rows": [
            {"principal": "33", "interest": "1", "total": "34", "balance": "67"},
            {"principal": "33", "interest": "0", "total": "34", "balance": "33"},
            {"principal": "33", "interest": "0", "total": "34", "balance": "0"},
        ],
        "totals": {"principal": "100", "interest": "1", "total": "101"},
        "yearly": [{"year": 1, "principal": "100.00", "interest": "1.10"}],
    }) == PASSED  # fmt: skip


def test_selected_rows_are_found_by_their_number() -> None:
    expected = [{"n": 2, "interest": "5.00"}, {"n": "1", "total": "510.00"}]

    assert checked(UNROUNDED, {"selected_rows": expected}) == PASSED
    assert checked(UNROUNDED, {"selected_rows": [{"n": 3, "interest": "0"}]}).status == "failed"


def test_years_are_counted_in_rows_of_twelve() -> None:
    terms = {**PROGRESSIVE, "annual_rate_pct": "0", "number_of_repayments": 14,
             "disbursements": [{"date": "2024-01-01", "amount": "1400"}]}  # fmt: skip

    assert checked(terms, {"yearly": [
        {"year": 1, "principal": "1200", "interest": "0"},
        {"year": 2, "principal": "200", "interest": "0"},
    ]}) == PASSED  # fmt: skip


def test_a_rate_step_levels_a_balloon_loan_anew() -> None:
    terms = {
        **UNROUNDED,
        "amortization": "equal_instalments",
        "amortised_over": 4,
        "number_of_repayments": 3,
        "rate_steps": [
            {"from_period": 1, "annual_rate_pct": "12"},
            {"from_period": 3, "annual_rate_pct": "0"},
        ],
    }

    assert checked(terms, {"rows": [
        {"total": "256.28"}, {"total": "256.28"}, {"principal": "504.98", "interest": "0"},
    ]}) == PASSED  # fmt: skip


@pytest.mark.parametrize(
    ("own", "row_count", "last"),
    [
        ({"amortization": "fixed_payment", "payment": "400"}, 3, "218.26"),
        ({"amortization": "fixed_principal", "principal_payment": "400"}, 3, "202.00"),
        ({"amortization": "percent_of_principal_balance", "pct": "50", "minimum": "300"}, 3,
         "202.00"),
        ({"amortization": "percent_of_total_balance", "pct": "50", "minimum": "300"}, 3, "212.15"),
        ({"amortization": "equal_instalments", "amortised_over": 5}, 5, "206.04"),
    ],
)  # fmt: skip
def test_without_a_number_of_rows_a_loan_runs_until_it_is_repaid(
    own: dict[str, Any], row_count: int, last: str
) -> None:
    terms = {**UNROUNDED, **own}
    del terms["number_of_repayments"]

    selected = [{"n": row_count, "total": last, "balance": "0"}]
    assert checked(terms, {"row_count": row_count, "selected_rows": selected}) == PASSED


def test_instalments_may_shrink_each_year() -> None:
    terms = {
        **UNROUNDED,
        "annual_rate_pct": "0",
        "number_of_repayments": 24,
        "principal": "2280",
        "amortization": "growing_instalments",
        "yearly_growth_pct": "-10",
    }

    selected = [{"n": 12, "total": "100"}, {"n": 13, "total": "90"}, {"n": 24, "balance": "0"}]
    assert checked(terms, {"selected_rows": selected}) == PASSED


def test_an_instalment_that_grows_late_may_be_less_than_its_interest() -> None:
    # 1 % a period and ten times the instalment in the second year: with v = 1/1.01,
    # 1000 = pay · a12 · (1 + 10 · v^12) = pay · 11.255077 · 9.874492, so pay = 8.997804.
    # What it lacks of the interest stays with the loan and bears interest.
    terms = {
        **UNROUNDED,
        "number_of_repayments": 24,
        "amortization": "growing_instalments",
        "yearly_growth_pct": "900",
    }
    selected = [
        {"n": 1, "principal": "-1.00", "interest": "10.00", "total": "9.00", "balance": "1001.00"},
        {"n": 2, "principal": "-1.01", "interest": "10.01", "total": "9.00", "balance": "1002.01"},
        {"n": 13, "total": "89.98"},
        {"n": 24, "total": "89.98", "balance": "0.00"},
    ]

    assert checked(terms, {"selected_rows": selected}) == PASSED


@pytest.mark.parametrize(
    "method",
    [
        {"amortization": "equal_instalments"},
        {"amortization": "growing_instalments", "yearly_growth_pct": "0"},
    ],
)
def test_a_rate_under_which_money_grows_beyond_all_digits_still_repays_the_loan(
    method: dict[str, str],
) -> None:
    # 300 % over 120 rows: an error in the last digit would grow by 4^120, a number of 73 digits.
    terms = {
        **UNROUNDED,
        "annual_rate_pct": "300",
        "periods_per_year": 1,
        "number_of_repayments": 120,
        **method,
    }
    selected = [
        {"n": 1, "principal": "0.00", "interest": "3000.00", "balance": "1000.00"},
        {"n": 119, "principal": "187.50", "interest": "2812.50", "balance": "750.00"},
        {"n": 120, "principal": "750.00", "interest": "2250.00", "balance": "0.00"},
    ]

    assert checked(terms, {"selected_rows": selected}) == PASSED


def test_instalments_that_shrink_to_nothing_are_all_paid_in_the_first_year() -> None:
    terms = {
        **UNROUNDED,
        "annual_rate_pct": "0",
        "number_of_repayments": 13,
        "principal": "1200",
        "amortization": "growing_instalments",
        "yearly_growth_pct": "-100",
    }

    selected = [{"n": 1, "total": "100"}, {"n": 12, "balance": "0"}, {"n": 13, "total": "0"}]
    assert checked(terms, {"selected_rows": selected}) == PASSED


NAMES = st.sampled_from(sorted({*PROGRESSIVE, *UNROUNDED, *FUNCTION, "amortised_over", "pct",
                                "payment", "minimum", "yearly_growth_pct", "per", "start", "end",
                                "type", "fv", "down_payment_pct", "grace_interest_periods",
                                "grace_principal_periods", "instalment_multiple_of"}))  # fmt: skip
VALUES = st.one_of(
    st.integers(-3, 40),
    st.sampled_from(["0", "1", "10", "1e30", "1e-60", "-1", "months", "days", "flat", "actual"]),
    st.sampled_from(["interest_only", "fixed_payment", "equal_principal", "growing_instalments"]),
    st.sampled_from(["percent_of_total_balance", "equal_instalments", "CUMIPMT", "PPMT", "ISPMT"]),
    st.lists(st.fixed_dictionaries({"date": st.dates().map(str), "amount": st.just("7e12")})),
)
DAYS = st.dates().map(str)
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("rate_change"), "effective": DAYS, "annual_rate_pct": VALUES}
    ),
    st.fixed_dictionaries({"type": st.just("interest_pause"), "from": DAYS, "to": DAYS}),
)


@settings(deadline=None)
@given(
    st.sampled_from([PROGRESSIVE, CUMULATIVE, UNROUNDED, FUNCTION]),
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.lists(EVENTS, max_size=2),
)
def test_whatever_the_terms_a_case_gets_a_verdict(
    terms: dict[str, Any], changes: dict[str, Any], events: list[Any]
) -> None:
    assert checked({**terms, **changes}, {"row_count": 4}, events).status
