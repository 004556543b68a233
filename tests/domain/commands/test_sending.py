"""One text to one borrower, asked for by staff: it waits in the queue like any other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, PointKind, Purpose
from domain.borrower.collection import PromiseOpen
from domain.borrower.gate import Answer
from domain.borrower.lateness import LoanNotNamed
from domain.borrower.legal import AtLaw
from domain.commands import borrowers, dispatch, legal, sending
from domain.commands.book import Book
from domain.commands.borrowers import NotTheBorrowers
from domain.commands.dispatch import Turn
from domain.commands.planning import Turn as Planned
from domain.commands.sayings import saying
from domain.commands.sending import FiguresMissing, NotByOneText, NothingToSay, ThatIsCollection
from domain.commands.texts import TextNotInForce, Wordings
from tests.domain.commands.books import act, disbursed, repay
from tests.domain.commands.test_agencies import late
from tests.domain.commands.test_dispatch import reachable
from tests.domain.commands.test_planning import american

FEB_20 = date(2025, 2, 20)
TEN = datetime(2025, 2, 20, 2, 0, tzinfo=UTC)
JUN_20 = date(2025, 6, 20)
JUNE_NOON = datetime(2025, 6, 20, 4, 0, tzinfo=UTC)
AT_NIGHT = datetime(2025, 2, 19, 19, 0, tzinfo=UTC)
"""Three in the morning of 20 February in Shanghai."""


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def lent(book: Book, *kinds: PointKind) -> tuple[UUID, UUID]:
    """A borrower who can be reached, and a loan of theirs that is late."""
    borrower_id = reachable(book, *(kinds or (PointKind.PHONE, PointKind.ADDRESS)))
    return borrower_id, disbursed(book, borrower_id=borrower_id)


def sent(book: Book, borrower_id: UUID, template: str, **said: Any) -> Planned:
    fields: dict[str, Any] = {
        "contact_ref": "S-1",
        "loan_id": None,
        "figures": {},
        "at": TEN,
        "on": FEB_20,
        "occasion": "staff",
        **said,
    }
    return sending.one_text(book, borrower_id=borrower_id, template=template, **fields)


def dispatched(book: Book, found: Planned, at: datetime = TEN) -> dispatch.Decided:
    """What becomes of it when the dispatcher gives it its turn."""
    turn = Turn(
        at,
        lambda _: act(FEB_20),
        lambda planned, loans: saying(planned, loans, FEB_20),
        Wordings(book),
    )
    (decided,) = dispatch.decide_all(book, [found.planned], turn)
    return decided


def test_a_notice_is_sent_with_what_is_known_of_the_loan_and_what_staff_say(book: Book) -> None:
    borrower_id, loan_id = lent(book)

    found = sent(book, borrower_id, "notice", loan_id=loan_id, figures={"pay_by_on": "2025-03-01"})
    decided = dispatched(book, found)

    assert (decided.answer, decided.channel) == (Answer.ALLOW, Channel.LETTER)
    assert decided.planned.purpose == Purpose.STATUTORY
    assert decided.text is not None
    said = {each.figure: each.reads for each in decided.text.figures}
    assert (said["amount"], said["due_on"]) == ("86.07 CNY", "2025-02-15")


def test_a_receipt_of_a_payment_says_what_came_in_and_goes_out_at_night(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    repay(book, loan_id, "P-1", 50_00, FEB_20)

    found = sent(book, borrower_id, "receipt", loan_id=loan_id, payment_ref="P-1", at=AT_NIGHT)
    decided = dispatched(book, found, AT_NIGHT)

    assert (decided.answer, decided.channel) == (Answer.ALLOW, Channel.SMS)
    assert decided.text is not None
    said = {each.figure: each.reads for each in decided.text.figures}
    assert (said["amount"], said["received_on"]) == ("50.00 CNY", "2025-02-20")


def test_nobody_confirms_a_payment_that_was_not_made_or_was_reversed(book: Book) -> None:
    borrower_id, loan_id = lent(book)

    with pytest.raises(NothingToSay):
        sent(book, borrower_id, "receipt", loan_id=loan_id, payment_ref="P-1")
    with pytest.raises(NothingToSay):
        sent(book, borrower_id, "receipt", loan_id=loan_id, figures={"amount": "9.00 CNY"})


def test_a_text_about_a_late_loan_waits_for_the_morning(book: Book) -> None:
    borrower_id, loan_id = lent(book)

    found = sent(book, borrower_id, "collection", loan_id=loan_id, at=AT_NIGHT)

    assert found.not_before == datetime(2025, 2, 20, 0, 0, tzinfo=UTC)
    assert dispatched(book, found).answer == Answer.ALLOW


def test_nothing_is_sent_that_could_never_be_said(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    _, of_another = lent(book)

    with pytest.raises(TextNotInForce):
        sent(book, borrower_id, "nobody-wrote-it", loan_id=loan_id)
    with pytest.raises(TextNotInForce):
        sent(book, borrower_id, "notice", loan_id=loan_id, channel=Channel.SMS)
    with pytest.raises(FiguresMissing, match="pay_by_on"):
        sent(book, borrower_id, "notice", loan_id=loan_id)
    with pytest.raises(LoanNotNamed):
        sent(book, borrower_id, "collection")
    with pytest.raises(NotTheBorrowers):
        sent(book, borrower_id, "collection", loan_id=of_another)
    with pytest.raises(NotByOneText):
        sent(book, borrower_id, "offer")
    repay(book, loan_id, "P-1", 200_00, FEB_20)
    with pytest.raises(NothingToSay):
        sent(book, borrower_id, "collection", loan_id=loan_id)


def test_nothing_is_queued_that_asks_for_money_of_a_loan_at_law(book: Book) -> None:
    borrower_id, loan_id = late(book)
    people = {"reason": "no answer", "approved_by": "head of collections"}
    legal.refer(book, act(JUN_20), loan_id=loan_id, **people)
    on_that_day: Any = {"loan_id": loan_id, "on": JUN_20, "at": JUNE_NOON}

    for template in ("collection", "after-due"):
        with pytest.raises(AtLaw, match="claimed at law since 2025-06-20"):
            sent(book, borrower_id, template, **on_that_day)

    pay_by = {"pay_by_on": "2025-07-01"}
    notice = sent(book, borrower_id, "notice", figures=pay_by, **on_that_day)
    assert notice.planned.purpose == Purpose.STATUTORY


def test_who_promised_to_pay_is_not_asked_by_text_before_the_day_is_over(book: Book) -> None:
    borrower_id, loan_id = late(book)
    promise: Any = {"promise_ref": "PR-1", "amount": 86_07, "promised_on": JUN_20}
    borrowers.promise(book, act(JUN_20), loan_id=loan_id, **promise)

    with pytest.raises(PromiseOpen, match="by 2025-06-20 is open"):
        sent(book, borrower_id, "collection", loan_id=loan_id, on=JUN_20, at=JUNE_NOON)
    reminder = sent(book, borrower_id, "after-due", loan_id=loan_id, on=JUN_20, at=JUNE_NOON)
    assert reminder.planned.purpose == Purpose.SERVICE_REMINDER


def test_a_reminder_that_staff_send_is_about_the_next_instalment(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    repay(book, loan_id, "P-1", 86_07, FEB_20)

    found = sent(book, borrower_id, "before-due", loan_id=loan_id)
    decided = dispatched(book, found)

    assert [each.instalment for each in found.planned.about] == [2]
    assert decided.text is not None
    assert ("due_on", "2025-03-15") in [(e.figure, e.reads) for e in decided.text.figures]


def test_in_the_united_states_no_reminder_goes_out_about_a_late_loan(book: Book) -> None:
    borrower_id = american(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    with pytest.raises(ThatIsCollection):
        sent(book, borrower_id, "after-due", loan_id=loan_id)

    assert sent(book, borrower_id, "collection", loan_id=loan_id).planned.purpose == "COLLECTION"
