"""What can happen to a complaint of a borrower, and to what a borrower thinks of us.

No personal data: what was said is a reference to the vault.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from domain.borrower.collection import Collection
from domain.borrower.contact_events import Event


class ComplaintStage(StrEnum):
    """How far a complaint has come."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    RESOLVED = "RESOLVED"


class Cause(StrEnum):
    """What brought an escalation about: a person, or a deadline that passed."""

    PERSON = "PERSON"
    ANSWER_OVERDUE = "ANSWER_OVERDUE"
    RESOLUTION_OVERDUE = "RESOLUTION_OVERDUE"


@dataclass(frozen=True)
class Complaint:
    """A complaint as it stands; *round* counts how often it was open.

    *overdue* are the deadlines of this round that passed and were escalated, *extended* the
    grounds on which its resolution was put off, last on *extended_on*. Without *loan_id* it is
    about every debt.
    """

    complaint_ref: str
    severity: str
    category: str
    came_by: str
    loan_id: UUID | None
    respond_by: datetime
    resolve_by: datetime
    hold_ref: str
    overdue: list[str]
    changed_at: datetime
    round: int = 1
    stage: str = ComplaintStage.OPEN
    escalations: int = 0
    outcome: str | None = None
    began_at: datetime | None = None
    extended: list[str] = field(default_factory=list)
    extended_on: date | None = None

    @property
    def deadlines(self) -> dict[Cause, datetime]:
        """Those that still run, by what it is called when they pass."""
        if self.stage == ComplaintStage.RESOLVED:
            return {}
        running = {Cause.RESOLUTION_OVERDUE: self.resolve_by}
        if self.stage == ComplaintStage.OPEN:
            running[Cause.ANSWER_OVERDUE] = self.respond_by
        return {cause: by for cause, by in running.items() if str(cause) not in self.overdue}


@dataclass(frozen=True)
class Rating:
    """What a borrower thinks of us, from 1 to 5."""

    source: str
    score: int
    occasion: str


class ComplaintState(Collection):
    """What is kept of one borrower's complaints and ratings."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: dict[str, Complaint] = {}
        self.ratings: dict[str, Rating] = {}


class ComplaintOpened(Event):
    """The borrower complains; answer and resolution are due by the level of the day.

    The hold of *hold_ref* keeps collection away from the debt, or from all of them.
    """

    TOPIC = "borrower.complaint-opened"
    complaint_ref: str
    severity: str
    category: str
    came_by: str
    loan_id: UUID | None
    opened_at: datetime
    respond_by: datetime
    resolve_by: datetime
    policy_version: str
    hold_ref: str
    said_ref: str | None

    def apply(self, borrower: ComplaintState) -> None:
        borrower.complaints[self.complaint_ref] = Complaint(
            self.complaint_ref,
            self.severity,
            self.category,
            self.came_by,
            self.loan_id,
            self.respond_by,
            self.resolve_by,
            self.hold_ref,
            overdue=[],
            changed_at=self.opened_at,
            began_at=self.opened_at,
        )


class ComplaintEscalated(Event):
    """A complaint goes to the next level: a person says so, or a deadline passed.

    With a higher severity the deadlines are those of its level from here on, never later than
    before.
    """

    TOPIC = "borrower.complaint-escalated"
    complaint_ref: str
    cause: str
    escalations: int
    severity: str
    severity_before: str
    respond_by: datetime
    resolve_by: datetime
    policy_version: str | None
    escalated_to: str | None
    reason: str | None
    escalated_at: datetime

    def apply(self, borrower: ComplaintState) -> None:
        known = borrower.complaints[self.complaint_ref]
        by_person = self.cause == Cause.PERSON
        borrower.complaints[self.complaint_ref] = replace(
            known,
            severity=self.severity,
            respond_by=self.respond_by,
            resolve_by=self.resolve_by,
            overdue=known.overdue if by_person else [*known.overdue, self.cause],
            escalations=self.escalations,
            changed_at=self.escalated_at if by_person else known.changed_at,
        )


class ComplaintExtended(Event):
    """A complaint may take longer, on a ground that its level allows; the borrower is told.

    *extension* counts those of this round.
    """

    TOPIC = "borrower.complaint-extended"
    complaint_ref: str
    severity: str
    ground: str
    extension: int
    resolve_by: datetime
    resolve_before: datetime
    reason: str
    requested_by: str
    approved_by: str
    policy_version: str
    extended_at: datetime

    def apply(self, borrower: ComplaintState) -> None:
        known = borrower.complaints[self.complaint_ref]
        borrower.complaints[self.complaint_ref] = replace(
            known,
            resolve_by=self.resolve_by,
            changed_at=self.extended_at,
            extended=[*known.extended, self.ground],
            extended_on=self.business_on,
        )


class ComplaintAnswered(Event):
    """The borrower was answered; *contact_ref* is the contact by which, where one is known."""

    TOPIC = "borrower.complaint-answered"
    complaint_ref: str
    answered_at: datetime
    respond_by: datetime
    in_time: bool
    contact_ref: str | None
    said_ref: str | None

    def apply(self, borrower: ComplaintState) -> None:
        known = borrower.complaints[self.complaint_ref]
        borrower.complaints[self.complaint_ref] = replace(
            known, stage=ComplaintStage.ANSWERED, changed_at=self.answered_at
        )


class ComplaintResolved(Event):
    """A complaint came to its end; *satisfaction* is what the borrower says of it, 1 to 5.

    With it ends the hold of *hold_ref*.
    """

    TOPIC = "borrower.complaint-resolved"
    complaint_ref: str
    severity: str
    category: str
    outcome: str
    upheld: bool
    remedy: str | None
    satisfaction: int | None
    resolved_at: datetime
    resolve_by: datetime
    in_time: bool
    hold_ref: str
    said_ref: str | None

    def apply(self, borrower: ComplaintState) -> None:
        known = borrower.complaints[self.complaint_ref]
        borrower.complaints[self.complaint_ref] = replace(
            known, stage=ComplaintStage.RESOLVED, outcome=self.outcome, changed_at=self.resolved_at
        )


class ComplaintReopened(Event):
    """A complaint that was resolved is open again, and its clock starts anew."""

    TOPIC = "borrower.complaint-reopened"
    complaint_ref: str
    round: int
    severity: str
    severity_before: str
    outcome_before: str
    respond_by: datetime
    resolve_by: datetime
    policy_version: str
    hold_ref: str
    reason: str
    reopened_at: datetime
    said_ref: str | None

    def apply(self, borrower: ComplaintState) -> None:
        known = borrower.complaints[self.complaint_ref]
        borrower.complaints[self.complaint_ref] = replace(
            known,
            severity=self.severity,
            respond_by=self.respond_by,
            resolve_by=self.resolve_by,
            hold_ref=self.hold_ref,
            overdue=[],
            changed_at=self.reopened_at,
            round=self.round,
            stage=ComplaintStage.OPEN,
            outcome=None,
            began_at=self.reopened_at,
            extended=[],
            extended_on=None,
        )


class FeedbackRecorded(Event):
    """What a borrower thinks of us, from 1 to 5; a call-back names the contact that asked."""

    TOPIC = "borrower.feedback-recorded"
    feedback_ref: str
    source: str
    score: int
    occasion: str
    given_at: datetime
    contact_ref: str | None
    complaint_ref: str | None
    said_ref: str | None

    def apply(self, borrower: ComplaintState) -> None:
        borrower.ratings[self.feedback_ref] = Rating(self.source, self.score, self.occasion)
