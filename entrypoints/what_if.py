"""The ``what-if`` command: hypothetical steps on a loan's real history, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from entrypoints.app import AsJson, app
from entrypoints.as_of import class_rule
from entrypoints.questions import QUESTIONS, Loan

if TYPE_CHECKING:
    from domain.base.policy import HoldRule
    from domain.loan.as_of import Standing
    from domain.loan.what_if import Difference, Means, RowChange
    from entrypoints.session import Session


class Form(NamedTuple):
    """How an option is written: in a word, by an example, and what it supposes."""

    says: str
    example: str
    supposes: str

    @property
    def help(self) -> str:
        """What it supposes, with the example."""
        return f"{self.supposes} {self.example}"


FORMS = {
    "repay": Form("AMOUNT[@DATE]", "500.00@2026-12-01", "Money received:"),
    "payoff": Form("DATE|today", "2026-12-01", "Paid off that day, by what it takes:"),
    "partner-refund": Form(
        "AMOUNT[@DATE]", "300.00@2026-12-01", "The school or merchant gives money back:"
    ),
    "recover": Form(
        "AMOUNT[@DATE]", "50.00@2026-12-01", "Money that comes in after the write-off:"
    ),
    "draw": Form("AMOUNT[@DATE]", "200.00@2026-12-01", "More is paid out:"),
    "refund": Form("AMOUNT[@DATE]", "20.00@2026-12-01", "Credit is paid back:"),
    "reverse": Form("REF[@DATE]", "P-7", "A payment does not stand; DATE is when that is known:"),
    "take-back": Form(
        "NAME[@DATE]", "move-3", "Something recorded never was; named as for take-back:"
    ),
    "payout-returned": Form("DATE|today", "2026-12-01", "The bank returns the first payout:"),
    "fee": Form("KIND[@DATE]", "LETTER@2026-12-01", "A fee that the contract names is charged:"),
    "waive": Form("REF[=AMOUNT][@DATE]", "F-1=10.00@2026-12-01", "A fee is waived, or part of it:"),
    "forgive": Form(
        "NO:fee|interest|penalty[=AMOUNT][@DATE]",
        "3:penalty=1.50@2026-12-01",
        "What an instalment owes is forgiven, or part of it:",
    ),
    "move": Form("NO@DATE", "3@2026-12-20", "An instalment gets another due date:"),
    "rate": Form("RATE[@DATE]", "0.045@2026-12-01", "Another annual rate, as a fraction:"),
    "extend": Form("N[@DATE]", "2@2026-12-01", "So many more instalments:"),
    "defer": Form("N[@DATE]", "1@2026-12-01", "So many instalments without principal:"),
    "re-age": Form(
        "N[@DATE]", "0@2026-12-01", "What is overdue laid among the rest and N more, 0 for none:"
    ),
    "pause": Form("FIRST..LAST", "2026-12-01..2026-12-31", "Days without interest, both counted:"),
    "moratorium": Form(
        "FIRST..LAST",
        "2026-12-01..2026-12-31",
        "Days without interest, penalty or instalment, both counted:",
    ),
    "convert": Form("N[@DATE]", "6@2026-12-01", "What is due at the end in N instalments:"),
    "renew": Form("DATE|today", "2026-12-01", "The renewal on offer that day is accepted:"),
    "hold": Form("KIND[@DATE]", "BANKRUPTCY@2026-10-01", "A hold stands from that day:"),
    "lift": Form("REF[@DATE]", "H-1@2026-12-01", "A hold stands no more from that day:"),
    "write-off": Form("DATE|today", "2026-12-01", "The loss is taken:"),
    "sell": Form("PRICE[@DATE]", "100.00@2026-12-01", "The claim is sold for a price:"),
}


def _option(name: str) -> Any:
    form = FORMS[name]
    return typer.Option(f"--{name}", metavar=form.says, help=form.help)


Texts = list[str] | None


@app.command("what-if", rich_help_panel=QUESTIONS)
def what_if(
    loan: Loan,
    repay: Annotated[Texts, _option("repay")] = None,
    payoff: Annotated[Texts, _option("payoff")] = None,
    partner_refund: Annotated[Texts, _option("partner-refund")] = None,
    recover: Annotated[Texts, _option("recover")] = None,
    draw: Annotated[Texts, _option("draw")] = None,
    refund: Annotated[Texts, _option("refund")] = None,
    reverse: Annotated[Texts, _option("reverse")] = None,
    take_back: Annotated[Texts, _option("take-back")] = None,
    payout_returned: Annotated[Texts, _option("payout-returned")] = None,
    fee: Annotated[Texts, _option("fee")] = None,
    waive: Annotated[Texts, _option("waive")] = None,
    forgive: Annotated[Texts, _option("forgive")] = None,
    move: Annotated[Texts, _option("move")] = None,
    rate: Annotated[Texts, _option("rate")] = None,
    extend: Annotated[Texts, _option("extend")] = None,
    defer: Annotated[Texts, _option("defer")] = None,
    interest_too: Annotated[
        bool, typer.Option("--interest-too", help="What is deferred is interest as well.")
    ] = False,
    re_age: Annotated[Texts, _option("re-age")] = None,
    capitalise: Annotated[
        bool, typer.Option("--capitalise", help="Unpaid interest that is due becomes principal.")
    ] = False,
    re_amortise: Annotated[
        bool, typer.Option("--re-amortise", help="Instalments set anew on what is left.")
    ] = False,
    shorter: Annotated[
        bool, typer.Option("--shorter", help="The same, but it ends early by the same instalment.")
    ] = False,
    pause: Annotated[Texts, _option("pause")] = None,
    moratorium: Annotated[Texts, _option("moratorium")] = None,
    convert: Annotated[Texts, _option("convert")] = None,
    renew: Annotated[Texts, _option("renew")] = None,
    hold: Annotated[Texts, _option("hold")] = None,
    lift: Annotated[Texts, _option("lift")] = None,
    write_off: Annotated[Texts, _option("write-off")] = None,
    sell: Annotated[Texts, _option("sell")] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day to compare; else the last one named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a loan with what it would be; several steps at once, and nothing is stored.

    Each option can be given more than once. Steps count in the order of their days, those
    without a day today; the loan decides each as it would decide the command itself.
    """
    from domain.base.stream import Stream
    from domain.loan import what_if as supposed
    from domain.loan.loan import Loan as LoanStream
    from entrypoints import output
    from entrypoints.session import session
    from entrypoints.supposed_steps import Reading, laid_steps, steps_of

    said: dict[str, Texts] = {
        "repay": repay, "payoff": payoff, "partner-refund": partner_refund, "recover": recover,
        "draw": draw, "refund": refund, "reverse": reverse, "take-back": take_back,
        "payout-returned": payout_returned, "fee": fee,
        "waive": waive, "forgive": forgive, "move": move, "rate": rate, "extend": extend,
        "defer": defer, "re-age": re_age, "pause": pause, "moratorium": moratorium,
        "convert": convert, "renew": renew, "hold": hold, "lift": lift, "write-off": write_off,
        "sell": sell,
    }  # fmt: skip
    with session() as opened:
        loan_id = opened.stream_id(loan)
        stream = opened.book.get(LoanStream, loan_id)
        means, hold_rule = _means(opened, stream)
        today = opened.business_on
        events = [e for e in opened.book.events.get(loan_id) if isinstance(e, Stream.Event)]
    reading = Reading(today, stream.currency, hold_rule, interest_too)
    steps = [
        *steps_of({name: texts for name, texts in said.items() if texts}, reading),
        *laid_steps(today, capitalise=capitalise, re_amortise=re_amortise, shorter=shorter),
    ]
    if not steps:
        raise typer.BadParameter("Say what: --repay, --rate, --extend, ... as --help lists them.")
    day = on.date() if on else max([today, *(step.on for step in steps)])
    difference = supposed.what_if(
        events, steps, day, class_rule(events, day), means=means, today=today
    )
    output.emit(compared(difference), as_json=as_json, render=render)


def _means(opened: Session, loan: Any) -> tuple[Means, Callable[[str, date], HoldRule]]:
    """What decisions on the loan need, and what a kind of hold on its borrower stops."""
    from domain.borrower.borrower import Borrower
    from domain.commands.borrowers import holds_on_loan
    from domain.commands.loans import payout_return_rule
    from domain.loan.what_if import Means

    book, on, policies = opened.book, opened.business_on, opened.book.policies
    borrower = book.get(Borrower, loan.borrower_id)

    def rule_of(kind: str, day: date) -> HoldRule:
        rule = policies.hold_rule(kind, day, borrower.jurisdiction)
        if rule is None:
            raise typer.BadParameter(f"No policy says what a {kind} hold stops.")
        return rule

    calendar = loan.terms.calendar if loan.terms else None
    means = Means(
        None if calendar is None else book.business_days(calendar),
        policies.due_date_rule(on),
        holds_on_loan(policies, borrower, loan.id, on),
        policies.levels(on),
        payout_return_rule(book, loan, on),
    )
    return means, rule_of


@dataclass(frozen=True)
class Supposed:
    """An event that would be recorded, with what it would say."""

    event: str
    effective_on: date
    said: dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """A loan as it is and as it would be: *rows* are the instalments that differ."""

    without: Standing
    with_it: Standing
    recorded: list[str]
    rows: list[RowChange]
    events: list[Supposed]


def compared(difference: Difference) -> Compared:
    """The difference, with its events as records."""
    from entrypoints.history import said_by

    events = [
        Supposed(name, event.effective_on, said_by(event))
        for name, event in zip(difference.recorded, difference.events, strict=True)
    ]
    return Compared(
        difference.without, difference.with_it, difference.recorded, difference.rows, events
    )


def render(found: Compared) -> None:
    """Print it for a person: what would be recorded, then figures and instalments that differ."""
    from rich.padding import Padding

    from entrypoints import output
    from entrypoints.history import words_of

    was, would = found.without, found.with_it
    said = "would be recorded" if found.events else "nothing would be recorded"
    output.out.print(f"[bold]{was.loan_ref}[/]  as of {was.as_of}, in {was.currency}; {said}")
    for each in found.events:
        words = words_of(each.said, was.currency)
        output.out.print(f"  {each.effective_on}  [bold]{each.event}[/]")
        if words:
            output.out.print(Padding(words, (0, 0, 0, 6)), markup=False)
    columns = ("as it is", "as it would be", "change")
    rows = output.table("", *columns, right=columns)
    for name, before, after in zip(FIGURES, _figures(was), _figures(would), strict=True):
        if (before, after) == (None, None):
            continue  # such as a class without a policy, or a limit where nothing is drawn
        rows.add_row(name, *_side_by_side(name, before, after, was.currency))
    output.show(rows)
    if found.rows:
        _render_rows(found.rows, was.currency)


DAYS, COST = "days past due", "cost in a year"
FIGURES = (
    *("state", "bucket", "asset class", DAYS, "principal", "interest", "fees", "penalty", "credit"),
    *("overdue", "payoff", "claim", "to draw", "last due", COST),
)

Figure = str | int | Decimal | date | None


def _figures(stood: Standing) -> list[Figure]:
    owed = stood.balance
    parts: tuple[Figure, ...] = (None,) * 5
    if owed is not None:
        parts = (owed.principal, owed.interest, owed.fees, owed.penalty, owed.unapplied)
    return [
        stood.state.lower().replace("_", " "),
        stood.bucket,
        stood.asset_class and stood.asset_class.lower().replace("_", " "),
        stood.days_past_due,
        *parts,
        stood.amount_overdue,
        stood.payoff if stood.payoff is not None else 0,
        stood.left_book.still_open if stood.left_book is not None else None,
        stood.limit.left if stood.limit is not None else None,
        max((row.due_on for row in stood.instalments), default=None),
        stood.annualised_cost,
    ]


def _side_by_side(name: str, before: Figure, after: Figure, currency: str) -> tuple[str, str, str]:
    """Both figures as people read them, and by how much the second differs."""
    from domain.base.money import written

    def said(figure: Figure) -> str:
        if figure is None:
            return ""
        if isinstance(figure, Decimal):
            return f"{figure:.4%}"
        is_money = isinstance(figure, int) and name != DAYS
        return written(figure, currency) if is_money else str(figure)  # type: ignore[arg-type]

    if said(before) == said(after):
        return said(before), said(after), ""
    if isinstance(before, int) and isinstance(after, int):
        return said(before), said(after), f"{'+' if after > before else ''}{said(after - before)}"
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        return said(before), said(after), f"{after - before:+.4%}"
    return said(before), said(after), "*"


def _render_rows(changed: list[RowChange], currency: str) -> None:
    from domain.base.money import written
    from entrypoints import output

    columns = ("due on", "principal", "interest", "fees", "left", "paid on")
    rows = output.table("no.", "", *columns, right=("no.", *columns[1:5]))
    for each in changed:
        for name, row in (("is", each.is_now), ("would be", each.would_be)):
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
