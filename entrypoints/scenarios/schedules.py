"""Cases of schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from domain.loan.periods import Pause, RateFrom
from domain.loan.plan import CLOSING, DIGITS
from entrypoints.scenarios import functions, unrounded
from entrypoints.scenarios.dated import KNOWN, PROGRESSIVE, dated_loan, rate_of
from entrypoints.scenarios.terms import TermWrong, Unsupported, day, one_of, only, whole

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Case

ROWS_A_YEAR = 12


def compute(case: Case) -> dict[str, Any]:
    """The rows of the case with their sums, or the value of its function.

    Raises:
        Unsupported: the terms name something that is not offered.
        ValueError: a term is missing or cannot be used.
        Refusal: no schedule comes of the terms.
    """
    engine = one_of(case.terms, "engine", (PROGRESSIVE, "cumulative", "unrounded", "function"))
    if engine in (PROGRESSIVE, "cumulative"):
        return _dated(case, engine)
    if case.events:
        raise Unsupported(f"events are not offered with {engine!r}")
    if engine == "function":
        return {"value": functions.value(case.terms)}
    rows, places = unrounded.rows(case.terms)
    return _figures(case, [row._asdict() for row in rows], places)


def _dated(case: Case, rules: str) -> dict[str, Any]:
    only(case.terms, KNOWN)
    loan = dated_loan(case.terms, rules)
    rates: list[RateFrom] = []
    pauses: list[Pause] = []
    for event in case.events:
        if not isinstance(event, dict):
            raise TermWrong("an event is no object")
        kind = one_of(event, "type", ("rate_change", "interest_pause"))
        if rules != PROGRESSIVE:
            raise Unsupported(f"the event {kind!r} goes with a {PROGRESSIVE!r} loan only")
        if kind == "rate_change":
            only(event, ("type", "effective", "annual_rate_pct"), "events.")
            rates.append(RateFrom(day(event, "effective"), rate_of(event)))
        else:
            only(event, ("type", "from", "to"), "events.")
            pauses.append(Pause(day(event, "from"), day(event, "to")))
            if pauses[-1].last < pauses[-1].first:
                raise TermWrong("an interest_pause ends before it begins")
    rates.sort(key=lambda rate: rate.on)
    rows = [
        {
            "due": row.due_on,
            "principal": Decimal(row.principal).scaleb(-2),
            "interest": Decimal(row.interest).scaleb(-2),
            "balance": Decimal(row.balance).scaleb(-2),
        }
        for row in loan.rows(rates, pauses)
    ]
    return _figures(case, rows, places=2)


def _figures(case: Case, rows: Sequence[Mapping[str, Any]], places: int) -> dict[str, Any]:
    """Each figure rounded on its own; sums are rounded after adding."""
    shown = [_shown(row, places) for row in rows]
    selected = case.expected.get("selected_rows", [])
    if not isinstance(selected, list) or not all(isinstance(each, dict) for each in selected):
        raise TermWrong("selected_rows is no list of objects")
    return {
        "rows": shown,
        "selected_rows": [_selected(shown, whole(each, "n")) for each in selected],
        "row_count": len(rows),
        "totals": _sums(rows, places),
        "yearly": [
            {"year": start // ROWS_A_YEAR + 1, **_sums(rows[start : start + ROWS_A_YEAR], 2)}
            for start in range(0, len(rows), ROWS_A_YEAR)
        ],
    }


def _selected(shown: Sequence[dict[str, Any]], place: int) -> dict[str, Any] | None:
    return {"n": place, **shown[place - 1]} if 1 <= place <= len(shown) else None


def _sums(rows: Sequence[Mapping[str, Any]], places: int) -> dict[str, Any]:
    with localcontext(prec=DIGITS):
        summed = {key: sum(row[key] for row in rows) for key in ("principal", "interest")}
    return _shown(summed, places)


def _shown(row: Mapping[str, Any], places: int) -> dict[str, Any]:
    """*row* with its total, each number rounded half-up."""
    unit = Decimal(1).scaleb(-places)
    with localcontext(prec=DIGITS):
        figures = {**row, "total": row["principal"] + row["interest"]}
        return {
            key: CLOSING.plus(value).quantize(unit, ROUND_HALF_UP)
            if isinstance(value, Decimal)
            else value
            for key, value in figures.items()
        }
