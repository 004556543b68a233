"""The end-of-day run: what the calendar asks of the book."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from uuid import UUID, uuid5

from eventsourcing.persistence import IntegrityError

from domain.base.calendar import next_day
from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from domain.commands.book import Book, Command, Due, digest_of
from domain.loan.loan import Loan
from domain.operations.business_day import BusinessDay, Count, DayOutOfOrder

BATCH_STREAMS = 200
ACTOR = "end-of-day"


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

    A day on which nothing is to do opens and closes in one transaction.

    Raises:
        DayOutOfOrder: another day is open, or this one was closed.
    """
    days, commands = opening(book, day, zone=zone, now=now())
    counts: Counter[str] = Counter()
    for kind, attend in ((Borrower, _attend_borrowers), (Loan, _attend_loans)):
        for due in _batches(book, kind, day):
            if commands:
                book.keep(commands, days)
                commands = []
            counts += attend(book, due, day, now())
    if not commands:
        days = book.get(BusinessDay, days_id(book))
        if days.open_on != day:
            raise DayOutOfOrder(f"{day} is not open any more; another run closed it.")
    act = _act(days.id, "close", day, now())
    days.close_day(act, [Count(kind, count) for kind, count in sorted(counts.items())])
    book.keep([*commands, _command(act, days)], days)
    return dict(counts)


def _batches(book: Book, kind: type[Stream], day: date) -> Iterator[list[Due]]:
    after: Due | None = None
    while due := book.streams.due(day, kind.TOPIC, after, BATCH_STREAMS):
        yield due
        after = due[-1]


def _attend_loans(book: Book, due: list[Due], day: date, now: datetime) -> Counter[str]:
    loans = book.get_many(Loan, [item.stream_id for item in due])
    acts = {item.stream_id: _act(item.stream_id, item.kind, day, now) for item in due}
    for loan in loans.values():
        loan.attend(acts[loan.id])
    return _keep(
        book, due, list(loans.values()), acts, lambda some: _attend_loans(book, some, day, now)
    )


def _attend_borrowers(book: Book, due: list[Due], day: date, now: datetime) -> Counter[str]:
    borrowers = book.get_many(Borrower, [item.stream_id for item in due])
    acts = {item.stream_id: _act(item.stream_id, item.kind, day, now) for item in due}
    over = {b.id: b.promises_due(day) for b in borrowers.values()}
    loans = book.get_many(Loan, {promise.loan_id for some in over.values() for promise in some})
    for borrower in borrowers.values():
        for promise in over[borrower.id]:
            loan = loans.get(promise.loan_id)
            received = loan.received(promise.made_on, promise.promised_on) if loan else 0
            borrower.assess_promise(
                acts[borrower.id], promise_ref=promise.promise_ref, received=received
            )
    return _keep(
        book,
        due,
        list(borrowers.values()),
        acts,
        lambda some: _attend_borrowers(book, some, day, now),
    )


def _keep(
    book: Book,
    due: list[Due],
    streams: Sequence[Stream],
    acts: dict[UUID, Act],
    again: Callable[[list[Due]], Counter[str]],
) -> Counter[str]:
    """Store a batch; when a writer was faster on one of them, halve it and try again."""
    counts = Counter(
        type(event).TOPIC  # type: ignore[attr-defined]
        for stream in streams
        for event in stream.pending_events
    )
    try:
        book.keep([_command(acts[stream.id], stream) for stream in streams], *streams)
    except IntegrityError:
        if len(due) == 1:
            done = book.streams.find_command(acts[due[0].stream_id].command_id)
            return Counter() if done is not None else again(due)
        middle = len(due) // 2
        return again(due[:middle]) + again(due[middle:])
    return counts


def _act(stream_id: UUID, kind: str, day: date, now: datetime) -> Act:
    command_id = uuid5(stream_id, f"{kind}:{day}")
    return Act(ACTOR, day, now, command_id, command_id)


def _command(act: Act, stream: Stream) -> Command:
    content = {"day": act.business_on}
    return Command(act.command_id, digest_of(ACTOR, content), stream.id, stream.version)
