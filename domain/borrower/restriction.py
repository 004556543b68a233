"""What the contract of a debt says about contact, as rules of the same kind as the law's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any
from uuid import UUID

from domain.base.contact_policy import (
    BanRule,
    Channel,
    ContactRules,
    Counts,
    Hours,
    HoursRule,
    LimitRule,
    Outcome,
    Per,
    Purpose,
    Reason,
    Within,
)
from domain.base.policy import ANYWHERE

OWED = (Purpose.STATUTORY, Purpose.RECEIPT)
"""What the borrower must be told in any case."""

DISTURBING = tuple(channel for channel in Channel if channel != Channel.LETTER)
"""The channels that a wish for hours is about: a letter waits until it is read."""

AS_AGREED = "as-agreed"
"""The version of a rule that a contract asks for."""

COUNTED = (Outcome.SENT, Outcome.ATTEMPTED, Outcome.CONNECTED, Outcome.CONVERSATION)
"""What a contract's limit counts: all that reached somebody, or might have."""


@dataclass(frozen=True)
class AgreedHours:
    """A stretch of the local day, ``[start, end)`` as ``HH:MM``."""

    start: str
    end: str


@dataclass(frozen=True)
class Restriction:
    """How the contract of a loan narrows contact about it.

    It binds contacts for its *purposes* by its *channels*; without purposes all but what is
    owed, without channels all, but no hours bind a letter. They are made in the *hours* only,
    and once *most* were made *within* a day or month no more; without hours and *most* not at
    all.
    """

    restriction_ref: str
    loan_id: UUID
    purposes: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    hours: list[AgreedHours] = field(default_factory=list)
    most: int | None = None
    within: str | None = None

    @property
    def rule(self) -> str:
        """What names it among the rules that a contact was held against."""
        return f"contract-{self.restriction_ref}"

    def rules(self) -> ContactRules:
        """It as the gate judges by it."""
        said: dict[str, Any] = {
            "rule": self.rule,
            "version": AS_AGREED,
            "jurisdiction": ANYWHERE,
            "purposes": tuple(Purpose(each) for each in self.purposes)
            or tuple(each for each in Purpose if each not in OWED),
            "channels": tuple(Channel(each) for each in self.channels),
            "valid_from": date.min,
            "source": f"the contract of loan {self.loan_id}",
        }
        hours = tuple(
            Hours(start=time.fromisoformat(each.start), end=time.fromisoformat(each.end))
            for each in self.hours
        )
        timed = {**said, "channels": said["channels"] or DISTURBING}
        only = (HoursRule(**timed, hours=hours),) if hours else ()
        if self.most is None:
            return ContactRules(hours=only) if only else ContactRules(bans=(BanRule(**said),))
        assert self.within is not None
        limit = LimitRule(
            **said,
            reason=Reason.CAP,
            counts=Counts(purposes=said["purposes"], channels=said["channels"], outcomes=COUNTED),
            per=Per.DEBT,
            within=Within(self.within),
            most=self.most,
        )
        return ContactRules(limits=(limit,), hours=only)


def rules_of(restrictions: Iterable[Restriction]) -> tuple[tuple[str, ContactRules], ...]:
    """The rules of contracts, by the debt that each is about."""
    return tuple((str(each.loan_id), each.rules()) for each in restrictions)
