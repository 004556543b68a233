"""Real servers for tests, and how properties are tried.

Servers in this order: LOANS_TEST_DATABASE_URL and LOANS_TEST_KAFKA_BOOTSTRAP, a Docker
engine by testcontainers, the embedded parts in a home of this session's own.
Tests share them: make a database (``new_database``) and topics of your own.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import DefaultContext, FloatOperation, setcontext
from functools import cache
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra import processes
from infra.embedded.kafka import PROPERTIES
from infra.settings import Settings

DefaultContext.traps[FloatOperation] = True
setcontext(DefaultContext)

# The same examples every time, in a file alone as among all, however busy the machine is.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

POSTGRES_IMAGE = "postgres:18.4-bookworm"
KAFKA_IMAGE = "apache/kafka:4.1.1"
START_WHEN_TOLD = """
until [ -f /tmp/address ]; do sleep 0.1; done
export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://$(cat /tmp/address),BROKER://localhost:19092
exec /etc/kafka/docker/run
"""


class Given(BaseSettings):
    """Servers to test against, from the environment."""

    model_config = SettingsConfigDict(env_prefix="LOANS_TEST_")

    database_url: str | None = None
    kafka_bootstrap: str | None = None


@contextmanager
def embedded(*parts: str) -> Iterator[processes.State]:
    """Those parts, in a home of their own; all is gone afterwards."""
    with temporary_home() as home:
        settings = Settings(home=home, database_url=None, kafka_bootstrap=None)
        try:
            yield processes.up(settings, only=parts, attached=True)
        finally:
            processes.down(settings)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for LOANS_HOME; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="loans-"))
    try:
        yield home
    finally:
        shutil.rmtree(home)


@cache
def docker_answers() -> bool:
    """Whether containers can be started here; asked without noise or a long wait."""
    host = _docker_host() or "unix:///var/run/docker.sock"
    if host.startswith("unix://") and not _listens(host.removeprefix("unix://")):
        return False
    import docker

    try:
        with closing(docker.from_env(timeout=2)) as client:
            client.ping()
    except Exception:
        return False
    return True


def _listens(path: str) -> bool:
    # Docker's client forgets to close a socket that nobody answers, which is a warning.
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _docker_host() -> str | None:
    class Docker(BaseSettings):
        docker_host: str | None = None

    return Docker().docker_host


@contextmanager
def kafka_in_container() -> Iterator[str]:
    """The official image, set as the embedded one; testcontainers' own class is for another."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    properties = PROPERTIES | {
        "listeners": "PLAINTEXT://:9092,BROKER://:19092,CONTROLLER://:29093",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.quorum.voters": "1@localhost:29093",
    }
    container = DockerContainer(KAFKA_IMAGE).with_exposed_ports(9092)
    for name, value in properties.items():
        container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
    # It has to say where it is reached, which nobody knows before it was made.
    container.with_command(["bash", "-c", START_WHEN_TOLD])
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(9092)}"
        container.exec(["bash", "-c", f"echo {address} >/tmp/new && mv /tmp/new /tmp/address"])
        LogMessageWaitStrategy("Kafka Server started").wait_until_ready(container)
        yield address


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL whose user may create databases and roles."""
    given = Given().database_url
    if given:
        yield given
    elif docker_answers():
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
            yield container.get_connection_url()
    else:
        with embedded("postgres") as state:
            yield state.database_url


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A Kafka with transactions, on which topics may be created."""
    given = Given().kafka_bootstrap
    if given:
        yield given
    elif docker_answers():
        with kafka_in_container() as address:
            yield address
    else:
        with embedded("kafka") as state:
            yield state.kafka_bootstrap


@pytest.fixture
def new_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database and gives its URL; it is dropped after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        made.append(name)
        return with_database(postgres_url, name)

    yield make
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """An empty database of this test's own."""
    return new_database()


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    from urllib.parse import urlsplit, urlunsplit

    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
