"""Makes the way out to a provider from its entry in the register and the environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from domain.base.provider import Adapter, Provider
from infra.channels.breaker import Breaker
from infra.channels.letter import LetterPort
from infra.channels.message import Port
from infra.channels.smtp import SmtpPort
from infra.channels.task import ByHandPort
from infra.channels.webhook import Patience, WebhookPort
from infra.trouble import Trouble

Named = Callable[[str], str | None]
"""The value of a setting by its name."""


def letters(home: Path) -> Path:
    """Where letters are written."""
    return home / "letters"


def port_of(
    provider: Provider, named: Named, home: Path, breaker: Breaker, patience: Patience | None = None
) -> Port:
    """The way out to a provider; nothing is connected yet.

    Raises:
        Trouble: a setting is missing, or cannot be used.
    """
    if provider.adapter == Adapter.LETTER:
        return LetterPort(provider.name, letters(home))
    if provider.adapter == Adapter.BY_HAND:
        return ByHandPort(provider.name)
    url = _needed(provider.url_setting, named)
    try:
        if provider.adapter == Adapter.SMTP:
            return _smtp(provider, url, named, breaker)
        return _webhook(provider, url, named, breaker, patience)
    except (ValueError, RuntimeError):  # its text may hold the secret
        raise Trouble(
            f"{provider.url_setting} or {provider.secret_setting} cannot be used: an address of"
            " the provider and a secret such as whsec_… are needed."
        ) from None


def _smtp(provider: Provider, url: str, named: Named, breaker: Breaker) -> SmtpPort:
    return SmtpPort(
        provider.name,
        url,
        named(provider.secret_setting) if provider.secret_setting else None,
        from_address=provider.sender_code or "",
        unsubscribe=provider.unsubscribe,
        breaker=breaker,
    )


def _webhook(
    provider: Provider, url: str, named: Named, breaker: Breaker, patience: Patience | None
) -> WebhookPort:
    return WebhookPort(
        provider.name,
        url,
        _needed(provider.secret_setting, named),
        honours_idempotency=provider.honours_idempotency,
        sender_code=provider.sender_code,
        carriers=provider.carriers,
        patience=patience,
        breaker=breaker,
    )


def _needed(setting: str | None, named: Named) -> str:
    value = setting and named(setting)
    if not value:
        raise Trouble(f"Set {setting} to use it.")
    return value
