"""What staff ask of the views: one command per question, each with how fresh it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import AsOf, KnownAt, show_as_of

if TYPE_CHECKING:
    from entrypoints.session import Session
    from infra.answers import (
        Answer,
        Application,
        Case,
        ClassCell,
        Freshness,
        LoanPage,
        Portfolio,
        Reminder,
        StatementLine,
        Tracked,
    )
    from infra.reading import Connection

T = TypeVar("T")

QUESTIONS = "Questions"
WAIT_SECONDS = 10.0

Loan = Annotated[
    str, typer.Argument(metavar="LOAN", help="L-XXXXX-XXXXX, an id, or origin:reference.")
]
OnDay = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="As known at the end of this day; else now."),
]
SinceVersion = Annotated[
    int | None,
    typer.Option("--version", min=1, help="Wait until the view shows this version of the loan."),
]


@dataclass
class Asked:
    """The book, a connection to the views, and the day asked for."""

    opened: Session
    conn: Connection
    on: date

    def loan(self, named: str, view: str, version: int | None) -> UUID:
        """The loan that is meant, once *view* shows at least *version* of it."""
        return self._shown(self.opened.stream_id(named), "loan", view, version)

    def borrower(self, named: str, view: str, version: int | None) -> UUID:
        """The borrower who is meant, once *view* shows at least *version* of them."""
        return self._shown(self.opened.borrower_id(named), "borrower", view, version)

    def _shown(self, stream_id: UUID, kind: str, view: str, version: int | None) -> UUID:
        from infra.freshness import wait_for
        from infra.trouble import Trouble

        if version and not wait_for(self.conn, view, stream_id, version, WAIT_SECONDS):
            raise Trouble(
                f"{view} does not show version {version} of this {kind} yet: see ./loans status."
            )
        return stream_id


@contextmanager
def asking(on: datetime | None) -> Iterator[Asked]:
    """The views, open for one question."""
    from entrypoints.session import session
    from infra.reading import connection

    with session() as opened, connection(opened.database_url) as conn:
        yield Asked(opened, conn, on.date() if on else opened.business_on)


def found(answer: Answer[T | None], named: str, on: date) -> T:
    """What was found.

    Raises:
        Trouble: nothing was.
    """
    from infra.trouble import Trouble

    if answer.found is None:
        behind = "" if answer.freshness.is_current else " (the view is behind: ./loans status)"
        raise Trouble(f"{named} was not known on {on}{behind}.")
    return answer.found


def show_answer(answer: Answer[T], as_json: bool, render: Callable[[T], None]) -> None:
    """Print what was found, and how fresh it is."""
    from entrypoints import output

    def both(_: Any) -> None:
        render(answer.found)
        output.out.print(words_of(answer.freshness), style="dim")

    output.emit(answer, as_json=as_json, render=both)


def words_of(fresh: Freshness) -> str:
    """How fresh a view is, in a sentence."""
    if fresh.is_current:
        return f"Up to date ({fresh.view} at {fresh.position:,})."
    waits = [
        f"{fresh.unpublished:,} not yet published" if fresh.unpublished else "",
        f"{fresh.behind:,} not yet shown" if fresh.behind else "",
        "this one is parked: ./loans projections retry-parked" if fresh.stale else "",
    ]
    return (
        f"Behind by {fresh.lag_seconds:.1f} s: {', '.join(word for word in waits if word)}"
        f" ({fresh.view} at {fresh.position:,})."
    )


def _money(amount: int, currency: str) -> str:
    from domain.base.money import written

    return written(amount, currency)


# --- applications -----------------------------------------------------------------------


@app.command(rich_help_panel=QUESTIONS)
def tracker(
    loan: Loan, on: OnDay = None, version: SinceVersion = None, as_json: AsJson = False
) -> None:
    """Follow one application, like a parcel: each stage, who acted, what is missing."""
    from infra import queries

    with asking(on) as asked:
        answer = queries.tracker(asked.conn, asked.loan(loan, "tracker", version), asked.on)
        found(answer, loan, asked.on)
        show_answer(answer, as_json, lambda tracked: _render_tracker(tracked, asked.on))


def _render_tracker(tracked: Tracked | None, on: date) -> None:
    from entrypoints import output

    assert tracked is not None
    output.out.print(
        f"[bold]{tracked.loan_ref}[/]  {tracked.product_code} v{tracked.product_version},"
        f" {_money(tracked.amount, tracked.currency)} {tracked.currency}"
        f" over {tracked.term_months} months, by {tracked.channel.lower()}"
    )
    rows = output.table("", "stage", "entered", "left", "due by", "by", "notes", wraps=("notes",))
    for stage in tracked.stages:
        last = stage is tracked.stages[-1]
        notes = [
            "late" if stage.late else "",
            f"missing {', '.join(stage.missing)}" if stage.missing and last else "",
            "; ".join(stage.reasons),
        ]
        rows.add_row(
            "●" if last else "✓",
            stage.stage.lower(),
            str(stage.entered_on),
            str(stage.left_on or ""),
            str(stage.due_on or ""),
            stage.actor,
            ", ".join(note for note in notes if note),
            style="red" if stage.late and last else None,
        )
    output.show(rows)
    coming = NEXT_STAGES.get(tracked.stage.stage)
    if coming:
        by = f", expected by {tracked.stage.due_on}" if tracked.stage.due_on else ""
        output.out.print(f"As of {on}, next: {coming}{by}.")


NEXT_STAGES = {
    "EVIDENCE": "the evidence that is missing, then the decision",
    "DECISION": "the decision",
    "DISCLOSURE": "disclosure of the cost",
    "SIGNING": "signing of the contract",
    "DISBURSEMENT": "payout",
}


@app.command(rich_help_panel=QUESTIONS)
def applications(
    stage: Annotated[
        str | None, typer.Option(help="EVIDENCE, DECISION, ... DECLINED; else all open ones.")
    ] = None,
    late: Annotated[bool, typer.Option("--late", help="Only those past their level.")] = False,
    on: OnDay = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List applications by stage, the most urgent first."""
    from domain.loan.stage import Stage
    from infra import queries
    from infra.trouble import Trouble

    if stage is not None and stage.upper() not in list(Stage):
        raise Trouble(f"There is no stage {stage!r}: it is one of {', '.join(Stage)}.")
    with asking(on) as asked:
        answer = queries.applications(
            asked.conn, asked.on, stage and stage.upper(), late_only=late, limit=limit
        )
    show_answer(answer, as_json, lambda rows: _render_applications(rows, limit))


def _render_applications(found_rows: list[Application], limit: int) -> None:
    from entrypoints import output

    if not found_rows:
        output.out.print("No application is there.")
        return
    rows = output.table(
        "loan", "stage", "since", "due by", "amount", "notes", right=("amount",), wraps=("notes",)
    )
    for row in found_rows:
        notes = [
            "late" if row.late else "",
            f"missing {', '.join(row.missing)}" if row.missing else "",
            "; ".join(row.reasons),
        ]
        rows.add_row(
            row.loan_ref,
            row.stage.lower(),
            str(row.entered_on),
            str(row.due_on or ""),
            f"{_money(row.amount, row.currency)} {row.currency}",
            ", ".join(note for note in notes if note),
            style="red" if row.late else None,
        )
    output.show(rows)
    if len(found_rows) == limit:
        output.out.print(f"The first {limit}; --limit shows more.")


# --- contact ----------------------------------------------------------------------------


@app.command(rich_help_panel=QUESTIONS)
def reminders(
    on: OnDay = None,
    cancelled: Annotated[
        bool, typer.Option("--all", help="Those kept back too, with the reason.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the reminders to send on a day: one per borrower, for all that falls due."""
    from infra import queries

    with asking(on) as asked:
        answer = queries.reminders(
            asked.conn, asked.opened.book.policies, asked.on, include_cancelled=cancelled
        )
    show_answer(answer, as_json, lambda rows: _render_reminders(rows, asked.on))


def _render_reminders(found_rows: list[Reminder], on: date) -> None:
    from domain.base.refs import short_ref
    from entrypoints import output

    if not found_rows:
        output.out.print(f"No reminder is to be sent on {on}.")
        return
    rows = output.table(
        "borrower",
        "loan",
        "no.",
        "pay by",
        "when",
        "left",
        "kept back",
        right=("no.", "left"),
        wraps=("kept back",),
    )
    for reminder in found_rows:
        for index, each in enumerate(reminder.instalments):
            rows.add_row(
                "" if index else short_ref("B", reminder.borrower_id),
                each.loan_ref,
                str(each.number),
                str(each.pay_by_on),
                f"T{each.offset_days:+d}" if each.offset_days else "T",
                f"{_money(each.amount_left, each.currency)} {each.currency}",
                each.cancelled or "",
                style="dim" if each.cancelled else None,
            )
    output.show(rows)
    sent = sum(not reminder.cancelled for reminder in found_rows)
    output.out.print(f"{sent} reminder(s) to send on {on}, one per borrower.")


@app.command(rich_help_panel=QUESTIONS)
def collections(
    on: OnDay = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=["%H:%M"], help="The lender's time of that day; else now."),
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List loans that are late: how late, what to do, and when contact is allowed."""
    from dataclasses import replace
    from zoneinfo import ZoneInfo

    from infra import clock, queries

    with asking(on) as asked:
        zone = asked.opened.settings.zone
        moment: time = at.time() if at else clock.now().astimezone(ZoneInfo(zone)).time()
        answer = queries.collections(asked.conn, asked.opened.book.rules, asked.on, moment, zone)
    total = len(answer.found)
    shown = answer if as_json else replace(answer, found=answer.found[:limit])
    show_answer(shown, as_json, lambda rows: _render_cases(rows, total, asked.on))


def _render_cases(cases: list[Case], total: int, on: date) -> None:
    from entrypoints import output

    if not cases:
        output.out.print(f"No loan is late on {on}.")
        return
    rows = output.table(
        "loan",
        "",
        "days",
        "overdue",
        "to do",
        "contact",
        right=("days", "overdue"),
        wraps=("to do", "contact"),
    )
    for case in cases:
        rows.add_row(
            case.loan_ref,
            case.bucket,
            str(case.days_past_due),
            f"{_money(case.amount_overdue, case.currency)} {case.currency}",
            case.strategy or "",
            _contact_words(case),
        )
    output.show(rows)
    output.out.print(
        f"{total} loan(s) late on {on}"
        + (f"; the {len(cases)} latest are shown." if len(cases) < total else ".")
    )


def _contact_words(case: Case) -> str:
    words = [f"promised {p.promised_on} ({p.state.lower()})" for p in case.promises[-1:]]
    if case.holds:
        words.insert(0, f"[yellow]hold: {', '.join(case.holds).lower()}[/]")
    elif case.contact is None:
        words.insert(0, "no hour allowed")
    else:
        local = " / ".join(
            f"{each.start_at:%a %H:%M}-{each.end_at:%H:%M} {each.zone.rpartition('/')[2]}"
            for each in case.contact.local
        )
        words.insert(0, f"[green]now, until[/] {local}" if case.contact.open_now else local)
    return "; ".join(words)


# --- one loan ---------------------------------------------------------------------------


@app.command(rich_help_panel=QUESTIONS)
def show(
    loan: Loan,
    on: OnDay = None,
    version: SinceVersion = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show one loan: how it stands, its terms, its instalments.

    With --as-of or --known-at it is replayed from its events: what it was on one day, by
    what was known on another. Otherwise it comes from the view.
    """
    if as_of or known_at:
        if on or version:
            raise typer.BadParameter("--as-of and --known-at go without --on and --version.")
        show_as_of(loan, as_of, known_at, as_json=as_json)
        return
    from infra import queries

    with asking(on) as asked:
        answer = queries.show(asked.conn, asked.loan(loan, "summary", version), asked.on)
        found(answer, loan, asked.on)
    show_answer(answer, as_json, lambda page: _render_loan(page, asked.on))


def _render_loan(page: LoanPage | None, on: date) -> None:
    from domain.base.refs import short_ref
    from domain.loan.explained import change_said
    from entrypoints import output
    from entrypoints.as_of import NOT_PAID_OUT, head_said, left_book_said

    assert page is not None
    unit = page.currency
    head = head_said(page.state, page.bucket, page.days_past_due, page.asset_class)
    output.out.print(f"[bold]{page.loan_ref}[/]  {head}  (version {page.version}, as of {on})")
    rate = f", {page.terms.annual_rate:.4%} a year" if page.terms.annual_rate is not None else ""
    output.out.print(
        f"{page.product_code} v{page.product_version} for {short_ref('B', page.borrower_id)}:"
        f" {_money(page.terms.amount, unit)} {unit} over {page.terms.term_months} months{rate}"
        + (f", paid out {page.disbursed_on}" if page.disbursed_on else "")
    )
    _render_terms(page, on)
    known = page.terms.annual_rate
    for change in page.changes:
        rate = ""
        if change.annual_rate is not None and change.annual_rate != known:
            rate, known = f", {change.annual_rate:.4%} a year", change.annual_rate
        grown = f", {_money(change.capitalised, unit)} capitalised" if change.capitalised else ""
        output.out.print(f"  {change_said(change.kind)} from {change.effective_on}{rate}{grown}")
    if page.left_book is not None:
        output.out.print(f"  {left_book_said(page.left_book, unit)}")
    lent = bool(page.disbursed_on or page.instalments)
    if not lent:
        output.out.print(NOT_PAID_OUT)
    if lent or page.balance.unapplied:
        _render_owed(page, on)
    if page.securities:
        _render_securities(page)
    if page.instalments:
        _render_instalments(page, on)


def _render_owed(page: LoanPage, on: date) -> None:
    """What is owed and what was paid, by part."""
    from entrypoints import output

    unit = page.currency
    balance, totals = page.balance, page.totals
    figures = output.table(
        "",
        "principal",
        "interest",
        "fees",
        "penalty",
        "credit",
        right=("principal", "interest", "fees", "penalty", "credit"),
    )
    figures.add_row(
        "owed",
        *(_money(x, unit) for x in (balance.principal, balance.interest, balance.fees)),
        _money(balance.penalty, unit),
        _money(balance.unapplied, unit),
    )
    paid = (totals.principal_paid, totals.interest_paid, totals.fees_paid, totals.penalty_paid)
    figures.add_row("paid", *(_money(x, unit) for x in paid), "")
    output.show(figures)
    multiple = (page.terms.beyond or {}).get("penalty_multiple")
    if page.days_past_due and (page.terms.penalty_rate or multiple):
        output.out.print(
            f"Penalty as of version {page.version}; what accrued since: ./loans payoff,"
            f" or show --as-of {on}.",
            style="dim",
        )


def _render_instalments(page: LoanPage, on: date) -> None:
    """The schedule, row by row; what is late stands out."""
    from entrypoints import output

    unit = page.currency
    rows = output.table(
        "no.",
        "pay by",
        "principal",
        "interest",
        "fees",
        "left",
        "paid on",
        right=("no.", "principal", "interest", "fees", "left"),
    )
    for row in page.instalments:
        rows.add_row(
            str(row.number),
            str(row.pay_by_on),
            *(_money(x, unit) for x in (row.principal, row.interest, row.fees, row.left)),
            str(row.paid_on or ""),
            style="red" if row.left and row.pay_by_on < on else None,
        )
    output.show(rows)


def _render_terms(page: LoanPage, on: date) -> None:
    """The contract in words, what is left of a limit, and what is on offer."""
    from entrypoints import output
    from entrypoints.as_of import offer_said
    from entrypoints.terms_words import Told, terms_said

    terms = page.terms
    if terms.method is not None:
        names = (
            *("frequency", "method", "day_count", "penalty_rate", "grace_days"),
            *("grace_retroactive", "future_money", "calendar"),
        )
        said = {name: getattr(terms, name) for name in names}
        told = Told(
            currency=page.currency, fees=page.fees, beyond=terms.beyond or {}, on=on, **said
        )
        for line in terms_said(told):
            output.out.print(f"  {line}")
    if page.limit is not None:
        limit = page.limit
        output.out.print(
            f"  limit {_money(limit.amount, page.currency)},"
            f" {_money(limit.left, page.currency)} left to draw"
        )
    for offer in page.offers:
        output.out.print(f"  [green]{offer_said(offer)}[/]")


def _render_securities(page: LoanPage) -> None:
    from entrypoints import output

    rows = output.table("security", "", "", "up to", "paid", right=("up to", "paid"))
    for each in page.securities:
        rows.add_row(
            each.security_ref,
            each.kind.lower(),
            each.state.lower(),
            "" if each.amount is None else _money(each.amount, page.currency),
            _money(each.realised, page.currency),
        )
    output.show(rows)


@app.command(rich_help_panel=QUESTIONS)
def statement(
    loan: Loan, on: OnDay = None, version: SinceVersion = None, as_json: AsJson = False
) -> None:
    """Print one loan's movements of money with the balance after each."""
    from infra import queries

    with asking(on) as asked:
        loan_id = asked.loan(loan, "statement", version)
        answer = queries.statement(asked.conn, loan_id, asked.on)
    show_answer(answer, as_json, _render_statement)


NARROW = ("amount", "of which", "owed after")
"""The columns of a statement whose parts do not fit beside each other."""


def _render_statement(lines: list[StatementLine]) -> None:
    from rich.markup import escape

    from entrypoints import output

    if not lines:
        output.out.print("No money has moved.")
        return
    unit = lines[-1].currency
    parts = {
        "principal": [line.principal for line in lines],
        "interest": [line.interest for line in lines],
        "fees": [line.fees for line in lines],
        "penalty": [line.penalty for line in lines],
        "credit": [-line.unapplied for line in lines],
    }
    shown = {name: amounts for name, amounts in parts.items() if any(amounts)}
    columns = ("amount", *shown, "owed after")
    rows = output.table("counts from", "what", *columns, right=columns)
    narrow = output.table("counts from", "what", *NARROW, right=NARROW, wraps=("what",))
    for line, *amounts in zip(lines, *shown.values(), strict=True):
        head = (
            str(line.effective_on),
            escape("\n".join(filter(None, (line.kind, line.ref)))),
            _money(line.amount, unit),
        )
        said = [_money(amount, unit) if amount else "" for amount in amounts]
        owed = _money(line.owed_after, unit)
        rows.add_row(*head, *said, owed)
        named = [f"{name} {part}" for name, part in zip(shown, said, strict=True) if part]
        narrow.add_row(*head, "\n".join(named), owed)
    output.show(rows if output.fits(rows) else narrow)
    output.out.print(
        f"Amounts in {unit}; what lowers the debt is negative. Owed after is all that the"
        " schedule still asks for, with the interest to come, and the penalty so far."
    )


@app.command("asset-classes", rich_help_panel=QUESTIONS)
def asset_classes(on: OnDay = None, as_json: AsJson = False) -> None:
    """Show what is outstanding by asset class: normal, special mention ... loss."""
    from infra import queries

    with asking(on) as asked:
        answer = queries.asset_classes(asked.conn, asked.on)
    show_answer(answer, as_json, lambda cells: _render_classes(cells, asked.on))


def _render_classes(cells: list[ClassCell], on: date) -> None:
    from collections import Counter

    from entrypoints import output

    if not cells:
        output.out.print(f"No loan was active on {on}.")
        return
    whole = Counter[str]()
    for cell in cells:
        whole[cell.currency] += cell.principal
    figures = ("loans", "principal", "share")
    rows = output.table("", "class", *figures, right=figures)
    for cell in cells:
        share = Decimal(cell.principal) / whole[cell.currency] if whole[cell.currency] else 0
        rows.add_row(
            cell.currency,
            cell.asset_class.lower().replace("_", " "),
            f"{cell.loans:,}",
            _money(cell.principal, cell.currency),
            f"{share:.2%}",
        )
    output.out.print(f"Active loans on {on}", style="bold")
    output.show(rows)


@app.command(rich_help_panel=QUESTIONS)
def portfolio(on: OnDay = None, as_json: AsJson = False) -> None:
    """Show the whole book: loans by state and bucket, applications, money."""
    from infra import queries

    with asking(on) as asked:
        answer = queries.portfolio(asked.conn, asked.on)
    show_answer(answer, as_json, lambda book: render_portfolio(book, asked.on))


def render_portfolio(book: Portfolio, on: date) -> None:
    """Print the book at the end of a day."""
    from entrypoints import output

    rows = output.table("", "state", "", "loans", "principal", right=("loans", "principal"))
    for cell in book.cells:
        bucket = cell.bucket if cell.state == "ACTIVE" else ""
        rows.add_row(
            cell.currency,
            cell.state.lower().replace("_", " "),
            bucket,
            f"{cell.loans:,}",
            _money(cell.principal, cell.currency),
        )
    output.out.print(f"The book on {on}", style="bold")
    output.show(rows)
    money = output.table(
        "since it began",
        *(flow.currency for flow in book.flows_to_date),
        right=(*(flow.currency for flow in book.flows_to_date),),
    )
    for name in FLOW_NAMES:
        amounts = [getattr(flow, name) for flow in book.flows_to_date]
        if any(amounts):
            money.add_row(
                name.replace("_", " "),
                *(
                    _money(amount, flow.currency)
                    for amount, flow in zip(amounts, book.flows_to_date, strict=True)
                ),
            )
    output.show(money)
    stages = output.table("applications", "", right=("",))
    for each in book.applications:
        stages.add_row(each.stage.lower(), f"{each.applications:,}")
    output.show(stages)


FLOW_NAMES = (
    "disbursed",
    "taken_over",
    "received",
    "reversed",
    "refunded",
    "principal_repaid",
    "interest_repaid",
    "fees_repaid",
    "penalty_repaid",
    "fees_charged",
    "fees_waived",
    "capitalised",
    "written_off",
    "recovered",
    "sold",
    "sale_price",
    "passed_on",
    "subsidised",
)
