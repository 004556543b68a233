"""The ``loans`` command line.

A command imports what it needs inside its function: ``--help`` stays quick.
Commands live in this module, or in one that registers its own with ``app`` and is
imported here.
"""

from __future__ import annotations

import inspect
import io
import sys
from typing import TYPE_CHECKING, Any

import typer

from entrypoints import (
    agency_commands,
    bench_command,
    borrower_commands,
    borrower_questions,
    campaign_commands,
    collect_commands,
    collect_questions,
    collect_show,
    complaint_commands,
    complaint_questions,
    contact_command,
    contact_commands,
    contact_questions,
    contact_why,
    data_request_commands,
    day_commands,
    demo_command,
    disclosure_commands,
    dispatch_command,
    experiment_commands,
    explain_command,
    history,
    import_command,
    inbox_commands,
    legal_commands,
    loan_commands,
    operations,
    payoff_command,
    policy_commands,
    product_commands,
    provider_commands,
    purge_command,
    questions,
    queue_commands,
    quote_command,
    relief_commands,
    reply_commands,
    restriction_commands,
    rights_commands,
    scenario_command,
    security_commands,
    send_command,
    support_commands,
    template_commands,
    vault_commands,
    what_if,
)
from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.base.refusal import Refusal
    from entrypoints.operations import Waiting
    from infra.processes import State
    from infra.settings import Settings


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start everything that is not running: servers, relay, projectors.

    The first start downloads Apache Kafka (44 MB). Set LOANS_DATABASE_URL or
    LOANS_KAFKA_BOOTSTRAP to use servers of yours instead of the embedded ones.
    """
    from entrypoints import output
    from infra import processes
    from infra.settings import Settings

    settings = Settings()
    with output.progress(quiet=as_json) as progress:
        state = processes.up(settings, progress)
    output.emit(state, as_json=as_json, render=_render)
    if state.troubled:
        raise typer.Exit(1)


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop everything that was started by up; the data stays.

    The first time takes some seconds longer: Kafka keeps what makes its later
    starts quick.
    """
    from entrypoints import output
    from infra import processes
    from infra.settings import Settings

    settings = Settings()
    with output.progress(quiet=as_json) as progress:
        from infra.embedded.part import Step

        progress(Step("loans", "stopping"))
        ran = processes.down(settings)
    output.emit(
        {"stopped": ran},
        as_json=as_json,
        render=lambda _: output.out.print("Stopped." if ran else "Nothing was running."),
    )


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the processes, what waits to be published or shown, what is parked, and alarms.

    An alarm tells of a list of words that nobody looked at in time, or will not have soon,
    of a text whose review takes too long, and of a notice that the law demands and that did not
    go out in time. Lists that await their first review, as in every new book, are one line of
    what is to do. Exits with 3 when nothing runs, with 1 when a process is in trouble.
    """
    from dataclasses import asdict

    from entrypoints import output
    from entrypoints.operations import render_freshness, render_waiting, waiting_now
    from infra import processes
    from infra.freshness import freshness
    from infra.reading import connection
    from infra.settings import Settings

    settings = Settings()
    state = processes.status(settings)
    url = settings.database_url or (state.database_url if state else None)
    if state is None and not url:
        output.emit(
            {"phase": "stopped", "processes": [], "views": []},
            as_json=as_json,
            render=lambda _: output.out.print("Nothing is running: start it with up."),
        )
        raise typer.Exit(3)
    views = []
    waits: Waiting | None = None
    if url and (state is None or state.phase == "running"):
        with connection(url) as conn:
            views = freshness(conn)
            waits = waiting_now(settings, conn)

    def render(_: object) -> None:
        if state is not None:
            _render(state)
        render_freshness(views)
        if waits is not None:
            render_waiting(waits)

    answer = {
        **(asdict(state) if state else {}),
        "views": [asdict(view) for view in views],
        "alarms": [asdict(each) for each in waits.alarms] if waits else [],
        "late_notices": [asdict(each) for each in waits.late_notices] if waits else [],
        "first_review": asdict(waits.first_review) if waits and waits.first_review else None,
    }
    output.emit(answer, as_json=as_json, render=render)
    if state is not None and state.troubled:
        raise typer.Exit(1)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def test(context: typer.Context) -> None:
    """Run the tests; whatever follows goes to pytest."""
    import os

    from infra.settings import ROOT

    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])  # noqa: S606


def _render(state: State) -> None:
    from entrypoints import output

    colours = {"ready": "green", "done": "green", "failing": "red"}
    rows = output.table("process", "state", "pid", "restarts", right=("pid", "restarts"))
    for each in state.processes:
        colour = colours.get(each.state, "yellow")
        rows.add_row(
            each.name, f"[{colour}]{each.state}[/]", str(each.pid or ""), str(each.restarts or "")
        )
    output.show(rows)
    output.out.print(f"PostgreSQL  {_without_password(state.database_url)}")
    output.out.print(f"Kafka       {state.kafka_bootstrap}")
    if state.already_running:
        output.out.print("It was running already; nothing changed.")
    for each in state.troubled:
        output.out.print(f"[red]{each.name} is {each.state}[/]: see {each.log}")


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", "@") if parts.password else url


def main() -> None:
    """Runs the command line; an error is a sentence, its traceback in a file."""
    from infra.garbage import collect_seldom

    collect_seldom()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Text that a file or an argument broke is shown as it can be, as on standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        in_sentences(typer.main.get_command(app))(prog_name="loans")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the process's main
        from domain.base.refusal import Refusal
        from entrypoints import output

        if isinstance(error, Refusal):
            _tell_refusal(error)
            sys.exit(2)
        output.err.print(_sentence(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)


def in_sentences(command: Any) -> Any:
    """*command*, its help and that of those below without the line breaks of the code.

    Typer takes them out of the first paragraph only, so that on a narrow screen the others
    broke in the middle of a line.
    """
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(each.replace("\n", " ") for each in paragraphs)
    for each in getattr(command, "commands", {}).values():
        in_sentences(each)
    return command


def _tell_refusal(refusal: Refusal) -> None:
    from entrypoints import output

    if "--json" in sys.argv:
        output.emit(
            {"refused": refusal.code, "sentence": refusal.sentence}, as_json=True, render=print
        )
    else:
        output.err.print(f"Refused ({refusal.code}): {refusal.sentence}", style="red", markup=False)


def _sentence(error: Exception) -> str:
    import traceback

    from infra.trouble import Trouble

    settings = _settings()
    if isinstance(settings, str):
        return settings
    log = settings.logs / "cli.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        traceback.print_exception(error, file=file)
    if isinstance(error, Trouble):
        return str(error)
    said = str(error).splitlines() or [""]
    return f"Unexpected {type(error).__name__}: {said[0]} (details: {log})"


def _settings() -> Settings | str:
    """The settings, or a sentence on what is wrong with them."""
    from pydantic import ValidationError

    from infra.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        said = first["msg"].removeprefix("Value error, ")
        return f"LOANS_{name} cannot be used: {said}. Set it to another value."


if __name__ == "__main__":
    main()
