"""Whether terms can be reckoned with at all, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domain.base.daycount import IN_ROWS, IN_TERMS, RATIOS, DayCount
from domain.base.money import AMOUNT_MAX, Rounding
from domain.base.repayment import (
    MONTHS,
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    Repayment,
    RowShare,
    YearDays,
)
from domain.base.terms import DAYS_MOST, FeeBase, FeeTerm, FeeTiming, Terms, rate_fits
from domain.loan.fees import withheld
from domain.loan.timetable import METHODS, TermsNotOffered

YEARLY_MOST = 10**16
"""What a penalty may come to in a year, in minor units: that of a hundred stays in int64."""

FREQUENCIES = frozenset(Frequency)
DAY_COUNTS = frozenset((*IN_TERMS, *IN_ROWS, *RATIOS))
ROUNDINGS = frozenset(Rounding)
TIMINGS = frozenset(FeeTiming)
BASES = frozenset((None, *FeeBase))
SHARES = frozenset((None, *RowShare))
YEARS = frozenset((None, *YearDays))
FIXED_YEARS = frozenset((None, YearDays.D360, YearDays.D364, YearDays.D365))
INTEREST_ON = frozenset(InterestOn)
LEVELS = frozenset(LevelFrom)
EXCESS = frozenset(ExcessInterest)


def must_be_sound(terms: Terms) -> None:
    """Pass when each figure and word of *terms* is one that a schedule can be made of.

    A product that is published is; terms may also come from a file or from another system.

    Raises:
        TermsNotOffered: with the first that is not.
    """
    wrong = next(_faults(terms), None)
    if wrong is not None:
        raise TermsNotOffered(wrong)


def _faults(terms: Terms) -> Iterator[str]:
    if not 0 < terms.amount <= AMOUNT_MAX:
        yield f"An amount of {terms.amount} minor units cannot be lent: 1 to {AMOUNT_MAX} can."
    for what, word, offered in (
        ("repayment method", terms.method, METHODS),
        ("frequency", terms.frequency, FREQUENCIES),
        ("day count", terms.day_count, DAY_COUNTS),
        ("rounding", terms.rounding, ROUNDINGS),
    ):
        if word not in offered:
            yield f"The {what} {word!r} is not offered."
    rates = [terms.annual_rate]
    if terms.rate_plan is not None:
        rates += [step.annual_rate for step in terms.rate_plan.steps]
    for rate in rates:
        if not rate_fits(rate):
            yield f"A rate of {rate} a year cannot be reckoned with or stored exactly."
    if terms.day_count == DayCount.ACTUAL_ACTUAL_ICMA and terms.frequency not in MONTHS:
        yield "ACT/ACT ICMA counts in rows of months or quarters."
    yield from _limits(terms)
    for fee in terms.fees:
        yield from _faults_of_charge(fee)
    yield from _payout(terms)
    if terms.repayment is not None:
        yield from _words(terms.repayment)
        yield from _figures(terms.repayment)
        yield from _rows(terms, terms.repayment)


def _limits(terms: Terms) -> Iterator[str]:
    if not rate_fits(terms.penalty_rate) or terms.amount * terms.penalty_rate > YEARLY_MOST:
        yield f"A penalty of {terms.penalty_rate} a year comes to more than can be reckoned with."
    if terms.penalty_multiple is not None and not rate_fits(terms.penalty_multiple):
        yield f"A penalty of {terms.penalty_multiple} x the rate cannot be reckoned with."
    stands = terms.renewal.offer_days if terms.renewal is not None else 0
    if not 0 <= terms.grace_days <= DAYS_MOST or not 0 <= stands <= DAYS_MOST:
        yield f"Days of grace, or of an offer, go from none to {DAYS_MOST}."


def _payout(terms: Terms) -> Iterator[str]:
    later = [draw.amount for draw in terms.draws or ()]
    if later and (min(later) < 1 or sum(later) >= terms.amount):
        yield "What is paid out later must be above zero each time, and less in all than is lent."
    if withheld(terms) >= terms.amount - sum(later):
        yield "What is withheld from the payout must leave something to be paid out."


def _faults_of_charge(fee: FeeTerm) -> Iterator[str]:
    if fee.timing not in TIMINGS or fee.base not in BASES:
        yield f"The charge {fee.kind!r} comes at a time, or on a base, that is not offered."
    percent = fee.percent or Decimal(0)
    if not 0 <= fee.amount <= AMOUNT_MAX or not rate_fits(percent) or percent > 1:
        yield f"The charge {fee.kind!r} is below zero, or too large to be reckoned with."


def _words(chosen: Repayment) -> Iterator[str]:
    for what, word, offered in (
        ("share of a year", chosen.row_share, SHARES),
        ("length of a year", chosen.year_days, YEARS),
        ("base of interest", chosen.interest_on, INTEREST_ON),
        ("origin of the equal instalment", chosen.level_from, LEVELS),
        ("rule for interest above the instalment", chosen.excess_interest, EXCESS),
    ):
        if word not in offered:
            yield f"The {what} {word!r} is not offered."


def _figures(chosen: Repayment) -> Iterator[str]:
    if chosen.every < 1 or not 1 <= chosen.multiple_of <= AMOUNT_MAX:
        yield "Rows, their length and what they are rounded to must be one at least."
    if min(chosen.grace_principal, chosen.grace_interest, chosen.interest_free) < 0:
        yield "Grace cannot be a negative number of rows."
    for amount in (chosen.payment, chosen.least, *(chosen.shares or ())):
        if not 0 <= amount <= AMOUNT_MAX:
            yield f"A payment or share of {amount} minor units cannot be scheduled."
    for part in (chosen.percent, chosen.down_payment):
        if not rate_fits(part) or part > 1:
            yield f"A part of {part} cannot be scheduled: it goes from 0 to 1."
    if not rate_fits(abs(chosen.growth)) or chosen.growth <= -1:
        yield f"Instalments cannot grow by {chosen.growth}: it must be above -1."


def _rows(terms: Terms, chosen: Repayment) -> Iterator[str]:
    """Choices that do not go with each other."""
    if chosen.row_share == RowShare.NOMINAL and chosen.year_days not in FIXED_YEARS:
        yield "Rows of nominal days go with a year of 360, 364 or 365 days."
    if terms.day_count in IN_ROWS and chosen.row_share is not None:
        yield f"Rows by {terms.day_count} have no share of a year of their own."
    if terms.frequency == Frequency.CUSTOM and chosen.row_share not in (None, RowShare.ACTUAL):
        yield "Rows between days of their own count their actual days."
    if terms.method != Method.EQUAL_INSTALMENTS and chosen.interest_on != InterestOn.BALANCE:
        yield f"Flat interest goes with {Method.EQUAL_INSTALMENTS}."
