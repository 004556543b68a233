"""How a claim ends: charged back, secured, recovered, given back, or sold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from domain.base.refusal import AmountNotPositive, Refusal, SamePerson
from domain.loan import refusals as no
from domain.loan.as_of import standing
from domain.loan.explain import explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from tests.domain import story
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    act,
    applied,
    attended,
    disbursed,
    fee_charged,
    given,
    happened,
    kinds,
    moved,
    paid,
    recorded,
    refund,
    refunded,
    repay,
    reversed_,
    signed,
    state,
    terms,
    waive,
    write_off,
    written_off,
)

Step = Callable[[Loan], None]

FEB_15, MAR_15, APR_15 = date(2025, 2, 15), date(2025, 3, 15), date(2025, 4, 15)
SCHOOL = terms(partner="SCHOOL-7", scene="EDUCATION")


def sell(loan: Loan, on: date = APR_15, known_on: date | None = None, **changes: Any) -> None:
    story.sell(loan, known_on or on, **{"sold_on": on, **changes})


def sold(on: date = APR_15) -> Step:
    return lambda loan: sell(loan, on)


def taken(ref: str, kind: str = "COLLATERAL", on: date = JAN_15, amount: int | None = None) -> Step:
    return lambda loan: loan.take_security(act(on), security_ref=ref, kind=kind, amount=amount)


def called(ref: str, on: date = MAR_15) -> Step:
    return lambda loan: loan.call_security(act(on), security_ref=ref, reason="not paid")


def realised(ref: str, payment_ref: str, amount: int, on: date = APR_15) -> Step:
    return lambda loan: loan.realise_security(
        act(on), security_ref=ref, amount=amount, received_on=on, payment_ref=payment_ref
    )


def released(ref: str, on: date = APR_15) -> Step:
    return lambda loan: loan.release_security(act(on), security_ref=ref, reason="paid")


# --- payments that do not stand -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["CHARGEBACK", "BOUNCED", "MISPOSTED"])
def test_a_reversal_says_why_the_payment_does_not_stand(kind: str) -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    loan.reverse(act(MAR_15), payment_ref="P-1", reason="by the bank", kind=kind)

    assert recorded(loan)[0] == happened(Loan.RepaymentReversed, payment_ref="P-1", kind=kind)


def test_a_reversal_of_another_kind_is_refused() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    with pytest.raises(no.ReversalKindUnknown):
        loan.reverse(act(MAR_15), payment_ref="P-1", reason="?", kind="REGRETTED")

    assert recorded(loan) == []


def test_a_recovery_that_bounces_is_taken_back_and_the_loan_stays_written_off() -> None:
    loan = given(
        disbursed(),
        written_off(on=FEB_15),
        paid("R-1", 50_00, on=MAR_15),
        paid("R-2", 30_00, on=MAR_15),
    )

    loan.reverse(act(APR_15), payment_ref="R-1", reason="no funds", kind="BOUNCED")

    assert recorded(loan) == [
        happened(
            Loan.RecoveryReversed,
            effective_on=MAR_15,
            payment_ref="R-1",
            amount=50_00,
            kind="BOUNCED",
            recovered=30_00,
        )
    ]
    assert (loan.state, loan.received(JAN_15, APR_15)) == ("WRITTEN_OFF", 30_00)


def past_of_a_loss() -> list[Any]:
    loan = disbursed()
    written_off(on=FEB_15)(loan)
    return recorded(loan)


def test_what_is_recovered_beyond_the_claim_is_the_borrowers_and_is_refunded() -> None:
    loan = given(disbursed(), written_off(on=FEB_15))

    repay(loan, "R-1", 1_105_00, on=MAR_15)
    refund(loan, "F-1", 100_00, APR_15)

    whole = [*past_of_a_loss(), *recorded(loan)]
    stood, told = standing(whole, MAR_15), explain(whole, MAR_15)
    assert stood is not None
    assert stood.balance == Balance(0, 0, 0, 0, 100_00)
    assert told is not None
    assert told.total("credit") == 100_00
    assert recorded(loan) == [
        happened(Loan.RecoveryReceived, principal=1_000_00, interest=5_00, credit=100_00),
        happened(Loan.CreditRefunded, amount=100_00, state="WRITTEN_OFF"),
    ]
    assert loan.unapplied == 0


def test_what_was_refunded_and_is_missing_is_a_part_of_the_loss_and_recovered_last() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 1_500_00, on=FEB_15),
        refunded("F-1", 467_20, on=FEB_15),
        reversed_("P-1", on=MAR_15),
    )
    assert loan.unapplied == -467_20

    write_off(loan, MAR_15)

    lost = recorded(loan)[-1]
    assert (lost.missing_credit, lost.balance) == (467_20, Balance(0, 0, 0, 0, 0))
    assert loan.claim.total == lost.principal + lost.interest + lost.penalty + 467_20

    repay(loan, "R-1", loan.claim.total - 7_20, on=APR_15)
    assert (loan.unapplied, recorded(loan)[-1].grown) == (0, 0)

    repay(loan, "R-2", 10_00, on=APR_15)
    assert (loan.unapplied, recorded(loan)[-1].grown) == (2_80, 2_80)


def test_later_recoveries_split_anew_when_an_earlier_one_bounces() -> None:
    loan = given(
        disbursed(),
        written_off(on=FEB_15),
        paid("R-1", 1_000_00, on=MAR_15),
        paid("R-2", 100_00, on=MAR_15),
    )
    assert loan.unapplied == 95_00

    reversed_("R-1", on=APR_15)(loan)

    assert recorded(loan) == [happened(Loan.RecoveryReversed, payment_ref="R-1", credit=-95_00)]
    assert (loan.unapplied, loan.recovered["R-2"].interest) == (0, 5_00)


def test_a_recovery_is_taken_back_once_and_its_reference_is_used_up() -> None:
    loan = given(
        disbursed(),
        written_off(on=FEB_15),
        paid("R-1", 50_00, on=MAR_15),
        reversed_("R-1", on=APR_15),
    )

    reversed_("R-1", on=APR_15)(loan)
    with pytest.raises(no.PaymentRefReused):
        repay(loan, "R-1", 50_00, on=APR_15)

    assert recorded(loan) == []


def test_nothing_reopens_a_loan_that_is_written_off() -> None:
    loan = given(disbursed(), written_off(on=FEB_15))

    repay(loan, "R-1", 2_000_00, on=MAR_15)
    loan.attend(act(APR_15))

    assert (loan.state, loan.balance.principal) == ("WRITTEN_OFF", 0)
    assert kinds(loan) == [Loan.RecoveryReceived]


def test_a_guarantor_pays_no_more_than_they_are_bound_for() -> None:
    loan = given(disbursed(), taken("S-1", "GUARANTEE", amount=100_00), called("S-1"))
    realised("S-1", "G-1", 60_00)(loan)

    with pytest.raises(no.SecurityExceeded, match=r"stands for 100.00 CNY, of which 60.00 CNY"):
        realised("S-1", "G-2", 40_01)(loan)

    realised("S-1", "G-2", 40_00)(loan)
    assert loan.received(JAN_15, APR_15) == 100_00


def test_a_pledge_may_bring_more_than_it_was_taken_for() -> None:
    loan = given(disbursed(), taken("S-1", "COLLATERAL", amount=100_00), called("S-1"))

    realised("S-1", "G-1", 160_00)(loan)

    assert loan.received(JAN_15, APR_15) == 160_00


# --- sale -----------------------------------------------------------------------------------


def test_a_sale_takes_the_whole_claim_off_our_book() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15), attended(on=APR_15))

    sell(loan)

    assert recorded(loan) == [
        happened(
            Loan.Sold,
            effective_on=APR_15,
            buyer_ref="FUND-1",
            price=300_00,
            principal=918_93,
            interest=4_59 + 4_19,
            fees=0,
            balance_before=Balance(918_93, 27_80, 0, 0, 0),
            balance=Balance(0, 0, 0, 0, 0),
            state_before="ACTIVE",
        )
    ]
    assert (loan.state, loan.balance.principal) == ("SOLD", 0)
    assert loan.next_action() is None


def test_a_written_off_claim_can_be_sold_too_and_nothing_is_left_to_take_off() -> None:
    loan = given(disbursed(), written_off(on=FEB_15), paid("R-1", 50_00, on=MAR_15))

    sell(loan)

    assert recorded(loan) == [
        happened(Loan.Sold, principal=0, interest=0, state_before="WRITTEN_OFF", price=300_00)
    ]


MONEY: dict[str, Step] = {
    "repay": paid("P-9", 10_00, on=APR_15),
    "refund": refunded("R-9", 10_00, on=APR_15),
    "charge": fee_charged("F-9", on=APR_15),
    "waive": lambda loan: waive(loan, "F-1", 1_00, APR_15),
    "move": moved(3, date(2025, 4, 20), on=APR_15),
    "write off": lambda loan: write_off(loan, APR_15),
    "partner refund": lambda loan: loan.refund_by_partner(
        act(APR_15), amount=1_00, received_on=APR_15, payment_ref="P-9"
    ),
    "take security": taken("S-9", on=APR_15),
    "call security": called("S-1", on=APR_15),
    "realise security": realised("S-1", "P-9", 1_00),
    "release security": released("S-1"),
    "sell again": lambda loan: sell(loan, buyer_ref="FUND-2"),
    "pay out": lambda loan: loan.disburse(act(APR_15), disbursement_ref="D-9", paid_to="x"),
}


@pytest.mark.parametrize("step", list(MONEY.values()), ids=list(MONEY))
def test_nothing_moves_on_a_loan_that_is_sold(step: Step) -> None:
    loan = given(
        disbursed(terms(fees=[LETTER_FEE])),
        taken("S-1"),
        fee_charged("F-1", on=FEB_15),
        paid("P-1", 86_07, on=FEB_15),
        sold(),
    )

    with pytest.raises(Refusal):
        step(loan)

    assert recorded(loan) == []


def test_who_comes_with_money_for_a_sold_loan_is_told_whose_it_is() -> None:
    loan = given(disbursed(), sold())

    with pytest.raises(no.LoanSold, match="FUND-1"):
        repay(loan, "P-1", 10_00, on=APR_15)


def test_a_sale_to_the_same_owner_is_recorded_once() -> None:
    loan = given(disbursed(), sold())

    sell(loan)

    assert recorded(loan) == []


def test_a_sale_needs_two_people_a_price_and_an_owner() -> None:
    loan = given(disbursed())

    with pytest.raises(SamePerson):
        sell(loan, approved_by="treasury")
    with pytest.raises(AmountNotPositive):
        sell(loan, price=0)
    with pytest.raises(no.NotForSale):
        sell(loan, buyer_ref=" ")

    assert recorded(loan) == []


def test_a_sale_is_not_dated_into_the_future() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=MAR_15))

    with pytest.raises(no.DateInFuture):
        sell(loan, APR_15, known_on=MAR_15)

    assert recorded(loan) == []


def test_a_loan_that_owes_nothing_cannot_be_sold() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, on=FEB_15))

    with pytest.raises(no.NotForSale):
        sell(loan)


def test_a_sold_loan_stood_as_sold_from_its_day_and_owes_nothing_that_adds_up() -> None:
    loan = disbursed()
    sell(loan, APR_15, known_on=date(2025, 4, 20))
    events: Any = list(loan.pending_events)

    before, after = standing(events, APR_15 - timedelta(days=1)), standing(events, APR_15)
    told = explain(events, APR_15)

    assert before is not None and before.state == "ACTIVE"
    assert after is not None and told is not None
    assert (after.state, after.balance) == ("SOLD", Balance(0, 0, 0, 0, 0))
    assert [told.total(figure) for figure in ("principal", "interest", "fees")] == [0, 0, 0]


# --- securities -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "source"),
    [("COLLATERAL", "COLLATERAL"), ("GUARANTEE", "GUARANTOR"), ("INSURANCE", "INSURANCE")],
)
def test_what_a_security_pays_is_a_repayment_from_that_source(kind: str, source: str) -> None:
    loan = given(disbursed(), taken("S-1", kind, amount=500_00), called("S-1"))

    realised("S-1", "P-1", 200_00)(loan)

    paid_out = [event for event in recorded(loan) if isinstance(event, Loan.Repaid)]
    assert paid_out == [happened(Loan.Repaid, payment_ref="P-1", amount=200_00, source=source)]
    assert recorded(loan)[-1] == happened(
        Loan.SecurityRealised, security_ref="S-1", kind=kind, amount=200_00, payment_ref="P-1"
    )


def test_what_a_security_pays_after_the_write_off_is_a_recovery() -> None:
    loan = given(disbursed(), taken("S-1"), written_off(on=FEB_15), called("S-1"))

    realised("S-1", "R-1", 200_00)(loan)

    assert recorded(loan) == [
        happened(Loan.RecoveryReceived, amount=200_00, source="COLLATERAL"),
        happened(Loan.SecurityRealised, payment_ref="R-1"),
    ]


def test_a_security_may_pay_several_times_and_each_payment_counts_once() -> None:
    loan = given(disbursed(), taken("S-1"), called("S-1"), realised("S-1", "P-1", 100_00))

    realised("S-1", "P-1", 100_00)(loan)
    realised("S-1", "P-2", 50_00)(loan)

    assert loan.securities["S-1"].payments == ["P-1", "P-2"]
    assert loan.received(JAN_15, APR_15) == 150_00


def test_what_a_security_paid_is_taken_back_with_the_payment() -> None:
    loan = given(
        disbursed(), taken("S-1"), called("S-1"), realised("S-1", "P-1", 100_00), released("S-1")
    )

    reversed_("P-1", on=APR_15)(loan)

    assert recorded(loan)[-1] == happened(
        Loan.SecurityRealised, security_ref="S-1", amount=-100_00, payment_ref="P-1"
    )
    assert (loan.securities["S-1"].payments, loan.securities["S-1"].state) == ([], "RELEASED")


def test_a_payment_that_was_the_borrowers_is_not_a_security_s() -> None:
    loan = given(disbursed(), taken("S-1"), called("S-1"), paid("P-1", 100_00, on=APR_15))

    with pytest.raises(no.PaymentRefReused):
        realised("S-1", "P-1", 100_00)(loan)


@pytest.mark.parametrize(
    ("past", "step", "refusal"),
    [
        ([], called("S-1"), no.SecurityUnknown),
        ([], realised("S-1", "P-1", 1_00), no.SecurityUnknown),
        ([], released("S-1"), no.SecurityUnknown),
        ([], taken("S-1", "PROMISE"), no.SecurityUnknown),
        ([taken("S-1")], realised("S-1", "P-1", 1_00), no.SecurityOutOfOrder),
        ([taken("S-1"), released("S-1")], called("S-1"), no.SecurityOutOfOrder),
        ([taken("S-1")], taken("S-1", "INSURANCE"), no.SecurityRefReused),
    ],
)
def test_what_is_out_of_order_is_refused(
    past: list[Step], step: Step, refusal: type[Refusal]
) -> None:
    loan = given(disbursed(), *past)

    with pytest.raises(refusal):
        step(loan)

    assert recorded(loan) == []


def test_a_security_is_taken_called_and_released_once() -> None:
    loan = given(disbursed(), taken("S-1"), called("S-1"), taken("S-2"), released("S-2"))

    for step in (taken("S-1"), called("S-1"), released("S-2")):
        step(loan)

    assert recorded(loan) == []


def test_a_security_can_be_taken_before_the_payout_and_given_back_after_the_end() -> None:
    loan = given(signed(), taken("S-1"))
    loan.disburse(act(JAN_15), disbursement_ref="D-1", paid_to="account-ref-1")
    repay(loan, "P-1", loan.payoff(JAN_15), JAN_15, payoff=True)

    released("S-1")(loan)

    assert loan.state == "CLOSED"
    assert recorded(loan)[-1] == happened(Loan.SecurityReleased, security_ref="S-1")


def test_an_application_that_is_not_decided_is_not_secured() -> None:
    loan = given(applied())

    with pytest.raises(no.SecurityOutOfOrder):
        taken("S-1")(loan)


# --- a partner gives money back ----------------------------------------------------------------


def give_back(loan: Loan, amount: int, on: date) -> None:
    loan.refund_by_partner(act(on), amount=amount, received_on=on, payment_ref="PR-1")


def test_a_purchase_that_is_cancelled_in_full_closes_the_loan() -> None:
    loan = given(disbursed(SCHOOL))

    give_back(loan, 1_002_00, on=date(2025, 1, 25))

    assert recorded(loan)[0] == happened(
        Loan.Repaid, source="PARTNER", payoff=True, principal=1_000_00, interest=1_67, unapplied=33
    )
    refund(loan, "R-1", 33, date(2025, 1, 25))
    assert loan.state == "CLOSED"


def test_what_a_school_gives_back_in_part_is_principal_and_lowers_the_instalments() -> None:
    loan = given(disbursed(SCHOOL))

    give_back(loan, 500_00, on=date(2025, 1, 25))

    assert recorded(loan) == [
        happened(Loan.Repaid, source="PARTNER", principal=500_00, interest=0, payoff=False)
    ]
    assert loan.balance.principal == 500_00
    assert {row.principal_left + row.interest for row in loan.instalments[1:11]} == {43_03}


def test_what_a_school_gives_back_pays_what_is_due_first() -> None:
    loan = given(disbursed(SCHOOL))

    give_back(loan, 500_00, on=FEB_15)

    assert recorded(loan) == [
        happened(Loan.Repaid, source="PARTNER", interest=5_00, principal=495_00)
    ]


def test_a_purchase_cancelled_without_the_interest_leaves_that_to_the_borrower() -> None:
    loan = given(disbursed(SCHOOL))

    give_back(loan, 1_000_00, on=date(2025, 1, 25))

    assert (loan.balance.principal, loan.balance.interest) == (0, 1_67)
    repay(loan, "P-1", 1_67, on=FEB_15)
    assert loan.state == "CLOSED"


def test_a_loan_without_a_partner_takes_no_partner_s_money() -> None:
    loan = given(disbursed())

    with pytest.raises(no.NoPartner):
        give_back(loan, 100_00, on=FEB_15)


def test_a_replay_of_all_this_says_the_same() -> None:
    loan = disbursed(SCHOOL)
    for step in (
        taken("S-1", "GUARANTEE", amount=100_00),
        called("S-1"),
        realised("S-1", "P-1", 50_00),
        written_off(on=APR_15),
        realised("S-1", "P-2", 20_00),
        reversed_("P-2", on=APR_15),
        released("S-1"),
        sold(),
    ):
        step(loan)

    assert state(given(loan)) == state(loan)
