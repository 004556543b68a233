"""Borrowers: zones, holds and promises."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid5

import pytest

from domain.base.policy import HoldRule
from domain.base.refusal import AmountNotPositive
from domain.borrower import borrower as module
from domain.borrower.borrower import Borrower
from domain.borrower.refusals import ZonesNotPlausible
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LOAN_ID,
    NAMESPACE,
    act,
    given,
    happened,
    recorded,
    replayed,
    state,
)

CEASE = HoldRule(
    version="holds-test",
    kind="CEASE",
    blocks_reminders=True,
    blocks_collection=True,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)


def registered(zones: list[str] | None = None) -> Borrower:
    return Borrower.register(
        act(),
        BORROWER_ID,
        borrower_ref="B-1",
        jurisdiction="CN",
        zones=["Asia/Shanghai"] if zones is None else zones,
    )


def set_hold(borrower: Borrower, hold_ref: str = "H-1", **changes: Any) -> None:
    fields = {"kind": "CEASE", "reason": "asked us to stop", "rule": CEASE, **changes}
    borrower.set_hold(act(fields.pop("on", JAN_15)), hold_ref=hold_ref, **fields)


def lift_hold(borrower: Borrower, on: date = JAN_15) -> None:
    borrower.lift_hold(act(on), hold_ref="H-1", reason="agreed")


def promise(borrower: Borrower, promise_ref: str = "W-1", **changes: Any) -> None:
    fields = {
        "loan_id": LOAN_ID,
        "amount": 100_00,
        "currency": "CNY",
        "promised_on": date(2025, 1, 20),
        **changes,
    }
    borrower.promise(act(fields.pop("on", JAN_15)), promise_ref=promise_ref, **fields)


def test_a_borrower_is_known_by_reference_with_zones_and_jurisdiction() -> None:
    assert recorded(registered(["America/New_York", "America/Denver"])) == [
        happened(
            Borrower.Registered,
            borrower_ref="B-1",
            jurisdiction="CN",
            zones=["America/New_York", "America/Denver"],
        )
    ]


@pytest.mark.parametrize("zones", [[], ["Mars/Olympus"], ["Asia/Shanghai", "CST?"]])
def test_a_borrower_lives_in_at_least_one_known_zone(zones: list[str]) -> None:
    with pytest.raises(ZonesNotPlausible):
        registered(zones)


def test_a_hold_says_what_it_blocks_and_by_which_policy() -> None:
    borrower = given(registered())

    set_hold(borrower)

    assert recorded(borrower) == [
        happened(
            Borrower.HoldSet,
            hold_ref="H-1",
            kind="CEASE",
            from_on=JAN_15,
            effective_on=JAN_15,
            blocks_reminders=True,
            blocks_collection=True,
            policy_version="holds-test",
        )
    ]


def test_a_hold_may_stand_since_a_day_before_we_knew() -> None:
    borrower = given(registered())

    set_hold(borrower, from_on=date(2025, 1, 2))

    assert recorded(borrower) == [
        happened(Borrower.HoldSet, effective_on=date(2025, 1, 2), business_on=JAN_15)
    ]


def test_the_same_hold_again_stands_once() -> None:
    borrower = given(registered(), set_hold)

    set_hold(borrower)

    assert recorded(borrower) == []


def test_a_hold_reference_names_one_hold() -> None:
    borrower = given(registered(), set_hold)

    with pytest.raises(module.HoldRefReused):
        set_hold(borrower, kind="DISPUTE")


def test_without_a_policy_that_says_what_it_blocks_no_hold_is_set() -> None:
    borrower = given(registered())

    with pytest.raises(module.HoldRuleMissing):
        set_hold(borrower, rule=None)
    with pytest.raises(module.HoldRuleMissing):
        set_hold(borrower, kind="DISPUTE")


def test_a_hold_is_lifted_once() -> None:
    borrower = given(registered(), set_hold)

    lift_hold(borrower, on=date(2025, 1, 20))
    lift_hold(borrower, on=date(2025, 1, 21))

    assert recorded(borrower) == [
        happened(Borrower.HoldLifted, kind="CEASE", lifted_on=date(2025, 1, 20))
    ]
    assert borrower.holds["H-1"].lifted_on == date(2025, 1, 20)


def test_a_hold_may_be_lifted_from_a_past_day_and_that_day_corrected() -> None:
    borrower = given(registered(), set_hold)
    first, second = date(2025, 1, 20), date(2025, 1, 18)

    for day in (first, second):
        borrower.lift_hold(act(date(2025, 1, 25)), hold_ref="H-1", reason="agreed", lifted_on=day)

    assert recorded(borrower) == [
        happened(Borrower.HoldLifted, effective_on=first, lifted_on=first, lifted_before=None),
        happened(Borrower.HoldLifted, effective_on=second, lifted_on=second, lifted_before=first),
    ]


def test_a_hold_ends_no_earlier_than_it_began_and_no_later_than_today() -> None:
    borrower = given(registered(), set_hold)

    for day, refused in (
        (date(2025, 1, 14), module.LiftedTooEarly),
        (date(2025, 1, 26), module.LiftedInFuture),
    ):
        with pytest.raises(refused):
            borrower.lift_hold(
                act(date(2025, 1, 25)), hold_ref="H-1", reason="agreed", lifted_on=day
            )


def test_a_hold_on_one_debt_leaves_the_others_to_the_gate() -> None:
    borrower = given(registered())

    set_hold(borrower, loan_ids=[LOAN_ID], touches=[LOAN_ID])
    set_hold(borrower, hold_ref="H-2")

    assert [hold.debt for hold in borrower.contact_holds()] == [str(LOAN_ID), None]
    assert recorded(borrower)[0] == happened(
        Borrower.HoldSet, loan_ids=[LOAN_ID], touches=[LOAN_ID], stops_penalty=False
    )


def test_a_hold_nobody_set_cannot_be_lifted() -> None:
    with pytest.raises(module.HoldUnknown):
        lift_hold(given(registered()))


def test_a_promise_is_recorded_with_amount_and_day() -> None:
    borrower = given(registered())

    promise(borrower)

    assert recorded(borrower) == [
        happened(
            Borrower.PromiseMade,
            loan_id=LOAN_ID,
            amount=100_00,
            currency="CNY",
            promised_on=date(2025, 1, 20),
        )
    ]


def test_the_same_promise_again_is_recorded_once() -> None:
    borrower = given(registered(), promise)

    promise(borrower)

    assert recorded(borrower) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 99_00},
        {"promised_on": date(2025, 1, 21)},
        {"loan_id": uuid5(NAMESPACE, "another")},
    ],
)
def test_a_promise_reference_names_one_promise(changes: dict[str, Any]) -> None:
    borrower = given(registered(), promise)

    with pytest.raises(module.PromiseRefReused):
        promise(borrower, **changes)


@pytest.mark.parametrize("amount", [0, -1])
def test_nobody_promises_nothing(amount: int) -> None:
    with pytest.raises(AmountNotPositive):
        promise(given(registered()), amount=amount)


def test_nobody_promises_for_yesterday() -> None:
    borrower = given(registered())

    with pytest.raises(module.PromisedTooEarly):
        promise(borrower, promised_on=date(2025, 1, 14))
    promise(borrower, promised_on=JAN_15)

    assert recorded(borrower) == [happened(Borrower.PromiseMade, promised_on=JAN_15)]


@pytest.mark.parametrize(
    ("received", "kind"),
    [
        (100_00, Borrower.PromiseKept),
        (150_00, Borrower.PromiseKept),
        (99_99, Borrower.PromiseBroken),
        (0, Borrower.PromiseBroken),
    ],
)
def test_a_promise_is_kept_when_all_of_it_came(received: int, kind: type) -> None:
    borrower = given(registered(), promise)

    borrower.assess_promise(act(date(2025, 1, 21)), promise_ref="W-1", received=received)

    assert recorded(borrower) == [
        happened(
            kind,
            effective_on=date(2025, 1, 20),
            business_on=date(2025, 1, 21),
            promised=100_00,
            received=received,
        )
    ]


def test_a_promise_is_assessed_once() -> None:
    borrower = given(
        registered(),
        promise,
        lambda one: one.assess_promise(act(date(2025, 1, 21)), promise_ref="W-1", received=0),
    )

    with pytest.raises(module.PromiseNotOpen):
        borrower.assess_promise(act(date(2025, 1, 22)), promise_ref="W-1", received=100_00)
    with pytest.raises(module.PromiseNotOpen):
        borrower.assess_promise(act(date(2025, 1, 22)), promise_ref="W-9", received=100_00)


def test_a_promise_is_due_the_day_after_its_day() -> None:
    borrower = given(registered(), promise)

    assert borrower.promises_due(date(2025, 1, 20)) == []
    assert [due.promise_ref for due in borrower.promises_due(date(2025, 1, 21))] == ["W-1"]
    action = borrower.next_action()
    assert action is not None
    assert action.due_on == date(2025, 1, 21)


def test_the_earliest_open_promise_asks_for_attention_first() -> None:
    borrower = given(
        registered(),
        lambda one: promise(one, "W-1", promised_on=date(2025, 2, 20)),
        lambda one: promise(one, "W-2", promised_on=date(2025, 1, 16)),
    )

    action = borrower.next_action()
    assert action is not None
    assert action.due_on == date(2025, 1, 17)


def test_a_borrower_without_open_promises_needs_no_attention() -> None:
    assert given(registered()).next_action() is None


def test_replayed_events_lead_to_the_same_borrower() -> None:
    borrower = registered()
    set_hold(borrower)
    promise(borrower)
    lift_hold(borrower)

    assert state(replayed(borrower.pending_events)) == state(borrower)
