"""What instalments that are not paid in time are charged for it, of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.base.terms import ChargesDue, FeeTerm, FeeTiming, Terms
from domain.loan.ceiling import room
from domain.loan.facts import HOLDS, Fact, FactKind, counts_from, standing
from domain.loan.fees import charge, charged_at
from domain.loan.held import penalty_free
from domain.loan.ledger import Ledger
from domain.loan.periods import Pause
from domain.loan.schedule import Instalment

PREFIX = "overdue:"
"""What references of such charges begin with, and no others."""


def overdue_ref(fee: FeeTerm, number: int) -> str:
    """The reference of the charge of a kind on an instalment: there is one at most."""
    return f"{PREFIX}{fee.kind}:{number}"


def kind_of(ref: str) -> str:
    """The kind of fee that a reference of such a charge names."""
    return ref.removeprefix(PREFIX).rpartition(":")[0]


def charged_on(row: Instalment, terms: Terms) -> date:
    """The day *row* is charged if it is not paid before: after its days of grace."""
    return row.pay_by_on + timedelta(days=terms.grace_days + 1)


def deserved(ledger: Ledger, facts: list[Fact], begun_on: date, until: date) -> dict[str, Fact]:
    """The charges that instalments left unpaid bring about by the end of *until*, by ref.

    *ledger* is fresh from the schedule, *facts* are all but such charges. Each instalment
    is looked at once, at the beginning of the day after its grace days: what of its
    principal and interest is unpaid then decides, and the charge counts before anything
    else of that day. What was overdue before *begun_on* is not ours to charge, nor what is
    looked at while a hold stops penalty. Where a cap is near, only what fits under it is
    charged, which may be nothing.
    """
    charges: dict[str, Fact] = {}
    waivers = [fact for fact in facts if fact.kind == FactKind.WAIVER]
    holds = {fact.ref: fact.hold for fact in facts if fact.kind in HOLDS and fact.hold}
    free = penalty_free(holds)
    seen: set[int] = set()
    ledger.expect(facts)

    def look(by: date) -> None:
        for number in [row.number for row in _coming(ledger, begun_on, by, seen)]:
            seen.add(number)
            for fact in _charges(ledger, number, free):
                charges[fact.ref] = fact
                ledger.take(standing([fact, *waivers])[0])

    for fact in sorted(standing(facts), key=lambda fact: counts_from(fact, ledger.terms)):
        look(counts_from(fact, ledger.terms)[0])
        ledger.take(fact)
    look(until)
    return charges


def uncapped(ledger: Ledger, fact: Fact) -> int:
    """What the contract charges where *fact* did, were there no cap; *ledger* is before it."""
    kind, row = kind_of(fact.ref), _row_on(ledger, fact.instalment, fact.on)
    terms = ledger.terms
    named = (fee for fee in charged_at(terms, FeeTiming.ON_OVERDUE) if fee.kind == kind)
    return next((_amount(terms, fee, row) for fee in named), 0)


def next_charge_on(
    ledger: Ledger, begun_on: date, charged: Sequence[str], free: Sequence[Pause]
) -> date | None:
    """When the next instalment would be charged, were nothing paid; None for never.

    On *free* days none is.
    """
    terms = ledger.terms
    for row in _coming(ledger, begun_on, date.max, set()):
        on = charged_on(row, terms)
        if _is_free(on, free):
            continue
        for fee in charged_at(terms, FeeTiming.ON_OVERDUE):
            known = overdue_ref(fee, row.number) in charged
            if not known and _amount(terms, fee, _row_on(ledger, row.number, on)):
                return on
    return None


def _coming(ledger: Ledger, begun_on: date, by: date, seen: set[int]) -> list[Instalment]:
    """The instalments to look at by a day that were not, in the order of their days."""
    rows = [
        row
        for row in ledger.rows
        if row.number not in seen
        and row.principal + row.interest
        and begun_on < charged_on(row, ledger.terms) <= by
    ]
    return sorted(rows, key=lambda row: (row.pay_by_on, row.number))


def _charges(ledger: Ledger, number: int, free: Sequence[Pause]) -> Iterator[Fact]:
    terms = ledger.terms
    on = charged_on(next(row for row in ledger.rows if row.number == number), terms)
    if _is_free(on, free):
        return
    row = _row_on(ledger, number, on)
    for fee in charged_at(terms, FeeTiming.ON_OVERDUE):
        if amount := _amount(terms, fee, row):
            fits = room(ledger, on)
            yield Fact(
                FactKind.FEE,
                overdue_ref(fee, number),
                on,
                0,
                amount if fits is None else min(amount, fits),
                number,
                on if terms.charges_due == ChargesDue.OWN_DAY else None,
                owed=fee.owed,
                automatic=True,
            )


def _is_free(on: date, free: Sequence[Pause]) -> bool:
    return any(pause.first <= on <= pause.last for pause in free)


def _row_on(ledger: Ledger, number: int, on: date) -> Instalment:
    """The instalment as it stands on a day: what it owes may go by the balance of each."""
    return next(row for row in ledger.rows_on(on) if row.number == number)


def _amount(terms: Terms, fee: FeeTerm, row: Instalment) -> int:
    """What *row* is charged for what is unpaid of it, were there no cap."""
    principal, interest = row.principal_left, row.interest - row.interest_paid
    return charge(fee, terms, principal, interest) if principal + interest else 0
