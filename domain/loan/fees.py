"""What a charge that the contract names comes to, and what of it is earned."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from domain.base.money import rounded
from domain.base.terms import FeeBase, FeeEarned, FeeTerm, FeeTiming, Terms


def charged_at(terms: Terms, timing: str) -> list[FeeTerm]:
    """The fees of the contract that are charged at one time, in its order."""
    return [fee for fee in terms.fees if fee.timing == timing]


def charge(fee: FeeTerm, terms: Terms, principal: int = 0, interest: int = 0) -> int:
    """What *fee* comes to once, on *principal* and *interest*; minor units, rounded once."""
    if fee.percent is None:
        return fee.amount
    bases = {
        FeeBase.AMOUNT: terms.amount,
        FeeBase.PRINCIPAL: principal,
        FeeBase.PRINCIPAL_AND_INTEREST: principal + interest,
    }
    return rounded(bases[FeeBase(fee.base or FeeBase.AMOUNT)] * fee.percent, terms.rounding)


def at_disbursement(terms: Terms) -> int:
    """What is owed on the day of the payout, beside the loan; minor units.

    It is taken off the money that is paid out only as far as it is *withheld*.
    """
    return sum(charge(fee, terms) for fee in charged_at(terms, FeeTiming.AT_DISBURSEMENT))


def withheld(terms: Terms) -> int:
    """What of the fees at disbursement is kept back from the first payout; minor units."""
    return sum(
        charge(fee, terms) for fee in charged_at(terms, FeeTiming.AT_DISBURSEMENT) if fee.withheld
    )


def unearned(terms: Terms, start: date, on: date, end: date) -> int:
    """What of the fees at disbursement is given back on *on*, by days to *end*; minor units."""
    if on >= end:
        return 0
    over_term = sum(
        charge(fee, terms)
        for fee in charged_at(terms, FeeTiming.AT_DISBURSEMENT)
        if fee.earned == FeeEarned.OVER_TERM
    )
    share = Decimal((end - on).days) / (end - start).days
    return min(rounded(over_term * share, terms.rounding), over_term)


def for_prepaying(terms: Terms, principal: int) -> int:
    """What *principal* that is paid before its day costs; minor units."""
    if principal <= 0:
        return 0
    return sum(charge(fee, terms, principal) for fee in charged_at(terms, FeeTiming.ON_PREPAYMENT))
