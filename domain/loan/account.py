"""What is kept of one loan, and the ledger behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.money import rounded, written
from domain.base.policy import ClassStandard
from domain.base.repayment import AgreedRow
from domain.base.stream import Act, Record
from domain.base.terms import Accrual, ChargesDue, FeeTiming, Owed, PlannedDraw, Prepayment, Terms
from domain.loan import refusals as no
from domain.loan.allocation import Part, Split, total
from domain.loan.asset_class import AssetClass
from domain.loan.credit import credit_used
from domain.loan.daily_ledger import DailyLedger, ledger_of
from domain.loan.delinquency import Bucket
from domain.loan.facts import EARLY, HOLDS, SPLITS, Fact, FactKind, counts_from, of_kind, standing
from domain.loan.fees import charged_at
from domain.loan.held import Held
from domain.loan.kept import KnownToARun, no_run, penalty_by
from domain.loan.ledger import Balance, Ledger, run
from domain.loan.overdue import charged_on, deserved
from domain.loan.reschedule import Change
from domain.loan.schedule import Instalment
from domain.loan.security import Security
from domain.loan.sheet import BY_IRR
from domain.loan.stage import Stage
from domain.loan.state import (
    OFFERED,
    PAID_OUT,
    SERVICED,
    CameBack,
    ConversionOffer,
    Ended,
    EndedBy,
    Fee,
    FellAway,
    Limit,
    LoanState,
    Movement,
    RenewalOffer,
    Restated,
    Tier,
)
from domain.loan.timetable import has_limit, in_parts

PREPAYMENTS = frozenset(Prepayment)
LAID_ANEW = frozenset({FactKind.RESCHEDULE, FactKind.DRAW})


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
        self.partner: str | None = None
        self.partner_order_ref: str | None = None
        self.agreed_rows: list[AgreedRow] | None = None
        self.agreed_draws: list[PlannedDraw] | None = None
        self.product_code = ""
        self.product_version = 0
        self.currency = ""
        self.amount = 0
        self.term_months = 0
        self.annual_rate = Decimal(0)
        self.segment: str | None = None
        self.tier: Tier | None = None
        self.disclosed = ""
        self.sheet_digest: str | None = None
        self.cost_shown = BY_IRR
        self.terms: Terms | None = None
        self.signed_on: date | None = None
        self.disbursement_ref = ""
        self.disbursed_on: date | None = None
        self.accrues_from: date | None = None
        self.begun_on: date | None = None
        self.payout_order = 0
        self.money_since: date | None = None
        self.came_back: CameBack | None = None
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
        if not self._had_not_ended(on):
            self._must_be_paid_out()
        ledger = self.ledger_due(on)
        return max(ledger.payoff(on) - ledger.unapplied, 0)

    def lent_at_first(self) -> int:
        """What was lent when it began, before any draw; minor units.

        Of a loan taken over, what was paid back by then is in it.
        """
        return lent_by(self.opening, self.terms)

    def limit_by(self, ledger: Ledger, on: date) -> Limit | None:
        """What may be drawn, of a loan that is drawn on; money repaid comes back into a limit.

        After the last due date nothing is.
        """
        assert self.terms is not None
        amount = self.terms.amount
        if has_limit(ledger.laid.terms):
            left = max(amount - ledger.principal_owed(on), 0)
        elif in_parts(self.terms) or self.terms.draws:
            left = amount - self.lent_at_first() - sum(each.amount for each in ledger.draws)
        else:
            return None
        return Limit(amount, left if on <= self._ends_on() else 0)

    def exposure(self, on: date) -> int:
        """The principal that is out on *on*, or may still be paid out as agreed; minor units."""
        if self.state in OFFERED:
            stands = self.valid_until_on is None or on <= self.valid_until_on
            return self.amount if stands else 0
        if self.state == LoanState.WRITTEN_OFF:
            return self.claim.less(total(self.recovered.values())).principal
        if self.state != LoanState.ACTIVE:
            return 0
        ledger = self.ledger_due(on)
        limit = self.limit_by(ledger, on)
        return ledger.principal_owed(on) + (limit.left if limit else 0)

    def received(self, from_on: date, until_on: date) -> int:
        """Money received from one day to another, both included; minor units."""
        return sum(amount for on, amount in self.receipts() if from_on <= on <= until_on)

    def paid_on_time(self) -> int:
        """How many instalments were paid by their pay-by dates; what is due at the payout apart."""
        return sum(
            row.paid_on is not None and row.paid_on <= row.pay_by_on
            for row in self.instalments
            if row.due_on != self.disbursed_on and row.principal_paid + row.interest_paid > 0
        )

    def receipts(self) -> list[tuple[date, int]]:
        """Money received that stands: the day it counts for, and minor units; days in order.

        What came in after a sale and was passed on to the buyer is in it.
        """
        return sorted((fact.on, fact.amount) for fact in self.money_in())

    def money_in(self) -> list[Fact]:
        """The money received that stands: payments, recoveries, and what is the buyer's."""
        return [fact for fact in self._moved() if fact.is_money_in]

    def money_named(self, ref: str) -> Fact | None:
        """The money received that has a reference, if it stands."""
        return next((f for f in self._moved() if f.ref == ref and f.is_money_in), None)

    def _moved(self) -> list[Fact]:
        return [*self.facts, *self.recoveries.values(), *self.passed_on]

    @property
    def passed_on(self) -> list[Fact]:
        """The money of after a sale, which is the buyer's."""
        if not self.endings or self.endings[-1].kind != EndedBy.SALE:
            return []
        return [fact for fact in self.endings[-1].aside if fact.is_money_in]

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

    def charged_beside(self, facts: list[Fact]) -> FellAway:
        """What events charged beside the schedule by *facts*, less what was forgiven."""
        fees = [fee for fee in self.fees.values() if fee.amount]
        waived = {fee.fee_ref: min(fee.waived, fee.amount) for fee in fees}
        owed: Counter[str] = Counter()
        for fee in fees:
            owed[fee.owed or Owed.FEE] += fee.amount - waived[fee.fee_ref]
        early = forgiven = 0
        for fact in facts:
            if fact.kind == FactKind.FORGIVEN:
                owed[fact.owed or Owed.FEE] -= fact.amount
                forgiven += fact.amount if fact.owed == Owed.FEE else 0
            elif fact.kind == FactKind.WAIVER and fact.ref.startswith(EARLY):
                owed[Owed.FEE] -= fact.amount
                early += fact.amount
        no_penalty = [fee for fee in fees if fee.owed != Owed.PENALTY]
        return FellAway(
            owed[Owed.FEE],
            owed[Owed.INTEREST],
            owed[Owed.PENALTY],
            sum(fee.amount for fee in no_penalty),
            sum(waived[fee.fee_ref] for fee in no_penalty) + forgiven + early,
        )

    def restored_facts(self) -> list[Fact]:
        """The facts of the loan whose payout came back, as if the return had not been.

        Money counts as it stands by now: what was paid or paid back since is in it, what was
        reversed is not.
        """
        assert self.came_back is not None
        before = self.came_back.facts
        now, known = set(map(_money_key, self.facts)), set(map(_money_key, before))
        kept = [fact for fact in before if not _moves_cash(fact) or _money_key(fact) in now]
        return kept + [fact for fact in self.facts if _money_key(fact) not in known]

    # --- the ledger behind it -------------------------------------------------------

    def _was_laid_anew(self, *more: Fact) -> bool:
        """Whether a ledger takes more to go on than what its instalments say."""
        if self.terms is not None and self.terms.prepayment is not None:
            return True
        laid = {FactKind.RESCHEDULE} if self._accrues_daily() else LAID_ANEW
        facts = [*self.facts, *more]
        if self._any_fact(laid, facts):
            return True
        return not PREPAYMENTS.isdisjoint([fact.future_money for fact in facts])

    def _needs_a_run(self, *more: Fact) -> bool:
        """Whether a ledger has to be run from the start to know all that can be asked of it.

        What a payment was charged for coming early is known to a run only.
        """
        assert self.terms is not None
        return (
            self._was_laid_anew(*more)
            or self._any_fact({*HOLDS, FactKind.FORGIVEN}, [*self.facts, *more])
            or bool(charged_at(self.terms, FeeTiming.ON_PREPAYMENT))
        )

    def _any_fact(self, kinds: AbstractSet[str], facts: Iterable[Fact]) -> bool:
        return not kinds.isdisjoint([fact.kind for fact in facts])

    def _ledger(self) -> Ledger:
        """The ledger as it stands, with all that can be asked of it."""
        if self.accrues_from is None or self._needs_a_run():
            return self._rerun(self.facts)
        return self._on_what_is_kept()

    def _ledger_kept(self) -> Ledger:
        """The ledger as it stands, which is run only if more is asked of it than is kept."""
        if self.accrues_from is None or self._accrues_daily() or not self._needs_a_run():
            return self._ledger()
        return self._on_what_is_kept(partial(self._rerun, self.facts))

    def _on_what_is_kept(self, run_anew: Callable[[], Ledger] | None = None) -> Ledger:
        """The ledger on what is kept; *run_anew* tells more, where that does not tell all."""
        assert self.terms is not None and self.accrues_from is not None
        terms, begins, facts = self.terms, self.accrues_from, self.facts
        ledger = ledger_of(terms)(
            terms,
            begins,
            list(self.instalments),
            self.unapplied - self._credit_beside(),
            dict(self.parts),
            dict(self.splits),
            {fact.ref: fact.on for fact in facts if fact.kind in SPLITS},
            of_kind(facts, FactKind.DRAW),
            self.opening,
            self._any_fact({FactKind.PAYOFF}, facts),
            of_kind(facts, FactKind.REFUND),
            self.payout_order,
            penalty_by(terms, begins, self.opening, facts) if run_anew else None,
            run_anew,
        )
        if run_anew is None or not self._any_fact({FactKind.FEE, FactKind.FORGIVEN}, facts):
            ledger.charges = of_kind(standing(facts), FactKind.FEE)
        return ledger

    def _rerun(self, facts: list[Fact]) -> Ledger:
        assert self.terms is not None
        if self.accrues_from is None:  # its payout came back: what is paid is credit
            return unlent(self.terms, facts)
        return run(
            self.terms,
            self.accrues_from,
            self.opening,
            facts,
            unapplied=self.opening_unapplied,
            kind=ledger_of(self.terms),
            payout_order=self.payout_order,
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
        if not self._was_lent_on(on):
            return unlent(self.terms, counting)
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

    def _deserved(
        self, facts: list[Fact], until: date, states: tuple[str, ...] = SERVICED
    ) -> dict[str, Fact]:
        """The charges that instalments left unpaid bring about by *until*, by reference."""
        assert self.terms is not None and self.begun_on is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE) or self.state not in states:
            return {}
        if facts == self.facts and self._was_paid_in_time(until):
            return {}
        own = [fact for fact in facts if not fact.automatic]
        return deserved(self._rerun([]), own, self.begun_on, until)

    def _credit_used(
        self, facts: list[Fact], until: date, states: tuple[str, ...] = SERVICED
    ) -> Fact | None:
        """What credit pays first by the end of *until* that is not among *facts*."""
        if not self._had_credit() or self.state not in states or not self._was_lent_on(until):
            return None
        if self._was_paid_by_due_dates(until):
            return None
        return credit_used(self._rerun([]), facts, until)

    def _had_credit(self) -> bool:
        """Whether there ever was credit that could pay something."""
        credit = [split.unapplied for split in self.splits.values()]
        return max([self.opening_unapplied, *credit]) > 0

    def _was_paid_in_time(self, until: date) -> bool:
        """Whether the instalments tell that none was unpaid by *until* so long that it is charged.

        Where more than the instalments has to be known the answer is no.
        """
        if self._accrues_daily() or any(f.automatic or f.kind == FactKind.MOVE for f in self.facts):
            return False
        assert self.terms is not None
        for row in self.instalments:
            day = charged_on(row, self.terms)
            if day <= until and (row.paid_on is None or row.paid_on >= day):
                return False
        return True

    def _was_paid_by_due_dates(self, until: date) -> bool:
        """Whether the instalments tell that nothing due by *until* was open when its day ended.

        Credit never lay beside anything to pay then, and no day has to be looked at. Where
        more than the instalments has to be known the answer is no.
        """
        assert self.terms is not None
        in_time = all(
            row.paid_on is not None and row.paid_on <= row.due_on
            for row in self.instalments
            if row.due_on <= until
        )
        if not in_time or self._accrues_daily() or self._any_fact({FactKind.MOVE}, self.facts):
            return False
        # A charge can be due before the instalment that it is owed with.
        own_day = self.terms.charges_due == ChargesDue.OWN_DAY
        return not (own_day and any(f.kind == FactKind.FEE and f.is_due(until) for f in self.facts))

    def _ledger_with(self, facts: list[Fact]) -> Ledger:
        """The ledger with one more fact, the last of *facts*."""
        assert self.terms is not None
        terms, new = self.terms, facts[-1]
        latest = counts_from(new, terms)
        # No fact counts later than its own day; to know its place there takes longer.
        near = [fact for fact in self.facts if fact.on >= latest[0]]
        if new.kind == FactKind.WAIVER or any(counts_from(fact, terms) > latest for fact in near):
            return self._rerun(facts)
        if self.accrues_from is not None and not self._needs_a_run(new):
            ledger = self._on_what_is_kept()
            ledger.take_last(new)
            return ledger
        if new.kind == FactKind.PAYMENT and self.accrues_from and not self._accrues_daily():
            return self._paid_on_what_is_kept(facts)
        return self._rerun(facts)

    def _paid_on_what_is_kept(self, facts: list[Fact]) -> Ledger:
        """The ledger with one more payment, run only if that asks for more than is kept."""
        ledger = self._on_what_is_kept(no_run)
        try:
            ledger.take(facts[-1])
        except KnownToARun:
            return self._rerun(facts)
        ledger.run_anew = partial(self._rerun, facts)
        return ledger

    def _outcome(self, act: Act, ledger: Ledger, on: date | None = None) -> dict[str, object]:
        """The fields every event that moves money shares, as of *on*.

        That is today if not said, or when the loan left the book: nothing accrues since.
        """
        on = on or self._reckoned_to(act.business_on)
        # Most splits are the same objects, and take nothing from the difference.
        before = [old for ref, old in self.splits.items() if ledger.splits.get(ref) is not old]
        after = [new for ref, new in ledger.splits.items() if self.splits.get(ref) is not new]
        reallocated = [
            Movement(ref, ledger.paid_on[ref], self.splits[ref], split, ledger.parts[ref])
            for ref, split in ledger.splits.items()
            if (were := self.parts.get(ref)) is not ledger.parts[ref]
            and ref in self.splits
            and were != ledger.parts[ref]
        ]
        reallocated += self._credit_moved(ledger)
        # Most rows are the same objects; comparing them takes longer than the decision.
        known = {row.number: row for row in self.instalments}
        touched = [
            row
            for row in ledger.rows_on(on)
            if row is not (old := known.get(row.number)) and row != old
        ]
        state = self.state
        if state in (LoanState.SETTLED, LoanState.CLOSED):
            over = ledger.is_over(on)
            state = LoanState.SETTLED if over else LoanState.ACTIVE
        # What was granted can turn out to need fewer instalments: the others are empty.
        numbers = {row.number for row in ledger.rows}
        gone = [row for row in self.instalments if row.number not in numbers]
        bare = [emptied(row, on) for row in gone]
        touched += [row for row, old in zip(bare, gone, strict=True) if row != old]
        balance, owed = ledger.balance(on), self.balance.principal
        restated: list[Restated] = []
        left = balance
        if self.endings:
            restated, recovered = self._restated(ledger)
            reallocated += recovered
            left = Balance(0, 0, 0, 0, ledger.unapplied + self._credit_beside())
            left = replace(left, unapplied=left.unapplied + sum(r.credit for r in restated))
            owed = self.endings[0].claim.principal
        capitalised = None
        if self._was_laid_anew() or ledger.was_laid:
            drawn = sum(fact.amount for fact in ledger.draws)
            drawn -= sum(fact.amount for fact in of_kind(self.facts, FactKind.DRAW))
            if self._accrues_daily():
                # The rows hold what the contract says will be paid out later, too.
                repaid = sum(split.principal for split in after)
                repaid -= sum(split.principal for split in before)
                grown = balance.principal - owed + repaid
            else:
                grown = _principal(ledger.rows) - _principal(self.instalments)
            capitalised = grown - drawn
        return {
            "currency": self.currency,
            "net": total(after).less(total(before)),
            "instalments": touched,
            "reallocated": reallocated,
            "balance": left,
            "bucket": self.bucket,
            "state_before": self.state,
            "state": state,
            "capitalised": capitalised or None,
            "restated": restated or None,
        }

    def _credit_moved(self, ledger: Ledger) -> list[Movement]:
        """The days whose credit pays nothing any more, or something again."""
        moved = []
        for fact in of_kind(self.facts, FactKind.CREDIT):
            ref = fact.ref
            if (ref in self.splits) != (ref in ledger.splits):
                before, after = self.splits.get(ref, Split()), ledger.splits.get(ref, Split())
                moved.append(Movement(ref, fact.on, before, after, ledger.parts.get(ref, [])))
        return moved

    # --- after it left the book -----------------------------------------------------

    def _reckoned_to(self, on: date) -> date:
        """To what day its money is reckoned: *on*, or when it left the book."""
        return min([on, *(ended.on for ended in self.endings[:1])])

    def _had_not_ended(self, on: date) -> bool:
        """Whether it left the book, and had not on the day *on*."""
        return bool(self.endings) and on < self.endings[0].on

    def claim_on_end(self, ledger: Ledger) -> Split:
        """What *ledger* says was owed when it left the book; *unapplied* what is missing.

        That is what was refunded before, and is no credit any more.
        """
        return self.claim_of(ledger, self.endings[0].on, self.endings[0].order)

    def claim_of(self, ledger: Ledger, on: date, order: int) -> Split:
        """What *ledger* says is owed where the loan leaves the book on a day, at a place of it."""
        owed = ledger.claim(on)
        later = sum(fact.amount for fact in ledger.refunds if (fact.on, fact.order) >= (on, order))
        missing = max(-(ledger.unapplied + later), 0)
        return Split(owed.fees, owed.interest, owed.penalty, owed.principal, missing)

    @property
    def aside(self) -> list[Fact]:
        """What counts no more since the loan left the book, and again if that is taken back."""
        return [fact for ended in self.endings for fact in ended.aside]

    def _credit_beside(self) -> int:
        """By how much the borrower's credit is more than the schedule says."""
        return self._beside(self.endings[0].claim, self.recovered) if self.endings else 0

    def _beside(self, claim: Split, recovered: Mapping[str, Split]) -> int:
        """What recoveries bring beyond the claim; what is missing is a part of that."""
        return max(claim.unapplied, total(recovered.values()).unapplied)

    def recovered_by(self, recoveries: Iterable[Fact], claim: Split) -> dict[str, Split]:
        """What each of *recoveries* pays of *claim*, by their days, and of credit.

        What is missing of credit comes last, and is made good by what is credit here.
        """
        assert self.terms is not None
        order = self.terms.recovery_order or self.terms.late_order or self.terms.allocation_order
        found: dict[str, Split] = {}
        for fact in sorted(recoveries, key=lambda fact: (fact.on, fact.order)):
            took = claim.less(total(found.values())).first(fact.amount, order)
            found[fact.ref] = replace(took, unapplied=fact.amount - took.total)
        return found

    def _recovered_anew(self, anew: Mapping[str, Split]) -> list[Movement]:
        """The recoveries that split in another way than they did."""
        nothing = Split()
        return [
            Movement(ref, self.recoveries[ref].on, self.recovered.get(ref, nothing), after, [])
            for ref, after in anew.items()
            if ref in self.recoveries and after != self.recovered.get(ref, nothing)
        ]

    def _restated(self, ledger: Ledger) -> tuple[list[Restated], list[Movement]]:
        """What *ledger* makes of the loss or sale, and of what was recovered since."""
        claim, recovered = self.claim_on_end(ledger), self.recovered
        if claim != self.endings[0].claim and self.endings[0].kind == EndedBy.WRITE_OFF:
            recovered = self.recovered_by(self.recoveries.values(), claim)
        return self.restated_by(claim, recovered), self._recovered_anew(recovered)

    def restated_by(self, claim: Split, recovered: Mapping[str, Split]) -> list[Restated]:
        """The loss and the sale of which another claim, or other recoveries, make another one.

        Who bought it bought what was open; the price follows that in proportion.
        """
        assert self.terms is not None
        found: list[Restated] = []
        for place, ended in enumerate(self.endings):
            after, price, credit = claim if place == 0 else ended.claim, ended.price, 0
            if place == 0:
                credit = self._beside(claim, recovered) - self._credit_beside()
            if ended.face and ended.agreed is not None:
                face = open_of(claim, recovered)
                exact = Decimal(ended.agreed * face) / ended.face
                price = rounded(exact, self.terms.rounding)
            if after != ended.claim or price != ended.price:
                each = Restated(
                    ended.kind, ended.on, ended.claim, after, ended.price, price, credit
                )
                found.append(each)
        return found

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

    def _must_have_been_paid_out(self) -> None:
        """Pass where it was paid out, whoever it belongs to by now."""
        if self.state != LoanState.SOLD:
            self._must_be_paid_out()

    def _must_hold_money(self) -> None:
        """Pass where money can be on it: it was paid out, if only with a payout that came back."""
        if self.came_back is None:
            self._must_have_been_paid_out()

    def _was_lent_on(self, on: date) -> bool:
        """Whether it had been paid out by *on*, by a payout that stands."""
        return self.accrues_from is not None and on >= self.accrues_from

    def _must_run_on(self, on: date) -> None:
        """Pass where what counts from *on* can change what is owed.

        It runs; or it left the book later, and what became known since belongs to the time
        before.
        """
        if not self._had_not_ended(on):
            self._must_be_active()

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
        began_on = self.accrues_from or self.money_since
        if began_on is not None and on < began_on:
            raise no.BeforeDisbursement(f"{on} lies before {began_on}, when the loan began here.")

    def _must_not_be_before_money(self, on: date) -> None:
        """Pass where money could move: since a payout, though one that came back."""
        if self.money_since is None or on < self.money_since:
            self._must_not_be_before_disbursement(on)

    def _counted_from(self, act: Act, on: date | None, *, money: bool = False) -> date:
        """The day that something counts from: today, or one that lies back and was a day of it.

        Of *money*, a day of a payout that came back is one, too.
        """
        if on is None:
            return act.business_on
        if money:
            self._must_not_be_before_money(on)
        else:
            self._must_not_be_before_disbursement(on)
        self._must_not_be_future(act, on)
        return on

    def _must_not_be_future(self, act: Act, on: date) -> None:
        if on > act.business_on:
            raise no.DateInFuture(f"{on} lies after the business date {act.business_on}.")


def lent_by(opening: list[Instalment], terms: Terms | None) -> int:
    """What was lent when a loan began with these instalments; minor units."""
    lent = sum(row.principal for row in opening)
    if terms is not None and terms.accrual == Accrual.DAILY_BALANCE:
        # The rows begin with what is planned to be paid out later, too.
        lent -= sum(draw.amount for draw in terms.draws or ())
    return lent


def unlent(terms: Terms, facts: list[Fact]) -> Ledger:
    """The ledger of a loan on which nothing is lent: all that was paid is credit."""
    return run(terms, date.max, [], facts)


def _moves_cash(fact: Fact) -> bool:
    """Whether money of the borrower's moved: in, or back."""
    return fact.pays or fact.kind == FactKind.REFUND


def _money_key(fact: Fact) -> tuple[str, str]:
    return FactKind.PAYMENT if fact.pays else fact.kind, fact.ref


def as_credit(facts: Iterable[Fact]) -> list[Fact]:
    """What of *facts* stays when the payout behind them came back: money, that pays nothing."""
    return [
        replace(fact, kind=FactKind.PAYMENT, future_money=None) if fact.pays else fact
        for fact in facts
        if _moves_cash(fact)
    ]


def open_of(claim: Split, recovered: Mapping[str, Split]) -> int:
    """What of *claim* was not recovered; minor units."""
    paid = total(recovered.values())
    made_good = min(paid.unapplied, claim.unapplied)
    return claim.total - (paid.total - paid.unapplied) - made_good


def emptied(row: Instalment, on: date) -> Instalment:
    """*row* with nothing to pay; since *on*, if there was anything."""
    empty = Instalment(row.number, row.due_on, row.pay_by_on, 0, 0, 0, paid_on=row.paid_on or on)
    return empty if row != empty else row


def _principal(rows: list[Instalment]) -> int:
    return sum(row.principal for row in rows)
