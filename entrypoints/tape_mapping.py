"""The mapping of a tape: what each of its columns means. ``docs/IMPORT.md`` describes it."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from infra.trouble import Trouble

REQUIRED = (
    "ref",
    "borrower_ref",
    "jurisdiction",
    "zones",
    "product_code",
    "currency",
    "amount",
    "disbursed_on",
    "term_months",
    "method",
    "day_count",
    "remaining_principal",
    "next_due_on",
)
OPTIONAL = (
    "annual_rate",
    "instalment",
    "instalments_left",
    "product_version",
    "grace_days",
    "penalty_rate",
    "unapplied",
    "days_past_due",
    "oldest_unpaid_on",
    "overdue_principal",
    "overdue_interest",
    "overdue_amount",
)
FIELDS = (*REQUIRED, *OPTIONAL)
AS_SCHEDULED = ("remaining_principal", "next_due_on")
RATES = ("annual_rate", "penalty_rate")
SECTIONS = ("origin", "as_of", "file", "columns", "constants", "values", "only", "scheduled")


class MappingWrong(Trouble):
    """The mapping cannot be used: each fault with what to do."""


@dataclass(frozen=True)
class Dialect:
    """How the file writes things."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    date: str = "%Y-%m-%d"
    decimal: str = "."
    thousands: str = ","
    rates: str | None = None
    """``percent`` (7.2) or ``fraction`` (0.072); must be said where there are rates."""


@dataclass(frozen=True)
class Only:
    """Which rows are meant, by one column: one of some values, or a span of dates."""

    column: str
    values: frozenset[str] | None
    from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True)
class TapeMapping:
    """What each field of a loan is on the tape."""

    origin: str
    as_of: date
    dialect: Dialect
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    only: Sequence[Only]
    scheduled: frozenset[str]

    def missing_columns(self, heading: Sequence[str]) -> list[str]:
        """Every column that the mapping names and the file has not, in sentences."""
        named = {column: f"[columns] {name}" for name, column in self.columns.items()}
        named.update({each.column: "[only]" for each in self.only})
        return [
            f"The file has no column {column!r} ({where});{_nearest(column, heading)}"
            for column, where in named.items()
            if column not in heading
        ]


def read_mapping(text: str, name: str) -> TapeMapping:
    """The mapping that a TOML text describes.

    Raises:
        MappingWrong: with everything that is wrong, at once.
    """
    try:
        said = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise MappingWrong(f"{name} is not TOML: {wrong}.") from None
    faults = [
        f"{key!r} is not known;{_nearest(key, SECTIONS)}" for key in said if key not in SECTIONS
    ]
    origin, as_of = said.get("origin"), said.get("as_of")
    if not isinstance(origin, str) or not origin.strip():
        faults.append('Say where the tape comes from: origin = "oldbank".')
    if type(as_of) is not date:
        faults.append("Say the day of the cut-over: as_of = 2026-06-30.")
    dialect = _dialect(said.get("file", {}), faults)
    columns = _texts(said, "columns", faults)
    constants = _texts(said, "constants", faults)
    scheduled = said.get("scheduled", [])
    _check_fields(columns, constants, scheduled, dialect, faults)
    values = said.get("values", {})
    faults += [
        f"[values.{key}] is no field;{_nearest(key, FIELDS)}" for key in values if key not in FIELDS
    ]
    only = [_only(column, what, faults) for column, what in said.get("only", {}).items()]
    if faults:
        raise MappingWrong(f"{name} cannot be used. " + " ".join(faults))
    assert isinstance(origin, str)
    assert isinstance(as_of, date)
    return TapeMapping(
        origin=origin.strip(),
        as_of=as_of,
        dialect=dialect,
        columns=columns,
        constants=constants,
        values={key: {k: str(v) for k, v in some.items()} for key, some in values.items()},
        only=[each for each in only if each is not None],
        scheduled=frozenset(scheduled),
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f" do you mean {near[0]!r}?"
    return f" it knows {', '.join(known)}."


def _dialect(said: Mapping[str, Any], faults: list[str]) -> Dialect:
    names = [each.name for each in dataclasses.fields(Dialect)]
    for key, value in said.items():
        if key not in names:
            faults.append(f"[file] {key!r} is not known;{_nearest(key, names)}")
        elif not isinstance(value, str):
            faults.append(f"[file] {key} is a text in quotes, not {value!r}.")
    if faults:
        return Dialect()
    dialect = Dialect(**said)
    try:
        "".encode(dialect.encoding)
    except LookupError:
        faults.append(f"[file] encoding {dialect.encoding!r} is not known; try utf-8 or gb18030.")
    faults += [
        f"[file] {key} is one character, not {getattr(dialect, key)!r}."
        for key in ("delimiter", "quote")
        if len(getattr(dialect, key)) != 1
    ]
    if not dialect.decimal or dialect.decimal == dialect.thousands:
        faults.append("[file] decimal and thousands must be two different marks.")
    if dialect.rates not in (None, "percent", "fraction"):
        faults.append('[file] rates is "percent" (7.2) or "fraction" (0.072).')
    return dialect


def _texts(said: Mapping[str, Any], section: str, faults: list[str]) -> dict[str, str]:
    texts = {}
    for key, value in said.get(section, {}).items():
        if key not in FIELDS:
            faults.append(f"[{section}] {key!r} is no field;{_nearest(key, FIELDS)}")
        elif isinstance(value, list):
            texts[key] = ";".join(str(each) for each in value)
        else:
            texts[key] = str(value)
    return texts


def _check_fields(
    columns: Mapping[str, str],
    constants: Mapping[str, str],
    scheduled: Any,
    dialect: Dialect,
    faults: list[str],
) -> None:
    faults += [
        f"{name!r} is both a column and a constant; keep one."
        for name in sorted(columns.keys() & constants.keys())
    ]
    if not isinstance(scheduled, list) or not set(scheduled) <= set(AS_SCHEDULED):
        faults.append(f"'scheduled' lists some of {', '.join(AS_SCHEDULED)}.")
        scheduled = []
    given = {*columns, *constants, *scheduled}
    for name in REQUIRED:
        if name not in given:
            more = " or in 'scheduled'" if name in AS_SCHEDULED else ""
            faults.append(f"Nothing says {name!r}: name it in [columns], [constants]{more}.")
    if not given & {"annual_rate", "instalment"}:
        faults.append("Nothing says 'annual_rate' or 'instalment': one of them is needed.")
    if given & set(RATES) and dialect.rates is None:
        faults.append('Say how rates are written: [file] rates = "percent" or "fraction".')


def _only(column: str, what: Any, faults: list[str]) -> Only | None:
    if isinstance(what, list):
        return Only(column, frozenset(str(each) for each in what))
    if isinstance(what, dict) and what and set(what) <= {"from", "until"}:
        days = {key: value for key, value in what.items() if type(value) is date}
        if days == what:
            return Only(column, None, what.get("from"), what.get("until"))
    faults.append(
        f'[only] {column} is a list such as ["C", "D"], or days'
        f" {{ from = 1996-01-01, until = 1996-12-31 }}, both included."
    )
    return None
