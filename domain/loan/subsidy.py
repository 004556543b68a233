"""Interest that a partner pays on a loan, beside what the borrower pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.base.money import rounded
from domain.base.terms import Terms
from domain.loan.daily_ledger import DailyLedger
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


def subsidised_by_day(ledger: DailyLedger, until: date | None = None) -> list[Subsidised]:
    """The same where the balance of each day bears interest: by what was owed on each.

    What is unpaid counts as owed on.
    """
    terms, daily = ledger.terms, ledger.daily
    if terms.subsidy is None:
        return []
    behind = ledger.daily_rows_with(date.max, {}, until)
    found: list[Subsidised] = []
    for number, place in ledger.places.items():
        span, interest = daily.spans[place], Decimal(0)
        for start, end, balance in behind[place].stretches:
            interest += balance * terms.subsidy.annual_rate * daily.part(span, start, end)
        end = span.end if until is None else min(span.end, until)
        if span.start < end and not daily.shares[place].gone:
            amount = rounded(interest, terms.rounding)
            found.append(Subsidised(number, span.start, end, amount))
    return found


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
