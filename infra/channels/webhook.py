"""SMS, push, WeCom: messages to a provider by HTTP, signed, each taken once if it can be."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from random import SystemRandom
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from standardwebhooks.webhooks import Webhook
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from infra import clock
from infra.channels.breaker import Breaker
from infra.channels.message import NOT_BEGUN, Answer, Message, Probe, Result

ANSWER_BYTES = 65_536
PROVIDER_ID = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
CODE = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
"""A provider's error word. No digits: a number that it repeats to us shall not get on."""

NOT_TAKEN = {408, 425, 429, 503}
"""What a server answers that did not begin; every other 5xx may come after it took it."""
ROUTE_IS_WRONG = {401, 403, 404, 405, 410}
"""Our credentials or the address are at fault, no message is."""
KEY_IN_USE = 409

CONNECTIONS = 32
"""How many calls to a provider run beside each other: 640 a second where one takes 50 ms."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a call may take, and one message with all its tries (*budget_seconds*)."""

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 10.0
    budget_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class _Try:
    """What came of one call."""

    answer: Answer
    reason: str | None = None
    provider_id: str | None = None
    again: bool = False
    route_failed: bool = False
    after_seconds: float | None = None


class WebhookPort:
    """A provider that takes one message by one POST.

    A call that got no answer is repeated only where the provider honours the key; where
    it does not, the message stays UNCERTAIN, since a second call might send it twice.
    """

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        *,
        honours_idempotency: bool,
        sender_code: str | None = None,
        carriers: Sequence[str] = (),
        patience: Patience | None = None,
        breaker: Breaker | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Nothing is connected yet.

        Raises:
            ValueError: the URL or the secret is none.
        """
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError("a provider is reached by http:// or https:// and a host")
        self._name = name
        self._url = url
        self._webhook = Webhook(secret)
        self._honours = honours_idempotency
        self._sender_code = sender_code
        self._carriers = carriers
        self._patience = patience or Patience()
        self._breaker = breaker or Breaker()
        self._jitter = SystemRandom()
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=connections, block=True)
        self._workers = ThreadPoolExecutor(connections, thread_name_prefix=f"channel-{name}")

    @property
    def honours_idempotency(self) -> bool:
        return self._honours

    def send(self, messages: Sequence[Message]) -> list[Result]:
        if len(messages) == 1:
            return [self._sent(messages[0])]
        return list(self._workers.map(self._sent, messages))

    def probe(self) -> list[Probe]:
        return [self._probed(carrier) for carrier in self._carriers or (None,)]

    def close(self) -> None:
        self._workers.shutdown()
        self._pool.clear()

    def _sent(self, message: Message) -> Result:
        """What became of it, after as many tries as patience and breaker allow."""
        body = self._body(message)
        try:
            body.encode()
        except UnicodeEncodeError:  # half a character
            return Result(
                contact_ref=message.contact_ref,
                answer=Answer.REFUSED,
                provider=self._name,
                reason="CHARACTERS",
            )
        until = time.monotonic() + self._patience.budget_seconds
        doubt: _Try | None = None
        last = _Try(answer=Answer.UNAVAILABLE, reason="BREAKER_OPEN")
        handed_at = None
        for number in count():
            now = clock.now()
            if not message.may_go(now, again=number > 0):
                last = last if number else _Try(answer=Answer.UNAVAILABLE, reason=NOT_BEGUN)
                break
            if not self._breaker.admits():
                break
            handed_at = now
            last = self._post(message.contact_ref, body, until - time.monotonic())
            self._breaker.report(failed=last.route_failed)
            if last.answer == Answer.UNCERTAIN:
                doubt = last
            pause = max(self._pause(number), last.after_seconds or 0)
            if not last.again or time.monotonic() + pause >= until:
                break
            time.sleep(pause)
        # A try that may have been taken is not undone by a later one that was not.
        told = doubt if doubt and last.answer == Answer.UNAVAILABLE else last
        after = last.after_seconds
        return Result(
            contact_ref=message.contact_ref,
            answer=told.answer,
            provider=self._name,
            provider_id=told.provider_id,
            reason=told.reason,
            try_after_seconds=None if after is None else int(after + 1),
            handed_at=handed_at,
        )

    def _pause(self, number: int) -> float:
        """Twice as long after each try, and by chance somewhere in its upper half."""
        doubled = self._patience.first_pause_seconds * (1 << min(number, 16))
        return min(self._patience.longest_pause_seconds, doubled) * self._jitter.uniform(0.5, 1)

    def _body(self, message: Message) -> str:
        said = {
            "contact_ref": message.contact_ref,
            "channel": message.channel,
            "to": message.recipient,
            "subject": message.subject or None,
            "text": message.text,
            "sender": message.sender,
            "sender_code": self._sender_code,
        }
        return json.dumps(
            {name: value for name, value in said.items() if value is not None}, ensure_ascii=False
        )

    def _headers(self, ref: str, body: str) -> dict[str, str]:
        at = clock.now()
        return {
            "webhook-id": ref,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(ref, at, body),
        }

    def _post(self, ref: str, body: str, seconds_left: float) -> _Try:
        headers = {
            **self._headers(ref, body),
            "idempotency-key": ref,
            "content-type": "application/json; charset=utf-8",
        }
        try:
            response = self._called("POST", self._url, headers, body.encode(), seconds_left)
        except HTTPError as error:
            return self._unanswered(error)
        said = _said(response)
        return self._answered(response.status, response.headers, said)

    def _called(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, left: float
    ) -> urllib3.BaseHTTPResponse:
        left = max(left, 0.05)
        return self._pool.request(
            method,
            url,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(
                connect=min(self._patience.connect_seconds, left),
                read=min(self._patience.read_seconds, left),
            ),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _unanswered(self, error: HTTPError) -> _Try:
        if not_begun(error):
            return _Try(
                answer=Answer.UNAVAILABLE, reason="NO_CONNECTION", again=True, route_failed=True
            )
        return _Try(
            answer=Answer.UNCERTAIN, reason="NO_ANSWER", again=self._honours, route_failed=True
        )

    def _answered(self, status: int, headers: Mapping[str, str], said: dict[str, Any]) -> _Try:
        code = said.get("code")
        word = f" {code}" if isinstance(code, str) and CODE.fullmatch(code) else ""
        reason = f"HTTP_{status}{word}"
        if 200 <= status < 300:
            given = str(said.get("id", ""))
            return _Try(
                answer=Answer.ACCEPTED, provider_id=given if PROVIDER_ID.fullmatch(given) else None
            )
        if status in NOT_TAKEN:
            return _Try(
                answer=Answer.UNAVAILABLE,
                reason=reason,
                again=True,
                route_failed=status != 429,  # it is well, and asks for time
                after_seconds=_retry_after(headers),
            )
        if status >= 500 or (status == KEY_IN_USE and self._honours):
            return _Try(
                answer=Answer.UNCERTAIN,
                reason=reason,
                again=self._honours,
                route_failed=status >= 500,
                after_seconds=_retry_after(headers),
            )
        if status in ROUTE_IS_WRONG or status < 400:
            return _Try(answer=Answer.UNAVAILABLE, reason=reason, route_failed=True)
        return _Try(answer=Answer.REFUSED, reason=reason)

    def _probed(self, carrier: str | None) -> Probe:
        """A signed GET of the same address, which asks for nothing to be sent."""
        ref = f"probe-{clock.now():%Y%m%dT%H%M%S}"
        url = self._url
        if carrier is not None:
            url += ("&" if urlsplit(url).query else "?") + urlencode({"carrier": carrier})
        began = time.monotonic()
        try:
            response = self._called("GET", url, self._headers(ref, ""), None, 3600.0)
            _said(response)
            reason = None if 200 <= response.status < 300 else f"HTTP_{response.status}"
        except HTTPError as error:
            reason = "NO_CONNECTION" if not_begun(error) else "NO_ANSWER"
        took_ms = int((time.monotonic() - began) * 1000)
        return Probe(carrier=carrier, holds=reason is None, took_ms=took_ms, reason=reason)


def not_begun(error: HTTPError) -> bool:
    """Whether the call failed before anything of it was sent."""
    if isinstance(error, SSLError):
        return any(isinstance(each, ssl.SSLCertVerificationError) for each in error.args)
    return isinstance(
        error, NewConnectionError | ConnectTimeoutError | ProxyError | LocationValueError
    )


def _said(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """The object that a provider answered; nothing where it answered none."""
    try:
        body = response.read(ANSWER_BYTES)
        more = response.read(1)
    except HTTPError:  # the status was read, and that is the answer
        response.close()
        return {}
    if more:
        response.close()
    else:
        response.release_conn()
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """For how many seconds a provider asks us to wait."""
    said = headers.get("Retry-After")
    if said is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(said)
    except InvalidHeader:
        return None
