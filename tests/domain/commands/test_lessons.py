"""Lessons: what a borrower is told of money, once, when it is of use, on a day of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import Channel, PointKind, Purpose
from domain.base.policy import LessonCause
from domain.borrower.borrower import Borrower
from domain.borrower.gate import Answer
from domain.commands import borrowers, contacts, dispatch, experiments, lessons, trials
from domain.commands.book import Book
from domain.commands.lessons import Cause
from domain.commands.planned import tell_planned
from domain.commands.planning import Turn
from domain.commands.sayings import saying
from domain.commands.texts import Wordings
from domain.loan.loan import Loan
from domain.operations.design import AppliesTo, Arm
from domain.operations.experiment import ExperimentNotSound
from infra.dated_rules import checked
from tests.domain.commands.books import act, disbursed
from tests.domain.commands.test_dispatch import abroad, reachable
from tests.domain.commands.test_trials import only
from tests.domain.story import LOAN_ID

FIRST_DUE = date(2025, 2, 15)
MIDNIGHT = datetime(2025, 2, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
"""Ten days before the first instalment falls due."""
EIGHT = datetime(2025, 2, 5, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def cause(
    borrower_id: UUID,
    after: LessonCause = LessonCause.FIRST_DUE,
    on: date = FIRST_DUE,
    loan_id: UUID = LOAN_ID,
) -> Cause:
    return Cause(loan_id, borrower_id, after, on, instalment=1)


def taught(book: Book, *causes: Cause, start: datetime = MIDNIGHT, **beside: Any) -> list[Turn]:
    people = book.get_many(Borrower, {each.borrower_id for each in causes})
    return list(lessons.lessons(book, causes, people, start, **beside))


def named(turns: Iterable[Turn]) -> list[str]:
    return [each.planned.occasion for each in turns]


def sent(book: Book, turn: Turn, at: datetime) -> dispatch.Decided:
    """What the gate says when a lesson has its turn, by the texts that are shipped."""
    on = at.date()
    (found,) = dispatch.decide_all(
        book,
        [turn.planned],
        dispatch.Turn(
            at,
            lambda _: replace(act(on), recorded_at=at),
            lambda planned, loans: saying(planned, loans, on),
            Wordings(book),
        ),
    )
    return found


def test_how_repaying_works_is_told_in_the_two_weeks_before_the_first_instalment(
    book: Book,
) -> None:
    borrower_id = reachable(book, PointKind.PHONE)

    by_day = {
        days: named(taught(book, cause(borrower_id), start=MIDNIGHT + days * DAY))
        for days in (-5, -4, 8, 9)
    }
    (turn,) = taught(book, cause(borrower_id))

    assert by_day == {-5: [], -4: ["lesson repaying"], 8: ["lesson repaying"], 9: []}
    assert (turn.planned.purpose, turn.planned.template) == (Purpose.EDUCATION, "lesson-repaying")
    assert turn.not_before == EIGHT
    assert turn.planned.expires_at == MIDNIGHT + 9 * DAY
    assert [(each.loan_id, each.instalment) for each in turn.planned.about] == [(LOAN_ID, 1)]


def test_one_lesson_is_for_all_loans_of_a_borrower(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    other = cause(borrower_id, on=FIRST_DUE + DAY, loan_id=UUID(int=7))

    (turn,) = taught(book, cause(borrower_id), other)

    assert len(turn.planned.about) == 2
    assert turn.planned.expires_at == MIDNIGHT + 10 * DAY


def test_a_second_lesson_of_one_day_waits_for_the_next(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    paid_late = cause(borrower_id, LessonCause.PAID_LATE, MIDNIGHT.date() - 2 * DAY, UUID(int=7))

    turns = taught(book, cause(borrower_id), paid_late)

    assert named(turns) == ["lesson late-payment", "lesson repaying"]
    assert [each.not_before for each in turns] == [EIGHT, EIGHT + DAY]


def test_a_lesson_makes_way_for_a_reminder_of_the_day_while_its_days_last(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    busy = {borrower_id}

    (waits,) = taught(book, cause(borrower_id), busy=busy)
    (last,) = taught(book, cause(borrower_id), start=MIDNIGHT + 8 * DAY, busy=busy)

    assert waits.not_before == EIGHT + DAY
    assert last.not_before == EIGHT + 8 * DAY


def test_a_lesson_that_is_in_the_queue_is_not_planned_again(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    (turn,) = taught(book, cause(borrower_id))

    assert taught(book, cause(borrower_id), queued={turn.planned.contact_ref}) == []


def test_nobody_who_is_late_has_a_lesson(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)

    assert taught(book, cause(borrower_id), late={borrower_id}) == []


def test_a_lesson_is_sent_in_the_words_of_its_jurisdiction_and_given_once(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    (turn,) = taught(book, cause(borrower_id, loan_id=loan_id))

    found = sent(book, turn, EIGHT)

    assert (found.answer, found.channel) == (Answer.ALLOW, Channel.SMS)
    assert found.text is not None
    assert found.text.template == "cn-lesson-repaying-sms"
    assert found.text.reads.text.endswith("拒收请回复T")
    assert taught(book, cause(borrower_id), start=MIDNIGHT + DAY) == []


def test_a_lesson_that_waited_is_dropped_when_the_loan_is_late_by_then(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    (turn,) = taught(book, cause(borrower_id, on=FIRST_DUE + 4 * DAY, loan_id=loan_id))

    in_time = saying(turn.planned, book.get_many(Loan, [loan_id]), FIRST_DUE)
    late = saying(turn.planned, book.get_many(Loan, [loan_id]), FIRST_DUE + DAY)

    assert (in_time.moot, late.moot) == (None, "LATE")


def test_a_lesson_about_a_loan_that_is_over_is_dropped(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    (turn,) = taught(book, cause(borrower_id))

    assert saying(turn.planned, {}, FIRST_DUE).moot == "NOTHING_LEFT"


def test_a_borrower_who_refused_messages_has_no_lesson_and_the_record_says_why(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    contacts.opt_out(
        book,
        act(),
        borrower_id=borrower_id,
        channel=None,
        purpose=Purpose.EDUCATION,
        source="APP",
        opted_out_at=EIGHT - DAY,
    )
    loan_id = disbursed(book, borrower_id=borrower_id)
    (turn,) = taught(book, cause(borrower_id, loan_id=loan_id))

    found = sent(book, turn, EIGHT)

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("OPT_OUT",))
    assert turn.planned.contact_ref in book.get(Borrower, borrower_id).not_made
    assert taught(book, cause(borrower_id), start=MIDNIGHT + DAY) == []


def test_a_hold_that_stops_all_contact_stops_lessons_too(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    borrowers.set_hold(
        book,
        act(),
        borrower_id=borrower_id,
        hold_ref="H-1",
        kind="CEASE",
        reason="asked to be left alone",
        from_on=MIDNIGHT.date() - DAY,
    )
    loan_id = disbursed(book, borrower_id=borrower_id)
    (turn,) = taught(book, cause(borrower_id, loan_id=loan_id))

    found = sent(book, turn, EIGHT)

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("HOLD",))


def test_a_jurisdiction_without_rules_drops_the_lesson_and_says_so(book: Book) -> None:
    (turn,) = taught(book, cause(abroad(book)))

    assert turn.dropped == "POLICY_MISSING"


def test_a_lesson_can_be_held_out_and_is_not_planned_again(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    design = only(
        Arm("UNTAUGHT", 1, hold_out=True),
        experiment="taught",
        applies_to=AppliesTo.LESSON,
        target="repaying",
    )
    experiments.start(book, act(MIDNIGHT.date()), design=design)
    people = book.get_many(Borrower, [borrower_id])

    (turn,) = trials.on_trial(book, taught(book, cause(borrower_id)), people, MIDNIGHT)
    tell_planned(book, act(), [turn], MIDNIGHT.date(), EIGHT)

    assert turn.dropped == "HELD_OUT"
    assert taught(book, cause(borrower_id), start=MIDNIGHT + DAY) == []
    experiments.stop(book, act(MIDNIGHT.date()), name="taught", reason="over")


def test_a_lesson_in_an_arm_with_an_hour_keeps_the_day_that_it_waits_for(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    design = only(
        Arm("EVENING", 1, hour=19),
        experiment="hour-of-lessons",
        applies_to=AppliesTo.LESSON,
        target="repaying",
    )
    experiments.start(book, act(MIDNIGHT.date()), design=design)
    people = book.get_many(Borrower, [borrower_id])
    turns = taught(book, cause(borrower_id), busy={borrower_id})

    (turn,) = trials.on_trial(book, turns, people, MIDNIGHT)

    assert turn.not_before == datetime(2025, 2, 6, 11, 0, tzinfo=UTC)
    experiments.stop(book, act(MIDNIGHT.date()), name="hour-of-lessons", reason="over")


def test_no_experiment_is_on_a_lesson_that_nobody_plans(book: Book) -> None:
    design = only(
        Arm("NONE", 1, hold_out=True),
        experiment="no-lesson",
        applies_to=AppliesTo.LESSON,
        target="juggling",
    )

    with pytest.raises(ExperimentNotSound, match="complaints, late-payment, repaying"):
        experiments.start(book, act(MIDNIGHT.date()), design=design)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("from_days = 3", "its days end before they begin"),
        ('after = "PAYDAY"', "PAYDAY"),
        ('lesson = "Saving money"', "no name of small letters"),
        ('channels = ["PHONE"]', "nothing is sent by PHONE"),
    ],
)
def test_a_plan_of_a_lesson_that_makes_no_sense_is_refused(
    book: Book, wrong: str, why: str
) -> None:
    fields = {
        "lesson": 'lesson = "saving"',
        "after": 'after = "FIRST_DUE"',
        "from_days": "from_days = 1",
        "channels": 'channels = ["SMS"]',
    }
    fields[wrong.partition(" ")[0]] = wrong
    text = "\n".join(
        [
            "[[lesson_plan]]",
            'version = "2"',
            'jurisdiction = "CN"',
            "until_days = 2",
            'template = "lesson-repaying"',
            "from = 2025-01-01",
            'source = "a test"',
            *fields.values(),
        ]
    )

    _, faults = checked(text, "new.toml", book.rules)

    assert why in "; ".join(faults)


def test_a_lesson_of_ones_own_law_comes_before_that_of_all(book: Book) -> None:
    policies = book.policies
    own = replace(policies.lesson_plans[0], jurisdiction="CN", channels=())
    known = replace(policies, lesson_plans=(own, *policies.lesson_plans))

    of_cn, of_us = (
        [each.lesson for each in known.lesson_plans_of(place, MIDNIGHT.date())]
        for place in ("CN", "US")
    )

    assert set(of_us) - set(of_cn) == {own.lesson}
