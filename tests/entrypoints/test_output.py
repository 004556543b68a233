"""Amounts are shown as their currency counts them."""

from __future__ import annotations

import json

import pytest

from entrypoints import output
from infra.processes import ProcessState


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1_234_56, "CNY", "1,234.56 CNY"),
        (-5, "USD", "-0.05 USD"),
        (1234, "JPY", "1,234 JPY"),
        (1_000_500, "KWD", "1,000.500 KWD"),
        (0, "CNY", "0.00 CNY"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert output.money(amount, currency) == text


def test_records_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    record = ProcessState("relay", "ready")

    output.emit([record], as_json=True, render=lambda _: pytest.fail("not asked for"))

    [printed] = json.loads(capsys.readouterr().out)
    assert printed["name"] == "relay"
