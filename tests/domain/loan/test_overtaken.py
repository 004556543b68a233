"""A loss that is known after later money moved: it counts from its day all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm, RatePlan, RateStep, Subsidy
from domain.loan import refusals as no
from domain.loan.as_of import known, standing
from domain.loan.explain import explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.what_if import WriteOff, what_if
from tests.domain import story
from tests.domain.loan.test_end_of_life import called, realised, taken
from tests.domain.story import (
    LETTER_FEE,
    act,
    attended,
    disbursed,
    drawn,
    fee_charged,
    fee_waived,
    forgiven,
    given,
    happened,
    held,
    kinds,
    last,
    moved,
    paid,
    recorded,
    refunded,
    released,
    repay,
    reversed_,
    state,
    take_back,
    terms,
    write_off,
    written_off,
)

Step = Callable[[Loan], None]

FEB_15, FEB_20, MAR_1, MAR_15, APR_1, APR_15, MAY_15 = (
    date(2025, month, day)
    for month, day in ((2, 15), (2, 20), (3, 1), (3, 15), (4, 1), (4, 15), (5, 15))
)
FULL = terms(fees=[LETTER_FEE], penalty_rate=Decimal("0.365"))
DAILY = terms(accrual="DAILY_BALANCE", penalty_rate=Decimal("0.365"))
KINDS = pytest.mark.parametrize("agreed", [FULL, DAILY], ids=["scheduled", "daily"])


def lost_late(loan: Loan, on: date = FEB_20, known_on: date = MAY_15, **changes: Any) -> None:
    write_off(loan, known_on, counts_on=on, **changes)


# --- money ----------------------------------------------------------------------------------


@KINDS
def test_what_was_paid_after_the_loss_is_recovered_of_it_in_the_event_that_tells_the_loss(
    agreed: Any,
) -> None:
    before, after = paid("P-1", 40_00, FEB_15), (paid("P-2", 86_07, MAR_15), paid("P-3", 9, APR_1))
    loan = given(disbursed(agreed), before, *after, attended(MAY_15))
    in_time = given(disbursed(agreed), before, attended(FEB_20), written_off(FEB_20), *after)
    split = dict(loan.splits)

    lost_late(loan)

    event = recorded(loan)[0]
    assert kinds(loan) == [Loan.WrittenOff]
    assert event == happened(Loan.WrittenOff, effective_on=FEB_20, business_on=MAY_15)
    assert event.claim == in_time.claim
    assert [(each.ref, each.on, each.before, each.after) for each in event.overtaken.recovered] == [
        ("P-2", MAR_15, split["P-2"], in_time.recovered["P-2"]),
        ("P-3", APR_1, split["P-3"], in_time.recovered["P-3"]),
    ]
    assert (loan.recovered, loan.splits) == (in_time.recovered, in_time.splits)
    assert (loan.state, loan.balance, loan.bucket) == (
        in_time.state,
        in_time.balance,
        in_time.bucket,
    )
    assert loan.receipts() == in_time.receipts()


def test_of_the_day_of_the_loss_what_was_known_first_counts_first() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_20), paid("P-2", 10_00, MAR_15))

    lost_late(loan)

    assert list(loan.splits) == ["P-1"]
    assert list(loan.recovered) == ["P-2"]


def test_a_loss_after_which_nothing_was_recorded_says_nothing_of_it() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15))

    lost_late(loan, known_on=MAR_1)

    assert recorded(loan)[0].overtaken is None


@KINDS
def test_a_loan_that_was_paid_off_since_is_lost_as_of_its_day_and_recovered(agreed: Any) -> None:
    loan = disbursed(agreed)
    repay(loan, "P-1", loan.payoff(MAR_15) + 7_00, MAR_15, payoff=True)
    loan = given(loan, refunded("R-1", 7_00, MAR_15))
    assert loan.state == "CLOSED"

    lost_late(loan)

    event = recorded(loan)[0]
    assert event.overtaken.state_before == "CLOSED"
    assert loan.state == "WRITTEN_OFF"
    assert loan.recovered["P-1"].principal == event.principal == 1_000_00
    beyond = loan.recovered["P-1"].unapplied
    assert loan.unapplied == beyond - 7_00 > 0


@KINDS
def test_a_loan_that_was_paid_off_is_so_on_its_day_again_once_the_loss_is_taken_back(
    agreed: Any,
) -> None:
    subsidised = replace(agreed, subsidy=Subsidy("SHOP", Decimal("0.02")))
    loan = disbursed(subsidised)
    repay(loan, "P-1", loan.payoff(MAR_15), MAR_15, payoff=True)
    loan = given(loan)
    billed = {ref: owed for ref, owed in loan.subsidised.items() if owed}
    lost_late(loan)

    take_back(loan, "write-off", date(2025, 9, 1))

    assert last(loan, Loan.Settled).effective_on == MAR_15
    assert last(loan, Loan.Closed).effective_on == MAR_15
    assert {ref: owed for ref, owed in loan.subsidised.items() if owed} == billed != {}


def test_a_loan_paid_before_its_loss_by_what_is_known_now_is_so_on_that_day_without_it() -> None:
    loan = given(disbursed(FULL), written_off(FEB_20))
    repay(loan, "P-1", 1_100_00, FEB_15, known_on=MAR_15)

    take_back(loan, "write-off", MAY_15)

    assert last(loan, Loan.Settled).effective_on == FEB_15


def test_a_loan_that_owed_nothing_on_the_day_has_no_loss() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, FEB_15), refunded("R-1", 10_00, MAR_15))

    with pytest.raises(no.NotActive):
        lost_late(loan)

    assert recorded(loan) == []


def test_a_recovery_that_was_a_payment_bounces_like_any_other_and_does_not_come_back() -> None:
    never = given(disbursed(FULL), paid("P-2", 50_00, APR_1), attended(MAY_15))
    loan = given(disbursed(FULL), paid("P-1", 86_07, MAR_15), paid("P-2", 50_00, APR_1))
    paid_first = loan.splits["P-1"]
    lost_late(loan)

    reversed_("P-1", MAY_15)(loan)

    assert recorded(loan)[-1] == happened(Loan.RecoveryReversed, payment_ref="P-1")
    assert list(loan.recovered) == ["P-2"]
    take_back(loan, "write-off", MAY_15)
    assert (loan.splits, loan.receipts()) == (never.splits, never.receipts())
    again = {"in_place_of": "P-1"}
    repay(loan, "P-9", 86_07, MAR_15, known_on=MAY_15, **again)
    assert loan.splits["P-9"] == paid_first


def test_what_was_refunded_after_the_loss_went_out_and_is_missing_of_the_credit() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, MAR_15), refunded("R-1", 60_00, MAR_15))

    lost_late(loan)

    event = recorded(loan)[0]
    assert event.missing_credit is None
    assert loan.unapplied == 1_100_00 - event.claim.total - 60_00


def test_what_a_security_paid_stays_its_own() -> None:
    loan = given(
        disbursed(),
        taken("S-1", "GUARANTEE", amount=500_00),
        called("S-1", on=MAR_15),
        realised("S-1", "G-1", 60_00, on=MAR_15),
    )

    lost_late(loan)

    assert loan.securities["S-1"].payments == ["G-1"]
    assert loan.recoveries["G-1"].source == "GUARANTOR"


# --- what else was recorded since ------------------------------------------------------------


def relief(on: date, kind: str = "EXTENSION", **agreed: Any) -> Step:
    said = agreed or {"instalments": 3}
    return lambda loan: loan.reschedule(
        act(on),
        agreed=Agreement(kind, **said),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )


ASIDE: dict[str, tuple[Step, list[str]]] = {
    "a fee": (fee_charged("F-9", MAR_1), ["FEE:F-9"]),
    "a moved date": (moved(3, date(2025, 4, 20), MAR_1), ["MOVE:move-1"]),
    "a hold": (held("H-1", MAR_1), ["HOLD:H-1"]),
    "an extension": (relief(MAR_1), ["RESCHEDULE:reschedule-1"]),
    "another rate": (
        relief(MAR_1, "RATE_CHANGE", annual_rate=Decimal("0.03")),
        ["RESCHEDULE:reschedule-1"],
    ),
    "interest that became principal": (
        relief(date(2025, 3, 20), "CAPITALISATION", instalments=0),
        ["RESCHEDULE:reschedule-1"],
    ),
}


@pytest.mark.parametrize("what", ASIDE)
@KINDS
def test_what_was_agreed_after_the_loss_is_set_aside_and_counts_again_without_it(
    what: str, agreed: Any
) -> None:
    step, names = ASIDE[what]
    if what == "a fee" and not agreed.fees:
        agreed = terms(accrual="DAILY_BALANCE", fees=[LETTER_FEE])
    past = (paid("P-1", 40_00, FEB_15), step, paid("P-2", 86_07, APR_1), attended(MAY_15))
    never = given(disbursed(agreed), *past)
    loan = given(disbursed(agreed), *past)
    in_time = given(disbursed(agreed), past[0], attended(FEB_20), written_off(FEB_20), past[2])

    lost_late(loan)

    event = recorded(loan)[0]
    assert event.overtaken.set_aside == names
    assert (loan.claim, loan.recovered) == (in_time.claim, in_time.recovered)
    assert [row.number for row in loan.instalments] == [row.number for row in in_time.instalments]
    with pytest.raises(no.FactStays, match=r"take the loss or the sale back|lift it"):
        take_back(loan, names[0], MAY_15)

    take_back(loan, "write-off", MAY_15)

    assert last(loan, Loan.FactWithdrawn).brought_back == names
    assert (loan.rows_on(MAY_15), loan.splits) == (never.rows_on(MAY_15), never.splits)
    assert loan.balance == never.ledger_on(MAY_15).balance(MAY_15)
    assert (loan.bucket, loan.state, loan.fees) == (never.bucket, never.state, never.fees)


def test_what_was_forgiven_of_a_charge_stays_forgiven_as_long_as_the_charge_does() -> None:
    loan = given(
        disbursed(FULL),
        fee_charged("F-1", FEB_15),
        fee_charged("F-2", MAR_1),
        fee_waived("F-1", 15_00, MAR_15),
        fee_waived("F-2", 5_00, MAR_15),
    )

    lost_late(loan)

    event = recorded(loan)[0]
    assert event.fees == 5_00
    assert event.overtaken.set_aside == ["FEE:F-2", "WAIVER:waiver-3"]
    assert event.overtaken.fell_away.charged == 20_00
    assert event.overtaken.fell_away.waived == 5_00
    assert (loan.fees["F-1"].waived, loan.fees["F-2"].waived) == (15_00, 0)


def test_what_went_out_after_the_loss_is_taken_back_first() -> None:
    limit = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE", day_count="ACT/365F")
    loan = given(disbursed(limit, amount=400_00), drawn("D-2", 100_00, date(2025, 2, 10)))

    with pytest.raises(no.RestsOnIt, match=r"100\.00 CNY was paid out on 2025-02-10 \(D-2\)"):
        lost_late(loan, on=date(2025, 2, 5))

    assert recorded(loan) == []
    take_back(loan, "D-2", MAY_15)
    lost_late(loan, on=date(2025, 2, 5))
    assert loan.claim.principal == 400_00


def test_what_was_forgiven_after_the_loss_is_taken_back_first_and_forgiven_before_it() -> None:
    loan = given(disbursed(), forgiven(1, "INTEREST", MAR_1, amount=2_00))

    with pytest.raises(no.RestsOnIt, match=r"2\.00 CNY of instalment 1 was forgiven on 2025-03-01"):
        lost_late(loan)

    take_back(loan, "forgiven-0", MAY_15)
    forgiven(1, "INTEREST", FEB_15, MAY_15, amount=2_00)(loan)
    lost_late(loan)
    assert loan.claim.interest == 3_00 + 77


def test_a_hold_that_ended_after_the_loss_stood_when_it_was_taken() -> None:
    hold = held("H-1", FEB_15, stops_interest=True)
    loan = given(disbursed(FULL), hold, released("H-1", MAR_15), paid("P-1", 10_00, APR_1))
    in_time = given(disbursed(FULL), hold, written_off(FEB_20))

    lost_late(loan)

    assert loan.claim == in_time.claim
    released("H-1", FEB_15, MAY_15)(loan)  # and it turns out to have ended at once
    assert loan.claim == given(disbursed(FULL), written_off(FEB_20)).claim
    take_back(loan, "write-off", MAY_15)
    assert loan.holds["H-1"].until_on == FEB_15


def test_a_charge_that_came_with_being_late_after_the_loss_comes_again_without_it() -> None:
    late = terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 7_00)])
    never = given(disbursed(late), attended(MAY_15))
    loan = given(disbursed(late), attended(MAY_15))
    assert loan.balance.fees == 21_00

    lost_late(loan)

    event = recorded(loan)[0]
    assert (event.fees, len(event.overtaken.lapsed), event.overtaken.set_aside) == (7_00, 2, [])
    take_back(loan, "write-off", MAY_15)
    assert kinds(loan).count(Loan.FeeCharged) == 2
    assert (loan.balance, loan.fees) == (never.balance, never.fees)


def test_a_step_of_the_rate_that_was_earned_after_the_loss_is_earned_again_without_it() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.03"))], scope="TERM")
    agreed = terms(rate_plan=plan)
    past = (paid("P-1", 86_07, date(2025, 2, 10)), attended(FEB_20))
    never = given(disbursed(agreed), *past, attended(MAY_15))
    loan = given(disbursed(agreed), *past)
    assert loan.steps == {"2": "EARNED"}

    lost_late(loan, on=date(2025, 2, 12))

    event = recorded(loan)[0]
    assert (event.overtaken.steps, event.overtaken.lapsed) == (["2"], ["RESCHEDULE:step-2"])
    assert loan.steps == {}
    take_back(loan, "write-off", MAY_15)
    assert loan.steps == never.steps
    assert loan.instalments == never.instalments


# --- labels ---------------------------------------------------------------------------------


def test_the_bucket_and_the_class_are_those_of_the_day() -> None:
    loan = given(disbursed(), lambda loan: loan.attend(act(date(2025, 12, 1)), story.CLASSES))
    assert (loan.bucket, loan.asset_class) == ("M7", "DOUBTFUL")

    lost_late(loan, on=MAR_1, known_on=date(2025, 12, 1))
    loan.reclassify(act(date(2025, 12, 1)), story.CLASSES, ended_on=MAR_1)

    event = recorded(loan)[0]
    assert (event.bucket, event.overtaken.bucket_before) == ("M1", "M7")
    assert (loan.bucket, loan.overdue_since_on) == ("M1", FEB_15)
    assert last(loan, Loan.AssetClassChanged) == happened(
        Loan.AssetClassChanged, class_before="DOUBTFUL", asset_class="SPECIAL_MENTION"
    )
    take_back(loan, "write-off", date(2025, 12, 1))
    loan.reclassify(act(date(2025, 12, 1)), story.CLASSES)
    assert (loan.bucket, loan.asset_class) == ("M7", "DOUBTFUL")


def test_a_partner_pays_to_the_day_of_the_loss_and_no_further() -> None:
    agreed = terms(subsidy=Subsidy("SHOP", Decimal("0.02")))
    loan = given(disbursed(agreed), attended(MAY_15), paid("P-1", 10_00, MAY_15))
    in_time = given(disbursed(agreed), attended(FEB_20), written_off(FEB_20))

    lost_late(loan)

    owed = {number: amount for number, amount in loan.subsidised.items() if amount}
    assert owed == in_time.subsidised
    assert Loan.InterestSubsidised in kinds(loan)


# --- what is told of it ----------------------------------------------------------------------


def test_the_loan_was_active_by_what_was_known_and_is_lost_by_what_is_known_now() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, MAR_15)
    lost_late(loan)
    events: Any = list(loan.pending_events)

    then, now = standing(known(events, APR_15), APR_1), standing(events, APR_1)
    before, ahead = standing(events, FEB_15), standing(events, MAR_1)

    assert then is not None and now is not None and before is not None and ahead is not None
    assert then.balance is not None
    assert (then.state, then.balance.principal) == ("ACTIVE", 918_93)
    assert (now.state, now.balance) == ("WRITTEN_OFF", Balance(0, 0, 0, 0, 0))
    assert now.left_book is not None and ahead.left_book is not None
    assert (ahead.left_book.recovered, now.left_book.recovered) == (0, 86_07)
    assert before.state == "ACTIVE"


def test_the_claim_is_told_down_to_each_payment_that_came_after_it() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, MAR_15)
    versions = {type(event): event.originator_version for event in loan.pending_events}
    lost_late(loan)
    paid_by, lost_by = versions[Loan.Repaid], loan.version

    told = explain(list(loan.pending_events), MAY_15)  # type: ignore[arg-type]

    assert told is not None
    lines = [(x.what, x.amount, x.version) for x in told.lines if x.figure == "claim"]
    assert lines == [
        ("principal written off", 1_000_00, lost_by),
        ("interest written off", 5_00 + 77, lost_by),
        ("recovered, P-1", -86_07, paid_by),
    ]


def test_what_would_be_if_the_loss_were_taken_as_of_an_earlier_day() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, MAR_15)
    events: Any = list(loan.pending_events)

    told = what_if(events, [WriteOff(FEB_20)], MAY_15)

    assert told.without.state == "ACTIVE"
    assert told.with_it.left_book is not None
    assert told.with_it.left_book.still_open == 1_005_77 - 86_07


def test_principal_that_is_out_to_the_borrower_is_what_of_the_loss_is_not_recovered() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15))

    lost_late(loan)

    assert loan.exposure(MAY_15) == 1_000_00 - loan.recovered["P-1"].principal


def test_a_loss_is_taken_of_another_day_once_the_first_is_taken_back() -> None:
    loan = given(disbursed(FULL), paid("P-1", 86_07, MAR_15), paid("P-2", 50_00, APR_15))
    lost_late(loan)
    take_back(loan, "write-off", MAY_15)

    lost_late(loan, on=APR_1)

    in_time = given(disbursed(FULL), paid("P-1", 86_07, MAR_15), written_off(APR_1))
    assert loan.claim == in_time.claim
    assert list(loan.recovered) == ["P-2"]
    repay(loan, "P-3", 20_00, FEB_15, known_on=MAY_15)
    assert recorded(loan)[-1].restated[0].kind == "WRITE_OFF"


def test_a_replay_of_all_this_is_the_same_loan() -> None:
    loan = disbursed(FULL)
    for step in (
        fee_charged("F-1", MAR_1),
        paid("P-1", 86_07, MAR_15),
        held("H-1", APR_1),
        lost_late,
        reversed_("P-1", MAY_15),
    ):
        step(loan)

    assert state(story.replayed(loan.pending_events)) == state(loan)
    take_back(loan, "write-off", MAY_15)
    assert state(story.replayed(loan.pending_events)) == state(loan)


# --- the sale -------------------------------------------------------------------------------


def sold_late(loan: Loan, on: date = FEB_20, known_on: date = MAY_15) -> None:
    story.sell(loan, known_on, sold_on=on)


@KINDS
def test_what_came_in_after_the_sale_is_the_buyers_in_the_event_that_tells_the_sale(
    agreed: Any,
) -> None:
    before, after = paid("P-1", 40_00, FEB_15), (paid("P-2", 86_07, MAR_15), paid("P-3", 9, APR_1))
    loan = given(disbursed(agreed), before, *after, attended(MAY_15))
    in_time = given(
        disbursed(agreed), before, attended(FEB_20), lambda loan: story.sell(loan, FEB_20)
    )
    split, came = dict(loan.splits), loan.receipts()

    sold_late(loan)

    [event] = recorded(loan)
    assert event == happened(Loan.Sold, effective_on=FEB_20, business_on=MAY_15, price=300_00)
    assert (event.claim, event.face) == (in_time.endings[0].claim, in_time.endings[0].face)
    assert [(each.ref, each.before, each.after.total) for each in event.overtaken.passed_on] == [
        ("P-2", split["P-2"], 0),
        ("P-3", split["P-3"], 0),
    ]
    assert (loan.splits, loan.recoveries) == (in_time.splits, {})
    assert (loan.state, loan.balance, loan.bucket) == (in_time.state, in_time.balance, "M1")
    assert [(fact.ref, fact.amount) for fact in loan.passed_on] == [("P-2", 86_07), ("P-3", 9)]
    assert loan.receipts() == came


def test_a_sale_known_late_is_taken_back_with_the_payments_that_were_passed_on() -> None:
    past = (fee_charged("F-1", MAR_1), paid("P-1", 86_07, MAR_15), attended(MAY_15))
    never, loan = given(disbursed(FULL), *past), given(disbursed(FULL), *past)
    sold_late(loan)
    assert recorded(loan)[0].overtaken.set_aside == ["FEE:F-1"]

    take_back(loan, "sale", MAY_15)

    undone = last(loan, Loan.FactWithdrawn)
    assert [(each.ref, each.after) for each in undone.returned] == [("P-1", never.splits["P-1"])]
    assert undone.brought_back == ["FEE:F-1"]
    assert (loan.rows_on(MAY_15), loan.splits) == (never.rows_on(MAY_15), never.splits)
    assert (loan.bucket, loan.fees, loan.passed_on) == (never.bucket, never.fees, [])


def test_a_loan_that_was_paid_off_since_is_sold_as_of_its_day() -> None:
    loan = disbursed()
    repay(loan, "P-1", loan.payoff(MAR_15), MAR_15, payoff=True)
    loan = given(loan)
    assert loan.state == "CLOSED"

    sold_late(loan)

    assert recorded(loan)[0].overtaken.state_before == "CLOSED"
    assert (loan.state, loan.endings[0].face) == ("SOLD", 1_005_77)
    take_back(loan, "sale", MAY_15)
    assert loan.state == "CLOSED"


def test_what_was_recovered_after_the_sale_of_a_loss_is_the_buyers() -> None:
    loan = given(
        disbursed(), written_off(FEB_15), paid("R-1", 100_00, MAR_1), paid("R-2", 50_00, APR_1)
    )
    whole = dict(loan.recovered)

    sold_late(loan, on=MAR_15)

    [event] = recorded(loan)
    assert event.face == 1_005_00 - 100_00
    assert [each.ref for each in event.overtaken.passed_on] == ["R-2"]
    assert list(loan.recovered) == ["R-1"]
    repay(loan, "R-3", 10_00, MAR_1, known_on=MAY_15)
    assert recorded(loan)[-1].restated[0].price < 300_00
    take_back(loan, "sale", MAY_15)
    assert loan.recovered["R-2"] == whole["R-2"]
    assert sorted(loan.recovered) == ["R-1", "R-2", "R-3"]


def test_of_money_passed_on_that_bounces_less_is_owed_to_the_buyer() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15), paid("P-2", 50_00, APR_1))
    sold_late(loan)

    reversed_("P-1", MAY_15)(loan)
    reversed_("P-1", MAY_15)(loan)

    assert recorded(loan)[1:] == [
        happened(
            Loan.PassedOnReversed,
            payment_ref="P-1",
            amount=86_07,
            buyer_ref="FUND-1",
            passed_on=50_00,
        )
    ]
    take_back(loan, "sale", MAY_15)
    assert list(loan.splits) == ["P-2"]


def test_money_that_was_passed_on_is_recorded_once() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15))
    sold_late(loan)

    repay(loan, "P-1", 86_07, MAR_15, known_on=MAY_15)
    with pytest.raises(no.PaymentRefReused):
        repay(loan, "P-1", 86_08, MAR_15, known_on=MAY_15)
    with pytest.raises(no.LoanSold):
        repay(loan, "P-2", 10_00, MAR_15, known_on=MAY_15)

    assert kinds(loan) == [Loan.Sold]


def test_money_after_the_sale_is_the_buyers_also_in_the_place_of_what_bounced() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15))
    sold_late(loan)
    reversed_("P-1", on=MAY_15)(loan)

    with pytest.raises(no.LoanSold, match="FUND-1"):
        repay(loan, "P-2", 86_07, MAR_15, known_on=MAY_15, in_place_of="P-1")


def test_a_loss_is_taken_once_and_of_another_day_only_when_it_was_taken_back() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15))
    lost_late(loan)

    lost_late(loan)
    story.write_off(loan, MAY_15, counts_on=MAY_15)  # the book's day: none in particular
    with pytest.raises(no.NotActive, match="as of 2025-02-20: to take it of another day"):
        lost_late(loan, on=MAR_1)

    assert kinds(loan) == [Loan.WrittenOff]


def test_a_loan_is_sold_once_and_otherwise_only_when_the_sale_was_taken_back() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15), paid("P-2", 86_07, MAR_15))
    sold_late(loan)
    reversed_("P-1", on=MAY_15)(loan)  # more was sold than was known, and for more

    sold_late(loan)
    sold_late(loan, on=MAY_15)  # the book's day: none in particular
    with pytest.raises(no.LoanSold, match=r"as of 2025-02-20 for 300\.00 CNY"):
        sold_late(loan, on=MAR_1)
    with pytest.raises(no.LoanSold, match=r"as of 2025-02-20 for 300\.00 CNY"):
        story.sell(loan, MAY_15, sold_on=FEB_20, price=310_00)

    assert kinds(loan) == [Loan.Sold, Loan.RepaymentReversed]


def test_no_loan_is_sold_as_of_a_day_before_its_loss_or_before_credit_was_paid_back() -> None:
    lost = given(disbursed(), written_off(MAR_1))
    paid_back = given(disbursed(), paid("P-1", 1_100_00, MAR_15), refunded("R-1", 60_00, MAR_15))

    with pytest.raises(no.RestsOnIt, match="written off as of 2025-03-01"):
        sold_late(lost)
    with pytest.raises(no.RestsOnIt, match=r"60\.00 CNY was paid back on 2025-03-15 \(R-1\)"):
        sold_late(paid_back)

    assert recorded(lost) == recorded(paid_back) == []


def test_a_loan_that_owed_nothing_on_the_day_was_not_for_sale() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, FEB_15), attended(MAR_1))

    with pytest.raises(no.NotForSale):
        sold_late(loan)


def test_what_is_owed_to_the_buyer_is_told_as_of_each_day() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, MAR_15)
    repay(loan, "P-2", 50_00, APR_15)
    sold_late(loan)
    events: Any = list(loan.pending_events)

    then, now = standing(events, APR_1), standing(events, MAY_15)

    assert then is not None and now is not None
    assert then.left_book is not None and now.left_book is not None
    assert (then.left_book.passed_on, now.left_book.passed_on) == (86_07, 136_07)
    assert state(story.replayed(events)) == state(loan)
