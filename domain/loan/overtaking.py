"""What a loss or a sale that lies back makes of what was recorded of the days after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

from domain.base.stream import Act
from domain.base.terms import Owed, RatePlanKind
from domain.loan import delinquency
from domain.loan import refusals as no
from domain.loan.account import emptied, open_of
from domain.loan.allocation import Split, total
from domain.loan.facts import EARLY, STEP, Fact, FactKind, named
from domain.loan.ledger import Ledger
from domain.loan.servicing import Servicing
from domain.loan.state import FellAway, Movement, Overtaken


@dataclass(frozen=True)
class AtEnd:
    """A loan as it leaves the book on a day: its *ledger* then, and what was owed by that.

    *bucket* is the one it leaves in, *overtaken* what was recorded of later days, if anything;
    *face* what is open of the claim, all of it if it was not written off before. *credit* is the
    borrower's after it.
    """

    ledger: Ledger
    claim: Split
    bucket: str
    overtaken: Overtaken | None
    face: int
    credit: int


class Overtaking(Servicing):
    """How a loan stood on a day that lies back, whatever was recorded since."""

    def _at_end(self, act: Act, on: date, *, sells: bool = False) -> AtEnd:
        """The loan as it leaves the book on *on*, with what was known first on that day.

        Money of later days is recovered of the loss; where it *sells* the claim, the buyer's.
        Where nothing was recorded of later days, what follows by then is recorded now.

        Raises:
            NotActive: it does not run, and not because of what was recorded since.
            RestsOnIt: money went out after the day, or what was owed then was forgiven since.
        """
        gone, steps = self._overtaken_by(on)
        names = {named(fact) for fact in gone}
        ledger = self._rerun([fact for fact in self.facts if named(fact) not in names])
        since, bucket = _lateness(ledger, on)
        stands = (self.overdue_since_on, self.bucket) == (since, bucket)
        if not gone and not steps and (stands or on == act.business_on):
            self._must_be_active()
            self._assess_consequences(act, on)
            ledger, bucket = self._ledger(), self.bucket
            claim = self.claim_of(ledger, on, self.facts_taken)
            credit = ledger.unapplied + claim.unapplied
            return AtEnd(ledger, claim, bucket, None, claim.total, credit)
        self._must_leave_no_trace(on, gone)
        claim = self.claim_of(ledger, on, self.facts_taken)
        found = self._overtaken(on, ledger, claim, gone, steps)
        if sells:
            passed_on = [replace(each, after=Split()) for each in found.recovered]
            found = replace(found, recovered=[], passed_on=passed_on, grown=claim.unapplied)
        credit = ledger.unapplied + found.grown
        return AtEnd(ledger, claim, bucket, found, claim.total, credit)

    def _sold_after_loss(self, on: date) -> AtEnd:
        """The loan that was written off, as what is open of its claim is sold on *on*.

        What was recovered on later days is the buyer's.

        Raises:
            RestsOnIt: the loss was taken as of a later day.
        """
        lost = self.endings[0]
        if on < lost.on:
            raise no.RestsOnIt(
                f"The loan was written off as of {lost.on}, after {on}: take that back first, or"
                f" sell as of {lost.on} or later."
            )
        later = [fact for fact in self.recoveries.values() if fact.on > on]
        gone = {fact.ref for fact in later}
        left = {ref: split for ref, split in self.recovered.items() if ref not in gone}
        face = open_of(self.claim, left)
        at_end = AtEnd(self._ledger(), Split(), self.bucket, None, face, self.unapplied)
        if not later:
            return at_end
        anew, nothing = self.recovered_by(self.recoveries.values(), self.claim), Split()
        since = Overtaken(
            net=nothing,
            instalments=[],
            dropped=[],
            recovered=[],
            passed_on=[Movement(fact.ref, fact.on, anew[fact.ref], nothing, []) for fact in later],
            reallocated=[],
            set_aside=[],
            lapsed=[],
            steps=[],
            fell_away=FellAway(0, 0, 0, 0, 0),
            capitalised=0,
            grown=self._beside(self.claim, left) - self._credit_beside(),
            state_before=self.state,
            bucket_before=self.bucket,
            overdue_since_on=self.overdue_since_on,
        )
        return replace(at_end, overtaken=since, credit=self.unapplied + since.grown)

    def _must_have_refunded_nothing(self, on: date) -> None:
        """Pass where no credit was paid back after *on*: it would be the buyer's money."""
        for fact in self.facts:
            if fact.kind == FactKind.REFUND and fact.on > on:
                raise no.RestsOnIt(
                    f"{self._written(fact.amount)} was paid back on {fact.on} ({fact.ref}), after"
                    f" {on}: take that back first if it did not go out, else sell as of {fact.on}"
                    " or later."
                )

    def _overtaken_by(self, on: date) -> tuple[list[Fact], list[str]]:
        """The facts that count no more where the loan left the book on *on*, and the steps."""
        later = self._later_than(on)
        steps = self._steps_later_than(on, later)
        earned = {f"{FactKind.RESCHEDULE}:{STEP}{step}" for step in steps}
        names = {named(fact) for fact in later} | earned
        return [fact for fact in self.facts if named(fact) in names], steps

    def _later_than(self, on: date) -> list[Fact]:
        """What counts from after *on*, and not at all where the loan left the book then.

        What was refunded went out all the same, and what is forgiven of a charge stays so as
        long as the charge does.
        """
        later = [f for f in self.facts if f.on > on and f.kind != FactKind.REFUND]
        charges = {fact.ref for fact in later if fact.kind == FactKind.FEE}
        charges |= {f"{EARLY}{fact.ref}" for fact in later if fact.pays}
        return [f for f in later if f.kind != FactKind.WAIVER or f.ref in charges]

    def _steps_later_than(self, on: date, later: list[Fact]) -> list[str]:
        """The steps of the rate that were earned or forfeited, and not so by the end of *on*."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN or not self.steps:
            return []
        names = {named(fact) for fact in later}
        ledger = self._rerun([fact for fact in self.facts if named(fact) not in names])
        paid_by = {row.number: self._on_time_until(row) for row in ledger.rows}
        return [
            str(step.from_instalment)
            for step in plan.steps
            if str(step.from_instalment) in self.steps
            and paid_by.get(step.from_instalment - 1, date.max) >= on
        ]

    def _must_leave_no_trace(self, on: date, gone: list[Fact]) -> None:
        """Pass where none of *gone* paid money out, or forgave what was owed before."""
        for fact in gone:
            if fact.kind == FactKind.DRAW:
                raise no.RestsOnIt(
                    f"{self._written(fact.amount)} was paid out on {fact.on} ({fact.ref}), after"
                    f" {on}: take that back first if it did not go out, else let it end on"
                    f" {fact.on} or later."
                )
            if fact.kind == FactKind.FORGIVEN:
                raise no.RestsOnIt(
                    f"{self._written(fact.amount)} of instalment {fact.instalment} was forgiven on"
                    f" {fact.on} ({fact.ref}), after {on}: take that back first, and forgive it"
                    f" as of {on} or earlier if it is not to be claimed."
                )

    def _overtaken(
        self, on: date, ledger: Ledger, claim: Split, gone: list[Fact], steps: list[str]
    ) -> Overtaken:
        """What becomes of what was recorded since, *gone* being the facts of it."""
        paid = [fact for fact in gone if fact.pays]
        anew = self.recovered_by(paid, claim)
        names = {named(fact) for fact in gone}
        lapsed = [fact for fact in gone if _follows_from_others(fact)]
        net = total(ledger.splits.values()).less(total(self.splits.values()))
        numbers = {row.number for row in ledger.rows}
        known = {row.number: row for row in self.instalments}
        dropped = [row for row in self.instalments if row.number not in numbers]
        touched = [row for row in ledger.rows_on(on) if row != known.get(row.number)]
        moved = [
            Movement(ref, ledger.paid_on[ref], self.splits[ref], split, ledger.parts[ref])
            for ref, split in ledger.splits.items()
            if ref in self.splits and ledger.parts[ref] != self.parts[ref]
        ]
        moved += [
            each
            for each in self._credit_moved(ledger)
            if f"{FactKind.CREDIT}:{each.ref}" not in names
        ]
        return Overtaken(
            net=net,
            instalments=[*touched, *(emptied(row, on) for row in dropped)],
            dropped=[row.number for row in dropped],
            recovered=[
                Movement(fact.ref, fact.on, self.splits[fact.ref], anew[fact.ref], [])
                for fact in paid
            ],
            passed_on=[],
            reallocated=moved,
            set_aside=list(dict.fromkeys(named(f) for f in gone if not f.pays and f not in lapsed)),
            lapsed=[named(fact) for fact in lapsed],
            steps=steps,
            fell_away=charged_by(gone),
            capitalised=claim.principal - self.balance.principal + net.principal,
            grown=self._beside(claim, anew),
            state_before=self.state,
            bucket_before=self.bucket,
            overdue_since_on=_lateness(ledger, on)[0],
        )


def charged_by(facts: list[Fact]) -> FellAway:
    """What *facts* charge beside the schedule, less what they forgive of charges."""
    forgiven = Counter[str]()
    for fact in facts:
        if fact.kind == FactKind.WAIVER:
            forgiven[fact.ref] += fact.amount
    early = sum(amount for ref, amount in forgiven.items() if ref.startswith(EARLY))
    owed, charged, waived = Counter({str(Owed.FEE): -early}), 0, early
    for fee in facts:
        if fee.kind == FactKind.FEE:
            gone = min(forgiven[fee.ref], fee.amount)
            owed[fee.owed or Owed.FEE] += fee.amount - gone
            charged += fee.amount if fee.owed != Owed.PENALTY else 0
            waived += gone if fee.owed != Owed.PENALTY else 0
    return FellAway(owed[Owed.FEE], owed[Owed.INTEREST], owed[Owed.PENALTY], charged, waived)


def _follows_from_others(fact: Fact) -> bool:
    """Whether a fact is derived anew from what else counts."""
    step = fact.kind == FactKind.RESCHEDULE and fact.ref.startswith(STEP)
    return fact.automatic or fact.kind == FactKind.CREDIT or step


def _lateness(ledger: Ledger, on: date) -> tuple[date | None, str]:
    """Since when the loan of *ledger* is past due on a day, if it is, and its bucket."""
    oldest = min((row.pay_by_on for row in ledger.rows_on(on) if row.left), default=None)
    days = delinquency.days_past_due(oldest, on)
    return oldest if days else None, delinquency.bucket(days)
