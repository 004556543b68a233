"""Dispatchers are killed again and again, and the provider fails one call in ten.

``LOANS_TEST_KILL_RUNS`` says how often the whole of it is done.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.borrower.borrower import Borrower
from entrypoints.demo.provider import Behaviour, Simulator, simulated
from infra.migrations.run import migrate
from infra.settings import ROOT
from infra.verify import check_decisions
from tests.infra import dispatch_worker
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

FORKED = get_context("forkserver")
"""Its processes are forked off one that has imported what they need."""
FORKED.set_forkserver_preload([dispatch_worker.__name__])


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
            FORKED.Process(
                target=dispatch_worker.work,
                args=(office.url, office.home, url, at),
                kwargs={"honours": honours},
                daemon=True,
            )
            for _ in range(WORKERS)
        ]
        before = simulator.calls.total()
        for worker in workers:
            worker.start()
        if number < KILLS:
            calls = chance.randrange(20)
            until = time.monotonic() + 20
            while simulator.calls.total() < before + calls and time.monotonic() < until:
                if not workers[0].is_alive():
                    break
                time.sleep(0.001)
            for worker in workers:
                worker.kill()
        for worker in workers:
            worker.join(120)
            assert worker.exitcode == 0 or number < KILLS
            worker.close()
        office.forget_leases()
        number += 1


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.timeout(600)
def test_kills_overspend_no_cap_lose_nothing_and_send_nothing_twice(
    database_url: str, tmp_path: Path, run: int, honours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
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
