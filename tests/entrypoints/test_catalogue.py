"""The catalogue: every product in it can be published, quoted and serviced to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.calendar import BusinessDays
from domain.base.money import written
from domain.base.repayment import Frequency, Repayment
from domain.base.terms import Conversion, FeeTerm, RatePlan, RatePlanKind, Renewal, Subsidy, Terms
from domain.commands.products import at_the_gate
from domain.loan.quote import quote
from domain.loan.state import LoanState
from domain.product.product import Offer
from entrypoints.app import app
from entrypoints.product_file import checked, files_of, parsed, read_offer
from infra.calendars import business_days
from infra.policies import load_policies
from tests.domain.story import disburse, repay, signed

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "catalogue"
FILES = files_of([FOLDER])
DAY = date(2026, 11, 30)


@dataclass(frozen=True)
class Corner:
    """The least or the most that a product lends, for the shortest or longest term."""

    offer: Offer
    terms: Terms

    @property
    def business_days(self) -> BusinessDays | None:
        return business_days(self.terms.calendar) if self.terms.calendar else None


def corners() -> Iterator[object]:
    for file in FILES:
        offer = read_offer(file)
        for end, amount in (("least", offer.amount_min), ("most", offer.amount_max)):
            for months in sorted({offer.term_months_min, offer.term_months_max}):
                corner = Corner(offer, offer.terms(amount, months, max(offer.rates())))
                yield pytest.param(corner, id=f"{file.stem}-{end}-{months}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_product_of_the_catalogue_is_sound_and_passes_the_gate(file: Path) -> None:
    offer, wrong = checked(file)

    assert offer is not None and wrong == []
    assert list(map(str, at_the_gate(offer, load_policies(), DAY))) == []


def test_the_catalogue_uses_every_part() -> None:
    offers = [read_offer(file) for file in FILES]

    def used(part: str) -> list[object]:
        return [value for offer in offers if (value := getattr(offer, part)) is not None]

    assert len(offers) >= 12
    assert len({offer.code for offer in offers}) == len(offers)
    assert {offer.frequency for offer in offers} == set(Frequency)
    assert {plan.kind for offer in offers if (plan := offer.rate_plan)} == set(RatePlanKind)
    assert {"CNY", "USD", "GBP", "INR", "EUR", "JPY", "KWD"} == {o.currency for o in offers}
    for part in (
        "accrual",
        "calendar",
        "conversion",
        "late_order",
        "partner",
        "penalty_multiple",
        "prepayment",
        "rate_grid",
        "rate_tiers",
        "recovery_order",
        "renewal",
        "repayment",
        "scene",
        "segments",
        "settling",
        "subsidy",
        "tranches",
        "offered_until",
    ):
        assert used(part), part


def test_the_example_of_the_manual_is_sound(tmp_path: Path) -> None:
    manual = (FOLDER.parent / "PRODUCTS.md").read_text()
    example = tmp_path / "example.toml"
    example.write_text(manual.rpartition("```toml\n")[2].partition("```")[0])

    offer, wrong = checked(example)

    assert offer is not None and wrong == []
    assert at_the_gate(offer, load_policies(), DAY) == []


@pytest.mark.parametrize(
    "part", [Offer, FeeTerm, Repayment, RatePlan, Renewal, Conversion, Subsidy]
)
def test_the_manual_names_every_part(part: type) -> None:
    manual = (FOLDER.parent / "PRODUCTS.md").read_text().partition("## An example")[0]

    named = set(re.findall(r"[`\[.]([a-z_]+)", manual))
    assert {each.name for each in fields(part)} <= named


@pytest.mark.parametrize("corner", list(corners()))
def test_a_product_of_the_catalogue_can_be_quoted(corner: Corner) -> None:
    terms = corner.terms

    answer = quote(terms, DAY, business_days=corner.business_days)

    rows = answer.instalments
    assert sum(row.principal for row in rows) == terms.amount
    assert all(min(row.principal, row.interest, row.fees) >= 0 for row in rows)
    assert all(row.pay_by_on >= row.due_on for row in rows)
    costs = {cost.method: cost.rate for cost in answer.costs}
    assert costs["IRR"] is not None and 0 <= costs["IRR"] <= Decimal("0.36")


@pytest.mark.parametrize("corner", list(corners()))
def test_a_product_of_the_catalogue_is_serviced_to_its_end(corner: Corner) -> None:
    loan = signed(corner.terms, DAY)
    disburse(loan, DAY, business_days=corner.business_days)

    for number, planned in enumerate(list(loan.instalments)):
        owed = loan.instalments[number].left
        if owed:
            repay(loan, f"P-{number}", owed, planned.due_on)

    assert loan.state == LoanState.CLOSED
    assert loan.balance.principal == 0


def asked() -> Iterator[object]:
    """The most for the longest term, and an odd sum for one between."""
    for file in FILES:
        offer = read_offer(file)
        between = (offer.term_months_min + offer.term_months_max) // 2
        months = [n for n in range(between, offer.term_months_max + 1) if offer.months_offered(n)]
        odd = offer.amount_min + (offer.amount_max - offer.amount_min) // 3 + 1
        for amount, term in ((offer.amount_max, offer.term_months_max), (odd, months[0])):
            yield pytest.param(file, amount, term, id=f"{file.stem}-{amount}-{term}")


@pytest.mark.parametrize(("file", "amount", "months"), list(asked()))
def test_a_product_of_the_catalogue_is_quoted_as_a_page_that_can_be_read(
    file: Path, amount: int, months: int
) -> None:
    offer = read_offer(file)
    money = written(amount, offer.currency)
    words = ["quote", str(file), money, str(months), "--on", "2026-11-05", "--plot"]

    result = CliRunner().invoke(app, words, prog_name="loans")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    page = lines[: next(n for n, line in enumerate(lines) if line.startswith("Nothing else")) + 1]
    assert max(map(len, page)) <= 90
    assert any(line.startswith("Cost of a year") for line in page)
    assert not [line for line in page if re.search(r"none by|None|[0-9]E[-+]|NaN", line)]
    named = [line.split("  ")[1].strip() for line in page if line.startswith("  ")]
    assert {"interest", "charges", "to pay in all"} <= set(named)
    assert {fee.kind.lower().replace("_", " ") for fee in offer.fees} <= set(named)
    bears = offer.penalty_rate or offer.penalty_multiple
    assert ("penalty" in named) == bool(bears)
    assert sum("█" in line or "▒" in line for line in lines) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_quote_of_the_catalogue_shows_what_would_be_disclosed(file: Path) -> None:
    offer = read_offer(file)
    answer = quote(offer.terms(offer.amount_min, offer.term_months_max), DAY)
    sheet = answer.sheet

    rows = [row for row in answer.instalments if row.due_on > DAY]
    owed = [row.principal + row.interest + row.fees for row in rows]
    assert (sheet.instalments, sheet.first.due_on) == (len(rows), rows[0].due_on)
    assert (sheet.first.amount, sheet.last.amount) == (owed[0], owed[-1])
    assert sheet.withheld + sheet.due_at_payout + sum(owed) == sheet.total == answer.total
    assert {charge.kind for charge in sheet.charges} == {fee.kind for fee in offer.fees}
    assert sum(charge.total or 0 for charge in sheet.charges) == answer.fees
    assert sheet.foremost == round({c.method: c.rate for c in answer.costs}["IRR"] or 0, 10)


def test_a_term_that_is_not_offered_is_refused_in_plain_words() -> None:
    def why_not(file: str, months: str) -> str:
        amount = written(read_offer(FOLDER / file).amount_min, read_offer(FOLDER / file).currency)
        result = CliRunner().invoke(app, ["quote", str(FOLDER / file), amount, months])
        return str(result.exception)

    assert why_not("renewable-6-6.toml", "7") == "RENEWABLE-6-6 runs 6 months, not 7."
    assert why_not("welcome.toml", "13") == "WELCOME runs 6 to 12 months, not 13."
    assert why_not("solar-roof.toml", "13") == (
        "An instalment of SOLAR-ROOF is a quarter long: 13 months are no whole number of them."
    )


ODD = (
    *("-1", "0", "1", "99999999999999999999", "1e400", "1e-400", "nan", "inf", "true"),
    *('"x"', '""', '"-5"', '"NaN"', '"0.123456789012"', '"99999999999999999999.99"', "'极速'"),
    *("[]", "{}", "[[]]", "[1]", '[""]', "2026-02-28", "12:00:00"),
)
SAID = [
    (file, number)
    for file in FILES
    for number, line in enumerate(file.read_text().splitlines())
    if " = " in line and not line.startswith("#")
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAID), st.sampled_from(ODD))
def test_any_value_in_a_product_file_is_taken_or_refused(
    place: tuple[Path, int], value: str
) -> None:
    file, number = place
    lines = file.read_text().splitlines()
    lines[number] = f"{lines[number].partition(' = ')[0]} = {value}"

    offer, wrong = parsed("\n".join(lines))

    assert offer is not None or wrong
    if offer is not None and not wrong:
        at_the_gate(offer, load_policies(), DAY)


def answered(*words: str) -> tuple[int, object]:
    result = CliRunner().invoke(app, [*words, "--json"], prog_name="loans")
    return result.exit_code, json.loads(result.stdout)


def test_the_command_line_checks_a_folder_by_the_rules_of_a_day(tmp_path: Path) -> None:
    code, found = answered("product", "check", str(FOLDER), "--on", "2026-11-30")

    offers = [read_offer(file) for file in FILES]
    assert (code, found) == (
        0,
        [{"product": f"{offer.code} v{offer.version}", "faults": []} for offer in offers],
    )
    # By the end of 2027 new loans of micro-lenders are held to half as much.
    stall = str(FOLDER / "market-stall.toml")
    code, refused = answered("product", "check", stall, "--on", "2027-12-31")
    assert code == 1 and isinstance(refused, dict)
    assert all("caps-cn-micro-3" in fault for fault in refused["faults"])


def test_a_fault_of_a_product_hides_nothing_that_the_gate_refuses_of_its_names(
    tmp_path: Path,
) -> None:
    spoilt = (FOLDER / "welcome.toml").read_text()
    spoilt = spoilt.replace("EQUAL_INSTALMENTS", "ANNUITY").replace("Welcome loan", "Instant loan")
    path = tmp_path / "spoilt.toml"
    path.write_text(spoilt)

    code, found = answered("product", "check", str(path), "--on", "2026-11-30")

    assert code == 1 and isinstance(found, dict)
    assert [fault[:30] for fault in found["faults"]] == [
        "The repayment method 'ANNUITY'",
        "A product is not called 'insta",
    ]


def test_a_product_that_cannot_be_priced_is_told_what_else_the_gate_refuses(tmp_path: Path) -> None:
    spoilt = (FOLDER / "home-improvement-lpr.toml").read_text()
    spoilt = re.sub('index = "[A-Z0-9_]+"', 'index = "NONE"', spoilt)
    path = tmp_path / "spoilt.toml"
    path.write_text(re.sub('name = ".*"', 'name = "Instant loan"', spoilt))

    code, found = answered("product", "check", str(path), "--on", "2026-11-30")

    assert code == 1 and isinstance(found, dict)
    told = " ".join(found["faults"])
    assert "PRICE" in told and "'instant'" in told


def test_the_command_line_quotes_a_grade() -> None:
    code, quoted = answered(
        "quote", str(FOLDER / "graded.toml"), "10000", "12", "--grade", "A", "--on", "2026-11-30"
    )

    assert code == 0 and isinstance(quoted, dict)
    assert quoted["terms"]["annual_rate"] == "0.078"
