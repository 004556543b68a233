"""Support: what is offered, plans that make promises, and the day somebody asks again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid5

import pytest

from domain.base.contact_policy import Channel, Outcome, PointKind, PointSource, Purpose
from domain.base.policy import PlanStandard
from domain.base.refusal import AmountNotPositive
from domain.borrower import promises, support
from domain.borrower.borrower import Borrower
from domain.borrower.collection import Behaviour
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result
from domain.borrower.refusals import ContactUnknown
from domain.borrower.support_events import PlanRow
from domain.borrower.support_words import PlanState, SupportKind
from infra.contact_policies import load_contact_rules
from tests.domain.borrower.test_borrower import promise, registered
from tests.domain.story import JAN_15, LOAN_ID, NAMESPACE, act, replayed, state

JAN_20, JAN_31, FEB_28 = date(2025, 1, 20), date(2025, 1, 31), date(2025, 2, 28)
ROWS = [PlanRow(JAN_20, 100_00), PlanRow(JAN_31, 200_00), PlanRow(FEB_28, 300_00)]


def names(ada: Borrower) -> list[str]:
    """What was recorded, in words."""
    return [type(each).__name__ for each in ada.pending_events]


def standard(tolerated_rows: int = 0) -> PlanStandard:
    return PlanStandard("plans-test", "ANY", tolerated_rows, date(1990, 1, 1), None, "test")


def propose(ada: Borrower, plan_ref: str = "PL-1", **changes: Any) -> None:
    fields = {"loan_id": LOAN_ID, "currency": "CNY", "rows": ROWS, "owed": 1_000_00, **changes}
    ada.propose_plan(act(fields.pop("on", JAN_15)), plan_ref=plan_ref, **fields)


def agree(ada: Borrower, plan_ref: str = "PL-1", on: date = JAN_15, tolerated: int = 0) -> None:
    ada.agree_plan(
        act(on), plan_ref=plan_ref, consent_ref="V-CONSENT", standard=standard(tolerated)
    )


def offer(ada: Borrower, **changes: Any) -> None:
    fields = {"support_ref": "S-1", "kind": SupportKind.PAYMENT_PLAN, **changes}
    ada.offer_support(act(), loan_id=LOAN_ID, **fields)


def agreed(tolerated: int = 0) -> Borrower:
    """Someone who agreed to pay 100.00, 200.00 and 300.00."""
    ada = registered()
    propose(ada)
    agree(ada, tolerated=tolerated)
    return ada


def over(ada: Borrower, number: int, received: int, *, settled: bool = False) -> None:
    """The day of a row is over, and so much came in since the plan was agreed."""
    on = date.fromordinal(ROWS[number - 1].due_on.toordinal() + 1)
    ada.assess_promise(act(on), promise_ref=f"PL-1/{number}", received=received, settled=settled)


def test_support_is_noted_once_with_the_contact_in_which_it_was_offered() -> None:
    ada = registered()
    offer(ada)
    offer(ada)

    assert names(ada).count("SupportOffered") == 1
    with pytest.raises(support.SupportRefReused):
        offer(ada, kind=SupportKind.RELIEF)
    with pytest.raises(ContactUnknown):
        offer(ada, support_ref="S-2", contact_ref="K-9")


def test_a_plan_that_is_agreed_makes_a_promise_of_each_row() -> None:
    ada = agreed()

    assert {ref: (each.amount, each.promised_on) for ref, each in ada.promises.items()} == {
        "PL-1/1": (100_00, JAN_20),
        "PL-1/2": (200_00, JAN_31),
        "PL-1/3": (300_00, FEB_28),
    }
    assert ada.behaviour(LOAN_ID) == Behaviour.PROMISE_OPEN
    assert state(replayed(ada.pending_events)) == state(ada)


def test_the_same_plan_is_proposed_and_agreed_once() -> None:
    ada = registered()
    for _ in range(2):
        propose(ada)
        agree(ada)

    assert names(ada).count("RepaymentPlanAgreed") == 1
    with pytest.raises(support.PlanRefReused):
        propose(ada, rows=ROWS[:1])


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        ([], support.PlanUnsound),
        ([PlanRow(date(2025, 1, 14), 1)], support.PlanUnsound),
        ([PlanRow(JAN_31, 1), PlanRow(JAN_31, 1)], support.PlanUnsound),
        ([PlanRow(JAN_31, 1), PlanRow(JAN_20, 1)], support.PlanUnsound),
        ([PlanRow(JAN_31, 0)], AmountNotPositive),
        ([PlanRow(JAN_31, 1_000_01)], support.PlanBeyondDebt),
    ],
)
def test_a_plan_that_is_none_is_refused(rows: list[PlanRow], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        propose(registered(), rows=rows)


def test_a_plan_follows_from_support_that_was_offered_for_the_loan() -> None:
    ada = registered()
    with pytest.raises(support.SupportUnknown):
        propose(ada, support_ref="S-1")
    offer(ada)
    with pytest.raises(support.SupportUnknown):
        propose(ada, support_ref="S-1", loan_id=uuid5(NAMESPACE, "another"))

    propose(ada, support_ref="S-1")

    assert ada.plans["PL-1"].state == PlanState.PROPOSED


def test_a_plan_is_agreed_only_as_it_was_proposed_and_before_it_begins() -> None:
    ada = registered()
    with pytest.raises(support.PlanUnknown):
        agree(ada)
    propose(ada)
    with pytest.raises(support.PlanBegun):
        agree(ada, on=date(2025, 1, 21))


def test_rows_are_kept_by_what_came_in_beyond_the_rows_before() -> None:
    ada = agreed()
    over(ada, 1, 150_00)
    over(ada, 2, 300_00)
    over(ada, 3, 600_00)

    kept = [each for each in ada.pending_events if isinstance(each, Borrower.PromiseKept)]
    assert [each.received for each in kept] == [150_00, 200_00, 300_00]
    assert names(ada)[-1] == "RepaymentPlanKept"
    assert ada.plans["PL-1"].state == PlanState.KEPT
    assert ada.behaviour(LOAN_ID) == Behaviour.PROMISE_KEPT


def test_money_of_an_earlier_row_does_not_keep_a_later_one() -> None:
    ada = agreed(tolerated=1)
    over(ada, 1, 100_00)
    over(ada, 2, 200_00)

    assert (ada.promises["PL-1/1"].state, ada.promises["PL-1/2"].state) == ("KEPT", "BROKEN")


def test_a_plan_is_broken_with_the_first_row_missed_beyond_tolerance_and_the_rest_lapses() -> None:
    ada = agreed()
    over(ada, 1, 99_99)

    broken = ada.pending_events[-3]
    assert isinstance(broken, Borrower.RepaymentPlanBroken)
    assert (broken.planned, broken.received, broken.missed_rows) == (100_00, 99_99, 1)
    assert [each.state for each in ada.promises.values()] == ["BROKEN", "LAPSED", "LAPSED"]
    assert ada.behaviour(LOAN_ID) == Behaviour.PROMISE_BROKEN
    assert ada.next_action() is None
    assert state(replayed(ada.pending_events)) == state(ada)


def test_a_row_missed_within_tolerance_may_be_made_up_for() -> None:
    ada = agreed(tolerated=1)
    over(ada, 1, 0)
    assert ada.plans["PL-1"].state == PlanState.AGREED
    over(ada, 2, 300_00)
    over(ada, 3, 600_00)

    assert ada.plans["PL-1"].state == PlanState.KEPT


def test_a_plan_that_is_not_made_up_for_by_its_last_day_is_broken() -> None:
    ada = agreed(tolerated=1)
    over(ada, 1, 100_00)
    over(ada, 2, 300_00)
    over(ada, 3, 599_99)

    assert ada.plans["PL-1"].state == PlanState.BROKEN


def test_who_settled_the_loan_kept_the_plan() -> None:
    ada = agreed()
    over(ada, 1, 100_00)
    over(ada, 2, 250_00, settled=True)
    over(ada, 3, 250_00, settled=True)

    assert ada.plans["PL-1"].state == PlanState.KEPT


def test_another_plan_takes_the_place_of_the_one_that_runs() -> None:
    ada = agreed()
    propose(ada, "PL-2", rows=[PlanRow(FEB_28, 500_00)])
    agree(ada, "PL-2")

    assert ada.plans["PL-1"].state == PlanState.REPLACED
    assert [each.state for each in ada.promises.values()] == ["LAPSED"] * 3 + ["OPEN"]
    assert ada.behaviour(LOAN_ID) == Behaviour.PROMISE_OPEN
    with pytest.raises(support.PlanOver):
        agree(ada, "PL-1")


def test_a_plan_makes_no_promise_under_a_reference_that_is_taken() -> None:
    ada = registered()
    promise(ada, "PL-1/2")
    propose(ada)

    with pytest.raises(promises.PromiseRefReused):
        agree(ada)
    assert ada.plan_with("PL-1/2") is None


def test_who_keeps_a_plan_is_left_alone_until_somebody_asks() -> None:
    ada = agreed()
    assert ada.left_alone_until(LOAN_ID, JAN_15) is None
    ada.schedule_check_in(act(), loan_id=LOAN_ID, check_in_on=JAN_31)
    ada.schedule_check_in(act(), loan_id=LOAN_ID, check_in_on=JAN_31)

    assert names(ada).count("CheckInScheduled") == 1
    assert ada.left_alone_until(LOAN_ID, JAN_20) == JAN_31
    assert ada.left_alone_until(LOAN_ID, JAN_31) is None
    assert ada.check_in_due(LOAN_ID, JAN_20) is None
    assert ada.check_in_due(LOAN_ID, FEB_28) == JAN_31
    over(ada, 1, 0)
    assert ada.left_alone_until(LOAN_ID, JAN_20) is None


def test_a_day_to_ask_again_without_a_plan_keeps_nobody_away() -> None:
    ada = registered()
    ada.schedule_check_in(act(), loan_id=LOAN_ID, check_in_on=JAN_31)

    assert ada.left_alone_until(LOAN_ID, JAN_20) is None
    with pytest.raises(support.CheckInPast):
        ada.schedule_check_in(act(JAN_20), loan_id=LOAN_ID, check_in_on=JAN_15)


def test_a_check_in_is_made_by_a_contact_that_reaches_the_borrower() -> None:
    ada = registered()
    ada.schedule_check_in(act(), loan_id=LOAN_ID, check_in_on=JAN_20)
    at = datetime(2025, 1, 20, 2, 0, tzinfo=UTC)
    ada.add_contact_point(
        act(),
        point_ref="P-1",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=at.replace(day=1),
    )
    call = Intent(Purpose.COLLECTION, Channel.PHONE, contact_point="P-1", debt=str(LOAN_ID))
    ada.decide_contact(
        act(JAN_20),
        contact_ref="K-1",
        intent=call,
        policies=load_contact_rules(),
        at=at,
        occasion="check-in",
    )
    assert ada.check_in_due(LOAN_ID, JAN_20) == JAN_20

    ada.tell_contact(act(JAN_20), contact_ref="K-1", result=Result(Outcome.CONVERSATION, at))

    assert ada.check_in_due(LOAN_ID, JAN_20) is None


def came_in(ada: Borrower, *receipts: tuple[date, int]) -> dict[str, int]:
    return ada.received_for(LOAN_ID, receipts)


def test_one_payment_keeps_a_row_of_a_plan_or_a_promise_and_not_both() -> None:
    ada = agreed()
    promise(ada, "W-1", amount=100_00, promised_on=date(2025, 1, 25))

    found = came_in(ada, (date(2025, 1, 18), 100_00))

    assert (found["PL-1/1"], found["W-1"]) == (100_00, 0)


def test_money_goes_to_what_falls_due_first_be_it_a_promise_or_a_row() -> None:
    ada = agreed()
    promise(ada, "W-1", amount=50_00, promised_on=date(2025, 1, 25))
    promise(ada, "W-0", amount=30_00, promised_on=date(2025, 1, 16))

    found = came_in(ada, (date(2025, 1, 16), 170_00), (date(2025, 1, 30), 210_00))

    assert (found["W-0"], found["W-1"]) == (30_00, 40_00)
    rows = {ref: received for ref, received in found.items() if ref.startswith("PL-1")}
    assert rows == {"PL-1/1": 100_00, "PL-1/2": 310_00, "PL-1/3": 310_00}


def test_what_comes_late_for_a_row_makes_up_for_it_before_it_keeps_a_later_promise() -> None:
    ada = agreed(tolerated=1)
    promise(ada, "W-1", amount=100_00, promised_on=date(2025, 1, 25))
    over(ada, 1, 0)

    found = came_in(ada, (date(2025, 1, 22), 150_00))

    assert (found["PL-1/1"], found["PL-1/2"], found["W-1"]) == (0, 100_00, 50_00)


def test_a_plan_that_was_broken_takes_no_money_from_promises_made_since() -> None:
    ada = agreed()
    over(ada, 1, 0)
    promise(ada, "W-1", amount=100_00, promised_on=date(2025, 1, 25))

    found = came_in(ada, (date(2025, 1, 22), 100_00))

    assert found == {"PL-1/1": 0, "W-1": 100_00}


def test_what_nobody_needs_is_said_with_the_plan_as_long_as_it_runs() -> None:
    assert came_in(agreed(), (date(2025, 1, 16), 700_00))["PL-1/3"] == 700_00
