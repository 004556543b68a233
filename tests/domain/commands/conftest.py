"""Books on a real database: one that tests share, or a new one for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from domain.commands.book import Book
from infra.bootstrap import open_book
from infra.migrations.run import migrate
from tests.conftest import with_database
from tests.domain.commands.books import offered


@contextmanager
def database(server_url: str, template: str = "template1") -> Iterator[str]:
    """A database made from a template; its URL. It is dropped afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield with_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def migrated(postgres_url: str) -> Iterator[str]:
    """The name of a database that is up to date and holds one product, to copy from."""
    with database(postgres_url) as url:
        migrate(url)
        with open_book(url) as book:
            offered(book)
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture(scope="module")
def shared(postgres_url: str, migrated: str) -> Iterator[Book]:
    """A book for tests that touch only streams of their own."""
    with database(postgres_url, migrated) as url, open_book(url) as book:
        yield book


@pytest.fixture
def book(postgres_url: str, migrated: str) -> Iterator[Book]:
    """A book of the test's own."""
    with database(postgres_url, migrated) as url, open_book(url) as book:
        yield book
