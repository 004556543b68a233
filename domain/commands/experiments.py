"""What can be done with experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid5

from domain.base.policy import in_force
from domain.base.refusal import NotFound, Refusal
from domain.base.stream import Act
from domain.commands.book import Book, command
from domain.commands.products import product_id
from domain.operations.design import AppliesTo, ArmCount, Design
from domain.operations.experiment import Experiment, ExperimentKnown, ExperimentNotSound
from domain.product.product import Product

AT_ONCE = 1_000
"""So many experiments may run at the same time."""


class TargetTaken(Refusal):
    """Another experiment runs on the same reminders, texts or campaign."""

    code = "TARGET_TAKEN"


def experiment_id(book: Book, name: str) -> UUID:
    """The stream of an experiment, by its name."""
    return uuid5(book.namespace, f"experiment:{name}")


def running(book: Book, on: date) -> list[Experiment]:
    """The experiments that were started by a day and are not over, the oldest first."""
    due = book.streams.due(on, Experiment.TOPIC, None, AT_ONCE)
    found = book.get_many(Experiment, [each.stream_id for each in due]) if due else {}
    return [found[each.stream_id] for each in due]


def named(book: Book, name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        NotFound: there is none.
    """
    found = book.find(Experiment, experiment_id(book, name))
    if found is None:
        raise NotFound(f"There is no experiment {name}: experiment list shows those there are.")
    return found


def faults_of(book: Book, design: Design, on: date) -> list[str]:
    """Everything that is wrong with an experiment, and what it names that is not there."""
    faults = design.faults()
    families = {each.family for each in book.rules.texts_in_force(on)}
    texts = [arm.template for arm in design.arms if arm.template is not None]
    if design.applies_to == AppliesTo.TEMPLATE and design.target is not None:
        texts.append(design.target)
    faults += [
        f"No text of the family {each} is in force." for each in texts if each not in families
    ]
    lessons = {each.lesson for each in in_force(book.policies.lesson_plans, on) if each.channels}
    if design.applies_to == AppliesTo.LESSON and design.target not in {None, *lessons}:
        named = ", ".join(sorted(lessons)) or "none"
        faults.append(f"No lesson {design.target} is planned: of these there are plans: {named}.")
    products = [arm.product for arm in design.arms if arm.product is not None]
    faults += [
        f"{each} is not published: a product passes its gate before an arm offers it."
        for each in products
        if not _is_published(book, each)
    ]
    return faults


@command
def start(book: Book, act: Act, *, design: Design) -> Experiment:
    """Let an experiment begin; the same again changes nothing.

    Without a salt of its own it takes that of its stream, which no other experiment has.

    Raises:
        ExperimentNotSound: with everything that is wrong, at once.
        ExperimentKnown: another one has the name.
        TargetTaken: another one runs on the same.
    """
    stream_id = experiment_id(book, design.experiment)
    design = design if design.salt else replace(design, salt=str(stream_id))
    known = book.find(Experiment, stream_id)
    if known is not None:
        if known.design != design:
            raise ExperimentKnown(
                f"{design.experiment} was started with another design, and none is ever edited:"
                " give this one a name of its own."
            )
        return known
    faults = faults_of(book, design, act.business_on)
    if faults:
        raise ExperimentNotSound(" ".join(faults))
    for other in running(book, act.business_on):
        if (other.design.applies_to, other.design.target) == (design.applies_to, design.target):
            raise TargetTaken(
                f"{other.design.experiment} runs on the same: stop it first, a contact is in one"
                " experiment only."
            )
    return Experiment.start(act, stream_id, design)


@command
def stop(book: Book, act: Act, *, name: str, reason: str) -> Experiment:
    """Let an experiment give nobody an arm any more."""
    experiment = named(book, name)
    experiment.stop(act, reason=reason)
    return experiment


@command
def propose(book: Book, act: Act, *, name: str, arm: str, counts: Sequence[ArmCount]) -> Experiment:
    """Propose that an arm wins, by what was measured."""
    experiment = named(book, name)
    experiment.propose(act, arm=arm, counts=list(counts))
    return experiment


@command
def approve(book: Book, act: Act, *, name: str, counts: Sequence[ArmCount]) -> Experiment:
    """Agree that the arm wins which was proposed, by what is measured now."""
    experiment = named(book, name)
    experiment.approve(act, counts=list(counts))
    return experiment


def _is_published(book: Book, product: str) -> bool:
    code, _, version = product.rpartition(":")
    return (
        version.isdigit() and book.find(Product, product_id(book, code, int(version))) is not None
    )
