"""Collections: what is unpaid since when, whom it concerns, and what they promised."""

from datetime import date
from functools import singledispatch
from typing import Any

from domain.base.contact_policy import HoldKind
from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.borrower.promises import PromiseState
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import LoanState
from projections import KNOWN, Change, Put, Table, known

NAME = "collections"
VERSION = 2
TOPICS = ("loan.events", "borrower.events")

TABLES = (
    Table(
        "collections_loan",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "loan_ref": "text",
            "borrower_id": "uuid",
            "currency": "text",
        },
        key=("loan_id",),
        indexes=(("borrower_id",),),
    ),
    Table(
        "collections_state",
        {"loan_id": "uuid", "version": "bigint", **KNOWN, "state": "text"},
        key=("loan_id", "version"),
    ),
    Table(
        "collections_instalment",
        {
            "loan_id": "uuid",
            "number": "integer",
            "version": "bigint",
            **KNOWN,
            "due_on": "date",
            "pay_by_on": "date",
            "amount_left": "bigint",
            "paid_on": "date",
        },
        key=("loan_id", "number", "version"),
        indexes=(("business_on", "loan_id"),),
    ),
    # How each instalment stands now; the date is empty once nothing is left of it, so
    # that the overdue ones are found by an index.
    Table(
        "collections_unpaid",
        {"loan_id": "uuid", "number": "integer", "version": "bigint", "unpaid_pay_by_on": "date"},
        key=("loan_id", "number"),
        indexes=(("unpaid_pay_by_on", "loan_id"),),
    ),
    Table(
        "collections_borrower",
        {
            "borrower_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "borrower_ref": "text",
            "jurisdiction": "text",
            "zones": "text[]",
        },
        key=("borrower_id", "version"),
    ),
    # The debts that a hold covers are all of the borrower's where none is named.
    Table(
        "collections_hold",
        {
            "borrower_id": "uuid",
            "hold_ref": "text",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "blocks": "boolean",
            "from_on": "date",
            "until_on": "date",
            "loan_ids": "uuid[]",
            "lifted_on": "date",
            "lift_business_on": "date",
        },
        key=("borrower_id", "hold_ref"),
    ),
    Table(
        "collections_promise",
        {
            "borrower_id": "uuid",
            "promise_ref": "text",
            "version": "bigint",
            **KNOWN,
            "loan_id": "uuid",
            "currency": "text",
            "amount": "bigint",
            "promised_on": "date",
            "state": "text",
            "received": "bigint",
        },
        key=("borrower_id", "promise_ref", "version"),
        indexes=(("loan_id",),),
    ),
)

IGNORED = frozenset(
    {
        "borrower.agency-placed",
        "borrower.agency-recalled",
        "borrower.collector-assigned",
        "borrower.language-set",
        "borrower.complaint-answered",
        "borrower.complaint-escalated",
        "borrower.complaint-extended",
        "borrower.complaint-opened",
        "borrower.complaint-reopened",
        "borrower.complaint-resolved",
        "borrower.consent-granted",
        "borrower.consent-reconfirmed",
        "borrower.consent-withdrawn",
        "borrower.contact-decided",
        "borrower.contact-decided-again",
        "borrower.contact-made",
        "borrower.contact-not-made",
        "borrower.contact-point-added",
        "borrower.contact-point-blocked",
        "borrower.contact-point-refused",
        "borrower.contact-point-retired",
        "borrower.contact-point-unblocked",
        "borrower.contact-restricted",
        "borrower.contact-restriction-lifted",
        "borrower.feedback-recorded",
        "borrower.inbound-received",
        "borrower.late-reason-recorded",
        "borrower.legal-ended",
        "borrower.legal-referred",
        "borrower.legal-withdrawn",
        "borrower.message-delivered",
        "borrower.opt-out-revoked",
        "borrower.opted-out",
        "borrower.own-hours-set",
        "borrower.reply-answered",
        "borrower.reply-read",
        "borrower.strategy-assigned",
        "borrower.check-in-scheduled",
        "borrower.data-request-received",
        "borrower.data-request-refused",
        "borrower.hold-widened",
        "borrower.repayment-plan-agreed",
        "borrower.repayment-plan-broken",
        "borrower.repayment-plan-kept",
        "borrower.repayment-plan-proposed",
        "borrower.support-offered",
        "borrower.variant-assigned",
        "loan.applied",
        "loan.approved",
        "loan.asset-class-changed",
        "loan.bucket-changed",
        "loan.contract-signed",
        "loan.conversion-offered",
        "loan.cost-disclosed",
        "loan.cured",
        "loan.declined",
        "loan.evidence-added",
        "loan.expired",
        "loan.interest-subsidised",
        "loan.partner-order-linked",
        "loan.passed-on-reversed",
        "loan.recovery-received",
        "loan.recovery-reversed",
        "loan.renewal-declined",
        "loan.renewal-expired",
        "loan.renewal-offered",
        "loan.relief-reassessed",
        "loan.renewal-reassessed",
        "loan.security-called",
        "loan.security-realised",
        "loan.security-released",
        "loan.security-taken",
        "loan.step-down-forfeited",
        "loan.went-overdue",
        "loan.withdrawn",
    }
)
"""Before payout nothing is due; lateness is computed from its causes when asked."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


@changes.register(Loan.Disbursed)
@changes.register(Loan.Migrated)
def _(event: Loan.Disbursed | Loan.Migrated) -> list[Change]:
    loan = Put(
        "collections_loan",
        key={"loan_id": event.originator_id},
        values={
            "version": event.originator_version,
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
            "currency": event.currency,
        },
    )
    return [loan, _state(event, LoanState.ACTIVE), *_instalments(event, event.schedule)]


@changes.register
def _(event: Loan.MoneyMoved) -> list[Change]:
    moved = [_state(event, event.state)] if event.state != event.state_before else []
    return [*moved, *_instalments(event, event.instalments)]


@changes.register
def _(event: Loan.Settled) -> list[Change]:
    return [_state(event, LoanState.SETTLED)]


@changes.register
def _(event: Loan.Closed) -> list[Change]:
    return [_state(event, LoanState.CLOSED)]


@changes.register(Loan.WrittenOff)
@changes.register(Loan.Sold)
def _(event: Loan.WrittenOff | Loan.Sold) -> list[Change]:
    state = LoanState.SOLD if isinstance(event, Loan.Sold) else LoanState.WRITTEN_OFF
    rows = [] if event.overtaken is None else event.overtaken.instalments
    return [_state(event, state), *_instalments(event, rows)]


@changes.register(Borrower.Registered)
@changes.register(Borrower.ZonesChanged)
@changes.register(Borrower.JurisdictionChanged)
def _(
    event: Borrower.Registered | Borrower.ZonesChanged | Borrower.JurisdictionChanged,
) -> list[Change]:
    return [
        Put(
            "collections_borrower",
            key={"borrower_id": event.originator_id, "version": event.originator_version},
            values={
                **known(event),
                "borrower_ref": event.borrower_ref,
                "jurisdiction": event.jurisdiction,
                "zones": event.zones,
            },
        )
    ]


@changes.register
def _(event: Borrower.HoldSet) -> list[Change]:
    return [
        Put(
            "collections_hold",
            key={"borrower_id": event.originator_id, "hold_ref": event.hold_ref},
            values={
                "version": event.originator_version,
                **known(event),
                "kind": event.kind,
                "blocks": event.blocks_collection,
                "from_on": event.from_on,
                "until_on": event.until_on,
                "loan_ids": event.loan_ids,
            },
        )
    ]


@changes.register
def _(event: Borrower.HoldEndSet) -> list[Change]:
    return [
        Put(
            "collections_hold",
            key={"borrower_id": event.originator_id, "hold_ref": event.hold_ref},
            values={"version": event.originator_version, "until_on": event.until_on},
        )
    ]


@changes.register
def _(event: Borrower.HoldLifted) -> list[Change]:
    return [
        Put(
            "collections_hold",
            key={"borrower_id": event.originator_id, "hold_ref": event.hold_ref},
            values={
                "version": event.originator_version,
                "lifted_on": event.lifted_on,
                "lift_business_on": event.business_on,
            },
        )
    ]


@changes.register
def _(event: Borrower.ProcessingRestricted) -> list[Change]:
    began = _restriction(event, event.measure, lifted_on=event.until_on)
    return [began] if event.replaces is None else [_released(event, event.replaces), began]


@changes.register
def _(event: Borrower.RestrictionLifted) -> list[Change]:
    return [] if event.lifts is None else [_released(event, event.lifts)]


@changes.register(Borrower.ErasurePutOff)
@changes.register(Borrower.DataErased)
def _(event: Borrower.ErasurePutOff | Borrower.DataErased) -> list[Change]:
    return [_restriction(event, event.measure, lifted_on=None)] if event.begins else []


@changes.register
def _(event: Borrower.PromiseMade) -> list[Change]:
    return [
        _promise(
            event,
            amount=event.amount,
            promised_on=event.promised_on,
            state=PromiseState.OPEN,
            received=None,
        )
    ]


@changes.register
def _(event: Borrower.PromiseKept) -> list[Change]:
    return [_promise_ended(event, PromiseState.KEPT)]


@changes.register
def _(event: Borrower.PromiseBroken) -> list[Change]:
    return [_promise_ended(event, PromiseState.BROKEN)]


@changes.register
def _(event: Borrower.PromiseWithdrawn) -> list[Change]:
    return [
        _promise(
            event,
            amount=event.promised,
            promised_on=event.promised_on,
            state=PromiseState.WITHDRAWN,
            received=None,
        )
    ]


@changes.register
def _(event: Borrower.PromiseLapsed) -> list[Change]:
    return [
        _promise(
            event,
            amount=event.promised,
            promised_on=event.promised_on,
            state=PromiseState.LAPSED,
            received=None,
        )
    ]


def _restriction(event: Stream.Event, measure: int, lifted_on: date | None) -> Put:
    """A restriction of processing is a hold on all contact but what is owed."""
    return Put(
        "collections_hold",
        key={"borrower_id": event.originator_id, "hold_ref": f"restriction-{measure}"},
        values={
            "version": event.originator_version,
            **known(event),
            "kind": str(HoldKind.RESTRICTED),
            "blocks": True,
            "from_on": event.effective_on,
            "lifted_on": lifted_on,
            "lift_business_on": None if lifted_on is None else event.business_on,
        },
    )


def _released(event: Stream.Event, measure: int) -> Put:
    return Put(
        "collections_hold",
        key={"borrower_id": event.originator_id, "hold_ref": f"restriction-{measure}"},
        values={
            "version": event.originator_version,
            "lifted_on": event.effective_on,
            "lift_business_on": event.business_on,
        },
    )


def _state(event: Stream.Event, state: str) -> Put:
    return Put(
        "collections_state",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), "state": state},
    )


def _instalments(event: Stream.Event, rows: list[Instalment]) -> list[Put]:
    history = [
        Put(
            "collections_instalment",
            key={
                "loan_id": event.originator_id,
                "number": row.number,
                "version": event.originator_version,
            },
            values={
                **known(event),
                "due_on": row.due_on,
                "pay_by_on": row.pay_by_on,
                "amount_left": row.left,
                "paid_on": row.paid_on,
            },
        )
        for row in rows
    ]
    now = [
        Put(
            "collections_unpaid",
            key={"loan_id": event.originator_id, "number": row.number},
            values={
                "version": event.originator_version,
                "unpaid_pay_by_on": row.pay_by_on if row.left else None,
            },
        )
        for row in rows
    ]
    return [*history, *now]


def _promise_ended(event: Borrower.PromiseKept | Borrower.PromiseBroken, state: str) -> Put:
    # It was assessed after its day, which is the day it counts for.
    return _promise(
        event,
        amount=event.promised,
        promised_on=event.effective_on,
        state=state,
        received=event.received,
    )


def _promise(event: Any, **values: Any) -> Put:
    return Put(
        "collections_promise",
        key={
            "borrower_id": event.originator_id,
            "promise_ref": event.promise_ref,
            "version": event.originator_version,
        },
        values={**known(event), "loan_id": event.loan_id, "currency": event.currency, **values},
    )
