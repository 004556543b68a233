"""A holiday moves the deadline of a payment, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.base.calendar import BusinessDays
from domain.base.repayment import Repayment
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.refusals import CalendarMissing
from tests.domain.story import JAN_15, act, disburse, disbursed, given, last, signed, terms

CLOSED = BusinessDays(
    "CN",
    weekend=frozenset({5, 6}),
    holidays=frozenset({date(2025, 4, 15), date(2025, 4, 16)}),
    worked=frozenset({date(2025, 2, 15)}),
)
TERMS = terms(calendar="CN", term_months=6)


def test_an_instalment_due_on_a_holiday_may_be_paid_by_the_next_business_day() -> None:
    loan = disbursed(TERMS, business_days=CLOSED)

    rows = last(loan, Loan.Disbursed).schedule
    # 15 February is a Saturday that is worked; 15 and 16 April are holidays.
    assert [(row.due_on.month, row.due_on.day, row.pay_by_on.day) for row in rows] == [
        (2, 15, 15),
        (3, 15, 17),
        (4, 15, 17),
        (5, 15, 15),
        (6, 15, 16),
        (7, 15, 15),
    ]
    assert loan.overdue_since_on is None


def test_lateness_counts_from_the_pay_by_date() -> None:
    loan = given(disbursed(TERMS, business_days=CLOSED), lambda loan: loan.attend(act(JAN_15)))

    loan.attend(act(date(2025, 2, 15)))
    assert loan.overdue_since_on is None
    loan.attend(act(date(2025, 2, 16)))
    assert loan.overdue_since_on == date(2025, 2, 15)


def test_a_holiday_leaves_interest_and_later_due_dates_as_they_are() -> None:
    plain = disbursed(replace(TERMS, calendar=None))
    rolled = disbursed(TERMS, business_days=CLOSED)

    assert [replace(row, pay_by_on=row.due_on) for row in rolled.instalments] == plain.instalments


def test_a_moved_due_date_is_rolled_too() -> None:
    loan = given(disbursed(TERMS, business_days=CLOSED))

    loan.move_due_date(
        act(), instalment=1, due_on=date(2025, 2, 22), reason="asked", business_days=CLOSED
    )

    (moved,) = last(loan, Loan.DueDateMoved).moved
    assert (moved.due_on, moved.pay_by_on) == (date(2025, 2, 22), date(2025, 2, 24))


@pytest.mark.parametrize("known", [None, replace(CLOSED, calendar="US")])
def test_a_contract_with_a_calendar_is_not_paid_out_without_it(known: BusinessDays | None) -> None:
    with pytest.raises(CalendarMissing):
        disburse(signed(TERMS), business_days=known)


def test_a_down_payment_is_paid_on_the_day_of_the_payout() -> None:
    saturday = date(2025, 1, 18)
    asked = replace(TERMS, repayment=Repayment(down_payment=Decimal("0.2")))

    rows = quote(asked, saturday, business_days=CLOSED).instalments

    assert (rows[0].due_on, rows[0].pay_by_on) == (saturday, saturday)
    assert rows[1].pay_by_on == date(2025, 2, 18)
