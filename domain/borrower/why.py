"""Why a contact was or was not allowed at an instant, and whether it would be so again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from domain.base.contact_policy import Channel, ContactRules, Purpose
from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.borrower.contact import ContactPoint, Intent, Party, Route, RouteState, Template
from domain.borrower.contact_events import Against, ContactDecided, ContactDecidedAgain, JudgedBy
from domain.borrower.contacts import REACHED_BY
from domain.borrower.gate import Decision, decide

AnyDecided = ContactDecided | ContactDecidedAgain
"""What the gate answered, at first or before a contact is sent after all."""


@dataclass(frozen=True)
class Way:
    """A way to contact the borrower, and what the gate answers of it.

    *point_ref* is None where no contact point of the kind is known.
    """

    purpose: Purpose
    channel: Channel
    point_ref: str | None
    decision: Decision


@dataclass(frozen=True)
class Replayed:
    """A decision that was recorded, and the same made again; None where it is alike."""

    version: int
    decided: AnyDecided
    differs: str | None


TOLD_AT = (
    *("added_at", "refused_at", "blocked_at", "unblocked_at", "retired_at", "set_at"),
    *("granted_at", "reconfirmed_at", "withdrawn_at", "opted_out_at", "revoked_at"),
    *("made_at", "not_made_at", "reported_at", "read_at", "answered_at", "received_at"),
    *("restricted_at", "lifted_at"),
)
"""The fields by which an event has an instant of its own."""


def known_by(events: Iterable[Stream.Event], at: datetime, on: date) -> Borrower | None:
    """The borrower as the gate saw them at an instant of a business day.

    The decisions tell the order: what stands on the stream before one was known to it. At
    the instant of a decision that is all; of several at one instant the first is meant.
    Between two of them an event counts from its own instant on, and one that has none from
    its business day; one that says when it became known, from then on.
    """
    stream = list(events)
    decided = [
        (index, event.decided_at)
        for index, event in enumerate(stream)
        if isinstance(event, AnyDecided)
    ]
    known = max((index + 1 for index, when in decided if when < at), default=0)
    end, when = next((each for each in decided if each[1] >= at), (len(stream), None))
    if when == at:
        known = end
    while known < end and not _is_later(stream[known], at, on):
        known += 1
    borrower: Borrower | None = None
    for event in stream[:known]:
        borrower = event.mutate(borrower)
    return borrower


def _is_later(event: Stream.Event, at: datetime, on: date) -> bool:
    known_at: datetime | None = getattr(event, "known_at", None)
    if known_at is not None:
        return known_at > at
    told = [getattr(event, name, None) for name in TOLD_AT]
    return event.business_on > on or any(each is not None and each > at for each in told)


def ways(
    borrower: Borrower,
    rules: ContactRules,
    at: datetime,
    *,
    loan_id: UUID | None = None,
    products: tuple[str, ...] = (),
    purposes: Iterable[Purpose] = tuple(Purpose),
    channels: Iterable[Channel] = tuple(Channel),
    says: Callable[[Intent], Template | None] = lambda _: None,
) -> Iterator[Way]:
    """What the gate answers at an instant, by each purpose, channel and contact point.

    Of contacts about a loan, those of the *products* it was lent under are rules too. Texts
    are judged where *says* gives what a contact would say.
    """
    situation = borrower.situation()
    channels = list(channels)
    for purpose in purposes:
        for channel in channels:
            points = situation.contact_points
            fitting = [each for each in points if each.kind == REACHED_BY[channel]]
            found: list[ContactPoint | None] = [*fitting] or [None]
            for point in found:
                intent = Intent(
                    purpose,
                    channel,
                    Party.BORROWER if point is None else Party(point.party),
                    None if point is None else point.id,
                    None if loan_id is None else str(loan_id),
                    products=products,
                )
                intent = replace(intent, template=says(intent))
                decision = decide(intent, situation, rules, at)
                yield Way(purpose, channel, intent.contact_point, decision)


def replayed(
    events: Iterable[Stream.Event],
    rules_known: Callable[[AnyDecided], ContactRules],
    reads: Callable[[AnyDecided], Template | None],
) -> Iterator[Replayed]:
    """Every decision of a borrower made again, on what was known and in force then.

    *rules_known* are the rules that a decision was made by, *reads* its text.
    """
    borrower: Borrower | None = None
    for event in events:
        if isinstance(event, AnyDecided):
            assert borrower is not None
            found = decide(
                intent_of(event, reads(event)),
                borrower.situation_but_for(event.contact_ref)
                if isinstance(event, ContactDecidedAgain)
                else borrower.situation(),
                rules_known(event),
                event.decided_at,
                route_of(event),
            )
            yield Replayed(event.originator_version, event, _difference(event, found))
        borrower = event.mutate(borrower)


def intent_of(event: AnyDecided, text: Template | None) -> Intent:
    """The contact that was decided on, as the gate was asked."""
    return Intent(
        Purpose(event.purpose),
        Channel(event.channel),
        Party(event.party),
        event.point_ref,
        None if event.loan_id is None else str(event.loan_id),
        event.product_line,
        text,
        tuple(str(each) for each in event.also_loan_ids or ()),
        tuple(event.products or ()),
    )


def route_of(event: AnyDecided) -> Route | None:
    """How the way out stood, as the gate was told."""
    seen = event.route
    return None if seen is None else Route(RouteState(seen.state), seen.rule, seen.version)


def _difference(event: AnyDecided, found: Decision) -> str | None:
    again = (
        str(found.answer),
        found.until,
        [Against(str(each.reason), each.rule, each.version) for each in found.objections],
        [JudgedBy(each.rule, each.version) for each in found.judged_by],
        (found.lapses_at, found.counts_until),
    )
    lapses = (event.lapses_at, event.counts_until)
    was = (event.answer, event.until, event.against, event.judged_by, lapses)
    names = ("answer", "until", "reasons", "rules", "lapses")
    pairs = zip(names, was, again, strict=True)
    return next((f"{name}: {old}, again {new}" for name, old, new in pairs if old != new), None)
