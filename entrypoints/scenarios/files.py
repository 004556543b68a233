"""Reading a file of worked cases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.base.refusal import Refusal
from entrypoints.scenarios.terms import decimal_of

LARGEST = 100_000_000
"""Bytes; a larger file is none of worked cases."""

DEEPEST = 50
"""How deep a case may be nested; those of the format need eight."""


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
class RawCase:
    """One case as its file has it; a key whose value is null is absent."""

    id: str
    said: dict[str, Any]


@dataclass(frozen=True)
class Unread:
    """What stands in a file for a case and is none, and why not."""

    id: str
    why: str


@dataclass(frozen=True)
class ScenarioFile:
    """The cases of one file, all of one kind, in its order."""

    name: str
    kind: str
    cases: list[Case | Unread]


@dataclass(frozen=True)
class RawFile:
    """The cases of one file as it has them, in its order."""

    name: str
    kind: str
    cases: list[RawCase | Unread]


def read(path: Path, kinds: list[str]) -> ScenarioFile:
    """The cases in the file at *path*; a key whose value is null is absent.

    Raises:
        ScenarioUnreadable: it is no file of cases of one of *kinds*.
    """
    file = read_raw(path, kinds)
    cases = [each if isinstance(each, Unread) else _case(each) for each in file.cases]
    return ScenarioFile(file.name, file.kind, cases)


def read_raw(path: Path, kinds: list[str]) -> RawFile:
    """The cases in the file at *path*, each an object with an id and what it expects.

    One that is none does not keep the others from being read.

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
    cases: list[RawCase | Unread] = []
    ids: set[str] = set()
    for place, each in enumerate(said["cases"], start=1):
        case = _raw(each, place)
        if case.id in ids:
            case = Unread(case.id, f"case {place} has the id of an earlier one")
        ids.add(case.id)
        cases.append(case)
    return RawFile(path.name, said["kind"], cases)


class _Wrong:
    """Makes the refusal of one file."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, what: str) -> ScenarioUnreadable:
        return ScenarioUnreadable(f"{self.name} cannot be checked: {what}.")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _raw(said: Any, place: int) -> RawCase | Unread:
    if not isinstance(said, dict):
        return Unread(f"case {place}", "it is no object")
    name = said.get("id")
    if not isinstance(name, str) or not name.strip():
        return Unread(f"case {place}", "it has no 'id'")
    if _deeper(said, DEEPEST):
        return Unread(name, "it is nested too deeply")
    case = {key: _without_nulls(each) for key, each in said.items() if each is not None}
    if not isinstance(case.get("expected"), dict):
        return Unread(name, "it has no object 'expected'")
    if not case["expected"]:
        return Unread(name, "it expects no figure")
    return RawCase(name, case)


def _case(case: RawCase) -> Case | Unread:
    said = case.said
    if not isinstance(said.get("terms"), dict):
        return Unread(case.id, "it has no object 'terms'")
    events = said.get("events", [])
    if not isinstance(events, list):
        return Unread(case.id, "its 'events' are no list")
    tolerance = decimal_of(said.get("tolerance", "0"))
    if tolerance is None or tolerance < 0:
        return Unread(case.id, "its 'tolerance' is no decimal of zero or more")
    return Case(case.id, said["terms"], events, said["expected"], tolerance)


def _deeper(said: Any, most: int) -> bool:
    """Whether *said* has more than *most* levels."""
    level = [said]
    for _ in range(most):
        held = [
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        ]
        level = [inner for each in held for inner in each]
        if not level:
            return False
    return True


def _without_nulls(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _without_nulls(each) for key, each in said.items() if each is not None}
    if isinstance(said, list):
        return [_without_nulls(each) for each in said]
    return said
