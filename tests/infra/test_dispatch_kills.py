"""Dispatchers are killed again and again, and the provider fails one call in ten.

``LOANS_TEST_KILL_RUNS`` says how often the whole of it is done.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.borrower.borrower import Borrower
from entrypoints.demo.provider import Behaviour, Simulator, simulated
from infra.migrations.run import migrate
from infra.settings import child_environment
from infra.verify import check_decisions
from tests.infra.channels.samples import SECRET
from tests.infra.office import TEN, Office, each_at_most, open_office


class Given(BaseSettings):
    """How often, from the environment."""

    model_config = SettingsConfigDict(env_prefix="LOANS_TEST_")

    kill_runs: int = 1


RUNS = Given().kill_runs
KILLS = 20
PEOPLE = 120
EACH = 3
CAP = 2
"""Marketing and care in a month, in China."""
WORKERS = 2
LATER = timedelta(minutes=40)
"""Longer than a message waits that nobody took."""
MORE = 10
"""So many rounds after the kills are on the same day, before the night."""


def told(office: Office, people: Sequence[UUID]) -> dict[str, Borrower.ContactMade]:
    """What the borrowers' streams say came of each contact."""
    return {
        event.contact_ref: event
        for person in people
        for event in office.book.events.get(person)
        if isinstance(event, Borrower.ContactMade)
    }


def allowed(office: Office, people: Sequence[UUID]) -> Counter[UUID]:
    return Counter(
        person
        for person in people
        for event in office.book.events.get(person)
        if isinstance(event, Borrower.ContactDecided) and event.answer == "ALLOW"
    )


def killed_again_and_again(
    office: Office, url: str, simulator: Simulator, seed: int, *, honours: bool
) -> None:
    """Two dispatchers work beside each other, and are killed at a moment of chance."""
    chance = Random(seed)
    number = 0
    while number < KILLS or any(line.state == "WAITING" for line in office.lines().values()):
        assert number <= KILLS + MORE, "the queue does not get empty"
        at = TEN + LATER * max(number - KILLS, 0)
        workers = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.infra.dispatch_worker", office.url),
                    *(str(office.home), url, str(honours), at.isoformat()),
                ],
                env=child_environment(),
            )
            for _ in range(WORKERS)
        ]
        if number < KILLS:
            before = simulator.calls.total()
            calls = chance.randrange(20)
            until = time.monotonic() + 20
            while simulator.calls.total() < before + calls and time.monotonic() < until:
                if workers[0].poll() is not None:
                    break
                time.sleep(0.001)
            workers[0].send_signal(signal.SIGKILL)
            workers[1].send_signal(signal.SIGKILL)
        for worker in workers:
            code = worker.wait(120)
            assert code == 0 or number < KILLS
        office.forget_leases()
        number += 1


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.timeout(600)
def test_kills_overspend_no_cap_lose_nothing_and_send_nothing_twice(
    database_url: str, tmp_path: Path, run: int, honours: bool
) -> None:
    migrate(database_url)
    behaviour = Behaviour(
        secret=SECRET, honours_keys=honours, fail_percent=10, delay_seconds=0.002, seed=run + 1
    )
    with open_office(database_url, tmp_path) as office:
        people = office.people(PEOPLE)
        refs = office.queue(people, each=EACH)
        with simulated(behaviour) as (url, simulator):
            killed_again_and_again(office, url, simulator, run, honours=honours)

        assert set(simulator.taken.values()) == {1}
        assert each_at_most(simulator, CAP, people)
        lines, made = office.lines(), told(office, people)
        assert set(lines) == set(refs)
        assert {line.state for line in lines.values()} == {"DONE", "DROPPED"}
        for ref, line in lines.items():
            if line.state == "DROPPED":
                assert ref not in simulator.taken
                assert line.reasons
                continue
            if made[ref].outcome == "FAILED":
                assert ref not in simulator.taken
            elif made[ref].certain:
                assert ref in simulator.taken
            else:
                assert not honours
        spent = allowed(office, people)
        spent.subtract(event.originator_id for event in made.values() if event.outcome == "FAILED")
        assert max(spent.values()) <= CAP
        sure = [event for event in made.values() if event.outcome == "SENT" and event.certain]
        assert {event.contact_ref for event in sure} <= set(simulator.taken)
        if honours:
            assert len(sure) == len(simulator.taken)
        with office.writer() as conn:
            check = check_decisions(conn, office.book)
        assert check.fault_count == 0, check.faults
