"""Builds the objects, the same for programs and for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import DefaultContext, FloatOperation, setcontext
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.commands.book import Book
from infra.calendars import business_days
from infra.dated_rules import read_rule, rules_known
from infra.store import WRITER

PROJECTOR = "loans_projector"


def trap_floats() -> None:
    """Make every mixture of float and Decimal an error, in threads started later too."""
    DefaultContext.traps[FloatOperation] = True
    setcontext(DefaultContext)


def as_role(database_url: str, role: str) -> str:
    """The same database, entered in one of its roles."""
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -c role={role}".strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


@contextmanager
def open_book(database_url: str, connections: int = 5) -> Iterator[Book]:
    """The book in a database, opened in the writer's role."""
    trap_floats()
    parts = conninfo_to_dict(database_url)
    book = Book(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "MAPPER_TOPIC": "infra.store:EventMapper",
            "APPLICATION_RECORDER_TOPIC": "infra.store:EventRecorder",
            "CREATE_TABLE": "no",
            "POSTGRES_SCHEMA": "store",
            "POSTGRES_DBNAME": str(parts["dbname"]),
            "POSTGRES_HOST": str(parts["host"]),
            "POSTGRES_PORT": str(parts.get("port", 5432)),
            "POSTGRES_USER": str(parts["user"]),
            "POSTGRES_PASSWORD": str(parts.get("password") or "unused"),
            "POSTGRES_POOL_SIZE": str(connections),
            "POSTGRES_MAX_OVERFLOW": "0",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "n",
        }
    )
    book.rules_known = rules_known
    book.read_rule = read_rule
    book.business_days = business_days
    with psycopg.connect(as_role(database_url, WRITER)) as conn:
        row = conn.execute("SELECT namespace FROM store.installation").fetchone()
        assert row is not None and isinstance(row[0], UUID)
        book.namespace = row[0]
    try:
        yield book
    finally:
        book.close()
