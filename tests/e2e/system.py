"""A complete running system of a test's own: servers, relay, seven projectors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer

from entrypoints import cli
from entrypoints.operations import run_checks
from infra import processes
from infra.embedded.part import Command
from infra.embedded.process import start
from infra.plan import CONSUMERS
from infra.processes import ProcessState
from infra.relay import LEADER_LOCK
from infra.settings import Settings, child_environment
from infra.verify import Check
from tests.conftest import temporary_home

COMMANDS = cache(typer.main.get_command)
"""The command line as a program starts with it; to build it takes longer than most commands."""

DEADLINE_SECONDS = 120.0
"""So long nothing takes even where other work holds the processors; it ends a test that hangs."""


@dataclass(frozen=True)
class System:
    """Where it runs, and what is done from outside with it."""

    settings: Settings
    database_url: str
    bootstrap: str

    def process(self, name: str) -> ProcessState:
        """How a process is just now."""
        state = processes.status(self.settings)
        assert state is not None, "the supervisor has ended"
        return state.process(name)

    def troubled(self) -> list[str]:
        """The processes that are not as they should be."""
        state = processes.status(self.settings)
        assert state is not None, "the supervisor has ended"
        return [each.name for each in state.troubled]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the command line, ended."""
        return subprocess.run(
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            env=child_environment(**self.settings.environment()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def loans(self, *arguments: str, code: int = 0) -> Any:
        """What a command of the command line answers, as JSON; it ends with *code*."""
        ended = self.run(*arguments, "--json")
        said = f"{' '.join(arguments)}: {ended.stdout}{ended.stderr}"
        assert ended.returncode == code, said
        return json.loads(ended.stdout) if ended.stdout else None

    def at_hand(self, *arguments: str, code: int = 0) -> Any:
        """The same as *loans* without a process of its own, which takes longer than most do."""
        printed, told = StringIO(), StringIO()
        ended: int | str | None = 0
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings.environment().items():
                patch.setenv(name, value)
            patch.setattr(typer.main, "get_command", COMMANDS)
            patch.setattr(sys, "argv", ["loans", *arguments, "--json"])
            with redirect_stdout(printed), redirect_stderr(told):
                try:
                    cli.main()
                except SystemExit as left:
                    ended = left.code
        said = printed.getvalue()
        assert (ended or 0) == code, f"{' '.join(arguments)}: {said}{told.getvalue()}"
        return json.loads(said) if said else None

    def start(self, module: str, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        """A process of ours beside those of the supervisor; it dies with the test."""
        with (self.settings.logs / f"{log}.log").open("ab") as file:
            return start(
                Command(
                    argv=[sys.executable, "-m", module, *arguments],
                    env=child_environment(**self.settings.environment()),
                ),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """What a statement gives, as the owner; nothing for one that gives no rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def is_at_work(self) -> bool:
        """Whether the relay leads, and every view has its partitions."""
        [(leads, views)] = self.sql(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s),"
            " (SELECT count(DISTINCT view) FROM views.position)",
            LEADER_LOCK,
        )
        return bool(leads) and views == len(CONSUMERS)

    def checks(self) -> list[Check]:
        """Every invariant, once all is shown."""
        return sorted(run_checks(self.settings), key=lambda check: check.number)


@contextmanager
def running_system(beside: Path) -> Iterator[System]:
    """All processes in a home of their own; nothing is left but the logs, kept *beside*."""
    with temporary_home() as home:
        settings = Settings(home=home, database_url=None, kafka_bootstrap=None)
        try:
            state = processes.up(settings, attached=True)
            assert not state.troubled, [each.log for each in state.troubled]
            system = System(settings, state.database_url, state.kafka_bootstrap)
            wait_until(system.is_at_work, "relay and projectors are at work")
            yield system
        finally:
            processes.down(settings)
            shutil.copytree(settings.logs, beside / "logs")
            for file in home.glob("*.jsonl"):
                shutil.copy(file, beside)


def must_hold(checks: list[Check]) -> None:
    """Every check was made, looked at something, and found no fault."""
    assert [check.number for check in checks] == [1, 2, 3, 4, 5, 7, 8]
    wrong = [f"{c.number} {c.title}: {c.counts} {c.faults}" for c in checks if not c.holds]
    assert not wrong, "\n".join(wrong)


def wait_until(true: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """What *true* gives once that is not false; servers may come and go meanwhile."""
    until = time.monotonic() + seconds
    while True:
        try:
            found, why = true(), ""
        except psycopg.OperationalError as trouble:
            found, why = None, repr(trouble)
        if found:
            return found
        assert time.monotonic() < until, f"not in {seconds:.0f} s: {what} {why}"
        time.sleep(0.02)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]
