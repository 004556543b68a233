"""What a reminder or a dunning has to say of the loans as they stand when it is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from domain.base.contact_policy import Purpose
from domain.base.money import written
from domain.borrower.contact_state import Figure
from domain.commands.dispatch import NOTHING_LEFT, Due, Planned, Subject
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import LoanState

ABOUT_LOANS = (Purpose.SERVICE_REMINDER, Purpose.COLLECTION)


def saying(planned: Planned, loans: Mapping[UUID, Loan], on: date) -> Due:
    """The figures of a contact on a business date, or why there is nothing to say any more.

    A reminder names what is left of its instalments, which were moved or paid since it was
    planned, as they are now; a dunning all that is overdue; both are about the loans of which that
    is something. A lesson is moot once its loans
    are over, or one of them is late: then it would collect. Other contacts have the figures
    they were planned with.
    """
    if planned.purpose == Purpose.EDUCATION and planned.about:
        return Due(planned.figures, moot=_no_lesson(planned.about, loans, on))
    if planned.purpose not in ABOUT_LOANS:
        return Due(planned.figures)
    owed = _owed_now(planned.about, loans, on)
    if not owed:
        return Due((), moot=NOTHING_LEFT)
    said = tuple(dict.fromkeys(subject for subject, *_ in owed))
    found = _figures_of(owed)
    figures = {**found, **{figure.figure: figure.reads for figure in planned.figures}}
    return Due(tuple(Figure(name, reads) for name, reads in figures.items()), about=said)


def overdue_figures(loans: Sequence[Loan], on: date) -> dict[str, str]:
    """The figures of all that is overdue on loans on a business date; none where nothing is."""
    by_id = {loan.id: loan for loan in loans}
    return _figures_of(_owed_now([Subject(loan_id) for loan_id in by_id], by_id, on))


_Owed = tuple[Subject, Loan, date, int]
"""What a contact is about, the loan, and by when how much of it was, or is, to be paid."""


def _owed_now(about: Sequence[Subject], loans: Mapping[UUID, Loan], on: date) -> list[_Owed]:
    return [
        (subject, loan, pay_by_on, left)
        for subject in about
        if (loan := loans.get(subject.loan_id)) is not None
        for pay_by_on, left in _owed(loan, subject, on)
    ]


def _figures_of(owed: Sequence[_Owed]) -> dict[str, str]:
    if not owed:
        return {}
    sums: defaultdict[str, int] = defaultdict(int)
    for _, loan, _, left in owed:
        sums[loan.currency] += left
    amounts = [f"{written(amount, currency)} {currency}" for currency, amount in sums.items()]
    return {
        "amount": " + ".join(amounts),
        "due_on": f"{min(pay_by_on for _, _, pay_by_on, _ in owed)}",
        "instalments": str(len(owed)),
        "loan": ", ".join(sorted({loan.loan_ref for _, loan, _, _ in owed})),
    }


def _no_lesson(about: Sequence[Subject], loans: Mapping[UUID, Loan], on: date) -> str | None:
    """Why a lesson about loans is of no use any more; None while it is."""
    known = [loans[each.loan_id] for each in about if each.loan_id in loans]
    if any(_owed(loan, Subject(loan.id), on) for loan in known):
        return "LATE"
    return None if any(loan.state == LoanState.ACTIVE for loan in known) else NOTHING_LEFT


def claim_left(loan: Loan) -> int:
    """What was written off on a loan and is not recovered yet, in minor units; never below 0."""
    if loan.state != LoanState.WRITTEN_OFF:
        return 0
    return max(loan.claim.total - sum(each.amount for each in loan.recoveries.values()), 0)


def _owed(loan: Loan, subject: Subject, on: date) -> list[tuple[date, int]]:
    """What a subject means on a loan and is not paid: by when it was due, and how much.

    Of a loan that was written off it is the whole claim, as far as it is not recovered.
    """
    if loan.state == LoanState.WRITTEN_OFF:
        since, left = loan.oldest_unpaid_on(), claim_left(loan)
        return [(since, left)] if subject.instalment is None and since and left else []
    if loan.state != LoanState.ACTIVE:
        return []
    return [
        (row.pay_by_on, row.left)
        for row in loan.rows_on(on)
        if row.left and _is_meant(subject, row, on)
    ]


def _is_meant(subject: Subject, row: Instalment, on: date) -> bool:
    if subject.instalment is None:
        return row.pay_by_on < on
    return row.number == subject.instalment
