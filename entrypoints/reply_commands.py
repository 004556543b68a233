"""What borrowers wrote: the work list, and what is done about each: ``contact replies``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.reply_words import ReplyOutcome
from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.contact_commands import At, instant_of, instant_said
from entrypoints.questions import OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, AnyBorrower, CommandId, carry_out

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from domain.commands.replies import Sharer
    from entrypoints.session import Session
    from infra.contact_answers import WrittenReplies, WrittenReply

VIEW = "contacts"
MINUTES_OF_DAY, MINUTES_OF_HOUR = 1440, 60

HELP = "What borrowers wrote in words: see what waits, say that it was read, and answered."

replies = typer.Typer(help=HELP, invoke_without_command=True)
contact.add_typer(replies, name="replies")

ReplyRef = Annotated[
    str, typer.Argument(metavar="REF", help="The reply's reference, as in contact replies.")
]
Of = Annotated[
    str | None,
    typer.Option(
        "--borrower",
        metavar="BORROWER",
        help="Whose it is, where several have one of this reference: B-XXXXX-XXXXX, an id, or"
        " origin:reference.",
    ),
]
RefusedFor = Annotated[
    Purpose | None,
    typer.Option(
        "--purpose", help="With REFUSED: for this purpose; else all.", case_sensitive=False
    ),
]
Noted = Annotated[
    str | None, typer.Option("--said", help="What you noted, by its reference in the vault.")
]


@replies.callback()
def _group(context: typer.Context, as_json: AsJson = False) -> None:
    """What borrowers wrote in words: see what waits, say that it was read, and answered.

    Without a further word those that wait are listed.
    """
    if context.invoked_subcommand is None:
        list_replies(as_json=as_json)


@replies.command("list")
def list_replies(
    borrower: AnyBorrower = None,
    channel: Annotated[
        Channel | None, typer.Option(help="By this channel.", case_sensitive=False)
    ] = None,
    with_done: Annotated[
        bool, typer.Option("--all", help="Those that were dealt with, too.")
    ] = False,
    on: OnDay = None,
    at: At = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Wait until the view shows this version.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what borrowers wrote and nobody has read or answered: who waits longest comes first.

    With the keywords among the words of each. Where one may be a refusal, marketing is
    kept back until somebody has read it. `vault read` shows what was written, and records
    who read it.
    """
    from infra import reply_queries

    with asking(on) as asked:
        answer = reply_queries.replies(
            asked.conn,
            asked.on,
            instant_of(at),
            borrower_id=asked.borrower(borrower, VIEW, version) if borrower else None,
            channel=channel,
            with_done=with_done,
            limit=limit,
        )
        zone = asked.opened.settings.zone
    show_answer(answer, as_json, lambda listed: _render(listed, zone, limit))


@replies.command("read")
def read(
    ref: ReplyRef,
    outcome: Annotated[ReplyOutcome, typer.Option(help="What came of it.", case_sensitive=False)],
    purpose: RefusedFor = None,
    answer: Annotated[
        bool | None,
        typer.Option(
            "--answer/--no-answer", help="Whether it waits for an answer; else by the outcome."
        ),
    ] = None,
    said: Noted = None,
    borrower: Of = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say that you read what a borrower wrote, and what came of it.

    REFUSED is recorded as the refusal that it is: it counts from the instant the reply
    came, on its channel, and for every borrower who has the number or address it came from.
    REFUSED, WRONG_PERSON and NOTHING wait for no answer; the others
    stay on the list until they are answered.
    """
    from domain.commands import replies as written

    instant = instant_said(at)

    def do(opened: Session, act: Act) -> Receipt:
        borrower_id = _whose(opened, ref, borrower)
        return written.read_reply(
            opened.book,
            act,
            sharers=partial(_sharers, opened, act, borrower_id, ref),
            borrower_id=borrower_id,
            contact_ref=ref,
            outcome=outcome,
            read_at=opened.happened_at(instant),
            awaits_answer=answer,
            purpose=purpose,
            said_ref=said,
        )

    carry_out(do, actor, command_id, as_json)


@replies.command("answer")
def answer(
    ref: ReplyRef,
    contact_ref: Annotated[
        str | None, typer.Option("--contact", help="The contact that answers it, by its reference.")
    ] = None,
    outcome: Annotated[
        ReplyOutcome | None,
        typer.Option(help="What came of it, where it was not read before.", case_sensitive=False),
    ] = None,
    purpose: RefusedFor = None,
    said: Noted = None,
    borrower: Of = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say that what a borrower wrote was answered, and by which contact.

    A contact is asked for and made as any other: `contact ask`, then `contact tell`.
    """
    from domain.commands import replies as written

    instant = instant_said(at)

    def do(opened: Session, act: Act) -> Receipt:
        borrower_id = _whose(opened, ref, borrower)
        return written.answer_reply(
            opened.book,
            act,
            sharers=partial(_sharers, opened, act, borrower_id, ref),
            borrower_id=borrower_id,
            contact_ref=ref,
            answered_at=opened.happened_at(instant),
            answered_by=contact_ref,
            outcome=outcome,
            purpose=purpose,
            said_ref=said,
        )

    carry_out(do, actor, command_id, as_json)


def _whose(opened: Session, ref: str, named: str | None) -> UUID:
    """The borrower who wrote it, as said or as the view shows.

    Raises:
        Trouble: the view shows none of this reference, or several.
    """
    from infra.reading import connection
    from infra.reply_queries import borrowers_who_wrote
    from infra.trouble import Trouble

    if named is not None:
        return opened.borrower_id(named)
    with connection(opened.database_url) as conn:
        found = borrowers_who_wrote(conn, ref)
    if len(found) != 1:
        how_many = "Several borrowers have" if found else "Nobody is shown to have"
        raise Trouble(f"{how_many} a reply {ref!r}: see contact replies list, or name --borrower.")
    return found[0]


def _sharers(opened: Session, act: Act, borrower_id: UUID, ref: str) -> list[Sharer]:
    """Who else has the number or address that an answer came from."""
    from domain.borrower.borrower import Borrower
    from infra.inbound import others_who_share
    from infra.vault import open_vault

    reader = opened.book.get(Borrower, borrower_id)
    with open_vault(opened.database_url, opened.settings, lambda: opened.book.policies) as vault:
        return others_who_share(vault, act, reader, ref)


def _render(listed: WrittenReplies, zone: str, limit: int) -> None:
    from entrypoints import output

    if not listed.replies:
        output.out.print("Nothing that borrowers wrote waits.")
        return
    rows = output.table(
        *("waits", "came", "borrower", "by", "about", "words found", "kept back", "stage"),
        *("text", "reply"),
        right=("waits",),
        wraps=("words found", "kept back", "stage"),
    )
    for each in listed.replies:
        rows.add_row(
            _waits(each.minutes_waiting),
            _local(each.received_at, zone),
            each.borrower_ref,
            _words(each.channel),
            each.loan_ref or _words(each.purpose),
            ", ".join(each.found),
            ", ".join(map(_words, each.kept_back)),
            _stage(each),
            each.said_ref,
            each.contact_ref,
            style="red" if each.kept_back else None,
        )
    output.show(rows)
    more = f" The first {limit}; --limit shows more." if len(listed.replies) == limit else ""
    output.out.print(
        f"{listed.unread} unread, {listed.to_answer} to answer. Times in {zone}.{more}"
    )


def _stage(each: WrittenReply) -> str:
    came_of = f": {_words(each.outcome)}" if each.outcome else ""
    who = each.answered_by or each.read_by
    return (
        f"{_words(each.stage)}{came_of}"
        + (f" ({who})" if who else "")
        + (", stale" if each.stale else "")
    )


def _waits(minutes: int) -> str:
    days, rest = divmod(minutes, MINUTES_OF_DAY)
    hours, left = divmod(rest, MINUTES_OF_HOUR)
    return f"{days} d {hours} h" if days else f"{hours}:{left:02}"


def _local(at: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _words(name: str | None) -> str:
    return name.lower().replace("_", " ") if name else ""
