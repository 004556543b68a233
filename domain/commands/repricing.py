"""Loans whose rate follows an index: on its dates, and where an index was corrected."""

from __future__ import annotations

from datetime import date

from domain.base.policy import Policies
from domain.base.stream import Act
from domain.loan.loan import Loan
from domain.loan.state import LoanState


def reprice_due(policies: Policies, loan: Loan, act: Act) -> None:
    """Set the rate of an index-linked loan on each repricing date that has come.

    Before that, each date that came is set anew whose index is another one by now.
    """
    plan = loan.terms.rate_plan if loan.terms else None
    if plan is None or plan.index is None or loan.state != LoanState.ACTIVE:
        return
    for day in sorted(map(date.fromisoformat, loan.repricings)):
        index = policies.index_rate(plan.index, day)
        if loan.state == LoanState.ACTIVE and not loan.was_repriced_by(day, index):
            loan.reprice_again(act, day, index)
    while (
        loan.state == LoanState.ACTIVE
        and (on := loan.reprices_on()) is not None
        and on <= act.business_on
    ):
        loan.reprice(act, policies.index_rate(plan.index, on))
