"""Planned contacts in experiments, campaigns and referrals, on a real book."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.base.contact_policy import PointKind
from domain.base.refusal import AlreadyThere, NotFound
from domain.borrower.borrower import Borrower
from domain.commands import campaigns, collecting, experiments, planning, trials
from domain.commands.book import Book
from domain.commands.experiments import TargetTaken
from domain.commands.planning import ToRemind, Turn
from domain.operations.campaign import (
    Audience,
    Campaign,
    CampaignKnown,
    CampaignNotNow,
    CampaignNotSound,
    Plan,
    SaidFigure,
)
from domain.operations.design import AppliesTo, Arm, ArmCount, Design, Metric
from domain.operations.experiment import ExperimentKnown, ExperimentNotSound
from domain.operations.referral import RewardNotAllowed
from infra.store import from_snapshot, to_snapshot
from tests.domain.commands.books import act, registered
from tests.domain.commands.test_dispatch import reachable
from tests.domain.operations.test_design import DESIGN
from tests.domain.story import LOAN_ID

ON = date(2025, 2, 12)
MIDNIGHT = datetime(2025, 2, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
MARCH = datetime(2025, 3, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
MARCH_12 = MARCH.date()
HELD_OUT_ALL = replace(
    DESIGN, arms=[Arm("NO_REMINDER", 1_000_000, hold_out=True), Arm("AS_PLANNED", 1)]
)


@pytest.fixture
def running(book: Book) -> Book:
    """A book with an experiment that holds nearly everybody out."""
    experiments.start(book, act(ON), design=HELD_OUT_ALL)
    return book


def turn(book: Book, borrower_id: UUID, start: datetime = MIDNIGHT) -> Turn:
    """The reminder of the day, in its arm."""
    borrowers = book.get_many(Borrower, [borrower_id])
    row = ToRemind(LOAN_ID, 1, -3, None)
    planned = planning.reminders({borrower_id: [row]}, borrowers, book.rules, start)
    (found,) = trials.on_trial(book, planned, borrowers, start)
    return found


def only(arm: Arm, **changes: str | None) -> Design:
    """An experiment that has nearly everybody in one arm."""
    arms = [replace(arm, weight=1_000_000), Arm("AS_PLANNED", 1)]
    return replace(DESIGN, arms=arms, control="AS_PLANNED", **changes)  # type: ignore[arg-type]


def test_a_reminder_of_the_hold_out_is_planned_and_dropped_and_counted_in_its_arm(
    running: Book,
) -> None:
    found = turn(running, reachable(running, PointKind.PHONE))

    assert found.dropped == "HELD_OUT"
    assert found.planned.trial is not None
    assert (found.planned.trial.experiment, found.planned.trial.arm) == ("hold-out", "NO_REMINDER")


def test_an_experiment_assigns_from_its_first_day_and_not_before(running: Book) -> None:
    borrower_id = reachable(running, PointKind.PHONE)

    found = turn(running, borrower_id, datetime(2025, 2, 11, tzinfo=MIDNIGHT.tzinfo))

    assert (found.dropped, found.planned.trial) == (None, None)


def test_an_experiment_that_was_stopped_assigns_nobody(running: Book) -> None:
    experiments.stop(running, act(ON), name="hold-out", reason="enough")

    found = turn(running, reachable(running, PointKind.PHONE))

    assert (found.dropped, found.planned.trial) == (None, None)
    assert experiments.running(running, ON) == []


def test_an_arm_has_words_and_an_hour_of_its_own(book: Book) -> None:
    design = only(Arm("EVENING", 1, template="on-due", hour=19))
    experiments.start(book, act(ON), design=design)

    found = turn(book, reachable(book, PointKind.PHONE))

    assert found.planned.template == "on-due"
    assert found.not_before == datetime(2025, 2, 12, 11, 0, tzinfo=UTC)


def test_an_hour_at_which_the_law_forbids_it_becomes_the_next_that_it_allows(book: Book) -> None:
    experiments.start(book, act(ON), design=only(Arm("NIGHT", 1, hour=22)))

    found = turn(book, reachable(book, PointKind.PHONE))

    assert found.not_before == datetime(2025, 2, 13, 0, 0, tzinfo=UTC)


def test_an_experiment_on_texts_is_for_what_is_sent_in_them(book: Book) -> None:
    texts = {"applies_to": AppliesTo.TEMPLATE, "target": "before-due"}
    experiments.start(book, act(ON), design=only(Arm("OTHER", 1, template="on-due"), **texts))

    assert turn(book, reachable(book, PointKind.PHONE)).planned.template == "on-due"


def test_a_contact_is_in_one_experiment_and_that_on_reminders_comes_first(running: Book) -> None:
    texts = {"experiment": "t", "applies_to": AppliesTo.TEMPLATE, "target": "before-due"}
    experiments.start(running, act(ON), design=only(Arm("OTHER", 1, template="on-due"), **texts))

    assert turn(running, reachable(running, PointKind.PHONE)).dropped == "HELD_OUT"


def test_a_message_about_a_late_loan_is_not_held_out_with_the_reminders(running: Book) -> None:
    borrower_id = reachable(running, PointKind.PHONE)
    late = [collecting.Late(LOAN_ID, borrower_id, "M1", 5)]
    collecting.assign_strategies(running, late, ON, act=lambda: act(ON))
    people = running.get_many(Borrower, [borrower_id])
    planned = planning.dunnings(people.values(), running.rules, MIDNIGHT)

    (found,) = trials.on_trial(running, planned, people, MIDNIGHT)

    assert (found.dropped, found.planned.trial) == (None, None)


def test_two_experiments_do_not_run_on_the_same_and_none_is_edited(running: Book) -> None:
    with pytest.raises(TargetTaken):
        experiments.start(running, act(ON), design=replace(DESIGN, experiment="another"))
    with pytest.raises(ExperimentKnown):
        experiments.start(running, act(ON), design=replace(HELD_OUT_ALL, hypothesis="Other."))

    again = experiments.start(running, act(ON), design=HELD_OUT_ALL)

    assert again.version == 1


def test_an_experiment_names_texts_and_products_that_are_there(book: Book) -> None:
    campaign = {"applies_to": AppliesTo.CAMPAIGN, "target": "advent"}
    design = only(Arm("OTHER", 1, template="nowhere", product="NOPE:1"), **campaign)

    with pytest.raises(ExperimentNotSound, match=r"nowhere.*NOPE:1 is not published"):
        experiments.start(book, act(ON), design=design)
    with pytest.raises(NotFound, match="experiment list"):
        experiments.stop(book, act(ON), name="none", reason="x")


def test_an_experiment_without_a_salt_takes_one_that_no_other_has(book: Book) -> None:
    salts = set()
    for name in ("one", "two"):
        experiments.start(book, act(ON), design=replace(DESIGN, experiment=name, salt=""))
        salts.add(experiments.named(book, name).design.salt)
        experiments.stop(book, act(ON), name=name, reason="enough")

    assert len(salts) == 2


def test_an_experiment_is_won_through_the_store_and_a_snapshot_says_the_same(book: Book) -> None:
    experiments.start(book, act(ON), design=replace(DESIGN, guard_rails=[]))
    counts = [ArmCount("AS_PLANNED", Metric.PAID_IN_TIME, 10, 9)]
    experiments.propose(book, act(ON), name="hold-out", arm="AS_PLANNED", counts=counts)
    experiments.approve(book, replace(act(ON), actor="manager"), name="hold-out", counts=counts)

    found = experiments.named(book, "hold-out")

    assert (found.winner, found.is_running) == ("AS_PLANNED", False)
    again = from_snapshot(type(found), found.id, found.version, to_snapshot(found))
    assert vars(again) == vars(found)


# --- campaigns ---------------------------------------------------------------------------

PLAN = Plan(
    campaign="spring",
    purpose="MARKETING",
    channels=["SMS"],
    template="offer",
    product_line="consumer",
    figures=[SaidFigure("product", "装修贷"), SaidFigure("product_version", "TEST:1")],
    audience=Audience("CN", ["TEST"], ["ACTIVE"]),
    valid_from=date(2025, 3, 1),
    valid_until=date(2025, 4, 1),
)


def launch(book: Book, plan: Plan = PLAN, on: date = MARCH_12) -> None:
    campaigns.launch(book, act(on), plan=plan, borrowers=1, approved_by="manager")


def test_a_campaign_is_launched_once_and_says_the_figures_of_its_product(book: Book) -> None:
    launch(book)
    launch(book)
    people = [book.get(Borrower, reachable(book, PointKind.PHONE))]

    (found,) = campaigns.turns(book, PLAN, people, MARCH, MARCH)

    assert book.get(Campaign, campaigns.campaign_id(book, "spring")).version == 1
    said = {each.figure: each.reads for each in found.planned.figures}
    assert said["amount_max"] == "10,000.00 CNY" and "annualised_rate" in said
    assert found.planned.occasion == "campaign:spring"
    with pytest.raises(CampaignKnown):
        launch(book, replace(PLAN, product_line="housing"))
    with pytest.raises(CampaignNotNow):
        launch(book, on=PLAN.valid_until)


def test_an_arm_of_a_campaign_may_offer_another_product_or_nothing(book: Book) -> None:
    campaign = {"applies_to": AppliesTo.CAMPAIGN, "target": "spring"}
    product = Arm("OTHER", 1, product="TEST:1")
    experiments.start(book, act(ON), design=only(product, **campaign))
    plan = replace(PLAN, figures=PLAN.figures[:1])
    people = book.get_many(Borrower, [reachable(book, PointKind.PHONE)])
    turns = campaigns.turns(book, plan, people.values(), MARCH, MARCH)

    (found,) = trials.on_trial(book, turns, people, MARCH)

    said = {each.figure: each.reads for each in found.planned.figures}
    assert (said["product_version"], said["product"]) == ("TEST:1", "装修贷")
    assert Decimal(said["annualised_rate"]) > 0


def test_a_campaign_needs_a_text_in_force_with_its_figures_and_for_its_purpose(book: Book) -> None:
    with pytest.raises(CampaignNotSound, match="needs the figures amount_max, annual"):
        launch(book, replace(PLAN, figures=PLAN.figures[:1]))
    with pytest.raises(CampaignNotSound, match="No text of nowhere by SMS"):
        launch(book, replace(PLAN, template="nowhere"))
    unpublished = [SaidFigure("product_version", "TEST:9")]
    with pytest.raises(CampaignNotSound, match="TEST:9 is not published"):
        launch(book, replace(PLAN, figures=unpublished))
    with pytest.raises(CampaignNotSound, match="not for CARE"):
        launch(book, replace(PLAN, purpose="CARE"))


# --- referrals ---------------------------------------------------------------------------


def test_a_borrower_is_referred_once_and_never_for_cash(book: Book) -> None:
    referred, by, other = (registered(book) for _ in range(3))

    with pytest.raises(RewardNotAllowed):
        campaigns.refer(book, act(ON), referred_id=referred, referred_by=by, reward="CASH")
    campaigns.refer(book, act(ON), referred_id=referred, referred_by=by, reward="POINTS")

    with pytest.raises(AlreadyThere):
        campaigns.refer(book, act(ON), referred_id=referred, referred_by=other, reward=None)
