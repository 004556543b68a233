"""The ``explain`` command: where each figure of a loan comes from, to the last minor unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import AsOf, KnownAt, class_rule, known_events
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from domain.loan.explain import Explanation


@app.command(rich_help_panel=QUESTIONS)
def explain(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    figure: Annotated[
        str | None, typer.Option(help="principal, interest, fees, penalty or credit; else all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Trace what a loan owes to events, formulas and roundings; the parts add up to it."""
    from domain.loan.explain import FIGURES
    from domain.loan.explain import explain as explained
    from entrypoints import output
    from infra.trouble import Trouble

    if figure is not None and figure not in FIGURES:
        raise typer.BadParameter(f"{figure!r} is none of {', '.join(FIGURES)}.")
    events, day = known_events(loan, as_of, known_at)
    told = explained(events, day, class_rule(events, day))
    if told is None:
        raise Trouble(f"{loan} had not begun on {day}.")
    if figure is not None:
        told.lines[:] = [line for line in told.lines if line.figure == figure]
    output.emit(told, as_json=as_json, render=render)


def render(told: Explanation) -> None:
    """Print it for a person: a table for each figure, its total below."""
    from domain.base.money import written
    from domain.loan.explain import FIGURES
    from entrypoints import output

    stood = told.stood
    output.out.print(
        f"[bold]{stood.loan_ref}[/]  {stood.state.lower().replace('_', ' ')}  (as of"
        f" {stood.as_of}, by what was known until version {stood.version}, in {stood.currency})"
    )
    if not told.lines:
        output.out.print("Nothing was paid out yet, or nothing of it is owed.")
    for figure in FIGURES:
        lines = [line for line in told.lines if line.figure == figure]
        if not lines:
            continue
        rows = output.table(
            figure, "event", "no.", "what", "amount", right=("event", "no.", "amount"),
            wraps=("what",),
        )  # fmt: skip
        for line in lines:
            rows.add_row(
                str(line.on),
                str(line.version),
                str(line.instalment or ""),
                line.what + (f": {line.formula}" if line.formula else ""),
                written(line.amount, stood.currency),
            )
        rows.add_row("", "", "", "owed" if figure != "credit" else "credit",
                     written(told.total(figure), stood.currency), style="bold")  # fmt: skip
        output.show(rows)
