"""A loan as it was on one day, by what was known on another; replayed from its events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from domain.base.policy import AssetClassRule
    from domain.base.stream import Stream
    from domain.base.terms import Terms
    from domain.loan.as_of import Standing
    from domain.loan.state import LeftBook, OnOffer


AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="What counted on this day; else today."),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        "--known-at",
        metavar="DAY|INSTANT",
        help="By what the book knew at the end of this business day, or at this instant"
        " (2026-11-20T14:30:00+08:00); else now.",
    ),
]


@dataclass(frozen=True)
class AsKnown:
    """A loan's events that were known, the day that is meant, and what decided its class then.

    *today* is the business date of the book.
    """

    named: str
    events: list[Stream.Event]
    day: date
    today: date
    known_at: str | None
    classes: AssetClassRule | None

    @property
    def not_begun(self) -> str:
        """That the loan had not begun on the day, in a sentence."""
        from domain.loan.loan import Loan

        begun = self.events[0]
        if isinstance(begun, Loan.Migrated):
            return (
                f"{self.named} was taken over on {begun.effective_on}; what it was on {self.day}"
                " is not known here."
            )
        return f"{self.named} had not begun on {self.day}: it was applied for {begun.effective_on}."


def as_known(named: str, as_of: datetime | None, known_at: str | None) -> AsKnown:
    """The loan by what was known at a moment: its own events, and the rules that were published.

    Raises:
        Trouble: there was no such loan, or nothing of it was known yet.
        BeyondCalendar: the day lies too far ahead.
    """
    from domain.base.stream import Stream
    from domain.loan.as_of import known
    from entrypoints.session import session
    from infra.dated_rules import rules_as_known
    from infra.trouble import Trouble

    with session() as opened:
        at = moment(known_at, opened.settings.zone)
        recorded = opened.book.events.get(opened.stream_id(named))
        whole = [event for event in recorded if isinstance(event, Stream.Event)]
        today, policies = opened.business_on, rules_as_known(opened.book, at).policies
    events, day = known(whole, at), as_of.date() if as_of else today
    if not whole or not hasattr(whole[0], "loan_ref"):
        raise Trouble(f"{named} is no loan of this book.")
    if not events:
        raise Trouble(
            f"Nothing of {named} was known at {known_at}: it became known on"
            f" {whole[0].business_on}, recorded {whole[0].timestamp:%Y-%m-%dT%H:%M:%SZ}."
        )
    _must_be_on_the_calendar(day)
    rule = policies.asset_class_rule(_product_code(events), day)
    return AsKnown(named, events, day, today, known_at, rule)


def _must_be_on_the_calendar(day: date) -> None:
    from domain.loan.refusals import BeyondCalendar
    from domain.loan.timetable import LAST_DAY

    if day > LAST_DAY:
        raise BeyondCalendar(f"The calendar ends on {LAST_DAY}: ask for an earlier day.")


def _product_code(events: Sequence[Stream.Event]) -> str:
    from domain.loan.loan import Loan

    begun = events[0]
    if isinstance(begun, Loan.Applied):
        return begun.product_code
    return begun.terms.product_code if isinstance(begun, Loan.Migrated) else ""


def class_rule(events: Sequence[Stream.Event], on: date) -> AssetClassRule | None:
    """What decides the asset class of the loan of these *events* on a day, as known now."""
    from entrypoints.session import rules_now

    return rules_now().policies.asset_class_rule(_product_code(events), on)


def show_as_of(named: str, as_of: datetime | None, known_at: str | None, *, as_json: bool) -> None:
    """Print the loan as it stood on *as_of*, by what was known at *known_at*.

    Raises:
        Trouble: there was no such loan, or nothing of it was known yet.
    """
    from domain.loan.as_of import standing
    from entrypoints import output
    from infra.trouble import Trouble

    asked = as_known(named, as_of, known_at)
    stood = standing(asked.events, asked.day, asked.classes)
    if stood is None:
        raise Trouble(asked.not_begun)
    output.emit(stood, as_json=as_json, render=render)
    if asked.day > asked.today and not as_json:
        output.out.print(TO_COME, style="dim")


TO_COME = (
    "A day to come: nothing that may be paid, charged or agreed until then is in it; see what-if."
)

A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
AN_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII)


def moment(said: str | None, zone: str) -> date | datetime | None:
    """A business day, or an instant; one without an offset is in the book's *zone*."""
    if said is None:
        return None
    text = said.strip()
    try:
        if A_DAY.fullmatch(text):
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text if AN_INSTANT.fullmatch(text) else "")
    except ValueError:
        raise typer.BadParameter(
            f"{said!r} is neither a day (2026-11-20) nor an instant (2026-11-20T14:30:00+08:00)."
        ) from None
    return at if at.tzinfo else datetime.combine(at.date(), at.time(), ZoneInfo(zone))


NOT_PAID_OUT = "Not paid out: nothing is owed. See tracker for its stages."
"""What stands where figures of a loan would, which an application does not have."""


def contract_said(terms: Terms, on: date) -> list[str]:
    """The terms of a contract in words, with the cap that counts on a day."""
    from domain.loan.beyond import beyond
    from entrypoints.terms_words import Told, terms_said

    return terms_said(
        Told(
            currency=terms.currency,
            frequency=terms.frequency,
            method=terms.method,
            day_count=terms.day_count,
            penalty_rate=terms.penalty_rate,
            grace_days=terms.grace_days,
            grace_retroactive=terms.grace_retroactive,
            future_money=terms.future_money,
            calendar=terms.calendar,
            fees=terms.fees,
            beyond=beyond(terms),
            on=on,
        )
    )


def offer_said(offer: OnOffer) -> str:
    """What the borrower may accept, until when, and what it costs a year."""
    from entrypoints.rate_words import percent

    what = f"a renewal by {offer.count} months"
    if offer.kind == "CONVERSION":
        what = f"a conversion into {offer.count} instalments"
    return (
        f"{what} is on offer until {offer.valid_until_on}: {percent(offer.annual_rate)},"
        f" costs {offer.annualised_cost:.2%} a year"
    )


def left_book_said(left: LeftBook, currency: str) -> str:
    """With what a loan was written off or sold and when, what was recovered, and what is open."""
    from entrypoints.output import money

    claim = money(left.claim, currency)
    said = []
    if left.written_off_on is not None:
        said.append(f"written off {left.written_off_on} with {claim}")
    if left.recovered or left.written_off_on is not None:
        said.append(f"recovered {money(left.recovered, currency)}")
    if left.sold_on is None:
        said.append(f"open {money(left.still_open, currency)}; see explain --figure claim")
    else:
        owed = "" if left.written_off_on is not None else f" with {claim}"
        said.append(f"sold {left.sold_on}{owed} for {money(left.price or 0, currency)}")
    if left.passed_on:
        said.append(f"owed to the buyer {money(left.passed_on, currency)} that came in since")
    return ", ".join(said)


def head_said(state: str, bucket: str | None, days_past_due: int, asset_class: str | None) -> str:
    """How a loan stands, in a line: what is nothing to tell is left out."""
    from domain.loan.explained import in_words

    said = " ".join(filter(None, (in_words(state), bucket)))
    late = f"{days_past_due} days past due" if days_past_due else None
    classed = in_words(asset_class) if asset_class not in (None, "NORMAL") else None
    return ", ".join(filter(None, (said, late, classed)))


def render(stood: Standing) -> None:
    """Print it for a person."""
    from domain.base.money import written
    from domain.base.refs import short_ref
    from entrypoints import output

    def figure(amount: int) -> str:
        return written(amount, stood.currency)

    head = head_said(stood.state, stood.bucket, stood.days_past_due, stood.asset_class)
    output.out.print(
        f"[bold]{stood.loan_ref}[/]  {head}  (as of {stood.as_of}, by what was known"
        f" until version {stood.version} of {stood.known_until})"
    )
    rate = f", {stood.annual_rate:.4%} a year" if stood.annual_rate is not None else ""
    output.out.print(
        f"{stood.product_code} v{stood.product_version} for {short_ref('B', stood.borrower_id)}:"
        f" {figure(stood.amount)} {stood.currency} over {stood.term_months} months{rate}"
        + (f", paid out {stood.disbursed_on}" if stood.disbursed_on else "")
    )
    if stood.terms is not None:
        for line in contract_said(stood.terms, stood.as_of):
            output.out.print(f"  {line}")
    if stood.limit is not None:
        output.out.print(
            f"  limit {figure(stood.limit.amount)}, {figure(stood.limit.left)} left to draw"
        )
    for offer in stood.offers:
        output.out.print(f"  [green]{offer_said(offer)}[/]")
    if stood.left_book is not None:
        output.out.print(f"  {left_book_said(stood.left_book, stood.currency)}")
    if stood.balance is None:
        output.out.print(NOT_PAID_OUT)
        return
    if stood.annualised_cost is not None:
        output.out.print(f"  costs {stood.annualised_cost:.4%} a year, as it goes; see explain")
    owed = stood.balance
    names = ("principal", "interest", "fees", "penalty", "credit", "overdue", "payoff")
    figures = output.table("", *names, right=names)
    parts = (owed.principal, owed.interest, owed.fees, owed.penalty, owed.unapplied)
    figures.add_row(
        "owed",
        *(figure(part) for part in parts),
        figure(stood.amount_overdue),
        "" if stood.payoff is None else figure(stood.payoff),
    )
    output.show(figures)
    amounts = ("no.", "principal", "interest", "fees", "left")
    rows = output.table(
        "no.", "pay by", "principal", "interest", "fees", "left", "paid on", right=amounts
    )
    for row in stood.instalments:
        rows.add_row(
            str(row.number),
            str(row.pay_by_on),
            *(figure(part) for part in (row.principal, row.interest, row.fees, row.left)),
            str(row.paid_on or ""),
            style="red" if row.left and row.pay_by_on < stood.as_of else None,
        )
    output.show(rows)
