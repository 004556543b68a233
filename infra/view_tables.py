"""The tables of a view's version: a schema of their own, behind views without a number.

A view's tables stand in the schema ``rm_<name>_v<N>``; the views in ``rm`` show the
active version (``views.active_version``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
from psycopg import sql

from infra.bootstrap import PROJECTOR, as_role
from infra.trouble import Trouble
from projections import Change, Table

DDL_LOCK = 5_051_990


class Projection(Protocol):
    """What a module in ``projections/`` holds."""

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def VERSION(self) -> int: ...  # noqa: N802
    @property
    def TOPICS(self) -> Sequence[str]: ...  # noqa: N802
    @property
    def TABLES(self) -> Sequence[Table]: ...  # noqa: N802
    @property
    def changes(self) -> Callable[[Any], list[Change]]: ...


def schema_of(projection: Projection) -> str:
    """The schema that holds this version's tables."""
    return f"rm_{projection.NAME}_v{projection.VERSION}"


@contextmanager
def connect(database_url: str, name: str) -> Iterator[psycopg.Connection]:
    """A connection in the projector's role, by the view's *name*."""
    with psycopg.connect(
        as_role(database_url, PROJECTOR), autocommit=True, application_name=name
    ) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("SET tcp_keepalives_idle = 10")
        yield connection


def create(connection: psycopg.Connection, projection: Projection) -> None:
    """The version's tables exist; the first version of a view is its active one.

    Raises:
        Trouble: TABLES changed, and VERSION did not.
    """
    schema = schema_of(projection)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (DDL_LOCK,))
        made = said_of(connection, schema)
        if made is None:
            create_tables(connection, schema, projection.TABLES)
        elif made != _digest(projection.TABLES):
            raise Trouble(
                f"TABLES of {projection.NAME} changed while VERSION is still"
                f" {projection.VERSION}: raise it, and rebuild the view."
            )
        first = connection.execute(
            "INSERT INTO views.active_version (view, version) VALUES (%s, %s)"
            " ON CONFLICT DO NOTHING",
            (projection.NAME, projection.VERSION),
        ).rowcount
        if first:
            expose(connection, schema, projection.TABLES)


def create_tables(connection: psycopg.Connection, schema: str, tables: Sequence[Table]) -> None:
    """A new *schema* with *tables*, which remembers how they were made."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), _digest(tables))
    )
    for table in tables:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in table.columns.items()
        ]
        keys = sql.SQL(", ").join(map(sql.Identifier, table.key))
        connection.execute(
            sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                sql.Identifier(schema, table.name), sql.SQL(", ").join(columns), keys
            )
        )
        for index in table.indexes:
            connection.execute(
                sql.SQL("CREATE INDEX ON {} ({})").format(
                    sql.Identifier(schema, table.name),
                    sql.SQL(", ").join(map(sql.Identifier, index)),
                )
            )


def expose(connection: psycopg.Connection, schema: str, tables: Sequence[Table]) -> None:
    """The views without a number show these tables."""
    for table in tables:
        name = sql.Identifier("rm", table.name)
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(name))
        connection.execute(
            sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(
                name, sql.Identifier(schema, table.name)
            )
        )
        connection.execute(sql.SQL("GRANT SELECT ON {} TO loans_writer").format(name))


def said_of(connection: psycopg.Connection, schema: str) -> str | None:
    """How the tables of *schema* were made; None: there is no such schema."""
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
        (schema,),
    ).fetchone()
    return row[0] if row else None


def _digest(tables: Sequence[Table]) -> str:
    said = repr([(t.name, list(t.columns.items()), t.key, t.indexes) for t in tables])
    return hashlib.sha256(said.encode()).hexdigest()


def rename(connection: psycopg.Connection, schema: str, name: str) -> None:
    """*schema* is called *name*."""
    connection.execute(
        sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(name))
    )


def drop(connection: psycopg.Connection, schema: str) -> None:
    """There is no such *schema*."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
