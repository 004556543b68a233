"""What the record of contacts answers about collection, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.base.contact_policy import LateReason
from domain.borrower.borrower import Borrower
from domain.borrower.legal_words import LegalOutcome
from domain.loan.loan import Loan
from infra import collect_queries as queries
from infra.collect_answers import Collected, StrategyEffect
from tests.domain.borrower.test_legal import refer
from tests.domain.borrower.test_placement import ACME, LATE
from tests.infra.test_contact_queries import MON, TUE
from tests.infra.views_at_work import (
    POLICIES,
    ViewsAtWork,
    act,
    borrower,
    lent,
    loan_id,
    repay,
    views_at_work,
)

FEB_20, MAR_1, MAR_22 = date(2025, 2, 20), date(2025, 3, 1), date(2025, 3, 22)


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def test_the_share_of_a_reason_counts_what_was_told_last_of_each_loan(at_work: ViewsAtWork) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    for who, loan, reason, on in (
        (ada, "one", LateReason.OTHER, MON),
        (ada, "one", LateReason.FORGOT, TUE),
        (ada, "two", LateReason.ILLNESS, MON),
        (bo, "three", LateReason.FORGOT, MON),
        (bo, "four", LateReason.FORGOT, MON),
    ):
        who.record_late_reason(act(on), loan_id=loan_id(loan), reason=reason, source="borrower")
    at_work.show(ada, bo)

    now = queries.late_reasons(at_work.conn, TUE).found
    on_monday = queries.late_reasons(at_work.conn, TUE, MON, MON).found
    before = queries.late_reasons(at_work.conn, MON).found

    shares = {each.reason: (each.loans, each.late_reason_share) for each in now.reasons}
    assert shares == {"FORGOT": (3, Decimal("0.75")), "ILLNESS": (1, Decimal("0.25"))}
    assert {each.reason: each.loans for each in on_monday.reasons} == {
        "FORGOT": 2,
        "ILLNESS": 1,
        "OTHER": 1,
    }
    assert before.reasons == on_monday.reasons


# --- promises and strategies --------------------------------------------------------------


def assign(ada: Borrower, name: str, bucket: str, on: date = FEB_20) -> None:
    rule = POLICIES.strategy(bucket, on) if bucket != "M0" else None
    ada.assign_strategy(act(on), loan_id=loan_id(name), bucket=bucket, days_past_due=5, rule=rule)


def late(name: str) -> Loan:
    loan = lent(name)
    loan.attend(act(FEB_20))
    return loan


def promise(ada: Borrower, name: str, received: int | None) -> None:
    """50.00 on a loan by the first of March; nothing was told of it without *received*."""
    ada.promise(
        act(FEB_20, "wu"),
        promise_ref=f"W-{name}",
        loan_id=loan_id(name),
        amount=50_00,
        currency="CNY",
        promised_on=MAR_1,
    )
    if received is not None:
        ada.assess_promise(act(MAR_22), promise_ref=f"W-{name}", received=received)


def test_promises_are_told_by_who_had_the_borrower_and_by_what_strategy(
    at_work: ViewsAtWork,
) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    ada.assign_collector(act(FEB_20), collector="chen")
    assign(ada, "one", "M1")
    promise(ada, "one", 50_00)
    promise(ada, "two", 20_00)
    promise(bo, "three", None)
    at_work.show(ada, bo, lent("one"))

    now = queries.promises(at_work.conn, MAR_22).found
    broken = queries.promises(at_work.conn, MAR_22, "BROKEN").found
    before = queries.promises(at_work.conn, MAR_1).found

    assert [(each.promise_ref, each.state, each.collector) for each in now.promises] == [
        ("W-one", "KEPT", "chen"),
        ("W-two", "BROKEN", "chen"),
        ("W-three", "OPEN", "wu"),
    ]
    assert {each.of: each.kept_rate for each in now.by_collector} == {
        "chen": Decimal("0.5"),
        "wu": None,
    }
    assert {each.of: (each.made, each.kept) for each in now.by_strategy} == {
        None: (2, 0),
        "soft reminder and call": (1, 1),
    }
    assert [each.promise_ref for each in broken.promises] == ["W-two"]
    assert {each.state for each in before.promises} == {"OPEN"}


def test_a_strategy_is_told_by_the_loans_that_were_not_late_any_more_after_it(
    at_work: ViewsAtWork,
) -> None:
    ada = borrower("Ada")
    cured, stays = late("one"), late("two")
    for name in ("one", "two"):
        assign(ada, name, "M1")
    repay(cured, "P-1", 86_07, MAR_1)
    repay(stays, "P-1", 10_00, MAR_1)
    assign(ada, "two", "M2", date(2025, 3, 10))
    repay(stays, "P-2", 5_00, date(2025, 3, 20))
    at_work.show(ada, cured, stays)

    def effects(on: date, within: int = 30) -> list[StrategyEffect]:
        return queries.strategies(at_work.conn, on, within_days=within).found

    first, then = reversed(effects(MAR_22))
    assert (first.assigned, first.measured, first.cured) == (2, 2, 1)
    assert first.cure_rate == Decimal("0.5")
    assert first.collected == [Collected("CNY", 96_07)]
    assert (then.strategy, then.waiting, then.collected) == (
        "negotiate a plan",
        1,
        [Collected("CNY", 5_00)],
    )
    assert [(each.waiting, each.cure_rate) for each in effects(MAR_1)] == [(2, None)]
    assert [each.cured for each in effects(MAR_22, within=5)][-1] == 0


def test_who_is_collected_by_a_strategy_is_told_until_nothing_is_late(at_work: ViewsAtWork) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    for who in (ada, bo):
        assign(who, "one" if who is ada else "two", "M1")
    assign(bo, "two", "M0", MAR_1)
    at_work.show(ada, bo)

    assert queries.borrowers_with_strategies(at_work.conn) == [ada.id]


def test_who_is_at_law_is_among_those_whose_end_is_looked_for(at_work: ViewsAtWork) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    refer(ada, MAR_1, loan_id=loan_id("one"))
    refer(bo, MAR_1, loan_id=loan_id("two"))
    bo.withdraw_legal(act(MAR_22), loan_id=loan_id("two"), reason="paid in part")
    at_work.show(ada, bo)

    assert queries.borrowers_with_strategies(at_work.conn) == [ada.id]


# --- claims at law ------------------------------------------------------------------------


def test_a_claim_at_law_is_told_with_what_was_paid_since_and_how_it_ended(
    at_work: ViewsAtWork,
) -> None:
    ada, one = borrower("Ada"), lent("one")
    repay(one, "P-1", 10_00, FEB_20)
    refer(ada, MAR_1, loan_id=one.id, referred_to="Lex")
    repay(one, "P-2", 20_00, date(2025, 3, 5))
    refer(ada, MAR_1, loan_id=loan_id("two"))
    ada.end_legal(
        act(MAR_22),
        loan_id=one.id,
        outcome=LegalOutcome.JUDGMENT,
        decided_on=date(2025, 3, 10),
        paper_ref="J-1",
        awarded=300_00,
    )
    repay(one, "P-3", 40_00, MAR_22)
    at_work.show(ada, one)

    (open_now,) = queries.legal_cases(at_work.conn, MAR_22).found
    then = queries.legal_cases(at_work.conn, date(2025, 3, 9)).found
    ended, _ = queries.legal_cases(at_work.conn, MAR_22, with_ended=True).found

    assert (open_now.loan_id, open_now.outcome) == (loan_id("two"), None)
    assert [(each.paid_since, each.outcome) for each in then] == [(20_00, None), (0, None)]
    assert (ended.outcome, ended.ended_on, ended.awarded) == ("JUDGMENT", date(2025, 3, 10), 300_00)
    assert (ended.referred_to, ended.claimed, ended.paid_since) == ("Lex", 326_50, 20_00)
    assert ended.borrower_ref.startswith("B-")


# --- agencies -----------------------------------------------------------------------------


def test_an_agency_is_told_with_its_loans_and_what_was_paid_while_it_had_them(
    at_work: ViewsAtWork,
) -> None:
    ada, one = borrower("Ada"), lent("one")
    repay(one, "P-1", 10_00, FEB_20)
    ada.place(act(MAR_1), agency=ACME, loan=replace(LATE, loan_id=one.id))
    repay(one, "P-2", 20_00, date(2025, 3, 5))
    ada.place(act(MAR_1), agency=ACME, loan=replace(LATE, loan_id=loan_id("two")))
    ada.recall(act(date(2025, 3, 10)), loan_id=one.id, reason="complaints")
    repay(one, "P-3", 40_00, MAR_22)
    at_work.show(ada, one)
    policies = replace(POLICIES, agencies=(ACME, replace(ACME, agency="idle", passed=False)))

    acme, idle = queries.agencies(at_work.conn, policies, MAR_22).found
    (gone,) = queries.agencies(at_work.conn, POLICIES, MAR_22).found

    assert (acme.loans_placed, acme.collected) == (1, [Collected("CNY", 20_00)])
    assert acme.days_to_evaluation == (date(2025, 9, 1) - MAR_22).days
    assert (idle.loans_placed, idle.passed, idle.collected) == (0, False, [])
    assert (gone.agency, gone.licence, gone.days_to_evaluation) == ("acme", None, None)
