"""Which message went to which provider: written before it goes, and when the answer came.

A process that is killed between the two leaves a line without an answer. Whoever sends the
message again finds it, and stays with that provider: another one could send it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from infra.channels.message import Answer, Result

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """What the journal has of a message."""

    contact_ref: str
    provider: str
    answer: str | None
    provider_id: str | None
    reason: str | None
    began_at: datetime

    @property
    def settled(self) -> Result | None:
        """What became of it for good; None while that is open, or where it may be tried."""
        if self.answer not in {Answer.ACCEPTED, Answer.REFUSED, Answer.BY_HAND}:
            return None
        return Result(
            contact_ref=self.contact_ref,
            answer=Answer(self.answer),
            provider=self.provider,
            provider_id=self.provider_id,
            reason=self.reason,
            handed_at=self.began_at,
        )

    @property
    def may_have_been_taken(self) -> bool:
        """Whether nobody knows if the provider has it."""
        return self.answer in {None, Answer.UNCERTAIN}


def sendings(conn: Connection, refs: Iterable[str]) -> dict[str, Sending]:
    """What the journal has of these messages."""
    with conn.cursor(row_factory=class_row(Sending)) as cursor:
        rows = cursor.execute(
            "SELECT contact_ref, provider, answer, provider_id, reason, began_at"
            " FROM contact.sending"
            " WHERE contact_ref = ANY(%s)",
            (list(refs),),
        ).fetchall()
    return {row.contact_ref: row for row in rows}


def begin(conn: Connection, refs: Iterable[str], provider: str, *, again: bool = False) -> set[str]:
    """Those of these messages that the caller, and nobody else, now sends to *provider*.

    Another process that began with one in the same moment has it; unless it is sent
    *again* to a provider that takes it once only.
    """
    rows = conn.execute(
        "INSERT INTO contact.sending AS old (contact_ref, provider) SELECT unnest(%s::text[]), %s"
        " ON CONFLICT (contact_ref) DO UPDATE SET provider = EXCLUDED.provider,"
        " began_at = now(), answer = NULL, provider_id = NULL, reason = NULL, ended_at = NULL"
        " WHERE old.answer = 'UNAVAILABLE' OR (%s AND old.provider = EXCLUDED.provider)"
        " RETURNING contact_ref",
        (sorted(refs), provider, again),
    ).fetchall()
    return {row[0] for row in rows}


def end(conn: Connection, results: Sequence[Result]) -> None:
    """What became of these messages."""
    conn.execute(
        "UPDATE contact.sending AS old SET answer = new.answer, provider_id = new.provider_id,"
        " reason = new.reason, ended_at = now()"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
        " AS new (contact_ref, answer, provider_id, reason)"
        " WHERE old.contact_ref = new.contact_ref",
        (
            [each.contact_ref for each in results],
            [str(each.answer) for each in results],
            [each.provider_id for each in results],
            [each.reason for each in results],
        ),
    )


def doubt(conn: Connection, refs: Iterable[str]) -> None:
    """Nobody will know whether the provider took these messages; an answer that came stays."""
    conn.execute(
        "UPDATE contact.sending SET answer = 'UNCERTAIN', reason = 'NOT_KNOWN', ended_at = now()"
        " WHERE contact_ref = ANY(%s) AND answer IS NULL",
        (sorted(refs),),
    )
