"""What can be done about contact with a borrower: rights, decisions, results."""

from datetime import datetime
from uuid import UUID

from domain.base.contact_policy import (
    BY_BORROWER,
    Channel,
    ConsentScope,
    LateReason,
    PointKind,
    PointSource,
    Purpose,
)
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Party
from domain.borrower.contact_state import OwnHours
from domain.borrower.contacts import Result, Text, Trial
from domain.borrower.restriction import Restriction
from domain.commands.book import Book, command
from domain.commands.borrowers import NotTheBorrowers
from domain.commands.dispatch import about, products_of
from domain.loan.loan import Loan

# --- where and when ------------------------------------------------------------------


@command
def change_zones(
    book: Book, act: Act, *, borrower_id: UUID, zones: list[str], source: str
) -> Borrower:
    """Let the borrower plausibly be in these zones."""
    borrower = book.get(Borrower, borrower_id)
    borrower.change_zones(act, zones=zones, source=source)
    return borrower


@command
def set_language(
    book: Book, act: Act, *, borrower_id: UUID, language: str | None, source: str
) -> Borrower:
    """Let texts and scripts for the borrower be in a language; None for what is usual there."""
    borrower = book.get(Borrower, borrower_id)
    borrower.set_language(act, language=language, source=source)
    return borrower


@command
def add_contact_point(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    point_ref: str,
    kind: PointKind,
    source: PointSource,
    lawful_basis: str,
    added_at: datetime,
    party: Party = Party.BORROWER,
) -> Borrower:
    """Let a number or address be known by its reference in the vault."""
    borrower = book.get(Borrower, borrower_id)
    borrower.add_contact_point(
        act,
        point_ref=point_ref,
        kind=kind,
        source=source,
        lawful_basis=lawful_basis,
        added_at=added_at,
        party=party,
    )
    return borrower


@command
def refuse_contact_point(
    book: Book, act: Act, *, borrower_id: UUID, point_ref: str, refused_at: datetime
) -> Borrower:
    """Let whose number it is be left alone."""
    borrower = book.get(Borrower, borrower_id)
    borrower.refuse_contact_point(act, point_ref=point_ref, refused_at=refused_at)
    return borrower


@command
def block_contact_point(
    book: Book, act: Act, *, borrower_id: UUID, point_ref: str, reason: str, blocked_at: datetime
) -> Borrower:
    """Put a number or address on the black list."""
    borrower = book.get(Borrower, borrower_id)
    borrower.block_contact_point(act, point_ref=point_ref, reason=reason, blocked_at=blocked_at)
    return borrower


@command
def unblock_contact_point(
    book: Book, act: Act, *, borrower_id: UUID, point_ref: str, reason: str, unblocked_at: datetime
) -> Borrower:
    """Take a number or address off the black list."""
    borrower = book.get(Borrower, borrower_id)
    borrower.unblock_contact_point(
        act, point_ref=point_ref, reason=reason, unblocked_at=unblocked_at
    )
    return borrower


@command
def retire_contact_point(
    book: Book, act: Act, *, borrower_id: UUID, point_ref: str, reason: str, retired_at: datetime
) -> Borrower:
    """Let a number or address be used no more."""
    borrower = book.get(Borrower, borrower_id)
    borrower.retire_contact_point(act, point_ref=point_ref, reason=reason, retired_at=retired_at)
    return borrower


@command
def set_own_hours(
    book: Book, act: Act, *, borrower_id: UUID, hours: list[OwnHours], source: str, set_at: datetime
) -> Borrower:
    """Let these be the hours the borrower asked for."""
    borrower = book.get(Borrower, borrower_id)
    borrower.set_own_hours(act, hours=hours, source=source, set_at=set_at)
    return borrower


@command
def wish_hours(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    channel: Channel | None,
    hours: list[OwnHours],
    source: str,
    set_at: datetime,
) -> Borrower:
    """Let these be the hours the borrower asked for by a channel, or by any without one."""
    borrower = book.get(Borrower, borrower_id)
    borrower.wish_hours(
        act,
        channel=None if channel is None else str(channel),
        hours=hours,
        source=source,
        set_at=set_at,
    )
    return borrower


@command
def restrict(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    restriction: Restriction,
    reason: str,
    restricted_at: datetime,
) -> Borrower:
    """Let the contract of a loan narrow contact about it.

    Raises:
        NotTheBorrowers: it is a loan of another borrower.
    """
    borrower = book.get(Borrower, borrower_id)
    _theirs(book, borrower, restriction.loan_id)
    borrower.restrict_contact(act, restriction, reason=reason, restricted_at=restricted_at)
    return borrower


@command
def lift_restriction(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    restriction_ref: str,
    reason: str,
    lifted_at: datetime,
) -> Borrower:
    """Let what a contract says about contact hold no more."""
    borrower = book.get(Borrower, borrower_id)
    borrower.lift_restriction(
        act, restriction_ref=restriction_ref, reason=reason, lifted_at=lifted_at
    )
    return borrower


# --- permissions ---------------------------------------------------------------------


@command
def grant_consent(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    scope: ConsentScope,
    source: str,
    lawful_basis: str,
    granted_at: datetime,
    evidence_ref: str | None = None,
) -> Borrower:
    """Let a consent stand."""
    borrower = book.get(Borrower, borrower_id)
    borrower.grant_consent(
        act,
        scope=scope,
        source=source,
        lawful_basis=lawful_basis,
        granted_at=granted_at,
        evidence_ref=evidence_ref,
    )
    return borrower


@command
def reconfirm_consent(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    scope: ConsentScope,
    source: str,
    reconfirmed_at: datetime,
    evidence_ref: str | None = None,
) -> Borrower:
    """Let a consent be confirmed a second time."""
    borrower = book.get(Borrower, borrower_id)
    borrower.reconfirm_consent(
        act, scope=scope, source=source, reconfirmed_at=reconfirmed_at, evidence_ref=evidence_ref
    )
    return borrower


@command
def withdraw_consent(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    scope: ConsentScope,
    source: str,
    withdrawn_at: datetime,
) -> Borrower:
    """Let a consent end."""
    borrower = book.get(Borrower, borrower_id)
    borrower.withdraw_consent(act, scope=scope, source=source, withdrawn_at=withdrawn_at)
    return borrower


@command
def opt_out(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    channel: Channel | None,
    purpose: Purpose | None,
    source: str,
    opted_out_at: datetime,
    keyword: str | None = None,
    contact_ref: str | None = None,
) -> Borrower:
    """Let the borrower refuse a channel, a purpose, or both."""
    borrower = book.get(Borrower, borrower_id)
    borrower.opt_out(
        act,
        channel=channel,
        purpose=purpose,
        source=source,
        opted_out_at=opted_out_at,
        keyword=keyword,
        contact_ref=contact_ref,
    )
    return borrower


@command
def revoke_opt_out(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    channel: Channel | None,
    purpose: Purpose | None,
    source: str,
    revoked_at: datetime,
) -> Borrower:
    """Let a refusal end."""
    borrower = book.get(Borrower, borrower_id)
    borrower.revoke_opt_out(
        act, channel=channel, purpose=purpose, source=source, revoked_at=revoked_at
    )
    return borrower


# --- contacts ------------------------------------------------------------------------


@command
def decide(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    intent: Intent,
    at: datetime,
    occasion: str,
    text: Text | None = None,
    trial: Trial | None = None,
) -> Borrower:
    """Ask the gate whether a contact may be made at an instant; its answer is recorded.

    A contact that was allowed has taken its place under the caps when this returns.

    Raises:
        NotTheBorrowers: it is about a loan of another borrower, whose caps are others.
    """
    borrower = book.get(Borrower, borrower_id)
    borrower.decide_contact(
        act,
        contact_ref=contact_ref,
        intent=about_theirs(book, borrower, intent),
        policies=book.rules.contact,
        at=at,
        occasion=occasion,
        text=text,
        trial=trial,
    )
    return borrower


@command
def tell(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    result: Result,
    reason_late: LateReason | None = None,
) -> Borrower:
    """Tell what came of a contact that was allowed, and why its loan is late if that was said."""
    borrower = book.get(Borrower, borrower_id)
    borrower.tell_contact(act, contact_ref=contact_ref, result=result)
    if reason_late is not None:
        borrower.record_late_reason_told(
            act, contact_ref=contact_ref, reason=reason_late, source=BY_BORROWER
        )
    return borrower


@command
def report_delivery(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    delivered: bool,
    provider: str,
    reported_at: datetime,
    carrier: str | None = None,
    reason: str | None = None,
) -> Borrower:
    """Tell what a provider reports of a message."""
    borrower = book.get(Borrower, borrower_id)
    borrower.report_delivery(
        act,
        contact_ref=contact_ref,
        delivered=delivered,
        provider=provider,
        reported_at=reported_at,
        carrier=carrier,
        reason=reason,
    )
    return borrower


@command
def receive(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    channel: Channel,
    purpose: Purpose,
    received_at: datetime,
    point_ref: str | None = None,
    loan_id: UUID | None = None,
    keyword: str | None = None,
    answers: str | None = None,
    said_ref: str | None = None,
) -> Borrower:
    """Note that the borrower got in touch.

    Raises:
        NotTheBorrowers: it was about a loan of another borrower.
    """
    borrower = book.get(Borrower, borrower_id)
    if loan_id is not None:
        _theirs(book, borrower, loan_id)
    borrower.receive(
        act,
        contact_ref=contact_ref,
        channel=channel,
        purpose=purpose,
        received_at=received_at,
        point_ref=point_ref,
        loan_id=loan_id,
        keyword=keyword,
        answers=answers,
        said_ref=said_ref,
    )
    return borrower


def about_theirs(book: Book, borrower: Borrower, intent: Intent) -> Intent:
    """A contact that is about loans of the borrower, with the products these were lent under.

    Raises:
        NotTheBorrowers: one is a loan of another borrower.
    """
    if intent.debt is None:
        return intent
    debts = [UUID(each) for each in (intent.debt, *intent.also)]
    return about(intent, debts, products_of(_theirs(book, borrower, each) for each in debts))


def _theirs(book: Book, borrower: Borrower, loan_id: UUID) -> Loan:
    loan = book.get(Loan, loan_id)
    if loan.borrower_id != borrower.id:
        raise NotTheBorrowers(
            f"{loan.loan_ref} is no loan of {borrower.borrower_ref}: name one of theirs, or none."
        )
    return loan
