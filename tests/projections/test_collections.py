"""What the collections view writes, so that lateness can be computed when asked."""

from datetime import date
from typing import Any

from projections import collections
from tests.domain.story import JAN_15, LOAN_ID, act, disbursed, repay, write_off
from tests.projections.rows import Rows, borrower, migrated, only, rows
from tests.projections.test_reminders import CEASE

FEB_15 = date(2025, 2, 15)


def unpaid(found: Rows) -> dict[int, Any]:
    return {row["number"]: row["unpaid_pay_by_on"] for row in found["collections_unpaid"]}


def test_every_instalment_of_a_payout_is_unpaid() -> None:
    loan = disbursed()

    found = rows(collections, loan)

    assert unpaid(found)[1] == FEB_15
    assert len(unpaid(found)) == len(found["collections_instalment"]) == 12


def test_a_paid_instalment_is_found_no_more_and_its_history_stays() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)

    found = rows(collections, loan)

    assert (unpaid(found)[1], unpaid(found)[2]) == (None, date(2025, 3, 15))
    first = [row for row in found["collections_instalment"] if row["number"] == 1]
    assert only(first, "business_on", "amount_left") == [(JAN_15, 86_07), (FEB_15, 0)]


def test_an_instalment_whose_payment_bounced_is_unpaid_since_its_own_day() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")

    found = rows(collections, loan)

    assert unpaid(found)[1] == FEB_15


def test_a_moved_due_date_moves_what_lateness_counts_from() -> None:
    loan = disbursed()
    due_on = date(2025, 2, 25)
    loan.move_due_date(act(date(2025, 2, 10)), instalment=1, due_on=due_on, reason="asked")

    found = rows(collections, loan)

    assert unpaid(found)[1] == due_on


def test_the_state_of_a_loan_is_kept_with_its_days() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))

    found = rows(collections, loan)["collections_state"]

    assert only(found, "business_on", "state") == [
        (JAN_15, "ACTIVE"),
        (date(2025, 3, 1), "WRITTEN_OFF"),
    ]


def test_what_was_paid_after_a_loss_known_late_left_its_instalment_unpaid() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, date(2025, 3, 10))
    write_off(loan, date(2025, 4, 1), counts_on=date(2025, 3, 1))

    assert unpaid(rows(collections, loan))[1] == date(2025, 2, 15)


def test_a_borrower_is_kept_with_zones_and_jurisdiction() -> None:
    ada = borrower("Asia/Shanghai", "Asia/Urumqi")

    found = rows(collections, ada)["collections_borrower"]

    assert only(found, "borrower_ref", "jurisdiction", "zones") == [
        ("B-1", "CN", ["Asia/Shanghai", "Asia/Urumqi"])
    ]


def test_a_hold_says_whether_it_forbids_collection() -> None:
    ada = borrower()
    ada.set_hold(act(), hold_ref="H-1", kind="CEASE", reason="letter", rule=CEASE)

    found = rows(collections, ada)["collections_hold"]

    assert only(found, "kind", "blocks", "from_on") == [("CEASE", True, JAN_15)]


def test_a_hold_says_which_debts_it_covers_and_until_when() -> None:
    ada, until, moved = borrower(), date(2025, 2, 1), date(2025, 3, 1)
    ada.set_hold(
        act(),
        hold_ref="H-1",
        kind="CEASE",
        reason="letter",
        rule=CEASE,
        loan_ids=[LOAN_ID],
        until_on=until,
    )
    ada.set_hold_end(act(), hold_ref="H-1", until_on=moved, reason="longer")

    found = rows(collections, ada)["collections_hold"]

    assert only(found, "loan_ids", "until_on") == [([LOAN_ID], moved)]


def test_a_promise_has_a_row_for_what_was_said_and_one_for_what_came_of_it() -> None:
    ada = borrower()
    for ref, received in (("kept", 50_00), ("broken", 10_00)):
        ada.promise(
            act(),
            promise_ref=ref,
            loan_id=LOAN_ID,
            amount=50_00,
            currency="CNY",
            promised_on=date(2025, 1, 20),
        )
        ada.assess_promise(act(date(2025, 1, 21)), promise_ref=ref, received=received)

    found = rows(collections, ada)["collections_promise"]

    assert only(found, "promise_ref", "business_on", "promised_on", "state", "received") == [
        ("kept", JAN_15, date(2025, 1, 20), "OPEN", None),
        ("kept", date(2025, 1, 21), date(2025, 1, 20), "KEPT", 50_00),
        ("broken", JAN_15, date(2025, 1, 20), "OPEN", None),
        ("broken", date(2025, 1, 21), date(2025, 1, 20), "BROKEN", 10_00),
    ]


def test_a_loan_taken_over_late_is_late_since_its_pay_by_date() -> None:
    found = rows(collections, migrated())

    assert unpaid(found) == {11: date(2025, 1, 2), 12: date(2025, 2, 3)}
