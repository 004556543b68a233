"""A line from store to view, or a vault, for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra import vault_keys
from infra.migrations.run import migrate
from infra.policies import load_policies
from infra.vault import Vault, open_vault
from tests.conftest import with_database
from tests.infra.line import Line, make_line
from tests.infra.vault_at_work import Opener, in_home


@pytest.fixture
def line(database_url: str, kafka_bootstrap: str) -> Line:
    """A database and topics of the test's own."""
    return make_line(database_url, kafka_bootstrap)


@pytest.fixture(scope="module")
def vault_url(postgres_url: str) -> Iterator[str]:
    """A migrated database that the tests of this module share, entered as its owner."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(with_database(postgres_url, name))
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def own_url(database_url: str) -> str:
    """A migrated database of the test's own."""
    migrate(database_url)
    return database_url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home whose master key the shared database is wrapped by."""
    made = tmp_path_factory.mktemp("home")
    vault_keys.make_file(in_home(made))
    return made


@pytest.fixture
def vault(vault_url: str, home: Path) -> Iterator[Vault]:
    with open_vault(vault_url, in_home(home), load_policies) as opened:
        yield opened


@pytest.fixture
def opened(tmp_path: Path, own_url: str) -> Iterator[Opener]:
    """Opens the vault in a database and home of the test's own, as often as it is asked."""
    settings = in_home(tmp_path)
    vault_keys.make_file(settings)
    with ExitStack() as stack:

        def open_it(**more: Any) -> Vault:
            changed = settings.model_copy(update=more)
            return stack.enter_context(open_vault(own_url, changed, load_policies))

        yield open_it
