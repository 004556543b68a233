"""Bulk append: our recorder, and the whole save, beside COPY of the same rows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks import samples
from benchmarks.place import Place
from benchmarks.report import Aim, Line, rate
from infra.bootstrap import open_book
from infra.embedded.part import Step

LOANS = 500
PAYMENTS = 3
EVENTS = LOANS * (1 + PAYMENTS)

RAW_TABLE = "CREATE TABLE public.raw_events (LIKE store.book_events INCLUDING ALL)"
COPY = (
    "COPY public.raw_events (originator_id, originator_version, topic, state)"
    " FROM STDIN (FORMAT BINARY)"
)


def copy(connection: psycopg.Connection, events: Sequence[StoredEvent]) -> None:
    """The rows are in a table like ours, in one transaction."""
    with connection.cursor() as cursor, cursor.copy(COPY) as into:
        into.set_types(["uuid", "bigint", "text", "bytea"])
        for event in events:
            into.write_row(
                (event.originator_id, event.originator_version, event.topic, event.state)
            )
    connection.commit()


def measure(place: Place) -> list[Line]:
    """Batches of 2,000 events on 500 loans, the three kinds in turn."""
    rounds = place.pick(15, 5)
    url = place.database("append")
    happened = samples.past(PAYMENTS)
    raw, recorded, saved = [], [], []
    with psycopg.connect(url) as connection, open_book(url, connections=1) as book:
        connection.execute(RAW_TABLE)
        connection.commit()
        for number in range(rounds + 1):
            place.progress(Step("append", "storing batches", number, rounds))
            loans = [samples.with_past(happened) for _ in range(LOANS)]
            commands = [samples.command_on(loan) for loan in loans]
            events = [
                book.mapper.to_stored_event(event)
                for loan in loans
                for event in loan.pending_events
            ]
            started = time.perf_counter()
            copy(connection, events)
            copied = time.perf_counter()
            book.recorder.insert_events(events, commands=commands, streams=loans)
            inserted = time.perf_counter()
            loans = [samples.with_past(happened) for _ in range(LOANS)]
            book.keep([samples.command_on(loan) for loan in loans], *loans)
            kept = time.perf_counter()
            if number:  # the first only warms up
                raw.append(copied - started)
                recorded.append(inserted - copied)
                saved.append(kept - inserted)
    limit = ("events/s", "COPY, binary", rate(EVENTS, raw))
    unit, raw_what, most = limit
    return [
        Line("append", "recorder, 2,000 events at once", unit, rate(EVENTS, recorded), raw_what,
             most, Aim.RATIO_AT_LEAST, 0.5),
        Line("append", "whole save: made, encoded, stored", unit, rate(EVENTS, saved), raw_what,
             most, Aim.RATIO_AT_LEAST, 0.2),
    ]  # fmt: skip
