"""A collector's days on the command line: from the worklist to a promise, kept or broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.freshness import wait_until_current
from infra.reading import Connection, connection
from tests.e2e.system import DEADLINE_SECONDS, System, must_hold, running_system

pytestmark = pytest.mark.timeout(900)

PAID_OUT_ON = date(2026, 1, 5)
FELL_DUE_ON = date(2026, 2, 5)
CALLED_ON = date(2026, 2, 9)
PROMISED_ON = date(2026, 2, 12)
JUDGED_ON = date(2026, 2, 13)
"""The day of the promise is over: what did not come in by then came too late."""
INSTALMENT = "408.03"
"""Of 1,200.00 over three months at one per cent a month."""

MORNING = "T10:00-05:00"
"""In New York, where the borrowers live."""

PRODUCT = """
code = "SMALL"
version = 1
name = "A small loan"
currency = "USD"
amount_min = "100.00"
amount_max = "10000.00"
term_months_min = 1
term_months_max = 12
frequency = "MONTH"
method = "EQUAL_INSTALMENTS"
annual_rate = "0.12"
day_count = "30/360"
rounding = "HALF_UP"
grace_days = 0
grace_retroactive = false
penalty_rate = "0"
allocation_order = ["FEE", "INTEREST", "PENALTY", "PRINCIPAL"]
future_money = "NEXT_INSTALMENT"
evidence = ["IDENTITY"]
fees = []
"""


@dataclass
class Desk:
    """A collector at the command line; what was told is shown when the next thing is asked."""

    system: System
    conn: Connection

    def __call__(self, words: str, *arguments: str, code: int = 0) -> Any:
        answer = self.system.loans(*words.split(), *arguments, code=code)
        assert wait_until_current(self.conn, DEADLINE_SECONDS), words
        return answer

    def lend(self, number: str) -> tuple[str, str]:
        """A borrower in New York with a telephone, and a loan paid out today."""
        known = self("borrower register", "--jurisdiction", "US", "--zone", "America/New_York")
        borrower = str(known["ref"])
        entered = ("--basis", "CONTRACT", "--at", f"{PAID_OUT_ON}{MORNING}")
        self("borrower point", borrower, number, "PHONE", *entered)
        loan = str(self("apply", borrower, "SMALL:1", "1200.00", "3")["ref"])
        self("evidence", loan, "IDENTITY", "--ref", "E-1")
        self("approve", loan, "--requested-by", "officer", "--approved-by", "manager")
        self("disclose", loan)
        self("sign", loan, "--contract", "C-1")
        self("disburse", loan, "--to", "account-ref")
        return borrower, loan

    def worklist(self, on: date, *more: str) -> dict[str, Any]:
        """The items of the collector's list in the morning, by loan."""
        items = self("collect list", "--on", str(on), "--at", f"{on}{MORNING}", *more)
        return {item["loan_ref"]: item for item in items}

    def call(self, borrower: str, loan: str, number: str, ref: str) -> None:
        """A conversation in which the borrower says when money comes."""
        asked = self.ask(borrower, loan, number, ref)
        assert (asked["answer"], asked["because"]) == ("ALLOW", [])
        heard = ("--seconds", "140", "--feedback", "WILL_PAY", "--intent", "HIGH")
        self("contact tell", borrower, ref, "conversation", *heard, "--at", f"{CALLED_ON}{MORNING}")
        self("borrower promise", loan, INSTALMENT, str(PROMISED_ON), "--ref", f"PP-{ref}")

    def ask(
        self,
        borrower: str,
        loan: str,
        *point_ref_and_more: str,
        code: int = 0,
        on: date = CALLED_ON,
    ) -> Any:
        """What the gate answers of a call in the morning."""
        number, ref, *more = point_ref_and_more
        call = ("--purpose", "collection", "--channel", "phone", "--point", number)
        when = ("--ref", ref, "--at", f"{on}{MORNING}")
        return self("contact ask", borrower, *call, "--loan", loan, *when, *more, code=code)

    def promised(self, borrower: str) -> list[str]:
        """What became of the promises, by the borrower's own events."""
        told = [each["event"] for each in self("history", borrower)]
        return [each for each in told if each.startswith("borrower.promise-")]


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with (
        running_system(tmp_path_factory.mktemp("collectors")) as system,
        connection(system.database_url) as conn,
    ):
        yield Desk(system, conn)


def test_a_collector_works_from_the_list_to_promises_kept_and_broken(
    desk: Desk, tmp_path: Path
) -> None:
    product = tmp_path / "product.toml"
    product.write_text(PRODUCT)
    desk("day close", str(PAID_OUT_ON - timedelta(days=1)))
    desk("product publish", str(product))
    keeps, kept = desk.lend("N-1")
    breaks, broken = desk.lend("N-2")
    desk("day close", str(CALLED_ON - timedelta(days=1)))

    whom_to_call_is_on_the_list(desk, {keeps: kept, breaks: broken})
    desk.call(keeps, kept, "N-1", "C-1")
    desk.call(breaks, broken, "N-2", "C-2")
    what_was_said_is_on_the_list(desk, (kept, broken))
    nobody_is_called_again_so_soon(desk, keeps, kept)
    money_decides_what_became_of_a_promise(desk, kept)
    assert desk.promised(keeps) == ["borrower.promise-made", "borrower.promise-kept"]
    assert desk.promised(breaks) == ["borrower.promise-made", "borrower.promise-broken"]
    only_who_broke_a_promise_is_left(desk, breaks, broken)
    must_hold(desk.system.checks())


def whom_to_call_is_on_the_list(desk: Desk, late: dict[str, str]) -> None:
    assert desk.worklist(FELL_DUE_ON) == {}
    planned = desk("collect plan")
    assert (planned["late"], planned["changed"]) == (2, 2)
    listed = desk.worklist(CALLED_ON, "--now", "--free")
    assert sorted(listed) == sorted(late.values())
    for borrower, loan in late.items():
        item = listed[loan]
        assert (item["borrower_ref"], item["amount_overdue"]) == (borrower, 408_03)
        assert (item["days_past_due"], item["strategy"]) == (4, "soft reminder and call")
        assert ("PHONE", True) in [(way["channel"], way["open_now"]) for way in item["ways"]]
        desk("collect take-over", borrower, "anna")
    assert desk.worklist(CALLED_ON, "--free") == {}


def what_was_said_is_on_the_list(desk: Desk, loans: tuple[str, ...]) -> None:
    assert desk("collect plan")["changed"] == 2
    listed = desk.worklist(CALLED_ON, "--collector", "anna")
    for loan in loans:
        item = listed[loan]
        assert item["strategy"] == "wait for the promise"
        assert item["last_contact"] == "PHONE CONVERSATION"
        [promise] = item["promises"]
        assert (promise["amount"], promise["state"]) == (408_03, "OPEN")
        assert promise["promised_on"] == str(PROMISED_ON)


def nobody_is_called_again_so_soon(desk: Desk, borrower: str, loan: str) -> None:
    # Who promised has no script to be called by: one is named for it.
    named = ("N-1", "C-3", "--script", "collection")
    asked = desk.ask(borrower, loan, *named, code=3, on=CALLED_ON + timedelta(days=1))
    assert asked["answer"] != "ALLOW"
    assert asked["because"] == ["COOLDOWN"]
    assert asked["rules"] == ["us-pause-after-a-conversation (limits-1)"]


def money_decides_what_became_of_a_promise(desk: Desk, loan: str) -> None:
    desk("repay", loan, INSTALMENT, "--ref", "P-1")
    desk("day close", str(JUDGED_ON))


def only_who_broke_a_promise_is_left(desk: Desk, borrower: str, loan: str) -> None:
    on = JUDGED_ON + timedelta(days=1)
    # One has another strategy, and that of the loan which was paid ends.
    assert desk("collect plan") == {"on": str(on), "late": 1, "changed": 2}
    [item] = desk.worklist(on).values()
    assert (item["loan_ref"], item["borrower_ref"]) == (loan, borrower)
    assert item["strategy"] == "call about the broken promise"
    assert [each["state"] for each in item["promises"]] == ["BROKEN"]
    assert not any(way["channel"] == "PHONE" and way["open_now"] for way in item["ways"])
    later = CALLED_ON + timedelta(days=8)
    desk("day close", str(later - timedelta(days=1)))
    asked = desk.ask(borrower, loan, "N-2", "C-4", on=later)
    assert asked["answer"] == "ALLOW"
