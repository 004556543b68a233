"""A replay that is killed and resumed records what one in one go records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest

from domain.base.stream import Act
from domain.commands import loans
from domain.commands.book import Book
from domain.loan.loan import Loan
from entrypoints.demo.carry_out import Desk
from entrypoints.demo.intents import START
from entrypoints.demo.plan import plan
from entrypoints.demo.replay import Journal, Progress, is_the_demo, replay, stands_at
from infra import clock, codec
from infra.bootstrap import open_book
from infra.migrations.run import migrate
from infra.settings import child_environment

NAMESPACE = UUID("6f1c86d4-24a6-4c7e-9d0e-1c1f5f3a7b11")
UNTIL = START + timedelta(days=75)
ZONE = "Asia/Shanghai"

RUN = """
import os
import signal
import sys
from datetime import date
from pathlib import Path
from uuid import UUID
from entrypoints.demo.plan import plan
from entrypoints.demo.replay import Journal, replay
from infra import clock
from infra.bootstrap import open_book

url, namespace, journal, until, moment, count = sys.argv[1:]
left = float(count)


def step(what):
    global left
    if what == moment:
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Noting(Journal):
    def note(self, commands):
        step("stored, not noted")
        super().note(commands)


planned = plan()
if moment == "anywhere":
    sys.setprofile(lambda *_: step("anywhere"))  # after so many calls, wherever that is
with open_book(url, connections=1) as book:
    book.namespace = UUID(namespace)
    replay(book, planned, zone="Asia/Shanghai", now=clock.now, journal=Noting(Path(journal)),
        each=lambda _: step("day closed"), until=date.fromisoformat(until))
"""

KILLS = (
    ("stored, not noted", "3"),
    ("stored, not noted", "9"),
    ("day closed", "12"),
    ("anywhere", "20000"),
    ("anywhere", "30000"),
    ("stored, not noted", "12"),
)
"""At which moment of each run it is killed, the count beginning anew."""

Events = dict[tuple[UUID, int], dict[str, Any]]


@contextmanager
def book_at(url: str) -> Iterator[Book]:
    with open_book(url, connections=1) as book:
        book.namespace = NAMESPACE
        yield book


def run(book: Book, journal: Path, each: Callable[[Progress], None] = lambda _: None) -> Progress:
    noted = Journal(journal)
    try:
        return replay(book, plan(), zone=ZONE, now=clock.now, journal=noted, each=each, until=UNTIL)
    finally:
        noted.close()


def events_in(url: str) -> Events:
    """Every event but for the instant at which it was recorded."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT originator_id, originator_version, state FROM store.book_events"
        ).fetchall()
    found = {}
    for stream_id, version, state in rows:
        event = codec.decode(state, stream_id, version)
        fields = {name: value for name, value in vars(event).items() if name != "timestamp"}
        found[stream_id, version] = {"type": type(event).__qualname__, **fields}
    return found


def commands_in(url: str) -> set[tuple[UUID, UUID, int]]:
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT command_id, stream_id, version FROM store.command_log")
        return set(rows.fetchall())


def journalled(journal: Path) -> set[tuple[UUID, UUID, int]]:
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return {(UUID(x["command_id"]), UUID(x["stream_id"]), x["version"]) for x in lines}


@pytest.fixture
def made(new_database: Callable[[], str]) -> Callable[[], str]:
    def make() -> str:
        url = new_database()
        migrate(url)
        return url

    return make


def test_killed_and_resumed_it_records_the_same(made: Callable[[], str], tmp_path: Path) -> None:
    whole, pieces = made(), made()
    with book_at(whole) as book:
        run(book, tmp_path / "whole.jsonl")

    journal = tmp_path / "pieces.jsonl"
    killed_at = [_killed(pieces, journal, moment, count) for moment, count in KILLS]
    with book_at(pieces) as book:
        run(book, journal)

    assert killed_at == sorted(killed_at)
    assert 0 < killed_at[0] < killed_at[-1] < len(events_in(whole))
    assert events_in(pieces) == events_in(whole)
    assert commands_in(pieces) == commands_in(whole)
    assert journalled(journal) <= commands_in(pieces)


def _killed(url: str, journal: Path, moment: str, count: str) -> int:
    """How many events are stored when the replay was killed at that moment."""
    given = [url, str(NAMESPACE), str(journal), UNTIL.isoformat(), moment, count]
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *given], env=child_environment(), timeout=100, check=False
    )
    assert ended.returncode < 0, "it ended before it could be killed"
    with psycopg.connect(url) as conn:
        [events] = conn.execute("SELECT count(*) FROM store.book_events").fetchone() or [0]
    return int(events)


def test_run_again_it_changes_nothing(made: Callable[[], str], tmp_path: Path) -> None:
    url, journal = made(), tmp_path / "journal.jsonl"
    with book_at(url) as book:
        run(book, journal)
        before = events_in(url)

        again = run(book, journal)

    assert again.events == 0
    assert events_in(url) == before
    planned = sum(len(intents) for day, intents in plan().items() if day <= UNTIL)
    assert len(journalled(journal)) >= planned


def test_every_intent_of_the_days_is_carried_out(made: Callable[[], str], tmp_path: Path) -> None:
    url = made()
    with book_at(url) as book:
        assert is_the_demo(book)
        assert stands_at(book) is None
        run(book, tmp_path / "journal.jsonl")
        assert is_the_demo(book)
        assert stands_at(book) == UNTIL
        desk = Desk(NAMESPACE, book.policies, {})
        done = {command_id for command_id, _, _ in commands_in(url)}

    for day, intents in plan().items():
        for intent in intents:
            assert (desk.command_id(intent) in done) == (day <= UNTIL)


def test_every_loan_ends_in_the_asset_class_of_its_last_day(
    made: Callable[[], str], tmp_path: Path
) -> None:
    url = made()
    with book_at(url) as book:
        run(book, tmp_path / "journal.jsonl")
        ids = {stream_id for stream_id, _ in events_in(url)}
        lent = book.get_many(Loan, ids).values()
        act = Act("somebody", UNTIL, clock.now(), uuid4(), uuid4())

        for loan in lent:
            loan.reclassify(act, book.policies.asset_class_rule(loan.product_code, UNTIL))

    eased = [
        event
        for event in events_in(url).values()
        if event["type"].endswith("AssetClassChanged") and event["asset_class"] == "NORMAL"
    ]
    assert eased, "the days hold no loan that was late and paid"
    assert [loan.loan_ref for loan in lent if loan.pending_events] == []


def test_what_others_do_meanwhile_is_kept(made: Callable[[], str], tmp_path: Path) -> None:
    url = made()
    loan_id = uuid5(NAMESPACE, "berka:5314")
    paid: list[date] = []

    def pay(progress: Progress) -> None:
        # Before an instalment of the plan, behind the back of what the run remembers.
        if progress.day == date(1993, 8, 1):
            act = Act("somebody", progress.day, clock.now(), uuid4(), uuid4())
            loans.repay(
                other,
                act,
                loan_id=loan_id,
                amount=1_00,
                currency="CZK",
                received_on=progress.day,
                payment_ref="X-1",
            )
            paid.append(progress.day)

    with book_at(url) as book, book_at(url) as other:
        run(book, tmp_path / "journal.jsonl", pay)
        loan = book.get(Loan, loan_id)

    assert paid == [date(1993, 8, 1)]
    assert {"X-1", "P-1"} <= set(loan.splits)


def test_a_book_of_somebody_else_is_not_the_demo(made: Callable[[], str], tmp_path: Path) -> None:
    from domain.commands import borrowers

    with book_at(made()) as book:
        act = Act("staff", START, clock.now(), uuid4(), uuid4())
        borrowers.register(
            book, act, borrower_id=uuid4(), jurisdiction="CN", zones=["Asia/Shanghai"]
        )

        assert not is_the_demo(book)
