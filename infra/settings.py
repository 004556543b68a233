"""Environment to typed settings; the only reader of os.environ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.base.zones import known_zones

ROOT = Path(__file__).resolve().parent.parent

PROVIDER = "LOANS_PROVIDER_"
"""How the settings begin that the register of providers names."""

LogLevel = Literal["debug", "info", "warning", "error"]


def _zone(name: str) -> str:
    if name not in known_zones():
        raise ValueError(f"{name} is not an IANA time zone such as Asia/Shanghai")
    return name


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _absolute_or_none(path: Path | None) -> Path | None:
    return path and _absolute(path)


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loans"


def _empty_is_none(value: str | None) -> str | None:
    return value or None


OptionalText = Annotated[str | None, AfterValidator(_empty_is_none)]


class Settings(BaseSettings):
    """What the environment says; each field is read from LOANS_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LOANS_", frozen=True, extra="ignore")

    home: Annotated[Path, AfterValidator(_absolute)] = ROOT / ".loans"
    """Where processes keep their files: data, logs, state."""

    cache: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=_cache_home)
    """Where downloads are kept, shared by all homes of a user."""

    database_url: OptionalText = None
    """A PostgreSQL to use; without one the embedded PostgreSQL is started."""

    kafka_bootstrap: OptionalText = None
    """A Kafka to use, host:port,...; without one the embedded Kafka is started."""

    maven_repository: OptionalText = None
    """A mirror to fetch Kafka's jars from; without one, Maven Central."""

    kafka_heap: str = "256m"
    """Heap of the embedded Kafka, in Java's notation."""

    log_level: LogLevel = "info"

    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    """The lender's time zone: decides the business date."""

    namespace_secret: SecretStr | None = None
    """Makes ids of imported records unguessable; made at first use if not given."""

    vault_keys: SecretStr | None = None
    """Master keys of the vault: base64, separated by commas, the current one first."""

    vault_key_file: Annotated[
        Path | None, BeforeValidator(_empty_is_none), AfterValidator(_absolute_or_none)
    ] = None
    """Where they stand instead, one a line; without one, ``vault.keys`` in the home."""

    receiver: OptionalText = None
    """Where providers bring receipts and replies, host:port; without one nobody listens."""

    receiver_topic: OptionalText = None
    """A topic on which they bring the same by Kafka; without one nobody reads any."""

    dispatcher: bool = False
    """Whether ``up`` also sends what is due; else ``contact dispatch`` does."""

    dispatch_seconds: Annotated[int, Field(ge=1)] = 20
    """How long a turn of the dispatcher lasts before it looks again at what is due."""

    probe_minutes: Annotated[int, Field(ge=1)] = 15
    """How often the dispatcher tries each route of a provider without sending anything."""

    probe_seconds: Annotated[int, Field(ge=1)] = 30
    """How long such a try may last; a route that says nothing until then is disabled."""

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads these settings."""
        said = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"LOANS_{name.upper()}": value.get_secret_value()
            if isinstance(value, SecretStr)
            else str(value)
            for name, value in said.items()
            if value is not None
        }

    @property
    def logs(self) -> Path:
        """Where each process has its log file."""
        return self.home / "logs"


def provider_setting(name: str) -> str | None:
    """An address or a secret that the register of providers asks for by name."""
    assert name.startswith(PROVIDER), name
    return os.environ.get(name) or None


def child_environment(**more: str) -> dict[str, str]:
    """The environment for a process of ours: this one's, with *more* for LOANS_*.

    Settings of providers are handed on as they are.
    """
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOANS_") or name.startswith(PROVIDER)
    }
    return {
        **others,
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def bare_environment() -> dict[str, str]:
    """The environment for a program that is not ours: what it needs to start."""
    kept = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}
