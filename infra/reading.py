"""How the views are read: in the projector's role, in one snapshot, into dataclasses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row, scalar_row

from infra.bootstrap import PROJECTOR, as_role

Row = TypeVar("Row")
Connection = psycopg.Connection[Any]


@contextmanager
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to ask with."""
    with psycopg.connect(as_role(database_url, PROJECTOR), autocommit=True) as conn:
        yield conn


@contextmanager
def snapshot(conn: Connection) -> Iterator[None]:
    """Reads inside see one state of the views, never half of a correction."""
    outermost = conn.info.transaction_status == TransactionStatus.IDLE
    with conn.transaction():
        if outermost:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def rows_of(
    conn: Connection, kind: type[Row], query: str | sql.Composed, **asked: Any
) -> list[Row]:
    """The rows of *query*, each as a *kind*."""
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, asked).fetchall()


def scalars_of(conn: Connection, query: str, **asked: Any) -> list[Any]:
    """The first column of *query*."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query, asked).fetchall()


def columns_of(kind: type[Any]) -> sql.Composed:
    """The columns that the fields of *kind* name."""
    return sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(kind))


def sums_of(kind: type[Any], apart_from: str = "") -> sql.Composed:
    """The sums of the columns that the fields of *kind* name, but for one."""
    return sql.SQL(", ").join(
        sql.SQL("coalesce(sum({0}), 0)::bigint AS {0}").format(sql.Identifier(field.name))
        for field in fields(kind)
        if field.name != apart_from
    )
