"""Holds on borrowers and what they stop on their loans, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.free_text import PersonalInClear
from domain.base.refusal import NotFound
from domain.base.stream import Act, Stream
from domain.base.terms import FeeTerm, Renewal
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


HELD: dict[str, dict[str, Any]] = {
    "scheduled": {},
    "with penalty and charges": {
        "penalty_rate": Decimal("0.365"),
        "fees": [FeeTerm("LATE", "ON_OVERDUE", 7_00)],
    },
    "by the balance of each day": {
        "accrual": "DAILY_BALANCE",
        "method": "INTEREST_ONLY",
        "day_count": "ACT/365F",
        "penalty_rate": Decimal("0.365"),
    },
}


def lent(book: Book, borrower_id: UUID, offer: dict[str, Any]) -> UUID:
    """A loan on a signed contract, of a product of its own."""
    code = f"HELD-{uuid4().hex[:8]}"
    offered(book, replace(OFFER, code=code, **offer))
    return signed(book, borrower_id=borrower_id, code=code)


def pay_out_late(book: Book, loan_id: UUID, paid_out_on: date, **said: Any) -> UUID:
    """The id of the command that recorded it on 1 April."""
    done = act(APR_1)
    fields = {"disbursement_ref": "D-1", "paid_to": "account-ref-1", **said}
    loans.disburse(book, done, loan_id=loan_id, disbursed_on=paid_out_on, **fields)
    return done.command_id


def money(book: Book, loan_id: UUID, on: date = date(2025, 6, 1)) -> dict[str, Any]:
    """What must not depend on the order in which things became known."""
    attend(book, act(on), loan_id=loan_id)
    loan = loan_of(book, loan_id)
    found = {name: getattr(loan, name) for name in ("instalments", "balance", "splits", "bucket")}
    return {**found, "holds": loan.holds, "asset_class": loan.asset_class}


@pytest.mark.parametrize("lifted_on", [None, MAR_20])
@pytest.mark.parametrize("offer", HELD)
def test_a_payout_that_is_known_after_a_hold_is_the_one_that_the_hold_found(
    book: Book, offer: str, lifted_on: date | None
) -> None:
    borrower_id, other = registered(book), registered(book)
    in_time, late = lent(book, borrower_id, HELD[offer]), lent(book, other, HELD[offer])
    pay_out(book, in_time)
    for each, found in ((borrower_id, [in_time]), (other, [])):
        set_hold(book, each, from_on=MAR_1, all_loans=lambda found=found: found)
        if lifted_on:
            borrowers.lift_hold(
                book,
                act(APR_1),
                borrower_id=each,
                hold_ref="H-1",
                reason="case closed",
                lifted_on=lifted_on,
            )

    done = pay_out_late(book, late, JAN_15)

    said = recorded_by(book, done, late, other)
    assert said[0] == "loan.disbursed" and said[-1] == "borrower.hold-widened"
    assert said.count("loan.hold-placed") == 1
    assert ("loan.hold-ended" in said) == bool(lifted_on)
    assert book.get(Borrower, other).holds["H-1"].touches == [late]
    assert money(book, late) == money(book, in_time)


def test_a_hold_that_reached_a_loan_late_ends_on_it_when_it_is_lifted(book: Book) -> None:
    borrower_id = registered(book)
    in_time, late = (signed(book, borrower_id=borrower_id) for _ in range(2))
    pay_out(book, in_time)
    set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [in_time], until_on=None)
    pay_out_late(book, late, JAN_15)

    borrowers.lift_hold(
        book, act(APR_1), borrower_id=borrower_id, hold_ref="H-1", reason="x", lifted_on=MAR_20
    )

    assert book.get(Borrower, borrower_id).holds["H-1"].touches == [in_time, late]
    assert loan_of(book, late).holds["H-1"].until_on == MAR_20
    assert money(book, late) == money(book, in_time)


def test_a_hold_stops_what_it_stopped_when_it_was_set_whatever_the_rules_say_by_now(
    book: Book,
) -> None:
    borrower_id = registered(book)
    in_time, late = (signed(book, borrower_id=borrower_id) for _ in range(2))
    pay_out(book, in_time)
    set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [in_time])
    borrowers.change_jurisdiction(
        book, act(APR_1), borrower_id=borrower_id, jurisdiction="US", source="moved"
    )

    pay_out_late(book, late, JAN_15)

    assert loan_of(book, late).holds == loan_of(book, in_time).holds


@pytest.mark.parametrize(
    ("hold", "reached"),
    [
        ({"from_on": date(2025, 1, 16)}, True),
        ({"from_on": MAR_1, "kind": "CEASE"}, False),
        ({"from_on": MAR_1, "loan_ids": True}, True),
        ({"from_on": MAR_1, "loan_ids": False}, False),
    ],
)
def test_a_hold_reaches_the_loans_it_covers_that_were_paid_out_before_it(
    book: Book, hold: dict[str, Any], reached: bool
) -> None:
    borrower_id = registered(book)
    loan_id, other = (signed(book, borrower_id=borrower_id) for _ in range(2))
    pay_out(book, other)
    if "loan_ids" in hold:
        hold = {**hold, "loan_ids": [loan_id if hold["loan_ids"] else other]}
    set_hold(book, borrower_id, **hold)

    pay_out_late(book, loan_id, JAN_15)

    assert ("H-1" in loan_of(book, loan_id).holds) == reached


def test_a_hold_that_never_stood_reaches_nothing(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, MAR_1)
    borrowers.lift_hold(
        book, act(MAR_1), borrower_id=borrower_id, hold_ref="H-1", reason="x", lifted_on=MAR_1
    )

    pay_out_late(book, loan_id, JAN_15)

    assert loan_of(book, loan_id).holds == {}


def test_a_hold_that_is_still_to_begin_is_set_again_on_its_day(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = signed(book, borrower_id=borrower_id)
    set_hold(book, borrower_id, MAR_20, from_on=date(2025, 4, 2))

    with pytest.raises(no.OnHold, match=r"begins on 2025-04-02.* set it again on its day"):
        pay_out_late(book, loan_id, JAN_15)

    assert loan_of(book, loan_id).disbursed_on is None


def test_a_draw_that_is_known_after_a_hold_is_the_one_that_the_hold_found(book: Book) -> None:
    borrower_id = registered(book)
    first, second = (lent(book, borrower_id, HELD["by the balance of each day"]) for _ in range(2))
    for loan_id in (first, second):
        pay_out(book, loan_id, amount=100_00)
    drawn: dict[str, Any] = {"amount": 50_00, "draw_ref": "DR-1", "paid_to": "ref"}
    loans.draw(book, act(FEB_1), loan_id=first, **drawn)
    set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [first, second])

    loans.draw(book, act(APR_1), loan_id=second, drawn_on=FEB_1, **drawn)

    assert money(book, second) == money(book, first)


def in_order(*names: str, pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, ...]]:
    """Every order of *names* in which the first of each pair comes before the second."""
    return [
        each
        for each in permutations(names)
        if all(each.index(first) < each.index(second) for first, second in pairs)
    ]


def lived(book: Book, arrived: Iterable[str]) -> UUID:
    """A loan with a payment of January; the rest is what became known on 1 April, in turn.

    Its payout came back in January or did not after all, and was made again, before a hold of
    March.
    """
    borrower_id = registered(book)
    loan_id = lent(book, borrower_id, HELD["with penalty and charges"])
    pay_out(book, loan_id)
    repay(book, loan_id, "P-1", 40_00, date(2025, 1, 18))
    said: dict[str, Any] = {"loan_id": loan_id, "reason": "told late"}
    people: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
    back_on, again_on = date(2025, 1, 17), date(2025, 1, 20)

    def lift(on: date) -> None:
        borrowers.lift_hold(
            book, act(APR_1), borrower_id=borrower_id, hold_ref="H-1", reason="x", lifted_on=on
        )

    does: dict[str, Callable[[], object]] = {
        "back": lambda: loans.return_payout(
            book, act(APR_1), returned_on=back_on, **said, **people
        ),
        "not back": lambda: loans.take_back(
            book, act(APR_1), fact_ref="payout-return", **said, **people
        ),
        "again": lambda: pay_out_late(book, loan_id, again_on, disbursement_ref="D-2"),
        "hold": lambda: set_hold(book, borrower_id, from_on=MAR_1, all_loans=lambda: [loan_id]),
        "lift": lambda: lift(MAR_20),
        "lift from another day": lambda: lift(date(2025, 3, 25)),
    }
    for name in arrived:
        does[name]()
    return loan_id


PAID_OUT_AGAIN = ("back", "again", "hold", "lift")
TOLD_IN_ERROR = [
    *in_order(
        *("hold", "back", "lift", "not back"), pairs=(("back", "not back"), ("hold", "lift"))
    ),
    ("hold", "back", "not back"),
    ("back", "hold", "not back"),
    ("hold", "lift", "back", "lift from another day", "not back"),
    ("back", "hold", "lift", "lift from another day", "not back"),
]


@pytest.mark.parametrize(
    "arrived", in_order(*PAID_OUT_AGAIN, pairs=(("back", "again"), ("hold", "lift"))), ids="-".join
)
def test_a_payout_that_came_back_and_a_hold_end_in_the_same_loan_in_any_order(
    book: Book, arrived: tuple[str, ...]
) -> None:
    found, expected = (lived(book, order) for order in (arrived, PAID_OUT_AGAIN))

    assert money(book, found) == money(book, expected)


@pytest.mark.parametrize("arrived", TOLD_IN_ERROR, ids="-".join)
def test_a_return_told_in_error_leaves_the_loan_under_the_holds_of_the_meantime(
    book: Book, arrived: tuple[str, ...]
) -> None:
    never = [name for name in arrived if "back" not in name]

    found, expected = (lived(book, order) for order in (arrived, never))

    assert loan_of(book, found).holds
    assert money(book, found) == money(book, expected)


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
