"""Runs the benchmarks, one after the other, in a scratch home."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import (
    append,
    commands,
    contact,
    end_of_day,
    engine,
    latency,
    memory,
    projector,
    relay,
)
from benchmarks.place import Place, scratch
from benchmarks.report import Line, Machine, machine
from infra.embedded.part import Progress

# Those for which everything has to run come last: the servers restart once.
MEASURES: dict[str, Callable[[Place], list[Line]]] = {
    "append": append.measure,
    "commands": commands.measure,
    "relay": relay.measure,
    "projector": projector.measure,
    "end-of-day": end_of_day.measure,
    "contact": contact.measure,
    "latency": latency.measure,
    "memory": memory.measure,
}


@dataclass(frozen=True)
class Report:
    """The table, and the machine it was measured on."""

    machine: Machine
    lines: list[Line]


@dataclass(frozen=True)
class EngineReport:
    """The engine beside its peers, and the machine it was measured on."""

    machine: Machine
    rows: list[engine.Row]


def run_engine(progress: Progress, *, quick: bool) -> EngineReport:
    """The engine's rows."""
    load = os.getloadavg()[0]
    with scratch(progress, quick=quick) as place:
        rows = engine.measure(place)
        return EngineReport(machine(place.state.database_url, load), rows)


def run(progress: Progress, names: Sequence[str], *, quick: bool) -> Report:
    """The named benchmarks' lines."""
    load = os.getloadavg()[0]
    with scratch(progress, quick=quick) as place:
        lines = [line for name in names for line in MEASURES[name](place)]
        return Report(machine(place.state.database_url, load), lines)
