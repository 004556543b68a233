"""What the contract charges at payout, in percent, for lateness and for paying early."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm, RateCap, RatePlan, RateStep, Terms
from domain.loan import refusals as no
from domain.loan.cost_so_far import annualised, moved_and_to_come
from domain.loan.explain import explain
from domain.loan.explained import Rule
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.relief import Agreement
from domain.loan.schedule import schedule
from domain.loan.state import LoanState
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    act,
    attended,
    disburse,
    disbursed,
    fee_charged,
    fee_waived,
    given,
    happened,
    kinds,
    last,
    moved,
    paid,
    recorded,
    repaid,
    repay,
    reversed_,
    signed,
    take_back,
    terms,
    write_off,
)

TWO_PERCENT = Decimal("0.02")
OPENING = FeeTerm("OPENING", "AT_DISBURSEMENT", 0, percent=TWO_PERCENT, base="AMOUNT")
OPENING_OVER_TERM = FeeTerm("OPENING", "AT_DISBURSEMENT", 36_50, earned="OVER_TERM")
LATE = FeeTerm("LATE", "ON_OVERDUE", 15_00)
EARLY = FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=TWO_PERCENT, base="PRINCIPAL")

FEB_15, FEB_16, MAR_15, MAR_16 = (
    date(2025, 2, 15),
    date(2025, 2, 16),
    date(2025, 3, 15),
    date(2025, 3, 16),
)


def plain(*fees: FeeTerm, **changes: Any) -> Terms:
    """300.00 without interest, back in three instalments of 100.00."""
    fields: dict[str, Any] = {
        "amount": 300_00,
        "term_months": 3,
        "annual_rate": Decimal(0),
        "day_count": "ACT/365F",
        "fees": list(fees),
        **changes,
    }
    return terms(**fields)


# --- in percent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "fees"),
    [
        ("AMOUNT", [6_00, 6_00]),
        ("PRINCIPAL", [2_98, 3_02]),
        ("PRINCIPAL_AND_INTEREST", [3_05, 3_04]),
    ],
)
def test_a_fee_in_percent_is_a_part_of_what_the_contract_names(base: str, fees: list[int]) -> None:
    fee = FeeTerm("SERVICE", "PER_INSTALMENT", 0, percent=TWO_PERCENT, base=base)

    rows = schedule(plain(fee, term_months=2, annual_rate=Decimal("0.12")), JAN_15)

    assert [row.fees for row in rows] == fees


def test_a_fee_in_percent_on_an_event_is_a_part_of_what_was_lent() -> None:
    fee = FeeTerm("COPY", "ON_EVENT", 0, percent=TWO_PERCENT, base="AMOUNT")
    loan = given(disbursed(plain(fee)))

    fee_charged("F-1", on=FEB_15, kind="COPY")(loan)

    assert recorded(loan) == [happened(Loan.FeeCharged, amount=6_00, automatic=None)]


# --- at disbursement --------------------------------------------------------------------


def test_a_fee_at_disbursement_is_owed_on_the_day_and_the_loan_is_paid_out_in_full() -> None:
    loan = disbursed(plain(OPENING))

    event = last(loan, Loan.Disbursed)
    assert event.amount == 300_00
    assert [(row.number, row.due_on, row.fees) for row in event.schedule][:2] == [
        (0, JAN_15, 6_00),
        (1, FEB_15, 0),
    ]
    assert event.balance.fees == 6_00
    assert loan.payoff(JAN_15) == 306_00


def test_the_cost_disclosed_counts_a_fee_at_disbursement_as_paid_at_once() -> None:
    loan = signed(plain(OPENING))

    disclosed = last(loan, Loan.CostDisclosed)
    assert disclosed.fees == 6_00
    assert disclosed.charges == ["INTEREST", "PENALTY", "OPENING"]
    told = {cost.method: cost.rate for cost in quote(plain(OPENING), JAN_15).costs}
    assert told["IRR"] is not None
    assert disclosed.annualised_cost == round(told["IRR"], 10)


def test_every_charge_of_the_contract_is_disclosed_whenever_it_is_charged() -> None:
    loan = signed(plain(OPENING, LATE, EARLY))

    charges = last(loan, Loan.CostDisclosed).charges

    assert charges == ["INTEREST", "PENALTY", "OPENING", "LATE", "EARLY"]


def test_a_fee_that_is_earned_over_the_term_is_given_back_by_days_at_a_payoff() -> None:
    # 89 days to 14 April; 58 of them are to come on 15 February: 36.50 x 59 / 90.
    loan = given(disbursed(plain(OPENING_OVER_TERM)), paid("P-1", 36_50, JAN_15))
    repay(loan, "P-2", 100_00, FEB_15)

    owed = loan.payoff(FEB_15)
    repay(loan, "P-3", owed, FEB_15, payoff=True)

    back = 23_93
    assert owed == 200_00 - back
    assert repaid("P-3", owed, fees=-back, principal=200_00) in recorded(loan)
    assert loan.state == LoanState.CLOSED


def test_what_is_not_earned_and_not_paid_falls_away() -> None:
    loan = given(disbursed(plain(OPENING_OVER_TERM)))

    assert loan.payoff(FEB_15) == 300_00 + 36_50 - 23_93


def test_a_fee_that_is_earned_at_once_is_not_given_back() -> None:
    loan = given(disbursed(plain(OPENING)), paid("P-1", 6_00, JAN_15))

    assert loan.payoff(FEB_15) == 300_00


# --- for paying early -------------------------------------------------------------------


def test_paying_off_early_costs_what_the_contract_names() -> None:
    loan = given(disbursed(plain(EARLY)), paid("P-1", 100_00, FEB_15))

    owed = loan.payoff(FEB_16)
    repay(loan, "P-2", owed, FEB_16, payoff=True)

    assert owed == 200_00 + 4_00
    assert repaid("P-2", owed, fees=4_00, principal=200_00) in recorded(loan)


def test_the_next_instalment_may_be_paid_early_for_nothing() -> None:
    loan = given(disbursed(plain(EARLY)))

    repay(loan, "P-1", 100_00, date(2025, 2, 1))

    assert loan.balance.fees == 0


def test_principal_beyond_the_next_instalment_is_charged_with_the_next_instalment() -> None:
    loan = given(disbursed(plain(EARLY)))

    repay(loan, "P-1", 150_00, date(2025, 2, 1))

    assert [row.fees for row in loan.instalments] == [1_00, 0, 0]
    assert loan.oldest_unpaid_on() == FEB_15


def test_a_reversal_takes_the_charge_for_paying_early_with_it() -> None:
    loan = given(disbursed(plain(EARLY)), paid("P-1", 150_00, date(2025, 2, 1)))

    reversed_("P-1", on=date(2025, 2, 3))(loan)

    assert loan.balance.fees == 0


def test_an_explanation_names_the_payment_that_was_charged_for_coming_early() -> None:
    begun = disbursed(plain(EARLY))
    repay(begun, "P-1", 150_00, date(2025, 2, 1))
    events: Any = begun.pending_events

    told = explain(list(events), FEB_15)

    assert told is not None
    assert [(line.what, line.amount) for line in told.lines if line.figure == "fees"] == [
        ("charged for paying early, P-1", 1_00)
    ]


# --- for being late ---------------------------------------------------------------------


def test_an_instalment_that_is_unpaid_after_its_day_is_charged_once() -> None:
    loan = given(disbursed(plain(LATE)))

    loan.attend(act(FEB_16))
    loan.attend(act(date(2025, 2, 17)))

    assert kinds(loan) == [Loan.FeeCharged, Loan.WentOverdue, Loan.BucketChanged]
    charged = last(loan, Loan.FeeCharged)
    assert (charged.effective_on, charged.instalment, charged.amount) == (FEB_16, 1, 15_00)
    assert charged.automatic
    assert loan.instalments[0].left == 115_00


def test_the_loan_asks_to_be_looked_at_when_the_next_instalment_would_be_charged() -> None:
    loan = given(disbursed(plain(LATE, grace_days=5)), attended(on=FEB_16))

    action = loan.next_action()

    assert action is not None
    assert (action.kind, action.due_on) == ("CHARGE", date(2025, 2, 21))


def test_days_of_grace_put_the_charge_off() -> None:
    loan = given(disbursed(plain(LATE, grace_days=5)))

    loan.attend(act(date(2025, 2, 20)))
    assert loan.fees == {}
    loan.attend(act(date(2025, 2, 25)))

    assert last(loan, Loan.FeeCharged).effective_on == date(2025, 2, 21)


def test_a_payment_on_the_last_day_comes_in_time_and_a_day_later_it_does_not() -> None:
    in_time, late = given(disbursed(plain(LATE))), given(disbursed(plain(LATE)))

    repay(in_time, "P-1", 100_00, FEB_15)
    repay(late, "P-1", 100_00, FEB_16)

    assert in_time.fees == {}
    assert kinds(late)[0] == Loan.FeeCharged
    assert late.balance.principal == 215_00


@pytest.mark.parametrize(
    ("base", "amount"), [("PRINCIPAL", 1_49), ("PRINCIPAL_AND_INTEREST", 1_52)]
)
def test_a_charge_in_percent_is_a_part_of_what_is_unpaid(base: str, amount: int) -> None:
    fee = FeeTerm("LATE", "ON_OVERDUE", 0, "PENALTY", Decimal("0.01"), base)
    loan = given(disbursed(plain(fee, term_months=2, annual_rate=Decimal("0.12"))))

    loan.attend(act(FEB_16))

    charged = last(loan, Loan.FeeCharged)
    assert (charged.amount, charged.owed) == (amount, "PENALTY")
    assert loan.instalments[0].penalty_charged == amount


def test_a_payment_that_turns_out_to_have_come_in_time_takes_the_charge_back() -> None:
    loan = given(disbursed(plain(LATE)), attended(on=FEB_16))

    repay(loan, "P-1", 100_00, FEB_15, known_on=date(2025, 2, 20))

    assert kinds(loan) == [Loan.Repaid, Loan.FeeWithdrawn, Loan.Cured, Loan.BucketChanged]
    withdrawn = last(loan, Loan.FeeWithdrawn)
    assert (withdrawn.amount, withdrawn.cause) == (15_00, "NOT_OVERDUE")
    assert loan.balance.fees == 0


def test_what_was_paid_of_a_charge_that_is_taken_back_pays_other_things() -> None:
    loan = given(
        disbursed(plain(LATE)), attended(on=FEB_16), paid("P-2", 115_00, date(2025, 2, 18))
    )

    repay(loan, "P-1", 100_00, FEB_15, known_on=date(2025, 2, 20))

    assert loan.splits["P-2"].fees == 0
    assert loan.balance.principal == 85_00


def test_a_bounced_payment_brings_the_charge_it_had_prevented() -> None:
    loan = given(disbursed(plain(LATE)), paid("P-1", 100_00, FEB_15))

    reversed_("P-1", on=date(2025, 2, 20))(loan)

    charged = last(loan, Loan.FeeCharged)
    assert (charged.effective_on, charged.business_on) == (FEB_16, date(2025, 2, 20))


def test_another_amount_in_time_makes_another_charge_of_the_same_name() -> None:
    fee = FeeTerm("LATE", "ON_OVERDUE", 0, percent=Decimal("0.10"), base="PRINCIPAL")
    loan = given(disbursed(plain(fee)), attended(on=FEB_16))

    repay(loan, "P-1", 40_00, FEB_15, known_on=date(2025, 2, 20))

    assert kinds(loan) == [Loan.Repaid, Loan.FeeWithdrawn, Loan.FeeCharged]
    assert last(loan, Loan.FeeWithdrawn).cause == "CHARGED_ANEW"
    assert last(loan, Loan.FeeCharged).amount == 6_00


def test_a_waiver_outlives_that_its_charge_goes_and_comes_back() -> None:
    ref = "overdue:LATE:1"
    loan = given(
        disbursed(plain(LATE)),
        attended(on=FEB_16),
        fee_waived(ref, 5_00, on=FEB_16),
        paid("P-1", 100_00, FEB_15, known_on=date(2025, 2, 20)),
    )

    reversed_("P-1", on=date(2025, 2, 21))(loan)

    assert (last(loan, Loan.FeeCharged).amount, last(loan, Loan.FeeCharged).waived) == (15_00, 5_00)
    assert loan.instalments[0].left == 110_00


def test_nobody_can_take_the_name_of_an_overdue_charge() -> None:
    loan = given(disbursed(plain(LATE, FeeTerm("LETTER", "ON_EVENT", 20_00))))

    with pytest.raises(no.FeeRefReused):
        fee_charged("overdue:LATE:1", on=FEB_15)(loan)

    assert recorded(loan) == []


def test_only_a_charge_for_an_event_is_charged_by_hand() -> None:
    loan = given(disbursed(plain(LATE, OPENING, EARLY)))

    for kind in ("LATE", "OPENING", "EARLY", "OTHER"):
        with pytest.raises(no.FeeNotDisclosed):
            fee_charged("F-1", on=FEB_15, kind=kind)(loan)


def test_a_payoff_on_the_day_of_a_charge_has_to_pay_it_too() -> None:
    loan = given(disbursed(plain(LATE)))

    with pytest.raises(no.PayoffShort, match=r"315\.00"):
        repay(loan, "P-1", 300_00, FEB_16, payoff=True)


def test_what_is_owed_at_payout_forfeits_no_step_of_the_rate() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.03"))], scope="TERM")
    loan = given(disbursed(terms(fees=[OPENING], rate_plan=plan)))

    repay(loan, "P-1", 20_00 + 86_07, FEB_15)
    loan.attend(act(FEB_16))

    assert Loan.RateSteppedDown in kinds(loan)


def explained(loan: Loan, on: date) -> Any:
    events: Any = loan.pending_events
    return explain(list(events), on)


# --- the cap ------------------------------------------------------------------------------

CAP = [RateCap(date(2020, 1, 1), Decimal("0.24"), "cap-24")]
LETTER = FeeTerm("LETTER", "ON_EVENT", 8_00)


def test_a_fee_that_does_not_fit_under_the_cap_is_refused() -> None:
    # 100.00 for 31, 59 and 90 days at 24 %: 11.83 a year's cost at most.
    loan = given(disbursed(plain(LETTER, rate_caps=CAP)), fee_charged("F-1", on=JAN_15))

    with pytest.raises(no.ChargeOverCap, match=r"3\.83 CNY at most"):
        fee_charged("F-2", on=JAN_15)(loan)


def test_an_automatic_charge_takes_what_fits_under_the_cap() -> None:
    loan = given(disbursed(plain(LATE, rate_caps=CAP)))

    loan.attend(act(FEB_16))

    # A day late, 100.00 was in use a day longer.
    assert last(loan, Loan.FeeCharged).amount == 11_90


def test_an_explanation_names_the_cap_that_cut_an_automatic_charge() -> None:
    begun = disbursed(plain(LATE, rate_caps=CAP))
    begun.attend(act(FEB_16))
    events: Any = begun.pending_events

    told = explain(list(events), FEB_16)

    assert told is not None
    assert [(line.amount, line.rules) for line in told.lines if line.figure == "fees"] == [
        (11_90, (Rule("CAP", "cap-24"),))
    ]


FIVE = FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.05"), base="PRINCIPAL")


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_paying_off_early_costs_no_more_in_a_year_than_the_cap(accrual: str | None) -> None:
    loan = disbursed(
        terms(
            annual_rate=Decimal("0.20"),
            day_count="ACT/365F",
            fees=[FIVE],
            rate_caps=CAP,
            accrual=accrual,
        )
    )

    told = loan.ledger_on(date(2025, 2, 14)).settling(date(2025, 2, 14))

    # 30 days: 16.44 of interest, and 4 % more under the cap.
    assert (told.interest, told.fees) == (16_44, 3_28)


def test_what_is_charged_for_paying_a_part_early_fits_under_the_cap_so_far() -> None:
    fields: dict[str, Any] = {
        "annual_rate": Decimal("0.20"),
        "day_count": "ACT/365F",
        "fees": [FIVE],
        "prepayment": "LOWER_INSTALMENT",
    }
    free, capped = disbursed(terms(**fields)), disbursed(terms(**fields, rate_caps=CAP))

    for loan in (free, capped):
        repay(loan, "P-1", 500_00, date(2025, 2, 14))

    assert sum(row.fees for row in free.instalments) == 25_00
    assert sum(row.fees for row in capped.instalments) == 3_28
    told = explained(capped, date(2025, 2, 14))
    assert [line.rules for line in told.lines if line.figure == "fees" and line.amount > 0] == [
        (Rule("CAP", "cap-24"),)
    ]


def test_where_no_cap_counts_yet_paying_early_costs_what_the_contract_says() -> None:
    later = [RateCap(date(2026, 1, 1), Decimal("0.24"), "cap-24")]
    loan = disbursed(terms(annual_rate=Decimal("0.20"), fees=[FIVE], rate_caps=later))

    day = date(2025, 2, 14)
    assert loan.ledger_on(day).settling(day).fees == 50_00


# --- penalty ------------------------------------------------------------------------------


def overdue_loan(**changes: Any) -> Loan:
    """1,000.00 and 10.00 of interest, due on 15 February."""
    fields: dict[str, Any] = {
        "term_months": 1,
        "annual_rate": Decimal("0.12"),
        "penalty_rate": Decimal("0.365"),
        **changes,
    }
    return given(disbursed(terms(**fields)))


def penalty(loan: Loan, on: date) -> int:
    return loan.ledger_on(on).balance(on).penalty


def test_penalty_is_on_interest_too_where_the_contract_says_so() -> None:
    on_principal = overdue_loan(day_count="ACT/365F")
    on_both = overdue_loan(day_count="ACT/365F", penalty_on_interest=True)

    interest = on_both.instalments[0].interest
    assert penalty(on_principal, date(2025, 2, 25)) == 10_00
    assert penalty(on_both, date(2025, 2, 25)) == 10_00 + round(interest / 100)


def test_interest_that_is_paid_late_bears_penalty_until_then() -> None:
    loan = overdue_loan(day_count="ACT/365F", penalty_on_interest=True)

    repay(loan, "P-1", loan.instalments[0].interest, date(2025, 2, 25))

    assert penalty(loan, date(2025, 3, 7)) == 20_00 + 10


def test_penalty_in_place_of_the_contract_rate_goes_up_to_the_cap() -> None:
    loan = overdue_loan(day_count="ACT/365F", rate_caps=CAP)

    # Ten days of 24 % on 1,000.00.
    assert penalty(loan, date(2025, 2, 25)) == 6_58


def test_penalty_on_top_of_interest_stays_with_it_under_the_cap() -> None:
    loan = overdue_loan(day_count="ACT/365F", accrual="DAILY_BALANCE", rate_caps=CAP)

    # Ten days of 24 % less the 12 % that the balance of each day bears.
    assert penalty(loan, date(2025, 2, 25)) == 3_29


def test_what_the_gate_lets_pass_is_not_lowered_afterwards() -> None:
    # 16 % and a penalty of 1.5 x, which comes to the cap.
    loan = given(
        disbursed(terms(annual_rate=Decimal("0.16"), penalty_rate=Decimal("0.24"), rate_caps=CAP))
    )

    # 24 % on 77.40 for 90 days, more than the 3.10 that an instalment in time bears.
    assert penalty(loan, date(2025, 5, 15)) > 4_64
    row = loan.instalments[0]
    assert loan.ledger_on(date(2025, 5, 15)).penalty_accrued(row, date(2025, 5, 15)) == 4_64


MONTHLY = FeeTerm("ACCOUNT", "PER_INSTALMENT", 10_00)


def test_what_the_charges_come_to_in_a_year_counts_under_the_cap_of_a_penalty() -> None:
    # 10.00 a month on 1,000.00 is far more than the 7 % between rate and cap.
    loan = given(
        disbursed(
            terms(
                annual_rate=Decimal("0.05"),
                penalty_rate=Decimal("0.10"),
                fees=[MONTHLY],
                rate_caps=[
                    RateCap(date(2020, 1, 1), Decimal("0.36"), "cap-1"),
                    RateCap(date(2025, 3, 1), Decimal("0.12"), "cap-2"),
                ],
            )
        )
    )

    row, ledger = loan.instalments[0], loan.ledger_on(date(2025, 5, 15))
    in_february = ledger.penalty_accrued(row, date(2025, 2, 28))
    assert in_february > 0
    assert ledger.penalty_accrued(row, date(2025, 5, 15)) == in_february


def test_what_charges_leave_of_the_cap_is_left_to_the_penalty() -> None:
    monthly = FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)
    loan = given(disbursed(terms(penalty_rate=Decimal("0.24"), fees=[monthly], rate_caps=CAP)))

    ledger = loan.ledger_on(date(2025, 5, 15))
    # A cost of 8.17 % as disclosed, of a rate of 6 %.
    assert round(ledger.charges_rate, 4) == Decimal("0.0217")
    told = explained(disbursed(ledger.terms), date(2025, 2, 25))
    assert told is not None
    lines = [line for line in told.lines if line.figure == "penalty"]
    assert [line.rules for line in lines] == [(Rule("CAP", "cap-24"),)]
    assert "cap cap-24 of 24 % less the charges of 2.1" in lines[0].formula


# --- a multiple of the contract's rate -----------------------------------------------------


def multiple(**changes: Any) -> Loan:
    fields: dict[str, Any] = {
        "annual_rate": Decimal("0.10"),
        "penalty_rate": Decimal("0.15"),
        "penalty_multiple": Decimal("1.5"),
        **changes,
    }
    return given(disbursed(terms(**fields)))


def accrued(loan: Loan, on: date) -> int:
    return loan.ledger_on(on).penalty_accrued(loan.instalments[0], on)


def test_a_penalty_that_is_a_multiple_follows_the_rate_of_each_day() -> None:
    loan = multiple()
    before = accrued(loan, date(2025, 3, 15))

    loan.reschedule(
        act(date(2025, 3, 15)),
        agreed=Agreement("RATE_CHANGE", annual_rate=Decimal("0.02")),
        reason="loyal for years",
        requested_by="clerk",
        approved_by="manager",
    )

    # A month at 15 % of 79.58, then two at 3 %.
    assert before == 99
    assert accrued(loan, date(2025, 5, 15)) == 99 + 40


def test_a_penalty_that_is_a_rate_stays_when_the_contract_rate_is_cut() -> None:
    loan = multiple(penalty_multiple=None)

    loan.reschedule(
        act(date(2025, 3, 15)),
        agreed=Agreement("RATE_CHANGE", annual_rate=Decimal("0.02")),
        reason="loyal for years",
        requested_by="clerk",
        approved_by="manager",
    )

    assert accrued(loan, date(2025, 5, 15)) == 3 * 99 + 1


def test_a_multiple_of_a_promotional_rate_of_nothing_bears_penalty_once_it_ends() -> None:
    plan = RatePlan("SCHEDULED", [RateStep(4, Decimal("0.12"))])
    loan = multiple(annual_rate=Decimal(0), penalty_rate=Decimal(0), rate_plan=plan)

    assert accrued(loan, date(2025, 4, 15)) == 0
    # A month at 18 % of 83.33.
    assert accrued(loan, date(2025, 5, 15)) == 1_25


def test_an_explanation_shows_of_what_rate_a_penalty_is_a_multiple() -> None:
    begun = disbursed(terms(penalty_rate=Decimal("0.09"), penalty_multiple=Decimal("1.5")))

    told = explained(begun, date(2025, 2, 25))

    assert told is not None
    (line,) = [line for line in told.lines if line.figure == "penalty"]
    assert line.formula.startswith("9 % (1.5 x the rate of 6 %) on ")


def test_a_cap_that_changes_clamps_the_penalty_from_its_day_on() -> None:
    loan = overdue_loan(
        day_count="ACT/365F",
        rate_caps=[
            RateCap(date(2020, 1, 1), Decimal("0.485"), "cap-1"),
            RateCap(date(2025, 2, 21), Decimal("0.12"), "cap-2"),
        ],
    )

    assert penalty(loan, date(2025, 2, 20)) == 5_00
    # Then five days of 12 %.
    assert penalty(loan, date(2025, 2, 25)) == 5_00 + 1_64


def test_an_explanation_shows_the_cap_that_lowers_the_penalty() -> None:
    begun = disbursed(
        terms(term_months=1, annual_rate=Decimal("0.12"), penalty_rate=Decimal("0.365"),
              day_count="ACT/365F", rate_caps=CAP)
    )  # fmt: skip
    events: Any = begun.pending_events

    told = explain(list(events), date(2025, 2, 25))

    assert told is not None
    (line,) = [line for line in told.lines if line.figure == "penalty"]
    assert line.amount == 6_58
    assert line.formula == (
        "24 % (cap cap-24 of 24 %) on 1,000.00 x ACT/365F"
        " from 2025-02-15 to 2025-02-25, rounded half up"
    )
    assert line.rules == (Rule("CAP", "cap-24"),)


# --- late money and recoveries --------------------------------------------------------------

PRINCIPAL_FIRST = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]


def test_money_of_a_loan_that_is_late_enough_is_split_by_another_order() -> None:
    loan = given(
        disbursed(terms(late_order=PRINCIPAL_FIRST, late_order_days=90)),
        paid("P-1", 3_00, date(2025, 5, 15)),
    )

    repay(loan, "P-2", 3_00, date(2025, 5, 16))

    assert loan.splits["P-1"].interest == 3_00
    assert loan.splits["P-2"].principal == 3_00


def test_a_recovery_says_what_of_the_claim_it_was() -> None:
    loan = given(
        disbursed(plain(FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00), late_order=PRINCIPAL_FIRST))
    )
    write_off(loan, on=date(2025, 6, 1))

    repay(loan, "R-1", 299_00, date(2025, 6, 2))
    repay(loan, "R-2", 9_00, date(2025, 6, 3))

    first, second = (event for event in recorded(loan) if isinstance(event, Loan.RecoveryReceived))
    assert (first.principal, first.fees) == (299_00, 0)
    assert (second.principal, second.fees) == (1_00, 3_00)


def test_what_is_overdue_is_charged_before_the_loss_is_taken() -> None:
    loan = given(disbursed(plain(LATE)))

    write_off(loan, on=FEB_16)

    assert last(loan, Loan.WrittenOff).fees == 15_00


def test_a_recovery_that_does_not_stand_leaves_the_claim_as_it_was() -> None:
    loan = given(disbursed(plain(late_order=PRINCIPAL_FIRST)))
    write_off(loan, on=date(2025, 6, 1))
    repay(loan, "R-1", 290_00, date(2025, 6, 2))

    reversed_("R-1", on=date(2025, 6, 3))(loan)
    repay(loan, "R-2", 310_00, date(2025, 6, 3))

    assert last(loan, Loan.RecoveryReceived).principal == 300_00


def test_what_closes_a_loan_holds_the_charge_that_no_run_has_seen_yet() -> None:
    late = FeeTerm("LATE", "ON_OVERDUE", 7_00)
    loan = disbursed(terms(fees=[late]))

    owed = loan.payoff(date(2025, 2, 16))

    repay(loan, "P-1", owed, date(2025, 2, 16), payoff=True)
    assert loan.state == LoanState.CLOSED
    assert [fee.amount for fee in loan.fees.values()] == [7_00]


# --- withheld from the payout --------------------------------------------------------------------

WITHHELD = replace(OPENING, withheld=True)
WITHHELD_OVER_TERM = replace(OPENING_OVER_TERM, withheld=True)
BOTH = pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])


@BOTH
def test_what_is_withheld_is_paid_with_the_payout_and_all_of_the_loan_is_owed(
    accrual: str | None,
) -> None:
    loan = given(disbursed(terms(fees=[WITHHELD], accrual=accrual)))
    beside = given(disbursed(terms(fees=[OPENING], accrual=accrual)))

    first = loan.instalments[0]
    assert (first.fees, first.fees_paid, first.paid_on) == (20_00, 20_00, JAN_15)
    assert loan.balance.principal == 1_000_00
    assert (loan.balance.fees, beside.balance.fees) == (0, 20_00)
    assert [row.interest for row in loan.instalments] == [
        row.interest for row in beside.instalments
    ]
    assert loan.oldest_unpaid_on() == loan.instalments[1].pay_by_on


def test_the_payout_names_what_of_it_was_withheld() -> None:
    loan = disbursed(terms(fees=[WITHHELD]))

    event = last(loan, Loan.Disbursed)
    assert (event.amount, event.withheld) == (1_000_00, 20_00)
    sheet = last(loan, Loan.CostDisclosed).sheet
    assert sheet is not None and (sheet.paid_out, sheet.withheld, sheet.due_at_payout) == (
        980_00,
        20_00,
        0,
    )


def test_it_costs_the_same_in_a_year_as_a_fee_that_is_paid_at_once() -> None:
    kept, beside = (quote(terms(fees=[fee]), JAN_15) for fee in (WITHHELD, OPENING))

    assert kept.costs == beside.costs
    assert (kept.paid_out, beside.paid_out) == (980_00, 1_000_00)
    assert kept.terms_digest != beside.terms_digest
    loan = given(disbursed(terms(fees=[WITHHELD])))
    so_far = annualised(moved_and_to_come(loan, loan.ledger_on(JAN_15), JAN_15))
    assert so_far == kept.sheet.foremost


@BOTH
def test_what_of_it_is_unearned_pays_off_so_much_of_the_loan(accrual: str | None) -> None:
    kept = given(disbursed(terms(fees=[WITHHELD_OVER_TERM], accrual=accrual)))
    bare = given(disbursed(terms(fees=[], accrual=accrual)))
    on = date(2025, 1, 25)

    assert 0 < bare.payoff(on) - kept.payoff(on) < 36_50
    kept.repay(
        act(on),
        amount=kept.payoff(on),
        currency="CNY",
        received_on=on,
        payment_ref="P-1",
        payoff=True,
    )

    assert kept.state == LoanState.CLOSED


def test_more_cannot_be_withheld_than_is_paid_out() -> None:
    parts = terms(fees=[WITHHELD], in_parts=True)
    loan = given(signed(parts))

    with pytest.raises(no.NothingPaidOut):
        disburse(loan, amount=20_00)
    disburse(loan, amount=20_01)

    assert loan.state == LoanState.ACTIVE


@BOTH
def test_what_is_withheld_is_explained(accrual: str | None) -> None:
    history: list[Any] = list(disbursed(terms(fees=[WITHHELD], accrual=accrual)).pending_events)

    told = explain(history, JAN_15)

    assert told is not None
    said = [(line.amount, line.what) for line in told.lines if line.figure == "fees"]
    assert said == [(20_00, "fees at disbursement"), (-20_00, "withheld from the payout")]


@pytest.mark.parametrize("withheld", [None, True])
def test_of_a_limit_no_more_of_a_charge_is_given_back_than_was_charged_on_what_was_paid_out(
    withheld: bool | None,
) -> None:
    fee = replace(OPENING_OVER_TERM, amount=0, percent=Decimal("0.02"), withheld=withheld)
    limit = terms(accrual="DAILY_BALANCE", method="INTEREST_ONLY", fees=[fee])

    loan = given(disbursed(limit, amount=500_00))

    # Two percent of 500.00, none of it earned on the first day.
    assert loan.instalments[0].fees == 10_00
    assert loan.payoff(JAN_15) == (490_00 if withheld else 500_00)


def test_what_a_limit_costs_so_far_is_less_by_what_was_really_withheld() -> None:
    fee = replace(WITHHELD, amount=0, percent=Decimal("0.02"))
    limit = terms(accrual="DAILY_BALANCE", method="INTEREST_ONLY", fees=[fee])

    loan = given(disbursed(limit, amount=500_00))

    flows = moved_and_to_come(loan, loan.ledger_on(JAN_15), JAN_15)
    assert flows[0].amount == 490_00


def test_a_charge_behind_what_an_extension_brought_is_an_instalment_of_its_own_behind_it() -> None:
    # It counts from the start, and before the extension does.
    loan = disbursed(
        terms(
            term_months=3, fees=[LETTER_FEE], charges_due="OWN_DAY", charges_count="FROM_THE_START"
        )
    )
    two: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
    agreed = Agreement("EXTENSION", instalments=1)
    loan.reschedule(act(date(2025, 1, 26)), agreed=agreed, reason="lost work", **two)
    moved(4, date(2025, 5, 20), date(2025, 4, 20), **two)(loan)

    before = [(row.number, row.due_on, row.principal) for row in loan.instalments]

    loan.charge_fee(act(date(2025, 6, 9)), kind="LETTER", fee_ref="F-1")

    after = [(row.number, row.due_on, row.principal) for row in loan.instalments]
    assert after == [*before, (5, date(2025, 6, 9), 0)]
    assert [row.fees for row in loan.instalments] == [0, 0, 0, 0, 20_00]


# --- charges on what relief brought ------------------------------------------------------------


@pytest.mark.parametrize("counts", ["FROM_THEIR_DAY", "FROM_THE_START"])
@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
@pytest.mark.parametrize(
    ("due_on", "number"),
    [(date(2025, 5, 20), 5), (date(2025, 6, 15), 5), (date(2025, 6, 20), 6), (None, 4)],
)
def test_a_charge_on_what_an_extension_brought_leaves_its_instalments_and_days_alone(
    counts: str, accrual: str | None, due_on: date | None, number: int
) -> None:
    contract = terms(
        fees=[LETTER_FEE],
        term_months=3,
        charges_due="OWN_DAY",
        charges_count=counts,
        accrual=accrual,
    )
    loan = disbursed(contract)
    repay(loan, "P-1", 336_67, FEB_15)
    loan.reschedule(
        act(date(2025, 2, 20)),
        agreed=Agreement("EXTENSION", instalments=2),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )
    known = rows_laid(loan)
    split = loan.splits["P-1"]

    # It becomes known in May, and counts from before the extension.
    loan.charge_fee(
        act(date(2025, 5, 1)),
        kind="LETTER",
        fee_ref="F-1",
        due_on=due_on,
        on=date(2025, 5, 1) if due_on is None else date(2025, 2, 18),
    )

    assert {n: row for n, row in rows_laid(loan).items() if n in known} == known
    assert loan.fees["F-1"].instalment == number
    assert [row.number for row in loan.instalments if row.fees] == [number]
    assert loan.splits["P-1"] == split
    take_back(loan, "F-1", date(2025, 5, 2))
    assert rows_laid(loan) == known


def rows_laid(loan: Loan) -> dict[int, tuple[date, int]]:
    """The day and the principal of each instalment, by number."""
    return {row.number: (row.due_on, row.principal) for row in loan.rows_on(date(2025, 2, 21))}
