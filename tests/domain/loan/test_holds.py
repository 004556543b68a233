"""Holds that reach a loan's money: penalty and interest stop, also in the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RatePlan, RateStep, Subsidy
from domain.loan.as_of import standing
from domain.loan.explain import explain
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.what_if import Hold, what_if
from tests.domain import story
from tests.domain.story import (
    CLASSES,
    JAN_15,
    Step,
    act,
    attended,
    disbursed,
    given,
    held,
    hold_rule,
    kinds,
    last,
    paid,
    released,
    replayed,
    terms,
)

MAR_15 = date(2025, 3, 15)
APR_15 = date(2025, 4, 15)
MAY_15 = date(2025, 5, 15)
JUN_1 = date(2025, 6, 1)
LATE = terms(
    annual_rate=Decimal(0),
    method="EQUAL_PRINCIPAL",
    term_months=10,
    day_count="ACT/365F",
    penalty_rate=Decimal("0.365"),
)
"""1,000.00 in ten rows of 100.00; each day that one is late costs 0.10."""
INTEREST_ONLY = terms(
    annual_rate=Decimal("0.365"),
    method="INTEREST_ONLY",
    day_count="ACT/365F",
    penalty_rate=Decimal(0),
)
"""1,000.00 that bear 1.00 a day."""
SHARED = ("annual_rate", "method", "day_count", "penalty_rate")
BOTH: dict[str, Any] = {"stops_interest": True}


def interests(loan: Loan) -> list[int]:
    return [row.interest for row in loan.instalments]


def lived(start: Loan, *steps: Step) -> list[Any]:
    """Every event of a loan from its start through *steps*."""
    past: list[Any] = list(start.pending_events)
    loan: Loan = replayed(past)
    for step in steps:
        step(loan)
    return [*past, *loan.pending_events]


# --- penalty -----------------------------------------------------------------------------


def test_no_penalty_accrues_while_a_hold_stands() -> None:
    loan = given(disbursed(LATE), held("H-1", MAR_15))

    # One row is late since 15 February, another since 15 March: 27 days come before the hold.
    assert loan.ledger_on(APR_15).balance(APR_15).penalty == 27 * 10

    story.released("H-1", date(2025, 4, 1))(loan)

    assert loan.ledger_on(APR_15).balance(APR_15).penalty == (27 + 15) * 10 + 15 * 10


def test_a_backdated_hold_splits_later_payments_anew_in_one_event() -> None:
    loan = given(disbursed(LATE), paid("P-1", 105_90, date(2025, 4, 15)))
    before = loan.splits["P-1"]

    held("H-1", MAR_15, on=MAY_15)(loan)

    placed = last(loan, Loan.HoldPlaced)
    assert before.penalty == 5_90
    [moved] = placed.reallocated
    assert (moved.ref, moved.before, moved.after.penalty) == ("P-1", before, 2_70)
    assert placed.net.penalty == -3_20
    assert (placed.effective_on, placed.business_on) == (MAR_15, MAY_15)
    assert placed.policy_version == "holds-test"
    assert sum(kind is Loan.HoldPlaced for kind in kinds(loan)) == 1


def test_two_holds_stop_penalty_while_one_of_them_stands() -> None:
    loan = given(disbursed(LATE), held("H-1", MAR_15), held("H-2", date(2025, 4, 1), kind="FRAUD"))

    released("H-1", date(2025, 4, 10))(loan)

    assert loan.ledger_on(APR_15).balance(APR_15).penalty == 27 * 10

    released("H-2", date(2025, 4, 11))(loan)

    assert loan.ledger_on(APR_15).balance(APR_15).penalty == (27 + 5) * 10 + 5 * 10


def test_a_hold_lifted_from_the_day_it_began_never_stood() -> None:
    loan = given(disbursed(LATE), paid("P-1", 200_00, APR_15))
    splits, rows = dict(loan.splits), list(loan.instalments)

    held("H-1", MAR_15, on=MAY_15)(loan)
    released("H-1", MAR_15, on=MAY_15)(loan)

    assert (loan.splits, loan.instalments) == (splits, rows)


def test_the_day_a_hold_was_lifted_can_be_corrected() -> None:
    loan = given(disbursed(LATE), held("H-1", MAR_15), released("H-1", MAY_15))

    released("H-1", date(2025, 4, 1), on=JUN_1)(loan)

    ended = last(loan, Loan.HoldEnded)
    assert (ended.until_on, ended.until_before) == (date(2025, 4, 1), MAY_15)
    once = given(disbursed(LATE), held("H-1", MAR_15), released("H-1", date(2025, 4, 1)))
    assert loan.ledger_on(JUN_1).balance(JUN_1) == once.ledger_on(JUN_1).balance(JUN_1)


def test_the_same_hold_twice_stands_once() -> None:
    loan = given(disbursed(LATE), held("H-1", MAR_15))

    held("H-1", MAR_15, on=MAY_15)(loan)

    assert kinds(loan) == []


def test_a_payment_that_bounces_while_a_hold_stands_finds_no_penalty_of_those_days() -> None:
    steps = (paid("P-1", 105_90, date(2025, 4, 15)), held("H-1", MAR_15, on=MAY_15))
    loan = given(disbursed(LATE), *steps)

    story.reversed_("P-1", on=JUN_1)(loan)

    never = given(disbursed(LATE), held("H-1", MAR_15, on=MAY_15))
    assert loan.ledger_on(JUN_1).balance(JUN_1) == never.ledger_on(JUN_1).balance(JUN_1)


def test_charges_that_lateness_brings_of_itself_come_back_when_a_hold_is_undone() -> None:
    charged = terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 7_00)])
    loan = given(disbursed(charged), attended(date(2025, 2, 20)))
    assert loan.balance.fees == 7_00

    held("H-1", date(2025, 2, 1), on=date(2025, 2, 20))(loan)

    withdrawn = last(loan, Loan.FeeWithdrawn)
    assert (withdrawn.cause, withdrawn.amount, loan.balance.fees) == ("ON_HOLD", 7_00, 0)

    released("H-1", date(2025, 2, 10), on=date(2025, 2, 20))(loan)

    assert loan.balance.fees == 7_00


def test_no_charge_is_asked_for_of_a_day_on_hold() -> None:
    charged = terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 7_00)])
    loan = given(disbursed(charged), held("H-1", date(2025, 2, 1)))

    loan.attend(act(date(2025, 2, 20)), CLASSES)

    assert Loan.FeeCharged not in kinds(loan)
    action = loan.next_action()
    assert action is not None and action.kind != "CHARGE"


def test_a_loan_that_is_closed_owes_back_the_penalty_of_days_on_hold() -> None:
    loan = disbursed(LATE)
    story.repay(loan, "P-1", loan.payoff(APR_15), APR_15, payoff=True)
    assert loan.state == "CLOSED"

    held("H-1", MAR_15, on=MAY_15)(loan)

    assert (loan.state, loan.unapplied) == ("SETTLED", 6_30)


def test_a_loan_that_is_closed_stays_so_where_a_hold_changes_nothing() -> None:
    loan = disbursed(LATE)
    story.repay(loan, "P-1", loan.payoff(MAR_15), MAR_15, payoff=True)

    held("H-1", APR_15, on=MAY_15)(loan)

    assert loan.state == "CLOSED"
    assert kinds(loan)[-1] is Loan.HoldPlaced


def test_a_loan_written_off_by_then_is_left_as_it_is() -> None:
    loan = given(disbursed(LATE), story.written_off(APR_15))

    held("H-1", APR_15, on=MAY_15)(loan)

    assert kinds(loan) == []


def test_a_step_of_the_rate_is_assessed_again_in_the_same_transaction() -> None:
    plan = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.03"))], scope="TERM", grace_counts=True)
    stepped = terms(rate_plan=plan, **{name: getattr(INTEREST_ONLY, name) for name in SHARED})
    loan = given(disbursed(stepped), paid("P-1", 20_00, date(2025, 2, 14)))
    loan.attend(act(date(2025, 2, 20)))
    assert loan.steps == {"2": "FORFEITED"}

    # 31 days come to 31.00, and 20.00 were paid: with eleven days on hold that is all.
    held("H-1", date(2025, 1, 20), on=date(2025, 2, 20), **BOTH)(loan)
    released("H-1", date(2025, 1, 31), on=date(2025, 2, 20))(loan)

    assert loan.instalments[0].left == 0
    assert loan.steps == {"2": "EARNED"}
    assert Loan.RateSteppedDown in kinds(loan)
    assert Loan.Cured in kinds(loan)


# --- interest ----------------------------------------------------------------------------


def test_no_interest_is_borne_on_the_days_of_a_hold() -> None:
    loan = disbursed(INTEREST_ONLY)
    as_laid = interests(loan)
    assert as_laid[:3] == [31_00, 28_00, 31_00]

    held("H-1", date(2025, 2, 6), **BOTH)(loan)

    # 16 January to 5 February are 21 days; from then on nothing is borne.
    assert interests(loan) == [21_00, *[0] * (len(as_laid) - 1)]

    released("H-1", date(2025, 2, 26))(loan)

    assert interests(loan)[:3] == [21_00, 18_00, 31_00]
    assert interests(loan)[2:] == as_laid[2:]
    assert [row.principal for row in loan.instalments][:-1] == [0] * (len(as_laid) - 1)


def test_a_hold_on_interest_leaves_principal_and_dates_alone() -> None:
    loan = disbursed(terms())
    before = list(loan.instalments)

    held("H-1", date(2025, 2, 6), **BOTH)(loan)

    assert [(r.due_on, r.principal) for r in loan.instalments] == [
        (r.due_on, r.principal) for r in before
    ]
    assert interests(loan)[1:] == [0] * (len(before) - 1)

    released("H-1", date(2025, 2, 16), on=date(2025, 2, 20))(loan)

    assert loan.instalments[2:] == before[2:]


def test_interest_paid_of_days_on_hold_pays_other_things() -> None:
    loan = given(disbursed(INTEREST_ONLY), paid("P-1", 31_00, date(2025, 2, 15)))

    held("H-1", date(2025, 2, 6), on=date(2025, 3, 1), **BOTH)(loan)

    # On that day all rows to come bear nothing, so that principal takes the rest.
    assert (loan.splits["P-1"].interest, loan.splits["P-1"].principal) == (21_00, 10_00)


def test_a_hold_that_is_lifted_moves_nothing_that_was_paid_before() -> None:
    steps = (held("H-1", date(2025, 2, 6), **BOTH), paid("P-1", 31_00, date(2025, 2, 15)))
    loan = given(disbursed(INTEREST_ONLY), *steps)
    before = dict(loan.parts)

    released("H-1", date(2025, 2, 16))(loan)

    assert last(loan, Loan.HoldEnded).reallocated == []
    assert loan.parts == before


def test_what_closes_a_loan_has_no_interest_of_days_on_hold() -> None:
    loan = given(disbursed(INTEREST_ONLY), held("H-1", date(2025, 1, 26), **BOTH))

    # Ten days are borne before the hold.
    assert loan.payoff(date(2025, 2, 10)) == 1_010_00

    released("H-1", date(2025, 2, 5))(loan)

    assert loan.payoff(date(2025, 2, 10)) == 1_016_00


def test_interest_by_two_balances_is_held_back_by_each() -> None:
    early = terms(
        prepayment="LOWER_INSTALMENT", **{name: getattr(INTEREST_ONLY, name) for name in SHARED}
    )
    loan = given(disbursed(early), paid("P-1", 500_00, date(2025, 1, 25)))
    assert interests(loan)[0] == 10_00 + 21 * 50

    held("H-1", date(2025, 1, 21), on=date(2025, 2, 1), **BOTH)(loan)
    released("H-1", date(2025, 1, 31), on=date(2025, 2, 1))(loan)

    # Five days of the whole and five of the half are on hold.
    assert interests(loan)[0] == 5_00 + 16 * 50


def test_a_rate_granted_while_a_hold_stands_counts_after_it() -> None:
    loan = given(disbursed(INTEREST_ONLY), held("H-1", date(2025, 2, 6), **BOTH))

    loan.reschedule(
        act(date(2025, 2, 25)),
        agreed=Agreement("RATE_CHANGE", annual_rate=Decimal("0.1825")),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
        on=date(2025, 2, 25),
    )
    released("H-1", date(2025, 3, 6))(loan)

    # Row two bears nothing but the ten days after the hold, at half the rate.
    assert interests(loan)[1:3] == [5_00, 15_50]


def test_deferred_interest_is_held_back_of_the_row_that_collects_it() -> None:
    graced = terms(
        repayment=Repayment(grace_interest=2),
        **{name: getattr(INTEREST_ONLY, name) for name in SHARED},
    )
    loan = disbursed(graced)
    assert interests(loan)[:3] == [0, 0, 90_00]

    held("H-1", date(2025, 1, 26), on=date(2025, 2, 20), **BOTH)(loan)
    released("H-1", date(2025, 2, 5), on=date(2025, 2, 20))(loan)

    assert interests(loan)[:3] == [0, 0, 80_00]


def test_flat_interest_is_held_back_by_its_days() -> None:
    flat = terms(
        annual_rate=Decimal("0.365"), day_count="ACT/365F", repayment=Repayment(interest_on="DRAWN")
    )
    loan = disbursed(flat)
    as_laid = interests(loan)

    held("H-1", date(2025, 2, 6), on=date(2025, 2, 20), **BOTH)(loan)
    released("H-1", date(2025, 2, 16), on=date(2025, 2, 20))(loan)

    assert interests(loan) == [as_laid[0] - 10_00, *as_laid[1:]]


# --- interest by the balance of each day -------------------------------------------------

BY_DAY = replace(INTEREST_ONLY, accrual="DAILY_BALANCE")
"""A limit of 1,000.00, drawn in full: 1.00 a day."""
LEVELLED = terms(
    accrual="DAILY_BALANCE", annual_rate=Decimal("0.365"), day_count="ACT/365F", term_months=6
)


def daily_interests(loan: Loan, on: date = JAN_15) -> list[int]:
    return [row.interest for row in loan.ledger_on(on).rows]


def test_a_hold_on_penalty_leaves_interest_by_the_balance_of_each_day_alone() -> None:
    loan = given(disbursed(replace(LATE, accrual="DAILY_BALANCE")), held("H-1", MAR_15))

    assert loan.ledger_on(APR_15).balance(APR_15).penalty == 27 * 10


def test_days_on_hold_bear_no_interest_whatever_the_balance_of_the_day() -> None:
    loan = disbursed(BY_DAY)
    as_lent = daily_interests(loan)

    held("H-1", date(2025, 2, 6), **BOTH)(loan)

    assert interests(loan) == [21_00, *[0] * (len(as_lent) - 1)]

    released("H-1", date(2025, 2, 26))(loan)

    assert interests(loan) == [21_00, 18_00, *as_lent[2:]]


def test_money_that_comes_on_a_day_on_hold_lowers_the_interest_after_it() -> None:
    steps = (held("H-1", date(2025, 1, 26), **BOTH), paid("P-1", 510_00, date(2025, 2, 1)))
    loan = given(disbursed(BY_DAY), *steps)

    released("H-1", date(2025, 2, 6))(loan)

    # Ten days before the hold come to 10.00, and ten after it to 0.50 each.
    assert loan.splits["P-1"].interest == 10_00
    assert interests(loan)[0] == 15_00


def test_an_equal_instalment_stays_what_it_is_and_pays_more_principal() -> None:
    loan = disbursed(LEVELLED)
    before = loan.instalments[0]
    assert before.interest == 31_00

    held("H-1", date(2025, 1, 26), on=date(2025, 2, 20), **BOTH)(loan)
    released("H-1", date(2025, 2, 5), on=date(2025, 2, 20))(loan)

    first = loan.instalments[0]
    assert (first.interest, first.principal) == (21_00, before.principal + 10_00)
    assert sum(row.principal for row in loan.instalments) == 1_000_00


def test_a_hold_learnt_late_splits_payments_by_each_days_balance_anew() -> None:
    loan = given(disbursed(BY_DAY), paid("P-1", 31_00, date(2025, 2, 15)))

    held("H-1", date(2025, 2, 6), on=date(2025, 3, 1), **BOTH)(loan)

    placed = last(loan, Loan.HoldPlaced)
    assert [
        (each.ref, each.after.interest, each.after.principal) for each in placed.reallocated
    ] == [("P-1", 21_00, 10_00)]
    in_time = given(
        disbursed(BY_DAY),
        held("H-1", date(2025, 2, 6), **BOTH),
        paid("P-1", 31_00, date(2025, 2, 15)),
    )
    assert (loan.parts, loan.ledger_on(MAR_15).rows) == (
        in_time.parts,
        in_time.ledger_on(MAR_15).rows,
    )


def test_a_hold_on_interest_by_day_that_is_lifted_from_its_first_day_never_stood() -> None:
    loan = given(disbursed(LEVELLED), paid("P-1", 200_00, date(2025, 3, 1)))
    rows, splits = loan.ledger_on(APR_15).rows, dict(loan.splits)

    held("H-1", date(2025, 2, 6), on=MAY_15, **BOTH)(loan)
    assert loan.splits != splits
    released("H-1", date(2025, 2, 6), on=MAY_15)(loan)

    assert (loan.ledger_on(APR_15).rows, loan.splits) == (rows, splits)


def test_overdue_principal_bears_nothing_on_days_on_hold() -> None:
    loan = given(disbursed(LEVELLED), held("H-1", date(2025, 2, 20), **BOTH))

    # Row two has four days on 1,000.00; the rest of its days are held.
    assert daily_interests(loan, MAR_15)[:3] == [31_00, 4_00, 0]


def test_what_closes_a_loan_by_the_balance_of_each_day_leaves_out_days_on_hold() -> None:
    loan = given(disbursed(BY_DAY), held("H-1", date(2025, 1, 26), **BOTH))

    assert loan.payoff(date(2025, 2, 10)) == 1_010_00

    released("H-1", date(2025, 2, 5))(loan)

    assert loan.payoff(date(2025, 2, 10)) == 1_016_00


def test_days_that_two_holds_cover_and_relief_frees_are_left_out_once() -> None:
    loan = given(
        disbursed(BY_DAY),
        held("H-1", date(2025, 1, 21), **BOTH),
        held("H-2", date(2025, 1, 26), kind="FRAUD", **BOTH),
        released("H-1", date(2025, 1, 31)),
        released("H-2", date(2025, 2, 5)),
    )

    loan.reschedule(
        act(date(2025, 2, 10)),
        agreed=Agreement(
            "INTEREST_PAUSE", free_from=date(2025, 2, 1), free_until=date(2025, 2, 10)
        ),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )

    # 21 January to 10 February are free: 31 days less 21.
    assert daily_interests(loan, date(2025, 2, 10))[0] == 10_00


def test_the_explanation_of_each_days_interest_names_the_hold_and_its_days() -> None:
    steps = (held("H-1", date(2025, 2, 6), **BOTH), released("H-1", date(2025, 2, 26)))

    told = explain(lived(disbursed(BY_DAY), *steps), MAR_15)

    assert told is not None and told.stood.balance is not None
    assert told.total("interest") == told.stood.balance.interest == (365 - 20) * 1_00
    assert [line.what for line in told.lines if "hold" in line.what] == [
        "no interest from 2025-02-06 to 2025-02-25: BANKRUPTCY hold H-1, holds-test",
        "no penalty from 2025-02-06 to 2025-02-25: BANKRUPTCY hold H-1, holds-test",
    ]
    first = next(line for line in told.lines if line.figure == "interest" and line.instalment == 1)
    assert first.formula == (
        "1,000.00 x 36.5 % x ACT/365F from 2025-01-15 to 2025-02-05"
        " + 1,000.00 x 0 % x ACT/365F from 2025-02-05 to 2025-02-15 = 21.000000, rounded half up"
    )
    assert [(rule.rule, rule.version) for rule in first.rules] == [("HOLD", "holds-test")]
    third = [line for line in told.lines if line.figure == "interest" and line.instalment == 3]
    assert third[0].rules == ()


def test_before_its_day_a_hold_changes_no_interest_by_the_balance_of_each_day() -> None:
    events = lived(disbursed(BY_DAY), held("H-1", MAR_15, on=MAY_15, **BOTH))

    day_before, on_its_day = (standing(events, date(2025, 3, day)) for day in (14, 15))

    assert day_before is not None and on_its_day is not None
    assert [row.interest for row in day_before.instalments][1:3] == [28_00, 31_00]
    assert [row.interest for row in on_its_day.instalments][1:3] == [27_00, 0]


def test_what_if_a_hold_stopped_interest_by_the_balance_of_each_day() -> None:
    found = what_if(
        lived(disbursed(BY_DAY)), [Hold(date(2025, 2, 6), hold_rule(stops_interest=True))], APR_15
    )

    assert found.with_it.balance is not None
    assert found.with_it.balance.interest == 21_00


def test_what_a_partner_pays_goes_on_while_interest_is_on_hold() -> None:
    shared = replace(BY_DAY, subsidy=Subsidy("SHOP", Decimal("0.0365")))
    loan = given(disbursed(shared), held("H-1", date(2025, 2, 6), **BOTH))

    story.attended(date(2025, 2, 16))(loan)

    assert last(loan, Loan.InterestSubsidised).amount == 3_10


# --- loans that came from elsewhere ------------------------------------------------------


def test_on_a_loan_taken_over_a_hold_counts_from_the_day_after_at_the_earliest() -> None:
    lent = disbursed(LATE)
    loan = Loan.migrate(
        act(APR_15),
        story.LOAN_ID,
        loan_ref="L-OLD",
        borrower_id=story.BORROWER_ID,
        origin="old:1",
        terms=LATE,
        disbursed_on=JAN_15,
        accrues_from=APR_15,
        rows=list(lent.instalments),
        unapplied=0,
    )
    taken_over = loan.ledger_on(APR_15).balance(APR_15).penalty
    assert taken_over > 0

    held("H-1", MAR_15, on=MAY_15)(loan)

    assert last(loan, Loan.HoldPlaced).from_on == date(2025, 4, 16)
    assert loan.ledger_on(MAY_15).balance(MAY_15).penalty == taken_over


# --- why, as of, and what if -------------------------------------------------------------


def test_an_explanation_names_the_days_the_hold_and_the_policy() -> None:
    start = disbursed(LATE)

    told = explain(lived(start, held("H-1", MAR_15), released("H-1", date(2025, 4, 1))), APR_15)

    assert told is not None and told.stood.balance is not None
    assert told.total("penalty") == told.stood.balance.penalty
    [line] = [line for line in told.lines if "hold" in line.what]
    assert line.what == (
        "no penalty from 2025-03-15 to 2025-03-31: BANKRUPTCY hold H-1, holds-test"
    )
    assert (line.figure, line.amount) == ("penalty", 0)


def test_while_a_hold_stands_the_explanation_says_from_when_on() -> None:
    start = disbursed(LATE)

    told = explain(lived(start, held("H-1", MAR_15)), APR_15)

    assert told is not None
    [line] = [line for line in told.lines if "hold" in line.what]
    assert line.what == "no penalty from 2025-03-15 on: BANKRUPTCY hold H-1, holds-test"


def test_an_explanation_says_what_a_hold_takes_off_the_interest_of_a_row() -> None:
    steps = (held("H-1", date(2025, 2, 6), **BOTH), released("H-1", date(2025, 2, 26)))

    told = explain(lived(disbursed(INTEREST_ONLY), *steps), MAR_15)

    assert told is not None and told.stood.balance is not None
    assert told.total("interest") == told.stood.balance.interest
    first = [line for line in told.lines if line.figure == "interest" and line.instalment == 1]
    assert next((line.amount, line.what, line.formula) for line in first) == (
        -10_00,
        "BANKRUPTCY hold H-1",
        "31.00 less 1,000.00 x 36.5 % from 2025-02-05 to 2025-02-15, rounded half up",
    )


def test_before_its_day_a_hold_changes_nothing_of_how_a_loan_stood() -> None:
    start = disbursed(INTEREST_ONLY)
    events = lived(start, held("H-1", MAR_15, on=MAY_15, **BOTH))

    day_before, on_its_day = (standing(events, date(2025, 3, day)) for day in (14, 15))

    assert day_before is not None and on_its_day is not None
    assert [row.interest for row in day_before.instalments] == interests(start)
    assert [row.interest for row in on_its_day.instalments][2:] == [0] * (len(interests(start)) - 2)


def test_what_if_a_hold_stood() -> None:
    start = disbursed(LATE)

    found = what_if(lived(start), [Hold(MAR_15, hold_rule())], APR_15)

    assert found.without.balance is not None and found.with_it.balance is not None
    assert found.without.balance.penalty - found.with_it.balance.penalty == 32 * 10 + 31 * 10
    assert "loan.hold-placed" in found.recorded
