"""What a borrower wrote to us in words: read by a person, and answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower import contact_events as events
from domain.borrower import refusals as no
from domain.borrower.contact_state import Reply
from domain.borrower.contacts import Contacts
from domain.borrower.reply_words import NEEDS_NO_ANSWER, ReplyOutcome
from domain.borrower.rights import BY_REPLY


class ReplyUnknown(Refusal):
    """The borrower wrote nothing under this reference that somebody has to read."""

    code = "REPLY_UNKNOWN"


class ReplyUnread(Refusal):
    """Nobody has read what is to be answered."""

    code = "REPLY_UNREAD"


class ReplyOver(Refusal):
    """It was answered before, in another way."""

    code = "REPLY_OVER"


class BeforeItCame(Refusal):
    """Nothing is read or answered before it came."""

    code = "BEFORE_IT_CAME"


class NoRefusal(Refusal):
    """A purpose was named of something that is no refusal."""

    code = "NO_REFUSAL"


class Replies(Contacts):
    """The answers in words of one borrower."""

    def read_reply(
        self,
        act: Act,
        *,
        contact_ref: str,
        outcome: ReplyOutcome,
        read_at: datetime,
        refused_on: Sequence[Channel],
        purpose: Purpose | None = None,
        awaits_answer: bool | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let an answer be read; the same found again changes nothing, something else counts.

        A refusal counts from the instant the answer came, on the channels *refused_on*,
        for a purpose or for all. One that was recorded stays, whatever is found later:
        only the borrower takes it back.

        Raises:
            ReplyUnknown: there is no such answer.
            BeforeItCame: it came later than that.
            NoRefusal: a purpose was named, and it is no refusal.
        """
        reply = self.reply(contact_ref)
        self._must_have_come(reply, read_at)
        refuses = outcome == ReplyOutcome.REFUSED
        if purpose is not None and not refuses:
            raise NoRefusal(
                f"{outcome} refuses nothing: name a purpose with REFUSED, or leave it out."
            )
        awaits = outcome not in NEEDS_NO_ANSWER if awaits_answer is None else awaits_answer
        awaits = awaits and reply.answered_at is None
        if (reply.outcome, reply.awaits_answer) != (outcome, awaits):
            self.record(
                events.ReplyRead,
                act,
                act.business_on,
                contact_ref=contact_ref,
                channel=reply.channel,
                received_at=reply.received_at,
                read_at=read_at.astimezone(UTC),
                outcome=str(outcome),
                awaits_answer=awaits,
                said_ref=said_ref,
            )
        for channel in refused_on if refuses else ():
            self.opt_out(
                act,
                channel=channel,
                purpose=purpose,
                source=BY_REPLY,
                opted_out_at=reply.received_at,
                contact_ref=contact_ref,
            )

    def answer_reply(
        self,
        act: Act,
        *,
        contact_ref: str,
        answered_at: datetime,
        answered_by: str | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Let an answer in words be answered: by the contact *answered_by*, or in another way.

        Raises:
            ReplyUnknown: there is no such answer.
            ReplyUnread: nobody has read it.
            ReplyOver: it was answered before, by something else.
            ContactUnknown: no such contact was made.
            BeforeItCame: it came later than that.
        """
        reply = self.reply(contact_ref)
        if reply.is_unread:
            raise ReplyUnread(
                f"Nobody has read {contact_ref!r}: say with --outcome what came of it."
            )
        if reply.answered_at is not None:
            if reply.answered_by != answered_by:
                raise ReplyOver(
                    f"{contact_ref!r} was answered at {reply.answered_at:%Y-%m-%d %H:%M:%SZ}: "
                    "what is said since stands in the record of contacts."
                )
            return
        self._must_have_come(reply, answered_at)
        if answered_by is not None:
            past = self.contacts.get(answered_by)
            if past is None or past.outcome == Outcome.INBOUND:
                raise no.ContactUnknown(
                    f"No contact {answered_by!r} was made: name one that was, or none."
                )
            self._must_have_come(reply, past.at)
        self.record(
            events.ReplyAnswered,
            act,
            act.business_on,
            contact_ref=contact_ref,
            channel=reply.channel,
            received_at=reply.received_at,
            answered_at=answered_at.astimezone(UTC),
            answered_by=answered_by,
            said_ref=said_ref,
        )

    def reply(self, contact_ref: str) -> Reply:
        """An answer in words.

        Raises:
            ReplyUnknown: there is none under this reference.
        """
        found = self.replies.get(contact_ref)
        if found is None:
            raise ReplyUnknown(
                f"The borrower wrote nothing {contact_ref!r} that is to be read: see contact"
                " replies."
            )
        return found

    def _must_have_come(self, reply: Reply, at: datetime) -> None:
        if at < reply.received_at:
            raise BeforeItCame(
                f"{reply.contact_ref!r} came at {reply.received_at:%Y-%m-%d %H:%M:%SZ}: "
                "nothing is done about it before."
            )
