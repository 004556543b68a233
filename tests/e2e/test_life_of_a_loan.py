"""A loan from command to every view on the running system, and who else reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, time, timedelta
from uuid import UUID, uuid4

import pytest

from domain.base.calendar import add_months
from domain.commands import borrowers, loans
from infra import queries
from infra.answers import Case, Flows, LoanPage, Tracked
from infra.settings import ROOT, child_environment
from infra.verify import check_rows
from tests.e2e.staff import OFFER, PEOPLE, Staff, at_work
from tests.e2e.system import DEADLINE_SECONDS, System, lines_of, must_hold, wait_until

pytestmark = pytest.mark.timeout(600)

INSTALMENT = 1_035_29
"""Of 6,000.00 over six months at one per cent a month."""

STAGES = ["EVIDENCE", "DECISION", "DISCLOSURE", "SIGNING", "DISBURSEMENT", "SERVICING"]


@pytest.fixture
def staff(system: System) -> Iterator[Staff]:
    with at_work(system) as someone:
        yield someone


def flows(staff: Staff) -> Flows:
    """What flowed in yuan since the book began."""
    found = queries.portfolio(staff.conn, staff.on).found.flows_to_date
    nothing = Flows("CNY", *[0] * (len(Flows.__dataclass_fields__) - 1))
    return next((flow for flow in found if flow.currency == "CNY"), nothing)


def flowed(before: Flows, after: Flows) -> dict[str, int]:
    """What flowed between, but for what did not."""
    earlier, later = asdict(before), asdict(after)
    return {name: later[name] - earlier[name] for name in later if later[name] != earlier[name]}


@dataclass
class Life:
    """A loan of 6,000.00 over six months, chapter by chapter."""

    staff: Staff
    before: Flows
    borrower: UUID
    loan: UUID
    due: list[date]
    """The day of the payout, then the due dates as first agreed."""

    def page(self) -> LoanPage:
        """The loan as staff see it today, in every view up to its last event."""
        self.staff.shown_everywhere(self.loan)
        found = queries.show(self.staff.conn, self.loan, self.staff.on).found
        assert found is not None
        return found

    def tracked(self) -> Tracked:
        """The application as staff see it today."""
        self.staff.shown("tracker", self.loan)
        found = queries.tracker(self.staff.conn, self.loan, self.staff.on).found
        assert found is not None
        return found

    def is_applied_for_and_paid_out(self) -> None:
        staff, loan = self.staff, self.loan
        stage = self.tracked().stage
        assert (stage.stage, stage.missing) == ("EVIDENCE", ["IDENTITY", "INCOME"])
        for kind in OFFER.evidence:
            staff.do(
                loans.add_evidence, loan_id=loan, kind=kind, source="BORROWER", evidence_ref="E-1"
            )
        staff.pay_out(loan)

        page = self.page()
        assert [entered.stage for entered in self.tracked().stages] == STAGES
        assert flowed(self.before, flows(staff)) == {"disbursed": 6_000_00}
        assert [(row.due_on, row.left) for row in page.instalments] == [
            *[(on, INSTALMENT) for on in self.due[1:6]],
            (self.due[6], INSTALMENT + 1),
        ]

    def is_reminded_of_and_paid_in_time(self) -> None:
        staff, loan = self.staff, self.loan
        staff.close_until(self.due[1] - timedelta(days=8))
        assert reminder_of(staff, self.borrower) == [(loan, 1, INSTALMENT)]

        staff.close_until(self.due[1] - timedelta(days=1))
        staff.repay(loan, "P-1", INSTALMENT)

        assert self.page().days_past_due == 0
        assert reminder_of(staff, self.borrower) == []
        assert statement_of(staff, loan)[-1] == ("repayment", "P-1", -INSTALMENT, 5_024_71)

    def is_late_with_a_promise_a_hold_and_a_fee(self) -> None:
        staff, loan = self.staff, self.loan
        staff.close_until(self.due[2] + timedelta(days=2))
        promised_on = self.due[2] + timedelta(days=5)
        staff.do(
            borrowers.promise,
            promise_ref="PP-1",
            loan_id=loan,
            amount=INSTALMENT,
            promised_on=promised_on,
        )
        hold = {"borrower_id": self.borrower, "hold_ref": "H-1"}
        staff.do(borrowers.set_hold, **hold, kind="DISPUTE", reason="says it was paid")

        staff.shown("collections", loan, self.borrower)
        [case] = cases_of(staff, loan)
        assert (case.days_past_due, case.bucket, case.amount_overdue) == (3, "M1", INSTALMENT)
        assert (case.holds, case.contact) == (["DISPUTE"], None)
        assert [(each.promise_ref, each.state) for each in case.promises] == [("PP-1", "OPEN")]

        staff.do(borrowers.lift_hold, **hold, reason="it was not")
        staff.do(loans.charge_fee, loan_id=loan, kind="LATE_FEE", fee_ref="F-1")
        staff.do(
            loans.waive_fee, loan_id=loan, fee_ref="F-1", amount=50_00, reason="once", **PEOPLE
        )

        staff.shown("collections", loan, self.borrower)
        [case] = cases_of(staff, loan)
        assert case.holds == []
        assert case.contact is not None

    def is_paid_late_reversed_and_paid_with_an_earlier_date(self) -> None:
        staff, loan = self.staff, self.loan
        staff.close_until(self.due[2] + timedelta(days=3))
        staff.repay(loan, "P-2", INSTALMENT)
        staff.close_until(self.due[2] + timedelta(days=9))
        staff.shown("collections", loan, self.borrower)
        assert cases_of(staff, loan) == []

        staff.do(loans.reverse, loan_id=loan, payment_ref="P-2", reason="bounced")

        assert self.page().days_past_due == 10
        [case] = cases_of(staff, loan)
        assert (case.days_past_due, case.bucket) == (10, "M1")
        assert [promise.state for promise in case.promises] == ["BROKEN"]
        bounced_on = staff.on

        staff.close_until(self.due[2] + timedelta(days=11))
        staff.repay(loan, "P-2b", INSTALMENT, on=self.due[2])

        assert self.page().days_past_due == 0
        assert cases_of(staff, loan) == []
        [as_known_then] = cases_of(staff, loan, bounced_on)
        assert as_known_then.days_past_due == 10

    def is_given_ten_days_more(self) -> None:
        staff, loan = self.staff, self.loan
        moved_to = self.due[3] + timedelta(days=10)
        staff.do(loans.move_due_date, loan_id=loan, instalment=3, due_on=moved_to, reason="asked")
        staff.close_until(moved_to - timedelta(days=1))

        page = self.page()

        assert (page.days_past_due, page.next_due_on) == (0, moved_to)
        assert reminder_of(staff, self.borrower) == [(loan, 3, INSTALMENT)]
        staff.repay(loan, "P-3", INSTALMENT)

    def is_paid_off_with_too_much_and_closed_by_a_refund(self) -> None:
        staff, loan = self.staff, self.loan
        staff.close_until(self.due[4] - timedelta(days=1))
        assert staff.loan(loan).payoff(staff.on) == 3_044_78 + 30_45
        staff.repay(loan, "P-4", 3_100_00, payoff=True)
        page = self.page()
        assert (page.state, page.balance.principal, page.balance.unapplied) == ("SETTLED", 0, 24_77)

        staff.do(loans.refund, loan_id=loan, amount=24_77, refund_ref="R-1", **PEOPLE)

        page = self.page()
        assert (page.state, page.balance.unapplied) == ("CLOSED", 0)


def test_a_loan_is_followed_from_its_application_to_its_closing(staff: Staff) -> None:
    before = flows(staff)
    borrower = staff.register()
    loan = staff.do(
        loans.apply_for,
        loan_id=uuid4(),
        borrower_id=borrower,
        product_code=OFFER.code,
        product_version=1,
        amount=6_000_00,
        term_months=6,
    )
    due = [add_months(staff.on, number) for number in range(7)]
    life = Life(staff, before, borrower, loan, due)

    life.is_applied_for_and_paid_out()
    life.is_reminded_of_and_paid_in_time()
    life.is_late_with_a_promise_a_hold_and_a_fee()
    life.is_paid_late_reversed_and_paid_with_an_earlier_date()
    life.is_given_ten_days_more()
    life.is_paid_off_with_too_much_and_closed_by_a_refund()

    assert statement_of(staff, loan) == [
        ("disbursement", f"D-{loan}", 6_000_00, 6_000_00),
        ("repayment", "P-1", -INSTALMENT, 5_024_71),
        ("fee", "F-1", 50_00, 5_024_71),
        ("waiver", "F-1", -50_00, 5_024_71),
        ("repayment", "P-2", -INSTALMENT, 4_039_67),
        ("reversal", "P-2", INSTALMENT, 5_024_71),
        ("repayment", "P-2b", -INSTALMENT, 4_039_67),
        ("repayment", "P-3", -INSTALMENT, 3_044_78),
        ("repayment", "P-4", -3_100_00, 0),
        ("refund", "R-1", 24_77, 0),
    ]
    moved = flowed(before, flows(staff))
    kept = moved["received"] - moved["reversed"] - moved["refunded"]
    assert kept == 3 * INSTALMENT + 3_044_78 + 30_45
    assert kept == moved["principal_repaid"] + moved["interest_repaid"]
    assert moved["disbursed"] == moved["principal_repaid"] == 6_000_00
    assert moved["fees_charged"] == moved["fees_waived"] == 50_00


def reminder_of(staff: Staff, borrower: UUID) -> list[tuple[UUID, int, int]]:
    """What a borrower is reminded of today: loan, instalment, amount."""
    found = queries.reminders(staff.conn, staff.book.policies, staff.on).found
    return [
        (row.loan_id, row.number, row.amount_left)
        for reminder in found
        if reminder.borrower_id == borrower
        for row in reminder.instalments
    ]


def statement_of(staff: Staff, loan: UUID) -> list[tuple[str, str, int, int]]:
    """Kind, reference, amount and principal after it of each line."""
    lines = queries.statement(staff.conn, loan, staff.on).found
    return [(line.kind, line.ref, line.amount, line.principal_after) for line in lines]


def cases_of(staff: Staff, loan: UUID, on: date | None = None) -> list[Case]:
    """What collectors see of a loan at ten in the morning."""
    zone = staff.opened.settings.zone
    rules = staff.book.rules
    found = queries.collections(staff.conn, rules, on or staff.on, time(10), zone).found
    return [case for case in found if case.loan_id == loan]


def test_a_loan_that_is_written_off_stays_so_when_money_is_recovered(staff: Staff) -> None:
    loan = staff.lend()
    staff.shown("portfolio", loan)
    before = flows(staff)
    staff.close_until(add_months(staff.on, 1) + timedelta(days=64))
    staff.shown_everywhere(loan)
    [case] = cases_of(staff, loan)
    assert (case.days_past_due, case.bucket, case.instalments_overdue) == (65, "M3", 3)

    staff.do(loans.write_off, loan_id=loan, reason="uncollectable", **PEOPLE)
    staff.repay(loan, "REC-1", 300_00, source="GUARANTOR")

    staff.shown_everywhere(loan)
    page = queries.show(staff.conn, loan, staff.on).found
    assert page is not None
    assert (page.state, page.totals.recovered, page.balance.principal) == ("WRITTEN_OFF", 300_00, 0)
    assert cases_of(staff, loan) == []
    assert statement_of(staff, loan)[-1][:3] == ("recovery", "REC-1", -300_00)
    moved = flowed(before, flows(staff))
    assert moved["principal_written_off"] == 1_200_00
    assert moved["recovered"] == 300_00
    assert "received" not in moved


def test_another_system_reads_every_loan_event_by_the_published_schemas_alone(
    system: System, staff: Staff
) -> None:
    staff.shown("statement", staff.lend())
    [(events, streams)] = system.sql(
        "SELECT count(*), count(DISTINCT originator_id) FROM store.book_events"
        " WHERE topic LIKE 'loan.%%'"
    )

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
    *printed, summary = read.stdout.splitlines()
    assert len(printed) == events
    assert summary == f"{events} events of {streams} streams, without a gap; 0 arrived again"


def test_two_processes_of_one_view_share_its_partitions_and_the_rows_stay_right(
    system: System, staff: Staff
) -> None:
    lent = [staff.lend() for _ in range(12)]
    second = system.start("consumers.statement", log="statement-second")
    try:
        wait_until(
            lambda: partitions(system, "statement-second") == partitions(system, "statement") == 6,
            "each has half of the partitions",
        )
        for number, loan in enumerate(lent):
            staff.repay(loan, f"both-{number}", 10_00)
        staff.shown("statement", *lent)
        second.terminate()
        assert second.wait(DEADLINE_SECONDS) == 0
        wait_until(lambda: partitions(system, "statement") == 12, "the first has all again")
        for number, loan in enumerate(lent):
            staff.repay(loan, f"one-{number}", 10_00)
        staff.shown("statement", *lent)
    finally:
        second.kill()
        second.wait()

    for number, loan in enumerate(lent):
        refs = [ref for _, ref, _, _ in statement_of(staff, loan)]
        assert refs == [f"D-{loan}", f"both-{number}", f"one-{number}"]
    rows = check_rows(staff.conn, staff.book)
    assert rows.holds, rows.faults


def partitions(system: System, log: str) -> int:
    """How many partitions a projector took last, by its log."""
    file = system.settings.logs / f"{log}.log"
    said = [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]
    taken = [line["partitions"] for line in said if line["event"] == "positioned"]
    return taken[-1] if taken else 0


def test_the_invariants_hold_on_what_all_this_left_behind(system: System, staff: Staff) -> None:
    staff.lend()

    must_hold(system.checks())
    assert len(lines_of(system.settings.home / "journal.jsonl")) > 10
