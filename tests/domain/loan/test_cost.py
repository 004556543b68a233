"""What a loan costs in a year, and the fingerprint of its terms."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.base.calendar import due_dates
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RateCap, Terms
from domain.loan.apr import NoRate
from domain.loan.cost import CostMethod, Flow, annual_cost, annualised_cost, cash_flows, digest
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.schedule import schedule
from tests.domain.story import JAN_15, applied, approve, disclose, last, terms


def cost_of(asked: Terms, on: date = JAN_15) -> Decimal:
    return annualised_cost(cash_flows(asked, on, schedule(asked, on)))


def test_without_fees_the_cost_is_the_rate() -> None:
    cost = cost_of(terms(amount=1_000_000_00))

    assert cost.quantize(Decimal("0.00001")) == Decimal("0.06000")


def test_fees_make_a_loan_dearer_than_its_rate() -> None:
    fees = [FeeTerm("ACCOUNT", "PER_INSTALMENT", 5_00)]

    assert cost_of(terms(fees=fees)) > Decimal("0.16")


def test_a_flat_fee_of_six_per_mille_a_month_costs_about_thirteen_per_cent() -> None:
    # 0.6 % a month on the original principal for 12 months: 13.03 % nominal a year.
    flat = terms(
        annual_rate=Decimal(0),
        amount=1_000_000_00,
        fees=[FeeTerm("FLAT", "PER_INSTALMENT", 6_000_00)],
    )

    cost = cost_of(flat)

    assert cost.quantize(Decimal("0.0001")) == Decimal("0.1303")


def test_a_loan_that_costs_nothing_costs_nothing() -> None:
    assert cost_of(terms(annual_rate=Decimal(0))) == 0


def test_the_cost_of_a_very_dear_loan_is_found_too() -> None:
    dear = terms(term_months=1, fees=[FeeTerm("F", "PER_INSTALMENT", 5_000_00)])

    assert cost_of(dear) > 60


def test_other_terms_have_another_digest() -> None:
    assert digest(terms()) == digest(terms())
    assert digest(terms()) != digest(terms(penalty_rate=Decimal("0.01")))
    assert digest(terms()) != digest(terms(fees=[FeeTerm("X", "ON_EVENT", 1)]))


def test_a_rate_written_with_more_zeros_is_the_same_rate() -> None:
    # As it was entered, and as it comes back from the store.
    assert digest(terms(annual_rate=Decimal("0.06"))) == digest(
        terms(annual_rate=Decimal("0.0600000000"))
    )
    assert digest(terms(annual_rate=Decimal(0))) == digest(terms(annual_rate=Decimal("0E-10")))


def flat(count: int = 12, lent: int = 12_000_00, fee: int = 72_00) -> list[Flow]:
    """Lent on 15 January and repaid in equal months, with a fee on all of it each."""
    months = due_dates(date(2025, 2, 15), count)
    share = lent // count
    return [Flow(JAN_15, lent, lent), *(Flow(on, -share - fee, -share) for on in months)]


def test_one_loan_has_a_rate_by_each_method() -> None:
    # 0.6 % a month on the original principal: 13.03 % nominal, 13.84 % effective;
    # 864 x 365 over 2,363,000, the principal times its days: 13.35 % simple.
    rates = {method: annual_cost(method, flat()) * 100 for method in CostMethod}

    assert {method: rate.quantize(Decimal("0.01")) for method, rate in rates.items()} == {
        "IRR": Decimal("13.03"),
        "NOMINAL": Decimal("13.03"),
        "APR_REG_Z": Decimal("13.03"),
        "APRC": Decimal("13.84"),
        "SIMPLE": Decimal("13.35"),
    }


def test_simple_interest_is_cost_over_principal_and_days_in_use() -> None:
    # 100.00 for 73 days and 50.00 for 73 more cost 3.00: 3 x 365 / 10,950.
    flows = [
        Flow(date(2025, 1, 1), 100_00, 100_00),
        Flow(date(2025, 3, 15), -52_00, -50_00),
        Flow(date(2025, 5, 27), -51_00, -50_00),
    ]

    assert annual_cost("SIMPLE", flows) == Decimal("0.1")


def test_simple_interest_needs_principal_in_use() -> None:
    with pytest.raises(NoRate):
        annual_cost("SIMPLE", [Flow(JAN_15, 100), Flow(date(2025, 3, 15), -110)])


def test_the_rate_of_regulation_z_takes_odd_days_simply() -> None:
    # Appendix J (c)(1)(ii): 6,000 against 36 payments of 200, first after 1 19/30 months.
    flows = [Flow(date(1978, 2, 10), 6_000_00)]
    flows += [Flow(on, -200_00) for on in due_dates(date(1978, 4, 1), 36)]

    assert round(annual_cost("APR_REG_Z", flows), 4) == Decimal("0.1182")


def test_weekly_payments_have_a_weekly_nominal_rate() -> None:
    weekly = [Flow(date(2025, 1, 6), 100_00)]
    weekly += [Flow(date(2025, 1, 13 + 7 * week), -51_00) for week in range(2)]

    assert annual_cost("APR_REG_Z", weekly) > annual_cost("NOMINAL", weekly) * Decimal("0.99")


def test_flows_in_any_order_cost_the_same() -> None:
    assert annual_cost("APRC", flat()[::-1]) == annual_cost("APRC", flat())


def test_a_method_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="not offered"):
        annual_cost("EIR", flat())
    with pytest.raises(NoRate):
        annual_cost("APRC", [])


@pytest.mark.parametrize(
    ("frequency", "rate"), [("MONTH", "0.0600"), ("QUARTER", "0.0597"), ("WEEK", "0.0601")]
)
def test_the_disclosed_cost_goes_by_the_days_of_the_rows(frequency: str, rate: str) -> None:
    # 6 % a year by the quarter is 1.5 %: 0.4975 % a month.
    dated = terms(amount=1_000_000_00, frequency=frequency)

    assert round(cost_of(dated), 4) == Decimal(rate)


def test_a_down_payment_does_not_make_a_loan_dearer() -> None:
    paid = terms(amount=1_000_000_00, repayment=Repayment(down_payment=Decimal("0.3")))

    assert round(cost_of(paid), 6) == round(cost_of(terms(amount=1_000_000_00)), 6)


@pytest.mark.parametrize("on", [date(2025, 1, 15), date(2025, 1, 31), date(2024, 2, 29)])
def test_what_is_disclosed_is_what_a_quote_of_that_day_says(on: date) -> None:
    asked = terms(method="EQUAL_PRINCIPAL", day_count="ACT/365F")
    loan = applied(asked, on)
    approve(loan, asked, on)
    disclose(loan, asked, on)

    said = last(loan, Loan.CostDisclosed).annualised_cost

    quoted_rate = {each.method: each.rate for each in quote(asked, on).costs}["IRR"]
    assert quoted_rate is not None and said == round(quoted_rate, 10)


def test_a_bullet_costs_its_interest_over_all_the_months_it_runs() -> None:
    bullet = terms(method="BULLET", term_months=6)
    cost = cost_of(bullet)

    # 1,030.00 after six months is 0.4939 % a month.
    assert round(cost, 6) == Decimal("0.059263")


def test_what_is_disclosed_of_a_bullet_is_what_its_flows_say() -> None:
    bullet = terms(method="BULLET", term_months=6)
    loan = applied(bullet)
    approve(loan, bullet)
    disclose(loan, bullet)

    said = last(loan, Loan.CostDisclosed).annualised_cost

    assert abs(said - annual_cost("IRR", quoted(bullet))) < Decimal("1E-9")


def quoted(asked: Terms) -> list[Flow]:
    rows = schedule(asked, JAN_15)
    return [
        Flow(JAN_15, asked.amount),
        *(Flow(row.due_on, -row.principal - row.interest) for row in rows),
    ]


def test_terms_that_name_days_have_a_digest_too() -> None:
    def capped(on: date) -> Terms:
        return terms(rate_caps=[RateCap(on, Decimal("0.24"), "cap-1")])

    assert digest(capped(JAN_15)) == digest(capped(JAN_15))
    assert digest(capped(JAN_15)) != digest(capped(date(2025, 1, 16)))


@pytest.mark.parametrize("back", [2_00, 100_00, 10_000_000_00])
def test_a_cost_that_is_too_high_to_be_written_is_none(back: int) -> None:
    flows = [Flow(JAN_15, 1_00), Flow(JAN_15 + timedelta(days=1), -back)]

    with pytest.raises(NoRate, match=r"It is higher than a rate can be written\."):
        annualised_cost(flows)


def test_more_paid_than_received_before_some_of_it_comes_back_has_no_rate() -> None:
    # Paid off with charges on the day of the payout; a charge is taken back the next day.
    flows = [
        Flow(date(2025, 1, 15), 127_08),
        Flow(date(2025, 1, 15), -127_77),
        Flow(date(2025, 1, 16), 5),
    ]

    with pytest.raises(NoRate, match="no rate"):
        annualised_cost(flows)
