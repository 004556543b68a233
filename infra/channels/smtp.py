"""E-mail: one connection for a batch, and a plain answer for each message of it."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote, unquote, urlsplit

from infra import clock
from infra.channels.breaker import Breaker
from infra.channels.message import NOT_BEGUN, Answer, Message, Probe, Result

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
GREYLISTED_SECONDS = 300
"""When to try again: a server that does not know us lets a first try wait."""


@dataclass(frozen=True)
class _Server:
    """Where mail is handed over, from a URL such as smtp+starttls://user@host:587."""

    scheme: str
    host: str
    port: int
    user: str | None

    @classmethod
    def of(cls, url: str) -> _Server:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("a mail server is smtp://, smtp+starttls:// or smtps:// and a host")
        user = unquote(parts.username) if parts.username else None
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], user)


class _NotTakenError(Exception):
    """The connection ended before the server had all of a message."""


class _DoubtError(Exception):
    """The server had all of a message, and never said what it made of it."""


class SmtpPort:
    """A mail server; the same message given twice goes out twice, with one Message-ID.

    *unsubscribe* is a mailto: or https: address in which ``{contact_ref}`` is replaced.
    """

    honours_idempotency = False

    def __init__(
        self,
        name: str,
        url: str,
        secret: str | None = None,
        *,
        from_address: str,
        unsubscribe: str | None = None,
        breaker: Breaker | None = None,
        seconds: float = 20.0,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Nothing is connected yet.

        Raises:
            ValueError: the URL or the address is none.
        """
        self._name = name
        self._server = _Server.of(url)
        self._secret = secret
        self._from = Address(addr_spec=from_address)
        self._unsubscribe = unsubscribe
        self._breaker = breaker or Breaker()
        self._seconds = seconds
        self._trusted = trusted

    def send(self, messages: Sequence[Message]) -> list[Result]:
        batch = _Batch(self._connected)
        try:
            return [self._sent(batch, message) for message in messages]
        finally:
            batch.end()

    def probe(self) -> list[Probe]:
        began = time.monotonic()
        reason = None
        try:
            line = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            reason = _why_not(error)
        else:
            _quit(line)
        took_ms = int((time.monotonic() - began) * 1000)
        return [Probe(holds=reason is None, took_ms=took_ms, reason=reason)]

    def close(self) -> None:
        """No connection outlives its batch."""

    def _connected(self) -> smtplib.SMTP:
        server, context = self._server, self._trusted or ssl.create_default_context()
        line: smtplib.SMTP
        if server.scheme == "smtps":
            line = smtplib.SMTP_SSL(
                server.host, server.port, None, timeout=self._seconds, context=context
            )
        else:
            line = smtplib.SMTP(server.host, server.port, timeout=self._seconds)
        try:
            line.ehlo_or_helo_if_needed()
            if server.scheme == "smtp+starttls":
                line.starttls(context=context)
                line.ehlo()
            if server.user is not None:
                line.login(server.user, self._secret or "")
        except BaseException:
            line.close()
            raise
        return line

    def _sent(self, batch: _Batch, message: Message) -> Result:
        handed_at = clock.now()
        if not message.may_go(handed_at):
            return Result(
                contact_ref=message.contact_ref,
                answer=Answer.UNAVAILABLE,
                provider=self._name,
                reason=NOT_BEGUN,
            )
        answer, reason = self._offered(batch, message)
        return Result(
            contact_ref=message.contact_ref,
            answer=answer,
            provider=self._name,
            provider_id=self._message_id(message) if answer == Answer.ACCEPTED else None,
            reason=reason,
            try_after_seconds=GREYLISTED_SECONDS if answer == Answer.UNAVAILABLE else None,
            handed_at=handed_at,
        )

    def _offered(self, batch: _Batch, message: Message) -> tuple[Answer, str | None]:
        try:
            recipient, content = self._written(message)
        except UnicodeError:
            return Answer.REFUSED, "CHARACTERS"
        except (ValueError, MessageError, IndexError):
            return Answer.REFUSED, "ADDRESS"
        if not self._breaker.admits():
            return Answer.UNAVAILABLE, "BREAKER_OPEN"
        try:
            code = batch.give(self._from.addr_spec, recipient, content)
            failed = None
        except _DoubtError:
            failed = Answer.UNCERTAIN, "NO_ANSWER"
        except (OSError, smtplib.SMTPException, _NotTakenError) as error:
            failed = Answer.UNAVAILABLE, _why_not(error)
        self._breaker.report(failed=failed is not None or code == CLOSING)
        if failed is not None:
            return failed
        if code < 400:
            return Answer.ACCEPTED, None
        return Answer.UNAVAILABLE if code < 500 else Answer.REFUSED, f"SMTP_{code}"

    def _message_id(self, message: Message) -> str:
        return f"<{message.contact_ref}@{self._from.domain}>"

    def _written(self, message: Message) -> tuple[str, bytes]:
        """The recipient's bare address, and the whole mail as it goes over the line.

        Raises:
            ValueError: the address is none that mail could be sent to.
        """
        to = Address(addr_spec=message.recipient)
        if not to.domain or not message.recipient.isascii():
            raise ValueError
        mail = EmailMessage(policy=SMTP)
        mail["From"] = Address(message.sender, addr_spec=self._from.addr_spec)
        mail["To"] = to
        mail["Subject"] = message.subject or message.sender
        mail["Date"] = format_datetime(clock.now())
        mail["Message-ID"] = self._message_id(message)
        mail["Auto-Submitted"] = "auto-generated"
        if self._unsubscribe:
            ref = quote(message.contact_ref, safe="")
            mail["List-Unsubscribe"] = f"<{self._unsubscribe.replace('{contact_ref}', ref)}>"
            if self._unsubscribe.startswith("https:"):
                mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(message.text)
        return to.addr_spec, mail.as_bytes()


CLOSING = 421
"""The server ends the connection, whatever it was told."""
TELL_IT = 354
"""The server waits for the mail."""
NOT_NOW = 451


class _Batch:
    """A connection that is made when the first message needs it, and again after a loss."""

    def __init__(self, connect: Callable[[], smtplib.SMTP]) -> None:
        self._connect = connect
        self._line: smtplib.SMTP | None = None

    def give(self, sender: str, recipient: str, content: bytes) -> int:
        """The server's last answer to one mail.

        A connection that served before and is gone was ended between two mails, which
        servers do; it is made anew once.

        Raises:
            _NotTakenError: the connection was lost before the mail was over.
            _DoubtError: it was lost, or the time was up, after that.
            OSError, SMTPException: no connection was made.
        """
        served = self._line is not None
        try:
            return self._give(sender, recipient, content)
        except _NotTakenError:
            if not served:
                raise
        return self._give(sender, recipient, content)

    def end(self) -> None:
        if self._line is not None:
            _quit(self._line)

    def _give(self, sender: str, recipient: str, content: bytes) -> int:
        line = self._line = self._line or self._connect()
        try:
            code = self._offered(line, sender, recipient)
            if code == TELL_IT:
                line.send(_quoted(content))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise _NotTakenError from error
        if code == TELL_IT:
            code = self._answer(line)
        elif code != CLOSING:
            with suppress(OSError, smtplib.SMTPServerDisconnected):
                line.rset()
        if code == CLOSING:
            self._drop()
        return code

    def _answer(self, line: smtplib.SMTP) -> int:
        try:
            code, _ = line.getreply()
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise _DoubtError from error
        if not 200 <= code < 300 and code < 400:  # no answer that means anything
            self._drop()
            raise _DoubtError
        return code

    def _offered(self, line: smtplib.SMTP, sender: str, recipient: str) -> int:
        """TELL_IT where the server waits for the mail, or how it refused."""
        code, _ = line.mail(sender)
        if 200 <= code < 300:
            code, _ = line.rcpt(recipient)
        if not 200 <= code < 300:
            return _refusal(code)
        code, _ = line.docmd("DATA")
        return code if code == TELL_IT else _refusal(code)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _refusal(code: int) -> int:
    """A code that is no answer to what was asked means that nothing was taken."""
    return code if code >= 400 else NOT_NOW


def _quoted(content: bytes) -> bytes:
    """*content* with its lines ended and its leading dots doubled, and the last line."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _quit(line: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException):
        line.quit()
    line.close()


def _why_not(error: Exception) -> str:
    if isinstance(error, _NotTakenError):
        return "DISCONNECTED"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP_{error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return "TLS"
    return "NO_CONNECTION"
