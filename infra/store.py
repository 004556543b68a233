"""The event store: how streams, commands and next actions are kept in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_type_hints
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.rows import tuple_row

from domain.base.policy import ClassStandard
from domain.base.repayment import AgreedRow
from domain.base.stream import Stream
from domain.base.terms import Terms
from domain.borrower.collection import Strategy
from domain.borrower.complaint_events import Complaint, Rating
from domain.borrower.contact import Consent, ContactPoint, OptOut, PastContact
from domain.borrower.contact_state import Hold, OpenContact, OwnHours, Reply
from domain.borrower.data_rights import DataRequest, Restricted
from domain.borrower.lateness import ToldReason
from domain.borrower.legal import LegalMatter
from domain.borrower.placement import Placement
from domain.borrower.promises import Promise
from domain.borrower.restriction import Restriction
from domain.borrower.support_events import CheckIn, RepaymentPlan, Support
from domain.catalogue import STREAMS
from domain.commands.book import Command, Due
from domain.loan.allocation import Part, Split
from domain.loan.facts import Fact
from domain.loan.ledger import Balance
from domain.loan.schedule import Instalment
from domain.loan.security import Security
from domain.loan.sheet import CostShown
from domain.loan.state import CameBack, ConversionOffer, Ended, Fee, RenewalOffer, Tier
from domain.operations.business_day import Count, DayPlan
from domain.operations.campaign import Plan
from domain.operations.design import Design
from domain.operations.experiment import Proposal
from domain.policy.policy import Look, Policy, VersionStanding
from domain.product.product import Offer
from infra import codec
from infra.contract import record_inside

WRITER = "loans_writer"
"""The role that may add events and change none."""

SNAPSHOT_EVERY_VERSIONS = 10

# %b: left to choose, psycopg sends lists as text, which costs five times the work.
APPEND = "SELECT store.append(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"


def _with_inner(kinds: Iterable[type]) -> Iterator[type]:
    """*kinds*, and the records that they hold."""
    for kind in kinds:
        yield kind
        inside = (record_inside(hint) for hint in get_type_hints(kind).values())
        yield from _with_inner(record for record in inside if record is not None)


RECORDS = {
    kind.__name__: kind
    for kind in _with_inner(
        (
            *(Balance, ClassStandard, Count, Fact, Fee, Hold, Instalment, Offer, Part, Promise),
            *(AgreedRow, CostShown, Look, RenewalOffer, VersionStanding, Security, Split, Terms),
            *(Design, Plan, Proposal),
            *(Consent, ContactPoint, OpenContact, OptOut, OwnHours, PastContact, Reply, Strategy),
            *(Complaint, ConversionOffer, Placement, Rating, Restriction, Tier, ToldReason),
            *(CameBack, CheckIn, DataRequest, DayPlan, Ended, LegalMatter, RepaymentPlan),
            *(Restricted, Support),
        )
    )
}
"""The records that the state of a stream holds, by the name a snapshot gives them."""

SNAPSHOT_FORMAT = 2
"""How a snapshot is written down; each kind of stream has a version of its own beside."""

CODES = {
    f"{stream.TOPIC}/{SNAPSHOT_FORMAT}.{stream.SNAPSHOT_VERSION}": stream for stream in STREAMS
}
"""Snapshots of any other code version are passed over, and replaced in time."""


class EventMapper(Mapper[UUID]):
    """Stores events as the Avro bytes that also go to Kafka."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        assert isinstance(domain_event, Stream.Event)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=domain_event.TOPIC,  # type: ignore[attr-defined]
            state=codec.encode(domain_event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        assert isinstance(stored_event.originator_id, UUID)
        return codec.decode(
            stored_event.state, stored_event.originator_id, stored_event.originator_version
        )


class EventRecorder(PostgresApplicationRecorder):
    """Appends by one database function in one round trip, and reads many streams at once.

    The function holds an advisory lock until commit, so that a reader of the
    notification log never passes over an event that commits late.
    """

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        # The pool opens at its first use, so every connection enters in this role.
        assert isinstance(datastore.pool.kwargs, dict)
        # Its few statements ask by keys only: one plan fits all values, and planning
        # anew would take longer than the work.
        datastore.pool.kwargs["options"] = f"-c role={WRITER} -c plan_cache_mode=force_generic_plan"
        super().__init__(datastore, **kwargs)
        assert self.events_table_name == "book_events"

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[Command] = (),
        streams: Sequence[Stream] = (),
        **_: Any,
    ) -> Sequence[int]:
        """Store events, the commands behind them and the streams' next actions.

        Unlike the library's method this one is not repeated when the connection breaks:
        whether the command was done is found by its id.
        """
        actions = [stream.next_action() for stream in streams]
        parameters = (
            [command.command_id for command in commands],
            [command.digest for command in commands],
            [command.stream_id for command in commands],
            [command.version for command in commands],
            [event.originator_id for event in stored_events],
            [event.originator_version for event in stored_events],
            [event.topic for event in stored_events],
            [event.state for event in stored_events],
            [stream.id for stream in streams],
            [stream.TOPIC for stream in streams],
            [action and str(action.kind) for action in actions],
            [action and action.due_on for action in actions],
        )
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(APPEND, parameters, prepare=True)
            ids = [row[0] for row in cursor.fetchall()]
        self._keep_snapshots(streams, stored_events)
        return ids

    def load(self, ids: Sequence[UUID], until: int | None = None) -> dict[UUID, Stream]:
        """The streams with these ids, by one query; those that do not exist are missing.

        With *until*, each as it stood at that version.
        """
        codes = list(CODES) if until is None else []
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(
                "SELECT * FROM store.load(%s, %s)", (list(set(ids)), codes), prepare=True
            )
            rows = cursor.fetchall()
        loaded: dict[UUID, Stream] = {}
        for stream_id, version, topic, state in rows:
            if until is not None and version > until:
                continue
            if topic.startswith("snapshot:"):
                kind = CODES[topic.removeprefix("snapshot:")]
                loaded[stream_id] = from_snapshot(kind, stream_id, version, state)
            else:
                event: Any = codec.decode(state, stream_id, version)
                loaded[stream_id] = event.mutate(loaded.get(stream_id))
        return loaded

    def versions(self, ids: Iterable[UUID]) -> dict[UUID, int]:
        """How far each of these streams has come, without what happened on it; 0: there is none."""
        wanted = sorted(set(ids))
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            # One look at the end of the index for each, and not at all its events.
            cursor.execute(
                "SELECT id, (SELECT originator_version FROM store.book_events"
                " WHERE originator_id = id ORDER BY originator_version DESC LIMIT 1)"
                " FROM unnest(%s::uuid[]) AS wanted (id)",
                (wanted,),
                prepare=True,
            )
            return {stream_id: version or 0 for stream_id, version in cursor.fetchall()}

    def find_command(self, command_id: UUID) -> Command | None:
        """The command that was carried out under this id."""
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(
                "SELECT command_id, digest, stream_id, version FROM store.command_log"
                " WHERE command_id = %s",
                (command_id,),
            )
            row = cursor.fetchone()
        return None if row is None else Command(*row)

    def due(self, on: date, stream_kind: str, after: Due | None, limit: int) -> list[Due]:
        """Streams of a kind whose next action is due by a day, oldest first, after *after*."""
        last = (date.min, UUID(int=0)) if after is None else (after.due_on, after.stream_id)
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(
                "SELECT stream_id, kind, due_on FROM store.next_action"
                " WHERE stream_kind = %s AND due_on <= %s AND (due_on, stream_id) > (%s, %s)"
                " ORDER BY due_on, stream_id LIMIT %s",
                (stream_kind, on, *last, limit),
                prepare=True,
            )
            return [Due(*row) for row in cursor.fetchall()]

    def last_of_policies(self) -> int:
        """The place of the last event of a policy in the log; 0 when there is none."""
        rows = self._of_policies("SELECT COALESCE(max(notification_id), 0)")
        return int(rows[0][0])

    def policies(self) -> list[Policy]:
        """Every stream of a policy, in the order in which they last changed."""
        rows = self._of_policies(
            "SELECT originator_id, max(notification_id)", "GROUP BY 1 ORDER BY 2"
        )
        loaded = self.load([row[0] for row in rows])
        found = [loaded[row[0]] for row in rows]
        return [stream for stream in found if isinstance(stream, Policy)]

    def _of_policies(self, select: str, rest: str = "") -> list[Any]:
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            # The condition is that of an index, word for word.
            cursor.execute(
                f"{select} FROM store.book_events WHERE topic LIKE 'policy.%' {rest}", prepare=True
            )
            return cursor.fetchall()

    def _keep_snapshots(
        self, streams: Sequence[Stream], stored_events: Sequence[StoredEvent]
    ) -> None:
        before = {
            event.originator_id: event.originator_version for event in reversed(stored_events)
        }
        due = [
            stream
            for stream in streams
            if stream.version // SNAPSHOT_EVERY_VERSIONS
            > (before.get(stream.id, stream.version + 1) - 1) // SNAPSHOT_EVERY_VERSIONS
        ]
        if not due:
            return
        with self.datastore.get_connection() as conn, conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO store.snapshot AS old VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (stream_id) DO UPDATE SET version = EXCLUDED.version,"
                " code = EXCLUDED.code, state = EXCLUDED.state"
                " WHERE old.version < EXCLUDED.version OR old.code <> EXCLUDED.code",
                [
                    (stream.id, stream.version, snapshot_code(stream), to_snapshot(stream))
                    for stream in due
                ],
            )


def snapshot_code(stream: Stream) -> str:
    """The kind and code version under which a snapshot of *stream* is kept."""
    return f"{stream.TOPIC}/{SNAPSHOT_FORMAT}.{stream.SNAPSHOT_VERSION}"


def to_snapshot(stream: Stream) -> bytes:
    """The state of *stream* as private bytes; only the same code version reads them."""
    state = {name: value for name, value in vars(stream).items() if name != "_pending_events"}
    del state["_id"], state["_version"]
    return json.dumps(state, default=_plain, separators=(",", ":")).encode()


def from_snapshot(kind: type[Stream], stream_id: UUID, version: int, state: bytes) -> Stream:
    """The stream whose state was kept."""
    stream = object.__new__(kind)
    stream.__dict__.update(json.loads(state, object_hook=_whole))
    stream.__dict__.update(_id=stream_id, _version=version, _pending_events=[])
    return stream


@dataclass(frozen=True, slots=True)
class _Shape:
    """A record as a snapshot holds it: its values in order, days as text."""

    kind: type
    names: tuple[str, ...]
    days: tuple[int, ...]


def _shape(kind: type) -> _Shape:
    hints = get_type_hints(kind)
    days = [place for place, hint in enumerate(hints.values()) if hint in (date, date | None)]
    return _Shape(kind, tuple(hints), tuple(days))


SHAPES = {name: _shape(kind) for name, kind in RECORDS.items()}


def _plain(value: Any) -> Any:
    shape = SHAPES.get(type(value).__name__)
    if shape is not None:
        fields = vars(value)
        values = [fields[name] for name in shape.names]
        for place in shape.days:
            if values[place] is not None:
                values[place] = values[place].isoformat()
        return {"!": type(value).__name__, "=": values}
    for kind in (UUID, Decimal):
        if isinstance(value, kind):
            return {"!": kind.__name__, "=": str(value)}
    if isinstance(value, date):
        return {"!": type(value).__name__, "=": value.isoformat()}
    raise TypeError(f"a snapshot cannot hold {value!r}")


def _whole(values: dict[str, Any]) -> Any:
    name = values.get("!")
    if name is None:
        return values
    shape = SHAPES.get(name)
    if shape is None:
        return TEXTS[name](values["="])
    fields = values["="]
    for place in shape.days:
        if fields[place] is not None:
            fields[place] = date.fromisoformat(fields[place])
    record: Any = object.__new__(shape.kind)
    record.__dict__.update(zip(shape.names, fields, strict=True))
    return record


TEXTS: dict[str, Any] = {
    "UUID": UUID,
    "Decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}
