"""The sheet of a loan's cost: what stands on it, when it is shown, and what it binds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.base.repayment import Repayment
from domain.base.terms import (
    Conversion,
    FeeTerm,
    PlannedDraw,
    RateCap,
    RatePlan,
    RateStep,
    Renewal,
    Subsidy,
    Terms,
)
from domain.loan import refusals as no
from domain.loan.apr import NoRate
from domain.loan.disclosed import disclosures
from domain.loan.loan import Loan
from domain.loan.quote import quote
from domain.loan.schedule import schedule
from domain.loan.sheet import (
    CostShown,
    SheetCharge,
    SheetPayment,
    SheetPenalty,
    SheetRate,
    sheet_digest,
    sheet_of,
)
from infra import codec
from tests.domain import story
from tests.domain.story import JAN_15, LEVELS, act, applied, attended, given, last, paid, terms

IN_CHINA = CostShown(["IRR", "SIMPLE"], "cost-methods-cn-2")
LADDER = RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.045"))], "TERM")
THREE = terms(term_months=3, annual_rate=Decimal("0.05"), rate_plan=LADDER)
RENEWABLE = replace(THREE, renewal=Renewal(3, 1, 15))


def costs_of(asked: Terms, shown_by: CostShown = IN_CHINA) -> dict[tuple[str, str], Decimal | None]:
    """The costs of a year on the sheet of a loan, to a hundredth of a percent."""
    return {
        (each.case, each.method): each.rate and round(each.rate, 4)
        for each in sheet_of(asked, JAN_15, shown_by).costs
    }


def disclosed(asked: Terms, shown_by: CostShown = IN_CHINA) -> Loan:
    """A loan whose cost was disclosed, with all its events still to be stored."""
    loan = applied(asked)
    story.approve(loan, asked)
    loan.disclose(act(), terms=asked, levels=LEVELS, shown_by=shown_by)
    return loan


def test_the_sheet_says_what_is_lent_what_is_paid_and_when() -> None:
    sheet = sheet_of(terms(), JAN_15)

    assert (sheet.amount, sheet.paid_out, sheet.due_at_payout) == (1_000_00, 1_000_00, 0)
    assert (sheet.term_months, sheet.instalments) == (12, 12)
    assert sheet.first == SheetPayment(1, date(2025, 2, 15), 86_07)
    assert sheet.last == SheetPayment(12, date(2026, 1, 15), 86_03)
    rows = schedule(terms(), JAN_15)
    assert sheet.interest == sum(row.interest for row in rows)
    assert sheet.total == 1_000_00 + sheet.interest + sheet.fees


def test_the_cost_is_shown_by_every_method_of_the_rule_the_foremost_first() -> None:
    sheet = sheet_of(terms(amount=1_000_000_00), JAN_15, IN_CHINA)

    assert [each.method for each in sheet.costs] == ["IRR", "SIMPLE"]
    assert round(sheet.foremost, 4) == Decimal("0.0600")
    assert sheet.shown_by.version == "cost-methods-cn-2"


def test_a_promotion_shows_both_rates_and_what_the_later_one_would_cost() -> None:
    promotion = RatePlan("SCHEDULED", [RateStep(4, Decimal("0.108"))])
    asked = terms(amount=1_000_000_00, annual_rate=Decimal("0.036"), rate_plan=promotion)

    sheet = sheet_of(asked, JAN_15, IN_CHINA)

    assert sheet.rates == [
        SheetRate(Decimal("0.036"), 1, JAN_15, date(2025, 4, 15)),
        SheetRate(Decimal("0.108"), 4, date(2025, 4, 16), date(2026, 1, 15)),
    ]
    found = costs_of(asked)
    assert Decimal("0.036") < (found["AS_PLANNED", "IRR"] or 0) < Decimal("0.108")
    assert found["LATER_RATE", "IRR"] == Decimal("0.1080")
    assert found["LATER_RATE", "SIMPLE"] is not None


def test_a_step_down_shows_the_cost_without_and_with_the_reward() -> None:
    steps = RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.045"))], "INSTALMENT")
    asked = terms(amount=1_000_000_00, annual_rate=Decimal("0.05"), rate_plan=steps)

    found = costs_of(asked)

    assert found["AS_PLANNED", "IRR"] == Decimal("0.0500")
    assert Decimal("0.045") < (found["ON_TIME", "IRR"] or 0) < Decimal("0.05")
    assert sheet_of(asked, JAN_15).rates == [
        SheetRate(Decimal("0.05"), 1, JAN_15, date(2026, 1, 15)),
        SheetRate(Decimal("0.045"), 4, date(2025, 4, 16), date(2026, 1, 15), earned=True),
    ]


def test_a_reward_for_the_renewed_term_is_shown_as_the_cost_of_such_a_term() -> None:
    sheet = sheet_of(replace(RENEWABLE, amount=1_000_000_00), JAN_15)

    found = {each.case: each.rate and round(each.rate, 4) for each in sheet.costs}
    assert found == {"AS_PLANNED": Decimal("0.0500"), "RENEWED_ON_TIME": Decimal("0.0450")}
    assert sheet.rates[1] == SheetRate(Decimal("0.045"), 4, earned=True)
    assert sheet.renewal == Renewal(3, 1, 15)


def test_with_a_down_payment_rates_begin_on_the_days_of_the_schedule() -> None:
    promotion = RatePlan("SCHEDULED", [RateStep(4, Decimal("0.108"))])
    down = Repayment(down_payment=Decimal("0.3"))
    asked = terms(rate_plan=promotion, repayment=down)

    sheet = sheet_of(asked, JAN_15)

    assert sheet.due_at_payout == 300_00
    assert (sheet.instalments, sheet.first.due_on) == (12, date(2025, 2, 15))
    assert sheet.rates[1].from_on == date(2025, 4, 16)


def test_every_charge_stands_on_the_sheet_with_when_to_whom_and_whether_it_counts() -> None:
    fees = [
        FeeTerm("GUARANTEE", "AT_DISBURSEMENT", 0, None, Decimal("0.01"), "AMOUNT", "OVER_TERM"),
        FeeTerm("ACCOUNT", "PER_INSTALMENT", 2_00),
        FeeTerm("LATE", "ON_OVERDUE", 5_00, "PENALTY"),
        FeeTerm("EARLY", "ON_PREPAYMENT", 0, None, Decimal("0.005"), "PRINCIPAL"),
    ]
    fees[0] = replace(fees[0], payee="Guarantor Ltd")

    sheet = sheet_of(terms(fees=fees, grace_days=3), JAN_15)

    assert sheet.charges == [
        SheetCharge(
            *("GUARANTEE", "AT_DISBURSEMENT", "FEE", True, True, 10_00, Decimal("0.01"), "AMOUNT"),
            *(1, 10_00, "Guarantor Ltd"),
        ),
        SheetCharge(
            *("ACCOUNT", "PER_INSTALMENT", "FEE", True, False, 2_00), times=12, total=24_00
        ),
        SheetCharge("LATE", "ON_OVERDUE", "PENALTY", False, False, 5_00, after_days=3),
        SheetCharge(
            *("EARLY", "ON_PREPAYMENT", "FEE", False, False, None, Decimal("0.005"), "PRINCIPAL")
        ),
    ]
    assert (sheet.fees, sheet.due_at_payout) == (34_00, 10_00)
    assert sheet.charges_named == [
        *("INTEREST", "PENALTY", "GUARANTEE", "ACCOUNT", "LATE", "EARLY")
    ]


def test_the_totals_of_the_planned_charges_are_the_fees_of_the_schedule() -> None:
    fees = [
        FeeTerm("OPENING", "AT_DISBURSEMENT", 7_00),
        FeeTerm("SERVICE", "PER_INSTALMENT", 0, None, Decimal("0.003"), "PRINCIPAL_AND_INTEREST"),
    ]

    sheet = sheet_of(terms(fees=fees), JAN_15)

    assert sum(each.total or 0 for each in sheet.charges) == sheet.fees


def test_the_penalty_stands_beside_with_its_base_its_grace_and_its_cap() -> None:
    asked = terms(
        penalty_rate=Decimal("0.09"),
        penalty_multiple=Decimal("1.5"),
        penalty_on_interest=True,
        grace_days=3,
        rate_caps=[
            RateCap(date(1990, 1, 1), Decimal("0.24"), "cap-1"),
            RateCap(date(2026, 1, 1), Decimal("0.12"), "cap-2"),
        ],
    )

    assert sheet_of(asked, JAN_15).penalty == SheetPenalty(
        annual_rate=Decimal("0.09"),
        on_interest=True,
        on_top=False,
        grace_days=3,
        grace_retroactive=False,
        multiple=Decimal("1.5"),
        cap=Decimal("0.24"),
        cap_version="cap-1",
    )
    assert sheet_of(terms(), JAN_15).penalty is None


def test_what_is_paid_out_later_is_not_paid_out_at_once() -> None:
    asked = terms(draws=[PlannedDraw(date(2025, 3, 15), 400_00)], accrual="DAILY_BALANCE")

    sheet = sheet_of(asked, JAN_15)

    assert (sheet.amount, sheet.paid_out) == (1_000_00, 600_00)
    assert sheet.paid_out_later == [PlannedDraw(date(2025, 3, 15), 400_00)]


def test_an_index_and_a_partner_who_pays_are_named() -> None:
    plan = RatePlan("INDEXED", [], index="LPR", margin=Decimal("0.012"), reprice_months=12)
    asked = terms(rate_plan=plan, subsidy=Subsidy("SHOP", Decimal("0.02")))

    sheet = sheet_of(asked, JAN_15)

    assert (sheet.index, sheet.margin, sheet.reprice_months) == ("LPR", Decimal("0.012"), 12)
    assert sheet.subsidy == Subsidy("SHOP", Decimal("0.02"))


def test_a_cost_that_no_method_finds_is_said_with_its_reason() -> None:
    # All of it is paid back at once: no principal is in use that a cost could be held against.
    fee = FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)
    asked = terms(repayment=Repayment(down_payment=Decimal(1)), fees=[fee])

    sheet = sheet_of(asked, JAN_15, CostShown(["SIMPLE", "IRR"]))

    assert sheet.costs[0].rate is None
    assert sheet.costs[0].reason == (
        "No principal is in use: there is nothing to relate the cost to."
    )
    with pytest.raises(NoRate):
        _ = sheet.foremost


def test_a_quote_shows_the_very_sheet_that_is_disclosed() -> None:
    loan = disclosed(RENEWABLE)

    event = last(loan, Loan.CostDisclosed)

    quoted = quote(RENEWABLE, JAN_15, shown_by=IN_CHINA)
    assert quoted.sheet == event.sheet
    assert quoted.sheet_digest == event.sheet_digest
    assert (event.interest, event.fees) == (quoted.interest, quoted.fees)


def test_the_event_holds_the_whole_sheet_and_its_digest_verifies_after_it_was_stored() -> None:
    loan = disclosed(replace(RENEWABLE, fees=[story.LETTER_FEE]))
    event = last(loan, Loan.CostDisclosed)

    stored: Any = codec.decode(codec.encode(event), event.originator_id, event.originator_version)

    assert stored.sheet == event.sheet
    assert sheet_digest(stored.sheet) == stored.sheet_digest
    assert (stored.method, stored.annualised_cost) == ("IRR", event.sheet.foremost)


@pytest.mark.parametrize(
    "change", [{"interest": 0}, {"charges": []}, {"paid_out": 999_00}, {"costs": []}]
)
def test_a_sheet_that_was_tampered_with_does_not_verify(change: dict[str, Any]) -> None:
    loan = disclosed(replace(RENEWABLE, fees=[story.LETTER_FEE]))
    event = last(loan, Loan.CostDisclosed)
    event.__dict__["sheet"] = replace(event.sheet, **change)

    [found] = disclosures(story.recorded(loan))

    assert found.verifies is False


def test_a_disclosure_from_before_sheets_were_recorded_is_still_told_and_can_be_signed() -> None:
    loan = disclosed(terms())
    event = last(loan, Loan.CostDisclosed)
    event.__dict__.update(sheet=None, sheet_digest=None)
    loan = given(loan)
    told = disclosures([event])

    story.sign(loan)

    assert [(each.sheet, each.verifies, each.digest) for each in told] == [
        (None, None, event.terms_digest)
    ]
    assert last(loan, Loan.ContractSigned).sheet_digest is None


def test_the_contract_names_the_sheet_that_was_confirmed() -> None:
    loan = given(disclosed(terms()))
    shown = loan.sheet_digest

    loan.sign(
        act(), terms=terms(), contract_ref="C-1", template_version="1", levels=LEVELS, digest=shown
    )

    assert shown is not None and last(loan, Loan.ContractSigned).sheet_digest == shown


def test_nobody_signs_on_another_sheet_than_the_one_that_was_disclosed_last() -> None:
    loan = given(disclosed(terms()))

    with pytest.raises(no.NotDisclosed, match="another sheet"):
        loan.sign(
            act(),
            terms=terms(),
            contract_ref="C-1",
            template_version="1",
            levels=LEVELS,
            digest="0" * 64,
        )

    assert story.recorded(loan) == []


# --- a running loan ----------------------------------------------------------------------


def renewable() -> Loan:
    """1,000.00 over three months at 5 %, paid on time so far, its renewal on offer."""
    loan = disclosed(RENEWABLE)
    story.sign(loan, RENEWABLE)
    story.disburse(loan)
    first, second, _ = loan.instalments
    for step in (
        paid("P-1", first.left, first.due_on),
        paid("P-2", second.left, second.due_on),
        attended(date(2025, 4, 1)),
    ):
        step(loan)
    return loan


def test_a_renewal_is_offered_with_a_sheet_of_its_own_by_the_methods_of_the_first() -> None:
    before, offer = disclosures(story.recorded(renewable()))

    assert (before.before, offer.before) == ("SIGNING", "RENEWAL")
    assert offer.sheet is not None and offer.verifies
    assert [(each.case, each.method) for each in offer.sheet.costs] == [
        *(("AS_PLANNED", "IRR"), ("AS_PLANNED", "SIMPLE")),
        *(("ON_TIME", "IRR"), ("ON_TIME", "SIMPLE")),
    ]
    certain, on_time = offer.sheet.costs[0].rate, offer.sheet.costs[2].rate
    assert certain is not None and on_time is not None and on_time < certain
    assert offer.sheet.rates[-1].annual_rate == Decimal("0.045") and offer.sheet.rates[-1].earned
    assert (offer.sheet.paid_out, offer.sheet.term_months) == (0, 3)
    assert offer.interest == offer.sheet.interest


def test_a_renewal_is_accepted_on_the_sheet_that_was_shown_and_on_no_other() -> None:
    loan = given(renewable())
    assert loan.renewal is not None
    digest = loan.renewal.sheet_digest

    with pytest.raises(no.NotDisclosed):
        loan.renew(act(date(2025, 4, 1)), consent_ref="C", digest="0" * 64)
    loan.renew(act(date(2025, 4, 1)), consent_ref="C", digest=digest)

    assert loan.renewals == 1


def test_a_conversion_is_disclosed_with_its_sheet_and_accepted_by_its_digest() -> None:
    named = Conversion(most=12, offer_days=10, annual_rate=Decimal("0.066"))
    asked = terms(method="BULLET", conversion=named, penalty_multiple=Decimal("1.5"))
    loan = given(story.disbursed(replace(asked, penalty_rate=Decimal("0.09"))))
    on = date(2025, 3, 15)

    loan.offer_conversion(act(on), count=6)

    event = last(loan, Loan.ConversionOffered)
    assert event.sheet.rates == [SheetRate(Decimal("0.066"), 1, on, date(2025, 9, 15))]
    assert event.sheet.penalty.annual_rate == Decimal("0.099")
    assert (event.sheet.amount, event.sheet.instalments) == (event.principal, 6)
    assert event.sheet.total == event.principal + event.interest + event.fees
    assert sheet_digest(event.sheet) == event.sheet_digest
    loan.convert(act(on), consent_ref="C", digest=event.sheet_digest)
    assert loan.converted_on == on


# --- nothing else is charged (S0-25) ------------------------------------------------------

CHARGED = [
    FeeTerm("OPENING", "AT_DISBURSEMENT", 3_00),
    FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00),
    FeeTerm("LETTER", "ON_EVENT", 20_00),
    FeeTerm("BREACH", "ON_EVENT", 9_00, "PENALTY"),
    FeeTerm("LATE", "ON_OVERDUE", 5_00),
    FeeTerm("EARLY", "ON_PREPAYMENT", 0, None, Decimal("0.01"), "PRINCIPAL"),
]


@pytest.mark.parametrize("kind", ["OPENING", "ACCOUNT", "LATE", "EARLY", "VISIT", "", "letter"])
def test_what_was_not_disclosed_for_an_event_cannot_be_charged_on_one(kind: str) -> None:
    loan = given(story.disbursed(terms(fees=CHARGED)))

    with pytest.raises(no.FeeNotDisclosed):
        loan.charge_fee(act(date(2025, 2, 1)), kind=kind, fee_ref="F-1")

    assert story.recorded(loan) == []


def test_every_charge_that_is_posted_was_on_the_sheet() -> None:
    loan = story.disbursed(terms(fees=CHARGED))
    listed = {each.kind for each in last(loan, Loan.CostDisclosed).sheet.charges}
    loan = given(
        loan,
        story.fee_charged("F-1", date(2025, 1, 20)),
        story.fee_charged("F-2", date(2025, 1, 20), "BREACH"),
    )

    loan.attend(act(date(2025, 2, 20)))
    story.repay(loan, "P-1", loan.payoff(date(2025, 2, 20)), date(2025, 2, 20), payoff=True)

    charged = {event.kind for event in story.recorded(loan) if isinstance(event, Loan.FeeCharged)}
    charged |= {fee.kind for fee in loan.fees.values()}
    assert {"LETTER", "BREACH", "LATE"} <= charged <= listed


def test_a_loan_that_was_taken_over_is_charged_only_what_its_contract_names() -> None:
    asked = terms(fees=[story.LETTER_FEE, FeeTerm("LATE", "ON_OVERDUE", 5_00)])
    loan = given(
        Loan.migrate(
            act(),
            story.LOAN_ID,
            loan_ref="L-1",
            borrower_id=story.BORROWER_ID,
            origin="OLD",
            terms=asked,
            disbursed_on=JAN_15,
            accrues_from=JAN_15,
            rows=schedule(asked, JAN_15),
        )
    )

    for kind in ("LATE", "VISIT"):
        with pytest.raises(no.FeeNotDisclosed):
            loan.charge_fee(act(date(2025, 2, 1)), kind=kind, fee_ref="F-1")
    loan.charge_fee(act(date(2025, 2, 1)), kind="LETTER", fee_ref="F-1")
    loan.attend(act(date(2025, 2, 20)))

    charged = {event.kind for event in story.recorded(loan) if isinstance(event, Loan.FeeCharged)}
    assert charged == {"LETTER", "LATE"}
    assert disclosures(story.recorded(loan)) == []
