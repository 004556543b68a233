"""The register of providers, from the files that are shipped; what was published comes on top."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from domain.base.contact_policy import Channel
from domain.base.provider import Adapter, LicenceRule, Provider, Register
from infra.rule_files import Kind, rows_of_folder, values_of
from infra.settings import provider_setting

FILES = Path(__file__).parent.parent / "policies" / "channels"

SETTINGS = "LOANS_PROVIDER_"
"""How the settings begin that an entry may name."""

CALLING_CODE = re.compile(r"\+[1-9][0-9]{0,2}")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What a provider is called: it is part of the name of its rule."""

Row = dict[str, Any]


@cache
def load_providers(folder: Path = FILES) -> Register:
    """The register in the TOML files of a folder.

    Raises:
        ValueError: an entry is not as it should be, with its file and name.
    """
    return Register(**values_of(rows_of_folder(folder), KINDS))


def _provider(row: Row) -> Row:
    if "rule" in row:
        raise ValueError("a provider has no other name than 'name'")
    if not NAME.fullmatch(row["name"]):
        raise ValueError("'name' is small letters, digits and dashes")
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


def inbound_secrets(register: Register, on: date) -> dict[str, str]:
    """What each provider signs with on a day, of those whose secret is set."""
    found = {}
    for provider in register.on(on):
        name = provider.inbound_secret_setting
        secret = provider_setting(name) if name else None
        if secret:
            found[provider.name] = secret
    return found
