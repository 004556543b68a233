"""What can be wrong with the charges that a product names."""

from domain.base.terms import FeeBase, FeeEarned, FeeTerm, FeeTiming, Owed, rate_fits
from domain.product.checks import listed

CHARGED_LATER = (FeeTiming.ON_EVENT, FeeTiming.ON_OVERDUE)
"""Only what is charged on a running loan can be owed as a penalty."""

BASES = {
    FeeTiming.PER_INSTALMENT: tuple(FeeBase),
    FeeTiming.ON_EVENT: (FeeBase.AMOUNT,),
    FeeTiming.AT_DISBURSEMENT: (FeeBase.AMOUNT,),
    FeeTiming.ON_OVERDUE: tuple(FeeBase),
    FeeTiming.ON_PREPAYMENT: (FeeBase.PRINCIPAL,),
}
"""What a fee in percent can be a part of, by when it is charged."""


def charge_faults(fees: list[FeeTerm]) -> list[str]:
    """Everything that is wrong with *fees*, in sentences; empty when they are sound."""
    wrong = []
    kinds = [fee.kind for fee in fees]
    if len(set(kinds)) != len(kinds) or not all(kind.strip() for kind in kinds):
        wrong.append("Each fee must have a kind of its own.")
    for place, fee in enumerate(fees, start=1):
        if not _above_zero(fee):
            wrong.append(
                f"Fee {place}, {fee.kind!r}, must be above zero: say an amount, or a percentage"
                " and its base."
            )
        if fee.timing not in list(FeeTiming):
            wrong.append(
                f"Each fee must be charged at a time that is offered: {listed(FeeTiming)}; not"
                f" {fee.kind!r} at {fee.timing!r}."
            )
    for fee in fees:
        wrong += _faults(fee)
        if fee.withheld and fee.timing != FeeTiming.AT_DISBURSEMENT:
            wrong.append(f"Only a fee at disbursement is withheld, not {fee.kind!r}.")
    wrong += [
        f"Who gets the charge {fee.kind!r} must be named, or left out."
        for fee in fees
        if fee.payee is not None and not fee.payee.strip()
    ]
    return wrong


def _above_zero(fee: FeeTerm) -> bool:
    if fee.percent is None:
        return fee.amount > 0
    return fee.percent.is_finite() and fee.percent > 0


def _faults(fee: FeeTerm) -> list[str]:
    wrong = []
    if fee.owed not in (None, Owed.FEE, Owed.PENALTY):
        wrong.append(f"The charge {fee.kind!r} is owed as a fee or as a penalty.")
    elif fee.owed == Owed.PENALTY and fee.timing not in CHARGED_LATER:
        wrong.append(f"The penalty {fee.kind!r} is charged on an event or on what is overdue.")
    if fee.percent is None:
        if fee.base is not None:
            wrong.append(f"The fee {fee.kind!r} names a base and no percentage of it.")
    else:
        if fee.amount != 0:
            wrong.append(f"The fee {fee.kind!r} is an amount or a percentage, not both.")
        if _above_zero(fee) and not rate_fits(fee.percent):
            wrong.append(
                f"The percentage of the fee {fee.kind!r} has more decimals than are stored."
            )
        if fee.timing in BASES and fee.base not in BASES[FeeTiming(fee.timing)]:
            offered = " or ".join(BASES[FeeTiming(fee.timing)])
            wrong.append(f"The fee {fee.kind!r} in percent needs the base {offered}.")
    if fee.earned not in (None, *FeeEarned):
        wrong.append(
            f"The fee {fee.kind!r} is earned at a time that is not offered: {listed(FeeEarned)}."
        )
    elif fee.earned == FeeEarned.OVER_TERM and fee.timing != FeeTiming.AT_DISBURSEMENT:
        wrong.append(f"Only a fee at disbursement is earned over the term, not {fee.kind!r}.")
    return wrong
