"""What one borrower may be lent in all by a kind of lender that a rule limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.commands import loans, products
from domain.commands.book import Book
from domain.commands.exposure import OverExposure
from domain.loan.loan import Loan
from domain.loan.state import Exposure
from tests.domain.commands.books import JAN_15, OFFER, act, loan_of, registered, repay

MICRO: dict[str, Any] = {"jurisdiction": "CN", "lender_kind": "MICRO_LENDER"}
LIMITED: dict[str, Any] = {
    "method": "INTEREST_ONLY",
    "accrual": "DAILY_BALANCE",
    "day_count": "ACT/365F",
}
PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
FEB_15, MAR_31 = date(2025, 2, 15), date(2025, 3, 31)
MOST = 200_000_00


class Desk:
    """Lends to one borrower, and knows the loans that it lent."""

    def __init__(self, book: Book) -> None:
        self.book, self.borrower_id = book, registered(book)
        self.loans: list[UUID] = []

    def applied(self, amount: int, on: date = JAN_15, **offered: Any) -> UUID:
        code, loan_id = f"P-{uuid4().hex[:8]}", uuid4()
        offer = replace(OFFER, code=code, amount_max=300_000_00, **{**MICRO, **offered})
        products.publish(self.book, act(date(2025, 1, 1)), offer=offer)
        loans.apply_for(
            self.book,
            act(on),
            loan_id=loan_id,
            borrower_id=self.borrower_id,
            product_code=code,
            product_version=1,
            amount=amount,
            term_months=12,
        )
        self.loans.append(loan_id)
        return loan_id

    def approved(self, amount: int, on: date = JAN_15, **offered: Any) -> UUID:
        loan_id = self.applied(amount, on, **offered)
        loans.approve(self.book, act(on), loan_id=loan_id, loans=self.known, **PEOPLE)
        return loan_id

    def signed(self, amount: int, **offered: Any) -> UUID:
        loan_id = self.approved(amount, **offered)
        loans.disclose(self.book, act(), loan_id=loan_id)
        loans.sign(self.book, act(), loan_id=loan_id, contract_ref=f"C-{loan_id}")
        return loan_id

    def paid_out(self, amount: int, first: int | None = None, **offered: Any) -> UUID:
        loan_id = self.signed(amount, **offered)
        self.pay_out(loan_id, first)
        return loan_id

    def pay_out(self, loan_id: UUID, first: int | None = None) -> None:
        loans.disburse(
            self.book,
            act(),
            loan_id=loan_id,
            disbursement_ref=f"D-{loan_id}",
            paid_to="account-1",
            amount=first,
            loans=self.known,
        )

    def known(self) -> list[UUID]:
        return self.loans


@pytest.fixture
def desk(shared: Book) -> Desk:
    return Desk(shared)


def test_one_loan_up_to_the_limit_is_approved_and_says_by_which_rule(desk: Desk) -> None:
    loan_id = desk.approved(MOST)

    (approved,) = (e for e in desk.book.events.get(loan_id) if isinstance(e, Loan.Approved))
    assert approved.exposure == Exposure(0, MOST, "exposure-cn-micro-1")


@pytest.mark.parametrize(
    "lent",
    [
        pytest.param(lambda desk: desk.approved(150_000_00), id="approved"),
        pytest.param(lambda desk: desk.signed(150_000_00), id="signed"),
        pytest.param(lambda desk: desk.paid_out(150_000_00), id="paid out"),
        pytest.param(lambda desk: desk.paid_out(150_000_00, 20_000_00, **LIMITED), id="limit"),
    ],
)
def test_what_was_promised_or_lent_before_counts(desk: Desk, lent: Callable[[Desk], UUID]) -> None:
    lent(desk)
    second = desk.applied(50_000_01)

    with pytest.raises(OverExposure, match=r"150,000\.00 CNY .* 200,000\.00 CNY .* 50,000\.00 CNY"):
        loans.approve(desk.book, act(), loan_id=second, loans=desk.known, **PEOPLE)

    loans.approve(desk.book, act(), loan_id=second, amount=50_000_00, loans=desk.known, **PEOPLE)
    assert loan_of(desk.book, second).amount == 50_000_00


def test_what_was_repaid_can_be_lent_again(desk: Desk) -> None:
    first = desk.paid_out(150_000_00)
    repay(desk.book, first, "P-1", loan_of(desk.book, first).instalments[0].left, FEB_15)
    left = loan_of(desk.book, first).balance.principal

    second = desk.approved(MOST - left, FEB_15)

    assert left < 150_000_00
    (approved,) = (e for e in desk.book.events.get(second) if isinstance(e, Loan.Approved))
    assert approved.exposure is not None and approved.exposure.others == left


def test_an_offer_that_ran_out_counts_no_more(desk: Desk) -> None:
    desk.approved(150_000_00)

    second = desk.approved(MOST, MAR_31)

    assert loan_of(desk.book, second).amount == MOST


def test_a_loan_of_another_kind_of_lender_does_not_count(desk: Desk) -> None:
    desk.paid_out(150_000_00, lender_kind="BANK")

    second = desk.approved(MOST)

    assert loan_of(desk.book, second).amount == MOST


def test_a_kind_of_lender_without_a_rule_looks_nothing_up(desk: Desk) -> None:
    def none_known() -> list[UUID]:
        raise AssertionError("looked up for nothing")

    loan_id = desk.applied(300_000_00, lender_kind="BANK")
    loans.approve(desk.book, act(), loan_id=loan_id, loans=none_known, **PEOPLE)

    (approved,) = (e for e in desk.book.events.get(loan_id) if isinstance(e, Loan.Approved))
    assert approved.exposure is None


def test_of_two_that_were_approved_at_once_the_second_is_not_paid_out(desk: Desk) -> None:
    first, second = desk.applied(150_000_00), desk.applied(150_000_00)
    for loan_id in (first, second):  # neither approval saw the other loan
        loans.approve(desk.book, act(), loan_id=loan_id, loans=list, **PEOPLE)
        loans.disclose(desk.book, act(), loan_id=loan_id)
        loans.sign(desk.book, act(), loan_id=loan_id, contract_ref=f"C-{loan_id}")

    with pytest.raises(OverExposure):
        desk.pay_out(second)
    loans.withdraw(desk.book, act(), loan_id=second, reason="approved twice")
    desk.pay_out(first)

    assert loan_of(desk.book, first).exposure(JAN_15) == 150_000_00


def test_what_is_still_open_of_a_loss_counts(desk: Desk) -> None:
    first = desk.paid_out(150_000_00)
    loans.write_off(desk.book, act(FEB_15), loan_id=first, reason="no way to collect", **PEOPLE)
    lost = loan_of(desk.book, first).claim.principal
    assert lost == 150_000_00

    second = desk.applied(60_000_00, FEB_15)
    with pytest.raises(OverExposure):
        loans.approve(desk.book, act(FEB_15), loan_id=second, loans=desk.known, **PEOPLE)


def test_the_limit_counts_what_a_rate_of_zero_lends_too(desk: Desk) -> None:
    desk.paid_out(150_000_00, annual_rate=Decimal(0))

    with pytest.raises(OverExposure):
        desk.approved(60_000_00)
