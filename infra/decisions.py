"""Decisions of the contact gate that were recorded, made again from the events alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from domain.base.contact_policy import ContactRules, Reason
from domain.base.dated_rules import DatedRules
from domain.base.policy import PolicyMissing
from domain.base.stream import Stream
from domain.borrower.contact import Template
from domain.borrower.why import AnyDecided, Replayed, replayed
from domain.borrower.wording import FigureNotUsable, render_again
from domain.commands.book import Book
from domain.commands.dispatch import NOTHING_TO_SAY


class Judges:
    """The rules and texts by which decisions were made, as each of them names these."""

    def __init__(self, rules: DatedRules) -> None:
        self._rules = rules
        self._by_versions: dict[frozenset[tuple[str, str]], ContactRules] = {}

    def rules(self, event: AnyDecided) -> ContactRules:
        """The rules in the versions that the decision names.

        Raises:
            PolicyMissing: a version is not known any more.
        """
        versions = frozenset((each.rule, each.version) for each in event.judged_by)
        found = self._by_versions.get(versions)
        if found is None:
            found = self._rules.contact.at_versions(versions)
            self._by_versions[versions] = found
        return found

    def reads(self, event: AnyDecided) -> Template | None:
        """The text that was judged, from its template and figures; None where none was.

        Raises:
            PolicyMissing: the version of the text is not known any more.
        """
        if event.template is None or event.template_version is None:
            blamed = any(each.reason == Reason.TEMPLATE for each in event.against)
            return NOTHING_TO_SAY if blamed else None
        template = self._rules.text_version(event.template, event.template_version)
        if template is None:
            raise PolicyMissing(f"No text {event.template} {event.template_version} is known.")
        try:
            wording = render_again(template, event.figures)
        except FigureNotUsable as fault:
            raise PolicyMissing(str(fault)) from None
        return wording.for_gate()


def made_again(book: Book, borrower_id: UUID, judges: Judges) -> Iterator[Replayed]:
    """Every decision about a borrower, and how it comes out when it is made again.

    Raises:
        PolicyMissing: what one was made by is not known any more.
    """
    events = (event for event in book.events.get(borrower_id) if isinstance(event, Stream.Event))
    yield from replayed(events, judges.rules, judges.reads)


def borrowers_decided_on(conn: psycopg.Connection[Any]) -> list[UUID]:
    """The borrowers about whom the gate was asked, in order."""
    rows = conn.execute(
        "SELECT DISTINCT originator_id FROM store.book_events"
        " WHERE topic = 'borrower.contact-decided' ORDER BY originator_id"
    ).fetchall()
    return [row[0] for row in rows]
