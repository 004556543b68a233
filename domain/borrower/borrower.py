"""One borrower: zones and jurisdiction, holds, promises. No personal data."""

from __future__ import annotations  # apply() names Borrower before it exists

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from domain.base.calendar import next_day
from domain.base.policy import HoldRule
from domain.base.refusal import Refusal, positive
from domain.base.stream import Act, NextAction, Stream
from domain.borrower import (
    collection,
    complaint_events,
    contact_events,
    data_rights,
    lateness,
    legal,
    placement,
    restrictions,
    support_events,
)
from domain.borrower.contact import ContactHold
from domain.borrower.contact_state import holds_of
from domain.borrower.legal import LegalMatters
from domain.borrower.rights import must_be_zones
from domain.borrower.support_events import RepaymentPlan
from domain.borrower.support_words import PlanState

BEHIND_UTC = timedelta(hours=12)
"""So far behind is the last zone: a day that begins there has begun everywhere."""


AS_SAID = "The day it was to end has come."
"""Why a hold is lifted that had an end."""


class PromiseState(StrEnum):
    """What became of a promise to pay."""

    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"
    LAPSED = "LAPSED"
    """It binds no more: the plan that it was a row of was broken, or another took its place."""
    WITHDRAWN = "WITHDRAWN"
    """It stands no more: it was noted in error, or another one takes its place."""


JUDGED = (PromiseState.KEPT, PromiseState.BROKEN)
"""What money decided of a promise whose day is over."""


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


class PromiseRefReused(Refusal):
    """The reference already names another promise."""

    code = "PROMISE_REF_REUSED"


class PromiseNotOpen(Refusal):
    """There is no open promise with this reference."""

    code = "PROMISE_NOT_OPEN"


class PromisedTooLate(Refusal):
    """A promise is for a day that is not too far off."""

    code = "PROMISED_TOO_LATE"


class PromisedTooEarly(Refusal):
    """A promise is for a day that is still to come."""

    code = "PROMISED_TOO_EARLY"


@dataclass(frozen=True)
class Hold:
    """A reason not to act; from *lifted_on* on it stands no more.

    *until_on* is the day from which it is to stand no more, if one was said: it counts from
    then on, whether or not the hold was lifted yet. *loan_ids* are the debts it covers, all of
    the borrower's without; *touches* the loans on which it stops interest or penalty.
    """

    hold_ref: str
    kind: str
    from_on: date
    lifted_on: date | None = None
    loan_ids: list[UUID] | None = None
    touches: list[UUID] | None = None
    until_on: date | None = None

    @property
    def ends_on(self) -> date | None:
        """The first day on which it stands no more, as far as that is known."""
        return self.until_on if self.lifted_on is None else self.lifted_on

    def stands_on(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.from_on <= on and (self.ends_on is None or on < self.ends_on)

    @property
    def debts(self) -> list[str | None]:
        """What it covers as the contact gate names it; None is every debt."""
        return [str(each) for each in self.loan_ids] if self.loan_ids else [None]


@dataclass(frozen=True)
class Promise:
    """*amount* minor units promised on one loan by a day."""

    promise_ref: str
    loan_id: UUID
    amount: int
    currency: str
    made_on: date
    promised_on: date
    state: str = PromiseState.OPEN


class Borrower(LegalMatters, Stream):
    """One borrower: zones and jurisdiction, holds, promises, contacts, complaints, support.

    What concerns contact, complaints, support and data stands in the classes it joins; the
    events of these, which stand in modules beside them, have their names here.
    """

    TOPIC = "borrower"
    KAFKA_TOPIC = "borrower.events"
    SNAPSHOT_VERSION = 10

    Event: TypeAlias = contact_events.Event
    ZonesChanged: TypeAlias = contact_events.ZonesChanged
    JurisdictionChanged: TypeAlias = contact_events.JurisdictionChanged
    LanguageSet: TypeAlias = contact_events.LanguageSet
    ContactPointAdded: TypeAlias = contact_events.ContactPointAdded
    ContactPointRefused: TypeAlias = contact_events.ContactPointRefused
    ContactPointBlocked: TypeAlias = contact_events.ContactPointBlocked
    ContactPointUnblocked: TypeAlias = contact_events.ContactPointUnblocked
    ContactPointRetired: TypeAlias = contact_events.ContactPointRetired
    OwnHoursSet: TypeAlias = contact_events.OwnHoursSet
    ContactRestricted: TypeAlias = restrictions.ContactRestricted
    ContactRestrictionLifted: TypeAlias = restrictions.ContactRestrictionLifted
    ConsentGranted: TypeAlias = contact_events.ConsentGranted
    ConsentReconfirmed: TypeAlias = contact_events.ConsentReconfirmed
    ConsentWithdrawn: TypeAlias = contact_events.ConsentWithdrawn
    OptedOut: TypeAlias = contact_events.OptedOut
    OptOutRevoked: TypeAlias = contact_events.OptOutRevoked
    ContactDecided: TypeAlias = contact_events.ContactDecided
    ContactDecidedAgain: TypeAlias = contact_events.ContactDecidedAgain
    ContactNotMade: TypeAlias = contact_events.ContactNotMade
    VariantAssigned: TypeAlias = contact_events.VariantAssigned
    ContactMade: TypeAlias = contact_events.ContactMade
    MessageDelivered: TypeAlias = contact_events.MessageDelivered
    InboundReceived: TypeAlias = contact_events.InboundReceived
    ReplyRead: TypeAlias = contact_events.ReplyRead
    ReplyAnswered: TypeAlias = contact_events.ReplyAnswered
    StrategyAssigned: TypeAlias = collection.StrategyAssigned
    CollectorAssigned: TypeAlias = collection.CollectorAssigned
    ComplaintOpened: TypeAlias = complaint_events.ComplaintOpened
    ComplaintEscalated: TypeAlias = complaint_events.ComplaintEscalated
    ComplaintExtended: TypeAlias = complaint_events.ComplaintExtended
    ComplaintAnswered: TypeAlias = complaint_events.ComplaintAnswered
    ComplaintResolved: TypeAlias = complaint_events.ComplaintResolved
    ComplaintReopened: TypeAlias = complaint_events.ComplaintReopened
    FeedbackRecorded: TypeAlias = complaint_events.FeedbackRecorded
    LateReasonRecorded: TypeAlias = lateness.LateReasonRecorded
    AgencyPlaced: TypeAlias = placement.AgencyPlaced
    AgencyRecalled: TypeAlias = placement.AgencyRecalled
    LegalReferred: TypeAlias = legal.LegalReferred
    LegalWithdrawn: TypeAlias = legal.LegalWithdrawn
    LegalEnded: TypeAlias = legal.LegalEnded
    SupportOffered: TypeAlias = support_events.SupportOffered
    RepaymentPlanProposed: TypeAlias = support_events.RepaymentPlanProposed
    RepaymentPlanAgreed: TypeAlias = support_events.RepaymentPlanAgreed
    RepaymentPlanKept: TypeAlias = support_events.RepaymentPlanKept
    RepaymentPlanBroken: TypeAlias = support_events.RepaymentPlanBroken
    CheckInScheduled: TypeAlias = support_events.CheckInScheduled
    DataRequestReceived: TypeAlias = data_rights.DataRequestReceived
    DataRequestRefused: TypeAlias = data_rights.DataRequestRefused
    ProcessingRestricted: TypeAlias = data_rights.ProcessingRestricted
    RestrictionLifted: TypeAlias = data_rights.RestrictionLifted
    ErasurePutOff: TypeAlias = data_rights.ErasurePutOff
    DataErased: TypeAlias = data_rights.DataErased

    def __init__(self) -> None:
        super().__init__()
        self.holds: dict[str, Hold] = {}
        self.promises: dict[str, Promise] = {}

    class Opened(Event, Stream.Opened):
        """The first event of a borrower."""

        TOPIC = "borrower.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "borrower.created"

    class Registered(Opened):
        """A borrower is known: by reference, with the law and the zones that apply."""

        TOPIC = "borrower.registered"
        borrower_ref: str
        jurisdiction: str
        zones: list[str]

        def apply(self, borrower: Borrower) -> None:
            borrower.borrower_ref = self.borrower_ref
            borrower.jurisdiction = self.jurisdiction
            borrower.zones = list(self.zones)

    class HoldSet(Event):
        """A reason not to contact or act now stands.

        *loan_ids* are the debts it covers, all of the borrower's without; *touches* the
        loans on which it stops interest or penalty, each of which says so in its own event.
        From *until_on* on it stands no more, if an end was known.
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

        def apply(self, borrower: Borrower) -> None:
            borrower.holds[self.hold_ref] = Hold(
                self.hold_ref,
                self.kind,
                self.from_on,
                loan_ids=self.loan_ids,
                touches=self.touches,
                until_on=self.until_on,
            )

    class HoldEndSet(Event):
        """A hold is to stand until another day, or without *until_on* until it is lifted."""

        TOPIC = "borrower.hold-end-set"
        hold_ref: str
        kind: str
        until_on: date | None
        until_before: date | None
        reason: str

        def apply(self, borrower: Borrower) -> None:
            hold = borrower.holds[self.hold_ref]
            borrower.holds[self.hold_ref] = replace(hold, until_on=self.until_on)

    class HoldLifted(Event):
        """A hold no longer stands from a day on; *lifted_before* was the first one said."""

        TOPIC = "borrower.hold-lifted"
        hold_ref: str
        kind: str
        lifted_on: date
        reason: str
        lifted_before: date | None

        def apply(self, borrower: Borrower) -> None:
            hold = borrower.holds[self.hold_ref]
            borrower.holds[self.hold_ref] = replace(hold, lifted_on=self.lifted_on)

    class PromiseMade(Event):
        """The borrower promised to pay an amount by a day."""

        TOPIC = "borrower.promise-made"
        promise_ref: str
        loan_id: UUID
        currency: str
        amount: int
        promised_on: date

        def apply(self, borrower: Borrower) -> None:
            borrower.promises[self.promise_ref] = Promise(
                self.promise_ref,
                self.loan_id,
                self.amount,
                self.currency,
                self.business_on,
                self.promised_on,
            )

    class PromiseKept(Event):
        """What was promised came in by the day."""

        TOPIC = "borrower.promise-kept"
        promise_ref: str
        loan_id: UUID
        currency: str
        promised: int
        received: int

        def apply(self, borrower: Borrower) -> None:
            promise = borrower.promises[self.promise_ref]
            borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.KEPT)

    class PromiseBroken(Event):
        """What was promised did not come in by the day."""

        TOPIC = "borrower.promise-broken"
        promise_ref: str
        loan_id: UUID
        currency: str
        promised: int
        received: int

        def apply(self, borrower: Borrower) -> None:
            promise = borrower.promises[self.promise_ref]
            borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.BROKEN)

    class PromiseLapsed(Event):
        """A promise binds no more, as the plan that it was a row of does not; *reason* says why."""

        TOPIC = "borrower.promise-lapsed"
        promise_ref: str
        loan_id: UUID
        currency: str
        promised: int
        promised_on: date
        plan_ref: str
        reason: str

        def apply(self, borrower: Borrower) -> None:
            promise = borrower.promises[self.promise_ref]
            borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.LAPSED)

    class PromiseWithdrawn(Event):
        """A promise stands no more; *replaced_by* takes its place, where one does."""

        TOPIC = "borrower.promise-withdrawn"
        promise_ref: str
        loan_id: UUID
        currency: str
        promised: int
        promised_on: date
        reason: str
        replaced_by: str | None

        def apply(self, borrower: Borrower) -> None:
            promise = borrower.promises[self.promise_ref]
            borrower.promises[self.promise_ref] = replace(promise, state=PromiseState.WITHDRAWN)

    @classmethod
    def register(
        cls, act: Act, borrower_id: UUID, *, borrower_ref: str, jurisdiction: str, zones: list[str]
    ) -> Borrower:
        """A new borrower.

        Raises:
            ZonesNotPlausible: there is no zone, or one that IANA does not know.
        """
        must_be_zones(zones)
        return cls.open(
            cls.Registered,
            act,
            borrower_id,
            act.business_on,
            borrower_ref=borrower_ref,
            jurisdiction=jurisdiction,
            zones=zones,
        )

    def contact_holds(self) -> list[ContactHold]:
        """The holds that were set, and restrictions of processing, for the contact gate."""
        holds = holds_of(((hold, hold.debts) for hold in self.holds.values()), self.zones)
        return holds + holds_of(((each, [None]) for each in self.data_restricted), self.zones)

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
    ) -> None:
        """Let a hold stand from a day on, which may lie back; the same hold twice stands once.

        It covers the debts of *loan_ids*, all without, and stops money on those it *touches*.
        It stands until *until_on*, and without one as long as *rule* says, unless it is
        *open_ended*.

        Raises:
            HoldRuleMissing: no rule says what it blocks.
            HoldEndsTooEarly: it would end on the day it begins, or before.
        """
        if hold_ref in self.holds:
            if self.holds[hold_ref].kind != kind:
                raise HoldRefReused(f"The reference {hold_ref!r} already names another hold.")
            return
        if rule is None or rule.kind != kind:
            raise HoldRuleMissing(f"No policy in force says what a {kind} hold blocks.")
        on = from_on or act.business_on
        if until_on is None and not open_ended and rule.length_days is not None:
            until_on = on + timedelta(days=rule.length_days)
        _must_end_after(until_on, on)
        self.record(
            self.HoldSet,
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
            self.HoldEndSet,
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
            raise HoldUnknown(f"No hold {hold_ref!r} was set for this borrower.")
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
            self.HoldLifted,
            act,
            on,
            hold_ref=hold.hold_ref,
            kind=hold.kind,
            lifted_on=on,
            reason=reason,
            lifted_before=hold.lifted_on,
        )

    def promise(
        self,
        act: Act,
        *,
        promise_ref: str,
        loan_id: UUID,
        amount: int,
        currency: str,
        promised_on: date,
        latest_on: date | None = None,
    ) -> None:
        """Record a promise to pay; the same promise twice is recorded once.

        Raises:
            PromisedTooEarly: its day is past.
            PromisedTooLate: it lies after *latest_on*, the last day that one may be for.
        """
        positive(amount, "A promise")
        known = self.promises.get(promise_ref)
        if known is not None:
            same = (known.loan_id, known.amount, known.promised_on)
            if same != (loan_id, amount, promised_on):
                raise PromiseRefReused(
                    f"The reference {promise_ref!r} already names another promise."
                )
            return
        if promised_on < act.business_on:
            raise PromisedTooEarly(f"{promised_on} is already past.")
        if latest_on is not None and promised_on > latest_on:
            raise PromisedTooLate(
                f"A promise may be for {latest_on} at the latest, not for {promised_on}: agree on"
                " an earlier day, or on relief."
            )
        self.record(
            self.PromiseMade,
            act,
            act.business_on,
            promise_ref=promise_ref,
            loan_id=loan_id,
            currency=currency,
            amount=amount,
            promised_on=promised_on,
        )

    def assess_promise(
        self, act: Act, *, promise_ref: str, received: int, settled: bool = False
    ) -> None:
        """Tell whether a promise was kept, now that its day is over, and so perhaps its plan.

        *received* is what the loan received from the day it was made to the day it
        was for, in minor units. Of a row of a plan that is what is left of it after the rows
        before; of a loan that was *settled* every row is kept.
        """
        promise = self.promises.get(promise_ref)
        if promise is None or promise.state != PromiseState.OPEN:
            raise PromiseNotOpen(f"No open promise {promise_ref!r} stands.")
        plan = self.plan_with(promise_ref)
        in_all = received
        if plan is not None:
            before = plan.rows[: plan.promise_refs().index(promise_ref)]
            received = max(received - sum(row.amount for row in before), 0)
        kept = received >= promise.amount or (settled and plan is not None)
        outcome = self.PromiseKept if kept else self.PromiseBroken
        self.record(
            outcome,
            act,
            promise.promised_on,
            promise_ref=promise.promise_ref,
            loan_id=promise.loan_id,
            currency=promise.currency,
            promised=promise.amount,
            received=received,
        )
        if plan is not None and plan.state == PlanState.AGREED:
            states = [self.promises[ref].state for ref in plan.promise_refs()]
            self._end_plan(act, plan, received=in_all, settled=settled, states=states)

    def reassess_promises(
        self, act: Act, *, loan_id: UUID, receipts: Sequence[tuple[date, int]]
    ) -> None:
        """Tell of promises that were judged what became of them by the money that counts now.

        *receipts* are all the money received on the loan, by its days; nothing is recorded
        where it comes to the same.
        """
        received = self.received_for(loan_id, receipts)
        for promise_ref in received:
            if self.plan_with(promise_ref) is not None:
                continue  # what becomes of a plan is told once
            promise = self.promises[promise_ref]
            kept = received[promise.promise_ref] >= promise.amount
            before = promise.state
            if before in JUDGED and kept != (before == PromiseState.KEPT):
                outcome = self.PromiseKept if kept else self.PromiseBroken
                self.record(
                    outcome,
                    act,
                    promise.promised_on,
                    promise_ref=promise_ref,
                    loan_id=loan_id,
                    currency=promise.currency,
                    promised=promise.amount,
                    received=received[promise_ref],
                )

    def received_for(self, loan_id: UUID, receipts: Sequence[tuple[date, int]]) -> dict[str, int]:
        """What came in for each promise on a loan, in minor units; no money counts twice.

        It keeps the promise that falls due first among those that it came in time for, and
        what is left of it the next; what none needs is said with the last of these. The rows
        of a plan are among them: money is in time for one until the last row is over, since
        it makes up for those missed before. With a row is said what came in for its plan
        until its day, that of the rows before it included.
        """
        promises = [each for each in self.promises_on(loan_id) if each.state != PromiseState.LAPSED]
        whose = {}
        for each in promises:
            plan = self.plan_with(each.promise_ref)
            whose[each.promise_ref] = each.promise_ref if plan is None else plan.plan_ref
        ends = {whose[each.promise_ref]: each.promised_on for each in promises}
        filled = dict.fromkeys(whose, 0)
        taken: dict[str, list[tuple[date, int]]] = {each: [] for each in ends}
        for on, amount in receipts:
            left = amount
            in_time = [
                each for each in promises if each.made_on <= on <= ends[whose[each.promise_ref]]
            ]
            for each in in_time:
                part = min(left, each.amount - filled[each.promise_ref])
                filled[each.promise_ref] += part
                left -= part
                taken[whose[each.promise_ref]].append((on, part))
            if in_time:
                taken[whose[in_time[-1].promise_ref]].append((on, left))
        return {
            each.promise_ref: sum(
                part for on, part in taken[whose[each.promise_ref]] if on <= each.promised_on
            )
            for each in promises
        }

    def withdraw_promise(
        self, act: Act, *, promise_ref: str, reason: str, replaced_by: str | None = None
    ) -> None:
        """Let an open promise stand no more; one that was withdrawn stays so.

        Raises:
            PromiseNotOpen: there is none, or money decided already what became of it.
        """
        promise = self.promises.get(promise_ref)
        if promise is not None and promise.state == PromiseState.WITHDRAWN:
            return
        if promise is None or promise.state != PromiseState.OPEN:
            raise PromiseNotOpen(f"No open promise {promise_ref!r} stands: none is withdrawn.")
        self.record(
            self.PromiseWithdrawn,
            act,
            act.business_on,
            promise_ref=promise_ref,
            loan_id=promise.loan_id,
            currency=promise.currency,
            promised=promise.amount,
            promised_on=promise.promised_on,
            reason=reason,
            replaced_by=replaced_by,
        )

    def _promise_rows(self, act: Act, plan: RepaymentPlan) -> None:
        for ref, row in zip(plan.promise_refs(), plan.rows, strict=True):
            self.promise(
                act,
                promise_ref=ref,
                loan_id=plan.loan_id,
                amount=row.amount,
                currency=plan.currency,
                promised_on=row.due_on,
            )

    def _must_be_unused(self, plan: RepaymentPlan) -> None:
        for ref in plan.promise_refs():
            if ref in self.promises:
                raise PromiseRefReused(
                    f"The reference {ref!r} already names a promise: propose the plan under another"
                    " reference."
                )

    def _lapse_rows(self, act: Act, plan: RepaymentPlan, reason: PlanState) -> None:
        for ref in plan.promise_refs():
            promise = self.promises[ref]
            if promise.state == PromiseState.OPEN:
                self.record(
                    self.PromiseLapsed,
                    act,
                    act.business_on,
                    promise_ref=ref,
                    loan_id=promise.loan_id,
                    currency=promise.currency,
                    promised=promise.amount,
                    promised_on=promise.promised_on,
                    plan_ref=plan.plan_ref,
                    reason=str(reason),
                )

    def promises_on(self, loan_id: UUID) -> list[Promise]:
        """What was promised on a loan and stands, in the order of the days it was for."""
        found = [
            each
            for each in self.promises.values()
            if each.loan_id == loan_id and each.state != PromiseState.WITHDRAWN
        ]
        return sorted(found, key=lambda each: each.promised_on)

    def promises_due(self, on: date) -> list[Promise]:
        """Open promises whose day is over on *on*."""
        return [
            promise
            for promise in self.promises.values()
            if promise.state == PromiseState.OPEN and promise.promised_on < on
        ]

    def next_action(self) -> NextAction | None:
        """The day after the earliest open promise, or that of a complaint's next deadline.

        Of a hold with an end, the last day that it stands: the close of it lifts the hold.
        """
        found = [
            NextAction("PROMISE", next_day(each.promised_on))
            for each in self.promises.values()
            if each.state == PromiseState.OPEN
        ]
        found += [
            NextAction("COMPLAINT", (by - BEHIND_UTC).date())
            for each in self.complaints.values()
            for by in each.deadlines.values()
        ]
        found += [
            NextAction("HOLD", hold.until_on - timedelta(days=1))
            for hold in self.holds.values()
            if hold.lifted_on is None and hold.until_on is not None
        ]
        return min(found, key=lambda each: each.due_on, default=None)


def _must_end_after(until_on: date | None, from_on: date) -> None:
    if until_on is not None and until_on <= from_on:
        raise HoldEndsTooEarly(
            f"The hold begins on {from_on} and cannot end on {until_on}: name a later day, the"
            " first on which it stands no more."
        )
