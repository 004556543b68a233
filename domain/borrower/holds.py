"""Holds on a borrower: reasons not to contact or act, each until it ends or is lifted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.contact_policy import SET_BY_HAND
from domain.base.policy import HoldRule
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.contact_events import Event
from domain.borrower.contact_state import ContactState, Hold

AS_SAID = "The day it was to end has come."
"""Why a hold is lifted that had an end."""


class HoldUnknown(Refusal):
    """No hold with this reference stands."""

    code = "HOLD_UNKNOWN"


class HoldRefReused(Refusal):
    """The reference already names another hold."""

    code = "HOLD_REF_REUSED"


class LiftedTooEarly(Refusal):
    """A hold ends no earlier than it began."""

    code = "LIFTED_TOO_EARLY"


class LiftedInFuture(Refusal):
    """A hold is lifted on a day that has come."""

    code = "LIFTED_IN_FUTURE"


class HoldEndsTooEarly(Refusal):
    """A hold stands for one day at least."""

    code = "HOLD_ENDS_TOO_EARLY"


class HoldEndPast(Refusal):
    """The day a hold is to end is still to come."""

    code = "HOLD_END_PAST"


class HoldOver(Refusal):
    """The hold was lifted."""

    code = "HOLD_OVER"


class HoldRuleMissing(Refusal):
    """No policy in force says what a hold of this kind blocks."""

    code = "HOLD_RULE_MISSING"


class HoldSet(Event):
    """A reason not to contact or act now stands.

    *loan_ids* are the debts it covers, all of the borrower's without; *touches* the
    loans on which it stops interest or penalty, each of which says so in its own event.
    From *until_on* on it stands no more, if an end was known. Of one that is not for later,
    *known_at* is when we learnt of it: from then on nobody is contacted against it.
    """

    TOPIC = "borrower.hold-set"
    hold_ref: str
    kind: str
    from_on: date
    reason: str
    blocks_reminders: bool
    blocks_collection: bool
    policy_version: str
    loan_ids: list[UUID] | None
    stops_interest: bool | None
    stops_penalty: bool | None
    touches: list[UUID] | None
    until_on: date | None
    known_at: datetime | None

    def apply(self, borrower: ContactState) -> None:
        borrower.holds[self.hold_ref] = Hold(
            self.hold_ref,
            self.kind,
            self.from_on,
            loan_ids=self.loan_ids,
            touches=self.touches,
            until_on=self.until_on,
            known_at=self.known_at,
        )


class HoldEndSet(Event):
    """A hold is to stand until another day, or without *until_on* until it is lifted."""

    TOPIC = "borrower.hold-end-set"
    hold_ref: str
    kind: str
    until_on: date | None
    until_before: date | None
    reason: str

    def apply(self, borrower: ContactState) -> None:
        hold = borrower.holds[self.hold_ref]
        borrower.holds[self.hold_ref] = replace(hold, until_on=self.until_on)


class HoldWidened(Event):
    """A hold stops money on one more loan, paid out before it and not known when it was set."""

    TOPIC = "borrower.hold-widened"
    hold_ref: str
    kind: str
    from_on: date
    loan_id: UUID

    def apply(self, borrower: ContactState) -> None:
        hold = borrower.holds[self.hold_ref]
        touches = [*(hold.touches or []), self.loan_id]
        borrower.holds[self.hold_ref] = replace(hold, touches=touches)


class HoldLifted(Event):
    """A hold no longer stands from a day on; *lifted_before* was the first one said."""

    TOPIC = "borrower.hold-lifted"
    hold_ref: str
    kind: str
    lifted_on: date
    reason: str
    lifted_before: date | None

    def apply(self, borrower: ContactState) -> None:
        hold = borrower.holds[self.hold_ref]
        borrower.holds[self.hold_ref] = replace(hold, lifted_on=self.lifted_on)


class Holds(ContactState):
    """The holds on one borrower, as they are set and lifted."""

    def holds_on(self, loan_id: UUID, on: date) -> list[Hold]:
        """The holds that stand on a day and cover a loan, the oldest first."""
        standing = (
            hold
            for hold in self.holds.values()
            if hold.stands_on(on) and (not hold.loan_ids or loan_id in hold.loan_ids)
        )
        return sorted(standing, key=lambda hold: hold.from_on)

    def set_hold(
        self,
        act: Act,
        *,
        hold_ref: str,
        kind: str,
        reason: str,
        rule: HoldRule | None,
        from_on: date | None = None,
        loan_ids: list[UUID] | None = None,
        touches: list[UUID] | None = None,
        until_on: date | None = None,
        open_ended: bool = False,
        known_at: datetime | None = None,
    ) -> None:
        """Let a hold stand from a day on, which may lie back; the same hold twice stands once.

        It covers the debts of *loan_ids*, all without, and stops money on those it *touches*.
        It stands until *until_on*, and without one as long as *rule* says, unless it is
        *open_ended*. Contact keeps to it from *known_at* on, unless its day is still to come.

        Raises:
            HoldRuleMissing: no rule says what it blocks, or the gate knows no such kind.
            HoldEndsTooEarly: it would end on the day it begins, or before.
        """
        if hold_ref in self.holds:
            if self.holds[hold_ref].kind != kind:
                raise HoldRefReused(f"The reference {hold_ref!r} already names another hold.")
            return
        if kind not in SET_BY_HAND:
            raise HoldRuleMissing(f"{kind} is no hold: set one of {', '.join(SET_BY_HAND)}.")
        if rule is None or rule.kind != kind:
            raise HoldRuleMissing(
                f"No policy in force says what a {kind} hold blocks: publish a rule of kind hold."
            )
        on = from_on or act.business_on
        if until_on is None and not open_ended and rule.length_days is not None:
            until_on = on + timedelta(days=rule.length_days)
        _must_end_after(until_on, on)
        self.record(
            HoldSet,
            act,
            on,
            hold_ref=hold_ref,
            kind=kind,
            from_on=on,
            reason=reason,
            blocks_reminders=rule.blocks_reminders,
            blocks_collection=rule.blocks_collection,
            policy_version=rule.version,
            loan_ids=loan_ids or None,
            stops_interest=rule.stops_interest,
            stops_penalty=rule.stops_penalty,
            touches=touches or None,
            until_on=until_on,
            known_at=known_at if on <= act.business_on else None,
        )

    def widen_hold(self, act: Act, *, hold_ref: str, loan_id: UUID) -> None:
        """Let a hold stop money on one more loan; where it does already nothing changes.

        Raises:
            HoldUnknown: none of this reference was set.
        """
        hold = self._hold(hold_ref)
        if loan_id in (hold.touches or []):
            return
        self.record(
            HoldWidened,
            act,
            hold.from_on,
            hold_ref=hold_ref,
            kind=hold.kind,
            from_on=hold.from_on,
            loan_id=loan_id,
        )

    def set_hold_end(self, act: Act, *, hold_ref: str, until_on: date | None, reason: str) -> None:
        """Let a hold that stands end on another day; without one, when it is lifted.

        Raises:
            HoldUnknown: none of this reference was set.
            HoldOver: it was lifted.
            HoldEndsTooEarly: it would end on the day it begins, or before.
            HoldEndPast: the day is not still to come.
        """
        hold = self._hold(hold_ref)
        if hold.lifted_on is not None:
            raise HoldOver(
                f"The hold {hold_ref!r} was lifted from {hold.lifted_on} on: lift it again from"
                " another past day, or set a new hold."
            )
        if until_on == hold.until_on:
            return
        _must_end_after(until_on, hold.from_on)
        if until_on is not None and until_on <= act.business_on:
            raise HoldEndPast(
                f"{until_on} is no day after the business date {act.business_on}: lift the hold"
                " from that day instead."
            )
        self.record(
            HoldEndSet,
            act,
            act.business_on,
            hold_ref=hold_ref,
            kind=hold.kind,
            until_on=until_on,
            until_before=hold.until_on,
            reason=reason,
        )

    def holds_over(self, on: date) -> list[Hold]:
        """The holds that were not lifted yet and stand no more on a day, by the end they had."""
        return [
            hold
            for hold in self.holds.values()
            if hold.lifted_on is None and hold.until_on is not None and hold.until_on <= on
        ]

    def lift_over(self, act: Act, on: date) -> list[Hold]:
        """Lift the holds that stand no more on a day, each from its own end; those."""
        over = self.holds_over(on)
        for hold in over:
            assert hold.until_on is not None
            self._lift(act, hold, hold.until_on, AS_SAID)
        return over

    def _hold(self, hold_ref: str) -> Hold:
        hold = self.holds.get(hold_ref)
        if hold is None:
            raise HoldUnknown(f"No hold {hold_ref!r} was set for this borrower: see borrower show.")
        return hold

    def lift_hold(
        self, act: Act, *, hold_ref: str, reason: str, lifted_on: date | None = None
    ) -> None:
        """Let a hold end: it stands no more from today on, or from a day that is past.

        One lifted before stays lifted, unless another day is said: that corrects it.

        Raises:
            LiftedTooEarly: the day lies before the hold.
            LiftedInFuture: it is still to come.
        """
        hold = self._hold(hold_ref)
        on = lifted_on or hold.lifted_on or act.business_on
        if on == hold.lifted_on:
            return
        if lifted_on is not None and on < hold.from_on:
            raise LiftedTooEarly(
                f"The hold stands from {hold.from_on}: lift it from that day to undo all of it."
            )
        if on > act.business_on:
            raise LiftedInFuture(
                f"{on} lies after the business date {act.business_on}: say until when it stands"
                " (borrower until), and it is lifted when that day comes."
            )
        self._lift(act, hold, on, reason)

    def _lift(self, act: Act, hold: Hold, on: date, reason: str) -> None:
        self.record(
            HoldLifted,
            act,
            on,
            hold_ref=hold.hold_ref,
            kind=hold.kind,
            lifted_on=on,
            reason=reason,
            lifted_before=hold.lifted_on,
        )


def _must_end_after(until_on: date | None, from_on: date) -> None:
    if until_on is not None and until_on <= from_on:
        raise HoldEndsTooEarly(
            f"The hold begins on {from_on} and cannot end on {until_on}: name a later day, the"
            " first on which it stands no more."
        )
