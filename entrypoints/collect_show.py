"""One late loan as a collector sees it before a contact: ``collect show``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from domain.base.policy import NextStage
from entrypoints.app import AsJson
from entrypoints.collect_commands import Item, WayOpen, collect, items_of
from entrypoints.contact_commands import At, instant_of
from entrypoints.questions import QUESTIONS, OnDay, asking
from entrypoints.staff_command import Loan

if TYPE_CHECKING:
    from uuid import UUID

    from domain.borrower.borrower import Borrower
    from entrypoints.session import Session

NOT_TOLD = "NOT_TOLD"
"""Stands where a contact was allowed, and nobody told what came of it."""

LAST = 10
"""So many contacts are shown, the latest first."""


@dataclass(frozen=True)
class Said:
    """A contact with the borrower about the loan, or about none in particular."""

    contact_ref: str
    at: datetime
    purpose: str
    channel: str
    outcome: str


@dataclass(frozen=True)
class Page:
    """A late loan, with what was said before and what stands against collecting it.

    *legal* says since when and for what it is claimed at law; or, where its strategy proposes
    that, whether somebody may refer it now.
    """

    item: Item
    holds: list[str]
    late_reason: str | None
    contacts: list[Said]
    legal: str | None


@collect.command("show", rich_help_panel=QUESTIONS)
def show(loan: Loan, on: OnDay = None, at: At = None, as_json: AsJson = False) -> None:
    """Show one late loan before a contact: each way, with its script or why it is not open.

    With what was said before, promises, holds, and who collects it; with the claim at law, or
    where the strategy proposes one whether it may be made. It records nothing; ask
    the gate with `contact ask` before the contact.
    """
    from zoneinfo import ZoneInfo

    from entrypoints import output
    from infra import day_plan
    from infra.trouble import Trouble

    instant = instant_of(at)
    with asking(on) as asked:
        opened, loan_id = asked.opened, asked.opened.stream_id(loan)
        zone = opened.settings.zone
        moment = instant.astimezone(ZoneInfo(zone)).time()
        cases = day_plan.still_owed(opened.book, asked.conn, asked.on, moment, zone)
        chosen = [case for case in cases if case.loan_id == loan_id]
        if not chosen:
            raise Trouble(f"{loan} is not late on {asked.on}: there is nothing to collect.")
        [item] = items_of(opened, chosen, instant)
        found = _page(opened, item, chosen[0].borrower_id, instant)
    output.emit(found, as_json=as_json, render=_render)


def _page(opened: Session, item: Item, borrower_id: UUID, at: datetime) -> Page:
    from domain.borrower.borrower import Borrower as BorrowerStream

    borrower = opened.book.get(BorrowerStream, borrower_id)
    past = [
        Said(
            *(ref, each.at, str(each.purpose), str(each.channel)),
            NOT_TOLD if ref in borrower.open_contacts else str(each.outcome),
        )
        for ref, each in borrower.contacts.items()
        if each.debt in (None, str(item.loan_id)) and each.at <= at
    ]
    past.sort(key=lambda each: each.at, reverse=True)
    holds = borrower.holds_on(item.loan_id, opened.business_on)
    told = borrower.late_reasons.get(str(item.loan_id))
    return Page(
        item,
        [f"{each.kind} since {each.from_on} ({each.hold_ref})" for each in holds],
        None if told is None else str(told.reason),
        past[:LAST],
        _legal(opened, borrower, item),
    )


def _legal(opened: Session, borrower: Borrower, item: Item) -> str | None:
    from domain.base.money import written
    from domain.commands import legal

    matter = borrower.legal_matters.get(str(item.loan_id))
    if matter is not None:
        by = "" if matter.referred_to is None else f" by {matter.referred_to}"
        claimed = f"{written(matter.claimed, matter.currency)} {matter.currency}"
        return f"Claimed at law since {matter.referred_on}{by}: {claimed}."
    if NextStage.LEGAL not in item.proposed:
        return None
    why = legal.hindrance(opened.book, borrower, item.loan_id, opened.business_on)
    if why is None:
        return "The strategy proposes a claim at law: collect refer-legal."
    return f"The strategy proposes a claim at law, which is refused now: {why}"


def _render(page: Page) -> None:
    from entrypoints import output

    for line in _lines(page):
        output.out.print(line)
    if page.contacts:
        rows = output.table("when", "what for", "by", "came of it", "contact", wraps=("contact",))
        for each in page.contacts:
            when = f"{each.at:%Y-%m-%d %H:%MZ}"
            rows.add_row(when, each.purpose, each.channel, each.outcome, each.contact_ref)
        output.show(rows)


def _lines(page: Page) -> Iterator[str]:
    from entrypoints import output

    item = page.item
    overdue = output.money(item.amount_overdue, item.currency)
    yield f"{item.loan_ref} of {item.borrower_ref}: {overdue} overdue"
    yield f"{item.bucket}, {item.days_past_due:,} days; {item.strategy or 'no strategy'}"
    yield from _whose(page)
    if page.late_reason is not None:
        yield f"Late because: {page.late_reason}."
    for promise in item.promises:
        amount = output.money(promise.amount, promise.currency)
        yield f"Promised {amount} by {promise.promised_on}: {promise.state.lower()}."
    for hold in page.holds:
        yield f"Hold: {hold}."
    for way in item.ways:
        yield f"  {_way(way)}"
    for refused in item.refused:
        yield f"  not: {refused}"
    if not item.ways and not item.refused:
        yield "  No way is open by this strategy."


def _whose(page: Page) -> Iterator[str]:
    """Who collects it, and who might."""
    item = page.item
    if item.collector is not None:
        yield f"Collector: {item.collector}."
    if item.agency is not None:
        yield f"Placed with {item.agency}."
    if NextStage.AGENCY in item.proposed:
        yield "The strategy proposes an agency: collect place (collect agencies lists them)."
    if page.legal is not None:
        yield page.legal


def _way(way: WayOpen) -> str:
    """A way with the reason for a wait, and the script that goes with it."""
    when = "now" if way.open_now else f"from {way.from_at:%Y-%m-%d %H:%MZ}"
    reasons = f" ({', '.join(way.because)})" if way.because else ""
    other = ", somebody else" if way.somebody_else else ""
    script = f", script {way.script}" if way.script else ""
    return f"{way.channel} {way.point_ref} {when}{reasons}{other}{script}"
