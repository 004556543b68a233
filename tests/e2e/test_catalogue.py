"""The catalogue on a running system: each product is lent and serviced to its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import pytest

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.money import written
from entrypoints.product_file import read_offer
from infra.settings import ROOT, child_environment
from tests.e2e.system import DEADLINE_SECONDS, System, must_hold, running_system

pytestmark = pytest.mark.timeout(600)

FOLDER = ROOT / "docs" / "catalogue"
DAY = date(2025, 2, 3)
"""When all is lent: a month later all of it would be due on a Monday."""

PEOPLE = ("--requested-by", "officer", "--approved-by", "manager")
SHOWN = ("first", "largest", "last", "instalments", "interest", "fees", "total", "costs")
"""What a quote and the sheet that is disclosed both say."""

FIGURES = ("principal", "interest", "fees", "penalty")

EARLY = 0
"""The number of a turn that is taken before anything is due."""

CommandLine = Callable[..., Any]
"""Gives a command and answers what it printed as JSON."""


@dataclass
class Life:
    """A loan of the catalogue: what is lent, and what happens on the way.

    It is paid when it is due, but for what *turns* say of an instalment. All of its
    commands are processes of their own where it is *by_process*.
    """

    file: str
    amount: str
    months: int
    turns: dict[int, Callable[[Servicing], None]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    """Events, or kinds of them, that its history tells beside payments."""
    apply: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    quote: tuple[str, ...] = ()
    """What prices it, if it is said at another time than that of the approval."""
    payout: tuple[str, ...] = ()
    rows: str = ""
    """The instalments that are agreed on for it, as lines of a file."""
    by_process: bool = False


@dataclass
class Servicing:
    """One loan of the catalogue in service."""

    life: Life
    loans: CommandLine
    asked: CommandLine
    borrower: str
    folder: Path
    ref: str = ""
    currency: str = ""
    on: date = DAY
    version: int = 0
    taken: set[int] = field(default_factory=set)
    """The instalments whose turn was taken."""
    again_on: date | None = None
    """When it is looked at next, beside the days when something is due."""

    def is_lent(self) -> None:
        """Quoted, applied for, approved, disclosed, signed and paid out."""
        file = str(FOLDER / f"{self.life.file}.toml")
        offer = read_offer(FOLDER / f"{self.life.file}.toml")
        amount, months = self.life.amount, str(self.life.months)
        price = self.life.quote or self.life.approve
        quoted = self.loans("quote", file, amount, months, "--on", str(DAY), *price)
        applied = self.loans(
            *("apply", self.borrower, f"{offer.code}:{offer.version}", amount, months),
            *self.life.apply,
        )
        self.ref, self.currency = str(applied["ref"]), offer.currency
        for kind in offer.evidence:
            self.loans("evidence", self.ref, kind, "--ref", f"E-{kind}")
        self.loans("approve", self.ref, *PEOPLE, *self.life.approve, *self.agreed_rows())
        disclosed = self.loans("disclose", self.ref)["recorded"][0]["said"]
        digest = disclosed["sheet_digest"]
        self.loans("sign", self.ref, "--contract", "C-1", "--digest", digest)
        to = f"{offer.partner}/ACCOUNT-1" if offer.partner else "account-ref"
        self.loans("disburse", self.ref, "--to", to, *self.life.payout)

        if EARLY in self.life.turns:
            self.again_on = DAY + timedelta(days=90)
        assert self.is_shown("SIGNING") == digest
        if self.life.rows:
            return
        if not self.life.payout:
            assert plan_of(self.stands()["instalments"]) == plan_of(quoted["instalments"])
        assert [disclosed[part] for part in ("principal", "interest", "fees")] == [
            quoted[part] for part in ("principal", "interest", "fees")
        ]
        assert [disclosed["sheet"][part] for part in SHOWN] == [
            quoted["sheet"][part] for part in SHOWN
        ]

    def agreed_rows(self) -> tuple[str, ...]:
        """What names the instalments that are agreed on for it, if they are."""
        if not self.life.rows:
            return ()
        file = self.folder / "rows.csv"
        file.write_text(self.life.rows)
        return ("--schedule", str(file))

    def is_shown(self, before: str) -> str:
        """The digest of the sheet that was shown last, which was *before* something."""
        shown = self.asked("disclosure", "show", self.ref)
        assert (shown["before"], shown["verifies"]) == (before, True), self.life.file
        return str(shown["digest"])

    def stands(self) -> Any:
        """The loan today, replayed from its events."""
        return self.asked("show", self.ref, "--as-of", str(self.on))

    def next_on(self) -> date | None:
        """The next day when it wants attention; None once it has ended."""
        stood = self.stands()
        days = [date.fromisoformat(row["due_on"]) for row in stood["instalments"] if left(row)]
        days += [self.again_on] if self.again_on else []
        ahead = [day for day in days if day > self.on]
        return None if stood["state"] == "CLOSED" else min(ahead)

    def is_attended_to(self) -> None:
        """What is due today is paid, or takes its turn; each figure of it is explained."""
        stood = self.stands()
        due = [row["number"] for row in due_rows(stood)]
        if not self.taken:
            self.is_explained(stood)
        if self.again_on == self.on:
            due.append(EARLY)
        for number in due:
            turn = self.life.turns.get(number)
            if turn is not None and number not in self.taken:
                self.taken.add(number)
                turn(self)
                return
        self.pays_what_is_due()

    def is_explained(self, stood: Any) -> None:
        """The lines of each figure come to what is owed."""
        lines = self.asked("explain", self.ref, "--as-of", str(self.on))["lines"]
        for name, figure in (("credit", "unapplied"), *zip(FIGURES, FIGURES, strict=True)):
            told = sum(line["amount"] for line in lines if line["figure"] == name)
            assert told == stood["balance"][figure], (self.life.file, self.on, name)

    def pays_what_is_due(self) -> None:
        """All that is due, and the penalty on it."""
        stood = self.stands()
        owed = sum(map(left, due_rows(stood))) + stood["balance"]["penalty"]
        if owed:
            self.pays(owed)

    def pays(self, amount: int, *more: str) -> Any:
        """An amount in minor units."""
        return self.loans("repay", self.ref, self.text(amount), *more)

    def text(self, amount: int) -> str:
        """An amount as staff write it."""
        return written(amount, self.currency).replace(",", "")


def left(row: Any) -> int:
    """What is still to be paid on an instalment, penalty apart."""
    parts = ("principal", "interest", "fees")
    return sum(int(row[part]) - int(row[f"{part}_paid"]) for part in parts)


def due_rows(stood: Any) -> list[Any]:
    """The instalments that are due by the day of a standing, and not yet paid."""
    return [r for r in stood["instalments"] if left(r) and r["due_on"] <= stood["as_of"]]


def plan_of(rows: list[Any]) -> list[tuple[Any, ...]]:
    """What a schedule asks for, and when."""
    return [
        (row["due_on"], row["pay_by_on"], row["principal"], row["interest"], row["fees"])
        for row in rows
    ]


# --- turns -------------------------------------------------------------------------------


def late(days: int) -> Callable[[Servicing], None]:
    """It is paid so many days late."""

    def turn(loan: Servicing) -> None:
        loan.again_on = loan.on + timedelta(days=days)

    return turn


def pays_off(loan: Servicing) -> None:
    """It is paid off by a quote of the day."""
    quoted = loan.loans("payoff", loan.ref, "--through", str(loan.on))
    loan.pays(quoted["amount"], "--payoff")


def prepays(loan: Servicing) -> None:
    """Half of what is left is paid beside what is due."""
    loan.pays_what_is_due()
    loan.pays(loan.stands()["balance"]["principal"] // 2)


def draws(loan: Servicing) -> None:
    """What is due is paid, and more is drawn within the limit."""
    loan.pays_what_is_due()
    loan.loans("draw", loan.ref, "1000.00", "--to", "account-ref")


def renews(loan: Servicing) -> None:
    """The renewal is accepted on its last day."""
    digest = ("--digest", loan.is_shown("RENEWAL"))
    renewed = loan.loans("renewal", "accept", loan.ref, "--consent", "CONSENT-1", *digest)
    assert renewed["recorded"][0]["event"] == "loan.renewed"
    loan.pays_what_is_due()


def declines(loan: Servicing) -> None:
    """The renewal is declined on its last day, and the loan falls due."""
    loan.loans("renewal", "decline", loan.ref, "--reason", "needs it no longer")
    loan.pays_what_is_due()


def converts(loan: Servicing) -> None:
    """What is owed is turned into six instalments."""
    loan.loans("convert", "offer", loan.ref, "6")
    digest = ("--digest", loan.is_shown("CONVERSION"))
    loan.loans("convert", "accept", loan.ref, "--consent", "CONSENT-1", *digest)


def pays_the_balloon(loan: Servicing) -> None:
    """The last instalment brings back what was laid over later ones that there are not."""
    rows = loan.stands()["instalments"]
    assert rows[-1]["principal"] > 5 * rows[-2]["principal"]
    loan.pays_what_is_due()


def has_grown(loan: Servicing) -> None:
    """The instalments of the second year are higher; it is paid off."""
    paid = {
        row["number"]: row["principal"] + row["interest"] for row in loan.stands()["instalments"]
    }
    assert paid[13] > paid[12] == paid[1]
    pays_off(loan)


def is_dearer_now(loan: Servicing) -> None:
    """The promotion is over: less principal owes more interest."""
    rows = {row["number"]: row for row in loan.stands()["instalments"]}
    assert rows[4]["interest"] > rows[1]["interest"]
    loan.pays_what_is_due()


def pays_principal_first(loan: Servicing) -> None:
    """Money that comes after ninety days pays principal before interest and penalty."""
    before = loan.stands()["balance"]
    assert before["penalty"] > 0 and before["interest"] > 0
    loan.pays(100_00)
    after = loan.stands()["balance"]
    assert after == {**before, "principal": before["principal"] - 100_00}
    loan.pays_what_is_due()


def is_refunded(loan: Servicing) -> None:
    """The school or shop gives back all that is left of it."""
    quoted = loan.loans("payoff", loan.ref, "--through", str(loan.on))
    loan.loans("partner-refund", loan.ref, loan.text(quoted["amount"]))


ORDER = ("--partner-order", "ORDER-1")

LATE = {"loan.went-overdue", "loan.cured"}

LIVES = [
    Life("appliance-flat", "600.00", 6, apply=ORDER),
    Life("car-balloon", "50000.00", 24, {25: pays_the_balloon}, apply=ORDER),
    Life("career-start", "10000.00", 24, {13: has_grown}, apply=("--segment", "GRADUATE")),
    Life(
        "draw-and-repay",
        "6000.00",
        6,
        {1: draws, 2: prepays, 3: draws, 4: prepays},
        {"loan.drawn"},
        payout=("--amount", "4000.00"),
        by_process=True,
    ),
    Life("eu-consumer", "600.00", 6, {2: prepays}),
    Life("farm-machinery", "20000.00", 12, apply=("--segment", "FARMER")),
    Life(
        "farm-machinery",
        "20000.00",
        12,
        apply=("--segment", "FARMER"),
        rows="due_on,principal\n2025-06-30,5000.00\n2025-11-30,15000.00\n",
    ),
    Life("freelancer", "5000.00", 6, apply=("--segment", "FREELANCER")),
    Life("graded", "3000.00", 6, approve=("--grade", "A")),
    Life("harvest", "3000.00", 4, {1: late(9)}, LATE, apply=("--segment", "FARMER")),
    Life("home-improvement-lpr", "20000.00", 18, {13: pays_off}, {"REPRICING"}),
    Life("household", "2000.00", 3, {2: late(6)}, LATE),
    Life("household", "2000.00", 3, {3: late(95), EARLY: pays_principal_first}, LATE),
    Life("in-two-wheeler", "20000.00", 6, {2: late(4)}, {"loan.fee-charged"} | LATE),
    Life("jp-card-loan", "100000", 6),
    Life("kw-consumer", "250.000", 12, {4: pays_off}),
    Life(
        "ladder-3-3",
        "3000.00",
        3,
        {3: renews},
        {"loan.renewal-offered", "loan.renewed", "loan.rate-stepped-down"},
        by_process=True,
    ),
    Life("market-stall", "1000.00", 3, {3: late(4), 6: pays_off}, LATE),
    Life("merchant-zero", "300.00", 3, apply=ORDER, by_process=True),
    Life(
        "orchard",
        "5000.00",
        12,
        {EARLY: converts},
        {"loan.conversion-offered", "loan.converted"},
        apply=("--segment", "FARMER"),
    ),
    Life(
        "regulars",
        "1000.00",
        6,
        events={"loan.rate-stepped-down"},
        apply=("--segment", "REPEAT"),
        approve=("--on-time", "14"),
        quote=("--segment", "REPEAT", "--on-time", "14"),
    ),
    Life("renewable-6-6", "2000.00", 6, {6: declines}, {"loan.renewal-declined"}),
    Life(
        "school-year-2027", "5000.00", 15, {EARLY: pays_off}, apply=("--segment", "PARENT", *ORDER)
    ),
    Life("shopkeeper", "5000.00", 6, {2: prepays}),
    Life("solar-roof", "3000.00", 12, {2: late(5)}, LATE),
    Life("stockroom", "20000.00", 6, {3: pays_off}),
    Life("street-vendor", "600.00", 1),
    Life("tuition", "5000.00", 12, {8: is_refunded}, apply=("--segment", "STUDENT", *ORDER)),
    Life("uk-personal", "1000.00", 12, {4: pays_off}),
    Life("us-personal", "1000.00", 12, {2: late(12), 5: pays_off}, {"loan.fee-charged"} | LATE),
    Life(
        "us-study-year",
        "2000.00",
        12,
        {2: draws},
        {"loan.drawn"},
        approve=("--draw", "1000.00@2025-03-10"),
        payout=("--amount", "1000.00"),
    ),
    Life("welcome", "1000.00", 6, {4: is_dearer_now}, apply=("--segment", "NEW")),
    Life("working-capital", "50000.00", 3),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of this module's own: its book begins on a day whose rules are known."""
    with running_system(tmp_path_factory.mktemp("catalogue")) as running:
        yield running


def test_every_product_of_the_catalogue_is_serviced_to_its_end(
    system: System, tmp_path: Path
) -> None:
    by_process, at_hand = system.loans, system.at_hand
    at_hand("day", "close", str(DAY - timedelta(days=1)))
    published = by_process("product", "publish", str(FOLDER))
    files = {f"{life.file}.toml" for life in LIVES}
    assert files == {file.name for file in FOLDER.glob("*.toml")}
    assert len(published) == len(files)
    borrower = {
        each: at_hand("borrower", "register", "--jurisdiction", each, "--zone", zone)["ref"]
        for each, zone in ZONES.items()
    }

    served = []
    for life in LIVES:
        jurisdiction = read_offer(FOLDER / f"{life.file}.toml").jurisdiction
        assert jurisdiction is not None
        loans = by_process if life.by_process else at_hand
        loan = Servicing(life, loans, at_hand, borrower[jurisdiction], tmp_path)
        loan.is_lent()
        served.append(loan)
    are_serviced(served, at_hand)

    sums = {loan.life.file: has_ended_in_every_view(loan) for loan in served}
    assert min(sums[file]["penalty_paid"] for file in ("harvest", "household")) > 0
    assert sums["in-two-wheeler"]["fees_paid"] == 200_00  # a hundredth at the payout
    assert sums["in-two-wheeler"]["penalty_paid"] > 0
    assert sums["us-personal"]["fees_paid"] == 30_00 + 25_00
    assert sums["eu-consumer"]["fees_paid"] > 0
    assert sums["merchant-zero"]["subsidised"] > 0
    must_hold(system.checks())
    assert events_read_elsewhere(system) == sum(loan.version for loan in served)


ZONES = {
    "CN": "Asia/Shanghai",
    "EU": "Europe/Berlin",
    "IN": "Asia/Kolkata",
    "JP": "Asia/Tokyo",
    "KW": "Asia/Kuwait",
    "UK": "Europe/London",
    "US": "America/New_York",
}


def are_serviced(served: list[Servicing], at_hand: CommandLine) -> None:
    """Day by day all is paid as it falls due, until nothing is left to do."""
    waits: list[tuple[date, int]] = []
    for number, loan in enumerate(served):
        on = loan.next_on()
        assert on is not None
        heappush(waits, (on, number))
    today = DAY
    while waits:
        on, number = heappop(waits)
        if on > today:
            at_hand("day", "close", str(on - timedelta(days=1)))
            today = on
        loan = served[number]
        loan.on = on
        loan.is_attended_to()
        following = loan.next_on()
        if following is not None:
            heappush(waits, (following, number))


def has_ended_in_every_view(loan: Servicing) -> Any:
    """What it came to: the views say so, the history tells what happened, the money adds up."""
    file = loan.life.file
    history = loan.asked("history", loan.ref)
    told = {step["event"] for step in history} | {step["said"].get("kind") for step in history}
    assert told >= loan.life.events | {"loan.closed"}, file
    loan.version = history[-1]["version"]
    since = ("--version", str(loan.version))
    page = loan.asked("show", loan.ref, *since)["found"]
    assert page["state"] == "CLOSED", file
    assert not any(page["balance"].values()), file
    assert all(row["paid_on"] for row in page["instalments"]), file
    lines = loan.asked("statement", loan.ref, *since)["found"]
    assert (lines[-1]["principal_after"], lines[-1]["owed_after"]) == (0, 0), file
    totals = page["totals"]
    assert totals["received"] == -sum(line["amount"] for line in lines if line["amount"] < 0), file
    parts = ("principal_paid", "interest_paid", "fees_paid", "penalty_paid")
    assert totals["received"] == sum(totals[part] for part in parts), file
    return totals


def events_read_elsewhere(system: System) -> int:
    """How many events of loans another system reads from Kafka, by the schemas alone."""
    read = subprocess.run(
        [
            sys.executable,
            str(ROOT / "docs/examples/outside_consumer.py"),
            system.bootstrap,
            "--until-end",
        ],
        env={**child_environment(), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    return len(read.stdout.splitlines()) - 1
