"""What paying early cost is forgiven, paid as it is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm
from domain.loan import refusals as no
from domain.loan.explain import explain
from domain.loan.loan import Loan
from tests.domain.story import (
    act,
    disbursed,
    given,
    happened,
    paid,
    recorded,
    repay,
    reversed_,
    take_back,
    terms,
    waive,
    write_off,
)

FEB_15, MAR_1, MAR_15, APR_15 = (
    date(2025, 2, 15),
    date(2025, 3, 1),
    date(2025, 3, 15),
    date(2025, 4, 15),
)
EARLY = FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.01"), base="PRINCIPAL")
SCHEDULED, DAILY = terms(fees=[EARLY]), terms(fees=[EARLY], accrual="DAILY_BALANCE")
KINDS = pytest.mark.parametrize("agreed", [SCHEDULED, DAILY], ids=["scheduled", "daily"])


def paid_off(agreed: Any) -> Loan:
    loan = given(disbursed(agreed), paid("P-1", 86_07, on=FEB_15))
    repay(loan, "P-2", loan.payoff(MAR_1), MAR_1, payoff=True)
    return loan


@KINDS
def test_what_a_payoff_cost_is_forgiven_and_is_credit(agreed: Any) -> None:
    loan = paid_off(agreed)
    assert loan.state == "CLOSED"
    fee = loan.splits["P-2"].fees
    assert fee == 9_19

    waive(loan, "prepayment:P-2", 4_00, MAR_15)

    assert recorded(loan)[-1] == happened(
        Loan.FeeWaived, fee_ref="prepayment:P-2", amount=4_00, state="SETTLED"
    )
    assert (loan.unapplied, loan.splits["P-2"].fees) == (4_00, fee - 4_00)
    waive(loan, "prepayment:P-2", fee - 4_00, MAR_15)
    assert (loan.unapplied, loan.splits["P-2"].fees) == (fee, 0)
    with pytest.raises(no.FeeUnknown, match=r"0.00 CNY of the fee"):
        waive(loan, "prepayment:P-2", 1, MAR_15)


@KINDS
def test_what_a_part_paid_early_cost_pays_what_comes_next(agreed: Any) -> None:
    loan = given(disbursed(agreed), paid("P-1", 500_00, on=FEB_15))
    plain = given(disbursed(agreed), paid("P-1", 500_00, on=FEB_15))
    number, fee = loan._ledger().prepaying["P-1"]
    assert fee > 0 and number == 2

    waive(loan, "prepayment:P-1", fee, MAR_1)

    assert loan.splits["P-1"].fees == 0
    assert loan.splits["P-1"].total == plain.splits["P-1"].total == 500_00
    assert loan._ledger().prepaying == {"P-1": (number, 0)}
    with pytest.raises(no.FeeUnknown, match=r"0.00 CNY of the fee"):
        waive(loan, "prepayment:P-1", 1, MAR_1)


@KINDS
def test_a_charge_for_paying_early_that_is_forgiven_is_explained_by_both(agreed: Any) -> None:
    loan = disbursed(agreed)
    repay(loan, "P-2", loan.payoff(FEB_15), FEB_15, payoff=True)
    waive(loan, "prepayment:P-2", 4_00, MAR_15)
    events: Any = list(loan.pending_events)

    told = explain(events, MAR_15)

    assert told is not None and told.stood.balance is not None
    said = {line.what: line.amount for line in told.lines if line.figure == "fees"}
    assert said["charge for paying early waived, P-2"] == -4_00
    assert said["charged for paying early, P-2"] == 9_19
    assert told.total("fees") == told.stood.balance.fees == 0
    assert told.total("credit") == loan.unapplied == 4_00


def test_what_was_forgiven_goes_with_the_payment_and_comes_back_without_the_waiver() -> None:
    loan = paid_off(SCHEDULED)
    waive(loan, "prepayment:P-2", 9_19, MAR_15)
    name = next(f"waiver-{fact.order}" for fact in loan.facts if fact.kind == "WAIVER")

    take_back(loan, name, MAR_15)
    assert (loan.state, loan.unapplied, loan.splits["P-2"].fees) == ("CLOSED", 0, 9_19)

    waive(loan, "prepayment:P-2", 9_19, MAR_15)
    reversed_("P-2", on=MAR_15)(loan)
    assert (loan.state, loan.unapplied) == ("ACTIVE", 0)
    with pytest.raises(no.FeeUnknown):
        waive(loan, "prepayment:P-2", 1, MAR_15)


def test_a_payoff_that_needed_its_charge_forgiven_still_closes_the_loan() -> None:
    loan = paid_off(SCHEDULED)
    waive(loan, "prepayment:P-2", 9_19, MAR_15)

    loan.refund(
        act(MAR_15), amount=9_19, refund_ref="R-1", requested_by="clerk", approved_by="manager"
    )

    assert (loan.state, loan.balance.unapplied) == ("CLOSED", 0)


def test_a_charge_for_paying_early_is_forgiven_after_the_write_off_too() -> None:
    loan = given(disbursed(SCHEDULED), paid("P-1", 500_00, on=FEB_15))
    _, fee = loan._ledger().prepaying["P-1"]
    known_then = given(disbursed(SCHEDULED), paid("P-1", 500_00, on=FEB_15))
    waive(known_then, "prepayment:P-1", fee, MAR_1)
    for each in (loan, known_then):
        write_off(each, APR_15)

    waive(loan, "prepayment:P-1", fee, date(2025, 5, 15), counts_on=MAR_1)

    assert loan.claim == known_then.claim


def test_no_fee_is_charged_by_such_a_name() -> None:
    loan = given(disbursed(SCHEDULED))

    with pytest.raises(no.FeeRefReused, match="paying early"):
        loan.charge_fee(act(FEB_15), kind="EARLY", fee_ref="prepayment:P-1")
