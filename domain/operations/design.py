"""What an experiment tries: its arms, who is in which, and what may not get worse."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from uuid import UUID

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HOURS = range(24)
DIGEST_BITS = 64


class AppliesTo(StrEnum):
    """What an experiment changes."""

    REMINDERS = "REMINDERS"
    TEMPLATE = "TEMPLATE"
    """What is sent in the words of one family of texts."""
    CAMPAIGN = "CAMPAIGN"
    LESSON = "LESSON"
    """One lesson of the plan of what borrowers are told of money."""


class Metric(StrEnum):
    """What is measured of the borrowers in an arm: the share of them of whom it is so."""

    PAID_IN_TIME = "paid_in_time"
    DPD_1_30_RATE = "dpd_1_30_rate"
    OPT_OUT_RATE = "opt_out_rate"
    COMPLAINT_RATE = "complaint_rate"
    REPLY_RATE = "reply_rate"
    APPLIED = "applied"
    DISBURSED = "disbursed"
    CURED = "cured"


WITHIN = frozenset({Metric.APPLIED, Metric.DISBURSED, Metric.CURED})
"""Of these a borrower is told once the days of the experiment's window are over."""

HARM = frozenset({Metric.DPD_1_30_RATE, Metric.OPT_OUT_RATE, Metric.COMPLAINT_RATE})
"""Of these less is better: what a guard rail can stand before."""


@dataclass(frozen=True)
class Arm:
    """One way of doing it; without anything else it is done as planned.

    Borrowers are shared out by *weight*. A *hold_out* is not contacted at all; *hour* is
    local to the lender; *product* is a published version, as ``CODE:VERSION``.
    """

    arm: str
    weight: int
    hold_out: bool = False
    template: str | None = None
    hour: int | None = None
    product: str | None = None


@dataclass(frozen=True)
class GuardRail:
    """A metric of which an arm that wins has at most so much; or that much more than control."""

    metric: str
    most: Decimal
    above_control: bool = False


@dataclass(frozen=True)
class ArmCount:
    """Of how many borrowers in an arm a metric could be told, and of how many it was so."""

    arm: str
    metric: str
    borrowers: int
    hits: int


@dataclass(frozen=True)
class Design:
    """An experiment as it is written down; *target* names the texts, campaign or lesson.

    Under one *salt* a borrower is always in the same arm.
    """

    experiment: str
    hypothesis: str
    applies_to: str
    target: str | None
    arms: list[Arm]
    control: str
    primary_metric: str
    guard_rails: list[GuardRail]
    salt: str
    window_days: int | None = None
    """So many days from the first contact that was planned what it brought about counts."""

    def arm_of(self, borrower_id: UUID) -> Arm:
        """The arm of a borrower: by a hash alone, so that it stays the same, weight by weight."""
        digest = hashlib.sha256(f"{self.salt}:{borrower_id}".encode()).digest()
        bounds = list(accumulate(arm.weight for arm in self.arms))
        place = int.from_bytes(digest[: DIGEST_BITS // 8]) * bounds[-1] >> DIGEST_BITS
        return next(arm for arm, bound in zip(self.arms, bounds, strict=True) if place < bound)

    def faults(self) -> list[str]:
        """Everything that is wrong with it, in sentences; empty when it is sound."""
        return [*self._of_names(), *self._of_arms(), *self._of_metrics()]

    def broken(self, counts: Sequence[ArmCount], arm: str) -> list[str]:
        """The guard rails that an arm breaks, in sentences; one that nobody measured is broken."""
        found = {(each.arm, each.metric): each for each in counts}
        return [
            sentence
            for rail in self.guard_rails
            for sentence in _broken(
                rail, found.get((arm, rail.metric)), found.get((self.control, rail.metric))
            )
        ]

    def _of_names(self) -> Iterator[str]:
        if not NAME.fullmatch(self.experiment):
            yield f"The name {self.experiment!r} is not of small letters, digits and hyphens."
        if not self.hypothesis.strip():
            yield "It has no hypothesis: say what is expected, and why."
        if not self.salt.strip():
            yield "It has no salt."
        if self.applies_to not in list(AppliesTo):
            yield f"It applies to {self.applies_to}, which is none of {', '.join(AppliesTo)}."
        elif (self.applies_to == AppliesTo.REMINDERS) != (self.target is None):
            yield "Say in target which texts, campaign or lesson are meant; of reminders, nothing."

    def _of_arms(self) -> Iterator[str]:
        names = [arm.arm for arm in self.arms]
        if len(set(names)) != len(names) or len(names) < 2:
            yield "It needs two arms or more, each with a name of its own."
        if self.control not in names:
            yield f"The control {self.control!r} is none of its arms."
        for arm in self.arms:
            if arm.weight < 1:
                yield f"The weight of {arm.arm} is below 1."
            if arm.hour is not None and arm.hour not in HOURS:
                yield f"The hour of {arm.arm} is none of 0 to 23."
            if arm.hold_out and (arm.template, arm.hour, arm.product) != (None, None, None):
                yield f"{arm.arm} is held out: it has no text, hour or product."
            if arm.hold_out and self.applies_to == AppliesTo.TEMPLATE:
                yield f"{arm.arm} is held out: that is for what is planned, not for words."
            if arm.product is not None and self.applies_to != AppliesTo.CAMPAIGN:
                yield f"{arm.arm} names a product: that is for campaigns only."

    def _of_metrics(self) -> Iterator[str]:
        if self.primary_metric not in list(Metric):
            yield f"The metric {self.primary_metric!r} is none of {', '.join(Metric)}."
        elif self.primary_metric in WITHIN and self.window_days is None:
            yield f"{self.primary_metric} needs window_days: within how many days it counts."
        if self.window_days is not None and self.window_days < 1:
            yield f"The window of {self.window_days} days is below 1."
        for rail in self.guard_rails:
            if rail.metric not in HARM:
                harm = ", ".join(sorted(HARM))
                yield f"No guard rail can stand before {rail.metric!r}: take one of {harm}."
            if not 0 <= rail.most <= 1:
                yield f"The limit on {rail.metric} is a share from 0 to 1, not {rail.most}."


def _broken(rail: GuardRail, own: ArmCount | None, control: ArmCount | None) -> Iterator[str]:
    if own is None or not own.borrowers:
        yield f"{rail.metric} was not measured"
        return
    most, than = rail.most, ""
    if rail.above_control:
        if control is None or not control.borrowers:
            yield f"{rail.metric} was not measured in the control arm"
            return
        most += Decimal(control.hits) / control.borrowers
        than = f" ({rail.most} above control)"
    if own.hits > most * own.borrowers:
        yield f"{rail.metric} is {own.hits} of {own.borrowers}, at most {most:.4f} is allowed{than}"
