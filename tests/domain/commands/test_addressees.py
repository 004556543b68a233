"""Notices go to who acts for the borrower, where a hold says so and a rule of the day does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Party
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer
from domain.commands import borrowers, contacts, dispatch
from domain.commands.book import Book
from domain.commands.dispatch import Decided, Planned, Subject, Turn
from domain.commands.sayings import saying
from domain.commands.texts import Wordings
from infra.decisions import Judges, made_again
from tests.domain.commands.books import act, disbursed, loan_of

NOON = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)
"""Noon in New York, on a day on which the rules that send unasked are in force."""

DAY = timedelta(days=1)
BEFORE = timedelta(days=30)
NOTICE = {
    "as_of": "2026-12-01",
    "principal": "80.00 USD",
    "interest": "5.00 USD",
    "fees": "0.00 USD",
    "penalty": "1.00 USD",
    "amount": "86.00 USD",
    "due_on": "2026-10-15",
    "answer_by": "2027-01-07",
}


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def person(book: Book, *kinds: str, jurisdiction: str = "US") -> tuple[UUID, UUID]:
    """A borrower with an address and e-mail of their own, under holds, and their loan."""
    borrower_id = uuid4()
    borrowers.register(
        book, act(), borrower_id=borrower_id, jurisdiction=jurisdiction, zones=["America/New_York"]
    )
    known(book, borrower_id, "own-letter", PointKind.ADDRESS)
    known(book, borrower_id, "own-email", PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    for kind in kinds:
        held(book, borrower_id, kind)
    return borrower_id, loan_id


def held(book: Book, borrower_id: UUID, kind: str, loans: list[UUID] | None = None) -> None:
    borrowers.set_hold(
        book,
        act(NOON.date() - DAY),
        borrower_id=borrower_id,
        hold_ref=f"H-{kind}",
        kind=kind,
        reason="a letter",
        loan_ids=loans,
    )


def known(
    book: Book, borrower_id: UUID, ref: str, kind: PointKind, party: Party = Party.BORROWER
) -> None:
    contacts.add_contact_point(
        book,
        act(),
        borrower_id=borrower_id,
        point_ref=ref,
        kind=kind,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=NOON - BEFORE,
        party=party,
    )


def notice(borrower_id: UUID, loan_id: UUID, loan_ref: str, **said: Any) -> Planned:
    fields: dict[str, Any] = {
        "contact_ref": f"N-{uuid4().hex[:8]}-20261201",
        "borrower_id": borrower_id,
        "purpose": Purpose.STATUTORY,
        "channels": (Channel.LETTER, Channel.EMAIL),
        "template": "validation-notice",
        "occasion": "validation notice",
        "about": (Subject(loan_id),),
        "figures": tuple(
            Figure(name, reads) for name, reads in {"loan": loan_ref, **NOTICE}.items()
        ),
        "product_line": None,
        "trial": None,
        "expires_at": NOON + DAY,
        **said,
    }
    return Planned(**fields)


def decided(book: Book, planned: Planned, at: datetime = NOON) -> Decided:
    on = at.date()
    turn = Turn(at, lambda _: act(on), lambda one, of: saying(one, of, on), Wordings(book))
    (found,) = dispatch.decide_all(book, [planned], turn)
    return found


def told(book: Book, found: Decided, outcome: Outcome, at: datetime = NOON) -> None:
    key = (found.planned.borrower_id, found.planned.contact_ref)
    dispatch.tell_all(book, {key: Result(outcome, at)}, act=lambda _: act(at.date()))


@pytest.mark.parametrize(
    ("kind", "party"),
    [
        ("ATTORNEY", Party.ATTORNEY),
        ("BANKRUPTCY", Party.ATTORNEY),
        ("DECEASED", Party.EXECUTOR),
        ("INCAPACITY", Party.GUARDIAN),
    ],
)
def test_a_notice_goes_to_who_acts_for_the_borrower_and_says_so(
    book: Book, kind: str, party: Party
) -> None:
    borrower_id, loan_id = person(book, kind)
    known(book, borrower_id, "theirs", PointKind.ADDRESS, party)
    planned = notice(borrower_id, loan_id, loan_of(book, loan_id).loan_ref)

    found = decided(book, planned)

    assert (found.answer, found.channel, found.point_ref, found.party) == (
        Answer.ALLOW,
        Channel.LETTER,
        "theirs",
        party,
    )
    assert found.text is not None
    assert found.text.template == "us-validation-letter-to-representative"
    assert "To the attorney, executor or guardian of ⟦name⟧" in found.text.reads.text
    assert "you owe" not in found.text.reads.text
    (event,) = [e for e in book.events.get(borrower_id) if isinstance(e, Borrower.ContactDecided)]
    assert (event.party, event.point_ref) == (party, "theirs")
    assert all(each.differs is None for each in made_again(book, borrower_id, Judges(book.rules)))


def test_without_a_hold_or_an_address_of_theirs_a_notice_goes_to_the_borrower(book: Book) -> None:
    free, its = person(book)
    known(book, free, "theirs", PointKind.ADDRESS, Party.ATTORNEY)
    alone, other = person(book, "ATTORNEY")
    known(book, alone, "theirs", PointKind.PHONE, Party.ATTORNEY)

    assert decided(book, notice(free, its, "L-1")).point_ref == "own-letter"
    assert decided(book, notice(alone, other, "L-2")).point_ref == "own-letter"


def test_before_the_rule_counts_a_notice_goes_to_the_borrower_as_it_did(book: Book) -> None:
    borrower_id, loan_id = person(book)
    held(book, borrower_id, "ATTORNEY")
    known(book, borrower_id, "theirs", PointKind.ADDRESS, Party.ATTORNEY)
    early = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)

    found = decided(book, notice(borrower_id, loan_id, "L-1", expires_at=early + DAY), early)

    assert found.point_ref == "own-letter"


def test_what_fails_with_the_attorney_goes_by_the_next_way_to_the_attorney_alone(
    book: Book,
) -> None:
    borrower_id, loan_id = person(book, "ATTORNEY")
    known(book, borrower_id, "their-letter", PointKind.ADDRESS, Party.ATTORNEY)
    known(book, borrower_id, "their-email", PointKind.EMAIL, Party.ATTORNEY)
    planned = notice(borrower_id, loan_id, "L-1")
    told(book, decided(book, planned), Outcome.FAILED)

    (again,) = dispatch.other_ways(book, [planned], NOON)
    second = decided(book, again)
    told(book, second, Outcome.FAILED)

    assert (second.point_ref, second.text and second.text.template) == (
        "their-email",
        "us-validation-email-to-representative",
    )
    assert dispatch.other_ways(book, [again], NOON) == []


def test_a_notice_that_was_allowed_does_not_go_to_who_is_represented_since(book: Book) -> None:
    borrower_id, loan_id = person(book)
    known(book, borrower_id, "theirs", PointKind.ADDRESS, Party.ATTORNEY)
    planned = notice(borrower_id, loan_id, "L-1")
    assert decided(book, planned).point_ref == "own-letter"
    held(book, borrower_id, "ATTORNEY")

    found = decided(book, planned)

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("FOR_SOMEBODY_ELSE",))
    told(book, found, Outcome.FAILED)
    (again,) = dispatch.other_ways(book, [planned], NOON)
    assert decided(book, again).point_ref == "theirs"


def test_an_attorney_for_one_loan_is_not_told_of_another(book: Book) -> None:
    borrower_id, loan_id = person(book)
    other = disbursed(book, borrower_id=borrower_id)
    known(book, borrower_id, "theirs", PointKind.ADDRESS, Party.ATTORNEY)
    held(book, borrower_id, "ATTORNEY", [other])

    assert decided(book, notice(borrower_id, loan_id, "L-1")).point_ref == "own-letter"
    assert decided(book, notice(borrower_id, other, "L-2")).point_ref == "theirs"


def test_a_representative_who_asked_to_be_left_alone_is_not_written_to(book: Book) -> None:
    borrower_id, loan_id = person(book, "DECEASED")
    known(book, borrower_id, "theirs", PointKind.ADDRESS, Party.EXECUTOR)
    contacts.refuse_contact_point(
        book, act(), borrower_id=borrower_id, point_ref="theirs", refused_at=NOON - DAY
    )

    assert decided(book, notice(borrower_id, loan_id, "L-1")).point_ref == "own-letter"


def test_collection_goes_to_nobody_while_the_borrower_is_represented(book: Book) -> None:
    borrower_id, loan_id = person(book, "ATTORNEY")
    known(book, borrower_id, "theirs", PointKind.EMAIL, Party.ATTORNEY)
    planned = notice(
        borrower_id,
        loan_id,
        "L-1",
        purpose=Purpose.COLLECTION,
        channels=(Channel.EMAIL,),
        template="collection",
        figures=(),
    )

    found = decided(book, planned)

    assert (found.answer, found.point_ref, found.reasons) == (Answer.BLOCK, "own-email", ("HOLD",))


def test_every_notice_that_is_shipped_has_words_for_who_acts_for_the_borrower(book: Book) -> None:
    texts = book.rules.texts_in_force(date(2026, 12, 1))
    named = {each.rule for each in texts}

    owed = [
        each.rule
        for each in texts
        if each.purpose == Purpose.STATUTORY and not each.rule.endswith("-to-representative")
    ]

    assert owed
    assert {f"{each}-to-representative" for each in owed} <= named
