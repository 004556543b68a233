"""The instalments of a loan: what falls due when, and how much of it is paid."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count, pairwise, repeat
from operator import attrgetter
from typing import cast

from domain.base.calendar import BusinessDays
from domain.base.refusal import Refusal
from domain.base.repayment import DAILY_METHODS, InterestOn
from domain.base.terms import Accrual, FeeTiming, RatePlanKind, Settling, Terms
from domain.loan.fees import at_disbursement, charge, charged_at, withheld
from domain.loan.layout import PlanImpossible, in_columns
from domain.loan.periods import ONE_DAY, Draw, RateFrom, Span
from domain.loan.soundness import must_be_sound
from domain.loan.timetable import (
    TermsNotOffered,
    down_payment,
    level_share,
    plan_of,
    share,
    timetable,
)

ACCRUALS = frozenset((None, *Accrual))

OWED_MOST = 10**18
"""What interest, or fees, may come to in all, in minor units: sums of them stay in int64."""
FEES = attrgetter("fees")


class RowBelowZero(Refusal):
    """An instalment would repay less than nothing."""

    code = "ROW_BELOW_ZERO"


@dataclass(frozen=True)
class Instalment:
    """One scheduled payment and what of it is paid; amounts in minor units.

    ``due_on`` is the contract's date; lateness counts from ``pay_by_on``.
    ``paid_on`` is the day principal, interest and charges were all paid. What is paid of
    a penalty counts for what was charged before it counts for what accrued.
    """

    number: int
    due_on: date
    pay_by_on: date
    principal: int
    interest: int
    fees: int
    principal_paid: int = 0
    interest_paid: int = 0
    fees_paid: int = 0
    penalty_paid: int = 0
    penalty_waived: int = 0
    paid_on: date | None = None
    penalty_charged: int | None = None

    @property
    def left(self) -> int:
        """What is still to be paid on it, accrued penalty apart."""
        return (
            self.principal
            + self.interest
            + self.fees
            - self.principal_paid
            - self.interest_paid
            - self.fees_paid
            + (self.penalty_left if self.penalty_charged else 0)
        )

    @property
    def principal_left(self) -> int:
        """Principal still to be paid on it."""
        return self.principal - self.principal_paid

    @property
    def penalty_left(self) -> int:
        """Charged penalty still to be paid on it."""
        return max((self.penalty_charged or 0) - self.penalty_paid, 0)


class _Unpaid:
    """What becomes an :class:`Instalment` of which nothing is paid, to be paid by its due date.

    The constructor of a frozen record takes four times as long, and was a half of a schedule.
    """

    def __init__(self, number: int, due_on: date, principal: int, interest: int, fees: int) -> None:
        self.number = number
        self.due_on = self.pay_by_on = due_on
        self.principal = principal
        self.interest = interest
        self.fees = fees
        self.principal_paid = self.interest_paid = self.fees_paid = 0
        self.penalty_paid = self.penalty_waived = 0
        self.paid_on = self.penalty_charged = None
        self.__class__ = Instalment  # type: ignore[assignment]


scheduled = cast("Callable[[int, date, int, int, int], Instalment]", _Unpaid)
"""An instalment of a number, due on a day, of so much principal, interest and fees."""


def schedule(
    terms: Terms, disbursed_on: date, first_due_on: date | None = None
) -> list[Instalment]:
    """The instalments of a loan disbursed in full on *disbursed_on*.

    Interest of a period is counted on its opening balance and rounded once; the
    last instalment takes the residue, so the principals sum to the amount lent. A down
    payment is an instalment of its own, due on the day of the payout; a fee that is withheld
    from the payout is paid with it.

    Raises:
        TermsNotOffered: method, term or first due date cannot be scheduled.
        PlanImpossible: the choices of the repayment do not go together, or come to more
            than can be reckoned or stored.
        RowBelowZero: an instalment would repay less than nothing.
    """
    must_be_sound(terms)
    _check_accrual(terms)
    rows = timetable(terms, disbursed_on, first_due_on)
    plan = plan_of(terms, len(rows))
    rates = rates_of(terms, rows)
    if rates[1:] and plan.interest_on != InterestOn.BALANCE:
        raise PlanImpossible("Flat interest of a loan goes with one rate.")
    due_on, principals, interest, _ = in_columns(
        plan,
        share(terms, disbursed_on),
        rows,
        draws_of(terms, disbursed_on),
        rates,
        level_part=level_share(terms),
    )
    # Terms always round, so no amount has a fraction.
    whole: tuple[list[int], list[int]] = principals, interest  # type: ignore[assignment]
    if min(whole[0]) < 0:
        raise RowBelowZero(_below_zero(whole[0]))
    fees: Iterable[int] = repeat(0)
    if terms.fees and charged_at(terms, FeeTiming.PER_INSTALMENT):
        fees = [fees_of(terms, *row) for row in zip(*whole, strict=True)]
    instalments = list(map(scheduled, count(1), due_on, *whole, fees))
    if sum(whole[1]) > OWED_MOST or (terms.fees and sum(map(FEES, instalments)) > OWED_MOST):
        raise PlanImpossible(
            "Interest or fees come to more than any loan here can owe: lower the rate or the term."
        )
    return with_payout(terms, disbursed_on, instalments) if terms.fees else instalments


def with_payout(terms: Terms, disbursed_on: date, rows: list[Instalment]) -> list[Instalment]:
    """*rows* behind the one of what *terms* charge at the payout, if they charge anything then.

    What is withheld of it is paid with the payout.
    """
    rows = rows if rows[0].number else rows[1:]
    if not (at_once := at_disbursement(terms)):
        return rows
    row = scheduled(0, disbursed_on, 0, 0, at_once)
    if kept := withheld(terms):
        row = replace(row, fees_paid=kept, paid_on=None if kept < at_once else disbursed_on)
    return [row, *rows]


def rolled(
    rows: Sequence[Instalment], business_days: BusinessDays | None, disbursed_on: date
) -> list[Instalment]:
    """*rows* that may be paid by the first business day from their due date on.

    The due dates stay, so that a holiday never moves the next one. What is paid with the
    payout is paid on its day.

    Source: Civil Code of the PRC, art. 203.
    """
    if business_days is None:
        return list(rows)
    return [
        row
        if row.due_on == disbursed_on
        else replace(row, pay_by_on=business_days.on_or_after(row.due_on))
        for row in rows
    ]


def _check_accrual(terms: Terms) -> None:
    """Pass when the parts of *terms* go with the way that interest accrues.

    Raises:
        TermsNotOffered: they do not.
    """
    if terms.accrual not in ACCRUALS:
        raise TermsNotOffered(f"Interest accrues by no rule {terms.accrual!r}.")
    if terms.accrual != Accrual.DAILY_BALANCE:
        return
    chosen = terms.repayment
    if terms.method not in DAILY_METHODS:
        raise TermsNotOffered(
            f"The method {terms.method} does not go with interest by the balance of each day."
        )
    if terms.settling == Settling.STATUTORY_UK:
        raise TermsNotOffered(
            "Settling by statute is reckoned from equal payments as scheduled; by the balance of"
            " each day a loan owes the interest to the day of itself."
        )
    if chosen is not None and (chosen.interest_on != InterestOn.BALANCE or chosen.down_payment):
        raise TermsNotOffered(
            "Flat interest and down payments do not go with the balance of each day."
        )


def paid_out_at_first(terms: Terms) -> int:
    """What is lent at once, before what is withheld of it; minor units."""
    return terms.amount - sum([draw.amount for draw in terms.draws or ()])


def draws_of(terms: Terms, begins_on: date) -> list[Draw]:
    """What is paid out when the loan begins, and what the contract says will be later."""
    later = [Draw(draw.on, draw.amount) for draw in terms.draws or ()]
    return [Draw(begins_on, paid_out_at_first(terms), down_payment(terms)), *later]


def _below_zero(principals: Sequence[int]) -> str:
    number = next(place for place, each in enumerate(principals, start=1) if each < 0)
    if number == len(principals):
        return (
            "The loan would be repaid before its last instalment:"
            " lend more at least, or round instalments less."
        )
    return (
        f"Instalment {number} would not pay its interest, and the debt would grow:"
        " raise the payment, or let interest above it come on top (ON_TOP)."
    )


def rates_of(terms: Terms, rows: Sequence[Span]) -> list[RateFrom]:
    """The rates that are known when the contract is signed, each with its first day."""
    first = RateFrom(rows[0].start, terms.annual_rate)
    if terms.rate_plan is None:
        return [first]
    starts = {number: row.start for number, row in enumerate(rows, start=1)}
    return [first, *steps_ahead(terms, starts)]


def steps_ahead(terms: Terms, starts: Mapping[int, date]) -> list[RateFrom]:
    """The later rates that the terms fix, for instalments that start on these days."""
    plan = terms.rate_plan
    if plan is None or plan.kind != RatePlanKind.SCHEDULED:
        return []
    return [
        RateFrom(starts[step.from_instalment] + ONE_DAY, step.annual_rate)
        for step in plan.steps
        if step.from_instalment in starts
    ]


def fees_of(terms: Terms, principal: int, interest: int) -> int:
    """What fees an instalment of so much brings of itself; minor units."""
    return sum(
        charge(fee, terms, principal, interest)
        for fee in charged_at(terms, FeeTiming.PER_INSTALMENT)
    )


def opening_fault(rows: list[Instalment]) -> str | None:
    """What is wrong with the instalments left of a loan taken over; None when nothing."""
    if not rows:
        return "A loan without open instalments has nothing to service."
    for row, later in pairwise(rows):
        if later.due_on <= row.due_on or later.number != row.number + 1:
            return f"Instalment {later.number} does not follow on instalment {row.number}."
    for row in rows:
        paid = (row.principal_paid, row.interest_paid, row.fees_paid)
        owed = (row.principal, row.interest, row.fees)
        if any(not 0 <= part <= whole for part, whole in zip(paid, owed, strict=True)):
            return f"Of instalment {row.number} less than nothing, or more than all, is paid."
        if row.penalty_paid < 0 or row.penalty_waived < 0 or row.pay_by_on < row.due_on:
            return f"Instalment {row.number} has a penalty or a pay-by date that cannot be."
    return None
