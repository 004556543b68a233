"""Law, product, contract and borrower: a contact must keep to what each of them asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.contact_policy import (
    BanRule,
    Channel,
    ContactRules,
    DeferralRule,
    HoldKind,
    Hours,
    HoursRule,
    LimitRule,
    Outcome,
    Per,
    PointKind,
    Purpose,
    Reason,
)
from domain.base.stream import Stream
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.contact import ContactHold, Intent
from domain.borrower.contact_state import OwnHours
from domain.borrower.restriction import AgreedHours, Restriction
from domain.borrower.restrictions import (
    RestrictionNotSound,
    RestrictionRefReused,
    RestrictionUnknown,
)
from domain.borrower.why import replayed as made_again
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.asking import (
    ALLOWED,
    SHIPPED,
    answer,
    asked,
    blocked,
    borrower,
    call,
    collecting,
    deferred,
    local,
)
from tests.domain.borrower.test_contacts import DUNNING, TEN, add_point, ask, known, last
from tests.domain.story import BORROWER_ID, LOAN_ID, act, replayed, state

NOON = local("2026-09-10 12:00")
NIGHT = local("2026-09-10 20:00")
DAY = timedelta(days=1)

COLLECTING: dict[str, Any] = {
    "jurisdiction": "ANY",
    "purposes": (Purpose.COLLECTION,),
    "valid_from": date(1990, 1, 1),
    "source": "a test",
}


def of_product(*codes: str, **said: Any) -> dict[str, Any]:
    return {**COLLECTING, "version": "1", "products": codes, **said}


def with_rules(**added: Any) -> ContactRules:
    """The shipped rules, and more."""
    more: dict[str, Any] = {
        part: (*getattr(SHIPPED, part), *rules) for part, rules in added.items()
    }
    return replace(SHIPPED, **more)


UNTIL_FIVE = HoursRule(
    rule="student-hours", hours=(Hours(start=time(9), end=time(17)),), **of_product("STUDENT")
)
NO_VISITS = BanRule(rule="no-visits", **of_product("STUDENT", channels=(Channel.VISIT,)))
RULES = with_rules(hours=(UNTIL_FIVE,), bans=(NO_VISITS,))
STUDENT = collecting(products=("STUDENT",))


# --- the product ---------------------------------------------------------------------


def test_a_rule_of_a_product_binds_contacts_about_its_debts_alone() -> None:
    tomorrow = local("2026-09-11 09:00")

    assert answer(STUDENT, borrower(), NIGHT, RULES) == deferred(tomorrow, "WINDOW")
    assert answer(collecting(products=("CASH",)), borrower(), NIGHT, RULES) == ALLOWED
    assert answer(collecting(), borrower(), NIGHT, RULES) == ALLOWED


def test_a_contact_about_debts_of_two_products_keeps_to_the_rules_of_both() -> None:
    both = collecting(also=("d2",), products=("CASH", "STUDENT"))

    assert answer(both, borrower(), NIGHT, RULES)[2] == ["WINDOW"]


def test_what_a_product_rules_out_is_not_done_at_any_time() -> None:
    visit = replace(STUDENT, channel=Channel.VISIT)

    assert answer(visit, borrower(), NOON, RULES) == blocked("FORBIDDEN")
    assert answer(replace(visit, products=()), borrower(), NOON, RULES) == ALLOWED


def test_a_product_narrows_the_law_and_never_stands_in_for_it() -> None:
    wide = HoursRule(rule="late", hours=(Hours(start=time(6), end=time(23)),), **of_product("X"))
    soon = DeferralRule(rule="soon", hours=400, **of_product("X"))
    about = collecting(products=("X",))

    assert answer(about, borrower(), local("2026-09-10 22:00"), with_rules(hours=(wide,)))[2] == [
        "WINDOW"
    ]
    lawless = replace(RULES, hours=(wide,), deferrals=(soon,))
    assert answer(about, borrower(), NOON, lawless) == blocked("WINDOW")


def test_a_decision_names_the_rules_of_the_product_and_is_made_again_by_them() -> None:
    found = asked(STUDENT, borrower(), NIGHT, RULES)
    versions = [(each.rule, each.version) for each in found.judged_by]

    assert ("student-hours", "1") in versions
    later = with_rules(hours=(UNTIL_FIVE, replace(UNTIL_FIVE, version="2", hours=())))
    assert asked(STUDENT, borrower(), NIGHT, later.at_versions(versions)) == found


# --- several debts -------------------------------------------------------------------


def test_a_hold_on_one_of_the_debts_stops_a_contact_about_both() -> None:
    held = borrower(holds=(ContactHold(HoldKind.DISPUTE, NOON - DAY, debt="d2"),))

    assert answer(collecting(), held, NOON) == ALLOWED
    assert answer(collecting(also=("d2",)), held, NOON)[2] == ["HOLD"]


def test_a_cap_per_debt_is_counted_for_each_debt_alone() -> None:
    calls = {
        debt: tuple(call(NOON - n * DAY / 4, Outcome.ATTEMPTED, debt=debt) for n in range(1, count))
        for debt, count in {"d1": 5, "d2": 5, "d3": 8}.items()
    }
    history = borrower("US", history=tuple(each for made in calls.values() for each in made))
    at = NOON.astimezone() + timedelta(hours=8)

    assert answer(collecting(also=("d2",)), history, at) == ALLOWED
    assert answer(collecting(also=("d3",)), history, at)[2] == ["CAP"]


def test_a_contact_about_two_debts_counts_for_both() -> None:
    spoken = call(NOON, Outcome.CONVERSATION, debt="d1", also=["d2"])
    us = borrower("US", history=(spoken,))
    at = NOON + timedelta(hours=10)

    assert answer(collecting(debt="d2"), us, at)[2] == ["COOLDOWN"]
    assert answer(collecting(debt="d3"), us, at) == ALLOWED


# --- the contract --------------------------------------------------------------------


def restricted(**said: Any) -> Borrower:
    """A borrower whose contract narrows contact about a loan."""
    found = known()
    restrict(found, **said)
    return found


def restrict(borrower: Borrower, ref: str = "K-1", loan_id: UUID = LOAN_ID, **said: Any) -> None:
    borrower.restrict_contact(
        act(), Restriction(ref, loan_id, **said), reason="clause 9", restricted_at=TEN
    )


MORNINGS: dict[str, Any] = {"hours": [AgreedHours("09:00", "09:30")]}


def test_a_contract_narrows_the_hours_of_contact_about_its_loan() -> None:
    found = restricted(**MORNINGS)

    ask(found, "C-1")

    assert [(each.reason, each.rule, each.version) for each in last(found).against] == [
        ("WINDOW", "contract-K-1", "as-agreed")
    ]
    assert "contract-K-1" in {each.rule for each in last(found).judged_by}
    assert last(found).until is not None


def test_a_contract_leaves_contact_about_another_loan_free_and_none_that_names_no_loan() -> None:
    found = restricted(**MORNINGS)

    ask(found, "C-1", replace(DUNNING, debt=str(uuid4())))
    assert last(found).answer == "ALLOW"
    ask(found, "C-2", replace(DUNNING, debt=None))
    assert last(found).answer == "DEFER"
    ask(found, "C-3", replace(DUNNING, debt=str(uuid4()), also=(str(LOAN_ID),)))
    assert last(found).answer == "DEFER"


def test_the_hours_of_a_contract_do_not_bind_a_letter() -> None:
    found = restricted(**MORNINGS)
    add_point(found, "P-2", kind=PointKind.ADDRESS)

    ask(found, "C-1", replace(DUNNING, channel=Channel.LETTER, contact_point="P-2"))

    assert last(found).answer == "ALLOW"


def test_a_contract_may_rule_out_a_channel_or_a_purpose() -> None:
    found = restricted(channels=["PHONE"])
    restrict(found, "K-2", purposes=["MARKETING"])

    ask(found, "C-1")
    assert [each.reason for each in last(found).against] == ["FORBIDDEN"]
    ask(found, "C-2", replace(DUNNING, channel=Channel.SMS))
    assert last(found).answer == "ALLOW"
    ask(found, "C-3", Intent(Purpose.MARKETING, Channel.SMS, contact_point="P-1"))
    assert "contract-K-2" in {each.rule for each in last(found).against}
    ask(found, "C-4", replace(DUNNING, purpose=Purpose.STATUTORY))
    assert last(found).answer == "ALLOW"


def test_a_contract_may_allow_fewer_contacts_than_the_law() -> None:
    found = restricted(most=1, within="DAY")

    ask(found, "C-1")
    ask(found, "C-2", at=TEN + timedelta(minutes=1))

    assert [each.rule for each in last(found).against] == ["contract-K-1"]


def test_contract_and_borrower_must_both_be_kept_to() -> None:
    found = restricted(hours=[AgreedHours("09:00", "12:00")])
    found.set_own_hours(
        act(), hours=[OwnHours("11:00", "15:00", only=True)], source="CALL", set_at=TEN
    )

    ask(found, "C-1")

    assert [each.rule for each in last(found).against] == ["borrowers-own-hours"]
    assert last(found).until == TEN + timedelta(hours=1)
    ask(found, "C-2", at=TEN + timedelta(hours=3))
    assert [each.rule for each in last(found).against] == ["contract-K-1"]


def test_what_was_lifted_binds_no_more_and_its_reference_stays_taken() -> None:
    found = restricted(**MORNINGS)

    for _ in range(2):
        found.lift_restriction(act(), restriction_ref="K-1", reason="agreed anew", lifted_at=TEN)

    ask(found, "C-1")
    assert last(found).answer == "ALLOW"
    with pytest.raises(RestrictionRefReused):
        restrict(found, channels=["SMS"])
    with pytest.raises(RestrictionUnknown):
        found.lift_restriction(act(), restriction_ref="K-9", reason="none", lifted_at=TEN)


def test_the_same_restriction_again_changes_nothing_and_another_needs_another_name() -> None:
    found = restricted(**MORNINGS)
    version = found.version

    restrict(found, **MORNINGS)

    assert found.version == version
    with pytest.raises(RestrictionRefReused):
        restrict(found, channels=["SMS"])


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"most": 1},
        {"within": "DAY"},
        {"most": 0, "within": "DAY"},
        {"most": 1, "within": "HOURS"},
        {"ref": "a b", "channels": ["SMS"]},
    ],
)
def test_a_restriction_that_narrows_nothing_or_is_not_understood_is_refused(
    said: dict[str, Any],
) -> None:
    with pytest.raises(RestrictionNotSound):
        restricted(**said)


def test_hours_of_a_contract_are_hours() -> None:
    with pytest.raises(no.HoursNotSound):
        restricted(hours=[AgreedHours("18:00", "9")])


def test_decisions_by_contracts_and_products_come_out_again_as_they_did() -> None:
    found = restricted(**MORNINGS)
    also = (str(uuid4()),)
    ask(found, "C-1", replace(DUNNING, products=("STUDENT",), also=also))
    found.lift_restriction(act(), restriction_ref="K-1", reason="agreed anew", lifted_at=TEN)
    ask(found, "C-1", replace(DUNNING, products=("STUDENT",), also=also))
    events = [each for each in found.pending_events if isinstance(each, Stream.Event)]

    again = list(made_again(events, lambda _: SHIPPED, lambda _: None))

    assert [each.differs for each in again] == [None, None]
    assert [each.decided.answer for each in again] == ["DEFER", "ALLOW"]
    assert state(replayed(events)) == state(found)
    kept = from_snapshot(Borrower, BORROWER_ID, found.version, to_snapshot(found))
    assert state(kept) == state(found)


def test_a_limit_of_a_product_counts_beside_that_of_the_law() -> None:
    law = next(each for each in SHIPPED.limits if each.rule == "cn-connected-calls-a-day")
    once = LimitRule(
        rule="student-calls",
        reason=Reason.CAP,
        counts=law.counts,
        per=Per.DEBTOR,
        within=law.within,
        most=1,
        **of_product("STUDENT"),
    )
    spoken = borrower(history=(call(NOON, Outcome.CONVERSATION),))
    rules = with_rules(limits=(once,))

    assert answer(STUDENT, spoken, NOON + timedelta(hours=1), rules)[2] == ["CAP"]
    assert answer(collecting(), spoken, NOON + timedelta(hours=1), rules) == ALLOWED
