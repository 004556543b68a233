"""The reminders of a day: one for each borrower, at the first moment that suits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import Channel, PointKind
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import OwnHours
from domain.commands import collecting, contacts, planning
from domain.commands.book import Book
from domain.commands.planning import ToRemind, Turn
from tests.domain.commands.books import act, registered
from tests.domain.commands.test_dispatch import abroad, reachable
from tests.domain.story import LOAN_ID

MIDNIGHT = datetime(2025, 2, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
EIGHT = datetime(2025, 2, 12, 0, 0, tzinfo=UTC)
OTHER_LOAN = UUID(int=7)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def planned(book: Book, borrower_id: UUID, *rows: ToRemind) -> list[Turn]:
    borrowers = book.get_many(Borrower, [borrower_id])
    return list(planning.reminders({borrower_id: rows}, borrowers, book.rules, MIDNIGHT))


def row(offset_days: int = -3, cancelled: str | None = None, loan: UUID = LOAN_ID) -> ToRemind:
    return ToRemind(loan, 1, offset_days, cancelled)


def test_a_reminder_has_its_turn_when_the_law_opens_the_day(book: Book) -> None:
    (turn,) = planned(book, reachable(book, PointKind.PHONE), row())

    assert turn.not_before == EIGHT
    assert turn.planned.channels[0] == Channel.SMS
    assert (turn.planned.template, turn.planned.occasion) == ("before-due", "reminder -3")
    assert turn.dropped is None


def test_all_loans_of_a_borrower_make_one_reminder_in_the_words_of_the_latest(book: Book) -> None:
    (turn,) = planned(
        book, reachable(book, PointKind.PHONE), row(), row(offset_days=3, loan=OTHER_LOAN)
    )

    assert [each.loan_id for each in turn.planned.about] == [LOAN_ID, OTHER_LOAN]
    assert turn.planned.template == "after-due"


def test_what_was_paid_is_left_out_and_when_nothing_is_left_it_says_why(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)

    (some,) = planned(book, borrower_id, row(), row(cancelled="paid", loan=OTHER_LOAN))
    (none,) = planned(book, borrower_id, row(cancelled="paid"))

    assert [each.loan_id for each in some.planned.about] == [LOAN_ID]
    assert none.dropped == "paid"


def test_the_plan_of_a_day_is_made_with_a_borrower_whose_law_is_not_known(book: Book) -> None:
    (turn,) = planned(book, abroad(book), row())

    assert turn.dropped == "POLICY_MISSING"


def test_hours_that_the_borrower_prefers_are_kept_to_inside_those_of_the_law(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    for hours, opens in (("19:00-20:00", 11), ("22:00-23:00", 0)):
        start, _, end = hours.partition("-")
        contacts.set_own_hours(
            book,
            act(),
            borrower_id=borrower_id,
            hours=[OwnHours(start, end, only=False)],
            source="APP",
            set_at=EIGHT,
        )

        (turn,) = planned(book, borrower_id, row())

        assert turn.not_before == EIGHT + timedelta(hours=opens)


def test_the_same_day_plans_the_same_contact(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)

    (first,), (again,) = (planned(book, borrower_id, row()) for _ in range(2))

    assert first == again
    assert first.planned.contact_ref.endswith(f"{date(2025, 2, 12):%Y%m%d}")


def test_nobody_is_reminded_who_is_not_known(book: Book) -> None:
    plan = {UUID(int=3): [row()]}

    assert list(planning.reminders(plan, {}, book.rules, MIDNIGHT)) == []
    assert len(planned(book, registered(book), row())) == 1


def test_a_late_loan_has_a_message_on_the_day_its_strategy_is_new(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    late = [collecting.Late(LOAN_ID, borrower_id, "M1", 5)]
    on = MIDNIGHT.date()
    collecting.assign_strategies(book, late, on, act=lambda: act(on))
    borrower = book.get(Borrower, borrower_id)

    (turn,) = planning.dunnings([borrower], book.rules, MIDNIGHT)

    assert (turn.planned.channels, turn.planned.template) == ((Channel.SMS,), "collection")
    assert turn.not_before == EIGHT
    assert not [*planning.dunnings([borrower], book.rules, MIDNIGHT + timedelta(days=1))]


def test_a_segment_has_steps_of_its_own_or_none_where_it_is_left_alone(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    borrowers = book.get_many(Borrower, [borrower_id])
    step = book.rules.policies.reminder_step(-3, MIDNIGHT.date())
    assert step is not None
    own = (
        replace(step, segment="FARMERS", channels=("EMAIL",), template="on-due"),
        replace(step, segment="STAFF", channels=()),
    )
    policies = book.rules.policies
    rules = replace(
        book.rules, policies=replace(policies, reminder_steps=(*policies.reminder_steps, *own))
    )

    def first(segment: str | None) -> Turn:
        plan = {borrower_id: [replace(row(), segment=segment)]}
        (turn,) = planning.reminders(plan, borrowers, rules, MIDNIGHT)
        return turn

    assert first("FARMERS").planned.channels == (Channel.EMAIL,)
    assert first("FARMERS").planned.template == "on-due"
    assert first("STAFF").dropped == "not by this plan"
    assert first("OTHERS").planned == first(None).planned
