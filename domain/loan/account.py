"""What is kept of one loan, and the ledger behind it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.money import written
from domain.base.policy import ClassStandard
from domain.base.repayment import AgreedRow
from domain.base.stream import Act, Record
from domain.base.terms import Accrual, FeeTiming, Prepayment, Terms
from domain.loan import refusals as no
from domain.loan.allocation import Part, Split, total
from domain.loan.asset_class import AssetClass
from domain.loan.credit import credit_used
from domain.loan.daily_ledger import DailyLedger, ledger_of
from domain.loan.delinquency import Bucket
from domain.loan.facts import HOLDS, Fact, FactKind, counts_from, standing
from domain.loan.fees import charged_at
from domain.loan.held import Held
from domain.loan.ledger import Balance, Ledger, run
from domain.loan.overdue import deserved
from domain.loan.reschedule import Change
from domain.loan.schedule import Instalment
from domain.loan.security import Security
from domain.loan.stage import Stage
from domain.loan.state import (
    PAID_OUT,
    SERVICED,
    ConversionOffer,
    Ended,
    Fee,
    LoanState,
    Movement,
    RenewalOffer,
    Tier,
)
from domain.loan.timetable import has_limit

PREPAYMENTS = frozenset(Prepayment)


class Account:
    """The state of one loan, the ledger behind it, and what every decision asks of both.

    It is no stream, nor are the classes of decisions on it: ``Loan`` is, and joins them.
    """

    version: int  # this and the next are the stream's
    record: Record

    def __init__(self) -> None:  # noqa: PLR0915 - one line for each thing that is kept
        self.loan_ref = ""
        self.borrower_id = UUID(int=0)
        self.state: str = LoanState.APPLIED
        self.stage: str = Stage.EVIDENCE
        self.stage_due_on: date | None = None
        self.evidence_asked: list[str] = []
        self.missing: list[str] = []
        self.valid_until_on: date | None = None
        self.agreed_rows: list[AgreedRow] | None = None
        self.product_code = ""
        self.product_version = 0
        self.currency = ""
        self.amount = 0
        self.term_months = 0
        self.annual_rate = Decimal(0)
        self.segment: str | None = None
        self.tier: Tier | None = None
        self.disclosed = ""
        self.terms: Terms | None = None
        self.signed_on: date | None = None
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
        self.vacated: dict[str, Fact] = {}
        self.taken_back: list[str] = []
        self.recoveries: dict[str, Fact] = {}
        self.securities: dict[str, Security] = {}
        self.buyer_ref = ""
        self.endings: list[Ended] = []
        self.claim = Split()
        self.recovered: dict[str, Split] = {}
        self.bucket: str = Bucket.M0
        self.overdue_since_on: date | None = None
        self.steps: dict[str, str] = {}
        self.renewals = 0
        self.repricings: dict[str, str] = {}
        self.renewal: RenewalOffer | None = None
        self.conversion: ConversionOffer | None = None
        self.asset_class: str = AssetClass.NORMAL
        self.class_since_on: date | None = None
        self.class_standard: ClassStandard | None = None
        self.reliefs: dict[str, str] = {}
        self.by_lateness: dict[str, str] = {}
        self.subsidised: dict[str, int] = {}
        self.balance = Balance(0, 0, 0, 0, 0)

    # --- what it owes ---------------------------------------------------------------

    def oldest_unpaid_on(self) -> date | None:
        """The pay-by date that lateness counts from; None when all is paid."""
        return min((row.pay_by_on for row in self.instalments if row.left), default=None)

    def rows_on(self, on: date) -> list[Instalment]:
        """The instalments on a day, with interest to it where that goes by the day."""
        return self.ledger_due(on).rows_on(on) if self._accrues_daily() else self.instalments

    def payoff(self, on: date) -> int:
        """What closes the loan on *on*, in minor units, credit counted.

        Of a past day it says what closed it then, by what is known now.
        """
        self._must_be_paid_out()
        ledger = self.ledger_due(on)
        return max(ledger.payoff(on) - ledger.unapplied, 0)

    def received(self, from_on: date, until_on: date) -> int:
        """Money received from one day to another, both included; minor units."""
        return sum(amount for on, amount in self.receipts() if from_on <= on <= until_on)

    def receipts(self) -> list[tuple[date, int]]:
        """Money received that stands: the day it counts for, and minor units; days in order."""
        return sorted(
            (fact.on, fact.amount)
            for fact in (*self.facts, *self.recoveries.values())
            if fact.pays or fact.kind == FactKind.RECOVERY
        )

    def rate_on(self, on: date) -> Decimal:
        """The annual rate of the days after *on*, by what counts until then."""
        return self.ledger_on(on).laid.rate_after(on)

    @property
    def holds(self) -> dict[str, Held]:
        """The holds that stop interest or penalty, or did, by reference."""
        ends = [fact for fact in self.facts if fact.kind in HOLDS]
        return {fact.ref: fact.hold for fact in ends if fact.hold is not None}

    @property
    def converted_on(self) -> date | None:
        """From when on it is repaid in instalments that it was converted into."""
        changes = [fact.on for fact in self.facts if fact.change and fact.change.method]
        return max(changes, default=None)

    # --- the ledger behind it -------------------------------------------------------

    def _was_laid_anew(self, *more: Fact) -> bool:
        """Whether a ledger takes more to go on than what its instalments say."""
        return any(
            fact.kind == FactKind.RESCHEDULE
            or fact.future_money in PREPAYMENTS
            or (fact.kind == FactKind.DRAW and not self._accrues_daily())
            for fact in (*self.facts, *more)
        ) or (self.terms is not None and self.terms.prepayment is not None)

    def _needs_a_run(self, *more: Fact) -> bool:
        """Whether a ledger has to be run from the start to be gone on with."""
        return self._was_laid_anew(*more) or any(
            fact.kind in HOLDS or fact.kind == FactKind.FORGIVEN for fact in (*self.facts, *more)
        )

    def _ledger(self) -> Ledger:
        assert self.terms is not None and self.accrues_from is not None
        # What a payment was charged for coming early is known to a run only.
        if self._needs_a_run() or charged_at(self.terms, FeeTiming.ON_PREPAYMENT):
            return self._rerun(self.facts)
        return ledger_of(self.terms)(
            self.terms,
            self.accrues_from,
            list(self.instalments),
            self.unapplied - self._credit_recovered(),
            dict(self.parts),
            dict(self.splits),
            {fact.ref: fact.on for fact in self.facts if fact.splits},
            [fact for fact in standing(self.facts) if fact.kind == FactKind.FEE],
            [fact for fact in self.facts if fact.kind == FactKind.DRAW],
            self.opening,
            any(fact.kind == FactKind.PAYOFF for fact in self.facts),
        )

    def _credit_recovered(self) -> int:
        """What recoveries brought beyond the claim."""
        return total(self.recovered.values()).unapplied

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

    def _facts_before(self, fact: Fact) -> list[Fact]:
        """The facts that count before *fact*."""
        assert self.terms is not None
        place = counts_from(fact, self.terms)
        return [other for other in self.facts if counts_from(other, self.terms) < place]

    def ledger_of(self, facts: list[Fact]) -> Ledger:
        """The ledger after some of the facts."""
        return self._rerun(facts)

    def ledger_on(self, on: date) -> Ledger:
        """The ledger after the facts that counted by the end of *on*, as it stood then."""
        assert self.terms is not None
        counting = [fact for fact in self.facts if counts_from(fact, self.terms)[0] <= on]
        known = len(counting)
        while (used := self._credit_used(counting, on)) is not None:
            counting.append(used)  # no day's run has seen it
        unseen = len(counting) > known or known < len(self.facts)
        ledger = self._rerun(counting) if unseen else self._ledger()
        ledger.rows = ledger.rows_on(on)
        return ledger

    def ledger_due(self, on: date) -> Ledger:
        """The ledger that a payment of *on* finds, with what is charged by then of itself.

        What is laid anew on a day counts after what is paid on it. Charges on overdue
        instalments are recorded by a day's run, or the next command, and owed before that.
        """
        assert self.terms is not None
        counting = [
            fact
            for fact in self.facts
            if counts_from(fact, self.terms)[0] <= on
            and not (fact.kind == FactKind.RESCHEDULE and fact.on == on)
        ]
        known = {fact.ref for fact in self.facts if fact.automatic}
        unseen = [fact for ref, fact in self._deserved(counting, on).items() if ref not in known]
        while (used := self._credit_used([*counting, *unseen], on)) is not None:
            unseen.append(used)
        if not unseen and len(counting) == len(self.facts):
            return self.ledger_on(on)
        ledger = self._rerun([*counting, *unseen])
        ledger.rows = ledger.rows_on(on)
        return ledger

    def _deserved(self, facts: list[Fact], until: date) -> dict[str, Fact]:
        """The charges that instalments left unpaid bring about by *until*, by reference."""
        assert self.terms is not None and self.begun_on is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE) or self.state not in SERVICED:
            return {}
        own = [fact for fact in facts if not fact.automatic]
        return deserved(self._rerun([]), own, self.begun_on, until)

    def _credit_used(self, facts: list[Fact], until: date) -> Fact | None:
        """What credit pays first by the end of *until* that is not among *facts*."""
        had = self.opening_unapplied > 0 or any(
            split.unapplied > 0 for split in self.splits.values()
        )
        if not had or self.state not in SERVICED:
            return None
        return credit_used(self._rerun([]), facts, until)

    def _ledger_with(self, facts: list[Fact]) -> Ledger:
        """The ledger with one more fact, the last of *facts*."""
        assert self.terms is not None
        terms, new = self.terms, facts[-1]
        latest = counts_from(new, terms)
        if (
            new.kind == FactKind.WAIVER
            or self._needs_a_run(new)
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
        reallocated += self._credit_moved(ledger)
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
        # What was granted can turn out to need fewer instalments: the others are empty.
        numbers = {row.number for row in ledger.rows}
        gone = [row for row in self.instalments if row.number not in numbers]
        bare = [_emptied(row, act.business_on) for row in gone]
        touched += [row for row, old in zip(bare, gone, strict=True) if row != old]
        balance = ledger.balance(act.business_on)
        capitalised = None
        lost = state == LoanState.WRITTEN_OFF
        if not lost and (self._was_laid_anew() or ledger.laid.bases):
            drawn = sum(fact.amount for fact in ledger.draws)
            drawn -= sum(fact.amount for fact in self.facts if fact.kind == FactKind.DRAW)
            if self._accrues_daily():
                # The rows hold what the contract says will be paid out later, too.
                repaid = sum(split.principal for split in after)
                repaid -= sum(split.principal for split in before)
                grown = balance.principal - self.balance.principal + repaid
            else:
                grown = _principal(ledger.rows) - _principal(self.instalments)
            capitalised = grown - drawn
        if lost:
            balance = Balance(0, 0, 0, 0, ledger.unapplied + self._credit_recovered())
        return {
            "currency": self.currency,
            "net": total(after).less(total(before)),
            "instalments": touched,
            "reallocated": reallocated,
            "balance": balance,
            "bucket": self.bucket,
            "state_before": self.state,
            "state": state,
            "capitalised": capitalised or None,
        }

    def _credit_moved(self, ledger: Ledger) -> list[Movement]:
        """The days whose credit pays nothing any more, or something again."""
        moved = []
        for fact in self.facts:
            ref = fact.ref
            if fact.kind == FactKind.CREDIT and (ref in self.splits) != (ref in ledger.splits):
                before, after = self.splits.get(ref, Split()), ledger.splits.get(ref, Split())
                moved.append(Movement(ref, fact.on, before, after, ledger.parts.get(ref, [])))
        return moved

    def _reschedule_fact(self, ref: str, on: date, change: Change) -> Fact:
        return Fact(FactKind.RESCHEDULE, ref, on, self.facts_taken, change=change)

    def _ends_on(self) -> date:
        """The last due date of the contract, as what was laid anew has it."""
        ledger = self._ledger() if self._was_laid_anew() else None
        return ledger.ends_on if isinstance(ledger, DailyLedger) else self.opening[-1].due_on

    # --- guards ---------------------------------------------------------------------

    def _written(self, amount: int) -> str:
        return f"{written(amount, self.currency)} {self.currency}"

    def _state_words(self) -> str:
        return self.state.lower().replace("_", " ")

    def _has_limit(self) -> bool:
        return self.terms is not None and has_limit(self.terms) and self.converted_on is None

    def _accrues_daily(self) -> bool:
        return self.terms is not None and self.terms.accrual == Accrual.DAILY_BALANCE

    def _must_not_be_sold(self) -> None:
        if self.state == LoanState.SOLD:
            raise no.LoanSold(
                f"The loan was sold; its owner is {self.buyer_ref!r}: it is for them to act on it."
            )

    def _must_be_paid_out(self) -> None:
        self._must_not_be_sold()
        if self.state not in PAID_OUT:
            raise no.NotDisbursed(f"The loan is {self._state_words()} and was not paid out.")

    def _must_be_active(self) -> None:
        self._must_be_paid_out()
        if self.state != LoanState.ACTIVE:
            raise no.NotActive(f"The loan is {self._state_words()}.")

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

    def _counted_from(self, act: Act, on: date | None) -> date:
        """The day that something counts from: today, or one that lies back and was a day of it."""
        if on is None:
            return act.business_on
        self._must_not_be_before_disbursement(on)
        self._must_not_be_future(act, on)
        return on

    def _must_not_be_future(self, act: Act, on: date) -> None:
        if on > act.business_on:
            raise no.DateInFuture(f"{on} lies after the business date {act.business_on}.")


def _emptied(row: Instalment, on: date) -> Instalment:
    """*row* with nothing to pay; since *on*, if there was anything."""
    empty = Instalment(row.number, row.due_on, row.pay_by_on, 0, 0, 0, paid_on=row.paid_on or on)
    return empty if row != empty else row


def _principal(rows: list[Instalment]) -> int:
    return sum(row.principal for row in rows)
