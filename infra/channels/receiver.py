"""Takes receipts and replies that providers bring, over HTTP and signed.

``POST /v1/receipts`` and ``POST /v1/replies`` answer 2xx once what was brought is committed
(202 new, 200 known already), 401 where no provider's signature fits, 400 and 413 where the
body is none, 503 where it cannot be kept now: the provider comes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from infra.channels import journal
from infra.channels.inbox import Inbox, Kind
from infra.channels.message import REF
from infra.channels.seal import Seal
from infra.channels.signers import Signers
from infra.logs import logger

log = logger(__name__)

BODY_BYTES = 65_536
WEBHOOK_ID_LETTERS = 200
KINDS = {"/v1/receipts": Kind.RECEIPT, "/v1/replies": Kind.REPLY}
ALIVE = "/v1/alive"

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]


class Delivery(StrEnum):
    """What a receipt says of a message."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class _Refusal(Exception):
    """What the caller is answered instead."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Receiver:
    """The WSGI program; *signers* know what the providers sign with.

    A provider is known by the secret that its signature fits: the body is not believed
    before that, and so cannot say who it is from. A signature older or newer than five
    minutes fits nobody.
    """

    def __init__(
        self, pool: ConnectionPool, seal: Seal, signers: Signers, wait_seconds: float = 5
    ) -> None:
        self._pool = pool
        self._seal = seal
        self._signers = signers
        self._wait = wait_seconds

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            status = self._status(environ)
        except _Refusal as refusal:
            status = refusal.status
        except (psycopg.Error, PoolTimeout) as error:
            # Without its text, which may hold what was brought.
            log.error("inbox_unavailable", error=type(error).__name__)  # noqa: TRY400
            status = HTTPStatus.SERVICE_UNAVAILABLE
        body = json.dumps({"status": status.phrase}).encode()
        head = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(f"{status.value} {status.phrase}", head)
        return [body]

    def _status(self, environ: Environ) -> HTTPStatus:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == ALIVE and method == "GET":
            return HTTPStatus.OK
        kind = KINDS.get(path)
        if kind is None:
            return HTTPStatus.NOT_FOUND
        if method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        body = _body(environ)
        provider = self._provider(environ, body)
        try:
            said = object_of(body)
        except ValueError:
            raise _Refusal(HTTPStatus.BAD_REQUEST) from None
        with self._pool.connection(timeout=self._wait) as conn:
            webhook_id = environ["HTTP_WEBHOOK_ID"]
            new = keep(
                conn, self._seal, provider=provider, webhook_id=webhook_id, kind=kind, said=said
            )
        return HTTPStatus.ACCEPTED if new else HTTPStatus.OK

    def _provider(self, environ: Environ, body: bytes) -> str:
        """Whose signature fits.

        Raises:
            _Refusal: nobody's.
        """
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_WEBHOOK_")
        }
        if len(headers.get("WEBHOOK-ID", "")) > WEBHOOK_ID_LETTERS:
            raise _Refusal(HTTPStatus.BAD_REQUEST)

        def fits(webhook: Webhook) -> bool:
            try:
                webhook.verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                return False
            return True

        found = self._signers.who(fits)
        if found is None:
            log.warning("webhook_not_signed", path=environ["PATH_INFO"])
            raise _Refusal(HTTPStatus.UNAUTHORIZED)
        return found


def _body(environ: Environ) -> bytes:
    """The whole body.

    Raises:
        _Refusal: there is none, or it is too long.
    """
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise _Refusal(HTTPStatus.BAD_REQUEST) from None
    if length > BODY_BYTES:
        raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body: bytes = environ["wsgi.input"].read(length)
    if not body or len(body) != length:
        raise _Refusal(HTTPStatus.BAD_REQUEST)
    return body


def object_of(body: bytes) -> dict[str, Any]:
    """The object that a body says.

    Raises:
        ValueError: it is none.
    """
    try:
        said = json.loads(body)
        json.dumps(said, ensure_ascii=False).encode()  # half a character passes until here
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(said, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - whoever reads it needs one answer
    return said


def keep(
    conn: psycopg.Connection[Any],
    seal: Seal,
    *,
    provider: str,
    webhook_id: str,
    kind: Kind,
    said: dict[str, Any],
) -> bool:
    """It waits in the inbox, or is parked with the reason; False: it was there already."""
    ref = said.get("contact_ref")
    ref = ref if isinstance(ref, str) and REF.fullmatch(ref) else None
    why = unusable(conn, provider, kind, said, ref)
    new = Inbox(conn, seal).put(provider, webhook_id, kind, said, contact_ref=ref, unusable=why)
    if new and why:
        log.warning("inbox_parked", provider=provider, kind=kind, why=why)
    return new


def unusable(
    conn: psycopg.Connection[Any], provider: str, kind: Kind, said: dict[str, Any], ref: str | None
) -> str | None:
    """Why nothing can be made of it; None: it can be handed on."""
    if kind == Kind.REPLY:
        for name in ("from", "text"):
            if not isinstance(said.get(name), str):
                return f"NO_{name.upper()}"
        return None
    if ref is None:
        return "NO_CONTACT_REF"
    if said.get("status") not in list(Delivery):
        return "UNKNOWN_STATUS"
    sent = journal.sendings(conn, [ref]).get(ref)
    if sent is None:
        return "UNKNOWN_CONTACT"
    return None if sent.provider == provider else "OTHER_PROVIDER"
