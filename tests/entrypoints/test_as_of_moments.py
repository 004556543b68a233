"""Days and instants as an auditor types them, and what is said where nothing was known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import typer
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.loan.as_of import known, standing
from domain.loan.loan import Loan
from entrypoints.as_of import AsKnown, moment, render
from tests.domain.loan.test_migration import migrated, row
from tests.domain.story import disbursed, paid, sell, written_off

SHANGHAI = timezone(timedelta(hours=8))
JAN_1, MAR_1 = date(2025, 1, 1), date(2025, 3, 1)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, None),
        ("2026-11-20", date(2026, 11, 20)),
        (" 2026-11-20 ", date(2026, 11, 20)),
        ("2026-11-20T14:30:00+08:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30:00Z", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20 14:30", datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)),
        ("2026-11-20T14:30:00.5-05:30", datetime(2026, 11, 20, 20, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_day_is_a_business_day_and_an_instant_has_a_zone(said: str, meant: object) -> None:
    assert moment(said, "Asia/Shanghai") == meant


@pytest.mark.parametrize(
    "said",
    ["", "today", "20261120", "2026-W47-5", "2026-11-31", "2026-11-20T25:00", "2026-11-20T", "11"],
)
def test_what_is_neither_is_told_in_a_sentence(said: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"neither a day .* nor an instant"):
        moment(said, "Asia/Shanghai")


@for_all(st.one_of(st.text(max_size=25), st.text("0123456789-T:+Z .", max_size=30)))
def test_whatever_is_typed_is_a_moment_or_told_so(said: str) -> None:
    events: list[Any] = list(disbursed().pending_events)
    try:
        at = moment(said, "Asia/Shanghai")
    except typer.BadParameter:
        return

    assert isinstance(known(events, at), list)


def asked(loan: Loan, day: date) -> AsKnown:
    events: list[Any] = list(loan.pending_events)
    return AsKnown("L-1", events, day, day, None, None)


def test_a_day_before_a_loan_says_when_it_was_applied_for_or_taken_over() -> None:
    taken_over = asked(migrated(row(9, date(2025, 3, 15))), JAN_1)

    assert asked(disbursed(), JAN_1).not_begun == (
        "L-1 had not begun on 2025-01-01: it was applied for 2025-01-15."
    )
    assert taken_over.not_begun == (
        "L-1 was taken over on 2025-03-01; what it was on 2025-01-01 is not known here."
    )


@pytest.mark.parametrize("day", [date(2025, 1, 15), MAR_1, date(2025, 7, 1), date(2030, 1, 1)])
def test_a_person_reads_a_loan_on_any_day(day: date, capsys: pytest.CaptureFixture[str]) -> None:
    loan = disbursed()
    paid("P-1", 86_07, on=date(2025, 2, 15))(loan)
    written_off(date(2025, 6, 1))(loan)
    events: list[Any] = list(loan.pending_events)

    stood = standing(events, day)
    assert stood is not None
    render(stood)

    told = capsys.readouterr().out
    assert f"as of {day}" in told
    assert ("a year, as it goes" in told) == (day < date(2025, 6, 1))


def told_on(loan: Loan, day: date, capsys: pytest.CaptureFixture[str]) -> str:
    stood = standing(list(loan.pending_events), day)  # type: ignore[arg-type]
    assert stood is not None
    render(stood)
    return " ".join(capsys.readouterr().out.split())


def test_of_a_loan_that_was_written_off_the_claim_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loan = disbursed()
    written_off(date(2025, 2, 1))(loan)
    paid("R-1", 300_00, on=MAR_1)(loan)

    before, then, since = (
        told_on(loan, day, capsys) for day in (date(2025, 1, 31), date(2025, 2, 1), MAR_1)
    )

    assert "written off" not in before
    assert then.startswith("L-1 written off (as of 2025-02-01")
    assert "written off 2025-02-01 with 1,002.67 CNY, recovered 0.00 CNY, open 1,002.67" in then
    assert "recovered 300.00 CNY, open 702.67 CNY; see explain --figure claim" in since


def test_of_a_loan_that_was_sold_the_price_is_told_and_nothing_is_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at_once, later = disbursed(), disbursed()
    sell(at_once, date(2025, 2, 1), price=400_00)
    written_off(date(2025, 2, 1))(later)
    paid("R-1", 300_00, on=date(2025, 2, 15))(later)
    sell(later, MAR_1, price=100_00)

    said = told_on(at_once, MAR_1, capsys)
    assert "sold 2025-02-01 with 1,002.67 CNY for 400.00 CNY" in said
    said = told_on(later, MAR_1, capsys)
    assert "written off 2025-02-01 with 1,002.67 CNY, recovered 300.00 CNY, sold 2025-03-01" in said
    assert "for 100.00 CNY" in said
    assert "open" not in said
