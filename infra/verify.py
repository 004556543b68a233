"""The invariants, checked on the live system by means other than the code they check.

Bytes are decoded by plain fastavro and the schemas that stand on ``loan.schemas``;
acknowledged commands come from the caller's own journal; money is added up from the
events alone. Only rows are compared with the aggregates' own state.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer, TopicPartition
from psycopg.rows import tuple_row

from domain.base.policy import PolicyMissing
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Reply
from domain.commands.book import Book
from domain.loan.delinquency import Bucket
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from infra.decisions import Judges, borrowers_decided_on, made_again

FAULTS_SHOWN = 5
ROWS_PER_READ = 5_000
STREAMS_PER_READ = 500
HEADER_BYTES = 10

EVENT_TOPICS = (
    *("loan.events", "borrower.events", "product.events", "policy.events"),
    *("experiment.events", "day.events"),
)
SCHEMA_TOPIC = "loan.schemas"

PERSONAL = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w{2,}"),
    "a telephone number": re.compile(
        r"(?<![\w-])\+\d{7,15}(?![\w-])|(?<![\w-])1[3-9]\d{9}(?![\w-])"
    ),
    "an identity number": re.compile(r"(?<![\w-])\d{17}[\dXx](?![\w-])"),
    "a card number": re.compile(r"(?<![\w-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\w-])"),
}
"""What personal data looks like, by shape; ids and references never do."""

OWN_NUMBER = re.compile(r'^sender_code = "[^"\n]*"$', re.MULTILINE)
"""The number or address that a provider of ours signs with, as its rule says it."""

PERSONAL_FIELDS = re.compile(
    r"(^|_)(first_name|last_name|full_name|surname|phone|mobile|email|address|street|passport"
    r"|id_number|id_card|birth|birthday|gender|iban|card_number|account_number)($|_)"
)


@dataclass
class Check:
    """One invariant: whether it holds, what was counted, and the first faults."""

    number: int
    title: str
    counts: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    """What borrowers paid, in minor units by currency."""
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0
    may_be_empty: bool = False
    """Whether a sound book may have nothing of the kind."""

    def fault(self, sentence: str) -> None:
        """Note something that should not be."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_SHOWN:
            self.faults.append(sentence)

    @property
    def holds(self) -> bool:
        """Whether nothing was found, and something was looked at."""
        return self.fault_count == 0 and (self.may_be_empty or any(self.counts.values()))


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the event store."""

    notification_id: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes


def stored_events(conn: psycopg.Connection[Any]) -> Iterator[Stored]:
    """Every event of the store, in the order it was recorded."""
    last = 0
    while True:
        with conn.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(
                "SELECT notification_id, originator_id, originator_version, topic, state"
                " FROM store.book_events WHERE notification_id > %s"
                " ORDER BY notification_id LIMIT %s",
                (last, ROWS_PER_READ),
            ).fetchall()
        if not rows:
            return
        for row in rows:
            yield Stored(*row)
        last = rows[-1][0]


class Published:
    """What a downstream system can read: the topics, and nothing else of ours."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def records(self, topics: tuple[str, ...]) -> Iterator[Any]:
        """Every committed record of some topics, from the first to the present end."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=ROWS_PER_READ,
            max_partition_fetch_bytes=4 << 20,
            metrics_enabled=False,
        )
        try:
            parts = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            ends = consumer.end_offsets(parts)
            while any(consumer.position(part) < end for part, end in ends.items()):
                for records in consumer.poll(timeout_ms=500).values():
                    yield from records
        finally:
            consumer.close()

    def schemas(self) -> dict[bytes, Any]:
        """Every published schema, by the header of the bytes that it explains."""
        return {
            b"\xc3\x01" + bytes.fromhex(record.key.decode()): parse_schema(json.loads(record.value))
            for record in self.records((SCHEMA_TOPIC,))
            if record.value
        }


def decoded(state: bytes, schemas: dict[bytes, Any]) -> dict[str, Any]:
    """The record in *state*, by the published schemas alone."""
    source = io.BytesIO(state)
    schema = schemas[source.read(HEADER_BYTES)]
    record = schemaless_reader(source, schema, None)
    assert isinstance(record, dict)
    return record


def check_commands(
    conn: psycopg.Connection[Any], schemas: dict[bytes, Any], journal: Path
) -> Check:
    """1: every acknowledged command is stored exactly once."""
    check = Check(1, "Every acknowledged command is stored exactly once")
    logged: dict[str, tuple[str, int]] = {}
    with conn.cursor(row_factory=tuple_row) as cursor:
        for row in cursor.execute("SELECT command_id, stream_id, version FROM store.command_log"):
            logged[str(row[0])] = (str(row[1]), row[2])
        heads: dict[str, int] = dict(
            cursor.execute(
                "SELECT originator_id::text, max(originator_version)"
                " FROM store.book_events GROUP BY 1"
            ).fetchall()
        )
        gaps = cursor.execute(
            "SELECT originator_id, count(*), max(originator_version) FROM store.book_events"
            " GROUP BY 1 HAVING count(*) <> max(originator_version)"
        ).fetchall()
    for stream_id, count, version in gaps:
        check.fault(f"Stream {stream_id} has {count} events up to version {version}.")
    for (command_id, stream_id), versions in _versions_by_command(conn, schemas).items():
        stream, last = logged.get(command_id, ("", 0))
        if (stream, last) != (stream_id, versions[-1]):
            check.fault(f"{stream_id}/{versions[-1]} is not what command {command_id} ended with.")
        elif versions != list(range(versions[0], last + 1)):
            check.fault(f"Command {command_id} was carried out more than once: {versions}.")
    acknowledged = 0
    for entry in _entries(journal):
        acknowledged += 1
        said = (entry["stream_id"], entry["version"])
        if logged.get(entry["command_id"]) != said:
            check.fault(f"Command {entry['command_id']} was acknowledged, not stored.")
        elif heads.get(said[0], 0) < said[1]:
            check.fault(f"Stream {said[0]} lacks version {said[1]} that was acknowledged.")
    check.counts = {
        "commands acknowledged": acknowledged,
        "commands stored": len(logged),
        "streams": len(heads),
    }
    return check


def _entries(journal: Path) -> Iterator[dict[str, Any]]:
    """What a caller noted as acknowledged."""
    if not journal.exists():
        return
    with journal.open() as lines:
        for line in lines:
            if line.endswith("\n"):  # else he was stopped while he wrote, and read no answer
                yield json.loads(line)


def _versions_by_command(
    conn: psycopg.Connection[Any], schemas: dict[bytes, Any]
) -> dict[tuple[str, str], list[int]]:
    """The versions that each command recorded on a stream, by both ids."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in stored_events(conn):
        command_id = decoded(event.state, schemas)["command_id"]
        found[str(command_id), str(event.stream_id)].append(event.version)
    return found


def check_stream(conn: psycopg.Connection[Any], published: Published) -> Check:
    """2: Kafka has each stream's versions without gap or repetition, byte for byte."""
    check = Check(2, "Kafka holds every event once, in order, byte for byte")
    digests = {
        (str(event.stream_id), event.version): hashlib.sha256(event.state).digest()[:16]
        for event in stored_events(conn)
    }
    stored = len(digests)
    heads: Counter[str] = Counter()
    records = 0
    for record in published.records(EVENT_TOPICS):
        records += 1
        stream_id = record.key.decode()
        version = int(next(value for name, value in record.headers if name == "ce_sequence"))
        if version != heads[stream_id] + 1:
            check.fault(f"{stream_id}: version {version} follows {heads[stream_id]}.")
        heads[stream_id] = version
        kept = digests.pop((stream_id, version), None)
        if kept is None:
            check.fault(f"{stream_id}/{version} is on Kafka twice, or not in the store.")
        elif kept != hashlib.sha256(record.value).digest()[:16]:
            check.fault(f"{stream_id}/{version} has other bytes than the store.")
    for stream_id, version in list(digests)[:FAULTS_SHOWN]:
        check.fault(f"{stream_id}/{version} is stored and not on Kafka.")
    check.counts = {"stored": stored, "on Kafka": records, "streams": len(heads)}
    return check


LOAN_ROWS = {
    "summary": (
        "SELECT l.loan_id, l.state, coalesce(l.bucket, 'M0'), l.currency, l.principal, l.interest,"
        " l.fees, l.penalty, l.unapplied, coalesce(l.asset_class, 'NORMAL')"
        " FROM rm.summary_loan AS l WHERE l.loan_id = ANY(%s)"
    ),
    "summary, instalments": (
        "SELECT loan_id, array_agg(ARRAY[number::text, due_on::text, pay_by_on::text,"
        " principal::text, interest::text, fees::text, principal_paid::text, interest_paid::text,"
        " fees_paid::text, penalty_paid::text, paid_on::text, penalty_charged::text]"
        " ORDER BY number)"
        " FROM (SELECT DISTINCT ON (loan_id, number) * FROM rm.summary_instalment"
        " WHERE loan_id = ANY(%s) ORDER BY loan_id, number, version DESC) AS last"
        # One that came with something taken back is left with nothing on it.
        " WHERE principal + interest + fees + principal_paid + interest_paid + fees_paid"
        " + penalty_paid + coalesce(penalty_charged, 0) <> 0 GROUP BY 1"
    ),
    "summary, money": (
        "SELECT loan_id, sum(received), sum(recovered), sum(passed_on), sum(refunded),"
        " sum(principal_paid), sum(interest_paid), sum(fees_paid), sum(penalty_paid),"
        " sum(subsidised)"
        " FROM rm.summary_money WHERE loan_id = ANY(%s) GROUP BY 1"
    ),
    "summary, securities": (
        "SELECT loan_id, array_agg(security_ref || ' ' || state ORDER BY security_ref)"
        " FROM (SELECT DISTINCT ON (loan_id, security_ref) * FROM rm.summary_security"
        " WHERE loan_id = ANY(%s) AND state IS NOT NULL"
        " ORDER BY loan_id, security_ref, version DESC) AS last GROUP BY 1"
    ),
    "statement": (
        "SELECT loan_id, sum(principal), sum(unapplied),"
        " (array_agg(principal_after ORDER BY version DESC))[1]"
        " FROM rm.statement_line WHERE loan_id = ANY(%s) GROUP BY 1"
    ),
    "tracker": "SELECT loan_id, stage FROM rm.tracker_loan WHERE loan_id = ANY(%s)",
    "reminders": (
        "SELECT loan_id, sum(amount_left) FROM (SELECT DISTINCT ON (loan_id, number) *"
        " FROM rm.reminders_left WHERE loan_id = ANY(%s)"
        " ORDER BY loan_id, number, version DESC) AS last GROUP BY 1"
    ),
    "reminders, dates": (
        "SELECT loan_id, array_agg(pay_by_on ORDER BY number) FROM (SELECT DISTINCT ON"
        " (loan_id, number) * FROM rm.reminders_due_date WHERE loan_id = ANY(%s)"
        " ORDER BY loan_id, number, version DESC) AS last WHERE pay_by_on IS NOT NULL GROUP BY 1"
    ),
    "collections": (
        "SELECT loan_id, min(unpaid_pay_by_on) FROM rm.collections_unpaid"
        " WHERE loan_id = ANY(%s) GROUP BY 1"
    ),
    "contacts": "SELECT loan_id, borrower_id FROM rm.contacts_loan WHERE loan_id = ANY(%s)",
    "contacts, bucket": (
        "SELECT * FROM (SELECT DISTINCT ON (loan_id) loan_id, bucket FROM rm.contacts_bucket"
        " WHERE loan_id = ANY(%s) ORDER BY loan_id, version DESC) AS last WHERE bucket <> 'M0'"
    ),
    "contacts, payments": (
        "SELECT loan_id, sum(amount) FROM rm.contacts_payment WHERE loan_id = ANY(%s)"
        " GROUP BY 1 HAVING sum(amount) <> 0"
    ),
}
"""What each view says of a loan, in the form of ``_said_by``."""

BORROWER_ROWS = {
    "collections, zones": (
        "SELECT DISTINCT ON (borrower_id) borrower_id, jurisdiction, zones"
        " FROM rm.collections_borrower WHERE borrower_id = ANY(%s)"
        " ORDER BY borrower_id, version DESC"
    ),
    "collections, holds": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id,"
        " concat_ws(' ', hold_ref, until_on, array_to_string(loan_ids, ' ')) AS said"
        " FROM rm.collections_hold WHERE borrower_id = ANY(%s) AND lifted_on IS NULL"
        ") AS standing GROUP BY 1"
    ),
    "reminders, holds": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', hold_ref, array_to_string(loan_ids, ' ')) AS said"
        " FROM rm.reminders_hold WHERE borrower_id = ANY(%s) AND lifted_on IS NULL"
        ") AS standing GROUP BY 1"
    ),
    "collections, promises": (
        "SELECT borrower_id, array_agg(promise_ref || ' ' || state ORDER BY promise_ref)"
        " FROM (SELECT DISTINCT ON (borrower_id, promise_ref) * FROM rm.collections_promise"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, promise_ref, version DESC) AS last"
        " GROUP BY 1"
    ),
    "contacts, zones": (
        "SELECT DISTINCT ON (borrower_id) borrower_id, jurisdiction, zones"
        " FROM rm.contacts_borrower WHERE borrower_id = ANY(%s)"
        " ORDER BY borrower_id, version DESC"
    ),
    "contacts, points": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', point_ref, max(kind), max(party),"
        " CASE WHEN bool_or(change = 'REFUSED') THEN 'REFUSED' END,"
        " CASE WHEN (array_agg(change ORDER BY version DESC)"
        " FILTER (WHERE change IN ('BLOCKED', 'UNBLOCKED')))[1] = 'BLOCKED' THEN 'BLOCKED' END"
        ") AS said FROM rm.contacts_point WHERE borrower_id = ANY(%s)"
        " GROUP BY borrower_id, point_ref HAVING NOT bool_or(change = 'RETIRED')"
        ") AS standing GROUP BY 1"
    ),
    "contacts, consents": (
        "SELECT borrower_id, array_agg(scope || ' ' || change ORDER BY scope COLLATE \"C\")"
        " FROM (SELECT DISTINCT ON (borrower_id, scope) * FROM rm.contacts_consent"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, scope, version DESC) AS last"
        " WHERE change <> 'WITHDRAWN' GROUP BY 1"
    ),
    "contacts, opt-outs": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', coalesce(channel, 'any'), coalesce(purpose, 'any'),"
        " floor(extract(epoch FROM changed_at))::bigint) AS said"
        " FROM rm.contacts_opt_out AS o WHERE borrower_id = ANY(%s) AND change = 'OPTED_OUT'"
        " AND NOT EXISTS (SELECT FROM rm.contacts_opt_out AS back"
        " WHERE back.borrower_id = o.borrower_id AND back.change = 'REVOKED'"
        " AND back.version > o.version AND back.channel IS NOT DISTINCT FROM o.channel"
        " AND back.purpose IS NOT DISTINCT FROM o.purpose)"
        ") AS standing GROUP BY 1"
    ),
    "contacts, counted": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT d.borrower_id, concat_ws(' ', d.contact_ref, d.purpose, d.channel,"
        " coalesce(r.outcome, CASE WHEN d.channel IN ('PHONE', 'AI_VOICE', 'VISIT')"
        " THEN 'CONVERSATION' ELSE 'SENT' END),"
        " floor(extract(epoch FROM coalesce(r.made_at, d.decided_at)))::bigint) AS said"
        " FROM rm.contacts_decision AS d LEFT JOIN rm.contacts_result AS r"
        " ON r.borrower_id = d.borrower_id AND r.contact_ref = d.contact_ref"
        " WHERE d.answer = 'ALLOW' UNION ALL"
        " SELECT borrower_id, concat_ws(' ', contact_ref, purpose, channel, 'INBOUND',"
        " floor(extract(epoch FROM received_at))::bigint) FROM rm.contacts_inbound"
        ") AS past WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
    "contacts, replies": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT i.borrower_id, concat_ws(' ', i.contact_ref, i.channel,"
        " array_to_string(i.found, '+'), array_to_string(i.kept_back, '+'),"
        " coalesce((SELECT r.outcome FROM rm.contacts_reply AS r"
        " WHERE r.borrower_id = i.borrower_id AND r.contact_ref = i.contact_ref"
        " AND r.outcome IS NOT NULL ORDER BY r.version DESC LIMIT 1), 'UNREAD'),"
        " (SELECT CASE WHEN r.awaits_answer THEN 'TO_ANSWER' ELSE 'DONE' END"
        " FROM rm.contacts_reply AS r"
        " WHERE r.borrower_id = i.borrower_id AND r.contact_ref = i.contact_ref"
        " ORDER BY r.version DESC LIMIT 1)) AS said"
        " FROM rm.contacts_inbound AS i WHERE i.borrower_id = ANY(%s)"
        " AND i.keyword IS NULL AND i.said_ref IS NOT NULL"
        " AND i.channel NOT IN ('PHONE', 'AI_VOICE', 'VISIT')"
        ") AS written GROUP BY 1"
    ),
    "contacts, open": (
        'SELECT d.borrower_id, array_agg(d.contact_ref ORDER BY d.contact_ref COLLATE "C")'
        " FROM rm.contacts_decision AS d WHERE d.borrower_id = ANY(%s) AND d.answer = 'ALLOW'"
        " AND NOT EXISTS (SELECT FROM rm.contacts_result AS r"
        " WHERE r.borrower_id = d.borrower_id AND r.contact_ref = d.contact_ref) GROUP BY 1"
    ),
    "contacts, complaints": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', complaint_ref,"
        " CASE (array_agg(change ORDER BY version DESC)"
        " FILTER (WHERE change NOT IN ('ESCALATED', 'EXTENDED')))[1]"
        " WHEN 'ANSWERED' THEN 'ANSWERED' WHEN 'RESOLVED' THEN 'RESOLVED' ELSE 'OPEN' END,"
        " (array_agg(severity ORDER BY version DESC) FILTER (WHERE severity IS NOT NULL))[1],"
        " count(*) FILTER (WHERE change IN ('OPENED', 'REOPENED')),"
        " count(*) FILTER (WHERE change = 'ESCALATED'),"
        " floor(extract(epoch FROM (array_agg(resolve_by ORDER BY version DESC)"
        " FILTER (WHERE resolve_by IS NOT NULL))[1]))::bigint) AS said"
        " FROM rm.contacts_complaint WHERE borrower_id = ANY(%s)"
        " GROUP BY borrower_id, complaint_ref) AS standing GROUP BY 1"
    ),
    "contacts, ratings": (
        "SELECT borrower_id, array_agg(concat_ws(' ', feedback_ref, source, score)"
        ' ORDER BY feedback_ref COLLATE "C") FROM rm.contacts_feedback'
        " WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
    "contacts, late reasons": (
        "SELECT borrower_id, array_agg(loan_id || ' ' || reason ORDER BY loan_id)"
        " FROM (SELECT DISTINCT ON (borrower_id, loan_id) * FROM rm.contacts_late_reason"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, loan_id, version DESC) AS last"
        " GROUP BY 1"
    ),
    "contacts, supports": (
        "SELECT borrower_id, array_agg(concat_ws(' ', support_ref, loan_id, kind)"
        ' ORDER BY support_ref COLLATE "C") FROM rm.contacts_support'
        " WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
    "contacts, plans": (
        "SELECT borrower_id, array_agg(plan_ref || ' ' || change ORDER BY plan_ref COLLATE \"C\")"
        " FROM (SELECT DISTINCT ON (borrower_id, plan_ref) borrower_id, plan_ref, change"
        " FROM (SELECT borrower_id, version, plan_ref, change FROM rm.contacts_plan UNION ALL"
        " SELECT borrower_id, version, replaces, 'REPLACED' FROM rm.contacts_plan"
        " WHERE replaces IS NOT NULL) AS changed WHERE borrower_id = ANY(%s)"
        " ORDER BY borrower_id, plan_ref, version DESC) AS last GROUP BY 1"
    ),
    "contacts, plan rows": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', plan_ref, number, due_on, amount) AS said"
        " FROM rm.contacts_plan_row WHERE borrower_id = ANY(%s)) AS planned GROUP BY 1"
    ),
    "contacts, check-ins": (
        "SELECT borrower_id, array_agg(loan_id || ' ' || check_in_on ORDER BY loan_id)"
        " FROM (SELECT DISTINCT ON (borrower_id, loan_id) * FROM rm.contacts_check_in"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, loan_id, version DESC) AS last"
        " GROUP BY 1"
    ),
    "contacts, data requests": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT DISTINCT ON (borrower_id, request_ref) borrower_id, concat_ws(' ', request_ref,"
        " CASE change WHEN 'RECEIVED' THEN 'OPEN' WHEN 'RESTRICTED' THEN 'DONE'"
        " WHEN 'ERASED' THEN 'DONE' ELSE change END) AS said FROM rm.contacts_data_right"
        " WHERE borrower_id = ANY(%s) AND request_ref IS NOT NULL"
        " ORDER BY borrower_id, request_ref, version DESC) AS last GROUP BY 1"
    ),
    "contacts, strategies": (
        'SELECT borrower_id, array_agg(said ORDER BY said COLLATE "C") FROM ('
        " SELECT borrower_id, concat_ws(' ', loan_id, bucket, behaviour, strategy) AS said"
        " FROM (SELECT DISTINCT ON (borrower_id, loan_id) * FROM rm.contacts_strategy"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, loan_id, version DESC) AS last"
        " WHERE strategy IS NOT NULL) AS standing GROUP BY 1"
    ),
    "contacts, collector": (
        "SELECT borrower_id, ARRAY[collector] FROM (SELECT DISTINCT ON (borrower_id) *"
        " FROM rm.contacts_collector WHERE borrower_id = ANY(%s)"
        " ORDER BY borrower_id, version DESC) AS last WHERE collector IS NOT NULL"
    ),
    "contacts, promises": (
        "SELECT borrower_id, array_agg(promise_ref || ' ' || state ORDER BY promise_ref)"
        " FROM (SELECT DISTINCT ON (borrower_id, promise_ref) * FROM rm.contacts_promise"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, promise_ref, version DESC) AS last"
        " GROUP BY 1"
    ),
    "contacts, placements": (
        "SELECT borrower_id, array_agg(loan_id || ' ' || agency ORDER BY loan_id)"
        " FROM (SELECT DISTINCT ON (borrower_id, loan_id) * FROM rm.contacts_placement"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, loan_id, version DESC) AS last"
        " WHERE change = 'PLACED' GROUP BY 1"
    ),
    "contacts, at law": (
        "SELECT borrower_id, array_agg(loan_id || ' ' || referred_on || ' ' || claimed"
        " ORDER BY loan_id)"
        " FROM (SELECT DISTINCT ON (borrower_id, loan_id) * FROM rm.contacts_legal"
        " WHERE borrower_id = ANY(%s) ORDER BY borrower_id, loan_id, version DESC) AS last"
        " WHERE change = 'REFERRED' GROUP BY 1"
    ),
    "contacts, last decision": (
        "SELECT borrower_id, max(decided_at) FROM ("
        " SELECT borrower_id, decided_at FROM rm.contacts_decision"
        " UNION ALL SELECT borrower_id, decided_at FROM rm.contacts_again) AS decided"
        " WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
    "contacts, not made": (
        "SELECT borrower_id, array_agg(contact_ref || ' ' || array_to_string(reasons, '+')"
        ' ORDER BY contact_ref COLLATE "C") FROM rm.contacts_not_made'
        " WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
    "contacts, variants": (
        "SELECT borrower_id, array_agg(experiment || ' ' || arm"
        ' ORDER BY experiment COLLATE "C") FROM rm.contacts_variant'
        " WHERE borrower_id = ANY(%s) GROUP BY 1"
    ),
}
"""What each view says of a borrower, in the form of ``_said_of``."""


NO_MONEY = (0,) * 9
NOTHING: tuple[tuple[Any, ...], ...] = ((0,), (Bucket.M0,))


def check_rows(conn: psycopg.Connection[Any], book: Book) -> Check:
    """3: every row agrees with the aggregate it speaks of."""
    check = Check(3, "Every row agrees with the aggregate it speaks of")
    counts: Counter[str] = Counter()
    places: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    stages: Counter[str] = Counter()
    for opened_by, ids in _streams(conn, ("loan.applied", "loan.migrated")):
        loans = book.get_many(Loan, ids)
        for view, question in LOAN_ROWS.items():
            rows = {row[0]: row[1:] for row in conn.execute(question, (ids,))}
            for loan_id, loan in loans.items():
                said = _said_by(view, loan)
                # Sums over no movement have no row to stand in.
                found = rows.get(loan_id, NO_MONEY if said == NO_MONEY else None)
                _compare(check, f"{view}: {loan.loan_ref}", said, found)
            counts[f"compared in {view.partition(',')[0]}"] += len(loans)
        for loan in loans.values():
            if opened_by == "loan.applied":
                stages[loan.stage] += 1
            if loan.disbursed_on is not None:
                place = places[loan.currency, loan.state, loan.bucket]
                place[0] += 1
                place[1] += loan.balance.principal
    for _, ids in _streams(conn, ("borrower.registered",)):
        borrowers = book.get_many(Borrower, ids)
        for view, question in BORROWER_ROWS.items():
            rows = {row[0]: row[1:] for row in conn.execute(question, (ids,))}
            for borrower_id, borrower in borrowers.items():
                what = f"{view}: {borrower.borrower_ref}"
                _compare(check, what, _said_of(view, borrower), rows.get(borrower_id))
        counts["borrowers compared"] += len(borrowers)
    _compare_portfolio(conn, check, places, stages)
    check.counts = dict(counts)
    return check


def _streams(
    conn: psycopg.Connection[Any], openings: tuple[str, ...]
) -> Iterator[tuple[str, list[UUID]]]:
    """The ids of all streams that begin with one of these events, some at a time."""
    for opening in openings:
        last = UUID(int=0)
        while rows := conn.execute(
            "SELECT originator_id FROM store.book_events WHERE originator_version = 1"
            " AND topic = %s AND originator_id > %s ORDER BY originator_id LIMIT %s",
            (opening, last, STREAMS_PER_READ),
        ).fetchall():
            yield opening, [row[0] for row in rows]
            last = rows[-1][0]


def _compare(check: Check, what: str, expected: Any, found: Any) -> None:
    if expected is None and found is None:
        return
    if found is None or expected is None or tuple(expected) != tuple(found):
        check.fault(f"{what}: the row says {found}, the aggregate {expected}.")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _said_by(view: str, loan: Loan) -> tuple[Any, ...] | None:
    """What a view should say of *loan*; None where it has no row."""
    balance = loan.balance
    if view == "tracker":
        return (loan.stage,)
    if view == "summary":
        money = (balance.principal, balance.interest, balance.fees, balance.penalty)
        figures = (loan.state, loan.bucket, loan.currency, *money, balance.unapplied)
        return (*figures, loan.asset_class)
    if view == "summary, securities":
        standing = loan.securities.values()
        said_of_each = sorted(f"{each.security_ref} {each.state}" for each in standing)
        return (said_of_each,) if said_of_each else None
    if loan.disbursed_on is None:
        return _said_unlent(view, loan)
    said: dict[str, tuple[Any, ...]] = {
        "summary, instalments": ([_instalment(r) for r in loan.instalments if _holds_any(r)],),
        "summary, money": _money_of(loan),
        "statement": (balance.principal, -balance.unapplied, balance.principal),
        "reminders": (sum(row.left for row in loan.instalments),),
        "reminders, dates": ([row.pay_by_on for row in loan.instalments],),
        "collections": (loan.oldest_unpaid_on(),),
        "contacts": (loan.borrower_id,),
        "contacts, bucket": (loan.bucket,),
        "contacts, payments": (sum(_money_of(loan)[:3]),),
    }
    # Nothing paid, and never late: there is no row.
    return None if view.startswith("contacts, ") and said[view] in NOTHING else said[view]


def _said_unlent(view: str, loan: Loan) -> tuple[Any, ...] | None:
    """What a view should say of a loan on which nothing is lent, though it was paid out once."""
    if loan.came_back is None:
        return None
    said: dict[str, tuple[Any, ...]] = {
        "summary, money": _money_of(loan),
        "statement": (0, -loan.balance.unapplied, 0),
        "reminders": (0,),
        "collections": (None,),
        "contacts": (loan.borrower_id,),
        "contacts, payments": (sum(_money_of(loan)[:3]),),
    }
    return None if view.startswith("contacts, ") and said.get(view) in NOTHING else said.get(view)


def _holds_any(row: Instalment) -> bool:
    owed = row.principal + row.interest + row.fees + (row.penalty_charged or 0)
    paid = row.principal_paid + row.interest_paid + row.fees_paid + row.penalty_paid
    return owed + paid != 0


def _instalment(row: Instalment) -> list[str | None]:
    names = ("number", "due_on", "pay_by_on", "principal", "interest", "fees")
    paid = ("principal_paid", "interest_paid", "fees_paid", "penalty_paid", "paid_on")
    return [_text(getattr(row, name)) for name in (*names, *paid, "penalty_charged")]


def _money_of(loan: Loan) -> tuple[int, ...]:
    amounts: Counter[str] = Counter()
    for fact in loan.facts:
        amounts[fact.kind] += fact.amount
    received = amounts["PAYMENT"] + amounts["PAYOFF"]
    recovered = sum(fact.amount for fact in loan.recoveries.values())
    splits = loan.splits.values()
    return (
        received,
        recovered,
        sum(fact.amount for fact in loan.passed_on),
        amounts["REFUND"],
        sum(split.principal for split in splits),
        sum(split.interest for split in splits),
        sum(split.fees for split in splits),
        sum(split.penalty for split in splits),
        sum(loan.subsidised.values()),
    )


def _said_of(view: str, borrower: Borrower) -> tuple[Any, ...] | None:
    """What a view should say of *borrower*; None where it has no row."""
    promises = sorted(f"{p.promise_ref} {p.state}" for p in borrower.promises.values())
    match view:
        case "collections, zones":
            return (borrower.jurisdiction, borrower.zones)
        case "collections, promises":
            return (promises,) if promises else None
        case "collections, holds" | "reminders, holds":
            standing = _standing(borrower, ended="collections" in view)
            return (standing,) if standing else None
        case _:
            return _said_of_contacts(view, borrower)


def _standing(borrower: Borrower, *, ended: bool) -> list[str]:
    """What was not lifted: restrictions of the data, and holds with the debts they cover.

    With *ended* a hold says when it ends.
    """
    restricted = (each for each in borrower.data_restricted if not each.lifted_on)
    holds = [
        " ".join(
            [
                hold.hold_ref,
                *([str(hold.until_on)] if ended and hold.until_on else []),
                *(str(each) for each in hold.loan_ids or []),
            ]
        )
        for hold in borrower.holds.values()
        if not hold.lifted_on
    ]
    return sorted([*holds, *(f"restriction-{each.measure}" for each in restricted)])


def _said_of_contacts(view: str, borrower: Borrower) -> tuple[Any, ...] | None:
    """What the record of contacts should say of *borrower*; None where it has no row."""
    if view == "contacts, zones":
        return (borrower.jurisdiction, borrower.zones)
    if view == "contacts, last decision":
        decided_at = borrower.last_decided_at
        return None if decided_at is None else (decided_at,)
    said: dict[str, list[str]] = {
        "contacts, points": [
            f"{each.id} {each.kind} {each.party}"
            + (" REFUSED" if each.refused_at else "")
            + (" BLOCKED" if each.blocked_at else "")
            for each in borrower.points.values()
        ],
        "contacts, consents": [
            f"{each.scope} {'RECONFIRMED' if each.reconfirmed_at else 'GRANTED'}"
            for each in borrower.consents
            if each.withdrawn_at is None
        ],
        "contacts, opt-outs": [
            f"{each.channel or 'any'} {each.purpose or 'any'} {_seconds(each.at)}"
            for each in borrower.opt_outs
        ],
        "contacts, counted": [
            f"{ref} {past.purpose} {past.channel} {past.outcome} {_seconds(past.at)}"
            for ref, past in borrower.contacts.items()
        ],
        "contacts, open": list(borrower.open_contacts),
        "contacts, not made": [
            f"{ref} {'+'.join(reasons)}" for ref, reasons in borrower.not_made.items()
        ],
        "contacts, variants": [
            f"{experiment} {arm}" for experiment, arm in borrower.variants.items()
        ],
        "contacts, replies": [_written(each) for each in borrower.replies.values()],
        "contacts, complaints": [
            f"{each.complaint_ref} {each.stage} {each.severity} {each.round} {each.escalations}"
            f" {_seconds(each.resolve_by)}"
            for each in borrower.complaints.values()
        ],
        "contacts, ratings": [
            f"{ref} {each.source} {each.score}" for ref, each in borrower.ratings.items()
        ],
        "contacts, strategies": [
            f"{each.loan_id} {each.bucket} {each.behaviour} {each.strategy}"
            for each in borrower.strategies.values()
        ],
        "contacts, collector": [] if borrower.collector is None else [borrower.collector],
        "contacts, promises": [
            f"{each.promise_ref} {each.state}" for each in borrower.promises.values()
        ],
        "contacts, placements": [
            f"{each.loan_id} {each.agency}" for each in borrower.placements.values()
        ],
        "contacts, at law": [
            f"{each.loan_id} {each.referred_on} {each.claimed}"
            for each in borrower.legal_matters.values()
        ],
        "contacts, supports": [
            f"{ref} {each.loan_id} {each.kind}" for ref, each in borrower.supports.items()
        ],
        "contacts, plans": [f"{ref} {each.state}" for ref, each in borrower.plans.items()],
        "contacts, plan rows": [
            f"{ref} {number} {row.due_on} {row.amount}"
            for ref, each in borrower.plans.items()
            for number, row in enumerate(each.rows, 1)
        ],
        "contacts, check-ins": [
            f"{each.loan_id} {each.check_in_on}" for each in borrower.check_ins.values()
        ],
        "contacts, data requests": [
            f"{ref} {each.state}" for ref, each in borrower.data_requests.items()
        ],
        "contacts, late reasons": [
            f"{each.loan_id} {each.reason}" for each in borrower.late_reasons.values()
        ],
    }
    return (sorted(said[view]),) if said[view] else None


def _written(reply: Reply) -> str:
    """What should stand of an answer in words: what it holds, what came of it, how far it is."""
    kept_back = sorted(
        {
            f"{channel} {purpose or 'ANY'}"
            for _, channel, purpose in replace(reply, outcome=None).feared
        }
    )
    found = "+".join(each.word for each in reply.found)
    said = f"{reply.contact_ref} {reply.channel} {found} {'+'.join(kept_back)}"
    return f"{said} {reply.outcome or 'UNREAD'}" + (
        "" if reply.is_unread else " TO_ANSWER" if reply.awaits_answer else " DONE"
    )


def _seconds(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(seconds=1)


def _compare_portfolio(
    conn: psycopg.Connection[Any],
    check: Check,
    places: dict[tuple[str, str, str], list[int]],
    stages: Counter[str],
) -> None:
    found = {
        tuple(row[:3]): row[3:]
        for row in conn.execute(
            "SELECT currency, state, bucket, sum(loans), sum(principal) FROM rm.portfolio_loans"
            " GROUP BY 1, 2, 3 HAVING sum(loans) <> 0 OR sum(principal) <> 0"
        )
    }
    for place in sorted(found.keys() | places.keys()):
        _compare(check, f"portfolio: {' '.join(place)}", places.get(place), found.get(place))
    counted = dict(
        conn.execute(
            "SELECT stage, sum(applications) FROM rm.portfolio_stage GROUP BY 1"
            " HAVING sum(applications) <> 0"
        ).fetchall()
    )
    for stage in sorted(counted.keys() | stages.keys()):
        _compare(check, f"portfolio: {stage}", [stages.get(stage, 0)], [counted.get(stage, 0)])


PAID = ("fees", "interest", "penalty", "principal")


@dataclass
class _Money:
    """One loan, added up from its events."""

    currency: str = ""
    lent: int = 0
    opening_credit: int = 0
    received: int = 0
    recovered: int = 0
    passed_on: int = 0
    recovered_credit: int = 0
    refunded: int = 0
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PAID, 0))
    unapplied: int = 0
    written_off: int = 0
    capitalised: int = 0
    sold: int = 0
    balance: dict[str, int] = field(default_factory=dict)


def check_money(conn: psycopg.Connection[Any], schemas: dict[bytes, Any]) -> Check:
    """4: nothing received or lent is lost."""
    check = Check(4, "Money is conserved on every loan")
    loans: dict[UUID, _Money] = defaultdict(_Money)
    for event in stored_events(conn):
        if event.topic.startswith("loan."):
            _add_up(loans[event.stream_id], event.topic, decoded(event.state, schemas))
    paid_out = 0
    received: Counter[str] = Counter()
    for loan_id, money in loans.items():
        if not money.currency:
            continue
        paid_out += money.lent > 0  # what came back was not lent
        received[money.currency] += money.received + money.recovered + money.passed_on
        if money.received != sum(money.paid.values()) + money.unapplied:
            check.fault(
                f"Loan {loan_id}: received {money.received}, allocated"
                f" {sum(money.paid.values())} and kept {money.unapplied}."
            )
        credit = money.opening_credit + money.unapplied + money.recovered_credit
        credit -= money.refunded
        if money.balance["unapplied"] != credit:
            check.fault(f"Loan {loan_id}: credit {money.balance['unapplied']} should be {credit}.")
        gone = money.paid["principal"] + money.written_off + money.sold
        left = money.lent + money.capitalised - gone
        if money.balance["principal"] != left:
            check.fault(f"Loan {loan_id}: principal {money.balance['principal']} should be {left}.")
    check.counts = {"loans and applications": len(loans), "loans paid out": paid_out}
    check.received = dict(received)
    return check


FLOWS = {
    "loan.payout-returned": ("lent", "amount", -1),
    "loan.payout-return-withdrawn": ("lent", "amount", 1),
    "loan.repaid": ("received", "amount", 1),
    "loan.repayment-reversed": ("received", "amount", -1),
    "loan.credit-refunded": ("refunded", "amount", 1),
    "loan.recovery-received": ("recovered", "amount", 1),
    "loan.recovery-reversed": ("recovered", "amount", -1),
    "loan.passed-on-reversed": ("passed_on", "amount", -1),
    "loan.written-off": ("written_off", "principal", 1),
    "loan.sold": ("sold", "principal", 1),
}
"""Which sum of ``_Money`` a field of an event adds to, or is taken from."""

TAKEN_BACK = {
    "REFUND": ("refunded", "amount"),
    "DRAW": ("lent", "amount"),
    "WRITE_OFF": ("written_off", "principal"),
    "SALE": ("sold", "principal"),
}
"""From which sum a fact of a kind is taken that never was, and by which field."""


def _add_up(money: _Money, topic: str, said: dict[str, Any]) -> None:
    match topic:
        case "loan.disbursed":
            money.lent += said["amount"]
            money.currency = said["currency"]
        case "loan.drawn":
            money.lent += said["amount"]
        case "loan.migrated":
            money.lent += said["balance"]["principal"]
            money.opening_credit = said["balance"]["unapplied"]
            money.currency = said["currency"]
    if topic in FLOWS:
        name, of, sign = FLOWS[topic]
        setattr(money, name, getattr(money, name) + sign * said[of])
    if topic == "loan.fact-withdrawn" and said["kind"] in TAKEN_BACK:
        name, of = TAKEN_BACK[said["kind"]]
        setattr(money, name, getattr(money, name) - said[of])
    for kind in PAID if "net" in said else ():
        money.paid[kind] += said["net"][kind]
    money.unapplied += said.get("net", {}).get("unapplied", 0)
    money.capitalised += said.get("capitalised") or 0
    grown = said.get("grown")
    if topic.startswith("loan.recovery-"):
        money.recovered_credit += (said.get("credit") if grown is None else grown) or 0
    _add_missing(money, topic, said)
    for each in said.get("restated") or ():
        name = {"WRITE_OFF": "written_off", "SALE": "sold"}[each["kind"]]
        gone = each["after"]["principal"] - each["before"]["principal"]
        setattr(money, name, getattr(money, name) + gone)
        if not topic.startswith("loan.recovery-"):
            money.recovered_credit += each["credit"]
    money.balance = said.get("balance") or money.balance


def _add_missing(money: _Money, topic: str, said: dict[str, Any]) -> None:
    """Credit that left the book with a loss or a sale, or came back when that was taken back."""
    missing = said.get("missing_credit") or 0
    if topic == "loan.fact-withdrawn":
        # What was recovered of a loss that is taken back is repaid of its day, and what was
        # passed on to a buyer is ours again.
        again, back = said.get("repaid") or (), said.get("returned") or ()
        received = _sum_of(again, "before")
        money.received += received
        money.recovered -= received
        _pass_on(money, -_sum_of(back, "after"), lost=said["state"] == "WRITTEN_OFF")
        missing = -max(missing, sum(each["before"]["unapplied"] for each in again))
        missing += said.get("grown") or 0
    since = said.get("overtaken")
    if since:
        missing = _add_overtaken(money, since)
    money.recovered_credit += missing


def _add_overtaken(money: _Money, since: dict[str, Any]) -> int:
    """Let what came in after the day of a loss be recovered, or passed on after that of a sale.

    With the credit beside the schedule that comes of it.
    """
    for kind in PAID:
        money.paid[kind] += since["net"][kind]
    money.unapplied += since["net"]["unapplied"]
    money.capitalised += since["capitalised"]
    received = _sum_of(since["recovered"], "after")
    money.received -= received
    money.recovered += received
    lost = since["state_before"] == "WRITTEN_OFF"
    _pass_on(money, _sum_of(since["passed_on"], "before"), lost=lost)
    grown: int = since["grown"]
    return grown


def _pass_on(money: _Money, amount: int, *, lost: bool) -> None:
    """Let an amount be the buyer's that was received, or recovered of a claim that was *lost*."""
    money.passed_on += amount
    money.recovered -= amount if lost else 0
    money.received -= 0 if lost else amount


def _sum_of(movements: Iterable[dict[str, Any]], when: str) -> int:
    return sum(sum(each[when].values()) for each in movements)


def check_decisions(conn: psycopg.Connection[Any], book: Book) -> Check:
    """Invariant 7: a decision about contact comes out as it did, by the versions it names."""
    check = Check(7, "Past decisions on contact come out as they did, by their versions")
    check.may_be_empty = True
    counts: Counter[str] = Counter()
    judges = Judges(book.rules)
    for borrower_id in borrowers_decided_on(conn):
        counts["borrowers"] += 1
        try:
            for again in made_again(book, borrower_id, judges):
                counts["decisions made again"] += 1
                if again.differs is not None:
                    check.fault(f"borrower {borrower_id}, event {again.version}: {again.differs}")
        except PolicyMissing as missing:
            check.fault(f"borrower {borrower_id}: {missing}")
    check.counts = dict(counts)
    return check


def check_personal_data(
    conn: psycopg.Connection[Any], schemas: dict[bytes, Any], logs: Path
) -> Check:
    """8: no personal data stands in an event, a log line or a topic in clear."""
    check = Check(8, "No personal data in events, topics or logs")
    counts = {"events": 0, "texts": 0, "schemas": len(schemas), "log lines": 0}
    for schema in schemas.values():
        for name in _field_names(schema):
            if PERSONAL_FIELDS.search(name):
                check.fault(f"{schema['name']} has a field {name!r}.")
    for event in stored_events(conn):
        counts["events"] += 1
        for text in _texts(decoded(event.state, schemas)):
            counts["texts"] += 1
            if (found := looks_personal(OWN_NUMBER.sub("", text))) is not None:
                check.fault(f"{event.stream_id}/{event.version} holds {found}.")
    for path in sorted(logs.glob("*.log")) if logs.is_dir() else ():
        with path.open(errors="replace") as lines:
            for line in lines:
                counts["log lines"] += 1
                if (found := looks_personal(line)) is not None:
                    check.fault(f"{path.name} holds {found}.")
    check.counts = counts
    return check


def looks_personal(text: str) -> str | None:
    """What kind of personal data *text* looks like holding; None when none."""
    return next((what for what, shape in PERSONAL.items() if shape.search(text)), None)


def _field_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for each in schema.get("fields", ()):
            yield each["name"]
            yield from _field_names(each["type"])
        yield from _field_names(schema.get("items"))
    elif isinstance(schema, list):
        for each in schema:
            yield from _field_names(each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
