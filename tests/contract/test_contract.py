"""Every event has a schema, and bytes written once are read for ever."""

from __future__ import annotations

import io
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import fastavro
import pytest

from domain.base.stream import Stream
from domain.catalogue import event_types
from infra import codec
from infra.contract import RENAMED, SCHEMAS, crc64, fields_of, published, schema_of, topic_of
from tests.contract.evolution import faults
from tests.contract.examples import STREAM_ID, example_of, plain
from tests.contract.make_samples import SAMPLES
from tests.contract.personal import fields_that_name_people, values_that_name_people
from tests.domain import story

TYPES = event_types()
EVENTS = [pytest.param(event, id=topic) for topic, event in TYPES.items()]
CURRENT = [stem for stem in published() if stem in TYPES]
OLDER = [stem for stem in published() if stem not in TYPES]
SAMPLE_FILES = [pytest.param(path, id=path.stem) for path in sorted(SAMPLES.glob("*.bin"))]

COMMON = ["recorded_at", "effective_on", "business_on", "actor", "command_id", "correlation_id"]


def without_docs(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: without_docs(value) for key, value in schema.items() if key != "doc"}
    return [without_docs(each) for each in schema] if isinstance(schema, list) else schema


def said(event: Stream.Event) -> dict[str, Any]:
    """What an event says, by the words of its schema."""
    return {RENAMED.get(name, name): plain(getattr(event, name)) for name in fields_of(type(event))}


def without_added(now: Any, once: Any) -> Any:
    """*now* without what it has beyond *once*, at any depth, where that is null."""
    if isinstance(now, dict) and isinstance(once, dict):
        kept = {name: each for name, each in now.items() if name in once or each is not None}
        return {name: without_added(each, once.get(name)) for name, each in kept.items()}
    if isinstance(now, list) and isinstance(once, list) and len(now) == len(once):
        return [without_added(each, before) for each, before in zip(now, once, strict=True)]
    return now


def test_every_event_type_has_a_schema_and_every_schema_an_event_type() -> None:
    assert set(CURRENT) == set(TYPES)
    assert {topic_of(stem) for stem in OLDER} <= set(TYPES)


@pytest.mark.parametrize("event", EVENTS)
def test_the_fields_of_a_class_are_those_of_its_schema(event: type[Stream.Event]) -> None:
    topic: str = event.TOPIC  # type: ignore[attr-defined]

    # Logical types too: the fingerprint leaves them out, so only this test sees them.
    assert without_docs(schema_of(event)) == without_docs(published()[topic])


@pytest.mark.parametrize("stem", sorted(published()))
def test_every_schema_begins_with_who_and_when(stem: str) -> None:
    assert [field["name"] for field in published()[stem]["fields"]][:6] == COMMON


def test_no_two_schemas_share_a_fingerprint() -> None:
    fingerprints = [crc64(schema) for schema in published().values()]

    assert len(set(fingerprints)) == len(fingerprints)
    assert len(codec.schemas_by_fingerprint()) == len(fingerprints)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_comes_back_from_its_bytes_as_it_was(
    event: type[Stream.Event], *, full: bool
) -> None:
    example = example_of(event, full=full)

    again = codec.decode(codec.encode(example), STREAM_ID, example.originator_version)

    assert again == example
    assert vars(again) == vars(example)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("event", EVENTS)
def test_anyone_reads_the_bytes_by_the_schema_file_alone(
    event: type[Stream.Event], *, full: bool
) -> None:
    example = example_of(event, full=full)
    topic: str = event.TOPIC  # type: ignore[attr-defined]
    schema = json.loads((SCHEMAS / f"{topic}.avsc").read_text())
    out = codec.encode(example)

    assert out[:2] == b"\xc3\x01"
    assert out[2:10] == crc64(schema)
    source = io.BytesIO(out[10:])
    record = fastavro.schemaless_reader(source, fastavro.parse_schema(schema), None)

    assert source.read() == b""
    assert plain(record) == said(example)


@pytest.mark.parametrize("event", EVENTS)
def test_anyone_writes_the_same_bytes_by_the_schema_file_alone(event: type[Stream.Event]) -> None:
    example = example_of(event)
    topic: str = event.TOPIC  # type: ignore[attr-defined]
    schema = fastavro.parse_schema(json.loads((SCHEMAS / f"{topic}.avsc").read_text()))
    state = codec.encode(example)
    record: Any = fastavro.schemaless_reader(io.BytesIO(state[10:]), schema, None)

    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record, strict=True)

    assert out.getvalue() == state[10:]


def test_every_event_type_has_bytes_kept_of_every_version() -> None:
    kept = {path.stem for path in SAMPLES.glob("*.bin")}
    versions = {topic: 1 + sum(stem.startswith(f"{topic}.v") for stem in OLDER) for topic in TYPES}

    assert kept == {
        f"{topic}.v{version}" for topic in TYPES for version in range(1, versions[topic] + 1)
    }, "python -m tests.contract.make_samples writes those that are missing"


@pytest.mark.parametrize("path", SAMPLE_FILES)
def test_bytes_once_kept_say_the_same_for_ever(path: Path) -> None:
    state, once = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())

    event = codec.decode(state, STREAM_ID, 7)
    now = said(event)

    assert path.stem.rpartition(".v")[0] == event.TOPIC  # type: ignore[attr-defined]
    assert without_added(now, once) == once


@pytest.mark.parametrize("path", SAMPLE_FILES)
def test_bytes_once_kept_name_a_schema_that_is_still_published(path: Path) -> None:
    state = path.read_bytes()
    schema = codec.schemas_by_fingerprint()[state[2:10].hex()]

    record = fastavro.schemaless_reader(io.BytesIO(state[10:]), fastavro.parse_schema(schema), None)

    assert plain(record) == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("stem", OLDER or [None])
def test_a_newer_version_only_adds(stem: str | None) -> None:
    if stem is not None:
        assert faults(published()[stem], published()[topic_of(stem)]) == []


# --- the checks themselves can fail -------------------------------------------------------


def test_what_was_added_may_be_null_and_nothing_else() -> None:
    once = {"terms": {"amount": 1, "fees": [{"kind": "LETTER"}]}}
    now = {"terms": {"amount": 1, "order": None, "fees": [{"kind": "LETTER", "owed": None}]}}

    assert without_added(now, once) == once
    assert without_added({**now, "said": "x"}, once) != once
    assert without_added({"terms": {**now["terms"], "order": []}}, once) != once
    assert without_added({"terms": {**now["terms"], "amount": 2}}, once) != once
    assert without_added({"terms": {"amount": 1, "order": None}}, once) != once


def repaid() -> Any:
    return deepcopy(published()["loan.repaid"])


def field(schema: Any, name: str) -> Any:
    return next(each for each in schema["fields"] if each["name"] == name)


def inside(schema: Any) -> Any:
    """A record inside the record."""
    return field(schema, "net")["type"]


def test_a_nullable_field_may_be_added_anywhere() -> None:
    new = repaid()
    added = {"name": "added", "type": ["null", "string"], "default": None}
    new["fields"].append(added)
    inside(new)["fields"].append(dict(added))

    assert faults(repaid(), new) == []


def _added_without_default(schema: Any) -> None:
    schema["fields"].append({"name": "added", "type": ["null", "string"]})


def _added_with_another_default(schema: Any) -> None:
    schema["fields"].append({"name": "added", "type": "long", "default": 0})


def _added_in_a_record_inside(schema: Any) -> None:
    inside(schema)["fields"].append({"name": "added", "type": "long"})


def _taken_away(schema: Any) -> None:
    schema["fields"].remove(field(schema, "payoff"))


def _taken_away_inside(schema: Any) -> None:
    inside(schema)["fields"].pop()


def _renamed(schema: Any) -> None:
    field(schema, "payoff")["name"] = "closing"


def _another_type(schema: Any) -> None:
    field(schema, "amount")["type"] = "int"


def _another_logical_type(schema: Any) -> None:
    field(schema, "recorded_at")["type"]["logicalType"] = "timestamp-millis"


def _nullable_now(schema: Any) -> None:
    field(schema, "source")["type"] = ["null", "string"]


def _another_name(schema: Any) -> None:
    schema["name"] = "Paid"


@pytest.mark.parametrize(
    "change",
    [
        _added_without_default,
        _added_with_another_default,
        _added_in_a_record_inside,
        _taken_away,
        _taken_away_inside,
        _renamed,
        _another_type,
        _another_logical_type,
        _nullable_now,
        _another_name,
    ],
)
def test_a_version_that_would_lose_or_change_something_is_found(change: Any) -> None:
    new = repaid()
    change(new)

    assert faults(repaid(), new) != []


def test_a_class_that_differs_from_its_schema_is_found() -> None:
    changed = repaid()
    _another_logical_type(changed)

    assert crc64(changed) == crc64(repaid())
    assert without_docs(changed) != without_docs(repaid())


# --- bytes that are none of ours ----------------------------------------------------------


@pytest.mark.parametrize(
    "state", [b"", b"\xc3\x01", b"{}", b"\xc3\x01" + bytes(8), b"\xc3\x01" + bytes(80)]
)
def test_bytes_that_no_schema_explains_are_refused(state: bytes) -> None:
    with pytest.raises(codec.UnknownSchema):
        codec.decode(state, STREAM_ID, 1)


def test_bytes_left_over_are_refused() -> None:
    state = codec.encode(example_of(TYPES["loan.cured"]))

    with pytest.raises(codec.UnknownSchema):
        codec.decode(state + b"\x00", STREAM_ID, 1)


# --- personal data -------------------------------------------------------------------------


@pytest.mark.parametrize("stem", sorted(published()))
def test_no_field_is_there_for_personal_data(stem: str) -> None:
    assert list(fields_that_name_people(published()[stem])) == []


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "full_name",
        "home_phone",
        "email",
        "address_line",
        "id_number",
        "birth_date",
        "account_number",
        "iban",
        "employer",
        "passport_no",
        "note",
    ],
)
def test_a_field_for_personal_data_is_found_at_any_depth(name: str) -> None:
    schema = repaid()
    inside(schema)["fields"].append({"name": name, "type": "string"})

    assert list(fields_that_name_people(schema)) == [f"Split.{name}"]


def test_a_whole_life_of_a_loan_says_nothing_of_a_person() -> None:
    loan = story.disbursed(story.terms(fees=[story.LETTER_FEE]))
    for step in (
        story.fee_charged("F-1", on=story.JAN_15),
        story.fee_waived("F-1", 5_00, on=story.JAN_15),
        story.paid("P-1", 2_000_00, on=story.JAN_15),
        story.refunded("R-1", 1_00, on=story.JAN_15),
        story.reversed_("P-1", on=story.JAN_15),
    ):
        step(loan)

    events: list[Any] = list(loan.pending_events)
    assert [found for event in events for found in values_that_name_people(said(event))] == []


@pytest.mark.parametrize(
    "value",
    [
        "write to li.wei@example.cn",
        "11010519491231002X",
        "call 138 0013 8000",
        "+86 10 6552 9988",
        "6222021234567890123",
        "DE89370400440532013000",
    ],
)
def test_personal_data_in_a_text_is_found(value: str) -> None:
    assert list(values_that_name_people({"reason": ["x", value]})) != []


@pytest.mark.parametrize("value", ["2025-01-15", "0.0600000000", "L-4F7QX-9K2MA", "P-1", "bounced"])
def test_references_and_dates_are_no_personal_data(value: str) -> None:
    assert list(values_that_name_people(value)) == []


def test_ids_are_no_personal_data() -> None:
    assert list(values_that_name_people(str(STREAM_ID))) == []
