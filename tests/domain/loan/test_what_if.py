"""What a loan would be if something happened that did not."""

from __future__ import annotations

from datetime import date

import pytest

from domain.base.stream import Stream
from domain.base.terms import Conversion
from domain.loan import refusals as no
from domain.loan.what_if import Conversion as Supposedly
from domain.loan.what_if import Move, NotBegun, Payment, Reversal, what_if
from domain.loan.what_if import Step as Supposed
from tests.domain.story import Step, disbursed, given, paid, terms

FEB_15, MAR_1, MAR_15 = date(2025, 2, 15), date(2025, 3, 1), date(2025, 3, 15)


def events_of(*steps: Step) -> list[Stream.Event]:
    loan = disbursed()
    for step in steps:
        step(loan)
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


def test_a_payment_that_might_come_is_split_as_a_real_one_would_be() -> None:
    events = events_of()

    difference = what_if(events, [Payment(FEB_15, 86_07)], FEB_15)

    assert (
        difference.with_it.instalments == given(disbursed(), paid("P", 86_07, FEB_15)).instalments
    )
    assert difference.without.instalments[0].paid_on is None
    assert difference.recorded == ["loan.repaid"]


def test_nothing_of_it_is_kept() -> None:
    events = events_of(paid("P-1", 86_07, on=FEB_15))
    before = list(events)

    first = what_if(events, [Payment(MAR_15, 50_00)], MAR_15)
    second = what_if(events, [Payment(MAR_15, 50_00)], MAR_15)

    assert first == second
    assert events == before


def test_a_loan_that_might_be_paid_off_would_be_closed() -> None:
    difference = what_if(events_of(), [Payment(MAR_1, None)], MAR_1)

    assert (difference.without.state, difference.with_it.state) == ("ACTIVE", "CLOSED")
    assert difference.recorded[-2:] == ["loan.settled", "loan.closed"]


def test_a_payment_that_might_bounce_makes_the_loan_late() -> None:
    events = events_of(paid("P-1", 86_07, on=FEB_15))

    difference = what_if(events, [Reversal(MAR_1, "P-1")], MAR_1)

    assert (difference.without.days_past_due, difference.with_it.days_past_due) == (0, 14)


def test_several_count_in_the_order_of_their_days() -> None:
    steps: list[Supposed] = [
        Payment(MAR_15, 86_07),
        Move(FEB_15, 2, date(2025, 3, 20)),
        Payment(FEB_15, 86_07),
    ]

    difference = what_if(events_of(), steps, MAR_15)

    assert [row.paid_on for row in difference.with_it.instalments[:3]] == [FEB_15, MAR_15, None]
    assert difference.with_it.instalments[1].due_on == date(2025, 3, 20)


def test_what_the_loan_would_refuse_is_refused() -> None:
    with pytest.raises(no.PaymentUnknown):
        what_if(events_of(), [Reversal(MAR_1, "P-9")], MAR_1)
    with pytest.raises(NotBegun):
        what_if(events_of(), [Payment(MAR_1, 1_00)], date(2024, 12, 31))


def test_a_conversion_that_might_be_accepted_is_laid_in_its_instalments() -> None:
    loan = disbursed(terms(method="BULLET", conversion=Conversion(most=12, offer_days=10)))
    events = [event for event in loan.pending_events if isinstance(event, Stream.Event)]

    difference = what_if(events, [Supposedly(MAR_15, 6)], MAR_15)

    assert [len(s.instalments) for s in (difference.without, difference.with_it)] == [1, 6]
    assert difference.recorded == ["loan.conversion-offered", "loan.converted"]
