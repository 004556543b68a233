"""The commands about providers of messages: how their routes are, probing, on and off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import STAFF, Actor, Reason

if TYPE_CHECKING:
    from infra.channels.route_state import Change
    from infra.channels.routes import Routes, RouteView

providers = typer.Typer(
    help="Providers of messages: licences, how their routes are, probing, disabling.",
    invoke_without_command=True,
)
app.add_typer(providers, name="providers")

SOON_DAYS = 60

Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider, as the register has it.")]
Day = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="The day that licences are asked for."),
]


@contextmanager
def _routes() -> Iterator[Routes]:
    from entrypoints.session import database_url
    from infra import logs
    from infra.bootstrap import open_book
    from infra.channels.routes import open_routes
    from infra.settings import Settings

    settings = Settings()
    # Log lines go to standard error, so that standard output holds the answer alone.
    logs.configure(settings.model_copy(update={"log_level": "error"}), "cli")
    url = database_url(settings)
    with (
        open_book(url, connections=1) as book,
        open_routes(settings, url, register=lambda: book.rules.register) as routes,
    ):
        yield routes


@providers.callback()
def _group(context: typer.Context, as_json: AsJson = False) -> None:
    """Providers of messages: licences, how their routes are, probing, disabling.

    Without a further word they are listed.
    """
    if context.invoked_subcommand is None:
        list_providers(as_json=as_json)


@providers.command("list")
def list_providers(on: Day = None, as_json: AsJson = False) -> None:
    """List the providers: licence, state, last probe, what they did not take today.

    READY routes are used by priority, the lowest first. The register is dated policy: what is
    shipped in infra/policies/channels, and entries of kind provider and licence_rule that two
    people published since (`policy publish`); addresses and secrets come from the environment.
    """
    from entrypoints import output
    from infra import clock
    from infra.settings import Settings

    day = on.date() if on else clock.business_date(Settings().zone)
    with _routes() as routes:
        answer = routes.views(day)
    output.emit(answer, as_json=as_json, render=_render)


@providers.command()
def probe(
    name: Annotated[list[str] | None, typer.Argument(help="Which providers; all if none.")] = None,
    by: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Try every route without sending anything; one that fails is disabled.

    The dispatcher does so by itself, every LOANS_PROBE_MINUTES.

    A route that failures or an earlier probe disabled is enabled when the probe holds;
    what a person disabled stays so. Exits with 1 when a probe failed.
    """
    from dataclasses import asdict

    from entrypoints import output

    with _routes() as routes:
        found = routes.probe(name or (), by=by)
    answer = [
        {"provider": provider, **asdict(each)}
        for provider, probes in found.items()
        for each in probes
    ]

    def render(_: Any) -> None:
        rows = output.table("provider", "carrier", "probe", "took", right=("took",))
        for each in answer:
            rows.add_row(
                each["provider"],
                each["carrier"] or "",
                "[green]holds[/]" if each["holds"] else f"[red]{each['reason']}[/]",
                f"{each['took_ms']:,} ms",
            )
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)
    if not all(each["holds"] for each in answer):
        raise typer.Exit(1)


@providers.command()
def disable(name: Name, reason: Reason, by: Actor = STAFF, as_json: AsJson = False) -> None:
    """Use a route no more, in every process, until a person enables it.

    Where a person disabled it before, that stands, with their reason.
    """
    from entrypoints import output

    with _routes() as routes:
        disabled = routes.disable(name, reason=reason, by=by)
    said = f"{name} is disabled." if disabled else f"{name} was disabled already."
    output.emit(
        {"provider": name, "state": "DISABLED", "disabled": disabled},
        as_json=as_json,
        render=lambda _: output.out.print(said),
    )


@providers.command()
def enable(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why, in words; its history tells.")] = None,
    by: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Use a route again, whatever disabled it."""
    from entrypoints import output

    with _routes() as routes:
        enabled = routes.enable(name, by=by, reason=reason)
    said = f"{name} is enabled." if enabled else f"{name} was not disabled."
    output.emit(
        {"provider": name, "enabled": enabled},
        as_json=as_json,
        render=lambda _: output.out.print(said),
    )


@providers.command("history")
def history(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which provider; all if none.")
    ] = None,
    from_on: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Only since this day.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Tell when routes were disabled and enabled, by whom and why, the newest first.

    FAILURES: ten calls in a row failed; PROBE: a try failed, or held again; PERSON: somebody
    said so. Who did it is a name, or `dispatch`, `schedule` and `probe` for what goes by itself.
    """
    from entrypoints import output
    from infra.settings import Settings

    zone = ZoneInfo(Settings().zone)
    since = None if from_on is None else from_on.replace(tzinfo=zone)
    with _routes() as routes:
        found = routes.changes(name, limit=limit, since=since)

    def render(answer: list[Change]) -> None:
        if not answer:
            output.out.print("No route was disabled or enabled.")
            return
        rows = output.table("when", "provider", "change", "cause", "why", "who", wraps=("why",))
        for each in answer:
            rows.add_row(
                f"{each.changed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                each.provider,
                each.change,
                each.cause,
                each.reason or "",
                each.changed_by or "",
                style="red" if each.change == "DISABLED" else None,
            )
        output.show(rows)
        more = f" The newest {limit}; --limit shows more." if len(answer) == limit else ""
        output.out.print(f"Times in {zone}.{more}")

    output.emit(found, as_json=as_json, render=render)


def _render(answer: list[RouteView]) -> None:
    from entrypoints import output

    rows = output.table(
        *("provider", "channel", "where", "state", "licence", "last probe", "failures"),
        right=("failures",),
        wraps=("where",),
    )
    for each in answer:
        rows.add_row(
            each.name,
            each.channel,
            " ".join(each.jurisdictions),
            f"[{_colour(each)}]{each.state}[/]",
            f"{each.licence or ''}\n{_days_left(each)}".strip(),
            _last_probe(each),
            f"{each.failures_24h:,}" if each.failures_24h else "",
        )
    output.show(rows)
    for each in answer:
        if each.why:
            output.out.print(f"{each.name}: {each.why}", style="dim", markup=False)


def _colour(each: RouteView) -> str:
    return {"READY": "green", "NOT_SET_UP": "yellow", "NOT_YET": "yellow"}.get(each.state, "red")


def _days_left(each: RouteView) -> str:
    days = each.licence_days_left
    if days is None:
        return ""
    told = f"{days:,} days left"
    return f"[red]{told}[/]" if days <= SOON_DAYS else told


def _last_probe(each: RouteView) -> str:
    probe = each.last_probe
    if probe is None:
        return "never"
    verdict = "[green]holds[/]" if probe.holds else "[red]fails[/]"
    return f"{probe.probed_at:%Y-%m-%d %H:%M}\n{verdict} {probe.took_ms:,} ms"
