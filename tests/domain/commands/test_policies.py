"""Dated rules as commands: published once for every process, and seen while it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.base.stream import Act
from domain.commands import policies
from domain.commands.book import Book
from domain.policy.policy import Policy, PolicyUnknown, RuleNotSound, RuleVersionTaken
from infra.bootstrap import open_book
from infra.dated_rules import checked, rules_as_known, rules_known, rules_known_at
from infra.store import from_snapshot, to_snapshot
from tests.domain.commands.books import act, at
from tests.domain.commands.conftest import database

DAY = date(2026, 12, 1)
TEXT = """
[[lexicon]]
rule = "forbidden-words"
version = "lexicon-2"
jurisdiction = "ANY"
purposes = ["MARKETING"]
words = ["secret"]
from = 2026-12-01
source = "test"

[[service_levels]]
version = "service-levels-2"
application_valid_days = 9
offer_valid_days = 9
stage_days = { EVIDENCE = 1, DECISION = 1, DISCLOSURE = 1, SIGNING = 1, DISBURSEMENT = 1 }
from = 2026-12-01
source = "test"
"""
ENTRIES = checked(TEXT, "new.toml", rules_known())[0]


def publish(book: Book, by: Act | None = None, **changes: Any) -> None:
    said: dict[str, Any] = {"entries": ENTRIES, "approved_by": "lawyer", **changes}
    policies.publish(book, by or act(), **said)


def test_a_process_that_runs_sees_what_another_publishes(postgres_url: str, migrated: str) -> None:
    with database(postgres_url, migrated) as url, open_book(url) as one, open_book(url) as other:
        assert other.policies.levels(DAY).version == "service-levels-1"

        publish(one)

        assert other.policies.levels(DAY).version == "service-levels-2"
        assert other.policies.levels(date(2026, 11, 30)).version == "service-levels-1"
        lexicons = other.rules.contact.lexicons
        assert any(each.words == ("secret",) for each in lexicons)


def test_one_command_decides_by_one_set_of_rules(postgres_url: str, migrated: str) -> None:
    with database(postgres_url, migrated) as url, open_book(url) as one, open_book(url) as other:
        with other.one_look():
            before = other.rules
            publish(one)

            assert other.rules is before

        assert other.rules is not before
        assert other.rules is other.rules


def test_rules_are_known_from_the_instant_they_were_published(book: Book) -> None:
    publish(book, act(date(2027, 1, 4)), backdated_because="found late")
    known = at(date(2027, 1, 4))

    def words(when: datetime) -> list[tuple[str, ...]]:
        return [each.words for each in rules_known_at(book, when, when.date()).contact.lexicons]

    assert ("secret",) not in words(known - timedelta(seconds=1))
    assert ("secret",) in words(known)


def test_rules_of_a_simulated_history_are_known_from_their_business_day(book: Book) -> None:
    publish(book, replace(act(date(2026, 11, 20)), recorded_at=at(date(2027, 6, 1))))

    def known(on: date) -> bool:
        found = rules_known_at(book, at(on), on).contact.lexicons
        return any(each.words == ("secret",) for each in found)

    assert [known(date(2026, 11, day)) for day in (19, 20)] == [False, True]


def test_an_auditor_asks_by_the_rules_that_were_known_on_a_day_or_at_an_instant(book: Book) -> None:
    publish(book, act(date(2027, 1, 4)), backdated_because="found late")
    published_at = at(date(2027, 1, 4))

    def known(when: date | datetime | None) -> bool:
        found = rules_as_known(book, when).contact.lexicons
        return any(each.words == ("secret",) for each in found)

    # It counts from December, but nobody knew it then.
    assert [known(date(2026, 12, 31)), known(date(2027, 1, 4)), known(None)] == [False, True, True]
    assert [known(published_at - timedelta(seconds=1)), known(published_at)] == [False, True]


def test_rules_of_one_file_are_published_together_or_not_at_all(book: Book) -> None:
    spoilt = [ENTRIES[0], replace(ENTRIES[1], version="service-levels-1", digest="other")]

    with pytest.raises(RuleVersionTaken):
        publish(book, entries=spoilt)

    assert book.find(Policy, policies.policy_id(book, "forbidden-words")) is None
    assert book.streams.last_of_policies() == 0


def test_a_rule_that_cannot_be_read_is_not_published(book: Book) -> None:
    text = ENTRIES[0].text.replace("words", "wordz")

    with pytest.raises(RuleNotSound):
        publish(book, entries=[replace(ENTRIES[0], text=text)])


def test_a_rule_is_published_once_under_one_id(book: Book) -> None:
    by = act()

    first = policies.publish(book, by, entries=ENTRIES, approved_by="lawyer")
    again = policies.publish(book, by, entries=ENTRIES, approved_by="lawyer")

    assert (first.repeated, again.repeated) == (False, True)
    assert len(list(book.events.get(first.stream_id))) == 2


def test_a_version_under_review_counts_once_it_is_approved(book: Book) -> None:
    policies.submit(book, act(), entries=ENTRIES)

    assert book.policies.levels(DAY).version == "service-levels-1"
    by = replace(act(), actor="lawyer")
    policies.approve(book, by, rule="service-levels", version="service-levels-2")
    by = replace(act(), actor="lawyer")
    policies.refuse(book, by, rule="forbidden-words", version="lexicon-2", reason="too short")

    assert book.policies.levels(DAY).version == "service-levels-2"
    assert [each.entry.rule for each in book.rules.sources if not each.shipped] == [
        "service-levels"
    ]


def test_a_version_is_withdrawn_for_every_process(book: Book) -> None:
    publish(book)

    policies.withdraw(
        book, act(), rule="service-levels", version="service-levels-2", reason="a slip"
    )

    assert book.policies.levels(DAY).version == "service-levels-1"


def test_a_shipped_rule_can_be_confirmed_and_an_unknown_one_cannot(book: Book) -> None:
    policies.confirm(book, act(), rules=["forbidden-words", "vague-promises"])

    looks = {each.rule: each.looked_at for each in book.rules.contact.lexicons}
    assert looks["forbidden-words"] == looks["vague-promises"] == (act().recorded_at,)
    assert looks["threats-and-shame"] == ()
    with pytest.raises(PolicyUnknown):
        policies.confirm(book, act(), rules=["no-such-rule"])
    with pytest.raises(PolicyUnknown):
        policies.withdraw(book, act(), rule="no-such-rule", version="1", reason="none")


def test_a_rule_comes_back_from_its_snapshot_as_it_was(book: Book) -> None:
    publish(book)
    policies.confirm(book, act(), rules=["forbidden-words"])
    policy = book.get(Policy, policies.policy_id(book, "forbidden-words"))

    again = from_snapshot(Policy, policy.id, policy.version, to_snapshot(policy))

    assert vars(again) == vars(policy)


def test_each_rule_of_a_command_is_stored_under_an_id_of_its_own(book: Book) -> None:
    by = act()

    publish(book, by)

    ids = [policies.policy_id(book, rule) for rule in ("forbidden-words", "service-levels")]
    under = [{event.command_id for event in book.events.get(each)} for each in ids]  # type: ignore[attr-defined]
    assert under[0] == {by.command_id} and len(under[1]) == 1
    for stream_id, (command_id,) in zip(ids, under, strict=True):
        found = book.streams.find_command(command_id)
        assert found is not None
        assert (found.stream_id, found.version) == (stream_id, 2)
