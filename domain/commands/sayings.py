"""What a reminder or a dunning has to say of the loans as they stand when it is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from domain.base.contact_policy import Purpose
from domain.base.money import written
from domain.borrower.contact_state import Figure
from domain.commands.dispatch import Due, Planned, Subject
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import LoanState

ABOUT_LOANS = (Purpose.SERVICE_REMINDER, Purpose.COLLECTION)


def saying(planned: Planned, loans: Mapping[UUID, Loan], on: date) -> Due:
    """The figures of a contact on a business date, or why there is nothing to say any more.

    A reminder names what is left of its instalments, which were moved or paid since it was
    planned, as they are now; a dunning all that is overdue. Other contacts have the
    figures they were planned with.
    """
    if planned.purpose not in ABOUT_LOANS:
        return Due(planned.figures)
    found = _figures_now(planned.about, loans, on)
    if not found:
        return Due((), moot="NOTHING_LEFT")
    figures = {**found, **{figure.figure: figure.reads for figure in planned.figures}}
    return Due(tuple(Figure(name, reads) for name, reads in figures.items()))


def overdue_figures(loans: Sequence[Loan], on: date) -> dict[str, str]:
    """The figures of all that is overdue on loans on a business date; none where nothing is."""
    by_id = {loan.id: loan for loan in loans}
    return _figures_now([Subject(loan_id) for loan_id in by_id], by_id, on)


def _figures_now(about: Sequence[Subject], loans: Mapping[UUID, Loan], on: date) -> dict[str, str]:
    rows = [
        (loan, row)
        for subject in about
        if (loan := loans.get(subject.loan_id)) is not None and loan.state == LoanState.ACTIVE
        for row in loan.rows_on(on)
        if row.left and _is_meant(subject, row, on)
    ]
    if not rows:
        return {}
    sums: defaultdict[str, int] = defaultdict(int)
    for loan, row in rows:
        sums[loan.currency] += row.left
    amounts = [f"{written(amount, currency)} {currency}" for currency, amount in sums.items()]
    return {
        "amount": " + ".join(amounts),
        "due_on": f"{min(row.pay_by_on for _, row in rows)}",
        "instalments": str(len(rows)),
        "loan": ", ".join(sorted({loan.loan_ref for loan, _ in rows})),
    }


def _is_meant(subject: Subject, row: Instalment, on: date) -> bool:
    if subject.instalment is None:
        return row.pay_by_on < on
    return row.number == subject.instalment
