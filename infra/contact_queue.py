"""Contacts that are planned and wait for their turn: a work queue beside the events.

What is decided of a contact and what came of it are events of the borrower. A line of the
queue is taken under a lease; a process that is killed gives it back by letting it run out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Trial
from domain.commands.dispatch import Planned, Subject
from domain.commands.planning import Turn

Connection = psycopg.Connection[Any]


class State(StrEnum):
    """Where a planned contact is."""

    WAITING = "WAITING"
    """Its turn comes, or comes again."""
    DONE = "DONE"
    """It was made, or tried in vain; the borrower's stream says which."""
    DROPPED = "DROPPED"
    """It is not made: the reasons say why."""


@dataclass(frozen=True)
class Line:
    """A contact in the queue, with what became of it so far."""

    contact_ref: str
    borrower_id: UUID
    purpose: str
    channels: list[str]
    template: str | None
    occasion: str
    loan_ids: list[UUID]
    instalments: list[int | None]
    figures: dict[str, str]
    product_line: str | None
    experiment: str | None
    arm: str | None
    planned_on: date
    not_before: datetime
    expires_at: datetime
    state: str
    attempts: int
    channel: str | None
    reasons: list[str]
    due_by: date | None
    rule: str | None

    @property
    def planned(self) -> Planned:
        """The contact, as it is decided on."""
        trial = None
        if self.experiment is not None and self.arm is not None:
            trial = Trial(self.experiment, self.arm)
        return Planned(
            self.contact_ref,
            self.borrower_id,
            Purpose(self.purpose),
            tuple(Channel(each) for each in self.channels),
            self.template,
            self.occasion,
            tuple(map(Subject, self.loan_ids, self.instalments)),
            tuple(Figure(name, reads) for name, reads in self.figures.items()),
            self.product_line,
            trial,
            self.expires_at,
            self.planned_on,
            self.due_by,
            self.rule,
            tuple(self.reasons),
        )


@dataclass(frozen=True)
class Addressed(Line):
    """A contact in the queue, and the *party* that it was decided on as one with.

    That is on the borrower's stream; None where it is with the borrower, or still to be decided.
    """

    party: str | None


@dataclass(frozen=True)
class Taken(Line):
    """A line that the caller, and nobody else, has until its lease ends."""

    leased_until: datetime


COLUMNS = (
    "contact_ref, borrower_id, purpose, channels, template, occasion, loan_ids, instalments,"
    " figures, product_line, experiment, arm, planned_on, not_before, expires_at, state,"
    " attempts, channel, reasons, due_by, rule"
)


def put(conn: Connection, turns: Iterable[Turn], on: date) -> int:
    """Queue contacts that were planned on a day; those that are there already stay.

    Returns how many are new.
    """
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO contact.queue (contact_ref, borrower_id, purpose, channels, template,"
            " occasion, loan_ids, instalments, figures, product_line, experiment, arm,"
            " planned_on, not_before, expires_at, state, reasons, due_by, rule)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (contact_ref) DO NOTHING",
            [
                (
                    each.contact_ref,
                    each.borrower_id,
                    str(each.purpose),
                    [str(channel) for channel in each.channels],
                    each.template,
                    each.occasion,
                    [about.loan_id for about in each.about],
                    [about.instalment for about in each.about],
                    json.dumps({figure.figure: figure.reads for figure in each.figures}),
                    each.product_line,
                    None if each.trial is None else each.trial.experiment,
                    None if each.trial is None else each.trial.arm,
                    on,
                    turn.not_before,
                    each.expires_at,
                    str(State.WAITING if turn.dropped is None else State.DROPPED),
                    [] if turn.dropped is None else [turn.dropped],
                    each.due_by,
                    each.rule,
                )
                for turn in turns
                for each in (turn.planned,)
            ],
        )
        return cursor.rowcount


def known(conn: Connection, contact_refs: Sequence[str]) -> set[str]:
    """Which of these contacts are in the queue, or were."""
    rows = conn.execute(
        "SELECT contact_ref FROM contact.queue WHERE contact_ref = ANY(%s)", (list(contact_refs),)
    ).fetchall()
    return {row[0] for row in rows}


def take(conn: Connection, at: datetime, limit: int, lease: timedelta) -> list[Taken]:
    """Contacts whose turn has come at an instant, each for one caller until its lease ends.

    Those that are in time until a day only come first, the first of these days before others.
    """
    with conn.cursor(row_factory=class_row(Taken)) as cursor:
        return cursor.execute(
            f"""
            UPDATE contact.queue SET leased_until = clock_timestamp() + %(lease)s,
                attempts = attempts + 1, changed_at = clock_timestamp()
            WHERE contact_ref IN (
                SELECT contact_ref FROM contact.queue
                WHERE state = 'WAITING' AND not_before <= %(at)s
                    AND (leased_until IS NULL OR leased_until < clock_timestamp())
                ORDER BY due_by, not_before, contact_ref LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            RETURNING {COLUMNS}, leased_until
            """,  # noqa: S608 - the columns are a constant
            {"at": at, "limit": limit, "lease": lease},
        ).fetchall()


def renew(conn: Connection, taken: Sequence[Taken], lease: timedelta) -> list[Taken]:
    """Those that the caller still has, for as long again; without those whose lease was over."""
    renewed = dict(
        conn.execute(
            "UPDATE contact.queue AS old SET leased_until = clock_timestamp() + %s"
            " FROM unnest(%s::text[], %s::timestamptz[]) AS held (contact_ref, leased_until)"
            " WHERE old.contact_ref = held.contact_ref AND old.leased_until = held.leased_until"
            " RETURNING old.contact_ref, old.leased_until",
            (lease, *_held(taken)),
        ).fetchall()
    )
    return [
        replace(each, leased_until=renewed[each.contact_ref])
        for each in taken
        if each.contact_ref in renewed
    ]


def let_go(conn: Connection, taken: Sequence[Taken]) -> None:
    """Contacts that the caller did not come to have their turn again, as if never taken."""
    conn.execute(
        "UPDATE contact.queue AS old SET leased_until = NULL, attempts = attempts - 1"
        " FROM unnest(%s::text[], %s::timestamptz[]) AS held (contact_ref, leased_until)"
        " WHERE old.contact_ref = held.contact_ref AND old.leased_until = held.leased_until",
        _held(taken),
    )


def _held(taken: Sequence[Taken]) -> tuple[list[str], list[datetime]]:
    return [each.contact_ref for each in taken], [each.leased_until for each in taken]


def give_back(conn: Connection, on: date) -> None:
    """Take a day's contacts back from whoever has them; only where nobody is at work any more."""
    conn.execute("UPDATE contact.queue SET leased_until = NULL WHERE planned_on = %s", (on,))


def put_off(conn: Connection, until: Sequence[tuple[str, datetime, Sequence[str]]]) -> None:
    """Let contacts wait until their instants, for the reasons."""
    if until:
        refs, instants, reasons = zip(*until, strict=True)
        conn.execute(
            "UPDATE contact.queue AS old SET not_before = new.not_before,"
            " reasons = ARRAY(SELECT jsonb_array_elements_text(new.reasons::jsonb)),"
            " leased_until = NULL, changed_at = clock_timestamp()"
            " FROM unnest(%s::text[], %s::timestamptz[], %s::text[])"
            " AS new (contact_ref, not_before, reasons) WHERE old.contact_ref = new.contact_ref",
            (list(refs), list(instants), _as_json(reasons)),
        )


def end(conn: Connection, ended: Sequence[tuple[str, State, str | None, Sequence[str]]]) -> None:
    """Let contacts wait no more: each with its state, channel and reasons."""
    if ended:
        refs, states, channels, reasons = zip(*ended, strict=True)
        conn.execute(
            "UPDATE contact.queue AS old SET state = new.state, channel = new.channel,"
            " reasons = ARRAY(SELECT jsonb_array_elements_text(new.reasons::jsonb)),"
            " leased_until = NULL, changed_at = clock_timestamp()"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            " AS new (contact_ref, state, channel, reasons)"
            " WHERE old.contact_ref = new.contact_ref",
            (list(refs), [str(each) for each in states], list(channels), _as_json(reasons)),
        )


def _as_json(reasons: Iterable[Sequence[str]]) -> list[str]:
    """Each list as a text of its own: of different lengths they are no array of PostgreSQL's."""
    return [json.dumps(list(each)) for each in reasons]


def last_due(conn: Connection, on: date) -> date | None:
    """The last day up to *on* with contacts that have to be in time."""
    row = conn.execute(
        "SELECT max(planned_on) FROM contact.queue WHERE planned_on <= %s AND due_by IS NOT NULL",
        (on,),
    ).fetchone()
    return None if row is None else row[0]


def overdue(
    conn: Connection, on: date, *, planned_on: date | None, also: Sequence[str] = ()
) -> list[Line]:
    """What was in time until a day before *on* only, of the plan of a day; *also* others."""
    with conn.cursor(row_factory=class_row(Line)) as cursor:
        return cursor.execute(
            f"""
            SELECT {COLUMNS} FROM contact.queue
            WHERE due_by < %(on)s
                AND (planned_on = %(planned_on)s OR contact_ref = ANY(%(also)s))
            ORDER BY due_by, contact_ref
            """,  # noqa: S608 - the columns are a constant
            {"on": on, "planned_on": planned_on, "also": list(also)},
        ).fetchall()


def borrower_of(conn: Connection, contact_ref: str) -> UUID | None:
    """Whose contact it is; None when it was never queued."""
    row = conn.execute(
        "SELECT borrower_id FROM contact.queue WHERE contact_ref = %s", (contact_ref,)
    ).fetchone()
    return None if row is None else row[0]


def next_turn(conn: Connection) -> datetime | None:
    """When the next contact may be made; None when none waits."""
    row = conn.execute(
        "SELECT min(not_before) FROM contact.queue WHERE state = 'WAITING'"
    ).fetchone()
    return None if row is None else row[0]


def lines(
    conn: Connection,
    *,
    on: date | None = None,
    borrower_id: UUID | None = None,
    contact_ref: str | None = None,
) -> list[Line]:
    """The queue: of a day's plan, of a borrower, one contact, or whole."""
    with conn.cursor(row_factory=class_row(Line)) as cursor:
        return cursor.execute(
            f"""
            SELECT {COLUMNS} FROM contact.queue
            WHERE (%(on)s::date IS NULL OR planned_on = %(on)s)
                AND (%(borrower)s::uuid IS NULL OR borrower_id = %(borrower)s)
                AND (%(ref)s::text IS NULL OR contact_ref = %(ref)s)
            ORDER BY not_before, contact_ref
            """,  # noqa: S608 - the columns are a constant
            {"on": on, "borrower": borrower_id, "ref": contact_ref},
        ).fetchall()
