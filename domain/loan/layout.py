"""A repayment plan laid over dates: draws, changes of rate and days without interest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from itertools import accumulate, groupby
from typing import NamedTuple

from domain.base.records import each_as
from domain.base.refusal import Refusal
from domain.base.repayment import InterestOn, Method
from domain.loan.amortisation import REPAID, Amounts, Known, Row, amounts, rows, set_levels
from domain.loan.periods import ONE_DAY, Draw, Money, Part, Pause, Period, RateFrom, Span, periods
from domain.loan.plan import DIGITS, Plan


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


def laid_out(
    plan: Plan,
    part: Part,
    spans: Sequence[Span],
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    *,
    pauses: Sequence[Pause] = (),
    level_part: Part | None = None,
) -> list[DueRow]:
    """The rows of *plan* over *spans*, and one more for each down payment.

    Draws stand in order of time, the first at the beginning; the first rate counts from
    there. Each later draw or rate sets the instalment anew from the row it falls in, as if
    what comes after it were not known; a pause leaves it, and the last row is smaller. The
    equal instalment goes by *level_part*, if that is another than *part*.

    Raises:
        PlanImpossible: the plan does not fit the rows, draws or changes.
    """
    _check(plan, spans, draws)
    lent = [Draw(draw.on, draw.amount - draw.down_payment) for draw in draws]
    with reckoning():
        if plan.interest_on == InterestOn.BALANCE:
            known = list(_knowledge(part, spans, lent, rates, pauses, level_part=level_part))
            ahead = known[-1].periods
            if pauses:  # the last may follow all that sets instalments anew
                ahead = periods(part, spans, rates, lent, pauses, level_part=level_part)
            made: Sequence[Amounts]
            made = amounts(plan, _opening(spans, lent), ahead, set_levels(plan, known))
        elif len(rates) > 1 or pauses:
            raise PlanImpossible("Flat interest goes with one rate and no pause.")
        elif plan.interest_on == InterestOn.DRAWN:
            made = _flat(plan, part, spans, lent, rates)
        else:
            made = _evenly(plan, draws[0], periods(part, spans, rates))
    return _dated(spans, draws, made)


@contextmanager
def reckoning() -> Iterator[None]:
    """Reckon with the digits of a schedule; figures that these cannot hold are refused.

    Raises:
        PlanImpossible: a figure grew beyond them, or has no value.
    """
    try:
        with localcontext(prec=DIGITS):
            yield
    except (InvalidOperation, DivisionByZero, Overflow):
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
    with reckoning():
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


def _check(plan: Plan, spans: Sequence[Span], draws: Sequence[Draw]) -> None:
    if plan.count != len(spans):
        raise PlanImpossible(f"A plan of {plan.count} rows does not fit {len(spans)}.")
    if plan.grace_interest >= len(spans):
        raise PlanImpossible("Grace on interest leaves no row that collects it.")
    days = [draw.on for draw in draws]
    if not days or days[0] != spans[0].start or days != sorted(days):
        raise PlanImpossible("The draws do not stand in order from the first row's start.")
    if days[-1] > spans[-1].end:
        raise PlanImpossible(f"The draw of {days[-1]} lies after the last due date.")
    if len(draws) > 1 and plan.interest_on == InterestOn.DRAWN_EVENLY:
        raise PlanImpossible("Flat interest in equal parts goes with one draw.")
    if any(not 0 <= draw.down_payment <= draw.amount for draw in draws):
        raise PlanImpossible("A down payment is more than its draw.")
    if plan.method == Method.CUSTOM and (
        len(plan.principals) != len(spans)
        or sum(plan.principals) != sum(draw.amount - draw.down_payment for draw in draws)
    ):
        raise PlanImpossible("The principals of a custom schedule are not those of the loan.")


def _opening(spans: Sequence[Span], draws: Sequence[Draw]) -> Money:
    return sum(draw.amount for draw in draws if draw.on <= spans[0].start)


def _row_of(spans: Sequence[Span], on: date) -> int:
    """The row that holds the days after *on*, counted from zero; the last after all."""
    return next((n for n, span in enumerate(spans) if on < span.end), len(spans) - 1)


def _knowledge(
    part: Part,
    spans: Sequence[Span],
    draws: Sequence[Draw],
    rates: Sequence[RateFrom],
    pauses: Sequence[Pause],
    *,
    level_part: Part | None,
) -> Iterator[Known]:
    changes: list[tuple[date, int, Draw | RateFrom | Pause]] = [
        *((draw.on, 0, draw) for draw in draws),
        *((rate.on, 1, rate) for rate in rates[1:]),
        *((pause.first, 2, pause) for pause in pauses),
    ]
    drawn: list[Draw] = []
    in_force, paused = [rates[0]], list[Pause]()
    for on, _, change in sorted(changes, key=lambda each: each[:2]):
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
    plan: Plan, part: Part, spans: Sequence[Span], draws: Sequence[Draw], rates: Sequence[RateFrom]
) -> list[Row]:
    """Interest row by row on all that was drawn; each draw sets the instalment anew."""
    count = len(spans)
    levels: list[Money] = [0] * count
    interest: list[Money] = []
    for number, draw in enumerate(draws, start=1):
        drawn = draws[:number]
        interest = _interest_on_drawn(plan, part, spans, drawn, rates)
        first = _row_of(spans, draw.on)
        owed = sum(each.amount for each in drawn) + sum(interest)
        level = plan.levelled(Decimal(owed - sum(levels[:first])) / (count - first))
        levels[first:] = [level] * (count - first)
    principals = [level - part for level, part in zip(levels, interest, strict=True)]
    return _with_residue(principals, interest, sum(draw.amount for draw in draws))


def _interest_on_drawn(
    plan: Plan, part: Part, spans: Sequence[Span], draws: Sequence[Draw], rates: Sequence[RateFrom]
) -> list[Money]:
    if not plan.parts_of_rows:
        starts = [min(draw.on, spans[_row_of(spans, draw.on)].start) for draw in draws]
        draws = [Draw(on, draw.amount) for on, draw in zip(starts, draws, strict=True)]
    standing = _opening(spans, draws)
    found: list[Money] = []
    for period in periods(part, spans, rates, draws):
        found.append(plan.closed(standing * period.factor + period.drawn_interest))
        standing += period.drawn
    return found


def _evenly(plan: Plan, draw: Draw, ahead: Sequence[Period]) -> list[Row]:
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


def _with_residue(
    principals: Sequence[Money], interest: Sequence[Money], amount: Money
) -> list[Row]:
    """Rows that repay *amount*, the last with what is left for it."""
    found, balance = list[Row](), amount
    for wanted, part in zip(principals[:-1], interest, strict=False):
        principal = min(max(wanted, 0), balance)
        balance -= principal
        found.append(Row(principal, part, balance))
    return [*found, Row(balance, interest[-1], 0)]


def _dated(spans: Sequence[Span], draws: Sequence[Draw], made: Sequence[Amounts]) -> list[DueRow]:
    """The rows with their days, and among them those of down payments."""
    if len(draws) == 1 and not draws[0].down_payment:
        _, ends = zip(*spans, strict=True)
        return each_as(DueRow, zip(ends, *zip(*made, strict=True), strict=True))
    due = [(span.end, 1, row) for span, row in zip(spans, each_as(Row, made), strict=True)]
    drawn = accumulate(draw.amount for draw in draws)
    paid = [
        (draw.on, 0, Row(draw.down_payment, 0, total))
        for draw, total in zip(draws, drawn, strict=True)
        if draw.down_payment
    ]
    found, repaid = list[DueRow](), 0  # type: list[DueRow], Money
    for on, kind, row in sorted(due + paid, key=lambda each: each[:2]):
        repaid += row.principal
        before = sum(draw.amount for draw in draws if draw.on < on) if kind else row.balance
        found.append(DueRow(on, row.principal, row.interest, before - repaid))
    return found
