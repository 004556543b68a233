"""A line from store to view of a test's own: database, topics, events, a small view."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import singledispatch
from subprocess import PIPE, Popen
from typing import Any
from uuid import UUID, uuid4

import psycopg
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from infra.bootstrap import as_role, open_book
from infra.migrations.run import TOPICS, migrate
from infra.relay import Relay
from infra.settings import child_environment
from infra.store import WRITER
from infra.views import Record
from projections import Add, Change, Put, Table

BORROWERS = "borrower.events"


@dataclass(frozen=True)
class Line:
    """Where a test's events go: its database, and topics under a prefix."""

    database_url: str
    bootstrap: str
    prefix: str

    def topic(self, name: str = BORROWERS) -> str:
        return self.prefix + name

    def store(self, *borrowers: Borrower) -> list[Borrower]:
        """Their new events are stored, borrower by borrower."""
        with open_book(self.database_url, connections=1) as book:
            for borrower in borrowers:
                book.save(borrower, streams=[borrower])
        return list(borrowers)

    @contextmanager
    def relay(self) -> Iterator[Relay]:
        """A relay that was started; it does what the test tells it."""
        with psycopg.connect(as_role(self.database_url, WRITER), autocommit=True) as connection:
            relay = Relay(connection, self.bootstrap, prefix=self.prefix)
            with closing(relay):
                relay.start()
                yield relay

    def publish(self) -> None:
        """Everything stored is on Kafka."""
        with self.relay() as relay:
            while rows := relay.read():
                relay.publish(rows)

    def records(self, topic: str = BORROWERS, *, committed: bool = True) -> list[Any]:
        """Every record of a topic that a reader sees now, partition by partition."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed" if committed else "read_uncommitted",
            metrics_enabled=False,
        )
        try:
            places = [
                TopicPartition(self.topic(topic), partition)
                for partition in consumer.partitions_for_topic(self.topic(topic))
            ]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            found: list[Any] = []
            while any(consumer.position(place) < ends[place] for place in places):
                for records in consumer.poll(timeout_ms=100).values():
                    found += records
            return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """What a statement gives, as the owner; nothing for one that gives no rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def make_line(database_url: str, bootstrap: str) -> Line:
    """A migrated database, and topics that no other test uses."""
    line = Line(database_url, bootstrap, f"t{uuid4().hex[:8]}.")
    migrate(database_url)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics(
        [
            NewTopic(line.topic(name), partitions, 1, topic_configs=settings)
            for name, (partitions, settings) in TOPICS.items()
        ]
    )
    admin.close()
    return line


def act() -> Act:
    return Act("test", date(2025, 1, 15), datetime.now(UTC), uuid4(), uuid4())  # noqa: TID251


def registered(jurisdiction: str = "CN", borrower_id: UUID | None = None) -> Borrower:
    return Borrower.open(
        Borrower.Registered,
        act(),
        borrower_id or uuid4(),
        date(2025, 1, 15),
        borrower_ref="B-1",
        jurisdiction=jurisdiction,
        zones=["Asia/Shanghai"],
    )


def held(borrower: Borrower, *hold_refs: str) -> Borrower:
    for hold_ref in hold_refs:
        borrower.record(
            Borrower.HoldSet,
            act(),
            date(2025, 1, 15),
            hold_ref=hold_ref,
            kind="DISPUTE",
            from_on=date(2025, 1, 15),
            reason="test",
            blocks_reminders=True,
            blocks_collection=True,
            policy_version="test",
            loan_ids=None,
            touches=None,
            until_on=None,
            known_at=None,
            stops_interest=None,
            stops_penalty=None,
        )
    return borrower


class Sample:
    """A view of borrowers: a row each, and a count per jurisdiction."""

    VERSION = 1
    TABLES: Sequence[Table] = (
        Table(
            "borrower",
            {
                "borrower_id": "uuid",
                "ref": "text",
                "zones": "jsonb",
                "last_hold": "text",
                "holds": "bigint",
            },
            ("borrower_id",),
            (("ref",),),
        ),
        Table(
            "per_jurisdiction", {"jurisdiction": "text", "borrowers": "bigint"}, ("jurisdiction",)
        ),
    )

    def __init__(self, topic: str = BORROWERS, name: str = "sample") -> None:
        self.NAME = name
        self.TOPICS: Sequence[str] = (topic,)
        self.changes: Callable[[Any], list[Change]] = changes


@singledispatch
def changes(event: Stream.Event) -> list[Change]:
    return []


@changes.register
def _(event: Borrower.Registered) -> list[Change]:
    key = {"borrower_id": event.originator_id}
    return [
        Put("borrower", key, {"ref": event.borrower_ref, "zones": event.zones}),
        Add("per_jurisdiction", {"jurisdiction": event.jurisdiction}, {"borrowers": 1}),
    ]


@changes.register
def _(event: Borrower.HoldSet) -> list[Change]:
    key = {"borrower_id": event.originator_id}
    return [Put("borrower", key, {"last_hold": event.hold_ref}), Add("borrower", key, {"holds": 1})]


def python(script: str, *arguments: str) -> Popen[str]:
    """A process of its own, which runs *script*; what it prints can be read."""
    return Popen(
        [sys.executable, "-c", script, *arguments], env=child_environment(), stdout=PIPE, text=True
    )


def wait_for(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What *true* gives once that is not false."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def batch(*borrowers: Borrower, offset: int = 0, topic: str = BORROWERS) -> list[Record]:
    """The new events of borrowers as they would come from one partition."""
    from infra import codec

    events = [event for borrower in borrowers for event in borrower.collect_events()]
    return [
        Record(
            topic,
            0,
            offset + at,
            event.originator_id,
            event.originator_version,
            offset + at + 1,
            codec.encode(event),  # type: ignore[arg-type]
            event,  # type: ignore[arg-type]
        )
        for at, event in enumerate(events)
    ]
