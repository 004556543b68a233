"""What can happen to a loan: its events, and what each makes of the loan's state."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.base.policy import ClassStandard
from domain.base.repayment import AgreedRow
from domain.base.stream import Stream
from domain.base.terms import PlannedDraw, Terms
from domain.loan.account import Account, as_credit, open_of
from domain.loan.allocation import Part, Split
from domain.loan.facts import HOLDS, RENEWAL, STEP, Fact, FactKind, known_as, named
from domain.loan.held import Held
from domain.loan.ledger import Balance
from domain.loan.reschedule import Change, MovedDate, RescheduleKind
from domain.loan.schedule import Instalment
from domain.loan.security import Security, SecurityState
from domain.loan.sheet import CostSheet
from domain.loan.state import (
    CameBack,
    ConversionOffer,
    Ended,
    EndedBy,
    Exposure,
    Fee,
    FellAway,
    LoanState,
    Movement,
    Overtaken,
    RenewalOffer,
    Restated,
    StepState,
    Tier,
)


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

    def apply(self, loan: Account) -> None:
        loan.loan_ref = self.loan_ref
        loan.borrower_id = self.borrower_id
        loan.product_code = self.product_code
        loan.product_version = self.product_version
        loan.currency = self.currency
        loan.amount = self.amount
        loan.term_months = self.term_months
        loan.segment = self.segment
        loan.partner = self.partner
        loan.partner_order_ref = self.partner_order_ref
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

    def apply(self, loan: Account) -> None:
        loan.missing = list(self.missing)
        loan.stage = self.stage
        loan.stage_due_on = self.stage_due_on


class PartnerOrderLinked(Event):
    """The loan pays for an order of the partner, a school or merchant; *before* it another."""

    TOPIC = "loan.partner-order-linked"
    partner: str
    partner_order_ref: str
    before: str | None
    reason: str

    def apply(self, loan: Account) -> None:
        loan.partner_order_ref = self.partner_order_ref


class Approved(Event):
    """The application was approved: an offer stands until its last day.

    *grade* and *model_version* say what priced it, *cap_version* what it was held to,
    *index_version* the announcement that its rate follows, *tier* the rate tier that it
    reached by instalments paid *on_time* before; *rows* are the instalments, and *draws* the
    later payouts, where they were agreed on for this loan; *exposure* is what else was lent to
    the borrower, where a rule limits that.
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
    rows: list[AgreedRow] | None
    index_version: str | None
    tier: Tier | None
    on_time: int | None
    draws: list[PlannedDraw] | None
    exposure: Exposure | None

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.APPROVED
        loan.agreed_rows = self.rows
        loan.agreed_draws = self.draws
        loan.tier = self.tier
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

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.DECLINED
        loan.stage = self.stage
        loan.valid_until_on = None


class Withdrawn(Event):
    """The applicant withdrew."""

    TOPIC = "loan.withdrawn"
    reason: str
    stage: str
    stage_before: str

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.WITHDRAWN
        loan.stage = self.stage
        loan.valid_until_on = None


class Expired(Event):
    """The application or offer ran out unused."""

    TOPIC = "loan.expired"
    valid_until_on: date
    stage: str
    stage_before: str

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.EXPIRED
        loan.stage = self.stage
        loan.valid_until_on = None


class CostDisclosed(Event):
    """The borrower was shown what exactly these terms cost, before signing.

    *sheet* is all that was shown, *sheet_digest* its fingerprint; *annualised_cost* is the
    foremost figure of it, by *method*.
    """

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
    sheet: CostSheet | None
    sheet_digest: str | None

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.DISCLOSED
        loan.stage = self.stage
        loan.disclosed = self.terms_digest
        loan.sheet_digest = self.sheet_digest
        if self.sheet is not None:
            loan.cost_shown = self.sheet.shown_by


class ContractSigned(Event):
    """The contract was signed; from here on its terms decide every figure.

    *sheet_digest* is that of the sheet that was shown before.
    """

    TOPIC = "loan.contract-signed"
    contract_ref: str
    template_version: str
    terms: Terms
    terms_digest: str
    stage: str
    stage_due_on: date | None
    policy_version: str
    sheet_digest: str | None

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.SIGNED
        loan.stage = self.stage
        loan.terms = self.terms
        loan.signed_on = self.effective_on


class Disbursed(Event):
    """The money was paid out; the whole schedule follows from it.

    *amount* is lent, and *withheld* of it kept back for fees that are paid with it: the rest
    went to *paid_to*.
    """

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
    withheld: int | None

    def apply(self, loan: Account) -> None:
        if loan.came_back is not None:
            _begin_anew(loan)
        loan.state = LoanState.ACTIVE
        loan.stage = self.stage
        loan.valid_until_on = None
        loan.disbursement_ref = self.disbursement_ref
        loan.payout_order = loan.facts_taken
        loan.disbursed_on = self.effective_on
        loan.accrues_from = self.effective_on
        loan.begun_on = self.effective_on
        loan.opening = self.schedule
        loan.instalments = list(self.schedule)
        loan.balance = self.balance


def _begin_anew(loan: Account) -> None:
    """Leave nothing of the loan that an earlier payout was; the borrower's money stays."""
    loan.came_back = None
    loan.fees, loan.steps, loan.subsidised = {}, {}, {}
    loan.renewals, loan.renewal, loan.conversion = 0, None, None
    loan.reliefs, loan.by_lateness, loan.repricings = {}, {}, {}


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

    def apply(self, loan: Account) -> None:
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
    *capitalised* is interest that became principal. Of a loan that had left the book by then,
    *restated* is what turns out to have left it, and *reallocated* holds recoveries, too.
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
    restated: list[Restated] | None

    def take_over(self, loan: Account, facts: list[Fact]) -> None:
        """Assign the outcome and the facts behind it."""
        loan.facts = facts
        loan.facts_taken += 1
        _lay(loan, self.instalments)
        _restate(loan, self.restated)
        _split_anew(loan, self.reallocated)
        loan.balance = self.balance
        loan.unapplied = self.balance.unapplied
        loan.state = self.state


def _lay(loan: Account, rows: list[Instalment]) -> None:
    """Let *rows* be the instalments of their numbers."""
    first = loan.instalments[0].number if loan.instalments else 0
    for row in rows:
        place = row.number - first
        if place < len(loan.instalments) and loan.instalments[place].number == row.number:
            loan.instalments[place] = row
        else:  # a new one, or one after a gap
            others = [each for each in loan.instalments if each.number != row.number]
            loan.instalments = sorted([*others, row], key=lambda each: each.number)


def _split_anew(loan: Account, movements: list[Movement]) -> None:
    """Let each of *movements* be split as it is after."""
    for movement in movements:
        if movement.ref in loan.recoveries:
            loan.recovered[movement.ref] = movement.after
            continue
        loan.parts[movement.ref] = movement.parts
        loan.splits[movement.ref] = movement.after
        if movement.after == Split():  # credit that pays nothing any more
            del loan.parts[movement.ref], loan.splits[movement.ref]


def _restate(loan: Account, restated: list[Restated] | None) -> None:
    """Let what left the book be what is known of it by now."""
    for each in restated or ():
        loan.endings = [
            replace(ended, claim=each.after, price=each.price) if ended.kind == each.kind else ended
            for ended in loan.endings
        ]
        if each.kind == EndedBy.WRITE_OFF:
            loan.claim = each.after


class Repaid(MoneyMoved):
    """Money was received and split over what was owed.

    *in_place_of* names the reversed payment of the same day whose place it takes: it was
    posted again, and counts before whatever came after that one.
    """

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
    in_place_of: str | None

    def apply(self, loan: Account) -> None:
        place = loan.facts_taken
        if self.in_place_of is not None:
            place = loan.vacated[self.in_place_of].order
        fact = Fact(
            FactKind.PAYOFF if self.payoff else FactKind.PAYMENT,
            self.payment_ref,
            self.received_on,
            place,
            self.amount,
            future_money=self.future_money,
            source=self.source,
        )
        self.take_over(loan, [*loan.facts, fact])
        loan.parts[self.payment_ref] = self.parts
        loan.splits[self.payment_ref] = Split(
            self.fees, self.interest, self.penalty, self.principal, self.unapplied
        )


class CreditPlaced(MoneyMoved):
    """What was paid since a next payout, credit until that was known, pays what it finds.

    It counts from the day of that payout, *disbursement_ref*; no money came in.
    """

    TOPIC = "loan.credit-placed"
    disbursement_ref: str

    def apply(self, loan: Account) -> None:
        self.take_over(loan, loan.facts)


class RepaymentReversed(MoneyMoved):
    """A payment turned out not to stand: bounced, misposted or charged back."""

    TOPIC = "loan.repayment-reversed"
    payment_ref: str
    received_on: date
    amount: int
    reason: str
    reversed: Split
    kind: str | None

    def apply(self, loan: Account) -> None:
        gone = next(fact for fact in loan.facts if fact.pays and fact.ref == self.payment_ref)
        loan.vacated = {**loan.vacated, self.payment_ref: gone}
        self.take_over(loan, [fact for fact in loan.facts if fact is not gone])
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

    def apply(self, loan: Account) -> None:
        fact = Fact(
            FactKind.REFUND, self.refund_ref, self.effective_on, loan.facts_taken, self.amount
        )
        self.take_over(loan, [*loan.facts, fact])


class CreditApplied(MoneyMoved):
    """Credit of the borrower paid what fell due, or what was drawn; no money came in.

    *amount* is what it paid.
    """

    TOPIC = "loan.credit-applied"
    credit_ref: str
    amount: int
    fees: int
    interest: int
    penalty: int
    principal: int
    parts: list[Part]

    def apply(self, loan: Account) -> None:
        fact = Fact(FactKind.CREDIT, self.credit_ref, self.effective_on, loan.facts_taken)
        self.take_over(loan, [*loan.facts, fact])
        loan.parts[self.credit_ref] = self.parts
        loan.splits[self.credit_ref] = Split(
            self.fees, self.interest, self.penalty, self.principal, -self.amount
        )


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

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
        self.take_over(
            loan,
            [fact for fact in loan.facts if fact.ref != self.fee_ref or fact.kind != FactKind.FEE],
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

    def apply(self, loan: Account) -> None:
        fact = Fact(
            FactKind.WAIVER,
            self.fee_ref,
            self.effective_on,
            loan.facts_taken,
            self.amount,
            self.instalment,
        )
        self.take_over(loan, [*loan.facts, fact])
        fee = loan.fees.get(self.fee_ref)
        if fee is not None:  # a charge for paying early comes with its payment
            loan.fees[self.fee_ref] = replace(fee, waived=fee.waived + self.amount)


class ChargeForgiven(MoneyMoved):
    """What an instalment owes of a component, or part of it, was forgiven.

    Penalty that accrued by the day it counts from, interest, or fees of the schedule: as
    *owed* says.
    """

    TOPIC = "loan.charge-forgiven"
    instalment: int
    owed: str
    amount: int
    reason: str
    requested_by: str
    approved_by: str

    def apply(self, loan: Account) -> None:
        order = loan.facts_taken
        fact = Fact(
            FactKind.FORGIVEN,
            f"forgiven-{order}",
            self.effective_on,
            order,
            self.amount,
            self.instalment,
            owed=self.owed,
        )
        self.take_over(loan, [*loan.facts, fact])


class DueDateMoved(MoneyMoved):
    """An instalment got another due date, or all from one on another *pay_day* of the month.

    It is *relief* of a kind where it went further than a due date is moved without.
    """

    TOPIC = "loan.due-date-moved"
    moved: list[MovedDate]
    reason: str
    pay_day: int | None
    relief: str | None
    requested_by: str | None
    approved_by: str | None
    policy_version: str | None

    def apply(self, loan: Account) -> None:
        ref = f"move-{loan.facts_taken}"
        facts = [
            Fact(
                FactKind.MOVE,
                ref,
                self.effective_on,
                loan.facts_taken,
                0,
                move.instalment,
                move.due_on,
                move.pay_by_on,
                pay_day=self.pay_day,
            )
            for move in self.moved
        ]
        if self.relief is not None:
            loan.reliefs = {**loan.reliefs, ref: self.relief}
        self.take_over(loan, [*loan.facts, *facts])


class LaidAnew(MoneyMoved):
    """What every event says that lays the rest of the schedule anew; see ``Change``."""

    TOPIC = "loan.laid-anew"
    change: Change

    def lay(self, loan: Account, ref: str) -> None:
        """Assign the outcome, with the change as a fact of this reference."""
        fact = Fact(
            FactKind.RESCHEDULE, ref, self.effective_on, loan.facts_taken, change=self.change
        )
        self.take_over(loan, [*loan.facts, fact])


class Rescheduled(LaidAnew):
    """What is left was laid anew: by relief that two people granted, or by the contract.

    *in_difficulty* tells whether the relief is for a borrower who could not pay otherwise;
    where it is not said, the kind decides. *by_lateness*: it follows from how late the loan was
    on its day, so it is assessed again when that turns out otherwise. *corrects* names the
    repricing of the same day that it takes the place of, where the index turned out to be
    another one.
    """

    TOPIC = "loan.rescheduled"
    kind: str
    annual_rate: Decimal
    reason: str
    requested_by: str | None
    approved_by: str | None
    policy_version: str | None
    in_difficulty: bool | None
    corrects: str | None
    by_lateness: bool | None

    def apply(self, loan: Account) -> None:
        ref = f"reschedule-{loan.facts_taken}"
        if self.in_difficulty is not False:
            loan.reliefs = {**loan.reliefs, ref: self.kind}
        # Those from before did not say it: whoever was not in difficulty was not past due.
        if self.by_lateness or (self.by_lateness is None and self.in_difficulty is False):
            loan.by_lateness = {**loan.by_lateness, ref: self.kind}
        if self.corrects is None:
            self.lay(loan, ref)
        else:
            # It counts where the other did: what was granted on that day still comes after.
            old = next(fact for fact in loan.facts if fact.ref == self.corrects)
            others = [fact for fact in loan.facts if fact is not old]
            self.take_over(loan, [*others, replace(old, ref=ref, change=self.change)])
        if self.kind == RescheduleKind.REPRICING:
            loan.repricings = {**loan.repricings, self.effective_on.isoformat(): ref}


class RateSteppedDown(LaidAnew):
    """Instalments were paid on time, and the rate falls as the contract says."""

    TOPIC = "loan.rate-stepped-down"
    from_instalment: int
    annual_rate_before: Decimal
    annual_rate: Decimal

    def apply(self, loan: Account) -> None:
        self.lay(loan, f"{STEP}{self.from_instalment}")
        loan.steps = {**loan.steps, str(self.from_instalment): StepState.EARNED}


class StepDownReversed(MoneyMoved):
    """It turned out that instalments were not paid on time; the rate is what it was."""

    TOPIC = "loan.step-down-reversed"
    from_instalment: int
    annual_rate_before: Decimal
    annual_rate: Decimal
    late_instalment: int

    def apply(self, loan: Account) -> None:
        ref = f"{STEP}{self.from_instalment}"
        self.take_over(loan, [fact for fact in loan.facts if fact.ref != ref])
        loan.steps = {**loan.steps, str(self.from_instalment): StepState.FORFEITED}


class StepDownForfeited(Event):
    """An instalment was not paid on time, and the rate does not fall."""

    TOPIC = "loan.step-down-forfeited"
    from_instalment: int
    late_instalment: int

    def apply(self, loan: Account) -> None:
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
    sheet: CostSheet | None
    sheet_digest: str | None

    def apply(self, loan: Account) -> None:
        loan.renewal = RenewalOffer(
            self.term_months,
            self.sequence,
            self.valid_until_on,
            self.offer_digest,
            self.sheet_digest,
        )


class RenewalDeclined(Event):
    """The borrower does not renew; the loan falls due as it was."""

    TOPIC = "loan.renewal-declined"
    sequence: int
    reason: str

    def apply(self, loan: Account) -> None:
        loan.renewal = None
        loan.renewals = self.sequence


class RenewalExpired(Event):
    """The offer of a renewal ran out."""

    TOPIC = "loan.renewal-expired"
    sequence: int
    valid_until_on: date

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
        self.lay(loan, f"{RENEWAL}{self.sequence}")
        loan.renewal = None
        loan.renewals = self.sequence


class RenewalReassessed(Event):
    """It turned out that the loan was past due when its term was renewed, or that it was not.

    The renewal stands; that of a loan past due restructures it. *renewed_on* is its day,
    *days_past_due* how late the loan was then, by what is known now.
    """

    TOPIC = "loan.renewal-reassessed"
    sequence: int
    renewed_on: date
    was_late: bool
    days_past_due: int

    def apply(self, loan: Account) -> None:
        ref = f"{RENEWAL}{self.sequence}"
        others = {known: kind for known, kind in loan.reliefs.items() if known != ref}
        late = {ref: RescheduleKind.LATE_RENEWAL} if self.was_late else {}
        loan.reliefs = {**others, **late}


class ReliefReassessed(Event):
    """It turned out that the loan was past due when it was laid anew, or that it was not.

    What was granted stands; to a loan past due it is relief, which restructures it.
    *relief_ref* and *kind* name it, *granted_on* is its day, *days_past_due* how late the loan
    was then, by what is known now.
    """

    TOPIC = "loan.relief-reassessed"
    relief_ref: str
    kind: str
    granted_on: date
    was_late: bool
    days_past_due: int

    def apply(self, loan: Account) -> None:
        ref = self.relief_ref
        others = {known: kind for known, kind in loan.reliefs.items() if known != ref}
        loan.reliefs = {**others, ref: self.kind} if self.was_late else others


class ConversionOffered(Event):
    """The borrower may turn what is owed into equal instalments, at a cost that is disclosed.

    It counts from the day of the offer: *schedule* is what would be owed after that day.
    """

    TOPIC = "loan.conversion-offered"
    currency: str
    count: int
    principal: int
    interest: int
    fees: int
    annual_rate: Decimal
    annualised_cost: Decimal
    method: str
    schedule: list[Instalment]
    valid_until_on: date
    offer_digest: str
    sheet: CostSheet | None
    sheet_digest: str | None

    def apply(self, loan: Account) -> None:
        loan.conversion = ConversionOffer(
            self.count, self.effective_on, self.valid_until_on, self.offer_digest, self.sheet_digest
        )


class Converted(LaidAnew):
    """The borrower accepted the conversion whose cost was disclosed."""

    TOPIC = "loan.converted"
    count: int
    annual_rate: Decimal
    offer_digest: str
    consent_ref: str

    def apply(self, loan: Account) -> None:
        ref = RescheduleKind.CONVERSION.lower()
        loan.reliefs = {**loan.reliefs, ref: RescheduleKind.CONVERSION}
        self.lay(loan, ref)
        loan.conversion = None


class Drawn(MoneyMoved):
    """More was paid out, within the limit of the contract."""

    TOPIC = "loan.drawn"
    draw_ref: str
    amount: int
    paid_to: str

    def apply(self, loan: Account) -> None:
        fact = Fact(FactKind.DRAW, self.draw_ref, self.effective_on, loan.facts_taken, self.amount)
        self.take_over(loan, [*loan.facts, fact])


class HoldPlaced(MoneyMoved):
    """A hold on the borrower stops penalty or interest of this loan from a day on.

    *from_on* is the first day that bears none: that of the hold, or the first of the loan.
    """

    TOPIC = "loan.hold-placed"
    hold_ref: str
    kind: str
    reason: str
    from_on: date
    stops_interest: bool
    stops_penalty: bool
    policy_version: str

    def apply(self, loan: Account) -> None:
        held = Held(
            self.hold_ref,
            self.kind,
            self.from_on,
            self.stops_interest,
            self.stops_penalty,
            self.policy_version,
        )
        fact = Fact(FactKind.HOLD, self.hold_ref, self.from_on, loan.facts_taken, hold=held)
        self.take_over(loan, [*loan.facts, fact])


class HoldEnded(MoneyMoved):
    """A hold stops nothing of this loan any more from *until_on* on, that day counted.

    Of one that ended before, it is another day; *until_before* was the first.
    """

    TOPIC = "loan.hold-ended"
    hold_ref: str
    kind: str
    reason: str
    from_on: date
    until_on: date
    until_before: date | None

    def apply(self, loan: Account) -> None:
        held = replace(loan.holds[self.hold_ref], until_on=self.until_on)
        others = [
            fact
            for fact in loan.facts
            if fact.ref != self.hold_ref or fact.kind != FactKind.HOLD_END
        ]
        order = loan.facts_taken
        fact = Fact(FactKind.HOLD_END, self.hold_ref, self.until_on, order, hold=held)
        self.take_over(loan, [*others, fact])


def repaid_again(loan: Account, refs: Iterable[str]) -> list[Fact]:
    """The recoveries of these references as payments of their days, behind all that is known.

    Those that were payments when the loss was taken are what they were.
    """
    were = {fact.ref: fact for fact in loan.endings[-1].aside if fact.pays}
    return [
        were.get(ref)
        or replace(loan.recoveries[ref], kind=FactKind.PAYMENT, order=loan.facts_taken + place)
        for place, ref in enumerate(refs)
    ]


def counting_again(loan: Account) -> list[Fact]:
    """What a loss or a sale that is taken back had set aside, money apart.

    A hold whose end became known since ends as it is known now.
    """
    known = {named(fact) for fact in loan.facts if fact.kind in HOLDS}
    aside = loan.endings[-1].aside
    return [fact for fact in aside if not fact.is_money_in and named(fact) not in known]


class FactWithdrawn(MoneyMoved):
    """Something that was recorded in error counts no more, as two people agreed.

    *kind* and *fact_ref* name it, *amount* is what it came to, *waived* what was forgiven of
    a fee, which goes with it. Of a loss or a sale that is taken back *fees*, *interest*,
    *penalty* and *principal* are what left the book then, *missing_credit* what of the borrower's
    credit was, and *price* what was paid for it. *dropped* are instalments that came with it.
    *repaid* are the recoveries of a loss that are payments of their days again, in the order they
    came in, each as it was split over the claim and as it is now. What the loss or the sale had set
    aside is *brought_back*, by kind and name; with it what was *charged* as fees, less *waived* of
    it. Money that was passed on to the buyer is *returned*, as it is split over what is owed again;
    by *grown* the borrower's credit is more with that, beside the schedule.
    """

    TOPIC = "loan.fact-withdrawn"
    kind: str
    fact_ref: str
    counted_on: date
    amount: int
    owed: str | None
    waived: int
    fees: int
    interest: int
    penalty: int
    principal: int
    price: int | None
    missing_credit: int | None
    dropped: list[int]
    reason: str
    requested_by: str
    approved_by: str
    repaid: list[Movement] | None
    brought_back: list[str] | None
    charged: int | None
    returned: list[Movement] | None
    grown: int | None

    @property
    def flows(self) -> dict[str, int]:
        """What was recovered and is received instead, or was passed on and is either again."""
        again = sum(each.before.total for each in self.repaid or ())
        back = sum(each.after.total for each in self.returned or ())
        if self.state == LoanState.WRITTEN_OFF:
            return {"recovered": back, "passed_on": -back}
        return {"received": again + back, "recovered": -again, "passed_on": -back}

    @property
    def credit_beside(self) -> int:
        """The borrower's credit beside the schedule, which goes with the loss or the sale."""
        beyond = sum(each.before.unapplied for each in self.repaid or ())
        return max(self.missing_credit or 0, beyond) - (self.grown or 0)

    def apply(self, loan: Account) -> None:
        gone = [f for f in loan.facts if f.kind == self.kind and known_as(f) == self.fact_ref]
        refs = {fact.ref for fact in gone}
        if self.kind == FactKind.FEE:
            gone += [f for f in loan.facts if f.kind == FactKind.WAIVER and f.ref in refs]
        again = repaid_again(loan, [each.ref for each in self.repaid]) if self.repaid else []
        back = counting_again(loan) if self.brought_back else []
        back += self._returned(loan)
        self.take_over(loan, [*(fact for fact in loan.facts if fact not in gone), *back, *again])
        loan.facts_taken += len(again)
        _charge_again(loan, back)
        for each in self.repaid or ():
            loan.recoveries.pop(each.ref)
            loan.parts[each.ref] = each.parts
            loan.splits[each.ref] = each.after
        loan.instalments = [row for row in loan.instalments if row.number not in self.dropped]
        loan.taken_back = [*loan.taken_back, f"{self.kind}:{self.fact_ref}"]
        for fact in gone:
            self._forget(loan, fact)
        if self.kind in tuple(EndedBy):
            loan.endings = loan.endings[:-1]
            if self.kind == EndedBy.SALE:
                loan.buyer_ref = ""
            else:
                loan.claim, loan.recovered = Split(), {}

    def _returned(self, loan: Account) -> list[Fact]:
        """The payments that are the loan's again; recoveries are put where they were."""
        money = {each.ref: each for each in self.returned or ()}
        back = [f for f in loan.endings[-1].aside if f.is_money_in] if money else []
        for fact in back:
            each = money[fact.ref]
            if fact.pays:
                loan.parts[fact.ref], loan.splits[fact.ref] = each.parts, each.after
            else:
                loan.recoveries[fact.ref], loan.recovered[fact.ref] = fact, each.after
        return [fact for fact in back if fact.pays]

    def _forget(self, loan: Account, fact: Fact) -> None:
        """Take what is kept of *fact* beside it out of the state."""
        if fact.kind == FactKind.FEE:
            loan.fees[fact.ref] = replace(loan.fees[fact.ref], amount=0, waived=0)
        elif self.kind == FactKind.WAIVER and fact.ref in loan.fees:
            fee = loan.fees[fact.ref]
            loan.fees[fact.ref] = replace(fee, waived=fee.waived - fact.amount)
        elif fact.kind == FactKind.RESCHEDULE and fact.ref.startswith(RENEWAL):
            loan.renewals -= 1
        loan.reliefs = {ref: kind for ref, kind in loan.reliefs.items() if ref != fact.ref}
        loan.by_lateness = {ref: kind for ref, kind in loan.by_lateness.items() if ref != fact.ref}
        loan.repricings = {on: ref for on, ref in loan.repricings.items() if ref != fact.ref}


def _charge_again(loan: Account, facts: list[Fact]) -> None:
    """Let charges among *facts* stand, and what was forgiven of charges."""
    for fact in facts:
        if fact.kind == FactKind.FEE:
            loan.fees[fact.ref] = replace(loan.fees[fact.ref], amount=fact.amount)
        elif fact.kind == FactKind.WAIVER and fact.ref in loan.fees:
            fee = loan.fees[fact.ref]
            loan.fees[fact.ref] = replace(fee, waived=fee.waived + fact.amount)


class PayoutReturned(MoneyMoved):
    """The first payout came back: nothing was lent, and the contract waits to be paid out again.

    It counts from the day of the payout, *returned_on* is the value date of the return. *amount*
    was lent, *withheld* of it kept back; *fell_away* is what was charged beside the schedule.
    All instalments are *dropped*; *reallocated* holds every payment, as the credit it is now.
    The loan stood in *bucket_before*, and can be paid out until *valid_until_on*. By the rule
    *returns_version* one person was enough, or two stand behind it.
    """

    TOPIC = "loan.payout-returned"
    disbursement_ref: str
    returned_on: date
    amount: int
    withheld: int | None
    fell_away: FellAway
    dropped: list[int]
    bucket_before: str
    reason: str
    stage: str
    stage_before: str
    stage_due_on: date | None
    valid_until_on: date
    policy_version: str
    requested_by: str | None
    approved_by: str | None
    returns_version: str | None

    def apply(self, loan: Account) -> None:
        loan.came_back = CameBack(
            self.returned_on,
            self.effective_on,
            self.disbursement_ref,
            loan.opening,
            loan.facts,
            loan.payout_order,
            loan.money_since,
        )
        loan.money_since = loan.money_since or self.effective_on
        loan.payout_order = 0
        self.take_over(loan, as_credit(loan.facts))
        loan.disbursed_on = loan.accrues_from = loan.begun_on = None
        loan.opening, loan.instalments = [], []
        loan.bucket = self.bucket
        loan.stage = self.stage
        loan.stage_due_on = self.stage_due_on
        loan.valid_until_on = self.valid_until_on


class PayoutReturnWithdrawn(MoneyMoved):
    """The payout had not come back: the loan is what it was, with the money that moved since.

    It counts from the day of the payout. *amount*, *withheld* and *fell_away* are as the return
    said them; *instalments* are all of the schedule.
    """

    TOPIC = "loan.payout-return-withdrawn"
    disbursement_ref: str
    returned_on: date
    amount: int
    withheld: int | None
    fell_away: FellAway
    reason: str
    requested_by: str
    approved_by: str
    stage: str
    stage_before: str

    def apply(self, loan: Account) -> None:
        back, facts = loan.came_back, loan.restored_facts()
        assert back is not None
        loan.disbursed_on = loan.accrues_from = loan.begun_on = back.paid_out_on
        loan.opening, loan.payout_order = back.opening, back.order
        loan.money_since, loan.came_back = back.money_since, None
        self.take_over(loan, facts)
        loan.stage = self.stage
        loan.valid_until_on = None


class WentOverdue(Event):
    """An instalment was not paid by its pay-by date."""

    TOPIC = "loan.went-overdue"
    currency: str
    instalment: int
    oldest_unpaid_on: date
    amount_overdue: int

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
        loan.bucket = self.bucket
        loan.overdue_since_on = self.oldest_unpaid_on


class Cured(Event):
    """Nothing is overdue any more."""

    TOPIC = "loan.cured"
    currency: str
    overdue_since_on: date
    next_pay_by_on: date | None

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.SETTLED


class Closed(Event):
    """The loan is settled and the borrower has no credit left."""

    TOPIC = "loan.closed"
    currency: str
    balance: Balance
    bucket: str

    def apply(self, loan: Account) -> None:
        loan.state = LoanState.CLOSED


class WrittenOff(Event):
    """The loss was taken; the claim and every contact rule survive.

    *missing_credit* is what was refunded to the borrower and is no credit any more: a part of both.
    It counts from its day whatever was recorded since: *overtaken* says what became of that.
    """

    TOPIC = "loan.written-off"
    currency: str
    principal: int
    interest: int
    fees: int
    penalty: int
    missing_credit: int | None
    reason: str
    requested_by: str
    approved_by: str
    balance_before: Balance
    balance: Balance
    bucket: str
    overtaken: Overtaken | None

    @property
    def claim(self) -> Split:
        """What was owed, and left the book."""
        return Split(
            self.fees, self.interest, self.penalty, self.principal, self.missing_credit or 0
        )

    @property
    def credit_beside(self) -> int:
        """The borrower's credit beside the schedule, which comes with the loss."""
        return self.overtaken.grown if self.overtaken else self.missing_credit or 0

    @property
    def principal_before(self) -> int:
        """The principal that stood in the book until the loss was known; minor units."""
        since = self.overtaken
        if since is None:
            return self.balance_before.principal
        return self.principal + since.net.principal - since.capitalised

    def apply(self, loan: Account) -> None:
        aside = [] if self.overtaken is None else _overtake(loan, self.overtaken)
        # Whatever it is by now, it ran on the day.
        state_before = LoanState.ACTIVE
        ended = Ended(
            EndedBy.WRITE_OFF,
            self.effective_on,
            state_before,
            self.claim,
            order=loan.facts_taken,
            aside=aside,
        )
        loan.endings = [*loan.endings, ended]
        loan.state = LoanState.WRITTEN_OFF
        loan.claim = self.claim
        loan.bucket = self.bucket
        _have(loan, self.balance)


def _overtake(loan: Account, what: Overtaken) -> list[Fact]:
    """Let what is *overtaken* count no more; what of it stands aside."""
    money = {each.ref for each in (*what.recovered, *what.passed_on)}
    names = {*what.set_aside, *what.lapsed}
    gone = [
        fact for fact in loan.facts if (fact.pays and fact.ref in money) or named(fact) in names
    ]
    loan.facts = [fact for fact in loan.facts if fact not in gone]
    recovered = [fact for ref, fact in loan.recoveries.items() if ref in money]
    for fact in recovered:  # before the sale of a claim that was written off
        loan.recoveries.pop(fact.ref)
        loan.recovered.pop(fact.ref, None)
    _lay(loan, what.instalments)
    loan.instalments = [row for row in loan.instalments if row.number not in what.dropped]
    _split_anew(loan, what.reallocated)
    for fact in gone:
        if fact.splits:  # credit may have paid nothing by now
            loan.parts.pop(fact.ref, None)
            loan.splits.pop(fact.ref, None)
        if fact.ref in {each.ref for each in what.recovered} and fact.pays:
            loan.recoveries[fact.ref] = replace(fact, kind=FactKind.RECOVERY, future_money=None)
        elif fact.kind == FactKind.FEE:
            loan.fees[fact.ref] = replace(loan.fees[fact.ref], amount=0)
        elif fact.kind == FactKind.WAIVER and fact.ref in loan.fees:
            fee = loan.fees[fact.ref]
            loan.fees[fact.ref] = replace(fee, waived=fee.waived - fact.amount)
    loan.recovered.update({each.ref: each.after for each in what.recovered})
    loan.steps = {first: came for first, came in loan.steps.items() if first not in what.steps}
    loan.overdue_since_on = what.overdue_since_on
    return [*(fact for fact in gone if named(fact) not in what.lapsed), *recovered]


class RecoveryReceived(Event):
    """Money came in on a written-off loan; it stays written off.

    It is split over what was written off and not recovered yet; what exceeds that is the
    borrower's *credit*, or makes good what of it was refunded and is missing. Later ones split
    anew; with all that the borrower's credit grows by *grown*, or as *credit* says. It may
    become known after the claim was sold: *state* is how the loan stands, written off if
    nothing is said, and *restated* what it makes of the sale.
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
    credit: int | None
    grown: int | None
    reallocated: list[Movement] | None
    restated: list[Restated] | None
    balance: Balance | None
    bucket: str | None
    state: str | None

    @property
    def split(self) -> Split:
        """What it recovered of the claim; nothing is known of the first recoveries."""
        parts = self.fees, self.interest, self.penalty, self.principal, self.credit
        return Split(*(part or 0 for part in parts))

    def apply(self, loan: Account) -> None:
        loan.recovered[self.payment_ref] = self.split
        loan.recoveries[self.payment_ref] = Fact(
            FactKind.RECOVERY,
            self.payment_ref,
            self.received_on,
            loan.facts_taken,
            self.amount,
            source=self.source,
        )
        loan.recovered.update({each.ref: each.after for each in self.reallocated or ()})
        _restate(loan, self.restated)
        _have(loan, self.balance)


class RecoveryReversed(Event):
    """A recovery turned out not to stand; the loan stays written off.

    The later ones split anew; by *credit* the borrower's grows with all that. *state* and
    *restated* as of one that comes in.
    """

    TOPIC = "loan.recovery-reversed"
    payment_ref: str
    received_on: date
    currency: str
    amount: int
    reason: str
    kind: str | None
    recovered: int
    credit: int | None
    reallocated: list[Movement] | None
    restated: list[Restated] | None
    balance: Balance | None
    bucket: str | None
    state: str | None

    def apply(self, loan: Account) -> None:
        loan.recoveries.pop(self.payment_ref)
        loan.recovered.pop(self.payment_ref, None)
        _bounce_aside(loan, self.payment_ref)
        loan.recovered.update({each.ref: each.after for each in self.reallocated or ()})
        loan.reversed = [*loan.reversed, self.payment_ref]
        _restate(loan, self.restated)
        _have(loan, self.balance)


def _bounce_aside(loan: Account, payment_ref: str) -> None:
    """Let money that stands aside, and does not stand at all, not come back with the loan."""
    for place, ended in enumerate(loan.endings):
        gone = [fact for fact in ended.aside if fact.is_money_in and fact.ref == payment_ref]
        kept = [fact for fact in ended.aside if fact not in gone]
        loan.endings[place] = replace(ended, aside=kept)
        for fact in gone:
            if fact.pays:
                loan.vacated = {**loan.vacated, payment_ref: fact}


def _have(loan: Account, balance: Balance | None) -> None:
    """Let the borrower's credit be that of *balance*; the first recoveries told none."""
    if balance is not None:
        loan.balance = balance
        loan.unapplied = balance.unapplied


class SecurityTaken(Event):
    """Collateral was pledged, a guarantor bound, or insurance taken out."""

    TOPIC = "loan.security-taken"
    security_ref: str
    kind: str
    currency: str
    amount: int | None

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
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

    def apply(self, loan: Account) -> None:
        security = loan.securities[self.security_ref]
        loan.securities[self.security_ref] = replace(security, state=SecurityState.RELEASED)


class Sold(Event):
    """The claim passed to another owner; the amounts are what left our book.

    *missing_credit* of it is what was refunded to the borrower and is no credit any more. What is
    open of the claim, written off before or not, is the *face* that the price was agreed for.
    It counts from its day whatever was recorded since: *overtaken* says what became of that.
    """

    TOPIC = "loan.sold"
    currency: str
    buyer_ref: str
    price: int
    principal: int
    interest: int
    fees: int
    penalty: int
    missing_credit: int | None
    face: int | None
    requested_by: str
    approved_by: str
    balance_before: Balance
    balance: Balance
    bucket: str
    state_before: str
    overtaken: Overtaken | None

    @property
    def claim(self) -> Split:
        """What left the book; nothing of a claim that was written off before."""
        return Split(
            self.fees, self.interest, self.penalty, self.principal, self.missing_credit or 0
        )

    @property
    def credit_beside(self) -> int:
        """The borrower's credit beside the schedule, which comes with the sale, or goes."""
        return self.overtaken.grown if self.overtaken else self.missing_credit or 0

    @property
    def principal_before(self) -> int:
        """The principal that stood in the book until the sale was known; minor units."""
        since = self.overtaken
        if since is None:
            return self.balance_before.principal
        return self.principal + since.net.principal - since.capitalised

    def apply(self, loan: Account) -> None:
        aside = [] if self.overtaken is None else _overtake(loan, self.overtaken)
        lost = self.state_before == LoanState.WRITTEN_OFF
        face = self.face
        if face is None:  # the first sales told none
            face = self.claim.total or open_of(loan.claim, loan.recovered)
        ended = Ended(
            EndedBy.SALE,
            self.effective_on,
            LoanState.WRITTEN_OFF if lost else LoanState.ACTIVE,
            self.claim,
            self.price,
            loan.facts_taken,
            self.price,
            face,
            aside,
        )
        loan.endings = [*loan.endings, ended]
        loan.state = LoanState.SOLD
        loan.bucket = self.bucket
        loan.buyer_ref = self.buyer_ref
        _have(loan, self.balance)


class PassedOnReversed(Event):
    """Money that came in after a sale, and was the buyer's, turned out not to stand.

    So much less is owed to the buyer: *passed_on* is what is left.
    """

    TOPIC = "loan.passed-on-reversed"
    payment_ref: str
    received_on: date
    currency: str
    amount: int
    reason: str
    kind: str | None
    buyer_ref: str
    passed_on: int

    def apply(self, loan: Account) -> None:
        _bounce_aside(loan, self.payment_ref)
        loan.reversed = [*loan.reversed, self.payment_ref]


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

    def apply(self, loan: Account) -> None:
        loan.subsidised = {**loan.subsidised, str(self.instalment): self.total}
