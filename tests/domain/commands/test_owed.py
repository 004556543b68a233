"""What borrowers are owed in writing: a receipt for a payment, a notice that the law demands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from domain.base.complaint_policy import Ground, Severity
from domain.base.contact_policy import Channel, Outcome, PointKind, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, Verdict
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer
from domain.commands import borrowers, complaints, contacts, dispatch, loans, owed
from domain.commands.book import Book
from domain.commands.dispatch import Decided
from domain.commands.owed import InArrears, Payment
from domain.commands.planning import Turn
from domain.commands.sayings import saying
from domain.commands.texts import Wordings
from domain.loan.loan import Loan
from tests.domain.commands.books import act, disbursed, loan_of, repay
from tests.domain.commands.test_dispatch import reached_at

FEB_15, FEB_20 = date(2025, 2, 15), date(2025, 2, 20)
NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2025, 2, 20, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def start(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=NEW_YORK)


def lent(book: Book, jurisdiction: str = "US", zone: str = "America/New_York") -> tuple[UUID, UUID]:
    """A borrower with telephone, mail and address, and a loan that is late."""
    borrower_id = uuid4()
    borrowers.register(
        book, act(), borrower_id=borrower_id, jurisdiction=jurisdiction, zones=[zone]
    )
    for number, kind in enumerate((PointKind.PHONE, PointKind.EMAIL, PointKind.ADDRESS)):
        reached_at(book, borrower_id, number, kind)
    return borrower_id, disbursed(book, borrower_id=borrower_id)


def called(
    book: Book, borrower_id: UUID, loan_id: UUID, outcome: Outcome, at: datetime = NOON
) -> None:
    """A collector called about the loan."""
    contact_ref = f"C-{uuid4()}"
    contacts.decide(
        book,
        act(at.date()),
        borrower_id=borrower_id,
        contact_ref=contact_ref,
        intent=Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)),
        at=at,
        occasion="worklist",
    )
    contacts.tell(
        book,
        act(at.date()),
        borrower_id=borrower_id,
        contact_ref=contact_ref,
        result=Result(outcome, at),
    )


def noticed(book: Book, borrower_id: UUID, loan_id: UUID, on: date) -> list[Turn]:
    """The notices that the plan of a day has about a late loan."""
    people = book.get_many(Borrower, [borrower_id])
    oldest = loan_of(book, loan_id).oldest_unpaid_on() or on
    late = [InArrears(loan_id, borrower_id, oldest)] if oldest < on else []
    due = list(owed.notices_due(book, late, people, start(on)))
    return list(owed.notices(book, due, book.get_many(Loan, [loan_id]), start(on)))


def receipted(book: Book, loan_id: UUID, *refs: str, **changes: Any) -> list[Turn]:
    """The receipts that the plan of a day has, where the lender asks for them."""
    loans_ = book.get_many(Loan, [loan_id])
    people = book.get_many(Borrower, [each.borrower_id for each in loans_.values()])
    plan = replace(book.policies.receipt_plans[0], channels=("SMS", "EMAIL"), **changes)
    asked = replace(book.rules, policies=replace(book.policies, receipt_plans=(plan,)))
    payments = [Payment(loan_id, ref) for ref in refs]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(book), "rules", asked)
        return list(owed.receipts(book, payments, loans_, people, start(FEB_20)))


def sent(book: Book, turn: Turn, at: datetime) -> Decided:
    """What becomes of it when it has its turn; what is allowed is sent."""
    on = at.astimezone(NEW_YORK).date()
    (found,) = dispatch.decide_all(
        book,
        [turn.planned],
        dispatch.Turn(at, lambda _: act(on), lambda said, of: saying(said, of, on), Wordings(book)),
    )
    if found.answer == Answer.ALLOW:
        key = (turn.planned.borrower_id, turn.planned.contact_ref)
        dispatch.tell_all(book, {key: Result(Outcome.SENT, at)}, act=lambda _: act(on))
    return found


def test_who_was_first_spoken_to_about_a_debt_is_told_in_writing_what_is_owed(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    assert noticed(book, borrower_id, loan_id, FEB_20) == []
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)

    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    decided = sent(book, turn, NOON + DAY)

    assert turn.planned.purpose == Purpose.STATUTORY
    assert (decided.answer, decided.channel) == (Answer.ALLOW, Channel.LETTER)
    assert decided.text is not None
    said = {each.figure: each.reads for each in decided.text.figures}
    assert (said["amount"], said["principal"], said["interest"]) == (
        "86.07 CNY",
        "81.07 CNY",
        "5.00 CNY",
    )
    assert said["answer_by"] == "2025-03-30"


def test_a_call_that_nobody_answered_asks_for_no_notice(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.ATTEMPTED)

    assert noticed(book, borrower_id, loan_id, FEB_20 + DAY) == []


def test_a_notice_is_given_once_and_each_day_until_it_went_out(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    noticed(book, borrower_id, loan_id, FEB_20 + DAY)

    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + 2 * DAY)
    sent(book, turn, NOON + 2 * DAY)

    assert noticed(book, borrower_id, loan_id, FEB_20 + 3 * DAY) == []


def bounced(book: Book, borrower_id: UUID, *refs: str) -> None:
    """A provider told of messages that they did not arrive."""
    for ref in refs:
        contacts.report_delivery(
            book,
            act(FEB_20),
            borrower_id=borrower_id,
            contact_ref=ref,
            delivered=False,
            provider="post",
            reported_at=NOON + 12 * DAY,
            reason="RETURNED",
        )


def test_a_notice_that_arrived_by_no_way_is_owed_still_and_goes_first_by_what_is_left(
    book: Book,
) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    assert sent(book, turn, NOON + DAY).channel == Channel.LETTER
    bounced(book, borrower_id, turn.planned.contact_ref)

    (again,) = noticed(book, borrower_id, loan_id, FEB_20 + 12 * DAY)

    assert sent(book, again, NOON + 12 * DAY).channel == Channel.EMAIL
    assert noticed(book, borrower_id, loan_id, FEB_20 + 13 * DAY) == []
    bounced(book, borrower_id, again.planned.contact_ref)
    (once_more,) = noticed(book, borrower_id, loan_id, FEB_20 + 13 * DAY)
    assert sent(book, once_more, NOON + 13 * DAY).channel == Channel.LETTER


def test_a_notice_that_arrived_after_all_is_given(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    sent(book, turn, NOON + DAY)
    bounced(book, borrower_id, turn.planned.contact_ref)
    contacts.report_delivery(
        book,
        act(FEB_20 + 2 * DAY),
        borrower_id=borrower_id,
        contact_ref=turn.planned.contact_ref,
        delivered=True,
        provider="post",
        reported_at=NOON + 2 * DAY,
    )

    assert noticed(book, borrower_id, loan_id, FEB_20 + 3 * DAY) == []


def test_a_notice_that_the_law_demands_passes_a_request_to_cease(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    borrowers.set_hold(
        book, act(FEB_20), borrower_id=borrower_id, hold_ref="H-1", kind="CEASE", reason="letter"
    )

    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)

    assert sent(book, turn, NOON + DAY).answer == Answer.ALLOW


def test_who_paid_what_was_late_needs_no_notice(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    repay(book, loan_id, "P-1", 86_07, FEB_20)

    assert noticed(book, borrower_id, loan_id, FEB_20 + DAY) == []


def test_in_the_united_kingdom_arrears_of_a_month_bring_a_notice_twice_a_year(book: Book) -> None:
    borrower_id, loan_id = lent(book, "UK", "Europe/London")
    month = FEB_15 + timedelta(days=31)
    assert noticed(book, borrower_id, loan_id, month - DAY) == []

    (turn,) = noticed(book, borrower_id, loan_id, month)
    decided = sent(book, turn, start(month) + timedelta(hours=12))

    assert (decided.answer, turn.planned.template) == (Answer.ALLOW, "arrears-notice")
    assert noticed(book, borrower_id, loan_id, month + 180 * DAY) == []
    assert noticed(book, borrower_id, loan_id, month + 184 * DAY)


def test_a_payment_is_confirmed_once_it_is_known_where_the_lender_asks_for_it(book: Book) -> None:
    _, loan_id = lent(book)
    repay(book, loan_id, "P 1/2025", 50_00, FEB_20)

    (turn,), (again,) = (receipted(book, loan_id, "P 1/2025") for _ in range(2))
    decided = sent(book, turn, NOON)

    assert turn == again
    assert (decided.answer, decided.channel) == (Answer.ALLOW, Channel.SMS)
    assert decided.text is not None
    assert ("amount", "50.00 CNY") in [(e.figure, e.reads) for e in decided.text.figures]


def test_a_payment_that_was_reversed_is_not_confirmed(book: Book) -> None:
    _, loan_id = lent(book)
    repay(book, loan_id, "P-1", 50_00, FEB_20)
    loans.reverse(book, act(FEB_20), loan_id=loan_id, payment_ref="P-1", reason="bounced")

    assert receipted(book, loan_id, "P-1") == []


def test_no_receipt_goes_out_until_the_lender_asks_for_them(book: Book) -> None:
    _, loan_id = lent(book)
    repay(book, loan_id, "P-1", 50_00, FEB_20)
    loan = loan_of(book, loan_id)
    people = book.get_many(Borrower, [loan.borrower_id])

    found = owed.receipts(book, [Payment(loan_id, "P-1")], {loan_id: loan}, people, start(FEB_20))

    assert list(found) == []


def complained(book: Book, borrower_id: UUID, loan_id: UUID | None = None) -> None:
    """A borrower in China complained, and was approved to wait longer on 20 February."""
    at = start(FEB_15)
    complaints.open_complaint(
        book,
        act(FEB_15),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        severity=Severity.LOW,
        category=Category.SERVICE,
        came_by=Came.HOTLINE,
        opened_at=at,
        loan_id=loan_id,
    )
    complaints.extend_complaint(
        book,
        act(FEB_20),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        ground=Ground.COMPLEX,
        reason="three loans",
        approved_by="head",
        extended_at=at + 5 * DAY,
    )


def told(book: Book, borrower_id: UUID, on: date) -> list[Turn]:
    return list(owed.extended(book, [book.get(Borrower, borrower_id)], start(on)))


def test_who_complains_is_told_that_it_takes_longer_once_and_until_it_went_out(book: Book) -> None:
    borrower_id, loan_id = lent(book, "CN", "Asia/Shanghai")
    complained(book, borrower_id, loan_id)
    assert told(book, borrower_id, FEB_15) == []
    assert len(told(book, borrower_id, FEB_20)) == 1

    (turn,) = told(book, borrower_id, FEB_20 + DAY)
    decided = sent(book, turn, NOON + DAY + timedelta(hours=9))

    assert (decided.answer, decided.channel) == (Answer.ALLOW, Channel.SMS)
    assert decided.text is not None
    said = {each.figure: each.reads for each in decided.text.figures}
    assert said == {"complaint": "Q-1", "resolve_by": "2025-03-17"}
    assert told(book, borrower_id, FEB_20 + 2 * DAY) == []


def test_a_complaint_that_is_resolved_takes_no_longer_and_nobody_says_so(book: Book) -> None:
    borrower_id, _ = lent(book, "CN", "Asia/Shanghai")
    complained(book, borrower_id)
    complaints.resolve_complaint(
        book,
        act(FEB_20 + DAY),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        outcome=Verdict.UPHELD,
        resolved_at=NOON + DAY,
    )

    assert told(book, borrower_id, FEB_20 + 2 * DAY) == []


def test_where_no_plan_asks_for_it_nobody_is_told(book: Book) -> None:
    borrower_id, _ = lent(book)
    complained(book, borrower_id)

    assert told(book, borrower_id, FEB_20 + DAY) == []


def late_on(
    book: Book, turn: Turn, on: date, *reasons: str, state: str = "DROPPED"
) -> list[owed.LateNotice]:
    return owed.still_late(book, [(turn.planned, state, reasons)], on)


def test_a_notice_that_did_not_go_out_in_time_is_told_of_with_borrower_rule_and_days(
    book: Book,
) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    assert turn.planned.due_by == FEB_20 + 5 * DAY
    assert late_on(book, turn, FEB_20 + 5 * DAY) == []

    (late,) = late_on(book, turn, FEB_20 + 8 * DAY, "NO_CONTACT_POINT")

    borrower = book.get(Borrower, borrower_id)
    assert (late.borrower_ref, late.rule, late.days_late) == (
        borrower.borrower_ref,
        "validation (notices-1)",
        3,
    )
    assert late.sentence == (
        f"The validation (notices-1) notice to {borrower.borrower_ref} about"
        f" {loan_of(book, loan_id).loan_ref} was due by 2025-02-25: 3 day(s) late, dropped"
        " (NO_CONTACT_POINT). See contact notices."
    )


def test_a_notice_that_went_out_after_all_or_is_needed_no_more_is_not_late(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    (again,) = noticed(book, borrower_id, loan_id, FEB_20 + 7 * DAY)
    sent(book, again, NOON + 7 * DAY)
    assert late_on(book, turn, FEB_20 + 8 * DAY) == []
    other, paid = lent(book)
    called(book, other, paid, Outcome.CONVERSATION)
    (turn,) = noticed(book, other, paid, FEB_20 + DAY)
    repay(book, paid, "P-1", 86_07, FEB_20 + DAY)

    assert late_on(book, turn, FEB_20 + 8 * DAY) == []


def test_a_notice_that_went_out_and_did_not_arrive_is_late_and_says_so(book: Book) -> None:
    borrower_id, loan_id = lent(book)
    called(book, borrower_id, loan_id, Outcome.CONVERSATION)
    (turn,) = noticed(book, borrower_id, loan_id, FEB_20 + DAY)
    sent(book, turn, NOON + DAY)
    assert late_on(book, turn, FEB_20 + 8 * DAY, state="DONE") == []
    bounced(book, borrower_id, turn.planned.contact_ref)

    (late,) = late_on(book, turn, FEB_20 + 8 * DAY, state="DONE")

    assert (late.state, late.reasons) == ("NOT_DELIVERED", ("RETURNED",))
    assert "3 day(s) late, not delivered (RETURNED)." in late.sentence


def test_a_complainant_who_was_not_told_is_told_of_until_the_complaint_is_resolved(
    book: Book,
) -> None:
    borrower_id, _ = lent(book, "CN", "Asia/Shanghai")
    complained(book, borrower_id)
    (turn,) = told(book, borrower_id, FEB_20 + DAY)
    (late,) = late_on(book, turn, FEB_20 + 4 * DAY)
    assert (late.days_late, late.loan_refs) == (2, ())
    complaints.resolve_complaint(
        book,
        act(FEB_20 + 4 * DAY),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        outcome=Verdict.UPHELD,
        resolved_at=NOON + 4 * DAY,
    )

    assert late_on(book, turn, FEB_20 + 5 * DAY) == []
