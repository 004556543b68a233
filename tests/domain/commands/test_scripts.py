"""What a collector says: the script of the strategy, in the version in force."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from domain.base.contact_policy import Channel, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.collection import PromiseOpen
from domain.borrower.contact import Intent, Party
from domain.borrower.lateness import LoanNotNamed
from domain.commands import borrowers, collecting, contacts, loans, scripts
from domain.commands.book import Book
from domain.commands.scripts import NothingOverdue, OnlyInWriting
from domain.commands.sending import ThatIsCollection
from infra.decisions import Judges, made_again
from tests.domain.commands.books import act, disbursed, loan_of, repay
from tests.domain.commands.test_collecting import NOON
from tests.domain.commands.test_dispatch import reachable

FEB_20 = date(2025, 2, 20)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def late(book: Book, on: date = FEB_20) -> tuple[UUID, UUID]:
    """A borrower with telephone and address, and a loan that is late."""
    borrower_id = reachable(book, PointKind.PHONE, PointKind.ADDRESS)
    loan_id = disbursed(book, borrower_id=borrower_id)
    loan = loan_of(book, loan_id)
    loan.attend(act(on))
    book.keep([], loan)
    return borrower_id, loan_id


def ask(
    book: Book,
    borrower_id: UUID,
    loan_id: UUID,
    channel: Channel = Channel.PHONE,
    script: str | None = None,
    **intent: object,
) -> Borrower.ContactDecided:
    """The answer to a collector who would call."""
    fields = {"contact_point": "P-0", "debt": str(loan_id), **intent}
    purpose = fields.pop("purpose", Purpose.COLLECTION)
    scripts.ask(
        book,
        act(FEB_20),
        borrower_id=borrower_id,
        contact_ref=f"C-{uuid4()}",
        intent=Intent(purpose, channel, **fields),  # type: ignore[arg-type]
        at=NOON,
        occasion="worklist",
        script=script,
    )
    event = [*book.events.get(borrower_id)][-1]
    assert isinstance(event, Borrower.ContactDecided)
    return event


def test_a_call_carries_the_script_of_the_strategy_with_its_version(book: Book) -> None:
    borrower_id, loan_id = late(book)

    decided = ask(book, borrower_id, loan_id)

    assert decided.answer == "ALLOW"
    assert (decided.template, decided.template_version) == ("cn-collection-script", "texts-1")
    said = {each.figure: each.reads for each in decided.figures}
    assert said["loan"] == loan_of(book, loan_id).loan_ref
    assert said["due_on"] == "2025-02-15"


def test_who_moved_and_speaks_another_language_is_spoken_to_in_it(book: Book) -> None:
    borrower_id, loan_id = late(book)
    borrowers.change_jurisdiction(
        book, act(), borrower_id=borrower_id, jurisdiction="EU", source="LETTER"
    )
    usual = ask(book, borrower_id, loan_id).template
    contacts.set_language(book, act(), borrower_id=borrower_id, language="en", source="CALL")

    decided = ask(book, borrower_id, loan_id)

    assert (usual, decided.template) == ("eu-collection-script-de", "eu-collection-script-en")


def test_a_visit_has_a_script_of_its_own(book: Book) -> None:
    borrower_id, loan_id = late(book)

    decided = ask(book, borrower_id, loan_id, Channel.VISIT, contact_point="P-1")

    assert (decided.answer, decided.template) == ("ALLOW", "cn-collection-visit")


def test_a_call_without_a_script_in_force_is_blocked(book: Book) -> None:
    borrower_id, loan_id = late(book)

    decided = ask(book, borrower_id, loan_id, script="nobody-wrote-it")

    assert decided.answer == "BLOCK"
    assert {each.reason for each in decided.against} == {"TEMPLATE"}
    assert decided.template is None


def test_who_promised_is_called_only_with_a_script_that_is_named_for_it(book: Book) -> None:
    borrower_id, loan_id = late(book)
    borrowers.promise(
        book, act(FEB_20), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=FEB_20
    )

    with pytest.raises(PromiseOpen):
        ask(book, borrower_id, loan_id)
    assert ask(book, borrower_id, loan_id, script="collection").answer == "ALLOW"


def test_somebody_else_hears_nothing_of_the_debt(book: Book) -> None:
    borrower_id, loan_id = late(book)
    contacts.add_contact_point(
        book,
        act(),
        borrower_id=borrower_id,
        point_ref="P-9",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONSENT",
        added_at=NOON,
        party=Party.THIRD_PARTY,
    )

    decided = ask(
        book,
        borrower_id,
        loan_id,
        script="collection",
        contact_point="P-9",
        party=Party.THIRD_PARTY,
    )

    assert (decided.template, decided.figures) == ("cn-third-party-script", [])
    assert {each.reason for each in decided.against} == {"THIRD_PARTY"}


@pytest.mark.parametrize("purpose", [Purpose.RECEIPT, Purpose.STATUTORY])
def test_staff_do_not_call_a_contact_a_notice_or_a_receipt(book: Book, purpose: Purpose) -> None:
    borrower_id, loan_id = late(book)

    with pytest.raises(OnlyInWriting):
        ask(book, borrower_id, loan_id, purpose=purpose)


def test_an_attorney_hears_of_the_debt_by_a_script_of_their_own(book: Book) -> None:
    borrower_id, loan_id = late(book)
    contacts.add_contact_point(
        book,
        act(),
        borrower_id=borrower_id,
        point_ref="P-9",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONSENT",
        added_at=NOON,
        party=Party.ATTORNEY,
    )
    borrowers.set_hold(
        book, act(FEB_20), borrower_id=borrower_id, hold_ref="H-1", kind="ATTORNEY", reason="letter"
    )

    decided = ask(book, borrower_id, loan_id, contact_point="P-9", party=Party.ATTORNEY)
    listed = collecting.offered(
        book,
        book.get(Borrower, borrower_id),
        loan_id,
        ("PHONE",),
        NOON,
        script="collection",
        on=FEB_20,
    )

    assert (decided.answer, decided.template) == ("ALLOW", "cn-representative-script")
    assert decided.party == "ATTORNEY"
    assert [(way.point_ref, way.decision.answer) for way in listed.ways] == [("P-9", "ALLOW")]
    assert listed.of_others == {"P-9"}


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.VISIT])
def test_to_speak_of_a_late_loan_is_no_reminder(book: Book, channel: Channel) -> None:
    borrower_id, loan_id = late(book)
    reminds = {"purpose": Purpose.SERVICE_REMINDER, "contact_point": None}

    with pytest.raises(ThatIsCollection):
        ask(book, borrower_id, loan_id, channel, **reminds)
    with pytest.raises(LoanNotNamed):
        ask(book, borrower_id, loan_id, channel, **reminds, debt=None)
    repay(book, loan_id, "P-1", 200_00, FEB_20)

    assert ask(book, borrower_id, loan_id, channel, **reminds).answer == "ALLOW"


def test_nothing_is_said_about_a_loan_on_which_nothing_is_overdue(book: Book) -> None:
    borrower_id, loan_id = late(book)
    repay(book, loan_id, "P-1", 200_00, FEB_20)

    with pytest.raises(NothingOverdue):
        ask(book, borrower_id, loan_id, script="collection")


def test_a_loan_that_was_written_off_is_collected_by_what_is_left_of_the_claim(book: Book) -> None:
    borrower_id, loan_id = late(book)
    loans.write_off(
        book,
        act(FEB_20),
        loan_id=loan_id,
        reason="lost",
        requested_by="officer",
        approved_by="manager",
    )
    repay(book, loan_id, "P-1", 400_00, FEB_20)

    decided = ask(book, borrower_id, loan_id)

    left = loan_of(book, loan_id).claim.total - 400_00
    said = {each.figure: each.reads for each in decided.figures}
    assert said["amount"] == f"{left // 100}.{left % 100:02} CNY"


def test_what_was_said_on_a_call_is_judged_again_in_its_version(book: Book) -> None:
    borrower_id, loan_id = late(book)
    ask(book, borrower_id, loan_id)
    ask(book, borrower_id, loan_id, script="nobody-wrote-it")

    again = list(made_again(book, borrower_id, Judges(book.rules)))

    assert [each.differs for each in again] == [None, None]


def test_a_list_names_the_script_and_offers_no_call_without_one(book: Book) -> None:
    borrower_id, loan_id = late(book)
    borrower = book.get(Borrower, borrower_id)

    def offered(script: str) -> collecting.Offered:
        return collecting.offered(
            book, borrower, loan_id, ("PHONE", "VISIT", "LETTER"), NOON, script=script, on=FEB_20
        )

    named, without = offered("collection"), offered("nobody-wrote-it")

    assert {key: each.rule for key, each in named.scripts.items()} == {
        (Channel.PHONE, "P-0"): "cn-collection-script",
        (Channel.VISIT, "P-1"): "cn-collection-visit",
    }
    assert [way.channel for way in without.ways] == [Channel.LETTER]
    assert {str(way.decision.because[0]) for way in without.refused} == {"TEMPLATE"}
