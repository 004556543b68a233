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
class Collected:
    """Money that came in, in minor units."""

    currency: str
    amount: int


@dataclass(frozen=True)
class Agency:
    """An agency, when it is to be evaluated again, and what it collects.

    What follows from its registration is empty where it has none on the day. *collected* is
    what was paid on loans while they were placed with it.
    """

    agency: str
    licence: str | None
    jurisdictions: list[str]
    evaluated_on: date | None
    passed: bool | None
    days_to_evaluation: int | None
    loans_placed: int
    collected: list[Collected]


@dataclass(frozen=True)
class LateReasons:
    """Why loans were late, as it was told from one day to another."""

    from_on: date | None
    to_on: date
    loans: int
    reasons: list[ReasonShare]
