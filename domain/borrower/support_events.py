"""What can happen to the support of a borrower who is late: offers, plans to pay, check-ins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from domain.borrower.complaints import Complaints
from domain.borrower.contact_events import Event
from domain.borrower.support_words import PlanState


@dataclass(frozen=True)
class Support:
    """What was offered for a loan."""

    loan_id: UUID
    kind: str


@dataclass(frozen=True)
class PlanRow:
    """*amount* minor units that a plan has for a day."""

    due_on: date
    amount: int


@dataclass(frozen=True)
class RepaymentPlan:
    """A plan to pay what is owed on one loan, by its rows; up to *tolerated_rows* may be missed."""

    plan_ref: str
    loan_id: UUID
    currency: str
    rows: list[PlanRow]
    state: str = PlanState.PROPOSED
    agreed_on: date | None = None
    tolerated_rows: int = 0

    @property
    def total(self) -> int:
        """What it comes to, in minor units."""
        return sum(row.amount for row in self.rows)

    def promise_refs(self) -> list[str]:
        """The promise that each of its rows makes, in their order."""
        return [f"{self.plan_ref}/{number}" for number in range(1, len(self.rows) + 1)]


@dataclass(frozen=True)
class CheckIn:
    """The day on which a collector asks again how a loan is paid; with the plan it looks at."""

    loan_id: UUID
    check_in_on: date
    plan_ref: str | None


class SupportState(Complaints):
    """What is kept of one borrower's support."""

    def __init__(self) -> None:
        super().__init__()
        self.supports: dict[str, Support] = {}
        self.plans: dict[str, RepaymentPlan] = {}
        self.check_ins: dict[str, CheckIn] = {}
        """The last one of each loan, by the loan's id."""


class SupportOffered(Event):
    """The borrower was offered help with a loan; *said_ref* is what was said, in the vault."""

    TOPIC = "borrower.support-offered"
    support_ref: str
    loan_id: UUID
    kind: str
    contact_ref: str | None
    said_ref: str | None

    def apply(self, borrower: SupportState) -> None:
        borrower.supports[self.support_ref] = Support(self.loan_id, self.kind)


class RepaymentPlanProposed(Event):
    """A plan to pay a loan was proposed, in its currency; *outstanding* is all that was owed."""

    TOPIC = "borrower.repayment-plan-proposed"
    plan_ref: str
    loan_id: UUID
    currency: str
    rows: list[PlanRow]
    total: int
    outstanding: int
    support_ref: str | None

    def apply(self, borrower: SupportState) -> None:
        borrower.plans[self.plan_ref] = RepaymentPlan(
            self.plan_ref, self.loan_id, self.currency, self.rows
        )


class RepaymentPlanAgreed(Event):
    """The borrower agreed to a plan, as *consent_ref* shows; each of its rows is a promise.

    Up to *tolerated_rows* may be missed and made up for later. The plan that *replaces* names
    counts no more.
    """

    TOPIC = "borrower.repayment-plan-agreed"
    plan_ref: str
    loan_id: UUID
    currency: str
    rows: list[PlanRow]
    total: int
    consent_ref: str
    replaces: str | None
    tolerated_rows: int
    policy_version: str

    def apply(self, borrower: SupportState) -> None:
        if self.replaces is not None:
            old = borrower.plans[self.replaces]
            borrower.plans[self.replaces] = replace(old, state=PlanState.REPLACED)
        borrower.plans[self.plan_ref] = replace(
            borrower.plans[self.plan_ref],
            state=PlanState.AGREED,
            agreed_on=self.business_on,
            tolerated_rows=self.tolerated_rows,
        )


class RepaymentPlanKept(Event):
    """All that was planned came in by the last day, or the loan was settled before."""

    TOPIC = "borrower.repayment-plan-kept"
    plan_ref: str
    loan_id: UUID
    currency: str
    planned: int
    received: int
    settled: bool

    def apply(self, borrower: SupportState) -> None:
        plan = borrower.plans[self.plan_ref]
        borrower.plans[self.plan_ref] = replace(plan, state=PlanState.KEPT)


class RepaymentPlanBroken(Event):
    """More rows were missed than is tolerated, or something was left open on the last day.

    *planned* is what was to come in until then.
    """

    TOPIC = "borrower.repayment-plan-broken"
    plan_ref: str
    loan_id: UUID
    currency: str
    planned: int
    received: int
    missed_rows: int
    tolerated_rows: int

    def apply(self, borrower: SupportState) -> None:
        plan = borrower.plans[self.plan_ref]
        borrower.plans[self.plan_ref] = replace(plan, state=PlanState.BROKEN)


class CheckInScheduled(Event):
    """On this day a collector asks again; until then a borrower who keeps the plan is left alone.

    It takes the place of the day that was said for the loan before.
    """

    TOPIC = "borrower.check-in-scheduled"
    loan_id: UUID
    check_in_on: date
    check_in_before: date | None
    plan_ref: str | None

    def apply(self, borrower: SupportState) -> None:
        borrower.check_ins[str(self.loan_id)] = CheckIn(
            self.loan_id, self.check_in_on, self.plan_ref
        )
