"""A contact that was allowed is made soon, or not at all; unused it does not count for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.base.contact_policy import Channel, Outcome
from domain.base.stream import Stream
from domain.borrower import refusals as no
from domain.borrower.gate import Answer
from domain.borrower.why import replayed as made_again
from tests.domain.borrower.asking import (
    NEW_YORK,
    SHANGHAI,
    SHIPPED,
    advertising,
    asked,
    borrower,
    collecting,
    local,
)
from tests.domain.borrower.test_contacts import DUNNING, MINUTE, TEN, answer, ask, known, tell

HOUR = timedelta(hours=1)


def test_a_call_is_made_within_the_hour_and_a_message_within_the_hours_of_the_day() -> None:
    at = local("2026-09-10 10:00")

    assert asked(collecting(), borrower(), at).lapses_at == at + HOUR
    message = asked(collecting(Channel.SMS), borrower(), at)
    assert message.lapses_at == local("2026-09-10 21:00")
    assert asked(advertising(), borrower(), at).lapses_at == local("2026-09-10 11:30")


def test_nothing_is_made_once_the_hours_are_over_wherever_the_borrower_may_be() -> None:
    both = borrower("US", SHANGHAI, NEW_YORK)
    evening = local("2026-09-10 20:30")

    assert asked(collecting(), borrower(), evening).lapses_at == local("2026-09-10 21:00")
    assert asked(collecting(), both, evening).lapses_at == local("2026-09-10 21:00")


def test_a_letter_is_not_hurried_by_midnight() -> None:
    at = local("2026-09-10 22:00")

    assert asked(collecting(Channel.LETTER), borrower(), at).lapses_at == at + 24 * HOUR


def test_what_is_put_off_or_refused_lapses_never() -> None:
    found = asked(collecting(), borrower(), local("2026-09-10 22:00"))

    assert (found.answer, found.lapses_at, found.counts_until) == (Answer.DEFER, None, None)


def test_without_a_rule_a_contact_that_was_allowed_lapses_never() -> None:
    found = asked(collecting(), borrower(), TEN, replace(SHIPPED, lapses=()))

    assert (found.lapses_at, found.counts_until) == (None, None)


def test_a_call_of_the_morning_may_be_told_in_the_evening() -> None:
    found = known()
    ask(found, "C-1")

    tell(found, "C-1", Outcome.CONVERSATION, TEN + 59 * MINUTE)

    assert found.contacts["C-1"].at == TEN + 59 * MINUTE
    assert found.contacts["C-1"].counts_until is None


def test_a_call_that_was_made_too_late_is_not_the_one_that_was_allowed() -> None:
    found = known()
    ask(found, "C-1")

    with pytest.raises(no.ContactLapsed):
        tell(found, "C-1", Outcome.CONVERSATION, TEN + HOUR)
    assert "C-1" in found.open_contacts

    tell(found, "C-1", Outcome.FAILED, TEN + HOUR)
    assert "C-1" not in found.open_contacts


def test_what_nobody_told_of_counts_for_a_day_and_then_no_more() -> None:
    found = known(["America/New_York"])
    found.jurisdiction = "US"
    start = local("2026-09-10 10:00", NEW_YORK)
    ask(found, "C-1", at=start)

    assert answer(ask(found, "C-2", at=start + 2 * HOUR)) == Answer.DEFER
    assert answer(ask(found, "C-3", at=start + 24 * HOUR)) == Answer.ALLOW


def test_what_is_told_later_counts_when_it_was_made() -> None:
    found = known(["America/New_York"])
    found.jurisdiction = "US"
    start = local("2026-09-10 10:00", NEW_YORK)
    ask(found, "C-1", at=start)
    tell(found, "C-1", Outcome.CONVERSATION, start + 5 * MINUTE)

    found_later = ask(found, "C-2", at=start + 24 * HOUR)

    assert found_later is not None
    assert found_later.until == start + 5 * MINUTE + timedelta(days=7)


def test_lapses_come_out_again_as_they_did() -> None:
    found = known()
    ask(found, "C-1")
    ask(found, "C-2", replace(DUNNING, channel=Channel.SMS), TEN + MINUTE)
    events = [each for each in found.pending_events if isinstance(each, Stream.Event)]

    again = list(made_again(events, lambda _: SHIPPED, lambda _: None))

    assert [each.differs for each in again] == [None, None]
    lapsing = replace(SHIPPED, lapses=())
    other = list(made_again(events, lambda _: lapsing, lambda _: None))
    assert all(each.differs for each in other)
