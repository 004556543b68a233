"""What a borrower is shown before a running loan is renewed or converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from domain.base.overdue_rate import multiplied
from domain.base.terms import RatePlanKind, RateScope, RateStep
from domain.loan.consequences import Consequences
from domain.loan.cost import Flow
from domain.loan.facts import STEP, Fact
from domain.loan.ledger import Ledger
from domain.loan.periods import ONE_DAY
from domain.loan.reschedule import Change
from domain.loan.schedule import Instalment
from domain.loan.sheet import Ahead, CostCase, CostSheet, SheetRate, sheet_ahead, steps_shown
from domain.loan.state import StepState


class Disclosing(Consequences):
    """The sheets of a running loan: what is owed from a day on, as it would be laid anew."""

    def _sheet_ahead(
        self, on: date, ledger: Ledger, months: int | None, flows: Mapping[CostCase, Sequence[Flow]]
    ) -> CostSheet:
        """The sheet of what *ledger* asks for after *on*, with the cost of its *flows*."""
        terms = self.terms
        assert terms is not None
        rows = [row for row in ledger.rows_on(on) if row.due_on > on and row.left]
        rate = ledger.laid.rate_after(on)
        multiple = terms.penalty_multiple
        ahead = Ahead(
            owed=sum(row.principal_left for row in rows),
            term_months=months,
            rows=rows,
            rates=self._rates_ahead(on, ledger, rows),
            penalty_rate=terms.penalty_rate if multiple is None else multiplied(rate, multiple),
            flows=flows,
        )
        return sheet_ahead(terms, on, ahead, self.cost_shown)

    def _rates_ahead(self, on: date, ledger: Ledger, rows: Sequence[Instalment]) -> list[SheetRate]:
        """The rates that count after *on*: those that are certain, then those to be earned."""
        ends_on, certain = rows[-1].due_on, [(on, ledger.laid.rate_after(on))]
        certain += [
            (rate.on, rate.annual_rate) for rate in ledger.laid.rates[1:] if rate.on - ONE_DAY > on
        ]
        ends = [later - ONE_DAY for later, _ in certain[1:]] + [ends_on]
        shown = [
            SheetRate(rate, next(row.number for row in rows if row.due_on >= since), since, until)
            for (since, rate), until in zip(certain, ends, strict=True)
            if since <= ends_on
        ]
        due = {row.number: row.due_on for row in ledger.rows}
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or not self._steps_open():
            return shown
        to_earn = replace(plan, steps=self._steps_open())
        return [*shown, *steps_shown(to_earn, due, ends_on)]

    def _steps_open(self) -> list[RateStep]:
        """The steps of a step-down that paying on time can still earn."""
        plan = self.terms.rate_plan if self.terms else None
        if plan is None or plan.kind != RatePlanKind.STEP_DOWN:
            return []
        if plan.scope == RateScope.TERM and StepState.FORFEITED in self.steps.values():
            return []
        return [step for step in plan.steps if str(step.from_instalment) not in self.steps]

    def _steps_earned(self, on: date, ledger: Ledger) -> list[Fact]:
        """The facts of all steps that can still be earned after *on*, were they earned."""
        due = {row.number: row.due_on for row in ledger.rows}
        return [
            self._reschedule_fact(
                f"{STEP}{step.from_instalment}",
                due[step.from_instalment - 1],
                Change(annual_rate=step.annual_rate, lowers_only=True),
            )
            for step in self._steps_open()
            if step.from_instalment in due and due[step.from_instalment - 1] >= on
        ]
