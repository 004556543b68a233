"""The register of providers as dated rules: who may carry what, under which licence, until when.

An address and a secret are named, and stand in the environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.base.contact_policy import Channel
from domain.base.policy import ANYWHERE


class Adapter(StrEnum):
    """What a provider speaks."""

    WEBHOOK = "WEBHOOK"
    SMTP = "SMTP"
    LETTER = "LETTER"
    BY_HAND = "BY_HAND"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider for one channel, on ``[valid_from, valid_until)``.

    Settings name variables of the environment; no address and no secret stands in an entry.
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
