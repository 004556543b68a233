"""What borrowers' streams tell of a plan: who is in which arm, and what is not made."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.base.contact_policy import PointKind
from domain.borrower.borrower import Borrower
from domain.borrower.contacts import Trial
from domain.commands import dispatch
from domain.commands.book import Book
from domain.commands.planned import tell_planned
from domain.commands.planning import Turn
from tests.domain.commands.books import act, disbursed
from tests.domain.commands.test_dispatch import FEB_13, TEN, not_made, reachable, reminder
from tests.domain.commands.test_dispatch import turn as now


def line(book: Book, borrower_id: UUID, dropped: str | None = None, arm: str | None = None) -> Turn:
    """A reminder of the day that is dropped for a reason, or in an arm."""
    loan_id = disbursed(book, borrower_id=borrower_id)
    trial = None if arm is None else Trial("hold-out", arm)
    return Turn(replace(reminder(borrower_id, loan_id), trial=trial), TEN, dropped)


def told(book: Book, turns: list[Turn]) -> None:
    tell_planned(book, act(FEB_13), turns, FEB_13, TEN)


def arms(book: Book, borrower_id: UUID) -> list[str]:
    events = book.events.get(borrower_id)
    return [each.arm for each in events if isinstance(each, Borrower.VariantAssigned)]


def test_whom_a_hold_or_an_experiment_keeps_a_reminder_from_is_on_record_with_the_reason(
    book: Book,
) -> None:
    held, without = reachable(book, PointKind.PHONE), reachable(book, PointKind.PHONE)
    first, second = line(book, held, "hold, paid"), line(book, without, "HELD_OUT", "NO_REMINDER")

    told(book, [first, second])

    ref = first.planned.contact_ref
    assert not_made(book, held) == [(ref, ["hold", "paid"], None)]
    last = list(book.events.get(without))[-1]
    assert isinstance(last, Borrower.ContactNotMade)
    assert (last.reasons, last.experiment, last.arm) == (["HELD_OUT"], "hold-out", "NO_REMINDER")
    assert last.planned_for == FEB_13


def test_the_arm_of_an_experiment_that_a_borrower_is_in_is_on_record_once(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    told(book, [line(book, borrower_id, arm="AS_PLANNED")])

    told(book, [line(book, borrower_id, arm="AS_PLANNED")])

    assert arms(book, borrower_id) == ["AS_PLANNED"]


def test_a_plan_that_is_told_of_twice_is_on_record_once(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    turns = [line(book, borrower_id, "hold")]
    told(book, turns)

    told(book, turns)

    assert len(not_made(book, borrower_id)) == 1


def test_nothing_is_on_record_of_a_reminder_whose_turn_comes(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    before = list(book.events.get(borrower_id))

    told(book, [line(book, borrower_id)])

    assert list(book.events.get(borrower_id)) == before


def test_a_reminder_that_a_plan_dropped_is_not_made_by_whoever_sends(book: Book) -> None:
    borrower_id = reachable(book, PointKind.PHONE)
    dropped = line(book, borrower_id, "hold")
    told(book, [dropped])

    (found,) = dispatch.decide_all(book, [dropped.planned], now())

    assert (found.answer, found.reasons) == (None, ("hold",))
