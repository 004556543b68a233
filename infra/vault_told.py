"""Telling the borrowers' streams what the vault did with their data.

The vault acts first, alone: from then on nothing can be read that may not be, and only then is
it told. Whoever is stopped in between has told too little, never too much, and the next who
tells finishes: each measure has a number, the stream knows the last one it was told, and each
is told under an id made of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from psycopg.rows import class_row

from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.data_rights import Measure, MeasureKind
from domain.commands.book import Book, Receipt
from domain.commands.data_rights import id_of_measure, tell_measure
from infra.vault import Vault

T = TypeVar("T")

BATCH_PEOPLE = 200


@dataclass(frozen=True)
class _Taken:
    measure_id: int
    kind: str
    actor: str
    business_on: date
    recorded_at: datetime
    until: date | None
    policy_version: str | None
    requested_by: str | None
    approved_by: str | None


def told(
    book: Book, vault: Vault, act: Act, person_id: UUID, do: Callable[[], T]
) -> tuple[T, list[tuple[Act, Receipt]]]:
    """What *do* did in the vault, and the receipts of telling it.

    What was not told before is told too, also where the vault refuses.
    """
    try:
        done = do()
    except Refusal:
        tell(book, vault, act, [person_id])
        raise
    return done, tell(book, vault, act, [person_id])


def tell(
    book: Book, vault: Vault, act: Act, people: Iterable[UUID] | None = None
) -> list[tuple[Act, Receipt]]:
    """Every measure that was not told yet is told; of *people*, or of everybody.

    Whom the book does not know as a borrower has nothing told.
    """
    last = dict(
        vault.conn.execute(
            "SELECT person_id, max(measure_id) FROM vault.measure"
            " WHERE %(all)s OR person_id = ANY(%(people)s) GROUP BY person_id ORDER BY person_id",
            {"all": people is None, "people": list(people or [])},
        ).fetchall()
    )
    receipts = []
    known = list(last)
    for i in range(0, len(known), BATCH_PEOPLE):
        some = known[i : i + BATCH_PEOPLE]
        for borrower in book.get_many(Borrower, some).values():
            if borrower.last_measure < last[borrower.id]:
                receipts += list(_tell(book, vault, act, borrower))
    return receipts


def _tell(book: Book, vault: Vault, act: Act, borrower: Borrower) -> Iterator[tuple[Act, Receipt]]:
    for taken in _since(vault, borrower.id, borrower.last_measure):
        by = replace(
            act, actor=taken.actor, command_id=id_of_measure(borrower.id, taken.measure_id)
        )
        measure = Measure(
            taken.measure_id,
            MeasureKind(taken.kind),
            taken.business_on,
            taken.recorded_at,
            taken.until,
            taken.policy_version,
            taken.requested_by,
            taken.approved_by,
        )
        yield by, tell_measure(book, by, borrower_id=borrower.id, measure=measure)


def _since(vault: Vault, person_id: UUID, number: int) -> list[_Taken]:
    with vault.conn.cursor(row_factory=class_row(_Taken)) as cursor:
        return cursor.execute(
            "SELECT measure_id, kind, actor, business_on, recorded_at, until, policy_version,"
            " requested_by, approved_by FROM vault.measure WHERE person_id = %s AND measure_id > %s"
            " ORDER BY measure_id",
            (person_id, number),
        ).fetchall()
