"""The places of a product file: what stands there, and how a broken one is filled for a look."""

from __future__ import annotations

import copy
import dataclasses
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.base.daycount import DayCount
from domain.base.repayment import Frequency, Method
from domain.base.terms import FeeBase, FeeTiming, Owed, RatePlanKind
from domain.product.product import Offer

Place = tuple[Any, ...]
"""Names of tables and keys, and numbers of a list from 0 on."""

AMOUNTS = {
    ("Offer", "amount_min"),
    ("Offer", "amount_max"),
    ("FeeTerm", "amount"),
    ("Repayment", "multiple_of"),
    ("Repayment", "payment"),
    ("Repayment", "least"),
}
"""Whole numbers that are money: a file writes them in the currency, not in minor units."""

WAYS = 3
"""In so many ways a broken place is filled to see what is wrong beside it."""

WORDS: dict[str, tuple[Any, ...]] = {
    "currency": ("CNY", "JPY", "KWD"),
    "method": (Method.EQUAL_INSTALMENTS, Method.BULLET, Method.CUSTOM),
    "frequency": (Frequency.MONTH, Frequency.DAY, Frequency.CUSTOM),
    "day_count": (DayCount.THIRTY_360, DayCount.ACTUAL_360, DayCount.ACTUAL_365),
    "rounding": ("HALF_UP", "HALF_EVEN", "HALF_UP"),
    "kind": tuple(RatePlanKind),
    "timing": (FeeTiming.PER_INSTALMENT, FeeTiming.AT_DISBURSEMENT, FeeTiming.ON_PREPAYMENT),
    "base": tuple(FeeBase),
    "allocation_order": (list(Owed),) * WAYS,
}
FILLS: dict[Any, tuple[Any, ...]] = {
    str: ("a", "b", "c"),
    int: (1, 6, 600),
    bool: (True, False, True),
    date: (date(1990, 1, 1), date(2030, 1, 1), date(2990, 1, 1)),
}
FIGURES = ("0", "12", "100000")


def shown(place: Place) -> str:
    """A place as people count it: ``fees.1.amount``."""
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)


def inner(hint: Any) -> Any:
    """What an optional type is when it is there."""
    return next(each for each in get_args(hint) if each is not type(None))


def _bare(hint: Any) -> Any:
    return inner(hint) if get_origin(hint) in (Union, UnionType) else hint


def hint_at(place: Place) -> Any:
    """The type of what stands at *place*; None where nothing is known to."""
    hint: Any = Offer
    for part in place:
        if isinstance(part, int) and get_origin(hint) is list:
            hint = _bare(get_args(hint)[0])
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            hint = _bare(get_type_hints(hint).get(part, None))
        else:
            return None
    return hint


def meant_by(place: Place) -> str | None:
    """The name that is known in a table and most like the one at *place*; None without one."""
    kind = hint_at(place[:-1])
    if not dataclasses.is_dataclass(kind):
        return None
    names = [field.name for field in dataclasses.fields(kind)]
    return next(iter(get_close_matches(str(place[-1]), names, n=1)), None)


def is_figure(place: Place) -> bool:
    """Whether an amount or a rate stands at *place*."""
    owner = hint_at(place[:-1])
    name = getattr(owner, "__name__", "")
    return hint_at(place) is Decimal or (name, place[-1]) in AMOUNTS


def completed(said: dict[str, Any], broken: list[Place], way: int) -> dict[str, Any]:
    """*said* with each *broken* place filled in one of the ways there are; unknown ones go."""
    whole = copy.deepcopy(said)
    # The last of a list first, so that the numbers of the others stay.
    for place in sorted(broken, key=lambda each: [str(part) for part in each], reverse=True):
        _fill(whole, place, way)
    return whole


def _fill(whole: dict[str, Any], place: Place, way: int) -> None:
    holder: Any = whole
    for part in place[:-1]:
        try:
            holder = holder[part]
        except (KeyError, IndexError, TypeError):
            return
    hint, last = hint_at(place), place[-1]
    if not isinstance(holder, dict | list):
        return
    if hint is None:
        if isinstance(holder, dict) and last in holder:
            found, meant = holder.pop(last), meant_by(place)
            if meant is not None:
                holder.setdefault(meant, found)
        return
    holder[last] = _filling(hint, place, way)


def _filling(hint: Any, place: Place, way: int) -> Any:
    """Something that can stand at *place*."""
    last = place[-1]
    if is_figure(place):
        return FIGURES[way]
    if last in WORDS and hint in (str, list[str]) and not (last == "kind" and "fees" in place):
        return WORDS[last][way]
    if get_origin(hint) is list:
        return []
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return {
            field.name: _filling(_bare(hints[field.name]), (*place, field.name), way)
            for field in dataclasses.fields(hint)
            if field.default is dataclasses.MISSING
        }
    return FILLS.get(hint, (None,) * WAYS)[way]
