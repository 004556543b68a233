"""One published version of a product."""

from __future__ import annotations  # apply() names Product before it exists

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.daycount import DayCount
from domain.base.money import written
from domain.base.overdue_rate import multiplied
from domain.base.refusal import Refusal
from domain.base.repayment import AgreedRow, Frequency, Method, Repayment, rows_in
from domain.base.stream import Act, Stream
from domain.base.terms import (
    Conversion,
    CountedDays,
    FeeTerm,
    PlannedDraw,
    RateCap,
    RatePlan,
    RateStep,
    Renewal,
    SourceOrder,
    Subsidy,
    Terms,
)
from domain.product.faults import faults_of


class ProductNotSound(Refusal):
    """A product contradicts itself or names a part that is not offered."""

    code = "PRODUCT_NOT_SOUND"


class VersionPublished(Refusal):
    """The version is published with other parts; published versions are never edited."""

    code = "VERSION_PUBLISHED"


class OutsideLimits(Refusal):
    """The amount or term lies outside what the product offers."""

    code = "OUTSIDE_LIMITS"


class GradeUnknown(Refusal):
    """The product does not price by this grade."""

    code = "GRADE_UNKNOWN"


class NotEligible(Refusal):
    """The product is not for this borrower."""

    code = "NOT_ELIGIBLE"


@dataclass(frozen=True)
class GradeRate:
    """The annual rate of a risk grade."""

    grade: str
    annual_rate: Decimal


@dataclass(frozen=True)
class RateTier:
    """The annual rate of a stage of a borrower's life with us, and its own rate steps, if any.

    It is for borrowers of a *segment* who paid so many instalments *on_time* at least.
    """

    segment: str
    annual_rate: Decimal
    on_time: int = 0
    steps: list[RateStep] | None = None


class WithdrawalUnexplained(Refusal):
    """A version is withdrawn from sale for a reason."""

    code = "WITHDRAWAL_UNEXPLAINED"


class TierUnknown(Refusal):
    """The product does not price by how many instalments were paid on time."""

    code = "TIER_UNKNOWN"


class OwnScheduleNotOffered(Refusal):
    """Instalments were agreed on for a product that has one schedule for all."""

    code = "OWN_SCHEDULE_NOT_OFFERED"


class TranchesNotOffered(Refusal):
    """Later payouts were agreed on for a product that plans none."""

    code = "TRANCHES_NOT_OFFERED"


class NotOnSale(Refusal):
    """The product version is not offered on the day: not yet, not any more, or withdrawn."""

    code = "NOT_ON_SALE"


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
    recovery_order: list[str] | None = None
    prepayment: str | None = None
    settling: str | None = None
    subsidy: Subsidy | None = None
    scene: str | None = None
    partner: str | None = None
    segments: list[str] | None = None
    rate_grid: list[GradeRate] | None = None
    jurisdiction: str | None = None
    lender_kind: str | None = None
    bucket_order: list[str] | None = None
    source_orders: list[SourceOrder] | None = None
    own_schedule: bool | None = None
    in_parts: bool | None = None
    conversion: Conversion | None = None
    rate_tiers: list[RateTier] | None = None
    offered_from: date | None = None
    """From the day it is published on; both days are counted."""
    offered_until: date | None = None
    """Until it is withdrawn from sale."""
    tranches: bool | None = None
    """Paid out at once, or as the other parts say; else later payouts may be agreed on."""

    def agreed(self, rows: list[AgreedRow] | None) -> Offer:
        """The offer with instalments that were agreed on for one loan, if any were.

        Raises:
            OwnScheduleNotOffered: the product has one schedule for all.
        """
        if rows is None:
            return self
        if not self.own_schedule:
            raise OwnScheduleNotOffered(
                f"{self.code} has one schedule for all; a product with own_schedule lets"
                " instalments be agreed on."
            )
        chosen = Repayment(
            shares=[row.principal for row in rows], due_on=[row.due_on for row in rows]
        )
        return replace(self, method=Method.CUSTOM, frequency=Frequency.CUSTOM, repayment=chosen)

    def faults(self) -> list[str]:
        """Everything that is wrong with it, in sentences; empty when it is sound."""
        return faults_of(self)

    def rates(self) -> list[Decimal]:
        """The rates that a loan may be approved with where none is agreed apart."""
        tiers = [each.annual_rate for each in self.rate_tiers or ()]
        return [each.annual_rate for each in self.rate_grid or ()] or [self.annual_rate, *tiers]

    def tier_of(self, segment: str | None, on_time: int | None = None) -> RateTier | None:
        """The tier of a borrower's *segment* and instalments paid on time; None for no tier.

        Raises:
            TierUnknown: instalments are counted, and the product has no tiers.
        """
        if self.rate_tiers is None and on_time is not None:
            raise TierUnknown(
                f"{self.code} has no rates by segment: leave out how many were paid on time."
            )
        reached = [
            tier
            for tier in self.rate_tiers or ()
            if tier.segment == segment and tier.on_time <= (on_time or 0)
        ]
        return max(reached, key=lambda tier: tier.on_time, default=None)

    def tiered(self, tier: RateTier | None) -> Offer:
        """The offer at the rate and the rate steps of a tier; as it is without one."""
        if tier is None:
            return self
        plan = self.rate_plan
        if plan is not None and tier.steps is not None:
            plan = replace(plan, steps=tier.steps)
        return replace(self, annual_rate=tier.annual_rate, rate_plan=plan, rate_tiers=None)

    def rate_of(self, grade: str | None, agreed: Decimal | None = None) -> Decimal:
        """The annual rate of a risk grade; of all loans where the product has no grades.

        Raises:
            GradeUnknown: the product prices by grade and not by this one, or by none; or
                a rate is *agreed* apart from that of the grade.
        """
        grid = {each.grade: each.annual_rate for each in self.rate_grid or ()}
        if not grid and grade is None:
            return self.annual_rate
        if not grid:
            raise GradeUnknown(f"{self.code} has one rate and no grades: leave the grade out.")
        if grade not in grid:
            raise GradeUnknown(
                f"{self.code} is priced by grade: give one of {', '.join(sorted(grid))}."
            )
        if agreed is not None and agreed != grid[grade]:
            raise GradeUnknown(
                f"The rate of grade {grade} is {grid[grade]}: leave the rate out, or the grade."
            )
        return grid[grade]

    def penalty_at(self, annual_rate: Decimal) -> Decimal:
        """The annual penalty rate of a loan at *annual_rate*."""
        if self.penalty_multiple is None:
            return self.penalty_rate
        return multiplied(annual_rate, self.penalty_multiple)

    def months_offered(self, term_months: int) -> bool:
        """Whether the product runs so long, in whole rows."""
        within = self.term_months_min <= term_months <= self.term_months_max
        chosen = self.repayment or Repayment()
        return within and rows_in(term_months, self.method, self.frequency, chosen) is not None

    def terms(
        self,
        amount: int,
        term_months: int,
        annual_rate: Decimal | None = None,
        rate_caps: list[RateCap] | None = None,
        business_days: BusinessDays | None = None,
    ) -> Terms:
        """The terms a loan of this version is signed on.

        *business_days* are those of the product's calendar; the terms hold them where
        interest is counted in them, those of each week if they are not said.

        Raises:
            OutsideLimits: amount or term are not offered.
        """
        self.must_offer(amount, term_months)
        annual_rate = self.annual_rate if annual_rate is None else annual_rate
        return Terms(
            product_code=self.code,
            product_version=self.version,
            currency=self.currency,
            amount=amount,
            term_months=term_months,
            frequency=self.frequency,
            method=self.method,
            annual_rate=annual_rate,
            day_count=self.day_count,
            rounding=self.rounding,
            grace_days=self.grace_days,
            grace_retroactive=self.grace_retroactive,
            penalty_rate=self.penalty_at(annual_rate),
            allocation_order=list(self.allocation_order),
            future_money=self.future_money,
            fees=list(self.fees),
            advance_order=None if self.advance_order is None else list(self.advance_order),
            allocation_scope=self.allocation_scope,
            charges_due=self.charges_due,
            charges_count=self.charges_count,
            calendar=self.calendar,
            repayment=self.repayment,
            accrual=self.accrual,
            rate_plan=self.rate_plan,
            renewal=self.renewal,
            penalty_on_interest=self.penalty_on_interest,
            rate_caps=rate_caps,
            late_order=None if self.late_order is None else list(self.late_order),
            late_order_days=self.late_order_days,
            recovery_order=None if self.recovery_order is None else list(self.recovery_order),
            bucket_order=None if self.bucket_order is None else list(self.bucket_order),
            source_orders=self.source_orders,
            prepayment=self.prepayment,
            settling=self.settling,
            subsidy=self.subsidy,
            scene=self.scene,
            partner=self.partner,
            in_parts=self.in_parts,
            conversion=self.conversion,
            counted=self._counted(business_days),
            penalty_multiple=self.penalty_multiple,
        )

    def with_draws(self, terms: Terms, draws: list[PlannedDraw] | None) -> Terms:
        """The *terms* of a loan with its payouts after the first one, if any were agreed on.

        Raises:
            TranchesNotOffered: the product pays out at once, or as it is asked for.
        """
        self.must_plan(draws)
        return terms if draws is None else replace(terms, draws=draws)

    def must_plan(self, draws: list[PlannedDraw] | None) -> None:
        """Pass where no later payouts were agreed on, or the product plans them.

        Raises:
            TranchesNotOffered: it pays out at once, or as it is asked for.
        """
        if draws is not None and not self.tranches:
            raise TranchesNotOffered(
                f"{self.code} plans no later payouts; a product with tranches lets them be"
                " agreed on."
            )

    def _counted(self, days: BusinessDays | None) -> CountedDays | None:
        """The business days that interest is counted in; None where it is counted otherwise."""
        if self.day_count != DayCount.BUSINESS_252 or days is None:
            return None
        return CountedDays(sorted(days.weekend), sorted(days.holidays), sorted(days.worked))

    def must_offer(self, amount: int, term_months: int) -> None:
        """Pass when amount and term lie within the limits.

        Raises:
            OutsideLimits: they do not.
        """
        if not self.amount_min <= amount <= self.amount_max:
            raise OutsideLimits(
                f"{self.code} lends {written(self.amount_min, self.currency)} to"
                f" {written(self.amount_max, self.currency)} {self.currency},"
                f" not {written(amount, self.currency)}."
            )
        if not self.term_months_min <= term_months <= self.term_months_max:
            longest = f" to {self.term_months_max}"
            longest = longest if self.term_months_max > self.term_months_min else ""
            months = "month" if (longest, self.term_months_min) == ("", 1) else "months"
            raise OutsideLimits(
                f"{self.code} runs {self.term_months_min}{longest} {months}, not {term_months}."
            )
        if not self.months_offered(term_months):
            every = (self.repayment or Repayment()).every
            row = self.frequency.lower() if every == 1 else f"{every} {self.frequency.lower()}s"
            raise OutsideLimits(
                f"An instalment of {self.code} is a {row} long: {term_months} months are no whole"
                " number of them."
            )

    def must_be_offered(self, on: date) -> None:
        """Pass when the version can be applied for on a day.

        Raises:
            NotOnSale: the day lies before or after those it is offered on.
        """
        if self.offered_from is not None and on < self.offered_from:
            raise NotOnSale(
                f"{self.code} v{self.version} is offered from {self.offered_from} on; it is {on}."
            )
        if self.offered_until is not None and on > self.offered_until:
            raise NotOnSale(
                f"{self.code} v{self.version} was offered until {self.offered_until}; it is {on}."
            )

    def must_suit(self, segment: str | None, partner_order_ref: str | None = None) -> None:
        """Pass when the product lends to borrowers of a segment, for a partner's order.

        Raises:
            NotEligible: it lends to others only, or with no partner.
        """
        if self.segments is not None and segment not in self.segments:
            raise NotEligible(
                f"{self.code} lends to these segments only: {', '.join(self.segments)}."
            )
        if partner_order_ref is not None and self.partner is None:
            raise NotEligible(f"{self.code} has no partner: leave the partner's order out.")


class Product(Stream):
    """One published version of a product; a new version is a stream of its own."""

    TOPIC = "product"
    KAFKA_TOPIC = "product.events"
    SNAPSHOT_VERSION = 5

    def __init__(self) -> None:
        self.offer: Offer
        self.withdrawn_on: date | None = None
        self.withdrawn_because: str | None = None

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

    class Withdrawn(Event):
        """No more contracts are made on the version from now on; those there are stay."""

        TOPIC = "product.withdrawn"
        code: str
        version: int
        reason: str

        def apply(self, product: Product) -> None:
            product.withdrawn_on = self.effective_on
            product.withdrawn_because = self.reason

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

    def withdraw(self, act: Act, *, reason: str) -> None:
        """Take the version from sale for good; one that is withdrawn stays so.

        Raises:
            WithdrawalUnexplained: it says no reason.
        """
        if not reason.strip():
            raise WithdrawalUnexplained("A version is withdrawn from sale for a reason: say it.")
        if self.withdrawn_on is not None:
            return
        self.record(
            self.Withdrawn,
            act,
            act.business_on,
            code=self.offer.code,
            version=self.offer.version,
            reason=reason,
        )

    def must_be_offered(self, on: date) -> None:
        """Pass when the version can be applied for on a day.

        Raises:
            NotOnSale: it is withdrawn, or not offered on that day.
        """
        self.must_not_be_withdrawn()
        self.offer.must_be_offered(on)

    def must_not_be_withdrawn(self) -> None:
        """Pass when contracts are made on the version.

        Raises:
            NotOnSale: it was withdrawn from sale.
        """
        if self.withdrawn_on is not None:
            raise NotOnSale(
                f"{self.offer.code} v{self.offer.version} was withdrawn from sale on"
                f" {self.withdrawn_on}: {self.withdrawn_because}."
            )

    def terms(
        self,
        amount: int,
        term_months: int,
        annual_rate: Decimal | None = None,
        rate_caps: list[RateCap] | None = None,
    ) -> Terms:
        """The terms a loan of this version is signed on.

        Raises:
            OutsideLimits: amount or term are not offered.
        """
        return self.offer.terms(amount, term_months, annual_rate, rate_caps)

    def must_offer(self, amount: int, term_months: int) -> None:
        """Pass when amount and term lie within the limits.

        Raises:
            OutsideLimits: they do not.
        """
        self.offer.must_offer(amount, term_months)
