"""What is wrong with an offer is said part by part, in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.repayment import Repayment
from domain.base.terms import (
    BUCKETS,
    Conversion,
    FeeTerm,
    RatePlan,
    RateStep,
    Renewal,
    SourceOrder,
    Subsidy,
)
from domain.product.product import GradeRate, Offer, RateTier
from tests.domain.commands.books import OFFER

HALF_YEAR = {"term_months_min": 6, "term_months_max": 6}


def step_down(*steps: tuple[int, str], **changes: Any) -> RatePlan:
    made = [RateStep(first, Decimal(rate)) for first, rate in steps]
    return replace(RatePlan("STEP_DOWN", made), **changes)


def fee(**changes: Any) -> list[FeeTerm]:
    return [replace(FeeTerm("LETTER", "ON_EVENT", 5_00), **changes)]


def offer(**changes: Any) -> Offer:
    return replace(OFFER, **changes)


SOUND: list[dict[str, Any]] = [
    {"frequency": "QUARTER", "term_months_min": 3, "term_months_max": 24},
    {"frequency": "WEEK"},
    {"frequency": "DAY", "repayment": Repayment(every=10)},
    {"method": "BULLET"},
    {"method": "BULLET", "conversion": Conversion(6, 10, Decimal("0.05"))},
    {
        "method": "INTEREST_ONLY",
        "accrual": "DAILY_BALANCE",
        "future_money": "NEXT_INSTALMENT",
        "conversion": Conversion(6, 10),
    },
    {"rate_tiers": [RateTier("REPEAT", Decimal("0.05")), RateTier("REPEAT", Decimal(0), 12)]},
    {
        "rate_plan": step_down((3, "0.055")),
        "rate_tiers": [
            RateTier("REPEAT", Decimal("0.05"), 0, [RateStep(2, Decimal("0.04"))]),
            RateTier("DORMANT", Decimal("0.058")),
        ],
    },
    {"day_count": "ACT/ACT ICMA"},
    {"day_count": "1/1"},
    {"day_count": "BUS/252", "calendar": "CN"},
    {"method": "EQUAL_PRINCIPAL", "term_months_min": 6, "repayment": Repayment(grace_principal=5)},
    {"repayment": Repayment(amortised_over=60)},
    {"repayment": Repayment(interest_on="DRAWN")},
    {"repayment": Repayment(down_payment=Decimal("0.2"))},
    {"method": "FIXED_PAYMENT", "repayment": Repayment(payment=100_00)},
    {"method": "PERCENT_OF_BALANCE", "repayment": Repayment(percent=Decimal("0.1"), least=10_00)},
    {"method": "CUSTOM", "repayment": Repayment(shares=[0, 0, 1, 0, 0, 1]), **HALF_YEAR},
    {
        "method": "CUSTOM",
        "frequency": "CUSTOM",
        "repayment": Repayment(shares=[1, 2], due_on=[date(2025, 6, 1), date(2025, 10, 1)]),
        **HALF_YEAR,
    },
    {"rate_plan": step_down((2, "0.055"), (3, "0.05"), scope="INSTALMENT")},
    {"rate_plan": RatePlan("SCHEDULED", [RateStep(4, Decimal("0.12"))])},
    {
        "rate_plan": RatePlan(
            "INDEXED", [], index="LPR_1Y", margin=Decimal("-0.001"), reprice_months=12
        )
    },
    {
        "term_months_min": 3,
        "term_months_max": 3,
        "renewal": Renewal(3, 1, 10),
        "rate_plan": step_down((4, "0.045"), scope="TERM"),
    },
    {"penalty_multiple": Decimal("1.5"), "penalty_on_interest": True},
    {"annual_rate": Decimal(0), "subsidy": Subsidy("MERCHANT", Decimal("0.06"))},
    {"rate_grid": [GradeRate("A", Decimal("0.05")), GradeRate("B", Decimal("0.08"))]},
    {"segments": ["STUDENT"], "scene": "EDUCATION", "partner": "SCHOOL-1"},
    {"jurisdiction": "CN", "lender_kind": "MICRO_LENDER", "calendar": "CN"},
    {"accrual": "DAILY_BALANCE", "method": "INTEREST_ONLY"},
    {"accrual": "DAILY_BALANCE", "method": "BULLET", "allocation_scope": "COMPONENT"},
    {
        "accrual": "DAILY_BALANCE",
        "prepayment": "SHORTER_TERM",
        "subsidy": Subsidy("MERCHANT", Decimal("0.01")),
        "fees": fee(timing="ON_PREPAYMENT"),
    },
    {"accrual": "DAILY_BALANCE", "bucket_order": list(BUCKETS)},
    {"bucket_order": list(BUCKETS), "prepayment": "LOWER_INSTALMENT"},
    {"bucket_order": list(BUCKETS), "late_order": OFFER.allocation_order, "late_order_days": 90},
    {
        "source_orders": [
            SourceOrder("GUARANTOR", OFFER.allocation_order),
            SourceOrder("PARTNER", list(BUCKETS)),
        ]
    },
    {"tranches": True},
    {"offered_from": date(2026, 1, 1), "offered_until": date(2026, 1, 1)},
    {"fees": fee(timing="AT_DISBURSEMENT", withheld=True)},
    {"late_order": ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"], "late_order_days": 90},
    {"recovery_order": ["PRINCIPAL", "FEE", "INTEREST", "PENALTY"]},
    {"recovery_order": OFFER.allocation_order, "bucket_order": list(BUCKETS)},
    {"prepayment": "SHORTER_TERM", "settling": "STATUTORY_UK"},
    {"fees": fee(timing="PER_INSTALMENT", amount=0, percent=Decimal("0.01"), base="PRINCIPAL")},
    {"fees": fee(timing="ON_OVERDUE", owed="PENALTY", earned="AT_ONCE")},
]

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "a code, a name"),
    ({"version": 0}, "a version from 1 on"),
    ({"version": 10**20}, "No amount or count may be larger"),
    ({"late_order": OFFER.allocation_order, "late_order_days": 10**20}, "No amount or count"),
    ({"repayment": Repayment(shares=[10**20]), **HALF_YEAR}, "No amount or count"),
    ({"repayment": Repayment(amortised_over=10**9), **HALF_YEAR}, "over 12000 rows at most"),
    ({"accrual": "SOMETIMES"}, "accrual 'SOMETIMES' is not offered"),
    ({"prepayment": "NEVER"}, "rule for prepayments 'NEVER'"),
    ({"settling": "LATER"}, "rule for settling early 'LATER'"),
    ({"calendar": "MARS"}, "calendar 'MARS'"),
    ({"day_count": "BUS/252"}, "business days of a calendar"),
    ({"day_count": "ACT/ACT ICMA", "frequency": "WEEK"}, "months or quarters"),
    ({"day_count": "1/1", "repayment": Repayment(row_share="ACTUAL")}, "share of a year"),
    ({"day_count": "1/1", "method": "INTEREST_ONLY", "accrual": "DAILY_BALANCE"}, "counts days"),
    ({"rate_tiers": []}, "Rate tiers need"),
    ({"rate_tiers": [RateTier(" ", Decimal("0.05"))]}, "Rate tiers need"),
    ({"rate_tiers": [RateTier("REPEAT", Decimal("0.05"), -1)]}, "Rate tiers need"),
    ({"rate_tiers": [RateTier("REPEAT", Decimal("0.05"))] * 2}, "each pair once"),
    ({"rate_tiers": [RateTier("REPEAT", Decimal(-1))]}, "negative"),
    (
        {"rate_tiers": [RateTier("REPEAT", Decimal("0.05"), 0, [RateStep(2, Decimal(0))])]},
        "need a rate plan",
    ),
    (
        {
            "rate_tiers": [RateTier("REPEAT", Decimal("0.05"))],
            "rate_grid": [GradeRate("A", Decimal("0.05"))],
        },
        "say one of them",
    ),
    (
        {"rate_plan": step_down((3, "0.055")), "rate_tiers": [RateTier("REPEAT", Decimal("0.05"))]},
        "must be below",
    ),
    ({"conversion": Conversion(6, 10)}, "goes with BULLET"),
    ({"method": "BULLET", "conversion": Conversion(1, 10)}, "2 to 1200"),
    ({"method": "BULLET", "conversion": Conversion(6, 0)}, "is offered for 1 to"),
    ({"method": "BULLET", "conversion": Conversion(6, 9, Decimal(-1))}, "negative"),
    ({"late_order": ["FEE"], "late_order_days": 90}, "order for late money must name"),
    ({"bucket_order": list(BUCKETS)[1:]}, "each of the twelve once"),
    (
        {"bucket_order": list(BUCKETS), "advance_order": OFFER.allocation_order},
        "leave the order for that out",
    ),
    (
        {"source_orders": [SourceOrder("GUARANTEE", OFFER.allocation_order)]},
        "or PARTNER, not from 'GUARANTEE'",
    ),
    (
        {"source_orders": [SourceOrder("PARTNER", OFFER.allocation_order)] * 2},
        "Money from PARTNER has 2 orders",
    ),
    ({"source_orders": [SourceOrder("PARTNER", ["FEE"])]}, "or each of the twelve buckets once"),
    ({"late_order": ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]}, "needs the days past due"),
    ({"recovery_order": ["PRINCIPAL"]}, "order for money after the write-off must name"),
    ({"recovery_order": ["PRINCIPAL"] * 4}, "order for money after the write-off must name"),
    ({"late_order_days": 90}, "needs the days past due"),
    ({"late_order": OFFER.allocation_order, "late_order_days": 0}, "from one day past due"),
    ({"penalty_multiple": Decimal(0)}, "multiple is above zero"),
    ({"penalty_multiple": Decimal(2), "penalty_rate": Decimal("0.1")}, "not both"),
    ({"penalty_on_interest": True}, "needs a penalty rate"),
    ({"subsidy": Subsidy("", Decimal("0.01"))}, "who pays it"),
    ({"subsidy": Subsidy("SHOP", Decimal(0))}, "a rate above zero"),
    ({"rate_grid": []}, "needs grades"),
    ({"rate_grid": [GradeRate("A", Decimal("0.1"))] * 2}, "each named once"),
    ({"rate_grid": [GradeRate("A", Decimal("-0.1"))]}, "Rates cannot be negative"),
    ({"fees": fee(amount=0, percent=Decimal("1.5"), base="AMOUNT")}, "more than 100 %"),
    ({"fees": fee(percent=Decimal("0.5"), base="AMOUNT")}, "an amount or a percentage"),
    ({"fees": fee(amount=0, percent=Decimal("0.5"))}, "needs the base AMOUNT"),
    ({"fees": fee(base="AMOUNT")}, "names a base and no percentage"),
    ({"fees": fee(earned="NEVER")}, "earned at a time that is not offered"),
    ({"fees": fee(owed="PENALTY", timing="AT_DISBURSEMENT")}, "The penalty 'LETTER' is charged"),
    ({"fees": fee(withheld=True)}, "Only a fee at disbursement is withheld, not 'LETTER'"),
    (
        {"fees": fee(timing="AT_DISBURSEMENT", amount=OFFER.amount_min, withheld=True)},
        "must leave something of the least amount",
    ),
    (
        {"offered_from": date(2026, 2, 1), "offered_until": date(2026, 1, 31)},
        "comes before the first",
    ),
    ({"tranches": True, "repayment": Repayment(interest_on="DRAWN")}, "Flat interest is set"),
    ({"tranches": True, "in_parts": True}, "tranches or in_parts"),
    (
        {"tranches": True, "method": "INTEREST_ONLY", "accrual": "DAILY_BALANCE"},
        "planned payouts go with a schedule",
    ),
    (
        {"tranches": True, "repayment": Repayment(down_payment=Decimal("0.1"))},
        "A down payment is one of a single payout",
    ),
    ({"tranches": True, "own_schedule": True}, "Instalments of its own are agreed on"),
    ({"frequency": "QUARTER"}, "1 months is no whole number of rows of 1 x quarter"),
    ({"repayment": Repayment(every=2)}, "1 months is no whole number"),
    ({"repayment": Repayment(every=0)}, "must be one at least"),
    ({"repayment": Repayment(multiple_of=0)}, "must be one at least"),
    ({"repayment": Repayment(count=0)}, "must be one at least"),
    ({"repayment": Repayment(count=12)}, "fit one term"),
    ({"repayment": Repayment(count=5), **HALF_YEAR}, "5 rows of 1 months do not make"),
    ({"frequency": "CUSTOM"}, "Due dates go with the frequency CUSTOM"),
    ({"repayment": Repayment(due_on=[date(2025, 6, 1)])}, "Due dates go with"),
    (
        {"frequency": "CUSTOM", "repayment": Repayment(due_on=[date(2025, 6, 1)] * 2)},
        "must follow each other",
    ),
    ({"repayment": Repayment(row_share="HALF")}, "share of a year 'HALF'"),
    ({"repayment": Repayment(row_share="ACTUAL", year_days="400")}, "length of a year '400'"),
    ({"repayment": Repayment(year_days="360")}, "goes with a share of a year"),
    (
        {"repayment": Repayment(row_share="NOMINAL", year_days="CALENDAR_JAN1")},
        "go with a year of 360",
    ),
    ({"repayment": Repayment(interest_on="WISHES")}, "base of interest 'WISHES'"),
    ({"repayment": Repayment(level_from="NOWHERE")}, "origin of the equal instalment"),
    ({"grace_days": 10**9}, "days of grace at most"),
    ({"renewal": Renewal(term_months=1, most=1, offer_days=10**9)}, "days at most"),
    ({"repayment": Repayment(excess_interest="LOST")}, "interest above the instalment"),
    ({"repayment": Repayment(down_payment=Decimal(1))}, "from 0 and below 1"),
    ({"repayment": Repayment(down_payment=Decimal("NaN"))}, "from 0 and below 1"),
    ({"repayment": Repayment(grace_principal=-1)}, "negative number of rows"),
    ({"repayment": Repayment(grace_principal=6), **HALF_YEAR}, "Grace must end before the last"),
    ({"repayment": Repayment(interest_free=7), **HALF_YEAR}, "free of interest than the 6"),
    (
        {"method": "INTEREST_ONLY", "repayment": Repayment(grace_principal=1), **HALF_YEAR},
        "does not go with the method INTEREST_ONLY",
    ),
    ({"repayment": Repayment(amortised_over=5), **HALF_YEAR}, "more rows than the 6"),
    (
        {"method": "BULLET", "repayment": Repayment(amortised_over=60)},
        "A balloon goes with equal instalments",
    ),
    ({"method": "FIXED_PAYMENT"}, "needs its figures"),
    ({"method": "FIXED_PAYMENT", "repayment": Repayment()}, "A payment above zero goes with"),
    ({"repayment": Repayment(payment=5)}, "A payment above zero goes with"),
    ({"repayment": Repayment(percent=Decimal("0.5"))}, "A percentage up to 100 %"),
    ({"repayment": Repayment(least=5)}, "A least payment"),
    ({"repayment": Repayment(growth=Decimal("0.1"))}, "A growth above -1"),
    ({"repayment": Repayment(percent=Decimal("NaN"))}, "more than ten decimals"),
    ({"method": "EQUAL_PRINCIPAL", "repayment": Repayment(refit=True)}, "A refit"),
    ({"method": "CUSTOM", "repayment": Repayment(), **HALF_YEAR}, "and it needs them"),
    ({"repayment": Repayment(shares=[1] * 6), **HALF_YEAR}, "Shares of the principal go with"),
    (
        {"method": "CUSTOM", "repayment": Repayment(shares=[1, -1, 1, 1, 1, 1]), **HALF_YEAR},
        "cannot be negative",
    ),
    ({"method": "CUSTOM", "repayment": Repayment(shares=[0] * 6), **HALF_YEAR}, "nor all be zero"),
    (
        {"method": "CUSTOM", "repayment": Repayment(shares=[0, 1, 0, 1, 0, 0]), **HALF_YEAR},
        "last share of the principal cannot be zero",
    ),
    (
        {"method": "CUSTOM", "repayment": Repayment(shares=[1] * 5), **HALF_YEAR},
        "5 shares of the principal for 6 rows",
    ),
    (
        {"method": "EQUAL_PRINCIPAL", "repayment": Repayment(interest_on="DRAWN")},
        "Flat interest goes with EQUAL_INSTALMENTS",
    ),
    (
        {"repayment": Repayment(interest_on="DRAWN"), "rate_plan": step_down((2, "0.05"))},
        "Flat interest goes with one rate",
    ),
    ({"repayment": Repayment(interest_on="DRAWN", interest_free=1)}, "without grace"),
    ({"repayment": Repayment(interest_on="DRAWN", amortised_over=60)}, "without a balloon"),
    ({"rate_plan": RatePlan("GUESSED", [])}, "rate plan 'GUESSED' is not offered"),
    ({"rate_plan": step_down()}, "needs a step"),
    ({"rate_plan": step_down((1, "0.05"))}, "must not overlap"),
    ({"rate_plan": step_down((3, "0.05"), (3, "0.04"))}, "must not overlap"),
    ({"rate_plan": step_down((25, "0.05"))}, "after the last of the 24 instalments"),
    ({"rate_plan": step_down((2, "0.06"))}, "must be below the rate before it"),
    ({"rate_plan": step_down((2, "0.05"), (3, "0.055"))}, "must be below the rate before it"),
    ({"rate_plan": step_down((2, "-0.05"))}, "Rates cannot be negative"),
    ({"rate_plan": step_down((2, "0.05"), scope="WEEK")}, "scope 'WEEK'"),
    ({"rate_plan": step_down((2, "0.05"), index="LPR_1Y")}, "go with an indexed rate plan"),
    (
        {"rate_plan": RatePlan("SCHEDULED", [RateStep(2, Decimal("0.1"))], scope="TERM")},
        "go with a step-down",
    ),
    ({"rate_plan": RatePlan("INDEXED", [], reprice_months=3)}, "its index and its margin"),
    (
        {"rate_plan": RatePlan("INDEXED", [], index="LPR_1Y", margin=Decimal("0.01"))},
        "between its repricing dates",
    ),
    (
        {
            "rate_plan": RatePlan(
                "INDEXED",
                [RateStep(2, Decimal("0.1"))],
                index="LPR_1Y",
                margin=Decimal(0),
                reprice_months=12,
            )
        },
        "no steps of its own",
    ),
    (
        {
            "rate_grid": [GradeRate("A", Decimal("0.05"))],
            "rate_plan": RatePlan("SCHEDULED", [RateStep(2, Decimal("0.1"))]),
        },
        "goes without a rate plan",
    ),
    ({"renewal": Renewal(0, 1, 10)}, "A renewal needs its months"),
    ({"renewal": Renewal(7, 1, 10), **HALF_YEAR}, "more months than the shortest term"),
    (
        {
            "frequency": "QUARTER",
            "term_months_min": 6,
            "term_months_max": 6,
            "renewal": Renewal(4, 1, 10),
        },
        "renewal of 4 months is no whole number",
    ),
    (
        {"repayment": Repayment(count=6), "renewal": Renewal(6, 1, 10), **HALF_YEAR},
        "cannot be renewed",
    ),
    ({"accrual": "DAILY_BALANCE", "method": "PERCENT_OF_BALANCE"}, "balance of each day goes with"),
    (
        {"accrual": "DAILY_BALANCE", "settling": "STATUTORY_UK"},
        "reckoned from equal payments as scheduled",
    ),
    (
        {"accrual": "DAILY_BALANCE", "repayment": Repayment(down_payment=Decimal("0.1"))},
        "down payment does not go with interest on the balance",
    ),
    ({"accrual": "DAILY_BALANCE", "in_parts": True}, "can be drawn on at any time"),
    (
        {"accrual": "DAILY_BALANCE", "repayment": Repayment(interest_on="DRAWN")},
        "of each day is not flat",
    ),
    ({"segments": []}, "Segments must be named"),
    ({"segments": ["STUDENT", "STUDENT"]}, "Segments must be named"),
    ({"scene": ""}, "A scene or partner must be named"),
    ({"jurisdiction": "CN"}, "both the jurisdiction and the kind of lender"),
    ({"lender_kind": "BANK"}, "both the jurisdiction and the kind of lender"),
]


@pytest.mark.parametrize("changes", SOUND)
def test_parts_that_go_together_are_sound(changes: dict[str, Any]) -> None:
    assert offer(**changes).faults() == []


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_parts_that_do_not_go_together_are_named(changes: dict[str, Any], said: str) -> None:
    faults = offer(**changes).faults()

    assert any(said in fault for fault in faults), faults


def test_everything_is_said_at_once_and_each_thing_once() -> None:
    faults = offer(
        annual_rate=Decimal(-1),
        rate_grid=[GradeRate("A", Decimal(-1))],
        calendar="MARS",
        frequency="QUARTER",
        segments=[],
    ).faults()

    assert len(faults) == len(set(faults)) == 5
