"""Hands on what providers brought: receipts and answers, recorded on the borrowers.

It may be killed anywhere. What is recorded is under an id made of the provider's own, so
that what is handed on again changes nothing; what is kept for a person before that, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

from domain.base.contact_policy import Channel, Outcome, PointKind
from domain.base.contact_policy import Purpose as ContactPurpose
from domain.base.provider import Provider, Register
from domain.base.refusal import ContentionRefused, Refusal
from domain.base.reply_keyword import FoundWord, Keyword, KeywordMeaning
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contacts import REACHED_BY
from domain.commands import contacts, days, dispatch, replies
from domain.commands.book import Book
from domain.commands.dispatch import Planned
from domain.commands.planning import Turn
from infra import clock, contact_queue
from infra.bootstrap import as_role
from infra.channels import journal
from infra.channels.inbox import Inbox, Item, Kind
from infra.channels.receiver import Delivery, unusable
from infra.channels.vault_seal import seal_of
from infra.channels.webhook import CODE
from infra.settings import Settings
from infra.store import WRITER
from infra.vault import Owner, Vault, open_vault
from infra.vault_values import Kind as Value
from infra.vault_values import Purpose, ValueUnusable

Connection = psycopg.Connection[Any]

ACTOR = "inbox"
BATCH = 100
BROUGHT = uuid5(NAMESPACE_URL, "loans:brought-by-a-provider")
"""The namespace of ids that follow from a provider's."""

CONFIRMED_WITHIN = timedelta(hours=24)
"""After so long nobody wants to read any more that a refusal was heard."""

ABROAD = ("+", "＋", "00")
"""How a number begins that has its country code."""

FOUND_BY = {PointKind.PHONE: Value.PHONE, PointKind.EMAIL: Value.EMAIL}
"""What a sender is looked up by in the vault, by what a channel reaches."""


class Unusable(Exception):
    """Nothing can be made of what was brought; *why* is a word for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Sender:
    """Who may have answered, from which contact point, by which keyword if it is one."""

    borrower: Borrower
    point_ref: str | None
    keyword: Keyword | None

    @property
    def refuses(self) -> bool:
        """Whether they want no more of it."""
        return self.keyword is not None and self.keyword.meaning == KeywordMeaning.REFUSES


@dataclass(frozen=True)
class Answered:
    """An answer as it is recorded: by which channel, from where, when, to which contact."""

    item: Item
    channel: Channel
    sender: str = field(repr=False)
    said_at: datetime
    answers: str | None


class Inbound:
    """Records what waits in the inbox; several may run beside each other."""

    def __init__(
        self,
        book: Book,
        conn: Connection,
        vault: Vault,
        inbox: Inbox,
        *,
        register: Callable[[], Register],
        zone: str,
    ) -> None:
        """*conn* is that of the *inbox*."""
        self._book = book
        self._conn = conn
        self._vault = vault
        self._inbox = inbox
        self._register = register
        self._zone = zone

    def hear(self, at: datetime | None = None) -> Counter[str]:
        """Record every answer that waits and a batch of receipts; how many became what.

        For those who send: what was refused must be known before the next message goes.
        """
        counts: Counter[str] = Counter()
        while became := self.step(at, only=Kind.REPLY):
            counts.update(became)
        return counts + self.step(at, only=Kind.RECEIPT)

    def step(
        self, at: datetime | None = None, limit: int = BATCH, only: Kind | None = None
    ) -> Counter[str]:
        """Record the oldest that wait; how many became what. Those left for later are not told.

        What a provider says of the time counts up to *at*, or until it was brought.
        """
        counts: Counter[str] = Counter()
        on = days.business_date(self._book) or clock.business_date(self._zone)
        with self._conn.transaction():
            for item in self._inbox.take(limit, only):
                try:
                    with self._book.one_look():
                        became = self._record(item, on, at or item.received_at)
                except ContentionRefused:
                    continue
                except Unusable as found:
                    self._inbox.park(item.id, found.why)
                    became = "parked"
                except Refusal as refusal:
                    self._inbox.park(item.id, refusal.code)
                    became = "parked"
                else:
                    self._inbox.done(item.id)
                counts[became] += 1
        return counts

    def _record(self, item: Item, on: date, at: datetime) -> str:
        # One that was parked when it came may have been handed on again.
        why = unusable(self._conn, item.provider, item.kind, item.said, item.contact_ref)
        if why is not None:
            raise Unusable(why)
        said_at = _said_at(item, at)
        if item.kind == Kind.RECEIPT:
            self._receipt(item, said_at, self._act(item, on))
            return "receipts"
        return self._reply(item, said_at, on)

    def _act(self, item: Item, on: date, borrower_id: UUID | None = None) -> Act:
        whole = uuid5(BROUGHT, f"{item.provider} {item.webhook_id}")
        command_id = whole if borrower_id is None else uuid5(whole, str(borrower_id))
        return Act(ACTOR, on, clock.now(), command_id, whole)

    def _is_done(self, act: Act) -> bool:
        return self._book.streams.find_command(act.command_id) is not None

    # --- receipts -----------------------------------------------------------------------

    def _receipt(self, item: Item, said_at: datetime, act: Act) -> None:
        borrower_id = self._borrower_of(item)
        if borrower_id is None:
            raise Unusable("UNKNOWN_CONTACT")
        status = Delivery(item.said["status"])
        delivered = status == Delivery.DELIVERED
        if not self._is_done(act):
            contacts.report_delivery(
                self._book,
                act,
                borrower_id=borrower_id,
                contact_ref=str(item.contact_ref),
                delivered=delivered,
                provider=item.provider,
                reported_at=said_at,
                carrier=_word(item.said.get("carrier")),
                reason=None if delivered else _word(item.said.get("code")) or str(status),
            )
        if not delivered:
            self._try_another_way(str(item.contact_ref), said_at)

    def _try_another_way(self, contact_ref: str, at: datetime) -> None:
        """A message that did not arrive is queued by the next way, while it is still of use.

        The gate is asked about it as about any other. One that nobody has told of yet is queued
        by the dispatcher, once that tells of it.
        """
        for line in contact_queue.lines(self._conn, contact_ref=contact_ref):
            if at < line.expires_at:
                again = dispatch.other_ways(self._book, [line.planned], at)
                contact_queue.put(self._conn, [Turn(each, at) for each in again], line.planned_on)

    def _borrower_of(self, item: Item) -> UUID | None:
        """Whose contact it is about; None where that names none that this provider carried."""
        if item.contact_ref is None:
            return None
        sent = journal.sendings(self._conn, [item.contact_ref]).get(item.contact_ref)
        if sent is None or sent.provider != item.provider:
            return None
        return contact_queue.borrower_of(self._conn, item.contact_ref)

    # --- answers ------------------------------------------------------------------------

    def _reply(self, item: Item, said_at: datetime, on: date) -> str:
        provider = self._provider(item.provider, on)
        channel = provider.channel
        answered = self._borrower_of(item)
        sender = _international(item.said["from"], provider)
        answer = Answered(item, channel, sender, said_at, item.contact_ref if answered else None)
        senders = self._senders(answer, answered, self._act(item, on))
        refusing = [each for each in senders if each.refuses]
        if refusing:
            for each in refusing:
                self._take(answer, each, on)
            self._confirm(answer, refusing, on)
            return "refusals"
        (only,) = _only(senders, answered, channel)
        self._take(answer, only, on)
        return "answers" if only.keyword is None else "taken back"

    def _provider(self, name: str, on: date) -> Provider:
        for each in self._register().on(on):
            if each.name == name:
                return each
        raise Unusable("UNKNOWN_PROVIDER")

    def _senders(self, answer: Answered, answered: UUID | None, act: Act) -> list[Sender]:
        """Who may have answered: whose contact it names, first, and whoever has the number."""
        owners = self._owners(answer, act, sure=answered is not None)
        points = {owner.person_id: owner.ref for owner in owners}
        wanted = list(dict.fromkeys([*([answered] if answered else []), *points]))
        borrowers = self._book.get_many(Borrower, wanted)
        if not borrowers:
            raise Unusable("UNKNOWN_SENDER")
        found = []
        for each in wanted:
            borrower = borrowers.get(each)
            if borrower is None:
                continue
            point_ref = points.get(each)
            if point_ref is None and answer.answers in borrower.contacts:
                point_ref = borrower.contacts[answer.answers].contact_point
            if point_ref not in borrower.retired_points:
                text = answer.item.said["text"]
                keyword = replies.keyword_said(self._book.policies, borrower, text, act)
                found.append(Sender(borrower, point_ref, keyword))
        if not found:
            raise Unusable(replies.NotTheirNumber.code)
        return found

    def _owners(self, answer: Answered, act: Act, *, sure: bool) -> Sequence[Owner]:
        """Whoever has the sender's number; *sure*: it may be unusable, another is known.

        A restriction protects people from uses of their data, and not from being heard.
        """
        kind = FOUND_BY.get(REACHED_BY[answer.channel])
        if kind is None:
            return ()
        try:
            return self._vault.find(kind, answer.sender, Purpose.LEGAL_OBLIGATION, act)
        except ValueUnusable:
            if not sure:
                raise
            return ()

    def _take(self, answer: Answered, sender: Sender, on: date) -> None:
        """An answer is recorded on a borrower; what it says is in the vault, but for keywords."""
        act = self._act(answer.item, on, sender.borrower.id)
        if self._is_done(act):
            return
        text, said_ref = answer.item.said["text"], None
        found: Sequence[FoundWord] = ()
        if sender.keyword is None:
            found = replies.words_found(
                self._book.policies, sender.borrower, answer.channel, text, act
            )
            if sender.point_ref is not None and replies.is_third_party(
                sender.borrower, sender.point_ref
            ):
                raise Unusable(replies.ThirdPartyAnswered.code)
            said_ref = self._vault.put(
                sender.borrower.id, Value.NOTE, text, act, uuid5(act.command_id, "said")
            )
        replies.take_reply(
            self._book,
            act,
            borrower_id=sender.borrower.id,
            contact_ref=_ref(act),
            channel=answer.channel,
            said_at=answer.said_at,
            point_ref=sender.point_ref,
            answers=answer.answers,
            word=None if sender.keyword is None else sender.keyword.word,
            said_ref=said_ref,
            found=found,
        )

    def _confirm(self, answer: Answered, refusing: Sequence[Sender], on: date) -> None:
        """One message is queued that says so, where anything was refused that was not before."""
        for each in refusing:
            assert each.keyword is not None
            said_in = _ref(self._act(answer.item, on, each.borrower.id))
            is_new = any(
                isinstance(event, Borrower.OptedOut) and event.contact_ref == said_in
                for event in self._book.events.get(each.borrower.id)
            )
            if each.keyword.confirmed_by is not None and is_new:
                confirmation = Planned(
                    contact_ref=f"O-{self._act(answer.item, on).command_id}",
                    borrower_id=each.borrower.id,
                    purpose=ContactPurpose.RECEIPT,
                    channels=(answer.channel,),
                    template=each.keyword.confirmed_by,
                    occasion="refusal confirmed",
                    about=(),
                    figures=(),
                    product_line=None,
                    trial=None,
                    expires_at=answer.said_at + CONFIRMED_WITHIN,
                )
                contact_queue.put(self._conn, [Turn(confirmation, answer.said_at)], on)
                return


def others_who_share(
    vault: Vault, act: Act, borrower: Borrower, contact_ref: str
) -> list[replies.Sharer]:
    """The other people who have the number or address that a borrower's answer came from."""
    past = borrower.contacts.get(contact_ref)
    if past is None or past.contact_point is None:
        return []
    found = vault.others_with(past.contact_point, Purpose.LEGAL_OBLIGATION, act)
    return [replies.Sharer(each.person_id, each.ref) for each in found]


def _only(senders: Sequence[Sender], answered: UUID | None, channel: Channel) -> Sequence[Sender]:
    """The one who answered: whose contact it names, or whom we wrote to last of those.

    Raises:
        Unusable: several share the number, and we wrote to none of them.
    """
    if answered is not None or len(senders) == 1:
        return senders[:1]
    written = {
        past.at: sender
        for sender in senders
        for past in sender.borrower.contacts.values()
        if past.channel == channel
        and past.contact_point == sender.point_ref
        and past.outcome != Outcome.INBOUND
    }
    if not written:
        raise Unusable("SEVERAL_PEOPLE")
    return [written[max(written)]]


def _international(sender: str, provider: Provider) -> str:
    """A sender as the vault looks it up: where it has no country code, with the provider's."""
    code, plain = provider.calling_code, sender.strip()
    national = REACHED_BY[provider.channel] == PointKind.PHONE and not plain.startswith(ABROAD)
    return f"{code}{plain.removeprefix('0')}" if code and national else plain


def _said_at(item: Item, latest: datetime) -> datetime:
    """When it was said, by the provider where that can be; else when it was brought."""
    brought = item.received_at.astimezone(UTC)
    try:
        told = datetime.fromisoformat(str(item.said.get("at")))
        said_at = told.astimezone(UTC)
    except (ValueError, OverflowError):
        return brought
    if told.tzinfo is None or said_at > max(brought, latest):
        return brought
    return said_at


def _ref(act: Act) -> str:
    return f"I-{act.command_id}"


def _word(said: object) -> str | None:
    """A word without digits, which cannot be personal; None when it is none."""
    return said if isinstance(said, str) and CODE.fullmatch(said) else None


@contextmanager
def open_inbound(settings: Settings, database_url: str, book: Book) -> Iterator[Inbound]:
    """What hands on, on a running system; what it holds open is closed afterwards."""
    with (
        psycopg.connect(as_role(database_url, WRITER), autocommit=True) as conn,
        open_vault(database_url, settings, lambda: book.policies) as vault,
    ):
        inbox = Inbox(conn, seal_of(settings))
        yield Inbound(
            book, conn, vault, inbox, register=lambda: book.rules.register, zone=settings.zone
        )
