"""What can be done with a product."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_CEILING, Decimal
from uuid import UUID, uuid5

from domain.base.policy import IndexRate, Policies
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.base.terms import PlannedDraw, RateCap
from domain.commands.book import Book, command
from domain.loan.ceiling import charges_rate
from domain.loan.cost import CostMethod, annualised_cost, cash_flows
from domain.loan.schedule import schedule
from domain.loan.sheet import BY_IRR, CostShown
from domain.product.gate import Failure, Priced, PublishRefused, failures, refused_names
from domain.product.product import Offer, Product, VersionPublished


def product_id(book: Book, code: str, version: int) -> UUID:
    """The stream of a product version."""
    return uuid5(book.namespace, f"product:{code}:{version}")


@command
def publish(book: Book, act: Act, *, offer: Offer) -> Product:
    """Publish a product version; the same version with the same parts is published once.

    Raises:
        VersionPublished: it is published with other parts.
        ProductNotSound: with everything that is wrong, at once.
        PublishRefused: with every rule of the day that it fails, and the policy's version.
    """
    stream_id = product_id(book, offer.code, offer.version)
    known = book.find(Product, stream_id)
    if known is not None and known.offer != offer:
        raise VersionPublished(
            f"Version {offer.version} of {offer.code} is published with other parts;"
            f" publish the change as a new version."
        )
    if known is not None:
        return known
    product = Product.publish(act, stream_id, offer)
    refused = at_the_gate(offer, book.policies, act.business_on)
    if refused:
        raise PublishRefused(" ".join(map(str, refused)))
    return product


@command
def withdraw(book: Book, act: Act, *, code: str, version: int, reason: str) -> Product:
    """Take a version from sale for good: no more contracts are made on it."""
    product = book.get(Product, product_id(book, code, version))
    product.withdraw(act, reason=reason)
    return product


def at_the_gate(offer: Offer, policies: Policies, on: date) -> list[Failure]:
    """Every rule in force on a day that a sound *offer* fails; none when it may be published."""
    rules = policies.publish_rules(offer.jurisdiction, offer.lender_kind, on)
    try:
        prices = [priced(*corner, on) for corner in _corners(offer, policies, on)]
    except Refusal as refusal:
        unpriced = Failure("PRICE", refusal.sentence, refusal.code)
        return [unpriced, *failures(offer, [], rules)]
    return failures(offer, prices, rules)


def named_at_the_gate(offer: Offer, policies: Policies, on: date) -> list[Failure]:
    """What the rules of a day refuse of the names of an *offer*, sound or not."""
    return refused_names(offer, policies.publish_rules(offer.jurisdiction, offer.lender_kind, on))


def priced(
    offer: Offer, agreed: tuple[int, int, Decimal], on: date, draws: list[PlannedDraw] | None = None
) -> Priced:
    """What a loan on *offer* costs when it is paid out from a day on, and paid as planned.

    Its amount, its months and its annual rate are *agreed*.

    Raises:
        RowBelowZero: an instalment would be negative.
        Refusal: it cannot be scheduled, or no rate fits its cash flows.
    """
    terms = offer.with_draws(offer.terms(*agreed), draws)
    rows = schedule(terms, on)
    all_in = annualised_cost(cash_flows(terms, on, rows))
    return Priced(*agreed, all_in, charges_rate(terms, on, rows))


def rate_on(
    offer: Offer,
    policies: Policies,
    on: date,
    grade: str | None = None,
    agreed: Decimal | None = None,
) -> Decimal:
    """The rate of a loan that is approved on a day; an index-linked one as the index stands.

    Raises:
        GradeUnknown: as *Offer.rate_of* says.
        PolicyMissing: nobody announced the index.
    """
    index, plan = index_on(offer, policies, on), offer.rate_plan
    if plan is None or index is None or grade is not None:
        return offer.rate_of(grade, agreed)
    return max(index.annual_rate + (plan.margin or 0), Decimal(0))


def index_on(offer: Offer, policies: Policies, on: date) -> IndexRate | None:
    """The index that the rate follows, as it stands on a day; None where it follows none.

    Raises:
        PolicyMissing: nobody announced it.
    """
    plan = offer.rate_plan
    return None if plan is None or plan.index is None else policies.index_rate(plan.index, on)


def caps_signed(offer: Offer, policies: Policies, until: date | None) -> list[RateCap] | None:
    """The caps that a loan on *offer* is signed with, whose offer stands *until* a day.

    All of its kind of lender, but for those that are for new loans only and come later.
    """
    if offer.lender_kind is None:
        return None
    return [
        RateCap(rule.valid_from, rule.annual_rate, rule.version)
        for rule in policies.caps_of(offer.jurisdiction, offer.lender_kind)
        if not rule.new_loans_only or until is None or rule.valid_from <= until
    ]


def cost_shown(policies: Policies, jurisdiction: str | None, on: date) -> CostShown:
    """By which methods the cost of a loan is shown in a jurisdiction on a day."""
    rule = policies.cost_methods(jurisdiction, on)
    return BY_IRR if rule is None else CostShown(list(rule.methods), rule.version)


def annualised_rate(
    offer: Offer, policies: Policies, on: date, method: str = CostMethod.IRR
) -> Decimal:
    """What the dearest loan on *offer* costs in a year by *method*; to 0.01 %, upwards.

    Charges count; it is zero where no more is paid than was received.

    Raises:
        Refusal: it cannot be scheduled, or no rate fits its cash flows.
    """
    costs = []
    for own, agreed in _corners(offer, policies, on):
        terms = own.terms(*agreed)
        costs.append(annualised_cost(cash_flows(terms, on, schedule(terms, on)), method))
    return max(costs).quantize(SHOWN, ROUND_CEILING)


SHOWN = Decimal("0.0001")


def _corners(
    offer: Offer, policies: Policies, on: date
) -> Iterator[tuple[Offer, tuple[int, int, Decimal]]]:
    """The least and the most of what is offered, at the dearest rate: amount, months, rate."""
    dearest = max(offer.rates()) if offer.rate_grid else rate_on(offer, policies, on)
    tiers = [offer.tiered(tier) for tier in offer.rate_tiers or ()]
    for amount in sorted({offer.amount_min, offer.amount_max}):
        for months in sorted({offer.term_months_min, offer.term_months_max}):
            yield offer, (amount, months, dearest)
            for own in tiers:
                yield own, (amount, months, own.annual_rate)
