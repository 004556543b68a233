"""What is planned to be sent and what became of it: ``contact plan`` and ``contact queue``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from entrypoints.app import AsJson
from entrypoints.contact_command import contact

if TYPE_CHECKING:
    from entrypoints.questions import Asked
    from infra.contact_queue import Line

OnDay = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; else today's.")
]


@dataclass(frozen=True)
class Planned:
    """What a day's plan came to; *dropped* is what nobody gets, by reason.

    *owed* are receipts and notices that the law demands.
    """

    on: date
    reminders: int
    dunnings: int
    owed: int
    new: int
    dropped: dict[str, int]


@contact.command("plan")
def plan(on: OnDay = None, as_json: AsJson = False) -> None:
    """Queue what a day has to be sent: reminders, messages about late loans, what is owed.

    A reminder is one for each borrower; a late loan has a message when its strategy is new
    (`collect plan`). Notices that the law demands, and receipts where policy asks for them,
    are planned too. Run again it adds only what is new: a due date that moved, a loan that
    was paid out. Whom a running experiment holds out is queued as dropped, with the reason.
    """
    from entrypoints import output
    from entrypoints.questions import asking

    with asking(on) as asked:
        found = planned(asked)
    output.emit(found, as_json=as_json, render=_render_planned)


def planned(asked: Asked) -> Planned:
    """Queue what is to be sent on the day that is asked about."""
    from datetime import time
    from zoneinfo import ZoneInfo

    import psycopg

    from domain.borrower.borrower import Borrower
    from domain.commands import planning, trials
    from domain.loan.loan import Loan
    from infra import contact_queue, owed_plan, queries
    from infra.bootstrap import as_role
    from infra.store import WRITER

    opened, on = asked.opened, asked.on
    book = opened.book
    answer = queries.reminders(asked.conn, book.policies, on, include_cancelled=True)
    loans = book.get_many(
        Loan, {row.loan_id for reminder in answer.found for row in reminder.instalments}
    )
    wanted: dict[UUID, list[planning.ToRemind]] = {
        reminder.borrower_id: [
            planning.ToRemind(
                row.loan_id, row.number, row.offset_days, row.cancelled, loans[row.loan_id].segment
            )
            for row in reminder.instalments
        ]
        for reminder in answer.found
    }
    borrowers = book.get_many(Borrower, wanted)
    start = datetime.combine(on, time(), ZoneInfo(opened.settings.zone))
    turns = list(planning.reminders(wanted, borrowers, book.rules, start))
    reminded = len(turns)
    late = queries.collections(asked.conn, book.rules, on, time(12), opened.settings.zone)
    people = book.get_many(Borrower, {case.borrower_id for case in late.found})
    turns += planning.dunnings(people.values(), book.rules, start)
    due = owed_plan.notices(book, late.found, people, start)
    due += owed_plan.receipts(book, asked.conn, start)
    dunned = len(turns) - reminded
    turns = list(trials.on_trial(book, turns, {**people, **borrowers}, start))
    turns = [*planning.merged(turns), *due]
    with psycopg.connect(as_role(opened.database_url, WRITER)) as conn:
        new = contact_queue.put(conn, turns, on)
    dropped = Counter(turn.dropped for turn in turns if turn.dropped is not None)
    return Planned(on, reminded, dunned, len(due), new, dict(dropped))


def _render_planned(found: Planned) -> None:
    from entrypoints import output

    output.out.print(
        f"{found.reminders} reminder(s), {found.dunnings} message(s) about late loans and"
        f" {found.owed} receipt(s) and notice(s) planned for {found.on}, {found.new} of them new."
    )
    for reason, count in sorted(found.dropped.items()):
        output.out.print(f"  {count} not sent: {reason}")


@contact.command("queue")
def queue(
    borrower: Annotated[
        str | None, typer.Option(metavar="BORROWER", help="Only of this borrower.")
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], help="Only what was planned for this day."),
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only WAITING, DONE or DROPPED.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What waits to be sent, what was made, and what is not sent, each with the reasons."""
    import psycopg

    from entrypoints import output
    from entrypoints.session import session
    from infra import contact_queue
    from infra.bootstrap import PROJECTOR, as_role

    with session() as opened, psycopg.connect(as_role(opened.database_url, PROJECTOR)) as conn:
        found = contact_queue.lines(
            conn,
            on=on.date() if on else None,
            borrower_id=opened.stream_id(borrower) if borrower else None,
        )
    chosen = [line for line in found if state is None or line.state == state.upper()]
    output.emit(
        chosen if as_json else chosen[:limit],
        as_json=as_json,
        render=lambda lines: _render_queue(lines, len(chosen)),
    )


def _render_queue(lines: list[Line], total: int) -> None:
    from entrypoints import output

    if not lines:
        output.out.print("The queue has none.")
        return
    rows = output.table(
        *("contact", "for", "by", "turn", "state", "reasons"), wraps=("contact", "reasons")
    )
    for line in lines:
        rows.add_row(
            line.contact_ref,
            line.occasion,
            line.channel or "/".join(line.channels),
            f"{line.not_before:%Y-%m-%d %H:%M%z}",
            line.state,
            ", ".join(line.reasons),
        )
    output.show(rows)
    more = f"; the first {len(lines)} are shown" if len(lines) < total else ""
    output.out.print(f"{total} in the queue{more}.")
