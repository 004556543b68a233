"""What the record of contacts answers: plain values; ``answers.Answer`` stands around each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domain.borrower.budget import Allowance

INBOUND = "INBOUND"
"""Stands for the gate's answer where the borrower got in touch: nobody was asked."""


@dataclass(frozen=True)
class LoggedContact:
    """A contact as it was decided on, or one that the borrower began (INBOUND).

    NOT_MADE was planned, and is not made for *reasons* that are no rules of the gate's.

    *reasons* and *rules* (name and version) stood against it; *judged_by* are all rules it
    was held against. *outcome* and what follows is empty until it was told. *certain* is
    false where nobody knows whether a provider took it; *delivered* is what the provider
    reports. *actor* asked for it, *told_by* told what came of it.
    """

    borrower_id: UUID
    version: int
    business_on: date
    contact_ref: str
    at: datetime
    purpose: str
    channel: str | None
    party: str | None
    point_ref: str | None
    loan_id: UUID | None
    loan_ref: str | None
    occasion: str | None
    answer: str
    until_at: datetime | None
    reasons: list[str]
    rules: list[str]
    judged_by: list[str]
    outcome: str | None
    certain: bool | None
    made_at: datetime | None
    duration_seconds: int | None
    feedback: str | None
    intent_level: str | None
    told: str | None
    said_ref: str | None
    provider: str | None
    carrier: str | None
    delivered: bool | None
    delivery_reason: str | None
    template: str | None
    template_version: str | None
    experiment: str | None
    arm: str | None
    keyword: str | None
    answers: str | None
    actor: str
    told_by: str | None
    stale: bool


@dataclass(frozen=True)
class ContactBudget:
    """What a borrower's limits still leave at an instant, by the rules in force then."""

    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    zones: list[str]
    at: datetime
    limits: list[Allowance]


@dataclass(frozen=True)
class ContactsOfKind:
    """How often contacts of a purpose by a channel were decided on, and what came of them.

    *sent* counts calls and visits that were tried too; of *uncertain* ones nobody knows
    whether the provider took them, and it reported nothing; of *untold* ones nothing was
    heard yet. These four add up to *allowed*.
    """

    purpose: str
    channel: str
    allowed: int
    deferred: int
    blocked: int
    sent: int
    failed: int
    uncertain: int
    untold: int


@dataclass(frozen=True)
class ReasonCount:
    """How often a rule put off or refused contacts; one contact may break several."""

    reason: str
    rule: str
    versions: list[str]
    purpose: str
    channel: str
    deferred: int
    blocked: int


@dataclass(frozen=True)
class ContactSummary:
    """Decisions from a day (None: the first) through another, and what stood against them."""

    from_on: date | None
    to_on: date
    kinds: list[ContactsOfKind]
    reasons: list[ReasonCount]


@dataclass(frozen=True)
class Deliveries:
    """What became of messages given to a provider, by the carrier that it names.

    *unknown* are those without a report, of which *uncertain* ones may not have reached the
    provider; *refused* those that it did not take. The minutes are from sending to the last
    report.
    """

    provider: str
    carrier: str | None
    channel: str
    sent: int
    delivered: int
    failed: int
    unknown: int
    refused: int
    uncertain: int
    median_minutes: Decimal | None


@dataclass(frozen=True)
class FunnelStage:
    """How far contacts got: each figure counts contacts that were sent.

    *reached*: a message arrived, a call was answered, or the borrower answered.
    *interacted*: a talk, a reply, or the borrower got in touch within the days.
    *paid*: money came in on the loan within the days, whether or not they answered.
    *in_time*: of what fell due within the days each instalment was paid by its day. *cured*:
    what was late when it was decided on was paid within the days. *applied*, *disbursed*: the
    borrower applied for a loan, was paid one out. *converted* is what its purpose is after:
    of MARKETING an application, of SERVICE_REMINDER in time or cured, of EDUCATION in time, of
    COLLECTION cured; other purposes are after nothing. *waiting*: the days are not over.
    """

    of: str | None
    allowed: int
    sent: int
    reached: int
    interacted: int
    paid: int
    in_time: int
    cured: int
    applied: int
    disbursed: int
    converted: int
    waiting: int


@dataclass(frozen=True)
class KeywordCount:
    """How often borrowers answered with a keyword; None: without one."""

    keyword: str | None
    channel: str
    purpose: str
    received: int
    borrowers: int
    replies: int
    opted_out: int


@dataclass(frozen=True)
class OptOutCount:
    """How often borrowers refused, by where it was said; *standing* ones were not revoked."""

    source: str
    keyword: str | None
    channel: str | None
    purpose: str | None
    opted_out: int
    borrowers: int
    standing: int


@dataclass(frozen=True)
class Keywords:
    """What borrowers answered, and what they refused."""

    from_on: date | None
    to_on: date
    keywords: list[KeywordCount]
    opt_outs: list[OptOutCount]


@dataclass(frozen=True)
class RegisteredConsent:
    """A consent, from when it was granted until it was withdrawn."""

    scope: str
    source: str
    lawful_basis: str
    evidence_ref: str | None
    granted_at: datetime
    reconfirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    """Where the withdrawal was said."""


@dataclass(frozen=True)
class RegisteredOptOut:
    """A refusal of a channel, a purpose or both; without either, of everything."""

    channel: str | None
    purpose: str | None
    source: str
    keyword: str | None
    opted_out_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class RegisteredPoint:
    """A number or address by its reference, and what stands against its use."""

    point_ref: str
    kind: str
    party: str
    source: str
    lawful_basis: str
    added_at: datetime
    refused_at: datetime | None = None
    blocked_at: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True)
class ConsentRegister:
    """All that one borrower agreed to and refused, and where contact may reach."""

    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    consents: list[RegisteredConsent]
    opt_outs: list[RegisteredOptOut]
    points: list[RegisteredPoint]


@dataclass(frozen=True)
class ConsentCount:
    """How many borrowers agreed once, confirmed it, and took it back last."""

    scope: str
    granted: int
    reconfirmed: int
    withdrawn: int


@dataclass(frozen=True)
class RefusalCount:
    """How many borrowers refuse this now, and how many took it back."""

    channel: str | None
    purpose: str | None
    standing: int
    revoked: int


@dataclass(frozen=True)
class ConsentCounts:
    """The consent register over all borrowers."""

    borrowers: int
    consents: list[ConsentCount]
    opt_outs: list[RefusalCount]


@dataclass(frozen=True)
class WrittenReply:
    """What a borrower wrote to us, and how far it is dealt with (*stage*).

    *found* are keywords among its words, *kept_back* what waits until somebody reads it,
    by channel and purpose. What was written lies in the vault under *said_ref*.
    *minutes_waiting* are those until it was dealt with, or until it was asked.
    """

    borrower_id: UUID
    borrower_ref: str
    contact_ref: str
    channel: str
    point_ref: str | None
    purpose: str
    loan_id: UUID | None
    loan_ref: str | None
    answers: str | None
    received_at: datetime
    minutes_waiting: int
    stage: str
    found: list[str]
    kept_back: list[str]
    said_ref: str
    outcome: str | None
    read_at: datetime | None
    read_by: str | None
    answered_at: datetime | None
    answered_by: str | None
    answered_in: str | None
    stale: bool


@dataclass(frozen=True)
class WrittenReplies:
    """What borrowers wrote, what waits first; *unread* and *to_answer* count all that waits."""

    at: datetime
    unread: int
    to_answer: int
    replies: list[WrittenReply]
