"""What officers read of a contract: its terms in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.base.terms import RateCap
from entrypoints.as_of import contract_said
from entrypoints.product_file import read_offer
from entrypoints.terms_words import SETTLED
from infra.settings import ROOT

CATALOGUE = ROOT / "docs" / "catalogue"
DAY = date(2026, 11, 30)


def said(product: str, months: int | None = None) -> list[str]:
    offer = read_offer(CATALOGUE / f"{product}.toml")
    return contract_said(offer.terms(offer.amount_min, months or offer.term_months_min), DAY)


def test_a_plain_contract_is_told_in_three_lines() -> None:
    assert said("working-capital") == [
        "interest only, the principal at the end, by the month, ACT/360, holidays of CN",
        "penalty: 1.5 x the rate of each day (9.00% a year at first) on overdue principal",
        "money in advance goes to the next instalment",
    ]


def test_a_step_down_tells_its_steps_and_what_earns_them() -> None:
    assert "rate: 4.50% from no. 4 if paid on time" in said("ladder-3-3")
    assert said("ladder-3-3")[-1] == "renewable once by 3 months"


def test_an_index_and_a_subsidy_are_told() -> None:
    assert any("LPR" in line for line in said("home-improvement-lpr"))
    assert any("paid by" in line for line in said("merchant-zero"))


def test_a_loan_that_is_drawn_on_tells_that_each_day_counts() -> None:
    assert "interest by the balance of each day" in said("draw-and-repay")[0]


def test_a_bullet_that_can_be_converted_tells_into_what() -> None:
    lines = said("orchard")

    assert lines[0] == "all at the end, 30/360, holidays of CN"
    assert "after 3 days of grace counted from their end" in lines[1]
    assert "convertible into 12 instalments at most at 6.00%" in lines[-1]


def test_charges_are_told_with_their_time() -> None:
    assert said("us-personal")[1] == (
        "charges: origination 3.00% of amount at the payout,"
        " late payment 25.00 USD once an instalment is overdue"
    )


@pytest.mark.parametrize("product", ["uk-personal", "kw-consumer", "regulars"])
def test_a_contract_tells_settling_early_in_the_words_of_its_sheet(product: str) -> None:
    offer = read_offer(CATALOGUE / f"{product}.toml")
    terms = offer.terms(offer.amount_min, offer.term_months_min)

    lines = " ".join(said(product)).lower()

    told = SETTLED[terms.settling or "TO_THE_DAY"].rstrip(".").lower()
    assert (told in lines) == (terms.settling is not None)


def test_grace_is_counted_in_the_words_of_the_sheet() -> None:
    offer = read_offer(CATALOGUE / "household.toml")
    terms = offer.terms(offer.amount_min, offer.term_months_min)

    one_day = contract_said(replace(terms, grace_days=1, grace_retroactive=True), DAY)

    assert any("after 1 day of grace counted from the due date" in line for line in one_day)


def test_every_contract_of_the_catalogue_can_be_told() -> None:
    for file in CATALOGUE.glob("*.toml"):
        lines = said(file.stem)
        assert all(lines) and len(lines) >= 2, file
        assert not any("None" in line or "{" in line for line in lines), file


def test_the_cap_of_the_day_is_told() -> None:
    offer = read_offer(CATALOGUE / "household.toml")
    caps = [
        RateCap(date(2020, 1, 1), Decimal("0.24"), "cap-1"),
        RateCap(date(2027, 1, 1), Decimal("0.12"), "cap-2"),
    ]
    terms = offer.terms(offer.amount_min, offer.term_months_min, rate_caps=caps)

    assert any("at most 24.00% (cap-1)" in line for line in contract_said(terms, DAY))
    assert any("at most 12.00% (cap-2)" in line for line in contract_said(terms, date(2028, 1, 1)))
