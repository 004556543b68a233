"""Complaints of a borrower, each against the clock, and what the borrower thinks of us."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.complaint_policy import ComplaintLevel, Extension, Ground, Severity, deadline
from domain.base.contact_policy import Outcome, Purpose
from domain.base.refusal import two_people
from domain.base.stream import Act
from domain.borrower import complaint_events as events
from domain.borrower import refusals as no
from domain.borrower.complaint_events import Cause, Complaint, ComplaintStage, ComplaintState
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict

SCORES = range(1, 6)
SEVERITIES = list(Severity)


class Complaints(ComplaintState):
    """The complaints and ratings of one borrower.

    Each happens at its instant, which may lie before the one at which it was heard of. The
    hold that keeps collection away is set and lifted by the commands, in one transaction.
    """

    def open_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        severity: Severity,
        category: Category,
        came_by: Came,
        opened_at: datetime,
        level: ComplaintLevel | None,
        desk_days: BusinessDays | None,
        loan_id: UUID | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let a complaint be open, its clock running; the same again changes nothing.

        *desk_days* are the business days of the level's desk.

        Raises:
            ComplaintRefReused: the reference names another complaint.
            ComplaintLevelMissing: no *level* is in force for the severity.
        """
        known = self.complaints.get(complaint_ref)
        if known is not None:
            if (known.category, known.loan_id) != (category, loan_id):
                raise no.ComplaintRefReused(
                    f"The reference {complaint_ref!r} already names another complaint."
                )
            return
        level = _in_force(level, severity)
        self.record(
            events.ComplaintOpened,
            act,
            act.business_on,
            complaint_ref=complaint_ref,
            severity=str(severity),
            category=str(category),
            came_by=str(came_by),
            loan_id=loan_id,
            opened_at=opened_at.astimezone(UTC),
            **_deadlines(opened_at, level, desk_days),
            policy_version=level.version,
            hold_ref=_hold_ref(complaint_ref, 1),
            said_ref=said_ref,
        )

    def escalate_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        reason: str,
        escalated_at: datetime,
        severity: Severity | None = None,
        escalated_to: str | None = None,
        level: ComplaintLevel | None = None,
        desk_days: BusinessDays | None = None,
    ) -> None:
        """Let a complaint go to the next level, on a person's word.

        With a higher *severity* its deadlines become those of the *level*, counted from now,
        where they are sooner.

        Raises:
            ComplaintUnknown: there is none of this reference.
            ComplaintOver: it was resolved.
            ComplaintOutOfOrder: something happened to it later than that.
            SeverityNotHigher: it is more severe already.
            ComplaintLevelMissing: no level is in force for the severity.
        """
        known = self._open_complaint(complaint_ref, escalated_at)
        severity = severity or Severity(known.severity)
        raised = SEVERITIES.index(severity) - SEVERITIES.index(Severity(known.severity))
        if raised < 0:
            raise no.SeverityNotHigher(
                f"The complaint is {known.severity}: an escalation keeps that, or makes it higher."
            )
        by = {"respond_by": known.respond_by, "resolve_by": known.resolve_by}
        if raised:
            level = _in_force(level, severity)
            sooner = _deadlines(escalated_at, level, desk_days)
            by = {name: min(by[name], sooner[name]) for name in by}
        self.record(
            events.ComplaintEscalated,
            act,
            act.business_on,
            complaint_ref=complaint_ref,
            cause=str(Cause.PERSON),
            escalations=known.escalations + 1,
            severity=str(severity),
            severity_before=known.severity,
            **by,
            policy_version=level.version if raised and level else None,
            escalated_to=escalated_to,
            reason=reason,
            escalated_at=escalated_at.astimezone(UTC),
        )

    def extend_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        ground: Ground,
        reason: str,
        requested_by: str,
        approved_by: str,
        extended_at: datetime,
        level: ComplaintLevel | None,
    ) -> None:
        """Let a complaint be resolved later, by what its *level* allows on a ground.

        The time counts from when it was opened, or reopened, as that of the level does.

        Raises:
            ComplaintUnknown: there is none of this reference.
            ComplaintOver: it was resolved.
            ComplaintOutOfOrder: something happened to it later than that.
            ComplaintLevelMissing: no level is in force for its severity.
            ExtensionNotAllowed: the level has no such ground, or has another one before it;
                or it was put off on that ground already, or would not be by it.
            ExtendedTooLate: its deadline passed before: what is over is not put off.
            SamePerson: who asks for it cannot approve it.
        """
        known = self._open_complaint(complaint_ref, extended_at)
        level = _in_force(level, Severity(known.severity))
        found = _extension(level, known, ground)
        if extended_at > known.resolve_by:
            raise no.ExtendedTooLate(
                f"The complaint was to be resolved by {known.resolve_by:%Y-%m-%d %H:%M:%SZ}: a time"
                " that is over is not extended."
            )
        resolve_by = deadline(known.began_at or known.changed_at, found.resolve_minutes, None, None)
        if resolve_by <= known.resolve_by:
            raise no.ExtensionNotAllowed(
                f"On the ground {ground} it would be due by {resolve_by:%Y-%m-%d %H:%M:%SZ}, no"
                " later than it is."
            )
        two_people(requested_by, approved_by, "A longer time for a complaint")
        self.record(
            events.ComplaintExtended,
            act,
            act.business_on,
            complaint_ref=complaint_ref,
            severity=known.severity,
            ground=str(ground),
            extension=len(known.extended) + 1,
            resolve_by=resolve_by,
            resolve_before=known.resolve_by,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            policy_version=level.version,
            extended_at=extended_at.astimezone(UTC),
        )

    def complaints_overdue(self, at: datetime) -> list[tuple[Complaint, Cause]]:
        """The open complaints of which a deadline passed before *at* and nobody was told yet."""
        return [
            (each, cause)
            for each in self.complaints.values()
            for cause, by in sorted(each.deadlines.items(), key=lambda pair: pair[1])
            if by < at
        ]

    def escalate_overdue(self, act: Act, *, at: datetime) -> None:
        """Let the complaints of which a deadline passed before *at* go to the next level.

        Each deadline escalates once.
        """
        for complaint, cause in self.complaints_overdue(at):
            known = self.complaints[complaint.complaint_ref]
            self.record(
                events.ComplaintEscalated,
                act,
                act.business_on,
                complaint_ref=known.complaint_ref,
                cause=str(cause),
                escalations=known.escalations + 1,
                severity=known.severity,
                severity_before=known.severity,
                respond_by=known.respond_by,
                resolve_by=known.resolve_by,
                policy_version=None,
                escalated_to=None,
                reason=None,
                escalated_at=at.astimezone(UTC),
            )

    def answer_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        answered_at: datetime,
        contact_ref: str | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let a complaint be answered; a second answer changes nothing.

        Raises:
            ComplaintUnknown: there is none of this reference.
            ComplaintOver: it was resolved.
            ComplaintOutOfOrder: something happened to it later than that.
            ContactUnknown: no such contact with the borrower is known.
        """
        known = self._open_complaint(complaint_ref, answered_at)
        if contact_ref is not None and contact_ref not in self.contacts:
            raise no.ContactUnknown(
                f"No contact {contact_ref!r} with this borrower is known: ask for it first."
            )
        if known.stage == ComplaintStage.OPEN:
            self.record(
                events.ComplaintAnswered,
                act,
                act.business_on,
                complaint_ref=complaint_ref,
                answered_at=answered_at.astimezone(UTC),
                respond_by=known.respond_by,
                in_time=answered_at <= known.respond_by,
                contact_ref=contact_ref,
                said_ref=said_ref,
            )

    def resolve_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        outcome: Verdict,
        resolved_at: datetime,
        remedy: str | None = None,
        satisfaction: int | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let a complaint come to its end; the same end again changes nothing.

        Raises:
            ComplaintUnknown: there is none of this reference.
            ComplaintOver: it came to another end.
            ComplaintOutOfOrder: something happened to it later than that.
            ScoreNotSound: the satisfaction is not 1 to 5.
        """
        if satisfaction is not None:
            _must_be_score(satisfaction)
        known = self.complaint(complaint_ref)
        if (known.stage, known.outcome) == (ComplaintStage.RESOLVED, outcome):
            return
        known = self._open_complaint(complaint_ref, resolved_at)
        self.record(
            events.ComplaintResolved,
            act,
            act.business_on,
            complaint_ref=complaint_ref,
            severity=known.severity,
            category=known.category,
            outcome=str(outcome),
            upheld=outcome in (Verdict.UPHELD, Verdict.PARTLY_UPHELD),
            remedy=remedy,
            satisfaction=satisfaction,
            resolved_at=resolved_at.astimezone(UTC),
            resolve_by=known.resolve_by,
            in_time=resolved_at <= known.resolve_by,
            hold_ref=known.hold_ref,
            said_ref=said_ref,
        )

    def reopen_complaint(
        self,
        act: Act,
        *,
        complaint_ref: str,
        reason: str,
        reopened_at: datetime,
        level: ComplaintLevel | None,
        desk_days: BusinessDays | None,
        severity: Severity | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let a complaint that was resolved be open again, its clock starting anew.

        Raises:
            ComplaintUnknown: there is none of this reference.
            ComplaintNotOver: it is open.
            ComplaintOutOfOrder: it was resolved later than that.
            ComplaintLevelMissing: no *level* is in force for the severity.
        """
        known = self.complaint(complaint_ref)
        if known.stage != ComplaintStage.RESOLVED:
            raise no.ComplaintNotOver(
                f"The complaint {complaint_ref!r} is {known.stage}: escalate it instead."
            )
        _must_be_later(known, reopened_at)
        severity = severity or Severity(known.severity)
        level = _in_force(level, severity)
        self.record(
            events.ComplaintReopened,
            act,
            act.business_on,
            complaint_ref=complaint_ref,
            round=known.round + 1,
            severity=str(severity),
            severity_before=known.severity,
            outcome_before=str(known.outcome),
            **_deadlines(reopened_at, level, desk_days),
            policy_version=level.version,
            hold_ref=_hold_ref(complaint_ref, known.round + 1),
            reason=reason,
            reopened_at=reopened_at.astimezone(UTC),
            said_ref=said_ref,
        )

    def give_feedback(
        self,
        act: Act,
        *,
        feedback_ref: str,
        source: FeedbackSource,
        score: int,
        occasion: str,
        given_at: datetime,
        contact_ref: str | None = None,
        complaint_ref: str | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Note what the borrower thinks of us; the same again changes nothing.

        A call-back is a contact of care like any other, so that it counts against the caps:
        the gate allowed it, and *contact_ref* is its reference.

        Raises:
            ScoreNotSound: the score is not 1 to 5.
            FeedbackRefReused: the reference names other feedback.
            CallBackNotAllowed: no contact of care with the reference was allowed.
            ComplaintUnknown: there is no complaint of this reference.
        """
        _must_be_score(score)
        known = self.ratings.get(feedback_ref)
        if known is not None:
            if known != events.Rating(source, score, occasion):
                raise no.FeedbackRefReused(
                    f"The reference {feedback_ref!r} already names other feedback."
                )
            return
        if source == FeedbackSource.CALL_BACK:
            self._must_have_called_back(contact_ref)
        if complaint_ref is not None:
            self.complaint(complaint_ref)
        self.record(
            events.FeedbackRecorded,
            act,
            act.business_on,
            feedback_ref=feedback_ref,
            source=str(source),
            score=score,
            occasion=occasion,
            given_at=given_at.astimezone(UTC),
            contact_ref=contact_ref,
            complaint_ref=complaint_ref,
            said_ref=said_ref,
        )

    def complaint(self, complaint_ref: str) -> Complaint:
        """The complaint with a reference.

        Raises:
            ComplaintUnknown: there is none.
        """
        known = self.complaints.get(complaint_ref)
        if known is None:
            raise no.ComplaintUnknown(
                f"The borrower has no complaint {complaint_ref!r}: open it first."
            )
        return known

    def _open_complaint(self, complaint_ref: str, at: datetime) -> Complaint:
        known = self.complaint(complaint_ref)
        if known.stage == ComplaintStage.RESOLVED:
            raise no.ComplaintOver(
                f"The complaint {complaint_ref!r} was resolved as {known.outcome}: reopen it first."
            )
        _must_be_later(known, at)
        return known

    def _must_have_called_back(self, contact_ref: str | None) -> None:
        past = None if contact_ref is None else self.contacts.get(contact_ref)
        if past is None or past.outcome == Outcome.INBOUND or past.purpose != Purpose.CARE:
            raise no.CallBackNotAllowed(
                "A call-back is a contact of care: ask for it (contact ask --purpose care) before"
                " it is made, and name it (--contact)."
            )


def _in_force(level: ComplaintLevel | None, severity: Severity) -> ComplaintLevel:
    if level is None or level.severity != severity:
        raise no.ComplaintLevelMissing(
            f"No policy in force says how fast a {severity} complaint is dealt with:"
            " publish a complaint_level."
        )
    return level


def _extension(level: ComplaintLevel, known: Complaint, ground: Ground) -> Extension:
    """The next extension of a complaint, where it is on that ground."""
    left = [each for each in level.extensions if each.ground not in known.extended]
    if not left or left[0].ground != ground:
        may = f"on the ground {left[0].ground} next" if left else "no further"
        raise no.ExtensionNotAllowed(
            f"A {known.severity} complaint is extended {may} ({level.version}), not on {ground}."
        )
    return left[0]


def _deadlines(
    start: datetime, level: ComplaintLevel, desk_days: BusinessDays | None
) -> dict[str, datetime]:
    """By when a complaint that begins at *start* is answered and resolved."""
    resolve_by = deadline(start, level.resolve_minutes, None, None)
    respond_by = deadline(start, level.answer_minutes, level.desk, desk_days)
    return {"respond_by": min(respond_by, resolve_by), "resolve_by": resolve_by}


def _hold_ref(complaint_ref: str, round_: int) -> str:
    return f"{complaint_ref}/{round_}"


def _must_be_later(known: Complaint, at: datetime) -> None:
    if at < known.changed_at:
        raise no.ComplaintOutOfOrder(
            f"Something happened to {known.complaint_ref!r} at"
            f" {known.changed_at:%Y-%m-%d %H:%M:%SZ}: nothing happens to it before that."
        )


def _must_be_score(score: int) -> None:
    if score not in SCORES:
        raise no.ScoreNotSound(f"{score} is no score: give a whole number from 1 to 5.")
