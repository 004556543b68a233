"""The commands about receipts and replies that providers brought: ``contact inbox``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson
from entrypoints.contact_command import contact

if TYPE_CHECKING:
    import psycopg

inbox = typer.Typer(
    help="Receipts and replies that providers brought: record them, see what could not be used.",
    invoke_without_command=True,
)
contact.add_typer(inbox, name="inbox")


@contextmanager
def _writer() -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    from entrypoints.session import database_url
    from infra.bootstrap import as_role
    from infra.settings import Settings
    from infra.store import WRITER

    with psycopg.connect(as_role(database_url(Settings()), WRITER), autocommit=True) as conn:
        yield conn


@inbox.callback()
def _group(context: typer.Context, as_json: AsJson = False) -> None:
    """Receipts and replies that providers brought: record them, see what could not be used.

    Without a further word those that could not be used are listed.
    """
    if context.invoked_subcommand is None:
        list_parked(as_json=as_json)


@inbox.command("list")
def list_parked(as_json: AsJson = False) -> None:
    """List what is parked: from whom, about which contact, since when and why."""
    from entrypoints import output
    from infra.channels.inbox import parked

    with _writer() as conn:
        answer = parked(conn)

    def render(_: Any) -> None:
        if not answer:
            output.out.print("Nothing is parked.")
            return
        rows = output.table("id", "provider", "kind", "contact", "since", "why", right=("id",))
        for each in answer:
            rows.add_row(
                str(each.id),
                each.provider,
                each.kind,
                each.contact_ref or "",
                f"{each.received_at:%Y-%m-%d %H:%M}",
                each.reason,
            )
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)


@inbox.command("record")
def record(as_json: AsJson = False) -> None:
    """Record on the borrowers what providers brought, and heed who refuses by a keyword.

    `contact dispatch` does so by itself before each batch that it sends. What cannot be
    used is parked with a reason.
    """
    from entrypoints import output
    from entrypoints.session import session
    from infra.inbound import open_inbound

    counts: Counter[str] = Counter()
    with (
        session() as opened,
        open_inbound(opened.settings, opened.database_url, opened.book) as inbound,
    ):
        while became := inbound.step():
            counts.update(became)

    def render(_: Any) -> None:
        for what, count in sorted(counts.items()):
            output.out.print(f"{count:>8,} {what}")
        if not counts:
            output.out.print("Nothing waits in the inbox.")

    output.emit(dict(counts), as_json=as_json, render=render)


@inbox.command()
def retry(
    item: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    as_json: AsJson = False,
) -> None:
    """Hand a parked one on again, after what stood against it is mended."""
    from entrypoints import output
    from infra.channels import inbox as kept

    with _writer() as conn:
        kept.retry(conn, item)
    output.emit(
        {"id": item, "state": "NEW"},
        as_json=as_json,
        render=lambda _: output.out.print(f"{item} waits to be handed on."),
    )
