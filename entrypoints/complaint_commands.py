"""What staff do about complaints, and where they note what borrowers think of us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.base.complaint_policy import Ground, Severity
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from entrypoints.app import AsJson, app
from entrypoints.contact_commands import At, instant_said
from entrypoints.staff_command import STAFF, Actor, Approver, Borrower, CommandId, Reason, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

complaint = typer.Typer(
    help="Complaints of borrowers: open, answer, resolve them against the clock.",
    no_args_is_help=True,
)
app.add_typer(complaint, name="complaint")

ComplaintRef = Annotated[
    str, typer.Argument(metavar="COMPLAINT", help="The complaint's reference.")
]
Said = Annotated[
    str | None, typer.Option("--said", help="What was said, by its reference in the vault.")
]


def _carry_out(
    do: Callable[..., Receipt],
    named: str,
    actor: str,
    command_id: UUID | None,
    as_json: bool,
    **said: Any,
) -> None:
    def done(opened: Session, act: Act) -> Receipt:
        told = {
            name: opened.happened_at(each) if name.endswith("_at") else each
            for name, each in said.items()
        }
        return do(opened.book, act, borrower_id=opened.borrower_id(named), **told)

    carry_out(done, actor, command_id, as_json)


@complaint.command("open")
def open_complaint(
    borrower: Borrower,
    severity: Annotated[
        Severity, typer.Option(help="How severe it is; the clock goes by it.", case_sensitive=False)
    ],
    category: Annotated[Category, typer.Option(help="What it is about.", case_sensitive=False)],
    channel: Annotated[
        Came, typer.Option(help="How it came in.", case_sensitive=False)
    ] = Came.HOTLINE,
    loan: Annotated[
        str | None, typer.Option(metavar="LOAN", help="The loan it is about; else all of them.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The complaint's reference.")] = None,
    said: Said = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Open a complaint: its clock starts, and collection of the debt stops at once.

    By when it is answered and resolved is dated policy, a complaint_level. Words of the
    borrower belong in the vault; give their reference.
    """
    from domain.commands import complaints

    def do(opened: Session, act: Act) -> Receipt:
        borrower_id = opened.borrower_id(borrower)
        return complaints.open_complaint(
            opened.book,
            act,
            borrower_id=borrower_id,
            complaint_ref=ref or f"Q-{act.command_id}",
            severity=severity,
            category=category,
            came_by=channel,
            opened_at=opened.happened_at(instant_said(at)),
            loan_id=opened.stream_id(loan) if loan else None,
            all_loans=None if loan else lambda: _loans_held(opened, act, borrower_id),
            said_ref=said,
        )

    carry_out(do, actor, command_id, as_json)


def _loans_held(opened: Session, act: Act, borrower_id: UUID) -> list[UUID]:
    """All loans of a borrower where the hold of a complaint stops money; else none matter."""
    from domain.borrower.borrower import Borrower as BorrowerStream
    from domain.commands.complaints import HOLD
    from entrypoints.borrower_commands import all_loans_of

    known = opened.book.get(BorrowerStream, borrower_id)
    rule = opened.book.policies.hold_rule(HOLD, act.business_on, known.jurisdiction)
    return all_loans_of(opened, borrower_id) if rule and rule.stops_money else []


@complaint.command("answer")
def answer(
    borrower: Borrower,
    complaint_ref: ComplaintRef,
    contact: Annotated[
        str | None, typer.Option(help="The contact by which, by its reference.")
    ] = None,
    said: Said = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower was answered; the clock of the resolution goes on."""
    from domain.commands import complaints

    _carry_out(
        complaints.answer_complaint,
        borrower,
        actor,
        command_id,
        as_json,
        complaint_ref=complaint_ref,
        answered_at=instant_said(at),
        contact_ref=contact,
        said_ref=said,
    )


@complaint.command("escalate")
def escalate(
    borrower: Borrower,
    complaint_ref: ComplaintRef,
    reason: Reason,
    severity: Annotated[
        Severity | None,
        typer.Option(
            help="More severe than before: the sooner deadline counts.", case_sensitive=False
        ),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Who takes it over.")] = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take a complaint to the next level, perhaps as a more severe one."""
    from domain.commands import complaints

    _carry_out(
        complaints.escalate_complaint,
        borrower,
        actor,
        command_id,
        as_json,
        complaint_ref=complaint_ref,
        reason=reason,
        escalated_at=instant_said(at),
        severity=severity,
        escalated_to=to,
    )


@complaint.command("extend")
def extend(
    borrower: Borrower,
    complaint_ref: ComplaintRef,
    ground: Annotated[Ground, typer.Argument(help="COMPLEX or SPECIAL.", case_sensitive=False)],
    reason: Reason,
    approved_by: Approver,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a complaint take longer, as its level allows: first COMPLEX, then SPECIAL.

    Two people decide: who asks (--by) and who approves. The time counts from when it was
    opened, or reopened; one that is over is not extended. The board shows the new deadline, and
    the borrower is told where a notice plan says so (after COMPLAINT_EXTENDED).
    """
    from domain.commands import complaints

    _carry_out(
        complaints.extend_complaint,
        borrower,
        actor,
        command_id,
        as_json,
        complaint_ref=complaint_ref,
        ground=ground,
        reason=reason,
        approved_by=approved_by,
        extended_at=instant_said(at),
    )


@complaint.command("resolve")
def resolve(
    borrower: Borrower,
    complaint_ref: ComplaintRef,
    outcome: Annotated[
        Verdict,
        typer.Argument(
            help="UPHELD, PARTLY_UPHELD, NOT_UPHELD or WITHDRAWN.", case_sensitive=False
        ),
    ],
    remedy: Annotated[
        str | None, typer.Option(help="What was done, in a word: FEE_WAIVED, APOLOGY ...")
    ] = None,
    satisfaction: Annotated[
        int | None, typer.Option(help="What the borrower says of it, 1 to 5.")
    ] = None,
    said: Said = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Resolve a complaint: its clock stops, and the hold on collection is lifted."""
    from domain.commands import complaints

    _carry_out(
        complaints.resolve_complaint,
        borrower,
        actor,
        command_id,
        as_json,
        complaint_ref=complaint_ref,
        outcome=outcome,
        resolved_at=instant_said(at),
        remedy=remedy,
        satisfaction=satisfaction,
        said_ref=said,
    )


@complaint.command("reopen")
def reopen(
    borrower: Borrower,
    complaint_ref: ComplaintRef,
    reason: Reason,
    severity: Annotated[
        Severity | None, typer.Option(help="Else as it was.", case_sensitive=False)
    ] = None,
    said: Said = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Reopen a complaint that was resolved: its clock starts anew, and so does the hold."""
    from domain.commands import complaints

    def do(opened: Session, act: Act) -> Receipt:
        borrower_id = opened.borrower_id(borrower)
        return complaints.reopen_complaint(
            opened.book,
            act,
            borrower_id=borrower_id,
            complaint_ref=complaint_ref,
            reason=reason,
            reopened_at=opened.happened_at(instant_said(at)),
            severity=severity,
            all_loans=lambda: _loans_held(opened, act, borrower_id),
            said_ref=said,
        )

    carry_out(do, actor, command_id, as_json)


# --- the clock -------------------------------------------------------------------------


@dataclass(frozen=True)
class Overdue:
    """A deadline that passed, and was escalated now."""

    borrower_ref: str
    complaint_ref: str
    cause: str
    severity: str
    escalations: int
    due_at: datetime


@complaint.command("clock")
def clock(
    at: At = None,
    actor: Annotated[
        str, typer.Option("--by", envvar="LOANS_ACTOR", help="Who does this.", show_default=True)
    ] = "complaint-clock",
    as_json: AsJson = False,
) -> None:
    """Escalate every complaint of which a deadline has passed, each deadline once.

    The end-of-day run does the same for its day; run this every few minutes, so that an
    hour's deadline is seen within the hour.
    """
    from domain.commands import complaints
    from entrypoints import output
    from entrypoints.session import session

    found: list[Overdue] = []
    with session() as opened:
        done = complaints.escalate_all_overdue(
            opened.book, opened.happened_at(instant_said(at)), act=lambda: opened.act(actor, None)
        )
        for act, receipt in done:
            opened.journal([(act.command_id, receipt)])
            found += _escalated(opened, act, receipt)
    output.emit(found, as_json=as_json, render=_render_overdue)


def _escalated(opened: Session, act: Act, receipt: Receipt) -> list[Overdue]:
    from domain.base.refs import short_ref
    from domain.borrower.complaint_events import Cause, ComplaintEscalated

    return [
        Overdue(
            short_ref("B", receipt.stream_id),
            event.complaint_ref,
            event.cause,
            event.severity,
            event.escalations,
            event.respond_by if event.cause == Cause.ANSWER_OVERDUE else event.resolve_by,
        )
        for event in opened.book.events.get(receipt.stream_id)
        if isinstance(event, ComplaintEscalated) and event.command_id == act.command_id
    ]


def _render_overdue(found: list[Overdue]) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No deadline passed since the last look.")
        return
    rows = output.table("borrower", "complaint", "severity", "passed", "was due", "level")
    for each in found:
        rows.add_row(
            each.borrower_ref,
            each.complaint_ref,
            each.severity.lower(),
            each.cause.lower().replace("_", " "),
            f"{each.due_at.astimezone(UTC):%Y-%m-%d %H:%MZ}",
            str(each.escalations),
        )
    output.show(rows)


# --- feedback ----------------------------------------------------------------------------


@app.command("feedback")
def feedback(
    borrower: Borrower,
    score: Annotated[int, typer.Option(help="From 1, bad, to 5, very good.")],
    source: Annotated[
        FeedbackSource, typer.Option(help="By what means it was said.", case_sensitive=False)
    ] = FeedbackSource.APP,
    occasion: Annotated[str, typer.Option(help="What it is about, in a word.")] = "service",
    contact: Annotated[
        str | None,
        typer.Option(help="The contact that asked, by its reference; a call-back needs one."),
    ] = None,
    complaint: Annotated[
        str | None, typer.Option(help="The complaint it is about, by its reference.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The feedback's reference.")] = None,
    said: Said = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note how a borrower rates us.

    A call-back counts against the caps like any contact: ask for it first, with contact ask
    for the purpose care, and name it with --contact.
    """
    from domain.commands import complaints

    def do(opened: Session, act: Act) -> Receipt:
        return complaints.give_feedback(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            feedback_ref=ref or f"R-{act.command_id}",
            source=source,
            score=score,
            occasion=occasion,
            given_at=opened.happened_at(instant_said(at)),
            contact_ref=contact,
            complaint_ref=complaint,
            said_ref=said,
        )

    carry_out(do, actor, command_id, as_json)
