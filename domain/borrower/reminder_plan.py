"""On which days an instalment is to be reminded of."""

from collections.abc import Iterable
from datetime import date, timedelta


def offset_due(
    pay_by_on: date, known_on: date, offsets_days: Iterable[int], on: date
) -> int | None:
    """The offset of the plan that a reminder sent on *on* answers; None when none is due.

    A planned day that had passed when the date became known (*known_on*) is made up
    for on that day; of several that fall on one day only the latest counts. When the
    whole plan had passed by then, nothing is left to remind of.
    """
    offsets = sorted(offsets_days)
    if not offsets or known_on > pay_by_on + timedelta(days=offsets[-1]):
        return None
    due = [offset for offset in offsets if max(pay_by_on + timedelta(days=offset), known_on) == on]
    return due[-1] if due else None
