"""Who is in which arm: by a hash alone, the same every time, weight by weight."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from domain.operations.design import AppliesTo, Arm, ArmCount, Design, GuardRail, Metric

NAMESPACE = UUID(int=38)
BORROWERS = [uuid5(NAMESPACE, str(number)) for number in range(2_000)]

DESIGN = Design(
    experiment="hold-out",
    hypothesis="Reminders let fewer become late.",
    applies_to=AppliesTo.REMINDERS,
    target=None,
    arms=[Arm("AS_PLANNED", 9), Arm("NO_REMINDER", 1, hold_out=True)],
    control="NO_REMINDER",
    primary_metric=Metric.PAID_IN_TIME,
    guard_rails=[
        GuardRail(Metric.OPT_OUT_RATE, Decimal("0.02")),
        GuardRail(Metric.DPD_1_30_RATE, Decimal("0.01"), above_control=True),
    ],
    salt="salt",
)

weights = st.lists(st.integers(1, 20), min_size=2, max_size=6)
salts = st.text(min_size=1, max_size=20)


def design(weighed: list[int], salt: str) -> Design:
    arms = [Arm(f"A{number}", weight) for number, weight in enumerate(weighed)]
    return replace(DESIGN, arms=arms, control="A0", salt=salt)


@given(weights, salts, st.uuids())
def test_a_borrower_is_in_the_same_arm_whenever_it_is_asked(
    weighed: list[int], salt: str, borrower_id: UUID
) -> None:
    first = design(weighed, salt).arm_of(borrower_id)

    assert design(weighed, salt).arm_of(borrower_id) == first
    assert first in design(weighed, salt).arms


@given(weights, salts)
def test_arms_have_their_shares_within_what_chance_allows(weighed: list[int], salt: str) -> None:
    tried = design(weighed, salt)

    counts = Counter(tried.arm_of(borrower_id).arm for borrower_id in BORROWERS)

    for arm in tried.arms:
        share = arm.weight / sum(weighed)
        deviation = (len(BORROWERS) * share * (1 - share)) ** 0.5
        # Six standard deviations: one in hundreds of millions is further off.
        assert abs(counts[arm.arm] - len(BORROWERS) * share) <= 6 * deviation + 1


@given(weights, weights, salts, salts)
def test_an_arm_more_in_another_experiment_moves_nobody(
    weighed: list[int], others: list[int], salt: str, other_salt: str
) -> None:
    own = [design(weighed, salt).arm_of(each).arm for each in BORROWERS[:100]]

    more = design([*others, 5], other_salt)
    for each in BORROWERS[:100]:
        more.arm_of(each)

    assert [design(weighed, salt).arm_of(each).arm for each in BORROWERS[:100]] == own


def test_the_arms_of_two_experiments_have_nothing_to_do_with_each_other() -> None:
    one, other = design([1, 1], "one"), design([1, 1], "other")

    both = Counter((one.arm_of(each).arm, other.arm_of(each).arm) for each in BORROWERS)

    assert all(abs(count - 500) < 100 for count in both.values()) and len(both) == 4


def test_an_arm_without_figures_breaks_its_guard_rails() -> None:
    assert len(DESIGN.broken([], "AS_PLANNED")) == 2
    assert DESIGN.broken([ArmCount("AS_PLANNED", Metric.OPT_OUT_RATE, 0, 0)], "AS_PLANNED")


def test_a_guard_rail_holds_up_to_its_limit_and_breaks_above() -> None:
    def counts(opted_out: int, late: int) -> list[ArmCount]:
        return [
            ArmCount("AS_PLANNED", Metric.OPT_OUT_RATE, 100, opted_out),
            ArmCount("AS_PLANNED", Metric.DPD_1_30_RATE, 100, late),
            ArmCount("NO_REMINDER", Metric.DPD_1_30_RATE, 100, 4),
        ]

    assert DESIGN.broken(counts(2, 5), "AS_PLANNED") == []
    assert DESIGN.broken(counts(3, 5), "AS_PLANNED") == [
        "opt_out_rate is 3 of 100, at most 0.0200 is allowed"
    ]
    assert DESIGN.broken(counts(2, 6), "AS_PLANNED") == [
        "dpd_1_30_rate is 6 of 100, at most 0.0500 is allowed (0.01 above control)"
    ]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    bad = Design(
        experiment="Hold Out",
        hypothesis=" ",
        applies_to=AppliesTo.TEMPLATE,
        target=None,
        arms=[Arm("A", 0, hold_out=True, hour=24, product="X:1")],
        control="B",
        primary_metric="luck",
        guard_rails=[GuardRail(Metric.PAID_IN_TIME, Decimal(2))],
        salt="",
    )

    assert DESIGN.faults() == []
    assert len(bad.faults()) == 14


def test_what_a_contact_brings_about_is_counted_within_days_that_are_said() -> None:
    for metric in (Metric.APPLIED, Metric.DISBURSED, Metric.CURED):
        unsaid = replace(DESIGN, primary_metric=metric)

        assert unsaid.faults() == [f"{metric} needs window_days: within how many days it counts."]
        assert replace(unsaid, window_days=30).faults() == []
    assert replace(DESIGN, window_days=0).faults() == ["The window of 0 days is below 1."]


def test_no_guard_rail_stands_before_what_more_of_is_better() -> None:
    rail = GuardRail(Metric.APPLIED, Decimal("0.1"))

    (fault,) = replace(DESIGN, guard_rails=[rail], window_days=30).faults()

    assert "No guard rail can stand before <Metric.APPLIED" in fault
