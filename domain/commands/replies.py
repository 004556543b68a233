"""What people answer to a message, and what providers report of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Required, TypedDict, Unpack
from uuid import UUID

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.policy import Policies
from domain.base.refusal import Refusal
from domain.base.reply_keyword import FoundWord, Keyword, KeywordMeaning
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Party
from domain.borrower.reply_words import ReplyOutcome
from domain.borrower.rights import BY_REPLY
from domain.commands.book import Book, act_on, command


class NotTheirNumber(Refusal):
    """The number or address is somebody else's now."""

    code = "NOT_THEIR_NUMBER"


class ThirdPartyAnswered(Refusal):
    """Somebody else than the borrower answered, and it is no refusal."""

    code = "THIRD_PARTY_ANSWERED"


@command
def take_reply(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    channel: Channel,
    said_at: datetime,
    point_ref: str | None = None,
    answers: str | None = None,
    word: str | None = None,
    said_ref: str | None = None,
    found: Sequence[FoundWord] = (),
) -> Borrower:
    """Note an answer to a message; a keyword that it is counts at once.

    *found* are keywords among its words: one that may refuse counts until it was read.

    Somebody else whose number it is, and who refuses, is left alone from now on: nothing
    is refused for the borrower then.

    Raises:
        NotTheirNumber: it came from a number that is the borrower's no more.
        ThirdPartyAnswered: it came from somebody else's number, and is no refusal.
    """
    borrower = book.get(Borrower, borrower_id)
    keyword = None
    if word is not None:
        keyword = keyword_said(book.policies, borrower, word, act)
    if point_ref is not None and point_ref in borrower.retired_points:
        raise NotTheirNumber(f"{point_ref} is not the borrower's any more: they did not answer.")
    point = None if point_ref is None else borrower.points.get(point_ref)
    if point is not None and is_third_party(borrower, point.id):
        if keyword is None or keyword.meaning != KeywordMeaning.REFUSES:
            raise ThirdPartyAnswered(f"{point.id} is somebody else's: read what they answered.")
        borrower.refuse_contact_point(act, point_ref=point.id, refused_at=said_at)
        return borrower
    borrower.receive(
        act,
        contact_ref=contact_ref,
        channel=channel,
        purpose=purpose_of(borrower, answers, channel, said_at),
        received_at=said_at,
        point_ref=None if point is None else point.id,
        loan_id=_loan_of(borrower, answers),
        keyword=None if keyword is None else keyword.word,
        answers=answers if answers in borrower.contacts else None,
        said_ref=said_ref,
        found=found,
    )
    if keyword is not None:
        borrower.heed_keyword(
            act, keyword=keyword, channel=channel, contact_ref=contact_ref, said_at=said_at
        )
    return borrower


@dataclass(frozen=True)
class Sharer:
    """Another borrower who has the number or address that an answer came from, and as what."""

    borrower_id: UUID
    point_ref: str


class _Reading(TypedDict, total=False):
    """What is said of an answer that was read."""

    outcome: Required[ReplyOutcome]
    read_at: Required[datetime]
    awaits_answer: bool | None
    purpose: Purpose | None
    said_ref: str | None


@command
def read_reply(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    outcome: ReplyOutcome,
    read_at: datetime,
    awaits_answer: bool | None = None,
    purpose: Purpose | None = None,
    said_ref: str | None = None,
    sharers: Callable[[], Sequence[Sharer]] = list,
) -> tuple[Borrower, ...]:
    """Let an answer in words be read, and a refusal that it is count from when it came.

    It counts for its *sharers*, who have the same number: whose it came from, nobody knows.
    """
    borrower = book.get(Borrower, borrower_id)
    _read(
        book,
        act,
        borrower,
        contact_ref=contact_ref,
        outcome=outcome,
        read_at=read_at,
        awaits_answer=awaits_answer,
        purpose=purpose,
        said_ref=said_ref,
    )
    if outcome != ReplyOutcome.REFUSED:
        return (borrower,)
    others = _refused_by_others(
        book, act, borrower, contact_ref=contact_ref, purpose=purpose, shared_with=sharers()
    )
    return (borrower, *others)


@command
def answer_reply(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    answered_at: datetime,
    answered_by: str | None = None,
    outcome: ReplyOutcome | None = None,
    purpose: Purpose | None = None,
    said_ref: str | None = None,
    sharers: Callable[[], Sequence[Sharer]] = list,
) -> tuple[Borrower, ...]:
    """Let an answer in words be answered; with an *outcome* it was read at the same time.

    One that refuses counts for its *sharers* too, as when it is read by itself.
    """
    borrower = book.get(Borrower, borrower_id)
    if outcome is not None:
        _read(
            book,
            act,
            borrower,
            contact_ref=contact_ref,
            outcome=outcome,
            read_at=answered_at,
            purpose=purpose,
        )
    borrower.answer_reply(
        act,
        contact_ref=contact_ref,
        answered_at=answered_at,
        answered_by=answered_by,
        said_ref=said_ref,
    )
    if outcome != ReplyOutcome.REFUSED:
        return (borrower,)
    others = _refused_by_others(
        book, act, borrower, contact_ref=contact_ref, purpose=purpose, shared_with=sharers()
    )
    return (borrower, *others)


def _read(
    book: Book, act: Act, borrower: Borrower, *, contact_ref: str, **said: Unpack[_Reading]
) -> None:
    channel = borrower.reply(contact_ref).channel
    covered = book.policies.refusal_covers(channel, borrower.jurisdiction, act.business_on)
    borrower.read_reply(
        act, contact_ref=contact_ref, refused_on=[Channel(each) for each in covered], **said
    )


def _refused_by_others(
    book: Book,
    act: Act,
    reader: Borrower,
    *,
    contact_ref: str,
    purpose: Purpose | None,
    shared_with: Sequence[Sharer],
) -> list[Borrower]:
    """The others who have the number that a refusal came from, each refusing as *reader* does.

    As a keyword does: whose number it is only to reach somebody else refuses that number.
    """
    reply = reader.reply(contact_ref)
    found = book.get_many(Borrower, [each.borrower_id for each in shared_with])
    others = []
    for each in shared_with:
        other = found.get(each.borrower_id)
        if other is None or other.id == reader.id or each.point_ref in other.retired_points:
            continue
        on_other = act_on(act, other.id)
        if is_third_party(other, each.point_ref):
            other.refuse_contact_point(
                on_other, point_ref=each.point_ref, refused_at=reply.received_at
            )
        else:
            covers = book.policies.refusal_covers
            for channel in covers(reply.channel, other.jurisdiction, act.business_on):
                other.opt_out(
                    on_other,
                    channel=Channel(channel),
                    purpose=purpose,
                    source=BY_REPLY,
                    opted_out_at=reply.received_at,
                    contact_ref=contact_ref,
                )
        if other not in others:
            others.append(other)
    return others


def is_third_party(borrower: Borrower, point_ref: str) -> bool:
    """Whether a number or address is known to be somebody else's than the borrower's."""
    point = borrower.points.get(point_ref)
    return point is not None and point.party != Party.BORROWER


def keyword_said(policies: Policies, borrower: Borrower, text: str, act: Act) -> Keyword | None:
    """The keyword that a borrower's answer is, by the rules of the day; None without one."""
    return policies.keyword_in(text, borrower.jurisdiction, act.business_on)


def words_found(
    policies: Policies, borrower: Borrower, channel: Channel, text: str, act: Act
) -> tuple[FoundWord, ...]:
    """The keywords among the words of a borrower's answer, by the rules of the day."""
    return policies.words_among(text, str(channel), borrower.jurisdiction, act.business_on)


def purpose_of(
    borrower: Borrower, answers: str | None, channel: Channel, said_at: datetime
) -> Purpose:
    """What an answer is about: that of the contact it names, or of the last one by the channel.

    Collection where there was none: it pauses most.
    """
    named = borrower.contacts.get(answers or "")
    if named is not None:
        return named.purpose
    sent = [
        past
        for past in borrower.contacts.values()
        if past.channel == channel and past.outcome != Outcome.INBOUND and past.at <= said_at
    ]
    return max(sent, key=lambda past: past.at).purpose if sent else Purpose.COLLECTION


def _loan_of(borrower: Borrower, answers: str | None) -> UUID | None:
    named = borrower.contacts.get(answers or "")
    return None if named is None or named.debt is None else UUID(named.debt)
