"""The instalments of a loan: what falls due when, and how much of it is paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import localcontext
from itertools import pairwise

from domain.base.calendar import add_months, due_dates
from domain.base.daycount import DayCount, year_fraction
from domain.base.refusal import Refusal
from domain.base.terms import TERM_MONTHS_MAX, FeeTiming, Method, Terms
from domain.loan.amortisation import Known, rows, set_levels
from domain.loan.periods import Period, Span
from domain.loan.plan import DIGITS, ExcessInterest, Plan


class TermsNotOffered(Refusal):
    """The terms name something that cannot be scheduled."""

    code = "TERMS_NOT_OFFERED"


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


def schedule(
    terms: Terms, disbursed_on: date, first_due_on: date | None = None
) -> list[Instalment]:
    """The instalments of a loan disbursed in full on *disbursed_on*.

    Interest of a period is counted on its opening balance and rounded once; the
    last instalment takes the residue, so the principals sum to the amount lent.

    Raises:
        TermsNotOffered: method, term or first due date cannot be scheduled.
    """
    if not 1 <= terms.term_months <= TERM_MONTHS_MAX:
        raise TermsNotOffered(f"A term of {terms.term_months} months cannot be scheduled.")
    count = terms.term_months
    if first_due_on is None:
        dates = due_dates(disbursed_on, count + 1)[1:]
    else:
        dates = due_dates(first_due_on, count)
    if dates[0] <= disbursed_on:
        raise TermsNotOffered(
            f"The first instalment cannot fall due on {dates[0]}, before the money is paid out."
        )
    if terms.method not in list(Method):
        raise TermsNotOffered(f"The repayment method {terms.method!r} is not offered.")
    method = terms.method
    if method == Method.BULLET:
        # One row as long as the term.
        method, dates = Method.INTEREST_ONLY, dates[-1:]
    plan = Plan(method, len(dates), terms.rounding, excess_interest=ExcessInterest.ON_TOP)
    with localcontext(prec=DIGITS):
        ahead = _periods(terms, [Span(*row) for row in pairwise([disbursed_on, *dates])])
        levels = set_levels(plan, [Known(0, terms.amount, ahead)])
        found = rows(plan, terms.amount, ahead, levels)
    fees = sum(fee.amount for fee in terms.fees if fee.timing == FeeTiming.PER_INSTALMENT)
    return [
        Instalment(number, due_on, due_on, int(row.principal), int(row.interest), fees)
        for number, (due_on, row) in enumerate(zip(dates, found, strict=True), start=1)
    ]


def _periods(terms: Terms, spans: Sequence[Span]) -> list[Period]:
    """What each row bears; the equal instalment reckons with twelfths of the rate."""
    twelfth = terms.annual_rate / 12
    whole = Period(twelfth, twelfth)
    found = [whole] * len(spans)
    for number, span in enumerate(spans):
        months = whole_months(terms, span, first=number == 0)
        if months == 0:
            share = year_fraction(terms.day_count, *span)
            found[number] = Period(terms.annual_rate * share, twelfth)
        elif months > 1:
            found[number] = Period(twelfth * months, twelfth * months)
    return found


def whole_months(terms: Terms, span: Span, *, first: bool) -> int:
    """The months of a row that counts by months and not by days; 0 of one that does not.

    A whole month of 30/360 is a twelfth of a year, whatever the calendar says; rows after
    the *first* are whole.
    """
    start, end = span
    if terms.day_count != DayCount.THIRTY_360:
        return 0
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if not first or end == add_months(start, months) else 0


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
