"""Turning what is owed at the end into equal instalments, at the borrower's wish."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.terms import Conversion, FeeTerm, PlannedDraw, RateCap
from domain.loan import refusals as no
from domain.loan.as_of import standing
from domain.loan.explain import FIGURES, explain
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.what_if import Conversion as Converting
from domain.loan.what_if import what_if
from tests.domain import story
from tests.domain.story import act, given, kinds, last, paid, repay, reversed_, state, terms

FEB_15, MAR_1, MAR_15, MAR_20 = (
    date(2025, 2, 15),
    date(2025, 3, 1),
    date(2025, 3, 15),
    date(2025, 3, 20),
)
TWELVE = Conversion(most=12, offer_days=10)


def convertible(conversion: Conversion | None = TWELVE, **changes: Any) -> Loan:
    """1,000.00 at 6 %, all of it due on 15 January 2026."""
    return story.disbursed(terms(**{"method": "BULLET", "conversion": conversion, **changes}))


def offer(loan: Loan, on: date, count: int = 6) -> None:
    loan.offer_conversion(act(on), count=count)


def convert(loan: Loan, on: date, **changes: Any) -> None:
    loan.convert(act(on), consent_ref="CONSENT-1", **changes)


def converted(loan: Loan, on: date = MAR_15, count: int = 6) -> Loan:
    offer(loan, on, count)
    convert(loan, on)
    return loan


def test_the_offer_discloses_each_instalment_and_what_they_cost_in_a_year() -> None:
    loan = given(convertible())

    offer(loan, MAR_15)

    event = last(loan, Loan.ConversionOffered)
    assert [(row.due_on.month, row.principal + row.interest) for row in event.schedule] == [
        (4, 171_28),
        (5, 171_28),
        (6, 171_28),
        (7, 171_28),
        (8, 171_28),
        (9, 171_29),
    ]
    assert event.principal == 1_000_00
    assert event.interest == sum(row.interest for row in event.schedule)
    assert event.valid_until_on == date(2025, 3, 25)
    assert Decimal("0.055") < event.annualised_cost < Decimal("0.065")


def test_what_was_offered_is_what_is_owed_once_it_is_accepted() -> None:
    loan = given(convertible())

    offer(loan, MAR_15)
    convert(loan, MAR_20)

    event = last(loan, Loan.ConversionOffered)
    assert kinds(loan) == [Loan.ConversionOffered, Loan.Converted]
    assert loan.instalments == event.schedule
    assert sum(row.principal for row in loan.instalments) == 1_000_00
    assert [row.due_on.month for row in loan.instalments] == [4, 5, 6, 7, 8, 9]
    assert loan.converted_on == MAR_15


def test_interest_of_the_days_before_is_collected_with_the_first_instalment() -> None:
    loan = converted(convertible(), on=MAR_15)

    # Three months at 0.5 % of 1,000.00.
    assert loan.instalments[0].interest == 15_00
    assert loan.instalments[1].interest < 5_00


@pytest.mark.parametrize("count", [2, 6, 12])
def test_interest_only_becomes_so_many_instalments(count: int) -> None:
    loan = convertible(method="INTEREST_ONLY", term_months=6)
    repay(loan, "P-1", 5_00, FEB_15)

    converted(loan, on=MAR_1, count=count)

    open_rows = [row for row in loan.instalments if row.left]
    assert len(open_rows) == count
    assert open_rows[0].due_on == MAR_15
    assert sum(row.principal for row in loan.instalments) == 1_000_00
    levels = {row.principal + row.interest for row in open_rows[:-1]}
    assert len(levels) == 1 or count == 2


def test_an_instalment_paid_ahead_stays_paid_beside_the_new_ones() -> None:
    loan = convertible(method="INTEREST_ONLY", term_months=6)
    repay(loan, "P-1", 10_00, FEB_15)

    converted(loan, on=MAR_1, count=3)

    assert [row.due_on.month for row in loan.instalments if row.left] == [4, 5, 6]


def test_another_rate_counts_from_the_conversion_on() -> None:
    loan = converted(convertible(Conversion(12, 10, annual_rate=Decimal("0.12"))))

    assert loan.rate_on(date(2025, 3, 14)) == Decimal("0.06")
    assert loan.rate_on(MAR_15) == Decimal("0.12")
    assert loan.instalments[0].interest == 10_00 + 10_00


def test_a_rate_over_the_cap_is_not_offered() -> None:
    caps = [RateCap(date(2020, 1, 1), Decimal("0.10"), "cap-1")]
    loan = convertible(Conversion(12, 10, annual_rate=Decimal("0.12")), rate_caps=caps)

    with pytest.raises(no.RateNotSound, match="cap-1"):
        offer(loan, MAR_15)


def test_a_conversion_that_costs_more_than_the_cap_with_its_charges_is_not_offered() -> None:
    loan = convertible(
        fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 10_00)],
        rate_caps=[RateCap(date(2020, 1, 1), Decimal("0.12"), "cap-1")],
    )

    with pytest.raises(no.CostOverCap, match="cap-1"):
        offer(loan, MAR_15)


def test_a_contract_that_does_not_name_it_offers_none() -> None:
    with pytest.raises(no.NotConvertible, match="offers no conversion"):
        offer(convertible(None), MAR_15)


@pytest.mark.parametrize("count", [1, 13])
def test_only_so_many_instalments_are_offered_as_the_contract_says(count: int) -> None:
    with pytest.raises(no.NotConvertible, match="2 to 12"):
        offer(convertible(), MAR_15, count)


def test_a_loan_past_due_is_not_converted_but_where_the_contract_says_so() -> None:
    late = date(2025, 2, 16)
    plain = convertible(method="INTEREST_ONLY")
    lenient = convertible(Conversion(12, 10, when_past_due=True), method="INTEREST_ONLY")

    with pytest.raises(no.PastDue):
        offer(plain, late)
    converted(lenient, on=late)

    assert lenient.converted_on == late
    assert lenient.instalments[0].interest == 5_00


def test_a_loan_is_converted_once() -> None:
    with pytest.raises(no.NotConvertible, match="already"):
        offer(converted(convertible()), MAR_20)


def test_an_offer_runs_out() -> None:
    loan = convertible()
    offer(loan, MAR_15)

    with pytest.raises(no.NotConvertible, match="offer it"):
        convert(loan, date(2025, 3, 26))


def test_an_offer_runs_out_when_its_first_instalment_is_due() -> None:
    loan = convertible(Conversion(12, offer_days=60))
    offer(loan, MAR_1)

    assert last(loan, Loan.ConversionOffered).valid_until_on == MAR_15


def test_what_changed_since_the_offer_is_disclosed_anew_before_it_is_accepted() -> None:
    loan = convertible()
    offer(loan, MAR_15)
    repay(loan, "P-1", 100_00, date(2025, 3, 16))

    with pytest.raises(no.NotDisclosed, match="anew"):
        convert(loan, MAR_20)

    offer(loan, MAR_20)
    convert(loan, MAR_20)
    assert loan.converted_on == MAR_20


def test_the_digest_that_was_signed_must_be_that_of_the_offer() -> None:
    loan = convertible()
    offer(loan, MAR_15)

    with pytest.raises(no.NotDisclosed, match="Another offer"):
        convert(loan, MAR_15, digest="of another day")
    convert(loan, MAR_15, digest=last(loan, Loan.ConversionOffered).offer_digest)


def test_a_converted_loan_is_repaid_and_laid_anew_by_its_instalments() -> None:
    loan = converted(convertible())
    repay(loan, "P-1", loan.instalments[0].left, date(2025, 4, 15))

    loan.reschedule(
        act(date(2025, 4, 20)),
        agreed=Agreement("EXTENSION", instalments=2),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )

    rows = loan.instalments
    assert [row.due_on.month for row in rows] == [4, 5, 6, 7, 8, 9, 10, 11]
    assert len({row.principal + row.interest for row in rows[1:-1]}) == 1
    assert sum(row.principal for row in rows) == 1_000_00


def test_a_payment_found_late_counts_before_the_conversion() -> None:
    late = converted(given(convertible()))
    repay(late, "P-1", 200_00, FEB_15, MAR_20)
    in_order = convertible()
    repay(in_order, "P-1", 200_00, FEB_15)
    converted(in_order)

    assert late.instalments == in_order.instalments
    reversed_("P-1", on=date(2025, 3, 21))(late)
    assert late.instalments == converted(convertible()).instalments


def test_the_parts_of_a_converted_loan_add_up() -> None:
    loan = converted(
        convertible(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)], penalty_rate=Decimal("0.24"))
    )
    repay(loan, "P-1", 100_00, date(2025, 4, 10))
    events: list[Any] = list(loan.pending_events)

    found = explain(events, date(2025, 6, 1))

    assert found is not None and found.stood.balance is not None
    owed = vars(found.stood.balance)
    assert {figure: found.total(figure) for figure in FIGURES} == {
        **{name: owed[name] for name in FIGURES[:4]},
        "credit": owed["unapplied"],
    }
    assert "converted into 6 instalments" in {line.what for line in found.lines}


def test_a_converted_loan_is_paid_off_and_replayed() -> None:
    loan = converted(convertible())
    repay(loan, "P-1", loan.payoff(MAR_20), MAR_20, payoff=True)

    assert loan.state == "CLOSED"
    assert state(given(loan)) == state(loan)


def test_a_conversion_is_paid_in_its_new_instalments() -> None:
    loan = given(converted(convertible()), paid("P-1", 1_100_00, date(2025, 9, 15)))

    assert loan.state == "SETTLED"


# --- interest by the balance of each day -------------------------------------------------


def by_day(**changes: Any) -> Loan:
    """A limit of 1,000.00, drawn in full, at 36.5 %: 1.00 a day, in 12 rows."""
    fields = {
        "method": "INTEREST_ONLY",
        "accrual": "DAILY_BALANCE",
        "annual_rate": Decimal("0.365"),
        "day_count": "ACT/365F",
        "penalty_rate": Decimal(0),
        **changes,
    }
    return convertible(**fields)


def test_a_limit_becomes_equal_instalments_with_interest_by_each_day() -> None:
    loan = by_day()
    repay(loan, "P-1", 31_00, FEB_15)

    converted(loan, on=FEB_15, count=3)

    assert [(row.due_on.month, row.principal, row.interest) for row in loan.instalments[1:4]] == [
        (3, 324_98, 28_00),
        (4, 332_05, 20_93),
        (5, 342_97, 10_29),
    ]
    assert sum(row.principal for row in loan.instalments) == 1_000_00
    assert all(row.left == 0 for row in loan.instalments[4:])


def test_what_was_offered_is_what_is_owed_where_each_days_balance_bears_interest() -> None:
    loan = by_day()
    repay(loan, "P-1", 31_00, FEB_15)

    offer(loan, MAR_1)
    event = last(loan, Loan.ConversionOffered)
    convert(loan, date(2025, 3, 10), digest=event.offer_digest)

    assert [row for row in loan.instalments if row.left] == event.schedule
    assert event.principal == 1_000_00
    totals = {row.principal + row.interest for row in event.schedule[:-1]}
    assert len(totals) == 1
    assert abs(event.annualised_cost - Decimal("0.365")) < Decimal("0.005")


def test_what_was_drawn_a_moment_ago_costs_what_it_costs_from_then_on() -> None:
    drawn_late = by_day(term_months=6)
    repay(drawn_late, "P-1", 931_00, FEB_15)
    story.draw(drawn_late, "D-1", 900_00, date(2025, 3, 9))
    since_the_row_began = by_day(term_months=6)
    repay(since_the_row_began, "P-1", 31_00, FEB_15)

    for loan in (drawn_late, since_the_row_began):
        offer(loan, date(2025, 3, 10))

    late, whole = (last(loan, Loan.ConversionOffered) for loan in (drawn_late, since_the_row_began))
    assert late.interest < whole.interest
    assert abs(late.annualised_cost - whole.annualised_cost) < Decimal("0.01")
    assert len({row.left for row in late.schedule[:-1]}) == 1
    assert abs(late.schedule[-1].left - late.schedule[0].left) < 1_00


def test_a_bullet_by_each_days_balance_becomes_so_many_instalments() -> None:
    loan = by_day(method="BULLET")

    converted(loan, on=MAR_15, count=6)

    assert [row.due_on.month for row in loan.instalments] == [4, 5, 6, 7, 8, 9]
    assert sum(row.principal for row in loan.instalments) == 1_000_00
    # 90 days to the payout, the days before counted: all of it with the first one.
    assert loan.instalments[0].interest == 90_00
    assert loan.instalments[1].interest == 26_83
    assert len({row.left for row in loan.instalments[:-1]}) == 1


def test_a_bullet_that_was_extended_bears_interest_in_each_of_its_instalments() -> None:
    loan = by_day(method="BULLET")
    loan.reschedule(
        act(FEB_15),
        agreed=Agreement("EXTENSION", instalments=3),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )

    converted(loan, on=MAR_15, count=4)

    assert [row.due_on.month for row in loan.instalments] == [4, 5, 6, 7]
    assert [row.interest > 0 for row in loan.instalments] == [True] * 4
    assert len({row.left for row in loan.instalments[:-1]}) == 1


def test_early_money_lowers_the_interest_of_a_converted_loan_by_its_day() -> None:
    loan = converted(by_day(method="BULLET"), on=MAR_15, count=6)
    due = loan.instalments[0].left
    repay(loan, "P-1", due, date(2025, 4, 15))
    before = loan.instalments[1].interest

    repay(loan, "P-2", 300_00, date(2025, 4, 16))

    assert loan.instalments[1].interest < before
    assert loan.splits["P-2"].interest < 1_00


def test_a_limit_is_not_drawn_on_after_it_was_converted() -> None:
    loan = by_day(term_months=6)
    repay(loan, "P-1", 531_00, FEB_15)
    converted(loan, on=MAR_1, count=3)

    with pytest.raises(no.DrawNotOffered, match="converted into instalments on 2025-03-01"):
        story.draw(loan, "D-1", 10_00, MAR_15)

    events: list[Any] = list(loan.pending_events)
    stood = standing(events, MAR_1)
    assert stood is not None and stood.limit is None


def test_a_converted_limit_is_over_when_its_instalments_are_paid() -> None:
    loan = by_day(term_months=6)
    repay(loan, "P-1", 31_00, FEB_15)
    converted(loan, on=MAR_1, count=2)

    for row in [row for row in loan.instalments if row.left]:
        repay(loan, f"P-{row.number}-again", row.left, row.due_on)

    assert loan.state == "CLOSED"


def test_a_payment_found_late_counts_before_the_conversion_by_each_days_balance() -> None:
    late = by_day()
    repay(late, "P-1", 31_00, FEB_15)
    converted(late, on=MAR_1)
    repay(late, "P-2", 200_00, date(2025, 2, 20), MAR_20)
    in_order = by_day()
    repay(in_order, "P-1", 31_00, FEB_15)
    repay(in_order, "P-2", 200_00, date(2025, 2, 20))
    converted(in_order, on=MAR_1)

    assert late.ledger_on(MAR_20).rows == in_order.ledger_on(MAR_20).rows


def test_what_is_overdue_of_a_limit_is_laid_among_the_instalments() -> None:
    lenient = by_day(term_months=2, conversion=Conversion(12, 10, when_past_due=True))

    offer(lenient, date(2025, 3, 10))
    convert(lenient, date(2025, 3, 10))

    # Principal was due at the end only; January's interest stays overdue where it is.
    assert lenient.instalments[0].left == 31_00
    assert sum(row.principal for row in lenient.instalments) == 1_000_00


def test_nothing_is_converted_while_the_contract_pays_out_more() -> None:
    loan = by_day(method="BULLET", draws=[PlannedDraw(date(2025, 4, 1), 400_00)])

    with pytest.raises(no.NotConvertible, match=r"400.00 CNY more on 2025-04-01"):
        offer(loan, MAR_15)


def test_the_parts_of_a_loan_converted_by_each_days_balance_add_up() -> None:
    loan = by_day()
    repay(loan, "P-1", 31_00, FEB_15)
    converted(loan, on=MAR_1)
    repay(loan, "P-2", 100_00, date(2025, 4, 10))
    events: list[Any] = list(loan.pending_events)

    found = explain(events, date(2025, 6, 1))

    assert found is not None and found.stood.balance is not None
    owed = vars(found.stood.balance)
    assert {figure: found.total(figure) for figure in FIGURES} == {
        **{name: owed[name] for name in FIGURES[:4]},
        "credit": owed["unapplied"],
    }


def test_what_if_a_limit_were_converted() -> None:
    loan = by_day()
    repay(loan, "P-1", 31_00, FEB_15)
    events: list[Any] = list(loan.pending_events)

    found = what_if(events, [Converting(FEB_15, 3)], MAR_1)

    assert found.recorded == ["loan.conversion-offered", "loan.converted"]
