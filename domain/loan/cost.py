"""What a loan costs the borrower in a year, from its cash flows."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING, Any

from domain.base.terms import RATE_MAX, Terms
from domain.loan.apr import DIGITS, NoRate, Run, effective_rate, nominal_rate
from domain.loan.apr import SCALE as EXACTLY
from domain.loan.intervals import unit_period, years_between
from domain.loan.reschedule import Change
from domain.loan.schedule import Instalment, paid_out_at_first

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCALE = Decimal("0.0000000001")


class CostMethod(StrEnum):
    """By which rule what a loan costs is put as a rate of a year."""

    IRR = "IRR"
    SIMPLE = "SIMPLE"
    NOMINAL = "NOMINAL"
    APRC = "APRC"
    APR_REG_Z = "APR_REG_Z"


@dataclass(frozen=True)
class Flow:
    """Money that moves on a day, in minor units; positive *amount* to the borrower.

    *principal* is by how much it changes the principal in use: what is lent, or, below
    zero, what of a payment repays it.
    """

    on: date
    amount: int
    principal: int = 0


def cash_flows(terms: Terms, disbursed_on: date, rows: Sequence[Instalment]) -> list[Flow]:
    """What moves when a loan on *terms* is paid out and repaid by *rows*, as planned; in order.

    Every charge that *rows* hold counts, on the day it falls due; a down payment and what
    is due with the payout, or withheld from it, count on the day of the payout.
    """
    repaid = [
        Flow(row.due_on, -(row.principal + row.interest + row.fees), -row.principal) for row in rows
    ]
    lent = payouts(terms, disbursed_on)
    if len(lent) == 1:
        return [*lent, *repaid]
    return sorted([*lent, *repaid], key=lambda flow: flow.on)


def payouts(terms: Terms, disbursed_on: date) -> list[Flow]:
    """What is lent on *terms* and when, the first payout on *disbursed_on*."""
    first = paid_out_at_first(terms)
    later = [Flow(draw.on, draw.amount, draw.amount) for draw in terms.draws or ()]
    return [Flow(disbursed_on, first, first), *later]


def annualised_cost(flows: Sequence[Flow], method: str = CostMethod.IRR) -> Decimal:
    """What is disclosed as the cost of a year by *method*, as it is stored.

    Zero when no more is paid than was received.

    Raises:
        Refusal: no rate fits the flows, as with *annual_cost*, or none that can be written.

    Source: PBoC Announcement [2021] No. 3; the other methods as in *annual_cost*.
    """
    if sum(flow.amount for flow in flows) >= 0:
        return Decimal(0).quantize(SCALE)
    rate = annual_cost(method, flows)
    if rate < 0:
        raise NoRate("More is paid than was received, and earlier: no rate tells what that costs.")
    if rate >= RATE_MAX:
        raise NoRate("It is higher than a rate can be written.")
    return rate.quantize(SCALE)


def annual_cost(method: str, flows: Sequence[Flow]) -> Decimal:
    """What dated *flows* cost in a year by *method*, a fraction; exact to 1E-18.

    ``IRR`` is twelve times the monthly internal rate, ``NOMINAL`` the internal rate of
    the flows' common period times such periods in a year, ``APRC`` the effective rate,
    ``APR_REG_Z`` the actuarial rate with simple interest for odd days, ``SIMPLE`` the
    cost over principal in use, without compounding: it must be labelled as simple.

    Raises:
        NoRate: no rate fits the flows, or no principal is in use.
        SeveralRates: more than one rate fits.
        RateNotFound: the search did not end.
        NoUnitPeriod: the flows have no period that the method can take.

    Source: PBoC Announcement [2021] No. 3; RBI, Key Facts Statement (2024), annex B;
    Directive 2014/17/EU, annex I; Regulation Z (12 CFR 1026), appendix J.
    """
    ordered = sorted(flows, key=lambda flow: flow.on)
    if not ordered:
        raise NoRate("A rate needs money that is lent and money that is paid back.")
    if method == CostMethod.SIMPLE:
        return _simple(ordered)
    if method == CostMethod.APR_REG_Z:
        return _reg_z(ordered)
    years = [years_between(ordered[0].on, flow.on) for flow in ordered]
    ticks = lcm(*(each.denominator for each in years))
    runs = _runs(((int(each * ticks), Fraction(0)) for each in years), ordered)
    if method == CostMethod.APRC:
        return effective_rate(runs, ticks)
    if method == CostMethod.IRR:
        return nominal_rate(runs, 12, length=Fraction(ticks, 12))
    if method == CostMethod.NOMINAL:
        per_year = unit_period([flow.on for flow in ordered]).per_year
        return nominal_rate(runs, per_year, length=ticks / per_year)
    raise ValueError(f"cost method {method!r} is not offered")


def _simple(flows: Sequence[Flow]) -> Decimal:
    """Cost over the principal in use, day by day, of a year of 365 days.

    Source: PBoC Announcement [2021] No. 3, articles 3 and 4, simple interest.
    """
    in_use = balance = 0
    for flow, later in pairwise(flows):
        balance += flow.principal
        in_use += balance * (later.on - flow.on).days
    if in_use <= 0:
        raise NoRate("No principal is in use: there is nothing to relate the cost to.")
    with localcontext(DIGITS):
        cost = -sum(flow.amount for flow in flows)
        return (Decimal(cost * 365) / in_use).quantize(EXACTLY)


def _reg_z(flows: Sequence[Flow]) -> Decimal:
    unit = unit_period([flow.on for flow in flows])
    moments = (unit.between(flows[0].on, flow.on) for flow in flows)
    return nominal_rate(_runs(moments, flows), unit.per_year)


def _runs(moments: Iterable[tuple[int, Fraction]], flows: Sequence[Flow]) -> list[Run]:
    """*flows* at their *moments*, equal ones at equal distances as one run."""
    runs: list[Run] = []
    for (when, odd), flow in zip(moments, flows, strict=True):
        last = runs[-1] if runs else None
        if last is not None and last.amount == flow.amount and last.odd == odd:
            step = when - last.first - (last.count - 1) * last.step
            if step > 0 and (last.count == 1 or step == last.step):
                runs[-1] = Run(last.amount, last.first, last.count + 1, step, odd)
                continue
        runs.append(Run(flow.amount, when, odd=odd))
    return runs


def _exactly(value: Decimal | date) -> str:
    return value.isoformat() if isinstance(value, date) else format(value.normalize(), "f")


def _as_said(terms: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in terms if value is not None or name == "calendar"}


def change_digest(change: Change) -> str:
    """A fingerprint of *change*: what was offered is what is accepted.

    Until when a row can be paid is left out: a holiday that is found later costs nothing.
    """
    text = json.dumps(_said(change), default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(change: Change) -> dict[str, Any]:
    said = asdict(change)
    for row in said["rows"] or ():
        del row["pay_by_on"]
    # Offers that were made before these were known keep their digest; what is said as a number
    # of instalments stands in their rows.
    for name in ("more", "skips", "count", "own", "rolled"):
        del said[name]
    if said["method"] is None:
        del said["method"]
    return said


def offer_digest(change: Change, ahead: Sequence[Instalment]) -> str:
    """A fingerprint of *change* and of what would be owed after it, row by row."""
    rows = [
        (row.number, row.due_on, row.principal_left, row.interest - row.interest_paid, row.left)
        for row in ahead
    ]
    said = [_said(change), rows]
    text = json.dumps(said, default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(terms: Terms) -> str:
    """A fingerprint of *terms*: what was disclosed is what is signed.

    A rate counts as the number it is, however many zeros it is written with. An option
    counts where it is said, so that terms disclosed before it was offered keep theirs.
    """
    return fingerprint(terms)


def fingerprint(record: "DataclassInstance") -> str:
    """A digest of all that *record* says; what it does not say does not count."""
    said = asdict(record, dict_factory=_as_said)
    text = json.dumps(said, default=_exactly, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
