"""What the record of contacts answers about support and data requests: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from infra.collect_answers import Collected


@dataclass(frozen=True)
class SupportShown:
    """Help that was offered with a loan; *said_ref* is what was said, in the vault."""

    borrower_id: UUID
    loan_id: UUID
    loan_ref: str | None
    support_ref: str
    kind: str
    offered_on: date
    actor: str
    contact_ref: str | None
    said_ref: str | None


@dataclass(frozen=True)
class PlanRowShown:
    """A row of a plan, in minor units, and what became of its promise."""

    due_on: date
    amount: int
    state: str


@dataclass(frozen=True)
class PlanShown:
    """A plan to pay, in minor units, as it stood on a day.

    *paid* is what came in since it was agreed, until it was over; *check_in_on* the day on
    which somebody asks again, or did. *next_row* is the first that is still to be kept.
    """

    borrower_id: UUID
    loan_id: UUID
    loan_ref: str | None
    plan_ref: str
    currency: str
    state: str
    proposed_on: date
    agreed_on: date | None
    over_on: date | None
    amount: int
    paid: int
    tolerated_rows: int | None
    consent_ref: str | None
    check_in_on: date | None
    actor: str
    rows: list[PlanRowShown]
    next_row: PlanRowShown | None


@dataclass(frozen=True)
class Supports:
    """What was offered, and the plans."""

    offered: list[SupportShown]
    plans: list[PlanShown]


@dataclass(frozen=True)
class SupportEffect:
    """What came of late loans for which support was offered, or a plan agreed.

    *measured* are those of which enough days are over; *cured* of these were not late any
    more then.
    """

    kind: str
    loans: int
    waiting: int
    measured: int
    cured: int
    cure_rate: Decimal | None
    collected: list[Collected]


@dataclass(frozen=True)
class DataRequestShown:
    """A request about data as it stood on a day.

    *days* ran from its receipt to its first answer, or run still; *in_time* is None where no
    rule says within how long it is answered.
    """

    borrower_id: UUID
    borrower_ref: str | None
    request_ref: str
    asks_for: str
    state: str
    received_on: date
    answer_by_on: date | None
    answered_on: date | None
    days: int
    in_time: bool | None
    until_on: date | None
    ground: str | None
    over_on: date | None
