"""A book on a real database, and a loan in it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.base.stream import Act
from domain.commands import borrowers, loans, products
from domain.commands.book import Book, Receipt
from domain.loan.loan import Loan
from domain.product.product import Offer

JAN_15 = date(2025, 1, 15)

OFFER = Offer(
    code="TEST",
    version=1,
    name="A loan to test with",
    currency="CNY",
    amount_min=100_00,
    amount_max=10_000_00,
    term_months_min=1,
    term_months_max=24,
    frequency="MONTH",
    method="EQUAL_INSTALMENTS",
    annual_rate=Decimal("0.06"),
    day_count="30/360",
    rounding="HALF_UP",
    grace_days=0,
    grace_retroactive=False,
    penalty_rate=Decimal(0),
    allocation_order=["FEE", "INTEREST", "PENALTY", "PRINCIPAL"],
    future_money="NEXT_INSTALMENT",
    fees=[],
    evidence=[],
)


def at(on: date) -> datetime:
    return datetime.combine(on, time(10), UTC)


def act(on: date = JAN_15, command_id: UUID | None = None) -> Act:
    """A clerk does something under an id of its own."""
    command_id = command_id or uuid4()
    return Act("clerk", on, at(on), command_id, command_id)


def offered(book: Book, offer: Offer = OFFER) -> None:
    """A product that can be applied for."""
    products.publish(book, act(date(2025, 1, 1)), offer=offer)


def registered(book: Book, on: date = JAN_15) -> UUID:
    """A borrower who is known."""
    borrower_id = uuid4()
    borrowers.register(
        book, act(on), borrower_id=borrower_id, jurisdiction="CN", zones=["Asia/Shanghai"]
    )
    return borrower_id


def applied(
    book: Book,
    on: date = JAN_15,
    borrower_id: UUID | None = None,
    *,
    code: str = "TEST",
    term_months: int = 12,
) -> UUID:
    """An application; the product is there."""
    loan_id = uuid4()
    loans.apply_for(
        book,
        act(on),
        loan_id=loan_id,
        borrower_id=borrower_id or registered(book, on),
        product_code=code,
        product_version=1,
        amount=1_000_00,
        term_months=term_months,
    )
    return loan_id


def disbursed(book: Book, on: date = JAN_15, borrower_id: UUID | None = None) -> UUID:
    """A loan that was paid out; the product is there."""
    loan_id = signed(book, on, borrower_id)
    loans.disburse(book, act(on), loan_id=loan_id, disbursement_ref="D-1", paid_to="account-ref-1")
    return loan_id


def signed(
    book: Book, on: date = JAN_15, borrower_id: UUID | None = None, **applied_for: Any
) -> UUID:
    """A loan that can be paid out; the product is there."""
    loan_id = applied(book, on, borrower_id, **applied_for)
    loans.approve(book, act(on), loan_id=loan_id, requested_by="officer", approved_by="manager")
    loans.disclose(book, act(on), loan_id=loan_id)
    loans.sign(book, act(on), loan_id=loan_id, contract_ref="C-1")
    return loan_id


def repay(
    book: Book, loan_id: UUID, payment_ref: str, amount: int, on: date, **changes: Any
) -> Receipt:
    """Money received and known on one day, if *known_on* does not say another."""
    return loans.repay(
        book,
        act(changes.pop("known_on", on), changes.pop("command_id", None)),
        loan_id=loan_id,
        amount=amount,
        currency="CNY",
        received_on=on,
        payment_ref=payment_ref,
        **changes,
    )


def loan_of(book: Book, loan_id: UUID) -> Loan:
    return book.get(Loan, loan_id)
