"""The terms of dated loans, as the files name them, and the schedule they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.base.money import AMOUNT_MAX, Rounding
from domain.base.repayment import (
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    RowShare,
    YearDays,
)
from domain.loan.layout import DueRow, laid_out
from domain.loan.periods import Draw, Pause, RateFrom, Rhythm, Timetable, spans
from domain.loan.plan import Plan
from entrypoints.scenarios.terms import (
    TermWrong,
    Unsupported,
    day,
    flag,
    number,
    object_of,
    objects,
    one_of,
    only,
    whole,
)

KNOWN = (
    "engine",
    "currency",
    "disbursements",
    "annual_rate_pct",
    "number_of_repayments",
    "repay_every",
    "repay_unit",
    "interest_type",
    "amortization",
    "interest_calc_period",
    "day_count",
    "rounding",
    "instalment_multiple_of",
    "grace_principal_periods",
    "grace_interest_periods",
    "interest_free_periods",
    "down_payment_pct",
    "instalment_refit",
    "partial_period_interest",
)
"""The terms of a dated loan."""

PROGRESSIVE = "progressive"
FLAT = "flat"
UNITS = {"days": Frequency.DAY, "weeks": Frequency.WEEK, "months": Frequency.MONTH}
ROUNDINGS = {"half_even": Rounding.HALF_EVEN, "half_up": Rounding.HALF_UP}
MULTIPLES = ("1", "10")
FIXED_YEARS = {
    "360": YearDays.D360,
    "364": YearDays.D364,
    "365": YearDays.D365,
    "actual365": YearDays.D365,
}
CALENDAR_YEARS = {"dec31": YearDays.CALENDAR_DEC31, "jan1": YearDays.CALENDAR_JAN1}
LEAP_RULES = ("feb29_period_only",)
ROWS_MOST = 10_000


@dataclass(frozen=True)
class DatedLoan:
    """What a loan's terms come to in our own words."""

    plan: Plan
    rhythm: Rhythm
    spans: Timetable
    draws: list[Draw]
    rate: RateFrom

    def rows(self, rates: Sequence[RateFrom] = (), pauses: Sequence[Pause] = ()) -> list[DueRow]:
        """Its schedule, with later *rates* and *pauses*."""
        all_rates = [self.rate, *rates]
        return laid_out(
            self.plan, self.rhythm.part, self.spans, self.draws, all_rates, pauses=pauses
        )


def dated_loan(terms: Mapping[str, Any], rules: str) -> DatedLoan:
    """The loan that *terms* describe, by the *rules* ``progressive`` or ``cumulative``.

    Terms that are not :data:`KNOWN` are left to the caller.

    Raises:
        Unsupported: the terms name something that is not offered, or not together.
        TermWrong: a term is missing or cannot be used.
    """
    plan = _plan(terms, rules)
    rhythm = _rhythm(terms, rules)
    draws = _draws(terms, plan)
    if len(draws) > 1 and rules != PROGRESSIVE:
        raise Unsupported(f"more than one of 'disbursements' is not offered with {rules!r}")
    rows = spans(rhythm, draws[0].on, plan.count or 0)
    return DatedLoan(plan, rhythm, rows, draws, RateFrom(draws[0].on, rate_of(terms)))


def rate_of(terms: Mapping[str, Any]) -> Decimal:
    """The annual rate as a fraction.

    Raises:
        TermWrong: it is missing, no decimal or negative.
    """
    rate = number(terms, "annual_rate_pct").scaleb(-2)
    if rate < 0:
        raise TermWrong("annual_rate_pct is below zero")
    return rate


def cents(terms: Mapping[str, Any], name: str) -> int:
    """The amount *name* in hundredths.

    Raises:
        TermWrong: it is missing, negative, too large or no whole number of hundredths.
    """
    said = number(terms, name)
    if not 0 <= said * 100 <= AMOUNT_MAX or said * 100 % 1:
        raise TermWrong(f"{name} {said} is no amount")
    return int(said * 100)


def _plan(terms: Mapping[str, Any], rules: str) -> Plan:
    """How principal and interest are laid over the rows, before any draw."""
    progressive = rules == PROGRESSIVE
    flat = one_of(terms, "interest_type", ("declining_balance", FLAT)) == FLAT
    equal = one_of(terms, "amortization", ("equal_instalments", "equal_principal"))
    if progressive and equal == "equal_principal":
        raise Unsupported("the value 'equal_principal' of 'amortization' is not offered with "
                          f"{rules!r}")  # fmt: skip
    in_parts = flag(terms, "partial_period_interest", default=True)
    if not in_parts and not (progressive and flat):
        raise Unsupported("'partial_period_interest' false is offered with flat 'progressive' only")
    free = _periods(terms, "interest_free_periods")
    if free and progressive:
        raise Unsupported(f"the term 'interest_free_periods' is not offered with {rules!r}")
    graced = _periods(terms, "grace_principal_periods"), _periods(terms, "grace_interest_periods")
    refit = flag(terms, "instalment_refit", default=True)
    count = whole(terms, "number_of_repayments")
    if not 1 <= count <= ROWS_MOST:
        raise TermWrong(f"number_of_repayments {count} is not from 1 to {ROWS_MOST}")
    multiple = "instalment_multiple_of" in terms
    plan = Plan(
        Method.EQUAL_PRINCIPAL if equal == "equal_principal" else Method.EQUAL_INSTALMENTS,
        count,
        ROUNDINGS[one_of(terms, "rounding", ROUNDINGS, "half_even")],
        100 * int(one_of(terms, "instalment_multiple_of", MULTIPLES)) if multiple else 1,
        parts_of_rows=in_parts,
    )
    if flat:  # no refit, and grace is not used
        on = InterestOn.DRAWN if progressive else InterestOn.DRAWN_EVENLY
        return replace(plan, interest_on=on)
    return replace(
        plan,
        level_from=LevelFrom.EVERY_ROW if progressive else LevelFrom.FIRST_ROW,
        excess_interest=ExcessInterest.NEXT_ROW if progressive else ExcessInterest.PRINCIPAL,
        refit=progressive and refit,
        grace_principal=graced[0],
        grace_interest=graced[1],
        interest_free=free,
    )


def _periods(terms: Mapping[str, Any], name: str) -> int:
    count = whole(terms, name, 0)
    if count < 0:
        raise TermWrong(f"{name} {count} is below zero")
    return count


def _rhythm(terms: Mapping[str, Any], rules: str) -> Rhythm:
    unit = UNITS[one_of(terms, "repay_unit", UNITS)]
    every = whole(terms, "repay_every")
    if not 1 <= every <= ROWS_MOST:
        raise TermWrong(f"repay_every {every} is not from 1 to {ROWS_MOST}")
    said = object_of(terms, "day_count")
    only(said, ("days_in_month", "days_in_year", "year_split", "leap_rule"), "day_count.")
    years = [*FIXED_YEARS, "actual"]
    years.remove("actual365" if rules == PROGRESSIVE else "actual")
    year = one_of(said, "days_in_year", years)
    nominal = one_of(said, "days_in_month", ("30", "actual")) == "30"
    split = one_of(said, "year_split", CALENDAR_YEARS, "dec31")
    leap_rows = "leap_rule" in said and bool(one_of(said, "leap_rule", LEAP_RULES))
    by_calendar = year == "actual"
    if not by_calendar and (split != "dec31" or leap_rows):
        raise Unsupported("'year_split' and 'leap_rule' go with 'days_in_year' actual only")
    share = RowShare.NOMINAL if nominal else RowShare.ACTUAL
    calculated = one_of(terms, "interest_calc_period", ("daily", "same_as_repayment_period"))
    whole_rows = (Frequency.MONTH, Frequency.WEEK) if rules == PROGRESSIVE else (Frequency.MONTH,)
    if calculated != "daily" and unit in whole_rows:
        share = RowShare.BY_PERIOD
    elif nominal and by_calendar:
        raise Unsupported("'days_in_month' 30 is not offered with 'days_in_year' actual")
    return Rhythm(
        every,
        unit,
        share,
        CALENDAR_YEARS[split] if by_calendar else FIXED_YEARS[year],
        leap_rows_only=leap_rows,
    )


def _draws(terms: Mapping[str, Any], plan: Plan) -> list[Draw]:
    pct = number(terms, "down_payment_pct", "0")
    if not 0 <= pct <= 100:
        raise TermWrong(f"down_payment_pct {pct} is not from 0 to 100")
    draws = []
    for place, said in enumerate(objects(terms, "disbursements")):
        only(said, ("date", "amount"), f"disbursements[{place}].")
        amount = cents(said, "amount")
        paid_down = min(plan.levelled(amount * pct / 100), amount)
        draws.append(Draw(day(said, "date"), amount, paid_down))
    return draws
