"""Whether somebody else may be asked about a borrower: out of reach, or acted for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base.contact_policy import (
    Channel,
    ContactRules,
    Outcome,
    Purpose,
    RepresentativeRule,
    ThirdPartyRule,
)
from domain.borrower.contact import CALLS, Intent, Party, PastContact, Situation, known
from domain.borrower.hours import LocalTime
from domain.borrower.permissions import holds_in_force

SUCCESSES = frozenset({Outcome.CONNECTED, Outcome.CONVERSATION})
FAILURES = frozenset({Outcome.ATTEMPTED, Outcome.FAILED})


def may_not_be_asked(
    rule: ThirdPartyRule, intent: Intent, situation: Situation, now: LocalTime
) -> bool:
    """Whether *rule* stands against asking this person at a local time."""
    point = situation.point(intent.contact_point)
    if rule.never or (point is not None and point.refused_at is not None):
        return True
    return not is_out_of_reach(rule, situation, now)


def may_not_act(
    rule: RepresentativeRule, intent: Intent, situation: Situation, now: LocalTime
) -> bool:
    """Whether *rule* stands against contact with who acts for the borrower, at a local time."""
    point = situation.point(intent.contact_point)
    if point is not None and point.refused_at is not None:
        return True
    # About several debts, each of them has to be one that they act for.
    return bool(rule.under) and not all(
        holds_in_force(rule.under, each, situation, now.at) for each in intent.by_debt()
    )


def is_out_of_reach(rule: ThirdPartyRule, situation: Situation, now: LocalTime) -> bool:
    """Whether the borrower cannot be reached, as the log of calls tells it."""
    failures = since_last_success(situation)
    days = [each.at.astimezone(now.zone).date() for each in failures]
    in_a_row = rule.in_a_row is not None and len(days) >= rule.in_a_row
    return (
        (rule.dead_numbers and _every_number_is_dead(situation, failures))
        or (in_a_row and now.on > days[(rule.in_a_row or 1) - 1])
        or (rule.days is not None and len(set(days)) >= rule.days)
    )


def has_no_contact(situation: Situation, rules: ContactRules, at: datetime) -> bool:
    """Whether the borrower is out of reach wherever they may be, by the law's rule at an instant.

    Where somebody else is never asked, the law does not say what that is: nobody is.
    """
    then = known(situation, at)
    return all(
        _is_out_of_reach_by_law(then, rules, LocalTime.of(at, ZoneInfo(zone)))
        for zone in situation.zones
    )


def _is_out_of_reach_by_law(situation: Situation, rules: ContactRules, now: LocalTime) -> bool:
    bound = rules.binding(situation.jurisdiction, Purpose.COLLECTION, Channel.PHONE, now.on)
    return bool(bound.third_parties) and all(
        not rule.never and is_out_of_reach(rule, situation, now) for rule in bound.third_parties
    )


def since_last_success(situation: Situation) -> list[PastContact]:
    """The calls to the borrower that failed since the last success, in order.

    A success is a call of the borrower's own that was answered, or whatever the borrower
    began, by any channel.
    """
    own = [
        past
        for past in situation.history
        if past.channel in CALLS and situation.is_own(past.contact_point)
    ]
    inbound = [past.at for past in situation.history if past.outcome == Outcome.INBOUND]
    last = max([*inbound, *(past.at for past in own if past.outcome in SUCCESSES)], default=None)
    failed = [past for past in own if past.outcome in FAILURES and (last is None or past.at > last)]
    return sorted(failed, key=lambda past: past.at)


def _every_number_is_dead(situation: Situation, failures: Sequence[PastContact]) -> bool:
    """Whether the latest call to each of the borrower's numbers reached no one's line.

    A number that was not tried since the last success may still be good.
    """
    listed = {each.id for each in situation.contact_points if each.party == Party.BORROWER}
    called = {
        past.contact_point
        for past in situation.history
        if past.channel in CALLS and situation.is_own(past.contact_point)
    }
    latest = {past.contact_point: past.outcome for past in failures}
    numbers = listed | called
    return bool(failures) and all(latest.get(each) == Outcome.FAILED for each in numbers)
