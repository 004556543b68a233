"""Rules of files and rules published since: written down in one spelling, read one way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.base.dated_rules import DatedRules, Entry
from domain.policy.policy import Policy
from infra.dated_rules import KINDS, checked, rules_known
from infra.policies import one_at_a_time
from infra.rule_files import entry_of, repeated, rows_of, written_of
from tests.domain.story import NAMESPACE, act

SHIPPED = rules_known()
DAY = date(2026, 12, 1)

SPEEDIER = """
[[lexicon]]
rule = "forbidden-words"
version = "lexicon-2"
jurisdiction = "ANY"
purposes = ["MARKETING"]
words = ["秒批", "无视征信", "秒到账"]
from = 2026-12-01
source = "house rule of November"
"""
CHEAPER = """
[[index_rate]]
index = "LPR_1Y"
version = "lpr-1y-2026-12-21"
annual_rate = "0.0290"
from = 2026-12-21
source = "notice of the day"
"""


def entry(text: str) -> Entry:
    (found,) = checked(text, "new.toml", SHIPPED)[0]
    return found


def published(*texts: str) -> Policy:
    policy = Policy.named(act(), NAMESPACE, entry(texts[0]))
    for text in texts:
        policy.publish(act(), entry(text), taken=set(), requested_by="clerk", approved_by="lawyer")
    return policy


def in_force(known: DatedRules, rule: str, on: date) -> str:
    (found,) = [each.entry.version for each in known.held(on) if each.entry.rule == rule]
    return found


def test_every_shipped_rule_has_a_name_and_a_version_of_its_own() -> None:
    entries = [source.entry for source in SHIPPED.sources]

    assert repeated(entries) == []
    assert all(each.source and each.version for each in entries)
    assert {each.kind for each in entries} == set(KINDS) - {
        "agency",
        "ban",
        "contract_form",
        "request_term",
    }


REPLACED = {
    **{f"strategy-m{number}": ("strategies-1", "strategies-3") for number in (4, 5, 6, 7)},
    "strategy-m4-out-of-reach": ("strategies-1", "strategies-3"),
    "strategy-written-off": ("strategies-2", "strategies-3"),
    **{
        f"complaint-level-{severity}-{place}": ("complaints-1", "complaints-2")
        for severity in ("low", "medium")
        for place in ("any", "us", "uk", "in", "eu")
    },
    "complaint-level-low-cn": ("complaints-1", "complaints-2"),
}
"""Shipped rules that have a newer version, and those that events of the past name."""


@pytest.mark.parametrize(("rule", "versions"), REPLACED.items())
def test_a_version_that_was_shipped_is_there_beside_the_one_that_took_its_place(
    rule: str, versions: tuple[str, ...]
) -> None:
    known = [source.entry.version for source in SHIPPED.versions(rule)]
    (decides,) = [each.entry.version for each in SHIPPED.held(DAY) if each.entry.rule == rule]

    assert known == list(versions)
    assert decides == versions[-1]


def test_what_collectors_do_and_how_fast_complaints_go_is_by_the_version_that_took_the_place() -> (
    None
):
    policies = SHIPPED.policies

    strategy = policies.strategy("M4", DAY)
    level = policies.complaint_level("LOW", DAY, "CN")

    assert strategy is not None and strategy.version == "strategies-3"
    assert level is not None and level.version == "complaints-2"


def test_what_is_written_down_reads_as_it_was_said() -> None:
    for source in SHIPPED.sources:
        assert entry_of(written_of(source.entry), KINDS) == source.entry


def test_one_spelling_is_one_digest() -> None:
    shuffled = "[[lexicon]]\n" + "\n".join(reversed(SPEEDIER.strip().splitlines()[1:]))

    assert entry(shuffled).digest == entry(SPEEDIER).digest
    assert entry(SPEEDIER.replace("秒到账", "秒到")).digest != entry(SPEEDIER).digest


def test_a_published_version_decides_from_its_day_on() -> None:
    known = rules_known([published(SPEEDIER)])

    assert in_force(known, "forbidden-words", date(2026, 11, 30)) == "lexicon-1"
    assert in_force(known, "forbidden-words", DAY) == "lexicon-2"
    bound = known.contact.binding("CN", Purpose.MARKETING, Channel.SMS, DAY)
    assert any("秒到账" in lexicon.words for lexicon in bound.lexicons)


def test_a_published_rate_takes_the_place_of_the_shipped_one() -> None:
    known = rules_known([published(CHEAPER)])

    assert known.policies.index_rate("LPR_1Y", date(2026, 12, 20)).annual_rate == Decimal("0.0300")
    assert known.policies.index_rate("LPR_1Y", date(2026, 12, 21)).annual_rate == Decimal("0.0290")
    assert known.policies.index_rate("LPR_5Y", date(2026, 12, 21)).annual_rate == Decimal("0.0350")


def test_an_older_version_counts_again_when_the_newer_one_ends() -> None:
    old = SHIPPED.policies.levels(DAY)
    new = replace(old, version="new", valid_from=date(2026, 1, 1), valid_until=date(2026, 2, 1))

    shown = one_at_a_time([new, old])

    assert [(each.version, each.valid_from, each.valid_until) for each in shown] == [
        (old.version, old.valid_from, date(2026, 1, 1)),
        ("new", date(2026, 1, 1), date(2026, 2, 1)),
        (old.version, date(2026, 2, 1), None),
    ]


def test_the_later_of_two_versions_from_one_day_decides() -> None:
    old = SHIPPED.policies.levels(DAY)

    assert [each.version for each in one_at_a_time([old, replace(old, version="b")])] == ["b"]


def test_a_rule_that_ended_counts_until_its_last_day() -> None:
    policy = published(SPEEDIER)
    policy.retire(
        act(),
        "lexicon-2",
        ends_on=date(2027, 1, 1),
        reason="old",
        requested_by="clerk",
        approved_by="lawyer",
    )
    known = rules_known([policy])

    assert in_force(known, "forbidden-words", date(2026, 12, 31)) == "lexicon-2"
    assert in_force(known, "forbidden-words", date(2027, 1, 1)) == "lexicon-1"
    (lexicon,) = [each for each in known.contact.lexicons if each.version == "lexicon-2"]
    assert lexicon.valid_until == date(2027, 1, 1)


def test_to_publish_and_to_confirm_is_to_look_at_a_rule() -> None:
    policy = published(SPEEDIER)
    later = datetime(2026, 12, 8, 9, tzinfo=UTC)
    policy.confirm(replace(act(), recorded_at=later), entry(SPEEDIER))

    lexicons = {each.version: each for each in rules_known([policy]).contact.lexicons}

    assert set(lexicons["lexicon-2"].looked_at) == {act().recorded_at, later}
    assert lexicons["lexicon-1"].looked_at == ()


WRONG = """
[[limit]]
rule = "education-a-month"
version = "limits-1"
jurisdiction = "ANY"
most = 5

[[lexicon]]
rule = "marketing-consent"
version = "2"
jurisdiction = "ANY"
purposes = ["MARKETING"]
words = []
from = 2027-01-01
source = "test"

[[index_rate]]
index = "LPR_1Y"
version = "float"
annual_rate = 0.03
from = 2027-01-01
source = "test"

[[lexica]]
rule = "none"
"""


def test_everything_that_is_wrong_with_a_file_is_told_at_once() -> None:
    _, wrong = checked(WRONG, "new.toml", SHIPPED)

    assert len(wrong) == 4
    told = "\n".join(wrong)
    assert "education-a-month of limits-1" in told
    assert "'counts' is missing" in told and "'from' is missing" in told
    assert "marketing-consent is of kind consent for ANY" in told
    assert "write a figure with a point in quotes" in told
    assert "'lexica' is no kind of rule" in told


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("words = [", "it is no TOML"),
        ("[lexicon]\nrule = 'x'\n", "is no list of entries"),
        ("", "there is no rule in it"),
        (SPEEDIER + SPEEDIER, "stands there twice"),
        (SPEEDIER.replace("lexicon-2", "lexicon-1"), "has another version lexicon-1"),
        (SPEEDIER + "looked_at = []\n", "'looked_at' is not known"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_told(text: str, wrong: str) -> None:
    assert wrong in "\n".join(checked(text, "new.toml", SHIPPED)[1])


def test_a_text_is_read_by_its_tables() -> None:
    assert [each.kind for each in rows_of(SPEEDIER + CHEAPER, "x")] == ["lexicon", "index_rate"]
