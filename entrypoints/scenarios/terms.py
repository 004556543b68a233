"""Taking the terms of a case: each by its type, none that is not known."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Unsupported(Exception):
    """The terms ask for something that is not offered; the message names it."""


class TermWrong(ValueError):
    """A term is missing, or is none of its type."""


def only(terms: Mapping[str, Any], known: Collection[str], where: str = "") -> None:
    """Pass when each key of *terms* is one of *known*.

    Raises:
        Unsupported: another key is there.
    """
    for key in terms:
        if key not in known:
            raise Unsupported(f"the term {where + key!r} is not offered")


def one_of(
    terms: Mapping[str, Any], name: str, known: Collection[str], default: str | None = None
) -> str:
    """The term *name*, which is one of *known*.

    Raises:
        Unsupported: it has another value.
        TermWrong: it is missing and has no default.
    """
    value = str(_given(terms, name, default))
    if value not in known:
        raise Unsupported(f"the value {value!r} of {name!r} is not offered")
    return value


def objects(terms: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects *name*.

    Raises:
        TermWrong: it is missing, empty or no list of objects.
    """
    value = _given(terms, name)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TermWrong(f"{name} is no list of objects")
    if not value:
        raise TermWrong(f"{name} is empty")
    return value


def object_of(terms: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object *name*.

    Raises:
        TermWrong: it is missing, or is no object.
    """
    value = _given(terms, name)
    if not isinstance(value, dict):
        raise TermWrong(f"{name} is no object")
    return value


def flag(terms: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Whether *name* is true.

    Raises:
        TermWrong: it is neither true nor false.
    """
    value = _given(terms, name, default)
    if not isinstance(value, bool):
        raise TermWrong(f"{name} {value!r} is neither true nor false")
    return value


def number(terms: Mapping[str, Any], name: str, default: str | None = None) -> Decimal:
    """The decimal *name*.

    Raises:
        TermWrong: it is missing and has no default, or is no decimal.
    """
    value = _given(terms, name, default)
    found = decimal_of(value)
    if found is None:
        raise TermWrong(f"{name} {value!r} is no decimal")
    return found


def whole(terms: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """The whole number *name*, also where digits in quotes write it.

    Raises:
        TermWrong: it is missing and has no default, or is no whole number.
    """
    value = _given(terms, name, default)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TermWrong(f"{name} {value!r} is no whole number")
    if not WHOLE.fullmatch(str(value)):
        raise TermWrong(f"{name} {value!r} is no whole number")
    return int(value)


def day(terms: Mapping[str, Any], name: str) -> date:
    """The date *name*.

    Raises:
        TermWrong: it is missing, or is no ISO date.
    """
    value = _given(terms, name)
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise TermWrong(f"{name} {value!r} is no date")


def decimal_of(value: Any) -> Decimal | None:
    """The decimal that *value* writes, as text or as a number; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return Decimal(value) if NUMBER.fullmatch(str(value)) else None


def _given(terms: Mapping[str, Any], name: str, default: Any = None) -> Any:
    value = terms.get(name, default)
    if value is None:
        raise TermWrong(f"the term {name!r} is missing")
    return value
