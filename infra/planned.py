"""Puts what was planned in the queue, once the borrowers' streams tell what is not made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import psycopg

from domain.base.stream import Act
from domain.commands.book import Book
from domain.commands.planned import tell_planned
from domain.commands.planning import Turn
from infra import clock, contact_queue

ACTOR = "planner"


def queue(
    book: Book,
    conn: psycopg.Connection[Any],
    turns: Sequence[Turn],
    on: date,
    *,
    business_on: date,
    at: datetime | None = None,
) -> int:
    """Queue the contacts that were planned for a day; those that are there already stay.

    Returns how many are new. Killed in between, the events are there and the lines are not:
    the next run queues them, and records nothing twice.
    """
    known = contact_queue.known(conn, [each.planned.contact_ref for each in turns])
    new = [each for each in turns if each.planned.contact_ref not in known]
    now, command_id = clock.now(), uuid4()
    act = Act(ACTOR, business_on, now, command_id, command_id)
    tell_planned(book, act, new, on, at or now)
    return contact_queue.put(conn, new, on)
