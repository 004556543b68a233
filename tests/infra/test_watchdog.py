"""A process that is stuck inside a library ends itself and says where; one at work does not."""

from __future__ import annotations

import subprocess
import sys

from infra.settings import child_environment
from tests.infra.line import Line, held, python, registered

STUCK = """
import sys, threading
from infra import logs, relay
from infra.settings import Settings
from infra.stopping import watchdog
logs.configure(Settings(), "relay")

def sent_for_ever(self, rows):
    print("there", flush=True)
    threading.Event().wait()

relay.Relay.publish = sent_for_ever
url, bootstrap, prefix = sys.argv[1:]
relay.run(url, bootstrap, threading.Event(), prefix=prefix, alive=watchdog(5.0))
"""

WAITS = """
import threading
from infra.stopping import watchdog
watchdog(0.2)
threading.Event().wait()
"""

AT_WORK = """
import time
from infra.stopping import watchdog
alive = watchdog(0.5)
for _ in range(10):
    time.sleep(0.1)
    alive()
"""


def test_a_relay_that_stands_still_in_kafkas_client_ends_itself(line: Line) -> None:
    line.store(held(registered(), "H-1"))

    with python(STUCK, line.database_url, line.bootstrap, line.prefix) as stuck:
        assert stuck.stdout and stuck.stdout.readline() == "there\n"

        assert stuck.wait(30) == 1

    line.publish()
    assert len(line.records()) == 2


def test_a_process_that_goes_on_is_left_alone() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", AT_WORK],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_a_stuck_process_was_doing_is_told() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WAITS],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert "in wait" in ended.stderr
