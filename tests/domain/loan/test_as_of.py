"""What the loan was on one day, as known on another."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.calendar import next_day
from domain.base.stream import Stream
from domain.base.terms import Conversion
from domain.loan.as_of import known, standing
from domain.loan.loan import Loan
from domain.loan.state import Limit
from tests.domain.loan.test_migration import TAKEN_OVER, migrated, row
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
    taken_back,
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


def test_after_the_last_day_of_a_limit_nothing_is_left_to_draw() -> None:
    loan = disbursed(terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE"), amount=400_00)
    last_on = loan.instalments[-1].due_on

    last, after = (standing(events_of(loan), day) for day in (last_on, next_day(last_on)))

    assert last is not None and last.limit == Limit(1_000_00, 600_00)
    assert after is not None and after.limit == Limit(1_000_00, 0)
    assert loan.exposure(next_day(last_on)) == 400_00


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


# --- as an auditor asks ------------------------------------------------------------------

FEB_1, APR_1, MAY_1 = date(2025, 2, 1), date(2025, 4, 1), date(2025, 5, 1)
JUN_1, JUN_10, JUL_1 = date(2025, 6, 1), date(2025, 6, 10), date(2025, 7, 1)


def audited() -> list[Stream.Event]:
    """A payment found late, one that bounced, a loss that was taken and then taken back."""
    return events_of(
        disbursed(terms(), on=FEB_1),
        paid("P-2", 86_07, on=date(2025, 4, 1)),
        paid("P-1", 86_07, on=date(2025, 3, 1), known_on=date(2025, 4, 20)),
        reversed_("P-2", on=MAY_1),
        lambda loan: write_off(loan, JUN_1),
        taken_back("write-off", JUN_10),
    )


SIX_IN_SHANGHAI = datetime(2025, 6, 1, 17, 59, tzinfo=timezone(timedelta(hours=8)))
"""A minute before ten in the morning, UTC, when the loss was recorded."""


@pytest.mark.parametrize(
    ("on", "at", "state", "days_past_due", "overdue"),
    [
        # Effective and known on the same day: as it was seen then.
        (FEB_1, FEB_1, "ACTIVE", 0, 0),
        (date(2025, 3, 1), date(2025, 3, 1), "ACTIVE", 0, 0),
        (date(2025, 3, 2), date(2025, 3, 2), "ACTIVE", 1, 86_07),
        (APR_1, APR_1, "ACTIVE", 0, 0),
        (MAY_1, MAY_1, "ACTIVE", 30, 86_07),
        (JUN_1, JUN_1, "WRITTEN_OFF", 0, 0),
        (JUN_10, JUN_10, "ACTIVE", 70, 3 * 86_07),
        # Known before the day asked for: what was not known by then is missing.
        (JUL_1, FEB_1, "ACTIVE", 122, 4 * 86_07),
        (MAY_1, APR_1, "ACTIVE", 30, 86_07),
        (JUL_1, JUN_1, "WRITTEN_OFF", 0, 0),
        (date(2026, 2, 1), JUN_1, "WRITTEN_OFF", 0, 0),
        # Known after it: what was found out later counts from its day.
        (date(2025, 3, 2), date(2025, 4, 20), "ACTIVE", 0, 0),
        (date(2025, 4, 2), date(2025, 4, 20), "ACTIVE", 0, 0),
        (date(2025, 4, 2), MAY_1, "ACTIVE", 1, 86_07),
        (JUN_1, JUN_10, "ACTIVE", 61, 2 * 86_07),
        (FEB_1, None, "ACTIVE", 0, 0),
        (JUN_1, None, "ACTIVE", 61, 2 * 86_07),
        # An instant, in another zone: the loss was recorded at 10:00 UTC.
        (JUN_1, SIX_IN_SHANGHAI, "ACTIVE", 61, 2 * 86_07),
        (JUN_1, SIX_IN_SHANGHAI + timedelta(minutes=1), "WRITTEN_OFF", 0, 0),
        (JUN_1, datetime(2025, 6, 1, 10, tzinfo=UTC), "WRITTEN_OFF", 0, 0),
        (JUN_1, datetime(2025, 4, 20, 9, 59, 59, tzinfo=UTC), "ACTIVE", 61, 2 * 86_07),
        # Still to come: as things stand.
        (date(2030, 1, 1), None, "ACTIVE", 1736, 10 * 86_07 + 86_03),
    ],
)
def test_every_pair_of_days_has_its_answer(
    on: date, at: date | datetime | None, state: str, days_past_due: int, overdue: int
) -> None:
    stood = standing(known(audited(), at), on)

    assert stood is not None
    assert (stood.state, stood.days_past_due) == (state, days_past_due)
    assert stood.amount_overdue == overdue


def test_before_the_payout_and_before_the_application_there_is_no_figure() -> None:
    events = events_of(disbursed(on=FEB_1))

    assert standing(known(events, date(2025, 1, 31)), MAR_15) is None
    assert standing(events, date(2025, 1, 31)) is None


def test_a_loan_that_was_taken_over_is_not_known_before_that() -> None:
    rows = [row(9, MAR_15), row(10, date(2025, 4, 15))]
    loan = migrated(*rows, accrues_from=date(2025, 2, 20))
    repay(loan, "P-1", 100_00, on=date(2025, 2, 25), known_on=MAR_15)
    events = events_of(loan)

    assert standing(events, date(2025, 2, 26)) is None
    stood = standing(events, TAKEN_OVER)
    assert stood is not None and stood.balance is not None
    assert stood.balance.principal == 100_00


def test_what_was_taken_back_counted_until_that_was_known() -> None:
    loan = disbursed()
    refunds = paid("P-1", 2_000_00, on=FEB_15)
    events = events_of(
        loan, refunds, lambda loan: refund(loan, "R-1", 10_00, FEB_20), taken_back("R-1", MAR_20)
    )

    before, after = (standing(known(events, day), MAR_20) for day in (MAR_15, MAR_20))

    assert before is not None and before.balance is not None
    assert after is not None and after.balance is not None
    assert after.balance.unapplied - before.balance.unapplied == 10_00


def test_a_loan_whose_credit_pays_the_rest_is_settled_when_the_day_ends_seen_or_not() -> None:
    loan = disbursed(terms(accrual="DAILY_BALANCE", prepayment="LOWER_INSTALMENT"))
    repay(loan, "P-1", 1_200_00, date(2025, 1, 31))
    events = events_of(loan)

    before, then = standing(events, FEB_15 - timedelta(days=1)), standing(events, FEB_15)
    told = loan.state
    loan.attend(act(FEB_15))

    assert before is not None and then is not None
    assert (before.state, then.state) == ("ACTIVE", "SETTLED")
    assert (told, loan.state) == ("ACTIVE", "SETTLED")
