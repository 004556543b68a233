"""What the checks of an offer have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.base.repayment import Frequency, Repayment, rows_in
from domain.base.terms import RATE_DECIMALS, RATE_MAX, rate_fits

if TYPE_CHECKING:
    from domain.product.product import Offer

AS_IT_IS = Repayment()


def wrong(*checks: tuple[bool, str]) -> Iterator[str]:
    """The sentences of the checks that are true."""
    return (sentence for is_so, sentence in checks if is_so)


def or_none(words: Iterable[str]) -> list[str | None]:
    """*words*, or nothing said."""
    return [None, *words]


def listed(words: Iterable[str]) -> str:
    """*words* as a sentence names them."""
    return " or ".join(words)


def rates_wrong(*named: tuple[str, Decimal]) -> Iterator[str]:
    """A sentence on those of the rates, each with its place, that cannot be kept; else none."""
    places = [f"{place!r} is {rate:f}" for place, rate in named if not rate_fits(rate)]
    if places:
        yield (
            f"Rates cannot be negative or have more than {RATE_DECIMALS} decimals, and are"
            f" fractions, 6 % is 0.06: {', '.join(places)}."
        )


def not_offered(what: str, value: str | None, offered: Iterable[str | None]) -> str:
    """That *value* is not offered, and what is."""
    said = listed(each for each in offered if each is not None)
    return f"The {what} {value!r} is not offered: {said}."


def fits(rate: Decimal) -> bool:
    """Whether *rate* is a number, negative or not, that is stored as it is."""
    return rate.is_finite() and abs(rate) < RATE_MAX and rate == round(rate, RATE_DECIMALS)


def row_count(offer: Offer, months: int) -> int | None:
    """How many rows a term of *months* has; None when it is no whole number of them."""
    chosen = offer.repayment or AS_IT_IS
    if months < 1 or offer.frequency not in list(Frequency) or chosen.every < 1:
        return None
    return rows_in(months, offer.method, offer.frequency, chosen)
