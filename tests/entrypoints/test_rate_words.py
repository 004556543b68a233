"""Staff read what becomes of a rate, not only what it begins with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from entrypoints.product_file import read_offer
from entrypoints.rate_words import percent, rates_said

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "catalogue"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("household", "10.80%"),
        ("graded", "7.80% to 15.00%"),
        ("welcome", "3.60%, 10.80% from no. 4"),
        ("ladder-3-3", "5.00%, 4.50% from no. 4 if paid on time"),
        ("home-improvement-lpr", "LPR_1Y + 1.20%, anew every 12 months"),
        ("merchant-zero", "0.00%, 7.20% paid by MERCHANT"),
    ],
)
def test_the_rate_of_a_product_is_said_with_what_becomes_of_it(file: str, said: str) -> None:
    offer = read_offer(FOLDER / f"{file}.toml")

    assert rates_said(offer.rates(), offer.rate_plan, offer.subsidy) == said


@pytest.mark.parametrize(
    ("rate", "said"),
    [("0", "0.00%"), ("0.05", "5.00%"), ("0.0000000001", "0.00000001%"), ("12", "1200.00%")],
)
def test_a_rate_is_said_in_percent_without_rounding(rate: str, said: str) -> None:
    assert percent(Decimal(rate)) == said
    assert percent(Decimal(rate).quantize(Decimal("1e-10"))) == said
