"""What borrowers ask about the data that is kept of them: noted, refused, listed.

It is carried out in the vault: ``vault restrict`` and ``vault erase`` answer a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from domain.borrower.data_words import Ground, RequestState, Right
from entrypoints.app import AsJson
from entrypoints.borrower_commands import borrower
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, carry_out, day_or

if TYPE_CHECKING:
    from infra.support_answers import DataRequestShown


@borrower.command("request")
def request(
    borrower: Borrower,
    right: Annotated[
        Right, typer.Argument(help="RESTRICTION or ERASURE of their data.", case_sensitive=False)
    ],
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day it came in; else today.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The request's reference.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that a borrower asks for their data to be restricted or erased.

    `vault restrict` and `vault erase` carry it out and answer it, `borrower refuse-request`
    refuses it. Where a request_term is published, it says by when.
    """
    from domain.commands import data_rights

    carry_out(
        lambda opened, act: data_rights.request_about_data(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            request_ref=ref or f"DR-{act.command_id}",
            right=right,
            received_on=day_or(received, act.business_on),
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@borrower.command("refuse-request")
def refuse(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(help="The request's reference.")],
    ground: Annotated[
        Ground,
        typer.Argument(
            help="LOAN_RUNNING, IDENTITY_NOT_SHOWN, UNFOUNDED or TAKEN_BACK.", case_sensitive=False
        ),
    ],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a request about data for good; one that only waits for a floor is put off instead."""
    from domain.commands import data_rights

    carry_out(
        lambda opened, act: data_rights.refuse_data_request(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            request_ref=ref,
            ground=ground,
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@borrower.command("requests", rich_help_panel=QUESTIONS)
def requests(
    state: Annotated[
        RequestState | None, typer.Option(help="Only those; else all.", case_sensitive=False)
    ] = None,
    on: OnDay = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List requests about data: how long each was open, until when one is put off, and why."""
    from infra import support_queries

    with asking(on) as asked:
        answer = support_queries.data_requests(asked.conn, asked.on, state and str(state))
    show_answer(answer, as_json, lambda found: _render(found, limit))


def _render(found: Sequence[DataRequestShown], limit: int) -> None:
    from entrypoints import output

    if not found:
        output.out.print("There is no such request.")
        return
    rows = output.table(
        *("borrower", "asks for", "received", "", "days", "answer by", "answered", "why"),
        right=("days",),
    )
    for each in found[:limit]:
        rows.add_row(
            each.borrower_ref or str(each.borrower_id),
            each.asks_for,
            str(each.received_on),
            _state(each),
            str(each.days),
            str(each.answer_by_on or ""),
            str(each.answered_on or ""),
            each.ground or "",
            style="red" if each.in_time is False else None,
        )
    output.show(rows)
    if len(found) > limit:
        output.out.print(f"The first {limit} of {len(found)}; --limit shows more.")


def _state(request: DataRequestShown) -> str:
    until = f" until {request.until_on}" if request.state == RequestState.PUT_OFF else ""
    return request.state.lower().replace("_", " ") + until
