"""Contacts: what was decided on each and why, what came of it, and what borrowers agreed to.

With their complaints and what they think of us; and with the payments on loans, so that
what a contact led to can be told.
"""

from functools import singledispatch
from typing import Any

from domain.base.reply_keyword import KeywordMeaning
from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.borrower.promises import PromiseState
from domain.borrower.support_words import PlanState
from domain.loan.loan import Loan
from projections import KNOWN, Change, Put, Table, known

NAME = "contacts"
VERSION = 7
TOPICS = ("borrower.events", "loan.events")

OF_BORROWER = {"borrower_id": "uuid", "version": "bigint", **KNOWN}
"""What every history row of a borrower begins with."""

TABLES = (
    Table(
        "contacts_borrower",
        {**OF_BORROWER, "borrower_ref": "text", "jurisdiction": "text", "zones": "text[]"},
        key=("borrower_id", "version"),
    ),
    # The gate's answers; one contact has several where it was put off and asked for again.
    Table(
        "contacts_decision",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "decided_at": "timestamptz",
            "occasion": "text",
            "purpose": "text",
            "channel": "text",
            "party": "text",
            "point_ref": "text",
            "loan_id": "uuid",
            "product_line": "text",
            "template": "text",
            "template_version": "text",
            "answer": "text",
            "until_at": "timestamptz",
            "judged_by": "text[]",
            "experiment": "text",
            "arm": "text",
            "also_loan_ids": "uuid[]",
            "counts_until": "timestamptz",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",), ("borrower_id", "contact_ref")),
    ),
    # The gate's answers to what it had allowed, before it was sent after all.
    Table(
        "contacts_again",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "decided_at": "timestamptz",
            "occasion": "text",
            "purpose": "text",
            "channel": "text",
            "party": "text",
            "point_ref": "text",
            "loan_id": "uuid",
            "template": "text",
            "template_version": "text",
            "answer": "text",
            "until_at": "timestamptz",
            "judged_by": "text[]",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",),),
    ),
    # What was planned and is not made; what the gate refused stands among its answers too.
    Table(
        "contacts_not_made",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "not_made_at": "timestamptz",
            "planned_for": "date",
            "occasion": "text",
            "purpose": "text",
            "channel": "text",
            "loan_id": "uuid",
            "reasons": "text[]",
            "experiment": "text",
            "arm": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",), ("borrower_id", "contact_ref")),
    ),
    Table(
        "contacts_variant",
        {**OF_BORROWER, "experiment": "text", "arm": "text", "contact_ref": "text"},
        key=("borrower_id", "version"),
        indexes=(("experiment",),),
    ),
    # What stood against a contact: a row for each rule that objected to it.
    Table(
        "contacts_objection",
        {**OF_BORROWER, "reason": "text", "rule": "text", "rule_version": "text"},
        key=("borrower_id", "version", "reason", "rule", "rule_version"),
        indexes=(("business_on",),),
    ),
    Table(
        "contacts_result",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "made_at": "timestamptz",
            "purpose": "text",
            "channel": "text",
            "point_ref": "text",
            "outcome": "text",
            "certain": "boolean",
            "provider": "text",
            "provider_ref": "text",
            "duration_seconds": "integer",
            "feedback": "text",
            "intent_level": "text",
            "reason": "text",
            "said_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("borrower_id", "contact_ref"), ("business_on",)),
    ),
    Table(
        "contacts_delivery",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "delivered": "boolean",
            "provider": "text",
            "carrier": "text",
            "reason": "text",
            "reported_at": "timestamptz",
        },
        key=("borrower_id", "version"),
        indexes=(("borrower_id", "contact_ref"),),
    ),
    Table(
        "contacts_inbound",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "received_at": "timestamptz",
            "purpose": "text",
            "channel": "text",
            "point_ref": "text",
            "loan_id": "uuid",
            "keyword": "text",
            "answers": "text",
            "said_ref": "text",
            "found": "text[]",
            "kept_back": "text[]",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",), ("contact_ref",)),
    ),
    # What was done about an answer in words: it was read, and answered.
    Table(
        "contacts_reply",
        {
            **OF_BORROWER,
            "contact_ref": "text",
            "change": "text",
            "changed_at": "timestamptz",
            "outcome": "text",
            "awaits_answer": "boolean",
            "answered_by": "text",
            "said_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("borrower_id", "contact_ref"),),
    ),
    Table(
        "contacts_point",
        {
            **OF_BORROWER,
            "point_ref": "text",
            "change": "text",
            "changed_at": "timestamptz",
            "kind": "text",
            "party": "text",
            "source": "text",
            "lawful_basis": "text",
            "reason": "text",
        },
        key=("borrower_id", "version"),
    ),
    Table(
        "contacts_consent",
        {
            **OF_BORROWER,
            "scope": "text",
            "change": "text",
            "changed_at": "timestamptz",
            "source": "text",
            "lawful_basis": "text",
            "evidence_ref": "text",
        },
        key=("borrower_id", "version"),
    ),
    Table(
        "contacts_opt_out",
        {
            **OF_BORROWER,
            "change": "text",
            "changed_at": "timestamptz",
            "channel": "text",
            "purpose": "text",
            "source": "text",
            "keyword": "text",
            "contact_ref": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",),),
    ),
    # What happened to a complaint; severity and deadlines stand where they were set.
    Table(
        "contacts_complaint",
        {
            **OF_BORROWER,
            "complaint_ref": "text",
            "change": "text",
            "changed_at": "timestamptz",
            "severity": "text",
            "category": "text",
            "came_by": "text",
            "loan_id": "uuid",
            "respond_by": "timestamptz",
            "resolve_by": "timestamptz",
            "rule_version": "text",
            "hold_ref": "text",
            "cause": "text",
            "escalated_to": "text",
            "approved_by": "text",
            "reason": "text",
            "outcome": "text",
            "remedy": "text",
            "satisfaction": "integer",
            "contact_ref": "text",
            "said_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",), ("borrower_id", "complaint_ref")),
    ),
    Table(
        "contacts_feedback",
        {
            **OF_BORROWER,
            "feedback_ref": "text",
            "source": "text",
            "score": "integer",
            "occasion": "text",
            "given_at": "timestamptz",
            "contact_ref": "text",
            "complaint_ref": "text",
            "said_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",),),
    ),
    Table(
        "contacts_late_reason",
        {
            **OF_BORROWER,
            "loan_id": "uuid",
            "reason": "text",
            "source": "text",
            "contact_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",),),
    ),
    Table(
        "contacts_strategy",
        {
            **OF_BORROWER,
            "loan_id": "uuid",
            "bucket": "text",
            "days_past_due": "integer",
            "behaviour": "text",
            "strategy": "text",
            "policy_version": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",), ("business_on",)),
    ),
    Table(
        "contacts_collector", {**OF_BORROWER, "collector": "text"}, key=("borrower_id", "version")
    ),
    # A promise as it was made, and a row for what became of it.
    Table(
        "contacts_promise",
        {
            **OF_BORROWER,
            "promise_ref": "text",
            "loan_id": "uuid",
            "currency": "text",
            "amount": "bigint",
            "promised_on": "date",
            "state": "text",
            "received": "bigint",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("business_on",),),
    ),
    Table(
        "contacts_support",
        {
            **OF_BORROWER,
            "support_ref": "text",
            "loan_id": "uuid",
            "kind": "text",
            "contact_ref": "text",
            "said_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",), ("business_on",)),
    ),
    # What happened to a plan to pay; *amount* is all of it, *received* what came in by then.
    Table(
        "contacts_plan",
        {
            **OF_BORROWER,
            "plan_ref": "text",
            "loan_id": "uuid",
            "currency": "text",
            "change": "text",
            "amount": "bigint",
            "received": "bigint",
            "support_ref": "text",
            "consent_ref": "text",
            "replaces": "text",
            "tolerated_rows": "integer",
            "missed_rows": "integer",
            "rule_version": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",), ("borrower_id", "plan_ref"), ("business_on",)),
    ),
    Table(
        "contacts_plan_row",
        {
            **OF_BORROWER,
            "plan_ref": "text",
            "number": "integer",
            "due_on": "date",
            "amount": "bigint",
        },
        key=("borrower_id", "plan_ref", "number"),
    ),
    Table(
        "contacts_check_in",
        {
            **OF_BORROWER,
            "loan_id": "uuid",
            "check_in_on": "date",
            "plan_ref": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",),),
    ),
    # What a borrower asked about their data, and what the vault did; *measure* is its number.
    Table(
        "contacts_data_right",
        {
            **OF_BORROWER,
            "request_ref": "text",
            "change": "text",
            "asks_for": "text",
            "received_on": "date",
            "answer_by_on": "date",
            "until_on": "date",
            "ground": "text",
            "measure": "bigint",
            "rule_version": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("borrower_id", "request_ref"), ("business_on",)),
    ),
    Table(
        "contacts_placement",
        {
            **OF_BORROWER,
            "loan_id": "uuid",
            "agency": "text",
            "change": "text",
            "evaluation_due_on": "date",
            "reason": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",),),
    ),
    # Loans that are claimed at law: referred, withdrawn, or how the claim ended.
    Table(
        "contacts_legal",
        {
            **OF_BORROWER,
            "loan_id": "uuid",
            "change": "text",
            "referred_on": "date",
            "currency": "text",
            "claimed": "bigint",
            "outstanding": "bigint",
            "days_past_due": "integer",
            "referred_to": "text",
            "reason": "text",
            "outcome": "text",
            "decided_on": "date",
            "awarded": "bigint",
            "paper_ref": "text",
            "approved_by": "text",
            "actor": "text",
        },
        key=("borrower_id", "version"),
        indexes=(("loan_id",),),
    ),
    Table(
        "contacts_loan",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "loan_ref": "text",
            "borrower_id": "uuid",
        },
        key=("loan_id",),
        indexes=(("borrower_id",),),
    ),
    # How late a loan is, whenever it changed.
    Table(
        "contacts_bucket",
        {"loan_id": "uuid", "version": "bigint", **KNOWN, "bucket": "text"},
        key=("loan_id", "version"),
    ),
    # Money that came in, and the same taken back: with *amount* below zero.
    Table(
        "contacts_payment",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "payment_ref": "text",
            "received_on": "date",
            "amount": "bigint",
            "currency": "text",
        },
        key=("loan_id", "version"),
    ),
)

IGNORED = frozenset(
    {
        "borrower.contact-restricted",
        "borrower.contact-restriction-lifted",
        "borrower.language-set",
        "borrower.hold-end-set",
        "borrower.hold-lifted",
        "borrower.hold-set",
        "borrower.hold-widened",
        "borrower.own-hours-set",
        "loan.applied",
        "loan.approved",
        "loan.asset-class-changed",
        "loan.closed",
        "loan.contract-signed",
        "loan.conversion-offered",
        "loan.converted",
        "loan.cost-disclosed",
        "loan.credit-applied",
        "loan.fact-withdrawn",
        "loan.charge-forgiven",
        "loan.credit-placed",
        "loan.credit-refunded",
        "loan.cured",
        "loan.declined",
        "loan.drawn",
        "loan.due-date-moved",
        "loan.evidence-added",
        "loan.expired",
        "loan.fee-charged",
        "loan.fee-waived",
        "loan.fee-withdrawn",
        "loan.hold-ended",
        "loan.hold-placed",
        "loan.interest-subsidised",
        "loan.partner-order-linked",
        "loan.payout-return-withdrawn",
        "loan.rate-stepped-down",
        "loan.renewal-declined",
        "loan.renewal-expired",
        "loan.renewal-offered",
        "loan.relief-reassessed",
        "loan.renewal-reassessed",
        "loan.renewed",
        "loan.rescheduled",
        "loan.security-called",
        "loan.security-realised",
        "loan.security-released",
        "loan.security-taken",
        "loan.settled",
        "loan.step-down-forfeited",
        "loan.step-down-reversed",
        "loan.went-overdue",
        "loan.withdrawn",
    }
)
"""Of a loan only whose it is, how late, and what was paid; holds stand in collections, and one
that stopped a contact among the objections to it."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


@changes.register(Borrower.Registered)
@changes.register(Borrower.ZonesChanged)
@changes.register(Borrower.JurisdictionChanged)
def _(
    event: Borrower.Registered | Borrower.ZonesChanged | Borrower.JurisdictionChanged,
) -> list[Change]:
    return [
        _row(
            "contacts_borrower",
            event,
            borrower_ref=event.borrower_ref,
            jurisdiction=event.jurisdiction,
            zones=event.zones,
        )
    ]


# --- contacts ---------------------------------------------------------------------------


@changes.register
def _(event: Borrower.ContactDecided) -> list[Change]:
    decision = _row(
        "contacts_decision",
        event,
        contact_ref=event.contact_ref,
        decided_at=event.decided_at,
        occasion=event.occasion,
        purpose=event.purpose,
        channel=event.channel,
        party=event.party,
        point_ref=event.point_ref,
        loan_id=event.loan_id,
        product_line=event.product_line,
        template=event.template,
        template_version=event.template_version,
        answer=event.answer,
        until_at=event.until,
        judged_by=[f"{each.rule} {each.version}" for each in event.judged_by],
        experiment=event.experiment,
        arm=event.arm,
        also_loan_ids=event.also_loan_ids,
        counts_until=event.counts_until,
        actor=event.actor,
    )
    return [decision, *_objections(event)]


@changes.register
def _(event: Borrower.ContactDecidedAgain) -> list[Change]:
    decision = _row(
        "contacts_again",
        event,
        contact_ref=event.contact_ref,
        decided_at=event.decided_at,
        occasion=event.occasion,
        purpose=event.purpose,
        channel=event.channel,
        party=event.party,
        point_ref=event.point_ref,
        loan_id=event.loan_id,
        template=event.template,
        template_version=event.template_version,
        answer=event.answer,
        until_at=event.until,
        judged_by=[f"{each.rule} {each.version}" for each in event.judged_by],
        actor=event.actor,
    )
    return [decision, *_objections(event)]


@changes.register
def _(event: Borrower.ContactNotMade) -> list[Change]:
    return [
        _row(
            "contacts_not_made",
            event,
            contact_ref=event.contact_ref,
            not_made_at=event.not_made_at,
            planned_for=event.planned_for,
            occasion=event.occasion,
            purpose=event.purpose,
            channel=event.channel,
            loan_id=event.loan_ids[0] if event.loan_ids else None,
            reasons=event.reasons,
            experiment=event.experiment,
            arm=event.arm,
            actor=event.actor,
        )
    ]


@changes.register
def _(event: Borrower.VariantAssigned) -> list[Change]:
    return [
        _row(
            "contacts_variant",
            event,
            experiment=event.experiment,
            arm=event.arm,
            contact_ref=event.contact_ref,
        )
    ]


@changes.register
def _(event: Borrower.ContactMade) -> list[Change]:
    return [
        _row(
            "contacts_result",
            event,
            contact_ref=event.contact_ref,
            made_at=event.made_at,
            purpose=event.purpose,
            channel=event.channel,
            point_ref=event.point_ref,
            outcome=event.outcome,
            certain=event.certain,
            provider=event.provider,
            provider_ref=event.provider_ref,
            duration_seconds=event.duration_seconds,
            feedback=event.feedback,
            intent_level=event.intent_level,
            reason=event.reason,
            said_ref=event.said_ref,
            actor=event.actor,
        )
    ]


@changes.register
def _(event: Borrower.MessageDelivered) -> list[Change]:
    return [
        _row(
            "contacts_delivery",
            event,
            contact_ref=event.contact_ref,
            delivered=event.delivered,
            provider=event.provider,
            carrier=event.carrier,
            reason=event.reason,
            reported_at=event.reported_at,
        )
    ]


@changes.register
def _(event: Borrower.InboundReceived) -> list[Change]:
    return [
        _row(
            "contacts_inbound",
            event,
            contact_ref=event.contact_ref,
            received_at=event.received_at,
            purpose=event.purpose,
            channel=event.channel,
            point_ref=event.point_ref,
            loan_id=event.loan_id,
            keyword=event.keyword,
            answers=event.answers,
            said_ref=event.said_ref,
            found=[each.word for each in event.found or ()],
            kept_back=sorted(
                {
                    f"{channel} {purpose}"
                    for each in event.found or ()
                    if each.meaning == KeywordMeaning.MAY_REFUSE
                    for channel in each.channels
                    for purpose in each.purposes or ["ANY"]
                }
            ),
            actor=event.actor,
        )
    ]


@changes.register
def _(event: Borrower.ReplyRead) -> list[Change]:
    return [
        _reply(
            event,
            change="READ",
            changed_at=event.read_at,
            outcome=event.outcome,
            awaits_answer=event.awaits_answer,
        )
    ]


@changes.register
def _(event: Borrower.ReplyAnswered) -> list[Change]:
    return [
        _reply(
            event,
            change="ANSWERED",
            changed_at=event.answered_at,
            awaits_answer=False,
            answered_by=event.answered_by,
        )
    ]


# --- contact points ---------------------------------------------------------------------


@changes.register
def _(event: Borrower.ContactPointAdded) -> list[Change]:
    return [
        _point(
            event,
            change="ADDED",
            changed_at=event.added_at,
            kind=event.kind,
            party=event.party,
            source=event.source,
            lawful_basis=event.lawful_basis,
        )
    ]


@changes.register
def _(event: Borrower.ContactPointRefused) -> list[Change]:
    return [_point(event, change="REFUSED", changed_at=event.refused_at)]


@changes.register
def _(event: Borrower.ContactPointBlocked) -> list[Change]:
    return [_point(event, change="BLOCKED", changed_at=event.blocked_at, reason=event.reason)]


@changes.register
def _(event: Borrower.ContactPointUnblocked) -> list[Change]:
    return [_point(event, change="UNBLOCKED", changed_at=event.unblocked_at, reason=event.reason)]


@changes.register
def _(event: Borrower.ContactPointRetired) -> list[Change]:
    return [_point(event, change="RETIRED", changed_at=event.retired_at, reason=event.reason)]


# --- consents and refusals --------------------------------------------------------------


@changes.register
def _(event: Borrower.ConsentGranted) -> list[Change]:
    return [
        _consent(
            event,
            change="GRANTED",
            changed_at=event.granted_at,
            lawful_basis=event.lawful_basis,
            evidence_ref=event.evidence_ref,
        )
    ]


@changes.register
def _(event: Borrower.ConsentReconfirmed) -> list[Change]:
    return [
        _consent(
            event,
            change="RECONFIRMED",
            changed_at=event.reconfirmed_at,
            evidence_ref=event.evidence_ref,
        )
    ]


@changes.register
def _(event: Borrower.ConsentWithdrawn) -> list[Change]:
    return [_consent(event, change="WITHDRAWN", changed_at=event.withdrawn_at)]


@changes.register
def _(event: Borrower.OptedOut) -> list[Change]:
    return [
        _row(
            "contacts_opt_out",
            event,
            change="OPTED_OUT",
            changed_at=event.opted_out_at,
            channel=event.channel,
            purpose=event.purpose,
            source=event.source,
            keyword=event.keyword,
            contact_ref=event.contact_ref,
        )
    ]


@changes.register
def _(event: Borrower.OptOutRevoked) -> list[Change]:
    return [
        _row(
            "contacts_opt_out",
            event,
            change="REVOKED",
            changed_at=event.revoked_at,
            channel=event.channel,
            purpose=event.purpose,
            source=event.source,
        )
    ]


# --- complaints and feedback ------------------------------------------------------------


@changes.register
def _(event: Borrower.ComplaintOpened) -> list[Change]:
    return [
        _complaint(
            event,
            change="OPENED",
            changed_at=event.opened_at,
            severity=event.severity,
            category=event.category,
            came_by=event.came_by,
            loan_id=event.loan_id,
            respond_by=event.respond_by,
            resolve_by=event.resolve_by,
            rule_version=event.policy_version,
            hold_ref=event.hold_ref,
            said_ref=event.said_ref,
        )
    ]


@changes.register
def _(event: Borrower.ComplaintEscalated) -> list[Change]:
    return [
        _complaint(
            event,
            change="ESCALATED",
            changed_at=event.escalated_at,
            severity=event.severity,
            respond_by=event.respond_by,
            resolve_by=event.resolve_by,
            rule_version=event.policy_version,
            cause=event.cause,
            escalated_to=event.escalated_to,
            reason=event.reason,
        )
    ]


@changes.register
def _(event: Borrower.ComplaintExtended) -> list[Change]:
    return [
        _complaint(
            event,
            change="EXTENDED",
            changed_at=event.extended_at,
            resolve_by=event.resolve_by,
            rule_version=event.policy_version,
            cause=event.ground,
            approved_by=event.approved_by,
            reason=event.reason,
        )
    ]


@changes.register
def _(event: Borrower.ComplaintAnswered) -> list[Change]:
    return [
        _complaint(
            event,
            change="ANSWERED",
            changed_at=event.answered_at,
            contact_ref=event.contact_ref,
            said_ref=event.said_ref,
        )
    ]


@changes.register
def _(event: Borrower.ComplaintResolved) -> list[Change]:
    return [
        _complaint(
            event,
            change="RESOLVED",
            changed_at=event.resolved_at,
            outcome=event.outcome,
            remedy=event.remedy,
            satisfaction=event.satisfaction,
            said_ref=event.said_ref,
        )
    ]


@changes.register
def _(event: Borrower.ComplaintReopened) -> list[Change]:
    return [
        _complaint(
            event,
            change="REOPENED",
            changed_at=event.reopened_at,
            severity=event.severity,
            respond_by=event.respond_by,
            resolve_by=event.resolve_by,
            rule_version=event.policy_version,
            hold_ref=event.hold_ref,
            reason=event.reason,
            said_ref=event.said_ref,
        )
    ]


@changes.register
def _(event: Borrower.FeedbackRecorded) -> list[Change]:
    return [
        _row(
            "contacts_feedback",
            event,
            feedback_ref=event.feedback_ref,
            source=event.source,
            score=event.score,
            occasion=event.occasion,
            given_at=event.given_at,
            contact_ref=event.contact_ref,
            complaint_ref=event.complaint_ref,
            said_ref=event.said_ref,
            actor=event.actor,
        )
    ]


# --- collection -------------------------------------------------------------------------


@changes.register
def _(event: Borrower.StrategyAssigned) -> list[Change]:
    return [
        _row(
            "contacts_strategy",
            event,
            loan_id=event.loan_id,
            bucket=event.bucket,
            days_past_due=event.days_past_due,
            behaviour=event.behaviour,
            strategy=event.strategy,
            policy_version=event.policy_version,
        )
    ]


@changes.register
def _(event: Borrower.CollectorAssigned) -> list[Change]:
    return [_row("contacts_collector", event, collector=event.collector)]


@changes.register
def _(event: Borrower.PromiseMade) -> list[Change]:
    return [
        _promise(
            event, PromiseState.OPEN, event.amount, promised_on=event.promised_on, received=None
        )
    ]


@changes.register
def _(event: Borrower.PromiseKept) -> list[Change]:
    return [_promise(event, PromiseState.KEPT, event.promised, received=event.received)]


@changes.register
def _(event: Borrower.PromiseBroken) -> list[Change]:
    return [_promise(event, PromiseState.BROKEN, event.promised, received=event.received)]


@changes.register
def _(event: Borrower.PromiseWithdrawn) -> list[Change]:
    return [
        _promise(
            event,
            PromiseState.WITHDRAWN,
            event.promised,
            promised_on=event.promised_on,
            received=None,
        )
    ]


@changes.register
def _(event: Borrower.PromiseLapsed) -> list[Change]:
    return [
        _promise(
            event, PromiseState.LAPSED, event.promised, promised_on=event.promised_on, received=None
        )
    ]


@changes.register
def _(event: Borrower.LateReasonRecorded) -> list[Change]:
    return [
        _row(
            "contacts_late_reason",
            event,
            loan_id=event.loan_id,
            reason=event.reason,
            source=event.source,
            contact_ref=event.contact_ref,
            actor=event.actor,
        )
    ]


@changes.register
def _(event: Borrower.AgencyPlaced) -> list[Change]:
    return [
        _placement(
            event, change="PLACED", evaluation_due_on=event.evaluation_due_on, reason=event.bucket
        )
    ]


@changes.register
def _(event: Borrower.AgencyRecalled) -> list[Change]:
    return [_placement(event, change="RECALLED", reason=event.reason)]


@changes.register
def _(event: Borrower.LegalReferred) -> list[Change]:
    return [
        _legal(
            event,
            change="REFERRED",
            referred_on=event.business_on,
            currency=event.currency,
            claimed=event.claimed,
            outstanding=event.outstanding,
            days_past_due=event.days_past_due,
            referred_to=event.referred_to,
            reason=event.reason,
            approved_by=event.approved_by,
        )
    ]


@changes.register
def _(event: Borrower.LegalWithdrawn) -> list[Change]:
    return [_legal(event, change="WITHDRAWN", referred_on=event.referred_on, reason=event.reason)]


@changes.register
def _(event: Borrower.LegalEnded) -> list[Change]:
    return [
        _legal(
            event,
            change="ENDED",
            referred_on=event.referred_on,
            currency=event.currency,
            claimed=event.claimed,
            outcome=event.outcome,
            decided_on=event.decided_on,
            awarded=event.awarded,
            paper_ref=event.paper_ref,
        )
    ]


# --- support ----------------------------------------------------------------------------


@changes.register
def _(event: Borrower.SupportOffered) -> list[Change]:
    return [
        _row(
            "contacts_support",
            event,
            support_ref=event.support_ref,
            loan_id=event.loan_id,
            kind=event.kind,
            contact_ref=event.contact_ref,
            said_ref=event.said_ref,
            actor=event.actor,
        )
    ]


@changes.register
def _(event: Borrower.RepaymentPlanProposed) -> list[Change]:
    rows = [
        Put(
            "contacts_plan_row",
            key={"borrower_id": event.originator_id, "plan_ref": event.plan_ref, "number": number},
            values={
                "version": event.originator_version,
                **known(event),
                "due_on": row.due_on,
                "amount": row.amount,
            },
        )
        for number, row in enumerate(event.rows, 1)
    ]
    plan = _plan(event, PlanState.PROPOSED, amount=event.total, support_ref=event.support_ref)
    return [plan, *rows]


@changes.register
def _(event: Borrower.RepaymentPlanAgreed) -> list[Change]:
    return [
        _plan(
            event,
            PlanState.AGREED,
            amount=event.total,
            consent_ref=event.consent_ref,
            replaces=event.replaces,
            tolerated_rows=event.tolerated_rows,
            rule_version=event.policy_version,
        )
    ]


@changes.register
def _(event: Borrower.RepaymentPlanKept) -> list[Change]:
    return [_plan(event, PlanState.KEPT, amount=event.planned, received=event.received)]


@changes.register
def _(event: Borrower.RepaymentPlanBroken) -> list[Change]:
    return [
        _plan(
            event,
            PlanState.BROKEN,
            amount=event.planned,
            received=event.received,
            missed_rows=event.missed_rows,
        )
    ]


@changes.register
def _(event: Borrower.CheckInScheduled) -> list[Change]:
    return [
        _row(
            "contacts_check_in",
            event,
            loan_id=event.loan_id,
            check_in_on=event.check_in_on,
            plan_ref=event.plan_ref,
            actor=event.actor,
        )
    ]


# --- data -------------------------------------------------------------------------------


@changes.register
def _(event: Borrower.DataRequestReceived) -> list[Change]:
    return [
        _data_right(
            event,
            "RECEIVED",
            request_ref=event.request_ref,
            asks_for=event.right,
            received_on=event.received_on,
            answer_by_on=event.answer_by_on,
            rule_version=event.policy_version,
        )
    ]


@changes.register
def _(event: Borrower.DataRequestRefused) -> list[Change]:
    return [_data_right(event, "REFUSED", request_ref=event.request_ref, ground=event.ground)]


@changes.register
def _(event: Borrower.ProcessingRestricted) -> list[Change]:
    return [
        _data_right(
            event,
            "RESTRICTED",
            request_ref=event.request_ref,
            until_on=event.until_on,
            measure=event.measure,
        )
    ]


@changes.register
def _(event: Borrower.RestrictionLifted) -> list[Change]:
    return [_data_right(event, "LIFTED", until_on=event.lifted_on, measure=event.measure)]


@changes.register
def _(event: Borrower.ErasurePutOff) -> list[Change]:
    return [
        _data_right(
            event,
            "PUT_OFF",
            request_ref=event.request_ref,
            until_on=event.kept_until,
            measure=event.measure,
            rule_version=event.policy_version,
        )
    ]


@changes.register
def _(event: Borrower.DataErased) -> list[Change]:
    return [_data_right(event, "ERASED", request_ref=event.request_ref, measure=event.measure)]


# --- loans ------------------------------------------------------------------------------


@changes.register
def _(event: Loan.Disbursed) -> list[Change]:
    return [_loan(event)]


@changes.register
def _(event: Loan.Migrated) -> list[Change]:
    return [_loan(event), _bucket(event)]


@changes.register(Loan.BucketChanged)
@changes.register(Loan.PayoutReturned)
def _(event: Loan.BucketChanged | Loan.PayoutReturned) -> list[Change]:
    return [_bucket(event)]


@changes.register(Loan.WrittenOff)
@changes.register(Loan.Sold)
def _(event: Loan.WrittenOff | Loan.Sold) -> list[Change]:
    # As of a day that lies back it was in the bucket of then.
    since = event.overtaken
    return [] if since is None or since.bucket_before == event.bucket else [_bucket(event)]


@changes.register(Loan.Repaid)
@changes.register(Loan.RecoveryReceived)
def _(event: Loan.Repaid | Loan.RecoveryReceived) -> list[Change]:
    return [_payment(event, event.amount)]


@changes.register(Loan.RepaymentReversed)
@changes.register(Loan.RecoveryReversed)
@changes.register(Loan.PassedOnReversed)
def _(
    event: Loan.RepaymentReversed | Loan.RecoveryReversed | Loan.PassedOnReversed,
) -> list[Change]:
    return [_payment(event, -event.amount)]


def _loan(event: Loan.Disbursed | Loan.Migrated) -> Put:
    return Put(
        "contacts_loan",
        key={"loan_id": event.originator_id},
        values={
            "version": event.originator_version,
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
        },
    )


def _bucket(event: Any) -> Put:
    return Put(
        "contacts_bucket",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), "bucket": event.bucket},
    )


def _payment(event: Any, amount: int) -> Put:
    return Put(
        "contacts_payment",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "payment_ref": event.payment_ref,
            "received_on": event.received_on,
            "amount": amount,
            "currency": event.currency,
        },
    )


def _promise(event: Any, state: PromiseState, amount: int, **values: Any) -> Put:
    return _row(
        "contacts_promise",
        event,
        promise_ref=event.promise_ref,
        loan_id=event.loan_id,
        currency=event.currency,
        amount=amount,
        state=str(state),
        actor=event.actor,
        **values,
    )


def _plan(event: Any, change: PlanState, **values: Any) -> Put:
    return _row(
        "contacts_plan",
        event,
        plan_ref=event.plan_ref,
        loan_id=event.loan_id,
        currency=event.currency,
        change=str(change),
        actor=event.actor,
        **values,
    )


def _data_right(event: Any, change: str, **values: Any) -> Put:
    return _row("contacts_data_right", event, change=change, actor=event.actor, **values)


def _objections(event: Borrower.ContactDecided | Borrower.ContactDecidedAgain) -> list[Put]:
    return [
        Put(
            "contacts_objection",
            key={
                **_key(event),
                "reason": each.reason,
                "rule": each.rule,
                "rule_version": each.version,
            },
            values=known(event),
        )
        for each in event.against
    ]


def _placement(event: Any, **values: Any) -> Put:
    return _row(
        "contacts_placement",
        event,
        loan_id=event.loan_id,
        agency=event.agency,
        actor=event.actor,
        **values,
    )


def _legal(event: Any, **values: Any) -> Put:
    return _row("contacts_legal", event, loan_id=event.loan_id, actor=event.actor, **values)


def _reply(event: Any, **values: Any) -> Put:
    return _row(
        "contacts_reply",
        event,
        contact_ref=event.contact_ref,
        said_ref=event.said_ref,
        actor=event.actor,
        **values,
    )


def _point(event: Any, **values: Any) -> Put:
    return _row("contacts_point", event, point_ref=event.point_ref, **values)


def _complaint(event: Any, **values: Any) -> Put:
    return _row(
        "contacts_complaint", event, complaint_ref=event.complaint_ref, actor=event.actor, **values
    )


def _consent(event: Any, **values: Any) -> Put:
    return _row("contacts_consent", event, scope=event.scope, source=event.source, **values)


def _row(table: str, event: Stream.Event, **values: Any) -> Put:
    """A history row of a borrower."""
    return Put(table, key=_key(event), values={**known(event), **values})


def _key(event: Stream.Event) -> dict[str, Any]:
    return {"borrower_id": event.originator_id, "version": event.originator_version}
