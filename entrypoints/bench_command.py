"""The ``bench`` command: how fast this machine runs it, beside what would be possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from benchmarks.report import Line
    from benchmarks.run import Report

NAMES = "append, commands, relay, projector, end-of-day, latency, memory"


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Some of: {NAMES}.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less work, rougher figures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure it, each figure beside the raw limit of the same run.

    Uses a scratch home with servers of its own, some three minutes (--quick: one).
    Exits with 1 when an aim is missed.
    """
    from benchmarks.run import MEASURES, run
    from entrypoints import output

    names = only or list(MEASURES)
    for name in names:
        if name not in MEASURES:
            raise typer.BadParameter(f"{name!r} is none of {NAMES}.")
    with output.progress(quiet=as_json) as progress:
        report = run(progress, [name for name in MEASURES if name in names], quick=quick)
    answer = {
        "machine": report.machine,
        "lines": [
            {**_fields(line), "ratio": round(line.ratio, 3), "met": line.met}
            for line in report.lines
        ],
    }
    output.emit(answer, as_json=as_json, render=lambda _: _render(report))
    if not all(line.met for line in report.lines):
        raise typer.Exit(1)


def _fields(line: Line) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(line)


def _render(report: Report) -> None:
    from entrypoints import output

    rows = output.table(
        "line", "what", "ours", "raw", "unit", "raw is", "ratio", "aim", "met",
        right=("ours", "raw", "ratio"),
    )  # fmt: skip
    for column in rows.columns:
        column.no_wrap = column.header not in {"what", "raw is"}
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
    m = report.machine
    output.out.print(
        f"{m.processor}, {m.cores} cores, {m.memory_gib} GiB, Linux {m.kernel}, Python {m.python},"
        f" PostgreSQL {m.postgresql}, Kafka {m.kafka}; load before it began {m.load:.1f}"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
