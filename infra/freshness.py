"""How far the views are, and waiting until one shows what was just written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from infra.answers import Freshness
from infra.reading import Connection, rows_of, scalars_of, snapshot
from projections import collections, contacts, portfolio, reminders, statement, summary, tracker

VIEWS = (tracker, reminders, collections, summary, statement, portfolio, contacts)
POLL_SECONDS = 0.01

FRESHNESS = """
    WITH asked AS (
        SELECT t.view, t.topic, a.version
        FROM unnest(%(views)s::text[], %(topics)s::text[]) AS t (view, topic)
        LEFT JOIN views.active_version AS a ON a.view = t.view
    ), shown AS (
        SELECT q.view, q.version, coalesce(max(v.notification_id), 0) AS position,
            coalesce(sum(greatest(p.next_offset - coalesce(v.next_offset, 0), 0)), 0)::bigint
                AS behind,
            min(coalesce(v.event_at, p.published_at))
                FILTER (WHERE p.next_offset > coalesce(v.next_offset, 0)) AS shown_at
        FROM asked AS q
        LEFT JOIN store.published AS p ON p.topic = q.topic
        LEFT JOIN views.position AS v ON v.view = q.view AND v.view_version = q.version
            AND v.topic = p.topic AND v.partition = p.partition
        GROUP BY q.view, q.version
    ), waiting AS (
        SELECT r.notification_id AS published, r.published_at, (
            SELECT count(*) FROM store.book_events AS e
            WHERE e.notification_id > r.notification_id
        ) AS unpublished
        FROM store.relay_position AS r
    )
    SELECT s.view, s.position, w.published, w.unpublished, s.behind,
        coalesce(greatest(extract(epoch FROM now() - least(
            s.shown_at, CASE WHEN w.unpublished > 0 THEN w.published_at END
        )), 0), 0)::float8 AS lag_seconds,
        (
            SELECT count(DISTINCT k.stream_id) FROM views.parked AS k
            WHERE k.view = s.view AND k.view_version = s.version
        ) AS parked,
        false AS stale
    FROM shown AS s CROSS JOIN waiting AS w
    ORDER BY array_position(%(views)s::text[], s.view)
"""


def freshness(conn: Connection) -> list[Freshness]:
    """How far each view is; one that was never started is behind with everything."""
    with snapshot(conn):
        return _ask(conn, [view.NAME for view in VIEWS])


def freshness_of(conn: Connection, view: str, streams: Sequence[UUID] = ()) -> Freshness:
    """How far *view* is, and whether one of *streams* waits for a retry in it."""
    [found] = _ask(conn, [view])
    return replace(found, stale=bool(parked_streams(conn, view) & set(streams)))


def furthest_behind(conn: Connection, views: Sequence[str]) -> Freshness:
    """How fresh that of several *views* is that is furthest behind."""
    return max(_ask(conn, list(views)), key=lambda each: (not each.is_current, each.lag_seconds))


def _ask(conn: Connection, names: list[str]) -> list[Freshness]:
    pairs = [(view.NAME, topic) for view in VIEWS if view.NAME in names for topic in view.TOPICS]
    return rows_of(
        conn,
        Freshness,
        FRESHNESS,
        views=[name for name, _ in pairs],
        topics=[topic for _, topic in pairs],
    )


def parked_streams(conn: Connection, view: str) -> set[UUID]:
    """The streams of which events wait for a retry in *view*."""
    return set(
        scalars_of(
            conn,
            "SELECT DISTINCT p.stream_id FROM views.parked AS p"
            " JOIN views.active_version AS a ON a.view = p.view AND a.version = p.view_version"
            " WHERE p.view = %(view)s",
            view=view,
        )
    )


def wait_for(
    conn: Connection, view: str, stream_id: UUID, version: int, timeout_seconds: float
) -> bool:
    """Whether *view* shows *version* of a stream, waiting for it; not while it is parked.

    The connection must not be inside a snapshot, which would never see it come.
    """
    until = time.monotonic() + timeout_seconds
    while True:
        shown = scalars_of(
            conn,
            "SELECT v.version FROM views.stream_version AS v"
            " JOIN views.active_version AS a ON a.view = v.view AND a.version = v.view_version"
            " WHERE v.view = %(view)s AND v.stream_id = %(stream_id)s",
            view=view,
            stream_id=stream_id,
        )
        if shown and shown[0] >= version:
            return True
        if time.monotonic() >= until or stream_id in parked_streams(conn, view):
            return False
        time.sleep(POLL_SECONDS)


def wait_until_current(conn: Connection, timeout_seconds: float, view: str | None = None) -> bool:
    """Whether every view, or one, shows all that is stored, waiting; parked events apart."""
    until = time.monotonic() + timeout_seconds
    while any(
        each.unpublished or each.behind for each in freshness(conn) if view in (None, each.view)
    ):
        if time.monotonic() >= until:
            return False
        time.sleep(10 * POLL_SECONDS)
    return True


@dataclass(frozen=True)
class ParkedEvent:
    """An event that a view could not show, or that waits behind one."""

    view: str
    stream_id: UUID
    version: int
    event_type: str
    parked_at: datetime
    error: str


def parked_events(conn: Connection) -> list[ParkedEvent]:
    """Everything that is parked in the active views, in order."""
    return rows_of(
        conn,
        ParkedEvent,
        "SELECT p.view, p.stream_id, p.version, p.event_type, p.parked_at, p.error"
        " FROM views.parked AS p JOIN views.active_version AS a"
        " ON a.view = p.view AND a.version = p.view_version"
        " ORDER BY p.view, p.stream_id, p.version",
    )
