"""docker-compose.yml against what it must agree with: the processes, the pins, Kafka's settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from infra.embedded import kafka, postgres
from infra.plan import Plan
from infra.settings import ROOT, Settings
from tests.conftest import KAFKA_IMAGE, POSTGRES_IMAGE, temporary_home

COMPOSE = ROOT / "docker-compose.yml"
SERVERS = {"postgres", "kafka"}
JOBS = {"end-of-day"}
CONTACT = {"receiver", "inbound", "dispatcher"}
"""What needs secrets, and so runs only where it was asked for."""

KEY = re.compile(
    r"(?P<indent> *)(?P<key>[\w.<-]+):(?: (?:&(?P<anchor>\w+)|\*(?P<alias>\w+)|(?P<value>\S.*)))?"
)
PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-[\w.-]+)?")


def read(text: str) -> dict[str, Any]:
    """The file as dicts: nested keys, anchors and merges, everything else as its text.

    A line of any other form is an error, so that nothing is passed over.
    """
    root: dict[str, Any] = {}
    anchors: dict[str, dict[str, Any]] = {}
    levels: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = KEY.fullmatch(line)
        assert found, f"not of the form this reads: {line!r}"
        indent = len(found["indent"])
        while levels[-1][0] >= indent:
            levels.pop()
        into = levels[-1][1]
        if found["key"] == "<<":
            assert not into, "a merge comes first"
            into.update(anchors[found["alias"]])
            continue
        assert not found["alias"], f"an alias that is no merge: {line!r}"
        if found["value"]:
            into[found["key"]] = found["value"]
            continue
        below: dict[str, Any] = {}
        into[found["key"]] = below
        levels.append((indent, below))
        if found["anchor"]:
            anchors[found["anchor"]] = below
    return root


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(COMPOSE.read_text())["services"]
    return found


def supervised() -> dict[str, str]:
    """What the supervisor runs beside the servers: each name with its module."""
    with temporary_home() as home:
        servers = {"database_url": "-", "kafka_bootstrap": "-"}
        told = {"receiver": "-", "receiver_topic": "-", "dispatcher": True}
        processes = Plan(Settings.model_validate({"home": home, **servers, **told})).processes()
        return {each.name: each.command(False).argv[-1] for each in processes}


def test_every_process_of_the_supervisor_has_a_service_and_no_other() -> None:
    expected = supervised()
    assert {"migrate", "relay", "tracker"} | CONTACT <= expected.keys()

    assert services().keys() == expected.keys() | SERVERS | JOBS
    for name, module in expected.items():
        assert services()[name]["command"] == f"[{module}]"


def test_all_programs_run_in_the_image_built_here_and_only_one_builds_it() -> None:
    programs = supervised().keys() | JOBS

    assert {services()[name]["image"] for name in programs} == {"loans:local"}
    assert [name for name in programs if "build" in services()[name]] == ["migrate"]


def test_every_image_is_pinned() -> None:
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    servers = [services()[name]["image"] for name in sorted(SERVERS)]

    assert len(base) == 1
    for image in [*base, *servers]:
        assert PINNED.fullmatch(image), image
    assert servers == [KAFKA_IMAGE, POSTGRES_IMAGE]


def test_the_servers_are_of_the_version_that_is_embedded() -> None:
    (version,) = [
        jar.coordinate.split(":")[2]
        for jar in kafka.locked()
        if jar.coordinate.startswith("org.apache.kafka:kafka_2.13:")
    ]

    assert services()["kafka"]["image"] == f"apache/kafka:{version}"
    major = postgres.INSTALLATION.removeprefix("pginstall")
    assert services()["postgres"]["image"].startswith(f"postgres:{major}.")


def test_servers_say_whether_they_are_healthy_and_the_rest_waits_for_that() -> None:
    for name in SERVERS:
        assert services()[name]["healthcheck"]["test"].startswith('["CMD", ')
    assert services()["migrate"]["depends_on"] == dict.fromkeys(
        SERVERS, "{condition: service_healthy}"
    )
    for name in (supervised().keys() | JOBS) - {"migrate"}:
        assert services()[name]["depends_on"] == {
            "migrate": "{condition: service_completed_successfully}"
        }


def test_what_lives_on_is_started_again_and_what_ends_is_not() -> None:
    once = {"migrate"} | JOBS

    for name, service in services().items():
        assert service.get("restart") == (None if name in once else "unless-stopped"), name


def test_what_needs_secrets_runs_only_where_it_was_asked_for() -> None:
    for name, service in services().items():
        profiles = {"end-of-day": "[jobs]"} | {each: f"[contact, {each}]" for each in CONTACT}
        assert service.get("profiles") == profiles.get(name), name
        assert (service.get("env_file") is None) == (name not in CONTACT), name


def test_what_takes_messages_and_sends_them_knows_the_servers_as_the_rest_does() -> None:
    servers = services()["relay"]["environment"]

    own = {name: services()[name]["environment"].items() - servers.items() for name in CONTACT}

    assert all(services()[name]["environment"].keys() >= servers.keys() for name in CONTACT)
    assert {name: dict(added) for name, added in own.items()} == {
        "receiver": {"LOANS_RECEIVER": "0.0.0.0:8090"},
        "inbound": {"LOANS_RECEIVER_TOPIC": "${LOANS_RECEIVER_TOPIC:-contact.inbound}"},
        "dispatcher": {},
    }


def test_no_secret_of_contact_stands_in_the_file_or_is_kept_with_the_program() -> None:
    assert not re.search(r"LOANS_(VAULT|PROVIDER)", COMPOSE.read_text())
    assert "contact.env" in (ROOT / ".gitignore").read_text().split()
    assert "!contact.env" not in (ROOT / ".dockerignore").read_text()


def test_kafka_is_set_as_the_embedded_one() -> None:
    own = {"listener.security.protocol.map"}
    given = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value.strip('"')
        for name, value in services()["kafka"]["environment"].items()
    }
    shared = {name: value for name, value in given.items() if name in kafka.PROPERTIES.keys() - own}

    assert shared == {name: kafka.PROPERTIES[name] for name in shared}
    assert shared.keys() >= {
        "auto.create.topics.enable",
        "log.retention.ms",
        "offsets.retention.minutes",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
    }


def test_only_this_machine_reaches_the_ports_and_the_password_is_given_once() -> None:
    text = COMPOSE.read_text()

    reached = SERVERS | {"receiver"}
    for name in reached:
        assert services()[name]["ports"].startswith('["${LOANS_ADDRESS:-127.0.0.1}:${LOANS_')
    assert {name for name, service in services().items() if "ports" in service} == reached
    passwords = set(re.findall(r"LOANS_POSTGRES_PASSWORD:-([\w-]+)", text))
    assert len(passwords) == 1
    assert f"postgresql://loans:{passwords.pop()}@127.0.0.1" in text


def test_the_image_holds_every_package_that_runs() -> None:
    wanted = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }

    packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}
    assert wanted >= packages - {"tests", "benchmarks"} | {"schemas", "requirements.txt"}
    for name in wanted:
        assert (ROOT / name).exists()


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if not docker or run(docker, "compose", "version").returncode:
        pytest.skip("docker compose is not installed")

    done = run(docker, "compose", "--file", str(COMPOSE), "config", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)
