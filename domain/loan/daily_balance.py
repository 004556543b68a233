"""Interest by the balance of each day: the rows of a loan as they stand on a date.

Principal that is paid early leaves the balance on its day; what is overdue bears interest
until the day the rows are looked at, and is then taken as paid. The equal instalment changes
only where the rest is laid anew: a row that is paid with less interest pays more principal,
and the last row that is open takes what is left.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.base.money import rounded
from domain.loan.periods import ONE_DAY, Part, Pause, RateFrom, Span, is_free, rate_after
from domain.loan.plan import CLOSING, DIGITS
from domain.loan.timetable import Counted


class PaidOut(NamedTuple):
    """Principal that was paid out on a day; minor units."""

    on: date
    amount: int


Stretch = tuple[date, date, int]
"""The days after one date until another, and the principal that stood in them."""


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
    stretches: Sequence[Stretch]

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


class Settled(NamedTuple):
    """The first *rows* of a loan, while nothing can change them that counts after *until*.

    Each is over and repays what was paid on it. *balance* is what stood after the changes up
    to *passed*, *carried* the interest that goes to the row after them.
    """

    rows: tuple[DailyRow, ...] = ()
    balance: int = 0
    carried: int = 0
    passed: date = date.min
    until: date = date.min


UNSETTLED = Settled()


class Moved:
    """The money that moved on a loan: what was paid out, and what was paid on each row.

    *principal* and *interest* are what was paid by row, *paid* principal by day. *changes* is by
    how much the balance changes on a day, *days* are those in order; *settled* are rows that were
    found, while nothing changes them.
    """

    def __init__(
        self,
        principal: list[int],
        interest: list[int],
        paid_out: list[PaidOut],
        paid: Iterable[tuple[date, int]],
    ) -> None:
        self.principal, self.interest, self.paid_out = principal, interest, paid_out
        self.lent = sum([amount for _, amount in paid_out])
        self.changes = changes = dict[date, int]()
        for on, amount in paid_out:
            changes[on] = changes.get(on, 0) + amount
        for on, amount in paid:
            changes[on] = changes.get(on, 0) - amount
        self.days = sorted(changes)
        self.settled = UNSETTLED

    def copy(self) -> Moved:
        """The same, to which more can happen."""
        other = copy(self)
        other.principal, other.interest = self.principal.copy(), self.interest.copy()
        other.paid_out = self.paid_out.copy()
        other.changes, other.days = self.changes.copy(), self.days.copy()
        return other

    def pay_out(self, on: date, amount: int) -> None:
        """Let more be paid out on a day."""
        self.paid_out.append(PaidOut(on, amount))
        self.lent += amount
        self._change(on, amount)
        if self.settled.rows:
            self._unsettle(len(self.principal), on)

    def pay(self, place: int, on: date, principal: int, interest: int) -> None:
        """Let so much be paid on the row at a place."""
        self.principal[place] += principal
        self.interest[place] += interest
        if principal:
            self._change(on, -principal)
        if self.settled.rows:
            self._unsettle(place, on)

    def place_anew(self, places: Iterable[int | None]) -> None:
        """Let the rows be those that were at *places*, in this order; None of a new one."""
        before = [*zip(self.principal, self.interest, strict=True)]
        paid = [(0, 0) if place is None else before[place] for place in places]
        self.principal, self.interest = map(list, zip(*paid, strict=True))
        self.settled = UNSETTLED

    @property
    def overpaid(self) -> bool:
        """Whether more principal was paid than was paid out so far."""
        return sum(self.principal) > self.lent

    def balance_on(self, on: date) -> int:
        """The principal that was paid out and is not paid back on *on*."""
        if on >= self.days[-1]:
            return self.lent - sum(self.principal)
        return sum([amount for day, amount in self.changes.items() if day <= on])

    def _change(self, on: date, amount: int) -> None:
        if on not in self.changes:
            insort(self.days, on)
        self.changes[on] = self.changes.get(on, 0) + amount

    def _unsettle(self, place: int, on: date) -> None:
        """Know no rows any more that change when principal moves on a day, for a row at *place*."""
        rows, *_, passed, until = self.settled
        if place < len(rows) or on < until or on <= passed:
            self.settled = UNSETTLED


class _Standing:
    """The balance as it goes through the rows that are not *settled*, one after the other."""

    def __init__(
        self, moved: Moved, settled: Settled, cuts: Iterable[date], coming: Iterable[PaidOut]
    ) -> None:
        self.changes, self.passed = moved.changes.copy(), settled.passed
        self.days = moved.days[bisect(moved.days, self.passed) :]
        self.place, self.balance = 0, settled.balance
        for day in cuts:
            self._change(day, 0)
        for draw in coming:
            self._change(draw.on, draw.amount)

    def stretches(self, span: Span, stop: date) -> Sequence[Stretch]:
        """The days of a row until *stop*, wherever something stood in them."""
        start, end = span
        found: list[Stretch] = []
        days, changes, place, balance = self.days, self.changes, self.place, self.balance
        last = len(days)
        if place == last:  # nothing changes any more
            return ((start, stop, balance),) if balance > 0 and start < stop else ()
        while place < last and days[place] <= start:
            balance += changes[days[place]]
            place += 1
        while place < last and (day := days[place]) < end:
            if balance > 0 and start < stop:
                found.append((start, min(stop, day), balance))
            start = day
            balance += changes[day]
            place += 1
        if balance > 0 and start < stop:
            found.append((start, stop, balance))
        if place:
            self.passed = days[place - 1]
        self.place, self.balance = place, balance
        return found

    def leaves(self, amount: int, on: date, span: Span) -> None:
        """Let *amount* leave the balance on a day, after the row *span* was passed."""
        if on < span.end:
            self.balance -= amount
        else:
            self._change(on, -amount)

    def _change(self, on: date, amount: int) -> None:
        if on not in self.changes:
            insort(self.days, on, lo=self.place)
        self.changes[on] = self.changes.get(on, 0) + amount


@dataclass
class DailyBalance:
    """What decides the rows of a loan, beside the money that moved: each has a span and a share.

    With *levelled* the last row that is not paid its equal instalment takes the residue,
    else the last of all. Days of *pauses* bear no interest. Where *counted* says how days are
    counted, and over how many a year, a day is so much of a year in whatever row; else *part*
    says it.
    """

    spans: Sequence[Span]
    part: Part
    rates: Sequence[RateFrom]
    rounding: str
    shares: Sequence[Share]
    levelled: bool
    pauses: Sequence[Pause] = ()
    counted: Counted | None = None

    def rows(
        self,
        moved: Moved,
        dues: Sequence[date],
        as_of: date,
        until: date | None = None,
        coming: Sequence[PaidOut] = (),
        *,
        count: int | None = None,
    ) -> list[DailyRow]:
        """The rows as they stand on *as_of*, each due on one of *dues*; the first *count*, or all.

        Interest counts to the end of each row, or to *until* where that comes first. What is
        *coming* will be paid out after *as_of*.
        """
        tail = self.tail(moved)
        settled = self._settled(moved, tail, as_of, until)
        standing = _Standing(moved, settled, self._cuts(settled.passed), coming)
        begun, carried, found = len(settled.rows), settled.carried, list(settled.rows)
        draws = [*moved.paid_out, *coming]
        left = sum([draw.amount for draw in draws]) - sum(moved.principal[:begun])
        paid_later = sum(moved.principal[begun:])
        still, ends, stood = True, settled.until, settled[1:4]
        with localcontext(prec=DIGITS):
            for number in range(begun, len(self.spans[:count])):
                span, share = self.spans[number], self.shares[number]
                end, over, gone = span.end, share.over, share.gone
                stop = end if until is None or end < until else until
                stretches = () if gone else standing.stretches(span, stop)
                own = self._interest(number, stretches) if stretches else 0
                accrued = own + carried

                principal = already = moved.principal[number]
                interest = moved.interest[number]
                paid_later -= already
                closed = gone or over is not None
                if over is not None:
                    principal = max(over.principal, already)
                    interest = max(over.interest, interest)
                elif gone:
                    pass  # what was paid on it stays there
                elif number < tail:
                    interest = _interest_due(share, accrued, already, interest)
                    principal = _principal(share, interest)
                    closed = principal <= already
                    if not closed:  # what is paid out later cannot be paid back before
                        later = sum([draw.amount for draw in draws if draw.on > end])
                        principal = min(principal, left - later)
                    principal = min(max(principal, already), left - paid_later)
                elif number == tail:
                    interest = max(accrued, interest)
                    principal = left - paid_later
                passed = max(accrued - interest, 0) if over is None else over.passed
                found.append(DailyRow(principal, interest, own, carried, passed, stretches))
                carried = passed
                left -= principal
                if principal != already:
                    standing.leaves(principal - already, max(dues[number], as_of), span)
                # Nothing of a row changes any more that is over, and where all that it is to
                # repay was paid: neither by what is paid or drawn later, nor by the day.
                still = still and closed and principal == already and end <= as_of and stop == end
                if still:
                    begun, ends = number + 1, max(ends, end)
                    stood = standing.balance, carried, standing.passed
        if begun > len(moved.settled.rows):
            moved.settled = Settled(tuple(found[:begun]), *stood, ends)
        return found

    def _settled(self, moved: Moved, tail: int, as_of: date, until: date | None) -> Settled:
        """The rows that were found before, where they are the same on *as_of*.

        One that came to take the residue is another one, and so are all where more was paid
        back than was paid out.
        """
        known = moved.settled
        stands = len(known.rows) <= tail and known.until <= min(as_of, until or as_of)
        return known if stands and not moved.overpaid else UNSETTLED

    def tail(self, moved: Moved) -> int:
        """The last row, from zero, that is not closed, or the last of all.

        It takes the residue. A row is closed that was paid the equal instalment.
        """
        last = len(self.shares) - 1
        while last > 0 and self.shares[last].gone:
            last -= 1
        if not self.levelled:
            return last
        for number in range(last, -1, -1):
            level, _, ahead, _, gone, over = self.shares[number]
            if level is None or gone or over or self.spans[number].start == self.spans[number].end:
                continue  # not one of equal instalments, or one of what is charged at the payout
            principal = moved.principal[number] - ahead
            if principal == 0 or principal + moved.interest[number] < level:
                return number
        return last

    def _cuts(self, after: date) -> list[date]:
        """The days after one on which the rate changes."""
        cuts = [rate.on - ONE_DAY for rate in self.rates[1:]]
        for pause in self.pauses:
            cuts += [pause.first - ONE_DAY, pause.last]
        return [day for day in cuts if day > after]

    def _interest(self, number: int, stretches: Sequence[Stretch]) -> int:
        return rounded(CLOSING.plus(self.exact(number, stretches)), self.rounding)

    def exact(self, number: int, stretches: Sequence[Stretch]) -> Decimal:
        """The interest of *stretches* of a row, counted from zero, before it is rounded."""
        span = self.spans[number]
        if len(self.rates) == 1 and not self.pauses:
            return self.rates[0].annual_rate * self._borne(span, stretches)
        return sum(
            (self.rate(each[0]) * self._borne(span, [each]) for each in stretches), Decimal(0)
        )

    def _borne(self, span: Span, stretches: Sequence[Stretch]) -> Decimal:
        """The balances of *stretches*, each times the share of a year that it stood."""
        if self.counted is None:
            part = self.part
            return sum(
                (balance * part(span, start, end) for start, end, balance in stretches), Decimal(0)
            )
        days, begin = self.counted.days, span[0]
        borne, until, passed = 0, begin, 0
        for start, end, balance in stretches:
            since = passed if start == until else days(begin, start)
            until, passed = end, days(begin, end)
            borne += balance * (passed - since)
        return borne / self.counted.year

    def rate(self, start: date) -> Decimal:
        """The annual rate of the days that follow *start*; none of days without interest."""
        return Decimal(0) if is_free(self.pauses, start) else rate_after(self.rates, start)


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
