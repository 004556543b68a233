"""One borrower: what it joins, and how it begins. No personal data."""

from __future__ import annotations  # apply() names Borrower before it exists

from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from domain.base.calendar import next_day
from domain.base.stream import Act, NextAction, Stream
from domain.borrower import (
    collection,
    complaint_events,
    contact_events,
    data_rights,
    holds,
    lateness,
    legal,
    placement,
    promises,
    restrictions,
    support_events,
)
from domain.borrower.legal import LegalMatters
from domain.borrower.promises import PromiseState
from domain.borrower.rights import must_be_zones

BEHIND_UTC = timedelta(hours=12)
"""So far behind is the last zone: a day that begins there has begun everywhere."""


class Borrower(LegalMatters, Stream):
    """One borrower: zones and jurisdiction, holds, promises, contacts, complaints, support.

    What is decided stands in the classes it joins, each above those it builds on; the events
    of these, which stand in modules beside them, have their names here.
    """

    TOPIC = "borrower"
    KAFKA_TOPIC = "borrower.events"
    SNAPSHOT_VERSION = 12

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
    HoldSet: TypeAlias = holds.HoldSet
    HoldEndSet: TypeAlias = holds.HoldEndSet
    HoldWidened: TypeAlias = holds.HoldWidened
    HoldLifted: TypeAlias = holds.HoldLifted
    PromiseMade: TypeAlias = promises.PromiseMade
    PromiseKept: TypeAlias = promises.PromiseKept
    PromiseBroken: TypeAlias = promises.PromiseBroken
    PromiseLapsed: TypeAlias = promises.PromiseLapsed
    PromiseWithdrawn: TypeAlias = promises.PromiseWithdrawn
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
        super().__init__()  # those it joins; without this one the library makes its own

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
