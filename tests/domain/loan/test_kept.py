"""What is decided on what is kept of a loan is what would be decided on a run of all its facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base.terms import RatePlan, RateStep, Terms
from domain.loan.facts import Fact, FactKind
from domain.loan.kept import ByRun, KnownToARun, no_run
from domain.loan.ledger import Ledger
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from tests.domain.loan.test_credit import JAN_31, taken_over
from tests.domain.loan.test_properties import SCHEDULED, TERMS, TRIES, Try, just_paid_out, tried
from tests.domain.story import (
    Step,
    act,
    attended,
    disbursed,
    forgiven,
    given,
    held,
    moved,
    paid,
    recorded,
    released,
    replayed,
    terms,
)

SERVICED = st.lists(
    st.builds(
        Try,
        days_later=st.sampled_from([1, 5, 17, 31]),
        what=st.sampled_from(
            [
                *["repay"] * 4,
                *["reschedule", "place hold", "charge fee", "attend"] * 2,
                *["end hold", "forgive", "move due date", "draw", "waive fee"],
            ]
        ),
        amount=st.integers(1, 60_00),
        which=st.integers(0, 7),
        backdated_days=st.sampled_from([0, 0, 0, 20]),
    ),
    min_size=4,
    max_size=12,
)
"""What is tried on a loan that is repaid little by little, on what is laid anew or held."""


@dataclass(frozen=True)
class Life:
    """What is tried on a loan, which may have been taken over with the borrower's credit."""

    terms: Terms
    credit: int
    tries: list[Try]

    @property
    def began(self) -> list[Any]:
        """The events that it begins with."""
        loan = taken_over(self.terms, self.credit) if self.credit else just_paid_out(self.terms)
        return recorded(loan)


def _whole(terms: Terms) -> Terms:
    """*terms* of a loan that no small payment ends, paid out at once."""
    return replace(terms, amount=terms.amount + 500_00, prepayment=None, in_parts=None)


LIVES = st.builds(Life, TERMS, st.just(0), TRIES) | st.builds(
    Life, SCHEDULED.map(_whole), st.sampled_from([0, 300_00]), SERVICED
)


def told_as_kept(ledger: Ledger, on: date) -> dict[str, Any]:
    """What decisions on a payment read of a ledger."""
    rows = ledger.rows = ledger.rows_on(on)
    return {
        # What is not needed any more stands empty where a run has no such instalment.
        "rows": {row.number: row for row in rows if row.principal or row.interest or row.fees},
        "owed": {row.number: ledger.due(row, on).left for row in rows if row.left},
        "penalty": {row.number: ledger.penalty_due(row, on) for row in rows if row.left},
        "balance": ledger.balance(on),
        "unapplied": ledger.unapplied,
        "splits": ledger.splits,
        "parts": ledger.parts,
        "paid on": {ref: ledger.paid_on[ref] for ref in ledger.splits},
        "draws": sorted((fact.on, fact.amount) for fact in ledger.draws),
        "refunds": sorted((fact.on, fact.amount) for fact in ledger.refunds),
        "paid off": ledger.paid_off,
        "over": ledger.is_over(on),
        "unpaid since": ledger.oldest_unpaid_on(),
        "overdue": ledger.overdue(on),
    }


def told_by_run(ledger: Ledger, on: date) -> dict[str, Any]:
    """What only a run tells, and what follows from it."""
    return {
        "payoff": ledger.payoff(on),
        "closing": [each for each in ledger.closing(on) if any(each[2:])],
        "claim": ledger.claim(on),
        "asks": ledger.asks(on),
        "ends": ledger.ends_on,
        "rates": ledger.laid.rates,
        "holds": ledger.held.holds,
        "charges": sorted((each.ref, each.amount, each.instalment) for each in ledger.charges),
        "early": (ledger.prepaying, ledger.forgiven_early, ledger.cut),
        "capitalised": ledger.capitalised,
        "forgiven": ledger.forgiven,
        "came to": ledger.came_to,
    }


@for_all(LIVES)
def test_a_ledger_that_goes_on_from_what_is_kept_is_the_one_that_is_run_anew(life: Life) -> None:
    loan, on = replayed(life.began), JAN_31

    for number, it in enumerate(life.tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

        if loan.accrues_from is None:
            continue  # its payout came back: nothing is kept but credit
        paid = Fact(FactKind.PAYMENT, "NEXT", on, loan.facts_taken, it.amount, source="BORROWER")
        with_one_more = [*loan.facts, paid]
        kept = [
            (loan._ledger_kept(), loan.facts),
            (loan._ledger_with(with_one_more), with_one_more),
        ]
        for ledger, facts in kept:
            anew = loan._rerun(facts)
            for day in (on, on + timedelta(days=40)):
                assert told_as_kept(ledger, day) == told_as_kept(anew, day)
            assert told_by_run(ledger, on) == told_by_run(anew, on)


def runs_anew(loan: Loan) -> Loan:
    """The loan, which goes on from nothing that is kept and looks at every day again."""
    always: dict[str, Any] = {
        "_ledger_with": loan._rerun,
        "_ledger_kept": lambda: loan._rerun(loan.facts),
        "_was_paid_by_due_dates": lambda _: False,
        "_was_paid_in_time": lambda _: False,
        "_assess_relief": lambda act, _: Loan._assess_relief(loan, act),
    }
    vars(loan).update(always)
    return loan


@for_all(LIVES)
def test_whatever_happens_the_same_is_decided_on_what_is_kept_and_on_a_run_of_all_facts(
    life: Life,
) -> None:
    loan, other, on = replayed(life.began), runs_anew(replayed(life.began)), JAN_31

    for number, it in enumerate(life.tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
        tried(other, number, on, it)

        assert loan.pending_events == other.pending_events
        assert loan.next_action() == other.next_action()


STEPS = RatePlan("STEP_DOWN", [RateStep(2, Decimal("0.03"))], scope="INSTALMENT")
PEOPLE: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
FEB_15, MAR_1, APR_20 = date(2025, 2, 15), date(2025, 3, 1), date(2025, 4, 20)


def _relieved(agreed: Agreement) -> Step:
    return lambda loan: loan.reschedule(
        act(MAR_1), agreed=agreed, reason="lost work", on=MAR_1, **PEOPLE
    )


PASTS: dict[str, tuple[Step, ...]] = {
    "the rate stepped down": (attended(MAR_1),),
    "a lower rate was granted": (_relieved(Agreement("RATE_CHANGE", Decimal("0.01"))),),
    "the end was put off": (_relieved(Agreement("EXTENSION", instalments=2)),),
    "days bear neither interest nor penalty": (
        _relieved(Agreement("MORATORIUM", free_from=MAR_1, free_until=date(2025, 3, 10))),
    ),
    "a payment lowered the instalment": (
        paid("P-2", 100_00, MAR_1, future_money="LOWER_INSTALMENT"),
    ),
    "a hold stood": (held("H-1", MAR_1, stops_interest=True), released("H-1", date(2025, 3, 10))),
    "interest was forgiven": (forgiven(2, "INTEREST", MAR_1, amount=1_00),),
    "a due date was moved": (moved(2, date(2025, 3, 20), MAR_1, **PEOPLE),),
}


@pytest.mark.parametrize("steps", PASTS.values(), ids=PASTS)
@pytest.mark.parametrize("on", [date(2025, 3, 12), APR_20], ids=["in time", "late"])
def test_a_payment_is_decided_without_a_run_of_all_facts_though(
    steps: tuple[Step, ...], on: date
) -> None:
    product = terms(rate_plan=STEPS, penalty_rate=Decimal("0.365"), penalty_multiple=Decimal("1.5"))
    loan = given(disbursed(product), paid("P-1", 86_07, FEB_15), attended(MAR_1), *steps)
    payment = Fact(FactKind.PAYMENT, "NEXT", on, loan.facts_taken, 20_00)

    ledger = loan._ledger_with([*loan.facts, payment])

    assert told_as_kept(ledger, on) == told_as_kept(loan._rerun([*loan.facts, payment]), on)
    assert (ledger.balance(on).penalty > 0) == (on == APR_20)
    assert ledger.run_anew is not None or not loan._needs_a_run(), "all facts were run"


def test_what_is_kept_never_stands_for_what_only_a_run_tells() -> None:
    loan = given(disbursed(terms(rate_plan=STEPS)), paid("P-1", 86_07, FEB_15), attended(MAR_1))
    names = [name for name, value in vars(Ledger).items() if isinstance(value, ByRun)]
    assert {"laid", "held", "charges", "capitalised", "prepaying"} <= set(names)

    for name in set(names) - {"charges"}:  # nothing was ever charged, so these are known
        with pytest.raises(KnownToARun):
            getattr(loan._on_what_is_kept(no_run), name)
        told = getattr(loan._ledger_kept(), name)
        if name != "held":
            assert told == getattr(loan._rerun(loan.facts), name)
