"""Takes receipts and replies that providers bring on a topic of Kafka, signed as over HTTP.

A message has the body of a call as its value, and as headers ``webhook-path`` (that of the
call), ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``. It is kept in the same
inbox, so that what comes both ways is kept once. Offsets are committed after that: what was
read and not committed comes again, and changes nothing. What cannot be used is parked with
a reason, and holds up nobody.
"""

from __future__ import annotations

import hmac
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError
from kafka.structs import MemberState, OffsetAndMetadata
from standardwebhooks.webhooks import Webhook

from infra import clock, logs
from infra.bootstrap import as_role, open_book
from infra.channels.inbox import Inbox, Kind
from infra.channels.providers import inbound_secrets
from infra.channels.receiver import BODY_BYTES, KINDS, WEBHOOK_ID_LETTERS, keep, object_of
from infra.channels.seal import Seal
from infra.channels.signers import Signers
from infra.channels.vault_seal import seal_of
from infra.processes import connected
from infra.runner import (
    LONGEST_BACKOFF_SECONDS,
    OUTAGES,
    POLL_MS,
    REBALANCE_SECONDS,
    AssignmentLost,
)
from infra.settings import Settings
from infra.stopping import stop_on_signal
from infra.store import WRITER
from infra.trouble import Trouble

log = logs.logger(__name__)

GROUP = "receiver"
"""How the name of the group begins; the topic follows."""
PATH, ID, SIGNED_AT, SIGNATURE = (
    *("webhook-path", "webhook-id"),
    *("webhook-timestamp", "webhook-signature"),
)
SIGNED_WITHIN = timedelta(minutes=5)
"""So far from when Kafka had it may a message have been signed, as over HTTP."""

NOBODY = "unknown"
"""Stands for the provider of what nobody signed."""

PARTITIONS = 3
TOPIC_SETTINGS = {
    "cleanup.policy": "delete",
    # Numbers and texts stand there in clear: no longer than it takes to mend what stands still.
    "retention.ms": str(7 * 24 * 60 * 60 * 1000),
    # The broker says when it came, and not whoever writes.
    "message.timestamp.type": "LogAppendTime",
}


class Unusable(Exception):
    """Nothing can be made of a message; *why* is a word for people, *provider* who signed it."""

    def __init__(self, why: str, provider: str = NOBODY) -> None:
        super().__init__(why)
        self.why = why
        self.provider = provider


@dataclass(frozen=True)
class Place:
    """Where a message stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class TopicReceiver:
    """Puts messages into the inbox; *signers* know what the providers sign with."""

    def __init__(self, seal: Seal, signers: Signers) -> None:
        self._seal = seal
        self._signers = signers

    def take(self, conn: psycopg.Connection[Any], record: Any) -> bool:
        """A record of Kafka is in the inbox, or parked; False: it was there already."""
        try:
            return self._keep(conn, record)
        except Unusable as found:
            return self._park(conn, record, found)
        except psycopg.DataError:
            return self._park(conn, record, Unusable("CANNOT_BE_KEPT"))

    def _keep(self, conn: psycopg.Connection[Any], record: Any) -> bool:
        body: bytes = record.value or b""
        if len(body) > BODY_BYTES:
            raise Unusable("TOO_LARGE")
        headers = _headers(record)
        provider = self._signed_by(headers, body, _came_at(record))
        kind = KINDS.get(headers.get(PATH, ""))
        if kind is None:
            raise Unusable("UNKNOWN_PATH", provider)
        try:
            said = object_of(body)
        except ValueError:
            raise Unusable("NO_OBJECT", provider) from None
        return keep(
            conn, self._seal, provider=provider, webhook_id=headers[ID], kind=kind, said=said
        )

    def _signed_by(self, headers: Mapping[str, str], body: bytes, came_at: datetime) -> str:
        """Whose signature fits.

        Raises:
            Unusable: nobody's, or it was made long before or after the message came.
        """
        webhook_id, signatures = headers.get(ID, ""), headers.get(SIGNATURE, "")
        if not webhook_id.isprintable() or not 0 < len(webhook_id) <= WEBHOOK_ID_LETTERS:
            raise Unusable("NO_WEBHOOK_ID")
        try:
            signed_at = datetime.fromtimestamp(int(headers.get(SIGNED_AT, "")), UTC)
            text = body.decode()
        except (ValueError, OverflowError, OSError):
            raise Unusable("NOT_SIGNED") from None
        given = [each.encode() for each in signatures.split(" ")]

        def fits(webhook: Webhook) -> bool:
            signature = webhook.sign(webhook_id, signed_at, text).encode()
            return any(hmac.compare_digest(signature, each) for each in given)

        name = self._signers.who(fits)
        if name is None:
            raise Unusable("NOT_SIGNED")
        if abs(came_at - signed_at) > SIGNED_WITHIN:
            raise Unusable("NOT_SIGNED_IN_TIME", name)
        return name

    def _park(self, conn: psycopg.Connection[Any], record: Any, found: Unusable) -> bool:
        """It is parked under its place: what it says stays on Kafka, where it can be looked at."""
        place = Place(record.topic, record.partition, record.offset)
        kind = KINDS.get(_headers(record).get(PATH, ""), Kind.REPLY)
        new = Inbox(conn, self._seal).put(
            found.provider,
            str(place),
            kind,
            {"topic": place.topic, "partition": place.partition, "offset": place.offset},
            contact_ref=None,
            unusable=found.why,
        )
        if new:
            log.warning("inbox_parked", provider=found.provider, why=found.why, place=str(place))
        return new


def _headers(record: Any) -> dict[str, str]:
    """The headers that are text, by their names in small letters."""
    found = {}
    for name, value in record.headers or ():
        with suppress(UnicodeDecodeError, AttributeError):
            found[name.lower()] = value.decode()
    return found


def _came_at(record: Any) -> datetime:
    """When Kafka had it; of a record that does not say, the beginning of time."""
    return datetime.fromtimestamp(max(record.timestamp or 0, 0) // 1000, UTC)


# --- the process --------------------------------------------------------------------------


def run() -> None:
    """Take what comes until told to stop; what the process's ``main`` calls."""
    stop = stop_on_signal()
    settings = connected(Settings())
    assert settings.database_url and settings.kafka_bootstrap
    logs.configure(settings, "inbound")
    try:
        with open_book(settings.database_url, connections=1) as book:
            signers = Signers(lambda: inbound_secrets(book.rules.register, clock.now().date()))
            topic = _topic(settings, signers)
            receiver = TopicReceiver(seal_of(settings), signers)
            log.info("reading", topic=topic, providers=signers.names)
            receive(settings.database_url, settings.kafka_bootstrap, topic, receiver, stop)
    except Trouble as trouble:
        log.critical("inbound_stopped", error=str(trouble))
        sys.exit(1)


def _topic(settings: Settings, signers: Signers) -> str:
    """The topic on which providers write.

    Raises:
        Trouble: it was not said, or nobody could sign.
    """
    if settings.receiver_topic is None:
        raise Trouble("LOANS_RECEIVER_TOPIC does not say on which topic providers write.")
    if not signers.names:
        raise Trouble("Nobody could sign: set the inbound secret of a provider (docs/CHANNELS.md).")
    return settings.receiver_topic


def receive(
    database_url: str, bootstrap: str, topic: str, receiver: TopicReceiver, stop: Event
) -> None:
    """Take what comes on a topic until told to stop, through outages of both servers."""
    failures = 0
    while not stop.is_set():
        try:
            create_topic(bootstrap, topic)
            with (
                psycopg.connect(as_role(database_url, WRITER), autocommit=True) as conn,
                subscribed(bootstrap, topic) as consumer,
            ):
                steps = Steps(consumer, conn, receiver)
                while not stop.is_set():
                    steps.step()
                    failures = 0
        except OUTAGES as trouble:
            failures += 1
            wait = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**failures)
            # Without its text, which may hold what was brought.
            log.warning("inbound_interrupted", error=type(trouble).__name__, again_in_seconds=wait)
            stop.wait(wait)


class Steps:
    """Polls, keeps, and tells Kafka."""

    def __init__(
        self, consumer: KafkaConsumer, conn: psycopg.Connection[Any], receiver: TopicReceiver
    ) -> None:
        self._consumer = consumer
        self._conn = conn
        self._receiver = receiver
        self._stable_at = time.monotonic()

    def step(self) -> int:
        """One poll is in the inbox, and after that its offsets with Kafka; how many came."""
        polled = self._consumer.poll(timeout_ms=POLL_MS)
        if not polled:
            self._check_membership()
            return 0
        self._stable_at = time.monotonic()
        count = new = 0
        for records in polled.values():
            for record in records:
                new += self._receiver.take(self._conn, record)
                count += 1
        self._consumer.commit(
            {
                TopicPartition(place.topic, place.partition): OffsetAndMetadata(
                    records[-1].offset + 1, "", -1
                )
                for place, records in polled.items()
            }
        )
        log.info("brought", messages=count, new=new)
        return count

    def _check_membership(self) -> None:
        """A rebalance ends, or the consumer is made anew: as ``runner.Loop`` does."""
        if self._consumer.group_metadata().state == MemberState.STABLE:
            self._stable_at = time.monotonic()
        elif time.monotonic() - self._stable_at > REBALANCE_SECONDS:
            raise AssignmentLost("the group of the receiver did not settle")


@contextmanager
def subscribed(bootstrap: str, topic: str) -> Iterator[KafkaConsumer]:
    """A member of the receiver's group; several may share the partitions."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"{GROUP}.{topic}",
        client_id=GROUP,
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
        isolation_level="read_committed",
        enable_auto_commit=False,
        # What nobody read yet counts; what was read before is known to the inbox.
        auto_offset_reset="earliest",
        max_poll_records=500,
        reconnect_backoff_max_ms=1000,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False, timeout_ms=2000)


def create_topic(bootstrap: str, topic: str) -> None:
    """The topic is there; one that was there stays as it is."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        if topic not in set(admin.list_topics()):
            with suppress(TopicAlreadyExistsError):  # another start was faster
                admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=TOPIC_SETTINGS)])
    finally:
        admin.close()
