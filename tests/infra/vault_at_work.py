"""What the tests of the vault have in common: people, values, a look behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from domain.base.stream import Act
from infra.settings import Settings
from infra.vault import Vault

TODAY = date(2026, 3, 2)
LI = "李小龙"
MOBILE = "+8613912345678"
STREET = "北京市朝阳区建国路 88 号"
PEOPLE = {"requested_by": "officer", "approved_by": "manager"}
CN: dict[str, Any] = {"jurisdiction": "CN", "reason": "asked for it", **PEOPLE}


Opener = Callable[..., Vault]
"""Opens the vault in a database and home of the test's own, as often as it is asked."""


def act(on: date = TODAY, actor: str = "clerk") -> Act:
    at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    return Act(actor, on, at, uuid4(), uuid4())


def in_home(home: Path, **more: Any) -> Settings:
    return Settings(home=home, database_url=None, kafka_bootstrap=None, **more)


def owner_sql(vault: Vault, statement: str, *values: Any) -> list[Any]:
    """What a statement gives, as the owner of the database."""
    info = vault.conn.info
    with psycopg.connect(
        host=info.host,
        port=info.port,
        dbname=info.dbname,
        user=info.user,
        password=info.password,
        autocommit=True,
    ) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def everything(vault: Vault) -> str:
    """All that the tables of the vault hold, as text; bytes as text too, where they are any."""
    found = []
    for table in ("person", "record", "access", "measure", "look_up_key"):
        for row in owner_sql(vault, f"SELECT * FROM vault.{table}"):
            for each in row:
                plain = each.decode("utf-8", "replace") if isinstance(each, bytes) else each
                found.append(str(plain))
    return "\n".join(found)
