"""Whether the formulas of an explanation come to the figures beside them."""

from __future__ import annotations

import re
from decimal import Decimal

from domain.base.money import exponent, rounded
from domain.base.terms import Terms
from domain.loan.explained import Explanation

CLOSED = re.compile(
    r" = (?P<exact>-?[\d,]+\.\d+), rounded half (up|even)"
    r"(, and (?P<before>[\d,.]+) of the instalments before)?"
    r"(, of which (?P<left>[\d,.]+) is left to the next)?$"
)


def assert_formulas_close(told: Explanation, terms: Terms) -> None:
    """The formula of each instalment as it was first laid comes to its interest."""
    for line in told.lines:
        if line.what != "interest" or line.formula is None:
            continue
        if "by contract" in line.formula or " in all, " in line.formula:
            continue  # it bears none, or a share of what all of them bear
        found = CLOSED.search(line.formula)
        assert found is not None, line.formula
        exact, before, left = (
            Decimal((found[name] or "0").replace(",", "")) * 10 ** exponent(terms.currency)
            for name in ("exact", "before", "left")
        )
        # The exact figure is shown to four decimals more than the currency has.
        closed = {rounded(exact + nudge, terms.rounding) for nudge in (-NUDGE, 0, NUDGE)}
        assert line.amount in {each + before - left for each in closed}, line.formula


NUDGE = Decimal("0.0001")
