"""Loans placed with agencies, through the book."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, PointKind, Purpose
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.placement import NotForAgency, NotPlaced
from domain.commands import agencies, collecting, policies, scripts
from domain.commands.agencies import AgencyUnknown
from domain.commands.book import Book
from domain.commands.collecting import Late
from infra.dated_rules import checked
from tests.domain.commands.books import act, disbursed, loan_of
from tests.domain.commands.test_dispatch import reachable

JUN_20 = date(2025, 6, 20)
NOON = datetime.combine(JUN_20, time(4), UTC)

ACME = """
[[agency]]
version = "acme-1"
agency = "acme"
licence = "L-7"
jurisdictions = ["CN"]
evaluated_on = 2025-03-01
passed = true
from = 2025-06-20
source = "a test"
"""


@pytest.fixture(scope="module")
def book(shared: Book) -> Book:
    """A book in which an agency is registered."""
    entries, wrong = checked(ACME, "test", shared.rules)
    assert not wrong
    policies.publish(shared, act(JUN_20), entries=entries, approved_by="manager")
    return shared


def late(book: Book, on: date = JUN_20) -> tuple[UUID, UUID]:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    loan = loan_of(book, loan_id)
    loan.attend(act(on))
    book.keep([], loan)
    return borrower_id, loan_id


def ask(book: Book, borrower_id: UUID, loan_id: UUID, by: Act) -> str:
    scripts.ask(
        book,
        by,
        borrower_id=borrower_id,
        contact_ref=f"C-{by.command_id}",
        intent=Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)),
        at=NOON,
        occasion="worklist",
    )
    event = [*book.events.get(borrower_id)][-1]
    assert isinstance(event, Borrower.ContactDecided)
    assert event.actor == by.actor
    return event.answer


def test_an_agency_calls_within_the_caps_of_everybody(book: Book) -> None:
    borrower_id, loan_id = late(book)
    by = [replace(act(JUN_20), actor="agency:acme") for _ in range(4)]
    with pytest.raises(NotPlaced):
        ask(book, borrower_id, loan_id, by[0])

    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")

    answers = [ask(book, borrower_id, loan_id, each) for each in by[:2]]
    answers += [ask(book, borrower_id, loan_id, act(JUN_20)) for _ in range(2)]
    assert answers == ["ALLOW", "ALLOW", "ALLOW", "DEFER"]


def test_a_loan_that_is_late_for_days_only_is_not_placed(book: Book) -> None:
    _, loan_id = late(book, date(2025, 2, 20))

    with pytest.raises(NotForAgency):
        agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")


def test_an_agency_that_nobody_registered_is_unknown(book: Book) -> None:
    _, loan_id = late(book)

    with pytest.raises(AgencyUnknown):
        agencies.place(book, act(JUN_20), loan_id=loan_id, agency="nobody")


def test_a_loan_that_is_not_late_any_more_comes_back_from_the_agency(book: Book) -> None:
    borrower_id, loan_id = late(book)
    each = Late(loan_id, borrower_id, "M4", 120)
    collecting.assign_strategies(book, [each], JUN_20, act=lambda: act(JUN_20))
    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")

    collecting.assign_strategies(book, [], JUN_20, act=lambda: act(JUN_20), collected=[borrower_id])

    borrower = book.get(Borrower, borrower_id)
    assert (borrower.placements, borrower.strategies) == ({}, {})
