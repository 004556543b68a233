"""Loans in money without a minor unit, and with three decimals, from quote to the end."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.money import minor_units, written
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, Terms
from domain.loan.explain import explain
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.state import LoanState
from projections import portfolio, reminders, statement, summary
from tests.domain import story
from tests.domain.story import JAN_15, act, given, recorded, terms
from tests.projections.rows import rows_after

FEE = FeeTerm("ACCOUNT", "PER_INSTALMENT", 0, percent=Decimal("0.001"), base="PRINCIPAL")
LATE = FeeTerm("LATE", "ON_OVERDUE", 0, percent=Decimal("0.01"), base="PRINCIPAL_AND_INTEREST")

YEN = terms(currency="JPY", amount=minor_units("1,000,000", "JPY"), fees=[FEE, LATE])
DINARS = terms(currency="KWD", amount=minor_units("1,000.125", "KWD"), fees=[FEE, LATE])
TENS = terms(currency="JPY", amount=1_000_000, repayment=Repayment(multiple_of=10))


@pytest.mark.parametrize(
    ("its", "instalment", "last"),
    [(YEN, "86,066", "86,070"), (DINARS, "86.077", "86.078"), (TENS, "86,070", "86,026")],
    ids=["JPY", "KWD", "JPY in tens"],
)
def test_instalments_are_in_whole_units_of_their_money(
    its: Terms, instalment: str, last: str
) -> None:
    rows = quote(its, JAN_15).instalments

    owed = [written(row.principal + row.interest, its.currency) for row in rows]
    assert owed == [instalment] * 11 + [last]


@pytest.mark.parametrize("its", [YEN, DINARS], ids=["JPY", "KWD"])
def test_a_loan_in_any_money_goes_its_whole_life(its: Terms) -> None:
    loan = given(
        story.disbursed(its),
        story.paid("P-1", 80_000, date(2025, 2, 15)),
        story.attended(date(2025, 3, 20)),
        story.paid("P-2", 90_000, date(2025, 3, 10), known_on=date(2025, 4, 1)),
        story.reversed_("P-1", on=date(2025, 4, 2)),
    )
    day = date(2025, 5, 1)

    loan.attend(act(day))
    story.repay(loan, "P-3", loan.payoff(day), day, payoff=True)

    assert loan.state == LoanState.CLOSED
    assert loan.balance.principal == 0
    moved = [event for event in recorded(loan) if isinstance(event, Loan.MoneyMoved)]
    assert {event.currency for event in moved} == {its.currency}


@pytest.mark.parametrize("its", [YEN, DINARS], ids=["JPY", "KWD"])
def test_views_show_any_money_in_its_own_minor_units(its: Terms) -> None:
    loan = story.disbursed(its)
    story.repay(loan, "P-1", 90_000, date(2025, 2, 15))
    events: list[Any] = list(loan.pending_events)

    for view in (portfolio, reminders, statement, summary):
        assert rows_after(view, events)
    told = explain(events, date(2025, 2, 15))

    assert told is not None and told.stood.balance is not None
    assert told.total("principal") == told.stood.balance.principal == loan.balance.principal
    line = rows_after(statement, events)["statement_line"][-1]
    assert line["amount"] in (90_000, -90_000)
