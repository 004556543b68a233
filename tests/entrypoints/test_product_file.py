"""Products as files: what is read, and what is refused with its reason."""

from decimal import Decimal
from pathlib import Path

import pytest

from domain.base.terms import FeeTerm
from entrypoints.product_file import checked, read_offer
from infra.trouble import Trouble

PRODUCT = """
code = "FILE"
version = 1
name = "From a file"
currency = "CNY"
amount_min = "100.00"
amount_max = "10000.00"
term_months_min = 1
term_months_max = 12
frequency = "MONTH"
method = "EQUAL_INSTALMENTS"
annual_rate = "0.12"
day_count = "30/360"
rounding = "HALF_UP"
grace_days = 0
grace_retroactive = false
penalty_rate = "0"
allocation_order = ["FEE", "INTEREST", "PENALTY", "PRINCIPAL"]
future_money = "NEXT_INSTALMENT"
evidence = ["IDENTITY"]
fees = [
  { kind = "LETTER", timing = "ON_EVENT", amount = "5.00" },
  { kind = "BREACH", timing = "ON_EVENT", amount = "50.00", owed = "PENALTY" },
]
"""

ALLOCATION = """
advance_order = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
allocation_scope = "COMPONENT"
charges_due = "OWN_DAY"
charges_count = "FROM_THE_START"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "product.toml"
    path.write_text(text)
    return path


def test_a_fee_in_a_file_can_be_a_percentage(tmp_path: Path) -> None:
    said = (
        '{ kind = "OPENING", timing = "AT_DISBURSEMENT", percent = "0.02", base = "AMOUNT",'
        ' earned = "OVER_TERM" },'
    )
    text = PRODUCT.replace('{ kind = "LETTER", timing = "ON_EVENT", amount = "5.00" },', said)

    offer = read_offer(written(tmp_path, text))

    assert offer.fees[0] == FeeTerm(
        "OPENING", "AT_DISBURSEMENT", 0, None, Decimal("0.02"), "AMOUNT", "OVER_TERM"
    )
    assert offer.faults() == []


def test_a_product_says_nothing_of_allocation_options_it_does_not_use(tmp_path: Path) -> None:
    offer = read_offer(written(tmp_path, PRODUCT))

    assert (offer.advance_order, offer.allocation_scope) == (None, None)
    assert (offer.charges_due, offer.charges_count) == (None, None)
    assert [fee.owed for fee in offer.fees] == [None, "PENALTY"]
    assert offer.faults() == []


def test_a_product_names_how_payments_are_allocated(tmp_path: Path) -> None:
    offer = read_offer(written(tmp_path, ALLOCATION + PRODUCT))

    assert offer.advance_order == ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
    assert (offer.allocation_scope, offer.charges_due) == ("COMPONENT", "OWN_DAY")
    assert offer.charges_count == "FROM_THE_START"
    assert offer.faults() == []


@pytest.mark.parametrize(
    "line",
    [
        'advance_order = "FEE"',
        "advance_order = [1, 2]",
        "allocation_scope = 1",
        "charges_due = true",
        'charge_due = "OWN_DAY"',
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_and_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(Trouble, match=line.split(" ", maxsplit=1)[0]):
        read_offer(written(tmp_path, line + "\n" + PRODUCT))


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = PRODUCT.replace("version = 1", 'version = "1"').replace('name = "From a file"', "")

    offer, wrong = checked(written(tmp_path, text + 'colour = "red"\n'))

    assert offer is None
    assert wrong == [
        "'version' should be a valid integer, not '1'.",
        "'name' is missing.",
        "'colour' is not known.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('annual_rate = "0.12"', 'annual_rate = "a lot"', "'annual_rate': 'a lot' is no rate."),
        ('"100.00"', '"1,0.00"', "'amount_min': '1,0.00' is not an amount."),
        ('"5.00"', '"5.001"', "'fees': '5.001' has more decimals than CNY has."),
        ('"CNY"', '"XXZ"', "'XXZ' is not an ISO 4217 currency."),
        ("version = 1", "version = ", "It is not TOML: Invalid value (at line 3, column 11)."),
    ],
)
def test_a_figure_that_cannot_be_read_is_named(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert checked(written(tmp_path, PRODUCT.replace(before, after, 1))) == (None, [said])


def test_figures_may_stand_without_quotes(tmp_path: Path) -> None:
    bare = PRODUCT.replace('"100.00"', "100.00").replace('"0.12"', "0.12")

    assert read_offer(written(tmp_path, bare)) == read_offer(written(tmp_path, PRODUCT))
