"""What settles a loan early."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.loan.settlement import Settlement, daily_simple, statutory_figure

JAN_1 = date(2024, 1, 1)
PER_MILLE = Decimal("0.001")


def test_the_statutory_rebate_is_what_is_to_come_less_the_figure() -> None:
    # 48 payments of 134.57 for 5,000.00 at 14 %, settled 28 days after twelve months.
    figure = statutory_figure(
        principal=5_000_00,
        instalment=134_57,
        apr=Decimal("0.14"),
        months_elapsed=12,
        rate_places=6,
        part_month=Fraction(28, 30),
    )

    assert 134_57 * 36 - figure == 819_71


@pytest.mark.parametrize("elapsed", [0, 2, 4])
def test_nothing_is_rebated_of_credit_that_was_free(elapsed: int) -> None:
    figure = statutory_figure(
        principal=1_000_00, instalment=250_00, apr=Decimal(0), months_elapsed=elapsed, rate_places=6
    )

    assert figure == 250_00 * (4 - elapsed)


def test_simple_interest_is_rounded_down_when_asked_for() -> None:
    # 100.05 at a tenth of a percent for ten days: 1.0005.
    assert daily_simple(100_05, PER_MILLE, JAN_1, [], date(2024, 1, 11)) == Settlement(
        date(2024, 1, 11), principal=100_05, interest=1_00
    )


def test_a_payment_pays_interest_first_and_drops_the_fraction() -> None:
    paid = [(date(2024, 1, 11), 11_00)]

    quote = daily_simple(100_05, PER_MILLE, JAN_1, paid, date(2024, 1, 21))

    assert quote == Settlement(date(2024, 1, 21), principal=90_05, interest=90)


def test_interest_that_a_payment_leaves_stays_owed_and_bears_none() -> None:
    paid = [(date(2024, 1, 11), 40)]

    quote = daily_simple(100_00, PER_MILLE, JAN_1, paid, date(2024, 1, 21))

    assert quote == Settlement(date(2024, 1, 21), principal=100_00, interest=60 + 1_00)


def test_payments_count_by_their_day_up_to_the_day_asked_for() -> None:
    paid = [(date(2024, 2, 20), 500_00), (date(2024, 1, 21), 1_00), (date(2024, 1, 11), 1_00)]

    quote = daily_simple(100_00, PER_MILLE, JAN_1, paid, date(2024, 1, 21))

    assert quote.amount == 100_00


def test_more_than_all_is_not_owed_back() -> None:
    quote = daily_simple(100_00, PER_MILLE, JAN_1, [(JAN_1, 200_00)], date(2024, 2, 1))

    assert quote.amount == 0


def test_nothing_is_settled_before_interest_begins() -> None:
    with pytest.raises(ValueError, match="before"):
        daily_simple(100_00, PER_MILLE, JAN_1, [], date(2023, 12, 31))
