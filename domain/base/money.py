"""Money as integers in the currency's minor unit, and the one rounding."""

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache

from iso4217 import Currency

from domain.base.refusal import Refusal

AMOUNT_MAX = 10**15
"""The largest amount taken, in minor units; sums of a book stay far inside int64."""

AMOUNT = re.compile(
    r"(?P<sign>-?)(?P<whole>[0-9]{1,20}|[0-9]{1,3}(,[0-9]{3}){1,6})(\.(?P<fraction>[0-9]{1,20}))?"
)


class Rounding(StrEnum):
    """How a fraction of a minor unit is closed."""

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"


_ONE = Decimal(1)
_HALF_EVEN = Rounding.HALF_EVEN.value


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

    A comma separates thousands and nothing else: ``"12,34"`` is a mistake, not 1234.

    Raises:
        NotAnAmount: it is not a number, or has more decimals than the currency.
        UnknownCurrency: the currency is unknown.
    """
    digits = exponent(currency)
    found = AMOUNT.fullmatch(text.strip())
    if found is None:
        raise NotAnAmount(f"{text!r} is not an amount.")
    sign, whole, fraction = found["sign"], found["whole"].replace(",", ""), found["fraction"] or ""
    if fraction[digits:].strip("0"):
        raise NotAnAmount(f"{text!r} has more decimals than {currency} has.")
    amount = int(sign + whole + fraction[:digits].ljust(digits, "0"))
    if abs(amount) > AMOUNT_MAX:
        raise NotAnAmount(f"{text!r} is larger than any loan here.")
    return amount


def written(amount: int, currency: str) -> str:
    """*amount* as people write it: 123450 CNY is ``"1,234.50"``."""
    digits = exponent(currency)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f}"


def rounded(amount: Decimal, how: str = Rounding.HALF_UP) -> int:
    """*amount*, in minor units, without its fraction: the only rounding there is."""
    mode = ROUND_HALF_EVEN if how == _HALF_EVEN else ROUND_HALF_UP
    return int(amount.quantize(_ONE, mode))
