"""One text to one borrower, asked for by staff: planned as one contact, sent like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.contact_policy import Channel, Purpose
from domain.base.money import written
from domain.base.refusal import Refusal
from domain.base.text_template import TextTemplate
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Figure
from domain.borrower.lateness import LoanNotNamed
from domain.borrower.restriction import OWED
from domain.commands.book import Book
from domain.commands.borrowers import NotTheBorrowers
from domain.commands.dispatch import ASKS_FOR_MONEY, Planned, Subject
from domain.commands.planning import MESSAGES, VALID_HOURS, Turn, first_moment
from domain.commands.sayings import ABOUT_LOANS, overdue_figures
from domain.commands.texts import TextNotInForce
from domain.loan.facts import FactKind
from domain.loan.loan import Loan


class FiguresMissing(Refusal):
    """A text names figures that nobody gave."""

    code = "FIGURES_MISSING"


class NothingToSay(Refusal):
    """What a text would say is not so: nothing is owed, or no such payment stands."""

    code = "NOTHING_TO_SAY"


class ThatIsCollection(Refusal):
    """Reminding of a loan that is late collects, whatever it is called."""

    code = "THAT_IS_COLLECTION"


class NotByOneText(Refusal):
    """A text is not sent to one borrower alone."""

    code = "NOT_BY_ONE_TEXT"


@dataclass(frozen=True)
class Received:
    """A payment that stands, as a receipt confirms it."""

    amount: int
    received_on: date


def one_text(
    book: Book,
    *,
    borrower_id: UUID,
    contact_ref: str,
    template: str,
    loan_id: UUID | None,
    figures: Mapping[str, str],
    at: datetime,
    on: date,
    occasion: str,
    channel: Channel | None = None,
    payment_ref: str | None = None,
) -> Turn:
    """The contact that sends a text, or the texts of a family, from an instant on.

    Its purpose is that of the text. What it says of a loan is looked up: of a reminder and a
    dunning when it is sent, else now, on the business date *on*; *figures* are the rest. A
    receipt confirms the payment that is named, and no other figures.

    Raises:
        TextNotInForce: no such text could be sent to this borrower.
        NotByOneText: it advertises, or its texts are for several purposes.
        LoanNotNamed: it is about a loan, and none is named.
        NotTheBorrowers: the loan is somebody else's.
        ThatIsCollection: it reminds of a late loan, where that is collection.
        AtLaw: it asks for money of a loan that is claimed at law.
        PlacedElsewhere: it collects a loan that an agency has.
        PromiseOpen: it collects on a loan on which a promise to pay is open.
        NothingToSay: nothing of the kind is owed, or no such payment stands.
        FiguresMissing: it names figures that are not given.
        PolicyMissing: no rules of the borrower's jurisdiction are known.
    """
    borrower = book.get(Borrower, borrower_id)
    texts = _texts(book, borrower, template, channel, on)
    purpose = _purpose(template, texts)
    loan = _loan(book, borrower, loan_id, purpose)
    if loan is not None and purpose == Purpose.SERVICE_REMINDER:
        _must_not_collect(book, borrower, loan, on)
    if loan is not None and purpose in ASKS_FOR_MONEY:
        _must_be_ours_to_ask(borrower, loan, purpose)
    said = {} if loan is None else _figures(loan, purpose, payment_ref, on)
    if purpose == Purpose.RECEIPT:
        _must_confirm(template, texts, payment_ref)
    said |= {} if payment_ref else figures
    whole = [each for each in texts if set(each.figures) <= set(said)]
    if not whole:
        missing = sorted(set(texts[0].figures) - set(said))
        named = ", ".join(f"{name} ({texts[0].figures[name]})" for name in missing)
        raise FiguresMissing(f"{texts[0].rule} also names {named}: give each by --figure.")
    planned = Planned(
        contact_ref=contact_ref,
        borrower_id=borrower.id,
        purpose=purpose,
        channels=tuple(each for each in MESSAGES if each in {text.channel for text in whole}),
        template=template,
        occasion=occasion,
        about=() if loan is None else (_subject(loan, purpose, on),),
        # What is owed is looked up again when it is sent.
        figures=tuple(
            Figure(name, reads)
            for name, reads in (figures if purpose in ABOUT_LOANS else said).items()
        ),
        product_line=None,
        trial=None,
        expires_at=at + valid(book, borrower, purpose, on),
    )
    return Turn(planned, first_moment(borrower, planned, book.rules.contact, at))


def valid(book: Book, borrower: Borrower, purpose: Purpose, on: date) -> timedelta:
    """How long a contact may wait for its turn; what is owed, so long as the gate puts off."""
    hours = VALID_HOURS
    if purpose in OWED:
        rules = book.rules.contact.binding(borrower.jurisdiction, purpose, Channel.LETTER, on)
        hours = min((each.hours for each in rules.deferrals), default=VALID_HOURS)
    return timedelta(hours=hours)


def payment_of(loan: Loan, payment_ref: str) -> Received | None:
    """A payment of a loan that was not reversed; None when there is none of the reference."""
    for fact in (*loan.facts, *loan.recoveries.values()):
        if (fact.pays or fact.kind == FactKind.RECOVERY) and fact.ref == payment_ref:
            return Received(fact.amount, fact.on)
    return None


def receipt_figures(loan: Loan, received: Received) -> dict[str, str]:
    """What a receipt says of a payment."""
    return {
        "loan": loan.loan_ref,
        "amount": f"{written(received.amount, loan.currency)} {loan.currency}",
        "received_on": f"{received.received_on}",
    }


def _texts(
    book: Book, borrower: Borrower, template: str, channel: Channel | None, on: date
) -> list[TextTemplate]:
    found = [
        each
        for each in book.rules.texts_in_force(on)
        if template in (each.rule, each.family)
        and each.jurisdiction == borrower.jurisdiction
        and each.channel in ((channel,) if channel else MESSAGES)
        and each.channel in MESSAGES
    ]
    if not found:
        by = f" by {channel}" if channel else ""
        raise TextNotInForce(
            f"No text {template!r} for {borrower.jurisdiction} that is sent{by} is in force on"
            f" {on}: see template list."
        )
    return found


def _purpose(template: str, texts: Sequence[TextTemplate]) -> Purpose:
    purposes = sorted({each.purpose for each in texts})
    if len(purposes) > 1:
        raise NotByOneText(
            f"The texts of {template} are for {' and '.join(purposes)}: name one text, or the"
            " channel."
        )
    if purposes[0] == Purpose.MARKETING:
        raise NotByOneText(f"{template} advertises: send it by a campaign (campaign launch).")
    return purposes[0]


def _loan(book: Book, borrower: Borrower, loan_id: UUID | None, purpose: Purpose) -> Loan | None:
    if loan_id is None:
        if purpose in (*ABOUT_LOANS, *OWED):
            raise LoanNotNamed(f"A text for {purpose} is about a loan: name it by --loan.")
        return None
    loan = book.get(Loan, loan_id)
    if loan.borrower_id != borrower.id:
        raise NotTheBorrowers(
            f"{loan.loan_ref} is no loan of {borrower.borrower_ref}: name one of theirs."
        )
    return loan


def _must_not_collect(book: Book, borrower: Borrower, loan: Loan, on: date) -> None:
    is_late = bool(overdue_figures([loan], on))
    if is_late and book.policies.late_is_collected(borrower.jurisdiction, on):
        raise ThatIsCollection(
            f"{loan.loan_ref} is late on {on}: in {borrower.jurisdiction} a text that says so"
            " collects; send one for that purpose, such as collection."
        )


def _must_be_ours_to_ask(borrower: Borrower, loan: Loan, purpose: Purpose) -> None:
    """What the dispatcher would drop, as things stand, is not queued at all."""
    borrower.must_not_be_at_law(loan.id, loan.loan_ref)
    if purpose == Purpose.COLLECTION:
        borrower.must_not_be_placed(loan.id, loan.loan_ref)
        borrower.must_not_await_promise(loan.id, loan.loan_ref)


def _figures(loan: Loan, purpose: Purpose, payment_ref: str | None, on: date) -> dict[str, str]:
    """What is known of a loan, as a text of a purpose says it."""
    if payment_ref is not None:
        received = payment_of(loan, payment_ref)
        if received is None:
            raise NothingToSay(
                f"No payment {payment_ref!r} stands on {loan.loan_ref}: see its statement."
            )
        return receipt_figures(loan, received)
    if purpose == Purpose.SERVICE_REMINDER:
        row = next((row for row in loan.rows_on(on) if row.left), None)
        if row is None:
            raise NothingToSay(f"Nothing is left to pay on {loan.loan_ref}: send no reminder.")
        return {"loan": loan.loan_ref, "amount": "", "due_on": "", "instalments": ""}
    found = overdue_figures([loan], on)
    if purpose == Purpose.COLLECTION and not found:
        raise NothingToSay(f"Nothing is overdue on {loan.loan_ref} on {on}: nothing is collected.")
    return {"loan": loan.loan_ref, **found}


def _must_confirm(template: str, texts: Sequence[TextTemplate], payment_ref: str | None) -> None:
    """A receipt that names an amount confirms a payment that stands, and nothing else."""
    if payment_ref is None and any("amount" in each.figures for each in texts):
        raise NothingToSay(f"{template} confirms a payment: name it by --payment.")


def _subject(loan: Loan, purpose: Purpose, on: date) -> Subject:
    if purpose != Purpose.SERVICE_REMINDER:
        return Subject(loan.id)
    return Subject(loan.id, next(row.number for row in loan.rows_on(on) if row.left))
