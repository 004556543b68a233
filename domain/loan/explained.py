"""What an explanation is made of: parts that add up, reasons that lead to a label, and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from domain.base.daycount import DayCount, business_days
from domain.base.terms import Terms
from domain.loan.as_of import Standing
from domain.loan.elapsed import is_open


@dataclass(frozen=True)
class Rule:
    """A dated rule that shaped a figure, and the version of it that was in force."""

    rule: str
    version: str


@dataclass(frozen=True)
class Line:
    """One part of a figure, in minor units; the parts of a figure add up to it.

    *version* is the event behind it, *formula* how it was computed, rounding included.
    *rules* are the dated policies that made it what it is, beside the contract.
    """

    figure: str
    amount: int
    on: date
    what: str
    version: int
    instalment: int | None = None
    formula: str | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One step of the way to a label; *version* is the event behind it, if there is one.

    Of money that moves, *amount* is in minor units, and *worth* what it is worth on the day
    of the first.
    """

    on: date
    what: str
    version: int | None = None
    instalment: int | None = None
    rules: tuple[Rule, ...] = ()
    amount: int | None = None
    worth: Decimal | None = None


@dataclass(frozen=True)
class Chain:
    """How a label comes about, reason after reason; the last one says its *value*."""

    figure: str
    value: str | None
    reasons: list[Reason]


@dataclass(frozen=True)
class Explanation:
    """A loan as it stood, every part of what it owed, and why it was labelled as it was."""

    stood: Standing
    lines: list[Line]
    chains: list[Chain] = field(default_factory=list)

    def total(self, figure: str) -> int:
        """What the parts of *figure* add up to."""
        return sum(line.amount for line in self.lines if line.figure == figure)

    def chain(self, figure: str) -> Chain | None:
        """How the label *figure* comes about; None where there is none."""
        return next((chain for chain in self.chains if chain.figure == figure), None)


def percent(rate: Decimal) -> str:
    """A rate as people read it, with all its decimals."""
    return f"{(rate * 100).normalize():f} %"


def days_said(terms: Terms, day_count: str, start: date, end: date) -> str:
    """The days that a share of a year is of, and how they are counted."""
    said = f"{day_count} from {start} to {end}"
    if day_count == DayCount.BUSINESS_252:
        said += f" ({business_days(start, end, is_open(terms))} business days)"
    return said


def rounded_said(terms: Terms) -> str:
    """The step by which a fraction of a minor unit is closed."""
    return f"rounded {terms.rounding.lower().replace('_', ' ')}"


def in_words(label: str) -> str:
    """A word of a closed vocabulary, as people write it."""
    return label.lower().replace("_", " ")


LATER = "later changes of the schedule "


def change_said(kind: str) -> str:
    """In a word, why the rest was laid anew, or what became of that by a loss or a sale."""
    if kind in ("SET_ASIDE", "BROUGHT_BACK"):
        return LATER + in_words(kind)
    return in_words(kind).replace("reag", "re-ag").replace("ream", "re-am")
