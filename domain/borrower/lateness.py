"""Why a borrower's loan is late, as it was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.base.contact_policy import LateReason
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower import refusals as no
from domain.borrower.contact_events import Event
from domain.borrower.replies import Replies


class LoanNotNamed(Refusal):
    """A contact is about no loan in particular, where it has to be about one."""

    code = "LOAN_NOT_NAMED"


@dataclass(frozen=True)
class ToldReason:
    """Why a loan is late, by whom it was told (*source*) and in which contact."""

    loan_id: UUID
    reason: str
    source: str
    contact_ref: str | None
    told_on: date


class LateReasonRecorded(Event):
    """Why a loan is late became known: by whom it was told, and in which contact if any."""

    TOPIC = "borrower.late-reason-recorded"
    loan_id: UUID
    reason: str
    source: str
    contact_ref: str | None

    def apply(self, borrower: Lateness) -> None:
        borrower.late_reasons[str(self.loan_id)] = ToldReason(
            self.loan_id, self.reason, self.source, self.contact_ref, self.business_on
        )


class Lateness(Replies):
    """Why the loans of one borrower are late."""

    def __init__(self) -> None:
        super().__init__()
        self.late_reasons: dict[str, ToldReason] = {}
        """The last one told of each loan, by the loan's id."""

    def record_late_reason(
        self,
        act: Act,
        *,
        loan_id: UUID,
        reason: LateReason,
        source: str,
        contact_ref: str | None = None,
    ) -> None:
        """Note why a loan is late; the same told again on one day is noted once.

        Raises:
            ContactUnknown: it was told in a contact that nobody knows of.
        """
        if contact_ref is not None:
            self._must_know(contact_ref)
        told = ToldReason(loan_id, str(reason), source, contact_ref, act.business_on)
        if self.late_reasons.get(str(loan_id)) == told:
            return
        self.record(
            LateReasonRecorded,
            act,
            act.business_on,
            loan_id=loan_id,
            reason=str(reason),
            source=source,
            contact_ref=contact_ref,
        )

    def record_late_reason_told(
        self, act: Act, *, contact_ref: str, reason: LateReason, source: str
    ) -> None:
        """Note why the loan that a contact was about is late, as it was told in the contact.

        Raises:
            ContactUnknown: nobody knows of the contact.
            LoanNotNamed: it was about no loan in particular.
        """
        self._must_know(contact_ref)
        debt = self.contacts[contact_ref].debt
        if debt is None:
            raise LoanNotNamed(
                f"{contact_ref!r} was about no loan in particular: say with collect reason"
                " which one is late, and why."
            )
        self.record_late_reason(
            act, loan_id=UUID(debt), reason=reason, source=source, contact_ref=contact_ref
        )

    def _must_know(self, contact_ref: str) -> None:
        if contact_ref not in self.contacts:
            raise no.ContactUnknown(
                f"No contact {contact_ref!r} was made: name one that was, or none."
            )
