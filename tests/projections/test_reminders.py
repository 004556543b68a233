"""What the reminders view writes, so that reminders can be planned when asked."""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.policy import HoldRule
from domain.base.terms import FeeTerm
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from projections import reminders
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LOAN_ID,
    act,
    disbursed,
    fee_charged,
    pay_day_moved,
    repay,
    take_back,
    terms,
    write_off,
)
from tests.projections.rows import borrower, migrated, only, rows

FEB_15 = date(2025, 2, 15)
CEASE = HoldRule(
    version="holds-test",
    kind="CEASE",
    blocks_reminders=True,
    blocks_collection=True,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)


def test_a_payout_makes_every_due_date_known() -> None:
    loan = disbursed()

    found = rows(reminders, loan)

    assert len(found["reminders_due_date"]) == len(found["reminders_left"]) == 12
    assert only(found["reminders_due_date"][:2], "number", "business_on", "pay_by_on") == [
        (1, JAN_15, FEB_15),
        (2, JAN_15, date(2025, 3, 15)),
    ]
    assert found["reminders_left"][0]["amount_left"] == 86_07
    assert only(found["reminders_loan"], "borrower_id", "currency") == [(BORROWER_ID, "CNY")]
    assert only(found["reminders_state"], "state") == [("ACTIVE",)]


def test_a_payment_adds_what_is_left_of_the_instalments_it_touched() -> None:
    loan = disbursed()
    repay(loan, "P-1", 100_00, FEB_15)

    found = rows(reminders, loan)

    paid = [row for row in found["reminders_left"] if row["version"] == loan.version]
    assert only(paid, "number", "amount_left", "paid_on") == [
        (1, 0, FEB_15),
        (2, 86_07 - 13_93, None),
    ]
    assert len(found["reminders_due_date"]) == 12


def test_a_moved_date_is_known_from_the_day_it_was_moved() -> None:
    loan = disbursed()
    moved_on, due_on = date(2025, 2, 10), date(2025, 2, 25)
    loan.move_due_date(act(moved_on), instalment=1, due_on=due_on, reason="asked")

    found = rows(reminders, loan)["reminders_due_date"]

    assert only([row for row in found if row["number"] == 1], "business_on", "pay_by_on") == [
        (JAN_15, FEB_15),
        (moved_on, due_on),
    ]


def test_a_reversal_leaves_the_instalment_to_pay_again() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")

    found = rows(reminders, loan)["reminders_left"]

    assert only([row for row in found if row["number"] == 1], "business_on", "amount_left") == [
        (JAN_15, 86_07),
        (FEB_15, 0),
        (date(2025, 2, 20), 86_07),
    ]


def test_the_end_of_a_loan_is_kept_with_its_day() -> None:
    loan = disbursed()
    on = date(2025, 2, 10)
    repay(loan, "P-1", loan.payoff(on), on, payoff=True)
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")
    write_off(loan, date(2025, 3, 1))

    found = rows(reminders, loan)["reminders_state"]

    assert only(found, "business_on", "state") == [
        (JAN_15, "ACTIVE"),
        (on, "SETTLED"),
        (on, "CLOSED"),
        (date(2025, 2, 20), "ACTIVE"),
        (date(2025, 3, 1), "WRITTEN_OFF"),
    ]


def test_a_date_that_was_moved_after_a_loss_known_late_is_the_old_one() -> None:
    loan = disbursed()
    loan.move_due_date(
        act(date(2025, 2, 1)), instalment=1, due_on=date(2025, 2, 25), reason="pay day"
    )
    write_off(loan, date(2025, 3, 1), counts_on=date(2025, 1, 20))

    found = rows(reminders, loan)["reminders_due_date"]

    first = [row for row in found if row["number"] == 1]
    days = [date(2025, 2, 15), date(2025, 2, 25), date(2025, 2, 15)]
    assert only(first, "due_on") == [(day,) for day in days]


def test_a_hold_is_kept_with_the_days_it_was_set_and_lifted() -> None:
    ada = borrower()
    set_on, lifted_on = date(2025, 2, 1), date(2025, 2, 9)
    ada.set_hold(act(set_on), hold_ref="H-1", kind="CEASE", reason="letter", rule=CEASE)
    ada.lift_hold(act(lifted_on), hold_ref="H-1", reason="withdrawn")

    found = rows(reminders, ada)["reminders_hold"]

    assert only(found, "kind", "blocks", "business_on", "from_on", "lift_business_on") == [
        ("CEASE", True, set_on, set_on, lifted_on)
    ]


def test_a_hold_says_which_debts_it_covers() -> None:
    ada = borrower()
    for ref, loan_ids in (("H-1", [LOAN_ID]), ("H-2", None)):
        ada.set_hold(
            act(), hold_ref=ref, kind="CEASE", reason="letter", rule=CEASE, loan_ids=loan_ids
        )

    found = rows(reminders, ada)["reminders_hold"]

    assert only(found, "hold_ref", "loan_ids") == [("H-1", [LOAN_ID]), ("H-2", None)]


def test_a_loan_taken_over_brings_its_dates_after_holidays() -> None:
    found = rows(reminders, migrated())

    assert only(found["reminders_due_date"], "number", "business_on", "due_on", "pay_by_on") == [
        (11, JAN_15, date(2025, 1, 1), date(2025, 1, 2)),
        (12, JAN_15, date(2025, 2, 1), date(2025, 2, 3)),
    ]
    assert only(found["reminders_state"], "state") == [("ACTIVE",)]


def test_a_charge_after_the_last_instalment_is_a_due_date_of_its_own() -> None:
    loan = disbursed(terms(fees=[FeeTerm("BREACH", "ON_EVENT", 20_00, "PENALTY")]))
    on, due_on = date(2025, 2, 1), date(2026, 2, 20)
    fee_charged("F-1", on=on, kind="BREACH", due_on=due_on)(loan)
    fee_charged("F-2", on=on, kind="BREACH", due_on=date(2025, 2, 3))(loan)

    found = rows(reminders, loan)

    assert only(found["reminders_due_date"][12:], "number", "business_on", "pay_by_on") == [
        (13, on, due_on)
    ]
    left = [row for row in found["reminders_left"] if row["number"] in (1, 13)]
    assert only(left, "number", "amount_left") == [(1, 86_07), (13, 20_00), (1, 106_07)]


def last_dates(loan: Loan) -> dict[int, date | None]:
    """Until when each instalment is to be paid, as told last."""
    return {row["number"]: row["pay_by_on"] for row in rows(reminders, loan)["reminders_due_date"]}


PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}


def test_instalments_that_go_with_relief_have_no_date_though_nothing_was_on_them() -> None:
    loan = disbursed(terms(prepayment="SHORTER_TERM", term_months=4, annual_rate=Decimal(0)))
    repay(loan, "P-1", 400_00, JAN_15)
    agreed = Agreement("EXTENSION", instalments=3)
    loan.reschedule(act(date(2025, 2, 1)), agreed=agreed, reason="lost work", **PEOPLE)
    assert loan.instalments[-1].principal == 0

    take_back(loan, "reschedule-1", date(2025, 3, 9))

    dates = last_dates(loan)
    assert [number for number, day in dates.items() if day is not None] == [1, 2, 3, 4]
    assert sorted(dates) == [1, 2, 3, 4, 5, 6, 7]


def test_a_charge_of_its_own_falls_due_on_the_pay_day_that_was_moved_since() -> None:
    loan = disbursed(terms(fees=[FeeTerm("LETTER", "ON_EVENT", 3_00)], term_months=2))
    pay_day_moved(2, 20, date(2025, 2, 20), **PEOPLE)(loan)

    loan.charge_fee(
        act(date(2025, 3, 1)),
        kind="LETTER",
        fee_ref="F-1",
        due_on=date(2025, 6, 15),
        on=date(2025, 1, 20),
    )

    assert last_dates(loan) == {row.number: row.pay_by_on for row in loan.instalments}
    assert last_dates(loan)[3] == date(2025, 6, 20)
