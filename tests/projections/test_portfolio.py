"""What the portfolio adds: every day's changes, summing to the book."""

from collections import Counter
from datetime import date
from decimal import Decimal

from hypothesis import example, given

from domain.base.terms import Subsidy
from domain.loan.loan import Loan
from projections import portfolio
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    act,
    applied,
    approve,
    attended,
    disbursed,
    repay,
    sell,
    signed,
    take_back,
    terms,
    write_off,
)
from tests.projections.histories import PAID_OUT_BEFORE_MONEY, Life, lived, lives
from tests.projections.rows import Rows, migrated, only, rows

FEB_15 = date(2025, 2, 15)


def cells(found: Rows) -> dict[tuple[str, str], tuple[int, int]]:
    """Loans and principal by state and bucket, over all days; the empty left out."""
    loans: Counter[tuple[str, str]] = Counter()
    principal: Counter[tuple[str, str]] = Counter()
    for row in found["portfolio_loans"]:
        loans[row["state"], row["bucket"]] += row["loans"]
        principal[row["state"], row["bucket"]] += row["principal"]
    return {
        cell: (loans[cell], principal[cell]) for cell in loans if loans[cell] or principal[cell]
    }


def stages(*loans: Loan) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(portfolio, *loans)["portfolio_stage"]:
        counts[row["stage"]] += row["applications"]
    return {stage: count for stage, count in counts.items() if count}


def flow(found: Rows, name: str) -> int:
    return sum(row.get(name, 0) for row in found["portfolio_flow"])


def test_applications_are_counted_where_they_are() -> None:
    asked, decided, declined = applied(evidence=["ID"]), applied(), applied()
    approve(decided)
    declined.decline(act(), reasons=["FRAUD"], decided_by="officer")

    found = stages(asked, decided, declined, signed(), disbursed())

    assert found == {
        "EVIDENCE": 1,
        "DISCLOSURE": 1,
        "DECLINED": 1,
        "DISBURSEMENT": 1,
        "SERVICING": 1,
    }


def test_a_payout_adds_a_loan_and_its_principal() -> None:
    found = rows(portfolio, disbursed())

    assert only(found["portfolio_loans"], "business_on", "state", "bucket") == [
        (JAN_15, "ACTIVE", "M0")
    ]
    assert cells(found) == {("ACTIVE", "M0"): (1, 1_000_00)}
    assert flow(found, "disbursed") == 1_000_00


def test_a_repayment_flows_on_the_day_it_was_known() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 2, 17))

    found = rows(portfolio, loan)

    received = [row for row in found["portfolio_flow"] if row.get("received")]
    assert only(received, "business_on", "received", "principal_repaid", "interest_repaid") == [
        (date(2025, 2, 17), 86_07, 81_07, 5_00)
    ]


def test_a_loan_that_grows_later_moves_with_its_principal() -> None:
    loan = disbursed()
    attended(date(2025, 3, 20))(loan)

    assert cells(rows(portfolio, loan)) == {("ACTIVE", "M2"): (1, 1_000_00)}


def test_a_loan_closed_and_reopened_by_a_reversal_is_counted_once() -> None:
    loan = disbursed()
    on = date(2025, 2, 10)
    repay(loan, "P-1", loan.payoff(on), on, payoff=True)
    closed = cells(rows(portfolio, loan))

    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")
    reopened = cells(rows(portfolio, loan))

    assert closed == {("CLOSED", "M0"): (1, 0)}
    assert reopened == {("ACTIVE", "M1"): (1, 1_000_00)}


def test_a_write_off_takes_the_principal_off_the_books() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 2, 10))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))

    found = rows(portfolio, loan)

    assert cells(found) == {("WRITTEN_OFF", "M0"): (1, 0)}
    assert flow(found, "principal_written_off") == 1_000_00
    assert flow(found, "recovered") == 100_00


def test_a_recovery_that_bounces_flows_back() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 2, 10))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))
    loan.reverse(act(date(2025, 3, 12)), payment_ref="P-1", reason="bounced", kind="BOUNCED")

    found = rows(portfolio, loan)

    assert flow(found, "recovered") == 0
    assert cells(found) == {("WRITTEN_OFF", "M0"): (1, 0)}


def test_a_payment_of_before_the_write_off_is_money_received_and_less_is_written_off() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 10))
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 4, 1))

    found = rows(portfolio, loan)

    assert cells(found) == {("WRITTEN_OFF", "M0"): (1, 0)}
    names = ("received", "recovered", "principal_repaid", "principal_written_off", "written_off")
    assert [flow(found, name) for name in names] == [86_07, 0, 81_07, 918_93, loan.claim.total]


def test_what_was_paid_after_a_loss_that_is_known_late_is_recovered_and_was_not_received() -> None:
    loan = disbursed(terms(fees=[LETTER_FEE]))
    loan.charge_fee(act(date(2025, 3, 1)), kind="LETTER", fee_ref="F-1")
    repay(loan, "P-1", 86_07, date(2025, 3, 10))
    loan.attend(act(date(2025, 4, 1)))
    write_off(loan, date(2025, 4, 1), counts_on=date(2025, 2, 20))

    found = rows(portfolio, loan)
    take_back(loan, "write-off", date(2025, 4, 1))
    again = rows(portfolio, loan)

    assert cells(found) == {("WRITTEN_OFF", "M1"): (1, 0)}
    names = ("received", "recovered", "principal_repaid", "principal_written_off", "fees_charged")
    assert [flow(found, name) for name in names] == [0, 86_07, 0, 1_000_00, 0]
    assert flow(found, "written_off") == 1_000_00 + 5_00 + 77
    assert cells(again) == {("ACTIVE", "M1"): (1, loan.balance.principal)}
    assert [flow(again, name) for name in names] == [86_07, 0, 81_07, 0, 20_00]


def test_what_was_paid_after_a_sale_that_is_known_late_is_owed_to_the_buyer() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, date(2025, 3, 10))
    repay(loan, "P-2", 50_00, date(2025, 3, 20))
    sell(loan, date(2025, 4, 1), sold_on=date(2025, 2, 20))
    loan.reverse(act(date(2025, 4, 2)), payment_ref="P-2", reason="bounced")

    found = rows(portfolio, loan)
    take_back(loan, "sale", date(2025, 4, 2))
    again = rows(portfolio, loan)

    assert cells(found) == {("SOLD", "M1"): (1, 0)}
    names = ("received", "passed_on", "principal_repaid", "principal_sold", "sale_price")
    assert [flow(found, name) for name in names] == [0, 86_07, 0, 1_000_00, 300_00]
    assert [flow(again, name) for name in names] == [86_07, 0, 81_07, 0, 0]


def test_what_was_recovered_of_a_loss_taken_back_flows_as_money_received() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))
    take_back(loan, "write-off", date(2025, 3, 12))

    found = rows(portfolio, loan)

    assert cells(found) == {("ACTIVE", loan.bucket): (1, loan.balance.principal)}
    assert (flow(found, "received"), flow(found, "recovered")) == (100_00, 0)
    assert flow(found, "principal_repaid") == loan.splits["P-1"].principal
    assert (flow(found, "written_off"), flow(found, "credit")) == (0, 0)


def test_a_sale_takes_the_principal_off_the_books_apart_from_losses() -> None:
    loan = disbursed()
    loan.sell(
        act(FEB_15),
        price=700_00,
        buyer_ref="FUND-1",
        sold_on=FEB_15,
        requested_by="treasury",
        approved_by="board",
    )

    found = rows(portfolio, loan)

    assert cells(found) == {("SOLD", "M0"): (1, 0)}
    names = ("principal_sold", "sold", "sale_price", "principal_written_off")
    assert [flow(found, name) for name in names] == [1_000_00, 1_005_00, 700_00, 0]


def test_what_a_partner_owes_flows_apart_from_what_borrowers_pay() -> None:
    loan = disbursed(terms(annual_rate=Decimal(0), subsidy=Subsidy("SHOP-1", Decimal("0.06"))))
    loan.attend(act(FEB_15))

    found = rows(portfolio, loan)

    assert (flow(found, "subsidised"), flow(found, "received")) == (5_00, 0)


def test_a_loan_taken_over_was_never_an_application() -> None:
    loan = migrated()

    found = rows(portfolio, loan)

    assert cells(found) == {("ACTIVE", "M1"): (1, 400_00)}
    assert (flow(found, "disbursed"), flow(found, "taken_over")) == (0, 400_00)
    assert flow(found, "credit") == 10_00
    assert stages(loan) == {}


@example(life=PAID_OUT_BEFORE_MONEY)
@example(life=[*PAID_OUT_BEFORE_MONEY, ("draw", 1, 1_00)])
@given(life=lives)
def test_whatever_happened_a_loan_is_in_one_place_with_its_principal(life: Life) -> None:
    loan = lived(life)

    found = rows(portfolio, loan)

    place = {(loan.state, loan.bucket): (1, loan.balance.principal)}
    assert cells(found) == (place if loan.disbursed_on else {})
    ended = ("principal_repaid", "principal_written_off", "principal_sold")
    gone = sum(flow(found, name) for name in ended)
    assert flow(found, "disbursed") == loan.balance.principal + gone
    passed_on = sum(fact.amount for fact in loan.passed_on)
    assert flow(found, "passed_on") == passed_on
    assert flow(found, "recovered") == sum(fact.amount for fact in loan.recoveries.values())
    received = flow(found, "received") - flow(found, "reversed") - flow(found, "refunded")
    parts = ("principal_repaid", "interest_repaid", "fees_repaid", "penalty_repaid", "credit")
    beyond_claim = sum(split.unapplied for split in loan.recovered.values())
    missing = loan.endings[0].claim.unapplied if loan.endings else 0
    beyond_claim = max(beyond_claim, missing)
    prices = [ended.price for ended in loan.endings if ended.price is not None]
    assert flow(found, "sale_price") == sum(prices)
    assert flow(found, "written_off") == loan.claim.total
    assert received + beyond_claim == sum(flow(found, part) for part in parts)
    assert flow(found, "credit") == loan.balance.unapplied
