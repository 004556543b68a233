"""What staff read in tables fits a screen of a hundred columns, and nothing of it is cut off."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from domain.base.contact_policy import Channel, Per, Purpose, Reason, Within
from domain.borrower.budget import ANY_OTHER, Allowance
from entrypoints import output
from entrypoints.collect_questions import _render_promises
from entrypoints.complaint_questions import _render_report
from entrypoints.contact_questions import (
    _render_budget,
    _render_deliveries,
    _render_log,
    render_summary,
)
from entrypoints.questions import _render_statement
from infra.answers import StatementLine
from infra.collect_answers import PromiseMade, Promises
from infra.complaint_answers import ComplaintCount, RightsReport, Satisfaction
from infra.contact_answers import (
    ContactBudget,
    ContactsOfKind,
    ContactSummary,
    Deliveries,
    LoggedContact,
    ReasonCount,
)

SCREEN = 100
DAY = date(1999, 1, 1)
AT = datetime(1999, 1, 1, 12, 30, tzinfo=UTC)
THIRD_PARTY = "cn-third-party-after-loss-of-contact"
LONGEST_TEXT = "cn-complaint-longer-letter-to-representative"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What is printed on a screen."""
    printed = StringIO()
    monkeypatch.setattr(output, "out", Console(width=SCREEN, file=printed, highlight=False))
    return printed


def read(screen: StringIO) -> str:
    """What stands there, each line within the screen."""
    lines = screen.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= SCREEN
    return screen.getvalue()


def logged(**said: Any) -> LoggedContact:
    none = dict.fromkeys((each.name for each in fields(LoggedContact)), None)
    usual = {
        "borrower_id": UUID(int=2**127),
        "at": AT,
        "purpose": "COLLECTION",
        "answer": "ALLOW",
        "reasons": [],
        "rules": [],
        "actor": "dispatcher",
    }
    return LoggedContact(**{**none, **usual, **said})


def test_the_log_says_in_a_screen_who_decided_why_and_by_what_text(screen: StringIO) -> None:
    refused = logged(
        purpose="SERVICE_REMINDER",
        channel="AI_VOICE",
        party="AUTHORIZED_REPRESENTATIVE",
        answer="DEFER",
        until_at=AT,
        reasons=["CALENDAR_UNKNOWN", "THIRD_PARTY"],
        rules=[f"{THIRD_PARTY} third-parties-1", "in-marketing-not-on-holidays house-hours-1"],
        template=LONGEST_TEXT,
        template_version="texts-1",
    )
    told = logged(
        channel="SMS", outcome="SENT", told_by="lin", delivered=False, delivery_reason="UNREACHABLE"
    )

    _render_log([refused, told], "Asia/Shanghai", 50, one=False)

    text = read(screen)
    for said in (THIRD_PARTY, "in-marketing-not-on-holidays", LONGEST_TEXT, "told by lin"):
        assert said in text
    for said in ("until 1999-01-01 20:30, dispatcher", "allowed, dispatcher"):
        assert said in " ".join(text.split())


def test_of_a_contact_for_which_no_way_was_chosen_the_log_names_none(screen: StringIO) -> None:
    _render_log([logged(answer="NOT_MADE", reasons=["paid"])], "Asia/Shanghai", 50, one=True)

    text = read(screen)
    assert "collection" in text and "collection by" not in text
    assert "not made, dispatcher" in text


def test_the_summary_names_each_rule_and_its_version_in_a_screen(screen: StringIO) -> None:
    kind = ContactsOfKind("SERVICE_REMINDER", "AI_VOICE", *(1_234_567,) * 7)
    versions = ["third-parties-1", "third-parties-2"]
    cause = ReasonCount(
        "CALENDAR_UNKNOWN", THIRD_PARTY, versions, "MARKETING", "AI_VOICE", 1_234_567, 1_234_567
    )

    render_summary(ContactSummary(None, DAY, [kind], [cause]))

    text = read(screen)
    assert THIRD_PARTY in text and "third-parties-2" in text and "1,234,567" in text


def test_deliveries_are_told_by_provider_and_carrier_in_a_screen(screen: StringIO) -> None:
    _render_deliveries(
        [
            Deliveries("north-gateway", "China Unicom", "SMS", *(56_789,) * 6, Decimal("12.5")),
            Deliveries("letters", None, "LETTER", 56, 0, 0, 56, 3, 0, None),
        ]
    )

    text = read(screen)
    assert "north-gateway" in text and "China Unicom" in text and "12.5" in text


def statement_line(**parts: Any) -> StatementLine:
    line = StatementLine(
        version=7,
        business_on=DAY,
        effective_on=DAY,
        kind="repayment",
        ref="P-20240131-000123",
        currency="CNY",
        amount=sum(parts.values()),
        principal=0,
        interest=0,
        fees=0,
        penalty=0,
        unapplied=0,
        reallocated=0,
        principal_after=0,
        owed_after=123_456_789_00,
    )
    return replace(line, **parts)


def test_a_statement_of_few_parts_has_a_column_for_each(screen: StringIO) -> None:
    _render_statement([statement_line(principal=-7_422_22, interest=-642_99)])

    head = next(line for line in read(screen).splitlines() if "counts from" in line)
    assert "principal" in head and "interest" in head


def test_a_statement_of_more_parts_than_a_screen_is_wide_names_them_beneath_each_other(
    screen: StringIO,
) -> None:
    _render_statement(
        [
            statement_line(
                principal=-7_422_222_22,
                interest=-642_999_99,
                fees=-25_000_00,
                penalty=-3_100_10,
                unapplied=12_345_67,
            )
        ]
    )

    text = read(screen)
    assert "of which" in text
    parts = ("principal -7,422,222.22", "fees -25,000.00", "credit -12,345.67", "P-20240131-000123")
    for said in parts:
        assert said in text


def test_what_is_left_of_each_limit_fits_a_screen(screen: StringIO) -> None:
    limit = Allowance(
        rule="collection-messages-of-all-kinds-a-day",
        version="house-limits-1",
        reason=Reason.CAP,
        purposes=(Purpose.SERVICE_REMINDER, Purpose.COLLECTION),
        channels=(Channel.PHONE, Channel.AI_VOICE, Channel.WECOM),
        per=Per.CONTACT_POINT,
        of=ANY_OTHER,
        within=Within.MONTH,
        hours=None,
        most=6,
        used=0,
        left=6,
        zone="Asia/Shanghai",
        source="a test",
    )
    _render_budget(
        ContactBudget(UUID(int=1), "B-1", "CN", ["Asia/Shanghai"], AT, [limit]), "Asia/Shanghai"
    )

    assert "collection-messages-of-all-kinds-a-day" in read(screen)


def promise(state: str, on: date) -> PromiseMade:
    return PromiseMade(
        borrower_id=UUID(int=1),
        loan_id=UUID(int=2),
        loan_ref="L-XXXXX-XXXXX",
        promise_ref=f"PP-{on}",
        currency="CNY",
        amount=123_456_789_00,
        made_on=DAY,
        promised_on=on,
        state=state,
        received=123_456_789_00,
        collector="collector-1",
        strategy="recover the claim, by agency or legal",
    )


def test_open_promises_come_first_then_the_others_from_the_latest_on(screen: StringIO) -> None:
    days = [date(1995, 2, day) for day in (1, 2, 3, 4)]
    states = ("BROKEN", "OPEN", "KEPT", "OPEN")

    _render_promises(Promises([*map(promise, states, days)], [], []), 3)

    text = read(screen)
    places = [text.find(f"{day}") for day in (days[1], days[3], days[2])]
    assert -1 not in places and places == sorted(places)
    assert f"{days[0]}" not in text


def test_the_report_on_complaints_fits_a_screen(screen: StringIO) -> None:
    count = ComplaintCount(
        of="CREDIT_RECORD",
        received=1_234,
        resolved=1_234,
        still_open=0,
        resolution_rate=Decimal("0.505"),
        answered_in_time=1_234,
        resolved_in_time=1_234,
        upheld=1_234,
        escalated=1_234,
        reopened=1_234,
        median_hours_to_close=Decimal("1234.5"),
    )
    nobody = Satisfaction("ALL", 0, None, None)

    _render_report(RightsReport(None, DAY, count, [], [], nobody, []))

    text = read(screen)
    assert "record" in text and "(50.5%)" in text and "1,234.5" in text
