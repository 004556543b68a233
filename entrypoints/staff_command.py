"""What a command of staff is: its options, and how it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.history import Answer
    from entrypoints.session import Session

Loan = Annotated[
    str, typer.Argument(metavar="LOAN", help="L-XXXXX-XXXXX, an id, or origin:reference.")
]
Borrower = Annotated[
    str, typer.Argument(metavar="BORROWER", help="B-XXXXX-XXXXX, an id, or origin:reference.")
]
AnyBorrower = Annotated[
    str | None,
    typer.Argument(
        metavar="BORROWER",
        help="One borrower: B-XXXXX-XXXXX, an id, or origin:reference; else all.",
    ),
]
Actor = Annotated[
    str, typer.Option("--by", envvar="LOANS_ACTOR", help="Who does this.", show_default=True)
]
CommandId = Annotated[
    UUID | None, typer.Option("--id", help="The command's id: the same id again changes nothing.")
]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1250.00.")]
Approver = Annotated[str, typer.Option("--approved-by", help="Somebody other than the requester.")]
Requester = Annotated[str, typer.Option("--requested-by", help="Who asks for it.")]
Day = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day it counts from.")
]
Digest = Annotated[
    str | None,
    typer.Option(help="The digest on the sheet that the borrower confirmed, as a check."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the history.")]

STAFF = "staff"

RATE_READ = 10**6
"""From here on a rate that was meant in percent is too long to be read out."""


def carry_out(
    do: Callable[[Session, Act], Receipt], actor: str, command_id: UUID | None, as_json: bool
) -> None:
    """Run one command, note that it was acknowledged, and show what it recorded."""
    from entrypoints import output
    from entrypoints.history import render_answer
    from entrypoints.session import session

    with session() as opened:
        answer = carried_out(opened, do, actor, command_id)
    output.emit(answer, as_json=as_json, render=render_answer)


def carried_out(
    opened: Session, do: Callable[[Session, Act], Receipt], actor: str, command_id: UUID | None
) -> Answer:
    """What one command recorded, noted as acknowledged."""
    from domain.base.refusal import Refusal
    from entrypoints.history import answer_of
    from infra import logs

    with opened.log_file() as file:
        act = opened.act(actor, command_id)
        log = logs.to_file(file, correlation_id=act.correlation_id, actor=actor)
        try:
            receipt = do(opened, act)
        except Refusal as refusal:
            log.info("refused", code=refusal.code)
            raise
        opened.journal([(act.command_id, receipt)])
        answer = answer_of(opened, act, receipt)
        for step in answer.recorded:
            log.info(
                "recorded",
                stream=receipt.stream_id,
                event_id=f"{receipt.stream_id}/{step.version}",
                event_type=step.event,
            )
    return answer


def day_or(given: datetime | None, otherwise: date) -> date:
    """The day that was *given*, or another."""
    return given.date() if given else otherwise


def as_rate(text: str) -> Decimal:
    """A rate as a fraction.

    Raises:
        BadParameter: it is no number, or was meant in percent.
    """
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no rate; 12 % is 0.12") from None
    if rate.is_finite() and rate >= 1:
        said = f"{rate * 100:f} %" if rate < RATE_READ else "far more than that"
        raise typer.BadParameter(f"{text!r} would be {said} a year; 12 % is 0.12")
    return rate
