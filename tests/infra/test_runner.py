"""Events reach the rows through Kafka, whatever is stopped, killed or cut on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import pytest
from kafka import KafkaProducer

from domain.borrower.borrower import Borrower
from infra import runner
from infra.codec import UnknownSchema
from infra.trouble import Trouble
from tests.infra.line import Line, Sample, held, python, registered, wait_for

KEEPER = """
import sys
from infra import logs, runner
from infra.settings import Settings
from infra.stopping import stop_on_signal
from tests.infra.line import Sample
url, bootstrap, topic, name = sys.argv[1:]
logs.configure(Settings(), name)
position = runner.Loop._position
def told(self, places):
    position(self, places)
    print(len(self._consumer.assignment()), flush=True)
runner.Loop._position = told
runner.keep(url, bootstrap, Sample(topic, name), stop_on_signal())
"""


class Keeper(threading.Thread):
    """A process's loop on a thread of the test, with what stopped it."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line, self.stop = line, threading.Event()
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            runner.keep(self.line.database_url, self.line.bootstrap, sample(self.line), self.stop)
        except BaseException as trouble:
            self.trouble = trouble


def sample(line: Line) -> Sample:
    """The view of this test's topics; groups of one name share a Kafka."""
    return Sample(line.topic(), f"sample_{line.prefix.rstrip('.')}")


@contextmanager
def keeping(line: Line) -> Iterator[Keeper]:
    keeper = Keeper(line)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop.set()
        keeper.join()


@contextmanager
def process(line: Line) -> Iterator[Popen[str]]:
    arguments = (line.database_url, line.bootstrap, line.topic(), sample(line).NAME)
    with python(KEEPER, *arguments) as running:
        try:
            yield running
        finally:
            running.kill()


def publish(line: Line, count: int = 40) -> list[Borrower]:
    borrowers = line.store(*[held(registered(), "H-1") for _ in range(count)])
    line.publish()
    return borrowers


def shown(line: Line) -> int:
    """How many events the rows count; 0 before there are rows."""
    if line.sql("SELECT to_regclass('rm.borrower')") == [(None,)]:
        return 0
    return int(line.sql("SELECT count(*) + coalesce(sum(holds), 0) FROM rm.borrower")[0][0])


def test_published_events_are_shown_with_their_positions(line: Line) -> None:
    publish(line, 40)

    with keeping(line):
        wait_for(lambda: shown(line) == 80)

        assert line.sql("SELECT borrowers FROM rm.per_jurisdiction") == [(40,)]
        behind = line.sql(
            "SELECT p.partition FROM store.published AS p LEFT JOIN views.position AS v"
            " USING (topic, partition) WHERE p.next_offset IS DISTINCT FROM v.next_offset"
        )
    assert behind == []


def test_a_stopped_view_goes_on_where_it_was(line: Line) -> None:
    publish(line)
    with keeping(line):
        wait_for(lambda: shown(line) == 80)
    publish(line)

    with keeping(line):
        wait_for(lambda: shown(line) == 160)

    assert line.sql("SELECT borrowers FROM rm.per_jurisdiction") == [(80,)]


def test_events_delivered_again_change_nothing(line: Line) -> None:
    publish(line)
    with keeping(line):
        wait_for(lambda: shown(line) == 80)
    line.sql("UPDATE views.position SET next_offset = 0")

    with keeping(line):
        wait_for(
            lambda: (
                line.sql("SELECT sum(next_offset) FROM views.position")
                == line.sql("SELECT sum(next_offset) FROM store.published")
            )
        )

    assert shown(line) == 80
    assert line.sql("SELECT borrowers FROM rm.per_jurisdiction") == [(40,)]


def test_a_killed_member_s_partitions_go_to_the_other(line: Line) -> None:
    with process(line) as killed, keeping(line):
        assert killed.stdout
        wait_for(lambda: int(killed.stdout.readline() or "0") == 6)  # type: ignore[union-attr]
        publish(line)
        wait_for(lambda: shown(line) == 80)

        killed.kill()
        publish(line)

        wait_for(lambda: shown(line) == 160)
    assert line.sql("SELECT borrowers FROM rm.per_jurisdiction") == [(80,)]


def test_a_process_told_to_stop_ends_well(line: Line) -> None:
    with process(line) as running:
        assert running.stdout and running.stdout.readline() == "12\n"

        running.terminate()

        assert running.wait(20) == 0


def test_a_cut_database_session_is_opened_again(line: Line) -> None:
    with keeping(line) as keeper:
        publish(line)
        wait_for(lambda: shown(line) == 80)

        line.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            sample(line).NAME,
        )
        publish(line)

        wait_for(lambda: shown(line) == 160)
        assert keeper.trouble is None


def test_a_fenced_process_reads_its_position_again(line: Line) -> None:
    with keeping(line):
        publish(line)
        wait_for(lambda: shown(line) == 80)

        line.sql("UPDATE views.position SET next_offset = 0")
        publish(line)

        wait_for(lambda: shown(line) == 160)
    assert line.sql("SELECT borrowers FROM rm.per_jurisdiction") == [(80,)]


def test_a_position_that_kafka_does_not_have_is_an_incident(line: Line) -> None:
    publish(line)
    with keeping(line):
        wait_for(lambda: shown(line) == 80)
    line.sql("UPDATE views.position SET next_offset = 100000")

    with keeping(line) as keeper:
        keeper.join(30)

    assert isinstance(keeper.trouble, Trouble)
    assert "does not have" in str(keeper.trouble)


def test_bytes_that_no_schema_explains_stop_the_view(line: Line) -> None:
    borrower = publish(line, 1)[0]
    producer = KafkaProducer(bootstrap_servers=line.bootstrap)
    producer.send(
        line.topic(),
        b"\xc3\x01unknown!",
        str(borrower.id).encode(),
        [("ce_sequence", b"3"), ("ce_notificationid", b"3")],
    )
    producer.close()

    with keeping(line) as keeper:
        keeper.join(30)

    assert isinstance(keeper.trouble, UnknownSchema)


def test_a_missing_topic_is_named(line: Line) -> None:
    with pytest.raises(Trouble, match="no topic"):
        runner.keep(
            line.database_url,
            line.bootstrap,
            Sample(f"{line.prefix}missing", sample(line).NAME),
            threading.Event(),
        )
