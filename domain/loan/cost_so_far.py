"""What a loan costs the borrower in a year by what moved until a day and what is still to come."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.base.refusal import Refusal
from domain.loan import cost
from domain.loan.cost import Flow
from domain.loan.daily_ledger import DailyLedger
from domain.loan.facts import Fact, FactKind, counts_from
from domain.loan.ledger import Ledger
from domain.loan.loan import Loan


class Moved(NamedTuple):
    """Money that moved, or is to move; positive *amount* to the borrower, in minor units.

    *kind* and *ref* name the fact behind it, and are None for what is to come.
    """

    on: date
    amount: int
    what: str
    kind: str | None = None
    ref: str | None = None
    instalment: int | None = None


OUT_FIRST = "OUT_FIRST"
"""The kind of what the loan began with, paid out or taken over."""


def moved_and_to_come(loan: Loan, ledger: Ledger, on: date) -> list[Moved]:
    """What moved between lender and borrower until the end of *on*, and what is to, in order.

    *ledger* is that of the day. What is overdue is taken as paid on that day, with the
    penalty accrued; what is to come is paid when it falls due. What a partner pays is none
    of the borrower's.
    """
    begun = loan.accrues_from
    assert begun is not None and loan.terms is not None
    taken_over = loan.signed_on is None
    lent = loan.lent_at_first() - sum(row.principal_paid for row in loan.opening)
    if not taken_over:
        lent -= sum(row.fees_paid for row in loan.opening)  # withheld
    what = "principal taken over" if taken_over else "paid out"
    found = [Moved(begun, lent, what, OUT_FIRST)]
    if loan.opening_unapplied:
        found.append(Moved(begun, -loan.opening_unapplied, "credit taken over", OUT_FIRST))
    if had := sum(_paid_in(fact) for fact in loan.facts if ledger.came_before(fact)):
        found.append(Moved(begun, -had, "credit from before the payout", OUT_FIRST))
    for fact in loan.facts:
        said = None if ledger.came_before(fact) else _said(fact)
        if said is not None and counts_from(fact, loan.terms)[0] <= on:
            what, sign = said
            found.append(Moved(fact.on, sign * fact.amount, what, fact.kind, fact.ref))
    if isinstance(ledger, DailyLedger):
        later = ledger.to_come(on)
        found += [Moved(each.on, each.amount, "to be paid out by contract") for each in later]
    found += _to_come(ledger, on)
    return sorted(found, key=lambda moved: (moved.on, -moved.amount))


def _said(fact: Fact) -> tuple[str, int] | None:
    """What money a fact moves, and which way; None where it moves none."""
    if fact.pays:
        return f"payment {fact.ref}", -1
    if fact.kind == FactKind.DRAW:
        return f"draw {fact.ref}", 1
    return (f"refund {fact.ref}", 1) if fact.kind == FactKind.REFUND else None


def _paid_in(fact: Fact) -> int:
    """What the borrower paid in by a fact, less what was paid back."""
    return fact.amount if fact.pays else -fact.amount


def _to_come(ledger: Ledger, on: date) -> list[Moved]:
    found = []
    for row in ledger.rows_on(on):
        accrued = ledger.penalty_due(row, on) if row.pay_by_on < on else 0
        if owed := row.left + accrued:
            late = row.due_on <= on
            what = "owed, as if paid that day" if late else "to come"
            found.append(Moved(max(row.due_on, on), -owed, what, instalment=row.number))
    if ledger.unapplied:
        found.append(Moved(on, ledger.unapplied, "credit, as if paid back that day"))
    return found


def annualised(flows: list[Moved]) -> Decimal | None:
    """Twelve times the monthly internal rate of *flows*; None where no rate fits them.

    Source: PBoC Announcement [2021] No. 3, internal rate of return.
    """
    try:
        return cost.annualised_cost([Flow(each.on, each.amount) for each in flows])
    except Refusal:
        return None
