"""Event store to Kafka: the stored bytes in recorded order, keyed by stream.

Events and the position after them land in one Kafka transaction, together or not
at all, so that a ``read_committed`` reader sees each event once whenever the relay
is killed. The position is the notification id of the last event published; it is
committed as the offset of group ``relay`` on ``loan.relay`` partition 0.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Event
from typing import Any, NamedTuple

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner import murmur2
from kafka.structs import OffsetAndMetadata

from domain.catalogue import STREAMS
from infra.bootstrap import as_role
from infra.codec import HEADER_BYTES, MAGIC, UnknownSchema
from infra.contract import crc64, published, topic_of
from infra.logs import logger
from infra.store import WRITER
from infra.trouble import Trouble

log = logger(__name__)

LEADER_LOCK = 5_051_989
"""Held by the relay that publishes for as long as its session lives."""

BATCH_EVENTS = 5_000
POLL_SECONDS = 0.2
GATHER_SECONDS = 0.02
"""Transactions begin at most so often, and the relay rests for as long as the last one
took: one costs the broker and every reader as much for a single event as for fifty, and
on a busy machine gathering is what keeps up. An event after a pause is published at once."""
RECOMMIT_SECONDS = 3600.0
"""An idle position is committed again so that the broker never lets it expire."""
LONGEST_BACKOFF_SECONDS = 1.0
STUCK_SECONDS = 10.0
"""kafka-python's transactional calls wait for ever when a broker's answer was lost."""

GROUP = "relay"
POSITION_TOPIC = "loan.relay"
SCHEMAS_TOPIC = "loan.schemas"
TRANSACTION_MS = 30_000
"""An open transaction holds readers back; a frozen relay is replaced after as long."""

KAFKA_TOPICS: dict[str, str] = {stream.TOPIC: stream.KAFKA_TOPIC for stream in STREAMS}

READ = """
    SELECT notification_id, originator_id::text, originator_version, state
    FROM store.book_events WHERE notification_id > %s
    ORDER BY notification_id LIMIT %s
"""

KEEP_POSITION = """
    WITH moved AS (
        UPDATE store.relay_position SET notification_id = %s, published_at = now()
    )
    INSERT INTO store.published AS old (topic, partition, next_offset, notification_id)
    SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE
    SET next_offset = EXCLUDED.next_offset,
        notification_id = EXCLUDED.notification_id,
        published_at = now()
"""

Headers = list[tuple[str, bytes]]
Row = tuple[int, str, int, bytes]
"""Notification id, stream, version, stored bytes."""


class _Kind(NamedTuple):
    """What all events written by one schema have in common."""

    topic: str
    headers: Headers


def run(
    database_url: str,
    bootstrap: str,
    stop: Event,
    *,
    prefix: str = "",
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Publish until told to stop, as soon as no other relay of this store does.

    Whatever fails outside ends this leadership; a new one begins with a new producer
    and reads the position again. *prefix* stands before the names of all topics;
    *alive* is called between two pieces of work.

    Raises:
        Trouble: topics and store do not belong together; a person has to look.
        UnknownSchema: an event's schema is not in ``schemas/``.
    """
    failures = 0
    while not stop.is_set():
        alive()
        try:
            with _leadership(database_url, stop, alive) as connection:
                if stop.is_set():
                    return
                relay = Relay(connection, bootstrap, prefix=prefix, alive=alive)
                try:
                    relay.start()
                    failures = 0
                    relay.follow(stop)
                finally:
                    relay.close()
        except (KafkaError, psycopg.OperationalError, psycopg.InterfaceError) as trouble:
            failures += 1
            wait = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**failures)
            log.warning("relay_interrupted", error=repr(trouble), again_in_seconds=wait)
            stop.wait(wait)


@contextmanager
def _leadership(
    database_url: str, stop: Event, alive: Callable[[], None]
) -> Iterator[psycopg.Connection]:
    """A connection that holds the leader's lock, or one told to stop before it did."""
    with psycopg.connect(
        as_role(database_url, WRITER), autocommit=True, application_name="relay"
    ) as connection:
        # A frozen leader loses its session, and with it the lock; the position is
        # only a copy, so its commits need not wait for the disk.
        connection.execute(f"SET idle_session_timeout = {TRANSACTION_MS}")
        connection.execute("SET tcp_keepalives_idle = 10")
        connection.execute("SET synchronous_commit = off")
        waiting = False
        while not stop.is_set() and not _lead(connection):
            if not waiting:
                log.info("relay_standby")
            waiting = True
            alive()
            stop.wait(POLL_SECONDS)
        yield connection


def _lead(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
    return row is not None and bool(row[0])


class Relay:
    """Publishes one store's events; made anew after every failure."""

    def __init__(
        self,
        connection: psycopg.Connection,
        bootstrap: str,
        *,
        prefix: str = "",
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is published yet; the connection holds the leader's lock."""
        self._connection = connection
        self._alive = alive
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._place = TopicPartition(prefix + POSITION_TOPIC, 0)
        self._kinds = _kinds(prefix)
        self._partitions: dict[str, int] = {}
        self._committed_at = time.monotonic()
        self.position = 0
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            # The same for every relay of the topics: a predecessor that was frozen
            # and wakes is refused.
            transactional_id=f"{prefix}relay",
            transaction_timeout_ms=TRANSACTION_MS,
            retry_backoff_ms=5,
            linger_ms=20,
            batch_size=256 * 1024,
            reconnect_backoff_max_ms=1000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def start(self) -> None:
        """The predecessor is fenced, schemas are published, the position is known."""
        begun = time.monotonic()
        self._producer.init_transactions()
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._prefix + GROUP,
            enable_auto_commit=False,
            isolation_level="read_committed",
            retry_backoff_ms=5,
            reconnect_backoff_max_ms=1000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        try:
            self._find_partitions(consumer)
            self._publish_schemas(consumer)
            self.position = self._find_position(consumer)
        finally:
            consumer.close(autocommit=False)
        self._connection.execute("LISTEN book_events")
        log.info(
            "relay_leads", notification_id=self.position, seconds=round(time.monotonic() - begun, 3)
        )

    def close(self) -> None:
        """An open transaction is left to the successor, which aborts it."""
        self._producer.close(timeout=5)

    def follow(self, stop: Event) -> None:
        """Publish what is stored, and what will be, until told to stop."""
        while not stop.is_set():
            self._alive()
            begun = time.monotonic()
            rows = self.read()
            if rows:
                self.publish(rows)
                if len(rows) < BATCH_EVENTS // 10:
                    took = time.monotonic() - begun
                    stop.wait(max(GATHER_SECONDS - took, took))
                continue
            if time.monotonic() - self._committed_at > RECOMMIT_SECONDS:
                self.publish([])
            # Woken or not, the store is asked: a notification may be missed.
            for _ in self._connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass

    def read(self) -> list[Row]:
        """The next events to publish, in recorded order."""
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(READ, (self.position, BATCH_EVENTS), prepare=True)
            return cursor.fetchall()

    def publish(self, rows: Sequence[Row]) -> None:
        """The stored bytes are on Kafka with the position after them, in one transaction.

        Raises:
            UnknownSchema: an event's schema is not in ``schemas/``; nothing is published.
        """
        begun = time.monotonic()
        producer, kinds, partitions = self._producer, self._kinds, self._partitions
        last: dict[tuple[str, int], tuple[Any, int]] = {}
        position = self.position
        producer.begin_transaction()
        for position, stream, version, state in rows:
            try:
                topic, common = kinds[state[:HEADER_BYTES]]
            except KeyError:
                producer.abort_transaction()
                raise UnknownSchema(
                    f"event {position} has the header {state[:HEADER_BYTES].hex()},"
                    " which no file in schemas/ explains: start the relay of the release"
                    " that wrote it"
                ) from None
            key = stream.encode()
            partition = _partition(key, partitions[topic])
            sequence = b"%d" % version
            future = producer.send(
                topic,
                state,
                key,
                [
                    ("ce_sequence", sequence),
                    ("ce_notificationid", b"%d" % position),
                    ("ce_id", key + b"/" + sequence),
                    ("ce_subject", key),
                    ("ce_time", _time(state[HEADER_BYTES : HEADER_BYTES + 10])),
                    *common,
                ],
                partition,
            )
            last[topic, partition] = (future, position)
        producer.send_offsets_to_transaction(
            {self._place: OffsetAndMetadata(position, "", -1)}, self._prefix + GROUP
        )
        producer.commit_transaction()
        self.position = position
        self._committed_at = time.monotonic()
        self._keep_copy(last)
        report = log.info if len(rows) >= BATCH_EVENTS // 10 else log.debug
        report(
            "published",
            events=len(rows),
            notification_id=position,
            seconds=round(time.monotonic() - begun, 3),
        )

    def _keep_copy(self, last: dict[tuple[str, int], tuple[Any, int]]) -> None:
        """The database knows how far the topics are: for lag, and for recovery."""
        self._connection.execute(
            KEEP_POSITION,
            (
                self.position,
                [topic for topic, _ in last],
                [partition for _, partition in last],
                [future.get(timeout=0).offset + 1 for future, _ in last.values()],
                [notification_id for _, notification_id in last.values()],
            ),
        )

    def _find_partitions(self, consumer: KafkaConsumer) -> None:
        """Every topic is there; without the position's one a transaction would hang."""
        topics = {kind.topic for kind in self._kinds.values()}
        for topic in (*topics, self._place.topic, self._prefix + SCHEMAS_TOPIC):
            found = consumer.partitions_for_topic(topic)
            if not found:
                raise Trouble(
                    f"Kafka has no topic {topic}: run python -m infra.migrations, which"
                    " creates what is missing."
                )
            if topic in topics:
                self._partitions[topic] = len(found)
        # All of them at once: kafka-python leaves out what its metadata does not hold,
        # and that holds what is assigned.
        consumer.assign([*self._places(), TopicPartition(self._prefix + SCHEMAS_TOPIC, 0)])
        for place in consumer.assignment():
            consumer.seek(place, 0)
        consumer.pause(*consumer.assignment())

    def _places(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic, count in self._partitions.items()
            for partition in range(count)
        ]

    def _publish_schemas(self, consumer: KafkaConsumer) -> None:
        """Every schema is on its topic before an event that needs it."""
        place = TopicPartition(self._prefix + SCHEMAS_TOPIC, 0)
        there: dict[bytes | None, bytes | None] = {}
        for record in _records(consumer, {place: 0}):
            there[record.key] = record.value
        missing = {key: value for key, value in schema_records().items() if there.get(key) != value}
        if not missing:
            return
        self._producer.begin_transaction()
        for key, value in missing.items():
            self._producer.send(place.topic, value, key, partition=0)
        self._producer.commit_transaction()
        log.info("schemas_published", schemas=len(missing))

    def _find_position(self, consumer: KafkaConsumer) -> int:
        """The notification id of the last event that readers can see; 0 if there is none.

        Kafka's position and its copy agree, or the topics themselves are asked.
        """
        found = consumer.committed(self._place, metadata=True, timeout_ms=TRANSACTION_MS)
        committed: int | None = None if found is None or found.offset < 0 else found.offset
        row = self._connection.execute(
            "SELECT notification_id FROM store.relay_position"
        ).fetchone()
        copy: int = row[0] if row else 0
        places = self._places()
        ends = consumer.end_offsets(places)
        if any(ends.values()):
            self._nothing_is_lost(ends)
        position = committed
        if committed is None or committed != copy:
            position = _highest_published(consumer, places, ends)
            log.warning(
                "relay_position_recovered", committed=committed, copy=copy, position=position
            )
        assert position is not None
        self._store_holds(position)
        return position

    def _nothing_is_lost(self, ends: dict[TopicPartition, int]) -> None:
        rows = self._connection.execute("SELECT topic, partition, next_offset FROM store.published")
        for topic, partition, next_offset in rows:
            end = ends.get(TopicPartition(topic, partition))
            if end is not None and end < next_offset:
                raise Trouble(
                    f"Kafka lost events: {topic} partition {partition} ends at {end}, and"
                    f" {next_offset} were published. Restore the topics, or delete and"
                    " create them all: an empty one is filled again from the store."
                )

    def _store_holds(self, position: int) -> None:
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM store.book_events WHERE notification_id = %s)", (position,)
        ).fetchone()
        if position and not (row and row[0]):
            raise Trouble(
                f"Kafka holds events up to {position}, which this store does not know: the"
                " topics belong to another store, or the database is an older copy."
            )


def schema_records() -> dict[bytes, bytes]:
    """What ``loan.schemas`` holds: fingerprint in hex, schema as JSON."""
    return {
        crc64(schema).hex().encode(): json.dumps(schema).encode() for schema in published().values()
    }


def recorded_micros(first: bytes) -> int:
    """The instant that a record begins with, in microseconds since 1970.

    ``recorded_at`` is the first field of every schema: a zig-zag number of seven bits
    a byte, the lowest first.
    """
    number = shift = 0
    for byte in first:
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return (number >> 1) ^ -(number & 1)


@lru_cache(maxsize=4096)
def _time(first: bytes) -> bytes:
    """The instant that a record begins with, as CloudEvents writes it."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=recorded_micros(first))
    return instant.isoformat().replace("+00:00", "Z").encode()


@lru_cache(maxsize=32_768)
def _partition(key: bytes, partitions: int) -> int:
    """Where every Kafka client puts this key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _kinds(prefix: str) -> dict[bytes, _Kind]:
    """Topic and constant headers by the first bytes of an event."""
    kinds = {}
    for stem, schema in published().items():
        fingerprint = crc64(schema)
        event_type = topic_of(stem)
        kinds[MAGIC + fingerprint] = _Kind(
            prefix + KAFKA_TOPICS[event_type.partition(".")[0]],
            [
                ("ce_type", event_type.encode()),
                ("ce_specversion", b"1.0"),
                ("ce_source", b"/loans/book"),
                ("ce_dataschema", f"kafka:{SCHEMAS_TOPIC}/{fingerprint.hex()}".encode()),
                ("content-type", b"application/avro"),
            ],
        )
    return kinds


def _records(consumer: KafkaConsumer, begins: dict[TopicPartition, int]) -> Iterator[Any]:
    """Every committed record of these assigned partitions to the present end."""
    ends = consumer.end_offsets(list(begins))
    for place, begin in begins.items():
        consumer.seek(place, begin)
    consumer.resume(*begins)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=100).values():
            yield from records
    consumer.pause(*begins)


def _highest_published(
    consumer: KafkaConsumer, places: list[TopicPartition], ends: dict[TopicPartition, int]
) -> int:
    """The highest notification id that a reader can see in these topics.

    Each partition holds them in order, so its last record has its highest; what
    stands after it are the marks of transactions, and records of aborted ones.
    """
    firsts = consumer.beginning_offsets(places)
    open_ends = {place: end for place, end in ends.items() if end > firsts[place]}
    highest, span = 0, 100
    while open_ends:
        begins = {place: max(firsts[place], end - span) for place, end in open_ends.items()}
        found = set()
        for record in _records(consumer, begins):
            found.add(TopicPartition(record.topic, record.partition))
            highest = max(highest, int(dict(record.headers)["ce_notificationid"]))
        open_ends = {
            place: end
            for place, end in open_ends.items()
            if place not in found and begins[place] > firsts[place]
        }
        span *= 10
    return highest
