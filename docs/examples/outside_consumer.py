# ruff: noqa: INP001, T201 - a program that stands alone, and prints
"""Reads loan events as another system would: kafka-python and fastavro, nothing of ours.

    pip install "kafka-python[crc32c]" fastavro
    python outside_consumer.py 127.0.0.1:9092 --until-end

It shows the three things that such a reader does: it finds each event's schema by
the fingerprint in its bytes, it checks that the events of each loan follow one
another without a gap, and it uses an inbox, so that an event that arrives again has
no second effect.
"""

import argparse
import io
import json
import sqlite3
from typing import Any

from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer, TopicPartition

SINGLE_OBJECT = b"\xc3\x01"
"""Each value begins so, then come 8 bytes of fingerprint, then the Avro record."""

INBOX = """
CREATE TABLE IF NOT EXISTS inbox (event_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS last_version (loan_id TEXT PRIMARY KEY, version INTEGER);
CREATE TABLE IF NOT EXISTS position (part INTEGER PRIMARY KEY, next_offset INTEGER);
CREATE TABLE IF NOT EXISTS effect (event_type TEXT PRIMARY KEY, events INTEGER);
"""


class GapError(Exception):
    """An event is missing; going on would make figures wrong."""


class Schemas:
    """Every schema ever published, by fingerprint; new ones are read when needed."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._place = TopicPartition(topic, 0)
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed"
        )
        self._consumer.assign([self._place])
        self._consumer.seek_to_beginning()
        self._known: dict[bytes, Any] = {}

    def decode(self, value: bytes) -> Any:
        """The record that *value* holds."""
        if value[:2] != SINGLE_OBJECT:
            raise ValueError("these bytes are no Avro in single-object encoding")
        fingerprint = value[2:10]
        if fingerprint not in self._known:
            self._read_to_the_end()
        # A schema is on its topic before the first event that needs it.
        return schemaless_reader(io.BytesIO(value[10:]), self._known[fingerprint], None)

    def _read_to_the_end(self) -> None:
        end = self._consumer.end_offsets([self._place])[self._place]
        while self._consumer.position(self._place) < end:
            for records in self._consumer.poll(timeout_ms=200).values():
                for record in records:
                    fingerprint = bytes.fromhex(record.key.decode())
                    self._known[fingerprint] = parse_schema(json.loads(record.value))


def take(inbox: sqlite3.Connection, record: Any, decoded: Any) -> bool:
    """The event has had its effect, once; False: it had it before.

    Inbox, effect and position change in one transaction of the reader's own database.
    """
    headers = {name: value.decode() for name, value in record.headers}
    loan_id, version = record.key.decode(), int(headers["ce_sequence"])
    with inbox:
        after = (record.partition, record.offset + 1)
        inbox.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", after)
        new = inbox.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (headers["ce_id"],)).rowcount
        if not new:
            return False
        last = inbox.execute(
            "SELECT version FROM last_version WHERE loan_id = ?", (loan_id,)
        ).fetchone() or (0,)
        if version != last[0] + 1:
            raise GapError(f"{loan_id}: version {version} follows {last[0]}")
        inbox.execute("INSERT OR REPLACE INTO last_version VALUES (?, ?)", (loan_id, version))
        inbox.execute(
            "INSERT INTO effect VALUES (?, 1) ON CONFLICT DO UPDATE SET events = events + 1",
            (headers["ce_type"],),
        )
    print(loan_id, version, headers["ce_time"], headers["ce_type"], decoded)
    return True


def main() -> None:
    """Read loan events and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap", help="host:port of Kafka")
    parser.add_argument("--topic", default="loan.events")
    parser.add_argument("--schemas", default="loan.schemas")
    parser.add_argument("--inbox", default=":memory:", help="an SQLite file to go on with later")
    parser.add_argument("--until-end", action="store_true", help="stop at the present end")
    said = parser.parse_args()

    inbox = sqlite3.connect(said.inbox)
    inbox.executescript(INBOX)
    schemas = Schemas(said.bootstrap, said.schemas)
    consumer = KafkaConsumer(
        bootstrap_servers=said.bootstrap,
        # Without it a reader also sees what a killed relay sent and never committed.
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    places = [TopicPartition(said.topic, p) for p in consumer.partitions_for_topic(said.topic)]
    consumer.assign(places)
    positions = dict(inbox.execute("SELECT part, next_offset FROM position"))
    for place in places:
        consumer.seek(place, positions.get(place.partition, 0))
    ends = consumer.end_offsets(places)

    taken = repeated = 0
    while not said.until_end or any(consumer.position(p) < ends[p] for p in places):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                if take(inbox, record, schemas.decode(record.value)):
                    taken += 1
                else:
                    repeated += 1
    streams = inbox.execute("SELECT count(*) FROM last_version").fetchone()[0]
    print(f"{taken} events of {streams} streams, without a gap; {repeated} arrived again")


if __name__ == "__main__":
    main()
