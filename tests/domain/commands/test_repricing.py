"""Loans whose rate follows an index, when the day's run looks at them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.policy import IndexRate, Policies
from domain.base.terms import RatePlan
from domain.commands.repricing import reprice_due
from domain.loan.loan import Loan
from tests.domain.story import act, disbursed, given, kinds, last, recorded, terms

PLAN = RatePlan("INDEXED", [], index="LPR_1Y", margin=Decimal("0.02"), reprice_months=3)
EVER, APR_15, JUL_15 = date(1990, 1, 1), date(2025, 4, 15), date(2025, 7, 15)


def announced(*rates: tuple[str, str, date]) -> Policies:
    found = (IndexRate(name, "LPR_1Y", Decimal(rate), on, None, "test") for name, rate, on in rates)
    return Policies((), (), (), (), index_rates=tuple(found))


def rescheduled(loan: Loan) -> list[Any]:
    return [event for event in recorded(loan) if isinstance(event, Loan.Rescheduled)]


FIRST = ("lpr-1", "0.04", EVER)


def test_each_repricing_date_that_has_come_is_made_up_for() -> None:
    loan = given(disbursed(terms(rate_plan=PLAN)))

    reprice_due(announced(FIRST), loan, act(date(2025, 8, 1)))

    assert [event.effective_on for event in rescheduled(loan)] == [APR_15, JUL_15]


def test_an_index_that_was_corrected_reaches_back_to_its_date() -> None:
    loan = disbursed(terms(rate_plan=PLAN))
    reprice_due(announced(FIRST), loan, act(APR_15))
    loan = given(loan)

    corrected = announced(FIRST, ("lpr-2", "0.03", date(2025, 4, 1)))
    reprice_due(corrected, loan, act(JUL_15))

    first, second = rescheduled(loan)
    assert (first.effective_on, first.policy_version) == (APR_15, "lpr-2")
    assert first.annual_rate == Decimal("0.05")
    assert (second.effective_on, second.corrects) == (JUL_15, None)


def test_an_index_that_says_what_it_said_changes_nothing() -> None:
    loan = disbursed(terms(rate_plan=PLAN))
    reprice_due(announced(FIRST), loan, act(APR_15))
    loan = given(loan)

    reprice_due(announced(FIRST, ("lpr-2", "0.04", date(2025, 4, 1))), loan, act(date(2025, 5, 1)))

    assert kinds(loan) == []


def test_who_asks_a_later_loan_is_told_the_index_that_counts() -> None:
    loan = given(disbursed(terms(rate_plan=PLAN)))

    reprice_due(announced(FIRST), loan, act(APR_15))

    assert last(loan, Loan.Rescheduled).reason == "LPR_1Y at 0.04"
