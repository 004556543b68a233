"""Instalments that lender and borrower agree on for one loan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.repayment import AgreedRow
from domain.loan.layout import PlanImpossible
from domain.loan.loan import Loan
from domain.loan.refusals import NothingChanges, ScheduleNotSound
from domain.loan.relief import Agreement
from domain.product.product import Offer, OwnScheduleNotOffered
from infra.store import from_snapshot, to_snapshot
from tests.domain import story
from tests.domain.commands.books import OFFER
from tests.domain.story import JAN_15, act, state

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


# --- relief -----------------------------------------------------------------------------

MAY_10 = date(2025, 5, 10)
LATER = [
    AgreedRow(date(2025, 11, 30), 200_00),
    AgreedRow(date(2026, 2, 28), 0),
    AgreedRow(date(2026, 4, 30), 700_00),
]


def granted(
    loan: Loan, kind: str, rows: list[AgreedRow] | None, on: date = MAY_10, **asked: Any
) -> None:
    loan.reschedule(
        act(max(on, MAY_10)),
        agreed=Agreement(kind, rows=rows, **asked),
        reason="a poor harvest",
        requested_by="officer",
        approved_by="manager",
        on=on,
    )


def to_come(loan: Loan) -> list[AgreedRow]:
    return [AgreedRow(row.due_on, row.principal) for row in loan.instalments if row.due_on > MAY_10]


def begun() -> Loan:
    """The loan with its first row paid."""
    loan = lent(offered())
    first = next(row for row in loan.instalments if row.principal)
    story.repay(loan, "P-1", first.left, first.due_on)
    return loan


@pytest.mark.parametrize("kind", ["EXTENSION", "DEFERRAL"])
def test_what_is_left_of_an_agreed_schedule_is_laid_on_rows_that_are_agreed_on_anew(
    kind: str,
) -> None:
    loan = begun()

    granted(loan, kind, LATER)

    assert to_come(loan) == LATER
    # 243, 90 and 61 days on 900.00, 700.00 and 700.00, at 6 %.
    assert [row.interest for row in loan.instalments if row.due_on > MAY_10] == [35_95, 10_36, 7_02]
    assert list(loan.reliefs.values()) == [kind]


def test_fewer_rows_leave_the_others_empty_and_more_rows_use_them_again() -> None:
    loan = begun()

    granted(loan, "EXTENSION", [AgreedRow(date(2026, 3, 31), 900_00)])
    fewer = [row for row in loan.instalments if row.due_on > MAY_10 and row.left]
    granted(loan, "EXTENSION", LATER, on=date(2025, 5, 20))

    assert [row.principal for row in fewer] == [900_00]
    assert to_come(loan) == LATER


def test_a_moratorium_on_an_agreed_schedule_takes_rows_that_fall_due_after_it() -> None:
    loan = begun()
    free = {"free_from": date(2025, 6, 1), "free_until": date(2025, 9, 30)}

    with pytest.raises(ScheduleNotSound):
        granted(loan, "MORATORIUM", [AgreedRow(date(2025, 9, 1), 900_00)], **free)
    granted(loan, "MORATORIUM", LATER, **free)

    assert to_come(loan) == LATER
    # 122 of its 243 days bear none.
    assert next(row.interest for row in loan.instalments if row.due_on > MAY_10) == 17_90


def test_what_is_overdue_of_an_agreed_schedule_is_laid_on_new_rows_too() -> None:
    loan = lent(offered())
    owed = 1_000_00 + 12_49

    granted(loan, "REAGEING", [AgreedRow(date(2026, 1, 31), owed)])

    assert loan.bucket == "M0"
    assert [row.principal for row in loan.instalments if row.left] == [owed]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("EXTENSION", LATER[:1]),
        ("EXTENSION", [AgreedRow(MAY_10, 900_00)]),
        ("EXTENSION", LATER[::-1]),
        ("DEFERRAL", []),
    ],
)
def test_rows_that_do_not_repay_what_is_left_in_order_are_refused(
    kind: str, rows: list[AgreedRow]
) -> None:
    loan = begun()

    with pytest.raises(ScheduleNotSound):
        granted(loan, kind, rows)


def test_a_loan_on_the_schedule_of_its_product_takes_a_number_and_no_rows() -> None:
    loan = story.disbursed()

    with pytest.raises(NothingChanges, match="say how many"):
        granted(loan, "EXTENSION", [AgreedRow(date(2026, 3, 31), 1_000_00)])


def test_a_number_of_instalments_on_an_agreed_schedule_asks_for_its_rows() -> None:
    loan = begun()

    with pytest.raises(PlanImpossible, match="name the instalments"):
        granted(loan, "DEFERRAL", None, instalments=1)


def test_rows_agreed_on_anew_stand_whichever_relief_became_known_first() -> None:
    in_order, the_other_way = begun(), begun()
    first = [AgreedRow(date(2025, 10, 31), 300_00), AgreedRow(date(2026, 1, 31), 600_00)]

    granted(in_order, "DEFERRAL", first, on=date(2025, 4, 20))
    granted(in_order, "EXTENSION", LATER)
    granted(the_other_way, "EXTENSION", LATER)
    granted(the_other_way, "DEFERRAL", first, on=date(2025, 4, 20))

    assert in_order.instalments == the_other_way.instalments


def test_a_payment_in_advance_that_is_found_late_stays_beside_the_agreed_rows() -> None:
    loan = begun()
    granted(loan, "EXTENSION", LATER)

    story.repay(loan, "P-2", 400_00, date(2025, 4, 20), MAY_10)

    assert sum(row.principal for row in loan.instalments) == 1_000_00
    days = [row.due_on for row in loan.instalments]
    assert days == sorted(days)
    assert loan._rerun(loan.facts).rows == loan.instalments
