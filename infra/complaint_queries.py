"""One function per question on complaints and ratings, for any past business day.

All are asked of the view ``contacts``; see ``contact_queries``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean, median
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from domain.base.complaint_policy import Severity
from domain.base.refs import short_ref
from domain.borrower.complaint_events import ComplaintStage
from domain.borrower.complaint_words import Verdict
from infra.answers import Answer
from infra.complaint_answers import (
    ComplaintBoard,
    ComplaintCount,
    ComplaintsOfOne,
    ComplaintStep,
    RightsReport,
    Satisfaction,
    ShownComplaint,
    ShownRating,
)
from infra.freshness import freshness_of, parked_streams
from infra.reading import Connection, columns_of, rows_of, scalars_of, snapshot

VIEW = "contacts"

SATISFIED_FROM = 4
"""The lowest score that counts as satisfied, as CSAT is defined."""

COMPLAINT = "COMPLAINT"
"""The source of what borrowers say of how their complaint was resolved."""

SEVERITIES = list(Severity)
UPHELD = (Verdict.UPHELD, Verdict.PARTLY_UPHELD)


def board(conn: Connection, on: date, at: datetime) -> Answer[ComplaintBoard]:
    """The complaints that are open, by what was known on *on*, with their clocks at *at*."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        found = [
            each for each in _complaints(conn, on, at) if each.stage != ComplaintStage.RESOLVED
        ]
    found.sort(key=lambda each: (each.due_at or at, -SEVERITIES.index(Severity(each.severity))))
    over = sum((each.minutes_left or 0) < 0 for each in found)
    return Answer(ComplaintBoard(at, len(found), over, found), fresh)


def borrowers_put_off(conn: Connection, on: date) -> list[UUID]:
    """The borrowers of whom a complaint was put off by a day, and is not resolved since."""
    return scalars_of(
        conn,
        "SELECT DISTINCT borrower_id FROM rm.contacts_complaint AS put_off"
        " WHERE change = 'EXTENDED' AND business_on <= %(on)s AND NOT EXISTS ("
        " SELECT FROM rm.contacts_complaint AS later WHERE later.borrower_id = put_off.borrower_id"
        " AND later.complaint_ref = put_off.complaint_ref AND later.version > put_off.version"
        " AND later.change = 'RESOLVED') ORDER BY borrower_id",
        on=on,
    )


def of_borrower(
    conn: Connection, borrower_id: UUID, on: date, at: datetime
) -> Answer[ComplaintsOfOne | None]:
    """The complaints and ratings of one borrower, as known on *on*; None: who is that."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW, [borrower_id])
        known = scalars_of(
            conn,
            "SELECT jurisdiction FROM rm.contacts_borrower WHERE borrower_id = %(borrower_id)s"
            " AND business_on <= %(on)s ORDER BY version DESC LIMIT 1",
            borrower_id=borrower_id,
            on=on,
        )
        if not known:
            return Answer(None, fresh)
        complaints = _complaints(conn, on, at, borrower_id)
        ratings = rows_of(
            conn,
            ShownRating,
            sql.SQL(
                "SELECT {} FROM rm.contacts_feedback WHERE borrower_id = %(borrower_id)s"
                " AND business_on <= %(on)s ORDER BY version DESC"
            ).format(columns_of(ShownRating)),
            borrower_id=borrower_id,
            on=on,
        )
    complaints.sort(key=lambda each: each.opened_at, reverse=True)
    ref = short_ref("B", borrower_id)
    return Answer(ComplaintsOfOne(borrower_id, ref, known[0], at, complaints, ratings), fresh)


def rights_report(
    conn: Connection, on: date, at: datetime, from_on: date | None = None, to_on: date | None = None
) -> Answer[RightsReport]:
    """What became of complaints that came in on the days, and how satisfied borrowers were.

    *from_on* and *to_on* are business days, both inclusive; what became of a complaint is
    as known on *on*.
    """
    until = min(to_on or on, on)
    first = from_on or date.min
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        complaints = _complaints(conn, on, at)
        feedback = rows_of(
            conn,
            _Score,
            "SELECT source, score, business_on FROM rm.contacts_feedback"
            " WHERE business_on <= %(on)s",
            on=on,
        )
    received = [each for each in complaints if first <= each.known_on <= until]
    scores = [
        each for each in (*feedback, *_told(complaints)) if first <= each.business_on <= until
    ]
    sources = sorted({each.source for each in scores})
    report = RightsReport(
        from_on,
        until,
        _count("ALL", received),
        _counts(received, lambda each: each.category),
        _counts(received, lambda each: each.severity, SEVERITIES[::-1]),
        _satisfaction("ALL", scores),
        [_satisfaction(of, [each for each in scores if each.source == of]) for of in sources],
    )
    return Answer(report, fresh)


# --- complaints from their rows -----------------------------------------------------------


@dataclass(frozen=True)
class _Row(ComplaintStep):
    """A step with what else its row says."""

    borrower_id: UUID
    complaint_ref: str
    category: str | None
    came_by: str | None
    loan_id: UUID | None
    loan_ref: str | None

    def step(self) -> ComplaintStep:
        """The step alone."""
        return ComplaintStep(
            **{each.name: getattr(self, each.name) for each in fields(ComplaintStep)}
        )


def _complaints(
    conn: Connection, on: date, at: datetime, borrower_id: UUID | None = None
) -> list[ShownComplaint]:
    rows = rows_of(
        conn,
        _Row,
        sql.SQL(
            "SELECT {}, l.loan_ref FROM rm.contacts_complaint AS c"
            " LEFT JOIN rm.contacts_loan AS l ON l.loan_id = c.loan_id"
            " WHERE c.business_on <= %(on)s"
            " AND (%(borrower_id)s::uuid IS NULL OR c.borrower_id = %(borrower_id)s)"
            " ORDER BY c.borrower_id, c.version"
        ).format(
            sql.SQL(", ").join(
                sql.SQL("c.{}").format(sql.Identifier(each.name))
                for each in fields(_Row)
                if each.name != "loan_ref"
            )
        ),
        on=on,
        borrower_id=borrower_id,
    )
    stale = set(parked_streams(conn, VIEW))
    found: dict[tuple[UUID, str], list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.borrower_id, row.complaint_ref].append(row)
    return [_shown(steps, at, stale=steps[0].borrower_id in stale) for steps in found.values()]


def _shown(rows: Sequence[_Row], at: datetime, *, stale: bool) -> ShownComplaint:
    opened = rows[0]
    began = [row for row in rows if row.change in ("OPENED", "REOPENED")][-1]
    since = rows[rows.index(began) :]
    answered_at = _last(since, "ANSWERED")
    end = since[-1] if since[-1].change == "RESOLVED" else None
    respond_by, resolve_by = (_standing(rows, name) for name in ("respond_by", "resolve_by"))
    stage = ComplaintStage.OPEN if answered_at is None else ComplaintStage.ANSWERED
    due_at = respond_by if stage == ComplaintStage.OPEN else resolve_by
    if end is not None:
        stage, due_at = ComplaintStage.RESOLVED, None
    replied_at = answered_at or (None if end is None else end.changed_at)
    return ShownComplaint(
        borrower_id=opened.borrower_id,
        borrower_ref=short_ref("B", opened.borrower_id),
        complaint_ref=opened.complaint_ref,
        loan_id=opened.loan_id,
        loan_ref=opened.loan_ref,
        category=opened.category or "",
        came_by=opened.came_by or "",
        severity=_standing(rows, "severity"),
        stage=stage,
        round=sum(row.change in ("OPENED", "REOPENED") for row in rows),
        escalations=sum(row.change == "ESCALATED" for row in rows),
        opened_at=opened.changed_at,
        began_at=began.changed_at,
        respond_by=respond_by,
        resolve_by=resolve_by,
        answered_at=answered_at,
        resolved_at=None if end is None else end.changed_at,
        outcome=None if end is None else end.outcome,
        satisfaction=None if end is None else end.satisfaction,
        extended=_extended(since),
        due_at=due_at,
        minutes_left=None if due_at is None else (due_at - at) // timedelta(minutes=1),
        known_on=opened.business_on,
        answered_in_time=replied_at is not None and replied_at <= respond_by,
        stale=stale,
        steps=[row.step() for row in rows],
    )


def _last(rows: Iterable[_Row], change: str) -> datetime | None:
    return next((row.changed_at for row in rows if row.change == change), None)


def _extended(rows: Sequence[_Row]) -> str | None:
    """On which ground the resolution was put off last, and why; None where it was not."""
    last = [row for row in rows if row.change == "EXTENDED"][-1:]
    return f"{last[0].cause}: {last[0].reason}" if last else None


def _standing(rows: Sequence[_Row], name: str) -> Any:
    """What was said last of something that not every step says."""
    return next(said for row in reversed(rows) if (said := getattr(row, name)) is not None)


# --- counted ------------------------------------------------------------------------------


class _Score(NamedTuple):
    source: str
    score: int
    business_on: date


def _told(complaints: Iterable[ShownComplaint]) -> list[_Score]:
    """What borrowers said of how their complaints were resolved."""
    return [
        _Score(COMPLAINT, step.satisfaction, step.business_on)
        for each in complaints
        for step in each.steps
        if step.satisfaction is not None
    ]


def _counts(
    complaints: Sequence[ShownComplaint],
    key: Callable[[ShownComplaint], str],
    order: Sequence[str] = (),
) -> list[ComplaintCount]:
    names = {key(each) for each in complaints}
    listed = [each for each in order if each in names] or sorted(names)
    return [_count(of, [each for each in complaints if key(each) == of]) for of in listed]


def _count(of: str, complaints: Sequence[ShownComplaint]) -> ComplaintCount:
    ended = [(each, each.resolved_at) for each in complaints if each.resolved_at is not None]
    hours = [
        Decimal((ended_at - each.opened_at) // timedelta(seconds=1)) / 3600
        for each, ended_at in ended
    ]
    return ComplaintCount(
        of=str(of),
        received=len(complaints),
        resolved=len(ended),
        still_open=len(complaints) - len(ended),
        resolution_rate=_share(len(ended), len(complaints)),
        answered_in_time=sum(each.answered_in_time for each in complaints),
        resolved_in_time=sum(ended_at <= each.resolve_by for each, ended_at in ended),
        upheld=sum(each.outcome in UPHELD for each, _ in ended),
        escalated=sum(each.escalations > 0 for each in complaints),
        reopened=sum(each.round > 1 for each in complaints),
        median_hours_to_close=median(hours).quantize(Decimal("0.1")) if hours else None,
    )


def _satisfaction(source: str, scores: Sequence[_Score]) -> Satisfaction:
    satisfied = sum(each.score >= SATISFIED_FROM for each in scores)
    average = mean(Decimal(each.score) for each in scores) if scores else None
    return Satisfaction(
        source,
        len(scores),
        _share(satisfied, len(scores)),
        None if average is None else average.quantize(Decimal("0.01")),
    )


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None
