"""What settles a loan early: by statute, or with simple interest to the day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction

DIGITS = Context(prec=60)


@dataclass(frozen=True)
class Settlement:
    """What settles a loan on a day; minor units."""

    on: date
    principal: int
    interest: int

    @property
    def amount(self) -> int:
        """All of it."""
        return self.principal + self.interest


def statutory_figure(
    *,
    principal: int,
    instalment: int,
    apr: Decimal,
    months_elapsed: int,
    rate_places: int,
    part_month: Fraction = Fraction(0),
) -> int:
    """What settles an agreement of equal monthly payments after some months; minor units.

    What was lent and the payments of the months elapsed, each with compound interest to
    the day; the monthly rate is rounded half-up to *rate_places* decimals, the figure
    once to the minor unit. The rebate is what is still to be paid less this figure.

    Source: UK Consumer Credit (Early Settlement) Regulations 2004, regulation 4.
    """
    with localcontext(DIGITS):
        unit = Decimal(1).scaleb(-rate_places)
        monthly = ((1 + apr) ** (Decimal(1) / 12) - 1).quantize(unit, rounding=ROUND_HALF_UP)
        growth = 1 + monthly
        figure = principal * growth**months_elapsed - instalment * sum(
            (growth**later for later in range(months_elapsed)), Decimal(0)
        )
        part = Decimal(part_month.numerator) / part_month.denominator
        return int((figure * growth**part).to_integral_value(rounding=ROUND_HALF_UP))


def daily_simple(
    principal: int, daily_rate: Decimal, start: date, payments: Iterable[tuple[date, int]], on: date
) -> Settlement:
    """What settles *principal* on a day at simple interest, *daily_rate* a day.

    Interest accrues unrounded. When money comes it is rounded down to the minor unit and
    paid first, the fraction is dropped; interest that is not paid stays owed and bears
    none. Payments count by their day, those after *on* do not; none goes below zero.

    Raises:
        ValueError: a payment, or *on*, lies before *start*.
    """
    accrued, since = Decimal(0), start
    with localcontext(DIGITS):
        for day, amount in [*sorted(each for each in payments if each[0] <= on), (on, 0)]:
            if day < since:
                raise ValueError(f"{day} lies before {since}, when interest begins")
            accrued += principal * daily_rate * (day - since).days
            since = day
            if amount:
                interest = int(accrued.to_integral_value(rounding=ROUND_FLOOR))
                paid = min(amount, interest)
                accrued = Decimal(interest - paid)
                principal -= min(amount - paid, principal)
        return Settlement(on, principal, int(accrued.to_integral_value(rounding=ROUND_FLOOR)))
