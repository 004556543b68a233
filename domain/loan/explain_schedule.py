"""How the interest of each instalment came about as the loan began, and what its rates are from."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from domain.base.money import rounded
from domain.base.repayment import InterestOn, Repayment
from domain.loan.explained import Line, percent, rounded_said
from domain.loan.facts import STEP, FactKind
from domain.loan.loan import Loan
from domain.loan.periods import ONE_DAY, RateFrom, Span, rate_after
from domain.loan.plan import CLOSING, DIGITS
from domain.loan.schedule import Instalment, rates_of
from domain.loan.timetable import share

if TYPE_CHECKING:
    from domain.loan.explain import Told


YEARS = Decimal("0.0000000001")
"""To so many decimals the length of a term is told."""


def contract_formulas(told: Told) -> dict[int, str]:
    """The formula of each instalment that bears interest as it was first laid, by number."""
    timed = list(_timed(told))
    if not timed:
        return {}
    chosen = told.terms.repayment or Repayment()
    with localcontext(prec=DIGITS):
        if chosen.interest_on == InterestOn.DRAWN_EVENLY:
            return dict(_evenly(told, timed))
        flat = chosen.interest_on == InterestOn.DRAWN
        return dict(_row_by_row(told, timed, chosen, flat=flat))


def _timed(told: Told) -> Iterator[tuple[Instalment, Span]]:
    """The instalments that last some days, each with its days; not what is due at the payout."""
    start = told.ledger.accrues_from
    for row in told.loan.opening:
        if start < row.due_on:
            yield row, Span(start, row.due_on)
        start = row.due_on


def _row_by_row(
    told: Told, timed: list[tuple[Instalment, Span]], chosen: Repayment, *, flat: bool
) -> Iterator[tuple[int, str]]:
    terms, mode = told.terms, told.terms.rounding
    left = sum(row.principal for row, _ in timed)
    rates, part = rates_of(terms, [span for _, span in timed]), share(terms, timed[0][1].start)
    waiting = 0
    for place, (row, span) in enumerate(timed, start=1):
        rate = rate_after(rates, span.start)
        exact = left * (rate * part(span, *span))
        words = told.share_words(span, *span, first=place == 1)
        said = f"{told.money(left)} x {percent(rate)} x {words} = {told.exact(exact)}"
        own = rounded(CLOSING.plus(exact), mode)
        if place <= chosen.interest_free:
            own, said = 0, f"no interest in instalments 1 to {chosen.interest_free} by contract"
        else:
            said += f", {rounded_said(terms)}"
        if waiting:
            said += f", and {told.money(waiting)} of the instalments before"
        waiting += own - row.interest
        if waiting:
            said += f", of which {told.money(waiting)} is left to the next"
        yield row.number, said
        if not flat:
            left -= row.principal


def _evenly(told: Told, timed: list[tuple[Instalment, Span]]) -> Iterator[tuple[int, str]]:
    """All interest of the term on all that was lent, in equal parts; the last takes the rest."""
    terms, part = told.terms, share(told.terms, timed[0][1].start)
    lent = sum(row.principal for row in told.loan.opening)
    year = sum((part(span, *span) for _, span in timed), Decimal(0))
    whole, count = lent * (terms.annual_rate * year), len(timed)
    years = f"{year.quantize(YEARS).normalize():f} years"
    in_all = (
        f"{told.money(lent)} x {percent(terms.annual_rate)} x {years} = {told.exact(whole)} in all"
    )
    for place, (row, _) in enumerate(timed, start=1):
        each = f"{in_all}, / {count} = {told.exact(whole / count)}, {rounded_said(terms)}"
        if place == count:
            each = f"{in_all}, {rounded_said(terms)}, less what the others have"
        yield row.number, each


def rates_told(told: Told) -> Iterator[Line]:
    """From when on which rate of a year counts, and where it is from; nothing is owed by it."""
    rates = told.ledger.laid.rates
    for number, rate in enumerate(rates):
        what, version = _first_rate(told) if not number else _later_rate(told, rate)
        # A day that is named counts for the rate; the days of a row follow its start.
        first = rate.on if number else rate.on + ONE_DAY
        said = f"{percent(rate.annual_rate)} a year from {first}: {what}"
        rules = told.first_rate if not number else ()
        yield Line("interest", 0, first, said, version, rules=rules)


def _first_rate(told: Told) -> tuple[str, int]:
    terms = told.terms
    product = f"{terms.product_code} version {terms.product_version}"
    for event in told.events:
        if isinstance(event, Loan.Approved):
            grade = f", grade {event.grade}" if event.grade else ""
            tier = f", tier {event.tier.segment} {event.tier.on_time}" if event.tier else ""
            said = f"as approved for the contract on {product}{grade}{tier}"
            return said, event.originator_version
    return f"by the contract on {product} that was taken over", told.began.originator_version


def _later_rate(told: Told, rate: RateFrom) -> tuple[str, int]:
    """What brought a rate that is not the first: something agreed, or the contract itself."""
    plan = told.terms.rate_plan
    for fact in reversed(told.loan.facts):
        change = fact.change
        if fact.kind == FactKind.RESCHEDULE and change is not None:
            same = change.annual_rate == rate.annual_rate and fact.on + ONE_DAY == rate.on
            if same:
                version = told.versions.get(("laid", fact.ref), told.began.originator_version)
                step = " (on-time step of the contract)" if fact.ref.startswith(STEP) else ""
                return f"{told.causes.get(fact.ref, fact.ref)}{step}", version
    said = f"{plan.kind.lower().replace('_', ' ')} by the contract" if plan else "by the contract"
    return said, told.began.originator_version
