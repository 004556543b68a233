"""Which late loans of a borrower an agency collects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Channel, ContactHoldRule, Purpose
from domain.base.policy import AgencyRule, AgencyStandard
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.contact import Intent
from domain.borrower.contact_events import Event
from domain.borrower.lateness import Lateness
from domain.borrower.permissions import is_held

AGENCY = "agency:"
"""What the name of an actor begins with who is an agency."""


class AgencyUnfit(Refusal):
    """The agency may not collect there, or nobody found lately that it does so properly."""

    code = "AGENCY_UNFIT"


class NotForAgency(Refusal):
    """The loan is none that is placed with an agency."""

    code = "NOT_FOR_AGENCY"


class CollectionHeld(Refusal):
    """A hold stands against collecting the loan."""

    code = "COLLECTION_HELD"


class PlacedElsewhere(Refusal):
    """An agency collects the loan."""

    code = "PLACED_ELSEWHERE"


class NotPlaced(Refusal):
    """The loan is not with the agency."""

    code = "NOT_PLACED"


@dataclass(frozen=True)
class Placement:
    """A loan that an agency collects since a day."""

    loan_id: UUID
    agency: str
    placed_on: date


@dataclass(frozen=True)
class ToPlace:
    """A loan that is to be placed, and the rules that decide on it.

    *collectible* is whether there is a claim of ours to collect; *holds* are the rules of
    what stops collection.
    """

    loan_id: UUID
    loan_ref: str
    bucket: str
    collectible: bool
    standard: AgencyStandard
    holds: Sequence[ContactHoldRule]


class AgencyPlaced(Event):
    """An agency collects a loan from now on; the contact rules and caps stay as they are.

    *evaluation_due_on* is the last day on which its evaluation counts.
    """

    TOPIC = "borrower.agency-placed"
    loan_id: UUID
    agency: str
    licence: str
    bucket: str
    evaluated_on: date
    evaluation_due_on: date
    agency_version: str
    policy_version: str

    def apply(self, borrower: Placements) -> None:
        borrower.placements[str(self.loan_id)] = Placement(
            self.loan_id, self.agency, self.business_on
        )


class AgencyRecalled(Event):
    """An agency collects a loan no more."""

    TOPIC = "borrower.agency-recalled"
    loan_id: UUID
    agency: str
    reason: str

    def apply(self, borrower: Placements) -> None:
        borrower.placements.pop(str(self.loan_id))


class Placements(Lateness):
    """The late loans of one borrower that agencies collect."""

    def __init__(self) -> None:
        super().__init__()
        self.placements: dict[str, Placement] = {}

    def place(self, act: Act, *, agency: AgencyRule, loan: ToPlace) -> None:
        """Let an agency collect a loan; one that it collects already stays with it.

        Raises:
            PlacedElsewhere: another agency collects it.
            NotForAgency: its bucket, or its state, is none for agencies.
            AgencyUnfit: no licence there, or no evaluation that was passed and still counts.
            CollectionHeld: a hold stands.
        """
        known = self.placements.get(str(loan.loan_id))
        if known is not None and known.agency == agency.agency:
            return
        self.must_not_be_placed(loan.loan_id, loan.loan_ref)
        standard = loan.standard
        if not loan.collectible or loan.bucket not in standard.buckets:
            raise NotForAgency(
                f"{loan.loan_ref} is in {loan.bucket}; agencies collect active and written-off"
                f" loans in {', '.join(standard.buckets)} ({standard.version})."
            )
        due_on = self.must_be_fit(act.business_on, agency, standard)
        self._must_be_free(act.business_on, loan)
        self.record(
            AgencyPlaced,
            act,
            act.business_on,
            loan_id=loan.loan_id,
            agency=agency.agency,
            licence=agency.licence,
            bucket=loan.bucket,
            evaluated_on=agency.evaluated_on,
            evaluation_due_on=due_on,
            agency_version=agency.version,
            policy_version=standard.version,
        )

    def recall(self, act: Act, *, loan_id: UUID, reason: str) -> None:
        """Let an agency collect a loan no more.

        Raises:
            NotPlaced: none does.
        """
        known = self.placements.get(str(loan_id))
        if known is None:
            raise NotPlaced("No agency collects this loan: there is nothing to recall.")
        self.record(
            AgencyRecalled,
            act,
            act.business_on,
            loan_id=loan_id,
            agency=known.agency,
            reason=reason,
        )

    def is_placed(self, loan_id: UUID) -> bool:
        """Whether an agency collects a loan."""
        return str(loan_id) in self.placements

    def must_not_be_placed(self, loan_id: UUID, loan_ref: str) -> None:
        """Pass when no agency collects a loan.

        Raises:
            PlacedElsewhere: one does.
        """
        known = self.placements.get(str(loan_id))
        if known is not None:
            raise PlacedElsewhere(
                f"{loan_ref} is with {known.agency} since {known.placed_on}: recall it first"
                " (collect recall)."
            )

    def must_act_for_us(self, actor: str, debt: str | None) -> None:
        """Pass when who would contact the borrower is no agency, or one that has the loan.

        Raises:
            NotPlaced: it is one that has not.
        """
        if not actor.startswith(AGENCY):
            return
        known = None if debt is None else self.placements.get(debt)
        if known is None or known.agency != actor.removeprefix(AGENCY):
            raise NotPlaced(
                f"{actor} collects no such loan of this borrower: name one placed with it."
            )

    def must_be_fit(self, on: date, agency: AgencyRule, standard: AgencyStandard) -> date:
        """The last day on which the evaluation of an agency counts.

        Raises:
            AgencyUnfit: it may not collect here, or was not found lately to do so properly.
        """
        if self.jurisdiction not in agency.jurisdictions:
            raise AgencyUnfit(
                f"{agency.agency} is licensed for {', '.join(agency.jurisdictions)},"
                f" not for {self.jurisdiction}."
            )
        due_on = agency.evaluated_on + timedelta(days=standard.evaluation_days)
        if not agency.passed:
            raise AgencyUnfit(
                f"{agency.agency} did not pass its evaluation of {agency.evaluated_on}: evaluate"
                " it again and publish what came of it."
            )
        if not agency.evaluated_on <= on <= due_on:
            raise AgencyUnfit(
                f"The evaluation of {agency.agency} of {agency.evaluated_on} counts from that day"
                f" to {due_on}: evaluate it again and publish what came of it."
            )
        return due_on

    def _must_be_free(self, on: date, loan: ToPlace) -> None:
        noon = datetime.combine(on, time(12), ZoneInfo(self.zones[0])).astimezone(UTC)
        intent = Intent(Purpose.COLLECTION, Channel.PHONE, debt=str(loan.loan_id))
        held = [rule for rule in loan.holds if is_held(rule, intent, self.situation(), noon)]
        if held:
            raise CollectionHeld(
                f"A hold stands against collecting {loan.loan_ref} ({held[0].rule}"
                f" {held[0].version}): lift it first, or wait for its end."
            )
