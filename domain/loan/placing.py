"""Where instalments come to lie that a change of the schedule says as a number only.

What is granted earlier or later, or found out later, moves the end of the loan: whenever the
ledger is run, a change counts from the instalments that it finds on its day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from domain.base.repayment import AgreedRow, Method
from domain.loan.periods import ONE_DAY
from domain.loan.reschedule import Change, Laid, MovedDate
from domain.loan.schedule import Instalment
from domain.loan.timetable import days_after


def placed(laid: Laid, rows: list[Instalment], on: date, change: Change) -> Change:
    """*change* of a day with its instalments by number and day, as it finds *rows*.

    Raises:
        TermsNotOffered: the rows have no rhythm, or leave the calendar.
    """
    if not change.finds_its_place:
        return change
    place = _Place(laid, rows, on, change)
    if change.count:
        return place.counted(change.count)
    if change.own:
        return place.on_own(change.own)
    if change.skips:
        return place.skipping()
    return place.longer(change.more or 0)


class _Place:
    """The instalments that *change* finds on a day."""

    def __init__(self, laid: Laid, rows: list[Instalment], on: date, change: Change) -> None:
        self.laid, self.rows, self.on, self.change = laid, rows, on, change
        self.open = laid.open_after(rows, on)
        self.pay_by = laid.pay_by | {day.due_on: day.pay_by_on for day in change.rolled or ()}

    def longer(self, count: int, needed: int | None = None) -> Change:
        """The change with *count* more instalments after the last, or one so many months later.

        Of instalments that fell away so many are used again, and as many new ones stay
        empty: how many there are depends on no payment. Only so many as are *needed* are used.
        """
        last, bullet = self.rows[-1].number, self.laid.terms.method == Method.BULLET
        ends_on = max(row.due_on for row in self.rows)
        days = self._days(max(ends_on, self.on), count)
        new = [self._on(last + n, day) for n, day in enumerate(days[-1:] if bullet else days, 1)]
        again = [MovedDate(row.number, row.due_on, row.pay_by_on) for row in self._fell_away()]
        used = [*again, *new][: len(new) if needed is None else needed]
        behind = used[-1].instalment if used else max((r.number for r in self.open), default=last)
        rows = [*(row for row in again if row.instalment <= behind), *new]
        falls_away = behind < rows[-1].instalment
        return replace(self.change, rows=rows, last=behind if falls_away else None)

    def skipping(self) -> Change:
        """The change where what falls due in its free days repays nothing, and comes later."""
        pause, bare = self.change.pause, replace(self.change, rows=None, last=None)
        bare = replace(bare, grace_principal=0, grace_interest=0)
        assert pause is not None
        within = {
            row.number
            for row in self.rows
            if row.due_on > self.on and pause.first <= row.due_on <= pause.last
        }
        if not within or self.laid.terms.method == Method.CUSTOM:
            return bare
        skipped = [place for place, row in enumerate(self.open, 1) if row.number in within]
        graced = skipped[-1] if skipped else 0
        return replace(
            self.longer(len(within), len(skipped)), grace_principal=graced, grace_interest=graced
        )

    def counted(self, count: int) -> Change:
        """The change with so many instalments in all: open ones first, then new ones.

        An instalment that was paid before its day keeps that day.
        """
        used = self._to_use()
        taken = {row.due_on for row in self.rows if row.due_on > self.on and row.number not in used}
        days = self._days(self.on, count + len(taken))
        days = [day for day in days if day not in taken][:count]
        last = self.rows[-1].number
        numbers = [*used, *range(last + 1, last + 1 + count)]
        rows = [self._on(number, day) for number, day in zip(numbers, days, strict=False)]
        fall_away = count < len(used)
        return replace(self.change, rows=rows, last=rows[-1].instalment if fall_away else None)

    def on_own(self, own: list[AgreedRow]) -> Change:
        """The change on rows that were agreed on: open ones first, then new ones.

        One that was paid before its day, or is not needed, stands between its neighbours.
        """
        used, last = self._to_use(), self.rows[-1].number
        numbers = [*used, *range(last + 1, last + 1 + len(own))][: len(own)]
        days = dict(zip(numbers, (row.due_on for row in own), strict=True))
        rows, before = list[MovedDate](), self.on
        coming = {row.number: row.due_on for row in self.rows if row.due_on > self.on}
        for number in sorted({*coming, *numbers}):
            ahead = next((day for other, day in days.items() if other > number), date.max)
            if number in days:
                before = days[number]
            elif before < coming[number] < ahead:
                before = coming[number]
            else:
                before = max(before, self.on + ONE_DAY)
            rows.append(self._on(number, before))
        return replace(self.change, rows=rows, last=numbers[-1] if numbers[-1] < last else None)

    def _to_use(self) -> list[int]:
        """The numbers of the instalments to come that can be laid anew."""
        unpaid = [row.number for row in self.open if row.paid_on is None]
        return sorted([*unpaid, *(row.number for row in self._fell_away())])

    def _fell_away(self) -> list[Instalment]:
        """What fell away behind the last open instalment, and is still to come."""
        last = max((row.number for row in self.open), default=0)
        return [
            row
            for row in self.rows
            if self.laid.fell_away(row) and row.due_on > self.on and row.number > last
        ]

    def _on(self, number: int, day: date) -> MovedDate:
        return MovedDate(number, day, self.pay_by.get(day, day))

    def _days(self, last_on: date, count: int) -> list[date]:
        laid = self.laid
        begins, first = laid.begins_on, laid.first_due_on
        return days_after(laid.terms, begins, first, last_on, count, pay_day=laid.pay_day)
