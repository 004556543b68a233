"""What ``contact why`` prints for a person."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from entrypoints import output
from entrypoints.contact_why import DecisionShown, WayShown, Why, _not_asked, _render, _whose
from tests.domain.borrower.test_borrower import promise
from tests.domain.borrower.test_contacts import known
from tests.domain.story import LOAN_ID

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 2, tzinfo=UTC)
THIRD_PARTY = "cn-third-party-after-loss-of-contact (third-parties-1)"
HELD = "holds-on-collection (contact-holds-1)"
HOURS = "cn-day-hours (hours-1)"
REF = "C-297f9f16-ca17-4087-999f-66dd6702f5be"


def way(purpose: str, channel: str, point_ref: str | None, *rules: str) -> WayShown:
    if not rules:
        return WayShown(purpose, channel, point_ref, "ALLOW", None, [], [])
    if rules == (HOURS,):
        return WayShown(purpose, channel, point_ref, "DEFER", MORNING, ["WINDOW"], [*rules])
    return WayShown(purpose, channel, point_ref, "BLOCK", None, ["HOLD", "THIRD_PARTY"], [*rules])


def read(
    monkeypatch: pytest.MonkeyPatch, *ways: WayShown, not_asked: str | None = None
) -> list[str]:
    """The lines that a terminal of 100 columns shows, without the space around them."""
    monkeypatch.setattr(output, "out", Console(width=100, highlight=False))
    decided = DecisionShown(
        *(REF, AT, "COLLECTION", "PHONE", "DEFER", MORNING),
        *(["HOLD", "THIRD_PARTY"], [HELD, THIRD_PARTY], "staff", "ada"),
        route="OPEN sms-by-north (providers-1)",
        follows="C-1 (FAILED)",
    )
    local = {"Asia/Shanghai": "Mon 2026-11-23 22:30:00", "Asia/Urumqi": "Mon 2026-11-23 20:30:00"}
    found = Why("B-JQDXD-10QHD", "CN", local, AT, [], list(ways), [decided], not_asked)
    with output.out.capture() as printed:
        _render(found)
    return printed.get().splitlines()


def test_the_page_fits_a_narrow_terminal_and_no_rule_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = read(
        monkeypatch,
        way("SERVICE_REMINDER", "PHONE", "P-1", HOURS),
        way("COLLECTION", "AI_VOICE", "mobile-of-brother", HELD, THIRD_PARTY),
    )

    assert max(len(line) for line in lines) <= 100
    words = " ".join(" ".join(lines).split())
    for said in (
        "SERVICE_REMINDER",
        "mobile-of-brother",
        HELD,
        HOURS,
        REF,
        "until 11-24 02:00:00Z",
    ):
        assert said in words
    assert "cn-third-party-after-loss-of-contact" in words
    for said in (
        "staff, ada",
        "way out OPEN sms-by-north (providers-1)",
        "instead of C-1 (FAILED)",
    ):
        assert said in "\n".join(lines)


def test_ways_that_are_answered_alike_share_a_row_and_the_others_have_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = read(
        monkeypatch,
        way("RECEIPT", "SMS", "P-1"),
        way("RECEIPT", "EMAIL", "E-1"),
        way("RECEIPT", "PHONE", None, HOURS),
        way("RECEIPT", "PUSH", "[a]"),
    )

    shown = [
        line.split() for line in lines[lines.index(next(x for x in lines if "RECEIPT" in x)) :]
    ]
    assert [each for each in shown if each][:6] == [
        ["RECEIPT"],
        ["SMS", "P-1", "ALLOW"],
        ["EMAIL", "E-1"],
        ["PUSH", "[a]"],
        ["No", "contact", "point", "is", "known", "for", "PHONE."],
        ["decided", "that", "day", "answer", "because"],
    ]


def test_why_says_where_the_house_asks_for_no_money_though_the_law_would_let_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = known()
    free = _not_asked(ada, LOAN_ID)
    promise(ada, promised_on=date(2025, 1, 20))

    why = _not_asked(ada, LOAN_ID)
    lines = read(monkeypatch, way("COLLECTION", "LETTER", "A-1"), not_asked=why)

    words = " ".join(" ".join(lines).split())
    assert free is None
    assert "COLLECTION is left alone all the same. A promise to pay on L-" in words
    assert "by 2025-01-20 is open" in words
    assert _not_asked(ada, None) is None


def test_what_staff_ask_for_without_an_occasion_names_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided = DecisionShown(
        *(REF, AT, "COLLECTION", "PHONE", "ALLOW", None, [], []), occasion="staff", actor="staff"
    )

    assert _whose(decided).splitlines()[-1] == "staff"
