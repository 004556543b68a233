"""Amounts as their currency counts them, and tables of which no word is lost."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from entrypoints import output
from infra.processes import ProcessState


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1_234_56, "CNY", "1,234.56 CNY"),
        (-5, "USD", "-0.05 USD"),
        (1234, "JPY", "1,234 JPY"),
        (1_000_500, "KWD", "1,000.500 KWD"),
        (0, "CNY", "0.00 CNY"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert output.money(amount, currency) == text


def test_records_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    record = ProcessState("relay", "ready")

    output.emit([record], as_json=True, render=lambda _: pytest.fail("not asked for"))

    [printed] = json.loads(capsys.readouterr().out)
    assert printed["name"] == "relay"


def printed(monkeypatch: pytest.MonkeyPatch, width: int, cells: list[str]) -> list[str]:
    """What a terminal shows of a table whose second and last column may be cut up."""
    monkeypatch.setattr(output, "out", Console(width=width, file=StringIO(), highlight=False))
    names = [f"c{number}" for number in range(len(cells))]
    made = output.table(*names, wraps=("c1", names[-1]))
    made.add_row(*cells)

    output.show(made)

    stream = output.out.file
    assert isinstance(stream, StringIO)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", range(76, 120, 4))
def test_no_word_of_a_table_is_cut_off_at_the_edge(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    words = "lesson repaying, planner"
    cells = ["00:33:28Z", "E-B-ZSGYJ-H2GT1-repaying or so", "EDUCATION", "HELD_OUT", words]

    lines = printed(monkeypatch, width, cells)

    shown = " ".join(lines).split()
    assert {"E-B-ZSGYJ-H2GT1-repaying", *words.split()} <= set(shown)
    assert max(map(len, lines)) <= width


def test_a_table_takes_the_room_there_is_before_it_cuts_a_cell_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = printed(monkeypatch, 100, ["x", "a few words", "y", "rather more words than that"])

    assert any("a few words" in line and "rather more words than that" in line for line in lines)
