"""A pay day that was moved, and relief, whichever became known first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.base.calendar import BusinessDays, on_day
from domain.base.repayment import AgreedRow, Repayment
from domain.base.terms import Conversion, RatePlan, RateStep, Terms
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.timetable import days_after
from tests.domain import story
from tests.domain.story import JAN_15, act, terms

FEB_20, MAR_1, MAR_20, MAY_1 = (
    date(2025, 2, 20),
    date(2025, 3, 1),
    date(2025, 3, 20),
    date(2025, 5, 1),
)
PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
LOANS = {
    "scheduled": terms(),
    "daily balance": terms(accrual="DAILY_BALANCE"),
    "interest only": terms(method="INTEREST_ONLY"),
    "bullet": terms(method="BULLET"),
    "bullet by the day": terms(method="BULLET", accrual="DAILY_BALANCE"),
    "quarters": terms(frequency="QUARTER"),
}


def agree(loan: Loan, kind: str, on: date, known_on: date = MAY_1, **asked: Any) -> None:
    agreed = Agreement(kind, **asked)
    loan.reschedule(act(known_on), agreed=agreed, reason="lost work", on=on, **PEOPLE)


def extend(loan: Loan, on: date, instalments: int = 2) -> None:
    agree(loan, "EXTENSION", on, instalments=instalments)


def move_pay_day(loan: Loan, day: int, on: date, **changes: Any) -> None:
    """From the first instalment on that is not over."""
    number = next(row.number for row in loan.instalments if row.due_on > on)
    story.pay_day_moved(number, day, on, MAY_1, **{**PEOPLE, **changes})(loan)


def due(loan: Loan) -> list[tuple[int, date, int, int]]:
    return [(row.number, row.due_on, row.principal, row.interest) for row in loan.instalments]


def owing(loan: Loan) -> list[date]:
    return [row.due_on for row in loan.instalments if row.principal + row.interest]


def test_a_bullet_whose_pay_day_moved_is_extended_to_that_day() -> None:
    loan = story.disbursed(terms(method="BULLET"))
    move_pay_day(loan, 25, FEB_20)

    extend(loan, MAR_20, 2)

    assert owing(loan)[-1] == date(2026, 3, 25)


def test_a_bullet_without_a_moved_pay_day_is_extended_by_whole_months_from_its_payout() -> None:
    loan = story.disbursed(terms(method="BULLET"), on=date(2025, 1, 31))
    extend(loan, MAR_20, 1)

    assert owing(loan)[-1] == date(2026, 2, 28)

    extend(loan, MAR_20, 1)

    assert owing(loan)[-1] == date(2026, 3, 31)


def test_a_bullet_whose_first_month_is_longer_is_extended_from_its_own_due_date() -> None:
    loan = story.signed(terms(method="BULLET"))
    story.disburse(loan, first_due_on=MAR_1)
    assert owing(loan) == [date(2026, 2, 1)]

    extend(loan, MAR_20, 1)

    assert owing(loan)[-1] == date(2026, 3, 1)


@pytest.mark.parametrize("terms", LOANS.values(), ids=LOANS)
@pytest.mark.parametrize("day", [1, 10, 25, 31])
@pytest.mark.parametrize(("moved_on", "extended_on"), [(FEB_20, MAR_20), (MAR_20, FEB_20)])
def test_a_pay_day_and_an_extension_are_the_same_whichever_became_known_first(
    terms: Terms, day: int, moved_on: date, extended_on: date
) -> None:
    moved_first, extended_first = story.disbursed(terms), story.disbursed(terms)

    move_pay_day(moved_first, day, moved_on)
    extend(moved_first, extended_on)
    extend(extended_first, extended_on)
    move_pay_day(extended_first, day, moved_on)

    assert moved_first.instalments == extended_first.instalments
    last = moved_first.instalments[-1].due_on
    assert last == on_day(last, day)


@pytest.mark.parametrize("terms", LOANS.values(), ids=LOANS)
@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("DEFERRAL", {"instalments": 1}),
        ("REAGEING", {"instalments": 2}),
        ("MORATORIUM", {"free_from": date(2025, 4, 1), "free_until": date(2025, 5, 20)}),
    ],
)
def test_a_new_pay_day_moves_what_is_granted_before_it_and_found_later(
    terms: Terms, kind: str, asked: dict[str, Any]
) -> None:
    in_order, the_other_way = story.disbursed(terms), story.disbursed(terms)

    agree(in_order, kind, FEB_20, **asked)
    move_pay_day(in_order, 25, MAR_1)
    move_pay_day(the_other_way, 25, MAR_1)
    agree(the_other_way, kind, FEB_20, **asked)

    assert due(in_order) == due(the_other_way)


def test_quarters_keep_their_months_when_the_pay_day_moves_to_the_last_of_the_month() -> None:
    loan = story.disbursed(terms(frequency="QUARTER"), on=date(2024, 11, 15))
    move_pay_day(loan, 31, date(2025, 1, 20))

    extend(loan, MAR_20, 2)

    assert [row.due_on for row in loan.instalments] == [
        date(2025, 2, 28),
        date(2025, 5, 31),
        date(2025, 8, 31),
        date(2025, 11, 30),
        date(2026, 2, 28),
        date(2026, 5, 31),
    ]


def test_of_two_new_pay_days_the_later_one_stands_for_what_is_laid_after_it() -> None:
    loan = story.disbursed()
    move_pay_day(loan, 25, MAR_20)
    move_pay_day(loan, 5, FEB_20)

    extend(loan, date(2025, 4, 20), 1)

    assert loan.instalments[-1].due_on == date(2026, 2, 25)


@pytest.mark.parametrize("method", ["INTEREST_ONLY", "BULLET"])
@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
@pytest.mark.parametrize(
    ("day", "first"), [(10, date(2025, 2, 10)), (25, date(2025, 2, 25)), (31, date(2025, 2, 28))]
)
def test_what_is_converted_before_the_first_instalment_begins_on_the_moved_pay_day(
    method: str, accrual: str | None, day: int, first: date
) -> None:
    jan_20 = date(2025, 1, 20)
    loan = story.disbursed(
        terms(method=method, accrual=accrual, conversion=Conversion(12, 20, when_past_due=True))
    )
    story.pay_day_moved(1, day, JAN_15, **PEOPLE)(loan)
    loan.offer_conversion(act(jan_20), count=3)
    loan.convert(act(jan_20), consent_ref="CONSENT")

    months = [on for on in owing(loan) if on > jan_20]
    assert months[0] == first
    assert [on.month for on in months] == [2, 3, 4]
    assert months[1].day == day


def test_days_that_can_be_paid_later_are_known_for_both_pay_days() -> None:
    weekdays = BusinessDays("CN", frozenset({5, 6}), frozenset())
    rolls = terms(calendar="CN")
    in_order = story.disbursed(rolls, business_days=weekdays)
    the_other_way = story.disbursed(rolls, business_days=weekdays)

    def extended(loan: Loan) -> None:
        loan.reschedule(
            act(MAY_1),
            agreed=Agreement("EXTENSION", instalments=3),
            reason="lost work",
            on=FEB_20,
            pay_by=weekdays.on_or_after,
            **PEOPLE,
        )

    extended(in_order)
    move_pay_day(in_order, 25, MAR_1, business_days=weekdays)
    move_pay_day(the_other_way, 25, MAR_1, business_days=weekdays)
    extended(the_other_way)

    assert in_order.instalments == the_other_way.instalments
    assert all(row.pay_by_on == weekdays.on_or_after(row.due_on) for row in in_order.instalments)
    assert any(row.pay_by_on != row.due_on for row in in_order.instalments[12:])


def test_rows_agreed_on_anew_before_a_new_pay_day_and_found_later_have_that_day() -> None:
    own = terms(method="CUSTOM", term_months=3, repayment=Repayment(shares=[30, 30, 40]))
    agreed = [AgreedRow(date(2025, month, 8), 500_00) for month in (6, 8)]
    in_order, the_other_way = story.disbursed(own), story.disbursed(own)
    day = timedelta(days=1)

    agree(in_order, "EXTENSION", JAN_15 + day, rows=agreed)
    story.pay_day_moved(1, 25, JAN_15 + 2 * day, **PEOPLE)(in_order)
    story.pay_day_moved(1, 25, JAN_15 + 2 * day, **PEOPLE)(the_other_way)
    agree(the_other_way, "EXTENSION", JAN_15 + day, rows=agreed)

    assert due(in_order) == due(the_other_way)
    assert owing(in_order) == [date(2025, 6, 25), date(2025, 8, 25)]


def test_the_days_of_a_bullet_go_back_from_its_own_due_date() -> None:
    begins, ends = date(2025, 2, 1), date(2026, 1, 31)

    days = days_after(terms(method="BULLET"), begins, ends, begins, 3)

    assert days == [date(2025, 2, 28), date(2025, 3, 31), date(2025, 4, 30)]


def test_two_new_pay_days_move_the_same_empty_instalments_in_whatever_order_they_are_known() -> (
    None
):
    # One minor unit over six months: five instalments have nothing to pay.
    one = terms(amount=1, term_months=6, annual_rate=Decimal(0))
    first, second = (1, 1, JAN_15), (5, 10, date(2025, 6, 1))
    in_order, the_other_way = story.disbursed(one), story.disbursed(one)

    for number, day, on in (first, second):
        story.pay_day_moved(number, day, on, date(2025, 12, 1), **PEOPLE)(in_order)
    for number, day, on in (second, first):
        story.pay_day_moved(number, day, on, date(2025, 12, 1), **PEOPLE)(the_other_way)

    assert due(in_order) == due(the_other_way)
    assert [day for _, day, _, _ in due(in_order)[4:]] == [date(2025, 6, 1), date(2025, 7, 10)]


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_step_of_the_rate_keeps_its_day_when_the_pay_day_moves(accrual: str | None) -> None:
    plan = RatePlan("SCHEDULED", [RateStep(2, Decimal("0.12"))])
    promoted = terms(
        amount=669, term_months=2, annual_rate=Decimal(0), rate_plan=plan, accrual=accrual,
        penalty_multiple=Decimal("1.5"),
    )  # fmt: skip
    loans = [story.disbursed(promoted) for _ in range(2)]
    later, feb_4 = date(2025, 12, 1), date(2025, 2, 4)

    story.pay_day_moved(1, 1, JAN_15 + timedelta(days=1), later, **PEOPLE)(loans[0])
    story.repay(loans[0], "P-1", 1, feb_4, later)
    story.repay(loans[1], "P-1", 1, feb_4, later)
    story.pay_day_moved(1, 1, JAN_15 + timedelta(days=1), later, **PEOPLE)(loans[1])

    # The dearer rate, and so any penalty, begins on the sixteenth of February.
    assert loans[0].splits == loans[1].splits
    assert loans[0].splits["P-1"].penalty == 0
