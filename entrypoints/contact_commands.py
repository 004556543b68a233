"""What staff do about contact: ask the gate, and tell what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer

from domain.base.contact_policy import Channel, Feedback, IntentLevel, LateReason, Outcome, Purpose
from domain.borrower.contact import Party
from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, carried_out, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

At = Annotated[
    str | None,
    typer.Option("--at", metavar="INSTANT", help="Such as 2026-11-20T14:30+08:00; else now."),
]
Ref = Annotated[str, typer.Argument(metavar="CONTACT", help="The contact's reference.")]
Debt = Annotated[str | None, typer.Option("--loan", help="The loan it is about.")]
Point = Annotated[str | None, typer.Option("--point", help="The contact point, by its reference.")]


@dataclass(frozen=True)
class Asked:
    """What the gate answered of one contact, and the script it goes by, if it has one."""

    contact_ref: str
    answer: str
    until: datetime | None
    because: list[str]
    rules: list[str]
    script: str | None
    decided_at: datetime
    lapses_at: datetime | None
    version: int


@contact.command("ask")
def ask(
    borrower: Borrower,
    purpose: Annotated[Purpose, typer.Option(help="What it is for.", case_sensitive=False)],
    channel: Annotated[Channel, typer.Option(help="By what means.", case_sensitive=False)],
    point: Annotated[str, typer.Option("--point", help="The contact point, by its reference.")],
    loan: Debt = None,
    third_party: Annotated[bool, typer.Option(help="Somebody else is asked.")] = False,
    party: Annotated[
        Party | None,
        typer.Option(help="Who is asked, where not the borrower.", case_sensitive=False),
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The contact's reference.")] = None,
    product_line: Annotated[str | None, typer.Option(help="The line it advertises.")] = None,
    script: Annotated[
        str | None,
        typer.Option(help="What a collector says, a text or family; else by the strategy."),
    ] = None,
    occasion: Annotated[str, typer.Option(help="What brings it about.")] = "staff",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask whether a contact may be made now; the answer is recorded with its reasons.

    ALLOW takes a place under the caps at once: make the contact before it lapses, then
    `contact tell` what came of it. DEFER says from when. BLOCK says what stands against it.
    A collector's call or visit names the script it goes by; without one in force it is
    blocked. Exits with 3 unless it is allowed.
    """
    from domain.borrower.contact import Intent
    from domain.commands import scripts
    from entrypoints import output
    from entrypoints.session import session

    command_id = command_id or uuid4()
    contact_ref = ref or f"C-{command_id}"
    with session() as opened:
        borrower_id = opened.borrower_id(borrower)
        intent = Intent(
            purpose,
            channel,
            party or (Party.THIRD_PARTY if third_party else Party.BORROWER),
            point,
            None if loan is None else str(opened.stream_id(loan)),
            product_line,
        )
        instant = instant_said(at)

        def do(opened: Session, act: Act) -> Receipt:
            return scripts.ask(
                opened.book,
                act,
                borrower_id=borrower_id,
                contact_ref=contact_ref,
                intent=intent,
                at=opened.happened_at(instant),
                occasion=occasion,
                script=script,
            )

        receipt = carried_out(opened, do, actor, command_id)
        asked = _answer(opened, borrower_id, contact_ref, receipt.version)
    output.emit(asked, as_json=as_json, render=_render)
    if asked.answer != "ALLOW":
        raise typer.Exit(3)


@contact.command("tell")
def tell(
    borrower: Borrower,
    contact_ref: Ref,
    outcome: Annotated[
        Outcome,
        typer.Argument(
            help="ATTEMPTED, CONNECTED, CONVERSATION or FAILED of a call; SENT or FAILED else.",
            case_sensitive=False,
        ),
    ],
    duration: Annotated[
        int | None, typer.Option("--seconds", min=0, help="How long the call was.")
    ] = None,
    feedback: Annotated[
        Feedback | None, typer.Option(help="What came of it, in a word.", case_sensitive=False)
    ] = None,
    intent_level: Annotated[
        IntentLevel | None,
        typer.Option("--intent", help="How likely payment is.", case_sensitive=False),
    ] = None,
    said: Annotated[
        str | None, typer.Option("--said", help="What was said, by its reference in the vault.")
    ] = None,
    reason_late: Annotated[
        LateReason | None,
        typer.Option("--reason-late", help="Why the loan is late.", case_sensitive=False),
    ] = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Tell what came of a contact that was allowed, and why the loan is late if that was said.

    Told later, say with --at when it was made: it was allowed for a time only. One that was
    not made in time FAILED, which gives its place under the caps back.
    """
    from domain.borrower.contacts import Result
    from domain.commands import contacts

    carry_out(
        lambda opened, act: contacts.tell(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            contact_ref=contact_ref,
            result=Result(
                outcome,
                opened.happened_at(instant_said(at)),
                duration_seconds=duration,
                feedback=feedback,
                intent_level=intent_level,
                said_ref=said,
            ),
            reason_late=reason_late,
        ),
        actor,
        command_id,
        as_json,
    )


@contact.command("received")
def received(
    borrower: Borrower,
    channel: Annotated[Channel, typer.Option(help="By what means.", case_sensitive=False)],
    purpose: Annotated[
        Purpose, typer.Option(help="What it was about.", case_sensitive=False)
    ] = Purpose.COLLECTION,
    point: Point = None,
    loan: Debt = None,
    ref: Annotated[str | None, typer.Option(help="The contact's reference.")] = None,
    answers: Annotated[
        str | None, typer.Option(help="The contact that it answers, by its reference.")
    ] = None,
    said: Annotated[
        str | None, typer.Option("--said", help="What was said, by its reference in the vault.")
    ] = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower got in touch, which may start a pause."""
    from domain.commands import contacts

    command_id = command_id or uuid4()
    carry_out(
        lambda opened, act: contacts.receive(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            contact_ref=ref or f"I-{act.command_id}",
            channel=channel,
            purpose=purpose,
            received_at=opened.happened_at(instant_said(at)),
            point_ref=point,
            loan_id=None if loan is None else opened.stream_id(loan),
            answers=answers,
            said_ref=said,
        ),
        actor,
        command_id,
        as_json,
    )


def _answer(opened: Session, borrower_id: UUID, contact_ref: str, version: int) -> Asked:
    """The last decision on a contact."""
    from domain.borrower.contact_events import ContactDecided

    found = [
        event
        for event in opened.book.events.get(borrower_id)
        if isinstance(event, ContactDecided) and event.contact_ref == contact_ref
    ][-1]
    return Asked(
        contact_ref,
        found.answer,
        found.until,
        sorted({each.reason for each in found.against}),
        [f"{each.rule} ({each.version})" for each in found.against],
        None if found.template is None else f"{found.template} {found.template_version}",
        found.decided_at,
        found.lapses_at,
        version,
    )


def instant_said(text: str | None) -> datetime | None:
    """The instant that was given; None, which is that of the act, where none was.

    Raises:
        Trouble: it is none, or has no zone.
    """
    return None if text is None else instant_of(text)


def instant_of(text: str | None) -> datetime:
    """The instant that was given, or now.

    Raises:
        Trouble: it is none, or has no zone.
    """
    from infra import clock
    from infra.trouble import Trouble

    if text is None:
        return clock.now()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Trouble(f"{text!r} is no instant: give 2026-11-20T14:30+08:00 or ...T06:30Z.")
    return instant.astimezone(UTC)


def _render(asked: Asked) -> None:
    from entrypoints import output

    last = asked.until or asked.lapses_at
    word = "until" if asked.until else "before"
    until = "" if last is None else f" {word} {last:%Y-%m-%d %H:%M:%SZ}"
    lines = [f"{asked.answer}{until}  {asked.contact_ref}"]
    lines += [f"  {reason}" for reason in asked.because]
    lines += [f"  by {rule}" for rule in asked.rules]
    lines += [f"  say: {asked.script} (template show)"] if asked.script else []
    output.out.print("\n".join(lines))
