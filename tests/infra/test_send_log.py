"""The send log ends where its retention floors allow it, and no day before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.contacts import Result, Trial
from domain.commands import contacts
from infra.channels import journal
from infra.channels.inbox import Inbox, Kind
from infra.channels.message import Answer
from infra.channels.message import Result as Sent
from infra.migrations.run import migrate
from infra.send_log import FloorAhead, Kept, Purged, SendLog
from tests.infra.channels.sealing import TestSeal
from tests.infra.office import ON, TEN, Office, open_office

DAY = timedelta(days=1)
MAY_23 = date(2026, 5, 23)
"""Six months before the day on which the tests purge."""


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    migrate(database_url)
    with open_office(database_url, tmp_path) as opened:
        yield opened


def finished(office: Office, refs: list[str], on: date, purpose: Purpose = Purpose.CARE) -> None:
    """These were sent on a day, and a receipt came for each."""
    with office.writer() as conn:
        journal.begin(conn, refs, "sms")
        journal.end(
            conn, [Sent(contact_ref=ref, answer=Answer.ACCEPTED, provider="sms") for ref in refs]
        )
        inbox = Inbox(conn, TestSeal())
        for ref in refs:
            inbox.put("sms", f"w-{ref}", Kind.RECEIPT, {}, contact_ref=ref)
        with conn.transaction():
            for item in inbox.take(100):
                inbox.done(item.id)
        conn.execute(
            "UPDATE contact.queue SET state = 'DONE', changed_at = %(at)s, purpose = %(purpose)s"
            " WHERE contact_ref = ANY(%(refs)s)",
            {"at": f"{on} 12:00+08", "purpose": purpose, "refs": refs},
        )
        conn.execute(
            "UPDATE contact.sending SET began_at = %(at)s, ended_at = %(at)s"
            " WHERE contact_ref = ANY(%(refs)s)",
            {"at": f"{on} 12:00+08", "refs": refs},
        )
        conn.execute(
            "UPDATE contact.inbox SET ended_at = %(at)s WHERE contact_ref = ANY(%(refs)s)",
            {"at": f"{on} 12:00+08", "refs": refs},
        )


def purged(office: Office, before: date, on: date = ON) -> Purged:
    with office.writer() as conn:
        return SendLog(office.book, conn, "Asia/Shanghai", on).purge(before)


def collected(office: Office, borrower_id: UUID) -> None:
    """A collector spoke with the borrower on the day on which the tests purge."""
    (point,) = office.book.get(Borrower, borrower_id).points
    intent = Intent(Purpose.COLLECTION, Channel.PHONE, contact_point=point)
    contacts.decide(
        office.book,
        office.act(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        intent=intent,
        at=TEN,
        occasion="test",
    )
    contacts.tell(
        office.book,
        office.act(),
        borrower_id=borrower_id,
        contact_ref="C-1",
        result=Result(Outcome.CONVERSATION, TEN),
    )


def test_what_was_sent_goes_after_six_months(office: Office) -> None:
    old, young, waiting = office.queue(office.people(3))
    finished(office, [old], MAY_23 - DAY)
    finished(office, [young], MAY_23)
    before = list(office.book.recorder.select_notifications(start=1, limit=100))

    assert purged(office, MAY_23) == Purged(MAY_23, queue=1, sending=1, inbox=1, kept=[])

    assert set(office.lines()) == {young, waiting}
    assert list(office.book.recorder.select_notifications(start=1, limit=100)) == before


def test_what_was_planned_in_an_experiment_stays_so_that_its_result_does(office: Office) -> None:
    (ref,) = office.queue(office.people(1), trial=Trial("hold-out", "NO_REMINDER"))
    finished(office, [ref], MAY_23 - DAY)

    found = purged(office, MAY_23)

    assert (found.queue, found.sending, found.inbox) == (0, 0, 1)
    assert [(each.record_class, each.lines) for each in found.kept] == [("EXPERIMENT", 1)]
    assert set(office.lines()) == {ref}


def test_a_day_on_which_records_must_still_be_kept_is_refused_with_the_floor(
    office: Office,
) -> None:
    (ref,) = office.queue(office.people(1))
    finished(office, [ref], MAY_23)

    with pytest.raises(FloorAhead, match=r"SEND_RECORD of retention-1: give --before 2026-05-24"):
        purged(office, MAY_23 + 2 * DAY)

    with pytest.raises(FloorAhead, match="of 2026-11-23 are kept until 2027-05-23"):
        purged(office, date.max)
    assert set(office.lines()) == {ref}
    assert purged(office, MAY_23 + DAY).queue == 1


def test_what_is_about_collection_stays_as_long_as_its_jurisdiction_says(office: Office) -> None:
    (ref,) = office.queue(office.people(1))
    finished(office, [ref], date(2021, 11, 24), Purpose.COLLECTION)
    stays = [Kept("COLLECTION_RECORD", "CN", "retention-1", 2)]

    assert purged(office, MAY_23) == Purged(MAY_23, 0, 0, 0, stays)
    assert purged(office, MAY_23, ON + DAY) == Purged(MAY_23, queue=1, sending=1, inbox=1, kept=[])


def test_collection_that_goes_on_keeps_what_was_sent_before(office: Office) -> None:
    people = office.people(1)
    (ref,) = office.queue(people)
    finished(office, [ref], date(2020, 1, 1), Purpose.COLLECTION)
    collected(office, people[0])

    found = purged(office, MAY_23)

    assert (found.queue, [each.record_class for each in found.kept]) == (0, ["COLLECTION_RECORD"])


def test_what_nobody_can_tell_whose_it_is_stays_longest(office: Office) -> None:
    finished(office, ["stray"], date(2020, 11, 24))

    assert purged(office, MAY_23).kept == [Kept("COLLECTION_RECORD", "", "retention-1", 2)]
    assert purged(office, MAY_23, ON + DAY) == Purged(MAY_23, queue=0, sending=1, inbox=1, kept=[])


def test_what_waits_is_never_removed(office: Office) -> None:
    office.queue(office.people(2))
    with office.writer() as conn:
        conn.execute("UPDATE contact.queue SET changed_at = '2000-01-01'")
        Inbox(conn, TestSeal()).put("sms", "w-1", Kind.REPLY, {}, contact_ref=None)

    assert purged(office, MAY_23) == Purged(MAY_23, 0, 0, 0, [])
