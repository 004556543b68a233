"""Texts as commands: reviewed by somebody else, true of the product, sent by the day's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest

from domain.base.contact_policy import Channel
from domain.base.refusal import SamePerson
from domain.base.stream import Act
from domain.borrower.contact_state import Figure
from domain.commands import policies, texts
from domain.commands.book import Book
from domain.commands.policies import TextUnreviewed
from domain.commands.products import product_id
from domain.commands.texts import TextNotInForce, TextNotSound
from domain.loan.cost import CostMethod
from domain.loan.quote import quote
from domain.product.product import Product
from infra.dated_rules import checked, rules_known
from tests.domain.commands.books import JAN_15, act

NOV_23 = date(2026, 11, 23)
TEXT = '''
[[template]]
rule = "cn-offer"
version = "1"
jurisdiction = "CN"
language = "zh"
family = "offer"
purpose = "MARKETING"
channel = "SMS"
sender = "示例消费金融"
text = """
可借10,000元，最长{{ term_months_max }}个月，年化利率{{ annualised_rate | percent }}。拒收请回复T
"""
opt_out_text = "拒收请回复T"
annualised_rate = "{{ annualised_rate | percent }}"
price_named = true
figures = { term_months_max = "COUNT", annualised_rate = "RATE" }
claims = [{ product = "TEST:1", figure = "amount_max", said = "10,000元" }]
from = 2025-01-15
source = "test"
'''
TRUE = {"term_months_max": "24", "annualised_rate": "0.06"}


def entries(text: str = TEXT) -> Any:
    found, wrong = checked(text, "new.toml", rules_known())
    assert not wrong
    return found


def submit(book: Book, text: str = TEXT) -> None:
    policies.submit(book, act(), entries=entries(text))


def reviewer(minutes: int = 0) -> Act:
    by = act()
    return replace(by, actor="reviewer", recorded_at=by.recorded_at + timedelta(minutes=minutes))


def approve(book: Book) -> None:
    policies.approve(book, reviewer(), rule="cn-offer", version="1")


def test_a_text_is_sent_once_somebody_else_approved_it(book: Book) -> None:
    submit(book)

    with pytest.raises(TextNotInForce):
        texts.prepare(book, "cn-offer", JAN_15, TRUE, "TEST:1")
    with pytest.raises(SamePerson):
        policies.approve(book, act(), rule="cn-offer", version="1")
    approve(book)

    prepared = texts.prepare(book, "cn-offer", JAN_15, TRUE, "TEST:1")
    assert prepared.faults == []
    assert prepared.wording.text == "可借10,000元，最长24个月，年化利率6%。拒收请回复T"


def test_a_text_is_not_published_without_review(book: Book) -> None:
    with pytest.raises(TextUnreviewed):
        policies.publish(book, act(), entries=entries(), approved_by="reviewer")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("10,000元", "20,000元", "amount_max of TEST:1 is 10,000.00 CNY"),
        ("TEST:1", "TEST:9", "TEST:9, which is not published"),
        ("可借", "秒批，可借", "forbidden-words"),
    ],
)
def test_a_text_that_is_not_so_is_not_submitted(book: Book, old: str, new: str, fault: str) -> None:
    with pytest.raises(TextNotSound, match=fault):
        submit(book, TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("figures", "product"),
    [
        ({**TRUE, "annualised_rate": "0.03"}, "TEST:1"),
        ({**TRUE, "term_months_max": "36"}, "TEST:1"),
        (TRUE, "TEST:9"),
        (TRUE, None),
    ],
)
def test_figures_of_a_product_are_those_of_its_version(
    book: Book, figures: dict[str, str], product: str | None
) -> None:
    submit(book)
    approve(book)

    assert texts.prepare(book, "cn-offer", JAN_15, figures, product).faults


def test_a_text_is_held_to_the_rules_of_the_day_it_is_sent(book: Book) -> None:
    submit(book)
    approve(book)
    lexicon = """
[[lexicon]]
rule = "forbidden-words"
version = "lexicon-2"
jurisdiction = "ANY"
purposes = ["MARKETING"]
words = ["最长"]
from = 2025-01-16
source = "test"
"""
    policies.publish(book, act(), entries=entries(lexicon), approved_by="lawyer")

    tomorrow = JAN_15 + timedelta(days=1)
    assert texts.prepare(book, "cn-offer", JAN_15, TRUE, "TEST:1").faults == []
    assert "最长" in texts.prepare(book, "cn-offer", tomorrow, TRUE, "TEST:1").faults[0]


def test_a_text_that_was_retired_is_not_sent_and_still_known(book: Book) -> None:
    submit(book)
    approve(book)
    end = JAN_15 + timedelta(days=3)
    policies.retire(
        book, act(), rule="cn-offer", version="1", ends_on=end, reason="old", approved_by="boss"
    )

    with pytest.raises(TextNotInForce):
        texts.prepare(book, "cn-offer", end, TRUE, "TEST:1")
    assert book.rules.text_version("cn-offer", "1") is not None


def worded(book: Book, template: str, version: str | None = None, **figures: str) -> Any:
    said = tuple(Figure(name, reads) for name, reads in figures.items())
    return texts.Wordings(book)(
        template, channel=Channel.SMS, jurisdiction="CN", figures=said, on=JAN_15, version=version
    )


def test_a_planned_contact_is_put_in_words_by_its_family(book: Book) -> None:
    figures = {"amount": "36.07 CNY", "due_on": "2025-02-15", "loan": "L-1", "instalments": "1"}

    found = worded(book, "before-due", **figures)

    assert (found.template, found.version) == ("cn-before-due-sms", "texts-1")
    assert "36.07元" in found.reads.text
    assert worded(book, found.template, found.version, **figures) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (None, "eu-before-due-sms-de"),
        ("en", "eu-before-due-sms-en"),
        ("en-IE", "eu-before-due-sms-en"),
        ("fr", "eu-before-due-sms-de"),
    ],
)
def test_a_contact_is_put_in_words_of_the_borrowers_language_where_there_are_such(
    book: Book, language: str | None, text: str
) -> None:
    figures = {"amount": "36.07 EUR", "due_on": "2025-02-15", "loan": "L-1", "instalments": "1"}

    found = texts.Wordings(book)(
        "before-due",
        channel=Channel.SMS,
        jurisdiction="EU",
        figures=[Figure(name, reads) for name, reads in figures.items()],
        on=JAN_15,
        version=None,
        language=language,
    )

    assert found is not None
    assert found.template == text


def test_a_contact_without_a_text_or_a_figure_says_nothing(book: Book) -> None:
    assert worded(book, "nowhere") is None
    assert worded(book, "before-due", amount="36.07 CNY") is None
    assert worded(book, "before-due", amount="36", due_on="2025-02-15", loan="L-1") is None
    assert worded(book, "cn-before-due-sms", "no-such-version") is None


def test_an_offer_that_is_not_so_says_nothing(book: Book) -> None:
    submit(book)
    approve(book)

    assert worded(book, "cn-offer", product_version="TEST:1", **TRUE) is not None
    assert worded(book, "cn-offer", product_version="TEST:9", **TRUE) is None
    assert worded(book, "cn-offer", **TRUE) is None


@pytest.mark.parametrize(
    ("jurisdiction", "method"),
    [
        ("CN", CostMethod.IRR),
        ("US", CostMethod.APR_REG_Z),
        ("UK", CostMethod.APRC),
        ("IN", CostMethod.NOMINAL),
        ("EU", CostMethod.APRC),
        ("FR", CostMethod.IRR),
    ],
)
def test_the_rate_that_a_text_names_is_computed_as_its_law_says(
    book: Book, jurisdiction: str, method: CostMethod
) -> None:
    offer = book.get(Product, product_id(book, "TEST", 1)).offer
    rates = [
        next(cost.rate for cost in quote(terms, NOV_23).costs if cost.method == method)
        for amount in (offer.amount_min, offer.amount_max)
        for months in (offer.term_months_min, offer.term_months_max)
        for terms in [offer.terms(amount, months, offer.annual_rate)]
    ]
    dearest = max(rate for rate in rates if rate is not None)

    found = texts.product_figures(offer, book.rules, NOV_23, jurisdiction)

    assert Decimal(found["annualised_rate"]) == dearest.quantize(Decimal("0.0001"), ROUND_CEILING)


def test_the_same_loan_has_a_higher_rate_where_it_is_compounded(book: Book) -> None:
    of_us, of_eu = (
        Decimal(texts.figures_of(book, NOV_23, each)("TEST:1")["annualised_rate"])  # type: ignore[index]
        for each in ("US", "EU")
    )

    assert of_us < of_eu
