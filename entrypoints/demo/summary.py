"""What the demo leaves behind, as a servicing manager would ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from entrypoints.demo import contacted
from entrypoints.demo.contacted import Contacts
from entrypoints.demo.intents import END

if TYPE_CHECKING:
    from domain.base.dated_rules import DatedRules
    from infra.answers import Case, Freshness, Portfolio, Reminder
    from infra.reading import Connection

ASKED_AT = time(16, 0)

REAL = (
    "Real: amount, term, instalment, day and status of 500 loans of a Czech bank, 1993-1998"
    " (PKDD'99 Discovery Challenge)."
)
GENERATED = (
    "Generated, with a fixed seed: their applications and repayments (by the status on the"
    " tape), and the whole companion book in yuan and dollars. See entrypoints/demo/NOTE.md."
)


@dataclass(frozen=True)
class Reminders:
    """Reminders to send on the last day, counted; *week* those of it and six days more."""

    messages: int
    instalments: int
    for_several: int
    week: int


@dataclass(frozen=True)
class Collections:
    """Late loans on the last day, and whom one may call; counts."""

    late: int
    open_now: int
    open_later: int
    kept_back_by_hold: int
    promises_open: int


@dataclass(frozen=True)
class Events:
    """How far the events have come, counted."""

    stored: int
    published: int
    shown_by_all_views: bool
    lag_seconds: float
    parked: int


@dataclass(frozen=True)
class Example:
    """A command to try, and what it shows."""

    command: str
    shows: str


@dataclass(frozen=True)
class Run:
    """What this run did, and how long it took."""

    commands: int
    events: int
    replay_seconds: float
    catch_up_seconds: float
    contact_seconds: float
    seconds: float


@dataclass(frozen=True)
class Summary:
    """The book at the end of its last day; amounts in minor units."""

    on: date
    book: Portfolio
    reminders: Reminders
    collections: Collections
    contacts: Contacts | None
    events: Events
    examples: list[Example]
    real: str
    generated: str
    run: Run | None = None


def summary(conn: Connection, rules: DatedRules, zone: str) -> Summary:
    """The whole of it, from the views."""
    from infra import queries
    from infra.freshness import freshness

    book = queries.portfolio(conn, END).found
    reminders = queries.reminders(conn, rules.policies, END).found
    cases = queries.collections(conn, rules, END, ASKED_AT, zone).found
    stuck = queries.applications(conn, END, late_only=True, limit=1).found
    said = contacted.contacts(conn)
    stored = conn.execute("SELECT count(*) FROM store.book_events").fetchone()
    assert stored is not None
    return Summary(
        on=END,
        book=book,
        reminders=Reminders(
            messages=len(reminders),
            instalments=sum(len(reminder.instalments) for reminder in reminders),
            for_several=sum(len(reminder.instalments) > 1 for reminder in reminders),
            week=sum(
                len(queries.reminders(conn, rules.policies, END + timedelta(days=days)).found)
                for days in range(7)
            ),
        ),
        collections=_collections(cases),
        contacts=said,
        events=_events(freshness(conn), stored[0]),
        examples=_examples(cases, reminders, stuck[0].loan_ref if stuck else None, said),
        real=REAL,
        generated=GENERATED,
    )


def _collections(cases: list[Case]) -> Collections:
    return Collections(
        late=len(cases),
        open_now=sum(case.contact is not None and case.contact.open_now for case in cases),
        open_later=sum(case.contact is not None and not case.contact.open_now for case in cases),
        kept_back_by_hold=sum(bool(case.holds) for case in cases),
        promises_open=sum(
            any(promise.state == "OPEN" for promise in case.promises) for case in cases
        ),
    )


def _events(views: list[Freshness], stored: int) -> Events:
    return Events(
        stored=stored,
        published=stored - max((view.unpublished for view in views), default=stored),
        shown_by_all_views=all(view.is_current for view in views),
        lag_seconds=max((view.lag_seconds for view in views), default=0.0),
        parked=sum(view.parked for view in views),
    )


def _examples(
    cases: list[Case], reminders: list[Reminder], stuck: str | None, said: Contacts | None
) -> list[Example]:
    found = [
        Example("./loans portfolio --on 1996-06-30", "the book as known that day"),
        Example("./loans collections --on 1998-12-31 --at 16:00", "whom one may call right then"),
        Example("./loans reminders --on 1998-12-31", "one message per borrower"),
    ]
    if stuck:
        found.append(Example(f"./loans tracker {stuck}", "past its service level"))
    callable_now = [case for case in cases if case.contact and not case.holds]
    if callable_now:
        case = callable_now[-1]
        found += [
            Example(f"./loans show {case.loan_ref}", f"a loan {case.days_past_due} days late"),
            Example(f"./loans history {case.loan_ref}", "its events, state after each"),
        ]
    merged = [reminder for reminder in reminders if len(reminder.instalments) > 1]
    if merged:
        ref = merged[0].instalments[0].loan_ref
        found.append(Example(f"./loans statement {ref}", "its movements of money"))
    if said is not None:
        found += _of_contact(said)
    found += [
        Example("./loans statement berka:5314", "by the bank's own number"),
        Example("./loans verify", "the invariants, checked live"),
        Example("./loans down", "stop all; the data stays"),
    ]
    return found


def _of_contact(said: Contacts) -> list[Example]:
    told = {"DEFER": "put off", "BLOCK": "blocked"}
    return [
        Example("./loans contact summary", "what was decided, by rule"),
        Example(f"./loans contact log --on {said.on}", "one by one; by --reason cap"),
        *(
            Example(
                f"./loans contact why {each.borrower_ref} --at {each.at:%Y-%m-%dT%H:%MZ}",
                f"{told[each.answer]}: {_in_short(each.reasons)}",
            )
            for each in said.shown
        ),
        Example(f"./loans collect list --at {said.on}T15:30Z", "a collector's list"),
    ]


def _in_short(reasons: list[str]) -> str:
    return reasons[0] if len(reasons) == 1 else f"{len(reasons)} reasons"


def render(found: Summary) -> None:
    """Print it for a person."""
    from entrypoints.output import out, show, table
    from entrypoints.questions import render_portfolio

    render_portfolio(found.book, found.on)
    reminders, cases, events = found.reminders, found.collections, found.events
    rows = table("", "at the end", wraps=("at the end",))
    rows.add_row(
        f"reminders on {found.on}",
        f"{reminders.messages:,} messages for {reminders.instalments:,} instalments"
        f" ({reminders.for_several} for several at once); {reminders.week:,} within the week",
    )
    rows.add_row(
        f"collection at {ASKED_AT:%H:%M}",
        f"{cases.late:,} loans late: {cases.open_now:,} may be called now,"
        f" {cases.open_later:,} later, {cases.kept_back_by_hold:,} kept back by a hold;"
        f" {cases.promises_open:,} open promises",
    )
    shown = "shown by all views" if events.shown_by_all_views else "views still behind"
    rows.add_row(
        "events",
        f"{events.stored:,} stored, {events.published:,} published, {shown};"
        f" lag {events.lag_seconds:.1f} s, {events.parked:,} parked",
    )
    if found.run:
        run = found.run
        rows.add_row(
            "this run",
            f"{run.seconds:.1f} s: {run.commands:,} commands, {run.events:,} events in"
            f" {run.replay_seconds:.1f} s, {run.contact_seconds:.1f} s for the day of contact,"
            f" {run.catch_up_seconds:.1f} s until all was shown",
        )
    show(rows)
    if found.contacts is not None:
        contacted.render(found.contacts)
    out.print(found.real)
    out.print(found.generated)
    out.print("\nTry next:", style="bold")
    for example in found.examples:
        out.print(f"  {example.command:<47} {example.shows}", markup=False)
