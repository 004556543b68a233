"""Interest that a partner pays beside the borrower."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.terms import Subsidy
from domain.loan.loan import Loan
from tests.domain.story import (
    JAN_15,
    act,
    attended,
    disbursed,
    given,
    happened,
    kinds,
    moved,
    recorded,
    repay,
    reversed_,
    state,
    take_back,
    terms,
    write_off,
)

FEB_15, MAR_15 = date(2025, 2, 15), date(2025, 3, 15)
FREE = terms(annual_rate=Decimal(0), subsidy=Subsidy("MERCHANT-1", Decimal("0.06")))
"""1,000.00 at nothing for the borrower and 6 % for the merchant: 83.33 a month."""


def subsidies(loan: Loan) -> list[Any]:
    return [event for event in recorded(loan) if isinstance(event, Loan.InterestSubsidised)]


def serviced(loan: Loan) -> None:
    """Every instalment is paid on its day, and the loan attended to when it asks."""
    for row in list(loan.instalments):
        repay(loan, f"P-{row.number}", row.left, row.due_on)
        loan.attend(act(row.due_on))


def test_the_borrower_pays_nothing_and_the_lender_earns_on_the_scheduled_balance() -> None:
    loan = given(disbursed(FREE))

    serviced(loan)

    assert loan.state == "CLOSED"
    assert sum(row.interest for row in loan.instalments) == 0
    assert [event.amount for event in subsidies(loan)][:2] == [5_00, 4_58]
    assert len(subsidies(loan)) == 12
    assert sum(loan.subsidised.values()) == 32_50


def test_it_is_said_when_an_instalment_falls_due_and_for_its_days() -> None:
    loan = given(disbursed(FREE))
    action = loan.next_action()

    loan.attend(act(FEB_15))

    assert action is not None and (action.kind, action.due_on) == ("SUBSIDY", FEB_15)
    assert recorded(loan) == [
        happened(
            Loan.InterestSubsidised,
            effective_on=FEB_15,
            payer="MERCHANT-1",
            annual_rate=Decimal("0.06"),
            instalment=1,
            from_on=JAN_15,
            until_on=FEB_15,
            amount=5_00,
        )
    ]


def test_it_is_said_once_however_often_the_loan_is_looked_at() -> None:
    loan = given(disbursed(FREE), attended(FEB_15))

    loan.attend(act(FEB_15))

    assert recorded(loan) == []


def test_a_borrower_who_is_late_costs_the_partner_no_more() -> None:
    loan = given(disbursed(FREE))

    loan.attend(act(date(2025, 3, 20)))

    assert [event.amount for event in subsidies(loan)] == [5_00, 4_58]


def test_a_loan_paid_off_early_earns_to_that_day() -> None:
    loan = given(disbursed(FREE), attended(FEB_15))

    repay(loan, "P-1", 1_000_00, date(2025, 3, 2), payoff=True)

    assert loan.state == "CLOSED"
    assert [(event.instalment, event.until_on) for event in subsidies(loan)] == [
        (2, date(2025, 3, 2))
    ]
    assert 0 < subsidies(loan)[0].amount < 4_58


def test_a_payoff_that_bounces_lets_the_partner_pay_on() -> None:
    loan = given(disbursed(FREE), attended(FEB_15))
    repay(loan, "P-1", 1_000_00, date(2025, 3, 2), payoff=True)

    reversed_("P-1", on=date(2025, 3, 4))(loan)
    loan.attend(act(MAR_15))

    assert loan.subsidised == {"1": 5_00, "2": 4_58}


def test_a_payoff_found_late_takes_back_what_was_said_after_it() -> None:
    loan = given(disbursed(FREE), attended(FEB_15), attended(MAR_15))

    repay(loan, "P-1", 1_000_00, FEB_15, known_on=MAR_15, payoff=True)

    assert loan.state == "CLOSED"
    assert loan.subsidised == {"1": 5_00, "2": 0}
    assert subsidies(loan) == [happened(Loan.InterestSubsidised, instalment=2, amount=-4_58)]


def test_a_moved_due_date_leaves_the_interest_as_scheduled() -> None:
    loan = given(disbursed(FREE), moved(1, date(2025, 2, 25), on=FEB_15))

    loan.attend(act(FEB_15))

    assert [event.amount for event in subsidies(loan)] == [5_00]


def test_a_loan_without_a_partner_earns_none() -> None:
    loan = given(disbursed())

    loan.attend(act(MAR_15))

    assert Loan.InterestSubsidised not in kinds(loan)


def test_a_partner_pays_to_the_day_of_the_write_off_and_no_further() -> None:
    loan = given(disbursed(FREE), attended(FEB_15))

    write_off(loan, date(2025, 3, 1))
    loan.attend(act(MAR_15))

    assert subsidies(loan) == [
        happened(Loan.InterestSubsidised, instalment=2, until_on=date(2025, 3, 1))
    ]
    whole = given(disbursed(FREE), attended(FEB_15), attended(MAR_15)).subsidised
    assert 0 < loan.subsidised["2"] < whole["2"]


def test_a_loss_that_is_taken_back_lets_the_partner_pay_on() -> None:
    loan = given(disbursed(FREE), attended(FEB_15))
    plain = given(disbursed(FREE), attended(FEB_15), attended(MAR_15))
    write_off(loan, date(2025, 3, 1))

    take_back(loan, "write-off", date(2025, 3, 2))
    assert loan.subsidised["2"] == 0

    loan.attend(act(MAR_15))
    assert loan.subsidised == plain.subsidised


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_the_partner_pays_to_the_day_on_which_a_loan_was_paid_by_what_is_known_now(
    accrual: str | None,
) -> None:
    agreed = replace(FREE, accrual=accrual)
    in_time = given(disbursed(agreed))
    repay(in_time, "P-1", 1_000_00, date(2025, 1, 25), payoff=True)
    loan = disbursed(agreed)
    repay(loan, "P-2", loan.payoff(date(2025, 3, 20)), date(2025, 3, 20), payoff=True)
    loan = given(loan)

    repay(loan, "P-1", 1_000_00, date(2025, 1, 25), known_on=date(2025, 4, 1))

    assert (loan.state, loan.unapplied) == ("SETTLED", 1_000_00)
    assert {number: owed for number, owed in loan.subsidised.items() if owed} == in_time.subsidised


def test_the_partner_pays_for_the_days_until_another_payment_where_the_first_one_bounced() -> None:
    loan = given(disbursed(FREE))
    repay(loan, "P-1", 1_000_00, JAN_15)
    repay(loan, "P-2", 1_000_00, FEB_15)
    assert (loan.state, loan.subsidised) == ("SETTLED", {})

    reversed_("P-1", MAR_15)(loan)

    assert (loan.state, loan.subsidised) == ("CLOSED", {"1": 5_00})


@for_all(days=st.lists(st.integers(1, 90), max_size=6))
def test_however_it_is_attended_to_the_same_is_earned(days: list[int]) -> None:
    loan, once = disbursed(FREE), given(disbursed(FREE))
    on = JAN_15.toordinal()
    for day in days:
        on += day
        loan.attend(act(date.fromordinal(on)))
    once.attend(act(date.fromordinal(on)))

    assert loan.subsidised == once.subsidised
    assert state(given(loan)) == state(loan)
