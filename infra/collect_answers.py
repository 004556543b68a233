"""What the record of contacts answers about collection: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID


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
class PromiseMade:
    """A promise to pay, in minor units, and what became of it.

    *collector* had the borrower when it was made, or else who noted it; *strategy* is what
    the loan was collected by.
    """

    borrower_id: UUID
    loan_id: UUID
    loan_ref: str | None
    promise_ref: str
    currency: str
    amount: int
    made_on: date
    promised_on: date
    state: str
    received: int | None
    collector: str
    strategy: str | None


@dataclass(frozen=True)
class PromiseRate:
    """How many promises were kept of those whose day is over; no rate where there is none."""

    of: str | None
    made: int
    kept: int
    broken: int
    open: int
    kept_rate: Decimal | None


@dataclass(frozen=True)
class Promises:
    """Promises, those due first, and how they were kept by collector and by strategy."""

    promises: list[PromiseMade]
    by_collector: list[PromiseRate]
    by_strategy: list[PromiseRate]


@dataclass(frozen=True)
class StrategyEffect:
    """What came of loans that were assigned a strategy.

    *measured* are those of which enough days are over; *cured* of these were not late any
    more then. *collected* came in before another strategy took over.
    """

    strategy: str
    assigned: int
    waiting: int
    measured: int
    cured: int
    cure_rate: Decimal | None
    collected: list[Collected]


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
class LegalCase:
    """A claim at law, in minor units; one without an *outcome* is open.

    *paid_since* came in on the loan since the claim, until it ended.
    """

    borrower_id: UUID
    borrower_ref: str
    loan_id: UUID
    loan_ref: str | None
    referred_on: date
    referred_to: str | None
    reason: str
    approved_by: str
    days_past_due: int
    currency: str
    claimed: int
    outstanding: int
    paid_since: int
    outcome: str | None
    ended_on: date | None
    awarded: int | None
    paper_ref: str | None


@dataclass(frozen=True)
class LateReasons:
    """Why loans were late, as it was told from one day to another."""

    from_on: date | None
    to_on: date
    loans: int
    reasons: list[ReasonShare]
