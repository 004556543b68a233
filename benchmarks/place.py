"""A scratch home with servers of its own; the user's data is never touched."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from urllib.parse import urlsplit, urlunsplit

import psycopg
from kafka.admin import KafkaAdminClient, NewTopic
from psycopg import sql

from infra import logs, processes
from infra.embedded.part import Progress
from infra.migrations.run import TOPICS, migrate
from infra.plan import CONSUMERS
from infra.settings import Settings


@dataclass
class Place:
    """Where the benchmarks run."""

    settings: Settings
    progress: Progress
    quick: bool
    state: processes.State

    def pick(self, full: int, quick: int) -> int:
        """How much to do."""
        return quick if self.quick else full

    def servers(self) -> processes.State:
        """PostgreSQL and Kafka run, and nothing else."""
        return self._run(("postgres", "kafka", "migrate"))

    def everything(self) -> processes.State:
        """All processes run, as after ``up``."""
        return self._run(None)

    def _run(self, parts: tuple[str, ...] | None) -> processes.State:
        wanted = set(parts) if parts else {"relay", *CONSUMERS}
        running = {process.name for process in self.state.processes}
        if not wanted <= running or (parts and running != wanted):
            processes.down(self.settings)
            self.state = processes.up(self.settings, self.progress, only=parts, attached=True)
        return self.state

    def database(self, name: str) -> str:
        """The URL of a new database with our tables, on the scratch server."""
        url = self.servers().database_url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        made = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        with redirect_stdout(StringIO()):
            migrate(made)
        return made

    def topics(self, prefix: str) -> None:
        """Our topics, with *prefix* before their names."""
        admin = KafkaAdminClient(bootstrap_servers=self.servers().kafka_bootstrap)
        admin.create_topics(
            [
                NewTopic(prefix + name, partitions, 1, topic_configs=settings)
                for name, (partitions, settings) in TOPICS.items()
            ]
        )
        while not {prefix + name for name in TOPICS} <= set(admin.list_topics()):
            time.sleep(0.05)
        admin.close()


@contextmanager
def scratch(progress: Progress, *, quick: bool) -> Iterator[Place]:
    """Servers in a home of their own, on the disk of the user's; gone afterwards."""
    given = Settings()
    given.home.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp(prefix="bench-", dir=given.home)
    settings = Settings.model_validate(
        {
            **given.model_dump(),
            "home": home,
            "database_url": None,
            "kafka_bootstrap": None,
            "log_level": "warning",
        }
    )
    # A first read from a new group or topic is warned of, and harmless.
    logs.configure(settings.model_copy(update={"log_level": "error"}), "bench")
    try:
        only = ("postgres", "kafka", "migrate")
        state = processes.up(settings, progress, only=only, attached=True)
        yield Place(settings, progress, quick, state)
    finally:
        processes.down(settings)
        shutil.rmtree(home)
