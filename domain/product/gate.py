"""The publish gate: what the rules of a day refuse of a product that is sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.base.money import written
from domain.base.overdue_rate import borne
from domain.base.policy import CapRule, PublishRules
from domain.base.refusal import Refusal
from domain.base.terms import FeeBase, FeeTiming, Settling
from domain.product.product import Offer

SHOWN = 4
"""Decimals of a yearly cost as it is shown: 24.00 %."""


class PublishRefused(Refusal):
    """A rule of policy forbids the product."""

    code = "PUBLISH_REFUSED"


class OverCap(Refusal):
    """The loan would cost more in a year than its kind of lender may ask."""

    code = "OVER_CAP"


@dataclass(frozen=True)
class Priced:
    """A loan on an offer and its cost; *all_in* counts every charge when paid as planned.

    *charges* is what of it they come to.
    """

    amount: int
    term_months: int
    annual_rate: Decimal
    all_in: Decimal
    charges: Decimal = Decimal(0)


@dataclass(frozen=True)
class Failure:
    """A rule that a product fails, and the version of the policy that says it."""

    rule: str
    sentence: str
    version: str

    def __str__(self) -> str:
        """The sentence with its policy version."""
        return f"{self.sentence} [{self.rule}, {self.version}]"


def failures(offer: Offer, priced: Iterable[Priced], rules: PublishRules) -> list[Failure]:
    """Every rule that *offer* fails, *priced* at the corners of what it offers."""
    return [
        *_cap(offer, priced, rules),
        *_penalty(offer, rules),
        *_prepaying(offer, rules),
        *_withheld(offer, rules),
        *_renewal(offer, rules),
        *refused_names(offer, rules),
    ]


def refused_names(offer: Offer, rules: PublishRules) -> list[Failure]:
    """What is wrong with how *offer* calls itself and its charges, whatever its figures are."""
    return [*_charges(offer, rules), *_name(offer, rules)]


def over_cap(offer: Offer, priced: Priced, cap: CapRule) -> Failure | None:
    """In what a loan at this price exceeds *cap* first: its cost, its rates, or its penalty.

    What is overdue bears the penalty as the accrual of the loan says, and the charges come
    on top; a multiple is looked at by the dearest rate there can be. Figures are
    compared as they are shown, to a hundredth of a percent: rounding each instalment to the
    minor unit moves them by less.
    """
    dearest = _dearest(offer, [priced.annual_rate])
    if offer.conversion is not None and offer.conversion.annual_rate is not None:
        dearest = max(dearest, offer.conversion.annual_rate)
    rate = priced.annual_rate
    beyond = max(borne(offer.accrual, rate, offer.penalty_at(rate)) - rate, Decimal(0))
    overdue = borne(offer.accrual, dearest, offer.penalty_at(dearest)) + priced.charges
    loan = f"{written(priced.amount, offer.currency)} over {priced.term_months} months"
    figures = (
        ("costs", priced.all_in),
        ("reaches a rate of", dearest),
        ("comes when overdue to", max(priced.all_in + beyond, overdue)),
    )
    for what, rate in figures:
        if round(rate, SHOWN) > cap.annual_rate:
            sentence = f"{loan} {what} {rate:.2%} a year, above {cap.annual_rate:.2%}."
            return Failure("CAP", sentence, cap.version)
    return None


def _dearest(offer: Offer, rates: Sequence[Decimal]) -> Decimal:
    """The highest of *rates* and of those that the plan or a tier comes to."""
    steps = list(offer.rate_plan.steps) if offer.rate_plan else []
    steps += [step for tier in offer.rate_tiers or () for step in tier.steps or ()]
    return max([*rates, *(step.annual_rate for step in steps)])


def _penalty(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    """What is overdue, as a multiple of the rate, where there are both."""
    rate = _dearest(offer, offer.rates())
    penalty = offer.penalty_at(rate)
    if not rate or not penalty:
        return
    multiple = borne(offer.accrual, rate, penalty) / rate
    for rule in rules.penalties:
        if not rule.least <= round(multiple, SHOWN) <= rule.most:
            yield Failure(
                "PENALTY",
                f"What is overdue bears {multiple:.2f} x the rate;"
                f" {rule.least:f} to {rule.most:f} x is allowed.",
                rule.version,
            )


def _prepaying(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    """What paying early costs, and to which day interest is owed then."""
    for fee in offer.fees if rules.prepayments else ():
        if fee.timing != FeeTiming.ON_PREPAYMENT:
            continue
        for rule in rules.prepayments:
            of_principal = fee.percent is not None and fee.base == FeeBase.PRINCIPAL
            if not of_principal or (fee.percent or 0) > rule.most:
                yield Failure(
                    "PREPAYMENT",
                    f"Paying early may cost {rule.most:.2%} of the principal that is paid early;"
                    f" {fee.kind} is another charge.",
                    rule.version,
                )
    settling = offer.settling or Settling.TO_THE_DAY
    for each in rules.settlings:
        if settling not in each.ways:
            yield Failure(
                "SETTLING",
                f"A loan that is paid off early is settled {' or '.join(each.ways)},"
                f" not {settling}.",
                each.version,
            )


def _withheld(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    """What is kept back from the payout where all that is lent has to be paid out."""
    for rule in rules.withholdings:
        for fee in offer.fees:
            if fee.withheld:
                yield Failure(
                    "WITHHOLDING",
                    f"All that is lent is paid out: {fee.kind} may not be kept back from it.",
                    rule.version,
                )


def _cap(offer: Offer, priced: Iterable[Priced], rules: PublishRules) -> Iterator[Failure]:
    if offer.lender_kind is None:
        return
    if rules.cap is None:
        lender = f"{offer.lender_kind} in {offer.jurisdiction}"
        yield Failure("CAP", f"No cap for {lender} is in force: add one to the policy.", "none")
        return
    for price in priced:
        found = over_cap(offer, price, rules.cap)
        if found is not None:
            yield found


def _charges(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    for rule in rules.charges:
        for fee in offer.fees:
            if _plain(fee.kind) in map(_plain, rule.words):
                yield Failure(
                    "DISCLOSURE",
                    f"The charge {fee.kind!r} does not tell a borrower what it is for.",
                    rule.version,
                )


def _renewal(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    renewal = offer.renewal
    if renewal is None:
        return
    for rule in rules.renewals:
        if offer.term_months_max > rule.up_to_months:
            continue
        if renewal.most > rule.most:
            yield Failure(
                "RENEWAL",
                f"A term may be renewed {rule.most} x, not {renewal.most} x.",
                rule.version,
            )
        longest = offer.term_months_min * rule.times_the_term
        if renewal.most * renewal.term_months > longest:
            yield Failure(
                "RENEWAL",
                f"Renewals add {renewal.most * renewal.term_months} months to"
                f" {offer.term_months_min}; they may add {longest}.",
                rule.version,
            )


def _name(offer: Offer, rules: PublishRules) -> Iterator[Failure]:
    name = _plain(offer.name)
    for rule in rules.names:
        for word in rule.words:
            if _plain(word) in name:
                yield Failure("NAME", f"A product is not called {word!r}.", rule.version)


def _plain(text: str) -> str:
    """*text* as it reads, however it is spaced or written large."""
    return "".join(text.casefold().split()).replace("_", "").replace("-", "")
