"""A view made anew from the store, to compare it with the running one or to replace it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from infra import codec
from infra.logs import logger
from infra.rows import Writer
from infra.view_tables import (
    DDL_LOCK,
    Projection,
    connect,
    create_tables,
    drop,
    expose,
    rename,
    said_of,
    schema_of,
)
from projections import Table

log = logger(__name__)

REBUILD_EVENTS = 10_000


class Compared(NamedTuple):
    """A table as it is and as the events say: equal checksums, equal rows."""

    running: str
    rebuilt: str
    rows: int


def rebuild(
    database_url: str, projection: Projection, *, swap: bool = False
) -> dict[str, Compared]:
    """Each table of the active version beside one made anew from the store.

    The store is read in recorded order, each stream up to the version that the active
    view has shown, in one snapshot with its rows: the running process need not stop.
    With *swap* the new rows take the view's place, as the version that *projection*
    names; its process goes on from the position of the snapshot. What was there
    stays beside, as ``..._before``, or as the version before.
    """
    building = f"rm_{projection.NAME}_building"
    with (
        connect(database_url, projection.NAME) as reading,
        connect(database_url, projection.NAME) as writing,
    ):
        drop(writing, building)
        create_tables(writing, building, projection.TABLES)
        row = reading.execute(
            "SELECT version FROM views.active_version WHERE view = %s", (projection.NAME,)
        ).fetchone()
        active = row[0] if row else projection.VERSION
        reading.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with reading.transaction():
            before = _checksums(reading, f"rm_{projection.NAME}_v{active}", projection.TABLES)
            _fill(reading, Writer(writing, building, projection.TABLES), projection, active)
            after = _checksums(writing, building, projection.TABLES)
            if swap:
                _swap(reading, writing, projection, active, building)
            else:
                drop(writing, building)
    return {
        table.name: Compared(before[table.name][0], after[table.name][0], after[table.name][1])
        for table in projection.TABLES
    }


def _fill(reading: psycopg.Connection, writer: Writer, projection: Projection, active: int) -> None:
    with reading.cursor("events", binary=True) as cursor:
        cursor.itersize = REBUILD_EVENTS
        cursor.execute(
            "SELECT e.originator_id, e.originator_version, e.state"
            " FROM store.book_events AS e JOIN views.stream_version AS v"
            " ON v.stream_id = e.originator_id AND e.originator_version <= v.version"
            " WHERE v.view = %s AND v.view_version = %s ORDER BY e.notification_id",
            (projection.NAME, active),
        )
        while rows := cursor.fetchmany(REBUILD_EVENTS):
            fold = writer.fold()
            for stream_id, version, state in rows:
                fold.take(projection.changes(codec.decode(state, stream_id, version)))
            with writer.connection.transaction():
                writer.write(fold, copy=True)


def _checksums(
    connection: psycopg.Connection, schema: str, tables: Sequence[Table]
) -> dict[str, tuple[str, int]]:
    """Checksum and rows of each table, over the columns that *tables* name."""
    found = {}
    for table in tables:
        columns = sql.SQL(", ").join(map(sql.Identifier, sorted(table.columns)))
        try:
            with connection.transaction():
                row = connection.execute(
                    sql.SQL(
                        "SELECT coalesce(sum(hashtextextended(ROW({})::text, 0)), 0)::text,"
                        " count(*) FROM {}"
                    ).format(columns, sql.Identifier(schema, table.name))
                ).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            row = ("none", 0)  # another version has no such table or column
        assert row
        found[table.name] = (row[0], row[1])
    return found


def _swap(
    reading: psycopg.Connection,
    writing: psycopg.Connection,
    projection: Projection,
    active: int,
    building: str,
) -> None:
    """The new rows are the view's, with the positions and versions of the snapshot."""
    name, version = projection.NAME, projection.VERSION
    schema, before = schema_of(projection), f"{schema_of(projection)}_before"
    kept = {
        table: reading.execute(
            sql.SQL("SELECT * FROM views.{} WHERE view = %s AND view_version = %s").format(
                sql.Identifier(table)
            ),
            (name, active),
        )
        for table in ("position", "stream_version", "parked")
    }
    drop(writing, before)
    with writing.transaction():
        writing.execute("SELECT pg_advisory_xact_lock(%s)", (DDL_LOCK,))
        # The process that keeps this version waits here, and is fenced afterwards.
        writing.execute(
            "SELECT FROM views.position WHERE view = %s AND view_version = %s"
            " ORDER BY topic, partition FOR UPDATE",
            (name, version),
        )
        for table, rows in kept.items():
            writing.execute(
                sql.SQL("DELETE FROM views.{} WHERE view = %s AND view_version = %s").format(
                    sql.Identifier(table)
                ),
                (name, version),
            )
            columns = [column.name for column in rows.description or ()]
            place = columns.index("view_version")
            with writing.cursor().copy(
                sql.SQL("COPY views.{} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
            ) as into:
                for row in rows:
                    into.write_row((*row[:place], version, *row[place + 1 :]))
        if said_of(writing, schema) is not None:
            rename(writing, schema, before)
        rename(writing, building, schema)
        writing.execute(
            "INSERT INTO views.active_version (view, version) VALUES (%s, %s)"
            " ON CONFLICT (view) DO UPDATE SET version = EXCLUDED.version, since = now()",
            (name, version),
        )
        expose(writing, schema, projection.TABLES)
    log.info("swapped", view=name, version=version, version_before=active)
