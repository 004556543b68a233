"""What borrowers wrote to us in words, and how far it is dealt with, for any past business day.

Asked of the view ``contacts``; see ``contact_queries``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.refs import short_ref
from domain.borrower.reply_words import ReplyStage
from infra.answers import Answer
from infra.contact_answers import WrittenReplies, WrittenReply
from infra.freshness import freshness_of, parked_streams
from infra.reading import Connection, rows_of, scalars_of, snapshot

VIEW = "contacts"

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class _Row:
    """An answer with what was done about it, before its clock is read."""

    borrower_id: UUID
    contact_ref: str
    channel: str
    point_ref: str | None
    purpose: str
    loan_id: UUID | None
    loan_ref: str | None
    answers: str | None
    received_at: datetime
    found: list[str] | None
    kept_back: list[str] | None
    said_ref: str
    outcome: str | None
    read_at: datetime | None
    read_by: str | None
    awaits_answer: bool | None
    answered_at: datetime | None
    answered_by: str | None
    answered_in: str | None
    stale: bool


def replies(
    conn: Connection,
    on: date,
    at: datetime,
    *,
    borrower_id: UUID | None = None,
    channel: str | None = None,
    with_done: bool = False,
    limit: int | None = None,
) -> Answer[WrittenReplies]:
    """Answers in words, by what was known on *on*: unanswered ones first, with clocks at *at*.

    Those of a borrower stand together, and whoever waits longest comes first.
    """
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW, [] if borrower_id is None else [borrower_id])
        rows = rows_of(
            conn,
            _Row,
            _REPLIES,
            on=on,
            borrower_id=borrower_id,
            channel=channel,
            parked=list(parked_streams(conn, VIEW)),
        )
    shown = [_shown(row, at) for row in rows]
    waiting = [each for each in shown if each.stage != ReplyStage.DONE]
    unread = sum(each.stage == ReplyStage.UNREAD for each in waiting)
    listed = _by_borrower(waiting)
    if with_done:
        listed += _by_borrower([each for each in shown if each.stage == ReplyStage.DONE])
    return Answer(WrittenReplies(at, unread, len(waiting) - unread, listed[:limit]), fresh)


def borrowers_who_wrote(conn: Connection, contact_ref: str) -> list[UUID]:
    """Whose answer in words has this reference; one, where references are ours."""
    return scalars_of(
        conn,
        "SELECT DISTINCT borrower_id FROM rm.contacts_inbound"
        " WHERE contact_ref = %(contact_ref)s ORDER BY borrower_id",
        contact_ref=contact_ref,
    )


_REPLIES = """
    SELECT i.borrower_id, i.contact_ref, i.channel, i.point_ref, i.purpose, i.loan_id,
        l.loan_ref, i.answers, i.received_at, i.found, i.kept_back, i.said_ref,
        r.outcome, r.changed_at AS read_at, r.actor AS read_by, r.awaits_answer,
        a.changed_at AS answered_at, a.actor AS answered_by, a.answered_by AS answered_in,
        i.borrower_id = ANY(%(parked)s::uuid[]) AS stale
    FROM rm.contacts_inbound AS i
    LEFT JOIN rm.contacts_loan AS l ON l.loan_id = i.loan_id
    LEFT JOIN LATERAL (
        SELECT * FROM rm.contacts_reply AS r
        WHERE r.borrower_id = i.borrower_id AND r.contact_ref = i.contact_ref
            AND r.change = 'READ' AND r.business_on <= %(on)s
        ORDER BY r.version DESC LIMIT 1
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT * FROM rm.contacts_reply AS a
        WHERE a.borrower_id = i.borrower_id AND a.contact_ref = i.contact_ref
            AND a.change = 'ANSWERED' AND a.business_on <= %(on)s
        ORDER BY a.version DESC LIMIT 1
    ) AS a ON true
    WHERE i.business_on <= %(on)s AND i.keyword IS NULL AND i.said_ref IS NOT NULL
        AND i.channel NOT IN ('PHONE', 'AI_VOICE', 'VISIT')
        AND (%(borrower_id)s::uuid IS NULL OR i.borrower_id = %(borrower_id)s)
        AND (%(channel)s::text IS NULL OR i.channel = %(channel)s)
    ORDER BY i.received_at, i.borrower_id, i.version
"""


def _shown(row: _Row, at: datetime) -> WrittenReply:
    stage, until = ReplyStage.UNREAD, at
    if row.outcome is not None:
        stage = ReplyStage.TO_ANSWER
        if row.answered_at is not None or not row.awaits_answer:
            stage, until = ReplyStage.DONE, row.answered_at or row.read_at or at
    return WrittenReply(
        borrower_id=row.borrower_id,
        borrower_ref=short_ref("B", row.borrower_id),
        contact_ref=row.contact_ref,
        channel=row.channel,
        point_ref=row.point_ref,
        purpose=row.purpose,
        loan_id=row.loan_id,
        loan_ref=row.loan_ref,
        answers=row.answers,
        received_at=row.received_at,
        minutes_waiting=max(0, (until - row.received_at) // MINUTE),
        stage=stage,
        found=row.found or [],
        kept_back=(row.kept_back or []) if stage == ReplyStage.UNREAD else [],
        said_ref=row.said_ref,
        outcome=row.outcome,
        read_at=row.read_at,
        read_by=row.read_by,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
        answered_in=row.answered_in,
        stale=row.stale,
    )


def _by_borrower(shown: list[WrittenReply]) -> list[WrittenReply]:
    """The answers of each borrower together, those first who wrote first."""
    wrote: dict[UUID, list[WrittenReply]] = {}
    for each in shown:
        wrote.setdefault(each.borrower_id, []).append(each)
    return [each for of_one in wrote.values() for each in of_one]
