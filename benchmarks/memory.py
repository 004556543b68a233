"""What each process holds in memory while everything runs, and after work."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import samples
from benchmarks.place import Place
from benchmarks.report import Aim, Line, resident_mib
from infra.bootstrap import open_book
from infra.embedded.part import Step
from infra.plan import CONSUMERS
from infra.settings import child_environment

BARE = (
    "import psycopg, kafka, fastavro, eventsourcing.postgres, infra.settings, pathlib;"
    "print(next(line.split()[1] for line in"
    " pathlib.Path('/proc/self/status').read_text().splitlines() if line.startswith('VmRSS')))"
)

STARTER = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def measure(place: Place) -> list[Line]:
    """Resident memory, shared pages counted in full."""
    state = place.everything()
    place.progress(Step("memory", "letting the processes work", 0, 0))
    with open_book(state.database_url, connections=1) as book:
        for ids in samples.fill(book, place.pick(2_000, 500), samples.past(3)):
            loan_id = ids[0]
    command = (
        *(sys.executable, "-m", "entrypoints.cli", "repay", str(loan_id), "1.00"),
        *("--on", samples.DAY.isoformat(), "--json"),
    )
    environment = child_environment(**place.settings.environment())
    writer = _peak_mib(command, environment)
    bare_said = subprocess.run(
        [sys.executable, "-c", BARE], env=environment, stdout=subprocess.PIPE, check=True
    ).stdout
    bare = int(bare_said) / 1024
    held = {"CLI repay (peak)": writer}
    for name in ("relay", *CONSUMERS):
        pid = state.process(name).pid
        assert pid is not None
        held[name] = resident_mib(pid)
    kafka = state.process("kafka").pid
    assert kafka is not None
    lines = [
        Line("memory", name, "MiB", size, "Python with the libraries", bare, Aim.AT_MOST, 150)
        for name, size in held.items()
    ]
    heap = float(place.settings.kafka_heap.removesuffix("m"))
    return [
        *lines,
        Line("memory", "Kafka's JVM", "MiB", resident_mib(kafka), "its heap", heap, Aim.NONE, 0),
    ]


def _peak_mib(command: tuple[str, ...], environment: dict[str, str]) -> float:
    """The most a command held while it ran, by the kernel's count.

    Started by a small process: the kernel counts what the starting one held as well.
    """
    said = subprocess.run(
        [sys.executable, "-S", "-c", STARTER, *command],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return int(said) / 1024
