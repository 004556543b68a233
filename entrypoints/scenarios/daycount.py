"""Cases of day counts: days, year fractions and rate factors."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from domain.base import daycount
from domain.base.daycount import DayCount
from entrypoints.scenarios.terms import Unsupported, day, number, one_of, only

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Case

KNOWN = (
    "convention",
    "start",
    "end",
    "ref_start",
    "ref_end",
    "termination_date",
    "annual_rate_pct",
)
TO_TERMINATION = "30E/360 ISDA termination"
CONVENTIONS = {
    "ACT/360": DayCount.ACTUAL_360,
    "ACT/364": DayCount.ACTUAL_364,
    "ACT/365F": DayCount.ACTUAL_365,
    "ACT/366": DayCount.ACTUAL_366,
    "ACT/365.25": DayCount.ACTUAL_365_25,
    "ACT/ACT ISDA": DayCount.ACTUAL_ACTUAL_ISDA,
    "ACT/ACT ISMA": DayCount.ACTUAL_ACTUAL_ICMA,
    "ACT/ACT AFB": DayCount.ACTUAL_ACTUAL_AFB,
    "30/360 bond basis": DayCount.THIRTY_360,
    "30E/360": DayCount.THIRTY_E_360,
    "30/360 US": DayCount.THIRTY_360_US,
    "30E/360 ISDA": DayCount.THIRTY_E_360_ISDA,
    TO_TERMINATION: DayCount.THIRTY_E_360_ISDA,
    "30/365": DayCount.THIRTY_365,
}
"""The names of the files and those of our terms."""

PLACES = Decimal("1E-12")


def compute(case: Case) -> dict[str, Any]:
    """Days and year fraction from start to end, and the factor where a rate is given.

    Raises:
        Unsupported: the terms name something that is not offered.
        ValueError: a term is missing or cannot be used.
    """
    terms = case.terms
    only(terms, KNOWN)
    if case.events:
        raise Unsupported("events do not change a day count")
    name = one_of(terms, "convention", CONVENTIONS)
    start, end = day(terms, "start"), day(terms, "end")
    if CONVENTIONS[name] == DayCount.THIRTY_E_360_ISDA:
        termination_on = end if name == TO_TERMINATION else None
        if "termination_date" in terms:
            termination_on = day(terms, "termination_date")
        days = daycount.days_30e_360_isda(start, end, termination_on)
        share = Fraction(days, 360)
    elif name == "ACT/ACT ISMA":
        days = daycount.actual_days(start, end)
        share = daycount.actual_actual_icma(
            start, end, day(terms, "ref_start"), day(terms, "ref_end")
        )
    else:
        days = daycount.days_between(CONVENTIONS[name], start, end)
        share = daycount.exact_year_fraction(CONVENTIONS[name], start, end)
    figures = {"days": days, "year_fraction": _rounded(share, ROUND_HALF_UP)}
    if "annual_rate_pct" in terms:
        factor = share * Fraction(number(terms, "annual_rate_pct")) / 100
        figures["rate_factor"] = _rounded(factor, ROUND_HALF_EVEN)
    return figures


def _rounded(share: Fraction, how: str) -> Decimal:
    with localcontext() as digits:
        digits.prec = 120
        return (Decimal(share.numerator) / share.denominator).quantize(PLACES, rounding=how)
