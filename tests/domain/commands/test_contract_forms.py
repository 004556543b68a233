"""Contracts are signed on the form in force, once a form is ruled for their product."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commands import loans, policies
from domain.commands.book import Book
from domain.commands.loans import ContractFormSuperseded
from infra.dated_rules import checked, rules_known
from tests.domain.commands.books import JAN_15, act, applied, loan_of

FORM = """
[[contract_form]]
version = "{version}"
jurisdiction = "ANY"
document_digest = "{version}{version}"
from = {day}
{until}
source = "legal department"
"""
PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}


def form(book: Book, version: str, from_days: int, until: str = "") -> None:
    day = JAN_15 + timedelta(days=from_days)
    text = FORM.format(version=version, day=day, until=until)
    entries, wrong = checked(text, "form.toml", rules_known())
    assert not wrong
    policies.publish(book, act(), entries=entries, approved_by="lawyer")


def disclosed(book: Book) -> UUID:
    loan_id = applied(book)
    loans.approve(book, act(), loan_id=loan_id, **PEOPLE)
    loans.disclose(book, act(), loan_id=loan_id)
    return loan_id


def sign(book: Book, loan_id: UUID, version: str, days: int) -> None:
    on = JAN_15 + timedelta(days=days)
    loans.sign(book, act(on), loan_id=loan_id, contract_ref="C-1", template_version=version)


def test_a_superseded_form_is_not_signed(book: Book) -> None:
    form(book, "2", 0)
    form(book, "3", 2)
    loan_id = disclosed(book)

    for version, days in (("1", 0), ("3", 1), ("2", 2)):
        with pytest.raises(ContractFormSuperseded):
            sign(book, loan_id, version, days)
    sign(book, loan_id, "3", 2)

    assert str(loan_of(book, loan_id).state) == "SIGNED"


def test_where_a_form_ended_none_is_signed(book: Book) -> None:
    form(book, "2", 0, f"until = {JAN_15 + timedelta(days=1)}")
    loan_id = disclosed(book)

    with pytest.raises(ContractFormSuperseded, match="none is in force"):
        sign(book, loan_id, "2", 1)


def test_without_a_ruled_form_any_is_signed(book: Book) -> None:
    loan_id = disclosed(book)

    sign(book, loan_id, "17", 0)

    assert str(loan_of(book, loan_id).state) == "SIGNED"
