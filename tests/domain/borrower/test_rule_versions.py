"""Old decisions by the rules they name, and lexicons that somebody has to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.base.contact_policy import Channel, ContactRules, FreshnessRule, LexiconRule, Purpose
from domain.base.policy import PolicyMissing
from domain.borrower.contact import Intent
from domain.borrower.gate import Answer, Decision
from tests.domain.borrower.asking import (
    ALLOWED,
    SHIPPED,
    advertising,
    answer,
    asked,
    blocked,
    borrower,
    collecting,
    local,
)

NOW = local("2026-09-10 10:30")
WEEKLY = FreshnessRule(
    rule="weekly",
    version="1",
    jurisdiction="ANY",
    purposes=(Purpose.MARKETING,),
    days=7,
    valid_from=date(1990, 1, 1),
    source="test",
)


def named(decision: Decision) -> list[tuple[str, str]]:
    return [(each.rule, each.version) for each in decision.judged_by]


def later_rules() -> ContactRules:
    """The shipped rules, and since then stricter versions of several, from before NOW on."""
    calls = next(each for each in SHIPPED.limits if each.rule == "cn-connected-calls-a-day")
    hours = next(each for each in SHIPPED.hours if each.rule == "cn-marketing-sms-hours")
    calendar = SHIPPED.calendars[0]
    since = date(2026, 9, 1)
    return replace(
        SHIPPED,
        limits=(*SHIPPED.limits, replace(calls, version="2", most=0, valid_from=since)),
        hours=(*SHIPPED.hours, replace(hours, version="2", hours=(), valid_from=since)),
        calendars=(
            *SHIPPED.calendars,
            replace(
                calendar,
                version="2",
                valid_from=since,
                holidays=calendar.holidays | {date(2026, 9, 10), date(2026, 9, 11)},
            ),
        ),
    )


@pytest.mark.parametrize("hour", ["10:30", "12:00", "23:00"])
@pytest.mark.parametrize("intent", [collecting(), advertising(), advertising(Channel.PUSH)])
def test_an_old_decision_is_made_again_by_the_versions_it_names(intent: Intent, hour: str) -> None:
    at = local(f"2026-09-10 {hour}")
    then = asked(intent, borrower(), at)

    again = asked(intent, borrower(), at, later_rules().at_versions(named(then)))

    assert again == then
    assert asked(intent, borrower(), at, later_rules()) != then


def test_a_decision_names_the_rules_of_every_day_it_looked_at() -> None:
    hours = next(each for each in SHIPPED.hours if each.rule == "cn-collection-hours")
    tomorrow = replace(hours, version="2", valid_from=date(2026, 9, 11))
    rules = replace(SHIPPED, hours=(*SHIPPED.hours, tomorrow))
    at = local("2026-09-10 22:00")

    then = asked(collecting(), borrower(), at, rules)

    assert {("cn-collection-hours", "hours-1"), ("cn-collection-hours", "2")} <= set(named(then))
    assert asked(collecting(), borrower(), at, rules.at_versions(named(then))) == then


def test_where_days_matter_the_calendar_is_named() -> None:
    calendar = ("day-calendar-cn-2026", SHIPPED.calendars[0].version)

    assert calendar in named(asked(advertising(), borrower(), NOW))
    assert calendar not in named(asked(collecting(), borrower(), NOW))


def test_a_version_that_nobody_knows_makes_no_decision() -> None:
    with pytest.raises(PolicyMissing):
        SHIPPED.at_versions([("cn-day-hours", "hours-0")])


def test_what_a_borrower_asked_for_stands_with_the_borrower() -> None:
    assert not list(SHIPPED.at_versions([("own-hours", "1")]).each())


def fresh(*looks: str) -> ContactRules:
    """The shipped rules, lexicons looked at on these days, and a rule that asks for it."""
    times = [local(f"{look} 09:00") for look in looks]
    rules = replace(SHIPPED, freshness=(WEEKLY,))
    return rules.looked_at({(each.rule, each.version): times for each in rules.lexicons})


def test_advertising_stops_when_nobody_looked_at_a_lexicon_for_a_week() -> None:
    assert answer(advertising(), borrower(), NOW, fresh("2026-09-04")) == ALLOWED
    assert answer(advertising(), borrower(), NOW, fresh()) == blocked("LEXICON_STALE")
    assert answer(advertising(), borrower(), NOW, fresh("2026-09-03")) == blocked("LEXICON_STALE")


def test_a_look_of_later_changes_no_decision_of_before() -> None:
    rules = fresh("2026-09-01", "2026-09-11")

    assert answer(advertising(), borrower(), NOW, rules) == blocked("LEXICON_STALE")
    assert answer(advertising(), borrower(), NOW + timedelta(days=1), rules) == ALLOWED


def test_one_lexicon_that_nobody_looked_at_is_enough() -> None:
    rules = fresh("2026-09-09")
    other: LexiconRule = replace(rules.lexicons[0], rule="another", looked_at=())

    found = asked(advertising(), borrower(), NOW, replace(rules, lexicons=(*rules.lexicons, other)))

    assert found.answer == Answer.BLOCK


def test_nothing_but_advertising_waits_for_a_look() -> None:
    assert answer(collecting(), borrower(), NOW, fresh()) == ALLOWED
