"""What every stream of events has in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Protocol, Self
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.utils import resolve_topic


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, when, and on whose order.

    ``business_on`` is the book's business date; ``recorded_at`` the wall clock in
    UTC, which no rule reads. ``command_id`` makes a repeated command harmless;
    ``correlation_id`` ties together what one cause brought about.
    """

    actor: str
    business_on: date
    recorded_at: datetime
    command_id: UUID
    correlation_id: UUID

    def __post_init__(self) -> None:
        if self.recorded_at.tzinfo is None:
            raise ValueError("an act is recorded at an instant with a zone")


@dataclass(frozen=True, slots=True)
class NextAction:
    """When a stream next needs attention, and for what."""

    kind: str
    due_on: date


class Record(Protocol):
    """How a stream takes an event; see ``Stream.record``."""

    def __call__(
        self, happened: type[Stream.Event], act: Act, effective_on: date, **fields: Any
    ) -> None: ...


class Stream(Aggregate):
    """One stream of events and the state they lead to."""

    TOPIC: ClassVar[str]
    KAFKA_TOPIC: ClassVar[str]
    SNAPSHOT_VERSION: ClassVar[int] = 1

    class Event(Aggregate.Event):
        """Anything that happened, with both dates and the act behind it.

        ``effective_on`` says when it counts, ``business_on`` when the book learned
        it, ``timestamp`` (``recorded_at`` in the schema) the wall clock of that.
        """

        effective_on: date
        business_on: date
        actor: str
        command_id: UUID
        correlation_id: UUID

    class Opened(Event, Aggregate.Created):
        """The first event of a stream."""

        def mutate(self, aggregate: Any) -> Any:
            # Aggregate.Created inspects signatures on every load; our streams take
            # nothing by __init__, so the shell can be made at once.
            assert aggregate is None
            kind = resolve_topic(self.originator_topic)
            stream = kind.__new__(kind)
            stream.__base_init__(self.originator_id, self.originator_version, self.timestamp)
            stream.__init__()
            self.apply(stream)
            return stream

    @classmethod
    def open(
        cls,
        opening: type[Stream.Opened],
        act: Act,
        stream_id: UUID,
        effective_on: date,
        **fields: Any,
    ) -> Self:
        """A new stream that begins with *opening*."""
        common: dict[str, Any] = {
            "originator_id": stream_id,
            "originator_version": 1,
            "originator_topic": cls.TOPIC,
            "timestamp": act.recorded_at,
            "effective_on": effective_on,
            "business_on": act.business_on,
            "actor": act.actor,
            "command_id": act.command_id,
            "correlation_id": act.correlation_id,
        }
        event = opening(**common, **fields)
        stream: Self = event.mutate(None)
        stream.pending_events.append(event)
        return stream

    def record(
        self, happened: type[Stream.Event], act: Act, effective_on: date, **fields: Any
    ) -> None:
        """Add *happened* to the stream and take over its state."""
        self.trigger_event(
            happened,
            timestamp=act.recorded_at,
            effective_on=effective_on,
            business_on=act.business_on,
            actor=act.actor,
            command_id=act.command_id,
            correlation_id=act.correlation_id,
            **fields,
        )

    def next_action(self) -> NextAction | None:
        """When this stream next needs attention; None when it needs none."""
        return None
