"""The last record of each class that a borrower's stream knows of, for retention."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Channel, Outcome, Purpose
from domain.base.retention import RecordClass
from domain.borrower.contact import PastContact
from domain.borrower.contact_state import ContactState

SPOKE = (Outcome.CONNECTED, Outcome.CONVERSATION)
RECORDED_BY = {
    Channel.PHONE: RecordClass.CALL_RECORDING,
    Channel.AI_VOICE: RecordClass.AI_CALL_RECORDING,
}
"""Of which calls there may be recordings, of which class."""


def last_records(
    borrower: ContactState, zone: ZoneInfo, kept: Collection[str], over_on: date | None
) -> dict[str, date]:
    """The day of the last record of each class, by the lender's *zone*.

    *kept* are the classes that the jurisdiction has a floor for: recordings, and what was
    refused, count only there. *over_on* is the day on which the last loan was over: what
    was refused is kept as long from then, since the relationship lasted until then.
    """
    found: dict[str, date] = {}
    for contact in borrower.contacts.values():
        on = contact.at.astimezone(zone).date()
        for each in _classes(contact):
            if each in kept or each not in RECORDED_BY.values():
                found[each] = max(on, found.get(each, on))
    if borrower.opt_outs and RecordClass.OPT_OUT_STATE in kept:
        last = max(each.at for each in borrower.opt_outs).astimezone(zone).date()
        found[RecordClass.OPT_OUT_STATE] = max(last, over_on or last)
    return {str(name): on for name, on in found.items()}


def _classes(contact: PastContact) -> Iterator[RecordClass]:
    if contact.purpose == Purpose.COLLECTION:
        yield RecordClass.COLLECTION_RECORD
    if contact.outcome in (Outcome.SENT, Outcome.INBOUND):
        yield RecordClass.SEND_RECORD
    if contact.outcome in SPOKE and contact.channel in RECORDED_BY:
        yield RECORDED_BY[contact.channel]
