"""Until when records about a borrower are kept: the last of each class."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.retention import RecordClass, retained
from domain.borrower.contact import OptOut, PastContact
from domain.borrower.contact_state import ContactState
from domain.borrower.records_kept import last_records
from infra.policies import load_policies

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAY_1 = datetime(2025, 5, 1, 18, 0, tzinfo=UTC)
"""The second of May in Shanghai."""
MAY_2, JUNE_30 = date(2025, 5, 2), date(2025, 6, 30)
EVERY = list(RecordClass)


def one(**said: PastContact) -> ContactState:
    borrower = ContactState()
    borrower.contacts = dict(said)
    return borrower


def call(channel: Channel, outcome: Outcome) -> PastContact:
    return PastContact(MAY_1, Purpose.COLLECTION, channel, outcome)


def test_what_was_refused_is_kept_from_the_day_the_last_loan_was_over() -> None:
    borrower = ContactState()
    borrower.opt_outs = [OptOut(MAY_1, Channel.SMS, None)]

    found = last_records(borrower, SHANGHAI, EVERY, JUNE_30)

    assert found == {"OPT_OUT_STATE": JUNE_30}
    floors = load_policies().floors_of("CN", JUNE_30)
    kept = retained(floors, found)
    assert kept is not None
    assert kept.until == date(2025, 11, 30)


def test_what_was_refused_without_a_loan_is_kept_from_its_own_day() -> None:
    borrower = ContactState()
    borrower.opt_outs = [OptOut(MAY_1, None, None)]

    assert last_records(borrower, SHANGHAI, EVERY, None) == {"OPT_OUT_STATE": MAY_2}


def test_who_refused_nothing_has_no_record_of_it() -> None:
    assert last_records(ContactState(), SHANGHAI, EVERY, JUNE_30) == {}


def test_a_call_that_was_answered_may_have_been_recorded() -> None:
    spoken = one(a=call(Channel.PHONE, Outcome.CONVERSATION))
    machine = one(a=call(Channel.AI_VOICE, Outcome.CONNECTED))
    unanswered = one(a=call(Channel.PHONE, Outcome.ATTEMPTED))

    of_all = [last_records(each, SHANGHAI, EVERY, None) for each in (spoken, machine, unanswered)]

    assert of_all == [
        {"COLLECTION_RECORD": MAY_2, "CALL_RECORDING": MAY_2},
        {"COLLECTION_RECORD": MAY_2, "AI_CALL_RECORDING": MAY_2},
        {"COLLECTION_RECORD": MAY_2},
    ]


def test_where_no_rule_keeps_recordings_or_refusals_they_hold_up_no_erasure() -> None:
    borrower = one(a=call(Channel.PHONE, Outcome.CONVERSATION))
    borrower.opt_outs = [OptOut(MAY_1, None, None)]

    found = last_records(borrower, SHANGHAI, ["COLLECTION_RECORD"], JUNE_30)

    assert found == {"COLLECTION_RECORD": MAY_2}


def test_what_was_sent_or_came_in_is_a_send_record() -> None:
    sent = PastContact(MAY_1, Purpose.CARE, Channel.SMS, Outcome.SENT)

    assert last_records(one(a=sent), SHANGHAI, [], None) == {"SEND_RECORD": MAY_2}
