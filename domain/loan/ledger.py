"""The money of one loan: facts in the order they count, and what follows from them.

Every figure of a loan follows from its schedule and its facts (payments, draws, refunds,
fees, waivers, moved dates, holds) in effective order. A fact that counts last is taken on
top; one that counts earlier makes the ledger run again from the schedule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from domain.base.calendar import on_day
from domain.base.daycount import IN_ROWS
from domain.base.money import rounded
from domain.base.repayment import Frequency
from domain.base.terms import (
    BUCKETS,
    AllocationScope,
    ChargesDue,
    FeeTiming,
    FutureMoney,
    Owed,
    Prepayment,
    Ripeness,
    Settling,
    Terms,
)
from domain.loan import accrual
from domain.loan.allocation import (
    UNTAKEN,
    Claim,
    Part,
    Split,
    Taken,
    fill,
    in_turn,
    pay,
    split_of,
    spread,
)
from domain.loan.ceiling import charges_rate, room_so_far
from domain.loan.delinquency import days_past_due
from domain.loan.facts import HOLDS, Fact, FactKind, counts_from, standing
from domain.loan.fees import charged_at, for_prepaying, unearned
from domain.loan.held import HeldBack, HeldRow, penalty_free
from domain.loan.kept import ByRun, PenaltyBy
from domain.loan.periods import ONE_DAY
from domain.loan.placing import placed
from domain.loan.rebate import settled_by_statute
from domain.loan.refusals import InstalmentNotOpen
from domain.loan.reschedule import Base, Change, Laid, MovedDate, laid
from domain.loan.schedule import Instalment
from domain.loan.timetable import has_limit


@dataclass(frozen=True)
class Balance:
    """What is owed, in minor units; *penalty* as accrued to the day of the event.

    *interest* and *fees* are those of the schedule still unpaid; *unapplied* is the
    borrower's credit (negative when more was refunded than there was).
    """

    principal: int
    interest: int
    fees: int
    penalty: int
    unapplied: int


class Relaid(NamedTuple):
    """By how much a change let an instalment's interest and fees grow; minor units.

    *owed* is the interest that it has from then on.
    """

    ref: str
    on: date
    instalment: int
    interest: int
    fees: int
    base: Base | None
    owed: int
    held: HeldRow | None = None


PREPAYMENTS = frozenset(Prepayment)


class Closing(NamedTuple):
    """What of an instalment closes the loan with the others; minor units.

    *early* is what paying before its day costs, and is none of *fees*; of those, what is not
    earned is given back, and stands below zero.
    """

    instalment: int
    due_on: date
    principal: int
    interest: int
    fees: int
    penalty: int
    early: int = 0


class Claims:
    """What the payment *fact* finds on each row of a ledger, which has *taken* some money."""

    def __init__(self, ledger: Ledger, fact: Fact, taken: Taken) -> None:
        self.ledger, self.fact, self.taken = ledger, fact, taken
        self.on = fact.on

    def due(self, row: Instalment) -> Claim:
        """What of *row* is due."""
        return self.ledger.due(row, self.on)

    def in_advance(self, row: Instalment) -> Claim:
        """What of *row* can be paid before its day."""
        return self.ledger.in_advance(row, self.on)

    def together(self, rows: list[Instalment], order: list[str]) -> list[Claim]:  # noqa: ARG002
        """What of *rows* can be paid before their days, where all of them are."""
        return [self.in_advance(row) for row in rows]


@dataclass
class Ledger:
    """Instalments and splits as they stand after the facts taken so far."""

    terms: Terms
    accrues_from: date
    rows: list[Instalment]
    """Going on from what is kept, those that are not needed any more stand among them, empty."""
    unapplied: int = 0
    parts: dict[str, list[Part]] = field(default_factory=dict)
    splits: dict[str, Split] = field(default_factory=dict)
    paid_on: dict[str, date] = field(default_factory=dict)
    draws: list[Fact] = field(default_factory=list)
    """What was paid out after the first payout."""
    opening: list[Instalment] = field(default_factory=list)
    """The instalments before any fact; those it begins with, if it says nothing."""
    paid_off: bool = False
    """Whether a payment was meant to end the loan."""
    refunds: list[Fact] = field(default_factory=list)
    """The credit that was paid back so far."""
    payout_order: int = 0
    """The place of the payout among what counts; of its day, what came before it is credit."""
    kept_penalty: PenaltyBy | None = None
    """What penalty goes by, where a ledger that goes on from what is kept knows it."""
    run_anew: Callable[[], Ledger] | None = None
    """Makes the same by a run, for a ledger that goes on from what is kept; see ``ByRun``."""

    charges = ByRun[list[Fact]]()
    """Those taken so far, less what is forgiven."""
    prepaying = ByRun[dict[str, tuple[int, int]]]()
    """What each payment before its day was charged, and on which instalment."""
    cut = ByRun[set[str]]()
    """The payments before their day that a cap let be charged less than the contract says."""
    forgiven_early = ByRun[dict[str, int]]()
    """What each payment before its day was not charged, since it was forgiven."""
    laid = ByRun[Laid]()
    relaid = ByRun[list[Relaid]]()
    """What each change of the schedule did to an instalment, for those who ask why."""
    waiting = ByRun[list[Fact]]()
    """Charges and moves on an instalment that is laid at the end of their day, or later."""
    changes = ByRun[dict[str, int]]()
    """When each change of the schedule that is still to be taken became known, in order."""
    capitalised = ByRun[list[tuple[str, date, int]]]()
    """Interest that became principal, by the change and its day."""
    came_to = ByRun[dict[str, Change]]()
    """Each change of the schedule as it found the instalments: by number and day."""
    pay_days = ByRun[set[str]]()
    """The new pay days that count by now, by reference."""
    forgiven = ByRun[list[Fact]]()
    """What was forgiven of instalments, with what of it was there to be."""
    held = ByRun[HeldBack]()
    """The holds that began so far, and the interest that they hold back."""

    def __post_init__(self) -> None:
        if not self.opening:
            self.opening = list(self.rows)
        if self.run_anew is None:
            self._begin_a_run()

    def _begin_a_run(self) -> None:
        """Know what a run tells, while nothing was charged, laid anew or held back."""
        self.laid = laid(self.terms, self.accrues_from, self.rows, self.opening)
        self.held = HeldBack(self.laid, self.opening)
        self.charges, self.relaid, self.waiting = [], [], []
        self.capitalised, self.forgiven = [], []
        self.prepaying, self.forgiven_early, self.changes, self.came_to = {}, {}, {}, {}
        self.cut, self.pay_days = set(), set()

    @property
    def was_laid(self) -> bool:
        """Whether anything was laid anew, other than before what is kept."""
        return self.run_anew is None and bool(self.laid.bases)

    @cached_property
    def bearing_paid(self) -> dict[int, list[tuple[date, int]]]:
        """What was paid of each instalment that would bear penalty, by day."""
        found: dict[int, list[tuple[date, int]]] = {}
        for ref, parts in self.parts.items():
            self._bore(found, self.paid_on[ref], parts)
        return found

    def expect(self, facts: list[Fact]) -> None:
        """Know which changes of the schedule are to come among *facts*."""
        self.changes = {f.ref: f.order for f in facts if f.kind == FactKind.RESCHEDULE}

    def take(self, fact: Fact) -> None:
        """Let *fact* count, after all that were taken before."""
        if self._waits(fact):
            self.waiting.append(fact)
        elif fact.splits:
            self._take_payment(fact)
        elif fact.kind == FactKind.REFUND:
            self.unapplied -= fact.amount
            self.refunds.append(fact)
        elif fact.kind == FactKind.FEE:
            self._charge(fact)
        elif fact.kind == FactKind.RESCHEDULE:
            assert fact.change is not None
            self.changes.pop(fact.ref, None)
            change = placed(self.laid, self.rows, fact.on, fact.change)
            self.came_to[fact.ref] = change
            self._lay_anew(fact, change)
        elif fact.kind == FactKind.DRAW:
            self.draws.append(fact)
            self._draw(fact)
        elif fact.kind in HOLDS:
            self._hold(fact)
        elif fact.kind == FactKind.FORGIVEN:
            self._forgive(fact)
        else:
            assert fact.kind == FactKind.MOVE
            self._move(fact)

    def take_last(self, fact: Fact) -> None:
        """Let *fact* count, after which no other is taken."""
        self.take(fact)

    def _move(self, fact: Fact) -> None:
        """Let an instalment fall due on another day; of a new pay day, those behind it too.

        What was granted before a new pay day and became known after it brings instalments
        that nobody could name when it was recorded; and one that turns out to have nothing
        left, and to be due by then, is not moved any more.
        """
        assert fact.due_on is not None and fact.pay_by_on is not None
        row, day = self.rows[self.place_of(fact.instalment)], fact.pay_day
        moved = MovedDate(row.number, fact.due_on, fact.pay_by_on)
        if day is None:
            self._due_on(row, moved)
            return
        pay_by = self.laid.pay_by
        pay_by[moved.due_on] = moved.pay_by_on
        behind = [row]
        if fact.ref not in self.pay_days:
            self.pay_days.add(fact.ref)
            self.laid.pay_day = day
            behind += [each for each in self.rows if each.number > row.number]
        for each in behind:
            due_on = on_day(each.due_on, day)
            if each.left or min(each.due_on, due_on) > fact.on:
                self._due_on(each, MovedDate(each.number, due_on, pay_by.get(due_on, due_on)))

    def _due_on(self, row: Instalment, moved: MovedDate) -> None:
        if (row.due_on, row.pay_by_on) != (moved.due_on, moved.pay_by_on):
            self.held.laid_due.setdefault(row.number, row.due_on)
            self._put(replace(row, due_on=moved.due_on, pay_by_on=moved.pay_by_on))

    def _hold(self, fact: Fact) -> None:
        """Let a hold begin or end: what rows bear from its day on is held back, or not."""
        assert fact.hold is not None
        self.held.holds[fact.ref] = fact.hold
        if fact.hold.stops_interest:
            before = self.rows
            self.rows = self.held.held_back(self.rows, fact.on)
            for place, (old, row) in enumerate(zip(before, self.rows, strict=True)):
                if row is not old:
                    grown, ref = row.interest - old.interest, f"{fact.kind}:{fact.ref}"
                    held = self.held.behind(self.rows, place)
                    self.relaid.append(
                        Relaid(ref, fact.on, row.number, grown, 0, None, row.interest, held)
                    )

    def _forgive(self, fact: Fact) -> None:
        """Let an instalment owe so much less of a component, as far as that is unpaid."""
        row = next((row for row in self.rows if row.number == fact.instalment), None)
        if row is None:
            return
        amount = min(fact.amount, self.forgivable(row, fact.owed, fact.on))
        taken = replace(fact, amount=amount)
        self.forgiven.append(taken)
        if fact.owed == Owed.PENALTY:
            row = replace(row, penalty_waived=row.penalty_waived + amount)
        elif fact.owed == Owed.FEE:
            # As a charge below zero it stays where the rest is laid anew.
            self.charges.append(replace(taken, amount=-amount))
            row = replace(row, fees=row.fees - amount)
        else:
            row = self._forgive_interest(row, taken)
        self._put(replace(row, paid_on=fact.on) if not row.left and not row.paid_on else row)

    def _forgive_interest(self, row: Instalment, fact: Fact) -> Instalment:
        self.held.bare.setdefault(row.number, row.interest)
        self.held.forgiven[row.number] = self.held.forgiven.get(row.number, 0) + fact.amount
        row = replace(row, interest=row.interest - fact.amount)
        self.relaid.append(
            Relaid(fact.ref, fact.on, row.number, -fact.amount, 0, None, row.interest)
        )
        return row

    def forgivable(self, row: Instalment, owed: str | None, on: date) -> int:
        """What of a component of *row* is unpaid on a day; of penalty, what accrued by then."""
        if owed == Owed.PENALTY:
            return self.penalty_due(row, on)
        if owed == Owed.FEE:
            return row.fees - row.fees_paid
        return row.interest - row.interest_paid

    def penalty_by(self) -> PenaltyBy:
        """What penalty goes by, as the facts taken so far have it."""
        if self.kept_penalty is not None:
            return self.kept_penalty
        free = [*self.laid.penalty_free, *penalty_free(self.held.holds)]
        return PenaltyBy(self.laid.rates, free, self.laid.penalty_stopped)

    def _draw(self, fact: Fact) -> None:
        """Lay what was paid out over the instalments to come."""
        self._lay_anew(fact, Change(), moved=fact.amount)

    def _waits(self, fact: Fact) -> bool:
        """Whether *fact* is on an instalment that comes with what is laid anew after it.

        That is later that day; or later at all, where a charge was made on instalments that a
        change had brought, and counts earlier than the change does.
        """
        if (
            fact.kind not in (FactKind.FEE, FactKind.MOVE)
            or fact.instalment <= self.rows[-1].number
        ):
            return False
        if fact.kind == FactKind.MOVE or fact.due_on is None:
            return True
        return any(known < fact.order for known in self.changes.values())

    def charge_waiting(self) -> None:
        """Charge on the last instalment what was charged on one that did not come."""
        waiting, self.waiting = self.waiting, []
        for fact in waiting:
            if fact.kind == FactKind.FEE:
                self.take(replace(fact, instalment=self.rows[-1].number))

    def place_of(self, number: int) -> int:
        """The place among the rows of the instalment of a number.

        Raises:
            InstalmentNotOpen: something names an instalment that is none, by all that counts now.
        """
        place = number - self.rows[0].number
        if place >= len(self.rows) or self.rows[place].number != number:
            # Charges after the last instalment and an extension may leave a gap.
            found = (n for n, row in enumerate(self.rows) if row.number == number)
            place = next(found, -1)
            if place < 0:
                raise InstalmentNotOpen(
                    f"With this, the loan has no instalment {number} any more, which something"
                    " recorded of it names: take that back first (see history)."
                )
        return place

    def _put(self, row: Instalment) -> None:
        self.rows[self.place_of(row.number)] = row

    def _charge(self, fact: Fact) -> None:
        self.charges.append(fact)
        if all(row.number != fact.instalment for row in reversed(self.rows)):
            assert fact.due_on is not None
            self.rows.append(Instalment(fact.instalment, fact.due_on, fact.due_on, 0, 0, 0))
            self.rows.sort(key=lambda row: row.number)
        row = self.rows[self.place_of(fact.instalment)]
        if fact.owed == Owed.PENALTY:
            row = replace(row, penalty_charged=(row.penalty_charged or 0) + fact.amount)
        else:
            row = replace(row, fees=row.fees + fact.amount)
        self._put(replace(row, paid_on=None) if row.left else row)

    def rows_on(self, on: date) -> list[Instalment]:  # noqa: ARG002 - others differ by day
        """The instalments as they stand on *on*, by the facts taken so far."""
        return self.rows

    def came_before(self, fact: Fact) -> bool:
        """Whether *fact* counts before the payout, when nothing was lent."""
        return (fact.on, fact.order) < (self.accrues_from, self.payout_order)

    def _set_aside(self, fact: Fact) -> None:
        """Let money be credit that came in on a payout which came back."""
        self.unapplied += fact.amount
        self.parts[fact.ref], self.paid_on[fact.ref] = [], fact.on
        self.splits[fact.ref] = Split(unapplied=fact.amount)

    def _take_payment(self, fact: Fact) -> None:
        if self.came_before(fact):
            self._set_aside(fact)
            return
        # Credit is used up first; what was refunded too much is made good first.
        money = max(fact.amount + self.unapplied, 0)
        self.paid_off = self.paid_off or fact.kind == FactKind.PAYOFF
        parts: list[Part] = []
        called = fact.kind == FactKind.PAYOFF and money >= self._closing(fact)
        if called:
            self._call_due(fact)
            parts = self._given_back(fact.on)
            money -= split_of(parts, 0).total
        taken = self._split(money, fact, called=called)
        if fact.pays and not called and charged_at(self.terms, FeeTiming.ON_PREPAYMENT):
            self._charge_prepaying(taken, money, fact)
        for number, took in sorted(taken.items()):
            after, part = pay(self.rows[self.place_of(number)], took, fact.on)
            self._put(after)
            parts.append(part)
        unapplied = fact.amount - split_of(parts, 0).total
        self.unapplied += unapplied
        if not parts and not fact.pays:
            return  # credit that found nothing to pay
        self.parts[fact.ref] = parts
        self.splits[fact.ref] = split_of(parts, unapplied)
        self.paid_on[fact.ref] = fact.on
        self._note(fact.on, parts)

    def _closing(self, fact: Fact) -> int:
        """What closes the loan with a payment, before credit; less if its charge is forgiven."""
        if not fact.forgiven:
            return self.payoff(fact.on)
        return self.payoff(fact.on) - min(fact.forgiven, self._for_paying_off(fact.on))

    def _less_forgiven(self, fact: Fact, fee: int) -> int:
        if not fact.forgiven or not fee:
            return fee
        self.forgiven_early[fact.ref] = min(fact.forgiven, fee)
        return fee - self.forgiven_early[fact.ref]

    def _call_due(self, fact: Fact) -> None:
        fee, before = self._for_paying_off(fact.on), self.rows
        if fee < for_prepaying(self.terms, self._not_due(fact.on)):
            self.cut.add(fact.ref)
        fee = self._less_forgiven(fact, fee)
        self.rows = self._called(fact.on, fee)
        if fee or fact.ref in self.forgiven_early:
            running = next(row for row in before if row.due_on > fact.on and row.left)
            self.prepaying[fact.ref] = (running.number, fee)

    def _given_back(self, on: date) -> list[Part]:
        """What was paid of fees that are not owed any more, taken back for other things."""
        parts = []
        for row in self.rows:
            if row.fees_paid > row.fees:
                took = {**dict.fromkeys(Owed, 0), Owed.FEE: row.fees - row.fees_paid}
                after, part = pay(row, took, on)
                self._put(after)
                parts.append(part)
        return parts

    def _charge_prepaying(self, taken: Taken, money: int, fact: Fact) -> None:
        """Charge for principal that *taken* pays beyond the next instalment.

        It is owed with the next instalment; money that is left pays it at once.
        """
        later = [row for row in self.rows if row.due_on > fact.on]
        # What lays the rest anew is no payment of the next instalment.
        beyond = later if self._future(fact) in PREPAYMENTS else later[1:]
        principal = sum(taken[row.number][Owed.PRINCIPAL] for row in beyond if row.number in taken)
        fee = self._for_prepaying(fact.on, principal)
        if fee < for_prepaying(self.terms, principal):
            self.cut.add(fact.ref)
        fee = self._less_forgiven(fact, fee)
        if fee or (fact.forgiven and fact.ref in self.forgiven_early):
            self.prepaying[fact.ref] = (later[0].number, fee)
        if not fee:
            return
        row = later[0]
        self._put(replace(row, fees=row.fees + fee, paid_on=None))
        rest = money - sum(sum(took.values()) for took in taken.values())
        if rest:
            taken.setdefault(row.number, dict.fromkeys(Owed, 0))[Owed.FEE] += min(rest, fee)

    def _future(self, fact: Fact) -> str:
        """Where a payment goes beyond what is due."""
        return fact.future_money or self.terms.prepayment or self.terms.future_money

    def _split(self, money: int, fact: Fact, *, called: bool) -> Taken:
        """*money* over what is due on the day of *fact*, then over what is in advance."""
        taken: Taken = {}
        if money == 0:
            return taken
        terms, found = self.terms, self._claims(fact, taken)
        if (buckets := self.buckets_of(fact)) is not None:
            self._fill_buckets(money, buckets, found, called=called)
            return taken
        own, scope = self._own_order(fact), terms.allocation_scope or AllocationScope.INSTALMENT
        claims = (found.due(row) for row in self._rows_due(fact.on))
        money = fill(money, claims, own or self._order_on(fact.on), scope, taken)
        if money:
            order = own or terms.advance_order or terms.allocation_order
            self._fill_ahead(money, found, order, scope, called=called)
        return taken

    def _fill_ahead(
        self, money: int, found: Claims, order: list[str], scope: str, *, called: bool
    ) -> int:
        """What is left of *money* after what is in advance took it, by the payment's own rule."""
        fact, taken = found.fact, found.taken
        later = self._ahead(fact)
        if not later:
            return money
        if self._lays_anew(fact, called=called):
            keeps = self._future(fact) == Prepayment.SHORTER_TERM
            return money - self._prepay(money, fact, taken, keeps_instalment=keeps)
        if self._future(fact) == FutureMoney.REAMORTISED:
            return spread(money, found.together(later, order), order, taken)
        return fill(money, map(found.in_advance, later), order, scope, taken)

    def _lays_anew(self, fact: Fact, *, called: bool) -> bool:
        """Whether what *fact* pays in advance is principal, with the rest laid anew."""
        return self._future(fact) in PREPAYMENTS and not called

    def _ahead(self, fact: Fact) -> list[Instalment]:
        """The rows that *fact* may pay in advance, in their order; credit waits for its day.

        Within a limit it does not: what is drawn while there is credit is paid with it.
        """
        if fact.kind == FactKind.CREDIT and not has_limit(self.laid.terms):
            return []
        later = [row for row in self.rows if row.due_on > fact.on]
        return later[::-1] if self._future(fact) == FutureMoney.LAST_INSTALMENT else later

    def _claims(self, fact: Fact, taken: Taken) -> Claims:
        """What the payment *fact* finds on each row after what it has *taken*."""
        return Claims(self, fact, taken)

    def _own_order(self, fact: Fact) -> list[str] | None:
        """The order for money from the source of *fact*, where the terms name one."""
        orders = self.terms.source_orders or ()
        return next((each.order for each in orders if each.source == fact.source), None)

    def buckets_of(self, fact: Fact) -> list[str] | None:
        """The twelve buckets in the order for *fact*; None where four components say it.

        Money from a source goes by the order of that source, whichever it is.
        """
        order = self._own_order(fact) or self.terms.bucket_order
        return order if order is not None and len(order) == len(BUCKETS) else None

    def _fill_buckets(self, money: int, buckets: list[str], found: Claims, *, called: bool) -> None:
        """*money* over the twelve *buckets* in their order, in advance by the payment's own rule.

        Each is filled over all instalments; or, where an instalment is finished before the
        next one, those of one ripeness that follow each other are. A loan so late that another
        order counts pays what is due by that, first. What lays the rest anew is principal, so
        the other buckets in advance take nothing of it.
        """
        terms, fact, taken = self.terms, found.fact, found.taken
        by_row = AllocationScope.INSTALMENT
        if self._own_order(fact) is None and (late := self._late_order(fact.on)):
            claims = (found.due(row) for row in self._rows_due(fact.on))
            money = fill(money, claims, late, terms.allocation_scope or by_row, taken)
            buckets = [each for each in buckets if each.startswith(Ripeness.IN_ADVANCE)]
        anew = self._lays_anew(fact, called=called)
        for ripe, kinds in in_turn(buckets, together=terms.allocation_scope == by_row):
            if money == 0:
                return
            if ripe != Ripeness.IN_ADVANCE:
                claims = (found.due(row) for row in self._rows_of(ripe, fact.on))
                money = fill(money, claims, kinds, by_row, taken)
            elif not anew or Owed.PRINCIPAL in kinds:
                money = self._fill_ahead(money, found, kinds, by_row, called=called)
                found = self._claims(fact, taken) if anew else found

    def _rows_of(self, ripe: Ripeness, on: date) -> list[Instalment]:
        """The rows of which something may be past due on *on*, or due and no more than that."""
        past = ripe == Ripeness.PAST_DUE
        return [row for row in self._rows_due(on) if (row.pay_by_on < on) == past]

    def _prepay(self, money: int, fact: Fact, taken: Taken, *, keeps_instalment: bool) -> int:
        """How much of *money* became principal of the next open row, with the rest laid anew."""
        on = fact.on
        still = [row for row in self.rows if row.due_on > on and row.paid_on is None]
        prepaid = min(money, sum(row.principal_left for row in still))
        if not prepaid:
            return 0
        self._lay_anew(fact, Change(keeps_instalment=keeps_instalment), moved=-prepaid, taken=taken)
        number = still[0].number
        self._paid_ahead(number, prepaid)
        took = taken.setdefault(number, dict.fromkeys(Owed, 0))
        took[Owed.PRINCIPAL] += prepaid
        return prepaid

    def _paid_ahead(self, number: int, prepaid: int) -> None:
        """Let an instalment be of so much more principal, which is paid at once."""
        row = self.rows[self.place_of(number)]
        self._put(replace(row, principal=row.principal + prepaid, paid_on=None))
        self.laid.ahead[number] += prepaid

    def _lay_anew(
        self,
        fact: Fact,
        change: Change,
        *,
        moved: int = 0,
        taken: Taken | None = None,  # noqa: ARG002
    ) -> None:
        """Lay the rest anew by *change*, in a payment after it has *taken* some money."""
        before = {row.number: row for row in self.rows}
        on = fact.on
        self.held.note(self.rows, on)
        rows = self.laid.anew(
            self.held.bared(self.rows, on),
            on,
            change,
            moved=moved,
            penalty=lambda row: self.penalty_accrued(row, on),
            charged=self._fees_charged,
        )
        self.rows = self.held.held_back(rows, on + ONE_DAY)
        for place, row in enumerate(self.rows):
            old = before.get(row.number)
            if row is not old:
                interest = row.interest - (old.interest if old else 0)
                fees = row.fees - (old.fees if old else 0)
                base, held = self.laid.bases.get(row.number), self.held.behind(self.rows, place)
                self.relaid.append(
                    Relaid(fact.ref, on, row.number, interest, fees, base, row.interest, held)
                )
        grown = sum(row.principal for row in self.rows) - sum(r.principal for r in before.values())
        if grown != moved:
            self.capitalised.append((fact.ref, on, grown - moved))
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            self.take(each)

    def _fees_charged(self, number: int) -> int:
        """The fees that events brought to an instalment."""
        return sum(
            charge.amount
            for charge in self.charges
            if charge.instalment == number and charge.owed != Owed.PENALTY
        ) + sum(fee for on, fee in self.prepaying.values() if on == number)

    def _order_on(self, on: date) -> list[str]:
        """In what order what is due is paid on *on*: another one where the loan is late."""
        return self._late_order(on) or self.terms.allocation_order

    def _late_order(self, on: date) -> list[str] | None:
        """The order for a loan as late as this one is on *on*; None where it is not."""
        terms = self.terms
        if terms.late_order is None or terms.late_order_days is None:
            return None
        late = days_past_due(self.oldest_unpaid_on(), on)
        return terms.late_order if late >= terms.late_order_days else None

    def _rows_due(self, on: date) -> list[Instalment]:
        """The rows of which something may be due on *on*."""
        if self.terms.charges_due != ChargesDue.OWN_DAY:
            return [row for row in self.rows if row.due_on <= on]
        early = {charge.instalment for charge in self.charges if charge.is_due(on)}
        return [row for row in self.rows if row.due_on <= on or row.number in early]

    def due(self, row: Instalment, on: date) -> Claim:
        """What of *row* is due on *on*: all of it, or before its day the charges due."""
        if row.due_on <= on:
            left = self._left(row, self.penalty_due(row, on))
        else:
            left = UNTAKEN.copy()
            if self.terms.charges_due == ChargesDue.OWN_DAY:
                left |= self._charges_due(row, on)
        return Claim(row.number, left)

    def in_advance(self, row: Instalment, on: date) -> Claim:
        """What of *row*, not due on *on*, can be paid before its day."""
        due, left = self.due(row, on).left, self._left(row, 0)
        return Claim(row.number, {kind: amount - due[kind] for kind, amount in left.items()})

    def _left(self, row: Instalment, accrued: int) -> dict[Owed, int]:
        return {
            Owed.FEE: row.fees - row.fees_paid,
            Owed.INTEREST: row.interest - row.interest_paid,
            Owed.PENALTY: row.penalty_left + accrued,
            Owed.PRINCIPAL: row.principal_left,
        }

    def _charges_due(self, row: Instalment, on: date) -> dict[Owed, int]:
        """What of the charges on *row* is due on *on*; those due first are paid first."""
        due = Counter[Owed]()
        for charge in self.charges:
            if charge.instalment == row.number and charge.is_due(on):
                due[Owed(charge.owed or Owed.FEE)] += charge.amount
        return {
            Owed.FEE: max(due[Owed.FEE] - row.fees_paid, 0),
            Owed.PENALTY: max(due[Owed.PENALTY] - row.penalty_paid, 0),
        }

    def _note(self, on: date, parts: list[Part]) -> None:
        """Keep what was paid on a day in what was reckoned of it before."""
        if "bearing_paid" in vars(self):
            self._bore(self.bearing_paid, on, parts)

    def _bore(self, found: dict[int, list[tuple[date, int]]], on: date, parts: list[Part]) -> None:
        for part in parts:
            amount = part.principal
            if self.terms.penalty_on_interest:
                amount += part.interest
            if amount:
                found.setdefault(part.instalment, []).append((on, amount))

    def penalty_due(self, row: Instalment, on: date) -> int:
        """Penalty accrued on *row* to *on* and neither paid nor waived."""
        in_time = row.paid_on is not None and row.paid_on <= row.pay_by_on
        if in_time or row.pay_by_on >= on or not self.terms.bears_penalty:
            return 0
        penalty_paid = max(row.penalty_paid - (row.penalty_charged or 0), 0)
        return max(self.penalty_accrued(row, on) - penalty_paid - row.penalty_waived, 0)

    def penalty_accrued(self, row: Instalment, on: date) -> int:
        """Penalty accrued on *row* to *on*; it stops when what is overdue is laid anew."""
        goes_by = self.penalty_by()
        if row.number in goes_by.stopped:
            return goes_by.stopped[row.number]
        paid = self.bearing_paid.get(row.number, [])
        return accrual.penalty(
            row,
            paid,
            self.terms,
            on,
            free=goes_by.free,
            rates=goes_by.rates,
            charges=self.charges_rate if self.terms.rate_caps else accrual.NONE,
        )

    @cached_property
    def charges_rate(self) -> Decimal:
        """What the charges of the contract come to in a year, as it began."""
        return charges_rate(self.terms, self.accrues_from, self.opening)

    def _called_due(self, on: date) -> list[Instalment]:
        """The rows when all that is left is called due on *on*.

        The period running takes all principal, and the interest accrued to the day;
        later interest and fees per instalment fall away. What was charged stays, and
        what of a fee at disbursement is not earned falls away. Where the contract names
        it, a fee for paying early is charged; other interest may be owed as it says.

        Source: Civil Code of the PRC, art. 677.
        """
        return self._called(on, self._for_paying_off(on))

    def _called(self, on: date, fee: int) -> list[Instalment]:
        """The rows when all that is left is called due on *on*, at a *fee* for paying early."""
        later = [row for row in self.rows if row.due_on > on and row.left]
        if not later:
            return self.rows
        running = later[0]
        index = self.place_of(running.number)
        principal = sum(row.principal_left for row in later)
        interest = self._interest_at_payoff(later, index, on)
        rows = list(self.rows)
        if rows[0].number == 0 and (back := self._unearned(on)):
            rows[0] = replace(rows[0], fees=rows[0].fees - back)
        for row in later[1:]:
            called = replace(
                row,
                principal=row.principal_paid,
                interest=row.interest_paid,
                fees=max(row.fees_paid, self._fees_charged(row.number)),
            )
            rows[self.place_of(row.number)] = replace(called, paid_on=None if called.left else on)
        rows[index] = replace(
            running,
            principal=running.principal_paid + principal,
            interest=max(running.interest_paid, interest),
            fees=running.fees + fee,
        )
        return rows

    def _accrued(self, index: int, principal: int, on: date) -> int:
        """Interest to *on* of the row at *index*, which runs on that day."""
        start = self.rows[index - 1].due_on if index else self.accrues_from
        laid, within = self.laid, self.terms.day_count in IN_ROWS
        if (
            len(laid.rates) == 1
            and not (laid.pauses or laid.running or within)
            and not self.held.days
        ):
            return accrual.interest(principal, self.terms, start, on)
        accrued = self.laid.accrued(self.rows, index, principal, on)
        accrued -= self.held.until(self.rows, index, principal, on)
        return max(rounded(accrued, self.terms.rounding), 0)

    def _interest_at_payoff(self, later: list[Instalment], index: int, on: date) -> int:
        """The interest of the running period when all that is due *later* is called."""
        running, terms = later[0], self.terms
        if terms.settling == Settling.TO_NEXT_DUE:
            return running.interest
        if (figure := self.by_statute(on)) is not None:
            owed = sum(row.principal for row in later) + self._fees_scheduled(running)
            most = sum(row.interest for row in later)
            beyond = sum(row.interest_paid for row in later[1:])
            return max(min(figure - owed, most) - beyond, 0)
        principal = sum(row.principal_left for row in later)
        accrued = self._accrued(index, principal, on) - self.held.forgiven.get(running.number, 0)
        return min(max(accrued, 0), running.interest)

    def by_statute(self, on: date) -> int | None:
        """What the statute that the terms name settles the loan with; None without one."""
        terms = self.terms
        if terms.settling != Settling.STATUTORY_UK or terms.frequency != Frequency.MONTH:
            return None
        scheduled = [replace(row, fees=self._fees_scheduled(row)) for row in self.rows]
        return settled_by_statute(self.accrues_from, scheduled, on)

    def _fees_scheduled(self, row: Instalment) -> int:
        """The fees of *row* but for those charged on events."""
        return row.fees - self._fees_charged(row.number)

    def _for_paying_off(self, on: date) -> int:
        """What paying off on *on* costs, by all principal that is not due."""
        return self._for_prepaying(on, self._not_due(on))

    def _not_due(self, on: date) -> int:
        return sum(row.principal_left for row in self.rows if row.due_on > on)

    def _for_prepaying(self, on: date, principal: int) -> int:
        """What *principal* that is paid early on *on* costs, as far as the cap has room."""
        fee = for_prepaying(self.terms, principal)
        fits = room_so_far(self, on) if fee and self.terms.rate_caps else None
        return fee if fits is None else min(fee, fits)

    def charged_until(self, on: date) -> int:
        """Interest and fees since it began, were all that is left paid off on *on* for nothing."""
        return self._charged(self._called(on, 0))

    def _charged(self, rows: Sequence[Instalment]) -> int:
        return sum(row.interest + row.fees for row in rows if row.due_on >= self.accrues_from)

    def _unearned(self, on: date) -> int:
        return unearned(self.terms, self.accrues_from, on, self.ends_on)

    @property
    def ends_on(self) -> date:
        """The last day on which principal falls due."""
        return max(row.due_on for row in self.rows if row.principal)

    def payoff(self, on: date) -> int:
        """What closes the loan on *on*, before credit; minor units."""
        owed = self.settling(on)
        return owed.principal + owed.interest + owed.fees + owed.penalty

    def settling(self, on: date) -> Balance:
        """What is owed when all is called due on *on*; fees less those given back."""
        parts = self.closing(on)
        return Balance(
            principal=sum(each.principal for each in parts),
            interest=sum(each.interest for each in parts),
            fees=sum(each.fees + each.early for each in parts),
            penalty=sum(each.penalty for each in parts),
            unapplied=self.unapplied,
        )

    def closing(self, on: date) -> list[Closing]:
        """What closes the loan on *on*, by instalment, before credit."""
        early = self._paying_early(on)
        return [
            Closing(
                row.number,
                row.due_on,
                row.principal_left,
                row.interest - row.interest_paid,
                row.fees - row.fees_paid - early.get(row.number, 0),
                row.penalty_left + self.penalty_due(row, on),
                early.get(row.number, 0),
            )
            for row in self._called_due(on)
        ]

    def _paying_early(self, on: date) -> dict[int, int]:
        """What paying off on *on* costs, by the instalment that it is owed with."""
        running = next((row for row in self.rows_on(on) if row.due_on > on and row.left), None)
        return {} if running is None else {running.number: self._for_paying_off(on)}

    def claim(self, on: date) -> Balance:
        """What is owed when the contract ends on *on* against the borrower's will.

        Interest that is not accrued is not owed, nor what it would cost to pay early.
        """
        owed = self.settling(on)
        return replace(owed, fees=owed.fees - self._for_paying_off(on))

    def balance(self, on: date) -> Balance:
        """What is owed as of *on*."""
        rows = self.rows_on(on)
        return Balance(
            principal=self.principal_owed(on),
            interest=sum(row.interest - row.interest_paid for row in rows),
            fees=sum(row.fees - row.fees_paid for row in rows),
            penalty=sum(self.penalty_due(row, on) for row in rows if row.pay_by_on < on)
            + sum(row.penalty_left for row in rows if row.penalty_charged),
            unapplied=self.unapplied,
        )

    def principal_owed(self, on: date) -> int:  # noqa: ARG002 - others differ by day
        """The principal that was paid out and is not paid back on *on*."""
        return sum(row.principal_left for row in self.rows)

    def is_paid(self, on: date) -> bool:
        """Whether nothing is owed on *on*, nor any credit that was refunded too much."""
        return self.unapplied >= 0 and all(
            row.left == 0 and self.penalty_due(row, on) == 0 for row in self.rows_on(on)
        )

    def is_over(self, on: date) -> bool:
        """Whether the loan has ended: nothing is owed, and nothing can be drawn any more."""
        return self.is_paid(on)

    def last_paid_on(self) -> date | None:
        """The day of the last payment that paid something owed."""
        return max((self.paid_on[ref] for ref, parts in self.parts.items() if parts), default=None)

    def oldest_unpaid_on(self) -> date | None:
        """The pay-by date lateness counts from; None when all is paid."""
        return min((row.pay_by_on for row in self.rows if row.left), default=None)

    def asks(self, on: date) -> bool:
        """Whether something is to be paid by the end of *on* that credit can pay.

        What is due then; within a limit, all that was drawn.
        """
        if has_limit(self.laid.terms) and self.principal_owed(on) > 0:
            return True
        self.rows = self.rows_on(on)
        return any(sum(self.due(row, on).left.values()) for row in self._rows_due(on))

    def overdue(self, on: date) -> int:
        """What should have been paid before *on*, accrued penalty apart; minor units."""
        return sum(row.left for row in self.rows_on(on) if row.pay_by_on < on)


def run(
    terms: Terms,
    accrues_from: date,
    opening: list[Instalment],
    facts: list[Fact],
    *,
    unapplied: int = 0,
    kind: type[Ledger] = Ledger,
    payout_order: int = 0,
) -> Ledger:
    """The ledger of a *kind* after all *facts*, in the order they count."""
    ledger = kind(terms, accrues_from, list(opening), unapplied, payout_order=payout_order)
    ledger.expect(facts)
    for fact in sorted(standing(facts), key=lambda fact: counts_from(fact, terms)):
        ledger.take(fact)
    ledger.charge_waiting()
    return ledger
