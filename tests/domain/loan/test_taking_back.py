"""What was recorded in error is taken back, and the loan is as if it had never been."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.refusal import SamePerson
from domain.base.terms import Renewal, Terms
from domain.loan import refusals as no
from domain.loan.as_of import standing
from domain.loan.explain import explain
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    Step,
    act,
    attended,
    disbursed,
    drawn,
    fee_charged,
    fee_waived,
    given,
    happened,
    held,
    kinds,
    last,
    moved,
    paid,
    recorded,
    refund,
    refunded,
    reversed_,
    take_back,
    taken_back,
    terms,
    write_off,
    written_off,
)

FEB_1 = date(2025, 2, 1)
FEB_15 = date(2025, 2, 15)
FEB_20 = date(2025, 2, 20)
MAR_15 = date(2025, 3, 15)
APR_1 = date(2025, 4, 1)
MAY_1 = date(2025, 5, 1)

EVERYTHING = terms(fees=[LETTER_FEE], penalty_rate=Decimal("0.365"))
LIMIT = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE", day_count="ACT/365F")


def granted(kind: str, on: date, **agreed: Any) -> Step:
    return lambda loan: loan.reschedule(
        act(on),
        agreed=Agreement(kind, **agreed),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )


EXTENDED = granted("EXTENSION", FEB_20, instalments=3)
FREE = granted("MORATORIUM", FEB_20, free_from=FEB_20, free_until=APR_1)

ERRORS: dict[str, tuple[Step, str]] = {
    "a fee": (fee_charged("F-9", FEB_20), "F-9"),
    "a fee with a day of its own, after the last": (
        fee_charged("F-9", FEB_20, due_on=date(2026, 3, 1)),
        "F-9",
    ),
    "a waiver": (fee_waived("F-1", 15_00, FEB_20), "waiver-2"),
    "a moved date": (moved(2, date(2025, 3, 25), FEB_20), "move-2"),
    "an extension": (EXTENDED, "reschedule-2"),
    "a moratorium": (FREE, "reschedule-2"),
    "another rate": (granted("RATE_CHANGE", FEB_20, annual_rate=Decimal("0.03")), "reschedule-2"),
}


@pytest.mark.parametrize("error", ERRORS)
def test_what_was_recorded_in_error_leaves_the_loan_as_if_it_had_never_been(error: str) -> None:
    wrong, name = ERRORS[error]
    before = (fee_charged("F-1", FEB_1), paid("P-1", 106_07, FEB_15))
    after = (paid("P-2", 50_00, MAR_15), attended(APR_1))
    never = given(disbursed(EVERYTHING), *before, *after, attended(MAY_1))
    loan = given(disbursed(EVERYTHING), *before, wrong, *after)

    take_back(loan, name, on=MAY_1)

    event = last(loan, Loan.FactWithdrawn)
    assert (event.fact_ref, event.effective_on, event.business_on) == (name, FEB_20, MAY_1)
    assert loan.instalments == never.instalments
    assert loan.splits == never.splits
    assert loan.balance == never._ledger().balance(MAY_1)
    assert (loan.bucket, loan.overdue_since_on) == (never.bucket, never.overdue_since_on)
    assert loan._rerun(loan.facts).rows == loan.instalments


def test_a_refund_that_came_back_is_credit_again() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, FEB_1), refunded("R-1", 60_00, FEB_15))
    credit = loan.unapplied

    take_back(loan, "R-1", on=FEB_20)

    assert recorded(loan)[0] == happened(Loan.FactWithdrawn, kind="REFUND", amount=60_00)
    assert loan.unapplied == credit + 60_00
    refund(loan, "R-2", credit + 60_00, on=FEB_20)
    assert loan.state == "CLOSED"


def test_a_loan_that_a_refund_closed_is_settled_again_when_the_refund_comes_back() -> None:
    loan = given(disbursed(), paid("P-1", 1_100_00, FEB_1))
    refund(loan, "R-1", loan.unapplied, FEB_15)
    assert loan.state == "CLOSED"

    take_back(loan, "R-1", on=FEB_20)

    assert loan.state == "SETTLED"


def test_a_draw_whose_payout_came_back_bore_no_interest() -> None:
    with_draw = given(
        disbursed(LIMIT, amount=400_00), drawn("D-2", 100_00, FEB_1), attended(FEB_20)
    )
    never = given(disbursed(LIMIT, amount=400_00), attended(FEB_20))

    take_back(with_draw, "D-2", on=FEB_20)

    assert with_draw.balance == never.balance
    assert with_draw.instalments == never.instalments
    with pytest.raises(no.RefTakenBack):
        drawn("D-2", 100_00, FEB_20)(with_draw)


def test_a_loss_taken_in_error_leaves_the_loan_as_late_as_it_is() -> None:
    never = given(disbursed(), attended(APR_1))
    loan = given(disbursed(), attended(FEB_20), written_off(FEB_20))

    take_back(loan, "write-off", on=APR_1)

    event = recorded(loan)[0]
    assert event == happened(Loan.FactWithdrawn, kind="WRITE_OFF", principal=1_000_00)
    assert (event.state_before, event.state) == ("WRITTEN_OFF", "ACTIVE")
    assert (loan.state, loan.balance, loan.bucket) == ("ACTIVE", never.balance, never.bucket)


@pytest.mark.parametrize("contract", [EVERYTHING, replace(EVERYTHING, accrual="DAILY_BALANCE")])
def test_what_was_recovered_of_a_loss_taken_in_error_is_repaid_of_its_day(contract: Terms) -> None:
    came = (paid("P-1", 106_07, APR_1), paid("P-2", 50_00, MAR_15))
    never = given(disbursed(contract), attended(FEB_20), *came)
    loan = given(disbursed(contract), attended(FEB_20), written_off(FEB_20), *came)
    recovered = dict(loan.recovered)

    take_back(loan, "write-off", on=APR_1)

    event = last(loan, Loan.FactWithdrawn)
    assert [(each.ref, each.on, each.before) for each in event.repaid] == [
        ("P-1", APR_1, recovered["P-1"]),
        ("P-2", MAR_15, recovered["P-2"]),
    ]
    assert [each.after for each in event.repaid] == [loan.splits["P-1"], loan.splits["P-2"]]
    assert (loan.recoveries, loan.recovered, loan.endings) == ({}, {}, [])
    assert (loan.splits, loan.parts) == (never.splits, never.parts)
    assert loan.instalments == never.rows_on(APR_1)
    assert loan.balance == never.ledger_on(APR_1).balance(APR_1)
    assert loan.receipts() == never.receipts() == [(MAR_15, 50_00), (APR_1, 106_07)]


def test_what_was_recovered_of_a_loss_taken_in_error_can_bounce_like_any_payment() -> None:
    never = given(disbursed(EVERYTHING), paid("P-1", 40_00, MAR_15), attended(APR_1))
    loan = given(
        disbursed(EVERYTHING),
        written_off(FEB_20),
        paid("R-1", 2_000_00, FEB_20),
        paid("P-1", 40_00, MAR_15),
        taken_back("write-off", APR_1),
    )
    assert loan.state == "SETTLED"

    reversed_("R-1", APR_1)(loan)

    assert (loan.state, loan.splits) == ("ACTIVE", never.splits)
    assert loan.balance == never.ledger_on(APR_1).balance(APR_1)


def test_a_recovery_beyond_a_loss_taken_in_error_is_credit_of_the_running_loan() -> None:
    loan = given(disbursed(), written_off(FEB_20), paid("R-1", 1_100_00, MAR_15))
    assert loan.unapplied > 0

    take_back(loan, "write-off", on=MAR_15)

    assert (loan.state, loan.unapplied) == ("SETTLED", 1_100_00 - 1_032_80)


def test_a_sale_that_did_not_come_about_brings_the_claim_back() -> None:
    people = {"requested_by": "treasury", "approved_by": "board"}
    for lost in (False, True):
        loan = given(disbursed(), attended(FEB_20), *[written_off(FEB_20)] * lost)
        before = (loan.state, loan.balance)
        loan.sell(act(FEB_20), price=1, buyer_ref="FUND-1", sold_on=FEB_20, **people)

        take_back(loan, "sale", on=FEB_20)

        assert (loan.state, loan.balance) == before
        assert loan.buyer_ref == ""


def test_a_renewal_in_error_leaves_the_loan_due_when_it_was() -> None:
    contract = terms(
        method="BULLET", term_months=3, renewal=Renewal(term_months=3, most=1, offer_days=20)
    )
    loan = given(disbursed(contract), attended(date(2025, 4, 1)))
    loan.renew(act(date(2025, 4, 2)), consent_ref="C-1")

    take_back(loan, "renewal-1", on=MAY_1)

    assert [row.due_on for row in loan.instalments if row.principal] == [date(2025, 4, 15)]
    assert (loan.renewals, loan.bucket) == (0, "M1")


def test_relief_on_top_of_relief_taken_back_finds_its_place_without_it() -> None:
    deferred = granted("DEFERRAL", MAR_15, instalments=1)
    loan = given(disbursed(), EXTENDED, deferred, attended(APR_1))
    never = given(disbursed(), deferred, attended(APR_1))

    take_back(loan, "reschedule-0", on=APR_1)

    assert loan.instalments == never.instalments
    take_back(loan, "reschedule-1", on=APR_1)
    assert loan.instalments == given(disbursed(), attended(APR_1)).instalments


def test_a_date_moved_on_an_instalment_that_came_with_an_extension_is_taken_back_first() -> None:
    loan = given(disbursed(), EXTENDED, moved(15, date(2026, 5, 1), FEB_20))

    with pytest.raises(no.RestsOnIt, match="move-1"):
        take_back(loan, "reschedule-0", on=FEB_20)


def test_dates_stay_in_order_when_one_is_moved_back() -> None:
    loan = given(
        disbursed(), moved(2, date(2025, 3, 25), FEB_1), moved(1, date(2025, 3, 20), FEB_1)
    )

    with pytest.raises(no.RestsOnIt):
        take_back(loan, "move-0", on=FEB_1)
    take_back(loan, "move-1", on=FEB_1)


@pytest.mark.parametrize(
    ("name", "says"), [("P-1", "reverse it"), ("H-1", "lift it"), ("nothing", "F-1, waiver-2")]
)
def test_what_another_command_takes_back_is_told_so(name: str, says: str) -> None:
    loan = given(
        disbursed(EVERYTHING),
        fee_charged("F-1", FEB_1),
        paid("P-1", 50_00, FEB_1),
        fee_waived("F-1", 5_00, FEB_15),
        held("H-1", FEB_15),
    )

    with pytest.raises((no.FactStays, no.FactUnknown), match=says):
        take_back(loan, name, on=FEB_20)


def test_nobody_takes_something_back_alone_or_without_a_reason() -> None:
    loan = given(disbursed(EVERYTHING), fee_charged("F-1", FEB_1))

    with pytest.raises(SamePerson):
        take_back(loan, "F-1", FEB_15, requested_by="manager")
    with pytest.raises(no.ReasonMissing):
        take_back(loan, "F-1", FEB_15, reason=" ")


def test_what_was_taken_back_stays_so_and_its_name_is_not_used_again() -> None:
    loan = given(disbursed(EVERYTHING), fee_charged("F-1", FEB_1), taken_back("F-1", FEB_15))

    take_back(loan, "F-1", FEB_15)
    with pytest.raises(no.RefTakenBack):
        fee_charged("F-1", FEB_15)(loan)

    assert recorded(loan) == []


def test_a_name_that_two_things_have_is_said_with_its_kind() -> None:
    loan = given(
        disbursed(EVERYTHING),
        paid("P-1", 1_100_00, FEB_1, payoff=False),
        refunded("X", 5_00, FEB_1),
    )
    again = given(
        disbursed(terms(fees=[LETTER_FEE], charges_count="FROM_THE_START")),
        fee_charged("X", FEB_1),
        paid("P-1", 1_100_00, FEB_1),
        refunded("X", 5_00, FEB_1),
    )

    take_back(loan, "REFUND:X", FEB_15)
    with pytest.raises(no.FactUnknown, match="FEE:X or REFUND:X"):
        take_back(again, "X", FEB_15)
    take_back(again, "FEE:X", FEB_15)

    assert kinds(again) == [Loan.FactWithdrawn]


def test_a_loan_taken_back_from_a_loss_is_explained_as_if_there_had_been_none() -> None:
    loan = disbursed(terms(penalty_rate=Decimal("0.365")))
    attended(FEB_20)(loan)
    write_off(loan, FEB_20)
    take_back(loan, "write-off", on=APR_1)
    history: list[Any] = list(loan.pending_events)

    told, stood = explain(history, APR_1), standing(history, FEB_20)

    assert told is not None and told.stood.balance == loan.balance
    assert told.total("principal") == 1_000_00
    assert stood is not None and stood.state == "ACTIVE"
    assert loan.signed_on == JAN_15
