"""Business days: opened and closed one after the other."""

from datetime import date

import pytest

from domain.operations.business_day import BusinessDay, Count, DayOutOfOrder
from tests.domain.story import JAN_15, NAMESPACE, act, given, happened, recorded, replayed, state

JAN_16 = date(2025, 1, 16)


def begun() -> BusinessDay:
    return BusinessDay.begin(act(), NAMESPACE, book="book", zone="Asia/Shanghai")


def opened(day: date = JAN_15) -> BusinessDay:
    days = begun()
    days.start_day(act(day), day)
    return days


def close(days: BusinessDay) -> None:
    days.close_day(act(), [Count("loan.expired", 2)])


def test_a_book_begins_in_the_lenders_zone() -> None:
    assert recorded(begun()) == [
        happened(BusinessDay.BookOpened, book="book", zone="Asia/Shanghai")
    ]


def test_a_day_is_opened_and_closed_with_what_was_done() -> None:
    days = given(begun())

    days.start_day(act(), JAN_15)
    close(days)

    assert recorded(days) == [
        happened(BusinessDay.DayOpened, day=JAN_15, effective_on=JAN_15),
        happened(BusinessDay.DayClosed, day=JAN_15, done=[Count("loan.expired", 2)]),
    ]
    assert (days.open_on, days.closed_on) == (None, JAN_15)


def test_an_open_day_stays_open() -> None:
    days = given(opened())

    days.start_day(act(), JAN_15)

    assert recorded(days) == []


def test_two_days_are_never_open_at_once() -> None:
    days = given(opened())

    with pytest.raises(DayOutOfOrder):
        days.start_day(act(JAN_16), JAN_16)


@pytest.mark.parametrize("day", [date(2025, 1, 14), JAN_15])
def test_a_closed_day_never_opens_again(day: date) -> None:
    days = given(opened(), close)

    with pytest.raises(DayOutOfOrder):
        days.start_day(act(JAN_16), day)


def test_no_day_is_skipped() -> None:
    days = given(opened(), close)

    with pytest.raises(DayOutOfOrder):
        days.start_day(act(date(2025, 1, 17)), date(2025, 1, 17))
    days.start_day(act(JAN_16), JAN_16)

    assert recorded(days) == [happened(BusinessDay.DayOpened, day=JAN_16)]


def test_without_an_open_day_there_is_none_to_close() -> None:
    for days in (given(begun()), given(opened(), close)):
        with pytest.raises(DayOutOfOrder):
            close(days)


def test_replayed_events_lead_to_the_same_days() -> None:
    days = opened()
    close(days)

    assert state(replayed(days.pending_events)) == state(days)


def plan(days: BusinessDay, day: date) -> None:
    days.plan_contacts(act(day), day, late_loans=3, strategies_changed=2, reminders=5, dunnings=1)


def test_the_contacts_of_a_day_are_planned_once() -> None:
    days = given(opened())

    for _ in range(2):
        plan(days, JAN_15)

    assert recorded(days) == [
        happened(
            BusinessDay.ContactsPlanned,
            day=JAN_15,
            last_planned_on=None,
            late_loans=3,
            strategies_changed=2,
            reminders=5,
            dunnings=1,
        )
    ]
    assert days.planned is not None
    assert (days.planned.day, days.planned.actor) == (JAN_15, act().actor)


def test_a_plan_says_which_day_was_planned_before_it() -> None:
    days = begun()
    plan(days, JAN_15)
    days = given(days)

    plan(days, date(2025, 1, 18))
    plan(days, JAN_16)

    [planned] = days.collect_events()
    assert isinstance(planned, BusinessDay.ContactsPlanned)
    assert (planned.day, planned.last_planned_on) == (date(2025, 1, 18), JAN_15)
    assert days.last_planned(date(2025, 1, 19)) == date(2025, 1, 18)
    assert days.last_planned(date(2025, 1, 18)) is None
