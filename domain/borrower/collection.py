"""How a borrower's late loans are collected: who does it, and by which strategy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from domain.base.policy import StrategyRule
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.contact_events import Event
from domain.borrower.promises import Promises, PromiseState

WRITTEN_OFF = "WRITTEN_OFF"
"""What stands for the bucket in the strategies of loans that are written off."""


class PromiseOpen(Refusal):
    """The borrower promised to pay, and the day is not over."""

    code = "PROMISE_OPEN"


class Behaviour(StrEnum):
    """How a borrower kept to what was agreed on a late loan."""

    ORDINARY = "ORDINARY"
    PROMISE_OPEN = "PROMISE_OPEN"
    PROMISE_KEPT = "PROMISE_KEPT"
    PROMISE_BROKEN = "PROMISE_BROKEN"
    OUT_OF_REACH = "OUT_OF_REACH"
    """Calls were made in vain, as often as the law says."""


@dataclass(frozen=True)
class Strategy:
    """By what a late loan is collected."""

    loan_id: UUID
    bucket: str
    behaviour: str
    strategy: str
    policy_version: str
    assigned_on: date
    segment: str | None = None


class StrategyAssigned(Event):
    """A late loan is collected by this strategy from now on, since its bucket or behaviour is such.

    *strategy* is None where none is in force for it, or the loan is not late any more;
    *segment* is that of the loans that it is only for.
    """

    TOPIC = "borrower.strategy-assigned"
    loan_id: UUID
    bucket: str
    days_past_due: int
    behaviour: str
    strategy: str | None
    strategy_before: str | None
    channels: list[str]
    policy_version: str | None
    segment: str | None

    def apply(self, borrower: Collection) -> None:
        if self.strategy is None or self.policy_version is None:
            borrower.strategies.pop(str(self.loan_id), None)
            return
        borrower.strategies[str(self.loan_id)] = Strategy(
            self.loan_id,
            self.bucket,
            self.behaviour,
            self.strategy,
            self.policy_version,
            self.business_on,
            self.segment,
        )


class CollectorAssigned(Event):
    """A collector takes the borrower over, or nobody in particular does."""

    TOPIC = "borrower.collector-assigned"
    collector: str | None
    collector_before: str | None

    def apply(self, borrower: Collection) -> None:
        borrower.collector = self.collector


class Collection(Promises):
    """The collection of one borrower's late loans."""

    def __init__(self) -> None:
        super().__init__()
        self.strategies: dict[str, Strategy] = {}
        self.collector: str | None = None

    def behaviour(self, loan_id: UUID, *, out_of_reach: bool = False) -> Behaviour:
        """How the borrower kept to the last promise on a loan; out of reach if none is open."""
        promised = [each for each in self.promises_on(loan_id) if each.state != "LAPSED"]
        kept = Behaviour(f"PROMISE_{promised[-1].state}") if promised else Behaviour.ORDINARY
        return Behaviour.OUT_OF_REACH if out_of_reach and kept != Behaviour.PROMISE_OPEN else kept

    def awaits_promise(self, loan_id: UUID) -> bool:
        """Whether a promise on a loan is open: nobody asks for the money before its day is over."""
        return self.behaviour(loan_id) == Behaviour.PROMISE_OPEN

    def must_not_await_promise(self, loan_id: UUID, loan_ref: str) -> None:
        """Pass when no promise on a loan is open.

        Raises:
            PromiseOpen: one is.
        """
        if self.awaits_promise(loan_id):
            stands = [each for each in self.promises_on(loan_id) if each.state == PromiseState.OPEN]
            raise PromiseOpen(
                f"A promise to pay on {loan_ref} by {stands[-1].promised_on} is open: wait until"
                " that day is over, or call with what is to be said all the same (contact ask"
                " --script)."
            )

    def assign_strategy(
        self,
        act: Act,
        *,
        loan_id: UUID,
        bucket: str,
        days_past_due: int,
        rule: StrategyRule | None,
        out_of_reach: bool = False,
    ) -> None:
        """Let a late loan be collected by the strategy of its bucket and behaviour.

        Nothing is recorded while neither of these nor the strategy changes.
        """
        known = self.strategies.get(str(loan_id))
        behaviour = self.behaviour(loan_id, out_of_reach=out_of_reach)
        strategy = None if rule is None else rule.strategy
        if known is None and rule is None:
            return
        segment = None if rule is None else rule.segment
        wanted = (bucket, behaviour, strategy, segment)
        if known is not None and wanted == (
            *(known.bucket, known.behaviour, known.strategy, known.segment),
        ):
            return
        self.record(
            StrategyAssigned,
            act,
            act.business_on,
            loan_id=loan_id,
            bucket=bucket,
            days_past_due=days_past_due,
            behaviour=str(behaviour),
            strategy=strategy,
            strategy_before=None if known is None else known.strategy,
            channels=[] if rule is None else list(rule.channels),
            policy_version=None if rule is None else rule.version,
            segment=segment,
        )

    def assign_collector(self, act: Act, *, collector: str | None) -> None:
        """Let a collector take the borrower over; None for nobody in particular."""
        if collector != self.collector:
            self.record(
                CollectorAssigned,
                act,
                act.business_on,
                collector=collector,
                collector_before=self.collector,
            )
