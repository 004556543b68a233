"""What is kept of one borrower for the contact gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.base.contact_policy import (
    Channel,
    ContactRules,
    HoldKind,
    Hours,
    HoursRule,
    OptOutRule,
    Outcome,
    Purpose,
)
from domain.base.reply_keyword import FoundWord, KeywordMeaning
from domain.base.stream import Record
from domain.borrower.contact import (
    Consent,
    ContactHold,
    ContactPoint,
    OptOut,
    PastContact,
    Situation,
)
from domain.borrower.restriction import DISTURBING, OWED, Restriction, rules_of

BORROWERS_OWN = "borrowers-own-hours"
"""The rule that stands for hours which the borrower asked for."""

BORROWERS_OWN_DAY = "borrowers-own-day"
"""The rule that stands for a day before which the borrower wants no contact."""

UNREAD = "unread-reply"
"""The rule that stands for an answer which may be a refusal, and which nobody has read."""

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
"""The days of the week as wishes name them, in order."""

ALL_DAY = ("00:00", "24:00")
"""The hours of a wish that is about a day."""


@dataclass(frozen=True)
class Figure:
    """A figure that a text has, as it is written there; nothing personal."""

    figure: str
    reads: str


@dataclass(frozen=True)
class OwnHours:
    """When the borrower wants to be contacted, ``[start, end)`` in local time as ``HH:MM``.

    *only* then: a wish that binds; otherwise the hours in which contact is likeliest
    to be welcome. Without *channel* by any, without *weekdays* on all of them. With
    *not_before_on* it is no wish for hours: no contact is wanted before that day.
    """

    start: str
    end: str
    only: bool
    channel: str | None = None
    weekdays: list[str] | None = None
    not_before_on: date | None = None


@dataclass(frozen=True)
class OpenContact:
    """A contact that was allowed, and of which nothing was heard yet.

    *template* in its version with *figures* is what it says, as it was judged. It is made
    before *lapses_at*; without that at any time.
    """

    contact_ref: str
    decided_at: datetime
    purpose: str
    channel: str
    point_ref: str | None
    digest: str
    template: str | None
    template_version: str | None
    figures: list[Figure]
    lapses_at: datetime | None = None

    def has_lapsed(self, at: datetime) -> bool:
        """Whether it is not made any more at an instant."""
        return self.lapses_at is not None and self.lapses_at <= at


@dataclass(frozen=True)
class Reply:
    """An answer in words: what it holds, and what came of it once somebody read it.

    *awaits_answer* is None until then; *answered_by* the contact that answers it, if that
    is one of the record.
    """

    contact_ref: str
    channel: str
    received_at: datetime
    found: list[FoundWord]
    outcome: str | None = None
    awaits_answer: bool | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None

    @property
    def is_unread(self) -> bool:
        """Whether nobody has read it yet."""
        return self.outcome is None

    @property
    def feared(self) -> list[tuple[str, str, str | None]]:
        """What it may refuse until it is read: version of the rule, channel and purpose."""
        if not self.is_unread:
            return []
        every: list[str | None] = [None]
        return [
            (each.version, channel, purpose)
            for each in self.found
            if each.meaning == KeywordMeaning.MAY_REFUSE
            for channel in each.channels
            for purpose in each.purposes or every
        ]


@dataclass(frozen=True)
class Hold:
    """A reason not to act; from *lifted_on* on it stands no more.

    *until_on* is the day from which it is to stand no more, if one was said: it counts from
    then on, whether or not the hold was lifted yet. *known_at* is when we learnt of it, unless
    its day was still to come. *loan_ids* are the debts it covers, all of
    the borrower's without; *touches* the loans on which it stops interest or penalty.
    """

    hold_ref: str
    kind: str
    from_on: date
    lifted_on: date | None = None
    loan_ids: list[UUID] | None = None
    touches: list[UUID] | None = None
    until_on: date | None = None
    known_at: datetime | None = None

    @property
    def ends_on(self) -> date | None:
        """The first day on which it stands no more, as far as that is known."""
        return self.until_on if self.lifted_on is None else self.lifted_on

    def stands_on(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.from_on <= on and (self.ends_on is None or on < self.ends_on)

    @property
    def debts(self) -> list[str | None]:
        """What it covers as the contact gate names it; None is every debt."""
        return [str(each) for each in self.loan_ids] if self.loan_ids else [None]


class _HoldOf(Protocol):
    """A hold, or what the gate takes for one."""

    @property
    def kind(self) -> str: ...
    @property
    def from_on(self) -> date: ...
    @property
    def ends_on(self) -> date | None: ...
    @property
    def known_at(self) -> datetime | None: ...


class ContactState:
    """The part of a borrower's state that decides on contact.

    It is no stream, nor are the classes of decisions on it: ``Borrower`` is, and joins them.
    """

    version: int  # this and the next are the stream's
    record: Record

    def __init__(self) -> None:
        self.borrower_ref = ""
        self.jurisdiction = ""
        self.zones: list[str] = []
        self.language: str | None = None
        self.points: dict[str, ContactPoint] = {}
        self.retired_points: dict[str, str] = {}
        self.consents: list[Consent] = []
        self.opt_outs: list[OptOut] = []
        self.own_hours: list[OwnHours] = []
        self.contacts: dict[str, PastContact] = {}
        """Every contact that counts, by its reference; an open one as the strictest outcome."""
        self.open_contacts: dict[str, OpenContact] = {}
        self.not_made: dict[str, list[str]] = {}
        """Why what was planned is not made, by its reference."""
        self.undelivered: dict[str, str] = {}
        """Why a message that was sent did not arrive, by its reference, as a provider told."""
        self.variants: dict[str, str] = {}
        """The arm of each experiment that the borrower is in."""
        self.last_decided_at: datetime | None = None
        self.replies: dict[str, Reply] = {}
        """Every answer in words, by its reference."""
        self.restricted: dict[str, Restriction] = {}
        """What contracts say about contact, by the reference of each."""
        self.unrestricted: list[str] = []
        """The references of what was lifted."""
        self.holds: dict[str, Hold] = {}

    def contact_holds(self) -> list[ContactHold]:
        """The holds that were set, for the contact gate."""
        return holds_of(((hold, hold.debts) for hold in self.holds.values()), self.zones)

    def situation(self) -> Situation:
        """What is known of the borrower now, as the contact gate asks for it."""
        return Situation(
            self.jurisdiction,
            tuple(self.zones),
            contact_points=tuple(self.points.values()),
            consents=tuple(self.consents),
            opt_outs=(*self.opt_outs, *self._feared()),
            holds=tuple(self.contact_holds()),
            history=tuple(self.contacts.values()),
            restrictions=self.restrictions(),
            contracts=rules_of(self.restricted.values()),
        )

    def was_sent(self, contact_ref: str, past: PastContact) -> bool:
        """Whether a contact was sent, and nobody told that it did not arrive."""
        over = contact_ref not in self.open_contacts and contact_ref not in self.undelivered
        return over and past.outcome == Outcome.SENT

    def situation_but_for(self, contact_ref: str) -> Situation:
        """What is known of the borrower now, as if a contact had not been allowed."""
        others = tuple(past for ref, past in self.contacts.items() if ref != contact_ref)
        return replace(self.situation(), history=others)

    def restrictions(self) -> tuple[ContactRules, ...]:
        """What the borrower asked for beyond the law, or may have, as rules of the same kind."""
        wished = as_rules(each for each in self.own_hours if each.only)
        feared = {each for reply in self.replies.values() for each in reply.feared}
        return (*wished, *_until_read(frozenset(feared))) if feared else wished

    def _feared(self) -> list[OptOut]:
        """Refusals that answers may be which nobody has read: until then they count as such."""
        return [
            OptOut(
                reply.received_at, Channel(channel), None if purpose is None else Purpose(purpose)
            )
            for reply in self.replies.values()
            for _, channel, purpose in reply.feared
        ]


def holds_of(
    holds: Iterable[tuple[_HoldOf, Iterable[str | None]]], zones: Sequence[str]
) -> list[ContactHold]:
    """Holds with the debts they cover (None: all of them), as the gate sees them.

    A hold stands from the first moment of its day wherever the borrower may be, or from when
    we learnt of it where that day has not begun there, until the day it ends, or was lifted,
    has begun everywhere. One that ends on its first day never stood.
    """
    found: list[ContactHold] = []
    for hold, debts in holds:
        start = min(_midnight(hold.from_on, zone) for zone in zones)
        over = hold.ends_on
        if hold.known_at is not None and (over is None or over > hold.from_on):
            start = min(start, hold.known_at)
        end = None if over is None else max(_midnight(over, zone) for zone in zones)
        kind = HoldKind(hold.kind)
        found += [ContactHold(kind, start, end, debt) for debt in debts]
    return found


@lru_cache(maxsize=4096)
def _midnight(on: date, zone: str) -> datetime:
    return datetime.combine(on, time(), ZoneInfo(zone)).astimezone(UTC)


def as_rules(wishes: Iterable[OwnHours]) -> tuple[ContactRules, ...]:
    """Wishes that bind, as rules; those for one channel and for all must both be kept to."""
    return _as_rules(
        tuple(
            _Wish(each.channel, each.start, each.end, _days(each.weekdays), each.not_before_on)
            for each in wishes
        )
    )


class _Wish(NamedTuple):
    channel: str | None
    start: str
    end: str
    weekdays: tuple[int, ...]
    not_before_on: date | None


def _days(weekdays: list[str] | None) -> tuple[int, ...]:
    return tuple(WEEKDAYS.index(each) for each in weekdays or ())


@lru_cache(maxsize=1024)
def _as_rules(wishes: tuple[_Wish, ...]) -> tuple[ContactRules, ...]:
    if not wishes:
        return ()
    by_channel: dict[str | None, list[Hours]] = {}
    not_before: dict[str | None, date] = {}
    for wish in wishes:
        if wish.not_before_on is not None:
            later = not_before.get(wish.channel, date.min)
            not_before[wish.channel] = max(wish.not_before_on, later)
            continue
        start, end = time.fromisoformat(wish.start), time.fromisoformat(wish.end)
        hours = Hours(start=start, end=end, weekdays=wish.weekdays)
        by_channel.setdefault(wish.channel, []).append(hours)
    rules = [_own(BORROWERS_OWN, channel, hours) for channel, hours in by_channel.items()]
    rules += [
        _own(BORROWERS_OWN_DAY, channel, [], until=day) for channel, day in not_before.items()
    ]
    return (ContactRules(hours=tuple(rules)),)


def _own(
    name: str, channel: str | None, hours: Sequence[Hours], until: date | None = None
) -> HoursRule:
    """The borrower's hours by one channel, or by each that disturbs; without any, none."""
    return HoursRule(
        rule=name if channel is None else f"{name}-{channel.lower()}",
        version="as-asked",
        jurisdiction="ANY",
        purposes=tuple(each for each in Purpose if each not in OWED),
        channels=DISTURBING if channel is None else (Channel(channel),),
        valid_from=date.min,
        valid_until=until,
        source="the borrower's own request",
        hours=tuple(hours),
    )


@lru_cache(maxsize=1024)
def _until_read(feared: frozenset[tuple[str, str, str | None]]) -> tuple[ContactRules, ...]:
    """What may have been refused, as rules that name it beside those on refusals."""
    purposes: dict[tuple[str, str], set[str | None]] = {}
    for version, channel, purpose in feared:
        purposes.setdefault((version, channel), set()).add(purpose)
    rules = tuple(
        OptOutRule(
            rule=f"{UNREAD}-{channel}".lower(),
            version=version,
            jurisdiction="ANY",
            purposes=tuple(
                each for each in Purpose if each not in OWED and not said.isdisjoint({each, None})
            ),
            channels=(Channel(channel),),
            valid_from=date.min,
            source="an answer that may be a refusal, until somebody read it",
        )
        for (version, channel), said in sorted(purposes.items(), key=lambda each: each[0])
    )
    return (ContactRules(opt_outs=rules),)
