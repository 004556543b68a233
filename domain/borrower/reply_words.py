"""What can come of an answer that somebody read, in a word."""

from enum import StrEnum


class ReplyOutcome(StrEnum):
    """What the reader found in an answer."""

    REFUSED = "REFUSED"
    COMPLAINT = "COMPLAINT"
    PROMISE = "PROMISE"
    PAID = "PAID"
    DISPUTE = "DISPUTE"
    HARDSHIP = "HARDSHIP"
    QUESTION = "QUESTION"
    WRONG_PERSON = "WRONG_PERSON"
    NOTHING = "NOTHING"


NEEDS_NO_ANSWER = frozenset({ReplyOutcome.REFUSED, ReplyOutcome.WRONG_PERSON, ReplyOutcome.NOTHING})
"""What nobody waits for an answer to, or wants none; unless the reader says otherwise."""


class ReplyStage(StrEnum):
    """How far an answer in words is dealt with."""

    UNREAD = "UNREAD"
    TO_ANSWER = "TO_ANSWER"
    DONE = "DONE"
