"""What staff ask about complaints: the board with its clocks, one borrower's, the report."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.app import AsJson, app
from entrypoints.complaint_commands import complaint
from entrypoints.contact_commands import At, instant_of
from entrypoints.questions import QUESTIONS, OnDay, asking, found, show_answer
from entrypoints.staff_command import Borrower

if TYPE_CHECKING:
    from decimal import Decimal

    from infra.complaint_answers import (
        ComplaintBoard,
        ComplaintCount,
        ComplaintsOfOne,
        ComplaintStep,
        RightsReport,
        ShownComplaint,
    )

VIEW = "contacts"
MINUTES_OF_DAY, MINUTES_OF_HOUR = 1440, 60


@complaint.command("board", rich_help_panel=QUESTIONS)
def board(on: OnDay = None, at: At = None, as_json: AsJson = False) -> None:
    """List the open complaints with their clocks: time left or over, the worst first."""
    from infra import complaint_queries

    with asking(on) as asked:
        answer = complaint_queries.board(asked.conn, asked.on, instant_of(at))
        zone = asked.opened.settings.zone
    show_answer(answer, as_json, lambda listed: _render_board(listed, zone))


def _render_board(listed: ComplaintBoard, zone: str) -> None:
    from rich.markup import escape

    from entrypoints import output

    if not listed.complaints:
        output.out.print("No complaint is open.")
        return
    rows = output.table(
        *("left", "due", "complaint", "borrower", "level", "extended"),
        right=("left", "level"),
        wraps=("extended",),
    )
    for each in listed.complaints:
        rows.add_row(
            _left(each.minutes_left),
            f"{_local(each.due_at, zone)}\n{'answer' if each.stage == 'OPEN' else 'resolution'}",
            escape(f"{each.severity.lower()}, {_words(each.category)}\n{each.complaint_ref}"),
            f"{each.borrower_ref}\n{each.loan_ref or 'all loans'}",
            str(each.escalations) if each.escalations else "",
            each.extended or "",
            style="red" if (each.minutes_left or 0) < 0 else None,
        )
    output.show(rows)
    output.out.print(
        f"{listed.open} open, {listed.over} over, at {_local(listed.at, zone)}. Times in {zone}."
    )


@complaint.command("show", rich_help_panel=QUESTIONS)
def show(
    borrower: Borrower,
    on: OnDay = None,
    at: At = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Wait until the view shows this version.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the complaints of a borrower step by step, and how the borrower rates us."""
    from infra import complaint_queries

    with asking(on) as asked:
        answer = complaint_queries.of_borrower(
            asked.conn, asked.borrower(borrower, VIEW, version), asked.on, instant_of(at)
        )
        found(answer, borrower, asked.on)
        zone = asked.opened.settings.zone
    show_answer(answer, as_json, lambda shown: _render_one(shown, zone))


def _render_one(shown: ComplaintsOfOne | None, zone: str) -> None:
    from entrypoints import output

    assert shown is not None
    output.out.print(f"[bold]{shown.borrower_ref}[/]  {shown.jurisdiction}")
    if not shown.complaints:
        output.out.print("No complaint was made.")
    for each in shown.complaints:
        output.out.print(f"[bold]{each.complaint_ref}[/]  {_standing(each)}")
        rows = output.table("when", "what", "of it", "by", wraps=("of it",))
        for step in each.steps:
            rows.add_row(
                _local(step.changed_at, zone), _words(step.change), _of(step, zone), step.actor
            )
        output.show(rows)
    if shown.ratings:
        rows = output.table("when", "score", "by", "about", "asked by", right=("score",))
        for rating in shown.ratings:
            rows.add_row(
                _local(rating.given_at, zone),
                str(rating.score),
                _words(rating.source),
                rating.complaint_ref or rating.occasion,
                rating.contact_ref or "",
            )
        output.show(rows)
    output.out.print(f"Times in {zone}.")


def _standing(each: ShownComplaint) -> str:
    said = [
        each.severity.lower(),
        _words(each.category),
        f"on {each.loan_ref or 'all debts'}",
        f"by {_words(each.came_by)}",
        _words(each.outcome) if each.outcome else _words(each.stage),
        f"extended ({each.extended})" if each.extended else "",
        "" if each.minutes_left is None else _left(each.minutes_left),
    ]
    return ", ".join(word for word in said if word)


def _of(step: ComplaintStep, zone: str) -> str:
    said = [
        _words(step.cause) if step.cause else "",
        f"to {step.escalated_to}" if step.escalated_to else "",
        f"approved by {step.approved_by}" if step.approved_by else "",
        step.reason or "",
        _words(step.outcome),
        step.remedy or "",
        f"satisfaction {step.satisfaction}" if step.satisfaction else "",
        f"by contact {step.contact_ref}" if step.contact_ref else "",
        f"answer by {_local(step.respond_by, zone)}"
        if step.rule_version and step.respond_by
        else "",
        f"resolve by {_local(step.resolve_by, zone)}" if step.rule_version else "",
        f"{step.severity.lower()} by {step.rule_version}"
        if step.severity and step.rule_version
        else "",
        f"said {step.said_ref}" if step.said_ref else "",
    ]
    return ", ".join(word for word in said if word)


# --- the report ----------------------------------------------------------------------------


@app.command("rights-report", rich_help_panel=QUESTIONS)
def rights_report(
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Came in on this day or later."),
    ] = None,
    to_on: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Came in on this day or before."),
    ] = None,
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Report how complaints were handled, and how satisfied borrowers were.

    Of the complaints that came in on the days: the share resolved, the hours to close, what
    was in time, by category and severity. Of the ratings of these days: by source.
    """
    from infra import clock, complaint_queries

    with asking(on) as asked:
        answer = complaint_queries.rights_report(
            asked.conn, asked.on, clock.now(), _day(from_on), _day(to_on)
        )
    show_answer(answer, as_json, _render_report)


def _render_report(report: RightsReport) -> None:
    from entrypoints import output

    days = f"from {report.from_on} to {report.to_on}" if report.from_on else f"to {report.to_on}"
    output.out.print(f"Complaints that came in {days}")
    figures = (
        "received", "resolved", "answered in time", "resolved in time", "upheld",
        "escalated", "reopened", "hours to close",
    )  # fmt: skip
    rows = output.table("of", *figures, right=figures, wraps=("of", *figures))
    for each in (report.complaints, *report.by_category, *report.by_severity):
        rows.add_row(_words(each.of), *_figures(each))
    output.show(rows)
    scores = ("ratings", "satisfied", "mean score")
    rows = output.table("ratings by", *scores, right=scores)
    for rated in (report.satisfaction, *report.by_source):
        rows.add_row(
            _words(rated.source),
            f"{rated.ratings:,}",
            _percent(rated.csat),
            "" if rated.mean_score is None else str(rated.mean_score),
        )
    output.show(rows)
    output.out.print("Satisfied: 4 or 5 of 5. Hours to close: the median.")


def _figures(each: ComplaintCount) -> list[str]:
    hours = each.median_hours_to_close
    return [
        f"{each.received:,}",
        f"{each.resolved:,} {_share(each.resolution_rate)}".rstrip(),
        f"{each.answered_in_time:,}",
        f"{each.resolved_in_time:,}",
        f"{each.upheld:,}",
        f"{each.escalated:,}",
        f"{each.reopened:,}",
        "" if hours is None else f"{hours:,}",
    ]


def _share(of_all: Decimal | None) -> str:
    return "" if of_all is None else f"({of_all:.1%})"


def _percent(share: Decimal | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _local(at: datetime | None, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _left(minutes: int | None) -> str:
    """Time left in words; over when it is below zero."""
    if minutes is None:
        return ""
    days, rest = divmod(abs(minutes), MINUTES_OF_DAY)
    hours, left = divmod(rest, MINUTES_OF_HOUR)
    said = f"{days} d {hours} h" if days else f"{hours} h {left:02} min"
    return f"{said} over" if minutes < 0 else said


def _words(name: str | None) -> str:
    return name.lower().replace("_", " ") if name else ""
