"""Which contacts a day asks for, and when each has its turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.base.contact_policy import Channel, ContactRules, Purpose
from domain.base.dated_rules import DatedRules
from domain.base.refusal import Refusal
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.contact_state import as_rules
from domain.borrower.gate import Answer, decide
from domain.commands.dispatch import Planned, Subject, about

VALID_HOURS = 36
"""A reminder that had no turn until the next noon is out of date: the next day has its own."""


MESSAGES = (Channel.SMS, Channel.EMAIL, Channel.PUSH, Channel.WECOM, Channel.LETTER)
"""What is sent, and needs nobody who speaks."""


@dataclass(frozen=True)
class ToRemind:
    """An instalment of the day's plan; *cancelled* says why nobody is reminded of it.

    *segment* is the one that the borrower was in when the loan was applied for.
    """

    loan_id: UUID
    instalment: int
    offset_days: int
    cancelled: str | None
    segment: str | None = None


@dataclass(frozen=True)
class Turn:
    """A contact that is planned, and when it has its turn; *dropped* says why it has none."""

    planned: Planned
    not_before: datetime
    dropped: str | None = None


def reminders(
    plan: Mapping[UUID, Sequence[ToRemind]],
    borrowers: Mapping[UUID, Borrower],
    rules: DatedRules,
    start: datetime,
) -> Iterator[Turn]:
    """One reminder for each borrower, of all that the plan has for the day that *start* begins.

    It has its turn at the first moment that the law allows, in the hours the borrower
    prefers where the law leaves any of them.
    """
    on = start.date()
    for borrower_id, rows in plan.items():
        borrower = borrowers.get(borrower_id)
        if borrower is None:
            continue
        live = [row for row in rows if row.cancelled is None]
        # What is latest speaks loudest: its text, its channels.
        loudest = max(live or rows, key=lambda row: row.offset_days)
        step = rules.policies.reminder_step(loudest.offset_days, on, loudest.segment)
        if step is None:
            continue
        planned = Planned(
            contact_ref=f"R-{borrower.borrower_ref}-{on:%Y%m%d}",
            borrower_id=borrower_id,
            purpose=Purpose.SERVICE_REMINDER,
            channels=tuple(Channel(each) for each in step.channels),
            template=step.template,
            occasion=f"reminder {step.offset_days:+d}",
            about=tuple(Subject(row.loan_id, row.instalment) for row in live or rows),
            figures=(),
            product_line=None,
            trial=None,
            expires_at=start + timedelta(hours=VALID_HOURS),
        )
        if not live:
            reasons = sorted({row.cancelled for row in rows if row.cancelled is not None})
            yield Turn(planned, start, ", ".join(reasons))
        elif not step.channels:
            yield Turn(planned, start, "not by this plan")
        else:
            yield _turn(borrower, planned, rules.contact, start)


def dunnings(borrowers: Iterable[Borrower], rules: DatedRules, start: datetime) -> Iterator[Turn]:
    """One message about each late loan whose strategy is new on the day that *start* begins.

    Strategies that only call or visit send none, and who keeps a plan is left alone until the
    day on which somebody asks.
    """
    on = start.date()
    for borrower in borrowers:
        for each in borrower.strategies.values():
            rule = rules.policies.strategy(each.bucket, on, each.behaviour)
            if each.assigned_on != on or rule is None or rule.template is None:
                continue
            channels = tuple(Channel(name) for name in rule.channels if name in MESSAGES)
            if not channels:
                continue
            planned = Planned(
                contact_ref=f"D-{borrower.borrower_ref}-{on:%Y%m%d}-{each.loan_id.hex[:8]}",
                borrower_id=borrower.id,
                purpose=Purpose.COLLECTION,
                channels=channels,
                template=rule.template,
                occasion=f"{each.bucket}: {each.strategy}",
                about=(Subject(each.loan_id),),
                figures=(),
                product_line=None,
                trial=None,
                expires_at=start + timedelta(hours=VALID_HOURS),
            )
            if borrower.left_alone_until(each.loan_id, on) is not None:
                yield Turn(planned, start, "left alone while the plan holds")
                continue
            yield _turn(borrower, planned, rules.contact, start)


def _turn(borrower: Borrower, planned: Planned, rules: ContactRules, start: datetime) -> Turn:
    """When a contact has its turn; it is dropped where the gate would refuse to judge it."""
    try:
        return Turn(planned, first_moment(borrower, planned, rules, start))
    except Refusal as refusal:
        return Turn(planned, start, refusal.code)


def first_moment(
    borrower: Borrower, planned: Planned, rules: ContactRules, start: datetime
) -> datetime:
    """The first moment from *start* on that the gate would allow, a preferred one if it can be."""
    intent = about(
        Intent(planned.purpose, planned.channels[0]), [each.loan_id for each in planned.about], ()
    )
    situation = borrower.situation()
    wishes = [replace(each, only=True) for each in borrower.own_hours]
    for hours in (wishes, [each for each in borrower.own_hours if each.only]):
        wished = replace(situation, restrictions=as_rules(hours))
        found = decide(intent, wished, rules, start)
        if found.answer == Answer.ALLOW:
            return start
        if found.until is not None and found.until < planned.expires_at:
            return found.until
    return start
