"""What the summary writes: how a loan stands, and how it stood."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import example, given

from domain.base.terms import Conversion, FeeTerm, RateCap, Renewal
from projections import summary
from tests.domain.story import (
    CLASSES,
    JAN_15,
    LETTER_FEE,
    act,
    applied,
    approve,
    attended,
    disbursed,
    held,
    refund,
    released,
    repay,
    terms,
    write_off,
)
from tests.projections.histories import PAID_OUT_BEFORE_MONEY, Life, lived, lives
from tests.projections.rows import Rows, migrated, only, rows

FEB_15 = date(2025, 2, 15)


def current(found: Rows) -> dict[str, Any]:
    [loan] = found["summary_loan"]
    return loan


def test_a_charge_that_is_withdrawn_was_never_charged() -> None:
    late = FeeTerm("LATE", "ON_OVERDUE", 7_00)
    loan = disbursed(terms(fees=[late]))
    attended(on=date(2025, 2, 16))(loan)
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 2, 20))

    found = rows(summary, loan)

    charged = [row["fees_charged"] for row in found["summary_money"] if row.get("fees_charged")]
    assert charged == [7_00, -7_00]


def test_an_application_stands_without_a_balance() -> None:
    loan = applied()

    found = rows(summary, loan)

    assert (current(found)["state"], current(found)["principal"]) == ("APPLIED", 0)
    assert current(found)["product_code"] == "TEST"


def test_the_terms_grow_from_what_was_asked_for_to_the_contract() -> None:
    contract = terms(fees=[LETTER_FEE])
    loan = disbursed(contract)

    found = rows(summary, loan)

    grown = [
        (row["amount"], row.get("annual_rate"), row.get("method")) for row in found["summary_terms"]
    ]
    assert grown == [
        (1_000_00, None, None),
        (1_000_00, Decimal("0.06"), None),
        (1_000_00, Decimal("0.06"), "EQUAL_INSTALMENTS"),
    ]
    assert only(found["summary_contract_fee"], "kind", "timing", "amount") == [
        ("LETTER", "ON_EVENT", 20_00)
    ]


def test_an_application_stands_in_every_state_it_went_through() -> None:
    loan = disbursed()

    found = rows(summary, loan)["summary_standing"]

    states = ["APPLIED", "APPROVED", "DISCLOSED", "SIGNED", "ACTIVE"]
    assert [row["state"] for row in found] == states


def test_a_decline_ends_an_application_without_a_loan() -> None:
    loan = applied()
    loan.decline(act(), reasons=["FRAUD"], decided_by="officer")

    found = rows(summary, loan)

    assert current(found)["state"] == "DECLINED"
    assert "disbursed_on" not in current(found)


def test_an_expired_or_withdrawn_offer_is_shown_as_such() -> None:
    expired, withdrawn = applied(), applied()
    approve(expired)
    expired.attend(act(date(2025, 6, 1)))
    withdrawn.withdraw(act(), reason="found better")

    states = [current(rows(summary, loan))["state"] for loan in (expired, withdrawn)]

    assert states == ["EXPIRED", "WITHDRAWN"]


def test_a_payout_is_shown_with_its_day_and_its_instalments() -> None:
    loan = disbursed()

    found = rows(summary, loan)

    assert (current(found)["disbursed_on"], current(found)["principal"]) == (JAN_15, 1_000_00)
    assert len(found["summary_instalment"]) == 12


def test_a_loan_that_grew_late_stands_in_its_bucket() -> None:
    loan = disbursed()
    attended(date(2025, 3, 20))(loan)

    found = rows(summary, loan)

    assert (current(found)["state"], current(found)["bucket"]) == ("ACTIVE", "M2")


def test_money_is_kept_with_the_day_it_was_known() -> None:
    loan = disbursed()
    repay(loan, "P-1", 2_000_00, FEB_15, known_on=date(2025, 2, 17))
    refund(loan, "R-1", 900_00, date(2025, 2, 18))

    found = rows(summary, loan)["summary_money"]

    assert only(found, "business_on", "effective_on", "received", "refunded") == [
        (date(2025, 2, 17), FEB_15, 2_000_00, 0),
        (date(2025, 2, 18), date(2025, 2, 18), 0, 900_00),
    ]


def test_a_write_off_leaves_no_balance_and_a_recovery_brings_none_back() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))

    found = rows(summary, loan)

    assert (current(found)["state"], current(found)["principal"]) == ("WRITTEN_OFF", 0)
    [lost, back] = found["summary_money"]
    assert (lost["written_off"], back["recovered"]) == (1_000_00 + 7_45, 100_00)


def test_a_loss_that_turns_out_less_is_kept_by_the_day_it_was_known() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 3, 10))

    found = rows(summary, loan)

    assert (current(found)["state"], current(found)["principal"]) == ("WRITTEN_OFF", 0)
    assert only(found["summary_money"], "business_on", "received", "written_off") == [
        (date(2025, 3, 1), 0, 1_007_45),
        (date(2025, 3, 10), 86_07, loan.claim.total - 1_007_45),
    ]


def test_a_change_of_class_is_kept_with_its_reason() -> None:
    loan = disbursed()
    for days in (1, 91):
        loan.attend(act(FEB_15 + timedelta(days=days)), CLASSES)

    found = rows(summary, loan)

    assert current(found)["asset_class"] == "SUBSTANDARD"
    assert only(found["summary_class"], "business_on", "asset_class", "reason") == [
        (date(2025, 2, 16), "SPECIAL_MENTION", "PAST_DUE"),
        (date(2025, 5, 17), "SUBSTANDARD", "PAST_DUE"),
    ]


def test_a_security_is_kept_with_what_it_paid() -> None:
    loan = disbursed()
    loan.take_security(act(), security_ref="S-1", kind="COLLATERAL", amount=500_00)
    loan.call_security(act(FEB_15), security_ref="S-1", reason="not paid")
    loan.realise_security(
        act(FEB_15), security_ref="S-1", amount=200_00, received_on=FEB_15, payment_ref="P-1"
    )
    loan.release_security(act(FEB_15), security_ref="S-1", reason="sold")

    found = rows(summary, loan)["summary_security"]

    assert only(found, "kind", "state", "amount", "realised") == [
        ("COLLATERAL", "HELD", 500_00, 0),
        ("COLLATERAL", "CALLED", None, 0),
        ("COLLATERAL", None, None, 200_00),
        ("COLLATERAL", "RELEASED", None, 0),
    ]


def test_a_sale_leaves_no_balance_and_tells_its_price() -> None:
    loan = disbursed()
    people = {"requested_by": "treasury", "approved_by": "board"}
    loan.sell(act(FEB_15), price=700_00, buyer_ref="FUND-1", sold_on=FEB_15, **people)

    found = rows(summary, loan)

    assert (current(found)["state"], current(found)["principal"]) == ("SOLD", 0)
    assert only(found["summary_money"], "sold", "sale_price") == [(1_005_00, 700_00)]


def test_a_loan_taken_over_stands_as_it_came() -> None:
    loan = migrated()

    found = rows(summary, loan)

    assert {name: current(found)[name] for name in summary.STANDING} == {
        "state": "ACTIVE",
        "bucket": "M1",
        **vars(loan.balance),
    }
    assert (current(found)["origin"], current(found)["disbursed_on"]) == (
        "old book",
        date(2024, 2, 1),
    )
    assert len(found["summary_instalment"]) == 2
    assert found["summary_money"] == []


@example(life=PAID_OUT_BEFORE_MONEY)
@example(life=[*PAID_OUT_BEFORE_MONEY, ("draw", 1, 1_00)])
@given(life=lives)
def test_whatever_happened_the_summary_agrees_with_the_loan(life: Life) -> None:
    loan = lived(life)

    found = rows(summary, loan)

    standing = {name: current(found)[name] for name in summary.STANDING}
    standing["bucket"] = standing["bucket"] or "M0"  # an application has none
    assert standing == {"state": loan.state, "bucket": loan.bucket, **vars(loan.balance)}
    assert current(found).get("asset_class", "NORMAL") == loan.asset_class
    secured = {
        row["security_ref"]: row["state"] for row in found["summary_security"] if row["state"]
    }
    assert secured == {ref: each.state for ref, each in loan.securities.items()}
    last = {row["number"]: row for row in found["summary_instalment"]}
    for row in loan.instalments:
        assert {name: last[row.number][name] for name in vars(row)} == vars(row)
    for name in ("principal_paid", "interest_paid", "fees_paid", "penalty_paid"):
        paid = sum(getattr(row, name) for row in loan.instalments)
        assert sum(row[name] for row in found["summary_money"]) == paid


def test_an_offer_stands_until_it_is_answered() -> None:
    renewal = Renewal(term_months=3, most=1, offer_days=14)
    loan = disbursed(terms(term_months=3, method="INTEREST_ONLY", renewal=renewal))
    for number, on in enumerate((FEB_15, date(2025, 3, 15))):
        repay(loan, f"P-{number}", 5_00, on)
    attended(on=date(2025, 4, 1))(loan)
    loan.decline_renewal(act(date(2025, 4, 2)), reason="pays it back")

    offers = rows(summary, loan)["summary_offer"]

    assert [(row["kind"], row["stands"], row["count"]) for row in offers] == [
        ("RENEWAL", True, 3),
        ("RENEWAL", False, None),
    ]
    assert offers[0]["valid_until_on"] == date(2025, 4, 15)


def test_a_conversion_on_offer_is_told_with_its_cost() -> None:
    loan = disbursed(terms(method="BULLET", conversion=Conversion(most=12, offer_days=10)))
    loan.offer_conversion(act(FEB_15), count=6)
    [offer] = rows(summary, loan)["summary_offer"]
    loan.convert(act(FEB_15), consent_ref="CONSENT-1")

    after = rows(summary, loan)

    assert (offer["count"], offer["stands"]) == (6, True)
    assert after["summary_offer"][-1]["stands"] is False
    assert [row["kind"] for row in after["summary_change"]] == ["CONVERSION"]


def test_what_not_every_contract_says_stands_beside_the_terms() -> None:
    loan = disbursed(
        terms(penalty_on_interest=True, rate_caps=[RateCap(JAN_15, Decimal("0.24"), "cap-1")])
    )

    contract = rows(summary, loan)["summary_terms"][-1]

    assert contract["beyond"] == {
        "penalty_on_interest": True,
        "rate_caps": [{"from_on": "2025-01-15", "annual_rate": "0.24", "version": "cap-1"}],
    }


def test_a_hold_and_its_end_are_changes_of_the_loan() -> None:
    loan = disbursed()
    held("H-1", date(2025, 2, 20), on=date(2025, 3, 5))(loan)
    released("H-1", date(2025, 3, 1), on=date(2025, 3, 5))(loan)

    found = rows(summary, loan)["summary_change"]

    assert only(found, "kind", "effective_on", "annual_rate", "capitalised") == [
        ("HOLD_BANKRUPTCY", date(2025, 2, 20), None, 0),
        ("HOLD_BANKRUPTCY_ENDED", date(2025, 3, 1), None, 0),
    ]
