"""What somebody must look at before it stops or delays what is to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import product
from typing import TypeVar

from domain.base.contact_policy import ContactRule, DayKind, FreshnessRule, LexiconRule
from domain.base.dated_rules import DatedRules
from domain.base.policy import ANYWHERE
from domain.policy.policy import Policy, Stage

Rule = TypeVar("Rule", bound=ContactRule)

WARNED_BEFORE = timedelta(days=1)
"""So long before a lexicon is stale somebody is told."""
NEXT_YEAR = timedelta(days=30)
"""So long before a year begins whose holidays are not known somebody is told."""
LICENCE_RENEWED = timedelta(days=60)
"""So long before a provider's licence ends somebody is told."""


class AlarmKind(StrEnum):
    """What is the matter."""

    LEXICON_STALE = "LEXICON_STALE"
    LEXICON_STALE_SOON = "LEXICON_STALE_SOON"
    CALENDAR_MISSING = "CALENDAR_MISSING"
    LICENCE_ENDED = "LICENCE_ENDED"
    REVIEW_LATE = "REVIEW_LATE"
    CALENDAR_MISSING_SOON = "CALENDAR_MISSING_SOON"
    LICENCE_ENDS_SOON = "LICENCE_ENDS_SOON"


@dataclass(frozen=True)
class Alarm:
    """A version of a rule that waits for somebody, since or until *due_at*.

    *stops* are the purposes for which nothing is sent once it is over.
    """

    kind: AlarmKind
    rule: str
    version: str
    jurisdiction: str
    due_at: datetime
    stops: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class FirstReview:
    """Lexicons that nobody has looked at since they were entered, and what they stop until then.

    That is how a book begins, and no alarm: nothing ran out.
    """

    rules: tuple[str, ...]
    stops: tuple[str, ...]
    sentence: str


def first_review(rules: DatedRules, on: date, at: datetime) -> FirstReview | None:
    """The lexicons that await their first review, in one; None where there is none."""
    waiting = [each for each in _asked(rules, on) if _last_look(each[1], at) is None]
    if not waiting:
        return None
    names = tuple(sorted(lexicon.rule for _, lexicon in waiting))
    stops = tuple(dict.fromkeys(what for asked, of in waiting for what in _stops(asked, of)))
    lists = "1 word list awaits its" if len(names) == 1 else f"{len(names)} word lists await their"
    return FirstReview(
        names,
        stops,
        f"To do: {lists} first review: {', '.join(names)}. Until then no {', '.join(stops)} goes"
        " out; read and confirm each: policy confirm NAME.",
    )


def alarms(rules: DatedRules, policies: Sequence[Policy], on: date, at: datetime) -> list[Alarm]:
    """Lexicons, calendars and licences that are missing or soon will be, and late reviews.

    One that nobody ever looked at is none (``first_review``). *policies* are the streams of what
    was submitted and published; the most urgent first.
    """
    found = [
        *_of_lexicons(rules, on, at),
        *_of_calendars(rules, on),
        *_of_licences(rules, on),
        *_of_reviews(rules, policies, on, at),
    ]
    order = list(AlarmKind)
    return sorted(found, key=lambda each: (order.index(each.kind), each.rule, each.version))


def _of_lexicons(rules: DatedRules, on: date, at: datetime) -> Iterator[Alarm]:
    for asked, lexicon in _asked(rules, on):
        alarm = _of_lexicon(asked, lexicon, at)
        if alarm is not None:
            yield alarm


def _asked(rules: DatedRules, on: date) -> Iterator[tuple[FreshnessRule, LexiconRule]]:
    """Each lexicon that is to be kept fresh, with the strictest rule that asks for it."""
    seen: set[str] = set()
    for asked in sorted(_newest(rules.contact.freshness, on), key=lambda each: each.days):
        for lexicon in _newest(rules.contact.lexicons, on):
            if lexicon.rule not in seen and _meet(asked, lexicon):
                seen.add(lexicon.rule)
                yield asked, lexicon


def _last_look(lexicon: LexiconRule, at: datetime) -> datetime | None:
    return max((look for look in lexicon.looked_at if look <= at), default=None)


def _stops(asked: FreshnessRule, lexicon: LexiconRule) -> tuple[str, ...]:
    return tuple(str(each) for each in asked.purposes if each in lexicon.purposes)


def _of_lexicon(asked: FreshnessRule, lexicon: LexiconRule, at: datetime) -> Alarm | None:
    last = _last_look(lexicon, at)
    if last is None:
        return None
    due_at = last + timedelta(days=asked.days)
    if at < due_at - WARNED_BEFORE:
        return None
    stops = _stops(asked, lexicon)
    what = ", ".join(stops)
    if due_at <= at:
        said = f"Nobody has looked at {lexicon.rule} for {asked.days} days: {what} stands still."
    else:
        said = f"{lexicon.rule} was looked at {last:%Y-%m-%d %H:%MZ}: {what} stops soon."
    stale = due_at <= at
    return Alarm(
        AlarmKind.LEXICON_STALE if stale else AlarmKind.LEXICON_STALE_SOON,
        lexicon.rule,
        lexicon.version,
        lexicon.jurisdiction,
        due_at,
        stops,
        f"{said} Read it and confirm it: policy confirm {lexicon.rule}.",
    )


def _of_calendars(rules: DatedRules, on: date) -> Iterator[Alarm]:
    """Years whose holidays nobody entered, where hours ask what day it is."""
    asking: dict[str, set[str]] = {}
    for rule in _newest(rules.contact.hours, on):
        if any(each.days != DayKind.ANY for each in rule.hours):
            anywhere = rule.jurisdiction == ANYWHERE
            for place in rules.contact.jurisdictions if anywhere else {rule.jurisdiction}:
                asking.setdefault(place, set()).update(map(str, rule.purposes))
    years = sorted({on.year, (on + NEXT_YEAR).year})
    for place, year in product(sorted(asking), years):
        begins = date(year, 1, 1)
        known = any(
            each.jurisdiction == place
            and each.year == year
            and (each.valid_until is None or max(on, begins) < each.valid_until)
            for each in rules.contact.calendars
        )
        if known:
            continue
        what = ", ".join(sorted(asking[place]))
        stands = "stands still" if begins <= on else f"stops on {begins}"
        yield Alarm(
            AlarmKind.CALENDAR_MISSING if begins <= on else AlarmKind.CALENDAR_MISSING_SOON,
            f"day-calendar-{place}-{year}".lower(),
            "",
            place,
            datetime.combine(begins, time(), UTC),
            tuple(sorted(asking[place])),
            f"The holidays of {year} in {place} are not known: {what} {stands}. Hold them against"
            f" the notice and publish them: policy calendar {place} {year}.",
        )


def _of_licences(rules: DatedRules, on: date) -> Iterator[Alarm]:
    """Licences of providers that ended, or end before long."""
    for provider in rules.register.on(on):
        ends_on = provider.licence_until
        used = provider.valid_from <= on and (
            provider.valid_until is None or on < provider.valid_until
        )
        if ends_on is None or not used or on < ends_on - LICENCE_RENEWED:
            continue
        ended = ends_on <= on
        since = f"ended on {ends_on}" if ended else f"ends on {ends_on}"
        yield Alarm(
            AlarmKind.LICENCE_ENDED if ended else AlarmKind.LICENCE_ENDS_SOON,
            provider.rule,
            provider.version,
            " ".join(provider.jurisdictions),
            datetime.combine(ends_on, time(), UTC),
            (),
            f"The licence {provider.licence} of {provider.name} {since}: nothing goes out by it"
            " without one. Publish an entry with the new one: policy publish.",
        )


def _of_reviews(
    rules: DatedRules, policies: Sequence[Policy], on: date, at: datetime
) -> Iterator[Alarm]:
    standard = rules.text_standard(on)
    if standard is None:
        return
    for policy in policies:
        for each in policy.versions:
            if each.stage != Stage.SUBMITTED or each.entry.kind != "template":
                continue
            due_at = each.requested_at + timedelta(minutes=standard.review_minutes)
            if due_at < at:
                minutes = int((at - each.requested_at).total_seconds() // 60)
                yield Alarm(
                    AlarmKind.REVIEW_LATE,
                    policy.rule,
                    each.entry.version,
                    each.entry.jurisdiction,
                    due_at,
                    (),
                    f"{policy.rule} {each.entry.version} has waited {minutes} minutes for its"
                    f" review, at most {standard.review_minutes} are allowed: template list"
                    " shows it.",
                )


def _newest(known: Sequence[Rule], on: date) -> list[Rule]:
    """Of each rule the newest version in force on a day."""
    held = [
        each
        for each in known
        if each.valid_from <= on and (each.valid_until is None or on < each.valid_until)
    ]
    return list(
        {each.rule: each for each in sorted(held, key=lambda each: each.valid_from)}.values()
    )


def _meet(asked: FreshnessRule, lexicon: LexiconRule) -> bool:
    """Whether both bind one contact."""
    where = ANYWHERE in (asked.jurisdiction, lexicon.jurisdiction)
    return (where or asked.jurisdiction == lexicon.jurisdiction) and not set(
        asked.purposes
    ).isdisjoint(lexicon.purposes)
