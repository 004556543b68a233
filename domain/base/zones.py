"""The time zones of places, by the names that IANA gives them."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

OF_NO_PLACE = frozenset({"localtime", "Factory"})
"""Listed among the zones of a machine: wherever it stands, and nowhere."""


@cache
def known_zones() -> frozenset[str]:
    """Every zone that a place may have; looking them up takes milliseconds."""
    return frozenset(available_timezones()) - OF_NO_PLACE
