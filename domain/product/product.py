"""One published version of a product."""

from __future__ import annotations  # apply() names Product before it exists

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.base.daycount import IN_TERMS
from domain.base.money import AMOUNT_MAX, Rounding, exponent, written
from domain.base.refusal import Refusal
from domain.base.repayment import Frequency, Method, Repayment
from domain.base.stream import Act, Stream
from domain.base.terms import (
    TERM_MONTHS_MAX,
    AllocationScope,
    ChargesCount,
    ChargesDue,
    FeeTerm,
    FutureMoney,
    Owed,
    RatePlan,
    Renewal,
    Subsidy,
    Terms,
    rate_fits,
)
from domain.product.charges import charge_faults


class ProductNotSound(Refusal):
    """A product contradicts itself or names a part that is not offered."""

    code = "PRODUCT_NOT_SOUND"


class VersionPublished(Refusal):
    """The version is published with other parts; published versions are never edited."""

    code = "VERSION_PUBLISHED"


class OutsideLimits(Refusal):
    """The amount or term lies outside what the product offers."""

    code = "OUTSIDE_LIMITS"


@dataclass(frozen=True)
class GradeRate:
    """The annual rate of a risk grade."""

    grade: str
    annual_rate: Decimal


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
    advance_order: list[str] | None = None
    allocation_scope: str | None = None
    charges_due: str | None = None
    charges_count: str | None = None
    calendar: str | None = None
    repayment: Repayment | None = None
    accrual: str | None = None
    rate_plan: RatePlan | None = None
    renewal: Renewal | None = None
    penalty_multiple: Decimal | None = None
    penalty_on_interest: bool | None = None
    late_order: list[str] | None = None
    late_order_days: int | None = None
    prepayment: str | None = None
    settling: str | None = None
    subsidy: Subsidy | None = None
    scene: str | None = None
    partner: str | None = None
    segments: list[str] | None = None
    rate_grid: list[GradeRate] | None = None
    jurisdiction: str | None = None
    lender_kind: str | None = None

    def faults(self) -> list[str]:
        """Everything that is wrong with it, in sentences; empty when it is sound."""
        wrong = []
        exponent(self.currency)
        if not 0 < self.amount_min <= self.amount_max <= AMOUNT_MAX:
            wrong.append("The amounts offered must be above zero, the least before the most.")
        if not 0 < self.term_months_min <= self.term_months_max <= TERM_MONTHS_MAX:
            wrong.append(
                f"The terms offered must lie within 1 to {TERM_MONTHS_MAX} months,"
                " the shortest before the longest."
            )
        for what, value, offered in (
            ("repayment method", self.method, Method),
            ("frequency", self.frequency, Frequency),
            ("day count", self.day_count, IN_TERMS),
            ("rounding", self.rounding, Rounding),
            ("rule for money not yet due", self.future_money, FutureMoney),
            ("scope of allocation", self.allocation_scope, [None, *AllocationScope]),
            ("rule when charges fall due", self.charges_due, [None, *ChargesDue]),
            ("rule from when charges count", self.charges_count, [None, *ChargesCount]),
        ):
            if value not in list(offered):
                wrong.append(f"The {what} {value!r} is not offered.")
        for order, name in (
            (self.allocation_order, "allocation order"),
            (self.advance_order, "order for money in advance"),
        ):
            if order is not None and sorted(order) != sorted(Owed):
                wrong.append(
                    f"The {name} must name fee, interest, penalty and principal once each."
                )
        if not (rate_fits(self.annual_rate) and rate_fits(self.penalty_rate)):
            wrong.append("Rates cannot be negative or have more than ten decimals.")
        if self.grace_days < 0:
            wrong.append("Grace days cannot be negative.")
        return wrong + charge_faults(self.fees)


class Product(Stream):
    """One published version of a product; a new version is a stream of its own."""

    TOPIC = "product"
    KAFKA_TOPIC = "product.events"
    SNAPSHOT_VERSION = 3

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
            advance_order=None if offer.advance_order is None else list(offer.advance_order),
            allocation_scope=offer.allocation_scope,
            charges_due=offer.charges_due,
            charges_count=offer.charges_count,
            calendar=offer.calendar,
            repayment=offer.repayment,
            accrual=offer.accrual,
            rate_plan=offer.rate_plan,
            renewal=offer.renewal,
            penalty_on_interest=offer.penalty_on_interest,
            late_order=offer.late_order,
            late_order_days=offer.late_order_days,
            prepayment=offer.prepayment,
            settling=offer.settling,
            subsidy=offer.subsidy,
            scene=offer.scene,
            partner=offer.partner,
        )

    def must_offer(self, amount: int, term_months: int) -> None:
        """Pass when amount and term lie within the limits.

        Raises:
            OutsideLimits: they do not.
        """
        offer = self.offer
        if not offer.amount_min <= amount <= offer.amount_max:
            raise OutsideLimits(
                f"{offer.code} lends {written(offer.amount_min, offer.currency)} to"
                f" {written(offer.amount_max, offer.currency)} {offer.currency},"
                f" not {written(amount, offer.currency)}."
            )
        if not offer.term_months_min <= term_months <= offer.term_months_max:
            raise OutsideLimits(
                f"{offer.code} runs {offer.term_months_min} to {offer.term_months_max} months,"
                f" not {term_months}."
            )
