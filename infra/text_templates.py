"""Texts and scripts as entries of dated rules."""

from __future__ import annotations

from typing import Any

from domain.base.contact_policy import Channel, Purpose
from domain.base.text_template import Claim, FigureKind, ProductFigure, TextStandard, TextTemplate
from infra.rule_files import Kind

Row = dict[str, Any]


def _template(row: Row) -> Row:
    # A text between three quotes ends with the line, and nobody means to send that.
    told: Row = {name: row[name].strip() for name in ("text", "subject") if name in row}
    return {
        **told,
        "purpose": Purpose(row["purpose"]),
        "channel": Channel(row["channel"]),
        "figures": {name: FigureKind(kind) for name, kind in row["figures"].items()},
        "personal": tuple(row.get("personal", ())),
        "claims": tuple(
            Claim(each["product"], ProductFigure(each["figure"]), each["said"])
            for each in row.get("claims", ())
        ),
    }


TEMPLATE = "template"

KINDS = {
    TEMPLATE: Kind(TextTemplate, "texts", _template),
    "text_standard": Kind(TextStandard, "text_standards", keys=("jurisdiction",)),
}
"""The kinds of rule that say what is written and spoken."""
