"""What the views answer: plain values, each answer with how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.borrower.collection import WRITTEN_OFF
from domain.borrower.contact_window import ContactPeriod
from domain.loan.ledger import Balance
from domain.loan.state import LeftBook, Limit, OnOffer

T = TypeVar("T")


@dataclass(frozen=True)
class Freshness:
    """How far a view is: *position* of *published* by notification id.

    *unpublished* events are stored and not yet in Kafka; at most *behind* are in Kafka
    and not yet shown; *lag_seconds* is the age of the last event shown, 0 when nothing
    waits. *parked* streams wait for a retry; *stale* when one asked about is among them.
    """

    view: str
    position: int
    published: int
    unpublished: int
    behind: int
    lag_seconds: float
    parked: int
    stale: bool

    @property
    def is_current(self) -> bool:
        """Whether nothing waits to be shown of what was asked."""
        return not (self.unpublished or self.behind or self.stale)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What was found, and how fresh it is."""

    found: T
    freshness: Freshness


# --- tracker --------------------------------------------------------------------------


@dataclass(frozen=True)
class StageEntered:
    """A stage of an application; *late* when it went past, or is past, *due_on*."""

    stage: str
    entered_on: date
    entered_at: datetime
    left_on: date | None
    actor: str
    due_on: date | None
    valid_until_on: date | None
    late: bool
    missing: list[str]
    reasons: list[str]


@dataclass(frozen=True)
class Tracked:
    """Where an application is and was; amounts in minor units.

    *amount* and *term_months* are those of the offer once there is one, else those
    asked for.
    """

    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    product_code: str
    product_version: int
    currency: str
    asked_amount: int
    asked_term_months: int
    amount: int
    term_months: int
    annual_rate: Decimal | None
    purpose: str | None
    channel: str
    applied_on: date
    stages: list[StageEntered]

    @property
    def stage(self) -> StageEntered:
        """The stage it is in."""
        return self.stages[-1]


@dataclass(frozen=True)
class Application:
    """An application in a list; *late* when it is past the stage's service level."""

    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    product_code: str
    currency: str
    amount: int
    term_months: int
    channel: str
    stage: str
    entered_on: date
    due_on: date | None
    late: bool
    missing: list[str]
    reasons: list[str]
    stale: bool


# --- reminders ------------------------------------------------------------------------


@dataclass(frozen=True)
class Reminded:
    """An instalment to remind of; *cancelled* says why not to.

    *made_up_for* is the day on which the reminder should have been, where that is over.
    """

    loan_id: UUID
    loan_ref: str
    number: int
    due_on: date
    pay_by_on: date
    offset_days: int
    currency: str
    amount_left: int
    cancelled: str | None
    made_up_for: date | None = None


@dataclass(frozen=True)
class Reminder:
    """One message to a borrower on a day, for all that is to be reminded of."""

    borrower_id: UUID
    on: date
    instalments: list[Reminded]
    stale: bool

    @property
    def totals(self) -> dict[str, int]:
        """What is left to pay by currency, the cancelled apart; minor units."""
        sums: dict[str, int] = {}
        for row in self.instalments:
            if row.cancelled is None:
                sums[row.currency] = sums.get(row.currency, 0) + row.amount_left
        return sums

    @property
    def cancelled(self) -> bool:
        """Whether nothing of it is to be sent."""
        return all(row.cancelled is not None for row in self.instalments)


# --- collections ----------------------------------------------------------------------


@dataclass(frozen=True)
class PromiseShown:
    """A promise as it stood on the day asked for."""

    promise_ref: str
    currency: str
    amount: int
    promised_on: date
    state: str
    received: int | None


@dataclass(frozen=True)
class LocalPeriod:
    """A contact period on the clock of one zone."""

    zone: str
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True)
class Contact:
    """The period in which contact is allowed everywhere the borrower may be."""

    period: ContactPeriod
    local: list[LocalPeriod]
    open_now: bool


@dataclass(frozen=True)
class Case:
    """A loan that is late, with what a collector needs; amounts in minor units.

    *holds* are the kinds of hold that forbid collection; while there is one, *contact*
    is None whatever the clock says. It is None too when the hours of the jurisdiction
    are unknown or leave no time in the days ahead.
    """

    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    borrower_ref: str | None
    jurisdiction: str | None
    zones: list[str]
    currency: str
    bucket: str
    days_past_due: int
    oldest_unpaid_on: date
    instalments_overdue: int
    amount_overdue: int
    strategy: str | None
    channels: list[str]
    holds: list[str]
    promises: list[PromiseShown]
    contact: Contact | None
    stale: bool
    written_off: bool = False

    @property
    def stage(self) -> str:
        """What strategies go by: the bucket, or that the loan is written off."""
        return WRITTEN_OFF if self.written_off else self.bucket


def in_zones(period: ContactPeriod, zones: list[str]) -> list[LocalPeriod]:
    """*period* on the clock of each zone."""
    return [
        LocalPeriod(
            zone,
            period.start_at.astimezone(ZoneInfo(zone)),
            period.end_at.astimezone(ZoneInfo(zone)),
        )
        for zone in zones
    ]


# --- one loan -------------------------------------------------------------------------


@dataclass(frozen=True)
class ShownInstalment:
    """An instalment as it stood on the day asked for."""

    number: int
    due_on: date
    pay_by_on: date
    principal: int
    interest: int
    fees: int
    principal_paid: int
    interest_paid: int
    fees_paid: int
    penalty_paid: int
    penalty_waived: int
    paid_on: date | None
    penalty_charged: int | None

    @property
    def left(self) -> int:
        """What is still to be paid on it, accrued penalty apart."""
        asked = self.principal + self.interest + self.fees
        penalty = max((self.penalty_charged or 0) - self.penalty_paid, 0)
        return asked - self.principal_paid - self.interest_paid - self.fees_paid + penalty


@dataclass(frozen=True)
class ContractFee:
    """A fee that the contract names, or what is *owed* otherwise.

    With *percent*, a fraction of *base*, the amount is zero.
    """

    kind: str
    timing: str
    amount: int
    owed: str | None
    percent: Decimal | None
    base: str | None
    earned: str | None
    withheld: bool | None


@dataclass(frozen=True)
class ShownTerms:
    """The terms as far as they were agreed; rates are annual fractions."""

    amount: int
    term_months: int
    annual_rate: Decimal | None
    frequency: str | None
    method: str | None
    day_count: str | None
    rounding: str | None
    grace_days: int | None
    grace_retroactive: bool | None
    penalty_rate: Decimal | None
    allocation_order: list[str] | None
    future_money: str | None
    calendar: str | None
    advance_order: list[str] | None
    allocation_scope: str | None
    charges_due: str | None
    charges_count: str | None
    beyond: dict[str, Any] | None


@dataclass(frozen=True)
class LoanChange:
    """How what was left of a loan was laid anew, with the rate from then on."""

    business_on: date
    effective_on: date
    kind: str
    annual_rate: Decimal | None
    capitalised: int


@dataclass(frozen=True)
class Totals:
    """Sums of what moved up to the day asked for; minor units."""

    received: int
    refunded: int
    principal_paid: int
    interest_paid: int
    fees_paid: int
    penalty_paid: int
    fees_charged: int
    fees_waived: int
    written_off: int
    recovered: int
    sold: int
    sale_price: int
    subsidised: int
    passed_on: int


@dataclass(frozen=True)
class ShownSecurity:
    """What stands behind a loan beside the borrower; *realised* is what it paid so far."""

    security_ref: str
    kind: str
    state: str
    amount: int | None
    realised: int


@dataclass(frozen=True)
class LoanPage:
    """One loan as it stood on a day, by what was known on it.

    *balance* is that after the last event, penalty as accrued to it; *bucket* and days
    past due are computed for the day asked for, *asset_class* is as last said.
    """

    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    product_code: str
    product_version: int
    currency: str
    origin: str | None
    state: str
    bucket: str | None
    days_past_due: int
    oldest_unpaid_on: date | None
    next_due_on: date | None
    disbursed_on: date | None
    version: int
    balance: Balance
    terms: ShownTerms
    fees: list[ContractFee]
    changes: list[LoanChange]
    totals: Totals
    instalments: list[ShownInstalment]
    asset_class: str | None
    securities: list[ShownSecurity]
    limit: Limit | None
    offers: list[OnOffer]
    left_book: LeftBook | None


@dataclass(frozen=True)
class StatementLine:
    """One movement of money, signed as what it does to the borrower's debt."""

    version: int
    business_on: date
    effective_on: date
    kind: str
    ref: str
    currency: str
    amount: int
    principal: int
    interest: int
    fees: int
    penalty: int
    unapplied: int
    reallocated: int
    principal_after: int
    owed_after: int


# --- the book -------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """Loans of one currency, state and bucket, with their outstanding principal."""

    currency: str
    state: str
    bucket: str
    loans: int
    principal: int


@dataclass(frozen=True)
class Flows:
    """What flowed in one currency; minor units. *credit* is the change of credit."""

    currency: str
    disbursed: int
    taken_over: int
    received: int
    reversed: int
    refunded: int
    principal_repaid: int
    interest_repaid: int
    fees_repaid: int
    penalty_repaid: int
    credit: int
    fees_charged: int
    fees_waived: int
    capitalised: int
    principal_written_off: int
    written_off: int
    recovered: int
    principal_sold: int
    sold: int
    sale_price: int
    subsidised: int
    passed_on: int


@dataclass(frozen=True)
class ClassCell:
    """Active loans of one currency and asset class, with their outstanding principal."""

    currency: str
    asset_class: str
    loans: int
    principal: int


@dataclass(frozen=True)
class StageCount:
    """How many applications are in a stage."""

    stage: str
    applications: int


@dataclass(frozen=True)
class Portfolio:
    """The book at the end of a day: cells, applications, and flows of two spans.

    *flows* are those from the day asked from to the day asked for, *flows_to_date*
    those since the book began.
    """

    cells: list[Cell]
    applications: list[StageCount]
    flows: list[Flows]
    flows_to_date: list[Flows]
