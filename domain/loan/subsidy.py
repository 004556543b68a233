"""Interest that a partner pays on a loan, beside what the borrower pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.base.money import rounded
from domain.base.terms import Terms
from domain.loan.periods import Span
from domain.loan.schedule import Instalment
from domain.loan.timetable import share


@dataclass(frozen=True)
class Subsidised:
    """What the payer owes for an instalment's days after *from_on* until *until_on*."""

    instalment: int
    from_on: date
    until_on: date
    amount: int


def subsidised(
    terms: Terms,
    begins_on: date,
    rows: Sequence[Instalment],
    ahead: Mapping[int, int],
    until: date | None = None,
) -> list[Subsidised]:
    """What the payer of the terms owes for each of *rows*; nothing without a payer.

    It is the scheduled balance at the subsidy's rate, rounded once for each instalment;
    principal paid *ahead*, by instalment, bears none. A row that runs on the day *until*
    counts up to it, and later ones not at all.
    """
    if terms.subsidy is None:
        return []
    rate, part = terms.subsidy.annual_rate, share(terms, begins_on)
    found: list[Subsidised] = []
    balance, start = sum(row.principal for row in rows), begins_on
    for row in rows:
        end = row.due_on if until is None else min(row.due_on, until)
        if start < end:
            bears = balance - ahead.get(row.number, 0)
            interest = bears * rate * part(Span(start, row.due_on), start, end)
            amount = rounded(interest, terms.rounding)
            found.append(Subsidised(row.number, start, end, amount))
        balance, start = balance - row.principal, max(start, row.due_on)
    return found
