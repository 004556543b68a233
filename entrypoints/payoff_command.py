"""The ``payoff`` command: what closes a loan through a day, part by part."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import as_known
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from domain.loan.payoff import PayoffQuote


@app.command(rich_help_panel=QUESTIONS)
def payoff(
    loan: Loan,
    good_through: Annotated[
        datetime | None,
        typer.Option(
            "--through", formats=["%Y-%m-%d"], help="The last day the money may come; else today."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Quote what closes a loan through a day, and what each day more takes."""
    from domain.loan.payoff import quote_payoff
    from entrypoints import output

    asked = as_known(loan, good_through, None)
    output.emit(quote_payoff(asked.events, asked.day), as_json=as_json, render=render)


def render(quote: PayoffQuote) -> None:
    """Print it for a person: the parts, the sum, and how long it is good."""
    from domain.base.money import written
    from entrypoints import output

    more = output.money(quote.per_diem, quote.currency)
    rows = output.table("", quote.currency, right=(quote.currency,))
    for name in ("principal", "interest", "fees", "penalty"):
        rows.add_row(name, written(getattr(quote, name), quote.currency))
    if quote.credit:
        rows.add_row("less credit", written(-quote.credit, quote.currency))
    rows.add_row("closes the loan", written(quote.amount, quote.currency), style="bold")
    output.out.print(f"[bold]{quote.loan_ref}[/]  good through {quote.good_through}")
    output.show(rows)
    output.out.print(f"A day later it takes {more} more.")
