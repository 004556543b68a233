"""What providers bring is recorded on the borrowers, once, or parked with a reason."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from psycopg_pool import ConnectionPool

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Party
from domain.borrower.contact_state import Figure
from domain.borrower.reply_words import ReplyOutcome
from domain.commands import contacts, dispatch, replies
from entrypoints.demo.provider import Behaviour, simulated
from infra import clock, vault_erasure
from infra.bootstrap import as_role
from infra.channels import inbox, journal
from infra.channels.inbox import Inbox, Kind
from infra.channels.receiver import Receiver
from infra.channels.serving import serving
from infra.channels.signers import Signers
from infra.channels.vault_seal import seal_of
from infra.dispatcher import send_due
from infra.inbound import Inbound, others_who_share
from infra.migrations.run import migrate
from infra.policies import load_policies
from infra.store import WRITER
from infra.vault import Entry, open_vault
from infra.vault_values import Kind as Value
from infra.vault_values import Purpose as Reading
from tests.infra.channels.samples import SECRET
from tests.infra.office import TEN, Office, open_office, register

MINUTE = timedelta(minutes=1)
NUMBER = "+8613900000000"
"""That of the first of the people."""


@dataclass
class Desk:
    """Where what was brought is taken in."""

    office: Office
    inbound: Inbound
    inbox: Inbox
    brought: int = field(default=0)

    def bring(self, kind: Kind, contact_ref: str | None = None, **said: Any) -> None:
        self.brought += 1
        with self.office.writer() as conn:
            Inbox(conn, seal_of(self.office.settings)).put(
                "sms", f"w-{self.brought}", kind, said, contact_ref=contact_ref
            )

    def reply(self, text: str, sender: str = NUMBER, **more: Any) -> None:
        self.bring(Kind.REPLY, **{"from": sender, "text": text, **more})

    def parked(self) -> list[str]:
        with self.office.writer() as conn:
            return [each.reason for each in inbox.parked(conn)]

    def borrower(self, borrower_id: UUID) -> Borrower:
        return self.office.book.get(Borrower, borrower_id)

    def events(self, borrower_id: UUID, kind: type[Any]) -> list[Any]:
        return [each for each in self.office.book.events.get(borrower_id) if isinstance(each, kind)]

    def confirmations(self) -> list[str]:
        return [
            line.template or ""
            for line in self.office.lines().values()
            if line.purpose == Purpose.RECEIPT
        ]


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    migrate(database_url)
    with open_office(database_url, tmp_path) as opened:
        yield opened


@contextmanager
def open_desk(office: Office) -> Iterator[Desk]:
    with office.writer() as conn, open_vault(office.url, office.settings, load_policies) as vault:
        kept = Inbox(conn, seal_of(office.settings))
        found = Inbound(office.book, conn, vault, kept, register=register, zone="Asia/Shanghai")
        yield Desk(office, found, kept)


@pytest.fixture
def desk(office: Office) -> Iterator[Desk]:
    with open_desk(office) as opened:
        yield opened


def refused(borrower: Borrower) -> list[tuple[Channel | None, Purpose | None]]:
    return [(each.channel, each.purpose) for each in borrower.opt_outs]


def test_a_refusal_counts_at_once_for_what_is_already_queued(desk: Desk) -> None:
    people = desk.office.people(2)
    desk.office.queue(people)
    desk.reply("Ｔ", at=(TEN - MINUTE).isoformat())

    assert desk.inbound.step(TEN) == {"refusals": 1}

    (event,) = desk.events(people[0], Borrower.OptedOut)
    (heard,) = desk.events(people[0], Borrower.InboundReceived)
    assert (event.keyword, event.source, event.channel) == ("T", "REPLY", Channel.SMS)
    assert event.contact_ref == heard.contact_ref
    assert (heard.keyword, heard.said_ref) == ("T", None)
    assert heard.received_at == event.opted_out_at == TEN - MINUTE
    with (
        simulated(Behaviour(secret=SECRET)) as (url, provider),
        desk.office.dispatcher(url) as sender,
    ):
        assert sender.step(TEN).counts == {"sent": 2, "blocked": 1}
    texts = [message["text"] for message in provider.messages.values() if message["text"]]
    assert len(texts) == 1
    assert "退订" in texts[0]


@pytest.mark.parametrize(
    "sender", ["13900000000", "139-0000-0000", "008613900000000", "＋8613900000000"]
)
def test_a_number_is_known_however_the_provider_writes_it(desk: Desk, sender: str) -> None:
    people = desk.office.people(1)
    desk.reply("T", sender)

    assert desk.inbound.step(TEN) == {"refusals": 1}
    assert refused(desk.borrower(people[0])) == [(Channel.SMS, None)]


def test_a_refusal_is_confirmed_once(desk: Desk) -> None:
    people = desk.office.people(1)
    desk.reply("T")
    desk.reply("T")
    desk.inbound.step(TEN)
    desk.reply("td")

    assert desk.inbound.step(TEN) == {"refusals": 1}

    assert desk.confirmations() == ["opt-out-confirmed"]
    assert refused(desk.borrower(people[0])) == [(Channel.SMS, None)]
    assert len(desk.events(people[0], Borrower.InboundReceived)) == 3


def test_what_was_refused_is_taken_back_by_a_word(desk: Desk) -> None:
    people = desk.office.people(1)
    desk.reply("T", at=(TEN - 2 * MINUTE).isoformat())
    desk.reply("start", at=(TEN - MINUTE).isoformat())

    assert desk.inbound.step(TEN) == {"refusals": 1, "taken back": 1}

    assert refused(desk.borrower(people[0])) == []


def test_an_answer_in_words_is_kept_in_the_vault_and_counts_as_a_contact(desk: Desk) -> None:
    people = desk.office.people(1)
    (ref,) = desk.office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.reply("周五还款", contact_ref=ref)

    assert desk.inbound.step(TEN) == {"answers": 1}

    (heard,) = desk.events(people[0], Borrower.InboundReceived)
    assert (heard.answers, heard.purpose, heard.keyword) == (ref, Purpose.CARE, None)
    assert desk.borrower(people[0]).contacts[heard.contact_ref].outcome == Outcome.INBOUND
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        said = vault.read(heard.said_ref, Reading.SERVICING, desk.office.act())
    assert said == "周五还款"


def test_an_answer_that_may_be_a_refusal_says_so_and_waits_for_a_reader(desk: Desk) -> None:
    people = desk.office.people(1)
    desk.reply("请别再发，退订", at=(TEN - MINUTE).isoformat())

    assert desk.inbound.step(TEN) == {"answers": 1}

    (heard,) = desk.events(people[0], Borrower.InboundReceived)
    assert [(each.word, each.meaning, each.purposes) for each in heard.found] == [
        ("退订", "MAY_REFUSE", ["MARKETING"]),
        ("别再发", "MAY_REFUSE", ["MARKETING"]),
    ]
    ada = desk.borrower(people[0])
    assert ada.replies[heard.contact_ref].is_unread
    assert refused(ada) == []
    replies.read_reply(
        desk.office.book,
        desk.office.act(),
        borrower_id=people[0],
        contact_ref=heard.contact_ref,
        outcome=ReplyOutcome.REFUSED,
        read_at=TEN,
    )
    assert refused(desk.borrower(people[0])) == [(Channel.SMS, None)]
    (event,) = desk.events(people[0], Borrower.OptedOut)
    assert event.opted_out_at == TEN - MINUTE


def share_a_number(desk: Desk) -> list[UUID]:
    """Two borrowers, the second also reached by the number of the first."""
    people = desk.office.people(2)
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        ref = vault.put(people[1], Value.PHONE, NUMBER, desk.office.act())
    add_point(desk.office, people[1], ref)
    return people


def add_point(office: Office, borrower_id: UUID, ref: str, party: Party = Party.BORROWER) -> None:
    contacts.add_contact_point(
        office.book,
        office.act(),
        borrower_id=borrower_id,
        point_ref=ref,
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(days=1),
        party=party,
    )


def test_all_who_share_a_number_are_left_alone_and_it_is_confirmed_once(desk: Desk) -> None:
    people = share_a_number(desk)
    (ref,) = desk.office.queue(people[:1])
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.reply("T", contact_ref=ref)

    desk.inbound.step(TEN)

    assert [refused(desk.borrower(each)) for each in people] == [[(Channel.SMS, None)]] * 2
    assert desk.confirmations() == ["opt-out-confirmed"]


def test_an_answer_from_a_shared_number_is_of_the_one_we_wrote_to(desk: Desk) -> None:
    people = share_a_number(desk)
    desk.reply("first nobody can tell")
    assert desk.inbound.step(TEN) == {"parked": 1}
    assert desk.parked() == ["SEVERAL_PEOPLE"]
    desk.office.queue(people[:1])
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.reply("now it is the one we wrote to")

    assert desk.inbound.step(TEN) == {"answers": 1}

    heard = [len(desk.events(each, Borrower.InboundReceived)) for each in people]
    assert heard == [1, 0]


def test_a_refusal_read_in_words_from_a_shared_number_counts_for_all_who_have_it(
    desk: Desk,
) -> None:
    people = share_a_number(desk)
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        theirs = vault.put(people[1], Value.EMAIL, "li@example.com", desk.office.act())
    desk.office.queue(people[:1])
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.reply("please do not write to me ever again", at=TEN.isoformat())
    assert desk.inbound.step(TEN) == {"answers": 1}
    ada = desk.borrower(people[0])
    (ref,) = ada.replies

    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        shared = others_who_share(vault, desk.office.act(), ada, ref)
        assert vault.others_with(theirs, Reading.LEGAL_OBLIGATION, desk.office.act()) == []
        assert vault.others_with("V-NOTHING", Reading.LEGAL_OBLIGATION, desk.office.act()) == []
    replies.read_reply(
        desk.office.book,
        desk.office.act(),
        borrower_id=people[0],
        contact_ref=ref,
        outcome=ReplyOutcome.REFUSED,
        read_at=TEN + MINUTE,
        sharers=lambda: shared,
    )

    assert [each.borrower_id for each in shared] == people[1:]
    assert [refused(desk.borrower(each)) for each in people] == [[(Channel.SMS, None)]] * 2
    (event,) = desk.events(people[1], Borrower.OptedOut)
    assert (event.opted_out_at, event.contact_ref) == (ada.replies[ref].received_at, ref)


def test_somebody_else_who_refuses_is_left_alone_and_not_the_borrower(desk: Desk) -> None:
    people = desk.office.people(1)
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        ref = vault.put(people[0], Value.PHONE, "+8613700000000", desk.office.act())
    add_point(desk.office, people[0], ref, Party.THIRD_PARTY)
    desk.reply("who is that?", "+8613700000000")
    desk.reply("T", "+8613700000000")

    assert desk.inbound.step(TEN) == {"parked": 1, "refusals": 1}

    assert desk.parked() == ["THIRD_PARTY_ANSWERED"]
    borrower = desk.borrower(people[0])
    assert refused(borrower) == []
    assert borrower.points[ref].refused_at is not None
    assert desk.confirmations() == []


def test_what_comes_from_a_number_that_is_theirs_no_more_is_parked(desk: Desk) -> None:
    people = desk.office.people(1)
    (ref,) = desk.borrower(people[0]).points
    contacts.retire_contact_point(
        desk.office.book,
        desk.office.act(),
        borrower_id=people[0],
        point_ref=ref,
        reason="new number",
        retired_at=TEN,
    )
    desk.reply("T")

    assert desk.inbound.step(TEN) == {"parked": 1}
    assert desk.parked() == ["NOT_THEIR_NUMBER"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"from": "+8613888888888", "text": "T"}, "UNKNOWN_SENDER"),
        ({"from": "nobody", "text": "T"}, "VALUE_UNUSABLE"),
        ({"from": NUMBER, "text": " "}, "VALUE_UNUSABLE"),
    ],
)
def test_what_cannot_be_used_is_parked_with_a_reason(
    desk: Desk, said: dict[str, str], reason: str
) -> None:
    people = desk.office.people(1)
    desk.bring(Kind.REPLY, **said)

    assert desk.inbound.step(TEN) == {"parked": 1}

    assert desk.parked() == [reason]
    assert desk.events(people[0], Borrower.InboundReceived) == []


def test_a_restricted_person_is_heard_and_an_erased_one_refuses_without_their_number(
    desk: Desk,
) -> None:
    people = desk.office.people(2)
    refs = desk.office.queue(people[1:])
    with desk.office.writer() as conn:
        journal.begin(conn, refs, "sms")
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        later = TEN.date() + timedelta(days=30)
        vault_erasure.restrict(vault, people[0], desk.office.act(), until=later, reason="asked")
        vault_erasure.erase(
            vault,
            people[1],
            desk.office.act(),
            jurisdiction="CN",
            reason="asked for it",
            requested_by="officer",
            approved_by="manager",
        )
    desk.reply("T")
    desk.reply("hello", "+8613900000001", contact_ref=refs[0])
    desk.reply("T", "+8613900000001", contact_ref=refs[0])

    assert desk.inbound.step(TEN) == {"refusals": 2, "parked": 1}

    assert desk.parked() == ["PERSON_ERASED"]
    assert [refused(desk.borrower(each)) for each in people] == [[(Channel.SMS, None)]] * 2


def test_a_receipt_says_what_became_of_the_message(desk: Desk) -> None:
    people = desk.office.people(2)
    refs = desk.office.queue(people)
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.bring(Kind.RECEIPT, refs[0], status="DELIVERED", carrier="CMCC")
    desk.bring(Kind.RECEIPT, refs[1], status="FAILED", carrier="CMCC", code="13900000001")
    desk.bring(Kind.RECEIPT, "K-nobody", status="DELIVERED")

    assert desk.inbound.step(TEN) == {"receipts": 2, "parked": 1}

    (one,), (other,) = (desk.events(each, Borrower.MessageDelivered) for each in people)
    assert (one.delivered, one.carrier, one.provider) == (True, "CMCC", "sms")
    assert (other.delivered, other.reason) == (False, "FAILED")
    assert desk.parked() == ["UNKNOWN_CONTACT"]


def two_numbers(desk: Desk) -> UUID:
    """A borrower with two telephones."""
    (person,) = desk.office.people(1)
    with open_vault(desk.office.url, desk.office.settings, load_policies) as vault:
        entry = Entry(person, Value.PHONE, "+8613900000009", uuid5(person, "second"))
        (second,) = vault.put_many([entry], desk.office.act())
    contacts.add_contact_point(
        desk.office.book,
        desk.office.act(),
        borrower_id=person,
        point_ref=second,
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(hours=1),
    )
    return person


def receipt_of_payment(desk: Desk, person: UUID, **said: Any) -> str:
    figures = {"loan": "L-00000-00000", "amount": "100.00 CNY", "received_on": "2026-11-20"}
    fields = {
        "purpose": Purpose.RECEIPT,
        "template": "receipt",
        "figures": tuple(Figure(name, reads) for name, reads in figures.items()),
        **said,
    }
    (ref,) = desk.office.queue([person], **fields)
    return ref


def test_what_did_not_arrive_goes_to_the_next_number_and_says_what_it_follows(desk: Desk) -> None:
    person = two_numbers(desk)
    ref = receipt_of_payment(desk, person)
    with simulated(Behaviour(secret=SECRET)) as (url, taken), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
        desk.bring(Kind.RECEIPT, ref, status="FAILED", at=TEN.isoformat())
        desk.bring(Kind.RECEIPT, ref, status="FAILED", at=TEN.isoformat())  # told twice
        assert desk.inbound.step(TEN + MINUTE) == {"receipts": 2}
        sender.step(TEN + MINUTE)

    assert set(taken.taken) == {ref, f"{ref}.2"}
    assert len({each["to"] for each in taken.messages.values()}) == 2
    first, second = desk.events(person, Borrower.ContactDecided)
    assert (first.follows, first.follows_because) == (None, None)
    assert (second.follows, second.follows_because) == (ref, "NOT_DELIVERED")


def test_what_did_not_arrive_and_is_of_no_use_any_more_is_left(desk: Desk) -> None:
    ref = receipt_of_payment(desk, two_numbers(desk))
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    with desk.office.writer() as conn:
        conn.execute("UPDATE contact.queue SET expires_at = %s", (TEN - timedelta(days=9),))
    desk.bring(Kind.RECEIPT, ref, status="EXPIRED")

    desk.inbound.step(TEN + MINUTE)

    assert set(desk.office.lines()) == {ref}


def test_a_receipt_that_comes_before_we_told_of_the_message_leads_to_another_way_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = receipt_of_payment(desk, two_numbers(desk))
    tell = dispatch.tell_all

    def overtaken(*given: Any, **said: Any) -> Any:
        if not any(True for _ in desk.events(person, Borrower.MessageDelivered)):
            desk.bring(Kind.RECEIPT, ref, status="FAILED")
            desk.inbound.step(TEN)
        return tell(*given, **said)

    (person,) = {line.borrower_id for line in desk.office.lines().values()}
    monkeypatch.setattr("infra.dispatcher.dispatch.tell_all", overtaken)
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)

    assert set(desk.office.lines()) == {ref, f"{ref}.2"}


def test_a_process_that_dies_before_it_queued_another_way_queues_it_after(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = receipt_of_payment(desk, two_numbers(desk))
    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        sender.step(TEN)
    desk.bring(Kind.RECEIPT, ref, status="REJECTED")
    with monkeypatch.context() as patch:
        patch.setattr(Inbound, "_try_another_way", dying(Inbound._try_another_way))
        with pytest.raises(Killed):
            desk.inbound.step(TEN)

    assert desk.inbound.step(TEN) == {"receipts": 1}
    assert set(desk.office.lines()) == {ref, f"{ref}.2"}


@pytest.mark.parametrize("after", ["take_reply", "_confirm"])
def test_a_process_that_dies_on_the_way_loses_nothing_and_records_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    people = share_a_number(desk)
    desk.reply("T")
    desk.reply("还款了", "+8613900000001")
    owner: Any = replies if after == "take_reply" else Inbound
    with monkeypatch.context() as patch:
        patch.setattr(owner, after, dying(getattr(owner, after)))
        with pytest.raises(Killed):
            desk.inbound.step(TEN)

    assert desk.inbound.step(TEN) == {"refusals": 1, "answers": 1}
    assert desk.inbound.step(TEN) == {}

    assert [len(desk.events(each, Borrower.OptedOut)) for each in people] == [1, 1]
    assert [len(desk.events(each, Borrower.InboundReceived)) for each in people] == [1, 2]
    assert desk.confirmations() == ["opt-out-confirmed"]


class Killed(BaseException):
    pass


def dying(done: Callable[..., Any]) -> Callable[..., Any]:
    def does_and_dies(*said: Any, **more: Any) -> None:
        done(*said, **more)
        raise Killed

    return does_and_dies


def test_a_time_that_cannot_be_is_not_believed(desk: Desk) -> None:
    people = desk.office.people(1)
    began = clock.now() - timedelta(minutes=1)
    for at in ("tomorrow", 7, "2026-11-20T10:00:00", "0001-01-01T00:00:00+08:00", "2999-01-01T00Z"):
        desk.reply("hello", at=at)

    assert desk.inbound.step(TEN) == {"answers": 5}

    heard = [each.received_at for each in desk.events(people[0], Borrower.InboundReceived)]
    assert min(heard) > began
    assert max(heard) < began + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        (Kind.REPLY, {"text": "T"}, "NO_FROM"),
        (Kind.REPLY, {"from": NUMBER, "text": 7}, "NO_TEXT"),
        (Kind.RECEIPT, {"status": "DELIVERED"}, "NO_CONTACT_REF"),
    ],
)
def test_what_could_not_be_used_when_it_came_is_parked_again(
    desk: Desk, kind: Kind, said: dict[str, Any], reason: str
) -> None:
    desk.bring(kind, **said)

    assert desk.inbound.step(TEN) == {"parked": 1}
    assert desk.parked() == [reason]


def test_what_a_provider_brings_over_http_is_on_the_borrowers_in_the_end(desk: Desk) -> None:
    people = desk.office.people(4)
    refs = desk.office.queue(people)
    answering = sum(sum(ref.encode()) % 100 < 50 for ref in refs)
    with listening(desk.office) as address:
        behaviour = Behaviour(
            secret=SECRET,
            receipts_to=f"http://{address}/v1/receipts",
            replies_to=f"http://{address}/v1/replies",
            receipt_secret=SECRET,
            reply_percent=50,
        )
        with simulated(behaviour) as (url, _), desk.office.dispatcher(url) as sender:
            assert sender.step(TEN).counts == {"sent": 4}
            heard = all_heard(desk, 4 + answering)

    assert heard == +Counter({"receipts": 4, "refusals": answering})
    assert desk.parked() == []
    assert all(len(desk.events(each, Borrower.MessageDelivered)) == 1 for each in people)
    assert sum(bool(refused(desk.borrower(each))) for each in people) == answering


def all_heard(desk: Desk, count: int) -> Counter[str]:
    """What so many came to that a provider brings when it likes."""
    heard: Counter[str] = Counter()
    for _ in range(200):
        heard += desk.inbound.hear(TEN)
        if heard.total() >= count:
            break
        time.sleep(0.05)
    return heard


@contextmanager
def listening(office: Office) -> Iterator[str]:
    """Where the office takes what its provider brings."""
    url, signers = as_role(office.url, WRITER), Signers(lambda: {"sms": SECRET})
    with (
        ConnectionPool(url, min_size=1, max_size=2) as pool,
        serving(Receiver(pool, seal_of(office.settings), signers), "127.0.0.1:0") as address,
    ):
        yield address


def test_a_refusal_that_comes_while_a_queue_is_sent_stops_the_rest_of_it(desk: Desk) -> None:
    people = desk.office.people(1)
    desk.office.queue(people, each=2)

    def answered(sent: Counter[str]) -> None:
        if sent == {"sent": 1}:
            desk.reply("T", at=TEN.isoformat())

    with simulated(Behaviour(secret=SECRET)) as (url, _), desk.office.dispatcher(url) as sender:
        counts, _ = send_due(sender, desk.inbound, TEN, 1, answered)

    assert counts == {"sent": 2, "blocked": 1}
    assert desk.confirmations() == ["opt-out-confirmed"]
