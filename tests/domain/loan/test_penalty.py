"""Penalty on overdue principal, with and without days of grace.

At 36.5 % a year over 365 days, a principal of 1,000.00 grows by 1.00 a day.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.base.terms import FeeTerm, RatePlan, RateStep, Terms
from domain.loan.loan import Loan
from tests.domain.story import (
    act,
    attended,
    disbursed,
    given,
    happened,
    kinds,
    last,
    paid,
    recorded,
    repaid,
    repay,
    terms,
    write_off,
)

DUE = date(2025, 2, 15)


def late(days: int) -> date:
    return DUE + timedelta(days=days)


def one_instalment(**changes: object) -> Terms:
    """1,000.00 without interest, back in one sum on 15 February."""
    fields: dict[str, object] = {
        "term_months": 1,
        "annual_rate": Decimal(0),
        "penalty_rate": Decimal("0.365"),
        "day_count": "ACT/365F",
        **changes,
    }
    return terms(**fields)


@pytest.mark.parametrize(("days", "penalty"), [(0, 0), (1, 1_00), (10, 10_00), (400, 400_00)])
def test_penalty_runs_from_the_day_after_the_due_date(days: int, penalty: int) -> None:
    loan = given(disbursed(one_instalment()))

    assert loan.payoff(late(days)) == 1_000_00 + penalty


def test_penalty_is_paid_before_principal_when_the_contract_says_so() -> None:
    loan = given(disbursed(one_instalment()), attended(on=late(10)))

    repay(loan, "P-1", 100_00, on=late(10))

    assert recorded(loan) == [repaid("P-1", 100_00, penalty=10_00, principal=90_00)]


def test_penalty_runs_on_what_is_left_of_the_principal() -> None:
    loan = given(disbursed(one_instalment()), paid("P-1", 510_00, on=late(10)))

    assert loan.payoff(late(20)) == 500_00 + 5_00


def test_penalty_paid_in_part_stays_owed_in_part() -> None:
    loan = given(disbursed(one_instalment()), paid("P-1", 4_00, on=late(10)))

    assert loan.balance.penalty == 6_00
    assert loan.payoff(late(10)) == 1_006_00
    assert loan.payoff(late(11)) == 1_007_00


def test_penalty_stops_when_the_principal_is_paid_and_stays_owed() -> None:
    order = ["FEE", "INTEREST", "PRINCIPAL", "PENALTY"]
    loan = given(disbursed(one_instalment(allocation_order=order)))

    repay(loan, "P-1", 1_000_00, on=late(10))

    assert last(loan, Loan.Repaid).balance.penalty == 10_00
    assert loan.payoff(late(300)) == 10_00
    assert loan.state == "ACTIVE"


def test_a_loan_settles_when_the_penalty_is_paid_too() -> None:
    loan = given(disbursed(one_instalment()), attended(on=late(10)))

    repay(loan, "P-1", 1_010_00, on=late(10))

    assert kinds(loan) == [Loan.Repaid, Loan.Cured, Loan.BucketChanged, Loan.Settled, Loan.Closed]
    assert last(loan, Loan.Settled).bucket == "M0"


def test_the_event_of_a_lost_loan_says_the_penalty_it_had_grown() -> None:
    loan = given(disbursed(one_instalment()), attended(on=late(200)))

    write_off(loan, on=late(200))

    assert recorded(loan) == [happened(Loan.WrittenOff, principal=1_000_00, penalty=200_00)]


@pytest.mark.parametrize("retroactive", [True, False])
@pytest.mark.parametrize("days", [1, 2, 3])
def test_within_the_days_of_grace_there_is_no_penalty(*, days: int, retroactive: bool) -> None:
    loan = given(disbursed(one_instalment(grace_days=3, grace_retroactive=retroactive)))

    assert loan.payoff(late(days)) == 1_000_00


def test_after_the_days_of_grace_penalty_counts_back_to_the_first_day() -> None:
    loan = given(disbursed(one_instalment(grace_days=3, grace_retroactive=True)))

    assert loan.payoff(late(4)) == 1_004_00


def test_after_the_days_of_grace_penalty_counts_from_their_end_when_that_was_agreed() -> None:
    loan = given(disbursed(one_instalment(grace_days=3, grace_retroactive=False)))

    assert loan.payoff(late(4)) == 1_001_00


@pytest.mark.parametrize("retroactive", [True, False])
def test_what_was_paid_within_the_days_of_grace_never_bears_a_penalty(*, retroactive: bool) -> None:
    loan = given(disbursed(one_instalment(grace_days=3, grace_retroactive=retroactive)))

    repay(loan, "P-1", 1_000_00, on=late(2))

    assert loan.state == "CLOSED"
    assert loan.payoff(late(30)) == 0


def test_only_what_was_not_paid_within_the_days_of_grace_bears_a_penalty() -> None:
    loan = given(
        disbursed(one_instalment(grace_days=3, grace_retroactive=True)),
        paid("P-1", 600_00, on=late(3)),
    )

    assert loan.payoff(late(10)) == 400_00 + 4_00


def test_penalty_in_days_of_thirty_counts_a_month_as_thirty() -> None:
    loan = given(disbursed(one_instalment(day_count="30/360", penalty_rate=Decimal("0.36"))))

    assert loan.payoff(date(2025, 3, 15)) == 1_030_00


def test_penalty_is_rounded_once_over_all_stretches() -> None:
    loan = given(
        disbursed(one_instalment(penalty_rate=Decimal("0.0365"), amount=1_004)),
        paid("P-1", 1, on=late(1)),
        paid("P-2", 1, on=late(2)),
    )

    # 0.1004 + 0.1004 - … a day: three days of about a tenth of a fen round to nothing.
    assert loan.payoff(late(3)) == 1_002
    assert loan.balance.penalty == 0


def test_a_charge_behind_the_last_instalment_brings_no_step_of_the_rate_plan() -> None:
    tiers = RatePlan("SCHEDULED", [RateStep(2, Decimal("0.365"))])
    contract = one_instalment(
        rate_plan=tiers,
        penalty_multiple=Decimal("1.5"),
        fees=[FeeTerm("LETTER", "ON_EVENT", 20_00)],
    )
    loan = given(disbursed(contract))

    loan.charge_fee(act(late(1)), kind="LETTER", fee_ref="F-1", due_on=late(20))

    assert [row.number for row in loan.instalments] == [1, 2]
    assert loan.rate_on(late(10)) == 0
    assert loan.ledger_due(late(10)).balance(late(10)).penalty == 0
