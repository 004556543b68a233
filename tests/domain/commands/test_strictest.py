"""Rules of products and contracts, alike wherever the gate is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer
from domain.borrower.restriction import Restriction
from domain.commands import collecting, contacts, dispatch, policies, scripts
from domain.commands.book import Book
from domain.commands.borrowers import NotTheBorrowers
from domain.commands.dispatch import Planned, Subject
from infra.dated_rules import checked
from infra.decisions import Judges, made_again
from tests.domain.commands.books import act, disbursed
from tests.domain.commands.test_dispatch import HOUR, TEN, reachable, reminder, turn

NO_MESSAGES = """
[[ban]]
rule = "{name}"
version = "1"
jurisdiction = "CN"
products = ["TEST"]
purposes = ["SERVICE_REMINDER", "COLLECTION"]
channels = ["SMS"]
from = 2025-01-15
source = "a test"
"""


def publish_ban(book: Book, name: str) -> None:
    entries, wrong = checked(NO_MESSAGES.format(name=name), "rules.toml", book.rules)
    assert not wrong
    policies.publish(book, act(date(2025, 1, 15)), entries=entries, approved_by="manager")


def restrict(book: Book, borrower_id: UUID, loan_id: UUID, *channels: str) -> None:
    contacts.restrict(
        book,
        act(),
        borrower_id=borrower_id,
        restriction=Restriction(f"K-{loan_id.hex[:8]}", loan_id, channels=list(channels)),
        reason="clause 9",
        restricted_at=TEN,
    )


def message(borrower_id: UUID, *loans: UUID) -> Planned:
    about = tuple(Subject(each, 1) for each in loans)
    return reminder(borrower_id, loans[0], about=about, template=None)


def last(book: Book, borrower_id: UUID) -> Borrower.ContactDecided:
    events = book.events.get(borrower_id)
    return [each for each in events if isinstance(each, Borrower.ContactDecided)][-1]


def faults(book: Book, borrower_id: UUID) -> list[str | None]:
    return [each.differs for each in made_again(book, borrower_id, Judges(book.rules))]


def test_the_rule_of_a_product_counts_wherever_the_gate_is_asked(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    publish_ban(book, "test-no-messages")
    intent = Intent(Purpose.COLLECTION, Channel.SMS, contact_point="P-0", debt=str(loan_id))

    (sent,) = dispatch.decide_all(book, [message(borrower_id, loan_id)], turn())
    scripts.ask(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        intent=intent,
        at=TEN,
        occasion="staff",
    )
    listed = collecting.offered(
        book, book.get(Borrower, borrower_id), loan_id, ("SMS", "PHONE"), TEN
    )

    assert (sent.answer, sent.reasons) == (Answer.BLOCK, ("FORBIDDEN",))
    assert [each.rule for each in last(book, borrower_id).against] == ["test-no-messages"]
    assert last(book, borrower_id).products == ["TEST"]
    assert [way.channel for way in listed.ways] == [Channel.PHONE]
    assert [way.decision.because for way in listed.refused] == [["FORBIDDEN"]]


def test_a_message_about_several_loans_keeps_to_the_contract_of_each(shared: Book) -> None:
    borrower_id = reachable(shared, PointKind.PHONE)
    first, second = (disbursed(shared, borrower_id=borrower_id) for _ in range(2))
    restrict(shared, borrower_id, second, "SMS")

    (both,) = dispatch.decide_all(shared, [message(borrower_id, first, second)], turn())
    (one,) = dispatch.decide_all(shared, [message(borrower_id, first)], turn())

    assert (both.answer, one.answer) == (Answer.BLOCK, Answer.ALLOW)
    recorded = last(shared, borrower_id)
    assert (recorded.loan_id, recorded.also_loan_ids) == (first, None)
    assert faults(shared, borrower_id) == [None, None]


def test_a_contract_is_one_of_the_borrowers_own(shared: Book) -> None:
    borrower_id = reachable(shared, PointKind.PHONE)
    anothers = disbursed(shared)

    with pytest.raises(NotTheBorrowers):
        restrict(shared, borrower_id, anothers, "SMS")
    with pytest.raises(NotTheBorrowers):
        scripts.ask(
            shared,
            act(),
            borrower_id=borrower_id,
            contact_ref="C-1",
            intent=Intent(Purpose.CARE, Channel.PHONE, contact_point="P-0", debt=str(anothers)),
            at=TEN,
            occasion="staff",
        )


def test_what_was_lifted_is_not_kept_to(shared: Book) -> None:
    borrower_id = reachable(shared, PointKind.PHONE)
    loan_id = disbursed(shared, borrower_id=borrower_id)
    restrict(shared, borrower_id, loan_id, "SMS")
    contacts.lift_restriction(
        shared,
        act(),
        borrower_id=borrower_id,
        restriction_ref=f"K-{loan_id.hex[:8]}",
        reason="agreed anew",
        lifted_at=TEN,
    )

    (found,) = dispatch.decide_all(shared, [message(borrower_id, loan_id)], turn())

    assert found.answer == Answer.ALLOW


def test_a_message_whose_sender_died_is_not_sent_once_its_answer_lapsed(shared: Book) -> None:
    borrower_id = reachable(shared, PointKind.PHONE)
    loan_id = disbursed(shared, borrower_id=borrower_id)
    planned = replace(message(borrower_id, loan_id), expires_at=TEN + timedelta(days=3))
    dispatch.decide_all(shared, [planned], turn())

    (again,) = dispatch.decide_all(shared, [planned], turn(TEN + 25 * HOUR))

    assert (again.answer, again.reasons, again.repeated) == (Answer.BLOCK, ("TOO_LATE",), True)
    assert again.at == TEN
    result = Result(Outcome.SENT, again.at, certain=False)
    dispatch.tell_all(shared, {(borrower_id, planned.contact_ref): result}, act=lambda _: act())
    told = shared.get(Borrower, borrower_id).contacts[planned.contact_ref]
    assert (told.at, told.outcome) == (TEN, Outcome.SENT)
