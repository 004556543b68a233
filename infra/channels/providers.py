"""The register of providers: who may carry what, under which licence, until when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from domain.base.contact_policy import Channel
from domain.base.policy import ANYWHERE
from infra.rule_files import Kind, rows_of_folder, values_of
from infra.settings import provider_setting

FILES = Path(__file__).parent.parent / "policies" / "channels"

SETTINGS = "LOANS_PROVIDER_"
"""How the settings begin that a file may name."""

CALLING_CODE = re.compile(r"\+[1-9][0-9]{0,2}")

Row = dict[str, Any]


class Adapter(StrEnum):
    """What a provider speaks."""

    WEBHOOK = "WEBHOOK"
    SMTP = "SMTP"
    LETTER = "LETTER"
    BY_HAND = "BY_HAND"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider for one channel, on ``[valid_from, valid_until)``.

    Settings name variables of the environment; no address and no secret stands in a file.
    """

    name: str
    version: str
    adapter: Adapter
    channel: Channel
    jurisdictions: tuple[str, ...]
    senders: tuple[str, ...] = ()
    """Names that may sign what it carries; none said: every name."""
    sender_code: str | None = None
    """The number or address that a recipient sees."""
    licence: str | None = None
    licence_until: date | None = None
    """The first day on which the licence no longer holds."""
    iso27001_until: date | None = None
    carriers: tuple[str, ...] = ()
    url_setting: str | None = None
    secret_setting: str | None = None
    inbound_secret_setting: str | None = None
    unsubscribe: str | None = None
    calling_code: str | None = None
    """What a sender's number begins with that it brings without a country code."""
    honours_idempotency: bool = False
    priority: int
    """The lowest is asked first."""
    valid_from: date
    valid_until: date | None = None
    source: str

    @property
    def rule(self) -> str:
        """What names it among the dated rules, in every version."""
        return f"provider-{self.name}".lower().replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class LicenceRule:
    """That a provider of such channels in a jurisdiction needs a licence."""

    rule: str
    version: str
    jurisdiction: str
    channels: tuple[Channel, ...]
    valid_from: date
    valid_until: date | None = None
    source: str


class Standing(StrEnum):
    """Whether the register lets a provider be used on a day."""

    SOUND = "SOUND"
    NOT_YET = "NOT_YET"
    ENDED = "ENDED"
    UNLICENSED = "UNLICENSED"
    LICENCE_EXPIRED = "LICENCE_EXPIRED"


@dataclass(frozen=True, kw_only=True)
class Register:
    """Every provider that is known, in all its versions, and who needs a licence."""

    providers: tuple[Provider, ...]
    licence_rules: tuple[LicenceRule, ...]

    def on(self, day: date) -> list[Provider]:
        """Each provider as it is known on a day, by channel and priority.

        Of several versions the newest that has begun counts; one that has not begun is
        shown only where there is no other.
        """
        named: dict[str, Provider] = {}
        for each in sorted(self.providers, key=lambda each: each.valid_from):
            if each.valid_from <= day or each.name not in named:
                named[each.name] = each
        return sorted(named.values(), key=lambda each: (each.channel, each.priority, each.name))

    def standing(self, provider: Provider, on: date) -> Standing:
        """Whether it may be used on a day, wherever it works."""
        if provider.valid_from > on:
            return Standing.NOT_YET
        if provider.valid_until is not None and provider.valid_until <= on:
            return Standing.ENDED
        if provider.licence is None and self._needs_licence(provider, on):
            return Standing.UNLICENSED
        if provider.licence_until is not None and provider.licence_until <= on:
            return Standing.LICENCE_EXPIRED
        return Standing.SOUND

    def candidates(
        self, channel: Channel, jurisdiction: str, sender: str | None, on: date
    ) -> list[Provider]:
        """Who may carry such a message on a day, the first choice first; None: whoever signs."""
        return [
            each
            for each in self.carriers(channel, jurisdiction, sender, on)
            if self.standing(each, on) == Standing.SOUND
        ]

    def carriers(
        self, channel: Channel, jurisdiction: str, sender: str | None, on: date
    ) -> list[Provider]:
        """Who carries such messages, whether they may on that day or not."""
        return [
            each
            for each in self.on(on)
            if each.channel == channel
            and (jurisdiction in each.jurisdictions or ANYWHERE in each.jurisdictions)
            and (not each.senders or sender is None or sender in each.senders)
        ]

    def _needs_licence(self, provider: Provider, on: date) -> bool:
        return any(
            provider.channel in rule.channels
            and _meet(rule.jurisdiction, provider.jurisdictions)
            and rule.valid_from <= on
            and (rule.valid_until is None or on < rule.valid_until)
            for rule in self.licence_rules
        )


def _meet(jurisdiction: str, jurisdictions: Iterable[str]) -> bool:
    return jurisdiction == ANYWHERE or jurisdiction in jurisdictions or ANYWHERE in jurisdictions


@cache
def load_providers(folder: Path = FILES) -> Register:
    """The register in the TOML files of a folder.

    Raises:
        ValueError: an entry is not as it should be, with its file and name.
    """
    return Register(**values_of(rows_of_folder(folder), KINDS))


def _provider(row: Row) -> Row:
    if not row["jurisdictions"]:
        raise ValueError("it names no jurisdiction")
    adapter = Adapter(row["adapter"])
    needs = {
        Adapter.WEBHOOK: {"url_setting": "an address", "secret_setting": "what to sign with"},
        Adapter.SMTP: {"url_setting": "an address", "sender_code": "where mail comes from"},
    }
    for name, what in needs.get(adapter, {}).items():
        if name not in row:
            raise ValueError(f"it needs {name!r}: {what}")
    if ("licence" in row) != ("licence_until" in row):
        raise ValueError("'licence' and 'licence_until' go together")
    for name in ("url_setting", "secret_setting", "inbound_secret_setting"):
        if not str(row.get(name, SETTINGS)).startswith(SETTINGS):
            raise ValueError(f"{name!r} must begin with {SETTINGS}")
    if not CALLING_CODE.fullmatch(row.get("calling_code", "+1")):
        raise ValueError("'calling_code' is a plus and one to three digits")
    return {
        "adapter": adapter,
        "channel": Channel(row["channel"]),
        **{name: tuple(row.get(name, ())) for name in ("jurisdictions", "senders", "carriers")},
    }


def _licence_rule(row: Row) -> Row:
    return {"channels": tuple(Channel(each) for each in row["channels"])}


KINDS = {
    "provider": Kind(Provider, "providers", _provider, keys=("name",)),
    "licence_rule": Kind(LicenceRule, "licence_rules", _licence_rule),
}


def inbound_secrets() -> dict[str, str]:
    """What each provider signs with, of those whose secret is set."""
    found = {}
    for provider in load_providers().providers:
        name = provider.inbound_secret_setting
        secret = provider_setting(name) if name else None
        if secret:
            found[provider.name] = secret
    return found
