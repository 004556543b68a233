"""The ``bench`` command: how fast this machine runs it, beside what would be possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.engine import Row
    from benchmarks.report import Line, Machine
    from benchmarks.run import EngineReport, Report

NAMES = "append, commands, relay, projector, end-of-day, contact, latency, memory"


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Some of: {NAMES}.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less work, rougher figures.")] = False,
    engine: Annotated[
        bool,
        typer.Option(
            "--engine",
            help="Instead: schedules, rates and repayments beside other Python packages, which"
            " this installs.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure it, each figure beside the raw limit of the same run.

    Uses a scratch home with servers of its own, some ten minutes (--quick: one).
    Exits with 1 when an aim is missed.
    """
    from benchmarks.run import MEASURES, run, run_engine
    from entrypoints import output

    if engine:
        if only:
            raise typer.BadParameter("--engine is a table of its own: leave --only out.")
        with output.progress(quiet=as_json) as progress:
            found = run_engine(progress, quick=quick)
        said = {
            "machine": _fields(found.machine),
            "rows": [
                {**_fields(row), "ratio": row.ratio and round(row.ratio, 4), "met": row.met}
                for row in found.rows
            ],
        }
        output.emit(said, as_json=as_json, render=lambda _: _render_engine(found))
        if not all(row.met for row in found.rows):
            raise typer.Exit(1)
        return
    names = only or list(MEASURES)
    for name in names:
        if name not in MEASURES:
            raise typer.BadParameter(f"{name!r} is none of {NAMES}.")
    with output.progress(quiet=as_json) as progress:
        report = run(progress, [name for name in MEASURES if name in names], quick=quick)
    answer = {
        "machine": _fields(report.machine),
        "lines": [
            {**_fields(line), "ratio": round(line.ratio, 3), "met": line.met}
            for line in report.lines
        ],
    }
    output.emit(answer, as_json=as_json, render=lambda _: _render(report))
    if not all(line.met for line in report.lines):
        raise typer.Exit(1)


def _fields(line: Line | Row | Machine) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(line)


def _render(report: Report) -> None:
    from entrypoints import output

    rows = output.table(
        "line", "what", "ours", "raw", "unit", "raw is", "ratio", "aim", "met",
        right=("ours", "raw", "ratio"),
    )  # fmt: skip
    _no_wrap(rows, "what", "raw is")
    for line in report.lines:
        rows.add_row(
            line.name,
            line.what,
            _figure(line.ours),
            _figure(line.raw),
            line.unit,
            line.raw_what,
            f"{line.ratio:.2f}",
            f"{line.aim} {line.bound:g}" if line.bound else "",
            "" if not line.bound else "[green]yes[/]" if line.met else "[red]no[/]",
        )
    output.show(rows)
    _render_machine(report.machine)


def _render_engine(report: EngineReport) -> None:
    from entrypoints import output

    rows = output.table(
        "what", "ours", "aim", "package", "its", "ratio", "figures", "met",
        right=("ours", "its", "ratio"),
    )  # fmt: skip
    _no_wrap(rows, "figures")
    for row in report.rows:
        rows.add_row(
            row.task,
            _duration(row.ours),
            f"≤ {_duration(row.bound)}" if row.bound else "",
            row.peer or "none does it",
            "" if row.theirs is None else _duration(row.theirs),
            "" if row.ratio is None else f"{row.ratio:.3g}",
            row.figures,
            "[green]yes[/]" if row.met else "[red]no[/]",
        )
    output.show(rows)
    if any(row.peer and row.theirs is None for row in report.rows):
        output.out.print(
            "./loans bench --engine installs the packages; other ways to start do not."
        )
    _render_machine(report.machine)


def _no_wrap(table: Table, *wrapped: str) -> None:
    for column in table.columns:
        column.no_wrap = column.header not in wrapped


def _duration(microseconds: float) -> str:
    if microseconds < 1_000:
        return f"{_figure(microseconds)} µs"
    return f"{_figure(microseconds / 1_000)} ms"


def _render_machine(m: Machine) -> None:
    from entrypoints import output

    output.out.print(
        f"{m.processor}, {m.cores} cores, {m.memory_gib} GiB, Linux {m.kernel}, Python {m.python},"
        f" PostgreSQL {m.postgresql}, Kafka {m.kafka}; load before it began {m.load:.1f}"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
