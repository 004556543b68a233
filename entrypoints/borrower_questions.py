"""What staff ask about borrowers: which holds stand, what is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.base.contact_policy import SET_BY_HAND
from entrypoints.app import AsJson
from entrypoints.borrower_commands import borrower
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer
from entrypoints.staff_command import Borrower

if TYPE_CHECKING:
    from infra.borrower_queries import StandingHold


@borrower.command("holds", rich_help_panel=QUESTIONS)
def holds(
    kind: Annotated[
        str | None, typer.Option(help=f"Only this kind: {', '.join(SET_BY_HAND)}.")
    ] = None,
    ends_within: Annotated[
        int | None, typer.Option(metavar="DAYS", min=0, help="Only what ends in so many days.")
    ] = None,
    on: OnDay = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the holds that stand across the book, those that end first, first."""
    from infra import borrower_queries

    with asking(on) as asked:
        answer = borrower_queries.holds(
            asked.conn, asked.on, kind=kind and kind.upper(), ends_within=ends_within
        )
    show_answer(answer, as_json, lambda found: _render_holds(found, limit))


def _render_holds(found: list[StandingHold], limit: int) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No such hold stands.")
        return
    rows = output.table(
        "borrower", "", "hold", "reference", "since", "until", "days left", "on",
        right=("days left",), wraps=("on",),
    )  # fmt: skip
    for each in found[:limit]:
        rows.add_row(
            each.borrower_ref,
            each.jurisdiction,
            each.kind,
            each.hold_ref,
            str(each.from_on),
            str(each.until_on or "lifted"),
            "" if each.days_left is None else str(each.days_left),
            ", ".join(each.loan_refs) or "all",
        )
    output.show(rows)
    more = "" if len(found) <= limit else f"; {limit} are shown (--limit)"
    output.out.print(f"{len(found)} hold(s) stand{more}.")


@borrower.command("show", rich_help_panel=QUESTIONS)
def show(
    borrower: Borrower,
    last: Annotated[int, typer.Option(min=0, help="How many contacts at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a borrower now: how and when to reach them, and what stands.

    From the event store, so that it is never behind. Numbers and addresses are references:
    the vault has them.
    """
    from domain.borrower.borrower import Borrower as BorrowerStream
    from entrypoints import output
    from entrypoints.borrower_page import page_of, render_page
    from entrypoints.session import session
    from infra import clock

    with session() as opened:
        found = opened.book.get(BorrowerStream, opened.borrower_id(borrower))
        page = page_of(found, clock.now(), opened.business_on, last)
    output.emit(page, as_json=as_json, render=render_page)
