"""What providers brought: kept once, unreadable while it waits, handed on or parked.

Whoever hands it on opens a transaction, takes some, and says of each that it is done, or
why it cannot be used::

    with conn.transaction():
        for item in inbox.take(100):
            inbox.done(item.id)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from domain.base.refusal import Refusal
from infra.channels.seal import Seal, SealBroken

Connection = psycopg.Connection[Any]


class Kind(StrEnum):
    """What was brought."""

    RECEIPT = "RECEIPT"
    REPLY = "REPLY"


class NotParked(Refusal):
    """Nothing is parked under this number."""

    code = "NOT_PARKED"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that was brought; what it says may be personal."""

    id: int
    provider: str
    webhook_id: str
    kind: Kind
    contact_ref: str | None
    received_at: datetime
    said: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Parked:
    """One that cannot be used, without what it says."""

    id: int
    provider: str
    webhook_id: str
    kind: str
    contact_ref: str | None
    received_at: datetime
    reason: str


class Inbox:
    """The inbox of a database, asked over a connection of the writer's."""

    def __init__(self, conn: Connection, seal: Seal) -> None:
        self._conn = conn
        self._seal = seal

    def put(
        self,
        provider: str,
        webhook_id: str,
        kind: Kind,
        said: dict[str, Any],
        *,
        contact_ref: str | None,
        unusable: str | None = None,
    ) -> bool:
        """It waits in the inbox, or is parked as *unusable*; False: it was there already."""
        plain = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        done = self._conn.execute(
            "INSERT INTO contact.inbox"
            " (provider, webhook_id, kind, contact_ref, payload, state, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (provider, webhook_id) DO NOTHING",
            (
                provider,
                webhook_id,
                kind,
                contact_ref,
                self._seal.close(plain, "inbox", provider, webhook_id),
                "NEW" if unusable is None else "PARKED",
                unusable,
            ),
        )
        return done.rowcount > 0

    def take(self, limit: int, kind: Kind | None = None) -> list[Item]:
        """The oldest that wait, of a kind or of all, locked until the caller's transaction ends.

        What another process has taken is passed over.
        """
        assert self._conn.info.transaction_status == TransactionStatus.INTRANS
        rows = self._conn.execute(
            "SELECT id, provider, webhook_id, kind, contact_ref, received_at, payload"
            " FROM contact.inbox WHERE state = 'NEW' AND (%s::text IS NULL OR kind = %s)"
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            (kind, kind, limit),
        ).fetchall()
        items = []
        for row in rows:
            try:
                plain = self._seal.open(row[6], "inbox", row[1], row[2])
            except SealBroken:  # and the rest shall not wait for it
                self.park(row[0], "UNREADABLE")
                continue
            items.append(
                Item(
                    id=row[0],
                    provider=row[1],
                    webhook_id=row[2],
                    kind=Kind(row[3]),
                    contact_ref=row[4],
                    received_at=row[5],
                    said=json.loads(plain),
                )
            )
        return items

    def done(self, item_id: int) -> None:
        """It was handed on; what it said is kept here no longer."""
        self._conn.execute(
            "UPDATE contact.inbox SET state = 'DONE', payload = NULL, reason = NULL,"
            " ended_at = now() WHERE id = %s",
            (item_id,),
        )

    def park(self, item_id: int, reason: str) -> None:
        """It cannot be used; *reason* is a word for people, without anything personal."""
        self._conn.execute(
            "UPDATE contact.inbox SET state = 'PARKED', reason = %s, ended_at = now()"
            " WHERE id = %s AND state = 'NEW'",
            (reason, item_id),
        )


def parked(conn: Connection, limit: int = 1000) -> list[Parked]:
    """What is parked, oldest first."""
    with conn.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute(
            "SELECT id, provider, webhook_id, kind, contact_ref, received_at, reason"
            " FROM contact.inbox WHERE state = 'PARKED' ORDER BY id LIMIT %s",
            (limit,),
        ).fetchall()


def retry(conn: Connection, item_id: int) -> None:
    """It waits again.

    Raises:
        NotParked: it is not parked.
    """
    done = conn.execute(
        "UPDATE contact.inbox SET state = 'NEW', reason = NULL, ended_at = NULL"
        " WHERE id = %s AND state = 'PARKED'",
        (item_id,),
    )
    if not done.rowcount:
        raise NotParked(f"Nothing is parked under {item_id}: see ./loans contact inbox list.")
