"""The words that requests about data are told in."""

from enum import StrEnum


class Right(StrEnum):
    """What a borrower may ask about the data that is kept of them."""

    RESTRICTION = "RESTRICTION"
    ERASURE = "ERASURE"


class RequestState(StrEnum):
    """How far a request has come."""

    OPEN = "OPEN"
    PUT_OFF = "PUT_OFF"
    """Refused until a day: records must be kept so long."""
    DONE = "DONE"
    REFUSED = "REFUSED"


class Ground(StrEnum):
    """Why a request is refused for good."""

    LOAN_RUNNING = "LOAN_RUNNING"
    IDENTITY_NOT_SHOWN = "IDENTITY_NOT_SHOWN"
    UNFOUNDED = "UNFOUNDED"
    TAKEN_BACK = "TAKEN_BACK"
