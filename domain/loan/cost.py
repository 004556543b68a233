"""What a loan costs the borrower in a year, from its cash flows."""

import hashlib
import json
from dataclasses import asdict
from decimal import Decimal

from domain.base.terms import Terms
from domain.loan.schedule import Instalment

SCALE = Decimal("0.0000000001")


def annualised_cost(received: int, rows: list[Instalment]) -> Decimal:
    """Twelve times the monthly internal rate of return of what is paid for *received*.

    The rate that makes the instalments worth *received*; fees included.

    Source: PBoC Announcement [2021] No. 3, internal rate of return.
    """
    flows = [row.principal + row.interest + row.fees for row in rows]
    low, high = Decimal(0), Decimal(1)
    if sum(flows) <= received:
        return Decimal(0).quantize(SCALE)
    while _present_value(flows, high) > received:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if _present_value(flows, middle) > received:
            low = middle
        else:
            high = middle
    return (12 * (low + high) / 2).quantize(SCALE)


def _present_value(flows: list[int], rate: Decimal) -> Decimal:
    factor, value = 1 / (1 + rate), Decimal(0)
    for flow in reversed(flows):
        value = (value + flow) * factor
    return value


def _exactly(rate: Decimal) -> str:
    return format(rate.normalize(), "f")


def digest(terms: Terms) -> str:
    """A fingerprint of *terms*: what was disclosed is what is signed.

    A rate counts as the number it is, however many zeros it is written with.
    """
    text = json.dumps(asdict(terms), default=_exactly, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
