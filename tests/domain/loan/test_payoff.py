"""Closing a loan early."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.payoff import quote_payoff
from tests.domain.story import (
    JAN_15,
    applied,
    disbursed,
    given,
    happened,
    kinds,
    last,
    paid,
    recorded,
    repaid,
    repay,
    reversed_,
    terms,
)

FEB_15 = date(2025, 2, 15)
MAR_1 = date(2025, 3, 1)


def test_closing_early_costs_the_principal_and_the_interest_to_the_day() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    # 918.93 at 6 % for 16 days of 30/360: 2.45.
    assert loan.payoff(MAR_1) == 918_93 + 2_45


def test_on_a_due_date_closing_early_costs_no_more_than_the_instalment_and_the_principal() -> None:
    loan = given(disbursed())

    assert loan.payoff(FEB_15) == 1_000_00 + 5_00


def test_on_the_day_of_payout_closing_costs_the_principal() -> None:
    loan = given(disbursed())

    assert loan.payoff(JAN_15) == 1_000_00


def test_overdue_interest_is_part_of_what_closes_a_loan() -> None:
    loan = given(disbursed())

    assert loan.payoff(MAR_1) == 1_000_00 + 5_00 + 2_45


def test_closing_early_settles_and_closes_the_loan() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    repay(loan, "P-2", 921_38, on=MAR_1, payoff=True)

    assert recorded(loan) == [
        repaid("P-2", 921_38, interest=2_45, principal=918_93),
        happened(Loan.Settled, effective_on=MAR_1, early=True),
        happened(Loan.Closed, effective_on=MAR_1),
    ]
    assert {row.paid_on for row in loan.instalments[1:]} == {MAR_1}
    assert sum(row.principal for row in loan.instalments) == 1_000_00


def test_money_that_does_not_close_the_loan_is_no_payoff() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    with pytest.raises(no.PayoffShort):
        repay(loan, "P-2", 921_37, on=MAR_1, payoff=True)

    assert recorded(loan) == []


def test_the_same_money_without_the_word_is_paid_in_advance() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    repay(loan, "P-2", 921_38, on=MAR_1)

    assert kinds(loan) == [Loan.Repaid]
    assert loan.state == "ACTIVE"


def test_too_much_money_at_a_payoff_is_credit() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    repay(loan, "P-2", 930_00, on=MAR_1, payoff=True)

    assert last(loan, Loan.Repaid).unapplied == 8_62
    assert kinds(loan) == [Loan.Repaid, Loan.Settled]


def test_reversing_a_payoff_brings_the_old_schedule_back() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))
    before = list(loan.instalments)

    repay(loan, "P-2", 921_38, on=MAR_1, payoff=True)
    reversed_("P-2", on=date(2025, 3, 2))(loan)

    assert loan.instalments == before
    assert loan.state == "ACTIVE"


def test_a_payoff_that_an_earlier_reversal_leaves_short_closes_nothing() -> None:
    loan = given(
        disbursed(), paid("P-1", 86_07, on=FEB_15), paid("P-2", 921_38, on=MAR_1, payoff=True)
    )

    reversed_("P-1", on=MAR_1)(loan)

    (moved,) = last(loan, Loan.RepaymentReversed).reallocated
    assert moved.ref == "P-2"
    assert loan.state == "ACTIVE"
    assert loan.balance.principal > 0


def test_a_payment_found_after_a_payoff_becomes_credit_of_the_payoff() -> None:
    loan = given(disbursed(), paid("P-2", 1_007_45, on=MAR_1, payoff=True))

    repay(loan, "P-1", 86_07, on=FEB_15, known_on=MAR_1)

    assert loan.state == "SETTLED"
    assert loan.unapplied == 86_07
    assert loan.splits["P-1"].unapplied == 0


def test_a_loan_that_was_not_paid_out_has_no_payoff() -> None:
    with pytest.raises(no.NotDisbursed):
        given(applied()).payoff(MAR_1)


def test_closing_a_loan_whose_next_instalment_is_paid_keeps_its_interest() -> None:
    loan = given(disbursed(), paid("P-1", 86_07 * 2, on=FEB_15))

    # The second instalment is paid with its interest in advance; what is left is principal.
    assert loan.payoff(MAR_1) == 1_000_00 - 81_07 - 81_48


def test_a_payoff_found_late_is_judged_by_the_day_it_was_received() -> None:
    loan = given(disbursed(), paid("P-2", 86_07, on=date(2025, 3, 15)))

    # On 15 February it took the whole principal; a payment of March does not lower that.
    with pytest.raises(no.PayoffShort):
        repay(loan, "P-1", 950_00, on=FEB_15, known_on=date(2025, 3, 15), payoff=True)
    assert loan.payoff(FEB_15) == 1_005_00
    repay(loan, "P-1", 1_005_00, on=FEB_15, known_on=date(2025, 3, 15), payoff=True)

    assert last(loan, Loan.Repaid) == repaid("P-1", 1_005_00, interest=5_00, principal=1_000_00)
    assert loan.unapplied == 86_07


def test_what_closed_a_loan_on_a_past_day_can_still_be_asked() -> None:
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))

    assert loan.payoff(FEB_15) == 918_93
    assert loan.payoff(JAN_15) == 1_000_00


def test_a_bullet_paid_off_early_bears_interest_since_it_was_paid_out() -> None:
    loan = given(disbursed(terms(method="BULLET", term_months=6)))

    assert loan.payoff(date(2025, 4, 15)) == 1_000_00 + 15_00


# --- other interest at a payoff, and its quote --------------------------------------------


def test_closing_early_costs_the_interest_of_the_whole_period_where_the_contract_says_so() -> None:
    loan = given(disbursed(terms(settling="TO_NEXT_DUE")), paid("P-1", 86_07, on=FEB_15))

    # 918.93 at 6 % for a month: 4.59.
    assert loan.payoff(MAR_1) == 918_93 + 4_59
    assert loan.payoff(date(2025, 3, 14)) == 918_93 + 4_59


UK = terms(
    currency="GBP",
    amount=5_000_00,
    term_months=48,
    annual_rate=Decimal("0.131746"),
    settling="STATUTORY_UK",
)


def test_the_statute_s_rebate_is_what_a_payoff_leaves_unpaid() -> None:
    # The published case: 134.57 x 48 at an APR of 14 %, 12 months and 28 days of 30 after.
    begun = disbursed(UK, on=date(2024, 4, 15))
    due = [(row.number, row.due_on, row.left) for row in begun.instalments[:12]]
    loan = given(begun, *(paid(f"P-{number}", left, on=on) for number, on, left in due))
    assert {left for _, _, left in due} == {134_57}
    # Ours has an APR of just under 14 %, which makes a penny.
    assert 36 * 134_57 - loan.payoff(date(2025, 5, 13)) == 819_71 + 1
    assert loan.payoff(date(2025, 4, 15)) == sum(row.principal_left for row in loan.instalments)


def test_what_was_not_paid_in_time_is_owed_beside_the_statute_s_figure() -> None:
    begun = disbursed(UK, on=date(2024, 4, 15))
    first = begun.instalments[0].left
    in_time = given(begun, paid("P-1", first, on=date(2024, 5, 15)))
    late = given(disbursed(UK, on=date(2024, 4, 15)))

    on = date(2024, 6, 1)
    assert late.payoff(on) == in_time.payoff(on) + first


def test_a_quote_says_what_closes_the_loan_through_a_day_and_what_a_day_more_takes() -> None:
    loan = disbursed(terms(day_count="ACT/365F"))
    repay(loan, "P-1", loan.instalments[0].left, on=FEB_15)
    events: Any = loan.pending_events

    quote = quote_payoff(list(events), MAR_1)

    assert (quote.good_through, quote.amount) == (MAR_1, given(loan).payoff(MAR_1))
    assert quote.amount == quote.principal + quote.interest + quote.fees + quote.penalty
    assert quote.per_diem == 15


def test_a_quote_counts_the_charges_that_come_until_its_last_day() -> None:
    loan = disbursed(terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 15_00)]))
    events: Any = loan.pending_events

    in_time, late = (quote_payoff(list(events), day) for day in (FEB_15, MAR_1))

    assert (in_time.fees, late.fees) == (0, 15_00)
    assert quote_payoff(list(events), MAR_1) == late


def test_a_loan_that_is_closed_has_no_quote() -> None:
    loan = disbursed()
    repay(loan, "P-1", 1_000_00, on=JAN_15, payoff=True)
    events: Any = loan.pending_events

    with pytest.raises(no.NotActive, match="closed"):
        quote_payoff(list(events), FEB_15)
