"""What a borrower signs: the resolved terms of one loan."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.base.repayment import Repayment


class Owed(StrEnum):
    """What a repayment can pay, in the words of an allocation order."""

    FEE = "FEE"
    INTEREST = "INTEREST"
    PENALTY = "PENALTY"
    PRINCIPAL = "PRINCIPAL"


class Source(StrEnum):
    """Where money of a repayment or recovery comes from."""

    BORROWER = "BORROWER"
    THIRD_PARTY = "THIRD_PARTY"
    COLLATERAL = "COLLATERAL"
    GUARANTOR = "GUARANTOR"
    INSURANCE = "INSURANCE"
    PARTNER = "PARTNER"
    """The school or merchant that was paid gives money back."""


class Ripeness(StrEnum):
    """How far something owed has come; with ``Owed`` it makes the twelve buckets."""

    PAST_DUE = "PAST_DUE"
    DUE = "DUE"
    IN_ADVANCE = "IN_ADVANCE"


BUCKETS = tuple(f"{ripe}_{owed}" for ripe in Ripeness for owed in Owed)
"""What an order of buckets names once each, such as ``PAST_DUE_INTEREST``."""


class FutureMoney(StrEnum):
    """Where money goes that exceeds what is due."""

    NEXT_INSTALMENT = "NEXT_INSTALMENT"
    LAST_INSTALMENT = "LAST_INSTALMENT"
    REAMORTISED = "REAMORTISED"
    """In equal shares to all instalments that are open."""


class Prepayment(StrEnum):
    """What becomes of the schedule when principal is paid before its day."""

    LOWER_INSTALMENT = "LOWER_INSTALMENT"
    SHORTER_TERM = "SHORTER_TERM"


class AllocationScope(StrEnum):
    """What is finished first where several instalments are owed."""

    INSTALMENT = "INSTALMENT"
    """An instalment, before the next one; also called horizontal."""
    COMPONENT = "COMPONENT"
    """A component over all instalments, before the next component; vertical."""


class ChargesDue(StrEnum):
    """When a charge of an instalment falls due."""

    WITH_INSTALMENT = "WITH_INSTALMENT"
    OWN_DAY = "OWN_DAY"


class ChargesCount(StrEnum):
    """From when a charge takes part in splitting payments."""

    FROM_THEIR_DAY = "FROM_THEIR_DAY"
    FROM_THE_START = "FROM_THE_START"
    """Earlier payments split anew, as if it had always been there."""


class FeeTiming(StrEnum):
    """When a fee of the contract is charged."""

    PER_INSTALMENT = "PER_INSTALMENT"
    ON_EVENT = "ON_EVENT"
    AT_DISBURSEMENT = "AT_DISBURSEMENT"
    """Owed on the day of the payout, beside the money that is paid out in full."""
    ON_OVERDUE = "ON_OVERDUE"
    """Once on each instalment that is unpaid after its pay-by date and the grace days."""
    ON_PREPAYMENT = "ON_PREPAYMENT"
    """When principal is paid before its day: all of it at a payoff, else what is beyond
    the next instalment, which may be paid early for nothing."""


class FeeBase(StrEnum):
    """What a fee in percent is a part of."""

    AMOUNT = "AMOUNT"
    """What is paid out."""
    PRINCIPAL = "PRINCIPAL"
    """The principal of the instalment, or what is prepaid of it."""
    PRINCIPAL_AND_INTEREST = "PRINCIPAL_AND_INTEREST"


class FeeEarned(StrEnum):
    """When the lender has earned a fee; what is not earned is given back at settlement."""

    AT_ONCE = "AT_ONCE"
    OVER_TERM = "OVER_TERM"


class Accrual(StrEnum):
    """What decides the interest of an instalment."""

    SCHEDULED = "SCHEDULED"
    """The schedule, until something changes it."""
    DAILY_BALANCE = "DAILY_BALANCE"
    """The balance of each day, as payments come early or late."""


class Settling(StrEnum):
    """What interest a loan owes that is paid off early."""

    TO_THE_DAY = "TO_THE_DAY"
    TO_NEXT_DUE = "TO_NEXT_DUE"
    STATUTORY_UK = "STATUTORY_UK"
    """By the UK Consumer Credit (Early Settlement) Regulations 2004."""


class RatePlanKind(StrEnum):
    """By what the rate of a running loan changes."""

    STEP_DOWN = "STEP_DOWN"
    """It falls after each period that was paid on time."""
    SCHEDULED = "SCHEDULED"
    """It is another one from certain instalments on: a promotion that reverts, tiers."""
    INDEXED = "INDEXED"
    """An index and a margin, set anew on repricing dates."""


class RateScope(StrEnum):
    """What a step-down looks at: the term up to its renewal, or each instalment."""

    TERM = "TERM"
    INSTALMENT = "INSTALMENT"


TERM_MONTHS_MAX = 1200
"""A hundred years."""

DAYS_MOST = 36_525
"""The same in days: of grace, or for which a renewal is offered."""

RATE_MAX = Decimal(10**8)
RATE_DECIMALS = 10
"""What the contract's decimal(18,10) holds without rounding."""


def rate_fits(rate: Decimal) -> bool:
    """Whether *rate* is a number that is not negative and is stored as it is."""
    if not rate.is_finite() or not 0 <= rate < RATE_MAX:
        return False
    return rate == round(rate, RATE_DECIMALS)


@dataclass(frozen=True)
class FeeTerm:
    """A charge that the contract names; *amount* in minor units, each time.

    *owed* says as what it is owed: a fee, if it says nothing, or a penalty. With *percent*
    (a fraction) of *base* the amount is zero. *earned* at once, if it says nothing. One at
    disbursement that is *withheld* is kept back from the payout: the whole is lent, and so much
    less is paid out. *payee* is who gets it, the lender if it says nothing.
    """

    kind: str
    timing: str
    amount: int
    owed: str | None = None
    percent: Decimal | None = None
    base: str | None = None
    earned: str | None = None
    withheld: bool | None = None
    payee: str | None = None


@dataclass(frozen=True)
class SourceOrder:
    """The order in which money from a source is split; for what is due and in advance.

    *order* names the four components, or the twelve buckets.
    """

    source: str
    order: list[str]


@dataclass(frozen=True)
class RateStep:
    """An annual rate from an instalment on."""

    from_instalment: int
    annual_rate: Decimal


@dataclass(frozen=True)
class RatePlan:
    """How the rate of a running loan changes; *steps* in order, the first after the start.

    A step-down earns one step after the other: with *scope* ``TERM`` the step of an
    instalment when all before it were paid on time, with ``INSTALMENT`` also one by one.
    On time is by the pay-by date, or by the end of the grace days where *grace_counts*.
    An indexed rate is *index* plus *margin*, set anew every *reprice_months*.
    """

    kind: str
    steps: list[RateStep]
    scope: str | None = None
    grace_counts: bool = False
    index: str | None = None
    margin: Decimal | None = None
    reprice_months: int | None = None


@dataclass(frozen=True)
class Renewal:
    """By how many months a term may be renewed, and how often."""

    term_months: int
    most: int
    offer_days: int
    """How many days before the last due date it is offered, and stands."""


@dataclass(frozen=True)
class Conversion:
    """Into how many equal instalments what is owed can be turned, at the borrower's wish.

    *annual_rate* counts from then on, if it is another one. An offer stands *offer_days*;
    none is made of a loan that is past due, but for *when_past_due*.
    """

    most: int
    offer_days: int
    annual_rate: Decimal | None = None
    when_past_due: bool = False


@dataclass(frozen=True)
class Subsidy:
    """A part of the interest that somebody else pays; an annual fraction."""

    payer: str
    annual_rate: Decimal


@dataclass(frozen=True)
class RateCap:
    """What rate, fees and penalty of a year may come to at most, from a day on."""

    from_on: date
    annual_rate: Decimal
    version: str


@dataclass(frozen=True)
class CountedDays:
    """The business days that interest is counted in, as they are known when they are agreed.

    No *holidays*, and no day of a *weekend*, which counts from Monday, 0, but for those that
    are *worked*.
    """

    weekend: list[int]
    holidays: list[date]
    worked: list[date]


@dataclass(frozen=True)
class PlannedDraw:
    """A part of the loan that is paid out later, on a day that the contract names."""

    on: date
    amount: int


@dataclass(frozen=True)
class Terms:
    """Everything that decides the figures of one loan, in full.

    *amount* in minor units of *currency*; *annual_rate* and *penalty_rate* are
    annual fractions, the penalty's on overdue principal from the day after the
    pay-by date, free when paid within *grace_days* and otherwise back to its first
    day when *grace_retroactive*. *allocation_order* is for what is due, *advance_order*
    for what is not yet. An allocation option that is not said is as it says below.
    """

    product_code: str
    product_version: int
    currency: str
    amount: int
    term_months: int
    frequency: str
    method: str
    annual_rate: Decimal
    day_count: str
    rounding: str
    grace_days: int
    grace_retroactive: bool
    penalty_rate: Decimal
    allocation_order: list[str]
    future_money: str
    fees: list[FeeTerm]
    calendar: str | None = None
    advance_order: list[str] | None = None
    """As for what is due."""
    allocation_scope: str | None = None
    """INSTALMENT."""
    charges_due: str | None = None
    """WITH_INSTALMENT."""
    charges_count: str | None = None
    """FROM_THEIR_DAY."""
    repayment: Repayment | None = None
    """Monthly rows, interest above an instalment on top, no more choices."""
    accrual: str | None = None
    """SCHEDULED."""
    rate_plan: RatePlan | None = None
    """One rate for ever."""
    renewal: Renewal | None = None
    """None."""
    penalty_on_interest: bool | None = None
    """On principal only."""
    rate_caps: list[RateCap] | None = None
    """No cap on what penalty adds."""
    late_order: list[str] | None = None
    """As for what is due, however late."""
    late_order_days: int | None = None
    """From how many days past due on *late_order* counts."""
    recovery_order: list[str] | None = None
    """For what comes in after the write-off: as *late_order*, or for what is due."""
    prepayment: str | None = None
    """As *future_money* says; LOWER_INSTALMENT or SHORTER_TERM lays the rest anew."""
    settling: str | None = None
    """TO_THE_DAY."""
    subsidy: Subsidy | None = None
    """None."""
    scene: str | None = None
    partner: str | None = None
    bucket_order: list[str] | None = None
    """As the orders above; else all twelve buckets, each over all instalments, or with an
    *allocation_scope* of INSTALMENT those of one ripeness together, one instalment after the
    other."""
    source_orders: list[SourceOrder] | None = None
    """As for every other money."""
    draws: list[PlannedDraw] | None = None
    """All at once; else what is paid out later, in order, and the rest at once."""
    in_parts: bool | None = None
    """Paid out at once; else in parts, as they are asked for, each laid over what is left."""
    conversion: Conversion | None = None
    """None: principal comes back as the method says."""
    counted: CountedDays | None = None
    """Every week has five business days, where interest is counted in them."""
    penalty_multiple: Decimal | None = None
    """The penalty stays at *penalty_rate*; else so many times the contract's rate of each day,
    of which *penalty_rate* is the first."""

    @property
    def bears_penalty(self) -> bool:
        """Whether what is overdue bears penalty, at some rate or other."""
        return self.penalty_rate != 0 or self.penalty_multiple is not None
