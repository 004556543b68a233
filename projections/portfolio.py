"""Portfolio: the whole book by state, bucket and currency, day by day.

Every row holds what a business day changed; how the book stood on a day is the sum
of all rows up to it.
"""

from collections import Counter
from functools import singledispatch
from typing import Any

from domain.base.stream import Stream
from domain.base.terms import Owed
from domain.loan.delinquency import Bucket
from domain.loan.facts import FactKind
from domain.loan.loan import Loan
from domain.loan.stage import Stage
from domain.loan.state import EndedBy, LoanState, Overtaken, Restated
from projections import Add, Change, Table

NAME = "portfolio"
VERSION = 4
TOPICS = ("loan.events",)

FLOWS = (
    "disbursed",
    "taken_over",
    "received",
    "reversed",
    "refunded",
    "principal_repaid",
    "interest_repaid",
    "fees_repaid",
    "penalty_repaid",
    "credit",
    "fees_charged",
    "fees_waived",
    "capitalised",
    "principal_written_off",
    "written_off",
    "recovered",
    "principal_sold",
    "sold",
    "sale_price",
    "subsidised",
    "passed_on",
)
"""Per currency. *credit* is the change of what borrowers have unapplied; *passed_on* is money of
days after a sale, which is owed to the buyer."""

TABLES = (
    Table(
        "portfolio_loans",
        {
            "business_on": "date",
            "currency": "text",
            "state": "text",
            "bucket": "text",
            "loans": "bigint",
            "principal": "bigint",
        },
        key=("business_on", "currency", "state", "bucket"),
    ),
    Table(
        "portfolio_flow",
        {"business_on": "date", "currency": "text", **dict.fromkeys(FLOWS, "bigint")},
        key=("business_on", "currency"),
    ),
    Table(
        "portfolio_stage",
        {"business_on": "date", "stage": "text", "applications": "bigint"},
        key=("business_on", "stage"),
    ),
)

IGNORED = frozenset(
    {
        "loan.asset-class-changed",
        "loan.cured",
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
        "loan.step-down-forfeited",
        "loan.went-overdue",
    }
)
"""Money stays where it is; the bucket and the payment that may follow are events of their
own. The summary tells asset classes."""


@singledispatch
def changes(event: Stream.Event) -> list[Change]:  # noqa: ARG001
    """What this view adds for *event*; nothing for events it does not show."""
    return []


@changes.register
def _(event: Loan.Applied) -> list[Change]:
    return _stage(event, None, event.stage)


@changes.register
def _(event: Loan.EvidenceAdded) -> list[Change]:
    return _stage(event, Stage.EVIDENCE, event.stage)


@changes.register
def _(event: Loan.Approved) -> list[Change]:
    return _stage(event, Stage.DECISION, event.stage)


@changes.register(Loan.Declined)
@changes.register(Loan.Withdrawn)
@changes.register(Loan.Expired)
@changes.register(Loan.CostDisclosed)
def _(event: Loan.Declined | Loan.Withdrawn | Loan.Expired | Loan.CostDisclosed) -> list[Change]:
    return _stage(event, event.stage_before, event.stage)


@changes.register
def _(event: Loan.ContractSigned) -> list[Change]:
    return _stage(event, Stage.SIGNING, event.stage)


@changes.register
def _(event: Loan.Disbursed) -> list[Change]:
    return [
        *_stage(event, Stage.DISBURSEMENT, event.stage),
        _loans(event, LoanState.ACTIVE, Bucket.M0, 1, event.balance.principal),
        *_flow(event, disbursed=event.amount),
    ]


@changes.register
def _(event: Loan.Migrated) -> list[Change]:
    opening = event.balance
    return [
        _loans(event, LoanState.ACTIVE, event.bucket, 1, opening.principal),
        *_flow(event, taken_over=opening.principal, credit=opening.unapplied),
    ]


def _moved(event: Loan.MoneyMoved, **amounts: int) -> list[Change]:
    """Principal leaves the loan's place before, and is in its place after."""
    net, left, grown = event.net, event.balance.principal, event.capitalised or 0
    gone = _restated(event.restated)
    owed = left + net.principal - grown - amounts.get("disbursed", 0)
    owed += gone["principal_written_off"] + gone["principal_sold"]
    credit = gone.pop("credit") + net.unapplied - amounts.get("refunded", 0)
    before, after = (event.state_before, event.bucket), (event.state, event.bucket)
    flow = _flow(
        event,
        principal_repaid=net.principal,
        interest_repaid=net.interest,
        fees_repaid=net.fees,
        penalty_repaid=net.penalty,
        credit=credit,
        capitalised=grown,
        **amounts,
        **gone,
    )
    return [*flow, *_from_to(event, before, after, owed, left)]


def _restated(restated: list[Restated] | None) -> Counter[str]:
    """By how much more left the book with a loss or a sale than was known; less is negative."""
    more: Counter[str] = Counter(credit=0, principal_written_off=0, principal_sold=0)
    for each in restated or ():
        gone = each.after.less(each.before)
        name = "written_off" if each.kind == EndedBy.WRITE_OFF else "sold"
        more[f"principal_{name}"] += gone.principal
        more[name] += gone.total
        more["sale_price"] += (each.price or 0) - (each.price_before or 0)
        more["credit"] += each.credit
    return more


@changes.register
def _(event: Loan.Repaid) -> list[Change]:
    return _moved(event, received=event.amount)


@changes.register
def _(event: Loan.RepaymentReversed) -> list[Change]:
    return _moved(event, reversed=event.amount)


@changes.register
def _(event: Loan.CreditRefunded) -> list[Change]:
    return _moved(event, refunded=event.amount)


@changes.register
def _(event: Loan.CreditApplied) -> list[Change]:
    return _moved(event)


@changes.register
def _(event: Loan.FeeCharged) -> list[Change]:
    if event.owed == Owed.PENALTY:
        return _moved(event)
    return _moved(event, fees_charged=event.amount, fees_waived=event.waived or 0)


@changes.register
def _(event: Loan.FeeWaived) -> list[Change]:
    return _moved(event, fees_waived=0 if event.owed == Owed.PENALTY else event.amount)


@changes.register
def _(event: Loan.FeeWithdrawn) -> list[Change]:
    # It never was deserved, so it never was charged.
    if event.owed == Owed.PENALTY:
        return _moved(event)
    return _moved(event, fees_charged=-event.amount, fees_waived=-event.waived)


@changes.register
def _(event: Loan.ChargeForgiven) -> list[Change]:
    return _moved(event, fees_waived=event.amount if event.owed == Owed.FEE else 0)


@changes.register
def _(event: Loan.FactWithdrawn) -> list[Change]:
    match event.kind:
        case FactKind.REFUND:
            return _moved(event, refunded=-event.amount)
        case FactKind.DRAW:
            return _moved(event, disbursed=-event.amount)
        case FactKind.FEE if event.owed != Owed.PENALTY:
            return _moved(event, fees_charged=-event.amount, fees_waived=-event.waived)
        case FactKind.WAIVER | FactKind.FORGIVEN if event.owed in (None, Owed.FEE):
            return _moved(event, fees_waived=-event.amount)
        case EndedBy.WRITE_OFF | EndedBy.SALE:
            flow = _flow(event, **_ended_no_more(event))
        case _:
            return _moved(event)
    # What is owed again comes back to where the loan was before it left the book.
    before, after = (event.state_before, event.bucket), (event.state, event.bucket)
    return [*flow, *_from_to(event, before, after, 0, event.balance.principal)]


def _ended_no_more(event: Loan.FactWithdrawn) -> dict[str, int]:
    """What flowed with a loss or a sale that is taken back, and never was."""
    gone = {"principal_sold": -event.principal, "sold": -event.amount}
    if event.kind == EndedBy.WRITE_OFF:
        gone = {"principal_written_off": -event.principal, "written_off": -event.amount}
    return {
        **gone,
        **event.flows,
        "sale_price": -(event.price or 0),
        "principal_repaid": event.net.principal,
        "interest_repaid": event.net.interest,
        "fees_repaid": event.net.fees,
        "penalty_repaid": event.net.penalty,
        "credit": event.net.unapplied - event.credit_beside,
        "fees_charged": event.charged or 0,
        "fees_waived": event.waived,
        "capitalised": event.capitalised or 0,
    }


@changes.register
def _(event: Loan.PayoutReturned) -> list[Change]:
    # Nothing was lent: it leaves the book from where it stood, and waits to be paid out.
    fell, net, grown = event.fell_away, event.net, -(event.capitalised or 0)
    owed = event.amount + grown + net.principal
    return [
        *_stage(event, event.stage_before, event.stage),
        *_undone(event, -event.amount, fees_charged=-fell.charged, fees_waived=-fell.waived),
        _loans(event, event.state_before, event.bucket_before, -1, -owed),
    ]


@changes.register
def _(event: Loan.PayoutReturnWithdrawn) -> list[Change]:
    fell = event.fell_away
    return [
        *_stage(event, event.stage_before, event.stage),
        *_undone(event, event.amount, fees_charged=fell.charged, fees_waived=fell.waived),
        _loans(event, event.state, event.bucket, 1, event.balance.principal),
    ]


def _undone(
    event: Loan.PayoutReturned | Loan.PayoutReturnWithdrawn, disbursed: int, **charged: int
) -> list[Change]:
    """What no longer flowed, or did after all, as a payout came back or had not."""
    net = event.net
    return _flow(
        event,
        disbursed=disbursed,
        principal_repaid=net.principal,
        interest_repaid=net.interest,
        fees_repaid=net.fees,
        penalty_repaid=net.penalty,
        credit=net.unapplied,
        capitalised=event.capitalised or 0,
        **charged,
    )


@changes.register
def _(event: Loan.Drawn) -> list[Change]:
    return _moved(event, disbursed=event.amount)


@changes.register(Loan.CreditPlaced)
@changes.register(Loan.DueDateMoved)
@changes.register(Loan.LaidAnew)
@changes.register(Loan.HoldPlaced)
@changes.register(Loan.HoldEnded)
@changes.register(Loan.StepDownReversed)
def _(event: Loan.MoneyMoved) -> list[Change]:
    return _moved(event)


@changes.register
def _(event: Loan.BucketChanged) -> list[Change]:
    before, after = (LoanState.ACTIVE, event.bucket_before), (LoanState.ACTIVE, event.bucket)
    left = event.balance.principal
    return _from_to(event, before, after, left, left)


@changes.register
def _(event: Loan.Settled) -> list[Change]:
    before, after = (LoanState.ACTIVE, event.bucket), (LoanState.SETTLED, event.bucket)
    left = event.balance.principal
    return _from_to(event, before, after, left, left)


@changes.register
def _(event: Loan.Closed) -> list[Change]:
    before, after = (LoanState.SETTLED, event.bucket), (LoanState.CLOSED, event.bucket)
    left = event.balance.principal
    return _from_to(event, before, after, left, left)


@changes.register
def _(event: Loan.WrittenOff) -> list[Change]:
    lost = event.claim.total
    return _left(event, LoanState.ACTIVE, principal_written_off=event.principal, written_off=lost)


def _left(event: Loan.WrittenOff | Loan.Sold, state_before: str, **gone: int) -> list[Change]:
    """The loan leaves the book, from where it stood until that was known."""
    since, state = event.overtaken, LoanState.SOLD
    if isinstance(event, Loan.WrittenOff):
        state = LoanState.WRITTEN_OFF
    before, flows = (state_before, event.bucket), Counter(gone)
    flows["credit"] += event.credit_beside
    if since is not None:
        before = (since.state_before, since.bucket_before)
        flows.update(_overtaken(since))
    after, left = (state, event.bucket), event.balance.principal
    return [*_flow(event, **flows), *_from_to(event, before, after, event.principal_before, left)]


def _overtaken(since: Overtaken) -> dict[str, int]:
    """What flowed after the day of a loss or a sale, and is another's now or never was."""
    net, fell = since.net, since.fell_away
    return {
        **since.flows,
        "principal_repaid": net.principal,
        "interest_repaid": net.interest,
        "fees_repaid": net.fees,
        "penalty_repaid": net.penalty,
        "credit": net.unapplied,
        "fees_charged": -fell.charged,
        "fees_waived": -fell.waived,
        "capitalised": since.capitalised,
    }


@changes.register
def _(event: Loan.RecoveryReceived) -> list[Change]:
    grown = event.credit if event.grown is None else event.grown
    gone = _restated(event.restated)
    gone["credit"] = grown or 0
    return _flow(event, recovered=event.amount, **gone)


@changes.register
def _(event: Loan.RecoveryReversed) -> list[Change]:
    gone = _restated(event.restated)
    gone["credit"] = event.credit or 0
    return _flow(event, recovered=-event.amount, **gone)


@changes.register
def _(event: Loan.InterestSubsidised) -> list[Change]:
    return _flow(event, subsidised=event.amount)


@changes.register
def _(event: Loan.Sold) -> list[Change]:
    return _left(
        event,
        event.state_before,
        principal_sold=event.principal,
        sold=event.claim.total,
        sale_price=event.price,
    )


@changes.register
def _(event: Loan.PassedOnReversed) -> list[Change]:
    return _flow(event, passed_on=-event.amount)


def _from_to(
    event: Any, before: tuple[str, str], after: tuple[str, str], principal: int, left: int
) -> list[Change]:
    """The loan with *principal* leaves one place, and with *left* enters the other."""
    if before != after:
        return [_loans(event, *before, -1, -principal), _loans(event, *after, 1, left)]
    return [_loans(event, *after, 0, left - principal)] if left != principal else []


def _loans(event: Any, state: str, bucket: str, loans: int, principal: int) -> Add:
    return Add(
        "portfolio_loans",
        key={
            "business_on": event.business_on,
            "currency": event.currency,
            "state": state,
            "bucket": bucket,
        },
        amounts={"loans": loans, "principal": principal},
    )


def _flow(event: Any, **amounts: int) -> list[Change]:
    """What flowed, by name; what did not is left out."""
    flowed = {name: amount for name, amount in amounts.items() if amount}
    key = {"business_on": event.business_on, "currency": event.currency}
    return [Add("portfolio_flow", key=key, amounts=flowed)] if flowed else []


def _stage(event: Any, before: str | None, after: str) -> list[Change]:
    if before == after:
        return []
    steps = [(after, 1)] if before is None else [(before, -1), (after, 1)]
    return [
        Add(
            "portfolio_stage",
            key={"business_on": event.business_on, "stage": stage},
            amounts={"applications": applications},
        )
        for stage, applications in steps
    ]
