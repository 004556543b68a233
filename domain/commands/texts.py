"""Texts as they are sent: in force, sound by the rules of the day, true of the product."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.contact_policy import Channel
from domain.base.dated_rules import DatedRules
from domain.base.money import minor_units, written
from domain.base.refusal import Refusal
from domain.base.text_template import Claim, FigureKind, ProductFigure, TextTemplate
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Text
from domain.borrower.text_faults import template_faults, wording_against
from domain.borrower.wording import FigureNotUsable, Wording, figure, render
from domain.commands.book import Book
from domain.commands.products import annualised_rate, product_id
from domain.loan.cost import CostMethod
from domain.product.product import Offer, Product

KINDS = {
    ProductFigure.AMOUNT_MIN: FigureKind.MONEY,
    ProductFigure.AMOUNT_MAX: FigureKind.MONEY,
    ProductFigure.TERM_MONTHS_MIN: FigureKind.COUNT,
    ProductFigure.TERM_MONTHS_MAX: FigureKind.COUNT,
    ProductFigure.ANNUALISED_RATE: FigureKind.RATE,
}
NUMBER = re.compile(r"\d[\d.,]*")


class TextNotSound(Refusal):
    """A text breaks a rule, or says what is not so of a product."""

    code = "TEXT_NOT_SOUND"


class TextNotInForce(Refusal):
    """There is no such text, or none that may be sent on the day."""

    code = "TEXT_NOT_IN_FORCE"


@dataclass(frozen=True)
class Prepared:
    """A wording to be sent, and what stands against it; nothing when it may be."""

    wording: Wording
    faults: list[str]


FindFigures = Callable[[str], Mapping[str, str] | None]
"""Gives the figures of a published product version, by ``CODE:VERSION``; None without one."""


def figures_of(book: Book, on: date, jurisdiction: str) -> FindFigures:
    """Finds the figures of a book's published product versions, as a text names them there."""

    def find(product: str) -> Mapping[str, str] | None:
        code, _, version = product.rpartition(":")
        if not code or not version.isdigit():
            return None
        found = book.find(Product, product_id(book, code, int(version)))
        return None if found is None else product_figures(found.offer, book.rules, on, jurisdiction)

    return find


def product_figures(offer: Offer, rules: DatedRules, on: date, jurisdiction: str) -> dict[str, str]:
    """The figures of an offer as a text takes them; the rate is what its dearest loan costs.

    A cheaper one would be true of some borrowers only. It is computed as the law says that
    texts are held to there; where no rule says how, as the cost that is disclosed.
    """
    method = rules.contact.rate_method(jurisdiction, on) or CostMethod.IRR
    return {
        ProductFigure.AMOUNT_MIN: f"{written(offer.amount_min, offer.currency)} {offer.currency}",
        ProductFigure.AMOUNT_MAX: f"{written(offer.amount_max, offer.currency)} {offer.currency}",
        ProductFigure.TERM_MONTHS_MIN: str(offer.term_months_min),
        ProductFigure.TERM_MONTHS_MAX: str(offer.term_months_max),
        ProductFigure.ANNUALISED_RATE: str(annualised_rate(offer, rules.policies, on, method)),
    }


def faults_of(
    template: TextTemplate, rules: DatedRules, on: date, find: FindFigures | None = None
) -> list[str]:
    """Everything that is wrong with a template on a day, its claims about products too.

    Without *find* no claim is looked up.
    """
    faults = template_faults(template, rules.contact, on, rules.text_standard(on))
    if find is not None:
        faults += [fault for claim in template.claims for fault in claim_faults(claim, find)]
    return faults


def claim_faults(claim: Claim, find: FindFigures) -> list[str]:
    """What is not so in a claim about a product version."""
    true = find(claim.product)
    if true is None:
        return [f"the claim {claim.said!r} is about {claim.product}, which is not published"]
    if _said(claim, true[claim.figure]):
        return []
    return [
        f"the text says {claim.said!r}; {claim.figure} of {claim.product} is {true[claim.figure]}"
    ]


def prepare(
    book: Book, rule: str, on: date, figures: Mapping[str, str], product: str | None = None
) -> Prepared:
    """The wording of a text in force, held against the rules of today as when it was new.

    Where a text names figures of a product, *product* says of which version; they must be
    those of that version. The gate lints the wording once more when it is asked.

    Raises:
        TextNotInForce: no version of the text is in force on the day.
        FigureNotUsable: a figure is missing, not asked for, or not what it should be.
    """
    rules = book.rules
    template = rules.text(rule, on)
    if template is None:
        raise TextNotInForce(f"No version of {rule} is in force on {on}: see template list.")
    wording = render(template, figures)
    bound = rules.contact.binding(template.jurisdiction, template.purpose, template.channel, on)
    faults = wording_against(wording, bound)
    find = figures_of(book, on, template.jurisdiction)
    faults += [fault for claim in template.claims for fault in claim_faults(claim, find)]
    return Prepared(wording, faults + product_faults(template, figures, product, find))


def text_in_force(
    rules: DatedRules,
    named: str,
    *,
    channel: Channel,
    jurisdiction: str,
    on: date,
    language: str | None = None,
) -> TextTemplate | None:
    """The text of a name or family for a channel on a day, in a *language* where there is one."""
    texts = [
        each
        for each in rules.texts_in_force(on)
        if named in (each.rule, each.family)
        and (each.channel, each.jurisdiction) == (channel, jurisdiction)
    ]
    wished = [each for each in texts if each.language == language]
    if language is not None and not wished:
        spoken = language.partition("-")[0]
        wished = [each for each in texts if each.language.partition("-")[0] == spoken]
    return next(iter([*wished, *texts]), None)


class Wordings:
    """Puts planned contacts in words, by the texts of a book.

    A contact names a text, or a family of texts: then it is the one in force for channel and
    jurisdiction, in the borrower's language where there is one. One that was said before is
    found by its name and version, until it is retired. There is none where a figure is missing, or
    something is not so of the product that the figure ``product_version`` names.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rules: DatedRules | None = None
        self._in_force: dict[tuple[str, Channel, str, date, str | None], TextTemplate | None] = {}

    def __call__(
        self,
        template: str,
        *,
        channel: Channel,
        jurisdiction: str,
        figures: Sequence[Figure],
        on: date,
        version: str | None,
        language: str | None = None,
    ) -> Text | None:
        """The text in a *version*, or in the one in force on a day; None when there is none."""
        if version is not None:
            found = self._said_before(template, version, on)
        else:
            found = self._text_in_force(template, channel, jurisdiction, on, language)
        said = {each.figure: each.reads for each in figures}
        if found is None or not set(found.figures) <= set(said):
            return None
        taken = {name: said[name] for name in found.figures}
        try:
            wording = render(found, taken)
        except FigureNotUsable:
            return None
        if self._untrue(found, taken, said.get(PRODUCT), on):
            return None
        kept = tuple(each for each in figures if each.figure in taken or each.figure == PRODUCT)
        return Text(found.rule, found.version, kept, wording.for_gate())

    def _said_before(self, named: str, version: str, on: date) -> TextTemplate | None:
        """The text in a version, unless it was retired by then."""
        found = self._book.rules.text_version(named, version)
        ended = found and found.valid_until and found.valid_until <= on
        return None if ended else found

    def _text_in_force(
        self, named: str, channel: Channel, jurisdiction: str, on: date, language: str | None
    ) -> TextTemplate | None:
        rules = self._book.rules
        if rules is not self._rules:
            self._rules, self._in_force = rules, {}
        # The same few texts are asked for by thousands.
        key = (named, channel, jurisdiction, on, language)
        if key not in self._in_force:
            self._in_force[key] = text_in_force(
                rules, named, channel=channel, jurisdiction=jurisdiction, on=on, language=language
            )
        return self._in_force[key]

    def _untrue(
        self, template: TextTemplate, figures: Mapping[str, str], product: str | None, on: date
    ) -> bool:
        find = figures_of(self._book, on, template.jurisdiction)
        claims = [fault for claim in template.claims for fault in claim_faults(claim, find)]
        return bool(claims or product_faults(template, figures, product, find))


PRODUCT = "product_version"
"""The figure that says which product version a text is about, as ``CODE:VERSION``."""


def product_faults(
    template: TextTemplate, figures: Mapping[str, str], product: str | None, find: FindFigures
) -> list[str]:
    """What a text's figures say of a product version that is not so."""
    named = [each for each in ProductFigure if each in template.figures]
    if not named:
        return []
    true = None if product is None else find(product)
    if true is None:
        return [f"the text names {named[0]}: say of which published product version"]
    return [
        f"{each} is given as {figures[each]}; that of {product} is {true[each]}"
        for each in named
        if _value(each, figures[each]) != _value(each, true[each])
    ]


def _value(named: ProductFigure, text: str) -> Any:
    return figure(KINDS[named], text)


def _said(claim: Claim, true: str) -> bool:
    """Whether the one number in the words of a claim is the *true* figure."""
    numbers = NUMBER.findall(claim.said)
    value = _value(claim.figure, true)
    if len(numbers) != 1:
        return False
    text = numbers[0].rstrip(".,")
    if isinstance(value, tuple):
        (one,) = value
        try:
            return minor_units(text, one.currency) == int(one.amount)
        except Refusal:
            return False
    plain = text.replace(",", "")
    if plain.count(".") > 1:
        return False
    return Decimal(plain) == (value * 100 if isinstance(value, Decimal) else value)
