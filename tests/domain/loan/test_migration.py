"""Running loans that are taken over with their opening balances."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from tests.domain.story import (
    BORROWER_ID,
    LOAN_ID,
    act,
    given,
    happened,
    kinds,
    recorded,
    repaid,
    repay,
    terms,
)

TAKEN_OVER = date(2025, 3, 1)


def row(number: int, due_on: date, principal: int = 100_00, **changes: Any) -> Instalment:
    return Instalment(number, due_on, due_on, principal, 0, 0, **changes)


def migrated(
    *rows: Instalment, unapplied: int = 0, accrues_from: date = TAKEN_OVER, **changes: Any
) -> Loan:
    return Loan.migrate(
        act(TAKEN_OVER),
        LOAN_ID,
        loan_ref="L-1",
        borrower_id=BORROWER_ID,
        origin="old core",
        terms=terms(day_count="ACT/365F", **changes),
        disbursed_on=date(2024, 6, 15),
        accrues_from=accrues_from,
        rows=list(rows),
        unapplied=unapplied,
    )


def test_a_loan_is_taken_over_with_what_is_left_of_it() -> None:
    loan = migrated(row(9, date(2025, 3, 15)), row(10, date(2025, 4, 15)))

    assert recorded(loan) == [
        happened(Loan.Migrated, origin="old core", bucket="M0", overdue_since_on=None)
    ]
    assert (loan.state, loan.balance.principal) == ("ACTIVE", 200_00)


def test_a_loan_taken_over_late_is_as_late_as_it_was() -> None:
    loan = migrated(row(7, date(2025, 1, 15)), row(8, date(2025, 2, 15)))

    assert recorded(loan) == [
        happened(Loan.Migrated, bucket="M2", overdue_since_on=date(2025, 1, 15))
    ]


def test_a_loan_taken_over_is_repaid_like_any_other() -> None:
    loan = given(migrated(row(9, date(2025, 3, 15)), row(10, date(2025, 4, 15))))

    repay(loan, "P-1", 150_00, on=date(2025, 3, 15))

    assert recorded(loan) == [repaid("P-1", 150_00, principal=150_00)]


def test_money_from_before_the_takeover_is_refused() -> None:
    loan = given(migrated(row(9, date(2025, 3, 15))))

    with pytest.raises(no.BeforeDisbursement):
        repay(loan, "P-1", 10_00, on=date(2025, 2, 28), known_on=TAKEN_OVER)


def test_penalty_on_an_instalment_taken_over_runs_on_what_is_left_of_it() -> None:
    loan = given(
        migrated(row(8, date(2025, 2, 15), principal_paid=40_00), penalty_rate=Decimal("0.365"))
    )

    # 60.00 at 0.1 % a day for 20 days.
    assert loan.payoff(date(2025, 3, 7)) == 60_00 + 1_20


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(2, date(2025, 4, 15)), row(3, date(2025, 3, 15))],
        [row(2, date(2025, 3, 15)), row(3, date(2025, 3, 15))],
        [row(2, date(2025, 3, 15)), row(4, date(2025, 4, 15))],
        [row(2, date(2025, 3, 15), principal_paid=100_01)],
        [row(2, date(2025, 3, 15), principal_paid=-1)],
        [row(2, date(2025, 3, 15), interest_paid=1)],
        [row(2, date(2025, 3, 15), penalty_paid=-1)],
        [row(2, date(2025, 3, 15)), row(3, date(2025, 4, 15), principal=-1)],
        [row(2, date(2025, 3, 15), principal=0)],
        [row(2, date(2025, 3, 15), principal=1_000_01)],
    ],
)
def test_opening_balances_that_contradict_each_other_are_refused(rows: list[Instalment]) -> None:
    with pytest.raises(no.OpeningNotSound):
        migrated(*rows)


def test_a_loan_taken_over_needs_attention_by_the_rules_of_any_other() -> None:
    loan = given(migrated(row(9, date(2025, 3, 15))))

    loan.attend(act(date(2025, 3, 16)))

    assert kinds(loan) == [Loan.WentOverdue, Loan.BucketChanged]


def test_credit_taken_over_is_used_with_the_next_payment() -> None:
    loan = given(migrated(row(9, date(2025, 3, 15)), unapplied=30_00))

    repay(loan, "P-1", 60_00, on=date(2025, 3, 15))

    assert recorded(loan) == [repaid("P-1", 60_00, principal=90_00, unapplied=-30_00)]
    assert loan.unapplied == 0


def test_credit_taken_over_counts_when_the_loan_is_closed_early() -> None:
    loan = given(migrated(row(9, date(2025, 3, 15)), row(10, date(2025, 4, 15)), unapplied=30_00))

    assert loan.payoff(TAKEN_OVER) == 170_00
    repay(loan, "P-1", 170_00, on=TAKEN_OVER, payoff=True)

    assert kinds(loan) == [Loan.Repaid, Loan.Settled, Loan.Closed]


def test_a_loan_is_not_taken_over_with_less_than_no_credit() -> None:
    with pytest.raises(no.OpeningNotSound):
        migrated(row(9, date(2025, 3, 15)), unapplied=-1)


def test_a_loan_is_not_taken_over_from_the_future() -> None:
    with pytest.raises(no.OpeningNotSound):
        migrated(row(9, date(2025, 4, 15)), accrues_from=date(2025, 3, 2))
