"""Runs the processes of one home: starts, watches, restarts, stops them.

``up`` starts a supervisor of its own session and tells its progress until all
parts are ready; ``down`` ends it. The supervisor holds a lock on the home for
as long as it lives, so "is it running?" never depends on a process id alone.
Its children die with it, however it dies.
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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from infra import clock
from infra.embedded.kafka import Kafka
from infra.embedded.part import Command, Progress, Step, silent
from infra.embedded.postgres import Postgres
from infra.embedded.process import start
from infra.settings import Settings, child_environment
from infra.trouble import Trouble

CONSUMERS = ("tracker", "reminders", "collections", "summary", "statement", "portfolio")

FIRST_DELAY = 0.2
LONGEST_DELAY = 30.0
SOON = 10.0
"""A process that ends within so many seconds of its start counts as a quick end."""
CRASH_LOOP = 3
"""So many quick ends in a row, and the process is reported as failing."""
LONGEST_START = 120.0
LOG_LIMIT = 20_000_000


@dataclass(frozen=True)
class Process:
    """One process the supervisor owns, as data."""

    name: str
    command: Callable[[bool], Command]
    """Makes the command; True: it was ready before, addresses must stay."""
    after: tuple[str, ...] = ()
    """Starts when these are ready, or done."""
    prepare: Callable[[Progress], None] | None = None
    ready: Callable[[], bool] | None = None
    """Without one a process is ready when it has stayed for ``settle`` seconds."""
    settle: float = 0.7
    once: bool = False
    """A step: done when it exits with 0; another exit ends the start."""
    essential: bool = False
    """While it is not up, ``up`` has failed."""
    stopped: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_limit: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL


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


# --- what commands and tests call -------------------------------------------------


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
    if _locked(settings.home):
        return _started_by_another(settings)
    killed = _attached.pop(str(settings.home), None)
    if killed:
        _end(killed)

    arguments = ["--only", ",".join(only)] if only is not None else []
    with _open_log(settings.logs / "supervisor.log") as log:
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
    if state and ran and _alive(state.pid, state.born):
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
    left = _end_leftovers(settings.home)
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


# --- the processes ------------------------------------------------------------------


class Plan:
    """What runs in a home, from its settings."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is started yet."""
        self._settings = settings
        home = settings.home
        self._postgres = None if settings.database_url else Postgres(home / "postgres")
        self._kafka = None if settings.kafka_bootstrap else Kafka(home / "kafka", settings)

    def processes(self) -> list[Process]:
        """In the order in which they start; they stop in reverse."""
        servers: list[Process] = []
        if self._postgres:
            postgres = self._postgres
            servers.append(
                Process(
                    "postgres",
                    lambda again: postgres.command(same_port=again),
                    prepare=postgres.prepare,
                    ready=postgres.ready,
                    essential=True,
                    stop_signal=signal.SIGINT,  # fast shutdown
                    stop_limit=30.0,
                    death_signal=signal.SIGQUIT,  # its backends end with it
                )
            )
        if self._kafka:
            kafka = self._kafka
            servers.append(
                Process(
                    "kafka",
                    lambda again: kafka.command(same_port=again),
                    prepare=kafka.prepare,
                    ready=kafka.ready,
                    essential=True,
                    stopped=kafka.stopped,
                    stop_limit=30.0,
                    death_signal=signal.SIGTERM,  # spares it the log recovery
                )
            )
        after = tuple(server.name for server in servers)
        migrate = Process(
            "migrate", self._python("infra.migrations"), after=after, once=True, essential=True
        )
        workers = [
            Process(name, self._python(module), after=("migrate",))
            for name, module in [
                ("relay", "entrypoints.relay"),
                *((name, f"consumers.{name}") for name in CONSUMERS),
            ]
        ]
        return [*servers, migrate, *workers]

    def database_url(self) -> str:
        """Where the database is; empty while that is not known."""
        if self._settings.database_url:
            return self._settings.database_url
        return self._postgres.address if self._postgres else ""

    def kafka_bootstrap(self) -> str:
        """Where Kafka is; empty while that is not known."""
        if self._settings.kafka_bootstrap:
            return self._settings.kafka_bootstrap
        return self._kafka.address if self._kafka else ""

    def _python(self, module: str) -> Callable[[bool], Command]:
        def command(_again: bool) -> Command:  # noqa: FBT001 - Process.command's form
            known = self._settings.model_copy(
                update={
                    "database_url": self.database_url(),
                    "kafka_bootstrap": self.kafka_bootstrap(),
                }
            )
            return Command(
                argv=[sys.executable, "-m", module], env=child_environment(**known.environment())
            )

        return command


# --- the supervisor itself ----------------------------------------------------------


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
        with _open_log(self.log) as log:
            self.running = start(
                command,
                death_signal=self.process.death_signal,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.born = _born(self.running.pid)
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
                        _limit_log(child.log)
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
            born=_born(os.getpid()) or 0,
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


# --- files and processes --------------------------------------------------------------


def _write(file: Path, text: str) -> None:
    """The file holds *text* whole, or what it held before."""
    beside = file.with_suffix(".new")
    beside.touch(mode=0o600)  # it names the database's password
    beside.write_text(text)
    beside.replace(file)


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


def _born(pid: int) -> int | None:
    """When the kernel started that process, in ticks since boot; None: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may hold anything.
    status, *rest = stat.rpartition(")")[2].split()
    return None if status in {"Z", "X"} else int(rest[18])


def _alive(pid: int | None, born: int | None) -> bool:
    return pid is not None and born is not None and _born(pid) == born


def _end_leftovers(home: Path) -> bool:
    """What a killed supervisor left has ended; whether there was any."""
    state = _read(home)
    if state is None:
        return False
    left = [each for each in state.processes if _alive(each.pid, each.born)]
    until = time.monotonic() + 10.0
    # They were told to end when it died; most have by now.
    while any(_alive(each.pid, each.born) for each in left):
        if time.monotonic() > until:
            for each in left:
                if each.pid and _alive(each.pid, each.born):
                    os.killpg(each.pid, signal.SIGKILL)
        time.sleep(0.02)
    (home / "state.json").unlink(missing_ok=True)
    return bool(left)


def _open_log(file: Path) -> IO[bytes]:
    _limit_log(file)
    return file.open("ab")


def _limit_log(file: Path) -> None:
    """It is not longer than the limit; the one before it is kept beside."""
    if file.exists() and file.stat().st_size > LOG_LIMIT:
        # Copied, not moved: who writes to it has it open, for appending.
        before = file.with_suffix(".log.1")
        before.write_bytes(file.read_bytes())
        os.truncate(file, 0)


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
        _end_leftovers(settings.home)
        return Supervisor(settings, only).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
