"""What a loan would be on a product's terms."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from domain.loan.cost import annualised_cost, cash_flows
from domain.loan.quote import quote
from domain.loan.schedule import schedule
from tests.domain.story import JAN_15, terms


def test_a_quote_is_the_schedule_that_would_be_signed() -> None:
    quoted = quote(terms(), JAN_15)

    assert quoted.instalments == schedule(terms(), JAN_15)
    assert (quoted.principal, quoted.interest, quoted.total) == (1_000_00, 32_80, 1_032_80)


def test_it_says_what_the_loan_costs_in_a_year_by_each_rule() -> None:
    costs = {cost.method: cost.rate for cost in quote(terms(), JAN_15).costs}

    assert costs["IRR"] is not None and costs["APRC"] is not None
    assert round(costs["IRR"], 10) == annualised_cost(
        cash_flows(terms(), JAN_15, schedule(terms(), JAN_15))
    )
    assert round(costs["APRC"], 4) == Decimal("0.0617")  # 1.005 ** 12 - 1
    assert costs["SIMPLE"] is not None and costs["SIMPLE"] > Decimal("0.06")


def test_a_rule_that_cannot_be_applied_says_why() -> None:
    free = quote(terms(annual_rate=Decimal(0), term_months=1), JAN_15, date(2025, 1, 16))

    assert all(cost.rate is not None or cost.reason for cost in free.costs)
