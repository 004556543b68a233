"""Reading a file of worked cases."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.base.refusal import Refusal
from entrypoints.scenarios.terms import decimal_of

LARGEST = 100_000_000
"""Bytes; a larger file is none of worked cases."""


class ScenarioUnreadable(Refusal):
    """A file holds no worked cases that could be checked."""

    code = "SCENARIO_UNREADABLE"


@dataclass(frozen=True)
class Case:
    """One worked case: terms, what happens, and the figures to reproduce."""

    id: str
    terms: dict[str, Any]
    events: list[Any]
    expected: dict[str, Any]
    tolerance: Decimal


@dataclass(frozen=True)
class ScenarioFile:
    """The cases of one file, all of one kind."""

    name: str
    kind: str
    cases: list[Case]


def read(path: Path, kinds: list[str]) -> ScenarioFile:
    """The cases in the file at *path*; a key whose value is null is absent.

    Raises:
        ScenarioUnreadable: it is no file of cases of one of *kinds*.
    """
    wrong = _Wrong(path.name)
    try:
        if path.stat().st_size > LARGEST:
            raise wrong(f"it is larger than {LARGEST} bytes")
        text = path.read_text(encoding="utf-8")
        said = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except OSError as fault:
        raise wrong(fault.strerror or "it cannot be read") from None
    except RecursionError:
        raise wrong("it is nested too deeply") from None
    except ValueError as fault:
        raise wrong(f"it is not JSON: {fault}") from None
    if not isinstance(said, dict) or not isinstance(said.get("cases"), list):
        raise wrong("it is no object with a list of 'cases'")
    if said.get("kind") not in kinds:
        raise wrong(f"its 'kind' is {said.get('kind')!r}, not one of {', '.join(kinds)}")
    cases = [_case(each, place, wrong) for place, each in enumerate(said["cases"], start=1)]
    twice = [name for name, count in Counter(case.id for case in cases).items() if count > 1]
    if twice:
        raise wrong(f"the id {twice[0]!r} occurs more than once")
    return ScenarioFile(path.name, said["kind"], cases)


class _Wrong:
    """Makes the refusal of one file."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, what: str) -> ScenarioUnreadable:
        return ScenarioUnreadable(f"{self.name} cannot be checked: {what}.")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _case(said: Any, place: int, wrong: _Wrong) -> Case:
    if not isinstance(said, dict):
        raise wrong(f"case {place} is no object")
    name = said.get("id")
    if not isinstance(name, str) or not name.strip():
        raise wrong(f"case {place} has no 'id'")
    said = _without_nulls(said)
    for key in ("terms", "expected"):
        if not isinstance(said.get(key), dict):
            raise wrong(f"case {name} has no object {key!r}")
    if not said["expected"]:
        raise wrong(f"case {name} expects no figure")
    events = said.get("events", [])
    if not isinstance(events, list):
        raise wrong(f"the 'events' of case {name} are no list")
    tolerance = decimal_of(said.get("tolerance", "0"))
    if tolerance is None or tolerance < 0:
        raise wrong(f"the 'tolerance' of case {name} is no decimal of zero or more")
    return Case(name, said["terms"], events, said["expected"], tolerance)


def _without_nulls(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _without_nulls(each) for key, each in said.items() if each is not None}
    if isinstance(said, list):
        return [_without_nulls(each) for each in said]
    return said
