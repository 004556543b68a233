"""What became known after a loan was written off or sold, and counts from before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm, RatePlan, RateStep
from domain.loan import refusals as no
from domain.loan.allocation import Split, total
from domain.loan.as_of import known, standing
from domain.loan.explain import explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from tests.domain import story
from tests.domain.loan.test_end_of_life import sell
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    act,
    disbursed,
    fee_charged,
    fee_waived,
    given,
    happened,
    held,
    kinds,
    last,
    paid,
    recorded,
    refund,
    refunded,
    repay,
    reversed_,
    state,
    take_back,
    taken_back,
    terms,
    waive,
    write_off,
    written_off,
)

Step = Callable[[Loan], None]

FEB_15, MAR_15, APR_15, MAY_15 = (date(2025, month, 15) for month in (2, 3, 4, 5))
DAILY = terms(accrual="DAILY_BALANCE")
KINDS = pytest.mark.parametrize("agreed", [terms(), DAILY], ids=["scheduled", "daily"])


def restated(loan: Loan) -> list[Any]:
    """What the last event of a loan says of what left the book before."""
    return list(recorded(loan)[-1].restated or [])


def known_in_time(agreed: Any, *steps: Step) -> Loan:
    """A loan whose every fact was known on its day."""
    return given(disbursed(agreed), *steps)


# --- the loss -------------------------------------------------------------------------------


@KINDS
def test_a_payment_of_before_the_write_off_lets_the_loss_be_less(agreed: Any) -> None:
    loan = given(disbursed(agreed), written_off(on=APR_15))
    lost, in_time = loan.claim, known_in_time(agreed, paid("P-1", 86_07, on=FEB_15))
    write_off(in_time, APR_15)

    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    [event] = recorded(loan)
    assert event == happened(
        Loan.Repaid, effective_on=FEB_15, business_on=MAY_15, state="WRITTEN_OFF"
    )
    [loss] = event.restated
    assert (loss.kind, loss.on, loss.before, loss.after) == (
        "WRITE_OFF",
        APR_15,
        lost,
        in_time.claim,
    )
    assert loan.claim == in_time.claim
    assert (loan.recoveries, loan.balance) == ({}, Balance(0, 0, 0, 0, 0))


def test_a_payment_of_the_day_of_the_write_off_that_comes_after_it_is_a_recovery() -> None:
    loan = given(disbursed(), written_off(on=APR_15))

    repay(loan, "R-1", 86_07, APR_15, known_on=MAY_15)

    assert kinds(loan) == [Loan.RecoveryReceived]


def test_both_are_told_the_loss_as_known_then_and_as_known_now() -> None:
    loan = disbursed()
    write_off(loan, APR_15)
    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)
    events: Any = list(loan.pending_events)

    then, now = standing(known(events, APR_15), MAR_15), standing(events, MAR_15)

    assert then is not None and then.balance is not None
    assert now is not None and now.balance is not None
    assert (then.balance.principal, now.balance.principal) == (1_000_00, 918_93)
    assert now.state == "ACTIVE"


@KINDS
def test_what_was_recovered_splits_anew_over_the_loss_that_is_less(agreed: Any) -> None:
    loan = given(disbursed(agreed), written_off(on=APR_15))
    repay(loan, "R-1", loan.claim.total - 50_00, MAY_15)
    assert loan.unapplied == 0

    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    event = recorded(loan)[-1]
    beyond = total(loan.recovered.values()).unapplied
    assert [movement.ref for movement in event.reallocated] == ["R-1"]
    assert loan.unapplied == beyond == event.restated[0].credit > 0
    assert loan.recovered["R-1"].total == loan.recoveries["R-1"].amount


def test_a_payment_of_more_than_was_owed_leaves_no_loss_and_the_rest_as_credit() -> None:
    loan = given(disbursed(), written_off(on=APR_15))

    repay(loan, "P-1", 1_200_00, FEB_15, known_on=MAY_15)

    assert (loan.claim, loan.state) == (Split(), "WRITTEN_OFF")
    assert loan.unapplied == 1_200_00 - sum(
        part.principal + part.interest for part in loan.parts["P-1"]
    )
    refund(loan, "F-1", loan.unapplied, MAY_15)
    assert loan.unapplied == 0


@KINDS
def test_of_a_payment_that_bounced_before_the_write_off_the_loss_is_greater(agreed: Any) -> None:
    loan = given(disbursed(agreed), paid("P-1", 86_07, on=FEB_15), written_off(on=APR_15))
    never = known_in_time(agreed, written_off(on=APR_15))

    reversed_("P-1", on=MAY_15)(loan)

    assert kinds(loan) == [Loan.RepaymentReversed]
    assert loan.claim == never.claim
    assert restated(loan)[0].after.principal == 1_000_00


LATE_FACTS: dict[str, tuple[Step, Step]] = {
    "waiver": (
        lambda loan: waive(loan, "F-1", 20_00, FEB_15),
        lambda loan: waive(loan, "F-1", 20_00, MAY_15, counts_on=FEB_15),
    ),
    "fee": (
        fee_charged("F-2", on=FEB_15),
        lambda loan: loan.charge_fee(act(MAY_15), kind="LETTER", fee_ref="F-2", on=FEB_15),
    ),
    "hold": (
        held("H-1", FEB_15, FEB_15, stops_interest=True),
        held("H-1", FEB_15, MAY_15, stops_interest=True),
    ),
    "rate": (lambda loan: _rate(loan, FEB_15), lambda loan: _rate(loan, MAY_15)),
    "interest forgiven": (
        story.forgiven(1, "INTEREST", FEB_15, FEB_15, amount=2_00),
        story.forgiven(1, "INTEREST", FEB_15, MAY_15, amount=2_00),
    ),
    "moved date": (
        lambda loan: loan.move_due_date(
            act(FEB_15), instalment=2, due_on=date(2025, 3, 20), reason="pay day"
        ),
        lambda loan: loan.move_due_date(
            act(MAY_15),
            instalment=2,
            due_on=date(2025, 3, 20),
            reason="pay day",
            on=FEB_15,
            requested_by="clerk",
            approved_by="manager",
        ),
    ),
}


def _rate(loan: Loan, known_on: date) -> None:
    loan.reschedule(
        act(known_on),
        agreed=Agreement("RATE_CHANGE", annual_rate=Decimal("0.02")),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
        on=FEB_15,
    )


@pytest.mark.parametrize("what", list(LATE_FACTS))
@pytest.mark.parametrize("daily", [False, True], ids=["scheduled", "daily"])
def test_what_counts_from_before_the_write_off_changes_the_loss_as_if_known_in_time(
    what: str, daily: bool
) -> None:
    agreed = terms(
        fees=[LETTER_FEE], penalty_rate=Decimal("0.1"), accrual="DAILY_BALANCE" if daily else None
    )
    in_time, late = LATE_FACTS[what]
    known_then, loan = disbursed(agreed), disbursed(agreed)
    for each in (known_then, loan):
        fee_charged("F-1", on=JAN_15)(each)
    in_time(known_then)
    for each in (known_then, loan):
        write_off(each, APR_15)

    late(loan)

    assert loan.claim == known_then.claim
    assert loan.unapplied == known_then.unapplied
    assert loan.state == "WRITTEN_OFF"


@pytest.mark.parametrize("name", ["F-1", "reschedule-3", "waiver-2"])
def test_what_was_recorded_in_error_before_the_write_off_is_taken_back_after_it(name: str) -> None:
    steps: list[Step] = [
        fee_charged("F-1", on=FEB_15),
        paid("P-1", 100_00, on=FEB_15),
        fee_waived("F-1", 3_00, on=FEB_15),
        lambda loan: _rate(loan, FEB_15),
    ]
    loan = given(disbursed(terms(fees=[LETTER_FEE])), *steps)
    write_off(loan, APR_15)
    never = given(disbursed(terms(fees=[LETTER_FEE])), *steps, taken_back(name, on=FEB_15))
    write_off(never, APR_15)

    take_back(loan, name, MAY_15)

    assert recorded(loan)[-1] == happened(Loan.FactWithdrawn, state="WRITTEN_OFF")
    assert loan.claim == never.claim


def test_a_charge_for_being_late_goes_with_the_lateness_and_the_loss_without_it() -> None:
    agreed = terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 7_00)])
    loan = given(disbursed(agreed), written_off(on=date(2025, 3, 1)))
    assert loan.claim.fees == 7_00

    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    assert kinds(loan) == [Loan.Repaid, Loan.FeeWithdrawn]
    assert restated(loan)[0].before.fees - restated(loan)[0].after.fees == 7_00
    assert loan.claim.fees == 0


def test_a_step_of_the_rate_earned_by_then_lowers_the_loss() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.03"))], scope="TERM")
    loan = given(disbursed(terms(rate_plan=plan)), written_off(on=APR_15))
    in_time = known_in_time(terms(rate_plan=plan), paid("P-1", 86_07, on=FEB_15))
    write_off(in_time, APR_15)

    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    assert loan.steps == in_time.steps == {"2": "EARNED"}
    assert loan.claim == in_time.claim


def test_what_counts_from_the_write_off_on_is_still_refused() -> None:
    loan = given(
        disbursed(terms(fees=[LETTER_FEE])), fee_charged("F-1", on=FEB_15), written_off(on=APR_15)
    )

    steps: list[Callable[[], None]] = [
        lambda: waive(loan, "F-1", 1_00, MAY_15),
        lambda: loan.charge_fee(act(MAY_15), kind="LETTER", fee_ref="F-2", on=APR_15),
        lambda: story.draw(loan, "D-1", 1_00, MAY_15),
    ]
    for step in steps:
        with pytest.raises(no.NotActive):
            step()

    assert recorded(loan) == []


def test_a_refund_that_is_missing_since_a_payment_bounced_joins_the_loss() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 1_500_00, on=FEB_15),
        refunded("F-1", 467_20, on=FEB_15),
        reversed_("P-1", on=MAR_15),
        paid("P-2", 467_20 + 86_07, on=MAR_15),
        written_off(on=APR_15),
    )
    assert (loan.claim.unapplied, loan.unapplied) == (0, 0)

    reversed_("P-2", on=MAY_15)(loan)

    assert restated(loan)[0].after.unapplied == loan.claim.unapplied == 467_20
    assert loan.unapplied == 0


def test_a_loss_restated_is_taken_back_whole() -> None:
    loan = given(disbursed(), written_off(on=APR_15))
    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    take_back(loan, "write-off", MAY_15)

    plain = known_in_time(terms(), paid("P-1", 86_07, on=FEB_15), story.attended(MAY_15))
    undone = last(loan, Loan.FactWithdrawn)
    assert (undone.principal, undone.amount) == (918_93, 918_93 + 4_59 + 4_19)
    assert (loan.state, loan.balance, loan.bucket) == ("ACTIVE", plain.balance, plain.bucket)


def test_recoveries_split_by_their_days_in_whatever_order_they_are_known() -> None:
    loan = given(disbursed(), written_off(on=FEB_15))
    other = given(disbursed(), written_off(on=FEB_15))
    repay(loan, "R-1", 1_000_00, MAR_15)
    repay(loan, "R-2", 100_00, APR_15)

    repay(other, "R-2", 100_00, APR_15)
    repay(other, "R-1", 1_000_00, MAR_15, known_on=MAY_15)

    assert other.recovered == loan.recovered
    assert (other.unapplied, loan.unapplied) == (95_00, 95_00)
    assert [m.ref for m in recorded(other)[-1].reallocated] == ["R-2"]
    assert recorded(other)[-1].grown == 95_00


def test_money_after_the_write_off_goes_by_the_order_that_the_contract_has_for_it() -> None:
    order = ["PRINCIPAL", "FEE", "INTEREST", "PENALTY"]
    plain = given(disbursed(), written_off(on=MAR_15))
    loan = given(disbursed(terms(recovery_order=order)), written_off(on=MAR_15))
    late = given(disbursed(terms(late_order=order, late_order_days=1)), written_off(on=MAR_15))

    for each in (plain, loan, late):
        repay(each, "R-1", 50_00, APR_15)

    assert (plain.recovered["R-1"].interest, plain.recovered["R-1"].principal) == (9_59, 40_41)
    assert loan.recovered["R-1"] == late.recovered["R-1"] == Split(principal=50_00)


def test_a_claim_is_told_from_what_was_lost_to_what_is_open() -> None:
    loan = disbursed()
    write_off(loan, APR_15)
    repay(loan, "R-1", 100_00, MAY_15)
    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)
    events: Any = list(loan.pending_events)

    told = explain(events, MAY_15)

    assert told is not None
    lines = [(x.what, x.amount) for x in told.lines if x.figure == "claim"]
    assert sorted(lines) == [
        ("interest written off", 5_00 + 4_59 + 4_19),
        ("principal written off", 1_000_00),
        ("recovered, R-1", -100_00),
        ("repaid, P-1, known on 2025-05-15", -86_07),
    ]
    assert told.total("claim") == loan.claim.total - 100_00


def test_of_a_claim_that_was_sold_nothing_is_open_here() -> None:
    loan = disbursed()
    write_off(loan, FEB_15)
    repay(loan, "R-1", 100_00, MAR_15)
    sell(loan)
    events: Any = list(loan.pending_events)

    told, before = explain(events, MAY_15), explain(events, date(2025, 4, 1))

    assert told is not None and before is not None
    assert told.lines[-1].what == "sold to FUND-1"
    assert (told.total("claim"), before.total("claim")) == (0, 905_00)


# --- the sale -------------------------------------------------------------------------------


@KINDS
def test_a_payment_of_before_the_sale_lets_the_claim_sold_and_its_price_be_less(
    agreed: Any,
) -> None:
    loan = given(disbursed(agreed), sell)
    face = loan.endings[0].claim.total

    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)

    [event] = recorded(loan)
    [sale] = event.restated
    assert event == happened(Loan.Repaid, state="SOLD", balance=Balance(0, 0, 0, 0, 0))
    assert (sale.kind, sale.before.total, sale.price_before) == ("SALE", face, 300_00)
    exact = Decimal(300_00) * sale.after.total / face
    assert abs(sale.price - exact) <= Decimal("0.5")
    assert loan.endings[0].price == sale.price < 300_00


def test_a_payoff_of_before_the_sale_leaves_nothing_that_was_sold() -> None:
    loan = given(disbursed(), sell)
    in_time = disbursed()

    repay(loan, "P-1", in_time.payoff(FEB_15), FEB_15, known_on=MAY_15, payoff=True)

    assert restated(loan)[0].after.total == 0
    assert (loan.state, loan.endings[0].price, loan.unapplied) == ("SOLD", 0, 0)


def test_what_a_partner_gave_back_before_the_sale_closes_the_loan_that_was_sold() -> None:
    loan = given(disbursed(terms(partner="SCHOOL")), sell)

    loan.refund_by_partner(act(MAY_15), amount=1_100_00, received_on=FEB_15, payment_ref="P-1")

    [sale] = recorded(loan)[0].restated
    assert (sale.after.total, sale.price) == (0, 0)
    assert recorded(loan)[0].payoff


def test_of_a_payment_before_the_sale_that_bounces_the_buyer_owes_more() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15), sell)

    reversed_("P-1", on=MAY_15)(loan)

    [sale] = restated(loan)
    assert sale.after.principal == 1_000_00
    assert sale.price > sale.price_before == 300_00
    assert loan.state == "SOLD"


def test_there_and_back_the_price_is_the_one_agreed() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15), sell)

    repay(loan, "P-2", 33_33, MAR_15, known_on=MAY_15)
    reversed_("P-2", on=MAY_15)(loan)

    assert loan.endings[0].price == 300_00
    assert loan.endings[0].claim == restated(loan)[0].after


def test_money_between_the_write_off_and_the_sale_was_recovered_before_it() -> None:
    loan = given(disbursed(), written_off(on=FEB_15), sell)

    repay(loan, "R-1", 201_00, MAR_15, known_on=MAY_15)

    [event] = recorded(loan)
    assert event == happened(Loan.RecoveryReceived, state="SOLD", recovered=201_00)
    [sale] = event.restated
    assert (sale.kind, sale.price_before, sale.price) == ("SALE", 300_00, 240_00)
    reversed_("R-1", on=MAY_15)(loan)
    assert loan.endings[-1].price == 300_00


def test_what_was_sold_of_a_loss_follows_the_loss() -> None:
    loan = given(disbursed(), written_off(on=FEB_15), sell)

    repay(loan, "P-1", 50_25, date(2025, 2, 14), known_on=MAY_15)

    loss, sale = restated(loan)
    assert (loss.kind, sale.kind) == ("WRITE_OFF", "SALE")
    assert (loss.before.total, loss.after.total) == (1_005_00, 954_75)
    assert (sale.before, sale.price_before, sale.price) == (Split(), 300_00, 285_00)


def test_money_of_the_day_of_the_sale_or_later_is_the_owners() -> None:
    loan = given(disbursed(), sell)

    for on in (APR_15, MAY_15):
        with pytest.raises(no.LoanSold, match="FUND-1"):
            repay(loan, "P-1", 10_00, on, known_on=MAY_15)


def test_a_sale_restated_is_taken_back_with_the_price_it_came_to() -> None:
    loan = given(disbursed(), sell)
    repay(loan, "P-1", 86_07, FEB_15, known_on=MAY_15)
    price = loan.endings[0].price

    take_back(loan, "sale", MAY_15)

    assert last(loan, Loan.FactWithdrawn).price == price
    plain = known_in_time(terms(), paid("P-1", 86_07, on=FEB_15), story.attended(MAY_15))
    assert (loan.state, loan.balance) == ("ACTIVE", plain.balance)


def test_a_replay_of_a_restated_end_says_the_same() -> None:
    loan = disbursed()
    write_off(loan, FEB_15)
    repay(loan, "R-1", 50_00, MAR_15)
    sell(loan)
    repay(loan, "P-1", 20_00, date(2025, 2, 1), known_on=MAY_15)
    reversed_("R-1", on=MAY_15)(loan)

    assert state(story.replayed(loan.pending_events)) == state(loan)
