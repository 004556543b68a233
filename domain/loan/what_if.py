"""What a loan would be if something happened that did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.policy import AssetClassRule, DueDateRule, HoldRule
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream
from domain.loan.as_of import Standing, standing
from domain.loan.loan import Loan
from domain.loan.relief import Agreement

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Payment:
    """Money that might be received; without *amount* what closes the loan that day."""

    on: date
    amount: int | None


@dataclass(frozen=True)
class Reversal:
    """A payment that might turn out not to stand."""

    on: date
    payment_ref: str


@dataclass(frozen=True)
class Move:
    """An instalment that might get another due date, agreed on *on*."""

    on: date
    instalment: int
    due_on: date


@dataclass(frozen=True)
class Relief:
    """Relief that might be granted."""

    on: date
    agreed: Agreement


@dataclass(frozen=True)
class Conversion:
    """A conversion into so many instalments that might be offered and accepted."""

    on: date
    count: int


@dataclass(frozen=True)
class Hold:
    """A hold that might stand from *on*, with what its kind stops."""

    on: date
    rule: HoldRule


Step = Payment | Reversal | Move | Relief | Conversion | Hold


@dataclass(frozen=True)
class Difference:
    """A loan on one day, with and without; *recorded* are the events it would take."""

    without: Standing
    with_it: Standing
    recorded: list[str]


def what_if(
    events: Sequence[Stream.Event],
    steps: Sequence[Step],
    on: date,
    classes: AssetClassRule | None = None,
    *,
    business_days: BusinessDays | None = None,
    due_dates: DueDateRule | None = None,
) -> Difference:
    """The loan of *events* on *on*, had *steps* happened too; nothing is stored.

    The steps are decided by the loan itself, in the order of their days, by the rules given
    and on the *business_days* of the calendar that the contract names, if it names one.

    Raises:
        Refusal: the loan would refuse a step.
    """
    loan: Any = None
    for event in events:
        loan = event.mutate(loan)
    assert isinstance(loan, Loan)
    known_on = events[-1].business_on
    for number, step in enumerate(sorted(steps, key=lambda step: step.on), start=1):
        act = supposed_act(max(step.on, known_on))
        loan.attend(act, classes)
        if isinstance(step, Payment):
            amount = loan.payoff(step.on) if step.amount is None else step.amount
            loan.repay(
                act,
                amount=amount,
                currency=loan.currency,
                received_on=step.on,
                payment_ref=f"what-if-{number}",
                payoff=step.amount is None,
            )
        elif isinstance(step, Reversal):
            loan.reverse(act, payment_ref=step.payment_ref, reason="what if")
        elif isinstance(step, Hold):
            ref = f"what-if-{number}"
            loan.place_hold(act, hold_ref=ref, reason="if", rule=step.rule, from_on=step.on)
        elif isinstance(step, Relief):
            loan.reschedule(
                act,
                agreed=step.agreed,
                reason="what if",
                requested_by="what-if",
                approved_by="nobody",
                on=step.on,
            )
        elif isinstance(step, Conversion):
            loan.offer_conversion(act, count=step.count)
            loan.convert(act, consent_ref="what-if")
        else:
            loan.move_due_date(
                act,
                instalment=step.instalment,
                due_on=step.due_on,
                reason="what if",
                requested_by="what-if",
                approved_by="nobody",
                business_days=business_days,
                rule=due_dates,
            )
        loan.reclassify(act, classes)
    supposed = [event for event in loan.pending_events if isinstance(event, Stream.Event)]
    before = standing(events, on, classes)
    after = standing([*events, *supposed], on, classes)
    if before is None or after is None:
        raise NotBegun(f"The loan had not begun on {on}.")
    return Difference(before, after, [_told(event) for event in supposed])


class NotBegun(Refusal):
    """The day asked for lies before the loan."""

    code = "NOT_BEGUN"


def supposed_act(on: date) -> Act:
    """Nobody does something on a business date that may be yet to come."""
    return Act("what-if", on, datetime.combine(on, time(12), UTC), NOBODY, NOBODY)


def _told(event: Stream.Event) -> str:
    return str(event.TOPIC)  # type: ignore[attr-defined]
