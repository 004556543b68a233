"""What ``contact why`` prints for a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.console import Console

from entrypoints import output
from entrypoints.contact_why import DecisionShown, WayShown, Why, _render

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


def read(monkeypatch: pytest.MonkeyPatch, *ways: WayShown) -> list[str]:
    """The lines that a terminal of 100 columns shows, without the space around them."""
    monkeypatch.setattr(output, "out", Console(width=100, highlight=False))
    decided = DecisionShown(
        *(REF, AT, "COLLECTION", "PHONE", "DEFER", MORNING),
        *(["HOLD", "THIRD_PARTY"], [HELD, THIRD_PARTY], "staff", "ada"),
        route="OPEN sms-by-north (providers-1)",
        follows="C-1 (FAILED)",
    )
    local = {"Asia/Shanghai": "Mon 2026-11-23 22:30:00", "Asia/Urumqi": "Mon 2026-11-23 20:30:00"}
    found = Why("B-JQDXD-10QHD", "CN", local, AT, [], list(ways), [decided])
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
