"""One function per question on support and on data requests, for any past day; see ``queries``.

All are asked of the view ``contacts``, as ``collect_queries`` is.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from infra.answers import Answer
from infra.collect_answers import Collected
from infra.freshness import freshness_of
from infra.reading import Connection, rows_of, snapshot
from infra.support_answers import (
    DataRequestShown,
    PlanRowShown,
    PlanShown,
    SupportEffect,
    Supports,
    SupportShown,
)

VIEW = "contacts"


class _Plan(NamedTuple):
    borrower_id: UUID
    loan_id: UUID
    loan_ref: str | None
    plan_ref: str
    currency: str
    state: str
    proposed_on: date
    agreed_on: date | None
    over_on: date | None
    amount: int
    paid: int
    tolerated_rows: int | None
    consent_ref: str | None
    check_in_on: date | None
    actor: str


class _Row(NamedTuple):
    borrower_id: UUID
    plan_ref: str
    due_on: date
    amount: int
    state: str | None


def supports(conn: Connection, on: date, state: str | None = None) -> Answer[Supports]:
    """What was offered up to a day, and every plan as it stood then, or those in a *state*."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        offered = rows_of(
            conn,
            SupportShown,
            """
            SELECT s.borrower_id, s.loan_id, l.loan_ref, s.support_ref, s.kind,
                s.business_on AS offered_on, s.actor, s.contact_ref, s.said_ref
            FROM rm.contacts_support AS s LEFT JOIN rm.contacts_loan AS l USING (loan_id)
            WHERE s.business_on <= %(on)s ORDER BY s.business_on, s.borrower_id, s.version
            """,
            on=on,
        )
        plans = rows_of(
            conn,
            _Plan,
            """
            SELECT p.borrower_id, p.loan_id, l.loan_ref, p.plan_ref, p.currency,
                CASE WHEN e.change IS NOT NULL THEN e.change WHEN r.version IS NOT NULL
                    THEN 'REPLACED' WHEN a.version IS NOT NULL THEN 'AGREED' ELSE 'PROPOSED'
                    END AS state,
                p.business_on AS proposed_on, a.business_on AS agreed_on,
                coalesce(e.business_on, r.business_on) AS over_on, p.amount,
                coalesce(m.paid, 0)::bigint AS paid, a.tolerated_rows, a.consent_ref,
                c.check_in_on, p.actor
            FROM rm.contacts_plan AS p
            LEFT JOIN rm.contacts_loan AS l ON l.loan_id = p.loan_id
            LEFT JOIN rm.contacts_plan AS a ON a.borrower_id = p.borrower_id
                AND a.plan_ref = p.plan_ref AND a.change = 'AGREED' AND a.business_on <= %(on)s
            LEFT JOIN rm.contacts_plan AS r ON r.borrower_id = p.borrower_id
                AND r.replaces = p.plan_ref AND r.business_on <= %(on)s
            LEFT JOIN rm.contacts_plan AS e ON e.borrower_id = p.borrower_id
                AND e.plan_ref = p.plan_ref AND e.change IN ('KEPT', 'BROKEN')
                AND e.business_on <= %(on)s
            LEFT JOIN LATERAL (
                SELECT sum(paid.amount) AS paid FROM rm.contacts_payment AS paid
                WHERE paid.loan_id = p.loan_id AND paid.business_on <= %(on)s
                    AND paid.received_on BETWEEN a.business_on AND %(on)s
                    AND paid.received_on <= coalesce(e.effective_on, r.business_on, %(on)s)
            ) AS m ON true
            LEFT JOIN LATERAL (
                SELECT c.check_in_on FROM rm.contacts_check_in AS c
                WHERE c.loan_id = p.loan_id AND c.business_on <= %(on)s
                ORDER BY c.version DESC LIMIT 1
            ) AS c ON true
            WHERE p.change = 'PROPOSED' AND p.business_on <= %(on)s
            ORDER BY p.business_on, p.borrower_id, p.version
            """,
            on=on,
        )
        rows = rows_of(
            conn,
            _Row,
            """
            SELECT r.borrower_id, r.plan_ref, r.due_on, r.amount, s.state
            FROM rm.contacts_plan_row AS r
            LEFT JOIN LATERAL (
                SELECT state FROM rm.contacts_promise AS s
                WHERE s.borrower_id = r.borrower_id AND s.business_on <= %(on)s
                    AND s.promise_ref = r.plan_ref || '/' || r.number
                    AND EXISTS (
                        SELECT FROM rm.contacts_plan AS a WHERE a.borrower_id = r.borrower_id
                            AND a.plan_ref = r.plan_ref AND a.change = 'AGREED'
                    )
                ORDER BY s.version DESC LIMIT 1
            ) AS s ON true
            WHERE r.business_on <= %(on)s
            ORDER BY r.borrower_id, r.plan_ref, r.number
            """,
            on=on,
        )
    by_plan: defaultdict[tuple[UUID, str], list[PlanRowShown]] = defaultdict(list)
    for row in rows:
        shown = PlanRowShown(row.due_on, row.amount, row.state or "PROPOSED")
        by_plan[row.borrower_id, row.plan_ref].append(shown)
    found = [
        _shown(each, by_plan[each.borrower_id, each.plan_ref])
        for each in plans
        if state is None or each.state == state
    ]
    return Answer(Supports(offered, found), fresh)


def _shown(plan: _Plan, rows: list[PlanRowShown]) -> PlanShown:
    waiting = ("OPEN", "PROPOSED") if plan.state in ("PROPOSED", "AGREED") else ()
    return PlanShown(*plan, rows, next((row for row in rows if row.state in waiting), None))


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None


class _Effect(NamedTuple):
    kind: str
    loans: int
    measured: int
    cured: int


class _Paid(NamedTuple):
    kind: str
    currency: str
    amount: int


_SUPPORTED = sql.SQL("""
    supported AS (
        SELECT DISTINCT ON (kind, loan_id) kind, loan_id, business_on AS from_on,
            business_on + %(within)s AS ends_on
        FROM (
            SELECT kind, loan_id, business_on, version FROM rm.contacts_support
            UNION ALL
            SELECT 'PLAN_AGREED', loan_id, business_on, version FROM rm.contacts_plan
            WHERE change = 'AGREED'
        ) AS helped
        WHERE business_on <= %(on)s AND business_on
            BETWEEN coalesce(%(from_on)s::date, '-infinity') AND %(to_on)s::date
        ORDER BY kind, loan_id, version
    )
""")
"""Loans by what was offered first in the days asked for; an agreed plan is a kind of its own."""

_LATE = sql.SQL("""
    JOIN LATERAL (
        SELECT bucket FROM rm.contacts_bucket AS b
        WHERE b.loan_id = supported.loan_id AND b.business_on <= %(on)s
            AND b.effective_on <= from_on
        ORDER BY b.version DESC LIMIT 1
    ) AS was ON was.bucket <> 'M0'
""")
"""That they were late when it began."""


def effects(
    conn: Connection,
    on: date,
    *,
    within_days: int = 30,
    from_on: date | None = None,
    to_on: date | None = None,
) -> Answer[list[SupportEffect]]:
    """How many loans that were late when support began were not late so many days after.

    With what was paid on them in these days. What was not late then cannot be cured.
    """
    asked = {"on": on, "within": within_days, "from_on": from_on, "to_on": to_on or on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        found = rows_of(
            conn,
            _Effect,
            sql.SQL("""
            WITH {supported} SELECT kind, count(*) AS loans,
                count(*) FILTER (WHERE ends_on <= %(on)s) AS measured,
                count(*) FILTER (WHERE ends_on <= %(on)s AND b.bucket = 'M0') AS cured
            FROM supported {late} LEFT JOIN LATERAL (
                SELECT bucket FROM rm.contacts_bucket AS b
                WHERE b.loan_id = supported.loan_id AND b.business_on <= %(on)s
                    AND b.effective_on <= ends_on
                ORDER BY b.version DESC LIMIT 1
            ) AS b ON true
            GROUP BY kind ORDER BY kind
            """).format(supported=_SUPPORTED, late=_LATE),
            **asked,
        )
        paid = rows_of(
            conn,
            _Paid,
            sql.SQL("""
            WITH {supported} SELECT kind, currency, sum(amount)::bigint AS amount
            FROM supported {late} JOIN rm.contacts_payment AS p ON p.loan_id = supported.loan_id
                AND p.business_on <= %(on)s AND p.received_on BETWEEN from_on AND ends_on
            GROUP BY kind, currency HAVING sum(amount) <> 0 ORDER BY kind, currency
            """).format(supported=_SUPPORTED, late=_LATE),
            **asked,
        )
    return Answer(
        [
            SupportEffect(
                each.kind,
                each.loans,
                each.loans - each.measured,
                each.measured,
                each.cured,
                _share(each.cured, each.measured),
                [Collected(some.currency, some.amount) for some in paid if some.kind == each.kind],
            )
            for each in found
        ],
        fresh,
    )


class _Request(NamedTuple):
    borrower_id: UUID
    borrower_ref: str | None
    request_ref: str
    asks_for: str
    received_on: date
    answer_by_on: date | None
    change: str | None
    answered_on: date | None
    until_on: date | None
    ground: str | None
    over_on: date | None


_STATES = {"RESTRICTED": "DONE", "ERASED": "DONE", "PUT_OFF": "PUT_OFF", "REFUSED": "REFUSED"}


def data_requests(
    conn: Connection, on: date, state: str | None = None
) -> Answer[list[DataRequestShown]]:
    """Every request about data up to a day as it stood then, or those in a *state*.

    It is answered when it is first put off, refused or carried out.
    """
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        rows = rows_of(
            conn,
            _Request,
            """
            SELECT q.borrower_id, b.borrower_ref, q.request_ref, q.asks_for, q.received_on,
                q.answer_by_on, e.change, f.business_on AS answered_on, e.until_on, e.ground,
                CASE WHEN e.change <> 'PUT_OFF' THEN e.business_on END AS over_on
            FROM rm.contacts_data_right AS q
            LEFT JOIN LATERAL (
                SELECT borrower_ref FROM rm.contacts_borrower AS b
                WHERE b.borrower_id = q.borrower_id ORDER BY b.version LIMIT 1
            ) AS b ON true
            LEFT JOIN LATERAL (
                SELECT change, until_on, ground, business_on FROM rm.contacts_data_right AS e
                WHERE e.borrower_id = q.borrower_id AND e.request_ref = q.request_ref
                    AND e.version > q.version AND e.business_on <= %(on)s
                ORDER BY e.version DESC LIMIT 1
            ) AS e ON true
            LEFT JOIN LATERAL (
                SELECT business_on FROM rm.contacts_data_right AS f
                WHERE f.borrower_id = q.borrower_id AND f.request_ref = q.request_ref
                    AND f.version > q.version AND f.business_on <= %(on)s
                ORDER BY f.version LIMIT 1
            ) AS f ON true
            WHERE q.change = 'RECEIVED' AND q.business_on <= %(on)s
            ORDER BY q.received_on, q.borrower_id, q.version
            """,
            on=on,
        )
    shown = [_request(row, on) for row in rows]
    return Answer([each for each in shown if state is None or each.state == state], fresh)


def _request(row: _Request, on: date) -> DataRequestShown:
    answered = row.answered_on or on
    return DataRequestShown(
        row.borrower_id,
        row.borrower_ref,
        row.request_ref,
        row.asks_for,
        "OPEN" if row.change is None else _STATES[row.change],
        row.received_on,
        row.answer_by_on,
        row.answered_on,
        (answered - row.received_on).days,
        None if row.answer_by_on is None else answered <= row.answer_by_on,
        row.until_on,
        row.ground,
        row.over_on,
    )
