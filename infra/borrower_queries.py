"""One function per question on borrowers across the book, for any past business day.

See ``queries``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.base.refs import short_ref
from infra.answers import Answer
from infra.freshness import freshness_of
from infra.reading import Connection, rows_of, snapshot


@dataclass(frozen=True)
class StandingHold:
    """A hold in force on the day asked for; without *loan_refs* on every debt.

    From *until_on* on it stands no more, as is known today; without one until it is lifted.
    """

    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    hold_ref: str
    kind: str
    from_on: date
    until_on: date | None
    days_left: int | None
    loan_refs: list[str]


class _Row(NamedTuple):
    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    hold_ref: str
    kind: str
    from_on: date
    until_on: date | None
    loan_ids: list[UUID] | None


def holds(
    conn: Connection, on: date, *, kind: str | None = None, ends_within: int | None = None
) -> Answer[list[StandingHold]]:
    """The holds that stood on *on*, as known by then: those that end first, first.

    With *ends_within* only those that end in at most so many days.
    """
    with snapshot(conn):
        fresh = freshness_of(conn, "collections")
        rows = rows_of(
            conn,
            _Row,
            """
            SELECT h.borrower_id, b.borrower_ref, b.jurisdiction, h.hold_ref, h.kind,
                h.from_on, h.until_on, h.loan_ids
            FROM rm.collections_hold AS h
            CROSS JOIN LATERAL (
                SELECT * FROM rm.collections_borrower AS b
                WHERE b.borrower_id = h.borrower_id AND b.business_on <= %(on)s
                ORDER BY b.version DESC LIMIT 1
            ) AS b
            WHERE h.business_on <= %(on)s AND h.from_on <= %(on)s
                AND (
                    h.lift_business_on IS NULL OR h.lift_business_on > %(on)s
                    OR h.lifted_on > %(on)s
                )
                AND (%(of_kind)s::text IS NULL OR h.kind = %(of_kind)s)
                AND (%(last)s::date IS NULL OR h.until_on <= %(last)s)
            ORDER BY h.until_on NULLS LAST, h.from_on, b.borrower_ref, h.hold_ref
            """,
            on=on,
            of_kind=kind,
            last=None if ends_within is None else on + timedelta(days=ends_within),
        )
    return Answer([_shown(row, on) for row in rows], fresh)


def _shown(row: _Row, on: date) -> StandingHold:
    return StandingHold(
        row.borrower_id,
        row.borrower_ref,
        row.jurisdiction,
        row.hold_ref,
        row.kind,
        row.from_on,
        row.until_on,
        None if row.until_on is None else (row.until_on - on).days,
        [short_ref("L", each) for each in row.loan_ids or []],
    )
