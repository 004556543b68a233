"""An experiment runs until it is stopped or won; two people and its guard rails decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.base.policy import ReferralRule
from domain.base.refusal import SamePerson
from domain.operations.campaign import Audience, Campaign, CampaignNotNow, Plan
from domain.operations.design import ArmCount, Metric
from domain.operations.experiment import (
    ArmUnknown,
    Experiment,
    ExperimentNotSound,
    ExperimentOver,
    GuardRailBroken,
    NotMeasured,
    NoWinnerProposed,
)
from domain.operations.referral import Referral, ReferredThemselves, RewardNotAllowed
from tests.domain.operations.test_design import DESIGN
from tests.domain.story import act

ID = UUID(int=1)
DAY = date(2026, 12, 1)


def started() -> Experiment:
    experiment = Experiment.start(act(DAY), ID, DESIGN)
    experiment.collect_events()
    return experiment


def counts(opted_out: int = 1, late: int = 4) -> list[ArmCount]:
    return [
        ArmCount("AS_PLANNED", Metric.PAID_IN_TIME, 100, 100 - late),
        ArmCount("AS_PLANNED", Metric.OPT_OUT_RATE, 100, opted_out),
        ArmCount("AS_PLANNED", Metric.DPD_1_30_RATE, 100, late),
        ArmCount("NO_REMINDER", Metric.DPD_1_30_RATE, 100, 5),
    ]


def recorded(experiment: Experiment) -> list[str]:
    return [type(event).__name__ for event in experiment.pending_events]


def test_an_experiment_that_contradicts_itself_does_not_start() -> None:
    with pytest.raises(ExperimentNotSound, match=r"no salt.*control 'X'"):
        Experiment.start(act(DAY), ID, replace(DESIGN, salt="", control="X"))


def test_a_running_experiment_is_asked_for_and_one_that_was_stopped_is_not() -> None:
    experiment = started()
    action = experiment.next_action()
    assert action is not None and action.due_on == DAY

    experiment.stop(act(DAY), reason="enough")

    assert experiment.next_action() is None
    with pytest.raises(ExperimentOver):
        experiment.stop(act(DAY), reason="again")


def test_a_winner_needs_two_people() -> None:
    experiment = started()
    experiment.propose(act(DAY, "analyst"), arm="AS_PLANNED", counts=counts())

    with pytest.raises(SamePerson):
        experiment.approve(act(DAY, "analyst"), counts=counts())
    experiment.approve(act(DAY, "manager"), counts=counts())

    assert recorded(experiment) == ["WinnerProposed", "WinnerApproved"]
    assert (experiment.winner, experiment.is_running) == ("AS_PLANNED", False)


def test_a_broken_guard_rail_vetoes_a_winner_when_proposed_and_when_approved() -> None:
    experiment = started()

    with pytest.raises(GuardRailBroken, match="opt_out_rate is 3 of 100"):
        experiment.propose(act(DAY, "analyst"), arm="AS_PLANNED", counts=counts(opted_out=3))
    experiment.propose(act(DAY, "analyst"), arm="AS_PLANNED", counts=counts())
    with pytest.raises(GuardRailBroken, match="dpd_1_30_rate is 9 of 100"):
        experiment.approve(act(DAY, "manager"), counts=counts(late=9))

    assert recorded(experiment) == ["WinnerProposed"]


def test_an_arm_of_which_nothing_is_known_yet_does_not_win() -> None:
    nobody = [ArmCount("AS_PLANNED", Metric.PAID_IN_TIME, 0, 0), *counts()[1:]]

    with pytest.raises(NotMeasured, match="paid_in_time"):
        started().propose(act(DAY), arm="AS_PLANNED", counts=nobody)


def test_a_winner_is_one_of_the_arms_and_is_proposed_before_it_is_approved() -> None:
    experiment = started()

    with pytest.raises(ArmUnknown, match="AS_PLANNED, NO_REMINDER"):
        experiment.propose(act(DAY), arm="NONE", counts=counts())
    with pytest.raises(NoWinnerProposed):
        experiment.approve(act(DAY), counts=counts())


def test_an_experiment_that_was_stopped_may_still_have_a_winner_but_one_only() -> None:
    experiment = started()
    experiment.stop(act(DAY), reason="enough")
    experiment.propose(act(DAY, "analyst"), arm="AS_PLANNED", counts=counts())
    experiment.approve(act(DAY, "manager"), counts=counts())

    with pytest.raises(ExperimentOver, match="winner"):
        experiment.propose(act(DAY, "analyst"), arm="AS_PLANNED", counts=counts())


# --- campaigns ---------------------------------------------------------------------------

PLAN = Plan(
    campaign="advent",
    purpose="MARKETING",
    channels=["SMS"],
    template="offer",
    product_line="consumer",
    figures=[],
    audience=Audience("CN", ["CLI"], ["ACTIVE"]),
    valid_from=DAY,
    valid_until=date(2026, 12, 24),
)


def launched(on: date = DAY, **given: Any) -> Campaign:
    said: dict[str, Any] = {"borrowers": 3, "approved_by": "manager", **given}
    return Campaign.launch(act(on), ID, PLAN, **said)


def test_a_campaign_is_launched_by_two_people_on_one_of_its_days() -> None:
    assert launched().launched_by == ["clerk", "manager"]
    with pytest.raises(SamePerson):
        launched(approved_by="clerk")
    with pytest.raises(CampaignNotNow):
        launched(on=PLAN.valid_until)


def test_a_campaign_says_everything_that_is_wrong_with_it() -> None:
    bad = Plan("A b", "COLLECTION", ["PHONE"], "x", None, [], PLAN.audience, DAY, DAY)

    assert PLAN.faults() == []
    assert len(bad.faults()) == 4
    assert replace(PLAN, product_line=None).faults() == [
        "It advertises: say in product_line for what."
    ]


# --- referrals ---------------------------------------------------------------------------

RULE = ReferralRule("rewards-test", "ANY", ("POINTS", "GIFT"), DAY, None, "test")


OTHER = UUID(int=2)


def refer(reward: str | None, referred_by: UUID = OTHER) -> Referral:
    return Referral.of(
        act(DAY), ID, referred_id=UUID(int=3), referred_by=referred_by, reward=reward, rule=RULE
    )


def test_cash_is_no_reward_for_a_referral() -> None:
    with pytest.raises(RewardNotAllowed, match=r"CASH is no reward.*POINTS, GIFT"):
        refer("CASH")
    assert [refer(reward).referred_by for reward in ("POINTS", None)] == [OTHER] * 2


def test_nobody_is_referred_by_themselves() -> None:
    with pytest.raises(ReferredThemselves):
        refer("POINTS", referred_by=UUID(int=3))
