"""Products as files: what is read, and what is refused with its reason."""

from decimal import Decimal
from pathlib import Path

import pytest

from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RatePlan, RateStep, Renewal, Subsidy
from entrypoints.product_commands import part_said
from entrypoints.product_file import checked, files_of, read_offer
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
        (
            'annual_rate = "0.12"',
            'annual_rate = "a lot"',
            "'annual_rate': 'a lot' is no rate; 6 % is \"0.06\".",
        ),
        ('"100.00"', '"1,0.00"', "'amount_min': '1,0.00' is not an amount."),
        ('"5.00"', '"5.001"', "'fees.1.amount': '5.001' has more decimals than CNY has."),
        ('"CNY"', '"XXZ"', "'currency': 'XXZ' is not an ISO 4217 currency."),
        ("version = 1", "version = ", "It is not TOML: Invalid value (at line 3, column 11)."),
    ],
)
def test_a_figure_that_cannot_be_read_is_named(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert checked(written(tmp_path, PRODUCT.replace(before, after, 1))) == (None, [said])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # a wrong type, and a figure that is none
        (
            (("grace_days = 0", 'grace_days = "x"'), ('"0.12"', '"lots"')),
            ("'grace_days' should be a valid integer", "'annual_rate': 'lots' is no rate"),
        ),
        # a wrong type, and a word that is not offered
        (
            (("version = 1", "version = true"), ("EQUAL_INSTALMENTS", "ANNUITY")),
            ("'version' should be a valid integer", "The repayment method 'ANNUITY' is not"),
        ),
        # a figure that is none, and limits the wrong way round
        (
            (('"0.12"', '"lots"'), ("term_months_max = 12", "term_months_max = 0")),
            ("'annual_rate': 'lots'", "The terms offered must lie within"),
        ),
        # no currency, and an amount that is none
        (
            (('"CNY"', '"ZZZ"'), ('"100.00"', '"abc"')),
            ("'currency': 'ZZZ'", "'amount_min': 'abc' is not an amount."),
        ),
        # no penalty, and an order that misses a part
        (
            (('penalty_rate = "0"\n', ""), ('["FEE", ', "[")),
            ("'penalty_rate' is missing", "The allocation order must name"),
        ),
        # a name that is misspelt, and a fault in what it means
        (
            (("grace_days = 0", "gracedays = -1"), ("30/360", "30/361")),
            (
                "'gracedays' is not known; is 'grace_days' meant?",
                "The day count '30/361' is not offered: 30/360 or",
            ),
        ),
        # two charges
        (
            (
                ('"5.00"', '"0"'),
                (
                    'timing = "ON_EVENT", amount = "50.00", owed = "PENALTY"',
                    'timing = "NOW", amount = "50.00"',
                ),
            ),
            ("Fee 1, 'LETTER', must be above zero", "not 'BREACH' at 'NOW'."),
        ),
        # two rates
        (
            (('"0.12"', '"-0.12"'), ('penalty_rate = "0"', "penalty_rate = -1")),
            ("'annual_rate' is -0.12, 'penalty_rate' is -1.",),
        ),
        # a code and evidence
        (
            (('"FILE"', '"A FILE:1"'), ('["IDENTITY"]', '["IDENTITY", "IDENTITY"]')),
            ("The code 'A FILE:1' has a space or a colon", "Each kind of evidence must be named"),
        ),
    ],
)
def test_two_faults_of_one_file_are_both_told(
    tmp_path: Path, changes: tuple[tuple[str, str], ...], said: tuple[str, ...]
) -> None:
    text = PRODUCT
    for change in changes:
        assert change[0] in text
        text = text.replace(*change, 1)

    _, wrong = checked(written(tmp_path, text))

    assert all(any(part in each for each in wrong) for part in said), wrong
    assert len(wrong) <= 3, wrong


def test_a_place_that_is_broken_brings_no_fault_that_its_mending_would_take_away(
    tmp_path: Path,
) -> None:
    broken = with_parts(('"0.11"', '"much"'))

    _, wrong = checked(written(tmp_path, broken))

    assert wrong == ["'rate_plan.steps.1.annual_rate': 'much' is no rate; 6 % is \"0.06\"."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "The file is empty"),
        (b"# nothing yet\n", "The file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "It is not TOML, which is text in UTF-8"),
        (b"\x00\x01", "It is not TOML: Invalid statement (at line 1"),
        (b"code: X\nbase: &anchor\n", "It is not TOML: Expected '='"),
        (b'{"code": "X"}', "It is not TOML"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "its lists go too deep"),
        (b"version = 1\nversion = 2\n", "Cannot overwrite a value (at line 2"),
        (b"[renewal]\nmost = 1\n[renewal]\nmost = 2\n", "twice (at line 3"),
        (b"due_on = 2027-02-30\n", "Invalid date or datetime (at line 1"),
    ],
)
def test_a_file_that_is_no_product_says_where_and_why(
    tmp_path: Path, text: bytes, said: str
) -> None:
    path = tmp_path / "product.toml"
    path.write_bytes(text)

    offer, wrong = checked(path)

    assert offer is None and any(said in each for each in wrong), wrong


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "product.toml"
    path.write_text(PRODUCT, encoding="utf-8-sig")

    assert checked(path)[1] == []


def test_figures_may_stand_without_quotes(tmp_path: Path) -> None:
    bare = PRODUCT.replace('"100.00"', "100.00").replace('"0.12"', "0.12")

    assert read_offer(written(tmp_path, bare)) == read_offer(written(tmp_path, PRODUCT))


PARTS = """
calendar = "CN"
jurisdiction = "CN"
lender_kind = "CONSUMER_FINANCE"
scene = "EDUCATION"
partner = "SCHOOL-1"
segments = ["STUDENT"]
accrual = "SCHEDULED"
settling = "TO_THE_DAY"
prepayment = "SHORTER_TERM"
penalty_on_interest = true
"""

TABLES = """
[repayment]
every = 1
multiple_of = "1.00"
grace_principal = 1
down_payment = 0.1

[rate_plan]
kind = "STEP_DOWN"
scope = "TERM"
[[rate_plan.steps]]
from_instalment = 3
annual_rate = "0.11"

[renewal]
term_months = 2
most = 1
offer_days = 10

[subsidy]
payer = "SCHOOL-1"
annual_rate = 0.02
"""


def with_parts(changes: tuple[str, str] = ("", "")) -> str:
    product = PRODUCT.replace("term_months_min = 1\n", "term_months_min = 2\n")
    text = PARTS + product.replace('penalty_rate = "0"', 'penalty_rate = "0.05"') + TABLES
    return text.replace(*changes, 1)


def test_a_product_is_built_from_parts(tmp_path: Path) -> None:
    offer = read_offer(written(tmp_path, with_parts()))

    assert offer.faults() == []
    assert offer.repayment == Repayment(
        multiple_of=1_00, grace_principal=1, down_payment=Decimal("0.1")
    )
    assert offer.rate_plan == RatePlan("STEP_DOWN", [RateStep(3, Decimal("0.11"))], "TERM")
    assert offer.renewal == Renewal(2, 1, 10)
    assert offer.subsidy == Subsidy("SCHOOL-1", Decimal("0.02"))
    assert (offer.calendar, offer.segments, offer.scene) == ("CN", ["STUDENT"], "EDUCATION")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("every = 1", "evry = 1"), "'repayment.evry' is not known; is 'every' meant?"),
        (("from_instalment", "since"), "'rate_plan.steps.1.from_instalment' is missing."),
        (("from_instalment", "since"), "'rate_plan.steps.1.since' is not known."),
        (('"1.00"', '"1.001"'), "'repayment.multiple_of': '1.001' has more decimals than CNY has."),
        (('"0.11"', '"much"'), "'rate_plan.steps.1.annual_rate': 'much' is no rate;"),
        (('"0.11"', '"sNaN"'), "'rate_plan.steps.1.annual_rate': 'sNaN' is no rate;"),
        (("most = 1", "most = true"), "'renewal.most' should be a valid integer, not True."),
        (("[renewal]", "[[renewal]]"), "'renewal' should be a table, not"),
    ],
)
def test_a_mistake_in_a_part_is_named_with_its_place(
    tmp_path: Path, changes: tuple[str, str], said: str
) -> None:
    offer, wrong = checked(written(tmp_path, with_parts(changes)))

    assert offer is None
    assert any(each.startswith(said) for each in wrong), wrong


def test_a_penalty_is_said_as_a_rate_or_as_a_multiple(tmp_path: Path) -> None:
    neither = PRODUCT.replace('penalty_rate = "0"\n', "")
    multiple = "penalty_multiple = 1.5\n" + neither

    assert read_offer(written(tmp_path, multiple)).penalty_multiple == Decimal("1.5")
    assert checked(written(tmp_path, neither)) == (
        None,
        ["'penalty_rate' is missing, or 'penalty_multiple' instead of it."],
    )


def test_a_fee_in_percent_needs_no_amount(tmp_path: Path) -> None:
    fee = '{ kind = "ENTRY", timing = "AT_DISBURSEMENT", percent = "0.01", base = "AMOUNT" },'
    offer = read_offer(written(tmp_path, PRODUCT.replace("fees = [", f"fees = [\n  {fee}")))

    assert (offer.fees[0].amount, offer.fees[0].percent) == (0, Decimal("0.01"))
    assert offer.faults() == []


def test_a_folder_means_the_product_files_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, PRODUCT)
    empty = tmp_path / "empty"
    empty.mkdir()

    assert files_of([tmp_path, path]) == [path, path]
    with pytest.raises(Trouble, match="no product file"):
        files_of([empty])


def test_a_part_of_a_product_is_shown_as_a_file_writes_it() -> None:
    letter = FeeTerm("LETTER", "ON_EVENT", 5_00, percent=Decimal("0.0200000000"))
    least = Repayment(multiple_of=100)

    assert part_said(500_000, "JPY", is_amount=True) == "500,000"
    assert part_said([], "CNY") == "none"
    assert part_said([letter], "CNY") == "kind LETTER; timing ON_EVENT; amount 5.00; percent 0.02"
    assert "every 1; leap_rows_only False; multiple_of 1.00" in part_said(least, "CNY")
    assert part_said(Decimal("0.0600000000"), "CNY") == "0.06"
