"""What a text must hold, and must not."""

from __future__ import annotations

import pytest

from domain.base.contact_policy import Channel, Purpose
from domain.borrower.contact import Intent, Template
from tests.domain.borrower.asking import (
    ALLOWED,
    HOMES,
    advertising,
    answer,
    blocked,
    borrower,
    collecting,
    local,
)

BAD = blocked("TEMPLATE")
SENDERS = {
    "CN": "示例消费金融",
    "US": "Example Lending",
    "UK": "Example Credit",
    "IN": "Example Finance",
    "EU": "Example Kredit",
}


def passes(
    text: str,
    opt_out: str = "",
    *,
    jurisdiction: str = "CN",
    purpose: Purpose = Purpose.MARKETING,
    channel: Channel = Channel.SMS,
    sender: str | None = None,
    rate: str = "",
    price: bool = False,
) -> bool:
    """Whether the gate lets such a text pass."""
    template = Template(text, sender or SENDERS[jurisdiction], price, rate, opt_out)
    intent = Intent(purpose, channel, product_line="CONSUMER_LOAN", template=template)
    at = local("2026-09-10 10:30", HOMES[jurisdiction])
    found = answer(intent, borrower(jurisdiction), at)
    assert found in (ALLOWED, BAD)
    return found == ALLOWED


def test_a_chinese_sms_ends_with_the_way_out_word_for_word() -> None:
    assert passes("额度已备好，拒收请回复T", "拒收请回复T")
    assert not passes("额度已备好，拒收请回复T。", "拒收请回复T")
    assert not passes("额度已备好，退订回复T", "退订回复T")
    assert not passes("额度已备好", "拒收请回复T")
    assert not passes("额度已备好，拒收请回复T")


def test_in_an_email_the_way_out_may_have_words_of_its_own() -> None:
    assert passes("Hello. Unsubscribe: NO", "Unsubscribe: NO", channel=Channel.EMAIL)
    assert not passes("Hello.", channel=Channel.EMAIL)


@pytest.mark.parametrize("channel", [Channel.PUSH, Channel.WECOM, Channel.LETTER])
def test_other_channels_need_no_way_out_in_the_text(channel: Channel) -> None:
    assert passes("Hello.", channel=channel)


def test_a_text_to_collect_needs_a_way_out_in_the_us_only() -> None:
    collection = Purpose.COLLECTION

    assert not passes("Please call us.", jurisdiction="US", purpose=collection)
    assert passes("Please call. Reply STOP", "Reply STOP", jurisdiction="US", purpose=collection)
    assert passes("Please call us.", jurisdiction="UK", purpose=collection)


def test_beside_a_price_stands_the_annualised_rate() -> None:
    push = Channel.PUSH

    assert passes("额度5万元，年化18%起", channel=push, price=True, rate="18%")
    assert not passes("额度5万元，年化18%起", channel=push, price=True)
    assert not passes("额度5万元，每月30元", channel=push, price=True, rate="18%")
    assert passes("每月30元", channel=push, purpose=Purpose.SERVICE_REMINDER, price=True)


@pytest.mark.parametrize("jurisdiction", list(SENDERS))
@pytest.mark.parametrize("word", ["秒批", "无视征信"])
def test_forbidden_words_are_forbidden_everywhere_even_in_a_receipt(
    jurisdiction: str, word: str
) -> None:
    assert not passes(f"a {word} b", jurisdiction=jurisdiction, purpose=Purpose.RECEIPT)


def test_only_a_registered_sender_signs() -> None:
    statutory = Purpose.STATUTORY

    assert passes("Notice.", purpose=statutory)
    assert not passes("Notice.", purpose=statutory, sender="示例银行")
    assert not passes("Notice.", purpose=statutory, sender="Example Lending")


def test_a_signature_in_brackets_names_the_same_sender() -> None:
    statutory = Purpose.STATUTORY

    assert passes("【示例消费金融】Notice.", purpose=statutory)
    assert not passes("【示例银行】Notice.", purpose=statutory)
    assert not passes("【示例消费金融 Notice.", purpose=statutory)
    assert not passes("【示例消费金融", purpose=statutory)
    assert passes("Notice【示例银行】.", purpose=statutory)


def test_without_a_text_there_is_nothing_to_find_fault_with() -> None:
    at = local("2026-09-10 10:30")

    assert answer(advertising(), borrower(), at) == ALLOWED
    assert answer(collecting(Channel.SMS), borrower(), at) == ALLOWED
