"""The end-of-day run: what the calendar asks of the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from operator import attrgetter
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from eventsourcing.persistence import IntegrityError

from domain.base.calendar import next_day
from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from domain.borrower.promises import PromiseState
from domain.commands.book import Book, Command, Due, act_on, command, digest_of
from domain.commands.borrowers import hold_that, lift_over
from domain.commands.repricing import reprice_due
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from domain.operations.business_day import BusinessDay, Count, DayPlan

BATCH_STREAMS = 200
ACTOR = "end-of-day"

OVER = (LoanState.SETTLED, LoanState.CLOSED)
"""A loan that stands thus was paid: nothing of a plan is left to pay."""


def _is_over(loan: Loan) -> bool:
    """Whether nothing is left to pay: it was paid, or nothing was lent as its payout came back."""
    return loan.state in OVER or loan.came_back is not None


def days_id(book: Book) -> UUID:
    """The stream of the book's business days."""
    return uuid5(book.namespace, "business-days")


def business_date(book: Book) -> date | None:
    """The day that is open, or comes after the last one closed; None in a new book."""
    days = book.find(BusinessDay, days_id(book))
    if days is None:
        return None
    return days.open_on or (next_day(days.closed_on) if days.closed_on else None)


def close_days(
    book: Book,
    until: date,
    *,
    zone: str,
    now: Callable[[], datetime],
    each: Callable[[date, dict[str, int]], None] | None = None,
) -> list[tuple[date, dict[str, int]]]:
    """Close every day up to and including *until*, in order; days closed before stay so.

    Candidates come from the next-action index, the aggregates decide. Killed at any
    moment, it goes on where it stopped: each stream is attended to under a command id
    of its own, made of stream, kind and date.

    Returns each closed day with its counts by kind of event.
    """
    days = book.find(BusinessDay, days_id(book))
    day = until
    if days is not None and (days.open_on or days.closed_on):
        day = days.open_on or next_day(days.closed_on)  # type: ignore[arg-type]
    done = []
    while day <= until:
        counts = close_day(book, day, zone=zone, now=now)
        done.append((day, counts))
        if each is not None:
            each(day, counts)
        day = next_day(day)
    return done


def planned(book: Book) -> DayPlan | None:
    """The last day of which the contacts were planned; None in a book that never did."""
    known = book.find(BusinessDay, days_id(book))
    return None if known is None else known.planned


def last_planned(book: Book, before: date) -> date | None:
    """The last day before another of which the contacts were planned; None without one."""
    known = book.find(BusinessDay, days_id(book))
    return None if known is None else known.last_planned(before)


@command
def note_planned(
    book: Book,
    act: Act,
    *,
    day: date,
    zone: str,
    late_loans: int,
    strategies_changed: int,
    reminders: int,
    dunnings: int,
) -> BusinessDay:
    """Note that the contacts of a day were planned; who does it again changes nothing."""
    known = book.find(BusinessDay, days_id(book))
    if known is None:
        known = BusinessDay.begin(act, days_id(book), book=Book.name, zone=zone)
    known.plan_contacts(
        act,
        day,
        late_loans=late_loans,
        strategies_changed=strategies_changed,
        reminders=reminders,
        dunnings=dunnings,
    )
    return known


def open_day(book: Book, day: date, *, zone: str, now: datetime) -> None:
    """Let *day* be the business date; a day already open stays open.

    Raises:
        DayOutOfOrder: another day is open, or this one was closed.
    """
    days, commands = opening(book, day, zone=zone, now=now)
    if commands:
        book.keep(commands, days)


def opening(
    book: Book, day: date, *, zone: str, now: datetime
) -> tuple[BusinessDay, list[Command]]:
    """The book's days with *day* open, and the command to store when it was not yet.

    For a caller who stores it in one transaction with what he does first on that day.

    Raises:
        DayOutOfOrder: another day is open, or this one was closed.
    """
    act = _act(days_id(book), "open", day, now)
    days = book.find(BusinessDay, days_id(book))
    if days is None:
        days = BusinessDay.begin(act, days_id(book), book=Book.name, zone=zone)
    if days.open_on == day:
        return days, []
    days.start_day(act, day)
    return days, [_command(act, days)]


def close_day(book: Book, day: date, *, zone: str, now: Callable[[], datetime]) -> dict[str, int]:
    """Attend to every stream whose day has come, then close *day*; counts by event.

    What fits into one batch, with the opening and closing of the day, is stored in one
    transaction; a longer run goes on where it stopped.

    Raises:
        DayOutOfOrder: another day is open, or this one was closed.
    """
    borrowers = book.streams.due(day, Borrower.TOPIC, None, BATCH_STREAMS)
    loans = book.streams.due(day, Loan.TOPIC, None, BATCH_STREAMS)
    counts: Counter[str] = Counter()
    if len(borrowers) + len(loans) < BATCH_STREAMS:
        batch = _attended_borrowers(book, borrowers, day, now(), zone)
        # Loans that go on after a hold may be due themselves, or become so: in steps, then.
        if len(batch.streams) == len(borrowers):
            batch.add(_attended_loans(book, loans, day, now()))
            try:
                return _close(book, day, batch.counts(), batch, zone=zone, now=now())
            except IntegrityError:
                pass  # a writer was faster on one of them
    open_day(book, day, zone=zone, now=now())
    for due in _batches(book, Borrower, day):
        counts += _keep(book, due, lambda some: _attended_borrowers(book, some, day, now(), zone))
    for due in _batches(book, Loan, day):
        counts += _keep(book, due, lambda some: _attended_loans(book, some, day, now()))
    return _close(book, day, counts, Batch(), zone=zone, now=now())


def _close(
    book: Book, day: date, counts: Counter[str], batch: Batch, *, zone: str, now: datetime
) -> dict[str, int]:
    days, opened = opening(book, day, zone=zone, now=now)
    act = _act(days.id, "close", day, now)
    days.close_day(act, [Count(kind, count) for kind, count in sorted(counts.items())])
    book.keep([*opened, *batch.commands(), _command(act, days)], *batch.streams, days)
    return dict(counts)


@dataclass
class Batch:
    """Streams that were attended to, with the act for each; nothing is stored yet."""

    streams: list[Stream] = field(default_factory=list)
    acts: dict[UUID, Act] = field(default_factory=dict)

    def add(self, other: Batch) -> None:
        """Take *other* in."""
        self.streams += other.streams
        self.acts |= other.acts

    def commands(self) -> list[Command]:
        """The command behind each stream's events."""
        return [_command(self.acts[stream.id], stream) for stream in self.streams]

    def counts(self) -> Counter[str]:
        """How many events of each kind wait to be stored."""
        return Counter(
            type(event).TOPIC  # type: ignore[attr-defined]
            for stream in self.streams
            for event in stream.pending_events
        )


def _batches(book: Book, kind: type[Stream], day: date) -> Iterator[list[Due]]:
    after: Due | None = None
    while due := book.streams.due(day, kind.TOPIC, after, BATCH_STREAMS):
        yield due
        after = due[-1]


def _attended_loans(book: Book, due: Sequence[Due], day: date, now: datetime) -> Batch:
    loans = book.get_many(Loan, [item.stream_id for item in due]) if due else {}
    acts = {item.stream_id: _act(item.stream_id, item.kind, day, now) for item in due}
    policies = book.policies
    held = _held_from_renewal(book, loans.values(), day)
    for loan in loans.values():
        reprice_due(policies, loan, acts[loan.id])
        classes = policies.asset_class_rule(loan.product_code, day)
        loan.attend(acts[loan.id], classes, renews=loan.id not in held)
    return Batch(list(loans.values()), acts)


def _held_from_renewal(book: Book, loans: Iterable[Loan], day: date) -> set[UUID]:
    """The loans to which no renewal is offered yet, since a hold stands that stops renewals.

    They ask again every day, so that it is offered once the hold is over and there is time.
    """
    waiting = [loan for loan in loans if loan.awaits_renewal(day)]
    if not waiting:
        return set()
    borrowers = book.get_many(Borrower, {loan.borrower_id for loan in waiting})
    stops = attrgetter("stops_renewal")
    return {
        loan.id
        for loan in waiting
        if loan.borrower_id in borrowers
        and hold_that(book.policies, borrowers[loan.borrower_id], loan.id, day, stops) is not None
    }


def _attended_borrowers(
    book: Book, due: Sequence[Due], day: date, now: datetime, zone: str
) -> Batch:
    # A day that is closed before its end leaves the deadlines of its last hours to the next.
    end = datetime.combine(next_day(day), time(), ZoneInfo(zone)).astimezone(UTC)
    borrowers = book.get_many(Borrower, [item.stream_id for item in due]) if due else {}
    acts = {item.stream_id: _act(item.stream_id, item.kind, day, now) for item in due}
    over = {borrower.id: borrower.promises_due(day) for borrower in borrowers.values()}
    asked = {promise.loan_id for some in over.values() for promise in some}
    # A hold stands no more from a day on: it is lifted when the day before is closed.
    for borrower in borrowers.values():
        holds = borrower.holds_over(next_day(day))
        asked.update(loan_id for hold in holds for loan_id in hold.touches or [])
    loans = book.get_many(Loan, asked) if asked else {}
    freed: list[Loan] = []
    for borrower in borrowers.values():
        for promise in sorted(over[borrower.id], key=lambda each: each.promised_on):
            if borrower.promises[promise.promise_ref].state != PromiseState.OPEN:
                continue  # its plan was broken by an earlier row
            loan = loans.get(promise.loan_id)
            receipts = loan.receipts() if loan else []
            received = borrower.received_for(promise.loan_id, receipts)[promise.promise_ref]
            borrower.assess_promise(
                acts[borrower.id],
                promise_ref=promise.promise_ref,
                received=received,
                settled=loan is not None and _is_over(loan),
            )
        borrower.escalate_overdue(acts[borrower.id], at=min(end, now))
        some = lift_over(book, acts[borrower.id], borrower, next_day(day), loans)
        acts |= {loan.id: act_on(acts[borrower.id], loan.id) for loan in some}
        freed += some
    return Batch([*borrowers.values(), *freed], acts)


def _keep(
    book: Book, due: Sequence[Due], attended: Callable[[Sequence[Due]], Batch]
) -> Counter[str]:
    """Store a batch; when a writer was faster on one of them, halve it and try again."""
    batch = attended(due)
    counts = batch.counts()
    try:
        book.keep(batch.commands(), *batch.streams)
    except IntegrityError:
        if len(due) == 1:
            done = book.streams.find_command(batch.acts[due[0].stream_id].command_id)
            return Counter() if done is not None else _keep(book, due, attended)
        middle = len(due) // 2
        return _keep(book, due[:middle], attended) + _keep(book, due[middle:], attended)
    return counts


def _act(stream_id: UUID, kind: str, day: date, now: datetime) -> Act:
    command_id = uuid5(stream_id, f"{kind}:{day}")
    return Act(ACTOR, day, now, command_id, command_id)


def _command(act: Act, stream: Stream) -> Command:
    content = {"day": act.business_on}
    return Command(act.command_id, digest_of(ACTOR, content), stream.id, stream.version)
