"""Day counts that need the row they count in, or a calendar."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import CountedDays, Terms
from domain.loan.elapsed import elapsed
from domain.loan.explain import FIGURES, explain
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.schedule import schedule
from domain.loan.timetable import TermsNotOffered
from tests.domain import story
from tests.domain.story import JAN_15, act, repay, terms

ROUND = {"amount": 100_000_00, "method": "INTEREST_ONLY", "term_months": 6}
SPRING = CountedDays(
    [5, 6],
    [date(2025, 1, day) for day in (28, 29, 30, 31)] + [date(2025, 2, 3), date(2025, 2, 4)],
    [date(2025, 1, 26), date(2025, 2, 8)],
)


def icma(**changes: Any) -> Terms:
    return terms(**{**ROUND, "day_count": "ACT/ACT ICMA", **changes})


def interest(lent: Terms, first_due_on: date | None = None) -> list[int]:
    return [row.interest for row in schedule(lent, JAN_15, first_due_on)]


def test_a_regular_row_of_icma_is_its_part_of_a_year_whatever_its_days() -> None:
    assert interest(icma()) == [500_00] * 6
    assert interest(icma(frequency="QUARTER")) == [1_500_00] * 2


def test_rows_of_icma_that_end_with_their_months_are_regular() -> None:
    rows = schedule(icma(), date(2025, 1, 31))

    assert [row.interest for row in rows] == [500_00] * 6


def test_a_long_first_row_of_icma_counts_in_the_periods_that_would_be_before_it() -> None:
    # 15 January to 28 February: 13 days of 31 until the 28th, and a whole month.
    assert interest(icma(), date(2025, 2, 28))[0] == round(500_00 * (1 + Decimal(13) / 31))


def test_a_short_first_row_of_icma_is_a_part_of_its_period() -> None:
    # 15 to 31 January: 16 days of 31.
    assert interest(icma(), date(2025, 1, 31))[0] == round(500_00 * Decimal(16) / 31)


def test_a_bullet_by_icma_is_as_many_periods_as_it_has_months() -> None:
    assert interest(icma(method="BULLET", term_months=12)) == [6_000_00]


def test_a_loan_by_icma_that_is_paid_off_owes_a_part_of_its_row() -> None:
    loan = story.disbursed(icma())

    # 15 days of the 31 of the first row.
    assert loan.payoff(date(2025, 1, 30)) == 100_000_00 + round(500_00 * Decimal(15) / 31)


def test_icma_goes_with_months_and_quarters() -> None:
    with pytest.raises(TermsNotOffered, match="months or quarters"):
        schedule(icma(frequency="WEEK"), JAN_15)


def test_under_one_to_one_each_row_bears_the_whole_rate() -> None:
    lent = terms(**{**ROUND, "day_count": "1/1", "annual_rate": Decimal("0.005")})

    assert interest(lent) == [500_00] * 6


def test_equal_instalments_by_one_to_one_are_equal() -> None:
    rows = schedule(terms(day_count="1/1", annual_rate=Decimal("0.005")), JAN_15)

    assert {row.principal + row.interest for row in rows[:-1]} == {86_07}
    assert rows[-1].principal + rows[-1].interest == 86_03


def test_business_days_are_those_of_the_contract() -> None:
    lent = terms(**{**ROUND, "day_count": "BUS/252", "counted": SPRING})
    of_each_week = terms(**{**ROUND, "day_count": "BUS/252"})

    # 15 January to 15 February: 23 weekdays, less six holidays, and two days worked.
    assert elapsed(of_each_week, JAN_15, date(2025, 2, 15)) == Decimal(23) / 252
    assert elapsed(lent, JAN_15, date(2025, 2, 15)) == Decimal(19) / 252
    assert interest(lent)[0] == round(6_000_00 * Decimal(19) / 252)


def test_a_penalty_under_business_days_rests_on_the_weekend() -> None:
    loan = story.disbursed(terms(term_months=1, day_count="BUS/252", penalty_rate=Decimal("0.252")))

    def penalty(on: date) -> int:
        return loan.ledger_on(on).balance(on).penalty

    # It is due on Saturday, 15 February.
    assert penalty(date(2025, 2, 17)) == 0
    assert (penalty(date(2025, 2, 18)), penalty(date(2025, 2, 24))) == (1_00, 5_00)


@pytest.mark.parametrize("day_count", ["ACT/ACT ICMA", "1/1", "BUS/252"])
def test_a_loan_that_counts_in_rows_is_serviced_and_explained(day_count: str) -> None:
    loan = story.disbursed(terms(day_count=day_count, penalty_rate=Decimal("0.1")))
    repay(loan, "P-1", 86_07, date(2025, 2, 15))
    loan.reschedule(
        act(date(2025, 2, 20)),
        agreed=Agreement("EXTENSION", annual_rate=Decimal("0.004"), instalments=2),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )
    _adds_up(loan, date(2025, 5, 1))
    repay(loan, "P-2", loan.payoff(date(2025, 6, 1)), date(2025, 6, 1), payoff=True)
    _adds_up(loan, date(2025, 6, 1))

    assert loan.state == "CLOSED"


def _adds_up(loan: Loan, on: date) -> None:
    events: list[Any] = list(loan.pending_events)
    found = explain(events, on)
    assert found is not None and found.stood.balance is not None
    owed = vars(found.stood.balance)
    told = {figure: found.total(figure) for figure in FIGURES}
    assert told == {**{name: owed[name] for name in FIGURES[:4]}, "credit": owed["unapplied"]}


def test_an_explanation_by_business_days_says_how_many_there_were() -> None:
    loan = story.disbursed(terms(term_months=1, day_count="BUS/252", counted=SPRING))
    events: list[Any] = list(loan.pending_events)

    found = explain(events, JAN_15)

    assert found is not None
    [line] = [line for line in found.lines if line.figure == "interest" and line.amount]
    assert "BUS/252 from 2025-01-15 to 2025-02-15 (19 business days)" in str(line.formula)
