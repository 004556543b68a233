"""Shares and their intervals, held against published figures."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operations.proportions import Interval, difference, share


def rounded(interval: Interval | None, places: str = "0.0001") -> tuple[Decimal, Decimal]:
    assert interval is not None
    return interval.low.quantize(Decimal(places)), interval.high.quantize(Decimal(places))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (81, 263, "0.2553", "0.3662"),
        (15, 148, "0.0624", "0.1605"),
        (0, 20, "0.0000", "0.1611"),
        (1, 29, "0.0061", "0.1718"),
    ],
)
def test_intervals_are_those_of_newcombe_1998(hits: int, of: int, low: str, high: str) -> None:
    """Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, row 3."""
    assert rounded(share(hits, of)) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("own", "control", "low", "high"),
    [
        ((56, 70), (48, 80), "0.0524", "0.3339"),
        ((9, 10), (3, 10), "0.1705", "0.8090"),
        ((10, 10), (0, 10), "0.6075", "1.0000"),
    ],
)
def test_differences_are_those_of_newcombe_1998(
    own: tuple[int, int], control: tuple[int, int], low: str, high: str
) -> None:
    """Newcombe, Interval estimation for the difference, 1998, table II, method 10."""
    assert rounded(difference(share(*own), share(*control))) == (Decimal(low), Decimal(high))


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_lies_in_its_interval_and_that_between_nothing_and_all(
    found: tuple[int, int],
) -> None:
    interval = share(*found)

    assert interval is not None
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_nothing_is_said_of_nobody() -> None:
    assert share(0, 0) is None
    assert difference(share(1, 2), None) is None
