"""What each row repays from a day on where interest goes by the balance of each day.

The rest is laid anew as on any loan (``reschedule``); here stands what the rows take of it:
their days, and how much they repay each time. Interest follows from the days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from domain.base.repayment import Method
from domain.base.terms import Terms
from domain.loan.daily_balance import DailyRow, Over, Share
from domain.loan.periods import Span
from domain.loan.reschedule import Agreed, Change, Laid
from domain.loan.schedule import Instalment


def shared_anew(
    laid: Laid,
    before: Mapping[int, tuple[Span, Share, DailyRow]],
    rows: Sequence[Instalment],
    on: date,
    change: Change,
) -> dict[int, tuple[Span, Share]]:
    """The span and the share of each row by number, in order, after *change* on a day.

    *rows* are as they were *laid* anew, *before* is what was behind them until then. Rows
    that are over stay as they are, or as they were gathered; those that are paid in advance
    keep their share.
    """
    by_number = {row.number: row for row in rows}
    found: dict[int, tuple[Span, Share]] = {}
    for number, (span, share, daily) in before.items():
        found[number] = span, share
        if number in laid.agreed or share.gone:
            continue
        row = by_number[number]
        if row.due_on <= on:
            over = Over(row.principal, row.interest, daily.passed)
            found[number] = span, share._replace(over=over)
        elif change.last is not None and number > change.last:
            found[number] = span, Share(None, gone=True)
    last = _last(laid, by_number)
    for number, span in _spans(laid, found, by_number, on, change).items():
        share = _share(laid.terms, by_number[number], laid.agreed[number])
        if number > last and not laid.lasts:
            share = Share(None, ahead=share.ahead, gone=True)
        found[number] = span, share
    return dict(sorted(found.items()))


def _spans(
    laid: Laid,
    found: Mapping[int, tuple[Span, Share]],
    rows: Mapping[int, Instalment],
    on: date,
    change: Change,
) -> dict[int, Span]:
    """The days of the rows that were laid anew; those with no new day keep theirs."""
    moved = {row.instalment for row in change.rows or ()}
    spans: dict[int, Span] = {}
    start = laid.begins_on
    for number in sorted({*found, *laid.agreed}):
        if number not in laid.agreed:
            span, share = found[number]
            start = start if share.gone else max(start, span.end)
            continue
        due_on = rows[number].due_on
        if number in found and (not spans or number not in moved):
            span = found[number][0]  # the first one runs already
            spans[number] = span._replace(end=due_on) if number in moved else span
        else:
            # After a row that is over nothing bore interest until it was laid.
            spans[number] = Span(start if spans else max(start, on), due_on)
        start = max(start, spans[number].end)
    return spans


def _last(laid: Laid, rows: Mapping[int, Instalment]) -> int:
    """The last row of which anything is due; the first one, if there is none."""
    due = (
        number
        for number in laid.agreed
        if rows[number].principal_left or rows[number].interest > rows[number].interest_paid
    )
    return max(due, default=min(laid.agreed))


def _share(terms: Terms, row: Instalment, agreed: Agreed) -> Share:
    """What *row* is of as it was laid anew, beside what was paid on it before."""
    if terms.method != Method.EQUAL_INSTALMENTS or agreed.graced:
        return Share(None, row.principal_left, row.principal_paid, agreed.waits)
    return Share(agreed.instalment, 0, row.principal_paid, agreed.waits)
