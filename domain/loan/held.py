"""Holds on a loan: the days on which they stop penalty or interest, and what that takes off.

A hold changes no principal and no date. What a row bears on days that are held is taken off
its interest, which otherwise stays as it was laid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, localcontext
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from domain.base.money import rounded
from domain.base.repayment import InterestOn
from domain.loan.periods import ONE_DAY, Part, Pause, Span, borne, rate_after
from domain.loan.plan import DIGITS
from domain.loan.reschedule import Laid
from domain.loan.schedule import Instalment
from domain.loan.timetable import share


@dataclass(frozen=True)
class Held:
    """What a hold stops on a loan, in ``[from_on, until_on)``; until it is lifted without one."""

    hold_ref: str
    kind: str
    from_on: date
    stops_interest: bool
    stops_penalty: bool
    policy_version: str
    until_on: date | None = None

    @property
    def days(self) -> Pause:
        """The days it is in force, both counted; the last is before the first if there is none."""
        return Pause(self.from_on, self.until_on - ONE_DAY if self.until_on else date.max)


class OnHold(NamedTuple):
    """A principal that would bear interest at one rate after a day until another, but for holds."""

    principal: int
    annual_rate: Decimal
    after: date
    until: date


class HeldRow(NamedTuple):
    """The interest of a row as it was laid, and what of it is held back; for those who ask why."""

    bare: int
    parts: list[OnHold]


def penalty_free(holds: dict[str, Held]) -> list[Pause]:
    """The days, in order and apart, on which one of *holds* at least stops penalty."""
    return _apart([held.days for held in holds.values() if held.stops_penalty])


def _apart(days: list[Pause]) -> list[Pause]:
    found: list[Pause] = []
    for pause in sorted(pause for pause in days if pause.first <= pause.last):
        if found and found[-1].last >= pause.first - ONE_DAY:
            before = found.pop()
            found.append(Pause(before.first, max(before.last, pause.last)))
        else:
            found.append(pause)
    return found


@dataclass
class HeldBack:
    """The holds on a loan so far, and the interest of rows that they hold back.

    *bare* is the interest of a row as it was laid, where it is another; *bore* the principal
    that bore interest in a row until a day on which the rest was laid anew; *laid_due* the
    day a row was laid to, where it was moved since.
    """

    laid: Laid
    opening: list[Instalment]
    """The rows as the loan began: flat interest goes by all their principal."""
    holds: dict[str, Held] = field(default_factory=dict)
    bare: dict[int, int] = field(default_factory=dict)
    bore: dict[int, list[tuple[date, int]]] = field(default_factory=dict)
    forgiven: dict[int, int] = field(default_factory=dict)
    """The interest of rows that two people forgave; it is no more than the row has."""
    laid_due: dict[int, date] = field(default_factory=dict)

    @cached_property
    def _part(self) -> Part:
        return share(self.laid.terms, self.laid.begins_on)

    @property
    def days(self) -> list[Pause]:
        """The days, in order and apart, on which one hold at least stops interest."""
        return _apart([held.days for held in self.holds.values() if held.stops_interest])

    def note(self, rows: list[Instalment], on: date) -> None:
        """Keep what bore interest until *on*, when the rest of *rows* is laid anew."""
        for place, row in enumerate(rows):
            if row.due_on > on:
                self.bore.setdefault(row.number, []).append((on, self._bearing(rows, place)))
                return

    def bared(self, rows: list[Instalment], after: date) -> list[Instalment]:
        """*rows* with those due after a day as they were laid, to be laid anew."""
        self.laid_due.clear()
        if not self.bare:
            return rows
        return [
            replace(row, interest=self.bare.pop(row.number))
            if row.due_on > after and row.number in self.bare
            else row
            for row in rows
        ]

    def held_back(self, rows: list[Instalment], since: date) -> list[Instalment]:
        """*rows* with the interest that those due from *since* on have after holds.

        No less than was paid of it. What that leaves paid is paid on *since*.
        """
        days = self.days
        if not days and not self.bare and not self.forgiven:
            return rows
        found = []
        for place, row in enumerate(rows):
            bare = self.bare.get(row.number, row.interest)
            if row.due_on < since or not bare:
                found.append(row)
                continue
            left = self._left(rows, place, bare, days) - self.forgiven.get(row.number, 0)
            interest = max(left, row.interest_paid)
            self.bare[row.number] = bare
            if interest == bare:
                del self.bare[row.number]
            found.append(row if interest == row.interest else _with(row, interest, since))
        return found

    def behind(self, rows: list[Instalment], place: int) -> HeldRow | None:
        """What is behind the interest of the row at *place*; None where nothing is held back."""
        row = rows[place]
        if row.number not in self.bare or not self.days:
            return None
        parts = [
            OnHold(bearing, rate_after(self.laid.rates, start), start, end)
            for each in self._collected(rows, place)
            for bearing, start, end in self._borne(rows, each, self.days)
        ]
        return HeldRow(self.bare[row.number], parts)

    def until(self, rows: list[Instalment], place: int, principal: int, on: date) -> Decimal:
        """Unrounded interest held back of the row at *place* up to *on*.

        From the last change on, or from the row's start, *principal* bears it.
        """
        return self._interest(rows, place, self.days, on, principal)

    def _left(self, rows: list[Instalment], place: int, bare: int, days: list[Pause]) -> int:
        """The interest of a row on the days that are not held."""
        mode = self.laid.terms.rounding
        collected = self._collected(rows, place)
        held = sum((self._interest(rows, each, days) for each in collected), Decimal(0))
        if not held:
            return bare
        everything = [Pause(date.min + ONE_DAY, date.max)]
        exact = sum((self._interest(rows, each, everything) for each in collected), Decimal(0))
        # Of a row that is rounded from what it bears the rest is rounded once.
        whole = exact if rounded(exact, mode) == bare else Decimal(bare)
        return max(rounded(whole - held, mode), 0)

    def _collected(self, rows: list[Instalment], place: int) -> list[int]:
        """The rows whose interest the one at *place* takes: its own, and what was deferred."""
        first, last = self.laid.graced_from, self.laid.graced[1]
        if not first <= last == rows[place].number - 1:
            return [place]
        return [each for each in range(place + 1) if rows[each].number >= first]

    def _interest(
        self,
        rows: list[Instalment],
        place: int,
        days: list[Pause],
        on: date = date.max,
        principal: int | None = None,
    ) -> Decimal:
        """Unrounded interest of the row at *place* on *days*, up to *on*."""
        span, rates, free = self._span(rows, place), self.laid.rates, self.laid.pauses
        with localcontext(prec=DIGITS):
            parts = (
                bearing * borne(self._part, span, (start, min(end, on)), rates, free)
                for bearing, start, end in self._borne(rows, place, days, principal)
                if start < on
            )
            return sum(parts, Decimal(0))

    def _borne(
        self, rows: list[Instalment], place: int, days: list[Pause], principal: int | None = None
    ) -> Iterator[tuple[int, date, date]]:
        """What bears interest in a row on *days*, at one rate after a day until another."""
        cuts = [rate.on - ONE_DAY for rate in self.laid.rates[1:]]
        for start, end, bearing in self._stretches(rows, place, principal):
            for pause in days:
                first, last = max(start, pause.first - ONE_DAY), min(end, pause.last)
                if first < last:
                    edges = [first, *sorted(cut for cut in cuts if first < cut < last), last]
                    yield from ((bearing, *pair) for pair in pairwise(edges))

    def _stretches(
        self, rows: list[Instalment], place: int, principal: int | None
    ) -> Iterator[tuple[date, date, int]]:
        """What bears interest in a row, after a day until another."""
        start, end = self._span(rows, place)
        for on, bearing in self.bore.get(rows[place].number, []):
            if start < on < end:
                yield start, on, bearing
                start = on
        yield start, end, self._bearing(rows, place) if principal is None else principal

    def _bearing(self, rows: list[Instalment], place: int) -> int:
        chosen = self.laid.terms.repayment
        if chosen is not None and chosen.interest_on != InterestOn.BALANCE:
            return sum(row.principal for row in self.opening)
        ahead = self.laid.ahead
        return sum(row.principal - ahead.get(row.number, 0) for row in rows[place:])

    def _span(self, rows: list[Instalment], place: int) -> Span:
        start = self._due(rows[place - 1]) if place else self.laid.begins_on
        return Span(start, self._due(rows[place]))

    def _due(self, row: Instalment) -> date:
        return self.laid_due.get(row.number, row.due_on)


@dataclass
class HeldByDay(HeldBack):
    """The same where the balance of each day bears interest: no row is laid with any."""

    def note(self, rows: list[Instalment], on: date) -> None:
        """Keep nothing: the balance of each day is known."""

    def held_back(self, rows: list[Instalment], since: date) -> list[Instalment]:  # noqa: ARG002
        """*rows* as they are; the days that are held bear no interest."""
        return rows


def _with(row: Instalment, interest: int, on: date) -> Instalment:
    """*row* with another interest, paid on a day if that leaves nothing of what was begun."""
    row = replace(row, interest=interest)
    begun = row.principal_paid + row.interest_paid > 0
    return replace(row, paid_on=None if row.left else row.paid_on or (on if begun else None))
