"""Contacts through the book: a place under a cap is spent once, whoever asks."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, Feedback, Outcome, PointKind, PointSource, Purpose
from domain.base.refusal import ContentionRefused
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from domain.commands import contacts
from domain.commands.book import Book, Receipt
from domain.commands.borrowers import NotTheBorrowers
from domain.loan.loan import Loan
from tests.domain.commands.books import act, disbursed, registered

TEN = datetime(2026, 9, 10, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""

CALL = Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-1")


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def known(book: Book) -> UUID:
    borrower_id = registered(book)
    contacts.add_contact_point(
        book,
        act(),
        borrower_id=borrower_id,
        point_ref="P-1",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN,
    )
    return borrower_id


def ask(book: Book, borrower_id: UUID, contact_ref: str, at: datetime = TEN) -> Receipt:
    return contacts.decide(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref=contact_ref,
        intent=CALL,
        at=at,
        occasion="test",
    )


def answers(book: Book, borrower_id: UUID) -> Counter[str]:
    events = book.events.get(borrower_id)
    return Counter(e.answer for e in events if isinstance(e, Borrower.ContactDecided))


def test_workers_who_ask_at_once_spend_no_more_than_the_cap(book: Book) -> None:
    borrower_id, together = known(book), threading.Barrier(6)

    def worker(number: int) -> None:
        together.wait()
        for turn in range(3):
            while True:
                try:
                    ask(book, borrower_id, f"C-{number}-{turn}")
                except ContentionRefused:
                    continue
                break

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(worker, range(6)))

    assert answers(book, borrower_id) == {"ALLOW": 3, "DEFER": 15}


def test_a_call_that_reached_no_one_gives_room_for_another_who_can_be_reached(book: Book) -> None:
    borrower_id = known(book)
    for number in range(3):
        ask(book, borrower_id, f"C-{number}")
    contacts.tell(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref="C-0",
        result=Result(Outcome.ATTEMPTED, TEN, duration_seconds=0, feedback=Feedback.NO_ANSWER),
    )

    ask(book, borrower_id, "C-3", TEN + timedelta(minutes=1))

    assert answers(book, borrower_id) == {"ALLOW": 4}


def test_the_same_question_again_is_answered_once(book: Book) -> None:
    borrower_id = known(book)
    ask(book, borrower_id, "C-1")
    version = book.get(Borrower, borrower_id).version

    ask(book, borrower_id, "C-1")

    assert book.get(Borrower, borrower_id).version == version


def test_a_contact_is_about_a_loan_of_the_borrower(book: Book) -> None:
    theirs, anothers = disbursed(book), disbursed(book)
    borrower_id = book.get(Loan, theirs).borrower_id
    about = Intent(Purpose.COLLECTION, Channel.PHONE, debt=str(anothers))

    with pytest.raises(NotTheBorrowers):
        contacts.decide(
            book,
            act(),
            borrower_id=borrower_id,
            contact_ref="C-1",
            intent=about,
            at=TEN,
            occasion="test",
        )
    contacts.decide(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        intent=replace(about, debt=str(theirs)),
        at=TEN,
        occasion="test",
    )

    assert answers(book, borrower_id) == {"ALLOW": 1}


def test_a_number_of_nobody_is_refused(book: Book) -> None:
    with pytest.raises(no.ContactPointUnknown):
        ask(book, registered(book), "C-1")
