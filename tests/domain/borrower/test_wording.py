"""Texts from templates: figures as people write them, persons left for the last moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.base.text_template import FigureKind, TextTemplate
from domain.borrower.wording import (
    FigureNotUsable,
    PersonalMissing,
    example,
    fill,
    render,
    wording_faults,
)

MONEY, DAY, RATE = FigureKind.MONEY, FigureKind.DATE, FigureKind.RATE

TEMPLATE = TextTemplate(
    rule="us-due",
    version="1",
    jurisdiction="US",
    language="en",
    family="on-due",
    purpose=Purpose.SERVICE_REMINDER,
    channel=Channel.EMAIL,
    sender="Example Lending",
    subject="{{ name }}, {{ due_on | day }}",
    text="Dear {{ name }}, {{ amount | money }} is due on {{ due_on | day }}.",
    figures={"amount": MONEY, "due_on": DAY},
    personal=("name",),
    valid_from=date(1990, 1, 1),
    source="test",
)
FIGURES = {"amount": "1250.00 USD", "due_on": "2026-11-30"}


def template(
    text: str = "{{ it }}", kind: FigureKind = FigureKind.TEXT, **said: Any
) -> TextTemplate:
    values: dict[str, Any] = {"subject": "", "figures": {"it": kind}, "personal": (), **said}
    return replace(TEMPLATE, text=text, **values)


def said(kind: FigureKind, value: str, language: str = "en", jurisdiction: str = "US") -> str:
    piped = {MONEY: "{{ it | money }}", DAY: "{{ it | day }}", RATE: "{{ it | percent }}"}
    found = template(piped[kind], kind, language=language, jurisdiction=jurisdiction)
    return render(found, {"it": value}).text


def test_a_wording_names_figures_and_leaves_persons_out() -> None:
    wording = render(TEMPLATE, FIGURES)

    assert wording.text == "Dear ⟦name⟧, $1,250.00 is due on November 30, 2026."
    assert wording.subject == "⟦name⟧, November 30, 2026"
    assert render(TEMPLATE, dict(FIGURES)) == wording


def test_persons_are_filled_in_when_it_is_sent() -> None:
    sent = render(TEMPLATE, FIGURES).filled({"name": "Ada ⟨L⟩ {{ amount }}"})

    assert sent.text == "Dear Ada ⟨L⟩ {{ amount }}, $1,250.00 is due on November 30, 2026."


@pytest.mark.parametrize(
    "name", ["", "  ", "Ada\r\nBcc: all", "⟦address⟧", "A" * 501, "Ada\x00", "A\u2028B"]
)
def test_what_is_no_name_is_not_filled_in(name: str) -> None:
    with pytest.raises(PersonalMissing):
        fill("Dear ⟦name⟧", {"name": name})


def test_a_subject_stays_one_line() -> None:
    with pytest.raises(PersonalMissing):
        render(TEMPLATE, FIGURES).filled({"name": "Ada\nBcc: all"})
    assert fill("⟦address⟧", {"address": "1 Main St\nDover"}) == "1 Main St\nDover"


@pytest.mark.parametrize(
    ("kind", "value", "language", "jurisdiction", "text"),
    [
        (MONEY, "1234567.50 USD", "en", "US", "$1,234,567.50"),
        (MONEY, "1234567.50 GBP", "en", "UK", "£1,234,567.50"),
        (MONEY, "1234567.50 INR", "en", "IN", "₹12,34,567.50"),
        (MONEY, "123.00 INR", "en", "IN", "₹123.00"),
        (MONEY, "1234.00 INR", "en", "IN", "₹1,234.00"),
        (MONEY, "1234567.50 EUR", "de", "EU", "1.234.567,50 €"),
        (MONEY, "1234567.50 CNY", "zh", "CN", "1,234,567.50元"),
        (MONEY, "5000 JPY", "en", "US", "JPY 5,000"),
        (MONEY, "1.50 USD + 2.00 EUR", "en", "US", "$1.50 + €2.00"),
        (MONEY, "5000 JPY", "zh", "CN", "JPY 5,000"),
        (DAY, "2026-03-05", "en", "US", "March 5, 2026"),
        (DAY, "2026-03-05", "en", "UK", "5 March 2026"),
        (DAY, "2026-03-05", "de", "EU", "5. März 2026"),
        (DAY, "2026-03-05", "zh", "CN", "2026年3月5日"),
        (RATE, "0.1799", "en", "US", "17.99%"),
        (RATE, "0.18", "zh", "CN", "18%"),
        (RATE, "0.0725", "de", "EU", "7,25 %"),
        (RATE, "1", "en", "UK", "100%"),
    ],
)
def test_figures_are_written_as_people_there_write_them(
    kind: FigureKind, value: str, language: str, jurisdiction: str, text: str
) -> None:
    assert said(kind, value, language, jurisdiction) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (MONEY, "1250.00"),
        (MONEY, "1250.001 USD"),
        (MONEY, "1250.00 XXQ"),
        (DAY, "30.11.2026"),
        (RATE, "18%"),
        (RATE, "NaN"),
        (RATE, "-0.1"),
        (FigureKind.COUNT, "-3"),
        (FigureKind.COUNT, "3.5"),
        (FigureKind.TEXT, ""),
        (FigureKind.TEXT, "⟦name⟧"),
        (FigureKind.TEXT, "two\nlines"),
        (FigureKind.TEXT, "x" * 501),
    ],
)
def test_a_figure_is_what_its_kind_says(kind: FigureKind, value: str) -> None:
    with pytest.raises(FigureNotUsable):
        render(template(kind=kind), {"it": value})


def test_figures_are_exactly_those_that_are_declared() -> None:
    with pytest.raises(FigureNotUsable, match="due_on"):
        render(TEMPLATE, {"amount": "1.00 USD"})
    with pytest.raises(FigureNotUsable, match="name"):
        render(TEMPLATE, {**FIGURES, "name": "Ada"})


def test_a_figure_is_never_read_as_a_template() -> None:
    assert render(template(), {"it": "{{ 7 * 7 }}"}).text == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{% for i in it %}{{ it }}{% endfor %}", "For"),
        ("{% if it %}{{ it }}{% endif %}", "If"),
        ("{{ it.__class__ }}", "Getattr"),
        ("{{ it['x'] }}", "Getitem"),
        ("{{ it() }}", "Call"),
        ("{{ it * 10 }}", "Mul"),
        ("{{ it ~ it }}", "Concat"),
        ("{% set x = 1 %}{{ it }}", "Assign"),
        ("{% include 'x' %}{{ it }}", "Include"),
        ("{{ it | upper }}", "write {{ it }}"),
        ("{{ it | money }}", "write {{ it }}"),
        ("{{ it }} {{ other }}", "'other' is not declared"),
        ("{{ it", "end of"),
        ("nothing", "'it' is declared and not used"),
        ("x" * 20_001, "more than 20000 characters"),
    ],
)
def test_nothing_but_placeholders_stands_in_a_template(text: str, fault: str) -> None:
    assert fault in "; ".join(wording_faults(template(text)))


def test_a_figure_is_piped_through_what_writes_it() -> None:
    assert list(wording_faults(template("{{ it }}", MONEY))) == ["text: write {{ it | money }}"]
    assert list(wording_faults(template("{{ it | money }}", MONEY))) == []


def test_how_to_opt_out_is_the_same_for_everybody() -> None:
    found = template("{{ it }} {{ name }}", personal=("name",), opt_out_text="{{ name }}, T")

    assert list(wording_faults(found)) == ["opt_out_text: nothing personal stands in it"]


def test_a_template_can_be_tried_with_made_up_figures() -> None:
    assert example(TEMPLATE).text == "Dear ⟦name⟧, CNY 1,234.50 is due on November 30, 2026."
