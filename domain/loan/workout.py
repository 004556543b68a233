"""How the rest of a running loan is laid anew: by relief, an index, or a renewal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from domain.base.calendar import add_months, next_day
from domain.base.policy import IndexRate
from domain.base.refusal import two_people
from domain.base.repayment import Method
from domain.base.stream import Act
from domain.base.terms import TERM_MONTHS_MAX, RateCap, RatePlanKind, Terms
from domain.loan import accrual, cost, delinquency, events
from domain.loan import refusals as no
from domain.loan.ceiling import yearly_cost
from domain.loan.cost import Flow
from domain.loan.disclosing import Disclosing
from domain.loan.facts import RENEWAL, Fact
from domain.loan.ledger import Ledger
from domain.loan.periods import ONE_DAY
from domain.loan.relief import Agreement, PayBy, Standing, change_of
from domain.loan.reschedule import Change, RescheduleKind
from domain.loan.sheet import CostCase, CostSheet, sheet_digest
from domain.loan.state import LoanState, RenewalOffer
from domain.loan.timetable import days_after, rows_added


class Workout(Disclosing):
    """The decisions that lay what is left of a loan anew."""

    # --- relief ---------------------------------------------------------------------

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
            PastDue: the agreement says that the borrower is not in difficulty, and the loan
                was past due on its day.
            CostOverCap: it would cost more than before, and than the cap of the day.
        """
        if on is None:
            on = min(act.business_on, agreed.free_from or act.business_on)
        self._must_run_on(on)
        two_people(requested_by, approved_by, "A rescheduling")
        if not reason.strip():
            raise no.ReasonMissing("A rescheduling needs a reason.")
        self._must_not_be_future(act, on)
        today = self._reckoned_to(act.business_on)
        self._must_not_be_before_disbursement(on)
        change = change_of(agreed, self._standing(on, pay_by))
        ref = f"reschedule-{self.facts_taken}"
        fact = self._reschedule_fact(ref, on, change)
        helps = agreed.helps(past_due=self._days_late_before(fact) > 0)
        self._must_be_under_cap(change.annual_rate, on)
        ledger = self._rerun([*self.facts, fact])
        if len(ledger.rows) > max(TERM_MONTHS_MAX, len(self.instalments)):
            raise no.NothingChanges(f"A loan has {TERM_MONTHS_MAX} instalments at most.")
        stays = ledger.rows_on(today) == self._ledger().rows_on(today)
        # What was granted later may have laid all of it anew: then it counted until that day.
        stays = stays and self._lays_nothing(fact)
        if stays and change.annual_rate is None and not change.pause:
            raise no.NothingChanges(
                "What is left of the loan is laid like that already; nothing was recorded."
            )
        self._must_cost_within_cap(today, self._flows_open(today, ledger), self._ledger())
        self.record(
            events.Rescheduled,
            act,
            on,
            kind=agreed.kind,
            change=ledger.came_to[ref],
            annual_rate=ledger.laid.rates[-1].annual_rate,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            policy_version=None,
            in_difficulty=helps,
            corrects=None,
            by_lateness=agreed.by_lateness,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)
        self._offer_again(act)

    def _lays_nothing(self, fact: Fact) -> bool:
        """Whether *fact* leaves all as it is found on its day."""
        before = self._facts_before(fact)
        laid = self._rerun([*before, fact]).rows_on(fact.on)
        return laid == self._rerun(before).rows_on(fact.on)

    def _standing(self, on: date, pay_by: PayBy | None = None) -> Standing:
        assert self.terms is not None and self.accrues_from is not None
        past = on < self._last_fact_on() or self._accrues_daily()
        rows = self.ledger_on(on).rows if past else self.instalments
        return Standing(
            self._terms_now(),
            self.accrues_from,
            self._first_due_on(),
            rows,
            on,
            max(row.due_on for row in self.instalments),
            [row.due_on for row in self.opening],
            pay_by,
            self._pay_days(on),
        )

    def _first_due_on(self) -> date:
        """The first day of the loan's rhythm, which what is due with the payout is not."""
        assert self.terms is not None and self.accrues_from is not None
        begins = self.accrues_from
        after = (row.due_on for row in self.opening if row.due_on > begins)
        first = next(after, self.opening[0].due_on)
        if self.terms.method == Method.BULLET and self.converted_on is not None:
            [first] = days_after(self.terms, begins, first, begins, 1)
        return first

    def _pay_days(self, on: date) -> list[int | None]:
        """The day of the month that instalments fall due on at *on*, and those moved to later."""
        moves = [(fact.on, fact.order, fact.pay_day) for fact in self.facts if fact.pay_day]
        moves.sort()
        then = [day for moved_on, _, day in moves if moved_on <= on]
        return [then[-1] if then else None, *(day for moved_on, _, day in moves if moved_on > on)]

    def _terms_now(self) -> Terms:
        """The terms, with the method that what is left is repaid by."""
        assert self.terms is not None
        changes = [fact.change.method for fact in self.facts if fact.change is not None]
        methods = [method for method in changes if method is not None]
        return replace(self.terms, method=methods[-1]) if methods else self.terms

    def _last_fact_on(self) -> date:
        return max((fact.on for fact in self.facts), default=date.min)

    def _must_be_under_cap(self, annual_rate: Decimal | None, on: date) -> None:
        assert self.terms is not None
        caps = [cap for cap in self.terms.rate_caps or () if cap.from_on <= on]
        if annual_rate is not None and caps and annual_rate > caps[-1].annual_rate:
            raise no.RateNotSound(
                f"A rate of {annual_rate:.4%} lies over the cap of {caps[-1].annual_rate:.2%}"
                f" that counts on {on} ({caps[-1].version})."
            )

    def _must_cost_within_cap(
        self, on: date, flows: Sequence[Flow], before: Ledger | None = None
    ) -> None:
        """Refuse what costs more in a year, with every charge, than the cap of *on* allows.

        What is granted on a loan that costs no less *before* it is not refused.
        """
        cap = self._cap_exceeded(on, flows)
        if cap is None:
            return
        found = yearly_cost(flows)
        if before is not None and found <= yearly_cost(self._flows_open(on, before)):
            return
        raise no.CostOverCap(
            f"What is left would cost {found:.2%} a year with its charges; the cap is"
            f" {cap.annual_rate:.2%} on {on} ({cap.version}). Agree on a lower rate."
        )

    def _cap_exceeded(self, on: date, flows: Sequence[Flow]) -> RateCap | None:
        """The cap of *on* that *flows* cost more in a year than; None where they do not."""
        assert self.terms is not None
        cap, _ = accrual.cap_after(self.terms, on - ONE_DAY)
        return cap if cap is not None and yearly_cost(flows) > cap.annual_rate else None

    def _flows_open(self, on: date, ledger: Ledger) -> list[Flow]:
        """What is not due on *on*, and how *ledger* pays it back from then on."""
        rows = ledger.rows_on(on)
        ahead = [row for row in rows if row.due_on > on and row.left]
        since = max((row.due_on for row in rows if row.due_on <= on), default=self.accrues_from)
        lent = sum(row.principal_left for row in ahead)
        paid = [Flow(row.due_on, -row.left, -row.principal_left) for row in ahead]
        return [Flow(since or on, lent, lent), *paid] if lent else []

    # --- repricing ------------------------------------------------------------------

    def reprices_on(self) -> date | None:
        """The next day on which an index sets the rate anew; None without one."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.INDEXED or not plan.reprice_months:
            return None
        assert self.accrues_from is not None
        begun_on, months = self.disbursed_on or self.accrues_from, plan.reprice_months
        # Of a loan that was taken over, the dates before that were somebody else's.
        last = max(map(date.fromisoformat, self.repricings), default=self.accrues_from)
        while (day := add_months(begun_on, months)) <= last:
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
        self._reprice(act, on, index)

    def was_repriced_by(self, on: date, index: IndexRate) -> bool:
        """Whether the rate of a repricing date that has come is the one that *index* says."""
        change = self._repricing(on).change
        return change is not None and change.annual_rate == self._indexed_rate(on, index)

    def reprice_again(self, act: Act, on: date, index: IndexRate) -> None:
        """Set the rate of an earlier repricing date anew: *index* turned out to be another one.

        Raises:
            NothingChanges: that was no repricing date, or the rate stays what it was.
        """
        self._must_run_on(on)
        if self.was_repriced_by(on, index):
            raise no.NothingChanges(f"The rate of {on} is what {index.version} says already.")
        self._reprice(act, on, index, self._repricing(on))

    def _repricing(self, on: date) -> Fact:
        ref = self.repricings.get(on.isoformat())
        fact = next((fact for fact in self.facts if fact.ref == ref), None)
        if fact is None:
            raise no.NothingChanges(f"{on} is no day on which this loan was repriced.")
        return fact

    def _indexed_rate(self, on: date, index: IndexRate) -> Decimal:
        assert self.terms is not None and self.terms.rate_plan is not None
        cap, _ = accrual.cap_after(self.terms, on - ONE_DAY)
        rate = max(index.annual_rate + (self.terms.rate_plan.margin or 0), Decimal(0))
        return rate if cap is None else min(rate, cap.annual_rate)

    def _reprice(self, act: Act, on: date, index: IndexRate, wrong: Fact | None = None) -> None:
        """Let the index count from *on*, in place of what was *wrong*."""
        rate = self._indexed_rate(on, index)
        change = Change(annual_rate=rate)
        fact = self._reschedule_fact(f"reschedule-{self.facts_taken}", on, change)
        if wrong is not None:
            fact = replace(wrong, ref=fact.ref, change=change)
        ledger = self._rerun([*(each for each in self.facts if each is not wrong), fact])
        self.record(
            events.Rescheduled,
            act,
            on,
            kind=RescheduleKind.REPRICING,
            change=change,
            annual_rate=rate,
            reason=f"{index.index} at {index.annual_rate}{', corrected' if wrong else ''}",
            requested_by=None,
            approved_by=None,
            policy_version=index.version,
            in_difficulty=None,
            corrects=None if wrong is None else wrong.ref,
            by_lateness=None,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)
        self._offer_again(act)

    # --- renewal --------------------------------------------------------------------

    def awaits_renewal(self, on: date) -> bool:
        """Whether the day has come to offer a renewal, and none was offered yet."""
        if self.state != LoanState.ACTIVE or self.renewal is not None:
            return False
        day = self._renewal_day()
        return day is not None and day <= on

    def _offer_renewal(self, act: Act, *, renews: bool) -> None:
        """Offer the renewal of the contract in time, or let the offer run out."""
        term = self.terms.renewal if self.terms else None
        if term is None:
            return
        if self.renewal is not None:
            if act.business_on > self.renewal.valid_until_on:
                self.record(
                    events.RenewalExpired,
                    act,
                    next_day(self.renewal.valid_until_on),
                    sequence=self.renewal.sequence,
                    valid_until_on=self.renewal.valid_until_on,
                )
            return
        if renews:
            self._offer(act)

    def _offer_again(self, act: Act) -> None:
        """Offer a renewal at its new cost where the loan changed under an offer."""
        if self.renewal is not None and self.state == LoanState.ACTIVE:
            self._offer(act)

    def _offer(self, act: Act) -> None:
        assert self.terms is not None and self.terms.renewal is not None
        term, day = self.terms.renewal, self._renewal_day()
        if day is None or not day <= act.business_on <= self._last_due_on():
            return
        if self._is_past_due(act.business_on) or not self.balance.principal:
            return
        ledger, change = self._renewed(act.business_on)
        flows = self._flows_ahead(act.business_on, ledger)
        if len(flows) == 1:
            return  # all that is left is due today
        if self._cap_exceeded(act.business_on, flows) is not None:
            return  # no term begins that costs more than is allowed by now
        sheet = self._sheet_renewed(act.business_on, ledger, change)
        self.record(
            events.RenewalOffered,
            act,
            act.business_on,
            currency=self.currency,
            term_months=term.term_months,
            sequence=self.renewals + 1,
            most=term.most,
            valid_until_on=self._last_due_on(),
            annual_rate=ledger.laid.rates[-1].annual_rate,
            interest=sheet.interest,
            fees=sheet.fees,
            annualised_cost=sheet.foremost,
            method=sheet.costs[0].method,
            offer_digest=cost.change_digest(change),
            sheet=sheet,
            sheet_digest=sheet_digest(sheet),
        )

    def _sheet_renewed(self, on: date, ledger: Ledger, change: Change) -> CostSheet:
        """What the borrower is shown of the renewal by which *ledger* goes on."""
        assert self.terms is not None and self.terms.renewal is not None
        flows: dict[CostCase, Sequence[Flow]] = {CostCase.AS_PLANNED: self._flows_ahead(on, ledger)}
        earned = self._steps_earned(on, ledger)
        if earned:
            renewed = self._reschedule_fact(f"{RENEWAL}{self.renewals + 1}", on, change)
            on_time = self._rerun([*self.facts, renewed, *earned])
            flows[CostCase.ON_TIME] = self._flows_ahead(on, on_time)
        months = self.terms.renewal.term_months
        return self._sheet_ahead(on, ledger, months, flows)

    def _flows_ahead(self, on: date, ledger: Ledger) -> list[Flow]:
        """What is owed today, and how *ledger* pays it back after *on*.

        Interest of the row that runs is counted from its start.
        """
        since = max(
            (row.due_on for row in self.instalments if row.due_on <= on), default=self.accrues_from
        )
        return [
            Flow(since or on, self.balance.principal, self.balance.principal),
            *(
                Flow(row.due_on, -row.left, -row.principal_left)
                for row in ledger.rows_on(on)
                if row.left and row.due_on > on
            ),
        ]

    def renew(
        self, act: Act, *, consent_ref: str, pay_by: PayBy | None = None, digest: str | None = None
    ) -> None:
        """Accept the renewal that was offered; the borrower's consent is filed.

        *pay_by* says until when what is due on a day can be paid, where that is later;
        *digest* is that of the sheet that the borrower confirmed, if it is at hand.

        Raises:
            NotRenewable: no offer stands.
            NotDisclosed: another sheet was confirmed, or the loan changed since.
            PastDue: something is overdue.
            CostOverCap: it would cost more in a year than the cap of the day.
        """
        offer = self._must_be_renewable(act)
        assert self.terms is not None and self.terms.renewal is not None
        if self._is_past_due(act.business_on):
            raise no.PastDue("A loan that is past due is not renewed; what is overdue comes first.")
        if digest is not None and digest not in (offer.sheet_digest, offer.offer_digest):
            raise no.NotDisclosed("The borrower confirmed another offer than the one that stands.")
        ledger, change = self._renewed(act.business_on, pay_by)
        self._must_cost_within_cap(act.business_on, self._flows_ahead(act.business_on, ledger))
        if cost.change_digest(change) != offer.offer_digest:
            raise no.NotDisclosed("The loan changed since the offer; it is offered anew.")
        self.record(
            events.Renewed,
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
            events.RenewalDeclined, act, act.business_on, sequence=offer.sequence, reason=reason
        )

    def _must_be_renewable(self, act: Act) -> RenewalOffer:
        self._must_be_active()
        if self.renewal is None or act.business_on > self.renewal.valid_until_on:
            raise no.NotRenewable("No renewal is on offer for this loan today.")
        return self.renewal

    def _renewed(self, on: date, pay_by: PayBy | None = None) -> tuple[Ledger, Change]:
        """The ledger with the next renewal on *on*, and the change that it comes to."""
        assert self.terms is not None and self.terms.renewal is not None
        count = rows_added(self._terms_now(), self.terms.renewal.term_months)
        rolled = self._standing(on, pay_by).rolled(count)
        # Nothing is past due then; what falls due on the very day goes on as well.
        change = Change(more=count, rolled=rolled, gathers_principal=True)
        ref = f"{RENEWAL}{self.renewals + 1}"
        ledger = self._rerun([*self.facts, self._reschedule_fact(ref, on, change)])
        return ledger, ledger.came_to[ref]

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
