"""How late a loan is."""

from bisect import bisect
from datetime import date, timedelta
from enum import StrEnum


class Bucket(StrEnum):
    """Delinquency buckets by days past due, as the field names them.

    Source: M0 current, M1 1–30, M2 31–60, … M7 over 180 days.
    """

    M0 = "M0"
    M1 = "M1"
    M2 = "M2"
    M3 = "M3"
    M4 = "M4"
    M5 = "M5"
    M6 = "M6"
    M7 = "M7"


BUCKETS = tuple(Bucket)
FIRST_DAYS_PAST_DUE = (0, 1, 31, 61, 91, 121, 151, 181)
"""The first day past due of each bucket, in their order."""


def days_past_due(oldest_unpaid_on: date | None, on: date) -> int:
    """Calendar days from the oldest unpaid pay-by date to *on*; 0 when none is late."""
    return 0 if oldest_unpaid_on is None else max((on - oldest_unpaid_on).days, 0)


def bucket(dpd: int) -> Bucket:
    """The bucket of a loan *dpd* days past due."""
    return BUCKETS[bisect(FIRST_DAYS_PAST_DUE, dpd) - 1]


def next_bucket_on(oldest_unpaid_on: date, current: str) -> date | None:
    """The day a loan leaves *current* for the next bucket; None from the last one."""
    index = list(Bucket).index(Bucket(current)) + 1
    if index == len(FIRST_DAYS_PAST_DUE):
        return None
    return oldest_unpaid_on + timedelta(days=FIRST_DAYS_PAST_DUE[index])


def entered_on(oldest_unpaid_on: date | None, current: str) -> date | None:
    """The first day of the bucket *current*; None where nothing is unpaid."""
    if oldest_unpaid_on is None:
        return None
    return oldest_unpaid_on + timedelta(
        days=FIRST_DAYS_PAST_DUE[list(Bucket).index(Bucket(current))]
    )
