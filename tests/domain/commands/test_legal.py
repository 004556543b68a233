"""Claims at law, through the book: what is claimed, and that the house asks no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.collection import WRITTEN_OFF
from domain.borrower.contact import Intent
from domain.borrower.gate import Answer
from domain.borrower.lateness import LoanNotNamed
from domain.borrower.legal import AtLaw, LegalBarred, NotForLegal, StillOwed
from domain.borrower.legal_words import LegalOutcome
from domain.commands import borrowers, collecting, dispatch, legal, loans, planning, scripts
from domain.commands.book import Book
from domain.commands.collecting import Late
from domain.commands.dispatch import Subject
from domain.commands.owed import debt_figures
from domain.commands.sayings import overdue_figures
from tests.domain.commands.books import act, disbursed, loan_of, repay
from tests.domain.commands.test_agencies import late
from tests.domain.commands.test_dispatch import reminder, turn

JUN_20 = date(2025, 6, 20)
NOON = datetime.combine(JUN_20, time(4), UTC)
START = datetime.combine(JUN_20, time(), ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def book(shared: Book) -> Book:
    return shared


def refer(book: Book, loan_id: UUID, on: date = JUN_20, **said: Any) -> None:
    fields = {"reason": "no answer", "approved_by": "head of collections", **said}
    legal.refer(book, act(on), loan_id=loan_id, **fields)


def assigned(book: Book, borrower_id: UUID, *found: Late) -> None:
    collecting.assign_strategies(
        book, found, JUN_20, act=lambda: act(JUN_20), collected=[borrower_id]
    )


def last_of(book: Book, borrower_id: UUID) -> Any:
    return [*book.events.get(borrower_id)][-1]


def test_what_is_claimed_is_what_a_notice_of_that_day_would_say(book: Book) -> None:
    borrower_id, loan_id = late(book)

    refer(book, loan_id)

    event = last_of(book, borrower_id)
    loan = loan_of(book, loan_id)
    said = debt_figures(loan, JUN_20, 0)
    assert isinstance(event, Borrower.LegalReferred)
    assert said is not None
    assert said["amount"] == f"{event.claimed // 100}.{event.claimed % 100:02} CNY"
    assert event.claimed == event.principal + event.interest + event.fees + event.penalty
    assert event.outstanding > event.claimed
    assert (event.days_past_due, event.requested_by) == (125, "clerk")


def test_of_a_loan_that_was_written_off_what_is_left_of_the_claim_is_claimed(book: Book) -> None:
    borrower_id, loan_id = late(book)
    people: Any = {"requested_by": "anna", "approved_by": "bert"}
    loans.write_off(book, act(JUN_20), loan_id=loan_id, reason="lost", **people)
    repay(book, loan_id, "R-1", 100_00, JUN_20)

    refer(book, loan_id)

    event = last_of(book, borrower_id)
    assert event.claimed == event.outstanding == loan_of(book, loan_id).claim.total - 100_00


def test_a_loan_that_is_not_late_or_not_late_enough_is_not_claimed(book: Book) -> None:
    with pytest.raises(NotForLegal, match="Nothing of ours"):
        refer(book, disbursed(book), date(2025, 1, 20))
    with pytest.raises(NotForLegal, match="from 91 days on"):
        refer(book, late(book)[1], date(2025, 3, 1))


def test_nobody_is_sued_under_a_hold_that_the_rule_names(book: Book) -> None:
    borrower_id, loan_id = late(book)
    borrowers.set_hold(
        book, act(JUN_20), borrower_id=borrower_id, hold_ref="H", kind="DISPUTE", reason="paid"
    )

    with pytest.raises(LegalBarred, match="DISPUTE"):
        refer(book, loan_id)
    borrower = book.get(Borrower, borrower_id)
    assert isinstance(legal.hindrance(book, borrower, loan_id, JUN_20), LegalBarred)


def test_the_house_sends_nothing_about_a_loan_at_law_and_calls_nobody(book: Book) -> None:
    borrower_id, loan_id = late(book)
    assigned(book, borrower_id, Late(loan_id, borrower_id, "M4", 120))
    (before,) = planning.dunnings([book.get(Borrower, borrower_id)], book.rules, START)
    assert legal.hindrance(book, book.get(Borrower, borrower_id), loan_id, JUN_20) is None

    refer(book, loan_id)

    borrower = book.get(Borrower, borrower_id)
    assert [*planning.dunnings([borrower], book.rules, START)] == []
    (sent,) = dispatch.decide_all(book, [before.planned], turn(NOON))
    assert (sent.answer, sent.reasons) == (None, ("AT_LAW",))
    with pytest.raises(AtLaw):
        scripts.ask(
            book,
            act(JUN_20),
            borrower_id=borrower_id,
            contact_ref="C-1",
            intent=Intent(
                Purpose.COLLECTION, Channel.PHONE, contact_point="P-0", debt=str(loan_id)
            ),
            at=NOON,
            occasion="worklist",
        )
    assert isinstance(legal.hindrance(book, borrower, loan_id, JUN_20), AtLaw)


def test_who_is_claimed_at_law_is_asked_only_about_another_loan_that_is_named(book: Book) -> None:
    borrower_id, loan_id = late(book)
    another = disbursed(book, borrower_id=borrower_id)
    refer(book, loan_id)

    def asked(ref: str, debt: UUID | None) -> None:
        intent = Intent(
            Purpose.COLLECTION,
            Channel.SMS,
            contact_point="P-0",
            debt=None if debt is None else str(debt),
        )
        scripts.ask(
            book,
            act(JUN_20),
            borrower_id=borrower_id,
            contact_ref=ref,
            intent=intent,
            at=NOON,
            occasion="worklist",
        )

    with pytest.raises(LoanNotNamed, match=loan_of(book, loan_id).loan_ref):
        asked("C-1", None)
    asked("C-2", another)
    assert "C-2" in book.get(Borrower, borrower_id).contacts


def said_of(found: dispatch.Decided) -> dict[str, str]:
    assert found.text is not None
    return {each.figure: each.reads for each in found.text.figures}


def several(book: Book, count: int, **said: Any) -> tuple[UUID, list[UUID], dispatch.Planned]:
    """A borrower with late loans, and one message about all of them."""
    borrower_id, first = late(book)
    debts = [first, *(disbursed(book, borrower_id=borrower_id) for _ in range(count - 1))]
    about = tuple(Subject(each) for each in debts)
    planned = reminder(borrower_id, first, about=about, expires_at=NOON + timedelta(days=1), **said)
    return borrower_id, debts, planned


def test_a_message_about_several_loans_names_and_sums_those_it_may_be_about(book: Book) -> None:
    borrower_id, debts, planned = several(book, 4, purpose=Purpose.COLLECTION)
    free, at_law, disputed, sold = debts
    refer(book, at_law)
    borrowers.set_hold(
        book,
        act(JUN_20),
        borrower_id=borrower_id,
        hold_ref="H",
        kind="DISPUTE",
        reason="paid",
        loan_ids=[disputed],
    )
    people: Any = {"requested_by": "anna", "approved_by": "bert"}
    sale: Any = {"buyer_ref": "other", "price": 1_00, "sold_on": JUN_20, **people}
    loans.sell(book, act(JUN_20), loan_id=sold, **sale)

    (found,) = dispatch.decide_all(book, [planned], turn(NOON))

    said = said_of(found)
    alone = overdue_figures([loan_of(book, free)], JUN_20)
    assert (found.answer, said["loan"], said["amount"]) == (
        Answer.ALLOW,
        alone["loan"],
        alone["amount"],
    )
    event = last_of(book, borrower_id)
    assert (event.loan_id, event.also_loan_ids) == (free, None)


def test_nobody_is_reminded_of_a_loan_at_law_beside_another(book: Book) -> None:
    _, (free, at_law), planned = several(book, 2, purpose=Purpose.SERVICE_REMINDER)
    refer(book, at_law)

    (found,) = dispatch.decide_all(book, [planned], turn(NOON))

    assert said_of(found)["loan"] == loan_of(book, free).loan_ref


def test_a_message_is_not_made_after_all_once_a_loan_that_it_names_is_at_law(book: Book) -> None:
    _, (_, at_law), planned = several(book, 2, purpose=Purpose.COLLECTION)
    (first,) = dispatch.decide_all(book, [planned], turn(NOON))
    assert first.answer == Answer.ALLOW
    refer(book, at_law)

    (again,) = dispatch.decide_all(book, [planned], turn(NOON))

    assert (again.answer, again.reasons) == (Answer.BLOCK, ("AT_LAW",))


def test_a_hold_on_every_loan_of_a_message_is_told_by_the_gate(book: Book) -> None:
    borrower_id, _, planned = several(book, 2, purpose=Purpose.COLLECTION)
    borrowers.set_hold(
        book, act(JUN_20), borrower_id=borrower_id, hold_ref="H", kind="CEASE", reason="asked"
    )

    (found,) = dispatch.decide_all(book, [planned], turn(NOON))

    assert (found.answer, found.reasons) == (Answer.BLOCK, ("HOLD",))
    assert len(last_of(book, borrower_id).loan_ids) == 2


def test_of_several_loans_none_is_asked_about_when_each_is_out_of_hand(book: Book) -> None:
    borrower_id, loan_id = late(book)
    assigned(book, borrower_id, Late(loan_id, borrower_id, "M4", 120))
    (before,) = planning.dunnings([book.get(Borrower, borrower_id)], book.rules, START)
    other = disbursed(book, borrower_id=borrower_id)
    both = replace(before.planned, about=(Subject(loan_id), Subject(other)))
    borrowers.promise(
        book,
        act(JUN_20),
        loan_id=other,
        promise_ref="P",
        amount=1_00,
        promised_on=JUN_20 + timedelta(days=5),
    )

    refer(book, loan_id)

    (sent,) = dispatch.decide_all(book, [both], turn(NOON))
    assert (sent.answer, sent.reasons) == (None, ("AT_LAW",))


def test_what_was_withdrawn_is_dunned_again(book: Book) -> None:
    borrower_id, loan_id = late(book)
    assigned(book, borrower_id, Late(loan_id, borrower_id, "M4", 120))
    refer(book, loan_id)

    legal.withdraw(book, act(JUN_20), loan_id=loan_id, reason="they pay again")

    assert len([*planning.dunnings([book.get(Borrower, borrower_id)], book.rules, START)]) == 1


def test_a_claim_ends_by_itself_when_everything_is_paid(book: Book) -> None:
    borrower_id, loan_id = late(book)
    refer(book, loan_id)
    assigned(book, borrower_id)
    assert book.get(Borrower, borrower_id).is_at_law(loan_id)
    with pytest.raises(StillOwed):
        legal.end(book, act(JUN_20), loan_id=loan_id, outcome=LegalOutcome.PAID, decided_on=JUN_20)
    repay(book, loan_id, "P-ALL", loan_of(book, loan_id).payoff(JUN_20), JUN_20)

    assigned(book, borrower_id)

    event = last_of(book, borrower_id)
    assert isinstance(event, Borrower.LegalEnded)
    assert (event.outcome, event.decided_on, event.awarded) == ("PAID", JUN_20, None)


def test_a_claim_that_was_sold_is_no_claim_of_ours(book: Book) -> None:
    borrower_id, loan_id = late(book)
    refer(book, loan_id)
    people: Any = {"requested_by": "anna", "approved_by": "bert"}
    loans.sell(
        book, act(JUN_20), loan_id=loan_id, price=1_00, buyer_ref="X", sold_on=JUN_20, **people
    )

    assigned(book, borrower_id)

    assert last_of(book, borrower_id).outcome == "SOLD"


def test_a_loan_that_is_written_off_under_a_claim_stays_at_law(book: Book) -> None:
    borrower_id, loan_id = late(book)
    refer(book, loan_id)
    people: Any = {"requested_by": "anna", "approved_by": "bert"}
    loans.write_off(book, act(JUN_20), loan_id=loan_id, reason="lost", **people)

    assigned(book, borrower_id, Late(loan_id, borrower_id, WRITTEN_OFF, 125))
    assigned(book, borrower_id)

    assert book.get(Borrower, borrower_id).is_at_law(loan_id)


def test_a_judgment_is_noted_with_its_paper_and_the_house_collects_it(book: Book) -> None:
    borrower_id, loan_id = late(book)
    refer(book, loan_id)
    on = JUN_20 + timedelta(days=40)

    legal.end(
        book,
        act(on),
        loan_id=loan_id,
        outcome=LegalOutcome.JUDGMENT,
        decided_on=on,
        paper_ref="J-1",
        awarded=300_00,
    )

    assert last_of(book, borrower_id).awarded == 300_00
    assert not book.get(Borrower, borrower_id).is_at_law(loan_id)


def test_where_the_law_asks_for_a_notice_the_rule_of_the_place_says_so(book: Book) -> None:
    rules = book.policies
    assert rules.legal_standard("CN", JUN_20).notice is None
    assert rules.legal_standard("UK", JUN_20).notice == "arrears"
    assert rules.legal_standard("US", JUN_20).notice == "validation"


def test_strategies_propose_what_comes_next(book: Book) -> None:
    proposed = {
        bucket: [str(each) for each in rule.proposes]
        for bucket in ("M3", "M4", "M7", WRITTEN_OFF)
        if (rule := book.policies.strategy(bucket, JUN_20)) is not None
    }
    assert proposed == {
        "M3": [],
        "M4": ["AGENCY", "LEGAL"],
        "M7": ["LEGAL"],
        WRITTEN_OFF: ["AGENCY", "LEGAL"],
    }
