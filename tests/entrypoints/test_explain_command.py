"""What an explanation looks like on the screen: each figure once, with its sum below its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.money import written
from domain.loan.explain import FIGURES, IN_ALL, LABELS, SUMS, explain
from domain.loan.explained import Explanation
from domain.loan.loan import Loan
from entrypoints.explain_command import SUM_SAID, render
from tests.domain.story import (
    CLASSES,
    LETTER_FEE,
    disbursed,
    fee_charged,
    paid,
    sell,
    terms,
    written_off,
)

FEB_14, MAR_1 = date(2025, 2, 14), date(2025, 3, 1)
MAR_26, APR_1 = date(2025, 3, 26), date(2025, 4, 1)
PENALISED = terms(penalty_rate=Decimal("0.365"), grace_days=3, fees=[LETTER_FEE])
BY_DAY = terms(accrual="DAILY_BALANCE", penalty_rate=Decimal("0.365"))


def in_order() -> Loan:
    return disbursed(PENALISED)


def late() -> Loan:
    loan = disbursed(PENALISED)
    paid("P-1", 50_00, on=FEB_14)(loan)
    fee_charged("F-1", on=MAR_1)(loan)
    return loan


def in_credit() -> Loan:
    loan = disbursed()
    paid("P-1", 1_100_00, on=FEB_14)(loan)
    return loan


def late_by_day() -> Loan:
    loan = disbursed(BY_DAY)
    paid("P-1", 50_00, on=FEB_14)(loan)
    return loan


def lost() -> Loan:
    loan = late()
    written_off(MAR_1)(loan)
    paid("R-1", 100_00, on=MAR_26)(loan)
    return loan


def sold() -> Loan:
    loan = late()
    sell(loan, MAR_1)
    return loan


GAP = re.compile(r"\s{2,}")
STORIES = pytest.mark.parametrize(
    "story", [in_order, late, in_credit, late_by_day, lost, sold], ids=lambda each: each.__name__
)


def told(loan: Loan) -> Explanation:
    events: list[Any] = list(loan.pending_events)
    found = explain(events, APR_1, CLASSES)
    assert found is not None
    return found


def tables(shown: str) -> Iterator[tuple[str, list[str]]]:
    """The tables on the screen: the name of each, and its rows from the first on."""
    lines = [line.removeprefix(" ").rstrip() for line in shown.splitlines()]
    for place, line in enumerate(lines):
        if line and not line.strip("─"):
            end = next(n for n in range(place + 1, len(lines)) if not lines[n])
            yield lines[place - 1].partition("  ")[0], lines[place + 1 : end]


@STORIES
def test_each_figure_is_a_table_with_its_sum_once_below_its_parts(
    story: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(story())

    render(found)
    shown = list(tables(capsys.readouterr().out))

    figures = [name for name in SUMS if any(line.figure == name for line in found.lines)]
    assert [name for name, _ in shown] == [*figures, *(chain.figure for chain in found.chains)]
    for name, rows in shown[: len(figures)]:
        sum_said = [SUM_SAID.get(name, "owed"), written(found.total(name), "CNY")]
        assert [row for row in rows if GAP.split(row.strip()) == sum_said] == rows[-1:]
        parts = [row for row in rows if re.match(r"\d{4}-\d\d-\d\d ", row)]
        assert len(parts) == sum(line.figure == name for line in found.lines)


@STORIES
@pytest.mark.parametrize("figure", [*FIGURES, "claim", *IN_ALL, *LABELS])
def test_one_figure_that_is_asked_for_is_told_or_said_to_be_nothing(
    story: Any, figure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(story())
    found.lines[:] = [line for line in found.lines if line.figure == figure]
    found.chains[:] = [chain for chain in found.chains if chain.figure == figure]

    render(found, figure)
    out = capsys.readouterr().out

    shown = [name for name, _ in tables(out)]
    assert (shown == [figure]) != (f"There is nothing of {figure}." in out)


def test_what_was_lost_and_came_back_is_told_by_its_parts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    render(told(lost()))
    shown = dict(tables(capsys.readouterr().out))

    said = [GAP.split(row.strip())[-2:] for row in shown["claim"]]
    assert said == [
        ["principal written off", "955.00"],
        ["interest written off", "2.45"],
        ["fees written off", "20.00"],
        ["penalty written off", "0.48"],
        ["recovered, R-1", "-100.00"],
        ["open", "877.93"],
    ]


def test_what_money_moved_is_told_where_the_cost_is_asked_for_and_words_stand_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loan = disbursed(PENALISED)
    paid("[red]P-1", 50_00, on=FEB_14)(loan)

    render(told(loan))
    in_all = capsys.readouterr().out
    render(told(loan), "cost")
    of_cost = capsys.readouterr().out

    assert "[red]P-1" in in_all
    assert "to come" not in in_all.partition(" cost ")[2]
    assert "to come" in of_cost
