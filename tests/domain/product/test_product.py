"""Products: published when sound, and lending within their limits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.base.money import UnknownCurrency
from domain.base.terms import FeeTerm
from domain.product.product import OutsideLimits, Product, ProductNotSound
from tests.domain.commands.books import OFFER
from tests.domain.story import NAMESPACE, act, given, happened, recorded

TENTH = Decimal("0.1")


def published(**changes: Any) -> Product:
    return Product.publish(act(), NAMESPACE, replace(OFFER, **changes))


def test_a_sound_product_is_published_with_all_its_parts() -> None:
    assert recorded(published()) == [happened(Product.Published, offer=OFFER)]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_min": 0},
        {"amount_min": -1},
        {"amount_min": 2, "amount_max": 1},
        {"amount_max": 10**16},
        {"term_months_min": 0},
        {"term_months_min": 13, "term_months_max": 12},
        {"term_months_max": 1201},
        {"method": "BALLOON"},
        {"frequency": "FORTNIGHT"},
        {"day_count": "ACT/ACT"},
        {"day_count": "BUS/252"},
        {"rounding": "DOWN"},
        {"future_money": "REDUCE_TERM"},
        {"allocation_order": []},
        {"allocation_order": ["FEE", "FEE", "INTEREST", "PENALTY", "PRINCIPAL"]},
        {"allocation_order": ["INTEREST", "PENALTY", "PRINCIPAL"]},
        {"annual_rate": Decimal("-0.01")},
        {"annual_rate": Decimal("NaN")},
        {"annual_rate": Decimal("0.00000000001")},
        {"annual_rate": Decimal(10**8)},
        {"penalty_rate": Decimal("-0.01")},
        {"penalty_rate": Decimal("0.12345678901")},
        {"grace_days": -1},
        {"fees": [FeeTerm("LETTER", "ON_EVENT", 0)]},
        {"fees": [FeeTerm("LETTER", "ON_EVENT", -5_00)]},
        {"fees": [FeeTerm("LETTER", "SOMETIMES", 5_00)]},
        {"fees": [FeeTerm("", "ON_EVENT", 5_00)]},
        {"fees": [FeeTerm("BREACH", "ON_EVENT", 5_00, "INTEREST")]},
        {"fees": [FeeTerm("BREACH", "PER_INSTALMENT", 5_00, "PENALTY")]},
        {"fees": [FeeTerm("SHARE", "ON_EVENT", 5_00, percent=TENTH, base="AMOUNT")]},
        {"fees": [FeeTerm("SHARE", "ON_EVENT", 0, percent=TENTH, base="PRINCIPAL")]},
        {"fees": [FeeTerm("SHARE", "PER_INSTALMENT", 0, percent=TENTH)]},
        {"fees": [FeeTerm("SHARE", "PER_INSTALMENT", 0, percent=Decimal(0), base="AMOUNT")]},
        {"fees": [FeeTerm("SHARE", "PER_INSTALMENT", 0, percent=TENTH**11, base="AMOUNT")]},
        {"fees": [FeeTerm("SHARE", "PER_INSTALMENT", 5_00, base="AMOUNT")]},
        {"fees": [FeeTerm("LETTER", "ON_EVENT", 5_00, earned="OVER_TERM")]},
        {"fees": [FeeTerm("OPENING", "AT_DISBURSEMENT", 5_00, earned="SOMETIMES")]},
        {"advance_order": []},
        {"advance_order": ["FEE", "FEE", "INTEREST", "PENALTY"]},
        {"allocation_scope": "LOAN"},
        {"charges_due": "NEVER"},
        {"charges_count": "SOMETIMES"},
        {"fees": [FeeTerm("LETTER", "ON_EVENT", 5_00), FeeTerm("LETTER", "ON_EVENT", 6_00)]},
    ],
)
def test_a_product_that_contradicts_itself_is_not_published(changes: dict[str, Any]) -> None:
    with pytest.raises(ProductNotSound):
        published(**changes)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ProductNotSound) as wrong:
        published(amount_min=0, method="BALLOON", grace_days=-1)

    assert wrong.value.sentence.count(".") == 3


def test_a_product_lends_in_a_real_currency() -> None:
    with pytest.raises(UnknownCurrency):
        published(currency="XXY")


def test_the_terms_of_a_loan_are_the_products_own() -> None:
    product = given(published(fees=[FeeTerm("LETTER", "ON_EVENT", 20_00)]))

    terms = product.terms(1_000_00, 12)

    assert (terms.amount, terms.term_months, terms.annual_rate) == (1_000_00, 12, Decimal("0.06"))
    assert terms.fees == [FeeTerm("LETTER", "ON_EVENT", 20_00)]
    assert (terms.product_code, terms.product_version) == ("TEST", 1)


def test_a_rate_may_be_agreed_apart_also_none_at_all() -> None:
    product = given(published())

    assert product.terms(1_000_00, 12, Decimal("0.05")).annual_rate == Decimal("0.05")
    assert product.terms(1_000_00, 12, Decimal(0)).annual_rate == 0


@pytest.mark.parametrize(
    ("amount", "months"), [(99_99, 12), (10_000_01, 12), (1_000_00, 0), (1_000_00, 25)]
)
def test_outside_its_limits_a_product_lends_nothing(amount: int, months: int) -> None:
    with pytest.raises(OutsideLimits):
        given(published()).terms(amount, months)


def test_at_its_limits_a_product_lends() -> None:
    product = given(published())

    assert product.terms(100_00, 1).amount == 100_00
    assert product.terms(10_000_00, 24).amount == 10_000_00


def test_a_loan_is_signed_on_the_allocation_its_product_names() -> None:
    order = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
    product = published(
        advance_order=order,
        allocation_scope="COMPONENT",
        charges_due="OWN_DAY",
        charges_count="FROM_THE_START",
        future_money="REAMORTISED",
        fees=[FeeTerm("BREACH", "ON_EVENT", 5_00, "PENALTY")],
    )

    terms = product.terms(OFFER.amount_min, OFFER.term_months_min)

    assert (terms.advance_order, terms.allocation_scope) == (order, "COMPONENT")
    assert (terms.charges_due, terms.charges_count) == ("OWN_DAY", "FROM_THE_START")
    assert (terms.future_money, terms.fees[0].owed) == ("REAMORTISED", "PENALTY")
