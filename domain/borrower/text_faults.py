"""What is wrong with a template, by the very rules that the gate holds a text to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from domain.base.contact_policy import (
    Channel,
    ContactRule,
    ContactRules,
    LexiconRule,
    OptOutSentenceRule,
    RateBesidePriceRule,
    RateNameRule,
    SenderRule,
)
from domain.base.text_template import FigureKind, TextStandard, TextTemplate
from domain.borrower import contact
from domain.borrower.gate import broken_by_text
from domain.borrower.wording import Wording, example, said_literally, wording_faults

WITH_SUBJECT = frozenset({Channel.EMAIL, Channel.LETTER})
PRICES = frozenset({FigureKind.RATE})
PERCENT = re.compile("[%％‰]")
DIGITS = re.compile(r"\d")


def template_faults(
    template: TextTemplate, rules: ContactRules, on: date, standard: TextStandard | None
) -> list[str]:
    """Everything that is wrong with a template by the rules of a day, in sentences."""
    faults = list(wording_faults(template))
    if faults:
        return faults
    bound = rules.binding(template.jurisdiction, template.purpose, template.channel, on)
    faults += wording_against(example(template), bound)
    faults += [
        f"{template.purpose} is not told by {template.channel} ({rule.rule} {rule.version})"
        for rule in bound.written
        if template.channel not in rule.by
    ]
    faults += _form_faults(template)
    if bound.rates_beside_prices:
        faults += _price_faults(template)
    if standard is not None:
        faults += _hook_faults(template, standard)
    return faults


def wording_against(wording: Wording, bound: ContactRules) -> list[str]:
    """The rules in *bound* that a wording breaks, in sentences."""
    template = wording.template
    intent = contact.Intent(template.purpose, template.channel, template=wording.for_gate())
    return [_sentence(rule, wording) for rule in broken_by_text(bound, intent)]


def _form_faults(template: TextTemplate) -> Iterator[str]:
    if (template.channel in WITH_SUBJECT) != bool(template.subject):
        has = "has a" if template.channel in WITH_SUBJECT else "has no"
        yield f"a text by {template.channel} {has} subject"


def _price_faults(template: TextTemplate) -> Iterator[str]:
    """What advertising hides: a price that is not told as one, a figure of nobody."""
    literal = said_literally(template)
    names_price = bool(PERCENT.search(literal)) or bool(PRICES & set(template.figures.values()))
    if names_price and not template.price_named:
        yield "it names a rate: say price_named = true, and the annualised rate"
    for claim in template.claims:
        if claim.said not in literal:
            yield f"the claim {claim.said!r} is not in the text"
        literal = literal.replace(claim.said, "")
    if DIGITS.search(literal.replace(template.opt_out_text, "")):
        yield "it names a figure: make it a placeholder, or a claim of a product version"


def _hook_faults(template: TextTemplate, standard: TextStandard) -> Iterator[str]:
    scene = template.scene
    if scene is None:
        return
    if not standard.hook_least <= len(scene) <= standard.hook_most:
        yield (
            f"the hook {scene!r} has {len(scene)} characters, not {standard.hook_least} to"
            f" {standard.hook_most}"
        )
    if scene not in template.text and scene not in template.subject:
        yield f"the hook {scene!r} is not in the text"


def _sentence(rule: ContactRule, wording: Wording) -> str:
    named = f"({rule.rule} {rule.version})"
    if isinstance(rule, OptOutSentenceRule):
        exactly = f" {rule.exactly!r}" if rule.exactly else ""
        return f"the text does not end with how to opt out{exactly} {named}"
    if isinstance(rule, RateBesidePriceRule):
        return f"a price is named, and the annualised rate is not in the text {named}"
    if isinstance(rule, RateNameRule):
        ways = ", ".join(repr(each) for each in rule.said)
        return f"the rate is not called as the law calls it: say one of {ways} {named}"
    if isinstance(rule, LexiconRule):
        text = wording.for_gate().text.casefold()
        held = [word for word in rule.words if word.casefold() in text]
        return f"forbidden words: {', '.join(held)} {named}"
    if isinstance(rule, SenderRule):
        return (
            f"{wording.template.sender!r} is not registered to sign, or the text begins with"
            f" another name {named}"
        )
    return f"the text breaks a rule {named}"
