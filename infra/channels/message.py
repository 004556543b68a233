"""What is sent, what becomes of it, and what every channel is to its caller."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from domain.base.contact_policy import Channel

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""What a contact ref may be: it is an idempotency key, part of a header and a file's name."""


NOT_BEGUN = "NOT_BEGUN"
"""Why a message was not taken that was not even tried: its time to begin was over."""


class Answer(StrEnum):
    """What became of a message."""

    ACCEPTED = "ACCEPTED"
    """The provider has it."""
    REFUSED = "REFUSED"
    """It will never be taken: a wrong number, a text that the provider refuses."""
    UNAVAILABLE = "UNAVAILABLE"
    """It was not taken; another provider, or the same one later, may take it."""
    UNCERTAIN = "UNCERTAIN"
    """Nobody can know whether it was taken: the answer did not come."""
    BY_HAND = "BY_HAND"
    """A person makes this contact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one recipient; ``contact_ref`` is what no provider may take twice.

    Recipient, subject and text are personal and never part of what it prints as. The
    recipient of a letter is an address block, one line below the other.

    Raises:
        ValueError: the ref is none.
    """

    contact_ref: str
    channel: Channel
    jurisdiction: str
    recipient: str = field(repr=False)
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    sender: str
    """Who signs, by a name that the provider may use."""
    on: date
    """The day it is dated; licences are asked for this day."""
    begin_by: datetime | None = None
    """It is not begun with after this: what is known of the borrower may be old by then."""
    not_after: datetime | None = None
    """It is not tried, or tried again, from this instant on: it may not be made any more."""

    def __post_init__(self) -> None:
        if not REF.fullmatch(self.contact_ref):
            raise ValueError("a contact ref has 1 to 80 letters, digits, dots and dashes")

    def may_go(self, at: datetime, *, again: bool = False) -> bool:
        """Whether it may be begun with at an instant, or tried *again*."""
        if self.not_after is not None and at >= self.not_after:
            return False
        return again or self.begin_by is None or at <= self.begin_by


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one message; the reason is a code, never text of a provider."""

    contact_ref: str
    answer: Answer
    provider: str | None = None
    provider_id: str | None = None
    reason: str | None = None
    try_after_seconds: int | None = None
    handed_at: datetime | None = field(default=None, compare=False)
    """When it was handed over, the last time; None where nobody knows, or it was not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What a try without a message said of a route, or of one carrier behind it."""

    carrier: str | None = None
    holds: bool
    took_ms: int
    reason: str | None = None


class Port(Protocol):
    """A way out: every adapter has these, whatever it speaks."""

    @property
    def honours_idempotency(self) -> bool:
        """Whether the same ``contact_ref`` given again is taken once only."""

    def send(self, messages: Sequence[Message]) -> list[Result]:
        """What became of each message, in order; a failure is a result, never an exception."""

    def probe(self) -> list[Probe]:
        """Whether it would take a message now; nothing is sent to anybody."""

    def close(self) -> None:
        """Nothing is held open any more."""
