"""One function per question on collection, for any past business day; see ``queries``.

All are asked of the view ``contacts``. Days *from_on* and *to_on* are inclusive, and are those
on which something became known; what came of it is as known on *on*.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from psycopg import sql

from domain.base.policy import AgencyRule, Policies, in_force
from infra.answers import Answer
from infra.collect_answers import Agency, Collected, LateReasons, ReasonShare
from infra.freshness import freshness_of
from infra.reading import Connection, rows_of, snapshot

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
