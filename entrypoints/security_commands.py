"""What stands behind a loan: taken, called when it is not paid, paying, released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import STAFF, Actor, Amount, CommandId, Day, Loan, Reason, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

security = typer.Typer(
    help="Collateral, guarantors, insurance: take, call, record what they pay, release.",
    no_args_is_help=True,
)
app.add_typer(security, name="security")

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="The security's own reference; no names of people.")
]


def _minor_units(opened: Session, loan: str, amount: str | None) -> int | None:
    from domain.base.money import minor_units
    from domain.loan.loan import Loan as LoanStream

    if amount is None:
        return None
    return minor_units(amount, opened.book.get(LoanStream, opened.stream_id(loan)).currency)


@security.command("take")
def take(
    loan: Loan,
    kind: Annotated[str, typer.Argument(help="COLLATERAL, GUARANTEE or INSURANCE.")],
    ref: Ref,
    amount: Annotated[str | None, typer.Option(help="What it secures at most.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take collateral, bind a guarantor, or note an insurance."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.take_security(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            security_ref=ref,
            kind=kind.upper(),
            amount=_minor_units(opened, loan, amount),
        ),
        actor,
        command_id,
        as_json,
    )


@security.command("call")
def call(
    loan: Loan,
    ref: Ref,
    reason: Reason,
    amount: Annotated[str | None, typer.Option(help="How much of it is called.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Enforce collateral, call a guarantor, or claim an insurance."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.call_security(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            security_ref=ref,
            reason=reason,
            amount=_minor_units(opened, loan, amount),
        ),
        actor,
        command_id,
        as_json,
    )


@security.command("realise")
def realise(
    loan: Loan,
    ref: Ref,
    amount: Amount,
    payment: Annotated[
        str | None, typer.Option("--ref", help="The payment's own reference.")
    ] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record what a security that was called paid; it counts as a repayment or recovery."""
    from domain.commands import loans

    def do(opened: Session, act: Act) -> Receipt:
        money = _minor_units(opened, loan, amount)
        assert money is not None
        return loans.realise_security(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            security_ref=ref,
            amount=money,
            received_on=on.date() if on else opened.business_on,
            payment_ref=payment or f"P-{act.command_id}",
        )

    carry_out(do, actor, command_id, as_json)


@security.command("release")
def release(
    loan: Loan,
    ref: Ref,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Give a security back; it stands for the loan no more."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.release_security(
            opened.book, act, loan_id=opened.stream_id(loan), security_ref=ref, reason=reason
        ),
        actor,
        command_id,
        as_json,
    )
