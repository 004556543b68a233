"""What the borrower agreed to or refused, and what stops contact until it ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from domain.base.contact_policy import ConsentRule, ContactHoldRule, OptOutRule
from domain.borrower.contact import NO_BASIS, Intent, Situation


def lacks_consent(rule: ConsentRule, intent: Intent, situation: Situation) -> bool:
    """Whether a consent that the contact needs is not there, by what is known.

    One that is granted, and not withdrawn, is enough; of two confirmations both.
    """
    if rule.point_source is not None:
        point = situation.point(intent.contact_point)
        if point is None or point.source != rule.point_source:
            return False
    return not any(
        consent.scope == rule.scope
        and consent.withdrawn_at is None
        and (rule.confirmations == 1 or consent.reconfirmed_at is not None)
        for consent in situation.consents
    )


def is_unusable(intent: Intent, situation: Situation) -> bool:
    """Whether the contact point was blocked, or nothing says that it may be used."""
    point = situation.point(intent.contact_point)
    if point is None:
        return False
    return point.blocked_at is not None or point.lawful_basis == NO_BASIS


def is_opted_out(rule: OptOutRule, intent: Intent, situation: Situation) -> bool:
    """Whether the borrower refused this channel, for this purpose or for all."""
    covering = {None, intent.channel}
    covering.update(wide for wide, also in rule.widens.items() if intent.channel in also)
    return any(
        refused.channel in covering and refused.purpose in (None, intent.purpose)
        for refused in situation.opt_outs
    )


def is_held(
    rule: ContactHoldRule,
    intent: Intent,
    situation: Situation,
    at: datetime,
    passed: Collection[str] = (),
) -> bool:
    """Whether a hold is in force at an instant that stops the contact.

    One of a kind that is *passed* does not: the contact is with who acts for the borrower
    because of it.
    """
    kinds = [kind for kind in rule.kinds if kind not in passed] if passed else rule.kinds
    return holds_in_force(kinds, intent, situation, at)


def holds_in_force(
    kinds: Collection[str], intent: Intent, situation: Situation, at: datetime
) -> bool:
    """Whether a hold of one of the *kinds* is in force at an instant that covers the contact.

    One on a debt leaves contact about another debt free, but none that names no debt.
    """
    return any(
        hold.kind in kinds
        and intent.may_be_about(hold.debt)
        and hold.from_at <= at
        and (hold.until is None or at < hold.until)
        for hold in situation.holds
    )
