"""Contacts that were planned, decided on in batches at the moment they are sent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from eventsourcing.persistence import IntegrityError

from domain.base.contact_policy import Channel, Outcome, PointSource, Purpose, Reason
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import ContactPoint, Intent, Party, Route, RouteState, Template
from domain.borrower.contact_state import Figure, OpenContact
from domain.borrower.contacts import REACHED_BY, Because, Followed, Result, Text, Trial
from domain.borrower.gate import AGAINST_ROUTE, Answer, Decision, decide
from domain.borrower.legal import AtLaw
from domain.borrower.notices import head_of
from domain.borrower.permissions import holds_in_force
from domain.borrower.refusals import ContactOutOfOrder
from domain.commands.book import Book, Command, digest_of
from domain.loan.loan import Loan

ACTOR = "dispatcher"

WayOut = tuple[Channel, str]
"""A channel, and the contact point that is reached by it."""

NUMBERED = re.compile(r"\.\d+$")
"""What a reference ends with where other ways were tried before."""

OVER = "OVER"
"""Why nothing is decided of a contact: it was made, and told of."""

TOO_LATE = "TOO_LATE"

FOR_SOMEBODY_ELSE = "FOR_SOMEBODY_ELSE"
"""Why a contact is not made any more that was allowed: who acts for the borrower changed."""

TO_REPRESENTATIVE = "-to-representative"
"""What the name of a text, or of its family, ends with that is for who acts for a borrower."""

ACTING = (Party.EXECUTOR, Party.GUARDIAN, Party.ATTORNEY)
"""Who acts for a borrower; where several do, the first."""

ROUTE_AGAIN_AFTER = timedelta(minutes=5)
"""When a contact is asked about again that finds no way out: a route may come back."""

FOLLOWED = frozenset(
    {Purpose.SERVICE_REMINDER, Purpose.COLLECTION, Purpose.STATUTORY, Purpose.RECEIPT}
)
"""What is sent by another way when it did not arrive. Advertising, care and education are not
pursued: who was not reached is left in peace."""

FIRST_FOLLOWING = 2
"""The number after the reference of the first contact that follows another."""

ASKS_FOR_MONEY = frozenset({Purpose.SERVICE_REMINDER, Purpose.COLLECTION})
"""What the house does not send about a loan that is not for it to ask for."""

NOTHING_LEFT = "NOTHING_LEFT"
"""Why nothing is said of a loan: nothing is owed on it, or not to us."""

PROMISE_OPEN = "PROMISE_OPEN"
WITH_AGENCY = "WITH_AGENCY"
WORST = (PROMISE_OPEN, WITH_AGENCY, AtLaw.code)
"""Why the house asks for nothing about a loan; of several the last is told."""

ROUTE_ENDED = frozenset({RouteState.LICENCE_EXPIRED, RouteState.UNLICENSED})
ON_THE_WAY_OUT = frozenset(map(str, AGAINST_ROUTE.values()))
"""The reasons that speak of the way out alone."""

NOTHING_TO_SAY = Template("", "", price_named=False)
"""Stands for the text that is not there: no rule of texts lets it pass."""


@dataclass(frozen=True)
class Subject:
    """What a contact is about: a loan, and an instalment of it where one is meant."""

    loan_id: UUID
    instalment: int | None = None


@dataclass(frozen=True)
class Planned:
    """A contact that is to be made; *channels* in the order they are tried.

    *template* is the family of the text, whose version is chosen when it is sent.
    """

    contact_ref: str
    borrower_id: UUID
    purpose: Purpose
    channels: tuple[Channel, ...]
    template: str | None
    occasion: str
    about: tuple[Subject, ...]
    figures: tuple[Figure, ...]
    product_line: str | None
    trial: Trial | None
    expires_at: datetime
    planned_for: date | None = None
    """The day whose plan it is of."""
    due_by: date | None = None
    """The last day on which it is in time, where the law says one."""
    rule: str | None = None
    """What asks for it by that day: the notice, and the version of its plan."""
    waiting_for: tuple[str, ...] = ()
    """What it was put off for, when it was last asked about."""


@dataclass(frozen=True)
class Decided:
    """What became of a planned contact when it was its turn.

    *answer* is None where it is not made any more, or no contact point is there: nothing
    was decided then, *reasons* say why. *repeated* was allowed before and is to be sent
    again, if it was sent at all, and then counts as made *at* that instant. *borrower* is the
    one it is about, as they were stored. One that *awaits_route* is refused for nothing else,
    and asked about again *until* it is too late. It was first allowed at *allowed_at*, and is
    made before *lapses_at*.
    """

    planned: Planned
    answer: Answer | None
    reasons: tuple[str, ...] = ()
    until: datetime | None = None
    channel: Channel | None = None
    point_ref: str | None = None
    text: Text | None = None
    jurisdiction: str = ""
    repeated: bool = False
    at: datetime | None = None
    awaits_route: bool = False
    allowed_at: datetime | None = None
    lapses_at: datetime | None = None
    seen: Mapping[UUID, int] = field(default_factory=dict, compare=False, repr=False)
    """The versions of the streams that it was decided on."""
    borrower: Borrower | None = field(default=None, compare=False, repr=False)

    @property
    def party(self) -> Party:
        """Whom it goes to: the borrower, or who acts for them."""
        return Party.BORROWER if self.borrower is None else _party(self.borrower, self.point_ref)

    @property
    def is_dropped(self) -> bool:
        """Whether it is not made, now or later, and nothing of it was allowed before."""
        if self.repeated or self.answer == Answer.ALLOW or self.reasons == (OVER,):
            return False
        return not self.waits

    @property
    def waits(self) -> bool:
        """Whether it was put off, to an instant at which it may still be made."""
        if self.until is None or not self._is_put_off:
            return False
        return self.until < self.planned.expires_at

    @property
    def why_dropped(self) -> tuple[str, ...]:
        """Why it is not made; what was put off for too long is too late."""
        late = self._is_put_off and not self.waits
        return (*self.reasons, TOO_LATE) if late else self.reasons

    @property
    def _is_put_off(self) -> bool:
        return self.answer == Answer.DEFER or self.awaits_route


@dataclass(frozen=True)
class Due:
    """What is left to say of a contact when it is its turn; None of it any more: *moot*.

    *products* are those that its loans were lent under. *about* is what it says something of,
    where that is not all it was planned for.
    """

    figures: tuple[Figure, ...]
    moot: str | None = None
    products: tuple[str, ...] = ()
    about: tuple[Subject, ...] | None = None


Saying = Callable[[Planned, Mapping[UUID, Loan]], Due]
"""What a contact says now, of the loans as they stand."""


class Wording(Protocol):
    """How a contact is put in words."""

    def __call__(
        self,
        template: str,
        *,
        channel: Channel,
        jurisdiction: str,
        figures: Sequence[Figure],
        on: date,
        version: str | None,
        language: str | None = None,
    ) -> Text | None:
        """The text in a *version*, or in the one in force on a day; None when there is none."""


Asked = Callable[[Channel, str, str | None], Route | None]
"""How the way out stands: by channel, jurisdiction and sender, or whoever signs."""


def not_asked(_channel: Channel, _jurisdiction: str, _sender: str | None) -> Route | None:
    """Nobody asks how a contact goes out."""
    return None


@dataclass(frozen=True)
class Turn:
    """What it takes to decide on contacts whose turn has come.

    *act* is who decides for a borrower, *saying* what a contact has to say of the loans,
    *route* how the way out stands on the day.
    """

    at: datetime
    act: Callable[[UUID], Act]
    saying: Saying
    wording: Wording
    route: Asked = not_asked


def decide_all(book: Book, planned: Sequence[Planned], turn: Turn) -> list[Decided]:
    """Ask the gate about each, and store its answers, in as few transactions as can be.

    Where another writer was first on one of the borrowers, the batch is halved and asked
    again: what was not stored was not decided.
    """
    borrowers = book.get_many(Borrower, {each.borrower_id for each in planned})
    loans = book.get_many(Loan, {about.loan_id for each in planned for about in each.about})
    acts = {each.id: _act_of(turn.act(each.id), each) for each in borrowers.values()}
    on_each = replace(turn, act=acts.__getitem__)
    with book.one_look():
        found = [
            _noted(borrower, _decided(book, borrower, each, loans, on_each), on_each)
            for each in planned
            for borrower in [borrowers.get(each.borrower_id)]
        ]
    changed = [each for each in borrowers.values() if each.pending_events]
    try:
        book.keep([_command(acts[each.id], each) for each in changed], *changed)
    except IntegrityError:
        middle = len(planned) // 2
        halves = [half for half in (planned[:middle], planned[middle:]) if half]
        return [each for half in halves for each in decide_all(book, half, turn)]
    return [
        replace(each, borrower=borrower, seen=_seen(each.planned, borrower, loans))
        for each in found
        for borrower in [borrowers.get(each.planned.borrower_id)]
    ]


def _seen(
    planned: Planned, borrower: Borrower | None, loans: Mapping[UUID, Loan]
) -> dict[UUID, int]:
    """The versions of the streams that a contact was decided on."""
    streams = [borrower, *(loans.get(about.loan_id) for about in planned.about)]
    return {each.id: each.version for each in streams if each is not None}


def moved_on(book: Book, decided: Sequence[Decided]) -> list[Decided]:
    """Those whose borrower or loans are not as they were decided on: to be judged again."""
    versions = book.streams.versions({key for each in decided for key in each.seen})
    return [each for each in decided if any(versions[key] != at for key, at in each.seen.items())]


def tell_all(
    book: Book,
    results: Mapping[tuple[UUID, str], Result],
    *,
    act: Callable[[UUID], Act],
    known: Iterable[Borrower] = (),
) -> list[Borrower]:
    """Store what came of contacts, by borrower and reference; what was told stays as told.

    Borrowers who are *known* as they were stored last are not read again, unless another
    writer was on one of them since. Returns the borrowers as they stand then.
    """
    by_borrower: defaultdict[UUID, dict[str, Result]] = defaultdict(dict)
    for (borrower_id, contact_ref), result in results.items():
        by_borrower[borrower_id][contact_ref] = result
    # Of a borrower who was stored twice, in halves of a batch, the later state.
    newest = {each.id: each for each in sorted(known, key=lambda each: each.version)}
    borrowers = {key: newest[key] for key in by_borrower if key in newest}
    if unknown := by_borrower.keys() - borrowers.keys():
        borrowers |= book.get_many(Borrower, unknown)
    acts = {each.id: _act_of(act(each.id), each) for each in borrowers.values()}
    for borrower in borrowers.values():
        for contact_ref, result in by_borrower[borrower.id].items():
            if contact_ref in borrower.open_contacts:
                borrower.tell_contact(acts[borrower.id], contact_ref=contact_ref, result=result)
    changed = [each for each in borrowers.values() if each.pending_events]
    try:
        book.keep([_command(acts[each.id], each) for each in changed], *changed)
    except IntegrityError:
        items = list(results.items())
        middle = len(items) // 2
        halves = [dict(half) for half in (items[:middle], items[middle:]) if half]
        return [each for half in halves for each in tell_all(book, half, act=act)]
    return list(borrowers.values())


def _decided(
    book: Book, borrower: Borrower | None, planned: Planned, loans: Mapping[UUID, Loan], turn: Turn
) -> Decided:
    """What becomes of one contact; what is refused of it holds up no other."""
    if borrower is None:
        return Decided(planned, None, ("BORROWER_UNKNOWN",))
    opened = borrower.open_contacts.get(planned.contact_ref)
    over = _over(borrower, planned)
    if over is not None:
        return over
    last = borrower.last_decided_at
    if last is not None and turn.at < last < planned.expires_at:
        # Another clock is ahead. To judge at its instant is not to judge when it is sent.
        return Decided(planned, Answer.DEFER, (ContactOutOfOrder.code,), last)
    try:
        named, due = _left_to_say(book, borrower, planned, loans, turn)
        decided = _first if opened is None else _again
        return replace(decided(book, borrower, named, due, turn), planned=planned)
    except Refusal as refusal:
        code = refusal.code
        if opened is not None:
            return _stopped(planned, opened, code, turn.at)
        return Decided(planned, None, (code,))


def _over(borrower: Borrower, planned: Planned) -> Decided | None:
    """What became of a contact before: it was made, or it is on record why it is not."""
    ref = planned.contact_ref
    if ref in borrower.contacts and ref not in borrower.open_contacts:
        return Decided(planned, None, (OVER,))
    if ref in borrower.not_made:
        return Decided(planned, None, tuple(borrower.not_made[ref]))
    return None


def _noted(borrower: Borrower | None, decided: Decided, turn: Turn) -> Decided:
    """What was decided; where it is not made, the borrower's stream tells why, right after."""
    if borrower is not None and decided.is_dropped:
        planned = decided.planned
        borrower.drop_contact(
            turn.act(borrower.id),
            contact_ref=planned.contact_ref,
            purpose=planned.purpose,
            occasion=planned.occasion,
            loan_ids=[each.loan_id for each in planned.about],
            reasons=decided.why_dropped,
            planned_for=planned.planned_for or _day(turn.at, borrower),
            at=turn.at,
            channel=decided.channel,
            trial=planned.trial,
        )
    return decided


def _first(book: Book, borrower: Borrower, planned: Planned, due: Due, turn: Turn) -> Decided:
    """A contact that is asked about for the first time, or again after it was put off."""
    if due.moot is not None or turn.at >= planned.expires_at:
        return Decided(planned, None, (due.moot or TOO_LATE,))
    party = _addressee(book, borrower, planned, turn.at)
    ways = _ways(borrower, planned, party, turn.route)
    if not ways:
        return Decided(planned, None, ("NO_CONTACT_POINT",))
    known = not ON_THE_WAY_OUT.isdisjoint(planned.waiting_for)
    found = None if known else _asked(book, borrower, planned, due, turn, way=ways[0])
    if found is not None and found.answer != Answer.BLOCK:
        return found
    # What stands against one way need not stand against the next: the first that is open is
    # taken, and every way that was tried before it is on record.
    untold = ways if found is None else ways[1:]
    for tried, way in enumerate(untold, start=1):
        if _judged(book, borrower, planned, due, turn, way=way).answer != Answer.BLOCK:
            for each in untold[:tried]:
                found = _asked(book, borrower, planned, due, turn, way=each)
            assert found is not None
            return found
    awaited = _awaited(book, borrower, planned, due, turn, ways=ways)
    if awaited is None:
        return found or _asked(book, borrower, planned, due, turn, way=ways[0])
    way, until = awaited
    if found is None or way != ways[0]:
        found = _told(borrower, planned, way, _judged(book, borrower, planned, due, turn, way=way))
        # How long a route stays away is told once.
        if found.reasons != planned.waiting_for:
            found = _asked(book, borrower, planned, due, turn, way=way)
    return replace(found, awaits_route=True, until=until)


def _awaited(
    book: Book,
    borrower: Borrower,
    planned: Planned,
    due: Due,
    turn: Turn,
    *,
    ways: Sequence[WayOut],
) -> tuple[WayOut, datetime] | None:
    """The first way that only misses its way out, and when it is asked about again."""
    for way in ways:
        found = _judged(book, borrower, planned, due, replace(turn, route=not_asked), way=way)
        if found.answer != Answer.BLOCK:
            return way, max(turn.at + ROUTE_AGAIN_AFTER, found.until or turn.at)
    return None


def _judged(
    book: Book, borrower: Borrower, planned: Planned, due: Due, turn: Turn, *, way: WayOut
) -> Decision:
    """What the gate answers to a contact by one way, on no record."""
    text = _worded(borrower, planned, due, turn, way)
    intent = _intent(borrower, planned, way, text, due.products)
    route = _route(turn, borrower, way[0], text)
    return decide(intent, borrower.situation(), book.rules.contact, turn.at, route)


def _route(turn: Turn, borrower: Borrower, channel: Channel, text: Text | None) -> Route | None:
    sender = None if text is None else text.reads.sender
    return turn.route(channel, borrower.jurisdiction, sender)


def _asked(
    book: Book, borrower: Borrower, planned: Planned, due: Due, turn: Turn, *, way: WayOut
) -> Decided:
    """What the gate answers to a contact by one way, on record."""
    channel, _ = way
    text = _worded(borrower, planned, due, turn, way)
    decision = borrower.decide_contact(
        turn.act(borrower.id),
        contact_ref=planned.contact_ref,
        intent=_intent(borrower, planned, way, text, due.products),
        policies=book.rules.contact,
        at=turn.at,
        occasion=planned.occasion,
        text=text,
        trial=planned.trial,
        route=_route(turn, borrower, channel, text),
        follows=_followed(borrower, planned.contact_ref),
    )
    assert decision is not None
    return replace(_told(borrower, planned, way, decision), text=text, allowed_at=turn.at)


def _told(borrower: Borrower, planned: Planned, way: WayOut, decision: Decision) -> Decided:
    return Decided(
        planned,
        decision.answer,
        tuple(str(each) for each in decision.because),
        decision.until,
        *way,
        jurisdiction=borrower.jurisdiction,
        lapses_at=decision.lapses_at,
    )


def _worded(borrower: Borrower, planned: Planned, due: Due, turn: Turn, way: WayOut) -> Text | None:
    """What a contact says by a way; None where it says nothing, or no text is in force.

    Who acts for the borrower is written to by a text of its own: the others say "your loan".
    """
    if planned.template is None:
        return None
    channel, point_ref = way
    own = _party(borrower, point_ref) == Party.BORROWER
    return turn.wording(
        planned.template if own else f"{planned.template}{TO_REPRESENTATIVE}",
        channel=channel,
        jurisdiction=borrower.jurisdiction,
        figures=due.figures,
        on=_day(turn.at, borrower),
        version=None,
        language=borrower.language,
    )


def _left_to_say(
    book: Book, borrower: Borrower, planned: Planned, loans: Mapping[UUID, Loan], turn: Turn
) -> tuple[Planned, Due]:
    """A contact about the loans that it is about now, and what it says of them."""
    named, moot = _may_be_about(book, borrower, planned, turn)
    due = turn.saying(named, loans)
    moot = due.moot or moot
    if due.about is not None and due.moot is None:
        named = replace(named, about=due.about)
        if planned.contact_ref in borrower.open_contacts and not _names_all(borrower, named):
            moot = moot or NOTHING_LEFT
    lent = products_of(loans[each.loan_id] for each in named.about if each.loan_id in loans)
    return named, replace(due, products=lent, moot=moot)


def _may_be_about(
    book: Book, borrower: Borrower, planned: Planned, turn: Turn
) -> tuple[Planned, str | None]:
    """A contact about the loans that it may be about now, and why about none of them.

    One that asks for money leaves out what the house does not ask for, and what a hold stops
    while another loan is left; where a hold stops all of it the gate says so. One that was
    allowed before is about what it named then: all of it, or it is not made.
    """
    if planned.purpose not in ASKS_FOR_MONEY or not planned.about:
        return planned, None
    past = borrower.contacts.get(planned.contact_ref)
    if past is not None and past.debt is not None:
        told = tuple(each for each in planned.about if past.names(str(each.loan_id)))
        codes = [_not_asked_for(borrower, planned.purpose, each.loan_id) for each in told]
        return replace(planned, about=told), next(filter(None, codes), None)
    why = {each: _not_asked_for(borrower, planned.purpose, each.loan_id) for each in planned.about}
    ours = [each for each, code in why.items() if code is None]
    if not ours:
        return planned, max(filter(None, why.values()), key=WORST.index)
    if borrower.holds and len({each.loan_id for each in ours}) > 1:
        free = [each for each in ours if not _is_held(book, borrower, planned, each, turn)]
        ours = free or ours
    return replace(planned, about=tuple(ours)), None


def _not_asked_for(borrower: Borrower, purpose: Purpose, loan_id: UUID) -> str | None:
    """Why the house asks for nothing about a loan; None where it does.

    Who promised, or pays an agency, is reminded all the same of what falls due.
    """
    if borrower.is_at_law(loan_id):
        return AtLaw.code
    if purpose != Purpose.COLLECTION or not borrower.is_out_of_hand(loan_id):
        return None
    return WITH_AGENCY if borrower.is_placed(loan_id) else PROMISE_OPEN


def _is_held(
    book: Book, borrower: Borrower, planned: Planned, subject: Subject, turn: Turn
) -> bool:
    """Whether a hold stops a contact about one loan."""
    intent = about(Intent(planned.purpose, planned.channels[0]), [subject.loan_id], ())
    found = decide(intent, borrower.situation(), book.rules.contact, turn.at)
    return Reason.HOLD in found.because


def _names_all(borrower: Borrower, named: Planned) -> bool:
    """Whether something is left to say of each loan that a contact named when it was allowed."""
    past = borrower.contacts[named.contact_ref]
    left = {str(each.loan_id) for each in named.about}
    return left.issuperset({each for each in (past.debt, *past.also) if each is not None})


def _again(book: Book, borrower: Borrower, planned: Planned, due: Due, turn: Turn) -> Decided:
    """A contact that was allowed before: to be sent, as it was judged, while it still may be."""
    opened = borrower.open_contacts[planned.contact_ref]
    channel = Channel(opened.channel)
    if turn.at >= planned.expires_at:
        return _stopped(planned, opened, TOO_LATE, turn.at)
    if due.moot is not None:
        return _stopped(planned, opened, due.moot, turn.at)
    if opened.point_ref in borrower.retired_points:
        return _stopped(planned, opened, Reason.CONTACT_POINT, turn.at)
    if _party(borrower, opened.point_ref) != _addressee(book, borrower, planned, turn.at):
        return _stopped(planned, opened, FOR_SOMEBODY_ELSE, turn.at)
    text = None
    if opened.template is not None:
        text = turn.wording(
            opened.template,
            channel=channel,
            jurisdiction=borrower.jurisdiction,
            figures=opened.figures,
            on=_day(turn.at, borrower),
            version=opened.template_version,
        )
    # One that is disabled may come back before the contact lapses; a licence that ended will not.
    route = _route(turn, borrower, channel, text)
    licence = route is not None and route.state in ROUTE_ENDED
    found = borrower.decide_again(
        turn.act(borrower.id),
        contact_ref=planned.contact_ref,
        intent=_intent(borrower, planned, (channel, opened.point_ref), text, due.products),
        policies=book.rules.contact,
        at=turn.at,
        occasion=planned.occasion,
        text=text,
        route=route if licence else None,
    )
    if found.answer == Answer.ALLOW and opened.has_lapsed(turn.at):
        return _stopped(planned, opened, TOO_LATE, turn.at)
    return Decided(
        planned,
        found.answer,
        tuple(str(each) for each in found.because),
        found.until,
        channel,
        opened.point_ref,
        text,
        borrower.jurisdiction,
        repeated=True,
        at=_made_at(opened, turn.at),
        allowed_at=opened.decided_at,
        lapses_at=opened.lapses_at,
    )


def _stopped(planned: Planned, opened: OpenContact, reason: str, at: datetime) -> Decided:
    """A contact that was allowed before and may not be made any more."""
    return Decided(
        planned,
        Answer.BLOCK,
        (str(reason),),
        channel=Channel(opened.channel),
        repeated=True,
        at=_made_at(opened, at),
        allowed_at=opened.decided_at,
        lapses_at=opened.lapses_at,
    )


def _made_at(opened: OpenContact, at: datetime) -> datetime:
    """When it counts as made, if it was at all: now, or while it was still allowed."""
    return opened.decided_at if opened.has_lapsed(at) else at


def _party(borrower: Borrower, point_ref: str | None) -> Party:
    """Whose a contact point is; one that is not known is the borrower's."""
    point = None if point_ref is None else borrower.points.get(point_ref)
    return Party.BORROWER if point is None else point.party


def _intent(
    borrower: Borrower,
    planned: Planned,
    way: tuple[Channel, str | None],
    text: Text | None,
    products: tuple[str, ...],
) -> Intent:
    channel, point_ref = way
    party = _party(borrower, point_ref)
    intent = about(
        Intent(planned.purpose, channel, party, point_ref, product_line=planned.product_line),
        [subject.loan_id for subject in planned.about],
        products,
    )
    return intent if planned.template is None else with_text(intent, text)


def about(intent: Intent, loans: Sequence[UUID], products: tuple[str, ...]) -> Intent:
    """A contact that is about loans, lent under *products*; one about none as it is."""
    debts = list(dict.fromkeys(str(each) for each in loans))
    if not debts:
        return intent
    return replace(intent, debt=debts[0], also=tuple(debts[1:]), products=products)


def products_of(loans: Iterable[Loan]) -> tuple[str, ...]:
    """The codes of the products that loans were lent under, as the gate is told them."""
    return tuple(sorted({loan.product_code for loan in loans}))


def with_text(intent: Intent, text: Text | None) -> Intent:
    """A contact that is to say a text; where there is none, no rule of texts lets it pass."""
    return replace(intent, template=NOTHING_TO_SAY if text is None else text.reads)


def _day(at: datetime, borrower: Borrower) -> date:
    return at.astimezone(ZoneInfo(borrower.zones[0])).date()


def _addressee(book: Book, borrower: Borrower, planned: Planned, at: datetime) -> Party:
    """Whom a contact goes to: the borrower, or instead of them who acts for them.

    It goes to whom a rule of the day names for a hold that stands on all it is about, where
    an address of theirs is known by which it may go; what fails there does not fall back.
    """
    if not borrower.holds:
        return Party.BORROWER
    known = {each.party for each in borrower.points.values()}
    parties = [each for each in ACTING if each in known]
    if not parties:
        return Party.BORROWER
    debts = [each.loan_id for each in planned.about]
    holds, on = borrower.situation(), _day(at, borrower)

    def acts(party: Party, channel: Channel) -> bool:
        rules = book.rules.contact.binding(
            borrower.jurisdiction, planned.purpose, channel, on
        ).representatives
        each_debt = about(Intent(planned.purpose, channel), debts, ()).by_debt()
        return any(
            rule.party == party
            and planned.purpose in rule.unasked
            and all(holds_in_force(rule.under, one, holds, at) for one in each_debt)
            for rule in rules
        )

    for party in parties:
        for channel in planned.channels:
            if _points(borrower, party, channel) and acts(party, channel):
                return party
    return Party.BORROWER


def _points(borrower: Borrower, party: Party, channel: Channel) -> list[ContactPoint]:
    """The contact points of somebody that a channel may use, those that were given first.

    What was read from the telephone needs consents that what was given does not.
    """
    found = [
        point
        for point in borrower.points.values()
        if point.kind == REACHED_BY[channel]
        and point.party == party
        and point.blocked_at is None
        and (party == Party.BORROWER or point.refused_at is None)
        and point.lawful_basis
    ]
    return sorted(found, key=lambda point: point.source != PointSource.APPLICATION)


def _ways(borrower: Borrower, planned: Planned, party: Party, asked: Asked) -> list[WayOut]:
    """The ways to reach a *party* in the order they are tried, but for those that failed.

    Channels that the borrower prefers come first, and those that nobody serves now only where no
    other is left. A notice that is given again goes first by the ways that did not fail before.
    """

    def is_served(channel: Channel) -> bool:
        route = asked(channel, borrower.jurisdiction, None)
        return route is None or route.state == RouteState.OPEN

    preferred = [
        each.channel
        for each in borrower.own_hours
        if each.channel is not None and each.not_before_on is None
    ]
    channels = sorted(planned.channels, key=lambda channel: channel not in preferred)
    failed = _failed_ways(borrower, planned.contact_ref)
    before = _failed_before(borrower, planned)
    found: list[WayOut] = [
        (channel, point.id)
        for channel in channels
        for point in _points(borrower, party, channel)
        if (channel, point.id) not in failed
    ]
    found.sort(key=lambda way: way in before)
    return [way for way in found if is_served(way[0])] or found


def _failed_ways(borrower: Borrower, contact_ref: str) -> set[WayOut]:
    """The ways by which the same contact failed before, under this reference or earlier ones."""
    stem = _stem(contact_ref)
    return {way for ref, way in _failures(borrower, stem) if _stem(ref) == stem}


def _failed_before(borrower: Borrower, planned: Planned) -> set[WayOut]:
    """The ways by which the same notice failed on whatever day: tried again after all others."""
    if planned.rule is None:
        return set()
    return {way for _, way in _failures(borrower, head_of(planned.contact_ref))}


def _failures(borrower: Borrower, head: str) -> Iterator[tuple[str, WayOut]]:
    """Contacts that failed, of references that begin alike, and their ways.

    What was sent and did not arrive failed too.
    """
    for ref, past in borrower.contacts.items():
        failed = past.outcome == Outcome.FAILED or ref in borrower.undelivered
        if ref.startswith(head) and failed and past.contact_point is not None:
            yield ref, (past.channel, past.contact_point)


def other_ways(book: Book, planned: Sequence[Planned], at: datetime) -> list[Planned]:
    """Of contacts that are over, those that failed while another way is left *at* an instant.

    They are to be asked again. One that was sent and did not arrive failed too, where its
    purpose is pursued; it still counts against every cap. Each is a contact of its own, with a
    number after the reference; found again, it is the same.
    """
    borrowers = book.get_many(Borrower, {each.borrower_id for each in planned})
    found = []
    for each in planned:
        borrower = borrowers.get(each.borrower_id)
        past = None if borrower is None else borrower.contacts.get(each.contact_ref)
        if borrower is None or past is None or each.contact_ref in borrower.open_contacts:
            continue
        lost = each.purpose in FOLLOWED and each.contact_ref in borrower.undelivered
        if not lost and past.outcome != Outcome.FAILED:
            continue
        party = _addressee(book, borrower, each, at)
        if _ways(borrower, each, party, not_asked):
            stem, number = _numbered(each.contact_ref)
            found.append(replace(each, contact_ref=f"{stem}.{number + 1}", waiting_for=()))
    return found


def _followed(borrower: Borrower, contact_ref: str) -> Followed | None:
    """The contact that one by another way follows, and why; None where it is the first."""
    stem, number = _numbered(contact_ref)
    before = stem if number == FIRST_FOLLOWING else f"{stem}.{number - 1}"
    past = borrower.contacts.get(before)
    if number < FIRST_FOLLOWING or past is None:
        return None
    failed = past.outcome == Outcome.FAILED
    return Followed(before, Because.FAILED if failed else Because.NOT_DELIVERED)


def _numbered(contact_ref: str) -> tuple[str, int]:
    """A reference without the number of the way, and the number; that of the first is 1."""
    stem = _stem(contact_ref)
    return stem, int(contact_ref[len(stem) + 1 :] or 1)


def _stem(contact_ref: str) -> str:
    """A reference without the number of the way."""
    return NUMBERED.sub("", contact_ref)


def _act_of(act: Act, borrower: Borrower) -> Act:
    """The part of an act that is done on a borrower as they stand: a command of its own."""
    return replace(act, command_id=uuid5(act.command_id, f"{borrower.id} {borrower.version}"))


def _command(act: Act, borrower: Borrower) -> Command:
    said = [
        (type(event).__name__, getattr(event, "contact_ref", ""))
        for event in borrower.pending_events
    ]
    digest = digest_of(ACTOR, {"said": said})
    return Command(act.command_id, digest, borrower.id, borrower.version)
