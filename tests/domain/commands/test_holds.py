"""Holds on borrowers and what they stop on their loans, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.free_text import PersonalInClear
from domain.base.refusal import NotFound
from domain.base.stream import Act, Stream
from domain.base.terms import Renewal
from domain.borrower.borrower import Borrower
from domain.commands import borrowers, days, loans
from domain.commands.book import Book, Receipt, command
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.what_if import Means
from tests.domain.commands.books import (
    JAN_15,
    OFFER,
    act,
    applied,
    at,
    disbursed,
    loan_of,
    offered,
    registered,
    repay,
    signed,
)

FEB_1 = date(2025, 2, 1)
MAR_1 = date(2025, 3, 1)
MAR_20 = date(2025, 3, 20)
APR_1 = date(2025, 4, 1)


@pytest.fixture
def book(shared: Book) -> Book:
    return shared


def set_hold(book: Book, borrower_id: UUID, on: date = APR_1, **changes: object) -> UUID:
    """The id of the command that set it."""
    said = act(on)
    fields = {"hold_ref": "H-1", "kind": "MORATORIUM", "reason": "court order", **changes}
    borrowers.set_hold(book, said, borrower_id=borrower_id, **fields)  # type: ignore[arg-type]
    return said.command_id


def recorded_by(book: Book, command_id: UUID, *streams: UUID) -> list[str]:
    events = [event for stream in streams for event in book.events.get(stream)]
    return [
        str(event.TOPIC)  # type: ignore[attr-defined]
        for event in events
        if isinstance(event, Stream.Event) and event.correlation_id == command_id
    ]


def pay_out(book: Book, loan_id: UUID, **changes: Any) -> None:
    loans.disburse(
        book,
        act(JAN_15),
        loan_id=loan_id,
        disbursement_ref="D-1",
        paid_to="account-ref-1",
        **changes,
    )


@command
def attend(book: Book, act: Act, *, loan_id: UUID) -> Loan:
    loan = book.get(Loan, loan_id)
    loan.attend(act)
    return loan


def owed(book: Book, loan_id: UUID) -> int:
    """The interest of all its instalments."""
    return sum(row.interest for row in loan_of(book, loan_id).instalments)


def test_a_hold_and_what_it_stops_are_recorded_together(book: Book) -> None:
    borrower_id = registered(book)
    first, second = (disbursed(book, borrower_id=borrower_id) for _ in range(2))
    before = owed(book, first)

    done = set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [first, second])

    said = recorded_by(book, done, borrower_id, first, second)
    assert said.count("loan.hold-placed") == 2
    assert said[0] == "borrower.hold-set"
    assert {"loan.went-overdue", "loan.bucket-changed"} <= set(said)
    hold = book.get(Borrower, borrower_id).holds["H-1"]
    assert (hold.loan_ids, hold.touches) == (None, [first, second])
    assert 0 < owed(book, first) < before


def test_a_hold_covers_the_debts_that_are_named(book: Book) -> None:
    borrower_id = registered(book)
    first, second = (disbursed(book, borrower_id=borrower_id) for _ in range(2))

    set_hold(book, borrower_id, from_on=MAR_1, loan_ids=[second, second])

    assert (loan_of(book, first).holds, list(loan_of(book, second).holds)) == ({}, ["H-1"])
    hold = book.get(Borrower, borrower_id).holds["H-1"]
    assert (hold.loan_ids, hold.touches) == ([second, second], [second])


def test_a_hold_that_stops_no_money_leaves_loans_alone(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    done = set_hold(book, borrower_id, kind="CEASE", all_loans=lambda: [loan_id])

    assert recorded_by(book, done, borrower_id, loan_id) == ["borrower.hold-set"]


def test_what_a_kind_of_hold_stops_is_policy(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    for kind in ("MORATORIUM", "BANKRUPTCY"):
        set_hold(book, borrower_id, hold_ref=kind, kind=kind, all_loans=lambda: [loan_id])

    stops = {
        ref: (hold.stops_interest, hold.stops_penalty, hold.policy_version)
        for ref, hold in loan_of(book, loan_id).holds.items()
    }
    assert stops == {"MORATORIUM": (True, True, "holds-3"), "BANKRUPTCY": (False, True, "holds-3")}


@pytest.mark.parametrize("kind", ["FRAUD", "AML", "DECEASED"])
def test_nothing_is_paid_out_while_a_hold_that_stops_payouts_stands(book: Book, kind: str) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, JAN_15, kind=kind)

    with pytest.raises(no.OnHold, match=f"the {kind} hold 'H-1' stands since 2025-01-15"):
        pay_out(book, loan_id)

    assert loan_of(book, loan_id).disbursed_on is None
    borrowers.lift_hold(
        book, act(JAN_15), borrower_id=borrower_id, hold_ref="H-1", reason="cleared"
    )
    pay_out(book, loan_id)
    assert loan_of(book, loan_id).disbursed_on == JAN_15


def test_a_payout_that_becomes_known_later_goes_by_the_holds_of_its_own_day(book: Book) -> None:
    borrower_id = registered(book)
    before, within = signed(book, borrower_id=borrower_id), signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, FEB_1, kind="AML")

    loans.disburse(
        book,
        act(FEB_1),
        loan_id=before,
        disbursement_ref="D-1",
        paid_to="account",
        disbursed_on=JAN_15,
    )

    assert loan_of(book, before).disbursed_on == JAN_15
    with pytest.raises(no.OnHold, match="stands since 2025-02-01"):
        loans.disburse(book, act(FEB_1), loan_id=within, disbursement_ref="D-2", paid_to="account")


def test_a_payout_of_before_a_hold_that_stops_penalty_waits_until_the_hold_can_find_the_loan(
    book: Book,
) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, FEB_1, kind="MORATORIUM")

    def pay_out_as_of_before() -> None:
        loans.disburse(
            book,
            act(FEB_1),
            loan_id=loan_id,
            disbursement_ref="D-1",
            paid_to="account",
            disbursed_on=JAN_15,
        )

    with pytest.raises(no.OnHold, match="Lift it from that day, record the payout, and set it"):
        pay_out_as_of_before()
    borrowers.lift_hold(
        book, act(FEB_1), borrower_id=borrower_id, hold_ref="H-1", reason="again", lifted_on=FEB_1
    )
    pay_out_as_of_before()
    borrowers.set_hold(
        book,
        act(FEB_1),
        borrower_id=borrower_id,
        hold_ref="H-2",
        kind="MORATORIUM",
        reason="as before",
        all_loans=lambda: [loan_id],
    )

    assert list(loan_of(book, loan_id).holds) == ["H-2"]


def test_a_payout_of_a_day_on_which_a_hold_stood_is_refused_after_the_hold_was_lifted(
    book: Book,
) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, JAN_15, kind="FRAUD")
    borrowers.lift_hold(book, act(FEB_1), borrower_id=borrower_id, hold_ref="H-1", reason="cleared")

    with pytest.raises(no.OnHold, match="stood on 2025-01-15, from 2025-01-15 until 2025-02-01"):
        loans.disburse(
            book,
            act(FEB_1),
            loan_id=loan_id,
            disbursement_ref="D-1",
            paid_to="account",
            disbursed_on=JAN_15,
        )


def test_what_might_have_been_drawn_goes_by_the_holds_of_its_day_lifted_since_or_not(
    book: Book,
) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, JAN_15, kind="FRAUD")
    borrowers.lift_hold(book, act(FEB_1), borrower_id=borrower_id, hold_ref="H-1", reason="cleared")
    borrower = book.get(Borrower, borrower_id)

    means = Means(holds=borrowers.holds_on_loan(book.policies, borrower, loan_id, FEB_1))

    with pytest.raises(no.OnHold):
        means.must_be_free(JAN_15, "paid out", attrgetter("stops_payout"))
    means.must_be_free(FEB_1, "paid out", attrgetter("stops_payout"))


def test_a_hold_on_contact_stops_no_payout(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, JAN_15, kind="CEASE")

    pay_out(book, loan_id)

    assert loan_of(book, loan_id).disbursed_on == JAN_15


def test_a_hold_on_one_debt_stops_the_payout_of_that_one(book: Book) -> None:
    borrower_id = registered(book)
    held, free = signed(book, borrower_id=borrower_id), signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, JAN_15, kind="FRAUD", loan_ids=[held])

    pay_out(book, free)

    with pytest.raises(no.OnHold):
        pay_out(book, held)


def test_a_payout_that_is_refused_for_its_own_reason_says_that(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, kind="FRAUD")

    with pytest.raises(no.AlreadyDisbursed):
        pay_out(book, loan_id)


def test_no_more_is_drawn_within_a_limit_while_a_hold_stops_payouts(book: Book) -> None:
    offered(book, replace(OFFER, code="LIMIT", accrual="DAILY_BALANCE", method="INTEREST_ONLY"))
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id, code="LIMIT")
    pay_out(book, loan_id, amount=100_00)
    set_hold(book, borrower_id, FEB_1, kind="FRAUD", all_loans=lambda: [loan_id])

    with pytest.raises(no.OnHold):
        loans.draw(book, act(FEB_1), loan_id=loan_id, amount=50_00, draw_ref="DR-1", paid_to="ref")


def test_a_term_is_not_renewed_under_a_hold(book: Book) -> None:
    offered(book, replace(OFFER, code="RENEWS", term_months_min=3, renewal=Renewal(3, 1, 10)))
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id, code="RENEWS", term_months=3)
    pay_out(book, loan_id)
    for number, row in enumerate(loan_of(book, loan_id).instalments[:2], 1):
        repay(book, loan_id, f"P-{number}", row.principal + row.interest, row.due_on)
    on = date(2025, 4, 10)
    attend(book, act(on), loan_id=loan_id)
    set_hold(book, borrower_id, on, kind="DISPUTE", all_loans=lambda: [loan_id])

    with pytest.raises(no.OnHold, match="is not renewed"):
        loans.renew(book, act(on), loan_id=loan_id, consent_ref="C-2")

    borrowers.lift_hold(book, act(on), borrower_id=borrower_id, hold_ref="H-1", reason="settled")
    loans.renew(book, act(on), loan_id=loan_id, consent_ref="C-2")
    assert loan_of(book, loan_id).renewals == 1


def test_lifting_a_hold_ends_it_on_the_loans_from_the_same_day(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    before, another = owed(book, loan_id), applied(book, APR_1, borrower_id)
    set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [loan_id, another])
    said = act(APR_1)

    borrowers.lift_hold(
        book, said, borrower_id=borrower_id, hold_ref="H-1", reason="closed", lifted_on=MAR_20
    )

    lifted = recorded_by(book, said.command_id, borrower_id, loan_id)
    assert lifted == ["borrower.hold-lifted", "loan.hold-ended"]
    assert loan_of(book, loan_id).holds["H-1"].until_on == MAR_20

    borrowers.lift_hold(
        book, act(APR_1), borrower_id=borrower_id, hold_ref="H-1", reason="no", lifted_on=MAR_1
    )

    assert owed(book, loan_id) == before


def test_the_same_hold_again_changes_nothing(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, all_loans=lambda: [loan_id])

    again = set_hold(book, borrower_id, all_loans=lambda: [loan_id])

    assert recorded_by(book, again, borrower_id, loan_id) == []


def test_a_hold_given_again_is_the_same_although_it_is_later_and_there_are_more_loans(
    book: Book,
) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    said, more = act(APR_1), applied(book, APR_1, borrower_id)

    def given(hour: int, loan_ids: list[UUID]) -> Receipt:
        return borrowers.set_hold(
            book,
            replace(said, recorded_at=datetime(2025, 4, 1, hour, tzinfo=UTC)),
            borrower_id=borrower_id,
            hold_ref="H-1",
            kind="MORATORIUM",
            reason="court order",
            all_loans=lambda: loan_ids,
        )

    first, again = given(10, [loan_id]), given(11, [loan_id, more])

    assert (again.version, again.repeated) == (first.version, True)
    held = book.get(Borrower, borrower_id).holds["H-1"]
    assert held.known_at == datetime(2025, 4, 1, 10, tzinfo=UTC)


def test_a_hold_that_is_refused_for_one_loan_is_set_on_none(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    with pytest.raises(borrowers.NotTheBorrowers):
        set_hold(book, borrower_id, loan_ids=[loan_id, disbursed(book)])
    with pytest.raises(NotFound):
        set_hold(book, borrower_id, loan_ids=[loan_id, uuid4()])
    with pytest.raises(no.DateInFuture):
        set_hold(book, borrower_id, from_on=date(2025, 4, 2), all_loans=lambda: [loan_id])

    assert book.get(Borrower, borrower_id).holds == {}
    assert loan_of(book, loan_id).holds == {}


def test_a_reason_with_a_telephone_number_is_recorded_nowhere(book: Book) -> None:
    borrower_id = registered(book)

    with pytest.raises(PersonalInClear, match="telephone number"):
        set_hold(book, borrower_id, reason="asked for by his wife, 13800138000")

    assert book.get(Borrower, borrower_id).holds == {}


def test_a_payment_reversed_between_hold_and_lift_leaves_no_trace(book: Book) -> None:

    borrower_id = registered(book)
    touched, other = (disbursed(book, borrower_id=borrower_id) for _ in range(2))
    repay(book, touched, "P-1", 100_00, MAR_20)
    for loan_id in (touched, other):
        set_hold(book, borrower_id, from_on=MAR_1, hold_ref=str(loan_id), loan_ids=[loan_id])
    loans.reverse(book, act(APR_1), loan_id=touched, payment_ref="P-1", reason="bounced")
    for loan_id in (touched, other):
        borrowers.lift_hold(
            book, act(APR_1), borrower_id=borrower_id, hold_ref=str(loan_id), reason="closed"
        )

    assert loan_of(book, touched).instalments == loan_of(book, other).instalments
    assert owed(book, touched) == owed(book, other)


def test_the_close_of_its_last_day_lifts_a_hold_and_ends_it_on_its_loans(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    other = disbursed(book)
    borrowers.set_hold(
        book,
        act(MAR_1),
        borrower_id=borrower_id,
        hold_ref="H-1",
        kind="MORATORIUM",
        reason="breathing space",
        all_loans=lambda: [loan_id],
        until_on=MAR_20,
    )
    set_hold(book, loan_of(book, other).borrower_id, MAR_1, all_loans=lambda: [other])
    last = date(2025, 3, 19)

    days.close_days(book, date(2025, 3, 18), zone="Asia/Shanghai", now=lambda: at(last))
    assert loan_of(book, loan_id).holds["H-1"].until_on is None
    days.close_days(book, last, zone="Asia/Shanghai", now=lambda: at(last))

    lifted = book.get(Borrower, borrower_id)
    assert lifted.holds["H-1"].lifted_on == MAR_20
    assert loan_of(book, loan_id).holds["H-1"].until_on == MAR_20
    ended = [each for each in book.events.get(loan_id) if isinstance(each, Loan.HoldEnded)]
    said = [each for each in book.events.get(borrower_id) if isinstance(each, Borrower.HoldLifted)]
    assert [each.correlation_id for each in ended] == [each.correlation_id for each in said]
    by_hand = act(MAR_20)
    borrowers.lift_hold(
        book, by_hand, borrower_id=loan_of(book, other).borrower_id, hold_ref="H-1", reason="agreed"
    )
    assert loan_of(book, loan_id).instalments == loan_of(book, other).instalments


def test_a_hold_whose_end_is_past_is_lifted_as_it_is_set(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    done = set_hold(book, borrower_id, from_on=MAR_1, until_on=MAR_20, all_loans=lambda: [loan_id])

    said = recorded_by(book, done, borrower_id, loan_id)
    assert said[:2] == ["borrower.hold-set", "borrower.hold-lifted"]
    assert {"loan.hold-placed", "loan.hold-ended"} <= set(said)
    assert loan_of(book, loan_id).holds["H-1"].until_on == MAR_20


def test_nothing_is_stopped_any_more_once_the_end_of_a_hold_has_come(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, date(2025, 1, 10), kind="FRAUD", until_on=JAN_15)

    pay_out(book, loan_id)

    assert loan_of(book, loan_id).disbursed_on == JAN_15


def test_the_end_of_a_hold_is_moved_and_corrected_after_it_was_lifted(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)
    before = owed(book, loan_id)
    set_hold(book, borrower_id, MAR_1, all_loans=lambda: [loan_id], until_on=MAR_20)
    borrowers.set_hold_end(
        book,
        act(MAR_1),
        borrower_id=borrower_id,
        hold_ref="H-1",
        until_on=date(2025, 3, 25),
        reason="treatment goes on",
    )
    days.close_days(book, date(2025, 3, 31), zone="Asia/Shanghai", now=lambda: at(APR_1))
    assert loan_of(book, loan_id).holds["H-1"].until_on == date(2025, 3, 25)

    borrowers.lift_hold(
        book, act(APR_1), borrower_id=borrower_id, hold_ref="H-1", reason="no", lifted_on=MAR_1
    )

    assert owed(book, loan_id) == before
