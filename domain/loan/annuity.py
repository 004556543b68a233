"""Annuities: equal payments, and the interest and principal in them.

Source: OpenDocument 1.3 part 4 (OpenFormula), section 6.12, financial functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache

DIGITS = 50
"""What is reckoned with: a small rate loses some in (1+r)ⁿ − 1."""


@lru_cache(maxsize=1024)
def growth_and_worth(rate: Decimal, count: int) -> tuple[Decimal, Decimal]:
    """What 1 has grown to after *count* periods, and what 1 paid after each is then worth.

    (1+r)ⁿ and ((1+r)ⁿ − 1)/r; 1 and n without a rate.
    """
    if rate == 0:
        return Decimal(1), Decimal(count)
    with localcontext(prec=DIGITS):
        growth = (1 + rate) ** count
        return growth, (growth - 1) / rate


@dataclass(frozen=True)
class Annuity:
    """*count* equal payments that bring *present* to −*future*, at *rate* for each period.

    As in spreadsheets, money paid is negative. Payments stand at the end of their periods,
    or *at_start*. Periods count from 1. Nothing is rounded but to :data:`DIGITS`.
    """

    rate: Decimal
    count: int
    present: Decimal
    future: Decimal = Decimal(0)
    at_start: bool = False

    def payment(self) -> Decimal:
        """Each payment: PMT."""
        growth, worth = growth_and_worth(self.rate, self.count)
        with localcontext(prec=DIGITS):
            return -(self.future + self.present * growth) / (self._moved() * worth)

    def principal(self, first: int, last: int) -> Decimal:
        """The principal in the payments *first* to *last*: PPMT, CUMPRINC.

        It is what they move the balance by; a payment at the very start is all principal.
        """
        with localcontext(prec=DIGITS):
            if self.at_start and first == 1:
                return self.payment() + (self._balance(last) - self._balance(1)) / self._moved()
            return (self._balance(last) - self._balance(first - 1)) / self._moved()

    def interest(self, first: int, last: int) -> Decimal:
        """The interest in the payments *first* to *last*: IPMT, CUMIPMT."""
        with localcontext(prec=DIGITS):
            return self.payment() * (last - first + 1) - self.principal(first, last)

    def interest_of_equal_principal(self, period: int) -> Decimal:
        """The interest of *period*, counted from 0, were the principals equal: ISPMT."""
        with localcontext(prec=DIGITS):
            return self.present * self.rate * (Decimal(period) / self.count - 1)

    def _balance(self, period: int) -> Decimal:
        """What is left after *period*, counted from the end where errors would grow with it."""
        each = self.payment() * self._moved()
        if self.rate > 0:
            growth, worth = growth_and_worth(self.rate, self.count - period)
            return -(self.future + each * worth) / growth
        growth, worth = growth_and_worth(self.rate, period)
        return self.present * growth + each * worth

    def _moved(self) -> Decimal:
        return 1 + self.rate if self.at_start else Decimal(1)
