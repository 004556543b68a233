"""The reminders of a day: one for each borrower, at the first moment that suits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import Channel, PointKind, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import OwnHours
from domain.borrower.gate import Answer
from domain.borrower.support_events import PlanRow
from domain.commands import borrowers, collecting, contacts, dispatch, planning, support
from domain.commands.book import Book
from domain.commands.planning import ToRemind, Turn
from domain.commands.sayings import saying
from domain.commands.texts import Wordings
from tests.domain.commands.books import act, disbursed, registered
from tests.domain.commands.test_dispatch import abroad, reachable, reached_at
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


def test_a_strategy_that_was_new_on_a_day_nobody_planned_has_its_message_with_the_next_plan(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    on = MIDNIGHT.date()
    late = [collecting.Late(LOAN_ID, borrower_id, "M1", 5)]
    collecting.assign_strategies(book, late, on, act=lambda: act(on))
    borrower = book.get(Borrower, borrower_id)
    later = MIDNIGHT + timedelta(days=2)

    (missed,) = planning.dunnings([borrower], book.rules, later, on - timedelta(days=1))
    (in_time,) = planning.dunnings([borrower], book.rules, MIDNIGHT)

    assert missed.planned.contact_ref == in_time.planned.contact_ref
    assert not [*planning.dunnings([borrower], book.rules, later, on)]


@pytest.mark.parametrize("bucket", ["M1", "M2", "M3", "M4", "M5", "M6", "M7"])
def test_who_promised_is_not_asked_again_before_the_day_is_over(book: Book, bucket: str) -> None:
    borrower_id = reachable(book, PointKind.PHONE, PointKind.ADDRESS)
    loan_id = disbursed(book, borrower_id=borrower_id)
    on = MIDNIGHT.date()
    late = [collecting.Late(loan_id, borrower_id, bucket, 5)]
    borrowers.promise(
        book, act(on), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=on
    )

    collecting.assign_strategies(book, late, on, act=lambda: act(on))

    borrower = book.get(Borrower, borrower_id)
    assert borrower.strategies[str(loan_id)].strategy == "wait for the promise"
    assert not [*planning.dunnings([borrower], book.rules, MIDNIGHT)]


def test_a_promise_made_after_the_strategy_was_assigned_stops_its_message(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    on = MIDNIGHT.date()
    late = [collecting.Late(loan_id, borrower_id, "M1", 5)]
    collecting.assign_strategies(book, late, on, act=lambda: act(on))

    borrowers.promise(
        book, act(on), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=on
    )

    borrower = book.get(Borrower, borrower_id)
    assert not [*planning.dunnings([borrower], book.rules, MIDNIGHT)]


def test_a_segment_has_a_strategy_of_its_own_after_what_became_of_a_promise(book: Book) -> None:
    on = MIDNIGHT.date()
    general = book.rules.policies.strategy("M1", on)
    assert general is not None
    own = replace(general, strategy="wait for the harvest", segment="FARMERS")
    policies = replace(book.rules.policies, strategies=(*book.rules.policies.strategies, own))

    def found(behaviour: str, segment: str | None) -> str:
        rule = policies.strategy("M1", on, behaviour, segment)
        assert rule is not None
        return rule.strategy

    assert found("ORDINARY", "FARMERS") == "wait for the harvest"
    assert found("ORDINARY", "OTHERS") == found("ORDINARY", None) == general.strategy
    assert found("PROMISE_OPEN", "FARMERS") == "wait for the promise"
    assert (policies.strategies_by_segment(on), book.policies.strategies_by_segment(on)) == (
        True,
        False,
    )


def test_a_loan_is_collected_by_the_strategy_of_its_segment(book: Book) -> None:
    borrower = book.get(Borrower, reachable(book, PointKind.PHONE))
    on = MIDNIGHT.date()
    general = book.rules.policies.strategy("M1", on)
    assert general is not None
    rules = [general, replace(general, segment="FARMERS")]

    for rule in (*rules, rules[-1]):
        borrower.assign_strategy(act(on), loan_id=LOAN_ID, bucket="M1", days_past_due=5, rule=rule)

    said = [each.segment for each in borrower.pending_events]  # type: ignore[attr-defined]
    assert said == [None, "FARMERS"]
    assert borrower.strategies[str(LOAN_ID)].segment == "FARMERS"


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


def american(book: Book) -> UUID:
    borrower_id = uuid4()
    borrowers.register(
        book, act(), borrower_id=borrower_id, jurisdiction="US", zones=["America/New_York"]
    )
    reached_at(book, borrower_id, 0, PointKind.PHONE)
    return borrower_id


def test_in_the_united_states_a_reminder_of_what_is_late_collects(book: Book) -> None:
    (turn,) = planned(book, american(book), row(offset_days=3))
    (elsewhere,) = planned(book, reachable(book, PointKind.PHONE), row(offset_days=3))

    assert (turn.planned.purpose, turn.planned.template) == (Purpose.COLLECTION, "collection")
    assert elsewhere.planned.purpose == Purpose.SERVICE_REMINDER


def test_what_is_late_and_what_falls_due_are_two_messages_where_one_collects(book: Book) -> None:
    due, late = planned(book, american(book), row(), row(offset_days=3, loan=OTHER_LOAN))

    assert (due.planned.purpose, late.planned.purpose) == (
        Purpose.SERVICE_REMINDER,
        Purpose.COLLECTION,
    )
    assert [each.loan_id for each in late.planned.about] == [OTHER_LOAN]
    assert due.planned.contact_ref != late.planned.contact_ref


def test_a_dispute_stops_a_reminder_that_collects(book: Book) -> None:
    borrower_id = american(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    borrowers.set_hold(
        book, act(), borrower_id=borrower_id, hold_ref="H-1", kind="DISPUTE", reason="not mine"
    )
    noon = datetime(2025, 2, 18, 17, 0, tzinfo=UTC)
    (turn,) = planned(book, borrower_id, row(offset_days=3, loan=loan_id))

    on = noon.date()
    (decided,) = dispatch.decide_all(
        book,
        [replace(turn.planned, expires_at=noon + timedelta(days=1))],
        dispatch.Turn(
            noon, lambda _: act(on), lambda said, of: saying(said, of, on), Wordings(book)
        ),
    )

    assert (decided.answer, decided.reasons) == (Answer.BLOCK, ("HOLD",))


def test_a_loan_that_a_reminder_collects_on_is_not_dunned_the_same_day(book: Book) -> None:
    borrower_id = american(book)
    on = MIDNIGHT.date()
    late = [collecting.Late(each, borrower_id, "M1", 1) for each in (LOAN_ID, OTHER_LOAN)]
    collecting.assign_strategies(book, late, on, act=lambda: act(on))
    dunned = planning.dunnings([book.get(Borrower, borrower_id)], book.rules, MIDNIGHT)
    reminded = planned(book, borrower_id, row(offset_days=1))

    turns = [*planning.merged([*reminded, *dunned])]

    said = {turn.planned.about[0].loan_id: turn.dropped for turn in turns[1:]}
    assert turns[0].dropped is None
    assert said == {LOAN_ID: planning.MERGED, OTHER_LOAN: None}


def test_who_keeps_a_plan_gets_no_reminder_that_collects(book: Book) -> None:
    borrower_id = american(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    support.propose_plan(
        book,
        act(),
        plan_ref="PL-1",
        loan_id=loan_id,
        rows=[PlanRow(date(2025, 2, 28), 60_00)],
        support_ref=None,
    )
    support.agree_plan(
        book, act(), borrower_id=borrower_id, plan_ref="PL-1", consent_ref="V-CONSENT"
    )
    support.schedule_check_in(book, act(), loan_id=loan_id, check_in_on=date(2025, 2, 28))

    (turn,) = planned(book, borrower_id, row(offset_days=3, loan=loan_id))

    assert turn.dropped == planning.LEFT_ALONE
