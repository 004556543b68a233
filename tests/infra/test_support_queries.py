"""What the record of contacts answers about support and data requests, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from domain.base.policy import PlanStandard, RequestTerm
from domain.borrower.borrower import Borrower
from domain.borrower.data_rights import Measure, MeasureKind
from domain.borrower.data_words import Right
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import SupportKind
from infra import support_queries as queries
from infra.collect_answers import Collected
from infra.support_answers import PlanRowShown, PlanShown
from tests.infra.test_collect_queries import late
from tests.infra.views_at_work import ViewsAtWork, act, borrower, loan_id, repay, views_at_work

FEB_20, MAR_1, MAR_10, MAR_22 = (
    *(date(2025, 2, 20), date(2025, 3, 1)),
    *(date(2025, 3, 10), date(2025, 3, 22)),
)
STANDARD = PlanStandard("plans-test", "ANY", 0, date(1990, 1, 1), None, "test")
ROWS = [PlanRow(MAR_1, 40_00), PlanRow(MAR_10, 46_07)]


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def plan(ada: Borrower, of: str = "one") -> None:
    ada.propose_plan(
        act(FEB_20),
        plan_ref=f"PL-{of}",
        loan_id=loan_id(of),
        currency="CNY",
        rows=ROWS,
        owed=1_000_00,
    )
    ada.agree_plan(act(FEB_20), plan_ref=f"PL-{of}", consent_ref="V-1", standard=STANDARD)


def test_a_plan_is_shown_as_it_stood_with_its_next_row_and_what_was_paid(
    at_work: ViewsAtWork,
) -> None:
    ada, one = borrower("Ada"), late("one")
    ada.propose_plan(
        act(date(2025, 2, 18)),
        plan_ref="PL-0",
        loan_id=one.id,
        currency="CNY",
        rows=ROWS,
        owed=1_000_00,
    )
    plan(ada)
    ada.schedule_check_in(act(FEB_20), loan_id=one.id, check_in_on=MAR_1)
    repay(one, "P-1", 40_00, MAR_1)
    ada.assess_promise(act(date(2025, 3, 2)), promise_ref="PL-one/1", received=40_00)
    ada.assess_promise(act(date(2025, 3, 11)), promise_ref="PL-one/2", received=40_00)
    repay(one, "P-2", 5_00, MAR_22)
    at_work.show(ada, one)

    def shown(on: date) -> PlanShown:
        return queries.supports(at_work.conn, on).found.plans[-1]

    assert (shown(FEB_20).state, shown(FEB_20).paid) == ("AGREED", 0)
    assert shown(FEB_20).next_row == PlanRowShown(MAR_1, 40_00, "OPEN")
    running = shown(date(2025, 3, 5))
    assert (running.state, running.paid, running.check_in_on) == ("AGREED", 40_00, MAR_1)
    assert running.next_row == PlanRowShown(MAR_10, 46_07, "OPEN")
    over = shown(MAR_22)
    assert (over.state, over.paid, over.next_row) == ("BROKEN", 40_00, None)
    assert [row.state for row in over.rows] == ["KEPT", "BROKEN"]
    proposed = queries.supports(at_work.conn, MAR_22, "PROPOSED").found.plans
    assert [(each.plan_ref, each.agreed_on) for each in proposed] == [("PL-0", None)]


def test_a_plan_that_another_replaced_is_shown_so(at_work: ViewsAtWork) -> None:
    ada = borrower("Ada")
    plan(ada)
    ada.propose_plan(
        act(MAR_1),
        plan_ref="PL-2",
        loan_id=loan_id("one"),
        currency="CNY",
        rows=[PlanRow(MAR_22, 80_00)],
        owed=1_000_00,
    )
    ada.agree_plan(act(MAR_1), plan_ref="PL-2", consent_ref="V-2", standard=STANDARD)
    at_work.show(ada)

    found = queries.supports(at_work.conn, MAR_1).found.plans

    assert [(each.plan_ref, each.state) for each in found] == [
        ("PL-one", "REPLACED"),
        ("PL-2", "AGREED"),
    ]
    assert [row.state for row in found[0].rows] == ["LAPSED", "LAPSED"]


def test_the_effect_of_support_is_told_by_late_loans_that_were_cured(at_work: ViewsAtWork) -> None:
    ada = borrower("Ada")
    cured, stays = late("one"), late("two")
    for name in ("one", "two"):
        ada.offer_support(
            act(FEB_20), support_ref=f"S-{name}", loan_id=loan_id(name), kind=SupportKind.GUIDANCE
        )
    plan(ada)
    repay(cured, "P-1", 86_07, MAR_1)
    at_work.show(ada, cured, stays)

    agreed, guided = (
        {each.kind: each for each in queries.effects(at_work.conn, MAR_22).found}[kind]
        for kind in ("PLAN_AGREED", "GUIDANCE")
    )

    assert (guided.loans, guided.measured, guided.cured) == (2, 2, 1)
    assert guided.cure_rate == Decimal("0.5")
    assert (agreed.cured, agreed.collected) == (1, [Collected("CNY", 86_07)])
    assert [each.waiting for each in queries.effects(at_work.conn, MAR_1).found] == [2, 1]


def test_a_request_about_data_is_shown_with_its_clock(at_work: ViewsAtWork) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    term = RequestTerm("term-test", "ANY", 5, date(1990, 1, 1), None, "test")
    for who, known in ((ada, term), (bo, None)):
        who.request_about_data(
            act(FEB_20), request_ref="DR-1", right=Right.ERASURE, received_on=FEB_20, term=known
        )
    by, people = act(MAR_1), ("o", "m")
    put_off = Measure(
        1, MeasureKind.ERASURE_REQUESTED, MAR_1, by.recorded_at, MAR_22, "floor", *people
    )
    ada.tell_measure(by, put_off)
    by = act(MAR_22)
    erased = Measure(2, MeasureKind.ERASED, MAR_22, by.recorded_at, None, None, None, None)
    ada.tell_measure(by, erased)
    at_work.show(ada, bo)

    assert len(queries.data_requests(at_work.conn, FEB_20, "OPEN").found) == 2
    (mine,) = queries.data_requests(at_work.conn, MAR_10, "PUT_OFF").found
    assert (mine.days, mine.in_time, mine.until_on) == (9, False, MAR_22)
    (done,) = queries.data_requests(at_work.conn, MAR_22, "DONE").found
    assert (done.answered_on, done.over_on, done.borrower_ref) == (MAR_1, MAR_22, "B-Ada")
    (open_,) = queries.data_requests(at_work.conn, MAR_22, "OPEN").found
    assert (open_.days, open_.in_time) == (30, None)
