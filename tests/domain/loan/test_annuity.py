"""Equal payments and what is in them, as spreadsheets reckon."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.loan.amortisation import level
from domain.loan.annuity import Annuity

RATES = st.sampled_from([Decimal(text) for text in ("0", "0.0000001", "0.005", "0.2", "-0.01")])


def test_a_payment_stands_at_the_end_of_its_period_or_at_the_beginning() -> None:
    # numpy-financial: pmt(0.075/12, 12*15, 200000).
    assert round(Annuity(Decimal("0.00625"), 180, Decimal(200000)).payment(), 6) == Decimal(
        "-1854.024720"
    )
    late = Annuity(Decimal("0.1"), 2, Decimal(100)).payment()
    early = Annuity(Decimal("0.1"), 2, Decimal(100), at_start=True).payment()
    assert round(early * Decimal("1.1") - late, 20) == 0


def test_without_a_rate_each_payment_is_its_share() -> None:
    annuity = Annuity(Decimal(0), 4, Decimal(100), Decimal(20))

    assert annuity.payment() == -30
    assert annuity.interest(1, 4) == 0
    assert annuity.principal(2, 3) == -60


def test_a_payment_at_the_very_start_holds_no_interest() -> None:
    annuity = Annuity(Decimal("0.1"), 3, Decimal(100), at_start=True)

    assert annuity.interest(1, 1) == 0
    assert annuity.principal(1, 1) == annuity.payment()
    # What is left after it bears a period's interest; the payment comes as it ends.
    owed = 100 + annuity.payment()
    assert round(annuity.interest(2, 2) + owed * Decimal("0.1"), 20) == 0


def test_interest_of_equal_principal_counts_from_0() -> None:
    annuity = Annuity(Decimal("0.1"), 4, Decimal(1000))

    assert [annuity.interest_of_equal_principal(period) for period in (0, 1, 4)] == [-100, -75, 0]


def test_what_a_late_payment_holds_is_exact_where_the_rate_is_high() -> None:
    # At 50 % a payment is nearly all interest until the last ones. The last repays P and
    # bears P/2, so P is its 2/3; each one before repays 2/3 of what the next repays.
    annuity = Annuity(Decimal("0.5"), 360, Decimal("125000.55"))
    last = annuity.payment() * 2 / 3

    assert round(annuity.principal(360, 360) - last, 40) == 0
    assert round(annuity.principal(358, 358) - last * 4 / 9, 40) == 0
    assert round(annuity.interest(360, 360) - last / 2, 40) == 0
    assert round(annuity.principal(1, 360) + Decimal("125000.55"), 20) == 0
    # Where money shrinks, what is left counts from the beginning.
    shrinking = Annuity(Decimal("-0.5"), 360, Decimal(1024))
    assert round(shrinking.principal(1, 1) - shrinking.payment() + 512, 20) == 0


@given(RATES, st.integers(1, 400), st.integers(1, 10**6), st.integers(-100, 100), st.booleans())
def test_all_payments_bring_the_present_to_the_future(
    rate: Decimal, count: int, present: int, future: int, at_start: bool
) -> None:
    annuity = Annuity(rate, count, Decimal(present), Decimal(future), at_start)

    balance = Decimal(present)
    for _ in range(count):
        if at_start:
            balance = (balance + annuity.payment()) * (1 + rate)
        else:
            balance = balance * (1 + rate) + annuity.payment()

    assert float(balance) == pytest.approx(-future, abs=1e-6 * (1 + 1.2 ** min(count, 200)))
    if count < 60:
        singly = sum(annuity.interest(period, period) for period in range(1, count + 1))
        assert round(singly - annuity.interest(1, count), 15) == 0


@given(RATES, st.integers(1, 400), st.integers(1, 10**15))
def test_the_equal_instalment_of_a_schedule_is_that_payment(
    rate: Decimal, count: int, balance: int
) -> None:
    of_rows = level(balance, [rate] * count)

    assert round(of_rows + Annuity(rate, count, Decimal(balance)).payment(), 6) == 0


def test_rows_that_bear_unlike_interest_are_levelled_by_their_own() -> None:
    factors = [Decimal("0.04") * days / 360 for days in (31, 31, 28)]

    # Paid at each row's end it brings the balance to nothing.
    balance = Decimal(100_00)
    for factor in factors:
        balance = balance * (1 + factor) - level(100_00, factors)
    assert round(balance, 20) == 0
