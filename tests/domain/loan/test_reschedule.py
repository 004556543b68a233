"""Laying a loan anew: relief, its rate plan, renewal, and money that comes early."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.base.policy import IndexRate
from domain.base.refusal import SamePerson
from domain.base.repayment import Repayment
from domain.base.terms import FeeTerm, RateCap, RatePlan, RateStep, Renewal
from domain.loan import refusals as no
from domain.loan.explain import FIGURES, explain
from domain.loan.explained import Rule
from domain.loan.layout import PlanImpossible
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.schedule import Instalment
from tests.domain import story
from tests.domain.story import act, terms

MAR_1 = date(2025, 3, 1)
APR_20 = date(2025, 4, 20)


def paid_out(**changes: Any) -> Loan:
    return story.disbursed(terms(**changes))


def agree(
    loan: Loan, kind: str, on: date = MAR_1, known_on: date | None = None, **asked: Any
) -> None:
    loan.reschedule(
        act(known_on or on),
        agreed=Agreement(kind, **asked),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
        on=on,
    )


def pay_in_time(loan: Loan, count: int) -> None:
    for row in list(loan.instalments)[:count]:
        story.repay(loan, f"P-{row.number}", row.left, row.due_on)


def totals(loan: Loan) -> list[int]:
    return [row.principal + row.interest for row in loan.instalments]


def recorded(loan: Loan, kind: type[Loan.Event]) -> list[Any]:
    return [event for event in loan.pending_events if isinstance(event, kind)]


# --- what is granted --------------------------------------------------------------------


def test_a_lower_rate_lowers_every_instalment_to_come() -> None:
    loan = paid_out()
    pay_in_time(loan, 1)

    agree(loan, "RATE_CHANGE", annual_rate=Decimal("0.03"))

    assert totals(loan)[:3] == [86_07, 84_90, 84_90]
    # 918.93 at 6 % until 1 March, at 3 % for the 14 days after it.
    assert loan.instalments[1].interest == 3_52
    assert sum(row.principal for row in loan.instalments) == 1_000_00


def test_the_rate_that_counts_already_changes_nothing() -> None:
    loan = paid_out()
    before = list(loan.instalments)

    agree(loan, "RATE_CHANGE", annual_rate=Decimal("0.06"))

    assert loan.instalments == before


def test_an_extension_spreads_what_is_left_over_more_instalments() -> None:
    loan = paid_out()
    pay_in_time(loan, 1)

    agree(loan, "EXTENSION", instalments=3)

    assert len(loan.instalments) == 15
    assert loan.instalments[-1].due_on == date(2026, 4, 15)
    assert set(totals(loan)[1:14]) == {68_13}
    assert sum(row.principal for row in loan.instalments) == 1_000_00


def test_an_extension_keeps_the_end_of_the_month() -> None:
    loan = story.disbursed(terms(term_months=3), on=date(2025, 1, 31))

    agree(loan, "EXTENSION", on=date(2025, 2, 1), instalments=2)

    assert [row.due_on.day for row in loan.instalments] == [28, 31, 30, 31, 30]


def test_a_deferral_asks_for_interest_only_and_adds_instalments() -> None:
    loan = paid_out()
    pay_in_time(loan, 1)

    agree(loan, "DEFERRAL", instalments=2)

    assert [(row.principal, row.interest) for row in loan.instalments[1:3]] == [
        (0, 4_59),
        (0, 4_59),
    ]
    assert len(loan.instalments) == 14


def test_a_deferral_of_interest_too_collects_it_afterwards() -> None:
    loan = paid_out()
    pay_in_time(loan, 1)

    agree(loan, "DEFERRAL", instalments=2, interest_too=True)

    assert [row.left for row in loan.instalments[1:3]] == [0, 0]
    assert loan.instalments[3].interest == 3 * 4_59


def test_unpaid_interest_becomes_principal_when_it_is_capitalised() -> None:
    loan = paid_out()

    agree(loan, "CAPITALISATION", on=APR_20)

    # 5.00, 4.59 and 4.19 of three instalments.
    assert loan.balance.principal == 1_013_78
    assert [event.capitalised for event in recorded(loan, Loan.Rescheduled)] == [13_78]
    assert [row.interest for row in loan.instalments[:3]] == [0, 0, 0]


def test_reageing_lays_what_is_overdue_among_what_is_to_come() -> None:
    loan = paid_out()
    loan.attend(act(APR_20))

    agree(loan, "REAGEING", on=APR_20)

    assert [row.left for row in loan.instalments[:3]] == [0, 0, 0]
    assert loan.bucket == "M0"
    assert recorded(loan, Loan.Cured)


def test_reageing_leaves_the_penalty_that_accrued() -> None:
    loan = paid_out(penalty_rate=Decimal("0.36"))
    before = loan._ledger().balance(APR_20).penalty

    agree(loan, "REAGEING", on=APR_20)

    assert loan._ledger().balance(APR_20).penalty == before > 0
    assert loan._ledger().balance(date(2025, 5, 10)).penalty == before


def test_days_without_interest_bear_none() -> None:
    loan = paid_out(method="INTEREST_ONLY", day_count="ACT/365F")

    agree(
        loan,
        "INTEREST_PAUSE",
        on=date(2025, 2, 15),
        free_from=date(2025, 2, 16),
        free_until=date(2025, 3, 15),
    )

    assert loan.instalments[1].interest == 0
    assert loan.instalments[2].interest == 5_10


def test_a_moratorium_asks_for_nothing_and_bears_neither_interest_nor_penalty() -> None:
    loan = paid_out(penalty_rate=Decimal("0.36"))

    agree(loan, "MORATORIUM", free_from=MAR_1, free_until=date(2025, 5, 31))

    assert [row.left for row in loan.instalments[1:4]] == [0, 0, 0]
    assert len(loan.instalments) == 15
    ledger = loan._ledger()
    # From 15 February to 28 February, and no day of the moratorium.
    assert ledger.balance(date(2025, 5, 31)).penalty == ledger.balance(date(2025, 2, 28)).penalty


def test_a_rate_change_found_out_later_splits_later_payments_anew() -> None:
    known, late = paid_out(), paid_out()
    agree(known, "RATE_CHANGE", on=date(2025, 2, 1), annual_rate=Decimal("0.03"))
    for loan in (known, late):
        story.repay(loan, "P-1", 86_07, date(2025, 2, 15))
        story.repay(loan, "P-2", 86_07, date(2025, 3, 15))

    agree(late, "RATE_CHANGE", on=date(2025, 2, 1), known_on=APR_20, annual_rate=Decimal("0.03"))

    assert late.instalments == known.instalments
    assert late.parts == known.parts
    [event] = recorded(late, Loan.Rescheduled)
    assert [movement.ref for movement in event.reallocated] == ["P-1", "P-2"]


def test_relief_takes_two_people_and_a_reason() -> None:
    loan = paid_out()

    with pytest.raises(SamePerson):
        loan.reschedule(
            act(MAR_1),
            agreed=Agreement("EXTENSION", instalments=1),
            reason="x",
            requested_by="a",
            approved_by="A",
        )
    with pytest.raises(no.ReasonMissing):
        loan.reschedule(
            act(MAR_1),
            agreed=Agreement("EXTENSION", instalments=1),
            reason=" ",
            requested_by="a",
            approved_by="b",
        )


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "EXTENSION"},
        {"kind": "DEFERRAL"},
        {"kind": "RATE_CHANGE"},
        {"kind": "MORATORIUM"},
        {"kind": "GIFT"},
        {"kind": "EXTENSION", "instalments": 5_000},
        {"kind": "REAMORTISATION"},
    ],
)
def test_an_agreement_that_says_too_little_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(no.NothingChanges):
        agree(paid_out(), on=date(2025, 1, 20), **asked)


def test_flat_interest_is_not_laid_anew() -> None:
    loan = paid_out(repayment=Repayment(interest_on="DRAWN_EVENLY"))

    with pytest.raises(PlanImpossible):
        agree(loan, "EXTENSION", instalments=2)


def test_no_rate_is_agreed_over_the_cap() -> None:
    loan = paid_out(rate_caps=[RateCap(date(2020, 1, 1), Decimal("0.24"), "cap-1")])

    with pytest.raises(no.RateNotSound):
        agree(loan, "RATE_CHANGE", annual_rate=Decimal("0.25"))


FALLS = [
    RateCap(date(2020, 1, 1), Decimal("0.36"), "cap-1"),
    RateCap(date(2025, 4, 1), Decimal("0.12"), "cap-2"),
]


def test_no_rate_is_agreed_that_lies_over_the_cap_with_the_charges() -> None:
    loan = paid_out(
        fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 8_00)],
        rate_caps=[RateCap(date(2020, 1, 1), Decimal("0.24"), "cap-1")],
    )

    with pytest.raises(no.CostOverCap, match="cap-1"):
        agree(loan, "RATE_CHANGE", annual_rate=Decimal("0.24"))


def test_relief_that_makes_nothing_dearer_is_granted_over_a_cap_that_fell() -> None:
    loan = paid_out(annual_rate=Decimal("0.20"), rate_caps=FALLS)

    agree(loan, "RATE_CHANGE", on=date(2025, 4, 10), annual_rate=Decimal("0.12"))
    agree(loan, "EXTENSION", on=date(2025, 4, 11), instalments=3)

    assert len(loan.instalments) == 15


def test_a_loan_at_the_cap_is_extended_whatever_its_day_count() -> None:
    cap = [RateCap(date(2020, 1, 1), Decimal("0.24"), "cap-1")]
    for day_count in ("30/360", "ACT/365F", "ACT/ACT ISDA"):
        loan = paid_out(annual_rate=Decimal("0.24"), day_count=day_count, rate_caps=cap)

        agree(loan, "EXTENSION", on=date(2025, 7, 1), instalments=2)

        assert len(loan.instalments) == 14


def test_fees_of_an_instalment_go_on_with_an_extension() -> None:
    loan = paid_out(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])

    agree(loan, "EXTENSION", instalments=2)

    assert [row.fees for row in loan.instalments] == [1_00] * 14


# --- money that comes early ---------------------------------------------------------------


def test_money_in_advance_lowers_the_instalments_where_the_terms_say_so() -> None:
    loan = paid_out(prepayment="LOWER_INSTALMENT")
    pay_in_time(loan, 1)

    story.repay(loan, "P-X", 200_00, MAR_1)

    assert loan.balance.principal == 718_93
    assert set(totals(loan)[2:11]) == {67_33}
    # 918.93 until 1 March and 718.93 after it.
    assert loan.instalments[1].interest == 4_13
    assert loan.splits["P-X"].principal == 200_00


def test_money_in_advance_shortens_the_term_where_the_terms_say_so() -> None:
    loan = paid_out(prepayment="SHORTER_TERM")
    pay_in_time(loan, 1)

    story.repay(loan, "P-X", 200_00, MAR_1)

    assert set(totals(loan)[2:9]) == {86_07}
    assert [row.left for row in loan.instalments[10:]] == [0, 0]


def test_two_prepayments_before_one_instalment_keep_it_as_it_was() -> None:
    loan = paid_out(prepayment="SHORTER_TERM")
    pay_in_time(loan, 1)

    story.repay(loan, "P-X", 100_00, MAR_1)
    story.repay(loan, "P-Y", 100_00, date(2025, 3, 5))

    assert set(totals(loan)[2:9]) == {86_07}


def test_a_loan_prepaid_in_full_owes_the_interest_of_the_days_that_passed() -> None:
    loan = paid_out(prepayment="LOWER_INSTALMENT")
    pay_in_time(loan, 1)

    story.repay(loan, "P-X", 918_93, MAR_1)

    assert loan.balance.principal == 0
    assert loan.balance.interest == 2_45
    story.repay(loan, "P-Y", 2_45, date(2025, 3, 15))
    assert loan.state == "CLOSED"


# --- the rate plan ------------------------------------------------------------------------

STEP = RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.045"))], scope="TERM")


def stepping(**changes: Any) -> Loan:
    return paid_out(term_months=6, annual_rate=Decimal("0.05"), rate_plan=STEP, **changes)


def test_three_instalments_on_time_earn_the_lower_rate() -> None:
    loan = stepping()
    pay_in_time(loan, 3)

    loan.attend(act(date(2025, 4, 16)))

    [event] = recorded(loan, Loan.RateSteppedDown)
    assert (event.annual_rate_before, event.annual_rate) == (Decimal("0.05"), Decimal("0.045"))
    assert event.effective_on == date(2025, 4, 15)
    assert loan.rate_on(date(2025, 5, 1)) == Decimal("0.045")


def test_a_day_late_forfeits_the_lower_rate() -> None:
    loan = stepping()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 16)))

    [event] = recorded(loan, Loan.StepDownForfeited)
    assert event.late_instalment == 3
    assert loan.rate_on(date(2025, 5, 1)) == Decimal("0.05")


def test_a_payment_that_bounces_takes_the_lower_rate_back() -> None:
    loan, never = stepping(), stepping()
    pay_in_time(loan, 3)
    loan.attend(act(date(2025, 4, 16)))

    loan.reverse(act(date(2025, 4, 20)), payment_ref="P-3", reason="bounced")
    pay_in_time(never, 2)
    never.attend(act(date(2025, 4, 16)))

    [event] = recorded(loan, Loan.StepDownReversed)
    assert event.late_instalment == 3
    assert loan.instalments == never.instalments


def test_a_payment_found_later_earns_the_lower_rate_after_all() -> None:
    loan, known = stepping(), stepping()
    pay_in_time(known, 3)
    known.attend(act(date(2025, 4, 16)))
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 16)))

    story.repay(loan, "P-3", known.splits["P-3"].total, date(2025, 4, 15), APR_20)

    assert recorded(loan, Loan.RateSteppedDown)
    assert loan.instalments == known.instalments


def test_grace_days_count_as_on_time_only_where_the_plan_says_so() -> None:
    plan = RatePlan("STEP_DOWN", STEP.steps, scope="TERM", grace_counts=True)
    lenient, strict = stepping(grace_days=3), stepping(grace_days=3)
    assert lenient.terms is not None
    lenient.terms = terms(term_months=6, annual_rate=Decimal("0.05"), grace_days=3, rate_plan=plan)
    for loan in (lenient, strict):
        pay_in_time(loan, 2)
        story.repay(loan, "P-3", loan.instalments[2].left, date(2025, 4, 17))
        loan.attend(act(date(2025, 4, 19)))

    assert recorded(lenient, Loan.RateSteppedDown)
    assert recorded(strict, Loan.StepDownForfeited)


def test_a_promotion_reverts_on_its_instalment() -> None:
    plan = RatePlan("SCHEDULED", [RateStep(4, Decimal("0.12"))])
    loan = paid_out(term_months=6, annual_rate=Decimal(0), method="INTEREST_ONLY", rate_plan=plan)

    assert [row.interest for row in loan.instalments] == [0, 0, 0, 10_00, 10_00, 10_00]


# --- renewal ------------------------------------------------------------------------------


def renewable(**changes: Any) -> Loan:
    return paid_out(
        term_months=3,
        method="INTEREST_ONLY",
        renewal=Renewal(term_months=3, most=1, offer_days=14),
        **changes,
    )


def test_a_renewal_is_offered_in_time_with_its_cost() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 3, 31)))
    assert not recorded(loan, Loan.RenewalOffered)

    loan.attend(act(date(2025, 4, 1)))

    [offer] = recorded(loan, Loan.RenewalOffered)
    assert (offer.sequence, offer.most, offer.valid_until_on) == (1, 1, date(2025, 4, 15))
    assert offer.interest == 4 * 5_00
    assert round(offer.annualised_cost, 3) == Decimal("0.060")


def test_no_renewal_is_offered_that_costs_more_than_the_cap_of_the_day() -> None:
    loan = renewable(annual_rate=Decimal("0.20"), rate_caps=FALLS)
    pay_in_time(loan, 2)

    loan.attend(act(date(2025, 4, 1)))

    assert not recorded(loan, Loan.RenewalOffered)


def test_an_offer_of_renewal_is_not_accepted_once_the_cap_fell_under_its_cost() -> None:
    caps = [FALLS[0], RateCap(date(2025, 4, 10), Decimal("0.12"), "cap-2")]
    loan = renewable(annual_rate=Decimal("0.20"), rate_caps=caps)
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))

    with pytest.raises(no.CostOverCap, match="cap-2"):
        loan.renew(act(date(2025, 4, 10)), consent_ref="CONSENT-1")


def test_an_accepted_renewal_moves_the_end_of_the_term() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))

    loan.renew(act(date(2025, 4, 10)), consent_ref="CONSENT-1")

    assert [(row.principal, row.interest) for row in loan.instalments[2:]] == [
        (0, 5_00),
        (0, 5_00),
        (0, 5_00),
        (1_000_00, 5_00),
    ]
    assert loan.instalments[-1].due_on == date(2025, 7, 15)


def test_a_term_is_renewed_once_at_most() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))
    loan.renew(act(date(2025, 4, 10)), consent_ref="CONSENT-1")
    pay_in_time(loan, 0)
    story.repay(loan, "P-A", 15_00, date(2025, 6, 15))

    loan.attend(act(date(2025, 7, 2)))

    assert len(recorded(loan, Loan.RenewalOffered)) == 1


def test_a_loan_past_due_is_neither_offered_nor_given_a_renewal() -> None:
    late, fell_late = renewable(), renewable()
    pay_in_time(late, 1)
    late.attend(act(date(2025, 4, 1)))
    pay_in_time(fell_late, 2)
    fell_late.attend(act(date(2025, 4, 1)))
    fell_late.reverse(act(date(2025, 4, 2)), payment_ref="P-2", reason="bounced")

    assert not recorded(late, Loan.RenewalOffered)
    with pytest.raises(no.PastDue):
        fell_late.renew(act(date(2025, 4, 3)), consent_ref="CONSENT-1")


def test_a_loan_without_principal_is_offered_no_renewal_nor_waits_for_one() -> None:
    loan = renewable(prepayment="LOWER_INSTALMENT")
    pay_in_time(loan, 2)
    story.repay(loan, "P-EARLY", 1_000_00, date(2025, 3, 20))

    loan.attend(act(date(2025, 4, 2)))

    assert loan.balance.principal == 0 < loan.balance.interest
    assert not recorded(loan, Loan.RenewalOffered)
    action = loan.next_action()
    assert action is not None and action.due_on > date(2025, 4, 2)


def renewed_and_bounced() -> Loan:
    """A loan renewed in time, of which a payment due before bounced after the renewal."""
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))
    loan.renew(act(date(2025, 4, 10)), consent_ref="CONSENT-1")
    story.reversed_("P-2", date(2025, 4, 12))(loan)
    return loan


def test_the_renewal_of_a_loan_that_turns_out_to_have_been_past_due_restructures_it() -> None:
    standard = replace(story.CLASSES.standard, restructuring=["LATE_RENEWAL"])

    loan = renewed_and_bounced()
    loan.reclassify(act(date(2025, 4, 12)), replace(story.CLASSES, standard=standard))

    [told] = recorded(loan, Loan.RenewalReassessed)
    assert (told.effective_on, told.sequence) == (date(2025, 4, 10), 1)
    assert (told.was_late, told.days_past_due) == (True, 26)
    assert loan.past(standard, loan.instalments).restructured_on == date(2025, 4, 10)
    assert recorded(loan, Loan.AssetClassChanged)
    # The renewal stands: the borrower agreed to it, and it was offered in good faith.
    assert loan.instalments[-1].due_on == date(2025, 7, 15)


def test_a_renewal_was_in_time_after_all_where_the_payment_is_found_under_another_name() -> None:
    loan = renewed_and_bounced()

    story.repay(loan, "P-2-AGAIN", 5_00, date(2025, 3, 15), date(2025, 4, 20))

    assert [told.was_late for told in recorded(loan, Loan.RenewalReassessed)] == [True, False]
    assert loan.reliefs == {}


def test_an_offer_of_renewal_runs_out_or_is_refused() -> None:
    unused, refused = renewable(), renewable()
    for loan in (unused, refused):
        pay_in_time(loan, 2)
        loan.attend(act(date(2025, 4, 1)))
    refused.decline_renewal(act(date(2025, 4, 2)), reason="pays it back")
    unused.attend(act(date(2025, 4, 16)))

    assert recorded(refused, Loan.RenewalDeclined)
    assert recorded(unused, Loan.RenewalExpired)
    for loan in (unused, refused):
        with pytest.raises(no.NotRenewable):
            loan.renew(act(date(2025, 4, 17)), consent_ref="CONSENT-1")


# --- why ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "RATE_CHANGE", "annual_rate": Decimal("0.03")},
        {"kind": "EXTENSION", "instalments": 3},
        {"kind": "REAGEING"},
        {"kind": "CAPITALISATION"},
        {"kind": "DEFERRAL", "instalments": 2, "interest_too": True},
        {"kind": "MORATORIUM", "free_from": APR_20, "free_until": date(2025, 6, 1)},
    ],
)
def test_the_parts_of_a_loan_laid_anew_add_up(asked: dict[str, Any]) -> None:
    loan = paid_out(penalty_rate=Decimal("0.24"), fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])
    pay_in_time(loan, 1)
    agree(loan, on=APR_20, **asked)
    on = date(2025, 8, 1)

    found = explain(loan.pending_events, on)  # type: ignore[arg-type]

    assert found is not None and found.stood.balance is not None
    told = {figure: found.total(figure) for figure in FIGURES}
    owed = vars(found.stood.balance)
    assert told == {**{name: owed[name] for name in FIGURES[:4]}, "credit": owed["unapplied"]}


def test_a_row_laid_anew_keeps_what_was_paid_on_it() -> None:
    loan = paid_out()
    story.repay(loan, "P-1", 100_00, date(2025, 1, 20))

    agree(loan, "EXTENSION", on=date(2025, 1, 25), instalments=1)

    first: Instalment = loan.instalments[1]
    assert first.principal >= first.principal_paid
    assert sum(row.principal for row in loan.instalments) == 1_000_00


# --- index-linked -------------------------------------------------------------------------

INDEXED = RatePlan("INDEXED", [], index="LPR_1Y", margin=Decimal("0.02"), reprice_months=3)


def index(annual_rate: str) -> IndexRate:
    return IndexRate("lpr-test", "LPR_1Y", Decimal(annual_rate), date(2025, 1, 1), None, "test")


def test_an_index_linked_rate_is_set_anew_on_its_repricing_date() -> None:
    loan = paid_out(rate_plan=INDEXED)
    pay_in_time(loan, 3)
    assert loan.reprices_on() == date(2025, 4, 15)

    loan.reprice(act(date(2025, 4, 15)), index("0.01"))

    [event] = recorded(loan, Loan.Rescheduled)
    assert (event.kind, event.annual_rate) == ("REPRICING", Decimal("0.03"))
    assert event.policy_version == "lpr-test"
    assert loan.reprices_on() == date(2025, 7, 15)


def test_a_loan_that_was_taken_over_is_repriced_on_the_dates_of_its_contract() -> None:
    rows = paid_out(rate_plan=INDEXED, term_months=24).instalments
    loan = Loan.migrate(
        act(date(2025, 6, 15)),
        story.LOAN_ID,
        loan_ref="L-1",
        borrower_id=story.BORROWER_ID,
        origin="elsewhere",
        terms=terms(rate_plan=INDEXED, term_months=24),
        disbursed_on=story.JAN_15,
        accrues_from=date(2025, 6, 15),
        rows=[row for row in rows if row.due_on > date(2025, 6, 15)],
    )

    # Every three months from 15 January, not from 15 June.
    assert loan.reprices_on() == date(2025, 7, 15)


def repriced(loan: Loan) -> Loan:
    """A loan repriced in April by an index that was wrong, and in July."""
    loan.reprice(act(date(2025, 4, 15)), index("0.04"))
    loan.reprice(act(date(2025, 7, 15)), index("0.03"))
    return story.given(loan)


def test_an_index_that_is_corrected_sets_the_rate_of_a_past_date_anew() -> None:
    loan = repriced(paid_out(rate_plan=INDEXED))
    right = story.given(paid_out(rate_plan=INDEXED))
    right.reprice(act(date(2025, 4, 15)), index("0.01"))
    right.reprice(act(date(2025, 7, 15)), index("0.03"))

    loan.reprice_again(act(date(2025, 8, 1)), date(2025, 4, 15), index("0.01"))

    [event] = recorded(loan, Loan.Rescheduled)
    assert (event.effective_on, event.kind) == (date(2025, 4, 15), "REPRICING")
    assert event.reason == "LPR_1Y at 0.01, corrected"
    assert loan.rate_on(date(2025, 4, 15)) == Decimal("0.03")
    assert loan.rate_on(date(2025, 7, 15)) == Decimal("0.05")
    assert loan.instalments == right.instalments
    assert loan.reprices_on() == date(2025, 10, 15)


def test_a_rate_granted_on_a_repricing_date_stays_when_its_index_is_corrected() -> None:
    loan = paid_out(rate_plan=INDEXED)
    loan.reprice(act(date(2025, 4, 15)), index("0.04"))
    agree(loan, "RATE_CHANGE", on=date(2025, 4, 15), annual_rate=Decimal("0.02"))

    loan.reprice_again(act(date(2025, 5, 1)), date(2025, 4, 15), index("0.01"))

    assert loan.rate_on(date(2025, 4, 16)) == Decimal("0.02")


def test_a_correction_of_a_correction_of_an_index_counts_too() -> None:
    loan = repriced(paid_out(rate_plan=INDEXED))
    before = list(loan.instalments)

    loan.reprice_again(act(date(2025, 8, 1)), date(2025, 4, 15), index("0.01"))
    between = list(loan.instalments)
    loan.reprice_again(act(date(2025, 8, 2)), date(2025, 4, 15), index("0.04"))

    assert between != before
    assert loan.instalments == before


def test_nothing_is_repriced_again_that_was_not_repriced_or_stays_what_it_was() -> None:
    loan = repriced(paid_out(rate_plan=INDEXED))

    for day, rate in ((date(2025, 4, 15), "0.04"), (date(2025, 5, 1), "0.01")):
        with pytest.raises(no.NothingChanges):
            loan.reprice_again(act(date(2025, 8, 1)), day, index(rate))


def test_the_parts_of_a_loan_whose_index_was_corrected_add_up() -> None:
    loan = paid_out(rate_plan=INDEXED)
    loan.reprice(act(date(2025, 4, 15)), index("0.04"))
    loan.reprice_again(act(date(2025, 8, 1)), date(2025, 4, 15), index("0.01"))

    found = explain(loan.pending_events, date(2025, 8, 1))  # type: ignore[arg-type]

    assert found is not None and found.stood.balance is not None
    assert found.total("interest") == found.stood.balance.interest
    assert any("corrected" in line.what for line in found.lines)


def test_an_index_linked_rate_stays_under_the_cap() -> None:
    caps = [RateCap(date(2020, 1, 1), Decimal("0.04"), "cap-1")]
    loan = paid_out(rate_plan=INDEXED, annual_rate=Decimal("0.03"), rate_caps=caps)
    loan.reprice(act(date(2025, 4, 15)), index("0.035"))

    assert loan.rate_on(date(2025, 5, 1)) == Decimal("0.04")


def test_no_rate_is_set_anew_before_its_day() -> None:
    with pytest.raises(no.NothingChanges):
        paid_out(rate_plan=INDEXED).reprice(act(date(2025, 4, 14)), index("0.01"))


def test_a_renewal_accepted_on_the_last_day_takes_what_falls_due_on_it() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))

    loan.renew(act(date(2025, 4, 15)), consent_ref="CONSENT-1")

    assert loan.instalments[2].principal == 0
    assert loan.instalments[-1].principal == 1_000_00


def test_an_extension_needs_an_instalment_that_is_to_come() -> None:
    loan = paid_out(term_months=1)

    with pytest.raises(no.NothingChanges, match="re-age"):
        agree(loan, "EXTENSION", on=APR_20, instalments=2)


def test_an_explanation_names_the_cause_and_the_policy_behind_it() -> None:
    loan = paid_out(rate_plan=INDEXED)
    loan.reprice(act(date(2025, 4, 15)), index("0.01"))

    found = explain(loan.pending_events, date(2025, 4, 15))  # type: ignore[arg-type]

    assert found is not None
    assert "repricing: LPR_1Y at 0.01, lpr-test" in {line.what for line in found.lines}
    assert {line.rules for line in found.lines if line.instalment == 4} == {
        (),
        (Rule("INDEX", "lpr-test"),),
    }


def test_an_explanation_names_the_announcement_that_the_first_rate_follows() -> None:
    loan = story.applied(terms(rate_plan=INDEXED))
    story.approve(loan, terms(rate_plan=INDEXED), index_version="lpr-at-approval")
    story.disclose(loan, terms(rate_plan=INDEXED))
    story.sign(loan, terms(rate_plan=INDEXED))
    story.disburse(loan)

    found = explain(loan.pending_events, date(2025, 1, 15))  # type: ignore[arg-type]

    assert found is not None
    assert {line.rules for line in found.lines if line.figure == "interest"} == {
        (Rule("INDEX", "lpr-at-approval"),)
    }


def test_an_explanation_names_the_cap_that_holds_a_repriced_rate() -> None:
    caps = [RateCap(date(2020, 1, 1), Decimal("0.04"), "cap-1")]
    loan = paid_out(rate_plan=INDEXED, annual_rate=Decimal("0.03"), rate_caps=caps)
    loan.reprice(act(date(2025, 4, 15)), index("0.035"))

    found = explain(loan.pending_events, date(2025, 4, 15))  # type: ignore[arg-type]

    assert found is not None
    assert (Rule("INDEX", "lpr-test"), Rule("CAP", "cap-1")) in {line.rules for line in found.lines}


@pytest.mark.parametrize("prepayment", ["LOWER_INSTALMENT", "SHORTER_TERM"])
def test_what_closes_a_loan_between_due_dates_closes_it_whatever_early_money_does(
    prepayment: str,
) -> None:
    loan = paid_out(prepayment=prepayment, fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])
    pay_in_time(loan, 1)

    story.repay(loan, "P-X", loan.payoff(MAR_1), MAR_1, payoff=True)

    assert loan.state == "CLOSED"


def test_what_closes_a_loan_on_the_day_it_is_laid_anew_is_by_what_was_before() -> None:
    loan = paid_out(annual_rate=Decimal(0), settling="TO_NEXT_DUE")
    agree(loan, "RATE_CHANGE", on=MAR_1, annual_rate=Decimal("0.21"))

    story.repay(loan, "P-X", loan.payoff(MAR_1), MAR_1, payoff=True)

    assert loan.state == "CLOSED"


def test_a_renewal_is_offered_again_at_its_new_cost_when_the_loan_changes() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))
    agree(loan, "RATE_CHANGE", on=date(2025, 4, 2), annual_rate=Decimal("0.03"))

    loan.renew(act(date(2025, 4, 10)), consent_ref="CONSENT-1")

    costs = [round(offer.annualised_cost, 3) for offer in recorded(loan, Loan.RenewalOffered)]
    assert costs[0] == Decimal("0.060")
    assert costs[1] < costs[0]
    assert recorded(loan, Loan.Renewed)


def test_rows_of_a_renewal_may_be_paid_by_the_next_business_day() -> None:
    loan = renewable()
    pay_in_time(loan, 2)
    loan.attend(act(date(2025, 4, 1)))

    loan.renew(
        act(date(2025, 4, 10)), consent_ref="CONSENT-1", pay_by=lambda day: day + timedelta(days=2)
    )

    last = loan.instalments[-1]
    assert (last.due_on, last.pay_by_on) == (date(2025, 7, 15), date(2025, 7, 17))


def test_an_instalment_that_was_added_today_can_be_moved_and_charged_today() -> None:
    loan = paid_out(term_months=1, fees=[FeeTerm("LETTER", "ON_EVENT", 5_00)])
    agree(loan, "REAGEING", on=MAR_1, instalments=1)

    loan.charge_fee(act(MAR_1), kind="LETTER", fee_ref="F-1")
    loan.move_due_date(act(MAR_1), instalment=2, due_on=date(2025, 3, 20), reason="asked")

    added = loan.instalments[-1]
    assert (added.number, added.due_on, added.fees) == (2, date(2025, 3, 20), 5_00)
    assert loan._rerun(loan.facts).rows == loan.instalments


def test_a_loan_that_is_laid_anew_twice_owes_no_interest_twice() -> None:
    loan = paid_out(method="INTEREST_ONLY")
    pay_in_time(loan, 2)

    agree(loan, "RATE_CHANGE", on=date(2025, 4, 1), annual_rate=Decimal("0.03"))
    agree(loan, "RATE_CHANGE", on=date(2025, 5, 1), annual_rate=Decimal("0.06"))

    # 16 days at 6 % and 14 at 3 %; 16 at 3 % and 14 at 6 %; then 6 %.
    assert [row.interest for row in loan.instalments[2:6]] == [3_83, 3_67, 5_00, 5_00]


def test_deferred_interest_is_collected_once_however_often_the_rest_is_laid_anew() -> None:
    loan = paid_out(method="INTEREST_ONLY")
    pay_in_time(loan, 1)
    agree(loan, "DEFERRAL", on=date(2025, 2, 20), instalments=2, interest_too=True)

    agree(loan, "RATE_CHANGE", on=date(2025, 3, 20), annual_rate=Decimal("0.06"))
    agree(loan, "RATE_CHANGE", on=date(2025, 4, 20), annual_rate=Decimal("0.06"))
    agree(loan, "RATE_CHANGE", on=date(2025, 5, 20), annual_rate=Decimal("0.06"))

    assert [row.interest for row in loan.instalments[1:5]] == [0, 0, 15_00, 5_00]


def test_an_instalment_added_to_a_loan_that_is_paid_off_that_day_brings_no_fee() -> None:
    loan = paid_out(fees=[FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)])
    agree(loan, "EXTENSION", on=MAR_1, instalments=1)

    story.repay(loan, "P-X", loan.payoff(MAR_1), MAR_1, payoff=True)

    assert loan.state == "CLOSED"
    assert loan.instalments[-1].fees == 0


def test_a_step_of_the_rate_plan_never_raises_a_rate_that_was_granted() -> None:
    loan = stepping()
    pay_in_time(loan, 1)
    agree(loan, "RATE_CHANGE", on=MAR_1, annual_rate=Decimal("0.02"))
    for row in loan.instalments[1:3]:
        story.repay(loan, f"P-{row.number}", row.left, row.due_on)

    loan.attend(act(date(2025, 4, 16)))

    [event] = recorded(loan, Loan.RateSteppedDown)
    assert event.annual_rate == event.annual_rate_before == Decimal("0.02")
    assert loan.rate_on(date(2025, 5, 1)) == Decimal("0.02")


def test_the_formula_of_a_row_laid_anew_names_each_stretch_with_its_rate_and_days() -> None:
    loan = paid_out()
    pay_in_time(loan, 2)
    agree(loan, "RATE_CHANGE", on=date(2025, 3, 30), annual_rate=Decimal("0.12"))

    found = explain(loan.pending_events, date(2025, 4, 15))  # type: ignore[arg-type]

    assert found is not None
    formulas = [
        line.formula
        for line in found.lines
        if line.instalment in (3, 4) and line.what == "rate change: lost work"
    ]
    assert formulas == [
        (
            "837.45 x (6 % x 30/360 from 2025-03-15 to 2025-03-30"
            " + 12 % x 30/360 from 2025-03-30 to 2025-04-15)"
            " = 6.280875, rounded half up: 6.28 in place of 4.19"
        ),
        "755.52 x 12 % x 1/12 of a year = 7.555200, rounded half up: 7.56 in place of 3.78",
    ]
