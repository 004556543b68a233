"""Statement: one line per movement of money, oldest first.

Every figure of a line is signed as what it does to the borrower's debt: money lent
and charged is positive, money received and forgiven negative. The split of a line
is the net of everything it moved, earlier payments split anew included, so the
lines add up to the balance. What became known after the loan had left the book changes
what left it, and of the balance only the borrower's credit.
"""

from functools import singledispatch
from typing import Any

from domain.base.stream import Stream
from domain.base.terms import Owed
from domain.loan.allocation import Split
from domain.loan.facts import FactKind
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.state import EndedBy, LoanState
from projections import KNOWN, Change, Put, Table, known

NAME = "statement"
VERSION = 3
TOPICS = ("loan.events",)

TABLES = (
    Table(
        "statement_line",
        {
            "loan_id": "uuid",
            "version": "bigint",
            **KNOWN,
            "kind": "text",
            "ref": "text",
            "currency": "text",
            "amount": "bigint",
            "principal": "bigint",
            "interest": "bigint",
            "fees": "bigint",
            "penalty": "bigint",
            "unapplied": "bigint",
            "reallocated": "integer",
            "principal_after": "bigint",
            "owed_after": "bigint",
        },
        key=("loan_id", "version"),
    ),
)

IGNORED = frozenset(
    {
        "loan.applied",
        "loan.approved",
        "loan.asset-class-changed",
        "loan.bucket-changed",
        "loan.closed",
        "loan.contract-signed",
        "loan.cost-disclosed",
        "loan.cured",
        "loan.declined",
        "loan.evidence-added",
        "loan.expired",
        "loan.interest-subsidised",
        "loan.conversion-offered",
        "loan.partner-order-linked",
        "loan.renewal-declined",
        "loan.renewal-expired",
        "loan.renewal-offered",
        "loan.relief-reassessed",
        "loan.renewal-reassessed",
        "loan.security-called",
        "loan.security-realised",
        "loan.security-released",
        "loan.security-taken",
        "loan.settled",
        "loan.step-down-forfeited",
        "loan.went-overdue",
        "loan.withdrawn",
    }
)
"""No money moves; what a security pays is a payment or recovery of its own."""


AFTER: dict[str, str] = {LoanState.WRITTEN_OFF: "write-off", LoanState.SOLD: "sale"}
"""How a loan stands that owes the books nothing any more, and since what."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view writes for *event*; nothing for events it does not show."""
    return []


@changes.register
def _(event: Loan.Disbursed) -> list[Change]:
    # What is withheld pays fees at once: so much less went out.
    split = Split(principal=event.amount, fees=-(event.withheld or 0))
    return _line(
        event,
        "disbursement",
        ref=event.disbursement_ref,
        amount=split.total,
        split=split,
        balance=event.balance,
    )


@changes.register
def _(event: Loan.Migrated) -> list[Change]:
    # What was charged and paid elsewhere is not told here: the balance begins with it.
    opening = Split(principal=event.balance.principal, unapplied=-event.balance.unapplied)
    return _line(
        event,
        "opening balance",
        ref=event.origin,
        amount=opening.total,
        split=opening,
        balance=event.balance,
    )


@changes.register
def _(event: Loan.Repaid) -> list[Change]:
    return _moved(event, "repayment", event.payment_ref, -event.amount)


@changes.register
def _(event: Loan.RepaymentReversed) -> list[Change]:
    return _moved(event, "reversal", event.payment_ref, event.amount)


@changes.register
def _(event: Loan.CreditRefunded) -> list[Change]:
    return _moved(event, "refund", event.refund_ref, event.amount, Split(unapplied=event.amount))


@changes.register
def _(event: Loan.CreditApplied) -> list[Change]:
    # No money comes in: what was credit pays what is owed.
    return _moved(event, "credit used", event.credit_ref, 0)


@changes.register
def _(event: Loan.ChargeForgiven) -> list[Change]:
    split = _charge(event.owed, -event.amount)[1]
    return _moved(event, "forgiven", "", -event.amount, split)


@changes.register
def _(event: Loan.FactWithdrawn) -> list[Change]:
    amount, kind = event.amount, f"{event.kind.lower().replace('_', '-')} taken back"
    match event.kind:
        case FactKind.REFUND:
            return _moved(event, kind, event.fact_ref, -amount, Split(unapplied=-amount))
        case FactKind.DRAW:
            return _moved(event, kind, event.fact_ref, -amount, Split(principal=-amount))
        case FactKind.FEE:
            _, split = _charge(event.owed, event.waived - amount)
            return _moved(event, kind, event.fact_ref, event.waived - amount, split)
        case FactKind.WAIVER | FactKind.FORGIVEN:
            _, split = _charge(event.owed, amount)
            return _moved(event, kind, event.fact_ref, amount, split)
        case EndedBy.WRITE_OFF | EndedBy.SALE:
            return _owed_again(event, kind)
        case _:
            return _laid_anew(event, kind)


def _owed_again(event: Loan.FactWithdrawn, kind: str) -> list[Change]:
    # Back on the books comes what is owed now: what was recovered is repaid by then.
    stands, credit = event.balance, event.credit_beside - event.net.unapplied
    split = Split(stands.fees, stands.interest, stands.penalty, stands.principal, credit)
    anew = len(event.reallocated) + len(event.repaid or ()) + len(event.returned or ())
    return _line(
        event, kind, ref="", amount=split.total, split=split, balance=stands, reallocated=anew
    )


@changes.register
def _(event: Loan.PayoutReturned) -> list[Change]:
    return _undone(event, "payout returned", -1)


@changes.register
def _(event: Loan.PayoutReturnWithdrawn) -> list[Change]:
    return _undone(event, "payout return taken back", 1)


def _undone(
    event: Loan.PayoutReturned | Loan.PayoutReturnWithdrawn, kind: str, sign: int
) -> list[Change]:
    # What was lent, what of it was withheld, and what was charged since, as one movement.
    fell, withheld = event.fell_away, event.withheld or 0
    stands = Split(
        fees=sign * (fell.fees - withheld),
        interest=sign * fell.interest,
        penalty=sign * fell.penalty,
        principal=sign * event.amount,
    )
    return _moved(event, kind, event.disbursement_ref, stands.total, stands)


@changes.register
def _(event: Loan.Drawn) -> list[Change]:
    return _moved(event, "draw", event.draw_ref, event.amount, Split(principal=event.amount))


@changes.register
def _(event: Loan.FeeCharged) -> list[Change]:
    amount = event.amount - (event.waived or 0)
    kind, split = _charge(event.owed, amount)
    return _moved(event, kind, event.fee_ref, amount, split)


@changes.register
def _(event: Loan.FeeWaived) -> list[Change]:
    _, split = _charge(event.owed, -event.amount)
    return _moved(event, "waiver", event.fee_ref, -event.amount, split)


@changes.register
def _(event: Loan.FeeWithdrawn) -> list[Change]:
    amount = event.waived - event.amount
    _, split = _charge(event.owed, amount)
    return _moved(event, "charge withdrawn", event.fee_ref, amount, split)


@changes.register
def _(event: Loan.CreditPlaced) -> list[Change]:
    return _moved(event, "credit placed", event.disbursement_ref, 0)


@changes.register
def _(event: Loan.DueDateMoved) -> list[Change]:
    # A moved date is no movement of money, unless payments split anew because of it.
    return _moved(event, "due date moved", "", 0) if _moves(event) else []


def _moves(event: Loan.MoneyMoved) -> bool:
    """Whether payments split anew by it, other interest is principal, or more left the book."""
    return bool(event.reallocated or event.restated or event.capitalised)


@changes.register
def _(event: Loan.HoldPlaced) -> list[Change]:
    return _held(event, "hold placed", event.hold_ref)


@changes.register
def _(event: Loan.HoldEnded) -> list[Change]:
    return _held(event, "hold ended", event.hold_ref)


def _held(event: Loan.MoneyMoved, kind: str, ref: str) -> list[Change]:
    # What a hold keeps from accruing is no movement of money; what was paid of it is.
    return _moved(event, kind, ref, 0) if _moves(event) else []


@changes.register
def _(event: Loan.LaidAnew) -> list[Change]:
    return _laid_anew(event, "laid anew")


@changes.register
def _(event: Loan.StepDownReversed) -> list[Change]:
    return _laid_anew(event, "step-down reversed")


def _laid_anew(event: Loan.MoneyMoved, kind: str) -> list[Change]:
    return _moved(event, kind, "", 0) if _moves(event) else []


def _charge(owed: str | None, amount: int) -> tuple[str, Split]:
    if owed == Owed.PENALTY:
        return "penalty", Split(penalty=amount)
    if owed == Owed.INTEREST:
        return "interest", Split(interest=amount)
    return "fee", Split(fees=amount)


@changes.register
def _(event: Loan.WrittenOff) -> list[Change]:
    since = event.overtaken
    also = ", later payments recovered" if since is not None and since.recovered else ""
    return _cleared(event, f"write-off{also}", "")


@changes.register
def _(event: Loan.Sold) -> list[Change]:
    since = event.overtaken
    also = ", later payments passed on" if since is not None and since.passed_on else ""
    return _cleared(event, f"sale{also}", event.buyer_ref)


@changes.register
def _(event: Loan.PassedOnReversed) -> list[Change]:
    # It was the buyer's: the books owe nothing after the sale, and nothing changes.
    nothing = Balance(0, 0, 0, 0, 0)
    kind, ref = "passed on, reversed", event.payment_ref
    return _line(event, kind, ref=ref, amount=event.amount, split=Split(), balance=nothing)


def _cleared(event: Loan.WrittenOff | Loan.Sold, kind: str, ref: str) -> list[Change]:
    # Off the books goes all that stood there: the claim, and interest that is not accrued.
    stood, since = event.balance_before, event.overtaken
    split = Split(
        -stood.fees, -stood.interest, -stood.penalty, -stood.principal, -event.credit_beside
    )
    anew = 0
    if since is not None:  # and before that what was recorded of later days
        fell, grown = since.fell_away, since.capitalised
        off = Split(fell.fees, fell.interest + grown, fell.penalty, -grown, 0)
        split = split.less(off).less(since.net)
        anew = len(since.recovered) + len(since.passed_on) + len(since.reallocated)
    return _line(
        event,
        kind,
        ref=ref,
        amount=split.total,
        split=split,
        balance=event.balance,
        reallocated=anew,
    )


@changes.register
def _(event: Loan.RecoveryReceived) -> list[Change]:
    return _recovery(event, "recovery", -event.amount)


@changes.register
def _(event: Loan.RecoveryReversed) -> list[Change]:
    return _recovery(event, "recovery reversed", event.amount)


def _recovery(
    event: Loan.RecoveryReceived | Loan.RecoveryReversed, kind: str, amount: int
) -> list[Change]:
    # The books owe nothing after the write-off: a recovery changes no balance but the credit.
    grown = event.credit
    if isinstance(event, Loan.RecoveryReceived) and event.grown is not None:
        grown = event.grown
    nothing, credit = Balance(0, 0, 0, 0, 0), Split(unapplied=-(grown or 0))
    return _line(event, kind, ref=event.payment_ref, amount=amount, split=credit, balance=nothing)


def _moved(
    event: Loan.MoneyMoved, kind: str, ref: str, amount: int, charged: Split | None = None
) -> list[Change]:
    # Interest that becomes principal, or does not any more, is owed under another name.
    grown = event.capitalised or 0
    named_anew = Split(principal=-grown, interest=grown)
    split = (charged or Split()).less(event.net).less(named_anew)
    if event.state in AFTER and event.state_before in AFTER:
        beside = sum(each.credit for each in event.restated or ())
        split = Split(unapplied=split.unapplied - beside)
        if event.restated or amount != split.total:  # what it moved had left the books
            kind = f"{kind}, known after the {AFTER[event.state]}"
    return _line(
        event,
        kind,
        ref=ref,
        amount=amount,
        split=split,
        balance=event.balance,
        reallocated=len(event.reallocated),
    )


def _line(
    event: Any,
    kind: str,
    *,
    ref: str,
    amount: int,
    split: Split,
    balance: Balance,
    reallocated: int = 0,
) -> list[Change]:
    return [
        Put(
            "statement_line",
            key={"loan_id": event.originator_id, "version": event.originator_version},
            values={
                **known(event),
                "kind": kind,
                "ref": ref,
                "currency": event.currency,
                "amount": amount,
                **vars(split),
                "reallocated": reallocated,
                "principal_after": balance.principal,
                "owed_after": balance.principal + balance.interest + balance.fees + balance.penalty,
            },
        )
    ]
