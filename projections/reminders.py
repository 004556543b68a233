"""Reminders: what falls due when, what is left of it, and what stands against reminding."""

from datetime import date
from functools import singledispatch

from domain.base.contact_policy import HoldKind
from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import LoanState
from projections import KNOWN, Change, Put, Table, known

NAME = "reminders"
VERSION = 3
TOPICS = ("loan.events", "borrower.events")

TABLES = (
    Table(
        "reminders_loan",
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
        "reminders_state",
        {"loan_id": "uuid", "version": "bigint", **KNOWN, "state": "text"},
        key=("loan_id", "version"),
    ),
    Table(
        "reminders_due_date",
        {
            "loan_id": "uuid",
            "number": "integer",
            "version": "bigint",
            **KNOWN,
            "due_on": "date",
            "pay_by_on": "date",
        },
        key=("loan_id", "number", "version"),
        indexes=(("pay_by_on",),),
    ),
    Table(
        "reminders_left",
        {
            "loan_id": "uuid",
            "number": "integer",
            "version": "bigint",
            **KNOWN,
            "amount_left": "bigint",
            "paid_on": "date",
        },
        key=("loan_id", "number", "version"),
    ),
    # The debts that a hold covers are all of the borrower's where none is named.
    Table(
        "reminders_hold",
        {
            "borrower_id": "uuid",
            "hold_ref": "text",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "blocks": "boolean",
            "from_on": "date",
            "loan_ids": "uuid[]",
            "lifted_on": "date",
            "lift_business_on": "date",
        },
        key=("borrower_id", "hold_ref"),
    ),
)

IGNORED = frozenset(
    {
        "borrower.agency-placed",
        "borrower.agency-recalled",
        "borrower.collector-assigned",
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
        "borrower.hold-end-set",
        "borrower.hold-widened",
        "borrower.inbound-received",
        "borrower.late-reason-recorded",
        "borrower.legal-ended",
        "borrower.legal-referred",
        "borrower.legal-withdrawn",
        "borrower.jurisdiction-changed",
        "borrower.language-set",
        "borrower.message-delivered",
        "borrower.opt-out-revoked",
        "borrower.opted-out",
        "borrower.own-hours-set",
        "borrower.promise-broken",
        "borrower.promise-withdrawn",
        "borrower.promise-kept",
        "borrower.promise-made",
        "borrower.registered",
        "borrower.reply-answered",
        "borrower.reply-read",
        "borrower.strategy-assigned",
        "borrower.check-in-scheduled",
        "borrower.data-request-received",
        "borrower.data-request-refused",
        "borrower.promise-lapsed",
        "borrower.repayment-plan-agreed",
        "borrower.repayment-plan-broken",
        "borrower.repayment-plan-kept",
        "borrower.repayment-plan-proposed",
        "borrower.support-offered",
        "borrower.variant-assigned",
        "borrower.zones-changed",
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
"""Before payout nothing is due; lateness follows from the dates kept here. Where a hold ends
follows from its lifting, on the last day that it stands."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


@changes.register(Loan.Disbursed)
@changes.register(Loan.Migrated)
def _(event: Loan.Disbursed | Loan.Migrated) -> list[Change]:
    loan = Put(
        "reminders_loan",
        key={"loan_id": event.originator_id},
        values={
            "version": event.originator_version,
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
            "currency": event.currency,
        },
    )
    return [
        loan,
        _state(event, LoanState.ACTIVE),
        *(_due_date(event, row) for row in event.schedule),
        *(_left(event, row) for row in event.schedule),
    ]


@changes.register
def _(event: Loan.MoneyMoved) -> list[Change]:
    moved = [_state(event, event.state)] if event.state != event.state_before else []
    return [*moved, *(_left(event, row) for row in event.instalments)]


@changes.register
def _(event: Loan.DueDateMoved) -> list[Change]:
    # Here, and where what is left is laid anew, do the dates of an instalment change; the
    # day this row is known is the day from which reminders for the new date can be planned.
    numbers = {move.instalment for move in event.moved}
    return [
        *(_due_date(event, row) for row in event.instalments if row.number in numbers),
        *(_left(event, row) for row in event.instalments),
    ]


@changes.register
def _(event: Loan.FactWithdrawn) -> list[Change]:
    # A date that was moved, or an instalment that was added, in error.
    moved = [_state(event, event.state)] if event.state != event.state_before else []
    return [
        *moved,
        *(_due_date(event, row) for row in event.instalments if row.number not in event.dropped),
        # Of those that go some were empty already, and are not among what was touched.
        *(_no_due_date(event, number) for number in event.dropped),
        *(_left(event, row) for row in event.instalments),
    ]


@changes.register
def _(event: Loan.PayoutReturned) -> list[Change]:
    # Nothing was lent: nothing is due any more, and of nothing is there a day.
    return [
        _state(event, event.state),
        *(_no_due_date(event, row.number) for row in event.instalments),
        *(_left(event, row) for row in event.instalments),
    ]


@changes.register
def _(event: Loan.PayoutReturnWithdrawn) -> list[Change]:
    return [
        _state(event, event.state),
        *(_due_date(event, row) for row in event.instalments),
        *(_left(event, row) for row in event.instalments),
    ]


@changes.register
def _(event: Loan.LaidAnew) -> list[Change]:
    moved = [_state(event, event.state)] if event.state != event.state_before else []
    return [
        *moved,
        *(_due_date(event, row) for row in event.instalments),
        *(_left(event, row) for row in event.instalments),
    ]


@changes.register
def _(event: Loan.FeeCharged) -> list[Change]:
    # A charge due after the last instalment makes one, with nothing on it but itself.
    new = [
        _due_date(event, row)
        for row in event.instalments
        if row.number == event.instalment
        and event.due_on is not None  # though it may be due on a day that was moved since
        and row.principal + row.interest + row.fees + (row.penalty_charged or 0) == event.amount
    ]
    moved = [_state(event, event.state)] if event.state != event.state_before else []
    return [*moved, *new, *(_left(event, row) for row in event.instalments)]


@changes.register
def _(event: Loan.Settled) -> list[Change]:
    return [_state(event, LoanState.SETTLED)]


@changes.register
def _(event: Loan.Closed) -> list[Change]:
    return [_state(event, LoanState.CLOSED)]


@changes.register(Loan.WrittenOff)
@changes.register(Loan.Sold)
def _(event: Loan.WrittenOff | Loan.Sold) -> list[Change]:
    # Dates that were moved and instalments that were added after the day of it go.
    state = LoanState.SOLD if isinstance(event, Loan.Sold) else LoanState.WRITTEN_OFF
    rows = [] if event.overtaken is None else event.overtaken.instalments
    gone = [] if event.overtaken is None else event.overtaken.dropped
    return [
        _state(event, state),
        *(_due_date(event, row) for row in rows if row.number not in gone),
        *(_no_due_date(event, number) for number in gone),
        *(_left(event, row) for row in rows),
    ]


@changes.register
def _(event: Borrower.HoldSet) -> list[Change]:
    return [
        Put(
            "reminders_hold",
            key={"borrower_id": event.originator_id, "hold_ref": event.hold_ref},
            values={
                "version": event.originator_version,
                **known(event),
                "kind": event.kind,
                "blocks": event.blocks_reminders,
                "from_on": event.from_on,
                "loan_ids": event.loan_ids,
            },
        )
    ]


@changes.register
def _(event: Borrower.HoldLifted) -> list[Change]:
    return [
        Put(
            "reminders_hold",
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


def _restriction(event: Stream.Event, measure: int, lifted_on: date | None) -> Put:
    """A restriction of processing is a hold on all contact but what is owed."""
    return Put(
        "reminders_hold",
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
        "reminders_hold",
        key={"borrower_id": event.originator_id, "hold_ref": f"restriction-{measure}"},
        values={
            "version": event.originator_version,
            "lifted_on": event.effective_on,
            "lift_business_on": event.business_on,
        },
    )


def _state(event: Stream.Event, state: str) -> Put:
    return Put(
        "reminders_state",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), "state": state},
    )


def _due_date(event: Stream.Event, row: Instalment) -> Put:
    """When an instalment is due from now on."""
    return _due(event, row.number, row.due_on, row.pay_by_on)


def _no_due_date(event: Stream.Event, number: int) -> Put:
    """That there is no such instalment any more."""
    return _due(event, number, None, None)


def _due(event: Stream.Event, number: int, due_on: date | None, pay_by_on: date | None) -> Put:
    return Put(
        "reminders_due_date",
        key={"loan_id": event.originator_id, "number": number, "version": event.originator_version},
        values={**known(event), "due_on": due_on, "pay_by_on": pay_by_on},
    )


def _left(event: Stream.Event, row: Instalment) -> Put:
    return Put(
        "reminders_left",
        key={
            "loan_id": event.originator_id,
            "number": row.number,
            "version": event.originator_version,
        },
        values={**known(event), "amount_left": row.left, "paid_on": row.paid_on},
    )
