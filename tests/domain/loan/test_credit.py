"""The borrower's credit pays what falls due, of itself, and nothing is late that it covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import Terms
from domain.loan import refusals as no
from domain.loan.as_of import standing
from domain.loan.explain import FIGURES, explain
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LETTER_FEE,
    LOAN_ID,
    act,
    attended,
    disbursed,
    draw,
    fee_charged,
    given,
    happened,
    last,
    paid,
    recorded,
    refund,
    repay,
    reversed_,
    terms,
)

JAN_31 = date(2025, 1, 31)
FEB_14 = date(2025, 2, 14)
FEB_15 = date(2025, 2, 15)
MAR_14 = date(2025, 3, 14)
MAR_15 = date(2025, 3, 15)
APR_20 = date(2025, 4, 20)

LOWER = terms(prepayment="LOWER_INSTALMENT", penalty_rate=Decimal("0.10"))


def taken_over(terms: Terms, unapplied: int) -> Loan:
    """A loan of another book, with the borrower's credit."""
    rows = disbursed(terms).instalments
    return Loan.migrate(
        act(JAN_31),
        LOAN_ID,
        loan_ref="L-1",
        borrower_id=BORROWER_ID,
        origin="old book",
        terms=terms,
        disbursed_on=JAN_15,
        accrues_from=JAN_31,
        rows=rows,
        unapplied=unapplied,
    )


def test_who_pays_the_sum_of_a_quote_without_saying_so_is_not_late_for_the_interest() -> None:
    loan = disbursed(LOWER)
    repay(loan, "P-1", loan.payoff(JAN_31), JAN_31)
    assert (loan.balance.interest, loan.unapplied) == (2_67, 2_67)
    action = loan.next_action()
    assert action is not None
    assert action.due_on == FEB_15

    loan.attend(act(FEB_15))

    applied = happened(
        Loan.CreditApplied, amount=2_67, interest=2_67, effective_on=FEB_15, state="ACTIVE"
    )
    assert recorded(loan)[-3:] == [applied, happened(Loan.Settled), happened(Loan.Closed)]
    assert (loan.state, loan.balance.interest, loan.unapplied) == (LoanState.CLOSED, 0, 0)


def test_credit_taken_over_pays_the_first_instalments() -> None:
    loan = taken_over(terms(penalty_rate=Decimal("0.10")), 200_00)

    loan.attend(act(FEB_15))
    loan.attend(act(APR_20))

    used = [event.amount for event in recorded(loan) if isinstance(event, Loan.CreditApplied)]
    assert used == [86_07, 86_07, 27_86]
    assert loan.unapplied == 0
    assert loan.overdue_since_on == date(2025, 4, 15)
    assert [row.paid_on for row in loan.instalments[:2]] == [FEB_15, MAR_15]


def test_a_day_that_nobody_closed_yet_counts_credit_as_used() -> None:
    loan = taken_over(terms(penalty_rate=Decimal("0.10")), 86_07)

    stood = standing(recorded(loan), MAR_14)
    assert stood is not None
    assert (stood.payoff, stood.days_past_due) == (loan.payoff(MAR_14), 0)
    assert loan.ledger_due(MAR_14).balance(MAR_14).penalty == 0


def test_what_is_drawn_while_there_is_credit_is_paid_with_it() -> None:
    limit = terms(
        term_months=3, method="INTEREST_ONLY", accrual="DAILY_BALANCE", day_count="ACT/365F"
    )
    loan = disbursed(limit, amount=10_00)
    repay(loan, "P-1", 1_000_00, JAN_15)
    assert loan.unapplied == 990_00

    draw(loan, "DR-1", 500_00, JAN_31)

    assert last(loan, Loan.CreditApplied).principal == 500_00
    assert (loan.balance.principal, loan.unapplied) == (0, 490_00)
    loan.attend(act(MAR_15))
    assert loan.balance.interest == 0
    assert loan.overdue_since_on is None


def test_a_payment_that_becomes_known_late_pays_what_fell_due_since_on_its_day() -> None:
    steps = [
        paid("P-1", 86_07, FEB_15),
        attended(MAR_15),
        attended(date(2025, 3, 16)),
        paid("P-2", 1_100_00, FEB_14, known_on=APR_20),
    ]
    late = given(disbursed(LOWER), *steps)

    at_once = disbursed(LOWER)
    repay(at_once, "P-2", 1_100_00, FEB_14)
    repay(at_once, "P-1", 86_07, FEB_15)
    at_once.attend(act(APR_20))

    assert late.balance == at_once.balance
    assert late.instalments == at_once.instalments
    assert late.overdue_since_on is None


def test_what_credit_paid_is_paid_no_more_when_the_money_behind_it_bounces() -> None:
    loan = given(
        disbursed(LOWER), paid("P-1", 1_002_67, JAN_31), attended(FEB_15), reversed_("P-1", MAR_14)
    )

    assert loan.state == LoanState.ACTIVE
    assert (loan.balance.principal, loan.unapplied) == (1_000_00, 0)
    assert loan.overdue_since_on == FEB_15
    explained = explain(loan_events(loan), MAR_14)
    assert explained is not None
    for figure in FIGURES:
        owed = loan.unapplied if figure == "credit" else getattr(loan.balance, figure)
        assert explained.total(figure) == owed


def loan_events(loan: Loan) -> list[Any]:
    """Those of a loan that went through the same as the one before."""
    steps = [paid("P-1", 1_002_67, JAN_31), attended(FEB_15), reversed_("P-1", MAR_14)]
    again = disbursed(LOWER)
    for step in steps:
        step(again)
    assert again.balance == loan.balance
    return recorded(again)


def test_a_charge_that_falls_due_is_paid_with_credit_on_its_own_day() -> None:
    own = replace(LOWER, fees=[LETTER_FEE], charges_due="OWN_DAY")
    loan = given(disbursed(own), paid("P-1", 1_100_00, JAN_31))
    assert loan.unapplied == 100_00

    fee_charged("F-1", date(2025, 2, 3), due_on=date(2025, 2, 3))(loan)

    assert last(loan, Loan.CreditApplied).fees == 20_00


def test_a_charge_is_paid_with_credit_on_its_own_day_before_any_instalment_is_due() -> None:
    own = terms(fees=[LETTER_FEE], charges_due="OWN_DAY")
    loan = taken_over(own, 500_00)

    fee_charged("F-1", FEB_14, due_on=FEB_14)(loan)

    assert last(loan, Loan.CreditApplied).fees == 20_00
    assert last(loan, Loan.CreditApplied).effective_on == FEB_14


def test_credit_is_no_payment_that_could_be_reversed() -> None:
    loan = given(disbursed(LOWER), paid("P-1", 1_002_67, JAN_31), attended(FEB_15))

    with pytest.raises(no.PaymentUnknown):
        loan.reverse(act(MAR_14), payment_ref="credit:2025-02-15", reason="wrong")


def test_credit_that_is_not_needed_is_still_refunded() -> None:
    loan = given(disbursed(LOWER), paid("P-1", 1_100_00, JAN_31))

    refund(loan, "R-1", 97_33, FEB_14)
    loan.attend(act(FEB_15))

    assert (loan.state, loan.unapplied) == (LoanState.CLOSED, 0)
