"""The contacts of a day: strategies of late loans, and what is queued to be sent.

The process that sends plans each day once, when it begins; staff may plan by hand as well.
What was planned of a day is an event of the book's days, so that a day on which nobody was
there to plan is made up for, and each is planned once however many processes there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.commands import collecting, complaints, days, planning, trials
from domain.commands.alarms import alarms
from domain.commands.book import Book
from domain.commands.dispatch import ACTOR
from domain.commands.sayings import claim_left
from domain.loan.loan import Loan
from domain.operations.business_day import DayPlan
from infra import clock, collect_queries, contact_queue, lesson_plan, logs, owed_plan, queries
from infra import planned as queueing
from infra.answers import Case, Reminded, Reminder
from infra.bootstrap import as_role
from infra.freshness import freshness
from infra.reading import Connection, connection
from infra.settings import Settings
from infra.store import WRITER

NOON = time(12)

VIEWS = ("reminders", "collections", "contacts")
"""The views that a day is planned by."""

log = logs.logger(__name__)

LOOK_EVERY = timedelta(seconds=15)
"""So often the process that sends looks whether a day is to be planned, and at the clocks."""

ALARMS_EVERY = timedelta(minutes=1)
"""So often the process that sends looks for alarms."""

TOLD_EVERY = timedelta(hours=1)
"""So often somebody is told again of an alarm that lasts."""

NOTICE_LATE = "NOTICE_LATE"
"""The kind of alarm that a notice did not go out in time."""

PATIENCE = timedelta(minutes=10)
"""So long a day's plan waits for the views; what they show later, the next day makes up for."""


@dataclass(frozen=True)
class Assigned:
    """How many loans are late, and how many of them got another strategy."""

    on: date
    late: int
    changed: int


@dataclass(frozen=True)
class Planned:
    """What a day's plan came to; *dropped* are the reminders that nobody gets, by reason.

    *since* is the last day that was planned before, after which the plan makes up for what
    was missed; *made_up* are the instalments of which that is so. *owed* are receipts and
    notices that the law demands, *lessons* what is newly told of money without an offer.
    """

    on: date
    reminders: int
    dunnings: int
    owed: int
    new: int
    dropped: dict[str, int]
    since: date | None = None
    made_up: int = 0
    lessons: int = 0


def assign(
    book: Book, conn: Connection, on: date, *, zone: str, act: Callable[[], Act]
) -> Assigned:
    """Assign strategies to the loans that are late on a day."""
    cases = still_owed(book, conn, on, NOON, zone)
    segments = segments_of(book, cases, on)
    late = [
        collecting.Late(
            each.loan_id,
            each.borrower_id,
            each.stage,
            each.days_past_due,
            segments.get(each.loan_id),
        )
        for each in cases
    ]
    collected = collect_queries.borrowers_with_strategies(conn)
    changed = collecting.assign_strategies(book, late, on, act=act, collected=collected)
    return Assigned(on, len(late), changed)


def still_owed(book: Book, conn: Connection, on: date, at: time, zone: str) -> list[Case]:
    """Every loan that is late on a day, also those written off whose claim is not recovered."""
    found = queries.collections(conn, book.rules, on, at, zone, written_off=True).found
    over = book.get_many(Loan, {case.loan_id for case in found if case.written_off})
    left = {loan.id: claim_left(loan) for loan in over.values()}
    return [
        replace(case, amount_overdue=left.get(case.loan_id, case.amount_overdue))
        for case in found
        if left.get(case.loan_id) != 0
    ]


def segments_of(book: Book, cases: Sequence[Case], on: date) -> dict[UUID, str | None]:
    """The segment of each loan, where a strategy goes by it; else none are looked up."""
    if not book.policies.strategies_by_segment(on):
        return {}
    loans = book.get_many(Loan, {case.loan_id for case in cases})
    return {loan.id: loan.segment for loan in loans.values()}


def plan(
    book: Book,
    conn: Connection,
    database_url: str,
    on: date,
    *,
    zone: str,
    since: date | None = None,
    at: datetime | None = None,
) -> Planned:
    """Queue what is to be sent on a day, and what was missed after the day *since*.

    What is not made of it was so decided *at* an instant; else now.
    """
    answer = queries.reminders(conn, book.policies, on, include_cancelled=True, since=since)
    known = _queued(conn, since)
    made_up = 0
    wanted: dict[UUID, list[planning.ToRemind]] = {}
    loans = book.get_many(Loan, {row.loan_id for each in answer.found for row in each.instalments})
    for reminder in answer.found:
        rows = _still_to_plan(reminder, since, known)
        made_up += sum(row.made_up_for is not None for row in rows)
        if rows:
            wanted[reminder.borrower_id] = [
                planning.ToRemind(
                    row.loan_id,
                    row.number,
                    row.offset_days,
                    row.cancelled,
                    loans[row.loan_id].segment,
                )
                for row in rows
            ]
    borrowers = book.get_many(Borrower, wanted)
    start = datetime.combine(on, time(), ZoneInfo(zone))
    turns = list(planning.reminders(wanted, borrowers, book.rules, start))
    reminded = len(turns)
    late = still_owed(book, conn, on, NOON, zone)
    people = book.get_many(Borrower, {case.borrower_id for case in late})
    turns += planning.dunnings(people.values(), book.rules, start, since)
    dunned = len(turns) - reminded
    due = owed_plan.notices(book, late, people, start)
    due += owed_plan.extended(book, conn, start)
    due += owed_plan.receipts(book, conn, start)
    taught = lesson_plan.lessons(book, conn, turns, late, start)
    pupils = book.get_many(Borrower, {turn.planned.borrower_id for turn in taught})
    turns = list(trials.on_trial(book, [*turns, *taught], {**pupils, **people, **borrowers}, start))
    turns = [*planning.merged(turns), *due]
    with psycopg.connect(as_role(database_url, WRITER)) as writer:
        today = days.business_date(book) or on
        new = queueing.queue(book, writer, turns, on, business_on=today, at=at)
    dropped = Counter(turn.dropped for turn in turns if turn.dropped is not None)
    return Planned(on, reminded, dunned, len(due), new, dict(dropped), since, made_up, len(taught))


def _queued(conn: Connection, on: date | None) -> set[tuple[UUID, int | None]]:
    """The instalments of which a reminder was queued on a day."""
    if on is None:
        return set()
    return {
        (about.loan_id, about.instalment)
        for line in contact_queue.lines(conn, on=on)
        if planning.is_reminder(line.planned)
        for about in line.planned.about
    }


def _still_to_plan(
    reminder: Reminder, since: date | None, known: set[tuple[UUID, int | None]]
) -> list[Reminded]:
    """The instalments of a reminder, but those that the plan of the day *since* had."""
    return [
        row
        for row in reminder.instalments
        if row.made_up_for is None
        or row.made_up_for != since
        or (row.loan_id, row.number) not in known
    ]


# --- the process that sends ---------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """An alarm as it is logged; *key* tells it from the others."""

    kind: str
    key: tuple[str, ...]
    says: dict[str, object]


@dataclass
class Chores:
    """What the process that sends does beside sending: it plans each day, and minds the clocks."""

    book: Book
    conn: Connection
    database_url: str
    zone: str
    _looked_at: datetime | None = None
    _planned_on: date | None = None
    _waits_since: datetime | None = None
    _behind: set[date] = field(default_factory=set)
    _alarms_at: datetime | None = None
    _told: dict[tuple[str, ...], datetime] = field(default_factory=dict)

    def look(self, at: datetime | None = None) -> None:
        """Do what has come due since the last look, if that is long enough ago.

        What the rules do not allow is logged, and holds up nothing that is to be sent.
        """
        now = at or clock.now()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        for chore in (self.escalate, self.plan_day, self.tell_of_alarms):
            try:
                chore(now)
            except Refusal as refusal:
                log.warning("chore_refused", code=refusal.code, error=str(refusal))

    def escalate(self, now: datetime) -> int:
        """Let complaints of which a deadline passed go to their next level; how many borrowers'."""
        on = self._business_on()
        done = complaints.escalate_all_overdue(self.book, now, act=lambda: _act(on, now))
        count = sum(1 for _ in done)
        if count:
            log.info("complaints_escalated", borrowers=count)
        return count

    def plan_day(self, now: datetime) -> Planned | None:
        """Plan the business date once the lender's clock shows it; None when there is nothing to.

        A book whose day was not closed yet waits: its next plan makes up for the days between.
        """
        on, today = self._business_on(), now.astimezone(ZoneInfo(self.zone)).date()
        if on == self._planned_on or on > today:
            return None
        if on < today:
            if on not in self._behind:
                self._behind.add(on)
                log.warning("not_planned", business_on=str(on), hint="close the day: day close")
            return None
        known = days.planned(self.book)
        if known is not None and known.day >= on:
            self._planned_on = on
            return None
        if not self._views_are_current(now):
            return None
        found = plan_whole_day(
            self.book,
            self.conn,
            self.database_url,
            on,
            zone=self.zone,
            act=lambda: _act(on, clock.now()),
        )
        self._planned_on, self._waits_since = on, None
        log.info("planned", day=str(on), reminders=found.reminders, dunnings=found.dunnings)
        return found

    def tell_of_alarms(self, now: datetime) -> list[Told]:
        """Log what waits for somebody, when it begins and each hour that it lasts.

        It is looked once a minute, however often it is asked. Returns what waits.
        """
        if self._alarms_at is not None and now < self._alarms_at + ALARMS_EVERY:
            return []
        self._alarms_at = now
        waiting = [*self._of_rules(now), *self._of_notices()]
        told: dict[tuple[str, ...], datetime] = {}
        for each in waiting:
            last = self._told.get(each.key)
            if last is None or last + TOLD_EVERY <= now:
                log.warning("alarm", kind=each.kind, **each.says)
                last = now
            told[each.key] = last
        self._told = told
        return waiting

    def _of_rules(self, now: datetime) -> Iterator[Told]:
        """What is to be done about dated rules, and stops something until it is."""
        rules, policies = self.book.rules, self.book.streams.policies()
        for each in alarms(rules, policies, self._business_on(), now):
            yield Told(
                str(each.kind),
                (str(each.kind), each.rule, each.version),
                {
                    "rule": each.rule,
                    "version": each.version,
                    "due_at": each.due_at,
                    "stops": list(each.stops),
                },
            )

    def _of_notices(self) -> Iterator[Told]:
        """Notices that the law demands, and that should have gone out by now."""
        for late in owed_plan.late_notices(self.book, self.conn, self._business_on()):
            yield Told(
                NOTICE_LATE,
                (NOTICE_LATE, late.contact_ref),
                {
                    "borrower": late.borrower_ref,
                    "rule": late.rule,
                    "due_by": str(late.due_by),
                    "days_late": late.days_late,
                    "reasons": list(late.reasons),
                },
            )

    def _business_on(self) -> date:
        return days.business_date(self.book) or clock.business_date(self.zone)

    def _views_are_current(self, now: datetime) -> bool:
        """Whether the views show all that is stored, or were waited for long enough."""
        self._waits_since = self._waits_since or now
        behind = [
            each.view
            for each in freshness(self.conn)
            if each.view in VIEWS and (each.unpublished or each.behind)
        ]
        if behind and now - self._waits_since >= PATIENCE:
            log.warning("planned_from_views_behind", views=behind)
            return True
        return not behind


def plan_whole_day(
    book: Book, conn: Connection, database_url: str, on: date, *, zone: str, act: Callable[[], Act]
) -> Planned:
    """Assign strategies, queue what is to be sent, and note that the day was planned."""
    assigned = assign(book, conn, on, zone=zone, act=act)
    found = plan(book, conn, database_url, on, zone=zone, since=days.last_planned(book, on))
    note(book, found, zone=zone, act=act(), assigned=assigned)
    return found


def note(
    book: Book, found: Planned, *, zone: str, act: Act, assigned: Assigned | None = None
) -> DayPlan | None:
    """Note what the plan of a day came to; what was noted of it, the first time."""
    days.note_planned(
        book,
        act,
        day=found.on,
        zone=zone,
        late_loans=0 if assigned is None else assigned.late,
        strategies_changed=0 if assigned is None else assigned.changed,
        reminders=found.reminders,
        dunnings=found.dunnings,
    )
    return days.planned(book)


def _act(on: date, at: datetime) -> Act:
    command_id = uuid4()
    return Act(ACTOR, on, at, command_id, command_id)


@contextmanager
def open_chores(settings: Settings, database_url: str, book: Book) -> Iterator[Chores]:
    """The chores on a running system; what they hold open is closed afterwards."""
    with connection(database_url) as conn:
        yield Chores(book, conn, database_url, settings.zone)
