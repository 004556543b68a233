"""One published version of a product."""

from __future__ import annotations  # apply() names Product before it exists

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.base.calendar import DayCount
from domain.base.money import Rounding, exponent
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream
from domain.base.terms import FeeTerm, Frequency, FutureMoney, Method, Owed, Terms


class ProductNotSound(Refusal):
    """A product contradicts itself or names a part that is not offered."""

    code = "PRODUCT_NOT_SOUND"


class OutsideLimits(Refusal):
    """The amount or term lies outside what the product offers."""

    code = "OUTSIDE_LIMITS"


@dataclass(frozen=True)
class Offer:
    """The parts of a product version; amounts in minor units, rates a year."""

    code: str
    version: int
    name: str
    currency: str
    amount_min: int
    amount_max: int
    term_months_min: int
    term_months_max: int
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
    evidence: list[str]

    def faults(self) -> list[str]:
        """Everything that is wrong with it, in sentences; empty when it is sound."""
        wrong = []
        exponent(self.currency)
        if not 0 < self.amount_min <= self.amount_max:
            wrong.append("The amounts offered must be above zero, the least before the most.")
        if not 0 < self.term_months_min <= self.term_months_max:
            wrong.append("The terms offered must be above zero, the shortest before the longest.")
        if self.method not in list(Method):
            wrong.append(f"The repayment method {self.method!r} is not offered.")
        if self.frequency not in list(Frequency):
            wrong.append(f"The frequency {self.frequency!r} is not offered.")
        if self.day_count not in list(DayCount):
            wrong.append(f"The day count {self.day_count!r} is not offered.")
        if self.rounding not in list(Rounding):
            wrong.append(f"The rounding {self.rounding!r} is not offered.")
        if self.future_money not in list(FutureMoney):
            wrong.append(f"The rule {self.future_money!r} for money not yet due is not offered.")
        if sorted(self.allocation_order) != sorted(Owed):
            wrong.append(
                "The allocation order must name fee, interest, penalty and principal once each."
            )
        if self.annual_rate < 0 or self.penalty_rate < 0 or self.grace_days < 0:
            wrong.append("Rates and grace days cannot be negative.")
        return wrong


class Product(Stream):
    """One published version of a product; a new version is a stream of its own."""

    TOPIC = "product"
    KAFKA_TOPIC = "product.events"

    def __init__(self) -> None:
        self.offer: Offer

    class Event(Stream.Event):
        """Anything that happened to a product version."""

    class Opened(Event, Stream.Opened):
        """The first event of a product version."""

        TOPIC = "product.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "product.created"

    class Published(Opened):
        """A product version can be applied for from now on."""

        TOPIC = "product.published"
        offer: Offer

        def apply(self, product: Product) -> None:
            product.offer = self.offer

    @classmethod
    def publish(cls, act: Act, product_id: UUID, offer: Offer) -> Product:
        """A version that can be applied for from now on.

        Raises:
            ProductNotSound: with everything that is wrong, at once.
        """
        faults = offer.faults()
        if faults:
            raise ProductNotSound(" ".join(faults))
        return cls.open(cls.Published, act, product_id, act.business_on, offer=offer)

    def terms(self, amount: int, term_months: int, annual_rate: Decimal | None = None) -> Terms:
        """The terms a loan of this version is signed on.

        Raises:
            OutsideLimits: amount or term are not offered.
        """
        self.must_offer(amount, term_months)
        offer = self.offer
        return Terms(
            product_code=offer.code,
            product_version=offer.version,
            currency=offer.currency,
            amount=amount,
            term_months=term_months,
            frequency=offer.frequency,
            method=offer.method,
            annual_rate=offer.annual_rate if annual_rate is None else annual_rate,
            day_count=offer.day_count,
            rounding=offer.rounding,
            grace_days=offer.grace_days,
            grace_retroactive=offer.grace_retroactive,
            penalty_rate=offer.penalty_rate,
            allocation_order=list(offer.allocation_order),
            future_money=offer.future_money,
            fees=list(offer.fees),
        )

    def must_offer(self, amount: int, term_months: int) -> None:
        """Pass when amount and term lie within the limits.

        Raises:
            OutsideLimits: they do not.
        """
        offer = self.offer
        if not offer.amount_min <= amount <= offer.amount_max:
            raise OutsideLimits(
                f"{offer.code} lends {offer.amount_min} to {offer.amount_max} minor units of"
                f" {offer.currency}, not {amount}."
            )
        if not offer.term_months_min <= term_months <= offer.term_months_max:
            raise OutsideLimits(
                f"{offer.code} runs {offer.term_months_min} to {offer.term_months_max} months,"
                f" not {term_months}."
            )
