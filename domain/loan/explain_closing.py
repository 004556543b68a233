"""What closes a loan, and what of it is overdue, each as a sum of parts down to the minor unit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.base.daycount import IN_ROWS
from domain.base.money import rounded
from domain.base.terms import FeeEarned, FeeTiming, Settling
from domain.loan.as_of import Standing
from domain.loan.ceiling import cap_on
from domain.loan.daily_ledger import DailyLedger
from domain.loan.elapsed import elapsed
from domain.loan.explained import Line, days_said, percent, rounded_said
from domain.loan.fees import charged_at, for_prepaying
from domain.loan.ledger import Closing
from domain.loan.periods import ONE_DAY, Span, is_free, rate_after
from domain.loan.plan import DIGITS
from domain.loan.schedule import Instalment

if TYPE_CHECKING:
    from domain.loan.explain import Told


def closing(told: Told, stood: Standing) -> Iterator[Line]:
    """The parts of the payoff: what is due, what accrued to the day, less the credit.

    None where nothing closes the loan, since it is over or was lost.
    """
    if stood.payoff is None:
        return
    on, begun = told.as_of, told.began.originator_version
    owed = told.ledger.settling(on)
    what = "principal, see that figure"
    yield Line("payoff", owed.principal, on, what, begun)
    rows = {row.number: row for row in told.ledger.rows}
    for each in told.ledger.closing(on):
        row, version = rows[each.instalment], told.version_of(each.instalment)
        what, formula = _interest_said(told, row, each)
        at = each.instalment
        yield Line("payoff", each.interest, on, what, version, at, formula)
        what, formula = _fees_said(told, each)
        yield Line("payoff", each.fees, on, what, version, at, formula)
        if each.early:
            yield _early(told, each)
        what = "penalty accrued and not paid, see that figure"
        yield Line("payoff", each.penalty, on, what, version, at)
    what = "credit of the borrower" if owed.unapplied > 0 else "credit that was refunded too much"
    yield Line("payoff", -owed.unapplied, on, what, told.loan.version)
    found = told.ledger.payoff(on) - owed.unapplied
    what = "more credit than is owed: nothing is to be paid"
    yield Line("payoff", stood.payoff - found, on, what, told.loan.version)


def overdue(told: Told, stood: Standing) -> Iterator[Line]:
    """The parts of what should have been paid before the day, accrued penalty apart."""
    if not stood.amount_overdue:
        return
    for row in told.ledger.rows:
        if not row.left or row.pay_by_on >= told.as_of:
            continue
        for name, amount, paid in (
            ("principal", row.principal, row.principal_paid),
            ("interest", row.interest, row.interest_paid),
            ("fees", row.fees, row.fees_paid),
            ("penalty charged", row.penalty_charged or 0, row.penalty_paid),
        ):
            left = row.penalty_left if name == "penalty charged" else amount - paid
            if name == "penalty charged" and not row.penalty_charged:
                continue
            yield Line(
                "overdue",
                left,
                row.pay_by_on,
                f"{name} to be paid by {row.pay_by_on}",
                told.version_of(row.number),
                row.number,
                f"{told.money(amount)} less {told.money(amount - left)} paid",
            )


def _interest_said(told: Told, row: Instalment, each: Closing) -> tuple[str, str | None]:
    """What the interest of a row is that a payoff asks for, and how it was computed."""
    on, ledger, less = told.as_of, told.ledger, ""
    if row.interest_paid:
        less = f", less {told.money(row.interest_paid)} paid"
    if isinstance(ledger, DailyLedger):
        return _by_day(told, ledger, row, each, less)
    if each.due_on <= on:
        return f"interest due {each.due_on}", f"{told.money(row.interest)}{less or ', all unpaid'}"
    if told.terms.settling == Settling.TO_NEXT_DUE:
        what = f"interest of the period running, all of it to {each.due_on} by contract"
        return what, f"{told.money(row.interest)}{less}"
    if (figure := ledger.by_statute(on)) is not None:
        what = "interest after the statutory rebate"
        return what, (
            f"the statute settles the schedule with {told.money(figure)} on {on}; less the"
            f" principal and fees that are not due, and no more than is scheduled{less}"
        )
    return f"interest accrued to {on} in the period that ends {each.due_on}", _accrued(
        told, row, each, less
    )


def _accrued(told: Told, row: Instalment, each: Closing, less: str) -> str:
    """How the interest of the row that runs came about, day by day, and what closed it."""
    ledger, terms, on = told.ledger, told.terms, told.as_of
    place = ledger.place_of(row.number)
    start = ledger.rows[place - 1].due_on if place else ledger.accrues_from
    principal = sum(later.principal_left for later in ledger.rows if later.due_on > on)
    laid, held = ledger.laid, Decimal(0)
    plain = len(laid.rates) == 1 and not (laid.pauses or laid.running)
    if plain and terms.day_count not in IN_ROWS and not ledger.held.days:
        exact = Decimal(0)
        if on > start:
            exact = principal * terms.annual_rate * elapsed(terms, start, on)
        counted = days_said(terms, terms.day_count, start, on)
        parts = [f"{told.money(principal)} x {percent(terms.annual_rate)} x {counted}"]
    else:
        with localcontext(prec=DIGITS):
            held = ledger.held.until(ledger.rows, place, principal, on)
            exact = laid.accrued(ledger.rows, place, principal, on) - held
        parts = list(_stretches(told, Span(start, row.due_on), principal))
        if held:
            parts.append(f"- {told.exact(held)} on days on hold")
    said = " + ".join(parts).replace("+ - ", "- ") or "0"
    words = f"{said} = {told.exact(exact)}, {rounded_said(terms)}"
    posted = max(rounded(exact, terms.rounding), 0)
    forgiven = ledger.held.forgiven.get(row.number, 0)
    if forgiven:
        words += f", less {told.money(forgiven)} forgiven"
    if posted - forgiven > row.interest:
        words += f", and no more than the {told.money(row.interest)} scheduled"
    if less and each.interest:
        words += less
    elif less:
        words += f", of which {told.money(row.interest_paid)} or more is paid"
    return words


def _stretches(told: Told, span: Span, principal: int) -> Iterator[str]:
    """The days of the period running, each stretch at its rate."""
    laid, since = told.ledger.laid, span.start
    if laid.running is not None and span.start < laid.running.on <= told.as_of:
        since = laid.running.on
        yield f"{told.exact(laid.running.interest)} until {since}"
    edges = {rate.on - ONE_DAY for rate in laid.rates[1:]}
    for pause in laid.pauses:
        edges |= {pause.first - ONE_DAY, pause.last}
    days = [since, *sorted(day for day in edges if since < day < told.as_of), told.as_of]
    for start, end in pairwise(days):
        if start < end and not is_free(laid.pauses, start):
            yield (
                f"{told.money(principal)} x {percent(rate_after(laid.rates, start))} x"
                f" {told.share_words(span, start, end, first=False)}"
            )


def _by_day(
    told: Told, ledger: DailyLedger, row: Instalment, each: Closing, less: str
) -> tuple[str, str | None]:
    """The interest of a row by the balance of each day, up to where a payoff asks for it."""
    place = ledger.places.get(row.number)
    if place is None:
        return "interest", None
    until = ledger.settled_until(told.as_of)
    found = ledger.daily_rows_with(told.as_of, {}, until)[place]
    formula = told.daily_formula(place, found.stretches) if found.stretches else ""
    if found.carried:
        formula += f"{' + ' if formula else ''}{told.money(found.carried)} of the rows before"
    end = min(until, row.due_on)
    what = f"interest accrued to {end}, due {each.due_on}"
    words = f"{formula}{less}" if formula else None
    if words is not None and found.accrued - row.interest_paid != each.interest:
        words += f": {told.money(each.interest)} is owed with it, the rest with other rows or not"
    return what, words


def _fees_said(told: Told, each: Closing) -> tuple[str, str | None]:
    on, terms = told.as_of, told.terms
    if each.fees < 0:
        kinds = [
            fee.kind
            for fee in charged_at(terms, FeeTiming.AT_DISBURSEMENT)
            if fee.earned == FeeEarned.OVER_TERM
        ]
        start = told.ledger.accrues_from
        end = told.ledger.ends_on
        if kinds:
            said = (
                f"{', '.join(kinds)} earned by days: {(end - on).days} of {(end - start).days}"
                f" from {start} to {end} are to come, {rounded_said(terms)}"
            )
            return "fee not earned, given back", said
        return "fees that are not owed any more, given back", None
    if each.due_on <= on:
        return f"fees due {each.due_on}", None
    return f"fees charged with the instalment of {each.due_on}", None


def _early(told: Told, each: Closing) -> Line:
    """What the contract asks for all principal that comes back before its day."""
    ledger, terms, on = told.ledger, told.terms, told.as_of
    ahead = _not_due(told, on)
    kinds = []
    for fee in charged_at(terms, FeeTiming.ON_PREPAYMENT):
        of = (
            "" if fee.percent is None else f" {percent(fee.percent)} of {told.money(ahead)} not due"
        )
        kinds.append(f"{fee.kind}{of or f' {told.money(fee.amount)}'}")
    formula = f"{' + '.join(kinds)}, {rounded_said(terms)}"
    cap = cap_on(ledger, on)
    if cap is not None and each.early < for_prepaying(terms, ahead):
        formula += f", as far as cap {cap.version} of {percent(cap.annual_rate)} has room"
    what, version = "charged for paying early", told.began.originator_version
    return Line("payoff", each.early, on, what, version, each.instalment, formula)


def _not_due(told: Told, on: date) -> int:
    due = sum(row.principal_left for row in told.ledger.rows if row.due_on <= on)
    return told.ledger.principal_owed(on) - due
