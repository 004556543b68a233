"""Dated rules: published by two people, never edited, and taken back only beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from domain.base.dated_rules import Entry
from domain.base.refusal import SamePerson
from domain.policy.policy import (
    NotSubmitted,
    Policy,
    PolicyUnknown,
    RuleBackdated,
    RuleInForce,
    RuleNotSound,
    RuleVersionTaken,
    Stage,
)
from tests.domain.story import NAMESPACE, act, given, happened, recorded, state

TODAY = act().business_on
TOMORROW = TODAY + timedelta(days=1)
ENTRY = Entry(
    rule="calls-a-day",
    version="limits-2",
    kind="limit",
    jurisdiction="CN",
    purposes=["COLLECTION"],
    channels=["PHONE"],
    valid_from=TOMORROW,
    valid_until=None,
    source="a notice",
    text="[[limit]]\n",
    digest="abc",
)


def rule(*steps: Any) -> Policy:
    return given(Policy.named(act(), NAMESPACE, ENTRY), *steps)


def publish(policy: Policy, entry: Entry = ENTRY, **changes: Any) -> None:
    people: dict[str, Any] = {"requested_by": "clerk", "approved_by": "lawyer"}
    policy.publish(act(), entry, **{"taken": {"limits-1"}, **people, **changes})


def submit(policy: Policy) -> None:
    policy.submit(act(), ENTRY, taken=set())


def by(name: str, minutes: int = 0) -> Any:
    return replace(act(), actor=name, recorded_at=act().recorded_at + timedelta(minutes=minutes))


def test_a_version_counts_from_its_day_once_two_people_agree() -> None:
    policy = rule()

    publish(policy)

    assert recorded(policy) == [
        happened(
            Policy.Published,
            entry=ENTRY,
            effective_on=TOMORROW,
            requested_by="clerk",
            approved_by="lawyer",
            backdated_because=None,
            review_seconds=None,
        )
    ]
    assert policy.published() == [ENTRY]


def test_nobody_publishes_a_rule_alone() -> None:
    policy = rule()

    with pytest.raises(SamePerson):
        publish(policy, approved_by=" Clerk")

    assert recorded(policy) == []


def test_the_same_version_is_published_once() -> None:
    policy = rule(publish)

    publish(policy)

    assert recorded(policy) == []


@pytest.mark.parametrize(
    "entry", [replace(ENTRY, digest="other"), replace(ENTRY, version="limits-1")]
)
def test_a_version_that_is_there_is_never_edited(entry: Entry) -> None:
    policy = rule(publish)

    with pytest.raises(RuleVersionTaken):
        publish(policy, entry)

    assert recorded(policy) == []


@pytest.mark.parametrize("changes", [{"kind": "hours"}, {"jurisdiction": "US"}])
def test_a_name_stays_with_its_rule(changes: dict[str, Any]) -> None:
    with pytest.raises(RuleNotSound):
        publish(rule(), replace(ENTRY, **changes))


def test_a_rule_does_not_reach_back_unless_somebody_says_why() -> None:
    policy = rule()
    late = replace(ENTRY, valid_from=TODAY - timedelta(days=1))

    with pytest.raises(RuleBackdated):
        publish(policy, late)
    publish(policy, late, backdated_because="the notice came out late")

    assert recorded(policy) == [
        happened(Policy.Published, backdated_because="the notice came out late")
    ]


def test_a_rule_may_count_from_today() -> None:
    policy = rule()

    publish(policy, replace(ENTRY, valid_from=TODAY))

    assert len(policy.published()) == 1


def test_a_version_is_taken_back_before_its_day_and_never_after() -> None:
    policy = rule(publish)

    policy.withdraw(act(), "limits-2", reason="a slip")

    assert recorded(policy) == [happened(Policy.Withdrawn, version="limits-2", digest="abc")]
    assert policy.published() == []
    with pytest.raises(RuleVersionTaken):
        publish(policy)
    with pytest.raises(RuleInForce):
        rule(publish).withdraw(replace(act(), business_on=TOMORROW), "limits-2", reason="late")
    with pytest.raises(PolicyUnknown):
        policy.withdraw(act(), "limits-1", reason="shipped")


def test_a_review_is_answered_by_somebody_else_and_timed() -> None:
    policy = rule(submit)

    with pytest.raises(SamePerson):
        policy.approve(by(act().actor), "limits-2")
    policy.approve(by("lawyer", minutes=7), "limits-2")

    assert recorded(policy) == [
        happened(
            Policy.Published, requested_by=act().actor, approved_by="lawyer", review_seconds=420
        )
    ]
    assert [each.stage for each in policy.versions] == [Stage.PUBLISHED]


def test_a_refused_version_may_be_mended_and_submitted_again() -> None:
    policy = rule(submit)

    policy.refuse(by("lawyer"), "limits-2", reason="no source")
    policy.submit(act(), replace(ENTRY, digest="mended"), taken=set())

    assert [each.stage for each in policy.versions] == [Stage.REFUSED, Stage.SUBMITTED]
    assert policy.published() == []


def test_what_waits_for_nobody_is_not_answered() -> None:
    with pytest.raises(NotSubmitted):
        rule(publish).approve(by("lawyer"), "limits-2")
    with pytest.raises(NotSubmitted):
        rule().refuse(by("lawyer"), "limits-2", reason="none")


def test_a_published_version_may_end_with_none_in_its_place() -> None:
    policy = rule(publish)
    people = {"requested_by": "clerk", "approved_by": "lawyer"}
    end = TOMORROW + timedelta(days=9)

    with pytest.raises(RuleBackdated):
        policy.retire(act(), "limits-2", ends_on=TOMORROW, reason="old", **people)
    policy.retire(act(), "limits-2", ends_on=end, reason="old", **people)

    assert [each.valid_until for each in policy.published()] == [end]
    with pytest.raises(RuleBackdated):
        policy.retire(act(), "limits-2", ends_on=end, reason="again", **people)


def test_a_look_at_a_rule_changes_nothing_but_is_kept() -> None:
    policy = rule(publish)

    policy.confirm(act(), ENTRY)

    assert recorded(policy) == [happened(Policy.Confirmed, version="limits-2", digest="abc")]
    assert [(look.version, look.at) for look in policy.looks] == [("limits-2", act().recorded_at)]
    assert state(policy)["versions"] == state(rule(publish))["versions"]


def test_an_entry_concerns_what_it_binds() -> None:
    assert ENTRY.concerns("CN", "COLLECTION", "PHONE")
    assert ENTRY.concerns(None, None, None)
    assert not ENTRY.concerns("US", None, None)
    assert not ENTRY.concerns(None, "MARKETING", None)
    assert replace(ENTRY, channels=[]).concerns(None, None, "SMS")
    assert ENTRY.holds(TOMORROW) and not ENTRY.holds(TODAY)
    assert not replace(ENTRY, valid_until=date.max).holds(date.max)
