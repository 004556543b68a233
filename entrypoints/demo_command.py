"""The demo: a whole book from nothing, on the real servers, in about a minute."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.commands.book import Book
    from entrypoints.demo.intents import Plan
    from entrypoints.demo.replay import Journal, Progress
    from entrypoints.demo.summary import Summary
    from infra.settings import Settings

CATCH_UP_SECONDS = 180.0
QUIET_SECONDS = 30.0
"""So long without one more event shown, and the views are taken to stand still."""


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option("--fresh", help="Erase what is here, begin anew.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the demo here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start everything and replay six years of a book: 1993 to 1998, and a day of contact.

    The loans of a real tape with generated repayments, and a generated book beside it,
    go through the same commands, events and views as yours would; on the day after,
    reminders and messages are planned, judged and sent to providers that fail now and
    then. Stopped at any moment it leaves nothing half done: --resume goes on.
    """
    import time

    from entrypoints import output
    from entrypoints.demo.summary import render
    from infra import processes
    from infra.settings import Settings
    from infra.trouble import Trouble

    if fresh and resume:
        raise Trouble("Give --fresh or --resume, not both.")
    started = time.monotonic()
    settings = Settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C
    if fresh:
        erase(settings)
    with output.progress(quiet=as_json) as progress:
        state = processes.up(settings, progress)
    with _taken_down_if_interrupted(settings, ours=not state.already_running):
        if not fresh and not resume and _asked_to_erase(state.database_url, as_json=as_json):
            erase(settings)
            with output.progress(quiet=as_json) as progress:
                state = processes.up(settings, progress)
        with output.progress(quiet=as_json) as progress:
            found = run(settings, state.database_url, progress)
    if found.run:
        seconds = round(time.monotonic() - started, 1)
        found = replace(found, run=replace(found.run, seconds=seconds))
    output.emit(found, as_json=as_json, render=render)


def run(settings: Settings, database_url: str, progress: Callable[[Any], None]) -> Summary:
    """The book as it stands after replay and day of contact, once every view shows it."""
    import time

    from entrypoints.demo.plan import plan
    from entrypoints.demo.replay import Journal, replay
    from entrypoints.demo.summary import Run, summary
    from infra import clock
    from infra.bootstrap import open_book
    from infra.embedded.part import Step
    from infra.reading import connection

    progress(Step("demo", "planning"))
    planned = plan()
    with open_book(database_url, connections=2) as book, connection(database_url) as conn:
        _must_be_the_demo(book)
        journal = Journal(settings.home / "journal.jsonl")
        try:
            done = replay(
                book,
                planned,
                zone=settings.zone,
                now=clock.now,
                journal=journal,
                each=_Shown(progress),
            )
            replayed = time.monotonic()
            waited = _day_of_contact(settings, database_url, book, conn, planned, journal, progress)
            contacted = time.monotonic()
        finally:
            journal.close()
        _catch_up(conn, progress)
        shown = time.monotonic()
        found = summary(conn, book.rules, settings.zone)
    this = Run(
        commands=done.commands,
        events=done.events,
        replay_seconds=round(done.seconds, 1),
        catch_up_seconds=round(waited + shown - contacted, 1),
        contact_seconds=round(contacted - replayed - waited, 1),
        seconds=0.0,
    )
    return replace(found, run=this)


def _day_of_contact(
    settings: Settings,
    database_url: str,
    book: Book,
    conn: Any,
    planned: Plan,
    journal: Journal,
    progress: Callable[[Any], None],
) -> float:
    """Work the first day after the replay; the seconds that were waited for the views.

    Not where the book stands at another day, nor where the vault has no key to keep
    numbers and addresses under.
    """
    import time

    from entrypoints.demo import contact_day
    from entrypoints.demo.intents import DAY_OF_CONTACT
    from entrypoints.demo.people import people
    from entrypoints.demo.plan import SEED
    from entrypoints.session import Session
    from infra import clock
    from infra.embedded.part import Step
    from infra.trouble import Trouble
    from infra.vault_keys import read_keys

    try:
        read_keys(settings)
    except Trouble as trouble:
        progress(Step("contact", f"left out: {trouble}"))
        return 0.0
    if not contact_day.is_to_come(book):
        return 0.0
    waited = 0.0

    def catch_up() -> None:
        nonlocal waited
        began = time.monotonic()
        _catch_up(conn, progress)
        waited += time.monotonic() - began

    office = contact_day.Office(
        Session(settings, database_url, book, DAY_OF_CONTACT),
        conn,
        journal,
        clock.now,
        lambda doing, done, total: progress(Step("contact", doing, done, total)),
    )
    everybody = people(planned, SEED)
    contact_day.introduce(office, everybody)
    contact_day.work(office, everybody, catch_up)
    return waited


def erase(settings: Settings) -> None:
    """Nothing runs in the home, and its embedded servers' data are gone.

    Raises:
        Trouble: the data are on servers of yours, which are not ours to erase.
    """
    import shutil

    from infra import processes
    from infra.trouble import Trouble

    if settings.database_url or settings.kafka_bootstrap:
        raise Trouble(
            "The servers are yours (LOANS_DATABASE_URL, LOANS_KAFKA_BOOTSTRAP): make an empty"
            " database and new topics there, or unset both to use the embedded servers."
        )
    processes.down(settings)
    for name in ("postgres", "kafka"):
        shutil.rmtree(settings.home / name, ignore_errors=True)
    (settings.home / "journal.jsonl").unlink(missing_ok=True)


@dataclass
class _Shown:
    """Tells a replay's progress, a line a year where nobody watches."""

    progress: Callable[[Any], None]
    started: float = 0.0

    def __call__(self, done: Progress) -> None:
        from entrypoints.output import err
        from infra.embedded.part import Step

        doing = f"replaying {done.day.year}"
        if err.is_terminal:
            rate = done.events / done.seconds if done.seconds else 0
            doing = f"replaying {done.day}, {rate:,.0f} events/s"
        self.progress(Step("demo", doing, done.days_done, done.days_total))


@contextmanager
def _taken_down_if_interrupted(settings: Settings, *, ours: bool) -> Iterator[None]:
    from entrypoints.output import err
    from infra import processes

    try:
        yield
    except BaseException as trouble:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the way down is short, not half
        if ours:
            processes.down(settings)
        if isinstance(trouble, KeyboardInterrupt):
            rest = "nothing is running any more" if ours else "the servers keep running"
            err.print(f"Stopped; {rest}. ./loans demo --resume goes on from here.")
        raise


def _asked_to_erase(database_url: str, *, as_json: bool) -> bool:
    """Whether the user wants what is here erased; False: there is nothing, or go on.

    Raises:
        Trouble: there is something, and nobody can be asked.
    """
    import sys

    from entrypoints.demo.replay import stands_at
    from infra.bootstrap import open_book
    from infra.trouble import Trouble

    with open_book(database_url, connections=1) as book:
        stands = stands_at(book)
        events = book.recorder.max_notification_id() or 0
    if not events:
        return False
    until = f", up to {stands}" if stands else ""
    said = f"There are {events:,} events here already{until}."
    if as_json or not sys.stdin.isatty():
        raise Trouble(f"{said} Say --resume to go on with the demo, --fresh to erase them.")
    typer.echo(said)
    choice = typer.prompt("Resume, fresh (erases them) or quit", default="resume").strip().lower()
    if choice[:1] == "r":
        return False
    if choice[:1] != "f":
        raise KeyboardInterrupt
    return True


def _must_be_the_demo(book: Book) -> None:
    from entrypoints.demo.replay import is_the_demo
    from infra.trouble import Trouble

    if not is_the_demo(book):
        raise Trouble(
            "There is a book here that the demo did not write. Use another LOANS_HOME for the"
            " demo, or --fresh to erase this one."
        )


def _catch_up(conn: Any, progress: Callable[[Any], None]) -> None:
    """Every view shows all that is stored, or has stood still for a while."""
    import time

    from infra.embedded.part import Step
    from infra.freshness import freshness

    total, last, moved = 0, -1, time.monotonic()
    until = moved + CATCH_UP_SECONDS
    while time.monotonic() < until and time.monotonic() - moved < QUIET_SECONDS:
        left = sum(view.unpublished + view.behind for view in freshness(conn))
        if not left:
            return
        total = max(total, left)
        if left != last:
            last, moved = left, time.monotonic()
        progress(Step("views", "catching up", total - left, total))
        time.sleep(0.1)
