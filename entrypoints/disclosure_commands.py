"""What borrowers were shown of the cost of their loans: listed, and printed again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import Loan

if TYPE_CHECKING:
    from domain.loan.disclosed import Disclosure
    from domain.loan.schedule import Instalment

disclosure = typer.Typer(
    help="What a borrower was shown of the cost of a loan, as it was recorded.",
    no_args_is_help=True,
)
app.add_typer(disclosure, name="disclosure")

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the sheet there as text, too; a new file."),
]

BEFORE = {
    "SIGNING": "before the contract is signed",
    "RENEWAL": "before the term is renewed",
    "CONVERSION": "before what is owed is turned into instalments",
}


@disclosure.command("list")
def list_disclosures(loan: Loan, as_json: AsJson = False) -> None:
    """List what was disclosed on a loan: before signing, before renewals and conversion."""
    from entrypoints import output
    from entrypoints.cost_sheet import COST_METHODS, cost_said

    found = _disclosures(loan)

    def render(_: Any) -> None:
        rows = output.table("no.", "shown on", "before", "cost of a year", "", "digest")
        for each in found:
            rows.add_row(
                str(each.number),
                str(each.shown_on),
                each.before.lower(),
                cost_said(each.annualised_cost),
                COST_METHODS[each.method],
                each.digest[:16],
            )
        output.show(rows)

    output.emit(found, as_json=as_json, render=render)


@disclosure.command("show")
def show_disclosure(
    loan: Loan,
    number: Annotated[
        int | None, typer.Option("--no", min=1, help="Which one, see list; else the last.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print a sheet again exactly as it was shown, and whether its digest still verifies.

    Of a loan that was disclosed before sheets were recorded the totals are all there is.
    """
    from entrypoints import output
    from infra.trouble import Trouble

    found = _disclosures(loan)
    if not found:
        raise Trouble(f"Nothing was disclosed on {loan}: it was taken over, or is not that far.")
    if number is not None and number > len(found):
        raise Trouble(f"There is no disclosure {number} on {loan}: there are {len(found)}.")
    shown = found[-1 if number is None else number - 1]
    write_sheet(shown, out)
    output.emit(shown, as_json=as_json, render=print_sheet)


def _disclosures(loan: str) -> list[Disclosure]:
    from domain.base.stream import Stream
    from domain.loan.disclosed import disclosures
    from entrypoints.session import session

    with session() as opened:
        events = list(opened.book.events.get(opened.stream_id(loan)))
    return disclosures(event for event in events if isinstance(event, Stream.Event))


def must_be_new(out: Path | None) -> None:
    """Pass when *out* is a file that can be made.

    Raises:
        Trouble: it is there already, or has no folder.
    """
    from infra.trouble import Trouble

    if out is None:
        return
    if out.exists():
        raise Trouble(f"{out} is there already: give another --out.")
    if not out.parent.is_dir():
        raise Trouble(f"There is no folder {out.parent}: give another --out.")


def write_sheet(shown: Disclosure, out: Path | None) -> None:
    """Write a disclosure to a new file, if one is named.

    Raises:
        Trouble: the file is there already, or cannot be written.
    """
    from infra.trouble import Trouble

    must_be_new(out)
    if out is None:
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in document(shown))
    except OSError as fault:
        raise Trouble(f"{out} cannot be written: {fault.strerror}.") from None


def print_sheet(shown: Disclosure) -> None:
    """Print a disclosure for a person."""
    from entrypoints import output

    for line in document(shown):
        output.out.print(line, markup=False, soft_wrap=True)


def document(shown: Disclosure) -> list[str]:
    """A disclosure line by line, as it is printed and written."""
    from entrypoints.cost_sheet import sheet_lines

    until = f", stands until {shown.valid_until_on}" if shown.valid_until_on else ""
    head = f"{shown.loan_ref}  disclosure {shown.number}, {BEFORE[shown.before]}"
    lines = [head, f"Shown on {shown.shown_on} by {shown.actor}{until}"]
    if shown.sheet is None:
        lines += _totals(shown)
    else:
        sheet = shown.sheet
        lines.append(f"Product {sheet.product_code} v{sheet.product_version}")
        lines += sheet_lines(sheet)
    lines += _rows(shown)
    verified = {True: ", verified", False: ", DOES NOT VERIFY", None: ""}[shown.verifies]
    return [*lines, f"Digest {shown.digest}{verified}"]


def _totals(shown: Disclosure) -> Iterator[str]:
    """What was kept of a disclosure before whole sheets were."""
    from domain.base.money import written
    from entrypoints.cost_sheet import COST_METHODS, cost_said, figure_line

    yield "No sheet was recorded then; this was:"
    for name, amount in (("interest", shown.interest), ("charges", shown.fees)):
        yield figure_line(name, f"{written(amount, shown.currency)} {shown.currency}")
    cost = f"{cost_said(shown.annualised_cost)}, {COST_METHODS[shown.method]}"
    yield figure_line("cost of a year", cost)


def _rows(shown: Disclosure) -> Iterator[str]:
    """The instalments that came with it."""
    from domain.base.money import written

    def figures(row: Instalment) -> list[int]:
        parts = [row.principal_left, row.interest - row.interest_paid, row.fees - row.fees_paid]
        return [*parts, sum(parts)]

    if not shown.schedule:
        return
    yield "Instalments"
    yield f"  {'no.':>4}  {'due on':<10}" + "".join(
        f"{name:>16}" for name in ("principal", "interest", "fees", "to pay")
    )
    for row in shown.schedule:
        amounts = "".join(f"{written(each, shown.currency):>16}" for each in figures(row))
        yield f"  {row.number:>4}  {row.due_on}{amounts}"
