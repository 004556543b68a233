"""The events of a loan: written in one place, named in the loan."""

from __future__ import annotations

from domain.loan import events
from domain.loan.loan import Loan


def test_every_event_of_a_loan_is_named_in_the_loan() -> None:
    written = {
        name: kind
        for name, kind in vars(events).items()
        if isinstance(kind, type) and issubclass(kind, events.Event)
    }

    named = {
        name: kind
        for name, kind in vars(Loan).items()
        if isinstance(kind, type) and issubclass(kind, events.Event)
    }

    assert named == written
