"""A payout that the bank returned: the borrower never had the money, and owes nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.policy import PayoutReturnRule
from domain.base.refusal import SamePerson
from domain.base.terms import FeeTerm, RatePlan, RateStep, Subsidy
from domain.loan import refusals as no
from domain.loan.allocation import Split
from domain.loan.as_of import known, standing
from domain.loan.explain import FIGURES, explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from domain.loan.what_if import Means, PayoutReturn, what_if
from tests.domain.story import (
    CLASSES,
    JAN_15,
    LETTER_FEE,
    LEVELS,
    Step,
    act,
    attended,
    come_back,
    disburse,
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
    paid,
    paid_out_again,
    recorded,
    refund,
    refunded,
    repay,
    replayed,
    returned,
    reversed_,
    sell,
    state,
    take_back,
    taken_back,
    terms,
    write_off,
)

FEB_1 = date(2025, 2, 1)
FEB_15 = date(2025, 2, 15)
FEB_20 = date(2025, 2, 20)
MAR_1 = date(2025, 3, 1)
MAR_15 = date(2025, 3, 15)
APR_20 = date(2025, 4, 20)
MAY_1 = date(2025, 5, 1)

PENALTY = terms(fees=[LETTER_FEE], penalty_rate=Decimal("0.365"))
DAILY = terms(accrual="DAILY_BALANCE", day_count="ACT/365F")
LIMIT = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE", day_count="ACT/365F")
NOTHING = Balance(0, 0, 0, 0, 0)


def late_and_charged() -> Step:
    def steps(loan: Loan) -> None:
        for step in (
            paid("P-1", 50_00, FEB_15),
            attended(FEB_20),
            fee_charged("F-1", FEB_20),
            fee_waived("F-1", 5_00, FEB_20),
            forgiven(2, "INTEREST", MAR_1, amount=1_00),
            attended(MAY_1),
        ):
            step(loan)
        loan.reclassify(act(MAY_1), CLASSES)

    return steps


# --- what it means for the borrower ------------------------------------------------------


def test_whose_payout_came_back_owes_nothing() -> None:
    loan = given(disbursed(), attended(FEB_20))

    come_back(loan, FEB_20)

    assert loan.state == LoanState.SIGNED
    assert loan.balance == NOTHING
    assert loan.instalments == []
    assert loan.overdue_since_on is None
    assert recorded(loan)[0] == happened(
        Loan.PayoutReturned,
        effective_on=JAN_15,
        returned_on=FEB_20,
        disbursement_ref="D-1",
        amount=1_000_00,
        net=Split(),
        state_before="ACTIVE",
        state="SIGNED",
        stage="DISBURSEMENT",
    )


def test_what_was_paid_meanwhile_is_credit_that_is_refunded() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15))

    come_back(loan, FEB_20)
    refund(loan, "R-1", 86_07, FEB_20)

    first, second = recorded(loan)
    assert [(m.ref, m.before.total, m.after) for m in first.reallocated] == [
        ("P-1", 86_07, Split(unapplied=86_07))
    ]
    assert first.net == Split(interest=-5_00, principal=-81_07, unapplied=86_07)
    assert first.balance == Balance(0, 0, 0, 0, 86_07)
    assert second.balance == NOTHING


def test_penalty_fees_bucket_and_class_fall_away_in_the_same_transaction() -> None:
    loan = given(disbursed(PENALTY), late_and_charged())
    assert (loan.bucket, loan.asset_class) == ("M3", "SPECIAL_MENTION")

    come_back(loan, MAY_1)

    assert kinds(loan) == [Loan.PayoutReturned, Loan.Cured, Loan.AssetClassChanged]
    assert (loan.bucket, loan.asset_class) == ("M0", "NORMAL")
    found = last(loan, Loan.PayoutReturned)
    assert found.bucket_before == "M3"
    assert vars(found.fell_away) == {
        "fees": 15_00,
        "interest": -1_00,
        "penalty": 0,
        "charged": 20_00,
        "waived": 5_00,
    }
    assert found.dropped == list(range(1, 13))
    assert loan.balance == Balance(0, 0, 0, 0, 50_00)


def test_a_partner_pays_no_interest_on_what_nobody_got() -> None:
    subsidised = terms(annual_rate=Decimal(0), subsidy=Subsidy("MERCHANT", Decimal("0.06")))
    loan = given(disbursed(subsidised), attended(FEB_15), attended(MAR_15))
    billed = sum(loan.subsidised.values())

    come_back(loan, MAR_15)

    back = [e.amount for e in recorded(loan) if isinstance(e, Loan.InterestSubsidised)]
    assert billed > 0
    assert sum(back) == -billed
    assert sum(loan.subsidised.values()) == 0


def test_a_fee_that_was_withheld_from_the_payout_falls_away_with_it() -> None:
    fees = [FeeTerm("ORIGINATION", "AT_DISBURSEMENT", 30_00, withheld=True)]
    loan = given(disbursed(terms(fees=fees)))

    come_back(loan, FEB_1)

    assert last(loan, Loan.PayoutReturned) == happened(
        Loan.PayoutReturned, amount=1_000_00, withheld=30_00
    )
    assert loan.balance == NOTHING


def test_a_loan_that_was_paid_off_meanwhile_has_all_of_it_as_credit() -> None:
    loan = given(disbursed(), paid("P-1", 1_002_50, date(2025, 1, 30), payoff=True))
    assert loan.state == LoanState.CLOSED

    come_back(loan, FEB_20)

    assert loan.state == LoanState.SIGNED
    assert loan.balance == Balance(0, 0, 0, 0, 1_002_50)


@pytest.mark.parametrize("contract", [terms(), PENALTY, DAILY, LIMIT])
def test_a_replayed_return_is_the_one_that_was_decided(contract: Any) -> None:
    past = [paid("P-1", 50_00, FEB_15), attended(APR_20)]
    loan = disbursed(contract)
    for step in (*past, returned(APR_20), paid_out_again(MAY_1), paid("P-2", 40_00, MAY_1)):
        step(loan)

    assert state(replayed(loan.pending_events)) == state(loan)


# --- by whom it is said --------------------------------------------------------------------

WITHIN = PayoutReturnRule("returns-test", "ANY", 14, date(1990, 1, 1), None, "test")
PEOPLE: dict[str, Any] = {"requested_by": "clerk", "approved_by": "manager"}
JAN_29, JAN_30 = date(2025, 1, 29), date(2025, 1, 30)


def test_one_person_records_what_the_bank_returns_within_days() -> None:
    loan = given(disbursed())

    come_back(loan, JAN_29, rule=WITHIN)

    assert last(loan, Loan.PayoutReturned) == happened(
        Loan.PayoutReturned, requested_by=None, approved_by=None, returns_version="returns-test"
    )


@pytest.mark.parametrize("returned_on", [JAN_30, JAN_15])
def test_so_late_a_return_takes_two_people_whatever_value_date_it_says(returned_on: date) -> None:
    loan = given(disbursed())

    with pytest.raises(SamePerson, match=r"more than 14 days .*returns-test.* needs a requester"):
        come_back(loan, returned_on, JAN_30, rule=WITHIN)
    same = {"requested_by": "clerk", "approved_by": "Clerk"}
    with pytest.raises(SamePerson, match="two people"):
        come_back(loan, returned_on, JAN_30, rule=WITHIN, **same)
    come_back(loan, returned_on, JAN_30, rule=WITHIN, **PEOPLE)

    assert last(loan, Loan.PayoutReturned) == happened(
        Loan.PayoutReturned, returns_version="returns-test", **PEOPLE
    )


def test_who_repaid_had_the_money_so_two_people_say_that_it_came_back() -> None:
    loan = given(disbursed(), paid("P-1", 1_00, JAN_15))

    with pytest.raises(SamePerson, match="after money was repaid"):
        come_back(loan, JAN_15, rule=WITHIN)
    come_back(loan, JAN_15, rule=WITHIN, **PEOPLE)

    assert loan.balance == Balance(0, 0, 0, 0, 1_00)


def test_a_payment_that_bounced_and_credit_of_before_repaid_nothing() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, JAN_15), returned(JAN_15), paid_out_again(JAN_29))
    repay(loan, "P-2", 10_00, JAN_29)
    reversed_("P-2", JAN_29)(loan)

    come_back(loan, JAN_30, rule=WITHIN)

    assert loan.balance == Balance(0, 0, 0, 0, 86_07)


def test_the_days_are_those_since_the_last_payout() -> None:
    loan = given(disbursed(), returned(FEB_15), paid_out_again(MAR_1))

    come_back(loan, MAR_15, rule=WITHIN)

    assert loan.state == LoanState.SIGNED


def test_two_people_who_are_named_although_one_is_enough_are_two() -> None:
    loan = given(disbursed())

    with pytest.raises(SamePerson, match="two people"):
        come_back(loan, JAN_15, rule=WITHIN, requested_by="clerk", approved_by="clerk")


def test_a_late_return_that_is_told_again_changes_nothing() -> None:
    loan = given(disbursed())
    come_back(loan, JAN_30, rule=WITHIN, **PEOPLE)
    version = loan.version

    come_back(loan, JAN_30, FEB_20, rule=WITHIN)

    assert loan.version == version


# --- paid out again, or never --------------------------------------------------------------


def test_it_is_paid_out_again_with_a_schedule_of_its_own() -> None:
    loan = given(disbursed(), attended(FEB_20), returned(FEB_20))

    paid_out_again(MAR_1)(loan)

    assert last(loan, Loan.Disbursed).paid_to == "account-ref-2"
    assert loan.state == LoanState.ACTIVE
    assert loan.instalments[0].due_on == date(2025, 4, 1)
    assert loan.balance.principal == 1_000_00
    assert loan.oldest_unpaid_on() == date(2025, 4, 1)


def test_a_loan_that_was_paid_out_again_has_the_figures_of_one_paid_out_then() -> None:
    again = given(
        disbursed(PENALTY, on=JAN_15),
        late_and_charged(),
        returned(MAY_1),
        refunded("R-1", 50_00, MAY_1),
        paid_out_again(MAY_1),
        paid("P-2", 86_07, date(2025, 6, 1)),
        attended(date(2025, 7, 10)),
    )
    fresh = given(
        disbursed(PENALTY, on=MAY_1),
        paid("P-2", 86_07, date(2025, 6, 1)),
        attended(date(2025, 7, 10)),
    )

    assert again.balance == fresh.balance
    assert again.instalments == fresh.instalments
    assert (again.bucket, again.overdue_since_on) == (fresh.bucket, fresh.overdue_since_on)
    assert (again.fees, again.steps, again.reliefs) == ({}, {}, {})


@pytest.mark.parametrize("contract", [terms(), DAILY])
def test_credit_that_was_not_refunded_pays_what_falls_due_on_the_next_payout(contract: Any) -> None:
    loan = given(disbursed(contract), paid("P-1", 86_07, FEB_15), returned(FEB_20))

    paid_out_again(MAR_1)(loan)
    assert loan.balance.unapplied == 86_07
    assert loan.balance.principal == 1_000_00
    attended(date(2025, 4, 1))(loan)

    assert loan.balance.unapplied == 0
    assert loan.instalments[0].principal_paid > 0


def test_credit_pays_in_time_what_fell_due_before_the_next_payout_was_recorded() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15), returned(FEB_20))

    paid_out_again(MAR_1, known_on=APR_20)(loan)

    assert kinds(loan) == [Loan.Disbursed, Loan.CreditApplied]
    assert last(loan, Loan.CreditApplied).effective_on == date(2025, 4, 1)
    assert (loan.bucket, loan.overdue_since_on) == ("M0", None)


def test_the_signature_is_good_for_as_long_as_an_offer_stands() -> None:
    loan = given(disbursed(), returned(FEB_20, MAR_1))
    assert loan.valid_until_on == date(2025, 3, 22)

    with pytest.raises(no.RanOut):
        paid_out_again(date(2025, 3, 23))(loan)
    attended(date(2025, 3, 23))(loan)

    assert loan.state == LoanState.EXPIRED


def test_an_application_with_the_borrowers_money_on_it_does_not_end_before_the_refund() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15), returned(FEB_20))
    assert loan.next_action() is None

    with pytest.raises(no.CreditLeft):
        loan.withdraw(act(FEB_20), reason="not needed any more")
    attended(MAY_1)(loan)
    assert loan.state == LoanState.SIGNED
    refund(loan, "R-1", 86_07, MAY_1)
    loan.withdraw(act(MAY_1), reason="not needed any more")

    assert loan.state == LoanState.WITHDRAWN


def test_the_next_payout_is_not_of_a_day_before_the_one_that_came_back() -> None:
    loan = given(disbursed(on=JAN_15), returned(FEB_20))

    with pytest.raises(no.BeforeSigning):
        paid_out_again(date(2025, 1, 14), FEB_20)(loan)


def test_the_next_payout_does_not_begin_before_credit_that_was_paid_back() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_1), returned(FEB_20))
    refund(loan, "R-1", 86_07, FEB_20)

    with pytest.raises(no.MoneySince, match=r"paid back on 2025-02-20, .* take the refund back"):
        paid_out_again(FEB_15, MAR_1)(loan)


def test_what_was_paid_since_the_next_payout_pays_what_it_finds_once_that_is_known() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, MAR_15), returned(APR_20))
    assert loan.balance == Balance(0, 0, 0, 0, 86_07)

    paid_out_again(FEB_15, MAY_1)(loan)

    assert kinds(loan)[:2] == [Loan.Disbursed, Loan.CreditPlaced]
    placed = last(loan, Loan.CreditPlaced)
    assert placed == happened(Loan.CreditPlaced, effective_on=FEB_15, disbursement_ref="D-2")
    assert [(m.ref, m.before, m.after) for m in placed.reallocated] == [
        ("P-1", Split(unapplied=86_07), Split(interest=5_00, principal=81_07))
    ]
    assert (placed.net, placed.balance.unapplied) == (
        Split(interest=5_00, principal=81_07, unapplied=-86_07),
        0,
    )
    assert (loan.instalments[0].due_on, loan.instalments[0].paid_on) == (MAR_15, MAR_15)


@pytest.mark.parametrize("contract", [terms(), PENALTY, DAILY])
def test_what_was_placed_is_replayed_and_explained_to_the_cent(contract: Any) -> None:
    loan = disbursed(contract)
    for step in (
        paid("P-1", 20_00, FEB_1),
        paid("P-2", 86_07, MAR_15),
        returned(APR_20),
        paid("P-3", 30_00, APR_20),
        paid_out_again(FEB_15, MAY_1),
        reversed_("P-2", MAY_1),
    ):
        step(loan)
    events: list[Any] = list(loan.pending_events)

    assert Loan.CreditPlaced in kinds(loan)
    assert state(replayed(events)) == state(loan)
    for day in (FEB_1, FEB_15, MAR_15, APR_20, MAY_1, date(2025, 7, 1)):
        why = explain(events, day)
        assert why is not None and why.stood.balance is not None
        owed = why.stood.balance
        assert {
            "principal": owed.principal,
            "interest": owed.interest,
            "fees": owed.fees,
            "penalty": owed.penalty,
            "credit": owed.unapplied,
        } == {name: why.total(name) for name in FIGURES}


def test_the_next_payout_needs_a_reference_of_its_own() -> None:
    loan = given(disbursed(), returned(FEB_20))

    with pytest.raises(no.PaymentRefReused):
        disburse(loan, FEB_20)


def test_the_next_payout_can_come_back_too() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 86_07, FEB_15),
        returned(FEB_20),
        paid_out_again(MAR_1),
        paid("P-2", 86_07, date(2025, 4, 1)),
    )

    come_back(loan, APR_20)

    assert loan.balance == Balance(0, 0, 0, 0, 172_14)
    assert last(loan, Loan.PayoutReturned) == happened(
        Loan.PayoutReturned, disbursement_ref="D-2", effective_on=MAR_1
    )


# --- what is refused -----------------------------------------------------------------------


def test_the_same_return_twice_is_recorded_once() -> None:
    loan = given(disbursed(), returned(FEB_20))

    come_back(loan, FEB_20)

    assert recorded(loan) == []


def test_a_payout_does_not_come_back_twice() -> None:
    loan = given(disbursed(), returned(FEB_20))

    with pytest.raises(no.NotDisbursed):
        come_back(loan, MAR_1)


def test_a_later_draw_goes_first() -> None:
    loan = given(disbursed(LIMIT, amount=500_00), drawn("W-1", 200_00, FEB_1))

    with pytest.raises(no.RestsOnIt, match="W-1"):
        come_back(loan, FEB_20)
    take_back(loan, "W-1", FEB_20)
    come_back(loan, FEB_20)
    loan.disburse(
        act(FEB_20),
        disbursement_ref="W-1",
        paid_to="account-ref-1",
        disbursed_on=FEB_1,
        amount=200_00,
    )

    assert loan.balance.principal == 200_00
    assert loan.disbursed_on == FEB_1


def test_a_loan_that_left_the_book_comes_back_into_it_first() -> None:
    lost, sold = given(disbursed()), given(disbursed())
    write_off(lost, APR_20)
    sell(sold, APR_20)

    for loan, ended in ((lost, "write-off"), (sold, "sale")):
        with pytest.raises(no.RestsOnIt, match=ended):
            come_back(loan, MAY_1)
        take_back(loan, ended, MAY_1)
        come_back(loan, MAY_1)
        assert loan.balance == NOTHING


@pytest.mark.parametrize(
    ("on", "refusal"), [(date(2025, 1, 14), no.BeforeDisbursement), (MAR_1, no.DateInFuture)]
)
def test_a_payout_comes_back_between_its_day_and_today(on: date, refusal: type) -> None:
    loan = given(disbursed())

    with pytest.raises(refusal):
        come_back(loan, on, FEB_20)


def test_a_return_needs_a_reason() -> None:
    with pytest.raises(no.ReasonMissing):
        come_back(given(disbursed()), FEB_20, reason=" ")


def test_nothing_is_lent_while_it_waits_to_be_paid_out() -> None:
    loan = given(disbursed(PENALTY), returned(FEB_20))

    with pytest.raises(no.NotDisbursed):
        fee_charged("F-1", FEB_20)(loan)
    with pytest.raises(no.NotDisbursed):
        repay(loan, "P-1", 10_00, FEB_20, payoff=True)
    with pytest.raises(no.NotDisbursed):
        write_off(loan, FEB_20)
    held("H-1", FEB_20)(loan)
    attended(MAR_1)(loan)

    assert recorded(loan) == []
    action = loan.next_action()
    assert action is not None and action.kind == "EXPIRY"


# --- corrections -----------------------------------------------------------------------------


def test_money_of_before_that_is_known_later_is_credit() -> None:
    early = given(disbursed(), paid("P-1", 86_07, FEB_15), returned(FEB_20))
    late = given(disbursed(), returned(FEB_20), paid("P-1", 86_07, FEB_15, FEB_20))

    assert late.balance == early.balance == Balance(0, 0, 0, 0, 86_07)


@pytest.mark.parametrize("contract", [terms(), DAILY, PENALTY])
def test_money_of_before_the_next_payout_is_credit_whenever_it_is_known(contract: Any) -> None:
    early = given(
        disbursed(contract),
        paid("P-1", 86_07, FEB_15),
        returned(FEB_20),
        paid_out_again(MAR_1),
        attended(APR_20),
    )
    late = given(
        disbursed(contract),
        returned(FEB_20),
        paid_out_again(MAR_1),
        attended(APR_20),
        paid("P-1", 86_07, FEB_15, APR_20),
    )

    assert late.balance == early.balance
    assert late.instalments == early.instalments
    assert (late.bucket, late.overdue_since_on) == (early.bucket, early.overdue_since_on)


def test_a_payment_that_was_refunded_and_bounced_is_missing_on_the_next_payout() -> None:
    loan = given(
        disbursed(),
        paid("P-1", 86_07, FEB_15),
        returned(FEB_20),
        refunded("R-1", 86_07, FEB_20),
        paid_out_again(MAR_1),
    )

    reversed_("P-1", MAR_15)(loan)

    assert loan.balance.unapplied == -86_07
    assert loan.payoff(MAR_15) > 1_086_07 - 1


def test_a_refund_that_came_back_is_credit_again() -> None:
    loan = given(
        disbursed(), paid("P-1", 86_07, FEB_15), returned(FEB_20), refunded("R-1", 86_07, FEB_20)
    )

    take_back(loan, "R-1", MAR_1)

    assert loan.balance == Balance(0, 0, 0, 0, 86_07)


PASTS: dict[str, list[Step]] = {
    "nothing": [],
    "a payment": [paid("P-1", 86_07, FEB_15)],
    "late, with a fee, a waiver and penalty": [late_and_charged()],
    "paid off": [paid("P-1", 1_002_50, date(2025, 1, 30), payoff=True)],
    "a shorter term": [paid("P-1", 300_00, FEB_15, future_money="SHORTER_TERM")],
    "a hold": [held("H-1", FEB_1), paid("P-1", 30_00, FEB_20)],
    "a refund of credit": [
        paid("P-1", 1_100_00, date(2025, 1, 30), payoff=True),
        refunded("R-1", 97_50, FEB_1),
    ],
}


@pytest.mark.parametrize("contract", [PENALTY, terms(**{**vars(DAILY), "fees": [LETTER_FEE]})])
@pytest.mark.parametrize("name", PASTS)
def test_a_return_that_was_recorded_in_error_leaves_the_loan_as_it_was(
    name: str, contract: Any
) -> None:
    before = given(disbursed(contract), *PASTS[name], attended(MAY_1))
    loan = given(disbursed(contract), *PASTS[name], attended(MAY_1), returned(MAY_1))

    take_back(loan, "payout-return", MAY_1)
    loan.reclassify(act(MAY_1), CLASSES)
    before.reclassify(act(MAY_1), CLASSES)

    assert isinstance(recorded(loan)[0], Loan.PayoutReturnWithdrawn)
    assert state(replayed([*before_events(contract, name), *recorded(loan)])) == state(loan)
    # These tell when it was last looked at; the ledger of one day is the same.
    moving = ("facts_taken", "_version", "_modified_on", "stage_due_on", "balance", "instalments")
    kept = {key: value for key, value in state(loan).items() if key not in moving}
    assert kept == {key: value for key, value in state(before).items() if key not in moving}
    assert loan.ledger_on(MAY_1).rows == before.ledger_on(MAY_1).rows
    assert loan.ledger_on(MAY_1).balance(MAY_1) == before.ledger_on(MAY_1).balance(MAY_1)


def before_events(contract: Any, name: str) -> list[Any]:
    loan = disbursed(contract)
    for step in (*PASTS[name], attended(MAY_1), returned(MAY_1)):
        step(loan)
    return list(loan.pending_events)


def test_what_was_paid_while_the_return_stood_counts_when_it_is_taken_back() -> None:
    straight = given(disbursed(), paid("P-1", 86_07, FEB_15), paid("P-2", 86_07, MAR_15))
    loan = given(
        disbursed(),
        paid("P-1", 86_07, FEB_15),
        returned(FEB_20),
        paid("P-2", 86_07, MAR_15),
        taken_back("payout-return", MAR_15),
    )

    assert loan.balance == straight.balance
    assert loan.instalments == straight.instalments


def test_a_payment_that_bounced_while_the_return_stood_stays_reversed() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, FEB_15), returned(FEB_20), reversed_("P-1", MAR_1))
    assert loan.balance == NOTHING

    take_back(loan, "payout-return", MAR_1)

    assert loan.overdue_since_on == FEB_15
    assert [fact.ref for fact in loan.facts] == []


def test_a_return_taken_back_can_come_true_after_all() -> None:
    loan = given(disbursed(), returned(FEB_20), taken_back("payout-return", FEB_20))

    come_back(loan, FEB_20)

    assert loan.balance == NOTHING


def test_the_return_of_an_application_that_ran_out_since_can_be_taken_back() -> None:
    loan = given(disbursed(), returned(FEB_20), attended(MAY_1))
    assert loan.state == LoanState.EXPIRED

    take_back(loan, "payout-return", MAY_1)

    assert loan.state == LoanState.ACTIVE
    assert loan.stage == "SERVICING"
    assert loan.bucket == "M3"


def test_the_return_of_a_payout_that_was_made_again_is_not_taken_back() -> None:
    loan = given(disbursed(), returned(FEB_20), paid_out_again(MAR_1))

    with pytest.raises(no.FactUnknown, match="taken back; there is nothing that could be"):
        take_back(loan, "payout-return", MAR_1)


# --- as of, and why -----------------------------------------------------------------------------


def test_as_of_and_known_at_tell_both() -> None:
    loan = disbursed()
    for step in (paid("P-1", 86_07, FEB_15), returned(FEB_20, MAR_1), paid_out_again(MAR_15)):
        step(loan)
    events: list[Any] = list(loan.pending_events)

    then = standing(known(events, FEB_20), FEB_20)
    now = standing(events, FEB_20)
    again = standing(events, MAR_15)

    assert then is not None and now is not None
    assert again is not None and again.balance is not None
    assert (then.state, then.balance and then.balance.principal) == ("ACTIVE", 918_93)
    assert (now.state, now.balance, now.disbursed_on) == (
        "SIGNED",
        Balance(0, 0, 0, 0, 86_07),
        None,
    )
    assert (now.instalments, now.days_past_due, now.payoff) == ([], 0, None)
    assert (again.state, again.disbursed_on) == ("ACTIVE", MAR_15)
    assert (again.balance.principal, again.balance.unapplied) == (1_000_00, 86_07)


@pytest.mark.parametrize("contract", [PENALTY, DAILY])
def test_the_parts_of_an_explanation_add_up_before_and_after_the_next_payout(contract: Any) -> None:
    loan = disbursed(contract)
    for step in (
        paid("P-1", 86_07, FEB_15),
        returned(FEB_20, MAR_1),
        refunded("R-1", 6_07, MAR_1),
        paid_out_again(MAR_15),
        attended(date(2025, 5, 20)),
    ):
        step(loan)
    events: list[Any] = list(loan.pending_events)

    for day in (FEB_15, FEB_20, MAR_1, MAR_15, date(2025, 5, 20)):
        why = explain(events, day)
        assert why is not None and why.stood.balance is not None
        owed = why.stood.balance
        assert {
            "principal": owed.principal,
            "interest": owed.interest,
            "fees": owed.fees,
            "penalty": owed.penalty,
            "credit": owed.unapplied,
        } == {name: why.total(name) for name in FIGURES}


def test_what_if_the_payout_came_back() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)
    events: list[Any] = list(loan.pending_events)

    means = Means(levels=LEVELS, payout_returns=WITHIN)
    found = what_if(events, [PayoutReturn(FEB_20)], FEB_20, means=means)

    assert found.with_it.state == "SIGNED"
    assert found.with_it.balance == Balance(0, 0, 0, 0, 86_07)
    assert found.recorded == ["loan.payout-returned"]


def test_a_step_down_that_was_earned_is_not_kept_for_the_next_payout() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.045"))])
    loan = given(
        disbursed(terms(rate_plan=plan)), paid("P-1", 86_07, FEB_15), attended(date(2025, 2, 16))
    )
    assert loan.steps == {"2": "EARNED"}

    come_back(loan, FEB_20)
    paid_out_again(FEB_20)(loan)

    assert loan.steps == {}
    assert loan.rate_on(FEB_20) == Decimal("0.06")
