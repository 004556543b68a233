"""What borrowers wrote and nobody has dealt with, on real PostgreSQL, for any past day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.reply_words import ReplyOutcome
from infra import reply_queries
from tests.infra.views_at_work import POLICIES, ViewsAtWork, act, borrower, views_at_work

MON, TUE = date(2026, 9, 7), date(2026, 9, 8)
TEN = datetime(2026, 9, 7, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def wrote(ada: Borrower, ref: str, text: str, at: datetime, keyword: str | None = None) -> None:
    ada.receive(
        act(MON),
        contact_ref=ref,
        channel=Channel.SMS,
        purpose=Purpose.CARE,
        received_at=at,
        keyword=keyword,
        said_ref=None if keyword else f"V-{ref}",
        found=() if keyword else POLICIES.words_among(text, "SMS", "CN", MON),
    )


def read(ada: Borrower, ref: str, outcome: ReplyOutcome, on: date) -> None:
    ada.read_reply(
        act(on, "chen"), contact_ref=ref, outcome=outcome, read_at=TEN + 9 * HOUR, refused_on=[]
    )


def test_who_waits_longest_comes_first_with_all_that_they_wrote(at_work: ViewsAtWork) -> None:
    ada, bob = borrower("Ada"), borrower("Bob")
    wrote(bob, "I-B1", "paid", TEN + HOUR)
    wrote(ada, "I-A1", "please stop", TEN)
    wrote(ada, "I-A2", "hello?", TEN + 2 * HOUR)
    wrote(ada, "I-A3", "T", TEN, keyword="T")
    at_work.show(ada, bob)

    found = reply_queries.replies(at_work.conn, MON, TEN + 3 * HOUR).found

    assert [(each.contact_ref, each.minutes_waiting, each.stage) for each in found.replies] == [
        ("I-A1", 180, "UNREAD"),
        ("I-A2", 60, "UNREAD"),
        ("I-B1", 120, "UNREAD"),
    ]
    assert (found.replies[0].found, found.replies[0].kept_back) == (["STOP"], ["SMS MARKETING"])
    assert found.unread == 3
    of_bob = reply_queries.replies(at_work.conn, MON, TEN, borrower_id=bob.id).found
    assert [each.contact_ref for each in of_bob.replies] == ["I-B1"]
    assert reply_queries.borrowers_who_wrote(at_work.conn, "I-A2") == [ada.id]


def test_what_was_dealt_with_is_told_as_it_was_known_on_a_day(at_work: ViewsAtWork) -> None:
    ada = borrower("Ada")
    wrote(ada, "I-1", "stop", TEN)
    wrote(ada, "I-2", "when?", TEN + HOUR)
    read(ada, "I-1", ReplyOutcome.NOTHING, MON)
    read(ada, "I-2", ReplyOutcome.QUESTION, MON)
    ada.answer_reply(act(TUE, "chen"), contact_ref="I-2", answered_at=TEN + 24 * HOUR)
    at_work.show(ada)

    then = reply_queries.replies(at_work.conn, MON, TEN + 10 * HOUR).found
    now = reply_queries.replies(at_work.conn, TUE, TEN + 30 * HOUR, with_done=True).found

    assert [(each.contact_ref, each.stage, each.read_by) for each in then.replies] == [
        ("I-2", "TO_ANSWER", "chen")
    ]
    assert (then.unread, then.to_answer) == (0, 1)
    assert [(each.contact_ref, each.stage, each.minutes_waiting) for each in now.replies] == [
        ("I-1", "DONE", 9 * 60),
        ("I-2", "DONE", 23 * 60),
    ]
    assert now.replies[0].kept_back == []
