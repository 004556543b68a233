"""The register of providers is policy: two people change it, and it counts from its day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.base.contact_policy import Channel
from domain.base.dated_rules import Entry
from domain.base.provider import Standing
from domain.base.refusal import SamePerson
from domain.commands import policies
from domain.commands.book import Book
from infra.dated_rules import checked, rules_known
from tests.domain.commands.books import act

ENTRY = """
[[provider]]
name = "cn-sms-main"
version = "providers-2"
adapter = "WEBHOOK"
channel = "SMS"
jurisdictions = ["CN"]
senders = ["示例消费金融"]
licence = "B2-00000009"
licence_until = 2030-01-01
url_setting = "LOANS_PROVIDER_CN_SMS_NEW_URL"
secret_setting = "LOANS_PROVIDER_CN_SMS_NEW_SECRET"
honours_idempotency = true
priority = 10
from = 2026-12-01
source = "contract of November"
"""
DAY = date(2026, 12, 1)


def entry(text: str = ENTRY) -> Entry:
    (found,) = checked(text, "new.toml", rules_known())[0]
    return found


def licences(book: Book, on: date) -> list[str | None]:
    found = book.rules.register.candidates(Channel.SMS, "CN", "示例消费金融", on)
    return [each.licence for each in found]


def publish(book: Book, **changes: Any) -> None:
    said: dict[str, Any] = {"entries": [entry()], "approved_by": "lawyer", **changes}
    policies.publish(book, act(), **said)


def test_an_entry_that_two_people_published_counts_from_its_day(book: Book) -> None:
    publish(book)

    assert licences(book, date(2026, 11, 30)) == ["B2-00000001", "B2-00000002"]
    assert licences(book, DAY) == ["B2-00000009", "B2-00000002"]


def test_nobody_changes_the_register_alone(book: Book) -> None:
    with pytest.raises(SamePerson):
        publish(book, approved_by=act().actor)

    assert licences(book, DAY) == ["B2-00000001", "B2-00000002"]


def test_a_provider_whose_entry_was_ended_carries_nothing_more(book: Book) -> None:
    publish(book)
    policies.retire(
        book,
        act(),
        rule="provider-cn-sms-main",
        version="providers-2",
        ends_on=date(2026, 12, 24),
        reason="contract ended",
        approved_by="lawyer",
    )

    assert licences(book, date(2026, 12, 24)) == ["B2-00000002"]
    (main,) = [
        each for each in book.rules.register.on(date(2026, 12, 24)) if each.name == "cn-sms-main"
    ]
    assert book.rules.register.standing(main, date(2026, 12, 24)) == Standing.ENDED


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("LOANS_PROVIDER_CN_SMS_NEW_URL", "https://sms.example.cn", "must begin with"),
        ('licence = "B2-00000009"\n', "", "go together"),
        ('name = "cn-sms-main"', 'name = "cn-sms-main"\nrule = "other"', "no other name"),
        ('name = "cn-sms-main"', 'name = "CN SMS"', "small letters"),
    ],
)
def test_what_is_no_entry_is_not_published(old: str, new: str, says: str) -> None:
    entries, wrong = checked(ENTRY.replace(old, new), "new.toml", rules_known())

    assert not entries
    assert any(says in each for each in wrong)
