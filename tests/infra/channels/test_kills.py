"""A process that sends is killed again and again; nobody gets a message twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from entrypoints.demo.provider import Behaviour, Simulator, simulated
from infra.channels.message import Answer
from infra.migrations.run import migrate
from infra.settings import child_environment
from tests.infra.channels.samples import SECRET

MESSAGES = 400
KILLS = 4


def answers(database_url: str) -> Counter[str]:
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT coalesce(answer, 'NONE') FROM contact.sending").fetchall()
    return Counter(row[0] for row in rows)


def killed_again_and_again(
    database_url: str, folder: Path, url: str, simulator: Simulator, *, honours: bool
) -> None:
    """Work begins anew after every kill, and ends in the last run."""
    refs = folder / "refs"
    refs.write_text("\n".join(f"C-{number}" for number in range(MESSAGES)))
    for number in range(KILLS + 1):
        worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.infra.channels.send_worker", database_url, url),
                *(str(honours), str(refs), str(folder)),
            ],
            env=child_environment(),
        )
        if number == KILLS:
            assert worker.wait(100) == 0
            return
        target = simulator.calls.total() + 37 + number
        while simulator.calls.total() < target and worker.poll() is None:
            time.sleep(0.001)
        worker.send_signal(signal.SIGKILL)
        worker.wait()


@pytest.mark.timeout(240)
def test_with_keys_every_message_goes_out_once_and_is_known_to(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    behaviour = Behaviour(secret=SECRET, fail_percent=10, fail_after_percent=5, drop_percent=2)

    with simulated(behaviour) as (url, simulator):
        killed_again_and_again(database_url, tmp_path, url, simulator, honours=True)

    assert simulator.taken == {f"C-{number}": 1 for number in range(MESSAGES)}
    assert answers(database_url) == {Answer.ACCEPTED: MESSAGES}


@pytest.mark.timeout(240)
def test_without_keys_no_message_goes_out_twice_and_what_is_not_known_says_so(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    behaviour = Behaviour(secret=SECRET, honours_keys=False, fail_percent=10, drop_percent=2)

    with simulated(behaviour) as (url, simulator):
        killed_again_and_again(database_url, tmp_path, url, simulator, honours=False)

    found = answers(database_url)
    assert set(simulator.taken.values()) == {1}
    assert found[Answer.ACCEPTED] <= len(simulator.taken)
    assert found == {
        Answer.ACCEPTED: found[Answer.ACCEPTED],
        Answer.UNCERTAIN: MESSAGES - found[Answer.ACCEPTED],
    }
    assert found[Answer.UNCERTAIN] > 0
