"""One loan: what happened to it, and what may happen next."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

from domain.base.calendar import next_day
from domain.base.policy import AssetClassRule
from domain.base.stream import Act, NextAction, Stream
from domain.base.terms import FeeTiming, RatePlanKind
from domain.loan import delinquency, events
from domain.loan.asset_class import next_change_on
from domain.loan.conversion import Converting
from domain.loan.ending import Ending
from domain.loan.fees import charged_at
from domain.loan.held import penalty_free
from domain.loan.holding import Holding
from domain.loan.moving import Moving
from domain.loan.origination import Origination
from domain.loan.overdue import next_charge_on
from domain.loan.stage import Stage
from domain.loan.state import OFFERED, UNDER_REVIEW, LoanState, NextActionKind
from domain.loan.taking_back import TakingBack


class Loan(Origination, Converting, Ending, Holding, Moving, TakingBack, Stream):
    """One loan: what happened to it, and what may happen next.

    Its state is in ``Account``, its decisions in the classes it joins; its events, which
    stand in ``events``, have their names here.
    """

    TOPIC = "loan"
    KAFKA_TOPIC = "loan.events"
    SNAPSHOT_VERSION = 11

    Event: TypeAlias = events.Event
    Opened: TypeAlias = events.Opened
    Created: TypeAlias = events.Created
    Applied: TypeAlias = events.Applied
    EvidenceAdded: TypeAlias = events.EvidenceAdded
    PartnerOrderLinked: TypeAlias = events.PartnerOrderLinked
    Approved: TypeAlias = events.Approved
    Declined: TypeAlias = events.Declined
    Withdrawn: TypeAlias = events.Withdrawn
    Expired: TypeAlias = events.Expired
    CostDisclosed: TypeAlias = events.CostDisclosed
    ContractSigned: TypeAlias = events.ContractSigned
    Disbursed: TypeAlias = events.Disbursed
    Migrated: TypeAlias = events.Migrated
    MoneyMoved: TypeAlias = events.MoneyMoved
    Repaid: TypeAlias = events.Repaid
    RepaymentReversed: TypeAlias = events.RepaymentReversed
    CreditRefunded: TypeAlias = events.CreditRefunded
    CreditApplied: TypeAlias = events.CreditApplied
    CreditPlaced: TypeAlias = events.CreditPlaced
    FeeCharged: TypeAlias = events.FeeCharged
    FeeWithdrawn: TypeAlias = events.FeeWithdrawn
    FeeWaived: TypeAlias = events.FeeWaived
    ChargeForgiven: TypeAlias = events.ChargeForgiven
    FactWithdrawn: TypeAlias = events.FactWithdrawn
    PayoutReturned: TypeAlias = events.PayoutReturned
    PayoutReturnWithdrawn: TypeAlias = events.PayoutReturnWithdrawn
    DueDateMoved: TypeAlias = events.DueDateMoved
    LaidAnew: TypeAlias = events.LaidAnew
    Rescheduled: TypeAlias = events.Rescheduled
    RateSteppedDown: TypeAlias = events.RateSteppedDown
    StepDownReversed: TypeAlias = events.StepDownReversed
    StepDownForfeited: TypeAlias = events.StepDownForfeited
    RenewalOffered: TypeAlias = events.RenewalOffered
    RenewalDeclined: TypeAlias = events.RenewalDeclined
    RenewalExpired: TypeAlias = events.RenewalExpired
    Renewed: TypeAlias = events.Renewed
    RenewalReassessed: TypeAlias = events.RenewalReassessed
    ReliefReassessed: TypeAlias = events.ReliefReassessed
    ConversionOffered: TypeAlias = events.ConversionOffered
    Converted: TypeAlias = events.Converted
    Drawn: TypeAlias = events.Drawn
    HoldPlaced: TypeAlias = events.HoldPlaced
    HoldEnded: TypeAlias = events.HoldEnded
    WentOverdue: TypeAlias = events.WentOverdue
    BucketChanged: TypeAlias = events.BucketChanged
    Cured: TypeAlias = events.Cured
    AssetClassChanged: TypeAlias = events.AssetClassChanged
    Settled: TypeAlias = events.Settled
    Closed: TypeAlias = events.Closed
    WrittenOff: TypeAlias = events.WrittenOff
    RecoveryReceived: TypeAlias = events.RecoveryReceived
    RecoveryReversed: TypeAlias = events.RecoveryReversed
    SecurityTaken: TypeAlias = events.SecurityTaken
    SecurityCalled: TypeAlias = events.SecurityCalled
    SecurityRealised: TypeAlias = events.SecurityRealised
    SecurityReleased: TypeAlias = events.SecurityReleased
    Sold: TypeAlias = events.Sold
    PassedOnReversed: TypeAlias = events.PassedOnReversed
    InterestSubsidised: TypeAlias = events.InterestSubsidised

    def __init__(self) -> None:
        super().__init__()  # that of Account; without this one the library makes its own

    def attend(
        self, act: Act, classes: AssetClassRule | None = None, *, renews: bool = True
    ) -> None:
        """Do what the business date asks for: expire, charge what is overdue, tell how late it is.

        What its asset class is by *classes* is told too; nothing of it without a rule. No
        renewal is offered unless it *renews*, since none could be accepted.
        """
        if self.state in (*UNDER_REVIEW, *OFFERED):
            last = self._runs_out_on()
            if last is not None and act.business_on > last:
                self.record(
                    events.Expired,
                    act,
                    next_day(last),
                    valid_until_on=last,
                    stage=Stage.EXPIRED,
                    stage_before=self.stage,
                )
        elif self.state == LoanState.ACTIVE:
            credit = self.unapplied
            self._assess_consequences(act)
            self._assess(act)
            self._offer_renewal(act, renews=renews)
            if self._has_limit() or self.unapplied < credit:
                self._follow_up(act, act.business_on)
            self.reclassify(act, classes)
            self._subsidise(act, act.business_on)

    def next_action(self) -> NextAction | None:
        """When the application runs out, or the loan next changes its bucket or asset class."""
        if self.state in (*UNDER_REVIEW, *OFFERED):
            last = self._runs_out_on()
            return None if last is None else NextAction(NextActionKind.EXPIRY, next_day(last))
        if self.state != LoanState.ACTIVE:
            return None
        coming = [
            self._next_lateness(),
            self._next_charge(),
            self._next_credit(),
            self._next_class(),
            self._next_subsidy(),
            self._next_step(),
            self._next_renewal(),
            self._next_repricing(),
        ]
        return min((each for each in coming if each), key=lambda each: each.due_on, default=None)

    def _runs_out_on(self) -> date | None:
        """The last day of the application or offer; none while the borrower has credit on it."""
        return None if self.unapplied else self.valid_until_on

    def _next_lateness(self) -> NextAction | None:
        oldest = self.oldest_unpaid_on()
        if oldest is None:
            return self._end_of_limit()
        due_on: date | None = next_day(oldest)
        if self.overdue_since_on is not None:
            due_on = delinquency.next_bucket_on(oldest, self.bucket)
        return None if due_on is None else NextAction(NextActionKind.DELINQUENCY, due_on)

    def _end_of_limit(self) -> NextAction | None:
        """When a loan ends on which nothing is owed, and nothing was drawn any more."""
        if not self._has_limit() or self.unapplied < 0:
            return None
        return NextAction(NextActionKind.LIMIT_ENDS, self._ends_on())

    def _next_charge(self) -> NextAction | None:
        assert self.terms is not None and self.begun_on is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE):
            return None
        charged = [fact.ref for fact in self.facts if fact.automatic]
        free = penalty_free(self.holds)
        due_on = next_charge_on(self._ledger_kept(), self.begun_on, charged, free)
        return None if due_on is None else NextAction(NextActionKind.CHARGE, due_on)

    def _next_credit(self) -> NextAction | None:
        if self.unapplied <= 0:
            return None
        due_on = min((row.due_on for row in self.instalments if row.left), default=None)
        return None if due_on is None else NextAction(NextActionKind.CREDIT, due_on)

    def _next_class(self) -> NextAction | None:
        standard = self.class_standard
        if standard is None:
            return None
        past = self.past(standard, self.instalments)
        day = next_change_on(past, standard, self.asset_class, self.class_since_on)
        return None if day is None else NextAction(NextActionKind.ASSET_CLASS, day)

    def _next_subsidy(self) -> NextAction | None:
        for each in self._subsidies():
            if each.amount != self.subsidised.get(str(each.instalment), 0):
                return NextAction(NextActionKind.SUBSIDY, each.until_on)
        return None

    def _next_step(self) -> NextAction | None:
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN:
            return None
        for step in plan.steps:
            until = self._assessed_on(step)
            if until is not None and str(step.from_instalment) not in self.steps:
                return NextAction(NextActionKind.STEP_DOWN, next_day(until))
        return None

    def _next_renewal(self) -> NextAction | None:
        if self.renewal is not None:
            return NextAction(NextActionKind.RENEWAL, next_day(self.renewal.valid_until_on))
        day = self._renewal_day()
        # While it is past due nothing is offered, what cures it asks again; nor is anything
        # without principal that could be renewed.
        if day is None or self.overdue_since_on is not None or not self.balance.principal:
            return None
        return NextAction(NextActionKind.RENEWAL, day)

    def _next_repricing(self) -> NextAction | None:
        day = self.reprices_on()
        return None if day is None else NextAction(NextActionKind.REPRICING, day)
