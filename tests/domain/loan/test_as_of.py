"""What the loan was on one day, as known on another."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.stream import Stream
from domain.base.terms import Conversion
from domain.loan.as_of import known, standing
from domain.loan.loan import Loan
from domain.loan.state import Limit
from tests.domain.story import (
    JAN_15,
    Step,
    act,
    applied,
    approve,
    disbursed,
    draw,
    paid,
    refund,
    repay,
    reversed_,
    terms,
    write_off,
)

FEB_15, MAR_15 = date(2025, 2, 15), date(2025, 3, 15)
FEB_20, MAR_20 = date(2025, 2, 20), date(2025, 3, 20)


def events_of(loan: Loan, *steps: Step) -> list[Stream.Event]:
    """Everything that was recorded on the loan, in order."""
    for step in steps:
        step(loan)
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


def test_a_payment_found_late_counts_from_its_day_once_it_is_known() -> None:
    found_late = paid("P-1", 86_07, on=FEB_15, known_on=MAR_20)
    events = events_of(disbursed(), found_late)

    as_then_known = standing(known(events, FEB_20), FEB_20)
    as_now_known = standing(known(events, MAR_20), FEB_20)

    assert as_then_known is not None and as_now_known is not None
    assert (as_then_known.days_past_due, as_then_known.bucket) == (5, "M1")
    assert as_then_known.amount_overdue == 86_07
    assert (as_now_known.days_past_due, as_now_known.bucket) == (0, "M0")
    assert as_now_known.balance is not None and as_now_known.balance.principal == 918_93


def test_a_payment_that_bounced_stood_until_that_was_known() -> None:
    events = events_of(disbursed(), paid("P-1", 86_07, on=FEB_15), reversed_("P-1", on=MAR_20))

    before = standing(known(events, FEB_20), FEB_20)
    after = standing(events, FEB_20)

    assert before is not None and before.days_past_due == 0
    assert after is not None and after.days_past_due == 5


def test_what_counts_later_is_left_out_though_it_is_known() -> None:
    events = events_of(disbursed(), paid("P-1", 86_07, on=FEB_15), paid("P-2", 86_07, on=MAR_15))

    stood = standing(events, FEB_20)

    assert stood is not None and stood.balance is not None
    assert stood.balance.principal == 918_93
    assert [row.paid_on for row in stood.instalments[:2]] == [FEB_15, None]


def test_an_instant_tells_what_was_known_to_the_second() -> None:
    events = events_of(disbursed(), paid("P-1", 86_07, on=FEB_15))
    recorded_at = events[-1].timestamp

    assert known(events, recorded_at) == events
    assert known(events, recorded_at - timedelta(seconds=1)) == events[:-1]
    assert known(events, datetime(2025, 1, 1, tzinfo=UTC)) == []


def test_an_application_has_a_state_and_no_figures_yet() -> None:
    loan = applied()
    approve(loan, on=date(2025, 1, 17))
    events = events_of(loan)

    asked, offered = standing(events, date(2025, 1, 16)), standing(events, date(2025, 1, 17))

    assert asked is not None and offered is not None
    assert (asked.state, offered.state) == ("APPLIED", "APPROVED")
    assert (asked.balance, asked.payoff, asked.bucket) == (None, None, None)
    assert standing(events, JAN_15 - timedelta(days=1)) is None


def test_a_loan_written_off_later_was_active_before() -> None:
    loan = disbursed()
    write_off(loan, on=MAR_20)
    events = events_of(loan)

    before, after = standing(events, MAR_15), standing(events, MAR_20)

    assert before is not None and before.state == "ACTIVE"
    assert after is not None and after.balance is not None
    assert (after.state, after.balance.principal, after.payoff) == ("WRITTEN_OFF", 0, None)


def test_a_loan_paid_out_of_its_credit_is_settled_until_the_credit_is_refunded() -> None:
    loan = disbursed(terms(term_months=1))
    repay(loan, "P-1", 1_100_00, on=FEB_15)
    refund(loan, "R-1", 95_00, on=MAR_15)
    events = events_of(loan)

    assert [
        found.state
        for day in (JAN_15, FEB_15, MAR_15)
        if (found := standing(events, day)) is not None
    ] == ["ACTIVE", "SETTLED", "CLOSED"]


DAYS = st.integers(0, 90).map(lambda days: JAN_15 + timedelta(days=days))
PAYMENTS = st.lists(st.tuples(DAYS, DAYS, st.integers(1, 300_00), st.booleans()), max_size=6)


@for_all(PAYMENTS)
def test_today_as_known_today_is_what_the_loan_says_itself(
    payments: list[tuple[date, date, int, bool]],
) -> None:
    loan = disbursed(terms(fees=[]))
    today = JAN_15
    for number, (on, known_on, amount, bounced) in enumerate(payments):
        today = max(today, on, known_on)
        repay(loan, f"P-{number}", amount, on, today)
        if bounced and loan.state != "CLOSED":
            reversed_(f"P-{number}", on=today)(loan)
        loan.attend(act(today))

    stood = standing(events_of(loan), today)

    assert stood is not None
    assert stood.instalments == loan.instalments
    assert stood.state == loan.state
    assert stood.bucket == (loan.bucket if loan.state == "ACTIVE" else stood.bucket)


def test_a_limit_says_what_is_left_to_draw() -> None:
    limit = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE")
    loan = disbursed(limit, amount=400_00)
    draw(loan, "D-1", 100_00, FEB_15)
    repay(loan, "P-1", 202_00, on=FEB_15)

    before, after = (standing(events_of(loan), day) for day in (JAN_15, FEB_15))

    assert before is not None and before.limit == Limit(1_000_00, 600_00)
    assert after is not None and after.balance is not None and after.limit is not None
    assert after.limit.left == 1_000_00 - after.balance.principal


def test_what_is_paid_out_in_parts_does_not_come_back() -> None:
    loan = disbursed(terms(in_parts=True), amount=400_00)
    repay(loan, "P-1", 100_00, on=FEB_15)

    stood = standing(events_of(loan), FEB_15)

    assert stood is not None and stood.limit == Limit(1_000_00, 600_00)


def test_an_offer_stands_on_the_days_it_can_be_accepted() -> None:
    loan = disbursed(terms(method="BULLET", conversion=Conversion(most=12, offer_days=10)))
    loan.offer_conversion(act(FEB_15), count=6)
    events = events_of(loan)
    loan.convert(act(FEB_20), consent_ref="CONSENT-1")

    def offers(events: list[Stream.Event], on: date) -> list[str]:
        stood = standing(events, on)
        assert stood is not None
        return [offer.kind for offer in stood.offers]

    assert offers(events, date(2025, 2, 14)) == []
    assert offers(events, date(2025, 2, 25)) == ["CONVERSION"]
    assert offers(events, date(2025, 2, 26)) == []
    assert offers(events_of(loan), FEB_20) == []
