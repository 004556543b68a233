"""Telling what came of the cases of files, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import typer
from rich.markup import escape

from entrypoints import output
from entrypoints.scenarios.verdicts import FAILED, PASSED, UNSUPPORTED, Verdict


def show(found: list[tuple[str, list[Verdict]]], *, as_json: bool) -> None:
    """Prints the verdicts of each file by its name.

    Raises:
        typer.Exit: with 1, when a case failed.
    """
    answer = [
        {"file": name, **{key: value for key, value in asdict(each).items() if value is not None}}
        for name, verdicts in found
        for each in verdicts
    ]

    def render(_: object) -> None:
        for name, verdicts in found:
            _render(name, verdicts)

    output.emit(answer, as_json=as_json, render=render)
    if any(each.status == FAILED for _, verdicts in found for each in verdicts):
        raise typer.Exit(1)


def _render(name: str, found: list[Verdict]) -> None:
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
