"""The contact gate: whether a borrower may be contacted so, at this instant.

A pure function of the intended contact, of what is known, and of the dated rules. It is
asked when a contact is sent, not when it is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.base.calendar import next_day
from domain.base.contact_policy import (
    ContactHoldRule,
    ContactRule,
    ContactRules,
    DayKind,
    FreshnessRule,
    HoursRule,
    LapseRule,
    LexiconRule,
    LimitRule,
    Per,
    Reason,
    RepresentativeRule,
    RuleVersion,
    ThirdPartyRule,
    Within,
)
from domain.base.policy import PolicyMissing
from domain.borrower.contact import Intent, Party, Route, RouteState, Situation, known
from domain.borrower.hours import LocalTime, against_hours
from domain.borrower.limits import counted, is_full
from domain.borrower.permissions import is_held, is_opted_out, is_unusable, lacks_consent
from domain.borrower.refusals import ZonesNotPlausible
from domain.borrower.texts import (
    are_stale,
    hides_rate,
    holds_forbidden_word,
    is_for_something_else,
    is_signed_falsely,
    lacks_opt_out,
    misnames_rate,
)
from domain.borrower.third_party import may_not_act, may_not_be_asked
from domain.borrower.turning_points import in_whole_seconds, instants_of, local_turning_points

NO_RULE = "no-rule"
"""Stands for the rule that is missing where only a rule could allow a contact."""

AGAINST_ROUTE = {
    RouteState.DISABLED: Reason.NO_ROUTE,
    RouteState.NO_ROUTE: Reason.NO_ROUTE,
    RouteState.UNLICENSED: Reason.UNLICENSED,
    RouteState.LICENCE_EXPIRED: Reason.LICENCE_EXPIRED,
}
"""What stands against a contact that finds no way out; no waiting of ours cures it."""


class Answer(StrEnum):
    """What the gate says: now, later, or not without something new."""

    ALLOW = "ALLOW"
    DEFER = "DEFER"
    BLOCK = "BLOCK"


@dataclass(frozen=True, order=True)
class Objection:
    """What stands against a contact at an instant, and by which rule."""

    reason: Reason
    rule: str
    version: str


@dataclass(frozen=True)
class Decision:
    """The answer at an instant; *until* is the first one that would be allowed, if deferred.

    A contact that is allowed is made before *lapses_at*, and counts until *counts_until* where
    nothing is heard of it; without them at any time, and for ever. *objections* are what
    stands against the contact now, not on the way; *judged_by* are all the rules that it was
    held against, in the versions of each day that was looked at.
    """

    answer: Answer
    until: datetime | None
    objections: tuple[Objection, ...]
    judged_by: tuple[RuleVersion, ...]
    lapses_at: datetime | None = None
    counts_until: datetime | None = None

    @property
    def because(self) -> list[Reason]:
        """The reasons in a word each, in alphabetical order."""
        return sorted({each.reason for each in self.objections})


def decide(
    intent: Intent,
    situation: Situation,
    policies: ContactRules,
    at: datetime,
    route: Route | None = None,
) -> Decision:
    """Whether *intent* may be carried out at the instant *at*.

    Every rule is judged in each zone of the borrower, by the rules in force on the date
    there, and must pass in all. What is known only later does not count. If something
    stands against the contact, it is deferred to the first whole second at which nothing
    would, unless that is further off than the policy puts off contacts.

    *route* is how the way out stands; None where nobody asks, as for a contact by hand.

    Raises:
        PolicyMissing: no rules of the borrower's jurisdiction are known.
        ZonesNotPlausible: the borrower has no time zone, or one that IANA does not name.
    """
    if situation.jurisdiction not in policies.jurisdictions:
        raise PolicyMissing(f"No policy says how to contact borrowers in {situation.jurisdiction}.")
    assert at.tzinfo is not None, "an instant without a zone is none"
    at = at.astimezone(UTC)
    judge = _Judge(intent, known(situation, at), policies, at, route)
    objections = judge.objections(at)
    if not objections:
        lapses_at, counts_until = judge.lapses()
        return Decision(Answer.ALLOW, None, (), judge.judged_by(), lapses_at, counts_until)
    until = next((later for later in judge.turning_points() if judge.passes(later)), None)
    answer = Answer.BLOCK if until is None else Answer.DEFER
    return Decision(answer, until, objections, judge.judged_by())


@dataclass(frozen=True)
class _Bound:
    """The rules that bind a contact on a day, with what no later instant changes."""

    law: ContactRules
    standing: tuple[Objection, ...]
    holds: tuple[ContactHoldRule, ...]
    freshness: tuple[FreshnessRule, ...]
    lexicons: tuple[LexiconRule, ...]
    hours: tuple[HoursRule, ...]
    limits: tuple[tuple[LimitRule, list[datetime]], ...]
    third_parties: tuple[ThirdPartyRule, ...]
    representatives: tuple[RepresentativeRule, ...]
    passed: frozenset[str]
    put_off: timedelta
    lapses: tuple[LapseRule, ...]

    def opens(self) -> Iterator[time]:
        return (each.start for rule in self.hours for each in rule.hours)

    def closes(self) -> Iterator[time]:
        return (each.end for rule in self.hours for each in rule.hours)


class _Judge:
    """One contact, held against the rules at any instant from *at* on."""

    def __init__(
        self,
        intent: Intent,
        situation: Situation,
        policies: ContactRules,
        at: datetime,
        route: Route | None,
    ) -> None:
        self._intent = intent
        self._route = route
        self._each = intent.by_debt()
        self._situation = situation
        self._sets = (policies, *situation.asking(intent))
        self._at = at
        self._zones = _zones(situation)
        # Where the intent and the list of contact points disagree, the stricter one counts.
        self._acting = situation.representative(intent)
        self._third = self._acting is None and (
            intent.party != Party.BORROWER or not situation.is_own(intent.contact_point)
        )
        self._bound: dict[tuple[ContactRules, ...], _Bound] = {}
        self._by_day: dict[date, _Bound] = {}

    def passes(self, at: datetime) -> bool:
        """Whether nothing stands against the contact at an instant."""
        return all(
            next(self._objections(LocalTime.of(at, zone)), None) is None for zone in self._zones
        )

    def objections(self, at: datetime) -> tuple[Objection, ...]:
        """All that stands against it at an instant, in any zone."""
        found = (self._objections(LocalTime.of(at, zone)) for zone in self._zones)
        return tuple(sorted({each for in_zone in found for each in in_zone}))

    def judged_by(self) -> tuple[RuleVersion, ...]:
        """The rules that bind it on the days looked at so far, and their calendars."""
        found = {version for bound in self._bound for rules in bound for version in rules.versions}
        found.update(
            RuleVersion(rule.rule, rule.version)
            for bound in self._bound.values()
            for rule in bound.representatives
        )
        for law, *_ in self._bound:
            if any(hours.days != DayKind.ANY for rule in law.hours for hours in rule.hours):
                found.update(RuleVersion(each.rule, each.version) for each in law.calendars)
        return tuple(sorted(found))

    def turning_points(self) -> list[datetime]:
        """The instants at which it may become allowed, in order."""
        put_off = min(self._on(self._at.astimezone(zone).date()).put_off for zone in self._zones)
        end = self._at + put_off
        days: set[date] = set()

        def opens(on: date) -> Iterable[time]:
            days.add(on)
            return self._on(on).opens()

        instants = {
            instant
            for zone in self._zones
            for instant in local_turning_points(zone, self._at, end, opens)
        }
        instants.update(each.until for each in self._situation.holds if each.until)
        for on in days:
            for limit, times in self._on(on).limits:
                if limit.within == Within.HOURS and limit.hours:
                    span = timedelta(hours=limit.hours)
                    instants.update(each + span for each in times)
        return in_whole_seconds(instants, self._at, end)

    def lapses(self) -> tuple[datetime | None, datetime | None]:
        """Until when it is made that is allowed now, and counts without being heard of.

        It is made while the hours last in which it is allowed.
        """
        local = [LocalTime.of(self._at, zone) for zone in self._zones]
        rules = [rule for now in local for rule in self._on(now.on).lapses]
        if not rules:
            return None, None
        end = self._at + timedelta(minutes=min(rule.minutes for rule in rules))
        closing = sorted(
            instant
            for now in local
            for clock in {time(), *self._on(now.on).closes()}
            for day in (now.on, next_day(now.on))
            for instant in instants_of(now.zone, day, clock)
            if self._at < instant < end
        )
        lapses_at = next((instant for instant in closing if not self.passes(instant)), end)
        untold = timedelta(hours=max(rule.untold_hours for rule in rules))
        return lapses_at, max(lapses_at, self._at + untold)

    def _binding(self, on: date) -> tuple[ContactRules, ...]:
        intent = self._intent
        place = self._situation.jurisdiction
        return tuple(
            rules.binding(place, intent.purpose, intent.channel, on, intent.products)
            for rules in self._sets
        )

    def _on(self, on: date) -> _Bound:
        bound = self._by_day.get(on)
        if bound is None:
            binding = self._binding(on)
            bound = self._bound.get(binding)
            if bound is None:
                self._bound[binding] = bound = self._bind(binding)
            self._by_day[on] = bound
        return bound

    def _bind(self, binding: Sequence[ContactRules]) -> _Bound:
        # A product narrows what the law puts off; it puts nothing off by itself.
        lawful = any(not rule.products for rule in binding[0].deferrals)
        deferrals = [rule.hours for rules in binding for rule in rules.deferrals if lawful]
        acting = tuple(
            rule
            for rules in binding
            for rule in rules.representatives
            if rule.party == self._acting
        )
        return _Bound(
            law=binding[0],
            standing=tuple(self._standing(binding)),
            holds=tuple(rule for rules in binding for rule in rules.holds),
            freshness=tuple(rule for rules in binding for rule in rules.freshness),
            lexicons=tuple(rule for rules in binding for rule in rules.lexicons),
            hours=tuple(rule for rules in binding for rule in rules.hours),
            limits=tuple(
                (rule, counted(rule, intent, self._situation.history, self._at))
                for rules in binding
                for rule in rules.limits
                for intent in (self._each if rule.per == Per.DEBT else [self._intent])
            ),
            third_parties=tuple(
                rule for rules in binding for rule in rules.third_parties if self._third
            ),
            representatives=acting,
            passed=frozenset.intersection(*(frozenset(rule.under) for rule in acting))
            if acting
            else frozenset(),
            put_off=timedelta(hours=min(deferrals, default=0)),
            lapses=tuple(rule for rules in binding for rule in rules.lapses),
        )

    def _standing(self, binding: Sequence[ContactRules]) -> Iterator[Objection]:
        """What stands against the contact as long as these rules and facts hold."""
        intent, situation, law, route = self._intent, self._situation, binding[0], self._route
        if route is not None and route.state != RouteState.OPEN:
            yield Objection(AGAINST_ROUTE[route.state], route.rule or NO_RULE, route.version)
        # A rule of a product allows nothing by itself: it narrows what others allow.
        if all(rule.products for rule in law.hours):
            yield Objection(Reason.WINDOW, NO_RULE, "")
        if self._third and all(rule.products for rule in law.third_parties):
            yield Objection(Reason.THIRD_PARTY, NO_RULE, "")
        if self._acting and all(
            rule.products or rule.party != self._acting for rule in law.representatives
        ):
            yield Objection(Reason.THIRD_PARTY, NO_RULE, "")
        for rules in binding:
            yield from (_objection(Reason.FORBIDDEN, ban) for ban in rules.bans)
            yield from _not_permitted(rules, intent, situation)
            for written in rules.written:
                if intent.channel not in written.by:
                    yield _objection(Reason.CHANNEL, written)
            for broken in broken_by_text(rules, intent):
                yield _objection(Reason.TEMPLATE, broken)

    def _objections(self, now: LocalTime) -> Iterator[Objection]:
        """What stands against the contact in one zone; the cheapest to tell comes first."""
        bound = self._on(now.on)
        yield from bound.standing
        for hours in bound.hours:
            reason = against_hours(hours, bound.law, now)
            if reason is not None:
                yield _objection(reason, hours)
        yield from self._stale(bound, now)
        for hold in bound.holds:
            if is_held(hold, self._intent, self._situation, now.at, bound.passed):
                yield _objection(Reason.HOLD, hold)
        for limit, times in bound.limits:
            if is_full(limit, times, now):
                yield _objection(limit.reason, limit)
        yield from self._not_to_them(bound, now)

    def _not_to_them(self, bound: _Bound, now: LocalTime) -> Iterator[Objection]:
        """What stands against contact with somebody else, or with who acts for the borrower."""
        for third_party in bound.third_parties:
            if may_not_be_asked(third_party, self._intent, self._situation, now):
                yield _objection(Reason.THIRD_PARTY, third_party)
        for acting in bound.representatives:
            if may_not_act(acting, self._intent, self._situation, now):
                yield _objection(Reason.THIRD_PARTY, acting)

    def _stale(self, bound: _Bound, now: LocalTime) -> Iterator[Objection]:
        for rule in bound.freshness:
            if are_stale(rule, bound.lexicons, now.at, self._at):
                yield _objection(Reason.LEXICON_STALE, rule)


def _not_permitted(
    rules: ContactRules, intent: Intent, situation: Situation
) -> Iterator[Objection]:
    """What the borrower did not agree to or refused, and contact points that may not be used."""
    for consent in rules.consents:
        if lacks_consent(consent, intent, situation):
            yield _objection(Reason.CONSENT, consent)
    for usable in rules.contact_points:
        if is_unusable(intent, situation):
            yield _objection(Reason.CONTACT_POINT, usable)
    for opt_out in rules.opt_outs:
        if is_opted_out(opt_out, intent, situation):
            yield _objection(Reason.OPT_OUT, opt_out)


def broken_by_text(rules: ContactRules, intent: Intent) -> Iterator[ContactRule]:
    """The rules that the text breaks; without a text none."""
    template = intent.template
    if template is None:
        return
    yield from (rule for rule in rules.opt_out_sentences if lacks_opt_out(rule, template))
    yield from (rule for rule in rules.rates_beside_prices if hides_rate(rule, template))
    yield from (rule for rule in rules.rate_names if misnames_rate(rule, template))
    yield from (rule for rule in rules.lexicons if holds_forbidden_word(rule, template))
    yield from (rule for rule in rules.senders if is_signed_falsely(rule, template))
    if is_for_something_else(intent.purpose, template):
        yield from rules.written


def _objection(reason: Reason, rule: ContactRule) -> Objection:
    return Objection(reason, rule.rule, rule.version)


def _zones(situation: Situation) -> list[ZoneInfo]:
    """Every place where the borrower may be.

    Raises:
        ZonesNotPlausible: there is none, or one has no such zone.
    """
    try:
        zones = [ZoneInfo(name) for name in situation.zones]
    except (ZoneInfoNotFoundError, ValueError) as wrong:
        raise ZonesNotPlausible(f"{wrong}: name time zones as IANA does.") from None
    if not zones:
        raise ZonesNotPlausible("A borrower needs at least one time zone: name it.")
    return zones
