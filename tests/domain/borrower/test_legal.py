"""Which late loans are claimed at law, what stands against it, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.policy import HoldRule, LegalStandard
from domain.base.refusal import AmountNotPositive, SamePerson
from domain.borrower.borrower import Borrower
from domain.borrower.contact import PastContact
from domain.borrower.legal import (
    AtLaw,
    LegalBarred,
    LegalClaim,
    LegalEndUnsound,
    NotAtLaw,
    NotForLegal,
    NoticeMissing,
    ToRefer,
)
from domain.borrower.legal_words import LegalOutcome
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.test_borrower import promise, registered
from tests.domain.borrower.test_placement import place
from tests.domain.borrower.test_support import agreed as with_plan
from tests.domain.story import (
    BORROWER_ID,
    JAN_15,
    LOAN_ID,
    act,
    given,
    happened,
    kinds,
    recorded,
    replayed,
    state,
)

STANDARD = LegalStandard(
    version="legal-test",
    jurisdiction="CN",
    days_past_due=91,
    barred_by=("BANKRUPTCY", "MORATORIUM", "DISPUTE"),
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)
CLAIM = LegalClaim("CNY", 300_00, 20_00, 5_00, 1_50, outstanding=900_00)
LATE = ToRefer(LOAN_ID, "L-1", "M4", 95, CLAIM, STANDARD)
TOLD = replace(STANDARD, notice="arrears", notice_days=28)


def refer(
    borrower: Borrower, on: date = JAN_15, approved_by: str = "head of collections", **changes: Any
) -> Borrower:
    said = {name: changes.pop(name) for name in ("notice_ref", "referred_to") if name in changes}
    borrower.refer_legal(
        act(on),
        loan=replace(LATE, **changes),
        reason="no answer for three months",
        requested_by="anna",
        approved_by=approved_by,
        **said,
    )
    return borrower


def referred(borrower: Borrower) -> None:
    refer(borrower)


def placed(borrower: Borrower) -> None:
    place(borrower)


def sent(borrower: Borrower, ref: str, on: date, **changes: Any) -> None:
    """A notice went out in writing on a day."""
    at = datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
    past = PastContact(at, Purpose.STATUTORY, Channel.LETTER, Outcome.SENT, debt=str(LOAN_ID))
    borrower.contacts[ref] = replace(past, **changes)


def test_a_loan_is_claimed_at_law_with_what_was_overdue_that_day() -> None:
    borrower = refer(given(registered()), referred_to="Lex & Co")

    assert recorded(borrower) == [
        happened(
            Borrower.LegalReferred,
            loan_id=LOAN_ID,
            bucket="M4",
            days_past_due=95,
            currency="CNY",
            principal=300_00,
            interest=20_00,
            fees=5_00,
            penalty=1_50,
            claimed=326_50,
            outstanding=900_00,
            referred_to="Lex & Co",
            requested_by="anna",
            approved_by="head of collections",
            agency_before=None,
            notice_ref=None,
            policy_version="legal-test",
        )
    ]
    assert borrower.is_at_law(LOAN_ID)


def test_a_loan_comes_back_from_its_agency_when_it_is_claimed_at_law() -> None:
    borrower = refer(given(registered(), placed))

    assert kinds(borrower) == [Borrower.AgencyRecalled, Borrower.LegalReferred]
    assert (borrower.placements, borrower.is_at_law(LOAN_ID)) == ({}, True)
    assert recorded(borrower)[1] == happened(Borrower.LegalReferred, agency_before="acme")


def test_what_is_claimed_at_law_goes_to_no_agency_and_is_claimed_once() -> None:
    borrower = given(registered(), referred)

    with pytest.raises(AtLaw, match="withdraw that first"):
        place(borrower)
    with pytest.raises(AtLaw):
        refer(borrower)

    assert recorded(borrower) == []


@pytest.mark.parametrize(
    "changes", [{"claim": None}, {"claim": replace(CLAIM, principal=-326_50 + 300_00)}]
)
def test_nothing_is_claimed_where_nothing_of_ours_is_overdue(changes: dict[str, Any]) -> None:
    with pytest.raises(NotForLegal, match="Nothing of ours is overdue"):
        refer(given(registered()), **changes)


def test_a_loan_is_claimed_at_law_from_the_day_on_that_the_rule_says() -> None:
    with pytest.raises(NotForLegal, match="90 days past due; a loan is claimed at law from 91"):
        refer(given(registered()), days_past_due=90)
    assert refer(given(registered()), days_past_due=91).is_at_law(LOAN_ID)


def held(borrower: Borrower, hold_ref: str, kind: str) -> None:
    rule = HoldRule("holds-test", kind, False, True, date(1990, 1, 1), None, "test")
    borrower.set_hold(act(), hold_ref=hold_ref, kind=kind, reason="so they say", rule=rule)


def test_of_several_holds_the_worst_is_told() -> None:
    borrower = given(
        registered(),
        lambda one: held(one, "H-D", "DISPUTE"),
        lambda one: held(one, "H-B", "BANKRUPTCY"),
    )

    with pytest.raises(LegalBarred, match="BANKRUPTCY hold 'H-B'"):
        refer(borrower, days_past_due=5)
    borrower.lift_hold(act(), hold_ref="H-B", reason="over")
    with pytest.raises(LegalBarred, match="DISPUTE hold 'H-D'"):
        refer(borrower, days_past_due=5)
    borrower.lift_hold(act(), hold_ref="H-D", reason="over")
    assert refer(borrower).is_at_law(LOAN_ID)


def test_a_hold_that_the_rule_does_not_name_stands_against_no_claim() -> None:
    borrower = given(registered(), lambda one: held(one, "H-C", "CEASE"))

    assert refer(borrower).is_at_law(LOAN_ID)


def test_nobody_is_sued_who_keeps_a_plan_or_promised_to_pay() -> None:
    with pytest.raises(LegalBarred, match="The plan 'PL-1' to pay L-1 runs"):
        refer(with_plan())
    with pytest.raises(LegalBarred, match="A promise to pay on L-1 is open"):
        refer(given(registered(), promise))


def test_where_the_law_asks_for_it_a_notice_came_before() -> None:
    borrower = given(registered())
    head = f"N-{borrower.borrower_ref}-arrears-{LOAN_ID.hex[:12]}-"
    with pytest.raises(NoticeMissing, match="No arrears notice about L-1 went out yet"):
        refer(borrower, standard=TOLD)
    sent(borrower, f"{head}20241201", date(2024, 12, 1), outcome=Outcome.FAILED)
    with pytest.raises(NoticeMissing, match="went out yet"):
        refer(borrower, standard=TOLD)
    sent(borrower, f"{head}20241219", date(2024, 12, 19))

    with pytest.raises(NoticeMissing, match="28 days to answer, until 2025-01-16"):
        refer(borrower, standard=TOLD)
    refer(borrower, JAN_15 + timedelta(days=1), standard=TOLD)

    assert recorded(borrower) == [
        happened(Borrower.LegalReferred, notice_ref=f"{head}20241219", notice_on=date(2024, 12, 19))
    ]


def test_a_notice_that_did_not_arrive_told_nobody() -> None:
    borrower = given(registered())
    ref = f"N-{borrower.borrower_ref}-arrears-{LOAN_ID.hex[:12]}-20241201"
    sent(borrower, ref, date(2024, 12, 1), channel=Channel.EMAIL)
    borrower.undelivered[ref] = "BOUNCED"
    sent(borrower, "S-1", date(2024, 12, 1))
    borrower.undelivered["S-1"] = "RETURNED"

    with pytest.raises(NoticeMissing, match="No arrears notice about L-1 went out yet"):
        refer(borrower, standard=TOLD)
    with pytest.raises(NoticeMissing, match="no notice that went out in writing"):
        refer(borrower, standard=TOLD, notice_ref="S-1")
    sent(borrower, f"{ref}.2", date(2024, 12, 2))
    refer(borrower, standard=TOLD)

    assert recorded(borrower) == [happened(Borrower.LegalReferred, notice_ref=f"{ref}.2")]


def test_a_notice_that_somebody_sent_by_hand_is_named() -> None:
    borrower = given(registered())
    sent(borrower, "S-1", date(2024, 12, 1))
    sent(borrower, "S-2", date(2024, 12, 1), purpose=Purpose.COLLECTION)
    sent(borrower, "S-3", date(2024, 12, 1), channel=Channel.SMS)
    sent(borrower, "S-4", date(2024, 12, 1), debt=None)

    for unfit in ("S-2", "S-3", "S-4", "S-9"):
        with pytest.raises(NoticeMissing, match="no notice that went out in writing"):
            refer(borrower, standard=TOLD, notice_ref=unfit)
    refer(borrower, standard=TOLD, notice_ref="S-1")

    assert recorded(borrower) == [happened(Borrower.LegalReferred, notice_ref="S-1")]


def test_who_asks_for_a_claim_does_not_approve_it() -> None:
    with pytest.raises(SamePerson):
        refer(given(registered()), approved_by="Anna")


def test_what_was_withdrawn_is_the_houses_again_and_may_be_claimed_anew() -> None:
    borrower = given(registered(), referred)

    borrower.withdraw_legal(act(), loan_id=LOAN_ID, reason="paid in part")

    assert recorded(borrower) == [happened(Borrower.LegalWithdrawn, referred_on=JAN_15)]
    with pytest.raises(NotAtLaw):
        borrower.withdraw_legal(act(), loan_id=LOAN_ID, reason="again")
    assert refer(borrower).is_at_law(LOAN_ID)


def end(borrower: Borrower, outcome: LegalOutcome, on: date = JAN_15, **said: Any) -> None:
    fields = {"decided_on": on, **said}
    borrower.end_legal(act(on), loan_id=LOAN_ID, outcome=outcome, **fields)


def test_a_judgment_ends_a_claim_with_what_was_awarded() -> None:
    borrower = given(registered(), referred)
    on = JAN_15 + timedelta(days=60)

    end(borrower, LegalOutcome.JUDGMENT, on, paper_ref="(2025) 4711", awarded=280_00)

    assert recorded(borrower) == [
        happened(
            Borrower.LegalEnded,
            effective_on=on,
            outcome="JUDGMENT",
            claimed=326_50,
            awarded=280_00,
            paper_ref="(2025) 4711",
            referred_on=JAN_15,
        )
    ]
    assert not borrower.is_at_law(LOAN_ID)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (LegalOutcome.JUDGMENT, {"paper_ref": "P"}),
        (LegalOutcome.JUDGMENT, {"awarded": 1}),
        (LegalOutcome.SETTLEMENT, {}),
        (LegalOutcome.DISMISSED, {"paper_ref": "P", "awarded": 1}),
        (LegalOutcome.PAID, {"paper_ref": "P"}),
        (LegalOutcome.PAID, {"decided_on": JAN_15 - timedelta(days=1)}),
        (LegalOutcome.PAID, {"decided_on": JAN_15 + timedelta(days=1)}),
    ],
)
def test_a_claim_ends_with_what_belongs_to_its_end(
    outcome: LegalOutcome, said: dict[str, Any]
) -> None:
    borrower = given(registered(), referred)

    with pytest.raises(LegalEndUnsound):
        end(borrower, outcome, **said)

    assert recorded(borrower) == []


def test_a_judgment_of_nothing_is_a_dismissal() -> None:
    with pytest.raises(AmountNotPositive):
        end(given(registered(), referred), LegalOutcome.JUDGMENT, paper_ref="P", awarded=0)


def test_a_borrower_with_a_claim_at_law_is_the_same_after_replay() -> None:
    borrower = refer(registered(), referred_to="Lex & Co")

    assert state(replayed(borrower.pending_events)) == state(borrower)
    kept = from_snapshot(Borrower, BORROWER_ID, borrower.version, to_snapshot(borrower))
    assert cast(Borrower, kept).legal_matters == borrower.legal_matters
