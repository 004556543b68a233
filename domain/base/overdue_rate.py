"""What overdue money costs in a year, and what of a penalty a cap leaves."""

from __future__ import annotations

from decimal import Decimal

from domain.base.terms import RATE_DECIMALS, Accrual


def multiplied(annual_rate: Decimal, multiple: Decimal) -> Decimal:
    """So many times a contract's rate, as it is stored."""
    return round(annual_rate * multiple, RATE_DECIMALS)


def borne(accrual: str | None, contract: Decimal, penalty: Decimal) -> Decimal:
    """What overdue principal bears in a year, charges apart.

    The penalty in place of the contract's rate: the schedule lets no interest run on what is
    overdue. On top of it where the balance of each day bears interest, overdue or not.

    Source: PBoC Notice [2003] No. 251, which sets the penalty as a rate of its own.
    """
    return penalty + beside(accrual, contract)


def beside(accrual: str | None, contract: Decimal) -> Decimal:
    """The interest that overdue principal bears beside a penalty."""
    return contract if accrual == Accrual.DAILY_BALANCE else Decimal(0)


def most(cap: Decimal, accrual: str | None, contract: Decimal, charges: Decimal) -> Decimal:
    """The highest penalty rate under *cap*; never below zero.

    What overdue principal bears and what the *charges* of the contract come to in a year
    are together no more than the cap.
    """
    return max(cap - charges - beside(accrual, contract), Decimal(0))
