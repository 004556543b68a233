"""Texts that people write into the history: what must not stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.base.refusal import Refusal

FREE_TEXT = ("reason", "remedy", "occasion", "source", "backdated_because", "referred_to")
"""What a command calls a text that a person words."""

PERSONAL = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w{2,}"),
    "a telephone number": re.compile(
        r"\+\d[\d ()-]{5,}\d"
        r"|(?<![\w-])1[3-9]\d([ -]?)\d{4}\1\d{4}(?![\w-])"
        r"|(?<![\w-])\(?0?\d{3}\)?[ .-]\d{3}[ .-]?\d{3,4}(?![\w-])"
    ),
    "an identity number": re.compile(r"(?<![\w-])\d{17}[\dXx](?![\w-])"),
    "a card number": re.compile(r"(?<![\w-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\w-])"),
}
"""What stands in the vault and nowhere else, by its shape; dates, amounts and references never
look like it."""


class PersonalInClear(Refusal):
    """A text holds a number or an address of a person."""

    code = "PERSONAL_IN_CLEAR"


def must_be_impersonal(said: Mapping[str, object]) -> None:
    """Pass when no free text among what was *said* looks like holding a person's number.

    Raises:
        PersonalInClear: one does; an event could never be rid of it.
    """
    for name in FREE_TEXT:
        text = said.get(name)
        if isinstance(text, str) and (found := looks_personal(text)) is not None:
            raise PersonalInClear(
                f"The {name.replace('_', ' ')} holds what looks like {found}, and would stand in"
                " the history for ever: put it into the vault (vault put), and word the"
                f" {name.replace('_', ' ')} without it."
            )


def looks_personal(text: str) -> str | None:
    """What a text looks like holding; None when nothing of a person."""
    return next((what for what, shape in PERSONAL.items() if shape.search(text)), None)
