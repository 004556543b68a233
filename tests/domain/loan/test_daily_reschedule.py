"""Relief, prepayments and partners where the balance of each day bears interest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.policy import IndexRate
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RatePlan, RateStep, Renewal, Subsidy
from domain.loan.explain import explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.refusals import DrawNotOffered, NothingChanges
from domain.loan.relief import Agreement
from domain.loan.state import LoanState, StepState
from tests.domain.loan.test_daily_balance import (
    FEB_1,
    JAN_1,
    JAN_15,
    JULY_1,
    MAR_1,
    MAR_10,
    SCHEDULED,
    figures,
    lent,
    pending,
)
from tests.domain.story import (
    Step,
    act,
    attended,
    draw,
    drawn,
    given,
    last,
    paid,
    recorded,
    repaid,
    repay,
)

JUNE_10 = date(2024, 6, 10)
SEPT_1 = date(2024, 9, 1)


def granted(kind: str, on: date, known_on: date | None = None, **asked: Any) -> Step:
    """Relief that two people granted."""
    return lambda loan: loan.reschedule(
        act(known_on or on),
        agreed=Agreement(kind, **asked),
        reason="asked",
        requested_by="clerk",
        approved_by="manager",
        on=on,
    )


def line_of_credit(*steps: Step, **changes: Any) -> Loan:
    """A limit of 100.00, drawn in full: 0.58 of interest a month."""
    return given(lent(method="INTEREST_ONLY", repayment=None, **changes), *steps)


# --- relief -------------------------------------------------------------------------


def test_another_rate_counts_from_the_day_after_it_was_granted() -> None:
    loan = given(lent(), granted("RATE_CHANGE", JAN_15, annual_rate=Decimal("0.03")))

    # 100.00 at 7 % for 14 of 31 days and at 3 % for 17: 0.40.
    assert figures(loan, JAN_15) == [
        (16_44, 40), (16_63, 21), (16_67, 17), (16_71, 13), (16_76, 8), (16_79, 4)
    ]  # fmt: skip
    assert loan.rate_on(JAN_15) == Decimal("0.03")
    assert loan.payoff(JAN_15) == 100_26


def test_days_without_interest_bear_none_and_are_told() -> None:
    pause = {"free_from": date(2024, 1, 16), "free_until": date(2024, 2, 15)}
    loan = lent()
    granted("INTEREST_PAUSE", JAN_15, **pause)(loan)

    assert figures(loan, JAN_15)[:3] == [(16_65, 26), (16_66, 25), (16_52, 39)]
    told = explain(pending(loan), JAN_15)
    assert told is not None
    formulas = [line.formula for line in told.lines if line.figure == "interest" and line.formula]
    assert formulas[0] == (
        "100.00 x 7 % x 2024-01-01 to 2024-01-15 (nominal, year 360)"
        " + 100.00 x 0 % x 2024-01-15 to 2024-02-01 (nominal, year 360)"
        " = 0.263441, rounded half even"
    )


def test_a_moratorium_moves_what_falls_due_in_it_behind_the_rest_without_penalty() -> None:
    days = {"free_from": date(2024, 1, 16), "free_until": date(2024, 2, 15)}
    loan = given(
        lent(penalty_rate=Decimal("0.365"), day_count="ACT/365F"),
        granted("MORATORIUM", JAN_15, **days),
    )

    rows = loan.ledger_on(MAR_10).rows
    assert [row.due_on for row in rows][-1] == date(2024, 8, 1)
    assert (rows[0].principal, rows[0].interest) == (0, 0)
    # 0.26 until it began, and 0.25 of February.
    assert (rows[1].interest, rows[1].principal > 0) == (26 + 30, True)


def test_an_extension_spreads_the_rest_over_more_instalments() -> None:
    loan = given(lent(), granted("EXTENSION", JAN_15, instalments=2))

    assert figures(loan, JAN_15) == [
        (12_25, 58), (12_32, 51), (12_39, 44), (12_46, 37),
        (12_53, 30), (12_61, 22), (12_68, 15), (12_76, 7),
    ]  # fmt: skip
    assert loan.instalments[-1].due_on == SEPT_1


def test_an_extension_counts_the_days_on_which_money_really_came() -> None:
    loan = given(lent(), granted("EXTENSION", JAN_15, instalments=2))

    repay(loan, "P-1", 50_00, on=FEB_1)

    # An instalment of 12.83 is due; 37.17 are for those after it, at once.
    assert recorded(loan) == [repaid("P-1", 50_00, interest=58, principal=49_42)]
    assert loan.instalments[4].interest == 30 - 30 + 29


def test_a_deferral_asks_for_interest_only_and_then_goes_on_as_before() -> None:
    loan = given(lent(), granted("DEFERRAL", JAN_15, instalments=2))

    assert figures(loan, JAN_15) == [(0, 58), (0, 58), *SCHEDULED]


def test_interest_that_is_deferred_too_is_collected_after_it() -> None:
    loan = given(lent(), granted("DEFERRAL", JAN_15, instalments=2, interest_too=True))

    assert figures(loan, JAN_15)[:4] == [(0, 0), (0, 0), (15_46, 3 * 58), (16_71, 49)]


def test_interest_that_becomes_principal_bears_interest_from_that_day() -> None:
    loan = given(lent(), attended(MAR_10))

    granted("CAPITALISATION", MAR_10)(loan)

    event = last(loan, Loan.Rescheduled)
    assert event.capitalised == 1_16
    assert loan.balance == Balance(101_16, 45 + 30 + 20 + 10, 0, 0, 0)
    # 100.00 for 9 of 31 days and 101.16, less what is overdue from then on, for the rest.
    assert figures(loan, MAR_10)[:3] == [(16_43, 0), (16_43, 0), (16_87, 45)]


def test_what_is_gathered_of_a_late_loan_is_spread_over_the_rest() -> None:
    loan = given(lent(), attended(MAR_10), granted("REAGEING", MAR_10, instalments=2))

    assert figures(loan, MAR_10) == [
        (0, 0), (0, 0), (16_61, 59), (16_71, 49), (16_80, 40), (16_90, 30), (17_00, 20), (17_14, 10)
    ]  # fmt: skip
    assert loan.overdue_since_on is None
    assert [row.paid_on for row in loan.instalments[:3]] == [MAR_10, MAR_10, None]


def test_a_loan_that_is_over_bears_interest_again_from_the_day_it_is_re_aged() -> None:
    loan = given(lent(), attended(SEPT_1), granted("REAGEING", SEPT_1, instalments=2))

    # Six months of 0.58 became principal: 103.48 at 7 % for September is 0.60.
    assert figures(loan, SEPT_1)[-2:] == [(51_59, 60), (51_89, 30)]
    assert [row.due_on for row in loan.instalments[-2:]] == [date(2024, 10, 1), date(2024, 11, 1)]


def test_money_that_came_early_lowers_the_instalment_where_the_rest_is_laid_anew() -> None:
    early = paid("P-1", 50_00, on=JAN_15)
    lower = given(lent(), early, granted("REAMORTISATION", JAN_15))
    shorter = given(lent(), early, granted("REAMORTISATION", JAN_15, keeps_instalment=True))

    assert [row.left for row in lower.instalments] == [0, 0, 12_75, 12_75, 12_75, 13_20]
    assert [row.left for row in shorter.instalments] == [0, 0, 17_01, 17_01, 17_28, 0]


def test_relief_that_is_learnt_late_splits_later_payments_anew() -> None:
    loan = given(lent(), paid("P-1", 17_01, on=FEB_1))
    known_late = granted("RATE_CHANGE", JAN_15, known_on=MAR_10, annual_rate=Decimal("0.03"))

    known_late(loan)

    event = last(loan, Loan.Rescheduled)
    assert [move.after.interest for move in event.reallocated] == [40]
    in_time = given(
        lent(),
        granted("RATE_CHANGE", JAN_15, annual_rate=Decimal("0.03")),
        paid("P-1", 17_01, on=FEB_1),
    )
    assert loan.ledger_on(MAR_10).rows == in_time.ledger_on(MAR_10).rows


def test_relief_that_changes_nothing_is_refused() -> None:
    loan = given(lent())

    with pytest.raises(NothingChanges):
        granted("CAPITALISATION", JAN_15)(loan)


# --- a limit ------------------------------------------------------------------------


def test_a_limit_that_nothing_is_owed_on_can_be_drawn_on_after_relief() -> None:
    loan = line_of_credit(
        paid("P-1", 100_30, on=JAN_15),
        granted("RATE_CHANGE", date(2024, 1, 20), annual_rate=Decimal("0.03")),
        drawn("D-1", 50_00, on=date(2024, 1, 25)),
    )

    # 50.00 at 3 % for a month of 30/360.
    assert figures(loan, date(2024, 1, 25))[1:] == [(0, 12)] * 4 + [(150_00, 12)]
    # The 0.03 that P-1 was too much is paid back first.
    assert (loan.balance.principal, loan.unapplied) == (49_97, 0)


def test_a_limit_that_is_extended_can_be_drawn_on_for_longer() -> None:
    loan = line_of_credit(
        paid("P-1", 100_30, on=JAN_15), granted("EXTENSION", JUNE_10, instalments=2)
    )

    loan.attend(act(JULY_1))
    draw(loan, "D-1", 10_00, date(2024, 7, 15))

    assert loan.instalments[-1].due_on == SEPT_1
    with pytest.raises(DrawNotOffered):
        draw(loan, "D-2", 10_00, date(2024, 9, 2))


def test_a_limit_may_be_renewed_by_its_contract() -> None:
    loan = line_of_credit(
        *(paid(f"P-{month}", 58, on=date(2024, month, 1)) for month in range(2, 7)),
        attended(JUNE_10),
        renewal=Renewal(6, 1, 30),
    )

    loan.renew(act(JUNE_10), consent_ref="CONSENT-1")

    assert [row.due_on for row in loan.instalments][-1] == date(2025, 1, 1)
    assert figures(loan, JUNE_10)[-2:] == [(0, 58), (100_00, 58)]


# --- money before its day -----------------------------------------------------------


def test_a_prepayment_lowers_the_instalments_where_the_contract_says_so() -> None:
    loan = given(lent(prepayment="LOWER_INSTALMENT"))

    repay(loan, "P-1", 30_00, on=JAN_15)

    assert recorded(loan) == [repaid("P-1", 30_00, principal=30_00)]
    # 100.00 for 14 of 31 days, 70.00 for 17.
    assert (loan.instalments[0].principal, loan.instalments[0].interest) == (30_00 + 11_43, 49)
    assert [row.left for row in loan.instalments] == [11_92] * 6


def test_a_prepayment_shortens_the_term_where_the_contract_says_so() -> None:
    loan = given(lent(prepayment="SHORTER_TERM"))

    repay(loan, "P-1", 30_00, on=JAN_15)
    repay(loan, "P-2", 5_00, on=date(2024, 1, 20))

    assert [row.left for row in loan.instalments[:4]] == [17_01, 17_01, 17_01, 15_01]
    assert [row.left for row in loan.instalments[4:]] == [0, 0]


def test_a_payment_may_ask_for_what_becomes_of_it() -> None:
    loan = given(lent())

    repay(loan, "P-1", 30_00, on=JAN_15, future_money="LOWER_INSTALMENT")

    assert [row.left for row in loan.instalments] == [11_92] * 6


def test_paying_early_costs_what_the_contract_says() -> None:
    early = FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.01"), base="PRINCIPAL")
    loan = given(lent(fees=[early]))

    assert loan.payoff(JAN_15) == 100_26 + 1_00
    repay(loan, "P-1", 101_26, on=JAN_15, payoff=True)

    assert recorded(loan)[0] == repaid("P-1", 101_26, fees=1_00, interest=26, principal=100_00)
    assert loan.state == LoanState.CLOSED


def test_the_next_instalment_may_be_paid_early_for_nothing() -> None:
    early = FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.01"), base="PRINCIPAL")
    loan = given(lent(fees=[early]))

    repay(loan, "P-1", 17_01, on=JAN_15)
    repay(loan, "P-2", 20_00, on=JAN_15)

    # The first is paid by then: all of the second payment is for those after it.
    assert loan.splits["P-1"].fees == 0
    assert sum(row.fees for row in loan.instalments) == 20


def test_what_is_not_earned_of_a_fee_is_given_back_at_a_payoff() -> None:
    opening = FeeTerm("OPENING", "AT_DISBURSEMENT", 6_00, earned="OVER_TERM")
    loan = given(lent(fees=[opening]), paid("P-1", 6_00, on=JAN_1))

    # Half of the days are left, and three months of 0.58 are owed.
    assert loan.payoff(date(2024, 4, 1)) == 100_00 + 3 * 58 - 3_00
    repay(loan, "P-2", 98_74, on=date(2024, 4, 1), payoff=True)

    assert loan.state == LoanState.CLOSED


# --- partners and rate plans --------------------------------------------------------


def test_a_partner_pays_interest_on_the_balance_of_each_day() -> None:
    loan = given(lent(subsidy=Subsidy("SHOP", Decimal("0.036"))), paid("P-1", 50_00, on=JAN_15))

    loan.attend(act(FEB_1))

    # 100.00 for 14 of 31 days and 50.26 for 17, at 0.3 % a month.
    event = last(loan, Loan.InterestSubsidised)
    assert (event.instalment, event.amount) == (1, 22)


def test_a_step_of_the_rate_is_earned_by_paying_on_time() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(3, Decimal("0.035"))], scope="TERM")
    loan = given(lent(rate_plan=plan), paid("P-1", 17_01, on=FEB_1), paid("P-2", 17_01, on=MAR_1))

    loan.attend(act(date(2024, 3, 2)))

    assert loan.steps == {"3": StepState.EARNED}
    # 67.05 at 3.5 % for a month.
    assert figures(loan, date(2024, 3, 2))[2] == (16_69, 20)


def test_an_index_sets_the_rate_of_the_days_to_come() -> None:
    plan = RatePlan("INDEXED", [], index="LPR_1Y", margin=Decimal("0.01"), reprice_months=3)
    loan = given(lent(rate_plan=plan), attended(date(2024, 4, 1)))

    loan.reprice(
        act(date(2024, 4, 1)),
        IndexRate("lpr-2024-04", "LPR_1Y", Decimal("0.11"), JAN_1, None, "the bank"),
    )

    # 100.00 stood in March at 7 %; what is not overdue by then, 50.57, bears 12 % in April.
    assert [interest for _, interest in figures(loan, date(2024, 4, 1))][2:4] == [58, 51]
    assert loan.rate_on(date(2024, 4, 1)) == Decimal("0.12")


# --- grace --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["EQUAL_INSTALMENTS", "EQUAL_PRINCIPAL"])
@pytest.mark.parametrize(
    "grace",
    [
        Repayment(grace_principal=2),
        Repayment(grace_interest=2),
        Repayment(interest_free=2),
        Repayment(grace_principal=2, grace_interest=1),
    ],
)
def test_grace_of_the_contract_is_kept_as_the_schedule_says(method: str, grace: Repayment) -> None:
    loan = given(lent(method=method, repayment=grace))

    assert figures(loan, JAN_1) == [(row.principal, row.interest) for row in loan.opening]
