"""The business day: where the book stands, and the end-of-day run."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from entrypoints.app import AsJson, app

day = typer.Typer(help="The business day: show it, close it.", no_args_is_help=True)
app.add_typer(day, name="day")


@day.command("close")
def close(
    until: Annotated[
        datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"], help="The day to close.")
    ],
    as_json: AsJson = False,
) -> None:
    """Close every day up to DATE, in order; days closed before stay as they are.

    It tells how late loans are, lets applications run out, and judges promises.
    Stopped at any moment, it goes on where it was when run again.
    """
    from domain.commands import days
    from entrypoints import output
    from entrypoints.session import session
    from infra import clock
    from infra.embedded.part import Step

    with session() as opened, output.progress(quiet=as_json) as progress:
        started = days.business_date(opened.book) or until.date()
        total = max((until.date() - started).days + 1, 0)
        count = 0

        def each(closed: date, _counts: dict[str, int]) -> None:
            nonlocal count
            count += 1
            progress(Step("end of day", f"closed {closed}", count, total))

        done = days.close_days(
            opened.book, until.date(), zone=opened.settings.zone, now=clock.now, each=each
        )
    answer = [{"day": closed, "done": counts} for closed, counts in done]
    output.emit(answer, as_json=as_json, render=lambda _: _render(done, until.date()))


@day.command("show")
def show(as_json: AsJson = False) -> None:
    """Show the book's business date and the last day closed."""
    from domain.commands import days
    from domain.operations.business_day import BusinessDay
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        stream = opened.book.find(BusinessDay, days.days_id(opened.book))
        closed_on = stream.closed_on if stream else None
        answer = {"business_date": opened.business_on, "last_closed": closed_on}
    output.emit(
        answer,
        as_json=as_json,
        render=lambda _: output.out.print(
            f"Business date {answer['business_date']}; last day closed: {closed_on or 'none yet'}."
        ),
    )


def _render(done: list[tuple[date, dict[str, int]]], until: date) -> None:
    from entrypoints import output

    if not done:
        output.out.print(f"{until} was closed before; nothing changed.")
        return
    counts: dict[str, int] = {}
    for _, some in done:
        for kind, count in some.items():
            counts[kind] = counts.get(kind, 0) + count
    rows = output.table("event", "count", right=("count",))
    for kind in sorted(counts):
        rows.add_row(kind, f"{counts[kind]:,}")
    output.out.print(f"Closed {len(done)} day(s): {done[0][0]} to {done[-1][0]}.")
    if counts:
        output.show(rows)
    else:
        output.out.print("No loan, application, promise or complaint needed attention.")
