"""What staff read of one borrower."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console

from domain.base.contact_policy import Channel, ConsentScope, LateReason, Outcome, Purpose
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import ALL_DAY, OwnHours
from domain.borrower.data_rights import Measure, MeasureKind
from domain.borrower.restriction import Restriction
from entrypoints import output
from entrypoints.borrower_page import (
    BorrowerPage,
    ComplaintShown,
    LoanCollected,
    page_of,
    render_page,
)
from tests.domain.borrower.test_borrower import promise, set_hold
from tests.domain.borrower.test_contacts import TEN, add_point, ask, known, tell
from tests.domain.story import JAN_15, LOAN_ID, act

ON = date(2025, 1, 20)


def page(borrower: Borrower, last: int = 10) -> BorrowerPage:
    return page_of(borrower, TEN, ON, last)


def read(found: BorrowerPage) -> str:
    """The page as a person reads it."""
    with output.out.capture() as printed:
        render_page(found)
    return printed.get()


def full() -> Borrower:
    """A borrower of whom much is known."""
    ada = known()
    add_point(ada, "P-2")
    ada.block_contact_point(act(), point_ref="P-2", reason="dead", blocked_at=TEN)
    ada.set_language(act(), language="en", source="CALL")
    ada.grant_consent(
        act(), scope=ConsentScope.MARKETING, source="APP", lawful_basis="CONSENT", granted_at=TEN
    )
    ada.opt_out(
        act(), channel=Channel.SMS, purpose=Purpose.MARKETING, source="CALL", opted_out_at=TEN
    )
    wishes = [
        OwnHours("18:00", "20:00", only=True, weekdays=["SAT"]),
        OwnHours(*ALL_DAY, only=True, channel="SMS", not_before_on=ON),
    ]
    ada.set_own_hours(act(), hours=wishes, source="CALL", set_at=TEN)
    ask(ada, "C-1", at=TEN)
    ask(ada, "C-0", at=TEN + timedelta(days=2, hours=8))
    set_hold(ada, "H-1", until_on=date(2025, 1, 18))
    set_hold(ada, "H-2", loan_ids=[LOAN_ID])
    promise(ada)
    ada.assign_collector(act(), collector="lin")
    ada.record_late_reason(act(), loan_id=LOAN_ID, reason=LateReason.ILLNESS, source="borrower")
    return ada


def test_what_stands_comes_before_what_is_over() -> None:
    found = page(full())

    assert [(each.hold_ref, each.stands) for each in found.holds] == [("H-2", True), ("H-1", False)]
    assert len(found.holds[0].loan_refs) == 1
    assert (found.language, found.collector, found.loans[0].reason) == ("en", "lin", "ILLNESS")


def test_a_contact_point_says_what_keeps_it_from_being_used() -> None:
    assert [(each.point_ref, each.against) for each in page(full()).points] == [
        ("P-1", None),
        ("P-2", "BLOCKED"),
    ]


def test_the_last_contacts_are_shown_the_latest_first() -> None:
    ada = known()
    for number in range(3):
        ask(ada, f"C-{number}", at=TEN + timedelta(hours=number))
        tell(ada, f"C-{number}", Outcome.ATTEMPTED, TEN + timedelta(hours=number))
    ask(ada, "C-3", at=TEN + timedelta(hours=3))

    found = page(ada, last=2)

    assert found.contacts_in_all == 4
    assert [(each.contact_ref, each.open) for each in found.contacts] == [
        ("C-3", True),
        ("C-2", False),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "speaks en",
        "CEASE hold H-2, since 2025-01-15",
        "Holds that do not stand: CEASE 2025-01-15 to 2025-01-18",
        "Refused marketing sms",
        "Asked for: only 18:00-20:00 on Sat",
        "Asked for: no contact by sms before 2025-01-20",
        "Consent to marketing: given 2026-09-10",
        "Collector: lin",
        "100.00 CNY",
        "illness",
        "blocked",
    ],
)
def test_the_page_reads_well(said: str) -> None:
    assert said in read(page(full()))


def test_the_page_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "out", Console(width=100, highlight=False))
    found = full_of_long_references()

    assert max(len(line) for line in read(found).splitlines()) <= 100


def full_of_long_references() -> BorrowerPage:
    """A page whose references are as long as those that we make ourselves."""
    own = "C-712f3355-b7bb-46e0-9db1-39bafa0f2aa1"
    found = page(full())
    contacts = [
        replace(each, contact_ref=own, point_ref="mobile-of-brother", loan_ref="L-XXXXX-XXXXX")
        for each in found.contacts
    ]
    complaint = ComplaintShown(own, "SEVERE", "COLLECTION_CONDUCT", "ESCALATED", TEN, None, None)
    late = LoanCollected(
        loan_ref="L-XXXXX-XXXXX",
        bucket="WRITTEN_OFF",
        behaviour="PROMISE_BROKEN",
        strategy="recover the claim, by agency or legal",
        since_on=ON,
        agency=None,
        placed_on=None,
        reason="UNEMPLOYMENT",
        at_law_since=JAN_15,
        claimed=123_456_789_00,
        currency="CZK",
    )
    return replace(found, contacts=contacts, complaints=[complaint], loans=[late])


def test_the_page_says_what_the_vault_and_contracts_keep_back() -> None:
    ada = known()
    taken_at = datetime(2025, 1, 15, 5, tzinfo=UTC)
    restricted = Measure(7, MeasureKind.RESTRICTED, JAN_15, taken_at, ON, None, None, None)
    ada.tell_measure(act(), restricted)
    ada.restrict_contact(
        act(), Restriction("K-1", LOAN_ID, channels=["VISIT"]), reason="agreed", restricted_at=TEN
    )

    before = " ".join(read(page_of(ada, TEN, ON - timedelta(days=1), 10)).split())
    after = read(page_of(ada, TEN, ON, 10))

    assert "Data only stored since 2025-01-15, until 2025-01-20: only notices and" in before
    assert "By contract: K-1, L-" in before and "by VISIT: never" in before
    assert "Data only stored" not in after


def test_of_what_is_not_there_nothing_is_said() -> None:
    ada = Borrower.register(
        act(), known().id, borrower_ref="B-1", jurisdiction="CN", zones=["Asia/Shanghai"]
    )

    words = read(page_of(ada, datetime(2025, 1, 15, 2, tzinfo=UTC), JAN_15, 10))

    assert words.splitlines() == [
        "B-1  CN  version 1, business date 2025-01-15",
        "Wed 2025-01-15 10:00 Asia/Shanghai",
        "Collector: nobody in particular",
    ]


def test_what_the_borrower_wrote_waits_to_be_read() -> None:
    ada = known()
    ada.receive(
        act(),
        contact_ref="I-1",
        channel=Channel.SMS,
        purpose=Purpose.COLLECTION,
        received_at=TEN,
        said_ref="V-1",
    )

    found = page(ada)

    assert [(each.contact_ref, each.to_do) for each in found.replies] == [("I-1", "READ")]
    assert "To read: I-1 by sms, 2026-09-10 02:00Z" in read(found)
