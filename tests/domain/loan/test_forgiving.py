"""Accrued penalty, interest and fees of the schedule, forgiven by two people."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.refusal import SamePerson
from domain.base.terms import FeeTerm
from domain.loan import refusals as no
from domain.loan.explain import explain
from domain.loan.loan import Loan
from tests.domain.story import (
    attended,
    disbursed,
    forgiven,
    given,
    happened,
    paid,
    recorded,
    repaid,
    repay,
    take_back,
    terms,
)

FEB_15 = date(2025, 2, 15)
MAR_1 = date(2025, 3, 1)
MAR_20 = date(2025, 3, 20)
APR_1 = date(2025, 4, 1)
LATE = terms(penalty_rate=Decimal("0.365"), fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])
DAILY = terms(accrual="DAILY_BALANCE", day_count="ACT/365F", penalty_rate=Decimal("0.365"))


def test_penalty_that_accrued_by_a_day_is_forgiven_and_what_accrues_later_is_not() -> None:
    loan = given(disbursed(LATE), attended(MAR_1))
    owed = loan._ledger().balance(MAR_1).penalty
    later = loan._ledger().balance(MAR_20).penalty

    forgiven(1, "PENALTY", on=MAR_1)(loan)

    assert owed > 0
    assert recorded(loan)[0] == happened(Loan.ChargeForgiven, owed="PENALTY", amount=owed)
    assert loan.balance.penalty == 0
    assert loan._ledger().balance(MAR_20).penalty == later - owed


def test_penalty_found_wrong_after_it_was_paid_pays_principal_instead() -> None:
    order = ["PENALTY", "FEE", "INTEREST", "PRINCIPAL"]
    loan = given(disbursed(terms(penalty_rate=Decimal("0.365"), allocation_order=order)))
    repay(loan, "P-1", 86_07, MAR_1)
    penalty = loan.splits["P-1"].penalty
    assert penalty > 0

    forgiven(1, "PENALTY", on=MAR_1, known_on=MAR_1)(loan)

    assert loan.splits["P-1"].penalty == 0
    assert (loan.instalments[0].left, loan.instalments[0].paid_on) == (0, MAR_1)
    assert loan.overdue_since_on is None


@pytest.mark.parametrize("contract", [LATE, DAILY], ids=["scheduled", "by the day"])
def test_interest_of_an_instalment_is_forgiven_whatever_is_laid_later(contract: Any) -> None:
    loan = given(disbursed(contract), attended(FEB_15))
    (first, *_) = loan.rows_on(FEB_15)

    forgiven(1, "INTEREST", on=FEB_15, amount=2_00)(loan)

    (after, *_) = loan.rows_on(FEB_15)
    assert after.interest == first.interest - 2_00
    repay(loan, "P-1", after.left, FEB_15)
    assert loan.rows_on(FEB_15)[0].paid_on == FEB_15
    assert loan.splits["P-1"].interest == first.interest - 2_00


def test_a_fee_of_an_instalment_is_forgiven() -> None:
    loan = given(disbursed(LATE))

    forgiven(3, "FEE", on=FEB_15)(loan)

    assert [row.fees for row in loan.instalments[:4]] == [1_00, 1_00, 0, 1_00]
    repay(loan, "P-1", 87_07, FEB_15)
    assert recorded(loan)[-1] == repaid("P-1", 87_07, fees=1_00, interest=5_00, principal=81_07)


def test_what_is_forgiven_is_taken_back() -> None:
    loan = given(disbursed(LATE), attended(MAR_1), forgiven(1, "PENALTY", on=MAR_1))
    never = given(disbursed(LATE), attended(MAR_1))

    take_back(loan, "forgiven-0", on=MAR_1)

    assert loan.instalments == never.instalments
    assert loan.balance == never._ledger().balance(MAR_1)


@pytest.mark.parametrize(
    ("owed", "amount"), [("PENALTY", 1), ("INTEREST", 5_01), ("FEE", 1_01), ("PRINCIPAL", 1)]
)
def test_no_more_is_forgiven_than_is_unpaid(owed: str, amount: int) -> None:
    loan = given(disbursed(LATE))

    with pytest.raises(no.NothingToForgive):
        forgiven(1, owed, on=FEB_15, amount=amount)(loan)


def test_nobody_forgives_alone() -> None:
    loan = given(disbursed(LATE))

    with pytest.raises(SamePerson):
        forgiven(1, "INTEREST", on=FEB_15, requested_by="manager")(loan)


@pytest.mark.parametrize("contract", [LATE, DAILY], ids=["scheduled", "by the day"])
def test_what_is_forgiven_is_explained_with_its_reason(contract: Any) -> None:
    loan = disbursed(contract)
    attended(MAR_1)(loan)
    forgiven(1, "PENALTY", on=MAR_1)(loan)
    forgiven(1, "INTEREST", on=MAR_1, amount=1_00)(loan)
    paid("P-1", 50_00, MAR_20)(loan)
    history: list[Any] = list(loan.pending_events)

    told = explain(history, APR_1)

    assert told is not None and told.stood.balance is not None
    said = {line.what for line in told.lines}
    assert {"penalty forgiven: goodwill", "interest forgiven: goodwill"} <= said
    assert told.total("interest") == told.stood.balance.interest
    assert told.total("penalty") == told.stood.balance.penalty
