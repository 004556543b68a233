"""A keyword that a borrower answers counts at once, and no further than it says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.base.reply_keyword import Keyword
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.gate import Answer
from infra.policies import load_policies
from tests.domain.borrower.test_borrower import registered
from tests.domain.borrower.test_contacts import RULES, TEN, add_point, known
from tests.domain.story import act, replayed, state

HOUR = timedelta(hours=1)


def keyword(text: str, on: date = date(2026, 9, 10), jurisdiction: str = "CN") -> Keyword:
    found = load_policies().keyword_in(text, jurisdiction, on)
    assert found is not None
    return found


def answered(borrower: Borrower, text: str, at: datetime = TEN, ref: str = "I-1") -> None:
    said = keyword(text)
    borrower.receive(
        act(),
        contact_ref=ref,
        channel=Channel.SMS,
        purpose=Purpose.CARE,
        received_at=at,
        point_ref="P-1",
        keyword=said.word,
    )
    borrower.heed_keyword(act(), keyword=said, channel=Channel.SMS, contact_ref=ref, said_at=at)


def may_be_sent(borrower: Borrower, purpose: Purpose, at: datetime = TEN) -> bool:
    found = borrower.decide_contact(
        act(),
        contact_ref=f"C-{at:%d%H%M}-{purpose}",
        intent=Intent(purpose, Channel.SMS, contact_point="P-1"),
        policies=RULES,
        at=at,
        occasion="test",
    )
    assert found is not None
    return found.answer == Answer.ALLOW


def refused(borrower: Borrower) -> list[tuple[Channel | None, Purpose | None]]:
    return [(each.channel, each.purpose) for each in borrower.opt_outs]


def test_a_borrower_who_answers_t_gets_no_more_messages_but_receipts() -> None:
    borrower = known()

    answered(borrower, "T")

    event = borrower.pending_events[-1]
    assert isinstance(event, Borrower.OptedOut)
    assert (event.keyword, event.source, event.contact_ref) == ("T", "REPLY", "I-1")
    assert (event.channel, event.purpose, event.opted_out_at) == (Channel.SMS, None, TEN)
    assert not may_be_sent(borrower, Purpose.CARE)
    assert not may_be_sent(borrower, Purpose.COLLECTION, TEN + HOUR)
    assert may_be_sent(borrower, Purpose.RECEIPT, TEN + HOUR)
    assert state(replayed(borrower.pending_events)) == state(borrower)


def test_a_refusal_said_twice_is_recorded_once() -> None:
    borrower = known()
    answered(borrower, "T")

    answered(borrower, "td", TEN + HOUR, "I-2")

    assert refused(borrower) == [(Channel.SMS, None)]


def test_a_refusal_is_taken_back_by_the_channel_it_was_made_for() -> None:
    borrower = known()
    borrower.opt_out(
        act(), channel=Channel.EMAIL, purpose=None, source="APP", opted_out_at=TEN - HOUR
    )
    answered(borrower, "T")

    answered(borrower, "start", TEN + HOUR, "I-2")

    assert refused(borrower) == [(Channel.EMAIL, None)]
    assert may_be_sent(borrower, Purpose.CARE, TEN + 2 * HOUR)


def test_who_refused_everything_is_not_written_to_because_of_one_word() -> None:
    borrower = known()
    borrower.opt_out(act(), channel=None, purpose=None, source="LETTER", opted_out_at=TEN - HOUR)

    answered(borrower, "START")

    assert refused(borrower) == [(None, None)]


@pytest.mark.parametrize("heard_first", ["refusal", "taking back"])
def test_what_was_answered_last_counts_whichever_is_heard_first(heard_first: str) -> None:
    borrower = known()
    answered(borrower, "T", TEN - HOUR, "I-0")
    if heard_first == "refusal":
        answered(borrower, "T", TEN + HOUR, "I-2")
        answered(borrower, "START", TEN, "I-1")
    else:
        answered(borrower, "START", TEN, "I-1")
        answered(borrower, "T", TEN + HOUR, "I-2")

    assert refused(borrower) == [(Channel.SMS, None)]


def test_a_word_that_refuses_some_purposes_leaves_the_others() -> None:
    borrower = registered()
    add_point(borrower)
    said = Keyword("ADS", keyword("T").meaning, ("WECOM",), ("CARE", "MARKETING"), None)

    borrower.heed_keyword(
        act(), keyword=said, channel=Channel.SMS, contact_ref="I-1", said_at=TEN.astimezone(UTC)
    )

    assert set(refused(borrower)) == {
        (channel, purpose)
        for channel in (Channel.SMS, Channel.WECOM)
        for purpose in (Purpose.CARE, Purpose.MARKETING)
    }
