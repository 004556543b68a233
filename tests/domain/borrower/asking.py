"""Asking the gate: borrowers, intended contacts, and what was decided, in short."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Channel, ConsentScope, ContactRules, Outcome, Purpose
from domain.borrower.contact import Consent, Intent, PastContact, Situation
from domain.borrower.gate import Answer, Decision, decide
from infra.contact_policies import load_contact_rules

SHIPPED = load_contact_rules()

SHANGHAI, NEW_YORK, LOS_ANGELES = "Asia/Shanghai", "America/New_York", "America/Los_Angeles"
LONDON, KOLKATA, BERLIN = "Europe/London", "Asia/Kolkata", "Europe/Berlin"
HOMES = {"CN": SHANGHAI, "US": NEW_YORK, "UK": LONDON, "IN": KOLKATA, "EU": BERLIN}

ALLOWED: tuple[Answer, datetime | None, list[str]] = (Answer.ALLOW, None, [])


def local(text: str, zone: str = SHANGHAI) -> datetime:
    """An instant by the clock of a zone: ``2026-09-10 21:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


AGREED = Consent(ConsentScope.MARKETING, local("2025-06-05 10:00"))


def borrower(jurisdiction: str = "CN", *zones: str, **known: Any) -> Situation:
    """A borrower at home in the jurisdiction, who agreed to advertising."""
    situation = Situation(jurisdiction, zones or (HOMES[jurisdiction],), consents=(AGREED,))
    return replace(situation, **known)


def collecting(channel: Channel = Channel.PHONE, debt: str | None = "d1", **said: Any) -> Intent:
    """An intended contact to collect."""
    return replace(Intent(Purpose.COLLECTION, channel, contact_point="n1", debt=debt), **said)


def advertising(channel: Channel = Channel.SMS, **said: Any) -> Intent:
    """An intended contact to advertise."""
    return replace(Intent(Purpose.MARKETING, channel, product_line="CONSUMER_LOAN"), **said)


def call(at: datetime, outcome: Outcome = Outcome.ATTEMPTED, **said: Any) -> PastContact:
    """A call of the past to collect."""
    past = PastContact(at, Purpose.COLLECTION, Channel.PHONE, outcome, "n1", "d1")
    return replace(past, **said)


def sent(at: datetime, purpose: Purpose, channel: Channel, **said: Any) -> PastContact:
    """A message of the past."""
    return replace(PastContact(at, purpose, channel, Outcome.SENT), **said)


def asked(
    intent: Intent, situation: Situation, at: datetime, rules: ContactRules = SHIPPED
) -> Decision:
    """What the gate decides."""
    return decide(intent, situation, rules, at)


def answer(
    intent: Intent, situation: Situation, at: datetime, rules: ContactRules = SHIPPED
) -> tuple[Answer, datetime | None, list[str]]:
    """What the gate decides: answer, until, because."""
    found = asked(intent, situation, at, rules)
    return found.answer, found.until, [str(each) for each in found.because]


def deferred(until: datetime, *because: str) -> tuple[Answer, datetime | None, list[str]]:
    """A contact put off."""
    return Answer.DEFER, until, list(because)


def blocked(*because: str) -> tuple[Answer, datetime | None, list[str]]:
    """A contact that time alone does not cure."""
    return Answer.BLOCK, None, list(because)
