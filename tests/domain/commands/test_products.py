"""Products as commands: through the gate, priced by grade, for those they are meant for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.base.terms import PlannedDraw, RateCap, RatePlan, RateStep
from domain.commands import loans, products
from domain.commands.book import Book
from domain.loan import refusals as no
from domain.loan.loan import Loan
from domain.loan.state import LoanState, Tier
from domain.product.gate import OverCap, PublishRefused
from domain.product.product import (
    GradeRate,
    GradeUnknown,
    NotEligible,
    NotOnSale,
    Product,
    RateTier,
    TierUnknown,
    TranchesNotOffered,
    WithdrawalUnexplained,
)
from infra.policies import load_policies
from tests.domain.commands.books import JAN_15, OFFER, act, loan_of, registered

GRID = [GradeRate("A", Decimal("0.06")), GradeRate("B", Decimal("0.12"))]
MICRO: dict[str, Any] = {"jurisdiction": "CN", "lender_kind": "MICRO_LENDER"}
PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}


def offered(book: Book, **changes: Any) -> str:
    code = f"P-{uuid4().hex[:8]}"
    products.publish(book, act(), offer=replace(OFFER, code=code, **changes))
    return code


def applied(book: Book, code: str, on: date = JAN_15, **changes: Any) -> UUID:
    loan_id = uuid4()
    loans.apply_for(
        book,
        act(on),
        loan_id=loan_id,
        borrower_id=registered(book, on),
        product_code=code,
        product_version=1,
        amount=1_000_00,
        term_months=12,
        **changes,
    )
    return loan_id


def events_of(book: Book, stream_id: UUID) -> list[Any]:
    return list(book.events.get(stream_id))


def test_a_product_that_fails_the_gate_is_not_published(shared: Book) -> None:
    dear = replace(OFFER, code="DEAR", annual_rate=Decimal("0.25"), **MICRO)

    with pytest.raises(PublishRefused, match="caps-cn-1"):
        products.publish(shared, act(), offer=dear)

    assert shared.find(Product, products.product_id(shared, "DEAR", 1)) is None


def test_a_loan_is_priced_by_the_grade_of_its_borrower(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, rate_grid=GRID, **MICRO))

    loans.approve(shared, act(), loan_id=loan_id, grade="B", model_version="score-7", **PEOPLE)

    assert loan_of(shared, loan_id).annual_rate == Decimal("0.12")
    event = events_of(shared, loan_id)[-1]
    assert (event.grade, event.model_version) == ("B", "score-7")
    assert event.cap_version == "caps-cn-1"


@pytest.mark.parametrize(
    "said", [{}, {"grade": "C"}, {"grade": "B", "annual_rate": Decimal("0.1")}]
)
def test_a_grade_that_the_grid_does_not_know_prices_nothing(
    shared: Book, said: dict[str, Any]
) -> None:
    loan_id = applied(shared, offered(shared, rate_grid=GRID))

    with pytest.raises(GradeUnknown):
        loans.approve(shared, act(), loan_id=loan_id, **said, **PEOPLE)


TIERS = [
    RateTier("REPEAT", Decimal("0.05"), steps=[RateStep(4, Decimal("0.045"))]),
    RateTier("REPEAT", Decimal("0.04"), on_time=12, steps=[RateStep(3, Decimal("0.03"))]),
    RateTier("DORMANT", Decimal("0.055")),
]
STEPS = RatePlan("STEP_DOWN", [RateStep(4, Decimal("0.055"))], scope="INSTALMENT")


@pytest.mark.parametrize(
    ("segment", "on_time", "rate", "step"),
    [
        (None, None, "0.06", (4, "0.055")),
        ("FIRST", 20, "0.06", (4, "0.055")),
        ("REPEAT", None, "0.05", (4, "0.045")),
        ("REPEAT", 11, "0.05", (4, "0.045")),
        ("REPEAT", 12, "0.04", (3, "0.03")),
        ("REPEAT", 99, "0.04", (3, "0.03")),
    ],
)
def test_a_loan_is_priced_by_the_segment_and_the_instalments_paid_on_time(
    shared: Book, segment: str | None, on_time: int | None, rate: str, step: tuple[int, str]
) -> None:
    tiers = [tier for tier in TIERS if tier.segment == "REPEAT"]
    loan_id = applied(shared, offered(shared, rate_tiers=tiers, rate_plan=STEPS), segment=segment)

    loans.approve(shared, act(), loan_id=loan_id, on_time=on_time, **PEOPLE)
    loans.disclose(shared, act(), loan_id=loan_id)
    loans.sign(shared, act(), loan_id=loan_id, contract_ref="C-1")

    terms = loan_of(shared, loan_id).terms
    assert terms is not None and terms.rate_plan is not None
    assert terms.annual_rate == Decimal(rate)
    assert terms.rate_plan.steps == [RateStep(step[0], Decimal(step[1]))]
    approved = next(e for e in events_of(shared, loan_id) if type(e).__name__ == "Approved")
    reached = {"0.06": None, "0.05": Tier("REPEAT", 0), "0.04": Tier("REPEAT", 12)}
    assert approved.tier == reached[rate]


def test_a_rate_that_is_agreed_apart_is_of_no_tier(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, rate_tiers=[TIERS[-1]]), segment="DORMANT")

    loans.approve(shared, act(), loan_id=loan_id, annual_rate=Decimal("0.058"), **PEOPLE)

    loan = loan_of(shared, loan_id)
    assert (loan.annual_rate, loan.tier) == (Decimal("0.058"), None)


def test_an_approval_given_again_is_the_same_although_the_borrower_has_more_loans_since(
    shared: Book,
) -> None:
    tiers = [tier for tier in TIERS if tier.segment == "REPEAT"]
    loan_id = applied(shared, offered(shared, rate_tiers=tiers, rate_plan=STEPS), segment="REPEAT")
    approval = act()

    looked_up = iter([[], [uuid4()]])

    first, again = (
        loans.approve(shared, approval, loan_id=loan_id, loans=lambda: next(looked_up), **PEOPLE)
        for _ in range(2)
    )

    assert (first.version, first.repeated, again.repeated) == (again.version, False, True)
    approved = next(e for e in events_of(shared, loan_id) if type(e).__name__ == "Approved")
    assert (approved.on_time, approved.tier) == (0, Tier("REPEAT", 0))


def test_instalments_paid_on_time_price_nothing_without_tiers(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))

    with pytest.raises(TierUnknown, match="leave out"):
        loans.approve(shared, act(), loan_id=loan_id, on_time=3, **PEOPLE)


def test_each_tier_passes_the_gate(shared: Book) -> None:
    dear = [RateTier("DORMANT", Decimal("0.25"))]

    with pytest.raises(PublishRefused, match="caps-cn-1"):
        offered(shared, rate_tiers=dear, **MICRO)


def test_a_product_without_grades_takes_none(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))

    with pytest.raises(GradeUnknown):
        loans.approve(shared, act(), loan_id=loan_id, grade="A", **PEOPLE)


def test_a_rate_agreed_apart_stays_under_the_cap(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, **MICRO))

    with pytest.raises(OverCap, match="above 24"):
        loans.approve(shared, act(), loan_id=loan_id, annual_rate=Decimal("0.3"), **PEOPLE)


def test_a_product_with_segments_refuses_others(shared: Book) -> None:
    code = offered(shared, segments=["STUDENT"], partner="SCHOOL-1", scene="EDUCATION")

    with pytest.raises(NotEligible):
        applied(shared, code)
    with pytest.raises(NotEligible):
        applied(shared, code, segment="FARMER")
    loan_id = applied(shared, code, segment="STUDENT", partner_order_ref="O-1")

    (event,) = events_of(shared, loan_id)
    assert (event.segment, event.scene) == ("STUDENT", "EDUCATION")
    assert (event.partner, event.partner_order_ref) == ("SCHOOL-1", "O-1")


SCHOOL: dict[str, Any] = {"partner": "SCHOOL-1", "scene": "EDUCATION"}


def signed(book: Book, loan_id: UUID) -> None:
    loans.approve(book, act(), loan_id=loan_id, **PEOPLE)
    loans.disclose(book, act(), loan_id=loan_id)
    loans.sign(book, act(), loan_id=loan_id, contract_ref="C-1")


def paid_out(book: Book, loan_id: UUID, to: str = "ACC-1") -> None:
    loans.disburse(book, act(), loan_id=loan_id, disbursement_ref="D-1", paid_to=to)


def test_an_order_of_the_partner_is_linked_or_changed_until_the_payout(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, **SCHOOL))
    link: dict[str, Any] = {"loan_id": loan_id, "reason": "the school split it"}

    loans.link_partner_order(shared, act(), partner_order_ref="O-1", **link)
    signed(shared, loan_id)
    loans.link_partner_order(shared, act(), partner_order_ref="O-2", **link)
    loans.link_partner_order(shared, act(), partner_order_ref="O-2", **link)

    linked = [e for e in events_of(shared, loan_id) if isinstance(e, Loan.PartnerOrderLinked)]
    assert [(e.partner_order_ref, e.before) for e in linked] == [("O-1", None), ("O-2", "O-1")]
    assert {e.partner for e in linked} == {"SCHOOL-1"}
    paid_out(shared, loan_id, "SCHOOL-1")
    with pytest.raises(no.NotUnderReview):
        loans.link_partner_order(shared, act(), partner_order_ref="O-3", **link)


def test_a_loan_of_no_partner_pays_for_no_order(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))

    with pytest.raises(no.NoPartner):
        loans.link_partner_order(
            shared, act(), loan_id=loan_id, partner_order_ref="O-1", reason="by mistake"
        )


def test_what_pays_for_an_order_goes_to_the_partner_or_an_account_of_theirs(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, **SCHOOL), partner_order_ref="O-1")
    signed(shared, loan_id)

    for stranger in ("ACC-1", "SCHOOL-12"):
        with pytest.raises(no.PayeeNotPartner, match="paid to SCHOOL-1"):
            paid_out(shared, loan_id, stranger)
    paid_out(shared, loan_id, "SCHOOL-1/ACC-1")

    assert loan_of(shared, loan_id).state == LoanState.ACTIVE


def test_without_an_order_the_borrower_is_paid(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, **SCHOOL))
    signed(shared, loan_id)

    paid_out(shared, loan_id)

    assert loan_of(shared, loan_id).state == LoanState.ACTIVE


def test_a_version_can_be_applied_for_on_the_days_that_it_is_offered(shared: Book) -> None:
    window: dict[str, Any] = {"offered_from": date(2025, 1, 10), "offered_until": date(2025, 1, 20)}
    code = offered(shared, **window)

    for day in (date(2025, 1, 9), date(2025, 1, 21)):
        with pytest.raises(NotOnSale, match=r"2025-01-[12]0"):
            applied(shared, code, on=day)
    loan_id = applied(shared, code, on=date(2025, 1, 10))
    applied(shared, code, on=date(2025, 1, 20))

    # What came in by then is approved afterwards, too.
    loans.approve(shared, act(date(2025, 1, 25)), loan_id=loan_id, **PEOPLE)


def test_no_contract_is_made_on_a_version_that_was_withdrawn(shared: Book) -> None:
    code = offered(shared)
    early, approved, disclosed, ready = (applied(shared, code) for _ in range(4))
    for loan_id in (approved, disclosed):
        loans.approve(shared, act(), loan_id=loan_id, **PEOPLE)
    loans.disclose(shared, act(), loan_id=disclosed)
    signed(shared, ready)

    products.withdraw(shared, act(), code=code, version=1, reason="over the cap of its lender")
    products.withdraw(shared, act(), code=code, version=1, reason="over the cap of its lender")

    with pytest.raises(NotOnSale, match="over the cap of its lender"):
        applied(shared, code)
    with pytest.raises(NotOnSale):
        loans.approve(shared, act(), loan_id=early, **PEOPLE)
    with pytest.raises(NotOnSale):
        loans.disclose(shared, act(), loan_id=approved)
    with pytest.raises(NotOnSale):
        loans.sign(shared, act(), loan_id=disclosed, contract_ref="C-1")
    paid_out(shared, ready)
    found = shared.get(Product, products.product_id(shared, code, 1))
    assert (found.withdrawn_on, found.version) == (JAN_15, 2)


def test_a_version_is_withdrawn_for_a_reason(shared: Book) -> None:
    code = offered(shared)

    with pytest.raises(WithdrawalUnexplained):
        products.withdraw(shared, act(), code=code, version=1, reason=" ")


def test_payouts_that_are_agreed_on_stand_in_the_contract(shared: Book) -> None:
    plan = [PlannedDraw(date(2025, 3, 1), 400_00)]
    loan_id = applied(shared, offered(shared, tranches=True))

    loans.approve(shared, act(), loan_id=loan_id, draws=plan, **PEOPLE)
    loans.disclose(shared, act(), loan_id=loan_id)
    loans.sign(shared, act(), loan_id=loan_id, contract_ref="C-1")
    paid_out(shared, loan_id)

    loan = loan_of(shared, loan_id)
    assert loan.terms is not None and loan.terms.draws == plan
    assert loan.balance.principal == loan.terms.amount - 400_00
    disclosed = next(e for e in events_of(shared, loan_id) if isinstance(e, Loan.CostDisclosed))
    assert disclosed.sheet is not None and disclosed.sheet.paid_out_later == plan


def test_a_product_that_plans_no_payouts_takes_none(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))
    plan = [PlannedDraw(date(2025, 3, 1), 400_00)]

    with pytest.raises(TranchesNotOffered):
        loans.approve(shared, act(), loan_id=loan_id, draws=plan, **PEOPLE)


def test_instalments_paid_on_time_are_counted_over_the_loans_of_the_borrower(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))
    signed(shared, loan_id)
    paid_out(shared, loan_id)
    for number, day in enumerate((date(2025, 2, 15), date(2025, 3, 20)), start=1):
        loans.repay(
            shared,
            act(day),
            loan_id=loan_id,
            amount=loan_of(shared, loan_id).instalments[number - 1].left,
            currency="CNY",
            received_on=day,
            payment_ref=f"P-{number}",
        )

    # The first was paid on its day, the second five days late.
    assert loans.paid_on_time(shared, [loan_id, applied(shared, offered(shared))]) == 1


def test_the_approval_records_how_many_were_paid_on_time(shared: Book) -> None:
    tiers = [RateTier("REPEAT", Decimal("0.05"), 3)]
    loan_id = applied(shared, offered(shared, rate_tiers=tiers), segment="REPEAT")

    loans.approve(shared, act(), loan_id=loan_id, on_time=7, **PEOPLE)

    (approved,) = [e for e in events_of(shared, loan_id) if isinstance(e, Loan.Approved)]
    assert (approved.on_time, approved.tier) == (7, Tier("REPEAT", 3))


def test_an_order_needs_a_partner(shared: Book) -> None:
    with pytest.raises(NotEligible):
        applied(shared, offered(shared), partner_order_ref="O-1")


def test_the_caps_of_its_lender_stand_in_what_is_signed(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, penalty_multiple=Decimal("1.5"), **MICRO))
    loans.approve(shared, act(), loan_id=loan_id, **PEOPLE)
    loans.disclose(shared, act(), loan_id=loan_id)

    loans.sign(shared, act(date(2025, 1, 20)), loan_id=loan_id, contract_ref="C-1")

    terms = loan_of(shared, loan_id).terms
    assert terms is not None and terms.penalty_rate == Decimal("0.09")
    # Rules for new loans that came later leave this one alone.
    assert terms.rate_caps == [RateCap(date(1990, 1, 1), Decimal("0.24"), "caps-cn-1")]


def test_without_a_kind_of_lender_no_caps_are_signed(shared: Book) -> None:
    loan_id = applied(shared, offered(shared))
    loans.approve(shared, act(), loan_id=loan_id, **PEOPLE)
    loans.disclose(shared, act(), loan_id=loan_id)
    loans.sign(shared, act(), loan_id=loan_id, contract_ref="C-1")

    terms = loan_of(shared, loan_id).terms
    assert terms is not None and terms.rate_caps is None


@pytest.mark.parametrize(
    ("on", "jurisdiction", "methods"),
    [
        (date(2026, 11, 30), "CN", ["IRR", "SIMPLE"]),
        (date(2000, 1, 1), "CN", ["IRR", "SIMPLE"]),
        (date(2026, 11, 30), "US", ["APR_REG_Z"]),
        (date(2026, 11, 20), "EU", ["APRC"]),
        (date(2026, 11, 19), "EU", ["APRC"]),
        (date(2026, 11, 30), "IN", ["IRR"]),
        (date(2026, 11, 30), "JP", ["IRR", "APRC"]),
        (date(2026, 11, 30), None, ["IRR", "APRC"]),
    ],
)
def test_the_cost_of_a_year_is_shown_as_the_rule_of_the_jurisdiction_says(
    on: date, jurisdiction: str | None, methods: list[str]
) -> None:
    shown = products.cost_shown(load_policies(), jurisdiction, on)

    assert shown.methods == methods
    assert shown.version is not None


def test_what_is_disclosed_names_the_rule_by_which_its_cost_is_shown(shared: Book) -> None:
    loan_id = applied(shared, offered(shared, **MICRO))
    loans.approve(shared, act(), loan_id=loan_id, **PEOPLE)

    loans.disclose(shared, act(), loan_id=loan_id)

    disclosed: Any = events_of(shared, loan_id)[-1]
    expected = products.cost_shown(shared.policies, "CN", act().business_on)
    assert disclosed.sheet.shown_by == expected
    assert [each.method for each in disclosed.sheet.costs] == expected.methods
