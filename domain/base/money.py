"""Money as integers in the currency's minor unit, and the one rounding."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from iso4217 import Currency

from domain.base.refusal import Refusal

AMOUNT_MAX = 10**15
"""The largest amount taken, in minor units; sums of a book stay far inside int64."""


class Rounding(StrEnum):
    """How a fraction of a minor unit is closed."""

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"


class NotAnAmount(Refusal):
    """A text is no amount in this currency."""

    code = "NOT_AN_AMOUNT"


class UnknownCurrency(Refusal):
    """ISO 4217 has no such currency."""

    code = "UNKNOWN_CURRENCY"


@lru_cache
def exponent(currency: str) -> int:
    """How many decimals *currency* has: 2 for CNY, 0 for JPY, 3 for KWD.

    Raises:
        UnknownCurrency: ISO 4217 has no such code, or gives it no minor unit.
    """
    try:
        digits = Currency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency.")
    return int(digits)


def minor_units(text: str, currency: str) -> int:
    """The amount that *text* writes, in minor units: ``"1,234.50"`` CNY is 123450.

    Raises:
        NotAnAmount: it is not a number, or has more decimals than the currency.
        UnknownCurrency: the currency is unknown.
    """
    try:
        scaled = Decimal(text.strip().replace(",", "")).scaleb(exponent(currency))
    except InvalidOperation:
        raise NotAnAmount(f"{text!r} is not an amount.") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise NotAnAmount(f"{text!r} has more decimals than {currency} has.")
    if abs(scaled) > AMOUNT_MAX:
        raise NotAnAmount(f"{text!r} is larger than any loan here.")
    return int(scaled)


def written(amount: int, currency: str) -> str:
    """*amount* as people write it: 123450 CNY is ``"1,234.50"``."""
    digits = exponent(currency)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f}"


def rounded(amount: Decimal, how: str = Rounding.HALF_UP) -> int:
    """*amount*, in minor units, without its fraction: the only rounding there is."""
    mode = ROUND_HALF_EVEN if how == Rounding.HALF_EVEN else ROUND_HALF_UP
    return int(amount.quantize(Decimal(1), rounding=mode))
