"""The contact budget: what a borrower's limits still leave, told for people to look at.

The gate does not ask it: both count by the same functions of ``limits``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base.contact_policy import (
    Channel,
    ContactRules,
    LimitRule,
    Per,
    Purpose,
    Reason,
    Within,
)
from domain.borrower.contact import Intent, PastContact, Situation, known
from domain.borrower.hours import LocalTime
from domain.borrower.limits import counted, used

ANY_OTHER = ""
"""What a limit is for when it is none of those that past contacts name."""


@dataclass(frozen=True)
class Allowance:
    """How much of one limit is used, where most of it is, in any zone of the borrower.

    *of* is the debt, contact point or product line that it is for: None where the limit is
    per borrower, ``ANY_OTHER`` for those that no past contact names. *hours* is how long it
    counts back; a day and a month are local. *left* is how many contacts it still lets pass.
    """

    rule: str
    version: str
    reason: Reason
    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...]
    per: Per
    of: str | None
    within: Within
    hours: int | None
    most: int
    used: int
    left: int
    zone: str
    source: str


def allowances(
    situation: Situation,
    rules: ContactRules,
    at: datetime,
    purposes: Iterable[Purpose] = tuple(Purpose),
) -> list[Allowance]:
    """Each limit in force that binds contacts of *purposes*, with what is used of it.

    In the order of the rules; one per debt, contact point or product line comes once for
    each of them that counts, and once for any other.
    """
    asked = tuple(purposes)
    situation = known(situation, at)
    found: dict[tuple[str, str, str | None], Allowance] = {}
    for zone in situation.zones:
        now = LocalTime.of(at, ZoneInfo(zone))
        for limit, bound in _limits(situation, rules, now, asked):
            for of in _things(limit.per, situation.history):
                count = _used(limit, bound, of, situation.history, now)
                key = (limit.rule, limit.version, of)
                before = found.get(key)
                if before is None or before.used < count:
                    found[key] = _allowance(limit, bound, of, count, zone)
    others = {key[:2]: each.used for key, each in found.items() if each.of == ANY_OTHER}
    return [each for key, each in found.items() if not each.of or each.used > others[key[:2]]]


def _limits(
    situation: Situation, rules: ContactRules, now: LocalTime, asked: Sequence[Purpose]
) -> list[tuple[LimitRule, tuple[Purpose, ...]]]:
    """The limits in force at a local time, each with the purposes asked for that it binds."""
    bound: dict[tuple[str, str], tuple[LimitRule, list[Purpose]]] = {}
    for purpose in asked:
        for channel in Channel:
            binding = [
                each.binding(situation.jurisdiction, purpose, channel, now.on)
                for each in (rules, *situation.restrictions)
            ]
            for limit in (limit for each in binding for limit in each.limits):
                _, purposes = bound.setdefault((limit.rule, limit.version), (limit, []))
                if purpose not in purposes:
                    purposes.append(purpose)
    return [(limit, tuple(purposes)) for limit, purposes in bound.values()]


def _things(per: Per, history: Sequence[PastContact]) -> list[str | None]:
    """What a limit counts for: the things that past contacts name, and any other."""
    match per:
        case Per.DEBTOR:
            return [None]
        case Per.CONTACT_POINT:
            named = {past.contact_point for past in history}
        case Per.DEBT:
            named = {debt for past in history for debt in (past.debt, *past.also)}
        case Per.PRODUCT_LINE:
            named = {past.product_line for past in history}
    return [*sorted(each for each in named if each), ANY_OTHER]


def _used(
    limit: LimitRule,
    bound: Sequence[Purpose],
    of: str | None,
    history: Sequence[PastContact],
    now: LocalTime,
) -> int:
    intent = Intent(bound[0], Channel.LETTER)
    match limit.per:
        case Per.CONTACT_POINT:
            intent = replace(intent, contact_point=of)
        case Per.DEBT:
            intent = replace(intent, debt=of)
        case Per.PRODUCT_LINE:
            intent = replace(intent, product_line=of)
    return used(limit, counted(limit, intent, history, now.at), now)


def _allowance(
    limit: LimitRule, bound: tuple[Purpose, ...], of: str | None, count: int, zone: str
) -> Allowance:
    return Allowance(
        limit.rule,
        limit.version,
        limit.reason,
        bound,
        limit.channels,
        limit.per,
        of,
        limit.within,
        limit.hours,
        limit.most,
        count,
        max(limit.most - count, 0),
        zone,
        limit.source,
    )
