"""A loss that is known late, and one that is taken back: what it does beside the money."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.commands import borrowers, loans
from domain.commands.book import Book
from domain.loan.loan import Loan
from tests.domain.commands.books import act, disbursed, loan_of, registered, repay

MAR_1 = date(2025, 3, 1)
APR_1 = date(2025, 4, 1)
APR_20 = date(2025, 4, 20)
PEOPLE: dict[str, Any] = {"requested_by": "clerk", "approved_by": "manager"}


@pytest.fixture
def book(shared: Book) -> Book:
    return shared


def test_a_hold_that_was_lifted_while_the_loan_was_lost_ends_when_the_loss_is_taken_back(
    book: Book,
) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    borrowers.set_hold(
        book,
        act(MAR_1),
        borrower_id=borrower_id,
        hold_ref="H-1",
        kind="MORATORIUM",
        reason="court order",
        loan_ids=[loan_id],
    )
    loans.write_off(book, act(APR_1), loan_id=loan_id, reason="gone", **PEOPLE)
    lifted: dict[str, Any] = {"hold_ref": "H-1", "reason": "case closed"}
    borrowers.lift_hold(book, act(APR_1), borrower_id=borrower_id, **lifted)

    wrong = {"fact_ref": "write-off", "reason": "wrong loan"}
    loans.take_back(book, act(APR_20), loan_id=loan_id, **wrong, **PEOPLE)

    [held] = loan_of(book, loan_id).holds.values()
    assert held.until_on == APR_1


def test_a_loss_known_late_is_in_the_class_of_its_day_in_the_same_transaction(book: Book) -> None:
    loan_id, known_on = disbursed(book), date(2025, 7, 1)
    repay(book, loan_id, "P-1", 1, known_on)
    assert loan_of(book, loan_id).asset_class == "SUBSTANDARD"
    told = act(known_on)

    loans.write_off(book, told, loan_id=loan_id, reason="gone", on=APR_1, **PEOPLE)

    events = [event for event in book.events.get(loan_id) if isinstance(event, Loan.Event)]
    recorded = [event for event in events if event.command_id == told.command_id]
    assert [type(event) for event in recorded] == [Loan.WrittenOff, Loan.AssetClassChanged]
    lost = loan_of(book, loan_id)
    assert (lost.bucket, lost.asset_class) == ("M2", "SPECIAL_MENTION")
