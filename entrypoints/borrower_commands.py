"""What staff do with borrowers: one command each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer

from domain.base.contact_policy import SET_BY_HAND
from entrypoints.app import AsJson, app
from entrypoints.staff_command import (
    STAFF,
    Actor,
    Amount,
    Borrower,
    CommandId,
    Loan,
    Reason,
    carried_out,
    carry_out,
)

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

WAIT_SECONDS = 10.0
"""So long a command waits for the list of a borrower's loans to be complete."""

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


FromDay = Annotated[
    datetime | None,
    typer.Option(
        "--from", "--on", formats=["%Y-%m-%d"], help="The day it counts from, also a past one."
    ),
]


@borrower.command("hold")
def set_hold(
    borrower: Borrower,
    kind: Annotated[str, typer.Argument(help=f"{', '.join(SET_BY_HAND)}.")],
    reason: Reason,
    loan: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOAN", help="A debt that it covers; may be repeated. All of them without."
        ),
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The hold's reference.")] = None,
    on: FromDay = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day on which it stands no more; else as long as the policy says.",
        ),
    ] = None,
    open_ended: Annotated[
        bool, typer.Option("--open-ended", help="Until it is lifted, whatever the policy says.")
    ] = False,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Set a hold: what it blocks stops at once, contact, penalty, interest, payouts.

    Which of them a kind of hold stops is dated policy. What accrued since a past day is
    taken back, on every loan it covers, in one transaction. A hold with an end is lifted
    when the last day that it stands is closed.
    """
    if until and open_ended:
        raise typer.BadParameter("--until and --open-ended exclude each other.")
    from domain.commands import borrowers

    def do(opened: Session, act: Act) -> Receipt:
        borrower_id = opened.borrower_id(borrower)
        return borrowers.set_hold(
            opened.book,
            act,
            borrower_id=borrower_id,
            hold_ref=ref or f"H-{act.command_id}",
            kind=kind.upper(),
            reason=reason,
            from_on=on.date() if on else None,
            loan_ids=[opened.stream_id(each) for each in loan] if loan else None,
            all_loans=None if loan else lambda: all_loans_of(opened, borrower_id),
            until_on=until.date() if until else None,
            open_ended=open_ended,
        )

    _hold(do, actor, command_id, as_json)


def all_loans_of(opened: Session, borrower_id: UUID) -> list[UUID]:
    """The borrower's loans, once the view of them shows all that is stored.

    Raises:
        Trouble: it does not get there.
    """
    from infra.freshness import wait_until_current
    from infra.queries import loans_of
    from infra.reading import connection
    from infra.trouble import Trouble

    with connection(opened.database_url) as conn:
        if not wait_until_current(conn, WAIT_SECONDS, "summary"):
            raise Trouble(
                "The list of loans is behind what is stored (./loans status): try again in a"
                " moment, or name the loans where --loan is offered."
            )
        return loans_of(conn, borrower_id)


def _hold(
    do: Callable[[Session, Act], Receipt], actor: str, command_id: UUID | None, as_json: bool
) -> None:
    """Carry out a command on a hold, and tell what it came to on the borrower and each loan."""
    from domain.borrower.borrower import Borrower as BorrowerStream
    from entrypoints import output
    from entrypoints.history import HoldAnswer, recorded_beside, render_hold
    from entrypoints.session import session

    with session() as opened:
        answer = carried_out(opened, do, actor, command_id)
        holds = opened.book.get(BorrowerStream, answer.stream_id).holds.values()
        touched = dict.fromkeys(each for hold in holds for each in hold.touches or [])
        loans = recorded_beside(opened, answer.command_id, list(touched))
    said = HoldAnswer(**vars(answer), loans=loans)
    output.emit(said, as_json=as_json, render=render_hold)


@borrower.command("lift")
def lift_hold(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(help="The hold's reference.")],
    reason: Reason,
    on: FromDay = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Lift a hold: from today, or a past day on, what it stopped goes on.

    Lifted from the day it began, it never stood; lifted again from another day, that day
    counts.
    """
    from domain.commands import borrowers

    _hold(
        lambda opened, act: borrowers.lift_hold(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            hold_ref=ref,
            reason=reason,
            lifted_on=on.date() if on else None,
        ),
        actor,
        command_id,
        as_json,
    )


@borrower.command("until")
def set_hold_end(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(help="The hold's reference.")],
    reason: Reason,
    day: Annotated[
        datetime | None,
        typer.Argument(
            metavar="DAY",
            formats=["%Y-%m-%d"],
            help="The first day on which it stands no more; without one until it is lifted.",
        ),
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say until when a hold stands: a day that is still to come, or until it is lifted.

    To end it today, or on a past day, lift it.
    """
    from domain.commands import borrowers

    carry_out(
        lambda opened, act: borrowers.set_hold_end(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            hold_ref=ref,
            until_on=day.date() if day else None,
            reason=reason,
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
    instead: Annotated[
        str | None, typer.Option(metavar="PROMISE", help="The open promise that it replaces.")
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record a promise to pay on a loan.

    Until its day is over nobody asks for the money again; then what was paid in time decides,
    for the promise that falls due first before the next. How far off the day may be is a rule
    of kind promise.
    """
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
            instead_of=instead,
        )

    carry_out(do, actor, command_id, as_json)


@borrower.command("unpromise")
def unpromise(
    borrower: Borrower,
    promise: Annotated[str, typer.Argument(metavar="PROMISE", help="The promise's reference.")],
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a promise that is open: one noted in error, or that the borrower took back."""
    from domain.commands import borrowers

    carry_out(
        lambda opened, act: borrowers.unpromise(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            promise_ref=promise,
            reason=reason,
        ),
        actor,
        command_id,
        as_json,
    )
