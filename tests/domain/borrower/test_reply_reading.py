"""What a borrower writes in words waits for a reader, and what may be a refusal is heeded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import cast

import pytest

from domain.base.contact_policy import Channel, ConsentScope, Outcome, Purpose
from domain.base.stream import Stream
from domain.borrower import refusals as no
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.gate import Answer, Decision
from domain.borrower.replies import BeforeItCame, NoRefusal, ReplyOver, ReplyUnknown, ReplyUnread
from domain.borrower.reply_words import ReplyOutcome
from domain.borrower.why import replayed as made_again
from infra.policies import load_policies
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.test_contacts import DUNNING, RULES, TEN, ask, known, tell
from tests.domain.story import BORROWER_ID, act, replayed, state

POLICIES = load_policies()
DAY = date(2026, 9, 10)
MINUTE = timedelta(minutes=1)
CARE = Intent(Purpose.CARE, Channel.SMS, contact_point="P-1")
ADVERT = Intent(Purpose.MARKETING, Channel.SMS, contact_point="P-1")


def consenting() -> Borrower:
    """Someone who may be sent advertisements."""
    borrower = known()
    borrower.grant_consent(
        act(),
        scope=ConsentScope.MARKETING,
        source="APP",
        lawful_basis="CONSENT",
        granted_at=TEN - timedelta(hours=1),
    )
    return borrower


def wrote(borrower: Borrower, text: str, ref: str = "I-1", channel: Channel = Channel.SMS) -> None:
    borrower.receive(
        act(),
        contact_ref=ref,
        channel=channel,
        purpose=Purpose.CARE,
        received_at=TEN - MINUTE,
        point_ref="P-1",
        said_ref="V-1",
        found=POLICIES.words_among(text, str(channel), "CN", DAY),
    )


def read(borrower: Borrower, outcome: ReplyOutcome, ref: str = "I-1", **said: object) -> None:
    fields = {"read_at": TEN + MINUTE, "refused_on": [Channel.SMS], **said}
    borrower.read_reply(act(), contact_ref=ref, outcome=outcome, **fields)  # type: ignore[arg-type]


def objections(found: Decision | None) -> list[tuple[str, str]]:
    assert found is not None
    return [(each.reason, each.rule) for each in found.objections]


def standing(borrower: Borrower) -> list[tuple[object, ...]]:
    return [(each.at, each.channel, each.purpose) for each in borrower.opt_outs]


def test_marketing_waits_until_somebody_read_what_may_be_a_refusal() -> None:
    borrower = consenting()
    wrote(borrower, "please stop sending me these")

    before = ask(borrower, "C-1", ADVERT)
    read(borrower, ReplyOutcome.NOTHING)
    after = ask(borrower, "C-2", ADVERT, TEN + 2 * MINUTE)

    assert before is not None
    assert before.answer == Answer.BLOCK
    assert ("OPT_OUT", "unread-reply-sms") in objections(before)
    assert [each.version for each in before.objections if each.rule == "unread-reply-sms"] == [
        "among-others-1"
    ]
    assert after is not None
    assert after.answer == Answer.ALLOW
    assert standing(borrower) == []


def test_only_marketing_on_the_channel_it_came_by_waits_for_a_reader() -> None:
    borrower = consenting()
    wrote(borrower, "别再发了", channel=Channel.WECOM)

    allowed = ask(borrower, "C-1", ADVERT)
    wrote(borrower, "T 谢谢", "I-2")
    care = ask(borrower, "C-2", CARE, TEN + MINUTE)

    assert allowed is not None
    assert care is not None
    assert (allowed.answer, care.answer) == (Answer.ALLOW, Answer.ALLOW)


def test_an_answer_without_such_a_word_holds_nothing_up_and_waits_all_the_same() -> None:
    borrower = consenting()
    wrote(borrower, "周五还款")

    found = ask(borrower, "C-1", ADVERT)

    assert found is not None
    assert found.answer == Answer.ALLOW
    assert [each.rule for each in found.judged_by if "unread" in each.rule] == []
    assert borrower.replies["I-1"].is_unread


def test_a_refusal_that_a_reader_finds_counts_from_when_it_came() -> None:
    borrower = consenting()
    wrote(borrower, "I do not want these messages")

    read(borrower, ReplyOutcome.REFUSED, refused_on=[Channel.SMS, Channel.AI_VOICE])

    assert standing(borrower) == [
        (TEN - MINUTE, Channel.SMS, None),
        (TEN - MINUTE, Channel.AI_VOICE, None),
    ]
    said = [each for each in borrower.pending_events if isinstance(each, Borrower.OptedOut)]
    assert {(each.source, each.keyword, each.contact_ref) for each in said} == {
        ("REPLY", None, "I-1")
    }
    refused = ask(borrower, "C-1", CARE, TEN + 2 * MINUTE)
    assert refused is not None
    assert refused.answer == Answer.BLOCK


def test_a_refusal_of_one_purpose_leaves_the_others() -> None:
    borrower = consenting()
    wrote(borrower, "no more advertisements")

    read(borrower, ReplyOutcome.REFUSED, purpose=Purpose.MARKETING)

    assert standing(borrower) == [(TEN - MINUTE, Channel.SMS, Purpose.MARKETING)]


def test_what_is_read_twice_is_recorded_once_and_another_finding_counts() -> None:
    borrower = consenting()
    wrote(borrower, "stop it")
    read(borrower, ReplyOutcome.REFUSED)
    before = state(borrower)

    read(borrower, ReplyOutcome.REFUSED)
    same = state(borrower)
    read(borrower, ReplyOutcome.QUESTION)

    assert before == same
    assert borrower.replies["I-1"].outcome == "QUESTION"
    assert borrower.replies["I-1"].awaits_answer
    assert standing(borrower) == [(TEN - MINUTE, Channel.SMS, None)]


def test_what_asks_for_an_answer_waits_for_it_and_names_the_contact_that_gave_it() -> None:
    borrower = consenting()
    wrote(borrower, "when is it due?")
    with pytest.raises(ReplyUnread):
        borrower.answer_reply(act(), contact_ref="I-1", answered_at=TEN)
    read(borrower, ReplyOutcome.QUESTION)
    ask(borrower, "C-1", CARE, TEN + 2 * MINUTE)
    tell(borrower, "C-1", Outcome.SENT, TEN + 2 * MINUTE)

    borrower.answer_reply(act(), contact_ref="I-1", answered_at=TEN + 3 * MINUTE, answered_by="C-1")
    before = state(borrower)
    borrower.answer_reply(act(), contact_ref="I-1", answered_at=TEN + 9 * MINUTE, answered_by="C-1")

    assert state(borrower) == before
    assert (borrower.replies["I-1"].answered_by, borrower.replies["I-1"].awaits_answer) == (
        "C-1",
        False,
    )
    with pytest.raises(ReplyOver):
        borrower.answer_reply(act(), contact_ref="I-1", answered_at=TEN + 9 * MINUTE)


def test_an_answer_names_a_contact_that_was_made_after_the_question() -> None:
    borrower = consenting()
    ask(borrower, "C-0", at=TEN - 5 * MINUTE)
    tell(borrower, "C-0", Outcome.CONVERSATION, TEN - 5 * MINUTE)
    wrote(borrower, "when is it due?")
    read(borrower, ReplyOutcome.QUESTION)

    for wrong, refusal in (("C-0", BeforeItCame), ("C-9", no.ContactUnknown), ("I-1", None)):
        with pytest.raises(refusal or no.ContactUnknown):
            borrower.answer_reply(act(), contact_ref="I-1", answered_at=TEN, answered_by=wrong)


def test_nothing_is_read_that_nobody_wrote_or_before_it_came() -> None:
    borrower = consenting()
    wrote(borrower, "hello")
    borrower.receive(
        act(),
        contact_ref="I-2",
        channel=Channel.PHONE,
        purpose=Purpose.CARE,
        received_at=TEN,
        said_ref="V-2",
    )

    for ref in ("I-2", "I-9"):
        with pytest.raises(ReplyUnknown):
            read(borrower, ReplyOutcome.NOTHING, ref)
    with pytest.raises(BeforeItCame):
        read(borrower, ReplyOutcome.NOTHING, read_at=TEN - 2 * MINUTE)
    with pytest.raises(NoRefusal):
        read(borrower, ReplyOutcome.NOTHING, purpose=Purpose.MARKETING)


def test_a_decision_made_while_a_reply_was_unread_comes_out_the_same_again() -> None:
    borrower = consenting()
    wrote(borrower, "please stop")
    ask(borrower, "C-1", ADVERT)
    read(borrower, ReplyOutcome.NOTHING)
    ask(borrower, "C-2", ADVERT, TEN + 2 * MINUTE)
    ask(borrower, "C-3", DUNNING, TEN + 3 * MINUTE)

    found = list(
        made_again(
            cast("list[Stream.Event]", borrower.pending_events),
            lambda event: RULES.at_versions((each.rule, each.version) for each in event.judged_by),
            lambda _: None,
        )
    )

    assert [each.differs for each in found] == [None, None, None]


def test_what_waits_for_a_reader_survives_replay_and_snapshot() -> None:
    borrower = consenting()
    wrote(borrower, "STOP please")
    wrote(borrower, "paid", "I-2")
    read(borrower, ReplyOutcome.PAID, "I-2")

    again = replayed(borrower.pending_events)
    kept = from_snapshot(Borrower, BORROWER_ID, borrower.version, to_snapshot(borrower))

    assert isinstance(kept, Borrower)
    assert again.replies == kept.replies == borrower.replies
    found = [ask(each, "C-1", ADVERT) for each in (borrower, again, kept)]
    assert found[0] == found[1] == found[2]
    assert objections(found[0])[-1] == ("OPT_OUT", "unread-reply-sms")
