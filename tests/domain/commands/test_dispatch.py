"""Planned contacts: decided on when their turn comes, in batches, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Route, RouteState, Template
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Result, Text
from domain.borrower.gate import Answer
from domain.commands import borrowers, contacts, dispatch
from domain.commands.book import Book
from domain.commands.dispatch import Planned, Subject, Turn
from domain.commands.sayings import saying
from domain.loan.loan import Loan
from infra.decisions import Judges, made_again
from tests.domain.commands.books import act, disbursed, registered, repay

TEN = datetime(2025, 2, 13, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, two days before the first instalment."""
FEB_13 = date(2025, 2, 13)
HOUR = timedelta(hours=1)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def wording(
    template: str,
    *,
    channel: Channel,
    jurisdiction: str,
    figures: Sequence[Figure],
    on: date,
    version: str | None,
    language: str | None = None,
) -> Text | None:
    """A text that says its figures."""
    if template == "nowhere":
        return None
    said = ", ".join(f"{each.figure} {each.reads}" for each in figures)
    reads = Template(f"【示例消费金融】{said}", "示例消费金融", price_named=False)
    return Text(template, version or "7", tuple(figures), reads)


def turn(at: datetime = TEN) -> Turn:
    def on_behalf(_: UUID) -> Any:
        return act(at.date())

    def now(planned: Planned, loans: Mapping[UUID, Loan]) -> dispatch.Due:
        return saying(planned, loans, at.date())

    return Turn(at, on_behalf, now, wording)


def reachable(book: Book, *kinds: PointKind) -> UUID:
    borrower_id = registered(book)
    for number, kind in enumerate(kinds):
        reached_at(book, borrower_id, number, kind)
    return borrower_id


def abroad(book: Book) -> UUID:
    """A borrower of a law that no policy knows."""
    borrower_id = uuid4()
    borrowers.register(
        book, act(), borrower_id=borrower_id, jurisdiction="JP", zones=["Asia/Tokyo"]
    )
    reached_at(book, borrower_id, 0, PointKind.PHONE)
    return borrower_id


def reached_at(book: Book, borrower_id: UUID, number: int, kind: PointKind) -> None:
    contacts.add_contact_point(
        book,
        act(),
        borrower_id=borrower_id,
        point_ref=f"P-{number}",
        kind=kind,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(days=30),
    )


def reminder(borrower_id: UUID, loan_id: UUID, **said: Any) -> Planned:
    fields: dict[str, Any] = {
        "contact_ref": f"R-{uuid4().hex[:8]}",
        "borrower_id": borrower_id,
        "purpose": Purpose.SERVICE_REMINDER,
        "channels": (Channel.SMS, Channel.EMAIL),
        "template": "due-soon",
        "occasion": "reminder -2",
        "about": (Subject(loan_id, 1),),
        "figures": (),
        "product_line": None,
        "trial": None,
        "expires_at": TEN + timedelta(days=1),
        **said,
    }
    return Planned(**fields)


def decided_on(book: Book, borrower_id: UUID) -> Counter[str]:
    events = book.events.get(borrower_id)
    return Counter(each.answer for each in events if isinstance(each, Borrower.ContactDecided))


def test_a_reminder_says_what_is_left_when_it_is_sent(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    repay(book, loan_id, "P-1", 50_00, FEB_13)

    (found,) = dispatch.decide_all(book, [planned], turn())

    assert (found.answer, found.channel, found.point_ref) == (Answer.ALLOW, Channel.SMS, "P-0")
    assert found.text is not None
    assert Figure("amount", "36.07 CNY") in found.text.figures
    assert Figure("due_on", "2025-02-15") in found.text.figures


def test_what_was_paid_in_the_meantime_is_not_reminded_of(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    repay(book, loan_id, "P-1", 86_07, FEB_13)

    (found,) = dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())

    assert (found.answer, found.reasons) == (None, ("NOTHING_LEFT",))
    assert not decided_on(book, borrower_id)


def not_made(book: Book, borrower_id: UUID) -> list[tuple[str, list[str], str | None]]:
    events = book.events.get(borrower_id)
    found = [each for each in events if isinstance(each, Borrower.ContactNotMade)]
    return [(each.contact_ref, each.reasons, each.channel) for each in found]


def decided_again(book: Book, borrower_id: UUID) -> list[str]:
    events = book.events.get(borrower_id)
    return [each.answer for each in events if isinstance(each, Borrower.ContactDecidedAgain)]


def test_why_nobody_was_reminded_stands_on_the_record_of_the_borrower(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    nowhere, refused = reachable(book, PointKind.ADDRESS), reachable(book, PointKind.PHONE)
    repay(book, loan_id, "P-1", 86_07, FEB_13)
    owed = disbursed(book, borrower_id=borrower_id)
    planned = [
        reminder(borrower_id, loan_id, contact_ref="R-1", planned_for=FEB_13),
        reminder(borrower_id, owed, contact_ref="R-2", expires_at=TEN),
        reminder(nowhere, owed, contact_ref="R-3"),
        reminder(refused, owed, contact_ref="R-4", template="nowhere"),
    ]

    dispatch.decide_all(book, planned, turn())

    assert not_made(book, borrower_id) == [
        ("R-1", ["NOTHING_LEFT"], None),
        ("R-2", ["TOO_LATE"], None),
    ]
    assert not_made(book, nowhere) == [("R-3", ["NO_CONTACT_POINT"], None)]
    assert not_made(book, refused) == [("R-4", ["TEMPLATE"], "SMS")]


def test_a_reminder_put_off_beyond_its_day_is_on_record_as_not_made(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    night = TEN + timedelta(hours=13)
    planned = reminder(borrower_id, loan_id, contact_ref="R-1", expires_at=night + HOUR)

    (found,) = dispatch.decide_all(book, [planned], turn(night))

    assert found.answer == Answer.DEFER
    assert not_made(book, borrower_id) == [("R-1", [*found.reasons, "TOO_LATE"], "SMS")]


def test_a_reminder_that_is_only_put_off_is_not_on_record_as_not_made(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id, contact_ref="R-1")

    dispatch.decide_all(book, [planned], turn(TEN - timedelta(hours=4)))

    assert not not_made(book, borrower_id)


def test_a_reminder_that_was_not_made_is_told_of_once_and_not_made_later(book: Book) -> None:
    borrower_id = reachable(book, PointKind.ADDRESS)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id, contact_ref="R-1")
    dispatch.decide_all(book, [planned], turn())
    reached_at(book, borrower_id, 7, PointKind.PHONE)

    (found,) = dispatch.decide_all(book, [planned], turn())

    assert (found.answer, found.reasons) == (None, ("NO_CONTACT_POINT",))
    assert not_made(book, borrower_id) == [("R-1", ["NO_CONTACT_POINT"], None)]


def test_the_channel_is_the_first_by_which_the_borrower_can_be_reached(book: Book) -> None:
    borrower_id = reachable(book, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    nowhere = reachable(book, PointKind.ADDRESS)

    by_mail, by_nothing = dispatch.decide_all(
        book, [reminder(borrower_id, loan_id), reminder(nowhere, loan_id)], turn()
    )

    assert by_mail.channel == Channel.EMAIL
    assert by_nothing.reasons == ("NO_CONTACT_POINT",)


def test_a_number_that_was_given_goes_before_one_that_was_read_from_the_telephone(
    book: Book,
) -> None:
    borrower_id = registered(book)
    for ref, source in (("P-0", PointSource.CALL_LOG), ("P-1", PointSource.APPLICATION)):
        contacts.add_contact_point(
            book,
            act(),
            borrower_id=borrower_id,
            point_ref=ref,
            kind=PointKind.PHONE,
            source=source,
            lawful_basis="CONTRACT",
            added_at=TEN - timedelta(days=30),
        )
    loan_id = disbursed(book, borrower_id=borrower_id)

    (found,) = dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())

    assert (found.answer, found.point_ref) == (Answer.ALLOW, "P-1")


def test_a_text_that_is_not_in_force_is_blocked_and_the_answer_recorded(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)

    (found,) = dispatch.decide_all(
        book, [reminder(borrower_id, loan_id, template="nowhere")], turn()
    )

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("TEMPLATE",))
    assert decided_on(book, borrower_id) == {"BLOCK": 1}


def test_two_reminders_of_one_day_are_one_too_many_in_one_batch_too(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    two = [reminder(borrower_id, loan_id), reminder(borrower_id, loan_id)]

    found = dispatch.decide_all(book, two, turn())

    assert [each.answer for each in found] == [Answer.ALLOW, Answer.DEFER]


def test_what_comes_too_late_is_not_sent(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)

    (found,) = dispatch.decide_all(book, [reminder(borrower_id, loan_id, expires_at=TEN)], turn())

    assert (found.answer, found.reasons) == (None, ("TOO_LATE",))


def test_a_contact_whose_sender_died_is_sent_again_as_it_was_judged(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    (first,) = dispatch.decide_all(book, [planned], turn())
    repay(book, loan_id, "P-1", 50_00, FEB_13)

    (again,) = dispatch.decide_all(book, [planned], turn(TEN + HOUR))

    assert (again.answer, again.repeated) == (Answer.ALLOW, True)
    assert again.text == first.text
    assert decided_on(book, borrower_id) == {"ALLOW": 1}


def test_a_contact_whose_sender_died_is_not_sent_at_night(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    dispatch.decide_all(book, [planned], turn())

    (again,) = dispatch.decide_all(book, [planned], turn(TEN + 12 * HOUR))

    assert (again.answer, again.reasons) == (Answer.DEFER, ("WINDOW",))


def test_the_answer_on_which_a_message_goes_after_all_is_on_record_beside_the_first(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    dispatch.decide_all(book, [planned], turn())

    dispatch.decide_all(book, [planned], turn(TEN + HOUR))
    dispatch.decide_all(book, [planned], turn(TEN + 12 * HOUR))

    assert decided_again(book, borrower_id) == ["ALLOW", "DEFER"]
    assert not not_made(book, borrower_id)


def test_the_answers_on_which_a_message_goes_after_all_come_out_again_as_they_did(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id, template=None)
    dispatch.decide_all(book, [planned], turn())
    dispatch.decide_all(book, [planned], turn(TEN + HOUR))
    dispatch.decide_all(book, [planned], turn(TEN + 12 * HOUR))

    found = list(made_again(book, borrower_id, Judges(book.rules)))

    assert [(each.decided.answer, each.differs) for each in found] == [
        ("ALLOW", None),
        ("ALLOW", None),
        ("DEFER", None),
    ]


def test_a_contact_whose_sender_died_is_not_sent_when_it_is_out_of_date(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    dispatch.decide_all(book, [planned], turn())

    (again,) = dispatch.decide_all(book, [planned], turn(planned.expires_at))

    assert (again.answer, again.reasons) == (Answer.BLOCK, ("TOO_LATE",))


def test_a_contact_whose_sender_died_is_not_sent_to_a_number_given_up_since(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    dispatch.decide_all(book, [planned], turn())
    contacts.retire_contact_point(
        book, act(), borrower_id=borrower_id, point_ref="P-0", reason="sold", retired_at=TEN
    )

    (again,) = dispatch.decide_all(book, [planned], turn(TEN + HOUR))

    assert (again.answer, again.reasons) == (Answer.BLOCK, ("CONTACT_POINT",))
    assert again.repeated


def test_a_contact_whose_sender_died_is_not_sent_of_what_was_paid_since(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    dispatch.decide_all(book, [planned], turn())
    repay(book, loan_id, "P-1", 90_00, FEB_13)

    (again,) = dispatch.decide_all(book, [planned], turn(TEN + HOUR))

    assert (again.answer, again.reasons) == (Answer.BLOCK, ("NOTHING_LEFT",))


def test_nobody_is_held_up_by_a_borrower_whose_law_is_not_known(book: Book) -> None:
    stranger, borrower_id = abroad(book), reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)

    found = dispatch.decide_all(
        book, [reminder(stranger, loan_id), reminder(borrower_id, loan_id)], turn()
    )

    assert [(each.answer, each.reasons) for each in found] == [
        (None, ("POLICY_MISSING",)),
        (Answer.ALLOW, ()),
    ]


def test_nobody_is_judged_at_another_moment_than_that_of_sending(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    midnight = TEN - 10 * HOUR
    dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())
    planned = reminder(borrower_id, loan_id, purpose=Purpose.RECEIPT)

    (early,) = dispatch.decide_all(book, [planned], turn(midnight))

    assert (early.answer, early.until) == (Answer.DEFER, TEN)
    assert early.reasons == ("CONTACT_OUT_OF_ORDER",)
    assert decided_on(book, borrower_id) == {"ALLOW": 1}


def test_what_came_of_a_batch_is_told_once(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    dispatch.decide_all(book, [planned], turn())
    results = {(borrower_id, planned.contact_ref): Result(Outcome.SENT, TEN, provider="sms")}

    for _ in range(2):
        dispatch.tell_all(book, results, act=turn().act)

    borrower = book.get(Borrower, borrower_id)
    assert borrower.contacts[planned.contact_ref].outcome == Outcome.SENT
    assert not borrower.open_contacts
    (over,) = dispatch.decide_all(book, [planned], turn(TEN + HOUR))
    assert over.reasons == ("OVER",)


def test_what_came_of_a_batch_is_told_without_reading_its_borrowers_again(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    (decided,) = dispatch.decide_all(book, [planned], turn())
    assert decided.borrower is not None
    results = {(borrower_id, planned.contact_ref): Result(Outcome.SENT, TEN)}

    with monkeypatch.context() as patch:
        patch.setattr(book, "get_many", None)
        dispatch.tell_all(book, results, act=turn().act, known=[decided.borrower])

    told = book.get(Borrower, borrower_id)
    assert told.contacts[planned.contact_ref].outcome == Outcome.SENT
    assert told.version == decided.borrower.version


def test_what_came_of_it_is_told_also_where_another_wrote_since_it_was_decided(book: Book) -> None:
    people = [reachable(book, PointKind.PHONE) for _ in range(3)]
    plan = [reminder(each, disbursed(book, borrower_id=each)) for each in people]
    decided = dispatch.decide_all(book, plan, turn())
    known = [each.borrower for each in decided if each.borrower is not None]
    contacts.opt_out(
        book,
        act(FEB_13),
        borrower_id=people[1],
        channel=Channel.SMS,
        purpose=None,
        source="REPLY",
        opted_out_at=TEN,
    )
    results = {(each.borrower_id, each.contact_ref): Result(Outcome.SENT, TEN) for each in plan}

    dispatch.tell_all(book, results, act=turn().act, known=known)

    for each in plan:
        borrower = book.get(Borrower, each.borrower_id)
        assert borrower.contacts[each.contact_ref].outcome == Outcome.SENT
    assert book.get(Borrower, people[1]).opt_outs


def test_what_another_told_since_it_was_decided_stays_as_told(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    (decided,) = dispatch.decide_all(book, [planned], turn())
    assert decided.borrower is not None
    key = (borrower_id, planned.contact_ref)
    dispatch.tell_all(book, {key: Result(Outcome.FAILED, TEN)}, act=turn().act)

    sent = {key: Result(Outcome.SENT, TEN)}
    dispatch.tell_all(book, sent, act=turn().act, known=[decided.borrower])

    told = book.get(Borrower, borrower_id).contacts[planned.contact_ref]
    assert told.outcome == Outcome.FAILED


def test_what_was_decided_and_told_is_found_under_the_commands_that_the_events_name(
    book: Book,
) -> None:
    people = [reachable(book, PointKind.PHONE) for _ in range(2)]
    planned = [reminder(each, disbursed(book, borrower_id=each)) for each in people]
    dispatch.decide_all(book, planned, turn())
    results = {(each.borrower_id, each.contact_ref): Result(Outcome.SENT, TEN) for each in planned}
    dispatch.tell_all(book, results, act=turn().act)

    for borrower_id in people:
        decided, told = [*book.events.get(borrower_id)][-2:]
        for event in (decided, told):
            assert isinstance(event, Borrower.ContactDecided | Borrower.ContactMade)
            found = book.streams.find_command(event.command_id)
            assert found is not None
            assert (found.stream_id, found.version) == (borrower_id, event.originator_version)


def test_a_batch_in_which_another_was_first_is_decided_again(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [reachable(book, PointKind.PHONE) for _ in range(4)]
    plan = [reminder(each, disbursed(book, borrower_id=each)) for each in people]
    keep = book.keep
    first: list[int] = []

    def late(commands: Any, *streams: Any) -> None:
        if not first:
            first.append(1)
            contacts.opt_out(
                book,
                act(),
                borrower_id=people[2],
                channel=Channel.SMS,
                purpose=None,
                source="REPLY",
                opted_out_at=TEN,
            )
        keep(commands, *streams)

    monkeypatch.setattr(book, "keep", late)
    found = dispatch.decide_all(book, plan, turn())

    assert [each.answer for each in found] == ["ALLOW", "ALLOW", "BLOCK", "ALLOW"]


def test_a_message_about_a_late_loan_is_not_sent_once_its_borrower_promised(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    at = TEN + timedelta(days=7)
    planned = reminder(
        borrower_id,
        loan_id,
        purpose=Purpose.COLLECTION,
        about=(Subject(loan_id),),
        expires_at=at + timedelta(days=1),
    )
    borrowers.promise(
        book,
        act(at.date()),
        promise_ref="W-1",
        loan_id=loan_id,
        amount=50_00,
        promised_on=at.date() + timedelta(days=2),
    )

    (found,) = dispatch.decide_all(book, [planned], turn(at))

    assert (found.answer, found.reasons) == (None, ("PROMISE_OPEN",))


def decisions(book: Book, borrower_id: UUID) -> list[tuple[str, str | None, str]]:
    return [
        (each.channel, each.point_ref, each.answer)
        for each in book.events.get(borrower_id)
        if isinstance(each, Borrower.ContactDecided)
    ]


def test_who_refuses_one_channel_is_reminded_by_the_next_and_both_answers_are_on_record(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    contacts.opt_out(
        book,
        act(),
        borrower_id=borrower_id,
        channel=Channel.SMS,
        purpose=None,
        source="BRANCH",
        opted_out_at=TEN - HOUR,
    )

    (found,) = dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())

    assert (found.answer, found.channel, found.point_ref) == (Answer.ALLOW, Channel.EMAIL, "P-1")
    assert decisions(book, borrower_id) == [("SMS", "P-0", "BLOCK"), ("EMAIL", "P-1", "ALLOW")]


def test_what_stands_against_every_way_is_said_once(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    borrowers.set_hold(
        book, act(), borrower_id=borrower_id, hold_ref="H-1", kind="CEASE", reason="asked"
    )

    (found,) = dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("HOLD",))
    assert decisions(book, borrower_id) == [("SMS", "P-0", "BLOCK")]


def test_a_channel_that_nobody_carries_now_is_left_for_one_that_somebody_does(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)

    def by_mail(channel: Channel, jurisdiction: str, _: str | None) -> Route:
        carried = (channel, jurisdiction) == (Channel.EMAIL, "CN")
        return Route(RouteState.OPEN if carried else RouteState.DISABLED)

    (found,) = dispatch.decide_all(
        book, [reminder(borrower_id, loan_id)], replace(turn(), route=by_mail)
    )

    assert (found.answer, found.channel) == (Answer.ALLOW, Channel.EMAIL)


def test_a_number_that_is_dead_leaves_the_next_way_until_none_is_left(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id)
    tried = []

    while True:
        (found,) = dispatch.decide_all(book, [planned], turn())
        tried.append((found.planned.contact_ref, found.point_ref))
        result = Result(Outcome.FAILED, TEN, reason="DEAD")
        told = {(borrower_id, planned.contact_ref): result}
        dispatch.tell_all(book, told, act=lambda _: act())
        again = dispatch.other_ways(book, [planned], TEN)
        assert again == dispatch.other_ways(book, [planned], TEN)
        if not again:
            break
        (planned,) = again

    first = tried[0][0]
    assert tried == [(first, "P-0"), (f"{first}.2", "P-1")]


# --- the way out -----------------------------------------------------------------------


def by(**states: RouteState) -> dispatch.Asked:
    """How the ways out stand, by channel."""

    def asked(channel: Channel, _jurisdiction: str, _sender: str | None) -> Route:
        return Route(states.get(channel, RouteState.OPEN), f"provider-{channel}".lower(), "1")

    return asked


def reasons_told(book: Book, borrower_id: UUID) -> list[tuple[str, list[str]]]:
    """What was recorded of each decision: the answer, and what stood against it."""
    return [
        (each.answer, [against.reason for against in each.against])
        for each in book.events.get(borrower_id)
        if isinstance(each, Borrower.ContactDecided)
    ]


def test_a_contact_that_finds_no_way_out_takes_no_place_under_a_cap(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))

    (found,) = dispatch.decide_all(
        book, [planned], replace(turn(), route=by(SMS=RouteState.LICENCE_EXPIRED))
    )

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("LICENCE_EXPIRED",))
    assert reasons_told(book, borrower_id) == [("BLOCK", ["LICENCE_EXPIRED"])]
    assert not book.get(Borrower, borrower_id).contacts


def test_a_contact_waits_while_only_its_way_out_is_missing_and_that_is_told_once(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    disabled = replace(turn(), route=by(SMS=RouteState.DISABLED))

    (first,) = dispatch.decide_all(book, [planned], disabled)
    waiting = replace(planned, waiting_for=first.reasons)
    (second,) = dispatch.decide_all(book, [waiting], replace(disabled, at=TEN + HOUR))

    assert first.waits and second.waits
    assert second.until == TEN + HOUR + dispatch.ROUTE_AGAIN_AFTER
    assert reasons_told(book, borrower_id) == [("BLOCK", ["NO_ROUTE"])]
    assert not not_made(book, borrower_id)


def test_a_contact_goes_out_once_its_route_is_back(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    (first,) = dispatch.decide_all(
        book, [planned], replace(turn(), route=by(SMS=RouteState.DISABLED))
    )

    (found,) = dispatch.decide_all(
        book, [replace(planned, waiting_for=first.reasons)], replace(turn(TEN + HOUR), route=by())
    )

    assert found.answer == Answer.ALLOW
    assert reasons_told(book, borrower_id) == [("BLOCK", ["NO_ROUTE"]), ("ALLOW", [])]


def test_a_route_that_is_missing_at_night_loses_no_reminder_of_the_morning(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    before_dawn = TEN - 4 * HOUR

    (found,) = dispatch.decide_all(
        book, [planned], replace(turn(before_dawn), route=by(SMS=RouteState.DISABLED))
    )

    assert found.waits
    assert found.until == TEN - 2 * HOUR
    assert reasons_told(book, borrower_id) == [("BLOCK", ["NO_ROUTE", "WINDOW"])]


def test_a_contact_whose_route_does_not_come_back_is_on_record_as_not_made(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(
        borrower_id,
        disbursed(book, borrower_id=borrower_id),
        contact_ref="R-1",
        expires_at=TEN + timedelta(minutes=1),
    )

    dispatch.decide_all(book, [planned], replace(turn(), route=by(SMS=RouteState.NO_ROUTE)))

    assert not_made(book, borrower_id) == [("R-1", ["NO_ROUTE", "TOO_LATE"], "SMS")]


def test_who_refused_a_channel_is_not_waited_for_until_its_route_is_back(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id), contact_ref="R-1")
    contacts.opt_out(
        book,
        act(),
        borrower_id=borrower_id,
        channel=Channel.SMS,
        purpose=None,
        source="APP",
        opted_out_at=TEN - HOUR,
    )

    (found,) = dispatch.decide_all(
        book, [planned], replace(turn(), route=by(SMS=RouteState.DISABLED))
    )

    assert not found.waits
    assert not_made(book, borrower_id) == [("R-1", ["NO_ROUTE", "OPT_OUT"], "SMS")]


def test_decisions_on_the_way_out_come_out_again_as_they_did(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id), template=None)
    for state in (RouteState.LICENCE_EXPIRED, RouteState.DISABLED, RouteState.OPEN):
        dispatch.decide_all(book, [planned], replace(turn(), route=by(SMS=state)))

    found = list(made_again(book, borrower_id, Judges(book.rules)))

    assert [each.differs for each in found] == [None, None, None]


def test_a_message_whose_sender_died_is_not_sent_once_the_licence_ended(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    dispatch.decide_all(book, [planned], replace(turn(), route=by()))

    (found,) = dispatch.decide_all(
        book, [planned], replace(turn(TEN + HOUR), route=by(SMS=RouteState.LICENCE_EXPIRED))
    )

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("LICENCE_EXPIRED",))


# --- what did not arrive ---------------------------------------------------------------


def sent_and_lost(book: Book, borrower_id: UUID, planned: Planned) -> None:
    """A message is sent, and its provider tells that it did not arrive."""
    dispatch.decide_all(book, [planned], turn())
    told = {(borrower_id, planned.contact_ref): Result(Outcome.SENT, TEN, provider="sms")}
    dispatch.tell_all(book, told, act=lambda _: act())
    contacts.report_delivery(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref=planned.contact_ref,
        delivered=False,
        provider="sms",
        reported_at=TEN + timedelta(minutes=1),
        reason="EXPIRED",
    )


def test_a_notice_that_did_not_arrive_goes_another_way_and_the_record_says_why(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id, contact_ref="R-1", purpose=Purpose.STATUTORY)
    sent_and_lost(book, borrower_id, planned)

    again = dispatch.other_ways(book, [planned], TEN)
    (found,) = dispatch.decide_all(book, again, turn(TEN + HOUR))

    assert (found.planned.contact_ref, found.channel) == ("R-1.2", Channel.EMAIL)
    assert found.answer == Answer.ALLOW
    last = [
        each for each in book.events.get(borrower_id) if isinstance(each, Borrower.ContactDecided)
    ][-1]
    assert (last.follows, last.follows_because) == ("R-1", "NOT_DELIVERED")


def test_a_reminder_that_did_not_arrive_still_counts_against_the_cap(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    planned = reminder(borrower_id, disbursed(book, borrower_id=borrower_id))
    sent_and_lost(book, borrower_id, planned)

    (found,) = dispatch.decide_all(
        book, dispatch.other_ways(book, [planned], TEN), turn(TEN + HOUR)
    )

    assert (found.answer, found.reasons) == (Answer.DEFER, ("CAP",))


@pytest.mark.parametrize("purpose", [Purpose.CARE, Purpose.EDUCATION])
def test_who_was_not_reached_by_a_greeting_is_not_pursued(book: Book, purpose: Purpose) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    planned = reminder(
        borrower_id, disbursed(book, borrower_id=borrower_id), purpose=purpose, template=None
    )
    sent_and_lost(book, borrower_id, planned)

    assert dispatch.other_ways(book, [planned], TEN) == []


def test_a_message_that_arrived_after_all_is_not_sent_again(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.EMAIL)
    loan_id = disbursed(book, borrower_id=borrower_id)
    planned = reminder(borrower_id, loan_id, purpose=Purpose.STATUTORY)
    sent_and_lost(book, borrower_id, planned)
    contacts.report_delivery(
        book,
        act(),
        borrower_id=borrower_id,
        contact_ref=planned.contact_ref,
        delivered=True,
        provider="sms",
        reported_at=TEN + timedelta(minutes=2),
    )

    assert dispatch.other_ways(book, [planned], TEN) == []


# --- what changes between the answer and the hand-over ---------------------------------


def test_a_refusal_after_the_answer_is_found_before_the_message_goes(book: Book) -> None:
    borrower_id, other = reachable(book, PointKind.PHONE), reachable(book, PointKind.PHONE)
    planned = [reminder(each, disbursed(book, borrower_id=each)) for each in (borrower_id, other)]
    decided = dispatch.decide_all(book, planned, turn())
    assert dispatch.moved_on(book, decided) == []
    contacts.opt_out(
        book,
        act(),
        borrower_id=borrower_id,
        channel=Channel.SMS,
        purpose=None,
        source="REPLY",
        opted_out_at=TEN,
    )

    (moved,) = dispatch.moved_on(book, decided)
    (again,) = dispatch.decide_all(book, [moved.planned], turn(TEN + timedelta(seconds=1)))

    assert moved.planned == planned[0]
    assert (again.answer, again.reasons) == (Answer.BLOCK, ("OPT_OUT",))


def test_a_payment_after_the_answer_is_found_before_the_reminder_goes(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    decided = dispatch.decide_all(book, [reminder(borrower_id, loan_id)], turn())
    repay(book, loan_id, "P-1", 86_07, FEB_13)

    (moved,) = dispatch.moved_on(book, decided)
    (again,) = dispatch.decide_all(book, [moved.planned], turn(TEN + timedelta(seconds=1)))

    assert (again.answer, again.reasons) == (Answer.BLOCK, ("NOTHING_LEFT",))
