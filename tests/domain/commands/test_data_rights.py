"""Requests about data, and what the vault did, through the book."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from domain.borrower.borrower import Borrower
from domain.borrower.data_rights import Measure, MeasureKind
from domain.borrower.data_words import Ground, RequestState, Right
from domain.commands import data_rights
from domain.commands.book import Book, Receipt
from domain.commands.data_rights import id_of_measure
from tests.domain.commands.books import JAN_15, act, registered

FEB_1 = date(2025, 2, 1)
TAKEN_AT = datetime(2025, 1, 15, 5, tzinfo=UTC)
PUT_OFF = Measure(
    *(7, MeasureKind.ERASURE_REQUESTED, JAN_15, TAKEN_AT), *(FEB_1, "floor-1", "officer", "manager")
)


def tell(book: Book, borrower_id: UUID, measure: Measure = PUT_OFF) -> Receipt:
    by = act(command_id=id_of_measure(borrower_id, measure.number))
    return data_rights.tell_measure(book, by, borrower_id=borrower_id, measure=measure)


def request(book: Book, borrower_id: UUID) -> None:
    data_rights.request_about_data(
        book,
        act(),
        borrower_id=borrower_id,
        request_ref="DR-1",
        right=Right.ERASURE,
        received_on=JAN_15,
    )


def test_a_measure_is_told_once_whoever_tells_it(shared: Book) -> None:
    borrower_id = registered(shared)
    request(shared, borrower_id)

    first, second = tell(shared, borrower_id), tell(shared, borrower_id)

    assert (first.repeated, second.repeated) == (False, True)
    assert first.version == second.version
    borrower = shared.get(Borrower, borrower_id)
    assert borrower.data_requests["DR-1"].state == RequestState.PUT_OFF
    assert borrower.last_measure == 7


def test_no_term_is_known_where_no_rule_says_one(shared: Book) -> None:
    borrower_id = registered(shared)
    request(shared, borrower_id)

    assert shared.get(Borrower, borrower_id).data_requests["DR-1"].answer_by_on is None


def test_a_request_is_refused_on_a_ground(shared: Book) -> None:
    borrower_id = registered(shared)
    request(shared, borrower_id)
    data_rights.refuse_data_request(
        shared, act(), borrower_id=borrower_id, request_ref="DR-1", ground=Ground.LOAN_RUNNING
    )

    borrower = shared.get(Borrower, borrower_id)
    assert borrower.data_requests["DR-1"].state == RequestState.REFUSED
