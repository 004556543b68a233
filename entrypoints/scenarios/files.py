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


@dataclass(frozen=True)
class RawFile:
    """The cases of one file as it has them, each by its id; null is absent."""

    name: str
    kind: str
    cases: dict[str, dict[str, Any]]


def read(path: Path, kinds: list[str]) -> ScenarioFile:
    """The cases in the file at *path*; a key whose value is null is absent.

    Raises:
        ScenarioUnreadable: it is no file of cases of one of *kinds*.
    """
    file, wrong = read_raw(path, kinds), _Wrong(path.name)
    cases = [_case(name, said, wrong) for name, said in file.cases.items()]
    return ScenarioFile(file.name, file.kind, cases)


def read_raw(path: Path, kinds: list[str]) -> RawFile:
    """The cases in the file at *path*, each an object with an id and what it expects.

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
    cases = [_raw(each, place, wrong) for place, each in enumerate(said["cases"], start=1)]
    twice = [name for name, count in Counter(name for name, _ in cases).items() if count > 1]
    if twice:
        raise wrong(f"the id {twice[0]!r} occurs more than once")
    return RawFile(path.name, said["kind"], dict(cases))


class _Wrong:
    """Makes the refusal of one file."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, what: str) -> ScenarioUnreadable:
        return ScenarioUnreadable(f"{self.name} cannot be checked: {what}.")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _raw(said: Any, place: int, wrong: _Wrong) -> tuple[str, dict[str, Any]]:
    if not isinstance(said, dict):
        raise wrong(f"case {place} is no object")
    name = said.get("id")
    if not isinstance(name, str) or not name.strip():
        raise wrong(f"case {place} has no 'id'")
    case = {key: _without_nulls(each) for key, each in said.items() if each is not None}
    _object(case, "expected", name, wrong)
    if not case["expected"]:
        raise wrong(f"case {name} expects no figure")
    return name, case


def _object(case: dict[str, Any], key: str, name: str, wrong: _Wrong) -> None:
    if not isinstance(case.get(key), dict):
        raise wrong(f"case {name} has no object {key!r}")


def _case(name: str, said: dict[str, Any], wrong: _Wrong) -> Case:
    _object(said, "terms", name, wrong)
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
