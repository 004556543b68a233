"""The asset class of a loan: a label that follows from how late it is and was.

It is a pure function of the instalments and a day, so that a correction of the past
classes the loan as if it had always been known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from domain.base.calendar import add_months, next_day
from domain.base.policy import ClassStandard
from domain.loan.schedule import Instalment


class AssetClass(StrEnum):
    """The five classes, from the best to the worst.

    Source: CN Measures for the Risk Classification of Financial Assets, 2023.
    """

    NORMAL = "NORMAL"
    SPECIAL_MENTION = "SPECIAL_MENTION"
    SUBSTANDARD = "SUBSTANDARD"
    DOUBTFUL = "DOUBTFUL"
    LOSS = "LOSS"


class ClassReason(StrEnum):
    """Why a loan is in its class."""

    IN_ORDER = "IN_ORDER"
    PAST_DUE = "PAST_DUE"
    RESTRUCTURED = "RESTRUCTURED"
    """Under observation since it was restructured."""
    CURING = "CURING"
    """It was non-performing, and has not been in order for long enough since."""


@dataclass(frozen=True)
class Classed:
    """A class on a day, since when, and the days past due behind it.

    *eased_on* is the last day on which something late was paid, or moved.
    """

    asset_class: str
    reason: str
    since: date | None
    days_past_due: int
    eased_on: date | None


@dataclass(frozen=True)
class Spell:
    """A time of lateness: the days after *since* and before *until*; None: to this day."""

    since: date
    until: date | None
    days: int
    """Days past due on its last day, of the instalment that was latest."""


@dataclass(frozen=True)
class Held:
    """A class that a loan cannot leave upwards before *until*; None: not while late."""

    since: date
    until: date | None


Lateness = tuple[date, date | None]
"""The days after the first, and before the second; None: to this day."""


@dataclass(frozen=True)
class Past:
    """What the asset class of a loan follows from, whatever the day.

    *was_late* is lateness that *rows* do not show any more, since they were moved or laid
    anew; *restructured_on* the last day on which they were, to help the borrower.
    """

    rows: Sequence[Instalment]
    was_late: Sequence[Lateness]
    restructured_on: date | None


def worse(one: str, other: str) -> bool:
    """Whether the class *one* is worse than *other*."""
    return _rank(one) > _rank(other)


def _rank(asset_class: str) -> int:
    return list(AssetClass).index(AssetClass(asset_class))


@dataclass(frozen=True)
class Judged:
    """The class that was *found*, and what it was found from.

    *by_days* is the class by days past due alone; *watched* how long the loan is observed
    since it was restructured, *cured* how long since it was non-performing.
    """

    found: Classed
    by_days: Classed
    watched: Held | None
    cured: Held | None
    spells: Sequence[Spell]


def classed(past: Past, standard: ClassStandard, on: date) -> Classed:
    """The class at the end of *on*, and why."""
    return judged(past, standard, on).found


def judged(past: Past, standard: ClassStandard, on: date) -> Judged:
    """The class at the end of *on*, with everything that it was found from."""
    oldest = _oldest(past.rows) or on
    dpd = max((on - oldest).days, 0)
    late = [*past.was_late, *_late(past.rows, on)]
    spells = _spells(late, on)
    eased_on = max((until for _, until in late if until is not None), default=None)
    cured, watched = _cure(past.rows, spells, standard), _observation(past, spells, standard, on)
    found = Classed(AssetClass.NORMAL, ClassReason.IN_ORDER, None, dpd, eased_on)
    for each in standard.classes:
        if dpd > each.over_days:
            since = oldest + timedelta(days=each.over_days + 1)
            found = Classed(each.asset_class, ClassReason.PAST_DUE, since, dpd, eased_on)
    by_days = found
    for hold, least, reason in (
        (watched, standard.restructured, ClassReason.RESTRUCTURED),
        (cured, standard.non_performing, ClassReason.CURING),
    ):
        holds = hold is not None and (hold.until is None or on < hold.until)
        if hold is not None and holds and worse(least, found.asset_class):
            found = Classed(least, reason, hold.since, dpd, eased_on)
    if found.reason == ClassReason.IN_ORDER:
        ends = [eased_on, *(each.until for each in (cured, watched) if each is not None)]
        found = replace(found, since=max((end for end in ends if end is not None), default=None))
    return Judged(found, by_days, watched, cured, spells)


def next_change_on(
    past: Past, standard: ClassStandard, current: str, after: date | None
) -> date | None:
    """The first day after *after* on which the class is not *current*, if nothing is paid."""
    oldest = _oldest(past.rows)
    spells = _spells([*past.was_late, *_late(past.rows, oldest or date.max)], oldest or date.max)
    holds = (_cure(past.rows, spells, standard), _observation(past, spells, standard, date.max))
    ends = [hold.until for hold in holds if hold is not None and hold.until is not None]
    grows = (
        []
        if oldest is None
        else [oldest + timedelta(days=each.over_days + 1) for each in standard.classes]
    )
    for day in sorted(day for day in (*ends, *grows) if day > (after or date.min)):
        if classed(past, standard, day).asset_class != current:
            return day
    return None


def _spells(late: Iterable[Lateness], on: date) -> list[Spell]:
    """The times until the end of *on* in which anything was late, in order, none touching."""
    found: list[Spell] = []
    for since, until in sorted(late, key=lambda each: each[0]):
        days = (on - since).days if until is None else (until - since).days - 1
        last = found[-1] if found else None
        if last is None or (last.until is not None and since >= last.until):
            found.append(Spell(since, until, days))
        else:
            ends = None if last.until is None or until is None else max(last.until, until)
            found[-1] = Spell(last.since, ends, max(last.days, days))
    return found


def _oldest(rows: Sequence[Instalment]) -> date | None:
    """The pay-by date that lateness counts from; a row that is paid has nothing left."""
    unpaid = (row.pay_by_on for row in rows if row.paid_on is None and row.left)
    return min(unpaid, default=None)


def late_until(rows: Sequence[Instalment], on: date) -> list[Lateness]:
    """When each of *rows* was late, those that still were on *on* until then."""
    return [(since, until or on) for since, until in _late(rows, on) if next_day(since) < on]


def _late(rows: Sequence[Instalment], on: date) -> Iterator[Lateness]:
    for row in rows:
        if row.paid_on is not None:
            if row.pay_by_on < row.paid_on and next_day(row.pay_by_on) < row.paid_on:
                yield row.pay_by_on, row.paid_on
        elif row.pay_by_on < on and row.left:
            yield row.pay_by_on, None


def _cure(
    rows: Sequence[Instalment], spells: Sequence[Spell], standard: ClassStandard
) -> Held | None:
    """How long a loan that was non-performing is held there; None when it never was."""
    limit = next(
        each.over_days for each in standard.classes if each.asset_class == standard.non_performing
    )
    held: Held | None = None
    for spell in spells:
        again = held is not None and held.until is not None and spell.since < held.until
        if held is None or not again:
            if spell.days <= limit:
                continue
            held = Held(spell.until or spell.since, None)
        held = replace(held, until=_cured_on(rows, spell.until, standard))
    return held


def _cured_on(
    rows: Sequence[Instalment], paid_on: date | None, standard: ClassStandard
) -> date | None:
    """When a loan in order since *paid_on* has been so for long enough."""
    if paid_on is None:
        return None
    months = add_months(paid_on, standard.cure_months)
    coming = sorted(row.pay_by_on for row in rows if row.pay_by_on > paid_on)
    instalments = [next_day(day) for day in coming[: standard.cure_instalments]]
    return max([months, *instalments])


def _observation(
    past: Past, spells: Sequence[Spell], standard: ClassStandard, on: date
) -> Held | None:
    """How long a restructured loan is watched; None when it was not restructured by *on*."""
    since, months = past.restructured_on, standard.restructured_months
    if since is None or since > on:
        return None
    until: date | None = add_months(since, months)
    for spell in spells:
        ended_before = spell.until is not None and spell.until <= since
        if ended_before or until is None or spell.since >= until:
            continue
        until = None if spell.until is None else add_months(spell.until, months)
    return Held(since, until)
