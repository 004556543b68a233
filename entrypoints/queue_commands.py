"""What is planned to be sent and what became of it: ``contact plan`` and ``contact queue``."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.staff_command import STAFF, Actor

if TYPE_CHECKING:
    from domain.commands.owed import LateNotice
    from domain.operations.business_day import DayPlan
    from entrypoints.questions import Asked
    from infra.contact_queue import Addressed
    from infra.day_plan import Planned

OnDay = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; else today's.")
]


class QueueState(StrEnum):
    """Where a planned contact is."""

    WAITING = "WAITING"
    DONE = "DONE"
    DROPPED = "DROPPED"


@contact.command("plan")
def plan(on: OnDay = None, actor: Actor = STAFF, as_json: AsJson = False) -> None:
    """Queue what a day has to be sent: reminders, about late loans, what is owed, lessons.

    The process that sends (LOANS_DISPATCHER=true) does this by itself, once when the day
    begins, after it assigned strategies (`collect plan`). A reminder is one for each
    borrower; a late loan has a message when its strategy is new. Of the business date the
    plan also makes up for days since the last one that was planned, and is noted; run again
    it adds only what is new: a due date that moved, a loan that was paid out. Notices that
    the law demands, and receipts where policy asks for them, are planned too; and lessons:
    what each borrower is told of money once, without an offer, on a day on which nobody asks
    them to pay. Whom a running experiment holds out is queued as dropped, with the reason.
    """
    from domain.commands import days
    from entrypoints import output
    from entrypoints.questions import asking
    from infra import day_plan

    with asking(on) as asked:
        opened = asked.opened
        book, zone = opened.book, opened.settings.zone
        before = days.planned(book)
        if asked.on == opened.business_on:
            found = planned(asked, since=days.last_planned(book, asked.on))
            day_plan.note(book, found, zone=zone, act=opened.act(actor, None))
        else:
            found = planned(asked)
    known = before if before is not None and before.day >= asked.on else None
    output.emit(found, as_json=as_json, render=lambda done: _render_planned(done, known))


def planned(asked: Asked, since: date | None = None, at: datetime | None = None) -> Planned:
    """Queue what is to be sent on the day that is asked about, and was missed after *since*.

    It is planned now, or *at* an instant of a day that is played.
    """
    from infra import day_plan

    opened = asked.opened
    return day_plan.plan(
        opened.book,
        asked.conn,
        opened.database_url,
        asked.on,
        zone=opened.settings.zone,
        since=since,
        at=at,
    )


def _render_planned(found: Planned, known: DayPlan | None) -> None:
    from entrypoints import output

    if known is not None:
        output.out.print(
            f"{known.day} was planned by {known.actor} at {known.planned_at:%Y-%m-%d %H:%M:%SZ}:"
            " what is new since is added."
        )
    output.out.print(
        f"{found.reminders} reminder(s), {found.dunnings} message(s) about late loans,"
        f" {found.owed} receipt(s) and notice(s) and {found.lessons} lesson(s) planned for"
        f" {found.on}, {found.new} of them new."
    )
    if found.made_up and found.since is not None:
        output.out.print(
            f"  {found.made_up} instalment(s) had their turn since {found.since} and were missed."
        )
    for reason, count in sorted(found.dropped.items()):
        output.out.print(f"  {count} not sent: {reason}")


@contact.command("notices")
def notices(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Late on this day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List notices that the law demands and that did not go out in time, the latest first.

    Each is planned anew every day until it goes out, and has its turn before all else; one that
    was sent and did not arrive did not go out. What stopped it last is told. `status` says so too.
    """
    from entrypoints import output
    from entrypoints.questions import asking
    from infra import owed_plan

    with asking(on) as asked:
        found = owed_plan.late_notices(asked.opened.book, asked.conn, asked.on)
    output.emit(found, as_json=as_json, render=_render_notices)


def _render_notices(found: list[LateNotice]) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No notice is late.")
        return
    rows = output.table(
        *("borrower", "about", "notice", "was due by", "days late", "stands"),
        right=("days late",),
        wraps=("about", "stands"),
    )
    for each in found:
        rows.add_row(
            each.borrower_ref,
            ", ".join(each.loan_refs),
            each.rule,
            str(each.due_by),
            str(each.days_late),
            " ".join([each.state.lower().replace("_", " "), *each.reasons]),
            style="red",
        )
    output.show(rows)


@contact.command("queue")
def queue(
    borrower: Annotated[
        str | None,
        typer.Option(
            metavar="BORROWER",
            help="Only of this borrower: B-XXXXX-XXXXX, an id, or origin:reference.",
        ),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], help="Only what was planned for this day."),
    ] = None,
    state: Annotated[
        QueueState | None, typer.Option(help="Only these.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What waits to be sent, what was made, and what is not sent, each with the reasons."""
    import psycopg

    from entrypoints import output
    from entrypoints.session import session
    from infra import contact_queries, contact_queue
    from infra.bootstrap import PROJECTOR, as_role

    with session() as opened, psycopg.connect(as_role(opened.database_url, PROJECTOR)) as conn:
        found = contact_queue.lines(
            conn,
            on=on.date() if on else None,
            borrower_id=opened.borrower_id(borrower) if borrower else None,
        )
        parties = contact_queries.parties(conn, [line.contact_ref for line in found])
        zone = opened.settings.zone
    chosen = [
        contact_queue.Addressed(**vars(line), party=parties.get(line.contact_ref))
        for line in found
        if state is None or line.state == state
    ]
    output.emit(
        chosen if as_json else chosen[:limit],
        as_json=as_json,
        render=lambda lines: _render_queue(lines, len(chosen), ZoneInfo(zone)),
    )


def _by(line: Addressed) -> str:
    """By what it goes, and to whom where that is not the borrower."""
    by = line.channel or "/".join(line.channels)
    return by if line.party is None else f"{by} to {line.party}"


def _render_queue(lines: list[Addressed], total: int, zone: ZoneInfo) -> None:
    from rich.markup import escape

    from entrypoints import output

    if not lines:
        output.out.print("Nothing of that is in the queue.")
        return
    columns = ("contact", "by", "turn", "state")
    rows = output.table(*columns, wraps=columns)
    for line in lines:
        purpose = line.purpose.lower().replace("_", " ")
        rows.add_row(
            escape(f"{purpose}, {line.occasion}\n{line.contact_ref}"),
            _by(line).replace("/", ", "),
            f"{line.not_before.astimezone(zone):%Y-%m-%d %H:%M}",
            line.state + (f": {', '.join(line.reasons)}" if line.reasons else ""),
        )
    output.show(rows)
    more = f"; the first {len(lines)} are shown" if len(lines) < total else ""
    output.out.print(f"{total} in the queue{more}. Times in {zone}.")
