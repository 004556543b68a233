"""The rate at which two streams of money are worth the same: APR, APRC, IRR.

All three solve one equation, Σ amount / ((1 + odd·i)(1 + i)^t) = 0, for the rate i of
a period. They differ in what a period is and how i becomes a rate of a year: times
the periods of a year (nominal), or compounded over them (effective).

A search in binary fractions says where the root is; Decimal figures on either side of
it, of opposite sign, prove it and give the rate. No posted figure sees a binary one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from operator import attrgetter, mul

from domain.base.refusal import Refusal

LOWEST, HIGHEST = Decimal("-0.9999"), Decimal(10**9)
"""No rate is looked for outside these."""

SCALE = Decimal("1E-20")
"""To this a rate is exact, up to a million a period; beyond, to as many digits less."""

DIGITS = Context(prec=38)
MORE_DIGITS = Context(prec=90)
NEAR_ZERO = Decimal("1E-6")
"""Below this, 1 − 1/(1 + i) loses too many digits, and is computed with more."""

FIRST_WIDTH, PROOF_WIDTH = Decimal("1E-13"), Decimal("1E-22")
"""How far on either side of the root its sign is tested; over all periods together."""

CLOSE = 1e-9
"""Roots closer together than this, over all periods together, are not told apart."""

REACH = 600
"""Where rates below zero must be told apart, to e^600 is as far as any flow may grow."""

STEPS = 200
LOOKS = 5_000
"""How many figures a search may take before it is given up."""


class NoRate(Refusal):
    """No rate makes these flows worth the same."""

    code = "NO_RATE"


class SeveralRates(Refusal):
    """More than one rate makes these flows worth the same."""

    code = "SEVERAL_RATES"


class RateNotFound(Refusal):
    """The flows have a rate that could not be found."""

    code = "RATE_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Run:
    """*count* equal amounts, the first after *first* periods, the next each *step* later.

    Positive amounts go to the borrower; their unit is free, the same for all flows.
    *odd* is a fraction of a period by which each comes later still and for which it
    bears simple interest.
    """

    amount: int | Decimal
    first: int = 0
    count: int = 1
    step: int = 1
    odd: Fraction | int = 0

    @property
    def begin(self) -> Fraction | int:
        """After how many periods its first amount comes."""
        return self.first + self.odd if self.odd else self.first

    @property
    def end(self) -> Fraction | int:
        """After how many periods its last amount comes."""
        return self.begin + (self.count - 1) * self.step


def nominal_rate(
    runs: Sequence[Run],
    periods_per_year: int | Fraction,
    low: Decimal = LOWEST,
    high: Decimal = HIGHEST,
    length: int | Fraction = 1,
) -> Decimal:
    """The rate of a period times *periods_per_year*, a fraction; exact to 1E-20.

    A period is *length* of those in which *runs* are timed; *low* and *high* enclose
    the rate of one of the latter.

    Raises:
        NoRate: no rate between them makes the flows worth nothing.
        SeveralRates: more than one does.
        RateNotFound: the search did not end.

    Source: Regulation Z (12 CFR 1026), appendix J (b)(1) and (8); PBoC Announcement
    [2021] No. 3, internal rate of return; RBI, Key Facts Statement (2024), annex B.
    """
    with localcontext(DIGITS):
        rate = _period_rate(runs, _log_growth(low), _log_growth(high))
        if length != 1:
            rate = (1 + rate) ** _decimal(length) - 1
        return _to_scale(rate * _decimal(periods_per_year))


def effective_rate(
    runs: Sequence[Run],
    periods_per_year: int | Fraction,
    low: Decimal = LOWEST,
    high: Decimal = HIGHEST,
) -> Decimal:
    """The rate of a period compounded over a year, a fraction; exact to 1E-20.

    *low* and *high* enclose the rate of a year that is meant.

    Raises:
        NoRate: no rate between them makes the flows worth nothing.
        SeveralRates: more than one does.
        RateNotFound: the search did not end.

    Source: Directive 2008/48/EC and (EU) 2023/2225, annex on the APRC; FCA Handbook,
    CONC App 1.2; XIRR of spreadsheets.
    """
    periods = Fraction(periods_per_year)
    with localcontext(DIGITS):
        year = float(periods)
        rate = _period_rate(runs, _log_growth(low) / year, _log_growth(high) / year)
        return _to_scale((1 + rate) ** _decimal(periods) - 1)


def _to_scale(rate: Decimal) -> Decimal:
    # What is paid back a hundredfold a day later costs more in a year than has a name.
    if rate.adjusted() + 1 - SCALE.adjusted() > DIGITS.prec:
        raise NoRate("It is higher than a rate can be written.")
    return rate.quantize(SCALE) + 0


def _decimal(number: Fraction | int) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def _log_growth(rate: Decimal) -> float:
    return math.log1p(float(min(max(rate, LOWEST), HIGHEST)))


def _period_rate(runs: Sequence[Run], low: float, high: float) -> Decimal:
    """The rate of a period; *low* and *high* are logarithms of its growth."""
    flows = [run for run in runs if run.amount]
    origin = min((run.first for run in flows), default=0)
    positive = _Side([run for run in flows if run.amount > 0], origin)
    negative = _Side([run for run in flows if run.amount < 0], origin)
    if not (positive.runs and negative.runs):
        raise NoRate("A rate needs money that is lent and money that is paid back.")
    first, last = min(positive.begin, negative.begin), max(positive.end, negative.end)
    span = last - first
    if span == 0:
        raise NoRate("All the money moves at one time: there is nothing to bear interest.")
    parted = positive.end <= negative.begin or negative.end <= positive.begin
    width = FIRST_WIDTH if parted else Decimal(repr(CLOSE))
    slope = 0.0
    try:
        if parted:
            _must_turn(positive, negative)
            found, slope = _newton(positive, negative, float(span))
        else:
            low = max(low, -REACH / float(span))
            found = _only_root(positive, negative, low, high, float(span))
    except (OverflowError, ZeroDivisionError):
        raise RateNotFound("The flows are too uneven for their rate to be found.") from None
    if not low <= found <= high:
        raise NoRate(_outside(low, high))
    near = Decimal(repr(math.expm1(found)))
    value, unit = _present_value(flows), (1 + near) / _decimal(span)
    rate = _enclosed(value, near, unit, slope) if slope and math.isfinite(slope) else None
    return _proved(value, near, unit, width) if rate is None else rate


def _outside(low: float, high: float) -> str:
    return f"No rate from {math.expm1(low):.6g} to {math.expm1(high):.6g} a period fits the flows."


def _must_turn(positive: "_Side", negative: "_Side") -> None:
    """Pass when the first money and the last go opposite ways.

    Where one side's money has all moved when the other's begins, one rate fits then.
    """
    first, last = min(positive.begin, negative.begin), max(positive.end, negative.end)
    start = positive.moved(positive.begins, first) + negative.moved(negative.begins, first)
    finish = positive.moved(positive.ends, last) + negative.moved(negative.ends, last)
    if start == 0 or finish == 0 or (start > 0) == (finish > 0):
        raise NoRate("What is paid back does not come after what is lent: no rate fits.")


class _Side:
    """The flows of one direction, timed from *origin*, as binary fractions."""

    def __init__(self, runs: list[Run], origin: int) -> None:
        self.runs = runs
        self.begins: list[Fraction | int] = []
        self.ends: list[Fraction | int] = []
        self.single: list[tuple[float, float]] = []
        self.other: list[tuple[float, int, int, int, float]] = []
        for run in runs:
            amount, first, count, odd = abs(float(run.amount)), run.first, run.count, run.odd
            if count == 1 and not odd:
                self.begins.append(first)
                self.ends.append(first)
                self.single.append((amount, float(first - origin)))
            else:
                self.begins.append(run.begin)
                self.ends.append(run.end)
                self.other.append((amount, first - origin, count, run.step, float(odd)))
        self.times = [when for _, when in self.single]
        self.begin, self.end = min(self.begins, default=0), max(self.ends, default=0)

    def moved(self, times: list[Fraction | int], when: Fraction | int) -> int | Decimal:
        """The amounts of the runs whose time, of *times*, is *when*."""
        return sum(run.amount for run, time in zip(self.runs, times, strict=True) if time == when)

    def worth(self, rate: float) -> tuple[float, float]:
        """What it is worth at a logarithmic *rate*, and that weighted by time."""
        exp = math.exp
        each = [amount * exp(-rate * when) for amount, when in self.single]
        worth, weighted = sum(each), sum(map(mul, each, self.times))
        for amount, first, count, step, odd in self.other:
            total, mean = _annuity(count, step, rate) if count > 1 else (1.0, 0.0)
            simple = 1 + odd * math.expm1(rate)
            now = amount * total * exp(-rate * first) / simple
            worth += now
            weighted += now * (first + mean + odd * exp(rate) / simple)
        return worth, weighted


def _annuity(count: int, step: int, rate: float) -> tuple[float, float]:
    """Σ e^(−rate·step·k) for k below *count*, and the mean time of its terms."""
    one, whole = rate * step, rate * step * count
    if one == 0:
        return float(count), step * (count - 1) / 2
    total = math.expm1(-whole) / math.expm1(-one)
    if abs(whole) < 1e-5:
        return total, step * (count - 1) / 2
    last = step * count / math.expm1(whole) if whole < 700 else 0.0
    return total, (step / math.expm1(one) if one < 700 else 0.0) - last


def _newton(positive: _Side, negative: _Side, span: float) -> tuple[float, float]:
    """Where the sides are worth the same: the logarithm of a period's growth.

    And by how much the one's worth less the other's rises there with the rate of a period.

    Newton's steps on the logarithm of the later side's worth over the earlier's, which
    falls and is nearly straight; a step that leaves what is enclosed is halved.
    """
    swapped = (positive.begin, positive.end) > (negative.begin, negative.end)
    lent, paid = (negative, positive) if swapped else (positive, negative)
    rate, low, high = 0.0, -math.inf, math.inf
    for _ in range(STEPS):
        try:
            (lent_now, lent_when), (paid_now, paid_when) = lent.worth(rate), paid.worth(rate)
            gap = math.log(paid_now / lent_now)
            step = gap / (paid_when / paid_now - lent_when / lent_now)
        except (OverflowError, ValueError, ZeroDivisionError):
            rate = (rate + (low if rate > 0 else high)) / 2
            continue
        if step > 0:
            low = rate
        else:
            high = rate
        rate += step
        if abs(step) * span < 1e-8:
            slope = (paid_when - lent_when) * math.exp(-rate)
            return rate, -slope if swapped else slope
        if not low < rate < high:
            rate = (low + high) / 2
    raise RateNotFound("The search for the rate did not end.")


def _only_root(positive: _Side, negative: _Side, low: float, high: float, span: float) -> float:
    """The one root from *low* to *high*; below zero only where there is none above."""
    for begin, end in ((max(low, -1e-6 / span), high), (low, min(high, 0.0))):
        roots = _roots(positive, negative, begin, end, span) if begin < end else []
        if len(roots) > 1:
            rates = ", ".join(f"{math.expm1(root):.6g}" for root in roots[:4])
            raise SeveralRates(f"More than one rate fits the flows: {rates} a period.")
        if roots:
            return roots[0]
    raise NoRate(_outside(low, high))


def _roots(positive: _Side, negative: _Side, low: float, high: float, span: float) -> list[float]:
    """Every root from *low* to *high*, in order.

    Each side's worth falls with the rate, so their difference is enclosed by the worth
    of one at an interval's begin and of the other at its end: an interval that holds no
    root is left, any other is halved, down to a width at which roots are not told apart.
    """

    def worths(rate: float) -> tuple[float, float]:
        return positive.worth(rate)[0], negative.worth(rate)[0]

    clusters: list[tuple[float, float, float, float]] = []
    waiting = [(low, worths(low), high, worths(high))]
    looks = 0
    while waiting:
        begin, at_begin, end, at_end = waiting.pop()
        if at_end[0] > at_begin[1] or at_end[1] > at_begin[0]:
            continue
        if end - begin > CLOSE / span:
            looks += 1
            if looks > LOOKS:
                raise RateNotFound("The flows change direction too often to find their rate.")
            middle = (begin + end) / 2
            at_middle = worths(middle)
            waiting.append((middle, at_middle, end, at_end))
            waiting.append((begin, at_begin, middle, at_middle))
            continue
        before, after = at_begin[0] - at_begin[1], at_end[0] - at_end[1]
        if clusters and clusters[-1][1] == begin:
            begin, _, before, _ = clusters.pop()
        clusters.append((begin, end, before, after))
    for begin, end, before, after in clusters:
        if (before > 0) == (after > 0) and low < begin and end < high:
            raise SeveralRates(f"Two rates near {math.expm1(begin):.6g} a period fit the flows.")
    return [(begin + end) / 2 for begin, end, before, after in clusters if before * after <= 0]


def _enclosed(
    value: Callable[[Decimal], Decimal], near: Decimal, unit: Decimal, slope: float
) -> Decimal | None:
    """The root beside *near*, enclosed by *near* and a figure just beyond; None if it is not.

    The *slope* there says where to look; what is found rests on the two exact figures. The
    line through them misses the root by the product of their distances from it.
    """
    at_near = value(near)
    if at_near == 0:
        return near
    step = -at_near / Decimal(repr(slope))
    if abs(step) > FIRST_WIDTH * unit:
        return None
    beyond = near + step + (PROOF_WIDTH * unit).copy_sign(step)
    at_beyond = value(beyond)
    if at_beyond == 0 or (at_beyond > 0) == (at_near > 0):
        return None
    return beyond - at_beyond * (beyond - near) / (at_beyond - at_near)


def _proved(
    value: Callable[[Decimal], Decimal], near: Decimal, unit: Decimal, start: Decimal
) -> Decimal:
    """The root near *near*, enclosed by figures of opposite sign on either side of it."""
    width = start
    while width < 1:
        below, above = max(near - width * unit, (near - 1) / 2), near + width * unit
        at_below, at_above = value(below), value(above)
        if at_below == 0:
            return below
        if at_above == 0:
            return above
        if (at_below > 0) != (at_above > 0):
            near = below - at_below * (above - below) / (at_above - at_below)
            if width <= PROOF_WIDTH:
                return near
            width = PROOF_WIDTH
        else:
            width *= 1000
    raise RateNotFound("The search for the rate did not end.")


def _present_value(flows: list[Run]) -> Callable[[Decimal], Decimal]:
    """What *flows* are worth at a rate of a period, as of the first one's whole period."""
    ordered = sorted(flows, key=attrgetter("first"), reverse=True)
    terms: list[tuple[Decimal, int, int, int, Fraction | int]] = []
    before = ordered[0].first
    for run in ordered:
        terms.append((Decimal(run.amount), before - run.first, run.count, run.step, run.odd))
        before = run.first
    gaps = sorted({gap for _, gap, *_ in terms})

    def value(rate: Decimal) -> Decimal:
        """Horner's scheme from the last flow to the first."""
        powers, worth = _powers(1 / (1 + rate), gaps), Decimal(0)
        for amount, gap, count, step, odd in terms:
            now = amount if count == 1 else amount * _annuity_exactly(rate, count, step)
            if odd:
                now /= 1 + _decimal(odd) * rate
            worth = worth * powers[gap] + now
        return worth

    return value


def _powers(one: Decimal, numbers: Sequence[int]) -> dict[int, Decimal]:
    """*one* to the power of each of *numbers*, which rise: each from the one before it."""
    powers, last = {0: Decimal(1)}, 0
    for number in numbers:
        step = number - last
        if step not in powers:
            powers[step] = one**step
        powers[number] = powers[last] * powers[step]
        last = number
    return powers


def _annuity_exactly(rate: Decimal, count: int, step: int) -> Decimal:
    """Σ (1 + rate)^(−step·k) for k below *count*, in closed form.

    Source: sum of a geometric series; at rate zero, *count*.
    """
    if rate == 0:
        return Decimal(count)
    if abs(rate) < NEAR_ZERO:
        with localcontext(MORE_DIGITS):
            one = (1 + rate) ** -step
            return (1 - one**count) / (1 - one)
    one = (1 + rate) ** -step
    return (1 - one**count) / (1 - one)
