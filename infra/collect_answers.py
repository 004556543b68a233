"""What the record of contacts answers about collection: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class ReasonShare:
    """Of how many loans a reason is the last that was told, and their share of all of these."""

    reason: str
    loans: int
    late_reason_share: Decimal


@dataclass(frozen=True)
class LateReasons:
    """Why loans were late, as it was told from one day to another."""

    from_on: date | None
    to_on: date
    loans: int
    reasons: list[ReasonShare]
