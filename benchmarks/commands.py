"""Single commands (load, decide, save) beside raw commits of one row."""

from __future__ import annotations

import time
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from statistics import median
from uuid import UUID, uuid4

import psycopg

from benchmarks import samples
from benchmarks.append import RAW_TABLE
from benchmarks.place import Place
from benchmarks.report import Aim, Line
from domain.commands import loans
from infra.bootstrap import open_book
from infra.embedded.part import Step
from infra.garbage import collect_seldom

EVENTS_BEFORE = 10
USES = 3
"""A loan takes so many commands, so that it keeps about the same length."""
MOST_A_SECOND = 1_500
STATE = bytes(224)
INSERT = (
    "INSERT INTO public.raw_events (originator_id, originator_version, topic, state)"
    " VALUES (%s, 1, 'loan.repaid', %s) RETURNING notification_id"
)

Span = tuple[str, int, int, float, float]
"""What was done, in which round, how often, from when until when."""


def measure(place: Place) -> list[Line]:
    """One connection, then eight, each in a process of its own as our writers are."""
    url = place.database("commands")
    with psycopg.connect(url) as connection:
        connection.execute(RAW_TABLE)
    rounds, seconds = place.pick(7, 3), 0.8 if not place.quick else 0.4
    needed = int(place.pick(7, 3) * seconds * MOST_A_SECOND / USES) + 8
    lines = []
    for writers in (1, 8):
        ids: list[UUID] = []
        with open_book(url, connections=1) as book:
            for stored in samples.fill(book, needed, samples.past(EVENTS_BEFORE - 1)):
                ids += stored
                place.progress(Step("commands", "making loans", len(ids), needed))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        place.progress(Step("commands", f"{writers} at once", 0, 0))
        spans = _run(url, [ids[number::writers] for number in range(writers)], rounds, seconds)
        lines.append(
            Line(
                "commands",
                f"repay, {writers} connection{'s' if writers > 1 else ''}",
                "commands/s",
                _rate(spans, "own"),
                "commits of one row",
                _rate(spans, "raw"),
                Aim.RATIO_AT_LEAST,
                0.4,
            )
        )
    return lines


def _run(url: str, shares: list[list[UUID]], rounds: int, seconds: float) -> list[Span]:
    context = get_context("spawn")
    barrier, answers = context.Barrier(len(shares)), context.Queue()
    writers = [
        context.Process(
            target=_write, args=(url, ids, rounds, seconds, barrier, answers), daemon=True
        )
        for ids in shares
    ]
    for writer in writers:
        writer.start()
    spans = [span for _ in writers for span in answers.get(timeout=120)]
    for writer in writers:
        writer.join()
    return spans


def _rate(spans: list[Span], kind: str) -> float:
    rounds: dict[int, list[Span]] = {}
    for span in spans:
        if span[0] == kind:
            rounds.setdefault(span[1], []).append(span)
    return median(
        sum(span[2] for span in some)
        / (max(span[4] for span in some) - min(span[3] for span in some))
        for some in rounds.values()
    )


def _write(  # noqa: PLR0917 - a process takes its arguments by position
    url: str,
    ids: list[UUID],
    rounds: int,
    seconds: float,
    barrier: Barrier,
    answers: Queue[list[Span]],
) -> None:
    """One writer: rounds of raw commits and of commands, in step with the others."""
    collect_seldom()
    spans: list[Span] = []
    turns = iter(ids * USES)
    with open_book(url, connections=1) as book, psycopg.connect(url, autocommit=True) as raw:
        cursor = raw.cursor(binary=True)

        def commit() -> None:
            cursor.execute(INSERT, (uuid4(), STATE), prepare=True).fetchone()

        def command() -> None:
            act = samples.act(samples.TODAY)
            loans.repay(
                book,
                act,
                loan_id=next(turns),
                amount=1_00,
                currency="CNY",
                received_on=samples.TODAY,
                payment_ref=str(act.command_id),
            )

        for number in range(rounds + 1):
            for kind, do in (("raw", commit), ("own", command)):
                barrier.wait()
                count, started = 0, time.monotonic()
                length = seconds if number else seconds / 4  # the first only warms up
                while time.monotonic() < started + length:
                    do()
                    count += 1
                if number:
                    spans.append((kind, number, count, started, time.monotonic()))
    answers.put(spans)
