"""The one consumer loop: Kafka to a view, for every projection."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Event, Lock
from typing import Any
from uuid import UUID

import psycopg
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from kafka.structs import MemberState, OffsetAndMetadata

from infra import codec, logs
from infra.codec import UnknownSchema
from infra.garbage import collect_seldom
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal
from infra.trouble import Trouble
from infra.view_tables import Projection
from infra.views import Fenced, Gap, Record, TooManyParked, View, open_view

log = logs.logger(__name__)

POLL_MS = 500
BATCH_EVENTS = 5_000
GATHER_SECONDS = 0.015
"""After a small batch the next is left to gather, for as long as the batch took: a
transaction costs as much for one event as for fifty. An event after a pause is shown at once."""
REBALANCE_SECONDS = 10.0
"""A member that died holds a rebalance up for the session's 6 seconds, no longer."""
LONGEST_BACKOFF_SECONDS = 1.0


class AssignmentLost(KafkaError):  # type: ignore[misc]
    """The group gave this consumer partitions, and the client forgot them."""


OUTAGES = (
    KafkaError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)
"""What ends by connecting again; the last two are what a frozen process finds on waking."""


class Taken(ConsumerRebalanceListener):  # type: ignore[misc]
    """Partitions that were assigned and have no position yet.

    Called on the thread of Kafka's heartbeats, so it only takes notes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._places: set[TopicPartition] = set()

    def on_partitions_assigned(self, assigned: Any) -> None:
        with self._lock:
            self._places.update(assigned)

    def on_partitions_revoked(self, revoked: Any) -> None:
        with self._lock:
            self._places.difference_update(revoked)

    def collect(self) -> set[TopicPartition]:
        """Those assigned since the last call."""
        with self._lock:
            taken, self._places = self._places, set()
        return taken


def run(projection: Projection) -> None:
    """Keep a view up to date until told to stop; what a consumer's ``main`` calls."""
    stop = stop_on_signal()
    collect_seldom()
    settings = connected(Settings())
    assert settings.database_url and settings.kafka_bootstrap
    logs.configure(settings, projection.NAME)
    try:
        keep(settings.database_url, settings.kafka_bootstrap, projection, stop)
    except (Trouble, UnknownSchema, Gap, TooManyParked) as trouble:
        log.critical("view_stopped", reason=type(trouble).__name__, error=str(trouble))
        sys.exit(1)


def keep(database_url: str, bootstrap: str, projection: Projection, stop: Event) -> None:
    """Keep a view up to date until told to stop, through outages of both servers.

    Raises:
        Trouble: a position is out of range, or tables changed without a new version.
        UnknownSchema: bytes that no schema explains.
        Gap: an event is missing.
        TooManyParked: the release must be at fault.
    """
    failures = 0
    while not stop.is_set():
        try:
            with (
                open_view(database_url, projection) as view,
                subscribed(bootstrap, projection) as (consumer, taken),
            ):
                loop = Loop(consumer, taken, view, projection)
                while not stop.is_set():
                    if 0 < loop.step() < BATCH_EVENTS // 10:
                        stop.wait(max(GATHER_SECONDS, loop.took))
                    failures = 0
        except OUTAGES as trouble:
            failures += 1
            wait = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**failures)
            log.warning("view_interrupted", error=repr(trouble), again_in_seconds=wait)
            stop.wait(wait)


@contextmanager
def subscribed(bootstrap: str, projection: Projection) -> Iterator[tuple[KafkaConsumer, Taken]]:
    """A member of the view's group, and what it was assigned."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=f"view.{projection.NAME}.v{projection.VERSION}",
        client_id=projection.NAME,
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
        isolation_level="read_committed",
        enable_auto_commit=False,
        # A position out of range is an incident, never a reason to start elsewhere.
        auto_offset_reset="none",
        max_poll_records=BATCH_EVENTS,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        reconnect_backoff_max_ms=1000,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    taken = Taken()
    try:
        for topic in projection.TOPICS:
            # Known before the first join, or that one assigns nothing.
            if not consumer.partitions_for_topic(topic):
                raise Trouble(
                    f"Kafka has no topic {topic}: run python -m infra.migrations, which"
                    " creates what is missing."
                )
        consumer.subscribe(list(projection.TOPICS), listener=taken)
        yield consumer, taken
    finally:
        consumer.close(autocommit=False, timeout_ms=2000)


class Loop:
    """Polls, decodes, applies."""

    def __init__(
        self, consumer: KafkaConsumer, taken: Taken, view: View, projection: Projection
    ) -> None:
        """No partition is positioned yet; *took* is what the last batch took, in seconds."""
        self.took = 0.0
        self._consumer = consumer
        self._taken = taken
        self._view = view
        self._name = projection.NAME
        self._stable_at = time.monotonic()

    def step(self) -> int:
        """One poll is applied; returns how many events were.

        Raises:
            Trouble: a position is out of range.
            UnknownSchema: bytes that no schema explains.
        """
        try:
            polled = self._consumer.poll(timeout_ms=POLL_MS)
        except NoOffsetForPartitionError:
            polled = {}  # a new partition: its position comes from the database
        except OffsetOutOfRangeError as trouble:
            raise Trouble(
                f"{self._name} is to read at an offset that Kafka does not have"
                f" ({trouble}): the topic was made anew or lost events. Set the view's"
                " positions to where the topic begins, or rebuild it; events already"
                " shown are skipped."
            ) from trouble
        begun = time.monotonic()
        taken = self._taken.collect()
        if taken:
            self._position(taken)
        records = [
            decoded(record)
            for place, records in polled.items()
            if place not in taken
            for record in records
        ]
        if not records:
            self._check_membership()
            return 0
        try:
            applied = self._view.apply(records)
        except Fenced as trouble:
            log.warning("fenced", view=self._name, error=str(trouble))
            self._position(set(polled))
            return 0
        self._stable_at = time.monotonic()
        self._tell_kafka(records)
        self.took = self._stable_at - begun
        report: Callable[..., None] = log.info if len(records) >= 500 else log.debug
        report("applied", view=self._name, **applied._asdict())
        return applied.events

    def _check_membership(self) -> None:
        """A rebalance ends, or the consumer is made anew.

        kafka-python 3.0.12 forgets the partitions it was given when a topic's metadata
        changed and a poll times out while the group joins: it waits for ever then,
        without a heartbeat.
        """
        if self._consumer.group_metadata().state == MemberState.STABLE:
            self._stable_at = time.monotonic()
        elif time.monotonic() - self._stable_at > REBALANCE_SECONDS:
            raise AssignmentLost(f"the group of {self._name} did not settle")

    def _position(self, places: set[TopicPartition]) -> None:
        """Read on from where the view is."""
        mine = places & self._consumer.assignment()
        for (topic, partition), offset in self._view.take(
            (place.topic, place.partition) for place in mine
        ).items():
            self._consumer.seek(TopicPartition(topic, partition), offset)
        log.info("positioned", view=self._name, partitions=len(mine))

    def _tell_kafka(self, records: list[Record]) -> None:
        """Kafka's own offset serves lag tools only, so whether it arrives is no matter."""
        offsets = {
            TopicPartition(record.topic, record.partition): OffsetAndMetadata(
                record.offset + 1, "", -1
            )
            for record in records
        }
        self._consumer.commit_async(offsets, callback=lambda *_: None)


@lru_cache(maxsize=16_384)
def _stream_id(key: bytes) -> UUID:
    return UUID(key.decode())


def decoded(record: Any) -> Record:
    """The event that a Kafka record holds.

    Raises:
        UnknownSchema: no schema explains the bytes, or headers are missing.
    """
    sequence: Any = None
    notification_id: Any = None
    for name, value in record.headers:
        if name == "ce_sequence":
            sequence = value
        elif name == "ce_notificationid":
            notification_id = value
        if sequence is not None and notification_id is not None:
            break
    where = f"{record.topic} partition {record.partition} offset {record.offset}"
    try:
        version = int(sequence)
        stream_id = _stream_id(record.key)
        return Record(
            record.topic,
            record.partition,
            record.offset,
            stream_id,
            version,
            int(notification_id),
            record.value,
            codec.decode(record.value, stream_id, version),
        )
    except Exception as trouble:
        raise UnknownSchema(f"{where}: {trouble}") from trouble
