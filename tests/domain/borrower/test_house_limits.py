"""Caps of the house, where the law sets no figure: on every channel there is an end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.borrower.contact import Intent
from infra.dated_rules import rules_known
from tests.domain.borrower.asking import (
    ALLOWED,
    HOMES,
    answer,
    borrower,
    call,
    collecting,
    deferred,
    local,
    sent,
)

RULES = rules_known().contact
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REMINDER = Intent(Purpose.SERVICE_REMINDER, Channel.PHONE, contact_point="n1", debt="d1")
WRITTEN = (Channel.SMS, Channel.EMAIL, Channel.PUSH, Channel.WECOM, Channel.LETTER)


def test_a_reminder_that_nobody_answers_is_not_tried_all_day() -> None:
    noon, next_morning = local("2026-09-10 12:00"), local("2026-09-11 08:00")
    tried = call(noon - 2 * HOUR, purpose=Purpose.SERVICE_REMINDER)
    again = call(noon - HOUR, purpose=Purpose.SERVICE_REMINDER)

    once = answer(REMINDER, borrower(history=(tried,)), noon, RULES)
    twice = answer(REMINDER, borrower(history=(tried, again)), noon, RULES)

    assert once == ALLOWED
    assert twice == deferred(next_morning, "CAP")


@pytest.mark.parametrize("jurisdiction", HOMES)
@pytest.mark.parametrize("channel", WRITTEN)
def test_collection_writes_once_a_day_by_any_channel(jurisdiction: str, channel: Channel) -> None:
    noon = local("2026-09-10 12:00", HOMES[jurisdiction])
    written = sent(noon - HOUR, Purpose.COLLECTION, channel, debt="d2")
    long_ago = sent(noon - DAY, Purpose.COLLECTION, channel, debt="d2")

    again = answer(collecting(channel), borrower(jurisdiction, history=(written,)), noon, RULES)
    next_day = answer(collecting(channel), borrower(jurisdiction, history=(long_ago,)), noon, RULES)

    assert again[2] == ["CAP"]
    assert next_day == ALLOWED


@pytest.mark.parametrize("jurisdiction", HOMES)
def test_a_push_after_an_sms_is_a_second_message_that_collects(jurisdiction: str) -> None:
    noon = local("2026-09-10 12:00", HOMES[jurisdiction])
    written = sent(noon - HOUR, Purpose.COLLECTION, Channel.SMS)

    push = answer(collecting(Channel.PUSH), borrower(jurisdiction, history=(written,)), noon, RULES)

    assert push[2] == ["CAP"]


@pytest.mark.parametrize("jurisdiction", HOMES)
@pytest.mark.parametrize("outcome", [Outcome.ATTEMPTED, Outcome.CONVERSATION])
def test_nobody_is_visited_twice_a_day(jurisdiction: str, outcome: Outcome) -> None:
    noon = local("2026-09-10 12:00", HOMES[jurisdiction])
    visited = call(noon - HOUR, outcome, channel=Channel.VISIT)

    again = answer(
        collecting(Channel.VISIT), borrower(jurisdiction, history=(visited,)), noon, RULES
    )

    assert again[2] == ["CAP"]
