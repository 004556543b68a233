"""The event store: only ever added to, read in order, and loaded as it was."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from domain.base.stream import Stream
from domain.base.terms import Renewal
from domain.catalogue import STREAMS
from domain.commands.book import Book, Command
from domain.loan.loan import Loan
from infra import codec, store
from infra.bootstrap import as_role, open_book
from infra.migrations.run import migrate
from tests.conftest import with_database
from tests.domain import story

PROTECTED = ("store.book_events", "store.command_log")
CHANGES = ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}")


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    """A migrated database that the tests of this module share, entered as its owner."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(with_database(postgres_url, name))
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def book(url: str) -> Iterator[Book]:
    """A book in that database."""
    with open_book(url, connections=8) as book:
        yield book


def commanded(stream: Stream, command_id: UUID | None = None) -> Command:
    return Command(command_id or uuid4(), b"digest", stream.id, stream.version)


def kept(book: Book, stream: Stream, command_id: UUID | None = None) -> Any:
    """The stream, stored."""
    book.keep([commanded(stream, command_id)], stream)
    return stream


def new_loan(book: Book) -> Loan:
    """A loan that was paid out, stored."""
    loan = story.signed(loan_id=uuid4())
    story.disburse(loan)
    stored: Loan = kept(book, loan)
    return stored


def loaded(book: Book, stream_id: UUID) -> Any:
    return book.streams.load([stream_id])[stream_id]


def statements(table: str) -> list[str]:
    column = "version" if table.endswith("log") else "originator_version"
    return [change.format(table, column, column) for change in CHANGES]


# --- only ever added to ------------------------------------------------------------------


@pytest.mark.parametrize("table", PROTECTED)
@pytest.mark.parametrize("number", range(3))
def test_the_writer_has_no_right_to_change_what_is_stored(
    book: Book, url: str, table: str, number: int
) -> None:
    new_loan(book)

    refused = pytest.raises(InsufficientPrivilege, match="permission denied")
    with psycopg.connect(as_role(url, store.WRITER)) as writer, refused:
        writer.execute(statements(table)[number])


@pytest.mark.parametrize("table", PROTECTED)
@pytest.mark.parametrize("number", range(3))
def test_not_even_the_owner_changes_what_is_stored(
    book: Book, url: str, table: str, number: int
) -> None:
    new_loan(book)

    refused = pytest.raises(InsufficientPrivilege, match="only ever added")
    with psycopg.connect(url) as owner, refused:
        owner.execute(statements(table)[number])


@pytest.mark.parametrize("number", range(3))
def test_the_same_statement_succeeds_where_nothing_protects(url: str, number: int) -> None:
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TEMP TABLE loose AS SELECT * FROM store.book_events")
        owner.execute(statements("loose")[number])
        owner.rollback()


@pytest.mark.parametrize("number", range(3))
def test_the_trigger_refuses_also_a_writer_who_was_given_the_right(
    book: Book, url: str, number: int
) -> None:
    new_loan(book)

    with psycopg.connect(url) as owner:
        owner.execute(f"GRANT ALL ON store.book_events TO {store.WRITER}")
        owner.execute(f"SET LOCAL ROLE {store.WRITER}")
        with pytest.raises(InsufficientPrivilege, match="only ever added"):
            owner.execute(statements("store.book_events")[number])
        owner.rollback()


def test_programs_enter_in_the_writers_role(book: Book) -> None:
    with book.recorder.datastore.get_connection() as connection:  # type: ignore[attr-defined]
        (row,) = connection.execute("SELECT current_user").fetchall()

    assert store.WRITER in (row if isinstance(row, tuple) else tuple(row.values()))


def test_the_writer_makes_no_tables(url: str) -> None:
    refused = pytest.raises(InsufficientPrivilege)
    with psycopg.connect(as_role(url, store.WRITER)) as writer, refused:
        writer.execute("CREATE TABLE store.mine (x int)")


def test_the_projector_reads_events_and_writes_none(book: Book, url: str) -> None:
    new_loan(book)

    with psycopg.connect(as_role(url, "loans_projector")) as projector:
        assert projector.execute("SELECT count(*) FROM store.book_events").fetchone() != (0,)
        with pytest.raises(InsufficientPrivilege):
            projector.execute(
                "INSERT INTO store.book_events VALUES (gen_random_uuid(), 1, 't', '')"
            )


# --- what is stored ------------------------------------------------------------------------


def test_what_is_stored_is_the_events_own_bytes(book: Book, url: str) -> None:
    loan = story.applied(loan_id=uuid4())
    (event,) = story.recorded(loan)
    kept(book, loan)

    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT originator_version, topic, state FROM store.book_events"
            " WHERE originator_id = %s",
            (loan.id,),
        ).fetchone()

    assert row == (1, "loan.applied", codec.encode(event))


def test_a_version_is_stored_once(book: Book) -> None:
    loan = new_loan(book)
    one, other = loaded(book, loan.id), loaded(book, loan.id)
    story.repay(one, "P-1", 1_00, on=story.JAN_15)
    story.repay(other, "P-2", 1_00, on=story.JAN_15)
    kept(book, one)

    command_id = uuid4()
    with pytest.raises(IntegrityError):
        kept(book, other, command_id)

    assert set(loaded(book, loan.id).splits) == {"P-1"}
    assert book.streams.find_command(command_id) is None


def test_a_command_is_logged_with_what_came_of_it(book: Book) -> None:
    loan, command_id = story.applied(loan_id=uuid4()), uuid4()

    kept(book, loan, command_id)

    assert book.streams.find_command(command_id) == Command(command_id, b"digest", loan.id, 1)


def test_a_command_is_logged_once_and_takes_its_events_with_it(book: Book) -> None:
    first, second, command_id = (
        story.applied(loan_id=uuid4()),
        story.applied(loan_id=uuid4()),
        uuid4(),
    )
    kept(book, first, command_id)

    with pytest.raises(IntegrityError):
        kept(book, second, command_id)

    assert set(book.streams.load([first.id, second.id])) == {first.id}


def test_several_streams_are_stored_together_or_not_at_all(book: Book) -> None:
    loan, other = new_loan(book), story.applied(loan_id=uuid4())
    stale = loaded(book, loan.id)
    story.repay(loan, "P-1", 1_00, on=story.JAN_15)
    kept(book, loan)
    story.repay(stale, "P-2", 1_00, on=story.JAN_15)

    with pytest.raises(IntegrityError):
        book.keep([commanded(stale), commanded(other)], stale, other)

    assert set(book.streams.load([other.id])) == set()


def test_a_command_that_changes_nothing_is_logged_all_the_same(book: Book) -> None:
    loan, command_id = loaded(book, new_loan(book).id), uuid4()

    kept(book, loan, command_id)

    done = book.streams.find_command(command_id)
    assert done is not None
    assert done.version == loan.version
    assert loaded(book, loan.id).version == loan.version


# --- a reader that follows -------------------------------------------------------------------


def test_a_reader_who_follows_never_misses_an_event(book: Book, url: str) -> None:
    """Six writers at once, and a reader that only ever looks ahead."""
    writers, each = 6, 40
    start, stopped = threading.Barrier(writers + 1), threading.Event()
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        (last,) = connection.execute(
            "SELECT coalesce(max(notification_id), 0) FROM store.book_events"
        ).fetchone() or (0,)
    seen: list[tuple[int, UUID]] = []

    def write(_: int) -> list[UUID]:
        start.wait()
        made = []
        for _ in range(each):
            loan = story.applied(loan_id=uuid4())
            kept(book, loan)
            made.append(loan.id)
        return made

    def follow() -> None:
        position = last
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            start.wait()
            while True:
                done = stopped.is_set()
                rows = connection.execute(
                    "SELECT notification_id, originator_id FROM store.book_events"
                    " WHERE notification_id > %s ORDER BY notification_id",
                    (position,),
                ).fetchall()
                seen.extend(rows)
                position = rows[-1][0] if rows else position
                if done and not rows:
                    return

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(writers) as pool:
        written = {stream_id for made in pool.map(write, range(writers)) for stream_id in made}
    stopped.set()
    reader.join()

    assert len(written) == writers * each
    assert {stream_id for _, stream_id in seen} >= written
    numbers = [number for number, _ in seen]
    assert numbers == sorted(set(numbers))


def test_without_the_lock_the_same_reader_would_miss_one(url: str) -> None:
    """Shows that the test above can fail: a later number commits first."""
    insert = "INSERT INTO loose (x) VALUES (%s) RETURNING id"
    with (
        closing(psycopg.connect(url)) as slow,
        closing(psycopg.connect(url)) as fast,
        closing(psycopg.connect(url, autocommit=True)) as reader,
    ):
        reader.execute("CREATE TABLE loose (id bigserial, x int)")
        slow.execute(insert, (1,))
        fast.execute(insert, (2,))
        fast.commit()
        (position,) = reader.execute("SELECT max(id) FROM loose").fetchone() or (0,)
        slow.commit()
        after = reader.execute("SELECT x FROM loose WHERE id > %s", (position,)).fetchall()
        reader.execute("DROP TABLE loose")

    assert after == []


# --- next actions ---------------------------------------------------------------------------


def due(book: Book, on: date) -> dict[UUID, tuple[str, date]]:
    found, after = {}, None
    while batch := book.streams.due(on, "loan", after, 7):
        assert batch == sorted(batch, key=lambda item: (item.due_on, item.stream_id))
        found.update({item.stream_id: (item.kind, item.due_on) for item in batch})
        after = batch[-1]
    return found


def test_the_index_says_when_a_stream_next_needs_attention(book: Book) -> None:
    loan = new_loan(book)
    feb_16 = date(2025, 2, 16)

    assert loan.id not in due(book, date(2025, 2, 15))
    assert due(book, feb_16)[loan.id] == ("DELINQUENCY", feb_16)


def test_the_index_moves_with_the_stream(book: Book) -> None:
    loan = new_loan(book)

    story.repay(loan, "P-1", 86_07, on=date(2025, 2, 15))
    kept(book, loan)

    assert due(book, date(2030, 1, 1))[loan.id] == ("DELINQUENCY", date(2025, 3, 16))


def test_the_index_forgets_a_stream_that_needs_nothing(book: Book) -> None:
    loan = new_loan(book)

    story.repay(loan, "P-1", 1_032_80, on=date(2025, 2, 15))
    kept(book, loan)

    assert loan.id not in due(book, date(2030, 1, 1))


def test_the_index_is_as_it_was_when_a_writer_comes_second(book: Book) -> None:
    loan = new_loan(book)
    stale = loaded(book, loan.id)
    story.repay(loan, "P-1", 1_00, on=story.JAN_15)
    kept(book, loan)
    story.repay(stale, "P-2", 1_032_80, on=story.JAN_15)

    with pytest.raises(IntegrityError):
        kept(book, stale)

    assert loan.id in due(book, date(2030, 1, 1))


# --- loading and snapshots --------------------------------------------------------------------


def long_loan(book: Book, payments: int = 70) -> Loan:
    loan = new_loan(book)
    for number in range(payments):
        story.repay(loan, f"P-{number}", 1_00, on=story.JAN_15 + timedelta(days=number))
        kept(book, loan)
    return loan


def snapshot_of(url: str, stream_id: UUID) -> Any:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT version, code, state FROM store.snapshot WHERE stream_id = %s", (stream_id,)
        ).fetchone()


def test_a_loaded_stream_is_the_one_that_was_stored(book: Book) -> None:
    loan = new_loan(book)

    assert story.state(loaded(book, loan.id)) == story.state(loan)


def test_a_stream_is_loaded_as_it_stood_at_a_version(book: Book) -> None:
    loan = long_loan(book)

    for version in (1, 4, 5, 49, 50, 51, 60):
        then: Any = book.streams.load([loan.id], until=version)[loan.id]
        assert then.version == version
        assert len(then.splits) <= version
    assert book.streams.load([loan.id], until=5)[loan.id].next_action() is not None


def test_a_long_stream_has_a_snapshot_that_says_what_a_replay_says(book: Book, url: str) -> None:
    loan = long_loan(book, 52)

    version, code, _ = snapshot_of(url, loan.id)
    assert (version, code) == (50, store.snapshot_code(loan))
    replay: Any = book.streams.load([loan.id], until=loan.version)[loan.id]
    assert story.state(loaded(book, loan.id)) == story.state(replay) == story.state(loan)


def test_a_stream_with_a_snapshot_goes_on_as_without(book: Book, url: str) -> None:
    loan = long_loan(book, 50)
    assert snapshot_of(url, loan.id)[0] == 50
    again = loaded(book, loan.id)

    story.repay(again, "late", 5_00, on=story.JAN_15, known_on=date(2025, 6, 1))
    story.reversed_("P-3", on=date(2025, 6, 1))(again)
    kept(book, again)

    replay: Any = book.streams.load([loan.id], until=again.version)[loan.id]
    assert story.state(replay) == story.state(again)


def test_a_snapshot_of_another_code_version_is_passed_over(
    book: Book, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = long_loan(book, 50)
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE store.snapshot SET code = 'loan/0', state = 'not ours' WHERE stream_id = %s",
            (loan.id,),
        )

    assert story.state(loaded(book, loan.id)) == story.state(loan)


def test_a_snapshot_of_another_code_version_is_replaced_in_time(book: Book, url: str) -> None:
    loan = long_loan(book, 50)
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE store.snapshot SET code = 'loan/99', version = 1000 WHERE stream_id = %s",
            (loan.id,),
        )

    for number in range(50, 100):
        story.repay(loan, f"P-{number}", 1_00, on=date(2025, 6, 1))
    kept(book, loan)

    assert snapshot_of(url, loan.id)[:2] == (loan.version, store.snapshot_code(loan))


def test_a_snapshot_holds_a_renewal_that_is_on_offer() -> None:
    terms = story.terms(renewal=Renewal(term_months=3, most=1, offer_days=20))
    loan = story.disbursed(terms)
    for number, row in enumerate(list(loan.instalments[:-1])):
        story.repay(loan, f"P-{number}", row.left, row.due_on)
    story.attended(loan.instalments[-1].due_on)(loan)
    assert loan.renewal is not None

    again = store.from_snapshot(Loan, loan.id, loan.version, store.to_snapshot(loan))

    assert story.state(again) == story.state(loan)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_snapshot_holds_every_record_that_the_state_of_a_stream_may_hold(
    kind: type[Stream],
) -> None:
    begun = [vars(each)["__init__"] for each in kind.__mro__ if "__init__" in vars(each)]
    hints = [
        eval(ast.unparse(node.annotation), begins.__globals__)
        for begins in begun
        if getattr(begins, "__module__", "").startswith("domain.")
        and not begins.__code__.co_filename.startswith("<")
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(begins))))
        if isinstance(node, ast.AnnAssign)
    ]

    assert hints
    assert set(records_in(*hints)) <= set(store.RECORDS.values())


def records_in(*hints: Any) -> Iterator[type]:
    """The dataclasses that annotations name, at any depth of lists and dicts."""
    for hint in hints:
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield hint
        yield from records_in(*get_args(hint))


def test_many_streams_are_loaded_as_each_one_is(book: Book) -> None:
    ids = [new_loan(book).id, long_loan(book, 60).id, uuid4()]

    together = book.streams.load(ids)

    assert set(together) == set(ids[:2])
    for stream_id in ids[:2]:
        assert story.state(together[stream_id]) == story.state(loaded(book, stream_id))


def test_a_stream_asked_for_twice_is_loaded_once(book: Book) -> None:
    loan = new_loan(book)

    again = book.streams.load([loan.id, loan.id])[loan.id]

    assert story.state(again) == story.state(loan)


def test_loading_nothing_finds_nothing(book: Book) -> None:
    assert book.streams.load([]) == {}
