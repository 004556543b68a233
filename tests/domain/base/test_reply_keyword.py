"""Words by which people refuse messages, or take that back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.base.reply_keyword import Keyword, KeywordMeaning, keyword_in
from infra.dated_rules import rules_known
from infra.policies import load_policies

POLICIES = load_policies()
DAY = date(2026, 11, 23)
REFUSES, TAKES_BACK, MAY_REFUSE = KeywordMeaning


def said(text: str, jurisdiction: str = "CN", on: date = DAY) -> Keyword | None:
    return POLICIES.keyword_in(text, jurisdiction, on)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("T", "T"),
        (" t ", "T"),
        ("Ｔ。", "T"),
        ("td", "TD"),
        ("“退订”", "退订"),
        ("Stop!", "STOP"),
        ("opt-out", "OPT OUT"),
        ("UNSUBSCRIBE\r\n", "UNSUBSCRIBE"),
    ],
)
def test_a_refusal_is_known_however_it_is_written(text: str, word: str) -> None:
    found = said(text)

    assert found is not None
    assert (found.word, found.meaning) == (word, REFUSES)


@pytest.mark.parametrize("text", ["", "？", "Thanks", "I will stop by on Friday", "TT", "0"])
def test_what_says_something_else_is_no_keyword(text: str) -> None:
    assert said(text) is None


def test_a_word_of_one_jurisdiction_means_nothing_in_another() -> None:
    assert said("T", "US") is None
    assert said("ABMELDEN", "EU") is not None
    assert said("STOP", "IN") is not None


def test_a_refusal_by_text_covers_robocalls_from_the_day_on_which_the_law_says_so() -> None:
    before, after = said("stop", "US", date(2027, 1, 30)), said("stop", "US", date(2027, 1, 31))

    assert before is not None
    assert after is not None
    assert before.channels("SMS") == ["SMS"]
    assert after.channels("SMS") == ["SMS", "AI_VOICE"]
    assert after.channels("AI_VOICE") == ["AI_VOICE"]


def test_a_word_that_would_mean_both_refuses_the_most_that_any_rule_says() -> None:
    back, *_ = (each for each in POLICIES.reply_keywords if each.meaning == TAKES_BACK)
    none = replace(back, words=("START",), meaning=REFUSES, also=("PUSH",), purposes=("CARE",))
    more = replace(none, also=("WECOM",), purposes=("MARKETING",))

    found = keyword_in("start", [back, none, more])

    assert found is not None
    assert found.meaning == REFUSES
    assert found.also == ("PUSH", "WECOM")
    assert found.purposes == ("CARE", "MARKETING")
    every = keyword_in("start", [none, replace(more, purposes=())])
    assert every is not None
    assert every.purposes == ()


def test_every_refusal_is_confirmed_by_a_text_that_is_there() -> None:
    rules = rules_known()
    families = {(each.family, each.jurisdiction, each.channel) for each in rules.texts}
    for jurisdiction in ("CN", "US", "UK", "IN", "EU"):
        for channel in ("SMS", "EMAIL"):
            stop = rules.policies.keyword_in("STOP", jurisdiction, DAY)
            assert stop is not None
            assert (stop.confirmed_by, jurisdiction, channel) in families


def among(text: str, jurisdiction: str = "CN") -> list[tuple[str, str]]:
    found = POLICIES.words_among(text, "SMS", jurisdiction, DAY)
    return [(each.word, each.meaning) for each in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("please STOP sending", ["STOP"]),
        ("I opt-out of this", ["OPT OUT"]),
        ("请TD谢谢", ["TD"]),
        ("我要退订，谢谢", ["退订"]),
        ("ｓｔｏｐ！不要再发", ["STOP", "不要再发"]),
    ],
)
def test_a_keyword_among_other_words_is_found_and_may_refuse(text: str, words: list[str]) -> None:
    assert among(text) == [(word, MAY_REFUSE) for word in words]


def test_a_word_that_takes_a_refusal_back_is_found_too_and_holds_nothing_up() -> None:
    assert among("please start again") == [("START", TAKES_BACK)]


@pytest.mark.parametrize("text", ["", "nonstop talking", "周五还款", "TDX", "I paid already"])
def test_a_part_of_another_word_is_no_keyword(text: str) -> None:
    assert among(text) == []


def test_a_word_that_may_refuse_among_others_is_no_keyword_of_its_own() -> None:
    assert said("别再发") is None
    assert said("remove me", "US") is None


def test_what_is_kept_back_until_it_is_read_stands_in_the_rule() -> None:
    (found,) = POLICIES.words_among("we stop here", "EMAIL", "US", DAY)

    assert (found.version, found.channels, found.purposes) == (
        "among-others-1",
        ["EMAIL"],
        ["MARKETING"],
    )


def test_a_refusal_in_other_words_covers_what_a_keyword_would() -> None:
    before, after = date(2027, 1, 30), date(2027, 1, 31)

    assert POLICIES.refusal_covers("SMS", "US", before) == ["SMS"]
    assert POLICIES.refusal_covers("SMS", "US", after) == ["SMS", "AI_VOICE"]
    assert POLICIES.refusal_covers("SMS", "CN", after) == ["SMS"]
