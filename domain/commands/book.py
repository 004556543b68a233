"""The book: every stream of one lender, and how a command is carried out on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from uuid import UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError

from domain.base.calendar import BusinessDays
from domain.base.dated_rules import DatedRules, Entry
from domain.base.free_text import must_be_impersonal
from domain.base.policy import Policies
from domain.base.refusal import AlreadyThere, CommandReused, ContentionRefused, NotFound, Refusal
from domain.base.stream import Act, Stream
from domain.policy.policy import Policy

S = TypeVar("S", bound=Stream)
P = ParamSpec("P")

TRIES = 3


LoansOfBorrower = Callable[[], Iterable[UUID]]
"""Looks up the loans of a borrower, those that were only applied for among them."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was carried out: its content's digest and what came of it."""

    command_id: UUID
    digest: bytes
    stream_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a caller gets: the stream, its version, and whether it was done before."""

    stream_id: UUID
    version: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A stream that needs attention."""

    stream_id: UUID
    kind: str
    due_on: date


class Streams(Protocol):
    """What the book asks of its recorder beyond the library's interface."""

    def load(self, ids: Sequence[UUID], until: int | None = None) -> dict[UUID, Stream]: ...
    def versions(self, ids: Iterable[UUID]) -> dict[UUID, int]: ...
    def find_command(self, command_id: UUID) -> Command | None: ...
    def due(self, on: date, stream_kind: str, after: Due | None, limit: int) -> list[Due]: ...
    def last_of_policies(self) -> int: ...
    def policies(self) -> list[Policy]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """The dated rules as they were known at a position in the log of events."""

    position: int
    rules: DatedRules


_HELD: ContextVar[list[DatedRules] | None] = ContextVar("held rules", default=None)
"""The rules that the running command decides by, once it asked for them."""


class Book(Application[UUID]):
    """Every stream of one lender.

    ``rules_known`` makes the dated rules of what is shipped and what was published,
    ``read_rule`` the value of one entry. ``business_days`` gives the days of a calendar by
    its name, ``namespace`` is the secret under which ids of imported records are made.
    """

    name = "book"
    rules_known: Callable[[Sequence[Policy]], DatedRules]
    read_rule: Callable[[Entry], object]
    _known: _Known | None = None
    business_days: Callable[[str], BusinessDays]
    namespace: UUID

    @property
    def streams(self) -> Streams:
        """The recorder, by what we added to it."""
        return cast("Streams", self.recorder)

    @property
    def rules(self) -> DatedRules:
        """The dated rules, with what was published until now; one command sees one set."""
        held = _HELD.get()
        if held:
            return held[0]
        rules = self._look()
        if held is not None:
            held.append(rules)
        return rules

    @property
    def policies(self) -> Policies:
        """The dated rules of servicing, as *rules* gives them."""
        return self.rules.policies

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Let everything that is decided inside be decided by the same rules."""
        token = _HELD.set([])
        try:
            yield
        finally:
            _HELD.reset(token)

    def _look(self) -> DatedRules:
        position = self.streams.last_of_policies()
        known = self._known
        if known is None or known.position != position:
            # Read after the position: what is published in between is only looked at again.
            rules = self.rules_known(self.streams.policies() if position else [])
            self._known = known = _Known(position, rules)
        return known.rules

    def get(self, kind: type[S], stream_id: UUID) -> S:
        """The stream as it stands.

        Raises:
            NotFound: there is none of this kind with the id.
        """
        return self.must_be(kind, stream_id, self.streams.load([stream_id]))

    def must_be(self, kind: type[S], stream_id: UUID, loaded: dict[UUID, Stream]) -> S:
        """The one of *loaded* with the id, being of the kind.

        Raises:
            NotFound: there is none.
        """
        stream = loaded.get(stream_id)
        if not isinstance(stream, kind):
            raise NotFound(f"There is no {kind.__name__.lower()} {stream_id}.")
        return stream

    def must_be_new(self, stream_id: UUID, loaded: dict[UUID, Stream]) -> None:
        """Pass when none of *loaded* has the id.

        Raises:
            AlreadyThere: one has.
        """
        if stream_id in loaded:
            raise AlreadyThere(f"{stream_id} is there already.")

    def find(self, kind: type[S], stream_id: UUID) -> S | None:
        """The stream as it stands; None when there is none."""
        stream = self.streams.load([stream_id]).get(stream_id)
        return stream if isinstance(stream, kind) else None

    def get_many(self, kind: type[S], ids: Iterable[UUID]) -> dict[UUID, S]:
        """The streams that exist among *ids*, read in one query."""
        found = self.streams.load(list(ids))
        return {key: stream for key, stream in found.items() if isinstance(stream, kind)}

    def keep(self, commands: Sequence[Command], *streams: Stream) -> None:
        """Store what is new on *streams*, with the commands behind it, in one transaction.

        Raises:
            IntegrityError: another writer was first, or a command was done before.
        """
        # As ``save`` does, without its records of what was recorded, which nobody reads.
        events = [event for stream in streams for event in stream.collect_events()]
        stored = [self.mapper.to_stored_event(event) for event in events]
        self.recorder.insert_events(stored, commands=commands, streams=streams)


def digest_of(name: str, content: dict[str, Any]) -> bytes:
    """A fingerprint of what a command asks for."""
    text = json.dumps([name, content], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()


def command(
    decide: Callable[Concatenate[Book, Act, P], Stream | Sequence[Stream]],
    *,
    added: tuple[str, ...] = (),
) -> Callable[Concatenate[Book, Act, P], Receipt]:
    """Carries out *decide*, which loads a stream, calls it and returns it.

    Where it returns several, all are stored in one transaction and the receipt names the
    first; what is recorded on each other one is under an id of its own (*act_on*).

    The same command id again returns the first receipt. When another writer was
    first, the command runs again whole, three times at most. What *decide* is to look up by a
    function it is given is no content of the command: it may read otherwise the next time.
    Nor is an option that was *added* since the command was first released, as long as it is
    not said: what was asked for before there was one is the same when it is asked for again.

    Raises:
        Refusal: the rules do not allow it; nothing was recorded.
        PersonalInClear: a text that a person worded holds somebody's number or address.
        CommandReused: the id came before, with other content.
        ContentionRefused: other writers were first at every try.
    """

    @wraps(decide)
    def carried_out(book: Book, act: Act, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        content = {
            name: said
            for name, said in kwargs.items()
            if not callable(said) and (said is not None or name not in added)
        }
        digest = digest_of(decide.__name__, {"args": args, **content})
        for _ in range(TRIES):
            try:
                must_be_impersonal(kwargs)
                with book.one_look():
                    decided = decide(book, act, *args, **kwargs)
                stream, *others = [decided] if isinstance(decided, Stream) else decided
                done = [Command(act.command_id, digest, stream.id, stream.version)]
                done += [
                    Command(_command_id(other), digest, other.id, other.version)
                    for other in others
                    if other.pending_events
                ]
                book.keep(done, stream, *others)
            except (Refusal, IntegrityError) as trouble:
                first = book.streams.find_command(act.command_id)
                if first is not None:
                    return _again(first, digest)
                if isinstance(trouble, Refusal):
                    raise
            else:
                return Receipt(stream.id, stream.version, repeated=False)
        raise ContentionRefused("Others changed it at every try; try again in a moment.")

    return carried_out


def act_on(act: Act, stream_id: UUID) -> Act:
    """The part of an act that is done on another stream than its first."""
    return replace(act, command_id=id_on(act.command_id, stream_id))


def id_on(command_id: UUID, stream_id: UUID) -> UUID:
    """The id under which a command records on another stream than its first."""
    return uuid5(command_id, str(stream_id))


def _command_id(stream: Stream) -> UUID:
    last = stream.pending_events[-1]
    assert isinstance(last, Stream.Event)
    return last.command_id


def _again(first: Command, digest: bytes) -> Receipt:
    if first.digest != digest:
        raise CommandReused(f"The command id {first.command_id} came before with other content.")
    return Receipt(first.stream_id, first.version, repeated=True)
