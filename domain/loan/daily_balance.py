"""Interest by the balance of each day: the rows of a loan as they stand on a date.

Principal that is paid early leaves the balance on its day; what is overdue bears interest
until the day the rows are looked at, and is then taken as paid. The equal instalment changes
only where the rest is laid anew: a row that is paid with less interest pays more principal,
and the last row that is open takes what is left.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.base.money import rounded
from domain.loan.periods import ONE_DAY, Part, Pause, RateFrom, Span, rate_after
from domain.loan.plan import CLOSING, DIGITS


class PaidOut(NamedTuple):
    """Principal that was paid out on a day; minor units."""

    on: date
    amount: int


class Paid(NamedTuple):
    """What was paid on a row on a day; minor units."""

    on: date
    principal: int
    interest: int


class Stretch(NamedTuple):
    """The days after *start* until *end*, and the principal that stood in them."""

    start: date
    end: date
    balance: int


class DailyRow(NamedTuple):
    """What is due in a row as it stands on a date; minor units.

    *own* is the interest of its *stretches*, rounded once, and *carried* what rows before
    it could not take. *passed* is what of both goes to the row after it.
    """

    principal: int
    interest: int
    own: int
    carried: int
    passed: int
    stretches: tuple[Stretch, ...]

    @property
    def accrued(self) -> int:
        """Its own interest, and what was carried to it."""
        return self.own + self.carried


class Over(NamedTuple):
    """A row that was over when the rest was laid anew; it stays as it was, or is gathered.

    *passed* is the interest that the row after it takes.
    """

    principal: int
    interest: int
    passed: int


class Share(NamedTuple):
    """What a row is to repay; minor units.

    *level* is its equal instalment, with interest; without one it repays *principal*, and
    interest beside. *ahead* was paid of principal before the row was laid anew, and counts
    for nothing of that. A row that *waits* leaves its interest to the one after it. Of one
    that is *gone* nothing is due any more, and its days bear nothing.
    """

    level: int | None
    principal: int = 0
    ahead: int = 0
    waits: bool = False
    gone: bool = False
    over: Over | None = None


class _Standing:
    """The balance as it goes through the rows, one after the other."""

    def __init__(self, changes: dict[date, int]) -> None:
        self.changes = changes
        self.days = sorted(changes)
        self.place = self.balance = 0

    def stretches(self, span: Span, stop: date) -> tuple[Stretch, ...]:
        """The days of a row until *stop*, wherever something stood in them."""
        found, start = [], span.start
        self._pass(span.start)
        while self.place < len(self.days) and (day := self.days[self.place]) < span.end:
            if self.balance > 0 and start < min(day, stop):
                found.append(Stretch(start, min(day, stop), self.balance))
            start = day
            self._pass(day)
        if self.balance > 0 and start < stop:
            found.append(Stretch(start, stop, self.balance))
        return tuple(found)

    def leaves(self, amount: int, on: date, span: Span) -> None:
        """Let *amount* leave the balance on a day, after the row *span* was passed."""
        if amount and on < span.end:
            self.balance -= amount
        elif amount:
            if on not in self.changes:
                insort(self.days, on, lo=self.place)
            self.changes[on] = self.changes.get(on, 0) - amount

    def _pass(self, until: date) -> None:
        while self.place < len(self.days) and self.days[self.place] <= until:
            self.balance += self.changes[self.days[self.place]]
            self.place += 1


@dataclass
class DailyBalance:
    """What decides the rows of a loan, beside the money that moved: each has a span and a share.

    With *levelled* the last row that is not paid its equal instalment takes the residue,
    else the last of all. Days of *pauses* bear no interest.
    """

    spans: Sequence[Span]
    part: Part
    rates: Sequence[RateFrom]
    rounding: str
    shares: Sequence[Share]
    levelled: bool
    pauses: Sequence[Pause] = ()
    known: dict[tuple[int, tuple[Stretch, ...]], int] = field(default_factory=dict)
    """The interest of stretches that were looked at before."""

    def rows(
        self,
        dues: Sequence[date],
        draws: Sequence[PaidOut],
        paid: Sequence[Sequence[Paid]],
        as_of: date,
        until: date | None = None,
    ) -> list[DailyRow]:
        """The rows as they stand on *as_of*, each due on one of *dues*.

        *paid* is what was paid on each of them. Interest counts to the end of each row, or
        to *until* where that comes first.
        """
        principal_paid = [sum(each.principal for each in row) for row in paid]
        interest_paid = [sum(each.interest for each in row) for row in paid]
        tail = self.tail(paid)
        standing = _Standing(self._changes(draws, paid))
        left = sum(draw.amount for draw in draws)
        paid_later, carried = sum(principal_paid), 0
        found = []
        for number, (span, due_on, share) in enumerate(
            zip(self.spans, dues, self.shares, strict=True)
        ):
            stop = span.end if until is None else min(span.end, until)
            stretches = () if share.gone else standing.stretches(span, stop)
            own = self._interest(number, stretches)
            accrued = own + carried

            already, interest = principal_paid[number], interest_paid[number]
            paid_later -= already
            principal = already
            if share.over is not None:
                principal = max(share.over.principal, already)
                interest = max(share.over.interest, interest)
            elif share.gone:
                pass  # what was paid on it stays there
            elif number < tail:
                interest = _interest_due(share, accrued, already, interest)
                drawn_later = sum(draw.amount for draw in draws if draw.on > span.end)
                most = min(left - paid_later, max(left - drawn_later, already))
                principal = min(max(_principal(share, interest), already), most)
            elif number == tail:
                interest = max(accrued, interest)
                principal = left - paid_later
            passed = max(accrued - interest, 0) if share.over is None else share.over.passed
            found.append(DailyRow(principal, interest, own, carried, passed, stretches))
            carried = passed
            left -= principal
            standing.leaves(principal - already, max(due_on, as_of), span)
        return found

    def tail(self, paid: Sequence[Sequence[Paid]]) -> int:
        """The last row, from zero, that is not closed, or the last of all.

        It takes the residue. A row is closed that was paid the equal instalment.
        """
        last = len(paid) - 1
        while last > 0 and self.shares[last].gone:
            last -= 1
        if not self.levelled:
            return last
        for number in range(last, -1, -1):
            level, _, ahead, _, gone, over = self.shares[number]
            if level is None or gone or over or self.spans[number].start == self.spans[number].end:
                continue  # not one of equal instalments, or one of what is charged at the payout
            principal = sum(each.principal for each in paid[number]) - ahead
            interest = sum(each.interest for each in paid[number])
            if principal == 0 or principal + interest < level:
                return number
        return last

    def _changes(self, draws: Sequence[PaidOut], paid: Sequence[Sequence[Paid]]) -> dict[date, int]:
        """By how much the balance changes on which day; also days on which the rate does."""
        changes = {rate.on - ONE_DAY: 0 for rate in self.rates[1:]}
        for pause in self.pauses:
            changes |= {pause.first - ONE_DAY: 0, pause.last: 0}
        for draw in draws:
            changes[draw.on] = changes.get(draw.on, 0) + draw.amount
        for row in paid:
            for each in row:
                if each.principal:
                    changes[each.on] = changes.get(each.on, 0) - each.principal
        return changes

    def _interest(self, number: int, stretches: tuple[Stretch, ...]) -> int:
        if not stretches:
            return 0
        known = self.known.get((number, stretches))
        if known is None:
            with localcontext(prec=DIGITS):
                exact = self.exact(number, stretches)
            known = rounded(CLOSING.plus(exact), self.rounding)
            self.known[number, stretches] = known
        return known

    def exact(self, number: int, stretches: Sequence[Stretch]) -> Decimal:
        """The interest of *stretches* of a row, counted from zero, before it is rounded."""
        return sum(
            (balance * (self.rate(start) * self.part(self.spans[number], start, end))
             for start, end, balance in stretches),
            Decimal(0),
        )  # fmt: skip

    def rate(self, start: date) -> Decimal:
        """The annual rate of the days that follow *start*; none of days without interest."""
        if any(pause.first - ONE_DAY <= start < pause.last for pause in self.pauses):
            return Decimal(0)
        return rate_after(self.rates, start)


def _interest_due(share: Share, accrued: int, principal_paid: int, interest_paid: int) -> int:
    """The interest of a row before the one that takes the residue.

    A row that was paid with less interest keeps what was paid.
    """
    if share.waits:
        return interest_paid
    if share.level is None:
        return max(accrued, interest_paid)
    if principal_paid - share.ahead > max(share.level - accrued, 0):
        return interest_paid
    return max(min(accrued, share.level), interest_paid)


def _principal(share: Share, interest: int) -> int:
    return share.ahead + (share.principal if share.level is None else share.level - interest)
