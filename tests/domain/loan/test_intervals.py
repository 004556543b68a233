"""How the rules on rates measure time."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from domain.base.calendar import add_months, due_dates
from domain.loan.intervals import NoUnitPeriod, unit_period, whole_months, years_between


def test_months_are_counted_back_and_the_days_left_stand_in_front() -> None:
    # Regulation Z, appendix J (c)(1)(ii): 10 February to 1 April is a month and 19 days.
    assert whole_months(date(1978, 2, 10), date(1978, 4, 1)) == (1, date(1978, 3, 1))
    assert whole_months(date(2025, 1, 31), date(2025, 2, 28)) == (1, date(2025, 1, 31))
    assert whole_months(date(2025, 3, 5), date(2025, 3, 5)) == (0, date(2025, 3, 5))


def test_monthly_payments_are_measured_in_months_and_thirtieths() -> None:
    dates = [date(1978, 2, 10), *due_dates(date(1978, 4, 1), 36)]
    unit = unit_period(dates)

    assert unit.per_year == 12
    assert unit.between(dates[0], dates[1]) == (1, Fraction(19, 30))
    assert unit.between(dates[0], dates[-1]) == (36, Fraction(19, 30))


def test_month_ends_are_a_month_apart() -> None:
    dates = due_dates(date(2025, 1, 31), 13)

    assert unit_period(dates).per_year == 12
    assert unit_period(dates).between(dates[0], dates[1]) == (1, Fraction(0))


def test_quarters_are_measured_in_ninetieths() -> None:
    # Appendix J (c)(1)(iv): 23 May to 1 October is a quarter and 39 days.
    quarters = [add_months(date(1978, 10, 1), 3 * k) for k in range(40)]
    unit = unit_period([date(1978, 5, 23), *quarters])

    assert unit.per_year == 4
    assert unit.between(date(1978, 5, 23), quarters[0]) == (1, Fraction(39, 90))


def test_weeks_are_measured_in_days_of_seven() -> None:
    # Appendix J (c)(1)(v): 20 March to 21 April is four weeks and four days.
    weeks = [date(1978, 4, 21) + timedelta(weeks=k) for k in range(30)]
    unit = unit_period([date(1978, 3, 20), *weeks])

    assert unit.per_year == 52
    assert unit.between(date(1978, 3, 20), weeks[0]) == (4, Fraction(4, 7))


def test_years_are_measured_in_months_where_they_fit_and_else_in_days() -> None:
    years = [date(2025, 7, 1), date(2026, 7, 1), date(2027, 7, 1)]
    unit = unit_period([date(2024, 4, 1), *years])

    assert unit.per_year == 1
    assert unit.between(date(2024, 4, 1), years[0]) == (1, Fraction(3, 12))
    assert unit.between(date(2024, 6, 11), years[0]) == (1, Fraction(20, 365))


@pytest.mark.parametrize(
    ("end", "per_year"),
    [
        (date(1978, 9, 15), Fraction(365, 255)),  # appendix J (c)(5)(i)
        (date(1978, 7, 3), Fraction(2)),
        (date(1978, 1, 31), Fraction(365, 28)),
        (date(1979, 7, 3), Fraction(1)),
    ],
)
def test_the_term_of_a_single_payment_is_its_period_up_to_a_year(
    end: date, per_year: Fraction
) -> None:
    assert unit_period([date(1978, 1, 3), end]).per_year == per_year


@pytest.mark.parametrize(
    "dates",
    [
        [date(2025, 1, 1)],
        [date(2025, 1, 1), date(2025, 1, 11), date(2025, 1, 31)],
        [date(2025, 1, 1), date(2025, 1, 11), date(2025, 1, 21)],
    ],
)
def test_flows_without_a_period_of_their_own_are_refused(dates: list[date]) -> None:
    with pytest.raises(NoUnitPeriod):
        unit_period(dates)


def test_years_by_the_directive_are_months_and_days_of_the_year_before() -> None:
    assert years_between(date(2025, 1, 15), date(2026, 4, 15)) == Fraction(15, 12)
    # 12 January to 15 March: two months back to 15 January, then 3 days of that year.
    assert years_between(date(2025, 1, 12), date(2025, 3, 15)) == (
        Fraction(2, 12) + Fraction(3, 366)
    )
    assert years_between(date(2026, 1, 12), date(2026, 3, 15)) == (
        Fraction(2, 12) + Fraction(3, 365)
    )
