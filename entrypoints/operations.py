"""What operators ask: are the views sound, what is parked, do the invariants hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.commands.alarms import Alarm, FirstReview
    from domain.commands.owed import LateNotice
    from infra.reading import Connection
    from infra.settings import Settings
    from infra.verify import Check
    from infra.view_tables import Projection

projections = typer.Typer(
    help="The views: how far they are, what is parked, rebuilding.", no_args_is_help=True
)
app.add_typer(projections, name="projections")

DRAIN_SECONDS = 60.0


def named(names: list[str]) -> list[Projection]:
    """The projections with these names; all when none is given.

    Raises:
        Trouble: one is not known.
    """
    from infra.freshness import VIEWS
    from infra.trouble import Trouble

    by_name: dict[str, Any] = {view.NAME: view for view in VIEWS}
    for name in names:
        if name not in by_name:
            raise Trouble(f"There is no view {name!r}: it is one of {', '.join(by_name)}.")
    return [by_name[name] for name in names or by_name]


def _log_warnings_only() -> None:
    """Log lines go to standard error, so that standard output holds the answer alone."""
    from infra import logs
    from infra.settings import Settings

    logs.configure(Settings().model_copy(update={"log_level": "warning"}), "cli")


@projections.command("list")
def list_views(as_json: AsJson = False) -> None:
    """List the views: position, what waits, what is parked."""
    from entrypoints import output
    from entrypoints.session import database_url
    from infra.freshness import freshness
    from infra.reading import connection
    from infra.settings import Settings

    with connection(database_url(Settings())) as conn:
        answer = freshness(conn)
    output.emit(answer, as_json=as_json, render=render_freshness)


def render_freshness(answer: Any) -> None:
    """Print how far each view is."""
    from entrypoints import output

    columns = ("position", "unpublished", "behind", "lag", "parked")
    rows = output.table("view", *columns, right=columns)
    for each in answer:
        rows.add_row(
            each.view,
            f"{each.position:,}",
            f"{each.unpublished:,}",
            f"{each.behind:,}",
            f"{each.lag_seconds:.1f} s",
            f"{each.parked:,}",
            style="red" if each.parked else None,
        )
    output.show(rows)


@projections.command("parked")
def parked(as_json: AsJson = False) -> None:
    """List parked events: of which stream, since when, and why."""
    from entrypoints import output
    from entrypoints.session import database_url
    from infra.freshness import parked_events
    from infra.reading import connection
    from infra.settings import Settings

    with connection(database_url(Settings())) as conn:
        answer = parked_events(conn)

    def render(_: Any) -> None:
        if not answer:
            output.out.print("Nothing is parked.")
            return
        rows = output.table("view", "stream", "version", "event", "since", "why", wraps=("why",))
        for each in answer:
            since = f"{each.parked_at:%Y-%m-%d %H:%M}"
            rows.add_row(
                each.view,
                str(each.stream_id),
                str(each.version),
                each.event_type,
                since,
                each.error,
            )
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)


@projections.command("retry-parked")
def retry_parked(
    view: Annotated[list[str] | None, typer.Argument(help="Which views; all if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show parked events after their cause is mended, in order per stream."""
    from entrypoints import output
    from entrypoints.session import database_url
    from infra.settings import Settings
    from infra.views import open_view

    _log_warnings_only()
    url = database_url(Settings())
    answer = []
    for projection in named(view or []):
        with open_view(url, projection) as opened:
            drained = opened.retry_parked()
        answer += [
            {"view": projection.NAME, "stream": str(stream), "shown": shown, "left": left}
            for stream, (shown, left) in drained.items()
        ]

    def render(_: Any) -> None:
        if not answer:
            output.out.print("Nothing was parked.")
        for each in answer:
            output.out.print(
                f"{each['view']} {each['stream']}: {each['shown']} shown, {each['left']} left."
            )

    output.emit(answer, as_json=as_json, render=render)
    if any(each["left"] for each in answer):
        raise typer.Exit(1)


@projections.command("rebuild")
def rebuild_views(
    view: Annotated[list[str] | None, typer.Argument(help="Which views; all if none.")] = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="Put the rebuilt rows in the view's place.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build views anew from the store beside the running ones, and compare checksums."""
    from entrypoints import output
    from entrypoints.session import database_url
    from infra.embedded.part import Step
    from infra.rebuild import rebuild
    from infra.settings import Settings

    _log_warnings_only()
    url = database_url(Settings())
    answer = []
    wanted = named(view or [])
    with output.progress(quiet=as_json) as progress:
        for done, projection in enumerate(wanted):
            progress(Step("rebuild", projection.NAME, done, len(wanted)))
            for table, compared in rebuild(url, projection, swap=swap).items():
                answer.append(
                    {
                        "table": table,
                        "rows": compared.rows,
                        "equal": compared.running == compared.rebuilt,
                    }
                )

    def render(_: Any) -> None:
        rows = output.table("table", "rows", "rebuilt", right=("rows",))
        for each in answer:
            rows.add_row(
                str(each["table"]),
                f"{each['rows']:,}",
                "the same" if each["equal"] else "[red]differs[/]",
            )
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)
    if not swap and not all(each["equal"] for each in answer):
        raise typer.Exit(1)


@app.command(rich_help_panel="Questions")
def verify(
    without_rebuild: Annotated[
        bool, typer.Option("--without-rebuild", help="Leave out the fifth check.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the invariants on the live system, by means other than the code they check.

    Exits with 1 when one does not hold.
    """
    from entrypoints import output
    from infra.embedded.part import Step
    from infra.settings import Settings

    checks = []
    with output.progress(quiet=as_json) as progress:
        for number, check in enumerate(run_checks(Settings(), without_rebuild=without_rebuild), 1):
            progress(Step("verify", check.title, number, 6))
            checks.append(check)
    checks.sort(key=lambda check: check.number)
    answer = [{"holds": check.holds, **vars(check)} for check in checks]
    output.emit(answer, as_json=as_json, render=lambda _: _render_checks(checks))
    if not all(check.holds for check in checks):
        raise typer.Exit(1)


def run_checks(settings: Settings, *, without_rebuild: bool = False) -> Iterator[Check]:
    """Every invariant, checked once what is stored is published and shown.

    Raises:
        Trouble: the views do not catch up.
    """
    import psycopg

    from infra import verify as checks
    from infra.bootstrap import as_role, open_book
    from infra.freshness import wait_until_current
    from infra.processes import connected
    from infra.store import WRITER
    from infra.trouble import Trouble

    settings = connected(settings)
    assert settings.database_url and settings.kafka_bootstrap
    published = checks.Published(settings.kafka_bootstrap)
    # The writer may read the store and the views; the projector sees no commands.
    url = as_role(settings.database_url, WRITER)
    with psycopg.connect(url, autocommit=True) as conn, open_book(settings.database_url, 1) as book:
        if not wait_until_current(conn, DRAIN_SECONDS):
            raise Trouble("The views do not catch up with the store: see ./loans status.")
        schemas = published.schemas()
        yield checks.check_commands(conn, schemas, settings.home / "journal.jsonl")
        yield checks.check_stream(conn, published)
        yield checks.check_rows(conn, book)
        yield checks.check_money(conn, schemas)
        if not without_rebuild:
            yield _check_rebuild(settings.database_url)
        yield checks.check_decisions(conn, book)
        yield checks.check_personal_data(conn, schemas, settings.logs)


def _check_rebuild(database_url: str) -> Check:
    from infra.rebuild import rebuild
    from infra.verify import Check

    check = Check(5, "A rebuild gives the same rows")
    tables = rows = 0
    for projection in named([]):
        for table, compared in rebuild(database_url, projection).items():
            tables, rows = tables + 1, rows + compared.rows
            if compared.running != compared.rebuilt:
                check.fault(f"{table} differs from what the events say.")
    check.counts = {"tables": tables, "rows": rows}
    return check


def _render_checks(checks: list[Check]) -> None:
    from entrypoints import output

    for check in checks:
        verdict = "[green]holds[/]" if check.holds else "[bold red]FAILS[/]"
        output.out.print(f"{check.number}  {verdict}  {check.title}")
        counts = [f"{name} {count:,}" for name, count in check.counts.items()]
        counts += [
            f"received {output.money(amount, currency)}"
            for currency, amount in sorted(check.received.items())
        ]
        found = ", ".join(counts) or "nothing was there to check"
        output.out.print(f"   {found}", style="dim")
        for sentence in check.faults:
            output.out.print(f"   {sentence}", style="red", markup=False)
        if check.fault_count > len(check.faults):
            output.out.print(f"   and {check.fault_count - len(check.faults):,} more", style="red")


@dataclass(frozen=True)
class Waiting:
    """What waits for somebody: alarms, notices that are late, and what a new book has to do."""

    alarms: list[Alarm]
    late_notices: list[LateNotice]
    first_review: FirstReview | None


def waiting_now(settings: Settings, conn: Connection) -> Waiting:
    """What waits for somebody, as the book knows it now."""
    from domain.commands.alarms import alarms, first_review
    from entrypoints.session import session
    from infra import clock, owed_plan

    with session(settings) as opened:
        book = opened.book
        on, now = opened.business_on, clock.now()
        return Waiting(
            alarms(book.rules, book.streams.policies(), on, now),
            owed_plan.late_notices(book, conn, on),
            first_review(book.rules, on, now),
        )


def render_waiting(waits: Waiting) -> None:
    """Tell a person what waits for them, alarms first."""
    from entrypoints import output

    for late in waits.late_notices:
        output.out.print(f"[red]{late.sentence}[/]")
    for each in waits.alarms:
        colour = "yellow" if each.kind.endswith("_SOON") else "red"
        output.out.print(f"[{colour}]{each.sentence}[/]")
    if waits.first_review is not None:
        output.out.print(waits.first_review.sentence)
