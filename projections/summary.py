"""Summary: one loan on one page, as it stands and as it stood on any day."""

from datetime import date
from decimal import Decimal
from functools import singledispatch
from typing import Any

from domain.base.stream import Stream
from domain.base.terms import Owed, Terms
from domain.loan.beyond import beyond
from domain.loan.delinquency import Bucket
from domain.loan.facts import FactKind
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.security import SecurityState
from domain.loan.state import EndedBy, LoanState, OfferKind, Overtaken, Restated
from projections import KNOWN, Change, Put, Table, known

NAME = "summary"
VERSION = 8
TOPICS = ("loan.events",)

STANDING = {
    "state": "text",
    "bucket": "text",
    "principal": "bigint",
    "interest": "bigint",
    "fees": "bigint",
    "penalty": "bigint",
    "unapplied": "bigint",
}

TABLES = (
    Table(
        "summary_loan",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "loan_ref": "text",
            "borrower_id": "uuid",
            "product_code": "text",
            "product_version": "integer",
            "currency": "text",
            "origin": "text",
            "disbursed_on": "date",
            "disbursed_business_on": "date",
            "payout_returned_business_on": "date",
            **STANDING,
            "asset_class": "text",
        },
        key=("loan_id",),
        indexes=(("loan_ref",), ("borrower_id",)),
    ),
    Table(
        "summary_standing",
        {"loan_id": "uuid", "version": "bigint", **KNOWN, **STANDING},
        key=("loan_id", "version"),
    ),
    Table(
        "summary_terms",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "amount": "bigint",
            "term_months": "integer",
            "annual_rate": "numeric(18,10)",
            "frequency": "text",
            "method": "text",
            "day_count": "text",
            "rounding": "text",
            "grace_days": "integer",
            "grace_retroactive": "boolean",
            "penalty_rate": "numeric(18,10)",
            "allocation_order": "text[]",
            "future_money": "text",
            "calendar": "text",
            "advance_order": "text[]",
            "allocation_scope": "text",
            "charges_due": "text",
            "charges_count": "text",
            "beyond": "jsonb",
        },
        key=("loan_id", "version"),
    ),
    Table(
        "summary_contract_fee",
        {
            "loan_id": "uuid",
            "number": "integer",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "timing": "text",
            "amount": "bigint",
            "owed": "text",
            "percent": "numeric(18,10)",
            "base": "text",
            "earned": "text",
            "withheld": "boolean",
        },
        key=("loan_id", "number"),
    ),
    Table(
        "summary_money",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "received": "bigint",
            "refunded": "bigint",
            "principal_paid": "bigint",
            "interest_paid": "bigint",
            "fees_paid": "bigint",
            "penalty_paid": "bigint",
            "fees_charged": "bigint",
            "fees_waived": "bigint",
            "written_off": "bigint",
            "recovered": "bigint",
            "sold": "bigint",
            "sale_price": "bigint",
            "subsidised": "bigint",
            "passed_on": "bigint",
        },
        key=("loan_id", "version"),
    ),
    Table(
        "summary_class",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "asset_class": "text",
            "reason": "text",
            "days_past_due": "integer",
        },
        key=("loan_id", "version"),
    ),
    Table(
        "summary_security",
        {
            "loan_id": "uuid",
            "security_ref": "text",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "state": "text",
            "amount": "bigint",
            "realised": "bigint",
        },
        key=("loan_id", "security_ref", "version"),
    ),
    Table(
        "summary_instalment",
        {
            "loan_id": "uuid",
            "number": "integer",
            "version": "bigint",
            **KNOWN,
            "due_on": "date",
            "pay_by_on": "date",
            "principal": "bigint",
            "interest": "bigint",
            "fees": "bigint",
            "principal_paid": "bigint",
            "interest_paid": "bigint",
            "fees_paid": "bigint",
            "penalty_paid": "bigint",
            "penalty_waived": "bigint",
            "paid_on": "date",
            "penalty_charged": "bigint",
        },
        key=("loan_id", "number", "version"),
    ),
    Table(
        "summary_change",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "annual_rate": "numeric(18,10)",
            "capitalised": "bigint",
        },
        key=("loan_id", "version"),
    ),
    Table(
        "summary_offer",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "stands": "boolean",
            "count": "integer",
            "valid_until_on": "date",
            "annual_rate": "numeric(18,10)",
            "interest": "bigint",
            "fees": "bigint",
            "annualised_cost": "numeric(18,10)",
            "offer_digest": "text",
        },
        key=("loan_id", "version"),
    ),
)

IGNORED = frozenset(
    {
        "loan.cured",
        "loan.evidence-added",
        "loan.partner-order-linked",
        "loan.step-down-forfeited",
        "loan.went-overdue",
    }
)
"""The tracker shows evidence, the history a partner's order; lateness is computed from the
instalments when asked."""

NOTHING = Balance(0, 0, 0, 0, 0)

PAYOUT_RETURNED = "PAYOUT_RETURNED"
"""The change by which a loan was never lent; what was on offer on it is no more."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


@changes.register
def _(event: Loan.Applied) -> list[Change]:
    loan = _loan(event, product_code=event.product_code, product_version=event.product_version)
    terms = _terms(event, amount=event.amount, term_months=event.term_months)
    return [loan, terms, *_standing(event, LoanState.APPLIED)]


@changes.register
def _(event: Loan.Approved) -> list[Change]:
    terms = _terms(
        event, amount=event.amount, term_months=event.term_months, annual_rate=event.annual_rate
    )
    return [terms, *_standing(event, LoanState.APPROVED)]


@changes.register
def _(event: Loan.CostDisclosed) -> list[Change]:
    return _standing(event, LoanState.DISCLOSED)


@changes.register
def _(event: Loan.ContractSigned) -> list[Change]:
    return [*_contract(event, event.terms), *_standing(event, LoanState.SIGNED)]


@changes.register
def _(event: Loan.Declined) -> list[Change]:
    return _standing(event, LoanState.DECLINED)


@changes.register
def _(event: Loan.Withdrawn) -> list[Change]:
    return _standing(event, LoanState.WITHDRAWN)


@changes.register
def _(event: Loan.Expired) -> list[Change]:
    return _standing(event, LoanState.EXPIRED)


@changes.register
def _(event: Loan.Disbursed) -> list[Change]:
    paid_out = Put(
        "summary_loan",
        key={"loan_id": event.originator_id},
        values={
            "disbursed_on": event.effective_on,
            "disbursed_business_on": event.business_on,
            "payout_returned_business_on": None,
        },
    )
    return [
        paid_out,
        *_standing(event, LoanState.ACTIVE, Bucket.M0, event.balance),
        *_instalments(event, event.schedule),
    ]


@changes.register
def _(event: Loan.Migrated) -> list[Change]:
    loan = _loan(
        event,
        product_code=event.terms.product_code,
        product_version=event.terms.product_version,
        origin=event.origin,
        disbursed_on=event.disbursed_on,
        disbursed_business_on=event.business_on,
    )
    return [
        loan,
        *_contract(event, event.terms),
        *_standing(event, LoanState.ACTIVE, event.bucket, event.balance),
        *_instalments(event, event.schedule),
    ]


def _money_moved(event: Loan.MoneyMoved, **amounts: int) -> list[Change]:
    net = event.net
    money = _money(
        event,
        principal_paid=net.principal,
        interest_paid=net.interest,
        fees_paid=net.fees,
        penalty_paid=net.penalty,
        **amounts,
        **_restated(event.restated),
    )
    return [
        money,
        *_standing(event, event.state, event.bucket, event.balance),
        *_instalments(event, event.instalments),
    ]


def _restated(restated: list[Restated] | None) -> dict[str, int]:
    """By how much more left the book with a loss or a sale than was known; less is negative."""
    more: dict[str, int] = {}
    for each in restated or ():
        gone = each.after.total - each.before.total
        if each.kind == EndedBy.WRITE_OFF:
            more["written_off"] = gone
        else:
            more |= {"sold": gone, "sale_price": (each.price or 0) - (each.price_before or 0)}
    return more


@changes.register
def _(event: Loan.Repaid) -> list[Change]:
    return _money_moved(event, received=event.amount)


@changes.register
def _(event: Loan.RepaymentReversed) -> list[Change]:
    return _money_moved(event, received=-event.amount)


@changes.register
def _(event: Loan.CreditRefunded) -> list[Change]:
    return _money_moved(event, refunded=event.amount)


@changes.register
def _(event: Loan.CreditApplied) -> list[Change]:
    return _money_moved(event)


@changes.register
def _(event: Loan.FeeCharged) -> list[Change]:
    # A penalty is no fee; what is charged of it stands on its instalment.
    if event.owed == Owed.PENALTY:
        return _money_moved(event)
    return _money_moved(event, fees_charged=event.amount, fees_waived=event.waived or 0)


@changes.register
def _(event: Loan.FeeWaived) -> list[Change]:
    return _money_moved(event, fees_waived=0 if event.owed == Owed.PENALTY else event.amount)


@changes.register
def _(event: Loan.FeeWithdrawn) -> list[Change]:
    # It never was deserved, so it never was charged.
    if event.owed == Owed.PENALTY:
        return _money_moved(event)
    return _money_moved(event, fees_charged=-event.amount, fees_waived=-event.waived)


@changes.register
def _(event: Loan.ChargeForgiven) -> list[Change]:
    return _money_moved(event, fees_waived=event.amount if event.owed == Owed.FEE else 0)


@changes.register
def _(event: Loan.FactWithdrawn) -> list[Change]:
    amounts: dict[str, int] = {}
    match event.kind:
        case FactKind.REFUND:
            amounts = {"refunded": -event.amount}
        case FactKind.FEE if event.owed != Owed.PENALTY:
            amounts = {"fees_charged": -event.amount, "fees_waived": -event.waived}
        case FactKind.WAIVER | FactKind.FORGIVEN if event.owed in (None, Owed.FEE):
            amounts = {"fees_waived": -event.amount}
        case EndedBy.WRITE_OFF | EndedBy.SALE:
            return _ended_no_more(event)
        case FactKind.RESCHEDULE:
            return [*_money_moved(event), _changed(event, "TAKEN_BACK", None)]
        case _:
            pass
    return _money_moved(event, **amounts)


def _ended_no_more(event: Loan.FactWithdrawn) -> list[Change]:
    """The loan without a loss or a sale, and with what that had set aside."""
    amounts = {"sold": -event.amount, "sale_price": -(event.price or 0)}
    if event.kind == EndedBy.WRITE_OFF:
        amounts = {"written_off": -event.amount}
    charged = {"fees_charged": event.charged or 0, "fees_waived": event.waived}
    names = event.brought_back or ()
    laid = any(name.startswith(f"{FactKind.RESCHEDULE}:") for name in names)
    again = [_changed(event, "BROUGHT_BACK", None)] if laid else []
    return [*_money_moved(event, **amounts, **charged, **event.flows), *again]


@changes.register
def _(event: Loan.PayoutReturned) -> list[Change]:
    fell = event.fell_away
    return [
        *_money_moved(event, fees_charged=-fell.charged, fees_waived=-fell.waived),
        _changed(event, PAYOUT_RETURNED, None),
        _came_back(event, event.business_on),
    ]


@changes.register
def _(event: Loan.PayoutReturnWithdrawn) -> list[Change]:
    fell = event.fell_away
    return [
        *_money_moved(event, fees_charged=fell.charged, fees_waived=fell.waived),
        _changed(event, "PAYOUT_RETURN_TAKEN_BACK", None),
        _came_back(event, None),
    ]


def _came_back(event: Loan.Event, known_on: date | None) -> Put:
    """Since when it is known that the payout came back, if it did."""
    return Put(
        "summary_loan",
        key={"loan_id": event.originator_id},
        values={"payout_returned_business_on": known_on},
    )


@changes.register
def _(event: Loan.Drawn) -> list[Change]:
    return _money_moved(event)


@changes.register
def _(event: Loan.CreditPlaced) -> list[Change]:
    return _money_moved(event)


@changes.register
def _(event: Loan.DueDateMoved) -> list[Change]:
    return _money_moved(event)


@changes.register
def _(event: Loan.Rescheduled) -> list[Change]:
    return [*_money_moved(event), _changed(event, event.kind, event.annual_rate)]


@changes.register
def _(event: Loan.RateSteppedDown) -> list[Change]:
    return [*_money_moved(event), _changed(event, "STEP_DOWN", event.annual_rate)]


@changes.register
def _(event: Loan.StepDownReversed) -> list[Change]:
    return [*_money_moved(event), _changed(event, "STEP_DOWN_REVERSED", event.annual_rate)]


@changes.register
def _(event: Loan.HoldPlaced) -> list[Change]:
    return [*_money_moved(event), _changed(event, f"HOLD_{event.kind}", None)]


@changes.register
def _(event: Loan.HoldEnded) -> list[Change]:
    return [*_money_moved(event), _changed(event, f"HOLD_{event.kind}_ENDED", None)]


@changes.register
def _(event: Loan.Renewed) -> list[Change]:
    return [
        *_money_moved(event),
        _changed(event, "RENEWAL", event.change.annual_rate),
        _offer(event, OfferKind.RENEWAL),
    ]


@changes.register
def _(event: Loan.RenewalReassessed) -> list[Change]:
    kind = "LATE_RENEWAL" if event.was_late else "LATE_RENEWAL_REVERSED"
    return [_changed(event, kind, None)]


@changes.register
def _(event: Loan.ReliefReassessed) -> list[Change]:
    kind = "LATE_RELIEF" if event.was_late else "LATE_RELIEF_REVERSED"
    return [_changed(event, kind, None)]


@changes.register
def _(event: Loan.Converted) -> list[Change]:
    return [
        *_money_moved(event),
        _changed(event, "CONVERSION", event.annual_rate),
        _offer(event, OfferKind.CONVERSION),
    ]


@changes.register
def _(event: Loan.RenewalOffered) -> list[Change]:
    return [_offer(event, OfferKind.RENEWAL, event.term_months)]


@changes.register
def _(event: Loan.ConversionOffered) -> list[Change]:
    return [_offer(event, OfferKind.CONVERSION, event.count)]


@changes.register(Loan.RenewalDeclined)
@changes.register(Loan.RenewalExpired)
def _(event: Loan.Event) -> list[Change]:
    return [_offer(event, OfferKind.RENEWAL)]


def _offer(event: Any, kind: str, count: int | None = None) -> Put:
    """What is on offer from now on; without a *count* nothing of this kind any more."""
    names = (
        *("valid_until_on", "annual_rate", "interest", "fees"),
        *("annualised_cost", "offer_digest"),
    )
    values = {name: getattr(event, name) if count is not None else None for name in names}
    return Put(
        "summary_offer",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "kind": kind,
            "stands": count is not None,
            "count": count,
            **values,
        },
    )


@changes.register
def _(event: Loan.BucketChanged) -> list[Change]:
    return _standing(event, LoanState.ACTIVE, event.bucket, event.balance)


@changes.register
def _(event: Loan.Settled) -> list[Change]:
    return _standing(event, LoanState.SETTLED, event.bucket, event.balance)


@changes.register
def _(event: Loan.Closed) -> list[Change]:
    return _standing(event, LoanState.CLOSED, event.bucket, event.balance)


@changes.register
def _(event: Loan.WrittenOff) -> list[Change]:
    return _left(event, LoanState.WRITTEN_OFF, written_off=event.claim.total)


def _left(event: Loan.WrittenOff | Loan.Sold, state: str, **gone: int) -> list[Change]:
    """The loan leaves the book, with what becomes of what was recorded of later days."""
    stands, since = _standing(event, state, event.bucket, event.balance), event.overtaken
    if since is None:
        return [_money(event, **gone), *stands]
    net, fell = since.net, since.fell_away
    money = _money(
        event,
        principal_paid=net.principal,
        interest_paid=net.interest,
        fees_paid=net.fees,
        penalty_paid=net.penalty,
        fees_charged=-fell.charged,
        fees_waived=-fell.waived,
        **since.flows,
        **gone,
    )
    laid = [_changed(event, "SET_ASIDE", None)] if _was_laid(since) else []
    return [money, *laid, *stands, *_instalments(event, since.instalments)]


def _was_laid(since: Overtaken) -> bool:
    """Whether something counts no more by which the schedule was laid anew."""
    names = (*since.set_aside, *since.lapsed)
    return any(name.startswith(f"{FactKind.RESCHEDULE}:") for name in names)


@changes.register
def _(event: Loan.RecoveryReceived) -> list[Change]:
    money = _money(event, recovered=event.amount, **_restated(event.restated))
    return [money, *_credit(event)]


@changes.register
def _(event: Loan.RecoveryReversed) -> list[Change]:
    money = _money(event, recovered=-event.amount, **_restated(event.restated))
    return [money, *_credit(event)]


@changes.register
def _(event: Loan.InterestSubsidised) -> list[Change]:
    return [_money(event, subsidised=event.amount)]


@changes.register
def _(event: Loan.Sold) -> list[Change]:
    return _left(event, LoanState.SOLD, sold=event.claim.total, sale_price=event.price)


@changes.register
def _(event: Loan.PassedOnReversed) -> list[Change]:
    return [_money(event, passed_on=-event.amount)]


@changes.register
def _(event: Loan.AssetClassChanged) -> list[Change]:
    now = Put(
        "summary_loan",
        key={"loan_id": event.originator_id},
        values={"version": event.originator_version, "asset_class": event.asset_class},
    )
    then = Put(
        "summary_class",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "asset_class": event.asset_class,
            "reason": event.reason,
            "days_past_due": event.days_past_due,
        },
    )
    return [now, then]


@changes.register
def _(event: Loan.SecurityTaken) -> list[Change]:
    return [_security(event, SecurityState.HELD, amount=event.amount)]


@changes.register
def _(event: Loan.SecurityCalled) -> list[Change]:
    return [_security(event, SecurityState.CALLED)]


@changes.register
def _(event: Loan.SecurityRealised) -> list[Change]:
    # What it paid may be taken back after its release, so that its state is not touched.
    return [_security(event, None, realised=event.amount)]


@changes.register
def _(event: Loan.SecurityReleased) -> list[Change]:
    return [_security(event, SecurityState.RELEASED)]


def _security(
    event: Any, state: str | None, *, amount: int | None = None, realised: int = 0
) -> Put:
    """What happened to a security; *realised* is what it paid this time."""
    return Put(
        "summary_security",
        key={
            "loan_id": event.originator_id,
            "security_ref": event.security_ref,
            "version": event.originator_version,
        },
        values={
            **known(event),
            "kind": event.kind,
            "state": state,
            "amount": amount,
            "realised": realised,
        },
    )


def _loan(event: Loan.Applied | Loan.Migrated, **values: Any) -> Put:
    return Put(
        "summary_loan",
        key={"loan_id": event.originator_id},
        values={
            **known(event),
            "loan_ref": event.loan_ref,
            "borrower_id": event.borrower_id,
            "currency": event.currency,
            **values,
        },
    )


def _credit(event: Loan.RecoveryReceived | Loan.RecoveryReversed) -> list[Change]:
    """How the loan stands with what came in beyond the claim; the first recoveries told none."""
    if event.balance is None:
        return []
    return _standing(event, event.state or LoanState.WRITTEN_OFF, event.bucket, event.balance)


def _standing(
    event: Stream.Event, state: str, bucket: str | None = None, balance: Balance = NOTHING
) -> list[Change]:
    """How the loan now stands, in its own row and in the history beside it."""
    standing = {"state": state, "bucket": bucket, **vars(balance)}
    now = Put(
        "summary_loan",
        key={"loan_id": event.originator_id},
        values={"version": event.originator_version, **standing},
    )
    then = Put(
        "summary_standing",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), **standing},
    )
    return [now, then]


def _terms(event: Stream.Event, **values: Any) -> Put:
    return Put(
        "summary_terms",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), **values},
    )


def _contract(event: Stream.Event, terms: Terms) -> list[Change]:
    fees = [
        Put(
            "summary_contract_fee",
            key={"loan_id": event.originator_id, "number": number},
            values={
                "version": event.originator_version,
                **known(event),
                "kind": fee.kind,
                "timing": fee.timing,
                "amount": fee.amount,
                "owed": fee.owed,
                "percent": fee.percent,
                "base": fee.base,
                "earned": fee.earned,
                "withheld": fee.withheld,
            },
        )
        for number, fee in enumerate(terms.fees, start=1)
    ]
    in_full = _terms(
        event,
        amount=terms.amount,
        term_months=terms.term_months,
        annual_rate=terms.annual_rate,
        frequency=terms.frequency,
        method=terms.method,
        day_count=terms.day_count,
        rounding=terms.rounding,
        grace_days=terms.grace_days,
        grace_retroactive=terms.grace_retroactive,
        penalty_rate=terms.penalty_rate,
        allocation_order=terms.allocation_order,
        future_money=terms.future_money,
        calendar=terms.calendar,
        advance_order=terms.advance_order,
        allocation_scope=terms.allocation_scope,
        charges_due=terms.charges_due,
        charges_count=terms.charges_count,
        beyond=beyond(terms),
    )
    return [in_full, *fees]


def _changed(event: Loan.Event, kind: str, annual_rate: Decimal | None) -> Put:
    """How what was left of the loan was laid anew, or what is known of that later."""
    capitalised = event.capitalised if isinstance(event, Loan.MoneyMoved) else None
    if isinstance(event, Loan.WrittenOff | Loan.Sold) and event.overtaken is not None:
        capitalised = event.overtaken.capitalised
    return Put(
        "summary_change",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={
            **known(event),
            "kind": kind,
            "annual_rate": annual_rate,
            "capitalised": capitalised or 0,
        },
    )


def _money(event: Stream.Event, **amounts: int) -> Put:
    nothing = dict.fromkeys(
        (
            "received",
            "refunded",
            "principal_paid",
            "interest_paid",
            "fees_paid",
            "penalty_paid",
            "fees_charged",
            "fees_waived",
            "written_off",
            "recovered",
            "sold",
            "sale_price",
            "subsidised",
            "passed_on",
        ),
        0,
    )
    return Put(
        "summary_money",
        key={"loan_id": event.originator_id, "version": event.originator_version},
        values={**known(event), **nothing, **amounts},
    )


def _instalments(event: Stream.Event, rows: list[Instalment]) -> list[Change]:
    return [
        Put(
            "summary_instalment",
            key={
                "loan_id": event.originator_id,
                "number": row.number,
                "version": event.originator_version,
            },
            values={
                **known(event),
                **{name: value for name, value in vars(row).items() if name != "number"},
            },
        )
        for row in rows
    ]
