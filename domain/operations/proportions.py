"""Shares with how sure one may be of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

Z_95 = Decimal("1.959963984540054")
"""The 97.5 % quantile of the normal distribution: an interval from both sides has 95 %."""


@dataclass(frozen=True)
class Interval:
    """An estimate, and the 95 % interval around it, ends included."""

    estimate: Decimal
    low: Decimal
    high: Decimal


def share(hits: int, of: int) -> Interval | None:
    """The share of *hits*, with Wilson's score interval; None of none.

    Unlike the plain one it stays within 0 and 1, and has a width where nothing was hit.

    Source: Wilson, E. B. (1927), Probable inference, the law of succession, and statistical
    inference, JASA 22, 209–212; Brown, Cai and DasGupta (2001), Statistical Science 16(2).
    """
    if not of:
        return None
    rate = Decimal(hits) / of
    squared = Z_95 * Z_95
    middle = rate + squared / (2 * of)
    half = Z_95 * (rate * (1 - rate) / of + squared / (4 * of * of)).sqrt()
    whole = 1 + squared / of
    low = Decimal(0) if hits == 0 else (middle - half) / whole
    high = Decimal(1) if hits == of else (middle + half) / whole
    return Interval(rate, low, high)


def difference(own: Interval | None, control: Interval | None) -> Interval | None:
    """How much more *own* is than *control*; None where one of them is not known.

    Source: Newcombe, R. G. (1998), Interval estimation for the difference between independent
    proportions, Statistics in Medicine 17, 873–890: method 10, of Wilson's intervals.
    """
    if own is None or control is None:
        return None
    found = own.estimate - control.estimate
    below = ((own.estimate - own.low) ** 2 + (control.high - control.estimate) ** 2).sqrt()
    above = ((own.high - own.estimate) ** 2 + (control.estimate - control.low) ** 2).sqrt()
    return Interval(found, found - below, found + above)
