"""The publish gate: caps, disclosure, renewals and names, by the rules of a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.policy import (
    CapRule,
    ChargeLint,
    IndexRate,
    NameLint,
    Policies,
    PublishRules,
    RenewalRule,
)
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RatePlan, RateStep, Renewal
from domain.commands.products import at_the_gate
from domain.product.product import GradeRate, Offer
from infra.policies import load_policies
from tests.domain.commands.books import OFFER

DAY = date(2026, 11, 22)
EVER = date(1990, 1, 1)
CAP = CapRule("cap-1", "CN", "BANK", Decimal("0.24"), EVER, None, "test")
RENEWALS = RenewalRule("renewals-1", "ANY", 12, 1, 1, EVER, None, "test")
NAMES = NameLint("names-1", "CN", ("极速", "no credit check"), EVER, None, "test")
CHARGES = ChargeLint("charges-1", "ANY", ("OTHER", "MISC"), EVER, None, "test")
POLICIES = Policies(
    (),
    (),
    (),
    (),
    (),
    caps=(CAP,),
    renewal_rules=(RENEWALS,),
    name_lints=(NAMES,),
    charge_lints=(CHARGES,),
)


def offer(**changes: Any) -> Offer:
    return replace(OFFER, **{"jurisdiction": "CN", "lender_kind": "BANK", **changes})


def refused(on: date = DAY, policies: Policies = POLICIES, **changes: Any) -> list[tuple[str, str]]:
    return [(each.rule, each.version) for each in at_the_gate(offer(**changes), policies, on)]


def test_a_product_that_keeps_every_rule_passes() -> None:
    assert refused(penalty_multiple=Decimal("1.5")) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"annual_rate": Decimal("0.25")},
        {"fees": [FeeTerm("ACCOUNT_CARE", "PER_INSTALMENT", 5_00)]},
        {"rate_plan": RatePlan("SCHEDULED", [RateStep(12, Decimal("0.25"))])},
        {"rate_grid": [GradeRate("A", Decimal("0.06")), GradeRate("E", Decimal("0.25"))]},
        {"penalty_rate": Decimal("0.25")},
        {"annual_rate": Decimal("0.17"), "penalty_multiple": Decimal("1.5")},
        {
            "annual_rate": Decimal("0.12"),
            "penalty_rate": Decimal("0.15"),
            "accrual": "DAILY_BALANCE",
        },
    ],
)
def test_no_product_may_cost_more_than_its_kind_of_lender_may_ask(changes: dict[str, Any]) -> None:
    found = refused(**changes)

    assert found and set(found) == {("CAP", "cap-1")}


@pytest.mark.parametrize(
    "changes",
    [
        {"annual_rate": Decimal("0.16"), "penalty_multiple": Decimal("1.5"), "term_months_min": 12},
        {"annual_rate": Decimal("0.239")},
        {"rate_plan": RatePlan("SCHEDULED", [RateStep(2, Decimal("0.239"))])},
    ],
)
def test_up_to_the_cap_a_product_passes(changes: dict[str, Any]) -> None:
    assert refused(amount_min=100_000_00, amount_max=100_000_00, **changes) == []


def test_the_smallest_loan_is_the_dearest_where_charges_are_amounts() -> None:
    # 1.00 a month is 1 % of the least amount and next to nothing of the most.
    (first, *_) = at_the_gate(
        offer(fees=[FeeTerm("ACCOUNT_CARE", "PER_INSTALMENT", 1_00)]), POLICIES, DAY
    )

    assert first.sentence.startswith("100.00 over 24 months costs")


def refused_by_law(**changes: Any) -> list[tuple[str, str]]:
    return refused(policies=load_policies(), lender_kind="BANK", **changes)


@pytest.mark.parametrize("multiple", ["1.2", "1.6"])
def test_a_penalty_is_a_multiple_of_the_rate_that_the_law_names(multiple: str) -> None:
    assert refused_by_law(penalty_multiple=Decimal("1.5")) == []
    assert refused_by_law(penalty_multiple=Decimal(multiple)) == [("PENALTY", "penalty-cn-1")]


def test_a_penalty_that_is_a_rate_is_held_against_the_multiple_too() -> None:
    assert refused_by_law(penalty_rate=OFFER.annual_rate * 2) == [("PENALTY", "penalty-cn-1")]


def test_on_top_of_interest_a_penalty_is_the_part_beyond_the_rate() -> None:
    daily = {"accrual": "DAILY_BALANCE", "penalty_multiple": Decimal("0.5")}

    assert refused_by_law(**daily) == []


def test_a_lender_of_china_withholds_nothing_from_the_payout() -> None:
    beside = FeeTerm("OPENING", "AT_DISBURSEMENT", 0, percent=Decimal("0.01"), base="AMOUNT")

    assert refused_by_law(fees=[beside]) == []
    assert refused_by_law(fees=[replace(beside, withheld=True)]) == [
        ("WITHHOLDING", "withholding-cn-1")
    ]


def test_a_loan_of_china_that_is_paid_off_early_owes_interest_to_the_day() -> None:
    assert refused_by_law(settling="TO_NEXT_DUE") == [("SETTLING", "settling-cn-1")]


@pytest.mark.parametrize(
    ("fee", "found"),
    [
        (FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.005"), base="PRINCIPAL"), []),
        (FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.01"), base="PRINCIPAL"), ["eu"]),
        (FeeTerm("EARLY", "ON_PREPAYMENT", 5_00), ["eu"]),
    ],
)
def test_paying_early_costs_what_the_law_lets_it_from_its_day_on(
    fee: FeeTerm, found: list[str]
) -> None:
    before = refused(
        on=date(2026, 11, 19),
        policies=load_policies(),
        jurisdiction="EU",
        lender_kind="LENDER",
        fees=[fee],
    )
    after = refused(policies=load_policies(), jurisdiction="EU", lender_kind="LENDER", fees=[fee])

    assert before == []
    assert after == [("PREPAYMENT", f"prepayment-{name}-1") for name in found]


def test_without_a_kind_of_lender_no_cap_is_asked_for() -> None:
    dear = replace(OFFER, annual_rate=Decimal("0.99"))

    assert at_the_gate(dear, POLICIES, DAY) == []


def test_a_kind_of_lender_whose_cap_nobody_knows_cannot_publish() -> None:
    assert refused(lender_kind="PAWNBROKER") == [("CAP", "none")]
    assert refused(on=date(1989, 12, 31)) == [("CAP", "none")]


@pytest.mark.parametrize("kind", ["OTHER", "misc", "Mi-sc"])
def test_a_charge_says_what_it_is_for(kind: str) -> None:
    assert refused(fees=[FeeTerm(kind, "ON_EVENT", 1)]) == [("DISCLOSURE", "charges-1")]


@pytest.mark.parametrize(
    ("renewal", "found"),
    [
        (Renewal(3, 1, 10), []),
        (Renewal(1, 2, 10), [("RENEWAL", "renewals-1")]),
        (Renewal(3, 2, 10), [("RENEWAL", "renewals-1")] * 2),
    ],
)
def test_a_term_is_renewed_once_at_most_and_no_longer_than_it_was(
    renewal: Renewal, found: list[tuple[str, str]]
) -> None:
    assert refused(term_months_min=3, term_months_max=3, renewal=renewal) == found


@pytest.mark.parametrize("name", ["极速贷", "极 速 贷", "Loan, No Credit Check", "No-credit-check"])
def test_a_name_promises_neither_speed_nor_approval(name: str) -> None:
    assert refused(name=name) == [("NAME", "names-1")]


def test_names_are_read_by_the_rules_of_the_place() -> None:
    elsewhere = replace(OFFER, name="极速贷", jurisdiction="US", lender_kind="BANK")
    caps = (CAP, replace(CAP, jurisdiction="US"))

    assert at_the_gate(elsewhere, replace(POLICIES, caps=caps), DAY) == []


def test_everything_that_fails_is_said_at_once() -> None:
    found = refused(
        name="极速贷",
        annual_rate=Decimal("0.25"),
        fees=[FeeTerm("OTHER", "ON_EVENT", 1)],
        term_months_min=3,
        term_months_max=3,
        renewal=Renewal(1, 2, 10),
    )

    assert {rule for rule, _ in found} == {"CAP", "DISCLOSURE", "RENEWAL", "NAME"}


def test_the_rules_of_the_day_are_those_in_force() -> None:
    policies = load_policies()

    def cap(on: date) -> CapRule | None:
        rules: PublishRules = policies.publish_rules("CN", "MICRO_LENDER", on)
        return rules.cap

    before, then = cap(date(2027, 12, 30)), cap(date(2027, 12, 31))
    assert before is not None and before.annual_rate == Decimal("0.24")
    assert then is not None and then.annual_rate == Decimal("0.12")
    assert all(rule.source for rule in policies.caps)


def test_an_indexed_product_is_priced_by_the_index_of_the_day() -> None:
    index = IndexRate("index-1", "LPR_1Y", Decimal("0.2"), EVER, None, "test")
    plan = RatePlan("INDEXED", [], index="LPR_1Y", margin=Decimal("0.05"), reprice_months=12)

    assert refused(rate_plan=plan) == [("PRICE", "POLICY_MISSING")]
    known = replace(POLICIES, index_rates=(index,))
    assert set(refused(policies=known, rate_plan=plan)) == {("CAP", "cap-1")}
    low = replace(POLICIES, index_rates=(replace(index, annual_rate=Decimal("0.03")),))
    assert refused(policies=low, rate_plan=plan) == []


def test_instalments_that_repay_a_loan_too_soon_are_refused() -> None:
    # 100.00 in 26 rows: 4.03 each, rounded to 5.00, repays it five rows before the end.
    choices = Repayment(every=2, multiple_of=5_00, excess_interest="PRINCIPAL")
    asked = offer(frequency="WEEK", repayment=choices, term_months_min=12, term_months_max=12)

    (found,) = at_the_gate(asked, POLICIES, DAY)

    assert (found.rule, found.version) == ("PRICE", "ROW_BELOW_ZERO")
