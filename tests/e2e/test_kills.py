"""Everything is killed while loans are opened and serviced; nothing is lost or doubled.

One run kills thirty times: the writer, the relay, projectors, the end-of-day run, Kafka
and PostgreSQL, at moments that the seed decides; a projector is also frozen for longer
than its session. Ten runs in a row, each on a new system and with the next seed::

    LOANS_TEST_KILL_RUNS=10 ./loans test tests/e2e/test_kills.py --log-cli-level=INFO

``LOANS_TEST_KILL_SEED`` sets the first seed; a run that fails names its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.base.stream import Act
from domain.commands import days, products
from entrypoints.demo.offers import HOME_CNY
from infra import clock
from infra.bootstrap import open_book
from infra.freshness import wait_for, wait_until_current
from infra.plan import CONSUMERS
from infra.processes import alive
from infra.reading import connection
from infra.verify import Published, decoded, stored_events
from tests.e2e.system import (
    DEADLINE_SECONDS,
    System,
    lines_of,
    must_hold,
    running_system,
    wait_until,
)

log = logging.getLogger(__name__)
logging.getLogger("kafka").setLevel(logging.WARNING)


class Given(BaseSettings):
    """How often, and how, from the environment."""

    model_config = SettingsConfigDict(env_prefix="LOANS_TEST_")

    kill_runs: int = 1
    kill_seed: int = 20250101


GIVEN = Given()
SEEDS = range(GIVEN.kill_seed, GIVEN.kill_seed + GIVEN.kill_runs)

JAN_1 = date(2025, 1, 1)
SESSION_SECONDS = 6.0
"""How long Kafka waits for a word of a member of a group before it gives its work away."""

FIRST = ("relay", "projector", "kafka", "postgres", "writer", "day")
"""Each is killed once alone, to see how long staff wait until all is as before."""
BURSTS = Counter(relay=5, projector=7, writer=4, day=4, postgres=3, kafka=1)
"""And these, four at a time in quick succession."""
KILLS_PER_BURST = 4


@dataclass
class Scene:
    """A system with its writer, and those who end them."""

    system: System
    seed: int
    rng: random.Random
    writer: subprocess.Popen[bytes] | None = None
    writers: int = 0
    day: subprocess.Popen[bytes] | None = None
    closing: date = JAN_1
    killed: set[int] = field(default_factory=set)
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, float] = field(default_factory=dict)

    # --- who is killed --------------------------------------------------------------

    def kill(self, victim: str) -> None:
        """SIGKILL for the victim, wherever it is in its work."""
        match victim:
            case "writer":
                self._kill_writer()
            case "day":
                self._kill_day()
            case "projector":
                self._kill_process(self.rng.choice(CONSUMERS))
            case _:
                self._kill_process(victim)
        self.kills[victim] += 1

    def _kill_process(self, name: str) -> None:
        log.info("%s is killed", name)
        os.kill(self.living(name), signal.SIGKILL)

    def living(self, name: str) -> int:
        """The process id of one that runs and was not killed before."""

        def found() -> int | None:
            state = self.system.process(name)
            if state.pid in self.killed or not alive(state.pid, state.born):
                return None
            return state.pid

        pid: int = wait_until(found, f"{name} runs")
        self.killed.add(pid)
        return pid

    def _kill_writer(self) -> None:
        assert self.writer is not None
        assert self.writer.poll() is None, f"the writer ended by itself: {self.writer.returncode}"
        log.info("the writer is killed")
        self.writer.kill()
        self.writer.wait()
        self.start_writer()

    def start_writer(self) -> None:
        """A writer, with a seed of its own."""
        self.writers += 1
        seed = str(self.seed * 1000 + self.writers)
        self.writer = self.system.start("tests.e2e.writer", seed, log="writer")

    def stop_writer(self) -> None:
        """It has ended by its own will, with nothing left unanswered."""
        assert self.writer is not None
        self.writer.terminate()
        assert self.writer.wait(DEADLINE_SECONDS) == 0

    def _kill_day(self) -> None:
        """In the middle of its work: some days are closed, others not."""
        until = time.monotonic() + DEADLINE_SECONDS
        while True:
            assert time.monotonic() < until, "the end-of-day run is never caught at work"
            if self.day is None or self.day.poll() == 0:
                self.closing += timedelta(days=25)
            if self.day is None or self.day.poll() is not None:
                self.start_day()
            assert self.day is not None
            with contextlib.suppress(psycopg.OperationalError):
                self._wait_for_a_closed_day(self.day)
            time.sleep(self.rng.uniform(0, 0.1))
            if self.day.poll() is None:
                log.info("the end-of-day run is killed")
                self.day.kill()
                self.day.wait()
                self.start_day()
                return

    def _wait_for_a_closed_day(self, run: subprocess.Popen[bytes]) -> None:
        """Returns once *run* has closed one more day, or ended."""
        with psycopg.connect(self.system.database_url, autocommit=True) as conn:
            closed = "SELECT count(*) FROM store.book_events WHERE topic = 'day.closed'"
            before = conn.execute(closed).fetchone()
            while run.poll() is None and conn.execute(closed).fetchone() == before:
                time.sleep(0.01)

    def start_day(self) -> None:
        """The end-of-day run up to the day that is to be closed."""
        self.day = self.system.start(
            "entrypoints.cli", "day", "close", str(self.closing), "--json", log="day"
        )

    def finish_day(self) -> None:
        """Run again until it is done, as a scheduler would."""
        assert self.day is not None
        until = time.monotonic() + DEADLINE_SECONDS
        while self.day.wait(DEADLINE_SECONDS) != 0:
            assert time.monotonic() < until, "the end-of-day run does not end well"
            self.start_day()

    # --- coming back ----------------------------------------------------------------

    def recover(self, views: tuple[str, ...] = CONSUMERS) -> float:
        """Seconds until a command given from now on is acknowledged and shown everywhere."""
        begun = time.monotonic()
        journal = self.system.settings.home / "journal.jsonl"
        known = journal.stat().st_size
        stream_id, version = wait_until(lambda: _next_on_a_loan(journal, known), "a next command")
        acknowledged = time.monotonic() - begun
        shown = {}
        for view in views:
            wait_until(partial(self._shows, view, stream_id, version), f"{view} shows it")
            shown[view] = round(time.monotonic() - begun, 1)
        log.info("acknowledged after %.1f s, shown after %s", acknowledged, shown)
        return time.monotonic() - begun

    def _shows(self, view: str, stream_id: UUID, version: int) -> bool:
        with connection(self.system.database_url) as conn:
            return wait_for(conn, view, stream_id, version, timeout_seconds=1.0)

    def all_run(self) -> bool:
        """Whether every process is as it should be, and none of those killed."""
        return not self.system.troubled() and all(
            self.system.process(name).pid not in self.killed for name in (*CONSUMERS, "relay")
        )

    # --- frozen ---------------------------------------------------------------------

    def freeze_a_projector(self) -> None:
        """It sleeps past its session, another takes its partitions, and it wakes."""
        name = self.rng.choice(CONSUMERS)
        second = self.system.start(f"consumers.{name}", log=f"{name}-second")
        self.recover((name,))
        frozen = self.system.process(name)
        assert frozen.pid is not None
        os.kill(frozen.pid, signal.SIGSTOP)
        asleep = time.monotonic()
        try:
            took = self.recover((name,))
            log.info("frozen %s: another shows what is new after %.1f s", name, took)
            rest = SESSION_SECONDS + 1 - (time.monotonic() - asleep)
            time.sleep(max(0.0, rest))
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        self.recoveries["frozen projector"] = took
        self.recover((name,))
        second.kill()
        second.wait()
        self.recover((name,))


def _next_on_a_loan(journal: Path, known: int) -> tuple[UUID, int] | None:
    """The first command on a loan that was acknowledged after *known* bytes of the journal."""
    with journal.open("rb") as file:
        file.seek(known)
        for line in file.read().split(b"\n")[:-1]:
            said = json.loads(line)
            if said["name"] in {"repay", "reverse", "charge_fee", "disburse"}:
                return UUID(said["stream_id"]), said["version"]
    return None


@pytest.fixture(params=SEEDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A new system with a product, an open day and a writer at work."""
    seed = int(request.param)
    with running_system(tmp_path) as system:
        with open_book(system.database_url, connections=1) as book:
            command_id = uuid4()
            act = Act("product", JAN_1, clock.now(), command_id, command_id)
            products.publish(book, act, offer=HOME_CNY)
            zone = system.settings.zone
            days.open_day(book, JAN_1, zone=zone, now=clock.now())
        made = Scene(system, seed, random.Random(seed))
        made.start_writer()
        journal = system.settings.home / "journal.jsonl"
        wait_until(lambda: len(lines_of(journal)) > 40, "loans to begin with")
        yield made


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_doubled_or_shown_wrong(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    begun = time.monotonic()
    bursts = sorted(BURSTS.elements())
    scene.rng.shuffle(bursts)
    first = list(FIRST)
    scene.rng.shuffle(first)

    for number, victim in enumerate(first):
        scene.kill(victim)
        scene.recoveries[victim] = scene.recover()
        for other in bursts[number * KILLS_PER_BURST :][:KILLS_PER_BURST]:
            time.sleep(scene.rng.uniform(0.05, 1.0))
            scene.kill(other)
        after = scene.recover()
        alone = scene.recoveries[victim]
        log.info("%s came back in %.1f s, four more in %.1f s", victim, alone, after)
    scene.freeze_a_projector()
    scene.finish_day()

    assert scene.kills.total() == 30
    scene.stop_writer()
    with connection(scene.system.database_url) as conn:
        assert wait_until_current(conn, DEADLINE_SECONDS)
    wait_until(scene.all_run, "all processes run again")
    drained = time.monotonic()
    journal_holds(scene.system)
    must_hold(scene.system.checks())
    record_property("seed", scene.seed)
    record_property("recovered_seconds", scene.recoveries)
    log.info(
        "seed %d: %s killed; drained after %.0f s, checked in %.0f s",
        scene.seed,
        dict(scene.kills),
        drained - begun,
        time.monotonic() - drained,
    )


def journal_holds(system: System) -> None:
    """By the writer's own notes and the published bytes alone: each command once, or refused."""
    home = system.settings.home
    intents = {line["command_id"]: line for line in lines_of(home / "intents.jsonl")}
    acknowledged = lines_of(home / "journal.jsonl")
    refused = [line["command_id"] for line in lines_of(home / "refusals.jsonl")]
    answers = Counter([*(line["command_id"] for line in acknowledged), *refused])
    assert set(answers) == set(intents), "a command was left without an answer"
    assert set(answers.values()) == {1}, "a command was answered twice"

    schemas = Published(system.bootstrap).schemas()
    recorded: dict[str, list[tuple[str, int, str, Any]]] = defaultdict(list)
    caused: set[str] = set()
    with psycopg.connect(system.database_url, autocommit=True) as conn:
        for event in stored_events(conn):
            said = decoded(event.state, schemas)
            if said["actor"] == "writer":
                caused.add(str(said["correlation_id"]))
                if said["command_id"] != said["correlation_id"]:
                    continue  # a promise that it keeps, on the borrower's stream
                recorded[str(said["command_id"])].append(
                    (str(event.stream_id), event.version, event.topic, said)
                )
    assert caused <= {line["command_id"] for line in acknowledged}
    for line in acknowledged:
        events = recorded[line["command_id"]]
        where = [(stream, version) for stream, version, _, _ in events]
        last = line["version"]
        assert where == [
            (line["stream_id"], last - back) for back in range(len(where) - 1, -1, -1)
        ], f"{line} was recorded as {where}"
        if line["name"] == "repay":
            asked = intents[line["command_id"]]["content"]
            took = [
                (said["payment_ref"], said["amount"])
                for _, _, topic, said in events
                if topic in {"loan.repaid", "loan.recovery-received"}
            ]
            assert took == [(asked["payment_ref"], asked["amount"])]
