"""The embedded servers are real ones, and their downloads are checked."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from infra.embedded import kafka
from infra.embedded.part import port
from infra.settings import Settings


def test_postgresql_is_durable_and_checks_its_pages(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "data_checksums", "server_encoding")
        }
        version = connection.info.server_version

    assert version >= 150000
    assert shown["fsync"] == ("on",)
    assert shown["server_encoding"] == ("UTF8",)


def test_kafka_publishes_a_transaction_of_five_thousand(kafka_bootstrap: str) -> None:
    topic = f"test-{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    producer = KafkaProducer(
        bootstrap_servers=kafka_bootstrap, transactional_id=topic, retry_backoff_ms=5
    )
    producer.init_transactions()
    for commits in (False, True):
        producer.begin_transaction()
        for number in range(5_000):
            producer.send(topic, str(number).encode())
        if commits:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka_bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        consumer_timeout_ms=20_000,
    )

    seen = [int(next(consumer).value) for _ in range(5_000)]
    consumer.close()
    admin.close()

    assert seen == list(range(5_000))


def test_every_jar_is_locked_once_with_its_digest() -> None:
    jars = kafka.locked()

    assert len({jar.file_name for jar in jars}) == len(jars)
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    assert set(kafka.ROOTS) <= {jar.coordinate for jar in jars}
    assert "://" not in kafka.LOCK.read_text()


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_jar_is_fetched_again(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = min(kafka.locked(), key=lambda jar: jar.size)
    monkeypatch.setattr(kafka, "locked", lambda: [small])
    kafka.fetch(tmp_path, None)
    file = tmp_path / small.file_name
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[:-1])
    elif damage == "changed":
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    else:
        file.unlink()

    kafka.fetch(tmp_path, None)

    assert file.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == [small.file_name]


def test_two_first_runs_may_fetch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = min(kafka.locked(), key=lambda jar: jar.size)
    monkeypatch.setattr(kafka, "locked", lambda: [small])
    runs = [threading.Thread(target=kafka.fetch, args=(tmp_path, None)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert [path.name for path in tmp_path.iterdir()] == [small.file_name]


def test_a_port_is_kept_until_somebody_else_has_it(tmp_path: Path) -> None:
    import socket

    first = port(tmp_path / "port")

    assert port(tmp_path / "port") == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        other.listen()
        assert port(tmp_path / "port") != first


def test_a_home_nobody_else_may_enter_still_serves(tmp_path: Path) -> None:
    # pytest's folders are closed to others; as root PostgreSQL runs as nobody.
    from infra import processes

    tmp_path.chmod(0o700)
    settings = Settings(home=tmp_path / "home", database_url=None)
    try:
        state = processes.up(settings, only=["postgres"], attached=True)
        with psycopg.connect(state.database_url) as connection:
            found = connection.execute("SELECT 1").fetchone()
    finally:
        processes.down(settings)

    assert found == (1,)


def test_kafka_takes_every_cluster_id_that_is_made() -> None:
    made = {kafka._cluster_id() for _ in range(2_000)}

    assert len(made) == 2_000
    assert not [each for each in made if each.startswith("-")]
