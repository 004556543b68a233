"""Advertising abroad: on no public holiday, and in no year whose holidays nobody entered."""

from __future__ import annotations

import pytest

from domain.base.calendar import HolidayCalendar
from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact import Intent
from infra.calendars import calendar_entry
from infra.contact_policies import load_contact_rules
from infra.dated_rules import rules_known
from tests.domain.borrower.asking import (
    ALLOWED,
    HOMES,
    SHIPPED,
    advertising,
    answer,
    borrower,
    deferred,
    local,
)

LOOKED = {
    (each.rule, each.version): [local("2026-01-01 00:00"), local("2026-07-02 00:00")]
    for each in rules_known().contact.lexicons
}
RULES = rules_known().contact.looked_at(LOOKED)
ABROAD = ("US", "UK", "IN", "EU")


@pytest.mark.parametrize("place", ABROAD)
def test_advertising_in_a_year_that_nobody_entered_goes_nowhere(place: str) -> None:
    at = local("2027-03-10 10:00", HOMES[place])

    for channel in set(Channel) - {Channel.LETTER}:
        found = answer(advertising(channel), borrower(place), at, RULES)
        assert "CALENDAR_UNKNOWN" in found[2], channel


@pytest.mark.parametrize("place", ABROAD)
def test_the_last_day_of_the_last_year_puts_nothing_off_into_one_that_is_not_known(
    place: str,
) -> None:
    at = local("2026-12-31 22:00", HOMES[place])

    found = answer(advertising(), borrower(place), at, RULES)

    assert found[0] == "BLOCK"
    assert "WINDOW" in found[2]


@pytest.mark.parametrize("place", ABROAD)
def test_everything_else_is_sent_in_a_year_that_nobody_entered(place: str) -> None:
    at = local("2027-03-10 10:00", HOMES[place])

    for purpose in set(Purpose) - {Purpose.MARKETING}:
        assert answer(Intent(purpose, Channel.EMAIL), borrower(place), at, RULES) == ALLOWED


@pytest.mark.parametrize(
    ("place", "holiday", "next_day"),
    [
        ("US", "2026-07-03 10:00", "2026-07-05 08:00"),  # and the Fourth, a Saturday
        ("UK", "2026-01-01 10:00", "2026-01-02 08:00"),
        ("IN", "2026-01-26 10:00", None),
        ("EU", "2026-01-01 10:00", "2026-01-02 08:00"),
    ],
)
def test_advertising_waits_for_the_end_of_a_public_holiday(
    place: str, holiday: str, next_day: str | None
) -> None:
    found = answer(advertising(), borrower(place), local(holiday, HOMES[place]), RULES)

    if next_day is None:
        assert "WINDOW" in found[2]
    else:
        assert found == deferred(local(next_day, HOMES[place]), "WINDOW")


@pytest.mark.parametrize("place", ABROAD)
def test_the_published_cases_are_judged_without_holidays_abroad(place: str) -> None:
    at = local("2027-03-10 10:00", HOMES[place])

    assert answer(advertising(), borrower(place), at, SHIPPED) == ALLOWED
    assert {each.jurisdiction for each in load_contact_rules().calendars} == {"CN"}


@pytest.mark.parametrize("place", ABROAD)
def test_the_year_that_is_shipped_is_what_the_package_says(place: str) -> None:
    (shipped,) = [each for each in RULES.calendars if each.jurisdiction == place]

    text = calendar_entry(HolidayCalendar(place), shipped.year, "the notice")

    assert all(day.isoformat() in text for day in shipped.holidays)
    assert text.count(f"{shipped.year}-") == len(shipped.holidays) + 1
