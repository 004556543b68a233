"""Loans placed with agencies, through the book."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import Channel, PointKind, Purpose
from domain.base.money import written
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.collection import WRITTEN_OFF
from domain.borrower.contact import Intent
from domain.borrower.placement import AgencyUnfit, NotForAgency, NotPlaced, PlacedElsewhere
from domain.commands import (
    agencies,
    collecting,
    dispatch,
    loans,
    planning,
    policies,
    scripts,
    sending,
)
from domain.commands.agencies import AgencyUnknown
from domain.commands.book import Book
from domain.commands.collecting import Late
from domain.commands.sayings import claim_left, saying
from infra.dated_rules import checked
from tests.domain.commands.books import act, disbursed, loan_of, repay
from tests.domain.commands.test_dispatch import reachable, turn

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
    repay(book, loan_id, "P-ALL", loan_of(book, loan_id).payoff(JUN_20), JUN_20)

    collecting.assign_strategies(book, [], JUN_20, act=lambda: act(JUN_20), collected=[borrower_id])

    borrower = book.get(Borrower, borrower_id)
    assert (borrower.placements, borrower.strategies) == ({}, {})


def test_a_loan_that_a_list_lost_or_that_was_written_off_stays_with_its_agency(book: Book) -> None:
    borrower_id, loan_id = late(book)
    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")
    people: Any = {"requested_by": "anna", "approved_by": "bert"}

    for _ in range(2):
        collecting.assign_strategies(
            book, [], JUN_20, act=lambda: act(JUN_20), collected=[borrower_id]
        )
        assert str(loan_id) in book.get(Borrower, borrower_id).placements
        loans.write_off(book, act(JUN_20), loan_id=loan_id, reason="lost", **people)


def test_a_loan_that_is_written_off_has_a_strategy_and_its_message_names_the_claim(
    book: Book,
) -> None:
    borrower_id, loan_id = late(book)
    people: Any = {"requested_by": "anna", "approved_by": "bert"}
    loans.write_off(book, act(JUN_20), loan_id=loan_id, reason="lost", **people)
    each = Late(loan_id, borrower_id, WRITTEN_OFF, 120)
    collecting.assign_strategies(book, [each], JUN_20, act=lambda: act(JUN_20))
    start = datetime.combine(JUN_20, time(), ZoneInfo("Asia/Shanghai"))

    (turn,) = planning.dunnings([book.get(Borrower, borrower_id)], book.rules, start)

    loan = loan_of(book, loan_id)
    due = saying(turn.planned, {loan_id: loan}, JUN_20)
    said = {figure.figure: figure.reads for figure in due.figures}
    assert turn.planned.channels == (Channel.LETTER,)
    assert said["amount"] == f"{written(claim_left(loan), 'CNY')} CNY"
    assert claim_left(loan) == loan.claim.total


def test_who_is_with_an_agency_has_no_message_from_the_house(book: Book) -> None:
    borrower_id, loan_id = late(book)
    each = Late(loan_id, borrower_id, "M4", 120)
    collecting.assign_strategies(book, [each], JUN_20, act=lambda: act(JUN_20))
    start = datetime.combine(JUN_20, time(), ZoneInfo("Asia/Shanghai"))
    (before,) = planning.dunnings([book.get(Borrower, borrower_id)], book.rules, start)

    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")

    assert not [*planning.dunnings([book.get(Borrower, borrower_id)], book.rules, start)]
    (sent,) = dispatch.decide_all(book, [before.planned], turn(NOON))
    assert (sent.answer, sent.reasons) == (None, ("WITH_AGENCY",))


def test_the_house_collects_no_loan_by_text_that_an_agency_has(book: Book) -> None:
    borrower_id, loan_id = late(book)
    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")

    with pytest.raises(PlacedElsewhere, match="recall it first"):
        sending.one_text(
            book,
            borrower_id=borrower_id,
            contact_ref="S-1",
            template="collection",
            loan_id=loan_id,
            figures={},
            at=NOON,
            on=JUN_20,
            occasion="staff",
        )


def test_an_agency_whose_evaluation_ran_out_asks_for_nothing_more(book: Book) -> None:
    borrower_id, loan_id = late(book)
    agencies.place(book, act(JUN_20), loan_id=loan_id, agency="acme")
    on = date(2026, 3, 2)
    by = replace(act(on), actor="agency:acme")

    with pytest.raises(AgencyUnfit):
        scripts.ask(
            book,
            by,
            borrower_id=borrower_id,
            contact_ref="C-LATE",
            intent=Intent(
                Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)
            ),
            at=datetime.combine(on, time(4), UTC),
            occasion="worklist",
        )
