"""What is wrong with a text: no way to opt out, a price alone, a word, a false name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.base.contact_policy import (
    RATE,
    FreshnessRule,
    LexiconRule,
    OptOutSentenceRule,
    Purpose,
    RateBesidePriceRule,
    RateNameRule,
    SenderRule,
)
from domain.borrower.contact import Template


def lacks_opt_out(rule: OptOutSentenceRule, template: Template) -> bool:
    """Whether the text does not end with how to opt out, character for character."""
    said = template.opt_out_text
    if not said or not template.text.endswith(said):
        return True
    return rule.exactly is not None and said != rule.exactly


def hides_rate(_: RateBesidePriceRule, template: Template) -> bool:
    """Whether a price is named and the annualised rate is not in the text."""
    if not template.price_named:
        return False
    return not template.annualised_rate or template.annualised_rate not in template.text


def misnames_rate(rule: RateNameRule, template: Template) -> bool:
    """Whether the annualised rate beside a price is not called what it is called there.

    Where the rate itself is missing, that is another rule's to say.
    """
    rate = template.annualised_rate
    if not template.price_named or not rate or rate not in template.text:
        return False
    text = _evenly(template.text)
    return not any(_evenly(said.replace(RATE, rate)) in text for said in rule.said)


def holds_forbidden_word(rule: LexiconRule, template: Template) -> bool:
    """Whether the text holds one of the words, in capitals or not."""
    text = template.text.casefold()
    return any(word in text for word in rule.folded)


def _evenly(text: str) -> str:
    """A text without regard to capitals, and to how wide its spaces are."""
    return " ".join(text.casefold().split())


def is_signed_falsely(rule: SenderRule, template: Template) -> bool:
    """Whether the sender is not registered, or the text begins with another name."""
    if template.sender not in rule.senders:
        return True
    if not template.text.startswith(rule.opens):
        return False
    signed, closed, _ = template.text.removeprefix(rule.opens).partition(rule.closes)
    return not closed or signed != template.sender


def is_for_something_else(purpose: Purpose, template: Template) -> bool:
    """Whether the text was written for another purpose than that of the contact."""
    return template.purpose not in (None, purpose)


def are_stale(
    rule: FreshnessRule, lexicons: Iterable[LexiconRule], at: datetime, known_at: datetime
) -> bool:
    """Whether nobody looked at one of the *lexicons* for so long; later looks do not count."""
    since = at - timedelta(days=rule.days)
    return any(
        not any(since < look <= known_at for look in lexicon.looked_at) for lexicon in lexicons
    )
