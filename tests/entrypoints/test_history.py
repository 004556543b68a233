"""What a person reads of a stream's history."""

from __future__ import annotations

from datetime import date
from typing import get_type_hints

from domain.catalogue import event_types
from entrypoints.history import AMOUNTS, HIDDEN, _words, said_by
from tests.domain.story import LETTER_FEE, act, disbursed, recorded, repay, terms, write_off

COUNTS = {
    *("product_version", "version", "term_months", "instalment", "from_instalment"),
    *("late_instalment", "sequence", "most", "days_past_due", "count", "on_time"),
    *("duration_seconds", "review_seconds", "score", "satisfaction"),
    *("escalations", "extension", "round", "borrowers"),
    *("late_loans", "strategies_changed", "reminders", "dunnings", "pay_day"),
    *("tolerated_rows", "missed_rows", "measure", "replaces", "lifts"),
}


def test_a_whole_number_of_an_event_is_shown_as_money_if_it_is_money() -> None:
    numbers = {
        name
        for event in event_types().values()
        for name, hint in get_type_hints(event).items()
        if hint in (int, int | None) and name not in HIDDEN
    }

    assert numbers - COUNTS <= AMOUNTS
    assert not COUNTS & AMOUNTS


def test_a_loss_that_is_restated_is_told_before_and_after() -> None:
    loan = disbursed()
    write_off(loan, date(2025, 4, 15))
    repay(loan, "P-1", 86_07, date(2025, 2, 15), known_on=date(2025, 5, 15))

    said = _words(said_by(recorded(loan)[-1]), "CNY", full=False)

    assert "written off on 2025-04-15 1,013.78 CNY -> 927.71 CNY" in said


def test_a_loss_known_late_tells_what_became_of_what_was_recorded_since() -> None:
    loan = disbursed(terms(fees=[LETTER_FEE]))
    loan.charge_fee(act(date(2025, 3, 1)), kind="LETTER", fee_ref="F-1")
    repay(loan, "P-1", 86_07, date(2025, 3, 15))
    write_off(loan, date(2025, 4, 15), counts_on=date(2025, 2, 20))

    said = _words(said_by(recorded(loan)[-1]), "CNY", full=False)

    assert "recovered of what came in since 86.07 CNY (P-1), set aside FEE:F-1" in said
    assert "was ACTIVE M0" in said
