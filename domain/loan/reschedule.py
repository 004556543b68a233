"""Laying what is left of a loan anew: by agreement, by its rate plan, or as money comes early."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from domain.base.money import rounded
from domain.base.repayment import AgreedRow, InterestOn, Method, Repayment
from domain.base.terms import Terms
from domain.loan import amortisation
from domain.loan.amortisation import Known, Row, set_levels
from domain.loan.layout import PlanImpossible, reckoning
from domain.loan.periods import (
    ONE_DAY,
    Pause,
    Period,
    RateFrom,
    Span,
    borne,
    is_free,
    periods,
    rate_after,
)
from domain.loan.plan import DIGITS, Plan
from domain.loan.schedule import OWED_MOST, Instalment, fees_of, steps_ahead
from domain.loan.timetable import days_after, has_limit, level_share, plan_of, share


class RescheduleKind(StrEnum):
    """Why what is left of a loan is laid anew."""

    RATE_CHANGE = "RATE_CHANGE"
    REPRICING = "REPRICING"
    """An index moved, on a repricing date."""
    STEP_DOWN = "STEP_DOWN"
    RENEWAL = "RENEWAL"
    LATE_RENEWAL = "LATE_RENEWAL"
    """A renewal of a loan that turned out to have been past due that day."""
    CONVERSION = "CONVERSION"
    """Into equal instalments, at the borrower's wish."""
    EXTENSION = "EXTENSION"
    DEFERRAL = "DEFERRAL"
    CAPITALISATION = "CAPITALISATION"
    REAGEING = "REAGEING"
    REAMORTISATION = "REAMORTISATION"
    INTEREST_PAUSE = "INTEREST_PAUSE"
    MORATORIUM = "MORATORIUM"
    """No interest, and no penalty either."""


@dataclass(frozen=True)
class MovedDate:
    """An instalment with its new dates."""

    instalment: int
    due_on: date
    pay_by_on: date


@dataclass(frozen=True)
class RolledDay:
    """A due date and the later day until which it can be paid."""

    due_on: date
    pay_by_on: date


@dataclass(frozen=True)
class Change:
    """What becomes of the instalments due after the day it counts from; unsaid things stay.

    *annual_rate* counts from the day after; *rows* are new days of instalments, and those of
    new ones; those after *last* fall away. *keeps_instalment* pays as much each time as
    before, so that the last ones fall away. *gathers_principal* lays overdue principal among them,
    *gathers_interest* makes unpaid interest principal. The first *grace_principal* of them
    repay none, the interest of the first *grace_interest* is collected after them. The days
    *free_from* to *free_until*, both counted, bear no interest, and no penalty with
    *penalty_free*. With *lowers_only* a rate that is lower by then stays. The rest is repaid
    by *method* from then on.

    What is said as a number of instalments finds its place whenever the loan is run:
    so many *more* at the end (months where there is one instalment), or as many as fall due
    in the free days, which repay nothing, where it *skips* those, or so many in all (*count*),
    or its *own*, each with its day and its share of the principal. Then *rows*, *last* and
    grace are what it came to when it was granted. *rolled* are days it may come to that can be
    paid later.
    """

    annual_rate: Decimal | None = None
    rows: list[MovedDate] | None = None
    last: int | None = None
    keeps_instalment: bool = False
    gathers_principal: bool = False
    gathers_interest: bool = False
    grace_principal: int = 0
    grace_interest: int = 0
    free_from: date | None = None
    free_until: date | None = None
    penalty_free: bool = False
    lowers_only: bool = False
    method: str | None = None
    more: int | None = None
    skips: bool | None = None
    count: int | None = None
    own: list[AgreedRow] | None = None
    rolled: list[RolledDay] | None = None

    @property
    def finds_its_place(self) -> bool:
        """Whether what it makes of the instalments follows from those it finds."""
        return bool(self.more or self.skips or self.count or self.own)

    @property
    def pause(self) -> Pause | None:
        """The days without interest."""
        if self.free_from is None or self.free_until is None:
            return None
        return Pause(self.free_from, self.free_until)


class Running(NamedTuple):
    """Unrounded interest of the row that a change fell into, up to the day of the change."""

    on: date
    interest: Decimal


class Agreed(NamedTuple):
    """What an instalment is that was laid anew: so much each time, but for grace."""

    instalment: int
    graced: bool
    """It repays no principal."""
    waits: bool
    """Its interest is collected later."""


class Base(NamedTuple):
    """What the interest of a row that was laid anew is made of: balance x factor + extra.

    The factor is that of the days of *row* at the *rates*, but for *pauses*; *running* is the
    day until which another balance bore interest, which *extra* sets right.
    """

    balance: int
    factor: Decimal
    extra: Decimal
    row: Span
    rates: Sequence[RateFrom]
    pauses: Sequence[Pause]
    running: date | None = None

    def stretches(self) -> list[tuple[Decimal, date, date]]:
        """The days of the row that bear interest, each stretch at its rate."""
        edges = {rate.on - ONE_DAY for rate in self.rates[1:]}
        for pause in self.pauses:
            edges |= {pause.first - ONE_DAY, pause.last}
        inner = sorted(day for day in edges if self.row.start < day < self.row.end)
        return [
            (rate_after(self.rates, start), start, end)
            for start, end in pairwise([self.row.start, *inner, self.row.end])
            if not is_free(self.pauses, start)
        ]


@dataclass
class Laid:
    """How the instalments of a loan are laid, and what it takes to lay the rest anew.

    *rates*, *pauses* and *penalty_free* are all that are known so far. *ahead* is the
    principal of an instalment that was paid when it was laid anew, which bears no interest;
    *penalty_stopped* the penalty of one when what was overdue of it was gathered. *bases* say
    how the interest of rows that were laid anew came about, for those who ask. *graced* are
    the last instalments without principal and with interest deferred, by number,
    *graced_from* the first; *first_due_on* is the first day of the loan's rhythm, of a bullet its
    only one, and *pay_day* the day of the month that it was moved to. *agreed* says
    what the instalments are that were laid anew last. With *lasts* they stay although nothing
    is owed, since more can be drawn. *pay_by* are days on which something falls due or may,
    with the day until which it can be paid; *emptied* are instalments that fell away since
    fewer are needed, *spare* those of them that were granted and not needed yet.
    """

    terms: Terms
    begins_on: date
    rates: list[RateFrom]
    graced: tuple[int, int]
    graced_from: int
    first_due_on: date
    pauses: list[Pause] = field(default_factory=list)
    penalty_free: list[Pause] = field(default_factory=list)
    running: Running | None = None
    ahead: dict[int, int] = field(default_factory=dict)
    bases: dict[int, Base] = field(default_factory=dict)
    penalty_stopped: dict[int, int] = field(default_factory=dict)
    agreed: dict[int, Agreed] = field(default_factory=dict)
    lasts: bool = False
    pay_by: dict[date, date] = field(default_factory=dict)
    emptied: set[int] = field(default_factory=set)
    spare: set[int] = field(default_factory=set)
    pay_day: int | None = None

    def fell_away(self, row: Instalment) -> bool:
        """Whether *row* is not needed, and stands empty but for what was charged on it.

        By the balance of each day something can come to be due on it again.
        """
        owed = row.principal_left or row.interest > row.interest_paid
        return row.number in self.emptied and not owed

    def open_after(self, rows: list[Instalment], on: date) -> list[Instalment]:
        """Those of *rows* due after *on* that the rest is laid over; a limit's are never closed."""
        return [
            row
            for row in rows
            if row.due_on > on
            and (row.paid_on is None or has_limit(self.terms))
            and not self.fell_away(row)
        ]

    def rate_after(self, on: date) -> Decimal:
        """The annual rate of the days after *on*."""
        return [rate for rate in self.rates if rate.on - ONE_DAY <= on or rate is self.rates[0]][
            -1
        ].annual_rate

    def accrued(self, rows: list[Instalment], place: int, principal: int, on: date) -> Decimal:
        """Unrounded interest of the row at *place*, which *on* falls into, up to that day.

        From the last change on, or from the row's start, *principal* bears it.
        """
        span = self._span(rows, place)
        since, interest = span.start, Decimal(0)
        if self.running is not None and span.start < self.running.on <= on:
            since, interest = self.running
        part = share(self.terms, self.begins_on)
        with localcontext(prec=DIGITS):
            return interest + principal * borne(part, span, (since, on), self.rates, self.pauses)

    def _span(self, rows: list[Instalment], place: int) -> Span:
        return Span(rows[place - 1].due_on if place else self.begins_on, rows[place].due_on)

    def anew(
        self,
        rows: list[Instalment],
        on: date,
        change: Change,
        *,
        moved: int,
        penalty: Callable[[Instalment], int],
        charged: Callable[[int], int],
    ) -> list[Instalment]:
        """*rows* with those due after *on* laid anew; what was paid in advance stays there.

        *moved* is principal that comes to them (drawn) or leaves them (prepaid), *penalty*
        what accrued on a row so far, *charged* the fees that events brought to an instalment.

        Raises:
            PlanImpossible: interest is flat, or a custom schedule gets rows that no one agreed on.
        """
        known = {row.number for row in rows}
        bearing = sum(
            row.principal - self.ahead.get(row.number, 0) for row in rows if row.due_on > on
        )
        self.note(on, change)
        if moved > 0 or self.lasts:
            rows = _reopened(rows, on, moved, self.spare)
            self.emptied -= {row.number for row in rows if row.due_on > on} - self.spare
        opening = sum(r.principal_left for r in rows if r.due_on > on and r.paid_on is None) + moved
        fell_away = {row.number: row for row in rows if self.fell_away(row)}
        rows, still = self._dated(rows, on, change, charged)
        if not still:
            return rows  # what is overdue stays so: no instalment is left that takes it
        rows, gathered = self._gathered(rows, on, change, penalty)
        opening += gathered
        first = rows.index(still[0])
        start = rows[first - 1].due_on if first else self.begins_on
        running = None
        if still[0].number not in known:
            start = max(start, on)
        elif start < on:
            running = Running(on, self.accrued(rows, first, bearing, on))
        if not (opening or moved or self.lasts) and (running is None or not running.interest):
            # Nothing is left to be laid, so that new rows bring no fees of their own.
            self.emptied |= {row.number for row in rows if row.number not in known}
            known -= fell_away.keys()
            return [
                row
                if row.number in known
                else fell_away.get(row.number) or _dropped(row, on, charged)
                for row in rows
            ]
        before = still[0].number - 1
        deferred = self._deferred(rows, before)
        asked = (change.grace_principal, change.grace_interest)
        grace_principal, grace_interest = (
            min(max(last - before, wanted, 0), len(still) - 1)
            for last, wanted in zip(self.graced, asked, strict=True)
        )
        ends = [row.due_on for row in still]
        rest = _Rest(
            terms=self.terms,
            numbers=[row.number for row in still],
            spans=list(map(Span, [start, *ends[:-1]], ends)),
            opening=opening,
            instalment=self._instalment(still) if change.keeps_instalment else None,
            earlier=[row.principal for row in change.own]
            if change.own
            else [row.principal_left for row in still],
            grace_principal=grace_principal,
            grace_interest=grace_interest,
            running=running,
            evens_out=change.method is not None,
        )
        made = self._made(rest)
        if sum(row.interest for row in made) > OWED_MOST:
            raise PlanImpossible("Interest comes to more than any loan here can owe.")
        if deferred:
            due = made[grace_interest]
            made[grace_interest] = due._replace(interest=due.interest + deferred)
        self.running = running
        if any(asked):
            self.graced_from = before + 1
        self.graced = (
            before + grace_principal if grace_principal else self.graced[0],
            before + grace_interest if grace_interest else self.graced[1],
        )
        self.ahead |= {row.number: row.principal_paid for row in rows if row.due_on > on}
        anew = {row.number: row for row in self._filled(still, made, on, charged)}
        return [anew.get(row.number, row) for row in rows]

    def _filled(
        self, still: list[Instalment], made: list[Row], on: date, charged: Callable[[int], int]
    ) -> Iterator[Instalment]:
        """The open rows with what was *made* for each; those at the end with nothing are empty."""
        last = max((n for n, row in enumerate(made, 1) if row.principal or row.interest), default=0)
        for place, (row, laid) in enumerate(zip(still, made, strict=True)):
            new = replace(
                row,
                principal=row.principal_paid + int(laid.principal),
                interest=max(int(laid.interest), row.interest_paid),
            )
            # Fees in percent follow the instalment; what was charged on it stays.
            grown = fees_of(self.terms, new.principal, new.interest)
            grown -= fees_of(self.terms, row.principal, row.interest)
            if grown:
                new = replace(new, fees=max(row.fees + grown, row.fees_paid))
            if place < last or self.lasts:
                self.emptied.discard(row.number)
                self.spare.discard(row.number)
                yield new
            else:
                self.emptied.add(row.number)
                yield _dropped(new, on, charged)

    def _dated(
        self, rows: list[Instalment], on: date, change: Change, charged: Callable[[int], int]
    ) -> tuple[list[Instalment], list[Instalment]]:
        """The rows with their new days and the new ones, and those of them that are open."""
        moved = {row.instalment: row for row in change.rows or ()}
        found, still = [], []
        for row in rows:
            day = moved.pop(row.number, None)
            after, again = row, self.fell_away(row)
            if day is not None and row.due_on > on:
                after = replace(row, due_on=day.due_on, pay_by_on=day.pay_by_on)
                if again and change.finds_its_place:
                    fees = charged(row.number) + fees_of(self.terms, row.principal, row.interest)
                    after, again = replace(after, fees=fees, paid_on=None), False
            if after.due_on > on and after.paid_on is None and not again:
                if change.last is not None and row.number > change.last:
                    after = _dropped(after, on, charged)
                    self.emptied.add(row.number)
                else:
                    still.append(after)
            found.append(after)
        for number in sorted(moved):
            day, fees = moved[number], fees_of(self.terms, 0, 0)
            new = Instalment(number, day.due_on, day.pay_by_on, 0, 0, fees)
            if change.last is not None and number > change.last:
                new = _dropped(new, on, charged)
                self.emptied.add(number)
                self.spare.add(number)
            else:
                still.append(new)
            found.append(new)
        found.sort(key=lambda row: row.number)
        return found, still

    def note(self, on: date, change: Change) -> None:
        """Take over a new rate and days without interest."""
        lower = change.annual_rate is not None and change.annual_rate < self.rate_after(on)
        if change.annual_rate is not None and (lower or not change.lowers_only):
            known = [rate for rate in self.rates if rate.on <= on]
            self.rates = [*known, RateFrom(on + ONE_DAY, change.annual_rate)]
        if change.method is not None:
            if self.terms.method == Method.BULLET:
                begins, first = self.begins_on, self.first_due_on
                [self.first_due_on] = days_after(self.terms, begins, first, begins, 1)
            self.terms = replace(self.terms, method=change.method)
        self.pay_by |= {day.due_on: day.pay_by_on for day in change.rolled or ()}
        if change.pause is not None:
            self.pauses = [*self.pauses, change.pause]
            if change.penalty_free:
                self.penalty_free = [*self.penalty_free, change.pause]

    def _gathered(
        self, rows: list[Instalment], on: date, change: Change, penalty: Callable[[Instalment], int]
    ) -> tuple[list[Instalment], int]:
        """The rows without what is gathered of those due, and how much that is."""
        if not (change.gathers_principal or change.gathers_interest):
            return rows, 0
        found, gathered = [], 0
        for row in rows:
            after = row
            if row.due_on <= on and row.left:
                if change.gathers_principal and row.principal_left:
                    self.penalty_stopped[row.number] = penalty(row)
                    gathered += row.principal_left
                    after = replace(after, principal=row.principal_paid)
                if change.gathers_interest:
                    gathered += row.interest - row.interest_paid
                    after = replace(after, interest=row.interest_paid)
                if after.left == 0 and after.paid_on is None:
                    after = replace(after, paid_on=on)
            found.append(after)
        return found, gathered

    def _deferred(self, rows: list[Instalment], before: int) -> int:
        """Interest of rows that are over, which a row to come collects."""
        last = self.graced[1]
        if last < self.graced_from or before > last:
            return 0
        owed = 0
        for place, row in enumerate(rows):
            if self.graced_from <= row.number <= before:
                principal = sum(
                    each.principal - self.ahead.get(each.number, 0) for each in rows[place:]
                )
                bears = self.accrued(rows, place, principal, row.due_on)
                owed += rounded(bears, self.terms.rounding)
        return owed

    def _instalment(self, still: list[Instalment]) -> int | None:
        """What an instalment paid so far, in principal and interest, or in principal.

        What was paid before its day and laid beside is no part of it.
        """
        if not still:
            return None
        principals = [row.principal - self.ahead.get(row.number, 0) for row in still]
        if self.terms.method == Method.EQUAL_PRINCIPAL:
            return max(principals)
        # The last one is what was left, the others are alike.
        totals = [own + row.interest for own, row in zip(principals, still, strict=True)]
        return max(totals[: max(len(totals) - 1, 1)])

    def _made(self, rest: _Rest) -> list[Row]:
        plan, count = _plan(rest), len(rest.spans)
        part, level_part = share(self.terms, self.begins_on), level_share(self.terms)
        with reckoning():
            ahead = periods(part, rest.spans, self.rates, pauses=self.pauses, level_part=level_part)
            if rest.running is not None:
                # The first row bears what it bore, and from the change on the new balance.
                row, on = rest.spans[0], rest.running.on
                before = borne(part, row, (row.start, on), self.rates, self.pauses)
                extra = rest.running.interest - rest.opening * before
                ahead[0] = ahead[0]._replace(drawn_interest=extra)
            if rest.instalment is None:
                earlier = Decimal(0)
                if rest.evens_out:
                    earlier = _borne_before(rest.opening, ahead[0])
                levels = set_levels(plan, [Known(0, rest.opening, ahead, earlier)])
            else:
                levels = [rest.instalment] * count
            made = amortisation.rows(plan, rest.opening, ahead, levels)
        self.agreed = {
            number: Agreed(int(level), place < rest.grace_principal, place < rest.grace_interest)
            for place, (number, level) in enumerate(zip(rest.numbers, levels, strict=False))
        }
        balances = [rest.opening, *(int(row.balance) for row in made)]
        told = zip(rest.numbers, balances, ahead, rest.spans, strict=False)
        for number, balance, period, row in told:
            self.bases[number] = Base(
                balance, period.factor, period.drawn_interest, row, self.rates, self.pauses
            )
        if rest.running is not None and rest.numbers:
            first = self.bases[rest.numbers[0]]
            self.bases[rest.numbers[0]] = first._replace(running=rest.running.on)
        return made


@dataclass(frozen=True)
class _Rest:
    """What is left to be laid, over *spans*; amounts in minor units.

    *instalment* is what each pays in principal and interest, or in principal; None sets it
    anew; one that *evens_out* counts the interest of the days before, too. *earlier* is what
    the open instalments had of principal.
    """

    terms: Terms
    numbers: list[int]
    spans: list[Span]
    opening: int
    instalment: int | None
    earlier: list[int]
    grace_principal: int
    grace_interest: int
    running: Running | None
    evens_out: bool


def laid(terms: Terms, begins_on: date, rows: list[Instalment], opening: list[Instalment]) -> Laid:
    """A loan of *rows* on which nothing was laid anew.

    The steps of its rate go by the instalments that it began with, whatever was moved, or
    charged behind the last of them.
    """
    # What is owed at payout is an instalment before the first one.
    number, due_on = (rows[0].number, rows[0].due_on) if rows else (1, begins_on)
    first, chosen = max(number, 1), terms.repayment or Repayment()
    rates = [RateFrom(begins_on, terms.annual_rate)]
    if terms.rate_plan is not None:
        starts = {later.number: row.due_on for row, later in pairwise(opening)}
        rates += steps_ahead(terms, starts)
    return Laid(
        terms,
        begins_on,
        rates,
        (first - 1 + chosen.grace_principal, first - 1 + chosen.grace_interest),
        first,
        next((row.due_on for row in rows if row.due_on > begins_on), due_on),
        pay_by={row.due_on: row.pay_by_on for row in rows},
    )


def _borne_before(opening: int, first: Period) -> Decimal:
    """What the *first* row bears beyond a regular one, as if it were lent at its start."""
    beyond = opening * (first.factor - first.level_factor) + first.drawn_interest
    return beyond / (1 + first.level_factor)


def _plan(rest: _Rest) -> Plan:
    terms, count = rest.terms, len(rest.spans)
    if terms.repayment is not None and terms.repayment.interest_on != InterestOn.BALANCE:
        raise PlanImpossible("Flat interest was set for the whole term; it cannot be laid anew.")
    custom = terms.method == Method.CUSTOM
    if custom and count != len(rest.earlier):
        raise PlanImpossible(
            "A schedule that was agreed on is laid on days and amounts that are agreed on anew:"
            " name the instalments that are to come."
        )
    bare = replace(terms, method=Method.INTEREST_ONLY) if custom else terms
    plan = replace(
        plan_of(bare, count),
        grace_principal=rest.grace_principal,
        grace_interest=rest.grace_interest,
        interest_free=0,
        amortised_over=None,
    )
    if not custom:
        return plan
    # Where none of them had any principal left, the last one takes what is gathered.
    earlier = rest.earlier if any(rest.earlier) else [0] * (count - 1) + [1]
    whole, taken, principals = sum(earlier), 0, list[int]()
    for place in range(count):
        sofar = plan.closed(Decimal(rest.opening * sum(earlier[: place + 1])) / whole)
        principals.append(int(sofar) - taken)
        taken = int(sofar)
    return replace(plan, method=Method.CUSTOM, principals=tuple(principals))


def _reopened(rows: list[Instalment], on: date, drawn: int, spare: set[int]) -> list[Instalment]:
    """*rows* with those open again that are due after *on*, to take their share of a draw.

    On the last due date it is due that day. Those that are *spare* take none.
    """
    last = next(row for row in reversed(rows) if row.number not in spare)
    if last.due_on > on:
        return [
            replace(row, paid_on=None) if row.due_on > on and row.number not in spare else row
            for row in rows
        ]
    whole = replace(last, principal=last.principal + drawn, paid_on=None)
    return [whole if row is last else row for row in rows]


def _dropped(row: Instalment, on: date, charged: Callable[[int], int]) -> Instalment:
    """A row of which nothing is left but what was charged on it."""
    bare = replace(
        row,
        principal=row.principal_paid,
        interest=row.interest_paid,
        fees=max(row.fees_paid, charged(row.number)),
    )
    return bare if bare.left else replace(bare, paid_on=on)
