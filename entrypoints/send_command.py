"""The command that sends one text to one borrower: ``contact send``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer

from domain.base.contact_policy import Channel
from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.contact_commands import At, Debt, instant_of
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId

if TYPE_CHECKING:
    from domain.borrower.contact_state import Figure
    from domain.commands.dispatch import Planned
    from infra.contact_queue import Line


@dataclass(frozen=True)
class Queued:
    """A text that waits to be sent; *new* is false where it was queued before."""

    contact_ref: str
    purpose: str
    channels: list[str]
    template: str | None
    not_before: datetime
    expires_at: datetime
    state: str
    new: bool


@contact.command("send")
def send(
    borrower: Borrower,
    template: Annotated[
        str, typer.Option("--template", help="What it says: a text, or the family of texts.")
    ],
    loan: Debt = None,
    payment: Annotated[
        str | None, typer.Option("--payment", help="The payment that a receipt confirms.")
    ] = None,
    figure: Annotated[
        list[str],
        typer.Option(
            "--figure", metavar="NAME=VALUE", help="What else it says, such as a date to pay by."
        ),
    ] = [],  # noqa: B006 - typer copies it
    channel: Annotated[
        Channel | None,
        typer.Option(
            help="Only by this means; else by the first that can be.", case_sensitive=False
        ),
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The contact's reference.")] = None,
    occasion: Annotated[str, typer.Option(help="What brings it about.")] = "staff",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Queue one text for one borrower: a notice, a receipt, a word about a loan.

    The dispatcher sends it as it sends any other: the gate is asked at that moment, and its
    answer recorded. It is for what the text is for; what it says of the loan is looked up.
    Refused at once is what asks for money of a loan that is claimed at law, and a collection
    text about one that an agency has, or on which a promise to pay is open.
    With --at not before that instant. `contact queue` shows what became of it.
    """
    import psycopg

    from domain.borrower.refusals import ContactRefReused
    from domain.commands import sending
    from entrypoints import output
    from entrypoints.session import session
    from infra import contact_queue, logs
    from infra.bootstrap import as_role
    from infra.store import WRITER

    command_id = command_id or uuid4()
    contact_ref = ref or f"S-{command_id}"
    with session() as opened, opened.log_file() as file:
        log = logs.to_file(file, correlation_id=command_id, actor=actor)
        turn = sending.one_text(
            opened.book,
            borrower_id=opened.borrower_id(borrower),
            contact_ref=contact_ref,
            template=template,
            loan_id=None if loan is None else opened.stream_id(loan),
            figures=dict(_pair(each) for each in figure),
            at=instant_of(at),
            on=opened.business_on,
            occasion=occasion,
            channel=channel,
            payment_ref=payment,
        )
        with psycopg.connect(as_role(opened.database_url, WRITER), autocommit=True) as conn:
            new = contact_queue.put(conn, [turn], opened.business_on) == 1
            (line,) = contact_queue.lines(conn, contact_ref=contact_ref)
        if not new and not _is_the_same(line, turn.planned):
            raise ContactRefReused(f"{contact_ref!r} already names another contact.")
        log.info("queued", contact_ref=contact_ref, purpose=line.purpose, template=template)
    queued = Queued(
        contact_ref=contact_ref,
        purpose=line.purpose,
        channels=line.channels,
        template=line.template,
        not_before=line.not_before,
        expires_at=line.expires_at,
        state=line.state,
        new=new,
    )
    zone = ZoneInfo(opened.settings.zone)
    output.emit(queued, as_json=as_json, render=lambda found: _render(found, zone))


def _is_the_same(line: Line, asked: Planned) -> bool:
    """Whether a line of the queue is what was asked for, but for when."""

    def what(planned: Planned) -> tuple[Planned, frozenset[Figure]]:
        # The queue keeps figures in no order.
        plain = replace(planned, figures=(), expires_at=asked.expires_at, planned_for=None)
        return plain, frozenset(planned.figures)

    return what(line.planned) == what(asked)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r}: write it as NAME=VALUE", param_hint="--figure")
    return name.strip(), value.strip()


def _render(found: Queued, zone: ZoneInfo) -> None:
    from entrypoints import output

    before = "" if found.new else " (it was queued before)"
    output.out.print(
        f"{found.contact_ref}: {found.purpose} by {' or '.join(found.channels)}, its turn is"
        f" {found.not_before.astimezone(zone):%Y-%m-%d %H:%M} in {zone}{before}."
    )
