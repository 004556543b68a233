"""What a provider brings is kept once, unreadable in the table, or refused with the reason."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import urllib3
from psycopg_pool import ConnectionPool
from standardwebhooks.webhooks import Webhook

from infra import clock
from infra.bootstrap import as_role
from infra.channels import inbox, journal
from infra.channels.inbox import Inbox, Kind, NotParked
from infra.channels.receiver import Receiver
from infra.channels.serving import serving
from infra.channels.signers import Signers
from infra.channels.vault_seal import MasterSeal
from infra.migrations.run import migrate
from infra.store import WRITER
from infra.vault_cipher import MasterKeys
from tests.infra.channels.samples import NUMBER, SECRET
from tests.infra.channels.sealing import TestSeal

NEW = "whsec_" + "bmV3LXNlY3JldC1vZi0zMi1ieXRlcy1sb25nLi4uISE="
OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="

KNOWN = {"sms": SECRET, "push": OTHER}
"""What the register says of the providers' secrets."""


@dataclass
class Desk:
    """A receiver at work, and its database."""

    url: str
    conn: psycopg.Connection
    pool: urllib3.PoolManager

    def bring(
        self,
        path: str,
        said: Any,
        *,
        secret: str = SECRET,
        webhook_id: str | None = None,
        late: timedelta = timedelta(0),
        **headers: str,
    ) -> int:
        """The status that a call is answered with."""
        body = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        webhook_id, at = webhook_id or f"w-{uuid4()}", clock.now() - late
        signed = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
        }
        response = self.pool.request(
            "POST", self.url + path, body=body.encode(), headers={**signed, **headers}
        )
        return response.status

    def sent(self, provider: str = "sms") -> str:
        """The ref of a message that went out by that provider."""
        ref = f"C-{uuid4().hex}"
        journal.begin(self.conn, [ref], provider)
        return ref

    def rows(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "SELECT provider, kind, contact_ref, state, reason FROM contact.inbox ORDER BY id"
        ).fetchall()

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.conn, TestSeal())


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    migrate(database_url)
    url, signers = as_role(database_url, WRITER), Signers(lambda: KNOWN, looked_within=0)
    with (
        psycopg.connect(url, autocommit=True) as conn,
        ConnectionPool(url, min_size=1, max_size=2) as pool,
        serving(Receiver(pool, TestSeal(), signers), "127.0.0.1:0") as at,
        urllib3.PoolManager(retries=False, timeout=10.0) as calls,
    ):
        yield Desk(f"http://{at}", conn, calls)


def receipt(ref: str, **more: Any) -> dict[str, Any]:
    return {"contact_ref": ref, "status": "DELIVERED", "carrier": "CMCC", **more}


REPLY = {"from": NUMBER, "text": "T", "at": "2026-11-23T10:00:00Z"}


def test_a_receipt_waits_in_the_inbox_until_it_is_done(desk: Desk) -> None:
    ref = desk.sent()

    assert desk.bring("/v1/receipts", receipt(ref)) == 202
    with desk.conn.transaction():
        [item] = desk.inbox.take(10)
        desk.inbox.done(item.id)

    assert (item.provider, item.kind, item.contact_ref) == ("sms", "RECEIPT", ref)
    assert item.said == receipt(ref)
    assert desk.rows() == [("sms", "RECEIPT", ref, "DONE", None)]


def test_a_provider_that_is_entered_while_it_listens_is_heard(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = desk.sent("mail")
    refused = desk.bring("/v1/receipts", receipt(ref), secret=NEW)

    monkeypatch.setattr("tests.infra.channels.test_receiver.KNOWN", {**KNOWN, "mail": NEW})

    assert refused == 401
    assert desk.bring("/v1/receipts", receipt(ref), secret=NEW) == 202
    assert desk.rows() == [("mail", "RECEIPT", ref, "NEW", None)]


def test_the_same_call_again_is_welcome_and_kept_once(desk: Desk) -> None:
    ref = desk.sent()

    statuses = [desk.bring("/v1/receipts", receipt(ref), webhook_id="w-1") for _ in range(3)]
    other = desk.bring("/v1/receipts", receipt(desk.sent("push")), webhook_id="w-1", secret=OTHER)

    assert statuses == [202, 200, 200]
    assert other == 202
    assert len(desk.rows()) == 2


def test_twenty_calls_at_once_with_one_id_are_kept_once(desk: Desk) -> None:
    ref = desk.sent()
    statuses: list[int] = []

    def bring() -> None:
        statuses.append(desk.bring("/v1/receipts", receipt(ref), webhook_id="w-2"))

    threads = [threading.Thread(target=bring) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * 19 + [202]
    assert len(desk.rows()) == 1


def test_a_reply_lies_unreadable_in_the_table_and_is_gone_when_it_is_done(desk: Desk) -> None:
    assert desk.bring("/v1/replies", REPLY) == 202

    row = desk.conn.execute("SELECT payload FROM contact.inbox").fetchone()
    with desk.conn.transaction():
        [item] = desk.inbox.take(10)
        desk.inbox.done(item.id)
    after = desk.conn.execute("SELECT payload FROM contact.inbox").fetchone()

    assert row and NUMBER.encode() not in row[0]
    assert item.said["from"] == NUMBER
    assert NUMBER not in repr(item)
    assert after == (None,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_" + "d3Jvbmctc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="},
        {"late": timedelta(minutes=6)},
        {"late": timedelta(minutes=-6)},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,====="},
        {"webhook-timestamp": "soon"},
        {"webhook-id": "another"},
    ],
)
def test_what_no_provider_signed_in_time_is_turned_away(desk: Desk, wrong: dict[str, Any]) -> None:
    assert desk.bring("/v1/replies", REPLY, **wrong) == 401
    assert desk.rows() == []


@pytest.mark.parametrize("body", ["no json", "[1]", '"text"', "[" * 20_000, '{"text": "\\ud800"}'])
def test_a_signed_body_that_is_no_object_is_a_bad_request(desk: Desk, body: str) -> None:
    assert desk.bring("/v1/receipts", body) == 400
    assert desk.rows() == []


def test_a_body_without_end_is_too_large(desk: Desk) -> None:
    assert desk.bring("/v1/replies", {**REPLY, "text": "x" * 70_000}) == 413
    assert desk.rows() == []


def test_another_path_is_not_found_and_another_method_not_allowed(desk: Desk) -> None:
    assert desk.bring("/v1/others", REPLY) == 404
    assert desk.pool.request("GET", desk.url + "/v1/replies").status == 405
    assert desk.pool.request("GET", desk.url + "/v1/alive").status == 200


@pytest.mark.parametrize(
    ("path", "said", "reason"),
    [
        ("/v1/receipts", {"status": "DELIVERED"}, "NO_CONTACT_REF"),
        ("/v1/receipts", {"status": "DELIVERED", "contact_ref": "../x"}, "NO_CONTACT_REF"),
        ("/v1/receipts", {"status": "LOST", "contact_ref": "C-1"}, "UNKNOWN_STATUS"),
        ("/v1/receipts", {"status": ["DELIVERED"], "contact_ref": "C-1"}, "UNKNOWN_STATUS"),
        ("/v1/receipts", {"status": "DELIVERED", "contact_ref": "C-1"}, "UNKNOWN_CONTACT"),
        ("/v1/replies", {"text": "T"}, "NO_FROM"),
        ("/v1/replies", {"from": NUMBER, "text": 7}, "NO_TEXT"),
    ],
)
def test_what_cannot_be_used_is_taken_and_parked_with_the_reason(
    desk: Desk, path: str, said: dict[str, Any], reason: str
) -> None:
    assert desk.bring(path, said) == 202

    [parked] = inbox.parked(desk.conn)
    assert parked.reason == reason
    with desk.conn.transaction():
        assert desk.inbox.take(10) == []


def test_a_receipt_of_another_providers_message_is_parked(desk: Desk) -> None:
    ref = desk.sent("push")

    desk.bring("/v1/receipts", receipt(ref))

    assert desk.rows() == [("sms", "RECEIPT", ref, "PARKED", "OTHER_PROVIDER")]


def test_what_is_parked_waits_again_once_somebody_says_so(desk: Desk) -> None:
    ref = desk.sent()
    desk.bring("/v1/receipts", receipt(ref))
    with desk.conn.transaction():
        [item] = desk.inbox.take(10)
        desk.inbox.park(item.id, "UNKNOWN_BORROWER")

    [parked] = inbox.parked(desk.conn)
    inbox.retry(desk.conn, parked.id)

    with desk.conn.transaction():
        [again] = desk.inbox.take(10)
    assert (again.id, again.said) == (item.id, receipt(ref))
    assert inbox.parked(desk.conn) == []
    with pytest.raises(NotParked):
        inbox.retry(desk.conn, item.id)


def test_what_lies_under_a_key_that_was_taken_away_is_parked_and_the_rest_goes_on(
    desk: Desk,
) -> None:
    old, new = bytes(32), bytes(range(32))
    for seals, number in (([old], "1"), ([new, old], "2"), ([new, old], "3")):
        Inbox(desk.conn, MasterSeal(MasterKeys.of(seals))).put(
            "sms", f"w-{number}", Kind.REPLY, REPLY, contact_ref=None
        )
    # A ciphertext is bound to its line: that of another is worth nothing.
    desk.conn.execute(
        "UPDATE contact.inbox SET payload = (SELECT payload FROM contact.inbox"
        " WHERE webhook_id = 'w-2') WHERE webhook_id = 'w-3'"
    )

    with desk.conn.transaction():
        items = Inbox(desk.conn, MasterSeal(MasterKeys.of([new]))).take(10)

    assert [(item.webhook_id, item.said) for item in items] == [("w-2", REPLY)]
    assert [(each.webhook_id, each.reason) for each in inbox.parked(desk.conn)] == [
        ("w-1", "UNREADABLE"),
        ("w-3", "UNREADABLE"),
    ]


def test_two_who_take_at_once_do_not_get_the_same(desk: Desk, database_url: str) -> None:
    for _ in range(4):
        desk.bring("/v1/replies", REPLY)

    with psycopg.connect(as_role(database_url, WRITER)) as other, desk.conn.transaction():
        here = desk.inbox.take(2)
        other.execute("SELECT 1")
        there = Inbox(other, TestSeal()).take(10)

    assert len(here) == len(there) == 2
    assert not {item.id for item in here} & {item.id for item in there}


def test_what_was_taken_by_one_who_was_killed_waits_again(desk: Desk, database_url: str) -> None:
    desk.bring("/v1/replies", REPLY)

    other = psycopg.connect(as_role(database_url, WRITER))
    other.execute("SELECT 1")
    taken = Inbox(other, TestSeal()).take(10)
    other.close()

    # The server lets go a moment after the connection is gone.
    found: list[int] = []
    for _ in range(100):
        with desk.conn.transaction():
            found = [item.id for item in desk.inbox.take(10)]
        if found:
            break
        time.sleep(0.05)
    assert found == [item.id for item in taken]


def test_when_nothing_can_be_kept_the_provider_is_asked_to_come_again(
    desk: Desk, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE contact.inbox RENAME TO away")

    assert desk.bring("/v1/replies", REPLY) == 503
