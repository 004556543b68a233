"""The ledger of a loan whose interest goes by the balance of each day.

Beside what it shares with every ledger it knows what was paid on each row on which day;
principal and interest of the rows follow from that and from the day they are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from domain.base.repayment import Method
from domain.base.terms import Accrual, FutureMoney, Owed, Settling, Terms
from domain.loan.allocation import Part, Taken
from domain.loan.daily_balance import DailyBalance, DailyRow, Paid, PaidOut
from domain.loan.facts import Fact, FactKind
from domain.loan.ledger import Balance, Ledger
from domain.loan.periods import Span
from domain.loan.schedule import Instalment, rates_of
from domain.loan.timetable import has_limit, share


def ledger_of(terms: Terms) -> type[Ledger]:
    """The kind of ledger that loans of *terms* have."""
    return DailyLedger if terms.accrual == Accrual.DAILY_BALANCE else Ledger


@dataclass
class DailyLedger(Ledger):
    """Instalments and splits as they stand after the facts taken so far, on any day."""

    daily: DailyBalance = field(init=False)
    paid: list[list[Paid]] = field(init=False)
    """What was paid on each row, by day; it follows from *parts*."""
    paid_days: dict[int, date] = field(init=False)
    """The last day that anything was paid on an instalment."""
    lent: list[PaidOut] = field(init=False)
    """What was paid out at first, and what the contract says will be later."""
    seen: tuple[date, list[Instalment]] | None = field(init=False, default=None)
    """The rows as they were looked at last, while nothing was taken since."""

    def __post_init__(self) -> None:
        self._begin()
        super().__post_init__()

    def _begin(self) -> None:
        rows, terms = self.opening or self.rows, self.terms
        ends = [row.due_on for row in rows]
        spans = list(map(Span, [self.accrues_from, *ends[:-1]], ends))
        self.daily = DailyBalance(
            spans,
            share(terms, self.accrues_from),
            rates_of(terms, [span for span in spans if span.start < span.end]),
            terms.rounding,
            _levels(terms, rows) if terms.method == Method.EQUAL_INSTALMENTS else None,
            [row.principal for row in rows],
        )
        self.paid = [
            [Paid(self.accrues_from, row.principal_paid, row.interest_paid)]
            if row.principal_paid or row.interest_paid
            else []
            for row in rows
        ]
        self.paid_days = {row.number: row.paid_on for row in rows if row.paid_on is not None}
        later = [PaidOut(draw.on, draw.amount) for draw in terms.draws or ()]
        at_first = sum(row.principal for row in rows) - sum(draw.amount for draw in later)
        self.lent = [PaidOut(self.accrues_from, at_first), *later]

    # --- what counts --------------------------------------------------------------

    def take(self, fact: Fact) -> None:
        """Let *fact* count, after all that were taken before."""
        if fact.pays:
            self.rows = self.rows_on(fact.on)
        super().take(fact)
        self.seen = None

    def _draw(self, fact: Fact) -> None:
        """Nothing is laid: the balance of each day has it."""

    def _note(self, on: date, parts: list[Part]) -> None:
        super()._note(on, parts)
        for part in parts:
            index = part.instalment - self.opening[0].number
            if index < len(self.paid):
                self.paid[index].append(Paid(on, part.principal, part.interest))
            known = self.paid_days.get(part.instalment, on)
            self.paid_days[part.instalment] = max(known, on)

    def _split(self, money: int, fact: Fact, *, called: bool) -> Taken:  # noqa: ARG002
        """*money* over what is due on the day of *fact*, then over what is in advance.

        Row by row. A due row that takes all it is owed changes none of the others, since
        its principal counts as paid on that day in any case; but for the one that takes
        the residue, which is then another.
        """
        taken: Taken = {}
        on, order, rows = fact.on, self.terms.allocation_order, self.rows
        tail = self.daily.tail(self.paid)
        for due in self._rows_due(on):
            index = self._index(due.number)
            money = _fill(money, due.number, self._due(rows[index], on).left, order, taken)
            if money == 0:
                return taken
            if index == tail:
                tail = self.daily.tail(self._paid_with(on, taken))
                rows = self._looked_at(on, taken)
        until = self._settled_until(on)
        # Of a payoff all interest counts that it is the sum of, whatever is paid first.
        closes = fact.kind == FactKind.PAYOFF and until > on
        ahead = self._daily_rows(on, taken, until)
        later = [row for row in self.rows if row.due_on > on]
        if (fact.future_money or self.terms.future_money) == FutureMoney.LAST_INSTALMENT:
            later.reverse()
        bore = False
        for row in later:
            if money == 0:
                return taken
            index = self._index(row.number)
            found = ahead[index] if index < len(ahead) else None
            # Rows without accrued interest take principal, which accrues nothing that day.
            if found is not None and not closes and (bore or found.accrued):
                ahead = self._daily_rows(on, taken, until)
                found = ahead[index]
            bore = found is not None and found.accrued > 0
            money = self._fill_in_advance(money, row, on, taken, found)
        if fact.kind == FactKind.PAYOFF:
            # What closes the loan may be more than its rows take in advance.
            for row in self._looked_at(on, taken, until):
                left = self._less(self._left(row, 0), taken, row.number)
                money = _fill(money, row.number, left, order, taken)
        return taken

    def _fill_in_advance(
        self, money: int, row: Instalment, on: date, taken: Taken, accruing: DailyRow | None
    ) -> int:
        """What is left of *money* after a row took in advance what it can.

        Of interest it takes what has accrued, by *accruing*; of principal, not more than
        leaves room for that within the equal instalment, where there is one.
        """
        number = row.number
        claims = self._less(self._in_advance(row, on).left, taken, number)
        if accruing is None:
            return _fill(money, number, claims, self._advance_order(), taken)
        took = taken.get(number, dict.fromkeys(Owed, 0))
        paid = row.principal_paid + took[Owed.PRINCIPAL]
        interest_paid = row.interest_paid + took[Owed.INTEREST]
        accrued = max(accruing.accrued - interest_paid, 0)
        unpaid = self.principal_owed(on) - sum(each[Owed.PRINCIPAL] for each in taken.values())
        levels = self.daily.levels
        level = levels[self._index(number)] if levels is not None else None
        for kind in self._advance_order():
            most = claims[kind]
            if kind == Owed.INTEREST:
                most = accrued if level is None else min(accrued, level - paid - interest_paid)
            elif kind == Owed.PRINCIPAL:
                room = accruing.principal if level is None else level
                if level is not None:
                    room -= max(interest_paid, min(accrued, level))
                most = min(room - paid, unpaid)
            amount = min(money, max(most, 0))
            if kind == Owed.INTEREST:
                interest_paid += amount
            elif kind == Owed.PRINCIPAL:
                paid += amount
            money = _fill(money, number, {kind: amount}, [kind], taken)
        return money

    def _advance_order(self) -> list[Owed]:
        return [Owed(name) for name in self.terms.advance_order or self.terms.allocation_order]

    def _less(self, left: dict[Owed, int], taken: Taken, number: int) -> dict[Owed, int]:
        took = taken.get(number, {})
        return {kind: max(amount - took.get(kind, 0), 0) for kind, amount in left.items()}

    # --- how it stands --------------------------------------------------------------

    def rows_on(self, on: date) -> list[Instalment]:
        """The instalments as they stand on *on*, by the facts taken so far."""
        if self.seen is None or self.seen[0] != on:
            self.seen = on, self._looked_at(on, {})
        return list(self.seen[1])

    def _looked_at(self, on: date, taken: Taken, until: date | None = None) -> list[Instalment]:
        """The instalments on *on*, had a payment of that day *taken* some money."""
        found = self._daily_rows(on, taken, until)
        return [
            self._as(row, found[index]) if index < len(found) else row
            for index, row in enumerate(self.rows)
        ]

    def _as(self, row: Instalment, daily: DailyRow) -> Instalment:
        principal, interest = daily.principal, daily.interest
        if row.principal != principal or row.interest != interest:
            row = replace(row, principal=principal, interest=interest)
        paid_on = None if row.left else self.paid_days.get(row.number)
        return row if row.paid_on == paid_on else replace(row, paid_on=paid_on)

    def _daily_rows(self, on: date, taken: Taken, until: date | None = None) -> list[DailyRow]:
        paid = self._paid_with(on, taken) if taken else self.paid
        dues = [row.due_on for row in self.rows[: len(paid)]]
        return self.daily.rows(dues, self._drawn(on), paid, on, until)

    def _paid_with(self, on: date, taken: Taken) -> list[list[Paid]]:
        first = self.opening[0].number
        return [
            [*row, Paid(on, took[Owed.PRINCIPAL], took[Owed.INTEREST])]
            if (took := taken.get(number))
            else row
            for number, row in enumerate(self.paid, start=first)
        ]

    def daily_rows(self, on: date) -> list[DailyRow]:
        """What is behind the rows on *on*: their interest, and the balances that bore it."""
        return self._daily_rows(on, {})

    def _drawn(self, on: date) -> list[PaidOut]:
        """What was paid out, and what the contract says will be after *on*."""
        paid_out = list(self._paid_out())
        planned = () if self.paid_off else self.lent[1:]
        to_come = Counter(draw for draw in planned if draw.on > on) - Counter(paid_out)
        return [self.lent[0], *paid_out, *to_come.elements()]

    def _paid_out(self) -> Iterator[PaidOut]:
        return (PaidOut(fact.on, fact.amount) for fact in self.draws)

    def principal_owed(self, on: date) -> int:
        """The principal that was paid out and is not paid back on *on*."""
        drawn = sum(draw.amount for draw in self._paid_out() if draw.on <= on)
        paid = sum(each.principal for row in self.paid for each in row if each.on <= on)
        return self.lent[0].amount + drawn - paid

    def most_owed(self, since: date) -> int:
        """The most principal that was owed at the end of any day from *since* on."""
        days = {since, *(fact.on for fact in self.draws if fact.on > since)}
        return max(self.principal_owed(day) for day in days)

    def settling(self, on: date) -> Balance:
        """What is owed when all is called due on *on*."""
        rows = self._looked_at(on, {}, self._settled_until(on))
        return Balance(
            principal=self.principal_owed(on),
            interest=sum(max(row.interest - row.interest_paid, 0) for row in rows),
            fees=sum(row.fees - row.fees_paid for row in self._called_due(on)),
            penalty=sum(row.penalty_left + self.penalty_due(row, on) for row in rows),
            unapplied=self.unapplied,
        )

    def _called_due(self, on: date) -> list[Instalment]:
        """The rows without the fees per instalment that come due after the running one."""
        later = [row for row in self.rows_on(on) if row.due_on > on and row.left]
        rows = list(self.rows)
        for row in later[1:]:
            fees = max(row.fees_paid, self._fees_charged(row.number))
            rows[self._index(row.number)] = replace(rows[self._index(row.number)], fees=fees)
        return rows

    def _settled_until(self, on: date) -> date:
        """To what day interest counts that a payment of *on* can pay in advance."""
        if self.terms.settling != Settling.TO_NEXT_DUE:
            return on
        return min((row.due_on for row in self.rows if row.due_on > on), default=on)

    def is_over(self, on: date) -> bool:
        """Whether the loan has ended: nothing is owed, and nothing can be drawn any more."""
        can_draw = has_limit(self.terms) and not self.paid_off and on < self.opening[-1].due_on
        return not can_draw and self.is_paid(on)


def _levels(terms: Terms, rows: list[Instalment]) -> list[int]:
    """The equal instalment of each row: the first one's, or those that the rates set anew."""
    totals = [row.principal + row.interest for row in rows]
    if terms.rate_plan is None:
        # What is charged at the payout stands in a row of its own before them.
        first = next((total for row, total in zip(rows, totals, strict=True) if row.number), 0)
        return [first if row.number else 0 for row in rows]
    return [*totals[:-1], totals[max(len(rows) - 2, 0)]]


def _fill(
    money: int, number: int, left: dict[Owed, int], order: Iterable[str], taken: Taken
) -> int:
    for kind in order:
        amount = min(money, max(left.get(Owed(kind), 0), 0))
        if amount:
            took = taken.setdefault(number, dict.fromkeys(Owed, 0))
            took[Owed(kind)] += amount
            money -= amount
    return money
