"""Which contacts a day asks for, and when each has its turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.calendar import next_day
from domain.base.contact_policy import Channel, ContactRules, Purpose
from domain.base.dated_rules import DatedRules
from domain.base.policy import ReminderStep
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


REMINDER = "reminder"
"""With this word begins what brings a reminder about, whatever it is for."""

LEFT_ALONE = "left alone while the plan holds"
"""Why nobody is asked to pay who keeps a plan of support."""

MERGED = "merged with the reminder"
"""Why a dunning is not sent: a reminder of the day collects on that loan already."""


def reminders(
    plan: Mapping[UUID, Sequence[ToRemind]],
    borrowers: Mapping[UUID, Borrower],
    rules: DatedRules,
    start: datetime,
) -> Iterator[Turn]:
    """One reminder for each borrower, of all that the plan has for the day that *start* begins.

    It has its turn at the first moment that the law allows, in the hours the borrower
    prefers where the law leaves any of them. Where reminding of what is late is collection,
    each late loan has a message of its own beside it.
    """
    on = start.date()
    for borrower_id, rows in plan.items():
        borrower = borrowers.get(borrower_id)
        if borrower is None:
            continue
        for steps in _apart(borrower, rows, rules, on):
            yield _reminder(borrower, steps, rules, start)


_Steps = Sequence[tuple[ToRemind, ReminderStep]]


def _apart(
    borrower: Borrower, rows: Sequence[ToRemind], rules: DatedRules, on: date
) -> Iterator[_Steps]:
    """The instalments that go into one message; those that policy has no step for are in none."""
    steps: dict[UUID | None, list[tuple[ToRemind, ReminderStep]]] = {}
    for row in rows:
        step = rules.policies.reminder_step(row.offset_days, on, row.segment, borrower.jurisdiction)
        if step is not None:
            apart = row.loan_id if step.purpose == Purpose.COLLECTION else None
            steps.setdefault(apart, []).append((row, step))
    yield from steps.values()


def _reminder(borrower: Borrower, steps: _Steps, rules: DatedRules, start: datetime) -> Turn:
    """The message about some instalments; about none, with the reasons, where all are cancelled."""
    live = [each for each in steps if each[0].cancelled is None]
    # What is latest speaks loudest: its text, its channels.
    loudest, step = max(live or steps, key=lambda each: each[0].offset_days)
    ref = f"R-{borrower.borrower_ref}-{start:%Y%m%d}"
    collects = step.purpose == Purpose.COLLECTION
    planned = Planned(
        contact_ref=f"{ref}-{loudest.loan_id.hex[:8]}" if collects else ref,
        borrower_id=borrower.id,
        purpose=Purpose(step.purpose),
        channels=tuple(Channel(each) for each in step.channels),
        template=step.template,
        occasion=f"{REMINDER} {loudest.offset_days:+d}",
        about=tuple(Subject(row.loan_id, row.instalment) for row, _ in live or steps),
        figures=(),
        product_line=None,
        trial=None,
        expires_at=start + timedelta(hours=VALID_HOURS),
    )
    if not live:
        reasons = sorted({row.cancelled for row, _ in steps if row.cancelled is not None})
        return Turn(planned, start, ", ".join(reasons))
    if not step.channels:
        return Turn(planned, start, "not by this plan")
    if collects and borrower.left_alone_until(loudest.loan_id, start.date()) is not None:
        return Turn(planned, start, LEFT_ALONE)
    return _turn(borrower, planned, rules.contact, start)


def merged(turns: Sequence[Turn]) -> Iterator[Turn]:
    """The *turns* of a day, without dunnings about loans that a reminder collects on."""
    collecting = {
        about.loan_id
        for turn in turns
        if turn.dropped is None and is_reminder(turn.planned)
        if turn.planned.purpose == Purpose.COLLECTION
        for about in turn.planned.about
    }
    for turn in turns:
        twice = (
            turn.dropped is None
            and turn.planned.purpose == Purpose.COLLECTION
            and not is_reminder(turn.planned)
            and {about.loan_id for about in turn.planned.about} <= collecting
        )
        yield replace(turn, dropped=MERGED) if twice else turn


def is_reminder(planned: Planned) -> bool:
    """Whether a contact is of the reminder plan, also where that collects."""
    return planned.occasion.startswith(f"{REMINDER} ")


def dunnings(
    borrowers: Iterable[Borrower], rules: DatedRules, start: datetime, since: date | None = None
) -> Iterator[Turn]:
    """One message about each late loan whose strategy is new on the day that *start* begins.

    Strategies that only call or visit send none, and who keeps a plan is left alone until the
    day on which somebody asks; nor is one sent while a promise is open, an agency has the loan,
    or it is claimed at law. With *since*, the last day that was planned, strategies that are new
    since have theirs.
    """
    on = start.date()
    first = on if since is None else next_day(since)
    for borrower in borrowers:
        for each in borrower.strategies.values():
            rule = rules.policies.strategy(each.bucket, on, each.behaviour, each.segment)
            if not first <= each.assigned_on <= on or rule is None or rule.template is None:
                continue
            channels = tuple(Channel(name) for name in rule.channels if name in MESSAGES)
            if not channels:
                continue
            planned = Planned(
                contact_ref=(
                    f"D-{borrower.borrower_ref}-{each.assigned_on:%Y%m%d}-{each.loan_id.hex[:8]}"
                ),
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
                yield Turn(planned, start, LEFT_ALONE)
                continue
            if borrower.is_out_of_hand(each.loan_id):
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
