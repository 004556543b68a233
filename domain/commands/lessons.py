"""What borrowers are told of money, without an offer: each lesson once, when it is of use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.contact_policy import Channel, Purpose
from domain.base.policy import LessonCause, LessonPlan
from domain.base.refusal import Refusal
from domain.borrower.borrower import Borrower
from domain.commands.book import Book
from domain.commands.dispatch import Planned, Subject
from domain.commands.planning import Turn, first_moment

LESSON = "lesson"
"""With this word begins what brings a lesson about."""

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cause:
    """That a lesson may be of use: what happens on a loan, and on which day.

    *instalment* is the next of the loan to fall due, by which one can tell what came of it.
    """

    loan_id: UUID
    borrower_id: UUID
    after: LessonCause
    on: date
    instalment: int | None = None


def occasion_of(lesson: str) -> str:
    """What brings a lesson about."""
    return f"{LESSON} {lesson}"


def span(plans: Iterable[LessonPlan], after: LessonCause, on: date) -> tuple[date, date] | None:
    """The first and the last day on which a cause brings a lesson about that is due on a day."""
    of_it = [each for each in plans if each.after == after and each.channels]
    if not of_it:
        return None
    return (
        on - timedelta(days=max(each.until_days for each in of_it)),
        on - timedelta(days=min(each.from_days for each in of_it)),
    )


def lessons(
    book: Book,
    causes: Iterable[Cause],
    borrowers: Mapping[UUID, Borrower],
    start: datetime,
    *,
    late: Collection[UUID] = (),
    busy: Collection[UUID] = (),
    queued: Collection[str] = (),
) -> Iterator[Turn]:
    """One message for each borrower and lesson that is due on the day that *start* begins.

    It is about all loans that it is due for, at the first moment that the gate allows. Who is
    *late* with a loan has none: what is told them of late payment would collect. A second
    lesson of one day, and one of a day on which the borrower is asked to pay (*busy*), has its
    turn on the next while its days last. What is *queued* by its reference is not planned again.
    """
    on = start.date()
    by_borrower: defaultdict[UUID, list[Cause]] = defaultdict(list)
    for cause in causes:
        by_borrower[cause.borrower_id].append(cause)
    for borrower_id, own in by_borrower.items():
        borrower = borrowers.get(borrower_id)
        if borrower is None or borrower_id in late:
            continue
        wait = int(borrower_id in busy)
        for plan in book.policies.lesson_plans_of(borrower.jurisdiction, on):
            due = [each for each in own if each.after == plan.after and _is_due(plan, each, on)]
            ref = ref_of(borrower, plan)
            if due and ref not in queued and not _was_given(borrower, ref):
                yield _turn(book, borrower, _planned(borrower, plan, due, start), start, wait)
                wait += 1


def _is_due(plan: LessonPlan, cause: Cause, on: date) -> bool:
    return plan.from_days <= (on - cause.on).days <= plan.until_days


def ref_of(borrower: Borrower, plan: LessonPlan) -> str:
    """The reference of the contact that gives a borrower a lesson: there is one, for good."""
    return f"E-{borrower.borrower_ref}-{plan.lesson}"


def _was_given(borrower: Borrower, ref: str) -> bool:
    """Whether it had its turn: made, or told on record why it is not."""
    return ref in borrower.contacts or ref in borrower.not_made


def _planned(
    borrower: Borrower, plan: LessonPlan, due: Sequence[Cause], start: datetime
) -> Planned:
    last = max(each.on for each in due) + timedelta(days=plan.until_days)
    return Planned(
        contact_ref=ref_of(borrower, plan),
        borrower_id=borrower.id,
        purpose=Purpose.EDUCATION,
        channels=tuple(Channel(each) for each in plan.channels),
        template=plan.template,
        occasion=occasion_of(plan.lesson),
        about=tuple(Subject(each.loan_id, each.instalment) for each in due),
        figures=(),
        product_line=None,
        trial=None,
        expires_at=start + (last - start.date()).days * DAY + DAY,
    )


def _turn(book: Book, borrower: Borrower, planned: Planned, start: datetime, wait: int) -> Turn:
    """When a lesson has its turn: *wait* days on, or on its last day where that comes before."""
    begins = min(start + wait * DAY, planned.expires_at - DAY)
    try:
        return Turn(planned, first_moment(borrower, planned, book.rules.contact, begins))
    except Refusal as refusal:
        return Turn(planned, start, refusal.code)
