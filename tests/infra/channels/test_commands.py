"""The commands about providers and the inbox, on a database of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from entrypoints.demo.provider import Behaviour, simulated
from infra.bootstrap import as_role
from infra.channels.inbox import Inbox, Kind
from infra.migrations.run import migrate
from infra.settings import child_environment
from infra.store import WRITER
from tests.infra.channels.samples import SECRET
from tests.infra.channels.sealing import TestSeal

Loans = Callable[..., Any]
MAIN = "LOANS_PROVIDER_CN_SMS_MAIN"


@pytest.fixture
def loans(database_url: str, tmp_path: Path) -> Loans:
    """Runs a command; what it answers in JSON, or what it prints."""
    migrate(database_url)

    def run(*arguments: str, code: int = 0, **environment: str) -> Any:
        given = {"LOANS_DATABASE_URL": database_url, "LOANS_HOME": str(tmp_path), **environment}
        done = subprocess.run(
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            env=child_environment(**given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return run


def test_the_register_is_listed_with_days_to_the_end_of_each_licence(loans: Loans) -> None:
    answer = {
        each["name"]: each for each in loans("providers", "list", "--on", "2028-12-31", "--json")
    }

    assert answer["cn-sms-main"]["licence_days_left"] == 1
    assert answer["cn-sms-second"]["state"] == "LICENCE_EXPIRED"
    assert answer["cn-sms-main"]["state"] == "NOT_SET_UP"
    assert answer["print-house"]["state"] == "READY"
    assert "cn-sms-main: Set LOANS_PROVIDER_CN_SMS_MAIN_URL to use it." in loans("providers")


def test_a_probe_that_fails_is_seen_and_one_that_holds_mends_it(loans: Loans) -> None:
    with simulated(Behaviour(secret=SECRET, failing_carriers=("CUCC",))) as (url, simulator):
        settings = {f"{MAIN}_URL": url, f"{MAIN}_SECRET": SECRET}
        failed = loans("providers", "probe", "--json", code=1, **settings)
        listed = loans("providers", "list", "--json", **settings)
        simulator.behaviour = Behaviour(secret=SECRET)
        held = loans("providers", "probe", "cn-sms-main", "--json", **settings)

    by_carrier = {each["carrier"]: each["holds"] for each in failed if each["carrier"]}
    assert by_carrier == {"CMCC": True, "CUCC": False, "CTCC": True}
    assert {each["name"]: each["state"] for each in listed}["cn-sms-main"] == "DISABLED"
    assert all(each["holds"] for each in held)


def test_a_person_disables_and_enables(loans: Loans) -> None:
    loans("providers", "disable", "print-house", "--reason", "late", "--by", "anna", "--json")
    twice = loans("providers", "disable", "print-house", "--reason", "late", "--json")
    off = {each["name"]: each for each in loans("providers", "list", "--json")}["print-house"]
    probed = loans("providers", "probe", "print-house", "--json")
    still = {each["name"]: each for each in loans("providers", "list", "--json")}["print-house"]
    again = [loans("providers", "enable", "print-house", "--json") for _ in range(2)]

    assert twice == {"provider": "print-house", "state": "DISABLED", "disabled": False}
    assert (off["state"], off["disabled"]["changed_by"]) == ("DISABLED", "anna")
    assert (probed[0]["holds"], still["state"]) == (True, "DISABLED")
    assert [each["enabled"] for each in again] == [True, False]


def test_an_unknown_provider_is_a_refusal(loans: Loans) -> None:
    said = loans("providers", "enable", "pigeon", "--json", code=2)

    assert said["refused"] == "NOT_FOUND"
    assert "cn-sms-main" in said["sentence"]


def test_what_is_parked_is_listed_without_what_it_says_and_can_be_tried_again(
    loans: Loans, database_url: str
) -> None:
    said = {"from": "+8613800138000"}
    with psycopg.connect(as_role(database_url, WRITER)) as conn:
        Inbox(conn, TestSeal()).put(
            "sms", "w-1", Kind.REPLY, said, contact_ref=None, unusable="NO_TEXT"
        )

    [parked] = loans("contact", "inbox", "--json")
    shown = loans("contact", "inbox", "list")
    retried = loans("contact", "inbox", "retry", str(parked["id"]), "--json")

    assert parked["reason"] == "NO_TEXT"
    assert "NO_TEXT" in shown and "138" not in shown
    assert retried == {"id": parked["id"], "state": "NEW"}
    again = loans("contact", "inbox", "retry", str(parked["id"]), "--json", code=2)
    assert again["refused"] == "NOT_PARKED"
