"""Promises of a borrower to pay, each on one loan by a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from domain.base.refusal import Refusal, positive
from domain.base.stream import Act
from domain.borrower.contact_events import Event
from domain.borrower.placement import Placements


class PromiseState(StrEnum):
    """What became of a promise to pay."""

    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"
    LAPSED = "LAPSED"
    """It binds no more: the plan that it was a row of was broken, or another took its place."""
    WITHDRAWN = "WITHDRAWN"
    """It stands no more: it was noted in error, or another one takes its place."""


class PromiseRefReused(Refusal):
    """The reference already names another promise."""

    code = "PROMISE_REF_REUSED"


class PromiseNotOpen(Refusal):
    """There is no open promise with this reference."""

    code = "PROMISE_NOT_OPEN"


class PromisedTooLate(Refusal):
    """A promise is for a day that is not too far off."""

    code = "PROMISED_TOO_LATE"


class PromisedTooEarly(Refusal):
    """A promise is for a day that is still to come."""

    code = "PROMISED_TOO_EARLY"


@dataclass(frozen=True)
class Promise:
    """*amount* minor units promised on one loan by a day."""

    promise_ref: str
    loan_id: UUID
    amount: int
    currency: str
    made_on: date
    promised_on: date
    state: str = PromiseState.OPEN


class PromiseMade(Event):
    """The borrower promised to pay an amount by a day."""

    TOPIC = "borrower.promise-made"
    promise_ref: str
    loan_id: UUID
    currency: str
    amount: int
    promised_on: date

    def apply(self, borrower: Promises) -> None:
        borrower.promises[self.promise_ref] = Promise(
            self.promise_ref,
            self.loan_id,
            self.amount,
            self.currency,
            self.business_on,
            self.promised_on,
        )


class PromiseKept(Event):
    """What was promised came in by the day."""

    TOPIC = "borrower.promise-kept"
    promise_ref: str
    loan_id: UUID
    currency: str
    promised: int
    received: int

    def apply(self, borrower: Promises) -> None:
        promise = borrower.promises[self.promise_ref]
        borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.KEPT)


class PromiseBroken(Event):
    """What was promised did not come in by the day."""

    TOPIC = "borrower.promise-broken"
    promise_ref: str
    loan_id: UUID
    currency: str
    promised: int
    received: int

    def apply(self, borrower: Promises) -> None:
        promise = borrower.promises[self.promise_ref]
        borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.BROKEN)


class PromiseLapsed(Event):
    """A promise binds no more, as the plan that it was a row of does not; *reason* says why."""

    TOPIC = "borrower.promise-lapsed"
    promise_ref: str
    loan_id: UUID
    currency: str
    promised: int
    promised_on: date
    plan_ref: str
    reason: str

    def apply(self, borrower: Promises) -> None:
        promise = borrower.promises[self.promise_ref]
        borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.LAPSED)


class PromiseWithdrawn(Event):
    """A promise stands no more; *replaced_by* takes its place, where one does."""

    TOPIC = "borrower.promise-withdrawn"
    promise_ref: str
    loan_id: UUID
    currency: str
    promised: int
    promised_on: date
    reason: str
    replaced_by: str | None

    def apply(self, borrower: Promises) -> None:
        promise = borrower.promises[self.promise_ref]
        borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.WITHDRAWN)


class Promises(Placements):
    """What one borrower promised to pay."""

    def __init__(self) -> None:
        super().__init__()
        self.promises: dict[str, Promise] = {}

    def promise(
        self,
        act: Act,
        *,
        promise_ref: str,
        loan_id: UUID,
        amount: int,
        currency: str,
        promised_on: date,
        latest_on: date | None = None,
    ) -> None:
        """Record a promise to pay; the same promise twice is recorded once.

        Raises:
            PromisedTooEarly: its day is past.
            PromisedTooLate: it lies after *latest_on*, the last day that one may be for.
        """
        positive(amount, "A promise")
        known = self.promises.get(promise_ref)
        if known is not None:
            same = (known.loan_id, known.amount, known.promised_on)
            if same != (loan_id, amount, promised_on):
                raise PromiseRefReused(
                    f"The reference {promise_ref!r} already names another promise."
                )
            return
        if promised_on < act.business_on:
            raise PromisedTooEarly(f"{promised_on} is already past.")
        if latest_on is not None and promised_on > latest_on:
            raise PromisedTooLate(
                f"A promise may be for {latest_on} at the latest, not for {promised_on}: agree on"
                " an earlier day, or on relief."
            )
        self.record(
            PromiseMade,
            act,
            act.business_on,
            promise_ref=promise_ref,
            loan_id=loan_id,
            currency=currency,
            amount=amount,
            promised_on=promised_on,
        )

    def withdraw_promise(
        self, act: Act, *, promise_ref: str, reason: str, replaced_by: str | None = None
    ) -> None:
        """Let an open promise stand no more; one that was withdrawn stays so.

        Raises:
            PromiseNotOpen: there is none, or money decided already what became of it.
        """
        promise = self.promises.get(promise_ref)
        if promise is not None and promise.state == PromiseState.WITHDRAWN:
            return
        if promise is None or promise.state != PromiseState.OPEN:
            raise PromiseNotOpen(f"No open promise {promise_ref!r} stands: none is withdrawn.")
        self.record(
            PromiseWithdrawn,
            act,
            act.business_on,
            promise_ref=promise_ref,
            loan_id=promise.loan_id,
            currency=promise.currency,
            promised=promise.amount,
            promised_on=promise.promised_on,
            reason=reason,
            replaced_by=replaced_by,
        )

    def promises_on(self, loan_id: UUID) -> list[Promise]:
        """What was promised on a loan and stands, in the order of the days it was for."""
        found = [
            each
            for each in self.promises.values()
            if each.loan_id == loan_id and each.state != PromiseState.WITHDRAWN
        ]
        return sorted(found, key=lambda each: each.promised_on)

    def promises_due(self, on: date) -> list[Promise]:
        """Open promises whose day is over on *on*."""
        return [
            promise
            for promise in self.promises.values()
            if promise.state == PromiseState.OPEN and promise.promised_on < on
        ]
