"""The circumstances of a command: what has happened lies not in the future, nor is it new twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import pytest

from domain.base.refs import short_ref
from domain.base.refusal import NotYet
from domain.base.stream import Act
from domain.commands import borrowers
from domain.commands.imports import id_of_borrower
from entrypoints.session import Session
from infra import clock
from infra.bootstrap import open_book
from infra.migrations.run import migrate
from infra.settings import Settings
from infra.trouble import Trouble
from tests.infra import views_at_work

TODAY = clock.business_date("Asia/Shanghai")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def session(folder: Path, business_on: date) -> Session:
    nothing: Any = None
    return Session(Settings(home=folder, zone="Asia/Shanghai"), "", nothing, business_on)


def test_what_happened_lies_in_the_past_or_so_little_ahead_as_clocks_differ(tmp_path: Path) -> None:
    opened = session(tmp_path, TODAY - 9 * DAY)
    now = clock.now()

    for instant in (now, now + MINUTE, now - 900 * DAY):
        assert opened.happened_at(instant) == instant
    with pytest.raises(NotYet):
        opened.happened_at(now + 10 * MINUTE)


def test_later_on_the_day_that_the_clock_shows_nothing_has_happened_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 3, 2, 4, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: noon)
    monkeypatch.setattr(clock, "business_date", lambda _: date(2026, 3, 2))
    opened = session(tmp_path, date(2026, 3, 2))

    assert opened.happened_at(noon + MINUTE) == noon + MINUTE
    with pytest.raises(NotYet, match="leave --at out"):
        opened.happened_at(noon + 6 * MINUTE)


def test_a_book_that_is_ahead_of_the_clock_goes_by_its_own_day(tmp_path: Path) -> None:
    ahead = TODAY + 30 * DAY
    opened = session(tmp_path, ahead)
    midnight = datetime(ahead.year, ahead.month, ahead.day, 16, tzinfo=UTC)

    assert opened.happened_at(midnight - MINUTE) == midnight - MINUTE
    with pytest.raises(NotYet):
        opened.happened_at(midnight)


def test_an_act_given_again_is_of_the_day_and_the_instant_that_it_was(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    with open_book(database_url, connections=1) as book:
        opened = Session(Settings(home=tmp_path), database_url, book, TODAY)
        first = opened.act("clerk", uuid4())
        said = opened.happened_at(None)
        borrowers.register(
            book, first, borrower_id=uuid4(), jurisdiction="CN", zones=["Asia/Shanghai"]
        )

        later = Session(Settings(home=tmp_path), database_url, book, TODAY + DAY)
        again = later.act("clerk", first.command_id)

        assert (again, later.happened_at(None), later.business_on) == (first, said, TODAY)
        assert later.act("clerk", uuid4()).recorded_at > first.recorded_at


@pytest.fixture
def counter(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """Where staff name borrowers: one who was imported, with a loan of the same number."""
    migrate(database_url)
    with open_book(database_url, connections=1) as book:
        named = uuid5(book.namespace, "street:9")
        for borrower_id in (id_of_borrower(book.namespace, "oldbank", "7"), named):
            act = Act("clerk", TODAY, clock.now(), uuid4(), uuid4())
            borrowers.register(
                book, act, borrower_id=borrower_id, jurisdiction="CN", zones=["Asia/Shanghai"]
            )
        with monkeypatch.context() as patched:
            patched.setattr(views_at_work, "loan_id", lambda ref: uuid5(book.namespace, ref))
            book.keep([], views_at_work.applied("oldbank:7"))
        yield Session(Settings(home=tmp_path), database_url, book, TODAY)


def test_a_borrower_who_was_imported_is_named_as_the_book_they_come_from_does(
    counter: Session,
) -> None:
    namespace = counter.book.namespace
    imported = id_of_borrower(namespace, "oldbank", "7")

    for named in ("oldbank:7", " oldbank:7", short_ref("B", imported), str(imported)):
        assert counter.borrower_id(named) == imported
    assert counter.borrower_id("street:9") == uuid5(namespace, "street:9")
    assert counter.stream_id("oldbank:7") == uuid5(namespace, "oldbank:7")


def test_who_names_no_borrower_is_told_so(counter: Session) -> None:
    loan_id = counter.stream_id("oldbank:7")
    nobody = uuid4()

    for named in ("oldbank:8", "Li Na"):
        with pytest.raises(Trouble, match="B-XXXXX-XXXXX, an id, or origin:reference"):
            counter.borrower_id(named)
    with pytest.raises(Trouble, match=r"names a loan: name its borrower, B-"):
        counter.borrower_id(short_ref("L", loan_id))
    assert counter.borrower_id(str(nobody)) == nobody


def test_who_names_no_loan_is_told_so(counter: Session) -> None:
    for named in ("oldbank:8", "the roof"):
        with pytest.raises(Trouble, match="L-XXXXX-XXXXX, an id, or origin:reference"):
            counter.stream_id(named)
