"""The only reader of the clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def business_date(zone: str) -> date:
    """Today's date where the lender is, *zone* being an IANA name."""
    return datetime.now(ZoneInfo(zone)).date()
