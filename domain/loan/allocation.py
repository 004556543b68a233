"""How a sum of money is split over what is owed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from domain.base.terms import AllocationScope, Owed, Ripeness
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

    def first(self, money: int, order: list[str]) -> "Split":
        """What *money* takes of it, one component after the other; no more than there is.

        What is below zero is given back, such as a fee that was not earned: it comes first,
        and pays the others together with *money*.
        """
        left = {
            Owed.FEE: self.fees,
            Owed.INTEREST: self.interest,
            Owed.PENALTY: self.penalty,
            Owed.PRINCIPAL: self.principal,
        }
        taken: Taken = {}
        order = sorted(order, key=lambda name: left[Owed(name)] >= 0)
        fill(money, [Claim(0, left)], order, AllocationScope.INSTALMENT, taken)
        took = taken.get(0, left.fromkeys(left, 0))
        return Split(took[Owed.FEE], took[Owed.INTEREST], took[Owed.PENALTY], took[Owed.PRINCIPAL])


def total(splits: Collection[Split]) -> Split:
    """All of *splits* in one."""
    return Split(
        sum(split.fees for split in splits),
        sum(split.interest for split in splits),
        sum(split.penalty for split in splits),
        sum(split.principal for split in splits),
        sum(split.unapplied for split in splits),
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


@dataclass(frozen=True)
class Claim:
    """What one instalment can be paid on, by component."""

    instalment: int
    left: Mapping[Owed, int]


Taken = dict[int, dict[Owed, int]]
"""What a payment paid, by instalment and component."""

UNTAKEN = dict.fromkeys(Owed, 0)
"""What was taken of an instalment that nothing was; to make it anew each time takes longer."""


def fill(money: int, claims: Iterable[Claim], order: list[str], scope: str, taken: Taken) -> int:
    """What is left of *money* after *claims* took what they can, each added to *taken*.

    By *scope* a claim is finished before the next one, or a component over all claims
    before the next component. *order* names fee, interest, penalty and principal once
    each; no claim is looked at after the money is used up.
    """
    kinds = [Owed(name) for name in order]
    if scope == AllocationScope.COMPONENT:
        all_claims = list(claims)
        steps = ((claim, [kind]) for kind in kinds for claim in all_claims)
    else:
        steps = ((claim, kinds) for claim in claims)
    for claim, these in steps:
        money = _take(money, claim.instalment, claim.left, these, taken)
        if money == 0:
            break
    return money


def in_turn(buckets: list[str], *, together: bool) -> list[tuple[Ripeness, list[str]]]:
    """The *buckets* one after the other: of what ripeness, and of which components.

    Taken *together*, those of one ripeness that follow each other are one step.
    """
    steps: list[tuple[Ripeness, list[str]]] = []
    for bucket in buckets:
        ripe = next(each for each in Ripeness if bucket.startswith(each))
        if not (together and steps and steps[-1][0] == ripe):
            steps.append((ripe, []))
        steps[-1][1].append(bucket.removeprefix(f"{ripe}_"))
    return steps


def spread(money: int, claims: list[Claim], order: list[str], taken: Taken) -> int:
    """What is left of *money* after *claims* took equal shares of it, added to *taken*.

    A share is rounded down, the last claim takes the rest; what a claim cannot take is
    shared again. Where a share comes to nothing, the first claim takes all it can. *order*
    may name some of the components only.
    """
    kinds = [Owed(name) for name in order]
    left = {claim.instalment: dict(claim.left) for claim in claims}
    while money and (still := [n for n, each in left.items() if any(each[k] for k in kinds)]):
        share = money // len(still)
        shares = [share] * (len(still) - 1)
        shares = [*shares, money - sum(shares)] if share else [money]
        money = 0
        for number, part in zip(still, shares, strict=False):
            took: Taken = {}
            money += _take(part, number, left[number], kinds, took)
            for kind, amount in took.get(number, {}).items():
                left[number][kind] -= amount
                _add(taken, number, kind, amount)
    return money


def _take(
    money: int, number: int, left: Mapping[Owed, int], kinds: list[Owed], taken: Taken
) -> int:
    for kind in kinds:
        amount = min(money, left[kind])
        if amount:
            _add(taken, number, kind, amount)
            money -= amount
    return money


def _add(taken: Taken, number: int, kind: Owed, amount: int) -> None:
    took = taken.get(number)
    if took is None:
        took = taken[number] = UNTAKEN.copy()
    took[kind] += amount


def pay(row: Instalment, took: dict[Owed, int], on: date) -> tuple[Instalment, Part]:
    """*row* after it *took* money on a day, and the part of the payment that it was."""
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
