"""What a borrower asks about the data that is kept of them, and what became of it.

References and dates only. The data itself, and the decision to restrict or erase it, is the
vault's: each *measure* of the vault is told here once, by its number, after it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.base.contact_policy import HoldKind
from domain.base.policy import RequestTerm
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.assessment import Assessments
from domain.borrower.contact import ContactHold
from domain.borrower.contact_events import Event
from domain.borrower.contact_state import holds_of
from domain.borrower.data_words import Ground, RequestState, Right


class MeasureKind(StrEnum):
    """What the vault did with the data of a person, by its own word."""

    RESTRICTED = "RESTRICTED"
    RELEASED = "RELEASED"
    ERASURE_REQUESTED = "ERASURE_REQUESTED"
    ERASURE_PUT_OFF = "ERASURE_PUT_OFF"
    ERASED = "ERASED"
    ERASED_AGAIN = "ERASED_AGAIN"


class RequestRefReused(Refusal):
    """The reference already names another request."""

    code = "REQUEST_REF_REUSED"


class RequestUnknown(Refusal):
    """Nothing was requested under this reference."""

    code = "REQUEST_UNKNOWN"


class RequestStillOpen(Refusal):
    """The same was requested before, and is not over."""

    code = "REQUEST_STILL_OPEN"


class RequestOver(Refusal):
    """The request was answered already."""

    code = "REQUEST_OVER"


class RequestedInFuture(Refusal):
    """A request came in on a day that has come."""

    code = "REQUESTED_IN_FUTURE"


@dataclass(frozen=True)
class DataRequest:
    """A request as it stands."""

    request_ref: str
    right: str
    received_on: date
    answer_by_on: date | None
    state: str = RequestState.OPEN


@dataclass(frozen=True)
class Restricted:
    """Days on which data is only stored; *measure* is the vault's that began it.

    One *for_erasure* has no end but the erasure, and goes on after it. *known_at* is when the
    vault took the measure, where that was told.
    """

    measure: int
    from_on: date
    lifted_on: date | None
    for_erasure: bool
    kind: str = HoldKind.RESTRICTED
    known_at: datetime | None = None

    @property
    def ends_on(self) -> date | None:
        """The day from which it stands no more, as a hold says it."""
        return self.lifted_on


@dataclass(frozen=True)
class Measure:
    """What the vault did at an instant of a day, by the number it gave it."""

    number: int
    kind: MeasureKind
    taken_on: date
    taken_at: datetime
    until: date | None
    policy_version: str | None
    requested_by: str | None
    approved_by: str | None


class DataRightsState(Assessments):
    """What is kept of one borrower's requests, and of restrictions."""

    def __init__(self) -> None:
        super().__init__()
        self.data_requests: dict[str, DataRequest] = {}
        self.data_restricted: list[Restricted] = []
        self.last_measure = 0
        """The number of the vault's last measure that was told."""

    def contact_holds(self) -> list[ContactHold]:
        """The holds that were set, and restrictions of processing, for the contact gate."""
        restricted = holds_of(((each, [None]) for each in self.data_restricted), self.zones)
        return super().contact_holds() + restricted


def _answered(borrower: DataRightsState, request_ref: str | None, state: RequestState) -> None:
    if request_ref is not None:
        known = borrower.data_requests[request_ref]
        borrower.data_requests[request_ref] = replace(known, state=state)


class DataRequestReceived(Event):
    """The borrower asks that their data be restricted or erased.

    It is answered by *answer_by_on*, where a rule says within how long.
    """

    TOPIC = "borrower.data-request-received"
    request_ref: str
    right: str
    received_on: date
    answer_by_on: date | None
    policy_version: str | None

    def apply(self, borrower: DataRightsState) -> None:
        borrower.data_requests[self.request_ref] = DataRequest(
            self.request_ref, self.right, self.received_on, self.answer_by_on
        )


class DataRequestRefused(Event):
    """A request about data is refused for good, on a ground in a word."""

    TOPIC = "borrower.data-request-refused"
    request_ref: str
    right: str
    ground: str

    def apply(self, borrower: DataRightsState) -> None:
        _answered(borrower, self.request_ref, RequestState.REFUSED)


class ProcessingRestricted(Event):
    """The borrower's data is only stored from now on, until a day; it answers a request, if any.

    The restriction that the measure *replaces* began ends with it. *known_at* is when the
    vault took the measure: from then on nobody is contacted against it.
    """

    TOPIC = "borrower.processing-restricted"
    measure: int
    until_on: date
    replaces: int | None
    request_ref: str | None
    known_at: datetime | None

    def apply(self, borrower: DataRightsState) -> None:
        borrower.data_restricted = [
            *_ended(borrower.data_restricted, self.replaces, self.effective_on),
            Restricted(
                self.measure,
                self.effective_on,
                self.until_on,
                for_erasure=False,
                known_at=self.known_at,
            ),
        ]
        _answered(borrower, self.request_ref, RequestState.DONE)
        borrower.last_measure = self.measure


class RestrictionLifted(Event):
    """The restriction that the measure *lifts* began stands no more from a day on."""

    TOPIC = "borrower.restriction-lifted"
    measure: int
    lifts: int | None
    lifted_on: date

    def apply(self, borrower: DataRightsState) -> None:
        borrower.data_restricted = _ended(borrower.data_restricted, self.lifts, self.lifted_on)
        borrower.last_measure = self.measure


class ErasurePutOff(Event):
    """An erasure is refused until a day, since records must be kept; the data is restricted.

    *begins* is whether it is restricted for that from now on, and was not before; nobody is
    contacted against it from *known_at* on, when the vault took the measure.
    """

    TOPIC = "borrower.erasure-put-off"
    measure: int
    kept_until: date
    policy_version: str | None
    requested_by: str | None
    approved_by: str | None
    begins: bool
    request_ref: str | None
    known_at: datetime | None

    def apply(self, borrower: DataRightsState) -> None:
        if self.begins:
            _restrict_for_good(borrower, self.measure, self.effective_on, self.known_at)
        _answered(borrower, self.request_ref, RequestState.PUT_OFF)
        borrower.last_measure = self.measure


class DataErased(Event):
    """The key to the borrower's data was destroyed; *again* after a backup had brought it back.

    *begins* is whether nothing may be done with it from now on, and something might before;
    nobody is contacted against it from *known_at* on, when the vault took the measure.
    """

    TOPIC = "borrower.data-erased"
    measure: int
    requested_by: str | None
    approved_by: str | None
    again: bool
    begins: bool
    request_ref: str | None
    known_at: datetime | None

    def apply(self, borrower: DataRightsState) -> None:
        if self.begins:
            _restrict_for_good(borrower, self.measure, self.effective_on, self.known_at)
        _answered(borrower, self.request_ref, RequestState.DONE)
        borrower.last_measure = self.measure


def _ended(restricted: list[Restricted], measure: int | None, on: date) -> list[Restricted]:
    return [replace(each, lifted_on=on) if each.measure == measure else each for each in restricted]


def _restrict_for_good(
    borrower: DataRightsState, measure: int, on: date, known_at: datetime | None
) -> None:
    borrower.data_restricted = [
        *borrower.data_restricted,
        Restricted(measure, on, None, for_erasure=True, known_at=known_at),
    ]


class DataRights(DataRightsState):
    """What one borrower asks about their data, and what the vault did with it."""

    def request_about_data(
        self,
        act: Act,
        *,
        request_ref: str,
        right: Right,
        received_on: date,
        term: RequestTerm | None,
    ) -> None:
        """Note a request; the same twice is noted once. Without a *term* no clock runs.

        Raises:
            RequestRefReused: the reference names another request.
            RequestStillOpen: another one for the same is not over.
            RequestedInFuture: the day is still to come.
        """
        known = self.data_requests.get(request_ref)
        if known is not None:
            if (known.right, known.received_on) != (right, received_on):
                raise RequestRefReused(
                    f"The reference {request_ref!r} already names another request."
                )
            return
        pending = self._pending(right)
        if pending is not None:
            raise RequestStillOpen(
                f"The request {pending.request_ref!r} of {pending.received_on} asks for the same"
                f" and is {pending.state}: answer that one."
            )
        if received_on > act.business_on:
            raise RequestedInFuture(
                f"{received_on} lies after the business date {act.business_on}."
            )
        answer_by_on = None if term is None else received_on + timedelta(days=term.days)
        self.record(
            DataRequestReceived,
            act,
            received_on,
            request_ref=request_ref,
            right=str(right),
            received_on=received_on,
            answer_by_on=answer_by_on,
            policy_version=None if term is None else term.version,
        )

    def refuse_data_request(self, act: Act, *, request_ref: str, ground: Ground) -> None:
        """Refuse a request for good; twice changes nothing.

        Raises:
            RequestUnknown: there is none of this reference.
            RequestOver: it was answered; what the vault began goes on.
        """
        known = self.data_requests.get(request_ref)
        if known is None:
            raise RequestUnknown(f"Nothing was requested as {request_ref!r}: note the request.")
        if known.state == RequestState.REFUSED:
            return
        if known.state != RequestState.OPEN:
            raise RequestOver(
                f"The request {request_ref!r} is {known.state}, and is not refused any more."
            )
        self.record(
            DataRequestRefused,
            act,
            act.business_on,
            request_ref=request_ref,
            right=known.right,
            ground=str(ground),
        )

    def tell_measure(self, act: Act, measure: Measure) -> None:
        """Note what the vault did; one that was told, or lies before one that was, is not again.

        It answers the request for it that is not over. An erasure that nobody noted as
        requested is noted as requested on its day.
        """
        if measure.number <= self.last_measure:
            return
        if measure.kind in (MeasureKind.ERASURE_REQUESTED, MeasureKind.ERASED):
            self._must_be_requested(act, measure)
        on, number = measure.taken_on, measure.number
        erasure = self._pending(Right.ERASURE)
        erasure_ref = None if erasure is None else erasure.request_ref
        people = {"requested_by": measure.requested_by, "approved_by": measure.approved_by}
        begins = not any(each.for_erasure for each in self.data_restricted)
        if measure.kind == MeasureKind.RESTRICTED:
            assert measure.until is not None, "the vault restricts until a day"
            request = self._pending(Right.RESTRICTION)
            self.record(
                ProcessingRestricted,
                act,
                on,
                measure=number,
                until_on=measure.until,
                replaces=self._standing(on),
                request_ref=None if request is None else request.request_ref,
                known_at=measure.taken_at,
            )
        elif measure.kind == MeasureKind.RELEASED:
            self.record(
                RestrictionLifted, act, on, measure=number, lifts=self._standing(on), lifted_on=on
            )
        elif measure.kind in (MeasureKind.ERASURE_REQUESTED, MeasureKind.ERASURE_PUT_OFF):
            assert measure.until is not None, "the vault puts an erasure off to a day"
            self.record(
                ErasurePutOff,
                act,
                on,
                measure=number,
                kept_until=measure.until,
                policy_version=measure.policy_version,
                **people,
                begins=begins,
                request_ref=erasure_ref,
                known_at=measure.taken_at if begins else None,
            )
        else:
            self.record(
                DataErased,
                act,
                on,
                measure=number,
                **people,
                again=measure.kind == MeasureKind.ERASED_AGAIN,
                begins=begins,
                request_ref=erasure_ref,
                known_at=measure.taken_at if begins else None,
            )

    def _must_be_requested(self, act: Act, measure: Measure) -> None:
        if self._pending(Right.ERASURE) is None:
            self.record(
                DataRequestReceived,
                act,
                measure.taken_on,
                request_ref=f"measure-{measure.number}",
                right=str(Right.ERASURE),
                received_on=measure.taken_on,
                answer_by_on=None,
                policy_version=None,
            )

    def _pending(self, right: Right) -> DataRequest | None:
        """The request for something that is not over; there is one at most."""
        return next(
            (
                each
                for each in self.data_requests.values()
                if each.right == right and each.state in (RequestState.OPEN, RequestState.PUT_OFF)
            ),
            None,
        )

    def _standing(self, on: date) -> int | None:
        """The measure by which the data is restricted on a day, erasures apart."""
        return next(
            (
                each.measure
                for each in reversed(self.data_restricted)
                if not each.for_erasure and each.lifted_on is not None and on < each.lifted_on
            ),
            None,
        )
