"""The day of a collector: strategies of late loans, and whom may be contacted how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from eventsourcing.persistence import IntegrityError

from domain.base.calendar import next_day
from domain.base.contact_policy import Channel, LateReason, Purpose
from domain.base.stream import Act
from domain.base.text_template import TextTemplate
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Party, PastContact, Template
from domain.borrower.gate import Answer
from domain.borrower.legal_words import LegalOutcome
from domain.borrower.third_party import has_no_contact
from domain.borrower.why import Way, ways
from domain.commands.book import Book, Command, act_on, command, digest_of
from domain.commands.dispatch import products_of
from domain.commands.sayings import overdue_figures
from domain.commands.scripts import SPOKEN, family_for, script_in_force, sounds_like
from domain.loan.loan import Loan
from domain.loan.state import LoanState

BATCH_BORROWERS = 200


@dataclass(frozen=True)
class Late:
    """A loan that is late, as the views tell it."""

    loan_id: UUID
    borrower_id: UUID
    bucket: str
    days_past_due: int
    segment: str | None = None


@command
def assign_collector(book: Book, act: Act, *, borrower_id: UUID, collector: str | None) -> Borrower:
    """Let a collector take a borrower over."""
    borrower = book.get(Borrower, borrower_id)
    borrower.assign_collector(act, collector=collector)
    return borrower


@command
def record_late_reason(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    reason: LateReason,
    source: str,
    contact_ref: str | None = None,
) -> Borrower:
    """Note why a loan is late."""
    loan = book.get(Loan, loan_id)
    borrower = book.get(Borrower, loan.borrower_id)
    borrower.record_late_reason(
        act, loan_id=loan_id, reason=reason, source=source, contact_ref=contact_ref
    )
    return borrower


def assign_strategies(
    book: Book,
    late: Iterable[Late],
    on: date,
    *,
    act: Callable[[], Act],
    collected: Iterable[UUID] = (),
) -> int:
    """Let every late loan be collected by the strategy in force for it; how many changed.

    A loan that was late and is not among them is collected no more, which is recorded when
    its borrower has another that is, or is among those *collected* so far.
    """
    by_borrower: dict[UUID, list[Late]] = {borrower_id: [] for borrower_id in collected}
    for each in late:
        by_borrower.setdefault(each.borrower_id, []).append(each)
    people = list(by_borrower)
    return sum(
        _assign(book, {one: by_borrower[one] for one in people[i : i + BATCH_BORROWERS]}, on, act)
        for i in range(0, len(people), BATCH_BORROWERS)
    )


def _assign(
    book: Book, late: Mapping[UUID, Sequence[Late]], on: date, act: Callable[[], Act]
) -> int:
    borrowers = book.get_many(Borrower, late)
    by = act()
    gone = _elsewhere_and_gone(borrowers.values(), late)
    over = book.get_many(Loan, gone) if gone else {}
    with book.one_look():
        policies = book.policies
        for borrower in borrowers.values():
            on_borrower = act_on(by, borrower.id)
            now = {each.loan_id for each in late[borrower.id]}
            lost = has_no_contact(borrower.situation(), book.rules.contact, _end_of(on, borrower))
            for each in late[borrower.id]:
                behaviour = borrower.behaviour(each.loan_id, out_of_reach=lost)
                rule = policies.strategy(each.bucket, on, behaviour, each.segment)
                borrower.assign_strategy(
                    on_borrower,
                    loan_id=each.loan_id,
                    bucket=each.bucket,
                    days_past_due=each.days_past_due,
                    rule=rule,
                    out_of_reach=lost,
                )
            for known in [*borrower.strategies.values()]:
                if known.loan_id not in now:
                    borrower.assign_strategy(
                        on_borrower, loan_id=known.loan_id, bucket="M0", days_past_due=0, rule=None
                    )
            for placed in [*borrower.placements.values()]:
                if placed.loan_id not in now and not is_owed(over.get(placed.loan_id), on):
                    borrower.recall(on_borrower, loan_id=placed.loan_id, reason="not late any more")
            for matter in [*borrower.legal_matters.values()]:
                loan = over.get(matter.loan_id)
                if matter.loan_id not in now and not is_owed(loan, on):
                    borrower.end_legal(
                        on_borrower,
                        loan_id=matter.loan_id,
                        outcome=end_of(loan),
                        decided_on=on_borrower.business_on,
                    )
    changed = [each for each in borrowers.values() if each.pending_events]
    count = sum(len(each.pending_events) for each in changed)
    commands = [
        Command(
            act_on(by, each.id).command_id,
            digest_of("assign_strategies", {"on": on}),
            each.id,
            each.version,
        )
        for each in changed
    ]
    try:
        book.keep(commands, *changed)
    except IntegrityError:
        return _assign(book, late, on, act)  # another writer was first: look again
    return count


def _elsewhere_and_gone(
    borrowers: Iterable[Borrower], late: Mapping[UUID, Sequence[Late]]
) -> set[UUID]:
    """The loans that agencies have, or that are claimed at law, and are not among the late ones."""
    elsewhere = {
        UUID(loan_id) for one in borrowers for loan_id in (*one.placements, *one.legal_matters)
    }
    return elsewhere - {each.loan_id for some in late.values() for each in some}


def is_owed(loan: Loan | None, on: date) -> bool:
    """Whether something is to be collected on a loan, whatever a list of late ones says."""
    return loan is not None and bool(overdue_figures([loan], on))


def end_of(loan: Loan | None) -> LegalOutcome:
    """How a claim ends on which nothing is owed to us any more."""
    sold = loan is not None and loan.state == LoanState.SOLD
    return LegalOutcome.SOLD if sold else LegalOutcome.PAID


def _end_of(on: date, borrower: Borrower) -> datetime:
    """When a day is over for the borrower, in the first of their zones."""
    return datetime.combine(next_day(on), time(), ZoneInfo(borrower.zones[0])).astimezone(UTC)


# --- the worklist ----------------------------------------------------------------------


@dataclass(frozen=True)
class Offered:
    """How a borrower may be contacted about a loan: now, or from an instant on.

    *refused* says, by channel and contact point, why the others may not be used. *scripts*
    are what is said where somebody speaks, by the contact point. The contact points *of_others*
    are not the borrower's; of these who does not act for the borrower is offered only while
    they are *out_of_reach*. Nothing is before the day *left_alone_until*, on which a collector
    asks how a plan is kept that runs; *check_in_due* is the day since which one should ask,
    also by telephone.
    """

    ways: list[Way]
    refused: list[Way]
    last: PastContact | None
    last_ref: str | None
    behaviour: str
    strategy: str | None
    collector: str | None
    scripts: dict[tuple[Channel, str], TextTemplate]
    of_others: frozenset[str]
    out_of_reach: bool
    left_alone_until: date | None
    check_in_due: date | None


def products_named(book: Book, loan_ids: Iterable[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The products of loans, by the loan; none where no rule of contact names a product.

    Then nothing depends on them, and the loans need not be read.
    """
    if not book.rules.contact.products:
        return {}
    return {key: products_of([loan]) for key, loan in book.get_many(Loan, loan_ids).items()}


def offered(
    book: Book,
    borrower: Borrower,
    loan_id: UUID,
    channels: Sequence[str],
    at: datetime,
    *,
    script: str | None = None,
    on: date | None = None,
    products: tuple[str, ...] | None = None,
) -> Offered:
    """What a collector may do about a late loan at an instant: nothing that the gate refuses.

    The ways that are open come first, then those that open soonest. With *script*, the family
    of the scripts in force on the business date *on*, calls and visits go by these. *products*
    are those of the loan, as *products_named* tells them; without them it is read.
    """
    if products is None:
        products = products_named(book, [loan_id]).get(loan_id, ())
    wanted = [Channel(each) for each in channels]
    today = at.astimezone(ZoneInfo(borrower.zones[0])).date() if on is None else on
    alone = borrower.left_alone_until(loan_id, today)
    asks = borrower.check_in_due(loan_id, today)
    if asks is not None and Channel.PHONE not in wanted:
        wanted.append(Channel.PHONE)
    if alone is not None:
        wanted = []
    rules = book.rules.contact
    if borrower.jurisdiction not in rules.jurisdictions:
        wanted = []  # where no law is known, there is no way that keeps it
    scripts: dict[tuple[Channel, str], TextTemplate] = {}

    def says(intent: Intent) -> Template | None:
        if script is None or on is None or intent.channel not in SPOKEN:
            return None
        family = family_for(borrower, intent, script)
        found = script_in_force(book, family, intent.channel, borrower, on)
        if found is not None and intent.contact_point is not None:
            scripts[intent.channel, intent.contact_point] = found
        return sounds_like(found)

    found = [
        way
        for way in ways(
            borrower,
            rules,
            at,
            loan_id=loan_id,
            products=products,
            purposes=(Purpose.COLLECTION,),
            channels=wanted,
            says=says,
        )
        if way.point_ref is not None
    ]
    lost = has_no_contact(borrower.situation(), book.rules.contact, at)
    usable = [
        way
        for way in found
        if way.decision.answer != Answer.BLOCK
        and (lost or borrower.points[str(way.point_ref)].party != Party.THIRD_PARTY)
    ]
    usable.sort(key=lambda way: (way.decision.until or at, wanted.index(way.channel)))
    known = borrower.strategies.get(str(loan_id))
    past = {
        ref: each for ref, each in borrower.contacts.items() if each.debt in (None, str(loan_id))
    }
    last_ref = max(past, key=lambda ref: past[ref].at, default=None)
    return Offered(
        ways=usable,
        refused=[
            way
            for way in found
            if way.decision.answer == Answer.BLOCK
            and borrower.points[str(way.point_ref)].party == Party.BORROWER
        ],
        last=None if last_ref is None else past[last_ref],
        last_ref=last_ref,
        behaviour=str(borrower.behaviour(loan_id, out_of_reach=lost)),
        strategy=None if known is None else known.strategy,
        collector=borrower.collector,
        scripts=scripts,
        of_others=frozenset(
            ref for ref, point in borrower.points.items() if point.party != Party.BORROWER
        ),
        out_of_reach=lost,
        left_alone_until=alone,
        check_in_due=asks,
    )
