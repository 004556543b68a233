"""The rows of a loan's terms: their days, and what share of a year each of them bears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from domain.base.calendar import add_months, on_day
from domain.base.daycount import IN_ROWS, RATIOS, DayCount, year_fraction
from domain.base.money import rounded
from domain.base.refusal import Refusal
from domain.base.repayment import (
    A_YEAR,
    MONTHS,
    Frequency,
    Method,
    Repayment,
    RowShare,
    YearDays,
    rows_in,
)
from domain.base.terms import TERM_MONTHS_MAX, Accrual, Terms
from domain.loan.elapsed import within_rows
from domain.loan.periods import Part, Rhythm, Span, Timetable, spans, whole_from
from domain.loan.plan import Plan


class TermsNotOffered(Refusal):
    """The terms name something that cannot be scheduled."""

    code = "TERMS_NOT_OFFERED"


METHODS = frozenset(Method)
ONE_CHOICE = Repayment()
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
"""Loans begin and end within them, so that no day beside theirs leaves the calendar."""
BEYOND = f"The last instalment would lie beyond the calendar, which ends on {LAST_DAY}."


def row_count(terms: Terms) -> int:
    """How many rows the schedule of *terms* has, down payments apart.

    Raises:
        TermsNotOffered: the term is no whole number of rows, or of too many.
    """
    chosen = terms.repayment or ONE_CHOICE
    if not 1 <= terms.term_months <= TERM_MONTHS_MAX:
        raise TermsNotOffered(f"A term of {terms.term_months} months cannot be scheduled.")
    if (
        chosen.due_on is None
        and chosen.count is None
        and terms.frequency not in A_YEAR
        and terms.method != Method.BULLET
    ):
        raise TermsNotOffered(f"Rows by {terms.frequency.lower()} need their due dates.")
    count = rows_in(terms.term_months, terms.method, terms.frequency, chosen)
    if count is None:
        raise TermsNotOffered(
            f"A term of {terms.term_months} months is no whole number of rows"
            f" of {chosen.every} x {terms.frequency.lower()}."
        )
    return count


def rows_added(terms: Terms, term_months: int) -> int:
    """How many more rows so many months bring; one a month where there is one row."""
    if terms.method == Method.BULLET:
        return term_months
    chosen = replace(terms.repayment or ONE_CHOICE, count=None, due_on=None)
    return row_count(replace(terms, term_months=term_months, repayment=chosen))


def timetable(terms: Terms, start: date, first_due_on: date | None = None) -> Timetable:
    """The rows of a loan that begins on *start*; month steps keep their anchor's day.

    Raises:
        TermsNotOffered: there is no row, or one that ends before it begins.
    """
    chosen, count = terms.repayment or ONE_CHOICE, row_count(terms)
    if not FIRST_DAY <= start <= LAST_DAY:
        raise TermsNotOffered(
            f"A loan cannot begin on {start}: days from {FIRST_DAY} to {LAST_DAY} can be."
        )
    found = _timetable(terms, chosen, start, count, first_due_on)
    if found.ends[-1] > LAST_DAY:
        raise TermsNotOffered(BEYOND)
    return found


def _timetable(
    terms: Terms, chosen: Repayment, start: date, count: int, first_due_on: date | None
) -> Timetable:
    if terms.method == Method.BULLET:
        anchor = start if first_due_on is None else first_due_on
        months = terms.term_months - (first_due_on is not None)
        try:
            ends = [add_months(anchor, months)]
        except ValueError:
            raise TermsNotOffered(BEYOND) from None
        if ends[0] <= start:
            raise TermsNotOffered(f"The loan cannot fall due on {ends[0]}, before it is paid out.")
        return Timetable(start, ends)
    if chosen.due_on is not None:
        ends = list(chosen.due_on)
        if sorted(set(ends)) != ends or ends[0] <= start:
            raise TermsNotOffered("The due dates must follow each other after the payout.")
        return Timetable(start, ends)
    try:
        found = spans(_rhythm(terms, chosen), start, count, first_due_on)
    except ValueError:
        raise TermsNotOffered(
            "The first instalment cannot fall due before the money is paid out,"
            " nor the last beyond the calendar."
        ) from None
    if _counts_by_months(terms):
        found.alike = whole_from(first_due_on)
    return found


def days_after(
    terms: Terms,
    begins_on: date,
    first_due_on: date,
    last_on: date,
    count: int,
    *,
    beyond: date | None = None,
    pay_day: int | None = None,
) -> list[date]:
    """The due dates that follow on *last_on* in the rhythm of the loan.

    There are *count* of them or, with a day *beyond*, those until that day and *count* more.
    They are counted from the loan's own anchor: its payout, or its first due date after a
    broken first row. A bullet counts in months, from its payout, or back from its only due
    date where whole months do not lead there. With a *pay_day* each falls on that day of its
    month, as far as there is one.

    Raises:
        TermsNotOffered: the rows have no rhythm, or leave the calendar.
    """
    if terms.frequency == Frequency.CUSTOM:
        raise TermsNotOffered("Days that the contract names cannot be continued; name new ones.")
    bullet = terms.method == Method.BULLET
    rhythm = _rhythm(terms, Repayment() if bullet else terms.repayment or ONE_CHOICE)

    def due(number: int) -> date:
        [day] = rhythm.due(anchor, [number])
        return day if pay_day is None else on_day(day, pay_day)

    try:
        anchor, number = _anchor(rhythm, begins_on, first_due_on, bullet=bullet)
        while due(number) <= last_on:
            number += 1
        after = number + count
        while beyond is not None and due(after - count) <= beyond:
            after += 1
        found = [due(each) for each in range(number, after)]
    except (OverflowError, ValueError):
        raise TermsNotOffered(BEYOND) from None
    if found and found[-1] > LAST_DAY:
        raise TermsNotOffered(BEYOND)
    return found


def _anchor(
    rhythm: Rhythm, begins_on: date, first_due_on: date, *, bullet: bool
) -> tuple[date, int]:
    """From what day the rows of a loan are counted, and the number of the first of them."""
    rows = 1
    while bullet and rhythm.due(begins_on, [rows])[0] < first_due_on:
        rows += 1
    if rhythm.due(begins_on, [rows]) == [first_due_on]:
        return begins_on, 1
    number = 0
    while bullet and rhythm.due(first_due_on, [number - 1])[0] > begins_on:
        number -= 1
    return first_due_on, number


def has_limit(terms: Terms) -> bool:
    """Whether the amount is a limit, to draw and repay within at any time."""
    return terms.accrual == Accrual.DAILY_BALANCE and terms.method == Method.INTEREST_ONLY


def in_parts(terms: Terms) -> bool:
    """Whether the amount is paid out in parts, on a schedule that each part is laid over.

    They come as they are asked for, or when the terms plan them to.
    """
    return bool(terms.in_parts or terms.draws) and terms.accrual != Accrual.DAILY_BALANCE


def down_payment(terms: Terms) -> int:
    """What of the amount lent comes back the same day; minor units."""
    chosen = terms.repayment or ONE_CHOICE
    if not chosen.down_payment:
        return 0
    plan = Plan(terms.method, 1, terms.rounding, multiple_of=chosen.multiple_of)
    return min(int(plan.levelled(terms.amount * chosen.down_payment)), terms.amount)


def plan_of(terms: Terms, count: int) -> Plan:
    """How principal and interest are laid over *count* rows of *terms*.

    Raises:
        TermsNotOffered: the method is unknown, or a custom schedule does not sum.
    """
    chosen = terms.repayment or ONE_CHOICE
    if terms.method not in METHODS:
        raise TermsNotOffered(f"The repayment method {terms.method!r} is not offered.")
    return _plan(
        # A bullet is one row that is as long as the term.
        Method.INTEREST_ONLY if terms.method == Method.BULLET else terms.method,
        count,
        terms.rounding,
        chosen.multiple_of,
        chosen.interest_on,
        chosen.level_from,
        chosen.excess_interest,
        chosen.refit,
        chosen.parts_of_rows,
        chosen.amortised_over,
        chosen.grace_principal,
        chosen.grace_interest,
        chosen.interest_free,
        chosen.payment,
        chosen.percent,
        chosen.least,
        chosen.growth,
        _principals(terms, count) if terms.method == Method.CUSTOM else (),
    )


_plan = lru_cache(maxsize=256)(Plan)


def share(terms: Terms, begins_on: date) -> Part:
    """What share of a year the days of a row bear, of a loan that begins on a day.

    Without a rule for rows of its own the day count decides; under 30/360 a whole row of
    months counts by months and not by days. A part of a row is what it has borne at its end
    less what it had at its start, so that the parts are together what the row is.
    """
    chosen = terms.repayment or ONE_CHOICE
    if chosen.row_share is not None:
        # One of its own: what a row bears keeps the digits it was first reckoned with.
        return replace(_rhythm(terms, chosen)).part
    day_count = terms.day_count
    if day_count in IN_ROWS:
        return within_rows(terms)
    days_of, year = RATIOS.get(day_count, (None, None))
    known: dict[int, Decimal] = {}
    whole_rows: dict[int, Decimal] = {}

    def since(begin: date, end: date) -> Decimal:
        if days_of is None or year is None:
            return year_fraction(day_count, begin, end)
        days = days_of(begin, end)
        return known.get(days) or known.setdefault(days, days / year)

    def by_days(row: Span, start: date, end: date) -> Decimal:
        borne = since(row.start, end)
        return borne if start == row.start else borne - since(row.start, start)

    def by_months(row: Span, start: date, end: date) -> Decimal:
        begin, due_on = row
        months = (due_on.year - begin.year) * 12 + due_on.month - begin.month
        if not months or (begin == begins_on and due_on != add_months(begin, months)):
            return by_days(row, start, end)
        whole = whole_rows.get(months) or whole_rows.setdefault(months, Decimal(months) / 12)
        if (start, end) == row:
            return whole
        return whole * by_days(row, start, end) / since(begin, due_on)

    return by_months if _counts_by_months(terms) else by_days


class Counted(NamedTuple):
    """How many days lie after one until another, and how many are a *year*."""

    days: Callable[[date, date], int]
    year: Decimal


def counted_by_days(terms: Terms) -> Counted | None:
    """How days are counted where a row bears by them alone; None where more decides its share."""
    ratio = RATIOS.get(terms.day_count)
    if ratio is None or _counts_by_months(terms) or (terms.repayment or ONE_CHOICE).row_share:
        return None
    return Counted(*ratio)


def level_share(terms: Terms) -> Part | None:
    """The share of a year that the equal instalment reckons with; None for the row's own.

    By the day count's habit it is that of a regular row, however many days it has.
    """
    chosen = terms.repayment or ONE_CHOICE
    if chosen.row_share is not None or terms.frequency not in A_YEAR:
        return None
    if terms.day_count == DayCount.ONE:
        return None
    regular = Decimal(chosen.every) / A_YEAR[terms.frequency]

    def part(row: Span, start: date, end: date) -> Decimal:
        if start == row.start and end == row.end:
            return regular
        return regular * (end - start).days / (row.end - row.start).days

    return part


def whole_months(terms: Terms, span: Span, *, first: bool) -> int:
    """The months of a row that counts by months and not by days; 0 of one that does not.

    A whole month of 30/360 is a twelfth of a year, whatever the calendar says; rows after
    the *first* are whole.
    """
    if not _counts_by_months(terms):
        return 0
    start, end = span
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if not first or end == add_months(start, months) else 0


def _counts_by_months(terms: Terms) -> bool:
    if terms.day_count != DayCount.THIRTY_360 or terms.frequency not in MONTHS:
        return False
    return terms.repayment is None or terms.repayment.row_share is None


def _rhythm(terms: Terms, chosen: Repayment) -> Rhythm:
    return _rhythm_of(
        terms.frequency,
        chosen.every,
        chosen.row_share,
        chosen.year_days,
        leap_rows_only=chosen.leap_rows_only,
    )


@lru_cache
def _rhythm_of(
    frequency: str,
    every: int,
    row_share: str | None,
    year_days: str | None,
    *,
    leap_rows_only: bool,
) -> Rhythm:
    unit = Frequency(frequency)
    every *= MONTHS.get(unit, 1)
    unit = Frequency.MONTH if unit in MONTHS else unit
    return Rhythm(
        every,
        unit,
        row_share or RowShare.ACTUAL,
        year_days or YearDays.D365,
        leap_rows_only=leap_rows_only,
    )


def _principals(terms: Terms, count: int) -> tuple[int, ...]:
    """The principal of each row: as the terms say, or in proportion to what they say."""
    shares = (terms.repayment or ONE_CHOICE).shares
    if not shares or len(shares) != count or min(shares) < 0 or not sum(shares):
        raise TermsNotOffered(f"A custom schedule needs {count} shares of the principal.")
    lent = terms.amount - down_payment(terms)
    whole, taken, sofar = sum(shares), 0, 0
    found = []
    for each in shares:
        sofar += each
        principal = rounded(Decimal(lent * sofar) / whole, terms.rounding) - taken
        taken += principal
        found.append(principal)
    return tuple(found)
