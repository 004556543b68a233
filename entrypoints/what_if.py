"""The ``what-if`` command: hypothetical payments and dates on a loan's real history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import class_rule
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from domain.base.policy import HoldRule
    from domain.loan.as_of import Standing
    from domain.loan.schedule import Instalment
    from domain.loan.what_if import Difference, Step
    from entrypoints.session import Session


@app.command("what-if", rich_help_panel=QUESTIONS)
def what_if(
    loan: Loan,
    repay: Annotated[
        list[str] | None,
        typer.Option(metavar="AMOUNT@DATE", help="Money received, such as 500.00@2026-12-01."),
    ] = None,
    payoff: Annotated[
        list[datetime] | None,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="The loan is paid off that day."),
    ] = None,
    reverse: Annotated[
        list[str] | None, typer.Option(metavar="REF", help="This payment does not stand.")
    ] = None,
    move: Annotated[
        list[str] | None,
        typer.Option(metavar="NO@DATE", help="An instalment gets another due date."),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="RATE[@DATE]", help="Another annual rate, such as 0.045@2026-12-01."),
    ] = None,
    extend: Annotated[
        list[str] | None, typer.Option(metavar="N[@DATE]", help="So many more instalments.")
    ] = None,
    defer: Annotated[
        list[str] | None,
        typer.Option(metavar="N[@DATE]", help="So many instalments without principal."),
    ] = None,
    interest_too: Annotated[
        bool, typer.Option("--interest-too", help="What is deferred is interest as well.")
    ] = False,
    re_age: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N[@DATE]", help="What is overdue laid among the rest and N more; 0 for none."
        ),
    ] = None,
    capitalise: Annotated[
        bool, typer.Option("--capitalise", help="Unpaid interest that is due becomes principal.")
    ] = False,
    re_amortise: Annotated[
        bool, typer.Option("--re-amortise", help="Instalments set anew on what is left.")
    ] = False,
    shorter: Annotated[
        bool, typer.Option("--shorter", help="The same, but it ends early by the same instalment.")
    ] = False,
    pause: Annotated[
        list[str] | None,
        typer.Option(metavar="FIRST..LAST", help="Days without interest, both counted."),
    ] = None,
    moratorium: Annotated[
        list[str] | None,
        typer.Option(metavar="FIRST..LAST", help="Days without interest, penalty or instalment."),
    ] = None,
    convert: Annotated[
        int | None, typer.Option(min=2, help="What is due at the end in so many instalments.")
    ] = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND[@DATE]", help="A hold stands, such as BANKRUPTCY@2026-10-01."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day to compare; else the last one named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a loan with what it would be; several at once, and nothing is stored."""
    from domain.base.money import minor_units
    from domain.base.stream import Stream
    from domain.loan import what_if as supposed
    from domain.loan.loan import Loan as LoanStream
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        loan_id = opened.stream_id(loan)
        stream = opened.book.get(LoanStream, loan_id)
        currency, hold_rule = stream.currency, _hold_rules(opened, stream.borrower_id)
        today = opened.business_on
        calendar = stream.terms.calendar if stream.terms else None
        business_days = None if calendar is None else opened.book.business_days(calendar)
        due_dates = opened.book.policies.due_date_rule(today)
        events = [e for e in opened.book.events.get(loan_id) if isinstance(e, Stream.Event)]
    steps: list[Step] = []
    for amount, day in (_at(text, "--repay") for text in repay or []):
        steps.append(supposed.Payment(day, minor_units(amount, currency)))
    steps += [supposed.Payment(day.date(), None) for day in payoff or []]
    steps += [supposed.Reversal(today, ref) for ref in reverse or []]
    for number, day in (_at(text, "--move") for text in move or []):
        if not number.isdecimal():
            raise typer.BadParameter(f"--move takes 3@2026-12-20, not {number}@{day}.")
        steps.append(supposed.Move(today, int(number), day))
    counted = (
        ("EXTENSION", "--extend", extend),
        ("DEFERRAL", "--defer", defer),
        ("REAGEING", "--re-age", re_age),
    )
    days = (("INTEREST_PAUSE", "--pause", pause), ("MORATORIUM", "--moratorium", moratorium))
    steps += [
        *_rates(rate or [], today),
        *_counted(counted, today, interest_too=interest_too),
        *_laid(today, capitalise=capitalise, re_amortise=re_amortise, shorter=shorter),
        *_free(days, today),
    ]
    if convert is not None:
        steps.append(supposed.Conversion(today, convert))
    for kind, day in (_at(text, "--hold", today) for text in hold or []):
        steps.append(supposed.Hold(day, hold_rule(kind, today)))
    if not steps:
        raise typer.BadParameter("Say what: --repay, --rate, --extend, ... as --help lists them.")
    day = on.date() if on else max([today, *(step.on for step in steps)])
    difference = supposed.what_if(
        events,
        steps,
        day,
        class_rule(events, day),
        business_days=business_days,
        due_dates=due_dates,
    )
    output.emit(difference, as_json=as_json, render=render)


def _hold_rules(opened: Session, borrower_id: UUID) -> Callable[[str, date], HoldRule]:
    """What a kind of hold on this borrower stops, by the rule of a day."""
    from domain.borrower.borrower import Borrower

    jurisdiction, policies = (
        opened.book.get(Borrower, borrower_id).jurisdiction,
        opened.book.policies,
    )

    def rule_of(kind: str, on: date) -> HoldRule:
        rule = policies.hold_rule(kind, on, jurisdiction)
        if rule is None:
            raise typer.BadParameter(f"No policy says what a {kind} hold stops.")
        return rule

    return rule_of


def _at(text: str, option: str, otherwise: date | None = None) -> tuple[str, date]:
    before, at, day = text.partition("@")
    if not at and otherwise is not None:
        return before, otherwise
    try:
        return before, date.fromisoformat(day if at else "")
    except ValueError:
        raise typer.BadParameter(f"{option} takes …@2026-12-20, not {text!r}.") from None


Said = tuple[tuple[str, str, list[str] | None], ...]
"""Kinds of relief, each with its option and what was given with it."""


def _rates(texts: list[str], today: date) -> Iterator[Step]:
    from domain.loan.relief import Agreement
    from domain.loan.what_if import Relief
    from entrypoints.staff_command import as_rate

    for text in texts:
        said, day = _at(text, "--rate", today)
        yield Relief(day, Agreement("RATE_CHANGE", annual_rate=as_rate(said)))


def _counted(given: Said, today: date, *, interest_too: bool) -> Iterator[Step]:
    from domain.loan.relief import Agreement
    from domain.loan.what_if import Relief

    for kind, option, texts in given:
        for text in texts or []:
            count, day = _at(text, option, today)
            if not count.isdecimal():
                raise typer.BadParameter(f"{option} takes 3@2026-12-20 or 3, not {text!r}.")
            too = interest_too and kind == "DEFERRAL"
            yield Relief(day, Agreement(kind, instalments=int(count), interest_too=too))


def _laid(today: date, *, capitalise: bool, re_amortise: bool, shorter: bool) -> Iterator[Step]:
    from domain.loan.relief import Agreement
    from domain.loan.what_if import Relief

    if capitalise:
        yield Relief(today, Agreement("CAPITALISATION"))
    if re_amortise or shorter:
        yield Relief(today, Agreement("REAMORTISATION", keeps_instalment=shorter))


def _free(given: Said, today: date) -> Iterator[Step]:
    from domain.loan.relief import Agreement
    from domain.loan.what_if import Relief

    for kind, option, texts in given:
        for first, last in (_days(text, option) for text in texts or []):
            agreed = Agreement(kind, free_from=first, free_until=last)
            yield Relief(min(today, first), agreed)


def _days(text: str, option: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        return date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise typer.BadParameter(f"{option} takes 2026-12-01..2026-12-31, not {text!r}.") from None


def render(difference: Difference) -> None:
    """Print it for a person."""
    from domain.base.money import written
    from entrypoints import output

    was, would = difference.without, difference.with_it
    output.out.print(
        f"[bold]{was.loan_ref}[/]  as of {was.as_of}; would record"
        f" {', '.join(difference.recorded) or 'nothing'}"
    )
    rows = output.table("", "as it is", "as it would be", "change", right=("as it is",))
    for column in rows.columns[1:]:
        column.justify = "right"
    for name, before, after in zip(FIGURES, _figures(was), _figures(would), strict=True):
        if isinstance(before, int) and isinstance(after, int) and name != DAYS:
            change = written(after - before, was.currency) if after != before else ""
            rows.add_row(name, written(before, was.currency), written(after, was.currency), change)
        else:
            rows.add_row(name, _said(before), _said(after), "" if before == after else "*")
    output.show(rows)
    before_by, after_by = ({row.number: row for row in s.instalments} for s in (was, would))
    pairs = [(before_by.get(n), after_by.get(n)) for n in sorted({*before_by, *after_by})]
    changed = [(old, new) for old, new in pairs if old != new]
    if changed:
        _render_rows(changed, was.currency)


DAYS = "days past due"
FIGURES = (
    *("state", "bucket", "asset class", DAYS, "principal", "interest", "fees", "penalty", "credit"),
    *("overdue", "payoff"),
)


def _figures(stood: Standing) -> list[str | int | None]:
    owed = stood.balance
    parts = (
        (owed.principal, owed.interest, owed.fees, owed.penalty, owed.unapplied)
        if owed
        else (None,) * 5
    )
    return [
        stood.state.lower().replace("_", " "),
        stood.bucket,
        stood.asset_class and stood.asset_class.lower().replace("_", " "),
        stood.days_past_due,
        *parts,
        stood.amount_overdue,
        stood.payoff if stood.payoff is not None else 0,
    ]


def _said(value: str | int | None) -> str:
    return "" if value is None else str(value)


def _render_rows(changed: list[tuple[Instalment | None, Instalment | None]], currency: str) -> None:
    from domain.base.money import written
    from entrypoints import output

    columns = ("due on", "principal", "interest", "fees", "left", "paid on")
    rows = output.table("no.", "", *columns, right=("no.", *columns[1:5]))
    for pair in changed:
        for name, row in zip(("is", "would be"), pair, strict=True):
            if row is not None:
                amounts = (row.principal, row.interest, row.fees, row.left)
                rows.add_row(
                    str(row.number),
                    name,
                    str(row.due_on),
                    *(written(amount, currency) for amount in amounts),
                    str(row.paid_on or ""),
                    style="bold" if name != "is" else None,
                )
    output.show(rows)
