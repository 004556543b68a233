"""An office that sends: borrowers who can be reached, a queue, and providers that listen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg

from domain.base.contact_policy import Channel, PointKind, PointSource, Purpose
from domain.base.provider import Adapter, Provider, Register
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.commands.book import Book
from domain.commands.dispatch import Planned
from domain.commands.planning import Turn
from entrypoints.demo.provider import Simulator
from infra import contact_queue, vault_keys
from infra.bootstrap import as_role, open_book
from infra.channels.routes import open_routes
from infra.channels.webhook import Patience
from infra.dispatcher import Dispatcher
from infra.policies import load_policies
from infra.settings import Settings
from infra.store import WRITER
from infra.vault import Entry, open_vault
from infra.vault_values import Kind
from tests.infra.channels.samples import SECRET, SHORT

TEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, a Monday."""
NIGHT = TEN + timedelta(hours=12)
ON = date(2026, 11, 23)


def register(*, honours: bool = True) -> Register:
    """One provider of SMS."""
    provider = Provider(
        name="sms",
        version="1",
        adapter=Adapter.WEBHOOK,
        channel=Channel.SMS,
        jurisdictions=("CN",),
        url_setting="SMS_URL",
        secret_setting="SMS_SECRET",
        calling_code="+86",
        honours_idempotency=honours,
        priority=1,
        valid_from=date(2026, 1, 1),
        source="a test",
    )
    return Register(providers=(provider,), licence_rules=())


@dataclass
class Office:
    """What a test asks of it; the book is on a database of the test's own."""

    url: str
    home: Path
    book: Book

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.url, vault_key_file=self.keys)

    @property
    def keys(self) -> Path:
        return self.home / "vault.keys"

    def act(self) -> Act:
        command_id = uuid4()
        return Act("clerk", ON, TEN, command_id, command_id)

    def people(self, count: int, *, with_number: bool = True) -> list[UUID]:
        """Borrowers in Shanghai, each with a telephone in the vault."""
        ids = [uuid5(self.book.namespace, f"person {number}") for number in range(count)]
        made = []
        with open_vault(self.url, self.settings, load_policies) as vault:
            refs = vault.put_many(
                [
                    Entry(each, Kind.PHONE, f"+86139{number:08d}", uuid5(each, "phone"))
                    for number, each in enumerate(ids)
                ],
                self.act(),
            )
        for each, ref in zip(ids, refs, strict=True):
            borrower = Borrower.register(
                self.act(),
                each,
                borrower_ref=f"B-{each.hex[:10]}",
                jurisdiction="CN",
                zones=["Asia/Shanghai"],
            )
            borrower.add_contact_point(
                self.act(),
                point_ref=ref if with_number else "V-NOBODY",
                kind=PointKind.PHONE,
                source=PointSource.APPLICATION,
                lawful_basis="CONTRACT",
                added_at=TEN - timedelta(days=1),
            )
            made.append(borrower)
        self.book.keep([], *made)
        return ids

    def queue(
        self, people: Sequence[UUID], each: int = 1, hours: int = 36, **said: Any
    ) -> list[str]:
        """So many messages of care are planned for each of them, or what is *said*."""
        turns = [
            Turn(
                replace(
                    Planned(
                        contact_ref=f"K-{person.hex[:10]}-{number}",
                        borrower_id=person,
                        purpose=Purpose.CARE,
                        channels=(Channel.SMS,),
                        template=None,
                        occasion="care",
                        about=(),
                        figures=(),
                        product_line=None,
                        trial=None,
                        expires_at=TEN + timedelta(hours=hours),
                    ),
                    **said,
                ),
                TEN,
            )
            for person in people
            for number in range(each)
        ]
        with self.writer() as conn:
            contact_queue.put(conn, turns, ON)
        return [turn.planned.contact_ref for turn in turns]

    def lines(self) -> dict[str, contact_queue.Line]:
        with self.writer() as conn:
            return {line.contact_ref: line for line in contact_queue.lines(conn)}

    def forget_leases(self) -> None:
        """Time goes by: whoever had a contact for itself has it no more."""
        with self.writer() as conn:
            conn.execute("UPDATE contact.queue SET leased_until = NULL")

    @contextmanager
    def writer(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(as_role(self.url, WRITER), autocommit=True) as conn:
            yield conn

    @contextmanager
    def dispatcher(
        self, sms_url: str, *, honours: bool = True, patience: Patience = SHORT, **more: Any
    ) -> Iterator[Dispatcher]:
        """One process that sends; *more* is said to the dispatcher."""
        named = {"SMS_URL": sms_url, "SMS_SECRET": SECRET}
        with (
            self.writer() as conn,
            open_vault(self.url, self.settings, load_policies) as vault,
            open_routes(
                self.settings,
                self.url,
                register=lambda: register(honours=honours),
                named=named.get,
                patience=patience,
                failures=1_000,
            ) as routes,
        ):
            yield Dispatcher(self.book, conn, vault, routes, "Asia/Shanghai", **more)


@contextmanager
def open_office(url: str, home: Path) -> Iterator[Office]:
    """An office on a database that is migrated."""
    with open_book(url, connections=2) as book:
        office = Office(url, home, book)
        if not office.keys.exists():
            vault_keys.make_file(Settings(home=home, database_url=None, kafka_bootstrap=None))
        yield office


def each_at_most(simulator: Simulator, most: int, people: Sequence[UUID]) -> bool:
    """Whether none of the people was sent more than *most* messages."""
    heads = [person.hex[:10] for person in people]
    return all(sum(head in key for key in simulator.taken) <= most for head in heads)
