"""What a benchmark says: each figure beside the raw limit of the same run."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from statistics import median

import psycopg

from infra.embedded.kafka import locked


class Aim(StrEnum):
    """What of a line is held against its aim."""

    RATIO_AT_LEAST = "ratio ≥"
    RATIO_AT_MOST = "ratio ≤"
    AT_MOST = "≤"
    AT_LEAST = "≥"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, the raw limit beside it, and the aim."""

    name: str
    what: str
    unit: str
    ours: float
    raw_what: str
    raw: float
    aim: Aim
    bound: float

    @property
    def ratio(self) -> float:
        """Ours over raw."""
        return self.ours / self.raw

    @property
    def met(self) -> bool:
        """Whether the aim was reached."""
        if self.aim == Aim.NONE:
            return True
        if self.aim == Aim.AT_MOST:
            return self.ours <= self.bound
        if self.aim == Aim.AT_LEAST:
            return self.ours >= self.bound
        if self.aim == Aim.RATIO_AT_MOST:
            return self.ratio <= self.bound
        return self.ratio >= self.bound


def rate(count: int, seconds: list[float]) -> float:
    """How many a second, by the median of runs of *count* each."""
    return count / median(seconds)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were measured on."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    postgresql: str
    kafka: str
    load: float
    """Processes that wanted to run in the minute before: others than ours, if above 0."""


def machine(database_url: str, load: float) -> Machine:
    """This machine, with what runs on it."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return Machine(
        processor=_said_by_kernel("/proc/cpuinfo", "model name"),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        python=sys.version.split()[0],
        postgresql=str(row[0]).split()[0],
        kafka=next(
            jar.coordinate.split(":")[2] for jar in locked() if ":kafka_2." in jar.coordinate
        ),
        load=load,
    )


@cache
def _said_by_kernel(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        said, _, value = line.partition(":")
        if said.strip() == name:
            return value.strip()
    return "unknown"


def resident_mib(pid: int) -> float:
    """Memory that a process holds, in MiB; what it shares with others counts in full."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)
