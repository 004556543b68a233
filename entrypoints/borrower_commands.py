"""What staff do with borrowers: one command each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import (
    STAFF,
    Actor,
    Amount,
    Borrower,
    CommandId,
    Day,
    Loan,
    Reason,
    carry_out,
)

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

borrower = typer.Typer(
    help="Borrowers: register, holds, promises, consents, contact points.", no_args_is_help=True
)
app.add_typer(borrower, name="borrower")


@borrower.command("register")
def register(
    jurisdiction: Annotated[str, typer.Option(help="CN, US, UK, IN or EU.")],
    zone: Annotated[list[str], typer.Option(help="Plausible time zone; may be repeated.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register a borrower: by reference, no personal data."""
    from domain.commands import borrowers

    command_id = command_id or uuid4()
    carry_out(
        lambda opened, act: borrowers.register(
            opened.book, act, borrower_id=act.command_id, jurisdiction=jurisdiction, zones=zone
        ),
        actor,
        command_id,
        as_json,
    )


@borrower.command("hold")
def set_hold(
    borrower: Borrower,
    kind: Annotated[str, typer.Argument(help="CEASE, DISPUTE, BANKRUPTCY, DECEASED ...")],
    reason: Reason,
    ref: Annotated[str | None, typer.Option(help="The hold's reference.")] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Set a hold: contact that it blocks stops at once."""
    from domain.commands import borrowers

    carry_out(
        lambda opened, act: borrowers.set_hold(
            opened.book,
            act,
            borrower_id=opened.stream_id(borrower),
            hold_ref=ref or f"H-{act.command_id}",
            kind=kind,
            reason=reason,
            from_on=on.date() if on else None,
        ),
        actor,
        command_id,
        as_json,
    )


@borrower.command("lift")
def lift_hold(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(help="The hold's reference.")],
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Lift a hold."""
    from domain.commands import borrowers

    carry_out(
        lambda opened, act: borrowers.lift_hold(
            opened.book, act, borrower_id=opened.stream_id(borrower), hold_ref=ref, reason=reason
        ),
        actor,
        command_id,
        as_json,
    )


@borrower.command("promise")
def promise(
    loan: Loan,
    amount: Amount,
    by: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day it is for.")],
    ref: Annotated[str | None, typer.Option(help="The promise's reference.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record a promise to pay on a loan."""
    from domain.base.money import minor_units
    from domain.commands import borrowers
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return borrowers.promise(
            opened.book,
            act,
            promise_ref=ref or f"PP-{act.command_id}",
            loan_id=loan_id,
            amount=minor_units(amount, currency),
            promised_on=by.date(),
        )

    carry_out(do, actor, command_id, as_json)
