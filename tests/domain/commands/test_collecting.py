"""A collector's day: strategies by bucket and behaviour, and nothing the gate refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Party
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer
from domain.borrower.promises import PromisedTooLate, PromiseNotOpen
from domain.commands import borrowers, collecting, contacts, days, loans
from domain.commands.book import Book
from domain.commands.borrowers import NothingToPromise
from domain.commands.collecting import Late
from tests.domain.commands.books import act, disbursed, loan_of, repay
from tests.domain.commands.test_dispatch import abroad, reachable

FEB_20 = date(2025, 2, 20)
NOON = datetime(2025, 2, 20, 4, 0, tzinfo=UTC)
CHANNELS = ("PHONE", "SMS")


def someone() -> Act:
    return act(FEB_20)


def late_borrower(book: Book) -> tuple[UUID, UUID]:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.ADDRESS)
    return borrower_id, disbursed(book, borrower_id=borrower_id)


def assign(book: Book, borrower_id: UUID, loan_id: UUID, bucket: str = "M1") -> int:
    late = [] if bucket == "M0" else [Late(loan_id, borrower_id, bucket, 5)]
    return collecting.assign_strategies(book, late, FEB_20, act=someone)


def strategy(book: Book, borrower_id: UUID, loan_id: UUID) -> str | None:
    known = book.get(Borrower, borrower_id).strategies.get(str(loan_id))
    return None if known is None else known.strategy


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def test_a_late_loan_gets_the_strategy_of_its_bucket_and_another_when_that_changes(
    book: Book,
) -> None:
    borrower_id, loan_id = late_borrower(book)

    assert assign(book, borrower_id, loan_id) == 1
    assert strategy(book, borrower_id, loan_id) == "soft reminder and call"
    assert assign(book, borrower_id, loan_id) == 0
    assert assign(book, borrower_id, loan_id, "M2") == 1
    assert strategy(book, borrower_id, loan_id) == "negotiate a plan"


def test_a_strategy_is_found_under_the_command_that_its_event_names(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    assign(book, borrower_id, loan_id)

    [*_, event] = book.events.get(borrower_id)

    assert isinstance(event, Borrower.StrategyAssigned)
    found = book.streams.find_command(event.command_id)
    assert found is not None
    assert (found.stream_id, found.version) == (borrower_id, event.originator_version)


def test_who_promised_is_left_to_keep_it_and_called_when_it_was_broken(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    borrowers.promise(
        book, someone(), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=FEB_20
    )
    assign(book, borrower_id, loan_id)
    assert strategy(book, borrower_id, loan_id) == "wait for the promise"

    borrower = book.get(Borrower, borrower_id)
    borrower.assess_promise(someone(), promise_ref="W-1", received=0)
    book.keep([], borrower)
    assign(book, borrower_id, loan_id)
    assert strategy(book, borrower_id, loan_id) == "call about the broken promise"


def test_a_list_offers_what_is_open_now_and_from_when_the_rest_is(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    borrower = book.get(Borrower, borrower_id)

    now = collecting.offered(book, borrower, loan_id, CHANNELS, NOON)
    night = collecting.offered(book, borrower, loan_id, CHANNELS, NOON + timedelta(hours=10))

    assert [(way.channel, way.decision.answer) for way in now.ways] == [
        (Channel.PHONE, Answer.ALLOW),
        (Channel.SMS, Answer.ALLOW),
    ]
    assert {way.decision.answer for way in night.ways} == {Answer.DEFER}
    assert not now.refused


def test_a_list_offers_nothing_that_the_gate_would_refuse(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    borrowers.set_hold(
        book, someone(), borrower_id=borrower_id, hold_ref="H-1", kind="CEASE", reason="asked"
    )

    found = collecting.offered(book, book.get(Borrower, borrower_id), loan_id, CHANNELS, NOON)

    assert found.ways == []
    assert {way.decision.because[0] for way in found.refused} == {"HOLD"}


def test_nobody_is_offered_where_no_law_is_known(book: Book) -> None:
    borrower_id = abroad(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    found = collecting.offered(book, book.get(Borrower, borrower_id), loan_id, CHANNELS, NOON)

    assert (found.ways, found.refused) == ([], [])


def test_a_list_says_what_came_of_the_last_contact(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    contacts.decide(
        book,
        someone(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        intent=Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)),
        at=NOON,
        occasion="worklist",
    )
    contacts.tell(
        book,
        someone(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        result=Result(Outcome.CONVERSATION, NOON),
    )

    found = collecting.offered(
        book, book.get(Borrower, borrower_id), loan_id, CHANNELS, NOON + timedelta(minutes=5)
    )

    assert found.last_ref == "C-1"
    assert found.last is not None
    assert found.last.outcome == Outcome.CONVERSATION


def called_in_vain(book: Book, borrower_id: UUID, loan_id: UUID, at: datetime) -> None:
    contacts.decide(
        book,
        someone(),
        borrower_id=borrower_id,
        contact_ref=f"C-{at}",
        intent=Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)),
        at=at,
        occasion="worklist",
    )
    contacts.tell(
        book,
        someone(),
        borrower_id=borrower_id,
        contact_ref=f"C-{at}",
        result=Result(Outcome.ATTEMPTED, at),
    )


def test_somebody_else_is_offered_only_once_the_borrower_is_out_of_reach(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    contacts.add_contact_point(
        book,
        someone(),
        borrower_id=borrower_id,
        point_ref="P-9",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONSENT",
        added_at=NOON - timedelta(days=9),
        party=Party.THIRD_PARTY,
    )
    for number in (3, 2, 1):
        called_in_vain(book, borrower_id, loan_id, NOON - timedelta(hours=number))
    borrower = book.get(Borrower, borrower_id)

    def offered(at: datetime) -> tuple[bool, list[str | None]]:
        found = collecting.offered(book, borrower, loan_id, ("PHONE",), at)
        return found.out_of_reach, [way.point_ref for way in found.ways]

    assert offered(NOON) == (False, ["P-0"])
    assert offered(NOON + timedelta(days=1)) == (True, ["P-0", "P-9"])


def test_who_is_out_of_reach_is_looked_for(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    for number in (3, 2, 1):
        called_in_vain(book, borrower_id, loan_id, NOON - timedelta(days=number))

    assign(book, borrower_id, loan_id)

    assert strategy(book, borrower_id, loan_id) == "find the borrower"


def test_a_borrower_is_taken_over_once(book: Book) -> None:
    borrower_id, _ = late_borrower(book)
    for _ in range(2):
        receipt = collecting.assign_collector(
            book, someone(), borrower_id=borrower_id, collector="chen"
        )

    assert book.get(Borrower, borrower_id).collector == "chen"
    assert receipt.version == book.get(Borrower, borrower_id).version == 4


def test_a_promise_that_is_paid_is_kept_when_its_day_is_over(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    borrowers.promise(
        book, someone(), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=FEB_20
    )
    repay(book, loan_id, "P-1", 50_00, FEB_20)
    days.close_days(book, FEB_20 + timedelta(days=1), zone="Asia/Shanghai", now=lambda: NOON)

    assert book.get(Borrower, borrower_id).promises["W-1"].state == "KEPT"


def promises(book: Book, borrower_id: UUID) -> dict[str, str]:
    return {ref: each.state for ref, each in book.get(Borrower, borrower_id).promises.items()}


def promise(book: Book, loan_id: UUID, ref: str, days_ahead: int = 0, **said: str) -> None:
    borrowers.promise(
        book,
        someone(),
        promise_ref=ref,
        loan_id=loan_id,
        amount=50_00,
        promised_on=FEB_20 + timedelta(days=days_ahead),
        **said,
    )


def close_until(book: Book, on: date) -> None:
    days.close_days(book, on, zone="Asia/Shanghai", now=lambda: NOON)


def test_one_payment_keeps_one_of_two_promises_the_one_that_falls_due_first(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    promise(book, loan_id, "W-2", 2)
    promise(book, loan_id, "W-1", 1)
    repay(book, loan_id, "P-1", 70_00, FEB_20)

    close_until(book, FEB_20 + timedelta(days=5))

    assert promises(book, borrower_id) == {"W-1": "KEPT", "W-2": "BROKEN"}


def test_a_promise_is_broken_after_all_when_its_payment_is_taken_back(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    promise(book, loan_id, "W-1", 1)
    repay(book, loan_id, "P-1", 50_00, FEB_20)
    close_until(book, FEB_20 + timedelta(days=6))
    assert promises(book, borrower_id) == {"W-1": "KEPT"}

    later = FEB_20 + timedelta(days=7)
    loans.reverse(book, act(later), loan_id=loan_id, payment_ref="P-1", reason="bounced")
    assert promises(book, borrower_id) == {"W-1": "BROKEN"}

    repay(book, loan_id, "P-2", 50_00, FEB_20 + timedelta(days=1), known_on=later)
    assert promises(book, borrower_id) == {"W-1": "KEPT"}


def test_a_promise_is_withdrawn_or_another_takes_its_place(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    promise(book, loan_id, "W-1", 1)
    promise(book, loan_id, "W-2", 3, instead_of="W-1")
    assert promises(book, borrower_id) == {"W-1": "WITHDRAWN", "W-2": "OPEN"}

    for _ in range(2):
        borrowers.unpromise(
            book, someone(), borrower_id=borrower_id, promise_ref="W-2", reason="in error"
        )

    assert promises(book, borrower_id) == {"W-1": "WITHDRAWN", "W-2": "WITHDRAWN"}
    assert book.get(Borrower, borrower_id).behaviour(loan_id) == "ORDINARY"
    with pytest.raises(PromiseNotOpen):
        borrowers.unpromise(book, someone(), borrower_id=borrower_id, promise_ref="W-9", reason="?")


def test_a_promise_is_for_a_day_that_is_near_and_on_a_loan_that_is_owed(book: Book) -> None:
    borrower_id, loan_id = late_borrower(book)
    with pytest.raises(PromisedTooLate):
        promise(book, loan_id, "W-1", 46)

    repay(book, loan_id, "P-1", loan_of(book, loan_id).payoff(FEB_20), FEB_20, payoff=True)
    with pytest.raises(NothingToPromise):
        promise(book, loan_id, "W-1", 1)

    assert promises(book, borrower_id) == {}
