"""A turn of the dispatcher beside a slow provider: nothing goes late, refused or twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Figure
from domain.commands import contacts
from entrypoints.demo.provider import Behaviour, simulated
from infra import clock, contact_queue
from infra.channels.webhook import Patience
from infra.dispatcher import Dispatcher
from infra.migrations.run import migrate
from tests.infra.office import TEN, Office, open_office

DAY = timedelta(days=1)
NINE_IN_THE_EVENING = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
"""The end of the hours in Shanghai."""
FIGURES = tuple(
    Figure(name, reads)
    for name, reads in (
        ("loan", "L-00000-00000"),
        ("amount", "100.00 CNY"),
        ("received_on", "2026-11-20"),
    )
)
SLOW = Behaviour(delay_seconds=0.4)
PATIENT = Patience()


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    migrate(database_url)
    with open_office(database_url, tmp_path) as opened:
        yield opened


def receipts(office: Office, people: Sequence[UUID]) -> list[str]:
    """A receipt for each, due now by the clock: they go out at any hour."""
    now = clock.now()
    refs = office.queue(
        people, purpose=Purpose.RECEIPT, template="receipt", figures=FIGURES, expires_at=now + DAY
    )
    with office.writer() as conn:
        conn.execute("UPDATE contact.queue SET not_before = %s", (now,))
    return refs


def told(office: Office, people: Sequence[UUID], kind: type[Any]) -> list[Any]:
    return [
        event
        for person in people
        for event in office.book.events.get(person)
        if isinstance(event, kind)
    ]


def refuses(office: Office, person: UUID) -> None:
    contacts.opt_out(
        office.book,
        office.act(),
        borrower_id=person,
        channel=Channel.SMS,
        purpose=None,
        source="REPLY",
        opted_out_at=TEN,
    )


@pytest.fixture
def in_tens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten messages are judged at one instant, however fast they go."""
    monkeypatch.setattr("infra.dispatcher.FIRST_CHUNK", 10)
    monkeypatch.setattr("infra.dispatcher.SMALLEST_CHUNK", 10)
    monkeypatch.setattr("infra.dispatcher.BATCH", 10)


def test_a_message_counts_as_made_when_it_was_handed_over(office: Office) -> None:
    people = office.people(40)
    receipts(office, people)
    with simulated(SLOW) as (url, _), office.dispatcher(url, patience=PATIENT) as sender:
        began = clock.now()
        assert sender.step(limit=500).counts == {"sent": 40}
        ended = clock.now()

    decided = {each.decided_at for each in told(office, people, Borrower.ContactDecided)}
    made = sorted(each.made_at for each in told(office, people, Borrower.ContactMade))
    assert len(decided) == 1
    assert began < made[0] and made[-1] < ended
    # 32 calls run beside each other: the last left only when the first had been answered.
    assert made[-1] - made[0] > timedelta(seconds=0.3)


@pytest.mark.usefixtures("in_tens")
def test_each_chunk_is_judged_at_its_own_instant(office: Office) -> None:
    people = office.people(30)
    receipts(office, people)
    with simulated(SLOW) as (url, _), office.dispatcher(url, patience=PATIENT) as sender:
        assert sender.step(limit=500).counts == {"sent": 30}

    instants = sorted({each.decided_at for each in told(office, people, Borrower.ContactDecided)})
    assert len(instants) == 3
    assert instants[-1] - instants[0] > timedelta(seconds=0.7)


@pytest.mark.usefixtures("in_tens")
def test_who_refuses_while_others_are_sent_to_is_not_sent_anything(office: Office) -> None:
    people = office.people(20)
    office.queue(people)
    asked: list[UUID] = []

    def one_answers() -> None:
        waiting = {line.borrower_id for line in office.lines().values() if line.state == "WAITING"}
        asked.append(min(waiting))
        refuses(office, asked[0])

    with simulated(Behaviour()) as (url, provider), office.dispatcher(url) as sender:
        done = sender.step(TEN, before_each=one_answers)

    assert done.counts == {"sent": 19, "blocked": 1}
    assert not any(asked[0].hex[:10] in ref for ref in provider.taken)


def after_judging(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Something happens once contacts were judged, before any of them is handed over."""
    written = Dispatcher._messages

    def and_then(self: Dispatcher, *given: Any) -> Iterator[Any]:
        yield from written(self, *given)
        happens()

    monkeypatch.setattr(Dispatcher, "_messages", and_then)


def test_who_refuses_between_the_answer_and_the_hand_over_is_not_sent_anything(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = office.people(3)
    refs = office.queue(people)
    after_judging(monkeypatch, lambda: refuses(office, people[1]))
    with simulated(Behaviour()) as (url, provider), office.dispatcher(url) as sender:
        done = sender.step(TEN)

    assert done.counts == {"sent": 2, "failed": 1}
    assert set(provider.taken) == {refs[0], refs[2]}
    (again,) = told(office, people, Borrower.ContactDecidedAgain)
    assert (again.originator_id, again.answer) == (people[1], "BLOCK")
    assert [each.reason for each in again.against] == ["OPT_OUT"]


def test_a_hand_over_that_nothing_came_between_is_not_judged_twice(office: Office) -> None:
    people = office.people(3)
    office.queue(people)
    with simulated(Behaviour()) as (url, _), office.dispatcher(url) as sender:
        sender.step(TEN)

    assert not told(office, people, Borrower.ContactDecidedAgain)


def test_no_message_of_a_slow_turn_leaves_after_the_hours(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = office.people(120)
    office.queue(people)
    real = clock.now
    ahead = NINE_IN_THE_EVENING - timedelta(seconds=3) - real()
    with (
        simulated(Behaviour(delay_seconds=1.0)) as (url, provider),
        office.dispatcher(url, patience=PATIENT) as sender,
    ):
        monkeypatch.setattr("infra.clock.now", lambda: real() + ahead)
        while sender.step(limit=500).total:
            pass

    made = told(office, people, Borrower.ContactMade)
    sent = [each for each in made if each.outcome == "SENT"]
    assert 0 < len(sent) < 120
    assert {each.contact_ref for each in sent} == set(provider.taken)
    assert all(each.made_at < NINE_IN_THE_EVENING for each in sent)
    late = {each.reason for each in made if each.outcome == "FAILED"}
    assert late <= {"NOT_SENT_IN_TIME"}


@pytest.mark.usefixtures("in_tens")
def test_a_turn_ends_after_its_time_and_what_is_left_is_due_at_once(office: Office) -> None:
    people = office.people(25)
    office.queue(people)
    with (
        simulated(Behaviour()) as (url, provider),
        office.dispatcher(url, turn_seconds=0) as sender,
    ):
        first = sender.step(TEN)
        waiting = [line for line in office.lines().values() if line.state == "WAITING"]
        assert first.counts == {"sent": 10}
        assert {line.attempts for line in waiting} == {0}
        assert sender.step(TEN).counts == {"sent": 10}
        assert sender.step(TEN).counts == {"sent": 5}

    assert set(provider.taken.values()) == {1}


def test_what_was_not_begun_in_time_is_put_back_and_sent_in_the_next_turn(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = office.people(80)
    receipts(office, people)
    monkeypatch.setattr("infra.dispatcher.HANDED_WITHIN", timedelta(seconds=0.2))
    with simulated(SLOW) as (url, provider), office.dispatcher(url, patience=PATIENT) as sender:
        first = sender.step(limit=500)
        while sender.step(limit=500).total:
            pass

    assert first.counts == {"sent": 32, "to try again": 48}
    assert len(provider.taken) == 80
    assert set(provider.taken.values()) == {1}


def test_a_lease_is_renewed_by_who_has_it_and_by_nobody_else(office: Office) -> None:
    office.queue(office.people(2))
    minute = timedelta(minutes=1)
    with office.writer() as conn:
        lost = contact_queue.take(conn, TEN, 10, timedelta(0))
        time.sleep(0.01)
        kept = contact_queue.take(conn, TEN, 10, minute)

        assert contact_queue.renew(conn, lost, minute) == []
        renewed = contact_queue.renew(conn, kept, minute)
        assert {each.contact_ref for each in renewed} == {each.contact_ref for each in kept}
        assert contact_queue.take(conn, TEN, 10, minute) == []
        contact_queue.let_go(conn, kept)  # that lease was replaced
        assert contact_queue.take(conn, TEN, 10, minute) == []
        contact_queue.let_go(conn, renewed)
        assert {each.attempts for each in contact_queue.take(conn, TEN, 10, minute)} == {2}
