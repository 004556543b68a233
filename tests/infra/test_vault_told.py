"""What the vault did is told on the borrower's stream, once, also after a stop in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from domain.borrower.borrower import Borrower
from domain.borrower.data_words import RequestState
from domain.commands import borrowers
from domain.commands.book import Book
from infra import vault_erasure, vault_told
from infra.bootstrap import open_book
from infra.vault import Erased, Vault
from infra.vault_values import Kind
from tests.infra.vault_at_work import CN, LI, TODAY, act

UNTIL = TODAY + timedelta(days=10)


@pytest.fixture
def book(vault_url: str) -> Iterator[Book]:
    """The book beside the vault, in one database."""
    with open_book(vault_url) as opened:
        yield opened


@pytest.fixture
def person(book: Book, vault: Vault) -> UUID:
    """A borrower whose name is kept."""
    person_id = uuid4()
    borrowers.register(
        book, act(), borrower_id=person_id, jurisdiction="CN", zones=["Asia/Shanghai"]
    )
    vault.put(person_id, Kind.NAME, LI, act())
    return person_id


def names(book: Book, person: UUID) -> list[str]:
    """What the stream tells since the borrower was registered."""
    return [type(event).__name__ for event in book.events.get(person)][1:]


def restrict(vault: Vault, person: UUID, until: date = UNTIL) -> None:
    vault_erasure.restrict(vault, person, act(), until=until, reason="contests it")


def test_a_restriction_is_told_with_its_day(book: Book, vault: Vault, person: UUID) -> None:
    _, receipts = vault_told.told(book, vault, act(), person, lambda: restrict(vault, person))

    assert len(receipts) == 1
    [standing] = book.get(Borrower, person).data_restricted
    assert (standing.from_on, standing.lifted_on) == (TODAY, UNTIL)
    assert standing.known_at == vault.measures(person)[0].recorded_at


def test_what_was_not_told_before_a_stop_is_told_by_whoever_comes_next(
    book: Book, vault: Vault, person: UUID
) -> None:
    restrict(vault, person)
    assert names(book, person) == []  # stopped here

    vault_told.told(
        *(book, vault, act(), person),
        lambda: vault_erasure.release(vault, person, act(), reason="settled"),
    )

    assert names(book, person) == ["ProcessingRestricted", "RestrictionLifted"]
    assert vault_told.tell(book, vault, act()) == []


def test_a_sweep_tells_what_was_not_told_of_anybody(book: Book, vault: Vault, person: UUID) -> None:
    vault.put(stranger := uuid4(), Kind.NAME, LI, act())
    restrict(vault, stranger)
    restrict(vault, person)

    receipts = vault_told.tell(book, vault, act())

    assert [receipt.stream_id for _, receipt in receipts] == [person]


def test_an_erasure_whose_telling_was_stopped_is_told_though_the_vault_refuses(
    book: Book, vault: Vault, person: UUID
) -> None:
    vault_erasure.erase(vault, person, act(), **CN)

    with pytest.raises(Erased):
        vault_told.told(
            *(book, vault, act(), person), lambda: vault_erasure.erase(vault, person, act(), **CN)
        )

    assert names(book, person) == ["DataRequestReceived", "DataErased"]
    [request] = book.get(Borrower, person).data_requests.values()
    assert request.state == RequestState.DONE


def test_a_measure_told_by_two_at_once_is_told_once(book: Book, vault: Vault, person: UUID) -> None:
    restrict(vault, person)
    stale = book.get(Borrower, person)

    vault_told.tell(book, vault, act(), [person])
    again = list(vault_told._tell(book, vault, act(), stale))

    assert [receipt.repeated for _, receipt in again] == [True]
    assert names(book, person) == ["ProcessingRestricted"]
