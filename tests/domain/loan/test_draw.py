"""Drawing and repaying at any time, within a limit."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.refusal import Refusal
from domain.base.terms import FeeTerm, Terms
from domain.loan import refusals as no
from domain.loan.as_of import standing
from domain.loan.explain import FIGURES, explain
from domain.loan.loan import Loan
from domain.loan.state import LoanState, NextActionKind
from tests.domain.story import (
    JAN_15,
    act,
    attended,
    disbursed,
    draw,
    drawn,
    given,
    happened,
    kinds,
    last,
    paid,
    recorded,
    repaid,
    repay,
    replayed,
    reversed_,
    signed,
    terms,
)

JAN_20 = date(2025, 1, 20)
JAN_30 = date(2025, 1, 30)
FEB_15 = date(2025, 2, 15)
FEB_16 = date(2025, 2, 16)
APRIL_15 = date(2025, 4, 15)


def limit(**changes: Any) -> Terms:
    """1,000.00 to draw within three months, at 7.3 %: 0.20 a day for each 1,000.00."""
    fields: dict[str, Any] = {
        "term_months": 3,
        "method": "INTEREST_ONLY",
        "accrual": "DAILY_BALANCE",
        "annual_rate": Decimal("0.073"),
        "day_count": "ACT/365F",
        **changes,
    }
    return terms(**fields)


def opened(amount: int | None = 400_00, **changes: Any) -> Loan:
    return disbursed(limit(**changes), amount=amount)


def test_less_than_the_limit_can_be_paid_out_at_first() -> None:
    loan = opened(400_00)

    event = last(loan, Loan.Disbursed)
    assert event.amount == event.balance.principal == 400_00
    assert [(row.principal, row.interest) for row in loan.instalments] == [
        (0, 2_48), (0, 2_24), (400_00, 2_48)
    ]  # fmt: skip


def test_the_whole_limit_is_paid_out_where_nothing_is_said() -> None:
    assert opened(None).balance.principal == 1_000_00


def test_more_than_the_limit_is_not_paid_out() -> None:
    with pytest.raises(no.LimitExceeded):
        opened(1_000_01)


def test_a_loan_without_a_limit_is_paid_out_in_full_or_not_at_all() -> None:
    with pytest.raises(no.DrawNotOffered):
        disbursed(amount=400_00)


def test_a_draw_bears_interest_from_its_day() -> None:
    loan = given(opened())

    draw(loan, "D-2", 100_00, JAN_30)

    # 16 days until 15 February, 0.02 each.
    assert recorded(loan) == [happened(Loan.Drawn, draw_ref="D-2", amount=100_00, state="ACTIVE")]
    assert loan.balance.principal == 500_00
    assert loan.instalments[0].interest == 2_48 + 32


def test_a_repayment_pays_interest_to_its_day_and_then_principal() -> None:
    loan = given(opened())

    repay(loan, "P-1", 100_00, on=JAN_20)

    assert recorded(loan) == [repaid("P-1", 100_00, interest=40, principal=99_60)]


def test_principal_repaid_can_be_drawn_again() -> None:
    loan = given(opened(1_000_00), paid("P-1", 100_00, on=JAN_20))

    with pytest.raises(no.LimitExceeded):
        draw(loan, "D-2", 99_01, JAN_30)
    draw(loan, "D-2", 99_00, JAN_30)

    assert loan.balance.principal == 1_000_00


def test_no_draw_exceeds_the_limit_on_a_day_that_is_past() -> None:
    loan = given(opened(), drawn("D-2", 500_00, JAN_20), paid("P-1", 500_00, on=JAN_30))

    with pytest.raises(no.LimitExceeded):
        draw(loan, "D-3", 200_00, JAN_20, known_on=JAN_30)
    draw(loan, "D-3", 200_00, JAN_30)


def test_a_bounced_payment_may_exceed_the_limit_and_stops_further_draws() -> None:
    loan = given(
        opened(1_000_00),
        paid("P-1", 502_00, on=JAN_20),
        drawn("D-2", 400_00, JAN_30),
        reversed_("P-1", on=JAN_30),
    )

    assert loan.balance.principal == 1_400_00
    with pytest.raises(no.LimitExceeded):
        draw(loan, "D-3", 1, JAN_30)


def test_a_backdated_draw_splits_later_payments_anew() -> None:
    loan = given(opened(), paid("P-1", 100_00, on=JAN_30))

    draw(loan, "D-2", 100_00, JAN_20, known_on=JAN_30)

    event = last(loan, Loan.Drawn)
    assert [
        (each.ref, each.before.interest, each.after.interest) for each in event.reallocated
    ] == [("P-1", 1_20, 1_40)]
    assert event.net.interest == 20
    assert loan.balance.principal == 400_00 + 100_00 - 98_60


def test_the_same_draw_twice_is_recorded_once() -> None:
    loan = given(opened(), drawn("D-2", 100_00, JAN_30))

    draw(loan, "D-2", 100_00, JAN_30)

    assert recorded(loan) == []
    with pytest.raises(no.DrawRefReused):
        draw(loan, "D-2", 100_01, JAN_30)


def test_nothing_is_drawn_while_something_is_past_due() -> None:
    loan = given(opened())

    with pytest.raises(no.PastDue):
        draw(loan, "D-2", 1_00, FEB_16)
    repay(loan, "P-1", 2_48, on=FEB_15, known_on=FEB_16)
    draw(loan, "D-2", 1_00, FEB_16)

    assert kinds(loan) == [Loan.Repaid, Loan.Drawn]


def test_a_draw_of_a_day_in_order_is_taken_though_something_is_past_due_by_now() -> None:
    loan = given(opened(), attended(date(2025, 3, 1)))

    draw(loan, "D-2", 100_00, JAN_30, known_on=date(2025, 3, 1))

    assert kinds(loan)[0] == Loan.Drawn
    assert loan.balance.principal == 500_00
    # 16 days of 100.00 at 7.3 % beside the 2.48 of 400.00.
    assert loan.instalments[0].interest == 2_48 + 32


def test_a_draw_of_a_day_on_which_something_was_past_due_is_refused_though_all_is_paid() -> None:
    loan = given(opened(), paid("P-1", 2_48, on=date(2025, 2, 20)))

    with pytest.raises(no.PastDue, match="2025-02-15 is past due on 2025-02-18"):
        draw(loan, "D-2", 100_00, date(2025, 2, 18), known_on=date(2025, 2, 21))


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_draw_stands_whose_loan_turns_out_to_have_been_past_due_that_day(
    accrual: str | None,
) -> None:
    lent = limit() if accrual else terms(in_parts=True)
    feb_20, mar_1 = date(2025, 2, 20), date(2025, 3, 1)
    bounced, never = (given(disbursed(lent, amount=400_00)) for _ in range(2))

    draw(never, "D-2", 100_00, JAN_30)
    draw(never, "D-3", 100_00, JAN_30)
    draw(bounced, "D-2", 100_00, JAN_30)
    repay(bounced, "P-1", 100_00, on=FEB_15)
    draw(bounced, "D-3", 100_00, feb_20)
    reversed_("P-1", on=mar_1)(bounced)

    # The money is out, and interest runs on it; what is past due is told.
    assert bounced.balance.principal == 600_00
    assert bounced.overdue_since_on == FEB_15
    assert [fact.ref for fact in bounced.facts if fact.kind == "DRAW"] == ["D-2", "D-3"]
    with pytest.raises(no.PastDue):
        draw(bounced, "D-4", 1_00, mar_1)


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_draw_and_the_payment_that_bounces_are_the_same_in_either_order(
    accrual: str | None,
) -> None:
    lent = limit() if accrual else terms(in_parts=True)
    feb_10, mar_1 = date(2025, 2, 10), date(2025, 3, 1)
    drawn_first, bounced_first = (
        given(disbursed(lent, amount=400_00), paid("P-1", 100_00, on=FEB_15)) for _ in range(2)
    )

    draw(drawn_first, "D-2", 100_00, feb_10, known_on=mar_1)
    reversed_("P-1", on=mar_1)(drawn_first)
    reversed_("P-1", on=mar_1)(bounced_first)
    draw(bounced_first, "D-2", 100_00, feb_10, known_on=mar_1)

    assert drawn_first.instalments == bounced_first.instalments
    assert drawn_first.balance == bounced_first.balance
    assert drawn_first.bucket == bounced_first.bucket


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_a_draw_found_after_the_loan_was_paid_off_is_owed(accrual: str | None) -> None:
    lent = limit() if accrual else terms(in_parts=True)
    loan = given(disbursed(lent, amount=400_00))
    repay(loan, "P-1", loan.payoff(JAN_30), on=JAN_30, payoff=True)
    assert loan.state == LoanState.CLOSED

    draw(loan, "D-2", 100_00, JAN_20, known_on=date(2025, 2, 3))

    assert loan.state == LoanState.ACTIVE
    # What was paid is split as any payment: it closes nothing any more.
    assert not loan.instalments[-1].paid_on and 99_50 < loan.balance.principal < 120_00
    with pytest.raises(no.DrawNotOffered, match="paid off on 2025-01-30"):
        draw(loan, "D-3", 100_00, JAN_30, known_on=date(2025, 2, 3))


def test_nothing_is_drawn_on_a_loan_that_is_settled() -> None:
    loan = given(disbursed(terms(in_parts=True), amount=400_00))
    repay(loan, "P-1", loan.payoff(JAN_30), on=JAN_30, payoff=True)

    with pytest.raises(no.NotActive):
        draw(loan, "D-2", 100_00, JAN_30)
    with pytest.raises(no.NotActive):
        draw(loan, "D-2", 100_00, date(2025, 2, 3))


@pytest.mark.parametrize(
    ("drawn_on", "known_on", "refusal"),
    [
        (date(2025, 1, 14), JAN_30, no.BeforeDisbursement),
        (FEB_15, JAN_30, no.DateInFuture),
        (date(2025, 4, 16), date(2025, 4, 16), no.DrawNotOffered),
    ],
)
def test_a_draw_lies_within_the_term(
    drawn_on: date, known_on: date, refusal: type[Refusal]
) -> None:
    loan = given(opened())

    with pytest.raises(refusal):
        draw(loan, "D-2", 1_00, drawn_on, known_on)


def test_a_loan_without_a_limit_is_not_drawn_on() -> None:
    loan = given(disbursed())

    with pytest.raises(no.DrawNotOffered):
        draw(loan, "D-2", 1_00, JAN_30)


def test_nothing_is_drawn_before_the_loan_is_paid_out() -> None:
    with pytest.raises(no.NotDisbursed):
        draw(signed(limit()), "D-2", 1_00, JAN_15)


def test_a_loan_repaid_in_full_stays_open_to_be_drawn_on() -> None:
    loan = given(opened())

    repay(loan, "P-1", loan.payoff(JAN_20), on=JAN_20)

    assert kinds(loan) == [Loan.Repaid]
    assert loan.state == LoanState.ACTIVE
    assert loan.payoff(JAN_30) == 0
    action = loan.next_action()
    assert action is not None
    assert (action.kind, action.due_on) == (NextActionKind.LIMIT_ENDS, APRIL_15)
    draw(loan, "D-2", 1_000_00, JAN_30)
    assert [row.interest for row in loan.instalments] == [40 + 3_20, 5_60, 6_20]


def test_a_loan_on_which_nothing_is_owed_ends_on_its_last_due_date() -> None:
    loan = given(opened(), paid("P-1", 400_40, on=JAN_20))

    loan.attend(act(APRIL_15))

    assert kinds(loan) == [Loan.Settled, Loan.Closed]
    assert loan.next_action() is None


def test_credit_is_left_to_the_borrower_when_the_limit_ends() -> None:
    loan = given(opened(), paid("P-1", 500_00, on=JAN_20), attended(APRIL_15))

    assert (loan.state, loan.unapplied) == (LoanState.SETTLED, 99_60)


def test_paying_off_ends_the_limit() -> None:
    loan = given(opened())

    repay(loan, "P-1", 400_40, on=JAN_20, payoff=True)

    assert kinds(loan) == [Loan.Repaid, Loan.Settled, Loan.Closed]
    with pytest.raises(no.NotActive):
        draw(loan, "D-2", 1_00, JAN_30)


def test_a_payoff_that_bounced_opens_the_limit_again() -> None:
    loan = given(opened(), paid("P-1", 400_40, on=JAN_20, payoff=True), reversed_("P-1", on=JAN_30))

    draw(loan, "D-2", 1_00, JAN_30)

    assert loan.balance.principal == 401_00


def test_on_a_past_day_the_loan_stood_as_what_was_drawn_by_then() -> None:
    past: list[Any] = list(opened().pending_events)
    loan = replayed(past)
    drawn("D-2", 100_00, JAN_30)(loan)
    events = [*past, *loan.pending_events]

    before, after = standing(events, JAN_20), standing(events, JAN_30)

    assert before is not None and before.balance is not None
    assert after is not None and after.balance is not None
    assert (before.balance.principal, after.balance.principal) == (400_00, 500_00)


@st.composite
def movements(draw_: st.DrawFn) -> list[tuple[str, int, int]]:
    """Draws and repayments in the first month, each with its day and amount."""
    kinds_ = st.sampled_from(["draw", "repay"])
    days = st.integers(0, 30)
    found = draw_(st.lists(st.tuples(kinds_, days, st.integers(1, 100_00)), max_size=6))
    return [(kind, day, amount) for kind, day, amount in found]


@for_all(movements(), st.randoms(use_true_random=False))
def test_draws_and_repayments_known_in_any_order_end_in_the_same_loan(
    facts: list[tuple[str, int, int]], random: Any
) -> None:
    events = opened(200_00).pending_events
    in_order, shuffled = replayed(events), replayed(events)
    # Two payments of one day are split in the order in which they came.
    payments = {day: (kind, day, amount) for kind, day, amount in facts if kind == "repay"}
    facts = [*(fact for fact in facts if fact[0] == "draw"), *payments.values()]
    named = [(f"M-{number}", *fact) for number, fact in enumerate(facts)]
    arrived = list(named)
    random.shuffle(arrived)

    for loan, told in ((in_order, sorted(named, key=lambda f: f[2])), (shuffled, arrived)):
        for ref, kind, day, amount in told:
            step = draw if kind == "draw" else repay
            step(loan, ref, amount, JAN_15 + timedelta(days=day), FEB_15)

    last_day = date(2025, 6, 1)
    for name in ("parts", "splits", "unapplied", "state"):
        assert getattr(in_order, name) == getattr(shuffled, name)
    assert in_order.ledger_on(last_day).rows == shuffled.ledger_on(last_day).rows


@for_all(movements(), st.integers(0, 120))
def test_each_figure_of_a_loan_with_a_limit_is_the_sum_of_its_parts(
    facts: list[tuple[str, int, int]], days: int
) -> None:
    loan = opened(200_00)
    for number, (kind, day, amount) in enumerate(facts):
        step = draw if kind == "draw" else repay
        step(loan, f"M-{number}", amount, JAN_15 + timedelta(days=day), FEB_15)
    events: list[Any] = list(loan.pending_events)

    told = explain(events, JAN_15 + timedelta(days=days))

    assert told is not None
    owed = told.stood.balance
    assert owed is not None
    assert [told.total(figure) for figure in FIGURES] == [
        owed.principal, owed.interest, owed.fees, owed.penalty, owed.unapplied
    ]  # fmt: skip


# --- paid out in parts on a schedule ------------------------------------------------------


def in_parts(**changes: Any) -> Loan:
    """1,200.00 over a year at 12 %, of which 600.00 are paid out at first."""
    fields = {"amount": 1_200_00, "annual_rate": Decimal("0.12"), "in_parts": True}
    return disbursed(terms(**{**fields, **changes}), amount=600_00)


def test_each_part_that_is_paid_out_is_laid_over_the_instalments_to_come() -> None:
    loan = in_parts()
    before = loan.instalments[0].left
    repay(loan, "P-1", before, on=loan.instalments[0].due_on)

    draw(loan, "D-2", 300_00, on=loan.instalments[0].due_on)

    paid, rest = loan.instalments[0], loan.instalments[1:]
    assert paid.left == 0
    assert sum(row.principal for row in loan.instalments) == 900_00
    assert {row.left for row in rest[:-1]} == {rest[0].left}
    assert rest[0].left > before


def test_no_more_is_paid_out_in_parts_than_the_contract_says() -> None:
    loan = in_parts()
    draw(loan, "D-2", 600_00, on=loan.opening[0].due_on)

    with pytest.raises(no.LimitExceeded):
        draw(loan, "D-3", 1, on=loan.opening[0].due_on)


def test_a_part_found_out_late_lays_the_rest_as_if_it_had_been_known() -> None:
    late, known = in_parts(), in_parts()
    first = known.instalments[0].due_on
    day = known.disbursed_on
    assert day is not None
    draw(known, "D-2", 300_00, on=day)
    repay(known, "P-1", 100_00, on=first)
    repay(late, "P-1", 100_00, on=first)

    late.draw(act(first), amount=300_00, draw_ref="D-2", paid_to="account", drawn_on=day)

    assert late.instalments == known.instalments
    assert late.parts == known.parts


def test_the_figures_of_a_loan_in_parts_are_the_sums_of_their_parts() -> None:
    loan = in_parts()
    first = loan.instalments[0].due_on
    draw(loan, "D-2", 300_00, on=first - timedelta(days=10))

    told = explain(list(loan.pending_events), first)  # type: ignore[arg-type]

    assert told is not None and told.stood.balance is not None
    assert told.total("principal") == told.stood.balance.principal == 900_00
    assert told.total("interest") == told.stood.balance.interest


def test_what_is_charged_at_the_payout_is_by_the_whole_amount_and_given_back_by_it() -> None:
    opening = FeeTerm(
        "OPENING", "AT_DISBURSEMENT", 0, percent=Decimal("0.01"), base="AMOUNT", earned="OVER_TERM"
    )
    loan = in_parts(fees=[opening])
    repay(loan, "P-1", 12_00, on=JAN_15)

    repay(loan, "P-2", loan.payoff(JAN_15), on=JAN_15, payoff=True)

    assert loan.state == LoanState.CLOSED
    assert loan.instalments[0].fees_paid == 0


def test_a_part_paid_out_after_all_was_paid_ahead_is_laid_over_what_is_to_come() -> None:
    loan = in_parts(annual_rate=Decimal(0))
    draw(loan, "D-2", 300_00, on=JAN_30)

    repay(loan, "P-1", 600_00, on=JAN_20, known_on=FEB_16)

    assert loan.balance.principal == 300_00
    assert {row.left for row in loan.instalments} == {25_00}
    assert sum(row.principal for row in loan.instalments) == 900_00


def test_a_part_paid_out_on_the_last_due_date_is_due_that_day() -> None:
    loan = in_parts(annual_rate=Decimal(0))
    last = loan.instalments[-1].due_on
    for row in list(loan.instalments)[:-1]:
        repay(loan, f"P-{row.number}", row.left, on=row.due_on)

    draw(loan, "D-2", 300_00, on=last)

    assert loan.instalments[-1].left == 350_00


def test_a_part_bears_interest_from_its_day_though_instalments_were_paid_ahead() -> None:
    loan = in_parts(method="INTEREST_ONLY", day_count="ACT/365F")
    repay(loan, "P-1", 6_12, on=JAN_20)

    draw(loan, "D-2", 300_00, on=JAN_30)

    # 900.00 for the 16 days to 15 February, and 600.00 for the 15 before.
    assert loan.instalments[0].interest == 7_69
