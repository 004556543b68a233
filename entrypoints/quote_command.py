"""The ``quote`` command: a schedule and what it costs, with no state at all."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.loan.quote import Quote
    from domain.product.product import Offer

BAR = 50


@app.command(rich_help_panel="Questions")
def quote(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="A product file, or CODE:VERSION of the book.")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 10000.00.")],
    months: Annotated[int, typer.Argument(metavar="MONTHS", min=1)],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day it is paid out; else today."),
    ] = None,
    first_due: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When the first instalment is.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="A yearly rate of its own, such as 0.06.")
    ] = None,
    grade: Annotated[
        str | None, typer.Option(help="The risk grade, for products that price by it.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="The borrower's segment, for products with rates by it.")
    ] = None,
    on_time: Annotated[
        int | None, typer.Option(min=0, help="Instalments that were paid on time before.")
    ] = None,
    draw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AMOUNT@DAY",
            help="A payout after the first one, for products with tranches; may be given several"
            " times.",
        ),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the instalments, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the sheet, the schedule and what it costs in a year by each rule; nothing is stored.

    The sheet is the one that disclose would show, by the rules of the product's jurisdiction.

    For a product file nothing has to run. A product that prices by grades is quoted at its
    general rate without one, as is one with rates by segment; an index-linked one as its index
    stands.
    """
    from domain.base.money import minor_units
    from domain.commands.products import caps_signed, cost_shown, rate_on
    from domain.loan.quote import quote as quoted
    from domain.product.product import ProductNotSound
    from entrypoints import output
    from entrypoints.loan_commands import planned_draws
    from entrypoints.session import rules_now
    from infra import clock
    from infra.calendars import business_days
    from infra.settings import Settings

    offer = _offer(product)
    today = clock.business_date(Settings().zone)
    day = on.date() if on else today
    faults = offer.faults()
    if faults:
        raise ProductNotSound(" ".join(faults))
    agreed, policies = _rate(rate), rules_now().policies
    if agreed is None:
        offer = offer.tiered(offer.tier_of(segment, on_time))
    if grade is not None or (agreed is None and not offer.rate_grid):
        agreed = rate_on(offer, policies, day, grade, agreed)
    days = business_days(offer.calendar) if offer.calendar else None
    minor = minor_units(amount, offer.currency)
    draws = planned_draws(draw, offer.currency)
    caps = caps_signed(offer, policies, day)
    terms = offer.with_draws(offer.terms(minor, months, agreed, caps, days), draws)
    shown_by = cost_shown(policies, offer.jurisdiction, day)
    answer = quoted(terms, day, first_due.date() if first_due else None, days, shown_by)
    output.emit(answer, as_json=as_json, render=lambda found: render(found, plot=plot))


def _offer(named: str) -> Offer:
    from domain.product.product import Product
    from infra.trouble import Trouble

    if Path(named).is_file():
        from entrypoints.product_file import read_offer

        return read_offer(Path(named))
    from entrypoints.session import session

    code, _, version = named.rpartition(":")
    if not code:
        raise Trouble(f"{named!r} is neither a product file nor CODE:VERSION.")
    with session() as opened:
        found = opened.book.get_many(Product, opened.ids_opened_by("product.published"))
    for stream in found.values():
        if (stream.offer.code, str(stream.offer.version)) == (code, version):
            return stream.offer
    raise Trouble(f"No product {named} is published: see ./loans product list.")


def _rate(said: str | None) -> Decimal | None:
    from domain.base.terms import rate_fits

    if said is None:
        return None
    try:
        rate = Decimal(said)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate_fits(rate):
        raise typer.BadParameter(f"{said!r} is no yearly rate such as 0.06.")
    return rate


def render(answer: Quote, *, plot: bool) -> None:
    """Print it for a person."""
    from domain.base.money import written
    from entrypoints import output
    from entrypoints.cost_sheet import COST_METHODS, sheet_lines

    terms = answer.terms

    def figure(amount: int) -> str:
        return written(amount, terms.currency)

    output.out.print(
        f"[bold]{figure(terms.amount)} {terms.currency}[/] over {terms.term_months} months"
        f" at {terms.annual_rate:.4%} a year, {terms.product_code} v{terms.product_version},"
        f" paid out {answer.disbursed_on}",
        soft_wrap=True,
    )
    for line in sheet_lines(answer.sheet):
        output.out.print(line, markup=False, soft_wrap=True)
    amounts = ("no.", "principal", "interest", "fees", "to pay", "principal left")
    rows = output.table(
        "no.", "due on", "principal", "interest", "fees", "to pay", "principal left", right=amounts
    )
    left = terms.amount
    for row in answer.instalments:
        left -= row.principal
        parts = (row.principal, row.interest, row.fees)
        day = str(row.due_on)
        if row.pay_by_on != row.due_on:
            day += f", by {row.pay_by_on:%m-%d}"
        rows.add_row(str(row.number), day, *(figure(part) for part in (*parts, sum(parts), left)))
    sums = (answer.principal, answer.interest, answer.fees, answer.total)
    rows.add_row("", "total", *(figure(amount) for amount in sums), "", style="bold")
    output.show(rows)
    costs = output.table("cost in a year, by each rule", "", "", right=("",))
    for cost in answer.costs:
        said = "" if cost.rate is None else f"{cost.rate:,.4%}"
        costs.add_row(COST_METHODS[cost.method], said, cost.reason or "")
    output.show(costs)
    if plot:
        _plot(answer)


def _plot(answer: Quote) -> None:
    """A bar for each instalment: principal full, interest and fees shaded."""
    from entrypoints import output

    most = max(row.principal + row.interest + row.fees for row in answer.instalments)
    for row in answer.instalments:
        principal = row.principal * BAR // most
        whole = (row.principal + row.interest + row.fees) * BAR // most
        output.out.print(f"{row.due_on}  [cyan]{'█' * principal}[/]{'▒' * (whole - principal)}")
    output.out.print("[cyan]█[/] principal  ▒ interest and fees")
