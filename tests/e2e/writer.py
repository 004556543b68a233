"""Opens and services loans until told to stop, as a caller that keeps a journal.

Run as ``python -m tests.e2e.writer SEED``. What it is about to ask for it notes in
``intents.jsonl`` of LOANS_HOME, what was acknowledged in ``journal.jsonl`` and what was
refused in ``refusals.jsonl``. A command without an answer is given again under the same
id: after an outage of the database by the same process, after a kill by the next one.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError

from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.commands import borrowers, days, loans
from domain.commands.book import Book, Receipt
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from infra import clock
from infra.bootstrap import open_book
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal
from tests.e2e.system import lines_of

COMMANDS: dict[str, Callable[..., Receipt]] = {
    decide.__name__: decide
    for decide in (
        borrowers.register,
        borrowers.set_hold,
        borrowers.lift_hold,
        borrowers.promise,
        loans.apply_for,
        loans.add_evidence,
        loans.approve,
        loans.disclose,
        loans.sign,
        loans.disburse,
        loans.repay,
        loans.reverse,
        loans.charge_fee,
        loans.write_off,
    )
}

ACTOR = "writer"
PRODUCT = "HOME-CNY"
FEE = "LATE_FEE"
PAUSE_SECONDS = 0.03
OUTAGE_SECONDS = 60.0

Content = dict[str, Any]
Step = tuple[str, Content]


class Writer:
    """One caller: what it asks for is decided by its seed and by the loans it finds."""

    def __init__(self, book: Book, home: Path, seed: int, stop: Event) -> None:
        """The loans of earlier writers are known from what was acknowledged."""
        self._book = book
        self._rng = random.Random(seed)
        self._stop = stop
        self._intents = home / "intents.jsonl"
        self._journal = home / "journal.jsonl"
        self._refusals = home / "refusals.jsonl"
        done = {line["command_id"] for line in lines_of(self._journal)}
        answered = done | {line["command_id"] for line in lines_of(self._refusals)}
        intents = lines_of(self._intents)
        self._left = [line for line in intents if line["command_id"] not in answered]
        self._loans = [
            line["content"]["loan_id"]
            for line in intents
            if line["name"] == "disburse" and line["command_id"] in done
        ]

    def run(self) -> None:
        """Until told to stop, and then to the end of the command under way."""
        for intent in self._left:
            self._answer(intent)
        while not self._stop.is_set():
            opening = len(self._loans) < 5 or self._rng.random() < 0.06
            for name, content in self._a_new_loan() if opening else self._service():
                self._ask(name, content)
                if self._stop.is_set():
                    return
                time.sleep(self._rng.uniform(0, 2 * PAUSE_SECONDS))

    def _ask(self, name: str, content: Content) -> None:
        intent = {"command_id": self._id(), "name": name, "on": str(self._on), "content": content}
        _note(self._intents, intent)
        self._answer(intent)

    def _answer(self, intent: Content) -> None:
        command_id = UUID(intent["command_id"])
        on = date.fromisoformat(intent["on"])
        content = {name: _value(name, value) for name, value in intent["content"].items()}

        def carried_out() -> Receipt:
            act = Act(ACTOR, on, clock.now(), command_id, command_id)
            return COMMANDS[intent["name"]](self._book, act, **content)

        try:
            receipt = self._through_outages(carried_out)
        except Refusal as refusal:
            _note(self._refusals, {"command_id": str(command_id), "code": refusal.code})
            return
        line = {
            "command_id": str(command_id),
            "stream_id": str(receipt.stream_id),
            "version": receipt.version,
            "name": intent["name"],
        }
        _note(self._journal, line)
        if intent["name"] == "disburse":
            self._loans.append(intent["content"]["loan_id"])

    def _through_outages(self, ask: Callable[[], Any]) -> Any:
        until = time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                return ask()
            except PersistenceError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    @property
    def _on(self) -> date:
        """The book's business date."""
        on = self._through_outages(lambda: days.business_date(self._book))
        assert on is not None
        found: date = on
        return found

    def _id(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _a_new_loan(self) -> Iterator[Step]:
        rng = self._rng
        borrower_id, loan_id = self._id(), self._id()
        zones = rng.sample(["Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin"], rng.randint(1, 2))
        yield "register", {"borrower_id": borrower_id, "jurisdiction": "CN", "zones": zones}
        yield (
            "apply_for",
            {
                "loan_id": loan_id,
                "borrower_id": borrower_id,
                "product_code": PRODUCT,
                "product_version": 1,
                "amount": rng.randint(2_000_00, 50_000_00),
                "term_months": rng.randint(3, 12),
            },
        )
        for kind in ("IDENTITY", "INCOME"):
            ref = f"E-{self._id()}"
            yield (
                "add_evidence",
                {"loan_id": loan_id, "kind": kind, "source": "BORROWER", "evidence_ref": ref},
            )
        people = {"requested_by": "officer", "approved_by": "manager"}
        yield "approve", {"loan_id": loan_id, **people}
        yield "disclose", {"loan_id": loan_id}
        yield "sign", {"loan_id": loan_id, "contract_ref": f"C-{self._id()}"}
        yield (
            "disburse",
            {"loan_id": loan_id, "disbursement_ref": f"D-{self._id()}", "paid_to": "account-ref"},
        )

    def _service(self) -> Iterator[Step]:
        rng = self._rng
        loan_id = rng.choice(self._loans)
        loan: Loan = self._through_outages(lambda: self._book.get(Loan, UUID(loan_id)))
        if loan.state in (LoanState.CLOSED, LoanState.SETTLED):
            return
        what = rng.random()
        if what < 0.12 and loan.splits:
            ref = rng.choice(sorted(loan.splits))
            yield "reverse", {"loan_id": loan_id, "payment_ref": ref, "reason": "bounced"}
        elif what < 0.18:
            yield "charge_fee", {"loan_id": loan_id, "kind": FEE, "fee_ref": f"F-{self._id()}"}
        elif what < 0.24:
            yield from self._borrower_says(loan)
        elif what < 0.25 and loan.bucket > "M2":
            people = {"requested_by": "officer", "approved_by": "manager"}
            yield "write_off", {"loan_id": loan_id, "reason": "uncollectable", **people}
        else:
            yield self._payment(loan)

    def _payment(self, loan: Loan) -> Step:
        rng = self._rng
        on = self._on
        assert loan.disbursed_on is not None
        back = rng.randint(1, 40) if rng.random() < 0.3 else 0
        received_on = max(on - timedelta(days=back), loan.disbursed_on)
        owed = [row.left for row in loan.instalments if row.left] or [10_00]
        amount = owed[0] if rng.random() < 0.5 else rng.randint(1_00, 2 * owed[0] + 1_00)
        return (
            "repay",
            {
                "loan_id": str(loan.id),
                "amount": amount,
                "currency": loan.currency,
                "received_on": str(min(received_on, on)),
                "payment_ref": f"P-{self._id()}",
            },
        )

    def _borrower_says(self, loan: Loan) -> Iterator[Step]:
        if self._rng.random() < 0.5:
            yield (
                "promise",
                {
                    "promise_ref": f"PP-{self._id()}",
                    "loan_id": str(loan.id),
                    "amount": self._rng.randint(1_00, 500_00),
                    "promised_on": str(self._on + timedelta(days=self._rng.randint(1, 20))),
                },
            )
            return
        hold = {"borrower_id": str(loan.borrower_id), "hold_ref": f"H-{self._id()}"}
        yield "set_hold", {**hold, "kind": "DISPUTE", "reason": "says it was paid"}
        yield "lift_hold", {**hold, "reason": "cleared up"}


def _value(name: str, value: Any) -> Any:
    if name.endswith("_id"):
        return UUID(value)
    return date.fromisoformat(value) if name.endswith("_on") else value


def _note(path: Path, line: Content) -> None:
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def main() -> None:
    """Write until told to stop."""
    stop = stop_on_signal()
    settings = connected(Settings())
    assert settings.database_url
    until = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            with open_book(settings.database_url, connections=1) as book:
                return Writer(book, settings.home, int(sys.argv[1]), stop).run()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main()
