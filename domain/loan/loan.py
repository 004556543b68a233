"""One loan: what happened to it, and what may happen next."""

from __future__ import annotations  # apply() names Loan before it exists

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.base.calendar import BusinessDays, add_months, next_day
from domain.base.money import written
from domain.base.policy import AssetClassRule, ClassStandard, IndexRate, ServiceLevels
from domain.base.refusal import positive, two_people
from domain.base.stream import Act, NextAction, Stream
from domain.base.terms import (
    Accrual,
    ChargesCount,
    ChargesDue,
    FeeTerm,
    FeeTiming,
    FutureMoney,
    Owed,
    Prepayment,
    RatePlanKind,
    RateScope,
    RateStep,
    Terms,
    rate_fits,
)
from domain.loan import cost, delinquency
from domain.loan import refusals as no
from domain.loan.allocation import Part, Split
from domain.loan.asset_class import (
    AssetClass,
    Lateness,
    Past,
    classed,
    late_until,
    next_change_on,
    worse,
)
from domain.loan.ceiling import cap_on, room
from domain.loan.cost import Flow
from domain.loan.daily_ledger import DailyLedger, ledger_of
from domain.loan.delinquency import Bucket
from domain.loan.fees import charge, charged_at
from domain.loan.ledger import Balance, Fact, FactKind, Ledger, counts_from, run, standing
from domain.loan.origination import Stage, stage_due_on
from domain.loan.overdue import PREFIX, deserved, kind_of, next_charge_on
from domain.loan.relief import Agreement, PayBy, Standing, change_of
from domain.loan.reschedule import Change, MovedDate, RescheduleKind
from domain.loan.schedule import Instalment, opening_fault, rolled, schedule
from domain.loan.security import Security, SecurityKind, SecurityState, must_stand
from domain.loan.subsidy import Subsidised, subsidised
from domain.loan.timetable import TermsNotOffered, has_limit, rows_added

PREPAYMENTS = frozenset(Prepayment)


class LoanState(StrEnum):
    """Where a loan stands."""

    APPLIED = "APPLIED"
    APPROVED = "APPROVED"
    DISCLOSED = "DISCLOSED"
    SIGNED = "SIGNED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    ACTIVE = "ACTIVE"
    SETTLED = "SETTLED"
    CLOSED = "CLOSED"
    WRITTEN_OFF = "WRITTEN_OFF"
    SOLD = "SOLD"
    """It belongs to another owner; our book says nothing of it any more."""


class Source(StrEnum):
    """Where money of a repayment or recovery comes from."""

    BORROWER = "BORROWER"
    THIRD_PARTY = "THIRD_PARTY"
    COLLATERAL = "COLLATERAL"
    GUARANTOR = "GUARANTOR"
    INSURANCE = "INSURANCE"
    PARTNER = "PARTNER"
    """The school or merchant that was paid gives money back."""


PAID_BY = {
    SecurityKind.COLLATERAL: Source.COLLATERAL,
    SecurityKind.GUARANTEE: Source.GUARANTOR,
    SecurityKind.INSURANCE: Source.INSURANCE,
}


class ReversalKind(StrEnum):
    """Why a payment does not stand."""

    CHARGEBACK = "CHARGEBACK"
    """The payer's bank took it back."""
    BOUNCED = "BOUNCED"
    MISPOSTED = "MISPOSTED"
    """It was posted wrongly."""


class NextActionKind(StrEnum):
    """Why a loan needs attention on a day."""

    EXPIRY = "EXPIRY"
    DELINQUENCY = "DELINQUENCY"
    STEP_DOWN = "STEP_DOWN"
    RENEWAL = "RENEWAL"
    REPRICING = "REPRICING"
    ASSET_CLASS = "ASSET_CLASS"
    SUBSIDY = "SUBSIDY"
    LIMIT_ENDS = "LIMIT_ENDS"
    CHARGE = "CHARGE"


class Withdrawal(StrEnum):
    """Why an automatic charge is taken back."""

    NOT_OVERDUE = "NOT_OVERDUE"
    """The instalment was paid in time after all."""
    CHARGED_ANEW = "CHARGED_ANEW"
    """Another amount was unpaid, or on another day."""


UNDER_REVIEW = (LoanState.APPLIED,)
OFFERED = (LoanState.APPROVED, LoanState.DISCLOSED, LoanState.SIGNED)
SERVICED = (LoanState.ACTIVE, LoanState.SETTLED, LoanState.CLOSED)
PAID_OUT = (LoanState.ACTIVE, LoanState.SETTLED, LoanState.CLOSED, LoanState.WRITTEN_OFF)
SECURED = (*OFFERED, LoanState.ACTIVE, LoanState.WRITTEN_OFF)
"""While a loan stands thus, something can be taken to secure it."""


@dataclass(frozen=True)
class Movement:
    """An earlier movement that is split anew, before and after; *parts* after."""

    ref: str
    on: date
    before: Split
    after: Split
    parts: list[Part]


class StepState(StrEnum):
    """What came of a step of the rate plan."""

    EARNED = "EARNED"
    FORFEITED = "FORFEITED"


@dataclass(frozen=True)
class RenewalOffer:
    """A renewal that stands until its last day."""

    term_months: int
    sequence: int
    valid_until_on: date
    offer_digest: str


@dataclass(frozen=True)
class Fee:
    """A fee or penalty charged on an event, and what of it is waived; minor units."""

    fee_ref: str
    kind: str
    amount: int
    instalment: int
    waived: int = 0
    owed: str | None = None
    due_on: date | None = None


class Loan(Stream):
    """One loan: what happened to it, and what may happen next."""

    TOPIC = "loan"
    KAFKA_TOPIC = "loan.events"
    SNAPSHOT_VERSION = 5

    def __init__(self) -> None:
        self.loan_ref = ""
        self.borrower_id = UUID(int=0)
        self.state: str = LoanState.APPLIED
        self.stage: str = Stage.EVIDENCE
        self.stage_due_on: date | None = None
        self.evidence_asked: list[str] = []
        self.missing: list[str] = []
        self.valid_until_on: date | None = None
        self.product_code = ""
        self.product_version = 0
        self.currency = ""
        self.amount = 0
        self.term_months = 0
        self.annual_rate = Decimal(0)
        self.disclosed = ""
        self.terms: Terms | None = None
        self.disbursed_on: date | None = None
        self.accrues_from: date | None = None
        self.begun_on: date | None = None
        self.opening: list[Instalment] = []
        self.opening_unapplied = 0
        self.facts: list[Fact] = []
        self.facts_taken = 0
        self.instalments: list[Instalment] = []
        self.parts: dict[str, list[Part]] = {}
        self.splits: dict[str, Split] = {}
        self.fees: dict[str, Fee] = {}
        self.unapplied = 0
        self.reversed: list[str] = []
        self.recoveries: dict[str, Fact] = {}
        self.securities: dict[str, Security] = {}
        self.buyer_ref = ""
        self.claim = Split()
        self.recovered: dict[str, Split] = {}
        self.bucket: str = Bucket.M0
        self.overdue_since_on: date | None = None
        self.steps: dict[str, str] = {}
        self.renewals = 0
        self.repriced_on: date | None = None
        self.renewal: RenewalOffer | None = None
        self.asset_class: str = AssetClass.NORMAL
        self.class_since_on: date | None = None
        self.class_standard: ClassStandard | None = None
        self.reliefs: dict[str, str] = {}
        self.subsidised: dict[str, int] = {}
        self.balance = Balance(0, 0, 0, 0, 0)

    # --- events -----------------------------------------------------------------

    class Event(Stream.Event):
        """Anything that happened to a loan."""

    class Opened(Event, Stream.Opened):
        """The first event of a loan."""

        TOPIC = "loan.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "loan.created"

    class Applied(Opened):
        """A borrower asked for a loan."""

        TOPIC = "loan.applied"
        loan_ref: str
        borrower_id: UUID
        product_code: str
        product_version: int
        currency: str
        amount: int
        term_months: int
        purpose: str | None
        channel: str
        missing: list[str]
        stage: str
        stage_due_on: date | None
        valid_until_on: date
        policy_version: str
        segment: str | None
        scene: str | None
        partner: str | None
        partner_order_ref: str | None

        def apply(self, loan: Loan) -> None:
            loan.loan_ref = self.loan_ref
            loan.borrower_id = self.borrower_id
            loan.product_code = self.product_code
            loan.product_version = self.product_version
            loan.currency = self.currency
            loan.amount = self.amount
            loan.term_months = self.term_months
            loan.evidence_asked = list(self.missing)
            loan.missing = list(self.missing)
            loan.stage = self.stage
            loan.stage_due_on = self.stage_due_on
            loan.valid_until_on = self.valid_until_on

    class EvidenceAdded(Event):
        """A piece of evidence came in; *missing* is what is still needed."""

        TOPIC = "loan.evidence-added"
        kind: str
        source: str
        evidence_ref: str
        missing: list[str]
        stage: str
        stage_due_on: date | None
        policy_version: str

        def apply(self, loan: Loan) -> None:
            loan.missing = list(self.missing)
            loan.stage = self.stage
            loan.stage_due_on = self.stage_due_on

    class Approved(Event):
        """The application was approved: an offer stands until its last day.

        *grade* and *model_version* say what priced it, *cap_version* what it was held to.
        """

        TOPIC = "loan.approved"
        currency: str
        amount: int
        term_months: int
        annual_rate: Decimal
        requested_by: str
        approved_by: str
        valid_until_on: date
        stage: str
        stage_due_on: date | None
        policy_version: str
        grade: str | None
        model_version: str | None
        cap_version: str | None

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.APPROVED
            loan.stage = self.stage
            loan.amount = self.amount
            loan.term_months = self.term_months
            loan.annual_rate = self.annual_rate
            loan.valid_until_on = self.valid_until_on

    class Declined(Event):
        """The application was declined, for the reasons given."""

        TOPIC = "loan.declined"
        reasons: list[str]
        decided_by: str
        stage: str
        stage_before: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.DECLINED
            loan.stage = self.stage
            loan.valid_until_on = None

    class Withdrawn(Event):
        """The applicant withdrew."""

        TOPIC = "loan.withdrawn"
        reason: str
        stage: str
        stage_before: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.WITHDRAWN
            loan.stage = self.stage
            loan.valid_until_on = None

    class Expired(Event):
        """The application or offer ran out unused."""

        TOPIC = "loan.expired"
        valid_until_on: date
        stage: str
        stage_before: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.EXPIRED
            loan.stage = self.stage
            loan.valid_until_on = None

    class CostDisclosed(Event):
        """The borrower was shown what exactly these terms cost, before signing."""

        TOPIC = "loan.cost-disclosed"
        currency: str
        principal: int
        interest: int
        fees: int
        annualised_cost: Decimal
        method: str
        terms_digest: str
        charges: list[str]
        stage: str
        stage_before: str
        stage_due_on: date | None
        policy_version: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.DISCLOSED
            loan.stage = self.stage
            loan.disclosed = self.terms_digest

    class ContractSigned(Event):
        """The contract was signed; from here on its terms decide every figure."""

        TOPIC = "loan.contract-signed"
        contract_ref: str
        template_version: str
        terms: Terms
        terms_digest: str
        stage: str
        stage_due_on: date | None
        policy_version: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.SIGNED
            loan.stage = self.stage
            loan.terms = self.terms

    class Disbursed(Event):
        """The money was paid out; the whole schedule follows from it."""

        TOPIC = "loan.disbursed"
        disbursement_ref: str
        borrower_id: UUID
        loan_ref: str
        currency: str
        amount: int
        paid_to: str
        schedule: list[Instalment]
        balance: Balance
        stage: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.ACTIVE
            loan.stage = self.stage
            loan.valid_until_on = None
            loan.disbursed_on = self.effective_on
            loan.accrues_from = self.effective_on
            loan.begun_on = self.effective_on
            loan.opening = self.schedule
            loan.instalments = list(self.schedule)
            loan.balance = self.balance

    class Migrated(Opened):
        """A running loan was taken over from elsewhere with its opening balances."""

        TOPIC = "loan.migrated"
        loan_ref: str
        borrower_id: UUID
        origin: str
        currency: str
        terms: Terms
        disbursed_on: date
        accrues_from: date
        schedule: list[Instalment]
        balance: Balance
        bucket: str
        overdue_since_on: date | None
        stage: str

        def apply(self, loan: Loan) -> None:
            loan.loan_ref = self.loan_ref
            loan.borrower_id = self.borrower_id
            loan.product_code = self.terms.product_code
            loan.product_version = self.terms.product_version
            loan.currency = self.currency
            loan.amount = self.terms.amount
            loan.term_months = self.terms.term_months
            loan.annual_rate = self.terms.annual_rate
            loan.terms = self.terms
            loan.state = LoanState.ACTIVE
            loan.stage = self.stage
            loan.disbursed_on = self.disbursed_on
            loan.accrues_from = self.accrues_from
            loan.begun_on = self.effective_on
            loan.opening = self.schedule
            loan.opening_unapplied = self.balance.unapplied
            loan.unapplied = self.balance.unapplied
            loan.instalments = list(self.schedule)
            loan.balance = self.balance
            loan.bucket = self.bucket
            loan.overdue_since_on = self.overdue_since_on

    class MoneyMoved(Event):
        """What every event that moves money on the schedule says of its outcome.

        *net* is the change of everything paid so far; *instalments* those touched or
        new, as they stand after it; *reallocated* earlier movements that split anew;
        *capitalised* is interest that became principal.
        """

        TOPIC = "loan.money-moved"
        currency: str
        net: Split
        instalments: list[Instalment]
        reallocated: list[Movement]
        balance: Balance
        bucket: str
        state_before: str
        state: str
        capitalised: int | None

        def take_over(self, loan: Loan, facts: list[Fact]) -> None:
            """Assign the outcome and the facts behind it."""
            loan.facts = facts
            loan.facts_taken += 1
            first = loan.instalments[0].number
            for row in self.instalments:
                place = row.number - first
                if place < len(loan.instalments) and loan.instalments[place].number == row.number:
                    loan.instalments[place] = row
                else:  # a new one, or one after a gap
                    others = [each for each in loan.instalments if each.number != row.number]
                    loan.instalments = sorted([*others, row], key=lambda each: each.number)
            for movement in self.reallocated:
                loan.parts[movement.ref] = movement.parts
                loan.splits[movement.ref] = movement.after
            loan.balance = self.balance
            loan.unapplied = self.balance.unapplied
            loan.state = self.state

    class Repaid(MoneyMoved):
        """Money was received and split over what was owed."""

        TOPIC = "loan.repaid"
        payment_ref: str
        received_on: date
        amount: int
        source: str
        payoff: bool
        fees: int
        interest: int
        penalty: int
        principal: int
        unapplied: int
        parts: list[Part]
        future_money: str | None

        def apply(self, loan: Loan) -> None:
            fact = Fact(
                FactKind.PAYOFF if self.payoff else FactKind.PAYMENT,
                self.payment_ref,
                self.received_on,
                loan.facts_taken,
                self.amount,
                future_money=self.future_money,
                source=self.source,
            )
            self.take_over(loan, [*loan.facts, fact])
            loan.parts[self.payment_ref] = self.parts
            loan.splits[self.payment_ref] = Split(
                self.fees, self.interest, self.penalty, self.principal, self.unapplied
            )

    class RepaymentReversed(MoneyMoved):
        """A payment turned out not to stand: bounced, misposted or charged back."""

        TOPIC = "loan.repayment-reversed"
        payment_ref: str
        received_on: date
        amount: int
        reason: str
        reversed: Split
        kind: str | None

        def apply(self, loan: Loan) -> None:
            self.take_over(
                loan,
                [fact for fact in loan.facts if fact.ref != self.payment_ref or not _pays(fact)],
            )
            loan.parts.pop(self.payment_ref)
            loan.splits.pop(self.payment_ref)
            loan.reversed = [*loan.reversed, self.payment_ref]

    class CreditRefunded(MoneyMoved):
        """Credit of the borrower was paid back."""

        TOPIC = "loan.credit-refunded"
        refund_ref: str
        amount: int
        requested_by: str
        approved_by: str

        def apply(self, loan: Loan) -> None:
            fact = Fact(
                FactKind.REFUND, self.refund_ref, self.effective_on, loan.facts_taken, self.amount
            )
            self.take_over(loan, [*loan.facts, fact])

    class FeeCharged(MoneyMoved):
        """A fee or penalty that the contract names was charged, due with an instalment.

        *owed* says as what, a fee if nothing; *due_on* its own day, if it has one. It is
        *automatic* where the instalment was not paid in time and nobody charged it; *waived*
        of it is what was, before it was withdrawn and came back.
        """

        TOPIC = "loan.fee-charged"
        fee_ref: str
        kind: str
        amount: int
        instalment: int
        owed: str | None
        due_on: date | None
        automatic: bool | None
        waived: int | None

        def apply(self, loan: Loan) -> None:
            fact = Fact(
                FactKind.FEE,
                self.fee_ref,
                self.effective_on,
                loan.facts_taken,
                self.amount,
                self.instalment,
                self.due_on,
                owed=self.owed,
                automatic=bool(self.automatic),
            )
            self.take_over(loan, [*loan.facts, fact])
            known = loan.fees.get(self.fee_ref)
            loan.fees[self.fee_ref] = Fee(
                self.fee_ref,
                self.kind,
                self.amount,
                self.instalment,
                known.waived if known else 0,
                owed=self.owed,
                due_on=self.due_on,
            )

    class FeeWithdrawn(MoneyMoved):
        """An automatic charge turned out not to be deserved; what paid it pays other things.

        *cause* says why; *amount* is all that was charged, *waived* what of it was forgiven.
        """

        TOPIC = "loan.fee-withdrawn"
        fee_ref: str
        kind: str
        amount: int
        instalment: int
        cause: str
        owed: str | None
        waived: int

        def apply(self, loan: Loan) -> None:
            self.take_over(
                loan,
                [
                    fact
                    for fact in loan.facts
                    if fact.ref != self.fee_ref or fact.kind != FactKind.FEE
                ],
            )
            loan.fees[self.fee_ref] = replace(loan.fees[self.fee_ref], amount=0)

    class FeeWaived(MoneyMoved):
        """A charged fee or penalty, or part of it, was forgiven; *owed* as it was charged."""

        TOPIC = "loan.fee-waived"
        fee_ref: str
        amount: int
        instalment: int
        reason: str
        requested_by: str
        approved_by: str
        owed: str | None

        def apply(self, loan: Loan) -> None:
            fact = Fact(
                FactKind.WAIVER,
                self.fee_ref,
                self.effective_on,
                loan.facts_taken,
                self.amount,
                self.instalment,
            )
            self.take_over(loan, [*loan.facts, fact])
            fee = loan.fees[self.fee_ref]
            loan.fees[self.fee_ref] = replace(fee, waived=fee.waived + self.amount)

    class DueDateMoved(MoneyMoved):
        """An instalment got another due date."""

        TOPIC = "loan.due-date-moved"
        moved: list[MovedDate]
        reason: str

        def apply(self, loan: Loan) -> None:
            facts = [
                Fact(
                    FactKind.MOVE,
                    f"move-{loan.facts_taken}",
                    self.effective_on,
                    loan.facts_taken,
                    0,
                    move.instalment,
                    move.due_on,
                    move.pay_by_on,
                )
                for move in self.moved
            ]
            self.take_over(loan, [*loan.facts, *facts])

    class LaidAnew(MoneyMoved):
        """What every event says that lays the rest of the schedule anew; see ``Change``."""

        TOPIC = "loan.laid-anew"
        change: Change

        def lay(self, loan: Loan, ref: str) -> None:
            """Assign the outcome, with the change as a fact of this reference."""
            fact = Fact(
                FactKind.RESCHEDULE, ref, self.effective_on, loan.facts_taken, change=self.change
            )
            self.take_over(loan, [*loan.facts, fact])

    class Rescheduled(LaidAnew):
        """What is left was laid anew: by relief that two people granted, or by the contract."""

        TOPIC = "loan.rescheduled"
        kind: str
        annual_rate: Decimal
        reason: str
        requested_by: str | None
        approved_by: str | None
        policy_version: str | None

        def apply(self, loan: Loan) -> None:
            ref = f"reschedule-{loan.facts_taken}"
            loan.reliefs = {**loan.reliefs, ref: self.kind}
            self.lay(loan, ref)
            if self.kind == RescheduleKind.REPRICING:
                loan.repriced_on = self.effective_on

    class RateSteppedDown(LaidAnew):
        """Instalments were paid on time, and the rate falls as the contract says."""

        TOPIC = "loan.rate-stepped-down"
        from_instalment: int
        annual_rate_before: Decimal
        annual_rate: Decimal

        def apply(self, loan: Loan) -> None:
            self.lay(loan, f"step-{self.from_instalment}")
            loan.steps = {**loan.steps, str(self.from_instalment): StepState.EARNED}

    class StepDownReversed(MoneyMoved):
        """It turned out that instalments were not paid on time; the rate is what it was."""

        TOPIC = "loan.step-down-reversed"
        from_instalment: int
        annual_rate_before: Decimal
        annual_rate: Decimal
        late_instalment: int

        def apply(self, loan: Loan) -> None:
            ref = f"step-{self.from_instalment}"
            self.take_over(loan, [fact for fact in loan.facts if fact.ref != ref])
            loan.steps = {**loan.steps, str(self.from_instalment): StepState.FORFEITED}

    class StepDownForfeited(Event):
        """An instalment was not paid on time, and the rate does not fall."""

        TOPIC = "loan.step-down-forfeited"
        from_instalment: int
        late_instalment: int

        def apply(self, loan: Loan) -> None:
            loan.steps = {**loan.steps, str(self.from_instalment): StepState.FORFEITED}

    class RenewalOffered(Event):
        """The borrower may renew the term, at a cost that is disclosed with the offer."""

        TOPIC = "loan.renewal-offered"
        currency: str
        term_months: int
        sequence: int
        most: int
        valid_until_on: date
        annual_rate: Decimal
        interest: int
        fees: int
        annualised_cost: Decimal
        method: str
        offer_digest: str

        def apply(self, loan: Loan) -> None:
            loan.renewal = RenewalOffer(
                self.term_months, self.sequence, self.valid_until_on, self.offer_digest
            )

    class RenewalDeclined(Event):
        """The borrower does not renew; the loan falls due as it was."""

        TOPIC = "loan.renewal-declined"
        sequence: int
        reason: str

        def apply(self, loan: Loan) -> None:
            loan.renewal = None
            loan.renewals = self.sequence

    class RenewalExpired(Event):
        """The offer of a renewal ran out."""

        TOPIC = "loan.renewal-expired"
        sequence: int
        valid_until_on: date

        def apply(self, loan: Loan) -> None:
            loan.renewal = None
            loan.renewals = self.sequence

    class Renewed(LaidAnew):
        """The borrower accepted the renewal whose cost was disclosed; the term runs on."""

        TOPIC = "loan.renewed"
        term_months: int
        sequence: int
        most: int
        offer_digest: str
        consent_ref: str

        def apply(self, loan: Loan) -> None:
            self.lay(loan, f"renewal-{self.sequence}")
            loan.renewal = None
            loan.renewals = self.sequence

    class Drawn(MoneyMoved):
        """More was paid out, within the limit of the contract."""

        TOPIC = "loan.drawn"
        draw_ref: str
        amount: int
        paid_to: str

        def apply(self, loan: Loan) -> None:
            fact = Fact(
                FactKind.DRAW, self.draw_ref, self.effective_on, loan.facts_taken, self.amount
            )
            self.take_over(loan, [*loan.facts, fact])

    class WentOverdue(Event):
        """An instalment was not paid by its pay-by date."""

        TOPIC = "loan.went-overdue"
        currency: str
        instalment: int
        oldest_unpaid_on: date
        amount_overdue: int

        def apply(self, loan: Loan) -> None:
            loan.overdue_since_on = self.oldest_unpaid_on

    class BucketChanged(Event):
        """The loan moved to another delinquency bucket."""

        TOPIC = "loan.bucket-changed"
        currency: str
        bucket_before: str
        bucket: str
        days_past_due: int
        oldest_unpaid_on: date | None
        amount_overdue: int
        balance: Balance

        def apply(self, loan: Loan) -> None:
            loan.bucket = self.bucket
            loan.overdue_since_on = self.oldest_unpaid_on

    class Cured(Event):
        """Nothing is overdue any more."""

        TOPIC = "loan.cured"
        currency: str
        overdue_since_on: date
        next_pay_by_on: date | None

        def apply(self, loan: Loan) -> None:
            loan.overdue_since_on = None

    class AssetClassChanged(Event):
        """The loan moved to another asset class; *standard* is what decides when it moves on."""

        TOPIC = "loan.asset-class-changed"
        currency: str
        class_before: str
        asset_class: str
        reason: str
        days_past_due: int
        balance: Balance
        policy_version: str
        standard: ClassStandard

        def apply(self, loan: Loan) -> None:
            loan.asset_class = self.asset_class
            loan.class_since_on = self.effective_on
            loan.class_standard = self.standard

    class Settled(Event):
        """Everything that was owed is paid."""

        TOPIC = "loan.settled"
        currency: str
        early: bool
        balance: Balance
        bucket: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.SETTLED

    class Closed(Event):
        """The loan is settled and the borrower has no credit left."""

        TOPIC = "loan.closed"
        currency: str
        balance: Balance
        bucket: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.CLOSED

    class WrittenOff(Event):
        """The loss was taken; the claim and every contact rule survive."""

        TOPIC = "loan.written-off"
        currency: str
        principal: int
        interest: int
        fees: int
        penalty: int
        reason: str
        requested_by: str
        approved_by: str
        balance_before: Balance
        balance: Balance
        bucket: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.WRITTEN_OFF
            loan.balance = self.balance
            loan.claim = Split(self.fees, self.interest, self.penalty, self.principal)

    class RecoveryReceived(Event):
        """Money came in on a written-off loan; it stays written off.

        It is split over what was written off and not recovered yet; what exceeds that is
        in no part.
        """

        TOPIC = "loan.recovery-received"
        payment_ref: str
        received_on: date
        currency: str
        amount: int
        source: str
        recovered: int
        principal: int | None
        interest: int | None
        fees: int | None
        penalty: int | None

        @property
        def split(self) -> Split:
            """What it recovered of the claim; nothing is known of the first recoveries."""
            return Split(self.fees or 0, self.interest or 0, self.penalty or 0, self.principal or 0)

        def apply(self, loan: Loan) -> None:
            loan.recovered[self.payment_ref] = self.split
            loan.recoveries[self.payment_ref] = Fact(
                FactKind.RECOVERY, self.payment_ref, self.received_on, loan.facts_taken, self.amount
            )

    class RecoveryReversed(Event):
        """A recovery turned out not to stand; the loan stays written off."""

        TOPIC = "loan.recovery-reversed"
        payment_ref: str
        received_on: date
        currency: str
        amount: int
        reason: str
        kind: str | None
        recovered: int

        def apply(self, loan: Loan) -> None:
            loan.recoveries.pop(self.payment_ref)
            loan.recovered.pop(self.payment_ref, None)
            loan.reversed = [*loan.reversed, self.payment_ref]

    class SecurityTaken(Event):
        """Collateral was pledged, a guarantor bound, or insurance taken out."""

        TOPIC = "loan.security-taken"
        security_ref: str
        kind: str
        currency: str
        amount: int | None

        def apply(self, loan: Loan) -> None:
            loan.securities[self.security_ref] = Security(
                self.security_ref, self.kind, SecurityState.HELD, self.amount, []
            )

    class SecurityCalled(Event):
        """Collateral is enforced, a guarantor called, or insurance claimed."""

        TOPIC = "loan.security-called"
        security_ref: str
        kind: str
        currency: str
        amount: int | None
        reason: str

        def apply(self, loan: Loan) -> None:
            security = loan.securities[self.security_ref]
            loan.securities[self.security_ref] = replace(security, state=SecurityState.CALLED)

    class SecurityRealised(Event):
        """A security paid; the payment itself is an event beside it.

        The amount is negative where that payment is taken back.
        """

        TOPIC = "loan.security-realised"
        security_ref: str
        kind: str
        currency: str
        amount: int
        payment_ref: str

        def apply(self, loan: Loan) -> None:
            security = loan.securities[self.security_ref]
            payments = [ref for ref in security.payments if ref != self.payment_ref]
            if self.amount > 0:
                payments.append(self.payment_ref)
            loan.securities[self.security_ref] = replace(security, payments=payments)

    class SecurityReleased(Event):
        """A security was given back; it stands for this loan no more."""

        TOPIC = "loan.security-released"
        security_ref: str
        kind: str
        reason: str

        def apply(self, loan: Loan) -> None:
            security = loan.securities[self.security_ref]
            loan.securities[self.security_ref] = replace(security, state=SecurityState.RELEASED)

    class Sold(Event):
        """The claim passed to another owner; the amounts are what left our book."""

        TOPIC = "loan.sold"
        currency: str
        buyer_ref: str
        price: int
        principal: int
        interest: int
        fees: int
        penalty: int
        requested_by: str
        approved_by: str
        balance_before: Balance
        balance: Balance
        bucket: str
        state_before: str

        def apply(self, loan: Loan) -> None:
            loan.state = LoanState.SOLD
            loan.buyer_ref = self.buyer_ref
            loan.balance = self.balance

    class InterestSubsidised(Event):
        """The lender earned interest that a partner pays; *amount* is added to the instalment's.

        It is negative where a correction of the past lets it be less than was said before.
        """

        TOPIC = "loan.interest-subsidised"
        currency: str
        payer: str
        annual_rate: Decimal
        instalment: int
        from_on: date
        until_on: date
        amount: int
        total: int

        def apply(self, loan: Loan) -> None:
            loan.subsidised = {**loan.subsidised, str(self.instalment): self.total}

    # --- the application ----------------------------------------------------------

    @classmethod
    def apply_for(
        cls,
        act: Act,
        loan_id: UUID,
        *,
        loan_ref: str,
        borrower_id: UUID,
        product_code: str,
        product_version: int,
        currency: str,
        amount: int,
        term_months: int,
        evidence_needed: list[str],
        levels: ServiceLevels,
        purpose: str | None = None,
        channel: str = "BRANCH",
        applied_on: date | None = None,
        segment: str | None = None,
        scene: str | None = None,
        partner: str | None = None,
        partner_order_ref: str | None = None,
    ) -> Loan:
        """A new application, waiting for evidence or for its decision."""
        positive(amount, "The amount applied for")
        positive(term_months, "The term")
        on = applied_on or act.business_on
        stage = Stage.EVIDENCE if evidence_needed else Stage.DECISION
        return cls.open(
            cls.Applied,
            act,
            loan_id,
            on,
            loan_ref=loan_ref,
            borrower_id=borrower_id,
            product_code=product_code,
            product_version=product_version,
            currency=currency,
            amount=amount,
            term_months=term_months,
            purpose=purpose,
            channel=channel,
            missing=list(evidence_needed),
            stage=stage,
            stage_due_on=stage_due_on(stage, on, levels),
            valid_until_on=on + timedelta(days=levels.application_valid_days),
            policy_version=levels.version,
            segment=segment,
            scene=scene,
            partner=partner,
            partner_order_ref=partner_order_ref,
        )

    def add_evidence(
        self, act: Act, *, kind: str, source: str, evidence_ref: str, levels: ServiceLevels
    ) -> None:
        """Record evidence of a kind that is still missing; what came before changes nothing."""
        self._must_be_under_review()
        if kind not in self.evidence_asked:
            asked = ", ".join(self.evidence_asked) or "none"
            raise no.EvidenceNotAsked(f"Evidence that is asked for: {asked}; not {kind!r}.")
        if kind not in self.missing:
            return
        missing = [other for other in self.missing if other != kind]
        stage, due_on = Stage.EVIDENCE, self.stage_due_on
        if not missing:
            stage = Stage.DECISION
            due_on = stage_due_on(stage, act.business_on, levels)
        self.record(
            self.EvidenceAdded,
            act,
            act.business_on,
            kind=kind,
            source=source,
            evidence_ref=evidence_ref,
            missing=missing,
            stage=stage,
            stage_due_on=due_on,
            policy_version=levels.version,
        )

    def approve(
        self,
        act: Act,
        *,
        amount: int,
        term_months: int,
        annual_rate: Decimal,
        requested_by: str,
        approved_by: str,
        levels: ServiceLevels,
        grade: str | None = None,
        model_version: str | None = None,
        cap_version: str | None = None,
    ) -> None:
        """Approve the application with the terms of the offer."""
        self._must_be_under_review()
        self._must_not_have_run_out(act)
        two_people(requested_by, approved_by, "An approval")
        positive(amount, "The amount approved")
        positive(term_months, "The term")
        if not rate_fits(annual_rate):
            raise no.RateNotSound(f"A rate of {annual_rate} cannot be offered or stored exactly.")
        if self.missing:
            raise no.EvidenceMissing(f"Before approval this is needed: {', '.join(self.missing)}.")
        stage = Stage.DISCLOSURE
        self.record(
            self.Approved,
            act,
            act.business_on,
            currency=self.currency,
            amount=amount,
            term_months=term_months,
            annual_rate=annual_rate,
            requested_by=requested_by,
            approved_by=approved_by,
            valid_until_on=act.business_on + timedelta(days=levels.offer_valid_days),
            stage=stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
            grade=grade,
            model_version=model_version,
            cap_version=cap_version,
        )

    def decline(self, act: Act, *, reasons: list[str], decided_by: str) -> None:
        """Decline the application; reasons are needed."""
        self._must_be_under_review()
        if not any(reason.strip() for reason in reasons):
            raise no.ReasonMissing("A decline needs at least one reason.")
        self.record(
            self.Declined,
            act,
            act.business_on,
            reasons=reasons,
            decided_by=decided_by,
            stage=Stage.DECLINED,
            stage_before=self.stage,
        )

    def withdraw(self, act: Act, *, reason: str) -> None:
        """End the application at the applicant's wish, at any stage before payout."""
        if self.state not in (*UNDER_REVIEW, *OFFERED):
            raise no.NotUnderReview(f"The loan is {self._state_words()} and cannot be withdrawn.")
        self.record(
            self.Withdrawn,
            act,
            act.business_on,
            reason=reason,
            stage=Stage.WITHDRAWN,
            stage_before=self.stage,
        )

    def disclose(self, act: Act, *, terms: Terms, levels: ServiceLevels) -> None:
        """Show the borrower what *terms* cost if paid out today."""
        if self.state not in (LoanState.APPROVED, LoanState.DISCLOSED):
            raise no.NotApproved(
                f"The loan is {self._state_words()}; there is no offer to disclose."
            )
        self._must_not_have_run_out(act)
        self._must_match_offer(terms)
        rows = schedule(terms, act.business_on)
        stage = Stage.SIGNING
        self.record(
            self.CostDisclosed,
            act,
            act.business_on,
            currency=terms.currency,
            principal=terms.amount,
            interest=sum(row.interest for row in rows),
            fees=sum(row.fees for row in rows),
            annualised_cost=cost.annualised_cost(cost.cash_flows(terms, act.business_on, rows)),
            method="IRR",
            terms_digest=cost.digest(terms),
            charges=["INTEREST", "PENALTY", *(fee.kind for fee in terms.fees)],
            stage=stage,
            stage_before=self.stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
        )

    def sign(
        self,
        act: Act,
        *,
        terms: Terms,
        contract_ref: str,
        template_version: str,
        levels: ServiceLevels,
    ) -> None:
        """Sign the contract on exactly the terms that were disclosed."""
        if self.state not in (LoanState.APPROVED, LoanState.DISCLOSED):
            raise no.NotApproved(f"The loan is {self._state_words()}; there is nothing to sign.")
        self._must_not_have_run_out(act)
        terms_digest = cost.digest(terms)
        if terms_digest != self.disclosed:
            raise no.NotDisclosed(
                "The cost of these terms was not disclosed; disclose it, then sign."
            )
        stage = Stage.DISBURSEMENT
        self.record(
            self.ContractSigned,
            act,
            act.business_on,
            contract_ref=contract_ref,
            template_version=template_version,
            terms=terms,
            terms_digest=terms_digest,
            stage=stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
        )

    def disburse(
        self,
        act: Act,
        *,
        disbursement_ref: str,
        paid_to: str,
        first_due_on: date | None = None,
        disbursed_on: date | None = None,
        business_days: BusinessDays | None = None,
        amount: int | None = None,
    ) -> None:
        """Pay the loan out; of one with a limit an *amount* within it, else all.

        What the contract plans to pay out later is left to be drawn. *business_days* are
        those of the calendar that the contract names, if it names one.
        """
        if self.state in (*PAID_OUT, LoanState.SOLD):
            raise no.AlreadyDisbursed(f"The loan was paid out on {self.disbursed_on}.")
        if self.state != LoanState.SIGNED or self.terms is None:
            raise no.NotSigned(
                f"The loan is {self._state_words()}; money goes out on a signed contract."
            )
        self._must_not_have_run_out(act)
        on = disbursed_on or act.business_on
        self._must_not_be_future(act, on)
        self._must_know_calendar(self.terms, business_days)
        amount = self._paid_out_at_first(amount)
        terms = replace(self.terms, amount=amount) if has_limit(self.terms) else self.terms
        rows = rolled(schedule(terms, on, first_due_on), business_days, on)
        ledger = ledger_of(self.terms)(self.terms, on, rows)
        self.record(
            self.Disbursed,
            act,
            on,
            disbursement_ref=disbursement_ref,
            borrower_id=self.borrower_id,
            loan_ref=self.loan_ref,
            currency=self.currency,
            amount=amount,
            paid_to=paid_to,
            schedule=rows,
            balance=ledger.balance(on),
            stage=Stage.SERVICING,
        )
        self._assess(act)

    def _paid_out_at_first(self, amount: int | None) -> int:
        assert self.terms is not None
        whole = self.terms.amount - sum(draw.amount for draw in self.terms.draws or ())
        if amount is None or amount == whole:
            return whole
        positive(amount, "A payout")
        if not has_limit(self.terms):
            raise no.DrawNotOffered(
                f"The contract pays out {self._written(whole)}, and no other amount."
            )
        if amount > whole:
            raise no.LimitExceeded(f"The limit is {self._written(whole)}.")
        return amount

    @classmethod
    def migrate(
        cls,
        act: Act,
        loan_id: UUID,
        *,
        loan_ref: str,
        borrower_id: UUID,
        origin: str,
        terms: Terms,
        disbursed_on: date,
        accrues_from: date,
        rows: list[Instalment],
        unapplied: int = 0,
    ) -> Loan:
        """Take over a running loan with the instalments that are left of it.

        Raises:
            OpeningNotSound: there are none, they are out of order, paid beyond what is
                owed, or ask for more principal than was lent.
        """
        wrong = opening_fault(rows)
        if wrong:
            raise no.OpeningNotSound(wrong)
        if not disbursed_on <= accrues_from <= act.business_on:
            raise no.OpeningNotSound("Payout, takeover and today are not in the order of time.")
        if terms.accrual == Accrual.DAILY_BALANCE and rows[0].due_on <= accrues_from:
            raise no.OpeningNotSound(
                "A loan with interest by the balance of each day is taken over before its"
                " first instalment left is due."
            )
        if unapplied < 0:
            raise no.OpeningNotSound("A loan is not taken over with less than no credit.")
        ledger = ledger_of(terms)(terms, accrues_from, rows, unapplied)
        if not 0 < ledger.balance(act.business_on).principal <= terms.amount:
            raise no.OpeningNotSound("The principal left is not between zero and the amount lent.")
        oldest = ledger.oldest_unpaid_on()
        dpd = delinquency.days_past_due(oldest, act.business_on)
        return cls.open(
            cls.Migrated,
            act,
            loan_id,
            act.business_on,
            loan_ref=loan_ref,
            borrower_id=borrower_id,
            origin=origin,
            currency=terms.currency,
            terms=terms,
            disbursed_on=disbursed_on,
            accrues_from=accrues_from,
            schedule=rows,
            balance=ledger.balance(act.business_on),
            bucket=delinquency.bucket(dpd),
            overdue_since_on=oldest if dpd else None,
            stage=Stage.SERVICING,
        )

    # --- money --------------------------------------------------------------------

    def repay(
        self,
        act: Act,
        *,
        amount: int,
        currency: str,
        received_on: date,
        payment_ref: str,
        source: str = Source.BORROWER,
        payoff: bool = False,
        future_money: str | None = None,
    ) -> None:
        """Record money received; the same payment twice is recorded once.

        A payment dated before earlier ones makes them split anew. On a written-off
        loan it is a recovery. With *payoff* it closes the loan early. *future_money*
        is where it goes beyond what is due, if not as the terms say.

        Raises:
            PaymentRefReused: *payment_ref* already names another payment.
            PayoffShort: *payoff* was asked for and *amount* does not suffice.
        """
        self._must_be_paid_out()
        positive(amount, "A payment")
        if currency != self.currency:
            raise no.CurrencyDiffers(f"The loan is in {self.currency}, the payment in {currency}.")
        if self._knows_payment(payment_ref, amount, received_on):
            return
        self._must_not_be_before_disbursement(received_on)
        self._must_not_be_future(act, received_on)
        if future_money not in (None, *FutureMoney, *Prepayment):
            raise TermsNotOffered(f"The rule {future_money!r} for money not yet due is unknown.")
        if self._accrues_daily() and future_money in (FutureMoney.REAMORTISED, *Prepayment):
            raise TermsNotOffered("Interest by the balance of each day is laid anew of itself.")
        if self.state == LoanState.WRITTEN_OFF:
            self._recover(act, amount, received_on, payment_ref, source)
            return
        unseen = received_on == act.business_on or self.overdue_since_on is None
        if unseen:
            # Late by a day is late, even when no day's run has seen it.
            self._charge_overdue(act, received_on)
        if payoff and (owed := self.payoff(received_on)) > amount:
            raise no.PayoffShort(
                f"On {received_on} it takes {self._written(owed)} to close the loan,"
                f" not {self._written(amount)}."
            )
        if unseen:
            self._assess(act, received_on)
        kind = FactKind.PAYOFF if payoff else FactKind.PAYMENT
        fact = Fact(
            kind,
            payment_ref,
            received_on,
            self.facts_taken,
            amount,
            future_money=future_money,
            source=source,
        )
        ledger = self._ledger_with([*self.facts, fact])
        split = ledger.splits[payment_ref]
        self.record(
            self.Repaid,
            act,
            received_on,
            payment_ref=payment_ref,
            received_on=received_on,
            amount=amount,
            source=source,
            payoff=payoff,
            fees=split.fees,
            interest=split.interest,
            penalty=split.penalty,
            principal=split.principal,
            unapplied=split.unapplied,
            parts=ledger.parts[payment_ref],
            future_money=future_money,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, received_on, early=payoff)

    def draw(
        self, act: Act, *, amount: int, draw_ref: str, paid_to: str, drawn_on: date | None = None
    ) -> None:
        """Pay more out, within the limit less the principal owed; once for a reference.

        A draw dated before earlier payments makes them split anew.

        Raises:
            DrawRefReused: *draw_ref* already names another draw.
            DrawNotOffered: the contract has no limit that can be drawn on.
            LimitExceeded: on some day more principal would be owed than the limit.
            PastDue: something is past due.
        """
        self._must_be_active()
        positive(amount, "A draw")
        on = drawn_on or act.business_on
        known = next((f for f in self.facts if f.kind == FactKind.DRAW and f.ref == draw_ref), None)
        if known is not None:
            if (known.amount, known.on) != (amount, on):
                raise no.DrawRefReused(f"The reference {draw_ref!r} already names another draw.")
            return
        self._must_not_be_before_disbursement(on)
        self._must_not_be_future(act, on)
        self._must_take_draws(act, on, amount)
        fact = Fact(FactKind.DRAW, draw_ref, on, self.facts_taken, amount)
        ledger = self._ledger_with([*self.facts, fact])
        self._must_keep_the_limit(ledger, on)
        self.record(
            self.Drawn,
            act,
            on,
            draw_ref=draw_ref,
            amount=amount,
            paid_to=paid_to,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _recover(
        self, act: Act, amount: int, received_on: date, payment_ref: str, source: str
    ) -> None:
        assert self.terms is not None
        order = self.terms.late_order or self.terms.allocation_order
        split = self.claim.less(_sum(list(self.recovered.values()))).first(amount, order)
        self.record(
            self.RecoveryReceived,
            act,
            received_on,
            payment_ref=payment_ref,
            received_on=received_on,
            currency=self.currency,
            amount=amount,
            source=source,
            recovered=sum(fact.amount for fact in self.recoveries.values()) + amount,
            principal=split.principal,
            interest=split.interest,
            fees=split.fees,
            penalty=split.penalty,
        )

    def reverse(self, act: Act, *, payment_ref: str, reason: str, kind: str | None = None) -> None:
        """Take back a payment that does not stand; a payment reversed before stays so.

        Later payments split anew, in the same event. A recovery of a written-off loan is
        taken back likewise, and the loan stays written off. *kind* says why, in one word.
        """
        self._must_be_paid_out()
        if kind not in (None, *ReversalKind):
            raise no.ReversalKindUnknown(
                f"A payment is reversed as {', '.join(ReversalKind)}; not as {kind!r}."
            )
        if payment_ref in self.reversed:
            return
        written_off = self.state == LoanState.WRITTEN_OFF
        facts = self.recoveries.values() if written_off else self.facts
        fact = next((f for f in facts if f.ref == payment_ref and (written_off or _pays(f))), None)
        if fact is None:
            before = " What was paid before the write-off stays as it is." if written_off else ""
            raise no.PaymentUnknown(
                f"No {'recovery' if written_off else 'payment'} {payment_ref!r} stands on this"
                f" loan that could be reversed.{before}"
            )
        if not reason.strip():
            raise no.ReasonMissing("A reversal needs a reason.")
        if written_off:
            self._reverse_recovery(act, fact, reason, kind)
            self._take_back_realised(act, fact)
            return
        ledger = self._rerun([other for other in self.facts if other != fact])
        self.record(
            self.RepaymentReversed,
            act,
            fact.on,
            payment_ref=payment_ref,
            received_on=fact.on,
            amount=fact.amount,
            reason=reason,
            reversed=self.splits[payment_ref],
            kind=kind,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)
        self._take_back_realised(act, fact)

    def _take_back_realised(self, act: Act, fact: Fact) -> None:
        """Record that a security did not pay what was taken back, if it was one that did."""
        for security in list(self.securities.values()):
            if fact.ref in security.payments:
                self._record_realised(act, security, -fact.amount, fact.on, fact.ref)

    def _record_realised(
        self, act: Act, security: Security, amount: int, on: date, payment_ref: str
    ) -> None:
        self.record(
            self.SecurityRealised,
            act,
            on,
            security_ref=security.security_ref,
            kind=security.kind,
            currency=self.currency,
            amount=amount,
            payment_ref=payment_ref,
        )

    def _reverse_recovery(self, act: Act, fact: Fact, reason: str, kind: str | None) -> None:
        self.record(
            self.RecoveryReversed,
            act,
            fact.on,
            payment_ref=fact.ref,
            received_on=fact.on,
            currency=self.currency,
            amount=fact.amount,
            reason=reason,
            kind=kind,
            recovered=sum(other.amount for other in self.recoveries.values()) - fact.amount,
        )

    def refund(
        self, act: Act, *, amount: int, refund_ref: str, requested_by: str, approved_by: str
    ) -> None:
        """Pay credit back to the borrower."""
        self._must_be_paid_out()
        positive(amount, "A refund")
        two_people(requested_by, approved_by, "A refund")
        known = next(
            (f for f in self.facts if f.kind == FactKind.REFUND and f.ref == refund_ref), None
        )
        if known is not None:
            if known.amount != amount:
                raise no.PaymentRefReused(
                    f"The reference {refund_ref!r} already names another refund."
                )
            return
        if amount > self.unapplied:
            raise no.NoCredit(
                f"The borrower has {self._written(max(self.unapplied, 0))} of credit,"
                f" not {self._written(amount)}."
            )
        fact = Fact(FactKind.REFUND, refund_ref, act.business_on, self.facts_taken, amount)
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            self.CreditRefunded,
            act,
            act.business_on,
            refund_ref=refund_ref,
            amount=amount,
            requested_by=requested_by,
            approved_by=approved_by,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)

    def charge_fee(self, act: Act, *, kind: str, fee_ref: str, due_on: date | None = None) -> None:
        """Charge a fee or penalty that the contract names for an event.

        It is owed with the next instalment, or with *due_on* with the first that is not
        due before that day; after the last one it makes an instalment of its own. Where
        the terms let charges count from the start, earlier payments split anew, also
        those of a loan that was settled.
        """
        self._must_take_charges()
        if fee_ref in self.fees:
            if self.fees[fee_ref].kind != kind:
                raise no.FeeRefReused(f"The reference {fee_ref!r} already names another fee.")
            return
        if fee_ref.startswith(PREFIX):
            raise no.FeeRefReused(f"References of overdue charges begin with {PREFIX!r}.")
        fee = self._fee_named(kind)
        assert self.terms is not None
        amount = charge(fee, self.terms)
        self._must_stay_below_cap(act.business_on, amount)
        due_on, number = self._charged_to(act.business_on, due_on)
        fact = Fact(
            FactKind.FEE,
            fee_ref,
            act.business_on,
            self.facts_taken,
            amount,
            number,
            due_on,
            owed=fee.owed,
        )
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            self.FeeCharged,
            act,
            act.business_on,
            fee_ref=fee_ref,
            kind=kind,
            amount=amount,
            instalment=number,
            owed=fee.owed,
            due_on=due_on,
            automatic=None,
            waived=None,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)

    def _fee_named(self, kind: str) -> FeeTerm:
        assert self.terms is not None
        for fee in self.terms.fees:
            if fee.kind == kind and fee.timing == FeeTiming.ON_EVENT:
                return fee
        raise no.FeeNotDisclosed(f"The contract names no fee {kind!r} for an event.")

    def _charged_to(self, on: date, due_on: date | None) -> tuple[date | None, int]:
        """The own day of a charge, if it has one, and the instalment that it is owed with."""
        assert self.terms is not None
        if due_on is None and self.terms.charges_due == ChargesDue.OWN_DAY:
            due_on = on
        if due_on is None:
            coming = [row for row in self.instalments if row.pay_by_on >= on]
            return None, (coming[0] if coming else self.instalments[-1]).number
        self._must_not_be_before_disbursement(due_on)
        coming = [row for row in self.instalments if row.due_on >= due_on]
        return due_on, coming[0].number if coming else self.instalments[-1].number + 1

    def waive_fee(
        self,
        act: Act,
        *,
        fee_ref: str,
        amount: int,
        reason: str,
        requested_by: str,
        approved_by: str,
    ) -> None:
        """Forgive an unpaid fee, or part of it."""
        self._must_be_active()
        positive(amount, "A waiver")
        two_people(requested_by, approved_by, "A waiver")
        fee = self.fees.get(fee_ref)
        if fee is None:
            raise no.FeeUnknown(f"No fee {fee_ref!r} was charged on this loan.")
        row = self._row(fee.instalment)
        unpaid = row.penalty_left if fee.owed == Owed.PENALTY else row.fees - row.fees_paid
        if amount > min(fee.amount - fee.waived, unpaid):
            raise no.FeeUnknown(
                f"Less than {self._written(amount)} of the fee {fee_ref!r} is unpaid."
            )
        fact = Fact(
            FactKind.WAIVER, fee_ref, act.business_on, self.facts_taken, amount, fee.instalment
        )
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            self.FeeWaived,
            act,
            act.business_on,
            fee_ref=fee_ref,
            amount=amount,
            instalment=fee.instalment,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            owed=fee.owed,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)

    def move_due_date(
        self,
        act: Act,
        *,
        instalment: int,
        due_on: date,
        reason: str,
        business_days: BusinessDays | None = None,
    ) -> None:
        """Give an unpaid instalment another due date; interest stays as scheduled."""
        self._must_be_active()
        row = self._row(instalment)
        if row.paid_on is not None or row.left == 0:
            raise no.InstalmentNotOpen(f"Instalment {instalment} is paid.")
        if due_on == row.due_on:
            return
        assert self.disbursed_on is not None
        before = [r.due_on for r in self.instalments if r.number < instalment]
        after = [r.due_on for r in self.instalments if r.number > instalment]
        earliest = max(before) if before else self.disbursed_on
        if due_on <= earliest or (after and due_on >= min(after)) or due_on < act.business_on:
            raise no.DueDateOutOfOrder(
                f"Instalment {instalment} can move to a day from {act.business_on} on,"
                f" after {earliest}" + (f" and before {min(after)}." if after else ".")
            )
        assert self.terms is not None
        self._must_know_calendar(self.terms, business_days)
        pay_by_on = due_on if business_days is None else business_days.on_or_after(due_on)
        move = MovedDate(instalment, due_on, pay_by_on)
        fact = Fact(
            FactKind.MOVE,
            f"move-{self.facts_taken}",
            act.business_on,
            self.facts_taken,
            0,
            instalment,
            due_on,
            pay_by_on,
        )
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            self.DueDateMoved,
            act,
            act.business_on,
            moved=[move],
            reason=reason,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)

    def reschedule(
        self,
        act: Act,
        *,
        agreed: Agreement,
        reason: str,
        requested_by: str,
        approved_by: str,
        on: date | None = None,
        pay_by: PayBy | None = None,
    ) -> None:
        """Lay what is left of the loan anew, as two people grant it; *on* may lie back.

        Payments after *on* split anew, in the same event.

        Raises:
            NothingChanges: the agreement says too little.
            PlanImpossible: this schedule cannot be laid anew like that.
            TermsNotOffered: interest goes by the balance of each day.
        """
        self._must_be_active()
        if self._accrues_daily():
            raise TermsNotOffered(
                "What interest by the balance of each day is laid over is not laid anew;"
                " a due date can be moved."
            )
        two_people(requested_by, approved_by, "A rescheduling")
        if not reason.strip():
            raise no.ReasonMissing("A rescheduling needs a reason.")
        if on is None:
            on = min(act.business_on, agreed.free_from or act.business_on)
        self._must_not_be_future(act, on)
        self._must_not_be_before_disbursement(on)
        change = change_of(agreed, self._standing(on, pay_by))
        self._must_be_under_cap(change.annual_rate, on)
        fact = self._reschedule_fact(f"reschedule-{self.facts_taken}", on, change)
        ledger = self._rerun([*self.facts, fact])
        if ledger.rows == self.instalments and change.annual_rate is None and not change.pause:
            raise no.NothingChanges("What is left of the loan stays as it is by that.")
        self.record(
            self.Rescheduled,
            act,
            on,
            kind=agreed.kind,
            change=change,
            annual_rate=ledger.laid.rates[-1].annual_rate,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            policy_version=None,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _reschedule_fact(self, ref: str, on: date, change: Change) -> Fact:
        return Fact(FactKind.RESCHEDULE, ref, on, self.facts_taken, change=change)

    def _standing(self, on: date, pay_by: PayBy | None = None) -> Standing:
        assert self.terms is not None and self.accrues_from is not None
        rows = self.ledger_on(on).rows if on < self._last_fact_on() else self.instalments
        return Standing(
            self.terms,
            self.accrues_from,
            self.opening[0].due_on,
            rows,
            on,
            pay_by or (lambda day: day),
        )

    def _last_fact_on(self) -> date:
        return max((fact.on for fact in self.facts), default=date.min)

    def _must_be_under_cap(self, annual_rate: Decimal | None, on: date) -> None:
        assert self.terms is not None
        caps = [cap for cap in self.terms.rate_caps or () if cap.from_on <= on]
        if annual_rate is not None and caps and annual_rate > caps[-1].annual_rate:
            raise no.RateNotSound(
                f"A rate of {annual_rate} lies over the cap of {caps[-1].annual_rate}"
                f" that counts on {on} ({caps[-1].version})."
            )

    # --- the rate plan --------------------------------------------------------------

    def _assess_steps(self, act: Act) -> None:
        """Record which steps of the rate plan are earned, forfeited or no longer earned."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN:
            return
        for place, step in enumerate(plan.steps):
            known = self.steps.get(str(step.from_instalment))
            assessed_on = self._assessed_on(step)
            if assessed_on is None or (known is None and act.business_on <= assessed_on):
                continue
            # What is owed at payout, before the first instalment, earns no step.
            first = max(self.opening[0].number, 1)
            if place and plan.scope != RateScope.TERM:
                first = plan.steps[place - 1].from_instalment
            late = self._late_instalment(first, step.from_instalment)
            if late is None and known != StepState.EARNED:
                self._step_down(act, step)
            elif late is not None and known == StepState.EARNED:
                self._reverse_step(act, step, late)
            elif late is not None and known is None:
                self.record(
                    self.StepDownForfeited,
                    act,
                    next_day(assessed_on),
                    from_instalment=step.from_instalment,
                    late_instalment=late,
                )

    def _assessed_on(self, step: RateStep) -> date | None:
        """The last day on which the instalment before *step* can be paid on time."""
        row = next((r for r in self.instalments if r.number == step.from_instalment - 1), None)
        return None if row is None else self._on_time_until(row)

    def _on_time_until(self, row: Instalment) -> date:
        assert self.terms is not None and self.terms.rate_plan is not None
        grace = self.terms.grace_days if self.terms.rate_plan.grace_counts else 0
        return row.pay_by_on + timedelta(days=grace)

    def _late_instalment(self, first: int, before: int) -> int | None:
        """The first instalment from *first* on, before another, that was not paid on time."""
        for row in self.instalments:
            asked = row.left > 0 or row.paid_on is not None
            in_time = row.paid_on is not None and row.paid_on <= self._on_time_until(row)
            if first <= row.number < before and asked and not in_time:
                return row.number
        return None

    def _step_down(self, act: Act, step: RateStep) -> None:
        on = next(r.due_on for r in self.instalments if r.number == step.from_instalment - 1)
        change = Change(annual_rate=step.annual_rate)
        fact = self._reschedule_fact(f"step-{step.from_instalment}", on, change)
        before = self.rate_on(on)
        ledger = self._rerun([*self.facts, fact])
        self.record(
            self.RateSteppedDown,
            act,
            on,
            from_instalment=step.from_instalment,
            annual_rate_before=before,
            annual_rate=step.annual_rate,
            change=change,
            **self._outcome(act, ledger),
        )

    def _reverse_step(self, act: Act, step: RateStep, late: int) -> None:
        ref = f"step-{step.from_instalment}"
        fact = next(fact for fact in self.facts if fact.ref == ref)
        ledger = self._rerun([other for other in self.facts if other.ref != ref])
        self.record(
            self.StepDownReversed,
            act,
            fact.on,
            from_instalment=step.from_instalment,
            annual_rate_before=step.annual_rate,
            annual_rate=ledger.laid.rate_after(fact.on),
            late_instalment=late,
            **self._outcome(act, ledger),
        )

    def reprices_on(self) -> date | None:
        """The next day on which an index sets the rate anew; None without one."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.INDEXED or not plan.reprice_months:
            return None
        assert self.accrues_from is not None
        months = plan.reprice_months
        while (day := add_months(self.accrues_from, months)) <= (
            self.repriced_on or self.accrues_from
        ):
            months += plan.reprice_months
        return day if day < self._last_due_on() else None

    def reprice(self, act: Act, index: IndexRate) -> None:
        """Set the rate anew from *index* and the contract's margin, on its repricing date.

        The date is noted also where the rate stays what it was. A rate over the cap that
        counts then is held at the cap, and none falls below zero.
        """
        self._must_be_active()
        on = self.reprices_on()
        if on is None or on > act.business_on:
            raise no.NothingChanges("No repricing date of this loan has come.")
        assert self.terms is not None and self.terms.rate_plan is not None
        caps = [cap for cap in self.terms.rate_caps or () if cap.from_on <= on]
        rate = max(index.annual_rate + (self.terms.rate_plan.margin or 0), Decimal(0))
        rate = min(rate, caps[-1].annual_rate) if caps else rate
        change = Change(annual_rate=rate)
        fact = self._reschedule_fact(f"reschedule-{self.facts_taken}", on, change)
        ledger = self._rerun([*self.facts, fact])
        self.record(
            self.Rescheduled,
            act,
            on,
            kind=RescheduleKind.REPRICING,
            change=change,
            annual_rate=rate,
            reason=f"{index.index} at {index.annual_rate}",
            requested_by=None,
            approved_by=None,
            policy_version=index.version,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def rate_on(self, on: date) -> Decimal:
        """The annual rate of the days after *on*, by what counts until then."""
        return self.ledger_on(on).laid.rate_after(on)

    # --- renewal --------------------------------------------------------------------

    def _offer_renewal(self, act: Act) -> None:
        """Offer the renewal of the contract in time, or let the offer run out."""
        term = self.terms.renewal if self.terms else None
        if term is None:
            return
        if self.renewal is not None:
            if act.business_on > self.renewal.valid_until_on:
                self.record(
                    self.RenewalExpired,
                    act,
                    next_day(self.renewal.valid_until_on),
                    sequence=self.renewal.sequence,
                    valid_until_on=self.renewal.valid_until_on,
                )
            return
        day = self._renewal_day()
        if day is None or not day <= act.business_on <= self._last_due_on():
            return
        if self._is_past_due(act.business_on) or not self.balance.principal:
            return
        change = self._renewal_change(act.business_on)
        ledger = self._rerun(
            [*self.facts, self._reschedule_fact("renewal", act.business_on, change)]
        )
        # Interest of the row that runs is counted from its start.
        since = max(
            (row.due_on for row in self.instalments if row.due_on <= act.business_on),
            default=self.accrues_from,
        )
        flows = [
            Flow(since or act.business_on, self.balance.principal, self.balance.principal),
            *(
                Flow(row.due_on, -row.left, -row.principal_left)
                for row in ledger.rows
                if row.left and row.due_on > act.business_on
            ),
        ]
        if len(flows) == 1:
            return  # all that is left is due today
        ahead = [row for row in ledger.rows if row.due_on > act.business_on]
        self.record(
            self.RenewalOffered,
            act,
            act.business_on,
            currency=self.currency,
            term_months=term.term_months,
            sequence=self.renewals + 1,
            most=term.most,
            valid_until_on=self._last_due_on(),
            annual_rate=ledger.laid.rates[-1].annual_rate,
            interest=sum(row.interest - row.interest_paid for row in ahead),
            fees=sum(row.fees - row.fees_paid for row in ahead),
            annualised_cost=cost.annual_cost(cost.CostMethod.IRR, flows).quantize(cost.SCALE),
            method=cost.CostMethod.IRR,
            offer_digest=cost.change_digest(change),
        )

    def renew(self, act: Act, *, consent_ref: str) -> None:
        """Accept the renewal that was offered; the borrower's consent is filed.

        Raises:
            NotRenewable: no offer stands.
            PastDue: something is overdue.
        """
        offer = self._must_be_renewable(act)
        assert self.terms is not None and self.terms.renewal is not None
        if self._is_past_due(act.business_on):
            raise no.PastDue("A loan that is past due is not renewed; what is overdue comes first.")
        change = self._renewal_change(act.business_on)
        if cost.change_digest(change) != offer.offer_digest:
            raise no.NotDisclosed("The loan changed since the offer; it is offered anew.")
        fact = self._reschedule_fact(f"renewal-{offer.sequence}", act.business_on, change)
        ledger = self._rerun([*self.facts, fact])
        self.record(
            self.Renewed,
            act,
            act.business_on,
            term_months=offer.term_months,
            sequence=offer.sequence,
            most=self.terms.renewal.most,
            offer_digest=offer.offer_digest,
            consent_ref=consent_ref,
            change=change,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)

    def decline_renewal(self, act: Act, *, reason: str) -> None:
        """Let the loan fall due as it was."""
        offer = self._must_be_renewable(act)
        self.record(
            self.RenewalDeclined, act, act.business_on, sequence=offer.sequence, reason=reason
        )

    def _must_be_renewable(self, act: Act) -> RenewalOffer:
        self._must_be_active()
        if self.renewal is None or act.business_on > self.renewal.valid_until_on:
            raise no.NotRenewable("No renewal is on offer for this loan today.")
        return self.renewal

    def _renewal_change(self, on: date) -> Change:
        assert self.terms is not None and self.terms.renewal is not None
        count = rows_added(self.terms, self.terms.renewal.term_months)
        # Nothing is past due then; what falls due on the very day goes on as well.
        return Change(rows=self._standing(on).more(count), gathers_principal=True)

    def _renewal_day(self) -> date | None:
        """The day a renewal is offered; None when the contract has no further one."""
        term = self.terms.renewal if self.terms else None
        if term is None or self.renewals >= term.most:
            return None
        return self._last_due_on() - timedelta(days=term.offer_days)

    def _last_due_on(self) -> date:
        return max(row.due_on for row in self.instalments if row.paid_on is None or row.principal)

    def _is_past_due(self, on: date) -> bool:
        return delinquency.days_past_due(self.oldest_unpaid_on(), on) > 0

    def write_off(self, act: Act, *, reason: str, requested_by: str, approved_by: str) -> None:
        """Take the loss of everything still owed."""
        if self.state == LoanState.WRITTEN_OFF:
            return
        self._must_be_active()
        two_people(requested_by, approved_by, "A write-off")
        if not reason.strip():
            raise no.ReasonMissing("A write-off needs a reason.")
        self._charge_overdue(act)
        before = self._ledger().balance(act.business_on)
        self.record(
            self.WrittenOff,
            act,
            act.business_on,
            currency=self.currency,
            principal=before.principal,
            interest=before.interest,
            fees=before.fees,
            penalty=before.penalty,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            balance_before=before,
            balance=Balance(0, 0, 0, 0, before.unapplied),
            bucket=self.bucket,
        )

    def sell(
        self,
        act: Act,
        *,
        price: int,
        buyer_ref: str,
        sold_on: date,
        requested_by: str,
        approved_by: str,
    ) -> None:
        """Pass the claim to another owner for a price; from then on he has the say.

        Raises:
            NotForSale: the loan is neither active nor written off, the borrower has credit,
                or money moved after *sold_on*.
        """
        if self.state == LoanState.SOLD and self.buyer_ref == buyer_ref:
            return
        self._must_be_paid_out()
        if self.state not in (LoanState.ACTIVE, LoanState.WRITTEN_OFF):
            raise no.NotForSale(f"The loan is {self._state_words()}; there is no claim to sell.")
        two_people(requested_by, approved_by, "A sale")
        positive(price, "The price")
        if not buyer_ref.strip():
            raise no.NotForSale("A sale needs the reference of the new owner.")
        self._must_not_be_before_disbursement(sold_on)
        self._must_not_be_future(act, sold_on)
        last = max((fact.on for fact in (*self.facts, *self.recoveries.values())), default=sold_on)
        if last > sold_on:
            raise no.NotForSale(
                f"Money moved on {last}, after {sold_on}; sell it as of {last} or later."
            )
        if self.unapplied > 0:
            raise no.NotForSale(
                f"The borrower has {self._written(self.unapplied)} of credit; refund it, then sell."
            )
        before = self._ledger().balance(sold_on)
        if self.state == LoanState.WRITTEN_OFF:
            before = self.balance
        self.record(
            self.Sold,
            act,
            sold_on,
            currency=self.currency,
            buyer_ref=buyer_ref,
            price=price,
            principal=before.principal,
            interest=before.interest,
            fees=before.fees,
            penalty=before.penalty,
            requested_by=requested_by,
            approved_by=approved_by,
            balance_before=before,
            balance=Balance(0, 0, 0, 0, before.unapplied),
            bucket=self.bucket,
            state_before=self.state,
        )

    def refund_by_partner(
        self, act: Act, *, amount: int, received_on: date, payment_ref: str
    ) -> None:
        """Record money that the school or merchant gives back, the purchase being cancelled.

        It closes the loan if it suffices; else it pays what is due and then principal, and
        the rest is laid anew: as the terms say, or with lower instalments.

        Raises:
            NoPartner: the terms name none; other money is recorded by ``repay``.
        """
        self._must_be_paid_out()
        if self.terms is None or self.terms.partner is None:
            raise no.NoPartner(
                "The terms of this loan name no partner; money of others comes by repay."
            )
        closes = self.state == LoanState.ACTIVE and 0 < self.payoff(received_on) <= amount
        self.repay(
            act,
            amount=amount,
            currency=self.currency,
            received_on=received_on,
            payment_ref=payment_ref,
            source=Source.PARTNER,
            payoff=closes,
            future_money=None if closes else self.terms.prepayment or Prepayment.LOWER_INSTALMENT,
        )

    # --- securities ---------------------------------------------------------------

    def take_security(
        self, act: Act, *, security_ref: str, kind: str, amount: int | None = None
    ) -> None:
        """Let collateral, a guarantor or insurance stand for the loan."""
        self._must_not_be_sold()
        if self.state not in SECURED:
            raise no.SecurityOutOfOrder(
                f"The loan is {self._state_words()}; a security is taken from the approval on,"
                " while something is owed."
            )
        if kind not in list(SecurityKind):
            raise no.SecurityUnknown(f"A security is {', '.join(SecurityKind)}; not {kind!r}.")
        if not security_ref.strip():
            raise no.SecurityUnknown("A security needs a reference of its own.")
        if amount is not None:
            positive(amount, "What is secured")
        known = self.securities.get(security_ref)
        if known is not None:
            if (known.kind, known.amount) != (kind, amount):
                raise no.SecurityRefReused(
                    f"The reference {security_ref!r} already names another security."
                )
            return
        self.record(
            self.SecurityTaken,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=kind,
            currency=self.currency,
            amount=amount,
        )

    def call_security(
        self, act: Act, *, security_ref: str, reason: str, amount: int | None = None
    ) -> None:
        """Enforce collateral, call a guarantor, or claim insurance."""
        security = self._security_in_use(security_ref)
        if not reason.strip():
            raise no.ReasonMissing("To call a security needs a reason.")
        if amount is not None:
            positive(amount, "What is called")
        if security.state == SecurityState.CALLED:
            return
        self.record(
            self.SecurityCalled,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=security.kind,
            currency=self.currency,
            amount=amount,
            reason=reason,
        )

    def realise_security(
        self, act: Act, *, security_ref: str, amount: int, received_on: date, payment_ref: str
    ) -> None:
        """Record what a security that was called paid: as a repayment, or as a recovery."""
        security = self._security_in_use(security_ref)
        if security.state != SecurityState.CALLED:
            raise no.SecurityOutOfOrder(
                f"The security {security_ref!r} was not called; call it, then record what it paid."
            )
        if payment_ref in security.payments:
            self._knows_payment(payment_ref, amount, received_on)
            return
        if self._knows_payment(payment_ref, amount, received_on):
            raise no.PaymentRefReused(
                f"The payment {payment_ref!r} is there already, and not of this security."
            )
        self.repay(
            act,
            amount=amount,
            currency=self.currency,
            received_on=received_on,
            payment_ref=payment_ref,
            source=PAID_BY[SecurityKind(security.kind)],
        )
        self._record_realised(act, security, amount, received_on, payment_ref)

    def release_security(self, act: Act, *, security_ref: str, reason: str) -> None:
        """Give a security back."""
        self._must_not_be_sold()
        known = self.securities.get(security_ref)
        if known is not None and known.state == SecurityState.RELEASED:
            return
        security = must_stand(self.securities, security_ref)
        if not reason.strip():
            raise no.ReasonMissing("A release needs a reason.")
        self.record(
            self.SecurityReleased,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=security.kind,
            reason=reason,
        )

    def _security_in_use(self, security_ref: str) -> Security:
        self._must_be_paid_out()
        if self.state not in (LoanState.ACTIVE, LoanState.WRITTEN_OFF):
            raise no.NotActive(f"The loan is {self._state_words()}; nothing is owed on it.")
        return must_stand(self.securities, security_ref)

    # --- time ---------------------------------------------------------------------

    def attend(self, act: Act, classes: AssetClassRule | None = None) -> None:
        """Do what the business date asks for: expire, charge what is overdue, tell how late it is.

        What its asset class is by *classes* is told too; nothing of it without a rule.
        """
        if self.state in (*UNDER_REVIEW, *OFFERED):
            if self.valid_until_on is not None and act.business_on > self.valid_until_on:
                self.record(
                    self.Expired,
                    act,
                    next_day(self.valid_until_on),
                    valid_until_on=self.valid_until_on,
                    stage=Stage.EXPIRED,
                    stage_before=self.stage,
                )
        elif self.state == LoanState.ACTIVE:
            self._assess_consequences(act)
            self._assess(act)
            self._offer_renewal(act)
            if self._has_limit():
                self._follow_up(act, act.business_on)
            self.reclassify(act, classes)
            self._subsidise(act, act.business_on)

    def reclassify(self, act: Act, rule: AssetClassRule | None) -> None:
        """Record in which asset class the loan is by *rule*, if that changed; dated when it did.

        To be called after whatever moves money or dates, in the same transaction. Without
        a rule nothing is said.
        """
        if rule is None or self.state != LoanState.ACTIVE:
            return
        past = self.past(rule.standard, self.instalments)
        found = classed(past, rule.standard, act.business_on)
        if found.asset_class == self.asset_class:
            return
        since = [found.since or act.business_on]
        if not worse(found.asset_class, self.asset_class):
            since = [day for day in (found.since, found.eased_on, self.class_since_on) if day]
        self.record(
            self.AssetClassChanged,
            act,
            max(since, default=act.business_on),
            currency=self.currency,
            class_before=self.asset_class,
            asset_class=found.asset_class,
            reason=found.reason,
            days_past_due=found.days_past_due,
            balance=self.balance,
            policy_version=rule.version,
            standard=rule.standard,
        )

    def past(self, standard: ClassStandard, rows: list[Instalment], on: date | None = None) -> Past:
        """What the asset class follows from, given the *rows* after the facts that count by *on*.

        All facts count if no day is said.
        """
        assert self.terms is not None
        if not self.reliefs and all(fact.kind != FactKind.MOVE for fact in self.facts):
            return Past(rows, [], None)
        counted = [(counts_from(fact, self.terms), fact) for fact in self.facts]
        counted = [(place, fact) for place, fact in counted if on is None or place[0] <= on]
        was_late: list[Lateness] = []
        restructured_on: date | None = None
        for place, fact in counted:
            restructures = self.reliefs.get(fact.ref) in standard.restructuring
            if restructures:
                restructured_on = max(restructured_on or fact.on, fact.on)
            if restructures or fact.kind == FactKind.MOVE:
                before = self._rerun([other for count, other in counted if count < place])
                was_late += late_until(before.rows, fact.on)
        return Past(rows, was_late, restructured_on)

    def next_action(self) -> NextAction | None:
        """When the application runs out, or the loan next changes its bucket or asset class."""
        if self.state in (*UNDER_REVIEW, *OFFERED):
            if self.valid_until_on is None:
                return None
            return NextAction(NextActionKind.EXPIRY, next_day(self.valid_until_on))
        if self.state != LoanState.ACTIVE:
            return None
        coming = [
            self._next_lateness(),
            self._next_charge(),
            self._next_class(),
            self._next_subsidy(),
            self._next_step(),
            self._next_renewal(),
            self._next_repricing(),
        ]
        return min((each for each in coming if each), key=lambda each: each.due_on, default=None)

    def _next_lateness(self) -> NextAction | None:
        oldest = self.oldest_unpaid_on()
        if oldest is None:
            return self._end_of_limit()
        due_on: date | None = next_day(oldest)
        if self.overdue_since_on is not None:
            due_on = delinquency.next_bucket_on(oldest, self.bucket)
        return None if due_on is None else NextAction(NextActionKind.DELINQUENCY, due_on)

    def _next_step(self) -> NextAction | None:
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN:
            return None
        for step in plan.steps:
            until = self._assessed_on(step)
            if until is not None and str(step.from_instalment) not in self.steps:
                return NextAction(NextActionKind.STEP_DOWN, next_day(until))
        return None

    def _next_repricing(self) -> NextAction | None:
        day = self.reprices_on()
        return None if day is None else NextAction(NextActionKind.REPRICING, day)

    def _next_renewal(self) -> NextAction | None:
        if self.renewal is not None:
            return NextAction(NextActionKind.RENEWAL, next_day(self.renewal.valid_until_on))
        day = self._renewal_day()
        # While it is past due nothing is offered; what cures it asks again.
        if day is None or self.overdue_since_on is not None:
            return None
        return NextAction(NextActionKind.RENEWAL, day)

    def _subsidies(self, until: date | None = None) -> list[Subsidised]:
        """What the partner owes for each instalment, by its day in the contract."""
        if self.terms is None or self.terms.subsidy is None:
            return []
        assert self.accrues_from is not None
        ledger = self._ledger()
        rows = ledger.rows
        if not self._was_laid_anew():
            # Interest stays as scheduled where only a due date was moved.
            days = {row.number: row.due_on for row in self.opening}
            rows = [replace(row, due_on=days.get(row.number, row.due_on)) for row in rows]
        return subsidised(self.terms, self.accrues_from, rows, ledger.laid.ahead, until)

    def _subsidise(self, act: Act, until: date, *, ends: bool = False) -> None:
        """Record what the partner owes for instalments due by *until*, as far as it is new.

        Where the loan *ends* then, the one that runs counts to that day, and no later one.
        """
        assert self.terms is not None
        if self.terms.subsidy is None:
            return
        owed = self._subsidies(until if ends else None)
        due = [each for each in owed if each.until_on <= until]
        known = {each.instalment for each in due}
        gone = [int(number) for number in self.subsidised if int(number) not in known]
        for each in [*due, *(Subsidised(number, until, until, 0) for number in gone)]:
            before = self.subsidised.get(str(each.instalment), 0)
            if each.amount == before:
                continue
            self.record(
                self.InterestSubsidised,
                act,
                each.until_on,
                currency=self.currency,
                payer=self.terms.subsidy.payer,
                annual_rate=self.terms.subsidy.annual_rate,
                instalment=each.instalment,
                from_on=each.from_on,
                until_on=each.until_on,
                amount=each.amount - before,
                total=each.amount,
            )

    def _next_subsidy(self) -> NextAction | None:
        for each in self._subsidies():
            if each.amount != self.subsidised.get(str(each.instalment), 0):
                return NextAction(NextActionKind.SUBSIDY, each.until_on)
        return None

    def _next_class(self) -> NextAction | None:
        standard = self.class_standard
        if standard is None:
            return None
        past = self.past(standard, self.instalments)
        day = next_change_on(past, standard, self.asset_class, self.class_since_on)
        return None if day is None else NextAction(NextActionKind.ASSET_CLASS, day)

    def _end_of_limit(self) -> NextAction | None:
        """When a loan ends on which nothing is owed, and nothing was drawn any more."""
        if not self._has_limit() or self.unapplied < 0:
            return None
        return NextAction(NextActionKind.LIMIT_ENDS, self.opening[-1].due_on)

    def _next_charge(self) -> NextAction | None:
        assert self.terms is not None and self.begun_on is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE):
            return None
        charged = [fact.ref for fact in self.facts if fact.automatic]
        due_on = next_charge_on(self._ledger(), self.begun_on, charged)
        return None if due_on is None else NextAction(NextActionKind.CHARGE, due_on)

    def oldest_unpaid_on(self) -> date | None:
        """The pay-by date that lateness counts from; None when all is paid."""
        return min((row.pay_by_on for row in self.instalments if row.left), default=None)

    def payoff(self, on: date) -> int:
        """What closes the loan on *on*, in minor units, credit counted.

        Of a past day it says what closed it then, by what is known now.
        """
        self._must_be_paid_out()
        ledger = self.ledger_on(on)
        return max(ledger.payoff(on) - ledger.unapplied, 0)

    def received(self, from_on: date, until_on: date) -> int:
        """Money received from one day to another, both included; minor units."""
        return sum(
            fact.amount
            for fact in (*self.facts, *self.recoveries.values())
            if (_pays(fact) or fact.kind == FactKind.RECOVERY) and from_on <= fact.on <= until_on
        )

    def _assess(self, act: Act, on: date | None = None, cause_on: date | None = None) -> None:
        """Record how late the loan is on *on*, if that changed; dated when it did.

        *on* and *cause_on*, from when what changed it counts, are today if not said.
        """
        if self.state != LoanState.ACTIVE:
            return
        on = on or act.business_on
        oldest = self.oldest_unpaid_on()
        dpd = delinquency.days_past_due(oldest, on)
        late_since = oldest if dpd else None
        overdue = self._overdue(on)
        better_on = self._better_on(cause_on or act.business_on, late_since or on)
        if late_since is not None and self.overdue_since_on is None:
            row = next(row for row in self.instalments if row.left)
            self.record(
                self.WentOverdue,
                act,
                next_day(late_since),
                currency=self.currency,
                instalment=row.number,
                oldest_unpaid_on=late_since,
                amount_overdue=overdue,
            )
        elif late_since is None and self.overdue_since_on is not None:
            better_on = max(better_on, next_day(self.overdue_since_on))
            self.record(
                self.Cured,
                act,
                better_on,
                currency=self.currency,
                overdue_since_on=self.overdue_since_on,
                next_pay_by_on=oldest,
            )
        current = delinquency.bucket(dpd)
        if current != self.bucket:
            entered = delinquency.entered_on(late_since, current) or better_on
            if current < self.bucket:
                entered = max(better_on, entered)
            self.record(
                self.BucketChanged,
                act,
                entered,
                currency=self.currency,
                bucket_before=self.bucket,
                bucket=current,
                days_past_due=dpd,
                oldest_unpaid_on=late_since,
                amount_overdue=overdue,
                balance=self.balance,
            )

    def _overdue(self, on: date) -> int:
        if self._accrues_daily():
            return self._ledger().overdue(on)
        return sum(row.left for row in self.instalments if row.pay_by_on < on)

    def _better_on(self, cause_on: date, late_before: date) -> date:
        """The day all that was due before *late_before* was paid, given what changed it."""
        paid = [row.paid_on for row in self.instalments if row.pay_by_on < late_before]
        return max([cause_on, *(day for day in paid if day is not None)])

    def _charge_overdue(self, act: Act, by: date | None = None) -> None:
        """Charge what instalments unpaid by a day deserve, and take back what they do not.

        With *by*, only what is deserved by then is charged and nothing is taken back.
        """
        assert self.terms is not None and self.begun_on is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE) or self.state not in SERVICED:
            return
        until = by or act.business_on
        own = [fact for fact in self.facts if not fact.automatic]
        wanted = deserved(self._rerun([]), own, self.begun_on, until)
        charged = {fact.ref: fact for fact in self.facts if fact.automatic}
        for ref, fact in charged.items() if by is None else ():
            due = wanted.get(ref)
            if due is None or (due.on, due.amount) != (fact.on, fact.amount):
                cause = Withdrawal.NOT_OVERDUE if due is None else Withdrawal.CHARGED_ANEW
                self._withdraw(act, fact, cause)
        standing_now = {fact.ref for fact in self.facts if fact.automatic}
        for ref, fact in wanted.items():
            if ref not in standing_now:
                self._charge_automatically(act, fact)

    def _assess_consequences(self, act: Act) -> None:
        """Charges and steps of the rate as instalments were paid, until they agree.

        A charge can make an instalment late for a step, and a step that is reversed can
        leave a later one unpaid; each follows from what counts earlier, so it ends.
        """
        before = -1
        while self.version != before:
            before = self.version
            self._charge_overdue(act)
            self._assess_steps(act)

    def _withdraw(self, act: Act, fact: Fact, cause: Withdrawal) -> None:
        ledger = self._rerun([other for other in self.facts if other != fact])
        self.record(
            self.FeeWithdrawn,
            act,
            fact.on,
            fee_ref=fact.ref,
            kind=self.fees[fact.ref].kind,
            amount=fact.amount,
            instalment=fact.instalment,
            cause=cause,
            owed=fact.owed,
            waived=min(self.fees[fact.ref].waived, fact.amount),
            **self._outcome(act, ledger),
        )

    def _charge_automatically(self, act: Act, fact: Fact) -> None:
        fact = replace(fact, order=self.facts_taken)
        ledger, known = self._rerun([*self.facts, fact]), self.fees.get(fact.ref)
        self.record(
            self.FeeCharged,
            act,
            fact.on,
            fee_ref=fact.ref,
            kind=kind_of(fact.ref),
            amount=fact.amount,
            instalment=fact.instalment,
            owed=fact.owed,
            due_on=fact.due_on,
            automatic=True,
            waived=min(known.waived, fact.amount) if known and known.waived else None,
            **self._outcome(act, ledger),
        )

    def _follow_up(self, act: Act, on: date, *, early: bool = False) -> None:
        """Labels that follow from a movement of money, in the same transaction."""
        self._assess_consequences(act)
        self._assess(act, cause_on=on)
        if self.state not in (LoanState.ACTIVE, LoanState.SETTLED):
            return
        may_be_paid = self.state == LoanState.ACTIVE and not any(
            row.left for row in self.instalments
        )
        if may_be_paid and (ledger := self._ledger()).is_over(act.business_on):
            on = max(on, ledger.last_paid_on() or on)
            self.record(
                self.Settled,
                act,
                on,
                currency=self.currency,
                early=early,
                balance=self.balance,
                bucket=self.bucket,
            )
            self._subsidise(act, on, ends=True)
        if self.state == LoanState.SETTLED and self.unapplied == 0:
            self.record(
                self.Closed,
                act,
                on,
                currency=self.currency,
                balance=self.balance,
                bucket=self.bucket,
            )

    # --- the ledger behind it -------------------------------------------------------

    def _was_laid_anew(self, *more: Fact) -> bool:
        """Whether a ledger takes more to go on than what its instalments say."""
        return any(
            fact.kind == FactKind.RESCHEDULE or fact.future_money in PREPAYMENTS
            for fact in (*self.facts, *more)
        ) or (self.terms is not None and self.terms.prepayment is not None)

    def _ledger(self) -> Ledger:
        assert self.terms is not None and self.accrues_from is not None
        # What a payment was charged for coming early is known to a run only.
        if self._was_laid_anew() or charged_at(self.terms, FeeTiming.ON_PREPAYMENT):
            return self._rerun(self.facts)
        return ledger_of(self.terms)(
            self.terms,
            self.accrues_from,
            list(self.instalments),
            self.unapplied,
            dict(self.parts),
            dict(self.splits),
            {fact.ref: fact.on for fact in self.facts if _pays(fact)},
            [fact for fact in standing(self.facts) if fact.kind == FactKind.FEE],
            [fact for fact in self.facts if fact.kind == FactKind.DRAW],
            self.opening,
            any(fact.kind == FactKind.PAYOFF for fact in self.facts),
        )

    def _rerun(self, facts: list[Fact]) -> Ledger:
        assert self.terms is not None and self.accrues_from is not None
        return run(
            self.terms,
            self.accrues_from,
            self.opening,
            facts,
            unapplied=self.opening_unapplied,
            kind=ledger_of(self.terms),
        )

    def ledger_on(self, on: date) -> Ledger:
        """The ledger after the facts that counted by the end of *on*, as it stood then."""
        assert self.terms is not None
        counting = [fact for fact in self.facts if counts_from(fact, self.terms)[0] <= on]
        ledger = self._ledger() if len(counting) == len(self.facts) else self._rerun(counting)
        ledger.rows = ledger.rows_on(on)
        return ledger

    def _ledger_with(self, facts: list[Fact]) -> Ledger:
        """The ledger with one more fact, the last of *facts*."""
        assert self.terms is not None
        terms, new = self.terms, facts[-1]
        latest = counts_from(new, terms)
        if (
            new.kind == FactKind.WAIVER
            or self._was_laid_anew(new)
            or any(counts_from(fact, terms) > latest for fact in self.facts)
        ):
            return self._rerun(facts)
        ledger = self._ledger()
        ledger.take(new)
        return ledger

    def _outcome(self, act: Act, ledger: Ledger) -> dict[str, object]:
        """The fields every event that moves money shares."""
        # Most splits are the same objects, and take nothing from the difference.
        before = [old for ref, old in self.splits.items() if ledger.splits.get(ref) is not old]
        after = [new for ref, new in ledger.splits.items() if self.splits.get(ref) is not new]
        reallocated = [
            Movement(ref, ledger.paid_on[ref], self.splits[ref], split, ledger.parts[ref])
            for ref, split in ledger.splits.items()
            if ref in self.splits and ledger.parts[ref] != self.parts[ref]
        ]
        # Most rows are the same objects; comparing them takes longer than the decision.
        known = {row.number: row for row in self.instalments}
        touched = [
            row
            for row in ledger.rows_on(act.business_on)
            if row is not (old := known.get(row.number)) and row != old
        ]
        state = self.state
        if state in (LoanState.SETTLED, LoanState.CLOSED):
            over = ledger.is_over(act.business_on)
            state = LoanState.SETTLED if over else LoanState.ACTIVE
        balance = ledger.balance(act.business_on)
        if state == LoanState.WRITTEN_OFF:
            balance = Balance(0, 0, 0, 0, ledger.unapplied)
        capitalised = None
        if self._was_laid_anew() or ledger.laid.bases:
            capitalised = _principal(ledger.rows) - _principal(self.instalments)
        return {
            "currency": self.currency,
            "net": _sum(after).less(_sum(before)),
            "instalments": touched,
            "reallocated": reallocated,
            "balance": balance,
            "bucket": self.bucket,
            "state_before": self.state,
            "state": state,
            "capitalised": capitalised or None,
        }

    def _row(self, number: int) -> Instalment:
        for row in self.instalments:
            if row.number == number:
                return row
        raise no.InstalmentNotOpen(f"The loan has no open instalment {number}.")

    def _knows_payment(self, payment_ref: str, amount: int, received_on: date) -> bool:
        if payment_ref in self.reversed:
            raise no.PaymentRefReused(
                f"The payment {payment_ref!r} was reversed; a new one needs a new reference."
            )
        for fact in (*self.facts, *self.recoveries.values()):
            if fact.ref == payment_ref and (_pays(fact) or fact.kind == FactKind.RECOVERY):
                if (fact.amount, fact.on) != (amount, received_on):
                    raise no.PaymentRefReused(
                        f"The reference {payment_ref!r} already names another payment."
                    )
                return True
        return False

    # --- guards ---------------------------------------------------------------------

    def _must_not_have_run_out(self, act: Act) -> None:
        if self.valid_until_on is not None and act.business_on > self.valid_until_on:
            raise no.RanOut(f"The application or offer ran out on {self.valid_until_on}.")

    def _written(self, amount: int) -> str:
        return f"{written(amount, self.currency)} {self.currency}"

    def _state_words(self) -> str:
        return self.state.lower().replace("_", " ")

    def _must_be_under_review(self) -> None:
        if self.state not in UNDER_REVIEW:
            raise no.NotUnderReview(
                f"The application is {self._state_words()} and no longer under review."
            )

    def _must_not_be_sold(self) -> None:
        if self.state == LoanState.SOLD:
            raise no.LoanSold(
                f"The loan was sold; its owner is {self.buyer_ref!r}: it is for them to act on it."
            )

    def _must_be_paid_out(self) -> None:
        self._must_not_be_sold()
        if self.state not in PAID_OUT:
            raise no.NotDisbursed(f"The loan is {self._state_words()} and was not paid out.")

    def _has_limit(self) -> bool:
        return self.terms is not None and has_limit(self.terms)

    def _accrues_daily(self) -> bool:
        return self.terms is not None and self.terms.accrual == Accrual.DAILY_BALANCE

    def _must_be_active(self) -> None:
        self._must_be_paid_out()
        if self.state != LoanState.ACTIVE:
            raise no.NotActive(f"The loan is {self._state_words()}.")

    def _must_take_charges(self) -> None:
        reopens = self.terms is not None and self.terms.charges_count == ChargesCount.FROM_THE_START
        if not (reopens and self.state in (LoanState.SETTLED, LoanState.CLOSED)):
            self._must_be_active()

    def _must_take_draws(self, act: Act, on: date, amount: int) -> None:
        assert self.terms is not None
        planned = self.terms.accrual == Accrual.DAILY_BALANCE and any(
            (draw.on, draw.amount) == (on, amount) for draw in self.terms.draws or ()
        )
        if not planned and not has_limit(self.terms):
            raise no.DrawNotOffered(
                f"The contract has no limit to draw on, and plans no payout of"
                f" {self._written(amount)} on {on}."
            )
        payoff = next((fact for fact in self.facts if fact.kind == FactKind.PAYOFF), None)
        if payoff is not None:
            raise no.DrawNotOffered(f"The loan was to be paid off on {payoff.on}.")
        last_on = self.opening[-1].due_on
        if on > last_on:
            raise no.DrawNotOffered(f"The last day to draw was {last_on}.")
        for day in () if planned else (on, act.business_on):
            oldest = self.ledger_on(day).oldest_unpaid_on()
            if oldest is not None and oldest < day:
                raise no.PastDue(
                    f"What was to be paid by {oldest} is past due on {day};"
                    " it has to be paid before more is drawn."
                )

    def _must_keep_the_limit(self, ledger: Ledger, since: date) -> None:
        assert self.terms is not None and isinstance(ledger, DailyLedger)
        most = ledger.most_owed(since)
        if most > self.terms.amount:
            raise no.LimitExceeded(
                f"{self._written(most)} of principal would be owed, and the limit is"
                f" {self._written(self.terms.amount)}: repay some, or draw less."
            )

    def _must_stay_below_cap(self, on: date, amount: int) -> None:
        ledger = self._ledger()
        left, cap = room(ledger, on), cap_on(ledger, on)
        if left is not None and cap is not None and amount > left:
            raise no.ChargeOverCap(
                f"With another {self._written(amount)} the loan would cost more than the"
                f" {(cap.annual_rate * 100).normalize():f} % a year that {cap.version} allows;"
                f" charge {self._written(left)} at most."
            )

    def _must_match_offer(self, terms: Terms) -> None:
        offer = (self.amount, self.term_months, self.annual_rate, self.currency)
        if (terms.amount, terms.term_months, terms.annual_rate, terms.currency) != offer:
            raise no.TermsNotApproved(
                "Amount, term, rate or currency differ from the approved offer."
            )

    def _must_know_calendar(self, terms: Terms, business_days: BusinessDays | None) -> None:
        known = None if business_days is None else business_days.calendar
        if known != terms.calendar:
            raise no.CalendarMissing(
                f"The contract goes by the calendar {terms.calendar}, and this is {known}."
            )

    def _must_not_be_before_disbursement(self, on: date) -> None:
        if self.accrues_from is not None and on < self.accrues_from:
            raise no.BeforeDisbursement(
                f"{on} lies before {self.accrues_from}, when the loan began here."
            )

    def _must_not_be_future(self, act: Act, on: date) -> None:
        if on > act.business_on:
            raise no.DateInFuture(f"{on} lies after the business date {act.business_on}.")


def _principal(rows: list[Instalment]) -> int:
    return sum(row.principal for row in rows)


def _pays(fact: Fact) -> bool:
    return fact.kind in (FactKind.PAYMENT, FactKind.PAYOFF)


def _sum(splits: list[Split]) -> Split:
    return Split(
        sum(split.fees for split in splits),
        sum(split.interest for split in splits),
        sum(split.penalty for split in splits),
        sum(split.principal for split in splits),
        sum(split.unapplied for split in splits),
    )
