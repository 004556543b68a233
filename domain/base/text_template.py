"""Texts to send and scripts to speak by: versioned, with placeholders of two kinds.

A *figure* is known when a contact is decided on and recorded with it; what is *personal* is
taken from the vault at the moment of sending, and recorded nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.base.contact_policy import Channel, Purpose


class FigureKind(StrEnum):
    """What a figure is, and so how it is written: ``1250.00 CNY``, ``2026-11-30``, ``0.18``."""

    MONEY = "MONEY"
    DATE = "DATE"
    RATE = "RATE"
    COUNT = "COUNT"
    TEXT = "TEXT"


class ProductFigure(StrEnum):
    """The figures of a product version that a text may name."""

    AMOUNT_MIN = "amount_min"
    AMOUNT_MAX = "amount_max"
    TERM_MONTHS_MIN = "term_months_min"
    TERM_MONTHS_MAX = "term_months_max"
    ANNUALISED_RATE = "annualised_rate"


@dataclass(frozen=True)
class Claim:
    """That *said* in a text is a figure of a product version, ``CODE:VERSION``."""

    product: str
    figure: ProductFigure
    said: str


@dataclass(frozen=True, kw_only=True)
class TextTemplate:
    """A text in one language for one purpose and channel; a script where it is spoken.

    *family* joins the texts that say the same, by each channel and in each language.
    *figures* and *personal* declare its placeholders. *scene*, where it is said, is the
    hook that the text begins with.
    """

    rule: str
    version: str
    jurisdiction: str
    language: str
    family: str
    purpose: Purpose
    channel: Channel
    sender: str
    text: str
    subject: str = ""
    opt_out_text: str = ""
    annualised_rate: str = ""
    price_named: bool = False
    figures: dict[str, FigureKind]
    personal: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    scene: str | None = None
    valid_from: date
    valid_until: date | None = None
    source: str


@dataclass(frozen=True, kw_only=True)
class TextStandard:
    """How soon a text is reviewed, and how long the hook of one may be, in characters."""

    version: str
    jurisdiction: str
    review_minutes: int
    hook_least: int
    hook_most: int
    valid_from: date
    valid_until: date | None = None
    source: str
