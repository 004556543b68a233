"""What a caller may rely on: once, in full, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.refusal import AlreadyThere, CommandReused, ContentionRefused, NotFound
from domain.borrower.borrower import Borrower
from domain.borrower.refusals import JurisdictionUnknown
from domain.commands import borrowers, loans, products
from domain.commands.book import Book, Command, Receipt, command, digest_of
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.product.product import OutsideLimits, Product, VersionPublished
from tests.domain.commands.books import OFFER, act, applied, disbursed, loan_of, registered, repay

FEB_15 = date(2025, 2, 15)


@pytest.fixture
def book(shared: Book) -> Book:
    """The book these tests share; each has streams of its own."""
    return shared


def events_of(book: Book, stream_id: UUID) -> list[str]:
    return [type(event).__name__ for event in book.events.get(stream_id)]


def test_a_loan_goes_all_the_way_through_the_book(book: Book) -> None:
    loan_id = disbursed(book)

    receipt = repay(book, loan_id, "P-1", 86_07, FEB_15)

    assert (receipt.stream_id, receipt.version, receipt.repeated) == (loan_id, 6, False)
    assert events_of(book, loan_id) == [
        "Applied",
        "Approved",
        "CostDisclosed",
        "ContractSigned",
        "Disbursed",
        "Repaid",
    ]
    assert loan_of(book, loan_id).balance.principal == 918_93


def test_the_same_command_again_returns_the_first_receipt(book: Book) -> None:
    loan_id, command_id = disbursed(book), uuid4()

    first = repay(book, loan_id, "P-1", 50_00, FEB_15, command_id=command_id)
    repay(book, loan_id, "P-2", 1_00, FEB_15)
    again = repay(book, loan_id, "P-1", 50_00, FEB_15, command_id=command_id)

    assert (again.stream_id, again.version) == (first.stream_id, first.version)
    assert (first.repeated, again.repeated) == (False, True)
    assert loan_of(book, loan_id).version == 7


def test_the_same_command_id_with_other_content_is_refused(book: Book) -> None:
    loan_id, command_id = disbursed(book), uuid4()
    repay(book, loan_id, "P-1", 50_00, FEB_15, command_id=command_id)

    with pytest.raises(CommandReused):
        repay(book, loan_id, "P-1", 60_00, FEB_15, command_id=command_id)
    with pytest.raises(CommandReused):
        loans.reverse(book, act(FEB_15, command_id), loan_id=loan_id, payment_ref="P-1", reason="x")

    assert loan_of(book, loan_id).version == 6


def test_a_command_that_was_done_is_done_even_if_the_rules_would_refuse_it_now(book: Book) -> None:
    loan_id, command_id = disbursed(book), uuid4()
    done = repay(book, loan_id, "P-1", 1_032_80, FEB_15, command_id=command_id)
    loans.reverse(book, act(FEB_15), loan_id=loan_id, payment_ref="P-1", reason="bounced")

    again = repay(book, loan_id, "P-1", 1_032_80, FEB_15, command_id=command_id)

    assert (again.version, again.repeated) == (done.version, True)


BEFORE_THERE_WAS_A_PLAN = {
    "requested_by": "officer",
    "approved_by": "manager",
    "amount": None,
    "term_months": None,
    "annual_rate": None,
    "grade": None,
    "model_version": None,
    "rows": None,
    "on_time": None,
}
"""What an approval said when payouts could not be planned yet."""


@pytest.mark.parametrize(
    ("asked", "said", "added"),
    [
        (loans.approve, BEFORE_THERE_WAS_A_PLAN, "draws"),
        (loans.sign, {"contract_ref": "C-1", "template_version": "1"}, "digest"),
        (loans.renew, {"consent_ref": "CONSENT-1"}, "digest"),
        (loans.convert, {"consent_ref": "CONSENT-1"}, "digest"),
        (
            loans.repay,
            {
                "amount": 50_00,
                "currency": "CNY",
                "received_on": FEB_15,
                "payment_ref": "P-1",
                "source": "BORROWER",
                "payoff": False,
                "future_money": None,
            },
            "in_place_of",
        ),
    ],
)
def test_a_command_of_before_is_the_same_now_that_more_can_be_said(
    book: Book, asked: Callable[..., Receipt], said: dict[str, Any], added: str
) -> None:
    loan_id, command_id = disbursed(book), uuid4()
    loan = loan_of(book, loan_id)
    loan.repay(
        act(FEB_15), amount=1_00, currency="CNY", received_on=FEB_15, payment_ref="P-0"
    )  # whatever the command did
    before = digest_of(asked.__name__, {"args": (), "loan_id": loan_id, **said})
    book.keep([Command(command_id, before, loan_id, loan.version)], loan)

    again = asked(book, act(FEB_15, command_id), loan_id=loan_id, **said, **{added: None})

    assert (again.version, again.repeated) == (loan.version, True)
    with pytest.raises(CommandReused):
        asked(book, act(FEB_15, command_id), loan_id=loan_id, **said, **{added: "more"})


def test_what_a_command_could_say_from_the_start_counts_though_it_is_not_said(book: Book) -> None:
    loan_id, command_id = disbursed(book), uuid4()
    said: dict[str, Any] = {
        "amount": 5_00,
        "currency": "CNY",
        "received_on": FEB_15,
        "payment_ref": "P-1",
    }

    loans.repay(book, act(FEB_15, command_id), loan_id=loan_id, future_money=None, **said)

    done = book.streams.find_command(command_id)
    content = {"args": (), "loan_id": loan_id, "future_money": None, **said}
    assert done is not None and done.digest == digest_of("repay", content)


def test_a_refused_command_leaves_nothing_and_may_come_again(book: Book) -> None:
    loan_id, command_id = applied(book), uuid4()

    with pytest.raises(no.NotDisbursed):
        repay(book, loan_id, "P-1", 50_00, FEB_15, command_id=command_id)

    assert book.streams.find_command(command_id) is None
    assert loan_of(book, loan_id).version == 1


def test_the_same_payment_under_another_command_changes_nothing(book: Book) -> None:
    loan_id = disbursed(book)
    first = repay(book, loan_id, "P-1", 50_00, FEB_15)

    again = repay(book, loan_id, "P-1", 50_00, FEB_15)

    assert (again.version, again.repeated) == (first.version, False)
    assert events_of(book, loan_id).count("Repaid") == 1


def test_what_does_not_exist_is_not_found(book: Book) -> None:
    with pytest.raises(NotFound):
        repay(book, uuid4(), "P-1", 50_00, FEB_15)
    with pytest.raises(NotFound):
        repay(book, registered(book), "P-1", 50_00, FEB_15)
    with pytest.raises(NotFound):
        borrowers.lift_hold(book, act(), borrower_id=applied(book), hold_ref="H", reason="r")


def test_an_id_that_names_a_stream_already_begins_no_other(book: Book) -> None:
    loan_id, borrower_id = applied(book), registered(book)

    for taken in (loan_id, borrower_id):
        with pytest.raises(AlreadyThere):
            loans.apply_for(
                book,
                act(),
                loan_id=taken,
                borrower_id=borrower_id,
                product_code="TEST",
                product_version=1,
                amount=1_000_00,
                term_months=12,
            )


def test_a_published_version_is_never_edited(book: Book) -> None:
    again = products.publish(book, act(), offer=OFFER)
    with pytest.raises(VersionPublished):
        products.publish(book, act(), offer=replace(OFFER, grace_days=3))
    new = products.publish(book, act(), offer=replace(OFFER, version=2, grace_days=3))

    assert (again.version, new.version) == (1, 1)
    assert again.stream_id != new.stream_id


def test_a_product_lends_within_its_limits(book: Book) -> None:
    borrower_id = registered(book)

    for amount, months in ((99_99, 12), (10_000_01, 12), (1_000_00, 25)):
        with pytest.raises(OutsideLimits):
            loans.apply_for(
                book,
                act(),
                loan_id=uuid4(),
                borrower_id=borrower_id,
                product_code="TEST",
                product_version=1,
                amount=amount,
                term_months=months,
            )


def test_an_approval_stays_within_the_product(book: Book) -> None:
    loan_id = applied(book)

    for amount in (0, 10_000_01):
        with pytest.raises(OutsideLimits):
            loans.approve(
                book, act(), loan_id=loan_id, amount=amount, requested_by="a", approved_by="b"
            )


def test_a_command_runs_again_whole_when_another_writer_was_first(book: Book) -> None:
    loan_id = disbursed(book)
    other_is_done: list[object] = []

    @command
    def repay_second(book: Book, act_: object, *, loan_id: UUID) -> Loan:
        loan = book.get(Loan, loan_id)
        if not other_is_done:
            other_is_done.append(repay(book, loan_id, "P-1", 86_07, FEB_15))
        loan.repay(act(FEB_15), amount=86_07, currency="CNY", received_on=FEB_15, payment_ref="P-2")
        return loan

    receipt = repay_second(book, act(FEB_15), loan_id=loan_id)

    assert receipt.version == 7
    loan = loan_of(book, loan_id)
    assert [part.instalment for part in loan.parts["P-2"]] == [2]


def test_a_command_gives_up_when_others_are_first_every_time(book: Book) -> None:
    loan_id = disbursed(book)

    @command
    def unlucky(book: Book, act_: object, *, loan_id: UUID) -> Loan:
        loan = book.get(Loan, loan_id)
        repay(book, loan_id, f"P-{uuid4()}", 1, FEB_15)
        loan.repay(act(FEB_15), amount=1, currency="CNY", received_on=FEB_15, payment_ref="X")
        return loan

    with pytest.raises(ContentionRefused):
        unlucky(book, act(FEB_15), loan_id=loan_id)

    assert "X" not in loan_of(book, loan_id).splits


def test_many_writers_on_one_loan_lose_nothing(book: Book) -> None:
    loan_id, together = disbursed(book), threading.Barrier(4)

    def pay(writer: int) -> int:
        together.wait()
        done = 0
        while done < 5:
            try:
                repay(book, loan_id, f"P-{writer}-{done}", 1_00, FEB_15)
            except ContentionRefused:
                continue
            done += 1
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(pay, range(4))) == 20

    loan = loan_of(book, loan_id)
    assert len(loan.splits) == 20
    assert sum(split.total for split in loan.splits.values()) == 20_00
    assert loan.version == 5 + 20


def test_the_same_command_from_two_callers_at_once_is_done_once(book: Book) -> None:
    loan_id, command_id, together = disbursed(book), uuid4(), threading.Barrier(4)

    def pay(_: int) -> bool:
        together.wait()
        return repay(book, loan_id, "P-1", 50_00, FEB_15, command_id=command_id).repeated

    with ThreadPoolExecutor(4) as pool:
        repeated = list(pool.map(pay, range(4)))

    assert sorted(repeated) == [False, True, True, True]
    assert loan_of(book, loan_id).version == 6


def test_a_promise_is_made_on_a_loan_and_kept_by_its_borrower(book: Book) -> None:
    borrower_id = registered(book)
    loan_id = disbursed(book, borrower_id=borrower_id)

    receipt = borrowers.promise(
        book, act(FEB_15), promise_ref="W-1", loan_id=loan_id, amount=50_00, promised_on=FEB_15
    )

    assert receipt.stream_id == borrower_id
    assert book.get(Borrower, borrower_id).promises["W-1"].currency == "CNY"


@pytest.mark.parametrize("jurisdiction", ["cn", "USA", "", "ANY"])
def test_a_borrower_lives_under_a_law_that_some_policy_speaks_of(
    book: Book, jurisdiction: str
) -> None:
    known = registered(book)

    with pytest.raises(JurisdictionUnknown, match="name one of CN, EU"):
        borrowers.register(
            book, act(), borrower_id=uuid4(), jurisdiction=jurisdiction, zones=["Asia/Shanghai"]
        )
    with pytest.raises(JurisdictionUnknown):
        borrowers.change_jurisdiction(
            book, act(), borrower_id=known, jurisdiction=jurisdiction, source="LETTER"
        )


def test_a_borrower_registered_twice_is_registered_once(book: Book) -> None:
    borrower_id = registered(book)

    receipt = borrowers.register(
        book, act(), borrower_id=borrower_id, jurisdiction="CN", zones=["Asia/Shanghai"]
    )

    assert receipt.version == 1
    assert events_of(book, borrower_id) == ["Registered"]


def test_streams_of_several_kinds_are_loaded_in_one_query_as_singly(book: Book) -> None:
    ids = [applied(book), disbursed(book), registered(book), uuid4()]
    repay(book, ids[1], "P-1", 50_00, FEB_15)

    together = book.streams.load(ids)

    assert set(together) == set(ids[:3])
    for stream_id, stream in together.items():
        assert stream == book.streams.load([stream_id])[stream_id]
    assert set(book.get_many(Loan, ids)) == set(ids[:2])
    assert book.find(Product, ids[0]) is None
