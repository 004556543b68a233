"""Which late loans agencies collect."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.base.policy import AgencyRule, AgencyStandard
from domain.borrower.borrower import Borrower
from domain.borrower.placement import (
    AgencyUnfit,
    CollectionHeld,
    NotForAgency,
    NotPlaced,
    PlacedElsewhere,
    ToPlace,
)
from tests.domain.borrower.test_borrower import lift_hold, registered, set_hold
from tests.domain.borrower.test_contacts import RULES
from tests.domain.story import (
    JAN_15,
    LOAN_ID,
    act,
    given,
    happened,
    kinds,
    recorded,
    replayed,
    state,
)

ACME = AgencyRule(
    version="acme-1",
    agency="acme",
    licence="L-7",
    jurisdictions=("CN",),
    evaluated_on=date(2024, 9, 1),
    passed=True,
    valid_from=date(2024, 9, 1),
    valid_until=None,
    source="test",
)
STANDARD = AgencyStandard(
    version="agencies-test",
    jurisdiction="CN",
    buckets=("M4", "M5"),
    evaluation_days=365,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)
LATE = ToPlace(
    LOAN_ID,
    "L-1",
    "M4",
    collectible=True,
    standard=STANDARD,
    holds=RULES.binding("CN", Purpose.COLLECTION, Channel.PHONE, JAN_15).holds,
)


def place(
    borrower: Borrower, agency: AgencyRule = ACME, on: date = JAN_15, **changes: Any
) -> Borrower:
    borrower.place(act(on), agency=agency, loan=replace(LATE, **changes))
    return borrower


def test_a_placement_is_recorded_with_the_evaluation_it_rests_on() -> None:
    borrower = place(given(registered()))

    assert recorded(borrower) == [
        happened(
            Borrower.AgencyPlaced,
            loan_id=LOAN_ID,
            agency="acme",
            licence="L-7",
            bucket="M4",
            evaluated_on=date(2024, 9, 1),
            evaluation_due_on=date(2025, 9, 1),
            agency_version="acme-1",
            policy_version="agencies-test",
        )
    ]


def test_a_loan_that_an_agency_has_already_is_not_placed_again() -> None:
    borrower = place(given(registered()))

    place(borrower)

    assert kinds(borrower) == [Borrower.AgencyPlaced]


def test_a_loan_is_recalled_before_another_agency_gets_it() -> None:
    borrower = place(given(registered()))
    other = replace(ACME, agency="other")
    with pytest.raises(PlacedElsewhere):
        place(borrower, other)

    borrower.recall(act(), loan_id=LOAN_ID, reason="complaints")
    place(borrower, other)

    assert borrower.placements[str(LOAN_ID)].agency == "other"


def test_nothing_is_recalled_that_was_not_placed() -> None:
    with pytest.raises(NotPlaced):
        registered().recall(act(), loan_id=LOAN_ID, reason="?")


@pytest.mark.parametrize("changes", [{"bucket": "M3"}, {"bucket": "M7"}, {"collectible": False}])
def test_a_loan_whose_bucket_or_state_is_none_for_agencies_stays_here(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(NotForAgency):
        place(registered(), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"jurisdictions": ("US", "UK")},
        {"passed": False},
        {"evaluated_on": JAN_15 + timedelta(days=1)},
        {"evaluated_on": JAN_15 - timedelta(days=366)},
    ],
)
def test_an_agency_needs_a_licence_there_and_an_evaluation_of_the_last_year(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(AgencyUnfit):
        place(registered(), replace(ACME, **changes))


def test_an_evaluation_counts_through_its_last_day() -> None:
    borrower = place(registered(), replace(ACME, evaluated_on=JAN_15 - timedelta(days=365)))

    assert str(LOAN_ID) in borrower.placements


def test_a_loan_is_not_placed_while_a_hold_stands() -> None:
    borrower = registered()
    set_hold(borrower)
    with pytest.raises(CollectionHeld):
        place(borrower)

    lift_hold(borrower, JAN_15 + timedelta(days=1))
    place(borrower, on=JAN_15 + timedelta(days=2))

    assert str(LOAN_ID) in borrower.placements


def test_an_agency_contacts_those_only_whose_loans_it_has() -> None:
    borrower = place(registered())
    borrower.must_act_for_us("agency:acme", str(LOAN_ID))
    borrower.must_act_for_us("chen", None)

    for actor, debt in (("agency:acme", None), ("agency:other", str(LOAN_ID))):
        with pytest.raises(NotPlaced):
            borrower.must_act_for_us(actor, debt)


def test_a_borrower_with_placements_is_the_same_after_replay() -> None:
    borrower = place(registered())
    borrower.recall(act(), loan_id=LOAN_ID, reason="paid")
    place(borrower)

    assert state(replayed(borrower.pending_events)) == state(borrower)
