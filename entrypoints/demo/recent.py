"""A book that remembers, within one run, the streams it has just read or written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Self
from uuid import UUID

from domain.base.stream import Stream
from domain.commands.book import Book, Command, Due, Streams
from domain.policy.policy import Policy


class RecentBook(Book):
    """Reads a stream once, and again only when somebody else has written to it.

    The store stays the truth: what is kept is checked there against the version it
    was decided on, in the same transaction. When another writer was first, nothing
    is stored, everything remembered is forgotten, and the caller decides anew.
    """

    @classmethod
    def of(cls, book: Book) -> Self:
        """*book*, remembering from now on."""
        remembering = object.__new__(cls)
        remembering.__dict__.update(book.__dict__)
        remembering.recent = {}
        return remembering

    recent: dict[UUID, Stream]

    def close(self) -> None:
        """Nothing: who opened the book closes it, also after this one is forgotten."""

    @property
    def streams(self) -> Streams:
        """The recorder, behind what is remembered."""
        return _Recent(super().streams, self.recent)

    def keep(self, commands: Sequence[Command], *streams: Stream) -> None:
        """Store what is new on *streams*, and remember them as they are now.

        Raises:
            IntegrityError: another writer was first, or a command was done before.
        """
        try:
            super().keep(commands, *streams)
        except BaseException:
            self.recent.clear()
            raise
        self.recent.update((stream.id, stream) for stream in streams)


class _Recent:
    """The recorder's reads, each stream's first time."""

    def __init__(self, recorder: Streams, recent: dict[UUID, Stream]) -> None:
        self._recorder = recorder
        self._recent = recent

    def load(self, ids: Sequence[UUID], until: int | None = None) -> dict[UUID, Stream]:
        if until is not None:
            return self._recorder.load(ids, until)
        found = {}
        for stream_id in ids:
            stream = self._recent.get(stream_id)
            # One with something pending was given up half way.
            if stream is not None and not stream.pending_events:
                found[stream_id] = stream
        missing = [stream_id for stream_id in ids if stream_id not in found]
        if missing:
            loaded = self._recorder.load(missing)
            self._recent.update(loaded)
            found.update(loaded)
        return found

    def versions(self, ids: Iterable[UUID]) -> dict[UUID, int]:
        return self._recorder.versions(ids)

    def find_command(self, command_id: UUID) -> Command | None:
        return self._recorder.find_command(command_id)

    def due(self, on: date, stream_kind: str, after: Due | None, limit: int) -> list[Due]:
        return self._recorder.due(on, stream_kind, after, limit)

    def last_of_policies(self) -> int:
        return self._recorder.last_of_policies()

    def policies(self) -> list[Policy]:
        return self._recorder.policies()
