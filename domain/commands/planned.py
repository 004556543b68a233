"""What borrowers' streams tell of contacts that are planned, before any has its turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid5

from eventsourcing.persistence import IntegrityError

from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.commands.book import Book, Command, digest_of
from domain.commands.planning import Turn

AT_ONCE = 500
"""The borrowers of one transaction."""


def tell_planned(book: Book, act: Act, turns: Iterable[Turn], on: date, at: datetime) -> None:
    """Record the arm that each borrower is in, and what of a day's plan is not made, and why.

    What was recorded before is not again, so that a plan may be told of twice.
    """
    by_borrower: defaultdict[UUID, list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.dropped is not None or turn.planned.trial is not None:
            by_borrower[turn.planned.borrower_id].append(turn)
    items = list(by_borrower.items())
    for start in range(0, len(items), AT_ONCE):
        _tell(book, act, dict(items[start : start + AT_ONCE]), on, at)


def _tell(
    book: Book, act: Act, by_borrower: Mapping[UUID, list[Turn]], on: date, at: datetime
) -> None:
    borrowers = book.get_many(Borrower, by_borrower)
    digest = digest_of("tell_planned", {"on": on})
    done = []
    for borrower in borrowers.values():
        own = replace(act, command_id=uuid5(act.command_id, f"{borrower.id} {borrower.version}"))
        for turn in by_borrower[borrower.id]:
            _note(borrower, own, turn, on, at)
        if borrower.pending_events:
            done.append(Command(own.command_id, digest, borrower.id, borrower.version))
    changed = [each for each in borrowers.values() if each.pending_events]
    try:
        book.keep(done, *changed)
    except IntegrityError:
        items = list(by_borrower.items())
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            if half:
                _tell(book, act, dict(half), on, at)


def _note(borrower: Borrower, act: Act, turn: Turn, on: date, at: datetime) -> None:
    planned = turn.planned
    if planned.trial is not None:
        borrower.assign_variant(act, trial=planned.trial, contact_ref=planned.contact_ref)
    if turn.dropped is not None:
        borrower.drop_contact(
            act,
            contact_ref=planned.contact_ref,
            purpose=planned.purpose,
            occasion=planned.occasion,
            loan_ids=[each.loan_id for each in planned.about],
            reasons=turn.dropped.split(", "),
            planned_for=on,
            at=at,
            trial=planned.trial,
        )
