"""The relay beside a bare producer that sends the same records."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks import samples
from benchmarks.place import Place
from benchmarks.report import Aim, Line, rate
from infra.bootstrap import as_role, open_book
from infra.embedded.part import Step
from infra.relay import BATCH_EVENTS, Relay
from infra.store import WRITER

EVENTS_PER_LOAN = 10
TOPIC = "loan.events"
PARTITIONS = 12


def store(place: Place, url: str, events: int) -> None:
    """So many events on loans are stored."""
    done, loans = 0, events // EVENTS_PER_LOAN
    with open_book(url, connections=1) as book:
        for ids in samples.fill(book, loans, samples.past(EVENTS_PER_LOAN - 1)):
            done += len(ids)
            place.progress(Step("store", "storing events", done, loans))


@contextmanager
def relay_to(place: Place, url: str, prefix: str) -> Iterator[Relay]:
    """A relay of that database to topics of that prefix, which are made."""
    place.topics(prefix)
    with psycopg.connect(as_role(url, WRITER), autocommit=True) as connection:
        relay = Relay(connection, place.servers().kafka_bootstrap, prefix=prefix)
        with closing(relay):
            relay.start()
            yield relay


def reader(place: Place, topic: str) -> KafkaConsumer:
    """Reads a topic from its beginning, as fast as the projectors' settings let it."""
    consumer = KafkaConsumer(
        bootstrap_servers=place.servers().kafka_bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_poll_records=5_000,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        metrics_enabled=False,
    )
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    consumer.seek_to_beginning()
    return consumer


def take(consumer: KafkaConsumer, count: int) -> list[Any]:
    """The next *count* records."""
    found: list[Any] = []
    while len(found) < count:
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    return found


def _recorded_order(record: Any) -> int:
    return int(dict(record.headers)["ce_notificationid"])


def measure(place: Place) -> list[Line]:
    """Transactions of as many events as the relay takes at most, in turn."""
    rounds = place.pick(8, 3)
    url = place.database("relay")
    store(place, url, (rounds + 1) * BATCH_EVENTS)
    ours, raw = [], []
    place.topics("bare.")
    bare = KafkaProducer(
        bootstrap_servers=place.servers().kafka_bootstrap,
        transactional_id="bare",
        retry_backoff_ms=5,
        linger_ms=20,
        batch_size=256 * 1024,
        metrics_enabled=False,
    )
    bare.init_transactions()
    with (
        closing(bare),
        closing(reader(place, f"relayed.{TOPIC}")) as published,
        relay_to(place, url, "relayed.") as relay,
    ):
        for number in range(rounds + 1):
            place.progress(Step("relay", "publishing", number, rounds))
            started = time.perf_counter()
            rows = relay.read()
            relay.publish(rows)
            ended = time.perf_counter()
            records = sorted(take(published, BATCH_EVENTS), key=_recorded_order)
            begun = time.perf_counter()
            bare.begin_transaction()
            for record in records:
                bare.send(
                    f"bare.{TOPIC}", record.value, record.key, record.headers, record.partition
                )
            bare.commit_transaction()
            if number:  # the first only warms up
                ours.append(ended - started)
                raw.append(time.perf_counter() - begun)
    return [
        Line(
            "relay",
            f"store to Kafka, {BATCH_EVENTS:,} events a transaction",
            "events/s",
            rate(BATCH_EVENTS, ours),
            "bare transactional producer",
            rate(BATCH_EVENTS, raw),
            Aim.RATIO_AT_LEAST,
            0.8,
        )
    ]
