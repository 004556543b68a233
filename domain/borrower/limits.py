"""Whether enough contacts were made: caps, the pause after a conversation, rotation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.base.contact_policy import LimitRule, Per, Within
from domain.borrower.contact import Intent, PastContact, matches
from domain.borrower.hours import LocalTime

LONGEST = {Within.DAY: timedelta(days=3), Within.MONTH: timedelta(days=33)}
"""More than such a stretch can last on any clock: what is older is not looked at."""


def counted(
    limit: LimitRule, intent: Intent, history: Sequence[PastContact], since: datetime
) -> list[datetime]:
    """When the past contacts were made that *limit* counts for *intent*.

    Those that cannot count at *since* or later, whatever the place, are left out.
    """
    span = timedelta(hours=limit.hours) if limit.hours else LONGEST[limit.within]
    counts, after = limit.counts, since - span
    return [
        past.at
        for past in history
        if past.at > after
        and past.purpose in counts.purposes
        and (not counts.channels or past.channel in counts.channels)
        and past.outcome in counts.outcomes
        and _same(limit.per, past, intent)
    ]


def is_full(limit: LimitRule, times: Sequence[datetime], now: LocalTime) -> bool:
    """Whether *limit* is reached at a local time, *times* being what it counts."""
    return len(times) >= limit.most and used(limit, times, now) >= limit.most


def used(limit: LimitRule, times: Sequence[datetime], now: LocalTime) -> int:
    """How many of *times* lie in the stretch of a limit that a local time falls in."""
    if limit.within == Within.HOURS:
        assert limit.hours is not None
        since = now.at - timedelta(hours=limit.hours)
        return sum(since < each for each in times)
    days = [each.astimezone(now.zone).date() for each in times]
    if limit.within == Within.DAY:
        return days.count(now.on)
    month = (now.on.year, now.on.month)
    return sum((day.year, day.month) == month for day in days)


def _same(per: Per, past: PastContact, intent: Intent) -> bool:
    match per:
        case Per.DEBTOR:
            return True
        case Per.CONTACT_POINT:
            return matches(past.contact_point, intent.contact_point)
        case Per.DEBT:
            return past.may_be_about(intent.debt)
        case Per.PRODUCT_LINE:
            return matches(past.product_line, intent.product_line)
