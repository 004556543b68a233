"""Event to Avro bytes and back, by ``schemas/``: the same bytes in the store and on Kafka.

Avro single-object encoding: ``C3 01``, the schema's CRC-64-AVRO fingerprint, the
record. Identity and version of the stream stand beside the bytes.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from domain.base.stream import Stream
from domain.catalogue import STREAMS, event_types
from infra import avro
from infra.contract import RENAMED, crc64, fields_of, published, record_inside, topic_of

MAGIC = b"\xc3\x01"
HEADER_BYTES = 10


class UnknownSchema(Exception):
    """Bytes name a schema that ``schemas/`` does not hold, or are no event at all."""


class NotEncodable(Exception):
    """A field of an event holds a value that its schema would change."""


FIELDS = {theirs: ours for ours, theirs in RENAMED.items()}
"""What the contract's fields are called in the events, where that differs."""


@dataclass(frozen=True, slots=True)
class _Type:
    """One event class with what its bytes need."""

    event: type[Stream.Event]
    header: bytes
    schema: dict[str, Any]
    stream_topic: str | None


def encode(event: Stream.Event) -> bytes:
    """The bytes of *event*.

    Raises:
        NotEncodable: a value is missing, or would silently become another one.
    """
    kind = _types()[type(event)]
    out = bytearray(kind.header)
    try:
        _writer(type(event))(event.__dict__, out)
    except (avro.NotFitting, AttributeError, KeyError, TypeError, ValueError) as trouble:
        raise NotEncodable(f"{kind.event.__name__}: {trouble}") from trouble
    return bytes(out)


def decode(state: bytes, stream_id: UUID, version: int) -> Stream.Event:
    """The event whose bytes are *state*, as number *version* of its stream.

    Raises:
        UnknownSchema: no schema explains the bytes, or bytes are missing or left over.
    """
    try:
        kind, written_by = _by_fingerprint()[state[:HEADER_BYTES]]
    except KeyError:
        raise UnknownSchema(f"no schema has the header {state[:HEADER_BYTES].hex()}") from None
    if written_by is not kind.schema:
        state = _as_newest(state, written_by, kind)
    try:
        values, end = _reader(kind.event)(state, HEADER_BYTES)
    except (IndexError, ValueError) as trouble:
        raise UnknownSchema(f"the bytes are no {kind.event.__name__}: {trouble}") from trouble
    if end != len(state):
        raise UnknownSchema(f"the record ends at byte {end} of {len(state)}")
    values["originator_id"], values["originator_version"] = stream_id, version
    if kind.stream_topic is not None:
        values["originator_topic"] = kind.stream_topic
    event = object.__new__(kind.event)
    object.__setattr__(event, "__dict__", values)
    return event


def _as_newest(state: bytes, written_by: dict[str, Any], kind: _Type) -> bytes:
    """The same event in the bytes of the newest schema."""
    source, out = io.BytesIO(state[HEADER_BYTES:]), io.BytesIO()
    newest = parse_schema(kind.schema)
    try:
        record: Any = schemaless_reader(source, parse_schema(written_by), newest)
    except (EOFError, IndexError, ValueError) as trouble:
        raise UnknownSchema(f"the bytes are no {kind.event.__name__}: {trouble}") from trouble
    schemaless_writer(out, newest, record)
    return kind.header + out.getvalue() + source.read()


def topic_of_bytes(state: bytes) -> str:
    """The event type that *state* was written as."""
    kind, _ = _by_fingerprint()[state[:HEADER_BYTES]]
    return str(kind.event.TOPIC)  # type: ignore[attr-defined]


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
            schema=schema,
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
            known[header] = (by_topic[topic_of(stem)], schema)
    return known


@cache
def _writer(event: type[Stream.Event]) -> avro.Writer:
    return avro.writer(_types()[event].schema, FIELDS)


@cache
def _reader(event: type[Stream.Event]) -> avro.Reader:
    kinds = {kind.__name__: kind for kind in _records(fields_of(event))}
    return avro.reader(_types()[event].schema, kinds, FIELDS)


def _records(hints: dict[str, Any]) -> Iterator[type]:
    """The record types among the fields with these types, and those inside them."""
    for hint in hints.values():
        record = record_inside(hint)
        if record is not None:
            yield record
            yield from _records(get_type_hints(record))
