"""What staff do with a running book, and how they see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.base.stream import Act
from domain.base.terms import FeeTerm
from domain.commands import borrowers, days, loans, products
from domain.commands.book import Book, Receipt
from domain.loan.loan import Loan
from entrypoints.demo.offers import HOME_CNY
from entrypoints.session import Session, session
from infra import clock
from infra.freshness import wait_for
from infra.plan import CONSUMERS
from infra.reading import Connection, connection
from tests.e2e.system import DEADLINE_SECONDS, System

JAN_1 = date(2025, 1, 1)

OFFER = replace(
    HOME_CNY,
    code="E2E",
    amount_min=100_00,
    annual_rate=Decimal("0.12"),
    penalty_rate=Decimal(0),
    fees=[FeeTerm("LATE_FEE", "ON_EVENT", 50_00)],
)
"""At one per cent a month, so that figures can be checked by hand; no penalty."""

PEOPLE = {"requested_by": "officer", "approved_by": "manager"}


@dataclass
class Staff:
    """Somebody who gives commands, notes each acknowledgement, and asks the views."""

    opened: Session
    conn: Connection
    on: date

    @property
    def book(self) -> Book:
        return self.opened.book

    def do(self, command: Callable[..., Receipt], **content: Any) -> UUID:
        """The stream of a command that was acknowledged, and noted."""
        command_id = uuid4()
        act = Act("clerk", self.on, clock.now(), command_id, command_id)
        receipt = command(self.book, act, **content)
        self.opened.journal([(command_id, receipt)])
        return receipt.stream_id

    def version(self, stream_id: UUID) -> int:
        """How many events a stream has."""
        return self.book.streams.load([stream_id])[stream_id].version

    def shown(self, view: str, *streams: UUID) -> None:
        """The view shows all that happened to these streams."""
        for stream_id in streams:
            version = self.version(stream_id)
            assert wait_for(self.conn, view, stream_id, version, DEADLINE_SECONDS), (view, version)

    def shown_everywhere(self, loan_id: UUID) -> None:
        """All views show all that happened to a loan."""
        for view in CONSUMERS:
            self.shown(view, loan_id)

    def loan(self, loan_id: UUID) -> Loan:
        """The loan itself, as its events tell it."""
        return self.book.get(Loan, loan_id)

    # --- the day --------------------------------------------------------------------

    def close_until(self, day: date) -> None:
        """The end-of-day run has closed all days up to *day*; the next is open for work."""
        days.close_days(self.book, day, zone=self.opened.settings.zone, now=clock.now)
        self.on = day + timedelta(days=1)

    # --- loans ----------------------------------------------------------------------

    def register(self) -> UUID:
        return self.do(
            borrowers.register, borrower_id=uuid4(), jurisdiction="CN", zones=["Asia/Shanghai"]
        )

    def apply(
        self, borrower_id: UUID | None = None, amount: int = 1_200_00, months: int = 3
    ) -> UUID:
        """An application with all its evidence."""
        loan_id = self.do(
            loans.apply_for,
            loan_id=uuid4(),
            borrower_id=borrower_id or self.register(),
            product_code=OFFER.code,
            product_version=OFFER.version,
            amount=amount,
            term_months=months,
        )
        for kind in OFFER.evidence:
            self.do(
                loans.add_evidence,
                loan_id=loan_id,
                kind=kind,
                source="BORROWER",
                evidence_ref=f"E-{kind}",
            )
        return loan_id

    def approve(self, loan_id: UUID) -> None:
        self.do(loans.approve, loan_id=loan_id, **PEOPLE)

    def pay_out(self, loan_id: UUID) -> None:
        """From the decision to the payout, all on one day."""
        self.approve(loan_id)
        self.do(loans.disclose, loan_id=loan_id)
        self.do(loans.sign, loan_id=loan_id, contract_ref="C-1")
        self.do(
            loans.disburse, loan_id=loan_id, disbursement_ref=f"D-{loan_id}", paid_to="account-ref"
        )

    def lend(
        self, borrower_id: UUID | None = None, amount: int = 1_200_00, months: int = 3
    ) -> UUID:
        """A loan that was paid out today."""
        loan_id = self.apply(borrower_id, amount, months)
        self.pay_out(loan_id)
        return loan_id

    def repay(
        self, loan_id: UUID, ref: str, amount: int, on: date | None = None, **more: Any
    ) -> None:
        self.do(
            loans.repay,
            loan_id=loan_id,
            amount=amount,
            currency="CNY",
            received_on=on or self.on,
            payment_ref=ref,
            **more,
        )


@contextmanager
def at_work(system: System) -> Iterator[Staff]:
    """Someone on the first day of a month, with a product to lend."""
    with session(system.settings) as opened, connection(system.database_url) as conn:
        on = days.business_date(opened.book)
        someone = Staff(opened, conn, on or JAN_1)
        if on is None:
            someone.close_until(JAN_1 - timedelta(days=1))
        elif on.day != 1:
            someone.close_until((on.replace(day=1) + timedelta(days=32)).replace(day=1)
                                - timedelta(days=1))  # fmt: skip
        someone.do(products.publish, offer=OFFER)
        yield someone
