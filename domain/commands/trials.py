"""Planned contacts that are in an experiment: held out, in other words, or at another hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.base.contact_policy import Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Trial
from domain.commands import lessons
from domain.commands.book import Book
from domain.commands.dispatch import Planned
from domain.commands.experiments import running
from domain.commands.planning import Turn, first_moment, is_reminder
from domain.commands.texts import PRODUCT, figures_of
from domain.operations.design import AppliesTo, Arm, Design

HELD_OUT = "HELD_OUT"
"""Why a planned contact is not made: the borrower is in an arm that has none."""

NEVER = (Purpose.STATUTORY, Purpose.RECEIPT)
"""What the borrower is owed is no matter of experiments."""


def occasion_of(campaign: str) -> str:
    """What brings about the messages of a campaign."""
    return f"campaign:{campaign}"


def on_trial(
    book: Book, turns: Iterable[Turn], borrowers: Mapping[UUID, Borrower], start: datetime
) -> Iterator[Turn]:
    """The *turns* of the day that *start* is on, each in its arm of the first that it is for.

    An experiment on reminders, a campaign or a lesson comes before one on texts, an older one
    before a newer. What is not made anyway stays out of all, and so does what the borrower is
    owed.
    """
    experiments = sorted(
        (each.design for each in running(book, start.date())),
        key=lambda design: design.applies_to == AppliesTo.TEMPLATE,
    )
    for turn in turns:
        found = (design for design in experiments if _is_for(design, turn.planned))
        design = next(found, None)
        if design is None or turn.dropped is not None or turn.planned.purpose in NEVER:
            yield turn
            continue
        arm = design.arm_of(turn.planned.borrower_id)
        said = _of_product(book, arm, borrowers, turn.planned, start)
        planned = _in_arm(turn.planned, design, arm, said)
        if arm.hold_out:
            yield Turn(planned, turn.not_before, HELD_OUT)
        elif arm.hour is not None:
            borrower = borrowers[planned.borrower_id]
            local = turn.not_before.astimezone(start.tzinfo)
            hour = local.replace(hour=arm.hour, minute=0, second=0, microsecond=0)
            begins = max(local, hour)
            yield Turn(planned, first_moment(borrower, planned, book.rules.contact, begins))
        else:
            yield replace(turn, planned=planned)


def _is_for(design: Design, planned: Planned) -> bool:
    match design.applies_to:
        case AppliesTo.REMINDERS:
            return is_reminder(planned)
        case AppliesTo.TEMPLATE:
            return planned.template == design.target
        case AppliesTo.LESSON:
            return planned.occasion == lessons.occasion_of(str(design.target))
        case _:
            return planned.occasion == occasion_of(str(design.target))


def _of_product(
    book: Book, arm: Arm, borrowers: Mapping[UUID, Borrower], planned: Planned, start: datetime
) -> dict[str, str]:
    """What is said of the product that an arm offers, as the borrower's law has it said."""
    if arm.product is None:
        return {}
    find = figures_of(book, start.date(), borrowers[planned.borrower_id].jurisdiction)
    return {**(find(arm.product) or {}), PRODUCT: arm.product}


def _in_arm(planned: Planned, design: Design, arm: Arm, said: Mapping[str, str]) -> Planned:
    figures = {**{each.figure: each.reads for each in planned.figures}, **said}
    return replace(
        planned,
        template=arm.template or planned.template,
        figures=tuple(Figure(name, reads) for name, reads in figures.items()),
        trial=Trial(design.experiment, arm.arm),
    )
