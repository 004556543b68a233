"""What a payment finds on the rows of a loan whose interest goes by the balance of each day.

What one row can take hangs on what others took of the same payment: principal that is paid
takes the interest of later days with it, and the row that takes the residue is another one
when it is paid.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from domain.base.terms import AllocationScope, Owed
from domain.loan.allocation import Claim, Taken, fill
from domain.loan.daily_balance import DailyRow
from domain.loan.facts import Fact, FactKind
from domain.loan.ledger import Claims
from domain.loan.schedule import Instalment

if TYPE_CHECKING:
    from domain.loan.daily_ledger import DailyLedger

NO_END = sys.maxsize
"""More money than any loan can owe."""


class Asked(Mapping[Owed, int]):
    """What of a row can be paid of a component, told when it is asked for."""

    def __init__(self, most: Callable[[Owed], int]) -> None:
        self.most = most

    def __getitem__(self, kind: Owed) -> int:
        return self.most(kind)

    def __iter__(self) -> Iterator[Owed]:
        return iter(Owed)

    def __len__(self) -> int:
        return len(Owed)


class DailyClaims(Claims):
    """What the payment *fact* finds on each row, after what it has *taken* so far."""

    ledger: DailyLedger

    def __init__(self, ledger: DailyLedger, fact: Fact, taken: Taken) -> None:
        super().__init__(ledger, fact.on)
        self.fact, self.taken = fact, taken
        self.until = ledger.settled_until(fact.on)
        # Of a payoff all interest counts that it is the sum of, whatever is paid first.
        self.closes = fact.kind == FactKind.PAYOFF and self.until > fact.on
        self.due_rows, self.tail = ledger.rows, ledger.daily.tail(ledger.paid)
        self.asked_due: int | None = None
        self.left_due: Mapping[Owed, int] = {}
        self.asked: int | None = None
        self.ahead: list[DailyRow] = []
        self.bore = False

    def due(self, row: Instalment) -> Claim:
        """What of *row* is due.

        A row that takes all it is owed changes none of the others, since its principal
        counts as paid on that day in any case; but for the one that takes the residue.
        """
        return Claim(row.number, Asked(lambda kind: self._due(row.number, kind)))

    def in_advance(self, row: Instalment) -> Claim:
        """What of *row* can be paid before its day.

        Of interest that is what has accrued; of principal, not more than leaves room for
        that within the equal instalment, where there is one.
        """
        return Claim(row.number, Asked(lambda kind: self._in_advance(row, kind)))

    def together(self, rows: list[Instalment], order: list[str]) -> list[Claim]:
        """What of *rows* can be paid before their days, where all of them are."""
        tried: Taken = {number: dict(took) for number, took in self.taken.items()}
        claims = DailyClaims(self.ledger, self.fact, tried)
        fill(NO_END, map(claims.in_advance, rows), order, AllocationScope.INSTALMENT, tried)
        none = dict.fromkeys(Owed, 0)
        return [
            Claim(
                row.number,
                {
                    kind: amount - self.taken.get(row.number, none)[kind]
                    for kind, amount in tried.get(row.number, none).items()
                },
            )
            for row in rows
        ]

    def _due(self, number: int, kind: Owed) -> int:
        ledger, index = self.ledger, self.ledger.place_of(number)
        if index != self.asked_due:
            if self.asked_due is not None and self.asked_due == self.tail:
                self.tail = ledger.daily.tail(ledger.paid_with(self.on, self.taken))
                self.due_rows = ledger.looked_at(self.on, self.taken)
            self.asked_due = index
            self.left_due = ledger.due(self.due_rows[index], self.on).left
        return self.left_due[kind]

    def _in_advance(self, row: Instalment, kind: Owed) -> int:
        found = self._accruing(self.ledger.place_of(row.number))
        took = self.taken.get(row.number) or dict.fromkeys(Owed, 0)
        if found is None or kind in (Owed.FEE, Owed.PENALTY):
            return max(self.ledger.in_advance(row, self.on).left[kind] - took[kind], 0)
        accrued = max(found.accrued - row.interest_paid, 0)
        paid = row.principal_paid + took[Owed.PRINCIPAL]
        interest_paid = row.interest_paid + took[Owed.INTEREST]
        levels = self.ledger.daily.levels
        level = levels[self.ledger.place_of(row.number)] if levels is not None else None
        if kind == Owed.INTEREST:
            most = accrued - took[Owed.INTEREST]
            return max(most if level is None else min(most, level - paid - interest_paid), 0)
        room = found.principal if level is None else level
        if level is not None:
            room -= max(interest_paid, min(accrued, level))
        return max(min(room - paid, self._unpaid()), 0)

    def _accruing(self, index: int) -> DailyRow | None:
        """The row as it stands; None of one that holds charges only.

        It is looked at anew when another one was asked for before. Rows without accrued
        interest take principal, which accrues nothing that day.
        """
        ledger = self.ledger
        if self.asked is None:
            self.ahead = ledger.daily_rows_with(self.on, self.taken, self.until)
        found = self.ahead[index] if index < len(self.ahead) else None
        if index != self.asked:
            if found is not None and not self.closes and (self.bore or found.accrued):
                self.ahead = ledger.daily_rows_with(self.on, self.taken, self.until)
                found = self.ahead[index]
            self.bore = found is not None and found.accrued > 0
            self.asked = index
        return found

    def _unpaid(self) -> int:
        """The principal that can be paid in advance: what was paid out and is not due."""
        took = sum(each[Owed.PRINCIPAL] for each in self.taken.values())
        unpaid = self.ledger.principal_owed(self.on) - took
        if self.ledger.terms.bucket_order is not None:
            # What is due may have its turn later.
            unpaid -= sum(
                max(row.principal_left - self._took(row.number), 0)
                for row in self.due_rows
                if row.due_on <= self.on
            )
        return unpaid

    def _took(self, number: int) -> int:
        took = self.taken.get(number)
        return took[Owed.PRINCIPAL] if took else 0
