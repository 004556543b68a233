"""A payout that the bank returned: what it does beside the loan, in the borrower's matters."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.refusal import SamePerson
from domain.commands import borrowers, loans
from domain.commands.book import Book, Command, digest_of
from domain.commands.sayings import overdue_figures
from domain.loan.state import LoanState
from tests.domain.commands.books import act, disbursed, loan_of, registered

JAN_20, JAN_29, JAN_30 = (date(2025, 1, day) for day in (20, 29, 30))
MAR_1 = date(2025, 3, 1)
APR_1 = date(2025, 4, 1)
APR_20 = date(2025, 4, 20)


@pytest.fixture
def book(shared: Book) -> Book:
    return shared


PEOPLE: dict[str, Any] = {"requested_by": "clerk", "approved_by": "manager"}


def come_back(book: Book, loan_id: UUID, on: date = APR_1) -> UUID:
    """The id of the command that recorded it; two people said so."""
    said = act(on)
    loans.return_payout(
        book, said, loan_id=loan_id, returned_on=on, reason="account closed", **PEOPLE
    )
    return said.command_id


def test_by_the_rule_of_the_house_one_person_returns_a_payout_of_two_weeks_and_no_older(
    book: Book,
) -> None:
    recent, older = disbursed(book), disbursed(book)
    said: dict[str, Any] = {"returned_on": JAN_20, "reason": "account closed"}

    loans.return_payout(book, act(JAN_29), loan_id=recent, **said)
    with pytest.raises(SamePerson, match=r"more than 14 days .*payout-returns-1"):
        loans.return_payout(book, act(JAN_30), loan_id=older, **said)
    loans.return_payout(book, act(JAN_30), loan_id=older, **said, **PEOPLE)

    assert loan_of(book, recent).state == loan_of(book, older).state == LoanState.SIGNED


def test_a_return_of_before_there_was_a_rule_is_the_same_when_it_is_told_again(book: Book) -> None:
    loan_id, command_id = disbursed(book), uuid4()
    said: dict[str, Any] = {"returned_on": APR_1, "reason": "account closed"}
    loan = loan_of(book, loan_id)
    loan.return_payout(act(APR_1, command_id), levels=book.policies.levels(APR_1), **said)
    before = digest_of("return_payout", {"args": (), "loan_id": loan_id, **said})
    book.keep([Command(command_id, before, loan_id, loan.version)], loan)

    again = loans.return_payout(
        book, act(APR_1, command_id), loan_id=loan_id, **said, requested_by=None, approved_by=None
    )

    assert (again.version, again.repeated) == (loan.version, True)


def test_the_same_return_under_the_same_id_is_recorded_once(book: Book) -> None:
    loan_id = disbursed(book)
    command_id = come_back(book, loan_id)

    again = loans.return_payout(
        book,
        act(APR_1, command_id),
        loan_id=loan_id,
        returned_on=APR_1,
        reason="account closed",
        **PEOPLE,
    )

    assert again.repeated
    assert loan_of(book, loan_id).state == LoanState.SIGNED


def test_the_house_asks_for_nothing_on_a_loan_with_nothing_lent(book: Book) -> None:
    loan_id = disbursed(book)
    assert overdue_figures([loan_of(book, loan_id)], APR_1)

    come_back(book, loan_id)

    assert not overdue_figures([loan_of(book, loan_id)], APR_1)


def test_a_hold_that_was_lifted_while_nothing_was_lent_ends_when_the_return_is_taken_back(
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
    come_back(book, loan_id)
    borrowers.lift_hold(
        book, act(APR_1), borrower_id=borrower_id, hold_ref="H-1", reason="case closed"
    )

    loans.take_back(
        book,
        act(APR_20),
        loan_id=loan_id,
        fact_ref="payout-return",
        reason="another loan",
        requested_by="clerk",
        approved_by="manager",
    )

    [held] = loan_of(book, loan_id).holds.values()
    assert held.until_on == APR_1
