"""Support through the book: plans kept or broken by the day close, and who is left alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, PointKind
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.support import PlanBeyondDebt
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import PlanState, SupportKind
from domain.commands import borrowers, collecting, days, planning, support
from domain.commands.book import Book
from domain.commands.collecting import Late
from tests.domain.commands.books import act, applied, disbursed, loan_of, repay
from tests.domain.commands.test_dispatch import reachable

JAN_20, JAN_31 = date(2025, 1, 20), date(2025, 1, 31)
ROWS = [PlanRow(JAN_20, 50_00), PlanRow(JAN_31, 60_00)]


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 4, 0, tzinfo=UTC)


def agreed(book: Book) -> tuple[UUID, UUID]:
    """A borrower who agreed to pay 50.00 by 20 January and 60.00 by the 31st."""
    borrower_id = reachable(book, PointKind.PHONE)
    loan_id = disbursed(book, borrower_id=borrower_id)
    support.offer_support(
        book, act(), support_ref="S-1", loan_id=loan_id, kind=SupportKind.PAYMENT_PLAN
    )
    support.propose_plan(
        book, act(), plan_ref="PL-1", loan_id=loan_id, rows=ROWS, support_ref="S-1"
    )
    support.agree_plan(
        book, act(), borrower_id=borrower_id, plan_ref="PL-1", consent_ref="V-CONSENT"
    )
    return borrower_id, loan_id


def close(book: Book, *until: date) -> None:
    for on in until:
        days.close_days(book, on, zone="Asia/Shanghai", now=lambda on=on: noon(on))  # type: ignore[misc]


def plan_of(book: Book, borrower_id: UUID) -> str:
    return book.get(Borrower, borrower_id).plans["PL-1"].state


def test_a_plan_is_kept_by_the_payments_themselves(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    close(book, date(2025, 1, 15))
    repay(book, loan_id, "P-1", 80_00, date(2025, 1, 18))
    close(book, date(2025, 1, 21))
    assert plan_of(book, borrower_id) == PlanState.AGREED
    repay(book, loan_id, "P-2", 30_00, JAN_31)
    close(book, date(2025, 2, 1))

    assert plan_of(book, borrower_id) == PlanState.KEPT


def test_a_plan_is_broken_by_the_first_row_that_is_missed(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    repay(book, loan_id, "P-1", 49_99, date(2025, 1, 18))
    close(book, date(2025, 1, 15), date(2025, 1, 21))

    assert plan_of(book, borrower_id) == PlanState.BROKEN
    assert book.get(Borrower, borrower_id).promises["PL-1/2"].state == "LAPSED"


def test_a_book_closed_late_breaks_a_plan_once(book: Book) -> None:
    borrower_id, _ = agreed(book)
    close(book, date(2025, 2, 10))

    states = [each.state for each in book.get(Borrower, borrower_id).promises.values()]
    assert states == ["BROKEN", "LAPSED"]


def test_who_settles_the_loan_keeps_the_plan(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    owed = loan_of(book, loan_id).payoff(JAN_20)
    repay(book, loan_id, "P-1", owed, JAN_20, payoff=True)
    close(book, date(2025, 2, 1))

    assert plan_of(book, borrower_id) == PlanState.KEPT


def test_money_that_a_plan_needs_keeps_no_promise_beside_it(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    borrowers.promise(
        book, act(), loan_id=loan_id, promise_ref="W-1", amount=50_00, promised_on=JAN_20
    )
    repay(book, loan_id, "P-1", 50_00, date(2025, 1, 18))
    close(book, date(2025, 1, 21))

    borrower = book.get(Borrower, borrower_id)
    assert borrower.promises["PL-1/1"].state == "KEPT"
    assert borrower.promises["W-1"].state == "BROKEN"


def test_nothing_is_planned_beyond_what_is_owed(book: Book) -> None:
    loan_id = disbursed(book)
    owed = sum(row.left for row in loan_of(book, loan_id).instalments)

    with pytest.raises(PlanBeyondDebt):
        support.propose_plan(
            book, act(), plan_ref="PL-1", loan_id=loan_id, rows=[PlanRow(JAN_20, owed + 1)]
        )
    with pytest.raises(support.NothingToPlan):
        support.propose_plan(
            book, act(), plan_ref="PL-1", loan_id=applied(book), rows=[PlanRow(JAN_20, 1)]
        )


def offered(book: Book, borrower_id: UUID, loan_id: UUID, on: date) -> collecting.Offered:
    borrower = book.get(Borrower, borrower_id)
    return collecting.offered(book, borrower, loan_id, ("SMS",), noon(on), on=on)


def test_a_collector_is_offered_nothing_until_the_day_to_ask_while_the_plan_holds(
    book: Book,
) -> None:
    borrower_id, loan_id = agreed(book)
    support.schedule_check_in(book, act(), loan_id=loan_id, check_in_on=JAN_20)

    before = offered(book, borrower_id, loan_id, date(2025, 1, 17))
    then = offered(book, borrower_id, loan_id, JAN_20)

    assert (before.ways, before.left_alone_until) == ([], JAN_20)
    assert (then.left_alone_until, then.check_in_due) == (None, JAN_20)
    assert {way.channel for way in then.ways} == {Channel.SMS, Channel.PHONE}


def test_a_collector_who_asks_again_is_offered_nothing_that_the_gate_refuses(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    support.schedule_check_in(book, act(), loan_id=loan_id, check_in_on=JAN_20)
    borrowers.set_hold(
        book, act(), borrower_id=borrower_id, hold_ref="H-1", kind="CEASE", reason="asked"
    )

    found = offered(book, borrower_id, loan_id, JAN_20)

    assert (found.ways, found.check_in_due) == ([], JAN_20)


def test_nothing_is_sent_about_a_strategy_while_the_borrower_is_left_alone(book: Book) -> None:
    borrower_id, loan_id = agreed(book)
    support.schedule_check_in(book, act(), loan_id=loan_id, check_in_on=JAN_20)
    on = date(2025, 1, 17)

    def clerk() -> Act:
        return act(on)

    collecting.assign_strategies(book, [Late(loan_id, borrower_id, "M1", 5)], on, act=clerk)
    start = datetime(2025, 1, 17, tzinfo=UTC)

    # The rows of the plan are promises: no strategy asks for money while one is open.
    assert not [*planning.dunnings([book.get(Borrower, borrower_id)], book.rules, start)]
