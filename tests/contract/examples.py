"""An example of every event, made from nothing but its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5
from zlib import crc32

from domain.base.stream import Stream
from domain.catalogue import STREAMS
from infra.contract import ENVELOPE

STREAM_ID = uuid5(NAMESPACE_URL, "example")


def example_of(event: type[Stream.Event], *, full: bool = True) -> Stream.Event:
    """An event of that kind; with *full* what may be missing is there."""
    topic: str = event.TOPIC  # type: ignore[attr-defined]
    hints = get_type_hints(event)
    fields = {
        field.name: value_of(hints[field.name], f"{topic} {field.name}", full=full)
        for field in dataclasses.fields(event)
        if field.name not in ENVELOPE
    }
    fields["originator_id"] = STREAM_ID
    fields["originator_version"] = 7
    if issubclass(event, Stream.Opened):
        kind = topic.partition(".")[0]
        fields["originator_topic"] = next(s.TOPIC for s in STREAMS if kind == s.TOPIC)
        fields["originator_version"] = 1
    return event(**fields)


def value_of(hint: Any, name: str, *, full: bool) -> Any:
    """A value of that type, the same each time and another for another name."""
    number = crc32(name.encode())
    plain: dict[Any, Callable[[], Any]] = {
        str: lambda: f"{name.rsplit(' ', maxsplit=1)[-1]}-{number % 1000}",
        int: lambda: number * 1_000_003 - 2**50,
        bool: lambda: bool(number % 2),
        Decimal: lambda: Decimal(number).scaleb(-10),
        date: lambda: date(1969, 1, 1) + timedelta(days=number % 60_000),
        datetime: lambda: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
        UUID: lambda: uuid5(STREAM_ID, name),
    }
    if hint in plain:
        return plain[hint]()
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        hints = get_type_hints(hint)
        return hint(**{key: value_of(hints[key], f"{name}.{key}", full=full) for key in hints})
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        return [value_of(inner, f"{name} {i}", full=full) for i in range(2 if full else 0)]
    inner = next(arg for arg in get_args(hint) if arg is not type(None))
    return value_of(inner, name, full=full) if full else None


def plain(value: Any) -> Any:
    """*value* as JSON writes it, nothing lost: instants, dates and decimals as text."""
    if dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | UUID | Decimal):
        return str(value)
    return value
