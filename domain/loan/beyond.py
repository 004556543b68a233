"""The parts of a loan's terms that not every loan has, in plain values, to be shown."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.terms import Terms

EVERY_LOAN_HAS = frozenset(
    {
        "product_code",
        "product_version",
        "currency",
        "amount",
        "term_months",
        "annual_rate",
        "frequency",
        "method",
        "day_count",
        "rounding",
        "grace_days",
        "grace_retroactive",
        "penalty_rate",
        "allocation_order",
        "future_money",
        "fees",
        "calendar",
        "advance_order",
        "allocation_scope",
        "charges_due",
        "charges_count",
        "counted",
    }
)
"""What is shown of every loan, if there is any; and the days of a calendar, which are many."""


def beyond(terms: Terms) -> dict[str, Any]:
    """Everything else that *terms* say, by name; dates and decimals as text."""
    said = {
        field.name: getattr(terms, field.name)
        for field in fields(terms)
        if field.name not in EVERY_LOAN_HAS
    }
    return {name: _plain(value) for name, value in said.items() if value is not None}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: _plain(inner) for name, inner in said.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value) if isinstance(value, date) else value
