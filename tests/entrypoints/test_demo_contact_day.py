"""The demo's people: reached the same way in every run, by numbers that are nobody's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from uuid import uuid5

import psycopg
import pytest

from domain.base.calendar import next_day
from domain.base.contact_policy import Channel, PointKind
from domain.borrower.borrower import Borrower
from entrypoints.demo.contact_day import CHANNELS, Office, introduce, register, work
from entrypoints.demo.contacted import contacts
from entrypoints.demo.intents import DAY_OF_CONTACT, START, Plan
from entrypoints.demo.people import Person, people
from entrypoints.demo.plan import plan
from entrypoints.demo.replay import Journal, replay
from entrypoints.session import Session
from infra import clock, codec, vault_keys
from infra.bootstrap import open_book
from infra.freshness import VIEWS
from infra.migrations.run import migrate
from infra.reading import connection
from infra.settings import Settings
from infra.vault_values import Kind, tidy
from infra.views import Record, open_view

UNTIL = START + timedelta(days=300)

FICTION = {
    "CN": r"\+86100",
    "US": r"\+1\d{3}55501",
    "UK": r"\+447700900",
    "EU": r"\+493023125",
    "IN": r"\+9100000",
}


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan()


@pytest.fixture(scope="module")
def everybody(planned: Plan) -> list[Person]:
    return people(planned, 7)


def test_a_seed_reaches_people_one_way(planned: Plan, everybody: list[Person]) -> None:
    assert people(planned, 7) == everybody
    assert people(planned, 8) != everybody
    registered = [i.stream for day in planned.values() for i in day if i.verb == "register"]
    assert sorted(registered) == sorted(each.stream for each in everybody)


def test_numbers_and_addresses_belong_to_nobody(everybody: list[Person]) -> None:
    ways = [(each.jurisdiction, way) for each in everybody for way in each.reached_by]
    numbers = [
        (law, tidy(way.kept_as, way.value)) for law, way in ways if way.kept_as == Kind.PHONE
    ]

    assert all(re.match(FICTION[law], number) for law, number in numbers)
    assert len(set(numbers)) == len(numbers)
    mails = [way.value for _, way in ways if way.kept_as == Kind.EMAIL]
    assert all(each.endswith("@example.org") for each in mails)


def test_every_situation_of_contact_occurs(everybody: list[Person]) -> None:
    kinds = Counter(tuple(way.kind for way in each.reached_by) for each in everybody)

    assert kinds[PointKind.EMAIL,] > 20
    assert kinds[PointKind.PHONE,] > 20
    assert kinds[PointKind.PHONE, PointKind.EMAIL, PointKind.ADDRESS] > 300
    for situation in (
        [each for each in everybody if not each.reached_by[0].basis],
        [each for each in everybody if any(way.blocked for way in each.reached_by)],
        [each for each in everybody if each.refuses == Channel.SMS],
        [each for each in everybody if each.hours is not None and each.hours.only],
        [each for each in everybody if each.hours is not None and not each.hours.only],
        [each for each in everybody if each.gets_offer and each.agrees_to_offers],
        [each for each in everybody if each.gets_offer and not each.agrees_to_offers],
    ):
        assert 10 <= len(situation) <= 100


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_provider_carries_each_channel_on_the_day(channel: Channel) -> None:
    for jurisdiction in FICTION:
        [provider] = register().candidates(channel, jurisdiction, "Anybody", DAY_OF_CONTACT)
        assert provider.channel == channel


@dataclass
class Small:
    """A small book that was replayed until a day, and the day after it as the day of contact."""

    office: Office
    everybody: list[Person]
    journal: Path
    show: Callable[[], None]

    def introduced(self) -> list[Borrower]:
        book = self.office.book
        ids = [uuid5(book.namespace, each.stream) for each in self.everybody]
        return [book.get(Borrower, each) for each in ids]

    def stored(self) -> int:
        return self.office.book.recorder.max_notification_id() or 0


@pytest.fixture
def small(
    new_database: Callable[[], str], tmp_path: Path, planned: Plan, everybody: list[Person]
) -> Iterator[Small]:
    url = new_database()
    migrate(url)
    vault_keys.make_file(Settings(home=tmp_path, database_url=None, kafka_bootstrap=None))
    settings = Settings(home=tmp_path, database_url=url, vault_key_file=tmp_path / vault_keys.FILE)
    journal = Journal(tmp_path / "journal.jsonl")
    with open_book(url, connections=2) as book, connection(url) as conn, shown(url) as show:
        replay(book, planned, zone=settings.zone, now=clock.now, journal=journal, until=UNTIL)
        session = Session(settings, url, book, next_day(UNTIL))
        office = Office(session, conn, journal, clock.now, lambda *_: None)
        known = {
            intent.stream
            for day, intents in planned.items()
            for intent in intents
            if intent.verb == "register" and day <= UNTIL
        }
        some = [each for each in everybody if each.stream in known]
        yield Small(office, some, tmp_path / "journal.jsonl", show)
        journal.close()


@contextmanager
def shown(url: str) -> Iterator[Callable[[], None]]:
    """The views of a database, which show what is stored whenever they are told to."""
    with ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(url, autocommit=True))
        views = {each: stack.enter_context(open_view(url, each)) for each in VIEWS}
        for projection, view in views.items():
            view.take((topic, 0) for topic in projection.TOPICS)
        offsets: Counter[str] = Counter()
        last = 0

        def show() -> None:
            nonlocal last
            rows = conn.execute(
                "SELECT notification_id, originator_id, originator_version, topic, state"
                " FROM store.book_events WHERE notification_id > %s ORDER BY notification_id",
                (last,),
            ).fetchall()
            records = []
            for last, stream_id, version, name, state in rows:
                topic = f"{name.partition('.')[0]}.events"
                event = codec.decode(state, stream_id, version)
                offset = offsets[topic]
                offsets[topic] += 1
                records.append(Record(topic, 0, offset, stream_id, version, last, state, event))
            for projection, view in views.items():
                known = [each for each in records if each.topic in projection.TOPICS]
                if known:
                    view.apply(known)

        yield show


def test_people_made_known_twice_are_known_once(small: Small) -> None:
    introduce(small.office, small.everybody[:5])
    introduce(small.office, small.everybody)
    stored = small.stored()
    introduce(small.office, small.everybody)

    assert small.stored() == stored
    for person, borrower in zip(small.everybody, small.introduced(), strict=True):
        kinds = [point.kind for point in borrower.points.values()]
        assert kinds == [way.kind for way in person.reached_by]
    noted = [json.loads(line)["command_id"] for line in small.journal.read_text().splitlines()]
    acts = [small.office.act("branch", "person", each.stream) for each in small.everybody]
    ids = [str(each.command_id) for each in acts]
    assert [each for each in noted if each in ids] == ids


def test_a_day_is_worked_once_and_every_contact_is_accounted_for(small: Small) -> None:
    introduce(small.office, small.everybody)
    work(small.office, small.everybody, small.show)
    stored = small.stored()
    work(small.office, small.everybody, small.show)
    small.show()

    assert small.stored() == stored
    found = contacts(small.office.conn, small.office.on)
    assert found is not None
    ends = (found.sent, found.uncertain, found.failed, found.blocked, found.dropped, found.waiting)
    assert (found.planned, found.sent > 0) == (sum(ends), True)
    assert 0 < found.adverts < found.sent
    assert {"WINDOW", "CALENDAR_UNKNOWN"} <= {each.reason for each in found.by_rule}
    told = Counter(
        str(past.outcome)
        for each in small.introduced()
        for ref, past in each.contacts.items()
        if ref not in each.open_contacts
    )
    assert (told["SENT"], told["FAILED"]) == (found.sent + found.uncertain, found.failed)


def test_what_is_told_of_a_contact_of_the_day_happened_on_the_day_that_is_played(
    small: Small,
) -> None:
    introduce(small.office, small.everybody)
    work(small.office, small.everybody, small.show)

    book, begins = small.office.book, small.office.at(time())
    told = [
        (type(event).__name__, at)
        for each in small.introduced()
        for event in book.events.get(each.id)
        for at in (getattr(event, name, None) for name in ("decided_at", "made_at", "not_made_at"))
        if at is not None
    ]
    kinds = {kind for kind, _ in told}
    assert {"ContactDecided", "ContactMade", "ContactNotMade"} <= kinds
    assert [each for each in told if not begins <= each[1] < begins + timedelta(days=1)] == []
