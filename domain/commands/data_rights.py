"""What borrowers ask about their data, and what the vault did: told on their streams."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid5

from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.data_rights import Measure
from domain.borrower.data_words import Ground, Right
from domain.commands.book import Book, command


@command
def request_about_data(
    book: Book, act: Act, *, borrower_id: UUID, request_ref: str, right: Right, received_on: date
) -> Borrower:
    """Note that a borrower asks for a restriction or an erasure."""
    borrower = book.get(Borrower, borrower_id)
    borrower.request_about_data(
        act,
        request_ref=request_ref,
        right=right,
        received_on=received_on,
        term=book.policies.request_term(borrower.jurisdiction, received_on),
    )
    return borrower


@command
def refuse_data_request(
    book: Book, act: Act, *, borrower_id: UUID, request_ref: str, ground: Ground
) -> Borrower:
    """Refuse such a request for good."""
    borrower = book.get(Borrower, borrower_id)
    borrower.refuse_data_request(act, request_ref=request_ref, ground=ground)
    return borrower


@command
def tell_measure(book: Book, act: Act, *, borrower_id: UUID, measure: Measure) -> Borrower:
    """Note what the vault did with a borrower's data, under the id of ``id_of_measure``."""
    borrower = book.get(Borrower, borrower_id)
    borrower.tell_measure(act, measure)
    return borrower


def id_of_measure(borrower_id: UUID, number: int) -> UUID:
    """The id of the command that tells a measure: whoever tells it, it is told once."""
    return uuid5(borrower_id, f"measure:{number}")
