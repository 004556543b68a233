"""Payments that turn out not to stand, and payments that were found late."""

from datetime import date
from decimal import Decimal

import pytest

from domain.base.terms import FeeTerm
from domain.loan import refusals as no
from domain.loan.allocation import Split
from domain.loan.loan import Loan
from tests.domain.story import (
    act,
    applied,
    attended,
    disbursed,
    given,
    happened,
    kinds,
    last,
    paid,
    recorded,
    refunded,
    repaid,
    repay,
    reversed_,
    terms,
    written_off,
)

FEB_15 = date(2025, 2, 15)
MAR_15 = date(2025, 3, 15)
MAR_20 = date(2025, 3, 20)


def test_a_reversal_takes_back_what_the_payment_paid() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    reversed_("P-1", on=date(2025, 2, 15))(loan)

    (event,) = recorded(loan)
    assert event == happened(
        Loan.RepaymentReversed,
        effective_on=FEB_15,
        payment_ref="P-1",
        amount=86_07,
        reversed=Split(interest=5_00, principal=81_07),
        net=Split(interest=-5_00, principal=-81_07),
        reallocated=[],
    )
    assert event.instalments[0].paid_on is None
    assert event.balance.principal == 1_000_00


def test_a_reversal_splits_later_payments_anew_in_the_same_event() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15), paid("P-2", 86_07, on=MAR_15))

    reversed_("P-1", on=MAR_15)(loan)

    (moved,) = last(loan, Loan.RepaymentReversed).reallocated
    assert (moved.ref, moved.on) == ("P-2", MAR_15)
    assert moved.before == Split(interest=4_59, principal=81_48)
    assert moved.after == Split(interest=5_00, principal=81_07)
    assert [part.instalment for part in moved.parts] == [1]


def test_a_reversal_that_leaves_the_loan_late_says_so_from_the_day_it_was() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    reversed_("P-1", on=MAR_20)(loan)

    assert recorded(loan) == [
        happened(Loan.RepaymentReversed, effective_on=FEB_15, business_on=MAR_20),
        happened(Loan.WentOverdue, effective_on=date(2025, 2, 16), amount_overdue=172_14),
        happened(Loan.BucketChanged, effective_on=date(2025, 3, 18), bucket="M2"),
    ]


def test_after_a_reversal_the_loan_stands_as_if_the_payment_had_never_come() -> None:
    with_it = given(
        disbursed(),
        paid("P-1", 50_00, on=FEB_15),
        paid("P-2", 86_07, on=MAR_15),
        reversed_("P-1", on=MAR_20),
    )
    without = given(disbursed(), paid("P-2", 86_07, on=MAR_15), attended(on=MAR_20))

    assert with_it.instalments == without.instalments
    assert with_it.parts == without.parts
    assert with_it.splits == without.splits
    assert with_it.balance.principal == without.balance.principal
    assert with_it.bucket == without.bucket


def test_a_payment_is_reversed_once() -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15), reversed_("P-1", on=FEB_15))

    reversed_("P-1", on=MAR_20)(loan)

    assert recorded(loan) == []


def test_a_payment_nobody_made_cannot_be_reversed() -> None:
    loan = given(disbursed())

    with pytest.raises(no.PaymentUnknown):
        reversed_("P-1", on=FEB_15)(loan)


def test_a_reversal_needs_a_reason() -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15))

    with pytest.raises(no.ReasonMissing):
        loan.reverse(act(FEB_15), payment_ref="P-1", reason=" ")


def test_nothing_is_reversed_on_a_loan_that_was_not_paid_out() -> None:
    loan = given(applied())

    with pytest.raises(no.NotDisbursed):
        reversed_("P-1", on=FEB_15)(loan)


def test_the_reference_of_a_reversed_payment_is_not_used_again() -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15), reversed_("P-1", on=FEB_15))

    with pytest.raises(no.PaymentRefReused):
        repay(loan, "P-1", 50_00, on=FEB_15)


def test_of_a_payment_before_the_write_off_that_bounces_the_loss_is_greater() -> None:
    loan = given(disbursed(), paid("P-1", 50_00, on=FEB_15), written_off(on=date(2025, 9, 30)))
    lost = loan.claim.total

    reversed_("P-1", on=date(2025, 10, 2))(loan)

    assert recorded(loan) == [
        happened(Loan.RepaymentReversed, state_before="WRITTEN_OFF", state="WRITTEN_OFF")
    ]
    assert (loan.claim.total, loan.unapplied) == (lost + 50_00, 0)


def test_reversing_the_payment_that_closed_a_loan_opens_it_again() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, on=FEB_15))

    reversed_("P-1", on=date(2025, 2, 20))(loan)

    assert recorded(loan) == [
        happened(Loan.RepaymentReversed, state_before="CLOSED", state="ACTIVE"),
        happened(Loan.WentOverdue, effective_on=date(2025, 2, 16)),
        happened(Loan.BucketChanged, bucket="M1"),
    ]


def test_reversing_a_payment_whose_credit_was_refunded_leaves_the_borrower_owing_it() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, on=FEB_15), refunded("R-1", 67_20, on=FEB_15))

    reversed_("P-1", on=FEB_15)(loan)

    assert loan.unapplied == -67_20
    assert loan.balance.principal == 1_000_00


def test_money_first_fills_a_credit_that_was_refunded_and_then_taken_back() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 1_100_00, on=FEB_15),
        refunded("R-1", 67_20, on=FEB_15),
        reversed_("P-1", on=FEB_15),
    )

    repay(loan, "P-2", 100_00, on=FEB_15)

    assert recorded(loan) == [
        repaid("P-2", 100_00, interest=5_00, principal=27_80, unapplied=67_20)
    ]
    assert loan.unapplied == 0


def test_a_payment_found_late_counts_from_the_day_it_was_received() -> None:
    loan = given(disbursed(), paid("P-2", 86_07, on=MAR_15))

    repay(loan, "P-1", 86_07, on=FEB_15, known_on=MAR_15)

    event = last(loan, Loan.Repaid)
    assert event == repaid("P-1", 86_07, interest=5_00, principal=81_07)
    assert (event.effective_on, event.business_on) == (FEB_15, MAR_15)
    (moved,) = event.reallocated
    assert (moved.ref, moved.after) == ("P-2", Split(interest=4_59, principal=81_48))
    assert event.net == Split(interest=4_59, principal=81_48)


def test_in_whatever_order_payments_become_known_the_loan_stands_the_same() -> None:
    in_order = given(disbursed(), paid("P-1", 86_07, on=FEB_15), paid("P-2", 50_00, on=MAR_15))
    late = given(
        disbursed(), paid("P-2", 50_00, on=MAR_15), paid("P-1", 86_07, on=FEB_15, known_on=MAR_15)
    )

    assert late.instalments == in_order.instalments
    assert late.parts == in_order.parts
    assert late.splits == in_order.splits


def test_movements_keep_their_references_when_they_are_split_anew() -> None:
    loan = given(disbursed(), paid("P-2", 86_07, on=MAR_15), paid("P-3", 10_00, on=MAR_20))

    repay(loan, "P-1", 1_00, on=FEB_15, known_on=MAR_20)

    assert {movement.ref for movement in last(loan, Loan.Repaid).reallocated} == {"P-2", "P-3"}
    assert set(loan.splits) == {"P-1", "P-2", "P-3"}


def test_a_payment_found_late_settles_no_loan_whose_penalty_is_still_owed() -> None:
    late = terms(
        term_months=1,
        annual_rate=Decimal(0),
        penalty_rate=Decimal("0.365"),
        day_count="ACT/365F",
        allocation_order=["FEE", "INTEREST", "PRINCIPAL", "PENALTY"],
    )
    # A fortnight of penalty on 900.00 had grown when the rest came.
    loan = given(disbursed(late), paid("P-2", 900_00, on=date(2025, 3, 1)))

    repay(loan, "P-1", 100_00, on=FEB_15, known_on=MAR_15)

    assert kinds(loan) == [Loan.Repaid, Loan.Cured, Loan.BucketChanged]
    assert (loan.state, loan.payoff(MAR_15)) == ("ACTIVE", 12_60)


def test_a_payment_found_late_settles_a_loan_on_the_day_the_last_money_came() -> None:
    loan = given(disbursed(), paid("P-2", 1_000_00, on=MAR_15))

    repay(loan, "P-1", 32_80, on=FEB_15, known_on=MAR_20)

    assert last(loan, Loan.Settled).effective_on == MAR_15
    assert last(loan, Loan.Closed).effective_on == MAR_15


def test_a_borrower_who_was_refunded_too_much_still_owes_it() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 1_032_80, on=FEB_15),
        paid("P-2", 100_00, on=FEB_15),
        refunded("R-1", 100_00, on=FEB_15),
    )

    reversed_("P-2", on=FEB_15)(loan)
    assert (loan.state, loan.payoff(FEB_15)) == ("ACTIVE", 100_00)
    repay(loan, "P-3", 100_00, on=FEB_15)

    assert kinds(loan) == [Loan.RepaymentReversed, Loan.Repaid, Loan.Settled, Loan.Closed]


# --- posted again ---------------------------------------------------------------------------

LETTER = FeeTerm("LETTER", "ON_EVENT", 20_00)
JAN_20 = date(2025, 1, 20)


def cashier(loan: Loan) -> None:
    """An instalment paid at the counter; a letter charged later that day, due at once."""
    repay(loan, "P-1", 86_07, FEB_15)
    loan.charge_fee(act(FEB_15), kind="LETTER", fee_ref="F-1")


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
@pytest.mark.parametrize("known_on", [FEB_15, MAR_20])
def test_a_payment_posted_again_in_its_place_pays_what_it_paid(
    accrual: str | None, known_on: date
) -> None:
    charges = terms(fees=[LETTER], charges_due="OWN_DAY", accrual=accrual)
    loan = given(disbursed(charges), cashier)
    before = loan.splits["P-1"], list(loan.instalments), loan.balance

    reversed_("P-1", on=known_on)(loan)
    repay(loan, "P-1B", 86_07, FEB_15, known_on, in_place_of="P-1")

    assert loan.splits["P-1B"] == before[0] == Split(interest=5_00, principal=81_07)
    if known_on == FEB_15:
        assert (loan.instalments, loan.balance) == before[1:]
    assert last(loan, Loan.Repaid).in_place_of == "P-1"


def test_a_payment_posted_again_without_its_place_counts_after_what_came_since() -> None:
    loan = given(disbursed(terms(fees=[LETTER], charges_due="OWN_DAY")), cashier)

    reversed_("P-1", on=MAR_20)(loan)
    repay(loan, "P-1B", 86_07, FEB_15, MAR_20)

    assert loan.splits["P-1B"] == Split(fees=20_00, interest=5_00, principal=61_07)


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
@pytest.mark.parametrize("bounced", ["P-1", "P-2"])
def test_two_payments_of_a_day_with_rules_of_their_own_stay_in_their_order(
    bounced: str, accrual: str | None
) -> None:
    rules = {"P-1": "SHORTER_TERM", "P-2": "LOWER_INSTALMENT"}
    loan = given(
        disbursed(terms(accrual=accrual)),
        *(paid(ref, 200_00, on=JAN_20, future_money=rule) for ref, rule in rules.items()),
    )
    before = list(loan.instalments)

    reversed_(bounced, on=JAN_20)(loan)
    again = {"future_money": rules[bounced], "in_place_of": bounced}
    repay(loan, "P-AGAIN", 200_00, JAN_20, JAN_20, **again)

    assert loan.instalments == before


def test_a_payment_that_bounces_twice_hands_its_place_on() -> None:
    loan = given(disbursed(terms(fees=[LETTER], charges_due="OWN_DAY")), cashier)

    reversed_("P-1", on=MAR_20)(loan)
    repay(loan, "P-1B", 86_07, FEB_15, MAR_20, in_place_of="P-1")
    reversed_("P-1B", on=MAR_20)(loan)
    repay(loan, "P-1C", 90_00, FEB_15, MAR_20, in_place_of="P-1B")

    assert loan.splits["P-1C"].fees == 0
    assert loan.splits["P-1C"].total == 90_00


def test_a_place_is_that_of_a_reversed_payment_of_the_same_day_and_taken_once() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15), paid("P-2", 10_00, on=FEB_15))

    with pytest.raises(no.PlaceNotFree, match="stands: reverse it first"):
        repay(loan, "P-3", 1_00, FEB_15, in_place_of="P-1")
    with pytest.raises(no.PlaceNotFree, match="was reversed"):
        repay(loan, "P-3", 1_00, FEB_15, in_place_of="P-9")
    reversed_("P-1", on=MAR_15)(loan)
    with pytest.raises(no.PlaceNotFree, match="was of 2025-02-15"):
        repay(loan, "P-3", 1_00, MAR_15, in_place_of="P-1")
    repay(loan, "P-3", 1_00, FEB_15, MAR_15, in_place_of="P-1")
    repay(loan, "P-3", 1_00, FEB_15, MAR_15, in_place_of="P-1")  # the same again is no second one
    with pytest.raises(no.PlaceNotFree, match="'P-3' stands in the place"):
        repay(loan, "P-4", 1_00, FEB_15, MAR_15, in_place_of="P-1")

    assert kinds(loan).count(Loan.Repaid) == 1


def test_what_is_recovered_after_a_write_off_takes_no_place() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=MAR_20))
    reversed_("P-1", on=MAR_20)(loan)
    written_off(MAR_20)(loan)

    with pytest.raises(no.PlaceNotFree, match="as it comes in"):
        repay(loan, "P-2", 86_07, MAR_20, MAR_20, in_place_of="P-1")


def test_what_is_posted_again_after_a_write_off_keeps_its_place_before_it() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))
    never = given(disbursed(), paid("P-1", 86_07, on=FEB_15))
    reversed_("P-1", on=MAR_15)(loan)
    for each in (loan, never):
        written_off(MAR_20)(each)
    repay(loan, "P-2", 86_07, FEB_15, MAR_20, in_place_of="P-1")

    assert loan.endings[0].claim == never.endings[0].claim
    assert [row.left for row in loan.instalments] == [row.left for row in never.instalments]


def test_what_closed_a_loan_closes_it_in_its_place_whatever_came_later_that_day() -> None:
    loan = given(disbursed(terms(fees=[LETTER], charges_count="FROM_THE_START")))
    owed = loan.payoff(JAN_20)
    repay(loan, "P-1", owed, JAN_20, payoff=True)
    assert loan.state == "CLOSED"
    reversed_("P-1", on=JAN_20)(loan)
    repay(loan, "P-2", 10_00, JAN_20)

    with pytest.raises(no.PayoffShort):
        repay(loan, "P-1B", owed - 10_00, JAN_20, payoff=True, in_place_of="P-1")
    repay(loan, "P-1B", owed, JAN_20, payoff=True, in_place_of="P-1")

    assert loan.state == "SETTLED"
    assert loan.unapplied == 10_00
