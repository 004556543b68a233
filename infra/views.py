"""A view's rows, its stream versions and its position, moved on in one transaction.

Positions, stream versions and parked events are kept in ``views`` by the view's name
and version; its tables stand in a schema of their own (``view_tables``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure

from domain.base.stream import Stream
from infra import codec
from infra.logs import logger
from infra.rows import COPY_FROM_ROWS, Row, Writer
from infra.view_tables import Projection, connect, create, schema_of
from projections import Table

log = logger(__name__)

TRIES = 5
FROZEN_MS = 8_000
"""A transaction that waits for its process longer than Kafka's session is given up."""
STATEMENT_MS = 30_000
"""The same for a process frozen while it sends rows; a batch takes a second or two."""
TRANSACTION_TIMEOUT_SINCE = 170_000
"""PostgreSQL 17 ends a transaction in whatever state its client froze; in a pipeline no
other timeout does, so before it there is none."""
PARKED_STREAMS_LIMIT = 20
"""More streams than this parked in ten minutes, and the release is at fault, not they."""

Place = tuple[str, int]
"""Topic and partition."""


class Record(NamedTuple):
    """One event as it came from Kafka."""

    topic: str
    partition: int
    offset: int
    stream_id: UUID
    version: int
    notification_id: int
    state: bytes
    event: Stream.Event


class Fenced(Exception):
    """Another process moved the position: nothing was written; read it again."""


class Gap(Exception):
    """An event is missing before this one: nothing was written, nobody may go on."""


class TooManyParked(Exception):
    """Events of so many streams fail that the release must be at fault."""


class Applied(NamedTuple):
    """What became of a batch."""

    events: int
    repeated: int
    parked: int


STREAM_VERSION = Table(
    "stream_version",
    {"view": "text", "view_version": "integer", "stream_id": "uuid", "version": "bigint"},
    ("view", "view_version", "stream_id"),
)

TAKE = """
    INSERT INTO views.position (view, view_version, topic, partition, next_offset)
    SELECT %s, %s, topic, partition, 0 FROM unnest(%s::text[], %s::int[]) AS t (topic, partition)
    ON CONFLICT DO NOTHING
"""

ADVANCE = """
    UPDATE views.position AS old
    SET next_offset = new.next_offset, notification_id = new.notification_id,
        event_at = new.event_at, applied_at = now()
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::timestamptz[])
        AS new (topic, partition, expected, next_offset, notification_id, event_at)
    WHERE old.view = %s AND old.view_version = %s
        AND old.topic = new.topic AND old.partition = new.partition
        AND old.next_offset = new.expected
"""

VERSIONS = """
    SELECT stream_id, version FROM views.stream_version
    WHERE view = %s AND view_version = %s AND stream_id = ANY(%s)
"""

LOCK_PARKED = """
    SELECT stream_id, version FROM views.parked
    WHERE view = %s AND view_version = %s AND stream_id = ANY(%s)
    ORDER BY stream_id, version FOR UPDATE
"""

PARK = """
    INSERT INTO views.parked (view, view_version, stream_id, version, topic, partition,
        record_offset, notification_id, event_type, state, error)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class View:
    """The rows of one projection's version, and how far they are."""

    def __init__(self, connection: psycopg.Connection, projection: Projection) -> None:
        """The view as ``open_view`` made it; no partition is taken yet."""
        self._connection = connection
        self._changes = projection.changes
        self._name = projection.NAME
        self._me = (projection.NAME, projection.VERSION)
        self._writer = Writer(connection, schema_of(projection), projection.TABLES)
        self._versions = Writer(connection, "views", [STREAM_VERSION])
        self._positions: dict[Place, int] = {}
        self._may_pipeline = connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE

    def take(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset to read next in each of these partitions; 0 in one never read."""
        places = list(places)
        topics, partitions = [topic for topic, _ in places], [number for _, number in places]
        self._connection.execute(TAKE, (*self._me, topics, partitions))
        rows = self._connection.execute(
            "SELECT topic, partition, next_offset FROM views.position"
            " WHERE view = %s AND view_version = %s"
            " AND (topic, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))",
            (*self._me, topics, partitions),
        )
        taken = {(topic, partition): offset for topic, partition, offset in rows}
        self._positions.update(taken)
        return taken

    def apply(self, records: Sequence[Record]) -> Applied:
        """The rows show *records* and the position stands after them, in one transaction.

        Events already shown are skipped. When one stream's event fails, it and every
        later one of that stream are parked, in order; all others are shown.

        Raises:
            Fenced: another process moved the position.
            Gap: an event is missing before one of these.
            TooManyParked: the release must be at fault, not single streams.
        """
        isolating = False
        for attempt in range(1, TRIES + 1):
            try:
                return self._apply(records, isolating=isolating)
            except (DeadlockDetected, SerializationFailure) as trouble:
                if attempt == TRIES:
                    raise
                log.info("batch_again", view=self._name, error=repr(trouble))
            except (Fenced, Gap, TooManyParked, psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception as trouble:  # whatever a projection or its rows raise
                if isolating:
                    raise
                isolating = True
                log.warning("batch_failed", view=self._name, error=repr(trouble))
        raise AssertionError

    def _apply(self, records: Sequence[Record], *, isolating: bool) -> Applied:
        # Few events in two round trips rather than nine; COPY and savepoints need the nine.
        few = self._may_pipeline and not isolating and len(records) < COPY_FROM_ROWS
        with (
            self._connection.pipeline() if few else nullcontext() as pipeline,
            self._connection.transaction(),
        ):
            after, known, waiting = self._advance(records, pipeline)
            fresh, behind = self._accept(records, known, waiting)
            if isolating:
                shown, failed = self._isolate(_by_stream(fresh))
                self._park(
                    [*failed, *[(record, "an earlier event is parked") for record in behind]]
                )
            else:
                fold = self._writer.fold()
                for record in fresh:
                    fold.take(self._changes(record.event))
                self._writer.write(fold, copy=not few)
                shown, failed = fresh, []
                self._park([(record, "an earlier event is parked") for record in behind])
            self._keep_versions(shown, copy=not few)
            if failed:
                self._stop_if_many_are_parked()
        self._positions.update(after)
        parked = len(failed) + len(behind)
        return Applied(len(shown), len(records) - len(shown) - parked, parked)

    def _advance(
        self, records: Sequence[Record], pipeline: psycopg.Pipeline | None = None
    ) -> tuple[dict[Place, int], dict[UUID, int], dict[UUID, int]]:
        """The positions stand after these: where; what of their streams is shown, and parked."""
        last = {(record[0], record[1]): record for record in records}
        after = {place: record.offset + 1 for place, record in last.items()}
        streams = list({record.stream_id for record in records})
        with (
            self._connection.cursor() as positions,
            self._connection.cursor(binary=True) as parked,
            self._connection.cursor(binary=True) as shown,
        ):
            positions.execute(
                ADVANCE,
                (
                    [topic for topic, _ in last],
                    [partition for _, partition in last],
                    [self._positions[place] for place in last],
                    list(after.values()),
                    [record.notification_id for record in last.values()],
                    [record.event.timestamp for record in last.values()],
                    *self._me,
                ),
            )
            # First what is parked, waiting for a retry that is under way: what it
            # drained then counts as shown.
            parked.execute(LOCK_PARKED, (*self._me, streams))
            shown.execute(VERSIONS, (*self._me, streams))
            if pipeline is not None:
                # Fetching would only flush: the server would not count as idle after it.
                pipeline.sync()
            known: dict[UUID, int] = dict(shown.fetchall())
            if positions.rowcount != len(last):
                raise Fenced(
                    f"{len(last) - positions.rowcount} of {len(last)} positions of {self._name}"
                )
            return after, known, dict(parked.fetchall())

    def _accept(
        self, records: Sequence[Record], known: dict[UUID, int], parked: dict[UUID, int]
    ) -> tuple[list[Record], list[Record]]:
        """Those to show, and those of parked streams; without those already known."""
        known.update(parked)
        fresh: list[Record] = []
        behind: list[Record] = []
        for record in records:
            stream_id, version = record.stream_id, record.version
            last = known.get(stream_id, 0)
            if version <= last:
                continue
            if version != last + 1:
                raise Gap(
                    f"{self._name} has version {last} of stream {stream_id} and got {version}"
                    f" ({record.topic} partition {record.partition} offset {record.offset})"
                )
            known[stream_id] = version
            (behind if stream_id in parked else fresh).append(record)
        return fresh, behind

    def _isolate(
        self, streams: list[list[Record]]
    ) -> tuple[list[Record], list[tuple[Record, str]]]:
        """What could be shown, and what not with its error, in order per stream."""
        records = [record for stream in streams for record in stream]
        if not records:
            return [], []
        try:
            with self._connection.transaction():
                self._show(records)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as trouble:  # noqa: BLE001 - whatever a projection or its rows raise
            if len(streams) > 1:
                middle = len(streams) // 2
                first, second = self._isolate(streams[:middle]), self._isolate(streams[middle:])
                return first[0] + second[0], first[1] + second[1]
            if len(records) > 1:
                first = self._isolate([records[:-1]])
                if first[1]:
                    return first[0], [*first[1], (records[-1], "an earlier event is parked")]
                second = self._isolate([records[-1:]])
                return first[0] + second[0], second[1]
            return [], [(records[0], repr(trouble))]
        return records, []

    def _show(self, records: Sequence[Record]) -> None:
        fold = self._writer.fold()
        for record in records:
            fold.take(self._changes(record.event))
        self._writer.write(fold, copy=False)

    def _park(self, failed: Sequence[tuple[Record, str]]) -> None:
        if not failed:
            return
        with self._connection.cursor() as cursor:
            cursor.executemany(
                PARK,
                [
                    (
                        *self._me,
                        record.stream_id,
                        record.version,
                        record.topic,
                        record.partition,
                        record.offset,
                        record.notification_id,
                        record.event.TOPIC,  # type: ignore[attr-defined]
                        record.state,
                        error,
                    )
                    for record, error in failed
                ],
            )
        for stream_id, count in Counter(record.stream_id for record, _ in failed).items():
            log.error("parked", view=self._name, stream=str(stream_id), events=count)

    def _keep_versions(self, shown: Iterable[Record], *, copy: bool) -> None:
        fold = self._versions.fold()
        _, rows = fold.tables["stream_version"]
        for record in shown:
            rows[(*self._me, record.stream_id)] = Row({"version": record.version}, {})
        self._versions.write(fold, copy=copy)

    def _stop_if_many_are_parked(self) -> None:
        row = self._connection.execute(
            "SELECT count(DISTINCT stream_id) FROM views.parked"
            " WHERE view = %s AND view_version = %s AND parked_at > now() - interval '10 minutes'",
            self._me,
        ).fetchone()
        if row and row[0] > PARKED_STREAMS_LIMIT:
            raise TooManyParked(
                f"events of {row[0]} streams failed in {self._name} within ten minutes:"
                " nothing more is parked; mend or roll back the release"
            )

    def retry_parked(self) -> dict[UUID, tuple[int, int]]:
        """Show parked events, in order per stream, until one fails again.

        May run beside the process that keeps the view: it waits for the rows of a
        parked stream before it adds to them. Returns drained and left by stream.
        """
        rows = self._connection.execute(
            "SELECT DISTINCT stream_id FROM views.parked WHERE view = %s AND view_version = %s",
            self._me,
        )
        return {stream_id: self._drain(stream_id) for (stream_id,) in rows.fetchall()}

    def _drain(self, stream_id: UUID) -> tuple[int, int]:
        one = (*self._me, stream_id)
        drained = 0
        with self._connection.transaction():
            self._connection.execute(LOCK_PARKED, (*self._me, [stream_id]))
            # Only now: more may have been parked while we waited for the lock.
            rows = self._connection.execute(
                "SELECT version, topic, partition, record_offset, notification_id, state"
                " FROM views.parked WHERE view = %s AND view_version = %s AND stream_id = %s"
                " ORDER BY version",
                one,
            ).fetchall()
            for version, topic, partition, offset, notification_id, state in rows:
                event = codec.decode(state, stream_id, version)
                record = Record(
                    topic, partition, offset, stream_id, version, notification_id, state, event
                )
                _, failed = self._isolate([[record]])
                if failed:
                    self._connection.execute(
                        "UPDATE views.parked SET error = %s WHERE view = %s"
                        " AND view_version = %s AND stream_id = %s AND version = %s",
                        (failed[0][1], *one, version),
                    )
                    break
                self._keep_versions([record], copy=False)
                self._connection.execute(
                    "DELETE FROM views.parked WHERE view = %s AND view_version = %s"
                    " AND stream_id = %s AND version = %s",
                    (*one, version),
                )
                drained += 1
        log.info(
            "retried",
            view=self._name,
            stream=str(stream_id),
            drained=drained,
            left=len(rows) - drained,
        )
        return drained, len(rows) - drained


def _by_stream(records: Iterable[Record]) -> list[list[Record]]:
    streams: dict[UUID, list[Record]] = {}
    for record in records:
        streams.setdefault(record.stream_id, []).append(record)
    return list(streams.values())


@contextmanager
def open_view(database_url: str, projection: Projection) -> Iterator[View]:
    """The view with its tables made, on a connection of its own in the projector's role.

    Raises:
        Trouble: TABLES changed, and VERSION did not.
    """
    with connect(database_url, projection.NAME) as connection:
        create(connection, projection)
        # Frozen inside a transaction, a process would hold its rows' locks, and with
        # them up whoever took its partitions: the server ends it then.
        connection.execute(f"SET idle_in_transaction_session_timeout = {FROZEN_MS}")
        connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
        if connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
            connection.execute(f"SET transaction_timeout = {STATEMENT_MS}")
        yield View(connection, projection)
