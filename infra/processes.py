"""Starts and stops the processes of a home, and tells how they are.

``up`` starts a supervisor of its own session and tells its progress until all
parts are ready; ``down`` ends it. The supervisor holds a lock on the home for
as long as it lives, so "is it running?" never depends on a process id alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from infra.embedded.part import Progress, Step, silent
from infra.settings import Settings, child_environment
from infra.trouble import Trouble
from infra.vault_keys import make_file

LOG_LIMIT = 20_000_000


@dataclass(frozen=True)
class ProcessState:
    """What ``status`` says of a process."""

    name: str
    state: str
    """waiting, preparing, starting, ready, done, restarting, failing or stopped."""
    pid: int | None = None
    born: int | None = None
    """The kernel's start time of *pid*, so that a recycled id is told apart."""
    started_at: str | None = None
    restarts: int = 0
    last_exit: int | None = None
    """Exit code of the last run; below zero: the signal that ended it."""
    log: str = ""


@dataclass(frozen=True)
class State:
    """The processes of a home and where to reach them."""

    phase: str
    """starting, running or stopping."""
    pid: int
    born: int
    home: str
    database_url: str
    kafka_bootstrap: str
    started_at: str
    processes: list[ProcessState] = field(default_factory=list)
    already_running: bool = False

    def process(self, name: str) -> ProcessState:
        """The process of that *name*."""
        return next(each for each in self.processes if each.name == name)

    @property
    def troubled(self) -> list[ProcessState]:
        """Those that are not as they should be."""
        return [each for each in self.processes if each.state not in {"ready", "done"}]


def up(
    settings: Settings,
    progress: Progress = silent,
    *,
    only: Sequence[str] | None = None,
    attached: bool = False,
) -> State:
    """All processes are ready, or *only* those named; the state says how they are.

    Running already: nothing changes, and ``already_running`` is set. With
    *attached* they stop when the calling process ends, however it ends.

    Raises:
        Trouble: PostgreSQL, Kafka or the migrations did not start; nothing is
            left running then, nor after KeyboardInterrupt.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(exist_ok=True)
    make_file(settings)
    if _locked(settings.home):
        return _started_by_another(settings)
    killed = _attached.pop(str(settings.home), None)
    if killed:
        _end(killed)

    arguments = ["--only", ",".join(only)] if only is not None else []
    with open_log(settings.logs / "supervisor.log") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.supervisor", *arguments],
            env=child_environment(**settings.environment()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    try:
        started = _follow(supervisor, settings, progress)
    except BaseException:
        _end(supervisor)
        raise
    if not started:
        _end(supervisor)
        return _started_by_another(settings)
    assert supervisor.stdin
    assert supervisor.stdout
    supervisor.stdout.close()
    if attached:
        _attached[str(settings.home)] = supervisor
    else:
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.write("detach\n")
            supervisor.stdin.close()
        supervisor.returncode = 0  # it is not ours to wait for any more
    state = status(settings)
    if state is None:
        raise Trouble(f"The supervisor ended at once: see {settings.logs / 'supervisor.log'}.")
    return state


def down(settings: Settings, *, limit: float = 60.0) -> bool:
    """Nothing of the home runs any more; False: nothing ran.

    Raises:
        Trouble: the supervisor did not end within *limit* seconds.
    """
    state = _read(settings.home)
    ran = _locked(settings.home)
    if state and ran and alive(state.pid, state.born):
        os.kill(state.pid, signal.SIGTERM)
    until = time.monotonic() + limit
    while _locked(settings.home):
        if time.monotonic() > until:
            raise Trouble(
                f"The supervisor (process {state.pid if state else 'unknown'}) does "
                f"not end: see {settings.logs / 'supervisor.log'}."
            )
        time.sleep(0.02)
    attached = _attached.pop(str(settings.home), None)
    if attached:
        _end(attached)
    left = end_leftovers(settings.home)
    return ran or left


def status(settings: Settings) -> State | None:
    """How the processes of the home are; None when no supervisor runs."""
    if not _locked(settings.home):
        return None
    return _read(settings.home)


def connected(settings: Settings) -> Settings:
    """The settings with both addresses, those of what runs where none are given.

    Raises:
        Trouble: an address is neither given nor is anything running.
    """
    if settings.database_url and settings.kafka_bootstrap:
        return settings
    state = status(settings)
    if state is None or not (state.database_url and state.kafka_bootstrap):
        raise Trouble("Nothing is running here: start it with ./loans up.")
    return settings.model_copy(
        update={
            "database_url": settings.database_url or state.database_url,
            "kafka_bootstrap": settings.kafka_bootstrap or state.kafka_bootstrap,
        }
    )


def _started_by_another(settings: Settings) -> State:
    """How it is once the start that somebody else began has ended."""
    while True:
        state = status(settings)
        if state and state.phase == "running":
            return replace(state, already_running=True)
        if not _locked(settings.home):
            raise Trouble("It was being stopped just now: run ./loans up again.")
        time.sleep(0.05)


def _follow(supervisor: subprocess.Popen[str], settings: Settings, progress: Progress) -> bool:
    """True when all is ready, False when another supervisor holds the home."""
    assert supervisor.stdout
    for line in supervisor.stdout:
        said = json.loads(line)
        if "ready" in said or "busy" in said:
            return "ready" in said
        if "trouble" in said:
            raise Trouble(said["trouble"])
        progress(Step(**said))
    raise Trouble(
        f"The supervisor ended before all was up: see {settings.logs / 'supervisor.log'}."
    )


_attached: dict[str, subprocess.Popen[str]] = {}


def _end(supervisor: subprocess.Popen[str]) -> None:
    """It has ended, and its children with it; a second Ctrl-C does not cut it short."""
    for stream in (supervisor.stdin, supervisor.stdout):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            supervisor.wait()
            return


# --- files and processes --------------------------------------------------------------


def _read(home: Path) -> State | None:
    try:
        said = json.loads((home / "state.json").read_text())
    except FileNotFoundError:
        return None
    said["processes"] = [ProcessState(**each) for each in said["processes"]]
    return State(**said)


def _locked(home: Path) -> bool:
    """Whether a supervisor holds the home."""
    try:
        with (home / "supervisor.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def born_at(pid: int) -> int | None:
    """When the kernel started that process, in ticks since boot; None: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may hold anything.
    status, *rest = stat.rpartition(")")[2].split()
    return None if status in {"Z", "X"} else int(rest[18])


def alive(pid: int | None, born: int | None) -> bool:
    return pid is not None and born is not None and born_at(pid) == born


def end_leftovers(home: Path) -> bool:
    """What a killed supervisor left has ended; whether there was any."""
    state = _read(home)
    if state is None:
        return False
    left = [each for each in state.processes if alive(each.pid, each.born)]
    until = time.monotonic() + 10.0
    # They were told to end when it died; most have by now.
    while any(alive(each.pid, each.born) for each in left):
        if time.monotonic() > until:
            for each in left:
                if each.pid and alive(each.pid, each.born):
                    os.killpg(each.pid, signal.SIGKILL)
        time.sleep(0.02)
    (home / "state.json").unlink(missing_ok=True)
    return bool(left)


def open_log(file: Path) -> IO[bytes]:
    limit_log(file)
    return file.open("ab")


def limit_log(file: Path) -> None:
    """It is not longer than the limit; the one before it is kept beside."""
    if file.exists() and file.stat().st_size > LOG_LIMIT:
        # Copied, not moved: who writes to it has it open, for appending.
        before = file.with_suffix(".log.1")
        before.write_bytes(file.read_bytes())
        os.truncate(file, 0)
