"""Whatever terms say: they are refused in a sentence, or the schedule repays the loan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.daycount import DayCount
from domain.base.money import Rounding
from domain.base.refusal import Refusal
from domain.base.repayment import (
    ExcessInterest,
    Frequency,
    InterestOn,
    LevelFrom,
    Method,
    Repayment,
    RowShare,
    YearDays,
)
from domain.base.terms import (
    Accrual,
    FeeBase,
    FeeTerm,
    FeeTiming,
    PlannedDraw,
    RatePlan,
    RateStep,
    Terms,
)
from domain.loan.explain import explain
from domain.loan.layout import PlanImpossible
from domain.loan.loan import Loan
from domain.loan.payoff import quote_payoff
from domain.loan.quote import quote
from domain.loan.relief import CHANGES, Agreement
from domain.loan.schedule import schedule
from infra import codec
from tests.domain import story
from tests.domain.story import act, replayed, terms

T = TypeVar("T")

DAY = date(2025, 1, 31)

FREE = st.text(max_size=3)
AMOUNTS = st.one_of(
    st.integers(1, 10_000_00), st.sampled_from([1, 2, 10**15, 10**15 + 1, 0, -1, -(10**15), 10**30])
)
COUNTS = st.one_of(
    st.integers(0, 40), st.sampled_from([-1, 1200, 1201, 12_000, 12_001, 10**9, -(10**9)])
)
ODD_RATES = [Decimal(text) for text in ("0", "1E-10", "1", "1E7", "99999999", "1E9", "-0.01", "-2")]
RATES = st.one_of(
    st.decimals("0", "0.4", places=4),
    st.sampled_from([*ODD_RATES, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")]),
)
PARTS = st.one_of(st.decimals("-0.2", "1.2", places=3), st.just(Decimal(0)), RATES)
DAYS = st.one_of(
    st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.sampled_from([date.min, date.max, DAY])
)

CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "every": st.sampled_from([1, 1, 2, 6, 0, -1, 10**9]),
    "count": st.none() | COUNTS,
    "row_share": st.none() | st.sampled_from(RowShare) | FREE,
    "year_days": st.none() | st.sampled_from(YearDays) | FREE,
    "leap_rows_only": st.booleans(),
    "multiple_of": st.sampled_from([1, 1, 10, 1_00, 100_00, 10**15, 0, -1]),
    "interest_on": st.sampled_from(InterestOn) | FREE,
    "level_from": st.sampled_from(LevelFrom) | FREE,
    "excess_interest": st.sampled_from(ExcessInterest) | FREE,
    "refit": st.booleans(),
    "parts_of_rows": st.booleans(),
    "amortised_over": st.none() | COUNTS,
    "grace_principal": st.sampled_from([0, 1, 3]) | COUNTS,
    "grace_interest": st.sampled_from([0, 1, 3]) | COUNTS,
    "interest_free": st.sampled_from([0, 1, 3]) | COUNTS,
    "payment": AMOUNTS,
    "percent": PARTS,
    "least": AMOUNTS,
    "growth": PARTS,
    "shares": st.none() | st.lists(st.integers(-1, 5) | AMOUNTS, max_size=13),
    "due_on": st.none() | st.lists(DAYS, max_size=6) | st.lists(DAYS, max_size=12).map(sorted),
    "down_payment": PARTS,
}
REPAYMENTS = st.builds(Repayment) | st.fixed_dictionaries({}, optional=CHOICES).map(
    lambda chosen: Repayment(**chosen)
)
STEPS = st.lists(st.builds(RateStep, from_instalment=COUNTS, annual_rate=RATES), max_size=3)
PLANS = st.builds(
    RatePlan,
    kind=st.sampled_from(["STEP_DOWN", "SCHEDULED", "SCHEDULED", "INDEXED"]) | FREE,
    steps=STEPS,
    index=st.sampled_from([None, "LPR_1Y"]),
    margin=st.none() | RATES,
    reprice_months=st.none() | COUNTS,
)
FEES = st.builds(
    FeeTerm,
    kind=st.sampled_from(["A", "B"]),
    timing=st.sampled_from(FeeTiming) | FREE,
    amount=AMOUNTS,
    percent=st.none() | PARTS,
    base=st.sampled_from([None, *FeeBase]) | FREE,
)
ANY_TERMS = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(["CNY", "JPY", "KWD", "XXX", ""]),
        "amount": AMOUNTS,
        "term_months": st.integers(1, 36) | COUNTS,
        "frequency": st.sampled_from(Frequency) | FREE,
        "method": st.sampled_from(Method) | FREE,
        "annual_rate": RATES,
        "day_count": st.sampled_from(DayCount) | FREE,
        "rounding": st.sampled_from(Rounding) | FREE,
        "fees": st.lists(FEES, max_size=2),
        "repayment": st.none() | REPAYMENTS,
        "rate_plan": st.none() | PLANS,
        "accrual": st.none() | st.sampled_from(Accrual) | FREE,
        "draws": st.none() | st.lists(st.builds(PlannedDraw, DAYS, AMOUNTS), max_size=3),
    },
).map(lambda said: terms(**said))


def unless_refused(made: Callable[[], T]) -> T | None:
    """What is *made*; None where it is refused, which must have a code and a sentence."""
    try:
        return made()
    except Refusal as refused:
        refusal = refused
    assert refusal.code != Refusal.code
    assert refusal.sentence.endswith(".")
    return None


@for_all(ANY_TERMS, DAYS, st.none() | DAYS)
def test_any_terms_are_refused_in_a_sentence_or_repaid_by_their_schedule(
    terms: Terms, on: date, first_due_on: date | None
) -> None:
    rows = unless_refused(lambda: schedule(terms, on, first_due_on))

    if rows is None:
        return
    assert sum(row.principal for row in rows) == terms.amount
    assert all(min(row.principal, row.interest, row.fees) >= 0 for row in rows)
    assert [row.due_on for row in rows] == sorted(row.due_on for row in rows)
    assert rows[0].due_on >= on


@for_all(ANY_TERMS, DAYS, st.none() | DAYS)
def test_any_terms_are_refused_in_a_sentence_or_quoted(
    terms: Terms, on: date, first_due_on: date | None
) -> None:
    answer = unless_refused(lambda: quote(terms, on, first_due_on))

    if answer is None:
        return
    assert answer.principal == terms.amount
    assert all((cost.rate is None) == (cost.reason is not None) for cost in answer.costs)


LATEST = date(2999, 12, 31)


@pytest.mark.parametrize(
    ("said", "on", "sentence"),
    [
        ({"frequency": "CUSTOM"}, DAY, "need their due dates"),
        ({"frequency": "FORTNIGHT"}, DAY, "'FORTNIGHT' is not offered"),
        ({"day_count": "ACT/365L"}, DAY, "'ACT/365L' is not offered"),
        ({"rounding": "UP"}, DAY, "'UP' is not offered"),
        ({"amount": 0}, DAY, "cannot be lent"),
        ({"amount": 10**15 + 1}, DAY, "cannot be lent"),
        ({"annual_rate": Decimal("NaN")}, DAY, "cannot be reckoned with"),
        ({"annual_rate": Decimal("-0.01")}, DAY, "cannot be reckoned with"),
        ({"annual_rate": Decimal("0.00000000001")}, DAY, "stored exactly"),
        ({"term_months": 1201}, DAY, "1201 months cannot be scheduled"),
        ({}, date(1, 1, 1), "cannot begin on 0001-01-01"),
        ({}, LATEST, "beyond the calendar"),
        ({"method": "BULLET"}, date.max, "cannot begin"),
        ({"method": "BULLET"}, LATEST, "beyond the calendar"),
        ({"method": "CUSTOM", "repayment": Repayment(shares=[1, 2])}, DAY, "needs 12 shares"),
        ({"repayment": Repayment(every=5)}, DAY, "no whole number of rows"),
        ({"repayment": Repayment(growth=Decimal(-1))}, DAY, "above -1"),
        ({"repayment": Repayment(percent=Decimal(2))}, DAY, "from 0 to 1"),
        ({"repayment": Repayment(grace_interest=12)}, DAY, "no row that collects it"),
        ({"fees": [FeeTerm("A", "SOMETIMES", 1_00)]}, DAY, "'A' comes at a time"),
        ({"fees": [FeeTerm("A", "PER_INSTALMENT", -1)]}, DAY, "below zero"),
        (
            {"rate_plan": RatePlan("SCHEDULED", [RateStep(2, Decimal("Infinity"))])},
            DAY,
            "A rate of Infinity",
        ),
        (
            {"term_months": 1200, "amount": 10**15, "annual_rate": Decimal(10**7)},
            DAY,
            "more than any loan here can owe",
        ),
        (
            {
                "method": "FIXED_PAYMENT",
                "repayment": Repayment(payment=1_00, excess_interest="PRINCIPAL"),
            },
            DAY,
            "Instalment 1 would not pay its interest",
        ),
    ],
)
def test_what_cannot_be_scheduled_is_refused_with_what_is_wrong(
    said: dict[str, Any], on: date, sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        schedule(terms(**said), on)


def test_interest_above_a_fixed_payment_comes_on_top_where_the_terms_say_so() -> None:
    small = Repayment(payment=1_00, excess_interest="ON_TOP")

    rows = schedule(terms(method="FIXED_PAYMENT", repayment=small), DAY)

    assert [row.principal for row in rows] == [0] * 11 + [1_000_00]
    assert {row.interest for row in rows} == {5_00}


def test_flat_instalments_in_large_multiples_end_with_what_is_left() -> None:
    flat = Repayment(interest_on="DRAWN", multiple_of=30_00)

    rows = schedule(terms(amount=200_00, annual_rate=Decimal(0), repayment=flat), DAY)

    assert [row.principal for row in rows] == [30_00] * 6 + [20_00] + [0] * 5


@pytest.mark.parametrize("interest_on", ["DRAWN", "DRAWN_EVENLY"])
def test_a_loan_on_flat_interest_goes_with_one_rate(interest_on: str) -> None:
    steps = RatePlan("SCHEDULED", [RateStep(3, Decimal("0.03"))])

    with pytest.raises(PlanImpossible, match="one rate"):
        schedule(terms(rate_plan=steps, repayment=Repayment(interest_on=interest_on)), DAY)


@pytest.mark.parametrize("frequency", ["DAY", "MONTH"])
def test_twelve_hundred_instalments_of_the_largest_amount_repay_it(frequency: str) -> None:
    rows = Repayment(count=1200)
    vast = terms(amount=10**15, term_months=1200, frequency=frequency, repayment=rows)

    answer = quote(vast, DAY)

    assert len(answer.instalments) == 1200
    assert sum(row.principal for row in answer.instalments) == 10**15
    assert all(cost.rate is not None for cost in answer.costs)


def test_a_loan_whose_cost_has_no_rate_is_quoted_with_the_reason() -> None:
    whole = Repayment(due_on=[DAY + timedelta(days=1)], down_payment=Decimal("0.999999"))
    once = terms(amount=1, frequency="CUSTOM", annual_rate=Decimal(0), repayment=whole)

    answer = quote(once, DAY)

    assert [cost.rate for cost in answer.costs if cost.reason is None] == []
    assert all(cost.reason and cost.reason.endswith(".") for cost in answer.costs)


# --- what is done with a loan ---------------------------------------------------------------

MANY = [-(10**30), -1, 0, 1, 50_00, 10**15, 10**18, 10**30]
ODD_DAYS = [date.min, date(1899, 12, 31), story.JAN_15, date(2025, 2, 15), LATEST, date.max]


def _reschedule(loan: Loan, number: int, on: date, until: date, text: str) -> None:
    agreed = Agreement(
        text or "RATE_CHANGE",
        annual_rate=Decimal(number).scaleb(-8) if number % 2 else None,
        instalments=number,
        free_from=on,
        free_until=until,
    )
    loan.reschedule(
        act(TODAY),
        agreed=agreed,
        reason="ill",
        requested_by="officer",
        approved_by="manager",
        on=min(until, TODAY),
    )


TODAY = date(2025, 4, 1)
COMMANDS: dict[str, Callable[[Loan, int, date, date, str], None]] = {
    "repay": lambda loan, n, on, _, text: story.repay(loan, text, n, on, TODAY),
    "pay off": lambda loan, n, on, _, text: story.repay(loan, text, n, on, TODAY, payoff=True),
    "reverse": lambda loan, n, on, _, text: story.reversed_(text, TODAY)(loan),
    "refund": lambda loan, n, on, _, text: story.refund(loan, text, n, TODAY),
    "charge": lambda loan, n, on, _, text: story.fee_charged("F-2", TODAY, due_on=on)(loan),
    "waive": lambda loan, n, on, _, text: story.waive(loan, "F-1", n, TODAY),
    "move": lambda loan, n, on, _, text: story.moved(abs(n) % 14, on, TODAY)(loan),
    "draw": lambda loan, n, on, _, text: story.draw(loan, text, n, on, TODAY),
    "reschedule": _reschedule,
    "quote a payoff": lambda loan, n, on, _, text: _quote_payoff(loan, on),
    "explain": lambda loan, n, on, _, text: _explain(loan, on),
}


def _happened(loan: Loan) -> list[Any]:
    return [*LIVED, *loan.pending_events]


def _quote_payoff(loan: Loan, on: date) -> None:
    quote_payoff(_happened(loan), on)


def _explain(loan: Loan, on: date) -> None:
    explain(_happened(loan), on)


LIMIT = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE", fees=[story.LETTER_FEE])
CLOSED_END = terms(fees=[story.LETTER_FEE, FeeTerm("LATE", "ON_OVERDUE", 5_00)])


@for_all(
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(COMMANDS)),
            st.sampled_from(MANY) | st.integers(1, 1_000_00),
            st.sampled_from(ODD_DAYS),
            st.sampled_from(ODD_DAYS),
            st.sampled_from(["", "P-1", *CHANGES]),
        ),
        max_size=4,
    ),
)
def test_whatever_is_asked_of_a_loan_it_is_done_and_can_be_stored_or_refused(
    daily: bool, asked: list[tuple[str, int, date, date, str]]
) -> None:
    past = story.disbursed(LIMIT if daily else CLOSED_END)
    story.fee_charged("F-1", on=story.JAN_15)(past)
    LIVED[:] = past.pending_events
    loan = replayed(LIVED)

    for name, number, on, until, text in asked:
        unless_refused(lambda: COMMANDS[name](loan, number, on, until, text))  # noqa: B023

    loan.attend(act(TODAY))
    for event in loan.pending_events:
        assert codec.encode(event)


LIVED: list[Any] = []
