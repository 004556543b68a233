"""A provider of messages that fails, hangs and repeats as it is told: a server of its own.

It takes messages as the real ones do, over HTTP with a signature, and writes down what it
took before it answers, so that a run can be held against it. ``GET /taken`` tells it.

    python -m entrypoints.demo.provider --port 8095 --fail-percent 10 --hang-percent 1
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import urllib3
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from urllib3.exceptions import HTTPError

from infra import clock
from infra.stopping import stop_on_signal

BODY_BYTES = 100_000


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How it treats those who call it; parts are percent of the calls."""

    secret: str | None = None
    """What calls must be signed with; without one, every call is trusted."""
    honours_keys: bool = True
    fail_percent: int = 0
    """503 before the message is taken."""
    fail_after_percent: int = 0
    """500 after it was taken."""
    busy_percent: int = 0
    """429 with Retry-After."""
    hang_percent: int = 0
    """It takes the message and does not answer."""
    drop_percent: int = 0
    """It takes the message and ends the connection."""
    refuse_percent: int = 0
    """422: it will never be taken."""
    retry_after_seconds: int = 1
    hang_seconds: float = 60.0
    delay_seconds: float = 0.0
    receipts_to: str | None = None
    """Where it brings a receipt of what it took, signed with *receipt_secret*."""
    receipt_secret: str | None = None
    replies_to: str | None = None
    """Where it brings what *reply_percent* of the recipients answer, signed likewise."""
    reply_percent: int = 0
    reply_text: str = "T"
    carriers: tuple[str, ...] = ("CMCC", "CUCC", "CTCC")
    failing_carriers: tuple[str, ...] = ()
    seed: int = 1


@dataclass
class Simulator:
    """What the server knows; ``behaviour`` may be replaced while it runs."""

    behaviour: Behaviour
    then: Behaviour | None = None
    """How it behaves once it has answered one more call."""
    file: Path | None = None
    """Where it writes down what it took, a line each."""
    taken: Counter[str] = field(default_factory=Counter)
    """How often each message went out, by its key."""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[int] = field(default_factory=Counter)
    """How often it answered which status; 0: it did not answer."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _chance: Random | None = None

    def __post_init__(self) -> None:
        """What a run before this one took is known."""
        if self.file is not None and self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                self.taken[said["key"]] += 1

    def fate(self) -> str:
        """What happens to the next call."""
        with self._lock:
            self._chance = self._chance or Random(self.behaviour.seed)  # noqa: S311 - no secret
            drawn = self._chance.randrange(100)
        for name in ("fail", "fail_after", "busy", "hang", "drop", "refuse"):
            drawn -= getattr(self.behaviour, f"{name}_percent")
            if drawn < 0:
                return name
        return "take"

    def take(self, key: str, message: dict[str, Any]) -> str:
        """The message goes out, but for a key that is honoured and was taken before."""
        with self._lock:
            if not (self.behaviour.honours_keys and key in self.taken):
                self.taken[key] += 1
                self.messages[key] = message
                if self.file is not None:
                    with self.file.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps({"key": key, **message}, ensure_ascii=False) + "\n")
        return f"sim-{key}"

    def answered(self, status: int) -> None:
        with self._lock:
            self.calls[status] += 1
            if self.then is not None:
                self.behaviour, self.then = self.then, None

    def summary(self) -> dict[str, Any]:
        """What it took, for ``GET /taken``."""
        with self._lock:
            return {
                "messages": len(self.taken),
                "sent": self.taken.total(),
                "twice": sorted(key for key, times in self.taken.items() if times > 1),
                "taken": dict(self.taken),
                "calls": {str(status): times for status, times in self.calls.items()},
            }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet; two would each wait for the other's receipt
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        behaviour = self.server.simulator.behaviour
        if parts.path == "/taken":
            self._answer(200, self.server.simulator.summary())
        elif not self._is_signed(""):
            self._answer(401, {})
        elif parts.query.removeprefix("carrier=") in behaviour.failing_carriers:
            self._answer(503, {})
        else:
            self._answer(200, {"ok": True})

    def do_POST(self) -> None:
        simulator = self.server.simulator
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES:
            self.close_connection = True
            self._answer(413, {})
            return
        body = self.rfile.read(length).decode()
        if not self._is_signed(body):
            self._answer(401, {})
            return
        self._meet(simulator, simulator.fate(), json.loads(body))

    def _meet(self, simulator: Simulator, fate: str, message: dict[str, Any]) -> None:
        behaviour = simulator.behaviour
        if behaviour.delay_seconds:
            simulator.stopped.wait(behaviour.delay_seconds)
        refusals = {
            "fail": (503, {"code": "DOWN"}, {}),
            "busy": (429, {}, {"Retry-After": str(behaviour.retry_after_seconds)}),
            "refuse": (422, {"code": "INVALID_NUMBER"}, {}),
        }
        if fate in refusals:
            status, said, headers = refusals[fate]
            self._answer(status, said, headers)
            return
        given = simulator.take(self.headers["Idempotency-Key"], message)
        if fate in {"hang", "drop"}:
            simulator.answered(0)
            if fate == "hang":
                simulator.stopped.wait(behaviour.hang_seconds)
            self.close_connection = True
            return
        if fate == "fail_after":
            self._answer(500, {})
            return
        self._answer(202, {"id": given})
        self.server.bring_receipt(message["contact_ref"], given)
        self.server.bring_reply(message["contact_ref"], message["to"])

    def _is_signed(self, body: str) -> bool:
        secret = self.server.simulator.behaviour.secret
        if secret is None:
            return True
        try:
            Webhook(secret).verify(body, dict(self.headers.items()), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    def _answer(
        self, status: int, said: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self.server.simulator.answered(status)
        body = json.dumps(said).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: a line of it could hold a number."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        super().__init__(address, _Handler)
        self.simulator = simulator
        self._pool = urllib3.PoolManager(retries=False, timeout=5.0)

    def handle_error(self, *_: Any) -> None:
        """Whoever hung up has hung up."""

    def bring_receipt(self, ref: str, provider_id: str) -> None:
        behaviour = self.simulator.behaviour
        carriers = behaviour.carriers
        said = {
            "contact_ref": ref,
            "provider_id": provider_id,
            "status": "DELIVERED",
            "carrier": carriers[sum(ref.encode()) % len(carriers)] if carriers else None,
            "at": clock.now().isoformat(),
        }
        self._bring(behaviour.receipts_to, f"rc-{ref}", said)

    def bring_reply(self, ref: str, sender: str) -> None:
        behaviour = self.simulator.behaviour
        if sum(ref.encode()) % 100 < behaviour.reply_percent:
            said = {
                "contact_ref": ref,
                "from": sender,
                "text": behaviour.reply_text,
                "at": clock.now().isoformat(),
            }
            self._bring(behaviour.replies_to, f"rp-{ref}", said)

    def _bring(self, url: str | None, webhook_id: str, said: dict[str, Any]) -> None:
        secret = self.simulator.behaviour.receipt_secret
        if url is None or secret is None:
            return
        try:
            post_signed(self._pool, url, webhook_id, said, secret)
        except HTTPError:
            return  # nobody listens; a real provider would come again


def post_signed(
    pool: urllib3.PoolManager, url: str, webhook_id: str, said: dict[str, Any], secret: str
) -> int:
    """The status that a signed call was answered with, as providers make them."""
    body, headers = signed(webhook_id, said, secret)
    return pool.request("POST", url, body=body, headers=headers).status


def signed(webhook_id: str, said: dict[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a signed call."""
    body, at = json.dumps(said, ensure_ascii=False), clock.now()
    return body.encode(), {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }


@contextmanager
def simulated(
    behaviour: Behaviour | None = None, *, port: int = 0, file: Path | None = None
) -> Iterator[tuple[str, Simulator]]:
    """A provider that listens here, with its address; in threads of this process."""
    simulator = Simulator(behaviour or Behaviour(), file=file)
    with _Server(("127.0.0.1", port), simulator) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/messages", simulator
        finally:
            simulator.stopped.set()
            server.shutdown()
            thread.join()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the first line printed is the address."""
    given = _parser().parse_args(arguments)
    behaviour = Behaviour(
        secret=given.secret,
        honours_keys=not given.ignores_keys,
        fail_percent=given.fail_percent,
        fail_after_percent=given.fail_after_percent,
        busy_percent=given.busy_percent,
        hang_percent=given.hang_percent,
        drop_percent=given.drop_percent,
        refuse_percent=given.refuse_percent,
        receipts_to=given.receipts_to,
        receipt_secret=given.receipt_secret,
        replies_to=given.replies_to,
        reply_percent=given.reply_percent,
        reply_text=given.reply_text,
        seed=given.seed,
    )
    stop = stop_on_signal()
    with simulated(behaviour, port=given.port, file=given.taken) as (url, _):
        print(url, flush=True)  # noqa: T201 - whoever started it reads it
        while not stop.is_set():
            time.sleep(0.1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", help="What calls must be signed with.")
    parser.add_argument("--ignores-keys", action="store_true")
    for name in ("fail", "fail-after", "busy", "hang", "drop", "refuse"):
        parser.add_argument(f"--{name}-percent", type=int, default=0)
    parser.add_argument("--taken", type=Path, help="A file for what it took.")
    parser.add_argument("--receipts-to", help="Where it brings receipts.")
    parser.add_argument("--receipt-secret", help="What it signs them with.")
    parser.add_argument("--replies-to", help="Where it brings answers, signed likewise.")
    parser.add_argument("--reply-percent", type=int, default=0, help="How many answer.")
    parser.add_argument("--reply-text", default="T", help="What they answer.")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    main()
