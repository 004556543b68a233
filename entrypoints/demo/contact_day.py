"""The demo's day of contact: the first day after the replay, from the plan to the last message.

What the plan says of a borrower is from the night before; what happens since, the gate
knows when a message has its turn. Every step finds what an earlier run did of it: commands
by their ids, contacts in the queue by their references.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import psycopg

from domain.base.calendar import HolidayCalendar
from domain.base.contact_policy import Channel, ConsentScope, PointSource, Purpose
from domain.base.provider import Adapter, Provider, Register
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Figure, OwnHours
from domain.commands import borrowers, contacts, days, policies
from domain.commands.book import Book, Command, Receipt, digest_of
from domain.commands.dispatch import NUMBERED, Planned
from domain.commands.planning import Turn
from domain.commands.texts import PRODUCT, product_figures
from domain.product.product import Offer
from entrypoints import collect_commands, queue_commands
from entrypoints.demo.intents import DAY_OF_CONTACT
from entrypoints.demo.offers import EASY_USD, HOME_CNY, TAPE
from entrypoints.demo.people import EVENING, Person
from entrypoints.demo.provider import Behaviour, simulated
from entrypoints.demo.replay import Journal
from entrypoints.questions import Asked
from entrypoints.session import Session
from infra import contact_queue
from infra.bootstrap import as_role
from infra.calendars import CalendarYearUnknown, calendar_entry
from infra.channels.routes import open_routes
from infra.channels.webhook import Patience
from infra.dated_rules import checked
from infra.dispatcher import Dispatcher
from infra.reading import Connection
from infra.store import WRITER
from infra.vault import Entry, open_vault
from infra.vault_values import Kind

TURNS = (time(7, 30), time(9), time(12), time(17), time(20, 30), time(23))
"""When the dispatcher runs, by the lender's clock; late for the borrowers in the west."""

HEARD_AT = time(6, 30)
"""When what the plan did not know is heard, by the lender's clock."""

EVENING_BEFORE = timedelta(hours=4)
"""So long before the day what is told of people was known."""

BATCH = 250
EVERY = 12
"""Of so many planned contacts, one is stopped or put off by what is heard in the morning."""

ADVERTISED = {"CN": HOME_CNY, "EU": TAPE}
"""The product that is offered; elsewhere the instalment loan in dollars."""

CHANNELS = (Channel.SMS, Channel.EMAIL, Channel.LETTER)

PROVIDERS = Behaviour(fail_percent=6, fail_after_percent=1, drop_percent=6, refuse_percent=4)
"""They fail, hang up and refuse a few of a hundred calls."""

PATIENCE = Patience(
    connect_seconds=2.0,
    read_seconds=2.0,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
    budget_seconds=5.0,
)
NEVER = 1_000_000
"""So many failures in a row would shut a route: these are to be seen one by one."""

Told = Callable[[str, int, int], None]
"""Hears what is being done, and how much of it is."""


@dataclass(frozen=True)
class Office:
    """What the day's work needs."""

    opened: Session
    conn: Connection
    journal: Journal
    now: Callable[[], datetime]
    told: Told

    @property
    def book(self) -> Book:
        """The book."""
        return self.opened.book

    @property
    def on(self) -> date:
        """The day of contact."""
        return self.opened.business_on

    def at(self, clock: time) -> datetime:
        """The instant of a time by the lender's clock."""
        return datetime.combine(self.on, clock, ZoneInfo(self.opened.settings.zone))

    def act(self, actor: str, *named: object) -> Act:
        """An act of the day; the same in every run by its name."""
        words = ":".join(str(each) for each in ("demo:contact", *named))
        command_id = uuid5(self.book.namespace, words)
        return Act(actor, self.on, self.now(), command_id, command_id)

    def note(self, act: Act, receipt: Receipt) -> None:
        """Write an acknowledged command down, once."""
        if not receipt.repeated:
            done = Command(act.command_id, b"", receipt.stream_id, receipt.version)
            self.journal.note([done])


def is_to_come(book: Book) -> bool:
    """Whether the book stands at the day of contact."""
    return days.business_date(book) == DAY_OF_CONTACT


def introduce(office: Office, everybody: Sequence[Person]) -> None:
    """Let it be known how the demo's borrowers are reached, and what they wish."""
    for done in range(0, len(everybody), BATCH):
        office.told("making contact points", done, len(everybody))
        _introduce(office, everybody[done : done + BATCH])


def work(office: Office, everybody: Sequence[Person], caught_up: Callable[[], None]) -> None:
    """Plan the day and send what comes due on it; *caught_up* waits for the views."""
    asked = Asked(office.opened, office.conn, office.on)
    if not _lines(office, "R", "D"):
        caught_up()
        office.told("planning the day", 0, 0)
        _look_after_rules(office)
        collect_commands.assigned(asked, act=lambda: office.opened.act("planner", None))
        _advertise(office, everybody)
        queue_commands.planned(asked, at=office.at(time()))
    _ask_again(office)
    _hear(office)
    _send(office)


# --- what advertising asks for -------------------------------------------------------------


def _look_after_rules(office: Office) -> None:
    """Publish the holidays that are known, and note that somebody looked at the word lists.

    In the west the day before is not over at first, so its year counts too. Whether a look is
    fresh is told by the instant at which it is recorded: these acts bear one of the time that
    is played.
    """
    book, at = office.book, office.at(time()) - EVENING_BEFORE
    known = []
    for calendar in (*map(HolidayCalendar, ADVERTISED), HolidayCalendar.US):
        for year in sorted({at.year, office.on.year}):
            with suppress(CalendarYearUnknown):  # of China, and of the EU before the euro
                known.append(calendar_entry(calendar, year, "the package holidays"))
    entries, wrong = checked("".join(known), "the demo", book.rules)
    assert not wrong, wrong
    act = replace(office.act("policy-desk", "calendars"), recorded_at=at)
    published = policies.publish(
        book,
        act,
        entries=entries,
        approved_by="compliance",
        backdated_because="a past day is played",
    )
    office.note(act, published)
    act = replace(office.act("policy-desk", "lists"), recorded_at=at)
    lists = sorted({each.rule for each in book.rules.contact.lexicons})
    office.note(act, policies.confirm(book, act, rules=lists))


# --- who is reached how ------------------------------------------------------------------


def _introduce(office: Office, some: Sequence[Person]) -> None:
    """What is known of some borrowers, in one transaction; of those known before nothing."""
    book = office.book
    acts = {each.stream: office.act("branch", "person", each.stream) for each in some}
    left = [
        each for each in some if book.streams.find_command(acts[each.stream].command_id) is None
    ]
    if not left:
        return
    refs = _kept(office, left)
    streams = book.get_many(Borrower, [uuid5(book.namespace, each.stream) for each in left])
    heard_at = office.at(time()) - EVENING_BEFORE
    commands = []
    for each in left:
        act = acts[each.stream]
        borrower = streams[uuid5(book.namespace, each.stream)]
        _say(borrower, each, refs[each.stream], act, heard_at)
        digest = digest_of("introduce", {"person": each.stream})
        commands.append(Command(act.command_id, digest, borrower.id, borrower.version))
    book.keep(commands, *streams.values())
    office.journal.note(commands)


def _kept(office: Office, some: Sequence[Person]) -> dict[str, list[str]]:
    """The references of each one's numbers and addresses; the names are kept as well."""
    namespace = office.book.namespace
    entries, whose = [], []
    for each in some:
        person_id = uuid5(namespace, each.stream)
        said = [(Kind.NAME, each.name), *((way.kept_as, way.value) for way in each.reached_by)]
        for kind, value in said:
            entries.append(Entry(person_id, kind, value, uuid5(person_id, f"demo:{kind}")))
            whose.append((each.stream, kind))
    opened = office.opened
    with open_vault(opened.database_url, opened.settings, lambda: opened.book.policies) as vault:
        refs = vault.put_many(entries, office.act("branch", "vault"))
    found: dict[str, list[str]] = {each.stream: [] for each in some}
    for (stream, kind), ref in zip(whose, refs, strict=True):
        if kind != Kind.NAME:
            found[stream].append(ref)
    return found


def _say(borrower: Borrower, person: Person, refs: list[str], act: Act, at: datetime) -> None:
    for way, ref in zip(person.reached_by, refs, strict=True):
        borrower.add_contact_point(
            act,
            point_ref=ref,
            kind=way.kind,
            source=PointSource.APPLICATION,
            lawful_basis=way.basis,
            added_at=at,
        )
        if way.blocked:
            borrower.block_contact_point(
                act, point_ref=ref, reason="belongs to somebody else", blocked_at=at
            )
    if person.agrees_to_offers:
        borrower.grant_consent(
            act,
            scope=ConsentScope.MARKETING,
            source="BRANCH",
            lawful_basis="CONSENT",
            granted_at=at,
        )
    if person.refuses is not None:
        borrower.opt_out(
            act, channel=person.refuses, purpose=None, source="BRANCH", opted_out_at=at
        )
    if person.hours is not None:
        borrower.set_own_hours(act, hours=[person.hours], source="BRANCH", set_at=at)


# --- the plan, and what it does not know ---------------------------------------------------


def _lines(office: Office, *heads: str) -> list[contact_queue.Line]:
    """The day's contacts as they were planned, by the first letter of their references."""
    found = contact_queue.lines(office.conn, on=office.on)
    chosen = [
        line
        for line in found
        if line.contact_ref.partition("-")[0] in heads and not NUMBERED.search(line.contact_ref)
    ]
    return sorted(chosen, key=lambda line: line.contact_ref)


def _advertise(office: Office, everybody: Sequence[Person]) -> None:
    """A small plan of advertising: also to those who never agreed to any."""
    book = office.book
    wanted = {uuid5(book.namespace, each.stream): each for each in everybody if each.gets_offer}
    figures: dict[tuple[str, str], tuple[Figure, ...]] = {}
    turns = []
    for borrower in book.get_many(Borrower, wanted).values():
        offer = ADVERTISED.get(borrower.jurisdiction, EASY_USD)
        key = (offer.code, borrower.jurisdiction)
        if key not in figures:
            figures[key] = _said(book, offer, office.on, borrower.jurisdiction)
        planned = Planned(
            contact_ref=f"A-{borrower.borrower_ref}-{office.on:%Y%m%d}",
            borrower_id=borrower.id,
            purpose=Purpose.MARKETING,
            channels=(Channel.EMAIL, Channel.SMS),
            template="offer",
            occasion="new year's offer",
            about=(),
            figures=figures[key],
            product_line=offer.code,
            trial=None,
            expires_at=office.at(time()) + timedelta(days=1),
        )
        turns.append(Turn(planned, office.at(TURNS[1])))
    with _writer(office) as conn:
        contact_queue.put(conn, turns, office.on)


def _said(book: Book, offer: Offer, on: date, jurisdiction: str) -> tuple[Figure, ...]:
    """What an offer's text says of it there."""
    said = {
        "product": offer.name,
        PRODUCT: f"{offer.code}:{offer.version}",
        **product_figures(offer, book.rules, on, jurisdiction),
    }
    return tuple(Figure(str(name), reads) for name, reads in said.items())


def _ask_again(office: Office) -> None:
    """The branch wants some reminded once more on the same day."""
    again = [
        replace(line.planned, contact_ref=f"S{line.contact_ref[1:]}", occasion="asked for again")
        for line in _lines(office, "R")[::EVERY]
        if Channel.SMS in line.planned.channels
    ]
    with _writer(office) as conn:
        contact_queue.put(conn, [Turn(each, office.at(TURNS[4])) for each in again], office.on)


def _hear(office: Office) -> None:
    """In the morning some refuse, some ask for hours, some dispute: the plan is older."""
    at = office.at(HEARD_AT)
    for number, line in enumerate(_lines(office, "R", "D")):
        does = _DOES.get(number % EVERY)
        if does is not None and not line.reasons:
            act = office.act("desk", "heard", line.contact_ref)
            office.note(act, does(office.book, act, line.borrower_id, at))


def _refuses(book: Book, act: Act, borrower_id: UUID, at: datetime) -> Receipt:
    return contacts.opt_out(
        book,
        act,
        borrower_id=borrower_id,
        channel=None,
        purpose=None,
        source="PHONE",
        opted_out_at=at,
    )


def _wants_evenings(book: Book, act: Act, borrower_id: UUID, at: datetime) -> Receipt:
    hours = [OwnHours(*EVENING, only=True)]
    return contacts.set_own_hours(
        book, act, borrower_id=borrower_id, hours=hours, source="PHONE", set_at=at
    )


def _has_an_attorney(book: Book, act: Act, borrower_id: UUID, at: datetime) -> Receipt:
    return borrowers.set_hold(
        book,
        replace(act, recorded_at=at),
        borrower_id=borrower_id,
        hold_ref=f"H-{act.business_on:%Y%m%d}",
        kind="ATTORNEY",
        reason="by telephone",
    )


_DOES: dict[int, Callable[[Book, Act, UUID, datetime], Receipt]] = {
    1: _refuses,
    4: _wants_evenings,
    7: _has_an_attorney,
    10: _wants_evenings,
}


# --- sending -------------------------------------------------------------------------------


def _send(office: Office) -> None:
    """Give everything its turn, hour by hour; the providers are servers here that fail."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    with simulated(PROVIDERS) as (url, _), _dispatcher(office, url, secret) as dispatcher:
        for done, clock in enumerate(TURNS):
            office.told(f"sending at {clock:%H:%M}", done, len(TURNS))
            while dispatcher.step(office.at(clock), BATCH).total:
                pass


def register() -> Register:
    """The demo's providers: one keeps its promise to take a message once, one makes none."""
    return Register(
        providers=tuple(
            Provider(
                name=f"demo-{channel.lower()}",
                version="demo-1",
                adapter=Adapter.WEBHOOK,
                channel=channel,
                jurisdictions=("ANY",),
                url_setting="URL",
                secret_setting="SECRET",  # noqa: S106 - the name of a setting
                honours_idempotency=channel != Channel.EMAIL,
                priority=1,
                valid_from=date(1990, 1, 1),
                source="the demo",
            )
            for channel in CHANNELS
        ),
        licence_rules=(),
    )


@contextmanager
def _dispatcher(office: Office, url: str, secret: str) -> Iterator[Dispatcher]:
    opened = office.opened
    settings = opened.settings
    with (
        _writer(office) as conn,
        open_vault(opened.database_url, settings, lambda: opened.book.policies) as vault,
        open_routes(
            settings,
            opened.database_url,
            register=register,
            named={"URL": url, "SECRET": secret}.get,
            patience=PATIENCE,
            failures=NEVER,
        ) as routes,
    ):
        contact_queue.give_back(conn, office.on)  # what a run that was killed had taken
        yield Dispatcher(opened.book, conn, vault, routes, settings.zone)


@contextmanager
def _writer(office: Office) -> Iterator[psycopg.Connection[Any]]:
    url = as_role(office.opened.database_url, WRITER)
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn
