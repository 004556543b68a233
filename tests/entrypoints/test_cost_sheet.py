"""The sheet of a loan's cost as a borrower reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.repayment import Repayment
from domain.base.terms import (
    Conversion,
    FeeTerm,
    PlannedDraw,
    RateCap,
    RatePlan,
    RateStep,
    Renewal,
    Subsidy,
)
from domain.loan.cost import CostMethod
from domain.loan.disclosed import disclosures
from domain.loan.sheet import CostCase, CostShown, sheet_of
from entrypoints.app import app
from entrypoints.cost_sheet import CASES, COST_METHODS, cost_said, sheet_lines
from entrypoints.disclosure_commands import document, write_sheet
from infra.trouble import Trouble
from tests.domain import story
from tests.domain.story import JAN_15, terms

CATALOGUE = Path(__file__).resolve().parents[2] / "docs" / "catalogue"


def told(**changes: object) -> list[str]:
    """The sheet, what goes on below joined to the line it belongs to."""
    lines: list[str] = []
    for line in sheet_lines(sheet_of(terms(**changes), JAN_15, CostShown(["IRR", "SIMPLE"]))):
        if line.startswith(" " * 28) or (line.startswith(" " * 4) and line[4] != " "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return lines


def test_a_sheet_reads_as_a_document() -> None:
    fees = [
        FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, Decimal("0.01"), "AMOUNT", "OVER_TERM"),
        FeeTerm("LATE", "ON_OVERDUE", 5_00, "PENALTY", payee="Letters Ltd"),
        FeeTerm("EARLY", "ON_PREPAYMENT", 0, None, Decimal("0.005"), "PRINCIPAL"),
    ]

    assert told(
        term_months=3, fees=fees, penalty_rate=Decimal("0.09"), grace_days=3, grace_retroactive=True
    ) == [
        "What is lent",
        "  amount                    1,000.00 CNY",
        "  paid out                  1,000.00 CNY, if on 2025-01-15",
        "  to pay on that day        10.00 CNY",
        "  term                      3 months",
        "  instalments               3, equal instalments",
        "  first instalment          336.67 CNY on 2025-02-15",
        "  last instalment           336.68 CNY on 2025-04-15",
        "What it costs",
        "  interest                  10.02 CNY",
        "  charges                   10.00 CNY",
        "  to pay in all             1,020.02 CNY",
        "Cost of a year, paid as planned",
        "                    12.09%  internal rate, monthly x 12",
        "                    12.16%  simple interest on principal in use",
        "Rate of the contract",
        "  6.00% a year from 2025-01-15 until 2025-04-15",
        "  interest by 30/360",
        "Charges that are in the cost of a year",
        (
            "  opening                   1.00% of the amount: 10.00 CNY at the payout, to the"
            " lender, given back for the days not used"
        ),
        "Not in the cost of a year, only paid if it comes to that",
        (
            "  penalty                   9.00% a year on overdue principal, in place of the rate,"
            " after 3 days of grace counted from the due date"
        ),
        (
            "  late                      5.00 CNY once an instalment is overdue for more than"
            " 3 days, as a penalty, to Letters Ltd, not refundable"
        ),
        (
            "  early                     0.50% of what is paid early for paying early, to the"
            " lender, not refundable"
        ),
        "  Paid off early it owes interest to that day.",
        "Nothing else may be charged.",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"rate_plan": RatePlan("SCHEDULED", [RateStep(4, Decimal("0.108"))])},
            "  10.80% a year from 2025-04-16 until 2026-01-15",
        ),
        (
            {"rate_plan": RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.045"))], "TERM")},
            "  4.50% a year from 2025-04-16 until 2026-01-15, if all before it was paid on time",
        ),
        (
            {"rate_plan": RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.045"))], "TERM")},
            "Cost of a year, paid as planned, without a reward for paying on time",
        ),
        (
            {
                "rate_plan": RatePlan(
                    "INDEXED", [], index="LPR", margin=Decimal("-0.012"), reprice_months=1
                )
            },
            "  LPR - 1.20%, as the index stands, set anew every 1 month",
        ),
        (
            {"subsidy": Subsidy("SHOP", Decimal("0.02"))},
            "  2.00% paid by SHOP, beside what the borrower pays",
        ),
        (
            {"repayment": Repayment(interest_on="DRAWN")},
            "  counted on all that was lent, repaid or not",
        ),
        ({"renewal": Renewal(12, 1, 10)}, "  The term can be renewed once by 12 months."),
        (
            {"method": "BULLET", "conversion": Conversion(6, 10, Decimal("0.07"))},
            "  It can be turned into 6 instalments at most at 7.00% a year.",
        ),
        ({"method": "BULLET"}, "  one instalment            1,060.00 CNY on 2026-01-15"),
        (
            {"draws": [PlannedDraw(date(2025, 3, 15), 400_00)], "accrual": "DAILY_BALANCE"},
            "  paid out later            400.00 CNY on 2025-03-15",
        ),
        (
            {"method": "INTEREST_ONLY", "accrual": "DAILY_BALANCE"},
            "  limit, if drawn in full   1,000.00 CNY",
        ),
        (
            {
                "penalty_rate": Decimal("0.09"),
                "penalty_multiple": Decimal("1.50"),
                "penalty_on_interest": True,
                "rate_caps": [RateCap(JAN_15, Decimal("0.24"), "caps-1")],
            },
            (
                "  penalty                   1.5 x the rate of each day (9.00% a year at first) on"
                " overdue principal and interest, in place of the rate; with all charges at most"
                " 24.00% (caps-1)"
            ),
        ),
        ({"settling": "STATUTORY_UK"}, "  Paid off early it is rebated by the UK regulations of"),
        ({"fees": []}, "  none"),
        ({}, "  Paid off early it owes interest to that day."),
    ],
)
def test_a_part_of_the_contract_has_its_line(changes: dict[str, object], line: str) -> None:
    assert any(each.startswith(line) for each in told(**changes)), told(**changes)


def test_a_line_that_is_longer_than_the_page_goes_on_below_where_it_began() -> None:
    fee = FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, Decimal("0.01"), "AMOUNT", "OVER_TERM")

    lines = sheet_lines(sheet_of(terms(fees=[fee]), JAN_15))

    place = next(n for n, line in enumerate(lines) if line.startswith("  opening"))
    assert lines[place : place + 2] == [
        "  opening                   1.00% of the amount: 10.00 CNY at the payout, to the",
        "                            lender, given back for the days not used",
    ]
    assert max(map(len, lines)) <= 80


def test_every_method_and_every_case_has_words() -> None:
    assert set(COST_METHODS) == set(CostMethod)
    assert set(CASES) == set(CostCase)


def test_a_cost_is_said_to_a_hundredth_half_up() -> None:
    assert cost_said(Decimal("0.08165")) == "8.17%"
    assert cost_said(Decimal("12.345678")) == "1,234.57%"
    assert cost_said(Decimal(0)) == "0.00%"


def test_a_recorded_sheet_is_written_to_a_new_file_as_it_was_shown(tmp_path: Path) -> None:
    [shown] = disclosures(story.recorded(story.signed()))
    out = tmp_path / "sheet.txt"

    write_sheet(shown, out)

    lines = out.read_text().splitlines()
    assert lines == document(shown)
    assert lines[0] == "L-1  disclosure 1, before the contract is signed"
    assert lines[-1] == f"Digest {shown.digest}, verified"
    with pytest.raises(Trouble, match="there already"):
        write_sheet(shown, out)
    with pytest.raises(Trouble, match="no folder"):
        write_sheet(shown, tmp_path / "none" / "sheet.txt")


def test_a_sheet_that_does_not_verify_says_so() -> None:
    [shown] = disclosures(story.recorded(story.signed()))

    assert document(replace(shown, verifies=False))[-1].endswith(", DOES NOT VERIFY")


def test_of_a_disclosure_without_a_sheet_the_totals_are_told() -> None:
    [shown] = disclosures(story.recorded(story.signed()))

    lines = document(replace(shown, sheet=None, verifies=None))

    assert "No sheet was recorded then; this was:" in lines
    assert "  cost of a year            6.00%, internal rate, monthly x 12" in lines


@pytest.mark.parametrize(
    ("product", "amount", "months", "methods"),
    [
        ("welcome", "10000", "6", ["IRR", "SIMPLE"]),
        ("us-personal", "10000", "12", ["APR_REG_Z"]),
        ("eu-consumer", "10000", "12", ["APRC"]),
        ("uk-personal", "10000", "12", ["APRC"]),
        ("in-two-wheeler", "50000", "12", ["IRR"]),
        ("jp-card-loan", "100000", "12", ["IRR", "APRC"]),
    ],
)
def test_a_quote_is_shown_by_the_methods_of_its_jurisdiction(
    product: str, amount: str, months: str, methods: list[str]
) -> None:
    words = ("quote", str(CATALOGUE / f"{product}.toml"), amount, months, "--on", "2026-11-30")

    result = CliRunner().invoke(app, [*words, "--json"], prog_name="loans")

    sheet = json.loads(result.stdout)["sheet"]
    assert sheet["shown_by"]["methods"] == methods
    shown = [each["method"] for each in sheet["costs"] if each["case"] == "AS_PLANNED"]
    assert shown == methods
