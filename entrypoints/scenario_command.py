"""The command that checks worked cases: ``scenario check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from entrypoints.scenarios.checks import Verdict

scenario = typer.Typer(
    help="Worked cases: check expected figures against the product's own rules.",
    no_args_is_help=True,
)
app.add_typer(scenario, name="scenario")


@scenario.callback()
def _group() -> None:
    """Worked cases: check expected figures against the product's own rules."""


@scenario.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of cases (JSON).")],
    as_json: AsJson = False,
) -> None:
    """Compute every case of the files with the product's own rules, and compare.

    A case passes, fails, or is unsupported: its terms ask for what is not offered.
    Exits with 1 when a case failed, with 2 when a file is none of cases.
    """
    from dataclasses import asdict

    from entrypoints import output
    from entrypoints.scenarios.checks import FAILED, KINDS, verdicts
    from entrypoints.scenarios.files import read

    read_files = [read(path, list(KINDS)) for path in files]
    found = [(file.name, verdicts(file)) for file in read_files]
    answer = [
        {"file": name, **{key: value for key, value in asdict(each).items() if value is not None}}
        for name, each_of in found
        for each in each_of
    ]

    def render(_: object) -> None:
        for name, each_of in found:
            _render(name, each_of)

    output.emit(answer, as_json=as_json, render=render)
    if any(each.status == FAILED for _, each_of in found for each in each_of):
        raise typer.Exit(1)


def _render(name: str, found: list[Verdict]) -> None:
    from collections import Counter

    from rich.markup import escape

    from entrypoints import output
    from entrypoints.scenarios.checks import FAILED, PASSED, UNSUPPORTED

    rows = output.table("case", "verdict", "why", wraps=("why",))
    for each in found:
        if each.status == FAILED:
            rows.add_row(escape(each.id), f"[red]{FAILED}[/]", escape(_why(each)))
    if rows.rows:
        output.show(rows)
    # Many cases are unsupported for one reason: it is told once, with an example.
    reasons: dict[str, list[str]] = {}
    for each in found:
        if each.status == UNSUPPORTED:
            reasons.setdefault(_why(each), []).append(each.id)
    for reason, cases in reasons.items():
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        output.out.print(f"[yellow]{UNSUPPORTED}[/]  {escape(reason)} ({escape(cases[0])}{more})")
    counts = Counter(each.status for each in found)
    line = ", ".join(f"{counts[status]} {status}" for status in (PASSED, FAILED, UNSUPPORTED))
    output.out.print(f"{name}: {line}", markup=False, soft_wrap=True)


def _why(verdict: Verdict) -> str:
    differs = verdict.difference
    if differs is None:
        return verdict.reason or ""
    got = "computed nothing" if differs.computed is None else f"computed {differs.computed}"
    return f"{differs.figure}: expected {differs.expected}, {got}"
