"""Whatever an offer says: it has faults, or loans on it can be priced and scheduled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.base.repayment import (
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    Repayment,
    RowShare,
    YearDays,
)
from domain.base.terms import FeeBase, FeeTerm, FeeTiming, RatePlan, RateStep, Renewal
from domain.commands.products import at_the_gate
from domain.loan.schedule import schedule
from domain.product.product import Offer
from infra.policies import load_policies
from tests.domain.commands.books import OFFER

DAY = date(2026, 11, 30)
POLICIES = load_policies()

whole = st.integers(-1, 40)
rate = st.one_of(
    st.sampled_from([Decimal(0), Decimal(1), Decimal("-0.01"), Decimal("NaN"), Decimal(10**9)]),
    st.decimals("0", "0.4", places=4),
)
amount = st.one_of(st.integers(1, 10_000_00), st.sampled_from([0, -1, 10**15, 10**15 + 1]))
month = st.one_of(st.integers(1, 24), st.sampled_from([0, 36, 120, 1200, 1201]))
day = st.dates(date(2026, 1, 1), date(2030, 1, 1))

repayments = st.builds(
    Repayment,
    every=st.integers(0, 4),
    count=st.none() | whole,
    row_share=st.none() | st.sampled_from(RowShare),
    year_days=st.none() | st.sampled_from(YearDays),
    multiple_of=st.sampled_from([0, 1, 1_00, 100_00]),
    interest_on=st.sampled_from(InterestOn),
    level_from=st.sampled_from(LevelFrom),
    excess_interest=st.sampled_from(ExcessInterest),
    refit=st.booleans(),
    amortised_over=st.none() | whole,
    grace_principal=st.sampled_from([0, 0, 1, 3]),
    grace_interest=st.sampled_from([0, 0, 1, 3]),
    interest_free=st.sampled_from([0, 0, 1, 3]),
    payment=st.sampled_from([0, 0, 1_00, 500_00]),
    percent=st.sampled_from([Decimal(0), Decimal(0), Decimal("0.05"), Decimal(2)]),
    least=st.sampled_from([0, 0, 10_00]),
    growth=st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("-0.5")]),
    shares=st.none() | st.lists(st.integers(-1, 5), max_size=12),
    due_on=st.none() | st.lists(day, max_size=4).map(sorted),
    down_payment=st.sampled_from([Decimal(0), Decimal("0.2"), Decimal(1)]),
)
steps = st.lists(st.builds(RateStep, from_instalment=whole, annual_rate=rate), max_size=3)
plans = st.builds(
    RatePlan,
    kind=st.sampled_from(["STEP_DOWN", "SCHEDULED", "INDEXED", "GUESSED"]),
    steps=steps,
    scope=st.sampled_from([None, "TERM", "WEEK"]),
    index=st.sampled_from([None, "LPR_1Y"]),
    margin=st.none() | rate,
    reprice_months=st.none() | whole,
)
fees = st.builds(
    FeeTerm,
    kind=st.sampled_from(["A", "B"]),
    timing=st.sampled_from(FeeTiming),
    amount=st.sampled_from([0, 1_00]),
    percent=st.none() | rate,
    base=st.sampled_from([None, *FeeBase]),
)
changes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(["CNY", "JPY", "KWD"]),
        "amount_min": amount,
        "amount_max": amount,
        "term_months_min": month,
        "term_months_max": month,
        "frequency": st.sampled_from(Frequency),
        "method": st.sampled_from(Method),
        "annual_rate": rate,
        "penalty_rate": rate,
        "penalty_multiple": st.none() | rate,
        "day_count": st.sampled_from(["30/360", "ACT/360", "ACT/365F", "ACT/ACT ISDA", "1/1"]),
        "rounding": st.sampled_from(["HALF_UP", "HALF_EVEN"]),
        "repayment": repayments,
        "rate_plan": plans,
        "renewal": st.builds(Renewal, whole, whole, whole),
        "fees": st.lists(fees, max_size=2),
        "accrual": st.sampled_from([None, "DAILY_BALANCE"]),
        "jurisdiction": st.sampled_from([None, "CN"]),
        "lender_kind": st.sampled_from([None, "BANK", "PAWNBROKER"]),
    },
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
@given(changes)
def test_an_offer_is_refused_with_reasons_or_passes_to_the_gate(said: dict[str, Any]) -> None:
    offer = replace(OFFER, **said)

    faults = offer.faults()
    failures = [] if faults else at_the_gate(offer, POLICIES, DAY)

    assert all(fault.endswith(".") for fault in faults)
    assert all(failure.sentence and failure.version for failure in failures)


part = st.decimals("0", "0.3", places=3)
choices = st.fixed_dictionaries(
    {},
    optional={
        "every": st.sampled_from([1, 2]),
        "row_share": st.sampled_from(RowShare),
        "multiple_of": st.sampled_from([1_00, 10_00]),
        "level_from": st.sampled_from(LevelFrom),
        "excess_interest": st.sampled_from(ExcessInterest),
        "grace_principal": st.integers(0, 3),
        "grace_interest": st.integers(0, 3),
        "interest_free": st.integers(0, 3),
        "down_payment": part,
    },
).map(lambda chosen: Repayment(**chosen))
OF_METHOD: dict[str, dict[str, Any]] = {
    Method.FIXED_PAYMENT: {"payment": 50_00},
    Method.FIXED_PRINCIPAL: {"payment": 50_00},
    Method.PERCENT_OF_PRINCIPAL: {"percent": Decimal("0.1"), "least": 10_00},
    Method.PERCENT_OF_BALANCE: {"percent": Decimal("0.1")},
    Method.GROWING_INSTALMENTS: {"growth": Decimal("0.1")},
    Method.EQUAL_INSTALMENTS: {"refit": True},
    Method.EQUAL_PRINCIPAL: {"amortised_over": 2000},
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
@given(
    st.sampled_from([*OF_METHOD, Method.BULLET, Method.INTEREST_ONLY]),
    st.sampled_from(["WEEK", "MONTH", "QUARTER"]),
    choices,
    st.sampled_from([6, 12, 18]),
    part,
)
def test_what_is_sound_is_repaid_in_full_by_its_schedule(
    method: str, frequency: str, chosen: Repayment, months: int, annual_rate: Decimal
) -> None:
    offer = replace(
        OFFER,
        method=method,
        frequency=frequency,
        repayment=replace(chosen, **OF_METHOD.get(method, {})),
        annual_rate=annual_rate,
        term_months_min=months,
        term_months_max=months,
    )
    assume(not offer.faults())
    # Instalments in whole tens of a loan of 100.00 may be too large for its term, and a fixed
    # payment of one of 10,000.00 less than its interest.
    assume(not any(e.version == "ROW_BELOW_ZERO" for e in at_the_gate(offer, POLICIES, DAY)))

    assert at_the_gate(offer, POLICIES, DAY) == []
    for lent in (offer.amount_min, offer.amount_max):
        rows = schedule(offer.terms(lent, months), DAY)
        assert sum(row.principal for row in rows) == lent
        assert all(row.interest >= 0 for row in rows)
        assert all(row.principal >= 0 for row in rows)


def test_thousands_of_rows_and_the_largest_amount_are_priced() -> None:
    vast: Offer = replace(OFFER, amount_max=10**15, term_months_max=1200)

    assert vast.faults() == []
    assert at_the_gate(vast, POLICIES, DAY) == []
