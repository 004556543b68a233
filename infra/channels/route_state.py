"""Which routes are disabled, for every process: by failures, by a probe or by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import class_row

from infra.channels.message import Probe

Connection = psycopg.Connection[Any]


class Cause(StrEnum):
    """Why a route is disabled; what a person disabled only a person enables."""

    FAILURES = "FAILURES"
    PROBE = "PROBE"
    PERSON = "PERSON"


@dataclass(frozen=True, kw_only=True)
class Disabled:
    """A route that nobody shall use."""

    provider: str
    disabled_at: datetime
    cause: str
    reason: str | None
    changed_by: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """That a route was DISABLED or ENABLED, by failures, a probe or a person."""

    provider: str
    changed_at: datetime
    change: str
    cause: str
    reason: str | None
    changed_by: str | None


@dataclass(frozen=True, kw_only=True)
class LastProbe:
    """What the last probe of a provider said, over all its carriers."""

    provider: str
    probed_at: datetime
    holds: bool
    took_ms: int
    reason: str | None


def disabled(conn: Connection) -> dict[str, Disabled]:
    """The disabled routes by provider."""
    with conn.cursor(row_factory=class_row(Disabled)) as cursor:
        rows = cursor.execute(
            "SELECT provider, disabled_at, cause, reason, changed_by FROM contact.route_state"
            " WHERE disabled_at IS NOT NULL"
        ).fetchall()
    return {row.provider: row for row in rows}


def disable(conn: Connection, provider: str, cause: Cause, reason: str, by: str) -> bool:
    """The route is disabled, and its history tells; whether that changed anything.

    One that is disabled keeps its cause, who said so and why. Only a person comes before what
    failures or a probe found.
    """
    done = conn.execute(
        """
        WITH changed AS (
            INSERT INTO contact.route_state AS old
                (provider, disabled_at, cause, reason, changed_by)
            VALUES (%s, now(), %s, %s, %s)
            ON CONFLICT (provider) DO UPDATE SET disabled_at = now(), cause = EXCLUDED.cause,
                reason = EXCLUDED.reason, changed_by = EXCLUDED.changed_by, changed_at = now()
            WHERE old.disabled_at IS NULL OR (EXCLUDED.cause = 'PERSON' AND old.cause <> 'PERSON')
            RETURNING *
        )
        INSERT INTO contact.route_change (provider, changed_at, change, cause, reason, changed_by)
        SELECT provider, disabled_at, 'DISABLED', cause, reason, changed_by FROM changed
        """,
        (provider, cause, reason, by),
    )
    return done.rowcount > 0


def enable(
    conn: Connection,
    provider: str,
    by: str,
    *,
    cause: Cause,
    reason: str | None,
    causes: Sequence[Cause],
) -> bool:
    """The route is enabled where one of *causes* disabled it; whether it was.

    Its history tells that a probe or a person did, and why.
    """
    done = conn.execute(
        """
        WITH changed AS (
            UPDATE contact.route_state SET disabled_at = NULL, cause = NULL, reason = NULL,
                changed_by = %(by)s, changed_at = now()
            WHERE provider = %(provider)s AND disabled_at IS NOT NULL AND cause = ANY(%(causes)s)
            RETURNING *
        )
        INSERT INTO contact.route_change (provider, changed_at, change, cause, reason, changed_by)
        SELECT provider, changed_at, 'ENABLED', %(cause)s, %(reason)s, changed_by FROM changed
        """,
        {
            "by": by,
            "provider": provider,
            "cause": cause,
            "reason": reason,
            "causes": [str(each) for each in causes],
        },
    )
    return done.rowcount > 0


def changes(
    conn: Connection, provider: str | None, *, limit: int, since: datetime | None = None
) -> list[Change]:
    """When routes were disabled and enabled, all or that of a provider, the newest first."""
    with conn.cursor(row_factory=class_row(Change)) as cursor:
        return cursor.execute(
            "SELECT provider, changed_at, change, cause, reason, changed_by"
            " FROM contact.route_change"
            " WHERE (%(provider)s::text IS NULL OR provider = %(provider)s)"
            " AND (%(since)s::timestamptz IS NULL OR changed_at >= %(since)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"provider": provider, "since": since, "limit": limit},
        ).fetchall()


def record_probes(conn: Connection, provider: str, probes: Sequence[Probe]) -> None:
    """What a probe said of each carrier stands in its log."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO contact.probe VALUES (%s, %s, clock_timestamp(), %s, %s, %s)",
            [
                (provider, each.carrier or "", each.holds, each.took_ms, each.reason)
                for each in probes
            ],
        )


def last_probes(conn: Connection) -> dict[str, LastProbe]:
    """The last probe of each provider; it held where it did for every carrier."""
    with conn.cursor(row_factory=class_row(LastProbe)) as cursor:
        rows = cursor.execute(
            "SELECT provider, max(probed_at) AS probed_at, bool_and(holds) AS holds,"
            " max(took_ms) AS took_ms,"
            " string_agg(DISTINCT concat_ws(' ', nullif(carrier, ''), reason), ', ')"
            "     FILTER (WHERE NOT holds) AS reason"
            " FROM (SELECT DISTINCT ON (provider, carrier) * FROM contact.probe"
            "     ORDER BY provider, carrier, probed_at DESC) AS last"
            " GROUP BY provider"
        ).fetchall()
    return {row.provider: row for row in rows}


def failures(conn: Connection) -> dict[str, int]:
    """How many messages each provider did not take, or perhaps took, in the last 24 hours."""
    rows = conn.execute(
        "SELECT provider, count(*) FROM contact.sending"
        " WHERE answer IN ('UNAVAILABLE', 'UNCERTAIN') AND began_at > now() - interval '24 hours'"
        " GROUP BY provider"
    ).fetchall()
    return dict(rows)
