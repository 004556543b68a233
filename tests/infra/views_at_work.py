"""Views filled from streams as their processes would, without Kafka between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
from psycopg import sql

from domain.base.stream import Act, Stream
from domain.base.terms import Terms
from domain.borrower.borrower import Borrower
from domain.loan.loan import Loan
from infra import codec
from infra.dated_rules import rules_known
from infra.freshness import VIEWS
from infra.migrations.run import migrate
from infra.reading import Connection, connection
from infra.view_tables import schema_of
from infra.views import Record, View, open_view
from tests.conftest import with_database
from tests.domain.story import LEVELS, TERMS

NAMESPACE = UUID("0a0b0c0d-4f5e-4b7e-9d0e-1a2b3c4d5e6f")
JAN_15 = date(2025, 1, 15)
FEB_15 = date(2025, 2, 15)
RULES = rules_known()
POLICIES = RULES.policies


def act(on: date, actor: str = "clerk") -> Act:
    command_id = uuid5(NAMESPACE, f"{actor} {on}")
    return Act(actor, on, datetime.combine(on, time(10), UTC), command_id, command_id)


def loan_id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def borrower(name: str = "Ada", jurisdiction: str = "CN", zones: tuple[str, ...] = ()) -> Borrower:
    """Someone who may borrow."""
    return Borrower.register(
        act(JAN_15),
        uuid5(NAMESPACE, name),
        borrower_ref=f"B-{name}",
        jurisdiction=jurisdiction,
        zones=list(zones) or ["Asia/Shanghai"],
    )


def applied(
    name: str = "L-1",
    of: str = "Ada",
    on: date = JAN_15,
    terms: Terms = TERMS,
    evidence: tuple[str, ...] = (),
) -> Loan:
    """An application."""
    return Loan.apply_for(
        act(on),
        loan_id(name),
        loan_ref=name,
        borrower_id=uuid5(NAMESPACE, of),
        product_code=terms.product_code,
        product_version=terms.product_version,
        currency=terms.currency,
        amount=terms.amount,
        term_months=terms.term_months,
        evidence_needed=list(evidence),
        levels=LEVELS,
    )


def lent(
    name: str = "L-1",
    of: str = "Ada",
    on: date = JAN_15,
    terms: Terms = TERMS,
    first_due_on: date | None = None,
) -> Loan:
    """A loan that was paid out; 86.07 falls due monthly from 15 February on."""
    loan = applied(name, of, on, terms)
    loan.approve(
        act(on),
        amount=terms.amount,
        term_months=terms.term_months,
        annual_rate=terms.annual_rate,
        requested_by="officer",
        approved_by="manager",
        levels=LEVELS,
    )
    loan.disclose(act(on), terms=terms, levels=LEVELS)
    loan.sign(act(on), terms=terms, contract_ref="C-1", template_version="1", levels=LEVELS)
    loan.disburse(
        act(on), disbursement_ref=f"D-{name}", paid_to="account-ref", first_due_on=first_due_on
    )
    return loan


def in_currency(currency: str) -> Terms:
    return replace(TERMS, currency=currency)


def repay(
    loan: Loan, payment_ref: str, amount: int, on: date, known_on: date | None = None
) -> None:
    loan.repay(
        act(known_on or on),
        amount=amount,
        currency=loan.currency,
        received_on=on,
        payment_ref=payment_ref,
    )


@dataclass
class ViewsAtWork:
    """The seven views of one database, and a connection to ask them with."""

    conn: Connection
    views: dict[str, View]
    topics: dict[str, tuple[str, ...]]
    database_url: str = ""
    offsets: dict[str, int] = field(default_factory=dict)
    shown: int = 0

    def show(self, *streams: Stream) -> None:
        """The views show everything that was newly recorded on *streams*."""
        records = [
            self._record(type(stream).KAFKA_TOPIC, event)
            for stream in streams
            for event in stream.collect_events()
        ]
        for name, view in self.views.items():
            known = [record for record in records if record.topic in self.topics[name]]
            if known:
                view.apply(known)

    def _record(self, topic: str, event: Any) -> Record:
        self.shown += 1
        self.offsets[topic] = self.offsets.get(topic, -1) + 1
        stream_id, version = event.originator_id, event.originator_version
        state = codec.encode(event)
        return Record(
            topic,
            0,
            self.offsets[topic],
            stream_id,
            version,
            self.shown,
            state,
            codec.decode(state, stream_id, version),
        )

    def clear(self) -> None:
        """Nothing was ever shown."""
        with self.conn.transaction():
            for projection in VIEWS:
                tables = [
                    sql.Identifier(schema_of(projection), table.name) for table in projection.TABLES
                ]
                self.conn.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables)))
            for name in ("position", "stream_version", "parked"):
                self.conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("views", name)))
            self.conn.execute("SET LOCAL ROLE NONE")
            self.conn.execute("DELETE FROM store.published")
        self.offsets, self.shown = {}, 0
        for name, view in self.views.items():
            view.take((topic, 0) for topic in self.topics[name])


@contextmanager
def views_at_work(postgres_url: str) -> Iterator[ViewsAtWork]:
    """The seven views, in a database of their own that is gone afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as server, ExitStack() as stack:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        stack.callback(server.execute, drop)
        database_url = with_database(postgres_url, name)
        migrate(database_url)
        views = {
            projection.NAME: stack.enter_context(open_view(database_url, projection))
            for projection in VIEWS
        }
        topics = {projection.NAME: tuple(projection.TOPICS) for projection in VIEWS}
        conn = stack.enter_context(connection(database_url))
        yield ViewsAtWork(conn, views, topics, database_url)
