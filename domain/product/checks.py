"""What the checks of an offer have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.base.repayment import Frequency, Repayment, rows_in
from domain.base.terms import RATE_DECIMALS, RATE_MAX

if TYPE_CHECKING:
    from domain.product.product import Offer

AS_IT_IS = Repayment()
RATE_SENTENCE = "Rates cannot be negative or have more than ten decimals."


def wrong(*checks: tuple[bool, str]) -> Iterator[str]:
    """The sentences of the checks that are true."""
    return (sentence for is_so, sentence in checks if is_so)


def or_none(words: Iterable[str]) -> list[str | None]:
    """*words*, or nothing said."""
    return [None, *words]


def listed(words: Iterable[str]) -> str:
    """*words* as a sentence names them."""
    return " or ".join(words)


def fits(rate: Decimal) -> bool:
    """Whether *rate* is a number, negative or not, that is stored as it is."""
    return rate.is_finite() and abs(rate) < RATE_MAX and rate == round(rate, RATE_DECIMALS)


def row_count(offer: Offer, months: int) -> int | None:
    """How many rows a term of *months* has; None when it is no whole number of them."""
    chosen = offer.repayment or AS_IT_IS
    if months < 1 or offer.frequency not in list(Frequency) or chosen.every < 1:
        return None
    return rows_in(months, offer.method, offer.frequency, chosen)
