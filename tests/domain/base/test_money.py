"""Amounts as text and as minor units, and the one rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.money import (
    AMOUNT_MAX,
    NotAnAmount,
    UnknownCurrency,
    exponent,
    minor_units,
    rounded,
    written,
)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("1,234.50", "CNY", 123450),
        ("1234.5", "CNY", 123450),
        (" 7 ", "CNY", 700),
        ("-7.01", "CNY", -701),
        ("0", "CNY", 0),
        ("1,000", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("1", "KWD", 1000),
        ("7.00", "JPY", 7),
        ("007", "CNY", 700),
        ("1,234,567.8900", "CNY", 123456789),
    ],
)
def test_text_becomes_minor_units_by_the_currency(text: str, currency: str, amount: int) -> None:
    assert minor_units(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "CNY"),
        ("   ", "CNY"),
        ("ten", "CNY"),
        ("1.005", "CNY"),
        ("1.5", "JPY"),
        ("1.2345", "KWD"),
        ("1 234", "CNY"),
        ("NaN", "CNY"),
        ("sNaN", "CNY"),
        ("Infinity", "CNY"),
        ("-Infinity", "CNY"),
        ("1.2.3", "CNY"),
        ("0x10", "CNY"),
        ("10000000000000.01", "CNY"),
        ("-99999999999999", "CNY"),
        ("12,34", "EUR"),
        ("1,2345", "CNY"),
        (",123", "CNY"),
        ("1_000", "CNY"),
        ("1e3", "CNY"),
        ("１２", "CNY"),
        ("5.", "CNY"),
        (".5", "CNY"),
        ("9" * 4000, "CNY"),
        ("1e999999", "CNY"),
        ("1e999999999999", "CNY"),
    ],
)
def test_text_that_could_mean_another_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(NotAnAmount):
        minor_units(text, currency)


@pytest.mark.parametrize("currency", ["", "XXY", "yuan", "cny ", "XAU"])
def test_a_currency_nobody_lends_in_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        minor_units("1", currency)


def test_each_currency_has_its_own_number_of_decimals() -> None:
    assert (exponent("JPY"), exponent("CNY"), exponent("KWD")) == (0, 2, 3)


def test_amounts_are_written_as_people_write_them() -> None:
    assert written(123450, "CNY") == "1,234.50"
    assert written(-5, "CNY") == "-0.05"
    assert written(1234, "JPY") == "1,234"
    assert written(1234, "KWD") == "1.234"


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_written_reads_back_as_the_same_amount(amount: int, currency: str) -> None:
    assert minor_units(written(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("amount", "up", "even"),
    [("0.5", 1, 0), ("1.5", 2, 2), ("2.5", 3, 2), ("-0.5", -1, 0), ("2.4999999", 2, 2)],
)
def test_a_half_goes_up_or_to_the_even_neighbour(amount: str, up: int, even: int) -> None:
    assert rounded(Decimal(amount)) == up
    assert rounded(Decimal(amount), "HALF_EVEN") == even
