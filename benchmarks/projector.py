"""A projector beside bare reading of its topic, and beside the library's own runner."""

from __future__ import annotations

import time
from contextlib import closing
from io import BytesIO
from typing import Any

import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from fastavro import parse_schema, schemaless_reader
from psycopg import sql

from benchmarks.place import Place
from benchmarks.relay import TOPIC, reader, relay_to, store, take
from benchmarks.report import Aim, Line, rate
from domain.commands.book import Book
from infra.bootstrap import open_book
from infra.codec import HEADER_BYTES, MAGIC
from infra.contract import crc64, published
from infra.embedded.part import Step
from infra.runner import Loop, subscribed
from infra.views import open_view
from projections import statement

COLUMNS = (*statement.TABLES[0].columns,)


class Statement:
    """The statement view on a topic of its own; each version begins anew."""

    NAME = statement.NAME
    TABLES = statement.TABLES

    def __init__(self, topic: str, version: int) -> None:
        self.VERSION = version
        self.TOPICS = (topic,)
        self.changes = statement.changes


def measure(place: Place) -> list[Line]:
    """The whole topic, read by each in turn; the library's runner on fewer events."""
    rounds, count = place.pick(4, 2), place.pick(30_000, 10_000)
    url = place.database("projector")
    store(place, url, count)
    with relay_to(place, url, "projected.") as relay:
        while rows := relay.read():
            relay.publish(rows)
    ours, raw = [], []
    for number in range(rounds + 1):
        place.progress(Step("projector", "reading the topic", number, rounds))
        bare, own = _bare(place, count), _own(place, url, count, number + 1)
        if number:  # the first only warms up
            raw.append(bare)
            ours.append(own)
    place.progress(Step("projector", "the library's own runner", 0, 0))
    fastest = rate(count, ours)
    return [
        Line("projector", "statement: Kafka to rows", "events/s", fastest,
             "bare poll and Avro decode", rate(count, raw), Aim.RATIO_AT_LEAST, 0.5),
        Line("projector", "statement: Kafka to rows", "events/s", fastest,
             "the library's ProjectionRunner", _library(url, place.pick(2_000, 500)),
             Aim.RATIO_AT_LEAST, 20),
    ]  # fmt: skip


def _bare(place: Place, count: int) -> float:
    schemas = {MAGIC + crc64(schema): parse_schema(schema) for schema in published().values()}
    with closing(reader(place, f"projected.{TOPIC}")) as consumer:
        take(consumer, 1)  # joined, and the first fetch is under way
        consumer.seek_to_beginning()
        started = time.perf_counter()
        read = 0
        while read < count:
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    source = BytesIO(record.value)
                    schemaless_reader(source, schemas[source.read(HEADER_BYTES)], None)
                read += len(records)
        return time.perf_counter() - started


def _own(place: Place, url: str, count: int, version: int) -> float:
    projection = Statement(f"projected.{TOPIC}", version)
    with (
        open_view(url, projection) as view,
        subscribed(place.servers().kafka_bootstrap, projection) as (consumer, taken),
    ):
        loop = Loop(consumer, taken, view, projection)
        done = 0
        while not consumer.assignment():
            loop.step()
        started = time.perf_counter()
        while done < count:
            done += loop.step()
        return time.perf_counter() - started


# --- the library's own way ------------------------------------------------------------


class Lines(PostgresTrackingRecorder):
    """Statement lines in one transaction with the position, event by event."""

    statement = sql.SQL("INSERT INTO public.statement_line ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.SQL(", ").join(map(sql.Placeholder, COLUMNS)),
    )

    def keep(self, row: dict[str, Any], tracking: Tracking) -> None:
        """The line is there, and the position after it."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.statement, row, prepare=True)


class StatementTheirWay(LibraryProjection[Lines]):
    """The same rows, by the library's projection."""

    name = "theirs"
    moments: list[float] = []  # noqa: RUF012 - filled while one runner runs

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        for change in statement.changes(domain_event):
            self.view.keep({**change.key, **change.values}, tracking)  # type: ignore[union-attr]
        self.moments.append(time.perf_counter())


def _library(url: str, count: int) -> float:
    """Events a second, from the first to number *count*."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in statement.TABLES[0].columns.items()
    )
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL("CREATE TABLE public.statement_line ({}, PRIMARY KEY (loan_id, version))")
            .format(columns)
        )  # fmt: skip
    with open_book(url) as book:
        env = {**book.env, "THEIRS_CREATE_TABLE": "yes", "THEIRS_POSTGRES_SCHEMA": "public"}
    moments = StatementTheirWay.moments = []
    with ProjectionRunner(
        application_class=Book, projection_class=StatementTheirWay, view_class=Lines, env=env
    ) as runner:
        while len(moments) <= count:
            runner.is_interrupted.wait(0.05)
            assert not runner.is_interrupted.is_set()
    return count / (moments[count] - moments[0])
