"""Dated rules as TOML: the entries of files and those of events become values one way."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from datetime import date, time
from pathlib import Path
from typing import Any

from domain.base.dated_rules import Entry
from domain.base.policy import ANYWHERE

Row = dict[str, Any]

FROM, UNTIL = "from", "until"
IN_FILES = {"valid_from": FROM, "valid_until": UNTIL}
"""What a file calls the days of a rule."""

IN_QUOTES = "write a figure with a point in quotes"


def _as_said(_: Row) -> Row:
    return {}


@dataclass(frozen=True)
class Kind:
    """A kind of rule: the *value* that an entry becomes, and the *field* that holds them all.

    *read* gives what the value holds in another form than the file. *keys* tell apart the
    rules of a kind that have no name of their own. A record inside the value, by its field,
    stands in the file without a table of its own.
    """

    value: type[Any]
    field: str
    read: Callable[[Row], Row] = _as_said
    keys: tuple[str, ...] = ()
    inside: tuple[str, type[Any]] | None = None

    def made(self, row: Row) -> Any:
        """The value of an entry.

        Raises:
            ValueError: with everything that is missing or not known, or what is not sound.
        """
        said = dict(row)
        if "rule" not in self.value.__dataclass_fields__:
            said.pop("rule", None)
        wrong = self._faults(said)
        if wrong:
            raise ValueError("; ".join(wrong))
        try:
            said.update(self.read(row))
        except (KeyError, TypeError, ValueError) as fault:
            raise ValueError(str(fault)) from None
        if self.inside is not None:
            for each in fields(self.inside[1]):
                said.pop(each.name, None)
        valid_from, valid_until = said.pop(FROM), said.pop(UNTIL, None)
        days = (valid_from, valid_until or date.max)
        if not all(type(day) is date for day in days) or days[0] >= days[1]:
            raise ValueError("it has no sound dates")
        return self.value(**said, valid_from=valid_from, valid_until=valid_until)

    def _faults(self, said: Row) -> list[str]:
        known = self._fields()
        needed = {
            name
            for name, each in known.items()
            if each.default is MISSING and each.default_factory is MISSING and name != UNTIL
        }
        missing = [f"{name!r} is missing" for name in sorted(needed - set(said))]
        unknown = [f"{name!r} is not known" for name in sorted(set(said) - set(known))]
        points = [f"{name!r}: {IN_QUOTES}" for name, value in said.items() if _holds_float(value)]
        return missing + unknown + points

    def _fields(self) -> dict[str, Field[Any]]:
        found = {
            IN_FILES.get(each.name, each.name): each
            for each in fields(self.value)
            if each.metadata.get("in_files", True)
        }
        if self.inside is not None:
            name, record = self.inside
            del found[name]
            found.update({each.name: each for each in fields(record)})
        return found


@dataclass(frozen=True)
class Written:
    """An entry as it was read: its kind by name, what it says, and where it stands."""

    kind: str
    row: Row
    place: str


def rows_of_folder(folder: Path) -> list[Written]:
    """The entries of the TOML files of a folder, file by file."""
    return [
        each
        for path in sorted(folder.glob("*.toml"))
        for each in rows_of(path.read_text("utf-8"), path.name)
    ]


def rows_of(text: str, place: str) -> list[Written]:
    """The entries of a TOML text.

    Raises:
        ValueError: it is no TOML, or a kind is no list of entries.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{place}: it is no TOML: {fault}") from None
    for kind, rows in said.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{place}: {kind!r} is no list of entries: write [[{kind}]]")
    return [Written(kind, row, place) for kind, rows in said.items() for row in rows]


def values_of(written: Iterable[Written], kinds: Mapping[str, Kind]) -> dict[str, tuple[Any, ...]]:
    """The values of entries by the field that holds them; a field without any is empty.

    Raises:
        ValueError: an entry is no rule of its kind, with its file and name.
    """
    found: dict[str, list[Any]] = {kind.field: [] for kind in kinds.values()}
    for each in written:
        found[kind_of(each, kinds).field].append(made(each, kinds))
    return {field: tuple(values) for field, values in found.items()}


def kind_of(written: Written, kinds: Mapping[str, Kind]) -> Kind:
    """The kind that an entry says it is of.

    Raises:
        ValueError: there is none.
    """
    if written.kind not in kinds:
        raise ValueError(f"{written.place}: {written.kind!r} is no kind of rule")
    return kinds[written.kind]


def made(written: Written, kinds: Mapping[str, Kind]) -> Any:
    """The value of an entry.

    Raises:
        ValueError: it is no rule of its kind, with its file and name.
    """
    kind = kind_of(written, kinds)
    try:
        return kind.made(written.row)
    except ValueError as fault:
        version = written.row.get("version", "no version")
        named = f"{name_of(written, kinds)} of {version}"
        raise ValueError(f"{written.place}: {named}: {fault}") from None


def name_of(written: Written, kinds: Mapping[str, Kind]) -> str:
    """The name of a rule: its own, or one made of the kind and what tells it apart."""
    if "rule" in written.row:
        return str(written.row["rule"])
    told = [written.row.get(key) for key in kind_of(written, kinds).keys]
    parts = [written.kind, *(str(each) for each in told if each is not None)]
    return "-".join(parts).lower().replace("_", "-")


def entry_of(written: Written, kinds: Mapping[str, Kind]) -> Entry:
    """What is written down of a sound entry, in one spelling."""
    row = written.row
    text = spelled(written.kind, row)
    return Entry(
        rule=name_of(written, kinds),
        version=row["version"],
        kind=written.kind,
        jurisdiction=row.get("jurisdiction", ANYWHERE),
        purposes=list(row.get("purposes") or [row[key] for key in ("purpose",) if key in row]),
        channels=list(row.get("channels") or [row[key] for key in ("channel",) if key in row]),
        valid_from=row[FROM],
        valid_until=row.get(UNTIL),
        source=row["source"],
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def written_of(entry: Entry) -> Written:
    """The entry as it was read once; one that was ended since ends on that day."""
    (found,) = rows_of(entry.text, f"published {entry.rule}")
    until = {} if entry.valid_until is None else {UNTIL: entry.valid_until}
    return Written(found.kind, {**found.row, **until}, found.place)


def repeated(entries: Sequence[Entry]) -> list[str]:
    """The rules of which two entries have one version, as ``rule version``."""
    counts = Counter((entry.rule, entry.version) for entry in entries)
    return [f"{rule} {version}" for (rule, version), count in counts.items() if count > 1]


def spelled(kind: str, row: Row) -> str:
    """An entry as TOML in one spelling: keys in order, one to a line.

    Raises:
        ValueError: it holds a figure with a point outside quotes.
    """
    lines = [f"{_key(name)} = {_value(row[name])}" for name in sorted(row)]
    return "\n".join([f"[[{kind}]]", *lines]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(name)} = {_value(value[name])}' for name in sorted(value))}}}"
    raise ValueError(f"{value!r}: {IN_QUOTES}")


def _holds_float(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)
