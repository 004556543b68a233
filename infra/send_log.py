"""The send log beside the events, and when it may go: never before its retention floors.

It is what was planned and finished (``contact.queue``), which provider had it
(``contact.sending``) and what was brought (``contact.inbox``). What the borrowers' streams
tell of contacts is no part of it, and stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from domain.base.contact_policy import Purpose
from domain.base.policy import ANYWHERE, Policies, in_force
from domain.base.refusal import Refusal
from domain.base.retention import FloorUnknown, RecordClass, Retained, RetentionFloor, retained
from domain.borrower.borrower import Borrower
from domain.commands.book import Book

Connection = psycopg.Connection[Any]

BATCH = 1000
DAY = timedelta(days=1)
IN_EXPERIMENT = "EXPERIMENT"
"""Why a line stays for ever: it says which arm of an experiment somebody was in."""

QUEUE = """
    SELECT q.contact_ref AS key, q.borrower_id, q.purpose, q.experiment,
        greatest(q.changed_at, s.began_at, s.ended_at) AS last_at
    FROM contact.queue AS q LEFT JOIN contact.sending AS s USING (contact_ref)
    WHERE q.state <> 'WAITING' AND q.contact_ref > %(after)s
        AND greatest(q.changed_at, s.began_at, s.ended_at) < %(before)s
    ORDER BY q.contact_ref LIMIT %(limit)s
"""
SENDING = """
    SELECT s.contact_ref AS key, NULL::uuid AS borrower_id, NULL AS purpose, NULL AS experiment,
        coalesce(s.ended_at, s.began_at) AS last_at
    FROM contact.sending AS s
    WHERE s.contact_ref > %(after)s AND coalesce(s.ended_at, s.began_at) < %(before)s
        AND NOT EXISTS (SELECT FROM contact.queue AS q WHERE q.contact_ref = s.contact_ref)
    ORDER BY s.contact_ref LIMIT %(limit)s
"""
INBOX = """
    SELECT lpad(i.id::text, 20, '0') AS key, q.borrower_id, q.purpose,
        NULL AS experiment, i.ended_at AS last_at
    FROM contact.inbox AS i LEFT JOIN contact.queue AS q USING (contact_ref)
    WHERE i.state <> 'NEW' AND i.ended_at < %(before)s AND lpad(i.id::text, 20, '0') > %(after)s
    ORDER BY 1 LIMIT %(limit)s
"""


class FloorAhead(Refusal):
    """What is asked to go must still be kept."""

    code = "RETENTION_FLOOR"


@dataclass(frozen=True)
class Kept:
    """Lines that stay although they are older, by the floor that says so."""

    record_class: str
    jurisdiction: str
    version: str
    lines: int


@dataclass(frozen=True)
class Purged:
    """How many lines were removed, and what stays."""

    before: date
    queue: int
    sending: int
    inbox: int
    kept: list[Kept]


@dataclass(frozen=True)
class _Line:
    key: str
    borrower_id: UUID | None
    purpose: str | None
    experiment: str | None
    last_at: datetime


class SendLog:
    """The send log on a connection of the writer's; *on* is the business date."""

    def __init__(self, book: Book, conn: Connection, zone: str, on: date) -> None:
        self._book = book
        self._conn = conn
        self._zone = ZoneInfo(zone)
        self._on = on
        self._kept: Counter[tuple[str, str, str]] = Counter()

    def purge(self, before: date) -> Purged:
        """Remove what was finished before a day, and whose own floor has passed.

        What was planned in an experiment stays, or its result would change. A message counts
        from its own day; one for collection also from the last contact for
        collection with the borrower. Where nobody can tell whose a line is, the longest
        floor of all jurisdictions decides.

        Raises:
            FloorAhead: what was sent until then must be kept.
            FloorUnknown: no policy says how long messages are kept.
        """
        policies = self._book.policies
        self._must_be_past(before, policies)
        self._kept.clear()
        # What was brought is told by whom it is about in the queue, so that goes last.
        inbox = sum(
            self._delete("DELETE FROM contact.inbox WHERE id = ANY(%s)", [int(key) for key in keys])
            for keys in self._over(INBOX, before, policies)
        )
        sending = sum(
            self._delete("DELETE FROM contact.sending WHERE contact_ref = ANY(%s)", keys)
            for keys in self._over(SENDING, before, policies)
        )
        queue = 0
        for keys in self._over(QUEUE, before, policies):
            with self._conn.transaction():
                sending += self._delete(
                    "DELETE FROM contact.sending WHERE contact_ref = ANY(%s)", keys
                )
                queue += self._delete("DELETE FROM contact.queue WHERE contact_ref = ANY(%s)", keys)
        kept = [Kept(*named, lines) for named, lines in sorted(self._kept.items())]
        return Purged(before, queue, sending, inbox, kept)

    def _delete(self, statement: str, keys: Sequence[Any]) -> int:
        return self._conn.execute(statement, (list(keys),)).rowcount

    def _must_be_past(self, before: date, policies: Policies) -> None:
        floors = policies.floors_of(ANYWHERE, self._on)
        before = min(before, self._on + DAY)
        last = _sent_until(floors, before)
        if last is not None and last.until > self._on:
            latest = before
            while (found := _sent_until(floors, latest)) and found.until > self._on:
                latest -= DAY
            raise FloorAhead(
                f"Send records of {before - DAY} are kept until {last.until}, by "
                f"{last.record_class} of {last.version}: give --before {latest} or earlier."
            )

    def _over(self, query: str, before: date, policies: Policies) -> Iterator[list[str]]:
        """The keys of lines that may go, batch by batch."""
        after = ""
        instant = datetime.combine(before, time(), self._zone)
        while True:
            with self._conn.cursor(row_factory=class_row(_Line)) as cursor:
                lines = cursor.execute(
                    query, {"after": after, "before": instant, "limit": BATCH}
                ).fetchall()
            if not lines:
                return
            after = lines[-1].key
            known = {line.borrower_id for line in lines if line.borrower_id is not None}
            borrowers = self._book.get_many(Borrower, known)
            yield [
                line.key
                for line in lines
                if self._may_go(line, borrowers.get(line.borrower_id or UUID(int=0)), policies)
            ]

    def _may_go(self, line: _Line, borrower: Borrower | None, policies: Policies) -> bool:
        if line.experiment is not None:
            # By it the result is told, of those too who were held out.
            self._kept[IN_EXPERIMENT, "" if borrower is None else borrower.jurisdiction, ""] += 1
            return False
        if borrower is None:
            jurisdiction = ""
            floors = in_force(policies.retention_floors, self._on)
        else:
            jurisdiction = borrower.jurisdiction
            floors = policies.floors_of(jurisdiction, self._on)
        try:
            longest = retained(floors, self._last(line, borrower))
        except FloorUnknown as unknown:
            self._kept[unknown.code, jurisdiction, ""] += 1
            return False
        if longest is None or longest.until <= self._on:
            return True
        self._kept[longest.record_class, jurisdiction, longest.version] += 1
        return False

    def _last(self, line: _Line, borrower: Borrower | None) -> Mapping[str, date]:
        """The day from which each class of record counts that a line is of."""
        last_on = line.last_at.astimezone(self._zone).date()
        found: dict[str, date] = {RecordClass.SEND_RECORD: last_on}
        if borrower is None:
            found[RecordClass.COLLECTION_RECORD] = last_on
        elif line.purpose == Purpose.COLLECTION:
            collected = [
                past.at.astimezone(self._zone).date()
                for past in borrower.contacts.values()
                if past.purpose == Purpose.COLLECTION
            ]
            found[RecordClass.COLLECTION_RECORD] = max([last_on, *collected])
        return found


def _sent_until(floors: Sequence[RetentionFloor], before: date) -> Retained | None:
    """How long the last record is kept that is older than a day."""
    return retained(floors, {RecordClass.SEND_RECORD: before - DAY})
