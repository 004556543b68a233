"""What a hold on the borrower does to a loan's money, and how that ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from domain.base.calendar import next_day
from domain.base.policy import HoldRule
from domain.base.stream import Act
from domain.loan import events
from domain.loan.consequences import Consequences
from domain.loan.facts import Fact, FactKind
from domain.loan.held import Held
from domain.loan.ledger import Ledger
from domain.loan.state import RECKONED, LoanState


class Holding(Consequences):
    """The decisions on days that bear no penalty, or no interest, because of a hold."""

    def place_hold(
        self, act: Act, *, hold_ref: str, reason: str, rule: HoldRule, from_on: date
    ) -> None:
        """Let a hold stop what *rule* says from a day on, which may lie back.

        Payments since split anew, in the same event. A loan that owes nothing yet, or that
        was written off or sold by then, is left as it is; the same hold twice stands once.

        Raises:
            DateInFuture: the hold begins later than today.
        """
        if self.state not in RECKONED or hold_ref in self.holds:
            return
        if self.endings and not self._had_not_ended(from_on):
            return
        self._must_not_be_future(act, from_on)
        assert self.accrues_from is not None
        held = Held(
            hold_ref,
            rule.kind,
            max(from_on, next_day(self.accrues_from)),
            rule.stops_interest,
            rule.stops_penalty,
            rule.version,
        )
        fact = Fact(FactKind.HOLD, hold_ref, held.from_on, self.facts_taken, hold=held)
        self.record(
            events.HoldPlaced,
            act,
            held.from_on,
            hold_ref=hold_ref,
            kind=held.kind,
            reason=reason,
            from_on=held.from_on,
            stops_interest=held.stops_interest,
            stops_penalty=held.stops_penalty,
            policy_version=held.policy_version,
            **self._outcome_held(act, self._rerun([*self.facts, fact])),
        )
        self._follow_up(act, held.from_on)

    def end_hold(self, act: Act, *, hold_ref: str, reason: str, until_on: date) -> None:
        """Let a hold stop nothing from a day on, which may lie back; it is counted.

        Of a hold that ended before, the end is moved to that day. A loan that the hold did
        not touch stays as it is. The close of the last day that it stands ends it from the
        next day on.

        Raises:
            DateInFuture: it is to end later than that.
        """
        known = self.holds.get(hold_ref)
        if known is None or self.state not in RECKONED:
            return
        if self.endings and not self._had_not_ended(min(until_on, known.until_on or until_on)):
            return
        if until_on != next_day(act.business_on):
            self._must_not_be_future(act, until_on)
        until_on = max(until_on, known.from_on)
        if until_on == known.until_on:
            return
        held = replace(known, until_on=until_on)
        kept = [
            fact for fact in self.facts if fact.ref != hold_ref or fact.kind != FactKind.HOLD_END
        ]
        fact = Fact(FactKind.HOLD_END, hold_ref, until_on, self.facts_taken, hold=held)
        self.record(
            events.HoldEnded,
            act,
            until_on,
            hold_ref=hold_ref,
            kind=known.kind,
            reason=reason,
            from_on=known.from_on,
            until_on=until_on,
            until_before=known.until_on,
            **self._outcome_held(act, self._rerun([*kept, fact])),
        )
        self._follow_up(act, min(until_on, known.until_on or until_on))

    def _outcome_held(self, act: Act, ledger: Ledger) -> dict[str, Any]:
        """The outcome; a loan that is closed stays so where nothing becomes of it."""
        outcome: dict[str, Any] = self._outcome(act, ledger)
        over = outcome["state"] == LoanState.SETTLED and ledger.unapplied == 0
        if self.state == LoanState.CLOSED and over:
            outcome["state"] = LoanState.CLOSED
        return outcome
