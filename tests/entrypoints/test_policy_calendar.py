"""The holidays of a year, written as an entry of policy for somebody to compare and publish."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.calendar import HolidayCalendar
from entrypoints.app import app
from infra.calendars import CalendarYearUnknown, calendar_entry
from infra.contact_policies import load_contact_rules
from infra.dated_rules import checked, rules_known


def test_the_year_that_is_shipped_is_what_the_package_says() -> None:
    shipped = load_contact_rules().calendar(2026)

    text = calendar_entry(HolidayCalendar.CN, 2026, "the notice")

    assert shipped is not None
    for day in (*shipped.holidays, *shipped.worked):
        assert day.isoformat() in text
    assert text.count("2026-") == len(shipped.holidays) + len(shipped.worked) + 1
    assert 'source = "the notice"' in text


def test_a_year_is_not_sound_before_somebody_names_the_notice() -> None:
    _, wrong = checked(calendar_entry(HolidayCalendar.US, 2027), "us.toml", rules_known())

    assert any("'source' is missing" in each for each in wrong)


@pytest.mark.parametrize("calendar", ["US", "UK", "IN", "EU"])
def test_the_year_of_any_jurisdiction_can_be_checked_once_it_has_its_source(calendar: str) -> None:
    text = calendar_entry(HolidayCalendar(calendar), 2027, "the notice")

    (entry,), wrong = checked(text, "year.toml", rules_known())

    assert not wrong
    assert (entry.rule, entry.valid_from) == (
        f"day-calendar-{calendar}-2027".lower(),
        date(2027, 1, 1),
    )


def test_a_year_that_the_package_does_not_know_is_refused() -> None:
    with pytest.raises(CalendarYearUnknown):
        calendar_entry(HolidayCalendar.CN, 2199)


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "cn.toml"
    runner = CliRunner()
    first = runner.invoke(app, ["policy", "calendar", "cn", "2026", "--out", str(file)])
    before = file.read_text()

    again = runner.invoke(app, ["policy", "calendar", "cn", "2026", "--out", str(file)])

    assert first.exit_code == 0
    assert again.exit_code != 0
    assert file.read_text() == before
