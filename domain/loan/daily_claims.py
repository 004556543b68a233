"""What a payment finds on the rows of a loan whose interest goes by the balance of each day.

What one row can take hangs on what others took of the same payment: principal that is paid
takes the interest of later days with it, and the row that takes the residue is another one
when it is paid.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from domain.base.terms import AllocationScope, Owed
from domain.loan.allocation import UNTAKEN, Claim, Taken, fill
from domain.loan.daily_balance import DailyRow
from domain.loan.facts import Fact, FactKind
from domain.loan.ledger import Claims
from domain.loan.schedule import Instalment

if TYPE_CHECKING:
    from domain.loan.daily_ledger import DailyLedger

NO_END = sys.maxsize
"""More money than any loan can owe."""

CHARGES = (Owed.FEE, Owed.PENALTY)
"""What of a row no day and no other row changes."""

NO_ROW = -1
"""A number that no instalment has."""


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
        super().__init__(ledger, fact, taken)
        self.until = ledger.settled_until(fact.on)
        # Of a payoff all interest counts that it is the sum of, whatever is paid first.
        self.closes = fact.kind == FactKind.PAYOFF and self.until > fact.on
        self.due_rows, self.tail = ledger.rows, ledger.daily.tail(ledger.moved)
        self.asked_due: int | None = None
        self.left_due: Mapping[Owed, int] = {}
        self.asked: int | None = None
        self.ahead: list[DailyRow] = []
        self.looked_after: Taken = {}
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
        that within the equal instalment, where there is one. A row that was paid that takes
        nothing, whatever others take.
        """
        if self._was_paid_its_level(row):
            return Claim(row.number, UNTAKEN)
        return Claim(row.number, Asked(partial(self._in_advance, row)))

    def _was_paid_its_level(self, row: Instalment) -> bool:
        """Whether *row* was paid its equal instalment, and all that was charged on it."""
        place = self.ledger.places.get(row.number)
        if place is None or _has_charges(row):
            return False
        level, _, ahead, *_ = self.ledger.daily.shares[place]
        return level is not None and row.principal_paid + row.interest_paid >= level + ahead

    def together(self, rows: list[Instalment], order: list[str]) -> list[Claim]:
        """What of *rows* can be paid before their days, where all of them are."""
        tried: Taken = {number: dict(took) for number, took in self.taken.items()}
        claims = DailyClaims(self.ledger, self.fact, tried)
        if self.closes:
            if not self.ahead:
                self._look()
            claims.asked, claims.ahead = NO_ROW, self.ahead
        fill(NO_END, map(claims.in_advance, rows), order, AllocationScope.INSTALMENT, tried)
        return [
            Claim(
                row.number,
                {
                    kind: amount - self.taken.get(row.number, UNTAKEN)[kind]
                    for kind, amount in tried.get(row.number, UNTAKEN).items()
                },
            )
            for row in rows
        ]

    def _due(self, number: int, kind: Owed) -> int:
        ledger = self.ledger
        if number != self.asked_due:
            if self.asked_due is not None and ledger.places.get(self.asked_due) == self.tail:
                self.tail = ledger.daily.tail(ledger.moved_with(self.on, self.taken))
                self.due_rows = ledger.looked_at(self.on, self.taken)
            self.asked_due = number
            row = self.due_rows[ledger.place_of(number)]
            self.left_due = ledger.due(row, self.on).left
        return self.left_due[kind]

    def _in_advance(self, row: Instalment, kind: Owed) -> int:
        if kind in CHARGES and not _has_charges(row):
            return 0
        found = None if kind in CHARGES else self._accruing(row.number)
        took = self.taken.get(row.number, UNTAKEN)
        if found is None:
            return max(self.ledger.in_advance(row, self.on).left[kind] - took[kind], 0)
        share = self.ledger.daily.shares[self.ledger.places[row.number]]
        accrued = max(found.accrued - row.interest_paid, 0)
        if share.waits or share.gone:
            accrued = 0  # it is for another row
        paid = row.principal_paid + took[Owed.PRINCIPAL]
        interest_paid = row.interest_paid + took[Owed.INTEREST]
        level = None if share.level is None else share.level + share.ahead
        if kind == Owed.INTEREST:
            most = accrued - took[Owed.INTEREST]
            return max(most if level is None else min(most, level - paid - interest_paid), 0)
        room = found.principal
        if share.level is not None and level is not None:
            room = level - max(interest_paid, min(accrued, share.level))
        return max(min(room - paid, self._unpaid()), 0) if room > paid else 0

    def _accruing(self, number: int) -> DailyRow | None:
        """The row as it stands; None of one that holds charges only.

        It is looked at anew when another one was asked for before. Rows without accrued
        interest take principal, which accrues nothing that day.
        """
        place = self.ledger.places.get(number)
        first, other = self.asked is None, number != self.asked
        self.asked = number
        if first:
            self._look()
        if place is None:
            self.bore = False if other else self.bore
            return None
        if other:
            if not first and not self.closes and (self.bore or self.ahead[place].accrued):
                self._look()
            self.bore = self.ahead[place].accrued > 0
        return self.ahead[place]

    def _look(self) -> None:
        """Find the rows after what was taken, where that is not what they were found after."""
        if not self.ahead or self.taken != self.looked_after:
            self.ahead = self.ledger.daily_rows_with(self.on, self.taken, self.until)
            self.looked_after = {number: took.copy() for number, took in self.taken.items()}

    def _unpaid(self) -> int:
        """The principal that can be paid in advance; what is due may have its turn later."""
        due = self.due_rows if self.ledger.buckets_of(self.fact) is not None else ()
        return unpaid_in_advance(self.ledger, due, self.on, self.taken)


def _has_charges(row: Instalment) -> bool:
    """Whether there is anything but principal and interest to pay on *row*, or was charged."""
    return bool(row.penalty_charged) or row.fees != row.fees_paid


def unpaid_in_advance(
    ledger: DailyLedger, rows: Iterable[Instalment], on: date, taken: Taken
) -> int:
    """The principal that was paid out and neither *taken* nor due on those of *rows*."""
    took = {number: each[Owed.PRINCIPAL] for number, each in taken.items()}
    due = sum(
        max(row.principal_left - took.get(row.number, 0), 0) for row in rows if row.due_on <= on
    )
    return ledger.principal_owed(on) - sum(took.values()) - due
