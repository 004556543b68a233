"""Agencies that collect for the lender: loans are placed with them, and recalled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from entrypoints.app import AsJson
from entrypoints.collect_commands import collect
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, CommandId, Loan, Reason, carry_out

if TYPE_CHECKING:
    from infra.collect_answers import Agency


@collect.command("place")
def place(
    loan: Loan,
    agency: Annotated[str, typer.Argument(help="Its name, as it is registered.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let an agency collect a loan: one that is registered, licensed and evaluated lately.

    It asks for each contact as staff do (`contact ask --by agency:NAME`), within the same
    rules and caps. Agencies are rules of kind agency: see `policy publish`.
    """
    from domain.commands import agencies

    carry_out(
        lambda opened, act: agencies.place(
            opened.book, act, loan_id=opened.stream_id(loan), agency=agency
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@collect.command("recall")
def recall(
    loan: Loan,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let an agency collect a loan no more."""
    from domain.commands import agencies

    carry_out(
        lambda opened, act: agencies.recall(
            opened.book, act, loan_id=opened.stream_id(loan), reason=reason
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@collect.command("agencies", rich_help_panel=QUESTIONS)
def agencies(on: OnDay = None, as_json: AsJson = False) -> None:
    """List agencies: when to evaluate each again, the loans it has, what was paid on them."""
    from infra import collect_queries

    with asking(on) as asked:
        answer = collect_queries.agencies(asked.conn, asked.opened.book.policies, asked.on)
    show_answer(answer, as_json, _render)


def _render(found: Sequence[Agency]) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No agency is registered: publish a rule of kind agency.")
        return
    rows = output.table(
        *("agency", "licence", "where", "evaluation", "loans", "collected"), right=("loans",)
    )
    for each in found:
        collected = [output.money(paid.amount, paid.currency) for paid in each.collected]
        rows.add_row(
            each.agency,
            each.licence or "",
            ", ".join(each.jurisdictions),
            _evaluation(each),
            str(each.loans_placed),
            ", ".join(collected),
            style=None if each.passed and (each.days_to_evaluation or 0) >= 0 else "red",
        )
    output.show(rows)


def _evaluation(agency: Agency) -> str:
    if agency.days_to_evaluation is None:
        return "not registered"
    if not agency.passed:
        return f"not passed on {agency.evaluated_on}"
    if agency.days_to_evaluation < 0:
        return f"{-agency.days_to_evaluation} day(s) overdue"
    return f"in {agency.days_to_evaluation} day(s)"
