"""Notices and receipts pass holds and opt-outs, so each is a text that was written for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.base.contact_policy import Channel, HoldKind, Purpose
from domain.borrower.contact import ContactHold, Intent, OptOut, Template
from domain.borrower.text_faults import template_faults
from infra.dated_rules import rules_known
from tests.domain.borrower.asking import ALLOWED, answer, blocked, borrower, local

RULES = rules_known()
NIGHT, TEN = local("2026-09-10 03:00"), local("2026-09-10 10:00")
LEFT_ALONE = borrower(
    holds=(ContactHold(HoldKind.CEASE, NIGHT),), opt_outs=(OptOut(NIGHT),), consents=()
)
RECEIPT = Template("【示例消费金融】收到您的还款。", "示例消费金融", price_named=False)


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.AI_VOICE, Channel.VISIT])
@pytest.mark.parametrize("purpose", [Purpose.RECEIPT, Purpose.STATUTORY])
def test_nobody_calls_or_visits_for_a_receipt_or_a_notice(
    purpose: Purpose, channel: Channel
) -> None:
    assert answer(Intent(purpose, channel), LEFT_ALONE, TEN, RULES.contact) == blocked("CHANNEL")


def test_a_receipt_goes_out_in_writing_to_who_wants_no_contact() -> None:
    by_sms = Intent(Purpose.RECEIPT, Channel.SMS, template=RECEIPT)

    assert answer(by_sms, LEFT_ALONE, NIGHT, RULES.contact) == ALLOWED


def test_a_text_that_collects_does_not_go_out_as_a_notice() -> None:
    dunning = replace(RECEIPT, purpose=Purpose.COLLECTION)
    as_notice = Intent(Purpose.STATUTORY, Channel.SMS, template=dunning)
    of_its_own = replace(as_notice, template=replace(RECEIPT, purpose=Purpose.STATUTORY))

    assert answer(as_notice, LEFT_ALONE, TEN, RULES.contact) == blocked("TEMPLATE")
    assert answer(of_its_own, LEFT_ALONE, TEN, RULES.contact) == ALLOWED


def test_a_script_for_a_notice_is_not_approved() -> None:
    text = next(each for each in RULES.texts if each.rule == "us-receipt-push")
    spoken = replace(text, channel=Channel.PHONE)

    faults = template_faults(spoken, RULES.contact, date(2026, 9, 10), None)

    assert faults == ["RECEIPT is not told by PHONE (owed-in-writing written-1)"]
