"""Interest by the balance of each day: early money lowers it, late principal bears it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.base.repayment import Repayment
from domain.base.terms import BUCKETS, FeeTerm, PlannedDraw, RatePlan, RateStep, SourceOrder, Terms
from domain.loan.as_of import standing
from domain.loan.explain import explain
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.refusals import DrawNotOffered, OpeningNotSound
from domain.loan.schedule import Instalment, schedule
from domain.loan.state import LoanState
from domain.loan.timetable import TermsNotOffered
from tests.domain.story import (
    BORROWER_ID,
    LETTER_FEE,
    LOAN_ID,
    act,
    attended,
    disbursed,
    draw,
    fee_charged,
    given,
    kinds,
    last,
    moved,
    paid,
    recorded,
    repaid,
    repay,
    reversed_,
    terms,
)

JAN_1 = date(2024, 1, 1)
JAN_15 = date(2024, 1, 15)
FEB_1 = date(2024, 2, 1)
FEB_15 = date(2024, 2, 15)
MAR_1 = date(2024, 3, 1)
MAR_10 = date(2024, 3, 10)
JULY_1 = date(2024, 7, 1)


def daily(**changes: Any) -> Terms:
    """100.00 at 7 % for six months: five instalments of 17.01 and one of 17.00."""
    fields: dict[str, Any] = {
        "amount": 100_00,
        "term_months": 6,
        "annual_rate": Decimal("0.07"),
        "rounding": "HALF_EVEN",
        "accrual": "DAILY_BALANCE",
        "repayment": Repayment(
            row_share="NOMINAL", year_days="360", excess_interest="NEXT_ROW", refit=True
        ),
        **changes,
    }
    return terms(**fields)


def lent(**changes: Any) -> Loan:
    return disbursed(daily(**changes), on=JAN_1)


def pending(loan: Loan) -> list[Any]:
    return list(loan.pending_events)


def figures(loan: Loan, on: date) -> list[tuple[int, int]]:
    """Principal and interest of each instalment as it stands on a day."""
    return [(row.principal, row.interest) for row in loan.ledger_on(on).rows]


SCHEDULED = [(16_43, 58), (16_52, 49), (16_62, 39), (16_72, 29), (16_81, 20), (16_90, 10)]


def test_while_nothing_is_early_or_late_the_rows_are_those_of_the_schedule() -> None:
    loan = given(lent(), paid("P-1", 17_01, on=FEB_1))

    assert figures(loan, JAN_1) == SCHEDULED
    assert figures(loan, FEB_1) == SCHEDULED


def test_overdue_principal_bears_interest_to_the_day_it_is_looked_at() -> None:
    loan = given(lent())

    # Row 3 has 9 days on 100.00 and 22 days on 67.14; the last one takes what is left.
    assert figures(loan, MAR_10) == [
        (16_43, 58), (16_43, 58), (16_56, 45), (16_71, 30), (16_81, 20), (17_06, 10)
    ]  # fmt: skip
    assert loan.instalments == loan.opening


def test_early_money_pays_the_interest_of_its_day_and_lowers_that_of_the_rest() -> None:
    loan = given(lent())

    repay(loan, "P-1", 17_01, on=JAN_15)

    # Row 1 is paid with less interest; the rest of January's moves to row 2.
    assert recorded(loan) == [repaid("P-1", 17_01, interest=26, principal=16_75)]
    assert figures(loan, JAN_15)[:3] == [(16_75, 26), (16_25, 76), (16_62, 39)]


def test_early_money_for_the_last_instalment_is_principal_only() -> None:
    loan = given(lent(future_money="LAST_INSTALMENT"))

    repay(loan, "P-1", 15_00, on=JAN_15)

    assert recorded(loan) == [repaid("P-1", 15_00, principal=15_00)]
    assert loan.instalments[5].principal_paid == 15_00


def test_an_instalment_is_never_owed_less_than_was_paid_on_it() -> None:
    loan = given(lent(future_money="LAST_INSTALMENT"))

    repay(loan, "P-1", 17_00, on=JAN_1)

    # 83.00 bears 0.48 in January; of the fifth no more is left than the 16.31 still owed.
    rows = figures(loan, JAN_1)
    assert rows == [(16_53, 48), (16_62, 39), (16_72, 29), (16_82, 19), (16_31, 10), (17_00, 0)]
    assert sum(principal for principal, _ in rows) == 100_00


def test_closing_early_costs_the_principal_and_the_interest_to_the_day() -> None:
    loan = given(lent(), paid("P-1", 17_01, on=FEB_1))

    # 83.57 at 7 % for 14 of 29 days: 0.24.
    assert loan.payoff(FEB_15) == 83_57 + 24
    repay(loan, "P-2", 83_81, on=FEB_15, payoff=True)

    assert kinds(loan) == [Loan.Repaid, Loan.Settled, Loan.Closed]
    assert loan.balance == Balance(0, 0, 0, 0, 0)


def test_closing_early_may_cost_the_interest_to_the_next_due_date() -> None:
    loan = given(lent(settling="TO_NEXT_DUE"), paid("P-1", 17_01, on=FEB_1))

    assert loan.payoff(FEB_15) == 83_57 + 49


def test_interest_paid_to_the_next_due_date_stays_paid_on_the_last_instalment() -> None:
    days = [date(2024, month, 1) for month in range(2, 7)]
    on_time = [paid(f"P-{on.month}", 17_01, on=on) for on in days]
    loan = given(lent(settling="TO_NEXT_DUE"), *on_time)
    on = date(2024, 6, 15)

    assert loan.payoff(on) == 16_90 + 10
    repay(loan, "P-7", 17_00, on=on, payoff=True)

    # By the days alone it would be 0.05.
    assert figures(loan, JULY_1)[5] == (16_90, 10)
    assert loan.state == LoanState.CLOSED


def test_closing_takes_more_than_instalments_take_in_advance() -> None:
    loan = given(lent())

    # Only the last row is not due: it holds more than an instalment.
    owed = loan.payoff(date(2024, 6, 15))
    repay(loan, "P-1", owed, on=date(2024, 6, 15), payoff=True)

    assert loan.state == LoanState.CLOSED


def test_a_payment_known_late_leads_where_one_known_in_time_had_led() -> None:
    late = given(
        lent(), paid("P-2", 10_00, on=MAR_1), paid("P-1", 17_01, on=FEB_1, known_on=MAR_10)
    )
    in_time = given(lent(), paid("P-1", 17_01, on=FEB_1), paid("P-2", 10_00, on=MAR_1))

    assert late.ledger_on(MAR_10).rows == in_time.ledger_on(MAR_10).rows
    assert late.parts == in_time.parts


def test_a_bounced_payment_had_never_lowered_the_interest() -> None:
    loan = given(lent(), paid("P-1", 50_00, on=JAN_15), reversed_("P-1", on=MAR_10))

    assert figures(loan, MAR_10) == figures(given(lent()), MAR_10)


def test_the_event_carries_the_rows_as_of_its_business_day() -> None:
    loan = given(lent())

    repay(loan, "P-1", 10_00, on=FEB_1, known_on=MAR_10)

    event = last(loan, Loan.Repaid)
    assert loan.instalments == loan.ledger_on(MAR_10).rows
    assert [row.number for row in event.instalments] == [1, 2, 3, 6]


def test_the_days_run_tells_what_is_overdue_as_of_its_day() -> None:
    loan = given(lent())

    loan.attend(act(MAR_10))

    assert last(loan, Loan.BucketChanged).amount_overdue == 2 * 17_01
    stood = standing(pending(lent()), date(2024, 4, 10))
    assert stood is not None
    assert stood.amount_overdue == 3 * 17_01
    assert stood.balance is not None
    assert stood.balance.principal == 100_00


def test_paying_what_is_shown_instalment_by_instalment_closes_the_loan() -> None:
    loan = given(lent())
    for number in range(6):
        on = loan.instalments[number].due_on + timedelta(days=3)
        loan.attend(act(on))
        repay(loan, f"P-{number}", loan.ledger_on(on).rows[number].left, on=on)

    assert loan.state == LoanState.CLOSED


def test_a_fee_is_paid_before_interest_where_the_order_says_so() -> None:
    loan = given(lent(fees=[LETTER_FEE]), fee_charged("F-1", on=JAN_15))

    repay(loan, "P-1", 17_01, on=FEB_1)

    assert recorded(loan)[0] == repaid("P-1", 17_01, fees=17_01)


def test_penalty_counts_beside_the_interest_on_overdue_principal() -> None:
    loan = given(lent(penalty_rate=Decimal("0.365"), day_count="ACT/365F"))

    assert loan.ledger_on(MAR_1).balance(MAR_1).penalty == 48  # 16.43 for 29 days
    assert figures(loan, MAR_10)[1] == (16_43, 58)


def test_a_moved_due_date_lets_its_principal_bear_interest_until_then() -> None:
    loan = given(lent(), moved(1, FEB_15, on=JAN_15))

    # February has 14 days on 100.00 and 15 on 83.57.
    assert figures(loan, JAN_15)[1] == (16_48, 53)


def test_the_rate_of_a_tier_counts_from_its_instalment() -> None:
    tiers = RatePlan("SCHEDULED", [RateStep(2, Decimal(0))])
    loan = given(lent(rate_plan=tiers))

    assert [interest for _, interest in figures(loan, JAN_1)] == [58, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("method", ["EQUAL_PRINCIPAL", "BULLET"])
def test_other_methods_keep_their_principal_and_pay_what_accrued(method: str) -> None:
    loan = given(lent(method=method, repayment=None))
    before = sum(interest for _, interest in figures(loan, JAN_1))

    repay(loan, "P-1", 50_00, on=JAN_15)

    # 100.00 at 7 % for 14 days of 30/360 is 0.27; 50.27 stand for the rest of the row.
    assert recorded(loan) == [repaid("P-1", 50_00, interest=27, principal=49_73)]
    assert sum(principal for principal, _ in figures(loan, JAN_15)) == 100_00
    assert sum(interest for _, interest in figures(loan, JAN_15)) < before


def test_a_planned_payout_counts_in_the_rows_before_its_day() -> None:
    plan = [PlannedDraw(FEB_15, 50_00)]
    loan = given(lent(amount=150_00, draws=plan))

    assert sum(principal for principal, _ in figures(loan, JAN_1)) == 150_00
    assert loan.balance.principal == 100_00
    draw(loan, "D-2", 50_00, FEB_15)

    assert sum(row.principal for row in loan.instalments) == 150_00
    assert loan.balance.principal == 150_00
    with pytest.raises(DrawNotOffered):
        draw(loan, "D-3", 50_00, MAR_1)


def test_a_planned_payout_that_did_not_come_counts_no_more_after_its_day() -> None:
    loan = given(lent(amount=150_00, draws=[PlannedDraw(FEB_15, 50_00)]))

    assert sum(principal for principal, _ in figures(loan, MAR_1)) == 100_00


def test_closing_costs_no_interest_on_a_planned_payout_that_then_does_not_come() -> None:
    plan = [PlannedDraw(date(2024, 1, 20), 50_00)]
    loan = given(lent(amount=150_00, draws=plan, settling="TO_NEXT_DUE"))

    # The interest of January on 100.00.
    assert loan.payoff(JAN_15) == 100_00 + 58
    repay(loan, "P-1", 100_58, on=JAN_15, payoff=True)

    assert loan.state == LoanState.CLOSED


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GROWING_INSTALMENTS"},
        {"repayment": Repayment(interest_on="DRAWN")},
        {"repayment": Repayment(down_payment=Decimal("0.1"))},
        {"accrual": "HOURLY"},
        {"settling": "STATUTORY_UK"},
    ],
)
def test_what_does_not_go_with_the_balance_of_each_day_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TermsNotOffered):
        schedule(daily(**changes), JAN_1)


PRINCIPAL_FIRST = ["PRINCIPAL", "INTEREST", "FEE", "PENALTY"]
APRIL_10 = date(2024, 4, 10)


def test_money_that_comes_late_is_split_in_the_order_for_late_money() -> None:
    late = {"late_order": PRINCIPAL_FIRST, "late_order_days": 60}
    loan = given(lent(**late), attended(APRIL_10))
    in_time = given(lent(**late), attended(MAR_10))

    repay(loan, "P-1", 10_00, on=APRIL_10)
    repay(in_time, "P-1", 10_00, on=MAR_10)

    assert recorded(loan)[0] == repaid("P-1", 10_00, principal=10_00)
    assert recorded(in_time)[0] == repaid("P-1", 10_00, interest=58, principal=9_42)


def test_money_from_a_guarantor_is_split_in_its_own_order() -> None:
    loan = given(lent(source_orders=[SourceOrder("GUARANTOR", PRINCIPAL_FIRST)]))

    repay(loan, "P-1", 16_50, on=FEB_1, source="GUARANTOR")

    assert recorded(loan) == [repaid("P-1", 16_50, principal=16_43, interest=7)]


def test_a_component_may_be_paid_on_all_instalments_before_the_next_component() -> None:
    loan = given(lent(allocation_scope="COMPONENT"))

    repay(loan, "P-1", 10_00, on=MAR_1)

    # Both instalments that are due owe 0.58 of interest.
    assert recorded(loan)[-1] == repaid("P-1", 10_00, interest=1_16, principal=8_84)


def test_all_that_is_past_due_may_be_paid_before_what_is_due_and_that_before_the_rest() -> None:
    kinds_ = ("FEE", "INTEREST", "PENALTY", "PRINCIPAL")
    order = [f"{ripe}_{kind}" for ripe in ("PAST_DUE", "DUE", "IN_ADVANCE") for kind in kinds_]
    loan = given(lent(bucket_order=order))

    repay(loan, "P-1", 20_00, on=MAR_1)

    assert [(part.instalment, part.interest, part.principal) for part in loan.parts["P-1"]] == [
        (1, 58, 16_43),
        (2, 58, 2_41),
    ]


def test_principal_in_advance_may_come_before_what_is_due() -> None:
    order = ["IN_ADVANCE_PRINCIPAL", *(each for each in BUCKETS if each != "IN_ADVANCE_PRINCIPAL")]
    loan = given(lent(bucket_order=order))

    repay(loan, "P-1", 200_00, on=FEB_1)

    # What is due is kept for it, so that no more is repaid than was lent.
    assert sum(row.principal for row in loan.instalments) == 100_00
    assert loan.splits["P-1"].principal == 100_00
    assert loan.state == LoanState.SETTLED


@pytest.mark.parametrize("future", ["LOWER_INSTALMENT", "SHORTER_TERM"])
def test_buckets_in_their_usual_turn_take_money_in_advance_as_without_buckets(future: str) -> None:
    kinds_ = ("FEE", "INTEREST", "PENALTY", "PRINCIPAL")
    order = [f"{ripe}_{kind}" for ripe in ("PAST_DUE", "DUE", "IN_ADVANCE") for kind in kinds_]
    plain, in_buckets = given(lent()), given(lent(bucket_order=order))

    for loan in (plain, in_buckets):
        repay(loan, "P-1", 50_00, on=FEB_1, future_money=future)
        repay(loan, "P-2", 10_00, on=FEB_15, future_money=future)

    assert in_buckets.rows_on(MAR_1) == plain.rows_on(MAR_1)
    assert in_buckets.splits == plain.splits


def test_principal_in_advance_that_lowers_the_rest_may_come_before_what_is_due() -> None:
    order = ["IN_ADVANCE_PRINCIPAL", *(each for each in BUCKETS if each != "IN_ADVANCE_PRINCIPAL")]
    loan = given(lent(bucket_order=order, prepayment="LOWER_INSTALMENT"))

    repay(loan, "P-1", 200_00, on=FEB_1)

    assert loan.splits["P-1"].principal == 100_00
    assert loan.state == LoanState.SETTLED


def test_money_in_advance_may_go_to_all_instalments_in_equal_shares() -> None:
    loan = given(lent(future_money="REAMORTISED"))

    repay(loan, "P-1", 30_00, on=JAN_15)

    # 0.26 has accrued in the first instalment.
    assert [(part.interest, part.principal) for part in loan.parts["P-1"]] == [
        (26, 4_74), *[(0, 5_00)] * 5
    ]  # fmt: skip


def test_an_instalment_paid_late_that_took_the_residue_leaves_it_to_another() -> None:
    """The second row is closed by principal alone, and owes interest once the first is paid."""
    fields = {"amount": 1_000_00, "term_months": 2, "annual_rate": Decimal("0.02")}
    chosen = Repayment(row_share="NOMINAL", year_days="360", multiple_of=10_00)
    loan = given(
        lent(future_money="LAST_INSTALMENT", repayment=chosen, **fields),
        paid("P-1", 499_99, on=JAN_1),
        paid("P-2", 200_00, on=JAN_15),
    )

    repay(loan, "P-3", 1_000_00, on=JULY_1)

    assert loan.instalments[1].interest_paid == loan.instalments[1].interest > 0
    assert loan.state == LoanState.SETTLED


def test_a_loan_is_taken_over_before_its_first_instalment_left_is_due() -> None:
    rows = schedule(daily(), JAN_1)

    def taken_over(rows: list[Instalment], on: date) -> Loan:
        return Loan.migrate(
            act(on),
            LOAN_ID,
            loan_ref="L-1",
            borrower_id=BORROWER_ID,
            origin="OLD",
            terms=daily(),
            disbursed_on=JAN_1,
            accrues_from=on,
            rows=rows,
        )

    with pytest.raises(OpeningNotSound):
        taken_over(rows, FEB_15)
    paid_in_part = replace(rows[1], principal_paid=6_52)
    loan = taken_over([paid_in_part, *rows[2:]], FEB_1)
    assert loan.balance.principal == 83_57 - 6_52
    assert figures(loan, FEB_1)[0] == (16_56, 45)  # 77.05 stand in February


def test_each_stretch_of_days_is_told_with_the_balance_that_bore_interest() -> None:
    loan = lent()
    paid("P-1", 17_01, on=JAN_15)(loan)

    told = explain(pending(loan), JAN_15)

    assert told is not None
    lines = [line for line in told.lines if line.figure == "interest" and line.instalment == 1]
    assert [(line.what, line.amount) for line in lines] == [
        ("payment P-1", -26),
        ("interest", 53),
        ("carried on, more than it takes", -27),
    ]
    assert lines[1].formula == (
        "100.00 x 7 % x 2024-01-01 to 2024-01-15 (nominal, year 360)"
        " + 83.25 x 7 % x 2024-01-15 to 2024-02-01 (nominal, year 360)"
        " = 0.529751, rounded half even"
    )
    carried = [line for line in told.lines if line.what == "carried from the one before"]
    assert [(line.instalment, line.amount) for line in carried] == [(2, 27)]


def test_a_loan_late_at_its_end_owes_no_interest_for_the_days_after_it() -> None:
    loan = given(lent(), attended(JULY_1))

    after = [loan.ledger_on(JULY_1 + timedelta(days=days)).rows for days in (1, 400)]
    assert after[0] == after[1]


def test_a_loan_paid_at_once_is_charged_nothing_for_rows_that_never_came_due() -> None:
    late = FeeTerm("LATE", "ON_OVERDUE", 7_00)
    tiers = RatePlan("SCHEDULED", [RateStep(2, Decimal("0.12"))])
    loan = disbursed(
        terms(
            amount=60,
            term_months=6,
            annual_rate=Decimal(0),
            accrual="DAILY_BALANCE",
            fees=[late],
            rate_plan=tiers,
        )
    )

    repay(loan, "P-1", 60, date(2025, 1, 15), known_on=date(2025, 11, 11))

    assert loan.state == "CLOSED"
    assert not loan.fees


@pytest.mark.parametrize("future", ["REAMORTISED", "NEXT_INSTALMENT"])
@pytest.mark.parametrize("scope", [None, "INSTALMENT"])
def test_what_closes_a_loan_with_interest_to_the_next_due_date_closes_it_in_any_order_of_buckets(
    future: str, scope: str | None
) -> None:
    first = ["IN_ADVANCE_PRINCIPAL", "DUE_PRINCIPAL"]
    order = first + [bucket for bucket in BUCKETS if bucket not in first]
    agreed = {"bucket_order": order, "future_money": future, "allocation_scope": scope}
    loan = given(disbursed(terms(accrual="DAILY_BALANCE", settling="TO_NEXT_DUE", **agreed)))
    on = date(2025, 2, 20)

    repay(loan, "P-1", loan.payoff(on), on=on, payoff=True)

    assert (loan.state, loan.unapplied) == ("CLOSED", 0)
