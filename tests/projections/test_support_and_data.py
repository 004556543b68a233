"""What the views write of support and of what was done with data."""

from __future__ import annotations

from datetime import date
from types import ModuleType

import pytest

from domain.base.policy import PlanStandard
from domain.borrower.borrower import Borrower
from domain.borrower.data_rights import Measure, MeasureKind
from domain.borrower.data_words import Ground, Right
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import SupportKind
from projections import collections, contacts, reminders
from tests.domain.story import JAN_15, LOAN_ID, act
from tests.projections.rows import borrower, only, rows

JAN_20, JAN_31, FEB_28 = date(2025, 1, 20), date(2025, 1, 31), date(2025, 2, 28)
STANDARD = PlanStandard("plans-test", "ANY", 0, date(1990, 1, 1), None, "test")


def propose(ada: Borrower, plan_ref: str, *planned: PlanRow) -> None:
    ada.propose_plan(
        act(), plan_ref=plan_ref, loan_id=LOAN_ID, currency="CNY", rows=planned, owed=1_000_00
    )


def agree(ada: Borrower, plan_ref: str) -> None:
    ada.agree_plan(act(), plan_ref=plan_ref, consent_ref="V-CONSENT", standard=STANDARD)


def planned() -> Borrower:
    """Someone who agreed to pay 100.00 and 200.00."""
    ada = borrower()
    propose(ada, "PL-1", PlanRow(JAN_20, 100_00), PlanRow(JAN_31, 200_00))
    agree(ada, "PL-1")
    return ada


def tell(ada: Borrower, number: int, kind: MeasureKind, on: date, until: date | None) -> None:
    by = act(on)
    measure = Measure(number, kind, on, by.recorded_at, until, None, "officer", "manager")
    ada.tell_measure(by, measure)


def test_offers_and_days_to_ask_again_are_kept() -> None:
    ada = planned()
    ada.offer_support(
        act(), support_ref="S-1", loan_id=LOAN_ID, kind=SupportKind.REFERRAL, said_ref="V-SAID"
    )
    ada.schedule_check_in(act(), loan_id=LOAN_ID, check_in_on=JAN_20)

    found = rows(contacts, ada)

    assert only(found["contacts_support"], "support_ref", "loan_id", "kind", "said_ref") == [
        ("S-1", LOAN_ID, "REFERRAL", "V-SAID")
    ]
    assert only(found["contacts_check_in"], "loan_id", "check_in_on", "plan_ref") == [
        (LOAN_ID, JAN_20, "PL-1")
    ]


def test_a_plan_is_kept_with_its_rows_and_what_became_of_it() -> None:
    ada = planned()
    ada.assess_promise(act(date(2025, 1, 21)), promise_ref="PL-1/1", received=50_00)

    found = rows(contacts, ada)

    assert only(found["contacts_plan_row"], "plan_ref", "number", "due_on", "amount") == [
        ("PL-1", 1, JAN_20, 100_00),
        ("PL-1", 2, JAN_31, 200_00),
    ]
    assert only(found["contacts_plan"], "plan_ref", "change", "amount") == [
        ("PL-1", "PROPOSED", 300_00),
        ("PL-1", "AGREED", 300_00),
        ("PL-1", "BROKEN", 100_00),
    ]


@pytest.mark.parametrize("view", [collections, contacts], ids=lambda view: str(view.NAME))
def test_the_rows_of_a_plan_that_is_over_are_promised_no_more(view: ModuleType) -> None:
    ada = planned()
    propose(ada, "PL-2", PlanRow(FEB_28, 250_00))
    agree(ada, "PL-2")

    promised = rows(view, ada)[f"{view.NAME}_promise"]

    last = {row["promise_ref"]: (row["state"], row["promised_on"]) for row in promised}
    assert last == {
        "PL-1/1": ("LAPSED", JAN_20),
        "PL-1/2": ("LAPSED", JAN_31),
        "PL-2/1": ("OPEN", FEB_28),
    }


def test_requests_are_kept_with_what_answered_them() -> None:
    ada = borrower()
    ada.request_about_data(
        act(), request_ref="DR-1", right=Right.RESTRICTION, received_on=JAN_15, term=None
    )
    ada.request_about_data(
        act(), request_ref="DR-2", right=Right.ERASURE, received_on=JAN_15, term=None
    )
    tell(ada, 7, MeasureKind.RESTRICTED, JAN_20, FEB_28)
    ada.refuse_data_request(act(JAN_20), request_ref="DR-2", ground=Ground.LOAN_RUNNING)
    tell(ada, 8, MeasureKind.RELEASED, JAN_31, None)
    tell(ada, 9, MeasureKind.ERASED, FEB_28, None)

    found = rows(contacts, ada)["contacts_data_right"]

    assert [(row.get("request_ref"), row["change"], row.get("measure")) for row in found] == [
        ("DR-1", "RECEIVED", None),
        ("DR-2", "RECEIVED", None),
        ("DR-1", "RESTRICTED", 7),
        ("DR-2", "REFUSED", None),
        (None, "LIFTED", 8),
        ("measure-9", "RECEIVED", None),
        ("measure-9", "ERASED", 9),
    ]


@pytest.mark.parametrize("view", [collections, reminders], ids=lambda view: str(view.NAME))
def test_a_restriction_is_a_hold_until_it_ends_or_another_takes_its_place(view: ModuleType) -> None:
    ada = borrower()
    tell(ada, 7, MeasureKind.RESTRICTED, JAN_15, FEB_28)
    tell(ada, 8, MeasureKind.RESTRICTED, JAN_20, JAN_31)
    tell(ada, 9, MeasureKind.ERASURE_REQUESTED, JAN_31, FEB_28)
    tell(ada, 10, MeasureKind.ERASED, FEB_28, None)

    held = rows(view, ada)[f"{view.NAME}_hold"]

    assert only(held, "kind", "blocks", "from_on", "lifted_on") == [
        ("RESTRICTED", True, JAN_15, JAN_20),
        ("RESTRICTED", True, JAN_20, JAN_31),
        ("RESTRICTED", True, JAN_31, None),
    ]
