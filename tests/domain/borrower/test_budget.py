"""What a borrower's limits still leave."""

from __future__ import annotations

from datetime import timedelta

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.borrower.budget import ANY_OTHER, Allowance, allowances
from domain.borrower.contact import PastContact
from domain.borrower.gate import Answer
from tests.domain.borrower.asking import (
    LOS_ANGELES,
    NEW_YORK,
    SHIPPED,
    asked,
    borrower,
    call,
    collecting,
    local,
    sent,
)

TEN = local("2026-09-10 10:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def left(found: list[Allowance], rule: str, of: str | None = None) -> tuple[int, int] | None:
    """Used and left of one limit."""
    return next(
        ((each.used, each.left) for each in found if (each.rule, each.of) == (rule, of)), None
    )


def test_answered_calls_use_up_the_calls_of_the_day() -> None:
    history = (call(TEN - HOUR, Outcome.CONNECTED), call(TEN - 2 * HOUR, Outcome.ATTEMPTED))

    found = allowances(borrower(history=history), SHIPPED, TEN, [Purpose.COLLECTION])

    assert left(found, "cn-connected-calls-a-day") == (1, 2)
    assert left(found, "cn-collection-messages-a-day") == (0, 1)


def test_a_limit_per_number_is_told_for_each_number_that_was_called_and_for_any_other() -> None:
    history = (
        call(TEN - HOUR),
        call(TEN - 2 * HOUR),
        call(TEN - 3 * HOUR, contact_point="n2"),
        call(TEN - timedelta(days=1), contact_point="n3"),
    )

    found = allowances(borrower(history=history), SHIPPED, TEN, [Purpose.COLLECTION])

    rule = "cn-attempts-a-day-and-number"
    told = {each.of: each.used for each in found if each.rule == rule}
    assert told == {"n1": 2, "n2": 1, ANY_OTHER: 0}


def test_a_call_to_an_unknown_number_counts_for_every_number() -> None:
    history = (call(TEN - HOUR, contact_point=None), call(TEN - 2 * HOUR))

    found = allowances(borrower(history=history), SHIPPED, TEN, [Purpose.COLLECTION])

    assert left(found, "cn-attempts-a-day-and-number", "n1") == (2, 4)
    assert left(found, "cn-attempts-a-day-and-number", ANY_OTHER) == (1, 5)


def test_only_limits_on_the_purposes_asked_for_are_told() -> None:
    found = allowances(borrower(), SHIPPED, TEN, [Purpose.MARKETING])

    assert {purpose for each in found for purpose in each.purposes} == {Purpose.MARKETING}
    assert "cn-marketing-budget" in {each.rule for each in found}


def test_a_message_that_failed_uses_nothing() -> None:
    history = (PastContact(TEN - HOUR, Purpose.COLLECTION, Channel.SMS, Outcome.FAILED),)

    found = allowances(borrower(history=history), SHIPPED, TEN, [Purpose.COLLECTION])

    assert left(found, "cn-collection-messages-a-day") == (0, 1)


def test_what_was_used_is_told_for_the_zone_where_most_is() -> None:
    # Half past one at night in New York is still the evening before in Los Angeles.
    at = local("2026-09-10 01:30", NEW_YORK)
    reminded = sent(at - 3 * HOUR, Purpose.SERVICE_REMINDER, Channel.SMS)

    found = allowances(
        borrower("US", NEW_YORK, LOS_ANGELES, history=(reminded,)),
        SHIPPED,
        at,
        [Purpose.SERVICE_REMINDER],
    )

    assert [(each.used, each.zone) for each in found if each.rule == "reminders-a-day"] == [
        (1, LOS_ANGELES)
    ]


def test_what_happens_later_uses_nothing_yet() -> None:
    history = (call(TEN + MINUTE, Outcome.CONNECTED),)

    found = allowances(borrower(history=history), SHIPPED, TEN, [Purpose.COLLECTION])

    assert left(found, "cn-connected-calls-a-day") == (0, 3)


def test_where_nothing_is_left_the_gate_objects_by_that_rule() -> None:
    history = tuple(call(TEN - number * MINUTE, Outcome.CONNECTED) for number in (1, 2, 3))
    situation = borrower(history=history)

    found = allowances(situation, SHIPPED, TEN, [Purpose.COLLECTION])

    decision = asked(collecting(), situation, TEN)
    assert decision.answer == Answer.DEFER
    used_up = {each.rule for each in found if not each.left}
    assert {each.rule for each in decision.objections} == used_up
