"""Processes live and die as they should, with real servers and real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psycopg
import pytest

from infra import processes, supervisor
from infra.embedded.part import Command
from infra.plan import CONSUMERS, Process
from infra.processes import State
from infra.settings import ROOT, Settings, child_environment
from infra.trouble import Trouble
from tests.conftest import temporary_home

ATTACHED = """
import time
from infra import processes, supervisor
from infra.settings import Settings
processes.up(Settings(), only=["postgres"], attached=True)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A home of the test's own, in which nothing runs afterwards."""
    with temporary_home() as home:
        made = Settings(home=home, database_url=None, kafka_bootstrap=None)
        try:
            yield made
        finally:
            processes.down(made)


def test_both_servers_start_and_nothing_is_left_after_down(settings: Settings) -> None:
    steps: list[str] = []

    state = processes.up(
        settings, lambda step: steps.append(step.part), only=["postgres", "kafka"], attached=True
    )

    assert [each.state for each in state.processes] == ["ready", "ready"]
    assert {"postgres", "kafka"} <= set(steps)
    assert answers(state)
    assert processes.connected(settings).kafka_bootstrap == state.kafka_bootstrap
    assert processes.down(settings)
    assert gone(state)
    assert processes.status(settings) is None
    assert not processes.down(settings)


def test_a_second_up_changes_nothing_and_says_so(settings: Settings) -> None:
    first = processes.up(settings, only=["postgres"], attached=True)

    second = processes.up(settings)

    assert second.already_running
    assert second.processes == first.processes


def test_the_state_file_is_for_its_owner_only(settings: Settings) -> None:
    processes.up(settings, only=["postgres"], attached=True)

    modes = {
        name: (settings.home / name).stat().st_mode & 0o777
        for name in ("state.json", "postgres/password")
    }

    assert modes == {"state.json": 0o600, "postgres/password": 0o600}


def test_a_killed_server_comes_back_at_the_same_address(settings: Settings) -> None:
    before = processes.up(settings, only=["postgres"], attached=True)
    with psycopg.connect(before.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")

    kill(before, "postgres")

    def is_back() -> bool:
        now = processes.status(settings)
        return (
            now is not None
            and now.process("postgres").state == "ready"
            and now.process("postgres").restarts == 1
        )

    wait_until(is_back)
    with psycopg.connect(before.database_url) as connection:
        assert connection.execute("SELECT figure FROM kept").fetchone() == (7,)


def test_children_die_with_a_killed_supervisor_and_up_works_again(settings: Settings) -> None:
    state = processes.up(settings, only=["postgres", "kafka"], attached=True)

    os.kill(state.pid, signal.SIGKILL)

    wait_until(lambda: gone(state))
    assert processes.status(settings) is None
    again = processes.up(settings, only=["postgres"], attached=True)
    assert again.pid != state.pid
    assert answers(again)


def test_processes_end_with_the_program_they_are_attached_to(settings: Settings) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", ATTACHED],
        env=child_environment(**settings.environment()),
        stdout=subprocess.PIPE,
    )
    assert program.stdout
    program.stdout.readline()
    state = processes.status(settings)
    assert state
    program.kill()
    program.communicate()

    wait_until(lambda: gone(state) and processes.status(settings) is None)


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.6, 1.2])
def test_ctrl_c_during_up_leaves_nothing_behind(settings: Settings, delay: float) -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and so its children.
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", "up"],
            env=child_environment(**settings.environment()),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, heeded)
    time.sleep(delay)
    os.killpg(program.pid, signal.SIGINT)
    program.wait(60)

    wait_until(lambda: not processes_of(settings.home))


def test_a_frozen_server_is_stopped_too(settings: Settings) -> None:
    state = processes.up(settings, only=["postgres"], attached=True)
    pid = state.process("postgres").pid
    assert pid
    os.kill(pid, signal.SIGSTOP)

    processes.down(settings)

    assert gone(state)


def test_two_homes_run_beside_each_other(settings: Settings) -> None:
    with temporary_home() as home:
        other = settings.model_copy(update={"home": home})
        try:
            one = processes.up(settings, only=["postgres"], attached=True)
            two = processes.up(other, only=["postgres"], attached=True)
            assert one.database_url != two.database_url
            processes.down(settings)
            assert answers(two)
        finally:
            processes.down(other)


def test_a_recycled_process_id_is_never_killed(settings: Settings) -> None:
    stranger = subprocess.Popen(["sleep", "60"], process_group=0)
    try:
        state = processes.up(settings, only=["postgres"], attached=True)
        os.kill(state.pid, signal.SIGKILL)
        wait_until(lambda: gone(state))
        old = replace(state.process("postgres"), pid=stranger.pid)
        (settings.home / "state.json").write_text(
            json.dumps(asdict(replace(state, processes=[old])))
        )

        assert not processes.down(settings)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_failing_migration_ends_the_start_in_one_sentence(settings: Settings) -> None:
    unreachable = settings.model_copy(
        update={
            "database_url": "postgresql://nobody@127.0.0.1:1/none",
            "kafka_bootstrap": "127.0.0.1:1",
        }
    )

    with pytest.raises(Trouble, match="migrate does not start"):
        processes.up(unreachable, only=["migrate"], attached=True)

    assert processes.status(settings) is None


def test_a_process_that_keeps_ending_is_reported_and_restarted_ever_later(tmp_path: Path) -> None:
    process = Process("worker", lambda _again: Command(["false"], {"PATH": "/bin"}))
    child = supervisor._Child(process, tmp_path / "worker.log")
    delays = []
    for _run in range(5):
        child.start()
        assert child.running
        child.running.wait()
        child.look()
        delays.append(round(child.next_start - time.monotonic(), 1))

    assert child.report().state == "failing"
    assert child.report().last_exit == 1
    assert delays == sorted(set(delays))


def test_a_log_is_limited_and_the_one_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 10)
    log = tmp_path / "worker.log"
    log.write_text("a long line of a log\n")

    processes.limit_log(log)

    assert log.read_text() == ""
    assert (tmp_path / "worker.log.1").read_text() == "a long line of a log\n"


def test_every_consumer_of_the_tree_has_a_process() -> None:
    folder = ROOT / "consumers"
    there = {path.stem for path in folder.glob("[a-z]*.py")}

    # What reads providers' messages runs where a topic is named only.
    assert there - {"inbound"} <= set(CONSUMERS)


def answers(state: State) -> bool:
    with psycopg.connect(state.database_url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def kill(state: State, name: str) -> None:
    pid = state.process(name).pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def gone(state: State) -> bool:
    ids = [(each.pid, each.born) for each in state.processes]
    return not any(processes.alive(pid, born) for pid, born in [*ids, (state.pid, state.born)])


def processes_of(home: Path) -> list[str]:
    """Command lines and environments of live processes that speak of *home*."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(home).encode() in said:
            found.append(said.decode(errors="replace"))
    return found


def wait_until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)
