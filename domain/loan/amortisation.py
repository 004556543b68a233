"""The money of a schedule: rows from a repayment plan and the periods' interest.

Interest of a row is counted on its opening balance and rounded once; the last row takes
the residue. Amounts are minor units, or ``Decimal`` in a plan that rounds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, getcontext
from functools import lru_cache
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from domain.base.money import rounded
from domain.base.records import each_as
from domain.base.repayment import ExcessInterest, LevelFrom, Method
from domain.loan import annuity
from domain.loan.annuity import growth_and_worth
from domain.loan.periods import Money, Period
from domain.loan.plan import CLOSING, DIGITS, LEVEL, Plan

REPAID = Decimal("1e-9")
"""A balance this small counts as repaid where nothing is rounded."""

REFIT_TRIES = 3

PRODUCTS = Context(prec=DIGITS)

LEVEL_FACTOR = attrgetter("level_factor")


class Row(NamedTuple):
    """What falls due together, and the principal left after it."""

    principal: Money
    interest: Money
    balance: Money


class Amounts(NamedTuple):
    """The same, column by column."""

    principals: list[Money]
    interest: list[Money]
    balances: list[Money]


InIntegers = tuple[int, int, int, int]
"""A numerator, a shift, a denominator, and up to where a remainder is far from a half.

What a row bears on B is (B·numerator + shift) // denominator, where what remains is below
the last. The shift is a thousandth less than a half: so an amount whose fraction lies within
a thousandth of a half leaves more, and is left to decimals. Elsewhere every way to round
gives the same, and so do the digits to which decimals are brought before.
"""

LARGEST = 10**24
"""Below it these digits hold a thousandth of a minor unit."""


class Known(NamedTuple):
    """What is known when instalments are set anew from row *first*, counted from zero.

    *opening* is the first balance and *periods* are all rows, as then known; *within* is
    what row *first* draws, which the instalment reckons with in full.
    """

    first: int
    opening: Money
    periods: Sequence[Period]
    within: Money = 0


def level(balance: Money, factors: Sequence[Decimal]) -> Decimal:
    """The equal instalment that repays *balance* over rows of these factors, unrounded.

    B·Π(1+F) / Σⱼ Π_{i>j}(1+F): the annuity formula where all factors are equal.
    """
    known = getcontext().prec <= annuity.DIGITS  # what is kept has no more digits
    if known and factors.count(factors[0]) == len(factors):
        growth, worth = growth_and_worth(factors[0], len(factors))
    else:
        growth, worth = Decimal(1), Decimal(0)
        for factor in factors:
            by = 1 + factor
            growth *= by
            worth = worth * by + 1
    return balance * growth / worth


def rows(
    plan: Plan, opening: Money, periods: Iterable[Period], levels: Iterable[Money]
) -> list[Row]:
    """The rows from *opening* on; *levels* are the instalments, or equal shares of principal.

    Without a count they end when all is repaid, or with *periods*.
    """
    return each_as(Row, zip(*amounts(plan, opening, periods, levels), strict=True))


def amounts(
    plan: Plan, opening: Money, periods: Iterable[Period], levels: Iterable[Money]
) -> Amounts:
    """What :func:`rows` holds, for who makes other records of it."""
    # Operators on the context at hand are three times as fast as a context's methods.
    context = getcontext()
    outer, context.prec = context.prec, CLOSING.prec if plan.rounding else max(DIGITS, context.prec)
    try:
        return _paid_down(plan, opening, periods, levels)
    finally:
        context.prec = outer


def _paid_down(
    plan: Plan, opening: Money, periods: Iterable[Period], levels: Iterable[Money]
) -> Amounts:
    """The rows; those of whole instalments in integers, which takes a third of the time.

    Theirs is the same rule as in :func:`_row`, where no rounding and no bound decides.
    """
    found = principals, interests, balances = Amounts([], [], [])
    last, until_repaid, plain_from = plan.repays_all, plan.count is None, plan.plain_from
    balance, carry = opening, 0  # type: Money, Money
    repay, bear, leave = principals.append, interests.append, balances.append
    numerator = shift = denominator = far = 0
    same: Period | None = None
    for number, period, instalment in zip(count(1), periods, levels, strict=False):
        if period is not same:
            same, whole = period, None
            if plain_from is not None and number >= plain_from and not carry:
                whole = _in_integers(period, balance)
            if whole is not None:
                numerator, shift, denominator, far = whole
        if whole is not None:
            interest, rest = divmod(balance * numerator + shift, denominator)
            principal = instalment - interest if number != last else balance
            if rest < far and 0 <= principal <= balance:
                balance -= principal
                repay(principal)
                bear(interest)
                leave(balance)
                continue
        same = None  # what a row bears in integers counts until the balance grows
        principal, interest, carry = _row(plan, number, period, instalment, (balance, carry))
        balance = balance + period.drawn - principal
        repay(principal)
        bear(interest)
        leave(balance)
        if until_repaid and balance <= REPAID:
            break
    return found


def _row(
    plan: Plan, number: int, period: Period, instalment: Money, before: tuple[Money, Money]
) -> tuple[Money, Money, Money]:
    """Principal and interest of a row, and the interest that a later one is to pay.

    *before* it stand a balance and such interest.
    """
    factor, _, drawn, drawn_interest = period
    (balance, interest), carry = before, 0  # type: tuple[Money, Money], Money
    if number > plan.interest_free:
        exact = factor * balance
        if drawn_interest:  # the sum is rounded once, too
            exact = factor.fma(balance, drawn_interest)
        interest += rounded(exact, plan.rounding) if plan.rounding else exact
    if number <= plan.grace_interest:
        interest, carry = 0, interest
    left = balance + drawn
    if plan.pays_instalments and plan.grace_principal < number != plan.repays_all:
        if plan.carries_interest and interest > instalment:
            interest, carry = instalment, interest - instalment
        principal = instalment - interest
        if not 0 <= principal <= left:
            principal = min(max(principal, 0), left)
    elif number == plan.repays_all:
        principal = left
    else:
        principal = _principal(plan, number, left, interest, instalment)
    return principal, interest, carry


def _in_integers(period: Period, balance: Money) -> InIntegers | None:
    """The interest of a row on *balance*, or less, in integers; None where it takes decimals."""
    factor, _, drawn, drawn_interest = period
    if drawn or drawn_interest or not isinstance(balance, int):
        return None
    found = _scaled(factor)
    return found if abs(balance * found[0]) < LARGEST * found[2] else None


@lru_cache(maxsize=1024)
def _scaled(factor: Decimal) -> InIntegers:
    over, under = factor.as_integer_ratio()
    return 1000 * over, 499 * under, 1000 * under, 998 * under


def _principal(plan: Plan, number: int, left: Money, interest: Money, share: Money) -> Money:
    """The principal of a row in grace, without an equal instalment, or adding interest to it."""
    if number <= plan.grace_principal:
        return 0
    if plan.method in LEVEL:
        return share - interest
    return min(_by_method(plan, number, left, interest, share), left)


def _by_method(plan: Plan, number: int, left: Money, interest: Money, share: Money) -> Money:
    match plan.method:
        case Method.CUSTOM:
            return plan.principals[number - 1]
        case Method.FIXED_PAYMENT:
            return _above(plan, plan.payment - interest)
        case Method.FIXED_PRINCIPAL:
            return plan.payment
        case Method.PERCENT_OF_PRINCIPAL:
            return max(plan.closed(PRODUCTS.multiply(left, plan.percent)), plan.least)
        case Method.PERCENT_OF_BALANCE:
            owed = PRODUCTS.multiply(left + interest, plan.percent)
            return _above(plan, max(plan.closed(owed), plan.least) - interest)
        case _:
            return share


def _above(plan: Plan, principal: Money) -> Money:
    """*principal*, or none where the interest comes on top of a payment that is too small."""
    return max(principal, 0) if plan.excess_interest == ExcessInterest.ON_TOP else principal


def set_levels(plan: Plan, knowledge: Iterable[Known]) -> list[Money]:
    """The instalment of each row, set anew at each state of knowledge; earlier rows stay.

    Under equal principal it is the share of principal, and zero under methods with neither.
    """
    found: list[Money] = []
    for known in knowledge:
        found = found or [0] * len(known.periods)
        balance = known.opening
        if known.first:
            balance = rows(plan, balance, known.periods[: known.first], found)[-1].balance
        instalment = _instalment(plan, balance + known.within, known.periods, known.first)
        found[known.first :] = _from(plan, instalment, known)
        if plan.refit and plan.rounding and plan.method == Method.EQUAL_INSTALMENTS:
            found = _refitted(plan, known, found)
    return found


def _instalment(plan: Plan, balance: Money, periods: Sequence[Period], first: int) -> Money:
    graced = max(plan.grace_principal, first)
    count = max(plan.amortised_over or 0, len(periods)) - graced
    if count <= 0:
        return 0
    if plan.method != Method.EQUAL_INSTALMENTS:
        return _other_share(plan, balance, periods, first, count)
    if plan.level_from == LevelFrom.FIRST_ROW:
        return plan.levelled(level(balance, [periods[first].level_factor] * count))
    factors = _level_factors(periods[graced:])
    if plan.interest_free > graced:
        free = min(plan.interest_free - graced, len(factors))
        factors[:free] = [Decimal(0)] * free
    factors += [periods[-1].level_factor] * (count - len(factors))
    return plan.levelled(level(balance, factors))


def _level_factors(periods: Sequence[Period]) -> list[Decimal]:
    # One period stands for all that are alike; to see that is quicker than to ask each.
    if periods and periods.count(periods[0]) == len(periods):
        return [periods[0].level_factor] * len(periods)
    return list(map(LEVEL_FACTOR, periods))


def _other_share(
    plan: Plan, balance: Money, periods: Sequence[Period], first: int, count: int
) -> Money:
    """The share of principal, or the first of instalments that grow; zero without either."""
    if plan.method == Method.EQUAL_PRINCIPAL:
        return plan.closed(Decimal(balance) / count)
    if plan.method != Method.GROWING_INSTALMENTS:
        return 0
    worth, discount = Decimal(0), Decimal(1)
    for number, period in enumerate(periods[first:], start=first):
        discount /= 1 + period.level_factor
        worth += (
            _grown(plan, number) * discount if number >= max(plan.grace_principal, first) else 0
        )
    return balance / worth


def _from(plan: Plan, instalment: Money, known: Known) -> list[Money]:
    ahead = range(known.first, len(known.periods))
    if plan.method == Method.GROWING_INSTALMENTS:
        return [plan.levelled(instalment * _grown(plan, number)) for number in ahead]
    return [instalment] * len(ahead)


def _grown(plan: Plan, number: int) -> Decimal:
    """How much larger the instalment of a row is than the first one's."""
    years = number // 12
    return (1 + plan.growth) ** years if years else Decimal(1)


def _refitted(plan: Plan, known: Known, levels: list[Money]) -> list[Money]:
    """The instalments with which the last row differs least from those before it.

    Three times at most, its difference is shared among the rows that were set anew.
    """

    def gap(tried: list[Money]) -> int:
        final = rows(plan, known.opening, known.periods, tried)[-1]
        return int(final.principal + final.interest - tried[-1])

    count, left = len(levels) - known.first, gap(levels)
    for _ in range(REFIT_TRIES):
        if count < 2 or abs(left) <= count // 2:
            break
        moved = plan.levelled(levels[-1] + plan.closed(Decimal(left) / count))
        tried = [*levels[: known.first], *[moved] * count]
        if moved == levels[-1]:
            break
        remains = gap(tried)
        if abs(remains) >= abs(left):
            break
        levels, left = tried, remains
    return levels
