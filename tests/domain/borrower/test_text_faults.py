"""What is wrong with a template, by the rules of the gate and the standard of texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.base.text_template import Claim, FigureKind, ProductFigure, TextTemplate
from domain.borrower.text_faults import template_faults
from infra.dated_rules import rules_known

KNOWN = rules_known()
DAY = date(2026, 11, 22)
SINCE = date(2026, 11, 23)
"""From this day on the rate is called as the law calls it in every jurisdiction."""
OFFER = TextTemplate(
    rule="cn-offer",
    version="1",
    jurisdiction="CN",
    language="zh",
    family="offer",
    purpose=Purpose.MARKETING,
    channel=Channel.SMS,
    sender="示例消费金融",
    scene="装修备用金",
    text="【示例消费金融】装修备用金最高可借300,000元，年化利率{{ rate | percent }}。拒收请回复T",
    opt_out_text="拒收请回复T",
    annualised_rate="{{ rate | percent }}",
    price_named=True,
    figures={"rate": FigureKind.RATE},
    claims=(Claim("CASH:1", ProductFigure.AMOUNT_MAX, "300,000元"),),
    valid_from=date(1990, 1, 1),
    source="test",
)


def faults(**changes: Any) -> list[str]:
    template = replace(OFFER, **changes)
    return template_faults(template, KNOWN.contact, DAY, KNOWN.text_standard(DAY))


def reworded(old: str, new: str) -> str:
    return OFFER.text.replace(old, new)


@pytest.mark.parametrize("template", KNOWN.texts, ids=lambda each: f"{each.rule}-{each.version}")
def test_a_shipped_text_breaks_no_rule_while_it_is_in_force(template: TextTemplate) -> None:
    on = SINCE if KNOWN.text(template.rule, SINCE) == template else DAY

    assert template_faults(template, KNOWN.contact, on, KNOWN.text_standard(on)) == []


def test_every_jurisdiction_has_the_texts_of_a_loans_life() -> None:
    families = ["after-due", "before-due", "collection", "notice", "offer", "on-due", "receipt"]
    for jurisdiction in KNOWN.contact.jurisdictions:
        texts = [each for each in KNOWN.texts if each.jurisdiction == jurisdiction]
        assert set(families) <= {each.family for each in texts}
        ways = {each.channel for each in texts if each.family == "collection"}
        written = {Channel.SMS, Channel.EMAIL, Channel.LETTER}
        assert ways == written | {Channel.PHONE, Channel.VISIT}
        for family in ("before-due", "on-due", "after-due", "receipt"):
            ways = {each.channel for each in texts if each.family == family}
            assert {Channel.SMS, Channel.EMAIL, Channel.PUSH} <= ways


def test_every_jurisdiction_has_texts_that_teach_greet_and_offer_in_each_of_its_languages() -> None:
    messages = {Channel.SMS, Channel.EMAIL, Channel.PUSH}
    wanted = {
        (Purpose.EDUCATION, "lesson-repaying"): messages,
        (Purpose.EDUCATION, "lesson-complaints"): messages,
        (Purpose.EDUCATION, "lesson-late-payment"): messages,
        (Purpose.CARE, "greeting"): messages,
        (Purpose.MARKETING, "offer"): messages | {Channel.LETTER},
    }
    languages = {"CN": {"zh"}, "US": {"en"}, "UK": {"en"}, "IN": {"en"}, "EU": {"de", "en"}}
    written = {
        (each.jurisdiction, each.language, each.purpose, each.family, each.channel)
        for each in KNOWN.texts_in_force(SINCE)
    }

    missing = {
        (place, language, purpose, family, channel)
        for place in languages
        for language in languages[place]
        for (purpose, family), channels in wanted.items()
        for channel in channels
    } - written

    assert missing == set()
    assert ("CN", "zh", Purpose.MARKETING, "offer", Channel.WECOM) in written
    assert ("CN", "zh", Purpose.CARE, "greeting", Channel.WECOM) in written


@pytest.mark.parametrize("purpose", [Purpose.EDUCATION, Purpose.CARE])
def test_a_text_that_teaches_or_greets_names_no_figure_and_makes_no_offer(purpose: Purpose) -> None:
    found = [each for each in KNOWN.texts if each.purpose == purpose]

    assert found
    assert [each.rule for each in found if each.figures or each.price_named or each.claims] == []


def test_a_sound_offer_has_no_faults() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"text": reworded("拒收请回复T", "再见")}, "how to opt out"),
        ({"opt_out_text": "退订回复T", "text": reworded("拒收", "退订")}, "'拒收请回复T'"),
        ({"annualised_rate": "18%"}, "annualised rate is not in the text"),
        ({"price_named": False}, "price_named = true"),
        ({"text": reworded("最高", "秒批，最高")}, "forbidden words: 秒批"),
        ({"text": reworded("最高", "极速到账，最高")}, "promises-of-speed-and-approval"),
        ({"text": reworded("最高", "低息，最高")}, "vague-promises"),
        ({"sender": "某银行"}, "not registered to sign"),
        ({"text": reworded("【示例消费金融】", "【某银行】")}, "another name"),
        ({"text": reworded("300,000元", "20万元")}, "make it a placeholder, or a claim"),
        ({"text": reworded("300,000元", "多少都行")}, "'300,000元' is not in the text"),
        ({"text": reworded("最高", "3分钟，最高")}, "make it a placeholder, or a claim"),
        ({"scene": "装修", "text": OFFER.text}, "2 characters, not 5 to 8"),
        ({"scene": "教育分期金"}, "the hook '教育分期金' is not in the text"),
        ({"subject": "你好"}, "has no subject"),
        ({"channel": Channel.EMAIL}, "EMAIL has a subject"),
        ({"figures": {}}, "'rate' is not declared"),
    ],
)
def test_what_is_wrong_with_a_text_is_told(changes: dict[str, Any], fault: str) -> None:
    assert fault in "; ".join(faults(**changes))


def test_a_word_is_found_in_a_subject_and_in_capitals_too() -> None:
    words = {"channel": Channel.EMAIL, "subject": "GUARANTEED Approval"}

    assert "guaranteed approval" in "; ".join(faults(**words))


def test_a_reminder_may_name_figures_of_the_loan() -> None:
    text = "【示例消费金融】第2期应还{{ amount | money }}"
    changes: dict[str, Any] = {"text": text, "figures": {"amount": FigureKind.MONEY}}
    plain = {"opt_out_text": "", "annualised_rate": "", "price_named": False, "claims": ()}

    assert faults(purpose=Purpose.SERVICE_REMINDER, scene=None, **plain, **changes) == []


@pytest.mark.parametrize("jurisdiction", sorted(KNOWN.contact.jurisdictions))
def test_there_is_a_text_for_whatever_a_plan_or_strategy_sends(jurisdiction: str) -> None:
    written = {
        (each.family, each.channel) for each in KNOWN.texts if each.jurisdiction == jurisdiction
    }
    rules: list[Any] = [
        *KNOWN.policies.reminder_steps,
        *KNOWN.policies.strategies,
        *KNOWN.policies.lesson_plans,
    ]

    planned = {
        (rule.template, Channel(channel))
        for rule in rules
        if rule.template
        for channel in rule.channels
    }

    assert planned <= written


# --- what the rate is called ----------------------------------------------------------------

ENGLISH: dict[str, Any] = {
    "language": "en",
    "scene": None,
    "claims": (),
    "opt_out_text": "Reply STOP to opt out.",
}
SIGNED = {
    "US": "Example Lending",
    "UK": "Example Credit",
    "IN": "Example Finance",
    "EU": "Example Kredit",
}


def called(jurisdiction: str, words: str) -> str:
    """What is wrong with an offer that calls its rate by these words, as sentences."""
    if jurisdiction == "CN":
        text = f"【示例消费金融】装修备用金，{words}。拒收请回复T"
        changes: dict[str, Any] = {"text": text, "claims": ()}
    else:
        text = f"A loan, {words}. Reply STOP to opt out."
        changes = {**ENGLISH, "text": text, "sender": SIGNED[jurisdiction]}
    template = replace(OFFER, jurisdiction=jurisdiction, **changes)
    return "; ".join(template_faults(template, KNOWN.contact, SINCE, KNOWN.text_standard(SINCE)))


@pytest.mark.parametrize(
    ("jurisdiction", "words"),
    [
        ("CN", "年化利率{{ rate | percent }}"),
        ("US", "APR {{ rate | percent }}"),
        ("US", "{{ rate | percent }} apr"),
        ("US", "Annual Percentage  Rate {{ rate | percent }}"),
        ("UK", "Representative {{ rate | percent }} APR"),
        ("UK", "representative APR of {{ rate | percent }}"),
        ("IN", "annual percentage rate of {{ rate | percent }}"),
        ("EU", "effektiver Jahreszins {{ rate | percent }}"),
        ("EU", "APRC {{ rate | percent }}"),
    ],
)
def test_an_offer_calls_its_rate_as_the_law_there_does(jurisdiction: str, words: str) -> None:
    assert called(jurisdiction, words) == ""


@pytest.mark.parametrize(
    ("jurisdiction", "words"),
    [
        ("CN", "利率{{ rate | percent }}"),
        ("CN", "年化利率（单利）{{ rate | percent }}"),
        ("US", "interest {{ rate | percent }}"),
        ("US", "APR as agreed, interest {{ rate | percent }}"),
        ("UK", "APR {{ rate | percent }}"),
        ("IN", "rate {{ rate | percent }}"),
        ("EU", "APR {{ rate | percent }}"),
        ("EU", "Zinssatz {{ rate | percent }}"),
    ],
)
def test_an_offer_that_calls_its_rate_otherwise_is_told_how(jurisdiction: str, words: str) -> None:
    found = called(jurisdiction, words)

    assert "not called as the law calls it" in found
    assert f"({jurisdiction.lower()}-rate-name rate-names-1)" in found


def test_a_rate_that_is_missing_is_told_once() -> None:
    template = replace(OFFER, annualised_rate="18%")

    found = template_faults(template, KNOWN.contact, SINCE, KNOWN.text_standard(SINCE))

    assert [each for each in found if "rate" in each] == [
        "a price is named, and the annualised rate is not in the text (rate-beside-price texts-1)"
    ]


def test_every_jurisdiction_says_by_which_method_an_advertised_rate_is_computed() -> None:
    methods = {each: KNOWN.contact.rate_method(each, SINCE) for each in KNOWN.contact.jurisdictions}

    assert methods == {"CN": "IRR", "US": "APR_REG_Z", "UK": "APRC", "IN": "NOMINAL", "EU": "APRC"}
    assert KNOWN.contact.rate_method("FR", SINCE) is None
