"""What the tracker writes for each step of an application."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from projections import tracker
from tests.domain.story import BORROWER_ID, JAN_15, LEVELS, act, applied, approve, disbursed
from tests.projections.rows import migrated, only, rows


def test_an_application_enters_its_first_stage_with_what_is_missing() -> None:
    loan = applied(evidence=["ID", "INCOME"])

    found = rows(tracker, loan)

    [head], [stage] = found["tracker_loan"], found["tracker_stage"]
    assert (head["loan_ref"], head["borrower_id"], head["amount"]) == ("L-1", BORROWER_ID, 1_000_00)
    assert (head["currency"], head["term_months"], head["channel"]) == ("CNY", 12, "BRANCH")
    assert (stage["stage"], stage["missing"]) == ("EVIDENCE", ["ID", "INCOME"])
    assert stage["business_on"] == JAN_15
    assert stage["due_on"] == JAN_15 + timedelta(days=LEVELS.stage_days["EVIDENCE"])
    assert stage["valid_until_on"] == JAN_15 + timedelta(days=LEVELS.application_valid_days)


def test_a_stage_says_when_it_was_entered_and_by_whom() -> None:
    loan = applied(evidence=["ID"])
    loan.add_evidence(
        act(date(2025, 1, 17), "officer"),
        kind="ID",
        source="upload",
        evidence_ref="E-1",
        levels=LEVELS,
    )

    found = rows(tracker, loan)["tracker_stage"]

    assert only(found, "version", "stage", "missing", "actor", "entered_at") == [
        (1, "EVIDENCE", ["ID"], "clerk", datetime(2025, 1, 15, 10, tzinfo=UTC)),
        (2, "DECISION", [], "officer", datetime(2025, 1, 17, 10, tzinfo=UTC)),
    ]


def test_every_stage_to_payout_is_a_row_of_its_own() -> None:
    loan = disbursed()

    found = rows(tracker, loan)

    assert only(found["tracker_stage"], "version", "stage") == [
        (1, "DECISION"),
        (2, "DISCLOSURE"),
        (3, "SIGNING"),
        (4, "DISBURSEMENT"),
        (5, "SERVICING"),
    ]
    assert found["tracker_loan"][0]["stage"] == "SERVICING"


def test_an_offer_stands_beside_what_was_asked_for() -> None:
    loan = applied()
    approve(loan, amount=800_00, term_months=6, annual_rate=Decimal("0.08"))

    found = rows(tracker, loan)

    assert only(found["tracker_loan"], "amount", "term_months") == [(1_000_00, 12)]
    assert only(found["tracker_offer"], "amount", "term_months", "annual_rate") == [
        (800_00, 6, Decimal("0.08"))
    ]


def test_a_decline_is_shown_with_its_reasons() -> None:
    loan = applied()
    loan.decline(act(), reasons=["INCOME_TOO_LOW", "TOO_MANY_LOANS"], decided_by="officer")

    last = rows(tracker, loan)["tracker_stage"][-1]

    assert (last["stage"], last["due_on"]) == ("DECLINED", None)
    assert last["reasons"] == ["INCOME_TOO_LOW", "TOO_MANY_LOANS"]


def test_a_withdrawal_is_shown_with_its_reason() -> None:
    loan = applied()
    loan.withdraw(act(), reason="found better")

    last = rows(tracker, loan)["tracker_stage"][-1]

    assert (last["stage"], last["reasons"]) == ("WITHDRAWN", ["found better"])


def test_an_application_that_ran_out_is_shown_as_expired() -> None:
    loan = applied()
    loan.attend(act(date(2025, 3, 1)))

    last = rows(tracker, loan)["tracker_stage"][-1]

    assert (last["stage"], last["business_on"]) == ("EXPIRED", date(2025, 3, 1))
    assert last["effective_on"] == date(2025, 2, 15)


def test_a_loan_taken_over_is_in_servicing_from_the_start() -> None:
    found = rows(tracker, migrated())

    assert only(found["tracker_loan"], "amount", "channel") == [(1_000_00, "old book")]
    assert only(found["tracker_stage"], "stage", "due_on") == [("SERVICING", None)]
