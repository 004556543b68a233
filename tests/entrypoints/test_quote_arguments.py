"""The ``quote`` command, whatever it is given: an answer or a sentence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.base.refusal import Refusal
from entrypoints.quote_command import quote
from infra.trouble import Trouble

CATALOGUE = sorted((Path(__file__).parents[2] / "docs" / "catalogue").glob("*.toml"))

AMOUNTS = st.one_of(
    st.integers(1, 10**6).map(str),
    st.sampled_from(["0", "-5", "", "1e5", "NaN", "10,00", "1.005", "1" * 30, "٣", "1,000,000.00"]),
    st.text(max_size=6),
)
DAYS = st.none() | st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
    st.sampled_from([datetime.min, datetime.max, datetime(2999, 12, 31)]),  # noqa: DTZ001, DTZ901
)
RATES = st.none() | st.one_of(
    st.sampled_from(["0", "0.06", "10000000", "-0.1", "NaN", "sNaN", "Infinity", "1e-30", "6%"]),
    st.text(max_size=4),
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    product=st.sampled_from(CATALOGUE).map(str),
    amount=AMOUNTS,
    months=st.sampled_from([1, 3, 6, 12, 24, 36, 120, 1200, 1201, 10**9, 10**30]),
    on=DAYS,
    first_due=DAYS,
    rate=RATES,
    grade=st.sampled_from([None, None, "A", "", "ZZ"]),
    plot=st.booleans(),
    as_json=st.booleans(),
)
def test_whatever_a_quote_is_asked_for_it_answers_or_says_why_not(  # noqa: PLR0917
    capsys: pytest.CaptureFixture[str],
    product: str,
    amount: str,
    months: int,
    on: datetime | None,
    first_due: datetime | None,
    rate: str | None,
    grade: str | None,
    plot: bool,
    as_json: bool,
) -> None:
    why_not = None
    try:
        quote(product, amount, months, on, first_due, rate, grade, plot=plot, as_json=as_json)
    except (Refusal, Trouble, typer.BadParameter) as refused:
        why_not = str(refused)

    shown = capsys.readouterr().out
    assert bool(why_not) != bool(shown)
