"""Loans that are paid out in several payouts, planned in the contract."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import FeeTerm, PlannedDraw, Terms
from domain.loan import refusals as no
from domain.loan.cost import annualised_cost, cash_flows, digest
from domain.loan.cost_so_far import annualised, moved_and_to_come
from domain.loan.explain import explain
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.schedule import schedule
from tests.domain.story import (
    JAN_15,
    applied,
    approve,
    disburse,
    disbursed,
    draw,
    given,
    repay,
    signed,
    terms,
)

MAR_1 = date(2025, 3, 1)
APR_1 = date(2025, 4, 1)
PLAN = [PlannedDraw(MAR_1, 400_00)]
BOTH = pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])


def in_tranches(**changes: Any) -> Terms:
    """1,000.00 at 12 % over six months, 600.00 at once and 400.00 on the first of March."""
    fields: dict[str, Any] = {
        "amount": 1_000_00,
        "term_months": 6,
        "annual_rate": Decimal("0.12"),
        "draws": PLAN,
        **changes,
    }
    return terms(**fields)


def rows(loan: Loan, on: date) -> list[tuple[int, int]]:
    return [(row.principal, row.interest) for row in loan.rows_on(on)]


@BOTH
def test_the_first_payout_is_what_the_plan_leaves_and_bears_interest_alone(
    accrual: str | None,
) -> None:
    loan = given(disbursed(in_tranches(accrual=accrual)))

    assert loan.balance.principal == 600_00
    # A month of 12 % on 600.00.
    assert loan.rows_on(JAN_15)[0].interest == 6_00


def test_paid_out_as_planned_the_instalments_are_those_that_were_disclosed() -> None:
    agreed = in_tranches()
    loan = given(disbursed(agreed))
    repay(loan, "P-1", loan.rows_on(date(2025, 2, 15))[0].left, on=date(2025, 2, 15))

    draw(loan, "D-2", 400_00, MAR_1)

    planned = [(row.principal, row.interest) for row in schedule(agreed, JAN_15)]
    assert rows(loan, MAR_1) == planned
    assert sum(principal for principal, _ in planned) == 1_000_00


@BOTH
def test_a_payout_that_comes_later_bears_interest_from_its_own_day(accrual: str | None) -> None:
    agreed = in_tranches(accrual=accrual, method="EQUAL_PRINCIPAL")
    on_time, late = given(disbursed(agreed)), given(disbursed(agreed))
    for loan in (on_time, late):
        for number, day in enumerate((date(2025, 2, 15), date(2025, 3, 15)), start=1):
            if loan is on_time and number == 2:
                draw(loan, "D-2", 400_00, MAR_1)
            repay(loan, f"P-{number}", loan.rows_on(day)[number - 1].left, on=day)

    draw(late, "D-2", 400_00, APR_1)

    assert sum(principal for principal, _ in rows(late, APR_1)) == 1_000_00
    assert sum(interest for _, interest in rows(late, APR_1)) < sum(
        interest for _, interest in rows(on_time, APR_1)
    )


@BOTH
def test_a_payout_that_never_comes_is_never_owed(accrual: str | None) -> None:
    loan = given(disbursed(in_tranches(accrual=accrual)))
    days = [row.due_on for row in loan.instalments]

    for number, day in enumerate(days, start=1):
        owed = loan.rows_on(day)[number - 1].left
        if owed:
            repay(loan, f"P-{number}", owed, on=day)

    assert sum(split.principal for split in loan.splits.values()) == 600_00
    assert loan.balance.principal == 0


@BOTH
def test_no_more_is_paid_out_in_all_than_the_contract_lends(accrual: str | None) -> None:
    loan = given(disbursed(in_tranches(accrual=accrual)))
    repay(loan, "P-1", loan.rows_on(date(2025, 2, 15))[0].left, on=date(2025, 2, 15))

    with pytest.raises(no.LimitExceeded):
        draw(loan, "D-2", 400_01, MAR_1)
    draw(loan, "D-3", 400_00, MAR_1)
    with pytest.raises((no.DrawNotOffered, no.LimitExceeded)):
        draw(loan, "D-4", 1, date(2025, 3, 2))


@BOTH
def test_a_planned_payout_may_come_in_two(accrual: str | None) -> None:
    loan = given(disbursed(in_tranches(accrual=accrual)))
    repay(loan, "P-1", loan.rows_on(date(2025, 2, 15))[0].left, on=date(2025, 2, 15))

    draw(loan, "D-2", 150_00, MAR_1)
    draw(loan, "D-3", 250_00, date(2025, 3, 10))

    assert sum(principal for principal, _ in rows(loan, date(2025, 3, 10))) == 1_000_00


def test_an_earlier_payout_uses_up_the_plan_by_the_balance_of_each_day() -> None:
    loan = given(disbursed(in_tranches(accrual="DAILY_BALANCE")))

    draw(loan, "D-2", 400_00, date(2025, 2, 1))

    assert loan.balance.principal == 1_000_00
    assert sum(principal for principal, _ in rows(loan, date(2025, 2, 1))) == 1_000_00


def test_the_first_payout_comes_before_the_second() -> None:
    loan = signed(in_tranches(draws=[PlannedDraw(date(2025, 1, 20), 400_00)]))

    with pytest.raises(no.DrawsNotSound, match="comes before"):
        disburse(loan, on=date(2025, 1, 20))


@pytest.mark.parametrize("withheld", [None, True])
def test_a_charge_too_small_for_the_first_payout_is_that_of_the_whole_amount(
    withheld: bool | None,
) -> None:
    opening = FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, Decimal("0.015"), withheld=withheld)
    # One and a half percent of 34 rounds to one minor unit, that of 24 to none.
    agreed = in_tranches(amount=34, draws=[PlannedDraw(MAR_1, 10)], fees=[opening])

    loan = given(disbursed(agreed))

    assert (loan.instalments[0].number, loan.instalments[0].fees) == (0, 1)
    assert loan.instalments[0].fees_paid == (1 if withheld else 0)


def test_what_is_charged_beside_what_is_withheld_is_owed_however_small_the_first_payout() -> None:
    fees = [
        FeeTerm("ENTRY", "AT_DISBURSEMENT", 0, None, Decimal("0.06"), withheld=True),
        FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, Decimal("0.015")),
    ]
    agreed = in_tranches(amount=34, draws=[PlannedDraw(MAR_1, 10)], fees=fees)

    loan = given(disbursed(agreed))

    first = loan.instalments[0]
    assert (first.fees, first.fees_paid, first.left, first.paid_on) == (3, 2, 1, None)


def test_its_cost_counts_each_payout_on_its_own_day() -> None:
    agreed = in_tranches()

    flows = cash_flows(agreed, JAN_15, schedule(agreed, JAN_15))

    lent = [(flow.on, flow.amount) for flow in flows if flow.amount > 0]
    assert lent == [(JAN_15, 600_00), (MAR_1, 400_00)]
    # Nothing but interest at 12 % is paid.
    irr = next(cost for cost in quote(agreed, JAN_15).costs if cost.method == "IRR")
    assert irr.rate is not None and abs(irr.rate - Decimal("0.12")) < Decimal("0.002")
    assert quote(agreed, JAN_15).paid_out == 600_00


def test_terms_with_other_payouts_are_other_terms() -> None:
    assert digest(in_tranches()) != digest(in_tranches(draws=None))


@pytest.mark.parametrize(
    "draws",
    [
        [],
        [PlannedDraw(JAN_15, 100_00)],
        [PlannedDraw(MAR_1, 1_000_00)],
        [PlannedDraw(APR_1, 100_00), PlannedDraw(MAR_1, 100_00)],
    ],
)
def test_payouts_that_do_not_follow_each_other_or_leave_nothing_are_not_approved(
    draws: list[PlannedDraw],
) -> None:
    loan = given(applied())

    with pytest.raises(no.DrawsNotSound):
        approve(loan, draws=draws)


@BOTH
def test_each_figure_of_it_is_the_sum_of_its_explained_parts(accrual: str | None) -> None:
    loan = disbursed(in_tranches(accrual=accrual))
    repay(loan, "P-1", loan.rows_on(date(2025, 2, 15))[0].left, on=date(2025, 2, 15))
    draw(loan, "D-2", 400_00, MAR_1)

    history: list[Any] = list(loan.pending_events)
    for day in (date(2025, 2, 1), MAR_1, APR_1):
        told = explain(history, day)

        assert told is not None and told.stood.balance is not None
        owed = told.stood.balance
        parts = {figure: told.total(figure) for figure in ("principal", "interest", "fees")}
        assert parts == {"principal": owed.principal, "interest": owed.interest, "fees": owed.fees}


def test_what_it_costs_so_far_counts_what_was_paid_out() -> None:
    loan = given(disbursed(in_tranches()))
    whole = given(disbursed(in_tranches(amount=600_00, draws=None)))

    assert cost_on(loan, JAN_15) == cost_on(whole, JAN_15)
    repay(loan, "P-1", loan.rows_on(date(2025, 2, 15))[0].left, on=date(2025, 2, 15))
    draw(loan, "D-2", 400_00, MAR_1)
    disclosed = annualised_cost(cash_flows(in_tranches(), JAN_15, schedule(in_tranches(), JAN_15)))
    assert cost_on(loan, MAR_1) == disclosed


def cost_on(loan: Loan, on: date) -> Decimal | None:
    return annualised(moved_and_to_come(loan, loan.ledger_on(on), on))
