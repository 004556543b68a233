"""A day's dispatch through everything: queue, gate, vault, HTTP to a provider, records."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from statistics import median
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

import psycopg
import urllib3

from benchmarks import samples
from benchmarks.append import RAW_TABLE, copy
from benchmarks.place import Place
from benchmarks.report import Aim, Line
from domain.base.contact_policy import Channel, PointKind, PointSource, Purpose
from domain.borrower.borrower import Borrower
from domain.commands import days, dispatch
from domain.commands.book import Book
from domain.commands.dispatch import Planned, Subject
from domain.commands.planning import Turn
from domain.loan.loan import Loan
from domain.loan.schedule import schedule
from entrypoints.demo.provider import signed
from infra import contact_queue, vault_keys
from infra.bootstrap import as_role, open_book
from infra.channels.providers import load_providers
from infra.channels.routes import Routes, open_routes
from infra.channels.webhook import CONNECTIONS, WebhookPort
from infra.dispatcher import Dispatcher
from infra.embedded.part import Step
from infra.garbage import collected_seldom
from infra.settings import child_environment
from infra.store import WRITER
from infra.vault import Entry, Vault, open_vault
from infra.vault_values import Kind

ZONE = "Asia/Shanghai"
ON = date(2026, 9, 10)
TEN = datetime(2026, 9, 10, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, on a workday."""
DISBURSED_ON = date(2026, 6, 13)
PAID_ON = (date(2026, 7, 13), date(2026, 8, 13))
"""The instalments before the one that is due in three days."""
MADE_AT_ONCE = 1_000
RAW_EVERY = 20
"""After so many batches the raw limits are measured with the last of them."""
SETTINGS = "LOANS_PROVIDER_CN_SMS_MAIN"


def measure(place: Place) -> list[Line]:
    """Reminders of a day sent, one for each borrower, beside bare posts and bare rows."""
    people = place.pick(100_000, 3_000)
    url = place.database("dispatch")
    settings = place.settings
    vault_keys.make_file(settings)
    secret = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    with (
        _provider(secret) as provider,
        open_book(url, connections=1) as book,
        psycopg.connect(as_role(url, WRITER), autocommit=True) as conn,
        open_vault(url, settings, lambda: book.policies) as vault,
        open_routes(
            settings,
            url,
            register=load_providers,
            named={f"{SETTINGS}_URL": provider, f"{SETTINGS}_SECRET": secret}.get,
        ) as routes,
        psycopg.connect(url) as connection,
        _Raw(provider, secret, book, connection) as raw,
    ):
        _make(book, vault, conn, people, place)
        connection.execute(RAW_TABLE)
        connection.commit()
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE")
        watch = _Watch()
        with watch.on_all_steps(), collected_seldom():
            _send(Dispatcher(book, conn, vault, routes, ZONE), people, watch, raw, place)
        assert raw.taken() == people + raw.posted
    return list(_lines(people, watch, raw))


def _send(dispatcher: Dispatcher, people: int, watch: _Watch, raw: _Raw, place: Place) -> None:
    """All of the day's queue, batch by batch; the raw limits in between."""
    sent = 0
    while sent < people:
        place.progress(Step("contact", "sending the day's reminders", sent, people))
        with watch.batch():
            done = dispatcher.step(TEN)
        assert done.total and done.counts == {"sent": done.total}, done.counts
        if sent == 0:  # the first only warms up
            watch.forget()
        elif len(watch.batches) % place.pick(RAW_EVERY, 1) == 0:
            raw.like(done.total)
        sent += done.total


def _lines(people: int, watch: _Watch, raw: _Raw) -> Iterator[Line]:
    whole = watch.total / watch.contacts
    yield Line(
        "contact",
        f"a day's dispatch of {people:,}, through everything, one process",
        "contacts/s",
        1 / whole,
        "bare posts, COPY of the same events",
        1 / (median(raw.posting) + median(raw.copying)),
        Aim.AT_LEAST,
        500,
    )
    yield Line(
        "contact",
        f"posted, {CONNECTIONS} connections",
        "posts/s",
        watch.contacts / watch.spent["HTTP"],
        "bare posts",
        1 / median(raw.posting),
        Aim.NONE,
        0,
    )
    own = {"processor time of this process": watch.processor}
    steps = {f"of which {name}": seconds for name, seconds in watch.spent.items()}
    for name, seconds in {**own, **steps}.items():
        yield Line(
            "contact",
            name,
            "µs a contact",
            seconds / watch.contacts * 1e6,
            "the whole contact",
            whole * 1e6,
            Aim.NONE,
            0,
        )


# --- what the time goes to ---------------------------------------------------------------


@dataclass
class _Watch:
    """The time that a batch spends in each step, without what is called from it and watched."""

    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    batches: list[float] = field(default_factory=list)
    contacts: int = 0
    processor: float = 0.0
    """Seconds of this process's own, in all its threads."""
    _open: list[str] = field(default_factory=list)
    _since: float = 0.0

    @property
    def total(self) -> float:
        return sum(self.batches)

    def forget(self) -> None:
        """What was measured until now does not count."""
        self.spent.clear()
        self.batches.clear()
        self.contacts = 0
        self.processor = 0.0

    @contextmanager
    def batch(self) -> Iterator[None]:
        started, own = time.perf_counter(), time.process_time()
        with self.step("messages made"):
            yield
        self.batches.append(time.perf_counter() - started)
        self.processor += time.process_time() - own

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        # What is loaded and saved to record a result belongs to that.
        self._enter(RECORD if RECORD in self._open else name)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, name: str) -> None:
        self._note()
        self._open.append(name)

    def _leave(self) -> None:
        self._note()
        self._open.pop()

    def _note(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.spent[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def on_all_steps(self) -> Iterator[None]:
        """Every step is watched."""
        with ExitStack() as stack:
            for name, owner, function in STEPS:
                stack.enter_context(_replaced(owner, function, self._watched(name)))
            yield

    def _watched(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def around(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def watched(*args: Any, **kwargs: Any) -> Any:
                with self.step(name):
                    found = function(*args, **kwargs)
                if function is TAKE:
                    self.contacts += len(found)
                return found

            return watched

        return around


RECORD = "results recorded"
TAKE = contact_queue.take
STEPS: list[tuple[str, Any, str]] = [
    ("queue read", contact_queue, "take"),
    ("borrowers and loans loaded", Book, "get_many"),
    ("decided, rendered and linted", dispatch, "decide_all"),
    ("decisions saved", Book, "keep"),
    ("vault read", Vault, "read_many"),
    ("sendings noted", Routes, "send"),
    ("HTTP", WebhookPort, "send"),
    (RECORD, dispatch, "tell_all"),
    ("queue ended", contact_queue, "end"),
]


@contextmanager
def _replaced(
    owner: Any, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, around(before))
    try:
        yield
    finally:
        setattr(owner, name, before)


# --- the raw limit -----------------------------------------------------------------------


class _Raw:
    """Bare posts to the same provider and bare rows; seconds for each contact."""

    def __init__(self, url: str, secret: str, book: Book, connection: psycopg.Connection) -> None:
        self.posted = 0
        self.posting: list[float] = []
        self.copying: list[float] = []
        self._url = url
        self._secret = secret
        self._book = book
        self._connection = connection
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=CONNECTIONS, block=True)
        self._workers = ThreadPoolExecutor(CONNECTIONS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.shutdown()
        self._pool.clear()

    def like(self, contacts: int) -> None:
        """So many posts, made and signed before; then the events that as many contacts stored."""
        last = self._book.recorder.max_notification_id() or 0
        events = self._book.recorder.select_notifications(last - 2 * contacts + 1, 2 * contacts)
        posts = [self._made(f"raw-{uuid4().hex}") for _ in range(contacts)]
        started = time.perf_counter()
        assert set(self._workers.map(self._post, posts)) == {202}
        posted = time.perf_counter()
        copy(self._connection, events)
        self.posting.append((posted - started) / contacts)
        self.copying.append((time.perf_counter() - posted) / contacts)
        self.posted += contacts

    def _made(self, ref: str) -> tuple[bytes, dict[str, str]]:
        text = "【示例消费金融】您的贷款（L-00000-00000）将于2026年9月13日应还86.07元。"
        said = {"contact_ref": ref, "channel": "SMS", "to": "+8613900000000", "text": text}
        body, headers = signed(ref, said, self._secret)
        return body, {**headers, "idempotency-key": ref}

    def _post(self, made: tuple[bytes, dict[str, str]]) -> int:
        body, headers = made
        return self._pool.request("POST", self._url, body=body, headers=headers).status

    def taken(self) -> int:
        """How many messages the provider says it took."""
        said = self._pool.request("GET", self._url.replace("/messages", "/taken")).json()
        assert not said["twice"]
        return int(said["messages"])


@contextmanager
def _provider(secret: str) -> Iterator[str]:
    """The address of a provider in a process of its own."""
    running = subprocess.Popen(
        [sys.executable, "-m", "entrypoints.demo.provider", "--secret", secret],
        env=child_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        yield running.stdout.readline().strip()
    finally:
        running.terminate()
        running.wait(10)
        running.stdout.close()


# --- borrowers, loans, numbers, queue ----------------------------------------------------


def _make(book: Book, vault: Vault, conn: psycopg.Connection, people: int, place: Place) -> None:
    """Borrowers with a number in the vault, a loan each, and a reminder of it in the queue."""
    days.open_day(book, ON, zone=ZONE, now=TEN)
    happened = _past()
    for start in range(0, people, MADE_AT_ONCE):
        place.progress(Step("contact", "making borrowers and loans", start, people))
        numbers = range(start, min(start + MADE_AT_ONCE, people))
        ids = [uuid5(book.namespace, f"person {number}") for number in numbers]
        refs = vault.put_many(
            [
                Entry(each, Kind.PHONE, f"+86139{number:08d}", uuid5(each, "phone"))
                for each, number in zip(ids, numbers, strict=True)
            ],
            samples.act(ON),
        )
        borrowers = [_borrower(each, ref) for each, ref in zip(ids, refs, strict=True)]
        loans = [_loan(each, happened) for each in ids]
        book.keep([], *borrowers, *loans)
        contact_queue.put(conn, map(_reminder, borrowers, loans), ON)


def _borrower(borrower_id: UUID, point_ref: str) -> Borrower:
    act = samples.act(ON)
    borrower = Borrower.register(
        act, borrower_id, borrower_ref=f"B-{borrower_id.hex[:10]}", jurisdiction="CN", zones=[ZONE]
    )
    borrower.add_contact_point(
        act,
        point_ref=point_ref,
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - timedelta(days=90),
    )
    for back in range(3, 0, -1):
        borrower.receive(
            act,
            contact_ref=f"I-{borrower_id.hex[:10]}-{back}",
            channel=Channel.SMS,
            purpose=Purpose.SERVICE_REMINDER,
            received_at=TEN - timedelta(days=back),
        )
    return borrower


def _past() -> list[tuple[type, samples.Fields]]:
    """A loan with its first instalments paid: what happened on it."""
    loan = Loan.migrate(
        samples.act(DISBURSED_ON),
        uuid4(),
        loan_ref="L-BENCH-00000",
        borrower_id=uuid4(),
        origin="bench",
        terms=samples.TERMS,
        disbursed_on=DISBURSED_ON,
        accrues_from=DISBURSED_ON,
        rows=schedule(samples.TERMS, DISBURSED_ON, PAID_ON[0]),
    )
    for number, on in enumerate(PAID_ON):
        loan.repay(
            samples.act(on),
            amount=samples.INSTALMENT,
            currency="CNY",
            received_on=on,
            payment_ref=f"P-{number}",
        )
    return samples.said(loan)


def _loan(borrower_id: UUID, happened: list[tuple[type, samples.Fields]]) -> Loan:
    (opening, opened), *rest = happened
    return samples.with_past([(opening, {**opened, "borrower_id": borrower_id}), *rest])


def _reminder(borrower: Borrower, loan: Loan) -> Turn:
    return Turn(
        Planned(
            contact_ref=f"R-{borrower.borrower_ref}-{ON:%Y%m%d}",
            borrower_id=borrower.id,
            purpose=Purpose.SERVICE_REMINDER,
            channels=(Channel.SMS, Channel.PUSH, Channel.EMAIL),
            template="before-due",
            occasion="reminder -3",
            about=(Subject(loan.id, len(PAID_ON) + 1),),
            figures=(),
            product_line=None,
            trial=None,
            expires_at=TEN + timedelta(hours=26),
        ),
        TEN - timedelta(hours=2),
    )
