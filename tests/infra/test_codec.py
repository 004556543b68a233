"""Events as bytes: nothing becomes something else on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.borrower.borrower import Borrower
from domain.loan.loan import Loan
from domain.product.product import Product
from infra import codec
from infra.contract import crc64, published
from tests.contract.examples import STREAM_ID, example_of


def changed(event: Any, **fields: Any) -> Any:
    """A copy of an event with other values."""
    copy = object.__new__(type(event))
    copy.__dict__.update(vars(event))
    copy.__dict__.update(fields)
    return copy


def again(event: Any) -> Any:
    return codec.decode(codec.encode(event), event.originator_id, event.originator_version)


@for_all(st.integers(-(2**63), 2**63 - 1))
def test_every_amount_comes_back_exactly(amount: int) -> None:
    assert again(changed(example_of(Loan.Repaid), amount=amount)).amount == amount


@for_all(st.decimals("-99999999", "99999999", places=10, allow_nan=False, allow_infinity=False))
def test_every_rate_comes_back_exactly(rate: Decimal) -> None:
    assert again(changed(example_of(Loan.Approved), annual_rate=rate)).annual_rate == rate


@for_all(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    back = again(changed(example_of(Loan.Cured), timestamp=instant)).timestamp

    assert back == instant
    assert back.utcoffset() == timedelta(0)


@for_all(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_exactly(text: str) -> None:
    assert again(changed(example_of(Borrower.HoldSet), reason=text)).reason == text


def test_an_instant_elsewhere_is_the_same_instant() -> None:
    east = datetime(2025, 1, 15, 18, tzinfo=timezone(timedelta(hours=8)))

    assert again(changed(example_of(Loan.Cured), timestamp=east)).timestamp == east


@pytest.mark.parametrize("amount", [1.5, 1.0, True, Decimal(1), "1", None])
def test_an_amount_that_is_no_integer_is_refused(amount: Any) -> None:
    with pytest.raises(codec.NotEncodable):
        codec.encode(changed(example_of(Loan.Repaid), amount=amount))


@pytest.mark.parametrize("amount", [1.5, 1.0, Decimal("1.5"), True])
def test_an_amount_that_is_no_integer_is_refused_inside_a_record_too(amount: Any) -> None:
    event: Any = example_of(Loan.Repaid)
    wrong_part = replace(event.parts[0], principal=amount)
    wrong_balance = replace(event.balance, penalty=amount)

    with pytest.raises(codec.NotEncodable):
        codec.encode(changed(event, parts=[event.parts[0], wrong_part]))
    with pytest.raises(codec.NotEncodable):
        codec.encode(changed(event, balance=wrong_balance))


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1])
def test_an_amount_that_does_not_fit_is_refused(amount: int) -> None:
    with pytest.raises((codec.NotEncodable, OverflowError)):
        codec.encode(changed(example_of(Loan.Repaid), amount=amount))


@pytest.mark.parametrize("rate", [Decimal("0.00000000001"), Decimal("NaN"), 0.06, "0.06"])
def test_a_rate_that_would_be_rounded_is_refused(rate: Any) -> None:
    with pytest.raises((codec.NotEncodable, ValueError, TypeError, AttributeError)):
        again(changed(example_of(Loan.Approved), annual_rate=rate))


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = datetime(2025, 1, 15, 10)  # noqa: DTZ001 - that is the point

    with pytest.raises(codec.NotEncodable):
        codec.encode(changed(example_of(Loan.Cured), timestamp=naive))


def test_a_missing_value_is_refused_where_the_schema_wants_one() -> None:
    with pytest.raises((codec.NotEncodable, TypeError, ValueError)):
        codec.encode(changed(example_of(Loan.Repaid), currency=None))


def test_identity_and_sequence_stand_beside_the_bytes() -> None:
    event = example_of(Loan.Cured)

    assert codec.encode(changed(event, originator_version=8)) == codec.encode(event)
    assert codec.decode(codec.encode(event), STREAM_ID, 8).originator_version == 8


def test_the_first_event_knows_its_kind_of_stream() -> None:
    product = again(example_of(Product.Published)).mutate(None)

    assert isinstance(product, Product)


def test_bytes_begin_with_the_schema_they_were_written_by() -> None:
    state = codec.encode(example_of(Loan.Cured))

    assert state[:10] == b"\xc3\x01" + crc64(published()["loan.cured"])


def test_an_event_is_small() -> None:
    event: Any = example_of(Loan.Cured, full=False)

    assert len(codec.encode(event)) < 150
