"""Contacts with a borrower: what the gate decides of each, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from domain.base.contact_policy import (
    Channel,
    ContactRules,
    Feedback,
    IntentLevel,
    Outcome,
    PointKind,
    Purpose,
)
from domain.base.reply_keyword import FoundWord
from domain.base.stream import Act
from domain.borrower import contact_events as events
from domain.borrower import refusals as no
from domain.borrower.contact import CALLS, Intent, Route, Template
from domain.borrower.contact_state import Figure, OpenContact
from domain.borrower.gate import Decision, decide
from domain.borrower.rights import Rights

REACHED_BY = {
    Channel.PHONE: PointKind.PHONE,
    Channel.AI_VOICE: PointKind.PHONE,
    Channel.SMS: PointKind.PHONE,
    Channel.EMAIL: PointKind.EMAIL,
    Channel.PUSH: PointKind.APP,
    Channel.WECOM: PointKind.WECOM,
    Channel.VISIT: PointKind.ADDRESS,
    Channel.LETTER: PointKind.ADDRESS,
}
"""What kind of contact point each channel needs."""

CALLED = frozenset({Outcome.ATTEMPTED, Outcome.CONNECTED, Outcome.CONVERSATION, Outcome.FAILED})
MESSAGED = frozenset({Outcome.SENT, Outcome.FAILED})


@dataclass(frozen=True)
class Text:
    """A text to send: its template in a version, the figures in it, and how it then reads.

    *reads* has no personal data; the names are filled in when it is sent.
    """

    template: str
    version: str
    figures: tuple[Figure, ...]
    reads: Template


@dataclass(frozen=True)
class Result:
    """What came of a contact; only *outcome* and *made_at* are always known.

    *said_ref* is what was said, in the vault.
    """

    outcome: Outcome
    made_at: datetime
    certain: bool = True
    provider: str | None = None
    provider_ref: str | None = None
    duration_seconds: int | None = None
    feedback: Feedback | None = None
    intent_level: IntentLevel | None = None
    reason: str | None = None
    said_ref: str | None = None


@dataclass(frozen=True)
class Trial:
    """The experiment that a contact belongs to, and the arm of the borrower."""

    experiment: str
    arm: str


class Because(StrEnum):
    """Why another way to the borrower is tried."""

    FAILED = "FAILED"
    NOT_DELIVERED = "NOT_DELIVERED"


@dataclass(frozen=True)
class Followed:
    """The contact that another one follows, and why."""

    contact_ref: str
    because: Because


class Contacts(Rights):
    """The contacts of one borrower, each decided on by the gate before it is made."""

    def decide_contact(
        self,
        act: Act,
        *,
        contact_ref: str,
        intent: Intent,
        policies: ContactRules,
        at: datetime,
        occasion: str,
        text: Text | None = None,
        trial: Trial | None = None,
        route: Route | None = None,
        follows: Followed | None = None,
    ) -> Decision | None:
        """Ask the gate, and record what it answers.

        A contact that was allowed is not decided on again: asked for at the same instant it
        is None and nothing is recorded, later its answer holds no more. One that was put
        off or refused may be asked for again under the same reference.

        Raises:
            ContactRefReused: the reference names another contact.
            ContactOver: it was made, or tried in vain.
            ContactStillOpen: it was allowed before, and not told what came of it.
            ContactLapsed: so, and it may not be made any more.
            ContactOutOfOrder: a contact was decided on at a later instant.
            ContactPointUnknown: the borrower has no such contact point.
            ContactPointUnfit: the channel cannot use it.
            PolicyMissing: no rules of the borrower's jurisdiction are known.
        """
        digest = _digest(intent, occasion, text)
        if contact_ref in self.contacts:
            self._must_be_alike(contact_ref, digest, at)
            return None
        self._must_be_last(at)
        self._must_reach(intent)
        decision = decide(intent, self.situation(), policies, at, route)
        self.record(
            events.ContactDecided,
            act,
            act.business_on,
            contact_ref=contact_ref,
            decided_at=at.astimezone(UTC),
            occasion=occasion,
            purpose=str(intent.purpose),
            channel=str(intent.channel),
            party=str(intent.party),
            point_ref=intent.contact_point,
            loan_id=None if intent.debt is None else UUID(intent.debt),
            product_line=intent.product_line,
            template=None if text is None else text.template,
            template_version=None if text is None else text.version,
            figures=[] if text is None else list(text.figures),
            answer=str(decision.answer),
            until=decision.until,
            against=[
                events.Against(str(each.reason), each.rule, each.version)
                for each in decision.objections
            ],
            judged_by=[events.JudgedBy(each.rule, each.version) for each in decision.judged_by],
            digest=digest,
            experiment=None if trial is None else trial.experiment,
            arm=None if trial is None else trial.arm,
            also_loan_ids=[UUID(each) for each in intent.also] or None,
            products=list(intent.products) or None,
            lapses_at=decision.lapses_at,
            counts_until=decision.counts_until,
            route=_seen(route),
            follows=None if follows is None else follows.contact_ref,
            follows_because=None if follows is None else str(follows.because),
        )
        return decision

    def decide_again(
        self,
        act: Act,
        *,
        contact_ref: str,
        intent: Intent,
        policies: ContactRules,
        at: datetime,
        occasion: str,
        text: Text | None = None,
        route: Route | None = None,
    ) -> Decision:
        """Ask the gate about a contact that it allowed before, and record what it answers.

        It is held against all that is known now, but for itself.

        Raises:
            ContactUnknown: none of this reference is open.
            ContactOutOfOrder: a contact was decided on at a later instant.
        """
        opened = self.open_contacts.get(contact_ref)
        if opened is None:
            raise no.ContactUnknown(f"No contact {contact_ref!r} is open: ask for it first.")
        self._must_be_last(at)
        decision = decide(intent, self.situation_but_for(contact_ref), policies, at, route)
        self.record(
            events.ContactDecidedAgain,
            act,
            act.business_on,
            contact_ref=contact_ref,
            decided_at=at.astimezone(UTC),
            decided_before=opened.decided_at,
            occasion=occasion,
            purpose=str(intent.purpose),
            channel=str(intent.channel),
            party=str(intent.party),
            point_ref=intent.contact_point,
            loan_id=None if intent.debt is None else UUID(intent.debt),
            product_line=intent.product_line,
            template=None if text is None else text.template,
            template_version=None if text is None else text.version,
            figures=[] if text is None else list(text.figures),
            answer=str(decision.answer),
            until=decision.until,
            against=[
                events.Against(str(each.reason), each.rule, each.version)
                for each in decision.objections
            ],
            judged_by=[events.JudgedBy(each.rule, each.version) for each in decision.judged_by],
            also_loan_ids=[UUID(each) for each in intent.also] or None,
            products=list(intent.products) or None,
            lapses_at=decision.lapses_at,
            counts_until=decision.counts_until,
            route=_seen(route),
        )
        return decision

    def drop_contact(
        self,
        act: Act,
        *,
        contact_ref: str,
        purpose: Purpose,
        occasion: str,
        loan_ids: Sequence[UUID],
        reasons: Sequence[str],
        planned_for: date,
        at: datetime,
        channel: Channel | None = None,
        trial: Trial | None = None,
    ) -> None:
        """Note that a contact which was planned is not made, and why; once for each.

        One that was allowed is told of otherwise: nothing is noted here.
        """
        if contact_ref in self.not_made or contact_ref in self.contacts:
            return
        self.record(
            events.ContactNotMade,
            act,
            act.business_on,
            contact_ref=contact_ref,
            not_made_at=at.astimezone(UTC),
            planned_for=planned_for,
            occasion=occasion,
            purpose=str(purpose),
            channel=None if channel is None else str(channel),
            loan_ids=list(dict.fromkeys(loan_ids)),
            reasons=[str(each) for each in reasons],
            experiment=None if trial is None else trial.experiment,
            arm=None if trial is None else trial.arm,
        )

    def assign_variant(self, act: Act, *, trial: Trial, contact_ref: str) -> None:
        """Note the arm of an experiment that the borrower is in; the first one stays."""
        if trial.experiment not in self.variants:
            self.record(
                events.VariantAssigned,
                act,
                act.business_on,
                experiment=trial.experiment,
                arm=trial.arm,
                contact_ref=contact_ref,
            )

    def tell_contact(self, act: Act, *, contact_ref: str, result: Result) -> None:
        """Tell what came of a contact that was allowed; the same again changes nothing.

        Raises:
            ContactUnknown: none of this reference was allowed.
            ContactOver: something else was told before.
            OutcomeImpossible: a message is no call, and a call is no message.
            ContactOutOfOrder: it was made before it was decided on.
            ContactLapsed: it was made too long after that.
        """
        past = self.contacts.get(contact_ref)
        if past is None or past.outcome == Outcome.INBOUND:
            raise no.ContactUnknown(
                f"No contact {contact_ref!r} was allowed: ask for it before it is made."
            )
        opened = self.open_contacts.get(contact_ref)
        if opened is None:
            if (past.outcome, past.at) != (result.outcome, result.made_at):
                raise no.ContactOver(
                    f"It was told before that {contact_ref!r} was {past.outcome} "
                    f"at {past.at:%Y-%m-%d %H:%M:%SZ}."
                )
            return
        self._must_be_possible(opened, result)
        self.record(
            events.ContactMade,
            act,
            act.business_on,
            contact_ref=contact_ref,
            made_at=result.made_at.astimezone(UTC),
            purpose=opened.purpose,
            channel=opened.channel,
            point_ref=opened.point_ref,
            outcome=str(result.outcome),
            certain=result.certain,
            provider=result.provider,
            provider_ref=result.provider_ref,
            duration_seconds=result.duration_seconds,
            feedback=None if result.feedback is None else str(result.feedback),
            intent_level=None if result.intent_level is None else str(result.intent_level),
            reason=result.reason,
            said_ref=result.said_ref,
        )

    def report_delivery(
        self,
        act: Act,
        *,
        contact_ref: str,
        delivered: bool,
        provider: str,
        reported_at: datetime,
        carrier: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Tell what a provider reports of a message.

        Raises:
            ContactUnknown: none of this reference was allowed.
        """
        past = self.contacts.get(contact_ref)
        if past is None or past.outcome == Outcome.INBOUND:
            raise no.ContactUnknown(f"No message {contact_ref!r} was sent to this borrower.")
        self.record(
            events.MessageDelivered,
            act,
            act.business_on,
            contact_ref=contact_ref,
            delivered=delivered,
            provider=provider,
            carrier=carrier,
            reason=reason,
            reported_at=reported_at.astimezone(UTC),
        )

    def receive(
        self,
        act: Act,
        *,
        contact_ref: str,
        channel: Channel,
        purpose: Purpose,
        received_at: datetime,
        point_ref: str | None = None,
        loan_id: UUID | None = None,
        keyword: str | None = None,
        answers: str | None = None,
        said_ref: str | None = None,
        found: Sequence[FoundWord] = (),
    ) -> None:
        """Note that the borrower got in touch; the same again changes nothing.

        *found* are keywords among other words of what was written.

        Raises:
            ContactRefReused: the reference names another contact.
        """
        known = self.contacts.get(contact_ref)
        if known is not None:
            if known.outcome != Outcome.INBOUND or known.at != received_at:
                raise no.ContactRefReused(f"{contact_ref!r} already names another contact.")
            return
        self.record(
            events.InboundReceived,
            act,
            act.business_on,
            contact_ref=contact_ref,
            received_at=received_at.astimezone(UTC),
            purpose=str(purpose),
            channel=str(channel),
            point_ref=point_ref,
            loan_id=loan_id,
            keyword=keyword,
            answers=answers,
            said_ref=said_ref,
            found=list(found) or None,
        )

    def _must_be_alike(self, contact_ref: str, digest: str, at: datetime) -> None:
        past, opened = self.contacts[contact_ref], self.open_contacts.get(contact_ref)
        if past.outcome == Outcome.INBOUND or (opened is not None and opened.digest != digest):
            raise no.ContactRefReused(f"{contact_ref!r} already names another contact.")
        if opened is None:
            raise no.ContactOver(
                f"{contact_ref!r} was {past.outcome} at {past.at:%Y-%m-%d %H:%M:%SZ}: "
                "ask for another under a reference of its own."
            )
        if opened.has_lapsed(at):
            raise no.ContactLapsed(
                f"{contact_ref!r} was allowed until {opened.lapses_at:%Y-%m-%d %H:%M:%SZ}: tell "
                "what came of it, or that it FAILED, then ask under a reference of its own."
            )
        if at != opened.decided_at:
            raise no.ContactStillOpen(
                f"{contact_ref!r} was allowed at {opened.decided_at:%Y-%m-%d %H:%M:%SZ}: tell "
                "what came of it, then ask for another under a reference of its own."
            )

    def _must_be_last(self, at: datetime) -> None:
        if self.last_decided_at is not None and at < self.last_decided_at:
            raise no.ContactOutOfOrder(
                f"A contact was decided on at {self.last_decided_at:%Y-%m-%d %H:%M:%SZ}: "
                "none is decided on at an instant before it. Ask again in a moment."
            )

    def _must_reach(self, intent: Intent) -> None:
        if intent.contact_point is None:
            return
        point = self._point(intent.contact_point)
        if point.kind != REACHED_BY[intent.channel]:
            raise no.ContactPointUnfit(
                f"{intent.contact_point!r} is of kind {point.kind}: {intent.channel} needs "
                f"{REACHED_BY[intent.channel]}."
            )

    def _must_be_possible(self, opened: OpenContact, result: Result) -> None:
        possible = MESSAGED if opened.channel not in CALLS | {Channel.VISIT} else CALLED
        if result.outcome not in possible:
            raise no.OutcomeImpossible(
                f"A contact by {opened.channel} is one of {', '.join(sorted(possible))}, "
                f"not {result.outcome}."
            )
        if result.made_at < opened.decided_at:
            raise no.ContactOutOfOrder(
                f"{opened.contact_ref!r} was allowed at {opened.decided_at:%Y-%m-%d %H:%M:%SZ}: "
                "it cannot have been made before."
            )
        if opened.has_lapsed(result.made_at) and result.outcome != Outcome.FAILED:
            raise no.ContactLapsed(
                f"{opened.contact_ref!r} was allowed until {opened.lapses_at:%Y-%m-%d %H:%M:%SZ}: "
                "say with --at when it was made, if before; else tell that it FAILED, and ask "
                "for another."
            )


def _seen(route: Route | None) -> events.RouteSeen | None:
    return None if route is None else events.RouteSeen(str(route.state), route.rule, route.version)


def _digest(intent: Intent, occasion: str, text: Text | None) -> str:
    """A fingerprint of what is asked, so that a reference stands for one contact."""
    said = [
        *(intent.purpose, intent.channel, intent.party, intent.contact_point),
        *(intent.debt, intent.product_line, occasion),
        *(f"also {each}" for each in intent.also),
    ]
    if text is not None:
        said += [text.template, text.version]
        said += [part for figure in text.figures for part in (figure.figure, figure.reads)]
    return "c-" + hashlib.sha256(repr([str(each) for each in said]).encode()).hexdigest()[:16]
