"""On which days an instalment is to be reminded of."""

from collections.abc import Iterable
from datetime import date, timedelta


def offset_due(
    pay_by_on: date,
    known_on: date,
    offsets_days: Iterable[int],
    on: date,
    since: date | None = None,
) -> int | None:
    """The offset of the plan that a reminder sent on *on* answers; None when none is due.

    A planned day that had passed when the date became known (*known_on*) is made up
    for on that day; of several that fall on one day only the latest counts. When the
    whole plan had passed by then, nothing is left to remind of.

    With *since*, the last day of which the plan was made, those after it are made up for as
    well, and of that day itself what became known on it, perhaps after the plan was made.
    """
    offsets = sorted(offsets_days)
    if not offsets or known_on > pay_by_on + timedelta(days=offsets[-1]):
        return None
    first = on if since is None else since + timedelta(days=1)
    due = [
        offset
        for offset in offsets
        if first <= (day := day_of(pay_by_on, known_on, offset)) <= on
        or (day == since and known_on == since)
    ]
    return due[-1] if due else None


def day_of(pay_by_on: date, known_on: date, offset_days: int) -> date:
    """The day on which an offset of the plan has its turn."""
    return max(pay_by_on + timedelta(days=offset_days), known_on)
