"""A repayment plan laid over dates: draws, changes of rate and days without interest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, getcontext
from itertools import accumulate, groupby, pairwise
from math import prod
from operator import itemgetter
from typing import NamedTuple

from domain.base.records import each_as
from domain.base.refusal import Refusal
from domain.base.repayment import InterestOn, Method
from domain.loan.amortisation import REPAID, Amounts, Known, Row, amounts, rows, set_levels
from domain.loan.periods import (
    ONE_DAY,
    Draw,
    Money,
    Part,
    Pause,
    Period,
    RateFrom,
    Timetable,
    periods,
)
from domain.loan.plan import DIGITS, Plan

ORDER = itemgetter(0, 1)

GROWTH_MOST = 1_000
"""Digits by which money may grow before the last ones of a schedule are given up."""


class PlanImpossible(Refusal):
    """No schedule comes of the plan."""

    code = "PLAN_IMPOSSIBLE"


class DueRow(NamedTuple):
    """What falls due on a day; *balance* is drawn before that day and not repaid after it.

    The row of a down payment stands on the day of its draw, and its balance holds that.
    """

    due_on: date
    principal: Money
    interest: Money
    balance: Money


class Due(NamedTuple):
    """Such rows, column by column."""

    due_on: list[date]
    principals: list[Money]
    interest: list[Money]
    balances: list[Money]


def laid_out(
    plan: Plan,
    part: Part,
    spans: Timetable,
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    *,
    pauses: Sequence[Pause] = (),
    level_part: Part | None = None,
) -> list[DueRow]:
    """The rows of *plan* over *spans*, and one more for each down payment.

    Draws stand in order of time, the first at the beginning; the first rate counts from
    there. Each later draw or rate sets the instalment anew from the row it falls in, as if
    what comes after it were not known; a pause leaves it, and the last row is smaller. Flat
    interest in equal parts goes with one rate and no pause. The
    equal instalment goes by *level_part*, if that is another than *part*.

    Raises:
        PlanImpossible: the plan does not fit the rows, draws or changes.
    """
    found = in_columns(plan, part, spans, draws, rates, pauses=pauses, level_part=level_part)
    return each_as(DueRow, zip(*found, strict=True))


def in_columns(
    plan: Plan,
    part: Part,
    spans: Timetable,
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    *,
    pauses: Sequence[Pause] = (),
    level_part: Part | None = None,
) -> Due:
    """What :func:`laid_out` gives, for who makes other records of it."""
    _check(plan, spans, draws)
    lent = [Draw(draw.on, draw.amount - draw.down_payment) for draw in draws]
    with reckoning():
        if plan.interest_on == InterestOn.BALANCE:
            known = list(_knowledge(part, spans, lent, rates, pauses, level_part=level_part))
            ahead = known[-1].periods
            if pauses:  # the last may follow all that sets instalments anew
                ahead = periods(part, spans, rates, lent, pauses, level_part=level_part)
            made = amounts(plan, known[-1].opening, ahead, set_levels(plan, known))
        elif plan.interest_on == InterestOn.DRAWN:
            made = _flat(plan, part, spans, lent, rates, pauses=pauses)
        elif len(rates) > 1 or pauses:
            raise PlanImpossible("Flat interest in equal parts goes with one rate and no pause.")
        else:
            made = _evenly(plan, draws[0], periods(part, spans, rates))
    return _dated(spans, draws, made)


class reckoning:  # noqa: N801 - used as a function
    """Reckon with the digits of a schedule; figures that these cannot hold are refused.

    Raises:
        PlanImpossible: a figure grew beyond them, or has no value.
    """

    def __init__(self, digits: int = DIGITS) -> None:
        self._digits = digits

    def __enter__(self) -> None:
        context = getcontext()
        self._outer, context.prec = context.prec, self._digits

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        getcontext().prec = self._outer
        if kind is not None and issubclass(kind, (InvalidOperation, DivisionByZero, Overflow)):
            raise PlanImpossible(
                "The figures grow beyond what can be reckoned with: lower the rate, the growth"
                " or the number of instalments."
            ) from None


def in_steps(plan: Plan, opening: Money, factors: Sequence[Decimal]) -> list[Row]:
    """The rows of *plan* where each bears one of *factors*; a new one sets instalments anew.

    Each step counts as if it were the last. A plan without a count takes as many of
    *factors* as it needs.

    Raises:
        PlanImpossible: the loan is not repaid by the end of *factors*.
    """
    with reckoning(_digits(factors) if plan.count else DIGITS):
        ahead = [Period(factor, factor) for factor in factors]
        known, first = [], 0
        for _, same in groupby(ahead):
            known.append(
                Known(first, opening, ahead[:first] + [ahead[first]] * (len(ahead) - first))
            )
            first += len(list(same))
        found = rows(plan, opening, ahead, set_levels(plan, known))
    if plan.count is None and found[-1].balance > REPAID:
        raise PlanImpossible(f"The loan is not repaid after {len(found)} rows.")
    return found


def _digits(factors: Sequence[Decimal]) -> int:
    """How many digits keep those of the first row to the last, as errors grow with the money."""
    growth = prod((1 + factor for factor in factors), start=Decimal(1))
    return DIGITS + min(max(growth.adjusted(), 0), GROWTH_MOST)


def _check(plan: Plan, spans: Timetable, draws: Sequence[Draw]) -> None:
    if plan.count != len(spans):
        raise PlanImpossible(f"A plan of {plan.count} rows does not fit {len(spans)}.")
    if plan.grace_interest >= len(spans):
        raise PlanImpossible("Grace on interest leaves no row that collects it.")
    if not draws or draws[0].on != spans.start or not _in_order(draws):
        raise PlanImpossible("The draws do not stand in order from the first row's start.")
    if draws[-1].on > spans.ends[-1]:
        raise PlanImpossible(f"The draw of {draws[-1].on} lies after the last due date.")
    if len(draws) > 1 and plan.interest_on == InterestOn.DRAWN_EVENLY:
        raise PlanImpossible("Flat interest in equal parts goes with one draw.")
    for draw in draws:
        if not 0 <= draw.down_payment <= draw.amount:
            raise PlanImpossible("A down payment is more than its draw.")
    if plan.method == Method.CUSTOM and (
        len(plan.principals) != len(spans)
        or sum(plan.principals) != sum(draw.amount - draw.down_payment for draw in draws)
    ):
        raise PlanImpossible("The principals of a custom schedule are not those of the loan.")


def _in_order(draws: Sequence[Draw]) -> bool:
    return all(earlier.on <= later.on for earlier, later in pairwise(draws))


def _opening(spans: Timetable, draws: Sequence[Draw]) -> Money:
    return sum(draw.amount for draw in draws if draw.on <= spans.start)


def _row_of(spans: Timetable, on: date) -> int:
    """The row that holds the days after *on*, counted from zero; the last after all."""
    return min(bisect_right(spans.ends, on), len(spans) - 1)


def _knowledge(
    part: Part,
    spans: Timetable,
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    pauses: Sequence[Pause],
    *,
    level_part: Part | None,
) -> Iterator[Known]:
    if not (draws[1:] or rates[1:] or pauses):  # all is known when the loan begins
        known = periods(part, spans, rates, draws, level_part=level_part)
        yield Known(0, draws[0].amount, known)
        return
    changes: list[tuple[date, int, Draw | RateFrom | Pause]] = [
        *((draw.on, 0, draw) for draw in draws),
        *((rate.on, 1, rate) for rate in rates[1:]),
        *((pause.first, 2, pause) for pause in pauses),
    ]
    drawn: list[Draw] = []
    in_force, paused = [rates[0]], list[Pause]()
    for on, _, change in sorted(changes, key=ORDER):
        if isinstance(change, Pause):
            paused.append(change)
            continue
        if isinstance(change, Draw):
            drawn.append(change)
            first = _row_of(spans, on)
        else:
            in_force.append(change)
            first = _row_of(spans, on - ONE_DAY)
        start, end = spans[first]
        within = sum(draw.amount for draw in drawn if start < draw.on < end)
        known = periods(part, spans, in_force, drawn, paused, level_part=level_part)
        yield Known(first, _opening(spans, drawn), known, within)


def _flat(
    plan: Plan,
    part: Part,
    spans: Timetable,
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    *,
    pauses: Sequence[Pause],
) -> Amounts:
    """Interest row by row on all that was drawn; each draw or rate sets the instalment anew."""
    count = len(spans)
    levels: list[Money] = [0] * count
    drawn, in_force = list[Draw](), [rates[0]]
    changes: list[tuple[date, int, Draw | RateFrom]] = [
        *((draw.on, 0, draw) for draw in draws),
        *((rate.on, 1, rate) for rate in rates[1:]),
    ]
    for on, _, change in sorted(changes, key=ORDER):
        if isinstance(change, Draw):
            drawn.append(change)
            first = _row_of(spans, on)
        else:
            in_force.append(change)
            first = _row_of(spans, on - ONE_DAY)
        whole = _interest_on_drawn(plan, part, spans, drawn, in_force)
        begun = [pause for pause in pauses if pause.first < on]
        due = _interest_on_drawn(plan, part, spans, drawn, in_force, pauses=begun)
        owed = sum(each.amount for each in drawn) + sum(due[:first]) + sum(whole[first:])
        level = plan.levelled(Decimal(owed - sum(levels[:first])) / (count - first))
        levels[first:] = [level] * (count - first)
    interest = _interest_on_drawn(plan, part, spans, drawn, in_force, pauses=pauses)
    principals = [level - part for level, part in zip(levels, interest, strict=True)]
    return _with_residue(principals, interest, sum(draw.amount for draw in draws))


def _interest_on_drawn(
    plan: Plan,
    part: Part,
    spans: Timetable,
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    *,
    pauses: Sequence[Pause] = (),
) -> list[Money]:
    if not plan.parts_of_rows:
        starts = [min(draw.on, spans[_row_of(spans, draw.on)].start) for draw in draws]
        draws = [Draw(on, draw.amount) for on, draw in zip(starts, draws, strict=True)]
    standing = _opening(spans, draws)
    found: list[Money] = []
    for period in periods(part, spans, rates, draws, pauses):
        found.append(plan.closed(standing * period.factor + period.drawn_interest))
        standing += period.drawn
    return found


def _evenly(plan: Plan, draw: Draw, ahead: Sequence[Period]) -> Amounts:
    """The whole interest of *draw* in equal parts."""
    count, amount = len(ahead), draw.amount - draw.down_payment
    whole = draw.amount * sum((period.factor for period in ahead), Decimal(0))
    each = plan.closed(whole / count)
    interest = [each] * (count - 1)
    interest.append(plan.closed(whole) - sum(interest))
    if plan.multiple_of == 1:
        principal = plan.closed(Decimal(amount) / count)
    else:
        principal = plan.levelled((amount + whole) / count) - each
    return _with_residue([principal] * count, interest, amount)


def _with_residue(principals: Sequence[Money], interest: list[Money], amount: Money) -> Amounts:
    """Rows that repay *amount*, the last with what is left for it."""
    found, balances, balance = list[Money](), list[Money](), amount
    for wanted in principals[:-1]:
        principal = min(max(wanted, 0), balance)
        balance -= principal
        found.append(principal)
        balances.append(balance)
    return Amounts([*found, balance], interest, [*balances, 0])


def _dated(spans: Timetable, draws: Sequence[Draw], made: Amounts) -> Due:
    """The rows with their days, and among them those of down payments."""
    if len(draws) == 1 and not draws[0].down_payment:
        return Due(spans.ends, *made)
    due = [(on, 1, Row(*row)) for on, *row in zip(spans.ends, *made, strict=True)]
    drawn = accumulate(draw.amount for draw in draws)
    paid = [
        (draw.on, 0, Row(draw.down_payment, 0, total))
        for draw, total in zip(draws, drawn, strict=True)
        if draw.down_payment
    ]
    found, repaid = Due([], [], [], []), 0  # type: Due, Money
    for on, kind, row in sorted(due + paid, key=ORDER):
        repaid += row.principal
        before = sum(draw.amount for draw in draws if draw.on < on) if kind else row.balance
        found.due_on.append(on)
        found.principals.append(row.principal)
        found.interest.append(row.interest)
        found.balances.append(before - repaid)
    return found
