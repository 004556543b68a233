"""Numbers and addresses of people stay out of the history."""

from __future__ import annotations

import pytest

from domain.base.free_text import PersonalInClear, looks_personal, must_be_impersonal


@pytest.mark.parametrize(
    "text",
    [
        "call her at 13800138000",
        "call her at 138 0013 8000",
        "reach him under +44 7700 900123",
        "his number is (212) 555-0100",
        "his number is 212-555-0100",
        "write to li.na@example.com instead",
        "identity 11010519491231002X does not match",
        "paid from 6222 0212 3456 7890",
    ],
)
def test_a_text_with_a_number_of_a_person_is_told(text: str) -> None:
    assert looks_personal(text) is not None

    with pytest.raises(PersonalInClear):
        must_be_impersonal({"reason": text})


@pytest.mark.parametrize(
    "text",
    [
        "court order 2026-10-01",
        "case 4 C 123/26, heard at 10:30",
        "returned by the bank, 1,250.00 CNY",
        "L-4F7QX-9K2MA was paid by 2026-10-01T10:00:00Z",
        "complaint Q-1 of 2026",
        "H-5b8f7f0e-6a53-4a53-9a7e-0d1f2a3b4c5d",
        "12 CFR 1006.6(c)",
        "no payment for more than 180 days",
        "ISO 4217 exponent",
        "paragraph 1006.14(b), 7 in 168 hours",
    ],
)
def test_dates_amounts_and_references_are_no_numbers_of_people(text: str) -> None:
    assert looks_personal(text) is None


def test_what_is_no_text_of_a_person_is_not_looked_at() -> None:
    must_be_impersonal({"point_ref": "13800138000", "reason": None, "occasion": "worklist"})
