"""Cases of annual percentage rates and internal rates of return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

from domain.loan.apr import LOWEST, Run, effective_rate, nominal_rate
from entrypoints.scenarios.terms import (
    TermWrong,
    Unsupported,
    day,
    decimal_of,
    number,
    objects,
    one_of,
    only,
    whole,
)

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Case

UNIT_PERIODS_PER_YEAR = ("12", "24", "4", "52", "13", "26", "6", "2", "1", "365")
DAYS_PER_YEAR = ("365", "365.25")
PLACES_OF_EFFECTIVE = ("1", "2", "3", "6", "7")
PLACES_MOST = 15
TIMES = ("months", "days", "date")
WITH_MONTHS = ("step_months", "extra_days_num", "extra_days_den")
MOMENTS_MOST = 100_000


def compute(case: Case) -> dict[str, Any]:
    """The rate that the terms come to, rounded half-up, in percent a year.

    Raises:
        Unsupported: the terms name something that is not offered.
        ValueError: a term is missing or cannot be used.
        Refusal: the flows have no rate, or several.
    """
    if case.events:
        raise Unsupported("events do not change a rate")
    return ENGINES[one_of(case.terms, "engine", ENGINES)](case.terms)


def _us_actuarial(terms: Mapping[str, Any]) -> dict[str, Any]:
    only(
        terms,
        ("engine", "advances", "payments", "unit_periods_per_year", "unit_period_days", "places"),
    )
    if "unit_period_days" in terms and "unit_periods_per_year" in terms:
        raise Unsupported("unit_period_days beside unit_periods_per_year is not offered")
    if "unit_period_days" in terms:
        per_year = Fraction(365, _positive(terms, "unit_period_days"))
    else:
        per_year = Fraction(one_of(terms, "unit_periods_per_year", UNIT_PERIODS_PER_YEAR))
    runs = []
    for place, advance in enumerate(objects(terms, "advances")):
        only(advance, ("amount", "t", "f_num", "f_den", "date"), f"advances[{place}].")
        runs.append(Run(number(advance, "amount"), whole(advance, "t", 0), odd=_odd(advance)))
    for place, payment in enumerate(objects(terms, "payments")):
        only(
            payment,
            ("amount", "t", "f_num", "f_den", "count", "step", "date", "first_date"),
            f"payments[{place}].",
        )
        count, step = _positive(payment, "count", 1), _positive(payment, "step", 1)
        amount, first = -number(payment, "amount"), whole(payment, "t")
        runs.append(Run(amount, first, count, step, _odd(payment)))
    rate = nominal_rate(runs, per_year)
    return {"apr_pct": _rounded(rate, 2, _places(terms, "places", 2))}


def _odd(flow: Mapping[str, Any]) -> Fraction:
    odd = Fraction(whole(flow, "f_num", 0), _positive(flow, "f_den", 1))
    if not 0 <= odd <= 1:
        raise TermWrong(f"odd days of {odd} unit-periods are none of a fraction")
    return odd


def _effective(terms: Mapping[str, Any]) -> dict[str, Any]:
    only(terms, ("engine", "flows", "days_per_year", "places", "upper"))
    places = int(one_of(terms, "places", PLACES_OF_EFFECTIVE, "6"))
    days_per_year = Fraction(one_of(terms, "days_per_year", DAYS_PER_YEAR, "365"))
    upper = number(terms, "upper", "60")
    flows = objects(terms, "flows")
    start = day(flows[0], "date") if any("date" in flow for flow in flows) else None
    moments = [
        moment
        for place, flow in enumerate(flows)
        for moment in _moments(flow, f"flows[{place}].", days_per_year, start)
    ]
    ticks = lcm(*(years.denominator for _, years, _, step in moments for years in (years, step)))
    runs = [
        Run(amount, int(years * ticks), count, int(step * ticks))
        for amount, years, count, step in moments
    ]
    rate = effective_rate(runs, ticks, low=LOWEST, high=upper)
    return {"apr_pct": _rounded(rate, 2, places)}


def _moments(
    flow: Mapping[str, Any], where: str, days_per_year: Fraction, start: date | None
) -> list[tuple[Decimal, Fraction, int, Fraction]]:
    """Amount, years to the first, count, and years from one to the next."""
    only(flow, ("amount", "amounts", "count", *TIMES, *WITH_MONTHS), where)
    said = [name for name in TIMES if name in flow]
    if len(said) != 1:
        raise TermWrong(f"{where}months, days or date: one of them says when")
    count, step = _positive(flow, "count", 1), Fraction(whole(flow, "step_months", 1), 12)
    amounts = _amounts(flow, where)
    if amounts is not None and "count" not in flow:
        count = len(amounts)
    if amounts is not None and len(amounts) != count:
        raise TermWrong(f"{where}amounts are {len(amounts)}, not {count}")
    if said == ["months"]:
        odd = Fraction(whole(flow, "extra_days_num", 0), _positive(flow, "extra_days_den", 1))
        years = Fraction(whole(flow, "months"), 12) + odd
    else:
        only(flow, ("amount", "amounts", "count", *TIMES), where)
        if count > 1:
            raise Unsupported(f"{where}count is offered with months only")
        if start is not None and said == ["date"]:
            days = (day(flow, "date") - start).days
        else:
            days = whole(flow, "days")
        years = days / days_per_year
    if amounts is None:
        return [(number(flow, "amount"), years, count, step)]
    return [(amount, years + k * step, 1, Fraction(0)) for k, amount in enumerate(amounts)]


def _amounts(flow: Mapping[str, Any], where: str) -> list[Decimal] | None:
    if "amounts" not in flow:
        return None
    said = flow["amounts"]
    amounts = [decimal_of(each) for each in said] if isinstance(said, list) else []
    if not amounts or len(amounts) > MOMENTS_MOST or None in amounts:
        raise TermWrong(f"{where}amounts is no list of decimals")
    return [each for each in amounts if each is not None]


def _nominal_irr(terms: Mapping[str, Any]) -> dict[str, Any]:
    only(terms, ("engine", "flows", "irr_places", "places", "periods_per_year", "lower", "upper"))
    runs = []
    for place, flow in enumerate(objects(terms, "flows")):
        only(flow, ("amount", "period", "count"), f"flows[{place}].")
        count = _positive(flow, "count", 1)
        runs.append(Run(number(flow, "amount"), whole(flow, "period"), count))
    low, high = number(terms, "lower", "-0.2"), number(terms, "upper", "3")
    rate = nominal_rate(runs, 1, low, high)
    periods = _positive(terms, "periods_per_year", 1)
    return {
        "irr": _rounded(rate, 0, _places(terms, "irr_places", 8)),
        "apr_pct": _rounded(rate * periods, 2, _places(terms, "places", 2)),
    }


def _positive(terms: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = whole(terms, name, default)
    if value < 1:
        raise TermWrong(f"{name} {value} is below one")
    return value


def _places(terms: Mapping[str, Any], name: str, default: int) -> int:
    return int(one_of(terms, name, [str(each) for each in range(PLACES_MOST + 1)], str(default)))


def _rounded(rate: Decimal, shift: int, places: int) -> Decimal:
    with localcontext() as digits:
        digits.prec = 60
        return rate.scaleb(shift).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


ENGINES = {"us_actuarial": _us_actuarial, "effective": _effective, "nominal_irr": _nominal_irr}
