"""One function per question on collection, for any past business day; see ``queries``.

All are asked of the view ``contacts``. Days *from_on* and *to_on* are inclusive, and are those
on which something became known; what came of it is as known on *on*.
"""

from __future__ import annotations

from datetime import date

from infra.answers import Answer
from infra.collect_answers import LateReasons, ReasonShare
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
