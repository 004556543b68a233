"""What the contracts of a borrower's loans say about contact."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, time
from uuid import UUID

from domain.base.contact_policy import Within
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower import refusals as no
from domain.borrower.contact_events import Event
from domain.borrower.contact_state import ContactState
from domain.borrower.holds import Holds
from domain.borrower.restriction import AgreedHours, Restriction

REF = re.compile(r"[A-Za-z0-9._-]{1,60}")
"""What a reference looks like, which names a rule among others."""

COUNTED_OVER = (Within.DAY, Within.MONTH)


class RestrictionRefReused(Refusal):
    """The reference already names another restriction."""

    code = "RESTRICTION_REF_REUSED"


class RestrictionUnknown(Refusal):
    """No restriction with this reference was agreed."""

    code = "RESTRICTION_UNKNOWN"


class RestrictionNotSound(Refusal):
    """A restriction narrows nothing, or cannot be understood."""

    code = "RESTRICTION_NOT_SOUND"


class ContactRestricted(Event):
    """The contract of a loan narrows contact about it, beyond the law.

    For these *purposes* (none: all but what is owed) by these *channels* (none: all), only in
    the *hours*, and no more than *most* *within* a day or month; without either, never.
    """

    TOPIC = "borrower.contact-restricted"
    restriction_ref: str
    loan_id: UUID
    purposes: list[str]
    channels: list[str]
    hours: list[AgreedHours]
    most: int | None
    within: str | None
    reason: str
    restricted_at: datetime

    def apply(self, borrower: ContactState) -> None:
        borrower.restricted[self.restriction_ref] = Restriction(
            self.restriction_ref,
            self.loan_id,
            list(self.purposes),
            list(self.channels),
            list(self.hours),
            self.most,
            self.within,
        )


class ContactRestrictionLifted(Event):
    """What the contract of a loan said about contact holds no more."""

    TOPIC = "borrower.contact-restriction-lifted"
    restriction_ref: str
    loan_id: UUID
    reason: str
    lifted_at: datetime

    def apply(self, borrower: ContactState) -> None:
        del borrower.restricted[self.restriction_ref]
        borrower.unrestricted.append(self.restriction_ref)


class Restrictions(Holds):
    """How contracts narrow the contact with one borrower."""

    def restrict_contact(
        self, act: Act, restriction: Restriction, *, reason: str, restricted_at: datetime
    ) -> None:
        """Let a restriction hold from now on; the same again changes nothing.

        Raises:
            RestrictionRefReused: the reference names another one, or one that was lifted.
            RestrictionNotSound: it says nothing to narrow, or what cannot be.
            HoursNotSound: hours end before they begin, or are none of the clock.
        """
        ref = restriction.restriction_ref
        if self.restricted.get(ref) == restriction:
            return
        if ref in self.restricted or ref in self.unrestricted:
            raise RestrictionRefReused(
                f"{ref!r} already names another restriction: give this one a name of its own."
            )
        _must_be_sound(restriction)
        self.record(
            ContactRestricted,
            act,
            act.business_on,
            restriction_ref=ref,
            loan_id=restriction.loan_id,
            purposes=restriction.purposes,
            channels=restriction.channels,
            hours=restriction.hours,
            most=restriction.most,
            within=restriction.within,
            reason=reason,
            restricted_at=restricted_at,
        )

    def lift_restriction(
        self, act: Act, *, restriction_ref: str, reason: str, lifted_at: datetime
    ) -> None:
        """Let a restriction hold no more; one that was lifted stays so.

        Raises:
            RestrictionUnknown: none has the reference.
        """
        if restriction_ref in self.unrestricted:
            return
        found = self.restricted.get(restriction_ref)
        if found is None:
            raise RestrictionUnknown(
                f"No restriction {restriction_ref!r} holds; contact why lists those that do."
            )
        self.record(
            ContactRestrictionLifted,
            act,
            act.business_on,
            restriction_ref=restriction_ref,
            loan_id=found.loan_id,
            reason=reason,
            lifted_at=lifted_at,
        )


def must_be_hours(start: str, end: str) -> None:
    """Pass when ``[start, end)`` is a stretch of a local day.

    Raises:
        HoursNotSound: not so.
    """
    try:
        times = time.fromisoformat(start), time.fromisoformat(end)
        sound = all(each.tzinfo is None for each in times) and times[0] < times[1]
    except ValueError:
        sound = False
    if not sound:
        raise no.HoursNotSound(
            f"{start}–{end} are no hours: give them as 18:00-20:30, begin first."
        )


def _must_be_sound(restriction: Restriction) -> None:
    bare = replace(restriction, restriction_ref="", loan_id=UUID(int=0))
    if bare == Restriction("", UUID(int=0)):
        raise RestrictionNotSound(
            "It narrows nothing: name a purpose, a channel, hours, or how many at most."
        )
    if not REF.fullmatch(restriction.restriction_ref):
        raise RestrictionNotSound(
            f"{restriction.restriction_ref!r} is no reference: letters, digits, '.', '_' and '-'."
        )
    if (restriction.most is None) != (restriction.within is None):
        raise RestrictionNotSound("Say how many at most and within what, both or neither.")
    if restriction.most is not None and restriction.most < 1:
        raise RestrictionNotSound("At most one, or more; for none at all leave the number out.")
    if restriction.within is not None and restriction.within not in COUNTED_OVER:
        raise RestrictionNotSound(f"Count within {' or '.join(COUNTED_OVER)}.")
    for each in restriction.hours:
        must_be_hours(each.start, each.end)
