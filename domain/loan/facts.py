"""What happened to the money of a loan, in the order it counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from domain.base.terms import ChargesCount, Terms
from domain.loan.held import Held
from domain.loan.reschedule import Change

STEP = "step-"
"""What references of steps of the rate plan begin with."""

RENEWAL = "renewal-"
"""What references of renewals begin with; their number follows."""

EARLY = "prepayment:"
"""What the reference of a charge for paying early begins with; that of the payment follows."""

BEFORE_ALL = -1
"""The place of what counts from the beginning of its day."""


class FactKind(StrEnum):
    """What can move money, or the day it is owed."""

    PAYMENT = "PAYMENT"
    PAYOFF = "PAYOFF"
    REFUND = "REFUND"
    FEE = "FEE"
    WAIVER = "WAIVER"
    MOVE = "MOVE"
    RESCHEDULE = "RESCHEDULE"
    RECOVERY = "RECOVERY"
    DRAW = "DRAW"
    CREDIT = "CREDIT"
    FORGIVEN = "FORGIVEN"
    HOLD = "HOLD"
    HOLD_END = "HOLD_END"


HOLDS = (FactKind.HOLD, FactKind.HOLD_END)
"""That a hold begins, or ends: from the day on, that day counted."""

PAYS = frozenset((FactKind.PAYMENT, FactKind.PAYOFF))
"""Money received on what is owed."""
SPLITS = PAYS | {FactKind.CREDIT}
"""Money that is split over what is owed, received or had as credit."""
MONEY_IN = PAYS | {FactKind.RECOVERY}
"""Money received, on what is owed or on what was lost."""


@dataclass(frozen=True)
class Fact:
    """One thing that counts from *on*; *order* breaks ties by arrival.

    A payment that is posted again has the *order* of the reversed one whose place it takes.
    *due_on* of a charge is its own day, if it has one; *owed* as what it is charged.
    *future_money* is where this payment goes beyond what is due, if not as the terms say.
    A charge is *automatic* that follows from an instalment that was not paid in time.
    *pay_day* is the day of the month from a moved date on, if later ones move with it.
    Of what a payment is charged for coming early *forgiven* is not owed.
    """

    kind: str
    ref: str
    on: date
    order: int
    amount: int = 0
    instalment: int = 0
    due_on: date | None = None
    pay_by_on: date | None = None
    owed: str | None = None
    future_money: str | None = None
    change: Change | None = None
    source: str | None = None
    automatic: bool = False
    hold: Held | None = None
    pay_day: int | None = None
    forgiven: int = 0

    @property
    def pays(self) -> bool:
        """Whether it is money received on what is owed."""
        return self.kind in PAYS

    @property
    def is_money_in(self) -> bool:
        """Whether it is money received, on what is owed or on what was lost."""
        return self.kind in MONEY_IN

    @property
    def splits(self) -> bool:
        """Whether it is money that is split over what is owed, received or had as credit."""
        return self.kind in SPLITS

    def is_due(self, on: date) -> bool:
        """Whether it is a charge whose own day has come by *on*."""
        return self.due_on is not None and self.due_on <= on


def of_kind(facts: Iterable[Fact], kind: str) -> list[Fact]:
    """Those of *facts* that are of one kind, in their order.

    The kind is told once: to name it for each fact takes six times as long.
    """
    return [fact for fact in facts if fact.kind == kind]


def known_as(fact: Fact) -> str:
    """The name of a fact among those of its kind: a fee may be forgiven in parts."""
    return f"waiver-{fact.order}" if fact.kind == FactKind.WAIVER else fact.ref


def named(fact: Fact) -> str:
    """The kind of a fact and its name, which no other fact of a loan has."""
    return f"{fact.kind}:{known_as(fact)}"


def standing(facts: list[Fact]) -> list[Fact]:
    """*facts* without waivers, and charges less what is forgiven of them.

    What is forgiven counts from the day of the charge: no payment that splits anew is
    used up on it.
    """
    waivers = of_kind(facts, FactKind.WAIVER)
    if not waivers:
        return list(facts)
    forgiven = Counter[str]()
    for fact in waivers:
        forgiven[fact.ref] += fact.amount
    return [_less(fact, forgiven) for fact in facts if fact.kind != FactKind.WAIVER]


def _less(fact: Fact, forgiven: Counter[str]) -> Fact:
    """*fact* less what is forgiven of the charge that it is, or brings."""
    if fact.kind == FactKind.FEE and fact.ref in forgiven:
        return replace(fact, amount=fact.amount - min(forgiven[fact.ref], fact.amount))
    if fact.pays and f"{EARLY}{fact.ref}" in forgiven:
        return replace(fact, forgiven=forgiven[f"{EARLY}{fact.ref}"])
    return fact


def counts_from(fact: Fact, terms: Terms) -> tuple[date, int, int]:
    """The day *fact* counts from and its place on that day.

    A hold that begins or ends counts before all else of its day. What is drawn on a day, or
    charged on an instalment for being unpaid or forgiven of one, counts before the rest of
    the day, what is
    laid anew after all that was paid on it, and what the rate plan brings before what is
    granted. Credit pays what is left to pay when the day is over.
    """
    if fact.kind in HOLDS:
        return fact.on, BEFORE_ALL, fact.order
    if fact.automatic or fact.kind == FactKind.FORGIVEN:
        return fact.on, 0, fact.order
    if fact.kind == FactKind.FEE and terms.charges_count == ChargesCount.FROM_THE_START:
        return date.min, 1, fact.order
    if fact.kind == FactKind.DRAW:
        return fact.on, 0, BEFORE_ALL
    place = 1
    if fact.kind == FactKind.RESCHEDULE:
        place = 2 if fact.ref.startswith(STEP) else 3
    elif fact.kind == FactKind.CREDIT:
        place = 4
    return fact.on, place, fact.order
