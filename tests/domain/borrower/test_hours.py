"""In which hours, and on which days, a contact is allowed."""

from __future__ import annotations

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact import Intent
from tests.domain.borrower.asking import (
    ALLOWED,
    KOLKATA,
    LOS_ANGELES,
    NEW_YORK,
    SHANGHAI,
    advertising,
    answer,
    blocked,
    borrower,
    collecting,
    deferred,
    local,
)


def test_the_first_second_of_the_hours_belongs_to_them_and_the_last_does_not() -> None:
    cn = borrower("CN")

    assert answer(collecting(), cn, local("2026-09-10 08:00")) == ALLOWED
    assert answer(collecting(), cn, local("2026-09-10 20:59:59")) == ALLOWED
    assert answer(collecting(), cn, local("2026-09-10 21:00")) == deferred(
        local("2026-09-11 08:00"), "WINDOW"
    )


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "UK", "EU"])
def test_reminders_care_and_notices_keep_to_the_day_hours(jurisdiction: str) -> None:
    someone = borrower(jurisdiction)
    (zone,) = someone.zones
    for purpose in (Purpose.SERVICE_REMINDER, Purpose.CARE, Purpose.EDUCATION, Purpose.STATUTORY):
        intent = Intent(purpose, Channel.PUSH)

        assert answer(intent, someone, local("2026-06-10 07:59:59", zone)) == deferred(
            local("2026-06-10 08:00", zone), "WINDOW"
        )


def test_in_india_the_evening_begins_at_seven() -> None:
    assert answer(collecting(), borrower("IN"), local("2026-06-10 19:00", KOLKATA)) == deferred(
        local("2026-06-11 08:00", KOLKATA), "WINDOW"
    )


def test_a_receipt_goes_out_at_night_and_a_letter_at_any_time() -> None:
    night = local("2026-10-01 23:30")

    assert answer(Intent(Purpose.RECEIPT, Channel.SMS), borrower(), night) == ALLOWED
    assert answer(collecting(Channel.LETTER), borrower(), night) == ALLOWED
    assert answer(advertising(Channel.LETTER), borrower(), night) == ALLOWED


def test_with_two_zones_it_must_be_day_in_both() -> None:
    traveller = borrower("US", NEW_YORK, LOS_ANGELES)

    assert answer(collecting(), traveller, local("2026-06-10 09:00", NEW_YORK)) == deferred(
        local("2026-06-10 08:00", LOS_ANGELES), "WINDOW"
    )


def test_hours_follow_the_clock_when_it_is_put_back() -> None:
    half_past_seven = local("2026-11-01 07:30", NEW_YORK)

    assert answer(collecting(), borrower("US"), half_past_seven) == deferred(
        local("2026-11-01 08:00", NEW_YORK), "WINDOW"
    )


def test_advertising_by_sms_has_the_mornings_of_workdays_and_friday_afternoons() -> None:
    cn = borrower()

    assert answer(advertising(), cn, local("2026-09-10 10:00")) == ALLOWED
    assert answer(advertising(), cn, local("2026-09-11 16:00")) == ALLOWED
    assert answer(advertising(), cn, local("2026-09-11 11:30")) == deferred(
        local("2026-09-11 16:00"), "WINDOW"
    )
    assert answer(advertising(), cn, local("2026-09-10 16:00")) == deferred(
        local("2026-09-11 10:00"), "WINDOW"
    )


def test_a_worked_sunday_is_a_workday_but_no_friday() -> None:
    cn = borrower()

    assert answer(advertising(), cn, local("2026-09-18 18:00")) == deferred(
        local("2026-09-20 10:00"), "WINDOW"
    )
    assert answer(advertising(), cn, local("2026-09-20 16:30")) == deferred(
        local("2026-09-21 10:00"), "WINDOW"
    )


def test_a_friday_holiday_has_no_hours_at_all() -> None:
    cn = borrower()

    assert answer(advertising(), cn, local("2026-09-25 10:30")) == deferred(
        local("2026-09-28 10:00"), "WINDOW"
    )


def test_push_advertising_may_reach_ten_and_goes_on_at_weekends_but_not_on_holidays() -> None:
    push = advertising(Channel.PUSH)

    assert answer(push, borrower(), local("2026-09-12 21:59:59")) == ALLOWED
    assert answer(push, borrower(), local("2026-09-24 22:00")) == deferred(
        local("2026-09-28 08:00"), "WINDOW"
    )


def test_collection_goes_on_at_holidays() -> None:
    assert answer(collecting(), borrower(), local("2026-10-01 10:00")) == ALLOWED


def test_a_year_without_a_calendar_has_no_hours_for_advertising() -> None:
    cn = borrower()

    assert answer(advertising(), cn, local("2027-01-04 23:00")) == blocked("CALENDAR_UNKNOWN")
    assert answer(advertising(Channel.LETTER), cn, local("2027-01-04 10:30")) == ALLOWED
    assert answer(collecting(), cn, local("2027-01-04 10:30")) == ALLOWED


def test_nothing_is_put_off_into_a_year_without_a_calendar() -> None:
    assert answer(advertising(), borrower(), local("2026-12-31 11:30")) == blocked("WINDOW")


def test_at_new_year_each_zone_is_in_a_year_of_its_own() -> None:
    # In New York it is still 2025, of which no calendar is here.
    traveller = borrower("CN", SHANGHAI, NEW_YORK)

    assert answer(advertising(), traveller, local("2026-01-01 10:30")) == blocked(
        "CALENDAR_UNKNOWN", "WINDOW"
    )


def test_where_nothing_suits_every_zone_within_a_week_the_contact_is_blocked() -> None:
    # In summer it is 12½ hours from Los Angeles to Kolkata, and the days are 11.
    torn = borrower("IN", KOLKATA, LOS_ANGELES)

    assert answer(collecting(), torn, local("2026-07-01 10:00", KOLKATA)) == blocked("WINDOW")


def test_exactly_a_week_is_still_put_off() -> None:
    opening = local("2026-10-08 10:00")

    assert answer(advertising(), borrower(), local("2026-10-01 10:00")) == deferred(
        opening, "WINDOW"
    )
    assert answer(advertising(), borrower(), local("2026-10-01 09:59:59")) == blocked("WINDOW")
