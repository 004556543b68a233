"""What a collector says: a call or a visit goes by a script that is in force."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from domain.base.contact_policy import Channel, Purpose
from domain.base.refs import short_ref
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.base.text_template import TextTemplate
from domain.borrower.borrower import Borrower
from domain.borrower.collection import WRITTEN_OFF
from domain.borrower.contact import Intent, Party, Template
from domain.borrower.contact_state import Figure
from domain.borrower.lateness import LoanNotNamed
from domain.borrower.restriction import OWED
from domain.borrower.wording import example
from domain.commands import agencies
from domain.commands.book import Book, command
from domain.commands.contacts import about_theirs
from domain.commands.dispatch import NOTHING_TO_SAY, with_text
from domain.commands.sayings import overdue_figures
from domain.commands.sending import ThatIsCollection
from domain.commands.texts import Wordings, text_in_force
from domain.loan.loan import Loan
from domain.loan.state import LoanState

SPOKEN = (Channel.PHONE, Channel.AI_VOICE, Channel.VISIT)
"""The channels by which somebody speaks, and so by a script."""

FOR_OTHERS = "out-of-reach"
"""The family of what is said to somebody else: it names no debt."""


TO_REPRESENTATIVES = "representative"
"""The family of what is said to who acts for the borrower, or answers for the debt."""


class OnlyInWriting(Refusal):
    """What the borrower is owed is told by a text that is sent, not by staff."""

    code = "ONLY_IN_WRITING"


class NothingOverdue(Refusal):
    """There is nothing to collect on the loan."""

    code = "NOTHING_OVERDUE"


@command
def ask(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    contact_ref: str,
    intent: Intent,
    at: datetime,
    occasion: str,
    script: str | None = None,
) -> Borrower:
    """Ask the gate whether a contact may be made; one of collection carries its script.

    The script is that of the loan's strategy, or the one named, a text or a family of
    texts, in the version in force; where none is, nothing may be said (TEMPLATE).

    Raises:
        OnlyInWriting: it is a notice or a receipt, which is sent by its text.
        LoanNotNamed: somebody is to be reminded, and of which loan is not said; or it is to
            collect, and one of their loans is claimed at law.
        ThatIsCollection: somebody is to be reminded of a loan that is late.
        NothingOverdue: nothing is to be collected on the loan.
        PromiseOpen: a promise on it is open; who has to call all the same names a script.
        NotPlaced: an agency asks, and does not collect the loan.
        NotTheBorrowers: it is about a loan of another borrower.
        AgencyUnfit: an agency asks whose licence or evaluation counts no more.
        AtLaw: it is to collect a loan that is claimed at law.
    """
    if intent.purpose in OWED:
        raise OnlyInWriting(
            f"{intent.purpose} is for a text that was written for it: send it by contact send"
            " --template; a call about the loan has another purpose."
        )
    if intent.purpose == Purpose.SERVICE_REMINDER and intent.channel in SPOKEN:
        _must_not_be_late(book, intent, act.business_on)
    borrower = book.get(Borrower, borrower_id)
    borrower.must_act_for_us(act.actor, intent.debt)
    agencies.must_be_fit(book, act, borrower)
    intent = about_theirs(book, borrower, intent)
    if intent.purpose == Purpose.COLLECTION:
        _must_not_be_at_law(borrower, intent.debt)
    text = None
    if intent.purpose == Purpose.COLLECTION and intent.channel in SPOKEN:
        loan = None if intent.debt is None else book.get(Loan, UUID(intent.debt))
        family = script
        if family is None and loan is not None:
            family = _family_of(book, borrower, loan, act.business_on)
        if is_to_others(borrower, intent):
            family, loan = FOR_OTHERS, None
        elif borrower.situation().representative(intent) is not None:
            family = script or TO_REPRESENTATIVES
        if family is not None:
            figures = {} if loan is None else _figures(loan, act.business_on)
            text = Wordings(book)(
                family,
                channel=intent.channel,
                jurisdiction=borrower.jurisdiction,
                figures=[Figure(name, reads) for name, reads in figures.items()],
                on=act.business_on,
                version=None,
                language=borrower.language,
            )
            intent = with_text(intent, text)
        elif loan is not None:
            borrower.must_not_await_promise(loan.id, loan.loan_ref)
    borrower.decide_contact(
        act,
        contact_ref=contact_ref,
        intent=intent,
        policies=book.rules.contact,
        at=at,
        occasion=occasion,
        text=text,
    )
    return borrower


def _must_not_be_late(book: Book, intent: Intent, on: date) -> None:
    """Pass when a reminder that is spoken is of a loan on which nothing is late.

    Otherwise it would escape script, caps and holds of collection.
    """
    if intent.debt is None:
        raise LoanNotNamed("A call that reminds is about a loan: name it by --loan.")
    loan = book.get(Loan, UUID(intent.debt))
    if loan.state == LoanState.WRITTEN_OFF or overdue_figures([loan], on):
        raise ThatIsCollection(
            f"{loan.loan_ref} is late on {on}: to speak of it is collection, ask for that purpose."
        )


def _must_not_be_at_law(borrower: Borrower, debt: str | None) -> None:
    """Who is claimed at law for a loan is asked about another one only, that is named."""
    if debt is not None:
        borrower.must_not_be_at_law(UUID(debt), short_ref("L", UUID(debt)))
    elif borrower.legal_matters:
        named = ", ".join(short_ref("L", UUID(each)) for each in borrower.legal_matters)
        raise LoanNotNamed(
            f"{borrower.borrower_ref} is claimed at law for {named}: name the loan that this is"
            " about (--loan)."
        )


def _family_of(book: Book, borrower: Borrower, loan: Loan, on: date) -> str | None:
    """The family of scripts that the strategy of a loan goes by; None where none is said."""
    stage = WRITTEN_OFF if loan.state == LoanState.WRITTEN_OFF else loan.bucket
    rule = book.policies.strategy(stage, on, borrower.behaviour(loan.id), loan.segment)
    return None if rule is None else rule.template


def is_to_others(borrower: Borrower, intent: Intent) -> bool:
    """Whether somebody else is spoken to, who does not act for the borrower; in doubt it is so."""
    situation = borrower.situation()
    if situation.representative(intent) is not None:
        return False
    return intent.party != Party.BORROWER or not situation.is_own(intent.contact_point)


def family_for(borrower: Borrower, intent: Intent, script: str) -> str:
    """The family of scripts for who is spoken to; *script* is that for the borrower."""
    if is_to_others(borrower, intent):
        return FOR_OTHERS
    acting = borrower.situation().representative(intent)
    return script if acting is None else TO_REPRESENTATIVES


def script_in_force(
    book: Book, family: str, channel: Channel, borrower: Borrower, on: date
) -> TextTemplate | None:
    """The script of a family for a channel on a day; None when none is in force."""
    return text_in_force(
        book.rules,
        family,
        channel=channel,
        jurisdiction=borrower.jurisdiction,
        on=on,
        language=borrower.language,
    )


def sounds_like(script: TextTemplate | None) -> Template:
    """How a script sounds, with figures that are made up: for the gate, before a call is due."""
    return NOTHING_TO_SAY if script is None else example(script).for_gate()


def _figures(loan: Loan, on: date) -> dict[str, str]:
    """What is to be collected on a loan, as a script says it.

    Raises:
        NothingOverdue: that is nothing.
    """
    figures = overdue_figures([loan], on)
    if not figures:
        raise NothingOverdue(
            f"Nothing is overdue on {loan.loan_ref} on {on}: there is nothing to collect;"
            " ask for another purpose."
        )
    return figures
