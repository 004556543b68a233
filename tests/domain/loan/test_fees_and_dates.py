"""Fees charged and forgiven; due dates that move."""

from datetime import date

import pytest

from domain.base.calendar import on_day
from domain.base.refusal import AmountNotPositive, SamePerson
from domain.base.terms import FeeTerm, Terms
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.schedule import Instalment
from tests.domain.story import (
    LETTER_FEE,
    act,
    attended,
    disbursed,
    fee_charged,
    fee_waived,
    given,
    happened,
    kinds,
    last,
    moved,
    paid,
    pay_day_moved,
    recorded,
    refund,
    repaid,
    repay,
    reversed_,
    take_back,
    terms,
    waive,
    written_off,
)

FEB_1 = date(2025, 2, 1)
FEB_15 = date(2025, 2, 15)
WITH_FEE = terms(fees=[LETTER_FEE])


def test_a_fee_of_the_contract_falls_due_with_the_next_instalment() -> None:
    loan = given(disbursed(WITH_FEE))

    fee_charged("F-1", on=date(2025, 2, 16))(loan)

    (event,) = recorded(loan)[:1]
    assert event == happened(Loan.FeeCharged, fee_ref="F-1", amount=20_00, instalment=2)
    assert event.balance.fees == 20_00


def test_a_fee_on_a_due_date_falls_due_the_same_day() -> None:
    loan = given(disbursed(WITH_FEE))

    fee_charged("F-1", on=FEB_15)(loan)

    assert recorded(loan) == [happened(Loan.FeeCharged, instalment=1)]


def test_a_fee_the_contract_does_not_name_is_refused() -> None:
    loan = given(disbursed(WITH_FEE))

    with pytest.raises(no.FeeNotDisclosed):
        fee_charged("F-1", on=FEB_1, kind="PHONE_CALL")(loan)

    assert recorded(loan) == []


def test_a_fee_for_each_instalment_is_not_charged_on_an_event() -> None:
    loan = given(disbursed(terms(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])))

    with pytest.raises(no.FeeNotDisclosed):
        fee_charged("F-1", on=FEB_1, kind="ACCOUNT")(loan)


def test_a_fee_for_each_instalment_is_part_of_the_schedule() -> None:
    loan = given(disbursed(terms(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])))

    assert [row.fees for row in loan.instalments] == [1_00] * 12


def test_the_same_fee_again_is_charged_once() -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1))

    fee_charged("F-1", on=FEB_1)(loan)

    assert recorded(loan) == []


def test_a_fee_reference_names_one_fee() -> None:
    two_fees = terms(fees=[LETTER_FEE, FeeTerm("VISIT", "ON_EVENT", 50_00)])
    loan = given(disbursed(two_fees), fee_charged("F-1", on=FEB_1))

    with pytest.raises(no.FeeRefReused):
        fee_charged("F-1", on=FEB_1, kind="VISIT")(loan)


def test_no_fee_is_charged_on_a_settled_or_written_off_loan() -> None:
    settled = given(disbursed(WITH_FEE), paid("P-1", 1_032_80, on=FEB_1))
    lost = given(disbursed(WITH_FEE), written_off(on=FEB_1))

    for loan in (settled, lost):
        with pytest.raises(no.NotActive):
            fee_charged("F-1", on=FEB_1)(loan)


def test_a_fee_on_an_instalment_paid_in_advance_leaves_it_open_again() -> None:
    loan = given(disbursed(WITH_FEE), paid("P-1", 86_07, on=FEB_1))

    fee_charged("F-1", on=date(2025, 2, 2))(loan)

    (row,) = last(loan, Loan.FeeCharged).instalments
    assert (row.paid_on, row.left) == (None, 20_00)


def test_a_fee_is_forgiven_by_two_people() -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1))

    waive(loan, "F-1", 20_00, on=date(2025, 2, 2))

    assert recorded(loan) == [
        happened(
            Loan.FeeWaived,
            fee_ref="F-1",
            amount=20_00,
            instalment=1,
            requested_by="clerk",
            approved_by="manager",
        )
    ]
    assert loan.balance.fees == 0


def test_a_fee_is_forgiven_in_part() -> None:
    loan = given(
        disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1), fee_waived("F-1", 5_00, on=FEB_1)
    )

    repay(loan, "P-1", 15_00, on=FEB_15)

    assert recorded(loan) == [repaid("P-1", 15_00, fees=15_00)]


def test_forgiving_all_that_was_left_of_an_instalment_closes_it() -> None:
    fee_last = terms(
        fees=[LETTER_FEE], allocation_order=["INTEREST", "PENALTY", "PRINCIPAL", "FEE"]
    )
    loan = given(disbursed(fee_last), fee_charged("F-1", on=FEB_1), paid("P-1", 86_07, on=FEB_1))

    waive(loan, "F-1", 20_00, on=FEB_15)

    (row,) = last(loan, Loan.FeeWaived).instalments
    assert (row.left, row.paid_on is not None) == (0, True)


def test_a_payment_found_late_is_not_used_up_on_a_fee_that_was_forgiven_since() -> None:
    loan = given(
        disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1), fee_waived("F-1", 15_00, on=FEB_15)
    )

    repay(loan, "P-1", 86_07, on=date(2025, 2, 10), known_on=FEB_15)

    assert recorded(loan) == [repaid("P-1", 86_07, fees=5_00, interest=5_00, principal=76_07)]
    assert all(row.fees_paid <= row.fees for row in loan.instalments)


def test_nobody_approves_a_waiver_of_their_own() -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1))

    with pytest.raises(SamePerson):
        waive(loan, "F-1", 20_00, on=FEB_1, requested_by="manager")


@pytest.mark.parametrize("amount", [0, -5_00])
def test_a_waiver_is_above_zero(amount: int) -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1))

    with pytest.raises(AmountNotPositive):
        waive(loan, "F-1", amount, on=FEB_1)


def test_a_fee_that_was_never_charged_cannot_be_forgiven() -> None:
    loan = given(disbursed(WITH_FEE))

    with pytest.raises(no.FeeUnknown):
        waive(loan, "F-1", 20_00, on=FEB_1)


def test_a_fee_found_wrong_after_it_was_paid_is_forgiven_and_its_money_pays_the_instalment() -> (
    None
):
    loan = given(
        disbursed(WITH_FEE),
        fee_charged("F-1", on=FEB_1),
        paid("P-1", 86_07, on=FEB_15),
        attended(on=date(2025, 2, 20)),
    )

    waive(loan, "F-1", 20_00, on=date(2025, 2, 20))

    assert kinds(loan) == [Loan.FeeWaived, Loan.Cured, Loan.BucketChanged]
    (moved_on,) = recorded(loan)[0].reallocated
    assert (moved_on.ref, moved_on.before.fees, moved_on.after.fees) == ("P-1", 20_00, 0)
    assert (loan.instalments[0].left, loan.instalments[0].paid_on) == (0, FEB_15)


def test_a_fee_forgiven_after_the_loan_was_closed_is_credit_to_be_paid_back() -> None:
    loan = given(
        disbursed(WITH_FEE),
        fee_charged("F-1", on=FEB_1),
        paid("P-1", 1_022_67, on=FEB_1, payoff=True),
    )

    waive(loan, "F-1", 20_00, on=FEB_15)

    assert (loan.state, loan.unapplied) == ("SETTLED", 20_00)
    refund(loan, "R-1", 20_00, on=FEB_15)
    assert loan.state == "CLOSED"


def test_no_more_of_a_fee_is_forgiven_than_was_charged() -> None:
    loan = given(disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1), paid("P-1", 15_00, on=FEB_1))

    with pytest.raises(no.FeeUnknown):
        waive(loan, "F-1", 20_01, on=FEB_1)
    waive(loan, "F-1", 20_00, on=FEB_1)

    assert kinds(loan) == [Loan.FeeWaived]


def test_a_fee_is_forgiven_once() -> None:
    loan = given(
        disbursed(WITH_FEE), fee_charged("F-1", on=FEB_1), fee_waived("F-1", 20_00, on=FEB_1)
    )

    with pytest.raises(no.FeeUnknown):
        waive(loan, "F-1", 1, on=FEB_1)


def test_a_moved_due_date_keeps_the_interest_as_scheduled() -> None:
    loan = given(disbursed())

    moved(1, date(2025, 2, 25), on=FEB_1)(loan)

    (event,) = recorded(loan)
    assert event == happened(Loan.DueDateMoved, effective_on=FEB_1, reason="asked")
    (row,) = event.instalments
    assert row == Instalment(1, date(2025, 2, 25), date(2025, 2, 25), 81_07, 5_00, 0)


def test_moving_a_due_date_to_where_it_is_changes_nothing() -> None:
    loan = given(disbursed())

    moved(1, FEB_15, on=FEB_1)(loan)

    assert recorded(loan) == []


@pytest.mark.parametrize(
    ("due_on", "on"),
    [
        (date(2025, 3, 15), FEB_1),  # onto its neighbour
        (date(2025, 3, 16), FEB_1),
        (date(2025, 1, 31), FEB_1),  # into the past
        (date(2025, 1, 15), date(2025, 1, 15)),  # onto the payout
    ],
)
def test_instalments_keep_their_order_when_one_moves(due_on: date, on: date) -> None:
    loan = given(disbursed())

    with pytest.raises(no.DueDateOutOfOrder):
        moved(1, due_on, on=on)(loan)


def test_an_instalment_does_not_move_before_the_one_before() -> None:
    loan = given(disbursed())

    with pytest.raises(no.DueDateOutOfOrder):
        moved(2, FEB_15, on=FEB_1)(loan)


def test_the_last_instalment_moves_as_far_as_is_agreed() -> None:
    loan = given(disbursed())

    moved(12, date(2026, 6, 30), on=FEB_1)(loan)

    assert kinds(loan) == [Loan.DueDateMoved]


def test_a_paid_instalment_does_not_move() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_1))

    with pytest.raises(no.InstalmentNotOpen):
        moved(1, date(2025, 2, 20), on=FEB_1)(loan)


def test_an_instalment_that_is_not_in_the_schedule_does_not_move() -> None:
    loan = given(disbursed())

    with pytest.raises(no.InstalmentNotOpen):
        moved(13, date(2026, 2, 20), on=FEB_1)(loan)


def test_a_loss_is_taken_by_two_people_with_a_reason() -> None:
    loan = given(disbursed())

    with pytest.raises(SamePerson):
        loan.write_off(act(FEB_1), reason="r", requested_by="a", approved_by="A ")
    with pytest.raises(no.ReasonMissing):
        loan.write_off(act(FEB_1), reason=" ", requested_by="a", approved_by="b")
    loan.write_off(act(FEB_1), reason="gone", requested_by="a", approved_by="b")

    assert recorded(loan) == [
        # 1,000.00 at 6 % for 16 days of 30/360; what the rest would have borne is not owed.
        happened(Loan.WrittenOff, principal=1_000_00, interest=2_67, fees=0, penalty=0)
    ]


def test_a_loss_is_taken_once() -> None:
    loan = given(disbursed(), written_off(on=FEB_1))

    written_off(on=FEB_15)(loan)

    assert recorded(loan) == []


def test_a_settled_loan_has_no_loss_to_take() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, on=FEB_1))

    with pytest.raises(no.NotActive):
        written_off(on=FEB_15)(loan)


def test_a_new_pay_day_moves_all_instalments_from_one_on_in_one_event() -> None:
    loan = given(disbursed())

    pay_day_moved(3, 28, on=FEB_1)(loan)

    (event,) = recorded(loan)
    assert event == happened(Loan.DueDateMoved, pay_day=28)
    assert [row.due_on.day for row in loan.instalments] == [15, 15, *[28] * 10]
    assert [row.interest for row in loan.instalments] == [
        row.interest for row in disbursed().instalments
    ]


def test_the_last_day_of_the_month_stays_the_last_day() -> None:
    loan = given(disbursed(), pay_day_moved(1, 31, on=FEB_1))

    assert [row.due_on for row in loan.instalments][:3] == [
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 30),
    ]


def test_instalments_that_are_added_later_keep_the_new_pay_day() -> None:
    for day, added in ((28, date(2026, 2, 28)), (31, date(2026, 2, 28)), (5, date(2026, 2, 5))):
        loan = given(disbursed(), pay_day_moved(2, day, on=FEB_1))

        loan.reschedule(
            act(FEB_15),
            agreed=Agreement("EXTENSION", instalments=2),
            reason="lost work",
            requested_by="officer",
            approved_by="manager",
        )

        days = [row.due_on for row in loan.instalments]
        assert days[-2:] == [added, on_day(date(2026, 3, 1), day)]


def test_a_new_pay_day_that_is_over_in_this_month_begins_with_the_next_instalment() -> None:
    loan = given(disbursed())

    with pytest.raises(no.DueDateOutOfOrder):
        pay_day_moved(1, 5, on=date(2025, 2, 10))(loan)
    pay_day_moved(2, 5, on=date(2025, 2, 10))(loan)

    assert loan.instalments[1].due_on == date(2025, 3, 5)


def test_a_new_pay_day_known_late_counts_for_the_payments_since() -> None:
    late = given(disbursed(), paid("P-1", 86_07, on=FEB_15))
    in_time = given(disbursed(), pay_day_moved(2, 28, on=FEB_1), paid("P-1", 86_07, on=FEB_15))

    pay_day_moved(2, 28, on=FEB_1, known_on=date(2025, 2, 20))(late)

    assert late.instalments == in_time.instalments
    assert recorded(late) == [happened(Loan.DueDateMoved, effective_on=FEB_1)]


@pytest.mark.parametrize("terms", [terms(), terms(accrual="DAILY_BALANCE")])
def test_a_new_pay_day_is_also_that_of_instalments_paid_ahead_by_money_that_bounces(
    terms: Terms,
) -> None:
    ahead = paid("P-1", 258_21, on=date(2025, 1, 20))
    moved_first = given(disbursed(terms), ahead, pay_day_moved(2, 28, on=FEB_1))
    bounced_first = given(disbursed(terms), ahead, reversed_("P-1", on=FEB_1))

    reversed_("P-1", on=FEB_1)(moved_first)
    pay_day_moved(2, 28, on=FEB_1)(bounced_first)

    assert moved_first.instalments == bounced_first.instalments
    assert [row.due_on.day for row in moved_first.instalments] == [15, *[28] * 11]


def test_a_new_pay_day_is_taken_back_whole() -> None:
    loan = given(disbursed(), pay_day_moved(2, 28, on=FEB_1))

    take_back(loan, "move-0", on=FEB_15)

    assert [row.due_on.day for row in loan.instalments] == [15] * 12
