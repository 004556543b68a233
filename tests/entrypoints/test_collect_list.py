"""The worklist as a collector reads it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.base.contact_policy import Outcome
from entrypoints.collect_commands import Item, WayOpen, _came_of, _how, _render, _said, _to_do
from entrypoints.collect_show import Page, _lines
from infra.answers import PromiseShown
from tests.domain.borrower.test_contacts import TEN, ask, known, tell

AT = datetime(1999, 1, 1, 10, 0, tzinfo=UTC)
LATER = datetime(1999, 1, 1, 14, 30, tzinfo=UTC)
LETTER = WayOpen("LETTER", "V-AAAAA-AAAAA", True, None, [], somebody_else=False, script=None)
CALL = WayOpen("PHONE", "V-BBBBB-BBBBB", False, LATER, ["WINDOW"], somebody_else=False, script=None)


def item(**said: Any) -> Item:
    values: dict[str, Any] = {
        "loan_id": UUID(int=1),
        "loan_ref": "L-22222-22222",
        "borrower_ref": "B-11111-11111",
        "currency": "CNY",
        "amount_overdue": 4_434_03,
        "days_past_due": 1_226,
        "bucket": "M7",
        "out_of_reach": False,
        "strategy": "agency or legal",
        "behaviour": "PROMISE_OPEN",
        "collector": "anna",
        "agency": None,
        "ways": [LETTER, CALL],
        "refused": [],
        "promises": [PromiseShown("PP-1", "CNY", 608_33, date(1999, 1, 5), "OPEN", None)],
        "last_contact": "LETTER SENT",
        "last_at": datetime(1998, 12, 31, 23, 30, tzinfo=UTC),
        "left_alone_until": None,
        "check_in_due": None,
        "proposed": [],
        "at_law_since": None,
        "stale": False,
        **said,
    }
    return Item(**values)


def printed(capsys: pytest.CaptureFixture[str], *items: Item) -> str:
    _render(items, len(items), AT)
    return capsys.readouterr().out


def test_a_promise_is_an_amount_that_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, item())

    assert "4,434.03 CNY" in shown
    assert "M7, 1,226 days" in shown
    assert "608.33 CNY" in shown


def test_a_letter_does_not_hide_from_when_one_may_call(capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(printed(capsys, item()).split())

    assert "V-AAAAA-AAAAA" in words
    assert "V-BBBBB-BBBBB" in words


def test_who_may_not_be_contacted_is_shown_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = ["PHONE V-BBBBB-BBBBB: COOLDOWN"]

    assert "COOLDOWN" in printed(capsys, item(ways=[], refused=refused, promises=[]))


def test_who_keeps_a_plan_is_left_alone_until_a_day() -> None:
    kept = item(ways=[], left_alone_until=date(1999, 2, 1))

    assert _how(kept) == "left alone until 1999-02-01 while the plan holds"


def test_a_day_to_ask_again_that_has_come_is_on_the_list() -> None:
    due = item(check_in_due=date(1998, 12, 30))

    assert list(_to_do(due, AT)) == ["agency or legal", "ask again, due 1998-12-30", "by anna"]


def test_of_several_promises_the_next_one_is_shown() -> None:
    planned = [
        PromiseShown("PL-1/1", "CNY", 10_00, date(1999, 1, 2), "KEPT", 10_00),
        PromiseShown("PL-1/2", "CNY", 20_00, date(1999, 1, 5), "OPEN", None),
        PromiseShown("PL-1/3", "CNY", 30_00, date(1999, 1, 9), "OPEN", None),
    ]

    assert list(_said(item(promises=planned), AT))[-1] == "20.00 CNY by 01-05: open"


def test_what_was_said_in_another_year_is_told_with_the_year() -> None:
    broken = [PromiseShown("PP-1", "CNY", 20_00, date(1995, 2, 14), "BROKEN", 0)]

    assert list(_said(item(promises=broken), AT)) == [
        "LETTER SENT 1998-12-31 23:30Z",
        "20.00 CNY by 1995-02-14: broken",
    ]


def test_a_contact_that_was_allowed_is_not_called_made_before_somebody_told() -> None:
    ada = known()
    ask(ada, "C-1", at=TEN)
    before = _came_of(ada, "C-1")
    tell(ada, "C-1", Outcome.ATTEMPTED, TEN)

    assert before == "PHONE allowed, not told yet"
    assert _came_of(ada, "C-1") == "PHONE ATTEMPTED"


def test_what_a_strategy_proposes_is_to_be_decided() -> None:
    assert list(_to_do(item(proposed=["AGENCY", "LEGAL"], collector=None), AT)) == [
        "agency or legal",
        "decide: agency or legal",
    ]


def test_before_a_contact_each_stage_that_the_strategy_proposes_is_named() -> None:
    page = Page(item(proposed=["AGENCY", "LEGAL"]), [], None, [], "Claim: collect refer-legal.")

    lines = list(_lines(page))

    assert "The strategy proposes an agency: collect place (collect agencies lists them)." in lines
    assert "Claim: collect refer-legal." in lines


def test_what_is_claimed_at_law_is_contacted_by_nobody_of_the_house() -> None:
    claimed = item(at_law_since=date(1998, 12, 1), ways=[], collector=None)

    assert list(_to_do(claimed, AT)) == ["agency or legal", "at law since 1998-12-01"]
    assert _how(claimed) == "not by the house: claimed at law"
