"""The command that ends the send log where it may: ``contact purge``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.staff_command import STAFF, Actor

if TYPE_CHECKING:
    from infra.send_log import Purged


@contact.command("purge")
def purge(
    before: Annotated[
        datetime,
        typer.Option("--before", formats=["%Y-%m-%d"], help="What was finished before this day."),
    ],
    actor: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Remove what was sent and brought long ago from the queue, the journal and the inbox.

    Nothing goes before its retention floor: a day that is too late is refused, and what a
    longer floor keeps (collection, by the borrower's jurisdiction) stays and is counted.
    What happened with the borrower, the events, is never touched.
    """
    import psycopg

    from domain.base.refusal import Refusal
    from entrypoints import output
    from entrypoints.session import session
    from infra import logs
    from infra.bootstrap import as_role
    from infra.send_log import SendLog
    from infra.store import WRITER

    with (
        session() as opened,
        psycopg.connect(as_role(opened.database_url, WRITER), autocommit=True) as conn,
        opened.log_file() as file,
    ):
        log = logs.to_file(file, actor=actor, before=str(before.date()))
        send_log = SendLog(opened.book, conn, opened.settings.zone, opened.business_on)
        try:
            found = send_log.purge(before.date())
        except Refusal as refusal:
            log.info("refused", code=refusal.code)
            raise
        log.info("purged", queue=found.queue, sending=found.sending, inbox=found.inbox)
    output.emit(found, as_json=as_json, render=_render)


def _render(found: Purged) -> None:
    from entrypoints import output

    output.out.print(
        f"Removed {found.queue:,} planned, {found.sending:,} sent and {found.inbox:,} brought, "
        f"finished before {found.before}."
    )
    for each in found.kept:
        by = f" of {each.version}" if each.version else ""
        where = each.jurisdiction or "whose borrower is not known"
        output.out.print(f"{each.lines:>8,} stay, {where}: {each.record_class}{by}")
