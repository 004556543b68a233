"""From a command to the row that shows it, with everything running."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median, quantiles
from uuid import UUID, uuid4

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from psycopg.errors import UndefinedTable

from benchmarks import samples
from benchmarks.append import RAW_TABLE
from benchmarks.commands import INSERT, STATE
from benchmarks.place import Place
from benchmarks.report import Aim, Line
from domain.commands import loans
from infra.bootstrap import PROJECTOR, as_role, open_book
from infra.embedded.part import Step
from infra.garbage import collect_seldom
from infra.trouble import Trouble

PER_SECOND = 200
LOANS = 400
LOOK_SECONDS = 0.01
WARM_UP_SECONDS = 3
VISIBLE = """
    SELECT loan_id, version FROM rm.statement_line
    JOIN unnest(%s::uuid[], %s::bigint[]) AS awaited (loan_id, version) USING (loan_id, version)
"""
SHOWN = "SELECT EXISTS (SELECT FROM rm.statement_line WHERE loan_id = %s)"

Asked = tuple[UUID, int, float]
"""Loan, version, and the moment at which its command was due to be given."""


def measure(place: Place) -> list[Line]:
    """Repayments at a steady rate; the raw limit is the same path, bare and one at a time."""
    seconds = place.pick(20, 6)
    state = place.everything()
    place.progress(Step("latency", "making loans", 0, 0))
    with open_book(state.database_url, connections=1) as book:
        ids = [loan_id for some in samples.fill(book, LOANS, samples.past(3)) for loan_id in some]
    _shown(state.database_url, ids[-1])
    waits = _watch(place, ids, seconds)
    bare = _bare(place, place.pick(200, 60))
    raw_what = "commit, Kafka transaction, commit"
    return [
        Line("latency", f"command to row at {PER_SECOND}/s, p50", "ms", median(waits) * 1000,
             raw_what, median(bare) * 1000, Aim.AT_MOST, 50),
        Line("latency", f"command to row at {PER_SECOND}/s, p99", "ms", _p99(waits),
             raw_what, _p99(bare), Aim.AT_MOST, 250),
    ]  # fmt: skip


def _shown(url: str, loan_id: UUID) -> None:
    """The view exists and shows the loan that was stored last."""
    with psycopg.connect(as_role(url, PROJECTOR), autocommit=True) as connection:
        for _ in range(1_200):
            time.sleep(0.1)
            with suppress(UndefinedTable):
                row = connection.execute(SHOWN, (loan_id,)).fetchone()
                if row and row[0]:
                    return
    raise Trouble("The statement does not appear: see the logs of the scratch home.")


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98] * 1000


def _watch(place: Place, ids: list[UUID], seconds: int) -> list[float]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    url = place.state.database_url
    writer = context.Process(target=give_commands, args=(url, ids, seconds, theirs), daemon=True)
    writer.start()
    theirs.close()
    awaited: dict[tuple[UUID, int], float] = {}
    waits: list[float] = []
    told = PER_SECOND * WARM_UP_SECONDS
    with psycopg.connect(as_role(url, PROJECTOR), autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        open_pipe = True
        while open_pipe or awaited:
            while open_pipe and ours.poll():
                try:
                    asked: Asked = ours.recv()
                except EOFError:
                    open_pipe = False
                    break
                awaited[asked[0], asked[1]] = asked[2]
            if awaited:
                pairs = list(awaited)
                cursor.execute(
                    VISIBLE,
                    ([pair[0] for pair in pairs], [pair[1] for pair in pairs]),
                    prepare=True,
                )
                now = time.monotonic()
                waits += [now - awaited.pop((loan_id, number)) for loan_id, number in cursor]
                place.progress(Step("latency", "watching rows appear", len(waits),
                                    (seconds + WARM_UP_SECONDS) * PER_SECOND))  # fmt: skip
            time.sleep(LOOK_SECONDS)
    writer.join()
    return waits[told:]


def give_commands(url: str, ids: list[UUID], seconds: int, tell: Connection) -> None:
    """A process of its own: a command at each tick, late ones at once.

    A machine that cannot keep up is not asked for more than twice the time.
    """
    collect_seldom()
    with open_book(url, connections=1) as book, closing(tell):
        started = time.monotonic()
        for number in range((seconds + WARM_UP_SECONDS) * PER_SECOND):
            due = started + number / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() > started + 2 * (seconds + WARM_UP_SECONDS):
                break
            act = samples.act(samples.TODAY)
            receipt = loans.repay(
                book,
                act,
                loan_id=ids[number % len(ids)],
                amount=1_00,
                currency="CNY",
                received_on=samples.TODAY,
                payment_ref=str(act.command_id),
            )
            tell.send((receipt.stream_id, receipt.version, due))


def _bare(place: Place, times: int) -> list[float]:
    """One row committed, one record in a transaction read back, one row committed."""
    place.topics("bare-path.")
    topic = TopicPartition("bare-path.loan.events", 0)
    shared = {
        "bootstrap_servers": place.state.kafka_bootstrap,
        "retry_backoff_ms": 5,
        "metrics_enabled": False,
    }
    url = place.database("path")
    with psycopg.connect(url) as connection:
        connection.execute(RAW_TABLE)
    with (
        psycopg.connect(url, autocommit=True) as connection,
        closing(KafkaProducer(transactional_id="bare-path", **shared)) as producer,
        closing(KafkaConsumer(isolation_level="read_committed", **shared)) as consumer,
    ):
        producer.init_transactions()
        consumer.assign([topic])
        consumer.seek_to_beginning()
        cursor = connection.cursor(binary=True)
        spans = []
        for number in range(times + 10):
            place.progress(Step("latency", "the bare path", number, times))
            started = time.monotonic()
            cursor.execute(INSERT, (uuid4(), STATE), prepare=True)
            producer.begin_transaction()
            producer.send(topic.topic, STATE, b"key", partition=0)
            producer.commit_transaction()
            while not consumer.poll(timeout_ms=200):
                pass
            cursor.execute(INSERT, (uuid4(), STATE), prepare=True)
            spans.append(time.monotonic() - started)
    return spans[10:]
