"""The lessons of a day: whom one is of use to, from the views and the rules in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from domain.base.policy import LessonCause, in_force
from domain.borrower.borrower import Borrower
from domain.commands import lessons as teaching
from domain.commands.book import Book
from domain.commands.planning import Turn
from domain.loan.state import LoanState
from infra import contact_queue
from infra.answers import Case
from infra.reading import Connection, rows_of


class _Cause(NamedTuple):
    loan_id: UUID
    borrower_id: UUID
    caused_on: date
    instalment: int | None


def lessons(
    book: Book, conn: Connection, turns: Iterable[Turn], late: Sequence[Case], start: datetime
) -> list[Turn]:
    """The lessons that are new on the day that *start* begins, beside the day's other *turns*."""
    on = start.date()
    plans = in_force(book.policies.lesson_plans, on)
    causes: list[teaching.Cause] = []
    for after, question in _QUESTIONS.items():
        days = teaching.span(plans, after, on)
        if days is None:
            continue
        rows = rows_of(
            conn,
            _Cause,
            question,
            on=on,
            from_on=days[0],
            to_on=days[1],
            active=str(LoanState.ACTIVE),
        )
        causes += [
            teaching.Cause(each.loan_id, each.borrower_id, after, each.caused_on, each.instalment)
            for each in rows
        ]
    people = book.get_many(Borrower, {each.borrower_id for each in causes})
    busy = {each.planned.borrower_id for each in turns if each.dropped is None}
    refs = [teaching.ref_of(person, plan) for person in people.values() for plan in plans]
    found = teaching.lessons(
        book,
        causes,
        people,
        start,
        late={each.borrower_id for each in late},
        busy=busy,
        queued=contact_queue.known(conn, refs),
    )
    return list(found)


_NOW = """
    JOIN rm.reminders_loan AS l ON l.loan_id = c.loan_id
    CROSS JOIN LATERAL (
        SELECT state FROM rm.reminders_state AS s
        WHERE s.loan_id = c.loan_id AND s.business_on <= %(on)s
        ORDER BY s.version DESC LIMIT 1
    ) AS s
    LEFT JOIN LATERAL (
        SELECT d.number FROM (
            SELECT DISTINCT ON (number) number, pay_by_on FROM rm.reminders_due_date
            WHERE loan_id = c.loan_id AND business_on <= %(on)s
            ORDER BY number, version DESC
        ) AS d
        WHERE d.pay_by_on > %(on)s ORDER BY d.pay_by_on, d.number LIMIT 1
    ) AS next ON true
    WHERE s.state = %(active)s
    ORDER BY l.borrower_id, c.caused_on, c.loan_id
"""
"""Of causes *c* those on loans that still run, with the instalment that falls due next."""

_FIRST_DUE = f"""
    SELECT c.loan_id, l.borrower_id, c.caused_on, next.number AS instalment FROM (
        SELECT d.loan_id, d.pay_by_on AS caused_on FROM rm.reminders_due_date AS d
        WHERE d.number = 1 AND d.pay_by_on BETWEEN %(from_on)s AND %(to_on)s
            AND d.business_on <= %(on)s
            AND NOT EXISTS (
                SELECT FROM rm.reminders_due_date AS later
                WHERE later.loan_id = d.loan_id AND later.number = 1
                    AND later.version > d.version AND later.business_on <= %(on)s
            )
    ) AS c {_NOW}
"""  # noqa: S608 - what is put together are constants

_PAID_LATE = f"""
    SELECT c.loan_id, l.borrower_id, c.caused_on, next.number AS instalment FROM (
        SELECT i.loan_id, max(i.paid_on) AS caused_on FROM rm.reminders_left AS i
        CROSS JOIN LATERAL (
            SELECT pay_by_on FROM rm.reminders_due_date AS d
            WHERE d.loan_id = i.loan_id AND d.number = i.number AND d.business_on <= %(on)s
            ORDER BY d.version DESC LIMIT 1
        ) AS d
        WHERE i.paid_on BETWEEN %(from_on)s AND %(to_on)s AND i.amount_left <= 0
            AND i.paid_on > d.pay_by_on AND i.business_on <= %(on)s
            AND NOT EXISTS (
                SELECT FROM rm.reminders_left AS later
                WHERE later.loan_id = i.loan_id AND later.number = i.number
                    AND later.version > i.version AND later.business_on <= %(on)s
            )
        GROUP BY i.loan_id
    ) AS c {_NOW}
"""  # noqa: S608 - what is put together are constants

_QUESTIONS = {LessonCause.FIRST_DUE: _FIRST_DUE, LessonCause.PAID_LATE: _PAID_LATE}
