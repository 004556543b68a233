"""What is known late counts from its day: payouts, fees, refunds, waivers, losses."""

from __future__ import annotations

from datetime import date

import pytest

from domain.loan import refusals as no
from domain.loan.loan import Loan
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    TERMS,
    act,
    attended,
    disburse,
    disbursed,
    fee_charged,
    given,
    happened,
    kinds,
    paid,
    recorded,
    refund,
    refunded,
    signed,
    terms,
    waive,
    write_off,
)

WITH_FEE = terms(fees=[LETTER_FEE])
FEB_1 = date(2025, 2, 1)
FEB_10 = date(2025, 2, 10)
FEB_15 = date(2025, 2, 15)
FEB_20 = date(2025, 2, 20)


def test_money_paid_out_on_friday_and_known_on_monday_counts_from_friday() -> None:
    late, in_time = given(signed()), given(signed())

    disburse(late, date(2025, 1, 20), disbursed_on=date(2025, 1, 17))
    disburse(in_time, date(2025, 1, 17))

    assert recorded(late) == [happened(Loan.Disbursed, effective_on=date(2025, 1, 17))]
    assert late.instalments == in_time.instalments


def test_an_offer_that_ran_out_since_still_held_on_the_day_of_the_payout() -> None:
    loan = given(signed())

    disburse(loan, date(2025, 2, 6), disbursed_on=date(2025, 2, 5))

    assert kinds(loan) == [Loan.Disbursed]


def test_nothing_is_paid_out_before_the_contract_is_signed() -> None:
    loan = given(signed(TERMS, JAN_15))

    with pytest.raises(no.BeforeSigning):
        disburse(loan, JAN_15, disbursed_on=date(2025, 1, 14))

    assert recorded(loan) == []


def test_a_fee_of_last_week_is_paid_by_the_payments_since() -> None:
    late = given(disbursed(WITH_FEE), paid("P-1", 86_07, on=FEB_10))
    in_time = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1), paid("P-1", 86_07, FEB_10))

    late.charge_fee(act(FEB_15), kind="LETTER", fee_ref="F-1", on=FEB_1)

    assert recorded(late) == [happened(Loan.FeeCharged, effective_on=FEB_1, business_on=FEB_15)]
    assert late.instalments == in_time.instalments
    assert late.splits == in_time.splits


@pytest.mark.parametrize(
    ("on", "refusal"),
    [(date(2025, 1, 14), no.BeforeDisbursement), (date(2025, 2, 16), no.DateInFuture)],
)
def test_what_is_known_late_counts_from_a_day_of_the_loan(
    on: date, refusal: type[Exception]
) -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1))
    people = {"requested_by": "a", "approved_by": "b"}

    with pytest.raises(refusal):
        loan.charge_fee(act(FEB_15), kind="LETTER", fee_ref="F-2", on=on)
    with pytest.raises(refusal):
        waive(loan, "F-1", 1_00, FEB_15, **people, counts_on=on)
    with pytest.raises(refusal):
        refund(loan, "R-1", 1_00, FEB_15, **people, counts_on=on)
    with pytest.raises(refusal):
        write_off(loan, FEB_15, **people, counts_on=on)


def test_credit_paid_back_before_another_payment_came_is_not_used_by_it() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_1))
    credit = loan.unapplied

    refund(loan, "R-1", credit, FEB_15, counts_on=FEB_10)

    assert recorded(loan)[0] == happened(Loan.CreditRefunded, effective_on=FEB_10)
    assert loan.state == "CLOSED"


def test_no_more_is_paid_back_than_there_was_on_the_day() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_10))

    with pytest.raises(no.NoCredit):
        refund(loan, "R-1", 1_00, FEB_15, counts_on=FEB_1)


def test_what_was_paid_back_since_is_not_paid_back_again_on_an_earlier_day() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_1), refunded("R-1", 60_00, on=FEB_15))

    with pytest.raises(no.NoCredit):
        refund(loan, "R-2", 60_00, FEB_20, counts_on=FEB_10)


def test_a_loss_taken_late_is_what_was_owed_on_its_day() -> None:
    late = given(disbursed(terms(penalty_rate=TERMS.annual_rate)), attended(on=FEB_20))
    in_time = given(disbursed(terms(penalty_rate=TERMS.annual_rate)), attended(on=FEB_20))

    write_off(late, date(2025, 3, 20), counts_on=FEB_20)
    write_off(in_time, FEB_20)

    assert late.claim == in_time.claim
    assert recorded(late) == [happened(Loan.WrittenOff, effective_on=FEB_20)]
