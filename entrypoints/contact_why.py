"""The command that tells why a contact was or was not allowed: ``contact why``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markup import escape

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact import Party
from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.contact_commands import At, Debt, instant_of
from entrypoints.staff_command import Borrower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.borrower.borrower import Borrower as BorrowerStream
    from domain.borrower.contact_events import ContactNotMade
    from domain.borrower.restriction import Restriction
    from domain.borrower.why import AnyDecided, Way
    from entrypoints.session import Session


NOT_MADE = "NOT_MADE"
"""Stands where the gate was not asked, or could not let it go in time: it is not made."""


@dataclass(frozen=True)
class WayShown:
    """A way to contact the borrower, and what the gate answers of it."""

    purpose: str
    channel: str
    point_ref: str | None
    answer: str
    until: datetime | None
    because: list[str]
    rules: list[str]


@dataclass(frozen=True)
class DecisionShown:
    """A decision that was recorded on the day asked about, or that a contact is not made.

    *party* is whom it is with, where that is not the borrower.
    """

    contact_ref: str
    decided_at: datetime
    purpose: str
    channel: str
    answer: str
    until: datetime | None
    because: list[str]
    rules: list[str]
    occasion: str
    actor: str
    route: str | None = None
    """How it was to go out, and by which provider; None where nobody asked."""
    follows: str | None = None
    """The contact that did not reach the borrower, and why, where it is made instead of that."""
    party: str | None = None


@dataclass(frozen=True)
class RestrictionShown:
    """How the contract of a loan narrows contact about it; no purposes or channels: all."""

    restriction_ref: str
    loan_ref: str
    purposes: list[str]
    channels: list[str]
    hours: list[str]
    most: int | None
    within: str | None


@dataclass(frozen=True)
class Why:
    """How a borrower might be contacted at an instant, and what was decided that day."""

    borrower_ref: str
    jurisdiction: str
    local_times: dict[str, str]
    at: datetime
    restrictions: list[RestrictionShown]
    ways: list[WayShown]
    decided: list[DecisionShown]
    not_asked: str | None = None
    """Why the house asks for no money about the loan that was named, whatever the gate says."""


@contact.command("why")
def why(
    borrower: Borrower,
    at: At = None,
    purpose: Annotated[
        list[Purpose] | None,
        typer.Option(help="Only for this; may be repeated.", case_sensitive=False),
    ] = None,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(help="Only by this; may be repeated.", case_sensitive=False),
    ] = None,
    loan: Debt = None,
    as_json: AsJson = False,
) -> None:
    """Why a contact was or was not allowed at an instant, by the rules of that day.

    By what the book knew at that instant, as the decisions before and after it tell, and by
    the rules that were published by then. Shows
    what the gate answers for each purpose, channel and contact point, and what was decided
    on the day, with every rule that objected; what was planned and is not made, with the
    reason; and what contracts ask beyond the law. With --loan, the rules of its product are
    among them, and it says where the house asks for no money about that loan: it is claimed at
    law, with an agency, or a promise is open. Nothing is recorded.
    """
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        shown = why_of(
            opened,
            opened.borrower_id(borrower),
            instant_of(at),
            purposes=purpose or list(Purpose),
            channels=channel or list(Channel),
            loan_id=None if loan is None else opened.stream_id(loan),
        )
    output.emit(shown, as_json=as_json, render=_render)


def why_of(
    opened: Session,
    borrower_id: UUID,
    at: datetime,
    *,
    purposes: list[Purpose],
    channels: list[Channel],
    loan_id: UUID | None,
) -> Why:
    """How a borrower might be contacted at an instant, and what was decided that day.

    Raises:
        Trouble: the borrower was not known then.
    """
    from zoneinfo import ZoneInfo

    from domain.base.stream import Stream
    from domain.borrower.contact_events import ContactNotMade
    from domain.borrower.why import AnyDecided, known_by, ways
    from domain.commands import collecting
    from infra.dated_rules import rules_known_at
    from infra.trouble import Trouble

    on = at.astimezone(ZoneInfo(opened.settings.zone)).date()
    events = [
        event for event in opened.book.events.get(borrower_id) if isinstance(event, Stream.Event)
    ]
    found = known_by(events, at, on)
    if found is None:
        raise Trouble(f"No borrower {borrower_id} was known on {on}: give a later --at.")
    rules = rules_known_at(opened.book, at, on).contact
    products = collecting.products_named(opened.book, [] if loan_id is None else [loan_id])
    shown = [
        _shown(way)
        for way in ways(
            found,
            rules,
            at,
            loan_id=loan_id,
            products=next(iter(products.values()), ()),
            purposes=purposes,
            channels=channels,
        )
    ]
    zone = ZoneInfo(opened.settings.zone)
    decided: list[AnyDecided | ContactNotMade] = []
    for event in events:
        # What the gate refused is told by its answer.
        told = (
            event.decided_at
            if isinstance(event, AnyDecided)
            else event.not_made_at
            if isinstance(event, ContactNotMade) and not _told_by(event, decided)
            else None
        )
        if (
            isinstance(event, AnyDecided | ContactNotMade)
            and told is not None
            and told.astimezone(zone).date() == on
            and event.purpose in purposes
            and event.channel in (None, *channels)
        ):
            decided.append(event)
    return Why(
        borrower_ref=found.borrower_ref,
        jurisdiction=found.jurisdiction,
        local_times={
            zone: f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S}" for zone in found.zones
        },
        at=at,
        restrictions=[agreed(each) for each in found.restricted.values()],
        ways=shown,
        decided=[
            _dropped(each) if isinstance(each, ContactNotMade) else _recorded(each)
            for each in decided
        ],
        not_asked=_not_asked(found, loan_id) if Purpose.COLLECTION in purposes else None,
    )


def _not_asked(found: BorrowerStream, loan_id: UUID | None) -> str | None:
    """Why the house asks for no money about a loan; None where it does."""
    from domain.base.refs import short_ref
    from domain.base.refusal import Refusal

    if loan_id is None:
        return None
    loan_ref = short_ref("L", loan_id)
    try:
        found.must_not_be_at_law(loan_id, loan_ref)
        found.must_not_be_placed(loan_id, loan_ref)
        found.must_not_await_promise(loan_id, loan_ref)
    except Refusal as refusal:
        return str(refusal)
    return None


def agreed(restriction: Restriction) -> RestrictionShown:
    """How the contract of a loan narrows contact, as it is shown."""
    from domain.base.refs import short_ref

    return RestrictionShown(
        restriction.restriction_ref,
        short_ref("L", restriction.loan_id),
        restriction.purposes,
        restriction.channels,
        [f"{each.start}-{each.end}" for each in restriction.hours],
        restriction.most,
        restriction.within,
    )


def _shown(way: Way) -> WayShown:
    decision = way.decision
    return WayShown(
        str(way.purpose),
        str(way.channel),
        way.point_ref,
        str(decision.answer),
        decision.until,
        [str(each) for each in decision.because],
        [f"{each.rule} ({each.version})" for each in decision.objections],
    )


def _told_by(event: ContactNotMade, decided: Sequence[AnyDecided | ContactNotMade]) -> bool:
    """Whether the last of the decisions on it says already that it is not made."""
    same = [each for each in decided if each.contact_ref == event.contact_ref]
    return bool(same) and getattr(same[-1], "answer", None) == "BLOCK"


def _dropped(event: ContactNotMade) -> DecisionShown:
    return DecisionShown(
        event.contact_ref,
        event.not_made_at,
        event.purpose,
        event.channel or "",
        NOT_MADE,
        None,
        list(event.reasons),
        [],
        event.occasion,
        event.actor,
    )


def _recorded(event: AnyDecided) -> DecisionShown:
    return DecisionShown(
        event.contact_ref,
        event.decided_at,
        event.purpose,
        event.channel,
        event.answer,
        event.until,
        sorted({each.reason for each in event.against}),
        [f"{each.rule} ({each.version})" for each in event.against],
        event.occasion,
        event.actor,
        _way_out(event),
        _followed(event),
        None if event.party == Party.BORROWER else event.party,
    )


def _way_out(event: AnyDecided) -> str | None:
    seen = event.route
    if seen is None:
        return None
    return f"{seen.state} {seen.rule} ({seen.version})" if seen.rule else seen.state


def _followed(event: AnyDecided) -> str | None:
    before = getattr(event, "follows", None)
    return before and f"{before} ({getattr(event, 'follows_because', None)})"


def _render(found: Why) -> None:
    from entrypoints import output

    times = ", ".join(f"{time} {zone}" for zone, time in found.local_times.items())
    head = f"{found.borrower_ref}, {found.jurisdiction}, {times} ({found.at:%Y-%m-%d %H:%M:%SZ})"
    output.out.print(head)
    # Without a number or address nobody is reached that way, whatever the law says; where
    # there is none at all, what it says is all there is to show.
    reached = [way for way in found.ways if way.point_ref is not None]
    _render_ways(reached or found.ways)
    if reached:
        without = sorted({way.channel for way in found.ways} - {way.channel for way in reached})
        if without:
            output.out.print(f"No contact point is known for {', '.join(without)}.")
    else:
        output.out.print("No contact point is known: until one is added, nobody is reached.")
    if found.not_asked is not None:
        output.out.print(f"COLLECTION is left alone all the same. {found.not_asked}", markup=False)
    for agreed in found.restrictions:
        output.out.print(f"By contract: {in_words(agreed)}.", markup=False)
    if not found.decided:
        output.out.print("Nothing was decided that day.")
        return
    columns = ("decided that day", "answer", "because")
    decided = output.table(*columns, wraps=columns)
    for each in found.decided:
        decided.add_row(escape(_whose(each)), *_answer(each))
    output.show(decided)


def _render_ways(ways: list[WayShown]) -> None:
    """Prints a table of ways under their purposes; those answered alike share a row."""
    from entrypoints import output

    alike: dict[str, dict[tuple[str, str], list[str]]] = {}
    for way in ways:
        named = f"{way.channel} {way.point_ref or 'none known'}"
        alike.setdefault(way.purpose, {}).setdefault(_answer(way), []).append(named)
    table = output.table("contact", "answer", "because", wraps=("because",))
    for purpose, answers in alike.items():
        table.add_row(f"[bold]{purpose}[/]", "", "")
        for answer, same in answers.items():
            table.add_row(escape("\n".join(f"  {each}" for each in same)), *answer)
    output.show(table)


def _answer(found: WayShown | DecisionShown) -> tuple[str, str]:
    """The answer and when it would be another; the reasons, and each rule on a line of its own."""
    until = [] if found.until is None else [f"until {found.until:%m-%d %H:%M:%SZ}"]
    because = [", ".join(found.because)] if found.because else []
    lines = [*because, *(f"by {rule}" for rule in found.rules)]
    return "\n".join([found.answer, *until]), escape("\n".join(lines))


def _whose(decided: DecisionShown) -> str:
    """Which contact was decided on when, who asked, and how it was to go out."""
    lines = [
        f"{decided.decided_at:%H:%M:%SZ} {decided.purpose} {decided.channel}".rstrip(),
        decided.party and f"to {decided.party}",
        decided.contact_ref,
        ", ".join(dict.fromkeys((decided.occasion, decided.actor))),
        decided.route and f"way out {decided.route}",
        decided.follows and f"instead of {decided.follows}",
    ]
    return "\n".join(each for each in lines if each)


def in_words(agreed: RestrictionShown) -> str:
    """What a contract says about contact, such as ``K-1, L-..., by VISIT: never``."""
    about = [agreed.restriction_ref, agreed.loan_ref]
    about += [f"for {', '.join(agreed.purposes)}"] if agreed.purposes else []
    about += [f"by {', '.join(agreed.channels)}"] if agreed.channels else []
    asked = [f"only {', '.join(agreed.hours)}"] if agreed.hours else []
    asked += [f"at most {agreed.most} a {str(agreed.within).lower()}"] if agreed.most else []
    return f"{', '.join(about)}: {', '.join(asked) or 'never'}"
