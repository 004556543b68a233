"""Where a payment goes, by the allocation that the terms name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.terms import BUCKETS, FeeTerm, FutureMoney, Owed, SourceOrder
from domain.loan import refusals as no
from domain.loan.allocation import Claim, Split, Taken, fill, spread
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from domain.loan.timetable import TermsNotOffered
from infra import codec
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    LOAN_ID,
    act,
    attended,
    disbursed,
    fee_charged,
    fee_waived,
    given,
    happened,
    last,
    paid,
    recorded,
    repaid,
    repay,
    replayed,
    reversed_,
    state,
    terms,
    waive,
    written_off,
)

FEB_1 = date(2025, 2, 1)
FEB_15 = date(2025, 2, 15)
MAR_15 = date(2025, 3, 15)
BREACH = FeeTerm("BREACH", "ON_EVENT", 30_00, "PENALTY")
FROM_THE_START = {"charges_count": "FROM_THE_START", "fees": [LETTER_FEE, BREACH]}


def lent(**changes: Any) -> Loan:
    """300.00 at 12 % over three months: 102.01 a month, of it 3.00, 2.01 and 1.01 interest."""
    return disbursed(terms(amount=300_00, term_months=3, annual_rate=Decimal("0.12"), **changes))


def paid_by_row(loan: Loan) -> list[int]:
    return [
        row.principal_paid + row.interest_paid + row.fees_paid + row.penalty_paid
        for row in loan.instalments
    ]


# --- buckets and sources ---------------------------------------------------------------------


def test_the_twelve_buckets_may_stand_in_any_order() -> None:
    order = ["PAST_DUE_PRINCIPAL", "DUE_INTEREST", "IN_ADVANCE_INTEREST"]
    order += [bucket for bucket in BUCKETS if bucket not in order]
    loan = given(lent(bucket_order=order))

    repay(loan, "P-1", 103_00, on=MAR_15)

    # 99.01 past due, 2.01 of interest due, 1.01 in advance, then interest past due.
    assert [(row.principal_paid, row.interest_paid) for row in loan.instalments] == [
        (99_01, 97),
        (0, 2_01),
        (0, 1_01),
    ]


def test_what_is_due_today_is_not_past_due() -> None:
    order = sorted(BUCKETS, key=lambda bucket: not bucket.startswith("DUE"))
    loan = given(lent(bucket_order=order))

    repay(loan, "P-1", 102_01, on=MAR_15)

    assert paid_by_row(loan) == [0, 102_01, 0]


def test_money_from_a_guarantor_may_be_split_by_an_order_of_its_own() -> None:
    own = SourceOrder("GUARANTOR", ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"])
    loan = given(lent(source_orders=[own]))

    repay(loan, "P-1", 1_00, on=FEB_15, source="GUARANTOR")
    repay(loan, "P-2", 1_00, on=FEB_15)

    first = loan.instalments[0]
    assert (first.principal_paid, first.interest_paid) == (1_00, 1_00)


IN_TURN = list(BUCKETS)


def test_within_buckets_money_in_advance_lowers_the_instalments_where_the_terms_say_so() -> None:
    plain = given(lent(prepayment="LOWER_INSTALMENT"))
    in_buckets = given(lent(prepayment="LOWER_INSTALMENT", bucket_order=IN_TURN))

    for loan in (plain, in_buckets):
        repay(loan, "P-1", 202_01, on=FEB_15)

    # 102.01 are due; the other 100.00 are principal, and less than half is left of the rest.
    assert last(in_buckets, Loan.Repaid) == repaid("P-1", 202_01, interest=3_00, principal=199_01)
    assert in_buckets.instalments == plain.instalments
    assert in_buckets.instalments[2].principal < 52_00


def test_within_buckets_the_payer_may_ask_for_a_shorter_term() -> None:
    plain, in_buckets = given(lent()), given(lent(bucket_order=IN_TURN))

    for loan in (plain, in_buckets):
        repay(loan, "P-1", 202_01, on=FEB_15, future_money="SHORTER_TERM")

    assert in_buckets.instalments == plain.instalments
    assert in_buckets.instalments[2].left == 0


def test_a_part_refund_by_the_partner_lowers_the_instalments_within_buckets_too() -> None:
    school = {"partner": "SCHOOL-1", "scene": "EDUCATION"}
    plain, in_buckets = given(lent(**school)), given(lent(bucket_order=IN_TURN, **school))

    for loan in (plain, in_buckets):
        loan.refund_by_partner(act(FEB_1), amount=150_00, received_on=FEB_1, payment_ref="P-1")

    assert last(in_buckets, Loan.Repaid) == repaid("P-1", 150_00, principal=150_00)
    assert in_buckets.instalments == plain.instalments
    assert max(row.left for row in in_buckets.instalments) < 52_00


def test_what_lays_the_rest_anew_waits_for_its_bucket_and_takes_what_is_left() -> None:
    first = ["DUE_PRINCIPAL", "IN_ADVANCE_INTEREST", "IN_ADVANCE_PRINCIPAL", "DUE_INTEREST"]
    order = first + [bucket for bucket in BUCKETS if bucket not in first]
    loan = given(lent(bucket_order=order, prepayment="LOWER_INSTALMENT"))

    repay(loan, "P-1", 202_01, on=FEB_15)

    # Principal that is due comes first, then that in advance; interest stays unpaid.
    assert [(row.principal_paid, row.interest_paid) for row in loan.instalments] == [
        (99_01, 0),
        (103_00, 0),
        (0, 0),
    ]


def test_within_a_bucket_in_advance_all_open_instalments_may_take_equal_shares() -> None:
    first = ["DUE_INTEREST", "DUE_PRINCIPAL", "IN_ADVANCE_PRINCIPAL"]
    order = first + [bucket for bucket in BUCKETS if bucket not in first]
    loan = given(lent(bucket_order=order, future_money="REAMORTISED"))

    repay(loan, "P-1", 142_01, on=FEB_15)

    # Each of the two that are open gets 20.00, all of it principal.
    assert [(row.principal_paid, row.interest_paid) for row in loan.instalments] == [
        (99_01, 3_00),
        (20_00, 0),
        (20_00, 0),
    ]


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_what_equal_shares_of_a_bucket_leave_goes_to_the_next_bucket(accrual: str | None) -> None:
    first = ["DUE_INTEREST", "DUE_PRINCIPAL", "IN_ADVANCE_PENALTY", "IN_ADVANCE_PRINCIPAL"]
    order = first + [bucket for bucket in BUCKETS if bucket not in first]
    loan = given(lent(bucket_order=order, future_money="REAMORTISED", accrual=accrual))

    repay(loan, "P-1", 142_01, on=FEB_15)

    # There is no penalty to share.
    assert [row.principal_paid for row in loan.instalments] == [99_01, 20_00, 20_00]


def test_buckets_may_finish_an_instalment_before_the_next_one() -> None:
    across, by_row = (
        given(lent(bucket_order=IN_TURN, allocation_scope=scope))
        for scope in ("COMPONENT", "INSTALMENT")
    )

    for loan in (across, by_row):
        repay(loan, "P-1", 50_00, on=date(2025, 3, 20))

    assert last(across, Loan.Repaid) == repaid("P-1", 50_00, interest=5_01, principal=44_99)
    assert last(by_row, Loan.Repaid) == repaid("P-1", 50_00, interest=3_00, principal=47_00)


def test_a_loan_that_is_very_late_pays_by_another_order_in_place_of_the_buckets_due() -> None:
    late = {"late_order": ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"], "late_order_days": 30}
    loan = given(lent(bucket_order=IN_TURN, **late))

    repay(loan, "P-1", 10_00, on=date(2025, 3, 16))
    repay(loan, "P-2", 10_00, on=date(2025, 3, 17))

    assert recorded(loan)[-1] == repaid("P-2", 10_00, principal=10_00)
    assert loan.splits["P-1"].interest == 5_01


def test_money_from_a_source_may_be_split_by_buckets_of_its_own() -> None:
    first = ["IN_ADVANCE_PRINCIPAL"]
    own = SourceOrder("INSURANCE", first + [each for each in BUCKETS if each not in first])
    loan = given(lent(source_orders=[own], future_money="LAST_INSTALMENT"))

    repay(loan, "P-1", 10_00, on=FEB_15, source="INSURANCE")
    repay(loan, "P-2", 10_00, on=FEB_15)

    assert paid_by_row(loan) == [10_00, 0, 10_00]


def test_money_from_a_source_that_has_no_word_is_refused() -> None:
    loan = given(lent())

    with pytest.raises(no.SourceUnknown, match=r"BORROWER, THIRD_PARTY.*not from 'NONSENSE'"):
        repay(loan, "P-1", 10_00, on=FEB_15, source="NONSENSE")

    assert recorded(loan) == []


def test_money_recorded_from_a_source_that_had_no_word_still_counts() -> None:
    loan = given(lent(), paid("P-1", 102_01, FEB_15))
    fact = loan.facts[-1]
    loan.facts[-1] = replace(fact, source="HEIRS")

    repay(loan, "P-2", 1_00, on=FEB_1)

    assert loan.splits["P-1"].total == 102_01


# --- orders and scope ------------------------------------------------------------------------


def test_money_in_advance_may_have_another_order_than_what_is_due() -> None:
    in_advance = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
    loan = given(lent(advance_order=in_advance))

    repay(loan, "P-1", 152_00, on=FEB_15)

    # 102.01 is due, interest first; what is over pays principal of the next instalment.
    assert recorded(loan) == [repaid("P-1", 152_00, interest=3_00, principal=149_00)]


def test_by_component_interest_of_all_that_is_due_comes_before_any_principal() -> None:
    by_row, by_component = given(lent()), given(lent(allocation_scope="COMPONENT"))

    for loan in (by_row, by_component):
        repay(loan, "P-1", 50_00, on=MAR_15)

    assert last(by_row, Loan.Repaid) == repaid("P-1", 50_00, interest=3_00, principal=47_00)
    assert last(by_component, Loan.Repaid) == repaid("P-1", 50_00, interest=5_01, principal=44_99)


def test_what_is_due_is_paid_before_anything_in_advance() -> None:
    loan = given(lent(allocation_scope="COMPONENT", future_money="LAST_INSTALMENT"))

    repay(loan, "P-1", 102_01, on=FEB_15)

    assert paid_by_row(loan) == [102_01, 0, 0]


# --- where money in advance goes -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("future_money", "rows"),
    [
        ("NEXT_INSTALMENT", [102_01, 60_01, 0]),
        ("LAST_INSTALMENT", [102_01, 0, 60_01]),
        ("REAMORTISED", [102_01, 30_00, 30_01]),
    ],
)
def test_money_in_advance_goes_where_the_terms_say(future_money: str, rows: list[int]) -> None:
    loan = given(lent(future_money=future_money))

    repay(loan, "P-1", 162_02, on=FEB_15)

    assert paid_by_row(loan) == rows


def test_a_goodwill_credit_may_go_to_the_last_instalment() -> None:
    loan = given(lent())

    repay(loan, "P-1", 20_00, on=FEB_1, future_money="LAST_INSTALMENT")

    assert last(loan, Loan.Repaid).future_money == "LAST_INSTALMENT"
    assert paid_by_row(loan) == [0, 0, 20_00]


def test_a_payment_that_splits_anew_still_goes_where_it_said() -> None:
    loan = given(lent(), paid("P-1", 20_00, on=FEB_15, future_money="LAST_INSTALMENT"))

    repay(loan, "P-2", 102_01, on=FEB_1, known_on=FEB_15)

    assert paid_by_row(loan) == [102_01, 0, 20_00]


def test_a_payment_cannot_go_where_nobody_knows() -> None:
    loan = given(lent())

    with pytest.raises(TermsNotOffered):
        repay(loan, "P-1", 20_00, on=FEB_1, future_money="SOMEWHERE")

    assert recorded(loan) == []


# --- charges ------------------------------------------------------------------------------------


def test_a_charged_penalty_is_owed_beside_fees() -> None:
    loan = given(lent(fees=[LETTER_FEE, BREACH]), fee_charged("F-1", on=FEB_1, kind="BREACH"))

    repay(loan, "P-1", 40_00, on=FEB_15)

    (row,) = last(loan, Loan.Repaid).instalments
    assert (row.penalty_charged, row.fees) == (30_00, 0)
    assert last(loan, Loan.Repaid) == repaid(
        "P-1", 40_00, interest=3_00, penalty=30_00, principal=7_00
    )


def test_a_charged_penalty_keeps_an_instalment_open_and_late() -> None:
    loan = given(
        lent(fees=[BREACH], allocation_order=["INTEREST", "PRINCIPAL", "FEE", "PENALTY"]),
        fee_charged("F-1", on=FEB_1, kind="BREACH"),
        paid("P-1", 102_01, on=FEB_15),
    )

    attended(date(2025, 2, 16))(loan)

    assert happened(Loan.WentOverdue, instalment=1, amount_overdue=30_00) in recorded(loan)


def test_accrued_penalty_comes_on_top_of_a_charged_one() -> None:
    order = ["PENALTY", "FEE", "INTEREST", "PRINCIPAL"]
    late = {"penalty_rate": Decimal("0.365"), "allocation_order": order}
    without, charged = given(lent(**late)), given(lent(fees=[BREACH], **late))
    fee_charged("F-1", on=FEB_1, kind="BREACH")(charged)

    on = date(2025, 2, 25)
    accrued = without._ledger().balance(on).penalty

    assert accrued > 0
    assert charged._ledger().balance(on).penalty == accrued + 30_00
    repay(charged, "P-1", 30_00 + accrued, on=on)
    assert last(charged, Loan.Repaid) == repaid("P-1", 30_00 + accrued, penalty=30_00 + accrued)
    assert charged.balance.penalty == 0


def test_a_charge_is_owed_with_the_first_instalment_not_due_before_its_day() -> None:
    loan = given(lent(fees=[LETTER_FEE]))

    fee_charged("F-1", on=FEB_1, due_on=date(2025, 2, 16))(loan)

    assert recorded(loan) == [
        happened(Loan.FeeCharged, instalment=2, due_on=date(2025, 2, 16), owed=None)
    ]


def test_a_charge_after_the_last_instalment_makes_one() -> None:
    loan = given(lent(fees=[LETTER_FEE, BREACH]))

    fee_charged("F-1", on=FEB_1, due_on=date(2025, 4, 20))(loan)
    fee_charged("F-2", on=FEB_1, kind="BREACH", due_on=date(2025, 4, 18))(loan)
    fee_charged("F-3", on=FEB_1, due_on=date(2025, 4, 30))(loan)

    extra = [(row.number, row.due_on, row.principal, row.left) for row in loan.instalments[3:]]
    assert extra == [(4, date(2025, 4, 20), 0, 50_00), (5, date(2025, 4, 30), 0, 20_00)]
    assert state(replayed([*_events_of(lent(fees=[LETTER_FEE, BREACH])), *recorded(loan)])) == (
        state(loan)
    )


def test_a_charge_is_not_due_before_the_loan_began() -> None:
    loan = given(lent(fees=[LETTER_FEE]))

    with pytest.raises(no.BeforeDisbursement):
        fee_charged("F-1", on=FEB_1, due_on=date(2025, 1, 14))(loan)


@pytest.mark.parametrize(("charges_due", "fees"), [(None, 0), ("OWN_DAY", 20_00)])
def test_a_charge_is_due_with_its_instalment_or_on_its_own_day(
    charges_due: str | None, fees: int
) -> None:
    in_advance = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
    loan = given(
        lent(fees=[LETTER_FEE], charges_due=charges_due, advance_order=in_advance),
        fee_charged("F-1", on=FEB_1, due_on=FEB_1),
    )

    repay(loan, "P-1", 50_00, on=FEB_1)

    assert recorded(loan) == [repaid("P-1", 50_00, fees=fees, principal=50_00 - fees)]


def test_of_charges_with_their_own_days_the_one_due_is_paid_and_the_other_waits() -> None:
    in_advance = ["PRINCIPAL", "INTEREST", "PENALTY", "FEE"]
    loan = given(
        lent(fees=[LETTER_FEE], charges_due="OWN_DAY", advance_order=in_advance),
        fee_charged("F-1", on=JAN_15, due_on=date(2025, 2, 10)),
        fee_charged("F-2", on=JAN_15, due_on=FEB_1),
    )

    repay(loan, "P-1", 25_00, on=FEB_1)

    assert recorded(loan) == [repaid("P-1", 25_00, fees=20_00, principal=5_00)]


def test_a_charge_without_a_day_is_due_the_day_it_is_charged_where_charges_have_their_own() -> None:
    loan = given(lent(fees=[LETTER_FEE], charges_due="OWN_DAY"))

    fee_charged("F-1", on=FEB_1)(loan)

    assert last(loan, Loan.FeeCharged).due_on == FEB_1


def test_a_charge_counts_from_its_day_unless_the_terms_say_otherwise() -> None:
    loan = given(lent(fees=[LETTER_FEE]), paid("P-1", 50_00, on=FEB_1))

    fee_charged("F-1", on=FEB_15)(loan)

    assert last(loan, Loan.FeeCharged).reallocated == []


def test_where_charges_count_from_the_start_earlier_payments_split_anew_in_the_same_event() -> None:
    loan = given(lent(**FROM_THE_START), paid("P-1", 50_00, on=FEB_1))

    fee_charged("F-1", on=FEB_15)(loan)

    event = last(loan, Loan.FeeCharged)
    (movement,) = event.reallocated
    assert (movement.ref, movement.before.fees, movement.after.fees) == ("P-1", 0, 20_00)
    assert (event.net.fees, event.net.principal) == (20_00, -20_00)


def test_a_late_charge_opens_a_settled_loan_again_where_charges_count_from_the_start() -> None:
    loan = given(lent(**FROM_THE_START), paid("P-1", 306_02, on=FEB_1))
    assert loan.state == LoanState.CLOSED

    fee_charged("F-1", on=FEB_15)(loan)

    event = last(loan, Loan.FeeCharged)
    assert (event.state_before, event.state, event.balance.principal) == ("CLOSED", "ACTIVE", 20_00)


def test_a_late_charge_uses_up_credit_before_a_settled_loan_opens_again() -> None:
    loan = given(lent(**FROM_THE_START), paid("P-1", 326_02, on=FEB_1))
    assert loan.state == LoanState.SETTLED

    fee_charged("F-1", on=FEB_15)(loan)

    assert (loan.state, loan.unapplied) == (LoanState.CLOSED, 0)


def test_a_loan_written_off_takes_no_charge_even_from_the_start() -> None:
    loan = given(lent(**FROM_THE_START), written_off(on=FEB_1))

    with pytest.raises(no.NotActive):
        fee_charged("F-1", on=FEB_15)(loan)


def test_a_charged_penalty_is_forgiven_like_a_fee() -> None:
    loan = given(lent(**FROM_THE_START), fee_charged("F-1", on=FEB_1, kind="BREACH"))

    with pytest.raises(no.FeeUnknown):
        waive(loan, "F-1", 30_01, on=FEB_1)
    waive(loan, "F-1", 30_00, on=FEB_1)

    assert last(loan, Loan.FeeWaived).owed == "PENALTY"
    assert loan.balance.penalty == 0


def test_what_was_charged_stays_owed_when_the_loan_is_paid_off() -> None:
    account = FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)
    plain = given(lent(fees=[LETTER_FEE, account]))
    charged = given(
        lent(fees=[LETTER_FEE, account]),
        fee_charged("F-1", on=JAN_15, due_on=MAR_15),
        fee_charged("F-2", on=JAN_15, due_on=MAR_15),
        fee_waived("F-2", 20_00, on=JAN_15),
    )

    owed = charged.payoff(FEB_1)

    assert owed == plain.payoff(FEB_1) + 20_00
    repay(charged, "P-1", owed, on=FEB_1, payoff=True)
    assert charged.state == LoanState.CLOSED


# --- properties --------------------------------------------------------------------------------

ORDERS = st.permutations(list(Owed))
CLAIMS = st.lists(
    st.fixed_dictionaries({kind: st.integers(0, 50) for kind in Owed}), max_size=5
).map(lambda lefts: [Claim(number, left) for number, left in enumerate(lefts, start=1)])


def _all(taken: Taken) -> int:
    return sum(sum(took.values()) for took in taken.values())


@for_all(st.integers(0, 1_000), CLAIMS, ORDERS, st.sampled_from(["INSTALMENT", "COMPONENT", None]))
def test_what_comes_in_is_what_is_taken_and_what_is_left(
    money: int, claims: list[Claim], order: list[str], scope: str | None
) -> None:
    taken: Taken = {}
    open_before = sum(sum(claim.left.values()) for claim in claims)

    if scope is None:
        left = spread(money, claims, order, taken)
    else:
        left = fill(money, claims, order, scope, taken)

    assert money == _all(taken) + left
    assert left == max(money - open_before, 0)
    lefts = {claim.instalment: claim.left for claim in claims}
    for number, took in taken.items():
        assert all(0 <= took[kind] <= lefts[number][kind] for kind in Owed)


@for_all(st.integers(1, 1_000), st.integers(1, 9))
def test_equal_claims_get_equal_shares_and_the_last_one_the_rest(money: int, count: int) -> None:
    claims = [Claim(number, dict.fromkeys(Owed, 1_000)) for number in range(count)]
    taken: Taken = {}

    spread(money, claims, list(Owed), taken)

    shares = [sum(taken.get(number, {}).values()) for number in range(count)]
    if money < count:
        assert shares == [money, *[0] * (count - 1)]
    else:
        assert shares[:-1] == [money // count] * (count - 1)
        assert sum(shares) == money


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay", "credit", "charge", "penalise"]),
        st.integers(0, 120),
        st.integers(1, 200_00),
    ),
    max_size=6,
)
ALLOCATIONS = st.fixed_dictionaries(
    {
        "allocation_order": ORDERS,
        "advance_order": ORDERS,
        "allocation_scope": st.sampled_from(["INSTALMENT", "COMPONENT"]),
        "future_money": st.sampled_from(list(FutureMoney)),
        "charges_due": st.sampled_from(["WITH_INSTALMENT", "OWN_DAY"]),
    }
)
MAY_31 = date(2025, 5, 31)


def _happen(loan: Loan, number: int, what: str, days: int, amount: int) -> None:
    on = JAN_15 + timedelta(days=days)
    if what == "pay":
        repay(loan, f"P-{number}", amount, on, known_on=MAY_31)
    elif what == "credit":
        repay(loan, f"P-{number}", amount, on, known_on=MAY_31, future_money="LAST_INSTALMENT")
    else:
        kind = "LETTER" if what == "charge" else "BREACH"
        # None after the last instalment: which of two makes it follows from their order.
        due_on = min(on, date(2025, 4, 15))
        fee_charged(f"F-{number}", on=MAY_31, kind=kind, due_on=due_on)(loan)


@for_all(ALLOCATIONS, STEPS, st.randoms(use_true_random=False))
def test_where_charges_count_from_the_start_any_order_of_arrival_ends_in_the_same_splits(
    allocation: dict[str, Any], steps: list[tuple[str, int, int]], random: Any
) -> None:
    # Payments of one day count by their arrival, so each has a day of its own.
    days = {days: (number, what, amount) for number, (what, days, amount) in enumerate(steps)}
    events = _events_of(lent(**FROM_THE_START, **allocation))
    arrived = list(days)
    random.shuffle(arrived)
    in_order, shuffled = replayed(events), replayed(events)

    for loan, order in ((in_order, sorted(days)), (shuffled, arrived)):
        for day in order:
            number, what, amount = days[day]
            _happen(loan, number, what, day, amount)
        bounced = next((f"P-{days[d][0]}" for d in sorted(days) if days[d][1] == "pay"), None)
        if bounced:
            reversed_(bounced, on=MAY_31)(loan)

    assert shuffled.splits == in_order.splits
    assert paid_by_row(shuffled) == paid_by_row(in_order)
    received = sum(fact.amount for fact in shuffled.facts if fact.ref in shuffled.splits)
    assert received == sum(paid_by_row(shuffled)) + shuffled.unapplied


@for_all(ALLOCATIONS, STEPS)
def test_a_replay_of_the_stored_bytes_is_the_loan_that_lived(
    allocation: dict[str, Any], steps: list[tuple[str, int, int]]
) -> None:
    loan = lent(**FROM_THE_START, **allocation)

    for number, (what, days, amount) in enumerate(steps):
        _happen(loan, number, what, days, amount)

    stored = [
        codec.decode(codec.encode(event), LOAN_ID, event.originator_version)
        for event in _events_of(loan)
    ]
    assert state(replayed(stored)) == state(loan)
    assert loan._rerun(loan.facts).rows == loan.instalments


def _events_of(loan: Loan) -> list[Any]:
    return list(loan.pending_events)


def test_shares_of_interest_alone_leave_the_fees_and_end() -> None:
    owed = {Owed.FEE: 1_00, Owed.INTEREST: 25, Owed.PENALTY: 0, Owed.PRINCIPAL: 0}
    taken: Taken = {}

    left = spread(184_17, [Claim(2, owed), Claim(3, owed)], ["INTEREST"], taken)

    assert left == 184_17 - 50
    assert [taken[number][Owed.INTEREST] for number in (2, 3)] == [25, 25]
    assert [taken[number][Owed.FEE] for number in (2, 3)] == [0, 0]


def test_what_is_given_back_of_a_claim_pays_the_rest_of_it_whatever_the_order() -> None:
    claim = Split(fees=-3, principal=254)

    assert claim.first(1, ["PRINCIPAL", "FEE", "INTEREST", "PENALTY"]) == Split(-3, 0, 0, 4)
    assert claim.first(251, ["PRINCIPAL", "FEE", "INTEREST", "PENALTY"]) == claim
