"""Whether promises to pay were kept, and the plans of which they are rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from domain.base.stream import Act
from domain.borrower.promises import PromiseBroken, PromiseKept, PromiseNotOpen, PromiseState
from domain.borrower.support import Supported
from domain.borrower.support_events import RepaymentPlan, RepaymentPlanBroken, RepaymentPlanKept
from domain.borrower.support_words import PlanState

JUDGED = (PromiseState.KEPT, PromiseState.BROKEN)
"""What money decided of a promise whose day is over."""


class Assessments(Supported):
    """What became of the promises and plans of one borrower, by the money that came in."""

    def assess_promise(
        self, act: Act, *, promise_ref: str, received: int, settled: bool = False
    ) -> None:
        """Tell whether a promise was kept, now that its day is over, and so perhaps its plan.

        *received* is what the loan received from the day it was made to the day it
        was for, in minor units. Of a row of a plan that is what is left of it after the rows
        before; of a loan that was *settled* every row is kept.
        """
        promise = self.promises.get(promise_ref)
        if promise is None or promise.state != PromiseState.OPEN:
            raise PromiseNotOpen(f"No open promise {promise_ref!r} stands.")
        plan = self.plan_with(promise_ref)
        in_all = received
        if plan is not None:
            before = plan.rows[: plan.promise_refs().index(promise_ref)]
            received = max(received - sum(row.amount for row in before), 0)
        kept = received >= promise.amount or (settled and plan is not None)
        outcome = PromiseKept if kept else PromiseBroken
        self.record(
            outcome,
            act,
            promise.promised_on,
            promise_ref=promise.promise_ref,
            loan_id=promise.loan_id,
            currency=promise.currency,
            promised=promise.amount,
            received=received,
        )
        if plan is not None and plan.state == PlanState.AGREED:
            states = [self.promises[ref].state for ref in plan.promise_refs()]
            self._end_plan(act, plan, received=in_all, settled=settled, states=states)

    def reassess_promises(
        self, act: Act, *, loan_id: UUID, receipts: Sequence[tuple[date, int]]
    ) -> None:
        """Tell of promises that were judged what became of them by the money that counts now.

        *receipts* are all the money received on the loan, by its days; nothing is recorded
        where it comes to the same.
        """
        received = self.received_for(loan_id, receipts)
        for promise_ref in received:
            if self.plan_with(promise_ref) is not None:
                continue  # what becomes of a plan is told once
            promise = self.promises[promise_ref]
            kept = received[promise.promise_ref] >= promise.amount
            before = promise.state
            if before in JUDGED and kept != (before == PromiseState.KEPT):
                outcome = PromiseKept if kept else PromiseBroken
                self.record(
                    outcome,
                    act,
                    promise.promised_on,
                    promise_ref=promise_ref,
                    loan_id=loan_id,
                    currency=promise.currency,
                    promised=promise.amount,
                    received=received[promise_ref],
                )

    def received_for(self, loan_id: UUID, receipts: Sequence[tuple[date, int]]) -> dict[str, int]:
        """What came in for each promise on a loan, in minor units; no money counts twice.

        It keeps the promise that falls due first among those that it came in time for, and
        what is left of it the next; what none needs is said with the last of these. The rows
        of a plan are among them: money is in time for one until the last row is over, since
        it makes up for those missed before. With a row is said what came in for its plan
        until its day, that of the rows before it included.
        """
        promises = [each for each in self.promises_on(loan_id) if each.state != PromiseState.LAPSED]
        whose = {}
        for each in promises:
            plan = self.plan_with(each.promise_ref)
            whose[each.promise_ref] = each.promise_ref if plan is None else plan.plan_ref
        ends = {whose[each.promise_ref]: each.promised_on for each in promises}
        filled = dict.fromkeys(whose, 0)
        taken: dict[str, list[tuple[date, int]]] = {each: [] for each in ends}
        for on, amount in receipts:
            left = amount
            in_time = [
                each for each in promises if each.made_on <= on <= ends[whose[each.promise_ref]]
            ]
            for each in in_time:
                part = min(left, each.amount - filled[each.promise_ref])
                filled[each.promise_ref] += part
                left -= part
                taken[whose[each.promise_ref]].append((on, part))
            if in_time:
                taken[whose[in_time[-1].promise_ref]].append((on, left))
        return {
            each.promise_ref: sum(
                part for on, part in taken[whose[each.promise_ref]] if on <= each.promised_on
            )
            for each in promises
        }

    def plan_with(self, promise_ref: str) -> RepaymentPlan | None:
        """The plan of which a promise is a row; None for a promise of its own."""
        plan = self.plans.get(promise_ref.rpartition("/")[0])
        if plan is None or plan.state == PlanState.PROPOSED:
            return None
        return plan if promise_ref in plan.promise_refs() else None

    def _end_plan(
        self, act: Act, plan: RepaymentPlan, *, received: int, settled: bool, states: Sequence[str]
    ) -> None:
        """Tell what became of a plan, once its rows decide on it.

        *states* is what became of the promise of each row, *received* all that came in since
        it was agreed until the day of the last one that is over.
        """
        over = [row for row, state in zip(plan.rows, states, strict=True) if state != "OPEN"]
        missed = states.count("BROKEN")
        done = len(over) == len(plan.rows)
        if done and states[-1] == "KEPT" and missed <= plan.tolerated_rows:
            self.record(
                RepaymentPlanKept,
                act,
                over[-1].due_on,
                plan_ref=plan.plan_ref,
                loan_id=plan.loan_id,
                currency=plan.currency,
                planned=plan.total,
                received=received,
                settled=settled,
            )
        elif done or missed > plan.tolerated_rows:
            self.record(
                RepaymentPlanBroken,
                act,
                over[-1].due_on,
                plan_ref=plan.plan_ref,
                loan_id=plan.loan_id,
                currency=plan.currency,
                planned=sum(row.amount for row in over),
                received=received,
                missed_rows=missed,
                tolerated_rows=plan.tolerated_rows,
            )
            self._lapse_rows(act, plan, PlanState.BROKEN)
