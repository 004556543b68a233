"""Changes to SQL: a view's rows, its versions and its position, in one transaction.

A view's tables stand in the schema ``rm_<name>_v<N>``, behind views without a number
in ``rm`` that show the active version (``views.active_version``). Positions, stream
versions and parked events are kept in ``views`` by name and version.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.types.json import Jsonb

from domain.base.stream import Stream
from infra import codec
from infra.bootstrap import PROJECTOR, as_role
from infra.logs import logger
from infra.trouble import Trouble
from projections import Change, Put, Table

log = logger(__name__)

DDL_LOCK = 5_051_990
COPY_FROM_ROWS = 50
"""From so many rows on, COPY into a temporary table beats one statement a row."""
TRIES = 5
FROZEN_MS = 8_000
"""A transaction that waits for its process longer than Kafka's session is given up."""
STATEMENT_MS = 30_000
"""The same for a process frozen while it sends rows; a batch takes a second or two."""
PARKED_STREAMS_LIMIT = 20
"""More streams than this parked in ten minutes, and the release is at fault, not they."""
REBUILD_EVENTS = 10_000

Place = tuple[str, int]
"""Topic and partition."""


class Projection(Protocol):
    """What a module in ``projections/`` holds."""

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def VERSION(self) -> int: ...  # noqa: N802
    @property
    def TOPICS(self) -> Sequence[str]: ...  # noqa: N802
    @property
    def TABLES(self) -> Sequence[Table]: ...  # noqa: N802
    @property
    def changes(self) -> Callable[[Any], list[Change]]: ...


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


@dataclass(slots=True)
class _Row:
    puts: dict[str, Any]
    adds: dict[str, int]


class Fold:
    """Changes folded per row: the last Put wins per column, Adds sum."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables: dict[str, tuple[tuple[str, ...], dict[tuple[Any, ...], _Row]]] = {
            table.name: (table.key, {}) for table in tables
        }

    def take(self, changes: Iterable[Change]) -> None:
        """Add *changes* in the order in which they happened."""
        for change in changes:
            names, rows = self.tables[change.table]
            given = change.key
            key = tuple([given[name] for name in names])
            row = rows.get(key)
            if row is None:
                row = rows[key] = _Row({}, {})
            if isinstance(change, Put):
                row.puts.update(change.values)
                if row.adds:
                    for name in change.values:
                        row.adds.pop(name, None)
            else:
                for name, amount in change.amounts.items():
                    if name in row.puts:
                        row.puts[name] = (row.puts[name] or 0) + amount
                    else:
                        row.adds[name] = row.adds.get(name, 0) + amount


class Writer:
    """Writes folded rows into the tables of one schema."""

    def __init__(
        self, connection: psycopg.Connection, schema: str, tables: Sequence[Table]
    ) -> None:
        self.connection = connection
        self._schema = schema
        self._tables = tables
        self._types: dict[str, dict[str, int]] = {}
        self._statements: dict[tuple[Any, ...], _Upsert] = {}

    def fold(self) -> Fold:
        """An empty fold for these tables."""
        return Fold(self._tables)

    def write(self, fold: Fold, *, copy: bool) -> None:
        """The rows say what *fold* says; with *copy*, at most once a transaction."""
        for table, (_, rows) in fold.tables.items():
            groups: dict[tuple[frozenset[str], frozenset[str]], list[tuple[Any, ...]]] = {}
            seen: dict[tuple[tuple[str, ...], tuple[str, ...]], Any] = {}
            for key, row in rows.items():
                shape = (tuple(row.puts), tuple(row.adds))
                known = seen.get(shape)
                if known is None:
                    same = (frozenset(shape[0]), frozenset(shape[1]))
                    upsert = self._upsert(table, *same)
                    known = seen[shape] = (upsert, groups.setdefault(same, []))
                upsert, values = known
                values.append(
                    (
                        *key,
                        *[row.puts[name] for name in upsert.puts],
                        *[row.adds[name] for name in upsert.adds],
                    )
                )
            for same, values in groups.items():
                self._upsert(table, *same).write(self.connection, values, copy=copy)

    def _upsert(self, table: str, puts: frozenset[str], adds: frozenset[str]) -> _Upsert:
        name = (table, puts, adds)
        found = self._statements.get(name)
        if found is None:
            key = next(each.key for each in self._tables if each.name == table)
            found = self._statements[name] = _Upsert(
                sql.Identifier(self._schema, table),
                f"rows_{self._schema}_{len(self._statements)}"[-63:],
                self._types_of(table),
                key,
                puts=tuple(sorted(puts)),
                adds=tuple(sorted(adds)),
            )
        return found

    def _types_of(self, table: str) -> dict[str, int]:
        if table not in self._types:
            rows = self.connection.execute(
                "SELECT attname, atttypid::bigint FROM pg_attribute"
                " WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))"
                " AND attnum > 0 AND NOT attisdropped",
                (self._schema, table),
            )
            self._types[table] = dict(rows.fetchall())
        return self._types[table]


JSONB = 3802


class _Upsert:
    """Writes rows that set the same columns of one table."""

    def __init__(
        self,
        table: sql.Identifier,
        beside: str,
        types: Mapping[str, int],
        key: tuple[str, ...],
        *,
        puts: tuple[str, ...],
        adds: tuple[str, ...],
    ) -> None:
        self.puts, self.adds = puts, adds
        names = (*key, *puts, *adds)
        self._types = [types[name] for name in names]
        self._json = [at for at, kind in enumerate(self._types) if kind == JSONB]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        keys = sql.SQL(", ").join(map(sql.Identifier, key))
        sets = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in puts]
        sets += [
            sql.SQL("{0} = coalesce(old.{0}, 0) + EXCLUDED.{0}").format(sql.Identifier(name))
            for name in adds
        ]
        update = (
            sql.SQL("DO UPDATE SET ") + sql.SQL(", ").join(sets) if sets else sql.SQL("DO NOTHING")
        )
        into = sql.SQL("INSERT INTO {} AS old ({}) ").format(table, columns)
        conflict = sql.SQL(" ON CONFLICT ({}) ").format(keys) + update
        holders = sql.SQL(", ").join([sql.Placeholder()] * len(names))
        temporary = sql.Identifier("pg_temp", beside)
        self._one_by_one = into + sql.SQL("VALUES ({})").format(holders) + conflict
        self._prepare = sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS"
            " AS SELECT {} FROM {} WITH NO DATA"
        ).format(sql.Identifier(beside), columns, table)
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(temporary, columns)
        # In the order of the key, so that two processes never wait for each other.
        self._take_over = (
            into
            + sql.SQL("SELECT {} FROM {} ORDER BY {}").format(columns, temporary, keys)
            + conflict
        )

    def write(
        self, connection: psycopg.Connection, rows: list[tuple[Any, ...]], *, copy: bool
    ) -> None:
        """The rows are in the table."""
        if self._json:
            rows = [self._with_json(row) for row in rows]
        with connection.cursor(binary=True) as cursor:
            if not copy or len(rows) < COPY_FROM_ROWS:
                keyed = len(self._types) - len(self.puts) - len(self.adds)
                rows.sort(key=lambda row: row[:keyed])
                cursor.executemany(self._one_by_one, rows)
                return
            cursor.execute(self._prepare)
            with cursor.copy(self._copy) as into:
                into.set_types(self._types)
                for row in rows:
                    into.write_row(row)
            cursor.execute(self._take_over)

    def _with_json(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for at in self._json:
            if values[at] is not None:
                values[at] = Jsonb(values[at])
        return tuple(values)


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
        with self._connection.transaction():
            after = self._advance(records)
            fresh, behind = self._accept(records)
            if isolating:
                shown, failed = self._isolate(_by_stream(fresh))
                self._park(
                    [*failed, *[(record, "an earlier event is parked") for record in behind]]
                )
            else:
                fold = self._writer.fold()
                for record in fresh:
                    fold.take(self._changes(record.event))
                self._writer.write(fold, copy=True)
                shown, failed = fresh, []
                self._park([(record, "an earlier event is parked") for record in behind])
            self._keep_versions(shown, copy=True)
            if failed:
                self._stop_if_many_are_parked()
        self._positions.update(after)
        parked = len(failed) + len(behind)
        return Applied(len(shown), len(records) - len(shown) - parked, parked)

    def _advance(self, records: Sequence[Record]) -> dict[Place, int]:
        last: dict[Place, Record] = {}
        for record in records:
            last[record[0], record[1]] = record
        moved = self._connection.execute(
            ADVANCE,
            (
                [topic for topic, _ in last],
                [partition for _, partition in last],
                [self._positions[place] for place in last],
                [record.offset + 1 for record in last.values()],
                [record.notification_id for record in last.values()],
                [record.event.timestamp for record in last.values()],
                *self._me,
            ),
        ).rowcount
        if moved != len(last):
            raise Fenced(f"{len(last) - moved} of {len(last)} positions of {self._name}")
        return {place: record.offset + 1 for place, record in last.items()}

    def _accept(self, records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
        """Those to show, and those of parked streams; without those already known."""
        streams = list({record.stream_id for record in records})
        parked: dict[UUID, int] = {}
        with self._connection.cursor(binary=True) as cursor:
            # First what is parked, waiting for a retry that is under way: what it
            # drained then counts as shown.
            cursor.execute(LOCK_PARKED, (*self._me, streams))
            parked.update(cursor.fetchall())
            cursor.execute(VERSIONS, (*self._me, streams))
            known: dict[UUID, int] = dict(cursor.fetchall())
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
            rows[(*self._me, record.stream_id)] = _Row({"version": record.version}, {})
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


# --- schemas and versions -------------------------------------------------------------


def schema_of(projection: Projection) -> str:
    """The schema that holds this version's tables."""
    return f"rm_{projection.NAME}_v{projection.VERSION}"


@contextmanager
def open_view(database_url: str, projection: Projection) -> Iterator[View]:
    """The view with its tables made, on a connection of its own in the projector's role.

    Raises:
        Trouble: TABLES changed, and VERSION did not.
    """
    with _connect(database_url, projection.NAME) as connection:
        create(connection, projection)
        # Frozen inside a transaction, a process would hold its rows' locks, and with
        # them up whoever took its partitions: the server ends it then.
        connection.execute(f"SET idle_in_transaction_session_timeout = {FROZEN_MS}")
        connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
        yield View(connection, projection)


@contextmanager
def _connect(database_url: str, name: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        as_role(database_url, PROJECTOR), autocommit=True, application_name=name
    ) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("SET tcp_keepalives_idle = 10")
        yield connection


def create(connection: psycopg.Connection, projection: Projection) -> None:
    """The version's tables exist; the first version of a view is its active one.

    Raises:
        Trouble: TABLES changed, and VERSION did not.
    """
    schema = schema_of(projection)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (DDL_LOCK,))
        made = _said_of(connection, schema)
        if made is None:
            _create_tables(connection, schema, projection.TABLES)
        elif made != _digest(projection.TABLES):
            raise Trouble(
                f"TABLES of {projection.NAME} changed while VERSION is still"
                f" {projection.VERSION}: raise it, and rebuild the view."
            )
        first = connection.execute(
            "INSERT INTO views.active_version (view, version) VALUES (%s, %s)"
            " ON CONFLICT DO NOTHING",
            (projection.NAME, projection.VERSION),
        ).rowcount
        if first:
            _expose(connection, schema, projection.TABLES)


def _create_tables(connection: psycopg.Connection, schema: str, tables: Sequence[Table]) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), _digest(tables))
    )
    for table in tables:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in table.columns.items()
        ]
        keys = sql.SQL(", ").join(map(sql.Identifier, table.key))
        connection.execute(
            sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                sql.Identifier(schema, table.name), sql.SQL(", ").join(columns), keys
            )
        )
        for index in table.indexes:
            connection.execute(
                sql.SQL("CREATE INDEX ON {} ({})").format(
                    sql.Identifier(schema, table.name),
                    sql.SQL(", ").join(map(sql.Identifier, index)),
                )
            )


def _expose(connection: psycopg.Connection, schema: str, tables: Sequence[Table]) -> None:
    """The views without a number show these tables."""
    for table in tables:
        name = sql.Identifier("rm", table.name)
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(name))
        connection.execute(
            sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(
                name, sql.Identifier(schema, table.name)
            )
        )
        connection.execute(sql.SQL("GRANT SELECT ON {} TO loans_writer").format(name))


def _said_of(connection: psycopg.Connection, schema: str) -> str | None:
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
        (schema,),
    ).fetchone()
    return row[0] if row else None


def _digest(tables: Sequence[Table]) -> str:
    said = repr([(t.name, list(t.columns.items()), t.key, t.indexes) for t in tables])
    return hashlib.sha256(said.encode()).hexdigest()


# --- rebuilding -----------------------------------------------------------------------


class Compared(NamedTuple):
    """A table as it is and as the events say: equal checksums, equal rows."""

    running: str
    rebuilt: str
    rows: int


def rebuild(
    database_url: str, projection: Projection, *, swap: bool = False
) -> dict[str, Compared]:
    """Each table of the active version beside one made anew from the store.

    The store is read in recorded order, each stream up to the version that the active
    view has shown, in one snapshot with its rows: the running process need not stop.
    With *swap* the new rows take the view's place, as the version that *projection*
    names; its process goes on from the position of the snapshot. What was there
    stays beside, as ``..._before``, or as the version before.
    """
    building = f"rm_{projection.NAME}_building"
    with (
        _connect(database_url, projection.NAME) as reading,
        _connect(database_url, projection.NAME) as writing,
    ):
        _drop(writing, building)
        _create_tables(writing, building, projection.TABLES)
        row = reading.execute(
            "SELECT version FROM views.active_version WHERE view = %s", (projection.NAME,)
        ).fetchone()
        active = row[0] if row else projection.VERSION
        reading.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with reading.transaction():
            before = _checksums(reading, f"rm_{projection.NAME}_v{active}", projection.TABLES)
            _fill(reading, Writer(writing, building, projection.TABLES), projection, active)
            after = _checksums(writing, building, projection.TABLES)
            if swap:
                _swap(reading, writing, projection, active, building)
            else:
                _drop(writing, building)
    return {
        table.name: Compared(before[table.name][0], after[table.name][0], after[table.name][1])
        for table in projection.TABLES
    }


def _fill(reading: psycopg.Connection, writer: Writer, projection: Projection, active: int) -> None:
    with reading.cursor("events", binary=True) as cursor:
        cursor.itersize = REBUILD_EVENTS
        cursor.execute(
            "SELECT e.originator_id, e.originator_version, e.state"
            " FROM store.book_events AS e JOIN views.stream_version AS v"
            " ON v.stream_id = e.originator_id AND e.originator_version <= v.version"
            " WHERE v.view = %s AND v.view_version = %s ORDER BY e.notification_id",
            (projection.NAME, active),
        )
        while rows := cursor.fetchmany(REBUILD_EVENTS):
            fold = writer.fold()
            for stream_id, version, state in rows:
                fold.take(projection.changes(codec.decode(state, stream_id, version)))
            with writer.connection.transaction():
                writer.write(fold, copy=True)


def _checksums(
    connection: psycopg.Connection, schema: str, tables: Sequence[Table]
) -> dict[str, tuple[str, int]]:
    """Checksum and rows of each table, over the columns that *tables* name."""
    found = {}
    for table in tables:
        columns = sql.SQL(", ").join(map(sql.Identifier, sorted(table.columns)))
        try:
            with connection.transaction():
                row = connection.execute(
                    sql.SQL(
                        "SELECT coalesce(sum(hashtextextended(ROW({})::text, 0)), 0)::text,"
                        " count(*) FROM {}"
                    ).format(columns, sql.Identifier(schema, table.name))
                ).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            row = ("none", 0)  # another version has no such table or column
        assert row
        found[table.name] = (row[0], row[1])
    return found


def _swap(
    reading: psycopg.Connection,
    writing: psycopg.Connection,
    projection: Projection,
    active: int,
    building: str,
) -> None:
    """The new rows are the view's, with the positions and versions of the snapshot."""
    name, version = projection.NAME, projection.VERSION
    schema, before = schema_of(projection), f"{schema_of(projection)}_before"
    kept = {
        table: reading.execute(
            sql.SQL("SELECT * FROM views.{} WHERE view = %s AND view_version = %s").format(
                sql.Identifier(table)
            ),
            (name, active),
        )
        for table in ("position", "stream_version", "parked")
    }
    _drop(writing, before)
    with writing.transaction():
        writing.execute("SELECT pg_advisory_xact_lock(%s)", (DDL_LOCK,))
        # The process that keeps this version waits here, and is fenced afterwards.
        writing.execute(
            "SELECT FROM views.position WHERE view = %s AND view_version = %s"
            " ORDER BY topic, partition FOR UPDATE",
            (name, version),
        )
        for table, rows in kept.items():
            writing.execute(
                sql.SQL("DELETE FROM views.{} WHERE view = %s AND view_version = %s").format(
                    sql.Identifier(table)
                ),
                (name, version),
            )
            columns = [column.name for column in rows.description or ()]
            place = columns.index("view_version")
            with writing.cursor().copy(
                sql.SQL("COPY views.{} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
            ) as into:
                for row in rows:
                    into.write_row((*row[:place], version, *row[place + 1 :]))
        if _said_of(writing, schema) is not None:
            _rename(writing, schema, before)
        _rename(writing, building, schema)
        writing.execute(
            "INSERT INTO views.active_version (view, version) VALUES (%s, %s)"
            " ON CONFLICT (view) DO UPDATE SET version = EXCLUDED.version, since = now()",
            (name, version),
        )
        _expose(writing, schema, projection.TABLES)
    log.info("swapped", view=name, version=version, version_before=active)


def _rename(connection: psycopg.Connection, schema: str, name: str) -> None:
    connection.execute(
        sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(name))
    )


def _drop(connection: psycopg.Connection, schema: str) -> None:
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
