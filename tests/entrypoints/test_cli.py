"""The command line helps quickly and says what is wrong in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import child_environment


def loans(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=child_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_imports_nothing_that_it_does_not_show() -> None:
    answer = loans("-X", "importtime", "-m", "entrypoints.cli", "--help")

    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert answer.returncode == 0
    assert "Stop everything" in answer.stdout
    assert not imported & {"psycopg", "kafka", "pydantic", "eventsourcing", "jgo"}


def test_status_of_a_home_where_nothing_runs(tmp_path: Path) -> None:
    answer = loans("-m", "entrypoints.cli", "status", "--json", LOANS_HOME=str(tmp_path))

    assert answer.returncode == 3
    assert json.loads(answer.stdout) == {"phase": "stopped", "processes": [], "views": []}


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_wrong_setting_is_named_without_a_traceback(command: str, tmp_path: Path) -> None:
    answer = loans(
        *("-m", "entrypoints.cli", command), LOANS_HOME=str(tmp_path), LOANS_ZONE="Mars/Base"
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith("LOANS_ZONE cannot be used: Mars/Base is not")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["write-off", "payout-returned", "sell"])
def test_help_fills_a_narrow_screen_and_breaks_where_a_paragraph_ends(command: str) -> None:
    answer = loans("-m", "entrypoints.cli", command, "--help", COLUMNS="80")

    prose = answer.stdout.partition("╭")[0]
    paragraphs = [each.splitlines() for each in prose.split(" " * 80 + "\n") if each.strip()]
    assert len(paragraphs) > 2
    for *full, _ in paragraphs:
        assert all(len(line.rstrip()) > 60 for line in full)
