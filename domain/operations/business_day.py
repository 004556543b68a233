"""The business days of one book: opened, closed, with what was done."""

from __future__ import annotations  # apply() names BusinessDay before it exists

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.base.calendar import next_day
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream


class DayOutOfOrder(Refusal):
    """Business days are opened and closed one after the other."""

    code = "DAY_OUT_OF_ORDER"


@dataclass(frozen=True)
class DayPlan:
    """The last day of which the contacts were planned, by whom and when."""

    day: date
    actor: str
    planned_at: datetime


@dataclass(frozen=True)
class Count:
    """How many of one kind."""

    kind: str
    count: int


class BusinessDay(Stream):
    """The business days of one book, in the lender's zone."""

    TOPIC = "day"
    KAFKA_TOPIC = "day.events"
    SNAPSHOT_VERSION = 2

    def __init__(self) -> None:
        self.book = ""
        self.open_on: date | None = None
        self.closed_on: date | None = None
        self.planned: DayPlan | None = None

    class Event(Stream.Event):
        """Anything that happened to the book's days."""

    class Opened(Event, Stream.Opened):
        """The first event of a book's days."""

        TOPIC = "day.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "day.created"

    class BookOpened(Opened):
        """The book begins."""

        TOPIC = "day.book-opened"
        book: str
        zone: str

        def apply(self, days: BusinessDay) -> None:
            days.book = self.book

    class DayOpened(Event):
        """A business day began."""

        TOPIC = "day.opened"
        day: date

        def apply(self, days: BusinessDay) -> None:
            days.open_on = self.day

    class DayClosed(Event):
        """A business day ended; *done* counts what its run did."""

        TOPIC = "day.closed"
        day: date
        done: list[Count]

        def apply(self, days: BusinessDay) -> None:
            days.open_on = None
            days.closed_on = self.day

    class ContactsPlanned(Event):
        """The contacts of a day were planned, with what was missed after *last_planned_on*."""

        TOPIC = "day.contacts-planned"
        day: date
        last_planned_on: date | None
        late_loans: int
        strategies_changed: int
        reminders: int
        dunnings: int

        def apply(self, days: BusinessDay) -> None:
            days.planned = DayPlan(self.day, self.actor, self.timestamp)

    @classmethod
    def begin(cls, act: Act, days_id: UUID, *, book: str, zone: str) -> BusinessDay:
        """The book's stream of days, none opened yet."""
        return cls.open(cls.BookOpened, act, days_id, act.business_on, book=book, zone=zone)

    def start_day(self, act: Act, day: date) -> None:
        """Open *day*; a day already open stays open."""
        if self.open_on == day:
            return
        if self.open_on is not None:
            raise DayOutOfOrder(f"{self.open_on} is still open; close it before {day}.")
        if self.closed_on is not None and day <= self.closed_on:
            raise DayOutOfOrder(f"{day} was closed; the last closed day is {self.closed_on}.")
        if self.closed_on is not None and day != next_day(self.closed_on):
            raise DayOutOfOrder(f"{next_day(self.closed_on)} comes before {day}; close it first.")
        self.record(self.DayOpened, act, day, day=day)

    def close_day(self, act: Act, done: list[Count]) -> None:
        """Close the open day with the counts of what was done."""
        if self.open_on is None:
            raise DayOutOfOrder("No business day is open.")
        self.record(self.DayClosed, act, self.open_on, day=self.open_on, done=done)

    def last_planned(self, before: date) -> date | None:
        """The last day before another of which the contacts were planned; None without one."""
        if self.planned is None or self.planned.day >= before:
            return None
        return self.planned.day

    def plan_contacts(
        self,
        act: Act,
        day: date,
        *,
        late_loans: int,
        strategies_changed: int,
        reminders: int,
        dunnings: int,
    ) -> None:
        """Note that the contacts of *day* were planned; a day is noted once, and none before it."""
        if self.planned is not None and day <= self.planned.day:
            return
        self.record(
            self.ContactsPlanned,
            act,
            day,
            day=day,
            last_planned_on=self.last_planned(day),
            late_loans=late_loans,
            strategies_changed=strategies_changed,
            reminders=reminders,
            dunnings=dunnings,
        )
