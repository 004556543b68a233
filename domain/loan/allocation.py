"""How a sum of money is split over what is owed."""

from dataclasses import dataclass, replace
from datetime import date

from domain.base.terms import Owed
from domain.loan.schedule import Instalment


@dataclass(frozen=True)
class Part:
    """What one payment paid on one instalment; minor units."""

    instalment: int
    fees: int
    interest: int
    penalty: int
    principal: int


@dataclass(frozen=True)
class Split:
    """A sum over what was owed; *unapplied* is what it adds to the borrower's credit.

    It is negative when credit was used up with it.
    """

    fees: int = 0
    interest: int = 0
    penalty: int = 0
    principal: int = 0
    unapplied: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.fees + self.interest + self.penalty + self.principal + self.unapplied

    def less(self, other: "Split") -> "Split":
        """The change from *other* to this one."""
        return Split(
            self.fees - other.fees,
            self.interest - other.interest,
            self.penalty - other.penalty,
            self.principal - other.principal,
            self.unapplied - other.unapplied,
        )


def split_of(parts: list[Part], unapplied: int) -> Split:
    """The sum of *parts*, with *unapplied* beside it."""
    return Split(
        fees=sum(part.fees for part in parts),
        interest=sum(part.interest for part in parts),
        penalty=sum(part.penalty for part in parts),
        principal=sum(part.principal for part in parts),
        unapplied=unapplied,
    )


def pay(
    row: Instalment, penalty_due: int, amount: int, order: list[str], on: date
) -> tuple[Instalment, Part]:
    """*row* after as much of *amount* as it can take, and what it took.

    *order* names fee, interest, penalty and principal once each.
    """
    due = {
        Owed.FEE: row.fees - row.fees_paid,
        Owed.INTEREST: row.interest - row.interest_paid,
        Owed.PENALTY: penalty_due,
        Owed.PRINCIPAL: row.principal_left,
    }
    took = dict.fromkeys(Owed, 0)
    for name in order:
        kind = Owed(name)
        took[kind] = min(amount, due[kind])
        amount -= took[kind]
    after = replace(
        row,
        fees_paid=row.fees_paid + took[Owed.FEE],
        interest_paid=row.interest_paid + took[Owed.INTEREST],
        penalty_paid=row.penalty_paid + took[Owed.PENALTY],
        principal_paid=row.principal_paid + took[Owed.PRINCIPAL],
    )
    if after.left == 0 and after.paid_on is None:
        after = replace(after, paid_on=on)
    part = Part(
        row.number,
        fees=took[Owed.FEE],
        interest=took[Owed.INTEREST],
        penalty=took[Owed.PENALTY],
        principal=took[Owed.PRINCIPAL],
    )
    return after, part
