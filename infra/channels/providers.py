"""The register of providers: who may carry what, under which licence, until when."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from domain.base.contact_policy import Channel
from domain.base.policy import ANYWHERE

FILE = Path(__file__).parent.parent / "policies" / "providers.toml"


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
    senders: tuple[str, ...]
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
    honours_idempotency: bool = False
    priority: int
    """The lowest is asked first."""
    valid_from: date
    valid_until: date | None = None
    source: str


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
        self, channel: Channel, jurisdiction: str, sender: str, on: date
    ) -> list[Provider]:
        """Who may carry such a message on a day, the first choice first."""
        return [
            each
            for each in self.on(on)
            if each.channel == channel
            and (jurisdiction in each.jurisdictions or ANYWHERE in each.jurisdictions)
            and (not each.senders or sender in each.senders)
            and self.standing(each, on) == Standing.SOUND
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
def load_providers(file: Path = FILE) -> Register:
    """The register of a file.

    Raises:
        ValueError: the file is not as it should be, with the entry.
    """
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    providers = tuple(_provider(row) for row in entries.pop("provider", []))
    rules = tuple(_licence_rule(row) for row in entries.pop("licence_rule", []))
    if entries:
        raise ValueError(f"{file.name}: {next(iter(entries))!r} is nothing it could hold")
    return Register(providers=providers, licence_rules=rules)


Dated = TypeVar("Dated", Provider, LicenceRule)


def _provider(row: dict[str, Any]) -> Provider:
    try:
        lists = {name: tuple(row.get(name, ())) for name in ("senders", "carriers")}
        made = _dated(
            Provider,
            row,
            adapter=Adapter(row["adapter"]),
            channel=Channel(row["channel"]),
            jurisdictions=tuple(row["jurisdictions"]),
            **lists,
        )
        _check(made)
    except (KeyError, TypeError, ValueError) as wrong:
        name = f"{row.get('name', 'without a name')} of {row.get('version', 'no version')}"
        raise ValueError(f"provider {name}: {wrong}") from None
    return made


def _check(made: Provider) -> None:
    if not made.jurisdictions:
        raise ValueError("it names no jurisdiction")
    by_network = made.adapter in {Adapter.WEBHOOK, Adapter.SMTP}
    if by_network and made.url_setting is None:
        raise ValueError("it needs a url_setting")
    if made.adapter == Adapter.WEBHOOK and made.secret_setting is None:
        raise ValueError("it needs a secret_setting, to sign with")
    if made.adapter == Adapter.SMTP and made.sender_code is None:
        raise ValueError("it needs a sender_code, the address that mail comes from")
    if made.licence is not None and made.licence_until is None:
        raise ValueError("its licence has no end: say licence_until")
    for named in (made.url_setting, made.secret_setting, made.inbound_secret_setting):
        if named is not None and not named.startswith("LOANS_PROVIDER_"):
            raise ValueError(f"{named!r} must begin with LOANS_PROVIDER_")


def _licence_rule(row: dict[str, Any]) -> LicenceRule:
    try:
        channels = tuple(Channel(each) for each in row["channels"])
        return _dated(LicenceRule, row, channels=channels)
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f"licence rule {row.get('rule', 'without a name')}: {wrong}") from None


def _dated(kind: type[Dated], row: dict[str, Any], **read: Any) -> Dated:
    values = {name: value for name, value in row.items() if name not in ("from", "until")}
    made = kind(**{**values, **read}, valid_from=row["from"], valid_until=row.get("until"))
    if made.valid_from >= (made.valid_until or date.max):
        raise ValueError("it ends before it begins")
    return made
