"""What can happen around contact with a borrower, and what each makes of the state.

No personal data: a contact point, a note and a text are references.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.base.reply_keyword import FoundWord
from domain.base.stream import Stream
from domain.borrower.contact import (
    CALLS,
    Consent,
    ContactPoint,
    OptOut,
    Party,
    PastContact,
    strictest_outcome,
)
from domain.borrower.contact_state import ContactState, Figure, OpenContact, OwnHours, Reply

SPOKEN = CALLS | {Channel.VISIT}
"""The channels of which nothing written comes."""


class Event(Stream.Event):
    """Anything that happened with a borrower."""


# --- where and when ------------------------------------------------------------------


class ZonesChanged(Event):
    """The borrower may plausibly be in these time zones from now on."""

    TOPIC = "borrower.zones-changed"
    borrower_ref: str
    jurisdiction: str
    zones: list[str]
    zones_before: list[str]
    source: str

    def apply(self, borrower: ContactState) -> None:
        borrower.zones = list(self.zones)


class JurisdictionChanged(Event):
    """The law of another place applies to the borrower from now on."""

    TOPIC = "borrower.jurisdiction-changed"
    borrower_ref: str
    jurisdiction: str
    jurisdiction_before: str
    zones: list[str]
    source: str

    def apply(self, borrower: ContactState) -> None:
        borrower.jurisdiction = self.jurisdiction


class LanguageSet(Event):
    """The borrower is written and spoken to in this language; without one as is usual there."""

    TOPIC = "borrower.language-set"
    language: str | None
    language_before: str | None
    source: str

    def apply(self, borrower: ContactState) -> None:
        borrower.language = self.language


class ContactPointAdded(Event):
    """A number or address is known, by its reference in the vault."""

    TOPIC = "borrower.contact-point-added"
    point_ref: str
    kind: str
    party: str
    source: str
    lawful_basis: str
    added_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.points[self.point_ref] = ContactPoint(
            self.point_ref,
            Party(self.party),
            PointSource(self.source),
            kind=PointKind(self.kind),
            lawful_basis=self.lawful_basis,
        )


class ContactPointRefused(Event):
    """Whose number it is asked to be left alone."""

    TOPIC = "borrower.contact-point-refused"
    point_ref: str
    refused_at: datetime

    def apply(self, borrower: ContactState) -> None:
        point = borrower.points[self.point_ref]
        borrower.points[self.point_ref] = replace(point, refused_at=self.refused_at)


class ContactPointBlocked(Event):
    """A number or address is on the black list: nothing is sent there."""

    TOPIC = "borrower.contact-point-blocked"
    point_ref: str
    reason: str
    blocked_at: datetime

    def apply(self, borrower: ContactState) -> None:
        point = borrower.points[self.point_ref]
        borrower.points[self.point_ref] = replace(point, blocked_at=self.blocked_at)


class ContactPointUnblocked(Event):
    """A number or address is off the black list."""

    TOPIC = "borrower.contact-point-unblocked"
    point_ref: str
    reason: str
    unblocked_at: datetime

    def apply(self, borrower: ContactState) -> None:
        point = borrower.points[self.point_ref]
        borrower.points[self.point_ref] = replace(point, blocked_at=None)


class ContactPointRetired(Event):
    """A number or address is the borrower's no more."""

    TOPIC = "borrower.contact-point-retired"
    point_ref: str
    reason: str
    retired_at: datetime

    def apply(self, borrower: ContactState) -> None:
        del borrower.points[self.point_ref]
        borrower.retired_points[self.point_ref] = self.reason


class OwnHoursSet(Event):
    """When the borrower wants to be contacted; all that was asked for before is replaced."""

    TOPIC = "borrower.own-hours-set"
    hours: list[OwnHours]
    hours_before: list[OwnHours]
    source: str
    set_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.own_hours = list(self.hours)


# --- permissions ---------------------------------------------------------------------


class ConsentGranted(Event):
    """The borrower agreed to something."""

    TOPIC = "borrower.consent-granted"
    scope: str
    source: str
    lawful_basis: str
    evidence_ref: str | None
    granted_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.consents.append(Consent(ConsentScope(self.scope), self.granted_at))


class ConsentReconfirmed(Event):
    """The borrower confirmed a consent a second time."""

    TOPIC = "borrower.consent-reconfirmed"
    scope: str
    source: str
    evidence_ref: str | None
    reconfirmed_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.consents = [
            replace(each, reconfirmed_at=self.reconfirmed_at)
            if _stands(each, self.scope) and each.reconfirmed_at is None
            else each
            for each in borrower.consents
        ]


class ConsentWithdrawn(Event):
    """The borrower took a consent back."""

    TOPIC = "borrower.consent-withdrawn"
    scope: str
    source: str
    withdrawn_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.consents = [
            replace(each, withdrawn_at=self.withdrawn_at) if _stands(each, self.scope) else each
            for each in borrower.consents
        ]


class OptedOut(Event):
    """The borrower refused a channel, a purpose, or both; without either, everything."""

    TOPIC = "borrower.opted-out"
    channel: str | None
    purpose: str | None
    source: str
    keyword: str | None
    contact_ref: str | None
    opted_out_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.opt_outs.append(
            OptOut(
                self.opted_out_at,
                None if self.channel is None else Channel(self.channel),
                None if self.purpose is None else Purpose(self.purpose),
            )
        )


class OptOutRevoked(Event):
    """The borrower took a refusal back."""

    TOPIC = "borrower.opt-out-revoked"
    channel: str | None
    purpose: str | None
    source: str
    revoked_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.opt_outs = [
            each
            for each in borrower.opt_outs
            if not each.ends_by(self.channel, self.purpose, self.revoked_at)
        ]


# --- contacts ------------------------------------------------------------------------


@dataclass(frozen=True)
class Against:
    """What stood against a contact, and by which rule."""

    reason: str
    rule: str
    version: str


@dataclass(frozen=True)
class JudgedBy:
    """A rule that a contact was held against, in the version of the day."""

    rule: str
    version: str


@dataclass(frozen=True)
class RouteSeen:
    """How the way out stood, and by which entry of the register of providers."""

    state: str
    rule: str
    version: str


class ContactDecided(Event):
    """What the gate answered to an intended contact, and why.

    One that was allowed counts against every cap from here on, as the strictest outcome
    it can have, until it is told what came of it, or to *counts_until*; it is made before
    *lapses_at*. It is about *loan_id* and *also_loan_ids*, lent under *products*. *route* is
    None where nobody asked how it would go out. One that *follows* another is made because
    that one FAILED, or was NOT_DELIVERED.
    """

    TOPIC = "borrower.contact-decided"
    contact_ref: str
    decided_at: datetime
    occasion: str
    purpose: str
    channel: str
    party: str
    point_ref: str | None
    loan_id: UUID | None
    product_line: str | None
    template: str | None
    template_version: str | None
    figures: list[Figure]
    answer: str
    until: datetime | None
    against: list[Against]
    judged_by: list[JudgedBy]
    digest: str
    experiment: str | None
    arm: str | None
    also_loan_ids: list[UUID] | None
    products: list[str] | None
    lapses_at: datetime | None
    counts_until: datetime | None
    route: RouteSeen | None
    follows: str | None
    follows_because: str | None

    def apply(self, borrower: ContactState) -> None:
        borrower.last_decided_at = self.decided_at
        if self.answer != "ALLOW":
            return
        borrower.contacts[self.contact_ref] = PastContact(
            self.decided_at,
            Purpose(self.purpose),
            Channel(self.channel),
            strictest_outcome(Channel(self.channel)),
            self.point_ref,
            None if self.loan_id is None else str(self.loan_id),
            self.product_line,
            [str(each) for each in self.also_loan_ids or ()],
            self.counts_until,
        )
        borrower.open_contacts[self.contact_ref] = OpenContact(
            self.contact_ref,
            self.decided_at,
            self.purpose,
            self.channel,
            self.point_ref,
            self.digest,
            self.template,
            self.template_version,
            list(self.figures),
            self.lapses_at,
        )


class ContactDecidedAgain(Event):
    """What the gate answered to a contact that it had allowed, before it is sent after all.

    It was *decided_before*, and not told of: its sender died, or no provider took it. What
    is decided now is whether it goes; what it counts against stays as it was.
    """

    TOPIC = "borrower.contact-decided-again"
    contact_ref: str
    decided_at: datetime
    decided_before: datetime
    occasion: str
    purpose: str
    channel: str
    party: str
    point_ref: str | None
    loan_id: UUID | None
    product_line: str | None
    template: str | None
    template_version: str | None
    figures: list[Figure]
    answer: str
    until: datetime | None
    against: list[Against]
    judged_by: list[JudgedBy]
    also_loan_ids: list[UUID] | None
    products: list[str] | None
    lapses_at: datetime | None
    counts_until: datetime | None
    route: RouteSeen | None

    def apply(self, borrower: ContactState) -> None:
        borrower.last_decided_at = self.decided_at


class ContactNotMade(Event):
    """A contact that was planned for a day is not made, for *reasons*.

    *channel* is None where it did not come to one. Where the gate refused it, that stands
    in its own event, with the rules; *experiment* and *arm* where it was in one.
    """

    TOPIC = "borrower.contact-not-made"
    contact_ref: str
    not_made_at: datetime
    planned_for: date
    occasion: str
    purpose: str
    channel: str | None
    loan_ids: list[UUID]
    reasons: list[str]
    experiment: str | None
    arm: str | None

    def apply(self, borrower: ContactState) -> None:
        borrower.not_made[self.contact_ref] = list(self.reasons)


class VariantAssigned(Event):
    """The borrower is in an arm of an experiment, and stays in it."""

    TOPIC = "borrower.variant-assigned"
    experiment: str
    arm: str
    contact_ref: str

    def apply(self, borrower: ContactState) -> None:
        borrower.variants[self.experiment] = self.arm


class ContactMade(Event):
    """What came of a contact that was allowed.

    *certain* is false where it cannot be known whether a provider took it; it then counts
    as made. *said_ref* is what was said, in the vault.
    """

    TOPIC = "borrower.contact-made"
    contact_ref: str
    made_at: datetime
    purpose: str
    channel: str
    point_ref: str | None
    outcome: str
    certain: bool
    provider: str | None
    provider_ref: str | None
    duration_seconds: int | None
    feedback: str | None
    intent_level: str | None
    reason: str | None
    said_ref: str | None

    def apply(self, borrower: ContactState) -> None:
        past = borrower.contacts[self.contact_ref]
        borrower.contacts[self.contact_ref] = replace(
            past, at=self.made_at, outcome=Outcome(self.outcome), counts_until=None
        )
        borrower.open_contacts.pop(self.contact_ref, None)


class MessageDelivered(Event):
    """A provider told what became of a message."""

    TOPIC = "borrower.message-delivered"
    contact_ref: str
    delivered: bool
    provider: str
    carrier: str | None
    reason: str | None
    reported_at: datetime

    def apply(self, borrower: ContactState) -> None:
        # It was sent, and counts as sent, whether it arrived or not.
        if self.delivered:
            borrower.undelivered.pop(self.contact_ref, None)
        else:
            borrower.undelivered[self.contact_ref] = self.reason or ""


class InboundReceived(Event):
    """The borrower got in touch; *found* are keywords among other words of what was written.

    What was written, is no keyword and lies in the vault waits until somebody read it.
    """

    TOPIC = "borrower.inbound-received"
    contact_ref: str
    received_at: datetime
    purpose: str
    channel: str
    point_ref: str | None
    loan_id: UUID | None
    keyword: str | None
    answers: str | None
    said_ref: str | None
    found: list[FoundWord] | None

    def apply(self, borrower: ContactState) -> None:
        borrower.contacts[self.contact_ref] = PastContact(
            self.received_at,
            Purpose(self.purpose),
            Channel(self.channel),
            Outcome.INBOUND,
            self.point_ref,
            None if self.loan_id is None else str(self.loan_id),
        )
        if self.keyword is None and self.said_ref is not None and self.channel not in SPOKEN:
            borrower.replies[self.contact_ref] = Reply(
                self.contact_ref, self.channel, self.received_at, list(self.found or [])
            )


class ReplyRead(Event):
    """Somebody read what the borrower wrote: what came of it, and whether we owe an answer.

    *said_ref* is what the reader noted, in the vault.
    """

    TOPIC = "borrower.reply-read"
    contact_ref: str
    channel: str
    received_at: datetime
    read_at: datetime
    outcome: str
    awaits_answer: bool
    said_ref: str | None

    def apply(self, borrower: ContactState) -> None:
        reply = borrower.replies[self.contact_ref]
        borrower.replies[self.contact_ref] = replace(
            reply, outcome=self.outcome, awaits_answer=self.awaits_answer
        )


class ReplyAnswered(Event):
    """What the borrower wrote was answered: by a contact of the record, or in another way."""

    TOPIC = "borrower.reply-answered"
    contact_ref: str
    channel: str
    received_at: datetime
    answered_at: datetime
    answered_by: str | None
    said_ref: str | None

    def apply(self, borrower: ContactState) -> None:
        reply = borrower.replies[self.contact_ref]
        borrower.replies[self.contact_ref] = replace(
            reply, awaits_answer=False, answered_at=self.answered_at, answered_by=self.answered_by
        )


def _stands(consent: Consent, scope: str) -> bool:
    return consent.scope == scope and consent.withdrawn_at is None
