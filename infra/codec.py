"""Event to Avro bytes and back, by ``schemas/``: the same bytes in the store and on Kafka.

Avro single-object encoding: ``C3 01``, the schema's CRC-64-AVRO fingerprint, the
record. Identity and version of the stream stand beside the bytes.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_origin, get_type_hints
from uuid import UUID

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from domain.base.stream import Stream
from domain.catalogue import STREAMS, event_types
from infra.contract import (
    RENAMED,
    crc64,
    fields_of,
    list_inside,
    published,
    record_inside,
    topic_of,
)

MAGIC = b"\xc3\x01"
HEADER_BYTES = 10


class UnknownSchema(Exception):
    """Bytes name a schema that ``schemas/`` does not hold, or are no event at all."""


class NotEncodable(Exception):
    """A field of an event holds a value that its schema would change."""


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field goes into a record and comes out of it."""

    name: str
    named: str
    kind: Any
    enter: Callable[[Any], Any] | None
    leave: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Type:
    """One event class with what its bytes need."""

    event: type[Stream.Event]
    header: bytes
    schema: Any
    fields: tuple[_Field, ...]
    stream_topic: str | None


def encode(event: Stream.Event) -> bytes:
    """The bytes of *event*.

    Raises:
        NotEncodable: a number or instant would silently become another one.
    """
    kind = _types()[type(event)]
    values = event.__dict__
    record = {}
    for field in kind.fields:
        value = values[field.name]
        if field.kind is int and type(value) is not int:
            raise NotEncodable(f"{kind.event.__name__}.{field.name} is {value!r}, no int")
        record[field.named] = value if field.enter is None else field.enter(value)
    if values["timestamp"].tzinfo is None:
        raise NotEncodable(f"{kind.event.__name__} was recorded at an instant without a zone")
    out = io.BytesIO()
    out.write(kind.header)
    schemaless_writer(out, kind.schema, record)
    return out.getvalue()


def decode(state: bytes, stream_id: UUID, version: int) -> Stream.Event:
    """The event whose bytes are *state*, as number *version* of its stream.

    Raises:
        UnknownSchema: no schema explains the bytes, or bytes are left over.
    """
    try:
        kind, writer = _by_fingerprint()[state[:HEADER_BYTES]]
    except KeyError:
        raise UnknownSchema(f"no schema has the header {state[:HEADER_BYTES].hex()}") from None
    source = io.BytesIO(state)
    source.seek(HEADER_BYTES)
    record: Any = schemaless_reader(source, writer, None if writer is kind.schema else kind.schema)
    if source.tell() != len(state):
        raise UnknownSchema(f"{len(state) - source.tell()} bytes are left over after the record")
    values: dict[str, Any] = {"originator_id": stream_id, "originator_version": version}
    if kind.stream_topic is not None:
        values["originator_topic"] = kind.stream_topic
    for field in kind.fields:
        value = record[field.named]
        values[field.name] = value if field.leave is None else field.leave(value)
    event = object.__new__(kind.event)
    event.__dict__.update(values)
    return event


@cache
def schemas_by_fingerprint() -> dict[str, dict[str, Any]]:
    """Every schema ever published, by its fingerprint in hex."""
    return {crc64(schema).hex(): schema for schema in published().values()}


@cache
def _types() -> dict[type, _Type]:
    streams = {stream.TOPIC: stream for stream in STREAMS}
    types = {}
    for topic, event in event_types().items():
        schema = published().get(topic)
        if schema is None:
            raise UnknownSchema(f"schemas/ has no {topic}.avsc; python -m infra.contract writes it")
        prefix = topic.partition(".")[0]
        types[event] = _Type(
            event=event,
            header=MAGIC + crc64(schema),
            schema=parse_schema(schema),
            fields=tuple(
                _Field(name, RENAMED.get(name, name), hint, _enter(hint), _leave(hint))
                for name, hint in fields_of(event).items()
            ),
            stream_topic=streams[prefix].TOPIC if issubclass(event, Stream.Opened) else None,
        )
    return types


@cache
def _by_fingerprint() -> dict[bytes, tuple[_Type, Any]]:
    by_topic = {kind.event.TOPIC: kind for kind in _types().values()}  # type: ignore[attr-defined]
    known = {kind.header: (kind, kind.schema) for kind in _types().values()}
    for stem, schema in published().items():
        header = MAGIC + crc64(schema)
        if header not in known and topic_of(stem) in by_topic:
            known[header] = (by_topic[topic_of(stem)], parse_schema(schema))
    return known


def _enter(hint: Any) -> Callable[[Any], Any] | None:
    """Turns records into what Avro's writer takes; None where nothing is to do."""
    record = record_inside(hint)
    if record is None:
        return None
    one = _to_dict(record)
    if get_origin(hint) is list:
        return lambda values: [one(value) for value in values]
    if list_inside(hint):
        return lambda values: None if values is None else [one(value) for value in values]
    return lambda value: None if value is None else one(value)


def _leave(hint: Any) -> Callable[[Any], Any] | None:
    """Turns what Avro's reader gives back into records."""
    record = record_inside(hint)
    if record is None:
        return None
    one = _from_dict(record)
    if get_origin(hint) is list:
        return lambda values: [one(value) for value in values]
    if list_inside(hint):
        return lambda values: None if values is None else [one(value) for value in values]
    return lambda value: None if value is None else one(value)


def _to_dict(record: type) -> Callable[[Any], dict[str, Any]]:
    hints = get_type_hints(record)
    nested = {name: enter for name, hint in hints.items() if (enter := _enter(hint))}
    amounts = [name for name, hint in hints.items() if hint is int]

    def one(value: Any) -> dict[str, Any]:
        values: dict[str, Any] = vars(value)
        for name in amounts:
            if type(values[name]) is not int:
                raise NotEncodable(f"{record.__name__}.{name} is {values[name]!r}, no int")
        if nested:
            values = {**values, **{name: enter(values[name]) for name, enter in nested.items()}}
        return values

    return one


def _from_dict(record: type) -> Callable[[dict[str, Any]], Any]:
    hints = get_type_hints(record)
    nested = {name: leave for name, hint in hints.items() if (leave := _leave(hint))}

    def one(values: dict[str, Any]) -> Any:
        for name, leave in nested.items():
            values[name] = leave(values[name])
        value: Any = object.__new__(record)
        value.__dict__.update(values)
        return value

    return one
