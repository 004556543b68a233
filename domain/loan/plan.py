"""A repayment plan: how principal and interest are laid over the rows of a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property

from domain.base.money import Rounding, rounded
from domain.base.repayment import ExcessInterest, InterestOn, LevelFrom, Method
from domain.loan.periods import Money

DIGITS = 34
"""What amounts and factors are reckoned with."""

CLOSING = Context(prec=28)
"""What they are brought to before they are rounded, so that a half is seen as a half."""

LEVEL = (Method.EQUAL_INSTALMENTS, Method.GROWING_INSTALMENTS)
FINAL = (Method.EQUAL_INSTALMENTS, Method.INTEREST_ONLY, Method.PERCENT_OF_PRINCIPAL)
"""Methods whose last row repays what is left even where nothing is rounded."""


@dataclass(frozen=True)
class Plan:
    """How principal and interest are laid over *count* rows; None is until repaid.

    *multiple_of*, in minor units, is what instalments are rounded to. *refit* brings the
    last row near the others. *amortised_over* more rows than *count* leaves a balloon.
    *parts_of_rows* false lets a draw bear flat interest from the start of its row. Grace
    counts rows from the first: without principal, with interest collected in the row after
    them, and without interest. *payment* serves the fixed methods, *percent* (a fraction)
    and *least* those of a percentage, *growth* is that of instalments in twelve rows, and
    *principals* are those of a custom schedule.
    """

    method: str
    count: int | None
    rounding: str | None = Rounding.HALF_UP
    multiple_of: int = 1
    interest_on: str = InterestOn.BALANCE
    level_from: str = LevelFrom.EVERY_ROW
    excess_interest: str = ExcessInterest.NEXT_ROW
    refit: bool = False
    parts_of_rows: bool = True
    amortised_over: int | None = None
    grace_principal: int = 0
    grace_interest: int = 0
    interest_free: int = 0
    payment: Money = 0
    percent: Decimal = Decimal(0)
    least: Money = 0
    growth: Decimal = Decimal(0)
    principals: tuple[int, ...] = ()

    @cached_property
    def repays_all(self) -> int | None:
        """The row that repays what is left, if there is one."""
        rounds = self.rounding is not None
        return self.count if rounds or self.method in FINAL else None

    @cached_property
    def pays_instalments(self) -> bool:
        """Whether a row's principal is what its interest leaves of an instalment."""
        return self.method in LEVEL and self.excess_interest != ExcessInterest.PRINCIPAL

    @cached_property
    def carries_interest(self) -> bool:
        """Whether interest above an instalment is left to the next row."""
        return self.excess_interest == ExcessInterest.NEXT_ROW

    @cached_property
    def plain_from(self) -> int | None:
        """The first row from which on whole instalments pay interest as it falls due, if any."""
        if not self.pays_instalments or not self.rounding or self.count is None:
            return None
        return 1 + max(self.grace_principal, self.grace_interest, self.interest_free)

    def closed(self, amount: Money) -> Money:
        """*amount* without its fraction, where the plan rounds."""
        if self.rounding is None or isinstance(amount, int):
            return amount
        return rounded(CLOSING.plus(amount), self.rounding)

    def levelled(self, amount: Money) -> Money:
        """*amount* to the plan's multiple, or closed where that would leave nothing."""
        if self.rounding is None or self.multiple_of == 1:
            return self.closed(amount)
        return self.closed(Decimal(amount) / self.multiple_of) * self.multiple_of or self.closed(
            amount
        )
