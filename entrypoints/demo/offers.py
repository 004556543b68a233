"""The products of the demo book."""

from __future__ import annotations

from decimal import Decimal

from domain.base.daycount import DayCount
from domain.base.money import Rounding
from domain.base.repayment import Frequency, Method
from domain.base.terms import FeeTerm, FeeTiming, FutureMoney, Owed
from domain.product.product import Offer

LATE_FEE = "LATE_FEE"
SCALE = Decimal("0.0000000001")
"""As the store keeps rates: terms that were never stored have the same digest then."""


def _offer(
    code: str,
    name: str,
    currency: str,
    amounts: tuple[int, int],
    months: tuple[int, int],
    *,
    method: str = Method.EQUAL_INSTALMENTS,
    annual_rate: str = "0",
    day_count: str = DayCount.THIRTY_360,
    grace_days: int = 0,
    grace_retroactive: bool = False,
    penalty_rate: str = "0",
    late_fee: int = 0,
    service_fee: int = 0,
) -> Offer:
    fees = []
    if late_fee:
        fees.append(FeeTerm(LATE_FEE, FeeTiming.ON_EVENT, late_fee))
    if service_fee:
        fees.append(FeeTerm("SERVICE_FEE", FeeTiming.PER_INSTALMENT, service_fee))
    return Offer(
        code=code,
        version=1,
        name=name,
        currency=currency,
        amount_min=amounts[0],
        amount_max=amounts[1],
        term_months_min=months[0],
        term_months_max=months[1],
        frequency=Frequency.MONTH,
        method=method,
        annual_rate=Decimal(annual_rate).quantize(SCALE),
        day_count=day_count,
        rounding=Rounding.HALF_UP,
        grace_days=grace_days,
        grace_retroactive=grace_retroactive,
        penalty_rate=Decimal(penalty_rate).quantize(SCALE),
        allocation_order=[Owed.FEE, Owed.INTEREST, Owed.PENALTY, Owed.PRINCIPAL],
        future_money=FutureMoney.NEXT_INSTALMENT,
        fees=fees,
        evidence=["IDENTITY", "INCOME"],
    )


TAPE = _offer("TAPE-CZK", "Loan of the 1993 tape", "CZK", (1_000_00, 1_000_000_00), (12, 60))
HOME_CNY = _offer(
    "HOME-CNY",
    "Household loan",
    "CNY",
    (2_000_00, 200_000_00),
    (3, 36),
    annual_rate="0.072",
    grace_days=3,
    penalty_rate="0.108",
    late_fee=50_00,
)
TRADE_CNY = _offer(
    "TRADE-CNY",
    "Trade loan",
    "CNY",
    (5_000_00, 500_000_00),
    (6, 36),
    method=Method.EQUAL_PRINCIPAL,
    annual_rate="0.06",
    day_count=DayCount.ACTUAL_365,
    penalty_rate="0.09",
)
EASY_USD = _offer(
    "EASY-USD",
    "Instalment loan",
    "USD",
    (500_00, 50_000_00),
    (3, 36),
    annual_rate="0.119",
    grace_days=10,
    grace_retroactive=True,
    penalty_rate="0.06",
    late_fee=25_00,
)
SHOP_USD = _offer(
    "SHOP-USD",
    "Shopkeeper's loan",
    "USD",
    (1_000_00, 80_000_00),
    (6, 36),
    method=Method.EQUAL_PRINCIPAL,
    annual_rate="0.09",
    day_count=DayCount.ACTUAL_365,
    late_fee=30_00,
    service_fee=2_00,
)
OFFERS = (TAPE, HOME_CNY, TRADE_CNY, EASY_USD, SHOP_USD)
