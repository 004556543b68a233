"""A view shows each event once, in order, or says why not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import psycopg
import pytest

from domain.borrower.borrower import Borrower
from infra import views
from infra.migrations.run import migrate
from infra.rebuild import rebuild
from infra.rows import COPY_FROM_ROWS
from infra.trouble import Trouble
from infra.views import Fenced, Gap, TooManyParked, View, open_view
from projections import Add, Change, Put, Table
from tests.infra.line import BORROWERS, Sample, batch, changes, held, registered, wait_for

PLACE = (BORROWERS, 0)


class Rows:
    """What a test's database shows."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def holds(self) -> dict[Any, Any]:
        return dict(self.sql("SELECT borrower_id, holds FROM rm.borrower"))

    def per_jurisdiction(self) -> dict[str, int]:
        return dict(self.sql("SELECT jurisdiction, borrowers FROM rm.per_jurisdiction"))

    def versions(self) -> dict[Any, int]:
        return dict(self.sql("SELECT stream_id, version FROM views.stream_version"))

    def parked(self) -> list[tuple[Any, int]]:
        return self.sql("SELECT stream_id, version FROM views.parked ORDER BY 1, 2")

    def position(self) -> int:
        return int(self.sql("SELECT next_offset FROM views.position")[0][0])


@pytest.fixture
def rows(database_url: str) -> Rows:
    migrate(database_url)
    return Rows(database_url)


@pytest.fixture
def view(rows: Rows) -> Iterator[View]:
    with open_view(rows.url, Sample()) as made:
        made.take([PLACE])
        yield made


class Picky(Sample):
    """A sample whose projection does not take every event."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = {"POISON"}

        @singledispatch
        def picky(event: Any) -> list[Change]:
            return changes(event)

        @picky.register
        def _(event: Borrower.HoldSet) -> list[Change]:
            if event.hold_ref in self.refused:
                raise ValueError(event.hold_ref)
            return changes(event)

        self.changes = picky


def test_rows_versions_and_position_move_together(rows: Rows, view: View) -> None:
    borrower, other = held(registered(), "H-1", "H-2"), registered("SG")

    applied = view.apply(batch(borrower, other))

    assert applied == (4, 0, 0)
    assert rows.holds() == {borrower.id: 2, other.id: None}
    assert rows.per_jurisdiction() == {"CN": 1, "SG": 1}
    assert rows.versions() == {borrower.id: 3, other.id: 1}
    assert rows.position() == 4
    assert rows.sql("SELECT zones, last_hold FROM rm.borrower WHERE holds = 2") == [
        (["Asia/Shanghai"], "H-2")
    ]


def test_many_rows_and_few_rows_are_written_alike(rows: Rows, view: View) -> None:
    borrowers = [held(registered(), "H-1") for _ in range(COPY_FROM_ROWS * 2)]

    view.apply(batch(*borrowers))
    view.apply(batch(*[held(each, "H-2") for each in borrowers], offset=200))
    view.apply(batch(held(borrowers[0], "H-3"), offset=300))

    assert rows.holds() == {each.id: 2 for each in borrowers} | {borrowers[0].id: 3}
    assert rows.per_jurisdiction() == {"CN": len(borrowers)}


def test_a_redelivered_event_changes_nothing(rows: Rows, view: View) -> None:
    records = batch(held(registered(), "H-1", "H-2"))
    view.apply(records[:2])
    view.apply([record._replace(offset=record.offset + 2) for record in records[:2]])

    again = view.apply([record._replace(offset=record.offset + 4) for record in records])

    assert again == (1, 2, 0)
    assert rows.holds() == {records[0].stream_id: 2}
    assert rows.per_jurisdiction() == {"CN": 1}


def test_an_event_that_shows_nothing_counts_as_seen(rows: Rows, view: View) -> None:
    blind = Sample()
    blind.changes = lambda event: []
    records = batch(held(registered(), "H-1"))

    with open_view(rows.url, blind) as other:
        other.take([PLACE])
        other.apply(records)

    assert rows.versions() == {records[0].stream_id: 2}
    assert rows.holds() == {}


def test_a_gap_is_never_passed_over(rows: Rows, view: View) -> None:
    records = batch(held(registered(), "H-1", "H-2"))
    view.apply(records[:1])

    with pytest.raises(Gap, match="version 1 of stream"):
        view.apply(records[2:])

    assert rows.holds() == {records[0].stream_id: None}
    assert rows.position() == 1


def test_a_process_frozen_inside_a_transaction_does_not_hold_its_successor_up(
    rows: Rows, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "FROZEN_MS", 500)
    records = batch(held(registered(), "H-1"))
    given_up = pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout)
    with given_up, open_view(rows.url, Sample()) as frozen:
        frozen.take([PLACE])
        frozen._connection.execute("BEGIN")
        frozen._advance(records[:1])  # and here it stands still

        view.apply(records)

    assert rows.holds() == {records[0].stream_id: 1}
    assert rows.position() == 2


def test_a_process_frozen_amid_what_it_sends_does_not_hold_its_successor_up(
    rows: Rows, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "STATEMENT_MS", 1_000)
    records = batch(held(registered(), "H-1"))
    given_up = pytest.raises((psycopg.errors.TransactionTimeout, psycopg.OperationalError))
    with given_up, open_view(rows.url, Sample()) as frozen:
        frozen.take([PLACE])
        with frozen._connection.pipeline(), frozen._connection.transaction():
            frozen._advance(records[:1])  # flushed, and no end of it in sight

            view.apply(records)

    assert rows.holds() == {records[0].stream_id: 1}
    assert rows.position() == 2


def test_a_process_that_lost_its_partition_cannot_write(rows: Rows, view: View) -> None:
    records = batch(held(registered(), "H-1"))
    with open_view(rows.url, Sample()) as successor:
        assert successor.take([PLACE]) == {PLACE: 0}
        successor.apply(records[:1])

        with pytest.raises(Fenced):
            view.apply(records)

    assert rows.holds() == {records[0].stream_id: None}
    assert view.take([PLACE]) == {PLACE: 1}
    view.apply(records[1:])
    assert rows.holds() == {records[0].stream_id: 1}


def test_two_processes_make_the_tables_at_once(rows: Rows) -> None:
    troubles: list[Exception] = []

    def start() -> None:
        try:
            with open_view(rows.url, Sample()) as made:
                made.take([PLACE])
        except Exception as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert troubles == []
    assert rows.per_jurisdiction() == {}


def test_changed_tables_need_a_new_version(rows: Rows, view: View) -> None:
    changed = Sample()
    changed.TABLES = (*Sample.TABLES, Table("more", {"id": "uuid"}, ("id",)))

    with pytest.raises(Trouble, match="VERSION"), open_view(rows.url, changed):
        pass


# --- parking --------------------------------------------------------------------------


def test_a_stream_that_fails_is_parked_and_the_others_are_shown(rows: Rows) -> None:
    poor = held(registered(), "H-1", "POISON", "H-2")
    others = [held(registered(), "H-1") for _ in range(20)]

    with open_view(rows.url, Picky()) as view:
        view.take([PLACE])
        applied = view.apply(batch(*others[:10], poor, *others[10:]))
        view.apply(batch(held(poor, "H-3"), held(others[0], "H-2"), offset=50))

    assert applied == (42, 0, 2)
    assert rows.parked() == [(poor.id, 3), (poor.id, 4), (poor.id, 5)]
    assert rows.holds() == {each.id: 1 for each in others} | {others[0].id: 2, poor.id: 1}
    assert rows.versions()[poor.id] == 2
    assert rows.position() == 52


def test_rows_that_the_database_refuses_are_parked_too(rows: Rows) -> None:
    wrong = Sample()
    wrong.changes = lambda event: (
        [Add("borrower", {"borrower_id": event.originator_id}, {"holds": 2**70})]
        if getattr(event, "hold_ref", "") == "POISON"
        else changes(event)
    )
    poor, other = held(registered(), "POISON"), registered()

    with open_view(rows.url, wrong) as view:
        view.take([PLACE])
        view.apply(batch(poor, other))

    assert rows.parked() == [(poor.id, 2)]
    assert rows.holds() == {poor.id: None, other.id: None}
    assert rows.per_jurisdiction() == {"CN": 2}


def test_a_redelivered_parked_event_is_parked_once(rows: Rows) -> None:
    records = batch(held(registered(), "POISON"))

    with open_view(rows.url, Picky()) as view:
        view.take([PLACE])
        view.apply(records)
        applied = view.apply([record._replace(offset=record.offset + 9) for record in records])

    assert applied == (0, 2, 0)
    assert len(rows.parked()) == 1


def test_what_was_parked_is_shown_in_order_after_the_cause_is_mended(rows: Rows) -> None:
    poor = held(registered(), "POISON", "H-2", "WORSE", "H-4")
    picky = Picky()
    with open_view(rows.url, picky) as view:
        view.take([PLACE])
        view.apply(batch(poor))

        picky.refused = {"WORSE"}
        half = view.retry_parked()
        picky.refused = set()
        rest = view.retry_parked()
        view.apply(batch(held(poor, "H-5"), offset=10))

    assert half == {poor.id: (2, 2)}
    assert rest == {poor.id: (2, 0)}
    assert rows.parked() == []
    assert rows.sql("SELECT holds, last_hold FROM rm.borrower") == [(5, "H-5")]


def test_an_event_that_arrives_during_a_retry_is_neither_lost_nor_early(rows: Rows) -> None:
    poor = held(registered(), "POISON")
    picky = Picky()
    with open_view(rows.url, picky) as view, open_view(rows.url, picky) as retrying:
        view.take([PLACE])
        view.apply(batch(poor))
        picky.refused = set()
        arriving = batch(held(poor, "H-2"), offset=5)
        waiting, go_on = threading.Event(), threading.Event()
        keep_versions = retrying._keep_versions

        def slowly(*arguments: Any, **more: Any) -> None:
            keep_versions(*arguments, **more)
            waiting.set()
            assert go_on.wait(30)

        retrying._keep_versions = slowly  # type: ignore[method-assign]
        drain = threading.Thread(target=retrying.retry_parked)
        drain.start()
        assert waiting.wait(30)
        arrive = threading.Thread(target=view.apply, args=(arriving,))
        arrive.start()
        wait_for(
            lambda: rows.sql(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
        )
        go_on.set()
        drain.join()
        arrive.join()

    assert rows.parked() == []
    assert rows.versions() == {poor.id: 3}
    assert rows.sql("SELECT holds, last_hold FROM rm.borrower") == [(2, "H-2")]


def test_a_release_that_fails_for_many_streams_stops(rows: Rows) -> None:
    poor = [held(registered(), "POISON") for _ in range(views.PARKED_STREAMS_LIMIT + 1)]

    with open_view(rows.url, Picky()) as view:
        view.take([PLACE])
        with pytest.raises(TooManyParked):
            view.apply(batch(*poor))

    assert rows.parked() == []
    assert rows.position() == 0


# --- rebuilding -----------------------------------------------------------------------


def stored(rows: Rows, *borrowers: Borrower) -> None:
    """The store holds what the borrowers' records say."""
    for record in batch(*borrowers):
        rows.sql(
            "INSERT INTO store.book_events VALUES (%s, %s, %s, %s)",
            record.stream_id,
            record.version,
            record.event.TOPIC,  # type: ignore[attr-defined]
            record.state,
        )


def from_store(rows: Rows) -> list[Any]:
    """What the store holds, as it would come from Kafka."""
    from infra import codec

    found = rows.sql(
        "SELECT notification_id, originator_id, originator_version, state"
        " FROM store.book_events ORDER BY 1"
    )
    return [
        views.Record(
            *PLACE, at - 1, stream, version, at, state, codec.decode(state, stream, version)
        )
        for at, stream, version, state in found
    ]


def test_a_rebuild_gives_the_same_rows_as_the_events_up_to_the_same_place(rows: Rows) -> None:
    stored(rows, *[held(registered(), "H-1") for _ in range(30)])
    with open_view(rows.url, Sample()) as view:
        view.take([PLACE])
        view.apply(from_store(rows)[:41])

        compared = rebuild(rows.url, Sample())

    assert {table: each.rows for table, each in compared.items()} == {
        "borrower": 21,
        "per_jurisdiction": 1,
    }
    assert all(each.running == each.rebuilt for each in compared.values())


def test_a_rebuild_finds_a_row_that_is_wrong(rows: Rows, view: View) -> None:
    stored(rows, held(registered(), "H-1"))
    view.apply(from_store(rows))
    rows.sql("UPDATE rm_sample_v1.borrower SET holds = 7")

    compared = rebuild(rows.url, Sample())

    assert compared["borrower"].running != compared["borrower"].rebuilt
    assert compared["per_jurisdiction"].running == compared["per_jurisdiction"].rebuilt


def test_rebuilt_rows_take_the_place_and_the_process_goes_on(rows: Rows, view: View) -> None:
    stored(rows, held(registered(), "H-1"))
    records = from_store(rows)
    view.apply(records[:1])
    rows.sql("UPDATE rm_sample_v1.per_jurisdiction SET borrowers = 7")

    rebuild(rows.url, Sample(), swap=True)
    view.apply(records[1:])

    assert rows.per_jurisdiction() == {"CN": 1}
    assert rows.holds() == {records[0].stream_id: 1}


def test_a_new_version_is_filled_beside_and_swapped_in(rows: Rows, view: View) -> None:
    stored(rows, held(registered(), "H-1"), registered())
    records = from_store(rows)
    view.apply(records[:2])
    second: Any = Sample()
    second.VERSION = 2
    second.TABLES = (
        Table("borrower", {"borrower_id": "uuid", "name": "text"}, ("borrower_id",)),
        Sample.TABLES[1],
    )
    second.changes = lambda event: [
        Put("borrower", {"borrower_id": event.originator_id}, {"name": "new"})
    ]

    compared = rebuild(rows.url, second, swap=True)
    with open_view(rows.url, second) as next_view:
        place = next_view.take([PLACE])
        next_view.apply(records[2:])

    assert compared["borrower"].running == "none"
    assert place == {PLACE: 2}
    assert rows.sql("SELECT name FROM rm.borrower") == [("new",), ("new",)]
    assert rows.sql("SELECT version FROM views.active_version") == [(2,)]
    assert view.apply(records[2:]) == (1, 0, 0)
