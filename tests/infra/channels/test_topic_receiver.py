"""What providers write on a topic is in the inbox once, or parked, and holds up nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from kafka import KafkaProducer
from standardwebhooks.webhooks import Webhook

from infra import clock
from infra.bootstrap import as_role
from infra.channels import inbox, journal, topic_receiver
from infra.channels.inbox import Inbox, Kind
from infra.channels.signers import Signers
from infra.channels.topic_receiver import Steps, TopicReceiver, create_topic, subscribed
from infra.migrations.run import migrate
from infra.store import WRITER
from tests.infra.channels.samples import NUMBER, SECRET
from tests.infra.channels.sealing import TestSeal

OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="
REPLY = {"from": NUMBER, "text": "T", "at": "2026-11-23T10:00:00Z"}
WRONG = "whsec_" + "d3Jvbmctc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="
NEVER_SENT = {"status": "DELIVERED", "contact_ref": "C-1"}
RECEIPTS, REPLIES = "/v1/receipts", "/v1/replies"

Headers = list[tuple[str, bytes]]


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    migrate(database_url)
    with psycopg.connect(as_role(database_url, WRITER), autocommit=True) as opened:
        yield opened


def receiver() -> TopicReceiver:
    return TopicReceiver(TestSeal(), Signers(lambda: {"sms": SECRET, "push": OTHER}))


def signed(
    said: Any,
    path: str = REPLIES,
    *,
    secret: str = SECRET,
    webhook_id: str = "",
    at: datetime | None = None,
    **changed: bytes,
) -> tuple[bytes, Headers]:
    """A body and its headers, as over HTTP."""
    body = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    webhook_id, at = webhook_id or f"w-{uuid4()}", at or clock.now()
    headers = {
        "webhook-path": path.encode(),
        "webhook-id": webhook_id.encode(),
        "webhook-timestamp": str(int(at.timestamp())).encode(),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body).encode(),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return body.encode(), list(headers.items())


@dataclass
class Written:
    """Records as Kafka would hand them out."""

    count: int = 0

    def record(
        self, body: bytes | None, headers: Headers, came_at: datetime | None = None
    ) -> SimpleNamespace:
        self.count += 1
        return SimpleNamespace(
            topic="contact.inbound",
            partition=0,
            offset=self.count,
            value=body,
            headers=headers,
            timestamp=int((came_at or clock.now()).timestamp()) * 1000,
        )


def rows(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT provider, kind, state, reason FROM contact.inbox ORDER BY id"
    ).fetchall()


def test_what_comes_over_http_and_by_a_topic_is_one_message(conn: psycopg.Connection[Any]) -> None:
    ref = f"C-{uuid4().hex}"
    journal.begin(conn, [ref], "sms")
    written = Written()
    receipt = {"contact_ref": ref, "status": "DELIVERED"}

    new = [
        receiver().take(conn, written.record(*signed(said, path, webhook_id=webhook_id)))
        for said, path, webhook_id in (
            (receipt, RECEIPTS, "w-1"),
            (receipt, RECEIPTS, "w-1"),
            (REPLY, REPLIES, "w-2"),
        )
    ]

    assert new == [True, False, True]
    with conn.transaction():
        items = Inbox(conn, TestSeal()).take(10)
    assert [(each.provider, each.kind, each.webhook_id) for each in items] == [
        ("sms", Kind.RECEIPT, "w-1"),
        ("sms", Kind.REPLY, "w-2"),
    ]
    assert items[1].said == REPLY


@pytest.mark.parametrize(
    ("said", "provider", "reason"),
    [
        (lambda: signed(REPLY, secret=WRONG), "unknown", "NOT_SIGNED"),
        (lambda: signed(REPLY, webhook_signature=b"v1,====="), "unknown", "NOT_SIGNED"),
        (lambda: signed(REPLY, webhook_timestamp=b"soon"), "unknown", "NOT_SIGNED"),
        (lambda: signed(REPLY, webhook_timestamp=b"9" * 40), "unknown", "NOT_SIGNED"),
        (lambda: signed(REPLY, webhook_id="x" * 201), "unknown", "NO_WEBHOOK_ID"),
        (lambda: signed(REPLY, webhook_id="w\0"), "unknown", "NO_WEBHOOK_ID"),
        (lambda: (b"\xff\xfe", signed(REPLY)[1]), "unknown", "NOT_SIGNED"),
        (lambda: (None, []), "unknown", "NO_WEBHOOK_ID"),
        (lambda: (b"x" * 70_000, []), "unknown", "TOO_LARGE"),
        (lambda: signed(REPLY, "/v1/others", secret=OTHER), "push", "UNKNOWN_PATH"),
        (lambda: signed("no json"), "sms", "NO_OBJECT"),
        (lambda: signed("[1]"), "sms", "NO_OBJECT"),
        (lambda: signed({"text": "T"}), "sms", "NO_FROM"),
        (lambda: signed({"from": 7, "text": "T"}), "sms", "NO_FROM"),
        (lambda: signed(NEVER_SENT, RECEIPTS), "sms", "UNKNOWN_CONTACT"),
    ],
)
def test_what_cannot_be_used_is_parked_with_the_reason_and_no_more_than_once(
    conn: psycopg.Connection[Any],
    said: Callable[[], tuple[bytes | None, Headers]],
    provider: str,
    reason: str,
) -> None:
    record = Written().record(*said())

    assert [receiver().take(conn, record) for _ in range(2)] == [True, False]

    [parked] = inbox.parked(conn)
    assert (parked.provider, parked.reason) == (provider, reason)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_is_as_old_as_the_message_and_not_as_old_as_its_reading(
    conn: psycopg.Connection[Any], minutes: int
) -> None:
    long_ago = clock.now() - timedelta(days=3)
    written = Written()
    in_time, late = signed(REPLY, at=long_ago), signed(REPLY, at=long_ago)

    receiver().take(conn, written.record(*in_time, long_ago + timedelta(minutes=4)))
    receiver().take(conn, written.record(*late, long_ago + timedelta(minutes=minutes)))

    assert rows(conn) == [
        ("sms", "REPLY", "NEW", None),
        ("sms", "REPLY", "PARKED", "NOT_SIGNED_IN_TIME"),
    ]


# --- on a real Kafka ----------------------------------------------------------------------


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    name = f"t{uuid4().hex[:8]}.inbound"
    create_topic(kafka_bootstrap, name)
    create_topic(kafka_bootstrap, name)
    return name


def write(bootstrap: str, topic: str, *messages: tuple[bytes | None, Headers]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, allow_auto_create_topics=False)
    for body, headers in messages:
        producer.send(topic, body, key=b"any", headers=headers, partition=0)
    producer.flush()
    producer.close()


@contextmanager
def steps(bootstrap: str, topic: str, conn: psycopg.Connection[Any]) -> Iterator[Steps]:
    with subscribed(bootstrap, topic) as consumer:
        yield Steps(consumer, conn, receiver())


def taken(reading: Steps, count: int) -> int:
    """How many came, once that many did."""
    found = 0
    for _ in range(60):
        found += reading.step()
        if found >= count:
            break
    return found


def test_a_poisonous_message_holds_up_nobody_and_what_was_read_is_not_read_again(
    kafka_bootstrap: str, topic: str, conn: psycopg.Connection[Any]
) -> None:
    write(kafka_bootstrap, topic, signed(REPLY), (b"\x00", []), (None, []), signed(REPLY))
    with steps(kafka_bootstrap, topic, conn) as reading:
        assert taken(reading, 4) == 4
    write(kafka_bootstrap, topic, signed({**REPLY, "text": "hello"}))

    with steps(kafka_bootstrap, topic, conn) as reading:
        assert taken(reading, 1) == 1

    assert [state for _, _, state, _ in rows(conn)] == ["NEW", "PARKED", "PARKED", "NEW", "NEW"]


def test_one_that_dies_before_it_told_kafka_leaves_everything_in_the_inbox_once(
    kafka_bootstrap: str, topic: str, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(kafka_bootstrap, topic, signed(REPLY), signed(REPLY), (b"poison", []))
    with steps(kafka_bootstrap, topic, conn) as reading, monkeypatch.context() as patch:
        patch.setattr(topic_receiver, "OffsetAndMetadata", dying)
        with pytest.raises(Killed):
            taken(reading, 3)
    assert len(rows(conn)) == 3

    with steps(kafka_bootstrap, topic, conn) as reading:
        assert taken(reading, 3) == 3

    assert len(rows(conn)) == 3


class Killed(BaseException):
    pass


def dying(*_: Any) -> None:
    raise Killed
