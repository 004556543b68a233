"""What might happen to a loan, as people write it: each step is read, or told how it is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import typer
from hypothesis import given as for_all
from hypothesis import strategies as st
from rich.console import Console

from domain.base.policy import HoldRule
from domain.base.refusal import Refusal
from domain.base.stream import Stream
from domain.loan import what_if as supposed
from domain.loan.relief import Agreement
from entrypoints import output
from entrypoints.supposed_steps import READ, Reading, laid_steps, steps_of
from entrypoints.what_if import FORMS, compared, render
from tests.domain.story import LETTER_FEE, disbursed, hold_rule, repay, terms

TODAY, DEC_1 = date(2025, 3, 1), date(2026, 12, 1)


def rule_of(kind: str, on: date) -> HoldRule:
    if kind != "BANKRUPTCY":
        raise typer.BadParameter(f"No policy says on {on} what a {kind} hold stops.")
    return hold_rule(kind=kind)


READING = Reading(TODAY, "CNY", rule_of)


def read(name: str, text: str, **changes: Any) -> supposed.Step:
    [step] = steps_of({name: [text]}, Reading(TODAY, "CNY", rule_of, **changes))
    return step


@pytest.mark.parametrize(
    ("name", "text", "step"),
    [
        ("repay", "500.00@2026-12-01", supposed.Payment(DEC_1, 500_00)),
        ("repay", " 1,500 ", supposed.Payment(TODAY, 1_500_00)),
        ("payoff", "2026-12-01", supposed.Payment(DEC_1, None)),
        ("payoff", "today", supposed.Payment(TODAY, None)),
        ("recover", "50.00@2026-12-01", supposed.Recovery(DEC_1, 50_00)),
        ("partner-refund", "3@2026-12-01", supposed.PartnerRefund(DEC_1, 3_00)),
        ("draw", "200", supposed.Draw(TODAY, 200_00)),
        ("refund", "0.01@2026-12-01", supposed.Refund(DEC_1, 1)),
        ("reverse", "P-7", supposed.Reversal(TODAY, "P-7")),
        ("reverse", "mail@bank", supposed.Reversal(TODAY, "mail@bank")),
        ("reverse", "mail@bank@2026-12-01", supposed.Reversal(DEC_1, "mail@bank")),
        ("take-back", "FEE:F-1@2026-12-01", supposed.TakenBack(DEC_1, "FEE:F-1")),
        ("fee", "LETTER", supposed.Charge(TODAY, "LETTER")),
        ("waive", "F-1", supposed.Waiver(TODAY, "F-1", None)),
        ("waive", "overdue:LATE:3=1.50@2026-12-01", supposed.Waiver(DEC_1, "overdue:LATE:3", 1_50)),
        ("forgive", "3:penalty", supposed.Forgiveness(TODAY, 3, "PENALTY", None)),
        ("forgive", "3:fees=1.50@2026-12-01", supposed.Forgiveness(DEC_1, 3, "FEE", 1_50)),
        ("move", "3@2026-12-01", supposed.Move(TODAY, 3, DEC_1)),
        (
            "rate",
            "0.045@2026-12-01",
            supposed.Relief(DEC_1, Agreement("RATE_CHANGE", annual_rate=Decimal("0.045"))),
        ),
        ("extend", "2", supposed.Relief(TODAY, Agreement("EXTENSION", instalments=2))),
        ("re-age", "0", supposed.Relief(TODAY, Agreement("REAGEING"))),
        (
            "pause",
            "2026-12-01..2026-12-31",
            supposed.Relief(
                TODAY, Agreement("INTEREST_PAUSE", free_from=DEC_1, free_until=date(2026, 12, 31))
            ),
        ),
        ("convert", "6@2026-12-01", supposed.Conversion(DEC_1, 6)),
        ("renew", "2026-12-01", supposed.Renewal(DEC_1)),
        ("hold", "bankruptcy@2026-12-01", supposed.Hold(DEC_1, hold_rule(kind="BANKRUPTCY"))),
        ("lift", "H-1", supposed.Lift(TODAY, "H-1")),
        ("write-off", "today", supposed.WriteOff(TODAY)),
        ("sell", "100.00@2026-12-01", supposed.Sale(DEC_1, 100_00)),
    ],
)
def test_each_step_is_read_as_it_is_written(name: str, text: str, step: supposed.Step) -> None:
    assert read(name, text) == step


def test_a_deferral_of_interest_too_says_so() -> None:
    step = read("defer", "1", interest_too=True)

    assert step == supposed.Relief(TODAY, Agreement("DEFERRAL", instalments=1, interest_too=True))


def test_what_takes_nothing_but_its_name_is_agreed_today() -> None:
    asked = {"capitalise": True, "re_amortise": False}

    assert laid_steps(TODAY, shorter=False, **asked) == [
        supposed.Relief(TODAY, Agreement("CAPITALISATION"))
    ]
    assert laid_steps(TODAY, shorter=True, **asked)[1:] == [
        supposed.Relief(TODAY, Agreement("REAMORTISATION", keeps_instalment=True))
    ]


def test_every_example_in_the_help_can_be_typed() -> None:
    for name, form in FORMS.items():
        assert isinstance(read(name, form.example), supposed.Step), name
    assert set(FORMS) == set(READ)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("repay", ""),
        ("repay", "@2026-12-01"),
        ("repay", "5.00@tomorrow"),
        ("repay", "5.00@20261201"),
        ("payoff", "2026-13-01"),
        ("reverse", ""),
        ("waive", "=5.00"),
        ("forgive", "3"),
        ("forgive", "3:principal"),
        ("forgive", "x:fee"),
        ("move", "3"),
        ("move", "three@2026-12-01"),
        ("extend", "-1"),
        ("extend", "9" * 9999),
        ("pause", "2026-12-01"),
        ("rate", "five@2026-12-01"),
        ("hold", "NONE"),
    ],
)
def test_what_is_not_written_so_is_told_in_a_sentence(name: str, text: str) -> None:
    with pytest.raises(typer.BadParameter) as told:
        read(name, text)

    assert str(told.value).endswith(".") or "rate" in str(told.value)
    assert len(str(told.value)) < 300


ODD = st.one_of(
    st.text(max_size=30),
    st.text("0123456789.@-:=, eEinfNa", max_size=30),
    st.sampled_from(["NaN", "-0", "1e9", "Infinity", "1E999999", "٣", "²", "0.1@2025-04-01"]),
)
EXAMPLES = {name: form.example for name, form in FORMS.items()}


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """An option with a text: anything, an example, or one with something put in its place."""
    name = draw(st.sampled_from(sorted(READ)))
    text = EXAMPLES[name]
    if draw(st.booleans()):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        text = text[:start] + draw(ODD) + text[end:]
    return name, text if draw(st.booleans()) else draw(ODD)


def history() -> list[Stream.Event]:
    loan = disbursed(terms(fees=[LETTER_FEE], penalty_rate=Decimal("0.365")))
    repay(loan, "P-7", 86_07, date(2025, 2, 15))
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


HISTORY = history()


@for_all(st.lists(written(), min_size=1, max_size=3))
def test_whatever_is_typed_is_compared_or_refused_with_a_sentence(
    typed: list[tuple[str, str]],
) -> None:
    said: dict[str, list[str]] = {}
    for name, text in typed:
        said.setdefault(name, []).append(text)
    refused = ""
    found: supposed.Difference | None = None
    try:
        steps = steps_of(said, READING)
        on = max(TODAY, *(step.on for step in steps))
        found = supposed.what_if(HISTORY, steps, on, today=TODAY)
    except (Refusal, typer.BadParameter) as no:
        refused = str(no)

    assert found is not None or refused.strip()


def test_a_person_sees_both_sides_and_what_would_be_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = supposed.Payment(date(2025, 3, 15), 86_07)

    render(compared(supposed.what_if(HISTORY, [step], step.on)))

    told = capsys.readouterr().out
    assert "loan.repaid" in told
    figures = [line.split() for line in told.splitlines()]
    assert ["principal", "918.93", "837.45", "-81.48"] in figures
    assert ["overdue", "0.00", "0.00"] in figures
    assert any(line[:3] == ["cost", "in", "a"] for line in figures)
    assert [
        "2",
        "would",
        "be",
        "2025-03-15",
        "81.48",
        "4.59",
        "0.00",
        "0.00",
        "2025-03-15",
    ] in figures


def test_what_would_be_recorded_is_told_within_the_width_of_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "out", Console(width=100, highlight=False))
    loss = supposed.WriteOff(date(2025, 3, 15))

    render(compared(supposed.what_if(HISTORY, [loss], loss.on)))

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_a_loss_and_what_comes_back_change_the_claim(capsys: pytest.CaptureFixture[str]) -> None:
    loss, back = supposed.WriteOff(date(2025, 3, 15)), supposed.Recovery(date(2025, 3, 20), 100_00)
    lost = supposed.what_if(HISTORY, [loss], loss.on)
    came = supposed.what_if([*HISTORY, *lost.events], [back], back.on)

    render(compared(lost))
    render(compared(came))

    claims = [line.split() for line in capsys.readouterr().out.splitlines() if " claim " in line]
    assert claims == [["claim", "923.52", "*"], ["claim", "923.52", "823.52", "-100.00"]]


def test_a_cost_that_differs_by_less_than_is_shown_is_no_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = supposed.what_if(HISTORY, [supposed.Payment(date(2025, 3, 15), 1)], date(2025, 3, 15))
    cost = same.without.annualised_cost
    assert cost is not None
    again = replace(
        same, with_it=replace(same.without, annualised_cost=cost - Decimal("0.00000001"))
    )

    render(compared(again))

    [line] = [line for line in capsys.readouterr().out.splitlines() if "cost in a year" in line]
    assert "0.0000%" not in line
