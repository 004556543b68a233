"""What a borrower is told because they are owed it: receipts, and notices that the law demands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.money import written
from domain.base.policy import NoticeCause, NoticePlan
from domain.base.refusal import Refusal
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_events import ComplaintStage
from domain.borrower.contact import matches
from domain.borrower.contact_state import Figure
from domain.borrower.contacts import Because
from domain.borrower.notices import head_of, notice_head
from domain.commands.book import Book
from domain.commands.dispatch import Planned, Subject
from domain.commands.planning import Turn, first_moment
from domain.commands.sending import payment_of, receipt_figures, valid
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment

TOLD = (Outcome.SENT, Outcome.CONVERSATION, Outcome.INBOUND)
"""What came of a contact by which the borrower heard, or told, of the debt."""


@dataclass(frozen=True)
class Payment:
    """A payment that became known lately; the loan says whether it still stands."""

    loan_id: UUID
    payment_ref: str


@dataclass(frozen=True)
class InArrears:
    """A loan that is late on a day, and since when."""

    loan_id: UUID
    borrower_id: UUID
    oldest_unpaid_on: date


@dataclass(frozen=True)
class DueNotice:
    """A notice that is to be given, on top of what it goes by; at the latest *by*."""

    plan: NoticePlan
    borrower: Borrower
    loan_id: UUID
    by: date


@dataclass(frozen=True)
class LateNotice:
    """A notice that should have gone out by a day and did not; *reasons* say what stopped it last.

    *rule* is the notice and the version of its plan. It names no loan where it is about a
    complaint on all of them.
    """

    contact_ref: str
    borrower_id: UUID
    borrower_ref: str
    rule: str
    loan_refs: tuple[str, ...]
    due_by: date
    days_late: int
    state: str
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """It in words, with what shows more."""
        about = f" about {', '.join(self.loan_refs)}" if self.loan_refs else ""
        why = f" ({', '.join(self.reasons)})" if self.reasons else ""
        state = self.state.lower().replace("_", " ")
        return (
            f"The {self.rule} notice to {self.borrower_ref}{about} was due by {self.due_by}:"
            f" {self.days_late} day(s) late, {state}{why}. See contact notices."
        )


def still_late(
    book: Book, planned: Iterable[tuple[Planned, str, Sequence[str]]], on: date
) -> list[LateNotice]:
    """Of notices *planned* to go out by a day before *on*, those that did not: the latest first.

    Each comes with its state in the queue, and the reasons for it. One that went out after
    all is none, unless a provider told that it did not arrive; nor is one about what is over:
    nothing is overdue on its loan any more, or its complaint was resolved. Of one that was tried
    by several ways the last counts.
    """
    known = [each for each in planned if each[0].due_by is not None and each[0].due_by < on]
    borrowers = book.get_many(Borrower, {each.borrower_id for each, _, _ in known})
    loans = book.get_many(Loan, {about.loan_id for each, _, _ in known for about in each.about})
    found = {}
    for each, state, reasons in sorted(known, key=lambda line: line[0].contact_ref):
        borrower = borrowers.get(each.borrower_id)
        about = [loans[one.loan_id] for one in each.about if one.loan_id in loans]
        if borrower is None or each.due_by is None or _went_out(borrower, each.contact_ref):
            continue
        if not _is_due(each, borrower, about, on):
            continue
        stands, why = _how_it_stands(borrower, each.contact_ref, state, reasons)
        found[head_of(each.contact_ref)] = LateNotice(
            each.contact_ref,
            borrower.id,
            borrower.borrower_ref,
            each.rule or each.occasion,
            tuple(loan.loan_ref for loan in about),
            each.due_by,
            (on - each.due_by).days,
            stands,
            why,
        )
    return sorted(found.values(), key=lambda late: (late.due_by, late.contact_ref))


def _is_due(planned: Planned, borrower: Borrower, about: Sequence[Loan], on: date) -> bool:
    """Whether there is still something to give notice of."""
    said = {figure.figure: figure.reads for figure in planned.figures}
    complaint = borrower.complaints.get(said.get("complaint", ""))
    if complaint is not None:
        return complaint.stage != ComplaintStage.RESOLVED
    return any(debt_figures(loan, on, 0) is not None for loan in about)


def _went_out(borrower: Borrower, contact_ref: str) -> bool:
    """Whether a notice went out and arrived, on that day or another, by whatever way."""
    head = head_of(contact_ref)
    return any(
        ref.startswith(head) and borrower.was_sent(ref, past)
        for ref, past in borrower.contacts.items()
    )


def _how_it_stands(
    borrower: Borrower, contact_ref: str, state: str, reasons: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """The state of a late notice and the reasons for it; one that was sent may not have arrived."""
    lost = borrower.undelivered.get(contact_ref)
    if lost is None:
        return state, tuple(reasons)
    return Because.NOT_DELIVERED, (lost,) if lost else ()


def _rule(plan: NoticePlan) -> str:
    return f"{plan.notice} ({plan.version})"


def receipts(
    book: Book,
    payments: Iterable[Payment],
    loans: Mapping[UUID, Loan],
    borrowers: Mapping[UUID, Borrower],
    start: datetime,
) -> Iterator[Turn]:
    """A receipt for each payment that stands, where policy asks for one.

    It goes out at the first moment from *start* on that the gate allows.
    """
    on = start.date()
    for each in payments:
        loan = loans[each.loan_id]
        borrower = borrowers.get(loan.borrower_id)
        received = payment_of(loan, each.payment_ref)
        if borrower is None or received is None:
            continue
        plan = book.policies.receipt_plan(borrower.jurisdiction, on)
        if plan is None or not plan.channels:
            continue
        named = uuid5(loan.id, each.payment_ref).hex[:16]
        yield _turn(
            book,
            borrower,
            Planned(
                contact_ref=f"Q-{borrower.borrower_ref}-{named}",
                borrower_id=borrower.id,
                purpose=Purpose.RECEIPT,
                channels=tuple(Channel(channel) for channel in plan.channels),
                template=plan.template,
                occasion="payment received",
                about=(Subject(loan.id),),
                figures=_figures(receipt_figures(loan, received)),
                product_line=None,
                trial=None,
                expires_at=start + valid(book, borrower, Purpose.RECEIPT, on),
            ),
            start,
        )


def notices_due(
    book: Book, late: Iterable[InArrears], borrowers: Mapping[UUID, Borrower], start: datetime
) -> Iterator[DueNotice]:
    """The notices that are to be given about late loans on the day that *start* begins.

    One that was given is not given again, or not before the time that policy says; one that
    did not go out, or arrived by no way, is due again the next day, until it does.
    """
    on = start.date()
    for each in late:
        borrower = borrowers.get(each.borrower_id)
        if borrower is None:
            continue
        for plan in book.policies.notice_plans_of(borrower.jurisdiction, on):
            if plan.after == NoticeCause.COMPLAINT_EXTENDED:
                continue
            head = _head(plan, borrower, each.loan_id)
            caused_on = _caused_on(plan, borrower, each)
            if caused_on is None or caused_on > on or _was_given(plan, borrower, head, start):
                continue
            by = caused_on + timedelta(days=plan.within_days)
            yield DueNotice(plan, borrower, each.loan_id, by)


def notices(
    book: Book, due: Iterable[DueNotice], loans: Mapping[UUID, Loan], start: datetime
) -> Iterator[Turn]:
    """Each notice that is due, with what is overdue on its loan; none where nothing is."""
    on = start.date()
    for each in due:
        said = debt_figures(loans[each.loan_id], on, each.plan.answer_days)
        if said is None:
            continue
        yield _turn(
            book,
            each.borrower,
            Planned(
                contact_ref=f"{_head(each.plan, each.borrower, each.loan_id)}{on:%Y%m%d}",
                borrower_id=each.borrower.id,
                purpose=Purpose.STATUTORY,
                channels=tuple(Channel(channel) for channel in each.plan.channels),
                template=each.plan.template,
                occasion=f"{each.plan.notice} notice",
                about=(Subject(each.loan_id),),
                figures=_figures(said),
                product_line=None,
                trial=None,
                # The next day's plan makes it anew, with the figures of that day.
                expires_at=start + timedelta(days=1),
                due_by=each.by,
                rule=_rule(each.plan),
            ),
            start,
        )


def extended(book: Book, borrowers: Iterable[Borrower], start: datetime) -> Iterator[Turn]:
    """A notice for each complaint that takes longer, where policy asks for one: until when.

    It is given once for an extension, and each day until it went out, while the complaint is open.
    """
    on = start.date()
    for borrower in borrowers:
        plans = [
            plan
            for plan in book.policies.notice_plans_of(borrower.jurisdiction, on)
            if plan.after == NoticeCause.COMPLAINT_EXTENDED
        ]
        for each in borrower.complaints.values():
            put_off_on = each.extended_on
            if put_off_on is None or each.stage == ComplaintStage.RESOLVED:
                continue
            for plan in plans:
                named = f"{each.complaint_ref}/{each.round}/{each.extended[-1]}"
                head = _head(plan, borrower, uuid5(borrower.id, named))
                due_on = put_off_on + timedelta(days=plan.after_days)
                if due_on > on or _was_given(plan, borrower, head, start):
                    continue
                yield _turn(
                    book,
                    borrower,
                    Planned(
                        contact_ref=f"{head}{on:%Y%m%d}",
                        borrower_id=borrower.id,
                        purpose=Purpose.STATUTORY,
                        channels=tuple(Channel(channel) for channel in plan.channels),
                        template=plan.template,
                        occasion=f"{plan.notice} notice",
                        about=() if each.loan_id is None else (Subject(each.loan_id),),
                        figures=_figures(
                            {
                                "complaint": each.complaint_ref,
                                "resolve_by": f"{_local_day(borrower, each.resolve_by)}",
                            }
                        ),
                        product_line=None,
                        trial=None,
                        expires_at=start + timedelta(days=1),
                        due_by=due_on + timedelta(days=plan.within_days),
                        rule=_rule(plan),
                    ),
                    start,
                )


def _local_day(borrower: Borrower, at: datetime) -> date:
    return at.astimezone(ZoneInfo(borrower.zones[0])).date()


def overdue_parts(loan: Loan, on: date) -> tuple[list[Instalment], dict[str, int]]:
    """The rows of a loan that are overdue on a day, and what is left of them, part by part."""
    ledger = loan.ledger_due(on)
    rows = [row for row in ledger.rows_on(on) if row.left and row.pay_by_on < on]
    return rows, {
        "principal": sum(row.principal_left for row in rows),
        "interest": sum(row.interest - row.interest_paid for row in rows),
        "fees": sum(row.fees - row.fees_paid for row in rows),
        "penalty": sum(row.penalty_left + ledger.penalty_due(row, on) for row in rows),
    }


def debt_figures(loan: Loan, on: date, answer_days: int) -> dict[str, str] | None:
    """What is overdue on a loan on a day, part by part; None where nothing is."""
    rows, parts = overdue_parts(loan, on)
    if not rows:
        return None
    amounts = {**parts, "amount": sum(parts.values())}
    return {
        "loan": loan.loan_ref,
        **{
            name: f"{written(amount, loan.currency)} {loan.currency}"
            for name, amount in amounts.items()
        },
        "due_on": f"{min(row.pay_by_on for row in rows)}",
        "instalments": str(len(rows)),
        "as_of": f"{on}",
        "answer_by": f"{on + timedelta(days=answer_days)}",
    }


def _caused_on(plan: NoticePlan, borrower: Borrower, late: InArrears) -> date | None:
    """The day that brought a notice about; None while nothing did."""
    if plan.after == NoticeCause.ARREARS:
        return late.oldest_unpaid_on + timedelta(days=plan.after_days)
    told = [
        past.at
        for past in borrower.contacts.values()
        if past.purpose == Purpose.COLLECTION
        and past.outcome in TOLD
        and matches(past.debt, str(late.loan_id))
    ]
    if not told:
        return None
    first = min(told).astimezone(ZoneInfo(borrower.zones[0])).date()
    return first + timedelta(days=plan.after_days)


def _was_given(plan: NoticePlan, borrower: Borrower, head: str, start: datetime) -> bool:
    """Whether a notice was given, or is on its way; one that arrived by no way was not."""
    given = [
        past.at
        for ref, past in borrower.contacts.items()
        if ref.startswith(head) and past.outcome == Outcome.SENT and ref not in borrower.undelivered
    ]
    if not given or plan.again_after_days is None:
        return bool(given)
    return start < max(given) + timedelta(days=plan.again_after_days)


def _head(plan: NoticePlan, borrower: Borrower, loan_id: UUID) -> str:
    return notice_head(borrower.borrower_ref, plan.notice, loan_id)


def _turn(book: Book, borrower: Borrower, planned: Planned, start: datetime) -> Turn:
    try:
        return Turn(planned, first_moment(borrower, planned, book.rules.contact, start))
    except Refusal as refusal:
        return Turn(planned, start, refusal.code)


def _figures(said: Mapping[str, str]) -> tuple[Figure, ...]:
    return tuple(Figure(name, reads) for name, reads in said.items())
