"""Tracker: where each application is and was, stage by stage, like a parcel."""

from functools import singledispatch
from typing import Any

from domain.base.stream import Stream
from domain.loan.loan import Loan
from projections import KNOWN, Change, Put, Table, known

NAME = "tracker"
VERSION = 1
TOPICS = ("loan.events",)

TABLES = (
    Table(
        "tracker_loan",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "loan_ref": "text",
            "borrower_id": "uuid",
            "product_code": "text",
            "product_version": "integer",
            "currency": "text",
            "amount": "bigint",
            "term_months": "integer",
            "purpose": "text",
            "channel": "text",
            "stage": "text",
        },
        key=("loan_id",),
        indexes=(("stage",),),
    ),
    Table(
        "tracker_offer",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "amount": "bigint",
            "term_months": "integer",
            "annual_rate": "numeric(18,10)",
        },
        key=("loan_id", "version"),
    ),
    Table(
        "tracker_stage",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "stage": "text",
            "entered_at": "timestamptz",
            "actor": "text",
            "due_on": "date",
            "valid_until_on": "date",
            "missing": "text[]",
            "reasons": "text[]",
        },
        key=("loan_id", "version"),
        indexes=(("business_on", "loan_id"),),
    ),
)

IGNORED = frozenset(
    {
        "loan.asset-class-changed",
        "loan.bucket-changed",
        "loan.closed",
        "loan.credit-applied",
        "loan.fact-withdrawn",
        "loan.charge-forgiven",
        "loan.credit-refunded",
        "loan.cured",
        "loan.drawn",
        "loan.due-date-moved",
        "loan.fee-charged",
        "loan.fee-waived",
        "loan.fee-withdrawn",
        "loan.hold-ended",
        "loan.hold-placed",
        "loan.interest-subsidised",
        "loan.partner-order-linked",
        "loan.passed-on-reversed",
        "loan.rate-stepped-down",
        "loan.recovery-received",
        "loan.recovery-reversed",
        "loan.conversion-offered",
        "loan.converted",
        "loan.credit-placed",
        "loan.renewal-declined",
        "loan.renewal-expired",
        "loan.renewal-offered",
        "loan.relief-reassessed",
        "loan.renewal-reassessed",
        "loan.renewed",
        "loan.repaid",
        "loan.repayment-reversed",
        "loan.rescheduled",
        "loan.security-called",
        "loan.security-realised",
        "loan.security-released",
        "loan.security-taken",
        "loan.settled",
        "loan.sold",
        "loan.step-down-forfeited",
        "loan.step-down-reversed",
        "loan.went-overdue",
        "loan.written-off",
    }
)
"""Servicing: the parcel has arrived."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


def _stage(event: Any, **values: Any) -> list[Change]:
    """The stage that *event* leads to, with a row for it or what changed within it."""
    now = Put(
        "tracker_loan",
        key={"loan_id": event.originator_id},
        values={"version": event.originator_version, "stage": event.stage},
    )
    entered = Put(
        "tracker_stage",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "stage": event.stage,
            "entered_at": event.timestamp,
            "actor": event.actor,
            "due_on": None,
            "valid_until_on": None,
            "missing": [],
            "reasons": [],
            **values,
        },
    )
    return [now, entered]


@changes.register
def _(event: Loan.Applied) -> list[Change]:
    loan = Put(
        "tracker_loan",
        key={"loan_id": event.originator_id},
        values={
            "version": event.originator_version,
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
            "product_code": event.product_code,
            "product_version": event.product_version,
            "currency": event.currency,
            "amount": event.amount,
            "term_months": event.term_months,
            "purpose": event.purpose,
            "channel": event.channel,
        },
    )
    stage = _stage(
        event, due_on=event.stage_due_on, valid_until_on=event.valid_until_on, missing=event.missing
    )
    return [loan, *stage]


@changes.register
def _(event: Loan.Migrated) -> list[Change]:
    loan = Put(
        "tracker_loan",
        key={"loan_id": event.originator_id},
        values={
            "version": event.originator_version,
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
            "product_code": event.terms.product_code,
            "product_version": event.terms.product_version,
            "currency": event.currency,
            "amount": event.terms.amount,
            "term_months": event.terms.term_months,
            "purpose": None,
            "channel": event.origin,
        },
    )
    return [loan, *_stage(event)]


@changes.register
def _(event: Loan.EvidenceAdded) -> list[Change]:
    return _stage(event, due_on=event.stage_due_on, missing=event.missing)


@changes.register
def _(event: Loan.Approved) -> list[Change]:
    offer = Put(
        "tracker_offer",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "amount": event.amount,
            "term_months": event.term_months,
            "annual_rate": event.annual_rate,
        },
    )
    stage = _stage(event, due_on=event.stage_due_on, valid_until_on=event.valid_until_on)
    return [offer, *stage]


@changes.register(Loan.CostDisclosed)
@changes.register(Loan.ContractSigned)
def _(event: Loan.CostDisclosed | Loan.ContractSigned) -> list[Change]:
    return _stage(event, due_on=event.stage_due_on)


@changes.register
def _(event: Loan.Disbursed) -> list[Change]:
    return _stage(event)


@changes.register
def _(event: Loan.PayoutReturned) -> list[Change]:
    return _stage(
        event,
        due_on=event.stage_due_on,
        valid_until_on=event.valid_until_on,
        reasons=[event.reason],
    )


@changes.register
def _(event: Loan.PayoutReturnWithdrawn) -> list[Change]:
    return _stage(event, reasons=[event.reason])


@changes.register
def _(event: Loan.Declined) -> list[Change]:
    return _stage(event, reasons=event.reasons)


@changes.register
def _(event: Loan.Withdrawn) -> list[Change]:
    return _stage(event, reasons=[event.reason])


@changes.register
def _(event: Loan.Expired) -> list[Change]:
    return _stage(event, valid_until_on=event.valid_until_on)
