"""What an auditor reads: each part of a figure with its formula, each label with its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.calendar import BusinessDays
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RatePlan, RateStep, Subsidy, Terms
from domain.loan.explain import IN_ALL, explain
from domain.loan.explained import Explanation, Line, Reason, Rule, change_said
from domain.loan.loan import Loan
from domain.loan.payoff import quote_payoff
from domain.loan.relief import Agreement
from tests.domain.formulas import assert_formulas_close
from tests.domain.story import (
    CLASSES,
    JAN_15,
    LETTER_FEE,
    Step,
    act,
    attended,
    disbursed,
    draw,
    fee_charged,
    held,
    moved,
    paid,
    pay_day_moved,
    refunded,
    reversed_,
    taken_back,
    terms,
    written_off,
)

FEB_14, FEB_15, FEB_20 = date(2025, 2, 14), date(2025, 2, 15), date(2025, 2, 20)
MAR_1, MAR_15, MAR_26 = date(2025, 3, 1), date(2025, 3, 15), date(2025, 3, 26)
APR_1, JULY_1, SEPT_1 = date(2025, 4, 1), date(2025, 7, 1), date(2025, 9, 1)
PENALISED = terms(penalty_rate=Decimal("0.365"), grace_days=3)
BY_DAY = terms(accrual="DAILY_BALANCE")


def told(loan: Loan, on: date, *steps: Step, classed: bool = True) -> Explanation:
    for step in steps:
        step(loan)
    events: list[Any] = list(loan.pending_events)
    found = explain(events, on, CLASSES if classed else None)
    assert found is not None
    return found


def granted(agreed: Agreement, on: date) -> Step:
    return lambda loan: loan.reschedule(
        act(on), agreed=agreed, reason="lost work", requested_by="clerk", approved_by="manager"
    )


def parts(found: Explanation, figure: str) -> list[tuple[str, int]]:
    return [(line.what, line.amount) for line in found.lines if line.figure == figure]


def part(found: Explanation, figure: str, begins: str) -> Line:
    [line] = [
        line for line in found.lines if line.figure == figure and line.what.startswith(begins)
    ]
    return line


def reasons(found: Explanation, figure: str) -> list[str]:
    chain = found.chain(figure)
    assert chain is not None
    return [reason.what for reason in chain.reasons]


def reason(found: Explanation, figure: str, begins: str) -> Reason:
    chain = found.chain(figure)
    assert chain is not None
    [one] = [each for each in chain.reasons if each.what.startswith(begins)]
    return one


# --- payoff -------------------------------------------------------------------------------


def test_what_closes_a_loan_is_what_is_due_and_what_accrued_to_the_day() -> None:
    found = told(disbursed(), APR_1, paid("P-1", 86_07, on=FEB_15))

    assert parts(found, "payoff") == [
        ("principal, see that figure", 918_93),
        ("interest due 2025-03-15", 4_59),
        ("interest accrued to 2025-04-01 in the period that ends 2025-04-15", 2_23),
    ]
    assert part(found, "payoff", "interest due").formula == "4.59, all unpaid"
    assert part(found, "payoff", "interest accrued").formula == (
        "837.45 x 6 % x 30/360 from 2025-03-15 to 2025-04-01 = 2.233200, rounded half up"
    )
    assert found.total("payoff") == found.stood.payoff == 925_75


def test_what_closes_a_loan_adds_up_to_its_quote() -> None:
    fees = [
        LETTER_FEE,
        FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=Decimal("0.02"), base="PRINCIPAL"),
    ]
    loan = disbursed(replace(PENALISED, fees=fees))

    found = told(loan, MAR_26, paid("P-1", 50_00, on=FEB_14), attended(MAR_26))

    events: list[Any] = list(loan.pending_events)
    assert found.total("payoff") == quote_payoff(events, MAR_26).amount
    early = part(found, "payoff", "charged for paying early")
    assert (early.amount, early.formula) == (16_75, "EARLY 2 % of 837.45 not due, rounded half up")
    assert sum(line.amount for line in found.lines if line.what.startswith("penalty acc")) > 0


def test_a_fee_that_is_not_earned_is_given_back_by_days() -> None:
    fee = FeeTerm("SERVICE", "AT_DISBURSEMENT", 30_00, earned="OVER_TERM")
    loan = disbursed(terms(method="BULLET", fees=[fee]))

    back = part(told(loan, APR_1, paid("P-1", 30_00, on=JAN_15)), "payoff", "fee not earned")

    assert back.amount == -23_75
    assert back.formula == (
        "SERVICE earned by days: 289 of 365 from 2025-01-15 to 2026-01-15 are to come,"
        " rounded half up"
    )


def test_credit_lowers_what_closes_a_loan_and_never_below_nothing() -> None:
    early = told(disbursed(terms(term_months=2)), FEB_20, paid("P-1", 2_000_00, on=FEB_15))
    later = told(disbursed(), FEB_14, paid("P-1", 20_00, on=FEB_14))

    assert early.total("payoff") == (early.stood.payoff or 0) == 0
    assert later.total("payoff") == later.stood.payoff


def test_by_contract_the_whole_interest_of_the_period_may_be_owed() -> None:
    found = told(disbursed(terms(settling="TO_NEXT_DUE")), MAR_1)

    line = part(found, "payoff", "interest of the period running")
    assert (line.amount, line.formula) == (4_59, "4.59")


def test_a_statutory_rebate_is_named() -> None:
    found = told(disbursed(terms(settling="STATUTORY_UK")), MAR_1)

    line = part(found, "payoff", "interest after the statutory rebate")
    assert line.formula is not None and "the statute settles the schedule with" in line.formula
    assert found.total("payoff") == found.stood.payoff


def test_by_the_balance_of_each_day_a_payoff_counts_to_the_day() -> None:
    found = told(disbursed(BY_DAY), MAR_26, paid("P-1", 50_00, on=FEB_14))

    line = part(found, "payoff", "interest accrued to 2025-03-26")
    assert line.formula == (
        "954.83 x 6 % x 30/360 from 2025-03-15 to 2025-03-26 = 1.750522, rounded half up"
    )
    assert found.total("payoff") == found.stood.payoff


def test_days_on_hold_and_another_rate_stand_in_the_formula_of_a_payoff() -> None:
    dearer = granted(Agreement("RATE_CHANGE", annual_rate=Decimal("0.12")), MAR_1)
    found = told(
        disbursed(),
        date(2025, 3, 10),
        paid("P-1", 86_07, on=FEB_15),
        dearer,
        held("H-1", date(2025, 3, 5), stops_interest=True),
    )

    line = part(found, "payoff", "interest accrued")
    assert line.formula is not None
    assert "12 % x" in line.formula and "on days on hold" in line.formula
    assert found.total("payoff") == found.stood.payoff


# --- overdue ------------------------------------------------------------------------------


def test_what_is_overdue_is_told_by_instalment_and_component() -> None:
    found = told(disbursed(PENALISED), MAR_26, paid("P-1", 50_00, on=FEB_14))

    lines = [line for line in found.lines if line.figure == "overdue"]
    assert [(line.instalment, line.amount, line.formula) for line in lines] == [
        (1, 36_07, "81.07 less 45.00 paid"),
        (2, 81_48, "81.48 less 0.00 paid"),
        (2, 4_59, "4.59 less 0.00 paid"),
    ]
    assert found.total("overdue") == found.stood.amount_overdue == 122_14


# --- days past due and bucket -------------------------------------------------------------

CLOSED = BusinessDays("CN", weekend=frozenset({5, 6}), holidays=frozenset({date(2025, 3, 21)}))


def test_days_past_due_are_traced_from_the_contract_to_the_day() -> None:
    loan = disbursed(replace(PENALISED, calendar="CN"), business_days=CLOSED)
    found = told(
        loan,
        MAR_26,
        paid("P-1", 86_07, on=FEB_15),
        moved(2, date(2025, 3, 21), FEB_20, business_days=CLOSED),
        paid("P-2", 30_00, on=date(2025, 3, 10)),
        paid("P-3", 56_07, on=MAR_15),
        reversed_("P-3", MAR_26),
    )

    assert reasons(found, "days-past-due") == [
        "of what is unpaid, instalment 2 is to be paid first; it fell due 2025-03-15 by contract",
        "moved to 2025-03-21 by move-1",
        "2025-03-21 is no business day of the calendar CN: it can be paid until 2025-03-24",
        "30.00 of it was paid by P-2",
        "payment P-3 of 2025-03-15 does not stand",
        "56.07 of it is unpaid, accrued penalty apart",
        "3 days of grace, to 2025-03-27, hold back penalty and charges, not days past due",
        "from 2025-03-24 to 2025-03-26 it is 2 days",
    ]
    by = {event.originator_version: type(event) for event in loan.pending_events}
    chain = found.chain("days-past-due")
    assert chain is not None
    behind = [by[each.version] for each in chain.reasons if each.version]
    assert behind[:2] == [Loan.Disbursed, Loan.DueDateMoved]
    assert Loan.RepaymentReversed in behind
    assert reasons(found, "bucket") == ["2 days past due; M1 is 1 to 30 days"]


def test_a_loan_in_order_says_what_is_to_be_paid_next() -> None:
    found = told(disbursed(), FEB_15)

    assert reasons(found, "days-past-due")[-1] == (
        "it can be paid until 2025-02-15, which is not over: nothing is late"
    )
    assert reasons(found, "bucket") == ["0 days past due; M0 is no day past due"]


def test_an_instalment_that_was_laid_anew_is_late_from_its_new_day() -> None:
    reaged = granted(Agreement("REAGEING", instalments=2), JULY_1)
    found = told(disbursed(), SEPT_1, attended(JULY_1), reaged)

    assert reasons(found, "days-past-due")[0] == (
        "of what is unpaid, instalment 6 is to be paid first; it fell due 2025-07-15"
        " as it was laid anew"
    )
    assert found.chain("bucket").value == "M2"  # type: ignore[union-attr]


def test_a_pay_day_that_was_moved_and_taken_back_counts_no_more() -> None:
    found = told(
        disbursed(), MAR_1, pay_day_moved(1, 25, JAN_15), taken_back("move-0", date(2025, 1, 20))
    )

    assert reasons(found, "days-past-due")[0].endswith("it fell due 2025-02-15 by contract")


# --- asset class --------------------------------------------------------------------------


def test_a_class_names_its_policy_its_limits_and_the_worst_of_what_holds_it() -> None:
    reaged = granted(Agreement("REAGEING", instalments=2), JULY_1)
    loan = disbursed()
    found = told(loan, SEPT_1, attended(JULY_1), reaged)

    said = reasons(found, "class")
    assert said[0].startswith("48 days past due, see that figure; by days a loan is special")
    assert said[0].endswith("special mention since 2025-07-16")
    assert said[1].startswith("restructured on 2025-07-01 (re-ageing reschedule-0): at least")
    assert "late from 2025-02-15 to 2025-07-01, 135 days at its worst" in said
    assert (
        said[-1]
        == "substandard since 2025-07-01: having been non-performing asks for the worst one"
    )
    relief = reason(found, "class", "restructured")
    [event] = [e for e in loan.pending_events if e.originator_version == relief.version]
    assert isinstance(event, Loan.Rescheduled)
    assert relief.rules == (Rule("ASSET_CLASS", "classes-test"),)


def test_an_observation_that_is_over_is_told_as_over() -> None:
    extended = granted(Agreement("EXTENSION", instalments=2), FEB_14)
    watched = told(disbursed(terms(method="BULLET", term_months=36)), MAR_1, extended)
    over = told(disbursed(terms(method="BULLET", term_months=36)), date(2026, 3, 1), extended)

    assert "that holds until 2026-02-14" in reasons(watched, "class")[1]
    assert reasons(watched, "class")[-1].startswith("special mention since 2025-02-14: the obs")
    assert "that ended 2026-02-14" in reasons(over, "class")[1]
    assert reasons(over, "class")[-1].startswith("normal since 2026-02-14: nothing asks for")


def test_without_a_policy_no_class_is_said() -> None:
    found = told(disbursed(), MAR_1, classed=False)

    assert found.chain("class").value is None  # type: ignore[union-attr]
    assert reasons(found, "class") == ["no policy says how loans of this product are classed"]


# --- cost ---------------------------------------------------------------------------------


def test_what_a_loan_costs_in_a_year_is_the_rate_that_makes_its_payments_worth_nothing() -> None:
    found = told(disbursed(), MAR_26, paid("P-1", 86_07, on=FEB_15))

    chain = found.chain("cost")
    assert chain is not None and chain.value == f"{found.stood.annualised_cost:f}"
    flows = [each for each in chain.reasons if each.amount is not None]
    assert [(each.on, each.what, each.amount) for each in flows[:3]] == [
        (JAN_15, "paid out", 1_000_00),
        (FEB_15, "payment P-1", -86_07),
        (MAR_26, "owed, as if paid that day", -86_07),
    ]
    assert flows[0].worth == 1_000_00
    assert chain.reasons[0].what.startswith("6.00071284 % a year was disclosed before signing")
    assert "all of it is worth 0.000000 on 2025-01-15" in chain.reasons[-1].what


def test_a_draw_and_a_refund_are_payments_to_the_borrower() -> None:
    limit = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE")
    loan = disbursed(limit, amount=400_00)
    found = told(
        loan,
        MAR_1,
        lambda loan: draw(loan, "D-1", 100_00, date(2025, 2, 1)),
        paid("P-1", 600_00, on=FEB_14),
        refunded("R-1", 10_00, on=FEB_20),
    )

    chain = found.chain("cost")
    assert chain is not None
    amounts = {each.what: each.amount for each in chain.reasons if each.amount is not None}
    assert amounts["draw D-1"] == 100_00
    assert amounts["refund R-1"] == 10_00


# --- how it ends --------------------------------------------------------------------------


def test_a_loss_is_what_was_owed_by_then_and_nothing_accrues_after_it() -> None:
    loan = disbursed(PENALISED)

    found = told(loan, date(2025, 5, 1), paid("P-1", 50_00, on=FEB_14), written_off(APR_1))

    [loss] = [event for event in loan.pending_events if isinstance(event, Loan.WrittenOff)]
    for figure in ("principal", "interest", "fees", "penalty"):
        lost = sum(amount for what, amount in parts(found, figure) if what == "written off")
        assert lost == -getattr(loss, figure), figure
        assert found.total(figure) == 0
    assert loss.interest < sum(a for w, a in parts(found, "interest") if w == "interest")
    assert "not owed when it was written off" in dict(parts(found, "interest"))
    for figure in IN_ALL:
        assert parts(found, figure) == []
    assert reasons(found, "bucket") == [
        "the loan is written off: nothing on it falls due, and nothing is late"
    ]
    assert reason(found, "cost", "the loan was lost or sold").on == APR_1


# --- the schedule -------------------------------------------------------------------------

TIERED = RatePlan("SCHEDULED", [RateStep(2, Decimal("0.12"))])


@pytest.mark.parametrize(
    "shape",
    [
        terms(),
        terms(day_count="ACT/365F"),
        terms(day_count="ACT/ACT ICMA"),
        terms(rate_plan=TIERED),
        terms(method="EQUAL_PRINCIPAL"),
        terms(method="INTEREST_ONLY"),
        terms(method="BULLET", day_count="ACT/360"),
        terms(repayment=Repayment(interest_on="DRAWN")),
        terms(repayment=Repayment(interest_on="DRAWN", down_payment=Decimal("0.2"))),
        terms(repayment=Repayment(interest_on="DRAWN_EVENLY")),
        terms(repayment=Repayment(down_payment=Decimal("0.2"))),
        terms(repayment=Repayment(grace_interest=3)),
        terms(repayment=Repayment(grace_principal=2, grace_interest=2)),
        terms(repayment=Repayment(interest_free=2)),
        terms(
            annual_rate=Decimal("0.9"),
            term_months=24,
            repayment=Repayment(excess_interest="NEXT_ROW", amortised_over=600),
        ),
        terms(repayment=Repayment(row_share="NOMINAL", year_days="360")),
        terms(in_parts=True),
        terms(currency="JPY", amount=100_000),
        terms(currency="KWD", amount=1_000_000),
        terms(fees=[FeeTerm("SERVICE", "AT_DISBURSEMENT", 30_00)]),
    ],
)
def test_the_formula_of_each_instalment_comes_to_its_interest(shape: Terms) -> None:
    first = shape.amount // 2 if shape.in_parts else None

    found = told(disbursed(shape, amount=first), JAN_15)

    assert any(line.what == "interest" and line.formula for line in found.lines)
    assert_formulas_close(found, shape)


def test_flat_interest_in_equal_parts_tells_the_whole_and_the_part() -> None:
    found = told(disbursed(terms(repayment=Repayment(interest_on="DRAWN_EVENLY"))), JAN_15)

    lines = [line for line in found.lines if line.what == "interest"]
    assert lines[0].formula == (
        "1,000.00 x 6 % x 1 years = 60.000000 in all, / 12 = 5.000000, rounded half up"
    )
    assert lines[-1].formula is not None and lines[-1].formula.endswith("less what the others have")
    assert sum(line.amount for line in lines) == 60_00


def test_each_rate_says_where_it_is_from() -> None:
    cut = granted(Agreement("RATE_CHANGE", annual_rate=Decimal("0.03")), MAR_1)
    rated = [
        (line.on, line.what)
        for line in told(disbursed(terms(rate_plan=TIERED)), MAR_26, cut).lines
        if line.figure == "interest" and " a year from " in line.what
    ]

    assert rated == [
        (
            date(2025, 1, 16),
            "6 % a year from 2025-01-16: as approved for the contract on TEST version 1",
        ),
        (date(2025, 2, 16), "12 % a year from 2025-02-16: scheduled by the contract"),
        (date(2025, 3, 2), "3 % a year from 2025-03-02: rate change: lost work"),
    ]


def test_a_fee_says_which_of_the_contract_it_is_and_of_what() -> None:
    fees = [
        LETTER_FEE,
        FeeTerm("SERVICE", "AT_DISBURSEMENT", 0, percent=Decimal("0.03")),
        FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00),
        FeeTerm("SHARE", "PER_INSTALMENT", 0, percent=Decimal("0.01"), base="PRINCIPAL"),
        FeeTerm("LATE", "ON_OVERDUE", 0, percent=Decimal("0.05"), base="PRINCIPAL_AND_INTEREST"),
    ]

    loan = disbursed(terms(fees=fees))
    found = told(
        loan, MAR_1, paid("P-1", 50_00, on=FEB_14), fee_charged("F-1", FEB_20), attended(MAR_1)
    )

    said = {(line.what, line.instalment): line.formula for line in found.lines if line.formula}
    assert said["fees at disbursement", 0] == (
        "SERVICE 3 % of the amount of 1,000.00, rounded half up"
    )
    assert said["fees with the instalment", 1] == (
        "ACCOUNT 1.00 by contract + SHARE 1 % of the principal of 81.07, rounded half up"
    )
    assert said["LETTER F-1 charged", 2] == "LETTER 20.00 by contract"
    late = part(found, "fees", "LATE overdue:LATE:1 charged")
    assert late.formula is not None
    assert late.formula.startswith("LATE 5 % of the unpaid principal and interest of ")
    assert found.total("fees") == found.stood.balance.fees  # type: ignore[union-attr]


def test_what_a_partner_pays_is_told_and_owed_by_nobody_here() -> None:
    loan = disbursed(terms(subsidy=Subsidy("SHOP", Decimal("0.02"))))
    found = told(loan, MAR_1, paid("P-1", 86_07, on=FEB_15), attended(MAR_1))

    [line] = [line for line in found.lines if line.what.startswith("SHOP pays")]
    assert line.what == (
        "SHOP pays 1.67 at 2 % for 2025-01-15 to 2025-02-15, which the borrower does not owe"
    )
    assert (line.amount, line.instalment) == (0, 1)


def test_penalty_that_stopped_where_the_rest_was_laid_anew_keeps_its_formula() -> None:
    reaged = granted(Agreement("REAGEING", instalments=2), MAR_1)

    line = part(told(disbursed(PENALISED), MAR_26, reaged), "penalty", "penalty accrued until")

    assert line.formula == (
        "36.5 % (by contract) on 81.07 x 30/360 from 2025-02-18 to 2025-03-01, rounded half up"
    )


def test_a_penalty_says_that_its_rate_is_of_the_contract() -> None:
    line = part(told(disbursed(PENALISED), MAR_1), "penalty", "penalty accrued")

    assert line.formula == (
        "36.5 % (by contract) on 81.07 x 30/360 from 2025-02-18 to 2025-03-01, rounded half up"
    )


def test_days_on_which_nothing_is_overdue_any_more_are_no_part_of_a_penalty() -> None:
    paid_late = paid("P-1", 90_00, on=date(2025, 2, 25))

    line = part(told(disbursed(PENALISED), MAR_15, paid_late), "penalty", "penalty accrued")

    assert line.formula is not None
    assert "81.07 x 30/360 from 2025-02-18 to 2025-02-25" in line.formula
    assert " 0.00 x " not in line.formula


def test_of_a_loss_before_a_relief_it_is_said_what_was_set_aside_and_brought_back() -> None:
    said = [change_said(kind) for kind in ("REAGEING", "SET_ASIDE", "BROUGHT_BACK")]

    assert said == [
        "re-ageing",
        "later changes of the schedule set aside",
        "later changes of the schedule brought back",
    ]
