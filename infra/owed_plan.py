"""The receipts and notices of a day, from the views and the rules in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.policy import in_force
from domain.borrower.borrower import Borrower
from domain.commands import owed
from domain.commands.book import Book
from domain.commands.owed import InArrears, LateNotice, Payment
from domain.commands.planning import Turn
from domain.loan.loan import Loan
from infra import complaint_queries, contact_queries, contact_queue, queries
from infra.answers import Case
from infra.reading import Connection


def receipts(book: Book, conn: Connection, start: datetime) -> list[Turn]:
    """A receipt for each payment that became known by the day that *start* begins."""
    on = start.date()
    plans = [each for each in in_force(book.policies.receipt_plans, on) if each.channels]
    if not plans:
        return []
    from_on = on - timedelta(days=max(each.within_days for each in plans))
    payments = [Payment(*each) for each in queries.payments_known(conn, from_on, on)]
    loans = book.get_many(Loan, {each.loan_id for each in payments})
    people = book.get_many(Borrower, {loan.borrower_id for loan in loans.values()})
    return list(owed.receipts(book, payments, loans, people, start))


def late_notices(book: Book, conn: Connection, on: date) -> list[LateNotice]:
    """The notices that should have gone out before a day and did not, the latest first.

    Each plan makes anew what is due, so the last one has them all, but those that came back
    since: they went out, and did not arrive.
    """
    planned_on = contact_queue.last_due(conn, on)
    back = [] if planned_on is None else contact_queries.not_delivered(conn, planned_on, on)
    lines = contact_queue.overdue(conn, on, planned_on=planned_on, also=back)
    return owed.still_late(book, [(each.planned, each.state, each.reasons) for each in lines], on)


def extended(book: Book, conn: Connection, start: datetime) -> list[Turn]:
    """The notices about complaints that take longer, on the day that *start* begins."""
    waiting = complaint_queries.borrowers_put_off(conn, start.date())
    return list(owed.extended(book, book.get_many(Borrower, waiting).values(), start))


def notices(
    book: Book, late: Sequence[Case], people: Mapping[UUID, Borrower], start: datetime
) -> list[Turn]:
    """The notices that are to be given about late loans on the day that *start* begins."""
    cases = [InArrears(each.loan_id, each.borrower_id, each.oldest_unpaid_on) for each in late]
    due = list(owed.notices_due(book, cases, people, start))
    loans = book.get_many(Loan, {each.loan_id for each in due})
    return list(owed.notices(book, due, loans, start))
