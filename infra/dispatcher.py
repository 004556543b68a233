"""The dispatcher: takes what is due, asks the gate, sends, and records what came of it.

It may be killed anywhere. Before a message goes the gate's answer is an event and the
provider stands in the journal of sendings; a contact whose sender died is found again by
its reference, and sent again only where that cannot send it twice, and while it still may
be made.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from domain.base.contact_policy import Channel, Outcome
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import CALLS, Party
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer
from domain.borrower.restriction import OWED
from domain.borrower.wording import TOKEN, PersonalMissing, Wording, render_again
from domain.commands import days, dispatch, planning
from domain.commands.book import Book
from domain.commands.dispatch import ACTOR, OVER, Decided, Planned, Turn
from domain.commands.sayings import saying
from domain.commands.texts import Wordings
from infra import clock, contact_queue
from infra.bootstrap import as_role
from infra.channels import journal
from infra.channels import message as channel
from infra.channels.message import REF, Message
from infra.channels.probing import RECOVER_AFTER, probing
from infra.channels.routes import Routes, open_routes
from infra.contact_queue import Line, State, Taken
from infra.inbound import Inbound
from infra.settings import Settings
from infra.store import WRITER
from infra.vault import Given, ProcessingRestricted, Vault, open_vault
from infra.vault_values import Kind, Purpose

Connection = psycopg.Connection[Any]

BATCH = 500
IDLE_SECONDS = 1.0
"""So long whoever goes on sending rests when nothing is due."""
FIRST_CHUNK = 128
SMALLEST_CHUNK = 32
"""As many as a provider is called with beside each other."""
CHUNK_SECONDS = 2
"""About so long it takes to judge and send what is judged at one instant."""
TURN_SECONDS = 20
"""After so long no further chunk begins: what is left has its turn with what came due since."""
HANDED_WITHIN = timedelta(seconds=5)
"""A message that is not begun with so soon after it was looked at again is put back."""
LEASE = timedelta(minutes=2)
"""So long a process has what it took for itself; one that died gives it back after.

Longer than a channel may take with a chunk: the last message begins after ``HANDED_WITHIN``,
and no call and its repetitions take longer than their budget.
"""
AGAIN_AFTER = timedelta(seconds=30)
"""When a message is tried again that no provider took, at first; later after longer."""
TRIES = 6


@dataclass
class Step:
    """What one turn of the dispatcher came to, counted by what became of each contact."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many contacts had their turn."""
        return sum(self.counts.values())


class Dispatcher:
    """Sends what is due; several may run beside each other."""

    def __init__(
        self,
        book: Book,
        conn: Connection,
        vault: Vault,
        routes: Routes,
        zone: str,
        *,
        turn_seconds: int = TURN_SECONDS,
    ) -> None:
        self._book = book
        self._conn = conn
        self._vault = vault
        self._routes = routes
        self._zone = zone
        self._turn_seconds = turn_seconds
        self._wordings = Wordings(book)
        self._chunk = FIRST_CHUNK

    def step(
        self,
        at: datetime | None = None,
        limit: int = BATCH,
        before_each: Callable[[], object] = lambda: None,
    ) -> Step:
        """Give contacts their turn, at an instant or now; what there is no time for stays due.

        They are judged in chunks, each at its own instant, and as large as is sent in a moment.
        *before_each* chunk but the first, somebody else has their turn.
        """
        done, began = Step(), time.monotonic()
        lines = contact_queue.take(self._conn, at or clock.now(), limit, LEASE)
        while lines:
            chunk, lines = lines[: self._chunk], lines[self._chunk :]
            self._work(chunk, at, done)
            if lines and time.monotonic() - began >= self._turn_seconds:
                contact_queue.let_go(self._conn, lines)
                break
            if lines:
                before_each()
                lines = contact_queue.renew(self._conn, lines, LEASE)
        return done

    def _work(self, chunk: Sequence[Taken], at: datetime | None, done: Step) -> None:
        """Give a chunk its turn, and let the next be as large as would take a moment."""
        began = time.monotonic()
        with self._book.one_look():
            handed = self._turn(chunk, at, done)
        took = max(time.monotonic() - began, 0.001)
        size = max(int(handed / took * CHUNK_SECONDS), SMALLEST_CHUNK)
        self._chunk = min(size, 2 * self._chunk, BATCH)

    def _turn(self, lines: Sequence[Taken], at: datetime | None, done: Step) -> int:
        """Judge, send, tell; how many were not left for lack of time."""
        on = days.business_date(self._book) or clock.business_date(self._zone)
        act = self._act(on)
        turn = self._turn_at(at or clock.now(), act)
        held = {line.contact_ref: line for line in lines}
        first = dispatch.decide_all(self._book, [line.planned for line in lines], turn)
        decided = {each.planned.contact_ref: each for each in first}
        results = self._sent(held, decided, act, at)
        stopped = [each for each in decided.values() if _is_stopped(each)]
        results.update(self._stopped(stopped, at))
        told = {
            (decided[ref].planned.borrower_id, ref): result
            for ref, result in results.items()
            if isinstance(result, Result)
        }
        known = [each.borrower for each in decided.values() if each.borrower is not None]
        stand = dispatch.tell_all(self._book, told, act=lambda _: act, known=known)
        self._try_other_ways(list(decided.values()), held, results, stand, turn.at)
        self._note(list(decided.values()), held, results, at or clock.now(), done)
        left = [each for each in results.values() if each.reason == channel.NOT_BEGUN]
        return len(lines) - len(left)

    def _turn_at(self, at: datetime, act: Act) -> Turn:
        return Turn(
            at,
            lambda _: act,
            lambda planned, loans: saying(planned, loans, act.business_on),
            self._wordings,
            self._routes.asked(at.astimezone(ZoneInfo(self._zone)).date()),
        )

    def _try_other_ways(
        self,
        decided: Sequence[Decided],
        lines: Mapping[str, Line],
        results: Mapping[str, Result | channel.Result],
        stand: Sequence[Borrower],
        at: datetime,
    ) -> None:
        """Queue contacts that failed once more, while another way to the borrower is left.

        Also those that an earlier sender told of, and did not live to queue, and those of
        which a provider told, before we did, that they did not arrive.
        """
        lost = {ref for borrower in stand for ref in borrower.undelivered}
        failed: defaultdict[date, list[Planned]] = defaultdict(list)
        for each in decided:
            ref = each.planned.contact_ref
            result = results.get(ref)
            if each.reasons == (OVER,) or (
                isinstance(result, Result) and (result.outcome == Outcome.FAILED or ref in lost)
            ):
                failed[lines[ref].planned_on].append(each.planned)
        for on, planned in failed.items():
            again = dispatch.other_ways(self._book, planned, at)
            contact_queue.put(self._conn, [planning.Turn(each, at) for each in again], on)

    def _act(self, on: date) -> Act:
        command_id = uuid4()
        return Act(ACTOR, on, clock.now(), command_id, command_id)

    def recover(self) -> list[str]:
        """Try the routes that failed a while ago, without sending; those that are well again."""
        return self._routes.recover(RECOVER_AFTER)

    # --- sending ------------------------------------------------------------------------

    def _sent(
        self, held: dict[str, Taken], decided: dict[str, Decided], act: Act, at: datetime | None
    ) -> dict[str, Result | channel.Result]:
        """What came of each message; a channel's own result where it may be tried again.

        What is not ours any more, since a channel took too long, is left to whoever has it.
        """
        allowed = [each for each in decided.values() if each.answer == Answer.ALLOW]
        found: dict[str, Result | channel.Result] = {}
        by_channel: defaultdict[Channel, list[Message]] = defaultdict(list)
        for each, made in self._messages(allowed, at or clock.now(), act):
            ref = each.planned.contact_ref
            if isinstance(made, str):
                found[ref] = Result(Outcome.FAILED, _made_at(each, None, at), reason=made)
            else:
                by_channel[made.channel].append(made)
        for number, messages in enumerate(by_channel.values()):
            if number:
                self._keep_held(held, decided, found)
            ours = [each for each in messages if each.contact_ref in held]
            found.update(self._handed_over(ours, decided, act, at))
        return found

    def _keep_held(
        self, held: dict[str, Taken], decided: dict[str, Decided], found: Mapping[str, object]
    ) -> None:
        """Let the lease of what is still to be told of begin anew; what ran out is let go."""
        open_ = [line for ref, line in held.items() if ref not in found]
        kept = {each.contact_ref: each for each in contact_queue.renew(self._conn, open_, LEASE)}
        for line in open_:
            if line.contact_ref not in kept:
                del held[line.contact_ref], decided[line.contact_ref]
        held.update(kept)

    def _handed_over(
        self,
        messages: Sequence[Message],
        decided: dict[str, Decided],
        act: Act,
        at: datetime | None,
    ) -> dict[str, Result | channel.Result]:
        """What came of messages by one channel, but for those that may not go any more.

        Who refused since they were judged, or paid, is judged again in this moment; and none is
        begun with that had to wait for others.
        """
        refs = [each.contact_ref for each in messages]
        moved = dispatch.moved_on(self._book, [decided[ref] for ref in refs])
        if moved:
            turn = self._turn_at(at or clock.now(), act)
            with self._book.one_look():
                again = dispatch.decide_all(self._book, [each.planned for each in moved], turn)
            decided.update({each.planned.contact_ref: each for each in again})
        by = clock.now() + HANDED_WITHIN
        going = [
            each
            if at is not None  # the clock stands still
            else replace(each, begin_by=by, not_after=decided[each.contact_ref].lapses_at)
            for each in messages
            if decided[each.contact_ref].answer == Answer.ALLOW
        ]
        return {
            each.contact_ref: _came_of(
                each, message.channel, _made_at(decided[each.contact_ref], each.handed_at, at)
            )
            for each, message in zip(self._routes.send(going), going, strict=True)
        }

    def _messages(
        self, allowed: Sequence[Decided], at: datetime, act: Act
    ) -> Iterator[tuple[Decided, Message | str]]:
        """Each contact as a message to its recipient, or why there can be none."""
        worded = {each.planned.contact_ref: self._worded(each) for each in allowed}
        names = self._names(allowed, worded)
        refs = [str(each.point_ref) for each in allowed]
        plain = self._vault.read_many([*refs, *names.values()], Purpose.SENDING, act)
        owed = self._given_as_owed(allowed, names, plain, act)
        for each in allowed:
            given = owed if each.planned.purpose in OWED else plain
            address = given.values.get(str(each.point_ref))
            wording = worded[each.planned.contact_ref]
            if not REF.fullmatch(each.planned.contact_ref):
                yield each, "REF_NOT_USABLE"
                continue
            if address is None:
                refusal = given.refused.get(str(each.point_ref))
                yield each, "NO_ADDRESS" if refusal is None else refusal.code
                continue
            name = given.values.get(names.get(each.planned.borrower_id, ""), "")
            try:
                text = (
                    None if wording is None else wording.filled({"name": name, "address": address})
                )
            except PersonalMissing:
                yield each, PersonalMissing.code
                continue
            if each.channel == Channel.LETTER and not name:
                yield each, PersonalMissing.code
                continue
            assert each.channel is not None
            yield (
                each,
                Message(
                    contact_ref=each.planned.contact_ref,
                    channel=each.channel,
                    jurisdiction=each.jurisdiction,
                    recipient=_recipient(each, name, address),
                    text="" if text is None else text.text,
                    subject="" if text is None else text.subject,
                    sender="" if text is None else text.template.sender,
                    on=at.astimezone(ZoneInfo(self._zone)).date(),
                ),
            )

    def _given_as_owed(
        self, allowed: Sequence[Decided], names: Mapping[UUID, str], plain: Given, act: Act
    ) -> Given:
        """What notices and receipts may use: of restricted people too, by legal obligation."""
        restricted = {
            ref
            for each in allowed
            if each.planned.purpose in OWED
            for ref in (str(each.point_ref), names.get(each.planned.borrower_id))
            if ref is not None and isinstance(plain.refused.get(ref), ProcessingRestricted)
        }
        if not restricted:
            return plain
        again = self._vault.read_many(restricted, Purpose.LEGAL_OBLIGATION, act)
        refused = {ref: why for ref, why in plain.refused.items() if ref not in again.values}
        return Given({**plain.values, **again.values}, {**refused, **again.refused})

    def _worded(self, each: Decided) -> Wording | None:
        if each.text is None:
            return None
        template = self._book.rules.text_version(each.text.template, each.text.version)
        assert template is not None, "it was judged a moment ago"
        return render_again(template, each.text.figures)

    def _names(
        self, allowed: Sequence[Decided], worded: Mapping[str, Wording | None]
    ) -> dict[UUID, str]:
        """The references of the names that texts and letters need, by borrower."""
        needed = {
            each.planned.borrower_id
            for each in allowed
            if each.channel == Channel.LETTER or _names_someone(worded[each.planned.contact_ref])
        }
        return self._vault.refs_of(needed, Kind.NAME) if needed else {}

    def _stopped(
        self, stopped: Sequence[Decided], at: datetime | None
    ) -> dict[str, Result | channel.Result]:
        """Contacts whose sender died, and which may not be made any more.

        What the journal has of one came of it; where it has it as begun and no more, nobody
        knows whether it was sent; else it was not.
        """
        begun = journal.sendings(self._conn, [each.planned.contact_ref for each in stopped])
        found: dict[str, Result | channel.Result] = {}
        for each in stopped:
            ref = each.planned.contact_ref
            sending = begun.get(ref)
            assert each.channel is not None
            assert each.at is not None
            if sending is not None and sending.settled is not None:
                settled = sending.settled
                found[ref] = _came_of(settled, each.channel, _made_at(each, settled.handed_at, at))
            elif sending is not None and sending.may_have_been_taken:
                found[ref] = Result(Outcome.SENT, each.at, certain=False, provider=sending.provider)
            else:
                late = each.answer == Answer.DEFER or each.reasons == ("TOO_LATE",)
                reason = "NOT_SENT_IN_TIME" if late else each.reasons[0]
                found[ref] = Result(Outcome.FAILED, at or clock.now(), reason=reason)
        return found

    # --- the queue ------------------------------------------------------------------------

    def _note(
        self,
        decided: Sequence[Decided],
        lines: Mapping[str, Line],
        results: Mapping[str, Result | channel.Result],
        at: datetime,
        done: Step,
    ) -> None:
        ended: list[tuple[str, State, str | None, Sequence[str]]] = []
        later: list[tuple[str, datetime, Sequence[str]]] = []
        for each in decided:
            ref = each.planned.contact_ref
            by = None if each.channel is None else str(each.channel)
            result = results.get(ref)
            if isinstance(result, channel.Result) and result.answer == channel.Answer.BY_HAND:
                ended.append((ref, State.DONE, by, [result.answer]))
                done.counts["by hand"] += 1
            elif isinstance(result, channel.Result):
                after = _again_after(result, lines[ref].attempts)
                later.append((ref, at + after, [result.reason or "UNAVAILABLE"]))
                done.counts["to try again"] += 1
            elif result is not None:
                ended.append((ref, State.DONE, by, _reasons(result)))
                done.counts[_word(result)] += 1
            elif each.waits and each.until is not None:
                later.append((ref, each.until, each.reasons))
                done.counts["no route yet" if each.awaits_route else "deferred"] += 1
            elif each.reasons == (OVER,):
                ended.append((ref, State.DONE, by, []))
                done.counts["over"] += 1
            else:
                ended.append((ref, State.DROPPED, by, each.why_dropped))
                done.counts["blocked" if each.answer == Answer.BLOCK else "dropped"] += 1
        contact_queue.put_off(self._conn, later)
        contact_queue.end(self._conn, ended)


def _came_of(result: channel.Result, by: Channel, at: datetime) -> Result | channel.Result:
    """What a channel's result says of the contact; itself, while that is still open.

    That a call was taken says nothing of what came of it: somebody tells that afterwards.
    """
    if result.answer in (channel.Answer.UNAVAILABLE, channel.Answer.BY_HAND):
        return result
    if by in CALLS and result.answer != channel.Answer.REFUSED:
        return replace(result, answer=channel.Answer.BY_HAND)
    outcome = Outcome.FAILED if result.answer == channel.Answer.REFUSED else Outcome.SENT
    return Result(
        outcome,
        at,
        certain=result.answer != channel.Answer.UNCERTAIN,
        provider=result.provider,
        provider_ref=result.provider_id,
        reason=result.reason,
    )


def _recipient(each: Decided, name: str, address: str) -> str:
    """Where a message goes; a letter by the borrower's name, care of who acts for them."""
    if each.channel != Channel.LETTER:
        return address
    return f"{name}\n{address}" if each.party == Party.BORROWER else f"{name}\nc/o {address}"


def _names_someone(wording: Wording | None) -> bool:
    return wording is not None and "name" in TOKEN.findall(f"{wording.subject} {wording.text}")


def _is_stopped(decided: Decided) -> bool:
    """Whether it was allowed before, and may not be made any more."""
    return decided.repeated and decided.answer != Answer.ALLOW


def _made_at(decided: Decided, handed_at: datetime | None, at: datetime | None) -> datetime:
    """When a contact was made: as it was handed over, while it was allowed; *at* if it is told.

    Where nobody knows when that was, the moment at which it was judged.
    """
    judged_at = decided.at or decided.allowed_at
    assert judged_at is not None, "it was allowed"
    if at is not None or handed_at is None:
        return judged_at
    # Of what was handed over by another process the clock may differ from ours.
    made_at = max(handed_at, decided.allowed_at or judged_at)
    late = decided.lapses_at is not None and made_at >= decided.lapses_at
    return judged_at if late else made_at


def _again_after(result: channel.Result, attempts: int) -> timedelta:
    """When a message has its turn again that was not taken; at once, if nobody tried."""
    if result.reason == channel.NOT_BEGUN:
        return timedelta()
    return _pause(attempts, result.try_after_seconds)


def _pause(attempts: int, asked_for: int | None) -> timedelta:
    doubled: int = 2 ** min(attempts, TRIES)
    return max(AGAIN_AFTER * doubled, timedelta(seconds=asked_for or 0))


def _reasons(result: Result) -> list[str]:
    return [] if result.reason is None else [result.reason]


def _word(result: Result) -> str:
    if result.outcome == Outcome.FAILED:
        return "failed"
    return "sent" if result.certain else "uncertain"


def send_due(
    dispatcher: Dispatcher,
    inbound: Inbound,
    at: datetime | None = None,
    batch: int = BATCH,
    each: Callable[[Counter[str]], None] = lambda _: None,
) -> tuple[Counter[str], Counter[str]]:
    """Give everything its turn that is due; counts of what was sent, and of what was heard.

    What borrowers answered is recorded before each chunk: a refusal counts for what is sent
    after it. *each* is told the counts after every turn.
    """
    sent, heard = Counter[str](), Counter[str]()

    def hear() -> None:
        heard.update(inbound.hear(at))

    hear()
    while (step := dispatcher.step(at, batch, before_each=hear)).total:
        sent.update(step.counts)
        each(sent)
        hear()
    return sent, heard


@contextmanager
def open_dispatcher(settings: Settings, database_url: str, book: Book) -> Iterator[Dispatcher]:
    """A dispatcher on a running system; what it holds open is closed afterwards."""
    with (
        psycopg.connect(as_role(database_url, WRITER), autocommit=True) as conn,
        open_vault(database_url, settings, lambda: book.policies) as vault,
        open_routes(settings, database_url, register=lambda: book.rules.register) as routes,
    ):
        yield Dispatcher(
            book, conn, vault, routes, settings.zone, turn_seconds=settings.dispatch_seconds
        )


def probing_beside(
    settings: Settings, database_url: str, book: Book
) -> AbstractContextManager[None]:
    """Routes are tried beside a dispatcher for as long as it sends."""
    return probing(
        lambda: open_routes(settings, database_url, register=lambda: book.rules.register),
        timedelta(minutes=settings.probe_minutes),
    )
