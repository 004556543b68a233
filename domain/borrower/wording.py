"""A text from its template: figures written as people do, persons left for the last moment.

Nothing but placeholders and three filters may stand in a template: no conditions, no loops,
no attributes. So its length is bounded, and one example shows all that it can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.base.money import minor_units, written
from domain.base.refusal import Refusal
from domain.base.text_template import FigureKind, TextTemplate
from domain.borrower import contact
from domain.borrower.contact_state import Figure

TOKEN = re.compile("⟦([a-z_]+)⟧")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029]")

LONGEST_TEMPLATE = 20_000
LONGEST_VALUE = 500
"""In characters; no limit of law, but of what is sent."""

SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "INR": "₹", "CNY": "¥"}
MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
    ),
    "de": (
        *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
        *("September", "Oktober", "November", "Dezember"),
    ),
}
FILTER_OF = {FigureKind.MONEY: "money", FigureKind.DATE: "day", FigureKind.RATE: "percent"}

EXAMPLES = {
    FigureKind.MONEY: "1234.50 CNY",
    FigureKind.DATE: "2026-11-30",
    FigureKind.RATE: "0.1799",
    FigureKind.COUNT: "3",
    FigureKind.TEXT: "L-00000-00000",
}
"""Figures to try a template with."""


class FigureNotUsable(Refusal):
    """A figure of a text is missing, not asked for, or not what it should be."""

    code = "FIGURE_NOT_USABLE"


class PersonalMissing(Refusal):
    """What a text says of a person is not there, or cannot be put into it."""

    code = "PERSONAL_MISSING"


@dataclass(frozen=True)
class Money:
    """An amount in minor units of a currency."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Wording:
    """A template with its figures: what the gate sees, persons still as ``⟦name⟧``."""

    template: TextTemplate
    subject: str
    text: str
    opt_out_text: str
    annualised_rate: str

    def for_gate(self) -> contact.Template:
        """The text as the gate is asked about it, with what stands above it."""
        return contact.Template(
            text=f"{self.subject}\n{self.text}" if self.subject else self.text,
            sender=self.template.sender,
            price_named=self.template.price_named,
            annualised_rate=self.annualised_rate,
            opt_out_text=self.opt_out_text,
            purpose=self.template.purpose,
        )

    def filled(self, personal: Mapping[str, str]) -> Wording:
        """The text to send, as *fill* makes it; a subject is one line.

        Raises:
            PersonalMissing: as *fill* says.
        """
        subject = fill(self.subject, personal)
        if "\n" in subject:
            raise PersonalMissing("What stands in a subject is one line.")
        return replace(self, subject=subject, text=fill(self.text, personal))


def render(template: TextTemplate, figures: Mapping[str, str]) -> Wording:
    """The wording of a template with its *figures*; every person in it stays a token.

    The same template version and figures give the same wording, for ever.

    Raises:
        FigureNotUsable: a figure is missing, not asked for, or not what it should be.
    """
    declared = template.figures
    wrong = sorted(set(declared) ^ set(figures))
    if wrong:
        named = ", ".join(f"{name}: {kind}" for name, kind in sorted(declared.items())) or "none"
        raise FigureNotUsable(
            f"{template.rule} {template.version} takes these figures, each of them: {named};"
            f" not so: {', '.join(wrong)}."
        )
    values: dict[str, Any] = {name: figure(declared[name], figures[name]) for name in declared}
    values.update({name: f"⟦{name}⟧" for name in template.personal})

    def worded(source: str) -> str:
        if not source:
            return ""
        try:
            return _compiled(_locale(template), source).render(values)
        except TemplateError as fault:
            raise FigureNotUsable(f"{template.rule} {template.version}: {fault}.") from None

    return Wording(
        template,
        subject=worded(template.subject),
        text=worded(template.text),
        opt_out_text=worded(template.opt_out_text),
        annualised_rate=worded(template.annualised_rate),
    )


def render_again(template: TextTemplate, recorded: Iterable[Figure]) -> Wording:
    """The wording of a text that was judged, from the figures that were recorded with it.

    What was recorded beside the figures of the text says what it is about.

    Raises:
        FigureNotUsable: as *render* says.
    """
    said = {each.figure: each.reads for each in recorded if each.figure in template.figures}
    return render(template, said)


def fill(text: str, personal: Mapping[str, str]) -> str:
    """*text* with what is personal in it; to be sent, and kept nowhere.

    Raises:
        PersonalMissing: something is not there, or holds what no name or address holds.
    """

    def put(token: re.Match[str]) -> str:
        value = personal.get(token[1], "").strip()
        if not value:
            raise PersonalMissing(f"The text names {token[1]!r}, and there is none: give it.")
        if CONTROL.search(value) or TOKEN.search(value) or len(value) > LONGEST_VALUE:
            raise PersonalMissing(f"{token[1]!r} cannot be put into a text as it is.")
        return value

    return TOKEN.sub(put, text)


def figure(kind: FigureKind, text: str) -> Any:
    """The value of a figure that *text* says, by its kind.

    Raises:
        FigureNotUsable: it is none of that kind.
    """
    try:
        return _READ[kind](text.strip())
    except (ValueError, InvalidOperation, Refusal):
        raise FigureNotUsable(
            f"{text!r} is no {kind.value}; write it as {EXAMPLES[kind]!r}."
        ) from None


def wording_faults(template: TextTemplate) -> Iterator[str]:
    """What is wrong with the placeholders of a template, in sentences."""
    used: set[str] = set()
    parts = {
        name: getattr(template, name)
        for name in ("subject", "text", "opt_out_text", "annualised_rate")
    }
    both = sorted(set(template.figures) & set(template.personal))
    if both:
        yield f"{', '.join(both)}: a placeholder is a figure or personal, not both"
    for name, source in parts.items():
        if len(source) > LONGEST_TEMPLATE:
            yield f"{name}: more than {LONGEST_TEMPLATE} characters"
            continue
        try:
            tree = _environment(_locale(template)).parse(source)
        except TemplateError as fault:
            yield f"{name}: {fault}"
            continue
        used |= _names(tree)
        yield from (f"{name}: {fault}" for fault in _tree_faults(tree, template))
        if name in IMPERSONAL and set(template.personal) & _names(tree):
            yield f"{name}: nothing personal stands in it"
    declared = {*template.figures, *template.personal}
    yield from (f"{name!r} is declared and not used" for name in sorted(declared - used))


def said_literally(template: TextTemplate) -> str:
    """What the subject and text say beside their placeholders."""
    environment = _environment(_locale(template))
    return "\n".join(
        data.data
        for source in (template.subject, template.text)
        for data in environment.parse(source).find_all(nodes.TemplateData)
    )


def example(template: TextTemplate) -> Wording:
    """The wording with figures that are made up."""
    return render(template, {name: EXAMPLES[kind] for name, kind in template.figures.items()})


IMPERSONAL = ("opt_out_text", "annualised_rate")
ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Filter)


def _tree_faults(tree: nodes.Template, template: TextTemplate) -> Iterator[str]:
    for node in _below(tree):
        if not isinstance(node, ALLOWED):
            yield (
                f"{type(node).__name__} in line {node.lineno}: only placeholders, and money,"
                " day or percent of one, may stand in a text"
            )
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            named = node.node if isinstance(node, nodes.Filter) else node
            if not isinstance(named, nodes.Name):
                continue
            kind = template.figures.get(named.name)
            if kind is None and named.name not in template.personal:
                yield f"{named.name!r} is not declared, neither in figures nor in personal"
                continue
            wanted = None if kind is None else FILTER_OF.get(kind)
            if (node.name if isinstance(node, nodes.Filter) else None) != wanted:
                piped = f"{named.name} | {wanted}" if wanted else named.name
                yield f"write {{{{ {piped} }}}}"


def _names(tree: nodes.Template) -> set[str]:
    return {each.name for each in tree.find_all(nodes.Name)}


def _below(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for each in node.iter_child_nodes():
        yield from _below(each)


def _locale(template: TextTemplate) -> tuple[str, str]:
    return template.language, template.jurisdiction


@lru_cache(maxsize=64)
def _environment(locale: tuple[str, str]) -> Environment:
    # Not for a browser: a text, so nothing is escaped.
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    made.globals = {}
    made.tests = {}
    made.filters = {
        "money": lambda value: _money(value, *locale),
        "day": lambda value: _day(value, *locale),
        "percent": lambda value: _percent(value, locale[0]),
    }
    return made


@lru_cache(maxsize=1024)
def _compiled(locale: tuple[str, str], source: str) -> Template:
    return _environment(locale).from_string(source)


def _money(amounts: tuple[Money, ...], language: str, jurisdiction: str) -> str:
    return " + ".join(_amount(each, language, jurisdiction) for each in amounts)


def _amount(value: Money, language: str, jurisdiction: str) -> str:
    text = written(value.amount, value.currency)
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
        return f"{text} {SYMBOLS.get(value.currency, value.currency)}"
    if language == "zh" and value.currency == "CNY":
        return f"{text}元"
    if jurisdiction == "IN" and value.currency == "INR":
        text = _grouped_by_lakh(text)
    symbol = SYMBOLS.get(value.currency) if language == "en" and value.currency != "CNY" else None
    return f"{symbol}{text}" if symbol else f"{value.currency} {text}"


def _grouped_by_lakh(text: str) -> str:
    whole, point, fraction = text.replace(",", "").partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = re.sub(r"(?<=\d)(?=(\d\d)+$)", ",", head)
    return f"{pairs},{tail}{point}{fraction}" if head else text


def _day(value: date, language: str, jurisdiction: str) -> str:
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    if language == "de":
        return f"{value.day}. {MONTHS['de'][value.month - 1]} {value.year}"
    month = MONTHS["en"][value.month - 1]
    if jurisdiction == "US":
        return f"{month} {value.day}, {value.year}"
    return f"{value.day} {month} {value.year}"


def _percent(value: Decimal, language: str) -> str:
    text = format((value * 100).normalize(), "f")
    return f"{text.replace('.', ',')} %" if language == "de" else f"{text}%"


def _read_money(text: str) -> tuple[Money, ...]:
    pairs = [each.rpartition(" ") for each in text.split(" + ")]
    return tuple(Money(minor_units(amount, currency), currency) for amount, _, currency in pairs)


def _read_rate(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(text)
    return value


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _read_text(text: str) -> str:
    if not text or len(text) > LONGEST_VALUE or CONTROL.search(text) or "\n" in text:
        raise ValueError(text)
    if "⟦" in text or "⟧" in text:
        raise ValueError(text)
    return text


_READ: dict[FigureKind, Any] = {
    FigureKind.MONEY: _read_money,
    FigureKind.DATE: date.fromisoformat,
    FigureKind.RATE: _read_rate,
    FigureKind.COUNT: _read_count,
    FigureKind.TEXT: _read_text,
}
