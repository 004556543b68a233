"""Relief of one loan that becomes known in any order, and what it finds on its day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from domain.base.terms import Conversion, FeeTerm, Renewal, Terms
from domain.loan.loan import Loan
from domain.loan.refusals import NothingChanges
from domain.loan.relief import Agreement
from domain.loan.reschedule import Change, MovedDate
from tests.domain import story
from tests.domain.story import act, terms

FEB_20, MAR_20 = date(2025, 2, 20), date(2025, 3, 20)
MAY_1 = date(2025, 5, 1)
DAYS_FREE = {"free_from": date(2025, 4, 1), "free_until": date(2025, 5, 20)}

GRANTS: dict[str, dict[str, Any]] = {
    "EXTENSION": {"instalments": 3},
    "DEFERRAL": {"instalments": 1},
    "REAGEING": {"instalments": 2},
    "MORATORIUM": DAYS_FREE,
    "RATE_CHANGE": {"annual_rate": Decimal("0.03")},
}
LOANS = {
    "scheduled": terms(),
    "daily balance": terms(accrual="DAILY_BALANCE"),
    "interest only": terms(method="INTEREST_ONLY"),
    "bullet": terms(method="BULLET"),
    "with fees": terms(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)]),
}


def agree(loan: Loan, kind: str, on: date, **asked: Any) -> None:
    known_on = max(on, MAY_1)
    loan.reschedule(
        act(known_on),
        agreed=Agreement(kind, **asked),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
        on=on,
    )


def due(loan: Loan) -> list[tuple[int, date, int, int, int]]:
    return [(r.number, r.due_on, r.principal, r.interest, r.fees) for r in loan.instalments]


def owing(loan: Loan) -> list[date]:
    """The days on which something falls due."""
    return [row.due_on for row in loan.instalments if row.principal + row.interest]


@pytest.mark.parametrize("terms", LOANS.values(), ids=LOANS)
@pytest.mark.parametrize(
    ("first", "second"), [*combinations(GRANTS, 2), *((kind, kind) for kind in GRANTS)]
)
def test_relief_is_the_same_whichever_became_known_first(
    terms: Terms, first: str, second: str
) -> None:
    in_order, the_other_way = story.disbursed(terms), story.disbursed(terms)

    agree(in_order, first, FEB_20, **GRANTS[first])
    agree(in_order, second, MAR_20, **GRANTS[second])
    agree(the_other_way, second, MAR_20, **GRANTS[second])
    agree(the_other_way, first, FEB_20, **GRANTS[first])

    assert due(in_order) == due(the_other_way)


def test_two_extensions_add_up_in_either_order() -> None:
    loan = story.disbursed()

    agree(loan, "EXTENSION", MAR_20, instalments=2)
    agree(loan, "EXTENSION", FEB_20, instalments=3)

    assert len(loan.instalments) == 17
    assert loan.instalments[-1].due_on == date(2026, 6, 15)


def test_a_bullet_is_extended_twice() -> None:
    loan = story.disbursed(terms(method="BULLET"))

    agree(loan, "EXTENSION", MAR_20, instalments=2)
    agree(loan, "EXTENSION", FEB_20, instalments=3)

    last = loan.instalments[-1]
    assert (last.due_on, last.principal) == (date(2026, 6, 15), 1_000_00)


def test_an_extension_before_a_moratorium_is_granted_after_it_too() -> None:
    loan = story.disbursed()
    agree(loan, "MORATORIUM", FEB_20, free_from=date(2025, 3, 1), free_until=date(2025, 4, 20))

    agree(loan, "EXTENSION", date(2025, 2, 18), instalments=2)

    assert len(loan.instalments) == 16


def test_an_extension_goes_on_from_the_last_instalment_that_is_still_needed() -> None:
    loan = story.disbursed()
    story.repay(loan, "P", 400_00, FEB_20, future_money="SHORTER_TERM")
    assert owing(loan)[-1] == date(2025, 10, 15)

    agree(loan, "EXTENSION", date(2025, 3, 1), instalments=2)

    assert owing(loan)[-3:] == [date(2025, 10, 15), date(2025, 11, 15), date(2025, 12, 15)]
    assert len({row.principal + row.interest for row in loan.instalments[2:10]}) == 1


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_an_instalment_that_comes_back_bears_its_fee_and_interest_again(
    accrual: str | None,
) -> None:
    account = FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)
    loan = story.disbursed(terms(fees=[account], accrual=accrual, prepayment="SHORTER_TERM"))
    story.repay(loan, "P", 400_00, FEB_20)
    gone = owing(loan)[-1]

    agree(loan, "EXTENSION", date(2025, 3, 1), instalments=2)

    again = [row for row in loan.instalments if row.due_on > gone and row.principal]
    assert len(again) == 2
    assert all(row.fees == 1_00 and row.interest > 0 for row in again)
    assert sum(row.principal for row in loan.instalments) == 1_000_00


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_prepayment_found_before_an_extension_moves_it_and_one_that_bounces_moves_it_back(
    accrual: str | None,
) -> None:
    loan = story.disbursed(terms(accrual=accrual, prepayment="SHORTER_TERM"))
    agree(loan, "EXTENSION", MAR_20, instalments=2)
    before = due(loan)

    story.repay(loan, "P", 400_00, FEB_20, MAY_1)
    shorter = owing(loan)
    story.reversed_("P", MAY_1)(loan)

    assert shorter[-1] < date(2026, 1, 15)
    assert shorter == [date(2025, month, 15) for month in range(2, 2 + len(shorter))]
    assert due(loan) == before


def test_what_was_found_late_moves_instalments_to_days_that_can_be_paid_later() -> None:
    in_order, the_other_way = story.disbursed(), story.disbursed()

    def pay_by(day: date) -> date:
        return day + timedelta(days=2)

    def extend(loan: Loan, on: date, instalments: int) -> None:
        loan.reschedule(
            act(MAY_1),
            agreed=Agreement("EXTENSION", instalments=instalments),
            reason="lost work",
            requested_by="officer",
            approved_by="manager",
            on=on,
            pay_by=pay_by,
        )

    extend(in_order, FEB_20, 3)
    extend(in_order, MAR_20, 2)
    extend(the_other_way, MAR_20, 2)
    extend(the_other_way, FEB_20, 3)

    assert in_order.instalments == the_other_way.instalments
    assert all(row.pay_by_on == pay_by(row.due_on) for row in in_order.instalments[12:])


def test_an_event_says_which_instalments_relief_came_to_when_it_was_granted() -> None:
    loan = story.disbursed()

    agree(loan, "EXTENSION", FEB_20, instalments=1)

    [granted] = [each for each in loan.pending_events if isinstance(each, Loan.Rescheduled)]
    feb_15 = date(2026, 2, 15)
    assert granted.change.more == 1
    assert granted.change.rows == [MovedDate(13, feb_15, feb_15)]


def test_relief_recorded_by_number_and_day_stays_where_it_was() -> None:
    """As events said it before they said how many."""
    loan = story.disbursed()
    days = [date(2026, 2, 15), date(2026, 3, 15)]
    rows = [MovedDate(number, day, day) for number, day in enumerate(days, 13)]
    facts = [
        loan._reschedule_fact("reschedule-1", FEB_20, Change(rows=rows)),
        loan._reschedule_fact("reschedule-2", MAR_20, Change(rows=rows[:1])),
    ]

    ledger = loan._rerun(facts)

    assert [row.due_on for row in ledger.rows[12:]] == days


def test_an_extension_found_after_a_renewal_is_counted_beside_it() -> None:
    renewing = terms(
        method="INTEREST_ONLY", term_months=3, renewal=Renewal(term_months=3, most=1, offer_days=14)
    )
    known_late, known_at_once = story.disbursed(renewing), story.disbursed(renewing)
    for loan in (known_late, known_at_once):
        for row in list(loan.instalments)[:2]:
            story.repay(loan, f"P-{row.number}", row.left, row.due_on)
    known_late.attend(act(date(2025, 4, 5)))
    known_late.renew(act(date(2025, 4, 10)), consent_ref="CONSENT")

    agree(known_late, "EXTENSION", MAR_20, instalments=1)

    assert len(known_late.instalments) == 7
    assert known_late.instalments[-1].due_on == date(2025, 8, 15)


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_loan_converted_into_so_many_instalments_has_as_many_whatever_is_found_before(
    accrual: str | None,
) -> None:
    loan = story.disbursed(
        terms(
            method="INTEREST_ONLY",
            term_months=3,
            accrual=accrual,
            conversion=Conversion(12, 20, when_past_due=True),
        )
    )
    loan.offer_conversion(act(MAR_20), count=4)
    loan.convert(act(MAR_20), consent_ref="CONSENT")

    agree(loan, "EXTENSION", FEB_20, instalments=6)

    assert [day for day in owing(loan) if day > MAR_20] == [
        date(2025, month, 15) for month in (4, 5, 6, 7)
    ]


def test_the_instalments_that_are_not_needed_any_more_stay_empty() -> None:
    loan = story.disbursed(
        terms(
            method="INTEREST_ONLY", term_months=3, conversion=Conversion(12, 20, when_past_due=True)
        )
    )
    story.repay(loan, "P", 15_00, date(2025, 1, 20))
    loan.offer_conversion(act(MAR_20), count=4)
    loan.convert(act(MAR_20), consent_ref="CONSENT")
    numbers = [row.number for row in loan.instalments]

    story.reversed_("P", MAY_1)(loan)

    assert [row.number for row in loan.instalments] == numbers
    assert sum(row.principal for row in loan.instalments) == 1_000_00
    assert len([day for day in owing(loan) if day > MAR_20]) == 4


def test_extensions_that_came_to_too_many_instalments_together_are_refused() -> None:
    loan = story.disbursed()
    agree(loan, "EXTENSION", MAR_20, instalments=1_000)

    with pytest.raises(NothingChanges, match="1200 instalments at most"):
        agree(loan, "EXTENSION", FEB_20, instalments=300)


def test_a_grant_that_a_later_one_lays_over_counted_until_that_day() -> None:
    loan = story.disbursed(
        terms(
            method="INTEREST_ONLY", term_months=3, conversion=Conversion(12, 20, when_past_due=True)
        )
    )
    loan.offer_conversion(act(MAR_20), count=4)
    loan.convert(act(MAR_20), consent_ref="CONSENT")

    agree(loan, "EXTENSION", FEB_20, instalments=1)

    assert loan.ledger_on(FEB_20).rows[-1].due_on == date(2025, 5, 15)
    assert list(loan.reliefs.values()) == ["CONVERSION", "EXTENSION"]
