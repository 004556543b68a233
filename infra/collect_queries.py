"""One function per question on collection, for any past business day; see ``queries``.

All are asked of the view ``contacts``. Days *from_on* and *to_on* are inclusive, and are those
on which something became known; what came of it is as known on *on*.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from domain.base.policy import AgencyRule, Policies, in_force
from domain.base.refs import short_ref
from infra.answers import Answer
from infra.collect_answers import (
    Agency,
    Collected,
    LateReasons,
    LegalCase,
    PromiseMade,
    PromiseRate,
    Promises,
    ReasonShare,
    StrategyEffect,
)
from infra.freshness import freshness_of
from infra.reading import Connection, rows_of, scalars_of, snapshot

VIEW = "contacts"


def late_reasons(
    conn: Connection, on: date, from_on: date | None = None, to_on: date | None = None
) -> Answer[LateReasons]:
    """The share of each reason among the loans of which one was told; the last one counts."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        shares = rows_of(
            conn,
            ReasonShare,
            """
            SELECT reason, count(*) AS loans,
                round(count(*) / sum(count(*)) OVER (), 4) AS late_reason_share
            FROM (
                SELECT DISTINCT ON (loan_id) loan_id, reason FROM rm.contacts_late_reason
                WHERE business_on BETWEEN coalesce(%(from_on)s::date, '-infinity')
                    AND least(%(to_on)s::date, %(on)s)
                ORDER BY loan_id, version DESC
            ) AS last GROUP BY reason ORDER BY loans DESC, reason
            """,
            on=on,
            from_on=from_on,
            to_on=to_on or on,
        )
    loans = sum(each.loans for each in shares)
    return Answer(LateReasons(from_on, min(to_on or on, on), loans, shares), fresh)


# --- agencies ---------------------------------------------------------------------------


class _Placed(NamedTuple):
    agency: str
    loans_placed: int


class _Paid(NamedTuple):
    agency: str
    currency: str
    amount: int


_PLACED = sql.SQL("""
    placed AS (
        SELECT * FROM (
            SELECT loan_id, agency, change, business_on AS from_on,
                lead(business_on) OVER (PARTITION BY loan_id ORDER BY version) AS until_on
            FROM rm.contacts_placement WHERE business_on <= %(on)s
        ) AS changed WHERE change = 'PLACED'
    )
""")
"""Which loans an agency had, from which day to which."""


def agencies(conn: Connection, policies: Policies, on: date) -> Answer[list[Agency]]:
    """The agencies registered on a day, and those that have loans or had, by name."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        placed = rows_of(
            conn,
            _Placed,
            sql.SQL("""
            WITH {placed} SELECT agency, count(*) FILTER (WHERE until_on IS NULL) AS loans_placed
            FROM placed GROUP BY agency
            """).format(placed=_PLACED),
            on=on,
        )
        paid = rows_of(
            conn,
            _Paid,
            sql.SQL("""
            WITH {placed} SELECT agency, currency, sum(amount)::bigint AS amount
            FROM placed JOIN rm.contacts_payment AS p ON p.loan_id = placed.loan_id
                AND p.business_on <= %(on)s AND p.received_on >= placed.from_on
                AND (until_on IS NULL OR p.received_on <= until_on)
            GROUP BY agency, currency HAVING sum(amount) <> 0 ORDER BY agency, currency
            """).format(placed=_PLACED),
            on=on,
        )
    counts = {each.agency: each.loans_placed for each in placed}
    registered = {each.agency: each for each in in_force(policies.agencies, on)}
    found = []
    for name in sorted({*counts, *registered}):
        collected = [Collected(each.currency, each.amount) for each in paid if each.agency == name]
        agency = Agency(name, None, [], None, None, None, counts.get(name, 0), collected)
        rule = registered.get(name)
        found.append(agency if rule is None else _as_registered(agency, rule, policies, on))
    return Answer(found, fresh)


def _as_registered(agency: Agency, rule: AgencyRule, policies: Policies, on: date) -> Agency:
    """*agency* with its registration; where it may collect in several places, the strictest."""
    standards = [policies.agency_standard(each, on) for each in rule.jurisdictions]
    days = min((each.evaluation_days for each in standards), default=0)
    return replace(
        agency,
        licence=rule.licence,
        jurisdictions=list(rule.jurisdictions),
        evaluated_on=rule.evaluated_on,
        passed=rule.passed,
        days_to_evaluation=(rule.evaluated_on + timedelta(days=days) - on).days,
    )


# --- claims at law ----------------------------------------------------------------------


def legal_cases(conn: Connection, on: date, *, with_ended: bool = False) -> Answer[list[LegalCase]]:
    """The claims at law that are open on a day, the oldest first; or all there were by then."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        found = rows_of(
            conn,
            LegalCase,
            """
            SELECT r.borrower_id, '' AS borrower_ref, r.loan_id, l.loan_ref, r.referred_on,
                r.referred_to, r.reason, r.approved_by, r.days_past_due, r.currency, r.claimed,
                r.outstanding, coalesce(p.amount, 0)::bigint AS paid_since,
                coalesce(e.outcome, e.change) AS outcome, e.effective_on AS ended_on, e.awarded,
                e.paper_ref
            FROM rm.contacts_legal AS r
            LEFT JOIN rm.contacts_loan AS l ON l.loan_id = r.loan_id
            LEFT JOIN LATERAL (
                SELECT * FROM rm.contacts_legal AS e
                WHERE e.borrower_id = r.borrower_id AND e.loan_id = r.loan_id
                    AND e.version > r.version AND e.business_on <= %(on)s
                ORDER BY e.version LIMIT 1
            ) AS e ON true
            LEFT JOIN LATERAL (
                SELECT sum(amount) AS amount FROM rm.contacts_payment AS p
                WHERE p.loan_id = r.loan_id AND p.business_on <= %(on)s
                    AND p.received_on >= r.referred_on
                    AND (e.effective_on IS NULL OR p.received_on <= e.effective_on)
            ) AS p ON true
            WHERE r.change = 'REFERRED' AND r.business_on <= %(on)s
                AND (%(with_ended)s OR e.change IS NULL)
            ORDER BY r.referred_on, r.borrower_id, r.version
            """,
            on=on,
            with_ended=with_ended,
        )
    cases = [replace(each, borrower_ref=short_ref("B", each.borrower_id)) for each in found]
    return Answer(cases, fresh)


# --- promises ---------------------------------------------------------------------------


def promises(conn: Connection, on: date, state: str | None = None) -> Answer[Promises]:
    """Every promise made up to a day as it stood then, or those in a *state*; rates of all."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        rows = rows_of(
            conn,
            PromiseMade,
            """
            SELECT m.borrower_id, m.loan_id, l.loan_ref, m.promise_ref, m.currency, m.amount,
                m.business_on AS made_on, m.promised_on, coalesce(e.state, m.state) AS state,
                e.received, coalesce(c.collector, m.actor) AS collector, s.strategy
            FROM rm.contacts_promise AS m
            LEFT JOIN rm.contacts_loan AS l ON l.loan_id = m.loan_id
            LEFT JOIN LATERAL (
                SELECT state, received FROM rm.contacts_promise AS e
                WHERE e.borrower_id = m.borrower_id AND e.promise_ref = m.promise_ref
                    AND e.version > m.version AND e.business_on <= %(on)s
                ORDER BY e.version DESC LIMIT 1
            ) AS e ON true
            LEFT JOIN LATERAL (
                SELECT collector FROM rm.contacts_collector AS c
                WHERE c.borrower_id = m.borrower_id AND c.version < m.version
                ORDER BY c.version DESC LIMIT 1
            ) AS c ON true
            LEFT JOIN LATERAL (
                SELECT strategy FROM rm.contacts_strategy AS s
                WHERE s.borrower_id = m.borrower_id AND s.loan_id = m.loan_id
                    AND s.version < m.version
                ORDER BY s.version DESC LIMIT 1
            ) AS s ON true
            WHERE m.state = 'OPEN' AND m.business_on <= %(on)s
            ORDER BY m.promised_on, m.borrower_id, m.version
            """,
            on=on,
        )
    shown = [each for each in rows if state is None or each.state == state]
    return Answer(
        Promises(
            shown,
            _rates(rows, lambda each: each.collector),
            _rates(rows, lambda each: each.strategy),
        ),
        fresh,
    )


def _rates(
    rows: Sequence[PromiseMade], of: Callable[[PromiseMade], str | None]
) -> list[PromiseRate]:
    states: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for each in rows:
        states[of(each)][each.state] += 1
    return [
        PromiseRate(
            name,
            counts.total(),
            counts["KEPT"],
            counts["BROKEN"],
            counts["OPEN"],
            _share(counts["KEPT"], counts["KEPT"] + counts["BROKEN"]),
        )
        for name, counts in sorted(states.items(), key=lambda item: item[0] or "")
    ]


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None


# --- strategies -------------------------------------------------------------------------


class _Effect(NamedTuple):
    strategy: str
    assigned: int
    measured: int
    cured: int


class _Collected(NamedTuple):
    strategy: str
    currency: str
    amount: int


_ASSIGNED = sql.SQL("""
    assigned AS (
        SELECT * FROM (
            SELECT loan_id, strategy, business_on AS from_on,
                business_on + %(within)s AS ends_on,
                lead(business_on) OVER (PARTITION BY loan_id ORDER BY version) AS next_on
            FROM rm.contacts_strategy WHERE business_on <= %(on)s
        ) AS changed
        WHERE strategy IS NOT NULL AND from_on
            BETWEEN coalesce(%(from_on)s::date, '-infinity') AND %(to_on)s::date
    )
""")
"""Loans by the strategy each was assigned in the days asked for, until the next one."""


def strategies(
    conn: Connection,
    on: date,
    *,
    within_days: int = 30,
    from_on: date | None = None,
    to_on: date | None = None,
) -> Answer[list[StrategyEffect]]:
    """How many loans were not late any more so many days after a strategy was assigned.

    With what was paid on them in these days, until another strategy took over.
    """
    asked = {"on": on, "within": within_days, "from_on": from_on, "to_on": to_on or on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        effects = rows_of(
            conn,
            _Effect,
            sql.SQL("""
            WITH {assigned} SELECT strategy, count(*) AS assigned,
                count(*) FILTER (WHERE ends_on <= %(on)s) AS measured,
                count(*) FILTER (WHERE ends_on <= %(on)s AND b.bucket = 'M0') AS cured
            FROM assigned LEFT JOIN LATERAL (
                SELECT bucket FROM rm.contacts_bucket AS b
                WHERE b.loan_id = assigned.loan_id AND b.business_on <= %(on)s
                    AND b.effective_on <= ends_on
                ORDER BY b.version DESC LIMIT 1
            ) AS b ON true
            GROUP BY strategy ORDER BY strategy
            """).format(assigned=_ASSIGNED),
            **asked,
        )
        collected = rows_of(
            conn,
            _Collected,
            sql.SQL("""
            WITH {assigned} SELECT strategy, currency, sum(amount)::bigint AS amount
            FROM assigned JOIN rm.contacts_payment AS p ON p.loan_id = assigned.loan_id
                AND p.business_on <= %(on)s AND p.received_on BETWEEN from_on AND ends_on
                AND (next_on IS NULL OR p.received_on < next_on)
            GROUP BY strategy, currency HAVING sum(amount) <> 0 ORDER BY strategy, currency
            """).format(assigned=_ASSIGNED),
            **asked,
        )
    found = [
        StrategyEffect(
            each.strategy,
            each.assigned,
            each.assigned - each.measured,
            each.measured,
            each.cured,
            _share(each.cured, each.measured),
            [
                Collected(paid.currency, paid.amount)
                for paid in collected
                if paid.strategy == each.strategy
            ],
        )
        for each in effects
    ]
    return Answer(found, fresh)


def borrowers_with_strategies(conn: Connection) -> list[UUID]:
    """The borrowers of whom a loan is collected by a strategy, or claimed at law."""
    return scalars_of(
        conn,
        "SELECT DISTINCT borrower_id FROM ("
        " SELECT DISTINCT ON (loan_id) borrower_id, strategy FROM rm.contacts_strategy"
        " ORDER BY loan_id, version DESC) AS last WHERE strategy IS NOT NULL"
        " UNION SELECT borrower_id FROM ("
        " SELECT DISTINCT ON (loan_id) borrower_id, change FROM rm.contacts_legal"
        " ORDER BY loan_id, version DESC) AS matter WHERE change = 'REFERRED'"
        " ORDER BY borrower_id",
    )
