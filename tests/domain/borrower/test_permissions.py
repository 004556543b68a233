"""What the borrower agreed to or refused, and what stops contact until it ends."""

from __future__ import annotations

import pytest

from domain.base.contact_policy import Channel, ConsentScope, HoldKind, PointSource, Purpose
from domain.borrower.contact import Consent, ContactHold, ContactPoint, Intent, OptOut, Party
from tests.domain.borrower.asking import (
    AGREED,
    ALLOWED,
    advertising,
    answer,
    blocked,
    borrower,
    collecting,
    deferred,
    local,
)

MORNING = local("2026-09-10 10:30")
BEFORE = local("2026-08-20 10:31")
PASSING = (Purpose.STATUTORY, Purpose.RECEIPT)
OTHERS = [purpose for purpose in Purpose if purpose not in PASSING]


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "UK", "IN", "EU"])
def test_without_consent_nothing_is_advertised(jurisdiction: str) -> None:
    someone = borrower(jurisdiction, consents=())
    noon = local("2026-09-10 11:00", someone.zones[0])

    assert answer(advertising(), someone, noon) == blocked("CONSENT")
    assert answer(Intent(Purpose.CARE, Channel.PUSH), someone, noon) == ALLOWED


def test_a_consent_that_was_withdrawn_is_none_until_a_new_one() -> None:
    withdrawn = Consent(ConsentScope.MARKETING, AGREED.granted_at, withdrawn_at=BEFORE)
    anew = Consent(ConsentScope.MARKETING, MORNING)

    assert answer(advertising(), borrower(consents=(withdrawn,)), MORNING) == blocked("CONSENT")
    assert answer(advertising(), borrower(consents=(withdrawn, anew)), MORNING) == ALLOWED


@pytest.mark.parametrize(
    ("source", "scope"),
    [(PointSource.CALL_LOG, ConsentScope.CALL_LOG), (PointSource.CONTACTS, ConsentScope.CONTACTS)],
)
@pytest.mark.parametrize("purpose", [Purpose.COLLECTION, Purpose.STATUTORY, Purpose.RECEIPT])
def test_a_number_read_from_the_phone_needs_two_confirmations_for_every_purpose(
    purpose: Purpose, source: PointSource, scope: ConsentScope
) -> None:
    intent = Intent(purpose, Channel.PHONE, contact_point="n9", debt="d1")
    points = (ContactPoint("n9", Party.BORROWER, source),)
    once = borrower(contact_points=points, consents=(Consent(scope, BEFORE),))
    twice = borrower(contact_points=points, consents=(Consent(scope, BEFORE, BEFORE),))

    assert answer(intent, once, MORNING) == blocked("CONSENT")
    assert answer(intent, twice, MORNING) == ALLOWED


def test_two_consents_once_are_no_consent_twice() -> None:
    points = (ContactPoint("n1", Party.BORROWER, PointSource.CALL_LOG),)
    once = Consent(ConsentScope.CALL_LOG, BEFORE)

    found = answer(collecting(), borrower(contact_points=points, consents=(once, once)), MORNING)

    assert found == blocked("CONSENT")


def test_a_refusal_covers_its_channel_and_its_purpose() -> None:
    all_sms = borrower(opt_outs=(OptOut(BEFORE, Channel.SMS),))
    advertising_only = borrower(opt_outs=(OptOut(BEFORE, Channel.SMS, Purpose.MARKETING),))

    assert answer(advertising(), all_sms, MORNING) == blocked("OPT_OUT")
    assert answer(collecting(Channel.SMS), all_sms, MORNING) == blocked("OPT_OUT")
    assert answer(collecting(), all_sms, MORNING) == ALLOWED
    assert answer(advertising(), advertising_only, MORNING) == blocked("OPT_OUT")
    assert answer(collecting(Channel.SMS), advertising_only, MORNING) == ALLOWED


def test_who_refuses_calls_refuses_machines_too_but_not_the_other_way_round() -> None:
    no_calls = borrower(opt_outs=(OptOut(BEFORE, Channel.PHONE),))
    no_machines = borrower(opt_outs=(OptOut(BEFORE, Channel.AI_VOICE),))

    assert answer(collecting(Channel.AI_VOICE), no_calls, MORNING) == blocked("OPT_OUT")
    assert answer(collecting(Channel.PHONE), no_machines, MORNING) == ALLOWED


@pytest.mark.parametrize("purpose", list(Purpose))
def test_who_refuses_everything_gets_statutory_notices_and_receipts_only(purpose: Purpose) -> None:
    intent = Intent(purpose, Channel.WECOM, product_line="CONSUMER_LOAN")
    refused = borrower(opt_outs=(OptOut(BEFORE),))

    expected = ALLOWED if purpose in PASSING else blocked("OPT_OUT")
    assert answer(intent, refused, MORNING) == expected


def test_a_later_consent_does_not_undo_a_refusal() -> None:
    again = Consent(ConsentScope.MARKETING, MORNING)
    refused = borrower(opt_outs=(OptOut(BEFORE, Channel.SMS),), consents=(AGREED, again))

    assert answer(advertising(), refused, MORNING) == blocked("OPT_OUT")


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("kind", list(HoldKind))
def test_each_hold_stops_what_it_is_for(kind: HoldKind, purpose: Purpose) -> None:
    intent = Intent(purpose, Channel.PUSH, product_line="CONSUMER_LOAN")
    held = borrower(holds=(ContactHold(kind, BEFORE),))

    narrow = kind in (HoldKind.DISPUTE, HoldKind.COMPLAINT)
    stopped = purpose == Purpose.COLLECTION or (not narrow and purpose not in PASSING)
    assert answer(intent, held, MORNING) == (blocked("HOLD") if stopped else ALLOWED)


def test_a_hold_on_one_debt_leaves_another_free_but_no_contact_without_a_debt() -> None:
    disputed = borrower(holds=(ContactHold(HoldKind.DISPUTE, BEFORE, debt="d1"),))

    assert answer(collecting(debt="d1"), disputed, MORNING) == blocked("HOLD")
    assert answer(collecting(debt="d2"), disputed, MORNING) == ALLOWED
    assert answer(collecting(debt=None), disputed, MORNING) == blocked("HOLD")


def test_a_hold_without_a_debt_binds_every_debt() -> None:
    held = borrower(holds=(ContactHold(HoldKind.COMPLAINT, BEFORE),))

    assert answer(collecting(debt="d2"), held, MORNING) == blocked("HOLD")


def test_a_hold_is_over_at_its_last_instant_and_the_next_hours_are_waited_for() -> None:
    night = local("2026-09-12 22:00")
    held = borrower(holds=(ContactHold(HoldKind.COMPLAINT, BEFORE, until=night),))
    ended = borrower(holds=(ContactHold(HoldKind.COMPLAINT, BEFORE, until=MORNING),))

    assert answer(collecting(), held, MORNING) == deferred(local("2026-09-13 08:00"), "HOLD")
    assert answer(collecting(), ended, MORNING) == ALLOWED


def test_what_is_known_only_later_does_not_count_and_what_is_known_now_does() -> None:
    later = local("2026-09-10 10:30:01")

    assert answer(advertising(), borrower(opt_outs=(OptOut(later),)), MORNING) == ALLOWED
    assert answer(advertising(), borrower(opt_outs=(OptOut(MORNING),)), MORNING) == blocked(
        "OPT_OUT"
    )
    withdrawn = Consent(ConsentScope.MARKETING, BEFORE, withdrawn_at=later)
    assert answer(advertising(), borrower(consents=(withdrawn,)), MORNING) == ALLOWED
    held = borrower(holds=(ContactHold(HoldKind.CEASE, later),))
    assert answer(advertising(), held, MORNING) == ALLOWED
    withdrawn_now = Consent(ConsentScope.MARKETING, BEFORE, withdrawn_at=MORNING)
    assert answer(advertising(), borrower(consents=(withdrawn_now,)), MORNING) == blocked("CONSENT")
