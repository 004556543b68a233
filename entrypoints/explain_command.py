"""The ``explain`` command: where each figure of a loan comes from, to the last minor unit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import AsOf, KnownAt, as_known
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.loan.explained import Chain, Explanation, Line, Rule


@app.command(rich_help_panel=QUESTIONS)
def explain(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    figure: Annotated[
        str | None,
        typer.Option(
            help="principal, interest, fees, penalty, credit; payoff, overdue; claim;"
            " days-past-due, bucket, class or cost, with each payment behind it. Else all."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Trace what a loan owes to events, formulas and roundings; the parts add up to it.

    Of what it is called (days past due, bucket, class) and costs in a year, the reasons. Of a
    loan that was written off or sold, the claim: what left the book, what became known of the
    time before since, what was recovered by which payment, and what is open.
    """
    from domain.loan.explain import ASKED
    from domain.loan.explain import explain as explained
    from entrypoints import output
    from infra.trouble import Trouble

    if figure is not None and figure not in ASKED:
        raise typer.BadParameter(f"{figure!r} is none of {', '.join(ASKED)}.")
    asked = as_known(loan, as_of, known_at)
    told = explained(asked.events, asked.day, asked.classes)
    if told is None:
        raise Trouble(asked.not_begun)
    if figure is not None:
        told.lines[:] = [line for line in told.lines if line.figure == figure]
        told.chains[:] = [chain for chain in told.chains if chain.figure == figure]
    output.emit(told, as_json=as_json, render=lambda told: render(told, figure))


def render(told: Explanation, figure: str | None = None) -> None:
    """Print it for a person: a table for each figure, its total below, and then the reasons."""
    from domain.loan.explain import SUMS
    from entrypoints import output

    stood = told.stood
    output.out.print(
        f"[bold]{stood.loan_ref}[/]  {stood.state.lower().replace('_', ' ')}  (as of"
        f" {stood.as_of}, by what was known until version {stood.version}, in {stood.currency})"
    )
    if stood.balance is None:
        output.out.print("Nothing was paid out yet: nothing is owed.")
    elif not told.lines and figure not in {chain.figure for chain in told.chains}:
        output.out.print(f"There is nothing of {figure or 'what is owed'}.")
    for name in SUMS:
        lines = [line for line in told.lines if line.figure == name]
        if lines:
            _render_lines(name, lines, told)
    for chain in told.chains:
        _render_chain(chain, stood.currency, flows=figure is not None)


def _render_lines(name: str, lines: list[Line], told: Explanation) -> None:
    from domain.base.money import written
    from entrypoints import output

    currency = told.stood.currency
    rows = output.table(
        name, "event", "no.", "what", "amount", right=("event", "no.", "amount"), wraps=("what",)
    )
    for line in lines:
        rows.add_row(
            str(line.on),
            str(line.version),
            str(line.instalment or ""),
            _words(line),
            written(line.amount, currency),
        )
    said = SUM_SAID.get(name, "owed")
    rows.add_row("", "", "", said, written(told.total(name), currency), style="bold")
    output.show(rows)


def _render_chain(chain: Chain, currency: str, *, flows: bool) -> None:
    """Print the reasons of a label in their order; what money moved if *flows* are asked."""
    from domain.base.money import exponent, written
    from entrypoints import output

    shown = [reason for reason in chain.reasons if flows or reason.amount is None]
    money = any(reason.amount is not None for reason in shown)
    columns = ("amount", "worth") if money else ()
    rows = output.table(
        chain.figure, "event", "no.", "why", *columns,
        right=("event", "no.", *columns), wraps=("why",),
    )  # fmt: skip
    places = exponent(currency)
    for reason in shown:
        figures = []
        if money:
            amount, worth = reason.amount, reason.worth
            figures.append("" if amount is None else written(amount, currency))
            worth = None if worth is None else worth.scaleb(-places)
            figures.append("" if worth is None else f"{worth:,.{places + 4}f}")
        rows.add_row(
            str(reason.on),
            str(reason.version or ""),
            str(reason.instalment or ""),
            _with_rules(reason.what, reason.rules),
            *figures,
        )
    rows.add_row("", "", "", _value_said(chain), *("" for _ in columns), style="bold")
    output.show(rows)


def _value_said(chain: Chain) -> str:
    if chain.value is None:
        return "none"
    if chain.figure == "cost":
        return f"{Decimal(chain.value):.4%} a year"
    return chain.value.lower().replace("_", " ") if chain.figure == "class" else chain.value


SUM_SAID = {"credit": "credit", "claim": "open", "payoff": "closes the loan", "overdue": "overdue"}
"""What the parts of a figure add up to, where it is not owed."""


def _words(line: Line) -> str:
    """What a part is, how it was computed, and by which rules, where that does not say so."""
    said = line.what + (f": {line.formula}" if line.formula else "")
    return _with_rules(said, [rule for rule in line.rules if rule.version not in said])


def _with_rules(said: str, rules: Sequence[Rule]) -> str:
    """What is said, as it stands there whatever is in it, with the rules behind it."""
    from rich.markup import escape

    named = ", ".join(f"{rule.rule} {rule.version}" for rule in rules)
    return escape(f"{said} [{named}]" if named else said)
