"""What a loan costs in a year, and the fingerprint of its terms."""

from decimal import Decimal

from domain.base.terms import FeeTerm
from domain.loan.cost import annualised_cost, digest
from domain.loan.schedule import schedule
from tests.domain.story import JAN_15, terms


def test_without_fees_the_cost_is_the_rate() -> None:
    cost = annualised_cost(1_000_000_00, schedule(terms(amount=1_000_000_00), JAN_15))

    assert cost.quantize(Decimal("0.00001")) == Decimal("0.06000")


def test_fees_make_a_loan_dearer_than_its_rate() -> None:
    fees = [FeeTerm("ACCOUNT", "PER_INSTALMENT", 5_00)]

    assert annualised_cost(1_000_00, schedule(terms(fees=fees), JAN_15)) > Decimal("0.16")


def test_a_flat_fee_of_six_per_mille_a_month_costs_about_thirteen_per_cent() -> None:
    # 0.6 % a month on the original principal for 12 months: 13.03 % nominal a year.
    flat = terms(
        annual_rate=Decimal(0),
        amount=1_000_000_00,
        fees=[FeeTerm("FLAT", "PER_INSTALMENT", 6_000_00)],
    )

    cost = annualised_cost(flat.amount, schedule(flat, JAN_15))

    assert cost.quantize(Decimal("0.0001")) == Decimal("0.1303")


def test_a_loan_that_costs_nothing_costs_nothing() -> None:
    assert annualised_cost(1_000_00, schedule(terms(annual_rate=Decimal(0)), JAN_15)) == 0


def test_the_cost_of_a_very_dear_loan_is_found_too() -> None:
    dear = terms(term_months=1, fees=[FeeTerm("F", "PER_INSTALMENT", 5_000_00)])

    assert annualised_cost(dear.amount, schedule(dear, JAN_15)) > 60


def test_other_terms_have_another_digest() -> None:
    assert digest(terms()) == digest(terms())
    assert digest(terms()) != digest(terms(penalty_rate=Decimal("0.01")))
    assert digest(terms()) != digest(terms(fees=[FeeTerm("X", "ON_EVENT", 1)]))


def test_a_rate_written_with_more_zeros_is_the_same_rate() -> None:
    # As it was entered, and as it comes back from the store.
    assert digest(terms(annual_rate=Decimal("0.06"))) == digest(
        terms(annual_rate=Decimal("0.0600000000"))
    )
    assert digest(terms(annual_rate=Decimal(0))) == digest(terms(annual_rate=Decimal("0E-10")))
