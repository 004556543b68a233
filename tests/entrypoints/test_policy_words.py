"""What is said of a rule once a command on it was carried out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.policy.policy import Policy
from entrypoints.policy_commands import standing_of, words_of
from tests.domain.policy.test_policy import TODAY, TOMORROW, publish, rule
from tests.domain.story import act

END = TOMORROW + timedelta(days=9)


def retire(policy: Policy) -> None:
    people: dict[str, Any] = {"requested_by": "clerk", "approved_by": "lawyer"}
    policy.retire(act(), "limits-2", ends_on=END, reason="old", **people)


def test_a_version_that_was_published_says_so() -> None:
    standing = standing_of("calls-a-day", "limits-2", rule(publish))

    assert (standing["stage"], words_of(standing, TODAY)) == ("PUBLISHED", "published")


def test_a_version_that_is_to_end_says_when_and_one_that_ended_that_it_did() -> None:
    standing = standing_of("calls-a-day", "limits-2", rule(publish, retire))

    assert standing["until"] == END
    assert words_of(standing, TODAY) == f"published, ends on {END}"
    assert words_of(standing, END) == f"ended on {END}"


def test_a_rule_of_the_files_was_looked_at() -> None:
    standing = standing_of("forbidden-words", "confirmed", None)

    assert words_of(standing, TODAY) == "looked at"
