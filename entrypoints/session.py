"""What a command of staff needs: the running book, who acts, and which loan is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TextIO
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import psycopg

from domain.base.calendar import next_day
from domain.base.dated_rules import DatedRules
from domain.base.refs import ALPHABET
from domain.base.refusal import NotYet
from domain.base.stream import Act, Stream
from domain.commands import days
from domain.commands.book import Book, Receipt
from infra import clock, processes
from infra.bootstrap import PROJECTOR, as_role, open_book
from infra.dated_rules import rules_known
from infra.settings import Settings
from infra.trouble import Trouble

CLOCKS_DIFFER = timedelta(minutes=5)
"""So far the clocks of two machines may be apart."""

INSTANT = timedelta(microseconds=1)
"""What lies between an instant and the next."""

BORROWER_NAMES = "B-XXXXX-XXXXX, an id, or origin:reference"
"""How a borrower is named."""

REF = re.compile(rf"^([LB])-?([{ALPHABET}]{{5}})-?([{ALPHABET}]{{5}})$", re.IGNORECASE)


@dataclass
class Session:
    """The open book and the circumstances of this command."""

    settings: Settings
    database_url: str
    book: Book
    business_on: date
    acts_at: datetime | None = None
    """When the act is that was begun last."""

    def act(self, actor: str, command_id: UUID | None) -> Act:
        """An act of *actor* now, on the book's business date.

        One that is given again by its id is what it was: of its day, and of its instant. So
        what is not said, and is taken from the day or the clock, is the same again.
        """
        self.acts_at = clock.now()
        if command_id is None:
            command_id = uuid4()
        elif (before := self._given_before(command_id)) is not None:
            self.business_on, self.acts_at = before.business_on, before.timestamp
        return Act(actor, self.business_on, self.acts_at, command_id, command_id)

    def _given_before(self, command_id: UUID) -> Stream.Event | None:
        """What a command recorded that came under this id."""
        known = self.book.streams.find_command(command_id)
        if known is None or known.version == 0:
            return None
        found = self.book.events.get(known.stream_id, gt=known.version - 1, lte=known.version)
        event = next(iter(found), None)
        if not isinstance(event, Stream.Event) or event.correlation_id != command_id:
            return None
        return event

    def happened_at(self, instant: datetime | None) -> datetime:
        """*instant*, which is not in the future; without one, that of the act.

        It is at most a few minutes later than the clock, or, where the book's business day
        is one that has not begun where the lender is, on that day. A contact that is decided
        on at a later instant would let nobody ask about the borrower until then.

        Raises:
            NotYet: it is later.
        """
        if instant is None:
            return self.acts_at or clock.now()
        last = clock.now() + CLOCKS_DIFFER
        ahead = self.business_on > clock.business_date(self.settings.zone)
        if ahead:
            midnight = time(), ZoneInfo(self.settings.zone)
            last = max(last, datetime.combine(next_day(self.business_on), *midnight) - INSTANT)
        if instant > last:
            day = f", or one of the business day {self.business_on}" if ahead else ""
            raise NotYet(
                f"{instant:%Y-%m-%d %H:%M:%SZ} is still to come: give an instant that is over"
                f"{day}, or leave --at out."
            )
        return instant

    def stream_id(self, named: str) -> UUID:
        """The stream that staff mean by an id, a short reference or ``origin:ref``.

        Raises:
            Trouble: there is none.
        """
        text = named.strip()
        try:
            return UUID(text)
        except ValueError:
            pass
        short = REF.match(text)
        if short is not None:
            return self._by_ref(short)
        found = uuid5(self.book.namespace, text)
        if ":" in text and self._kinds_of([found]):
            return found
        raise Trouble(f"{named!r} names no loan: give L-XXXXX-XXXXX, an id, or origin:reference.")

    def borrower_id(self, named: str) -> UUID:
        """The borrower that staff mean by an id, a short reference or ``origin:ref``.

        The last is what the book of that origin names them, or the name that the stream was
        made from. An id that nothing has is taken as it is: the vault knows people whom the
        book does not.

        Raises:
            Trouble: it is a loan's, or nobody's.
        """
        from domain.base.refs import short_ref
        from domain.commands.imports import id_of_borrower
        from domain.loan.loan import Loan

        text = named.strip()
        origin, colon, ref = text.partition(":")
        if colon:
            namespace = self.book.namespace
            ids = [uuid5(namespace, text), id_of_borrower(namespace, origin, ref)]
        else:
            ids = [self._id_or_ref(text)]
        kinds = self._kinds_of(ids)
        for each in ids:
            if kinds.get(each) == "borrower":
                return each
        for each in ids:
            if kinds.get(each) == "loan":
                whose = short_ref("B", self.book.get(Loan, each).borrower_id)
                raise Trouble(f"{named!r} names a loan: name its borrower, {whose}.")
        if colon:
            raise Trouble(f"No borrower is known as {named!r}: give {BORROWER_NAMES}.")
        return ids[0]

    def _id_or_ref(self, text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            short = REF.match(text)
            if short is None:
                raise Trouble(f"{text!r} names no borrower: give {BORROWER_NAMES}.") from None
            return self._by_ref(short)

    def _kinds_of(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What the streams with these ids are, such as ``loan``; those that there are."""
        with psycopg.connect(as_role(self.database_url, PROJECTOR)) as conn:
            rows = conn.execute(
                "SELECT originator_id, topic FROM store.book_events"
                " WHERE originator_version = 1 AND originator_id = ANY(%s)",
                (list(ids),),
            ).fetchall()
        return {stream_id: str(topic).partition(".")[0] for stream_id, topic in rows}

    def _by_ref(self, short: re.Match[str]) -> UUID:
        bits = 0
        for letter in (short[2] + short[3]).upper():
            bits = bits << 5 | ALPHABET.index(letter)
        kind = {"L": "loan.", "B": "borrower."}[short[1].upper()]
        with psycopg.connect(as_role(self.database_url, PROJECTOR)) as conn:
            row = conn.execute(
                "SELECT originator_id FROM store.book_events WHERE originator_id >= %s"
                " AND originator_id <= %s AND originator_version = 1 AND topic LIKE %s",
                (UUID(int=bits << 78), UUID(int=(bits << 78) + (1 << 78) - 1), kind + "%"),
            ).fetchone()
        if row is None:
            raise Trouble(f"No stream has the reference {short[0].upper()}.")
        found: UUID = row[0]
        return found

    def ids_opened_by(self, event_type: str) -> list[UUID]:
        """The streams that begin with events of a type."""
        with psycopg.connect(as_role(self.database_url, PROJECTOR)) as conn:
            rows = conn.execute(
                "SELECT originator_id FROM store.book_events"
                " WHERE originator_version = 1 AND topic = %s ORDER BY notification_id",
                (event_type,),
            ).fetchall()
        return [row[0] for row in rows]

    def journal(self, receipts: Sequence[tuple[UUID, Receipt]]) -> None:
        """Note acknowledged commands in the caller's own file, outside the database."""
        path = self.settings.home / "journal.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            for command_id, receipt in receipts:
                line = {
                    "command_id": str(command_id),
                    "stream_id": str(receipt.stream_id),
                    "version": receipt.version,
                }
                file.write(json.dumps(line) + "\n")

    def log_file(self) -> TextIO:
        """Where commands log what they recorded or were refused."""
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        return (self.settings.logs / "commands.log").open("a")


def database_url(settings: Settings) -> str:
    """Where the database is: given, or that of the running embedded server.

    Raises:
        Trouble: nothing is running.
    """
    if settings.database_url:
        return settings.database_url
    state = processes.status(settings)
    if state is None:
        raise Trouble("Nothing is running: start it with ./loans up.")
    return state.database_url


@contextmanager
def session(settings: Settings | None = None) -> Iterator[Session]:
    """The book, open for one command."""
    settings = settings or Settings()
    url = database_url(settings)
    with open_book(url, connections=1) as book:
        on = days.business_date(book) or clock.business_date(settings.zone)
        yield Session(settings, url, book, on)


def rules_now() -> DatedRules:
    """The dated rules as they are known now; where nothing runs, those of the files."""
    try:
        with session() as opened:
            return opened.book.rules
    except Trouble:
        return rules_known()
