"""The ledger of a loan whose interest goes by the balance of each day.

Beside what it shares with every ledger it knows what was paid on each row on which day;
principal and interest of the rows follow from that and from the day they are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property

from domain.base.records import each_as
from domain.base.repayment import Method
from domain.base.terms import Accrual, AllocationScope, FeeTiming, Owed, Settling, Terms
from domain.loan.allocation import UNTAKEN, Claim, Part, Taken, fill
from domain.loan.daily_balance import UNSETTLED, DailyBalance, DailyRow, Moved, PaidOut, Share
from domain.loan.daily_claims import NO_END, DailyClaims, unpaid_in_advance
from domain.loan.daily_shares import shared_anew
from domain.loan.facts import Fact, FactKind
from domain.loan.fees import charged_at, unearned
from domain.loan.held import HeldByDay
from domain.loan.ledger import Balance, Claims, Closing, Ledger
from domain.loan.periods import ONE_DAY, Pause, Span
from domain.loan.reschedule import Change, Running
from domain.loan.schedule import Instalment, rates_of
from domain.loan.timetable import ONE_CHOICE, counted_by_days, has_limit, share


def ledger_of(terms: Terms) -> type[Ledger]:
    """The kind of ledger that loans of *terms* have."""
    return DailyLedger if terms.accrual == Accrual.DAILY_BALANCE else Ledger


@dataclass
class DailyLedger(Ledger):
    """Instalments and splits as they stand after the facts taken so far, on any day."""

    daily: DailyBalance = field(init=False)
    places: dict[int, int] = field(init=False)
    """Where the instalments that bear interest stand in *daily*, by number."""
    free: list[Pause] = field(init=False)
    """The days without interest that the contract begins with."""
    moved: Moved = field(init=False)
    """What was paid out, and what was paid on each row."""
    paid_days: dict[int, date] = field(init=False)
    """The last day that anything was paid on an instalment; of some only: see ``_paid_on``."""
    lent: list[PaidOut] = field(init=False)
    """What was paid out at first, and what the contract says will be later."""
    seen: tuple[date, list[Instalment]] | None = field(init=False, default=None)
    """The rows as they were looked at last, while nothing was taken since."""

    def __post_init__(self) -> None:
        self._begin()
        super().__post_init__()
        self.held = HeldByDay(self.laid, self.opening)

    def _begin(self) -> None:
        rows, terms = self.opening or self.rows, self.terms
        ends = [row.due_on for row in rows]
        spans = each_as(Span, zip([self.accrues_from, *ends[:-1]], ends, strict=True))
        self.free = _free(terms, rows, spans)
        self.daily = DailyBalance(
            spans,
            share(terms, self.accrues_from),
            rates_of(terms, [span for span in spans if span.start < span.end]),
            terms.rounding,
            _shares(terms, rows),
            terms.method == Method.EQUAL_INSTALMENTS,
            self.free,
            counted_by_days(terms),
        )
        self.places = {row.number: place for place, row in enumerate(rows)}
        self.paid_days = {row.number: row.paid_on for row in self.rows if row.paid_on is not None}
        later = [PaidOut(draw.on, draw.amount) for draw in terms.draws or ()]
        at_first = sum(row.principal for row in rows) - sum(draw.amount for draw in later)
        self.lent = [PaidOut(self.accrues_from, at_first), *later]
        self.moved = self._moved_so_far(sum([row.principal_paid for row in rows]))

    def _moved_so_far(self, before: int) -> Moved:
        """What moved so far: by row it is kept with the instalments, by day with the splits.

        Principal that was paid *before* we knew the loan counts from the day it begins here.
        """
        by_number = {row.number: row for row in self.rows}
        stand = [by_number[number] for number in self.places]
        drawn = each_as(PaidOut, ((draw.on, draw.amount) for draw in self.draws))
        paid_on = self.paid_on
        paid = [
            (paid_on[ref], split.principal) for ref, split in self.splits.items() if split.principal
        ]
        return Moved(
            [row.principal_paid for row in stand],
            [row.interest_paid for row in stand],
            [self.lent[0], *drawn],
            [(self.accrues_from, before), *paid],
        )

    # --- what counts --------------------------------------------------------------

    def take(self, fact: Fact) -> None:
        """Let *fact* count, after all that were taken before."""
        looks = fact.splits or fact.kind in (FactKind.RESCHEDULE, FactKind.FORGIVEN)
        if looks and not self.came_before(fact):
            self.rows = self.rows_on(fact.on)
        self._count(fact)

    def take_last(self, fact: Fact) -> None:
        """Let *fact* count, after which no other is taken.

        What a payment finds on the rows to come is reckoned up to its day, and who asks for
        them afterwards looks at them then. But what closes the loan looks at all of them before,
        and so does what is charged for coming early, since a cap on that goes by all of them.
        """
        whole = fact.kind == FactKind.PAYOFF or charged_at(self.terms, FeeTiming.ON_PREPAYMENT)
        if whole or not fact.splits or self.came_before(fact):
            self.take(fact)
            return
        self.rows = self.due_looked_at(fact.on)
        self._count(fact)

    def _count(self, fact: Fact) -> None:
        super().take(fact)
        self.seen = None

    def _draw(self, fact: Fact) -> None:
        """Nothing is laid: the balance of each day has it."""
        self.moved.pay_out(fact.on, fact.amount)

    def _hold(self, fact: Fact) -> None:
        super()._hold(fact)
        self._bear()

    def _forgive_interest(self, row: Instalment, fact: Fact) -> Instalment:
        # To the days it is as if it had been paid; the row owes so much less.
        self.held.forgiven[row.number] = self.held.forgiven.get(row.number, 0) + fact.amount
        if fact.amount:
            self.moved.pay(self.places[row.number], fact.on, 0, fact.amount)
            self.paid_days[row.number] = fact.on
        return replace(row, interest=row.interest - fact.amount)

    def _bear(self) -> None:
        """Let each day bear the rate it has by now, or none."""
        pauses = [*self.free, *self.laid.pauses, *self.held.days]
        self.daily = replace(self.daily, rates=self.laid.rates, pauses=pauses)
        self.moved.settled = UNSETTLED

    def _note(self, on: date, parts: list[Part]) -> None:
        super()._note(on, parts)
        for part in parts:
            number = part.instalment
            if (place := self.places.get(number)) is not None:
                self.moved.pay(place, on, part.principal, part.interest)
            self.paid_days[number] = on

    def _prepay(self, money: int, fact: Fact, taken: Taken, *, keeps_instalment: bool) -> int:
        on = fact.on
        self.rows = self.looked_at(on, taken)
        # What the contract says will be paid out later cannot be paid back before.
        most = max(unpaid_in_advance(self, self.rows, on, taken), 0)
        return super()._prepay(min(money, most), fact, taken, keeps_instalment=keeps_instalment)

    def _paid_ahead(self, number: int, prepaid: int) -> None:
        super()._paid_ahead(number, prepaid)
        shares, place = list(self.daily.shares), self.places[number]
        shares[place] = shares[place]._replace(ahead=shares[place].ahead + prepaid)
        self.daily.shares = shares
        self.moved.settled = UNSETTLED

    def _lay_anew(
        self, fact: Fact, change: Change, *, moved: int = 0, taken: Taken | None = None
    ) -> None:
        on, taken = fact.on, taken or {}
        before = self.daily_rows_with(on, taken)
        self.laid.agreed = {}
        if change.method is not None:
            self.laid.running = Running(on, self.bearing(on, taken))
        stays = has_limit(self.laid.terms) and change.method is None
        self.laid.lasts = stays and not self.paid_off
        known = len(self.capitalised)
        super()._lay_anew(fact, change, moved=moved, taken=taken)
        for _, day, grown in self.capitalised[known:]:
            self.moved.pay_out(day, grown)
        if self.laid.agreed:
            self._share_anew(on, change, before)
        self._bear()
        self.seen = None
        self.rows = self.looked_at(on, taken)

    def _share_anew(self, on: date, change: Change, before: list[DailyRow]) -> None:
        """Let each row be of what it was laid anew with; those that are over stay as they are."""
        behind = zip(self.daily.spans, self.daily.shares, before, strict=True)
        known = dict(zip(self.places, behind, strict=True))
        anew = shared_anew(self.laid, known, self.rows, on, change)
        self.moved.place_anew([self.places.get(number) for number in anew])
        self.places = {number: place for place, number in enumerate(anew)}
        spans, shares = zip(*anew.values(), strict=True)
        levelled = self.laid.terms.method == Method.EQUAL_INSTALMENTS
        self.daily = replace(self.daily, spans=spans, shares=shares, levelled=levelled)
        # What is gathered of a row, or falls away, is as if it had been paid that day.
        self.paid_days |= {
            row.number: on for row in self.rows if row.number in anew and row.paid_on == on
        }

    def _claims(self, fact: Fact, taken: Taken) -> Claims:
        return DailyClaims(self, fact, taken)

    def _split(self, money: int, fact: Fact, *, called: bool) -> Taken:
        taken = super()._split(money, fact, called=called)
        on, terms = fact.on, self.terms
        if fact.kind == FactKind.PAYOFF:
            # What closes the loan may be more than its rows take in advance.
            self._take_all(money, on, taken)
        elif terms.allocation_scope == AllocationScope.COMPONENT or self.buckets_of(fact):
            # The residue may have come to a row after its turn.
            rows = [row for row in self.looked_at(on, taken) if row.due_on <= on]
            self._take_rest(money, [self.due(row, on) for row in rows], taken)
        return taken

    def _take_all(self, money: int, on: date, taken: Taken) -> None:
        """Let *money* pay all that a payoff finds.

        A row that is paid may leave interest to another one, which was closed.
        """
        until = self.settled_until(on)
        while rest := money - _sum(taken):
            rows = self.looked_at(on, taken, until)
            self._take_rest(money, [Claim(row.number, self._left(row, 0)) for row in rows], taken)
            if rest == money - _sum(taken):
                return

    def _take_rest(self, money: int, claims: list[Claim], taken: Taken) -> None:
        rest = money - _sum(taken)
        less = (Claim(each.instalment, _less(each, taken)) for each in claims)
        fill(rest, less, self.terms.allocation_order, AllocationScope.INSTALMENT, taken)

    # --- how it stands --------------------------------------------------------------

    def rows_on(self, on: date) -> list[Instalment]:
        """The instalments as they stand on *on*, by the facts taken so far."""
        if self.seen is None or self.seen[0] != on:
            self.seen = on, self.looked_at(on, {})
        return list(self.seen[1])

    def looked_at(self, on: date, taken: Taken, until: date | None = None) -> list[Instalment]:
        """The instalments on *on*, had a payment of that day *taken* some money."""
        return self._rows_as(self.daily_rows_with(on, taken, until))

    def due_looked_at(self, on: date) -> list[Instalment]:
        """The instalments, those due by *on* as they stand on that day, the others as known."""
        places = self.places
        due = [places.get(row.number, -1) for row in self.rows if row.due_on <= on]
        return self._rows_as(self.daily_rows_with(on, {}, count=max(due, default=-1) + 1))

    def _rows_as(self, found: Sequence[DailyRow]) -> list[Instalment]:
        """The instalments as the first rows were *found*; those behind them as they are known."""
        forgiven, count = self.held.forgiven, len(found)
        return [
            row
            if (place := self.places.get(row.number)) is None or place >= count
            else self._as(row, found[place], forgiven.get(row.number, 0))
            for row in self.rows
        ]

    def _as(self, row: Instalment, daily: DailyRow, forgiven: int) -> Instalment:
        principal, interest = daily.principal, daily.interest - forgiven
        if row.principal != principal or row.interest != interest:
            row = replace(row, principal=principal, interest=interest)
        paid_on = None if row.left else self._paid_on(row.number)
        return row if row.paid_on == paid_on else replace(row, paid_on=paid_on)

    def _paid_on(self, number: int) -> date | None:
        """The last day that anything was paid on an instalment."""
        return self.paid_days.get(number) or self._paid_before.get(number)

    @cached_property
    def _paid_before(self) -> dict[int, date]:
        """The same of instalments that had something left when this ledger was made."""
        found: dict[int, date] = {}
        for ref, parts in self.parts.items():
            on = self.paid_on[ref]
            for part in parts:
                found[part.instalment] = max(found.get(part.instalment, on), on)
        return found

    def daily_rows_with(
        self, on: date, taken: Taken, until: date | None = None, count: int | None = None
    ) -> list[DailyRow]:
        """What is behind the rows, had a payment of *on* taken some money; the first *count*."""
        moved = self.moved_with(on, taken) if taken else self.moved
        dues = [row.due_on for row in self.rows if row.number in self.places]
        return self.daily.rows(moved, dues, on, until, self.to_come(on), count=count)

    def moved_with(self, on: date, taken: Taken) -> Moved:
        """The money that moved, had a payment of *on* taken some."""
        moved = self.moved.copy()
        for number, took in taken.items():
            if (place := self.places.get(number)) is not None:
                moved.pay(place, on, took[Owed.PRINCIPAL], took[Owed.INTEREST])
        return moved

    def daily_rows(self, on: date) -> list[DailyRow]:
        """What is behind the rows on *on*: their interest, and the balances that bore it."""
        return self.daily_rows_with(on, {})

    def to_come(self, on: date) -> list[PaidOut]:
        """What the contract says will be paid out after *on*, less what was paid out of it.

        The plan is used up in its order, by payouts of whatever day and amount.
        """
        planned = () if self.paid_off else self.lent[1:]
        if not planned:
            return []
        drawn, later = sum(fact.amount for fact in self.draws), list[PaidOut]()
        for draw in planned:
            left = max(draw.amount - drawn, 0)
            drawn = max(drawn - draw.amount, 0)
            if left and draw.on > on:
                later.append(PaidOut(draw.on, left))
        return later

    def bearing(self, on: date, taken: Taken | None = None) -> Decimal:
        """Unrounded interest of the row that runs on *on*, up to that day."""
        found = self.daily_rows_with(on, taken or {}, on)
        return sum(
            (
                self.daily.exact(place, each.stretches)
                for place, each in enumerate(found)
                if self.daily.spans[place].end > on and each.stretches
            ),
            Decimal(0),
        )

    def principal_owed(self, on: date) -> int:
        """The principal that was paid out and is not paid back on *on*."""
        return self.moved.balance_on(on)

    def most_owed(self, since: date) -> int:
        """The most principal that was owed at the end of any day from *since* on."""
        days = {since, *(fact.on for fact in self.draws if fact.on > since)}
        return max(self.principal_owed(day) for day in days)

    def settling(self, on: date) -> Balance:
        """What is owed when all is called due on *on*."""
        return replace(super().settling(on), principal=self.principal_owed(on))

    def closing(self, on: date) -> list[Closing]:
        """What closes the loan on *on*, by instalment, before credit."""
        # Nothing more is paid out on a loan that is paid off, whatever was planned.
        ends, self.paid_off = self.paid_off, True
        rows = self.looked_at(on, {}, self.settled_until(on))
        taken: Taken = {}
        self._take_all(NO_END, on, taken)
        self.paid_off = ends
        fees = {row.number: row.fees - row.fees_paid for row in self._called_due(on)}
        early = self._paying_early(on)
        return [
            Closing(
                row.number,
                row.due_on,
                taken.get(row.number, UNTAKEN)[Owed.PRINCIPAL],
                taken.get(row.number, UNTAKEN)[Owed.INTEREST],
                fees[row.number] - early.get(row.number, 0),
                row.penalty_left + self.penalty_due(row, on),
                early.get(row.number, 0),
            )
            for row in rows
        ]

    def _called(self, on: date, fee: int) -> list[Instalment]:
        """The rows with the fees that are owed when all is called due on *on*, and a *fee*.

        Those per instalment after the running one are not, nor what is not earned of one at
        disbursement; one for paying early is.
        """
        later = [row for row in self.rows_on(on) if row.due_on > on and row.left]
        rows = list(self.rows)
        for row in later[1:]:
            fees = max(row.fees_paid, self._fees_charged(row.number))
            rows[self.place_of(row.number)] = replace(rows[self.place_of(row.number)], fees=fees)
        if later:
            running = self.place_of(later[0].number)
            fees = rows[running].fees + fee
            rows[running] = replace(rows[running], fees=fees)
            if rows[0].number == 0:
                earned = self.opening[0].fees - self._unearned(on)
                rows[0] = replace(rows[0], fees=min(rows[0].fees, earned))
        return rows

    def _not_due(self, on: date) -> int:
        due = sum(row.principal_left for row in self.rows_on(on) if row.due_on <= on)
        return self.principal_owed(on) - due

    def charged_until(self, on: date) -> int:
        """Interest and fees since it began, were all that is left paid off on *on* for nothing."""
        bears = {row.number: row for row in self.looked_at(on, {}, self.settled_until(on))}
        called = self._called(on, 0)
        return self._charged([replace(row, interest=bears[row.number].interest) for row in called])

    def _unearned(self, on: date) -> int:
        terms = self.terms
        if has_limit(terms):  # it was charged on what of the limit was paid out at first
            terms = replace(terms, amount=self.lent[0].amount)
        return unearned(terms, self.accrues_from, on, self.ends_on)

    def settled_until(self, on: date) -> date:
        """To what day interest counts that a payment of *on* can pay in advance."""
        if self.terms.settling != Settling.TO_NEXT_DUE:
            return on
        return min((row.due_on for row in self.rows if row.due_on > on), default=on)

    @property
    def ends_on(self) -> date:
        """The last day on which an instalment bears interest, and more can be drawn."""
        daily = self.daily
        ends = zip(daily.spans, daily.shares, strict=True)
        return max(span.end for span, share in ends if not share.gone)

    def is_over(self, on: date) -> bool:
        """Whether the loan has ended: nothing is owed, and nothing can be drawn any more."""
        can_draw = has_limit(self.laid.terms) and not self.paid_off and on < self.ends_on
        return not can_draw and self.is_paid(on)


def _shares(terms: Terms, rows: list[Instalment]) -> list[Share]:
    """What each row is to repay as the loan begins.

    The equal instalment is the first one's after grace, or those that the rates set anew.
    """
    chosen = terms.repayment or ONE_CHOICE
    waits = [0 < row.number <= chosen.grace_interest for row in rows]
    if terms.method != Method.EQUAL_INSTALMENTS:
        return [
            Share(None, row.principal, waits=each) for row, each in zip(rows, waits, strict=True)
        ]
    # What is charged at the payout stands in a row of its own before the others.
    graced = [0 < row.number <= chosen.grace_principal for row in rows]
    if terms.rate_plan is None:
        paying = (row for row, free in zip(rows, graced, strict=True) if row.number and not free)
        first = next((row.principal + row.interest for row in paying), 0)
        levels = [first if row.number else 0 for row in rows]
    else:
        levels = [row.principal + row.interest for row in rows]
        levels[-1] = levels[max(len(rows) - 2, 0)]
    return each_as(
        Share,
        (
            (None if free else level, 0, 0, each, False, None)
            for level, free, each in zip(levels, graced, waits, strict=True)
        ),
    )


def _free(terms: Terms, rows: list[Instalment], spans: list[Span]) -> list[Pause]:
    """The days without interest that the contract begins with."""
    count = (terms.repayment or ONE_CHOICE).interest_free
    ends = [span.end for row, span in zip(rows, spans, strict=True) if 0 < row.number <= count]
    return [Pause(spans[0].start + ONE_DAY, ends[-1])] if ends else []


def _sum(taken: Taken) -> int:
    return sum(sum(took.values()) for took in taken.values())


def _less(claim: Claim, taken: Taken) -> dict[Owed, int]:
    """What is left of *claim* after what was *taken* of its row."""
    took = taken.get(claim.instalment, {})
    return {kind: max(amount - took.get(kind, 0), 0) for kind, amount in claim.left.items()}
