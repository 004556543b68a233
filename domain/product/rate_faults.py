"""What is wrong with the rates of an offer, its penalty and its rate plan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.base.terms import (
    DAYS_MOST,
    TERM_MONTHS_MAX,
    RatePlan,
    RatePlanKind,
    RateScope,
    rate_fits,
)
from domain.product.checks import fits, listed, or_none, rates_wrong, row_count, wrong

if TYPE_CHECKING:
    from domain.product.product import Offer


def rate_faults(offer: Offer) -> Iterator[str]:
    """What is wrong with its rates and with how they change."""
    yield from rates_wrong(("annual_rate", offer.annual_rate), ("penalty_rate", offer.penalty_rate))
    yield from _penalty(offer)
    yield from _grid(offer)
    yield from _tiers(offer)
    yield from _subsidy(offer)
    yield from _rate_plan(offer)


def _penalty(offer: Offer) -> Iterator[str]:
    multiple = offer.penalty_multiple
    return wrong(
        (
            multiple is not None and (not rate_fits(multiple) or multiple == 0),
            "A penalty multiple is above zero and has ten decimals at most.",
        ),
        (
            multiple is not None and offer.penalty_rate != 0,
            "A penalty is a rate or a multiple of the rate of the loan, not both.",
        ),
        (offer.grace_days < 0, "Grace days cannot be negative."),
        (offer.grace_days > DAYS_MOST, f"There are {DAYS_MOST} days of grace at most."),
        (
            bool(offer.penalty_on_interest) and multiple is None and offer.penalty_rate == 0,
            "Penalty on interest needs a penalty rate or a penalty multiple.",
        ),
    )


def _grid(offer: Offer) -> Iterator[str]:
    if offer.rate_grid is None:
        return
    grades = [each.grade.strip() for each in offer.rate_grid]
    if not grades or not all(grades) or len(set(grades)) != len(grades):
        yield "A rate grid needs grades, each named once."
    yield from rates_wrong(
        *((f"rate_grid, {each.grade}", each.annual_rate) for each in offer.rate_grid)
    )
    if offer.rate_plan is not None:
        yield "A rate grid sets one rate for ever: it goes without a rate plan."


def _tiers(offer: Offer) -> Iterator[str]:
    tiers, plan = offer.rate_tiers, offer.rate_plan
    if tiers is None:
        return
    reached = [(tier.segment.strip(), tier.on_time) for tier in tiers]
    named = all(segment and on_time >= 0 for segment, on_time in reached)
    if not reached or not named or len(set(reached)) != len(reached):
        yield "Rate tiers need a segment and how many were paid on time, each pair once."
    yield from rates_wrong(
        *((f"rate_tiers, {tier.segment} {tier.on_time}", tier.annual_rate) for tier in tiers)
    )
    if offer.rate_grid is not None or (plan is not None and plan.kind == RatePlanKind.INDEXED):
        yield "A rate goes by segment, by grade or by an index: say one of them."
    if plan is None and any(tier.steps is not None for tier in tiers):
        yield "Rate steps of a tier need a rate plan that says what earns them."
    if plan is not None and plan.kind in (RatePlanKind.STEP_DOWN, RatePlanKind.SCHEDULED):
        for tier in tiers:
            own = offer.tiered(tier)
            if own.rate_plan is not None:
                yield from _steps(own, own.rate_plan)


def _subsidy(offer: Offer) -> Iterator[str]:
    if offer.subsidy is None:
        return
    rate = offer.subsidy.annual_rate
    if not offer.subsidy.payer.strip() or not rate_fits(rate) or rate == 0:
        yield "A subsidy needs who pays it, and a rate above zero."


def _rate_plan(offer: Offer) -> Iterator[str]:
    plan = offer.rate_plan
    if plan is None:
        return
    if plan.kind not in list(RatePlanKind):
        yield f"The rate plan {plan.kind!r} is not offered: {listed(RatePlanKind)}."
        return
    if plan.kind == RatePlanKind.INDEXED:
        yield from _indexed(plan)
    else:
        yield from _steps(offer, plan)
    if plan.kind != RatePlanKind.INDEXED and (
        plan.index is not None or plan.margin is not None or plan.reprice_months is not None
    ):
        yield "An index, a margin and repricing go with an indexed rate plan."
    if plan.kind != RatePlanKind.STEP_DOWN and (plan.scope is not None or plan.grace_counts):
        yield "A scope, and whether grace counts, go with a step-down."
    if plan.scope not in or_none(RateScope):
        yield f"The scope {plan.scope!r} of a step-down is not offered: {listed(RateScope)}."


def _indexed(plan: RatePlan) -> Iterator[str]:
    if plan.index is None or not plan.index.strip() or plan.margin is None:
        yield "An indexed rate needs its index and its margin."
    elif not fits(plan.margin):
        yield "A margin has ten decimals at most."
    if plan.reprice_months is None or not 1 <= plan.reprice_months <= TERM_MONTHS_MAX:
        yield "An indexed rate needs how many months lie between its repricing dates."
    if plan.steps:
        yield "An indexed rate has no steps of its own."


def _steps(offer: Offer, plan: RatePlan) -> Iterator[str]:
    if not plan.steps:
        yield "A rate plan needs a step at least."
        return
    unfit = list(
        rates_wrong(
            *((f"step from {step.from_instalment}", step.annual_rate) for step in plan.steps)
        )
    )
    if unfit:
        yield from unfit
        return
    firsts = [step.from_instalment for step in plan.steps]
    if firsts[0] < 2 or any(later <= first for first, later in pairwise(firsts)):
        yield (
            "Rate steps must not overlap: the first begins at the second instalment or later,"
            " and each after the one before it."
        )
    longest = row_count(offer, offer.term_months_max)
    if longest is not None and offer.renewal is not None:
        longest += offer.renewal.most * (row_count(offer, offer.renewal.term_months) or 0)
    if longest is not None and max(firsts) > longest:
        yield f"A rate step begins after the last of the {longest} instalments there can be."
    rates = [offer.annual_rate, *(step.annual_rate for step in plan.steps)]
    falls = plan.kind == RatePlanKind.STEP_DOWN and rate_fits(offer.annual_rate)
    if falls and any(later >= rate for rate, later in pairwise(rates)):
        yield "Each step of a step-down must be below the rate before it."
