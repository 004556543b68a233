"""No check of the invariants is one that cannot fail: each finds what was spoilt for it.

A small book is stored, published and shown once; a test spoils something in a
transaction that is never committed, or in topics of its own, and asks the check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from psycopg import sql

from domain.base.complaint_policy import Ground, Severity
from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    LateReason,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.base.reply_keyword import FoundWord, KeywordMeaning
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result, Trial
from domain.borrower.data_words import Right
from domain.borrower.reply_words import ReplyOutcome
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import SupportKind
from domain.commands import (
    borrowers,
    collecting,
    complaints,
    contacts,
    data_rights,
    days,
    loans,
    products,
    replies,
    support,
)
from domain.commands.book import Book, Receipt, command
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from entrypoints.demo.offers import HOME_CNY
from entrypoints.operations import _check_rebuild
from infra import clock, codec, verify
from infra.bootstrap import as_role, open_book
from infra.freshness import VIEWS
from infra.runner import decoded
from infra.store import WRITER
from infra.verify import Check, Published
from infra.view_tables import schema_of
from infra.views import open_view
from tests.conftest import with_database
from tests.domain.borrower.test_legal import LATE as CLAIMED
from tests.domain.borrower.test_placement import ACME, LATE
from tests.infra.line import Line, make_line

JAN_1 = date(2025, 1, 1)


@dataclass
class Small:
    """A small book that was stored, published and shown, and the caller's journal of it."""

    line: Line
    book: Book
    journal: Path
    paid: UUID
    """A loan with payments, a fee, a refund to come, and a promise."""
    lost: UUID
    """A loan that was written off, with a recovery."""
    waits: UUID
    """An application."""
    borrower: UUID
    schemas: dict[bytes, Any]

    @contextmanager
    def spoilt(self, *statements: str | sql.Composed, **values: Any) -> Iterator[Any]:
        """A connection that sees what the statements made of the book; nobody else does."""
        with psycopg.connect(self.line.database_url) as conn:
            conn.execute("SET LOCAL session_replication_role = replica")  # no trigger refuses
            for statement in statements:
                assert conn.execute(statement, values).rowcount, f"{statement} spoils nothing"
            yield conn
            conn.rollback()

    def event(self, kind: type[Any], stream_id: UUID) -> Any:
        """The last event of a kind on a stream."""
        return [event for event in self.book.events.get(stream_id) if type(event) is kind][-1]

    def last_event(self, stream_id: UUID) -> Any:
        """The last event of a stream."""
        return list(self.book.events.get(stream_id))[-1]

    @contextmanager
    def forged(self, event: Any, **fields: Any) -> Iterator[Any]:
        """A connection that sees *event* with other figures."""
        other = copy(event)
        other.__dict__.update(fields)
        with self.spoilt(
            "UPDATE store.book_events SET state = %(state)s"
            " WHERE originator_id = %(stream)s AND originator_version = %(version)s",
            state=codec.encode(other),
            stream=event.originator_id,
            version=event.originator_version,
        ) as conn:
            yield conn


class Teller:
    """Carries out commands and keeps the caller's journal."""

    def __init__(self, book: Book, journal: Path) -> None:
        self.book, self.journal, self.on = book, journal, JAN_1

    def __call__(self, command: Callable[..., Receipt], **content: Any) -> UUID:
        command_id = uuid4()
        act = Act("clerk", self.on, clock.now(), command_id, command_id)
        receipt = command(self.book, act, **content)
        said = {"command_id": command_id, "stream_id": receipt.stream_id}
        with self.journal.open("a") as file:
            line = {**said, "version": receipt.version}
            file.write(json.dumps(line, default=str) + "\n")
        return receipt.stream_id

    def lend(self, borrower_id: UUID, *, until_stage: str = "SERVICING") -> UUID:
        loan_id = self(
            loans.apply_for,
            loan_id=uuid4(),
            borrower_id=borrower_id,
            product_code=HOME_CNY.code,
            product_version=1,
            amount=12_000_00,
            term_months=6,
        )
        for kind in HOME_CNY.evidence:
            self(loans.add_evidence, loan_id=loan_id, kind=kind, source="BORROWER",
                 evidence_ref="E-1")  # fmt: skip
        if until_stage == "DECISION":
            return loan_id
        self(loans.approve, loan_id=loan_id, requested_by="officer", approved_by="manager")
        self(loans.disclose, loan_id=loan_id)
        self(loans.sign, loan_id=loan_id, contract_ref="C-1")
        self(loans.disburse, loan_id=loan_id, disbursement_ref="D-1", paid_to="account-ref")
        return loan_id

    def repay(self, loan_id: UUID, ref: str, amount: int) -> None:
        self(loans.repay, loan_id=loan_id, amount=amount, currency="CNY", received_on=self.on,
             payment_ref=ref)  # fmt: skip

    def close_until(self, day: date) -> None:
        days.close_days(self.book, day, zone="Asia/Shanghai", now=clock.now)
        self.on = day + timedelta(days=1)


@pytest.fixture(scope="module")
def small(
    postgres_url: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Small]:
    """The small book, in a database and topics of this module's own."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            line = make_line(with_database(postgres_url, name), kafka_bootstrap)
            journal = tmp_path_factory.mktemp("caller") / "journal.jsonl"
            with open_book(line.database_url, connections=2) as book:
                yield _written(line, book, journal)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _written(line: Line, book: Book, journal: Path) -> Small:
    tell = Teller(book, journal)
    days.open_day(book, JAN_1, zone="Asia/Shanghai", now=clock.now())
    tell(products.publish, offer=HOME_CNY)
    borrower = tell(
        borrowers.register, borrower_id=uuid4(), jurisdiction="CN", zones=["Asia/Shanghai"]
    )
    paid, lost = tell.lend(borrower), tell.lend(borrower)
    waits = tell.lend(borrower, until_stage="DECISION")
    tell.close_until(date(2025, 2, 10))
    # One command that records on two streams.
    _contact(tell, borrower, paid)
    held = {"hold_ref": "H-0", "kind": "BANKRUPTCY", "reason": "court order", "loan_ids": [paid]}
    tell(borrowers.set_hold, borrower_id=borrower, **held)
    tell(loans.charge_fee, loan_id=paid, kind="LATE_FEE", fee_ref="F-1")
    tell.repay(paid, "P-1", 2_500_00)
    tell.repay(paid, "P-2", 700_00)
    tell(loans.reverse, loan_id=paid, payment_ref="P-2", reason="bounced")
    tell(borrowers.set_hold, borrower_id=borrower, hold_ref="H-1", kind="DISPUTE", reason="asked")
    tell(
        borrowers.promise,
        promise_ref="PP-1",
        loan_id=lost,
        amount=500_00,
        promised_on=date(2025, 3, 1),
    )
    tell(loans.take_security, loan_id=lost, security_ref="S-1", kind="GUARANTEE")
    people = {"requested_by": "officer", "approved_by": "manager"}
    tell(loans.write_off, loan_id=lost, reason="wrong loan", **people)
    tell.repay(lost, "P-0", 100_00)
    error = {"fact_ref": "write-off", "reason": "wrong loan", **people}
    tell(loans.take_back, loan_id=lost, **error)
    # It counts from before what was paid since, which is a recovery.
    earlier = {"on": date(2025, 2, 5), **people}
    tell(loans.write_off, loan_id=lost, reason="uncollectable", **earlier)
    tell.repay(lost, "P-3", 300_00)
    line.publish()
    _show(line)
    with _schemas_of(line) as schemas:
        return Small(line, book, journal, paid, lost, waits, borrower, schemas)


def _contact(tell: Teller, borrower: UUID, loan: UUID) -> None:
    """A number, a consent, a refusal, two calls, one of them told, replies, two complaints."""
    to = {"borrower_id": borrower}
    at = datetime.combine(tell.on, time(2), UTC)  # ten in the morning
    tell(contacts.add_contact_point, **to, point_ref="N-1", kind=PointKind.PHONE, added_at=at,
         source=PointSource.APPLICATION, lawful_basis="CONTRACT")  # fmt: skip
    tell(contacts.grant_consent, **to, scope=ConsentScope.MARKETING, source="APP",
         lawful_basis="CONSENT", granted_at=at)  # fmt: skip
    tell(contacts.opt_out, **to, channel=Channel.SMS, purpose=None, source="APP",
         opted_out_at=at)  # fmt: skip
    call = Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="N-1", debt=str(loan))
    for number in (1, 2):
        tell(contacts.decide, **to, contact_ref=f"C-{number}", intent=call, occasion="late",
             at=at + timedelta(minutes=number))  # fmt: skip
    result = Result(Outcome.ATTEMPTED, at + timedelta(minutes=3))
    tell(contacts.tell, **to, contact_ref="C-1", result=result)
    tell(collecting.assign_collector, borrower_id=borrower, collector="chen")
    tell(_assign, borrower_id=borrower, loan_id=loan)
    tell(_hold_out, borrower_id=borrower, loan_id=loan, at=at)
    tell(_place, borrower_id=borrower, loan_id=loan)
    tell(_refer, borrower_id=borrower, loan_id=uuid4())
    tell(collecting.record_late_reason, loan_id=loan, reason=LateReason.FORGOT, source="clerk")
    tell(support.offer_support, support_ref="S-1", loan_id=loan, kind=SupportKind.GUIDANCE)
    rows = [PlanRow(tell.on + timedelta(days=days), 100_00) for days in (10, 20)]
    tell(support.propose_plan, plan_ref="RP-1", loan_id=loan, rows=rows)
    tell(support.agree_plan, **to, plan_ref="RP-1", consent_ref="V-2")
    tell(support.schedule_check_in, loan_id=loan, check_in_on=tell.on + timedelta(days=5))
    tell(data_rights.request_about_data, **to, request_ref="DR-1", right=Right.RESTRICTION,
         received_on=tell.on)  # fmt: skip
    tell(contacts.receive, **to, contact_ref="I-1", channel=Channel.SMS,
         purpose=Purpose.COLLECTION, received_at=at + timedelta(minutes=4))  # fmt: skip
    found = (FoundWord("STOP", KeywordMeaning.MAY_REFUSE, "1", ["SMS"], ["MARKETING"]),)
    for ref in ("I-2", "I-3"):
        tell(replies.take_reply, **to, contact_ref=ref, channel=Channel.SMS, point_ref="N-1",
             said_at=at + timedelta(minutes=5), said_ref="V-1", found=found)  # fmt: skip
    tell(replies.read_reply, **to, contact_ref="I-2", outcome=ReplyOutcome.QUESTION,
         read_at=at + timedelta(minutes=6))  # fmt: skip
    for number in (1, 2):
        tell(complaints.open_complaint, **to, complaint_ref=f"Q-{number}", came_by=Came.APP,
             severity=Severity.LOW, category=Category.COST, loan_id=loan, opened_at=at)  # fmt: skip
    tell(complaints.escalate_complaint, **to, complaint_ref="Q-1", reason="the press asks",
         severity=Severity.HIGH, escalated_at=at)  # fmt: skip
    tell(complaints.resolve_complaint, **to, complaint_ref="Q-1", outcome=Verdict.UPHELD,
         resolved_at=at)  # fmt: skip
    tell(complaints.reopen_complaint, **to, complaint_ref="Q-1", reason="it goes on",
         reopened_at=at)  # fmt: skip
    tell(complaints.answer_complaint, **to, complaint_ref="Q-2", answered_at=at)
    tell(complaints.extend_complaint, **to, complaint_ref="Q-2", ground=Ground.COMPLEX,
         reason="two banks", approved_by="head", extended_at=at)  # fmt: skip
    tell(complaints.give_feedback, **to, feedback_ref="R-1", source=FeedbackSource.APP, score=3,
         occasion="service", given_at=at)  # fmt: skip


@command
def _place(book: Book, act: Act, *, borrower_id: UUID, loan_id: UUID) -> Borrower:
    """A loan is with an agency, without the months it takes to get there."""
    borrower = book.get(Borrower, borrower_id)
    borrower.place(act, agency=ACME, loan=replace(LATE, loan_id=loan_id))
    return borrower


@command
def _refer(book: Book, act: Act, *, borrower_id: UUID, loan_id: UUID) -> Borrower:
    """A loan is claimed at law, without the months it takes to get there."""
    borrower = book.get(Borrower, borrower_id)
    borrower.refer_legal(act, loan=replace(CLAIMED, loan_id=loan_id), reason="no answer",
                         requested_by="officer", approved_by="manager")  # fmt: skip
    return borrower


@command
def _hold_out(book: Book, act: Act, *, borrower_id: UUID, loan_id: UUID, at: datetime) -> Borrower:
    """An experiment keeps a reminder of a loan from being sent."""
    borrower = book.get(Borrower, borrower_id)
    trial = Trial("hold-out", "NO_REMINDER")
    borrower.assign_variant(act, trial=trial, contact_ref="R-1")
    borrower.drop_contact(act, contact_ref="R-1", purpose=Purpose.SERVICE_REMINDER,
                          occasion="reminder -2", loan_ids=[loan_id], reasons=["HELD_OUT"],
                          planned_for=act.business_on, at=at, trial=trial)  # fmt: skip
    return borrower


@command
def _assign(book: Book, act: Act, *, borrower_id: UUID, loan_id: UUID) -> Borrower:
    """A loan is collected by the strategy of its bucket."""
    borrower = book.get(Borrower, borrower_id)
    rule = book.policies.strategy("M1", act.business_on)
    borrower.assign_strategy(act, loan_id=loan_id, bucket="M1", days_past_due=9, rule=rule)
    return borrower


def _show(line: Line) -> None:
    """The seven views show everything, as their processes would."""
    names = {each.TOPICS[0] for each in VIEWS} | {"borrower.events"}
    records = [decoded(record) for name in sorted(names) for record in line.records(name)]
    for projection in VIEWS:
        topics = {line.topic(name) for name in projection.TOPICS}
        mine = [record for record in records if record.topic in topics]
        with open_view(line.database_url, projection) as view:
            view.take({(record.topic, record.partition) for record in mine})
            view.apply(mine)


@contextmanager
def _schemas_of(line: Line) -> Iterator[dict[bytes, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "SCHEMA_TOPIC", line.topic(verify.SCHEMA_TOPIC))
        yield Published(line.bootstrap).schemas()


def sound(small: Small) -> Any:
    return psycopg.connect(as_role(small.line.database_url, WRITER), autocommit=True)


def finds(check: Check, *words: str) -> None:
    """The check fails, and one of its sentences has the words."""
    assert not check.holds
    assert any(all(word in fault for word in words) for fault in check.faults), check.faults


# --- 1: commands ------------------------------------------------------------------------


def journal_of(small: Small, tmp_path: Path, *more: dict[str, Any]) -> Path:
    """The caller's journal, with more lines."""
    file = tmp_path / "journal.jsonl"
    lines = [json.dumps(line, default=str) + "\n" for line in more]
    file.write_text(small.journal.read_text() + "".join(lines))
    return file


def test_commands_of_an_honest_journal_are_found(small: Small) -> None:
    with sound(small) as conn:
        check = verify.check_commands(conn, small.schemas, small.journal)

    assert check.holds, check.faults
    assert check.counts["commands acknowledged"] == len(small.journal.read_text().splitlines())


def test_an_acknowledged_command_that_was_never_stored_is_found(
    small: Small, tmp_path: Path
) -> None:
    lost = uuid4()
    journal = journal_of(
        small, tmp_path, {"command_id": lost, "stream_id": small.paid, "version": 1}
    )

    with sound(small) as conn:
        finds(verify.check_commands(conn, small.schemas, journal), str(lost), "not stored")


def test_a_command_that_was_acknowledged_as_another_version_is_found(
    small: Small, tmp_path: Path
) -> None:
    first = json.loads(small.journal.read_text().splitlines()[0])
    journal = journal_of(small, tmp_path, {**first, "version": 77})

    with sound(small) as conn:
        finds(verify.check_commands(conn, small.schemas, journal), first["command_id"])


def test_a_line_that_the_caller_did_not_end_is_no_acknowledgement(
    small: Small, tmp_path: Path
) -> None:
    journal = journal_of(small, tmp_path)
    journal.write_text(journal.read_text() + '{"command_id": "')

    with sound(small) as conn:
        assert verify.check_commands(conn, small.schemas, journal).holds


def test_events_lost_at_the_end_of_a_stream_are_found(small: Small) -> None:
    with small.spoilt(
        "DELETE FROM store.book_events WHERE originator_id = %(stream)s AND originator_version ="
        " (SELECT max(originator_version) FROM store.book_events WHERE originator_id = %(stream)s)",
        stream=small.paid,
    ) as conn:
        finds(
            verify.check_commands(conn, small.schemas, small.journal),
            str(small.paid),
            "lacks version",
        )


def test_events_lost_within_a_stream_are_found(small: Small) -> None:
    with small.spoilt(
        "DELETE FROM store.book_events WHERE originator_id = %(stream)s AND originator_version = 3",
        stream=small.paid,
    ) as conn:
        finds(
            verify.check_commands(conn, small.schemas, small.journal),
            str(small.paid),
            "events up to version",
        )


AGAIN = """
    INSERT INTO store.book_events (originator_id, originator_version, topic, state)
    SELECT originator_id, originator_version + %(later)s, topic, state FROM store.book_events
    WHERE originator_id = %(stream)s AND originator_version =
        (SELECT max(originator_version) FROM store.book_events WHERE originator_id = %(stream)s)
"""


def test_a_command_that_was_carried_out_twice_is_found(small: Small) -> None:
    command_id = str(small.last_event(small.lost).command_id)

    with small.spoilt(AGAIN, stream=small.lost, later=1) as conn:
        check = verify.check_commands(conn, small.schemas, small.journal)
        finds(check, command_id, "ended with")
    logged_too = "UPDATE store.command_log SET version = version + 2 WHERE command_id = %(id)s"
    with small.spoilt(AGAIN, logged_too, stream=small.lost, later=2, id=command_id) as conn:
        check = verify.check_commands(conn, small.schemas, small.journal)
        finds(check, command_id, "more than once")


def test_an_event_that_no_command_recorded_is_found(small: Small) -> None:
    event = small.last_event(small.lost)

    with small.forged(event, command_id=uuid4()) as conn:
        check = verify.check_commands(conn, small.schemas, small.journal)
        finds(check, str(small.lost), "not what command")


def test_a_check_that_looked_at_nothing_does_not_hold() -> None:
    assert not Check(1, "nothing was there", {"commands stored": 0}).holds


# --- 2: Kafka ---------------------------------------------------------------------------

Spoil = Callable[[list[Any]], list[Any]]


def with_other_bytes(records: list[Any]) -> list[Any]:
    return [records[0]._replace(value=records[0].value + b"\0"), *records[1:]]


def with_one_twice(records: list[Any]) -> list[Any]:
    return [records[0], *records]


def with_one_missing_at_the_end(records: list[Any]) -> list[Any]:
    last = max(records, key=sequence)
    return [record for record in records if record is not last]


def with_one_missing_between(records: list[Any]) -> list[Any]:
    return [record for record in records if sequence(record) != 2]


def with_two_changed_about(records: list[Any]) -> list[Any]:
    key = records[0].key
    mine = [at for at, record in enumerate(records) if record.key == key]
    records[mine[0]], records[mine[1]] = records[mine[1]], records[mine[0]]
    return records


def with_one_that_nobody_stored(records: list[Any]) -> list[Any]:
    headers = [("ce_sequence", b"1")]
    return [*records, records[0]._replace(key=str(uuid4()).encode(), headers=headers)]


def sequence(record: Any) -> int:
    return int(dict(record.headers)["ce_sequence"])


def check_stream_of(small: Small, monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> Check:
    """The second check, on topics that hold what *spoil* made of the loans' records."""
    prefix = f"t{uuid4().hex[:8]}."
    topics = tuple(prefix + name for name in verify.EVENT_TOPICS)
    with KafkaAdminClient(bootstrap_servers=small.line.bootstrap) as admin:
        admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
    producer = KafkaProducer(bootstrap_servers=small.line.bootstrap, allow_auto_create_topics=False)
    for name, topic in zip(verify.EVENT_TOPICS, topics, strict=True):
        records = small.line.records(name)
        for record in spoil(records) if name == "loan.events" else records:
            producer.send(topic, record.value, record.key, list(record.headers))
    producer.flush()
    producer.close()
    monkeypatch.setattr(verify, "EVENT_TOPICS", topics)
    with sound(small) as conn:
        return verify.check_stream(conn, Published(small.line.bootstrap))


def test_records_as_they_were_published_are_sound(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_stream_of(small, monkeypatch, list)

    assert check.holds, check.faults
    assert check.counts["stored"] == check.counts["on Kafka"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (with_other_bytes, "other bytes"),
        (with_one_twice, "on Kafka twice"),
        (with_one_missing_at_the_end, "not on Kafka"),
        (with_one_missing_between, "version 3 follows 1"),
        (with_two_changed_about, "version 2 follows 0"),
        (with_one_that_nobody_stored, "not in the store"),
    ],
)
def test_records_that_differ_from_the_store_are_found(
    small: Small, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, words: str
) -> None:
    finds(check_stream_of(small, monkeypatch, spoil), words)


# --- 3: rows ----------------------------------------------------------------------------

ROWS_SPOILT: dict[str, list[tuple[str, str]]] = {
    "summary": [
        ("summary/summary_loan", "principal = principal + 1"),
        ("summary/summary_loan", "unapplied = coalesce(unapplied, 0) + 1"),
        ("summary/summary_loan", "state = 'CLOSED'"),
        ("summary/summary_loan", "bucket = 'M6'"),
        ("summary/summary_loan", "asset_class = 'LOSS'"),
    ],
    "summary, instalments": [
        ("summary/summary_instalment", "principal_paid = coalesce(principal_paid, 0) + 1"),
        ("summary/summary_instalment", "pay_by_on = pay_by_on + 1"),
        ("summary/summary_instalment", "penalty_charged = 1"),
    ],
    "summary, money": [("summary/summary_money", "received = coalesce(received, 0) + 1")],
    "summary, securities": [("summary/summary_security", "state = 'RELEASED'")],
    "statement": [
        ("statement/statement_line", "principal = principal + 1"),
        ("statement/statement_line", "principal_after = principal_after + 1"),
    ],
    "tracker": [("tracker/tracker_loan", "stage = 'SIGNING'")],
    "reminders": [("reminders/reminders_left", "amount_left = amount_left + 1")],
    "reminders, dates": [("reminders/reminders_due_date", "pay_by_on = pay_by_on + 1")],
    "collections": [("collections/collections_unpaid", "unpaid_pay_by_on = unpaid_pay_by_on - 1")],
    "collections, zones": [("collections/collections_borrower", "zones = '{UTC}'")],
    "collections, holds": [
        ("collections/collections_hold", "lifted_on = '2025-02-11'"),
        ("collections/collections_hold", "until_on = '2025-02-11'"),
        ("collections/collections_hold", "loan_ids = ARRAY[borrower_id]"),
    ],
    "reminders, holds": [
        ("reminders/reminders_hold", "lifted_on = '2025-02-11'"),
        ("reminders/reminders_hold", "loan_ids = ARRAY[borrower_id]"),
    ],
    "collections, promises": [("collections/collections_promise", "state = 'KEPT'")],
    "contacts": [("contacts/contacts_loan", "borrower_id = loan_id")],
    "contacts, payments": [("contacts/contacts_payment", "amount = amount + 1")],
    "contacts, zones": [("contacts/contacts_borrower", "zones = '{UTC}'")],
    "contacts, bucket": [("contacts/contacts_bucket", "bucket = 'M7'")],
    "contacts, points": [
        ("contacts/contacts_point", "kind = 'EMAIL'"),
        ("contacts/contacts_point", "change = 'RETIRED'"),
    ],
    "contacts, consents": [("contacts/contacts_consent", "change = 'WITHDRAWN'")],
    "contacts, opt-outs": [
        ("contacts/contacts_opt_out", "channel = 'EMAIL'"),
        ("contacts/contacts_opt_out", "changed_at = changed_at - interval '1 s'"),
    ],
    "contacts, counted": [
        ("contacts/contacts_result", "outcome = 'CONNECTED'"),
        ("contacts/contacts_result", "made_at = made_at + interval '1 s'"),
        ("contacts/contacts_inbound", "purpose = 'CARE'"),
    ],
    "contacts, replies": [
        ("contacts/contacts_reply", "outcome = 'PAID'"),
        ("contacts/contacts_reply", "awaits_answer = false"),
        ("contacts/contacts_inbound", "found = '{START}'"),
        ("contacts/contacts_inbound", "kept_back = '{}'"),
    ],
    "contacts, open": [("contacts/contacts_decision", "answer = 'BLOCK'")],
    "contacts, complaints": [
        ("contacts/contacts_complaint", "severity = 'CRITICAL'"),
        ("contacts/contacts_complaint", "resolve_by = resolve_by + interval '1 s'"),
        ("contacts/contacts_complaint", "complaint_ref = 'Q-3'"),
    ],
    "contacts, ratings": [("contacts/contacts_feedback", "score = 5")],
    "contacts, late reasons": [("contacts/contacts_late_reason", "reason = 'OTHER'")],
    "contacts, supports": [("contacts/contacts_support", "kind = 'RELIEF'")],
    "contacts, plans": [("contacts/contacts_plan", "change = 'KEPT'")],
    "contacts, plan rows": [("contacts/contacts_plan_row", "amount = amount + 1")],
    "contacts, check-ins": [("contacts/contacts_check_in", "check_in_on = check_in_on + 1")],
    "contacts, data requests": [("contacts/contacts_data_right", "change = 'REFUSED'")],
    "contacts, strategies": [
        ("contacts/contacts_strategy", "strategy = NULL"),
        ("contacts/contacts_strategy", "behaviour = 'PROMISE_KEPT'"),
    ],
    "contacts, collector": [("contacts/contacts_collector", "collector = 'wu'")],
    "contacts, promises": [("contacts/contacts_promise", "state = 'KEPT'")],
    "contacts, placements": [
        ("contacts/contacts_placement", "agency = 'other'"),
        ("contacts/contacts_placement", "change = 'RECALLED'"),
    ],
    "contacts, at law": [
        ("contacts/contacts_legal", "claimed = claimed + 1"),
        ("contacts/contacts_legal", "change = 'WITHDRAWN'"),
    ],
    "contacts, last decision": [
        ("contacts/contacts_decision", "decided_at = decided_at + interval '1 s'")
    ],
    "contacts, not made": [("contacts/contacts_not_made", "reasons = '{TOO_LATE}'")],
    "contacts, variants": [("contacts/contacts_variant", "arm = 'OTHER'")],
    "portfolio": [
        ("portfolio/portfolio_loans", "loans = loans + 1"),
        ("portfolio/portfolio_loans", "principal = principal + 1"),
        ("portfolio/portfolio_stage", "applications = applications + 1"),
    ],
}


def test_rows_as_the_views_wrote_them_agree(small: Small) -> None:
    with sound(small) as conn:
        check = verify.check_rows(conn, small.book)

    assert check.holds, check.faults


def test_a_row_of_every_comparison_is_spoilt_below() -> None:
    assert ROWS_SPOILT.keys() == {*verify.LOAN_ROWS, *verify.BORROWER_ROWS, "portfolio"}


def stored(table: str) -> str:
    """A view's table as it lies in the database, in the version that stands."""
    view, _, name = table.partition("/")
    return f"{schema_of(next(each for each in VIEWS if view == each.NAME))}.{name}"


@pytest.mark.parametrize(
    ("view", "table", "change"),
    [
        (view, table, change)
        for view, spoilt in ROWS_SPOILT.items()
        for table, change in [*spoilt, (spoilt[0][0], "")]
    ],
)
def test_a_row_that_was_changed_or_taken_away_is_found(
    small: Small, view: str, table: str, change: str
) -> None:
    table = stored(table)
    statement = f"UPDATE {table} SET {change}" if change else f"DELETE FROM {table}"

    with small.spoilt(statement) as conn:
        finds(verify.check_rows(conn, small.book), f"{view}: ")


# --- 4: money ---------------------------------------------------------------------------


def test_money_of_an_honest_book_is_conserved(small: Small) -> None:
    with sound(small) as conn:
        check = verify.check_money(conn, small.schemas)

    assert check.holds, check.faults
    assert check.counts == {"loans and applications": 3, "loans paid out": 2}
    assert check.received == {"CNY": 2_500_00 + 100_00 + 300_00}


def test_a_payment_whose_amount_was_changed_is_found(small: Small) -> None:
    event = small.event(Loan.Repaid, small.paid)

    with small.forged(event, amount=event.amount + 1) as conn:
        finds(verify.check_money(conn, small.schemas), str(small.paid), "received")


def test_a_payment_that_was_split_otherwise_is_found(small: Small) -> None:
    event = small.event(Loan.Repaid, small.paid)
    net = replace(event.net, principal=event.net.principal - 1, interest=event.net.interest + 1)

    with small.forged(event, net=net) as conn:
        finds(verify.check_money(conn, small.schemas), str(small.paid), "principal")


def test_a_balance_that_was_changed_is_found(small: Small) -> None:
    event = small.event(Loan.RepaymentReversed, small.paid)

    for name, words in (("principal", "principal"), ("unapplied", "credit")):
        other = replace(event.balance, **{name: getattr(event.balance, name) + 1})
        with small.forged(event, balance=other) as conn:
            finds(verify.check_money(conn, small.schemas), str(small.paid), words)


def test_a_write_off_of_more_than_was_owed_is_found(small: Small) -> None:
    event = small.event(Loan.WrittenOff, small.lost)
    assert event.balance == Balance(0, 0, 0, 0, 0)

    with small.forged(event, principal=event.principal + 1) as conn:
        finds(verify.check_money(conn, small.schemas), str(small.lost), "principal")


# --- 5: rebuilding ----------------------------------------------------------------------


def test_a_rebuild_of_what_the_views_wrote_gives_the_same(small: Small) -> None:
    check = _check_rebuild(small.line.database_url)

    assert check.holds, check.faults


@pytest.mark.parametrize(
    ("table", "change", "undo"),
    [
        ("statement/statement_line", "ref = ref || '!'", "ref = rtrim(ref, '!')"),
        ("portfolio/portfolio_flow", "received = received + 1", "received = received - 1"),
    ],
)
def test_a_rebuilt_table_that_differs_is_found(
    small: Small, table: str, change: str, undo: str
) -> None:
    table = stored(table)
    small.line.sql(f"UPDATE {table} SET {change}")
    try:
        finds(_check_rebuild(small.line.database_url), table.partition(".")[2])
    finally:
        small.line.sql(f"UPDATE {table} SET {undo}")


def test_a_row_too_many_is_found_by_a_rebuild(small: Small) -> None:
    table = stored("tracker/tracker_loan")
    columns = "loan_ref, borrower_id, stage"
    nobody = UUID(int=1)
    small.line.sql(
        f"INSERT INTO {table} (loan_id, {columns}) SELECT %s, {columns} FROM {table} LIMIT 1",
        nobody,
    )
    try:
        finds(_check_rebuild(small.line.database_url), "tracker_loan")
    finally:
        small.line.sql(f"DELETE FROM {table} WHERE loan_id = %s", nobody)


# --- 8: personal data -------------------------------------------------------------------


def test_an_honest_book_names_nobody(small: Small, tmp_path: Path) -> None:
    (tmp_path / "relay.log").write_text(f"published {small.paid}\n")
    with sound(small) as conn:
        check = verify.check_personal_data(conn, small.schemas, tmp_path)

    assert check.holds, check.faults
    assert check.counts["log lines"] == 1


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("write to ada.lovelace@example.org", "an e-mail address"),
        ("call +8613912345678 first", "a telephone number"),
        ("call 13912345678 first", "a telephone number"),
        ("she is 11010519491231002X", "an identity number"),
        ("paid by 4111 1111 1111 1111", "a card number"),
    ],
)
def test_personal_data_in_the_free_text_of_an_event_are_found(
    small: Small, tmp_path: Path, reason: str, words: str
) -> None:
    event = small.event(Loan.RepaymentReversed, small.paid)

    with small.forged(event, reason=reason) as conn:
        check = verify.check_personal_data(conn, small.schemas, tmp_path)
        finds(check, str(small.paid), words)


def test_the_number_that_a_provider_signs_with_is_nobodys_card(
    small: Small, tmp_path: Path
) -> None:
    event = small.event(Loan.RepaymentReversed, small.paid)
    (tmp_path / "tracker.log").write_text("started\n")
    entry = 'name = "sms"\nsender_code = "1069000000000009"\nsource = "contract"\n'

    with small.forged(event, reason=entry) as conn:
        check = verify.check_personal_data(conn, small.schemas, tmp_path)

    assert check.holds, check.faults


def test_personal_data_in_a_log_are_found(small: Small, tmp_path: Path) -> None:
    (tmp_path / "tracker.log").write_text('{"event": "mail to ada@example.org"}\n')

    with sound(small) as conn:
        check = verify.check_personal_data(conn, small.schemas, tmp_path)

    finds(check, "tracker.log", "an e-mail address")


def test_a_schema_with_a_personal_field_is_found(small: Small, tmp_path: Path) -> None:
    field = {"name": "phone", "type": "string"}
    address = {"type": "record", "name": "Home", "fields": [field]}
    schema = {"name": "borrower.Moved", "fields": [{"name": "to", "type": ["null", address]}]}

    with sound(small) as conn:
        check = verify.check_personal_data(conn, {**small.schemas, b"-": schema}, tmp_path)

    finds(check, "borrower.Moved", "'phone'")
