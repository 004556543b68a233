"""In which asset class a loan is, and when that is said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.calendar import add_months
from domain.base.policy import AssetClassRule, ClassFrom, DueDateRule
from domain.base.refusal import Refusal, SamePerson
from domain.base.terms import Terms
from domain.loan.as_of import known, standing
from domain.loan.asset_class import classed as classified
from domain.loan.loan import Loan
from domain.loan.refusals import PastDue
from domain.loan.relief import Agreement
from infra.policies import load_policies
from tests.domain.story import CLASSES as RULE
from tests.domain.story import (
    JAN_15,
    TERMS,
    act,
    attended,
    disbursed,
    given,
    happened,
    kinds,
    last,
    moved,
    paid,
    recorded,
    repay,
    reversed_,
    state,
    take_back,
    terms,
    write_off,
)

Step = Callable[[Loan], None]

FEB_15 = date(2025, 2, 15)
BULLET = terms(method="BULLET", term_months=1)
"""1,005.00 due on 15 February, and nothing after it."""
DUE_DATES = DueDateRule("due-dates-test", 31, date(1990, 1, 1), None, "test")


def late(days: int) -> date:
    """The day on which the first instalment is so many days past due."""
    return FEB_15 + timedelta(days=days)


def classed(on: date, rule: AssetClassRule = RULE) -> Step:
    """A day's run that knows the rule."""
    return lambda loan: loan.attend(act(on), rule)


def class_on(on: date, lent: Terms = BULLET, rule: AssetClassRule = RULE) -> str:
    loan = given(disbursed(lent), classed(on, rule))
    return str(loan.asset_class)


def arrears_paid(on: date, known_on: date | None = None) -> Step:
    """All that is late is paid, and nothing beyond it."""

    def step(loan: Loan) -> None:
        amount = sum(row.left for row in loan.instalments if row.pay_by_on <= on)
        repay(loan, f"P-{on}", amount, on, known_on)
        loan.reclassify(act(known_on or on), RULE)

    return step


def paid_on_time(until: date) -> Step:
    """Every instalment from then on is paid on its day, and each day is attended to."""

    def step(loan: Loan) -> None:
        for row in list(loan.instalments):
            if row.left and row.pay_by_on <= until:
                repay(loan, f"P-{row.number}", row.left, row.pay_by_on)
                loan.attend(act(row.pay_by_on), RULE)

    return step


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "NORMAL"),
        (1, "SPECIAL_MENTION"),
        (90, "SPECIAL_MENTION"),
        (91, "SUBSTANDARD"),
        (270, "SUBSTANDARD"),
        (271, "DOUBTFUL"),
        (360, "DOUBTFUL"),
        (361, "LOSS"),
        (4000, "LOSS"),
    ],
)
def test_a_class_begins_the_day_after_its_limit(days: int, name: str) -> None:
    assert class_on(late(days)) == name


def test_the_house_policy_has_the_five_classes_of_the_measures() -> None:
    rule = load_policies().asset_class_rule("ANY", FEB_15)

    assert rule is not None
    assert [(each.asset_class, each.over_days) for each in rule.standard.classes] == [
        ("SPECIAL_MENTION", 0),
        ("SUBSTANDARD", 90),
        ("DOUBTFUL", 270),
        ("LOSS", 360),
    ]


def test_a_product_may_have_limits_of_its_own() -> None:
    strict = replace(RULE.standard, classes=[ClassFrom("SUBSTANDARD", 0), ClassFrom("LOSS", 180)])
    card = replace(RULE, product_code="CARD", standard=strict, version="cards-test")
    policies = replace(load_policies(), asset_classes=(card, RULE))

    assert policies.asset_class_rule("CARD", FEB_15) == card
    assert policies.asset_class_rule("HOME", FEB_15) == RULE
    assert class_on(late(181), rule=card) == "LOSS"


def test_without_a_rule_nothing_is_said() -> None:
    loan = given(disbursed())

    loan.attend(act(late(100)))
    loan.reclassify(act(late(100)), None)

    assert Loan.AssetClassChanged not in kinds(loan)
    assert loan.asset_class == "NORMAL"


def test_the_change_says_why_and_by_which_policy() -> None:
    loan = given(disbursed())

    loan.attend(act(late(1)), RULE)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged,
        effective_on=late(1),
        class_before="NORMAL",
        asset_class="SPECIAL_MENTION",
        reason="PAST_DUE",
        days_past_due=1,
        policy_version="classes-test",
        balance=loan.balance,
    )


def test_a_run_that_comes_late_dates_the_class_to_its_day() -> None:
    loan = given(disbursed())

    loan.attend(act(late(120)), RULE)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged, effective_on=late(91), asset_class="SUBSTANDARD"
    )


def test_every_class_is_entered_on_its_first_day_by_runs_only_on_days_it_asks_for() -> None:
    loan = given(disbursed(BULLET))

    asked = []
    while (action := loan.next_action()) is not None:
        asked.append(action.kind)
        loan.attend(act(action.due_on), RULE)

    changes = [event for event in recorded(loan) if isinstance(event, Loan.AssetClassChanged)]
    assert [(event.asset_class, event.effective_on) for event in changes] == [
        ("SPECIAL_MENTION", late(1)),
        ("SUBSTANDARD", late(91)),
        ("DOUBTFUL", late(271)),
        ("LOSS", late(361)),
    ]
    assert all(event.effective_on == event.business_on for event in changes)
    assert asked[-2:] == ["ASSET_CLASS", "ASSET_CLASS"]


def test_a_loan_that_was_a_little_late_is_normal_when_it_has_paid() -> None:
    loan = given(disbursed(), classed(late(5)))

    arrears_paid(late(6))(loan)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged,
        effective_on=late(6),
        class_before="SPECIAL_MENTION",
        asset_class="NORMAL",
        reason="IN_ORDER",
    )


def test_a_non_performing_loan_that_has_paid_is_held_until_it_was_in_order_for_long() -> None:
    on = late(100)  # 26 May
    loan = given(disbursed(), classed(late(1)), classed(on), arrears_paid(on))
    assert loan.asset_class == "SUBSTANDARD"

    paid_on_time(date(2025, 11, 25))(loan)
    assert loan.asset_class == "SUBSTANDARD"
    action = loan.next_action()
    loan.attend(act(add_months(on, 6)), RULE)

    assert action is not None
    assert (action.kind, action.due_on) == ("ASSET_CLASS", date(2025, 11, 26))
    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged,
        effective_on=date(2025, 11, 26),
        class_before="SUBSTANDARD",
        asset_class="NORMAL",
        reason="IN_ORDER",
    )


def test_a_loan_that_is_late_again_while_it_is_held_begins_anew() -> None:
    on = late(100)
    loan = given(disbursed(terms(term_months=24)), classed(on), arrears_paid(on))
    paid_on_time(date(2025, 9, 15))(loan)
    loan.attend(act(date(2025, 10, 20)), RULE)
    assert loan.asset_class == "SUBSTANDARD"
    arrears_paid(date(2025, 10, 20))(loan)

    paid_on_time(date(2026, 4, 19))(loan)
    loan.attend(act(date(2026, 4, 19)), RULE)
    before = loan.asset_class
    loan.attend(act(date(2026, 4, 20)), RULE)

    assert (before, loan.asset_class) == ("SUBSTANDARD", "NORMAL")


def test_a_doubtful_loan_that_pays_goes_up_to_substandard_on_that_day() -> None:
    loan = given(disbursed(), classed(late(280)))

    arrears_paid(late(285))(loan)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged,
        effective_on=late(285),
        class_before="DOUBTFUL",
        asset_class="SUBSTANDARD",
        reason="CURING",
        days_past_due=0,
    )


def test_a_loan_that_pays_only_what_is_oldest_stays_non_performing() -> None:
    loan = given(disbursed(), classed(late(95)))

    repay(loan, "P-1", 86_07, late(96))
    loan.reclassify(act(late(96)), RULE)

    assert loan.asset_class == "SUBSTANDARD"
    assert Loan.AssetClassChanged not in kinds(loan)


def test_a_due_date_moved_further_than_the_rule_allows_restructures_the_loan() -> None:
    loan = given(disbursed())

    with pytest.raises(SamePerson):
        moved(12, date(2026, 6, 30), on=JAN_15, rule=DUE_DATES)(loan)
    people: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
    moved(12, date(2026, 6, 30), on=JAN_15, rule=DUE_DATES, **people)(loan)
    loan.reclassify(act(JAN_15), RULE)

    assert recorded(loan)[0] == happened(Loan.DueDateMoved, relief="DEFERRAL")
    assert (loan.asset_class, last(loan, Loan.AssetClassChanged).reason) == (
        "SPECIAL_MENTION",
        "RESTRUCTURED",
    )


def test_a_due_date_moved_bit_by_bit_is_counted_from_its_day_in_the_contract() -> None:
    loan = given(disbursed(), moved(12, date(2026, 2, 10), on=JAN_15, rule=DUE_DATES))

    with pytest.raises(SamePerson):
        moved(12, date(2026, 3, 10), on=JAN_15, rule=DUE_DATES)(loan)


def test_a_payment_found_late_that_is_too_small_changes_no_class() -> None:
    loan = given(disbursed(BULLET), classed(late(91)))

    repay(loan, "P-1", 500_00, late(20), known_on=late(95))
    loan.reclassify(act(late(95)), RULE)

    assert Loan.AssetClassChanged not in kinds(loan)


def test_a_backdated_payment_takes_a_class_back_to_the_day_it_was_wrong_from() -> None:
    loan = given(disbursed(), classed(late(1)), classed(late(91)))

    repay(loan, "P-1", 86_07 * 4, late(40), known_on=late(95))
    loan.reclassify(act(late(95)), RULE)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged,
        effective_on=late(91),
        class_before="SUBSTANDARD",
        asset_class="NORMAL",
        reason="IN_ORDER",
    )


def test_a_reversal_classes_the_loan_as_if_the_payment_had_never_come() -> None:
    loan = given(disbursed(BULLET), classed(late(91)), paid("P-1", 500_00, on=late(92)))

    reversed_("P-1", on=late(300))(loan)
    loan.reclassify(act(late(300)), RULE)

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged, effective_on=late(271), asset_class="DOUBTFUL", days_past_due=300
    )


def relieved(loan: Loan, on: date, kind: str = "EXTENSION", known_on: date | None = None) -> None:
    """Two more instalments, granted on a day."""
    loan.reschedule(
        act(known_on or on),
        agreed=Agreement(kind, instalments=2),
        reason="lost the job",
        requested_by="officer",
        approved_by="manager",
        on=on,
    )
    loan.reclassify(act(known_on or on), RULE)


def test_a_restructured_loan_is_watched_for_a_year() -> None:
    loan = given(disbursed(terms(term_months=24)))

    relieved(loan, date(2025, 2, 1))
    begun = recorded(loan)[-1]
    paid_on_time(date(2026, 1, 31))(loan)
    watched = loan.asset_class
    loan.attend(act(date(2026, 1, 31)), RULE)
    action = loan.next_action()
    loan.attend(act(date(2026, 2, 1)), RULE)

    assert begun == happened(
        Loan.AssetClassChanged,
        effective_on=date(2025, 2, 1),
        asset_class="SPECIAL_MENTION",
        reason="RESTRUCTURED",
    )
    assert (watched, loan.asset_class) == ("SPECIAL_MENTION", "NORMAL")
    assert action is not None
    assert (action.kind, action.due_on) == ("ASSET_CLASS", date(2026, 2, 1))


def test_a_restructured_loan_that_is_late_is_watched_anew() -> None:
    loan = given(disbursed(terms(term_months=24)))
    relieved(loan, date(2025, 2, 1))

    arrears_paid(date(2025, 2, 20))(loan)
    paid_on_time(date(2026, 2, 19))(loan)
    loan.attend(act(date(2026, 2, 19)), RULE)
    before = loan.asset_class
    loan.attend(act(date(2026, 2, 20)), RULE)

    assert (before, loan.asset_class) == ("SPECIAL_MENTION", "NORMAL")


def test_restructuring_a_non_performing_loan_cures_nothing() -> None:
    loan = given(disbursed(), classed(late(100)))

    relieved(loan, late(100), "REAGEING")

    assert (loan.bucket, loan.overdue_since_on) == ("M0", None)
    assert loan.asset_class == "SUBSTANDARD"
    assert Loan.AssetClassChanged not in kinds(loan)


def test_a_relief_found_late_classes_the_loan_from_its_day() -> None:
    loan = given(disbursed(terms(term_months=24)))

    relieved(loan, date(2025, 1, 20), known_on=date(2025, 2, 10))

    assert recorded(loan)[-1] == happened(
        Loan.AssetClassChanged, effective_on=date(2025, 1, 20), reason="RESTRUCTURED"
    )


def test_a_change_that_the_policy_does_not_name_restructures_nothing() -> None:
    loan = given(disbursed(terms(term_months=24)))

    loan.reschedule(
        act(date(2025, 2, 1)),
        agreed=Agreement("RATE_CHANGE", annual_rate=Decimal("0.05")),
        reason="good customer",
        requested_by="officer",
        approved_by="manager",
    )
    loan.reclassify(act(date(2025, 2, 1)), RULE)

    assert loan.asset_class == "NORMAL"


RESTRUCTURES = replace(
    RULE,
    standard=replace(RULE.standard, restructuring=["RATE_CHANGE", "EXTENSION", "REAMORTISATION"]),
)


def agreed_on(loan: Loan, on: date, kind: str, **asked: Any) -> str:
    """The class of a loan on which something was agreed on a day."""
    loan.reschedule(
        act(on),
        agreed=Agreement(kind, **asked),
        reason="asked for it",
        requested_by="officer",
        approved_by="manager",
    )
    loan.reclassify(act(on), RESTRUCTURES)
    return loan.asset_class


def test_instalments_set_anew_after_money_in_advance_restructure_nothing() -> None:
    loan = given(disbursed(), paid("P-1", 300_00, on=date(2025, 1, 20)))

    assert agreed_on(loan, date(2025, 1, 20), "REAMORTISATION") == "NORMAL"


def test_a_rate_cut_to_keep_a_good_borrower_restructures_nothing_where_it_says_so() -> None:
    kept, helped = given(disbursed()), given(disbursed())
    cut = {"annual_rate": Decimal("0.05")}

    on = date(2025, 2, 1)
    assert agreed_on(kept, on, "RATE_CHANGE", **cut, in_difficulty=False) == "NORMAL"
    assert agreed_on(helped, on, "RATE_CHANGE", **cut) == "SPECIAL_MENTION"


def test_instalments_set_anew_for_a_borrower_in_difficulty_restructure_the_loan() -> None:
    loan = given(disbursed(), paid("P-1", 300_00, on=date(2025, 1, 20)))
    on = date(2025, 1, 20)

    assert agreed_on(loan, on, "REAMORTISATION", in_difficulty=True) == "SPECIAL_MENTION"


def test_nobody_who_is_past_due_is_said_to_be_without_difficulty() -> None:
    loan = given(disbursed())

    with pytest.raises(PastDue, match="in difficulty"):
        agreed_on(loan, late(3), "EXTENSION", instalments=2, in_difficulty=False)

    assert recorded(loan) == []


# What was agreed for a borrower who was in order, and turns out not to have been.

CUT: dict[str, Any] = {"annual_rate": Decimal("0.05"), "in_difficulty": False}
MAR_1 = date(2025, 3, 1)


def reassessed(loan: Loan) -> list[Any]:
    return [event for event in recorded(loan) if isinstance(event, Loan.ReliefReassessed)]


def bouncing(**asked: Any) -> Loan:
    """A loan in order on which something was agreed on 1 March; its only payment bounces."""
    loan = given(disbursed(), paid("P-1", 86_07, on=FEB_15))
    assert agreed_on(loan, MAR_1, **asked) == "NORMAL"
    reversed_("P-1", on=date(2025, 3, 10))(loan)
    loan.reclassify(act(date(2025, 3, 10)), RESTRUCTURES)
    return loan


def test_what_was_agreed_without_difficulty_is_relief_where_the_payment_before_it_bounced() -> None:
    loan = bouncing(kind="RATE_CHANGE", **CUT)

    told = last(loan, Loan.ReliefReassessed)
    assert (told.kind, told.granted_on, told.effective_on) == ("RATE_CHANGE", MAR_1, MAR_1)
    assert (told.was_late, told.days_past_due) == (True, 14)
    assert told.correlation_id == last(loan, Loan.RepaymentReversed).correlation_id
    # The rate stays: it was agreed. What it is to the lender's books is another matter.
    assert last(loan, Loan.Rescheduled).in_difficulty is False
    assert loan.rate_on(MAR_1) == Decimal("0.05")
    past = loan.past(RESTRUCTURES.standard, loan.instalments)
    assert past.restructured_on == MAR_1
    assert loan.asset_class == "SPECIAL_MENTION"


def test_a_restructured_loan_is_watched_from_what_was_agreed_and_not_from_when_it_bounced() -> None:
    loan = bouncing(kind="RATE_CHANGE", **CUT)
    mar_12 = date(2025, 3, 12)
    repay(loan, "P-2", sum(row.left for row in loan.instalments[:1]), mar_12)
    loan.reclassify(act(mar_12), RESTRUCTURES)

    found = classified(loan.past(RESTRUCTURES.standard, loan.instalments), RULE.standard, mar_12)

    assert (found.reason, found.asset_class) == ("RESTRUCTURED", "SPECIAL_MENTION")


def test_what_was_agreed_is_no_relief_after_all_where_the_payment_is_found_again() -> None:
    loan = bouncing(kind="RATE_CHANGE", **CUT)

    repay(loan, "P-AGAIN", 86_07, FEB_15, date(2025, 3, 14), in_place_of="P-1")

    assert [told.was_late for told in reassessed(loan)] == [True, False]
    assert loan.reliefs == {}


def test_a_bare_reamortisation_of_a_loan_that_was_past_due_is_relief_in_whatever_order() -> None:
    early = paid("P-0", 100_00, on=date(2025, 1, 20))
    bounced, late_already = (
        given(disbursed(), early, paid("P-1", 86_07, on=FEB_15)) for _ in range(2)
    )
    agreed_on(bounced, MAR_1, "REAMORTISATION")
    assert bounced.reliefs == {}

    reversed_("P-0", on=MAR_1)(bounced)
    reversed_("P-1", on=MAR_1)(bounced)
    reversed_("P-1", on=MAR_1)(late_already)
    agreed_on(late_already, MAR_1, "REAMORTISATION")
    reversed_("P-0", on=MAR_1)(late_already)
    assert list(bounced.reliefs.values()) == ["REAMORTISATION"]
    assert list(late_already.reliefs.values()) == ["REAMORTISATION"]

    for loan in (bounced, late_already):
        repay(loan, "P-AGAIN", 186_07, FEB_15, date(2025, 3, 14))
    assert bounced.reliefs == late_already.reliefs == {}


def test_relief_that_says_it_is_for_a_borrower_in_difficulty_stays_so_whatever_is_found() -> None:
    loan = given(disbursed())
    agreed_on(loan, MAR_1, "RATE_CHANGE", annual_rate=Decimal("0.05"), in_difficulty=True)

    repay(loan, "P-1", 86_07, FEB_15, date(2025, 3, 10))

    assert reassessed(loan) == []
    assert list(loan.reliefs.values()) == ["RATE_CHANGE"]


def test_whether_a_borrower_was_in_difficulty_goes_by_the_day_of_the_agreement() -> None:
    known_late, was_late = given(disbursed()), given(disbursed())
    agreement: dict[str, Any] = {
        "agreed": Agreement("RATE_CHANGE", **CUT),
        "reason": "keeps a good borrower",
        "requested_by": "officer",
        "approved_by": "manager",
    }

    known_late.reschedule(act(late(10)), on=date(2025, 2, 10), **agreement)
    assert known_late.reliefs == {}

    repay(was_late, "P-1", 86_07, late(10))
    with pytest.raises(PastDue, match="in difficulty"):
        was_late.reschedule(act(late(12)), on=late(5), **agreement)


def test_what_is_taken_back_is_assessed_no_more() -> None:
    loan = bouncing(kind="RATE_CHANGE", **CUT)
    [ref] = loan.by_lateness

    take_back(loan, ref, date(2025, 3, 12))

    assert (loan.reliefs, loan.by_lateness) == ({}, {})


@pytest.mark.parametrize("accrual", [None, "DAILY_BALANCE"])
def test_relief_is_judged_alike_whether_the_payment_bounced_before_or_after_it_was_known(
    accrual: str | None,
) -> None:
    before, after = (
        given(disbursed(terms(accrual=accrual)), paid("P-1", 86_07, on=FEB_15)) for _ in range(2)
    )

    agreed_on(after, MAR_1, "EXTENSION", instalments=2, in_difficulty=False)
    reversed_("P-1", on=MAR_1)(after)
    reversed_("P-1", on=MAR_1)(before)
    agreed_on(before, MAR_1, "EXTENSION", instalments=2)
    after.reclassify(act(MAR_1), RESTRUCTURES)

    assert list(after.reliefs.values()) == list(before.reliefs.values()) == ["EXTENSION"]
    assert after.asset_class == before.asset_class
    assert after.instalments == before.instalments


def test_what_was_agreed_before_it_was_told_why_is_assessed_too() -> None:
    """Events of before say whether there was difficulty, and not by what."""
    past = disbursed()
    repay(past, "P-1", 86_07, FEB_15)
    agreed_on(past, MAR_1, "RATE_CHANGE", **CUT)
    for event in recorded(past):
        if isinstance(event, Loan.Rescheduled):
            object.__setattr__(event, "by_lateness", None)
    loan = given(past)

    reversed_("P-1", on=date(2025, 3, 10))(loan)

    assert list(loan.reliefs.values()) == ["RATE_CHANGE"]


def test_a_loan_that_is_written_off_keeps_the_class_it_had() -> None:
    loan = given(disbursed(BULLET), classed(late(200)))

    write_off(loan, late(200))
    loan.attend(act(late(400)), RULE)

    assert loan.asset_class == "SUBSTANDARD"
    assert loan.next_action() is None


def test_a_replay_is_in_the_same_class() -> None:
    loan = disbursed()
    for step in (classed(late(1)), classed(late(100)), arrears_paid(late(101))):
        step(loan)

    assert state(given(loan)) == state(loan)


Life = list[tuple[str, int, int, int]]
"""What happens, days after the one before, so many days before it is known, and an amount."""


def live(loan: Loan, happens: tuple[str, int, int, int], on: date) -> None:
    """Something that happens to a loan, unless it is refused."""
    step, number, ago, amount = happens
    with suppress(Refusal):
        if step == "pay":
            since = max(on - timedelta(days=ago), JAN_15)
            repay(loan, f"P-{number}", amount, since, known_on=on)
        elif step == "reverse":
            refs = sorted(loan.splits)
            if refs:
                reversed_(refs[amount % len(refs)], on=on)(loan)
        elif step == "move":
            row = next(row for row in loan.instalments if row.left)
            moved(row.number, on + timedelta(days=amount % 25), on=on)(loan)
        else:
            relieved(loan, max(on - timedelta(days=ago % 10), JAN_15), step, known_on=on)
    loan.reclassify(act(on), RULE)


@for_all(
    life=st.lists(
        st.tuples(
            st.sampled_from(["pay", "pay", "reverse", "move", "EXTENSION", "REAGEING"]),
            st.integers(1, 150),
            st.integers(0, 90),
            st.integers(1, 300_00),
        ),
        max_size=6,
    )
)
def test_a_loan_that_is_attended_to_when_it_asks_is_always_in_its_class(life: Life) -> None:
    loan = disbursed()
    on = JAN_15
    for number, (step, days, ago, amount) in enumerate([*life, ("reverse", 400, 0, 0)]):
        action = loan.next_action()
        for day in range(days):
            on += timedelta(days=1)
            if action is not None and action.due_on <= on:
                loan.attend(act(on), RULE)
                action = loan.next_action()
            if loan.state == "ACTIVE" and day % 7 == 0:
                past = loan.past(RULE.standard, loan.instalments)
                assert loan.asset_class == classified(past, RULE.standard, on).asset_class
        live(loan, (step, number, ago, amount), on)


# --- as of --------------------------------------------------------------------------------


def test_the_class_of_a_day_follows_from_what_was_known() -> None:
    loan = disbursed(BULLET)
    for step in (classed(late(1)), classed(late(91)), paid("P-1", 1_005_00, on=late(91))):
        step(loan)
    reversed_("P-1", on=late(95))(loan)
    loan.reclassify(act(late(95)), RULE)
    events = list(loan.pending_events)

    def class_known(as_of: date, known_at: date) -> str | None:
        stood = standing(known(events, known_at), as_of)  # type: ignore[arg-type]
        assert stood is not None
        return stood.asset_class

    assert class_known(late(90), late(90)) == "SPECIAL_MENTION"
    assert class_known(late(92), late(92)) is None
    assert class_known(late(92), late(95)) == "SUBSTANDARD"


def test_the_class_of_a_day_is_told_by_the_rule_that_is_given() -> None:
    loan = disbursed(TERMS, JAN_15)
    attended(late(1))(loan)
    events = list(loan.pending_events)

    without = standing(events, late(1))  # type: ignore[arg-type]
    by_rule = standing(events, late(1), RULE)  # type: ignore[arg-type]

    assert without is not None and without.asset_class is None
    assert by_rule is not None and by_rule.asset_class == "SPECIAL_MENTION"


def test_the_answer_for_a_day_names_the_policy_that_classed_the_loan() -> None:
    loan = disbursed(BULLET)
    classed(late(91))(loan)
    events: list[Any] = list(loan.pending_events)

    by_rule = standing(events, late(91), replace(RULE, version="classes-2"))
    by_event = standing(events, late(91))

    assert by_rule is not None and by_event is not None
    assert (by_rule.class_policy_version, by_event.class_policy_version) == (
        "classes-2",
        RULE.version,
    )
    assert (by_event.asset_class, by_event.class_reason) == ("SUBSTANDARD", "PAST_DUE")
    assert by_event.class_since_on == late(91)
