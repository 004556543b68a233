"""The rows that a view has after some events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import ModuleType
from typing import Any

from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from projections import Add, Put
from tests.domain.story import BORROWER_ID, LOAN_ID, TERMS, act

Rows = dict[str, list[dict[str, Any]]]


def rows(view: ModuleType, *streams: Stream) -> Rows:
    """Every row of *view*, by table in the order of making, after all events of *streams*."""
    return rows_after(view, [event for stream in streams for event in stream.pending_events])


def rows_after(view: ModuleType, events: Iterable[Any]) -> Rows:
    """Every row of *view* after *events*."""
    tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {
        table.name: {} for table in view.TABLES
    }
    columns = {table.name: (table.key, set(table.columns)) for table in view.TABLES}
    for event in events:
        for change in view.changes(event):
            assert isinstance(change, Put | Add)
            key, known = columns[change.table]
            assert set(change.key) == set(key)
            row = tables[change.table].setdefault(tuple(change.key.values()), dict(change.key))
            if isinstance(change, Put):
                assert set(change.values) <= known - set(key)
                row.update(change.values)
            else:
                assert set(change.amounts) <= known - set(key)
                for name, amount in change.amounts.items():
                    row[name] = row.get(name, 0) + amount
    return {name: list(found.values()) for name, found in tables.items()}


def only(found: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """These columns of each row."""
    return [tuple(row[name] for name in names) for row in found]


def borrower(*zones: str) -> Borrower:
    """Someone who may borrow, the event still to be stored."""
    return Borrower.register(
        act(),
        BORROWER_ID,
        borrower_ref="B-1",
        jurisdiction="CN",
        zones=list(zones) or ["Asia/Shanghai"],
    )


def migrated() -> Loan:
    """A loan taken over on 15 January with two instalments left, one of them late.

    400.00 of principal, 6.00 of interest, and 10.00 of credit.
    """
    return Loan.migrate(
        act(),
        LOAN_ID,
        loan_ref="L-1",
        borrower_id=BORROWER_ID,
        origin="old book",
        terms=TERMS,
        disbursed_on=date(2024, 2, 1),
        accrues_from=date(2024, 12, 1),
        rows=[
            Instalment(11, date(2025, 1, 1), date(2025, 1, 2), 200_00, 4_00, 0),
            Instalment(12, date(2025, 2, 1), date(2025, 2, 3), 200_00, 2_00, 0),
        ],
        unapplied=10_00,
    )
