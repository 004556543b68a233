"""Typed dated rules of contact: what stands against writing to, or calling, a borrower.

No figure stands here; the figures are policy files with sources, and later events. Every
rule is a restriction: where several bind a contact, it must keep to each of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from domain.base.policy import ANYWHERE, PolicyMissing

NOT_IN_FILES = {"in_files": False}
"""Marks a field of a rule that follows from events and is not written down with it."""


class RuleVersion(NamedTuple):
    """A rule of contact as it was in force."""

    rule: str
    version: str


class Purpose(StrEnum):
    """What a contact is for."""

    MARKETING = "MARKETING"
    CARE = "CARE"
    EDUCATION = "EDUCATION"
    SERVICE_REMINDER = "SERVICE_REMINDER"
    COLLECTION = "COLLECTION"
    STATUTORY = "STATUTORY"
    RECEIPT = "RECEIPT"


class Channel(StrEnum):
    """By what means a borrower is contacted."""

    PHONE = "PHONE"
    AI_VOICE = "AI_VOICE"
    SMS = "SMS"
    EMAIL = "EMAIL"
    PUSH = "PUSH"
    WECOM = "WECOM"
    VISIT = "VISIT"
    LETTER = "LETTER"


class Outcome(StrEnum):
    """What came of a contact."""

    SENT = "SENT"
    ATTEMPTED = "ATTEMPTED"
    CONNECTED = "CONNECTED"
    CONVERSATION = "CONVERSATION"
    INBOUND = "INBOUND"
    FAILED = "FAILED"


class PointSource(StrEnum):
    """Where a contact point is from."""

    APPLICATION = "APPLICATION"
    CALL_LOG = "CALL_LOG"
    CONTACTS = "CONTACTS"


class ConsentScope(StrEnum):
    """What a borrower agreed to."""

    MARKETING = "MARKETING"
    CALL_LOG = "CALL_LOG"
    CONTACTS = "CONTACTS"


class PointKind(StrEnum):
    """What a contact point is."""

    PHONE = "PHONE"
    EMAIL = "EMAIL"
    ADDRESS = "ADDRESS"
    APP = "APP"
    WECOM = "WECOM"


class HoldKind(StrEnum):
    """Why not to contact or act, until lifted."""

    CEASE = "CEASE"
    ATTORNEY = "ATTORNEY"
    DISPUTE = "DISPUTE"
    BANKRUPTCY = "BANKRUPTCY"
    DECEASED = "DECEASED"
    INCAPACITY = "INCAPACITY"
    MORATORIUM = "MORATORIUM"
    FRAUD = "FRAUD"
    AML = "AML"
    COMPLAINT = "COMPLAINT"
    RESTRICTED = "RESTRICTED"
    """Their data is only stored; it follows from what the vault does, and is set by no hand."""


SET_BY_HAND = tuple(kind for kind in HoldKind if kind != HoldKind.RESTRICTED)
"""The kinds of holds that somebody sets, and lifts."""


class Reason(StrEnum):
    """In a word, what stands against a contact."""

    CALENDAR_UNKNOWN = "CALENDAR_UNKNOWN"
    CAP = "CAP"
    CHANNEL = "CHANNEL"
    CONSENT = "CONSENT"
    CONTACT_POINT = "CONTACT_POINT"
    COOLDOWN = "COOLDOWN"
    FORBIDDEN = "FORBIDDEN"
    HOLD = "HOLD"
    LEXICON_STALE = "LEXICON_STALE"
    LICENCE_EXPIRED = "LICENCE_EXPIRED"
    NO_ROUTE = "NO_ROUTE"
    OPT_OUT = "OPT_OUT"
    PRODUCT_ROTATION = "PRODUCT_ROTATION"
    TEMPLATE = "TEMPLATE"
    THIRD_PARTY = "THIRD_PARTY"
    UNLICENSED = "UNLICENSED"
    WINDOW = "WINDOW"


BY_BORROWER = "borrower"
"""Who told why a loan is late, where the borrower did."""


class LateReason(StrEnum):
    """Why a loan is late, as it was told."""

    FORGOT = "FORGOT"
    INCOME_LOST = "INCOME_LOST"
    ILLNESS = "ILLNESS"
    DISPUTE = "DISPUTE"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    WILL_NOT = "WILL_NOT"
    OTHER = "OTHER"


class Feedback(StrEnum):
    """What came of a call, in a word."""

    WILL_PAY = "WILL_PAY"
    PAID_ALREADY = "PAID_ALREADY"
    CANNOT_PAY = "CANNOT_PAY"
    WILL_NOT_PAY = "WILL_NOT_PAY"
    DISPUTES = "DISPUTES"
    ASKS_FOR_RELIEF = "ASKS_FOR_RELIEF"
    CALL_BACK = "CALL_BACK"
    WRONG_PERSON = "WRONG_PERSON"
    NO_ANSWER = "NO_ANSWER"
    OTHER = "OTHER"


class IntentLevel(StrEnum):
    """How likely the borrower is to do what the call was about."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class DayKind(StrEnum):
    """On which local days hours hold; all but the first need a calendar."""

    ANY = "ANY"
    NOT_HOLIDAY = "NOT_HOLIDAY"
    WORKDAY = "WORKDAY"
    FRIDAY_WORKDAY = "FRIDAY_WORKDAY"


class Per(StrEnum):
    """What a limit is for: one borrower, or one of the things that a contact names."""

    DEBTOR = "DEBTOR"
    CONTACT_POINT = "CONTACT_POINT"
    DEBT = "DEBT"
    PRODUCT_LINE = "PRODUCT_LINE"


class Within(StrEnum):
    """The stretch of time that a limit counts over; the first two are local."""

    DAY = "DAY"
    MONTH = "MONTH"
    HOURS = "HOURS"


@dataclass(frozen=True, kw_only=True)
class ContactRule:
    """A rule of contact: *rule* names it in every version.

    It binds the contacts of its *purposes* by its *channels*; without channels, by all.
    With *products*, by their codes, only those about a debt under one of them.
    """

    rule: str
    version: str
    jurisdiction: str
    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...] = ()
    products: tuple[str, ...] = ()
    valid_from: date
    valid_until: date | None = None
    source: str

    def binds(self, purpose: Purpose, channel: Channel, products: Iterable[str] = ()) -> bool:
        """Whether contacts of this purpose by this channel about these products must keep to it."""
        return (
            purpose in self.purposes
            and (not self.channels or channel in self.channels)
            and (not self.products or not set(self.products).isdisjoint(products))
        )


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A stretch of the local day, ``[start, end)``.

    With *weekdays* (Monday is 0) on these alone, whatever the calendar says of them.
    """

    days: DayKind = DayKind.ANY
    start: time
    end: time
    weekdays: tuple[int, ...] = ()

    def on_such_a_weekday(self, on: date) -> bool:
        """Whether the day of the week is one of theirs."""
        return not self.weekdays or on.weekday() in self.weekdays


@dataclass(frozen=True, kw_only=True)
class HoursRule(ContactRule):
    """In which hours contact is allowed: in any one of them, or *at_any_time*."""

    hours: tuple[Hours, ...] = ()
    at_any_time: bool = False


@dataclass(frozen=True, kw_only=True)
class BanRule(ContactRule):
    """That no such contact is made at all."""


@dataclass(frozen=True, kw_only=True)
class DayCalendar:
    """The statutory holidays of a *year*, and the weekend days that are worked."""

    version: str
    jurisdiction: str
    year: int
    holidays: frozenset[date]
    worked: frozenset[date]
    valid_from: date
    valid_until: date | None = None
    source: str

    @property
    def rule(self) -> str:
        """What names it in every version."""
        return f"day-calendar-{self.jurisdiction}-{self.year}".lower()


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Which past contacts a limit counts; without channels, those by all."""

    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...] = ()
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, kw_only=True)
class LimitRule(ContactRule):
    """That no contact is made once *most* were counted *within* a day, month or hours.

    A cap, a pause after a conversation, a change of product line: *reason* tells them apart.
    """

    reason: Reason
    counts: Counts
    per: Per
    within: Within
    hours: int | None = None
    most: int


@dataclass(frozen=True, kw_only=True)
class ConsentRule(ContactRule):
    """That a consent of *scope* is needed, given so many times over (*confirmations*).

    With *point_source* only where the contact point is from there.
    """

    scope: ConsentScope
    confirmations: int = 1
    point_source: PointSource | None = None


@dataclass(frozen=True, kw_only=True)
class ContactPointRule(ContactRule):
    """That a contact point which was blocked is left alone, as is one without a lawful basis."""


@dataclass(frozen=True, kw_only=True)
class OptOutRule(ContactRule):
    """That an opt-out is heeded; one of a channel in *widens* also covers those it names."""

    widens: dict[Channel, tuple[Channel, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ContactHoldRule(ContactRule):
    """Which *kinds* of hold stop a contact."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ThirdPartyRule(ContactRule):
    """When somebody else may be contacted about a borrower: *never*, or once out of reach.

    Out of reach means: every number is dead, where *dead_numbers* counts; so many
    failures *in_a_row*, from the day after the last of these; failures on so many *days*.
    """

    never: bool = False
    dead_numbers: bool = False
    in_a_row: int | None = None
    days: int | None = None


@dataclass(frozen=True, kw_only=True)
class RepresentativeRule(ContactRule):
    """That a *party* who acts for the borrower, or answers for the debt, may be contacted.

    Where it says *under* which kinds of hold, only while one of these stands, and it does
    not stop the contact: it is why it goes to them. What is for a purpose that is *unasked*
    is sent to them instead of the borrower by itself, wherever their address is known.
    """

    party: str
    under: tuple[str, ...] = ()
    unasked: tuple[Purpose, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OptOutSentenceRule(ContactRule):
    """That a text ends with how to opt out; where it is *exactly* so, in these words."""

    exactly: str | None = None


@dataclass(frozen=True, kw_only=True)
class RateBesidePriceRule(ContactRule):
    """That a text which names a price holds the annualised rate."""


RATE = "{rate}"
"""Stands, in how a rate is called, for the rate as the text writes it."""


@dataclass(frozen=True, kw_only=True)
class RateNameRule(ContactRule):
    """What the annualised rate beside a price is called, and by which *method* it is computed.

    *said* are the ways to say it, each with ``{rate}`` where the rate stands; one of them
    stands in the text, whatever the capitals and spaces.
    """

    method: str
    said: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LexiconRule(ContactRule):
    """Words that no text may hold; *looked_at* somebody found that they still are these."""

    words: tuple[str, ...]
    looked_at: tuple[datetime, ...] = field(default=(), metadata=NOT_IN_FILES)

    @cached_property
    def folded(self) -> tuple[str, ...]:
        """The words as they are compared, without regard to capitals."""
        return tuple(word.casefold() for word in self.words)


@dataclass(frozen=True, kw_only=True)
class FreshnessRule(ContactRule):
    """That somebody looked at each lexicon within so many *days*."""

    days: int


@dataclass(frozen=True, kw_only=True)
class SenderRule(ContactRule):
    """Who may sign; a text that begins with *opens* names the same sender before *closes*."""

    senders: tuple[str, ...]
    opens: str
    closes: str


@dataclass(frozen=True, kw_only=True)
class WrittenRule(ContactRule):
    """That a contact goes by one of the channels *by*, in a text that is for its purpose."""

    by: tuple[Channel, ...]


@dataclass(frozen=True, kw_only=True)
class DeferralRule(ContactRule):
    """How many *hours* a contact is put off at most; what takes longer is blocked."""

    hours: int


@dataclass(frozen=True, kw_only=True)
class LapseRule(ContactRule):
    """That a contact is made within so many *minutes* after it was allowed.

    One of which nothing is heard counts as made for *untold_hours*, and then no more.
    """

    minutes: int
    untold_hours: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ContactRules:
    """Rules of contact; in a policy every rule that is known, in all its versions."""

    hours: tuple[HoursRule, ...] = ()
    bans: tuple[BanRule, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    consents: tuple[ConsentRule, ...] = ()
    contact_points: tuple[ContactPointRule, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    holds: tuple[ContactHoldRule, ...] = ()
    third_parties: tuple[ThirdPartyRule, ...] = ()
    opt_out_sentences: tuple[OptOutSentenceRule, ...] = ()
    rates_beside_prices: tuple[RateBesidePriceRule, ...] = ()
    rate_names: tuple[RateNameRule, ...] = ()
    lexicons: tuple[LexiconRule, ...] = ()
    freshness: tuple[FreshnessRule, ...] = ()
    senders: tuple[SenderRule, ...] = ()
    deferrals: tuple[DeferralRule, ...] = ()
    lapses: tuple[LapseRule, ...] = ()
    written: tuple[WrittenRule, ...] = ()
    representatives: tuple[RepresentativeRule, ...] = ()
    calendars: tuple[DayCalendar, ...] = ()
    _binding: dict[tuple[str, Purpose, Channel, tuple[str, ...], int], ContactRules] = field(
        default_factory=dict, init=False, repr=False
    )

    def each(self) -> Iterator[ContactRule]:
        """Every rule; calendars are none, they only tell what day it is."""
        for part in _PARTS:
            yield from getattr(self, part)

    @cached_property
    def versions(self) -> frozenset[RuleVersion]:
        """Every rule in its version, but for those of who may act for the borrower."""
        return frozenset(
            RuleVersion(rule.rule, rule.version)
            for rule in self.each()
            if not isinstance(rule, RepresentativeRule)
        )

    @cached_property
    def jurisdictions(self) -> frozenset[str]:
        """Those that have rules of their own."""
        return frozenset({rule.jurisdiction for rule in self.each()} - {ANYWHERE})

    @cached_property
    def products(self) -> frozenset[str]:
        """The products that a rule names."""
        return frozenset(product for rule in self.each() for product in rule.products)

    def binding(
        self,
        jurisdiction: str,
        purpose: Purpose,
        channel: Channel,
        on: date,
        products: Iterable[str] = (),
    ) -> ContactRules:
        """The rules that bind such a contact on a day, the rules of everywhere among them.

        *products* are those of the debts that it is about. Of several versions of a rule
        that are in force the newest decides.
        """
        named = tuple(each for each in products if each in self.products)
        key = (jurisdiction, purpose, channel, named, bisect_right(self._changes, on))
        found = self._binding.get(key)
        if found is None:
            self._binding[key] = found = self._bound_by(jurisdiction, purpose, channel, on, named)
        return found

    def looked_at(self, looks: Mapping[tuple[str, str], Sequence[datetime]]) -> ContactRules:
        """These rules, with the instants at which somebody looked at a rule and version."""
        lexicons = tuple(
            replace(each, looked_at=tuple(looks.get((each.rule, each.version), ())))
            for each in self.lexicons
        )
        return replace(self, lexicons=lexicons)

    def at_versions(self, versions: Iterable[tuple[str, str]]) -> ContactRules:
        """The rules and calendars in these versions alone, as ``(rule, version)``.

        So a past decision is made again by what it was made by then, whatever was published
        since. A rule of a name that stands nowhere here is passed over: it is one that
        product, contract or borrower asked for, and stands with them.

        Raises:
            PolicyMissing: a rule is known, and not in that version.
        """
        wanted = set(versions)
        every: list[ContactRule | DayCalendar] = [*self.each(), *self.calendars]
        names = {each.rule for each in every}
        known = {(each.rule, each.version) for each in every}
        missing = sorted(pair for pair in wanted - known if pair[0] in names)
        if missing:
            rule, version = missing[0]
            raise PolicyMissing(f"No policy has version {version} of {rule}.")
        parts = {
            part: tuple(rule for rule in getattr(self, part) if (rule.rule, rule.version) in wanted)
            for part in (*_PARTS, "calendars")
        }
        return ContactRules(**parts)

    def rate_method(self, jurisdiction: str, on: date) -> str | None:
        """By which method an advertised rate is computed there on a day; None without a rule.

        A jurisdiction's own rule comes before that of all.
        """
        held = sorted(
            (rule for rule in self.rate_names if _holds(rule, jurisdiction, on)),
            key=lambda rule: (rule.jurisdiction == jurisdiction, rule.valid_from),
        )
        return held[-1].method if held else None

    def calendar(self, year: int) -> DayCalendar | None:
        """The calendar of a year among these; None when the year is not known."""
        return next((each for each in self.calendars if each.year == year), None)

    @cached_property
    def _changes(self) -> list[date]:
        """The days on which a rule comes into force or ends, in order."""
        dated: list[ContactRule | DayCalendar] = [*self.each(), *self.calendars]
        starts = {each.valid_from for each in dated}
        return sorted(starts | {each.valid_until for each in dated if each.valid_until})

    def _bound_by(
        self,
        jurisdiction: str,
        purpose: Purpose,
        channel: Channel,
        on: date,
        products: tuple[str, ...],
    ) -> ContactRules:
        parts = {}
        for part in _PARTS:
            held = [rule for rule in getattr(self, part) if _holds(rule, jurisdiction, on)]
            newest = {rule.rule: rule for rule in sorted(held, key=lambda rule: rule.valid_from)}
            parts[part] = tuple(
                rule for rule in newest.values() if rule.binds(purpose, channel, products)
            )
        held = [each for each in self.calendars if _holds(each, jurisdiction, on)]
        calendars = {each.year: each for each in sorted(held, key=lambda each: each.valid_from)}
        return ContactRules(**parts, calendars=tuple(calendars.values()))


_PARTS = tuple(each.name for each in fields(ContactRules) if each.init and each.name != "calendars")


def _holds(rule: ContactRule | DayCalendar, jurisdiction: str, on: date) -> bool:
    ended = rule.valid_until is not None and rule.valid_until <= on
    return rule.jurisdiction in (ANYWHERE, jurisdiction) and rule.valid_from <= on and not ended
