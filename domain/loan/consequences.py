"""What follows from money that moved, or from days that passed: charges, rates, labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from domain.base.calendar import next_day
from domain.base.policy import AssetClassRule, ClassStandard
from domain.base.stream import Act
from domain.base.terms import FeeTiming, RatePlanKind, RateScope, RateStep
from domain.loan import delinquency, events
from domain.loan.account import Account
from domain.loan.asset_class import Lateness, Past, classed, late_until, worse
from domain.loan.daily_ledger import DailyLedger
from domain.loan.facts import RENEWAL, STEP, Fact, FactKind, counts_from
from domain.loan.fees import charged_at
from domain.loan.held import penalty_free
from domain.loan.overdue import kind_of
from domain.loan.reschedule import Change
from domain.loan.schedule import Instalment
from domain.loan.state import RECKONED, LoanState, StepState, Withdrawal
from domain.loan.subsidy import Subsidised, subsidised, subsidised_by_day


class Consequences(Account):
    """What is recorded beside a decision, in its transaction, or when a day asks for it."""

    def _follow_up(
        self, act: Act, on: date, *, early: bool = False, before: list[Fact] | None = None
    ) -> None:
        """Labels that follow from a movement of money, in the same transaction.

        *before* are the facts that a decision found, if it only adds to them; all that follows
        from them was recorded.
        """
        if self.accrues_from is None:
            return  # nothing is lent, since the payout came back
        self._assess_consequences(act, before=before)
        self._assess(act, cause_on=on)
        if self.endings:
            self._subsidise(act, self.endings[0].on, ends=True)
        if self.state not in (LoanState.ACTIVE, LoanState.SETTLED):
            return
        may_be_paid = self.state == LoanState.ACTIVE and not any(
            row.left for row in self.instalments
        )
        if may_be_paid and (ledger := self._ledger_kept()).is_over(act.business_on):
            on = max(on, ledger.last_paid_on() or on)
            self.record(
                events.Settled,
                act,
                on,
                currency=self.currency,
                early=early,
                balance=self.balance,
                bucket=self.bucket,
            )
            self._subsidise(act, on, ends=True)
        elif self.state == LoanState.SETTLED and self.terms and self.terms.subsidy:
            # By what is known now it may have been paid on another day.
            self._subsidise(act, self._ledger().last_paid_on() or on, ends=True)
        if self.state == LoanState.SETTLED and self.unapplied == 0:
            self.record(
                events.Closed,
                act,
                on,
                currency=self.currency,
                balance=self.balance,
                bucket=self.bucket,
            )

    def _assess_consequences(
        self, act: Act, until: date | None = None, before: list[Fact] | None = None
    ) -> None:
        """Credit, charges and steps of the rate as instalments were paid, until they agree.

        A charge can make an instalment late for a step, and a step that is reversed can
        leave a later one unpaid; each follows from what counts earlier, so it ends. With
        *until*, which may lie back, what follows by then.
        """
        by = None if until in (None, act.business_on) else until
        until = until or self._reckoned_to(act.business_on)
        version = -1
        while self.version != version:
            version = self.version
            self._apply_credit(act, until)
            self._charge_overdue(act, by)
            self._assess_steps(act, until)
        self._assess_relief(act, before)

    # --- lateness -------------------------------------------------------------------

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
        current = delinquency.bucket(dpd)
        went_overdue = late_since is not None and self.overdue_since_on is None
        overdue = self._overdue(on) if went_overdue or current != self.bucket else 0
        better_on = self._better_on(cause_on or act.business_on, late_since or on)
        if went_overdue:
            assert late_since is not None
            row = next(row for row in self.instalments if row.left)
            self.record(
                events.WentOverdue,
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
                events.Cured,
                act,
                better_on,
                currency=self.currency,
                overdue_since_on=self.overdue_since_on,
                next_pay_by_on=oldest,
            )
        if current != self.bucket:
            entered = delinquency.entered_on(late_since, current) or better_on
            if current < self.bucket:
                entered = max(better_on, entered)
            self.record(
                events.BucketChanged,
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

    # --- credit -----------------------------------------------------------------------

    def _apply_credit(self, act: Act, until: date) -> None:
        """Let credit pay what fell due by a day, each on its day."""
        while (used := self._credit_unused(until)) is not None:
            fact = replace(used, order=self.facts_taken)
            ledger = self._rerun([*self.facts, fact])
            split = ledger.splits.get(fact.ref)
            if split is None:
                return
            self.record(
                events.CreditApplied,
                act,
                fact.on,
                credit_ref=fact.ref,
                amount=-split.unapplied,
                fees=split.fees,
                interest=split.interest,
                penalty=split.penalty,
                principal=split.principal,
                parts=ledger.parts[fact.ref],
                **self._outcome(act, ledger),
            )

    def _credit_unused(self, until: date) -> Fact | None:
        if not self._had_credit():
            return None
        # What is charged wrongly by now, and is taken back in a moment, is not paid before.
        wanted = self._deserved(self.facts, until, RECKONED)
        standing_now = [f for f in self.facts if not f.automatic or f.ref in wanted]
        return self._credit_used(standing_now, until, RECKONED)

    # --- charges of what is overdue -------------------------------------------------

    def _charge_overdue(self, act: Act, by: date | None = None) -> None:
        """Charge what instalments unpaid by a day deserve, and take back what they do not.

        With *by*, only what is deserved by then is charged and nothing is taken back.
        """
        assert self.terms is not None
        if not charged_at(self.terms, FeeTiming.ON_OVERDUE) or self.state not in RECKONED:
            return
        until = by or self._reckoned_to(act.business_on)
        wanted = self._deserved(self.facts, until, RECKONED)
        charged = {fact.ref: fact for fact in self.facts if fact.automatic}
        for ref, fact in charged.items() if by is None else ():
            due = wanted.get(ref)
            if due is None or (due.on, due.amount) != (fact.on, fact.amount):
                cause = Withdrawal.CHARGED_ANEW
                if due is None:
                    held = self._stops_penalty(fact.on)
                    cause = Withdrawal.ON_HOLD if held else Withdrawal.NOT_OVERDUE
                self._withdraw(act, fact, cause)
        standing_now = {fact.ref for fact in self.facts if fact.automatic}
        for ref, fact in wanted.items():
            if ref not in standing_now:
                self._charge_automatically(act, fact)

    def _stops_penalty(self, on: date) -> bool:
        return any(day.first <= on <= day.last for day in penalty_free(self.holds))

    def _withdraw(self, act: Act, fact: Fact, cause: Withdrawal) -> None:
        ledger = self._rerun([other for other in self.facts if other != fact])
        self.record(
            events.FeeWithdrawn,
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
            events.FeeCharged,
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

    # --- steps of the rate ----------------------------------------------------------

    def _assess_steps(self, act: Act, until: date) -> None:
        """Record which steps of the rate plan are earned, forfeited or no longer earned."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN:
            return
        for place, step in enumerate(plan.steps):
            known = self.steps.get(str(step.from_instalment))
            assessed_on = self._assessed_on(step)
            if assessed_on is None or (known is None and until <= assessed_on):
                continue
            # What is owed at payout, before the first instalment, earns no step.
            first = max(self.opening[0].number, 1)
            if place and plan.scope != RateScope.TERM:
                first = plan.steps[place - 1].from_instalment
            late = self._late_instalment(until, first, step.from_instalment)
            if late is None and known != StepState.EARNED:
                self._step_down(act, step)
            elif late is not None and known == StepState.EARNED:
                self._reverse_step(act, step, late)
            elif late is not None and known is None:
                self.record(
                    events.StepDownForfeited,
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

    def _late_instalment(self, on: date, first: int, before: int) -> int | None:
        """The first instalment from *first* on, before another, that was not paid on time."""
        for row in self._ledger().rows_on(on) if self._accrues_daily() else self.instalments:
            asked = row.left > 0 or row.paid_on is not None
            in_time = row.paid_on is not None and row.paid_on <= self._on_time_until(row)
            if first <= row.number < before and asked and not in_time:
                return row.number
        return None

    def _step_down(self, act: Act, step: RateStep) -> None:
        on = next(r.due_on for r in self.instalments if r.number == step.from_instalment - 1)
        # A rate that was granted and is lower already stays.
        change = Change(annual_rate=step.annual_rate, lowers_only=True)
        fact = self._reschedule_fact(f"{STEP}{step.from_instalment}", on, change)
        before = self.rate_on(on)
        ledger = self._rerun([*self.facts, fact])
        self.record(
            events.RateSteppedDown,
            act,
            on,
            from_instalment=step.from_instalment,
            annual_rate_before=before,
            annual_rate=ledger.laid.rate_after(on),
            change=change,
            **self._outcome(act, ledger),
        )

    def _reverse_step(self, act: Act, step: RateStep, late: int) -> None:
        ref = f"{STEP}{step.from_instalment}"
        fact = next(fact for fact in self.facts if fact.ref == ref)
        ledger = self._rerun([other for other in self.facts if other.ref != ref])
        self.record(
            events.StepDownReversed,
            act,
            fact.on,
            from_instalment=step.from_instalment,
            annual_rate_before=step.annual_rate,
            annual_rate=ledger.laid.rate_after(fact.on),
            late_instalment=late,
            **self._outcome(act, ledger),
        )

    # --- renewals and relief --------------------------------------------------------

    def _assess_relief(self, act: Act, before: list[Fact] | None = None) -> None:
        """Record what turns out to have been granted to a loan past due, or no longer does.

        A renewal, and what was agreed on the footing that the loan was in order. One that
        counts before all that came since *before* was looked at when that was recorded.
        """
        if self.state not in RECKONED:
            return
        came = None
        if before is not None and self.facts[: len(before)] == before:
            came = self.facts[len(before) :]
        for fact in self.facts:
            renews = fact.change is not None and fact.ref.startswith(RENEWAL)
            if not renews and fact.ref not in self.by_lateness:
                continue
            if came is not None and all(self._counts_after(each, fact) for each in came):
                continue
            days = self._days_late_before(fact)
            if (days > 0) == (fact.ref in self.reliefs):
                continue
            if renews:
                self.record(
                    events.RenewalReassessed,
                    act,
                    fact.on,
                    sequence=int(fact.ref.removeprefix(RENEWAL)),
                    renewed_on=fact.on,
                    was_late=days > 0,
                    days_past_due=days,
                )
            else:
                self.record(
                    events.ReliefReassessed,
                    act,
                    fact.on,
                    relief_ref=fact.ref,
                    kind=self.by_lateness[fact.ref],
                    granted_on=fact.on,
                    was_late=days > 0,
                    days_past_due=days,
                )

    def _counts_after(self, fact: Fact, other: Fact) -> bool:
        """Whether *fact* changes nothing of what counts before *other*."""
        assert self.terms is not None
        if fact.kind == FactKind.WAIVER:
            return False  # it counts from the day of the charge
        return counts_from(fact, self.terms) > counts_from(other, self.terms)

    def _days_late_before(self, fact: Fact) -> int:
        """How late the loan was on the day of *fact*, by what counts before it."""
        before = self._rerun(self._facts_before(fact)).rows_on(fact.on)
        oldest = min((row.pay_by_on for row in before if row.left), default=None)
        return delinquency.days_past_due(oldest, fact.on)

    # --- asset class ----------------------------------------------------------------

    def reclassify(
        self, act: Act, rule: AssetClassRule | None, *, ended_on: date | None = None
    ) -> None:
        """Record in which asset class the loan is by *rule*, if that changed; dated when it did.

        To be called after whatever moves money or dates, in the same transaction. Without
        a rule nothing is said. Of a loan that *ended_on* a day before, it is the class of then.
        """
        if rule is None or (self.state != LoanState.ACTIVE and ended_on is None):
            return
        on = ended_on or act.business_on
        past = self.past(rule.standard, self.instalments)
        found = classed(past, rule.standard, on)
        if found.asset_class == self.asset_class:
            return
        since = [found.since or on]
        if not worse(found.asset_class, self.asset_class):
            since = [day for day in (found.since, found.eased_on, self.class_since_on) if day]
        self.record(
            events.AssetClassChanged,
            act,
            min(max(since, default=on), on),
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
                was_late += late_until(before.rows_on(fact.on), fact.on)
        return Past(rows, was_late, restructured_on)

    # --- interest that a partner pays -----------------------------------------------

    def _subsidies(self, until: date | None = None) -> list[Subsidised]:
        """What the partner owes for each instalment, by its day in the contract."""
        if self.terms is None or self.terms.subsidy is None:
            return []
        assert self.accrues_from is not None
        ledger = self._ledger()
        if isinstance(ledger, DailyLedger):
            return subsidised_by_day(ledger, until)
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
                events.InterestSubsidised,
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
