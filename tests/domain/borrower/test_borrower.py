"""Borrowers: zones, holds and promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid5

import pytest

from domain.base.policy import HoldRule
from domain.base.refusal import AmountNotPositive
from domain.base.stream import NextAction, Stream
from domain.borrower import holds, promises
from domain.borrower.borrower import Borrower
from domain.borrower.refusals import LanguageNotSound, ZonesNotPlausible
from domain.borrower.why import known_by
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


def test_a_borrower_who_moved_comes_under_another_law_and_speaks_a_language() -> None:
    borrower = given(registered())

    for jurisdiction, language in (("CN", None), ("EU", "de"), ("EU", "de")):
        borrower.change_jurisdiction(act(), jurisdiction=jurisdiction, source="LETTER")
        borrower.set_language(act(), language=language, source="CALL")

    assert recorded(borrower) == [
        happened(Borrower.JurisdictionChanged, jurisdiction="EU", jurisdiction_before="CN"),
        happened(Borrower.LanguageSet, language="de", language_before=None),
    ]
    assert (borrower.jurisdiction, borrower.language) == ("EU", "de")


@pytest.mark.parametrize("language", ["German", "DE", "", "zh_CN"])
def test_a_language_is_named_by_its_tag(language: str) -> None:
    with pytest.raises(LanguageNotSound):
        given(registered()).set_language(act(), language=language, source="CALL")


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

    with pytest.raises(holds.HoldRefReused):
        set_hold(borrower, kind="DISPUTE")


def test_without_a_policy_that_says_what_it_blocks_no_hold_is_set() -> None:
    borrower = given(registered())

    with pytest.raises(holds.HoldRuleMissing):
        set_hold(borrower, rule=None)
    with pytest.raises(holds.HoldRuleMissing):
        set_hold(borrower, kind="DISPUTE")


@pytest.mark.parametrize("kind", ["STRIKE", "RESTRICTED"])
def test_no_hold_is_set_of_a_kind_that_the_gate_does_not_know_or_that_follows_from_the_vault(
    kind: str,
) -> None:
    borrower = given(registered())

    with pytest.raises(holds.HoldRuleMissing, match=r"set one of .*ATTORNEY"):
        set_hold(borrower, kind=kind, rule=replace(CEASE, kind=kind))

    assert recorded(borrower) == []


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
        (date(2025, 1, 14), holds.LiftedTooEarly),
        (date(2025, 1, 26), holds.LiftedInFuture),
    ):
        with pytest.raises(refused):
            borrower.lift_hold(
                act(date(2025, 1, 25)), hold_ref="H-1", reason="agreed", lifted_on=day
            )


def test_a_hold_stands_until_the_day_that_was_said_and_no_longer() -> None:
    borrower = given(registered())
    until = date(2025, 2, 1)

    set_hold(borrower, until_on=until)

    assert recorded(borrower) == [happened(Borrower.HoldSet, from_on=JAN_15, until_on=until)]
    assert [each.hold_ref for each in borrower.holds_on(LOAN_ID, date(2025, 1, 31))] == ["H-1"]
    assert borrower.holds_on(LOAN_ID, until) == []
    (seen,) = borrower.contact_holds()
    assert seen.until == datetime(2025, 1, 31, 16, tzinfo=UTC)


def test_a_hold_keeps_contact_back_from_when_it_is_known_where_its_day_has_not_begun() -> None:
    known_at = datetime(2025, 1, 15, 5, tzinfo=UTC)
    borrower = given(registered(["Pacific/Honolulu"]))

    set_hold(borrower, known_at=known_at)
    set_hold(borrower, "H-2", from_on=date(2025, 1, 16), known_at=known_at)

    now, later = borrower.contact_holds()
    assert now.from_at == known_at
    assert later.from_at == datetime(2025, 1, 16, 10, tzinfo=UTC)


def test_a_hold_is_known_from_its_instant_on_whatever_day_the_book_has() -> None:
    known_at = datetime(2025, 1, 15, 5, tzinfo=UTC)
    borrower = registered(["Pacific/Honolulu"])
    set_hold(borrower, on=date(2025, 1, 16), known_at=known_at)
    stream = [each for each in borrower.pending_events if isinstance(each, Stream.Event)]

    before = known_by(stream, known_at - timedelta(seconds=1), JAN_15)
    since = known_by(stream, known_at, JAN_15)

    assert before is not None
    assert before.holds == {}
    assert since is not None
    assert list(since.holds) == ["H-1"]


def test_a_hold_that_was_lifted_from_its_first_day_never_kept_contact_back() -> None:
    borrower = given(registered(["Pacific/Honolulu"]))

    set_hold(borrower, known_at=datetime(2025, 1, 15, 5, tzinfo=UTC))
    lift_hold(borrower)

    (seen,) = borrower.contact_holds()
    assert seen.from_at == seen.until


def test_a_hold_stands_as_long_as_the_policy_says_unless_somebody_says_otherwise() -> None:
    borrower = given(registered())
    sixty = replace(CEASE, length_days=60)

    set_hold(borrower, rule=sixty)
    set_hold(borrower, "H-2", rule=sixty, until_on=date(2025, 1, 20))
    set_hold(borrower, "H-3", rule=sixty, open_ended=True)

    assert {ref: hold.until_on for ref, hold in borrower.holds.items()} == {
        "H-1": date(2025, 3, 16),
        "H-2": date(2025, 1, 20),
        "H-3": None,
    }


def test_the_last_day_of_a_hold_needs_attention_and_it_is_lifted_from_its_own_end() -> None:
    until = date(2025, 2, 1)
    borrower = given(registered(), lambda ada: set_hold(ada, until_on=until))
    due = borrower.next_action()

    lifted = borrower.lift_over(act(date(2025, 1, 31)), until)

    assert due == NextAction("HOLD", date(2025, 1, 31))
    assert [hold.hold_ref for hold in lifted] == ["H-1"]
    assert recorded(borrower) == [
        happened(Borrower.HoldLifted, effective_on=until, lifted_on=until, lifted_before=None)
    ]
    assert borrower.next_action() is None
    assert borrower.lift_over(act(until), until) == []


def test_a_hold_with_an_end_may_be_lifted_earlier_and_that_day_counts() -> None:
    borrower = given(registered(), lambda ada: set_hold(ada, until_on=date(2025, 2, 1)))

    lift_hold(borrower, on=date(2025, 1, 20))

    assert borrower.holds["H-1"].ends_on == date(2025, 1, 20)
    assert borrower.holds_over(date(2025, 2, 1)) == []


def test_the_end_of_a_hold_that_stands_may_be_moved_or_taken_away() -> None:
    first, second = date(2025, 2, 1), date(2025, 3, 1)
    borrower = given(registered(), lambda ada: set_hold(ada, until_on=first))

    for day in (second, second, None):
        borrower.set_hold_end(act(), hold_ref="H-1", until_on=day, reason="treatment goes on")

    assert recorded(borrower) == [
        happened(Borrower.HoldEndSet, until_on=second, until_before=first),
        happened(Borrower.HoldEndSet, until_on=None, until_before=second),
    ]


def test_a_hold_ends_after_it_began_on_a_day_to_come_and_before_it_is_lifted() -> None:
    borrower = given(registered(), set_hold)
    later = act(date(2025, 1, 25))

    with pytest.raises(holds.HoldEndsTooEarly):
        set_hold(borrower, "H-2", until_on=JAN_15)
    with pytest.raises(holds.HoldEndsTooEarly):
        borrower.set_hold_end(later, hold_ref="H-1", until_on=JAN_15, reason="over")
    with pytest.raises(holds.HoldEndPast):
        borrower.set_hold_end(later, hold_ref="H-1", until_on=later.business_on, reason="over")
    lift_hold(borrower)
    with pytest.raises(holds.HoldOver):
        borrower.set_hold_end(later, hold_ref="H-1", until_on=date(2025, 2, 1), reason="again")


def test_a_hold_on_one_debt_leaves_the_others_to_the_gate() -> None:
    borrower = given(registered())

    set_hold(borrower, loan_ids=[LOAN_ID], touches=[LOAN_ID])
    set_hold(borrower, hold_ref="H-2")

    assert [hold.debt for hold in borrower.contact_holds()] == [str(LOAN_ID), None]
    assert recorded(borrower)[0] == happened(
        Borrower.HoldSet, loan_ids=[LOAN_ID], touches=[LOAN_ID], stops_penalty=False
    )


def test_a_hold_nobody_set_cannot_be_lifted() -> None:
    with pytest.raises(holds.HoldUnknown):
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

    with pytest.raises(promises.PromiseRefReused):
        promise(borrower, **changes)


@pytest.mark.parametrize("amount", [0, -1])
def test_nobody_promises_nothing(amount: int) -> None:
    with pytest.raises(AmountNotPositive):
        promise(given(registered()), amount=amount)


def test_nobody_promises_for_yesterday() -> None:
    borrower = given(registered())

    with pytest.raises(promises.PromisedTooEarly):
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

    with pytest.raises(promises.PromiseNotOpen):
        borrower.assess_promise(act(date(2025, 1, 22)), promise_ref="W-1", received=100_00)
    with pytest.raises(promises.PromiseNotOpen):
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
