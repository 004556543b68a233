"""One experiment: started, stopped, its winner proposed by figures and approved by a person."""

from __future__ import annotations  # apply() names Experiment before it exists

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.base.refusal import Refusal, two_people
from domain.base.stream import Act, NextAction, Stream
from domain.operations.design import ArmCount, Design

ASSIGNS = "ASSIGNS"
"""What a running experiment is there for, from its start on each day until it is over."""


class ExperimentNotSound(Refusal):
    """An experiment contradicts itself, or names what is not there."""

    code = "EXPERIMENT_NOT_SOUND"


class ExperimentKnown(Refusal):
    """The name is that of another experiment; one that was started is never edited."""

    code = "EXPERIMENT_KNOWN"


class ExperimentOver(Refusal):
    """The experiment was stopped, or its winner was approved."""

    code = "EXPERIMENT_OVER"


class ArmUnknown(Refusal):
    """The experiment has no such arm."""

    code = "ARM_UNKNOWN"


class GuardRailBroken(Refusal):
    """What may not get worse got worse in the arm, or was not measured."""

    code = "GUARD_RAIL_BROKEN"


class NotMeasured(Refusal):
    """Of nobody in the arm can be told yet what the experiment is decided by."""

    code = "NOT_MEASURED"


class NoWinnerProposed(Refusal):
    """Nobody proposed a winner."""

    code = "NO_WINNER_PROPOSED"


@dataclass(frozen=True)
class Proposal:
    """The arm that somebody would have win."""

    arm: str
    proposed_by: str


class Experiment(Stream):
    """One experiment; while it runs it gives every borrower an arm."""

    TOPIC = "experiment"
    KAFKA_TOPIC = "experiment.events"
    SNAPSHOT_VERSION = 2

    def __init__(self) -> None:
        self.design: Design
        self.started_on = date.min
        self.over_on: date | None = None
        self.proposal: Proposal | None = None
        self.winner: str | None = None

    class Event(Stream.Event):
        """Anything that happened to an experiment."""

    class Opened(Event, Stream.Opened):
        """The first event of an experiment."""

        TOPIC = "experiment.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "experiment.created"

    class Started(Opened):
        """Borrowers are in the arms of an experiment from now on."""

        TOPIC = "experiment.started"
        design: Design

        def apply(self, experiment: Experiment) -> None:
            experiment.design = self.design
            experiment.started_on = self.business_on

    class Stopped(Event):
        """Nobody is in an arm any more; what was measured until now stays."""

        TOPIC = "experiment.stopped"
        experiment: str
        reason: str

        def apply(self, experiment: Experiment) -> None:
            experiment.over_on = self.business_on

    class WinnerProposed(Event):
        """Somebody would have an arm win, by these figures; no guard rail is broken."""

        TOPIC = "experiment.winner-proposed"
        experiment: str
        arm: str
        counts: list[ArmCount]

        def apply(self, experiment: Experiment) -> None:
            experiment.proposal = Proposal(self.arm, self.actor)

    class WinnerApproved(Event):
        """Another person agreed, by the figures as they were then; the experiment is over."""

        TOPIC = "experiment.winner-approved"
        experiment: str
        arm: str
        proposed_by: str
        approved_by: str
        counts: list[ArmCount]

        def apply(self, experiment: Experiment) -> None:
            experiment.winner = self.arm
            experiment.over_on = experiment.over_on or self.business_on

    @classmethod
    def start(cls, act: Act, experiment_id: UUID, design: Design) -> Experiment:
        """An experiment that gives borrowers arms from now on.

        Raises:
            ExperimentNotSound: with everything that is wrong, at once.
        """
        faults = design.faults()
        if faults:
            raise ExperimentNotSound(" ".join(faults))
        return cls.open(cls.Started, act, experiment_id, act.business_on, design=design)

    @property
    def experiment(self) -> str:
        """Its name."""
        return self.design.experiment

    @property
    def is_running(self) -> bool:
        """Whether it gives borrowers arms."""
        return self.over_on is None

    def next_action(self) -> NextAction | None:
        """From its start on a running experiment is asked on every day; see *running*."""
        return NextAction(ASSIGNS, self.started_on) if self.is_running else None

    def stop(self, act: Act, *, reason: str) -> None:
        """Give nobody an arm any more.

        Raises:
            ExperimentOver: it does not run.
        """
        if not self.is_running:
            raise ExperimentOver(f"{self.design.experiment} is over since {self.over_on}.")
        self.record(
            self.Stopped, act, act.business_on, experiment=self.design.experiment, reason=reason
        )

    def propose(self, act: Act, *, arm: str, counts: list[ArmCount]) -> None:
        """Propose that an arm wins, by what was measured; the control may win too.

        Raises:
            ExperimentOver: a winner was approved.
            ArmUnknown: it has no such arm.
            NotMeasured: it is not known of anybody in the arm what decides.
            GuardRailBroken: the arm breaks a guard rail, or nobody can tell.
        """
        self._must_have_no_winner()
        if arm not in [each.arm for each in self.design.arms]:
            raise ArmUnknown(
                f"{self.design.experiment} has no arm {arm!r}: give one of"
                f" {', '.join(each.arm for each in self.design.arms)}."
            )
        self._must_be_fit_to_win(arm, counts)
        self.record(
            self.WinnerProposed,
            act,
            act.business_on,
            experiment=self.design.experiment,
            arm=arm,
            counts=counts,
        )

    def approve(self, act: Act, *, counts: list[ArmCount]) -> None:
        """Agree that the arm wins which was proposed, by what is measured now.

        Raises:
            ExperimentOver: a winner was approved.
            NoWinnerProposed: no arm was proposed.
            SamePerson: who proposed it would approve it.
            GuardRailBroken: the arm breaks a guard rail by now, or nobody can tell.
        """
        self._must_have_no_winner()
        if self.proposal is None:
            raise NoWinnerProposed(
                f"Nobody proposed a winner of {self.design.experiment}: do it first."
            )
        two_people(self.proposal.proposed_by, act.actor, "The winner of an experiment")
        self._must_be_fit_to_win(self.proposal.arm, counts)
        self.record(
            self.WinnerApproved,
            act,
            act.business_on,
            experiment=self.design.experiment,
            arm=self.proposal.arm,
            proposed_by=self.proposal.proposed_by,
            approved_by=act.actor,
            counts=counts,
        )

    def _must_have_no_winner(self) -> None:
        if self.winner is not None:
            raise ExperimentOver(f"The winner of {self.design.experiment} is {self.winner}.")

    def _must_be_fit_to_win(self, arm: str, counts: list[ArmCount]) -> None:
        decides = self.design.primary_metric
        if not any(each.borrowers for each in counts if (each.arm, each.metric) == (arm, decides)):
            raise NotMeasured(f"Of nobody in {arm} is {decides} known yet: see experiment results.")
        broken = self.design.broken(counts, arm)
        if broken:
            raise GuardRailBroken(f"{arm} cannot win: {'; '.join(broken)}.")
