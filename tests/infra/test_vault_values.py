"""Values as they are kept and found again; and how long records about people stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base.policy import Policies
from domain.base.retention import FloorUnknown, Retained, retained
from infra.policies import load_policies
from infra.vault_cipher import Key, look_up, new_key
from infra.vault_values import Kind, Purpose, ValueUnusable, looked_up_as, tidy
from tests.infra.vault_at_work import MOBILE, TODAY


@pytest.mark.parametrize(
    "written",
    ["+86 139-1234-5678", "008613912345678", "+86 (139) 1234.5678", "＋８６１３９１２３４５６７８"],
)
def test_a_telephone_number_is_kept_as_plus_and_digits(written: str) -> None:
    assert tidy(Kind.PHONE, f" {written}\n") == MOBILE
    assert looked_up_as(Kind.PHONE, MOBILE) == MOBILE[1:]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.PHONE, "13912345678"),
        (Kind.PHONE, "+8613912"),
        (Kind.PHONE, "+0861391234567"),
        (Kind.PHONE, "+86 139 1234 call me"),
        (Kind.EMAIL, "li.example.com"),
        (Kind.EMAIL, "li xiao@example.com"),
        (Kind.EMAIL, "@example.com"),
        (Kind.NAME, "  "),
        (Kind.NOTE, "x" * 100_001),
        (Kind.NAME, "half a pair \ud83d"),
    ],
)
def test_a_value_that_is_none_is_refused_without_being_repeated(kind: Kind, wrong: str) -> None:
    with pytest.raises(ValueUnusable) as refused:
        tidy(kind, wrong)

    assert wrong.strip() == "" or wrong.strip() not in refused.value.sentence


@given(st.text(max_size=20))
def test_whatever_is_taken_for_a_number_looks_the_same_when_taken_again(text: str) -> None:
    try:
        kept = tidy(Kind.PHONE, text)
    except ValueUnusable:
        return

    assert tidy(Kind.PHONE, kept) == kept
    assert kept[1:].isascii() and kept[1:].isdigit()


@given(st.binary(min_size=32, max_size=32), st.integers(10**9, 10**12))
def test_a_look_up_hash_needs_the_key(secret: bytes, number: int) -> None:
    mine, theirs = Key(uuid4(), secret), new_key()

    assert look_up(mine, "PHONE", str(number)) == look_up(mine, "PHONE", str(number))
    assert look_up(mine, "PHONE", str(number)) != look_up(theirs, "PHONE", str(number))
    assert look_up(mine, "PHONE", str(number)) != look_up(mine, "EMAIL", str(number))


@pytest.mark.parametrize(
    ("jurisdiction", "until"),
    [("CN", "2031-03-02"), ("US", "2029-03-02"), ("UK", "2032-03-02"), ("IN", "2031-03-02")],
)
def test_a_collection_record_is_kept_as_long_as_its_law_says(jurisdiction: str, until: str) -> None:
    floors = load_policies().floors_of(jurisdiction, TODAY)

    floor = retained(floors, {"COLLECTION_RECORD": TODAY, "SEND_RECORD": TODAY})

    assert floor == Retained(date.fromisoformat(until), "COLLECTION_RECORD", "retention-1")


def test_a_message_is_kept_for_six_months_everywhere() -> None:
    floors = load_policies().floors_of("EU", TODAY)

    assert retained(floors, {"SEND_RECORD": date(2025, 8, 31)}) == Retained(
        date(2026, 2, 28), "SEND_RECORD", "retention-1"
    )
    assert retained(floors, {}) is None


def test_what_no_policy_speaks_of_may_not_go() -> None:
    with pytest.raises(FloorUnknown):
        retained(load_policies().floors_of("BR", TODAY), {"COLLECTION_RECORD": TODAY})


def test_without_a_rule_no_purpose_passes_a_restriction() -> None:
    none = replace(load_policies(), restricted_processing=())

    assert load_policies().passes_restriction(Purpose.AUDIT, TODAY)
    assert not load_policies().passes_restriction(Purpose.SENDING, TODAY)
    assert not none.passes_restriction(Purpose.AUDIT, TODAY)


def test_the_policies_of_the_vault_are_among_all_others() -> None:
    policies: Policies = load_policies()

    assert {floor.record_class for floor in policies.retention_floors} >= {
        "SEND_RECORD",
        "COLLECTION_RECORD",
    }
    assert all(floor.source for floor in policies.retention_floors)
