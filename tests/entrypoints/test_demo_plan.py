"""The demo's plan: the same for a seed, true to the tape, and with every situation in it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from domain.base.calendar import add_months
from entrypoints.demo import berka
from entrypoints.demo.intents import END, START, Intent, Plan
from entrypoints.demo.offers import TAPE
from entrypoints.demo.plan import plan

LATEST_PAYMENT = timedelta(days=22)


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan(7)


@pytest.fixture(scope="module")
def by_stream(planned: Plan) -> dict[str, list[tuple[date, Intent]]]:
    found: dict[str, list[tuple[date, Intent]]] = {}
    for day in sorted(planned):
        for intent in planned[day]:
            found.setdefault(intent.stream, []).append((day, intent))
    return found


def instalments_paid(
    loan: berka.TapeLoan, told: list[tuple[date, Intent]]
) -> list[tuple[date, Intent]]:
    return [
        (day, intent)
        for day, intent in told
        if intent.verb == "repay" and intent.fields["payment_ref"].startswith("P-")
    ]


def fallen_due(loan: berka.TapeLoan, until: date) -> int:
    return sum(
        add_months(loan.disbursed_on, number) <= until for number in range(1, loan.term_months + 1)
    )


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_every_intent_lies_within_the_demo_and_has_an_identity(planned: Plan) -> None:
    intents = [intent for day in planned.values() for intent in day]

    assert min(planned) >= START
    assert max(planned) <= END
    assert len({(intent.stream, intent.number) for intent in intents}) == len(intents)


def test_the_tape_s_figures_are_those_of_the_plan(
    by_stream: dict[str, list[tuple[date, Intent]]],
) -> None:
    for loan in berka.read_tape():
        told = by_stream[loan.stream]
        asked = [intent for _, intent in told if intent.verb == "apply_for"]
        paid_out = [day for day, intent in told if intent.verb == "disburse"]

        assert [intent.fields["amount"] for intent in asked] == [loan.amount]
        assert [intent.fields["term_months"] for intent in asked] == [loan.term_months]
        assert paid_out == [loan.disbursed_on]
        assert loan.instalment * loan.term_months == loan.amount


def test_loans_that_are_fine_on_the_tape_never_stop_paying(
    by_stream: dict[str, list[tuple[date, Intent]]],
) -> None:
    for loan in berka.read_tape():
        if loan.status not in "AC":
            continue
        paid = instalments_paid(loan, by_stream[loan.stream])
        certain = fallen_due(loan, END - LATEST_PAYMENT)

        assert {intent.fields["amount"] for _, intent in paid} <= {loan.instalment}
        assert len(paid) >= certain
        for number, (day, _) in enumerate(paid[:certain], start=1):
            assert day <= add_months(loan.disbursed_on, number) + LATEST_PAYMENT
        if certain == loan.term_months:
            assert sum(intent.fields["amount"] for _, intent in paid) == loan.amount


def test_loans_in_trouble_on_the_tape_stop_paying(
    by_stream: dict[str, list[tuple[date, Intent]]],
) -> None:
    for loan in berka.read_tape():
        if loan.status not in "BD":
            continue
        paid = instalments_paid(loan, by_stream[loan.stream])

        assert len(paid) < fallen_due(loan, END - timedelta(days=1))
        assert sum(intent.fields["amount"] for _, intent in paid) < loan.amount


def test_account_numbers_stand_in_no_field(planned: Plan) -> None:
    of_tape = [i for day in planned.values() for i in day if i.stream.startswith("berka")]

    for intent in of_tape:
        named = {name: value for name, value in intent.fields.items() if name != "borrower"}
        assert "account" not in repr(named).lower().replace("'account'", "")


def test_every_situation_occurs(planned: Plan) -> None:
    verbs = Counter(intent.verb for day in planned.values() for intent in day)

    for verb in (
        *("apply_for", "add_evidence", "approve", "disclose", "sign", "disburse"),
        *("decline", "withdraw", "repay", "pay_due", "pay_off", "reverse"),
        *("refund_credit", "charge_fee", "waive_fee", "move_due_date", "write_off"),
        *("promise", "set_hold", "lift_hold", "register"),
    ):
        assert verbs[verb] >= 10, verb
    assert verbs["set_hold"] > verbs["lift_hold"]


def test_some_borrowers_have_two_instalments_on_one_day(
    by_stream: dict[str, list[tuple[date, Intent]]],
) -> None:
    first_due: dict[str, list[date]] = {}
    for told in by_stream.values():
        verbs = {intent.verb: intent for _, intent in told}
        if "disburse" in verbs and "first_due_on" in verbs["disburse"].fields:
            borrower = verbs["apply_for"].fields["borrower"]
            first_due.setdefault(borrower, []).append(verbs["disburse"].fields["first_due_on"])

    together = [
        days
        for days in first_due.values()
        if any(
            one.day == other.day and abs((one - other).days) < 200
            for one, other in pairwise(sorted(days))
        )
    ]
    assert len(together) > 30


def test_borrowers_live_in_many_zones_and_some_in_two(planned: Plan) -> None:
    zones = [
        tuple(intent.fields["zones"])
        for day in planned.values()
        for intent in day
        if intent.verb == "register"
    ]

    assert len({zone for some in zones for zone in some}) >= 10
    assert sum(len(some) == 2 for some in zones) >= 5


def test_a_borrower_is_known_before_asking_for_a_loan(
    by_stream: dict[str, list[tuple[date, Intent]]],
) -> None:
    for told in by_stream.values():
        day, first = told[0]
        if first.verb == "apply_for":
            known_on, registered = by_stream[first.fields["borrower"]][0]
            assert registered.verb == "register"
            assert known_on <= day


def test_the_tape_s_product_takes_every_loan_of_it() -> None:
    for loan in berka.read_tape():
        assert TAPE.amount_min <= loan.amount <= TAPE.amount_max
        assert TAPE.term_months_min <= loan.term_months <= TAPE.term_months_max
