"""An intended contact, and what is known of the borrower when it is decided on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    ContactRules,
    HoldKind,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)

NO_BASIS = ""
"""The lawful basis of a contact point that has none."""

CALLS = frozenset({Channel.PHONE, Channel.AI_VOICE})
"""The channels that are calls, whoever speaks."""


def strictest_outcome(channel: Channel) -> Outcome:
    """What a contact by a channel counts as until it is told what came of it."""
    spoken = channel in CALLS or channel == Channel.VISIT
    return Outcome.CONVERSATION if spoken else Outcome.SENT


class Party(StrEnum):
    """Who is contacted."""

    BORROWER = "BORROWER"
    THIRD_PARTY = "THIRD_PARTY"
    ATTORNEY = "ATTORNEY"
    EXECUTOR = "EXECUTOR"
    GUARDIAN = "GUARDIAN"
    GUARANTOR = "GUARANTOR"


REPRESENTATIVES = frozenset({Party.ATTORNEY, Party.EXECUTOR, Party.GUARDIAN, Party.GUARANTOR})
"""Who acts for the borrower, or answers for the debt: they may hear of it where a rule says so."""


class RouteState(StrEnum):
    """Whether a message would find its way out."""

    OPEN = "OPEN"
    DISABLED = "DISABLED"
    """Calls or a probe failed, or a person took it out; it may come back at any moment."""
    LICENCE_EXPIRED = "LICENCE_EXPIRED"
    UNLICENSED = "UNLICENSED"
    NO_ROUTE = "NO_ROUTE"
    """No provider of the register carries such a message, or none that is set up."""


@dataclass(frozen=True)
class Route:
    """How the way out stands on the day of a contact, by the register of providers.

    *rule* and *version* name the provider that would carry it, or that no longer may.
    """

    state: RouteState
    rule: str = ""
    version: str = ""


@dataclass(frozen=True)
class Template:
    """What would be sent: the whole *text*, and what it says of itself.

    *purpose* is what it was written for, where that is known.
    """

    text: str
    sender: str
    price_named: bool
    annualised_rate: str = ""
    opt_out_text: str = ""
    purpose: Purpose | None = None


@dataclass(frozen=True)
class Intent:
    """The contact to decide on.

    One about several debts is about *debt* and *also*; *products* are the codes of theirs.
    """

    purpose: Purpose
    channel: Channel
    party: Party = Party.BORROWER
    contact_point: str | None = None
    debt: str | None = None
    product_line: str | None = None
    template: Template | None = None
    also: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    def may_be_about(self, debt: str | None) -> bool:
        """Whether it may be about a debt: it names that one, or one of the two names none."""
        return matches(self.debt, debt) or debt in self.also

    def by_debt(self) -> list[Intent]:
        """It as a contact about each debt alone."""
        if not self.also:
            return [self]
        return [replace(self, debt=each, also=()) for each in (self.debt, *self.also)]


@dataclass(frozen=True)
class ContactPoint:
    """A number or address by its reference; *refused_at* its owner asked to be left alone.

    *blocked_at* it was put on the black list. *kind* and *lawful_basis* are None where
    they are not told; a basis that is told to be none is ``NO_BASIS``.
    """

    id: str
    party: Party
    source: PointSource
    refused_at: datetime | None = None
    kind: PointKind | None = None
    lawful_basis: str | None = None
    blocked_at: datetime | None = None


@dataclass(frozen=True)
class Consent:
    """What the borrower agreed to, once or twice, until it was withdrawn."""

    scope: ConsentScope
    granted_at: datetime
    reconfirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class OptOut:
    """What the borrower refused; without a channel or a purpose, all of them."""

    at: datetime
    channel: Channel | None = None
    purpose: Purpose | None = None

    def ends_by(self, channel: str | None, purpose: str | None, revoked_at: datetime) -> bool:
        """Whether it ends when such a refusal was taken back at an instant."""
        return (self.channel, self.purpose) == (channel, purpose) and self.at <= revoked_at


@dataclass(frozen=True)
class ContactHold:
    """A hold in force on ``[from_at, until)``; without *debt* on all of them."""

    kind: HoldKind
    from_at: datetime
    until: datetime | None = None
    debt: str | None = None


@dataclass(frozen=True)
class PastContact:
    """A contact that was made or tried, or that the borrower began.

    *also* are further debts that it was about. One that was allowed and not told of counts
    until *counts_until*.
    """

    at: datetime
    purpose: Purpose
    channel: Channel
    outcome: Outcome
    contact_point: str | None = None
    debt: str | None = None
    product_line: str | None = None
    also: list[str] = field(default_factory=list)
    counts_until: datetime | None = None

    def may_be_about(self, debt: str | None) -> bool:
        """Whether it may have been about a debt: it named that one, or one names none."""
        return matches(self.debt, debt) or debt in self.also

    def names(self, debt: str) -> bool:
        """Whether it was about a debt, and said so."""
        return debt == self.debt or debt in self.also

    def counts(self, at: datetime) -> bool:
        """Whether it is known at an instant, and counts then."""
        return self.at <= at and (self.counts_until is None or at < self.counts_until)


@dataclass(frozen=True)
class Situation:
    """What is known of a borrower: every plausible zone, rights, holds, past contacts.

    *restrictions* are what the borrower asks beyond the policy; a contact must keep to them
    too. *contracts* are what the contract of a debt asks, by the debt: that binds contacts
    about it, and those that name no debt.
    """

    jurisdiction: str
    zones: tuple[str, ...]
    contact_points: tuple[ContactPoint, ...] = ()
    consents: tuple[Consent, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    holds: tuple[ContactHold, ...] = ()
    history: tuple[PastContact, ...] = ()
    restrictions: tuple[ContactRules, ...] = ()
    contracts: tuple[tuple[str, ContactRules], ...] = ()

    def asking(self, intent: Intent) -> tuple[ContactRules, ...]:
        """What borrower and contracts ask of such a contact beyond the policy."""
        contracts = (rules for debt, rules in self.contracts if intent.may_be_about(debt))
        return (*self.restrictions, *contracts)

    def point(self, contact_point: str | None) -> ContactPoint | None:
        """The contact point of this id, when it is listed."""
        return next((each for each in self.contact_points if each.id == contact_point), None)

    def representative(self, intent: Intent) -> Party | None:
        """Whom the contact is with who acts for the borrower; None where it is with nobody such.

        The intent and the list of contact points must both say so.
        """
        listed = self.point(intent.contact_point)
        if listed is None or listed.party != intent.party:
            return None
        return intent.party if intent.party in REPRESENTATIVES else None

    def is_own(self, contact_point: str | None) -> bool:
        """Whether it is the borrower's own; one that is not listed is."""
        listed = self.point(contact_point)
        return listed is None or listed.party == Party.BORROWER


def known(situation: Situation, at: datetime) -> Situation:
    """*situation* as it is known at an instant: later facts dropped, one of *at* kept.

    The end of a hold belongs to the hold, and stays.
    """
    return replace(
        situation,
        contact_points=tuple(_point_known(each, at) for each in situation.contact_points),
        consents=tuple(
            _consent_known(each, at) for each in situation.consents if each.granted_at <= at
        ),
        opt_outs=tuple(each for each in situation.opt_outs if each.at <= at),
        holds=tuple(each for each in situation.holds if each.from_at <= at),
        # As ``PastContact.counts`` says; a history is long, and asked about at each decision.
        history=tuple(
            each
            for each in situation.history
            if each.at <= at and (each.counts_until is None or at < each.counts_until)
        ),
    )


def _point_known(point: ContactPoint, at: datetime) -> ContactPoint:
    if point.refused_at is None and point.blocked_at is None:
        return point
    return replace(
        point, refused_at=_by(at, point.refused_at), blocked_at=_by(at, point.blocked_at)
    )


def _consent_known(consent: Consent, at: datetime) -> Consent:
    if consent.reconfirmed_at is None and consent.withdrawn_at is None:
        return consent
    return replace(
        consent,
        reconfirmed_at=_by(at, consent.reconfirmed_at),
        withdrawn_at=_by(at, consent.withdrawn_at),
    )


def _by(at: datetime, when: datetime | None) -> datetime | None:
    """An instant that has come by *at*; None otherwise."""
    return when if when is None or when <= at else None


def matches(one: str | None, other: str | None) -> bool:
    """Whether two references may mean the same: they are equal, or one is not said."""
    return one is None or other is None or one == other
