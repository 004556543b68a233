"""The published contract: one Avro schema per event type, in ``schemas/``.

``python -m infra.contract`` writes the schema of each event type that has none yet,
from its fields; after that the file is the contract, and a class that differs from
it fails the tests. An older version is kept beside it as ``loan.repaid.v1.avsc``.
The event catalogue, ``docs/EVENTS.md``, is written from the schemas by the same call.
"""

import dataclasses
import json
import types
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from fastavro.schema import fingerprint, to_parsing_canonical_form

from domain.base.stream import Stream
from domain.catalogue import STREAMS, event_types

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"

CATALOGUE = SCHEMAS.parent / "docs" / "EVENTS.md"
COMMON_FIELDS = 6
"""So many fields every event begins with, in one order."""

ENVELOPE = ("originator_id", "originator_version", "originator_topic")
"""Fields that stand beside the bytes, not in them: key, sequence, kind of stream."""

RENAMED = {"timestamp": "recorded_at"}
"""Fields of the library that the contract calls by our word."""

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 10}

PLAIN: dict[Any, Any] = {
    str: "string",
    int: "long",
    bool: "boolean",
    Decimal: DECIMAL,
    date: {"type": "int", "logicalType": "date"},
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
    UUID: {"type": "string", "logicalType": "uuid"},
}


def fields_of(event: type[Stream.Event]) -> dict[str, Any]:
    """The fields of an event that its bytes hold, with their types, in order."""
    hints = get_type_hints(event)
    names = [field.name for field in dataclasses.fields(event)]
    return {name: hints[name] for name in names if name not in ENVELOPE}


def record_inside(hint: Any) -> Any:
    """The record type that *hint* holds, bare, optional or in a list; or None."""
    if dataclasses.is_dataclass(hint):
        return hint
    return next((found for arg in get_args(hint) if (found := record_inside(arg))), None)


def list_inside(hint: Any) -> bool:
    """Whether *hint* is an optional list."""
    return any(get_origin(arg) is list for arg in get_args(hint))


def schema_of(event: type[Stream.Event]) -> dict[str, Any]:
    """The Avro schema that the fields of an event class ask for."""
    topic: str = event.TOPIC  # type: ignore[attr-defined]
    named: set[str] = set()
    return {
        "type": "record",
        "name": event.__name__,
        "namespace": topic.partition(".")[0],
        "doc": (event.__doc__ or "").strip(),
        "fields": [
            _field(RENAMED.get(name, name), hint, named) for name, hint in fields_of(event).items()
        ],
    }


def _field(name: str, hint: Any, named: set[str]) -> dict[str, Any]:
    field = {"name": name, "type": _type(hint, named)}
    return {**field, "default": None} if _optional(hint) else field


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _type(hint: Any, named: set[str]) -> Any:
    if hint in PLAIN:
        return PLAIN[hint]
    if _optional(hint):
        inner = next(arg for arg in get_args(hint) if arg is not type(None))
        return ["null", _type(inner, named)]
    if get_origin(hint) is list:
        return {"type": "array", "items": _type(get_args(hint)[0], named)}
    if not dataclasses.is_dataclass(hint):
        raise TypeError(f"no Avro type for {hint}; see STYLE, fields of events")
    assert isinstance(hint, type)
    if hint.__name__ in named:
        return hint.__name__
    named.add(hint.__name__)
    inner_hints = get_type_hints(hint)
    return {
        "type": "record",
        "name": hint.__name__,
        "doc": (hint.__doc__ or "").strip().split("\n")[0],
        "fields": [
            _field(field.name, inner_hints[field.name], named) for field in dataclasses.fields(hint)
        ],
    }


def crc64(schema: Any) -> bytes:
    """The fingerprint that single-object encoding puts before the bytes."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def published() -> dict[str, dict[str, Any]]:
    """Every schema file by its stem: ``loan.repaid``, ``loan.repaid.v1``."""
    return {
        path.name.removesuffix(".avsc"): json.loads(path.read_text())
        for path in sorted(SCHEMAS.glob("*.avsc"))
    }


def topic_of(stem: str) -> str:
    """The event type that a schema file is for: ``loan.repaid.v1`` is ``loan.repaid``."""
    return ".".join(stem.split(".")[:2])


READING = (
    "Events of one stream (the record's key) follow one another without a gap, as `ce_sequence`",
    "counts; between streams and topics only `ce_notificationid` tells which came first. An",
    "event that counts from an earlier day (`effective_on`) still comes when it is known, and",
    "carries what it changes: nothing that was published is ever altered or taken back. To",
    "replay, read from the beginning; nothing expires.",
    "",
    "A schema never changes. When an event says more, the schema listed here is a new one, and",
    "the earlier ones stay beside it as `schemas/NAME.v1.avsc`, `v2` ...; events keep the one",
    "they were written with. New fields may be absent, with null as their default: decode by",
    "the fingerprint in the bytes, and read with the schema that you know, or with its fields.",
    "A list of values, such as the kinds of a charge, may grow at any time; those are strings.",
    "",
    "A ledger of one's own can be kept from these events alone. What is owed after an event, and",
    "the borrower's credit (`unapplied`), is its `balance`: keep the last. For what flowed, add",
    "where an event has them: `net`, what more was paid of principal, interest, fees and penalty;",
    "`capitalised`, interest that became principal; `restated`, that another amount left the book",
    "for another price than was known; and what the event itself is of. Beside that:",
    "",
    "- `loan.written-off`, `loan.sold`: principal, interest, fees and penalty left the book. With",
    "  `overtaken`, its `net` and `capitalised` count as well, and the `charged` and `waived` of",
    "  `fell_away` never were. Of its `recovered` the sum of `after` was received and is recovered",
    "  of the loss now; of `passed_on` the sum of `before` was received, or recovered where its",
    "  `state_before` is `WRITTEN_OFF`, and is owed to the buyer now, until a",
    "  `loan.passed-on-reversed` takes its `amount` off.",
    "- `loan.fact-withdrawn`, `loan.payout-returned`: what they name never was, with its",
    "  `amount` (and what is `waived` of a fee, or `fell_away`). Of a `WRITE_OFF` or a `SALE`",
    "  neither were principal, interest, fees, penalty and `price`; fees were `charged`, and",
    "  `waived`, after all. Of `repaid` the sum of `before` was recovered, and is received now;",
    "  of `returned` the sum of `after` was owed to the buyer, and is received now, or recovered",
    "  where `state` is `WRITTEN_OFF`.",
)
"""How the stream is read, for those who know nothing else of it."""


def catalogue() -> str:
    """The event catalogue as Markdown, from the current schemas."""
    lines = [
        "# Event catalogue",
        "",
        "Written from `schemas/` by `python -m infra.contract`. Every event begins with the",
        "fields of the first table; the others are listed without them. Amounts are in the",
        "currency's minor unit, rates annual fractions; a type with `?` may be absent.",
        "",
        f"Topics: {_topics()}.",
        "",
        *READING,
    ]
    current = {stem: schema for stem, schema in published().items() if stem.count(".") == 1}
    common = next(iter(current.values()))["fields"][:COMMON_FIELDS]
    lines += ["", "| field | type |", "|---|---|"]
    lines += [f"| {field['name']} | {_written(field['type'])} |" for field in common]
    records: dict[str, Any] = {}
    for stem, schema in current.items():
        fields = schema["fields"][COMMON_FIELDS:]
        for field in fields:
            _collect(field["type"], records)
        lines += ["", f"## {stem}", "", schema["doc"].split("\n")[0], ""]
        lines.append("; ".join(f"`{f['name']}` {_written(f['type'])}" for f in fields) + ".")
    lines += ["", "## Records"]
    for name, record in sorted(records.items()):
        fields = "; ".join(f"`{f['name']}` {_written(f['type'])}" for f in record["fields"])
        lines += ["", f"**{name}**: {record['doc']} {fields}."]
    return "\n".join(lines) + "\n"


def _topics() -> str:
    """Which topic holds which events, as one phrase."""
    kinds: dict[str, list[str]] = {}
    for stream in STREAMS:
        kinds.setdefault(stream.KAFKA_TOPIC, []).append(f"`{stream.TOPIC}.*`")
    return ";\n".join(f"{', '.join(names)} on `{topic}`" for topic, names in kinds.items())


def _written(kind: Any) -> str:
    if isinstance(kind, list):
        return _written(next(each for each in kind if each != "null")) + "?"
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return f"list of {_written(kind['items'])}"
    return str(kind.get("logicalType", kind.get("name", kind["type"])))


def _collect(kind: Any, records: dict[str, Any]) -> None:
    if isinstance(kind, list):
        for each in kind:
            _collect(each, records)
    elif isinstance(kind, dict):
        if kind["type"] == "record":
            records[kind["name"]] = kind
        for each in kind.get("fields", ()):
            _collect(each["type"], records)
        _collect(kind.get("items"), records)


def main() -> None:
    """Write a schema for each event type that has none, and the event catalogue."""
    for topic, event in event_types().items():
        path = SCHEMAS / f"{topic}.avsc"
        if not path.exists():
            path.write_text(json.dumps(schema_of(event), indent=2) + "\n")
            print(f"wrote {path.name}")  # noqa: T201 - this is its output
    published.cache_clear()
    CATALOGUE.write_text(catalogue())


if __name__ == "__main__":
    main()
