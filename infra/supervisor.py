"""The one parent of a home's processes: starts, watches, restarts and stops them.

Runs as ``python -m infra.supervisor``; ``processes.up`` starts it and reads what it
prints. It holds the home's lock for as long as it lives, and its children die with
it, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from infra import clock
from infra.embedded.part import Step
from infra.embedded.process import start
from infra.plan import Plan, Process
from infra.processes import ProcessState, State, born_at, end_leftovers, limit_log, open_log
from infra.settings import Settings
from infra.trouble import Trouble

FIRST_DELAY = 0.2
LONGEST_DELAY = 30.0
SOON = 10.0
"""A process that ends within so many seconds of its start counts as a quick end."""
CRASH_LOOP = 3
"""So many quick ends in a row, and the process is reported as failing."""
LONGEST_START = 120.0


class _Child:
    """A process and how it fares."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.state = "waiting"
        self.running: subprocess.Popen[bytes] | None = None
        self.prepared = False
        self.preparing: Future[None] | None = None
        self.born: int | None = None
        self.started_at: datetime | None = None
        self.since = 0.0
        self.next_start = 0.0
        self.quick_ends = 0
        self.restarts = 0
        self.last_exit: int | None = None
        self.was_ready = False

    @property
    def up(self) -> bool:
        return self.state in {"ready", "done"}

    def start(self) -> None:
        command = self.process.command(self.was_ready)
        with open_log(self.log) as log:
            self.running = start(
                command,
                death_signal=self.process.death_signal,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.born = born_at(self.running.pid)
        self.started_at = clock.now()
        self.since = time.monotonic()
        self.state = "starting"

    def look(self) -> None:
        """Its state is as it is now."""
        if not self.running:
            return
        code = self.running.poll()
        lived = time.monotonic() - self.since
        if code is not None:
            self._ended(code, lived)
        elif self.state == "starting":
            ready = self.process.ready
            if ready is None:
                settled = not self.process.once and lived >= self.process.settle
            else:
                settled = ready()
            if settled:
                self.state = "ready"
                self.was_ready = True
        elif lived > SOON:
            self.quick_ends = 0

    def _ended(self, code: int, lived: float) -> None:
        self.last_exit = code
        self.running = self.born = None
        if self.process.once and code == 0:
            self.state = "done"
            return
        self.quick_ends = self.quick_ends + 1 if lived < SOON else 0
        self.state = "failing" if self.quick_ends >= CRASH_LOOP else "restarting"
        delay = FIRST_DELAY * 2 ** max(0, self.quick_ends - 1)
        self.next_start = time.monotonic() + min(LONGEST_DELAY, delay)

    def signal(self, number: signal.Signals) -> None:
        if self.running and self.running.poll() is None:
            self.running.send_signal(number)

    def report(self) -> ProcessState:
        return ProcessState(
            name=self.process.name,
            state=self.state,
            pid=self.running.pid if self.running else None,
            born=self.born,
            started_at=self.started_at.isoformat() if self.started_at else None,
            restarts=self.restarts,
            last_exit=self.last_exit,
            log=str(self.log),
        )


class Supervisor:
    """The one parent of a home's processes; all of it on the main thread.

    Children are told to die with the thread that made them, so only preparing
    (downloads, initdb) goes to other threads.
    """

    def __init__(self, settings: Settings, only: Sequence[str] | None) -> None:
        """Nothing is started yet."""
        self._settings = settings
        self._plan = Plan(settings)
        self._children = [
            _Child(_only_after(process, only), settings.logs / f"{process.name}.log")
            for process in self._plan.processes()
            if only is None or process.name in only
        ]
        self._phase = "starting"
        self._started_at = clock.now()
        self._stop = False
        self._steps: list[Step] = []
        self._listener: IO[str] | None = sys.stdout
        self._written = ""

    def run(self) -> int:
        """Runs until told to stop; the exit code of the supervisor."""
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

        trouble = None
        pool = ThreadPoolExecutor(4)
        limit = time.monotonic() + LONGEST_START
        checked_logs = time.monotonic()
        watched: list[int] = [wake, sys.stdin.fileno()]
        try:
            while not self._stop:
                self._advance(pool)
                if self._phase == "starting":
                    limit = max(limit, self._still_preparing() + LONGEST_START)
                    self._check_start(late=time.monotonic() > limit)
                self._write_state()
                if time.monotonic() - checked_logs > 30:
                    checked_logs = time.monotonic()
                    for child in self._children:
                        limit_log(child.log)
                readable, _, _ = select.select(watched, [], [], self._pause())
                if wake in readable:
                    os.read(wake, 4096)
                if sys.stdin.fileno() in readable:
                    said = os.read(sys.stdin.fileno(), 4096)
                    watched.remove(sys.stdin.fileno())
                    # The end without a word: who started us has ended.
                    self._stop = said != b"detach\n" or self._phase == "starting"
        except Trouble as error:
            trouble = str(error)
        self._phase = "stopping"
        self._stop_children()
        pool.shutdown(wait=False, cancel_futures=True)
        (self._settings.home / "state.json").unlink(missing_ok=True)
        if trouble:
            self._tell({"trouble": trouble})
        return 1 if trouble else 0

    def _told_to_stop(self, *_: object) -> None:
        self._stop = True

    def _advance(self, pool: ThreadPoolExecutor) -> None:
        for child in self._children:
            if child.process.prepare and not child.prepared:
                child.prepared = True
                child.preparing = pool.submit(child.process.prepare, self._steps.append)
                child.state = "preparing"
            if child.preparing and child.preparing.done():
                child.preparing.result()
                child.preparing = None
                child.state = "waiting"
            child.look()
            if child.running or child.preparing or child.state == "done":
                continue
            if child.state in {"restarting", "failing"}:
                if time.monotonic() >= child.next_start:
                    child.restarts += 1
                    child.start()
            elif all(other.up for other in self._before(child)):
                child.start()
                self._steps.append(Step(child.process.name, "starting"))
        while self._steps:
            self._tell(asdict(self._steps.pop(0)))

    def _before(self, child: _Child) -> Iterator[_Child]:
        return (other for other in self._children if other.process.name in child.process.after)

    def _still_preparing(self) -> float:
        """Now, while a download may take its time; else the beginning of time."""
        preparing = any(child.preparing for child in self._children)
        return time.monotonic() if preparing else 0.0

    def _check_start(self, *, late: bool) -> None:
        for child in self._children:
            failed = child.state == "failing" or (
                child.process.once and child.state == "restarting"
            )
            if child.process.essential and (failed or (late and not child.up)):
                raise Trouble(
                    f"{child.process.name} does not start: {_last_line(child.log)} "
                    f"(the whole log: {child.log})"
                )
        if late or all(
            child.up or (child.state == "failing" and not child.process.essential)
            for child in self._children
        ):
            self._phase = "running"
            self._write_state()
            self._tell({"ready": True})
            self._listener = None
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    def _pause(self) -> float:
        if self._phase == "starting" or any(child.state == "starting" for child in self._children):
            return 0.03
        waits = [
            child.next_start - time.monotonic()
            for child in self._children
            if child.state in {"restarting", "failing"}
        ]
        return max(0.0, min([5.0, *waits]))

    def _stop_children(self) -> None:
        """All have ended, in reverse order: nobody outlives what it works on."""
        self._write_state()
        remaining = [child for child in self._children if child.running]
        while remaining:
            names = {child.process.name for child in remaining}
            last = [
                child
                for child in remaining
                if not any(
                    child.process.name in self._all_before(other)
                    for other in remaining
                    if other is not child
                )
            ]
            assert last, f"{names} wait for each other"
            for child in last:
                child.signal(child.process.stop_signal)
                child.signal(signal.SIGCONT)  # a stopped one hears nothing
            for child in last:
                self._wait_for(child)
            remaining = [child for child in remaining if child not in last]

    def _all_before(self, child: _Child) -> set[str]:
        names: set[str] = set()
        for other in self._before(child):
            names |= {other.process.name} | self._all_before(other)
        return names

    def _wait_for(self, child: _Child) -> None:
        running = child.running
        assert running
        try:
            running.wait(child.process.stop_limit)
        except subprocess.TimeoutExpired:
            pass
        else:
            if child.process.stopped:
                child.process.stopped()
        # What it started itself is in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        child.running = None
        child.state = "stopped"
        self._write_state()

    def _tell(self, message: dict[str, Any]) -> None:
        if not self._listener:
            return
        try:
            print(json.dumps(message), file=self._listener, flush=True)
        except BrokenPipeError:
            self._stop = True

    def _write_state(self) -> None:
        state = State(
            phase=self._phase,
            pid=os.getpid(),
            born=born_at(os.getpid()) or 0,
            home=str(self._settings.home),
            database_url=self._plan.database_url(),
            kafka_bootstrap=self._plan.kafka_bootstrap(),
            started_at=self._started_at.isoformat(),
            processes=[child.report() for child in self._children],
        )
        text = json.dumps(asdict(state), indent=1)
        if text != self._written:
            self._written = text
            _write(self._settings.home / "state.json", text)


def _only_after(process: Process, only: Sequence[str] | None) -> Process:
    if only is None:
        return process
    return replace(process, after=tuple(name for name in process.after if name in only))


def _write(file: Path, text: str) -> None:
    """The file holds *text* whole, or what it held before."""
    beside = file.with_suffix(".new")
    beside.touch(mode=0o600)  # it names the database's password
    beside.write_text(text)
    beside.replace(file)


def _lock(home: Path) -> IO[str] | None:
    """The lock, held while the file is open; None when another holds it."""
    lock = (home / "supervisor.lock").open("a")
    until = time.monotonic() + 1.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                lock.close()
                return None
            time.sleep(0.02)  # somebody may just be looking
        else:
            return lock


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines() if file.exists() else []
    return lines[-1][:300] if lines else "it said nothing"


def main(arguments: Sequence[str]) -> int:
    """Runs the supervisor of LOANS_HOME; what it prints is for ``up`` to read."""
    settings = Settings()
    only = arguments[1].split(",") if arguments[:1] == ["--only"] else None
    lock = _lock(settings.home)
    if lock is None:
        print(json.dumps({"busy": True}), flush=True)  # noqa: T201
        return 0
    with lock:
        end_leftovers(settings.home)
        return Supervisor(settings, only).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
