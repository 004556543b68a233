"""What is answered about complaints and ratings: plain values; ``answers.Answer`` around each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class ComplaintStep:
    """Something that happened to a complaint; what does not belong to it is empty.

    *contact_ref* is the contact by which it was answered, *said_ref* what was said, in the
    vault.
    """

    version: int
    business_on: date
    change: str
    changed_at: datetime
    severity: str | None
    respond_by: datetime | None
    resolve_by: datetime | None
    rule_version: str | None
    cause: str | None
    escalated_to: str | None
    approved_by: str | None
    reason: str | None
    outcome: str | None
    remedy: str | None
    satisfaction: int | None
    contact_ref: str | None
    said_ref: str | None
    actor: str


@dataclass(frozen=True)
class ShownComplaint:
    """A complaint as it stood, with its clock at an instant.

    *due_at* is the next deadline of an open one, and *minutes_left* how long it takes until
    then: below zero that it is over. *round* counts how often it was open, last from
    *began_at*; *answered_at* is of that round, and so is *extended*: the ground on which its
    resolution was put off last, and why. Without *loan_id* it is about every debt.
    """

    borrower_id: UUID
    borrower_ref: str
    complaint_ref: str
    loan_id: UUID | None
    loan_ref: str | None
    category: str
    came_by: str
    severity: str
    stage: str
    round: int
    escalations: int
    opened_at: datetime
    began_at: datetime
    respond_by: datetime
    resolve_by: datetime
    answered_at: datetime | None
    resolved_at: datetime | None
    outcome: str | None
    satisfaction: int | None
    extended: str | None
    due_at: datetime | None
    minutes_left: int | None
    known_on: date
    answered_in_time: bool
    stale: bool
    steps: list[ComplaintStep]


@dataclass(frozen=True)
class ShownRating:
    """What the borrower thinks of us, from 1 to 5."""

    feedback_ref: str
    business_on: date
    source: str
    score: int
    occasion: str
    given_at: datetime
    contact_ref: str | None
    complaint_ref: str | None
    said_ref: str | None
    actor: str


@dataclass(frozen=True)
class ComplaintsOfOne:
    """All complaints of one borrower, the newest first, and all ratings."""

    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    at: datetime
    complaints: list[ShownComplaint]
    ratings: list[ShownRating]


@dataclass(frozen=True)
class ComplaintBoard:
    """The open complaints, the one that is over longest first; *over* counts these."""

    at: datetime
    open: int
    over: int
    complaints: list[ShownComplaint]


@dataclass(frozen=True)
class ComplaintCount:
    """Complaints that came in, and what became of them.

    *resolution_rate* is the share of them that is resolved. The hours are from the first
    opening to the last resolution, the median.
    """

    of: str
    received: int
    resolved: int
    still_open: int
    resolution_rate: Decimal | None
    answered_in_time: int
    resolved_in_time: int
    upheld: int
    escalated: int
    reopened: int
    median_hours_to_close: Decimal | None


@dataclass(frozen=True)
class Satisfaction:
    """Ratings from 1 to 5; *csat* is the share of those with 4 or 5."""

    source: str
    ratings: int
    csat: Decimal | None
    mean_score: Decimal | None


@dataclass(frozen=True)
class RightsReport:
    """What became of complaints that came in from a day (None: the first) to another.

    And how satisfied borrowers were who said so on these days: with the resolution of
    complaints (COMPLAINT), and otherwise.
    """

    from_on: date | None
    to_on: date
    complaints: ComplaintCount
    by_category: list[ComplaintCount]
    by_severity: list[ComplaintCount]
    satisfaction: Satisfaction
    by_source: list[Satisfaction]
