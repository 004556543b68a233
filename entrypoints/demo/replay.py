"""Carries out a plan day by day on the real book; killed anywhere, it can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid5

from eventsourcing.persistence import IntegrityError

from domain.base.calendar import next_day
from domain.base.stream import Act, Stream
from domain.commands import days, products
from domain.commands.book import TRIES, Book, Command, digest_of
from domain.operations.business_day import BusinessDay
from domain.product.product import Offer, Product
from entrypoints.demo.carry_out import Desk
from entrypoints.demo.intents import END, START, Intent, Plan
from entrypoints.demo.offers import OFFERS
from entrypoints.demo.recent import RecentBook
from infra.trouble import Trouble


@dataclass
class Progress:
    """How far a replay is."""

    day: date
    days_done: int
    days_total: int
    commands: int = 0
    events: int = 0
    seconds: float = 0.0


class Journal:
    """The caller's own note of acknowledged commands, outside the database."""

    def __init__(self, path: Path) -> None:
        """Lines are added to what *path* holds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")

    def note(self, commands: Sequence[Command]) -> None:
        """Write down *commands*, now that they were acknowledged."""
        for command in commands:
            line = {
                "command_id": str(command.command_id),
                "stream_id": str(command.stream_id),
                "version": command.version,
            }
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing more is noted."""
        self._file.close()


def replay(
    book: Book,
    plan: Plan,
    *,
    zone: str,
    now: Callable[[], datetime],
    journal: Journal,
    each: Callable[[Progress], None] = lambda _: None,
    until: date = END,
) -> Progress:
    """Every intent up to *until* is carried out, and every day of it closed.

    Days closed before stay as they are; of the day that was open when a run ended,
    what was done is found by its command ids.

    Raises:
        Trouble: others write to the same streams all the time.
    """
    started = time.monotonic()
    book = RecentBook.of(book)
    desk = Desk(book.namespace, book.policies, _publish(book, now(), journal))
    day, resumed = _first_day(book)
    total = (until - START).days + 1
    progress = Progress(day, (day - START).days, total)
    while day <= until:
        intents = plan.get(day, [])
        before = progress.events
        _carry_out(book, desk, day, intents, zone, now, journal, progress, resumed)
        counts = days.close_day(book, day, zone=zone, now=now)
        opened_by_closing = progress.events == before and not resumed
        progress.events += sum(counts.values()) + 1 + opened_by_closing
        progress.days_done += 1
        progress.day = day
        progress.seconds = time.monotonic() - started
        each(progress)
        resumed = False
        day = next_day(day)
    return progress


def stands_at(book: Book) -> date | None:
    """The last day closed, or the one that is open; None in a book without days."""
    stream = book.find(BusinessDay, days.days_id(book))
    return None if stream is None else stream.open_on or stream.closed_on


def is_the_demo(book: Book) -> bool:
    """Whether the book is empty, or one that a replay began."""
    first = book.streams.find_command(_publishing(book, OFFERS[0]))
    return first is not None or not book.recorder.max_notification_id()


def _publishing(book: Book, offer: Offer) -> UUID:
    return uuid5(book.namespace, f"demo:product:{offer.code}:{offer.version}")


def _publish(book: Book, now: datetime, journal: Journal) -> dict[str, Product]:
    published = {}
    for offer in OFFERS:
        command_id = _publishing(book, offer)
        act = Act("product-desk", START, now, command_id, command_id)
        receipt = products.publish(book, act, offer=offer)
        if not receipt.repeated:
            done = Command(command_id, b"", receipt.stream_id, receipt.version)
            journal.note([done])
        published[offer.code] = book.get(Product, receipt.stream_id)
    return published


def _first_day(book: Book) -> tuple[date, bool]:
    """The day to go on with, and whether some of it may be done."""
    stream = book.find(BusinessDay, days.days_id(book))
    if stream is None:
        return START, True
    day = stream.open_on or (next_day(stream.closed_on) if stream.closed_on else START)
    return day, True


def _carry_out(
    book: RecentBook,
    desk: Desk,
    day: date,
    intents: Sequence[Intent],
    zone: str,
    now: Callable[[], datetime],
    journal: Journal,
    progress: Progress,
    resumed: bool,
) -> None:
    """Open the day and carry out its intents, all in one transaction."""
    for _ in range(TRIES):
        todo = intents
        if resumed:
            todo = [
                intent
                for intent in intents
                if book.streams.find_command(desk.command_id(intent)) is None
            ]
        if not todo:
            return
        open_day, opening = days.opening(book, day, zone=zone, now=now())
        commands, streams = _decide(book, desk, day, todo, now())
        if opening:
            streams.append(open_day)
        events = sum(len(stream.pending_events) for stream in streams)
        try:
            book.keep([*opening, *commands], *streams)
        except IntegrityError:
            resumed = True  # another writer was first: look again, decide again
            continue
        journal.note(commands)
        progress.commands += len(commands)
        progress.events += events
        return
    raise Trouble(f"Others change the book at every try of {day}: stop them, resume.")


def _decide(
    book: Book, desk: Desk, day: date, intents: Sequence[Intent], now: datetime
) -> tuple[list[Command], list[Stream]]:
    ids = {desk.stream_id(intent.stream) for intent in intents}
    streams: dict[UUID, Stream] = book.streams.load(list(ids))
    commands = []
    for intent in intents:
        stream_id, command_id = desk.stream_id(intent.stream), desk.command_id(intent)
        act = Act(intent.actor, day, now, command_id, command_id)
        stream = desk.carry_out(intent, streams.get(stream_id), act)
        streams[stream_id] = stream
        digest = digest_of(intent.verb, dict(intent.fields))
        commands.append(Command(command_id, digest, stream_id, stream.version))
    return commands, list(streams.values())
