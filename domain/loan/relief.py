"""What can be agreed on a running loan: each agreement as the change that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from domain.base.money import written
from domain.base.repayment import AgreedRow, Method
from domain.base.terms import TERM_MONTHS_MAX, Terms, rate_fits
from domain.loan import refusals as no
from domain.loan.layout import PlanImpossible
from domain.loan.reschedule import Change, RescheduleKind, RolledDay
from domain.loan.schedule import Instalment
from domain.loan.timetable import FIRST_DAY, LAST_DAY, days_after, has_limit

PayBy = Callable[[date], date]
"""The day until which what is due on a day can be paid."""


@dataclass(frozen=True)
class Agreement:
    """What is asked for: a kind, and what it takes of the rest.

    *annual_rate* goes with any kind, *instalments* with an extension or a deferral (months
    where there is one instalment), *free_from* and *free_until* with a pause or moratorium,
    both counted. *interest_too* defers interest as well; *keeps_instalment* re-amortises to
    a shorter term. A schedule that was agreed on for the loan gets *rows* that are agreed on
    anew, instead of a number: with an extension, a deferral, re-ageing or a moratorium.
    *in_difficulty* says whether it is granted to help a borrower who could not pay otherwise,
    which restructures the loan; if it says nothing, the kind does.
    """

    kind: str
    annual_rate: Decimal | None = None
    instalments: int = 0
    interest_too: bool = False
    keeps_instalment: bool = False
    free_from: date | None = None
    free_until: date | None = None
    rows: list[AgreedRow] | None = None
    in_difficulty: bool | None = None

    def helps(self, *, past_due: bool) -> bool:
        """Whether it is for a borrower in difficulty: of itself, unless it only lays anew.

        Raises:
            PastDue: it says that there is no difficulty, and the loan is late.
        """
        if self.in_difficulty is None:
            return past_due or not self._only_lays
        if past_due and not self.in_difficulty:
            raise no.PastDue(
                "Whoever is past due is in difficulty: grant it as relief, or once all is paid."
            )
        return self.in_difficulty

    @property
    def by_lateness(self) -> bool:
        """Whether that follows from how late the loan was, and from nothing that was said."""
        if self.in_difficulty is None:
            return self._only_lays
        return not self.in_difficulty

    @property
    def _only_lays(self) -> bool:
        return self.kind == RescheduleKind.REAMORTISATION and self.annual_rate is None


@dataclass(frozen=True)
class Standing:
    """What an agreement finds: the loan's terms and instalments, counted from *on*.

    The last instalment that is known, of whatever day, falls due on *ends_on*; *named* are
    days that the first schedule has. *pay_days* are the days of the month that instalments
    fall due on then and later, None where the first schedule says it.
    """

    terms: Terms
    begins_on: date
    first_due_on: date
    rows: Sequence[Instalment]
    on: date
    ends_on: date
    named: Sequence[date]
    pay_by: PayBy | None = None
    pay_days: Sequence[int | None] = (None,)

    @property
    def still(self) -> list[Instalment]:
        """The instalments due later that are not closed; those of a limit never are."""
        lasts = has_limit(self.terms)
        return [r for r in self.rows if r.due_on > self.on and (lasts or r.paid_on is None)]

    def rolled(self, count: int) -> list[RolledDay] | None:
        """The days that *count* more instalments may come to and that can be paid later.

        Whatever becomes known of the days before moves them within these.
        """
        begins, first, ends = self.begins_on, self.first_due_on, self.ends_on
        days = {
            day
            for pay_day in self.pay_days
            for day in days_after(
                self.terms, begins, first, self.on, count, beyond=ends, pay_day=pay_day
            )
        }
        return self.paid_later(sorted(days))

    def paid_later(self, days: Sequence[date]) -> list[RolledDay] | None:
        """Those of *days* that can be paid later, but for days of the first schedule."""
        if self.pay_by is None:
            return None
        rolled = [RolledDay(day, self.pay_by(day)) for day in days if day not in self.named]
        return [day for day in rolled if day.pay_by_on != day.due_on] or None


def change_of(agreed: Agreement, stands: Standing) -> Change:
    """The change that *agreed* makes to a loan as it *stands*.

    Raises:
        RateNotSound: the new rate cannot be stored.
        NothingChanges: the agreement says too little, or too much.
    """
    rate = agreed.annual_rate
    if rate is not None and not rate_fits(rate):
        raise no.RateNotSound(f"A rate of {rate} cannot be agreed or stored exactly.")
    if agreed.instalments < 0 or len(stands.rows) + agreed.instalments > TERM_MONTHS_MAX:
        raise no.NothingChanges(f"{agreed.instalments} instalments cannot be added.")
    if agreed.kind == RescheduleKind.RATE_CHANGE and rate is None:
        raise no.NothingChanges("A rate change needs the new rate.")
    if agreed.kind not in CHANGES:
        raise no.NothingChanges(f"{agreed.kind!r} is nothing that can be agreed.")
    laid = CHANGES[agreed.kind] if agreed.rows is None else _on_own_rows
    return replace(laid(agreed, stands), annual_rate=rate)


def _on_own_rows(agreed: Agreement, stands: Standing) -> Change:
    """The rest on rows that were agreed on for it."""
    rows, kind = agreed.rows or [], agreed.kind
    if kind not in ON_OWN_ROWS:
        raise no.NothingChanges(
            "Instalments are agreed on anew with an extension, a deferral, re-ageing or a"
            " moratorium."
        )
    if stands.terms.method != Method.CUSTOM:
        raise no.NothingChanges(
            "Only a schedule that was agreed on for the loan gets instalments that are agreed on"
            " anew; say how many there are to be."
        )
    if agreed.instalments or agreed.interest_too:
        raise no.NothingChanges("Where instalments are agreed on anew, they say it all.")
    gathers = kind == RescheduleKind.REAGEING
    still = stands.still
    if not still and not gathers:
        raise no.NothingChanges("No instalment is to come that could be laid anew.")
    over = [row for row in stands.rows if row.due_on <= stands.on] if gathers else []
    whole = sum(row.principal_left for row in [*still, *over])
    whole += sum(row.interest - row.interest_paid for row in over)
    must_follow(rows, stands.on)
    repaid = sum(row.principal for row in rows)
    if repaid != whole:
        currency = stands.terms.currency
        raise no.ScheduleNotSound(
            f"The rows repay {written(repaid, currency)} {currency}, what is left to lay is"
            f" {written(whole, currency)}."
        )
    change = Change(
        own=rows,
        rolled=stands.paid_later([row.due_on for row in rows]),
        gathers_principal=gathers,
        gathers_interest=gathers,
    )
    if kind != RescheduleKind.MORATORIUM:
        return change
    first, last = _free_days(agreed)
    if any(first <= row.due_on <= last for row in rows):
        raise no.ScheduleNotSound(f"Nothing falls due in a moratorium, from {first} to {last}.")
    return replace(change, free_from=first, free_until=last, penalty_free=True)


def must_follow(rows: Sequence[AgreedRow], after: date) -> None:
    """Refuse *rows* that do not follow each other after a day, or repay nothing at the end."""
    days = [after, *(row.due_on for row in rows)]
    if not rows or any(later <= day for day, later in pairwise(days)):
        raise no.ScheduleNotSound(f"The agreed days must follow each other after {after}.")
    if days[-1] > LAST_DAY or len(rows) > TERM_MONTHS_MAX:
        raise no.ScheduleNotSound(
            f"The agreed rows end by {LAST_DAY}, and there are {TERM_MONTHS_MAX} at most."
        )
    if min(row.principal for row in rows) < 0 or rows[-1].principal == 0:
        raise no.ScheduleNotSound("No agreed row is below zero, and the last one not zero.")


def _extended(agreed: Agreement, stands: Standing) -> Change:
    _needs(agreed.instalments, "An extension")
    if not stands.still:
        raise no.NothingChanges(
            "No instalment is to come that could be spread: re-age what is overdue, with more"
            " instalments."
        )
    return Change(more=agreed.instalments, rolled=stands.rolled(agreed.instalments))


def _deferred(agreed: Agreement, stands: Standing) -> Change:
    count = agreed.instalments
    _needs(count, "A deferral")
    if not stands.still:
        raise no.NothingChanges("No instalment is left that could be deferred.")
    _custom_keeps(stands.terms)
    return Change(
        more=count,
        rolled=stands.rolled(count),
        grace_principal=count,
        grace_interest=count if agreed.interest_too else 0,
    )


def _reaged(agreed: Agreement, stands: Standing) -> Change:
    count = agreed.instalments or None
    return Change(
        more=count,
        rolled=stands.rolled(count) if count else None,
        gathers_principal=True,
        gathers_interest=True,
    )


def _free(agreed: Agreement, stands: Standing) -> Change:
    first, last = _free_days(agreed)
    if agreed.kind == RescheduleKind.INTEREST_PAUSE:
        return Change(free_from=first, free_until=last)
    within = [row for row in stands.still if first <= row.due_on <= last]
    if within:
        _custom_keeps(stands.terms)
    return Change(
        skips=True,
        rolled=stands.rolled(len(within)) if within else None,
        free_from=first,
        free_until=last,
        penalty_free=True,
    )


def _free_days(agreed: Agreement) -> tuple[date, date]:
    first, last = agreed.free_from, agreed.free_until
    if first is None or last is None or last < first:
        raise no.NothingChanges("Days without interest need a first and a last day, in order.")
    if first < FIRST_DAY or last > LAST_DAY:
        raise no.NothingChanges(f"Days without interest lie from {FIRST_DAY} to {LAST_DAY}.")
    return first, last


def _needs(count: int, what: str) -> None:
    if count < 1:
        raise no.NothingChanges(f"{what} needs the number of instalments.")


def _custom_keeps(terms: Terms) -> None:
    if terms.method == Method.CUSTOM:
        raise PlanImpossible(
            "A schedule that was agreed on is laid on days and amounts that are agreed on anew:"
            " name the instalments that are to come."
        )


ON_OWN_ROWS = (
    RescheduleKind.EXTENSION,
    RescheduleKind.DEFERRAL,
    RescheduleKind.REAGEING,
    RescheduleKind.MORATORIUM,
)
"""What can be granted on instalments that are agreed on anew."""

CHANGES: dict[str, Callable[[Agreement, Standing], Change]] = {
    RescheduleKind.RATE_CHANGE: lambda *_: Change(),
    RescheduleKind.EXTENSION: _extended,
    RescheduleKind.DEFERRAL: _deferred,
    RescheduleKind.CAPITALISATION: lambda *_: Change(gathers_interest=True),
    RescheduleKind.REAGEING: _reaged,
    RescheduleKind.REAMORTISATION: lambda agreed, _: Change(
        keeps_instalment=agreed.keeps_instalment
    ),
    RescheduleKind.INTEREST_PAUSE: _free,
    RescheduleKind.MORATORIUM: _free,
}
