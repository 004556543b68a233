"""The ``explain`` command: where each figure of a loan comes from, to the last minor unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import AsOf, KnownAt, class_rule, known_events
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from domain.loan.as_of import Standing
    from domain.loan.explain import Explanation, Line


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
    if stood.asset_class is not None:
        output.out.print(class_said(stood))
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
                _words(line),
                written(line.amount, stood.currency),
            )
        rows.add_row("", "", "", "owed" if figure != "credit" else "credit",
                     written(told.total(figure), stood.currency), style="bold")  # fmt: skip
        output.show(rows)


def _words(line: Line) -> str:
    """What a part is, how it was computed, and by which rules, where that does not say so."""
    said = line.what + (f": {line.formula}" if line.formula else "")
    rules = [f"{rule.rule} {rule.version}" for rule in line.rules if rule.version not in said]
    return f"{said} [{', '.join(rules)}]" if rules else said


def class_said(stood: Standing) -> str:
    """In which asset class a loan is, since when and why, and the policy that says so."""
    said = str(stood.asset_class).lower().replace("_", " ")
    reason = str(stood.class_reason).lower().replace("_", " ")
    since = f" since {stood.class_since_on}" if stood.class_since_on else ""
    by = f", by {stood.class_policy_version}" if stood.class_policy_version else ""
    return f"Asset class {said}{since}: {reason}{by}."
