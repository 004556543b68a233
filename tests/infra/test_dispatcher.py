"""The dispatcher: what is due is asked about, sent and recorded, and never twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import OptOut, Party
from domain.borrower.contact_state import Figure
from domain.commands import borrowers, contacts
from entrypoints.demo.provider import Behaviour, simulated
from infra import clock, contact_queue, vault_erasure
from infra.dispatcher import Dispatcher
from infra.migrations.run import migrate
from infra.plan import Plan
from infra.policies import load_policies
from infra.settings import Settings, child_environment
from infra.vault import Entry, open_vault
from infra.vault_values import Kind
from infra.verify import check_decisions
from tests.infra.channels.samples import SECRET
from tests.infra.office import NIGHT, ON, TEN, Office, each_at_most, open_office

RECEIPT_FIGURES = (
    Figure("loan", "L-00000-00000"),
    Figure("amount", "100.00 CNY"),
    Figure("received_on", "2026-11-20"),
)


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    migrate(database_url)
    with open_office(database_url, tmp_path) as opened:
        yield opened


def outcomes(office: Office, people: list[UUID]) -> Counter[str]:
    borrowers = office.book.get_many(Borrower, people)
    return Counter(
        str(past.outcome) for each in borrowers.values() for past in each.contacts.values()
    )


def test_what_is_due_is_sent_and_recorded(office: Office) -> None:
    people = office.people(5)
    refs = office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        done = sender.step(TEN)

    assert done.counts == {"sent": 5}
    assert provider.taken == dict.fromkeys(refs, 1)
    assert {message["to"] for message in provider.messages.values()} == {
        f"+86139{number:08d}" for number in range(5)
    }
    assert outcomes(office, people) == {"SENT": 5}
    assert {line.state for line in office.lines().values()} == {"DONE"}


def test_a_number_that_cannot_be_used_is_left_for_the_next_one(office: Office) -> None:
    (person,) = office.people(1, with_number=False)
    entry = Entry(person, Kind.PHONE, "+8613900000009", uuid5(person, "second"))
    with open_vault(office.url, office.settings, load_policies) as vault:
        (second,) = vault.put_many([entry], office.act())
    contacts.add_contact_point(
        office.book,
        office.act(),
        borrower_id=person,
        point_ref=second,
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(hours=1),
    )
    (ref,) = office.queue([person])
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        done = [sender.step(TEN).counts for _ in range(3)]

    assert done == [{"failed": 1}, {"sent": 1}, {}]
    assert provider.taken == {f"{ref}.2": 1}
    assert outcomes(office, [person]) == {"FAILED": 1, "SENT": 1}


def test_a_text_takes_the_figures_it_names_of_all_that_there_is_to_say(office: Office) -> None:
    people = office.people(1)
    said = {"amount": "36.07 CNY", "received_on": "2026-11-22", "loan": "L-1", "instalments": "1"}
    office.queue(
        people,
        purpose=Purpose.RECEIPT,
        template="receipt",
        figures=tuple(Figure(name, reads) for name, reads in said.items()),
    )
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"sent": 1}

    (message,) = provider.messages.values()
    assert "36.07元" in message["text"]
    with office.writer() as conn:
        assert check_decisions(conn, office.book).fault_count == 0


def test_a_notice_is_sent_to_the_guardian_and_the_record_says_so(office: Office) -> None:
    (person,) = office.people(1)
    entries = [
        Entry(person, Kind.PHONE, "+8613900000008", uuid5(person, "guardian")),
        Entry(person, Kind.NAME, "张三", uuid5(person, "name")),
    ]
    with open_vault(office.url, office.settings, load_policies) as vault:
        theirs, _ = vault.put_many(entries, office.act())
    contacts.add_contact_point(
        office.book,
        office.act(),
        borrower_id=person,
        point_ref=theirs,
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(hours=1),
        party=Party.GUARDIAN,
    )
    borrowers.set_hold(
        office.book,
        office.act(),
        borrower_id=person,
        hold_ref="H-1",
        kind="INCAPACITY",
        reason="a letter of the court",
    )
    said = {"complaint": "Q-1", "resolve_by": "2026-12-23"}
    office.queue(
        [person],
        purpose=Purpose.STATUTORY,
        template="complaint-longer",
        figures=tuple(Figure(name, reads) for name, reads in said.items()),
    )
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"sent": 1}

    (message,) = provider.messages.values()
    assert message["to"] == "+8613900000008"
    assert message["text"].startswith("【示例消费金融】张三的投诉（Q-1）")
    decided = [
        (event.party, event.point_ref, event.template)
        for event in office.book.events.get(person)
        if isinstance(event, Borrower.ContactDecided)
    ]
    assert decided == [("GUARDIAN", theirs, "cn-complaint-longer-sms-to-representative")]
    with office.writer() as conn:
        assert check_decisions(conn, office.book).fault_count == 0


def test_who_is_restricted_is_sent_what_is_owed_and_nothing_else(office: Office) -> None:
    (person,) = office.people(1)
    with open_vault(office.url, office.settings, load_policies) as vault:
        until = TEN.date() + timedelta(days=30)
        vault_erasure.restrict(vault, person, office.act(), until=until, reason="contests it")
    (care,) = office.queue([person])
    office.queue(
        [person],
        contact_ref="K-receipt",
        purpose=Purpose.RECEIPT,
        template="receipt",
        figures=RECEIPT_FIGURES,
    )
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        sender.step(TEN)

    assert provider.taken == {"K-receipt": 1}
    assert office.lines()[care].reasons == ["PROCESSING_RESTRICTED"]


def test_what_the_night_puts_off_is_sent_in_the_morning(office: Office) -> None:
    people = office.people(2)
    office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        assert sender.step(NIGHT).counts == {"deferred": 2}
        assert not provider.taken
        morning = {line.not_before for line in office.lines().values()}
        assert morning == {TEN + timedelta(hours=22)}
        assert sender.step(NIGHT).total == 0
        assert sender.step(morning.pop()).counts == {"sent": 2}


def test_no_more_is_sent_than_the_cap_allows(office: Office) -> None:
    people = office.people(3)
    office.queue(people, each=4)
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        done = sender.step(TEN)

    assert done.counts == {"sent": 6, "blocked": 6}
    assert each_at_most(provider, 2, people)
    reasons = {tuple(line.reasons) for line in office.lines().values() if line.state == "DROPPED"}
    assert reasons == {("CAP",)}


def test_an_opt_out_stops_what_is_already_queued(office: Office) -> None:
    people = office.people(2)
    office.queue(people)
    contacts.opt_out(
        office.book,
        office.act(),
        borrower_id=people[0],
        channel=Channel.SMS,
        purpose=None,
        source="REPLY",
        opted_out_at=TEN,
    )
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"sent": 1, "blocked": 1}
        assert len(provider.taken) == 1


def test_a_number_that_a_provider_refuses_gives_its_place_back(office: Office) -> None:
    people = office.people(1)
    office.queue(people)
    refusing = Behaviour(secret=SECRET, refuse_percent=100)
    with simulated(refusing) as (url, _), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"failed": 1}

    assert outcomes(office, people) == {"FAILED": 1}


def test_a_person_without_a_number_in_the_vault_is_not_lost(office: Office) -> None:
    people = office.people(1, with_number=False)
    (ref,) = office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, _), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"failed": 1}

    assert office.lines()[ref].reasons == ["NOT_FOUND"]


def test_one_that_cannot_be_sent_holds_up_no_other(office: Office) -> None:
    people = office.people(2)
    office.queue(people[:1], contact_ref="K 1")
    office.queue(people[:1], borrower_id=uuid4(), contact_ref="K-nobody")
    (gone,) = office.queue(people[:1], template="nowhere")
    office.queue(people[1:])
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        done = sender.step(TEN)

    assert done.counts == {"sent": 1, "failed": 1, "blocked": 1, "dropped": 1}
    assert len(provider.taken) == 1
    reasons = {ref: line.reasons for ref, line in office.lines().items() if line.reasons}
    assert reasons == {
        "K 1": ["REF_NOT_USABLE"],
        "K-nobody": ["BORROWER_UNKNOWN"],
        gone: ["TEMPLATE"],
    }


def test_a_number_given_up_since_is_not_written_to_again(office: Office) -> None:
    (person,) = office.people(1)
    (ref,) = office.queue([person])
    failing = Behaviour(secret=SECRET, fail_percent=100)
    with simulated(failing) as (url, provider), office.dispatcher(url) as sender:
        sender.step(TEN)
        provider.behaviour = Behaviour(secret=SECRET)
        (point_ref,) = office.book.get(Borrower, person).points
        contacts.retire_contact_point(
            office.book,
            office.act(),
            borrower_id=person,
            point_ref=point_ref,
            reason="sold",
            retired_at=TEN,
        )
        assert sender.step(TEN + timedelta(hours=2)).counts == {"failed": 1}

    assert not provider.taken
    assert office.lines()[ref].reasons == ["CONTACT_POINT"]


def test_what_no_provider_takes_is_tried_again_later(office: Office) -> None:
    people = office.people(1)
    office.queue(people)
    behaviour = Behaviour(secret=SECRET, fail_percent=100)
    with simulated(behaviour) as (url, provider), office.dispatcher(url) as sender:
        assert sender.step(TEN).counts == {"to try again": 1}
        provider.behaviour = Behaviour(secret=SECRET)
        assert sender.step(TEN).total == 0
        assert sender.step(TEN + timedelta(hours=2)).counts == {"sent": 1}

    assert outcomes(office, people) == {"SENT": 1}


def test_a_message_whose_sender_died_is_sent_again_under_its_key(office: Office) -> None:
    people = office.people(3)
    office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, provider), office.dispatcher(url) as sender:
        dies_after_sending(sender)
        assert len(provider.taken) == 3
        office.forget_leases()
        assert sender.step(TEN).counts == {"sent": 3}
        assert set(provider.taken.values()) == {1}

    assert outcomes(office, people) == {"SENT": 3}


def test_a_message_that_was_not_sent_in_time_is_told_to_have_failed(office: Office) -> None:
    people = office.people(1)
    office.queue(people, hours=1)
    failing = Behaviour(secret=SECRET, fail_percent=100)
    with simulated(failing) as (url, provider), office.dispatcher(url) as sender:
        sender.step(TEN)
        provider.behaviour = Behaviour(secret=SECRET)
        assert sender.step(TEN + timedelta(hours=3)).counts == {"failed": 1}
        assert not provider.taken

    assert outcomes(office, people) == {"FAILED": 1}


def test_a_message_that_may_have_gone_is_uncertain_without_keys(office: Office) -> None:
    people = office.people(1)
    office.queue(people)
    hanging = Behaviour(secret=SECRET, honours_keys=False, hang_percent=100, hang_seconds=5)
    with simulated(hanging) as (url, provider), office.dispatcher(url, honours=False) as sender:
        assert sender.step(TEN).counts == {"uncertain": 1}
        assert set(provider.taken.values()) == {1}

    (event,) = [
        each for each in office.book.events.get(people[0]) if isinstance(each, Borrower.ContactMade)
    ]
    assert (event.outcome, event.certain) == (Outcome.SENT, False)


def dies_after_sending(sender: Dispatcher) -> None:
    """The process ends between what a provider took and its record."""

    class Killed(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.dispatcher.dispatch.tell_all", killed)
        with pytest.raises(Killed):
            sender.step(TEN)


def test_every_decision_of_a_run_comes_out_as_it_did(office: Office) -> None:
    people = office.people(3)
    office.queue(people, each=4)
    with simulated(Behaviour(secret=SECRET)) as (url, _), office.dispatcher(url) as sender:
        sender.step(NIGHT)
        sender.step(NIGHT + timedelta(hours=10))

    with office.writer() as conn:
        check = check_decisions(conn, office.book)
    assert (check.fault_count, check.counts) == (0, {"borrowers": 3, "decisions made again": 24})


def test_a_decision_that_would_come_out_otherwise_is_found(office: Office) -> None:
    (person,) = office.people(1)
    office.queue([person])
    with simulated(Behaviour(secret=SECRET)) as (url, _), office.dispatcher(url) as sender:
        sender.step(TEN)
    with office.writer() as conn, pytest.MonkeyPatch.context() as patch:
        refused = Borrower.situation
        patch.setattr(
            Borrower, "situation", lambda self: replace(refused(self), opt_outs=(OptOut(TEN),))
        )
        check = check_decisions(conn, office.book)

    assert check.fault_count == 1
    assert "answer: ALLOW, again BLOCK" in check.faults[0]


def test_up_sends_only_where_it_was_told_to(tmp_path: Path) -> None:
    def named(*, dispatcher: bool) -> set[str]:
        settings = Settings(
            home=tmp_path, database_url="-", kafka_bootstrap="-", dispatcher=dispatcher
        )
        return {each.name for each in Plan(settings).processes()}

    assert named(dispatcher=True) - named(dispatcher=False) == {"dispatcher"}
    assert "dispatcher" not in named(dispatcher=False)


def test_the_process_sends_what_is_due_until_it_is_told_to_stop(
    office: Office, tmp_path: Path
) -> None:
    people = office.people(2)
    now = clock.now()
    office.queue(
        people,
        purpose=Purpose.RECEIPT,
        template="receipt",
        figures=RECEIPT_FIGURES,
        expires_at=now + timedelta(hours=1),
    )
    with office.writer() as conn:
        conn.execute("UPDATE contact.queue SET not_before = %s", (now,))
    with simulated(Behaviour(secret=SECRET)) as (url, provider):
        running = subprocess.Popen(
            [sys.executable, "-m", "entrypoints.dispatcher"],
            env=child_environment(
                LOANS_HOME=str(tmp_path),
                LOANS_DATABASE_URL=office.url,
                LOANS_KAFKA_BOOTSTRAP="-",
                LOANS_VAULT_KEY_FILE=str(office.keys),
                LOANS_PROVIDER_CN_SMS_MAIN_URL=url,
                LOANS_PROVIDER_CN_SMS_MAIN_SECRET=SECRET,
            ),
        )
        try:
            until = time.monotonic() + 30
            while len(provider.taken) < 2 and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0

    assert len(provider.taken) == 2
    assert outcomes(office, people) == {"SENT": 2}


def test_what_the_law_wants_by_a_day_has_its_turn_first(office: Office) -> None:
    people = office.people(3)
    for person, due_by in zip(people, (None, ON + timedelta(days=3), ON), strict=True):
        office.queue([person], due_by=due_by, rule=None if due_by is None else "arrears (n-1)")

    with office.writer() as conn:
        first, second = (contact_queue.take(conn, TEN, 1, timedelta(minutes=2)) for _ in range(2))
        late = contact_queue.overdue(conn, ON + timedelta(days=1), planned_on=ON)

    assert [each.borrower_id for each in (*first, *second)] == [people[2], people[1]]
    assert [(each.borrower_id, each.planned.rule) for each in late] == [
        (people[2], "arrears (n-1)")
    ]
