"""Day counts: days and shares of a year, by every convention."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.daycount import (
    IN_TERMS,
    RATIOS,
    DayCount,
    actual_actual_afb,
    actual_actual_icma,
    actual_actual_isda,
    business_252,
    business_days,
    days_30_360,
    days_30_360_us,
    days_30e_360,
    days_30e_360_isda,
    days_between,
    days_no_leap,
    exact_year_fraction,
    year_fraction,
)

DAYS = st.dates(date(1990, 1, 1), date(2150, 1, 1))
BY_DATES = [
    each
    for each in DayCount
    if each not in (DayCount.ACTUAL_ACTUAL_ICMA, DayCount.BUSINESS_252, DayCount.ONE)
]
NOT_ADDITIVE = (DayCount.THIRTY_360, DayCount.ACTUAL_ACTUAL_AFB)
ADDITIVE = [each for each in IN_TERMS if each not in NOT_ADDITIVE]


def day(text: str) -> date:
    return date.fromisoformat(text)


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


# ISDA, "30/360 day count conventions", 22 December 2008, examples 2 and 3.
@pytest.mark.parametrize(
    ("start", "end", "bond", "eurobond", "isda"),
    [
        ("2006-08-31", "2007-02-28", 178, 178, 180),
        ("2007-02-28", "2007-08-31", 183, 182, 180),
        ("2007-08-31", "2008-02-29", 179, 179, 180),
        ("2008-02-29", "2008-08-31", 182, 181, 180),
        ("2006-01-31", "2006-02-28", 28, 28, 30),
        ("2006-02-28", "2006-03-03", 5, 5, 3),
        ("2006-09-30", "2006-10-31", 30, 30, 30),
        ("2008-02-28", "2008-08-31", 183, 182, 182),
        ("2008-02-29", "2009-02-28", 359, 359, 360),
    ],
)
def test_month_ends_count_as_isda_published(
    start: str, end: str, bond: int, eurobond: int, isda: int
) -> None:
    assert days_30_360(day(start), day(end)) == bond
    assert days_30e_360(day(start), day(end)) == eurobond
    assert days_30e_360_isda(day(start), day(end)) == isda


def test_the_termination_date_keeps_its_day_in_february_by_isda() -> None:
    # ISDA, 22 December 2008: 179 and 359 days to a termination date on 29 February.
    last = day("2012-02-29")
    assert days_30e_360_isda(day("2011-08-31"), last, termination_on=last) == 179
    last = day("2008-02-29")
    assert days_30e_360_isda(day("2007-02-28"), last, termination_on=last) == 359
    assert days_30e_360_isda(day("2007-12-30"), day("2008-01-31"), day("2008-01-31")) == 30


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2008-02-29", "2009-02-28", 360),  # both at the end of February
        ("2007-02-28", "2007-08-31", 180),  # the start only
        ("2007-08-31", "2008-02-29", 179),  # the end only: it stays the 29th
        ("2011-01-30", "2011-03-31", 60),
        ("2011-01-29", "2011-03-31", 62),
        ("2011-01-31", "2011-03-30", 60),
    ],
)
def test_30_360_us_takes_the_end_of_february_for_a_30th(start: str, end: str, days: int) -> None:
    assert days_30_360_us(day(start), day(end)) == days


# ISDA, "EMU and market conventions: recent developments", 1998, by year parts.
@pytest.mark.parametrize(
    ("start", "end", "isda", "afb"),
    [
        ("2003-11-01", "2004-05-01", "0.497724380567", "0.497267759563"),
        ("1999-02-01", "1999-07-01", "0.410958904110", "0.410958904110"),
        ("1999-07-01", "2000-07-01", "1.001377348600", "1.000000000000"),
        ("2002-08-15", "2003-07-15", "0.915068493151", "0.915068493151"),
        ("2003-07-15", "2004-01-15", "0.504004790778", "0.504109589041"),
        ("1999-07-30", "2000-01-30", "0.503892506924", "0.504109589041"),
        ("2000-01-30", "2000-06-30", "0.415300546448", "0.415300546448"),
    ],
)
def test_actual_actual_by_isda_and_afb_is_as_published(
    start: str, end: str, isda: str, afb: str
) -> None:
    assert abs(actual_actual_isda(day(start), day(end)) - Fraction(isda)) < Fraction("1e-11")
    assert abs(actual_actual_afb(day(start), day(end)) - Fraction(afb)) < Fraction("1e-11")


def test_afb_counts_years_back_to_the_end_of_february() -> None:
    # 28 Feb 2009 back one year is 29 Feb 2008; four years more, 29 Feb 2004.
    assert actual_actual_afb(day("2008-02-29"), day("2009-02-28")) == 1
    assert actual_actual_afb(day("2004-02-29"), day("2009-02-28")) == 5
    assert actual_actual_afb(day("2004-02-28"), day("2009-02-28")) == 5 + Fraction(1, 366)
    assert actual_actual_afb(day("2000-01-01"), day("2000-02-29")) == Fraction(59, 366)


@pytest.mark.parametrize(
    ("start", "end", "ref_start", "ref_end", "share"),
    [
        ("2003-11-01", "2004-05-01", "2003-11-01", "2004-05-01", Fraction(1, 2)),
        ("1999-02-01", "1999-07-01", "1998-07-01", "1999-07-01", Fraction(150, 365)),
        (
            "2002-08-15",
            "2003-07-15",
            "2003-01-15",
            "2003-07-15",
            Fraction(153, 368) + Fraction(1, 2),
        ),
        ("2000-01-30", "2000-06-30", "2000-01-30", "2000-07-30", Fraction(152, 364)),
        # Two notional periods before the reference period, the second in part.
        ("2002-05-15", "2003-07-15", "2003-01-15", "2003-07-15", Fraction(61, 362) + 1),
        ("2002-08-15", "2002-10-15", "2003-01-15", "2003-07-15", Fraction(61, 368)),
    ],
)
def test_actual_actual_icma_counts_by_the_coupon_period(
    start: str, end: str, ref_start: str, ref_end: str, share: Fraction
) -> None:
    assert actual_actual_icma(day(start), day(end), day(ref_start), day(ref_end)) == share


def test_a_coupon_period_must_be_one_and_hold_the_end() -> None:
    with pytest.raises(ValueError, match="not a coupon period"):
        actual_actual_icma(
            day("2025-01-01"), day("2025-01-05"), day("2025-01-01"), day("2025-01-10")
        )
    with pytest.raises(ValueError, match="lies after"):
        actual_actual_icma(
            day("2025-01-01"), day("2025-03-01"), day("2025-01-01"), day("2025-02-01")
        )


def test_no_leap_365_leaves_the_29th_of_february_out() -> None:
    assert days_no_leap(day("2024-02-28"), day("2024-03-01")) == 1
    assert days_no_leap(day("2024-02-29"), day("2024-03-01")) == 1
    assert year_fraction("NL/365", day("1999-06-01"), day("2024-06-01")) == 25


def test_business_days_are_those_of_the_calendar() -> None:
    holidays = {day("2025-01-01")}

    def is_business_day(on: date) -> bool:
        return on.weekday() < 5 and on not in holidays

    start, end = day("2024-12-30"), day("2025-01-06")  # Monday to Monday
    assert business_days(start, end, is_business_day) == 4
    assert business_252(start, end, is_business_day) == Fraction(4, 252)
    assert business_252(end, start, is_business_day) == -Fraction(4, 252)


def test_one_to_one_is_always_one() -> None:
    assert exact_year_fraction("1/1", day("2025-01-01"), day("2025-01-02")) == 1


def test_shares_over_a_fixed_year_are_exact() -> None:
    start, end = day("2024-01-01"), day("2025-01-01")
    assert exact_year_fraction("ACT/365.25", start, end) == Fraction(1464, 1461)
    assert exact_year_fraction("ACT/364", start, end) == Fraction(366, 364)
    assert exact_year_fraction("30/365", start, end) == Fraction(360, 365)
    assert year_fraction("ACT/365F", start, end) == Decimal(366) / 365


@given(st.sampled_from([*RATIOS, DayCount.ACTUAL_ACTUAL_ISDA]), DAYS, st.integers(0, 4000))
def test_no_day_count_ever_runs_backwards(day_count: str, start: date, days: int) -> None:
    end = start + timedelta(days=days)
    assert exact_year_fraction(day_count, start, end) <= exact_year_fraction(
        day_count, start, end + timedelta(days=1)
    )


@given(st.sampled_from(ADDITIVE), DAYS, DAYS, DAYS)
def test_parts_of_a_time_add_up_to_it(
    day_count: DayCount, start: date, middle: date, end: date
) -> None:
    parts = exact_year_fraction(day_count, start, middle) + exact_year_fraction(
        day_count, middle, end
    )
    assert parts == exact_year_fraction(day_count, start, end)


@given(st.sampled_from(BY_DATES), DAYS, DAYS)
def test_the_rounded_share_is_the_exact_one(day_count: DayCount, start: date, end: date) -> None:
    exact = exact_year_fraction(day_count, start, end)
    assert abs(Fraction(year_fraction(day_count, start, end)) - exact) < Fraction("1e-24")


@given(st.sampled_from([*ADDITIVE, DayCount.ACTUAL_ACTUAL_AFB]), DAYS, DAYS)
def test_a_time_counted_backwards_is_negative(day_count: DayCount, start: date, end: date) -> None:
    assert exact_year_fraction(day_count, start, end) == -exact_year_fraction(day_count, end, start)


@pytest.mark.parametrize("day_count", ["ACT/ACT", "30/360 US ", "ACT/ACT ICMA", "BUS/252"])
def test_a_day_count_that_dates_do_not_answer_is_an_error(day_count: str) -> None:
    with pytest.raises(ValueError, match=r"not offered|needs a"):
        year_fraction(day_count, date(2025, 1, 1), date(2025, 2, 1))


def test_days_are_counted_by_the_convention() -> None:
    start, end = day("2025-01-31"), day("2025-03-01")
    assert days_between("ACT/ACT ISDA", start, end) == 29
    assert days_between("30E/360", start, end) == 31
    for day_count in ("BUS/252", "ACT/ACT"):
        with pytest.raises(ValueError, match=r"not offered|needs a"):
            days_between(day_count, start, end)
