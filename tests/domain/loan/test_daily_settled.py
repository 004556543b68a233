"""Interest by the balance of each day: rows that are over are not gone through again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.refusal import Refusal
from domain.base.terms import FeeTerm, Source, Terms
from domain.loan.daily_balance import UNSETTLED, DailyBalance, DailyRow, Moved
from domain.loan.daily_claims import DailyClaims
from domain.loan.daily_ledger import DailyLedger
from domain.loan.facts import Fact, FactKind
from domain.loan.loan import Loan
from domain.loan.schedule import schedule
from domain.loan.timetable import has_limit
from tests.domain.loan.test_daily_balance import FEB_1, JAN_1, JULY_1, MAR_1, MAR_10, daily, lent
from tests.domain.loan.test_properties import ATTEMPTS, DAILY, PLANS, Try, paid_out, planned, tried
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LOAN_ID,
    act,
    drawn,
    given,
    paid,
    repay,
    reversed_,
)

JAN_20 = date(2024, 1, 20)
APR_1 = date(2024, 4, 1)
APR_9 = date(2024, 4, 9)
APR_10 = date(2024, 4, 10)

LIVES = st.builds(planned, DAILY, PLANS).filter(lambda terms: terms.term_months > 2)
Rows = Callable[..., list[DailyRow]]


def whole(rows: Rows, balance: DailyBalance, moved: Moved, *asked: Any) -> list[DailyRow]:
    """The rows as they are found from the first one on."""
    anew = moved.copy()
    anew.settled = UNSETTLED
    return [each._replace(stretches=list(each.stretches)) for each in rows(balance, anew, *asked)]


@contextmanager
def found_both_ways() -> Iterator[list[int]]:
    """Compare rows with those of the whole walk whenever any are asked for; tells how many knew."""
    rows, knew = DailyBalance.rows, list[int]()

    def compared(
        balance: DailyBalance, moved: Moved, *asked: Any, count: int | None = None
    ) -> list[DailyRow]:
        expected = whole(rows, balance, moved, *asked)
        knew.append(len(moved.settled.rows))
        found = rows(balance, moved, *asked, count=count)
        assert count is None or len(found) >= count
        same = [each._replace(stretches=list(each.stretches)) for each in found]
        assert same == expected[: None if count is None else len(found)]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DailyBalance, "rows", compared)
        yield knew


def daily_ledger(loan: Loan) -> DailyLedger:
    ledger = loan._ledger()
    assert isinstance(ledger, DailyLedger)
    return ledger


def steps_by(random: Random) -> list[tuple[bool, Try | None]]:
    """What is tried on a loan, mostly one thing, and whether all that is due is paid before."""
    return [
        (
            random.random() < 0.7,
            Try(
                random.choice([0, 1, 5, 17, 31]),
                random.choice(["repay", "repay", *ATTEMPTS]),
                random.choice([20_00, 200_00, 900_00]),
                random.randrange(8),
                random.choice([0, 0, 1, 20, 60]),
            )
            if random.random() < 0.6
            else None,
        )
        for _ in range(12)
    ]


STEPS = st.integers(0, 10**9).map(lambda seed: steps_by(Random(seed)))


def lives(terms: Terms, steps: list[tuple[bool, Try | None]]) -> Iterator[tuple[Loan, date]]:
    """A loan after each of the steps, and the day; instalments are mostly paid as they fall due."""
    loan, on = paid_out(terms)(), JAN_15
    for number, (pays, it) in enumerate(steps):
        on += timedelta(days=it.days_later if it else 30)
        if pays and loan.accrues_from is not None:
            due = sum(row.left for row in loan.rows_on(on) if row.due_on <= on)
            with suppress(Refusal):
                repay(loan, f"DUE-{number}", due, on=on)
        if it is not None:
            tried(loan, number, on, it)
        if loan.accrues_from is not None:
            yield loan, on


@for_all(LIVES, STEPS, st.lists(st.integers(-100, 400), min_size=1, max_size=4), st.booleans())
def test_whatever_happens_the_rows_known_already_are_those_found_from_the_first_one_on(
    terms: Terms, steps: list[tuple[bool, Try | None]], days: list[int], kept: bool
) -> None:
    with found_both_ways():
        for loan, on in lives(terms, steps):
            ledger = daily_ledger(loan) if kept else loan._rerun(loan.facts)
            more = [Fact(FactKind.PAYMENT, "MORE", on, loan.facts_taken, 20_00)]
            if has_limit(ledger.laid.terms):
                more.append(Fact(FactKind.DRAW, "MORE", on, loan.facts_taken, 5_00))
            for fact in more:
                for day in days:  # past and future, one after the other
                    ledger.rows_on(on + timedelta(days=day))
                ledger.take(fact)
                ledger.rows_on(on)


@for_all(LIVES, STEPS)
def test_whatever_happens_what_was_paid_on_each_day_follows_from_the_state_of_the_loan(
    terms: Terms, steps: list[tuple[bool, Try | None]]
) -> None:
    for loan, on in lives(terms, steps):
        if not loan._needs_a_run():
            kept, anew = daily_ledger(loan), loan._rerun(loan.facts)
            assert isinstance(anew, DailyLedger)
            assert paid_by_day(kept) == paid_by_day(anew)
            for day in (on, on + timedelta(days=70)):
                assert kept.rows_on(day) == anew.rows_on(day)


@for_all(LIVES, STEPS, st.sampled_from([1, 20_00, 900_00]), st.sampled_from(Source))
def test_whatever_happened_a_payment_finds_the_same_whether_or_not_all_rows_to_come_are_known(
    terms: Terms, steps: list[tuple[bool, Try | None]], amount: int, source: str
) -> None:
    for loan, on in lives(terms, steps):
        if not loan._needs_a_run():
            for kind in (FactKind.PAYMENT, FactKind.CREDIT, FactKind.PAYOFF):
                fact = Fact(kind, "MORE", on, loan.facts_taken, amount, source=source)
                short, whole = daily_ledger(loan), daily_ledger(loan)
                short.take_last(fact)
                with every_row_asked():
                    whole.take(fact)
                assert after(short, on) == after(whole, on)


@for_all(LIVES, STEPS, st.sampled_from([1, 20_00, 900_00]))
def test_whatever_happened_a_row_that_was_paid_its_equal_instalment_takes_nothing_in_advance(
    terms: Terms, steps: list[tuple[bool, Try | None]], amount: int
) -> None:
    for loan, on in lives(terms, steps):
        fact = Fact(FactKind.PAYMENT, "MORE", on, loan.facts_taken, amount)
        passed = loan._rerun([*loan.facts, fact])
        with every_row_asked():
            asked = loan._rerun([*loan.facts, fact])
        assert (passed.parts, passed.rows_on(on)) == (asked.parts, asked.rows_on(on))


def test_a_row_that_was_paid_all_but_a_cent_of_its_equal_instalment_takes_the_cent_first() -> None:
    loan = given(lent(), paid("P-1", 17_00, on=JAN_20))

    repay(loan, "P-2", 5_00, on=JAN_20)

    paid_on_first, paid_on_second = loan.parts["P-2"]
    assert paid_on_first.principal + paid_on_first.interest == 1
    assert paid_on_second.principal + paid_on_second.interest == 4_99


@contextmanager
def every_row_asked() -> Iterator[None]:
    """Offer money to rows that were paid their equal instalment, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DailyClaims, "_was_paid_its_level", lambda _claims, _row: False)
        yield


def after(ledger: DailyLedger, on: date) -> list[object]:
    """What is known after a payment of a day, then and later."""
    looks = [ledger.rows_on(day) for day in (on, on + timedelta(days=70))]
    splits = ledger.parts, ledger.splits, ledger.unapplied
    return [*looks, *splits, paid_by_day(ledger), ledger.balance(on), ledger.is_over(on)]


def paid_by_day(ledger: DailyLedger) -> tuple[list[int], list[int], dict[date, int]]:
    moved = ledger.moved
    changes = {day: amount for day, amount in moved.changes.items() if amount}
    return moved.principal, moved.interest, changes


def three_paid() -> Loan:
    return given(
        lent(),
        paid("P-1", 17_01, on=FEB_1),
        paid("P-2", 17_01, on=MAR_1),
        paid("P-3", 17_01, on=APR_1),
    )


def test_a_payment_goes_on_from_the_first_row_that_is_not_over_and_paid() -> None:
    loan = three_paid()

    with found_both_ways() as knew:
        repay(loan, "P-4", 5_00, on=APR_9)

    assert len(knew) > 1
    assert knew[0] == 0
    assert set(knew[1:]) == {3}


def test_one_that_is_dated_back_lets_each_later_one_go_on_from_what_was_over_by_then() -> None:
    loan = three_paid()

    with found_both_ways() as knew:
        repay(loan, "P-4", 5_00, on=MAR_10, known_on=APR_9)

    assert knew == sorted(knew)
    assert knew[-1] == 2  # of the row of March, the third, something is left now


def test_where_a_payment_is_reversed_one_row_less_is_over_and_paid() -> None:
    loan = three_paid()
    reversed_("P-2", on=APR_9)(loan)
    ledger = daily_ledger(loan)

    with found_both_ways():
        ledger.rows_on(JULY_1)

    assert len(ledger.moved.settled.rows) == 2  # what was for the third pays the second


def test_what_is_drawn_on_a_day_leaves_the_rows_before_it_as_they_are() -> None:
    loan = given(
        lent(method="INTEREST_ONLY", repayment=None),
        paid("P-1", 60_58, on=FEB_1),
        drawn("D-1", 20_00, on=date(2024, 2, 20)),
        paid("P-2", 40, on=MAR_1),
    )
    ledger = daily_ledger(loan)

    with found_both_ways():
        ledger.rows_on(MAR_10)

    assert len(ledger.moved.settled.rows) == 2


def test_of_a_row_looked_at_in_the_future_a_payment_of_today_changes_the_days_to_come() -> None:
    loan = three_paid()
    repay(loan, "P-4", 17_01, on=APR_9)  # the row of April is paid in advance
    ledger = daily_ledger(loan)

    with found_both_ways() as knew:
        ledger.rows_on(JULY_1)
        ledger.take(Fact(FactKind.PAYMENT, "P-5", APR_10, loan.facts_taken, 5_00))
        ledger.rows_on(JULY_1)

    assert knew == [0, 4, 4, 0]


def test_interest_that_is_paid_after_the_principal_of_its_row_changes_that_row() -> None:
    order = ["FEE", "PRINCIPAL", "INTEREST", "PENALTY"]
    loan = given(lent(allocation_order=order), paid("P-1", 16_43, on=FEB_1))
    ledger = daily_ledger(loan)

    with found_both_ways():
        ledger.rows_on(MAR_1)
        assert len(ledger.moved.settled.rows) == 1
        ledger.take(Fact(FactKind.PAYMENT, "P-2", MAR_1, loan.facts_taken, 20_00))
        first = ledger.rows_on(MAR_1)[0]

    assert first.left == 0


def test_what_is_paid_back_on_the_day_of_the_payout_counts_from_that_day() -> None:
    fee = FeeTerm("OPENING", "AT_DISBURSEMENT", 2_00)
    loan = lent(fees=[fee])
    ledger = daily_ledger(loan)

    with found_both_ways():
        ledger.rows_on(JAN_1)
        ledger.take(Fact(FactKind.PAYMENT, "P-1", JAN_1, loan.facts_taken, 12_00))
        rows = ledger.rows_on(JAN_1)

    assert (rows[1].principal, rows[1].interest) == (16_49, 52)


def test_of_a_loan_taken_over_what_was_paid_before_stays_paid_from_the_day_it_began_here() -> None:
    contract = daily()
    first, *others = schedule(contract, JAN_1)
    known = replace(first, principal_paid=10_00, interest_paid=58)
    loan = Loan.migrate(
        act(FEB_1),
        LOAN_ID,
        loan_ref="L-1",
        borrower_id=BORROWER_ID,
        origin="core",
        terms=contract,
        disbursed_on=JAN_1,
        accrues_from=JAN_1,
        rows=[known, *others],
    )
    repay(loan, "P-1", 6_43, on=FEB_1)

    kept, anew = daily_ledger(loan), loan._rerun(loan.facts)

    assert isinstance(anew, DailyLedger)
    assert paid_by_day(kept) == paid_by_day(anew)
    assert kept.rows_on(MAR_1) == anew.rows_on(MAR_1)
    assert kept.principal_owed(MAR_1) == 83_57
