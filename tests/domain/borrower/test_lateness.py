"""Why loans are late, as it was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.base.contact_policy import BY_BORROWER, LateReason, Outcome
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.contacts import Result
from domain.borrower.lateness import LoanNotNamed
from tests.domain.borrower.test_borrower import registered
from tests.domain.borrower.test_contacts import DUNNING, TEN, ask, known
from tests.domain.story import JAN_15, LOAN_ID, act, happened, kinds, last, recorded, replayed


def because(borrower: Borrower, reason: LateReason = LateReason.FORGOT, days: int = 0) -> None:
    borrower.record_late_reason(
        act(JAN_15 + timedelta(days=days)), loan_id=LOAN_ID, reason=reason, source=BY_BORROWER
    )


def test_a_reason_is_recorded_with_who_told_it() -> None:
    borrower = replayed([registered().pending_events[0]])

    because(borrower)

    assert recorded(borrower) == [
        happened(
            Borrower.LateReasonRecorded,
            loan_id=LOAN_ID,
            reason="FORGOT",
            source="borrower",
            contact_ref=None,
        )
    ]


def test_the_same_reason_is_noted_once_a_day() -> None:
    borrower = registered()
    because(borrower)
    because(borrower)

    because(borrower, days=1)
    because(borrower, LateReason.ILLNESS, days=1)

    assert kinds(borrower).count(Borrower.LateReasonRecorded) == 3
    assert borrower.late_reasons[str(LOAN_ID)].reason == "ILLNESS"


def test_a_reason_that_was_told_on_a_call_is_that_of_its_loan() -> None:
    borrower = known()
    ask(borrower, "C-1")
    borrower.tell_contact(act(), contact_ref="C-1", result=Result(Outcome.CONVERSATION, TEN))

    borrower.record_late_reason_told(
        act(), contact_ref="C-1", reason=LateReason.INCOME_LOST, source=BY_BORROWER
    )

    told = last(borrower, Borrower.LateReasonRecorded)
    assert (told.loan_id, told.contact_ref) == (LOAN_ID, "C-1")


def test_a_reason_needs_a_loan_that_the_contact_was_about() -> None:
    borrower = known()
    ask(borrower, "C-1", replace(DUNNING, debt=None))

    with pytest.raises(LoanNotNamed):
        borrower.record_late_reason_told(
            act(), contact_ref="C-1", reason=LateReason.OTHER, source=BY_BORROWER
        )


def test_a_reason_told_in_a_contact_that_was_never_made_is_refused() -> None:
    with pytest.raises(no.ContactUnknown):
        known().record_late_reason(
            act(), loan_id=LOAN_ID, reason=LateReason.OTHER, source="clerk", contact_ref="C-9"
        )
