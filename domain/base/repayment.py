"""How a loan is repaid: the words of methods and rows, and the record that terms hold."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Method(StrEnum):
    """How principal comes back."""

    EQUAL_INSTALMENTS = "EQUAL_INSTALMENTS"
    EQUAL_PRINCIPAL = "EQUAL_PRINCIPAL"
    INTEREST_ONLY = "INTEREST_ONLY"
    """Interest in every row, the whole principal with the last."""
    BULLET = "BULLET"
    """Principal and interest together, in one row as long as the term."""
    FIXED_PAYMENT = "FIXED_PAYMENT"
    FIXED_PRINCIPAL = "FIXED_PRINCIPAL"
    PERCENT_OF_PRINCIPAL = "PERCENT_OF_PRINCIPAL"
    PERCENT_OF_BALANCE = "PERCENT_OF_BALANCE"
    GROWING_INSTALMENTS = "GROWING_INSTALMENTS"
    CUSTOM = "CUSTOM"
    """Principal row by row as the terms say, in amounts or in shares."""


DAILY_METHODS = (
    Method.EQUAL_INSTALMENTS,
    Method.EQUAL_PRINCIPAL,
    Method.FIXED_PRINCIPAL,
    Method.INTEREST_ONLY,
    Method.BULLET,
    Method.CUSTOM,
)
"""Those whose interest the balance of each day can decide: whose principal, or whose
instalment, is fixed when the loan begins, or is laid anew."""


class Frequency(StrEnum):
    """What the length of a row is counted in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    CUSTOM = "CUSTOM"
    """Rows end on the days that the terms name."""


MONTHS: dict[str, int] = {Frequency.MONTH: 1, Frequency.QUARTER: 3}
A_YEAR: dict[str, int] = {
    Frequency.DAY: 365,
    Frequency.WEEK: 52,
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
}
"""How many of each make a year, where a term in months is laid out in them."""

ROWS_MOST = 12_000
"""A loan that is not repaid by then never is."""


class RowShare(StrEnum):
    """How a row, or a part of one, becomes a share of a year.

    ``BY_PERIOD``: a row is so many months of 12 or weeks of 52, whatever its days; rows of
    days go by ``ACTUAL``. ``NOMINAL``: a row has 30 days a month, 7 a week, over the days
    of the year. ``ACTUAL``: its days over the days of the year. Under the first two a part
    of a row counts by its days over the row's.
    """

    BY_PERIOD = "BY_PERIOD"
    NOMINAL = "NOMINAL"
    ACTUAL = "ACTUAL"


class YearDays(StrEnum):
    """How many days a year has.

    ``CALENDAR_DEC31`` takes days over the length of their calendar year, a stretch holding
    its last day and not its first; ``CALENDAR_JAN1`` its first and not its last (ACT/ACT
    ISDA).
    """

    D360 = "360"
    D364 = "364"
    D365 = "365"
    CALENDAR_DEC31 = "CALENDAR_DEC31"
    CALENDAR_JAN1 = "CALENDAR_JAN1"


class InterestOn(StrEnum):
    """What bears interest: the balance, or all that was drawn, repaid or not.

    ``DRAWN`` counts row by row; ``DRAWN_EVENLY`` counts the whole of one draw, its down
    payment too, and parts it equally among the rows.
    """

    BALANCE = "BALANCE"
    DRAWN = "DRAWN"
    DRAWN_EVENLY = "DRAWN_EVENLY"


class LevelFrom(StrEnum):
    """Whose factor decides the equal instalment: every row's own, or the first one's."""

    EVERY_ROW = "EVERY_ROW"
    FIRST_ROW = "FIRST_ROW"


class ExcessInterest(StrEnum):
    """Where interest above the instalment goes: to the next row, on top, or to principal."""

    NEXT_ROW = "NEXT_ROW"
    ON_TOP = "ON_TOP"
    PRINCIPAL = "PRINCIPAL"


@dataclass(frozen=True)
class AgreedRow:
    """An instalment that lender and borrower agree on: its day, and principal in minor units."""

    due_on: date
    principal: int


@dataclass(frozen=True)
class Repayment:
    """The choices that a repayment method leaves; amounts in minor units.

    A row is *every* units of the frequency long; there are *count* of them, or as many as
    the term holds. Interest of a row goes by the day count of the terms or, with
    *row_share*, by that and *year_days* (*leap_rows_only*: 365 in a row without a
    29 February). The rest is as in ``domain.loan.plan.Plan``; *shares* parts the principal
    among the rows of a custom schedule, *due_on* names their days where the frequency is
    custom, and *down_payment* is the fraction of what is paid out that comes back the same
    day.
    """

    every: int = 1
    count: int | None = None
    row_share: str | None = None
    year_days: str | None = None
    leap_rows_only: bool = False
    multiple_of: int = 1
    interest_on: str = InterestOn.BALANCE
    level_from: str = LevelFrom.EVERY_ROW
    excess_interest: str = ExcessInterest.ON_TOP
    refit: bool = False
    parts_of_rows: bool = True
    amortised_over: int | None = None
    grace_principal: int = 0
    grace_interest: int = 0
    interest_free: int = 0
    payment: int = 0
    percent: Decimal = Decimal(0)
    least: int = 0
    growth: Decimal = Decimal(0)
    shares: list[int] | None = None
    due_on: list[date] | None = None
    down_payment: Decimal = Decimal(0)


def rows_in(term_months: int, method: str, frequency: str, chosen: Repayment) -> int | None:
    """How many rows a term has, down payments apart; None when it is no whole number of them.

    A bullet is one row, whatever its frequency; rows that are counted or dated by the terms
    are as many as those say.
    """
    if method == Method.BULLET:
        return 1
    count, rest = 0, 0
    if chosen.due_on is not None:
        count = len(chosen.due_on)
    elif chosen.count is not None:
        count = chosen.count
    elif chosen.every < 1:
        return None
    elif frequency in MONTHS:
        count, rest = divmod(term_months, MONTHS[frequency] * chosen.every)
    elif frequency in A_YEAR:
        count = term_months * A_YEAR[frequency] // (12 * chosen.every)
    return None if rest or not 1 <= count <= ROWS_MOST else count
