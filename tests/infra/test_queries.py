"""What the views answer, on real PostgreSQL, for today and for any past day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.loan.as_of import known, standing
from domain.loan.loan import Loan
from domain.loan.state import LeftBook
from infra import borrower_queries, queries
from infra.answers import Case, LoanPage, Reminder
from infra.freshness import freshness, wait_for
from projections import collections
from tests.domain.story import CLASSES, LEVELS, sell, take_back, write_off
from tests.infra.views_at_work import (
    FEB_15,
    JAN_15,
    POLICIES,
    RULES,
    ViewsAtWork,
    act,
    applied,
    borrower,
    in_currency,
    lent,
    loan_id,
    repay,
    views_at_work,
)

INSTALMENT = 86_07


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def days(count: int) -> timedelta:
    return timedelta(days=count)


# --- reminders ------------------------------------------------------------------------


def to_remind(at_work: ViewsAtWork, on: date) -> list[Reminder]:
    return queries.reminders(at_work.conn, POLICIES, on).found


def reminded(at_work: ViewsAtWork, on: date) -> list[tuple[str, int, int, str | None]]:
    """Loan, instalment, offset and why not, of everything planned on a day."""
    answer = queries.reminders(at_work.conn, POLICIES, on, include_cancelled=True)
    return [
        (row.loan_ref, row.number, row.offset_days, row.cancelled)
        for reminder in answer.found
        for row in reminder.instalments
    ]


@pytest.mark.parametrize("offset", [-7, -3, -1, 0, 1, 3, 7])
def test_an_unpaid_instalment_is_reminded_of_on_every_day_of_the_plan(
    at_work: ViewsAtWork, offset: int
) -> None:
    at_work.show(borrower(), lent())

    planned = reminded(at_work, FEB_15 + days(offset))

    assert planned == [("L-1", 1, offset, None)]


def test_a_day_that_nobody_planned_is_made_up_for_while_the_plan_has_days_left(
    at_work: ViewsAtWork,
) -> None:
    at_work.show(borrower(), lent())

    def made_up(since: int, on: int) -> list[tuple[int, date | None, str | None]]:
        answer = queries.reminders(
            at_work.conn,
            POLICIES,
            FEB_15 + days(on),
            include_cancelled=True,
            since=FEB_15 + days(since),
        )
        return [
            (row.offset_days, row.made_up_for, row.cancelled)
            for reminder in answer.found
            for row in reminder.instalments
        ]

    assert made_up(-4, -2) == [(-3, FEB_15 - days(3), None)]
    assert made_up(-1, 0) == [(0, None, None)]
    assert made_up(-3, -2) == []
    assert made_up(6, 9) == [(7, FEB_15 + days(7), "the plan was over")]


def test_on_other_days_nobody_is_reminded(at_work: ViewsAtWork) -> None:
    at_work.show(borrower(), lent())

    planned = [reminded(at_work, FEB_15 + days(offset)) for offset in (-8, -5, 2, 8)]

    assert planned == [[], [], [], []]


def test_instalments_of_two_loans_on_a_day_are_one_reminder_to_their_borrower(
    at_work: ViewsAtWork,
) -> None:
    at_work.show(
        borrower(),
        lent("L-1"),
        lent("L-2"),
        lent("L-3", terms=in_currency("EUR")),
        lent("L-4", of="Bo"),
    )

    found = to_remind(at_work, FEB_15)

    merged = {len(reminder.instalments): reminder.totals for reminder in found}
    assert merged == {3: {"CNY": 2 * INSTALMENT, "EUR": INSTALMENT}, 1: {"CNY": INSTALMENT}}


def test_a_date_moved_so_near_that_planned_days_have_passed_is_still_reminded_of(
    at_work: ViewsAtWork,
) -> None:
    loan = lent()
    loan.move_due_date(act(date(2025, 2, 1)), instalment=1, due_on=date(2025, 2, 3), reason="asked")
    at_work.show(borrower(), loan)

    planned = [reminded(at_work, date(2025, 2, day)) for day in (1, 2, 3, 4, 8)]

    assert planned == [
        [("L-1", 1, -3, None)],
        [("L-1", 1, -1, None)],
        [("L-1", 1, 0, None)],
        [("L-1", 1, 1, None)],
        [],
    ]


def test_before_a_date_was_moved_the_old_date_was_reminded_of(at_work: ViewsAtWork) -> None:
    loan = lent()
    moved_on, due_on = date(2025, 2, 10), date(2025, 3, 1)
    loan.move_due_date(act(moved_on), instalment=1, due_on=due_on, reason="asked")
    at_work.show(borrower(), loan)

    planned = [reminded(at_work, day) for day in (date(2025, 2, 8), FEB_15, date(2025, 2, 22))]

    assert planned == [[("L-1", 1, -7, None)], [], [("L-1", 1, -7, None)]]


def test_an_instalment_paid_by_then_is_not_reminded_of(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, date(2025, 2, 13))
    at_work.show(borrower(), loan)

    planned = [reminded(at_work, FEB_15 + days(offset)) for offset in (-3, -1, 0)]

    assert planned == [[("L-1", 1, -3, None)], [("L-1", 1, -1, "paid")], [("L-1", 1, 0, "paid")]]
    assert to_remind(at_work, FEB_15) == []


def test_what_is_left_of_an_instalment_is_reminded_of(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", 80_00, date(2025, 2, 13))
    at_work.show(borrower(), loan)

    [reminder] = to_remind(at_work, FEB_15)

    assert reminder.totals == {"CNY": 6_07}


def test_a_payment_that_bounced_is_reminded_of_again(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, date(2025, 2, 13))
    loan.reverse(act(date(2025, 2, 17)), payment_ref="P-1", reason="bounced")
    at_work.show(borrower(), loan)

    planned = [reminded(at_work, FEB_15 + days(offset)) for offset in (1, 3)]

    assert planned == [[("L-1", 1, 1, "paid")], [("L-1", 1, 3, None)]]


def test_a_payment_learned_of_later_does_not_change_what_was_sent(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, on=date(2025, 2, 13), known_on=date(2025, 2, 17))
    at_work.show(borrower(), loan)

    planned = [reminded(at_work, FEB_15), reminded(at_work, FEB_15 + days(3))]

    assert planned == [[("L-1", 1, 0, None)], [("L-1", 1, 3, "paid")]]


def test_a_loan_closed_early_is_not_reminded_of(at_work: ViewsAtWork) -> None:
    loan = lent()
    on = date(2025, 2, 10)
    loan.repay(
        act(on),
        amount=loan.payoff(on),
        currency="CNY",
        received_on=on,
        payment_ref="P-1",
        payoff=True,
    )
    at_work.show(borrower(), loan)

    assert to_remind(at_work, FEB_15) == []


def test_a_loan_written_off_is_not_reminded_of(at_work: ViewsAtWork) -> None:
    loan = lent()
    loan.write_off(
        act(date(2025, 2, 17)), reason="fraud", requested_by="collector", approved_by="manager"
    )
    at_work.show(borrower(), loan)

    planned = reminded(at_work, FEB_15 + days(3))

    assert planned == [("L-1", 1, 3, "written off")]


def test_a_hold_keeps_reminders_back_while_it_stands(at_work: ViewsAtWork) -> None:
    ada = borrower()
    rule = POLICIES.hold_rule("CEASE", JAN_15)
    ada.set_hold(act(date(2025, 2, 9)), hold_ref="H-1", kind="CEASE", reason="letter", rule=rule)
    ada.lift_hold(act(FEB_15), hold_ref="H-1", reason="withdrawn")
    at_work.show(ada, lent())

    planned = [reminded(at_work, FEB_15 + days(offset)) for offset in (-7, -3, -1, 0)]

    assert planned == [
        [("L-1", 1, -7, None)],
        [("L-1", 1, -3, "hold CEASE")],
        [("L-1", 1, -1, "hold CEASE")],
        [("L-1", 1, 0, None)],
    ]


def test_a_hold_on_one_debt_keeps_back_no_reminder_of_another(at_work: ViewsAtWork) -> None:
    ada, rule = borrower(), POLICIES.hold_rule("CEASE", JAN_15)
    for ref, loan_ids in (("H-1", [uuid4()]), ("H-2", [loan_id("L-1")])):
        ada.set_hold(
            act(date(2025, 2, 9 if ref == "H-1" else 13)),
            hold_ref=ref,
            kind="CEASE",
            reason="letter",
            rule=rule,
            loan_ids=loan_ids,
        )
    at_work.show(ada, lent())

    planned = [reminded(at_work, FEB_15 + days(offset)) for offset in (-3, -1)]

    assert planned == [[("L-1", 1, -3, None)], [("L-1", 1, -1, "hold CEASE")]]


def test_a_dispute_keeps_no_reminder_back(at_work: ViewsAtWork) -> None:
    ada = borrower()
    rule = POLICIES.hold_rule("DISPUTE", JAN_15)
    ada.set_hold(act(date(2025, 2, 9)), hold_ref="H-1", kind="DISPUTE", reason="fee", rule=rule)
    at_work.show(ada, lent())

    assert reminded(at_work, FEB_15) == [("L-1", 1, 0, None)]


# --- collections ----------------------------------------------------------------------


def cases(
    at_work: ViewsAtWork, on: date, at: time = time(9), zone: str = "Asia/Shanghai"
) -> list[Case]:
    return queries.collections(at_work.conn, RULES, on, at, zone).found


@pytest.mark.parametrize(
    ("dpd", "bucket", "strategy"),
    [
        (1, "M1", "soft reminder and call"),
        (30, "M1", "soft reminder and call"),
        (31, "M2", "negotiate a plan"),
        (180, "M6", "agency or legal"),
        (181, "M7", "write-off review"),
    ],
)
def test_days_past_due_on_the_day_asked_for_decide_bucket_and_strategy(
    at_work: ViewsAtWork, dpd: int, bucket: str, strategy: str
) -> None:
    at_work.show(borrower(), lent())

    [case] = cases(at_work, FEB_15 + days(dpd))

    assert (case.days_past_due, case.bucket, case.strategy) == (dpd, bucket, strategy)


def test_on_its_due_date_a_loan_is_not_late(at_work: ViewsAtWork) -> None:
    at_work.show(borrower(), lent())

    assert cases(at_work, FEB_15) == []


def test_what_is_overdue_are_the_instalments_whose_day_has_passed(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", 6_07, date(2025, 3, 1))
    at_work.show(borrower(), loan)

    [case] = cases(at_work, date(2025, 3, 16))

    assert (case.instalments_overdue, case.amount_overdue) == (2, 2 * INSTALMENT - 6_07)
    assert case.oldest_unpaid_on == FEB_15


def test_a_past_day_is_answered_as_it_was_known_then(at_work: ViewsAtWork) -> None:
    loan = lent()
    at_work.show(borrower(), loan)
    before = [cases(at_work, FEB_15 + days(dpd)) for dpd in (5, 15, 25)]

    repay(loan, "P-1", INSTALMENT, on=date(2025, 2, 14), known_on=FEB_15 + days(10))
    loan.reverse(act(FEB_15 + days(20)), payment_ref="P-1", reason="bounced")
    at_work.show(loan)
    after = [cases(at_work, FEB_15 + days(dpd)) for dpd in (5, 15, 25)]

    assert [len(found) for found in before] == [1, 1, 1]
    assert [[case.days_past_due for case in found] for found in after] == [[5], [], [25]]


def test_a_hold_that_forbids_collection_stands_in_the_list_and_leaves_no_time_to_call(
    at_work: ViewsAtWork,
) -> None:
    ada = borrower()
    rule = POLICIES.hold_rule("DISPUTE", JAN_15)
    ada.set_hold(act(date(2025, 2, 20)), hold_ref="H-1", kind="DISPUTE", reason="fee", rule=rule)
    at_work.show(ada, lent())

    [before], [after] = cases(at_work, date(2025, 2, 19)), cases(at_work, date(2025, 2, 20))

    assert (before.holds, before.contact is None) == ([], False)
    assert (after.holds, after.contact) == (["DISPUTE"], None)


def test_a_hold_on_one_debt_leaves_the_time_to_call_about_another(at_work: ViewsAtWork) -> None:
    ada, rule = borrower(), POLICIES.hold_rule("DISPUTE", JAN_15)
    ada.set_hold(
        act(JAN_15), hold_ref="H-1", kind="DISPUTE", reason="fee", rule=rule, loan_ids=[uuid4()]
    )
    at_work.show(ada, lent())

    [case] = cases(at_work, date(2025, 2, 20))

    assert (case.holds, case.contact is None) == ([], False)


# --- holds ------------------------------------------------------------------------------


def test_the_holds_that_stand_are_listed_with_their_ends_those_that_end_first_first(
    at_work: ViewsAtWork,
) -> None:
    ada, until = borrower(), date(2025, 2, 1)
    for ref, end in (("H-1", None), ("H-2", until), ("H-3", date(2025, 1, 20))):
        rule = POLICIES.hold_rule("DISPUTE", JAN_15)
        ada.set_hold(
            act(JAN_15), hold_ref=ref, kind="DISPUTE", reason="fee", rule=rule, until_on=end
        )
    ada.lift_over(act(date(2025, 1, 19)), date(2025, 1, 20))
    at_work.show(ada)

    def listed(on: date, **asked: Any) -> list[tuple[str, int | None]]:
        found = borrower_queries.holds(at_work.conn, on, **asked).found
        return [(each.hold_ref, each.days_left) for each in found]

    assert listed(JAN_15) == [("H-3", 5), ("H-2", 17), ("H-1", None)]
    assert listed(date(2025, 1, 20)) == [("H-2", 12), ("H-1", None)]
    assert listed(JAN_15, ends_within=5) == [("H-3", 5)]
    assert listed(JAN_15, kind="CEASE") == []


def test_promises_stand_as_they_stood_on_the_day(at_work: ViewsAtWork) -> None:
    ada, loan = borrower(), lent()
    for ref, received in (("kept", 50_00), ("broken", 10_00)):
        ada.promise(
            act(date(2025, 2, 20)),
            promise_ref=ref,
            loan_id=loan.id,
            amount=50_00,
            currency="CNY",
            promised_on=date(2025, 2, 25),
        )
        ada.assess_promise(act(date(2025, 2, 26)), promise_ref=ref, received=received)
    at_work.show(ada, loan)

    states = [
        {promise.promise_ref: promise.state for promise in case.promises}
        for day in (19, 20, 25, 26)
        for case in cases(at_work, date(2025, 2, day))
    ]

    still_open = {"broken": "OPEN", "kept": "OPEN"}
    assert states == [{}, still_open, still_open, {"broken": "BROKEN", "kept": "KEPT"}]


def test_a_borrower_may_be_called_when_it_is_day_wherever_they_may_be(at_work: ViewsAtWork) -> None:
    zones = ("America/New_York", "America/Los_Angeles")
    at_work.show(borrower("Bo", "US", zones), lent(of="Bo"))

    [early] = cases(at_work, date(2025, 3, 3), time(8), "America/New_York")
    [noon] = cases(at_work, date(2025, 3, 3), time(12), "America/New_York")

    assert early.contact is not None
    assert early.contact.period.start_at == datetime(2025, 3, 3, 16, tzinfo=UTC)
    assert early.contact.period.end_at == datetime(2025, 3, 4, 2, tzinfo=UTC)
    assert [str(local.start_at.time()) for local in early.contact.local] == ["11:00:00", "08:00:00"]
    assert not early.contact.open_now
    assert noon.contact is not None
    assert noon.contact.open_now


def test_a_whole_book_arriving_at_once_is_answered_like_a_single_loan(at_work: ViewsAtWork) -> None:
    names = [f"number {number}" for number in range(60)]
    at_work.show(*(borrower(name) for name in names), *(lent(name, of=name) for name in names))

    found = cases(at_work, FEB_15 + days(1))

    assert sorted(case.loan_ref for case in found) == sorted(names)
    assert {(*case.zones, case.bucket, case.amount_overdue) for case in found} == {
        ("Asia/Shanghai", "M1", INSTALMENT)
    }
    assert len(to_remind(at_work, FEB_15)) == 60
    assert queries.portfolio(at_work.conn, JAN_15).found.cells[0].loans == 60


# --- tracker --------------------------------------------------------------------------


def test_an_application_is_tracked_stage_by_stage(at_work: ViewsAtWork) -> None:
    loan = applied(evidence=("ID", "INCOME"))
    for day, kind in ((17, "ID"), (18, "INCOME")):
        loan.add_evidence(
            act(date(2025, 1, day), "officer"),
            kind=kind,
            source="upload",
            evidence_ref=kind,
            levels=LEVELS,
        )
    loan.decline(act(date(2025, 1, 22)), reasons=["INCOME_TOO_LOW"], decided_by="officer")
    at_work.show(loan)

    found = queries.tracker(at_work.conn, loan.id, date(2025, 2, 1)).found

    assert found is not None
    assert [
        (stage.stage, stage.entered_on.day, stage.left_on and stage.left_on.day, stage.late)
        for stage in found.stages
    ] == [("EVIDENCE", 15, 18, False), ("DECISION", 18, 22, True), ("DECLINED", 22, None, False)]
    assert found.stage.reasons == ["INCOME_TOO_LOW"]


def test_on_a_past_day_an_application_is_where_it_then_was(at_work: ViewsAtWork) -> None:
    loan = applied(evidence=("ID", "INCOME"))
    loan.add_evidence(
        act(date(2025, 1, 17)), kind="ID", source="upload", evidence_ref="ID", levels=LEVELS
    )
    loan.withdraw(act(date(2025, 1, 19)), reason="found better")
    at_work.show(loan)

    def missing(day: int) -> list[str] | None:
        found = queries.tracker(at_work.conn, loan.id, date(2025, 1, day)).found
        return None if found is None else found.stage.missing

    assert [missing(day) for day in (14, 15, 18, 19)] == [None, ["ID", "INCOME"], ["INCOME"], []]


def test_applications_past_their_service_level_come_first(at_work: ViewsAtWork) -> None:
    slow = applied("slow", evidence=("ID",))
    quick = applied("quick", on=date(2025, 1, 19), evidence=("ID",))
    done = lent("done")
    at_work.show(slow, quick, done)

    def listed(on: date, *, late_only: bool = False) -> list[tuple[str, str, bool]]:
        answer = queries.applications(at_work.conn, on, late_only=late_only)
        return [(row.loan_ref, row.stage, row.late) for row in answer.found]

    assert listed(date(2025, 1, 20)) == [("slow", "EVIDENCE", False), ("quick", "EVIDENCE", False)]
    assert listed(date(2025, 1, 21)) == [("slow", "EVIDENCE", True), ("quick", "EVIDENCE", False)]
    assert listed(date(2025, 1, 21), late_only=True) == [("slow", "EVIDENCE", True)]


def test_an_application_decided_since_is_still_in_the_list_of_a_past_day(
    at_work: ViewsAtWork,
) -> None:
    loan = applied()
    loan.decline(act(date(2025, 1, 18)), reasons=["FRAUD"], decided_by="officer")
    at_work.show(loan)

    def listed(day: int, stage: str | None = None) -> list[str]:
        answer = queries.applications(at_work.conn, date(2025, 1, day), stage)
        return [row.loan_ref for row in answer.found]

    assert (listed(17), listed(18)) == (["L-1"], [])
    assert (listed(17, "DECLINED"), listed(18, "DECLINED")) == ([], ["L-1"])


# --- one loan -------------------------------------------------------------------------


def page(at_work: ViewsAtWork, loan: Loan, on: date) -> LoanPage:
    found = queries.show(at_work.conn, loan.id, on).found
    assert found is not None
    return found


def test_a_loan_is_shown_as_its_stream_knows_it(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, FEB_15)
    repay(loan, "P-2", 50_00, date(2025, 3, 20))
    at_work.show(loan)

    shown = page(at_work, loan, date(2025, 3, 20))

    assert shown.balance == loan.balance
    assert (shown.state, shown.bucket, shown.days_past_due) == ("ACTIVE", loan.bucket, 5)
    assert [vars(row) for row in shown.instalments] == [vars(row) for row in loan.instalments]
    assert (shown.totals.received, shown.totals.interest_paid) == (INSTALMENT + 50_00, 5_00 + 4_59)
    assert (shown.oldest_unpaid_on, shown.next_due_on) == (date(2025, 3, 15), date(2025, 4, 15))
    assert shown.terms.annual_rate == loan.annual_rate


def test_a_loan_is_shown_as_it_stood_before_a_reversal(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, FEB_15)
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")
    at_work.show(loan)

    before, after = page(at_work, loan, date(2025, 2, 19)), page(at_work, loan, date(2025, 2, 20))

    assert (before.days_past_due, before.totals.received) == (0, INSTALMENT)
    assert before.instalments[0].paid_on == FEB_15
    assert (after.days_past_due, after.totals.received) == (5, 0)
    assert (after.bucket, after.instalments[0].paid_on) == ("M1", None)


def test_a_loan_that_left_the_book_is_shown_with_its_claim_as_its_stream_knows_it(
    at_work: ViewsAtWork,
) -> None:
    days_of_it = [date(2025, 2, 1), date(2025, 2, 10), FEB_15, date(2025, 2, 20), date(2025, 3, 1)]
    lost, taken, again, back, gone = days_of_it
    loan = lent()
    write_off(loan, lost)
    take_back(loan, "write-off", taken)
    write_off(loan, again)
    repay(loan, "R-1", 300_00, back)
    sell(loan, gone, price=100_00)
    events: list[Any] = list(loan.pending_events)
    at_work.show(loan)

    for day in (JAN_15, *days_of_it):
        stood = standing(known(events, day), day)
        assert stood is not None
        shown = page(at_work, loan, day)
        assert (shown.state, shown.left_book) == (stood.state, stood.left_book), day
    assert page(at_work, loan, back).left_book == LeftBook(
        again, None, 1_005_00, 300_00, 705_00, None
    )
    assert page(at_work, loan, gone).bucket is None  # what it is called while it runs


def test_an_application_is_shown_without_instalments(at_work: ViewsAtWork) -> None:
    loan = applied()
    at_work.show(loan)

    shown = page(at_work, loan, JAN_15)

    assert (shown.state, shown.terms.amount, shown.instalments) == ("APPLIED", 1_000_00, [])
    assert queries.show(at_work.conn, loan.id, JAN_15 - days(1)).found is None


def test_a_statement_adds_up_to_the_balance(at_work: ViewsAtWork) -> None:
    loan = lent()
    repay(loan, "P-1", INSTALMENT, FEB_15)
    repay(loan, "P-2", INSTALMENT, on=date(2025, 2, 10), known_on=date(2025, 2, 18))
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")
    at_work.show(loan)

    lines = queries.statement(at_work.conn, loan.id, date(2025, 2, 20)).found

    assert [(line.kind, line.amount, line.reallocated) for line in lines] == [
        ("disbursement", 1_000_00, 0),
        ("repayment", -INSTALMENT, 0),
        ("repayment", -INSTALMENT, 1),
        ("reversal", INSTALMENT, 0),
    ]
    running = [sum(line.principal for line in lines[: count + 1]) for count in range(len(lines))]
    assert [line.principal_after for line in lines] == running
    assert running[-1] == loan.balance.principal
    assert [line.kind for line in queries.statement(at_work.conn, loan.id, FEB_15).found] == [
        "disbursement",
        "repayment",
    ]


# --- the book -------------------------------------------------------------------------


def test_the_book_is_counted_by_state_bucket_and_currency_on_any_day(at_work: ViewsAtWork) -> None:
    late, good, euro = lent("late"), lent("good"), lent("euro", terms=in_currency("EUR"))
    repay(good, "P-1", INSTALMENT, FEB_15)
    repay(euro, "P-2", INSTALMENT, FEB_15)
    for loan in (late, good, euro):
        loan.attend(act(date(2025, 2, 16)))
    at_work.show(late, good, euro, applied("new", on=FEB_15))

    def cells(on: date) -> list[tuple[str, str, str, int, int]]:
        book = queries.portfolio(at_work.conn, on).found
        return [(c.currency, c.state, c.bucket, c.loans, c.principal) for c in book.cells]

    left = 1_000_00 - 81_07
    assert cells(date(2025, 2, 14)) == [
        ("CNY", "ACTIVE", "M0", 2, 2_000_00),
        ("EUR", "ACTIVE", "M0", 1, 1_000_00),
    ]
    assert cells(date(2025, 2, 16)) == [
        ("CNY", "ACTIVE", "M0", 1, left),
        ("CNY", "ACTIVE", "M1", 1, 1_000_00),
        ("EUR", "ACTIVE", "M0", 1, left),
    ]
    book = queries.portfolio(at_work.conn, FEB_15).found
    assert [(count.stage, count.applications) for count in book.applications] == [
        ("DECISION", 1),
        ("SERVICING", 3),
    ]


def test_what_is_outstanding_is_told_by_asset_class_on_any_day(at_work: ViewsAtWork) -> None:
    late, good, lost = lent("late"), lent("good"), lent("lost")
    repay(good, "P-1", INSTALMENT, FEB_15)
    for day in (date(2025, 2, 16), date(2025, 5, 17)):
        for loan in (late, lost):
            loan.attend(act(day), CLASSES)
    lost.write_off(
        act(date(2025, 5, 20)), reason="gone", requested_by="collector", approved_by="manager"
    )
    at_work.show(late, good, lost, applied("new", on=FEB_15))

    def classes(on: date) -> list[tuple[str, str, int, int]]:
        cells = queries.asset_classes(at_work.conn, on).found
        return [(cell.currency, cell.asset_class, cell.loans, cell.principal) for cell in cells]

    left = 1_000_00 - 81_07
    assert classes(FEB_15) == [("CNY", "NORMAL", 3, 2_000_00 + left)]
    assert classes(date(2025, 2, 16)) == [
        ("CNY", "NORMAL", 1, left),
        ("CNY", "SPECIAL_MENTION", 2, 2_000_00),
    ]
    assert classes(date(2025, 5, 19)) == [
        ("CNY", "NORMAL", 1, left),
        ("CNY", "SUBSTANDARD", 2, 2_000_00),
    ]
    assert classes(date(2025, 5, 20))[1:] == [("CNY", "SUBSTANDARD", 1, 1_000_00)]


def test_what_was_lent_is_outstanding_repaid_written_off_or_sold(at_work: ViewsAtWork) -> None:
    good, lost, passed_on = lent("good"), lent("lost"), lent("passed on")
    people = {"requested_by": "treasury", "approved_by": "board"}
    passed_on.sell(act(FEB_15), price=9_00, buyer_ref="FUND-1", sold_on=FEB_15, **people)
    repay(good, "P-1", 200_00, FEB_15)
    repay(good, "P-2", INSTALMENT, date(2025, 3, 15))
    good.reverse(act(date(2025, 3, 20)), payment_ref="P-1", reason="bounced")
    lost.write_off(
        act(date(2025, 3, 20)), reason="gone", requested_by="collector", approved_by="manager"
    )
    repay(lost, "P-3", 30_00, date(2025, 3, 21))
    at_work.show(good, lost, passed_on)

    book = queries.portfolio(at_work.conn, date(2025, 3, 31), date(2025, 3, 1)).found

    [total], [march] = book.flows_to_date, book.flows
    outstanding = sum(cell.principal for cell in book.cells)
    gone = total.principal_repaid + total.principal_written_off + total.principal_sold
    assert total.disbursed == outstanding + gone
    allocated = (
        total.principal_repaid + total.interest_repaid + total.fees_repaid + total.penalty_repaid
    )
    assert total.received - total.reversed - total.refunded == allocated + total.credit
    assert (march.disbursed, march.received, march.reversed) == (0, INSTALMENT, 200_00)
    assert march.recovered == 30_00


# --- how fresh ------------------------------------------------------------------------


def test_an_answer_says_how_far_the_view_is(at_work: ViewsAtWork) -> None:
    loan = lent()
    at_work.show(loan)
    with at_work.conn.transaction():
        at_work.conn.execute("SET LOCAL ROLE loans_writer")
        at_work.conn.execute(
            "INSERT INTO store.published (topic, partition, next_offset, notification_id)"
            " VALUES ('loan.events', 0, %s, %s)",
            (loan.version + 3, loan.version + 3),
        )

    fresh = queries.statement(at_work.conn, loan.id, JAN_15).freshness

    assert (fresh.position, fresh.behind, fresh.is_current) == (loan.version, 3, False)
    assert fresh.lag_seconds > 0
    assert {view.view: view.behind for view in freshness(at_work.conn)}["reminders"] == 3


def test_a_caller_can_wait_until_a_view_shows_what_was_written(at_work: ViewsAtWork) -> None:
    loan = lent()
    at_work.show(loan)

    assert wait_for(at_work.conn, "summary", loan.id, loan.version, timeout_seconds=1)
    assert not wait_for(at_work.conn, "summary", loan.id, loan.version + 1, timeout_seconds=0.05)


def test_a_loan_whose_event_waits_for_a_retry_is_marked_stale(at_work: ViewsAtWork) -> None:
    loan = lent()
    at_work.show(borrower(), loan)
    at_work.conn.execute(
        "INSERT INTO views.parked VALUES ('collections', %s, %s, 99, 'loan.events', 0, 9, 9,"
        " 'loan.repaid', '', 'broken')",
        (collections.VERSION, loan.id),
    )

    [case] = cases(at_work, FEB_15 + days(1))

    assert case.stale
    assert not wait_for(at_work.conn, "collections", loan.id, 99, timeout_seconds=5)
