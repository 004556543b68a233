"""How late a loan is, and when that is said."""

from datetime import date, timedelta

import pytest

from domain.base.refusal import SamePerson
from domain.loan import refusals as no
from domain.loan.delinquency import bucket, days_past_due, next_bucket_on
from domain.loan.loan import Loan
from tests.domain.story import (
    act,
    attended,
    disbursed,
    given,
    happened,
    kinds,
    moved,
    paid,
    recorded,
    repaid,
    repay,
    written_off,
)

FEB_15 = date(2025, 2, 15)
FEB_16 = date(2025, 2, 16)


@pytest.mark.parametrize(
    ("dpd", "name"),
    [
        (0, "M0"),
        (1, "M1"),
        (30, "M1"),
        (31, "M2"),
        (60, "M2"),
        (61, "M3"),
        (90, "M3"),
        (91, "M4"),
        (120, "M4"),
        (121, "M5"),
        (150, "M5"),
        (151, "M6"),
        (180, "M6"),
        (181, "M7"),
        (3650, "M7"),
    ],
)
def test_days_past_due_decide_the_bucket(dpd: int, name: str) -> None:
    assert bucket(dpd) == name


def test_the_due_date_itself_is_not_late() -> None:
    assert days_past_due(FEB_15, FEB_15) == 0
    assert days_past_due(FEB_15, FEB_16) == 1
    assert days_past_due(FEB_15, date(2025, 2, 1)) == 0
    assert days_past_due(None, FEB_16) == 0


def test_each_bucket_names_the_day_it_ends() -> None:
    assert next_bucket_on(FEB_15, "M0") == FEB_16
    assert next_bucket_on(FEB_15, "M1") == FEB_15 + timedelta(days=31)
    assert next_bucket_on(FEB_15, "M6") == FEB_15 + timedelta(days=181)
    assert next_bucket_on(FEB_15, "M7") is None


def test_on_its_due_date_a_loan_is_current() -> None:
    loan = given(disbursed())

    loan.attend(act(FEB_15))

    assert recorded(loan) == []


def test_the_day_after_its_due_date_a_loan_is_overdue_and_in_the_first_bucket() -> None:
    loan = given(disbursed())

    loan.attend(act(FEB_16))

    assert recorded(loan) == [
        happened(
            Loan.WentOverdue,
            effective_on=FEB_16,
            instalment=1,
            oldest_unpaid_on=FEB_15,
            amount_overdue=86_07,
        ),
        happened(
            Loan.BucketChanged,
            effective_on=FEB_16,
            bucket_before="M0",
            bucket="M1",
            days_past_due=1,
        ),
    ]


def test_a_run_that_comes_late_dates_each_label_to_its_day() -> None:
    loan = given(disbursed())

    loan.attend(act(date(2025, 3, 25)))

    assert recorded(loan) == [
        happened(Loan.WentOverdue, effective_on=FEB_16, business_on=date(2025, 3, 25)),
        happened(Loan.BucketChanged, effective_on=date(2025, 3, 18), bucket="M2", days_past_due=38),
    ]


def test_every_bucket_is_entered_on_its_first_day() -> None:
    loan = given(disbursed())

    for days in range(1, 200):
        loan.attend(act(FEB_15 + timedelta(days=days)))

    entered = [event for event in recorded(loan) if isinstance(event, Loan.BucketChanged)]
    assert [(event.bucket, event.days_past_due) for event in entered] == [
        ("M1", 1),
        ("M2", 31),
        ("M3", 61),
        ("M4", 91),
        ("M5", 121),
        ("M6", 151),
        ("M7", 181),
    ]
    assert all(event.effective_on == event.business_on for event in entered)


def test_attending_twice_on_a_day_says_nothing_new() -> None:
    loan = given(disbursed(), attended(on=FEB_16))

    loan.attend(act(FEB_16))

    assert recorded(loan) == []


def test_a_current_loan_asks_for_attention_the_day_after_its_next_due_date() -> None:
    loan = given(disbursed())

    action = loan.next_action()
    assert action is not None
    assert action.due_on == FEB_16


def test_an_overdue_loan_asks_for_attention_when_the_next_bucket_begins() -> None:
    loan = given(disbursed(), attended(on=FEB_16))

    action = loan.next_action()
    assert action is not None
    assert action.due_on == FEB_15 + timedelta(days=31)


def test_a_loan_in_the_last_bucket_asks_for_no_more() -> None:
    loan = given(disbursed(), attended(on=date(2025, 9, 30)))

    assert loan.bucket == "M7"
    assert loan.next_action() is None


def test_a_payment_in_time_keeps_a_loan_current() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 86_07, on=FEB_15)

    assert kinds(loan) == [Loan.Repaid]


def test_late_by_one_day_counts_even_before_the_days_run() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 86_07, on=FEB_16)

    assert recorded(loan) == [
        happened(Loan.WentOverdue, effective_on=FEB_16),
        happened(Loan.BucketChanged, bucket="M1", effective_on=FEB_16),
        repaid("P-1", 86_07, interest=5_00, principal=81_07),
        happened(
            Loan.Cured,
            effective_on=FEB_16,
            overdue_since_on=FEB_15,
            next_pay_by_on=date(2025, 3, 15),
        ),
        happened(Loan.BucketChanged, bucket="M0", days_past_due=0, effective_on=FEB_16),
    ]


def test_a_part_of_what_is_due_cures_nothing() -> None:
    loan = given(disbursed(), attended(on=FEB_16))

    repay(loan, "P-1", 86_06, on=date(2025, 2, 20))

    assert kinds(loan) == [Loan.Repaid]


def test_paying_the_oldest_of_two_instalments_moves_a_loan_to_a_better_bucket() -> None:
    loan = given(disbursed(), attended(on=date(2025, 3, 20)))

    repay(loan, "P-1", 86_07, on=date(2025, 3, 20))

    assert recorded(loan) == [
        repaid("P-1", 86_07, interest=5_00, principal=81_07),
        happened(
            Loan.BucketChanged,
            bucket_before="M2",
            bucket="M1",
            days_past_due=5,
            effective_on=date(2025, 3, 20),
        ),
    ]


def test_a_moved_due_date_moves_lateness_with_it() -> None:
    loan = given(disbursed(), moved(1, date(2025, 2, 25), on=date(2025, 2, 10)))

    loan.attend(act(date(2025, 2, 25)))
    assert recorded(loan) == []
    loan.attend(act(date(2025, 2, 26)))

    assert recorded(loan) == [
        happened(
            Loan.WentOverdue, effective_on=date(2025, 2, 26), oldest_unpaid_on=date(2025, 2, 25)
        ),
        happened(Loan.BucketChanged, bucket="M1", days_past_due=1),
    ]


def test_an_overdue_instalment_is_not_moved_to_cure_the_loan() -> None:
    loan = given(disbursed(), attended(on=date(2025, 2, 20)))

    with pytest.raises(no.PastDue, match="Re-age"):
        moved(1, date(2025, 2, 28), on=date(2025, 2, 20))(loan)

    assert recorded(loan) == []


def test_a_move_agreed_in_time_and_known_late_cures_the_loan_by_two_people() -> None:
    loan = given(disbursed(), attended(on=date(2025, 2, 20)))
    agreed = moved(1, date(2025, 2, 28), on=date(2025, 2, 10), known_on=date(2025, 2, 20))
    by_two = moved(
        1,
        date(2025, 2, 28),
        on=date(2025, 2, 10),
        known_on=date(2025, 2, 20),
        requested_by="clerk",
        approved_by="manager",
    )

    with pytest.raises(SamePerson):
        agreed(loan)
    by_two(loan)

    assert kinds(loan) == [Loan.DueDateMoved, Loan.Cured, Loan.BucketChanged]


def test_a_written_off_loan_grows_no_later() -> None:
    loan = given(disbursed(), attended(on=date(2025, 9, 30)), written_off(on=date(2025, 9, 30)))

    loan.attend(act(date(2026, 9, 30)))

    assert recorded(loan) == []
    assert loan.next_action() is None


def test_a_settled_loan_is_never_late() -> None:
    loan = given(disbursed(), paid("P-1", 1_032_80, on=FEB_15))

    loan.attend(act(date(2026, 9, 30)))

    assert recorded(loan) == []


def test_a_payment_found_late_cures_the_loan_from_the_day_it_was_received() -> None:
    loan = given(disbursed(), attended(on=date(2025, 3, 10)))

    repay(loan, "P-1", 86_07, on=date(2025, 3, 1), known_on=date(2025, 3, 10))

    assert recorded(loan)[1:] == [
        happened(Loan.Cured, effective_on=date(2025, 3, 1), business_on=date(2025, 3, 10)),
        happened(Loan.BucketChanged, bucket="M0", effective_on=date(2025, 3, 1)),
    ]


def test_a_payment_that_was_in_time_after_all_leaves_no_day_overdue() -> None:
    loan = given(disbursed(), attended(on=date(2025, 3, 10)))

    repay(loan, "P-1", 86_07, on=FEB_15, known_on=date(2025, 3, 10))

    # It went overdue on the 16th, and was cured from the 16th.
    assert recorded(loan)[1:] == [
        happened(Loan.Cured, effective_on=FEB_16),
        happened(Loan.BucketChanged, bucket="M0", effective_on=FEB_16),
    ]


def test_the_last_part_of_an_instalment_cures_it_whichever_part_is_found_late() -> None:
    loan = given(disbursed(), attended(on=FEB_16), paid("P-2", 80_00, on=date(2025, 3, 5)))

    repay(loan, "P-1", 6_07, on=date(2025, 2, 20), known_on=date(2025, 3, 10))

    assert recorded(loan)[1:] == [
        happened(Loan.Cured, effective_on=date(2025, 3, 5)),
        happened(Loan.BucketChanged, bucket="M0", effective_on=date(2025, 3, 5)),
    ]


def test_a_better_bucket_is_dated_to_the_payment_or_to_its_own_first_day() -> None:
    # Two instalments late; the older one was paid on 1 March, known on 20 March.
    loan = given(disbursed(), attended(on=date(2025, 4, 20)))

    repay(loan, "P-1", 86_07, on=date(2025, 3, 1), known_on=date(2025, 4, 20))

    # M3 (64 days) becomes M2: the instalment of 15 March is 31 days late on 15 April.
    assert recorded(loan)[1:] == [
        happened(
            Loan.BucketChanged,
            bucket_before="M3",
            bucket="M2",
            days_past_due=36,
            effective_on=date(2025, 4, 15),
        )
    ]


def test_a_late_payment_known_later_was_late_even_if_no_run_saw_it() -> None:
    loan = given(disbursed())

    repay(loan, "P-1", 86_07, on=date(2025, 3, 1), known_on=date(2025, 3, 10))

    assert recorded(loan) == [
        happened(Loan.WentOverdue, effective_on=FEB_16),
        happened(Loan.BucketChanged, bucket="M1", days_past_due=14, effective_on=FEB_16),
        repaid("P-1", 86_07, interest=5_00, principal=81_07),
        happened(Loan.Cured, effective_on=date(2025, 3, 1)),
        happened(Loan.BucketChanged, bucket="M0", effective_on=date(2025, 3, 1)),
    ]
