"""Claims at law: late loans are referred, withdrawn, and what came of them is noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from domain.borrower.legal_words import LegalOutcome
from entrypoints.app import AsJson
from entrypoints.collect_commands import collect
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, Approver, CommandId, Loan, Reason, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session
    from infra.collect_answers import LegalCase


@collect.command("refer-legal")
def refer(
    loan: Loan,
    reason: Reason,
    approved_by: Approver,
    to: Annotated[
        str | None, typer.Option(help="Who brings the claim: a firm, or a desk of the house.")
    ] = None,
    notice: Annotated[
        str | None,
        typer.Option(
            help="The contact by which the borrower was told in writing, where that was sent by"
            " hand; notices of the plan are found."
        ),
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Claim a loan at law: with what is overdue today, part by part.

    A strategy proposes it (`collect list` says so), and two people decide: who asks (--by) and
    who approves. Refused where, the worst first: nothing of ours is overdue; a hold that the
    rule names stands, a plan to pay runs, or a promise is open; it is not late for long enough;
    the borrower was not told in writing before, where the rule asks for that. These are dated
    policy: see `policy publish`, kind legal_standard. From then on the house sends no message
    about the loan and calls nobody, it is off the worklist (`--legal` shows it), and comes back
    from its agency.
    """
    from domain.commands import legal

    carry_out(
        lambda opened, act: legal.refer(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            reason=reason,
            approved_by=approved_by,
            referred_to=to,
            notice_ref=notice,
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@collect.command("withdraw-legal")
def withdraw(
    loan: Loan,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Claim a loan at law no more: it is on the house's worklist again."""
    from domain.commands import legal

    carry_out(
        lambda opened, act: legal.withdraw(
            opened.book, act, loan_id=opened.stream_id(loan), reason=reason
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@collect.command("end-legal")
def end(
    loan: Loan,
    outcome: Annotated[
        LegalOutcome,
        typer.Argument(help="PAID, SETTLEMENT, JUDGMENT, DISMISSED or SOLD.", case_sensitive=False),
    ],
    decided_on: Annotated[
        datetime | None,
        typer.Option("--decided-on", formats=["%Y-%m-%d"], help="The day of it; else today."),
    ] = None,
    paper: Annotated[
        str | None, typer.Option(help="The judgment or agreement, by its reference.")
    ] = None,
    awarded: Annotated[
        str | None, typer.Option(help="What a judgment awards, such as 1250.00.")
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note how a claim at law ended; what is still owed is collected by the house again.

    That everything overdue was paid, or the loan was sold, the plan of the day notes by
    itself. A SETTLEMENT, JUDGMENT or DISMISSED needs its paper, a JUDGMENT what it awards.
    """
    from domain.base.money import minor_units
    from domain.commands import legal
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return legal.end(
            opened.book,
            act,
            loan_id=loan_id,
            outcome=outcome,
            decided_on=decided_on.date() if decided_on else act.business_on,
            paper_ref=paper,
            awarded=None if awarded is None else minor_units(awarded, currency),
        )

    carry_out(do, actor, command_id or uuid4(), as_json)


@collect.command("legal", rich_help_panel=QUESTIONS)
def cases(
    with_ended: Annotated[
        bool, typer.Option("--all", help="Those that ended or were withdrawn, too.")
    ] = False,
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """List claims at law: what was claimed, what was paid since, and how they ended."""
    from infra import collect_queries

    with asking(on) as asked:
        answer = collect_queries.legal_cases(asked.conn, asked.on, with_ended=with_ended)
    show_answer(answer, as_json, _render)


def _render(found: Sequence[LegalCase]) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No loan is claimed at law.")
        return
    rows = output.table(
        *("loan", "since", "claimed", "paid since", "by", "stands"),
        right=("claimed", "paid since"),
        wraps=("by", "stands"),
    )
    for each in found:
        rows.add_row(
            f"{each.loan_ref or each.loan_id}\n{each.borrower_ref}",
            f"{each.referred_on}",
            output.money(each.claimed, each.currency),
            output.money(each.paid_since, each.currency),
            each.referred_to or "",
            _stands(each),
        )
    output.show(rows)


def _stands(case: LegalCase) -> str:
    from entrypoints import output

    if case.outcome is None:
        return "open"
    awarded = "" if case.awarded is None else f", {output.money(case.awarded, case.currency)}"
    return f"{case.outcome.lower()} on {case.ended_on}{awarded}"
