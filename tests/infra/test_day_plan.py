"""Each day is planned once, by the process that sends; what was missed is made up for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from structlog.testing import CapturingLogger

from domain.base.complaint_policy import Severity
from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from domain.commands import complaints, days
from domain.commands.book import Book
from domain.commands.dispatch import Planned, Subject
from domain.commands.planning import Turn
from infra import contact_queue, owed_plan
from infra.bootstrap import open_book
from infra.contact_policies import load_contact_rules
from infra.contact_queue import State
from infra.day_plan import PATIENCE, Chores
from tests.infra.views_at_work import (
    FEB_15,
    JAN_15,
    ViewsAtWork,
    act,
    borrower,
    lent,
    views_at_work,
)

ZONE = "Asia/Shanghai"
DAY = timedelta(days=1)


@pytest.fixture
def at_work(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as views:
        views.clear()
        yield views


@pytest.fixture
def book(at_work: ViewsAtWork) -> Iterator[Book]:
    """A book with one loan; the instalment of which falls due on 15 February."""
    ada, loan = borrower(), lent()
    ada.add_contact_point(
        act(JAN_15),
        point_ref="P-1",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=act(JAN_15).recorded_at,
    )
    at_work.show(deepcopy(ada), deepcopy(loan))
    with open_book(at_work.database_url, connections=1) as opened:
        opened.keep([], ada, loan)
        yield opened


def stands_on(book: Book, on: date) -> None:
    days.close_days(book, on - DAY, zone=ZONE, now=lambda: at(on))


def at(on: date, clock: time = time(6)) -> datetime:
    return datetime.combine(on, clock, ZoneInfo(ZONE))


def queued(at_work: ViewsAtWork) -> list[tuple[str, date]]:
    return [(line.occasion, line.planned_on) for line in contact_queue.lines(at_work.conn)]


def test_a_day_is_planned_once_and_one_on_which_nobody_was_there_is_made_up_for(
    at_work: ViewsAtWork, book: Book
) -> None:
    chores = Chores(book, at_work.conn, at_work.database_url, ZONE)
    monday, on = FEB_15 - 4 * DAY, FEB_15 - 2 * DAY
    stands_on(book, monday)

    waits = chores.plan_day(at(monday))
    first = chores.plan_day(at(monday) + PATIENCE)
    again = chores.plan_day(at(monday) + 2 * PATIENCE)
    behind = chores.plan_day(at(monday + DAY))
    stands_on(book, on)
    chores = Chores(book, at_work.conn, at_work.database_url, ZONE)
    early = chores.plan_day(at(on - DAY, time(23)))
    chores.plan_day(at(on))
    made_up = chores.plan_day(at(on) + PATIENCE)

    assert first is not None
    assert made_up is not None
    assert (waits, again, behind, early) == (None, None, None, None)
    assert (first.reminders, made_up.since, made_up.made_up) == (0, monday, 1)
    assert (first.lessons, made_up.lessons) == (1, 0)
    assert queued(at_work) == [("lesson repaying", monday), ("reminder -3", on)]
    known = days.planned(book)
    assert known is not None
    assert (known.day, known.actor) == (on, "dispatcher")


def test_what_became_known_after_a_days_plan_is_in_the_next_and_nothing_is_planned_twice(
    at_work: ViewsAtWork, book: Book
) -> None:
    chores = Chores(book, at_work.conn, at_work.database_url, ZONE)
    on = FEB_15 - 3 * DAY
    stands_on(book, on)
    chores.plan_day(at(on))
    chores.plan_day(at(on) + PATIENCE)

    late = lent("L-2", of="Ada", on=on, first_due_on=FEB_15)
    at_work.show(deepcopy(late))
    book.keep([], late)
    stands_on(book, on + DAY)
    chores.plan_day(at(on + DAY))
    found = chores.plan_day(at(on + DAY) + PATIENCE)

    assert found is not None
    assert (found.reminders, found.made_up) == (1, 1)
    assert queued(at_work) == [
        ("reminder -3", on),
        ("lesson repaying", on),
        ("reminder -3", on + DAY),
    ]


def test_a_complaint_goes_to_its_next_level_within_the_minute_its_deadline_passed(
    at_work: ViewsAtWork, book: Book
) -> None:
    chores = Chores(book, at_work.conn, at_work.database_url, ZONE)
    opened_at = at(FEB_15, time(10))
    borrower_id = borrower().id
    complaints.open_complaint(
        book,
        act(FEB_15),
        borrower_id=borrower_id,
        complaint_ref="Q-1",
        severity=Severity.CRITICAL,
        category=Category.COLLECTION,
        came_by=Came.HOTLINE,
        opened_at=opened_at,
    )

    def escalations() -> int:
        events = book.events.get(borrower_id)
        return sum(isinstance(each, Borrower.ComplaintEscalated) for each in events)

    chores.look(opened_at + timedelta(minutes=1))
    in_time = escalations()
    chores.look(opened_at + timedelta(days=1))
    chores.look(opened_at + timedelta(days=1, seconds=1))

    assert (in_time, escalations()) == (0, 1)


def notice(on: date, *, due_by: date, of: str = "Ada", about: str = "L-1") -> Planned:
    """A notice about a loan in arrears, as it is planned for a day."""
    loan_id = lent(about).id
    return Planned(
        contact_ref=f"N-B-{of}-arrears-{loan_id.hex[:12]}-{on:%Y%m%d}",
        borrower_id=borrower(of).id,
        purpose=Purpose.STATUTORY,
        channels=(Channel.LETTER,),
        template="arrears-notice",
        occasion="arrears notice",
        about=(Subject(loan_id),),
        figures=(),
        product_line=None,
        trial=None,
        expires_at=at(on + DAY),
        due_by=due_by,
        rule="arrears (notices-1)",
    )


def came_back(at_work: ViewsAtWork, book: Book, planned: Planned, sent: date, back: date) -> None:
    """A notice was sent by letter on a day, and came back on another."""
    ada = book.get(Borrower, planned.borrower_id)
    ada.add_contact_point(
        act(sent),
        point_ref="A-1",
        kind=PointKind.ADDRESS,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=at(sent),
    )
    debt = str(planned.about[0].loan_id)
    ada.decide_contact(
        act(sent),
        contact_ref=planned.contact_ref,
        intent=Intent(Purpose.STATUTORY, Channel.LETTER, contact_point="A-1", debt=debt),
        policies=load_contact_rules(),
        at=at(sent),
        occasion=planned.occasion,
    )
    result = Result(Outcome.SENT, at(sent), provider="post")
    ada.tell_contact(act(sent), contact_ref=planned.contact_ref, result=result)
    ada.report_delivery(
        act(back),
        contact_ref=planned.contact_ref,
        delivered=False,
        provider="post",
        reported_at=at(back),
        reason="RETURNED",
    )
    at_work.show(deepcopy(ada))
    book.keep([], ada)


@pytest.mark.parametrize(("came_back_on", "told"), [(FEB_15 + 5 * DAY, True), (FEB_15, False)])
def test_a_notice_that_comes_back_after_its_day_is_told_of_before_it_is_planned_again(
    at_work: ViewsAtWork, book: Book, came_back_on: date, told: bool
) -> None:
    on, sent = FEB_15 + 5 * DAY, FEB_15 - DAY
    stands_on(book, on)
    planned, another = notice(sent, due_by=FEB_15 + DAY), notice(on, due_by=on + DAY, about="L-2")
    with psycopg.connect(at_work.database_url) as conn:
        contact_queue.put(conn, [Turn(planned, at(sent))], sent)
        contact_queue.put(conn, [Turn(another, at(on))], on)
        contact_queue.end(conn, [(planned.contact_ref, State.DONE, Channel.LETTER, [])])

    came_back(at_work, book, planned, sent, came_back_on)

    found = owed_plan.late_notices(book, at_work.conn, on)
    assert [(each.days_late, each.state, each.reasons) for each in found] == (
        [(4, "NOT_DELIVERED", ("RETURNED",))] if told else []
    )


def test_a_notice_that_is_late_is_told_of_in_the_log_once_an_hour(
    at_work: ViewsAtWork, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = FEB_15 + 5 * DAY
    stands_on(book, on)
    planned = notice(on, due_by=on - 2 * DAY)
    with psycopg.connect(at_work.database_url) as conn:
        contact_queue.put(conn, [Turn(planned, at(on), "NO_CONTACT_POINT")], on)
    chores = Chores(book, at_work.conn, at_work.database_url, ZONE)
    log = CapturingLogger()
    monkeypatch.setattr("infra.day_plan.log", log)

    found = [chores.tell_of_alarms(at(on) + timedelta(minutes=each)) for each in (0, 0.5, 30, 61)]

    (late,) = [each for each in found[-1] if each.kind == "NOTICE_LATE"]
    assert (late.says["days_late"], late.says["reasons"]) == (2, ["NO_CONTACT_POINT"])
    assert [len(each) > 0 for each in found] == [True, False, True, True]
    told = Counter(call.kwargs["kind"] for call in log.calls)
    assert told["NOTICE_LATE"] == 2
