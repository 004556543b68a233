"""What the statement writes: one line per movement of money, adding up to the balance."""

from datetime import date
from decimal import Decimal

from hypothesis import example, given

from domain.base.terms import FeeTerm
from domain.loan.relief import Agreement
from projections import statement
from tests.domain.story import (
    LETTER_FEE,
    act,
    applied,
    disbursed,
    draw,
    held,
    refund,
    released,
    repay,
    sell,
    take_back,
    terms,
    waive,
    write_off,
)
from tests.projections.histories import PAID_OUT_BEFORE_MONEY, Life, lived, lives
from tests.projections.rows import migrated, only, rows

FEB_15 = date(2025, 2, 15)


def test_an_application_moves_no_money() -> None:
    assert rows(statement, applied())["statement_line"] == []


def test_a_payout_is_the_first_line() -> None:
    found = rows(statement, disbursed())["statement_line"]

    assert only(found, "kind", "ref", "amount", "principal_after", "owed_after") == [
        ("disbursement", "D-1", 1_000_00, 1_000_00, 1_032_80)
    ]


def test_a_repayment_is_a_line_with_its_split() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)

    last = rows(statement, loan)["statement_line"][-1]

    assert (last["kind"], last["ref"], last["amount"]) == ("repayment", "P-1", -86_07)
    assert (last["interest"], last["principal"], last["fees"]) == (-5_00, -81_07, 0)
    assert last["principal_after"] == 1_000_00 - 81_07


def test_a_payment_found_later_is_one_line_with_the_net_of_what_it_split_anew() -> None:
    loan = disbursed()
    repay(loan, "P-2", 86_07, date(2025, 3, 15))
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 3, 20))

    [_, first, second] = rows(statement, loan)["statement_line"]

    assert (second["business_on"], second["effective_on"]) == (date(2025, 3, 20), FEB_15)
    assert (first["reallocated"], second["reallocated"]) == (0, 1)
    assert (second["principal"], second["interest"]) == (-81_48, -4_59)


def test_a_payment_known_after_interest_became_principal_says_how_much_less_of_it_did() -> None:
    loan = disbursed()
    loan.reschedule(
        act(date(2025, 4, 20)),
        agreed=Agreement("CAPITALISATION"),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
    )
    repay(loan, "P-1", 300_00, FEB_15, known_on=date(2025, 5, 1))

    lines = rows(statement, loan)["statement_line"]

    assert only(lines, "kind", "principal", "interest", "principal_after") == [
        ("disbursement", 1_000_00, 0, 1_000_00),
        ("laid anew", 13_78, -13_78, 1_013_78),
        ("repayment", -296_22, -3_78, 717_56),
    ]


def test_a_reversal_gives_the_debt_back() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, FEB_15)
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")

    last = rows(statement, loan)["statement_line"][-1]

    assert (last["kind"], last["amount"], last["principal"]) == ("reversal", 86_07, 81_07)
    assert last["principal_after"] == 1_000_00


def test_a_refund_takes_credit_away() -> None:
    loan = disbursed()
    repay(loan, "P-1", 1_100_00, FEB_15)
    refund(loan, "R-1", 67_20, date(2025, 2, 16))

    [_, paid, back] = rows(statement, loan)["statement_line"]

    assert (paid["unapplied"], back["kind"], back["unapplied"]) == (-67_20, "refund", 67_20)


def test_a_fee_and_its_waiver_are_lines() -> None:
    loan = disbursed(terms(fees=[LETTER_FEE]))
    loan.charge_fee(act(date(2025, 2, 1)), kind="LETTER", fee_ref="F-1")
    waive(loan, "F-1", 5_00, date(2025, 2, 2))

    found = rows(statement, loan)["statement_line"]

    assert only(found[1:], "kind", "ref", "amount", "fees", "owed_after") == [
        ("fee", "F-1", 20_00, 20_00, 1_052_80),
        ("waiver", "F-1", -5_00, -5_00, 1_047_80),
    ]


def test_a_hold_is_a_line_where_it_splits_payments_anew() -> None:
    loan = disbursed(terms(penalty_rate=Decimal("0.365"), day_count="ACT/365F"))
    repay(loan, "P-1", 86_07, date(2025, 3, 1))
    held("H-1", date(2025, 2, 20), on=date(2025, 3, 5))(loan)
    released("H-1", date(2025, 3, 5))(loan)

    [_, payment, hold] = rows(statement, loan)["statement_line"]

    assert (hold["kind"], hold["ref"], hold["amount"]) == ("hold placed", "H-1", 0)
    assert (hold["penalty"], hold["principal"]) == (81, -81)
    assert (payment["penalty"], hold["reallocated"]) == (-1_13, 1)


def test_a_charged_penalty_is_a_line_of_its_own_kind() -> None:
    loan = disbursed(terms(fees=[FeeTerm("BREACH", "ON_EVENT", 20_00, "PENALTY")]))
    loan.charge_fee(act(date(2025, 2, 1)), kind="BREACH", fee_ref="F-1")
    waive(loan, "F-1", 5_00, date(2025, 2, 2))

    found = rows(statement, loan)["statement_line"]

    assert only(found[1:], "kind", "amount", "fees", "penalty", "owed_after") == [
        ("penalty", 20_00, 0, 20_00, 1_052_80),
        ("waiver", -5_00, 0, -5_00, 1_047_80),
    ]


def test_a_write_off_clears_the_books_and_a_recovery_leaves_them_clear() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))

    found = rows(statement, loan)["statement_line"]

    assert only(found[1:], "kind", "amount", "principal", "owed_after") == [
        ("write-off", -1_032_80, -1_000_00, 0),
        ("recovery", -100_00, 0, 0),
    ]


def test_a_loss_taken_back_puts_on_the_books_what_is_owed_after_what_was_recovered() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))
    take_back(loan, "write-off", date(2025, 3, 12))

    found = rows(statement, loan)["statement_line"]

    [line] = only(found[3:], "kind", "amount", "principal", "owed_after", "reallocated")
    assert line == ("write-off taken back", 932_80, loan.balance.principal, 932_80, 1)
    assert sum(row["principal"] for row in found) == loan.balance.principal


def test_a_loss_known_after_a_payment_clears_what_that_left_and_says_so() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, date(2025, 3, 10))
    write_off(loan, date(2025, 4, 1), counts_on=date(2025, 3, 1))

    found = rows(statement, loan)["statement_line"]

    [line] = only(found[2:], "kind", "amount", "principal", "owed_after", "reallocated")
    assert line == ("write-off, later payments recovered", -946_73, -918_93, 0, 1)


def test_a_sale_known_after_a_payment_says_that_it_is_passed_on() -> None:
    loan = disbursed()
    repay(loan, "P-1", 86_07, date(2025, 3, 10))
    sell(loan, date(2025, 4, 1), sold_on=date(2025, 3, 1))
    loan.reverse(act(date(2025, 4, 2)), payment_ref="P-1", reason="bounced")

    found = rows(statement, loan)["statement_line"]

    assert only(found[2:], "kind", "amount", "principal", "owed_after") == [
        ("sale, later payments passed on", -946_73, -918_93, 0),
        ("passed on, reversed", 86_07, 0, 0),
    ]


def test_money_of_before_the_write_off_is_a_line_and_the_books_stay_clear() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 86_07, FEB_15, known_on=date(2025, 3, 10))
    loan.reverse(act(date(2025, 3, 12)), payment_ref="P-1", reason="bounced")

    found = rows(statement, loan)["statement_line"]

    assert only(found[2:], "kind", "amount", "principal", "owed_after") == [
        ("repayment, known after the write-off", -86_07, 0, 0),
        ("reversal, known after the write-off", 86_07, 0, 0),
    ]


def test_a_recovery_that_bounces_is_a_line_against_it() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 3, 1))
    repay(loan, "P-1", 100_00, date(2025, 3, 10))
    loan.reverse(act(date(2025, 3, 12)), payment_ref="P-1", reason="bounced")

    found = rows(statement, loan)["statement_line"]

    assert only(found[2:], "kind", "ref", "amount", "owed_after") == [
        ("recovery", "P-1", -100_00, 0),
        ("recovery reversed", "P-1", 100_00, 0),
    ]


def test_a_sale_clears_the_books_and_names_the_new_owner() -> None:
    loan = disbursed()
    loan.sell(
        act(FEB_15),
        price=700_00,
        buyer_ref="FUND-1",
        sold_on=FEB_15,
        requested_by="treasury",
        approved_by="board",
    )

    last = rows(statement, loan)["statement_line"][-1]

    assert (last["kind"], last["ref"], last["amount"]) == ("sale", "FUND-1", -1_032_80)
    assert (last["principal"], last["owed_after"]) == (-1_000_00, 0)


def test_a_draw_is_a_line_that_adds_to_the_principal() -> None:
    loan = disbursed(terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE"), amount=400_00)
    draw(loan, "D-2", 100_00, date(2025, 1, 20))

    found = rows(statement, loan)["statement_line"]

    assert only(found, "kind", "ref", "amount", "principal", "principal_after") == [
        ("disbursement", "D-1", 400_00, 400_00, 400_00),
        ("draw", "D-2", 100_00, 100_00, 500_00),
    ]


def test_a_loan_taken_over_begins_with_its_opening_balance() -> None:
    found = rows(statement, migrated())["statement_line"]

    assert only(found, "kind", "ref", "principal", "unapplied", "principal_after") == [
        ("opening balance", "old book", 400_00, -10_00, 400_00)
    ]


@example(life=PAID_OUT_BEFORE_MONEY)
@example(life=[*PAID_OUT_BEFORE_MONEY, ("draw", 1, 1_00)])
@example(life=[("write off", 40, 300_00), ("pay and find later", 1, 100_09)])
@given(life=lives)
def test_whatever_happened_the_lines_add_up_to_the_balance(life: Life) -> None:
    loan = lived(life)

    found = rows(statement, loan)["statement_line"]

    running = 0
    for line in found:
        running += line["principal"]
        assert line["principal_after"] == running
        parts = ("fees", "interest", "penalty", "principal", "unapplied")
        beside = line["kind"].startswith(("recovery", "passed on"))
        if not beside and ", known after the" not in line["kind"]:
            assert line["amount"] == sum(line[part] for part in parts)
    assert running == loan.balance.principal
    assert -sum(line["unapplied"] for line in found) == loan.balance.unapplied
