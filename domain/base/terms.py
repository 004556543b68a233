"""What a borrower signs: the resolved terms of one loan."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Method(StrEnum):
    """How principal comes back."""

    EQUAL_INSTALMENTS = "EQUAL_INSTALMENTS"
    EQUAL_PRINCIPAL = "EQUAL_PRINCIPAL"
    INTEREST_ONLY = "INTEREST_ONLY"
    """Interest in every period, the whole principal with the last."""
    BULLET = "BULLET"
    """Principal and interest together, at the end of the term."""


class Frequency(StrEnum):
    """How often an instalment falls due."""

    MONTH = "MONTH"


class Owed(StrEnum):
    """What a repayment can pay, in the words of an allocation order."""

    FEE = "FEE"
    INTEREST = "INTEREST"
    PENALTY = "PENALTY"
    PRINCIPAL = "PRINCIPAL"


class FutureMoney(StrEnum):
    """Where money goes that exceeds what is due."""

    NEXT_INSTALMENT = "NEXT_INSTALMENT"
    LAST_INSTALMENT = "LAST_INSTALMENT"
    REAMORTISED = "REAMORTISED"
    """In equal shares to all instalments that are open."""


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


TERM_MONTHS_MAX = 1200
"""A hundred years."""

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

    *owed* says as what it is owed: a fee, if it says nothing, or a penalty.
    """

    kind: str
    timing: str
    amount: int
    owed: str | None = None


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
