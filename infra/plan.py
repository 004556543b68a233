"""What runs in a home: servers, migration, relay and projectors, as data."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from infra.embedded.kafka import Kafka
from infra.embedded.part import Command, Progress
from infra.embedded.postgres import Postgres
from infra.settings import Settings, child_environment

CONSUMERS = ("tracker", "reminders", "collections", "summary", "statement", "portfolio", "contacts")


@dataclass(frozen=True)
class Process:
    """One process the supervisor owns, as data."""

    name: str
    command: Callable[[bool], Command]
    """Makes the command; True: it was ready before, addresses must stay."""
    after: tuple[str, ...] = ()
    """Starts when these are ready, or done."""
    prepare: Callable[[Progress], None] | None = None
    ready: Callable[[], bool] | None = None
    """Without one a process is ready when it has stayed for ``settle`` seconds."""
    settle: float = 0.7
    once: bool = False
    """A step: done when it exits with 0; another exit ends the start."""
    essential: bool = False
    """While it is not up, ``up`` has failed."""
    stopped: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_limit: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL


class Plan:
    """What runs in a home, from its settings."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is started yet."""
        self._settings = settings
        home = settings.home
        self._postgres = None if settings.database_url else Postgres(home / "postgres")
        self._kafka = None if settings.kafka_bootstrap else Kafka(home / "kafka", settings)

    def processes(self) -> list[Process]:
        """In the order in which they start; they stop in reverse."""
        servers: list[Process] = []
        if self._postgres:
            postgres = self._postgres
            servers.append(
                Process(
                    "postgres",
                    lambda again: postgres.command(same_port=again),
                    prepare=postgres.prepare,
                    ready=postgres.ready,
                    essential=True,
                    stop_signal=signal.SIGINT,  # fast shutdown
                    stop_limit=30.0,
                    death_signal=signal.SIGQUIT,  # its backends end with it
                )
            )
        if self._kafka:
            kafka = self._kafka
            servers.append(
                Process(
                    "kafka",
                    lambda again: kafka.command(same_port=again),
                    prepare=kafka.prepare,
                    ready=kafka.ready,
                    essential=True,
                    stopped=kafka.stopped,
                    stop_limit=30.0,
                    death_signal=signal.SIGTERM,  # spares it the log recovery
                )
            )
        after = tuple(server.name for server in servers)
        migrate = Process(
            "migrate", self._python("infra.migrations"), after=after, once=True, essential=True
        )
        workers = [
            Process(name, self._python(module), after=("migrate",))
            for name, module in [
                ("relay", "entrypoints.relay"),
                *((name, f"consumers.{name}") for name in CONSUMERS),
                *([("receiver", "entrypoints.receiver")] if self._settings.receiver else []),
                *([("inbound", "consumers.inbound")] if self._settings.receiver_topic else []),
                *([("dispatcher", "entrypoints.dispatcher")] if self._settings.dispatcher else []),
            ]
        ]
        return [*servers, migrate, *workers]

    def database_url(self) -> str:
        """Where the database is; empty while that is not known."""
        if self._settings.database_url:
            return self._settings.database_url
        return self._postgres.address if self._postgres else ""

    def kafka_bootstrap(self) -> str:
        """Where Kafka is; empty while that is not known."""
        if self._settings.kafka_bootstrap:
            return self._settings.kafka_bootstrap
        return self._kafka.address if self._kafka else ""

    def _python(self, module: str) -> Callable[[bool], Command]:
        def command(_again: bool) -> Command:  # noqa: FBT001 - Process.command's form
            known = self._settings.model_copy(
                update={
                    "database_url": self.database_url(),
                    "kafka_bootstrap": self.kafka_bootstrap(),
                }
            )
            return Command(
                argv=[sys.executable, "-m", module], env=child_environment(**known.environment())
            )

        return command
