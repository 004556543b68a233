"""What a ledger that goes on from what is kept of a loan knows, and what only a run tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from domain.base.terms import Terms
from domain.loan.facts import HOLDS, Fact, FactKind, counts_from
from domain.loan.held import Held, penalty_free
from domain.loan.periods import Pause, RateFrom
from domain.loan.reschedule import laid
from domain.loan.schedule import Instalment

if TYPE_CHECKING:
    from domain.loan.ledger import Ledger

T = TypeVar("T")


class KnownToARun(Exception):
    """A payment taken on what is kept of a loan asks for what only a run of all facts tells."""


class ByRun(Generic[T]):
    """What only a run of all facts tells, and what is kept of a loan does not.

    A ledger that goes on from what is kept becomes the one that is run anew, as a whole, when
    the first of these is asked for.
    """

    def __set_name__(self, owner: type[Ledger], name: str) -> None:
        self.name = name

    def __get__(self, ledger: Ledger, owner: type[Ledger]) -> T:
        assert ledger.run_anew is not None, self.name
        vars(ledger).update(vars(ledger.run_anew()))
        found: T = vars(ledger)[self.name]
        return found


def no_run() -> Ledger:
    """No ledger: while a payment is taken on what is kept, nothing else can take its place."""
    raise KnownToARun


class PenaltyBy(NamedTuple):
    """What penalty goes by, beside the instalments and what was paid of them.

    The *rates* of the contract, the days *free* of penalty, which may overlap, and what it
    *stopped* at on instalments whose overdue principal was laid anew.
    """

    rates: Sequence[RateFrom]
    free: Sequence[Pause]
    stopped: Mapping[int, int]


def penalty_by(
    terms: Terms, accrues_from: date, opening: list[Instalment], facts: list[Fact]
) -> PenaltyBy | None:
    """What penalty goes by after *facts*, whatever was paid; None where that depends on it.

    So it does where overdue principal was laid anew.
    """
    found = [fact for fact in facts if fact.kind in (FactKind.RESCHEDULE, *HOLDS)]
    begun, holds = laid(terms, accrues_from, opening, opening), dict[str, Held]()
    for fact in sorted(found, key=lambda fact: counts_from(fact, terms)):
        if fact.hold is not None:
            holds[fact.ref] = fact.hold
        elif fact.change is not None:
            if fact.change.gathers_principal:
                return None
            begun.note(fact.on, fact.change)
    return PenaltyBy(begun.rates, [*begun.penalty_free, *penalty_free(holds)], {})
