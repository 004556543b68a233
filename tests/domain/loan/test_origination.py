"""From the application to the signed contract."""

from datetime import date
from decimal import Decimal

import pytest

from domain.base.refusal import AmountNotPositive, SamePerson
from domain.loan import refusals as no
from domain.loan.loan import Loan
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LEVELS,
    Step,
    act,
    applied,
    approve,
    disburse,
    disbursed,
    disclose,
    given,
    happened,
    recorded,
    sign,
    signed,
    terms,
)


def test_an_application_waits_for_the_evidence_its_product_asks_for() -> None:
    loan = applied(evidence=["INCOME", "IDENTITY"])

    assert recorded(loan) == [
        happened(
            Loan.Applied,
            effective_on=JAN_15,
            borrower_id=BORROWER_ID,
            amount=1_000_00,
            missing=["INCOME", "IDENTITY"],
            stage="EVIDENCE",
            stage_due_on=date(2025, 1, 20),
            valid_until_on=date(2025, 2, 14),
            policy_version="levels-test",
        )
    ]


def test_an_application_without_evidence_to_bring_waits_for_its_decision() -> None:
    loan = applied()

    assert recorded(loan) == [
        happened(Loan.Applied, stage="DECISION", stage_due_on=date(2025, 1, 17))
    ]


@pytest.mark.parametrize("amount", [0, -1])
def test_nobody_applies_for_nothing(amount: int) -> None:
    with pytest.raises(AmountNotPositive):
        applied(terms(amount=amount))


def test_nobody_applies_for_a_term_of_no_months() -> None:
    with pytest.raises(AmountNotPositive):
        applied(terms(term_months=0))


def test_evidence_moves_an_application_on_when_nothing_is_missing_any_more() -> None:
    loan = given(applied(evidence=["INCOME", "IDENTITY"]))

    for kind in ("IDENTITY", "INCOME"):
        loan.add_evidence(
            act(date(2025, 1, 16)), kind=kind, source="BORROWER", evidence_ref="E", levels=LEVELS
        )

    assert recorded(loan) == [
        happened(Loan.EvidenceAdded, kind="IDENTITY", missing=["INCOME"], stage="EVIDENCE"),
        happened(
            Loan.EvidenceAdded,
            kind="INCOME",
            missing=[],
            stage="DECISION",
            stage_due_on=date(2025, 1, 18),
        ),
    ]


def test_the_same_evidence_again_changes_nothing() -> None:
    loan = given(
        applied(evidence=["INCOME"]),
        lambda loan: loan.add_evidence(
            act(), kind="INCOME", source="BORROWER", evidence_ref="E-1", levels=LEVELS
        ),
    )

    loan.add_evidence(act(), kind="INCOME", source="BORROWER", evidence_ref="E-2", levels=LEVELS)

    assert recorded(loan) == []


def test_evidence_nobody_asked_for_is_refused() -> None:
    loan = given(applied(evidence=["INCOME"]))

    with pytest.raises(no.EvidenceNotAsked, match="INCOME"):
        loan.add_evidence(act(), kind="INCOM", source="S", evidence_ref="E", levels=LEVELS)


def test_an_approval_makes_an_offer_that_stands_for_a_time() -> None:
    loan = given(applied())

    approve(loan, on=date(2025, 1, 16))

    assert recorded(loan) == [
        happened(
            Loan.Approved,
            amount=1_000_00,
            annual_rate=Decimal("0.06"),
            requested_by="officer",
            approved_by="manager",
            valid_until_on=date(2025, 2, 6),
            stage="DISCLOSURE",
            policy_version="levels-test",
        )
    ]


def test_an_approval_needs_all_evidence() -> None:
    loan = given(applied(evidence=["INCOME"]))

    with pytest.raises(no.EvidenceMissing, match="INCOME"):
        approve(loan)

    assert recorded(loan) == []


@pytest.mark.parametrize("approved_by", ["officer", " Officer ", "", "  "])
def test_an_approval_needs_two_named_people(approved_by: str) -> None:
    loan = given(applied())

    with pytest.raises(SamePerson):
        approve(loan, approved_by=approved_by)

    assert recorded(loan) == []


@pytest.mark.parametrize("amount", [0, -1_00])
def test_an_approved_amount_is_above_zero(amount: int) -> None:
    loan = given(applied())

    with pytest.raises(AmountNotPositive):
        approve(loan, amount=amount)


@pytest.mark.parametrize("rate", ["-0.01", "NaN", "Infinity", "0.00000000001", "100000000"])
def test_no_rate_is_approved_that_is_no_rate_or_would_be_rounded(rate: str) -> None:
    loan = given(applied())

    with pytest.raises(no.RateNotSound):
        approve(loan, annual_rate=Decimal(rate))


def test_an_application_is_declined_with_reasons() -> None:
    loan = given(applied())

    loan.decline(act(), reasons=["income too low"], decided_by="officer")

    assert recorded(loan) == [
        happened(Loan.Declined, reasons=["income too low"], decided_by="officer", stage="DECLINED")
    ]


@pytest.mark.parametrize("reasons", [[], [""], ["  "]])
def test_a_decline_without_a_reason_is_refused(reasons: list[str]) -> None:
    loan = given(applied())

    with pytest.raises(no.ReasonMissing):
        loan.decline(act(), reasons=reasons, decided_by="officer")


def test_a_declined_application_is_neither_approved_nor_declined_nor_completed() -> None:
    loan = given(applied(), lambda loan: loan.decline(act(), reasons=["no"], decided_by="officer"))

    with pytest.raises(no.NotUnderReview):
        approve(loan)
    with pytest.raises(no.NotUnderReview):
        loan.decline(act(), reasons=["again"], decided_by="officer")
    with pytest.raises(no.NotUnderReview):
        loan.add_evidence(act(), kind="INCOME", source="S", evidence_ref="E", levels=LEVELS)
    with pytest.raises(no.NotUnderReview):
        loan.withdraw(act(), reason="changed my mind")
    with pytest.raises(no.NotApproved):
        disclose(loan)

    assert recorded(loan) == []


def test_an_applicant_may_withdraw_until_the_money_is_paid_out() -> None:
    loan = given(signed())

    loan.withdraw(act(), reason="found a better one")

    assert recorded(loan) == [
        happened(Loan.Withdrawn, stage="WITHDRAWN", stage_before="DISBURSEMENT")
    ]


def test_a_loan_that_was_paid_out_cannot_be_withdrawn() -> None:
    loan = given(disbursed())

    with pytest.raises(no.NotUnderReview):
        loan.withdraw(act(), reason="too late")


def test_the_borrower_is_shown_the_cost_before_signing() -> None:
    loan = given(applied(), approve)

    disclose(loan)

    assert recorded(loan) == [
        happened(
            Loan.CostDisclosed,
            principal=1_000_00,
            interest=32_80,
            fees=0,
            charges=["INTEREST", "PENALTY"],
            stage="SIGNING",
        )
    ]


def test_the_cost_may_be_shown_again() -> None:
    loan = given(applied(), approve, disclose)

    disclose(loan, on=date(2025, 1, 16))

    assert recorded(loan) == [happened(Loan.CostDisclosed, effective_on=date(2025, 1, 16))]


def test_without_an_approval_there_is_nothing_to_disclose_or_sign() -> None:
    loan = given(applied())

    with pytest.raises(no.NotApproved):
        disclose(loan)
    with pytest.raises(no.NotApproved):
        sign(loan)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 2_000_00},
        {"term_months": 6},
        {"annual_rate": Decimal("0.07")},
        {"currency": "EUR"},
    ],
)
def test_only_the_approved_offer_is_disclosed(changes: dict[str, object]) -> None:
    loan = given(applied(), approve)

    with pytest.raises(no.TermsNotApproved):
        disclose(loan, terms(**changes))


def test_nobody_signs_before_the_cost_was_disclosed() -> None:
    loan = given(applied(), approve)

    with pytest.raises(no.NotDisclosed):
        sign(loan)


def test_nobody_signs_other_terms_than_were_disclosed() -> None:
    loan = given(applied(), approve, disclose)

    with pytest.raises(no.NotDisclosed):
        sign(loan, terms(penalty_rate=Decimal("0.09")))


def test_a_contract_on_the_disclosed_terms_is_signed_with_the_terms_in_full() -> None:
    loan = given(applied(), approve, disclose)

    sign(loan)

    assert recorded(loan) == [
        happened(Loan.ContractSigned, contract_ref="C-1", terms=terms(), stage="DISBURSEMENT")
    ]


def test_a_contract_is_signed_once() -> None:
    loan = given(signed())

    with pytest.raises(no.NotApproved):
        sign(loan)


@pytest.mark.parametrize("steps", [[], [approve], [approve, disclose]])
def test_no_money_goes_out_on_an_unsigned_contract(steps: list[Step]) -> None:
    loan = given(applied(), *steps)

    with pytest.raises(no.NotSigned):
        disburse(loan)


def test_the_money_is_paid_out_with_the_whole_schedule() -> None:
    loan = given(signed())

    disburse(loan)

    (event,) = recorded(loan)
    assert event == happened(
        Loan.Disbursed, effective_on=JAN_15, amount=1_000_00, currency="CNY", stage="SERVICING"
    )
    assert [row.due_on for row in event.schedule][:2] == [date(2025, 2, 15), date(2025, 3, 15)]
    assert event.balance.principal == 1_000_00
    assert event.balance.interest == 32_80


def test_a_loan_is_paid_out_once() -> None:
    loan = given(disbursed())

    with pytest.raises(no.AlreadyDisbursed):
        disburse(loan)


def test_money_does_not_go_out_in_the_future() -> None:
    loan = given(signed())

    with pytest.raises(no.DateInFuture):
        disburse(loan, disbursed_on=date(2025, 1, 16))


def test_an_application_nobody_decides_runs_out_the_day_after_its_last() -> None:
    loan = given(applied())

    loan.attend(act(date(2025, 2, 14)))
    assert recorded(loan) == []
    loan.attend(act(date(2025, 2, 15)))

    assert recorded(loan) == [
        happened(Loan.Expired, effective_on=date(2025, 2, 15), stage_before="DECISION")
    ]


def test_an_offer_nobody_takes_up_runs_out_even_when_the_run_comes_late() -> None:
    loan = given(applied(), approve)

    loan.attend(act(date(2025, 3, 31)))

    assert recorded(loan) == [
        happened(Loan.Expired, effective_on=date(2025, 2, 6), stage_before="DISCLOSURE")
    ]


def test_an_expired_application_needs_no_more_attention() -> None:
    loan = given(applied(), lambda loan: loan.attend(act(date(2025, 3, 31))))

    loan.attend(act(date(2025, 4, 1)))

    assert recorded(loan) == []
    assert loan.next_action() is None


def test_an_offer_that_ran_out_yesterday_is_not_taken_up_today() -> None:
    too_late = date(2025, 2, 6)
    offered, shown, contracted = (
        given(applied(), approve),
        given(applied(), approve, disclose),
        given(signed()),
    )

    with pytest.raises(no.RanOut):
        disclose(offered, on=too_late)
    with pytest.raises(no.RanOut):
        sign(shown, on=too_late)
    with pytest.raises(no.RanOut):
        disburse(contracted, on=too_late)

    disburse(contracted, on=date(2025, 2, 5))
    assert contracted.state == "ACTIVE"


def test_an_application_that_ran_out_is_not_approved() -> None:
    loan = given(applied())

    with pytest.raises(no.RanOut):
        approve(loan, on=date(2025, 2, 15))
    approve(loan, on=date(2025, 2, 14))

    assert loan.state == "APPROVED"
