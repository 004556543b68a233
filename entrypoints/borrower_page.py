"""All that is known of one borrower, as staff read it: references, never a number or a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.markup import escape

from domain.base.refs import short_ref
from entrypoints.contact_why import RestrictionShown, agreed, in_words

if TYPE_CHECKING:
    from domain.borrower.borrower import Borrower
    from domain.borrower.contact import ContactPoint
    from domain.borrower.contact_state import Hold, OwnHours, Reply


@dataclass(frozen=True)
class PointShown:
    """A contact point; *against* is what keeps it from being used, if anything does."""

    point_ref: str
    kind: str | None
    party: str
    source: str
    lawful_basis: str | None
    against: str | None


@dataclass(frozen=True)
class ConsentShown:
    """A consent with the instants it was given, confirmed and taken back."""

    scope: str
    granted_at: datetime
    reconfirmed_at: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class OptOutShown:
    """A refusal that stands; without channel or purpose of all of them."""

    channel: str | None
    purpose: str | None
    at: datetime


@dataclass(frozen=True)
class HoldShown:
    """A hold; without *loan_refs* on every debt."""

    hold_ref: str
    kind: str
    from_on: date
    ends_on: date | None
    stands: bool
    loan_refs: list[str]


@dataclass(frozen=True)
class DataRestricted:
    """Since when data is only stored, and until when; or *for_erasure*, which has no end."""

    from_on: date
    until_on: date | None
    for_erasure: bool


@dataclass(frozen=True)
class PromiseShown:
    """A promise to pay, in minor units."""

    promise_ref: str
    loan_ref: str
    currency: str
    amount: int
    promised_on: date
    state: str


@dataclass(frozen=True)
class ComplaintShown:
    """A complaint as it stands; *due_at* is its next deadline."""

    complaint_ref: str
    severity: str
    category: str
    stage: str
    due_at: datetime | None
    loan_ref: str | None
    outcome: str | None


@dataclass(frozen=True)
class ReplyShown:
    """An answer in words that somebody has yet to read, or to answer (*to_do*)."""

    contact_ref: str
    channel: str
    received_at: datetime
    to_do: str


@dataclass(frozen=True)
class LoanCollected:
    """A late loan, how it is collected and by which agency if any; *reason* why it is late.

    *claimed* minor units were overdue when it was claimed at law, *at_law_since*.
    """

    loan_ref: str
    bucket: str | None
    behaviour: str | None
    strategy: str | None
    since_on: date | None
    agency: str | None
    placed_on: date | None
    reason: str | None
    at_law_since: date | None
    claimed: int | None
    currency: str | None


@dataclass(frozen=True)
class ContactShown:
    """A contact that counts; one that is *open* counts as the strictest outcome until told."""

    contact_ref: str
    at: datetime
    purpose: str
    channel: str
    outcome: str
    open: bool
    point_ref: str | None
    loan_ref: str | None


@dataclass(frozen=True)
class BorrowerPage:
    """One borrower as known now; lists in the order in which staff read them."""

    borrower_id: UUID
    borrower_ref: str
    version: int
    business_on: date
    jurisdiction: str
    language: str | None
    local_times: dict[str, str]
    points: list[PointShown]
    retired_points: dict[str, str]
    consents: list[ConsentShown]
    opt_outs: list[OptOutShown]
    own_hours: list[OwnHours]
    holds: list[HoldShown]
    data_restricted: list[DataRestricted]
    contracts: list[RestrictionShown]
    promises: list[PromiseShown]
    complaints: list[ComplaintShown]
    replies: list[ReplyShown]
    collector: str | None
    loans: list[LoanCollected]
    contacts: list[ContactShown]
    contacts_in_all: int


def page_of(borrower: Borrower, at: datetime, on: date, last: int) -> BorrowerPage:
    """The page of a borrower at an instant of a business day, with the *last* contacts."""
    holds = sorted(borrower.holds.values(), key=lambda each: (not each.stands_on(on), each.from_on))
    contacts = _contacts(borrower)
    return BorrowerPage(
        borrower_id=borrower.id,
        borrower_ref=borrower.borrower_ref,
        version=borrower.version,
        business_on=on,
        jurisdiction=borrower.jurisdiction,
        language=borrower.language,
        local_times={
            zone: f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}" for zone in borrower.zones
        },
        points=_points(borrower),
        retired_points=dict(borrower.retired_points),
        consents=[
            ConsentShown(str(each.scope), each.granted_at, each.reconfirmed_at, each.withdrawn_at)
            for each in borrower.consents
        ],
        opt_outs=[
            OptOutShown(_text(each.channel), _text(each.purpose), each.at)
            for each in borrower.opt_outs
        ],
        own_hours=list(borrower.own_hours),
        holds=[_hold(each, on) for each in holds],
        data_restricted=[
            DataRestricted(each.from_on, each.ends_on, each.for_erasure)
            for each in borrower.data_restricted
            if each.from_on <= on and (each.ends_on is None or on < each.ends_on)
        ],
        contracts=[agreed(each) for each in borrower.restricted.values()],
        promises=[
            PromiseShown(
                each.promise_ref,
                short_ref("L", each.loan_id),
                each.currency,
                each.amount,
                each.promised_on,
                str(each.state),
            )
            for each in sorted(
                borrower.promises.values(), key=lambda each: each.promised_on, reverse=True
            )
        ],
        complaints=[
            ComplaintShown(
                each.complaint_ref,
                each.severity,
                each.category,
                str(each.stage),
                min(each.deadlines.values(), default=None),
                _loan(each.loan_id),
                each.outcome,
            )
            for each in sorted(
                borrower.complaints.values(), key=lambda each: each.changed_at, reverse=True
            )
        ],
        replies=_replies(borrower),
        collector=borrower.collector,
        loans=_loans(borrower),
        contacts=contacts[:last],
        contacts_in_all=len(contacts),
    )


def _points(borrower: Borrower) -> list[PointShown]:
    return [
        PointShown(
            each.id,
            _text(each.kind),
            str(each.party),
            str(each.source),
            each.lawful_basis or None,
            _against(each),
        )
        for each in borrower.points.values()
    ]


def _against(point: ContactPoint) -> str | None:
    if point.blocked_at is not None:
        return "BLOCKED"
    if point.refused_at is not None:
        return "REFUSED"
    return None if point.lawful_basis else "NO_BASIS"


def _hold(hold: Hold, on: date) -> HoldShown:
    return HoldShown(
        hold.hold_ref,
        hold.kind,
        hold.from_on,
        hold.ends_on,
        hold.stands_on(on),
        [short_ref("L", each) for each in hold.loan_ids or []],
    )


def _replies(borrower: Borrower) -> list[ReplyShown]:
    """The answers that wait for somebody, the longest first."""
    waiting = [
        ReplyShown(each.contact_ref, each.channel, each.received_at, to_do)
        for each in borrower.replies.values()
        if (to_do := "READ" if each.is_unread else "ANSWER" if _is_unanswered(each) else None)
    ]
    return sorted(waiting, key=lambda each: each.received_at)


def _is_unanswered(reply: Reply) -> bool:
    return bool(reply.awaits_answer) and reply.answered_at is None


def _loans(borrower: Borrower) -> list[LoanCollected]:
    named = dict.fromkeys(
        [
            *(*borrower.strategies, *borrower.placements, *borrower.legal_matters),
            *borrower.late_reasons,
        ]
    )
    found = []
    for loan_id in named:
        strategy = borrower.strategies.get(loan_id)
        placed = borrower.placements.get(loan_id)
        matter = borrower.legal_matters.get(loan_id)
        told = borrower.late_reasons.get(loan_id)
        found.append(
            LoanCollected(
                short_ref("L", UUID(loan_id)),
                strategy.bucket if strategy else None,
                strategy.behaviour if strategy else None,
                strategy.strategy if strategy else None,
                strategy.assigned_on if strategy else None,
                placed.agency if placed else None,
                placed.placed_on if placed else None,
                told.reason if told else None,
                matter.referred_on if matter else None,
                matter.claimed if matter else None,
                matter.currency if matter else None,
            )
        )
    return found


def _contacts(borrower: Borrower) -> list[ContactShown]:
    """Those that count, the latest first."""
    found = [
        ContactShown(
            ref,
            past.at,
            str(past.purpose),
            str(past.channel),
            str(past.outcome),
            ref in borrower.open_contacts,
            past.contact_point,
            _loan(None if past.debt is None else UUID(past.debt)),
        )
        for ref, past in borrower.contacts.items()
    ]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _elsewhere(loan: LoanCollected) -> str:
    """Which agency collects it, or what is claimed at law, since when."""
    from entrypoints import output

    if loan.at_law_since is not None:
        assert loan.claimed is not None and loan.currency is not None
        return f"{output.money(loan.claimed, loan.currency)} at law since {loan.at_law_since}"
    return f"{loan.agency} since {loan.placed_on}" if loan.agency else ""


def _text(said: object | None) -> str | None:
    return None if said is None else str(said)


def _loan(loan_id: UUID | None) -> str | None:
    return None if loan_id is None else short_ref("L", loan_id)


# --- for people -------------------------------------------------------------------------


def render_page(page: BorrowerPage) -> None:
    """Print a page; what there is nothing of is one word, what stands comes first."""
    from entrypoints import output

    out = output.out
    language = f", speaks {page.language}" if page.language else ""
    out.print(
        f"[bold]{page.borrower_ref}[/]  {page.jurisdiction}{language}  "
        f"[dim]version {page.version}, business date {page.business_on}[/]"
    )
    out.print("  ".join(f"{when} {zone}" for zone, when in page.local_times.items()))
    for line in (*_standing(page), *_wishes(page)):
        out.print(line)
    _table(
        "Contact points",
        ("reference", "kind", "whose", "from", "basis", ""),
        (
            (
                each.point_ref,
                _words(each.kind),
                _words(each.party),
                _words(each.source),
                _words(each.lawful_basis),
                _words(each.against),
            )
            for each in page.points
        ),
    )
    _table(
        "Promises",
        ("promise", "loan", "amount", "for", ""),
        (
            (
                each.promise_ref,
                each.loan_ref,
                output.money(each.amount, each.currency),
                str(each.promised_on),
                _words(each.state),
            )
            for each in page.promises
        ),
        right=("amount",),
    )
    _table(
        "Complaints",
        ("complaint", "loan", "", "due"),
        (
            (
                _lines(f"{_words(each.severity)}, {_words(each.category)}", each.complaint_ref),
                each.loan_ref or "all",
                _words(each.outcome or each.stage),
                _instant(each.due_at),
            )
            for each in page.complaints
        ),
    )
    _table(
        "Late loans",
        ("loan", "behaviour", "strategy", "agency or law", "reason"),
        (
            (
                _lines(each.loan_ref, each.bucket),
                _words(each.behaviour),
                _lines(each.strategy, f"since {each.since_on}" if each.since_on else None),
                _elsewhere(each),
                _words(each.reason),
            )
            for each in page.loans
        ),
        wraps=("behaviour", "strategy", "agency or law", "reason"),
    )
    _table(
        f"Contacts (the last {len(page.contacts)} of {page.contacts_in_all})",
        ("when", "contact", "outcome", "to"),
        (
            (
                _instant(each.at),
                _lines(f"{_words(each.purpose)} by {_words(each.channel)}", each.contact_ref),
                "not told yet" if each.open else _words(each.outcome),
                _lines(each.point_ref, each.loan_ref and f"on {each.loan_ref}"),
            )
            for each in page.contacts
        ),
    )


def _standing(page: BorrowerPage) -> Iterable[str]:
    """What stands against acting or contact, a line each; then who has the borrower."""
    for hold in page.holds:
        if hold.stands:
            until = f" until {hold.ends_on}" if hold.ends_on else ""
            covers = ", ".join(hold.loan_refs) or "every debt"
            yield (
                f"[bold yellow]{hold.kind} hold[/] {hold.hold_ref}, since {hold.from_on}{until},"
                f" on {covers}"
            )
    for kept in page.data_restricted:
        end = "for erasure" if kept.for_erasure else f"until {kept.until_on}"
        yield (
            f"[bold yellow]Data only stored[/] since {kept.from_on}, {end}: only notices and"
            " receipts go out"
        )
    over = [each for each in page.holds if not each.stands]
    if over:
        told = ", ".join(f"{h.kind} {h.from_on} to {h.ends_on or 'later'}" for h in over)
        yield f"[dim]Holds that do not stand: {told}[/]"
    for refused in page.opt_outs:
        what = " ".join(_words(each) for each in (refused.purpose, refused.channel) if each)
        yield f"[yellow]Refused[/] {what or 'everything'}, {_instant(refused.at)}"
    for reply in page.replies:
        yield (
            f"[yellow]To {_words(reply.to_do)}[/]: {reply.contact_ref} by {_words(reply.channel)},"
            f" {_instant(reply.received_at)}"
        )
    yield f"Collector: {page.collector or 'nobody in particular'}"


def _wishes(page: BorrowerPage) -> Iterable[str]:
    for wish in page.own_hours:
        by = f" by {_words(wish.channel)}" if wish.channel else ""
        if wish.not_before_on is not None:
            yield f"Asked for: no contact{by} before {wish.not_before_on}"
            continue
        days = f" on {', '.join(each.title() for each in wish.weekdays)}" if wish.weekdays else ""
        only = "only " if wish.only else ""
        yield f"Asked for: {only}{wish.start}-{wish.end}{days}{by}"
    for contract in page.contracts:
        yield f"By contract: {escape(in_words(contract))}"
    for each in page.consents:
        if each.withdrawn_at is not None:
            since = f"taken back {_instant(each.withdrawn_at)}"
        else:
            again = f", again {_instant(each.reconfirmed_at)}" if each.reconfirmed_at else ""
            since = f"given {_instant(each.granted_at)}{again}"
        yield f"Consent to {_words(each.scope)}: {since}"


def _table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: tuple[str, ...] = (),
    wraps: tuple[str, ...] = (),
) -> None:
    from entrypoints import output

    lines = list(rows)
    if not lines:
        return
    output.out.print(f"\n[bold]{title}[/]")
    made = output.table(*columns, right=right, wraps=wraps)
    for line in lines:
        made.add_row(*map(escape, line))
    output.show(made)


def _lines(*said: str | None) -> str:
    """What is said of one thing, beneath each other: side by side it would be too wide."""
    return "\n".join(each for each in said if each)


def _words(said: str | None) -> str:
    return "" if said is None else said.lower().replace("_", " ")


def _instant(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}Z"
