"""Mail reaches a real server over one connection, and what it says is told for each mail."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from domain.base.contact_policy import Channel
from infra.channels.message import Answer, Message
from infra.channels.smtp import SmtpPort
from tests.infra.channels.samples import message

TO = "borrower@example.org"


def mail(**said: Any) -> Message:
    return message(**{"channel": Channel.EMAIL, "recipient": TO, "subject": "还款提醒", **said})


@dataclass
class Postbox:
    """What a mail server was told, and how it answers."""

    says: Callable[[str], str] = lambda _: "250 OK"
    at_recipient: Callable[[str], str] = lambda _: "250 OK"
    before_answer_seconds: float = 0
    drops_in_data: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.at_recipient(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.sessions.add(id(session))
        assert isinstance(envelope.content, bytes)
        got = message_from_bytes(envelope.content, policy=default)
        assert isinstance(got, EmailMessage)
        self.mails.append(got)
        if self.drops_in_data:
            assert server.transport is not None
            server.transport.close()
        await asyncio.sleep(self.before_answer_seconds)
        return self.says(str(got["Message-ID"]))


class Server(Controller):
    """Listens at a port that the machine chooses."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(postbox: Postbox, **said: Any) -> Iterator[int]:
    controller = Server(postbox, hostname="127.0.0.1", port=0, **said)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def port_to(port: int, *, scheme: str = "smtp", seconds: float = 5.0, **said: Any) -> SmtpPort:
    return SmtpPort(
        "mail",
        f"{scheme}://127.0.0.1:{port}",
        from_address="service@lender.example",
        seconds=seconds,
        **said,
    )


def test_a_batch_goes_over_one_connection() -> None:
    postbox = Postbox()
    sent = [mail(), mail(), mail()]

    with serving(postbox) as port:
        results = port_to(port).send(sent)

    assert [each.answer for each in results] == [Answer.ACCEPTED] * 3
    assert len(postbox.mails) == 3
    assert len(postbox.sessions) == 1


def test_a_mail_says_who_it_is_from_and_how_to_end_it() -> None:
    postbox = Postbox()
    sent = mail(text="第一行\n.第二行\n结束", contact_ref="C-7")

    with serving(postbox) as port:
        mailer = port_to(port, unsubscribe="https://lender.example/stop/{contact_ref}")
        [result] = mailer.send([sent])

    [got] = postbox.mails
    assert result.provider_id == got["Message-ID"] == "<C-7@lender.example>"
    assert got["From"] == "示例消费金融 <service@lender.example>"
    assert (got["To"], got["Subject"]) == (TO, "还款提醒")
    assert got["List-Unsubscribe"] == "<https://lender.example/stop/C-7>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert got.get_content().replace("\r\n", "\n") == "第一行\n.第二行\n结束\n"


def test_a_refused_address_is_final_and_the_rest_of_the_batch_goes_on() -> None:
    postbox = Postbox(at_recipient=lambda to: "550 no such user" if "gone" in to else "250 OK")

    with serving(postbox) as port:
        results = port_to(port).send([mail(), mail(recipient="gone@example.org"), mail()])

    assert [(each.answer, each.reason) for each in results] == [
        (Answer.ACCEPTED, None),
        (Answer.REFUSED, "SMTP_550"),
        (Answer.ACCEPTED, None),
    ]
    assert len(postbox.sessions) == 1


@pytest.mark.parametrize(
    ("said", "answer", "reason"),
    [
        ("451 not now", Answer.UNAVAILABLE, "SMTP_451"),
        ("421 closing", Answer.UNAVAILABLE, "SMTP_421"),
        ("554 spam", Answer.REFUSED, "SMTP_554"),
        ("354 what", Answer.UNCERTAIN, "NO_ANSWER"),
    ],
)
def test_what_the_server_says_of_the_whole_mail(said: str, answer: Answer, reason: str) -> None:
    with serving(Postbox(says=lambda _: said)) as port:
        [result] = port_to(port).send([mail()])

    assert (result.answer, result.reason) == (answer, reason)
    assert (result.try_after_seconds is not None) == (answer == Answer.UNAVAILABLE)


def test_greylisting_asks_to_come_again() -> None:
    with serving(Postbox(at_recipient=lambda _: "450 come again")) as port:
        [result] = port_to(port).send([mail()])

    assert (result.answer, result.reason, result.try_after_seconds) == (
        Answer.UNAVAILABLE,
        "SMTP_450",
        300,
    )


def test_a_connection_that_ends_after_the_mail_leaves_it_uncertain() -> None:
    postbox = Postbox(drops_in_data=True)

    with serving(postbox) as port:
        results = port_to(port).send([mail(), mail()])

    assert [(each.answer, each.reason) for each in results] == [
        (Answer.UNCERTAIN, "NO_ANSWER"),
        (Answer.UNCERTAIN, "NO_ANSWER"),
    ]
    assert len(postbox.mails) == 2


def test_a_server_that_does_not_answer_in_time_leaves_it_uncertain() -> None:
    with serving(Postbox(before_answer_seconds=1.0)) as port:
        [result] = port_to(port, seconds=0.2).send([mail()])

    assert (result.answer, result.reason) == (Answer.UNCERTAIN, "NO_ANSWER")


def test_a_connection_that_ends_before_the_mail_is_over_took_nothing() -> None:
    with dropping(b"354 go on\r\n") as (port, heard):
        [result] = port_to(port).send([mail(text="x" * 4_000_000)])

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "DISCONNECTED")
    assert b"DATA" in heard


@contextmanager
def dropping(last: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that resets the connection right after it asked for the mail."""
    heard: list[bytes] = []

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            line.sendall(b"220 here\r\n")
            for said in (b"250 here\r\n", b"250 OK\r\n", b"250 OK\r\n", last):
                heard.append(line.recv(1000)[:4])
                line.sendall(said)
            linger = (1).to_bytes(4, "little") + bytes(4)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join()


def test_a_server_that_closes_between_two_mails_is_called_again() -> None:
    postbox = Postbox()

    with serving(postbox, timeout=0.1) as port:
        results = port_to(port).send(slowly([mail(), mail()]))  # type: ignore[arg-type]

    assert [each.answer for each in results] == [Answer.ACCEPTED] * 2
    assert len(postbox.mails) == 2


def slowly(messages: list[Message]) -> Iterator[Message]:
    """With a pause after each that is longer than the server waits."""
    for each in messages:
        yield each
        time.sleep(0.5)


def test_nobody_at_the_address_took_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mailer = port_to(taken.getsockname()[1])

        [result] = mailer.send([mail()])
        [probe] = mailer.probe()

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "NO_CONNECTION")
    assert (probe.holds, probe.reason) == (False, "NO_CONNECTION")


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b\r\nBcc: c@example.org", "a@b, c@d", "@example.org", "张@例.org"]
)
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    postbox = Postbox()

    with serving(postbox) as port:
        [result] = port_to(port).send([mail(recipient=address)])

    assert (result.answer, result.reason) == (Answer.REFUSED, "ADDRESS")
    assert not postbox.mails


def test_a_line_break_in_a_subject_makes_no_header() -> None:
    postbox = Postbox()

    with serving(postbox) as port:
        [result] = port_to(port).send([mail(subject="Hello\r\nBcc: c@example.org")])

    assert result.answer == Answer.REFUSED
    assert not postbox.mails


def test_a_probe_logs_in_and_sends_nothing(tls: Certificate) -> None:
    postbox = Postbox()
    users = {"lender": "open sesame"}

    def authenticate(_server: Any, _session: Any, _envelope: Any, _how: str, said: Any) -> Any:
        assert isinstance(said, LoginPassword)
        known = users.get(said.login.decode()) == said.password.decode()
        return AuthResult(success=known, handled=known)

    with serving(postbox, tls_context=tls.server, authenticator=authenticate) as port:
        url = f"smtp+starttls://lender@127.0.0.1:{port}"

        def mailer(secret: str) -> SmtpPort:
            return SmtpPort("mail", url, secret, from_address="a@lender.example",
                            trusted=tls.client, seconds=5.0)  # fmt: skip

        [right] = mailer("open sesame").probe()
        [wrong] = mailer("guess").probe()
        [result] = mailer("open sesame").send([mail()])
        [untrusted] = SmtpPort("mail", url, "x", from_address="a@lender.example").probe()

    assert (right.holds, right.reason) == (True, None)
    assert (wrong.holds, wrong.reason) == (False, "SMTP_535")
    assert (untrusted.holds, untrusted.reason) == (False, "TLS")
    assert result.answer == Answer.ACCEPTED
    assert len(postbox.mails) == 1


@dataclass
class Certificate:
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for this machine that only this test trusts."""
    from datetime import timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from infra import clock

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    files = [folder / "key.pem", folder / "certificate.pem"]
    files[0].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    files[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files[1], files[0])
    return Certificate(server, ssl.create_default_context(cafile=files[1]))


def test_half_a_character_is_refused_and_the_rest_of_the_batch_goes_on() -> None:
    with serving(Postbox()) as port:
        results = port_to(port).send([mail(text="\ud83d"), mail(subject="\ud83d"), mail()])

    assert [each.answer for each in results] == [Answer.REFUSED, Answer.REFUSED, Answer.ACCEPTED]
