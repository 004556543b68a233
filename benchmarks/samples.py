"""Loans to measure with: one is made by the rules, the others take over its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.base.stream import Act, Stream
from domain.base.terms import Terms
from domain.commands.book import Book, Command, digest_of
from domain.loan.loan import Loan
from domain.loan.schedule import schedule
from infra import clock

DAY = date(2025, 1, 15)
TODAY = date(2025, 2, 4)
"""After everything that happened in a past: what comes now counts last."""
TERMS = Terms(
    product_code="BENCH",
    product_version=1,
    currency="CNY",
    amount=1_000_00,
    term_months=12,
    frequency="MONTH",
    method="EQUAL_INSTALMENTS",
    annual_rate=Decimal("0.06"),
    day_count="30/360",
    rounding="HALF_UP",
    grace_days=0,
    grace_retroactive=False,
    penalty_rate=Decimal("0.09"),
    allocation_order=["FEE", "INTEREST", "PENALTY", "PRINCIPAL"],
    future_money="NEXT_INSTALMENT",
    fees=[],
)
INSTALMENT = 86_07
PAYMENT = 20_00
DRAW = 15_00
"""Less than is paid in between, of which interest takes a part."""
ENVELOPE = {field.name for field in fields(Stream.Opened)} - {"effective_on"}

Fields = dict[str, Any]
Beside = Mapping[int, Callable[[Loan, date], None]]
"""What else happens to a loan, after so many payments, on the day of the last."""


def act(on: date = DAY) -> Act:
    """A clerk does something new."""
    command_id = uuid4()
    return Act("clerk", on, clock.now(), command_id, command_id)


def taken_over(first_due_on: date | None = None, terms: Terms = TERMS) -> Loan:
    """A loan with its instalments to come, its event still to be stored."""
    return Loan.migrate(
        act(),
        uuid4(),
        loan_ref="L-BENCH-00000",
        borrower_id=uuid4(),
        origin="bench",
        terms=terms,
        disbursed_on=DAY,
        accrues_from=DAY,
        rows=schedule(terms, DAY, first_due_on),
    )


def past(
    payments: int,
    first_due_on: date | None = None,
    *,
    amount: int = PAYMENT,
    first: int | None = None,
    terms: Terms = TERMS,
    beside: Beside | None = None,
) -> list[tuple[type, Fields]]:
    """What happened on a loan with so many payments: each event's kind and own fields.

    All are of one *amount*, but for the *first*, if that is said.
    """
    loan = taken_over(first_due_on, terms)
    for number in range(payments):
        on, paid = DAY + timedelta(days=number), amount if number or first is None else first
        loan.repay(act(on), amount=paid, currency="CNY", received_on=on, payment_ref=f"P-{number}")
        if beside is not None and number + 1 in beside:
            beside[number + 1](loan, on)
    return said(loan)


def drawn_and_repaid(movements: int, terms: Terms) -> list[tuple[type, Fields]]:
    """What happened on a limit that was repaid and drawn on again in turn, so many times in all."""
    loan = taken_over(terms=terms)
    for number in range(movements):
        on = DAY + timedelta(days=number)
        if number % 2:
            loan.draw(act(on), amount=DRAW, draw_ref=f"D-{number}", paid_to="bench")
        else:
            loan.repay(
                act(on), amount=PAYMENT, currency="CNY", received_on=on, payment_ref=f"P-{number}"
            )
    return said(loan)


def said(loan: Loan) -> list[tuple[type, Fields]]:
    """What is new on a loan: each event's kind, own fields and the day it counts from."""
    return [
        (type(event), {name: value for name, value in vars(event).items() if name not in ENVELOPE})
        for event in loan.pending_events
    ]


def with_past(happened: list[tuple[type, Fields]]) -> Loan:
    """Another loan on which the same happened; its events are made, none is stored."""
    (opening, opened), *rest = happened
    loan: Loan = Loan.open(opening, act(), uuid4(), **opened)
    for kind, own in rest:
        loan.record(kind, act(), **own)
    return loan


def command_on(loan: Loan) -> Command:
    """The command behind a loan's new events."""
    return Command(uuid4(), digest_of("bench", {}), loan.id, loan.version)


def fill(book: Book, count: int, happened: list[tuple[type, Fields]]) -> Iterator[list[UUID]]:
    """Store so many loans with a past; gives the ids of each batch once it is stored."""
    batch = max(1, 4_000 // len(happened))
    for start in range(0, count, batch):
        loans = [with_past(happened) for _ in range(min(batch, count - start))]
        book.keep([command_on(loan) for loan in loans], *loans)
        yield [loan.id for loan in loans]
