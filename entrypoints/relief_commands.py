"""What staff grant on a running loan, and the renewal of its term."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from entrypoints.app import AsJson, app
from entrypoints.disclosure_commands import Out
from entrypoints.loan_commands import MONEY, disclose_and_print
from entrypoints.staff_command import (
    STAFF,
    Actor,
    Approver,
    CommandId,
    Digest,
    Loan,
    Reason,
    Requester,
    as_rate,
    carry_out,
)

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

relief = typer.Typer(
    help="Relief on a running loan: two people grant it, what is left is laid anew.",
    no_args_is_help=True,
)
renewal = typer.Typer(
    help="Renewal of a term: the day's run offers it, the borrower accepts or refuses.",
    no_args_is_help=True,
)
app.add_typer(relief, name="relief")
app.add_typer(renewal, name="renewal")
conversion = typer.Typer(
    help="Conversion of what is owed at the end into equal instalments, at the borrower's wish.",
    no_args_is_help=True,
)
app.add_typer(conversion, name="convert")

CountsFrom = Annotated[
    datetime | None,
    typer.Option(
        "--on", formats=["%Y-%m-%d"], help="The day it counts from; may lie back. Else today."
    ),
]
Count = Annotated[
    int, typer.Argument(min=0, help="How many; months where there is one. None with --schedule.")
]
Schedule = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Where the loan's schedule was agreed on: the instalments to come, as CSV:"
        " due_on,principal. They repay what is left.",
    ),
]
Rate = Annotated[
    str | None, typer.Option("--rate", help="And another annual rate from then on: 0.045.")
]
InDifficulty = Annotated[
    bool | None,
    typer.Option(
        "--in-difficulty/--not-in-difficulty",
        help="Whether the borrower could not pay otherwise: only that restructures the loan."
        " If not said: yes, but for re-amortise at the same rate on a loan in order. Where it"
        " turns out that the loan was past due that day, it was so after all.",
    ),
]
FirstDay = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The first such day.")]
LastDay = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The last such day.")]


def _grant(
    loan: str,
    kind: str,
    on: datetime | None,
    reason: str,
    people: tuple[str, str],
    answer: tuple[UUID | None, bool],
    **asked: Any,
) -> None:
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream
    from domain.loan.relief import Agreement
    from entrypoints.loan_commands import agreed_rows

    rate, schedule = asked.pop("rate", None), asked.pop("schedule", None)
    agreed = Agreement(kind, annual_rate=None if rate is None else as_rate(rate), **asked)
    requested_by, approved_by = people

    def do(opened: Session, act: Act) -> Receipt:
        loan_id, asked_for = opened.stream_id(loan), agreed
        if schedule is not None:
            currency = opened.book.get(LoanStream, loan_id).currency
            asked_for = replace(agreed, rows=agreed_rows(schedule, currency))
        return loans.reschedule(
            opened.book,
            act,
            loan_id=loan_id,
            agreed=asked_for,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            on=_date(on),
        )

    carry_out(do, approved_by, *answer)


def _date(given: datetime | None) -> date | None:
    return given.date() if given else None


@relief.command("rate")
def change_rate(
    loan: Loan,
    rate: Annotated[str, typer.Argument(help="The annual rate as a fraction: 0.045.")],
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    on: CountsFrom = None,
    difficulty: InDifficulty = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Set another rate for the days after; instalments are set anew."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    asked = {"rate": rate, "in_difficulty": difficulty}
    _grant(loan, "RATE_CHANGE", on, reason, people, answer, **asked)


@relief.command("extend")
def extend(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    count: Count = 0,
    schedule: Schedule = None,
    on: CountsFrom = None,
    difficulty: InDifficulty = None,
    rate: Rate = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Add instalments after the last one; each gets smaller."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    asked = {"instalments": count, "schedule": schedule, "rate": rate}
    asked["in_difficulty"] = difficulty
    _grant(loan, "EXTENSION", on, reason, people, answer, **asked)


@relief.command("defer")
def defer(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    count: Count = 0,
    schedule: Schedule = None,
    interest_too: Annotated[
        bool, typer.Option("--interest-too", help="Interest is collected afterwards as well.")
    ] = False,
    on: CountsFrom = None,
    rate: Rate = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask for no principal for some instalments; as many are added at the end."""
    asked: dict[str, Any] = {"instalments": count, "interest_too": interest_too, "rate": rate}
    asked["schedule"] = schedule
    people, answer = (requested_by, approved_by), (command_id, as_json)
    _grant(loan, "DEFERRAL", on, reason, people, answer, **asked)


@relief.command("capitalise")
def capitalise(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    on: CountsFrom = None,
    rate: Rate = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let unpaid interest that is due become principal."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    _grant(loan, "CAPITALISATION", on, reason, people, answer, rate=rate)


@relief.command("re-age")
def re_age(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    more: Annotated[int, typer.Option("--extend", min=0, help="Instalments to add as well.")] = 0,
    schedule: Schedule = None,
    on: CountsFrom = None,
    rate: Rate = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Lay what is overdue among the instalments to come: nothing is past due then."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    asked = {"instalments": more, "schedule": schedule, "rate": rate}
    _grant(loan, "REAGEING", on, reason, people, answer, **asked)


@relief.command("re-amortise")
def re_amortise(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    shorter: Annotated[
        bool, typer.Option("--shorter", help="Keep the instalment and end earlier.")
    ] = False,
    on: CountsFrom = None,
    difficulty: InDifficulty = None,
    rate: Rate = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Set the instalments anew on what is left, such as after money came in advance."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    asked = {"keeps_instalment": shorter, "rate": rate, "in_difficulty": difficulty}
    _grant(loan, "REAMORTISATION", on, reason, people, answer, **asked)


@relief.command("pause")
def pause(
    loan: Loan,
    first: FirstDay,
    last: LastDay,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let some days bear no interest; both are counted, and may lie back."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    days = {"free_from": first.date(), "free_until": last.date()}
    _grant(loan, "INTEREST_PAUSE", None, reason, people, answer, **days)


@relief.command("moratorium")
def moratorium(
    loan: Loan,
    first: FirstDay,
    last: LastDay,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    schedule: Schedule = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let some days bear neither interest nor penalty, with no instalment due in them."""
    people, answer = (requested_by, approved_by), (command_id, as_json)
    asked: dict[str, Any] = {"free_from": first.date(), "free_until": last.date()}
    asked["schedule"] = schedule
    _grant(loan, "MORATORIUM", None, reason, people, answer, **asked)


@app.command("reprice", rich_help_panel=MONEY)
def reprice(
    loan: Loan, actor: Actor = STAFF, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Set the rate of a loan by its index, also back to a date whose index was corrected.

    The day's run does so whenever it looks at the loan; this does not wait for it.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.reprice(opened.book, act, loan_id=opened.stream_id(loan)),
        actor,
        command_id,
        as_json,
    )


@renewal.command("accept")
def accept(
    loan: Loan,
    consent: Annotated[str, typer.Option(help="Where the borrower's consent is filed.")],
    digest: Digest = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Renew the term as it was offered; ./loans disclosure show prints what it costs."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.renew(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            consent_ref=consent,
            digest=digest or None,
        ),
        actor,
        command_id,
        as_json,
    )


@renewal.command("decline")
def decline(
    loan: Loan,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let the loan fall due as it was."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.decline_renewal(
            opened.book, act, loan_id=opened.stream_id(loan), reason=reason
        ),
        actor,
        command_id,
        as_json,
    )


@conversion.command("offer")
def offer_conversion(
    loan: Loan,
    count: Annotated[int, typer.Argument(min=2, help="How many instalments.")],
    out: Out = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Disclose the instalments and what they cost a year, with a digest; needed before accept.

    The contract says how many there may be and how long the offer stands. It counts from
    today; a payment or relief in between asks for a new one.
    """
    from domain.commands import loans

    disclose_and_print(
        lambda opened, act: loans.offer_conversion(
            opened.book, act, loan_id=opened.stream_id(loan), count=count
        ),
        (actor, command_id),
        out,
        as_json=as_json,
    )


@conversion.command("accept")
def accept_conversion(
    loan: Loan,
    consent: Annotated[str, typer.Option(help="Where the borrower's consent is filed.")],
    digest: Digest = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Lay what is owed in equal instalments, as it was offered."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.convert(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            consent_ref=consent,
            digest=digest or None,
        ),
        actor,
        command_id,
        as_json,
    )
