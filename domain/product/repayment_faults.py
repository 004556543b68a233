"""What is wrong with how an offer is repaid: its rows and the figures of its method."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.base.repayment import (
    MONTHS,
    ROWS_MOST,
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    Repayment,
    RowShare,
    YearDays,
    rows_in,
)
from domain.product.checks import AS_IT_IS, fits, listed, not_offered, or_none, row_count, wrong

if TYPE_CHECKING:
    from domain.product.product import Offer

LEVEL = (Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL)
BY_PAYMENT = (Method.FIXED_PAYMENT, Method.FIXED_PRINCIPAL)
BY_PERCENT = (Method.PERCENT_OF_PRINCIPAL, Method.PERCENT_OF_BALANCE)
FIXED_YEARS = (None, YearDays.D360, YearDays.D364, YearDays.D365)


def repayment_faults(offer: Offer) -> Iterator[str]:
    """What is wrong with its rows, and with the choices that its method leaves."""
    yield from _rows(offer)
    chosen = offer.repayment
    if chosen is not None:
        yield from _words(chosen)
        yield from _lengths(offer, chosen)
        yield from _grace(offer, chosen)
        yield from _figures(offer, chosen)
        yield from _shares(offer, chosen)
        if chosen.interest_on != InterestOn.BALANCE:
            yield from _flat(offer, chosen)
    elif offer.method in (*BY_PAYMENT, *BY_PERCENT, Method.CUSTOM):
        yield f"The method {offer.method} needs its figures: see the part 'repayment'."


def _rows(offer: Offer) -> Iterator[str]:
    """What keeps the terms offered from being whole numbers of rows."""
    chosen = offer.repayment or AS_IT_IS
    if offer.frequency not in list(Frequency) or offer.method not in list(Method):
        return
    dated = chosen.due_on is not None
    if dated != (offer.frequency == Frequency.CUSTOM) and offer.method != Method.BULLET:
        yield "Due dates go with the frequency CUSTOM, and it needs them."
    elif chosen.due_on is not None and (
        not chosen.due_on or any(later <= day for day, later in pairwise(chosen.due_on))
    ):
        yield "The due dates must follow each other."
    elif chosen.every >= 1:
        for months in dict.fromkeys((offer.term_months_min, offer.term_months_max)):
            if months >= 1 and rows_in(months, offer.method, offer.frequency, chosen) is None:
                yield (
                    f"A term of {months} months is no whole number of rows"
                    f" of {chosen.every} x {offer.frequency.lower()}."
                )
    per_row = MONTHS.get(Frequency(offer.frequency), 0) * chosen.every
    if chosen.count is not None and per_row and chosen.count * per_row != offer.term_months_max:
        yield (
            f"{chosen.count} rows of {per_row} months do not make"
            f" a term of {offer.term_months_max} months."
        )
    counted = chosen.count is not None or dated or chosen.shares is not None
    if counted and offer.term_months_min != offer.term_months_max:
        yield (
            "Rows that are counted or dated fit one term: the shortest and the longest"
            " must be the same."
        )


def _words(chosen: Repayment) -> Iterator[str]:
    for what, value, offered in (
        ("share of a year", chosen.row_share, or_none(RowShare)),
        ("length of a year", chosen.year_days, or_none(YearDays)),
        ("base of interest", chosen.interest_on, InterestOn),
        ("origin of the equal instalment", chosen.level_from, LevelFrom),
        ("rule for interest above the instalment", chosen.excess_interest, ExcessInterest),
    ):
        if value not in list(offered):
            yield not_offered(what, value, offered)


def _lengths(offer: Offer, chosen: Repayment) -> Iterator[str]:
    custom, share = offer.frequency == Frequency.CUSTOM, chosen.row_share
    return wrong(
        (
            min(chosen.every, chosen.multiple_of) < 1
            or (chosen.count is not None and chosen.count < 1),
            "Rows, their length and what they are rounded to must be one at least.",
        ),
        (
            chosen.year_days is not None and share is None,
            "The length of a year goes with a share of a year for rows.",
        ),
        (
            share == RowShare.NOMINAL and chosen.year_days not in FIXED_YEARS,
            "Rows of nominal days go with a year of 360, 364 or 365 days.",
        ),
        (
            custom and share not in (None, RowShare.ACTUAL),
            "Rows between days of their own count their actual days.",
        ),
        (
            not fits(chosen.down_payment) or not 0 <= chosen.down_payment < 1,
            "A down payment is a part of the amount: from 0 and below 1.",
        ),
    )


def _grace(offer: Offer, chosen: Repayment) -> Iterator[str]:
    if min(chosen.grace_principal, chosen.grace_interest, chosen.interest_free) < 0:
        yield "Grace cannot be a negative number of rows."
    shortest = row_count(offer, offer.term_months_min)
    if shortest is None:
        return
    longest = row_count(offer, offer.term_months_max) or shortest
    may_wait = (*LEVEL, Method.GROWING_INSTALMENTS)
    balloon = chosen.amortised_over
    yield from wrong(
        (
            max(chosen.grace_principal, chosen.grace_interest) >= shortest,
            f"Grace must end before the last of the {shortest} rows of the shortest term.",
        ),
        (
            chosen.interest_free > shortest,
            f"No more rows can be free of interest than the {shortest} of the shortest term.",
        ),
        (
            chosen.grace_principal > 0 and offer.method not in may_wait,
            f"Grace on principal does not go with the method {offer.method}.",
        ),
        (
            balloon is not None and balloon < longest,
            f"A balloon is amortised over more rows than the {longest} of the longest term.",
        ),
        (
            balloon is not None and balloon > ROWS_MOST,
            f"A balloon is amortised over {ROWS_MOST} rows at most.",
        ),
        (
            balloon is not None and offer.method not in LEVEL,
            "A balloon goes with equal instalments or equal principal.",
        ),
    )


def _figures(offer: Offer, chosen: Repayment) -> Iterator[str]:
    """Figures that the method needs, or cannot use."""
    method = offer.method
    if not all(map(fits, (chosen.percent, chosen.growth))):
        yield "Rates cannot have more than ten decimals."
        return
    yield from wrong(
        (
            (method in BY_PAYMENT) != (chosen.payment > 0),
            f"A payment above zero goes with {listed(BY_PAYMENT)}, and they need it.",
        ),
        (
            (method in BY_PERCENT) != (chosen.percent != 0) or not 0 <= chosen.percent <= 1,
            f"A percentage up to 100 % goes with {listed(BY_PERCENT)}, and they need it.",
        ),
        (
            chosen.least < 0 or (chosen.least > 0 and method not in BY_PERCENT),
            f"A least payment goes with {listed(BY_PERCENT)} and is not negative.",
        ),
        (
            chosen.growth <= -1 or (chosen.growth != 0 and method != Method.GROWING_INSTALMENTS),
            f"A growth above -1 goes with {Method.GROWING_INSTALMENTS}.",
        ),
        (
            chosen.refit and method != Method.EQUAL_INSTALMENTS,
            f"A refit of the last row goes with {Method.EQUAL_INSTALMENTS}.",
        ),
    )


def _shares(offer: Offer, chosen: Repayment) -> Iterator[str]:
    shares, custom = chosen.shares, offer.method == Method.CUSTOM
    if custom != (shares is not None):
        yield f"Shares of the principal go with {Method.CUSTOM}, and it needs them."
    if not custom or shares is None:
        return
    if not any(shares) or min(shares) < 0:
        yield "Shares of the principal cannot be negative, nor all be zero."
    elif shares[-1] == 0:
        yield "The last share of the principal cannot be zero: the schedule ends with it."
    count = row_count(offer, offer.term_months_max)
    if count is not None and count != len(shares):
        yield f"There are {len(shares)} shares of the principal for {count} rows."


def _flat(offer: Offer, chosen: Repayment) -> Iterator[str]:
    graces = (chosen.grace_principal, chosen.grace_interest, chosen.interest_free)
    return wrong(
        (
            offer.method != Method.EQUAL_INSTALMENTS,
            f"Flat interest goes with {Method.EQUAL_INSTALMENTS}.",
        ),
        (offer.rate_plan is not None, "Flat interest goes with one rate: leave the rate plan out."),
        (any(graces), "Flat interest goes without grace."),
        (chosen.amortised_over is not None, "Flat interest goes without a balloon."),
    )
