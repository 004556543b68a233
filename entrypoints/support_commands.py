"""Support for late borrowers: what is offered, plans to pay, and when somebody asks again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from domain.borrower.support_words import PlanState, SupportKind
from entrypoints.app import AsJson
from entrypoints.collect_commands import collect
from entrypoints.contact_questions import From, Through
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, Loan, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.borrower.support_events import PlanRow
    from domain.commands.book import Receipt
    from entrypoints.session import Session
    from infra.support_answers import PlanShown, SupportEffect, Supports

support = typer.Typer(
    help="Help for who is late: offer it, agree plans to pay, ask again on a day.",
    no_args_is_help=True,
)
collect.add_typer(support, name="support")


@support.command("offer")
def offer(
    loan: Loan,
    kind: Annotated[
        SupportKind,
        typer.Argument(help="GUIDANCE, PAYMENT_PLAN, RELIEF or REFERRAL.", case_sensitive=False),
    ],
    contact: Annotated[
        str | None, typer.Option(help="The contact in which it was offered, by its reference.")
    ] = None,
    said: Annotated[
        str | None, typer.Option("--said", help="What was said, by its reference in the vault.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The offer's reference.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that a borrower was offered help with a loan, and in which contact."""
    from domain.commands import support as commands

    carry_out(
        lambda opened, act: commands.offer_support(
            opened.book,
            act,
            support_ref=ref or f"SU-{act.command_id}",
            loan_id=opened.stream_id(loan),
            kind=kind,
            contact_ref=contact,
            said_ref=said,
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@support.command("plan")
def plan(
    loan: Loan,
    rows: Annotated[
        list[str], typer.Argument(metavar="DAY=AMOUNT...", help="Such as 2026-12-01=500.00.")
    ],
    offered: Annotated[
        str | None, typer.Option("--offer", help="The support it follows from, by its reference.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The plan's reference.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Propose a plan to pay: days and amounts, no more in all than is owed.

    Nothing is promised by it yet: `collect support agree` makes each row a promise.
    """
    from domain.commands import support as commands
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return commands.propose_plan(
            opened.book,
            act,
            plan_ref=ref or f"PL-{act.command_id}",
            loan_id=loan_id,
            rows=[_row(each, currency) for each in rows],
            support_ref=offered,
        )

    carry_out(do, actor, command_id or uuid4(), as_json)


def _row(text: str, currency: str) -> PlanRow:
    """A row from its text.

    Raises:
        BadParameter: it names no day.
    """
    from domain.base.money import minor_units
    from domain.borrower.support_events import PlanRow

    day, _, amount = text.partition("=")
    try:
        due_on = date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no DAY=AMOUNT: write it as 2026-12-01=500.00."
        ) from None
    return PlanRow(due_on, minor_units(amount, currency))


@support.command("agree")
def agree(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's reference.")],
    consent: Annotated[
        str, typer.Option(help="What shows that the borrower agreed, by its reference.")
    ],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a plan be agreed: each of its rows is a promise, in place of a plan that runs.

    The day close tells by the payments which rows were kept. The plan is kept when all is
    paid by its last day, and broken by more missed rows than the standard tolerates.
    """
    from domain.commands import support as commands

    carry_out(
        lambda opened, act: commands.agree_plan(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            plan_ref=ref,
            consent_ref=consent,
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@support.command("check-in")
def check_in(
    loan: Loan,
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="When somebody asks.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask again on a day: from then on the worklist has it, by what the gate allows.

    Before it a borrower who keeps the plan that was agreed is left alone. It takes the place
    of the day said before.
    """
    from domain.commands import support as commands

    carry_out(
        lambda opened, act: commands.schedule_check_in(
            opened.book, act, loan_id=opened.stream_id(loan), check_in_on=day.date()
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@support.command("list", rich_help_panel=QUESTIONS)
def list_support(
    state: Annotated[
        PlanState | None, typer.Option(help="Only plans in it; else all.", case_sensitive=False)
    ] = None,
    on: OnDay = None,
    limit: Annotated[int, typer.Option(min=1, help="How many plans at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what was offered, and plans: their state, the next row, what was paid so far."""
    from infra import support_queries

    with asking(on) as asked:
        answer = support_queries.supports(asked.conn, asked.on, state and str(state))
    show_answer(answer, as_json, lambda found: _render(found, limit))


def _render(found: Supports, limit: int) -> None:
    from entrypoints import output

    if found.plans:
        rows = output.table(
            *("loan", "plan", "", "agreed", "next", "planned", "paid", "ask again"),
            right=("planned", "paid"),
            wraps=("plan",),
        )
        for plan in found.plans[:limit]:
            rows.add_row(
                plan.loan_ref or str(plan.loan_id),
                plan.plan_ref,
                plan.state.lower(),
                str(plan.agreed_on or ""),
                _next(plan),
                output.money(plan.amount, plan.currency),
                output.money(plan.paid, plan.currency),
                str(plan.check_in_on or ""),
                style="red" if plan.state == PlanState.BROKEN else None,
            )
        output.show(rows)
    else:
        output.out.print("There is no such plan: see collect support plan.")
    if len(found.plans) > limit:
        output.out.print(f"The first {limit} of {len(found.plans)}; --limit shows more.")
    if found.offered:
        offers = output.table("loan", "offered", "on", "by", "in contact")
        for each in found.offered:
            offers.add_row(
                each.loan_ref or str(each.loan_id),
                each.kind,
                str(each.offered_on),
                each.actor,
                each.contact_ref or "",
            )
        output.show(offers)


def _next(plan: PlanShown) -> str:
    from entrypoints import output

    if plan.next_row is None:
        return ""
    return f"{output.money(plan.next_row.amount, plan.currency)} by {plan.next_row.due_on}"


@support.command("effect", rich_help_panel=QUESTIONS)
def effect(
    within: Annotated[
        int, typer.Option("--within", min=1, help="Cured so many days later, or not.")
    ] = 30,
    from_on: From = None,
    to_on: Through = None,
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Tell what support achieves: how many late loans were not late any more, and what was paid.

    By what was offered; plans that were agreed are a kind of their own.
    """
    from infra import support_queries

    with asking(on) as asked:
        answer = support_queries.effects(
            asked.conn,
            asked.on,
            within_days=within,
            from_on=from_on.date() if from_on else None,
            to_on=to_on.date() if to_on else None,
        )
    show_answer(answer, as_json, lambda found: _render_effect(found, within))


def _render_effect(found: Sequence[SupportEffect], within: int) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No support was offered in these days on a loan that was late.")
        return
    rows = output.table(
        *("support", "loans", "too soon", "cured", "rate", "collected"),
        right=("loans", "too soon", "cured", "rate"),
    )
    for each in found:
        rows.add_row(
            each.kind,
            str(each.loans),
            str(each.waiting),
            f"{each.cured} of {each.measured}",
            "" if each.cure_rate is None else f"{each.cure_rate:.1%}",
            ", ".join(output.money(paid.amount, paid.currency) for paid in each.collected),
        )
    output.show(rows)
    output.out.print(f"Cured: not late any more {within} days after support began.")
