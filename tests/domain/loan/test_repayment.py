"""Money received: what it pays, and in which order."""

from datetime import date

import pytest

from domain.base.refusal import AmountNotPositive, SamePerson
from domain.loan import refusals as no
from domain.loan.allocation import Part
from domain.loan.loan import Loan
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    applied,
    disbursed,
    fee_charged,
    given,
    happened,
    kinds,
    last,
    paid,
    recorded,
    refund,
    refunded,
    repaid,
    repay,
    signed,
    terms,
    written_off,
)

FEB_15 = date(2025, 2, 15)


def test_repayment_pays_interest_before_principal() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 50_00, on=FEB_15)

    assert recorded(loan) == [repaid("P-1", 50_00, interest=5_00, principal=45_00)]


def test_the_contract_decides_what_is_paid_first() -> None:
    order = ["PRINCIPAL", "PENALTY", "INTEREST", "FEE"]
    loan = given(disbursed(terms(allocation_order=order)))

    repay(loan, "P-1", 50_00, on=FEB_15)

    assert recorded(loan) == [repaid("P-1", 50_00, principal=50_00)]


def test_a_charged_fee_is_paid_first() -> None:
    loan = given(disbursed(terms(fees=[LETTER_FEE])), fee_charged("F-1", on=date(2025, 2, 1)))

    repay(loan, "P-1", 106_07, on=FEB_15)

    assert recorded(loan) == [repaid("P-1", 106_07, fees=20_00, interest=5_00, principal=81_07)]


def test_the_oldest_instalment_is_paid_first_and_the_next_in_advance() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 100_00, on=FEB_15)

    (event,) = recorded(loan)
    assert event.parts == [
        Part(1, fees=0, interest=5_00, penalty=0, principal=81_07),
        Part(2, fees=0, interest=4_59, penalty=0, principal=9_34),
    ]
    assert [row.paid_on for row in event.instalments] == [FEB_15, None]


def test_a_repayment_says_what_is_owed_after_it() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 86_07, on=FEB_15)

    balance = last(loan, Loan.Repaid).balance
    assert (balance.principal, balance.interest, balance.unapplied) == (918_93, 27_80, 0)


def test_the_same_payment_again_is_recorded_once() -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15))

    repay(loan, "P-1", 50_00, on=FEB_15)

    assert recorded(loan) == []


@pytest.mark.parametrize(("amount", "on"), [(60_00, FEB_15), (50_00, date(2025, 2, 14))])
def test_a_reused_payment_reference_is_refused(amount: int, on: date) -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15))

    with pytest.raises(no.PaymentRefReused):
        repay(loan, "P-1", amount, on=on, known_on=FEB_15)

    assert recorded(loan) == []


def test_nobody_repays_a_loan_that_was_not_paid_out() -> None:
    for loan in (given(applied()), given(signed())):
        with pytest.raises(no.NotDisbursed):
            repay(loan, "P-1", 50_00, on=FEB_15)


def test_money_in_another_currency_is_refused() -> None:
    loan = given(disbursed())

    with pytest.raises(no.CurrencyDiffers):
        repay(loan, "P-1", 50_00, on=FEB_15, currency="USD")


@pytest.mark.parametrize("amount", [0, -50_00])
def test_a_payment_of_nothing_is_refused(amount: int) -> None:
    loan = given(disbursed())

    with pytest.raises(AmountNotPositive):
        repay(loan, "P-1", amount, on=FEB_15)


def test_money_cannot_come_before_the_loan_was_paid_out() -> None:
    loan = given(disbursed())

    with pytest.raises(no.BeforeDisbursement):
        repay(loan, "P-1", 50_00, on=date(2025, 1, 14), known_on=FEB_15)


def test_money_may_come_on_the_day_the_loan_was_paid_out() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 50_00, on=JAN_15)

    assert recorded(loan) == [repaid("P-1", 50_00, interest=5_00, principal=45_00)]


def test_money_cannot_have_come_tomorrow() -> None:
    loan = given(disbursed())

    with pytest.raises(no.DateInFuture):
        repay(loan, "P-1", 50_00, on=date(2025, 2, 16), known_on=FEB_15)


def test_paying_more_than_is_owed_leaves_credit_and_settles_the_loan() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 1_100_00, on=FEB_15)

    assert recorded(loan) == [
        repaid("P-1", 1_100_00, interest=32_80, principal=1_000_00, unapplied=67_20),
        happened(Loan.Settled, effective_on=FEB_15),
    ]
    assert loan.unapplied == 67_20


def test_paying_exactly_what_is_owed_settles_and_closes_the_loan() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 1_032_80, on=FEB_15)

    assert kinds(loan) == [Loan.Repaid, Loan.Settled, Loan.Closed]
    assert loan.next_action() is None


def test_a_loan_closes_when_the_last_credit_is_refunded() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15))

    refund(loan, "R-1", 60_00, on=date(2025, 2, 16))
    refund(loan, "R-2", 7_20, on=date(2025, 2, 17))

    assert recorded(loan) == [
        happened(Loan.CreditRefunded, refund_ref="R-1", amount=60_00, state="SETTLED"),
        happened(Loan.CreditRefunded, refund_ref="R-2", amount=7_20),
        happened(Loan.Closed, effective_on=date(2025, 2, 17)),
    ]
    assert loan.unapplied == 0


def test_no_more_credit_is_refunded_than_there_is() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15))

    with pytest.raises(no.NoCredit):
        refund(loan, "R-1", 67_21, on=FEB_15)


def test_a_refund_needs_two_people() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15))

    with pytest.raises(SamePerson):
        refund(loan, "R-1", 67_20, on=FEB_15, requested_by="manager")


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_is_above_zero(amount: int) -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15))

    with pytest.raises(AmountNotPositive):
        refund(loan, "R-1", amount, on=FEB_15)


def test_the_same_refund_again_is_recorded_once() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15), refunded("R-1", 10_00, on=FEB_15))

    refund(loan, "R-1", 10_00, on=FEB_15)

    assert recorded(loan) == []


def test_a_refund_reference_names_one_refund() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15), refunded("R-1", 10_00, on=FEB_15))

    with pytest.raises(no.PaymentRefReused):
        refund(loan, "R-1", 11_00, on=FEB_15)


def test_a_payment_on_a_closed_loan_becomes_credit() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, on=FEB_15))

    repay(loan, "P-2", 50_00, on=date(2025, 3, 15))

    assert recorded(loan) == [repaid("P-2", 50_00, unapplied=50_00)]
    assert (loan.state, loan.unapplied) == ("SETTLED", 50_00)


def test_a_payment_on_a_written_off_loan_is_a_recovery_and_never_reopens_it() -> None:
    loan = given(disbursed(), written_off(on=date(2025, 9, 30)))

    repay(loan, "P-1", 50_00, on=date(2025, 10, 1))
    repay(loan, "P-2", 30_00, on=date(2025, 10, 2), source="GUARANTOR")

    assert recorded(loan) == [
        happened(Loan.RecoveryReceived, amount=50_00, recovered=50_00, source="BORROWER"),
        happened(Loan.RecoveryReceived, amount=30_00, recovered=80_00, source="GUARANTOR"),
    ]
    assert loan.state == "WRITTEN_OFF"


def test_the_same_recovery_again_is_recorded_once() -> None:
    loan = given(
        disbursed(), written_off(on=date(2025, 9, 30)), paid("P-1", 50_00, on=date(2025, 10, 1))
    )

    repay(loan, "P-1", 50_00, on=date(2025, 10, 1))

    assert recorded(loan) == []
