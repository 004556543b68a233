"""The way out: a message that no provider may carry is refused before it takes a place."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact import Intent, OptOut, Route, RouteState
from domain.borrower.gate import NO_RULE, Answer, decide
from tests.domain.borrower.asking import SHIPPED, borrower, collecting, local

TEN = local("2026-09-10 10:00")
OPEN = Route(RouteState.OPEN, "provider-cn-sms-main", "providers-1")
EXPIRED = Route(RouteState.LICENCE_EXPIRED, "provider-cn-sms-main", "providers-1")


def test_an_expired_licence_blocks_the_contact_and_names_the_provider() -> None:
    found = decide(collecting(Channel.SMS), borrower(), SHIPPED, TEN, EXPIRED)

    assert (found.answer, found.because) == (Answer.BLOCK, ["LICENCE_EXPIRED"])
    (against,) = found.objections
    assert (against.rule, against.version) == ("provider-cn-sms-main", "providers-1")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RouteState.NO_ROUTE, "NO_ROUTE"),
        (RouteState.DISABLED, "NO_ROUTE"),
        (RouteState.UNLICENSED, "UNLICENSED"),
    ],
)
def test_without_a_way_out_nothing_is_sent(state: RouteState, reason: str) -> None:
    found = decide(collecting(Channel.SMS), borrower(), SHIPPED, TEN, Route(state))

    assert (found.answer, found.because) == (Answer.BLOCK, [reason])
    assert found.objections[0].rule == NO_RULE


@pytest.mark.parametrize("purpose", [Purpose.STATUTORY, Purpose.RECEIPT])
def test_what_is_owed_passes_holds_and_needs_a_way_out_too(purpose: Purpose) -> None:
    found = decide(Intent(purpose, Channel.SMS), borrower(), SHIPPED, TEN, EXPIRED)

    assert found.because == ["LICENCE_EXPIRED"]


def test_the_way_out_stands_beside_all_other_reasons_and_no_waiting_cures_it() -> None:
    refused = borrower(opt_outs=(OptOut(TEN),))

    found = decide(collecting(Channel.SMS), refused, SHIPPED, local("2026-09-10 22:00"), EXPIRED)

    assert (found.answer, found.because) == (Answer.BLOCK, ["LICENCE_EXPIRED", "OPT_OUT", "WINDOW"])


def test_an_open_way_allows_nothing_and_forbids_nothing() -> None:
    for purpose, channel, hours in product(Purpose, Channel, (0, 12)):
        at = TEN + timedelta(hours=hours)
        intent = Intent(purpose, channel)

        assert decide(intent, borrower(), SHIPPED, at, OPEN) == decide(
            intent, borrower(), SHIPPED, at
        )
