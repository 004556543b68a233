"""When the borrower's credit pays what falls due, of itself."""

from __future__ import annotations

from datetime import date

from domain.loan.facts import Fact, FactKind, counts_from, standing
from domain.loan.ledger import Ledger

PREFIX = "credit:"
"""What references of such payments begin with, and no others."""


def credit_used(ledger: Ledger, facts: list[Fact], until: date) -> Fact | None:
    """The first day by *until* at whose end credit lies beside something to pay, as a fact.

    *ledger* is fresh from the schedule, *facts* are what counts with those found before. One
    that finds nothing to pay any more, because of what became known since, is without
    effect, so none is ever taken back.
    """
    on = _first_day(ledger, facts, until)
    return None if on is None else Fact(FactKind.CREDIT, f"{PREFIX}{on}", on, len(facts))


def _first_day(ledger: Ledger, facts: list[Fact], until: date) -> date | None:
    terms = ledger.terms
    ledger.expect(facts)
    counted = [(counts_from(fact, terms)[0], fact) for fact in standing(facts)]
    counted.sort(key=lambda each: counts_from(each[1], terms))
    told = {fact.on for fact in facts if fact.kind == FactKind.CREDIT}
    days = {on for on, _ in counted}
    days.update(fact.due_on for fact in facts if fact.kind == FactKind.FEE and fact.due_on)
    place, on = 0, ledger.accrues_from
    while True:
        while place < len(counted) and counted[place][0] <= on:
            ledger.take(counted[place][1])
            place += 1
        if ledger.unapplied > 0 and on not in told and ledger.asks(on):
            return on
        coming = [day for day in days if day > on]
        if ledger.unapplied > 0:
            coming += [row.due_on for row in ledger.rows if row.due_on > on]
        on = min(coming, default=date.max)
        if on > until:
            return None
