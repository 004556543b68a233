"""The time of a schedule: due dates, and what share of a year a row or a part bears."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.repayment import Frequency, RowShare, YearDays
from domain.loan.periods import Draw, Pause, RateFrom, Rhythm, Span, periods, spans

MONTHLY = Rhythm(1, Frequency.MONTH, RowShare.ACTUAL, YearDays.D365)


def ends(rhythm: Rhythm, anchor: date, count: int) -> list[str]:
    return [str(row.end) for row in spans(rhythm, anchor, count)]


def test_month_steps_keep_the_day_of_the_first_draw() -> None:
    assert ends(MONTHLY, date(2023, 10, 31), 5) == [
        "2023-11-30",
        "2023-12-31",
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
    ]


def test_rows_are_as_many_days_weeks_or_months_as_the_terms_say() -> None:
    days = Rhythm(15, Frequency.DAY, RowShare.ACTUAL, YearDays.D365)
    weeks = Rhythm(2, Frequency.WEEK, RowShare.ACTUAL, YearDays.D365)
    quarters = Rhythm(3, Frequency.MONTH, RowShare.ACTUAL, YearDays.D365)

    assert ends(days, date(2024, 2, 20), 2) == ["2024-03-06", "2024-03-21"]
    assert ends(weeks, date(2024, 2, 20), 2) == ["2024-03-05", "2024-03-19"]
    assert ends(quarters, date(2023, 11, 30), 2) == ["2024-02-29", "2024-05-30"]


def test_after_a_broken_first_row_the_first_due_date_is_the_anchor() -> None:
    rows = spans(MONTHLY, date(2024, 1, 10), 3, first_due_on=date(2024, 1, 31))

    assert list(rows) == [
        Span(date(2024, 1, 10), date(2024, 1, 31)),
        Span(date(2024, 1, 31), date(2024, 2, 29)),
        Span(date(2024, 2, 29), date(2024, 3, 31)),
    ]


def test_rows_are_asked_for_one_by_one_or_many_at_once() -> None:
    rows = spans(MONTHLY, date(2024, 1, 10), 3, first_due_on=date(2024, 1, 31))

    every = list(rows)

    assert [rows[place] for place in (0, 1, 2, -1, -3)] == [every[n] for n in (0, 1, 2, -1, -3)]
    assert rows[1:] == every[1:]
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize("count", [0, -1, 10**6])
def test_no_rows_or_rows_beyond_the_calendar_are_refused(count: int) -> None:
    for unit in (Frequency.DAY, Frequency.WEEK, Frequency.MONTH):
        with pytest.raises(ValueError, match=r"none|calendar|year"):
            spans(Rhythm(9, unit, RowShare.ACTUAL, YearDays.D365), date(2024, 1, 1), count)


def test_a_first_row_that_ends_as_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        spans(MONTHLY, date(2024, 1, 10), 3, first_due_on=date(2024, 1, 10))


JANUARY = Span(date(2024, 1, 1), date(2024, 2, 1))


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (Rhythm(1, Frequency.MONTH, RowShare.BY_PERIOD, YearDays.D365), Fraction(1, 12)),
        (Rhythm(2, Frequency.WEEK, RowShare.BY_PERIOD, YearDays.D365), Fraction(2, 52)),
        (Rhythm(31, Frequency.DAY, RowShare.BY_PERIOD, YearDays.D364), Fraction(31, 364)),
        (Rhythm(1, Frequency.MONTH, RowShare.NOMINAL, YearDays.D364), Fraction(30, 364)),
        (Rhythm(2, Frequency.WEEK, RowShare.NOMINAL, YearDays.D360), Fraction(14, 360)),
        (Rhythm(31, Frequency.DAY, RowShare.NOMINAL, YearDays.D360), Fraction(31, 360)),
        (Rhythm(1, Frequency.MONTH, RowShare.ACTUAL, YearDays.D360), Fraction(31, 360)),
        (Rhythm(1, Frequency.MONTH, RowShare.ACTUAL, YearDays.CALENDAR_DEC31), Fraction(31, 366)),
        (
            Rhythm(
                1, Frequency.MONTH, RowShare.ACTUAL, YearDays.CALENDAR_JAN1, leap_rows_only=True
            ),
            Fraction(31, 365),
        ),
    ],
)
def test_a_row_bears_its_share_of_a_year(rhythm: Rhythm, expected: Fraction) -> None:
    share = rhythm.part(JANUARY, *JANUARY)

    assert abs(Fraction(share) - expected) < Fraction(1, 10**27)


def test_a_part_of_a_nominal_row_counts_by_its_days_over_the_rows() -> None:
    rhythm = Rhythm(1, Frequency.MONTH, RowShare.NOMINAL, YearDays.D360)

    share = rhythm.part(JANUARY, date(2024, 1, 2), date(2024, 1, 12))

    assert abs(Fraction(share) - Fraction(30, 360) * Fraction(10, 31)) < Fraction(1, 10**27)


def test_new_year_parts_a_row_at_31_december_or_at_1_january() -> None:
    row = Span(date(2023, 12, 12), date(2024, 1, 12))
    shares = [
        Rhythm(1, Frequency.MONTH, RowShare.ACTUAL, year).part(row, *row)
        for year in (YearDays.CALENDAR_DEC31, YearDays.CALENDAR_JAN1)
    ]

    expected = [Fraction(19, 365) + Fraction(12, 366), Fraction(20, 365) + Fraction(11, 366)]
    assert all(
        abs(Fraction(share) - wanted) < Fraction(1, 10**27)
        for share, wanted in zip(shares, expected, strict=True)
    )


def test_only_a_row_with_29_february_counts_366_days_where_the_terms_say_so() -> None:
    rhythm = Rhythm(
        1, Frequency.MONTH, RowShare.ACTUAL, YearDays.CALENDAR_DEC31, leap_rows_only=True
    )
    to_the_day = Span(date(2024, 1, 29), date(2024, 2, 29))
    after_it = Span(date(2024, 2, 29), date(2024, 3, 29))

    assert rhythm.part(to_the_day, *to_the_day) == Decimal(31) / 366
    assert rhythm.part(after_it, *after_it) == Decimal(29) / 365


@given(
    st.sampled_from([YearDays.CALENDAR_DEC31, YearDays.CALENDAR_JAN1, YearDays.D360]),
    st.sampled_from(list(RowShare)),
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    st.integers(1, 27),
)
def test_the_parts_of_a_row_add_up_to_it(
    year: YearDays, share: RowShare, start: date, cut: int
) -> None:
    if share == RowShare.NOMINAL:
        year = YearDays.D360
    rhythm = Rhythm(1, Frequency.MONTH, share, year)
    (row,) = spans(rhythm, start, 1)
    middle = start.fromordinal(start.toordinal() + cut)

    parts = rhythm.part(row, start, middle) + rhythm.part(row, middle, row.end)

    assert abs(parts - rhythm.part(row, *row)) < Decimal("1e-26")


def test_a_new_rate_counts_for_the_day_that_ends_on_its_date() -> None:
    rates = [RateFrom(JANUARY.start, Decimal("0.365")), RateFrom(date(2024, 1, 11), Decimal(0))]

    (period,) = periods(MONTHLY.part, [JANUARY], rates)

    assert round(period.factor, 20) == Decimal("0.009")  # the nine days to 10 January


def test_a_pause_bears_no_interest_on_its_first_and_last_day() -> None:
    rates = [RateFrom(JANUARY.start, Decimal("0.365"))]
    pauses = [Pause(date(2024, 1, 3), date(2024, 1, 12))]

    (period,) = periods(MONTHLY.part, [JANUARY], rates, pauses=pauses)

    assert round(period.factor, 20) == Decimal("0.021")
    assert round(period.level_factor, 20) == Decimal("0.031")


def test_a_draw_bears_interest_from_its_day_and_none_on_the_due_date() -> None:
    rates = [RateFrom(JANUARY.start, Decimal("0.365"))]
    draws = [Draw(JANUARY.start, 5), Draw(date(2024, 1, 22), 1000), Draw(JANUARY.end, 70)]

    (period,) = periods(MONTHLY.part, [JANUARY], rates, draws)

    assert period.drawn == 1070
    assert round(period.drawn_interest, 20) == Decimal(10)
