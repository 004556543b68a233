"""The functions made from schemas write and read what an Avro library does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from infra import codec
from infra.codec import HEADER_BYTES
from infra.contract import published
from tests.contract.examples import STREAM_ID, example_of
from tests.contract.test_contract import TYPES


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("topic", sorted(TYPES))
def test_a_library_reads_the_bytes_and_writes_the_same(topic: str, full: bool) -> None:
    schema = parse_schema(published()[topic])
    state = codec.encode(example_of(TYPES[topic], full=full))

    record: Any = schemaless_reader(io.BytesIO(state[HEADER_BYTES:]), schema, None)
    again = io.BytesIO()
    schemaless_writer(again, schema, record)

    assert again.getvalue() == state[HEADER_BYTES:]


@pytest.mark.parametrize("topic", sorted(TYPES))
def test_bytes_cut_short_anywhere_are_refused(topic: str) -> None:
    state = codec.encode(example_of(TYPES[topic]))

    for length in range(len(state)):
        with pytest.raises(codec.UnknownSchema):
            codec.decode(state[:length], STREAM_ID, 1)
