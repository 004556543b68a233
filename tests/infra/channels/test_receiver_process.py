"""Messages go out, and a receipt for each comes back, through processes of their own."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import urllib3

from infra.bootstrap import as_role
from infra.channels.inbox import Inbox
from infra.channels.message import Answer
from infra.channels.routes import open_routes
from infra.channels.vault_seal import seal_of
from infra.migrations.run import migrate
from infra.plan import Plan
from infra.settings import Settings, child_environment
from infra.store import WRITER
from tests.infra.channels.samples import SECRET, message

MAIN = "LOANS_PROVIDER_CN_SMS_MAIN"
KEY = base64.b64encode(bytes(range(32))).decode()


@contextmanager
def process(*arguments: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program of ours; it is told to stop, and does."""
    with log.open("w") as errors:
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=child_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert running.stdout
    with running, running.stdout:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0


def listening(log: Path) -> str:
    """Where the receiver listens, once it does."""
    for _ in range(300):
        for line in log.read_text().splitlines():
            said = json.loads(line)
            if said.get("event") == "listening":
                return str(said["address"])
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_every_message_that_goes_out_has_its_receipt_in_the_inbox(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    taken = tmp_path / "taken.jsonl"
    receiver = process(
        "entrypoints.receiver",
        log=tmp_path / "receiver.log",
        LOANS_HOME=str(tmp_path),
        LOANS_DATABASE_URL=database_url,
        LOANS_KAFKA_BOOTSTRAP="-",
        LOANS_RECEIVER="127.0.0.1:0",
        LOANS_VAULT_KEYS=KEY,
        LOANS_PROVIDER_CN_SMS_MAIN_INBOUND_SECRET=SECRET,
    )
    with receiver:
        address = listening(tmp_path / "receiver.log")
        provider = process(
            "entrypoints.demo.provider",
            *("--secret", SECRET, "--fail-percent", "10", "--taken", str(taken)),
            *("--receipts-to", f"http://{address}/v1/receipts", "--receipt-secret", SECRET),
            log=tmp_path / "provider.log",
        )
        with provider as running:
            assert running.stdout
            url = running.stdout.readline().strip()
            settings = {f"{MAIN}_URL": url, f"{MAIN}_SECRET": SECRET}
            with open_routes(Settings(home=tmp_path), database_url, named=settings.get) as routes:
                results = routes.send([message() for _ in range(30)])
            summary = told(url)

    refs = sorted(each.contact_ref for each in results)
    assert {each.answer for each in results} == {Answer.ACCEPTED}
    assert (summary["sent"], summary["twice"]) == (30, [])
    assert sorted(json.loads(line)["key"] for line in taken.read_text().splitlines()) == refs
    with psycopg.connect(as_role(database_url, WRITER)) as conn, conn.transaction():
        items = Inbox(conn, seal_of(Settings(vault_keys=KEY))).take(100)
    assert sorted(str(item.contact_ref) for item in items) == refs
    assert {item.said["status"] for item in items} == {"DELIVERED"}


def told(url: str) -> dict[str, object]:
    with urllib3.PoolManager() as pool:
        said: dict[str, object] = pool.request("GET", url.replace("/messages", "/taken")).json()
    return said


def test_up_runs_the_receiver_only_where_it_was_said_where_to_listen(tmp_path: Path) -> None:
    def named(receiver: str | None) -> set[str]:
        settings = Settings(home=tmp_path, database_url="-", kafka_bootstrap="-", receiver=receiver)
        return {each.name for each in Plan(settings).processes()}

    assert named("127.0.0.1:8090") - named(None) == {"receiver"}


def test_up_reads_a_topic_only_where_it_was_said_which(tmp_path: Path) -> None:
    def named(topic: str | None) -> set[str]:
        settings = Settings(
            home=tmp_path, database_url="-", kafka_bootstrap="-", receiver_topic=topic
        )
        return {each.name for each in Plan(settings).processes()}

    assert named("contact.inbound") - named(None) == {"inbound"}
