"""What officers see of one loan."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from domain.loan.ledger import Balance
from entrypoints import output
from entrypoints.questions import _render_loan
from infra.answers import LoanPage, ShownTerms, Totals

DAY = date(2026, 11, 20)


def page(**changes: Any) -> LoanPage:
    """An application of 10,000.00 yuan that was approved, and what else is said of it."""
    agreed: dict[str, Any] = {name.name: None for name in fields(ShownTerms)}
    agreed |= {"amount": 10_000_00, "term_months": 12, "annual_rate": Decimal("0.072")}
    nothing: dict[str, Any] = {name.name: None for name in fields(LoanPage)}
    none_yet: dict[str, Any] = {
        "loan_id": UUID(int=1),
        "loan_ref": "L-00000-00001",
        "borrower_id": UUID(int=2),
        "product_code": "HOME-CNY",
        "product_version": 1,
        "currency": "CNY",
        "state": "APPROVED",
        "days_past_due": 0,
        "version": 4,
        "balance": Balance(0, 0, 0, 0, 0),
        "terms": ShownTerms(**agreed),
        "totals": Totals(*[0] * len(fields(Totals))),
    }
    for several in ("fees", "changes", "instalments", "securities", "offers"):
        none_yet[several] = []
    return LoanPage(**nothing | none_yet | changes)


def shown(monkeypatch: pytest.MonkeyPatch, said: LoanPage) -> str:
    """What a screen of a hundred columns shows of it."""
    monkeypatch.setattr(output, "out", Console(width=100, file=StringIO(), highlight=False))
    _render_loan(said, DAY)
    stream = output.out.file
    assert isinstance(stream, StringIO)
    return stream.getvalue()


def test_an_application_that_was_not_paid_out_shows_no_figures_of_a_loan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(monkeypatch, page())

    assert "10,000.00 CNY over 12 months, 7.2000% a year" in text
    assert "Not paid out: nothing is owed" in text
    assert "owed  " not in text and " 0.00" not in text


def test_credit_on_a_loan_whose_payout_came_back_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, page(state="SIGNED", balance=Balance(0, 0, 0, 0, 200_00)))

    assert "Not paid out: nothing is owed" in text
    assert "credit" in text and "200.00" in text


def test_a_loan_that_is_paid_out_shows_what_is_owed_also_before_it_has_a_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(monkeypatch, page(state="ACTIVE", disbursed_on=DAY))

    assert "Not paid out" not in text
    assert "owed" in text and "paid " in text
