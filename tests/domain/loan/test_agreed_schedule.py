"""Instalments that lender and borrower agree on for one loan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.base.repayment import AgreedRow
from domain.loan.loan import Loan
from domain.loan.refusals import ScheduleNotSound
from domain.product.product import Offer, OwnScheduleNotOffered
from infra.store import from_snapshot, to_snapshot
from tests.domain import story
from tests.domain.commands.books import OFFER
from tests.domain.story import JAN_15, state

ROWS = [
    AgreedRow(date(2025, 4, 1), 100_00),
    AgreedRow(date(2025, 9, 30), 0),
    AgreedRow(date(2025, 12, 1), 900_00),
]


def lent(offer: Offer, rows: list[AgreedRow] = ROWS) -> Loan:
    """A loan of 1,000.00 on rows of its own, paid out."""
    terms = offer.agreed(rows).terms(1_000_00, 12, Decimal("0.06"))
    loan = story.applied(terms)
    story.approve(loan, terms, rows=rows)
    story.disclose(loan, terms)
    story.sign(loan, terms)
    story.disburse(loan)
    return loan


def offered(**changes: object) -> Offer:
    return replace(OFFER, day_count="ACT/365F", term_months_max=12, own_schedule=True, **changes)  # type: ignore[arg-type]


def test_principal_comes_back_as_agreed_and_interest_with_each_row() -> None:
    loan = lent(offered())

    assert [(row.due_on, row.principal) for row in loan.instalments if row.number] == [
        (row.due_on, row.principal) for row in ROWS
    ]
    # 76 days on 1,000.00, 182 and 62 on 900.00, at 6 %.
    assert [row.interest for row in loan.instalments if row.number] == [12_49, 26_93, 9_17]


def test_a_loan_on_rows_of_its_own_is_paid_to_its_end() -> None:
    loan = lent(offered())

    for row in list(loan.instalments):
        if row.left:
            story.repay(loan, f"P-{row.number}", row.left, row.due_on)

    assert loan.state == "CLOSED"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [AgreedRow(date(2025, 4, 1), 999_99)],
        [AgreedRow(date(2025, 4, 1), 1_000_01)],
        [AgreedRow(JAN_15, 1_000_00)],
        [AgreedRow(date(2025, 4, 1), 500_00), AgreedRow(date(2025, 4, 1), 500_00)],
        [AgreedRow(date(2025, 4, 1), 1_100_00), AgreedRow(date(2025, 5, 1), -100_00)],
        [AgreedRow(date(2025, 4, 1), 1_000_00), AgreedRow(date(2025, 5, 1), 0)],
    ],
)
def test_rows_that_do_not_repay_the_loan_in_order_are_refused(rows: list[AgreedRow]) -> None:
    loan = story.applied()

    with pytest.raises(ScheduleNotSound):
        story.approve(loan, rows=rows)


def test_a_product_with_one_schedule_for_all_takes_no_other() -> None:
    with pytest.raises(OwnScheduleNotOffered):
        OFFER.agreed(ROWS)


def test_what_was_agreed_is_kept_in_a_snapshot() -> None:
    loan = story.applied()
    story.approve(loan, rows=ROWS)

    again = from_snapshot(Loan, loan.id, loan.version, to_snapshot(loan))

    assert state(again) == state(loan)
