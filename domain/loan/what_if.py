"""What a loan would be if something happened that did not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from operator import attrgetter
from typing import Any
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.policy import (
    AssetClassRule,
    DueDateRule,
    HoldRule,
    PayoutReturnRule,
    ServiceLevels,
)
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream
from domain.loan import refusals as no
from domain.loan.as_of import Standing, standing
from domain.loan.loan import Loan
from domain.loan.relief import Agreement, PayBy
from domain.loan.schedule import Instalment
from domain.loan.state import EndedBy
from domain.loan.timetable import FIRST_DAY, LAST_DAY

NOBODY = UUID(int=0)
REASON = "what if"
PEOPLE = {"requested_by": "what-if", "approved_by": "nobody"}


class NotBegun(Refusal):
    """The day asked for lies before the loan."""

    code = "NOT_BEGUN"


class HoldNotOnLoan(Refusal):
    """A hold is to be lifted that does not touch the loan."""

    code = "HOLD_NOT_ON_LOAN"


class NoLossTaken(Refusal):
    """Money is recovered of a loss only, and none was taken."""

    code = "NO_LOSS_TAKEN"


@dataclass(frozen=True)
class StandingHold:
    """A hold that covers the loan in ``[from_on, until_on)``, and what its kind stops."""

    hold_ref: str
    rule: HoldRule
    from_on: date
    until_on: date | None = None


@dataclass
class Means:
    """What decisions need beside the loan: the calendar of its contract, rules, and holds."""

    business_days: BusinessDays | None = None
    due_dates: DueDateRule | None = None
    holds: list[StandingHold] = field(default_factory=list)
    levels: ServiceLevels | None = None
    payout_returns: PayoutReturnRule | None = None

    @property
    def pay_by(self) -> PayBy | None:
        """Until when what is due on a day can be paid; None where no holiday is rolled."""
        return None if self.business_days is None else self.business_days.on_or_after

    def hold_that(self, on: date, stops: Callable[[HoldRule], bool]) -> StandingHold | None:
        """The first hold that stands on a day and *stops* something; None without one."""
        for hold in self.holds:
            over = hold.until_on is not None and hold.until_on <= on
            if hold.from_on <= on and not over and stops(hold.rule):
                return hold
        return None

    def must_be_free(self, on: date, done: str, stops: Callable[[HoldRule], bool]) -> None:
        """Pass where no hold that stands on a day stops it.

        Raises:
            OnHold: one does.
        """
        hold = self.hold_that(on, stops)
        if hold is not None:
            raise no.OnHold(
                f"Nothing is {done} while the {hold.rule.kind} hold {hold.hold_ref!r} stands,"
                f" which it does since {hold.from_on} (policy {hold.rule.version})."
            )

    def attend(self, loan: Loan, act: Act, classes: AssetClassRule | None) -> None:
        """Let *loan* do what its day asks for; a renewal that a hold stops is not offered."""
        renews = self.hold_that(act.business_on, attrgetter("stops_renewal")) is None
        loan.attend(act, classes, renews=renews)


@dataclass(frozen=True)
class Step(ABC):
    """Something that might happen on a day; each kind says which command of the loan it is."""

    on: date

    @abstractmethod
    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        """Let the loan decide it; what it records gets the reference *ref*.

        Raises:
            Refusal: the loan says no.
        """


@dataclass(frozen=True)
class Payment(Step):
    """Money that might be received; without *amount* what closes the loan that day."""

    amount: int | None

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.repay(
            act,
            amount=loan.payoff(self.on) if self.amount is None else self.amount,
            currency=loan.currency,
            received_on=self.on,
            payment_ref=ref,
            payoff=self.amount is None,
        )


@dataclass(frozen=True)
class Recovery(Step):
    """Money that might come in after the loss was taken."""

    amount: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        lost = [ended.on for ended in loan.endings if ended.kind == EndedBy.WRITE_OFF]
        if not lost or self.on < lost[0]:
            raise NoLossTaken(f"On {self.on} no loss was taken: what comes in is a repayment.")
        Payment(self.on, self.amount).take(loan, act, ref, means)


@dataclass(frozen=True)
class PartnerRefund(Step):
    """Money that the school or merchant might give back."""

    amount: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.refund_by_partner(act, amount=self.amount, received_on=self.on, payment_ref=ref)


@dataclass(frozen=True)
class Draw(Step):
    """More that might be paid out."""

    amount: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        means.must_be_free(self.on, "paid out", attrgetter("stops_payout"))
        loan.draw(act, amount=self.amount, draw_ref=ref, paid_to="what-if", drawn_on=self.on)


@dataclass(frozen=True)
class Refund(Step):
    """Credit that might be paid back to the borrower."""

    amount: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.refund(act, amount=self.amount, refund_ref=ref, on=self.on, **PEOPLE)


@dataclass(frozen=True)
class Reversal(Step):
    """A payment that might turn out not to stand."""

    payment_ref: str

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.reverse(act, payment_ref=self.payment_ref, reason=REASON)


@dataclass(frozen=True)
class TakenBack(Step):
    """Something recorded that might turn out never to have been."""

    fact_ref: str

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.take_back(act, fact_ref=self.fact_ref, reason=REASON, **PEOPLE)


@dataclass(frozen=True)
class PayoutReturn(Step):
    """The first payout, which the bank might return."""

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        assert means.levels is not None
        loan.return_payout(
            act,
            returned_on=self.on,
            reason=REASON,
            levels=means.levels,
            requested_by=PEOPLE["requested_by"],
            approved_by=PEOPLE["approved_by"],
            rule=means.payout_returns,
        )


@dataclass(frozen=True)
class Charge(Step):
    """A fee or penalty of the contract that an event might bring."""

    kind: str

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.charge_fee(act, kind=self.kind, fee_ref=ref, on=self.on)


@dataclass(frozen=True)
class Waiver(Step):
    """A fee that might be waived; without *amount* all that is left of it."""

    fee_ref: str
    amount: int | None

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.waive_fee(
            act, fee_ref=self.fee_ref, amount=self.amount, reason=REASON, on=self.on, **PEOPLE
        )


@dataclass(frozen=True)
class Forgiveness(Step):
    """What an instalment owes of a component that might be forgiven; all without *amount*."""

    instalment: int
    owed: str
    amount: int | None

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.forgive(
            act,
            instalment=self.instalment,
            owed=self.owed,
            amount=self.amount,
            reason=REASON,
            on=self.on,
            **PEOPLE,
        )


@dataclass(frozen=True)
class Move(Step):
    """An instalment that might get another due date, agreed on *on*."""

    instalment: int
    due_on: date

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.move_due_date(
            act,
            instalment=self.instalment,
            due_on=self.due_on,
            reason=REASON,
            business_days=means.business_days,
            on=self.on,
            rule=means.due_dates,
            **PEOPLE,
        )


@dataclass(frozen=True)
class Relief(Step):
    """Relief that might be granted."""

    agreed: Agreement

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.reschedule(
            act, agreed=self.agreed, reason=REASON, on=self.on, pay_by=means.pay_by, **PEOPLE
        )


@dataclass(frozen=True)
class Conversion(Step):
    """A conversion into so many instalments that might be offered and accepted."""

    count: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        loan.offer_conversion(act, count=self.count, pay_by=means.pay_by)
        loan.convert(act, consent_ref=ref, pay_by=means.pay_by)


@dataclass(frozen=True)
class Renewal(Step):
    """The renewal on offer that day, which might be accepted."""

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        means.must_be_free(act.business_on, "renewed", attrgetter("stops_renewal"))
        loan.renew(act, consent_ref=ref, pay_by=means.pay_by)


@dataclass(frozen=True)
class Hold(Step):
    """A hold that might stand from *on*, with what its kind stops."""

    rule: HoldRule

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:
        loan.place_hold(act, hold_ref=ref, reason=REASON, rule=self.rule, from_on=self.on)
        means.holds.append(StandingHold(ref, self.rule, self.on))


@dataclass(frozen=True)
class Lift(Step):
    """A hold that might be lifted, and stand no more from *on*."""

    hold_ref: str

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        known = [hold for hold in means.holds if hold.hold_ref == self.hold_ref]
        if not known and self.hold_ref not in loan.holds:
            named = ", ".join({*loan.holds, *(hold.hold_ref for hold in means.holds)})
            raise HoldNotOnLoan(
                f"No hold {self.hold_ref!r} covers this loan; there is {named or 'none'}."
            )
        loan.end_hold(act, hold_ref=self.hold_ref, reason=REASON, until_on=self.on)
        ended = [replace(hold, until_on=self.on) for hold in known]
        means.holds = [hold for hold in means.holds if hold not in known] + ended


@dataclass(frozen=True)
class WriteOff(Step):
    """The loss that might be taken of everything still owed."""

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.write_off(act, reason=REASON, on=self.on, **PEOPLE)


@dataclass(frozen=True)
class Sale(Step):
    """The claim that might pass to another owner for a price."""

    price: int

    def take(self, loan: Loan, act: Act, ref: str, means: Means) -> None:  # noqa: ARG002
        loan.sell(act, price=self.price, buyer_ref="what-if", sold_on=self.on, **PEOPLE)


@dataclass(frozen=True)
class RowChange:
    """An instalment as it is and as it would be; None where there is none of its number."""

    number: int
    is_now: Instalment | None
    would_be: Instalment | None


@dataclass(frozen=True)
class Difference:
    """A loan on one day, with and without; *recorded* are the events it would take.

    *events* are the same with all that they say.
    """

    without: Standing
    with_it: Standing
    recorded: list[str]
    rows: list[RowChange]
    events: list[Stream.Event]


def what_if(
    events: Sequence[Stream.Event],
    steps: Sequence[Step],
    on: date,
    classes: AssetClassRule | None = None,
    *,
    means: Means | None = None,
    today: date | None = None,
) -> Difference:
    """The loan of *events* on *on*, had *steps* happened too; nothing is stored.

    The steps are decided by the loan itself, in the order of their days: one that lies back
    becomes known *today*, or with the last event. Of a day to come both sides say what the
    close of that day would record beside.

    Raises:
        Refusal: the loan would refuse a step.
        NotBegun: it had not begun by then.
        BeyondCalendar: a day lies too far ahead, or back.
    """
    for day in (on, *(step.on for step in steps)):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise no.BeyondCalendar(f"{day} is no day of a loan here; the last is {LAST_DAY}.")
    loan, known_on = _replayed(events), max(events[-1].business_on, today or date.min)
    without = means or Means()
    means = replace(without, holds=list(without.holds))
    for number, step in enumerate(sorted(steps, key=lambda step: step.on), start=1):
        act = supposed_act(max(step.on, known_on))
        means.attend(loan, act, classes)
        step.take(loan, act, f"what-if-{number}", means)
        loan.reclassify(act, classes)
    supposed = _recorded(loan)
    before = _stands(events, on, known_on, classes, without)
    after = _stands([*events, *supposed], on, known_on, classes, means)
    if before is None or after is None:
        raise NotBegun(f"The loan had not begun on {on}.")
    return Difference(before, after, list(map(_told, supposed)), _changed(before, after), supposed)


def supposed_act(on: date) -> Act:
    """Nobody does something on a business date that may be yet to come."""
    return Act("what-if", on, datetime.combine(on, time(12), UTC), NOBODY, NOBODY)


def _replayed(events: Sequence[Stream.Event]) -> Loan:
    loan: Any = None
    for event in events:
        loan = event.mutate(loan)
    assert isinstance(loan, Loan)
    return loan


def _recorded(loan: Loan) -> list[Stream.Event]:
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


def _stands(
    events: Sequence[Stream.Event],
    on: date,
    known_on: date,
    classes: AssetClassRule | None,
    means: Means,
) -> Standing | None:
    """The loan at the end of *on*, with what the close of that day records if it is to come."""
    closed: list[Stream.Event] = []
    if on > known_on:
        loan = _replayed(events)
        means.attend(loan, supposed_act(max(on, events[-1].business_on)), classes)
        closed = _recorded(loan)
    stood = standing([*events, *closed], on, classes)
    if stood is None:
        return None
    return replace(stood, version=len(events), known_until=events[-1].business_on)


def _changed(before: Standing, after: Standing) -> list[RowChange]:
    """The instalments that differ, by number."""
    is_now, would_be = ({row.number: row for row in s.instalments} for s in (before, after))
    return [
        RowChange(number, is_now.get(number), would_be.get(number))
        for number in sorted({*is_now, *would_be})
        if is_now.get(number) != would_be.get(number)
    ]


def _told(event: Stream.Event) -> str:
    return str(event.TOPIC)  # type: ignore[attr-defined]
