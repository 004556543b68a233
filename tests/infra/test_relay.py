"""What was stored arrives on Kafka once, in order, byte by byte, whatever is killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra import relay
from infra.codec import UnknownSchema, decode
from infra.contract import published
from infra.settings import ROOT
from infra.trouble import Trouble
from tests.infra.line import Line, held, python, registered, wait_for

RELAY = """
import sys, threading
from infra import logs, relay
from infra.settings import Settings
from infra.stopping import stop_on_signal
logs.configure(Settings(), "relay")
url, bootstrap, prefix, where = sys.argv[1:]

def hang(*_):
    print("there", flush=True)
    threading.Event().wait()

if where == "before commit":
    publish = relay.Relay.publish
    def hanging(self, rows):
        self._producer.commit_transaction = lambda: (self._producer.flush(), hang())
        publish(self, rows)
    relay.Relay.publish = hanging
elif where == "after commit":
    relay.Relay._keep_copy = hang
elif where == "leading":
    follow = relay.Relay.follow
    def leading(self, stop):
        print("there", flush=True)
        follow(self, stop)
    relay.Relay.follow = leading
relay.run(url, bootstrap, stop_on_signal(), prefix=prefix)
"""


@contextmanager
def process(line: Line, where: str) -> Iterator[Popen[str]]:
    """A relay of its own process that came to the place; killed afterwards."""
    with python(RELAY, line.database_url, line.bootstrap, line.prefix, where) as running:
        try:
            assert running.stdout and running.stdout.readline() == "there\n"
            yield running
        finally:
            running.kill()


@contextmanager
def running(line: Line) -> Iterator[threading.Thread]:
    """A relay that runs beside the test."""
    stop = threading.Event()
    thread = threading.Thread(
        target=relay.run,
        args=(line.database_url, line.bootstrap, stop),
        kwargs={"prefix": line.prefix},
    )
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()


def sequences(line: Line, *, committed: bool = True) -> list[tuple[str, str]]:
    """Stream and version of each record that a reader sees, in its order."""
    return [
        (record.key.decode(), dict(record.headers)["ce_sequence"].decode())
        for record in line.records(committed=committed)
    ]


def test_stored_bytes_arrive_in_order_and_say_what_they_are(line: Line) -> None:
    borrower, other = line.store(held(registered(), "H-1", "H-2"), registered())

    line.publish()

    stored = line.sql(
        "SELECT originator_id, originator_version, topic, state, notification_id"
        " FROM store.book_events ORDER BY 1, 2"
    )
    found = sorted(line.records(), key=lambda record: (record.key, record.offset))
    assert [(record.key.decode(), record.value) for record in found] == [
        (str(stream), state) for stream, _, _, state, _ in stored
    ]
    for record, (stream, version, topic, state, notification_id) in zip(found, stored, strict=True):
        headers = {name: value.decode() for name, value in record.headers}
        event = decode(state, stream, version)
        assert datetime.fromisoformat(headers.pop("ce_time")) == event.timestamp
        assert headers.pop("ce_dataschema") == f"kafka:loan.schemas/{state[2:10].hex()}"
        assert headers == {
            "ce_specversion": "1.0",
            "ce_id": f"{stream}/{version}",
            "ce_source": "/loans/book",
            "ce_type": topic,
            "ce_subject": str(stream),
            "ce_sequence": str(version),
            "ce_notificationid": str(notification_id),
            "content-type": "application/avro",
        }
    assert (
        len({record.partition for record in found if record.key == str(borrower.id).encode()}) == 1
    )
    assert other.version == 1


def test_the_database_knows_how_far_the_topics_are(line: Line) -> None:
    line.store(held(registered(), "H-1"))

    line.publish()

    ends = {(record.partition, record.offset + 1) for record in line.records()[-1:]}
    assert line.sql("SELECT notification_id FROM store.relay_position") == [(2,)]
    assert set(line.sql("SELECT partition, next_offset FROM store.published")) == ends


def test_every_schema_begins_with_the_instant_of_recording() -> None:
    assert {
        schema["fields"][0]["name"]: str(schema["fields"][0]["type"])
        for schema in published().values()
    } == {"recorded_at": "{'type': 'long', 'logicalType': 'timestamp-micros'}"}


@pytest.mark.parametrize("micros", [0, 1, -1, 63, 64, 1_763_794_800_123_456, -(2**62)])
def test_an_instant_is_read_without_the_rest_of_the_record(micros: int) -> None:
    number, written = (micros << 1) ^ (micros >> 63), bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)

    assert relay.recorded_micros(bytes(written) + b"\xff\x01") == micros


def test_schemas_are_there_before_the_first_event_and_once(line: Line) -> None:
    line.store(registered())

    with line.relay():
        schemas = line.records("loan.schemas")
        events = line.records()
    with line.relay():
        again = line.records("loan.schemas")

    assert {record.key: record.value for record in schemas} == relay.schema_records()
    assert events == []
    assert len(again) == len(schemas)


@pytest.mark.parametrize("where", ["before commit", "after commit"])
def test_a_killed_relay_publishes_nothing_twice(line: Line, where: str) -> None:
    borrower = line.store(held(registered(), "H-1", "H-2"))[0]
    with process(line, where) as killed:
        killed.kill()

    line.publish()

    expected = [(str(borrower.id), str(version)) for version in (1, 2, 3)]
    assert sequences(line) == expected
    sent = sequences(line, committed=False)
    assert sent == (expected * 2 if where == "before commit" else expected)


def test_a_standby_takes_over_from_a_killed_leader(line: Line) -> None:
    with process(line, "leading") as leader, running(line):
        first = line.store(registered())
        wait_for(lambda: len(sequences(line)) == 1)

        leader.kill()
        second = line.store(registered())

        wait_for(lambda: len(sequences(line)) == 2)
    assert set(sequences(line)) == {(str(each.id), "1") for each in first + second}


def test_one_relay_leads_and_the_other_waits(line: Line) -> None:
    with process(line, "leading"), running(line):
        line.store(registered())
        wait_for(lambda: sequences(line))

        leaders = line.sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            relay.LEADER_LOCK,
        )

    assert leaders == [(1,)]


def test_a_frozen_predecessor_is_fenced(line: Line) -> None:
    line.store(registered())

    with line.relay() as frozen:
        rows = frozen.read()
        with line.relay() as successor:
            successor.publish(successor.read())
        with pytest.raises(KafkaError):
            frozen.publish(rows)

    assert len(sequences(line)) == 1


def test_a_relay_that_lost_its_database_session_leads_again(line: Line) -> None:
    with running(line):
        line.store(registered())
        wait_for(lambda: sequences(line))

        line.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'relay' AND datname = current_database()"
        )
        line.store(registered())

        wait_for(lambda: len(sequences(line)) == 2)


@pytest.mark.parametrize("lost", ["Kafka's", "the copy"])
def test_a_lost_position_is_found_in_the_topics(line: Line, lost: str) -> None:
    line.store(held(registered(), "H-1"), registered())
    line.publish()
    if lost == "Kafka's":
        forget_offsets(line)
    else:
        line.sql("UPDATE store.relay_position SET notification_id = 0")
    line.store(registered())

    with line.relay() as successor:
        assert successor.position == 3
        successor.publish(successor.read())

    assert len(sequences(line)) == 4


def test_aborted_events_do_not_hide_the_last_published_one(line: Line) -> None:
    borrower = line.store(registered())[0]
    line.publish()
    line.store(held(borrower, *(f"H-{number}" for number in range(150))))
    with process(line, "before commit") as killed:
        killed.kill()
    forget_offsets(line)

    with line.relay() as successor:
        assert successor.position == 1


def test_empty_topics_are_filled_from_the_store(line: Line) -> None:
    line.store(registered())
    line.sql("UPDATE store.relay_position SET notification_id = 1")
    line.sql("INSERT INTO store.published VALUES (%s, 0, 1, 1)", line.topic())

    line.publish()

    assert len(sequences(line)) == 1


def test_topics_that_lost_events_are_not_written_to(line: Line) -> None:
    line.store(registered())
    line.publish()
    line.sql("UPDATE store.published SET next_offset = 7")

    with pytest.raises(Trouble, match="lost events"), line.relay():
        pass


def test_topics_of_another_store_are_not_written_to(line: Line) -> None:
    line.store(registered())
    line.publish()
    line.sql("ALTER TABLE store.book_events DISABLE TRIGGER ALL")
    line.sql("DELETE FROM store.book_events")

    with pytest.raises(Trouble, match="does not know"), line.relay():
        pass


def test_missing_topics_are_named(line: Line) -> None:
    stranger = Line(line.database_url, line.bootstrap, f"{line.prefix}missing.")

    with pytest.raises(Trouble, match="no topic"), stranger.relay():
        pass


def test_an_unknown_schema_stops_the_relay(line: Line) -> None:
    line.store(registered())
    line.sql("INSERT INTO store.book_events VALUES (gen_random_uuid(), 1, 'loan.new', '\\xc301ff')")

    with line.relay() as publisher, pytest.raises(UnknownSchema):
        publisher.publish(publisher.read())

    assert sequences(line) == []


def test_an_idle_position_is_committed_again(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.store(registered())
    line.publish()
    forget_offsets(line)
    monkeypatch.setattr(relay, "RECOMMIT_SECONDS", 0.0)

    with running(line):
        wait_for(lambda: committed(line) == 1)


def committed(line: Line) -> int | None:
    admin = KafkaAdminClient(bootstrap_servers=line.bootstrap)
    try:
        groups = admin.list_group_offsets([f"{line.prefix}relay"])
        offsets: dict[TopicPartition, Any] = next(iter(groups.values()), {})
        found = offsets.get(TopicPartition(line.topic("loan.relay"), 0))
        return None if found is None else int(found.offset)
    finally:
        admin.close()


def forget_offsets(line: Line) -> None:
    """The broker let the relay's position expire."""
    admin = KafkaAdminClient(bootstrap_servers=line.bootstrap)
    admin.delete_groups([f"{line.prefix}relay"])
    admin.close()


def test_another_system_reads_the_events_and_takes_each_once(line: Line, tmp_path: Path) -> None:
    borrower = line.store(held(registered(), "H-1", "H-2"))[0]
    line.publish()

    first = outside_consumer(line, tmp_path)
    line.store(held(borrower, "H-3"))
    line.publish()
    second = outside_consumer(line, tmp_path)

    assert [said.split()[:2] for said in first[:-1]] == [
        [str(borrower.id), version] for version in ("1", "2", "3")
    ]
    assert first[-1] == "3 events of 1 streams, without a gap; 0 arrived again"
    assert second[-1] == "1 events of 1 streams, without a gap; 0 arrived again"


def outside_consumer(line: Line, folder: Path) -> list[str]:
    """What the example prints, run as a program of its own."""
    script = (ROOT / "docs/examples/outside_consumer.py").read_text()
    topics = ("--topic", line.topic(), "--schemas", line.topic("loan.schemas"))
    inbox = ("--inbox", str(folder / "inbox"))
    with python(script, line.bootstrap, *topics, *inbox, "--until-end") as running:
        said, _ = running.communicate(timeout=60)
    return said.splitlines()


def test_the_relay_process_stops_when_told_to(line: Line) -> None:
    with process(line, "leading") as running_relay:
        line.store(registered())
        wait_for(lambda: sequences(line))

        running_relay.terminate()

        assert running_relay.wait(20) == 0
